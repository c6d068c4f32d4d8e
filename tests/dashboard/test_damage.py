"""Whatever is damaged, the page is written: it shows all the rest, and says by name what it does not."""

import pytest

from mlprod import PerformanceMonitor, open_store
from mlprod.dashboard import render
from mlprod.dashboard._alerts_tab import alerts_tab
from mlprod.dashboard._experiment_detail import experiment_detail
from mlprod.dashboard._experiments_tab import experiments_tab
from mlprod.dashboard._model_detail import model_detail
from mlprod.dashboard._models_tab import models_tab
from mlprod.dashboard._needs import needs_of
from mlprod.dashboard._overview_tab import health_of, overview_tab

FOLDERS = {
    "models/ledger": "registry",
    "alerts/ledger": "alerts",
    "experiments/ledger": "experiments",
    "drift/reports": "drift reports",
    "drift/alarms": "drift alarms",
}


@pytest.fixture
def store(tmp_path):
    """Give a folder: of a store in memory, records cannot be damaged."""
    return open_store(tmp_path / "store")


def spoil(store, folder):
    paths = store.list(folder)
    assert paths
    for path in paths:
        store.put(path, b"{")


def model(found, name="har"):
    return next(each for each in found.models if each.name == name)


def parts(found):
    """Return what a snapshot holds of each part."""
    har = model(found)
    return {
        "registry": har.versions,
        "records": har.overview,
        "alerts": har.alerts,
        "drift reports": har.drift,
        "drift alarms": har.alarms,
        "experiments": found.experiments,
    }


@pytest.fixture
def alarmed(busy, detector):
    """Use everything, and be told of a change row by row, too."""
    assert detector.observe("har", {"rsi": [140.0] * 60, "side": ["buy"] * 60}) is not None


@pytest.mark.usefixtures("alarmed")
class TestEachPartStandsAlone:
    @pytest.mark.parametrize(("folder", "part"), FOLDERS.items())
    def test_all_others_are_shown(self, store, snapshot, clock, folder, part):
        spoil(store, folder)
        found = snapshot()
        assert {part} == {each.part for each in found.unread}
        assert not parts(found)[part]
        assert all(held for other, held in parts(found).items() if other != part)
        page = render(store, clock=clock)
        assert folder in page
        assert "mlprod.fsck(" in page

    @pytest.mark.parametrize("parts_of", [2, 1 << 40], ids=["half", "nothing"])
    def test_any_single_file_may_be_cut(self, store, snapshot, clock, parts_of):
        """What that file alone does not take with it is there; what is missing is said."""
        whole = parts(snapshot())
        for path in [
            path
            for folder in ("models", "journal", "alerts", "experiments", "drift")
            for path in store.list(folder)
        ]:
            kept = store.get(path)
            store.put(path, kept[: len(kept) // parts_of])
            found = snapshot()
            unread = {each.part for each in found.unread}
            lost = {part for part, held in parts(found).items() if bool(held) != bool(whole[part])}
            assert lost <= unread, path
            assert render(store, clock=clock).endswith("</html>")
            store.put(path, kept)

    def test_a_missing_file_is_damage_too(self, store, snapshot):
        """Of a compacted one the ledger knows that it was there."""
        with PerformanceMonitor(store) as monitor:
            monitor.record_predictions("idle", "1.0.0", correct=[True] * 50)
            assert monitor.compact("idle")
        for path in store.list("journal"):
            if "/idle/" in path:
                store.delete(path)
        found = snapshot()
        assert {("records", "idle")} == {(each.part, each.subject) for each in found.unread}
        assert model(found).overview is not None
        assert "What was recorded about this model could not be read." in model_detail(
            model(found, "idle"), "memory://"
        )


class TestWhatIsNotKnownIsNotClaimed:
    def test_nobody_is_healthy_of_whom_alerts_are_not_known(self, models, store, clock, snapshot):
        models.save([1], "har", activate=True)
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_predictions("har", "1.0.0", correct=[True] * 40)
        assert "healthy" == health_of(snapshot().models[0])
        store.put("alerts/ledger/commits/00000000000000000001.json", b"{")
        found = snapshot()
        assert "unknown" == health_of(found.models[0])
        assert "Alerts could not be read: nobody counts as healthy here." in overview_tab(found)

    @pytest.mark.usefixtures("alarmed")
    def test_nor_that_nothing_was_recorded(self, store, snapshot):
        spoil(store, "journal")
        found = snapshot()
        assert "What was recorded could not be read" in overview_tab(found)
        assert ["idle"] == [need.subject for need in needs_of(found) if "nothing was ever" in need.sentence]
        assert "What was recorded about this model could not be read." in model_detail(
            model(found), "memory://"
        )
        assert "Some of its outcomes could not be read" in experiment_detail(found.experiments[0], found)
        assert "some outcomes could not be read" in experiments_tab(found)

    @pytest.mark.usefixtures("alarmed")
    @pytest.mark.parametrize(
        ("folder", "said", "never"),
        [
            ("models/ledger", "The registry could not be read.", "does not know this model"),
            ("alerts/ledger", "Alerts could not be read.", "alert</strong>"),
            ("drift/reports", "The newest report of drift could not be read.", "never checked"),
            ("drift/alarms", "Some alarms of drift could not be read.", "alarm from"),
        ],
    )
    def test_nor_what_is_not_said_of_a_model(self, store, snapshot, folder, said, never):
        spoil(store, folder)
        markup = model_detail(model(snapshot()), "memory://")
        assert said in markup
        assert never not in markup

    @pytest.mark.usefixtures("alarmed")
    @pytest.mark.parametrize(
        ("folder", "tab", "said"),
        [
            ("experiments/ledger", experiments_tab, "Experiments could not be read."),
            ("alerts/ledger", alerts_tab, "Alerts could not be read."),
        ],
    )
    def test_nor_that_there_are_none(self, store, snapshot, folder, tab, said):
        spoil(store, folder)
        assert f"<p>{said}</p>" == tab(snapshot())

    def test_nor_that_there_are_no_models(self, models, store, snapshot):
        models.save([1], "har")
        spoil(store, "models/ledger")
        for tab in (models_tab, overview_tab):
            assert "The registry of models could not be read." in tab(snapshot())
