"""The one cattrs converter: attrs values to plain JSON data and back."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlprod._clock import aware
from mlprod._value import isoformat

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["converter"]


@functools.cache
def converter() -> Converter:
    """Return the converter; cattrs is imported at the first record, not with the library."""
    from cattrs import Converter

    result = Converter(forbid_extra_keys=True, detailed_validation=False)
    result.register_unstructure_hook(datetime, isoformat)
    result.register_structure_hook(datetime, lambda text, _: aware(datetime.fromisoformat(text), "the time"))
    result.register_unstructure_hook_func(_is_json, lambda document: document)
    return result


def _is_json(field_type: Any) -> bool:  # noqa: ANN401 - a type
    """Return whether a field holds what is JSON already and need not be walked through."""
    return field_type in (Mapping[str, Any], dict[str, Any])
