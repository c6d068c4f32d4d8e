"""Records: decisions, states, reports, alarms, observers and summaries in their envelopes."""

import json
from typing import Any, Final

from fuzz.everything import files
from fuzz.frames import RECORD
from fuzz.target import Target
from mlprod.drift._alarms import ALARM, OBSERVER
from mlprod.drift._archive import REFERENCES, REPORT
from mlprod.experiments._state import EXPERIMENTS
from mlprod.models._fold import MODELS
from mlprod.monitoring._alert_state import ALERTS
from mlprod.schema import RecordType, load
from mlprod.storage._ledger import COMMIT, SNAPSHOT
from mlprod.storage.journal._files import SUMMARY
from mlprod.storage.journal._state import JOURNAL

__all__ = ["TARGETS"]

_LEDGERS = (MODELS, ALERTS, EXPERIMENTS, JOURNAL, REFERENCES)
_TYPES: Final[dict[str, RecordType[Any]]] = {
    record.kind: record
    for record in (
        *(event for ledger in _LEDGERS for event in ledger.events.types),
        *(ledger.state for ledger in _LEDGERS),
        *(ALARM, OBSERVER, REPORT, COMMIT, SNAPSHOT, SUMMARY),
    )
}


def _read(raw: bytes) -> None:
    kind, _, _ = load(raw, "file")
    record = _TYPES.get(kind, SUMMARY)
    value = record.load(raw, "file")
    record.load(record.dump(value), "file")


def _written() -> list[bytes]:
    """Return a file of every kind: what is nested in others stands alone here."""
    found: dict[str, bytes] = {}
    for content in files().values():
        if content.startswith(b'{"kind"'):
            _collect(json.loads(content), found)
    return list(found.values())


def _collect(document: Any, found: dict[str, bytes]) -> None:  # noqa: ANN401 - JSON
    match document:
        case {"kind": str(kind), "version": 1, "data": data} if kind in _TYPES:
            found.setdefault(kind, RECORD.join({"kind": kind, "version": 1, "data": data}, b""))
            for inner in (*data.get("events", ()), data.get("state")):
                _collect(inner, found)
        case _:
            pass


TARGETS = (Target("record", _read, _written, lambda _: RECORD),)
