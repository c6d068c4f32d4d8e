"""For tests of code that uses mlprod, and of stores of your own; see also the fixture ``mlprod_store``."""

from typing import TYPE_CHECKING

from mlprod.testing._clock import FrozenClock
from mlprod.testing._faults import Fault, FaultyStore, SimulatedCrashError

if TYPE_CHECKING:
    from mlprod.testing._contract import StoreContract


def __getattr__(name: str) -> object:
    """Import the contract, which alone needs pytest, when somebody asks for it."""
    if name == "StoreContract":
        from mlprod.testing._contract import StoreContract  # noqa: PLC0415 - see above

        return StoreContract
    raise AttributeError(f"module 'mlprod.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return what is there for users, whether it was imported yet or not."""
    return __all__


__all__ = ["Fault", "FaultyStore", "FrozenClock", "SimulatedCrashError", "StoreContract"]
