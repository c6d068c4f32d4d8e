"""Who gets which variant, and whose outcomes count, from the first draft to the end."""

import math

import numpy as np
import pytest

from mlprod._names import shorten
from mlprod.errors import ExperimentNotFoundError, InvalidDataError
from mlprod.experiments import ABTestingManager

UNITS = [f"unit-{number}" for number in range(4000)]


def given(manager, units=UNITS, context=None):
    """Return the variants of units, the control of those that are not enrolled as "-"."""
    found = [manager.get_variant("x", unit, context) for unit in units]
    return [variant.id if variant.enrolled else "-" for variant in found]


def share(found, variant):
    return found.count(variant) / len(found)


def near(expected):
    """Five standard errors: wrong once in two million runs, and the salt is fixed."""
    return pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / len(UNITS)))


class TestStates:
    def test_a_draft_gives_everybody_the_control(self, manager, draw):
        draw()
        assert ["-"] * len(UNITS) == given(manager)
        assert {("control", "old@1.0.0", True)} == seen(manager)

    def test_a_pause_gives_everybody_the_control_and_then_everybody_their_own_again(self, manager, begin):
        begin()
        before = given(manager)
        assert {"control", "treatment"} == set(before)
        manager.pause_experiment("x")
        assert ["-"] * len(UNITS) == given(manager)
        assert {("control", "old@1.0.0", True)} == seen(manager)
        manager.resume_experiment("x")
        assert before == given(manager)

    @pytest.mark.parametrize(
        ("winner", "expected"),
        [
            ("treatment", ("treatment", "new@1.0.0", False)),
            ("control", ("control", "old@1.0.0", True)),
            (None, ("control", "old@1.0.0", True)),
        ],
    )
    def test_after_the_end_everybody_gets_the_winner(self, manager, begin, winner, expected):
        begin({"traffic_allocation": 0.5})
        given(manager)
        manager.end_experiment("x", winner)
        assert ["-"] * len(UNITS) == given(manager)
        assert {expected} == seen(manager)

    def test_after_its_time_everybody_gets_the_control_unless_something_was_shown(
        self, manager, clock, begin
    ):
        begin({"max_duration": 1})
        clock.advance(hours=1)
        assert {("control", "old@1.0.0", True)} == seen(manager)

    def test_the_batch_form_agrees(self, manager, draw):
        numbers = {"control": 0, "treatment": 1, "treatment_2": 2, "-": -1}

        def agree():
            expected = [numbers[variant] for variant in given(manager)]
            for units in (UNITS, np.array(UNITS), iter(UNITS)):
                assert expected == manager.assign("x", units).tolist()

        draw({"traffic_allocation": 0.7}, treatments=["new@1", "newer@1"])
        agree()
        manager.start_experiment("x")
        agree()
        manager.pause_experiment("x")
        agree()
        manager.end_experiment("x", "treatment")
        agree()


def seen(manager):
    """Return what all units get."""
    found = [manager.get_variant("x", unit) for unit in UNITS]
    return {(variant.id, variant.model, variant.is_control) for variant in found}


class TestEnrolment:
    def test_the_share_that_takes_part_is_the_allocation(self, manager, begin):
        begin({"traffic_allocation": 0.3, "traffic_split": [0.8, 0.2], "salt": "2026"})
        found = given(manager)
        assert near(0.7) == share(found, "-")
        assert near(0.3 * 0.2) == share(found, "treatment")

    def test_no_share_at_all(self, manager, begin):
        begin({"traffic_allocation": 0.0})
        assert ["-"] * len(UNITS) == given(manager)

    def test_only_the_audience_takes_part(self, manager, begin):
        begin({"audience": {"symbol": ["BTCUSDT", "ETHUSDT"], "tier": 1}})
        enrolled = given(manager, context={"symbol": "BTCUSDT", "tier": 1, "more": [1]})
        assert {"control", "treatment"} == set(enrolled)
        assert enrolled == given(manager, context={"symbol": "ETHUSDT", "tier": 1})
        for context in ({"symbol": "BTCUSDT"}, {"symbol": "SOLUSDT", "tier": 1}, {"tier": 1}, {}, None):
            assert ["-"] * 10 == given(manager, UNITS[:10], context)

    def test_without_an_audience_a_context_does_not_matter(self, manager, begin):
        begin()
        assert given(manager) == given(manager, context={"symbol": ["anything"]})

    def test_experiments_of_one_namespace_share_no_unit(self, manager, begin):
        begin({"namespace": "exits", "namespace_range": (0.0, 0.4)}, name="x")
        first = {unit for unit, variant in zip(UNITS, given(manager), strict=True) if variant != "-"}
        begin({"namespace": "exits", "namespace_range": (0.4, 1.0)}, name="y")
        second = {unit for unit in UNITS if manager.get_variant("y", unit).enrolled}
        assert set() == first & second
        assert set(UNITS) == first | second
        assert near(0.4) == len(first) / len(UNITS)

    @pytest.mark.parametrize("how", ["id", "variant"])
    def test_outcomes_of_who_does_not_take_part_are_not_counted(self, manager, begin, how):
        """Whether the id or the variant itself is handed on."""
        begin({"traffic_allocation": 0.5})
        enrolled = {"control": 0, "treatment": 0}
        for number, unit in enumerate(UNITS[:200]):
            variant = manager.get_variant("x", unit)
            handed = variant.id if how == "id" else variant
            manager.record_trade("x", handed, pnl=1.0)
            manager.record_trade("x", handed, {"pnl": 1.0})
            manager.record_prediction("x", handed, prediction=1, prediction_id=number, actual=1)
            manager.record_metric("x", handed, "slippage", 1.0)
            if variant.enrolled:
                enrolled[variant.id] += 1
        assert 0 < sum(enrolled.values()) < 200
        for name, found in manager.get_metrics("x").items():
            assert (2 * enrolled[name], enrolled[name]) == (found.trades, found.predictions)
            assert enrolled[name] == found.samples["slippage"]

    @pytest.mark.parametrize("state", ["draft", "paused", "stopped"])
    def test_a_loop_that_records_what_it_was_given_never_fails(self, manager, draw, state):
        draw()
        if state != "draft":
            manager.start_experiment("x")
        if state == "paused":
            manager.pause_experiment("x")
        if state == "stopped":
            manager.end_experiment("x", "treatment")
        for unit in UNITS[:20]:
            variant = manager.get_variant("x", unit)
            manager.record_trade("x", variant.id, pnl=1.0)
            manager.record_prediction("x", variant, confidence=0.5)
        assert [(0, 0)] * 2 == [(one.trades, one.predictions) for one in manager.get_metrics("x").values()]


class TestRamp:
    def test_a_ramp_moves_as_few_units_as_it_must(self, manager, begin):
        begin({"traffic_split": [0.95, 0.05], "salt": "2026"})
        before = given(manager)
        for weight in (0.1, 0.25, 0.5, 1.0):
            manager.set_traffic("x", [1 - weight, weight])
            after = given(manager)
            moves = {(a, b) for a, b in zip(before, after, strict=True) if a != b}
            assert {("control", "treatment")} == moves
            assert near(weight) == share(after, "treatment")
            before = after

    def test_a_ramp_that_is_taken_back_gives_units_what_they_had(self, manager, begin):
        begin({"traffic_split": [0.9, 0.1]})
        before = given(manager)
        manager.set_traffic("x", [0.5, 0.5])
        manager.set_traffic("x", [0.9, 0.1])
        assert before == given(manager)

    def test_between_treatments_nobody_moves(self, manager, begin):
        begin({"traffic_split": [0.8, 0.1, 0.1]}, treatments=["new@1", "newer@1"])
        before = given(manager)
        manager.set_traffic("x", [0.4, 0.3, 0.3])
        after = given(manager)
        moves = {(a, b) for a, b in zip(before, after, strict=True) if a != b}
        assert {("control", "treatment"), ("control", "treatment_2")} == moves

    def test_more_allocation_enrols_more_and_changes_nobodys_variant(self, manager, begin):
        begin({"traffic_allocation": 0.2, "salt": "2026"})
        before = given(manager)
        manager.set_traffic("x", allocation=0.6)
        after = given(manager)
        assert {("-", "control"), ("-", "treatment")} == {
            (a, b) for a, b in zip(before, after, strict=True) if a != b
        }
        assert near(0.4) == share(after, "-")

    def test_records_belong_to_the_phase_in_which_they_were_made(self, manager, begin):
        """The traffic of each is compared with the shares that held then: 3 of 4, and 1 of 2."""
        begin({"traffic_split": [0.75, 0.25]})
        for variant in ("control", "control", "control", "treatment"):
            manager.record_prediction("x", variant, confidence=0.5)
        manager.set_traffic("x", [0.5, 0.5])
        for variant in ("control", "treatment"):
            manager.record_prediction("x", variant, confidence=0.5)
        srm = manager.analyze("x").srm
        assert {"control": 4, "treatment": 2} == srm.observed
        assert {"control": 4.0, "treatment": 2.0} == srm.expected


class TestSharing:
    def test_all_managers_give_the_same(self, manager, store, clock, begin):
        begin()
        assert given(manager) == given(ABTestingManager(store, clock=clock))

    @pytest.mark.parametrize("ask", ["get_experiment", "analyze", "list_experiments", "_tend"])
    def test_another_manager_sees_a_decision_at_its_next_look(self, manager, store, clock, begin, ask):
        """Or when its background thread looks, a second later."""
        begin()
        other = ABTestingManager(store, clock=clock)
        before = given(other)
        assert {"control", "treatment"} == set(before)
        manager.set_traffic("x", [0.0, 1.0])
        look = getattr(other, ask)
        if ask in {"list_experiments", "_tend"}:
            look()
        else:
            look("x")
        assert {"treatment"} == set(given(other))
        manager.end_experiment("x", "treatment")
        other._tend()
        assert {("treatment", "new@1.0.0", False)} == seen(other)

    def test_what_another_manager_decided_reaches_what_is_recorded(self, manager, store, clock, begin):
        begin()
        other = ABTestingManager(store, clock=clock)
        other.record_prediction("x", "control", confidence=0.5)
        manager.set_traffic("x", [0.25, 0.75])
        other._tend()
        for variant in ("control", "treatment", "treatment", "treatment"):
            other.record_prediction("x", variant, confidence=0.5)
        assert {"control": 1.5, "treatment": 3.5} == other.analyze("x").srm.expected
        other.close()


BAD_UNITS = [
    None,
    "",
    b"",
    "x" * 10**6,
    b"x" * 10**6,
    10**5000,
    True,
    1.5,
    math.nan,
    [],
    {},
    frozenset(),
    "\ud800",
]


@pytest.mark.parametrize("status", ["draft", "running", "paused", "stopped"])
@pytest.mark.parametrize("unit", BAD_UNITS, ids=shorten)
def test_what_can_be_no_unit_is_refused_at_all_times(manager, draw, status, unit):
    draw({"namespace": "exits", "audience": {"symbol": "BTCUSDT"}})
    if status != "draft":
        manager.start_experiment("x")
    if status == "paused":
        manager.pause_experiment("x")
    if status == "stopped":
        manager.end_experiment("x")
    with pytest.raises(InvalidDataError, match="unit") as raised:
        manager.get_variant("x", unit)
    assert len(str(raised.value)) < 200
    with pytest.raises(InvalidDataError, match="unit"):
        manager.assign("x", ["good", unit])


@pytest.mark.parametrize("context", ["BTCUSDT", 5, ["symbol"], ("symbol", "BTCUSDT")])
@pytest.mark.parametrize("config", [None, {"audience": {"symbol": "BTCUSDT"}}])
def test_what_is_no_context_is_refused(manager, begin, config, context):
    begin(config)
    with pytest.raises(InvalidDataError, match="a context must be a mapping, not "):
        manager.get_variant("x", "unit", context)


@pytest.mark.parametrize("value", [["BTCUSDT"], {}])
def test_a_context_that_no_audience_could_name_is_refused(manager, begin, value):
    begin({"audience": {"symbol": "BTCUSDT"}})
    with pytest.raises(InvalidDataError, match="a context holds texts, integers or booleans, not lists"):
        manager.get_variant("x", "unit", {"symbol": value})


@pytest.mark.parametrize("name", ["y", "", None, 5, [], {}, "x" * 10**6], ids=shorten)
def test_an_unknown_experiment_is_named(manager, begin, name):
    begin()
    for ask in (manager.get_variant, manager.assign):
        with pytest.raises(
            ExperimentNotFoundError, match=r"there is no experiment .* there are: x$"
        ) as raised:
            ask(name, "unit")
        assert len(str(raised.value)) < 200
