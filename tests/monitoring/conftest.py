"""What the tests of the monitor share."""

import pytest

from mlprod.monitoring import PerformanceMonitor


@pytest.fixture
def monitor(store, clock):
    """Give a monitor of an empty store in memory."""
    with PerformanceMonitor(store, clock=clock) as monitor:
        yield monitor
