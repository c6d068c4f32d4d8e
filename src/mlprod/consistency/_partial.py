"""Temporary files of writes that never finished."""

from pathlib import Path

from mlprod.consistency._report import Finding, found
from mlprod.consistency._scope import Scope
from mlprod.storage import Store, explained
from mlprod.storage._local import stale_partials

__all__ = ["examine", "mend"]


def examine(store: Store, scope: Scope) -> list[Finding]:
    """Look for them on a folder; elsewhere only the store itself can list them."""
    local = store.local_path("models")
    if local is None:
        return []
    with explained("look for partial writes", store):
        stale = stale_partials(local.parent, older_than_seconds=scope.grace.total_seconds())
    return [_left_over(file) for file in stale]


def mend(store: Store, scope: Scope) -> None:
    """Remove them, as `ModelSerializer.cleanup` does."""
    with explained("remove partial writes", store):
        store.discard_partial(older_than_seconds=scope.grace.total_seconds())


def _left_over(file: Path) -> Finding:
    return found(
        "partial_write",
        str(file),
        "a write that a crash or a full disk ended left it. It takes space and harms nobody; cleanup(), or "
        "fsck with repair=True, removes it",
    )
