"""Files under names that are none of ours."""

import re
from collections.abc import Iterable
from typing import Final

from mlprod.consistency._report import Finding, found
from mlprod.drift._files import is_dated
from mlprod.models._payloads import FOLDER, begun_at

__all__ = ["AREAS", "foreign", "is_ours"]

AREAS: Final = ("journal", "models", "experiments", "alerts", "drift")
"""The folders of a store, in the order in which they are listed: records name what the others decide."""

_LEDGER = re.compile(r"[^/]+/ledger/(commits|snapshots)/[0-9]{20}\.json").fullmatch
_DATED = re.compile(
    r"drift/(references/[^/]+/[^/]+\.safetensors|(reports|alarms)/[^/]+/[^/]+/[^/]+\.json)"
).fullmatch
_OBSERVER = re.compile(r"drift/observers/[^/]+/[^/]+/[^/]+\.json").fullmatch
_RECORDED = re.compile(r"journal/(raw/.+\.seg|(raw|blocks)/.+\.col(\.sum)?)").fullmatch


def foreign(paths: Iterable[str]) -> list[Finding]:
    """Return what is not ours; nothing reads it."""
    return [
        found(
            "foreign_file",
            path,
            "no file of mlprod has such a name. Nothing reads it, and nothing will delete it; a store should "
            "hold nothing else: move it away",
        )
        for path in paths
        if not is_ours(path)
    ]


def is_ours(path: str) -> bool:
    """Return whether the library gives such names."""
    if _LEDGER(path) or _OBSERVER(path) or _RECORDED(path):
        return True
    if path.startswith(f"{FOLDER}/"):
        return begun_at(path) is not None
    return _DATED(path) is not None and is_dated(path)
