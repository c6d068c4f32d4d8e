"""Signatures: proof that a holder of the key saved this payload with this metadata.

HMAC-SHA256 (RFC 2104) over the record of the version as canonical JSON, which holds the SHA-256 of
the payload and of the examples. Stages, aliases and tags, which change later, are not covered.
"""

import hashlib
import hmac
import json

import attrs

from mlprod.errors import UntrustedModelError
from mlprod.models._events import SAVED, ModelSaved

__all__ = ["check_signature", "signed"]


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
        saved.hmac, _signature(saved, key)
    ):
        raise UntrustedModelError(
            f"the signature of {name} is not of the caller's key: another key, or its record was changed"
        )


def _signature(saved: ModelSaved, key: bytes) -> str:
    record = SAVED.nest(attrs.evolve(saved, hmac=None))
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    return hmac.new(key, canonical, hashlib.sha256).hexdigest()
