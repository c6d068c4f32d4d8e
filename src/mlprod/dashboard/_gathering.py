"""From a store to what the page shows: the only part that reads, and nothing here writes."""

import difflib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, TypeVar, final

from mlprod._clock import now
from mlprod.dashboard._snapshot import ModelView, Part, Snapshot, Unread
from mlprod.drift import DriftAlarm, DriftDetector, DriftReport
from mlprod.errors import MLProdError
from mlprod.experiments import ABTestingManager, ExperimentOverview
from mlprod.models import ModelEvent, ModelMetadata, ModelSerializer
from mlprod.monitoring import Alert, ModelOverview, PerformanceMonitor
from mlprod.typing import Clock

__all__ = ["gather"]

T = TypeVar("T")

_STEPS: Final = 30  # of a chart: the days of a month
_LOOKS: Final = 8
_ALARMS: Final = 5
_ALIKE: Final = 0.8  # of names: one letter in five or six is another


def gather(
    models: ModelSerializer,
    monitor: PerformanceMonitor,
    manager: ABTestingManager,
    detector: DriftDetector,
    *,
    clock: Clock | None = None,
) -> Snapshot:
    """Ask each of the four for everything at once.

    What one of them cannot read is left out, and said to be: the rest of the page matters all the more then.
    """
    asking = _Asking()
    ask, telling = asking.ask, asking.telling
    versions = _grouped(ask("registry", models.list_models, list[ModelMetadata]()), lambda each: each.name)
    events = ask("registry", models.histories, dict[str, list[ModelEvent]]())
    fired = ask("alerts", lambda: monitor.get_alert_history(evaluate=False), list[Alert]())
    waiting = ask("alerts", lambda: monitor.get_pending_alerts(evaluate=False), list[Alert]())
    urgent = sorted(filter(_is_active, fired), key=lambda each: each.severity != "critical")
    acting = {name: each.version for name, many in versions.items() for each in many if each.is_active}
    overviews = ask(
        "records",
        lambda: monitor.get_overview(
            steps=_STEPS, alerts=urgent, acting=acting, on_unreadable=telling("records")
        ),
        list[ModelOverview](),
    )
    reports = ask(
        "drift reports",
        lambda: detector.latest_reports(acting=acting, on_unreadable=telling("drift reports")),
        dict[str, DriftReport](),
    )
    alarms = ask(
        "drift alarms",
        lambda: detector.latest_alarms(count=_ALARMS, on_unreadable=telling("drift alarms")),
        dict[str, list[DriftAlarm]](),
    )
    experiments = ask(
        "experiments",
        lambda: manager.get_overview(steps=_LOOKS, on_unreadable=telling("outcomes")),
        list[ExperimentOverview](),
    )
    recorded = {each.model_id: each for each in overviews}
    active, pending = (_grouped(alerts, lambda each: each.model_id) for alerts in (urgent, waiting))
    named = asking.models()
    known = {*versions, *events}
    return Snapshot(
        store=models.store.url,
        at=now(clock),
        models=tuple(
            ModelView(
                name=name,
                versions=tuple(versions.get(name, ())),
                events=tuple(events.get(name, ())),
                overview=recorded.get(name),
                alerts=tuple(active.get(name, ())),
                pending=tuple(pending.get(name, ())),
                drift=reports.get(name),
                alarms=tuple(alarms.get(name, ())),
                unread=asking.parts(name),
                is_stranger=bool(versions) and name not in known,
                resembles=_nearest(name, versions) if name in recorded and name not in known else "",
            )
            for name in sorted({*versions, *events, *recorded, *active, *pending, *reports, *alarms, *named})
        ),
        experiments=tuple(experiments),
        alerts=(*fired, *waiting),
        unread=asking.unread,
    )


@final
class _Asking:
    """Asks, and remembers what could not be read."""

    def __init__(self) -> None:
        self._unread: dict[Unread, None] = {}  # each once, in order: a journal may be read again

    def ask(self, part: Part, question: Callable[[], T], nothing: T) -> T:
        """Return the answer, or nothing if there is none."""
        try:
            return question()
        except MLProdError as error:
            self.telling(part)("", str(error))
            return nothing

    def telling(self, part: Part) -> Callable[[str, str], None]:
        """Return what is told, of a part, whom that concerns and why it cannot be read."""

        def tell(subject: str, why: str) -> None:
            self._unread[Unread(part, subject, why)] = None

        return tell

    @property
    def unread(self) -> tuple[Unread, ...]:
        """What could not be read."""
        return tuple(self._unread)

    def models(self) -> set[str]:
        """Return the models of which something could not be read."""
        return {each.subject for each in self._unread if each.subject and each.part != "outcomes"}

    def parts(self, model: str) -> frozenset[Part]:
        """Return what could not be read of a model."""
        return frozenset(each.part for each in self._unread if each.subject in {"", model})


def _nearest(name: str, known: Collection[str]) -> str:
    return next(iter(difflib.get_close_matches(name, [*known], n=1, cutoff=_ALIKE)), "")


def _is_active(alert: Alert) -> bool:
    return alert.is_active


def _grouped(many: Iterable[T], key: Callable[[T], str]) -> dict[str, Sequence[T]]:
    groups = defaultdict[str, list[T]](list)
    for each in many:
        groups[key(each)].append(each)
    return dict(groups)
