"""What can be wrong with a store: each kind once, with how much it matters."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, final

import attrs

__all__ = ["KINDS", "Kind", "Severity"]

Severity: TypeAlias = Literal["info", "warning", "error"]


@final
@attrs.frozen
class Kind:
    """How much something matters, and whether `fsck` can mend it."""

    severity: Severity
    is_repairable: bool = False


_NORMAL: Final = Kind("info")
_ODD: Final = Kind("warning")
_LEFT_OVER: Final = Kind("warning", is_repairable=True)
_LOST: Final = Kind("error")

KINDS: Final[Mapping[str, Kind]] = {
    "newer_schema": _LOST,
    "missing_decision": _LOST,
    "damaged_decision": _LOST,
    "contradictory_decision": _LOST,
    "wrong_snapshot": Kind("error", is_repairable=True),
    "damaged_snapshot": _LEFT_OVER,
    "missing_payload": _LOST,
    "changed_payload": _LOST,
    "orphan_payload": _LEFT_OVER,
    "deleted_payload": _LEFT_OVER,
    "missing_reference": _LOST,
    "changed_reference": _LOST,
    "orphan_reference": _LEFT_OVER,
    "damaged_report": _LOST,
    "orphan_report": _ODD,
    "damaged_observer": _ODD,
    "missing_block": _LOST,
    "damaged_block": _LOST,
    "damaged_segment": _LOST,
    "torn_records": _NORMAL,
    "covered_file": _LEFT_OVER,
    "orphan_block": _LEFT_OVER,
    "orphan_summary": _LEFT_OVER,
    "damaged_summary": _LEFT_OVER,
    "unknown_experiment": _ODD,
    "waiting_segment": _LEFT_OVER,
    "expired_segment": _ODD,
    "stale_mark": Kind("info", is_repairable=True),
    "partial_write": _LEFT_OVER,
    "unreadable_file": _LOST,
    "foreign_file": _NORMAL,
}
"""By their names, which never change."""
