"""The bins of a feature: chosen once, and what is counted on them."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.drift._bins import CATEGORIES, OTHER, CategoricalBins, NumericBins
from mlprod.drift._column import Categories, read_items
from mlprod.drift._gathering import feature_of

RNG = np.random.default_rng(0)

numbers = st.lists(
    st.one_of(st.integers(-5, 5).map(float), st.floats(allow_nan=False), st.just(math.nan)), max_size=60
)


def bins_of(values, count=10):
    return NumericBins.of(np.sort(np.asarray(values, np.float64)), count=count)


def binned(bins, values):
    return bins.binned(bins.measure(np.asarray(values, np.float64)).cells).tolist()


def counted_in_cells(grid, values):
    """Count by the definition: cell 2 i + 1 is point i, cell 2 i what lies before it."""
    found = Counter(
        2 * sum(point < value for point in grid) + (value in grid)
        for value in values
        if not math.isnan(value)
    )
    return [found[cell] for cell in range(2 * len(grid) + 1)]


class TestNumbers:
    @pytest.mark.parametrize(
        ("count", "expected", "shifted"),
        [(4, [5, 5, 5, 5], [2, 5, 5, 8]), (5, [4, 4, 4, 4, 4], [1, 4, 4, 4, 7])],
    )
    def test_bins_hold_equal_shares_of_the_reference(self, count, expected, shifted):
        bins = bins_of(range(1, 21), count)
        assert expected == binned(bins, range(1, 21))
        assert shifted == binned(bins, range(4, 24))

    def test_the_edges_are_the_quantiles_of_numpy(self):
        values = RNG.normal(size=10_007)
        bins = bins_of(values)
        expected = np.quantile(values, np.arange(1, 10) / 10, method="inverted_cdf")
        assert expected.tolist() == bins.grid[(bins.ends - 1) // 2].tolist()

    def test_up_to_500_distinct_values_are_all_points(self):
        values = RNG.integers(500, size=5000).astype(float)
        assert np.unique(values).tolist() == bins_of(values).grid.tolist()

    def test_of_more_there_are_500_quantiles(self):
        values = RNG.normal(size=100_003)
        expected = np.quantile(values, np.arange(1, 501) / 500, method="inverted_cdf")
        assert expected.tolist() == bins_of(values).grid.tolist()

    def test_a_million_distinct_values_leave_a_five_hundredth_in_each_cell(self):
        bins = bins_of(np.arange(1e6))
        assert {1999, 1, 0} == set(bins.cells(np.arange(1e6)).tolist())

    def test_a_value_that_would_fill_a_bin_has_one_of_its_own(self):
        """Of 1,000 rows 600 are zero, and nothing is lost around them."""
        values = np.concatenate((np.zeros(600), np.arange(1.0, 201), -np.arange(1.0, 201)))
        bins = bins_of(values)
        assert 600 == binned(bins, values)[bins.labels().index("0")]

    def test_one_that_fills_exactly_a_bin_has_one_as_well(self):
        bins = bins_of([*range(15), *[20] * 5], 4)  # a quarter of 20 rows
        assert 5 == binned(bins, [*range(15), *[20] * 5])[bins.labels().index("20")]

    def test_ties_fall_into_one_bin(self):
        values = np.repeat(np.arange(5.0), 20)
        bins = bins_of(values)
        per_label = dict(zip(bins.labels(), binned(bins, values), strict=True))
        assert {"0": 20, "1": 20, "2": 20, "3": 20, "4": 20} == {k: v for k, v in per_label.items() if v}

    @pytest.mark.parametrize(
        ("values", "labels"),
        [
            ([5.0] * 9, ("< 5", "5", "> 5")),
            ([5.0], ("< 5", "5", "> 5")),
            ([0.0, 1.0] * 5, ("< 0", "0", "(0, 1)", "1", "> 1")),
            ([], ("any number",)),
            ([math.inf, -math.inf], ("any number",)),
        ],
    )
    def test_a_reference_of_few_values(self, values, labels):
        assert labels == bins_of(values).labels()

    def test_labels_say_which_edge_belongs_to_a_bin(self):
        assert ("≤ 5", "(5, 10]", "(10, 15]", "> 15") == bins_of(range(1, 21), 4).labels()

    def test_a_heavy_value_is_in_neither_neighbour(self):
        heavy = bins_of([1, 2, 3, *[4] * 9, 5, 6, 7, 8], 2)  # 4 is the median, too
        assert ("< 4", "4", "> 4") == heavy.labels()
        assert [3, 9, 4] == binned(heavy, [1, 2, 3, *[4] * 9, 5, 6, 7, 8])

    @pytest.mark.parametrize("infinity", [math.inf, -math.inf])
    def test_infinite_values_move_no_bin(self, infinity):
        finite = np.arange(1.0, 51)
        assert bins_of(finite) == bins_of([*finite, *[infinity] * 50])

    def test_infinite_values_are_in_the_outer_bins(self):
        bins = bins_of(range(1, 21), 4)
        assert [2, 0, 0, 1] == binned(bins, [-math.inf, -math.inf, math.inf])

    def test_one_outlier_moves_no_bin(self):
        values = np.arange(1_000_000.0)
        with_outlier = np.append(values, 1e30)
        before, after = bins_of(values), bins_of(with_outlier)
        assert np.abs(before.grid[before.ends // 2 - 1] - after.grid[after.ends // 2 - 1]).max() <= 1
        assert before.limits == pytest.approx(after.limits, abs=1)

    def test_the_limits_are_quantiles(self):
        assert (1.0, 10.0, 19.0) == bins_of(range(1, 21)).limits

    def test_weights_stand_for_repeated_values(self):
        values, weights = np.arange(40.0), RNG.integers(1, 9, size=40)
        weighed = NumericBins.of(values, weights, count=5)
        assert bins_of(np.repeat(values, weights), 5) == weighed
        assert weights.tolist() == [count for count in weighed.cells(values, weights).tolist() if count]

    @given(numbers, numbers, st.integers(2, 12))
    def test_every_row_is_counted_where_it_belongs(self, reference, current, count):
        present = [value for value in reference if not math.isnan(value)]
        bins = bins_of(present, count)
        counts = bins.measure(np.array(current, np.float64))
        assert counted_in_cells(bins.grid.tolist(), current) == counts.cells.tolist()
        assert sum(map(math.isnan, current)) == counts.missing
        assert len(current) == counts.present + counts.missing
        assert counts.present == bins.binned(counts.cells).sum()
        assert len(bins.labels()) == len(bins.binned(counts.cells))

    @given(numbers)
    def test_the_place_of_a_value_is_the_cell_that_counts_it(self, values):
        present = np.array([value for value in values if not math.isnan(value)])
        bins = bins_of(present)
        places = bins.places(present)
        expected = bins.measure(present).cells.tolist()
        assert expected == np.bincount(places, minlength=len(expected)).tolist()

    @given(numbers, st.integers(2, 12))
    def test_bins_of_the_reference_hold_their_share_but_for_ties(self, values, count):
        """A bin holds at most its share and what ties at its end, which is less than a share, too."""
        present = np.array([value for value in values if np.isfinite(value)])
        bins = bins_of(present, count)
        held = binned(bins, present)
        alone = Counter(present.tolist())
        for label, rows in zip(bins.labels(), held, strict=True):
            assert rows <= 2 * len(present) / count + 1 or rows in alone.values(), label

    def test_sums_are_of_the_finite_values(self):
        values = np.array([1.0, 2.0, 6.0, math.inf, -math.inf, math.nan])
        counts = bins_of([0.0]).measure(values)
        assert (3, 9.0, 14.0) == (counts.moments.count, counts.moments.total, counts.moments.m2)
        assert (1.0, 6.0, 1, 5) == (counts.minimum, counts.maximum, counts.missing, counts.present)

    def test_squares_that_no_float_holds_are_left_out(self):
        counts = bins_of([0.0]).measure(np.array([1.0, 2.0, 1e200, -1.7e308]))
        assert (2, 3.0, 0.5) == (counts.moments.count, counts.moments.total, counts.moments.m2)
        assert (-1.7e308, 1e200, 4) == (counts.minimum, counts.maximum, counts.present)

    def test_nothing_is_known_of_no_values(self):
        counts = bins_of([1.0]).measure(np.full(3, math.nan))
        assert (0, 3, math.inf, -math.inf) == (counts.present, counts.missing, counts.minimum, counts.maximum)
        assert 0 == counts.moments.count == counts.serial.rows


class TestCategories:
    def test_every_category_has_a_bin_and_all_others_one(self):
        column = read_items(["a", "b", "a", None, "c", "a", "b"], "x")
        feature = feature_of(column, bins=10)
        assert ("a", "b", "c", OTHER) == feature.bins.labels()
        assert [3, 2, 1, 0] == feature.counts.cells.tolist()
        assert 1 == feature.counts.missing

    def test_unseen_categories_are_others(self):
        feature = feature_of(read_items(["a", "b", "a"], "x"), bins=10)
        counts = feature.bins.measure(read_items(["b", "z", None, "y", "z"], "x"))
        assert ([0, 1, 3], 1) == (counts.cells.tolist(), counts.missing)

    def test_ranks_are_the_middles_of_the_shares(self):
        feature = feature_of(read_items(["a", "a", "a", "b"], "x"), bins=10)
        assert [0.375, 0.875, 1.0] == feature.bins.ranks.tolist()

    @pytest.mark.parametrize("items", [[None, None], [None]])
    def test_no_categories(self, items):
        column = Categories(np.full(len(items), -1, np.int32), ())
        feature = feature_of(column, bins=10)
        assert ((OTHER,), [0], len(items)) == (
            feature.bins.labels(), feature.counts.cells.tolist(), feature.counts.missing,
        )  # fmt: skip

    def test_a_hundred_categories_all_have_a_bin_however_rare(self):
        labels = tuple(map(str, range(CATEGORIES)))
        feature = feature_of(Categories(np.arange(CATEGORIES, dtype=np.int32), labels), bins=10)
        assert set(labels) == set(feature.bins.categories)

    def test_of_200_000_categories_only_the_frequent_ones_have_a_bin(self):
        rare = np.arange(2, 200_002, dtype=np.int32)
        codes = np.concatenate((np.zeros(60_000, np.int32), np.ones(40_000, np.int32), rare))
        labels = tuple(map(str, range(200_002)))
        feature = feature_of(Categories(codes, labels), bins=10)
        assert ("0", "1") == feature.bins.categories
        assert [60_000, 40_000, 200_000] == feature.counts.cells.tolist()

    def test_among_equally_frequent_ones_chance_decides_not_their_counts(self):
        """200 categories, 1,000 rows of each give or take: those with a bin are as frequent as the others."""
        own = []
        for seed in range(20):
            codes = np.random.default_rng(seed).integers(200, size=200_000).astype(np.int32)
            feature = feature_of(Categories(codes, tuple(map(str, range(200)))), bins=10)
            assert CATEGORIES == len(feature.bins.categories)
            own.append(feature.counts.cells[:-1].mean())
        # The mean of 100 counts has the standard deviation (1000 / 100 / 2)**0.5 = 2.2; that of 20 has 0.5.
        assert 1000 == pytest.approx(np.mean(own), abs=2.5)

    def test_frequent_ones_stand_out_from_many(self):
        often = [(f"often {place}", 5000 - place) for place in range(20)]
        bins = CategoricalBins.of([*often, *((f"seldom {place}", 50) for place in range(300))], 120_000)
        assert [name for name, _ in often] == list(bins.categories[:20])
        assert CATEGORIES == len(bins.categories)

    def test_what_was_counted_roughly_has_no_bin(self):
        counts = [("a", 1000), ("b", 499), *((f"{place}", 30) for place in range(300))]
        assert ("a",) == CategoricalBins.of(counts, 20_000, error=50).categories
