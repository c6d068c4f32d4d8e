"""Sequential detection: fair bets, row by row or in batches, and false alarms as rare as was asked."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.special import ndtr

from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.stats._e_detector import (
    block_for,
    e_advance,
    e_alarm,
    e_from_state,
    e_start,
    e_step,
    e_threshold,
    e_to_state,
    slack_for,
)

# Scores of any bits: where a bet stands exactly at its start, rounding may tell row by row from a batch.
scores = st.integers(0, 2**53 - 1).map(lambda bits: bits / 2**53)
slacks = st.floats(0, 0.3)
spreads = st.floats(0, 0.5)
blocks = st.integers(1, 7)


def after(values, state):
    for value in values:
        state = e_step(state, value)
    return state


def e_value(state):
    return e_alarm([state], -1.0).e_value


def same(left, right):
    """Say whether two detectors are the same up to rounding."""
    (bets, run, *rest), (other_bets, other_run, *other_rest) = left, right
    return bets == other_bets and np.allclose([*run, *rest], [*other_run, *other_rest], rtol=1e-9, atol=1e-9)


class TestByHand:
    def test_one_step(self):
        """A stake of 1/4 or 3/4 wins or loses as much on a score of 1: 5/4, 7/4, 3/4, 1/4; on both sides."""
        assert (5 / 4 + 7 / 4 + 3 / 4 + 1 / 4) / 4 == e_value(e_step(e_start(slack=0.0), 1.0))

    def test_two_steps(self):
        """The second step takes what was won and a new 1: (L + 1) * L for each of the bets."""
        expected = sum((factor + 1) * factor for factor in (5 / 4, 7 / 4, 3 / 4, 1 / 4)) / 4
        assert expected == e_value(after([1.0, 1.0], e_start(slack=0.0)))

    def test_the_middle_is_neither_up_nor_down_but_near(self):
        """The bets on the level stay at 1 and 2; those on the scale take the factors above."""
        scale = sum((factor + 1) * factor for factor in (5 / 4, 7 / 4, 3 / 4, 1 / 4))
        assert (4 * 2 + scale) / 8 == e_value(after([0.5, 0.5], e_start(slack=0.0)))

    def test_slack_is_lost_by_every_bet(self):
        """0.8 is 0.3 above the middle, of which 0.1 is slack, and nothing may be more than 0.6 off.

        The distance, 0.6, is by just the slack more than the spread of 0.5.
        """
        level = [1 + 0.25 / 3, 1 + 0.75 / 3, 1 - 0.25 * 2 / 3, 1 - 0.75 * 2 / 3]
        scale = [1, 1, 1 - 0.25 / 3, 1 - 0.75 / 3]
        assert math.isclose(sum(level + scale) / 8, e_value(e_step(e_start(slack=0.1), 0.8)))

    def test_a_block_counts_as_its_mean(self):
        """The mean of 1.0 and 0.5 is 0.75, and that of their distances from the middle, 1 and 0, is 0.5."""
        state = after([1.0, 0.5], e_start(slack=0.0, block=2))
        factors = [1 + 0.25 / 2, 1 + 0.75 / 2, 1 - 0.25 / 2, 1 - 0.75 / 2, 1, 1, 1, 1]
        assert sum(factors) / 8 == e_value(state)
        assert 0.0 == e_value(e_step(e_start(slack=0.0, block=2), 1.0))

    def test_nothing_is_added_to_overwhelming_evidence(self):
        state = after(2000 * [1.0], e_start(slack=0.0))
        assert 1e100 < e_value(state) < 1e101
        assert state == e_step(state, 0.0)


class TestFairness:
    """The mean e-value of a first step is that of the e-factors: 1 for the scores of the reference."""

    @pytest.mark.parametrize("ties", [1, 2, 3, 5, 100])
    def test_bets_are_fair_whatever_values_are_tied(self, ties):
        """A reference of `ties` different values, as often each: one of 1 is constant."""
        ranks = (np.arange(ties) + 0.5) / ties
        spread = float(np.abs(2 * ranks - 1).mean())
        start = e_start(slack=0.0, spread=spread)
        assert math.isclose(1.0, np.mean([e_value(e_step(start, rank)) for rank in ranks]))

    @given(st.lists(st.tuples(scores, st.integers(1, 100)), min_size=1, max_size=5))
    def test_no_bet_gains_within_the_slack(self, distribution):
        """Scores of any distribution whose two means are off by just the slack or less."""
        values, weights = np.array(distribution).T
        weights = weights / weights.sum()
        mean, distance = weights @ values, weights @ np.abs(2 * values - 1)
        slack = max(abs(mean - 0.5), distance - 0.5)
        start = e_start(slack=min(slack, 0.49), spread=min(distance, 0.5))
        runs = np.array([e_step(start, value)[1][1:9] for value in values]) - 1
        if slack <= 0.49:
            assert (weights @ runs <= 1 + 1e-9).all()
        assert (runs > 0).all()


class TestBatch:
    @given(st.data(), slacks, spreads, st.lists(blocks, min_size=1, max_size=3))
    def test_a_batch_is_row_after_row(self, data, slack, spread, of_blocks):
        row = st.lists(scores, min_size=len(of_blocks), max_size=len(of_blocks))
        rows = data.draw(st.lists(row, min_size=1, max_size=30))
        states = [e_start(slack=slack, spread=spread, block=block) for block in of_blocks]
        single = [after(column, state) for column, state in zip(zip(*rows, strict=True), states, strict=True)]
        batch, taken = e_advance(states, rows, threshold=1e15)
        assert len(rows) == taken
        assert all(map(same, single, batch))
        table = np.array(rows)
        halves, _ = e_advance(states, table[: len(rows) // 2], threshold=1e15)
        halves, _ = e_advance(halves, table[len(rows) // 2 :], threshold=1e15)
        assert all(map(same, single, halves))

    @pytest.mark.parametrize("block", [1, 3, 20, 700])
    def test_thousands_of_rows(self, block):
        rows = np.random.default_rng(block).random((5000, 2))
        state = e_start(slack=0.01, block=block)
        batch, taken = e_advance([state, state], rows, threshold=1e15)
        assert 5000 == taken
        assert all(map(same, (after(column, state) for column in rows.T.tolist()), batch))

    def test_detectors_at_different_places_in_their_blocks(self):
        states = [e_step(e_start(slack=0.01, block=3), 0.9), e_start(slack=0.01, block=3), e_start(slack=0.0)]
        rows = np.random.default_rng(1).random((100, 3))
        batch, _ = e_advance(states, rows, threshold=1e15)
        single = [after(column, state) for column, state in zip(rows.T.tolist(), states, strict=True)]
        assert all(map(same, single, batch))

    @pytest.mark.parametrize("extreme", [0.0, 0.5, 1.0])
    def test_the_worst_of_luck_neither_overflows_nor_vanishes(self, extreme):
        """Bets that lose all they may, for as long as it takes others to win."""
        states, taken = e_advance([e_start(slack=0.0)], np.full((1000, 1), extreme), threshold=1e15)
        single, rows = e_start(slack=0.0), 0
        while not e_alarm([single], 1e15):
            single, rows = e_step(single, extreme), rows + 1
        assert rows == taken
        assert same(single, states[0])

    def test_it_stops_at_the_row_of_an_alarm(self):
        states, taken = e_advance([e_start(slack=0.02)], np.full((500, 1), 0.95), threshold=100.0)
        assert e_alarm(states, 100.0)
        assert not e_alarm([after((taken - 1) * [0.95], e_start(slack=0.02))], 100.0)
        assert (states, 0) == e_advance(states, np.full((500, 1), 0.95), threshold=100.0)

    def test_no_rows_change_nothing(self):
        states = (e_start(slack=0.02),)
        assert (states, 0) == e_advance(states, np.empty((0, 1)), threshold=100.0)

    @pytest.mark.parametrize("rows", [[0.5], [[0.5]], [[0.5, 1.1]], [[0.5, -0.1]], [[0.5, math.nan]]])
    def test_what_is_no_table_of_scores_is_refused(self, rows):
        with pytest.raises(InvalidDataError, match="scores must"):
            e_advance(2 * [e_start(slack=0.02)], rows, threshold=100.0)

    @pytest.mark.parametrize("threshold", [0.0, 1e16, math.inf, math.nan])
    def test_a_threshold_is_a_run_length(self, threshold):
        with pytest.raises(InvalidConfigError, match="threshold"):
            e_advance([e_start(slack=0.02)], [[0.5]], threshold=threshold)


class TestAlarm:
    # Rows in which level and scale are those of the reference: nothing to be seen.
    STILL = 25 * [0.1, 0.6, 0.4, 0.9]

    @pytest.mark.parametrize(
        ("component", "changed"),
        [
            ("level up", [0.7, 0.9]),
            ("level down", [0.3, 0.1]),
            ("scale up", [0.02, 0.98]),
            ("scale down", [0.45, 0.55]),
        ],
    )
    @pytest.mark.parametrize("block", [1, 4])
    def test_it_says_what_changed_and_when(self, component, changed, block):
        quiet = e_start(slack=0.02, block=block)
        states, rows = [after(self.STILL, quiet), after(self.STILL, quiet)], 0
        while not (alarm := e_alarm(states, 1000.0)):
            states = [e_step(states[0], self.STILL[rows]), e_step(states[1], changed[rows % 2])]
            rows += 1
        assert (1, component) == (alarm.feature, alarm.component)
        assert abs(rows - alarm.rows_since_change) <= max(block, 3)
        assert 1000.0 == alarm.threshold <= alarm.e_value
        assert alarm.e_value <= alarm.feature_e_value <= 2 * alarm.e_value

    def test_a_block_that_is_not_full_is_part_of_the_change(self):
        state = after(10 * [1.0], e_start(slack=0.0, block=4))
        assert 10 == e_alarm([state], 0.0).rows_since_change

    def test_a_change_is_a_row_ago_at_least(self):
        assert 1 == e_alarm([e_start(slack=0.0)], 0.0).rows_since_change

    def test_there_is_none_below_the_threshold(self):
        assert e_alarm([e_start(slack=0.0)], 1e-9) is None


class TestThreshold:
    def test_it_is_the_run_length_in_steps(self):
        single, block = e_start(slack=0.0), e_start(slack=0.0, block=4)
        assert 1000.0 == e_threshold([single], 1000.0)
        assert 1000.0 == e_threshold(3 * [single], 1000.0)
        assert 250.0 == e_threshold([block], 1000.0)
        assert 625.0 == e_threshold([single, block], 1000.0)

    @pytest.mark.parametrize("run_length", [0.5, -1.0, 2e15, math.nan])
    def test_the_run_length_is_one_that_can_be(self, run_length):
        with pytest.raises(InvalidConfigError, match="run_length"):
            e_threshold([e_start(slack=0.0)], run_length)

    def test_there_is_a_feature_to_watch(self):
        with pytest.raises(InvalidConfigError, match="no feature"):
            e_threshold([], 1000.0)


class TestSlackAndBlock:
    def test_the_slack_is_where_the_sub_gaussian_tails_hold_what_is_left(self):
        """Four statements per feature, each with a tail of exp(-6 n s^2): level and scale, up and down."""
        assert math.isclose(0.01, 4 * math.exp(-6 * 1000 * slack_for(1000) ** 2))
        assert math.isclose(
            0.05, 80 * math.exp(-6 * 500 * slack_for(1000, features=20, inflation=2, confidence=0.95) ** 2)
        )

    def test_rows_that_take_turns_count_as_independent(self):
        assert slack_for(1000) == slack_for(1000, inflation=0.3)

    def test_the_tail_of_a_mean_of_uniform_numbers_is_below_the_bound(self):
        """The mean of 12 uniform numbers is off by 1/6 with a probability by Irwin and Hall."""
        terms = [(-1) ** k * math.comb(12, k) * (8 - k) ** 12 for k in range(9)]
        exceeds = 1 - sum(terms) / math.factorial(12)  # the sum is above 8, that is 6 + 12 / 6
        assert exceeds <= math.exp(-6 * 12 / 6**2)

    @pytest.mark.parametrize(
        "options",
        [
            {"reference_rows": 0},
            {"features": 0},
            {"inflation": 0.0},
            {"confidence": 1.0},
            {"confidence": 0.0},
        ],
    )
    def test_what_makes_no_sense_is_refused(self, options):
        with pytest.raises(InvalidConfigError, match="slack"):
            slack_for(**{"reference_rows": 100, **options})

    def test_blocks_are_four_times_as_long_as_memory(self):
        assert [1, 1, 2, 9, 73] == [block_for(inflation) for inflation in (0.5, 1.0, 1.1, 3.0, 19.0)]

    @pytest.mark.parametrize("inflation", [math.nan, math.inf])
    def test_endless_memory_has_no_block(self, inflation):
        with pytest.raises(InvalidConfigError, match="inflation"):
            block_for(inflation)

    @pytest.mark.parametrize(
        "options",
        [
            {"slack": 0.5},
            {"slack": -0.1},
            {"slack": math.nan},
            {"spread": 0.51},
            {"spread": -0.1},
            {"block": 0},
            {"block": 1.5},
            {"block": True},
        ],
    )
    def test_a_detector_has_a_reference_it_can_tell_from(self, options):
        with pytest.raises(InvalidConfigError, match=next(iter(options))):
            e_start(**{"slack": 0.02, **options})


class TestState:
    @given(st.lists(scores, max_size=30), slacks, spreads, blocks)
    def test_a_state_in_json_is_exact(self, values, slack, spread, block):
        state = after(values, e_start(slack=slack, spread=spread, block=block))
        assert state == e_from_state(json.loads(json.dumps(e_to_state(state))))

    def test_so_is_that_of_a_batch(self):
        states, _ = e_advance([e_start(slack=0.01, block=7)], np.full((100, 1), 0.3), threshold=1e15)
        assert states[0] == e_from_state(json.loads(json.dumps(e_to_state(states[0]))))

    @pytest.mark.parametrize(
        "damage",
        [
            {"block": 0},
            {"block": 2},
            {"filled": 3},
            {"filled": -1},
            {"slack": 0.5},
            {"slack": -0.1},
            {"slack": "0"},
            {"spread": 0.6},
            {"spread": -0.1},
            {"level": 2.1},
            {"level": -0.1},
            {"scale": 2.1},
            {"scale": -0.1},
            {"run": []},
            {"run": [*11 * [1.0], 0.9, *4 * [0.0], 1.0]},
            {"run": [0.9, *11 * [1.0], *4 * [0.0], 1.0]},
            {"run": [*12 * [1.0], 0.5, *3 * [0.0], 1.0]},
            {"run": [*12 * [1.0], -1.0, *3 * [0.0], 1.0]},
            {"run": [*12 * [1.0], 2.0, *3 * [0.0], 1.0]},
            {"run": [*12 * [1.0], *4 * [0.0], math.inf]},
        ],
    )
    def test_a_damaged_state_is_refused(self, damage):
        state = e_to_state(after(5 * [0.3], e_start(slack=0.01, block=3)))
        assert 2 == state["filled"]
        with pytest.raises(InvalidDataError):
            e_from_state(state | damage)


RUN_LENGTH = 1000


def normal(rng, size):
    return rng.standard_normal(size)


def autoregressive(rng, size):
    """AR(0.9) of variance 1, from its stationary law."""
    steps = rng.standard_normal(size) * math.sqrt(1 - 0.9**2)
    steps[0] /= math.sqrt(1 - 0.9**2)
    return lfilter([1.0], [1.0, -0.9], steps, axis=0)


def mid_ranks(reference, values):
    ordered = np.sort(reference)
    return (np.searchsorted(ordered, values) + np.searchsorted(ordered, values, "right")) / (2 * len(ordered))


def run_lengths(draw, *, slack, block=1, features=1, runs=200, spread=0.5, run_length=RUN_LENGTH):
    """Return the rows to an alarm, at most four times the run length; `draw` gives the scores of a run."""
    states = features * [e_start(slack=slack, block=block, spread=spread)]
    threshold = e_threshold(states, run_length)
    return np.array([e_advance(states, draw(4 * run_length), threshold=threshold)[1] for _ in range(runs)])


@pytest.mark.slow
class TestRunLength:
    """Runs end at four times what was asked, which makes their mean less than it is."""

    def test_independent_scores(self):
        rng = np.random.default_rng(1)
        lengths = run_lengths(lambda rows: rng.random((rows, 1)), slack=0.0, runs=400)
        assert lengths.mean() >= RUN_LENGTH

    def test_it_is_not_longer_than_need_be(self):
        """A bound that no test comes near would cost delay."""
        rng = np.random.default_rng(2)
        lengths = run_lengths(lambda rows: rng.random((rows, 1)), slack=0.0, runs=400)
        assert lengths.mean() <= 1.5 * RUN_LENGTH

    def test_scores_of_three_tied_values(self):
        rng = np.random.default_rng(3)
        ranks = np.array([1, 3, 5]) / 6
        lengths = run_lengths(lambda rows: rng.choice(ranks, (rows, 1)), slack=0.0, spread=4 / 9, runs=400)
        assert lengths.mean() >= RUN_LENGTH

    def test_many_features_have_no_more_false_alarms_than_one(self):
        rng = np.random.default_rng(4)
        lengths = run_lengths(lambda rows: rng.random((rows, 20)), slack=0.0, features=20, runs=60)
        assert lengths.mean() >= RUN_LENGTH

    @pytest.mark.parametrize("reference_rows", [200, 1000])
    def test_a_reference_that_is_a_sample(self, reference_rows):
        rng = np.random.default_rng(5)

        def draw(rows):
            return mid_ranks(normal(rng, reference_rows), normal(rng, rows))[:, None]

        assert run_lengths(draw, slack=slack_for(reference_rows)).mean() >= RUN_LENGTH

    def test_a_dependent_series_in_blocks(self):
        """The slack of 0.01 is that of a reference of 190,000 such rows."""
        rng = np.random.default_rng(6)
        block = block_for(19)

        def draw(rows):
            return ndtr(autoregressive(rng, (rows, 1)))

        assert run_lengths(draw, slack=0.01, block=block, run_length=20_000, runs=40).mean() >= 20_000

    def test_a_dependent_reference(self):
        rng = np.random.default_rng(7)

        def draw(rows):
            series = autoregressive(rng, 1000 + rows)
            return mid_ranks(series[:1000], series[1000:])[:, None]

        slack, block = slack_for(1000, inflation=19), block_for(19)
        assert run_lengths(draw, slack=slack, block=block, run_length=5000, runs=60).mean() >= 5000

    def test_rows_that_depend_on_each_other_need_blocks(self):
        """Without, a false alarm comes in less than a tenth of the time: the tests above can fail."""
        rng = np.random.default_rng(8)
        lengths = run_lengths(lambda rows: ndtr(autoregressive(rng, (rows, 1))), slack=0.01)
        assert lengths.mean() <= RUN_LENGTH / 10


@pytest.mark.slow
class TestDelay:
    @pytest.mark.parametrize(
        ("mean", "deviation", "times"), [(0.5, 1.0, 2.0), (1.0, 1.0, 3.0), (0.0, math.sqrt(2), 5.0)]
    )
    def test_it_is_a_few_times_that_of_who_knows_the_change(self, mean, deviation, times):
        """Lorden, "Procedures for reacting to a change in distribution" (1971).

        In the worst case no delay is less, to first order, than the logarithm of the run length over the
        Kullback-Leibler divergence of a row.
        """
        rng = np.random.default_rng(9)
        run_length = 10_000.0
        known = math.log(run_length) / ((deviation**2 + mean**2 - 1) / 2 - math.log(deviation))
        delays = []
        for _ in range(100):
            before, change = rng.standard_normal((300, 1)), mean + deviation * rng.standard_normal((3000, 1))
            start = e_start(slack=slack_for(1000))
            states, rows = e_advance([start], ndtr(before), threshold=run_length)
            if rows == 300:
                delays.append(e_advance(states, ndtr(change), threshold=run_length)[1])
        assert len(delays) > 90
        assert np.mean(delays) <= times * known
