"""Whether an experiment can be believed at all: the ratio of samples, and outcomes that are missing. Pure."""

from collections.abc import Sequence

import numpy as np

from mlprod.experiments._sums import Cell, Sums
from mlprod.experiments._values import Experiment, Maturity, SampleRatio
from mlprod.stats import (
    Estimate,
    anytime_p_value,
    chi_square,
    log_e_mean,
    log_e_sample_ratio,
    sample_ratio_p_value,
    welch,
)

__all__ = ["maturity_of", "sample_ratio_of"]

_MISMATCH = 0.001  # Fabijan et al., "Diagnosing sample ratio mismatch in online experiments", KDD 2019


def sample_ratio_of(experiment: Experiment, sums: Sums) -> SampleRatio:
    """Return whether variants got as many predictions as they should.

    Trades are counted where there are no predictions; those may differ because models trade differently.
    Where every record names its unit, the shares of buckets of units are looked at: units may differ in how
    many records they have.
    """
    names = tuple(experiment.models)
    numbers = range(len(names))
    kinds = ("predictions", "trades")
    source = next((kind for kind in kinds if any(sums.recorded(kind, n) for n in numbers)), kinds[0])
    expected = dict.fromkeys(names, 0.0)
    log_e, p_values = 0.0, list[float]()
    for number, phase in enumerate(experiment.phases):
        alive = [variant for variant in numbers if phase.split[variant] > 0]
        cells = [sums.records.get((source, number, variant), Cell()) for variant in alive]
        whole = sum(phase.split[variant] for variant in alive)
        shares = [phase.split[variant] / whole for variant in alive]
        total = sum(cell.count for cell in cells)
        for variant, share in zip(alive, shares, strict=True):
            expected[names[variant]] += share * total
        if len(alive) > 1 and total and experiment.config.mode == "split":
            evidence, p_value = _mismatch(cells, shares, experiment.config.planned_outcomes)
            log_e += evidence
            p_values.append(p_value)
    p_value = anytime_p_value(log_e)
    return SampleRatio(
        observed={name: sums.recorded(source, variant) for variant, name in enumerate(names)},
        expected=expected,
        p_value=p_value,
        fixed_p_value=min(1.0, min(p_values) * len(p_values)) if p_values else 1.0,
        is_mismatch=p_value < _MISMATCH and source == "predictions",
        source=source,
    )


def _mismatch(cells: Sequence[Cell], shares: Sequence[float], planned: int) -> tuple[float, float]:
    """Return the evidence that records of a phase come in other shares, and a p-value for one look."""
    counts = [cell.count for cell in cells]
    if any(cell.identified < cell.count for cell in cells):
        return log_e_sample_ratio(counts, shares), sample_ratio_p_value(counts, shares)
    in_buckets = np.array([cell.clusters.counts for cell in cells], np.float64)
    totals = in_buckets.sum(axis=0)
    buckets = int(np.count_nonzero(totals))
    surplus = in_buckets - np.outer(shares, totals)  # of each variant in each bucket of units
    sums, squares = surplus.sum(axis=1), np.square(surplus).sum(axis=1)
    found = [
        Estimate(float(excess), float(square), buckets, sum(counts))
        for excess, square in zip(sums, squares, strict=True)
    ]
    # The mean of e-values is one, whatever they have to do with each other; smallest p-values are corrected.
    log_es = [log_e_mean(one.value, one.variance, one.count, one.dof, planned=planned) for one in found]
    nothing = Estimate(0.0, 0.0, float("inf"), 0)
    p_values = [welch(nothing, one).p_value for one in found]
    tests = len(found) - 1
    return float(np.logaddexp.reduce(log_es) - np.log(len(log_es))), min(1.0, min(p_values) * tests)


def maturity_of(experiment: Experiment, sums: Sums) -> Maturity:
    """Return how many predictions wait for their outcome, and whether variants differ in that."""
    names = tuple(experiment.models)
    awaited = [sums.count("awaited", variant) for variant in range(len(names))]
    matured = [sums.count("matured", variant) for variant in range(len(names))]
    groups = [(done, all_) for done, all_ in zip(matured, awaited, strict=True) if all_]
    p_value = chi_square(*zip(*groups, strict=True)).p_value if len(groups) > 1 else 1.0
    return Maturity(
        pending={
            name: 1 - done / all_ if all_ else 0.0
            for name, done, all_ in zip(names, matured, awaited, strict=True)
        },
        p_value=p_value,
        is_different=p_value < _MISMATCH,
    )
