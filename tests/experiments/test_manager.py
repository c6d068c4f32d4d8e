"""`ABTestingManager`: experiments from beginning to end, and everything that may be asked for wrongly."""

import itertools
import json
import math
import os
import signal
import warnings

import pytest

from mlprod._names import shorten
from mlprod.errors import (
    ExperimentNotFoundError,
    ExperimentStateError,
    InvalidConfigError,
    InvalidDataError,
    InvalidNameError,
    ModelNotFoundError,
)
from mlprod.experiments import ABTestingManager
from mlprod.storage import LocalStore

LONG = "x" * 10**6


class TestModels:
    @pytest.fixture(autouse=True)
    def saved(self, models):
        """Two versions of one model, the first in production, and another model."""
        for number in range(2):
            models.save([number], "har", aliases=[f"alias-{number}"])
        models.set_active("har@1.0.0")
        models.save([2], "momentum", activate=True)
        return models

    def test_references_are_resolved_once(self, manager, saved):
        """What is compared does not change when somebody promotes another version."""
        created = manager.create_experiment("x", "", "har@production", "momentum", id="x")
        saved.save([3], "momentum", activate=True)
        saved.set_active("har@1.0.1")
        assert {"control": "har@1.0.0", "treatment": "momentum@1.0.0"} == created.models
        assert created.models == manager.get_experiment("x").models

    def test_metadata_are_references(self, manager, saved):
        control, treatment = saved.get_metadata("har@1.0.0"), saved.get_metadata("har@1.0.1")
        expected = {"control": "har@1.0.0", "treatment": "har@1.0.1"}
        assert expected == manager.create_experiment("x", "", control, treatment).models
        assert expected == manager.create_experiment("x", "", control, treatment, check_models=False).models

    def test_several_treatments(self, manager, saved):
        created = manager.create_experiment(
            "x", "", "har@1.0.0", ["har@1.0.1", saved.get_metadata("momentum")]
        )
        assert ["control", "treatment", "treatment_2"] == [variant.id for variant in created.variants]
        assert ["har@1.0.0", "har@1.0.1", "momentum@1.0.0"] == [one.model for one in created.variants]

    @pytest.mark.parametrize(
        ("control", "treatment", "message"),
        [
            ("har@9.9.9", "momentum", "'har' has no version 9.9.9"),
            ("har", "nobody", "no model 'nobody'"),
            ("har", ["momentum", "momentumm"], "no model 'momentumm' .* there are: momentum, har"),
        ],
    )
    def test_a_model_that_is_not_in_the_store_is_named(self, manager, control, treatment, message):
        with pytest.raises(ModelNotFoundError, match=message):
            manager.create_experiment("x", "", control, treatment)
        assert [] == manager.list_experiments()
        created = manager.create_experiment("x", "", control, treatment, check_models=False)
        assert control == created.models["control"]

    @pytest.mark.parametrize(
        ("control", "treatment"),
        [
            ("har", "har"),
            ("har", "har@1.0.0"),
            ("har@production", "har@1.0.0"),
            ("har@alias-0", "har"),
            ("momentum", ["har@1.0.1", "har@alias-1"]),
        ],
    )
    def test_no_two_variants_are_one_model(self, manager, control, treatment):
        """Also where two references lead to the same version."""
        with pytest.raises(InvalidConfigError, match=r"every variant must be another model, not .*audit"):
            manager.create_experiment("x", "", control, treatment)
        assert [] == manager.list_experiments()

    @pytest.mark.parametrize("is_checked", [True, False])
    @pytest.mark.parametrize("ref", [None, 5, "", b"har", LONG, "\ud800", 10**5000], ids=shorten)
    def test_what_is_no_reference_is_refused(self, manager, ref, is_checked):
        for control, treatment in ((ref, "har"), ("har", [ref])):
            with pytest.raises((InvalidConfigError, InvalidDataError, InvalidNameError)) as raised:
                manager.create_experiment("x", "", control, treatment, check_models=is_checked)
            assert len(str(raised.value)) < 250
        assert [] == manager.list_experiments()

    @pytest.mark.parametrize(
        "treatment",
        [None, 5, {"new@1": 1}, {"new@1"}, pytest.param(iter(["new@1"]), id="iterator"), 10**5000],
        ids=shorten,
    )
    def test_treatments_are_one_or_a_sequence(self, manager, treatment):
        with pytest.raises(InvalidConfigError, match="a model reference, or a sequence of them, not "):
            manager.create_experiment("x", "", "old@1", treatment, check_models=False)

    @pytest.mark.parametrize("count", [0, 64])
    def test_there_are_1_to_63_treatments(self, manager, count):
        treatments = [f"new@{number}" for number in range(count)]
        with pytest.raises(InvalidConfigError, match=f"has 1 to 63 treatments, not {count}"):
            manager.create_experiment("x", "", "old@1", treatments, check_models=False)
        most = [f"new@{number}" for number in range(63)]
        assert 64 == len(manager.create_experiment("x", "", "old@1", most, check_models=False).variants)


class TestCreate:
    def test_an_id_is_made_of_the_name(self, manager):
        def made(name):
            return manager.create_experiment(name, "", "old@1", "new@1", check_models=False).id

        assert made("Momentum against HAR!")[:-8] == "momentum-against-har-"
        assert made("ünï ?")[:-8] == "n-"
        assert made("")[:-8] == made("???")[:-8] == "experiment-"
        assert made("x" * 256)[:-8] == "x" * 40 + "-"
        assert made("same") != made("same")

    @pytest.mark.parametrize("name", [5, None, b"y", LONG, "\ud800"], ids=shorten)
    @pytest.mark.parametrize("what", ["name", "description"])
    def test_what_is_no_text_is_refused(self, manager, what, name):
        given = {"name": "x", "description": "", what: name}
        with pytest.raises(InvalidDataError, match=what):
            manager.create_experiment(**given, control_model="a", treatment_model="b", check_models=False)
        assert [] == manager.list_experiments()

    @pytest.mark.parametrize(
        "name", ["", 5, b"x", "a/b", "../x", ".x", "y" * 129, LONG, "ü", "a b"], ids=shorten
    )
    def test_what_can_be_no_id_is_refused(self, manager, name):
        with pytest.raises(InvalidNameError, match="cannot be an experiment id"):
            manager.create_experiment("x", "", "old@1", "new@1", id=name, check_models=False)
        assert [] == manager.list_experiments()

    def test_a_wrong_config_draws_up_nothing(self, manager, draw):
        with pytest.raises(InvalidConfigError, match="sum to 1"):
            draw({"traffic_split": [0.5, 0.6]})
        assert [] == manager.list_experiments()


@pytest.mark.parametrize("name", ["y", "", None, 5, [], {}, LONG], ids=shorten)
@pytest.mark.parametrize(
    "method",
    [
        "start_experiment",
        "pause_experiment",
        "resume_experiment",
        "set_traffic",
        "get_experiment",
        "get_metrics",
        "analyze",
        "end_experiment",
        "compact",
        "audit",
    ],
)
def test_an_unknown_experiment_is_named(manager, begin, method, name):
    begin()
    with pytest.raises(ExperimentNotFoundError, match=r"there is no experiment .* there are: x$") as raised:
        getattr(manager, method)(name)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("reason", [None, 5, b"x", "x" * 4097, "\ud800"])
@pytest.mark.parametrize("method", ["pause_experiment", "set_traffic", "end_experiment"])
def test_what_is_no_reason_is_refused(manager, begin, method, reason):
    before = begin()
    with pytest.raises(InvalidDataError, match="the reason"):
        getattr(manager, method)("x", reason=reason)
    assert before == manager.get_experiment("x")


@pytest.mark.parametrize(
    "winner", ["treatment_2", "inconclusive", "", "new@1.0.0", 5, [], {}, True, LONG], ids=shorten
)
def test_only_a_variant_wins(manager, begin, winner):
    before = begin()
    with pytest.raises(ExperimentStateError, match=r"x has no variant .*; there are: ") as raised:
        manager.end_experiment("x", winner)
    assert len(str(raised.value)) < 200
    assert before == manager.get_experiment("x")


def test_experiments_are_listed_by_status(manager, draw, begin):
    for name in ("b", "a"):
        draw(name=name)
    begin(name="c")
    assert ["b", "a", "c"] == [found.id for found in manager.list_experiments()]
    assert ["b", "a"] == [found.id for found in manager.list_experiments("draft")]
    assert ["c"] == [found.id for found in manager.list_experiments(status="running")]
    assert [] == manager.list_experiments("completed")


@pytest.mark.parametrize("status", ["runing", "", 5, [], "Running"])
def test_an_unknown_status_names_the_nearest(manager, status):
    with pytest.raises(InvalidConfigError, match=" is no status; there are: "):
        manager.list_experiments(status)


def test_names_in_camel_case_are_the_same(manager):
    for name in dir(ABTestingManager):
        spelled = "".join(part.title() if number else part for number, part in enumerate(name.split("_")))
        if not name.startswith("_") and spelled != name:
            assert getattr(ABTestingManager, spelled) is getattr(ABTestingManager, name)


def test_decisions_go_on_after_close(manager, begin):
    begin()
    manager.record_trade("x", "control", pnl=1.0)
    manager.close()
    manager.close()
    assert 1 == manager.get_metrics("x")["control"].trades
    assert "inconclusive" == manager.end_experiment("x").winner


# What is recorded of the control, and of the treatment: nothing of it can show a difference.
NOTHING = {
    "nothing at all": ([], []),
    "one of each": ([1.0], [2.0]),
    "one of one": ([], [1.0]),
    "one of the other": ([1.0], []),
    "no treatment": ([1.0, -1.0] * 50, []),
    "no control": ([], [1.0, -1.0] * 50),
    "all the same": ([1.0] * 50, [1.0] * 50),
    "all zero": ([0.0] * 50, [0.0] * 50),
    "all zero but one": ([0.0] * 50, [0.0] * 49 + [1.0]),
    "one against many that are the same": ([1.0], [1.0] * 50),
    "one against many": ([1.0], [1.0, -1.0] * 25),
    "a mean of zero": ([1.0, -1.0] * 25, [1.0, -1.0] * 25),
    "numbers as large as there are": ([1e100, -1e100] * 20, [1e100, -1e100] * 20),
    "numbers as small as there are": ([5e-324, -5e-324] * 20, [-5e-324, 5e-324] * 20),
    "numbers of very different size": ([1e100, 1e-100] * 20, [1e-100, 1e100] * 20),
}
METHODS = [
    ("win_rate", "auto"),
    ("win_rate", "t_test"),
    ("win_rate", "bootstrap"),
    ("win_rate", "mann_whitney"),
    ("pnl", "auto"),
    ("pnl", "bootstrap"),
    ("pnl", "mann_whitney"),
]
CASES = [
    *itertools.product(NOTHING, METHODS, [True]),
    *itertools.product(NOTHING, [("win_rate", "auto"), ("pnl", "auto")], [False]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_where_nothing_can_be_shown_nothing_is(manager, clock, begin, case):
    """No warning, no exception, no winner; and what is said is JSON, without NaN and infinities."""
    name, method, is_planned = case
    begin(
        {
            "primary_metric": method[0],
            "test": method[1],
            "guardrail_metrics": ["latency_ms", "returns"],
            "trades_per_year": 252,
            "min_sample_size": 1,
            "max_duration": 1,
        }
    )
    for variant, values in zip(("control", "treatment"), NOTHING[name], strict=True):
        for value in values:
            manager.record_trade("x", variant, pnl=value)
    analysis = manager.analyze("x")
    assert "inconclusive" == analysis.verdict.winner
    if is_planned:
        clock.advance(hours=1)
        conclusion = manager.get_experiment("x").conclusion
    else:
        conclusion = manager.end_experiment("x")
    assert "inconclusive" == conclusion.winner
    assert 0 <= conclusion.confidence < 0.95
    for value in (analysis, conclusion, manager.get_experiment("x"), *manager.get_metrics("x").values()):
        json.dumps(value.to_dict(), allow_nan=False)
    assert "control" == manager.get_variant("x", "unit").id


def test_where_means_are_equal_nobody_wins(manager, clock, begin):
    """However sure a test of ranks is that something differs: nobody is better in what decides."""
    begin({"primary_metric": "pnl", "test": "mann_whitney", "min_sample_size": 1, "max_duration": 1})
    for variant, values in (("control", [1.0, -1.0] * 50), ("treatment", [2.0] * 80 + [-8.0] * 20)):
        for value in values:
            manager.record_trade("x", variant, pnl=value)
    clock.advance(hours=1)
    assert "inconclusive" == manager.get_experiment("x").conclusion.winner


@pytest.mark.parametrize("is_empty", [0, 1, 2])
def test_of_several_variants_one_is_empty(manager, begin, is_empty):
    begin({"min_sample_size": 1}, treatments=["new@1", "newer@1"])
    for number, variant in enumerate(("control", "treatment", "treatment_2")):
        for pnl in (1.0, -1.0) * 10 if number != is_empty else ():
            manager.record_trade("x", variant, pnl=pnl)
    assert "inconclusive" == manager.analyze("x").verdict.winner
    conclusion = manager.end_experiment("x")
    assert ("inconclusive", 1.0) == (conclusion.winner, conclusion.p_value)
    json.dumps(conclusion.to_dict(), allow_nan=False)


class TestEnd:
    def record(self, manager, wins, losses):
        for variant, won, lost in zip(("control", "treatment"), wins, losses, strict=True):
            for pnl in [1.0] * won + [-1.0] * lost:
                manager.record_trade("x", variant, pnl=pnl)

    @pytest.mark.parametrize(("needed", "is_fixed"), [(100, True), (101, False)])
    def test_the_test_decides_at_the_planned_end_with_as_many_as_planned(
        self, manager, clock, begin, needed, is_fixed
    ):
        begin({"max_duration": 1, "min_sample_size": needed})
        self.record(manager, wins=(50, 66), losses=(50, 34))
        clock.advance(hours=1)
        conclusion = manager.get_experiment("x").conclusion
        pooled = 200 * (50 * 34 - 66 * 50) ** 2 / (100 * 100 * 116 * 84)  # Pearson's, without Yates
        expected = math.erfc(math.sqrt(pooled / 2))  # chi-square with one degree of freedom
        (comparison,) = [one for one in conclusion.comparisons if one.metric == "win_rate"]
        assert pytest.approx(expected, rel=1e-12) == comparison.p_value
        if is_fixed:
            assert ("treatment", "chi_square") == (conclusion.winner, conclusion.test)
            assert pytest.approx(expected, rel=1e-12) == conclusion.p_value
        else:
            assert ("inconclusive", "anytime") == (conclusion.winner, conclusion.test)
            assert comparison.anytime_p_value == conclusion.p_value

    def test_before_it_the_figures_that_may_be_looked_at_decide(self, manager, clock, begin):
        """However many outcomes there are: the same as above, a minute earlier."""
        begin({"max_duration": 1, "min_sample_size": 100})
        self.record(manager, wins=(50, 66), losses=(50, 34))
        clock.advance(minutes=59)
        assert "anytime" == manager.analyze("x").verdict.test
        conclusion = manager.end_experiment("x")
        assert ("inconclusive", "anytime") == (conclusion.winner, conclusion.test)
        assert "stopped" == manager.get_experiment("x").status

    def test_what_it_has_shown_is_kept(self, manager, store, clock, begin):
        begin()
        self.record(manager, wins=(10, 12), losses=(10, 8))
        conclusion = manager.end_experiment("x", reason="enough")
        kept = ABTestingManager(store, clock=clock).get_experiment("x")
        assert conclusion.to_dict() == kept.conclusion.to_dict()
        assert (20, 20) == tuple(found.trades for found in kept.conclusion.variants.values())
        assert ("enough", None) == (kept.reason, kept.winner)

    def test_the_second_end_is_told_of_the_first(self, manager, begin):
        begin()
        first = manager.end_experiment("x", "treatment")
        with pytest.raises(
            ExperimentStateError, match=r"x cannot be ended: it was stopped at .*make another"
        ):
            manager.end_experiment("x", "control")
        assert first.to_dict() == manager.get_experiment("x").conclusion.to_dict()


class TestProcesses:
    def test_of_two_processes_that_end_it_at_once_one_does(self, tmp_path, processes):
        with ABTestingManager(tmp_path) as manager:
            names = [f"x-{number}" for number in range(4)]
            for name in names:
                manager.create_experiment(name, "", "old@1", "new@1", id=name, check_models=False)
                manager.start_experiment(name)
                manager.record_trade(name, "control", pnl=1.0)
        together, answers = processes.Barrier(2), processes.Queue()
        workers = [
            processes.Process(target=end_all, args=(tmp_path, names, winner, together, answers))
            for winner in ("control", "treatment")
        ]
        for worker in workers:
            worker.start()
        told = [answers.get(timeout=60) for _ in workers]
        for worker in workers:
            worker.join()
            assert 0 == worker.exitcode
        found = ABTestingManager(tmp_path)
        for name, *winners in zip(names, *told, strict=True):
            (winner,) = filter(None, winners)
            assert winner == found.get_experiment(name).winner
            with pytest.raises(ExperimentStateError):
                found.end_experiment(name)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_child_sees_what_was_decided_after_the_fork(self, tmp_path, unmeasured):
        assert unmeasured(__file__, "fork_and_decide", tmp_path) == {
            "before": ["control", "treatment"],
            "child": "treatment",
            "status": 0,
            "trades": [1, 1],
        }


def end_all(folder, names, winner, together, answers):
    manager = ABTestingManager(folder)
    told = []
    for name in names:
        manager.get_experiment(name)
        together.wait(60)
        try:
            told.append(manager.end_experiment(name, winner).winner)
        except ExperimentStateError:
            told.append(None)
    answers.put(told)


def fork_and_decide(folder):
    """Fork with routes, recorders and a keeper at work; then decide in the parent, and look in the child."""
    manager = ABTestingManager(LocalStore(folder))
    manager.create_experiment("x", "", "old@1", "new@1", id="x", check_models=False)
    manager.start_experiment("x")
    before = sorted({manager.get_variant("x", unit).id for unit in range(100)})
    manager.record_trade("x", "control", pnl=1.0)
    decided, deciding = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that a thread runs is what this is about
        child = os.fork()
    if not child:
        status = 1
        try:
            signal.alarm(60)
            os.read(decided, 1)
            found = manager.get_variant("x", "unit")
            assert ("treatment", False) == (found.id, found.enrolled)
            status = 0
        finally:
            os._exit(status)
    manager.record_trade("x", "treatment", pnl=1.0)
    manager.end_experiment("x", "treatment")
    os.write(deciding, b"x")
    _, status = os.waitpid(child, 0)
    return {
        "before": before,
        "child": manager.get_variant("x", "unit").id,
        "status": status,
        "trades": [found.trades for found in manager.get_metrics("x").values()],
    }
