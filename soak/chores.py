"""What a process in production does: chores, whose receipts say what must be there from then on."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, final

import numpy as np

from mlprod import ModelSerializer
from mlprod.drift import DriftDetector
from mlprod.experiments import ABTestingManager
from mlprod.models import ModelMetadata
from mlprod.monitoring import PerformanceMonitor
from mlprod.typing import Clock

__all__ = ["EXPERIMENT", "MARKET", "MODEL", "REFERENCE", "VERSION", "Chore", "Chores", "Receipt", "prepare"]

MODEL = "bot"
VERSION = "1.0.0"
MARKET = "market"  # what drift is about: no model of the registry, whose versions change
EXPERIMENT = "live"
REFERENCE = {"x": np.arange(500.0) % 97, "side": ["buy", "sell"] * 250}
_VARIANTS = ("control", "treatment")
_ROUND, _OTHER_WORLD = 40_000, 200

Receipt: TypeAlias = tuple[str, str, int]
"""What was done, under which token or id, and a number that adds up."""

Chore: TypeAlias = Callable[[], Receipt]


def prepare(folder: Path, clock: Clock | None = None) -> None:
    """Make what all processes share: a model in production, a running experiment, a reference."""
    ModelSerializer(folder, clock=clock).save({"token": "first"}, MODEL, activate=True)
    with ABTestingManager(folder, clock=clock) as manager:
        config = {"auto_stop_on_degradation": False, "max_duration": 1e5}
        models = ("a@1.0.0", "b@1.0.0")
        manager.create_experiment("Live", "", *models, config, id=EXPERIMENT, check_models=False)
        manager.start_experiment(EXPERIMENT)
    DriftDetector(folder, ordered=False, clock=clock).set_reference(MARKET, REFERENCE)


@final
class Chores:
    """The instances of one process, and what it does with them."""

    def __init__(self, folder: Path, name: str, clock: Clock | None = None) -> None:
        """Open everything under a name that no other process has."""
        self.models = ModelSerializer(folder, clock=clock)
        self.monitor = PerformanceMonitor(folder, clock=clock)
        self.manager = ABTestingManager(folder, clock=clock)
        self.detector = DriftDetector(folder, ordered=False, observer=name, clock=clock)
        self._name = name
        self._number = 0
        self._predicted = ""
        self._chance = random.Random(name)  # noqa: S311 - the same every time
        self.records: tuple[Chore, ...] = (
            self.predict,
            self.learn,
            self.trade,
            self.try_out,
            self.measure,
            self.score,
        )
        self.decisions: tuple[Chore, ...] = (
            self.save,
            self.promote,
            self.tag,
            self.roll_back,
            self.delete,
            self.experiment,
            self.check,
            self.batch,
            self.set_reference,
        )
        self.upkeep: tuple[Chore, ...] = (self.compact, self.clean_up)

    def close(self) -> None:
        """End as a process does that is told to."""
        self.monitor.close()
        self.manager.close()
        self.detector.flush()

    def predict(self) -> Receipt:
        """Record a prediction."""
        token = self._predicted = self._token()
        self.monitor.record_prediction(
            MODEL, VERSION, prediction=1, confidence=0.75, latency_ms=3.0, prediction_id=token
        )
        return "prediction", token, 1

    def learn(self) -> Receipt:
        """Record how the prediction before turned out."""
        if not self._predicted:
            return self.predict()
        token, self._predicted = self._predicted, ""
        self.monitor.record_actual(MODEL, token, 1)
        return "outcome", token, 1

    def trade(self) -> Receipt:
        """Record a trade."""
        token, pnl = self._token(), self._number % 7 - 2
        self.monitor.record_trade(MODEL, VERSION, pnl=pnl, trade_id=token, symbol="EURUSD")
        return "trade", token, pnl

    def try_out(self) -> Receipt:
        """Record a trade of a variant."""
        token, pnl = self._token(), self._number % 5 - 1
        variant = _VARIANTS[self._number % 2]
        self.manager.record_trade(EXPERIMENT, variant, pnl=pnl, id=token, symbol="EURUSD")
        return f"{variant} trade", token, pnl

    def measure(self) -> Receipt:
        """Record a number of the application's own."""
        variant = _VARIANTS[self._number % 2]
        self.manager.record_metric(EXPERIMENT, variant, "slippage", 1.0)
        return f"{variant} slippage", "", 1

    def score(self) -> Receipt:
        """Record a score of drift."""
        self.monitor.record_drift(MODEL, VERSION, feature_drift=0.1)
        return "score", "", 1

    def observe(self) -> Receipt:
        """Watch a row; every now and then the world is another one for a while."""
        self._number += 1
        x = 500.0 if self._number % _ROUND < _OTHER_WORLD else float(self._chance.randrange(97))
        alarm = self.detector.observe(MARKET, {"x": x, "side": self._chance.choice(("buy", "sell"))})
        return "alarm", "", int(alarm is not None)

    def save(self) -> Receipt:
        """Save a version."""
        token, saved = self._save()
        return "saved", f"{saved.id} {token}", 1

    def promote(self) -> Receipt:
        """Save a version and put it into production."""
        token, saved = self._save()
        self.models.set_active(saved, reason=token)
        return "promoted", token, 1

    def tag(self) -> Receipt:
        """Tag the latest version."""
        token = self._token()
        self.models.tag(f"{MODEL}@latest", token)
        return "tagged", token, 1

    def roll_back(self) -> Receipt:
        """Go back to the version before."""
        token = self._token()
        self.models.rollback(MODEL, reason=token)
        return "rolled_back", token, 1

    def delete(self) -> Receipt:
        """Delete a version that nobody needs."""
        _, saved = self._save()
        self.models.delete(saved)
        return "deleted", saved.id, 1

    def experiment(self) -> Receipt:
        """Draw up an experiment, run it and end it."""
        token = self._token()
        self.manager.create_experiment(token, "", "a@1", "b@1", id=token, check_models=False)
        self.manager.start_experiment(token)
        self.manager.record_trade(token, "control", pnl=1)
        self.manager.end_experiment(token, "treatment", reason=token)
        return "experiment", token, 1

    def check(self) -> Receipt:
        """Compare new data with the reference."""
        report = self.detector.check(MARKET, {"x": REFERENCE["x"][:100], "side": REFERENCE["side"][:100]})
        return "report", report.reference, 1

    def batch(self) -> Receipt:
        """Record many predictions at once."""
        token = self._token()
        ids = [f"{token}-{number}" for number in range(50)]
        self.monitor.record_predictions(MODEL, VERSION, prediction=1, confidence=0.5, prediction_id=ids)
        return "batch", token, len(ids)

    def set_reference(self) -> Receipt:
        """Say anew what is usual, of a model of one's own."""
        reference = self.detector.set_reference(f"{MARKET}-{self._name}", REFERENCE)
        return "reference", f"{MARKET}-{self._name} {reference.id}", 1

    def compact(self) -> Receipt:
        """Merge what others have left."""
        self.monitor.compact(MODEL)
        self.manager.compact(EXPERIMENT)
        return "compacted", "", 1

    def clean_up(self) -> Receipt:
        """Remove what writers that died left behind."""
        self.models.cleanup()
        return "cleaned", "", 1

    def _token(self) -> str:
        self._number += 1
        return f"{self._name}-{self._number}"

    def _save(self) -> tuple[str, ModelMetadata]:
        token = self._token()
        model = {"token": token, "weights": np.full(200, float(self._number))}
        return token, self.models.save(model, MODEL)
