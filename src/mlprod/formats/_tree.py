"""The structure of a model as JSON, with its arrays taken out by name.

JSON's own null, booleans, numbers and strings stand for themselves, a JSON list for a list;
everything else is an object with one key that says what it is:

``{"dict": {…}}``, ``{"items": [[key, value], …]}`` (a dict with other keys than strings),
``{"tuple": […]}``, ``{"array": name}``, ``{"array": name, "order": "F"}``, ``{"scalar": name}``
(a numpy scalar), ``{"float": "nan"}`` and ``{"complex": [real, imaginary]}``.
"""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from mlprod._names import splits_pairs, type_name
from mlprod.errors import FormatError
from mlprod.formats._layout import METADATA, MOST_DIMENSIONS, Array, tag_of

__all__ = ["assemble", "dismantle"]

_Path: TypeAlias = tuple[object, ...]

_DEEPEST = 200
_FLOAT_BITS = 1023
_MOST_OF_ONE_HASH = 100  # an integer and -1 and -2 share one at most with each other; floats with some more
_SCALARS = frozenset({type(None), bool, int, float, str})


def dismantle(model: object) -> tuple[Any, dict[str, Array]]:
    """Return the structure of a model as JSON, and its arrays by the names it refers to them by.

    Raises:
        FormatError: at the first part that could not come back as it is.
    """
    arrays: dict[str, Array] = {}
    return _node(model, (), arrays), arrays


def assemble(tree: Any, array: Callable[[str], Array]) -> object:  # noqa: ANN401, C901 - JSON; a table
    """Return the model of a structure, asking for its arrays by name.

    Raises:
        FormatError: if this is not a structure that `dismantle` makes.
    """
    match tree:
        case None | bool() | int() | float() | str():
            return tree
        case list():
            return [assemble(item, array) for item in tree]
        case {"array": str(name), "order": "F"} if len(tree) == 2:  # noqa: PLR2004 - these two
            found = array(name)
            return np.asfortranarray(found) if found.flags.writeable else found
        case dict() if len(tree) != 1:
            raise _malformed()
        case {"array": str(name)}:
            return array(name)
        case {"scalar": str(name)}:
            return _scalar(array(name))
        case {"dict": dict(items)}:
            return {key: assemble(item, array) for key, item in items.items()}
        case {"items": list(pairs)}:
            return _dict(pairs, array)
        case {"tuple": list(items)}:
            return tuple(assemble(item, array) for item in items)
        case {"float": "nan" | "inf" | "-inf" as text}:
            return float(text)
        case {"complex": [real, imaginary]}:
            return complex(_number(assemble(real, array)), _number(assemble(imaginary, array)))
        case _:
            raise _malformed()


def _node(value: object, path: _Path, arrays: dict[str, Array]) -> Any:  # noqa: ANN401, C901 - JSON; a table
    if len(path) > _DEEPEST:
        raise _cannot(path[:3], f"is nested more than {_DEEPEST} deep, or contains itself")
    match value:
        case np.ndarray():
            return _array_node(value, path, arrays)
        case np.generic():  # before float and complex, which np.float64 and np.complex128 are, too
            return {"scalar": _take(np.asarray(value), path, arrays)}
        case float() if type(value) is float:
            return value if math.isfinite(value) else {"float": str(value)}
        case complex() if type(value) is complex:
            return {"complex": [_node(value.real, path, arrays), _node(value.imag, path, arrays)]}
        case list() if type(value) is list:
            return [_node(item, (*path, index), arrays) for index, item in enumerate(value)]
        case tuple() if type(value) is tuple:
            return {"tuple": [_node(item, (*path, index), arrays) for index, item in enumerate(value)]}
        case dict() if type(value) is dict:
            return _dict_node(value, path, arrays)
        case _ if type(value) in _SCALARS:
            if splits_pairs(value):
                raise _cannot(path, "holds a surrogate pair as two characters, which would come back as one")
            return value
        case _:
            raise _cannot(path, f"is a {type_name(value)}, neither plain data nor an array")


def _dict_node(value: dict[Any, Any], path: _Path, arrays: dict[str, Array]) -> dict[str, Any]:
    items = [(key, _node(item, (*path, key), arrays)) for key, item in value.items()]
    if all(type(key) is str and not splits_pairs(key) for key in value):
        return {"dict": dict(items)}
    for key in value:
        if type(key) not in _SCALARS:
            raise _cannot(path, f"has the key {key!r}; keys are strings, numbers, booleans or None")
    return {"items": [[_node(key, path, arrays), node] for key, node in items]}


def _array_node(value: Array, path: _Path, arrays: dict[str, Array]) -> dict[str, str]:
    if type(value) not in {np.ndarray, np.memmap}:
        raise _cannot(path, f"is a {type(value).__name__}, of which only the numbers could be kept")
    name = _take(value, path, arrays)
    is_fortran = value.flags.f_contiguous and not value.flags.c_contiguous
    return {"array": name, "order": "F"} if is_fortran else {"array": name}


def _take(value: Array, path: _Path, arrays: dict[str, Array]) -> str:
    """Keep an array under a name that shows where it was, like ``layers.0.weight``."""
    if value.ndim > MOST_DIMENSIONS:
        raise _cannot(path, f"has {value.ndim} dimensions; at most {MOST_DIMENSIONS} can be read everywhere")
    if tag_of(value.dtype) is None:
        raise _cannot(path, f"has the dtype {value.dtype}, which the safetensors layout cannot hold")
    name = ".".join(str(part) for part in path).encode(errors="replace").decode() or "array"
    unique, count = name, 1
    while unique in arrays or unique == METADATA:
        unique, count = f"{name}~{count}", count + 1
    arrays[unique] = value
    return unique


def _dict(pairs: list[Any], array: Callable[[str], Array]) -> dict[Any, Any]:
    """Return a dict of pairs, unless its keys were chosen so that making it takes for ever.

    Numbers are their own hash, modulo a prime: whoever knows that can let all of them collide.
    """
    items = [_pair(pair, array) for pair in pairs]
    hashes = Counter(hash(key) for key, _ in items if type(key) is not str)
    if max(hashes.values(), default=0) > _MOST_OF_ONE_HASH:
        raise FormatError("the payload's structure has a dict whose keys collide, as none does by chance")
    return dict(items)


def _scalar(array: Array) -> object:
    if array.ndim:
        raise _malformed()
    return array[()]


def _pair(pair: Any, array: Callable[[str], Array]) -> tuple[Any, Any]:  # noqa: ANN401 - JSON
    match pair:
        case [key, value] if type(known := assemble(key, array)) in _SCALARS:
            return known, assemble(value, array)
        case _:
            raise _malformed()


def _number(value: object) -> float:
    if type(value) is int and value.bit_length() <= _FLOAT_BITS:
        return float(value)
    if type(value) is float:
        return value
    raise _malformed()


def _cannot(path: _Path, why: str) -> FormatError:
    where = "".join(f"[{part!r}]" for part in path)
    return FormatError(f"model{where[:200]} {why}")


def _malformed() -> FormatError:
    return FormatError("the payload's structure is not one that mlprod writes")
