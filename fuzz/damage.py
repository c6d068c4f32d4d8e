"""Ways to damage a file, and a document inside it. Everything is decided by the randomness passed in."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["VALUES", "damaged", "damaged_document", "dumps", "places", "replaced"]

_RAW = {
    "@deep list@": "[" * 100_000 + "]" * 100_000,
    "@deep object@": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "@nested list@": "[" * 700 + "]" * 700,
    "@digits@": "9" * 5_000,
    "@float@": "1e999",
}
"""What Python's `json` does not write, by the text that stands for it until then."""

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 0.5, 1.0, -0.0, 1 << 31, 1 << 32, (1 << 53) + 1, (1 << 63) - 1, 1 << 63,
    -(1 << 63) - 1, 1 << 64, 10**400, -(10**400), float("nan"), float("inf"), float("-inf"), 1e308, 5e-324,
    "", "a", "0", "nan", "\0", "\ud800", "\U0001f600", "../../etc/passwd", "/", ".", "a" * 5_000,
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00", "2026-13-45",
    [], {}, [[]], [None], [0, 1], {"a": 1}, {"kind": "a", "version": 1, "data": {}}, *_RAW,
)  # fmt: skip
"""What stands where something else is expected."""

_BYTES = (
    b"",
    b"\0",
    b"\xff",
    b"\xff\xff\xff\x7f",
    b"\xff" * 8,
    b"\0" * 8,
    b"\x80",
    b'"',
    b"}",
    b"NaN",
    b"-1",
)

_COUNTABLE = 1 << 62
_Place = tuple[Any, Any]
"""A container and a key of it."""


def damaged(raw: bytes, source: random.Random) -> bytes:
    """Return a file with one thing wrong: cut off, a bit flipped, a piece doubled, moved, or overwritten."""
    at = source.randrange(len(raw) + 1)
    until = min(len(raw), at + source.choice((1, 2, 4, 8, 64, 4096)))
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: raw[:at],
        lambda: raw[at:],
        lambda: raw[:at] + raw[until:],
        lambda: raw[:until] + raw[at:],
        lambda: raw[:at] + source.choice(_BYTES) + raw[at:],
        lambda: raw[:at] + source.choice(_BYTES) + raw[until:],
        lambda: raw[:at] + bytes(byte ^ 1 << source.randrange(8) for byte in raw[at:][:1]) + raw[at + 1 :],
        lambda: raw + raw[at:until],
        lambda: raw[at:until] + raw,
    )
    return source.choice(ways)()


def places(document: Any) -> list[_Place]:  # noqa: ANN401 - JSON
    """Return every place of a document where a value stands: its container, and the key in it."""
    found: list[_Place] = []
    pending = [document]
    while pending:
        part = pending.pop()
        inner: Iterator[_Place] = iter(())
        if isinstance(part, dict):
            inner = ((part, key) for key in part)
        elif isinstance(part, list):
            inner = ((part, index) for index in range(len(part)))
        for container, key in inner:
            found.append((container, key))
            pending.append(container[key])
    return found


def replaced(document: Any, index: int, value: object) -> Any:  # noqa: ANN401 - JSON
    """Return a document with another value in one of its places."""
    copy = json.loads(json.dumps([document]))
    container, key = places(copy)[index]
    container[key] = value
    return copy[0]


def damaged_document(document: Any, source: random.Random) -> Any:  # noqa: ANN401 - JSON
    """Return a document with one value replaced, left out, doubled, or exchanged for another one of it."""
    copy = json.loads(json.dumps([document]))
    found = places(copy)
    container, key = source.choice(found)
    match source.randrange(6):
        case 0 if container is not copy:
            del container[key]
        case 1 if isinstance(container, list):
            container.insert(key, container[key])
        case 1 if isinstance(container, dict):
            container[source.choice(("", "a", "kind", "\0", f"{key} "))] = container.pop(key)
        case 2:
            other, place = source.choice(found)
            container[key] = json.loads(json.dumps(other[place]))
        case 3 if type(container[key]) in {int, float} and abs(container[key]) < _COUNTABLE:
            container[key] += source.choice((1, -1, 0.5, 64, 1 << 32))
        case 4 if isinstance(container[key], str) and container[key]:
            text = container[key]
            at = source.randrange(len(text))
            container[key] = text[:at] + source.choice(("", "\0", "\ud800", "/", "@", "9")) + text[at + 1 :]
        case _:
            container[key] = source.choice(VALUES)
    return copy[0]


def dumps(document: object, *, ascii_only: bool = True) -> bytes:
    """Return a document as JSON, with what only other writers of JSON write."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=ascii_only)
    for name, raw in _RAW.items():
        text = text.replace(f'"{name}"', raw)
    return text.encode(errors="surrogatepass")
