"""JSON models come back exactly, or are refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod._names import splits_pairs
from mlprod.errors import FormatError
from mlprod.formats import JSONFormat, Trust

FORMAT = JSONFormat()

text = st.text().filter(lambda text: not splits_pairs(text))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | text
trees = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=20)


def round_trip(model):
    return FORMAT.decode(memoryview(b"".join(FORMAT.encode(model))), trust=Trust())


@given(trees)
def test_any_tree_comes_back_exactly(model):
    """Floats to the last bit, NaN and infinities, surrogates, order of keys: `repr` shows them all."""
    assert repr(model) == repr(round_trip(model))


@pytest.mark.parametrize("value", [5e-324, 1.7976931348623157e308, -0.0, 0.1, 1e22, math.pi])
def test_floats_come_back_to_the_last_bit(value):
    assert value.hex() == round_trip([value])[0].hex()


@pytest.mark.parametrize(
    ("model", "part"),
    [
        ({"a": {"b": (1, 2)}}, r"model\['a'\]\['b'\] is a tuple"),
        ({1: "a"}, "model has the key 1"),
        ([np.float64(1.0)], r"model\[0\] is a numpy.float64"),
        ({"w": np.ones(3)}, r"model\['w'\] is a numpy.ndarray"),
        ({"f": len}, r"model\['f'\] is a builtin_function_or_method"),
        (b"bytes", "model is a bytes"),
        pytest.param(10**5000, "cannot be written as JSON", id="a huge number"),
    ],
)
def test_what_would_change_is_refused(model, part):
    """The message says which part it is."""
    with pytest.raises(FormatError, match=part):
        FORMAT.encode(model)


@pytest.mark.parametrize(
    "model", [["\ud83d\ude00"], {"a": "\ud83d\ude00"}, {"\ud83d\ude00": 1}, "\ud83d\ude00"]
)
def test_a_pair_of_surrogates_is_refused(model):
    """It would come back as the one character that it spells."""
    with pytest.raises(FormatError, match="surrogate pair"):
        FORMAT.encode(model)


def test_what_contains_itself_is_refused():
    model = []
    model.append(model)
    with pytest.raises(FormatError, match="contains itself"):
        FORMAT.encode(model)


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 10_000])
def test_garbage_is_refused(payload):
    with pytest.raises(FormatError, match="not JSON, or nested too deeply"):
        FORMAT.decode(memoryview(payload), trust=Trust())
