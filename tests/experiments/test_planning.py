"""How large an experiment must be, in the terms of its configuration: against closed forms."""

import pytest
from scipy import stats

from mlprod.errors import InvalidConfigError
from mlprod.experiments import ABTestingManager


def test_a_share_needs_as_many_as_the_normal_approximation_says():
    """Of 0.5 and 0.55: Fleiss, Levin and Paik (2003), formula 4.14."""
    z_alpha, z_beta = stats.norm.isf([0.025, 0.2])
    pooled, spread = 2 * 0.525 * 0.475, 0.5 * 0.5 + 0.55 * 0.45
    expected = (z_alpha * pooled**0.5 + z_beta * spread**0.5) ** 2 / 0.05**2
    assert expected == pytest.approx(
        ABTestingManager.required_sample_size("win_rate", baseline=0.5, lift=0.1), abs=1
    )


def test_a_mean_needs_its_standard_deviation():
    """Of a shift of a tenth of it, for 80% power: 1,571 of each, as in Cohen (1988) table 2.4.1."""
    size = ABTestingManager.required_sample_size("pnl", baseline=10.0, lift=0.1, std=10.0)
    assert size == pytest.approx(1571, abs=1)
    power = ABTestingManager.power("pnl", baseline=10.0, lift=0.1, std=10.0, samples=size)
    assert 0.8 == pytest.approx(power, abs=1e-3)
    with pytest.raises(InvalidConfigError, match="give std="):
        ABTestingManager.power("pnl", baseline=10.0, lift=0.1, samples=100)


def test_more_treatments_need_more():
    sizes = [
        ABTestingManager.required_sample_size(baseline=0.5, lift=0.1, variants=variants)
        for variants in (2, 3, 5)
    ]
    assert sorted(set(sizes)) == sizes
    with pytest.raises(InvalidConfigError, match="at least two variants"):
        ABTestingManager.required_sample_size(baseline=0.5, lift=0.1, variants=1)
