"""What all public values share: a JSON-ready form, a line in a console and a table in a notebook."""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

import attrs

from mlprod._brief import Brief
from mlprod._table import as_table

__all__ = ["Value", "isoformat", "plain"]


def isoformat(moment: datetime) -> str:
    """Return ISO-8601 in UTC with microseconds, e.g. ``2026-01-31T09:30:00.000000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def plain(value: object) -> Any:  # noqa: ANN401 - JSON out of anything
    """Return the JSON-ready form: ISO-8601 UTC for times, null for NaN and infinities."""
    match value:
        case Value():
            return value.to_dict()
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return isoformat(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case Sequence():
            return [plain(item) for item in value]
        case AbstractSet():
            return sorted(map(plain, value))
        case _:
            return str(value)


class Value(Brief):
    """Base of the frozen values that the library returns.

    What `repr` and a notebook show of one is small, however much it holds; `to_dict` returns all of it.
    """

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, ready for `json.dumps`: snake_case keys, ISO-8601 UTC times, NaN as None."""
        fields = attrs.fields(type(self))  # type: ignore[arg-type]  # every subclass is attrs.frozen
        return {field.name.rstrip("_"): plain(getattr(self, field.name)) for field in fields}

    toDict = to_dict

    def _repr_html_(self) -> str:
        return as_table(self)
