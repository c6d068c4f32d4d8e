"""References as bytes: arrays in the layout of safetensors, counts in the smallest type that holds them.

Whatever a file holds is checked before it is believed: see docs/formats.md for what it looks like.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlprod._clock import aware
from mlprod._value import isoformat
from mlprod.drift._bins import Bins, CategoricalBins, NumericBins
from mlprod.drift._counts import CategoricalCounts, Counts, NumericCounts
from mlprod.drift._feature import Feature
from mlprod.drift._reference import ReferenceProfile
from mlprod.drift._sample import RowSample
from mlprod.errors import InvalidDataError, MissingExtraError, NewerSchemaError, StoreError
from mlprod.formats import BinaryFormat, Trust
from mlprod.stats import Calibration, Moments, SerialSums

__all__ = ["decode", "encode"]

_Tree: TypeAlias = Mapping[str, Any]

_KIND: Final = "drift.reference"
_VERSION: Final = 1
_DAMAGE: Final = (ArithmeticError, AttributeError, LookupError, MissingExtraError, TypeError, ValueError)
_MOST_ROWS: Final = 1 << 53  # beyond, a float cannot count
_ONE: Final = 1 + 1e-9  # sums of shares were rounded
_METRICS: Final = ("", "mae", "error_rate")


def encode(reference: ReferenceProfile) -> bytes:
    """Return the file of a reference."""
    tree = {
        "kind": _KIND,
        "version": _VERSION,
        "model_id": reference.model_id,
        "model_version": reference.version,
        "id": reference.id,
        "created_at": isoformat(reference.created_at),
        "rows": reference.rows,
        "features": {name: _feature(feature) for name, feature in reference.features.items()},
        "sample_keys": reference.sample.keys,
        "sample_rows": _ranks(reference.sample.rows),
        "predictions": _feature(reference.predictions),
        "errors": _feature(reference.errors),
        "error_metric": reference.error_metric,
        "calibration": reference.calibration.to_state() if reference.calibration else None,
    }
    return b"".join(map(bytes, BinaryFormat().encode(tree)))


def decode(payload: bytes, where: str) -> ReferenceProfile:
    """Return the reference of a file.

    Args:
        payload: the whole file.
        where: how to call it in an error message.

    Raises:
        NewerSchemaError: if a newer mlprod wrote it.
        StoreError: if it is damaged.
    """
    try:
        tree: Any = BinaryFormat().decode(memoryview(payload), trust=Trust())
        _check(isinstance(tree, dict), "it holds no mapping")
        if tree["kind"] != _KIND or type(tree["version"]) is not int or tree["version"] < 1:
            raise StoreError(f"{where} is no reference of the drift detector")
        if tree["version"] > _VERSION:
            raise NewerSchemaError(
                f"{where} is of version {tree['version']}; this mlprod reads up to version {_VERSION}. "
                "Upgrade mlprod in this process to the version that wrote it"
            )
        reference = ReferenceProfile(
            model_id=tree["model_id"],
            version=tree["model_version"],
            id=tree["id"],
            created_at=aware(datetime.fromisoformat(tree["created_at"]), "the time"),
            rows=tree["rows"],
            features={name: _read_feature(feature) for name, feature in tree["features"].items()},
            sample=RowSample(
                _array(tree["sample_keys"], "u"), _array(tree["sample_rows"], "f", dimensions=2)
            ),
            predictions=_read_optional(tree["predictions"]),
            errors=_read_optional(tree["errors"]),
            error_metric=tree["error_metric"],
            calibration=None if tree["calibration"] is None else Calibration.from_state(tree["calibration"]),
        )
        _check_whole(reference)
    except _DAMAGE as error:
        raise StoreError(f"{where} is damaged: {error!r}. Set the reference anew") from error
    return reference


def _ranks(rows: NDArray[np.float64]) -> NDArray[np.float16]:
    """Return the rank of each value within its column, which is all that matters of a sample: below 512."""
    ranks = np.full(rows.shape, np.nan, np.float16)
    for column, found in zip(rows.T, ranks.T, strict=True):
        present = ~np.isnan(column)
        found[present] = np.unique(column[present], return_inverse=True)[1]
    return ranks


def _feature(feature: Feature | None) -> dict[str, Any] | None:
    if feature is None:
        return None
    return {**_bins(feature.bins), **_counts(feature.counts), "rank_error": feature.rank_error}


def _bins(bins: Bins) -> dict[str, Any]:
    if isinstance(bins, CategoricalBins):
        return {"categories": list(bins.categories), "ranks": bins.ranks}
    return {"grid": bins.grid, "ends": _small(bins.ends), "limits": list(bins.limits)}


def _counts(counts: Counts) -> dict[str, Any]:
    common = {
        "cells": _small(counts.cells),
        "missing": counts.missing,
        "serial_counts": _small(counts.serial.counts),
        "serial_sums": counts.serial.sums,
    }
    if isinstance(counts, CategoricalCounts):
        return common
    extremes = {"minimum": counts.minimum, "maximum": counts.maximum}
    return {**common, **extremes, "moments": counts.moments.to_state()}


def _small(counts: NDArray[np.int64]) -> NDArray[Any]:
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))


def _read_optional(tree: _Tree | None) -> Feature | None:
    return None if tree is None else _read_feature(tree)


def _read_feature(tree: _Tree) -> Feature:
    serial = SerialSums.from_arrays(_counts_in(tree["serial_counts"], 2), tree["serial_sums"])
    cells, missing, rank_error = _counts_in(tree["cells"]), tree["missing"], tree["rank_error"]
    _check(_is_count(missing) and _is_count(rank_error), "its missing rows are no count")
    _check(sum(cells.tolist()) < _MOST_ROWS, "it has more rows than there can be")
    if "grid" not in tree:
        categories, ranks = tuple(tree["categories"]), _array(tree["ranks"], "f")
        _check(all(isinstance(category, str) for category in categories), "its categories are no texts")
        _check(len(set(categories)) == len(categories), "it has a category twice")
        _check(len(ranks) == len(cells) == len(categories) + 1, "its categories do not fit its counts")
        _check(((ranks >= 0) & (ranks <= _ONE)).all(), "its categories are not in order")
        return Feature(
            CategoricalBins(categories, ranks), CategoricalCounts(cells, missing, serial), rank_error
        )
    grid, ends = _array(tree["grid"], "f"), _counts_in(tree["ends"])
    low, centre, high = map(_float, tree["limits"])
    minimum, maximum = _float(tree["minimum"]), _float(tree["maximum"])
    _check(np.isfinite(grid).all(), "its grid is not finite")
    _check((grid[1:] > grid[:-1]).all(), "its grid is not in order")
    _check(len(cells) == 2 * len(grid) + 1, "its grid does not fit its counts")
    _check((np.diff(ends, prepend=0) > 0).all() and (ends < len(cells)).all(), "its bins are not in order")
    _check(-math.inf < low <= centre <= high < math.inf, "its limits are not in order")
    moments = Moments.from_state(tree["moments"])
    _check(moments.count <= cells.sum(), "it has moments of more rows than there are")
    counts = NumericCounts(cells, missing, moments, minimum, maximum, serial)
    return Feature(NumericBins(grid, ends, (low, centre, high)), counts, rank_error)


def _check_whole(reference: ReferenceProfile) -> None:
    sample, names = reference.sample, (reference.model_id, reference.id, *reference.features)
    _check(all(isinstance(name, str) for name in names), "a name in it is no text")
    _check(reference.version is None or isinstance(reference.version, str), "its version is no text")
    _check(_is_count(reference.rows) and reference.features, "it has no rows or no features")
    _check(all(f.rows == reference.rows for f in reference.features.values()), "its rows do not add up")
    _check(
        sample.keys.dtype == np.uint64 and (sample.keys[1:] >= sample.keys[:-1]).all(), "its sample is none"
    )
    _check(sample.rows.shape == (len(sample.keys), len(reference.numeric)), "its sample does not fit")
    _check(reference.error_metric in _METRICS, "its errors are of an unknown kind")
    _check((reference.errors is None) == (reference.error_metric == ""), "its errors are of no kind")
    _check(reference.errors is None or reference.errors.kind == "numeric", "its errors are no numbers")


def _array(value: object, kind: str, *, dimensions: int = 1) -> NDArray[Any]:
    """Return an array of such numbers in the native type, or raise."""
    _check(isinstance(value, np.ndarray), "it has something else in place of an array")
    array: NDArray[Any] = value  # type: ignore[assignment]  # as was just checked
    _check(array.ndim == dimensions and array.dtype.kind == kind, "it has an array of another shape or type")
    return array.astype(np.float64 if kind == "f" else array.dtype)


def _counts_in(value: object, dimensions: int = 1) -> NDArray[np.int64]:
    counts = _array(value, "u", dimensions=dimensions)
    _check((counts < _MOST_ROWS).all(), "its counts are no counts")
    return counts.astype(np.int64)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _MOST_ROWS


def _float(value: object) -> float:
    _check(type(value) in {int, float}, "it has something else in place of a number")
    return float(value)  # type: ignore[arg-type]  # as was just checked


def _check(holds: object, otherwise: str) -> None:
    if not holds:
        raise InvalidDataError(otherwise)
