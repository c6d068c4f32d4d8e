"""For tests of code that uses mlprod, and of stores of your own; see also the fixture ``mlprod_store``."""

from mlprod.testing._clock import FrozenClock
from mlprod.testing._contract import StoreContract
from mlprod.testing._faults import Fault, FaultyStore, SimulatedCrashError

__all__ = ["Fault", "FaultyStore", "FrozenClock", "SimulatedCrashError", "StoreContract"]
