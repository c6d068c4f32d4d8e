"""NannyML: the univariate calculator, Kolmogorov-Smirnov and Jensen-Shannon, all rows in one chunk."""

from typing import Any

from nannyml import UnivariateDriftCalculator

from benchmarks.drift_peers._peer import as_frame, run


def fit(reference: Any) -> UnivariateDriftCalculator:  # noqa: ANN401 - a DataFrame
    """Return a calculator that knows the reference."""
    calculator = UnivariateDriftCalculator(
        column_names=[*reference.columns],
        continuous_methods=["kolmogorov_smirnov", "jensen_shannon"],
        chunk_number=1,
    )
    return calculator.fit(reference)


def check(calculator: UnivariateDriftCalculator, current: Any) -> int:  # noqa: ANN401
    """Return for how many features there is an alert.

    With one chunk the thresholds come from the spread of one number, 0: every feature alerts.
    """
    found = calculator.calculate(current).filter(period="analysis").to_df()
    alerts = found.xs("alert", axis="columns", level=2).iloc[0]
    return int(alerts.groupby(level=0).any().sum())


if __name__ == "__main__":
    run(as_frame, fit, check)
