"""How strongly a series repeats itself: how many independent rows its rows are worth."""

import math
from collections.abc import Sequence
from typing import Any, Self, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlprod._brief import Brief
from mlprod.errors import InvalidDataError

__all__ = ["SerialSums", "variance_inflation", "variance_inflations"]

_Array: TypeAlias = NDArray[np.float64]
_Counts: TypeAlias = NDArray[np.int64]

_MEMORY = 32.0  # rows
_LEVELS = 6  # blocks of 1, 2, 4, 8, 16 and 32 values
_LENGTHS = 2.0 ** np.arange(_LEVELS)
_STRETCHES, _STRETCH = 16, 1024  # enough to know the variance of blocks of 32 to 6%
_CHUNK = 1 << 13  # numbers at a time: for longer products BLAS starts threads, which wait for each other
_FLOOR, _HIGHEST_FLOOR = 4.0, 1.25  # of what is more than 1
_FEWEST = 20  # pairs of neighbouring blocks from which a correlation is estimated
_SHORT = 5  # levels: blocks of up to 16 values
_LONGEST = 4  # levels
_LARGEST = 0.9  # correlation of neighbouring blocks; longer memory shows in longer blocks
_ROUNDING = 1e-12  # relative; the spread that rounding alone gives to equal values is smaller
_SAME = attrs.cmp_using(eq=np.array_equal)


@final
@attrs.frozen
class SerialSums(Brief):
    """What the values of a feature, in the order of time, tell of their dependence on each other.

    Every value has two scores: its *level*, the distance from the centre, cut off at the outer quantiles so
    that no outlier matters, and its *scale*, the size of that distance, which is what repeats itself in
    volatile markets. Scores are summed over adjacent blocks of 1, 2, 4, 8, 16 and 32 values, as by Flyvbjerg
    and Petersen, "Error estimates on averages of correlated data", Journal of Chemical Physics 91 (1989).

    Of more than 16,384 values, only 16 stretches of 1,024 are looked at, evenly spread.

    ``a + b`` adds the sums: no block crosses from one part to the next, and what is left over at the end of
    a part is left out. Parts of a single row tell nothing of dependence. ``SerialSums()`` is that of no
    values, the identity of ``+``.

    Attributes:
        counts: how many blocks there are of each length, and how many pairs of neighbours among them;
            shape ``(2, 6)``.
        sums: of the sums of blocks, of their squares, and of the squared differences of neighbours, for
            both scores; without unit; shape ``(3, 2, 6)``.

    Example:
        >>> monday = SerialSums.of([3.0, 5.0, 4.0], centre=4.0, low=3.0, high=5.0)
        >>> tuesday = SerialSums.of([4.0, 9.0], centre=4.0, low=3.0, high=5.0)
        >>> (monday + tuesday).rows
        5
    """

    counts: _Counts = attrs.field(factory=lambda: np.zeros((2, _LEVELS), dtype=np.int64), eq=_SAME)
    sums: _Array = attrs.field(factory=lambda: np.zeros((3, 2, _LEVELS)), eq=_SAME)

    @classmethod
    def of(cls, values: ArrayLike, *, centre: float, low: float, high: float) -> Self:
        """Return the sums of values.

        Args:
            values: in the order of time, missing ones left out, in any unit; infinities count as `low` or
                `high`; shape ``(n,)``.
            centre: the median of the reference, in that unit.
            low: a lower quantile of the reference, such as that of 5%.
            high: an upper quantile of the reference, such as that of 95%. If the two are equal, a value's
                level is only whether it is above or below the centre.

        Raises:
            InvalidDataError: unless low <= centre <= high; it is a ValueError.
        """
        if not low <= centre <= high:
            raise InvalidDataError(f"low <= centre <= high must hold, unlike {low}, {centre} and {high}")
        values = _stretches(np.asarray(values, dtype=np.float64))
        scores = _scores(values, centre, low, high)
        blocks = len(values) >> np.arange(_LEVELS)
        squares, products, first, last = np.zeros((4, 2, _LEVELS))
        total = scores.sum(axis=1, keepdims=True)
        for level in range(np.count_nonzero(blocks)):
            if level:
                scores = scores[:, 0 : blocks[level] * 2 : 2] + scores[:, 1 : blocks[level] * 2 : 2]
            squares[:, level] = _dots(scores, scores)
            products[:, level] = _dots(scores[:, 1:], scores[:, :-1])
            first[:, level], last[:, level] = scores[:, 0], scores[:, -1]
        left_out = last * (blocks % 2)  # of the next level
        totals = total - (np.cumsum(left_out, axis=1) - left_out)
        differences = np.maximum(2 * (squares - products) - first**2 - last**2, 0.0)  # they were rounded
        counts, sums = np.stack([blocks, np.maximum(blocks - 1, 0)]), np.stack([totals, squares, differences])
        return cls(counts, sums)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.counts + other.counts, self.sums + other.sums)

    @property
    def rows(self) -> int:
        """How many values there were."""
        return int(self.counts[0, 0])

    def to_arrays(self) -> tuple[_Counts, _Array]:
        """Return what `from_arrays` takes: `counts` and `sums`."""
        return self.counts, self.sums

    @classmethod
    def from_arrays(cls, counts: NDArray[Any], sums: NDArray[Any]) -> Self:
        """Return what `to_arrays` was called on, exactly.

        Raises:
            InvalidDataError: if these are no such arrays; it is a ValueError.
        """
        _check(counts.shape == (2, _LEVELS) and counts.dtype.kind == "i", "counts have another shape or type")
        _check(sums.shape == (3, 2, _LEVELS) and sums.dtype.kind == "f", "sums have another shape or type")
        blocks, pairs = counts
        _check(
            (pairs >= 0).all() and (pairs <= np.maximum(blocks - 1, 0)).all(),
            "there are more pairs than blocks",
        )
        _check((2 * blocks[1:] <= blocks[:-1]).all(), "long blocks hold more rows than short ones")
        _check(np.isfinite(sums).all() and (sums[1:] >= 0).all(), "squares have no finite, positive sum")
        return cls(counts.astype(np.int64), sums.astype(np.float64))


def variance_inflation(reference: SerialSums, current: SerialSums) -> float:
    """Return how many rows of a series are worth one independent row.

    By this factor the shares of rows in bins vary more than those of independent rows. A test of `n` against
    `m` rows is made as if there were ``n / inflation`` and ``m / inflation`` of them, as by Rao and Scott,
    "The analysis of categorical data from complex sample surveys", Journal of the American Statistical
    Association 76 (1981).

    Only a memory of 32 rows counts: a state of the world that lasts longer is no noise, but what a drift is.
    (Twenty years of a stock index are about two independent rows if they are granted as long a memory as
    volatility has, and no crisis is a drift then.) So the inflation is the variance of the sums of blocks of
    32 rows over that of as many independent values. Series too short for that have shorter blocks, times
    (1 + r) / (1 - r) for what still connects neighbouring ones, r being their correlation: Bayley and
    Hammersley, "The effective number of independent observations in an autocorrelated time series", Journal
    of the Royal Statistical Society, Supplement 8 (1946); at most as much as makes up for 32 rows. Its bias
    in short series is corrected: Kendall, "Note on bias in the estimation of autocorrelation", Biometrika 41
    (1954). What counts is the largest, of level and scale, of the four longest lengths of which there are
    enough blocks.

    Without drift, reference and current are parts of the same process, so they are looked at together. The
    current part is looked at alone, too: a reference that was shuffled shows no dependence. The estimate
    counts only as far as the evidence goes beyond what comes by chance, more being asked of more rows: so
    nearly all samples of independent rows keep an inflation of 1.

    What cannot be seen is not corrected. In 100 rows, a volatility that changes slowly looks like independent
    rows, so the inflation is never less than 1 + 4 (100 / rows)², or 2.25 where that is less. By simulation
    that keeps the false alarms of 50 to 200 against as many rows of a persistent GARCH(1, 1), 0.1 and 0.88,
    at 5%. It does not help if the reference of such a series was shuffled and there are but a few hundred
    current rows: keep the reference in the order of time. For many features at once, see
    `variance_inflations`.

    Args:
        reference: the sums of the reference.
        current: the sums of the current values, by the same centre and quantiles.

    Returns:
        The factor, 1 or more; infinite without rows.

    Example:
        >>> noise = np.random.default_rng(1).normal(size=2000)
        >>> walk = np.convolve(noise, np.ones(10), mode="valid")  # the sums of ten rows
        >>> parts = [SerialSums.of(part, centre=0.0, low=-5.0, high=5.0) for part in np.split(walk[:1990], 2)]
        >>> 10 < variance_inflation(*parts) < 25
        True
    """
    return float(variance_inflations([reference], [current])[0])


def variance_inflations(references: Sequence[SerialSums], currents: Sequence[SerialSums]) -> _Array:
    """Return the `variance_inflation` of the features of a table; shape ``(features,)``.

    Rows depend on each other by the way in which they were taken, which their features share: what shows in
    the mean of all features counts for each. That matters for many features, as the alarm comes from the one
    whose dependence chance has hidden.

    Args:
        references: the sums of each feature in the reference.
        currents: those of the current values, in the same order.
    """
    if not references:
        return np.empty(0)
    samples = [references, currents]
    counts = np.array([[sums.counts for sums in sample] for sample in samples], dtype=np.float64)
    sums = np.array([[sums.sums for sums in sample] for sample in samples])
    rows = counts[:, :, 0, 0]
    known = np.maximum(rows.sum(axis=0), 1)
    least = np.where(rows.any(axis=0), 1 + np.minimum(_FLOOR * (100 / known) ** 2, _HIGHEST_FLOOR), np.inf)
    together = _inflations(counts, sums, chance=0.75 * np.log10(known))
    # More is asked of the current part alone, in short blocks: a drift within it looks like dependence.
    chance = 0.75 * np.log10(np.maximum(rows[1], 1)) + 0.75
    alone = _inflations(counts[1:, :, :, :_SHORT], sums[1:, :, :, :, :_SHORT], chance=chance)
    return np.maximum(np.maximum(together, alone), least)


def _stretches(values: _Array) -> _Array:
    """Return all values, or of very many 16 stretches of 1,024, from the first to the last."""
    if len(values) <= _STRETCHES * _STRETCH:
        return values
    starts = np.linspace(0, len(values) - _STRETCH, _STRETCHES).astype(np.int64)
    return np.concatenate([values[start : start + _STRETCH] for start in starts])


def _scores(values: _Array, centre: float, low: float, high: float) -> _Array:
    """Return level and scale of each value; shape ``(2, n)``."""
    scores = np.empty((2, len(values)))
    level, scale = scores
    width = high - low
    if 0 < width < math.inf:
        np.clip(values, low, high, out=level)
        level -= centre
        level /= width
    else:
        np.sign(values - centre, out=level)
    np.abs(level, out=scale)
    return scores


def _dots(a: _Array, b: _Array) -> _Array:
    """Return the dot product of each row of `a` with that of `b`; shape ``(2,)``."""
    if a.shape[1] <= _CHUNK:
        short: _Array = np.vecdot(a, b)
        return short
    whole = a.shape[1] // _CHUNK * _CHUNK
    chunks = np.vecdot(a[:, :whole].reshape(2, -1, _CHUNK), b[:, :whole].reshape(2, -1, _CHUNK))
    total: _Array = chunks.sum(axis=1) + np.vecdot(a[:, whole:], b[:, whole:])
    return total


def _inflations(counts: _Array, sums: _Array, *, chance: _Array) -> _Array:
    """Return the inflations that samples of the same process show together.

    Args:
        counts: of blocks and pairs, each sample around a mean of its own; shape ``(samples, features, 2,
            lengths)``.
        sums: of blocks, their squares and the squared differences; shape ``(samples, features, 3, 2,
            lengths)``.
        chance: evidence of dependence, in standard deviations, that counts for nothing; shape
            ``(features,)``.
    """
    blocks, pairs = counts[:, :, :1], counts[:, :, 1:]  # as many for both scores
    totals, squares, differences = np.moveaxis(sums, 2, 0)
    lengths = _LENGTHS[: counts.shape[-1]]
    centred = np.maximum(squares - totals**2 / np.maximum(blocks, 1), 0.0).sum(axis=0)
    varied = centred[:, :, 0] > _ROUNDING * squares[:, :, :, 0].sum(axis=0)
    enough = pairs.sum(axis=0) >= _FEWEST
    freedom = np.maximum(np.maximum(blocks - 1, 0).sum(axis=0), 1)
    blocks, pairs = np.maximum(blocks.sum(axis=0), 1), np.maximum(pairs.sum(axis=0), 1)
    variances = np.maximum(centred / freedom, _ROUNDING * centred[:, :, :1] / freedom[:, :, :1])
    variances = np.where(varied[:, :, np.newaxis], variances, 1.0)
    ratios = variances / (lengths * variances[:, :, :1])
    correlations = 1 - differences.sum(axis=0) / (2 * pairs * variances)

    # Of independent values, a ratio has the variance 2 / blocks, and twice a correlation 4 / blocks: together
    # as of chi-square over its blocks / 3 degrees of freedom, whose cube root is nearly normal: Wilson and
    # Hilferty, "The distribution of chi-square", PNAS 17 (1931). A correlation around the mean of its own
    # sample is too small by 1 / blocks.
    bias = len(counts) / blocks
    spread = 2 / (9 * blocks / 3)
    roots = np.cbrt(np.maximum(ratios * (1 + 2 * (correlations + bias)), 0.0))
    evidence = np.where(enough, (roots - 1 + spread) / np.sqrt(spread), -np.inf).max(axis=2)

    corrected = correlations + bias * (1 + 3 * np.maximum(correlations, 0.0))
    corrected = np.clip(corrected, -_LARGEST, _LARGEST)
    inflations = ratios * np.minimum((1 + corrected) / (1 - corrected), _MEMORY / lengths)
    is_long = enough & (np.arange(len(lengths)) >= enough.sum(axis=2, keepdims=True) - _LONGEST)
    largest = np.where(is_long, inflations, 1.0).max(axis=2, initial=1.0)
    own = np.clip(evidence - chance[:, np.newaxis], 0.0, 1.0)
    found: _Array = (1 + (largest - 1) * own * varied).max(axis=1)
    return np.maximum(found, _shared(evidence, largest, varied, chance))


def _shared(evidence: _Array, inflations: _Array, varied: NDArray[np.bool], chance: _Array) -> float:
    """Return the upper quartile of the inflations, as far as the mean evidence goes beyond chance.

    Of independent rows, each evidence has a mean of about 1 and a standard deviation below 1.
    """
    features = varied.sum(axis=0)
    if not features.any():
        return 1.0
    root = np.sqrt(np.maximum(features, 1))
    mean = np.where(varied, evidence, 0.0).sum(axis=0, where=np.isfinite(evidence)) / np.maximum(features, 1)
    needed = 1 + (float(chance.mean()) - 1) / root
    shown = np.clip((mean - needed) * root, 0.0, 1.0)
    return float((1 + (np.quantile(inflations, 0.75, axis=0) - 1) * shown).max())


def _check(fits: bool | np.bool, what: str) -> None:  # noqa: FBT001 - reads like an assertion
    if not fits:
        raise InvalidDataError(f"the sums contradict themselves: {what}; they were damaged or made elsewhere")
