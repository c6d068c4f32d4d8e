"""`Observer`: watches the rows of one model as they come, in memory; who keeps its state decides when."""

import threading
from collections.abc import Mapping
from typing import Any, Final, TypeGuard, final

import numpy as np

from mlprod._names import known
from mlprod.drift._column import Batch
from mlprod.drift._reference import ReferenceProfile
from mlprod.drift._scoring import score_of, scores_of
from mlprod.drift._tables import read_batches
from mlprod.drift._watches import Change, Watch
from mlprod.errors import InvalidDataError
from mlprod.storage.journal import renew_in_children

__all__ = ["Observer"]

_SINGLE: Final = frozenset({float, int, str, bool})


@final
class Observer:
    """Turns rows into scores, and takes them to a watch."""

    def __init__(self, reference: ReferenceProfile, watch: Watch, *, rows: int = 0) -> None:
        """Begin, or go on, with a watch that has seen that many rows."""
        self.reference = reference
        self.watch = watch
        self.rows = rows
        self._changes: list[tuple[int, Change]] = []
        self._lock = threading.Lock()
        renew_in_children(self)
        self._scorers = [(name, score_of(name, feature)) for name, feature in reference.features.items()]

    def renew(self) -> None:
        """Take a new lock, in a forked child: nobody is left there to release the old one."""
        self._lock = threading.Lock()

    @property
    def has_changes(self) -> bool:
        """Whether something was found that `changes` has not returned yet."""
        return bool(self._changes)

    def observe(self, row_or_batch: object) -> None:
        """Take a row, or a table.

        Raises:
            InvalidDataError: if a feature is missing or of another kind; then nothing of the row, or of the
                batch, was taken.
        """
        with self._lock:
            if _is_row(row_or_batch):
                self._take(row_or_batch)
                return
            for batch in read_batches(row_or_batch):
                self._take_all(batch)

    def changes(self) -> list[tuple[int, Change]]:
        """Return what was found since it was last asked, each after how many rows."""
        with self._lock:
            found, self._changes = self._changes, []
            return found

    def progress(self) -> tuple[int, Watch]:
        """Return how many rows there were, and the watch after them."""
        with self._lock:
            return self.rows, self.watch

    def _take(self, row: Mapping[str, Any]) -> None:
        try:
            scores = [score(row[name]) for name, score in self._scorers]
        except KeyError:
            raise self._lacks(row) from None
        self.watch, change = self.watch.take(scores)
        self.rows += 1
        if change is not None:
            self._changes.append((self.rows, change))

    def _take_all(self, batch: Batch) -> None:
        if any(name not in batch for name, _ in self._scorers):
            raise self._lacks(batch)
        features = self.reference.features
        columns = [
            scores_of(feature, feature.accept(name, batch[name])) for name, feature in features.items()
        ]
        scores = np.column_stack(columns)
        while len(scores):
            self.watch, taken, change = self.watch.take_all(scores)
            self.rows += taken
            scores = scores[taken:]
            if change is not None:
                self._changes.append((self.rows, change))

    def _lacks(self, found: Mapping[str, Any]) -> InvalidDataError:
        absent = [name for name, _ in self._scorers if name not in found]
        return InvalidDataError(
            f"the row lacks {len(absent)} of the {len(self._scorers)} features of the reference of "
            f"{self.reference.model_id!r}, such as {absent[0]!r}; {known(found, absent[0])}. It was not "
            "observed"
        )


def _is_row(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Return whether this is a mapping of names to single values."""
    if isinstance(value, dict) and next(iter(value.values()), value).__class__ in _SINGLE:
        return True  # the hot path
    if not isinstance(value, Mapping):
        return False
    first = next(iter(value.values()), None)
    return isinstance(first, str) or not hasattr(first, "__len__")
