"""Forged lengths and counts allocate nothing: memory stays within some times the size of the file."""

import io
import subprocess
import sys
import tracemalloc
import zipfile

import pytest

from fuzz.everything import files
from fuzz.frames import BINARY, BLOCK, RECORD, SEGMENT
from fuzz.targets import TARGETS

FEW_BYTES = 1 << 20
TIMES = 60  # a small object of Python for a byte or two of JSON
HUGE = 1 << 40


def peak(target, raw):
    """Return the most memory that was taken while a file was decoded."""
    TARGETS[target].warm_up()
    tracemalloc.start()
    try:
        TARGETS[target].accepts(raw)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def first(suffix, inside=""):
    return next(raw for path, raw in files().items() if path.endswith(suffix) and inside in path)


def headed(frame, raw, **changes):
    (magic, header), rest = frame.split(raw)
    return frame.join([magic, {**header, **changes}], rest)


def tensor(shape, end, structure=None, size=8):
    header = {"a": {"dtype": "F64", "shape": shape, "data_offsets": [0, end]}}
    metadata = {} if structure is None else {"__metadata__": {"mlprod.structure": structure}}
    return BINARY.join({**metadata, **header}, bytes(size))


def constant_block(rows):
    (magic, header), rest = BLOCK.split(first(".col", "trades"))
    columns = [[name, kind, 0] for name, kind, _ in header["columns"]]
    return BLOCK.join([magic, {**header, "rows": rows, "columns": columns}], rest)


def copies(count):
    """Return a file whose structure names one array of 80 kB in Fortran order many times."""
    return tensor([100, 100], 80_000, [{"array": "a", "order": "F"}] * count, 80_000)


FORGED = {
    "binary/a header of 100 MB": ("binary", lambda: (99_999_999).to_bytes(8, "little") + b"{}"),
    "binary/a header of all memory": ("binary", lambda: b"\xff" * 8 + b"{}"),
    "binary/a shape": ("binary", lambda: tensor([HUGE, HUGE], 8)),
    "binary/a shape and offsets": ("binary", lambda: tensor([HUGE], 8 * HUGE)),
    "binary/an empty shape": ("binary", lambda: tensor([HUGE, 0, HUGE], 0, size=0)),
    "binary/one array many times": ("binary", lambda: copies(2000)),
    "block/rows": ("block", lambda: headed(BLOCK, first(".col"), rows=HUGE)),
    "block/rows of constants": ("block", lambda: constant_block(HUGE)),
    "segment/a dictionary": ("segment", lambda: headed(SEGMENT, first(".seg"), dictionary_bytes=HUGE)),
    "segment/a record": ("segment", lambda: headed(SEGMENT, first(".seg"), record_bytes=HUGE)),
    "record/a size": (
        "models",
        lambda: (
            b"models/ledger/commits/00000000000000000001.json\n"
            + first("commits/00000000000000000001.json", "models/").replace(
                b'"size":11', b'"size":10000000000000'
            )
        ),
    ),
}


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.filterwarnings("ignore")
def test_a_forged_number_allocates_nothing(forged):
    """It is compared with the bytes that are there first."""
    target, make = FORGED[forged]
    raw = make()
    assert peak(target, raw) < FEW_BYTES + TIMES * len(raw)


@pytest.mark.parametrize("depth", [100_000, 1_000_000])
def test_deep_nesting_takes_no_more_than_its_text(depth):
    """It is refused where the parser gives up, without a tree of it."""
    text = b"[" * depth + b"]" * depth
    assert peak("json", text) < FEW_BYTES + 4 * len(text)
    assert peak(
        "record", RECORD.join({"kind": "a", "version": 1, "data": 0}, b"")[:-2] + text + b"}"
    ) < 10 * len(text)


# In a process of its own, which may have so much more than it has when all is imported.
LIMITED = """
import resource, sys
from pathlib import Path
from fuzz.targets import TARGETS
target = TARGETS[sys.argv[1]]
target.warm_up()
raw = Path(sys.argv[2]).read_bytes()
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
print("read" if target.accepts(raw) else "refused")
"""


def bombed(target, member, size):
    """Return a valid archive in which one member is zeros, compressed to a thousandth."""
    raw = TARGETS[target].files()[0]
    content = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(raw)) as before,
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for name in before.namelist():
            if name != member:
                after.writestr(name, before.read(name), zipfile.ZIP_STORED)
        with after.open(member, "w") as file:
            for _ in range(size >> 20):
                file.write(bytes(1 << 20))
    return content.getvalue()


def long_field(_):
    """Return a graph that says it is almost 2 GiB long."""
    return b"\x08\x08\x3a\xff\xff\xff\xff\x07" + bytes(100)


BOMBS = {
    "onnx": long_field,
    "skops": lambda name: bombed(name, "schema.json", 1 << 27),
    "keras": lambda name: bombed(name, "config.json", 1 << 27),
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does")
@pytest.mark.parametrize("name", BOMBS)
def test_what_other_packages_parse_is_bounded_before(name, tmp_path):
    """What is claimed, or compressed to a thousandth, is refused by a process that may not have it."""
    if not TARGETS[name].is_available:
        pytest.skip(f"needs {' and '.join(TARGETS[name].needs)}")
    path = tmp_path / "file"
    path.write_bytes(BOMBS[name](name))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, name, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (0, "refused\n") == (done.returncode, done.stdout), done.stderr
