"""Arrays that callers record at once, checked before anything is written."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlprod._facts import _checks
from mlprod._facts._flags import CORRECT, ERROR, KNOWN, LABEL, LARGEST_CLASS, TEXT
from mlprod._names import known, shorten, snake_case
from mlprod.errors import InvalidDataError
from mlprod.monitoring._streams import PREDICTION
from mlprod.storage.journal import Table

__all__ = ["PREDICTION_COLUMNS", "prediction_table"]

PREDICTION_COLUMNS: Final = (
    "correct",
    "confidence",
    "latency_ms",
    "prediction",
    "actual",
    "prediction_id",
    "error",
    "timestamp",
)
_EARLIEST_YEAR, _LATEST_YEAR = 1800 - 1970, 2149 - 1970


def prediction_table(columns: Mapping[str, Any], now_ns: int) -> Table:
    """Return the records of a batch.

    Args:
        columns: arrays of shape ``(n,)`` under the names of `PREDICTION_COLUMNS`, in either spelling; a
            single value stands for all records.
        now_ns: the time, nanoseconds since 1970, UTC.

    Raises:
        InvalidDataError: if anything in them could not be recorded one by one.
    """
    arrays = _named(columns)
    rows = _rows(arrays)
    if not rows:
        return Table(PREDICTION, {"time": np.empty(0, np.int64)})
    given = {name: array.reshape(-1) for name, array in arrays.items()}
    table: dict[str, NDArray[Any]] = {"time": np.array([now_ns], np.int64), "flags": np.zeros(1, np.uint8)}
    table |= {name: read(given[name]) for name, read in _READERS.items() if name in given}
    if "timestamp" in given:
        table["time"] = _times(given["timestamp"], now_ns)
    if "correct" in given:
        table["flags"] = table["flags"] | _verdicts(given["correct"])
    if "error" in given:
        table["flags"] = table["flags"] | _booleans(given["error"], "error") * np.uint8(ERROR)
    table["flags"] = table["flags"] | _add_worths(table, given)
    return Table(PREDICTION, {name: np.broadcast_to(column, rows) for name, column in table.items()})


def _add_worths(table: dict[str, NDArray[Any]], given: Mapping[str, NDArray[Any]]) -> np.uint8:
    """Add the columns of predicted and actual values; return flags that hold for all records."""
    predicted, actual = _worths(given, "prediction"), _worths(given, "actual")
    kind = predicted[1] if predicted else 0
    if predicted:
        table["prediction"] = predicted[0]
    if actual:
        if predicted and (kind & TEXT) != (actual[1] & TEXT):
            raise InvalidDataError(
                "prediction and actual must be texts both, or numbers; nothing was recorded"
            )
        table["actual"] = actual[0]
        table["actual_time"] = np.where(np.isnan(actual[0]), 0, table["time"])
        kind |= actual[1] & TEXT
    return np.uint8(kind)


def _named(columns: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    given: dict[str, NDArray[Any]] = {}
    for key, value in columns.items():
        name = snake_case(key)
        if name not in PREDICTION_COLUMNS:
            raise InvalidDataError(
                f"{shorten(key)} is no column, {known(PREDICTION_COLUMNS, name)}; nothing was recorded"
            )
        if name in given:
            raise InvalidDataError(f"{name} was given twice; nothing was recorded")
        if value is not None:
            given[name] = _array(value, name)
    return given


def _array(value: Any, name: str) -> NDArray[Any]:  # noqa: ANN401 - whatever numpy takes
    """Return an array of shape ``(n,)``, or of ``()`` for a single value."""
    if isinstance(value, np.ma.MaskedArray):
        is_masked = np.ma.getmaskarray(value)  # what lies under a mask is no value
        value = np.where(is_masked, np.array(None), np.asarray(value, object))
    is_mixed = isinstance(value, list | tuple) and len(set(map(type, value))) > 1
    try:
        array = np.asarray(value, object if is_mixed else None)  # which would make text of 1 beside a text
    except (OverflowError, TypeError, ValueError) as error:
        raise InvalidDataError(f"{name} is no array of shape (n,): {error}; nothing was recorded") from error
    if not array.ndim and array.dtype.kind != "M":
        array = np.empty((), object)
        array[()] = value[()] if isinstance(value, np.ndarray) else value
    if array.ndim > 1 or (array.size and array.dtype.kind not in _KINDS[name]):
        raise InvalidDataError(
            f"{name} cannot be an array of shape {array.shape} and type {array.dtype}; nothing was recorded"
        )
    return array


def _rows(given: Mapping[str, NDArray[Any]]) -> int:
    lengths = {name: len(array) for name, array in given.items() if array.ndim}
    if len(set(lengths.values())) != 1:
        raise InvalidDataError(
            f"columns of different lengths: {lengths}; nothing was recorded"
            if lengths
            else "without an array it is not known how many predictions there were; nothing was recorded"
        )
    return next(iter(lengths.values()))


def _numbers(column: NDArray[Any], name: str, *, high: float = np.inf) -> NDArray[np.float64]:
    if column.dtype.kind not in "fiu":
        return _objects(column, name, high)
    values = column.astype(np.float64, copy=False)
    limit = min(high, _checks.LARGEST)
    if not (values.min() >= 0 and values.max() <= limit):
        bad = values[~((values >= 0) & (values <= limit))]
        _checks.number(float(bad[0]), f"{name} (in {len(bad):,} of {len(values):,} rows)", low=0, high=high)
    return values


def _objects(column: NDArray[Any], name: str, high: float) -> NDArray[np.float64]:
    """Return numbers of a column of anything, None where there is none."""
    values = (
        np.nan if item is None else _checks.number(item, name, low=0, high=high) for item in column.tolist()
    )
    return np.fromiter(values, np.float64, len(column))


def _booleans(column: NDArray[Any], name: str) -> NDArray[np.bool_]:
    if column.dtype.kind == "b":
        return column
    items = column.tolist()
    if not all(isinstance(item, bool | np.bool_) for item in items):
        bad = next(item for item in items if not isinstance(item, bool | np.bool_))
        raise InvalidDataError(f"{name} must hold True or False, not {shorten(bad)}; nothing was recorded")
    return column.astype(np.bool_)


def _verdicts(column: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the flags of outcomes, some of which may be None."""
    if column.dtype.kind == "O":
        flags = (0 if item is None else _checks.verdict(item) for item in column.tolist())
        return np.fromiter(flags, np.uint8, len(column))
    return _booleans(column, "correct").view(np.uint8) * np.uint8(CORRECT) | np.uint8(KNOWN)


def _ids(column: NDArray[Any]) -> NDArray[np.uint64]:
    hashes = (0 if item is None else _checks.identity(item, "prediction_id") for item in column.tolist())
    return np.fromiter(hashes, np.uint64, len(column))


def _times(column: NDArray[Any], now_ns: int) -> NDArray[np.int64]:
    """Return nanoseconds since 1970; a `datetime64`, which has no timezone, is UTC by numpy's convention."""
    if column.dtype.kind != "M":
        return np.fromiter((_checks.moment(item, now_ns) for item in column.tolist()), np.int64, len(column))
    refused = "timestamp holds NaT, or a time before 1800 or in the future; nothing was recorded"
    years = column.astype("datetime64[Y]").astype(np.int64)  # NaT is the least integer
    if years.min() < _EARLIEST_YEAR or years.max() > _LATEST_YEAR:  # they do not fit nanoseconds
        raise InvalidDataError(refused)
    times = column.astype("datetime64[ns]").astype(np.int64)
    if times.max() > now_ns + _checks.LARGEST_SKEW_NS:
        raise InvalidDataError(refused)
    return times


def _worths(given: Mapping[str, NDArray[Any]], name: str) -> tuple[NDArray[np.float64], int] | None:
    """Return values, and flags that hold for all of them; an actual NaN is one that is not known yet."""
    if name not in given:
        return None
    value = given[name]
    match value.dtype.kind:
        case "b":
            return value.astype(np.float64), LABEL
        case "i" | "u":
            are_classes = max(-int(value.min()), int(value.max())) < LARGEST_CLASS
            return value.astype(np.float64), LABEL if are_classes else 0
        case "f":
            values = value.astype(np.float64)
            is_good = np.abs(values) <= _checks.LARGEST
            bad = values[~is_good] if name == "prediction" else values[~(is_good | np.isnan(values))]
            if len(bad):
                what = f"{name} (in {len(bad):,} of {len(values):,} rows)"
                _checks.number(float(bad[0]), what)
            return values, 0
        case _:
            return _classes(value.tolist(), name)


def _classes(items: Sequence[Any], name: str) -> tuple[NDArray[np.float64], int]:
    """Return values of any kind, all texts or all numbers; NaN where there is none.

    As in an array, one number among them that is no class makes numbers of all.
    """
    worths = [(np.nan, None) if _is_missing(item, name) else _checks.worth(item, name) for item in items]
    flags = {flag for _, flag in worths if flag is not None}
    if len({flag & TEXT for flag in flags}) > 1:
        raise InvalidDataError(f"{name} mixes texts and numbers; nothing was recorded")
    return np.array([number for number, _ in worths]), min(flags, default=0)


def _is_missing(item: object, name: str) -> bool:
    """Return whether there is no value; an actual NaN is one that is not known yet."""
    return item is None or (name == "actual" and isinstance(item, float) and math.isnan(item))


_KINDS: Final[Mapping[str, str]] = {
    "correct": "bO",
    "confidence": "fiuO",
    "latency_ms": "fiuO",  # a length of time says its unit, which would be lost
    "prediction": "biufOUT",
    "actual": "biufOUT",
    "prediction_id": "iuOUT",
    "error": "bO",
    "timestamp": "MO",
}
"""The kinds of numpy types that a column may have; what is in one of objects is looked at one by one."""
_READERS: Final[Mapping[str, Callable[[NDArray[Any]], NDArray[Any]]]] = {
    "confidence": lambda column: _numbers(column, "confidence", high=1.0),
    "latency_ms": lambda column: _numbers(column, "latency_ms"),
    "prediction_id": _ids,
}
