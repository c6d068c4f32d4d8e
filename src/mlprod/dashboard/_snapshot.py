"""What the page shows: everything that was gathered, before any of it is drawn."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias, final

import attrs

from mlprod.drift import DriftAlarm, DriftReport
from mlprod.experiments import ExperimentOverview
from mlprod.models import ModelEvent, ModelMetadata
from mlprod.monitoring import Alert, ModelOverview

__all__ = ["UNREAD", "ModelView", "Part", "Snapshot", "Unread"]

Part: TypeAlias = Literal[
    "registry", "records", "alerts", "drift reports", "drift alarms", "experiments", "outcomes"
]
"""What is read for itself, so that damage to it hides nothing else."""


UNREAD: Final[Mapping[Part, str]] = {
    "registry": "the registry of models",
    "records": "what was recorded about models",
    "alerts": "alerts",
    "drift reports": "reports of drift",
    "drift alarms": "alarms of drift",
    "experiments": "experiments",
    "outcomes": "the outcomes of experiments",
}
"""What the page calls each part."""


@final
@attrs.frozen
class Unread:
    """Something that could not be read.

    Attributes:
        part: what.
        subject: the model, or the experiment, that it is about; nothing if it is all of them.
        why: what went wrong, with the name of the file.
    """

    part: Part
    subject: str
    why: str


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
        pending: what will be an alert if it lasts, the oldest first.
        drift: the newest report; None if it was never checked.
        alarms: the newest ones of those who watched it row by row, the oldest first.
        unread: what could not be read of it, so that nothing of that there does not mean nothing is.
        is_stranger: whether the registry does not know it, though it knows others.
        resembles: a name that the registry knows and that is nearly that of a stranger which records.
    """

    name: str
    versions: tuple[ModelMetadata, ...] = ()
    events: tuple[ModelEvent, ...] = ()
    overview: ModelOverview | None = None
    alerts: tuple[Alert, ...] = ()
    pending: tuple[Alert, ...] = ()
    drift: DriftReport | None = None
    alarms: tuple[DriftAlarm, ...] = ()
    unread: frozenset[Part] = frozenset()
    is_stranger: bool = False
    resembles: str = ""

    @property
    def production(self) -> ModelMetadata | None:
        """The version in production."""
        return next((version for version in self.versions if version.is_active), None)

    @property
    def unanswered(self) -> DriftAlarm | None:
        """The newest alarm about what acts, if nobody has checked for drift since."""
        acting = None if self.production is None else self.production.version
        open_ones = (alarm for alarm in self.alarms if self.drift is None or self.drift.time <= alarm.time)
        about = [alarm for alarm in open_ones if acting is None or alarm.version in {None, acting}]
        return about[-1] if about else None


@final
@attrs.frozen(kw_only=True, eq=False)
class Snapshot:
    """A store as it stood at one moment.

    Attributes:
        store: its URL.
        at: the moment, UTC.
        models: by name.
        experiments: the oldest first.
        alerts: those that ever fired and are kept, and those that are pending; the oldest first.
        unread: what could not be read, and why.
    """

    store: str
    at: datetime
    models: tuple[ModelView, ...]
    experiments: tuple[ExperimentOverview, ...]
    alerts: tuple[Alert, ...]
    unread: tuple[Unread, ...] = ()

    def is_unread(self, part: Part, subject: str = "") -> bool:
        """Return whether a part, of one model or experiment or of all, could not be read."""
        return any(each.part == part and each.subject in {"", subject} for each in self.unread)
