"""Optional dependencies, imported where they are used."""

import importlib
from typing import Any

from mlprod.errors import MissingExtraError

__all__ = ["require"]


def require(module: str, *, extra: str, purpose: str) -> Any:  # noqa: ANN401 - modules have no better type
    """Import an optional module.

    Raises:
        MissingExtraError: if it is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the package {module!r}: pip install 'mlprod[{extra}]' ({error})"
        ) from error
