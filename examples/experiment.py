"""The experiments of the quickstart: forecasts compared on real weeks that no model has seen.

Weeks do not overlap, so that one forecast's error says nothing about the next one's.
"""

from pathlib import Path
from typing import Final

import numpy as np
from bot import at_close
from volatility import AHEAD, WINDOWS, Model, Samples, annual_percent, forecast

from mlprod import ABTestingManager, ModelMetadata, getABTestingManager, getModelSerializer, saveModel
from mlprod.experiments import Audit, ExperimentConclusion

PLANNED: Final = 200  # outcomes of each


def save_rules_of_thumb() -> tuple[ModelMetadata, ModelMetadata]:
    """Save what people do without a model: expect the last month again, or the last day."""
    month, day = (
        {"intercept": np.zeros(1), "weights": np.array([float(each == days) for each in WINDOWS])}
        for days in (WINDOWS[-1], WINDOWS[0])
    )
    return (
        saveModel(month, "sp500-as-last-month", tags=("rule of thumb",)),
        saveModel(day, "sp500-as-yesterday", tags=("rule of thumb",)),
    )


def compare_in_shadow(
    control: ModelMetadata, treatment: ModelMetadata, samples: Samples
) -> ExperimentConclusion:
    """Let both models forecast the same weeks, until one is better beyond chance."""
    manager, models = getABTestingManager(), load(control, treatment)
    experiment = manager.createExperiment(
        f"HAR {treatment.version} against the last month",
        "",
        control,
        treatment,
        {"primaryMetric": "mae", "minSampleSize": PLANNED, "mode": "shadow"},
        id=f"last-month-{treatment.version}",
    )
    manager.startExperiment(experiment.id)
    for number in weeks(samples):
        manager.recordShadow(
            experiment.id,
            {
                variant.id: {"prediction": percent(models[variant.model], samples, number)}
                for variant in experiment.variants
            },
            actual=outcome(samples, number),
            timestamp=at_close(samples.last_outcome_day[number]),
        )
    return manager.endExperiment(experiment.id)


def try_out(control: ModelMetadata, treatment: ModelMetadata, samples: Samples) -> tuple[str, Audit]:
    """Give half of the weeks to a worse model, and see how many it takes until it gets no more.

    Errors count in percent of what came: a wild year has large errors, whoever forecasts, and would drown
    the difference between two halves of the weeks.

    Returns:
        The id of the experiment, and how often it would stop a model that is not worse.
    """
    manager, models = getABTestingManager(), load(control, treatment)
    experiment = manager.createExperiment(
        f"The last day instead of HAR {control.version}",
        "",
        control,
        treatment,
        # Salt and id decide who gets which week: with these, everybody sees the same in the same run.
        {"primaryMetric": "mape", "minSampleSize": PLANNED, "salt": "weeks"},
        id=f"last-day-{control.version}",
    )
    manager.startExperiment(experiment.id)
    for number in weeks(samples):
        variant = manager.getVariant(experiment.id, str(samples.day[number]))
        if not variant.enrolled:  # the experiment was stopped
            break
        manager.recordPrediction(
            experiment.id,
            variant.id,
            prediction=percent(models[variant.model], samples, number),
            actual=outcome(samples, number),
            timestamp=at_close(samples.last_outcome_day[number]),
        )
    if not manager.getExperiment(experiment.id).is_over:
        manager.endExperiment(experiment.id, reason="there are no more weeks")
    return experiment.id, manager.audit(experiment.id)


def write_analysis(manager: ABTestingManager, experiment_id: str, page: Path) -> None:
    """Write what a notebook shows as a page that any browser opens."""
    shown = manager.analyze(experiment_id)._repr_html_()
    page.write_text(f'<!doctype html><meta charset="utf-8">{shown}', encoding="utf-8")


def load(*versions: ModelMetadata) -> dict[str, Model]:
    """Return models by their id."""
    models = getModelSerializer()
    return {version.id: models.load(version) for version in versions}


def weeks(samples: Samples) -> range:
    """Return the numbers of samples whose outcomes do not overlap."""
    return range(0, len(samples.day), AHEAD)


def percent(model: Model, samples: Samples, number: int) -> float:
    """Return a forecast, in percent a year."""
    return float(annual_percent(forecast(model, samples.features[number])).item())


def outcome(samples: Samples, number: int) -> float:
    """Return what it turned out to be, in percent a year."""
    return float(annual_percent(samples.outcome[number]))
