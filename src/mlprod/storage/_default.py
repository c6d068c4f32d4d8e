"""The store that is meant where none is named."""

import os
from typing import Final, final

from mlprod.storage._open import StoreLike, open_store
from mlprod.storage._store import Store

__all__ = ["resolve_store", "swap_default_store"]

ENVIRONMENT_VARIABLE: Final = "MLPROD_STORE"
FOLDER: Final = ".mlprod"


@final
class _Default:
    """The one piece of state of the process; assigned whole, so that it needs no lock."""

    store: Store | None = None


def resolve_store(store: StoreLike | None) -> Store:
    """Return the store that is meant.

    None means the configured default, else the environment variable ``MLPROD_STORE``, else the
    folder ``.mlprod`` under the current directory. The first answer stays: a process that changes
    its directory later does not change its store.
    """
    if store is not None:
        return open_store(store)
    if _Default.store is None:
        _Default.store = open_store(os.environ.get(ENVIRONMENT_VARIABLE) or FOLDER)
    return _Default.store


def swap_default_store(store: Store | None) -> Store | None:
    """Set the default (None: decide anew at the next use) and return the one before."""
    before, _Default.store = _Default.store, store
    return before
