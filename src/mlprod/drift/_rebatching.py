"""Batches of a useful size: a row at a time says nothing of what follows what."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, final

import attrs
import numpy as np

from mlprod.drift._column import Batch, Categories, Column
from mlprod.errors import InvalidDataError

__all__ = ["length", "rebatched"]

_ROWS: Final = 10_000


def length(batch: Batch) -> int:
    """Return how many rows a batch has: as many as the first column that can be read."""
    for name in batch:
        with contextlib.suppress(InvalidDataError):  # perhaps nobody asks for that column
            column = batch[name]
            return len(column.codes) if isinstance(column, Categories) else len(column)
    return 0


def rebatched(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Join small batches to some of at least 10,000 rows, all but the last; leave large ones as they are."""
    waiting: list[Batch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += length(batch)
        if rows >= _ROWS:
            yield _joined(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: Sequence[Batch]) -> Batch:
    return batches[0] if len(batches) == 1 else _Joined(batches)


@final
@attrs.frozen(repr=False)
class _Joined(Mapping[str, Column]):
    """The columns of several batches end to end, each of them joined when it is asked for."""

    _parts: Sequence[Batch]

    def __getitem__(self, name: str) -> Column:
        return _end_to_end([part[name] for part in self._parts])

    def __contains__(self, name: object) -> bool:
        return name in self._parts[0]  # what Mapping has instead would read the column

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts[0])

    def __len__(self) -> int:
        return len(self._parts[0])


def _end_to_end(columns: Sequence[Column]) -> Column:
    """Join columns; one without any value fits either kind."""
    labels = dict.fromkeys(
        label for column in columns if isinstance(column, Categories) for label in column.labels
    )
    if not any(isinstance(column, Categories) for column in columns):
        return np.concatenate([column for column in columns if not isinstance(column, Categories)])
    positions = {label: index for index, label in enumerate(labels)}
    codes = [
        np.append([positions[label] for label in column.labels], -1)[column.codes].astype(np.int32)
        if isinstance(column, Categories)
        else np.full(len(column), -1, np.int32)
        for column in columns
    ]
    return Categories(np.concatenate(codes), tuple(positions))
