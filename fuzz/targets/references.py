"""References of drift, with all that is compared with them."""

import numpy as np

from fuzz.everything import files
from fuzz.frames import BINARY
from fuzz.target import Target
from mlprod.drift._encoding import decode, encode

__all__ = ["TARGETS"]


def _reference(raw: bytes) -> None:
    reference = decode(raw, "file")
    batch = {name: np.arange(4.0) for name in reference.numeric}
    if len(batch) == len(reference.features):
        profile = reference.measure([batch], in_threads=False)
        (profile + profile).to_dict()
    reference.to_dict()
    repr(reference)
    decode(encode(reference), "file")


def _files() -> list[bytes]:
    return [content for path, content in files().items() if path.startswith("drift/references/")]


TARGETS = (Target("reference", _reference, _files, lambda _: BINARY),)
