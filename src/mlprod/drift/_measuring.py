"""From any table, of any size and wherever it lies, to a profile, or to the features of a reference."""

import functools
import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence

from mlprod._progress import SILENT, Tracker
from mlprod.drift._column import Batch
from mlprod.drift._dask import fold_partitions, is_dask
from mlprod.drift._feature import Feature
from mlprod.drift._gathering import Gathered, whole
from mlprod.drift._profile import Profile
from mlprod.drift._rebatching import length, rebatched
from mlprod.drift._reference import ReferenceProfile
from mlprod.drift._sample import RowSample
from mlprod.drift._subject import Subject
from mlprod.drift._tables import read_batches, rows_of
from mlprod.errors import InvalidDataError

__all__ = ["gather", "measure"]

_FIRST_LOOK = 10_000  # rows of a partitioned table that say what is usual


def measure(
    reference: ReferenceProfile,
    data: object,
    feature_names: Sequence[str] | None = None,
    *,
    tracker: Tracker = SILENT,
) -> Profile:
    """Count a table on the bins of a reference.

    Raises:
        InvalidDataError: if it is no table, lacks a feature, has one of another kind, or has no rows.
    """
    tracker.describe(f"{Subject(reference.model_id, reference.version)}: counting")
    if is_dask(data):
        measured = functools.partial(_profile, reference)
        profile = fold_partitions(data, measured, _sum_of_profiles, tracker=tracker)
    else:
        tracker.begin("values", _values(data, reference.features))
        profile = reference.measure(read_batches(data, feature_names=feature_names), tracker=tracker)
        tracker.finish()
    if not profile.rows:
        raise InvalidDataError(f"the data for {reference.model_id!r} have no rows; nothing was compared")
    return profile


def gather(
    data: object, *, bins: int, feature_names: Sequence[str] | None = None, tracker: Tracker = SILENT
) -> tuple[dict[str, Feature], int, RowSample]:
    """Choose the bins of a table, and count it on them.

    Returns:
        The features, how many rows, and a sample of them. Exactly for a table that is one batch; in
        one pass and flat memory for an iterator of batches and for a partitioned table.

    Raises:
        InvalidDataError: if it is no table, or has no rows.
    """
    if is_dask(data):
        look = _only(read_batches(data.head(_FIRST_LOOK, npartitions=-1)))  # type: ignore[attr-defined]
        first, _ = whole(look, bins=bins)
        measured = functools.partial(_gathered, first)
        gathered = fold_partitions(data, measured, _sum_of_gathered, tracker=tracker)
        return _finished(gathered, bins)
    batches = rebatched(read_batches(data, feature_names=feature_names))
    beginning = list(itertools.islice(batches, 2))
    if not beginning:
        raise _empty()
    tracker.begin("values", _values(data, beginning[0]))
    if len(beginning) == 1:
        rows = length(beginning[0])
        if not rows:
            raise _empty()
        features, sample = whole(beginning[0], bins=bins, tracker=tracker)
        tracker.finish()
        return features, rows, sample
    first, _ = whole(beginning[0], bins=bins)
    parts = (
        Gathered.of(batch, first, tracker=tracker)
        for batch in itertools.chain(_given_away(beginning), batches)
    )
    gathered = functools.reduce(Gathered.__add__, parts)
    tracker.finish()
    return _finished(gathered, bins)


def _values(data: object, columns: Collection[str]) -> int | None:
    """Return how many values there are in these columns; None if that shows only when they are read."""
    rows = rows_of(data)
    return None if rows is None else rows * len(columns)


def _given_away(batches: list[Batch]) -> Iterator[Batch]:
    """Yield each and let go of it, so that it is not in memory until all others are read."""
    while batches:
        yield batches.pop(0)


def _finished(gathered: Gathered, bins: int) -> tuple[dict[str, Feature], int, RowSample]:
    if not gathered.rows:
        raise _empty()
    features = gathered.features(bins=bins)
    return features, gathered.rows, gathered.sample


def _empty() -> InvalidDataError:
    return InvalidDataError("the reference data have no rows: there is nothing to compare with later")


def _only(batches: Iterator[Batch]) -> Batch:
    return next(rebatched(batches))


# What runs where the partitions are: functions of modules, so that they can be sent there; one column at a
# time, as it is the scheduler that fills the cores.


def _profile(reference: ReferenceProfile, partition: object) -> Profile:
    return reference.measure(read_batches(partition), in_threads=False)


def _gathered(first: dict[str, Feature], partition: object) -> Gathered:
    batches = rebatched(read_batches(partition))
    return _sum_of_gathered([Gathered.of(batch, first, in_threads=False) for batch in batches])


def _sum_of_profiles(profiles: Iterable[Profile]) -> Profile:
    return functools.reduce(Profile.__add__, profiles)


def _sum_of_gathered(parts: Iterable[Gathered]) -> Gathered:
    return functools.reduce(Gathered.__add__, parts)
