"""The model of the quickstart: how much the S&P 500 will move over the next five days.

It is the HAR model (Corsi 2009, doi:10.1093/jjfinec/nbp001): a linear regression on how much the
index moved over the last day, week and month. It forecasts volatility, not direction: nothing here
claims a trading profit.
"""

import csv
import gzip
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Days = npt.NDArray[np.datetime64]
Model = dict[str, Array]

WINDOWS = (1, 5, 22)  # a day, a week and a month of trading
AHEAD = 5
DAYS_A_YEAR = 252


@dataclass(frozen=True)
class Samples:
    """What was known at the end of a day, and what came in the five days after it.

    Volatilities are logarithms of daily ones. `features` has one column for each of `WINDOWS`;
    `growth` is what the index gained in the five days, as a fraction.
    """

    day: Days
    last_outcome_day: Days
    features: Array
    outcome: Array
    growth: Array

    def years(self, first: int, last: int) -> "Samples":
        """Return the samples that lie in these years whole: no outcome is borrowed from the year after."""
        begins, ends = np.datetime64(f"{first}-01-01"), np.datetime64(f"{last}-12-31")
        inside = (self.day >= begins) & (self.last_outcome_day <= ends)
        return Samples(
            self.day[inside],
            self.last_outcome_day[inside],
            self.features[inside],
            self.outcome[inside],
            self.growth[inside],
        )


def read_samples() -> Samples:
    """Make samples of the daily prices from 1999 to 2018 that the package arch ships."""
    try:
        path = Path(str(distribution("arch").locate_file("arch/data/sp500/sp500.csv.gz")))
    except PackageNotFoundError as error:
        raise SystemExit("The prices are in the package arch: pip install arch==8.0.0") from error
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    day = np.array([_day(row["Date"]) for row in rows], dtype="datetime64[D]")
    high, low, close = (np.array([float(row[name]) for row in rows]) for name in ("High", "Low", "Close"))
    variance = np.log(high / low) ** 2 / (4 * np.log(2))  # of one day, from its range (Parkinson 1980)
    total = np.concatenate([[0.0], np.cumsum(variance)])
    known = np.arange(max(WINDOWS), len(day) - AHEAD + 1)  # how many days are known in each sample
    features = np.column_stack([(total[known] - total[known - days]) / days for days in WINDOWS])
    outcome = (total[known + AHEAD] - total[known]) / AHEAD
    growth = close[known - 1 + AHEAD] / close[known - 1] - 1
    return Samples(day[known - 1], day[known - 1 + AHEAD], np.log(features) / 2, np.log(outcome) / 2, growth)


def fit(samples: Samples) -> Model:
    """Return the least-squares fit."""
    design = np.column_stack([np.ones(len(samples.outcome)), samples.features])
    weights = np.linalg.lstsq(design, samples.outcome)[0]
    return {"intercept": weights[:1], "weights": weights[1:]}


def forecast(model: Model, features: Array) -> Array:
    """Return the expected log volatility of the next five days."""
    return model["intercept"] + features @ model["weights"]


def annual_percent(log_volatility: Array) -> Array:
    """Return a volatility as people say it: percent a year."""
    return 100 * np.sqrt(DAYS_A_YEAR) * np.exp(log_volatility)


def measure(model: Model, samples: Samples) -> dict[str, float]:
    """Return how good the forecasts are, also beside those of who expects the last week again."""
    error = samples.outcome - forecast(model, samples.features)
    naive_error = samples.outcome - samples.features[:, WINDOWS.index(AHEAD)]
    rmse, naive_rmse = (float(np.sqrt(np.mean(each**2))) for each in (error, naive_error))
    return {
        "rmse": rmse,
        "gain": 1 - rmse / naive_rmse,
        "r2": 1 - rmse**2 / float(np.var(samples.outcome)),
    }


def _day(text: str) -> str:
    """Turn 1/4/1999 into 1999-01-04."""
    month, day, year = map(int, text.split("/"))
    return f"{year}-{month:02}-{day:02}"
