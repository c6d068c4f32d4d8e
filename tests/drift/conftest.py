"""What the tests of the drift detector share."""

import numpy as np
import pytest

from mlprod.drift import DriftDetector


@pytest.fixture
def rng():
    """Give randomness that is the same every time."""
    return np.random.default_rng(20260302)


@pytest.fixture
def detector(store, clock):
    """Give a detector on an empty store in memory, for rows that are independent of each other."""
    return DriftDetector(store, clock=clock, ordered=False)
