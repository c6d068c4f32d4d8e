"""What to do about a model that has drifted: lines that work, in an order in which nothing goes wrong."""

import code
import contextlib
import io

import numpy as np
import pytest

from mlprod import DriftDetector, ModelSerializer
from mlprod.dashboard._model_detail import model_detail
from mlprod.dashboard._models_tab import models_tab
from mlprod.dashboard._needs import needs_of
from mlprod.dashboard._refitting import newer_said, refitting
from mlprod.errors import ConflictError


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "store")


@pytest.fixture
def store(place):
    return ModelSerializer(place).store


def rows(level, seed=3):
    return {"rsi": np.random.default_rng(seed).normal(level, 10, 800)}


@pytest.fixture
def drifted(models, detector):
    """Put a model into production, and let the world move on."""
    models.save([1], "momentum", activate=True)
    models.save([0], "other")
    detector.set_reference(
        "momentum",
        rows(50),
        predictions=rows(0)["rsi"],
        errors=rows(0)["rsi"],
        confidence=[0.5] * 40,
        correct=[True, False] * 20,
    )
    detector.comprehensive_drift_check(
        model_id="momentum",
        data=rows(70),
        recent_predictions=rows(0)["rsi"],
        errors=rows(0)["rsi"],
        confidence=[0.5] * 40,
        correct=[True, False] * 20,
    )


def names():
    fresh = rows(70)
    return {
        "model": [2],
        "recent": fresh,
        "predictions": fresh["rsi"],
        "errors": fresh["rsi"],
        "confidence": [0.5] * 40,
        "correct": [True, False] * 20,
    }


@pytest.mark.usefixtures("drifted")
class TestLines:
    def test_replace_the_model_and_leave_the_reference_of_the_old_one_alone(self, snapshot, place, models):
        kept = DriftDetector(place).get_reference("momentum@1.0.0").id
        exec(refitting(snapshot().models[0], place), names())  # noqa: S102 - the very lines that the page shows
        detector = DriftDetector(place)
        assert "momentum@1.1.0" == models.get_metadata("momentum").id
        assert kept == detector.get_reference("momentum@1.0.0").id
        assert "1.1.0" == detector.get_reference("momentum").version

    def test_change_nothing_in_production_if_somebody_was_faster(self, snapshot, place, models):
        lines = refitting(snapshot().models[0], place)
        models.save([3], "momentum", activate=True)
        with pytest.raises(ConflictError):
            exec(lines, names())  # noqa: S102 - the very lines that the page shows
        assert "momentum@1.0.1" == models.get_metadata("momentum@production").id

    @pytest.mark.parametrize("missing", ["model", "recent", "predictions", "errors", "confidence", "correct"])
    def test_change_nothing_at_a_prompt_where_a_name_is_missing(self, snapshot, place, models, missing):
        """A prompt goes on after an error: it must not promote what has no reference."""
        known = {name: value for name, value in names().items() if name != missing}
        prompt = code.InteractiveConsole(known)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            for line in [*refitting(snapshot().models[0], place).splitlines(), ""]:
                prompt.push(line)
        assert f"NameError: name '{missing}' is not defined" in said.getvalue()
        assert ["momentum@1.0.0"] == [version.id for version in models.list_models(name="momentum")]

    def test_work_at_a_prompt(self, snapshot, place, models):
        prompt = code.InteractiveConsole(names())
        for line in [*refitting(snapshot().models[0], place).splitlines(), ""]:
            prompt.push(line)
        assert "momentum@1.1.0" == models.get_metadata("momentum@production").id

    def test_are_on_the_page_of_the_model(self, snapshot, tree):
        found = snapshot()
        said = tree(model_detail(found.models[0], found.store)).text
        assert "leave" not in said
        assert "the last step puts it into production, unless that is no longer 1.0.0." in said
        expected = (
            "detector.set_reference(saved, recent, predictions=predictions, errors=errors, "
            "confidence=confidence, correct=correct) models.set_active(saved, expected='1.0.0', "
            "reason='1.0.0 has drifted')"
        )
        assert expected in said
        assert (
            "In them, model what you fitted, recent what you fitted it on, in the order of time, predictions "
            "what it answers to that, errors how wrong it was on data that it had not seen, confidence its "
            "confidence on such data and correct whether it was right there."
        ) in said
        assert any("lines on its page" in need.step for need in needs_of(found))

    def test_promote_nothing_where_nothing_acts(self, snapshot, models, tree):
        models.promote("momentum@1.0.0", "archived")
        found = snapshot()
        assert "set_active" not in refitting(found.models[0], found.store)
        assert "while the old one keeps its own. In them" in tree(model_detail(found.models[0], "")).text
        assert "" == newer_said(found.models[0])

    def test_newer_versions_are_named_first(self, snapshot, models, tree):
        models.save([2], "momentum", bump="minor")
        said = "1.1.0 is newer than 1.0.0, and in development: look at its decisions"
        assert newer_said(snapshot().models[0]).startswith(said)
        models.promote(models.save([2], "momentum", bump="minor"), "archived")
        found = snapshot()
        said = "1.2.0 is newer than 1.0.0, as 1 other before it, and archived: look at its decisions"
        assert said in tree(model_detail(found.models[0], found.store)).text


@pytest.mark.usefixtures("drifted")
class TestAReportOfTheVersionBefore:
    def test_is_not_about_the_one_in_production(self, snapshot, place, tree):
        exec(refitting(snapshot().models[0], place), names())  # noqa: S102 - the very lines that the page shows
        found = snapshot()
        said = tree(model_detail(found.models[0], found.store)).text
        assert "This report is of 1.0.0. 1.1.0, which is in production, was not checked." in said
        assert "Next step" not in said
        assert not any("drifted" in need.sentence for need in needs_of(found))
        listed = tree(models_tab(found)).text
        assert "of 1.0.0, which does not act" in listed
        assert 'data-group="production"' in models_tab(found)  # and not "production drift"

    def test_comes_back_with_its_version(self, snapshot, place, models, detector):
        exec(refitting(snapshot().models[0], place), names())  # noqa: S102 - the very lines that the page shows
        detector.check("momentum@1.1.0", rows(70, seed=4))
        assert "1.1.0" == snapshot().models[0].drift.version
        models.rollback("momentum")
        assert "1.0.0" == snapshot().models[0].drift.version


def test_a_model_that_no_registry_knows_gets_its_reference_once_the_new_one_acts(detector, snapshot, tree):
    detector.set_reference("momentum", rows(50))
    detector.check("momentum", rows(70))
    found = snapshot()
    assert (
        "Once the new model acts, and not before, run these lines"
        in tree(model_detail(found.models[0], found.store)).text
    )
    lines = refitting(found.models[0], found.store)
    assert lines.endswith("detector.set_reference('momentum', recent)  # once the new model acts, not before")


def test_a_model_without_drift_needs_no_lines(detector, snapshot, tree):
    detector.set_reference("momentum", rows(50))
    detector.check("momentum", rows(50, seed=4))
    assert "Next step" not in tree(model_detail(snapshot().models[0], "")).text


def test_a_model_that_was_never_checked_has_no_report_that_lags(models, snapshot, tree):
    models.save([1], "momentum", activate=True)
    assert "This report is of" not in tree(model_detail(snapshot().models[0], "")).text
