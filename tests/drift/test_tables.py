"""Tables of any library as batches of columns."""

import datetime as dt
import sys
import tracemalloc
from collections import deque
from decimal import Decimal
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from mlprod.drift._column import Categories, all_missing
from mlprod.drift._tables import read_batches
from mlprod.errors import InvalidDataError, MissingExtraError

NAN = float("nan")
PRICES = [10.5, 11.0, 9.25]
SIDES = ["buy", None, "sell"]


class Stream:
    """Any other library's table or column, of which only the Arrow C stream is known."""

    def __init__(self, table):
        self._table = table

    def __len__(self):
        return len(self._table)

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


class Batch:
    """Any other library's record batch or column."""

    def __init__(self, array):
        self._array = array

    def __len__(self):
        return len(self._array)

    def __arrow_c_array__(self, requested_schema=None):
        return self._array.__arrow_c_array__(requested_schema)


def library(name):
    return pytest.importorskip(name)


def plain(column):
    """Return a column as a list; what is missing is None."""
    if isinstance(column, Categories):
        assert np.int32 == column.codes.dtype
        assert len(set(column.labels)) == len(column.labels)
        return [None if code < 0 else column.labels[code] for code in column.codes]
    assert np.float64 == column.dtype
    assert column.flags.c_contiguous
    return [None if np.isnan(value) else value for value in column.tolist()]


def read(data, **options):
    (batch,) = read_batches(data, **options)
    return {name: plain(column) for name, column in batch.items()}


def column(values):
    return read({"x": values})["x"]


def refusal(data, **options):
    """Return the message with which a table is refused, when it is opened or read."""
    with pytest.raises(InvalidDataError) as caught:
        [dict(batch) for batch in read_batches(data, **options)]
    return str(caught.value)


# Any library


def test_a_mapping_of_lists_is_a_table():
    assert {"price": PRICES, "side": SIDES} == read({"price": PRICES, "side": SIDES})


def test_a_mapping_may_hold_columns_of_every_library():
    pandas, polars, pyarrow = library("pandas"), library("polars"), library("pyarrow")
    table = {
        "tuple": (1, 2),
        "numpy": np.array([1, 2]),
        "pandas": pandas.Series([1, 2], index=[7, 3]),
        "index": pandas.Index([1, 2]),
        "masked": pandas.array([1, None]),
        "categorical": pandas.Categorical(["a", None]),
        "polars": polars.Series([1, 2]),
        "arrow": pyarrow.array([1, 2]),
        "chunks": pyarrow.chunked_array([[1], [2]]),
        "other": Batch(pyarrow.array([1, 2])),
        "stream": Stream(pyarrow.chunked_array([[1], [2]])),
        "range": range(1, 3),
    }
    expected = {key: [1.0, 2.0] for key in table} | {"masked": [1.0, None], "categorical": ["a", None]}
    assert expected == read(table)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_matrix_has_the_names_it_is_given(order):
    matrix = np.array([[1, 2, 3], [4, 5, 6]], order=order)
    assert {"a": [1.0, 4.0], "b": [2.0, 5.0], "c": [3.0, 6.0]} == read(matrix, feature_names=["a", "b", "c"])


def test_what_is_masked_in_a_matrix_is_missing():
    matrix = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[True, False], [False, False]])
    assert {"a": [None, 3.0], "b": [2.0, 4.0]} == read(matrix, feature_names=("a", "b"))


def test_a_structured_array_has_names_of_its_own():
    rows = np.array([(1.5, "a"), (2.5, "b")], dtype=[("price", float), ("side", "U1")])
    assert {"price": [1.5, 2.5], "side": ["a", "b"]} == read(rows)


@pytest.mark.parametrize(
    "make",
    [
        lambda: library("pandas").DataFrame({"price": PRICES, "side": SIDES}, index=[5, 5, 1]),
        lambda: library("polars").DataFrame({"price": PRICES, "side": SIDES}),
        lambda: library("pyarrow").table({"price": PRICES, "side": SIDES}),
        lambda: library("pyarrow").record_batch({"price": PRICES, "side": SIDES}),
        lambda: library("pyarrow").table({"price": PRICES, "side": SIDES}).to_reader(),
        lambda: library("pyarrow.dataset").dataset(
            library("pyarrow").table({"price": PRICES, "side": SIDES})
        ),
        lambda: Stream(library("polars").DataFrame({"price": PRICES, "side": SIDES})),
        lambda: Stream(library("pyarrow").table({"price": PRICES, "side": SIDES})),
        lambda: Batch(library("pyarrow").record_batch({"price": PRICES, "side": SIDES})),
    ],
    ids=["pandas", "polars", "table", "batch", "reader", "dataset", "other", "another", "other batch"],
)
def test_a_table_of_any_library_gives_the_same_columns(make):
    pytest.importorskip("pyarrow")
    assert {"price": PRICES, "side": SIDES} == read(make())


def test_an_arrow_table_is_read_in_its_own_batches():
    pyarrow = library("pyarrow")
    chunks = pyarrow.chunked_array([["a"], ["b", "a"]])
    columns = [plain(batch["x"]) for batch in read_batches(pyarrow.table({"x": chunks}))]
    assert [["a"], ["b", "a"]] == columns


@pytest.mark.parametrize("name", ["pandas", "polars", "pyarrow"])
def test_a_table_without_rows_has_its_columns_still(name):
    package = library(name)
    empty = package.table({"x": [1.0]}).slice(1) if name == "pyarrow" else package.DataFrame({"x": [1.0]})[:0]
    assert {"x": []} == read(empty)


def test_no_rows_are_no_error():
    assert {"x": []} == read({"x": []})
    assert [] == list(read_batches([]))


# Numbers


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "i8", "u1", "u8", "f2", "f4", ">f8", "f8", "longdouble"])
def test_numbers_of_any_size_are_floats(kind):
    assert [1.0, 0.0, 100.0] == column(np.array([1, 0, 100], dtype=kind))


def test_infinities_stay():
    assert [float("inf"), float("-inf"), None] == column(np.array([np.inf, -np.inf, np.nan]))


def test_a_long_double_beyond_a_double_is_infinite():
    assert [float("inf")] == column(np.array([np.finfo(np.longdouble).max]))


def test_a_strided_array_is_read_in_order():
    assert [3.0, 2.0, 1.0] == column(np.array([1.0, 9.0, 2.0, 9.0, 3.0])[::-2])


@pytest.mark.parametrize("make", [list, lambda items: np.array(items, object)], ids=["list", "objects"])
def test_objects_may_be_numbers_of_several_types(make):
    values = [1, 2.5, None, NAN, Decimal("0.25"), Fraction(1, 2), np.float32(4), np.int8(5), Decimal("NaN")]
    assert [1.0, 2.5, None, None, 0.25, 0.5, 4.0, 5.0, None] == column(make(values))


def test_a_column_of_nothing_is_of_missing_numbers():
    assert [None, None] == column([None, None])


@pytest.mark.parametrize("kind", ["Int64", "UInt8", "Float32", "float64", "int16", "Sparse[float64]"])
def test_numbers_of_pandas(kind):
    pandas = library("pandas")
    assert [1.0, 0.0, 3.0] == column(pandas.Series([1, 0, 3], dtype=kind))


@pytest.mark.parametrize("kind", ["Int64", "Float32", "int64[pyarrow]", "object"])
def test_missing_numbers_of_pandas(kind):
    pandas = library("pandas")
    pytest.importorskip("pyarrow")
    assert [1.0, None, 3.0] == column(pandas.Series([1, pandas.NA, 3], dtype=kind))


@pytest.mark.parametrize("kind", ["Int8", "UInt64", "Float32", "Float64", "Decimal"])
def test_numbers_of_polars(kind):
    polars = library("polars")
    values = [1, None, 3] if kind != "Decimal" else [Decimal(1), None, Decimal(3)]
    assert [1.0, None, 3.0] == column(polars.Series(values, dtype=getattr(polars, kind)))


@pytest.mark.parametrize("kind", ["int8", "uint64", "float16", "float32", "float64", "decimal128"])
def test_numbers_of_arrow(kind):
    pyarrow = library("pyarrow")
    made = pyarrow.decimal128(5, 2) if kind == "decimal128" else getattr(pyarrow, kind)()
    whole = pyarrow.array([1.0, None, 3.0]).cast(made)
    assert [1.0, None, 3.0] == column(whole)
    assert [3.0] == column(whole.slice(2))
    assert [1.0, None, 3.0, 1.0, None, 3.0] == column(pyarrow.chunked_array([whole, whole]))


def test_integers_that_no_float_holds_are_rounded():
    polars, pyarrow = library("polars"), library("pyarrow")
    for made in ([2**60 + 1], np.array([2**60 + 1]), polars.Series([2**60 + 1]), pyarrow.array([2**60 + 1])):
        assert [2.0**60] == column(made)


@pytest.mark.parametrize("name", ["polars", "pyarrow"])
def test_columns_of_the_type_null_are_missing(name):
    package = library(name)
    assert [None, None] == column((package.Series if name == "polars" else package.array)([None, None]))


# Categories


@pytest.mark.parametrize("make", [list, np.array, lambda items: np.array(items, object)], ids=count())
def test_texts_and_booleans_are_categories(make):
    assert ["b", "a", "", "b"] == column(make(["b", "a", "", "b"]))
    assert ["true", "false"] == column(make([True, False]))


def test_labels_are_in_the_order_they_occur():
    (batch,) = read_batches({"x": ["b", None, "a", "b"]})
    assert Categories(np.array([0, -1, 1, 0], np.int32), ("b", "a")) == batch["x"]


def test_nothing_and_not_a_number_are_missing_texts():
    assert ["a", None, None, None, "b"] == column(["a", None, NAN, float("nan"), np.str_("b")])
    assert ["true", None, "false"] == column([True, NAN, np.False_])


def test_strings_of_numpy():
    kind = np.dtypes.StringDType(na_object=None)
    assert ["a", None, "a"] == column(np.array(["a", None, "a"], dtype=kind))


def test_what_is_masked_is_a_missing_category():
    assert ["a", None] == column(np.ma.array(["a", "b"], mask=[False, True]))


@pytest.mark.parametrize("kind", ["str", "string", "object", "category", "string[pyarrow]", "large_string"])
def test_texts_of_pandas(kind):
    pandas, pyarrow = library("pandas"), library("pyarrow")
    dtype = pandas.ArrowDtype(pyarrow.large_string()) if kind == "large_string" else kind
    assert ["b", None, "a", "b"] == column(pandas.Series(["b", None, "a", "b"], dtype=dtype))


@pytest.mark.parametrize("kind", ["boolean", "object", "category", "bool[pyarrow]"])
def test_booleans_of_pandas(kind):
    pandas = library("pandas")
    pytest.importorskip("pyarrow")
    assert ["true", None, "false"] == column(pandas.Series([True, None, False], dtype=kind))


def test_categories_of_pandas_need_not_be_texts():
    pandas = library("pandas")
    assert ["2", None, "1"] == column(pandas.Series([2, None, 1], dtype="Int64").astype("category"))
    assert ["0.5", "1.0"] == column(pandas.Series([0.5, 1.0], dtype="category"))
    assert ["(0, 10]", "(10, 20]", None] == column(pandas.cut(pandas.Series([5, 15, 99]), [0, 10, 20]))


def test_categories_that_read_alike_are_one():
    pandas = library("pandas")
    (batch,) = read_batches({"x": pandas.Series([1, "1", None, 2], dtype=object).astype("category")})
    assert {"1", "2"} == set(batch["x"].labels)
    assert ["1", "1", None, "2"] == plain(batch["x"])


@pytest.mark.parametrize("kind", ["String", "Categorical", "Enum", "Object"])
def test_texts_of_polars(kind):
    polars = library("polars")
    dtype = polars.Enum(["a", "b", "unused"]) if kind == "Enum" else getattr(polars, kind)
    assert ["b", None, "a", "b"] == column(polars.Series(["b", None, "a", "b"], dtype=dtype))


def test_texts_of_polars_that_are_all_missing():
    polars = library("polars")
    assert [None, None] == column(polars.Series([None, None], dtype=polars.String))


def test_booleans_of_polars():
    assert ["true", None, "false"] == column(library("polars").Series([True, None, False]))


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "bool_", "int8", "uint32"])
def test_categories_of_arrow(kind):
    pyarrow = library("pyarrow")
    words = ["true", None, "false", "true"]
    if kind in {"int8", "uint32"}:
        made = pyarrow.array(words).cast(pyarrow.dictionary(getattr(pyarrow, kind)(), pyarrow.string()))
    else:
        made = pyarrow.array(
            [True, None, False, True] if kind == "bool_" else words, getattr(pyarrow, kind)()
        )
    assert words == column(made)
    assert words[1:] == column(made.slice(1))
    assert [*words, "false", "true"] == column(pyarrow.chunked_array([made, made.slice(2)]))


def test_a_dictionary_of_arrow_may_hold_a_value_twice_or_none():
    pyarrow = library("pyarrow")
    made = pyarrow.DictionaryArray.from_arrays([0, 1, 2, 3, None], ["a", "a", None, "b"])
    assert ["a", "a", None, "b", None] == column(made)


# No copies


def test_contiguous_floats_are_the_callers_own_memory():
    values = np.arange(4.0)
    (batch,) = read_batches({"x": values})
    assert np.shares_memory(values, batch["x"])


@pytest.mark.parametrize("name", ["pandas", "polars", "pyarrow"])
def test_contiguous_floats_of_a_table_are_its_own_memory(name):
    package = library(name)
    table = (package.table if name == "pyarrow" else package.DataFrame)({"x": np.arange(4.0)})
    (one,), (other,) = read_batches(table), read_batches(table)
    assert np.shares_memory(one["x"], other["x"])


def test_one_column_at_a_time_is_in_memory():
    table = {f"feature_{place}": np.zeros(10_000, np.int64) for place in range(100)}
    tracemalloc.start()
    for batch in read_batches(table):
        assert 100 * 10_000 == sum(len(column) for column in batch.values())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 80_000  # bytes: of a hundred columns of floats it would be 8,000,000


def test_an_iterator_is_read_in_flat_memory():
    batches = ({"x": np.full(100_000, place)} for place in range(100))
    tracemalloc.start()
    total = sum(batch["x"].sum() for batch in read_batches(batches))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 100_000 * 4950 == total
    assert peak < 3.5 * 800_000  # bytes: two batches and a column; of all batches it would be 80,000,000


# Iterators


@pytest.mark.parametrize(
    "make", [list, tuple, iter, lambda batches: (batch for batch in batches)], ids=count()
)
def test_batches_may_come_one_after_another(make):
    batches = make([{"x": [1.0], "y": ["a"]}, {"y": ["b"], "x": [2.0]}])
    assert [([1.0], ["a"]), ([2.0], ["b"])] == [
        (plain(batch["x"]), plain(batch["y"])) for batch in read_batches(batches)
    ]


def test_batches_may_be_of_several_libraries():
    pandas, polars = library("pandas"), library("polars")
    batches = [{"x": [1]}, pandas.DataFrame({"x": [2]}), polars.DataFrame({"x": [3]})]
    assert [[1.0], [2.0], [3.0]] == [plain(batch["x"]) for batch in read_batches(batches)]


def test_matrices_in_an_iterator_have_the_same_names():
    batches = [np.zeros((1, 2)), np.ones((2, 2))]
    assert [[0.0], [1.0, 1.0]] == [plain(b["b"]) for b in read_batches(batches, feature_names=["a", "b"])]


def test_chunks_of_a_file_are_batches(tmp_path):
    pandas = library("pandas")
    (tmp_path / "file.csv").write_text("x,y\n1,a\n2,b\n3,a\n")
    with pandas.read_csv(tmp_path / "file.csv", chunksize=2) as chunks:
        assert [[1.0, 2.0], [3.0]] == [plain(batch["x"]) for batch in read_batches(chunks)]


@pytest.mark.parametrize("nothing", [[None], [NAN], [], ["", None][1:]])
@pytest.mark.parametrize("kind", [[1.0], ["a"]])
def test_a_batch_without_any_value_fits_either_kind(nothing, kind):
    batches = [{"x": nothing}, {"x": kind}, {"x": nothing}, {"x": kind}]
    assert kind == [plain(batch["x"]) for batch in read_batches(batches)][-1]


def test_missing_categories_fit_numbers():
    polars = library("polars")
    missing = polars.Series([None], dtype=polars.String)
    batches = [{"x": missing}, {"x": [1.0]}, {"x": missing}]
    assert [[None], [1.0], [None]] == [plain(batch["x"]) for batch in read_batches(batches)]


def test_only_all_rows_without_a_value_are_all_missing():
    assert [True, True, False, False, True, False] == [
        all_missing(np.empty(0)),
        all_missing(np.array([NAN, NAN])),
        all_missing(np.array([NAN, 1.0])),
        all_missing(np.array([1.0, NAN])),
        all_missing(Categories(np.array([-1, -1], np.int32), ("a",))),
        all_missing(Categories(np.array([-1, 0], np.int32), ("a",))),
    ]


# Only some columns


def test_columns_that_nobody_asked_for_are_not_read():
    table = {"x": [1.0], "when": [dt.datetime(2026, 3, 2, tzinfo=dt.UTC)], "nested": [[1]], "symbol": 7}
    assert {"x": [1.0]} == read(table, only={"x"})


def test_columns_that_nobody_asked_for_may_come_and_go():
    batches = [{"x": [1.0], "y": [1]}, {"x": [2.0]}]
    assert [{"x"}, {"x"}] == [set(batch) for batch in read_batches(batches, only=["x"])]


def test_a_batch_counts_its_columns_and_knows_their_names():
    (batch,) = read_batches({"x": [1.0, 2.0], "y": ["a", 1]})
    assert (2, ["x", "y"]) == (len(batch), list(batch))
    assert (True, False) == ("y" in batch, "z" in batch)  # without reading y, which is refused


# Bad input


@pytest.mark.parametrize(
    "make",
    [
        lambda: [dt.date(2026, 3, 2)],
        lambda: [dt.datetime(2026, 3, 2, tzinfo=dt.UTC), None],
        lambda: [dt.time(9, 30)],
        lambda: [dt.timedelta(1)],
        lambda: [np.datetime64("2026-03-02")],
        lambda: [np.timedelta64(1, "s")],
        lambda: ["a", dt.date(2026, 3, 2)],
        lambda: np.array(["2026-03-02"], "M8[ns]"),
        lambda: np.array([1], "m8[s]"),
        lambda: library("pandas").Series([library("pandas").Timestamp("2026-03-02")]),
        lambda: library("pandas").Series([library("pandas").Timestamp("2026-03-02", tz="UTC")]),
        lambda: library("pandas").Series([library("pandas").NaT], dtype=object),
        lambda: library("pandas").Series([dt.date(2026, 3, 2)], dtype="category"),
        lambda: library("polars").Series([dt.date(2026, 3, 2)]),
        lambda: library("pyarrow").array([dt.timedelta(1)]),
        lambda: library("pyarrow").array([dt.date(2026, 3, 2)]).dictionary_encode(),
    ],
    ids=count(),
)
def test_times_are_refused(make):
    told = refusal({"when": make()})
    assert told.startswith("column 'when' holds times (")
    assert "always move on: give what the model sees of them, such as the hour or the weekday" in told


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: [1j], "complex"),
        (lambda: [b"a"], "bytes"),
        (lambda: [[1], [2]], "list"),
        (lambda: [{"a": 1}], "dict"),
        (lambda: ["a", {"a"}], "set"),
        (lambda: [np.zeros(2)], "ndarray"),
        (lambda: [object()], "object"),
        (lambda: np.array([1j]), "complex128"),
        (lambda: np.array([b"a"]), "|S1"),
        (lambda: np.zeros(1, [("a", int)]), "[('a', '<i8')]"),
        (lambda: library("pandas").Series([library("pandas").Period("2026-03")]), "Period"),
        (lambda: library("pandas").Series([b"a"], dtype="category"), "bytes"),
        (lambda: library("polars").Series([[1]]), "List(Int64)"),
        (lambda: library("polars").Series([b"a"]), "Binary"),
        (lambda: library("pyarrow").array([[1]]), "list<item: int64>"),
        (lambda: library("pyarrow").array([{"a": 1}]), "struct<a: int64>"),
    ],
    ids=count(),
)
def test_what_is_neither_number_nor_text_is_refused(make, kind):
    assert (
        f"column 'x' holds {kind}: a column is of numbers, texts, booleans or categories; give what the "
        "model sees of it, or leave it out"
    ) == refusal({"x": make()})


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ([1, "a"], "int, str"),
        ([1.5, "a"], "float, str"),
        ([True, 1.0], "bool, float"),
        ([True, 2], "bool, int"),
        ([True, "a"], "bool, str"),
        ([Decimal(1), "a"], "Decimal, str"),
    ],
)
def test_mixed_values_are_refused(values, kinds):
    assert (
        f"column 'x' mixes {kinds}: make all of its values numbers, or all of them texts"
    ) == refusal({"x": np.array(values, object)})  # fmt: skip


@pytest.mark.parametrize("value", [10**400, Decimal("sNaN")])
def test_numbers_that_no_float_holds_are_refused(value):
    assert refusal({"x": [1.0, value]}).startswith("column 'x' holds a number that no float can hold (")


@pytest.mark.parametrize("make", [list, lambda items: np.array(items, object)], ids=count())
def test_text_that_utf8_cannot_encode_is_refused(make):
    assert "column 'x' holds text that is not valid (a lone surrogate)" in refusal(
        {"x": make(["a", "\ud800"])}
    )


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (1.5, "column 'x' is a single value, 1.5: give one value per row"),
        (None, "column 'x' is a single value, None: give one value per row"),
        (np.array(1.5), "column 'x' is a single value, array(1.5): give one value per row"),
        ("text", "column 'x' is a single value: give one value per row"),
        ({"a": 1}, "column 'x' is a single value: give one value per row"),
        (np.zeros((3, 1)), "column 'x' is an array of shape (3, 1): give one value per row"),
    ],
)
def test_a_column_is_of_one_value_per_row(values, told):
    assert refusal({"x": values}).startswith(told)


def test_a_column_that_is_no_array_is_refused():
    class Elsewhere:
        def __len__(self):
            return 1

        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("on another device")

    assert "Elsewhere: a column is of numbers" in refusal({"x": Elsewhere()})
    assert "collections.deque: a column is of numbers" in refusal({"x": deque([[1], [1, 2]])})


def test_a_table_is_no_column():
    pandas, polars = library("pandas"), library("polars")
    pytest.importorskip("pyarrow")
    for package in (pandas, polars):
        assert "column 'x' holds struct<a: double>" in refusal({"x": package.DataFrame({"a": [1.0]})})


def test_rows_given_as_mappings_are_refused():
    assert "column 'x' is a single value, 1.0" in refusal([{"x": 1.0}, {"x": 2.0}])


@pytest.mark.parametrize(
    "make",
    [
        dict,
        lambda: np.zeros((3, 0)),
        lambda: library("pandas").DataFrame(),
        lambda: library("polars").DataFrame(),
        lambda: library("pyarrow").table({}),
    ],
    ids=count(),
)
def test_a_table_without_columns_is_refused(make):
    options = {"feature_names": []} if isinstance(make(), np.ndarray) else {}
    assert "a table without columns: give at least one" == refusal(make(), **options)


@pytest.mark.parametrize(
    "make",
    [
        lambda: library("pandas").DataFrame([[1.0, 2.0, 3.0]], columns=["x", "y", "x"]),
        lambda: library("pyarrow").table([[1.0], [2.0], [3.0]], names=["x", "y", "x"]),
        lambda: Stream(library("pyarrow").table([[1.0], [2.0], [3.0]], names=["x", "y", "x"])),
    ],
    ids=count(),
)
def test_a_name_that_two_columns_have_is_refused(make):
    assert "more than one column is named 'x': rename or drop all but one" == refusal(make())
    assert {"y": [2.0]} == read(make(), only=["y"])


def test_feature_names_that_repeat_are_refused():
    assert "more than one column is named 'x': rename or drop all but one" == refusal(
        np.zeros((2, 2)), feature_names=["x", "x"]
    )


def test_columns_of_different_lengths_are_refused():
    assert "columns of different lengths ('x' has 2, 'z' has 1 rows): give each a value per row" == refusal(
        {"x": [1, 2], "y": [1, 2], "z": [1]}
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: {0: [1.0]},
        lambda: library("pandas").DataFrame([[1.0]]),
        lambda: library("pandas").DataFrame([[1.0]], columns=["a"]).rename(columns={"a": 0}),
    ],
    ids=count(),
)
def test_names_that_are_no_strings_are_refused(make):
    assert (
        "names of columns must be strings, not 0 (int): rename them, for example to f'feature_{name}'"
    ) == refusal(make())


def test_levels_of_names_are_refused():
    pandas = library("pandas")
    frame = pandas.DataFrame([[1.0]], columns=pandas.MultiIndex.from_tuples([("a", "b")]))
    assert refusal(frame).startswith("names of columns must be strings, not ('a', 'b') (tuple)")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("x" * 513, "the name of a column has 513 characters; at most 512 are kept"),
        ("\ud800", "the name of a column is not valid text (it holds a lone surrogate)"),
    ],
)
def test_names_that_cannot_be_kept_are_refused(name, told):
    assert refusal({name: [1.0]}).startswith(told)


def test_a_name_of_512_characters_is_kept():
    assert {"x" * 512: [1.0]} == read({"x" * 512: [1.0]})


def test_a_matrix_needs_names():
    assert refusal(np.zeros((5, 2))).startswith(
        "an array of 2 columns without names: say which they are with feature_names"
    )
    assert "1 feature_names for an array of 2 columns" == refusal(np.zeros((5, 2)), feature_names=["a"])


@pytest.mark.parametrize("shape", [(), (5,), (5, 2, 2)])
def test_an_array_of_another_shape_is_refused(shape):
    assert refusal(np.zeros(shape), feature_names=["a", "b"]).startswith(
        f"an array of shape {shape} is no table: give one of shape (rows, features)"
    )


@pytest.mark.parametrize(
    "make", [lambda: {"x": [1.0]}, lambda: library("pandas").DataFrame({"x": [1.0]})], ids=count()
)
def test_feature_names_for_a_table_with_names_are_refused(make):
    assert "has names of its own: leave them out" in refusal(make(), feature_names=["x"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: None,
        lambda: 1.5,
        lambda: "file.csv",
        lambda: b"x",
        lambda: Path("file.csv"),
        lambda: [1.0, 2.0],
        lambda: ["x", "y"],
        lambda: [[1.0], [2.0]],
        lambda: [iter([{"x": [1.0]}])],
    ],
    ids=count(),
)
def test_what_is_no_table_is_refused(make):
    assert "is no table: give a mapping of names to arrays, a 2-D array with feature_names" in refusal(make())


@pytest.mark.parametrize(
    "make",
    [
        lambda: library("pandas").Series([1.0]),
        lambda: library("polars").Series([1.0]),
        lambda: library("pyarrow").array([1.0]),
        lambda: library("pyarrow").chunked_array([[1.0]]),
        lambda: library("pyarrow").schema([]),
        lambda: Stream(library("pyarrow").chunked_array([[1.0]])),
    ],
    ids=count(),
)
def test_a_single_column_is_no_table(make):
    pytest.importorskip("pyarrow")
    assert "is no Arrow table, of named columns: give a single column in a mapping" in refusal(make())


def test_a_lazy_frame_is_to_be_collected():
    lazy = library("polars").LazyFrame({"x": [1.0]})
    assert refusal(lazy).startswith("a polars LazyFrame has no rows yet: call .collect() first")


def test_batches_with_other_columns_are_refused():
    told = "batches differ in their columns: 'y' is not in all of them; give each batch the same columns"
    assert told == refusal([{"x": [1.0], "y": [1.0]}, {"x": [1.0]}])
    assert told == refusal([{"x": [1.0]}, {"x": [1.0], "y": [1.0]}])


def test_a_column_that_changes_its_kind_is_refused():
    assert (
        "column 'x' holds numbers in this batch and categories in one before: make them the same"
    ) == refusal([{"x": [None]}, {"x": ["a"]}, {"x": [1.0]}])
    assert (
        "column 'x' holds categories in this batch and numbers in one before: make them the same"
    ) == refusal([{"x": [1.0]}, {"x": ["a"]}])


def test_without_pyarrow_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mlprod\[arrow\]'"):
        next(read_batches(Stream(None)))


def test_an_error_of_the_callers_iterator_is_the_callers():
    def broken():
        yield {"x": [1.0]}
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(read_batches(broken()))


def test_looking_at_a_table_imports_no_library(unmeasured, tmp_path):
    assert [] == unmeasured(__file__, "imported", tmp_path)


def imported(_):
    """Return which libraries are imported by reading plain columns."""
    for batch in read_batches({"x": [1.0, None], "y": ["a", "b"], "z": np.array([True, False])}):
        dict(batch)
    return [name for name in ("dask", "pandas", "polars", "pyarrow", "scipy") if name in sys.modules]
