"""The reference of a model: what its inputs, outputs and errors were like when it was made."""

import functools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._names import known
from mlprod._progress import SILENT, Tracker
from mlprod._value import Value, isoformat
from mlprod.drift._column import Batch, Categories
from mlprod.drift._counts import Counts
from mlprod.drift._feature import Feature
from mlprod.drift._profile import Profile
from mlprod.drift._rebatching import length, rebatched
from mlprod.drift._sample import Draw, RowSample
from mlprod.drift._threads import each
from mlprod.errors import InvalidDataError
from mlprod.stats import Calibration

__all__ = ["ReferenceProfile"]

_NO_CODES = np.empty(0, np.int32)


@final
@attrs.frozen(kw_only=True, repr=False)
class ReferenceProfile(Value):
    """Frozen bins, and what the reference data counted on them.

    Attributes:
        model_id: the model.
        version: its version; None if the reference is that of the model whatever its version.
        id: of this reference; profiles on its bins name it.
        created_at: when it was set, UTC.
        rows: how many rows it was made from.
        features: by name.
        sample: up to 512 of the rows; only their order matters.
        predictions: what the model answered; None if that was not given.
        errors: how wrong it was, without sign; None if that was not given.
        error_metric: ``"mae"`` or ``"error_rate"``; empty without errors.
        calibration: how its confidence compared with its accuracy; None if that was not given.
    """

    model_id: str
    version: str | None
    id: str
    created_at: datetime
    rows: int
    features: Mapping[str, Feature]
    sample: RowSample
    predictions: Feature | None = None
    errors: Feature | None = None
    error_metric: str = ""
    calibration: Calibration | None = None

    @property
    def numeric(self) -> tuple[str, ...]:
        """The numeric features, in the order of the columns of `sample`."""
        return tuple(name for name, feature in self.features.items() if feature.kind == "numeric")

    def measure(
        self, batches: Iterable[Batch], *, in_threads: bool = True, tracker: Tracker = SILENT
    ) -> Profile:
        """Count tables on the bins, batch by batch; in threads, unless something else fills the cores.

        Raises:
            InvalidDataError: if a feature is missing, or of another kind.
        """
        parts = (
            self.measure_batch(batch, in_threads=in_threads, tracker=tracker) for batch in rebatched(batches)
        )
        first = next(parts, None)
        return self._nothing() if first is None else functools.reduce(Profile.__add__, parts, first)

    def measure_batch(self, batch: Batch, *, in_threads: bool = True, tracker: Tracker = SILENT) -> Profile:
        """Count one table on the bins.

        Raises:
            InvalidDataError: if a feature is missing, or of another kind.
        """
        absent = [name for name in self.features if name not in batch]
        if absent:
            raise InvalidDataError(
                f"the data lack {len(absent)} of the {len(self.features)} features of the reference of "
                f"{self.model_id!r}: {', '.join(absent[:5])}{', …' if len(absent) > 5 else ''}; "  # noqa: PLR2004
                f"{known(batch, absent[0])}. Nothing was compared"
            )
        first = next(iter(self.features))
        draw = Draw.of(self.features[first].accept(first, batch[first]))

        def measured(name: str) -> tuple[Counts, list[NDArray[np.float64]]]:
            feature = self.features[name]
            column = feature.accept(name, batch[name])
            return feature.measure(column), draw.rows_of(column)

        rows = length(batch)
        done = each(measured, self.features, rows=rows, in_threads=in_threads, tracker=tracker)
        counts, drawn = zip(*done, strict=True)
        return Profile(
            reference=self.id,
            features=dict(zip(self.features, counts, strict=True)),
            rows=rows,
            sample=draw.sample([column for columns in drawn for column in columns]),
            ignored=tuple(name for name in batch if name not in self.features),
        )

    def fits(self, profile: Profile) -> bool:
        """Return whether the counts of a profile are on these bins: it may have been pickled elsewhere."""
        counts, sample = profile.features, profile.sample
        return (
            isinstance(counts, Mapping)
            and counts.keys() == self.features.keys()
            and all(feature.counts.is_like(counts[name]) for name, feature in self.features.items())
            and all(found.present + found.missing == profile.rows for found in counts.values())
            and sample.rows.shape == (len(sample.keys), len(self.numeric))
        )

    def _nothing(self) -> Profile:
        """Return the profile of no rows."""
        empty = {
            name: feature.measure(np.empty(0) if feature.kind == "numeric" else Categories(_NO_CODES, ()))
            for name, feature in self.features.items()
        }
        sample = RowSample(np.empty(0, np.uint64), np.empty((0, len(self.numeric))))
        return Profile(reference=self.id, features=empty, rows=0, sample=sample)

    def __repr__(self) -> str:
        which = self.model_id if self.version is None else f"{self.model_id}@{self.version}"
        return f"ReferenceProfile({which!r}, rows={self.rows}, features={len(self.features)}, id={self.id!r})"

    def to_dict(self) -> dict[str, Any]:
        """Return what it holds, ready for `json.dumps`: per feature the bins and their shares."""
        return {
            "model_id": self.model_id,
            "version": self.version,
            "id": self.id,
            "created_at": isoformat(self.created_at),
            "rows": self.rows,
            "features": {name: feature.to_dict() for name, feature in self.features.items()},
            "predictions": self.predictions.to_dict() if self.predictions else None,
            "errors": self.errors.to_dict() if self.errors else None,
            "error_metric": self.error_metric,
        }

    toDict = to_dict

    def _repr_html_(self) -> str:
        from mlprod.drift._values_html import reference_html  # noqa: PLC0415 - it shows these values

        return reference_html(self)
