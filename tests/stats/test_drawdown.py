"""The largest fall from a peak: that of the whole, for any capital, however the trades were divided."""

import functools
import json
import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.stats import Drawdown

RNG = np.random.default_rng(0)

# Whole amounts, so that sums are exact in any order.
whole = st.lists(st.integers(-1000, 1000).map(float), max_size=30)
cents = st.lists(st.floats(-1000, 1000), max_size=30)
capitals = st.integers(1, 20_000).map(float) | st.floats(1e-3, 1e12)


def brute_force(pnl, capital=0.0):
    """Walk through the trades: the largest fall in money, and as a fraction of the peak."""
    equity = peak = capital
    amount = fraction = 0.0
    for profit in pnl:
        equity += profit
        peak = max(peak, equity)
        amount = max(amount, peak - equity)
        fraction = max(fraction, (peak - equity) / peak if peak else 0.0)
    return amount, min(fraction, 1.0)


def flat(parts):
    return [profit for part in parts for profit in part]


class TestOf:
    def test_an_example(self):
        """The peak of 1,300 falls to 1,000, later one of 2,000 to 1,600: more money, less of the peak."""
        drawdown = Drawdown.of([300, -200, -100, 1000, -400, 50])
        assert (6, 650.0, 1000.0) == (drawdown.count, drawdown.total, drawdown.peak)
        assert 400.0 == drawdown.amount
        assert 300 / 1300 == drawdown.fraction(1000)
        assert 400 / 101_000 == drawdown.fraction(100_000)
        assert 300 / 301 == drawdown.fraction(1)

    def test_the_start_is_the_first_peak(self):
        drawdown = Drawdown.of([-10.0, -20.0, 5.0])
        assert (30.0, 0.3) == (drawdown.amount, drawdown.fraction(100))

    def test_equity_that_never_fell(self):
        drawdown = Drawdown.of([1.0, 0.0, 2.0])
        assert (0.0, 0.0) == (drawdown.amount, drawdown.fraction(100))

    @pytest.mark.parametrize("loss", [100.0, 100.5, 1e6])
    def test_all_is_lost_at_zero_and_below(self, loss):
        assert 1.0 == Drawdown.of([-loss, 2 * loss]).fraction(100)
        assert 1.0 == Drawdown.of([50.0, -50.0 - loss, 3 * loss, -3 * loss]).fraction(100)

    def test_ruin_counts_though_a_later_fall_is_a_smaller_share(self):
        """Equity of 100 falls below zero; 10,000 falls by 6,000."""
        assert 1.0 == Drawdown.of([-101.0, 10_000.0, -6000.0]).fraction(100)

    @given(cents, capitals)
    def test_it_is_what_a_walk_through_the_trades_finds(self, pnl, capital):
        drawdown = Drawdown.of(pnl)
        amount, fraction = brute_force(pnl)[0], brute_force(pnl, capital)[1]
        if pnl:
            assert math.isclose(amount, drawdown.amount, rel_tol=1e-9, abs_tol=1e-9)
            assert math.isclose(fraction, drawdown.fraction(capital), rel_tol=1e-9, abs_tol=1e-9)

    @pytest.mark.parametrize("size", [8191, 8192, 8193, 100_000])
    @pytest.mark.parametrize("drift", [-1, 0, 1, 30])
    def test_many_trades(self, size, drift):
        pnl = RNG.integers(-100 + drift, 101 + drift, size=size).astype(np.float64)
        drawdown = Drawdown.of(pnl)
        assert (size, pnl.sum()) == (drawdown.count, drawdown.total)
        assert max(0.0, pnl.cumsum().max()) == drawdown.peak
        assert brute_force(pnl.tolist())[0] == drawdown.amount
        for capital in (0.5, 10.0, 1e4, 1e7):
            assert brute_force(pnl.tolist(), capital)[1] == drawdown.fraction(capital)

    def test_every_fall_may_be_the_largest_for_some_capital(self):
        """Ever higher peaks fall ever deeper, but less than in proportion: all of them are kept."""
        steps = np.arange(200.0)
        peaks, falls = steps * 3000, steps * (400 - steps)
        pnl = np.diff(np.column_stack([peaks, peaks - falls]).ravel(), prepend=0.0)
        drawdown = Drawdown.of(pnl)
        assert (peaks.tolist(), falls.max()) == (drawdown.peaks.tolist(), drawdown.amount)
        for capital in (1.0, 1e3, 1e4, 1e5, 3e5, 1e6, 1e9):
            assert brute_force(pnl.tolist(), capital)[1] == drawdown.fraction(capital)

    def test_what_cannot_be_the_largest_is_dropped(self):
        """Of falls by 5, 5, 10 and 15 from peaks of 10, 20, 30 and 40 the first and the last matter."""
        drawdown = Drawdown.of([10, -5, 15, -5, 15, -10, 20, -15])
        assert ([0.0, 10.0, 40.0], [0.0, 5.0, 25.0]) == (drawdown.peaks.tolist(), drawdown.troughs.tolist())
        on_a_line = Drawdown.of([10, -5, 15, -10, 20, -15])
        assert ([0.0, 30.0], [0.0, 15.0]) == (on_a_line.peaks.tolist(), on_a_line.troughs.tolist())
        to_the_same_low = Drawdown.of([10, -15, 20, -20])
        assert ([15.0], [-5.0]) == (to_the_same_low.peaks.tolist(), to_the_same_low.troughs.tolist())
        by_the_same_amount = Drawdown.of([10, -5, 15, -5])
        assert ([0.0, 10.0], [0.0, 5.0]) == (
            by_the_same_amount.peaks.tolist(),
            by_the_same_amount.troughs.tolist(),
        )

    @given(whole)
    def test_what_is_kept_ascends_on_a_convex_curve(self, pnl):
        drawdown = Drawdown.of(pnl)
        rises, runs = np.diff(drawdown.troughs), np.diff(drawdown.peaks)
        assert (rises > 0).all()
        assert (runs > rises).all()
        assert (rises[1:] * runs[:-1] > rises[:-1] * runs[1:]).all()

    @pytest.mark.parametrize("drift", [-0.1, 0.0, 0.01, 0.1, 1.0])
    def test_a_million_random_trades_leave_a_few_points(self, drift):
        drawdown = Drawdown.of(RNG.normal(drift, 1, size=1_000_000))
        assert len(drawdown.peaks) == len(drawdown.troughs) < 100

    def test_columns_of_records_are_read_as_they_are(self):
        """They are neither contiguous nor aligned."""
        records = np.zeros(20_000, dtype=[("flag", "u1"), ("value", "f8")])
        records["value"] = RNG.normal(size=len(records))
        assert Drawdown.of(records["value"].copy()) == Drawdown.of(records["value"])


class TestWithoutTrades:
    def test_all_is_nan(self):
        drawdown = Drawdown.of([])
        assert Drawdown() == drawdown
        assert np.isnan([drawdown.amount, drawdown.fraction(100)]).all()
        assert (0, 0.0, 0.0) == (drawdown.count, drawdown.total, drawdown.peak)

    @pytest.mark.parametrize("capital", [0, -1.0, math.nan, math.inf])
    @pytest.mark.parametrize("pnl", [[], [1.0]], ids=["empty", "not empty"])
    def test_capital_must_be_a_positive_amount(self, capital, pnl):
        with pytest.raises(ValueError, match="must be a positive amount"):
            Drawdown.of(pnl).fraction(capital)


class TestMerge:
    @given(st.lists(whole, min_size=1, max_size=8), capitals)
    def test_any_split_equals_the_whole_exactly(self, parts, capital):
        merged = Drawdown.merge(map(Drawdown.of, parts))
        assert Drawdown.of(flat(parts)) == merged
        if capital.is_integer() and flat(parts):
            assert brute_force(flat(parts))[0] == merged.amount
            assert brute_force(flat(parts), capital)[1] == merged.fraction(capital)

    @given(st.lists(cents, min_size=1, max_size=8), capitals)
    def test_any_split_of_fractions_equals_the_whole_nearly(self, parts, capital):
        """Sums of fractions are rounded, in another order."""
        expected, merged = Drawdown.of(flat(parts)), Drawdown.merge(map(Drawdown.of, parts))
        assert expected.count == merged.count
        assert math.isclose(expected.total, merged.total, rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(expected.peak, merged.peak, rel_tol=1e-9, abs_tol=1e-9)
        if merged.count:
            assert math.isclose(expected.amount, merged.amount, rel_tol=1e-9, abs_tol=1e-9)
            fraction = merged.fraction(capital)
            assert math.isclose(expected.fraction(capital), fraction, rel_tol=1e-9, abs_tol=1e-9)

    @given(whole, whole, whole)
    def test_the_grouping_does_not_matter(self, a, b, c):
        a, b, c = Drawdown.of(a), Drawdown.of(b), Drawdown.of(c)
        assert (a + b) + c == a + (b + c) == Drawdown.merge([a, b, c])

    @given(st.lists(whole, max_size=8))
    def test_merge_equals_a_chain_of_sums(self, parts):
        drawdowns = [Drawdown.of(part) for part in parts]
        assert functools.reduce(operator.add, drawdowns, Drawdown()) == Drawdown.merge(drawdowns)

    def test_the_order_matters(self):
        gain, loss = Drawdown.of([100.0]), Drawdown.of([-50.0])
        assert (0.25, 0.5) == ((gain + loss).fraction(100), (loss + gain).fraction(100))

    @given(whole | cents)
    def test_no_trades_are_the_identity(self, pnl):
        drawdown = Drawdown.of(pnl)
        assert drawdown == drawdown + Drawdown() == Drawdown() + drawdown

    def test_of_none_is_the_identity(self):
        assert Drawdown() == Drawdown.merge(iter([]))

    def test_a_thousand_parts(self):
        pnl = RNG.integers(-1000, 1010, size=(1000, 50)).astype(np.float64)
        merged = Drawdown.merge(map(Drawdown.of, pnl))
        assert Drawdown.of(pnl.ravel()) == merged
        assert brute_force(pnl.ravel().tolist(), 5e4)[1] == merged.fraction(5e4)

    def test_different_falls_are_not_equal(self):
        """Though they are in the same numbers of trades, with the same sum and peak."""
        assert Drawdown.of([1.0, -2.0, 1.0]) != Drawdown.of([1.0, -1.0, 0.0])


class TestOtherPrograms:
    """Empyrical agrees, on twenty years of the S&P 500."""

    @pytest.fixture
    def returns(self):
        sp500 = pytest.importorskip("arch.data.sp500")
        return sp500.load()["Adj Close"].pct_change().dropna()

    @pytest.fixture
    def max_drawdown(self):
        return pytest.importorskip("empyrical").max_drawdown

    @pytest.mark.parametrize("capital", [1.0, 12_345.67, 1e9])
    def test_the_whole_and_any_split_by_years(self, returns, max_drawdown, capital):
        equity = capital * np.cumprod(1 + returns.to_numpy())
        pnl = np.diff(equity, prepend=capital)
        expected = -max_drawdown(returns)
        assert math.isclose(expected, Drawdown.of(pnl).fraction(capital), rel_tol=1e-9)
        starts = np.flatnonzero(np.diff(returns.index.year)) + 1
        years = [Drawdown.of(year) for year in np.split(pnl, starts)]
        assert 20 == len(years)
        assert math.isclose(expected, Drawdown.merge(years).fraction(capital), rel_tol=1e-9)

    def test_every_year_and_every_stretch_of_years(self, returns, max_drawdown):
        capital = 1e6
        equity = capital * np.cumprod(1 + returns.to_numpy())
        pnl = np.diff(equity, prepend=capital)
        years = returns.index.year.to_numpy()
        of_year = {year: Drawdown.of(pnl[years == year]) for year in np.unique(years)}
        before = {year: equity[years < year][-1] if (years < year).any() else capital for year in of_year}
        for first in of_year:
            for last in range(first, max(of_year) + 1):
                expected = -max_drawdown(returns[(years >= first) & (years <= last)])
                stretch = Drawdown.merge(of_year[year] for year in range(first, last + 1))
                assert math.isclose(expected, stretch.fraction(before[first]), rel_tol=1e-9)


class TestState:
    @given(whole | cents, st.sampled_from([1e-6, 1.0, 1e6]))
    def test_it_comes_back_exactly(self, pnl, unit):
        drawdown = Drawdown.of(np.array(pnl) * unit)
        text = json.dumps(drawdown.to_state(), allow_nan=False)
        assert drawdown == Drawdown.from_state(json.loads(text))

    @pytest.mark.parametrize(
        "change",
        [
            {"count": 0},
            {"count": 1.0},
            {"peak": 39.0},
            {"peak": -1.0},
            {"total": 41.0},
            {"total": "1"},
            {"peaks": []},
            {"peaks": [], "troughs": []},
            {"peaks": [0.0, 40.0, 30.0]},
            {"peaks": [0.0, 40.0, 40.0]},
            {"peaks": [-1.0, 10.0, 40.0]},
            {"peaks": [0.0, 4.0, 40.0]},
            {"peaks": [0.0, 10.0, "40"]},
            {"peaks": [False, 10.0, 40.0]},
            {"peaks": [0.0, 10.0, math.nan]},
            {"peaks": [0.0, 10.0, 10**400]},
            {"peaks": None},
            {"troughs": [0.0, 5.0]},
            {"troughs": [0.0, -1.0, 25.0]},
            {"troughs": [0.0, 5.0, 5.0]},
        ],
        ids=lambda change: repr(change)[:50],
    )
    def test_a_bad_state_is_refused(self, change):
        state = Drawdown.of([10.0, -5.0, 35.0, -15.0, 5.0]).to_state()
        assert ([0.0, 10.0, 40.0], [0.0, 5.0, 25.0]) == (state["peaks"], state["troughs"])
        with pytest.raises(ValueError, match="state"):
            Drawdown.from_state(state | change)
