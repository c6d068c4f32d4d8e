"""JSON: any tree of dicts, lists, strings, numbers, booleans and None, exactly."""

import json
from typing import final

from mlprod._names import splits_pairs, type_name
from mlprod.errors import FormatError
from mlprod.formats._trust import Trust
from mlprod.typing import Chunks

__all__ = ["JSONFormat"]

_LEAVES = frozenset({type(None), bool, int, float, str})
_DEEPEST = 500


@final
class JSONFormat:
    """Text that other languages read too.

    Floats come back to the last bit. NaN and the infinities are written as ``NaN``, ``Infinity`` and
    ``-Infinity``, which Python reads and some other parsers do not.
    """

    name: str = "json"
    suffix: str = ".json"

    def recognizes(self, model: object) -> bool:
        """Any container or scalar of JSON; what is inside shows in `encode`."""
        return type(model) in _LEAVES or type(model) in {dict, list}

    def encode(self, model: object) -> Chunks:
        """Return the text; `FormatError` if anything would come back different."""
        _check_exact(model)
        try:
            return (json.dumps(model, separators=(",", ":")).encode(),)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"the model cannot be written as JSON: {error}") from error

    def decode(self, payload: memoryview, *, trust: Trust) -> object:  # noqa: ARG002 - JSON needs none
        """Return the tree."""
        try:
            return json.loads(bytes(payload))
        except (ValueError, RecursionError) as error:
            raise FormatError(f"the payload is not JSON, or nested too deeply: {error}") from error


def _check_exact(model: object) -> None:  # noqa: C901 - a table of cases
    """Refuse whatever JSON would change: tuples, other keys than strings, subclasses, arrays."""
    pending: list[tuple[object, str, int]] = [(model, "model", 0)]
    while pending:
        value, path, depth = pending.pop()
        if depth > _DEEPEST:
            raise FormatError(f"{path[:80]}… is nested more than {_DEEPEST} deep, or contains itself")
        if type(value) is dict:
            for key, item in value.items():
                if type(key) is not str:
                    raise FormatError(
                        f"{path} has the key {key!r}; JSON keys are strings. format='binary' keeps others"
                    )
                if splits_pairs(key):
                    raise _split(f"a key of {path}")
                if type(item) not in _LEAVES or splits_pairs(item):
                    pending.append((item, f"{path}[{key!r}]", depth + 1))
        elif type(value) is list:
            pending.extend(
                (item, f"{path}[{index}]", depth + 1)
                for index, item in enumerate(value)
                if type(item) not in _LEAVES or splits_pairs(item)
            )
        elif splits_pairs(value):
            raise _split(path)
        elif type(value) not in _LEAVES:
            raise FormatError(f"{path} is a {type_name(value)}, which JSON cannot hold exactly")


def _split(path: str) -> FormatError:
    return FormatError(f"{path} holds a surrogate pair as two characters, which would come back as one")
