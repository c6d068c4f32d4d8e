"""From a table of any size to bins in one pass: whole if it is one batch, else in parts that add up."""

import math
from collections.abc import Mapping
from typing import TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._progress import SILENT, Tracker
from mlprod.drift._bins import CategoricalBins, NumericBins, moments_of
from mlprod.drift._column import Batch, Categories, Column, all_missing
from mlprod.drift._counts import CategoricalCounts, NumericCounts
from mlprod.drift._feature import Feature
from mlprod.drift._rebatching import length
from mlprod.drift._sample import Draw, RowSample
from mlprod.drift._threads import each
from mlprod.errors import InvalidDataError
from mlprod.stats import FrequentItems, Moments, QuantileSketch, SerialSums

__all__ = ["Gathered", "feature_of", "whole"]

_Floats: TypeAlias = NDArray[np.float64]

_ANY_BINS = 10  # the first look is for the limits and the kind; bins are chosen when all is known


def whole(batch: Batch, *, bins: int, tracker: Tracker = SILENT) -> tuple[dict[str, Feature], RowSample]:
    """Return the features of a table that is one batch, exactly, and a sample of its rows."""
    draw = Draw.of(next(iter(batch.values())))

    def measured(name: str) -> tuple[Feature, list[_Floats]]:
        column = batch[name]
        return feature_of(column, bins=bins), draw.rows_of(column)

    features, drawn = zip(*each(measured, batch, rows=length(batch), tracker=tracker), strict=True)
    return dict(zip(batch, features, strict=True)), draw.sample([c for taken in drawn for c in taken])


def feature_of(column: Column, *, bins: int) -> Feature:
    """Return the feature of a whole column, exactly."""
    if isinstance(column, Categories):
        frequent = FrequentItems.of(column.codes, column.labels)
        top = frequent.top(frequent.capacity)
        labelled = CategoricalBins.of(top, frequent.count, error=frequent.error)
        return Feature(labelled, labelled.measure(column))
    numbered = NumericBins.of(np.sort(column[~np.isnan(column)]), count=bins)
    return Feature(numbered, numbered.measure(column))


@final
@attrs.frozen
class Gathered:
    """What is known of a part of a table that is too large to be sorted.

    Attributes:
        columns: by name.
        rows: how many.
        sample: of the rows.
    """

    columns: Mapping[str, "_Numbers | _Labels"]
    rows: int
    sample: RowSample

    @classmethod
    def of(
        cls,
        batch: Batch,
        first: Mapping[str, Feature],
        *,
        in_threads: bool = True,
        tracker: Tracker = SILENT,
    ) -> "Gathered":
        """Gather a batch; `first` says what is usual, from a first look at the table.

        Raises:
            InvalidDataError: if a column is of another kind than in the first look.
        """
        names = list(first)
        _, deciding = _understood(names[0], batch[names[0]], first[names[0]])
        draw = Draw.of(deciding)

        def gathered(name: str) -> tuple[_Numbers | _Labels, list[_Floats]]:
            feature, column = _understood(name, batch[name], first[name])
            return _gathered(column, feature), draw.rows_of(column)

        rows = length(batch)
        done = each(gathered, names, rows=rows, in_threads=in_threads, tracker=tracker)
        columns, drawn = zip(*done, strict=True)
        sample = draw.sample([column for taken in drawn for column in taken])
        return cls(dict(zip(names, columns, strict=True)), rows, sample)

    def __add__(self, other: "Gathered") -> "Gathered":
        columns = {name: _added(column, other.columns[name]) for name, column in self.columns.items()}
        numeric = [name for name, column in columns.items() if isinstance(column, _Numbers)]
        return Gathered(columns, self.rows + other.rows, self._sample_of(numeric) + other._sample_of(numeric))

    def _sample_of(self, names: list[str]) -> RowSample:
        """Return the sample with these columns; one that has no value in this part was of any kind."""
        own = [name for name, column in self.columns.items() if isinstance(column, _Numbers)]
        if own == names:
            return self.sample
        columns = dict(zip(own, self.sample.rows.T, strict=True))
        nothing = np.full(len(self.sample), np.nan)
        rows = np.vstack((np.empty((0, len(nothing))), *(columns.get(name, nothing) for name in names)))
        return attrs.evolve(self.sample, rows=rows.T)

    def features(self, *, bins: int) -> dict[str, Feature]:
        """Choose the bins."""
        return {name: column.feature(bins) for name, column in self.columns.items()}


@final
@attrs.frozen
class _Numbers:
    """A numeric feature before its bins are known."""

    sketch: QuantileSketch
    moments: Moments
    minimum: float
    maximum: float
    missing: int
    serial: SerialSums
    limits: tuple[float, float, float]

    @classmethod
    def of(cls, column: _Floats, limits: tuple[float, float, float]) -> "_Numbers":
        present = column[~np.isnan(column)]
        finite = present[np.isfinite(present)]
        low, centre, high = limits
        return cls(
            QuantileSketch.of(present),
            moments_of(finite),
            float(finite.min(initial=math.inf)),
            float(finite.max(initial=-math.inf)),
            len(column) - len(present),
            SerialSums.of(present, centre=centre, low=low, high=high),
            limits,
        )

    def __add__(self, other: "_Numbers") -> "_Numbers":
        return _Numbers(
            self.sketch + other.sketch,
            self.moments + other.moments,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
            self.missing + other.missing,
            self.serial + other.serial,
            self.limits if self.sketch.count else other.limits,
        )

    @property
    def present(self) -> int:
        return self.sketch.count

    def feature(self, count: int) -> Feature:
        values, weights = self.sketch.weighted()
        bins = attrs.evolve(NumericBins.of(values, weights, count=count), limits=self.limits)
        counts = NumericCounts(
            bins.cells(values, weights),
            self.missing,
            self.moments,
            self.minimum,
            self.maximum,
            self.serial,
        )
        return Feature(bins, counts, self.sketch.rank_error)


@final
@attrs.frozen
class _Labels:
    """A categorical feature before its bins are known."""

    frequent: FrequentItems
    missing: int
    serial: SerialSums

    def __add__(self, other: "_Labels") -> "_Labels":
        return _Labels(
            self.frequent + other.frequent, self.missing + other.missing, self.serial + other.serial
        )

    @property
    def present(self) -> int:
        return self.frequent.count

    def feature(self, _count: int) -> Feature:
        total, error = self.frequent.count, self.frequent.error
        bins = CategoricalBins.of(self.frequent.top(self.frequent.capacity), total, error=error)
        own = np.array([self.frequent.counts[category] for category in bins.categories], np.int64)
        own += min(error, (total - int(own.sum())) // max(len(own), 1))  # frequent all along: too low by that
        cells = np.append(own, total - own.sum())
        return Feature(bins, CategoricalCounts(cells, self.missing, self.serial), error)


def _understood(name: str, column: Column, first: Feature) -> tuple[Feature, Column]:
    """Return what is usual of a column, and the column as one of that kind.

    Where the first look showed no values, a part is looked at by itself.
    """
    if not first.counts.present and not all_missing(column):
        return feature_of(column, bins=_ANY_BINS), column
    return first, first.accept(name, column)


def _gathered(column: Column, first: Feature) -> _Numbers | _Labels:
    match first.bins, column:
        case CategoricalBins() as bins, Categories():
            counts = bins.measure(column)
            return _Labels(FrequentItems.of(column.codes, column.labels), counts.missing, counts.serial)
        case NumericBins() as bins, np.ndarray():
            return _Numbers.of(column, bins.limits)
        case _:  # pragma: no cover - `Feature.accept` returns one of the feature's kind
            raise TypeError


def _added(one: _Numbers | _Labels, other: _Numbers | _Labels) -> _Numbers | _Labels:
    match one, other:
        case _Numbers(), _Numbers():
            return one + other
        case _Labels(), _Labels():
            return one + other
        case _ if not other.present:
            return attrs.evolve(one, missing=one.missing + other.missing)
        case _ if not one.present:
            return attrs.evolve(other, missing=one.missing + other.missing)
        case _:
            raise InvalidDataError(
                "a column holds numbers in one part of the data and categories in another: make them the same"
            )
