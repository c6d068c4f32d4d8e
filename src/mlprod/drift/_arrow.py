"""Arrow tables and columns, read through pyarrow; other libraries hand theirs over through the C stream."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlprod._extras import require
from mlprod._names import shorten, type_name
from mlprod.drift._column import Column, categories, is_from, moving_time, unusable
from mlprod.errors import InvalidDataError

__all__ = ["arrow_array", "is_arrow", "read_arrow", "record_batches"]


def is_arrow(value: object) -> bool:
    """Return whether another library gives this as Arrow data (the Arrow PyCapsule interface)."""
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")


def record_batches(data: Any) -> Iterator[Any]:  # noqa: ANN401 - Arrow has no types
    """Yield the record batches of a table, a stream of batches, a data set, or one batch.

    Raises:
        InvalidDataError: if this is a single column.
        MissingExtraError: if another library gives Arrow data, and pyarrow is not installed.
    """
    if is_from(data, "pyarrow") and hasattr(data, "to_batches"):  # a table, a data set, a scanner
        is_empty = getattr(data, "num_rows", None) == 0  # which may have no batches, but has columns still
        yield from [data] if is_empty else data.to_batches()
        return
    pyarrow = _pyarrow()
    try:
        if hasattr(data, "__arrow_c_stream__"):
            reader = pyarrow.RecordBatchReader.from_stream(data)
        else:
            reader = [pyarrow.record_batch(data)]
    except (TypeError, ValueError) as error:
        raise InvalidDataError(
            f"{type_name(data)} is no Arrow table, of named columns: give a single column in a mapping "
            f"under its name ({shorten(str(error))})"
        ) from error
    yield from reader


def arrow_array(value: Any) -> Any:  # noqa: ANN401 - Arrow has no types
    """Return a column of another library as one of pyarrow.

    Raises:
        MissingExtraError: if pyarrow is not installed.
    """
    pyarrow = _pyarrow()
    if hasattr(value, "__arrow_c_stream__"):
        return pyarrow.chunked_array(value)
    return pyarrow.array(value)


def read_arrow(array: Any, name: str) -> Column:  # noqa: ANN401 - Arrow has no types
    """Return an Arrow array, chunked or not, as a column.

    An array of float64 without nulls is not copied.

    Raises:
        InvalidDataError: if it holds times, bytes, lists, structs or the like.
    """
    pyarrow = _pyarrow()
    types, kind = pyarrow.types, array.type
    if types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind):
        array = array.cast(pyarrow.float64(), safe=False)  # which would refuse integers beyond 2**53
        values = array.to_numpy(zero_copy_only=False) if _is_whole(array) else array.to_numpy()
        return np.ascontiguousarray(values, np.float64)
    if types.is_null(kind):
        return np.full(len(array), np.nan)
    if types.is_temporal(kind):
        raise moving_time(name, kind)
    if not types.is_dictionary(kind):
        is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
        if not (is_text or types.is_boolean(kind)):
            raise unusable(name, kind)
        array = array.dictionary_encode()
    if not _is_whole(array):
        array = array.unify_dictionaries().combine_chunks()
    codes = array.indices.cast(pyarrow.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
    return categories(codes, array.dictionary.to_pylist(), name)


def _is_whole(array: Any) -> bool:  # noqa: ANN401 - Arrow has no types
    return not hasattr(array, "chunks")


def _pyarrow() -> Any:  # noqa: ANN401 - a module
    return require("pyarrow", extra="arrow", purpose="reading Arrow data of another library")
