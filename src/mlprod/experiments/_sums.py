"""What is known of an experiment without looking at its records again: sums that can be merged."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod.experiments._measuring import (
    Measured,
    measured_predictions,
    measured_shadows,
    measured_trades,
    outcome_state,
)
from mlprod.stats import ClusterSums, JointMoments
from mlprod.storage.journal import Table

__all__ = ["SUMS_KEY", "Cell", "Place", "Sums"]

SUMS_KEY = "experiment-1"
"""Names sums by the version of the computation."""

Place: TypeAlias = tuple[int, int]
"""A phase and a variant, by number."""
_Key: TypeAlias = tuple[str, int, int]

_MIX = np.uint64(0x9E3779B97F4A7C15)


@final
@attrs.frozen
class Cell:
    """The outcomes of one metric, in one phase, of one variant.

    Attributes:
        moments: outcomes with their covariates; a covariate that was not recorded is 0 there.
        covered: how many have a covariate.
        clusters: the same outcomes in buckets of units.
        identified: how many have a unit id.
    """

    moments: JointMoments = attrs.field(factory=JointMoments)
    covered: int = 0
    clusters: ClusterSums = attrs.field(factory=ClusterSums)
    identified: int = 0

    @property
    def count(self) -> int:
        """How many outcomes."""
        return self.moments.count

    @classmethod
    def merge(cls, cells: Iterable["Cell"]) -> "Cell":
        """Return the sum of many."""
        parts = tuple(cells)
        return cls(
            JointMoments.merge(part.moments for part in parts),
            sum(part.covered for part in parts),
            ClusterSums.merge(part.clusters for part in parts),
            sum(part.identified for part in parts),
        )

    def to_state(self) -> dict[str, Any]:
        """Return a JSON-ready form."""
        return {
            "moments": self.moments.to_state(),
            "covered": self.covered,
            "clusters": self.clusters.to_state(),
            "identified": self.identified,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Cell":
        """Read the JSON-ready form; `ValueError` or `LookupError` if it is none."""
        return cls(
            JointMoments.from_state(state["moments"]),
            int(state["covered"]),
            ClusterSums.from_state(state["clusters"]),
            int(state["identified"]),
        )


@final
@attrs.frozen(kw_only=True)
class Sums:
    """Sums over records of an experiment; ``+`` is associative, and ``Sums()`` its identity.

    Attributes:
        cells: by metric, phase and variant.
        paired: in shadow mode, outcomes of a treatment (with those of the control as covariates).
        counts: how many predictions are ``awaited``, and how many of them ``matured``.
        records: of ``predictions`` and ``trades`` themselves: each is a one, so that their spread over units
            is known.
    """

    cells: Mapping[_Key, Cell] = attrs.field(factory=dict[_Key, Cell])
    paired: Mapping[_Key, JointMoments] = attrs.field(factory=dict[_Key, JointMoments])
    counts: Mapping[_Key, int] = attrs.field(factory=dict[_Key, int])
    records: Mapping[_Key, Cell] = attrs.field(factory=dict[_Key, Cell])

    @classmethod
    def of_predictions(cls, table: Table) -> "Sums":
        """Sum up predictions."""
        is_awaited, is_matured = outcome_state(table)
        return cls(
            cells=dict(_cells(table, measured_predictions(table))),
            counts=dict(_counts(table, [("awaited", is_awaited), ("matured", is_matured)])),
            records=_records(table, "predictions"),
        )

    @classmethod
    def of_trades(cls, table: Table) -> "Sums":
        """Sum up trades, each id once among them."""
        return cls(cells=dict(_cells(table, measured_trades(table))), records=_records(table, "trades"))

    @classmethod
    def of_metric(cls, table: Table) -> "Sums":
        """Sum up a metric of the application's own; its name is that of its stream, see `named`."""
        return cls(cells=dict(_cells(table, [("", table["value"])])))

    @classmethod
    def of_measured(cls, table: Table, measured: Iterable[Measured]) -> "Sums":
        """Sum up some metrics of predictions or trades, and nothing else of them."""
        return cls(cells=dict(_cells(table, measured)))

    @classmethod
    def of_shadows(cls, table: Table, variants: int) -> "Sums":
        """Sum up what all variants said of the same units."""
        return cls.merge(_shadowed(table, number) for number in range(variants))

    @classmethod
    def merge(cls, many: Iterable["Sums"]) -> "Sums":
        """Return the sums over all of them."""
        parts = tuple(many)
        if len(parts) == 1:
            return parts[0]
        return cls(
            cells=_merged((part.cells for part in parts), Cell.merge),
            paired=_merged((part.paired for part in parts), JointMoments.merge),
            counts=_merged((part.counts for part in parts), sum),
            records=_merged((part.records for part in parts), Cell.merge),
        )

    def __add__(self, other: "Sums") -> "Sums":
        """Return the sums over both."""
        return Sums.merge((self, other))

    def named(self, metric: str) -> "Sums":
        """Return sums of one metric under its name."""
        return Sums(
            cells={(metric, phase, variant): cell for (_, phase, variant), cell in self.cells.items()}
        )

    def only(self, metric: str) -> "Sums":
        """Return what is known of one metric, and nothing of the records themselves."""
        return Sums(
            cells={key: cell for key, cell in self.cells.items() if key[0] == metric},
            paired={key: moments for key, moments in self.paired.items() if key[0] == metric},
        )

    def cell(self, metric: str, variant: int, phase: int | None = None) -> Cell:
        """Return the outcomes of a metric of a variant, in one phase or in all."""
        if phase is not None:
            return self.cells.get((metric, phase, variant), Cell())
        return Cell.merge(
            cell for (name, _, owner), cell in self.cells.items() if (name, owner) == (metric, variant)
        )

    def phases(self, metric: str) -> list[int]:
        """Return the phases in which there are outcomes of a metric."""
        return sorted({phase for name, phase, _ in self.cells if name == metric})

    def metrics(self) -> list[str]:
        """Return the metrics of which there are outcomes."""
        return list(dict.fromkeys(name for name, *_ in self.cells))

    def recorded(self, name: str, variant: int, phase: int | None = None) -> int:
        """Return how many ``predictions`` or ``trades`` there are, in one phase or in all."""
        return sum(
            cell.count
            for (what, where, owner), cell in self.records.items()
            if what == name and owner == variant and phase in {None, where}
        )

    def count(self, name: str, variant: int, phase: int | None = None) -> int:
        """Return how many predictions are awaited, or matured, in one phase or in all."""
        return sum(
            count
            for (what, where, owner), count in self.counts.items()
            if what == name and owner == variant and phase in {None, where}
        )

    def to_state(self) -> dict[str, Any]:
        """Return a JSON-ready form."""
        return {
            "cells": [[*key, cell.to_state()] for key, cell in self.cells.items()],
            "paired": [[*key, moments.to_state()] for key, moments in self.paired.items()],
            "counts": [[*key, count] for key, count in self.counts.items()],
            "records": [[*key, cell.to_state()] for key, cell in self.records.items()],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Sums":
        """Read the JSON-ready form; `ValueError` or `LookupError` if it is none."""
        return cls(
            cells={_key(key): Cell.from_state(cell) for *key, cell in state["cells"]},
            paired={_key(key): JointMoments.from_state(moments) for *key, moments in state["paired"]},
            counts={_key(key): int(count) for *key, count in state["counts"]},
            records={_key(key): Cell.from_state(cell) for *key, cell in state["records"]},
        )


def _key(parts: Iterable[Any]) -> _Key:
    name, phase, variant = parts
    return str(name), int(phase), int(variant)


def _merged(parts: Iterable[Mapping[Any, Any]], add: Callable[[Iterable[Any]], Any]) -> dict[Any, Any]:
    groups: dict[Any, list[Any]] = {}
    for part in parts:
        for key, value in part.items():
            groups.setdefault(key, []).append(value)
    return {key: group[0] if len(group) == 1 else add(group) for key, group in groups.items()}


def _places(table: Table) -> Iterator[tuple[Place, NDArray[np.bool_]]]:
    """Give each phase and variant that there is, and which records belong to it."""
    codes = table["phase"].astype(np.uint16) << np.uint16(8) | table["variant"]
    for code in np.flatnonzero(np.bincount(codes)).tolist():
        yield divmod(code, 256), codes == code


def _counts(table: Table, given: Iterable[tuple[str, NDArray[np.bool_]]]) -> Iterator[tuple[_Key, int]]:
    named = tuple(given)
    for place, is_here in _places(table):
        for name, counted in named:
            yield (name, *place), int(np.count_nonzero(counted & is_here))


def _cells(table: Table, measured: Iterable[Measured]) -> Iterator[tuple[_Key, Cell]]:
    places = list(_places(table))
    units, hashes = _units(table)
    covariates = table["covariate"]
    is_covered = ~np.isnan(covariates)
    for name, values in measured:
        is_given = ~np.isnan(values)
        if not is_given.any():
            continue
        for place, is_here in places:
            rows = np.flatnonzero(is_given & is_here)
            if len(rows):
                outcomes, covered = values[rows], is_covered[rows]
                yield (
                    (name, *place),
                    Cell(
                        JointMoments.of(outcomes, np.where(covered, covariates[rows], 0.0)),
                        int(np.count_nonzero(covered)),
                        ClusterSums.of(outcomes, hashes[rows]),
                        int(np.count_nonzero(units[rows])),
                    ),
                )


def _records(table: Table, name: str) -> dict[_Key, Cell]:
    return dict(_cells(table, [(name, np.ones(len(table)))]))


def _units(table: Table) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the ids of units, and what puts records into buckets: the unit, else the time of the record."""
    units: NDArray[np.uint64] = table["unit_id"]
    times = table["time"].astype(np.uint64) * _MIX
    return units, np.where(units == 0, times ^ (times >> np.uint64(29)), units)


def _shadowed(table: Table, variant: int) -> Sums:
    """Return the sums of one variant, and of the pairs that it makes with the control."""
    mine = _of_variant(table, variant)
    is_awaited, is_matured = outcome_state(mine, f"_{variant}")
    counts = [("awaited", is_awaited), ("matured", is_matured)]
    measured = list(measured_shadows(table, variant))
    paired: dict[_Key, JointMoments] = {}
    if variant:
        for (name, outcomes), (_, control) in zip(measured, measured_shadows(table, 0), strict=True):
            is_pair = ~np.isnan(outcomes) & ~np.isnan(control)
            for place, is_here in _places(mine):
                rows = is_pair & is_here
                if rows.any():
                    paired[name, *place] = JointMoments.of(outcomes[rows], control[rows])
    return Sums(
        cells=dict(_cells(mine, measured)),
        paired=paired,
        counts=dict(_counts(mine, counts)),
        records=_records(mine, "predictions"),
    )


def _of_variant(table: Table, variant: int) -> Table:
    """Return the same records as those of one variant."""
    rows = len(table)
    added = {
        "variant": np.full(rows, variant, np.uint8),
        "covariate": np.full(rows, np.nan),
        "unit_id": np.zeros(rows, np.uint64),
    }
    return attrs.evolve(table, columns={**table.columns, **added})
