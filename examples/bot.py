"""The bot of the quickstart: a process of its own that uses the model in production.

It forecasts every day of the six years after the fit, and holds the less of the index the more it will
move: a paper portfolio that aims at the same risk every week. Every forecast, every outcome, known five
days later, and every week's profit or loss is recorded. The version that was fitted before goes on
forecasting, but there is one account, and only the version in production acts on it.
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

YEARS = 6  # in production, until it is fitted anew
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
    """Load the model in production, measure it, and let it act, with the one before beside it."""
    models = getModelSerializer()
    metadata, model = models.getMetadata(name), getActiveModel(name)
    show(f"process {os.getpid()} loaded", metadata.id)
    fitted_until = cast("int", metadata.config["fitted_until"])
    first, last = fitted_until + 1, fitted_until + YEARS
    samples = read_samples().years(first, last)
    gain = measure(model, samples)["gain"]
    show(f"forecasts of {first} to {last}", f"{gain:.1%} less error than 'the same as last week'")
    started = time.perf_counter()
    with open_monitor() as monitor:
        run(monitor, metadata, model, samples, is_acting=True)
        if metadata.parent:
            before = models.getMetadata(metadata.parent)
            run(monitor, before, models.load(before), samples, is_acting=False)
            show("beside it, without acting", before.id)
    seconds = time.perf_counter() - started
    forecasts = len(samples.day) * (2 if metadata.parent else 1)
    trades = len(samples.day[::AHEAD])
    show("recorded", f"{forecasts:,} forecasts, outcomes and features, {trades:,} trades")
    show("which took", f"{seconds:.2f} s, forecasting and closing included")


def run(
    monitor: PerformanceMonitor, metadata: ModelMetadata, model: Model, samples: Samples, *, is_acting: bool
) -> None:
    """Go through the days as they came."""
    name, version = metadata.name, metadata.version
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
        if is_acting and number % AHEAD == 0:
            exposure = min(TARGET_PERCENT / percent, LARGEST_EXPOSURE)
            monitor.recordTrade(
                name,
                version,
                {"tradeId": str(day), "symbol": "SPX", "side": "BUY"},  # the account trades a week once
                pnl=CAPITAL * exposure * float(samples.growth[number]),
                timestamp=a_week_on,
            )


def at_close(day: np.datetime64) -> datetime:
    """Return the evening of a day in New York."""
    return cast("datetime", day.astype("datetime64[s]").item()).replace(hour=21, tzinfo=UTC)


def show(what: str, value: str) -> None:
    """Print one fact."""
    print(f"   {what:<29} {value}", flush=True)
