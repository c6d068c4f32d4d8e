"""From metrics to alerts: which thresholds are looked at, and who is told."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final, final

from mlprod._clock import to_datetime
from mlprod.monitoring import _streams
from mlprod.monitoring._aggregate import Rules
from mlprod.monitoring._alert_book import AlertBook, Observation
from mlprod.monitoring._alerting import Reading as Evidence
from mlprod.monitoring._metrics import evidence_of
from mlprod.monitoring._reader import BEGINNING, ModelReader
from mlprod.monitoring._subscribers import Subscribers
from mlprod.monitoring._threshold import AlertThreshold
from mlprod.monitoring._values import Alert, AlertState, ModelPerformanceMetrics
from mlprod.storage.journal import Reading

__all__ = ["Watch"]


@final
class Watch:
    """Looks at every version of a model by every threshold.

    Attributes:
        book: the alerts.
    """

    def __init__(
        self,
        book: AlertBook,
        thresholds: Sequence[AlertThreshold],
        rules: Rules,
        now_ns: Callable[[], int],
    ) -> None:
        """Take what is decided by; nothing is looked at yet."""
        self.book: Final = book
        self._subscribers = Subscribers()
        self._thresholds = thresholds
        self._rules = rules
        self._now_ns = now_ns

    def subscribe(
        self, callback: Callable[[Alert], object], states: Iterable[AlertState]
    ) -> Callable[[], None]:
        """Tell the callback of what happens from now on."""
        self.notify()  # to those who subscribed before
        return self._subscribers.add(callback, states)

    def observe(self, model_id: str, reading: Reading) -> None:
        """Decide what the thresholds say about a model."""
        if not self._thresholds:
            return
        observations: list[Observation] = []
        for version in _streams.versions_of(list(reading.parts), model_id):
            observations.extend(
                self._observations(ModelReader(reading, model_id, version, self._rules), model_id, version)
            )
        self.book.observe(observations)

    def notify(self) -> None:
        """Tell the subscribers of all changes since the last time, whoever decided them."""
        self._subscribers.notify(self.book.changes())

    def _observations(self, reader: ModelReader, model_id: str, version: str) -> Iterable[Observation]:
        last = reader.last
        now_ns = self._now_ns()
        found: dict[timedelta | None, tuple[ModelPerformanceMetrics, Mapping[str, int]]] = {}
        for threshold in self._thresholds:
            lookback = threshold.lookback
            if lookback not in found:
                since = BEGINNING if lookback is None else now_ns - round(lookback.total_seconds() * 1e9)
                found[lookback] = evidence_of(reader, since=since)
            metrics, samples = found[lookback]
            evidence = Evidence(
                float(getattr(metrics, threshold.metric)),
                samples[threshold.metric],
                None if last is None else to_datetime(last),
            )
            yield model_id, version, threshold, evidence
