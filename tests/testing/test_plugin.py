"""What mlprod offers to the tests of others."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

import mlprod.testing
from mlprod import getModelSerializer, saveModel
from mlprod.errors import InvalidDataError
from mlprod.testing import FrozenClock


class TestFixture:
    def test_the_default_store_is_an_empty_one_in_memory(self, mlprod_store):
        assert mlprod_store is getModelSerializer().store
        assert [] == getModelSerializer().list_models()
        saveModel([1], "a")

    def test_and_another_one_in_the_next_test(self, mlprod_store):
        assert mlprod_store.url.startswith("memory://test-")
        assert [] == getModelSerializer().list_models()


def test_a_run_that_does_not_use_it_pays_nothing(tmp_path):
    """Of mlprod only the plugin module is imported into a foreign test run."""
    (tmp_path / "test_foreign.py").write_text(
        "import sys\n"
        "def test_foreign():\n"
        "    assert 'pytest_mlprod' in sys.modules\n"
        "    imported = {name.partition('.')[0] for name in sys.modules}\n"
        "    assert not imported & {'mlprod', 'numpy', 'fsspec'}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", "-p", "no:sybil", tmp_path]
    subprocess.run(command, check=True, cwd=tmp_path, env=clean_environment())


def clean_environment():
    """Return an environment in which no coverage measurement imports more than pytest does."""
    import os

    return {name: value for name, value in os.environ.items() if "COV" not in name.upper()}


class TestFrozenClock:
    def test_it_stands_until_moved(self):
        clock = FrozenClock(datetime(2026, 1, 1, tzinfo=UTC))
        assert clock() == clock()
        clock.advance(days=1, hours=-1, minutes=1, seconds=1)
        assert datetime(2026, 1, 1, 23, 1, 1, tzinfo=UTC) == clock()

    def test_it_has_a_zone(self):
        with pytest.raises(InvalidDataError, match="has no timezone"):
            FrozenClock(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


WITHOUT_PYTEST = """
import sys
sys.modules["pytest"] = None  # as if it were not installed
import mlprod.testing
from mlprod.testing import Fault, FaultyStore, FrozenClock, SimulatedCrashError
assert dir(mlprod.testing) == sorted(mlprod.testing.__all__)
try:
    from mlprod.testing import StoreContract
except ModuleNotFoundError as error:
    assert error.name == "pytest", error
else:
    sys.exit("it cannot be there")
"""


def test_only_the_contract_needs_pytest():
    """Clocks and faults are there for programs, too; whoever asks for the contract is told what it needs."""
    subprocess.run([sys.executable, "-c", WITHOUT_PYTEST], check=True)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"'mlprod\.testing' has no attribute 'nosuch'"):
        mlprod.testing.nosuch  # noqa: B018 - that is the point
