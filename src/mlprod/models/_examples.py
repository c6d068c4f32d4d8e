"""Golden examples: inputs and the outputs that a model gave for them when it was saved."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from mlprod.errors import InvalidDataError

__all__ = ["Predict", "check_examples", "default_predict", "difference", "shapes"]

Predict: TypeAlias = Callable[[Any, Any], Any]
"""Takes the loaded model and the inputs, returns the outputs."""


def check_examples(examples: object) -> dict[str, Any]:
    """Return the pair as the model that is stored for it."""
    if not isinstance(examples, tuple) or len(examples) != 2:  # noqa: PLR2004 - a pair
        raise InvalidDataError("examples must be a pair (inputs, expected outputs)")
    inputs, outputs = examples
    return {"inputs": inputs, "outputs": outputs}


def default_predict(model: Any) -> Predict | None:  # noqa: ANN401 - any model
    """Return how to ask a model that knows itself: its own ``predict`` method."""
    if callable(getattr(model, "predict", None)):
        return lambda known, inputs: known.predict(inputs)
    return None


def difference(expected: Any, actual: Any, *, rtol: float, atol: float, path: str = "output") -> str | None:  # noqa: ANN401
    """Return the first difference between two trees of numbers, or None if there is none.

    Two numbers are the same if ``|actual - expected| <= atol + rtol * |expected|`` (numpy.isclose);
    NaN is the same as NaN.
    """
    if isinstance(expected, Mapping):
        if not isinstance(actual, Mapping) or expected.keys() != actual.keys():
            return f"{path} should have the keys {sorted(map(str, expected))}"
        pairs = [(expected[key], actual[key], f"{path}[{key!r}]") for key in expected]
    elif isinstance(expected, list | tuple) and not _is_numeric(expected):
        if not isinstance(actual, Sequence) or len(expected) != len(actual):
            return f"{path} should have {len(expected)} parts"
        pairs = [
            (a, b, f"{path}[{index}]") for index, (a, b) in enumerate(zip(expected, actual, strict=True))
        ]
    else:
        return _leaf_difference(expected, actual, rtol, atol, path)
    found = (difference(a, b, rtol=rtol, atol=atol, path=where) for a, b, where in pairs)
    return next((text for text in found if text), None)


def shapes(value: Any) -> Any:  # noqa: ANN401 - a tree
    """Describe inputs or outputs: dtype and shape of each array, its first axis left open as the batch."""
    if isinstance(value, Mapping):
        return {str(key): shapes(item) for key, item in value.items()}
    array = np.asarray(value) if _is_numeric(value) or hasattr(value, "__array__") else None
    if array is None or array.dtype == object:
        return {"type": type(value).__name__}
    return {"dtype": str(array.dtype), "shape": [None, *array.shape[1:]] if array.ndim else []}


def _leaf_difference(expected: Any, actual: Any, rtol: float, atol: float, path: str) -> str | None:  # noqa: ANN401
    wanted, got = np.asarray(expected), np.asarray(actual)
    if wanted.shape != got.shape:
        return f"{path} should have the shape {wanted.shape}, but has {got.shape}"
    if not (_numeric_dtype(wanted) and _numeric_dtype(got)):
        same = wanted.dtype.kind == got.dtype.kind and np.array_equal(wanted, got)
        return None if same else f"{path} differs"
    close = np.isclose(got, wanted, rtol=rtol, atol=atol, equal_nan=True)
    if close.all():
        return None
    where = tuple(int(index) for index in np.argwhere(~close)[0])
    at = f"{path}{list(where)}" if where else path
    count = f"{int((~close).sum())} of {close.size} differ"
    return f"{at} should be {wanted[where]!s}, but is {got[where]!s} ({count})"


def _is_numeric(value: Any) -> bool:  # noqa: ANN401 - any value
    try:
        return _numeric_dtype(np.asarray(value))
    except ValueError:  # ragged
        return False


def _numeric_dtype(array: np.ndarray[Any, Any]) -> bool:
    return array.dtype.kind in "biufc"
