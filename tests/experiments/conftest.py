"""What the tests of experiments share."""

import pytest

from mlprod.experiments import ABTestingManager


@pytest.fixture
def manager(store, clock):
    """Give a manager of an empty store in memory."""
    with ABTestingManager(store, clock=clock) as manager:
        yield manager


@pytest.fixture
def draw(manager):
    """Give a way to draw up an experiment with models that need not be in the store."""

    def draw(config=None, treatments="new@1.0.0", name="x"):
        return manager.create_experiment(
            name, "", "old@1.0.0", treatments, config, id=name, check_models=False
        )

    return draw


@pytest.fixture
def begin(manager, draw):
    """Give a way to draw up an experiment and start it."""

    def begin(config=None, treatments="new@1.0.0", name="x"):
        draw(config, treatments, name)
        return manager.start_experiment(name)

    return begin
