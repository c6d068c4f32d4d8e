"""Has the world moved away from the years that a model was fitted on?"""

from pathlib import Path

from volatility import AHEAD, WINDOWS, Array, Model, Samples, forecast

from mlprod import DriftDetector, ModelMetadata
from mlprod.drift import DriftReport

NAMES = [f"volatility_{days}d" for days in WINDOWS]


def check_years(
    detector: DriftDetector,
    of: ModelMetadata,
    model: Model,
    *,
    fitted: Samples,
    held_out: Array,
    new: Samples,
) -> DriftReport:
    """Compare the inputs and forecasts of some years with those of the fit, and errors with those held out.

    Neighbouring days share most of what their windows hold. The detector sees that by itself in the
    inputs; of the errors, whose weeks overlap, one a week is taken.
    """
    detector.setReference(
        of,
        dict(zip(NAMES, fitted.features.T, strict=True)),
        predictions=forecast(model, fitted.features),
        errors=held_out,
    )
    return detector.comprehensiveDriftCheck(
        model_id=of,
        data=dict(zip(NAMES, new.features.T, strict=True)),
        recent_predictions=forecast(model, new.features),
        errors=errors(model, new),
        note=f"{new.day[0]} to {new.day[-1]}",
    )


def errors(model: Model, samples: Samples) -> Array:
    """Return the errors of forecasts whose weeks do not overlap; an error of 0.1 is about 10%, either way."""
    return (samples.outcome - forecast(model, samples.features))[::AHEAD]


def write_page(report: DriftReport, page: Path) -> None:
    """Write a report as a page that any browser opens."""
    page.write_text(report.toHtml(), encoding="utf-8")
