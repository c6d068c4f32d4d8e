"""Signatures: proof that a holder of the key saved this payload with this metadata.

HMAC-SHA256 (RFC 2104) over what was saved as canonical JSON, which holds the SHA-256 of the payload and
of the examples. Stages, aliases and tags given later are not covered.
"""

import hashlib
import hmac
import json
from typing import Final

import attrs

from mlprod.errors import UntrustedModelError
from mlprod.models._events import SAVED, ModelSaved

__all__ = ["check_signature", "signed"]

# A scheme of its own: when the record gets new fields, old signatures must stay valid.
_SCHEME: Final = "hmac-sha256-1"
_COVERED: Final = (
    "name",
    "version",
    "format",
    "payload",
    "examples",
    "metrics",
    "config",
    "tags",
    "parent",
    "environment",
    "signature",
)


def signed(saved: ModelSaved, key: bytes) -> ModelSaved:
    """Return the record with its signature."""
    return attrs.evolve(saved, hmac=_signature(saved, key))


def check_signature(saved: ModelSaved, key: bytes) -> None:
    """Raise `UntrustedModelError` unless the record was signed with this key."""
    name = f"{saved.name}@{saved.version}"
    if saved.hmac is None:
        raise UntrustedModelError(
            f"{name} is not signed, and the caller's key asks for a signature. Save it again with the key"
        )
    if any(blob.sha256 is None for blob in saved.blobs()) or not hmac.compare_digest(
        saved.hmac.encode(), _signature(saved, key).encode()
    ):
        raise UntrustedModelError(
            f"the signature of {name} is not of the caller's key: another key, or its record was changed"
        )


def _signature(saved: ModelSaved, key: bytes) -> str:
    data = SAVED.nest(saved)["data"]
    covered = {"scheme": _SCHEME, **{field: data[field] for field in _COVERED}}
    canonical = json.dumps(covered, sort_keys=True, separators=(",", ":")).encode()
    return f"{_SCHEME}:{hmac.new(key, canonical, hashlib.sha256).hexdigest()}"
