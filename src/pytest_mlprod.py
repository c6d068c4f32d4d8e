"""The pytest plugin of mlprod: the fixture ``mlprod_store``.

It lies beside the package, not in it, and imports nothing of it until the fixture is used: a test
run that has mlprod installed and does not use it pays for this file alone.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlprod.storage import Store


@pytest.fixture
def mlprod_store() -> Iterator[Store]:
    """Give an empty store in memory that is the process-wide default for the time of the test."""
    from mlprod import configure
    from mlprod.storage import MemoryStore

    store = MemoryStore(f"test-{secrets.token_hex(4)}")
    with configure(store=store):
        yield store
