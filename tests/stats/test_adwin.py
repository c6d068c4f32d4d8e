"""The adaptive window: cut where that of another package is, small, and exact in JSON."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.stats._adwin import Adwin


def fed(values, window=None):
    """Return the window after the values, and (how many were seen, how many are left) at each change."""
    window = window or Adwin()
    changes = []
    for value in values:
        window, changed = window.step(value)
        if changed:
            changes.append((window.seen, window.count))
    return window, changes


def worn(period, size):
    """Return a series without randomness, from 0 up to 1."""
    return [(37 * at % period) / period for at in range(size)]


SERIES = {
    "a jump": 200 * [0.0] + 200 * [1.0],
    "a small shift": worn(101, 1000) + [0.15 + 0.85 * value for value in worn(101, 1000)],
    "rarely to often": 60 * [1.0, *9 * [0.0]] + 200 * [1.0, 0.0, 0.0],
    "no change": worn(101, 3000),
}
# After how many values AdaptiveWindowing of river 0.23.0 cuts its window, and to how many: with
# min_window_length=1, which makes the sizes in its bound those of the paper, max_buckets=5, grace_period=10.
RIVER = {
    ("a jump", 1): [
        *[(209, 145), (210, 114), (211, 83), (212, 68), (214, 62)],
        *[(216, 56), (218, 50), (221, 45), (228, 44), (244, 52)],
    ],
    ("a jump", 32): [(224, 48), (256, 64)],
    ("a small shift", 1): [(1634, 1378), (1768, 1256)],
    ("a small shift", 32): [(1664, 1408), (1792, 1280)],
    ("rarely to often", 1): [(700, 572), (709, 517), (715, 459), (727, 407), (748, 364), (790, 342)],
    ("rarely to often", 32): [(704, 576), (736, 416), (768, 384), (800, 352)],
    ("no change", 1): [],
    ("no change", 32): [],
}
# Its window in the end: how many values, their sum, their squared deviations from the mean.
RIVER_WINDOWS = {
    "a jump": (208, 200.0, 7.6923076923076925),
    "a small shift": (1488, 813.3316831683165, 102.81150394740442),
    "rarely to often": (752, 215.0, 153.53058510638297),
    "no change": (3000, 1485.3465346534654, 249.98410613338578),
}


class TestAgainstRiver:
    @pytest.mark.parametrize("name", SERIES)
    @pytest.mark.parametrize("every", [1, 32])
    def test_the_window_is_cut_at_the_same_values_to_the_same_length(self, name, every):
        window, changes = fed(SERIES[name], Adwin(every=every))
        assert RIVER[name, every] == changes
        count, total, squares = RIVER_WINDOWS[name]
        assert count == window.count
        assert math.isclose(total / count, window.mean, rel_tol=1e-12)
        assert math.isclose(squares / count, window.variance, rel_tol=1e-9)


class TestStep:
    def test_a_window_of_nothing(self):
        window = Adwin()
        assert (0, 0) == (window.count, window.seen)
        assert math.isnan(window.mean)
        assert math.isnan(window.variance)

    def test_the_state_before_stays_as_it_was(self):
        before, _ = fed([0.1, 0.2])
        after, changed = before.step(0.9)
        assert (2, 3, False) == (before.count, after.count, changed)

    def test_of_six_buckets_the_two_oldest_become_one_of_twice_the_size(self):
        window, _ = fed([1.0, 3.0, 5.0, 5.0, 5.0, 5.0])
        assert (((5.0, 0.0),) * 4, ((4.0, 2.0),)) == window.rows

    def test_ten_values_are_never_cut(self):
        """The eleventh is the first that makes a window long enough to look at."""
        assert [] == fed(5 * [0.0] + 5 * [1e6], Adwin(every=1, delta=0.5))[1]
        assert 11 == fed(5 * [0.0] + 6 * [100.0], Adwin(every=1, delta=0.999))[1][0][0]

    def test_memory_grows_with_the_logarithm(self):
        """20,000 values fill at most 5 buckets of each of 12 sizes."""
        window, _ = fed(10_000 * [0.25, 0.75], Adwin(every=5000))
        assert 20_000 == window.count
        assert 12 == len(window.rows)
        assert max(map(len, window.rows)) <= 5

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
    def test_mean_and_variance_are_those_of_the_values_left(self, values):
        window, _ = fed(values, Adwin(every=7))
        left = values[len(values) - window.count :]
        assert math.isclose(np.mean(left), window.mean, abs_tol=1e-12)
        assert math.isclose(np.var(left), window.variance, abs_tol=1e-12)

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_what_is_no_number_is_refused(self, value):
        with pytest.raises(InvalidDataError, match="leave it out"):
            Adwin().step(value)


class TestOptions:
    @pytest.mark.parametrize("delta", [0.0, 1.0, -1.0, math.nan])
    def test_delta_is_a_probability(self, delta):
        with pytest.raises(InvalidConfigError, match="delta"):
            Adwin(delta=delta)

    @pytest.mark.parametrize("every", [0, -1, 1.5, True])
    def test_every_is_a_number_of_values(self, every):
        with pytest.raises(InvalidConfigError, match="every"):
            Adwin(every=every)


class TestState:
    @given(st.lists(st.floats(0, 1), max_size=100))
    def test_a_state_in_json_is_exact(self, values):
        window, _ = fed(values, Adwin(delta=0.3, every=3))
        restored = Adwin.from_state(json.loads(json.dumps(window.to_state())))
        assert window == restored
        assert fed([0.5, 1.0, 0.0], window) == fed([0.5, 1.0, 0.0], restored)

    @pytest.mark.parametrize(
        "damage",
        [
            {"delta": 1.0},
            {"delta": 0.0},
            {"every": 0},
            {"every": True},
            {"seen": 6},
            {"seen": -1},
            {"lengths": [5]},
            {"lengths": [0, 6]},
            {"lengths": [6]},
            {"lengths": [6, 0]},
            {"lengths": 61 * [1], "totals": 61 * [0.0], "m2s": 61 * [0.0]},
            {"totals": [1.0]},
            {"totals": 6 * ["1"]},
            {"m2s": [0.0]},
            {"m2s": [0.0, 0.0, 0.0, 0.0, 0.0, -1.0]},
            {"m2s": None},
        ],
    )
    def test_a_damaged_state_is_refused(self, damage):
        state = fed(7 * [0.5])[0].to_state()
        assert [5, 1] == state["lengths"]
        with pytest.raises(InvalidDataError):
            Adwin.from_state(state | damage)
