"""`observe`: row by row, in one process after the other, on a store that may fail."""

import copy
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from mlprod.drift import DriftDetector
from mlprod.drift._alarms import OBSERVER
from mlprod.errors import (
    InvalidConfigError,
    InvalidDataError,
    NewerSchemaError,
    ReferenceNotFoundError,
    StoreError,
)
from mlprod.storage import MemoryStore
from mlprod.testing import Fault, FaultyStore

pd = pytest.importorskip("pandas")

SETTINGS = {"ordered": False, "false_alarm_days": 1, "rows_per_day": 2000}


@pytest.fixture
def columns(rng):
    return {"x": rng.normal(size=2000), "side": rng.choice(["buy", "sell"], 2000, p=[0.5, 0.5])}


@pytest.fixture
def usual(rng):
    """Give rows as those of the reference."""
    return rows_of({"x": rng.normal(size=300).tolist(), "side": rng.choice(["buy", "sell"], 300).tolist()})


@pytest.fixture
def unusual(rng):
    """Give rows of which one feature is higher."""
    return rows_of(
        {"x": rng.normal(2.0, size=300).tolist(), "side": rng.choice(["buy", "sell"], 300).tolist()}
    )


def rows_of(columns):
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def table_of(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.fixture
def opened(store, clock, columns):
    """Give a way to make a detector on a store with a reference, as a new process would."""
    DriftDetector(store, clock=clock, ordered=False).set_reference("m", columns)

    def opened(store=store, **options):
        return DriftDetector(store, clock=clock, **{**SETTINGS, **options})

    return opened


def alarms_in(store):
    return DriftDetector(store).alarms("m")


def test_a_change_is_found_and_named(opened, usual, unusual, clock):
    detector = opened()
    assert {None} == {detector.observe("m", row) for row in usual}
    alarm = next(found for row in unusual if (found := detector.observe("m", row)) is not None)
    assert ("m", None, clock(), "x", "level up", "e_detector") == (
        alarm.model_id,
        alarm.version,
        alarm.time,
        alarm.feature,
        alarm.change,
        alarm.method,
    )
    assert alarm.evidence >= alarm.threshold == 2000
    assert 300 < alarm.rows < 360
    assert alarm.rows - 300 == pytest.approx(alarm.rows_since_change, abs=40)
    assert [alarm] == detector.alarms("m")


def test_rows_and_batches_give_the_same_alarms(opened, usual, unusual):
    rows = usual + unusual
    by_row = opened(observer="one")
    found = [alarm for row in rows if (alarm := by_row.observe("m", row)) is not None]
    assert len(found) > 3
    store = MemoryStore()
    for path in by_row.store.list("drift/references") + by_row.store.list("drift/ledger"):
        store.put(path, by_row.store.get(path))
    by_batch = opened(store)
    first = by_batch.observe("m", table_of(rows))
    assert as_told(found[:1]) == as_told([first])
    assert as_told(found) == sorted(as_told(by_batch.alarms("m")))


def as_told(alarms):
    return [(alarm.rows, alarm.feature, alarm.change, alarm.rows_since_change) for alarm in alarms]


def test_batches_may_be_any_table(opened, unusual):
    for table in (pd.DataFrame(unusual), iter([table_of(unusual[:50]), table_of(unusual[50:])])):
        assert opened(observer=f"o{id(table)}").observe("m", table).feature == "x"


def test_missing_values_are_values_like_others(opened, usual):
    """None and NaN in rows, and in batches; so many of them are a change."""
    detector, other = opened(observer="a"), opened(observer="b")
    for missing, name in ((None, "x"), (float("nan"), "x"), (None, "side"), (float("nan"), "side")):
        rows = [{**row, name: missing} for row in usual]
        found = [alarm for row in rows if (alarm := detector.observe("m", row)) is not None]
        assert name == found[0].feature
        assert found[0].evidence == pytest.approx(other.observe("m", table_of(rows)).evidence)


def test_an_empty_batch_is_nothing(opened):
    detector = opened()
    assert detector.observe("m", {"x": [], "side": []}) is None
    assert 0 == next(iter(detector._observers.rows.values()))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            {"x": 1.0},
            "the row lacks 1 of the 2 features of the reference of 'm', such as 'side'; there are: x. It",
        ),
        ({}, "the row lacks 2 of the 2 features"),
        (
            {"x": "1", "side": "buy"},
            "feature 'x' is a number in the reference, and '1' now; the row was not observed",
        ),
        ({"x": 1.0, "side": 2.0}, "feature 'side' is a text or a boolean in the reference, and 2.0 now"),
        ({"x": [1.0]}, "the row lacks 1 of the 2 features of the reference of 'm', such as 'side'"),
        ({"x": ["a"], "side": ["buy"]}, "feature 'x' is numeric in the reference and holds categories now"),
        (pd.Series({"x": 1.0, "side": "buy"}), "is no Arrow table"),
        (5, "is no table"),
    ],
    ids=range(8),
)
def test_what_is_no_such_row_is_refused_and_not_observed(opened, row, words):
    detector = opened()
    detector.observe("m", {"x": 1.0, "side": "buy"})
    with pytest.raises(InvalidDataError, match=words):
        detector.observe("m", row)
    assert 1 == next(iter(detector._observers.rows.values()))


def test_an_alarm_in_an_early_batch_is_kept_whatever_is_wrong_with_a_later_one(opened, unusual, store):
    detector = opened()
    with pytest.raises(InvalidDataError):
        detector.observe("m", iter([table_of(unusual), {"x": ["a"], "side": ["b"]}]))
    assert {"x"} == {alarm.feature for alarm in alarms_in(store)}


def test_it_needs_a_reference(store):
    with pytest.raises(ReferenceNotFoundError, match="no reference of 'm'"):
        DriftDetector(store).observe("m", {"x": 1.0})


def test_a_new_process_goes_on_where_one_before_was(opened, usual, unusual):
    """The same rows in one process, and in one after the other: the same alarm."""
    rows = usual[:100] + unusual
    alone = opened(observer="alone")
    expected = next(alarm for row in rows if (alarm := alone.observe("m", row)) is not None)
    for row in rows[: expected.rows - 1]:
        detector = opened()
        assert detector.observe("m", row) is None
        detector.flush()
    assert expected == opened().observe("m", rows[expected.rows - 1])


def test_observers_of_two_names_do_not_mix(opened, usual, unusual):
    one, other = opened(observer="one"), opened(observer="other")
    for row in usual:
        one.observe("m", row)
    assert next(found for row in unusual if (found := other.observe("m", row))).rows < 60
    one.flush()
    other.flush()
    assert 300 == opened_rows(opened(observer="one"), usual[0]) - 1


def opened_rows(detector, row):
    detector.observe("m", row)
    return next(iter(detector._observers.rows.values()))


def test_two_models_are_two_watches(opened, usual, columns):
    detector = opened()
    detector.set_reference("n", columns)
    for name in ("m", "n", "n"):
        detector.observe(name, usual[0])
    assert {"m": 1, "n": 2} == detector._observers.rows


def test_both_names_of_a_model_are_watched_against_another_reference(opened, usual, columns, monkeypatch):
    """Whichever of them is used first when it is looked for."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    detector = opened()
    detector._models.save([1], "m", activate=True)
    for name in ("m@1.0.0", "n"):
        detector.set_reference(name, columns)
    names = ("m", "m@1.0.0")
    for name in (*names, "n"):
        detector.observe(name, usual[0])
    opened().set_reference("m@1.0.0", columns)
    now[0] += 31
    detector.observe("m", usual[0])
    for name in names:
        detector.observe(name, usual[0])
    assert {"m": 2, "m@1.0.0": 2, "n": 1} == detector._observers.rows


def test_one_model_by_two_names_is_one_watch(detector, models, columns, usual):
    metadata = models.save([1], "har", activate=True)
    detector.set_reference("har", columns)
    for name in ("har", "har@1.0.0", metadata):
        detector.observe(name, usual[0])
    assert {3} == set(detector._observers.rows.values())


def test_the_state_is_written_every_half_minute(opened, usual, store, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    detector = opened()
    for row in usual[:29]:
        detector.observe("m", row)
        now[0] += 1.0
    assert [] == store.list("drift/observers")
    now[0] += 1.0
    detector.observe("m", usual[0])
    assert ["drift/observers/m/any~/default.json"] == store.list("drift/observers")
    assert 31 == opened_rows(opened(), usual[0])  # 29, and one, and this one


def test_another_reference_begins_anew(opened, usual, columns, caplog):
    """In a new process."""
    detector = opened()
    detector.observe("m", usual[0])
    detector.flush()
    opened().set_reference("m", columns)
    assert 1 == opened_rows(opened(), usual[0])
    assert not caplog.records, "nothing is wrong with that"


def test_who_sets_a_reference_watches_against_it(opened, usual, columns, rng):
    detector = opened()
    detector.observe("m", usual[0])
    detector.set_reference("m", {**columns, "x": columns["x"] + 5})
    alarms = (detector.observe("m", row) for row in usual)
    assert ("x", "level down") == next((alarm.feature, alarm.change) for alarm in alarms if alarm)


def test_a_reference_of_another_model_changes_nothing(opened, usual, columns):
    detector = opened()
    detector.observe("m", usual[0])
    detector.set_reference("n", columns)
    assert 2 == opened_rows(detector, usual[0])


def test_a_reference_that_another_process_sets_is_watched_against_soon(opened, usual, columns, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    detector = opened()
    detector.observe("m", usual[0])
    opened().set_reference("m", columns)
    detector.observe("m", usual[0])
    assert 2 == next(iter(detector._observers.rows.values()))
    now[0] += 31
    detector.observe("m", usual[0])
    assert 1 == opened_rows(detector, usual[0])


DAMAGE = {
    "no JSON": lambda _: b"garbage",
    "half": lambda raw: raw[:-30],
    "nothing": lambda _: b"",
    "a digit": lambda raw: raw.replace(b'"rows":1', b'"rows":7'),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_state_begins_anew_and_says_so(opened, usual, store, caplog, damage):
    detector = opened()
    detector.observe("m", usual[0])
    detector.flush()
    (path,) = store.list("drift/observers")
    store.put(path, DAMAGE[damage](store.get(path)))
    assert 1 == opened_rows(opened(), usual[0])
    (record,) = caplog.records
    assert logging.WARNING == record.levelno
    assert "the watch of m begins anew: its state cannot be used: " in record.getMessage()
    assert path in record.getMessage()


def test_a_state_of_another_method_begins_anew(opened, usual, caplog):
    detector = opened()
    detector.observe("m", usual[0])
    detector.flush()
    assert 1 == opened_rows(opened(method="adwin"), usual[0])
    assert "it holds no 2 states of adwin" in caplog.text


def test_a_state_of_a_newer_version_is_refused(opened, usual, monkeypatch):
    detector = opened()
    detector.observe("m", usual[0])
    monkeypatch.setattr("mlprod.drift._alarms.OBSERVER", attrs.evolve(OBSERVER, version=2))
    detector.flush()
    monkeypatch.undo()
    with pytest.raises(NewerSchemaError):
        opened().observe("m", usual[0])


def test_adwin_finds_a_change_as_well(opened, usual, unusual, caplog):
    detector = opened(method="adwin")
    assert detector.observe("m", table_of(usual)) is None
    alarm = detector.observe("m", table_of(unusual))
    assert ("adwin", "x", "mean", 0.5) == (alarm.method, alarm.feature, alarm.change, alarm.threshold)
    assert alarm.evidence > 0.6
    assert alarm in opened().alarms("m")


def test_a_store_that_cannot_be_written_keeps_nobody_from_the_alarm(opened, unusual, store, caplog):
    """It is written when the store can be."""
    ill = FaultyStore(store, at=1, fault=Fault.ERROR, repeat=10**6)
    detector = opened(ill)
    ill._faulty = range(0)
    detector.observe("m", unusual[0])
    ill._faulty = range(10**6)
    alarm = detector.observe("m", table_of(unusual[1:60]))
    assert "x" == alarm.feature
    assert (
        "alarms and the state of the watch of m are not in the store yet: could not write the alarm"
        in caplog.text
    )
    with pytest.raises(StoreError, match="could not write the alarm"):
        detector.flush()
    assert [] == alarms_in(store)
    ill._faulty = range(0)
    detector.flush()
    found = alarms_in(store)
    assert alarm in found
    done = ill.operations
    detector.flush()
    assert ["put drift/observers/m/any~/default.json"] == ill.log[done:], "alarms are written once"
    assert found == alarms_in(store)


def test_whether_a_new_reference_stands_may_remain_unknown(opened, usual, store, monkeypatch, caplog):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    ill = FaultyStore(store)
    detector = opened(ill)
    detector.observe("m", usual[0])
    now[0] += 31
    ill._faulty = range(ill.operations + 2, 10**6)  # all after the state was written
    assert detector.observe("m", usual[0]) is None
    assert "whether m has another reference now is not known: " in caplog.text
    ill._faulty = range(0)
    assert 3 == opened_rows(detector, usual[0])


def test_a_store_that_cannot_be_read_is_told_at_the_first_row(opened, usual, store):
    with pytest.raises(StoreError):
        opened(FaultyStore(store, at=1, repeat=10**6)).observe("m", usual[0])


def test_alarms_of_a_bare_name_are_those_of_all_versions(detector, models, columns, unusual):
    for number in range(2):
        models.save([number], "har", activate=True)
        detector.set_reference("har", columns)
        detector.observe("har", table_of(unusual))
    assert {"1.0.0", "1.0.1"} == {alarm.version for alarm in detector.alarms("har")}
    assert {"1.0.0"} == {alarm.version for alarm in detector.alarms("har@1.0.0")}


def test_versions_that_share_a_reference_are_watched_apart(detector, models, columns, unusual, usual):
    """The reference was set for the model, whatever its version."""
    detector.set_reference("har", columns)
    for number in (1, 2):
        models.save([number], "har", version=f"{number}.0.0")
    for name, rows in (("har@1.0.0", unusual), ("har@2.0.0", usual)):
        detector.observe(name, table_of(rows[:100]))
    assert {"1.0.0"} == {alarm.version for alarm in detector.alarms("har")}
    assert detector.alarms("har") == detector.alarms("har@1.0.0")
    assert [] == detector.alarms("har@2.0.0")


def test_threads_share_a_watch(opened, usual):
    """No row is lost, and all of them are one watch."""
    detector = opened()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: [detector.observe("m", row) for row in usual], range(4)))
    assert 1201 == opened_rows(detector, usual[0])


def test_threads_get_each_alarm_once(opened, usual, unusual, store):
    detector = opened()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda row: detector.observe("m", row), usual + unusual))
    told = [alarm for alarm in found if alarm is not None]
    assert told
    assert sorted(map(repr, told)) == sorted(map(repr, alarms_in(store)))


def test_a_thread_that_comes_late_to_an_alarm_gets_none(opened, usual):
    """Another one has taken it between the row and the look."""
    detector = opened()
    detector.observe("m", usual[0])
    assert detector._observers._raise_alarms(detector._observers._watched["m"]) is None


def test_an_observer_that_another_thread_let_go_of_is_not_saved(opened, usual, store):
    detector = opened()
    detector.observe("m", usual[0])
    watched = detector._observers._watched.pop("m")
    detector._observers._save(watched)
    assert [] == store.list("drift/observers")


def test_a_row_may_be_changed_afterwards(opened, usual):
    """Nothing of it is kept."""
    detector, row = opened(), copy.copy(usual[0])
    detector.observe("m", row)
    row.clear()
    assert 2 == opened_rows(detector, usual[0])


def test_no_thread_is_started(opened, usual):
    before = threading.active_count()
    opened().observe("m", usual[0])
    assert before == threading.active_count()


class TestNewestAlarms:
    @pytest.fixture
    def several(self, opened, unusual, clock):
        """Give a detector, and its alarms of one feature that stays higher."""
        detector = opened()
        for _ in range(3):
            detector.observe("m", table_of(unusual))
            clock.advance(minutes=1)
        return detector, detector.alarms("m")

    def test_they_are_of_each_model_and_only_they_are_read(self, several, opened, store):
        _, alarms = several
        assert len(alarms) > 2
        watched = FaultyStore(store)
        assert {"m": alarms[-2:]} == opened(watched).latest_alarms(count=2)
        assert ["get", "get", "list"] == sorted(entry.split()[0] for entry in watched.log)

    def test_one_that_cannot_be_read_hides_no_other(self, several, store):
        detector, alarms = several
        store.put(max(store.list("drift/alarms/m")), b"{")
        with pytest.raises(StoreError, match="is damaged"):
            detector.latest_alarms()
        told = []
        found = detector.latest_alarms(count=2, on_unreadable=lambda *what: told.append(what))
        assert {"m": [alarms[-2]]} == found
        assert ["m"] == [model for model, _ in told]

    def test_none_is_no_count(self, opened):
        with pytest.raises(InvalidConfigError, match="count must be 1 or more, not 0"):
            opened().latest_alarms(count=0)
