"""`PerformanceMonitor`: records what models do, and answers how they do."""

import functools
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from mlprod._clock import aware, now, to_datetime, to_ns
from mlprod._facts import _checks
from mlprod._facts._compaction import compact
from mlprod._facts._owners import asked_of_each
from mlprod._facts._settings import configured, optional
from mlprod._keeper import Keeper
from mlprod._names import check_name, shorten
from mlprod.errors import InvalidConfigError, InvalidDataError, MLProdError
from mlprod.monitoring import _streams
from mlprod.monitoring._aggregate import Rules
from mlprod.monitoring._alert_book import AlertBook
from mlprod.monitoring._columns import prediction_table
from mlprod.monitoring._duration import Duration, as_duration
from mlprod.monitoring._features import feature_columns
from mlprod.monitoring._health import HealthThresholds, health_of
from mlprod.monitoring._metrics import history_of, metrics_of
from mlprod.monitoring._overview import ModelOverview, overviews_of
from mlprod.monitoring._period import Period, span_of
from mlprod.monitoring._reader import BEGINNING, END, ModelReader
from mlprod.monitoring._recorder import Recorder
from mlprod.monitoring._report import PerformanceReport
from mlprod.monitoring._reporting import report_of
from mlprod.monitoring._summary import domain_of
from mlprod.monitoring._threshold import DEFAULT_THRESHOLDS, AlertThreshold, as_thresholds
from mlprod.monitoring._values import Alert, AlertState, MetricsHistory, ModelHealth, ModelPerformanceMetrics
from mlprod.monitoring._watching import Watch
from mlprod.storage import StoreLike, join, resolve_store
from mlprod.storage.journal import MARK, Journal, Reading
from mlprod.typing import Clock

__all__ = ["PerformanceMonitor"]

T = TypeVar("T")

_log = logging.getLogger("mlprod.monitoring")

_NAN = float("nan")
_LARGEST = _checks.LARGEST
_MOST_STEPS = 100_000
_pack_prediction = _streams.PREDICTION.struct.pack_into


@final
class PerformanceMonitor:
    """Records predictions, outcomes and trades of models, and computes metrics, alerts and reports from them.

    On a local store, what was recorded outlives ``kill -9`` once the call has returned; on a remote
    one it is on this machine's disk by then, and is uploaded every half a minute, at `flush` and at
    exit. Any number of threads and processes may record about one model: metrics are over the events
    of all of them.

    Times are UTC. What is not known is NaN, and never raises an alert.

    Example:
        >>> monitor = PerformanceMonitor("memory://monitored")
        >>> monitor.record_prediction("har", "1.0.0", correct=True, confidence=0.82, latency_ms=5.3)
        >>> monitor.record_trade("har", "1.0.0", pnl=250.0, trade_id="t-1")
        >>> metrics = monitor.get_latest_metrics("har")
        >>> metrics.accuracy, metrics.total_pnl, metrics.win_rate
        (1.0, 250.0, 1.0)
    """

    def __init__(
        self,
        store: StoreLike | None = None,
        *,
        thresholds: Iterable[AlertThreshold | Mapping[str, Any]] | None = None,
        initial_capital: float | None = None,
        high_confidence: float = 0.7,
        accuracy_tolerance: float | None = None,
        trades_per_year: float | None = None,
        health: HealthThresholds | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Open a store; nothing is read or written yet, and no thread runs.

        Args:
            store: a URL, a path, a store, or None for the default.
            thresholds: what raises an alert, instead of `DEFAULT_THRESHOLDS`.
            initial_capital: equity before the first trade, in money; needed for `max_drawdown`.
            high_confidence: from which confidence on a prediction counts for `high_confidence_accuracy`.
            accuracy_tolerance: how far a predicted number may be off the actual one and still be correct,
                in its unit. None: numbers are not judged, only classes are (booleans, integers, texts).
            trades_per_year: to annualise the Sharpe ratio.
            health: where a model begins to be degraded and critical.
            clock: returns the time, timezone-aware.

        Raises:
            InvalidConfigError: if one of these cannot be.
        """
        self._store = resolve_store(store)
        self._clock = clock
        self._now_ns: Final = time.time_ns if clock is None else lambda: to_ns(now(clock))
        self._rules = Rules(
            high_confidence=configured(high_confidence, "high_confidence", high=1.0),
            accuracy_tolerance=optional(accuracy_tolerance, "accuracy_tolerance"),
            initial_capital=optional(initial_capital, "initial_capital", positive=True),
            trades_per_year=optional(trades_per_year, "trades_per_year", positive=True),
        )
        chosen = DEFAULT_THRESHOLDS if thresholds is None else as_thresholds(thresholds)
        if not isinstance(health, HealthThresholds | None):
            raise InvalidConfigError(f"health must be HealthThresholds, not {shorten(health)}")
        self._health = health or HealthThresholds.for_tolerance(self._rules.accuracy_tolerance)
        self._keeper = Keeper(self._tend, interval_seconds=1.0, name="mlprod-monitor")
        self._journal = Journal(self._store, clock=clock, on_open=self._keeper.start)
        self._recorder = Recorder(self._journal)
        self._predictions = self._recorder.predictions
        self._watch = Watch(AlertBook(self._store, clock=clock), chosen, self._rules, self._now_ns)
        self._ticks = 0

    def __repr__(self) -> str:
        """Show where it records."""
        return f"PerformanceMonitor({self._store.url!r})"

    def record_prediction(  # noqa: C901, PLR0912 - the hot path: a call for each field would double it
        self,
        model_id: str,
        version: str,
        event: Mapping[str, Any] | None = None,
        /,
        *,
        correct: bool | None = None,
        confidence: float | None = None,
        latency_ms: float | None = None,
        prediction: float | str | None = None,
        actual: float | str | None = None,
        prediction_id: str | int | None = None,
        error: bool = False,
        features: Mapping[str, Any] | None = None,
        timestamp: datetime | None = None,
    ) -> None:
        """Record one prediction, in about half the time of a counter and a histogram in memory.

        Args:
            model_id: the model; letters, digits, ``. _ -``.
            version: its version.
            event: the fields below as a mapping, in either spelling.
            correct: whether it was right. If not given, it follows from `prediction` and `actual`: for
                classes if they are equal, for numbers if they are within `accuracy_tolerance`.
            confidence: 0 to 1.
            latency_ms: how long it took, in milliseconds.
            prediction: the predicted value: a number, or a class (a boolean, an integer, a text).
            actual: what it turned out to be, if that is known already.
            prediction_id: by which `record_actual` finds it later.
            error: whether there was no prediction because something failed.
            features: what the model was asked, by name: numbers, texts, booleans or None.
            timestamp: when; now, if not given. Any time in the past will do, back to 1800.

        Raises:
            InvalidDataError: if a field cannot be; nothing was recorded then.
            InvalidNameError: if model or version cannot be part of a path.
            ClosedError: after `close`.
            StoreError: if there is no room for more; nothing was recorded then.
        """
        if event is not None:
            given = {
                "correct": correct,
                "confidence": confidence,
                "latency_ms": latency_ms,
                "prediction": prediction,
                "actual": actual,
                "prediction_id": prediction_id,
                "error": None if error is False else error,
                "features": features,
                "timestamp": timestamp,
            }
            self.record_prediction(model_id, version, **_checks.event_fields(event, given, given))
            return
        try:
            appender = self._predictions[model_id, version]
        except (KeyError, TypeError):
            appender = self._recorder.prediction(model_id, version)
        if confidence is None:
            confidence = _NAN
        elif confidence.__class__ is not float or not 0.0 <= confidence <= 1.0:
            confidence = _checks.confidence(confidence)
        if latency_ms is None:
            latency_ms = _NAN
        elif latency_ms.__class__ is not float or not 0.0 <= latency_ms <= _LARGEST:
            latency_ms = _checks.latency(latency_ms)
        if correct is None:
            flags = 0
        elif correct is True:
            flags = 3  # KNOWN | CORRECT
        elif correct is False:
            flags = 1  # KNOWN
        else:
            flags = _checks.verdict(correct)
        time_ns = self._now_ns()
        predicted = observed = _NAN
        observed_at = identity = 0
        log_features = None
        if (
            prediction is not None
            or actual is not None
            or prediction_id is not None
            or error is not False
            or features is not None
            or timestamp is not None
        ):
            if timestamp is not None:
                time_ns = _checks.moment(timestamp, time_ns)
            if _checks.failed(error):
                flags |= _checks.ERROR
            predicted, observed, kind = _checks.pair(prediction, actual)
            flags |= kind
            observed_at = 0 if actual is None else time_ns
            identity = 0 if prediction_id is None else _checks.identity(prediction_id, "prediction_id")
            if features is not None:
                writer = self._recorder.features(model_id, version)
                log_features = functools.partial(writer.append, time_ns, identity, writer.check(features))
        segment = appender.segment
        while (offset := next(segment.offsets, -1)) < 0:
            segment = appender.roll(segment)
        if log_features is not None:  # once there is room for the prediction; if this fails, it stays empty
            log_features()
        _pack_prediction(
            segment.buffer,
            offset,
            time_ns,
            confidence,
            latency_ms,
            predicted,
            observed,
            observed_at,
            identity,
            flags,
            MARK,
        )

    def record_predictions(self, model_id: str, version: str, **columns: Any) -> None:  # noqa: ANN401 - arrays
        """Record many predictions at once: all of them, or none.

        Args:
            model_id: the model.
            version: its version.
            **columns: arrays of shape ``(n,)``, or single values that hold for all: `correct`,
                `confidence`, `latency_ms`, `prediction`, `actual`, `prediction_id`, `error`, `timestamp`
                (``datetime64`` in UTC, or aware datetimes). A NaN in `actual` is one that is not known
                yet; elsewhere it is an error.

        Raises:
            InvalidDataError: if anything in them cannot be; nothing was recorded then.
            InvalidNameError: if model or version cannot be part of a path.
            ClosedError: after `close`.
            StoreError: if there is no room for more; nothing was recorded then.

        Example:
            >>> monitor = PerformanceMonitor("memory://in-batches")
            >>> monitor.record_predictions("har", "1.0.0", prediction=[1.0, 2.0], actual=[1.5, 1.5])
            >>> monitor.get_latest_metrics("har").mae
            0.5
        """
        stream = self._recorder.stream(_streams.predictions, model_id, version)
        table = prediction_table(columns, self._now_ns())
        self._journal.write(stream, table)
        self._keeper.start()

    def record_actual(
        self,
        model_id: str,
        prediction_id: str | int,
        actual: float | str,
        *,
        timestamp: datetime | None = None,
    ) -> None:
        """Record what a prediction turned out to be worth, whenever that is known: later, or even before.

        An outcome goes to all predictions of its id, e.g. to those of several versions side by side. One that
        is recorded under the same id after that may find the outcome gone, and then has none.

        Args:
            model_id: the model, of whichever version.
            prediction_id: as it was, or will be, recorded with the prediction.
            actual: the value. If several are recorded for one prediction, the latest stands.
            timestamp: when it became known; now, if not given.

        Raises:
            InvalidDataError: if a field cannot be; nothing was recorded then.
        """
        appender = self._recorder.actual(model_id)
        identity = _checks.identity(prediction_id, "prediction_id")
        value, flags = _checks.worth(actual, "actual")
        time_ns = self._now_ns()
        if timestamp is not None:
            time_ns = _checks.moment(timestamp, time_ns)
        appender.append(time_ns, value, identity, flags)

    def record_trade(
        self,
        model_id: str,
        version: str,
        event: Mapping[str, Any] | None = None,
        /,
        *,
        outcome: str | None = None,
        pnl: float | None = None,
        confidence: float | None = None,
        trade_id: str | int | None = None,
        symbol: str | None = None,
        side: str | None = None,
        timestamp: datetime | None = None,
    ) -> None:
        """Record one closed trade.

        Args:
            model_id: the model that decided it.
            version: its version.
            event: the fields below as a mapping, in either spelling.
            outcome: ``"win"``, ``"loss"`` or ``"breakeven"``; if not given, a positive P&L is a win.
            pnl: profit or loss, in money.
            confidence: 0 to 1.
            trade_id: a trade recorded twice under one id is counted once.
            symbol: what was traded, at most 200 characters.
            side: e.g. ``"BUY"``, at most 200 characters.
            timestamp: when it was closed; now, if not given.

        Raises:
            InvalidDataError: if a field cannot be, or neither `outcome` nor `pnl` is given.
        """
        if event is not None:
            given = {
                "outcome": outcome,
                "pnl": pnl,
                "confidence": confidence,
                "trade_id": trade_id,
                "symbol": symbol,
                "side": side,
                "timestamp": timestamp,
            }
            self.record_trade(model_id, version, **_checks.event_fields(event, given, given))
            return
        if outcome is None and pnl is None:
            raise InvalidDataError("a trade needs its pnl, or its outcome; nothing was recorded")
        appender = self._recorder.trade(model_id, version)
        time_ns = self._now_ns()
        appender.append(
            time_ns if timestamp is None else _checks.moment(timestamp, time_ns),
            _NAN if pnl is None else _checks.number(pnl, "pnl"),
            _NAN if confidence is None else _checks.confidence(confidence),
            0 if trade_id is None else _checks.identity(trade_id, "trade_id"),
            _checks.text(symbol, "symbol"),
            _checks.text(side, "side"),
            _checks.outcome_flags(outcome),
        )

    def record_drift(
        self,
        model_id: str,
        version: str,
        event: Mapping[str, Any] | None = None,
        /,
        *,
        feature_drift: float | None = None,
        prediction_drift: float | None = None,
        performance_drift: float | None = None,
        timestamp: datetime | None = None,
    ) -> None:
        """Record how far the world has moved; the latest score of each kind counts.

        Args:
            model_id: the model.
            version: its version.
            event: the fields below as a mapping, in either spelling.
            feature_drift: of its inputs; not negative.
            prediction_drift: of its outputs; not negative.
            performance_drift: of its errors; not negative.
            timestamp: when it was measured; now, if not given.

        Raises:
            InvalidDataError: if a score cannot be, or there is none.
        """
        scores = {
            "feature_drift": feature_drift,
            "prediction_drift": prediction_drift,
            "performance_drift": performance_drift,
        }
        if event is not None:
            given = {**scores, "timestamp": timestamp}
            self.record_drift(model_id, version, **_checks.event_fields(event, given, given))
            return
        if all(score is None for score in scores.values()):
            raise InvalidDataError(
                f"there is no score: give one of {', '.join(scores)}; nothing was recorded"
            )
        appender = self._recorder.drift(model_id, version)
        time_ns = self._now_ns()
        appender.append(
            time_ns if timestamp is None else _checks.moment(timestamp, time_ns),
            *(
                _NAN if score is None else _checks.number(score, name, low=0)
                for name, score in scores.items()
            ),
        )

    def get_latest_metrics(
        self, model_id: str, version: str | None = None, *, window: Duration | None = None
    ) -> ModelPerformanceMetrics:
        """Return the metrics over what all processes have recorded.

        Args:
            model_id: the model.
            version: one version; None for all of them together.
            window: how far back, e.g. ``"15m"``, ``"24h"``, a `timedelta` or seconds; None for everything.

        Returns:
            The metrics; what has no data is NaN.
        """
        since = BEGINNING if window is None else self._now_ns() - _ns(window, "a window")
        return self._ask(
            model_id,
            version,
            lambda reader: metrics_of(reader, since=since),
        )

    def get_metrics_history(
        self,
        model_id: str,
        version: str | None = None,
        *,
        step: Duration = "1h",
        since: datetime | Duration | None = None,
    ) -> MetricsHistory:
        """Return the metrics of consecutive steps of time, as columns.

        Args:
            model_id: the model.
            version: one version; None for all of them together.
            step: how long a step is, e.g. ``"1h"``.
            since: where the first step begins: a time, or how long ago; None for the first record. Unless
                it is a time, steps begin at multiples of the step since 1970, UTC.

        Raises:
            InvalidConfigError: if that would be more than 100,000 steps.
        """
        step_ns = _ns(step, "a step")
        now_ns = self._now_ns()
        begin = None if since is None else self._begin(since, step_ns)

        def ask(reader: ModelReader) -> MetricsHistory:
            first = now_ns if reader.first is None else reader.first
            last = now_ns if reader.last is None else max(now_ns, reader.last)
            start = first // step_ns * step_ns if begin is None else begin
            return history_of(reader, _edges(start, last, step_ns))

        return self._ask(model_id, version, ask)

    def get_features(
        self, model_id: str, version: str | None = None, *, window: Duration | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return the features that were recorded with predictions, in time order.

        Args:
            model_id: the model.
            version: one version; None for all of them together.
            window: how far back; None for everything.

        Returns:
            By name an array of shape ``(n,)``: float64 (NaN where missing), or objects for texts (None where
            missing). ``"time"`` is ``datetime64[ns]``, UTC.
        """
        stream = _streams.features(
            check_name(model_id, "a model id"), None if version is None else check_name(version, "a version")
        )
        since = BEGINNING if window is None else self._now_ns() - _ns(window, "a window")

        def ask(reading: Reading) -> dict[str, NDArray[Any]]:
            return feature_columns([part for parts in reading.parts.values() for part in parts], since, END)

        return self._journal.query(stream, ask)

    def get_overview(
        self,
        *,
        window: Duration = "30d",
        steps: int = 30,
        alerts: Sequence[Alert] | None = None,
        acting: Mapping[str, str] | None = None,
        on_unreadable: Callable[[str, str], object] | None = None,
    ) -> list[ModelOverview]:
        """Return how all models do, in one pass over the store; nothing is written.

        Alerts are as they were decided last: no threshold is looked at.

        Args:
            window: how far back each history goes; to the first record where that is later. Of a model
                that recorded nothing in it, the history is over everything recorded.
            steps: how many steps a history has, about.
            alerts: those that count for health; None: those that are active.
            acting: the version in production of each model. Its health is by that alone, if that recorded
                anything in the last day; else, or without this, by all versions together.
            on_unreadable: told of each file that cannot be read, by model and why; the model is shown without
                it, or left out where that cannot be. None: a model that cannot be shown is an error.

        Returns:
            One for each model that recorded anything, by name.
        """
        lookback = as_duration(window, "a window")
        if not 1 <= steps <= _MOST_STEPS:
            raise InvalidConfigError(f"steps must be 1 to {_MOST_STEPS:,}, not {shorten(steps)}")
        active = self._watch.book.active() if alerts is None else alerts
        moment = now(self._clock)

        def overviews(readings: Mapping[str, Reading]) -> list[ModelOverview]:
            return overviews_of(
                readings,
                self._store,
                self._rules,
                self._health,
                active,
                acting=acting or {},
                now=moment,
                window=lookback,
                steps=steps,
            )

        return asked_of_each(self._journal, _streams.ROOT, overviews, on_unreadable)

    def get_active_alerts(self, model_id: str | None = None, *, evaluate: bool = True) -> list[Alert]:
        """Look at all thresholds now, and return the alerts that are firing or acknowledged.

        Args:
            model_id: one model; None for all.
            evaluate: whether to look; if not, alerts are as they were decided last, and nothing is written.

        Returns:
            Critical ones first, then the oldest first.
        """
        self._looked_at(model_id, evaluate=evaluate)
        return self._watch.book.active(model_id)

    def get_pending_alerts(self, model_id: str | None = None, *, evaluate: bool = True) -> list[Alert]:
        """Return what will be an alert if it lasts for the `for_seconds` of its threshold; nobody was told.

        Args:
            model_id: one model; None for all.
            evaluate: whether to look at all thresholds first; if not, nothing is written.

        Returns:
            The oldest first.
        """
        self._looked_at(model_id, evaluate=evaluate)
        return self._watch.book.pending(model_id)

    def get_alert_history(self, model_id: str | None = None, *, evaluate: bool = True) -> list[Alert]:
        """Return all alerts that ever fired, active and resolved, the oldest first.

        Args:
            model_id: one model; None for all.
            evaluate: whether to look at all thresholds first; if not, nothing is written.
        """
        self._looked_at(model_id, evaluate=evaluate)
        return self._watch.book.history(model_id)

    def acknowledge_alert(self, alert_id: str, *, by: str = "", note: str = "") -> Alert:
        """Say that somebody knows; the alert stays until the condition ends.

        Args:
            alert_id: its id.
            by: who knows.
            note: anything worth telling the others.

        Raises:
            AlertNotFoundError: if there is none of that id.
        """
        alert = self._watch.book.acknowledge(alert_id, by=by, note=note)
        self._watch.notify()
        return alert

    def on_alert(
        self, callback: Callable[[Alert], object], *, states: Iterable[AlertState] = ("firing",)
    ) -> Callable[[], None]:
        """Have a function called with every alert that begins to fire, whichever process found it.

        Every process that subscribes is told of every alert once, because each may have something of
        its own to stop. The calls come from a background thread, or from within `get_active_alerts`,
        never from within a ``record_…`` call; one that raises is logged, and the others still run.

        Args:
            callback: takes the alert.
            states: of which changes to tell: any of firing, acknowledged, resolved.

        Returns:
            What unsubscribes.
        """
        unsubscribe = self._watch.subscribe(callback, states)
        self._keeper.start()
        return unsubscribe

    def generate_report(
        self, model_id: str, period: Period = "daily", *, version: str | None = None, at: date | None = None
    ) -> PerformanceReport:
        """Return how a model did in a period, against the period before.

        Args:
            model_id: the model.
            period: hourly, daily, weekly or monthly.
            version: one version; None for all of them together.
            at: a day or moment in the calendar period (UTC) that is meant; None for the last hour, 24
                hours, 7 days or 30 days.
        """
        if version is not None:
            check_name(version, "a version")
        self._evaluate((check_name(model_id, "a model id"),))
        moment = now(self._clock)
        span = span_of(period, moment, at)
        # An alert that fired at this very moment belongs to a period that ends now.
        until = span.until + (span.until == moment) * timedelta.resolution
        found = self._watch.book.overlapping(model_id, span.since, until)
        alerts = [alert for alert in found if version in {None, alert.version}]
        return self._journal.query(
            join(_streams.ROOT, model_id),
            lambda reading: report_of(
                reading, model_id, version, self._rules, period=period, span=span, alerts=alerts, now=moment
            ),
        )

    def get_model_health(self, model_id: str) -> ModelHealth:
        """Return whether a model is fit to act, and why not: by the last 24 hours and its active alerts.

        It is judged by what was recorded, of whichever versions, all of them together; scores of drift are
        those given to `record_drift`. Which version the registry has in production is not looked at: the
        dashboard does, and says when what was recorded is of another one.

        Args:
            model_id: the model.
        """
        alerts = self.get_active_alerts(model_id)
        moment = now(self._clock)
        since = to_ns(moment - timedelta(days=1))
        metrics, last = self._ask(
            model_id, None, lambda reader: (metrics_of(reader, since=since), reader.last_acted)
        )
        at = None if last is None else to_datetime(last)
        return health_of(metrics, alerts, self._health, moment, last=at)

    def compact(self, model_id: str) -> bool:
        """Merge what closed or dead processes recorded into few files; done in the background anyway.

        Returns:
            Whether there was anything to do.
        """
        return compact(self._journal, domain_of(check_name(model_id, "a model id"), self._rules))

    def flush(self) -> None:
        """Bring everything recorded so far into the store, and the store to its disk.

        Raises:
            StoreError: if that fails; nothing is lost, and the next flush tries again.
        """
        self._journal.recover()
        self._journal.flush()

    def close(self) -> None:
        """Flush, and record no more; reading goes on. Closing twice is fine."""
        self._keeper.stop()
        self._journal.close()
        self._compact_all()

    def __enter__(self) -> "PerformanceMonitor":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _ask(self, model_id: str, version: str | None, question: Callable[[ModelReader], T]) -> T:
        check_name(model_id, "a model id")
        if version is not None:
            check_name(version, "a version")
        return self._journal.query(
            join(_streams.ROOT, model_id),
            lambda reading: question(ModelReader(reading, model_id, version, self._rules)),
        )

    def _begin(self, since: datetime | Duration, step_ns: int) -> int:
        """Return where a history begins."""
        if isinstance(since, datetime):
            return to_ns(aware(since, "since"))
        return (self._now_ns() - _ns(since, "since")) // step_ns * step_ns

    def _all_models(self) -> tuple[str, ...]:
        names = (stream.split("/")[1] for stream in self._journal.streams(_streams.ROOT))
        return tuple(dict.fromkeys(names))

    def _looked_at(self, model_id: str | None, *, evaluate: bool) -> None:
        """Look at the thresholds of one model, or of all, if that is wanted."""
        chosen = None if model_id is None else check_name(model_id, "a model id")
        if evaluate:
            self._evaluate(self._all_models() if chosen is None else (chosen,))

    def _evaluate(self, models: Iterable[str]) -> None:
        for model_id in models:
            observe = functools.partial(self._watch.observe, model_id)
            self._journal.query(join(_streams.ROOT, model_id), observe)
        self._watch.notify()

    def _tend(self) -> None:
        """Do what must be done now and then; called every second by the keeper."""
        self._ticks += 1
        self._journal.tend()
        if self._ticks % 10 == 0:
            self._evaluate(self._recorder.models or self._all_models())
        if self._ticks % 30 == 0:
            self.flush()
        if self._ticks % 60 == 0:
            self._compact_all()

    def _compact_all(self) -> None:
        """Compact what this process recorded; nothing is lost where that is not possible."""
        for model_id in self._recorder.models:
            try:
                self.compact(model_id)
            except MLProdError as error:
                _log.warning("the journal of %s was not compacted: %s", model_id, error)

    acknowledgeAlert = acknowledge_alert
    generateReport = generate_report
    getActiveAlerts = get_active_alerts
    getAlertHistory = get_alert_history
    getFeatures = get_features
    getLatestMetrics = get_latest_metrics
    getMetricsHistory = get_metrics_history
    getModelHealth = get_model_health
    getOverview = get_overview
    getPendingAlerts = get_pending_alerts
    onAlert = on_alert
    recordActual = record_actual
    recordDrift = record_drift
    recordPrediction = record_prediction
    recordPredictions = record_predictions
    recordTrade = record_trade


def _ns(duration: object, what: str) -> int:
    return round(as_duration(duration, what).total_seconds() * 1e9)


def _edges(start: int, last: int, step_ns: int) -> NDArray[np.int64]:
    """Return where steps begin, from the start to beyond the last moment, and where the last one ends."""
    steps = max(1, (last - start) // step_ns + 1)
    if steps > _MOST_STEPS:
        raise InvalidConfigError(
            f"{steps:,} steps are more than {_MOST_STEPS:,}; take longer steps, or begin later"
        )
    return start + np.arange(steps + 1, dtype=np.int64) * step_ns
