"""Where a model was made: Python, platform and the libraries in use."""

import functools
import importlib.metadata
import platform
import sys
from typing import Any

__all__ = ["environment"]

_LIBRARIES = (
    "catboost", "jax", "keras", "lightgbm", "numpy", "onnx", "pandas", "polars", "scipy",
    "sklearn", "skops", "tensorflow", "torch", "xgboost",
)  # fmt: skip


def environment() -> dict[str, Any]:
    """Return what matters to whoever wants to load the model elsewhere; only what is imported already."""
    loaded = ((name, getattr(sys.modules.get(name), "__version__", None)) for name in _LIBRARIES)
    libraries = {name: str(version) for name, version in loaded if version is not None}
    return {**_machine(), "libraries": {"mlprod": _own_version(), **libraries}}


@functools.cache
def _machine() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
    }


@functools.cache
def _own_version() -> str:
    return importlib.metadata.version("mlprod")
