"""Has a feature changed? Watched value by value, with false alarms as rare as was asked.

A detector watches the scores of one feature: its values' mid-ranks in a reference, from 0 to 1. While nothing
changes, their mean is 1/2. It bets against that in eight ways: that scores are higher or lower ("level"), or
further from the middle or nearer to it ("scale"), each with a small and a large stake. A bet's e-factor has a
mean of at most 1 as long as nothing changes, whatever the distribution, so that what the bets win bounds how
often an alarm is false.

The method is the Shiryaev-Roberts e-detector with a mixture of bets on bounded values: Shin, Ramdas and
Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", The New England Journal of
Statistics in Data Science 2 (2024), arXiv 2203.03532. The start of the change is where the CUSUM e-detector
of the same paper, with the small stake, began anew for the last time.

Detectors of several processes that share the rows are not merged: the false alarms of each are bounded by the
rows that it saw, and products over rows that others saw in between are not those of one stream.
"""

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.stats._state import State, check, integer, number, numbers
from mlprod.typing import JSON

__all__ = [
    "EAlarm",
    "EComponent",
    "EState",
    "block_for",
    "e_advance",
    "e_alarm",
    "e_from_state",
    "e_start",
    "e_step",
    "e_threshold",
    "e_to_state",
    "slack_for",
]

EComponent: TypeAlias = Literal["level up", "level down", "scale up", "scale down"]

_Bets: TypeAlias = tuple[int, float, float, float, float, float, float, float, float, float, float]
_Run: TypeAlias = tuple[float, ...]
_Array: TypeAlias = NDArray[np.float64]

EState: TypeAlias = tuple[_Bets, _Run, float, float, int]
"""What a detector knows. Plain tuples: half of the time of a step would go into making an object.

The bets: block, slack and spread as given; then for the level the gain of a score in the middle and per unit
of score, for the small and the large stake; and the same for the scale.
The run: the e-value; one more than the Shiryaev-Roberts statistic of each of the eight bets; the CUSUM
statistic of each of the four components; after how many steps each of these began anew; the number of steps.
The block that is not full: the sums of its scores and of their distances from the middle, and its size.
"""

_COMPONENTS: tuple[EComponent, ...] = ("level up", "level down", "scale up", "scale down")
_SMALL, _LARGE = 0.25, 0.75  # stakes, as a share of what a bet could lose at most without going bankrupt
_NEW: _Run = (0.0, *(1.0,) * 8, *(1.0,) * 4, *(0.0,) * 4, 0.0)
_HIGHEST = 1e100  # an e-value; from here on nothing is added, so that nothing overflows
_LONGEST = 1e15  # rows; a million a second for 31 years
_STEPS = 256  # at a time: products of as many e-factors neither overflow nor vanish
_BLOCK_AT_A_TIME = 16  # rows; longer blocks take memory rather than time
_BLOCKS_PER_INFLATION = 4

# Where a batch finds the eight bets: on a higher or lower level, small and large, then on the scale.
_BASES, _SLOPES = [3, 3, 5, 5, 7, 7, 9, 9], [4, 4, 6, 6, 8, 8, 10, 10]
_SIGNS = np.tile([[1.0], [-1.0]], (4, 1))
_SMALL_BETS = [0, 1, 4, 5]


@attrs.frozen
class EAlarm:
    """A change was found.

    Attributes:
        feature: the position of the feature that gives the most evidence.
        component: how its scores changed, mostly: ``"level up"``, ``"level down"``, ``"scale up"`` (further
            from the middle of the reference) or ``"scale down"``.
        e_value: the evidence, the mean of the e-values of all features.
        threshold: the evidence from which on it is an alarm.
        feature_e_value: the e-value of the feature alone.
        rows_since_change: how many rows ago the change began, an estimate; 1 is the last row.
    """

    feature: int
    component: EComponent
    e_value: float
    threshold: float
    feature_e_value: float
    rows_since_change: int


def e_start(*, slack: float, spread: float = 0.5, block: int = 1) -> EState:
    """Return a detector that has seen nothing yet.

    Args:
        slack: by how much the mean of the scores, or of their distances from the middle, may differ from
            that of the reference without being a change; 0 up to, not including, 0.5. See `slack_for`.
        spread: the mean of ``abs(2 * score - 1)`` over the reference itself: 0.5, or less where values are
            tied.
        block: how many rows are averaged before they count as one. See `block_for`.

    Raises:
        InvalidConfigError: if one of them is out of its range; it is a ValueError.

    Example:
        >>> state = e_start(slack=0.03)
        >>> for score in [0.2, 0.6, 0.4] + 20 * [0.98]:
        ...     state = e_step(state, score)
        >>> alarm = e_alarm([state], threshold=1000)
        >>> alarm.component, alarm.rows_since_change
        ('level up', 20)
    """
    if not 0 <= slack < 0.5:  # noqa: PLR2004 - a mean in the middle is never further from the end
        raise InvalidConfigError(
            f"slack must be from 0 up to, not including, 0.5, not {slack}: with more nothing can be "
            "told from chance; take a longer reference"
        )
    if not 0 <= spread <= 0.5:  # noqa: PLR2004 - that of untied values
        raise InvalidConfigError(f"spread must be from 0 to 0.5, the mean distance of ranks, not {spread}")
    if type(block) is not int or block < 1:
        raise InvalidConfigError(f"block must be a whole number of rows, 1 or more, not {block}")
    return (_bets(block, float(slack), float(spread)), _NEW, 0.0, 0.0, 0)


def e_step(state: EState, score: float) -> EState:  # noqa: PLR0915 - no loop is as fast
    """Return the detector after one more value.

    Args:
        state: the detector before.
        score: the mid-rank of the value in the reference, from 0 to 1. It is not checked: this is the hot
            path.
    """
    bets, run, level, scale, filled = state
    distance = score + score - 1.0
    if distance < 0.0:
        distance = -distance
    block = bets[0]
    if block > 1:
        level += score
        scale += distance
        filled += 1
        if filled < block:
            return bets, run, level, scale, filled
        score = level / block
        distance = scale / block
    _, _, spread, small, small_per, large, large_per, near, near_per, far, far_per = bets
    e, a, b, c, d, i, j, k, m, p, q, r, s, p_at, q_at, r_at, s_at, steps = run
    if e >= _HIGHEST:
        return bets, run, 0.0, 0.0, 0
    steps += 1.0
    score -= 0.5
    gain = small_per * score
    factor = small + gain
    a = a * factor + 1.0
    p *= factor
    if p < 1.0:
        p = 1.0
        p_at = steps
    factor = small - gain
    b = b * factor + 1.0
    q *= factor
    if q < 1.0:
        q = 1.0
        q_at = steps
    gain = large_per * score
    c = c * (large + gain) + 1.0
    d = d * (large - gain) + 1.0
    distance -= spread
    gain = near_per * distance
    factor = near + gain
    i = i * factor + 1.0
    r *= factor
    if r < 1.0:
        r = 1.0
        r_at = steps
    factor = near - gain
    j = j * factor + 1.0
    s *= factor
    if s < 1.0:
        s = 1.0
        s_at = steps
    gain = far_per * distance
    k = k * (far + gain) + 1.0
    m = m * (far - gain) + 1.0
    e = (a + b + c + d + i + j + k + m) * 0.125 - 1.0
    return bets, (e, a, b, c, d, i, j, k, m, p, q, r, s, p_at, q_at, r_at, s_at, steps), 0.0, 0.0, 0


def e_threshold(states: Sequence[EState], run_length: float) -> float:
    """Return the mean of the e-values from which on it is an alarm.

    With it, the mean number of rows to a false alarm is at least the run length, for any number of features
    and whatever their dependence on each other. For blocks of one row the threshold is the run length
    itself; a detector that makes fewer steps has fewer chances for a false alarm.

    Args:
        states: one detector per feature, all of which see every row.
        run_length: the rows, on average, from a start to a false alarm; 1 to 1e15.

    Raises:
        InvalidConfigError: if the run length is out of its range, or there is no detector.
    """
    if not states:
        raise InvalidConfigError("there is no feature to watch: make one detector for each with e_start")
    if not 1 <= run_length <= _LONGEST:
        raise InvalidConfigError(f"run_length must be 1 to {_LONGEST:.0e} rows, not {run_length}")
    return run_length * math.fsum(1 / state[0][0] for state in states) / len(states)


def e_alarm(states: Sequence[EState], threshold: float) -> EAlarm | None:
    """Return the alarm, if the mean of the e-values has reached the threshold.

    After an alarm, begin anew with `e_start`.
    """
    e_value = sum([state[1][0] for state in states]) / len(states)  # a list: the hot path
    if e_value < threshold:
        return None
    feature = max(range(len(states)), key=lambda at: states[at][1][0])
    bets, run, _, _, filled = states[feature]
    evidence = (run[1] + run[3], run[2] + run[4], run[5] + run[7], run[6] + run[8])
    component = evidence.index(max(evidence))
    return EAlarm(
        feature=feature,
        component=_COMPONENTS[component],
        e_value=e_value,
        threshold=threshold,
        feature_e_value=run[0],
        rows_since_change=max(int(run[17] - run[13 + component]) * bets[0] + filled, 1),
    )


def e_advance(
    states: Sequence[EState], scores: ArrayLike, *, threshold: float
) -> tuple[tuple[EState, ...], int]:
    """Return the detectors after a batch of rows, or after the row of an alarm in it.

    That is what `e_step` gives, one row after the other, up to rounding. It is faster from some three hundred
    values (rows times features) on.

    Args:
        states: one detector per feature.
        scores: mid-ranks from 0 to 1; shape ``(rows, features)``.
        threshold: the mean of the e-values to stop at. See `e_threshold`.

    Returns:
        The detectors, and how many rows they have taken: fewer than there are if there was an alarm earlier,
        and none if there is one already. Ask `e_alarm`.

    Raises:
        InvalidDataError: if the scores have another shape, or are no numbers from 0 to 1.
        InvalidConfigError: if the threshold is not positive, or above 1e15.

    Example:
        >>> scores = np.vstack([np.tile([[0.1], [0.6], [0.4], [0.9]], (25, 2)), np.full((40, 2), 0.98)])
        >>> states, rows = e_advance(2 * [e_start(slack=0.03)], scores, threshold=1000.0)
        >>> rows
        112
        >>> e_alarm(states, 1000.0).rows_since_change
        13
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] != len(states):  # noqa: PLR2004 - a table
        raise InvalidDataError(f"scores must have the shape (rows, {len(states)}), not {scores.shape}")
    if not np.all((scores >= 0) & (scores <= 1)):  # also false for NaN
        raise InvalidDataError("scores must be numbers from 0 to 1, the mid-ranks of values in the reference")
    if not 0 < threshold <= _LONGEST:
        raise InvalidConfigError(f"threshold must be positive, at most {_LONGEST:.0e}, not {threshold}")
    now, taken = tuple(states), 0
    if e_alarm(now, threshold):
        return now, 0
    size = _STEPS * min(_BLOCK_AT_A_TIME, *(state[0][0] for state in states))
    while taken < len(scores):
        chunk = scores[taken : taken + size]
        after, evidence = _advance(now, chunk)
        alarms = np.flatnonzero(evidence >= threshold)
        if len(alarms):
            rows = int(alarms[0]) + 1
            return _advance(now, chunk[:rows])[0], taken + rows
        now, taken = after, taken + len(chunk)
    return now, taken


def slack_for(
    reference_rows: float, *, features: int = 1, inflation: float = 1.0, confidence: float = 0.99
) -> float:
    """Return the slack that covers that the reference is a sample.

    With the given confidence, over the draw of the reference, the true mean score of every feature is within
    the slack, and the run length is then what was asked. The mean score of new values is that of as many
    uniform numbers as the reference has rows, which is sub-Gaussian with variance ``1 / (12 * rows)``; so the
    probability that it is off by more is at most ``exp(-6 * rows * slack**2)`` on either side. For the mean
    distance from the middle the same holds to first order. Ties make both smaller.

    Args:
        reference_rows: how many rows the reference has.
        features: how many features are watched; each of them is to be within the slack.
        inflation: by how much dependence between the reference's rows inflates the variance of a mean score:
            the rows count as ``reference_rows / inflation``.
        confidence: of all of these statements together.

    Returns:
        The slack. At 0.5 or more the reference is too short to tell anything.

    Raises:
        InvalidConfigError: if one of them is out of its range.

    Example:
        >>> round(slack_for(1000), 4)
        0.0316
    """
    if not (reference_rows >= 1 and features >= 1 and inflation > 0 and 0 < confidence < 1):
        raise InvalidConfigError(
            "a slack is that of 1 row and 1 feature or more, a positive inflation and a confidence between 0 "
            f"and 1, not {reference_rows}, {features}, {inflation} and {confidence}"
        )
    effective = min(reference_rows / inflation, reference_rows)
    return math.sqrt(math.log(4 * features / (1 - confidence)) / (6 * effective))


def block_for(inflation: float) -> int:
    """Return over how many rows to average where rows depend on earlier ones.

    A bet is fair if the mean of a score, given all earlier ones, is still 1/2. That is nearly so for means
    over blocks much longer than the memory of a series: four times the inflation of the variance. In
    simulations of AR(0.5), AR(0.9) and GARCH(0.1, 0.88), 20,000 and 200,000 rows, the mean run length was
    above what was asked with a slack of 0.01, that of 10,000 independent rows, or more; with none at all it
    was 0.75 to 0.95 of it.

    Args:
        inflation: by how much dependence inflates the variance of a mean of scores, or of their distances
            from the middle, whichever is more; 19 for AR(0.9). 1 or less counts as none.

    Raises:
        InvalidConfigError: if it is not a finite number.

    Example:
        >>> block_for(1.0), block_for(19.0)
        (1, 73)
    """
    if not math.isfinite(inflation):
        raise InvalidConfigError(f"inflation must be a finite number, not {inflation}")
    return 1 + math.ceil(_BLOCKS_PER_INFLATION * max(inflation - 1, 0.0))


def e_to_state(state: EState) -> dict[str, JSON]:
    """Return what `e_from_state` takes, ready for `json.dumps`."""
    bets, run, level, scale, filled = state
    return {
        "block": bets[0],
        "slack": bets[1],
        "spread": bets[2],
        "run": list(run[1:]),
        "level": level,
        "scale": scale,
        "filled": filled,
    }


def e_from_state(state: State) -> EState:
    """Return what `e_to_state` was called on, exactly.

    Raises:
        InvalidDataError: if this is no such state; it is a ValueError.
    """
    block, filled = integer(state, "block"), integer(state, "filled")
    slack, spread = number(state, "slack"), number(state, "spread")
    level, scale = number(state, "level"), number(state, "scale")
    run = numbers(state, "run")
    check(block > filled, "its block is fuller than full")
    check(0 <= slack < 0.5 and 0 <= spread <= 0.5, "its slack or spread is out of range")  # noqa: PLR2004
    check(0 <= level <= filled and 0 <= scale <= filled, "its sums are not those of scores")
    check(len(run) == len(_NEW) - 1, "it has another number of bets")
    check(np.all(run[:12] >= 1), "a bet has lost more than all")
    check(
        np.all(run[12:] % 1 == 0) and np.all((run[12:] >= 0) & (run[12:] <= run[16])),
        "its steps are not in order",
    )
    kept: list[float] = run.tolist()
    a, b, c, d, i, j, k, m = kept[:8]
    return (
        _bets(block, slack, spread),
        ((a + b + c + d + i + j + k + m) * 0.125 - 1.0, *kept),
        level,
        scale,
        filled,
    )


def _bets(block: int, slack: float, spread: float) -> _Bets:
    """Return the e-factors as lines: a bet gains ``stake * (score - 1/2 - slack) / (what it may lose)``."""
    level, scale = 0.5 + slack, 1 - spread + slack
    gains: list[float] = []
    for lose in (level, scale):
        for stake in (_SMALL, _LARGE):
            gains += [1 - stake * slack / lose, stake / lose]
    small, small_per, large, large_per, near, near_per, far, far_per = gains
    return (block, slack, spread, small, small_per, large, large_per, near, near_per, far, far_per)


def _advance(states: Sequence[EState], scores: _Array) -> tuple[tuple[EState, ...], _Array]:
    """Return the detectors after a chunk of rows, and the mean of their e-values after each row."""
    together: dict[tuple[int, int], list[int]] = {}
    for at, state in enumerate(states):
        together.setdefault((state[0][0], state[4]), []).append(at)
    after, evidence = list(states), np.zeros(len(scores))
    for (block, filled), features in together.items():
        group = [states[at] for at in features]
        moved, e_values = _advance_together(group, scores[:, features], block, filled)
        for at, state in zip(features, moved, strict=True):
            after[at] = state
        steps = (filled + 1 + np.arange(len(scores))) // block
        evidence += e_values[steps]
    return tuple(after), evidence / len(states)


def _advance_together(
    states: Sequence[EState], scores: _Array, block: int, filled: int
) -> tuple[list[EState], _Array]:
    """Return detectors that are at one place in their blocks after a chunk, and sums of their e-values.

    The sums are those before the first step and after each.
    """
    distances = np.abs(2 * scores - 1)
    run = np.array([state[1] for state in states]).T
    level, scale = np.array([state[2:4] for state in states]).T
    full = (filled + len(scores)) // block
    rest = (filled + len(scores)) % block
    if block > 1:
        used = max(full * block - filled, 0)
        levels, level = _blocks(scores, level, used, block)
        distances, scale = _blocks(distances, scale, used, block)
    else:
        levels = scores
    path = np.empty((full + 1, len(states)))
    path[0] = run[0]
    if full:
        bets = np.array([state[0] for state in states]).T
        path[1:] = _take(run, bets, np.stack([levels - 0.5, distances - bets[2]]))
    moved = zip(states, run.T.tolist(), level.tolist(), scale.tolist(), strict=True)
    return [(state[0], tuple(now), x, y, rest) for state, now, x, y in moved], path.sum(axis=1)


def _blocks(values: _Array, carried: _Array, used: int, block: int) -> tuple[_Array, _Array]:
    """Return the means of the blocks that are full after `used` rows, and the sums of the rest."""
    if not used:
        return values[:0], carried + values.sum(axis=0)
    starts = np.append(0, np.arange(used % block or block, used, block))  # the first may have begun earlier
    sums = np.add.reduceat(values[:used], starts, axis=0)
    sums[0] += carried
    return sums / block, values[used:].sum(axis=0)


def _take(run: _Array, bets: _Array, values: _Array) -> _Array:
    """Take some steps, in place, and return the e-values after each; shape ``(steps, features)``.

    Args:
        run: shape ``(18, features)``.
        bets: shape ``(11, features)``.
        values: scores less 1/2, and distances less the spread; shape ``(2, steps, features)``.
    """
    slopes = bets[_SLOPES] * _SIGNS
    products = np.repeat(values, 4, axis=0)
    products *= slopes[:, None]
    products += bets[_BASES][:, None]
    np.cumprod(products, axis=1, out=products)
    # From m to m * f + 1 to (m * f + 1) * g + 1, which is f * g * (m + 1 / f + 1 / (f * g)).
    sums = np.cumsum(1 / products, axis=1)
    sums += run[1:9, None]
    sums *= products
    e_values: _Array = sums.sum(axis=0) / 8 - 1
    cusums = products[_SMALL_BETS] * run[9:13, None]
    floors = np.minimum(np.minimum.accumulate(cusums, axis=1), 1.0)
    fell = np.diff(floors, axis=1, prepend=1.0) < 0
    last = run[17] + values.shape[1] - np.argmax(fell[:, ::-1], axis=1)
    run[13:17] = np.where(fell.any(axis=1), last, run[13:17])
    run[9:13] = cusums[:, -1] / floors[:, -1]
    run[1:9] = sums[:, -1]
    run[0] = e_values[-1]
    run[17] += values.shape[1]
    return e_values
