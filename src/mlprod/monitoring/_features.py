"""The log of what models were asked: features of each prediction."""

import math
import numbers
import os
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from mlprod._facts._checks import TEXT_CHARACTERS
from mlprod._names import check_text, shorten
from mlprod.errors import InvalidDataError
from mlprod.storage.journal import Column, ColumnType, Journal, Layout, Part, Table

__all__ = ["FeatureWriter", "feature_columns"]

_ID = Column("prediction_id", "id")
_MOST_FEATURES = 4096
_TIME = "time"  # what `feature_columns` calls the time of a prediction


@final
class FeatureWriter:
    """Appends the features of one model and version; a feature seen for the first time widens the records."""

    def __init__(self, journal: Journal, stream: str) -> None:
        """Name the stream."""
        self._journal = journal
        self._stream = stream
        self._types: Mapping[str, ColumnType] = {}
        self._appender = journal.appender(stream, Layout((_ID,)))
        self._process, self._lock = os.getpid(), threading.Lock()

    def check(self, features: object) -> dict[str, float | str | None]:
        """Return the features as they are stored.

        Raises:
            InvalidDataError: if they are no mapping of names to numbers, texts, booleans and None, or one of
                them was of another type before.
        """
        if not isinstance(features, Mapping) or len(features) > _MOST_FEATURES:
            raise InvalidDataError(
                f"features must be a mapping of at most {_MOST_FEATURES:,} names to values, not "
                f"{shorten(features)}; nothing was recorded"
            )
        checked = {_name(name): _stored(name, value) for name, value in features.items()}
        self._check_types(checked)
        return checked

    def append(self, time_ns: int, identity: int, checked: Mapping[str, float | str | None]) -> None:
        """Append what `check` returned."""
        with self._alone():
            self._check_types(checked)  # again: another thread may have been first with a new feature
            types = dict(self._types)
            types.update({name: _type(value) for name, value in checked.items() if value is not None})
            if len(types) > len(self._types):
                columns = (Column(f"f:{name}", kind) for name, kind in types.items())
                self._appender = self._journal.appender(self._stream, Layout((_ID, *columns)))
                self._types = types
            values = (
                math.nan if kind == "float" and checked.get(name) is None else checked.get(name)
                for name, kind in self._types.items()
            )
            self._appender.append(time_ns, identity, *values)

    def _check_types(self, checked: Mapping[str, float | str | None]) -> None:
        for name, value in checked.items():
            known = self._types.get(name)
            if known is not None and value is not None and known != _type(value):
                raise InvalidDataError(
                    f"feature {shorten(name)} was a {_WORDS[known]} so far, and is {shorten(value)} now; "
                    "nothing was recorded"
                )

    def _alone(self) -> threading.Lock:
        """Return the lock; a new one in a forked child, where nobody is left to release the old one."""
        if self._process != os.getpid():
            self._process, self._lock = os.getpid(), threading.Lock()
        return self._lock


def feature_columns(parts: Sequence[Part], since: int, until: int) -> dict[str, NDArray[Any]]:
    """Return time and features of a stretch of time, in time order; NaN or None where one was not given."""
    tables = [part.load() for part in parts if part.rows and part.until >= since and part.since < until]
    times = np.concatenate([np.empty(0, np.int64), *(table["time"] for table in tables)])
    rows = np.argsort(times, kind="stable")
    rows = rows[(times[rows] >= since) & (times[rows] < until)]
    names = dict.fromkeys(
        column.name for table in tables for column in table.layout.columns if column.name.startswith("f:")
    )
    found = {_TIME: times[rows].astype("datetime64[ns]")}
    return {**found, **{name[2:]: np.concatenate(_pieces(tables, name))[rows] for name in names}}


def _pieces(tables: Sequence[Table], name: str) -> list[NDArray[Any]]:
    """Return a feature of every table; as objects if it is text in any of them."""
    kinds = [next((c.type for c in table.layout.columns if c.name == name), None) for table in tables]
    pieces = [
        table.text(name) if kind == "text" else np.full(len(table), np.nan) if kind is None else table[name]
        for table, kind in zip(tables, kinds, strict=True)
    ]
    if "text" not in kinds:
        return pieces
    nothing = np.array(None)
    return [piece if piece.dtype == object else np.where(np.isnan(piece), nothing, piece) for piece in pieces]


_WORDS: dict[str, str] = {"float": "number", "text": "text"}


def _type(value: float | str) -> Literal["float", "text"]:
    return "text" if isinstance(value, str) else "float"


def _name(name: object) -> str:
    named = check_text(name, "the name of a feature", limit=TEXT_CHARACTERS)
    if named in {"", _TIME}:
        raise InvalidDataError(
            f"{shorten(named)} cannot be the name of a feature: {_TIME!r} is that of the prediction; "
            "nothing was recorded"
        )
    return named


def _stored(name: object, value: object) -> float | str | None:
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, str):
        return check_text(value, f"feature {shorten(name)}", limit=TEXT_CHARACTERS)
    if isinstance(value, numbers.Real | Decimal) and not isinstance(value, np.timedelta64):
        try:
            number = float(value)
        except (OverflowError, ValueError):  # an integer of hundreds of digits, a signalling NaN
            number = math.inf
        if not math.isinf(number):
            return None if math.isnan(number) else number
    raise InvalidDataError(
        f"feature {shorten(name)} must be a finite number, a text, a boolean or None, not {shorten(value)}; "
        "nothing was recorded"
    )
