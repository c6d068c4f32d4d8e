"""The bot of the quickstart: a process of its own that uses the model in production.

It forecasts every day of the years that the model has not seen, and holds the less of the index the
more it will move: a paper portfolio that aims at the same risk every week. Every forecast, every
outcome, known five days later, and every week's profit or loss is recorded.
"""

import os
import time
from datetime import UTC, datetime
from typing import cast

import numpy as np
from volatility import (
    AHEAD,
    DAYS_A_YEAR,
    WINDOWS,
    Model,
    Samples,
    annual_percent,
    forecast,
    measure,
    read_samples,
)

from mlprod import ModelMetadata, PerformanceMonitor, getActiveModel, getModelSerializer

CAPITAL = 100_000.0
TARGET_PERCENT = 10.0
LARGEST_EXPOSURE = 1.5
TOLERANCE_POINTS = 5.0


def open_monitor() -> PerformanceMonitor:
    """Return the monitor of the default store, told how to judge: off by up to five points is right."""
    return PerformanceMonitor(
        initial_capital=CAPITAL, accuracy_tolerance=TOLERANCE_POINTS, trades_per_year=DAYS_A_YEAR / AHEAD
    )


def main(name: str) -> None:
    """Load the model in production, measure it, and let it act."""
    metadata, model, samples = getModelSerializer().getMetadata(name), getActiveModel(name), read_samples()
    show(f"process {os.getpid()} loaded", metadata.id)
    fitted_until = cast("int", metadata.config["fitted_until"])
    for first, last in ((2007, 2012), (2013, 2018)):
        if first > fitted_until:
            gain = measure(model, samples.years(first, last))["gain"]
            show(f"forecasts of {first} to {last}", f"{gain:.1%} less error than 'the same as last week'")
    unseen = samples.years(fitted_until + 1, 2018)
    started = time.perf_counter()
    with open_monitor() as monitor:
        act(monitor, metadata, model, unseen)
    seconds = time.perf_counter() - started
    show(
        "recorded",
        f"{len(unseen.day):,} forecasts, outcomes and features, {len(unseen.day[::AHEAD]):,} trades",
    )
    show("which took", f"{seconds:.2f} s, forecasting and closing included")


def act(monitor: PerformanceMonitor, model_metadata: ModelMetadata, model: Model, samples: Samples) -> None:
    """Go through the days as they came."""
    name, version = model_metadata.name, model_metadata.version
    outcomes = annual_percent(samples.outcome)
    for number, day in enumerate(samples.day):
        evening = at_close(day)
        began = time.perf_counter()
        percent = annual_percent(forecast(model, samples.features[number])).item()
        monitor.recordPrediction(
            name,
            version,
            prediction=percent,
            prediction_id=f"{version}:{day}",
            latency_ms=1000 * (time.perf_counter() - began),
            features=dict(zip(map("volatility_{}d".format, WINDOWS), samples.features[number], strict=True)),
            timestamp=evening,
        )
        a_week_on = at_close(samples.last_outcome_day[number])
        monitor.recordActual(name, f"{version}:{day}", float(outcomes[number]), timestamp=a_week_on)
        if number % AHEAD == 0:
            exposure = min(TARGET_PERCENT / percent, LARGEST_EXPOSURE)
            monitor.recordTrade(
                name,
                version,
                {"tradeId": f"{version}:{day}", "symbol": "SPX", "side": "BUY"},
                pnl=CAPITAL * exposure * float(samples.growth[number]),
                timestamp=a_week_on,
            )


def at_close(day: np.datetime64) -> datetime:
    """Return the evening of a day in New York."""
    return cast("datetime", day.astype("datetime64[s]").item()).replace(hour=21, tzinfo=UTC)


def show(what: str, value: str) -> None:
    """Print one fact."""
    print(f"   {what:<29} {value}", flush=True)
