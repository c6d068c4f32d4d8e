"""Whatever a store holds, and whatever callers pass on: only errors of the library come out."""

import importlib
import random
import sys
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.damage import VALUES, damaged, damaged_document, places, replaced
from fuzz.targets import TARGETS
from fuzz.watch import Deed, watched

SLOW = frozenset({"experiments", "monitoring", "drift", "models"})  # they ask everything of a store
FILES = sorted(TARGETS.keys() - SLOW)
EACH_TIME_THE_SAME = settings(derandomize=True)  # what is new is for `python3 dev.py fuzz` to find
pytestmark = pytest.mark.filterwarnings("ignore")  # numbers that overflow are what is tried here


def decode(target, raw):
    """Decode a file, and see to it that nothing else is done."""
    with watched(target.may_import):
        return target.accepts(raw)


def frames(target):
    """Give every valid file that is made of a document, and its frame."""
    framed = [(target.frame(raw), raw) for raw in target.files()]
    return [(frame, raw) for frame, raw in framed if frame is not None]


def test_an_import_would_be_seen(monkeypatch):
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    with pytest.raises(Deed, match="import wave"), watched():
        importlib.import_module("wave")


@pytest.mark.parametrize("target", FILES, indirect=True)
def test_a_file_that_is_put_together_again_is_read(target):
    """Else what follows would only show that wrong checksums are noticed."""
    assert all(target.accepts(frame.join(*frame.split(raw))) for frame, raw in frames(target))


@pytest.mark.parametrize("target", FILES, indirect=True)
def test_a_file_cut_off_anywhere(target):
    """Sampled where the file is long: every length of its first bytes, and a hundred of the others."""
    for raw in target.files()[:3]:
        for size in sorted({*range(min(len(raw), 100)), *range(0, len(raw), 1 + len(raw) // 100)}):
            decode(target, raw[:size])


@pytest.mark.parametrize("target", FILES, indirect=True)
@EACH_TIME_THE_SAME
@given(seed=st.integers(0, 2**32))
def test_damaged_bytes(target, seed):
    """A bit flipped, a piece doubled, moved, overwritten or left out, somewhere, once or a few times."""
    source = random.Random(seed)
    raw = source.choice(target.files())
    for _ in range(source.choice((1, 1, 3))):
        raw = damaged(raw, source)
    decode(target, raw)


@pytest.mark.parametrize("target", [name for name in FILES if name not in {"onnx", "pickle"}], indirect=True)
@EACH_TIME_THE_SAME
@given(seed=st.integers(0, 2**32))
def test_a_damaged_document_with_right_checksums(target, seed):
    """Wrong types, huge and negative numbers, what is no number, missing and double parts, deep nesting."""
    source = random.Random(seed)
    frame, raw = source.choice(frames(target))
    document, rest = frame.split(raw)
    for _ in range(source.choice((1, 1, 2))):
        document = damaged_document(document, source)
    if target.name in {"segment", "block", "binary", "reference"} and source.random() < 0.2:
        rest = damaged(rest, source)
    decode(target, frame.join(document, rest))


@pytest.mark.parametrize(
    "target", ["record", "block", "segment", "binary", "state", "reference"], indirect=True
)
def test_every_place_of_a_document_holds_something_else(target):
    """Each value is replaced by others in turn; over all places, every replacement has its turn."""
    turn = 0
    for frame, raw in frames(target):
        document, rest = frame.split(raw)
        count = len(places([document]))
        for place in range(0, count, 1 + count // 40):
            decode(target, frame.join(replaced(document, place, VALUES[turn % len(VALUES)]), rest))
            turn += 7  # which shares no factor with their number


@pytest.mark.parametrize("target", sorted(SLOW), indirect=True)
@settings(EACH_TIME_THE_SAME, max_examples=6)
@given(seed=st.integers(0, 2**32))
def test_a_store_with_a_damaged_file_answers_everything_else(target, seed):
    """Each question is answered, or refused by an error of the library."""
    source = random.Random(seed)
    raw = source.choice(target.files())
    frame = target.frame(raw)
    if frame is None:
        path, _, content = raw.partition(b"\n")
        damaged_raw = path + b"\n" + damaged(content, source)
    else:
        document, rest = frame.split(raw)
        damaged_raw = frame.join(damaged_document(document, source), rest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        decode(target, damaged_raw)
