"""Bins of a table that comes in batches: those of the whole, within a bound that is told."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprod.drift._column import Categories
from mlprod.drift._gathering import feature_of
from mlprod.drift._measuring import gather
from mlprod.drift._rebatching import length, rebatched
from mlprod.drift._tables import read_batches
from mlprod.errors import InvalidDataError
from mlprod.stats import FrequentItems, SerialSums, ks_bounds

RNG = np.random.default_rng(0)
ROWS = 300_000  # more than a sketch keeps, so that something is left out


def split(columns, rows=25_000):
    size = len(next(iter(columns.values())))
    return (
        {name: column[start : start + rows] for name, column in columns.items()}
        for start in range(0, size, rows)
    )


@pytest.fixture(scope="module")
def column():
    """Give a column with a heavy value, some infinities and missing values."""
    values = RNG.lognormal(size=ROWS)
    values[RNG.random(ROWS) < 0.2] = 1.0
    values[:30], values[30:50], values[50:1050] = math.inf, -math.inf, math.nan
    return RNG.permutation(values)


@pytest.fixture(scope="module")
def gathered(column):
    features, rows, sample = gather(split({"x": column}), bins=10)
    return SimpleNamespace(feature=features["x"], rows=rows, sample=sample)


class TestNumbersInBatches:
    def test_all_rows_are_counted(self, gathered):
        assert (ROWS, ROWS) == (gathered.rows, gathered.feature.rows)
        assert 1000 == gathered.feature.counts.missing
        assert ROWS - 1000 == gathered.feature.counts.present

    def test_moments_and_extremes_are_exact(self, column, gathered):
        finite = column[np.isfinite(column)]
        counts = gathered.feature.counts
        assert (finite.min(), finite.max()) == (counts.minimum, counts.maximum)
        assert (len(finite), pytest.approx(finite.mean())) == (counts.moments.count, counts.moments.mean)
        assert finite.var(ddof=1) == pytest.approx(counts.moments.variance())

    def test_ranks_are_known_within_the_bound(self, column, gathered):
        """Counted by hand: how many values are at most as large as each point of the grid."""
        feature = gathered.feature
        assert 0 < feature.rank_error < ROWS / 1000
        ordered = np.sort(column[~np.isnan(column)])
        expected = np.searchsorted(ordered, feature.bins.grid, "right")
        found = np.cumsum(feature.counts.cells)[1::2]
        assert np.abs(expected - found).max() <= feature.rank_error

    def test_bins_are_those_of_the_whole_within_the_bound(self, column, gathered):
        exact = feature_of(column, bins=10)
        heavy = exact.bins.labels().index("1")
        assert (len(exact.bins.ends), "1") == (
            len(gathered.feature.bins.ends),
            gathered.feature.bins.labels()[heavy],
        )
        difference = exact.bins.binned(exact.counts.cells) - gathered.feature.bins.binned(
            gathered.feature.counts.cells
        )
        assert np.abs(np.cumsum(difference)).max() <= 2 * gathered.feature.rank_error

    def test_the_bounds_of_the_ks_statistic_hold(self, column, gathered):
        current = np.append(RNG.lognormal(0.1, size=3000), [1.0, math.inf])
        large = [np.clip(each, -1e300, 1e300) for each in (column[~np.isnan(column)], current)]  # as far out
        expected = scipy.stats.ks_2samp(*large, method="asymp").statistic
        feature = gathered.feature
        low, high = ks_bounds(feature.counts.cells, feature.measure(current).cells)
        slack = feature.rank_error / feature.counts.present
        assert low - slack <= expected <= high + slack
        assert high - low < 0.005

    def test_the_sample_is_of_all_batches(self, column, gathered):
        assert (512, 1) == gathered.sample.rows.shape
        found = set(gathered.sample.rows[:, 0].tolist())
        per_batch = [found & set(batch["x"].tolist()) - {1.0} for batch in split({"x": column})]
        assert all(per_batch)

    def test_a_table_that_a_sketch_keeps_is_exact(self):
        values = RNG.normal(size=40_000)
        features, _, _ = gather(split({"x": values}, 10_000), bins=10)
        exact = feature_of(values, bins=10)
        assert 0 == features["x"].rank_error
        assert exact.bins.grid.tolist() == features["x"].bins.grid.tolist()
        assert exact.bins.ends.tolist() == features["x"].bins.ends.tolist()
        assert exact.counts.cells.tolist() == features["x"].counts.cells.tolist()

    def test_the_limits_are_those_of_the_first_batch(self):
        values = np.concatenate((np.arange(10_000.0), np.full(20_000, 7.0)))
        features, _, _ = gather(split({"x": values}, 10_000), bins=10)
        assert (499.0, 4999.0, 9499.0) == features["x"].bins.limits

    def test_dependence_is_measured_in_the_order_of_time(self):
        values = RNG.normal(size=30_000)
        features, _, _ = gather(split({"x": values}, 10_000), bins=10)
        low, centre, high = np.quantile(values[:10_000], [0.05, 0.5, 0.95], method="inverted_cdf").tolist()
        expected = sum(
            (SerialSums.of(part, centre=centre, low=low, high=high) for part in np.split(values, 3)),
            SerialSums(),
        )
        np.testing.assert_allclose(expected.sums, features["x"].counts.serial.sums)


class TestCategoriesInBatches:
    def test_few_categories_are_counted_exactly(self):
        sides = RNG.choice(["buy", "sell", "hold"], 30_000, p=[0.5, 0.3, 0.2])
        features, _, _ = gather(split({"side": sides}, 10_000), bins=10)
        expected = [int((sides == side).sum()) for side in ("buy", "sell", "hold")]
        assert ("buy", "sell", "hold") == features["side"].bins.categories
        assert [*expected, 0] == features["side"].counts.cells.tolist()
        assert 0 == features["side"].rank_error

    def test_of_very_many_the_frequent_ones_are_right_within_the_bound(self):
        """100,000 categories, 1,000 rows of each of two of them in every batch."""
        labels = tuple(map(str, range(100_000)))
        batches = [
            {"x": Categories(RNG.permutation(np.append(rare, [0, 1] * 1000)).astype(np.int32), labels)}
            for rare in np.split(np.arange(2, 100_002) % 100_000, 10)
        ]
        features = [feature_of(batch["x"], bins=10) for batch in batches]
        assert {("0", "1")} == {feature.bins.categories for feature in features}
        texts = ({"x": np.array(labels)[batch["x"].codes]} for batch in batches)
        feature = gather(texts, bins=10)[0]["x"]
        first, second, others = feature.counts.cells.tolist()
        assert {"0", "1"} == set(feature.bins.categories)
        assert 0 < feature.rank_error <= 120_000 / (FrequentItems.capacity + 1)
        assert 120_000 == first + second + others
        for found in (first, second):
            assert abs(10_000 - found) <= feature.rank_error + 1

    def test_what_was_frequent_all_along_is_not_counted_short(self):
        """Every tenth row is of one category, the others all of different ones."""
        texts = [[f"{batch}-{row}" if row % 10 else "often" for row in range(10_000)] for batch in range(5)]
        feature = gather(({"x": part} for part in texts), bins=10)[0]["x"]
        assert 0 < feature.rank_error
        assert (("often",), [5000, 45_000]) == (feature.bins.categories, feature.counts.cells.tolist())


class TestKinds:
    """What a feature is shows in the first batch that has values of it."""

    nothing = [None] * 10_000
    numbers = np.arange(10_000.0)
    texts = ["buy", "sell"] * 5000

    @pytest.mark.parametrize(
        ("parts", "kind", "present"),
        [
            ((nothing, numbers), "numeric", 10_000),
            ((nothing, texts), "categorical", 10_000),
            ((nothing, nothing, texts, nothing, texts), "categorical", 20_000),
            ((numbers, nothing), "numeric", 10_000),
            ((texts, nothing), "categorical", 10_000),
            ((nothing, nothing), "numeric", 0),
        ],
    )
    def test_batches_without_a_value_are_of_any_kind(self, parts, kind, present):
        features, rows, sample = gather(({"x": part, "y": self.numbers} for part in parts), bins=10)
        assert (kind, len(parts) * 10_000) == (features["x"].kind, rows)
        assert (present, rows - present) == (features["x"].counts.present, features["x"].counts.missing)
        assert 1 + (kind == "numeric") == sample.rows.shape[1]
        assert not np.isnan(sample.rows[:, -1]).any()

    def test_the_first_values_say_what_is_usual(self):
        features, _, _ = gather(({"x": part} for part in (self.nothing, self.numbers, self.numbers)), bins=10)
        assert (499.0, 4999.0, 9499.0) == features["x"].bins.limits

    @pytest.mark.parametrize("parts", [(numbers, texts), (nothing, texts, numbers), (texts, numbers)])
    def test_a_column_that_changes_its_kind_is_refused(self, parts):
        with pytest.raises(InvalidDataError, match="numbers"):
            gather(({"x": part} for part in parts), bins=10)

    def test_partitions_need_not_agree_on_what_has_no_value(self):
        """They are looked at where they are, each on its own."""
        dataframe, pandas = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
        dask = pytest.importorskip("dask")
        column = pandas.array([pandas.NA] * 11_000 + ["buy"] * 4000 + [pandas.NA] * 5000, dtype="string")
        frame = dataframe.from_pandas(pandas.DataFrame({"x": column, "y": np.arange(20_000)}), npartitions=4)
        with dask.config.set(scheduler="synchronous"):
            features, rows, sample = gather(frame, bins=10)
        assert (20_000, "categorical", [4000, 0], 16_000) == (
            rows, features["x"].kind, features["x"].counts.cells.tolist(), features["x"].counts.missing,
        )  # fmt: skip
        assert (512, 1) == sample.rows.shape

    def test_partitions_of_different_kinds_are_refused(self):
        dataframe, pandas = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
        dask = pytest.importorskip("dask")
        column = np.array([None] * 12_000 + ["buy"] * 4000 + [1.0] * 4000, dtype=object)
        with dask.config.set({"scheduler": "synchronous", "dataframe.convert-string": False}):
            frame = dataframe.from_pandas(pandas.DataFrame({"x": column}), npartitions=5)
            with pytest.raises(InvalidDataError, match="numbers in one part of the data and categories"):
                gather(frame, bins=10)


class TestEmpty:
    @pytest.mark.parametrize("data", [[], {"x": []}, [{"x": []}, {"x": []}]], ids=str)
    def test_without_rows_there_is_no_reference(self, data):
        with pytest.raises(InvalidDataError, match="have no rows"):
            gather(data, bins=10)

    def test_empty_batches_among_others_do_no_harm(self):
        features, rows, _ = gather([{"x": []}, {"x": [1.0, 2.0]}, {"x": []}], bins=10)
        assert (2, [0, 1, 0, 1, 0]) == (rows, features["x"].counts.cells.tolist())

    def test_a_partitioned_table_without_rows(self):
        dataframe, pandas = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
        frame = dataframe.from_pandas(pandas.DataFrame({"x": np.arange(4.0)}), npartitions=2)
        with pytest.raises(InvalidDataError, match="have no rows"):
            gather(frame[frame["x"] > 10], bins=10)


class TestRebatching:
    @pytest.mark.parametrize("size", [3, 997, 9_999, 10_000, 10_001, 30_000])
    def test_the_rows_are_the_same_in_the_same_order(self, size):
        values = np.arange(30_000.0)
        batches = list(rebatched(read_batches(split({"x": values}, size))))
        assert values.tolist() == np.concatenate([batch["x"] for batch in batches]).tolist()
        assert all(length(batch) >= 10_000 for batch in batches[:-1])
        assert max(map(length, batches)) < 10_000 + size

    def test_large_batches_are_not_copied(self):
        values = np.arange(20_000.0)
        (batch,) = rebatched(read_batches([{"x": values}]))
        assert np.shares_memory(values, batch["x"])

    @settings(max_examples=20)
    @given(st.lists(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=5), min_size=1, max_size=8))
    def test_labels_of_batches_are_told_apart(self, parts):
        """Each batch numbers its labels in its own way."""
        (batch,) = rebatched(read_batches({"x": part} for part in parts))
        column, flat = batch["x"], [item for part in parts for item in part]
        if isinstance(column, Categories):
            assert flat == [column.labels[code] if code >= 0 else None for code in column.codes.tolist()]
        else:
            assert [True] * len(flat) == np.isnan(column).tolist()

    def test_columns_are_joined_when_they_are_asked_for(self):
        when = np.array(["2026-01-02"], "M8[D]")
        (batch,) = rebatched(read_batches([{"when": when, "x": [1.0]}, {"when": when, "x": [2.0]}]))
        assert (["when", "x"], 2, 2) == (list(batch), len(batch), length(batch))
        assert ("when" in batch, "y" in batch, [1.0, 2.0]) == (True, False, batch["x"].tolist())
        with pytest.raises(InvalidDataError, match="holds times"):
            batch["when"]

    def test_what_cannot_be_read_has_no_length(self):
        (batch,) = read_batches({"when": np.array(["2026-01-02"], "M8[D]")})
        assert 0 == length(batch)

    def test_no_batches_make_none(self):
        assert [] == list(rebatched([]))
