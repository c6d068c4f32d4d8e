"""What the page shows: everything that was gathered, before any of it is drawn."""

from collections.abc import Mapping
from datetime import datetime
from typing import final

import attrs

from mlprod.drift import DriftReport
from mlprod.experiments import ExperimentOverview
from mlprod.models import ModelEvent, ModelMetadata
from mlprod.monitoring import Alert, ModelOverview

__all__ = ["ModelView", "Snapshot"]


@final
@attrs.frozen(kw_only=True, eq=False)
class ModelView:
    """What is known of one model.

    Attributes:
        name: the model.
        versions: those in the registry, the oldest first; empty if it does not know the model.
        events: every decision about it, the oldest first.
        overview: how it does; None if nothing was recorded.
        alerts: those that are active, the most severe first.
        drift: the newest report; None if it was never checked.
    """

    name: str
    versions: tuple[ModelMetadata, ...] = ()
    events: tuple[ModelEvent, ...] = ()
    overview: ModelOverview | None = None
    alerts: tuple[Alert, ...] = ()
    drift: DriftReport | None = None

    @property
    def production(self) -> ModelMetadata | None:
        """The version in production."""
        return next((version for version in self.versions if version.is_active), None)


@final
@attrs.frozen(kw_only=True, eq=False)
class Snapshot:
    """A store as it stood at one moment.

    Attributes:
        store: its URL.
        at: the moment, UTC.
        models: by name.
        experiments: the oldest first.
        alerts: those that ever fired and are kept, the oldest first.
        unread: what could not be read, and why.
    """

    store: str
    at: datetime
    models: tuple[ModelView, ...]
    experiments: tuple[ExperimentOverview, ...]
    alerts: tuple[Alert, ...]
    unread: Mapping[str, str] = attrs.field(factory=dict[str, str])
