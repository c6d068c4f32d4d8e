"""Retention and cleaning up: what is needed never goes, whoever cleans up, and when."""

import contextlib
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod import ModelSerializer
from mlprod.errors import InvalidConfigError, InvalidNameError, ModelNotFoundError, StoreError
from mlprod.models import AllOf, AnyOf, BestN, LatestN, OlderThan, RetentionPolicy
from mlprod.storage import LocalStore, MemoryStore
from mlprod.testing import FrozenClock

DAY = timedelta(days=1)
BAD_POLICIES = [
    lambda: LatestN(0),
    lambda: LatestN("3"),
    lambda: BestN("x", 0),
    lambda: OlderThan(5),
    AnyOf,
    AllOf,
    lambda: AnyOf([LatestN(1)]),
    lambda: AllOf(LatestN),
]
STEPS = ["save", "activate", "rollback", "stage", "alias", "archive", "clean"]
IN_USE = {"production", "staging"}


@pytest.fixture
def ten_days(models, clock):
    """Ten versions, one a day; accuracies 0.0, 0.3, 0.6, 0.9, 0.2, … and one without."""
    for number in range(10):
        metrics = {} if number == 9 else {"accuracy": number * 3 % 10 / 10}
        models.save([number], "a", metrics)
        clock.advance(days=1)
    return models


def removed_by(models, policy):
    return [name.removeprefix("a@1.0.") for name in models.cleanup(policy=policy, dry_run=True).removed]


class TestPolicies:
    def test_the_latest(self, ten_days):
        assert list("0123456") == removed_by(ten_days, LatestN(3))

    def test_the_latest_are_the_highest(self, models):
        models.save([1], "a", version="2.0.0")
        models.save([1], "a", version="1.0.0")
        assert ("a@1.0.0",) == models.cleanup(policy=LatestN(1), dry_run=True).removed

    def test_older_than(self, ten_days):
        assert list("01234") == removed_by(ten_days, OlderThan(5 * DAY))

    def test_the_best(self, ten_days):
        assert list("0145789") == removed_by(ten_days, BestN("accuracy", 3))
        assert list("12345689") == removed_by(ten_days, BestN("accuracy", 2, maximize=False))

    def test_what_lacks_the_metric_is_not_among_the_best(self, models):
        for value in (math.nan, 1.0):
            models.save([1], "a", {"accuracy": value})
        assert ["0"] == removed_by(models, BestN("accuracy", 2))

    def test_any_keeps_what_one_keeps(self, ten_days):
        assert list("012456") == removed_by(ten_days, AnyOf(LatestN(3), BestN("accuracy")))

    def test_all_keeps_what_each_keeps(self, ten_days):
        assert list("01245789") == removed_by(ten_days, AllOf(OlderThan(7 * DAY), BestN("accuracy", 3)))

    def test_combinations_nest_and_compare(self):
        policy = AnyOf(LatestN(3), AllOf(OlderThan(DAY), BestN("accuracy")))
        assert policy == AnyOf(LatestN(3), AllOf(OlderThan(DAY), BestN("accuracy")))
        assert isinstance(policy, RetentionPolicy)

    @pytest.mark.parametrize("make", BAD_POLICIES, ids=range(len(BAD_POLICIES)))
    def test_a_policy_that_keeps_nothing_is_refused(self, make):
        with pytest.raises(InvalidConfigError):
            make()


class KeepNothing:
    """The policy of somebody who made a mistake."""

    def keep(self, versions, now):
        del versions, now
        return set()


class TestWhatIsNeeded:
    def test_it_is_kept_whatever_a_policy_says(self, ten_days):
        """In production, what a rollback returns to, staging, aliased; archived ones go."""
        for version in ("1.0.1", "1.0.2", "1.0.3"):
            ten_days.set_active(f"a@{version}")
        ten_days.promote("a@1.0.4", "staging")
        ten_days.set_alias("a@1.0.5", "pinned")
        ten_days.promote("a@1.0.6", "archived")
        report = ten_days.cleanup(policy=KeepNothing())
        assert ["2", "3", "4", "5"] == [found.version[-1] for found in ten_days.get_versions("a")]
        assert 6 == len(report.removed)
        assert "a@1.0.2" == ten_days.rollback("a").id
        assert [2] == ten_days.get_active("a")

    @given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), max_size=25))
    def test_in_any_history(self, steps):
        """After any decisions and cleanings, production, staging, aliases and the way back still load."""
        models = ModelSerializer(MemoryStore(), clock=FrozenClock())
        models.save([0], "a")
        for what, number in steps:
            refs = [found.id for found in models.get_versions("a")]
            ref = refs[number % len(refs)] if refs else None
            match what:
                case "save":
                    models.save([number], "a", activate=number == 0)
                case "activate" if ref:
                    models.set_active(ref)
                case "rollback":
                    with contextlib.suppress(ModelNotFoundError):
                        models.rollback("a")
                case "stage" if ref:
                    models.promote(ref, "staging")
                case "alias" if ref:
                    models.set_alias(ref, f"alias-{number}")
                case "archive" if ref:
                    models.promote(ref, "archived")
                case "clean":
                    needed = {
                        found.id for found in models.list_models() if found.aliases or found.stage in IN_USE
                    }
                    models.cleanup(policy=KeepNothing())
                    assert needed <= {found.id for found in models.list_models()}
        for found in models.list_models():
            models.load(found)
        assert [] == [
            found for found in models.list_models() if found.is_active and found.stage != "production"
        ]


class TestAutomatic:
    def test_saving_lets_go_what_the_policy_lets_go(self, store, clock):
        models = ModelSerializer(store, retention=LatestN(2), clock=clock)
        for number in range(5):
            models.save([number], "a")
        models.save([9], "b")
        assert ["a@1.0.3", "a@1.0.4", "b@1.0.0"] == [found.id for found in models.list_models()]
        assert 3 == len(store.list("models/payloads"))
        assert 6 == len(store.list("models/ledger/commits"))

    @pytest.mark.parametrize("retention", [BestN("accuracy"), LatestN(1)])
    def test_what_was_just_saved_is_not_let_go(self, store, clock, retention):
        """A worse one, or a mend of an older line, is there until the next save or cleanup."""
        models = ModelSerializer(store, retention=retention, clock=clock)
        models.save([1], "a", {"accuracy": 0.9}, version="2.0.0")
        saved = models.save([2], "a", {"accuracy": 0.1}, version="1.0.1")
        assert [2] == models.load(saved)
        assert ("a@1.0.1",) == models.cleanup().removed

    def test_the_new_version_is_weighed_as_it_will_be(self, store, clock):
        """A version saved as active is never let go in the same breath."""
        models = ModelSerializer(store, retention=BestN("accuracy"), clock=clock)
        models.save([1], "a", {"accuracy": 0.9})
        saved = models.save([2], "a", {"accuracy": 0.1}, activate=True)
        assert saved.is_active
        assert ["1.0.0", "1.0.1"] == [found.version for found in models.get_versions("a")]


class TestCleanup:
    def test_a_dry_run_touches_nothing(self, ten_days, store):
        before = sorted(store._files)
        report = ten_days.cleanup(policy=LatestN(3), dry_run=True)
        assert (7, True, 7 * 3) == (len(report.removed), report.dry_run, report.freed_bytes)
        assert before == sorted(store._files)

    def test_one_model_only(self, models):
        for name in "ab":
            for _ in range(3):
                models.save([1], name)
        models.cleanup("a", policy=LatestN(1))
        assert (1, 3) == (len(models.get_versions("a")), len(models.get_versions("b")))
        with pytest.raises(ModelNotFoundError, match="no model 'c'"):
            models.cleanup("c")

    def test_without_a_policy_no_version_goes(self, ten_days):
        assert () == ten_days.cleanup().removed
        assert 10 == len(ten_days.get_versions("a"))

    def test_the_policy_of_the_object_is_the_default(self, store, clock):
        models = ModelSerializer(store, clock=clock)
        for _ in range(3):
            models.save([1], "a")
        keeper = ModelSerializer(store, retention=LatestN(1), clock=clock)
        assert ("a@1.0.0", "a@1.0.1") == keeper.cleanup().removed

    @pytest.mark.parametrize("name", ["", "../x", 5])
    def test_a_name_that_is_none_is_refused(self, models, name):
        with pytest.raises(InvalidNameError):
            models.cleanup(name)

    @pytest.mark.parametrize("grace_hours", [-1, math.nan, math.inf, 1e300, "1"])
    def test_a_grace_that_is_none_is_refused(self, models, grace_hours):
        with pytest.raises(InvalidConfigError, match="grace_hours"):
            models.cleanup(grace_hours=grace_hours)

    def test_partial_writes_are_removed(self, tmp_path):
        models = ModelSerializer(tmp_path)
        models.save([1], "a")
        (tmp_path / "models/payloads/a/.partial-0123456789abcdef").write_bytes(b"half")
        assert 0 == models.cleanup().partial_writes
        assert 1 == models.cleanup(grace_hours=0).partial_writes
        assert 1 == len(LocalStore(tmp_path).list("models/payloads"))

    def test_payloads_that_cannot_be_removed_do_not_stop_it(self, ten_days, store, monkeypatch, caplog):
        def fail(_path):
            raise OSError(5, "gone wrong")

        monkeypatch.setattr(store, "size", fail)
        assert 7 == len(ten_days.cleanup(policy=LatestN(3)).removed)
        assert "could not measure" in caplog.text
        monkeypatch.undo()
        monkeypatch.setattr(store, "delete", fail)
        assert 0 == ten_days.cleanup().freed_bytes
        assert "could not delete" in caplog.text
        monkeypatch.setattr(store, "size", fail)
        with pytest.raises(StoreError, match="could not measure the unneeded payload"):
            ten_days.cleanup(dry_run=True)

    def test_what_was_removed_is_told_though_partial_writes_could_not_be(
        self, ten_days, store, monkeypatch, caplog
    ):
        def fail(*, older_than_seconds):
            raise OSError(5, f"gone wrong after {older_than_seconds}")

        monkeypatch.setattr(store, "discard_partial", fail)
        assert 7 == len(ten_days.cleanup(policy=LatestN(3)).removed)
        assert "could not remove partial writes, the next cleanup() will" in caplog.text

    def test_two_cleanups_at_once(self, ten_days, store, monkeypatch):
        """What another cleanup deleted first is simply gone."""

        def gone(path):
            raise FileNotFoundError(path)

        monkeypatch.setattr(store, "size", gone)
        assert 0 == ten_days.cleanup(policy=LatestN(3)).freed_bytes


def orphan(store, begun):
    """Leave what a writer leaves that dies between payload and decision."""
    path = f"models/payloads/a/{begun:%Y%m%dT%H%M%S.%fZ}-0123456789abcdef.json"
    store.put(path, b"[1]")
    return path


class TestOrphans:
    def test_they_go_after_the_grace_period(self, models, store, clock):
        models.save([1], "a")
        path = orphan(store, clock())
        clock.advance(hours=23)
        assert () == models.cleanup().orphans
        clock.advance(hours=2)
        assert (path,) == models.cleanup(dry_run=True).orphans
        assert 2 == len(store.list("models/payloads"))
        report = models.cleanup()
        assert ((path,), 3) == (report.orphans, report.freed_bytes)
        assert [1] == models.load("a")

    def test_a_sweep_that_crashed_is_finished_by_the_next(self, models, store, clock):
        models.save([1], "a")
        path = orphan(store, clock())
        clock.advance(days=2)
        real, store.delete = store.delete, lambda _path: None
        assert (path,) == models.cleanup().orphans
        store.delete = real
        clock.advance(hours=-30)
        assert (path,) == models.cleanup().orphans
        assert 1 == len(store.list("models/payloads"))

    def test_folders_that_differ_in_case_alone_may_be_one(self, clock):
        """As on the disks of macOS and Windows: a listing may spell a living payload's folder otherwise."""

        class CaseInsensitive:
            def __getattr__(self, name):
                return getattr(inner, name)

            def list(self, folder):
                return [path.replace("/alpha/", "/Alpha/") for path in inner.list(folder)]

        inner = MemoryStore()
        models = ModelSerializer(CaseInsensitive(), clock=clock)
        models.save([1], "Alpha")
        models.save([2], "alpha")
        clock.advance(days=9)
        assert () == models.cleanup().orphans
        assert [2] == models.load("alpha")

    def test_other_files_are_left_alone(self, models, store, clock):
        models.save([1], "a")
        store.put("models/payloads/a/notes.txt", b"mine")
        clock.advance(days=2)
        models.cleanup()
        assert b"mine" == store.get("models/payloads/a/notes.txt")

    def test_a_slow_save_never_loses_its_payload(self, clock):
        """An upload that takes longer than the grace period is swept, notices, and is written again."""
        inner = MemoryStore()
        uploads = []

        class SlowStore:
            """Every upload takes two days, in which somebody else cleans up."""

            def __getattr__(self, name):
                return getattr(inner, name)

            def put(self, path, data):
                inner.put(path, data)
                uploads.append(path)
                if len(uploads) <= slow_uploads:
                    clock.advance(days=2)
                    assert (path,) == ModelSerializer(inner, clock=clock).cleanup().orphans

        slow_uploads = 1
        models = ModelSerializer(SlowStore(), clock=clock)
        models.save([1], "a")
        assert [1] == ModelSerializer(inner).load("a")
        assert 2 == len(uploads)
        slow_uploads = 99
        with pytest.raises(StoreError, match="each of 3 uploads took longer than the grace period"):
            models.save([2], "a")

    def test_a_save_by_a_slow_clock_is_not_an_orphan(self, store, clock):
        """Its payload is stamped no earlier than the last decision and the last sweep."""
        late = FrozenClock(clock() - 30 * DAY)
        ModelSerializer(store, clock=clock).save([1], "a")
        orphan(store, datetime(2026, 1, 1, tzinfo=UTC))
        clock.advance(days=3)
        ModelSerializer(store, clock=clock).cleanup()
        ModelSerializer(store, clock=late).save([2], "a")
        ModelSerializer(store, clock=clock).cleanup()
        assert [2] == ModelSerializer(store).load("a@latest")
