"""The one cattrs converter: attrs values to plain JSON data and back."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import TYPE_CHECKING

from mlprod._value import isoformat

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["converter"]


@functools.cache
def converter() -> Converter:
    """Return the converter; cattrs is imported at the first record, not with the library."""
    from cattrs import Converter  # noqa: PLC0415 - keeps `import mlprod` light

    result = Converter(forbid_extra_keys=True, detailed_validation=False)
    result.register_unstructure_hook(datetime, isoformat)
    result.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    return result
