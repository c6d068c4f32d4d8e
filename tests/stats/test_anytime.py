"""P-values and intervals of evidence never contradict each other."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.errors import InvalidConfigError
from mlprod.stats import Interval, anytime_p_value, half_width_mean, interval_of

numbers = st.floats(-100, 100)


class TestPValue:
    @pytest.mark.parametrize(("e", "p_value"), [(20, 0.05), (1000, 0.001), (1, 1.0), (0.1, 1.0)])
    def test_it_is_one_over_e_and_at_most_one(self, e, p_value):
        assert math.isclose(p_value, anytime_p_value(math.log(e)))

    def test_endless_evidence(self):
        assert 0.0 == anytime_p_value(math.inf)
        assert 0.0 == anytime_p_value(1e6)


class TestInterval:
    @given(numbers, st.floats(0.01, 100), st.floats(0.001, 0.5))
    def test_that_of_a_parabola_has_a_closed_form(self, estimate, scale, alpha):
        width = scale * math.sqrt(-2 * math.log(alpha))
        interval = interval_of(lambda at: ((at - estimate) / scale) ** 2 / 2, estimate, scale, alpha)
        assert math.isclose(estimate - width, interval.low, rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(estimate + width, interval.high, rel_tol=1e-9, abs_tol=1e-9)

    @given(numbers, st.floats(0.01, 100), numbers)
    def test_it_covers_zero_exactly_without_enough_evidence(self, centre, width, estimate):
        """Even if the estimate is not where the evidence is least."""

        def log_e(at):
            return abs(at - centre) / width

        too_little = log_e(0.0) < math.log(20)
        interval = interval_of(log_e, estimate, 1.0, 0.05)
        assert too_little == (interval.low < 0 < interval.high)

    def test_it_ends_before_zero_if_the_evidence_against_zero_alone_is_enough(self):
        """Whatever it is beyond."""
        for estimate in (1.0, -1.0):
            interval = interval_of(lambda at: 4.0 if abs(at) < 0.1 else 0.0, estimate, 0.3, 0.05)
            assert 0.0 not in interval
            assert estimate in interval

    def test_it_is_unbounded_where_evidence_never_suffices(self):
        assert Interval(-math.inf, math.inf) == interval_of(lambda _: 0.0, 1.0, 1.0, 0.05)
        interval = interval_of(lambda at: max(at, 0.0), 0.0, 1.0, 0.05)
        assert -math.inf == interval.low
        assert math.isclose(math.log(20), interval.high)

    def test_it_is_found_beside_an_estimate_that_nothing_speaks_against(self):
        interval = interval_of(lambda at: math.log(abs(at - 1)) if at != 1 else -math.inf, 1.0, 0.1, 0.05)
        assert math.isclose(-19, interval.low, rel_tol=1e-11)
        assert math.isclose(21, interval.high, rel_tol=1e-11)

    def test_it_takes_few_looks_at_evidence_that_is_nearly_a_parabola(self):
        looks = []

        def log_e(at):
            looks.append(at)
            return at * at / 2 + abs(at) ** 3 / 20 - 1.0

        interval = interval_of(log_e, 0.0, 1.0, 0.05)
        assert math.isclose(math.log(20), log_e(interval.high), rel_tol=1e-11)
        assert len(looks) < 25

    @given(numbers, st.floats(-3, 3), st.sampled_from([0.5, 1.0, 3.0, 9.0]))
    def test_its_ends_are_where_bisection_finds_them(self, root, steepness, power):
        """However flat or steep the evidence is there, and from outside: it is enough at the ends."""

        def log_e(at):
            return 3.0 + math.copysign(abs((at - root) * 10**steepness) ** power, at - root)

        interval = interval_of(log_e, root - 1.0, 0.1, 0.05)
        if 0.0 in interval or log_e(root - 1.0) >= -math.log(0.05):
            return
        assert log_e(interval.high) >= -math.log(0.05)
        assert log_e(interval.high - 1e-12 * max(1.0, abs(root))) <= -math.log(0.05) + 1e-6 * abs(
            log_e(root + 1)
        )

    def test_phases_that_contradict_each_other_leave_the_estimate(self):
        assert Interval(3.0, 3.0) == interval_of(lambda at: (at - 1) ** 2 + (at - 5) ** 2, 3.0, 1.0, 0.05)

    @pytest.mark.parametrize("alpha", [0, 1, -0.05, 5, math.nan])
    def test_a_level_lies_between_zero_and_one(self, alpha):
        with pytest.raises(InvalidConfigError, match="alpha must lie between 0 and 1"):
            interval_of(abs, 0.0, 1.0, alpha)
        with pytest.raises(InvalidConfigError, match="alpha must lie between 0 and 1"):
            half_width_mean(1.0, 10, 5, alpha=alpha, planned=10)
