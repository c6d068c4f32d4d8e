"""Any table as batches of columns: mappings, arrays, pandas, polars, Arrow, and iterators of these."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._names import check_text, shorten, type_name
from mlprod.drift._arrow import arrow_array, is_arrow, read_arrow, record_batches
from mlprod.drift._column import (
    Batch,
    Categories,
    Column,
    all_missing,
    is_from,
    read_array,
    read_items,
    unusable,
)
from mlprod.drift._frames import read_pandas, read_polars
from mlprod.errors import InvalidDataError

__all__ = ["read_batches", "rows_of"]

_Readers: TypeAlias = Sequence[tuple[Any, Callable[[], Column]]]
"""Of each column its name, not yet checked, and what reads it."""

_NAME_CHARACTERS: Final = 512
_TABLES: Final = (
    "a mapping of names to arrays, a 2-D array with feature_names, a pandas, polars or Arrow table, "
    "or an iterator of such batches"
)


def read_batches(
    data: object,
    *,
    feature_names: Sequence[str] | None = None,
    only: Container[str] | None = None,
) -> Iterator[Batch]:
    """Yield the columns of a table, batch by batch.

    A column is read when it is asked for, each time anew, so that one at a time is in memory beside the
    table itself; what is wrong with it is raised then. Where it is contiguous and of float64, it is the
    caller's own memory, not a copy: never write to it.

    Args:
        data: a mapping of names to arrays, lists or series of shape ``(n,)``; a numpy array of shape
            ``(n, features)``, or a structured one; a pandas, polars or Arrow table, data set or stream, or
            whatever has an ``__arrow_c_stream__``; or an iterable of these, all with the same columns.
        feature_names: of the columns of a 2-D array, which has none itself.
        only: names of the columns to read; the others are skipped, whatever they hold. All if None.

    Raises:
        InvalidDataError: if this is no such table, if a column holds what is neither a number, nor a text,
            nor a boolean, nor a category, or if batches differ in their columns.
        MissingExtraError: if another library gives Arrow data, and pyarrow is not installed.

    Example:
        >>> batch = next(read_batches({"price": [10.5, None], "side": ["buy", "sell"]}))
        >>> batch["price"].tolist(), batch["side"].labels
        ([10.5, nan], ('buy', 'sell'))
    """
    kinds: dict[str, type] = {}
    first: frozenset[str] | None = None
    for readers in _tables(data, feature_names, only):
        named = _named(readers, only)
        first = frozenset(named) if first is None else first
        if named.keys() != first:
            raise InvalidDataError(
                f"batches differ in their columns: {_listed(named.keys() ^ first)} is not in all of them; "
                "give each batch the same columns"
            )
        yield _Batch(named, kinds)


def rows_of(data: Any) -> int | None:  # noqa: ANN401 - anything
    """Return how many rows a table has; None if that shows only when it is read, or if it is none."""
    if not _is_table(data):
        return None
    try:
        return len(next(iter(data.values()), ())) if isinstance(data, Mapping) else len(data)
    except TypeError:  # a stream; or it will be refused
        return None


@final
@attrs.frozen(repr=False)
class _Batch(Mapping[str, Column]):
    """Columns that are read when they are asked for; their kinds are those of the batches before."""

    _readers: Mapping[str, Callable[[], Column]]
    _kinds: dict[str, type]

    def __getitem__(self, name: str) -> Column:
        column = self._readers[name]()
        kind = type(column)
        if self._kinds.get(name, kind) is not kind and not all_missing(column):
            is_numeric = kind is not Categories
            raise InvalidDataError(
                f"column {shorten(name)} holds {'numbers' if is_numeric else 'categories'} in this batch and "
                f"{'categories' if is_numeric else 'numbers'} in one before: make them the same"
            )
        if name not in self._kinds and not all_missing(column):
            self._kinds[name] = kind
        return column

    def __contains__(self, name: object) -> bool:
        return name in self._readers  # what Mapping has instead would read the column

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


def _named(readers: _Readers, only: Container[str] | None) -> dict[str, Callable[[], Column]]:
    """Check the names; return the readers of the columns that are asked for."""
    if not readers:
        raise InvalidDataError("a table without columns: give at least one")
    for name, _ in readers:
        if not isinstance(name, str):
            raise InvalidDataError(
                f"names of columns must be strings, not {shorten(name)} ({type_name(name)}): rename them, "
                "for example to f'feature_{name}'"
            )
        check_text(name, "the name of a column", limit=_NAME_CHARACTERS)
    wanted = [(name, reader) for name, reader in readers if only is None or name in only]
    named = dict(wanted)
    if len(named) < len(wanted):
        names = [name for name, _ in wanted]
        twice = {name for name in named if names.count(name) > 1}
        raise InvalidDataError(f"more than one column is named {_listed(twice)}: rename or drop all but one")
    return named


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(shorten, sorted(names)[:8]))


def _tables(
    data: Any,  # noqa: ANN401 - anything
    feature_names: Sequence[str] | None,
    only: Container[str] | None,
) -> Iterator[_Readers]:
    """Yield the tables in what was given."""
    if _is_table(data) or isinstance(data, str | bytes) or not isinstance(data, Iterable):
        yield from _batches(data, feature_names, only)
        return
    for part in data:
        yield from _batches(part, feature_names, only)


def _is_table(data: object) -> bool:
    """Return whether this has columns, or should have: other iterables are batches of tables."""
    if isinstance(data, np.ndarray | Mapping) or is_arrow(data):
        return True
    libraries = ("dask", "pandas", "polars", "pyarrow")
    return any(is_from(data, name) for name in libraries) and not isinstance(data, Iterator)


def _batches(
    data: Any,  # noqa: ANN401 - anything
    feature_names: Sequence[str] | None,
    only: Container[str] | None,
) -> Iterator[_Readers]:
    if isinstance(data, np.ndarray) and not data.dtype.names:
        yield _of_matrix(data, feature_names)
        return
    _refuse(data)
    if feature_names is not None:
        raise InvalidDataError(
            f"feature_names are for a 2-D array, and {type_name(data)} has names of its own: leave them out"
        )
    if isinstance(data, np.ndarray):
        yield [(name, partial(read_array, data[name], name)) for name in data.dtype.names or ()]
    elif isinstance(data, Mapping):
        yield _of_mapping(data, only)
    elif is_from(data, "pandas") and hasattr(data, "columns"):
        yield [(name, partial(_of_pandas, data, name)) for name in data.columns]
    elif is_from(data, "polars") and hasattr(data, "get_column"):
        yield [(name, partial(_of_polars, data, name)) for name in data.columns]
    else:
        for batch in record_batches(data):
            names = batch.schema.names
            yield [(name, partial(_of_arrow, batch, place, name)) for place, name in enumerate(names)]


def _refuse(data: object) -> None:
    """Raise if this is no table, or one that has yet to be computed."""
    if not _is_table(data):
        raise InvalidDataError(f"{shorten(data)} ({type_name(data)}) is no table: give {_TABLES}")
    if is_from(data, "polars") and hasattr(data, "collect"):
        raise InvalidDataError(
            "a polars LazyFrame has no rows yet: call .collect() first; if it is larger than memory, give "
            "an iterator of DataFrames"
        )
    if is_from(data, "dask"):
        raise InvalidDataError(
            f"{type_name(data)} is not read in batches: give a Dask DataFrame, whole and by itself "
            "(dask.dataframe.concat joins several)"
        )


def _of_matrix(data: NDArray[Any], names: Sequence[str] | None) -> _Readers:
    if data.ndim != 2:  # noqa: PLR2004 - rows and columns
        raise InvalidDataError(
            f"an array of shape {data.shape} is no table: give one of shape (rows, features) with "
            "feature_names, or a mapping of names to arrays"
        )
    if names is None:
        raise InvalidDataError(
            f"an array of {data.shape[1]:,} columns without names: say which they are with feature_names, or "
            "give a mapping of names to arrays"
        )
    if len(names) != data.shape[1]:
        raise InvalidDataError(f"{len(names):,} feature_names for an array of {data.shape[1]:,} columns")
    matrix = data if isinstance(data, np.ma.MaskedArray) else np.asarray(data)
    return [(name, partial(_of_place, matrix, place, name)) for place, name in enumerate(names)]


def _of_mapping(data: Mapping[Any, Any], only: Container[str] | None) -> _Readers:
    lengths: dict[int, Any] = {}
    for name, values in data.items():
        if only is not None and name not in only:
            continue
        try:
            lengths.setdefault(len(values), name)
        except TypeError as error:
            raise InvalidDataError(
                f"column {shorten(name)} is a single value, {shorten(values)}: give one value per row, "
                "an array or a list of shape (n,)"
            ) from error
    if len(lengths) > 1:
        told = ", ".join(f"{shorten(name)} has {length:,}" for length, name in lengths.items())
        raise InvalidDataError(f"columns of different lengths ({told} rows): give each a value per row")
    return [(name, partial(_of_value, values, name)) for name, values in data.items()]


def _of_place(matrix: NDArray[Any], place: int, name: str) -> Column:
    return read_array(matrix[:, place], name)


def _of_pandas(frame: Any, name: str) -> Column:  # noqa: ANN401 - pandas has no types
    return read_pandas(frame[name], name)


def _of_polars(frame: Any, name: str) -> Column:  # noqa: ANN401 - polars is not imported
    return read_polars(frame.get_column(name), name)


def _of_arrow(batch: Any, place: int, name: str) -> Column:  # noqa: ANN401 - Arrow has no types
    return read_arrow(batch.column(place), name)


def _of_value(values: Any, name: str) -> Column:  # noqa: ANN401 - anything
    """Return what a mapping holds as a column."""
    if isinstance(values, np.ndarray):
        return read_array(values, name)
    if isinstance(values, list | tuple):
        return read_items(values, name)
    if is_from(values, "pandas") and hasattr(values, "dtype"):
        return read_pandas(values, name)
    if is_from(values, "polars") and hasattr(values, "dtype"):
        return read_polars(values, name)
    if is_from(values, "pyarrow") and hasattr(values, "type"):
        return read_arrow(values, name)
    if is_arrow(values):
        return read_arrow(arrow_array(values), name)
    try:
        array = np.asarray(values)
    except (RuntimeError, TypeError, ValueError) as error:  # on another device, of uneven lengths
        raise unusable(name, type_name(values)) from error
    return read_array(array, name)
