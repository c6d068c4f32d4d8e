"""What was recorded of each variant. Pure."""

from collections.abc import Mapping

from mlprod.experiments._config import ExperimentConfig
from mlprod.experiments._metric import BUILT_IN
from mlprod.experiments._sums import Sums
from mlprod.experiments._values import Experiment, VariantMetrics

__all__ = ["metrics_of"]


def metrics_of(experiment: Experiment, sums: Sums) -> Mapping[str, VariantMetrics]:
    """Return the metrics of each variant, over all phases."""
    return {
        name: _metrics(experiment.config, sums, number, name, model)
        for number, (name, model) in enumerate(experiment.models.items())
    }


def _metrics(config: ExperimentConfig, sums: Sums, number: int, name: str, model: str) -> VariantMetrics:
    cells = {metric: sums.cell(metric, number).moments.outcome for metric in sums.metrics()}
    given = {metric: moments for metric, moments in cells.items() if moments.count}
    shown = {metric: config.metric(metric).shown(moments.mean) for metric, moments in given.items()}
    trades = sums.cell("pnl", number).moments.outcome
    return VariantMetrics(
        variant_id=name,
        model=model,
        predictions=sums.recorded("predictions", number),
        matured=sums.count("matured", number),
        signals=round(sums.cell("signal_rate", number).moments.total),
        trades=sums.recorded("trades", number),
        wins=round(sums.cell("win_rate", number).moments.total),
        total_pnl=trades.total,
        custom={metric: value for metric, value in shown.items() if metric not in BUILT_IN},
        samples={metric: moments.count for metric, moments in given.items()},
        **{metric: value for metric, value in shown.items() if metric in BUILT_IN},
    )
