"""From a store to what the page shows: the only part that reads, and nothing here writes."""

from collections import defaultdict
from collections.abc import Callable
from typing import Final, TypeVar

from mlprod._clock import now
from mlprod.dashboard._snapshot import ModelView, Snapshot
from mlprod.drift import DriftDetector, DriftReport
from mlprod.errors import MLProdError
from mlprod.experiments import ABTestingManager, ExperimentOverview
from mlprod.models import ModelEvent, ModelMetadata, ModelSerializer
from mlprod.monitoring import Alert, ModelOverview, PerformanceMonitor
from mlprod.typing import Clock

__all__ = ["gather"]

T = TypeVar("T")

_STEPS: Final = 30  # of a chart: the days of a month
_LOOKS: Final = 8


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
    unread: dict[str, str] = {}

    def asked(what: str, question: Callable[[], T], nothing: T) -> T:
        try:
            return question()
        except MLProdError as error:
            unread[what] = str(error)
            return nothing

    versions = defaultdict[str, list[ModelMetadata]](list)
    for version in asked("models", models.list_models, list[ModelMetadata]()):
        versions[version.name].append(version)
    histories = asked("the history of models", models.histories, dict[str, list[ModelEvent]]())
    overviews = {
        each.model_id: each
        for each in asked(
            "what was recorded about models",
            lambda: monitor.get_overview(steps=_STEPS),
            list[ModelOverview](),
        )
    }
    alerts = asked("alerts", lambda: monitor.get_alert_history(evaluate=False), list[Alert]())
    active = defaultdict[str, list[Alert]](list)
    for alert in sorted(alerts, key=lambda each: each.severity != "critical"):
        if alert.is_active:
            active[alert.model_id].append(alert)
    reports = asked("reports of drift", detector.latest_reports, dict[str, DriftReport]())
    experiments = asked("experiments", lambda: manager.get_overview(steps=_LOOKS), list[ExperimentOverview]())
    return Snapshot(
        store=models.store.url,
        at=now(clock),
        models=tuple(
            ModelView(
                name=name,
                versions=tuple(versions[name]),
                events=tuple(histories.get(name, ())),
                overview=overviews.get(name),
                alerts=tuple(active[name]),
                drift=reports.get(name),
            )
            for name in sorted({*versions, *histories, *overviews, *reports, *active})
        ),
        experiments=tuple(experiments),
        alerts=tuple(alerts),
        unread=unread,
    )
