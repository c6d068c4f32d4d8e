"""What all receipts add up to, beside what the store says."""

from collections import Counter
from pathlib import Path

from mlprod import ModelSerializer
from mlprod.drift import DriftDetector
from mlprod.experiments import ABTestingManager
from mlprod.monitoring import PerformanceMonitor
from soak.chores import EXPERIMENT, MARKET, MODEL

__all__ = ["differences", "expected_of", "found_in"]


def found_in(folder: Path) -> dict[str, int]:
    """Return every count of a store, read by instances that have seen nothing yet."""
    models, monitor = ModelSerializer(folder), PerformanceMonitor(folder, thresholds=())
    manager, detector = ABTestingManager(folder), DriftDetector(folder)
    events = Counter(event.what for event in models.history(MODEL))
    metrics, variants = monitor.get_latest_metrics(MODEL), manager.get_metrics(EXPERIMENT)
    experiments = manager.list_experiments()
    return {
        "versions that load": sum("token" in models.load(version) for version in models.get_versions(MODEL)),
        "versions saved": events["saved"],
        "promotions": events["promoted"],
        "rollbacks": events["rolled_back"],
        "tags": events["tagged"],
        "deletions": events["deleted"],
        "experiments ended": sum(one.is_over and one.winner == "treatment" for one in experiments),
        "predictions": metrics.predictions_total,
        "outcomes joined": metrics.predictions_known,
        "trades": metrics.trades_total,
        "sum of pnl": round(metrics.total_pnl),
        **{f"{name} trades": found.trades for name, found in variants.items()},
        **{f"{name} pnl": round(found.total_pnl) for name, found in variants.items()},
        **{f"{name} slippage": found.samples.get("slippage", 0) for name, found in variants.items()},
        "drift reports": len(detector.history(MARKET)),
        "drift alarms": len(detector.alarms(MARKET)),
    }


def expected_of(done: Counter[str], sums: Counter[str]) -> dict[str, int]:
    """Return what the store must say after all that was done, beyond what `prepare` made."""
    saved = 1 + sum(done[kind] for kind in ("saved", "promoted", "deleted"))
    return {
        "versions that load": saved - done["deleted"],
        "versions saved": saved,
        "promotions": 1 + done["promoted"],
        "rollbacks": done["rolled_back"],
        "tags": done["tagged"],
        "deletions": done["deleted"],
        "experiments ended": done["experiment"],
        "predictions": done["prediction"] + sums["batch"],
        "outcomes joined": done["outcome"],
        "trades": done["trade"],
        "sum of pnl": sums["trade"],
        **{f"{name} trades": done[f"{name} trade"] for name in ("control", "treatment")},
        **{f"{name} pnl": sums[f"{name} trade"] for name in ("control", "treatment")},
        **{f"{name} slippage": done[f"{name} slippage"] for name in ("control", "treatment")},
        "drift reports": done["report"],
        "drift alarms": sums["alarm"],
    }


def differences(expected: dict[str, int], found: dict[str, int]) -> list[str]:
    """Return what is not as it should be."""
    return [
        f"{name}: {found[name]:,} instead of {number:,}"
        for name, number in expected.items()
        if found[name] != number
    ]
