"""The exponential buckets of Prometheus native histograms: bucket i holds 2^((i-1)/64) < value <= 2^(i/64).

Specification: https://prometheus.io/docs/specs/native_histograms/ (section schema).
"""

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["HIGHEST", "LOWEST", "SCHEMA", "ZERO_THRESHOLD", "Buckets", "add", "count", "find", "middles"]

Buckets: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int64]]
"""Those that hold values, ascending, and how many each holds; both of shape ``(b,)``."""

SCHEMA: Final = 6
ZERO_THRESHOLD: Final = 2.0**-128

_OCTAVE = 1 << SCHEMA  # buckets from one power of two to the next
LOWEST, HIGHEST = -128 * _OCTAVE + 1, 1024 * _OCTAVE  # those of finite values above the zero threshold

_CHUNK = 1 << 13  # values at a time: 64 KiB, so that temporary arrays stay in the cache


def _bounds() -> NDArray[np.float64]:
    """Return the bounds from 1 to 2, bit for bit those of Prometheus.

    This is the loop that made the table in prometheus/client_golang, from what Go had for the root
    of two. Roots and products are rounded alike everywhere, so the bounds are the same everywhere:
    up to four units in the last place below the powers of two that they stand for.
    """
    bounds, factor = [1.0], 1.414213562373095
    for _ in range(SCHEMA):
        bounds = [bound for lower in bounds for bound in (lower, lower * factor)]
        factor = math.sqrt(factor)
    return np.array([*bounds, 2.0])


# A positive float64 is 11 bits of exponent, biased by 1023, and 52 bits of mantissa. Of the 128 parts of an
# octave that the upper 7 bits of the mantissa tell apart, each holds one bound at most: comparing with that
# one finds the bucket, in a fifth of the time of a binary search among all.
_MANTISSA = (1 << 52) - 1
_TO_PART = 52 - 7
_PARTS = np.arange(128, dtype=np.int64) << _TO_PART
_BOUNDS = _bounds().view(np.int64) - (1023 << 52)
_FIRST = np.searchsorted(_BOUNDS, _PARTS)  # the bucket of the least mantissa of a part
_BOUND = _BOUNDS[_FIRST]  # those above it are in the next bucket

_GROWTH = 2.0 ** (1 / _OCTAVE)
_TO_MIDDLE = math.log2((1 + _GROWTH) / 2)


def count(values: NDArray[np.float64]) -> Buckets:
    """Return how many values each bucket holds.

    Args:
        values: finite, above the zero threshold; shape ``(n,)``.
    """
    if not len(values):
        return np.empty(0, np.int32), np.empty(0, np.int64)
    lowest, highest = find(np.array([values.min(), values.max()])).tolist()
    counts = np.zeros(highest - lowest + 1, np.int64)
    for start in range(0, len(values), _CHUNK):
        found = find(values[start : start + _CHUNK])
        counts += np.bincount(found - lowest, minlength=len(counts))
    return _sparse(counts, lowest)


def add(many: Sequence[Buckets]) -> Buckets:
    """Return the sum of one or more."""
    indexes = np.concatenate([indexes for indexes, _ in many])
    if not len(indexes):
        return many[0]
    lowest = int(indexes.min())
    counts = np.zeros(int(indexes.max()) - lowest + 1, np.int64)
    np.add.at(counts, indexes - lowest, np.concatenate([counts for _, counts in many]))
    return _sparse(counts, lowest)


def middles(indexes: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the value of each bucket that is within 0.542% of every other: no value comes closer.

    It is the harmonic mean of the bounds, ``2 * lower * upper / (lower + upper)``.
    """
    return np.exp2(indexes / _OCTAVE - _TO_MIDDLE)


def find(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bucket of each value; finite ones above the zero threshold, shape ``(n,)``."""
    bits = values.view(np.int64)
    mantissas = bits & _MANTISSA
    parts = mantissas >> _TO_PART
    octaves = (bits >> 52) - 1023
    found: NDArray[np.int64] = octaves * _OCTAVE + _FIRST[parts] + (mantissas > _BOUND[parts])
    return found


def _sparse(counts: NDArray[np.int64], lowest: int) -> Buckets:
    held = np.flatnonzero(counts)
    return (held + lowest).astype(np.int32), counts[held]
