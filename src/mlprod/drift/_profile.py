"""A profile: what a table counts on the bins of a reference. Profiles of parts make that of the whole."""

from collections.abc import Mapping
from typing import Any, final

import attrs

from mlprod._value import Value
from mlprod.drift._counts import Counts
from mlprod.drift._sample import RowSample
from mlprod.errors import InvalidDataError

__all__ = ["Profile"]


@final
@attrs.frozen(kw_only=True, repr=False)
class Profile(Value):
    """Counts on the frozen bins of one reference; ``a + b`` counts exactly what both together would.

    It can be made where the data are, in another process or on another machine, and pickled: it holds counts,
    a few sums and at most 512 rows, however large the table.

    Attributes:
        reference: the id of the reference whose bins these are.
        features: the counts, by name.
        rows: how many.
        sample: up to 512 of the rows, for what only whole rows can show.
        ignored: columns of the table that the reference does not have.
    """

    reference: str
    features: Mapping[str, Counts]
    rows: int
    sample: RowSample
    ignored: tuple[str, ...] = ()

    def __add__(self, other: "Profile") -> "Profile":
        if self.reference != other.reference:
            raise InvalidDataError(
                f"profiles on the bins of different references ({self.reference}, {other.reference}) cannot "
                "be added: make both with the same reference"
            )
        added: dict[str, Counts] = {}
        for name, counts in self.features.items():
            added[name] = counts + other.features[name]  # type: ignore[operator]  # of one reference: one kind
        return Profile(
            reference=self.reference,
            features=added,
            rows=self.rows + other.rows,
            sample=self.sample + other.sample,
            ignored=tuple(dict.fromkeys((*self.ignored, *other.ignored))),
        )

    def __repr__(self) -> str:
        return f"Profile(rows={self.rows}, features={len(self.features)}, reference={self.reference!r})"

    def to_dict(self) -> dict[str, Any]:
        """Return what it is about, ready for `json.dumps`: per feature the rows in each cell."""
        return {
            "reference": self.reference,
            "rows": self.rows,
            "features": {
                name: {"cells": counts.cells.tolist(), "missing": counts.missing}
                for name, counts in self.features.items()
            },
            "ignored": list(self.ignored),
        }

    toDict = to_dict

    def _repr_html_(self) -> str:
        from mlprod.drift._values_html import profile_html  # noqa: PLC0415 - it shows these values

        return profile_html(self)
