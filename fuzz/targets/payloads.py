"""Models as bytes: the formats that the library itself reads."""

import pickle
from importlib.util import find_spec

import numpy as np

from fuzz.frames import BINARY, JSON
from fuzz.target import Target
from mlprod.errors import UntrustedModelError
from mlprod.formats import BinaryFormat, Trust
from mlprod.formats._json import JSONFormat
from mlprod.formats._pickle import PickleFormat

__all__ = ["TARGETS"]

_NOTHING = Trust()
_MODELS = (
    {"w": np.arange(6.0).reshape(2, 3), "t": (1, 2.5, None), "s": np.float32(1), "n": float("nan")},
    {1: "a", None: np.ones(2, "i2"), 2.5: complex(1, float("inf"))},
    np.asfortranarray(np.arange(6, dtype="u1").reshape(2, 3)),
    [np.zeros((0, 3)), np.array([True, False]), np.complex64(1j)],
)


def _json(raw: bytes) -> object:
    return JSONFormat().decode(memoryview(raw), trust=_NOTHING)


def _binary(raw: bytes) -> None:
    """Read what may not be written to, as a mapped file, and what may, as a file that was read."""
    for payload in (memoryview(raw), memoryview(bytearray(raw))):
        model = BinaryFormat().decode(payload, trust=_NOTHING)
    if isinstance(model, dict):
        b"".join(map(bytes, BinaryFormat().encode(model)))


def _pickle(raw: bytes) -> None:
    """Refuse all of them without a look."""
    try:
        PickleFormat().decode(memoryview(raw), trust=_NOTHING)
    except UntrustedModelError:
        return
    raise AssertionError("a pickle was loaded")


def _json_files() -> list[bytes]:
    models = ([1, 2.5, None, True, "a"], {"a": {"b": [float("nan"), -0.0]}, "ü": []}, "text")
    return [b"".join(map(bytes, JSONFormat().encode(model))) for model in models]


def _binary_files() -> list[bytes]:
    files = [b"".join(map(bytes, BinaryFormat().encode(model))) for model in _MODELS]
    if find_spec("ml_dtypes") is None:
        return files
    plain = b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F8_E5M2","shape":[1],'
    plain += b'"data_offsets":[4,5]}}'
    return [*files, len(plain).to_bytes(8, "little") + plain + bytes(5)]


TARGETS = (
    Target("json", _json, _json_files, lambda _: JSON),
    Target("binary", _binary, _binary_files, lambda _: BINARY),
    Target("pickle", _pickle, lambda: [pickle.dumps({1, 2}), pickle.dumps(print)]),
)
