"""`ABTestingManager`: experiments on live traffic, whose verdicts can be believed."""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, final, get_args

import numpy as np
from numpy.typing import NDArray

from mlprod._clock import now, to_ns
from mlprod._facts import _checks
from mlprod._facts._compaction import compact
from mlprod._facts._settings import configured
from mlprod._keeper import Keeper
from mlprod._names import check_name, check_text, known, shorten
from mlprod.errors import ExperimentStateError, InvalidConfigError, InvalidDataError, MLProdError
from mlprod.experiments import _decisions, _fields, _streams
from mlprod.experiments._audit import Audit, audit_of
from mlprod.experiments._book import ExperimentBook
from mlprod.experiments._config import ExperimentConfig, as_config
from mlprod.experiments._judge import Judge
from mlprod.experiments._measuring import Prediction, measured_prediction
from mlprod.experiments._metrics import metrics_of
from mlprod.experiments._planning import planned_power, planned_sample_size
from mlprod.experiments._progress import ExperimentOverview
from mlprod.experiments._reader import domain_of
from mlprod.experiments._recorder import RETURNS, WIN, Recorder
from mlprod.experiments._routing import Outside, Route, route_of
from mlprod.experiments._standing import Standing
from mlprod.experiments._values import (
    CONTROL,
    Experiment,
    ExperimentAnalysis,
    ExperimentConclusion,
    ExperimentStatus,
    Variant,
    VariantMetrics,
    variant_ids,
)
from mlprod.experiments._watching import Watcher
from mlprod.models import ModelMetadata, ModelRef, ModelSerializer
from mlprod.storage import StoreLike, resolve_store
from mlprod.storage.journal import MARK, Journal
from mlprod.typing import Clock

__all__ = ["ABTestingManager"]

_log = logging.getLogger("mlprod.experiments")

_NAN = float("nan")
_LARGEST = _checks.LARGEST
_MOST_VARIANTS = 64
_MOST_STEPS = 10_000
_REMOTE_SECONDS = 5  # each look at a bucket is a request that somebody pays for
_LONGEST_NAME, _LONGEST_TEXT = 256, 4096
_pack_trade = _streams.TRADE.struct.pack_into


@final
class ABTestingManager:
    """Runs experiments: gives units their variants, records what follows, and says what it shows.

    The split of traffic, the start and the end of an experiment are decisions in a ledger; what happens
    in it are facts in a journal, which outlive ``kill -9``. Any number of processes may take part: each hears
    of decisions of the others within a second (five on a remote store), or at the next call that asks about
    the experiment.

    To look at an analysis at any time is safe: its verdict is valid however often one looks.

    Example:
        >>> manager = ABTestingManager("memory://compared")
        >>> experiment = manager.create_experiment(
        ...     "Momentum against HAR", "", "har@1.0.0", "momentum@1.0.0", check_models=False, id="m-vs-h"
        ... )
        >>> manager.start_experiment("m-vs-h").status
        'running'
        >>> variant = manager.get_variant("m-vs-h", "account-7")
        >>> manager.record_trade("m-vs-h", variant.id, id="t-1", symbol="BTCUSDT", side="BUY", pnl=150.0)
        >>> manager.get_metrics("m-vs-h")[variant.id].total_pnl
        150.0
        >>> manager.end_experiment("m-vs-h").winner
        'inconclusive'
    """

    def __init__(self, store: StoreLike | None = None, *, clock: Clock | None = None) -> None:
        """Open a store; nothing is read or written yet, and no thread runs.

        Args:
            store: a URL, a path, a store, or None for the default.
            clock: returns the time, timezone-aware.
        """
        self._store = resolve_store(store)
        self._clock = clock
        self._models = ModelSerializer(self._store, clock=clock)
        self._now_ns: Final = time.time_ns if clock is None else lambda: to_ns(now(clock))
        is_remote = self._store.guarantees().durable and self._store.local_path("experiments") is None
        self._interval: Final = _REMOTE_SECONDS if is_remote else 1
        self._keeper = Keeper(self._tend, interval_seconds=self._interval, name="mlprod-experiments")
        self._journal = Journal(self._store, clock=clock, on_open=self._keeper.start)
        self._book = ExperimentBook(self._store, clock=clock)
        self._judge = Judge(self._book, self._journal, clock)
        self._standing = Standing()
        self._routes = self._standing.routes
        self._recorders = self._standing.recorders
        self._watchers = self._standing.watchers
        self._recorded: dict[str, None] = {}
        self._seconds = 0

    def __repr__(self) -> str:
        """Show where its experiments lie."""
        return f"ABTestingManager({self._store.url!r})"

    def create_experiment(
        self,
        name: str,
        description: str,
        control_model: ModelRef,
        treatment_model: ModelRef | Sequence[ModelRef],
        config: ExperimentConfig | Mapping[str, Any] | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the word users look for
        check_models: bool = True,
    ) -> Experiment:
        """Draw up an experiment; it begins with `start_experiment`.

        Args:
            name: free text.
            description: free text.
            control_model: the model that acts now. A reference such as ``"har"`` or ``"har@production"`` is
                resolved now: what the experiment compares does not change when others promote.
            treatment_model: the model to compare it with, or several.
            config: how it is run; a mapping of its fields will do, in either spelling.
            id: by which it is found; made from the name if not given.
            check_models: whether the models must be in the store.

        Raises:
            ConflictError: if there is an experiment of that id already.
            InvalidConfigError: if the configuration makes no sense, or two variants are the same model.
            InvalidNameError: if the id cannot be part of a path.
            ModelNotFoundError: if a model is not in the store.
        """
        check_text(name, "the name of an experiment", limit=_LONGEST_NAME)
        check_text(description, "the description", limit=_LONGEST_TEXT)
        refs = (control_model, *_treatments(treatment_model))
        models = [self._model(ref, is_checked=check_models) for ref in refs]
        if len(set(models)) < len(models):
            raise InvalidConfigError(
                f"every variant must be another model, not {', '.join(models)}; `audit` "
                "tells how an experiment without a difference does"
            )
        created = self._book.create(
            _made_id(name) if id is None else check_name(id, "an experiment id"),
            name=name,
            description=description,
            models=dict(zip(variant_ids(len(models)), models, strict=True)),
            config=as_config(config, len(models)),
        )
        return self._noticed(created)

    def start_experiment(self, id: str) -> Experiment:  # noqa: A002
        """Begin to assign units.

        Raises:
            ExperimentStateError: if it was started before.
        """
        return self._noticed(self._book.decide(id, _decisions.start))

    def pause_experiment(self, id: str, *, reason: str = "") -> Experiment:  # noqa: A002
        """Give everybody the control until `resume_experiment`; what is open may still be recorded."""
        check_text(reason, "the reason", limit=_LONGEST_TEXT)
        self.get_experiment(id)  # one whose time is over is not paused, it ends
        return self._noticed(self._book.decide(id, lambda found: _decisions.pause(found, reason)))

    def resume_experiment(self, id: str) -> Experiment:  # noqa: A002
        """Go on after a pause; units get the variants that they had."""
        return self._noticed(self._book.decide(id, _decisions.resume))

    def set_traffic(
        self,
        id: str,  # noqa: A002
        split: Sequence[float] | None = None,
        *,
        allocation: float | None = None,
        reason: str = "",
    ) -> Experiment:
        """Split the traffic in another way, e.g. to ramp up; as few units as possible change their variant.

        Args:
            id: the experiment.
            split: the share of each variant, the control's first; None leaves it.
            allocation: the share of units that take part at all; None leaves it.
            reason: why.
        """
        check_text(reason, "the reason", limit=_LONGEST_TEXT)
        share = None if allocation is None else configured(allocation, "allocation", high=1.0)
        self.get_experiment(id)  # one whose time is over ends
        return self._noticed(
            self._book.decide(id, lambda found: _decisions.set_traffic(found, split, share, reason))
        )

    def get_experiment(self, id: str) -> Experiment:  # noqa: A002
        """Return an experiment as it stands; one whose time is over is ended first.

        Raises:
            ExperimentNotFoundError: if there is none of that id.
        """
        return self._settled(self._book.find(id))

    def list_experiments(self, status: ExperimentStatus | None = None) -> list[Experiment]:
        """Return all experiments, or those of one status, the oldest first.

        Raises:
            InvalidConfigError: if there is no such status.
        """
        if status is not None and status not in get_args(ExperimentStatus):
            raise InvalidConfigError(
                f"{shorten(status)} is no status; {known(get_args(ExperimentStatus), status)}"
            )
        found = [self._settled(experiment) for experiment in self._book.all().values()]
        return [experiment for experiment in found if status in {None, experiment.status}]

    def get_overview(
        self, *, steps: int = 12, on_unreadable: Callable[[str, str], object] | None = None
    ) -> list[ExperimentOverview]:
        """Return how all experiments stand, in one pass over the store, the oldest first.

        Nothing is decided and nothing is written: an experiment whose time is over is left to the next
        call that asks about it alone.

        Args:
            steps: at how many moments the lift is shown.
            on_unreadable: told of each file that cannot be read, by experiment and why, or of what concerns
                all, by an empty name; the experiment is shown without it. None: that is an error.
        """
        if not 1 <= steps <= _MOST_STEPS:
            raise InvalidConfigError(f"steps must be 1 to {_MOST_STEPS:,}, not {shorten(steps)}")
        return self._judge.overviews(self._store, steps=steps, on_unreadable=on_unreadable)

    def get_variant(
        self,
        id: str,  # noqa: A002
        unit_id: str | bytes | int,
        context: Mapping[str, Any] | None = None,
    ) -> Variant:
        """Return the variant of a unit: the same in every process, until the traffic is split anew.

        Before the start and during a pause everybody gets the control, after the end the winner; nobody is
        enrolled then.

        Args:
            id: the experiment.
            unit_id: who gets it: an account, a symbol, a session; text, bytes or an integer.
            context: what is known of the unit, to see if it belongs to the ``audience`` of the experiment.

        Raises:
            ExperimentNotFoundError: if there is none of that id.
            InvalidDataError: if the unit has no id, or a very long one.
        """
        try:
            route = self._routes[id]
        except (KeyError, TypeError):
            route = self._route(id)
        return route.variant(unit_id, context)

    def assign(self, id: str, unit_ids: Iterable[Any]) -> NDArray[np.intp]:  # noqa: A002
        """Return the variants of many units at once, as `get_variant` gives them without a context.

        Args:
            id: the experiment.
            unit_ids: text, bytes or integers; shape ``(n,)``.

        Returns:
            Numbers of variants, in the order of `Experiment.variants`, -1 for units that are not enrolled;
            shape ``(n,)``.
        """
        route = self._routes.get(id) if isinstance(id, str) else None
        return (route or self._route(id)).indices(unit_ids)

    def record_prediction(
        self,
        experiment_id: str,
        variant_id: str,
        event: Mapping[str, Any] | None = None,
        /,
        *,
        symbol: str | None = None,
        direction: str | int | None = None,
        confidence: float | None = None,
        prediction: float | str | None = None,
        actual: float | str | None = None,
        prediction_id: str | int | None = None,
        correct: bool | None = None,
        latency_ms: float | None = None,
        unit_id: str | int | None = None,
        covariate: float | None = None,
        timestamp: datetime | None = None,
    ) -> None:
        """Record a prediction.

        Args:
            experiment_id: the experiment.
            variant_id: `Variant.id` as `get_variant` gave it; what is recorded of a unit that is not enrolled
                is not counted.
            event: the fields below as a mapping, in either spelling.
            symbol: what it is about, at most 200 characters.
            direction: ``"LONG"``, ``"SHORT"``, ``"FLAT"``, or 1, -1, 0.
            confidence: 0 to 1.
            prediction: the predicted value: a number, or a class (a boolean, an integer, a text).
            actual: what it turned out to be, if that is known already.
            prediction_id: by which `record_actual` finds it later.
            correct: whether it was right. If not given, it follows from `prediction` and `actual` for
                classes, from `direction` and the sign of `actual` otherwise.
            latency_ms: how long it took, in milliseconds.
            unit_id: the unit. With one on every record, outcomes of a unit may depend on each other.
            covariate: a number that was known before the variant had any effect, and explains part of
                the outcome: differences become surer (CUPED).
            timestamp: when; now, if not given.

        Raises:
            ExperimentStateError: if the experiment was not started, or has ended, or has no such variant.
            InvalidDataError: if a field cannot be; nothing was recorded then.
        """
        if event is not None:
            given = {
                "symbol": symbol,
                "direction": direction,
                "confidence": confidence,
                "prediction": prediction,
                "actual": actual,
                "prediction_id": prediction_id,
                "correct": correct,
                "latency_ms": latency_ms,
                "unit_id": unit_id,
                "covariate": covariate,
                "timestamp": timestamp,
            }
            self.record_prediction(experiment_id, variant_id, **_checks.event_fields(event, given, given))
            return
        recorder = self._recorder(experiment_id, variant_id)
        if recorder is None:
            return
        if recorder.is_shadow:
            raise _is_shadow(experiment_id)
        time_ns = self._now_ns()
        if timestamp is not None:
            time_ns = _checks.moment(timestamp, time_ns)
        predicted, observed, flags = _checks.pair(prediction, actual)
        if correct is not None:
            flags |= _checks.verdict(correct)
        signal = _fields.signal(direction)
        sure = _NAN if confidence is None else _checks.confidence(confidence)
        latency = _NAN if latency_ms is None else _checks.latency(latency_ms)
        recorder.predictions.append(
            time_ns,
            sure,
            latency,
            predicted,
            _fields.optional_number(covariate, "covariate"),
            observed,
            0 if actual is None else time_ns,
            0 if prediction_id is None else _checks.identity(prediction_id, "prediction_id"),
            0 if unit_id is None else _checks.identity(unit_id, "unit_id"),
            _checks.text(symbol, "symbol"),
            signal,
            flags,
            recorder.variant,
            recorder.phase,
        )
        for name, tally in recorder.prediction_tallies:
            value = measured_prediction(name, Prediction(predicted, observed, signal, flags, sure, latency))
            if value == value:  # noqa: PLR0124 - not NaN
                tally.add(recorder.variant, value)

    def record_actual(
        self,
        id: str,  # noqa: A002
        prediction_id: str | int,
        actual: float | str,
        *,
        timestamp: datetime | None = None,
    ) -> None:
        """Record what a prediction turned out to be worth, whenever that is known: later, or even before.

        Args:
            id: the experiment.
            prediction_id: as it was, or will be, recorded with the prediction.
            actual: the value. If several are recorded for one prediction, the latest stands.
            timestamp: when it became known; now, if not given.

        Raises:
            ExperimentStateError: if the experiment was not started, or has ended.
            InvalidDataError: if a field cannot be; nothing was recorded then.
        """
        recorder = self._recorder(id, CONTROL)  # it names its prediction, which knows its variant
        if recorder is None:  # pragma: no cover - the control takes part
            return
        identity = _checks.identity(prediction_id, "prediction_id")
        value, flags = _checks.worth(actual, "actual")
        time_ns = self._now_ns()
        if timestamp is not None:
            time_ns = _checks.moment(timestamp, time_ns)
        recorder.actuals.append(time_ns, value, identity, flags)

    def record_trade(  # noqa: C901, PLR0912 - the hot path
        self,
        experiment_id: str,
        variant_id: str,
        event: Mapping[str, Any] | None = None,
        /,
        *,
        id: str | int | None = None,  # noqa: A002 - the word users look for
        symbol: str | None = None,
        side: str | None = None,
        pnl: float | None = None,
        returns: float | None = None,
        unit_id: str | int | None = None,
        covariate: float | None = None,
        timestamp: datetime | None = None,
    ) -> None:
        """Record a closed trade.

        If that shows a treatment to be worse beyond doubt, it has lost its units when this returns (unless
        ``auto_stop_on_degradation`` is off).

        Args:
            experiment_id: the experiment.
            variant_id: `Variant.id` as `get_variant` gave it; what is recorded of a unit that is not enrolled
                is not counted.
            event: the fields below as a mapping, in either spelling.
            id: a trade recorded twice under one id is counted once.
            symbol: what was traded, at most 200 characters.
            side: e.g. ``"BUY"``, at most 200 characters.
            pnl: profit or loss, in money; a profit is a win.
            returns: the return, as a fraction.
            unit_id: the unit; see `record_prediction`.
            covariate: see `record_prediction`.
            timestamp: when it was closed; now, if not given.

        Raises:
            ExperimentStateError: if the experiment was not started, or has ended, or has no such variant.
            InvalidDataError: if a field cannot be; nothing was recorded then.
            ClosedError: after `close`.
            StoreError: if there is no room for more; nothing was recorded then.
        """
        if event is not None:
            given = {
                "id": id,
                "symbol": symbol,
                "side": side,
                "pnl": pnl,
                "returns": returns,
                "unit_id": unit_id,
                "covariate": covariate,
                "timestamp": timestamp,
            }
            self.record_trade(experiment_id, variant_id, **_checks.event_fields(event, given, given))
            return
        try:
            recorder = self._recorders[experiment_id, variant_id]
            if variant_id.__class__ is not str:
                raise KeyError  # noqa: TRY301 - equal to the id of the control, yet not enrolled
        except (KeyError, TypeError):
            found = self._recorder(experiment_id, variant_id)
            if found is None:
                return
            recorder = found
        if recorder.is_shadow:
            raise _is_shadow(experiment_id)
        if pnl is None or pnl.__class__ is not float or not -_LARGEST <= pnl <= _LARGEST:
            if pnl is None and returns is None:
                raise InvalidDataError("a trade must have a pnl, or returns; nothing was recorded")
            pnl = _fields.optional_number(pnl, "pnl")
        gained = _NAN if returns is None else _checks.number(returns, "returns")
        explained = _NAN if covariate is None else _checks.number(covariate, "covariate")
        trade_id = 0 if id is None else _checks.identity(id, "id")
        unit = 0 if unit_id is None else _checks.identity(unit_id, "unit_id")
        time_ns = self._now_ns()
        if timestamp is not None:
            time_ns = _checks.moment(timestamp, time_ns)
        appender = recorder.trades
        while True:
            segment = appender.segment
            try:
                codes = segment.codes
                symbol_code, side_code = codes[symbol], codes[side]
            except (KeyError, TypeError):  # texts that this segment has not met, or no texts at all
                appender.append(
                    time_ns,
                    pnl,
                    gained,
                    explained,
                    trade_id,
                    unit,
                    _checks.text(symbol, "symbol"),
                    _checks.text(side, "side"),
                    recorder.variant,
                    recorder.phase,
                )
                break
            if (offset := next(segment.offsets, -1)) >= 0:
                _pack_trade(
                    segment.buffer,
                    offset,
                    time_ns,
                    pnl,
                    gained,
                    explained,
                    trade_id,
                    unit,
                    symbol_code,
                    side_code,
                    recorder.variant,
                    recorder.phase,
                    MARK,
                )
                break
            appender.roll(segment)
        for what, add in recorder.trade_tallies:
            value = gained if what == RETURNS else pnl
            if value == value:  # noqa: PLR0124 - not NaN
                add(recorder.variant, value > 0 if what == WIN else value)

    def record_metric(
        self,
        id: str,  # noqa: A002
        variant_id: str,
        metric: str,
        value: float,
        *,
        unit_id: str | int | None = None,
        covariate: float | None = None,
        timestamp: datetime | None = None,
    ) -> None:
        """Record a number of the application's own: slippage, fill ratio, whatever matters.

        Args:
            id: the experiment.
            variant_id: `Variant.id` as `get_variant` gave it.
            metric: its name; letters, digits, ``. _ -``, none of the built-in ones.
            value: a finite number.
            unit_id: the unit; see `record_prediction`.
            covariate: see `record_prediction`.
            timestamp: when; now, if not given.

        Raises:
            ExperimentStateError: if the experiment was not started, or has ended, or has no such variant.
            InvalidDataError: if a field cannot be; nothing was recorded then.
        """
        recorder = self._recorder(id, variant_id)
        if recorder is None:
            return
        number = _checks.number(value, metric if isinstance(metric, str) else "value")
        time_ns = self._now_ns()
        if timestamp is not None:
            time_ns = _checks.moment(timestamp, time_ns)
        recorder.custom(metric).append(
            time_ns,
            number,
            _fields.optional_number(covariate, "covariate"),
            0 if unit_id is None else _checks.identity(unit_id, "unit_id"),
            recorder.variant,
            recorder.phase,
        )
        tally = recorder.tallies.get(metric)
        if tally is not None:
            tally.add(recorder.variant, number)

    def record_shadow(
        self,
        id: str,  # noqa: A002
        scores: Mapping[str, Mapping[str, Any]],
        *,
        actual: float | str | None = None,
        prediction_id: str | int | None = None,
        symbol: str | None = None,
        timestamp: datetime | None = None,
    ) -> None:
        """Record what all models said of one unit, while the control acted: a paired comparison.

        It needs far fewer units than a split, because what is common to the models cancels.

        Args:
            id: an experiment whose ``mode`` is ``"shadow"``.
            scores: by variant id a mapping of `prediction`, `confidence`, `latency_ms`, `direction`,
                `correct`, and `pnl` (for the models that did not act: what it would have been).
            actual: what it turned out to be, if that is known already.
            prediction_id: by which `record_actual` finds it later.
            symbol: what it is about, at most 200 characters.
            timestamp: when; now, if not given.

        Raises:
            ExperimentStateError: if the experiment is not running in shadow mode.
            InvalidDataError: if a field cannot be, or a variant is missing; nothing was recorded then.
        """
        recorder = self._recorder(id, CONTROL)
        if recorder is None:  # pragma: no cover - the control takes part
            return
        experiment = recorder.experiment
        if experiment.config.mode != "shadow":
            raise ExperimentStateError(f"{id} splits its traffic; make an experiment whose mode is 'shadow'")
        if not isinstance(scores, Mapping) or set(scores) != set(experiment.models):
            raise InvalidDataError(
                f"scores must hold one mapping for each of {', '.join(experiment.models)}; "
                "nothing was recorded"
            )
        time_ns = self._now_ns()
        if timestamp is not None:
            time_ns = _checks.moment(timestamp, time_ns)
        _, observed, flags = _checks.pair(None, actual)
        said = [_fields.score(scores[name], actual) for name in experiment.models]
        flags |= _fields.kind(said)
        recorder.shadows.append(
            time_ns,
            observed,
            0 if actual is None else time_ns,
            0 if prediction_id is None else _checks.identity(prediction_id, "prediction_id"),
            _checks.text(symbol, "symbol"),
            flags,
            0,
            recorder.phase,
            *(number for score in said for number in score),
        )

    def get_metrics(self, id: str) -> Mapping[str, VariantMetrics]:  # noqa: A002
        """Return what was recorded of each variant so far, by all processes."""
        experiment = self._book.find(id)
        return metrics_of(experiment, self._judge.sums(experiment))

    def analyze(self, id: str) -> ExperimentAnalysis:  # noqa: A002
        """Return how an experiment stands. It may be called at any time, and as often as one likes."""
        return self._judge.analysis(self._settled(self._book.find(id)))

    def end_experiment(
        self,
        id: str,  # noqa: A002
        winner: str | None = None,
        *,
        reason: str = "",
    ) -> ExperimentConclusion:
        """End an experiment, and return what it has shown; everybody gets the winner from then on.

        The moment was chosen, possibly because of what somebody saw: so the anytime-valid figures decide. The
        test of the configuration decides when the experiment runs for its ``max_duration``.

        Args:
            id: the experiment.
            winner: a variant that wins whatever was recorded.
            reason: why it ends.

        Raises:
            ExperimentStateError: if it was not started, has ended already, or has no such variant.
        """
        check_text(reason, "the reason", limit=_LONGEST_TEXT)
        experiment = self._settled(self._book.find(id))
        if winner is not None and winner not in tuple(experiment.models):
            raise _no_variant(experiment, winner)
        because = reason or (
            "it was ended by the caller" if winner is None else "the caller chose the winner"
        )
        self.flush()
        ended = self._noticed(self._judge.end(experiment, winner=winner, reason=because, is_early=True))
        if ended.conclusion is None:  # pragma: no cover - what has ended has one
            raise AssertionError
        return ended.conclusion

    def audit(self, id: str, *, repetitions: int = 1000, seed: int = 0) -> Audit:  # noqa: A002
        """Return how often this design stops, or finds a winner, where there is no difference at all.

        The outcomes that the experiment recorded are given to variants at random, again and again, and
        every one of these experiments without a difference is judged by the very rules of this one.

        Args:
            id: the experiment.
            repetitions: how many experiments without a difference.
            seed: makes it reproducible.

        Raises:
            InvalidDataError: if there are too few outcomes of the primary metric.
        """
        experiment = self._book.find(id)
        series = self._judge.series(experiment, experiment.config.primary_metric)
        return audit_of(experiment, series, repetitions=repetitions, seed=seed)

    def compact(self, id: str) -> bool:  # noqa: A002
        """Merge what closed or dead processes recorded into few files; done in the background anyway.

        Returns:
            Whether there was anything to do.
        """
        return compact(self._journal, domain_of(self._book.find(id)))

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

    def __enter__(self) -> "ABTestingManager":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _model(self, ref: ModelRef, *, is_checked: bool) -> str:
        if is_checked:
            return self._models.get_metadata(ref).id
        if isinstance(ref, ModelMetadata):
            return ref.id
        if not check_text(ref, "a model reference", limit=_LONGEST_NAME):
            raise InvalidConfigError("a variant needs a model; its reference is empty")
        return ref

    def _settled(self, experiment: Experiment) -> Experiment:
        """Return an experiment whose time is over as one that has ended."""
        ends_at = experiment.ends_at()
        is_due = ends_at is not None and now(self._clock) >= ends_at
        return self._noticed(self._judge.settle(experiment) if is_due else experiment)

    def _noticed(self, experiment: Experiment) -> Experiment:
        """Forget what followed from how an experiment stood before, and return it."""
        self._standing.notice(experiment)
        return experiment

    def _route(self, experiment_id: str) -> Route:
        route = route_of(self._settled(self._book.find(experiment_id)))
        self._routes[experiment_id] = route
        self._keeper.start()
        return route

    def _recorder(self, experiment_id: str, variant_id: object) -> Recorder | None:
        """Return where records of a variant go; None if they are not counted."""
        if isinstance(variant_id, Variant):
            variant_id = variant_id.id
        if type(variant_id) is str and isinstance(experiment_id, str):
            found = self._recorders.get((experiment_id, variant_id))
            if found is not None:
                return found
        experiment = self._settled(self._book.find(experiment_id))
        if isinstance(variant_id, Outside):
            return None
        _decisions.require_recording(experiment)
        if not isinstance(variant_id, str) or variant_id not in experiment.models:
            raise _no_variant(experiment, variant_id)
        watcher = self._watcher(experiment)
        number = tuple(experiment.models).index(variant_id)
        recorder = Recorder(self._journal, experiment, number, watcher.tallies)
        self._recorders[experiment.id, str(variant_id)] = recorder
        self._recorded[experiment.id] = None
        return recorder

    def _watcher(self, experiment: Experiment) -> Watcher:
        watcher = self._watchers.get(experiment.id)
        if watcher is None or watcher.experiment != experiment:
            watcher = Watcher(experiment, lambda: self._suspect(experiment.id))
            watcher.reset(self._judge.sums(experiment))
            self._watchers[experiment.id] = watcher
        return watcher

    def _suspect(self, experiment_id: str) -> None:
        """Look closely: by its running sums, a treatment is worse. What led here is recorded already."""
        try:
            self._noticed(self._judge.settle(self._book.find(experiment_id)))
        except MLProdError as error:
            _log.warning("experiment %s could not be judged; it is tried again: %s", experiment_id, error)

    def _tend(self) -> None:
        """Do what must be done now and then; called every second (five on a remote store) by the keeper."""
        self._seconds += self._interval
        self._journal.tend()
        experiments = self._book.all()
        used = {*list(self._routes), *list(self._watchers)}
        for experiment in [experiments[found] for found in used if found in experiments]:
            self._settled(experiment)
        if self._seconds % 5 == 0:
            for watcher in list(self._watchers.values()):
                self._look(watcher)
        if self._seconds % 30 == 0:
            self.flush()
        if self._seconds % 60 == 0:
            self._compact_all()

    def _look(self, watcher: Watcher) -> None:
        """Judge by what all processes recorded, and begin the running sums anew from there."""
        experiment = self._judge.settle(watcher.experiment)
        if experiment == watcher.experiment:
            watcher.reset(self._judge.sums(experiment))
        self._noticed(experiment)

    def _compact_all(self) -> None:
        """Compact what this process recorded; nothing is lost where that is not possible."""
        for experiment_id in list(self._recorded):
            try:
                self.compact(experiment_id)
            except MLProdError as error:
                _log.warning("the journal of %s was not compacted: %s", experiment_id, error)

    required_sample_size = staticmethod(planned_sample_size)
    power = staticmethod(planned_power)

    createExperiment = create_experiment
    endExperiment = end_experiment
    getExperiment = get_experiment
    getMetrics = get_metrics
    getOverview = get_overview
    getVariant = get_variant
    listExperiments = list_experiments
    pauseExperiment = pause_experiment
    recordActual = record_actual
    recordMetric = record_metric
    recordPrediction = record_prediction
    recordShadow = record_shadow
    recordTrade = record_trade
    requiredSampleSize = required_sample_size
    resumeExperiment = resume_experiment
    setTraffic = set_traffic
    startExperiment = start_experiment


def _treatments(given: ModelRef | Sequence[ModelRef]) -> Sequence[ModelRef]:
    if isinstance(given, str | ModelMetadata):
        return (given,)
    if not isinstance(given, Sequence):
        raise InvalidConfigError(
            f"the treatment is a model reference, or a sequence of them, not {shorten(given)}"
        )
    if not 1 <= len(given) < _MOST_VARIANTS:
        raise InvalidConfigError(f"an experiment has 1 to {_MOST_VARIANTS - 1} treatments, not {len(given)}")
    return given


def _made_id(name: str) -> str:
    """Return an id that tells people what it is about, and that nobody else has."""
    words = "-".join(re.findall("[a-z0-9]+", name.lower()))[:40].strip("-")
    return f"{words or 'experiment'}-{secrets.token_hex(4)}"


def _no_variant(experiment: Experiment, variant_id: object) -> ExperimentStateError:
    there_are = known(experiment.models, variant_id)
    return ExperimentStateError(f"{experiment.id} has no variant {shorten(variant_id)}; {there_are}")


def _is_shadow(experiment_id: str) -> ExperimentStateError:
    return ExperimentStateError(f"{experiment_id} compares in shadow mode; use record_shadow")
