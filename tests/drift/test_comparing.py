"""How one feature compares with its reference: scipy agrees, and chance is no drift."""

import math

import attrs
import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import jensenshannon

from mlprod.drift import NumericCounts
from mlprod.drift._column import Categories, read_items
from mlprod.drift._comparing import compare, judge, level_of
from mlprod.drift._gathering import feature_of
from mlprod.drift._measuring import gather
from mlprod.drift._settings import Settings
from mlprod.errors import InvalidDataError
from mlprod.stats import Moments

RNG = np.random.default_rng(0)
SETTINGS = Settings(
    drift_threshold=0.05,
    psi_threshold=0.25,
    psi_moderate=0.1,
    performance_threshold=0.2,
    volatility_threshold=0.5,
    calibration_threshold=0.05,
    lookback_days=30,
    bins=10,
    correction="bh",
    policy="calibrated",
)
CLASSIC = attrs.evolve(SETTINGS, policy="classic")


def read(values):
    return values if isinstance(values, np.ndarray) else read_items(values, "x")


def compared(reference, current, *, inflation=1.0, bins=10):
    feature = feature_of(read(reference), bins=bins)
    counts = feature.measure(feature.accept("x", read(current)))
    return compare("x", feature, counts, alpha=0.05, inflation=inflation)


def verdict(found, settings=SETTINGS):
    """Judge a feature that is looked at alone."""
    return judge(found, found.p_value, settings)


def repeated(shares, rows, labels):
    return [label for label, share in zip(labels, shares, strict=True) for _ in range(round(share * rows))]


class TestNumbers:
    def test_the_closed_form(self):
        found = compared(np.arange(1.0, 21), np.arange(4.0, 24), bins=4)
        assert 0.15 * math.log(4) == pytest.approx(found.psi)
        assert 0.15 * math.log(7) == pytest.approx(
            compared(np.arange(1.0, 21), np.arange(4.0, 24), bins=5).psi
        )
        assert (0.15, 0.15) == (pytest.approx(found.ks_statistic), pytest.approx(found.ks_upper_bound))

    @pytest.mark.parametrize("distinct", [2, 40, 500])
    def test_up_to_500_distinct_values_the_ks_statistic_is_exact(self, distinct):
        reference = RNG.integers(distinct, size=3000).astype(float)
        current = RNG.normal(distinct / 2, distinct / 3, size=700)
        current[:10], current[10:20] = math.inf, -math.inf
        large = np.clip(np.round(current), -1e9, 1e9)  # only their order matters
        expected = scipy.stats.ks_2samp(reference, large, method="asymp").statistic
        found = compared(reference, np.round(current))
        assert expected == pytest.approx(found.ks_statistic, abs=1e-12)
        assert expected == pytest.approx(found.ks_upper_bound, abs=1e-12)

    @pytest.mark.parametrize("shift", [0.0, 0.02, 0.5, 9.0])
    def test_of_more_it_is_between_the_bounds(self, shift):
        reference, current = RNG.normal(size=20_000), RNG.normal(shift, size=5000)
        expected = scipy.stats.ks_2samp(reference, current, method="asymp").statistic
        found = compared(reference, current)
        assert found.ks_statistic <= expected <= found.ks_upper_bound
        assert found.ks_upper_bound - found.ks_statistic < 0.005

    def test_what_a_sketch_leaves_open_widens_the_bounds(self):
        reference, current = RNG.normal(size=200_000), RNG.normal(0.1, size=4000)
        parts = ({"x": part} for part in np.split(reference, 10))
        feature = gather(parts, bins=10)[0]["x"]
        assert feature.rank_error
        found = compare("x", feature, feature.measure(current), alpha=0.05, inflation=1.0)
        expected = scipy.stats.ks_2samp(reference, current, method="asymp").statistic
        assert found.ks_statistic <= expected <= found.ks_upper_bound
        sure = attrs.evolve(feature, rank_error=0)
        known = compare("x", sure, feature.measure(current), alpha=0.05, inflation=1.0)
        slack = feature.rank_error / 200_000
        assert known.ks_statistic - slack == pytest.approx(found.ks_statistic, abs=1e-12)
        assert known.ks_upper_bound + slack == pytest.approx(found.ks_upper_bound, abs=1e-12)

    @pytest.mark.parametrize(("m", "n"), [(20, 30), (99, 101), (100, 100)])
    def test_the_ks_p_value_of_few_rows_is_exact(self, m, n):
        """All of fewer than 500 reference values are points, so the statistic is exact as well."""
        one, other = RNG.normal(size=m), RNG.normal(0.3, size=n)
        expected = scipy.stats.ks_2samp(one, other, method="exact").pvalue
        assert expected == pytest.approx(compared(one, other).ks_p_value, rel=1e-9)

    @pytest.mark.parametrize(("m", "n"), [(300, 300), (5000, 800), (40_000, 3000)])
    @pytest.mark.parametrize("shift", [0.0, 0.05, 0.2])
    def test_the_ks_p_value_is_that_of_scipy_or_larger(self, m, n, shift):
        """But for the correction of Stephens, which for these sizes makes less than a tenth."""
        one, other = RNG.normal(size=m), RNG.normal(shift, size=n)
        expected = scipy.stats.ks_2samp(one, other, method="exact" if m * n < 10**6 else "asymp").pvalue
        root = math.sqrt(m * n / (m + n))
        found = compared(one, other)
        corrected = scipy.stats.kstwobign.sf((root + 0.12 + 0.11 / root) * found.ks_upper_bound)
        assert corrected * (1 - 1e-9) <= found.ks_p_value
        assert 0.9 * expected - 1e-12 <= found.ks_p_value

    def test_dependent_rows_count_for_fewer(self):
        one, other = RNG.normal(size=4000), RNG.normal(0.1, size=1000)
        whole, tenth = compared(one, other), compared(one, other, inflation=10.0)
        root = math.sqrt(400 * 100 / 500)
        expected = scipy.stats.kstwobign.sf((root + 0.12 + 0.11 / root) * whole.ks_statistic)
        assert expected == pytest.approx(tenth.ks_p_value)
        assert (whole.psi, whole.ks_statistic) == (tenth.psi, tenth.ks_statistic)
        assert (4000, 400.0, 1000, 100.0) == (
            tenth.reference_count, tenth.reference_effective_count, tenth.count, tenth.effective_count,
        )  # fmt: skip

    @pytest.mark.parametrize(("independent", "expected"), [(1, 1.0), (2, 1 / 3), (3, 1 / 10), (4, 1 / 35)])
    def test_few_independent_rows_are_little_evidence(self, independent, expected):
        """Of ``2 n`` rows two of all orders part the ``n`` of one sample from those of the other."""
        found = compared(np.arange(100.0), np.arange(200.0, 300), inflation=100 / independent)
        assert (1.0, pytest.approx(expected)) == (found.ks_statistic, found.ks_p_value)

    def test_less_than_one_independent_row_is_none(self):
        assert 1.0 == compared(np.arange(10_000.0), np.arange(2e4, 2e4 + 9), inflation=10.0).ks_p_value

    def test_the_smallest_distance_that_ties_allow_is_no_evidence(self):
        assert 1.0 == compared(np.array([0.0, 1.0]), np.array([0.0])).ks_p_value
        assert 1.0 == compared(np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0])).ks_p_value

    def test_the_psi_p_value_is_that_of_a_contingency_table(self):
        one, other = RNG.normal(size=3000), RNG.normal(0.1, size=800)
        found = compared(one, other)
        edges = np.quantile(one, np.arange(1, 10) / 10, method="inverted_cdf")
        table = [np.bincount(np.searchsorted(edges, sample, "left"), minlength=10) for sample in (one, other)]
        assert scipy.stats.chi2_contingency(table).pvalue == pytest.approx(found.psi_p_value)
        p, q = table[0] / 3000, table[1] / 800
        assert ((q - p) * np.log(q / p)).sum() == pytest.approx(found.psi)
        assert jensenshannon(p, q, 2) == pytest.approx(found.js_distance)
        assert [*q.tolist(), 0.0] == pytest.approx(list(found.shares))

    def test_the_smallest_detectable_index_is_where_the_power_is_four_fifths(self):
        found = compared(np.arange(1000.0), np.arange(1000.0))
        critical = scipy.stats.chi2.isf(0.05 / 2, 9)  # half of it: PSI and KS are two tests
        assert 0.8 == pytest.approx(scipy.stats.ncx2.sf(critical, 9, 500 * found.min_detectable_psi))

    @pytest.mark.parametrize("shift", [0.1, 1.0, 30.0])
    def test_the_wasserstein_distance_is_near_that_of_scipy(self, shift):
        one, other = RNG.normal(size=20_000), RNG.normal(shift, size=20_000)
        expected = scipy.stats.wasserstein_distance(one, other)
        assert expected == pytest.approx(compared(one, other).wasserstein, rel=0.02, abs=0.005)

    def test_numbers_near_the_largest_have_a_distance(self):
        found = compared(np.array([-8e307, 8e307]), np.array([-8e307, -8e307]))
        assert 8e307 == pytest.approx(found.wasserstein)

    def test_it_is_never_less_than_that_of_the_means(self):
        """Beyond the reference the grid knows only the largest value."""
        found = compared(np.arange(1000.0), np.append(np.full(99, 5000.0), 9000.0))
        assert 5040 - 499.5 == pytest.approx(found.wasserstein)

    def test_both_tests_share_the_p_value(self):
        found = compared(RNG.normal(size=500), RNG.normal(0.2, size=500))
        assert min(2 * min(found.psi_p_value, found.ks_p_value), 1.0) == found.p_value

    @pytest.mark.parametrize("value", [math.inf, -math.inf])
    def test_without_finite_values_there_is_no_distance(self, value):
        found = compared(np.full(9, value), np.full(9, value))
        assert (0.0, 0.0, 1.0) == (found.psi, found.ks_statistic, found.ks_p_value)
        assert math.isnan(found.wasserstein)


class TestKinds:
    def test_without_a_value_a_column_is_of_either_kind(self):
        texts, numbers = feature_of(read_items(["a"], "x"), bins=10), feature_of(np.zeros(1), bins=10)
        nothing = Categories(np.full(3, -1, np.int32), ("a",)), np.full(3, math.nan)
        for feature in (texts, numbers):
            assert [([0] * len(feature.counts.cells), 3)] * 2 == [
                (found.cells.tolist(), found.missing)
                for found in (feature.measure(feature.accept("x", column)) for column in nothing)
            ]

    def test_else_it_is_of_the_kind_of_the_reference(self):
        numbers, texts = np.zeros(1), read_items(["a"], "x")
        with pytest.raises(
            InvalidDataError, match="'x' is numeric in the reference and holds categories now"
        ):
            feature_of(numbers, bins=10).accept("x", texts)
        with pytest.raises(
            InvalidDataError, match="'x' is categorical in the reference and holds numbers now"
        ):
            feature_of(texts, bins=10).accept("x", numbers)

    def test_a_feature_shows_its_bins_and_shares(self):
        found = feature_of(read_items(["a", "a", "b", None], "x"), bins=10).to_dict()
        assert {"kind": "categorical", "missing": 1} == {key: found[key] for key in ("kind", "missing")}
        assert ["a", "b", "(other)", "(missing)"] == found["bins"]
        assert [0.5, 0.25, 0.0, 0.25] == found["shares"]


class TestMissing:
    def test_missing_values_are_a_bin(self):
        """A tenth of the rows against four tenths, and nothing else: the other nine bins shrink alike."""
        one = np.append(np.arange(900.0), np.full(100, math.nan))
        other = np.append(np.arange(0, 900, 1.5), np.full(400, math.nan))
        found = compared(one, other)
        assert (0.1, 0.4) == (found.reference_missing_rate, found.missing_rate)
        assert 0.3 * math.log(4) - 0.3 * math.log(2 / 3) == pytest.approx(found.psi, rel=0.01)
        assert found.ks_statistic < 0.005
        assert verdict(found).drifted
        assert (0.1, 0.4) == (found.reference_shares[-1], found.shares[-1])
        assert "(missing)" == found.bins[-1]

    def test_nothing_but_missing_values(self):
        found = compared(np.arange(100.0), np.full(50, math.nan))
        assert (1.0, 1.0) == (found.missing_rate, found.ks_p_value)
        assert math.isnan(found.ks_statistic)
        assert math.isnan(found.wasserstein)
        assert verdict(found).drifted

    def test_a_reference_of_nothing_but_missing_values(self):
        same = compared(np.full(100, math.nan), np.full(50, math.nan))
        assert (0.0, False) == (same.psi, verdict(same).drifted)
        assert verdict(compared(np.full(100, math.nan), np.arange(50.0))).drifted


class TestCategories:
    def test_scipy_agrees(self):
        before, after = (0.5, 0.3, 0.2), (0.4, 0.3, 0.3)
        found = compared(repeated(before, 1000, "abc"), repeated(after, 500, "abc"))
        table = [[500, 300, 200], [200, 150, 150]]
        assert scipy.stats.chi2_contingency(table).pvalue == pytest.approx(found.psi_p_value)
        p, q = np.array(before), np.array(after)
        assert ((q - p) * np.log(q / p)).sum() == pytest.approx(found.psi)
        assert jensenshannon(p, q, 2) == pytest.approx(found.js_distance)
        assert found.p_value == found.psi_p_value
        assert math.isnan(found.ks_p_value)
        assert ("a", "b", "c", "(other)", "(missing)") == found.bins

    def test_unseen_categories_are_told(self):
        found = compared(["a", "b"] * 500, ["a"] * 60 + ["z"] * 30 + [None] * 10)
        assert (30 / 90, 0.1) == (pytest.approx(found.unseen_rate), found.missing_rate)
        assert (True, "significant") == (verdict(found).drifted, verdict(found).psi_level)

    def test_dependent_rows_count_for_fewer(self):
        """A tenth of the table has a tenth of the statistic."""
        found = compared(["a", "b"] * 500, ["a"] * 600 + ["b"] * 400, inflation=10.0)
        expected = scipy.stats.chi2_contingency([[50, 50], [60, 40]], correction=False).pvalue
        assert expected == pytest.approx(found.psi_p_value)

    def test_rare_categories_are_one_with_the_unseen(self):
        """Of "c" and "d" 4 and 2 rows are expected, of what is new 4."""
        before = ["a"] * 500 + ["b"] * 490 + ["c"] * 8 + ["d"] * 2
        after = ["a"] * 490 + ["b"] * 500 + ["d"] * 2 + ["y", "z"] * 4
        expected = scipy.stats.chi2_contingency([[500, 490, 10], [490, 500, 10]]).pvalue
        assert expected == pytest.approx(compared(before, after).psi_p_value)

    @pytest.mark.parametrize("rows", [1000, 1_000_000])
    def test_a_new_category_in_place_of_another_is_seen_however_large_the_reference(self, rows):
        """So few of it are expected that the chi-square law does not hold."""
        found = compared(["a", "b"] * rows, ["a", "z"] * 50)
        assert (True, "significant") == (verdict(found).drifted, verdict(found).psi_level)

    @pytest.mark.parametrize("rows", [1000, 1_000_000])
    def test_so_are_missing_values_in_its_place(self, rows):
        assert verdict(compared(["a", "b"] * rows, ["a", None] * 50)).drifted

    def test_a_category_that_is_gone_is_seen_however_small_the_reference(self):
        found = compared(["a"] * 70 + ["b"] * 30, ["a"] * 100_000)
        assert verdict(found).drifted

    def test_the_exact_test_of_what_is_rare_is_the_binomial_one(self):
        """4 rows of something new, of which a tenth is expected in the current tenth of all rows."""
        expected = scipy.stats.binomtest(4, 4, 0.1).pvalue
        found = compared(["a", "b"] * 450, ["a", "b"] * 48 + ["z"] * 4)
        assert 2 * 2 * scipy.stats.binom.sf(3, 4, 0.1) == pytest.approx(found.psi_p_value)
        assert expected <= found.psi_p_value

    @pytest.mark.slow
    @pytest.mark.parametrize("rows", [200, 1000, 5000])
    @pytest.mark.parametrize("distinct", [20, 60, 100, 200, 1000, 100_000])
    def test_however_many_there_are_chance_alone_is_no_drift(self, rows, distinct):
        """The seen ones are not the unseen ones, and the frequent ones were frequent by chance.

        Of 100 false alarms at 5%, 11 are not exceeded but once in 200 times; here are 18 cases.
        """
        labels, alarms = tuple(map(str, range(distinct))), 0
        for _ in range(100):
            one, other = (
                Categories(RNG.integers(distinct, size=rows).astype(np.int32), labels) for _ in range(2)
            )
            feature = feature_of(one, bins=10)
            found = compare("x", feature, feature.measure(other), alpha=0.05, inflation=1.0)
            alarms += found.p_value <= 0.05
            labels = labels[: min(distinct, 100_000)]
        assert alarms <= 12

    def test_a_new_heavy_category_among_a_thousand_is_seen(self):
        labels = [str(code) for code in RNG.integers(1000, size=5000)]
        current = [str(code) for code in RNG.integers(1000, size=3500)] + ["often"] * 1500
        feature = feature_of(read_items([*labels, *["often"] * 500], "x"), bins=10)
        found = compare("x", feature, feature.measure(read_items(current, "x")), alpha=0.05, inflation=1.0)
        assert verdict(found).drifted

    def test_no_values_at_all(self):
        nothing = Categories(np.full(20, -1, np.int32), ())
        feature = feature_of(read_items(["a"] * 30, "x"), bins=10)
        found = compare("x", feature, feature.measure(nothing), alpha=0.05, inflation=1.0)
        assert (1.0, 0.0) == (found.missing_rate, found.unseen_rate)
        assert verdict(found).drifted


class TestVerdict:
    @pytest.mark.parametrize(
        ("psi", "level"),
        [(0.0, "none"), (0.0999, "none"), (0.1, "moderate"), (0.2499, "moderate"), (0.25, "significant")],
    )
    def test_the_levels(self, psi, level):
        assert level == level_of(psi, SETTINGS)

    @pytest.mark.parametrize(
        ("psi", "p_value", "level", "drifted"),
        [
            (0.3, 0.01, "significant", True),
            (0.3, 0.05, "significant", True),
            (0.3, 0.06, "none", False),
            (0.15, 0.01, "moderate", True),
            (0.05, 1e-9, "none", False),
        ],
    )
    def test_calibrated_it_is_both_large_and_more_than_chance(self, psi, p_value, level, drifted):
        found = attrs.evolve(compared(np.arange(9.0), np.arange(9.0)), psi=psi, ks_p_value=1e-9)
        judged = judge(found, p_value, SETTINGS)
        assert (level, drifted, p_value) == (judged.psi_level, judged.drifted, judged.adjusted_p_value)

    @pytest.mark.parametrize(
        ("psi", "ks_p_value", "level", "drifted"),
        [
            (0.25, 1.0, "significant", True),
            (0.24, 0.05, "moderate", False),
            (0.0, 0.049, "none", True),
            (0.3, math.nan, "significant", True),
            (0.2, math.nan, "moderate", False),
        ],
    )
    def test_classic_it_is_either_chance_or_not(self, psi, ks_p_value, level, drifted):
        found = attrs.evolve(compared(np.arange(9.0), np.arange(9.0)), psi=psi, ks_p_value=ks_p_value)
        judged = judge(found, 1.0, CLASSIC)
        assert (level, drifted) == (judged.psi_level, judged.drifted)


class TestSize:
    @pytest.mark.parametrize("outlier", [1e9, -1e30, 1e300, math.inf, -math.inf])
    @pytest.mark.parametrize("shift", [0.0, 0.5, 1.0])
    def test_one_outlier_in_many_rows_changes_no_verdict(self, outlier, shift):
        one, other = RNG.normal(size=200_000), RNG.normal(shift, size=2000)
        expected = verdict(compared(one, other))
        for found in (compared(np.append(one, outlier), other), compared(one, np.append(other, outlier))):
            judged = verdict(found)
            assert (expected.drifted, expected.psi_level) == (judged.drifted, judged.psi_level)
            assert expected.psi == pytest.approx(judged.psi, rel=0.02, abs=0.005)

    @pytest.mark.slow
    def test_nor_does_it_in_a_million(self):
        one, other = RNG.normal(size=1_000_000), RNG.normal(0.6, size=1_000_000)
        expected = verdict(compared(one, other))
        one[123] = 1e12
        judged = verdict(compared(one, other))
        assert (True, expected.psi_level) == (judged.drifted, judged.psi_level)
        assert expected.psi == pytest.approx(judged.psi, rel=1e-4)

    @pytest.mark.parametrize(("shift", "is_chance"), [(0.001, False), (0.01, False)])
    def test_a_shift_of_no_consequence_is_no_drift_however_many_rows(self, shift, is_chance):
        """Counts of ten million rows, from the normal distribution itself."""
        n = 10_000_000
        feature = feature_of(RNG.normal(size=5000), bins=10)
        grid = feature.bins.grid

        def counts(mean):
            between = np.diff(scipy.stats.norm.cdf(np.concatenate(([-math.inf], grid, [math.inf])), mean))
            cells = np.zeros(2 * len(grid) + 1, np.int64)
            cells[::2] = np.round(between * n)
            return NumericCounts(cells, 0, Moments(n, 0.0, float(n)), -9.0, 9.0)

        found = compare(
            "x", attrs.evolve(feature, counts=counts(0.0)), counts(shift), alpha=0.05, inflation=1.0
        )
        assert (is_chance, False) == (verdict(found).drifted, verdict(found).psi_level != "none")
        assert shift**2 == pytest.approx(found.psi, rel=0.1)  # of normal distributions, before binning
        assert scipy.stats.norm.cdf(shift / 2) * 2 - 1 == pytest.approx(found.ks_statistic, rel=0.02)
