"""Columns of pandas and polars, read through their own methods: neither is imported."""

from typing import Any

import numpy as np

from mlprod.drift._arrow import read_arrow
from mlprod.drift._column import (
    Column,
    categories,
    moving_time,
    read_array,
    read_items,
    unusable,
)

__all__ = ["read_pandas", "read_polars"]


def read_pandas(column: Any, name: str) -> Column:  # noqa: ANN401 - pandas has no types
    """Return a pandas Series, Index or array as a column; without a copy if it is contiguous and of float64.

    Raises:
        InvalidDataError: if it holds times, bytes, nested or mixed values.
    """
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        return read_array(column.to_numpy(), name)
    values = getattr(column, "array", column)
    if hasattr(dtype, "pyarrow_dtype"):
        return read_arrow(values.__arrow_array__(), name)
    if hasattr(values, "categories"):
        return categories(values.codes, values.categories.tolist(), name)
    if dtype.kind in "iuf":
        return read_array(values.to_numpy(np.float64, na_value=np.nan), name)
    if dtype.kind == "b" or hasattr(dtype, "storage"):  # nullable booleans, strings
        codes, distinct = values.factorize()
        return categories(codes, distinct.tolist(), name)
    return read_array(values.to_numpy(), name)


def read_polars(series: Any, name: str) -> Column:  # noqa: ANN401 - polars is not imported
    """Return a polars Series as a column; without a copy if it is one chunk of float64 without nulls.

    Raises:
        InvalidDataError: if it holds times, bytes, lists, structs or mixed objects.
    """
    dtype = series.dtype
    if dtype.is_numeric():
        return read_array(series.cast(float).to_numpy(), name)
    if dtype.is_temporal():
        raise moving_time(name, dtype)
    match dtype.base_type().__name__:
        case "Boolean":
            return categories(series.cast(int).fill_null(-1).to_numpy(), [False, True], name)
        case "String" | "Categorical" | "Enum":
            texts = series.cast(str)
            distinct = texts.drop_nulls().unique(maintain_order=True)
            labels = distinct.to_list()
            places = texts.replace_strict(distinct, list(range(len(labels))), default=-1)
            return categories(places.to_numpy(), labels, name)
        case "Object":
            return read_items(series.to_list(), name)
        case "Null":
            return np.full(len(series), np.nan)
        case _:
            raise unusable(name, dtype)
