"""Whether an experiment can be believed: against chi-square tests, and simulated experiments."""

import numpy as np
import pytest
from scipy import stats

from mlprod.experiments import ABTestingManager
from mlprod.experiments._checking import sample_ratio_of
from mlprod.experiments._streams import PREDICTION
from mlprod.experiments._sums import Sums
from mlprod.storage.journal import Table


def experiment_of(split, **config):
    manager = ABTestingManager("memory://checking")
    number = len(manager.list_experiments())
    models = [f"m{index}" for index in range(len(split))]
    return manager.create_experiment(
        "x",
        "",
        models[0],
        models[1:],
        {"traffic_split": split, **config},
        id=f"e{number}",
        check_models=False,
    )


def predictions(variants, units=None):
    rows = len(variants)
    columns = {"time": np.arange(rows), "variant": np.asarray(variants, np.uint8)}
    if units is not None:
        columns["unit_id"] = np.asarray(units, np.uint64)
    return Sums.of_predictions(Table(PREDICTION, columns))


def test_shares_that_are_as_they_should_be_are_no_mismatch():
    found = sample_ratio_of(experiment_of((0.9, 0.1)), predictions([0] * 900 + [1] * 100))
    assert ({"control": 900, "treatment": 100}, False) == (found.observed, found.is_mismatch)
    assert {"control": 900.0, "treatment": 100.0} == pytest.approx(found.expected)
    assert (1.0, 1.0) == (found.p_value, found.fixed_p_value)


def test_others_are_one():
    found = sample_ratio_of(experiment_of((0.5, 0.5)), predictions([0] * 850 + [1] * 1150))
    assert found.is_mismatch
    assert stats.chisquare([850, 1150]).pvalue == pytest.approx(found.fixed_p_value)


def of_units(rng, shares, *, units=200, each=50, kept=1.0):
    """Return as many predictions of each unit, which has one variant; of treatments only some are kept."""
    variants = np.repeat(rng.choice(len(shares), size=units, p=shares), each)
    hashes = np.repeat(rng.integers(1, 1 << 63, units), each)
    is_kept = (variants == 0) | (rng.random(len(variants)) < kept)
    return predictions(variants[is_kept], hashes[is_kept])


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.8, 0.2), (0.4, 0.3, 0.3)])
def test_units_that_have_many_predictions_each_are_no_mismatch(shares):
    """Counted as predictions, such experiments seem broken in half of the cases."""
    rng = np.random.default_rng(0)
    experiment = experiment_of(shares)
    found = [sample_ratio_of(experiment, of_units(rng, shares)) for _ in range(200)]
    assert 0 == sum(one.is_mismatch for one in found)
    assert np.mean([one.fixed_p_value < 0.05 for one in found]) < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_units_whose_predictions_are_lost_are_one():
    rng = np.random.default_rng(1)
    experiment = experiment_of((0.5, 0.5))
    found = [
        sample_ratio_of(experiment, of_units(rng, (0.5, 0.5), units=5000, each=5, kept=0.5))
        for _ in range(20)
    ]
    assert 20 == sum(one.is_mismatch for one in found)


def test_three_units_tell_nothing():
    units = predictions([0] * 500 + [1] * 10, [1] * 400 + [2] * 100 + [3] * 10)
    assert not sample_ratio_of(experiment_of((0.5, 0.5)), units).is_mismatch
