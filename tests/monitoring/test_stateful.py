"""Whatever is recorded, compacted, closed and opened again: every metric is that of a naive computation.

The reference keeps all events in lists and computes each metric as its definition says, with numpy.
"""

import datetime as dt
import math

import attrs
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from mlprod import PerformanceMonitor
from mlprod.storage import MemoryStore
from mlprod.testing import FrozenClock

NAN = math.nan
START = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)
CAPITAL, TRADES_PER_YEAR, HIGH = 50.0, 252.0, 0.7
VERSIONS = st.sampled_from(["1", "2"])
IDS = st.integers(1, 12)
CLASSES = st.sampled_from([True, 0, 1, 2])
TEXTS = st.sampled_from(["up", "down"])
NUMBERS = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 1.0, 3.0])
VALUES = CLASSES | TEXTS | NUMBERS
WINDOWS = (None, 1, 60, 3600)
BEGINNING = dt.datetime.min.replace(tzinfo=dt.UTC)


@attrs.define
class Prediction:
    time: dt.datetime
    version: str
    identity: int | None
    correct: bool | None
    confidence: float | None
    latency_ms: float | None
    prediction: object
    actual: object
    error: bool


def kind(value):
    return str if isinstance(value, str) else float


class Reference:
    """All that was recorded."""

    def __init__(self, tolerance):
        self.tolerance = tolerance
        self.predictions, self.trades, self.drift = [], [], []
        self.actuals = {}

    def actual_of(self, one):
        """Return the latest outcome of a prediction, unless it cannot be compared with it."""
        known = [] if one.actual is None else [(one.time, one.actual)]
        latest = max(
            [*known, *self.actuals.get(one.identity, [])], key=lambda each: each[0], default=(None, None)
        )[1]
        if latest is None or kind(latest) is not (float if one.prediction is None else kind(one.prediction)):
            return None
        return latest

    def verdict(self, one):
        actual = self.actual_of(one)
        if one.correct is not None or one.prediction is None or actual is None:
            return one.correct
        if isinstance(one.prediction, float):
            return None if self.tolerance is None else bool(abs(one.prediction - actual) <= self.tolerance)
        return one.prediction == actual

    def metrics(self, version, since):
        chosen = lambda events: [e for e in events if version in {None, e[1]} and e[0] >= since]  # noqa: E731
        predictions = [p for p in self.predictions if version in {None, p.version} and p.time >= since]
        return {
            **self.of_predictions(predictions),
            **self.of_trades(version, since),
            **self.of_drift(chosen(self.drift)),
        }

    def of_predictions(self, predictions):
        verdicts = np.array([NAN if v is None else v for v in map(self.verdict, predictions)], float)
        confidence = np.array([NAN if p.confidence is None else p.confidence for p in predictions], float)
        latency = np.array([p.latency_ms for p in predictions if p.latency_ms is not None], float)
        known = ~np.isnan(verdicts)
        rated = known & ~np.isnan(confidence)
        pairs = np.array(
            [
                (float(p.prediction), float(actual))
                for p in predictions
                if kind(p.prediction) is float
                and p.prediction is not None
                and (actual := self.actual_of(p)) is not None
            ]
        ).reshape(-1, 2)
        predicted, actual = pairs.T
        difference, given = np.abs(predicted - actual), actual != 0
        return {
            "predictions_total": len(predictions),
            "predictions_known": int(known.sum()),
            "predictions_correct": int(np.nansum(verdicts)),
            "accuracy": mean(verdicts[known]),
            "avg_confidence": mean(confidence[~np.isnan(confidence)]),
            "high_confidence_accuracy": mean(verdicts[known & (confidence >= HIGH)]),
            "error_rate": mean([p.error for p in predictions]),
            "avg_latency_ms": mean(latency),
            **{
                f"p{p}_latency_ms": np.percentile(latency, p, method="inverted_cdf") if len(latency) else NAN
                for p in (50, 95, 99)
            },
            "mae": mean(difference),
            "rmse": math.sqrt(mean(difference**2)),
            "mape": mean(difference[given] / np.abs(actual[given])),
            "directional_accuracy": mean(np.sign(predicted) == np.sign(actual)),
            "brier_score": mean((confidence[rated] - verdicts[rated]) ** 2),
            "calibration_error": expected_calibration_error(confidence[rated], verdicts[rated]),
        }

    def of_trades(self, version, since):
        counted, before, seen = [], 0.0, set()
        for time, of_version, identity, pnl, outcome in self.trades:
            if version not in {None, of_version} or identity in seen:
                continue
            seen |= {identity} - {None}
            if time >= since:
                counted.append((pnl, outcome))
            else:
                before += pnl or 0.0
        won = [outcome == "win" if outcome else pnl > 0 for pnl, outcome in counted]
        money = np.array([pnl for pnl, _ in counted if pnl is not None], float)
        found = {"trades_total": len(counted), "trades_win": sum(won), "win_rate": mean(won)}
        names = (
            "total_pnl",
            "avg_trade_pnl",
            "profit_factor",
            "sharpe_ratio",
            "max_drawdown",
            "max_drawdown_amount",
        )
        if not len(money):
            return {**found, **dict.fromkeys(names, NAN)}
        gain, loss = money[money > 0].sum(), -money[money < 0].sum()
        spread = money.std(ddof=1) if len(set(money)) > 1 else NAN
        equity = CAPITAL + before + np.concatenate(([0.0], np.cumsum(money)))
        peak = np.maximum.accumulate(equity)
        deepest = 1.0 if equity[0] <= 0 else min(float(np.max((peak - equity) / peak)), 1.0)
        figures = (
            money.sum(),
            money.mean(),
            gain / loss if loss else math.inf if gain else NAN,
            money.mean() / spread * math.sqrt(TRADES_PER_YEAR),
            deepest,
            float(np.max(peak - equity)),
        )
        return {**found, **dict(zip(names, figures, strict=True))}

    @staticmethod
    def of_drift(drift):
        names = ("feature_drift_score", "prediction_drift_score", "performance_drift_score")
        return {
            name: next((scores[i] for _, _, *scores in reversed(drift) if scores[i] is not None), NAN)
            for i, name in enumerate(names)
        }


def mean(values):
    return float(np.mean(values)) if len(values) else NAN


def expected_calibration_error(confidence, correct):
    if not len(confidence):
        return NAN
    bins = np.minimum(np.floor(np.round(confidence * 10, 9)), 9)
    return sum(
        abs(correct[bins == b].mean() - confidence[bins == b].mean()) * np.mean(bins == b)
        for b in set(bins.tolist())
    )


def assert_equal(expected, found):
    for name, value in expected.items():
        tolerance = {"rel": 0.006} if name[0] == "p" and "latency" in name else {"rel": 1e-9, "abs": 1e-9}
        assert pytest.approx(value, nan_ok=True, **tolerance) == getattr(found, name), name


class Monitored(RuleBasedStateMachine):
    """Two monitors on one store, as in two processes; no two records share a time."""

    @initialize(tolerance=st.sampled_from([None, 0.5]))
    def begin(self, tolerance):
        self.store, self.clock = MemoryStore(), FrozenClock(START)
        self.tolerance = tolerance
        self.reference = Reference(tolerance)
        self.monitors = [self.opened(), self.opened()]

    def opened(self):
        return PerformanceMonitor(
            self.store,
            clock=self.clock,
            accuracy_tolerance=self.tolerance,
            initial_capital=CAPITAL,
            high_confidence=HIGH,
            trades_per_year=TRADES_PER_YEAR,
            thresholds=[],
        )

    def free(self, identity):
        """Return the id, or None if a prediction may have taken its outcome already."""
        is_taken = any(one.identity == identity for one in self.reference.predictions)
        return None if is_taken and identity in self.reference.actuals else identity

    def tick(self):
        self.clock.advance(seconds=1)
        return self.clock()

    @rule(
        who=st.integers(0, 1),
        version=VERSIONS,
        identity=st.none() | IDS,
        correct=st.sampled_from([None, None, True, False]),
        confidence=st.none() | st.sampled_from([0.0, 0.05, 0.3, 0.7, 0.95, 1.0]),
        latency_ms=st.none() | st.sampled_from([0.0, 0.5, 5.3, 17.0, 900.0]),
        prediction=st.none() | VALUES,
        is_known=st.booleans(),
        error=st.booleans(),
        data=st.data(),
    )
    def predict(self, who, is_known, data, **fields):
        prediction = fields["prediction"]
        actual = None
        if is_known:
            actual = data.draw(TEXTS if isinstance(prediction, str) else CLASSES | NUMBERS)
        time = self.tick()
        identity, version = self.free(fields.pop("identity")), fields.pop("version")
        self.monitors[who].record_prediction("har", version, actual=actual, prediction_id=identity, **fields)
        self.reference.predictions.append(
            Prediction(time=time, version=version, identity=identity, actual=actual, **fields)
        )

    @rule(who=st.integers(0, 1), version=VERSIONS, rows=st.integers(1, 5), data=st.data())
    def predict_many(self, who, version, rows, data):
        column = lambda values: data.draw(st.lists(values, min_size=rows, max_size=rows))  # noqa: E731
        confidence, numbers = column(st.floats(0, 1, width=16)), column(NUMBERS)
        ids = [self.free(identity) for identity in column(IDS)]
        time = self.tick()
        self.monitors[who].record_predictions(
            "har", version, confidence=confidence, prediction=numbers, prediction_id=ids
        )
        self.reference.predictions += [
            Prediction(time, version, i, None, c, None, n, None, error=False)
            for i, c, n in zip(ids, confidence, numbers, strict=True)
        ]

    @rule(who=st.integers(0, 1), identity=IDS, actual=VALUES, late=st.sampled_from([0, 0, 30]))
    def outcome(self, who, identity, actual, late):
        time = self.tick() - dt.timedelta(seconds=late, milliseconds=1 if late else 0)
        self.monitors[who].record_actual("har", str(identity), actual, timestamp=time)
        self.reference.actuals.setdefault(identity, []).append((time, actual))

    @rule(
        who=st.integers(0, 1),
        version=VERSIONS,
        identity=st.none() | IDS,
        pnl=st.sampled_from([-60.0, -10.0, -0.1, 0.0, 0.3, 20.0]),
        outcome=st.sampled_from([None, None, "win", "loss", "breakeven"]),
    )
    def trade(self, who, version, identity, pnl, outcome):
        time = self.tick()
        self.monitors[who].record_trade("har", version, pnl=pnl, outcome=outcome, trade_id=identity)
        self.reference.trades.append((time, version, identity, pnl, outcome))

    @rule(who=st.integers(0, 1), version=VERSIONS)
    def trade_without_money(self, who, version):
        time = self.tick()
        self.monitors[who].record_trade("har", version, outcome="win")
        self.reference.trades.append((time, version, None, None, "win"))

    @rule(who=st.integers(0, 1), version=VERSIONS, scores=st.tuples(*[st.none() | st.floats(0, 1)] * 3))
    def drift(self, who, version, scores):
        if scores == (None, None, None):
            return
        names = ("feature_drift", "prediction_drift", "performance_drift")
        time = self.tick()
        self.monitors[who].record_drift("har", version, **dict(zip(names, scores, strict=True)))
        self.reference.drift.append((time, version, *scores))

    @rule(who=st.integers(0, 1))
    def flush(self, who):
        self.monitors[who].flush()

    @rule(who=st.integers(0, 1))
    def compact(self, who):
        self.monitors[who].compact("har")

    @rule(who=st.integers(0, 1))
    def reopen(self, who):
        self.monitors[who].close()
        self.monitors[who] = self.opened()

    @rule(seconds=st.sampled_from([30, 2000]))
    def wait(self, seconds):
        self.clock.advance(seconds=seconds)

    @rule(version=st.sampled_from([None, "1", "2"]), window=st.sampled_from(WINDOWS))
    def ask(self, version, window):
        since = self.clock() - dt.timedelta(seconds=window) if window else BEGINNING
        found = self.monitors[0].get_latest_metrics("har", version, window=window)
        assert_equal(self.reference.metrics(version, since), found)

    def teardown(self):
        if hasattr(self, "monitors"):
            for version in (None, "1", "2"):
                for window in WINDOWS:
                    self.ask(version=version, window=window)
            for monitor in self.monitors:
                monitor.close()
            self.ask(version=None, window=None)


@pytest.mark.slow
class TestMonitored(Monitored.TestCase):
    settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
