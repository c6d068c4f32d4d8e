"""How many independent rows a series is worth: closed forms, and false alarms of tests that believe it."""

import functools
import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.special import chdtrc, kolmogorov

from mlprod.errors import InvalidDataError
from mlprod.stats import benjamini_hochberg
from mlprod.stats._dependence import SerialSums, variance_inflation, variance_inflations

RNG = np.random.default_rng(0)

# Whole numbers between 0 and 8 around 4: all sums are exact.
whole = st.lists(st.integers(-1, 9).map(float), max_size=40)
LENGTHS = 2 ** np.arange(6)


def of(values, centre=4.0, low=0.0, high=8.0):
    return SerialSums.of(values, centre=centre, low=low, high=high)


def normal(values):
    return of(values, 0.0, -1.645, 1.645)


def autoregression(size, phi, rng=RNG, series=1):
    """Simulate in equilibrium; shape ``(series, size)``."""
    steps = rng.standard_normal((series, size))
    steps[:, 0] /= math.sqrt(1 - phi**2)
    return lfilter([1.0], [1.0, -phi], steps, axis=1)


def garch(size, rng, series, alpha=0.1, beta=0.88):
    """Simulate with unit variance; shape ``(series, size)``."""
    values, variance = np.empty((size + 300, series)), np.ones(series)
    for row in values:
        row[:] = np.sqrt(variance) * rng.standard_normal(series)
        variance = 1 - alpha - beta + alpha * row**2 + beta * variance
    return np.ascontiguousarray(values[300:].T)


class TestSums:
    def test_five_values_by_hand(self):
        sums = of([1.0, 2.0, 4.0, 3.0, 5.0], 3.0, 1.0, 5.0)
        assert [[5, 2, 1, 0], [4, 1, 0, 0]] == sums.counts[:, :4].tolist()
        level, scale = sums.sums[:, 0], sums.sums[:, 1]
        # -½, -¼, ¼, 0, ½; then -¾, ¼; then -½
        assert [[0.0, -0.5, -0.5], [0.625, 0.625, 0.25], [0.625, 1.0, 0.0]] == level[:, :3].tolist()
        # ½, ¼, ¼, 0, ½; then ¾, ¼; then 1
        assert [[1.5, 1.0, 1.0], [0.625, 0.625, 1.0], [0.375, 0.25, 0.0]] == scale[:, :3].tolist()
        assert not sums.sums[:, :, 3:].any()

    @pytest.mark.parametrize("size", [1, 2, 3, 1000, 4095, 8192, 8193, 8194, 16_384])
    def test_numpy_agrees(self, size):
        values = RNG.normal(4, 2, size=size)
        sums = of(values)
        level = (np.clip(values, 0, 8) - 4) / 8
        for score, scores in enumerate([level, np.abs(level)]):
            for index, length in enumerate(LENGTHS.tolist()):
                blocks = scores[: size // length * length].reshape(-1, length).sum(axis=1)
                expected = [blocks.sum(), np.square(blocks).sum(), np.square(np.diff(blocks)).sum()]
                assert [len(blocks), max(len(blocks) - 1, 0)] == sums.counts[:, index].tolist()
                assert np.allclose(expected, sums.sums[:, score, index], rtol=1e-9, atol=1e-12)

    def test_of_very_many_values_16_stretches_of_1024_are_looked_at(self):
        values = RNG.normal(4, 2, size=100_000)
        starts = np.linspace(0, 100_000 - 1024, 16).astype(int)
        assert of(np.concatenate([values[start : start + 1024] for start in starts])) == of(values)

    def test_values_beyond_the_outer_quantiles_count_as_these(self):
        assert of([0.0, 8.0, 8.0, 3.0]) == of([-1e300, 9.0, math.inf, 3.0])

    def test_without_a_finite_range_it_matters_on_which_side_a_value_is(self):
        values = [-7.0, 0.1, 0.0, 9.0]  # count as -1, 1, 0, 1
        assert [1.0, 3.0, 6.0] == of(values, 0.0, 0.0, 0.0).sums[:, 0, 0].tolist()
        assert of(values, 0.0, 0.0, 0.0) == of(values, 0.0, -1.7e308, 1.7e308)  # its width overflows

    @pytest.mark.parametrize("quantiles", [(0.0, 1.0, 2.0), (3.0, 1.0, 2.0), (math.nan, 1.0, 2.0)])
    def test_the_centre_lies_between_the_outer_quantiles(self, quantiles):
        with pytest.raises(InvalidDataError, match="low <= centre <= high must hold"):
            of([1.0], *quantiles)


class TestMerge:
    @given(whole, whole, whole)
    def test_parts_add_up_in_any_order_and_grouping(self, a, b, c):
        a, b, c = of(a), of(b), of(c)
        assert (a + b) + c == a + (b + c)
        assert a + b == b + a

    @given(whole)
    def test_nothing_is_the_identity(self, values):
        assert SerialSums() == of([])
        assert of(values) == of(values) + SerialSums() == SerialSums() + of(values)

    @given(whole, whole)
    def test_every_row_is_counted(self, a, b):
        assert len(a) + len(b) == (of(a) + of(b)).rows

    def test_no_block_crosses_from_one_part_to_the_next(self):
        values = RNG.integers(0, 9, size=5 * 2048).astype(float)
        parts = functools.reduce(operator.add, map(of, np.split(values, 5)))
        together = of(values)
        assert np.array_equal(together.counts[0], parts.counts[0])
        assert np.array_equal(together.sums[:2], parts.sums[:2])
        assert (together.counts[1] - 4).tolist() == parts.counts[1].tolist()

    def test_single_rows_tell_nothing(self):
        rows = functools.reduce(operator.add, [of([float(value)]) for value in range(9)] * 100)
        assert 900 == rows.rows
        assert not rows.counts[1:].any()
        assert not rows.counts[:, 1:].any()
        assert math.isclose(1 + 4 / 18**2, variance_inflation(rows, rows))


class TestArrays:
    @given(whole)
    def test_what_was_stored_comes_back(self, values):
        assert of(values) == SerialSums.from_arrays(*of(values).to_arrays())

    def test_they_are_small(self):
        assert 384 == sum(array.nbytes for array in of([1.0]).to_arrays())

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda counts, sums: (counts[:, :5], sums), "counts have another shape"),
            (lambda counts, sums: (counts.astype(float), sums), "counts have another shape or type"),
            (lambda counts, sums: (counts, sums[0]), "sums have another shape"),
            (lambda counts, sums: (counts, sums.astype(np.int64)), "sums have another shape or type"),
            (lambda counts, sums: (counts[::-1], sums), "more pairs than blocks"),
            (lambda counts, sums: (-counts, sums), "more pairs than blocks"),
            (lambda counts, sums: (counts + (LENGTHS == 2), sums), "long blocks hold more rows"),
            (lambda counts, sums: (counts, sums + math.inf), "no finite, positive sum"),
            (lambda counts, sums: (counts, -sums), "no finite, positive sum"),
        ],
        ids=[
            "short",
            "not whole",
            "one sum",
            "whole",
            "swapped",
            "negative",
            "long",
            "infinite",
            "negative sums",
        ],
    )
    def test_what_contradicts_itself_is_refused(self, change, message):
        with pytest.raises(InvalidDataError, match=message):
            SerialSums.from_arrays(*change(*of([0.0, 1.0, 8.0, 3.0]).to_arrays()))


class TestInflation:
    @pytest.mark.parametrize("phi", [0.3, 0.5, 0.9])
    def test_an_autoregression_has_that_of_its_formula(self, phi):
        """The largest of several estimates is above the truth, (1 + φ) / (1 - φ), rather than below it."""
        parts = autoregression(200_000, phi, np.random.default_rng(1), series=2)
        outer = 1.645 / math.sqrt(1 - phi**2)
        actual = variance_inflation(*(of(part, 0.0, -outer, outer) for part in parts))
        assert 0.9 < actual / ((1 + phi) / (1 - phi)) < 1.5

    @pytest.mark.parametrize("window", [2, 5, 20])
    def test_a_moving_average_has_at_least_the_length_of_its_window(self, window):
        """But not much more: taken for an autoregression it has twice that."""
        steps = np.random.default_rng(2).normal(size=100_000)
        sums = normal(np.convolve(steps, np.ones(window) / math.sqrt(window), "valid"))
        assert 0.9 < variance_inflation(sums, sums) / window < 2.5

    def test_a_memory_of_more_than_32_rows_is_none(self):
        """A state of the world that lasts longer is what a drift is."""
        phi = 0.999
        outer = 1.645 / math.sqrt(1 - phi**2)
        parts = autoregression(50_000, phi, np.random.default_rng(9), series=2)
        actual = variance_inflation(*(of(part, 0.0, -outer, outer) for part in parts))
        assert 28 < actual <= 32.5

    def test_clustered_volatility_counts_where_levels_do_not_repeat_themselves(self):
        values = garch(5000, np.random.default_rng(3), 2)
        signs = np.where(np.random.default_rng(4).random(values.shape) < 0.5, -1.0, 1.0)
        assert variance_inflation(*map(normal, signs * np.abs(values))) > 5
        assert variance_inflation(*map(normal, signs)) < 1.02

    def test_without_dependence_it_is_one(self):
        """But in a few samples, in which there seems to be some."""
        values = np.random.default_rng(5).normal(size=(100, 2, 1000))
        inflations = np.array([variance_inflation(*map(normal, parts)) for parts in values])
        assert (inflations < 1.02).mean() > 0.9
        assert math.isclose(1 + 4 / 20**2, inflations.min())

    def test_few_rows_tell_too_little(self):
        """The least is 1 + 4 (100 / rows)², or 2.25."""
        sums, more = of([1.0, 5.0, 2.0]), of(np.random.default_rng(13).normal(size=300))
        assert variance_inflation(sums, sums) == 2.25
        assert math.isclose(1 + 4 * (100 / 303) ** 2, variance_inflation(sums, more))
        assert math.inf == variance_inflation(SerialSums(), SerialSums())

    @pytest.mark.parametrize("values", [[3.0] * 1000, [0.1] * 1000, [4.0] * 1000, [1.0, 7.0] * 500])
    def test_it_is_never_below_one(self, values):
        """Nothing varies, or the mean hardly does."""
        assert math.isclose(1 + 4 / 20**2, variance_inflation(of(values), of(values)))

    def test_a_shuffled_reference_does_not_hide_what_current_rows_show(self):
        """Even if it is much longer."""
        rng = np.random.default_rng(6)
        reference = normal(rng.permutation(autoregression(50_000, 0.9, rng)[0]))
        current = normal(autoregression(500, 0.9, rng)[0])
        assert variance_inflation(reference, reference) < 1.02
        assert variance_inflation(reference, current) > 10

    def test_a_hundred_rows_tell_how_strongly_they_depend_on_each_other(self):
        """Though an autoregression with φ = 0.9 and an inflation of 19 has hardly begun."""
        series = autoregression(50, 0.9, np.random.default_rng(7), series=200).reshape(100, 2, 50)
        inflations = [variance_inflation(*map(normal, parts)) for parts in series]
        assert np.quantile(inflations, 0.1) > 10

    def test_a_jump_of_independent_rows_is_hardly_taken_for_dependence(self):
        rng = np.random.default_rng(8)
        current = rng.normal(size=(100, 1000)) + 0.3 * (np.arange(1000) >= 500)
        reference = rng.normal(size=(100, 10_000))
        actual = [variance_inflation(normal(a), normal(b)) for a, b in zip(reference, current, strict=True)]
        assert np.median(actual) < 1.5


class TestFeatures:
    def test_of_one_feature_it_is_that_of_the_feature(self):
        parts = [normal(part) for part in autoregression(300, 0.5, np.random.default_rng(10), series=2)]
        assert [variance_inflation(*parts)] == variance_inflations(parts[:1], parts[1:]).tolist()

    def test_of_none_there_is_none(self):
        assert [] == variance_inflations([], []).tolist()

    def test_what_most_features_show_counts_for_each(self):
        """A hundred rows of clustered volatility: one feature alone shows nothing."""
        parts = garch(200, np.random.default_rng(11), 20)
        references, currents = ([normal(part) for part in side] for side in (parts[:, :100], parts[:, 100:]))
        alone = [variance_inflation(*pair) for pair in zip(references, currents, strict=True)]
        assert min(alone) < 2.1
        assert variance_inflations(references, currents).min() > 2.5

    def test_independent_features_share_nothing(self):
        parts = np.random.default_rng(12).normal(size=(2, 20, 1000))
        references, currents = ([normal(part) for part in side] for side in parts)
        assert np.median(variance_inflations(references, currents)) < 1.02

    def test_constants_have_no_part_in_it(self):
        parts = [normal(part) for part in garch(200, np.random.default_rng(11), 20)[:, :100]]
        constants = [of([4.0] * 100)] * 20
        with_them = variance_inflations(parts + constants, parts + constants)
        assert with_them[:20].min() > 2


def p_value(reference, current, inflation):
    """Return that of a feature: of the deciles and of Kolmogorov and Smirnov, corrected for two tests."""
    n, m = len(current) / inflation, len(reference) / inflation
    reference, current = np.sort(reference), np.sort(current)
    points = np.concatenate([reference, current])
    below = [np.searchsorted(part, points, "right") / len(part) for part in (reference, current)]
    root = math.sqrt(n * m / (n + m))
    smirnov = kolmogorov((root + 0.12 + 0.11 / root) * np.abs(below[0] - below[1]).max())
    edges = np.unique(reference[np.arange(1, 10) * len(reference) // 10])
    counts = [
        np.diff(np.searchsorted(part, edges), prepend=0, append=len(part)) for part in (reference, current)
    ]
    shares = [counts[0] / len(reference), counts[1] / len(current)]
    pooled = m * shares[0] + n * shares[1]
    used = pooled > 0
    squares = (n * m * (shares[0] - shares[1]) ** 2)[used] / pooled[used]
    return min(2 * min(smirnov, chdtrc(used.sum() - 1, squares.sum())), 1.0)


NULLS = {
    "independent": lambda size, rng, series: rng.standard_normal((series, size)),
    "t3": lambda size, rng, series: rng.standard_t(3, (series, size)),
    "ties": lambda size, rng, series: np.maximum(rng.standard_normal((series, size)), -0.5),
    "AR(0.5)": lambda size, rng, series: autoregression(size, 0.5, rng, series),
    "AR(0.9)": lambda size, rng, series: autoregression(size, 0.9, rng, series),
    "AR(-0.5)": lambda size, rng, series: autoregression(size, -0.5, rng, series),
    "GARCH": garch,
}


def simulate(null, n, m, *, runs, shift=0.0, shuffled=False):
    """Return reference, current and inflation of every run."""
    rng = np.random.default_rng([n, m])
    references, currents = NULLS[null](m, rng, runs), NULLS[null](n, rng, runs) + shift
    inflations = []
    for reference, current in zip(references, currents, strict=True):
        low, centre, high = np.quantile(reference, [0.05, 0.5, 0.95])
        ordered = rng.permutation(reference) if shuffled else reference
        sums = [of(part, centre, low, high) for part in (ordered, current)]
        inflations.append(variance_inflation(*sums))
    return references, currents, np.array(inflations)


@pytest.mark.slow
class TestErrors:
    @pytest.mark.parametrize("null", NULLS)
    @pytest.mark.parametrize(("n", "m"), [(50, 50), (50, 500), (200, 200), (1000, 1000)])
    def test_false_alarms_of_a_feature_are_at_most_five_percent(self, null, n, m):
        runs = 1000
        p_values = np.array(list(map(p_value, *simulate(null, n, m, runs=runs))))
        assert (p_values <= 0.05).mean() <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)

    @pytest.mark.parametrize("null", ["independent", "AR(0.9)", "GARCH"])
    @pytest.mark.parametrize(("n", "m"), [(50, 50), (100, 100), (50, 500), (200, 200), (1000, 1000)])
    def test_false_alarms_of_twenty_features_are_at_most_five_percent(self, null, n, m):
        families = 100
        rng = np.random.default_rng([n, m])
        alarms = 0
        for _ in range(families):
            references, currents = NULLS[null](m, rng, 20), NULLS[null](n, rng, 20)
            limits = [np.quantile(reference, [0.05, 0.5, 0.95]) for reference in references]
            before, now = (
                [of(part, centre, low, high) for part, (low, centre, high) in zip(side, limits, strict=True)]
                for side in (references, currents)
            )
            p_values = list(map(p_value, references, currents, variance_inflations(before, now)))
            alarms += benjamini_hochberg(p_values).min() <= 0.05
        assert alarms / families <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / families)

    def test_a_shuffled_reference_is_no_excuse(self):
        runs = 1000
        p_values = np.array(list(map(p_value, *simulate("AR(0.9)", 200, 200, runs=runs, shuffled=True))))
        assert (p_values <= 0.05).mean() <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)

    @pytest.mark.parametrize(("n", "m", "shift"), [(200, 200, 0.5), (200, 1000, 0.3), (1000, 1000, 0.2)])
    def test_among_independent_rows_nearly_as_much_is_found_as_without_a_correction(self, n, m, shift):
        references, currents, inflations = simulate("independent", n, m, runs=500, shift=shift)
        corrected, plain = (
            np.mean([p <= 0.05 for p in map(p_value, references, currents, factors)])
            for factors in (inflations, np.ones(500))
        )
        assert plain - 0.06 < corrected
