"""A model of real market data: saved, tried, put into production, used, replaced, doubted, rolled back.

``python3 dev.py quickstart`` runs it. It works in the default store: the folder ``.mlprod`` under the
current directory, or whatever the environment variable ``MLPROD_STORE`` names.
"""

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from io import TextIOWrapper
from itertools import count
from pathlib import Path

import bot
from bot import CAPITAL, YEARS, open_monitor
from drift import check_years, errors, write_page
from experiment import compare_in_shadow, save_rules_of_thumb, try_out, write_analysis
from volatility import AHEAD, WINDOWS, Samples, fit, forecast, measure, read_samples

from mlprod import (
    DriftDetector,
    ModelMetadata,
    dashboard,
    getABTestingManager,
    getDriftDetector,
    getModelSerializer,
    loadModel,
    saveModel,
)
from mlprod.drift import DriftReport
from mlprod.experiments import Audit, ExperimentConclusion
from mlprod.models import Bump

NAME = "sp500-volatility"
AS_BOT = "--as-bot"
WILDEST_MONTH = date(2008, 10, 1)
HOLDS = {
    "models/ledger": "every decision about models, numbered, never changed",
    "models/payloads": "the versions and their examples",
    "experiments/ledger": "every decision about experiments",
    "drift/ledger": "which reference stands",
    "drift/references": "what the fitted years were like",
    "drift/reports": "every check for drift",
    "journal/ledger": "which blocks count",
    "journal/blocks": "what was recorded, column by column",
    "journal/raw": "what is being recorded",
}

models = getModelSerializer()
steps = count(1)


def main() -> None:
    """Run the steps in order."""
    samples = read_samples()
    say_where_we_are()

    step("Fit on 1999 to 2006 and save", "saveModel(model, name, metrics, config, examples=…)")
    first = save(samples, until=2006, bump="major")

    step("Let it forecast beside a rule of thumb, until it is clear who is better", "manager.recordShadow(…)")
    last_month, yesterday = save_rules_of_thumb()
    show_conclusion(compare_in_shadow(last_month, first, samples.years(2007, 2018)))

    step("Put it into production", "models.setActive(saved)")
    models.setActive(first, reason="first fit")
    moments = [datetime.now(UTC)]
    show("in production", first.id)

    step("Let a bot use it in a process of its own, on years it has not seen", "monitor.recordPrediction(…)")
    start_bot()

    step("Refit on 1999 to 2012 and save that, too", "saveModel(…, bump='minor', parent=first)")
    second = save(samples, until=2012, bump="minor", parent=first)

    step("Promote it, if nobody else promoted one meanwhile", "models.setActive(second, expected=first)")
    models.setActive(second, expected=first, reason="knows the crisis of 2008")
    moments.append(datetime.now(UTC))
    show("in production", second.id)
    start_bot()

    step("See how each performed in its years", "monitor.getMetricsHistory(name, version)")
    show_performance((first, 2007), (first, 2013), (second, 2013))

    step(
        "Look at the month in which the market moved most, against the one before",
        "monitor.generateReport(name, 'monthly', at=…)",
    )
    write_report(first)

    step("Ask whether the world is still that of the fit", "detector.comprehensiveDriftCheck(model_id=…)")
    doubt(first, second, samples)

    step("Give half of the weeks to something worse, until it is stopped by itself", "manager.getVariant(…)")
    show_stop(*try_out(first, yesterday, samples.years(2007, 2018)))

    step("Rehearse the way back, and return", "models.rollback(name, reason=…)")
    show("in production", models.rollback(NAME, reason="a rehearsal").id)
    moments.append(datetime.now(UTC))
    show("and again", models.setActive(second, expected=first, reason="the rehearsal is over").id)
    moments.append(datetime.now(UTC))

    step("Ask what was in production when", "models.activeAt(name, when)")
    for moment in moments:
        active = models.activeAt(NAME, moment)
        show(f"{moment:%H:%M:%S.%f} UTC", active.id if active else "nothing")

    step("Check that it is whole and forecasts what it forecast", "models.validate(name, predict=forecast)")
    for check in models.validate(NAME, predict=forecast).checks:
        show(check.name, "yes" if check.passed else f"NO: {check.detail}")

    step("See what happened", "models.history(name)")
    for event in models.history(NAME)[-6:]:
        print(f"   {event}")

    step("See where it lies", models.store.url)
    show_files()

    step("See all of it on one page", "dashboard.write(path)")
    show("written to", dashboard.write("dashboard.html", title="S&P 500", monitor=open_monitor()))
    show("it says, too", "that the bot has been silent since 2018, for these years are past")
    say_what_next()


def say_where_we_are() -> None:
    """Say whether this is the first run in this store."""
    if not models.store.guarantees().durable:
        sys.exit(f"{models.store.url} ends with this process: name another store in MLPROD_STORE.")
    print("Forecasting how much the S&P 500 will move over the next week, from its daily prices, by HAR:")
    print("a regression on how much it moved over the last day, week and month.")
    known = models.listModels(name=NAME)
    if known:
        print(f"Continuing in {models.store.url}: of {len(known)} versions {known[-1].id} is the latest.")
    else:
        print(f"Starting in {models.store.url}: there is no {NAME} in it yet.")


def save(samples: Samples, *, until: int, bump: Bump, parent: ModelMetadata | None = None) -> ModelMetadata:
    """Measure on the last two years, held out; then fit on all years, and save that."""
    metrics = measure(fit(samples.years(1999, until - 2)), samples.years(until - 1, until))
    used = samples.years(1999, until)
    model, inputs = fit(used), used.features[-20:]
    started = time.perf_counter()
    saved = saveModel(
        model,
        NAME,
        metrics,
        {"fitted_until": until, "measured_from": until - 1, "windows": WINDOWS, "days_ahead": AHEAD},
        bump=bump,
        parent=parent,
        examples=(inputs, forecast(model, inputs)),
    )
    milliseconds = 1000 * (time.perf_counter() - started)
    show("saved", f"{saved.id}, {saved.size} bytes of format {saved.format!r}, in {milliseconds:.0f} ms")
    show("measured on 2 held-out years", in_words(metrics))
    return saved


def in_words(metrics: Mapping[str, float]) -> str:
    """Say how good forecasts are."""
    return f"{metrics['gain']:.1%} less error than 'the same as last week' (r2 {metrics['r2']:.2f})"


def start_bot() -> None:
    """Start the bot: a process that shares nothing with this one but the store."""
    subprocess.run([sys.executable, __file__, AS_BOT], check=True)


def show_performance(*periods: tuple[ModelMetadata, int]) -> None:
    """Compare what was recorded about some versions from a year on, from one process or another."""
    monitor = open_monitor()
    print(f"   {'':<38}within 5 points  mean error  latency p99  sharpe a year     P&L")
    for version, year in periods:
        begin, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + YEARS, 1, 1, tzinfo=UTC)
        history = monitor.getMetricsHistory(NAME, version.version, step=end - begin, since=begin)
        row = {name: column[0] for name, column in history.columns.items()}
        money = f"{row['sharpe_ratio']:>15.2f}{row['total_pnl']:>8,.0f}"
        print(
            f"   {version.id:<24}{year} to {year + YEARS - 1}{row['accuracy']:>17.1%}{row['mae']:>12.2f}"
            f"{row['p99_latency_ms']:>10.3f} ms{money if row['trades_total'] else '            did not act'}"
        )
    print(f"   One account acted, which began with {CAPITAL:,.0f}.")


def show_conclusion(conclusion: ExperimentConclusion) -> None:
    """Say who won."""
    show("winner", conclusion.winner)
    show("verdict", conclusion.recommendation)


def show_stop(experiment_id: str, audit: Audit) -> None:
    """Say when and why an experiment was stopped, and how often one without a difference would be."""
    manager = getABTestingManager()
    experiment = manager.getExperiment(experiment_id)
    weeks = {name: found.predictions for name, found in manager.getMetrics(experiment_id).items()}
    show("stopped after", ", ".join(f"{count} weeks with the {name}" for name, count in weeks.items()))
    show("because", experiment.reason)
    show("certificate", audit.summary)
    page = Path("experiment.html")
    write_analysis(manager, experiment_id, page)
    show("written to", str(page.absolute()))


def write_report(version: ModelMetadata) -> None:
    """Write the report of October 2008 as a page that any browser opens."""
    report = open_monitor().generateReport(NAME, "monthly", version=version.version, at=WILDEST_MONTH)
    page = Path(f"{NAME}-{WILDEST_MONTH:%Y-%m}.html")
    page.write_text(report.toHtml(), encoding="utf-8")
    now, before = report.metrics, report.previous
    show(
        "within 5 points",
        f"{now.accuracy:.0%} of {now.predictions_total} forecasts, {before.accuracy:.0%} before",
    )
    show(
        "profit and loss", f"{now.total_pnl:,.0f} in {now.trades_total} weeks, {before.total_pnl:,.0f} before"
    )
    show("written to", str(page.absolute()))


def doubt(first: ModelMetadata, second: ModelMetadata, samples: Samples) -> None:
    """Check both versions for drift, and write the report of the crisis."""
    crisis = check_drift(first, samples, (1999, 2006), (2008, 2009))
    show_drift("2008 and 2009, for 1999-2006", crisis)
    show_drift("2013 to 2018, for 1999-2012", check_drift(second, samples, (1999, 2012), (2013, 2018)))
    show_drift("2005, against 2004", calm_years(first, samples))
    show("errors", "of the logarithm: 0.1 is about 10% too much, or too little")
    page = Path("drift.html")
    write_page(crisis, page)
    show("written to", str(page.absolute()))


def check_drift(
    version: ModelMetadata, samples: Samples, fitted: tuple[int, int], new: tuple[int, int]
) -> DriftReport:
    """Compare some years with those that a version was fitted on, and with the two held out to measure it."""
    model, (first, until) = loadModel(version), fitted
    held_out = errors(fit(samples.years(first, until - 2)), samples.years(until - 1, until))
    was, now = samples.years(*fitted), samples.years(*new)
    return check_years(getDriftDetector(), version, model, fitted=was, held_out=held_out, new=now)


def calm_years(version: ModelMetadata, samples: Samples) -> DriftReport:
    """Compare two years in which little happened: in memory, since 2004 is nobody's reference."""
    model, was, now = loadModel(version), samples.years(2004, 2004), samples.years(2005, 2005)
    detector = DriftDetector("memory://calm")
    return check_years(detector, version, model, fitted=was, held_out=errors(model, was), new=now)


def show_drift(what: str, report: DriftReport) -> None:
    """Say whether there is drift, and why."""
    retrain = ", reason enough to fit anew" if getDriftDetector().shouldRetrain(report) else ""
    show(what, f"{'DRIFT' if report.overall.drift_detected else 'no drift'}{retrain}")
    for reason in report.overall.reasons:
        print(f"      {reason}")


def show_files() -> None:
    """List the folders of the store with the number and size of their files."""
    sizes = defaultdict[str, list[int]](list)
    for path in (
        path for root in ("models", "experiments", "drift", "journal") for path in models.store.list(root)
    ):
        folder = next(folder for folder in HOLDS if path.startswith(folder))
        sizes[folder].append(models.store.size(path))
    for folder, found in sizes.items():
        print(f"   {folder:<18}{len(found):>4} files {sum(found):>9,} bytes   {HOLDS[folder]}")


def say_what_next() -> None:
    """Say what to type now."""
    setting = f"MLPROD_STORE={os.environ['MLPROD_STORE']} " if "MLPROD_STORE" in os.environ else ""
    print(f"""
Next, type in {Path.cwd()}: {setting}{os.path.relpath(sys.executable)}
   >>> from mlprod import getABTestingManager, getActiveModel, getDriftDetector
   >>> from mlprod import getModelSerializer, getPerformanceMonitor
   >>> getActiveModel("{NAME}")                      # the model itself
   >>> models = getModelSerializer()
   >>> models.best("{NAME}", "gain").id              # of all versions
   >>> models.compare("{NAME}@1.0.0", "{NAME}@production").metrics
   >>> getPerformanceMonitor().getLatestMetrics("{NAME}")
   >>> getABTestingManager().listExperiments()[-1].conclusion
   >>> getDriftDetector().history("{NAME}")[-1].overall.reasons
Or run this again: it continues where it ended.""")


def step(title: str, call: str) -> None:
    """Announce a step, and the call that does it."""
    print(f"\n{next(steps):>2} {title}\n   {call}", flush=True)


def show(what: str, value: str) -> None:
    """Print one fact."""
    print(f"   {what:<29} {value}", flush=True)


if __name__ == "__main__":
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no arrows still gets the words
    bot.main(NAME) if AS_BOT in sys.argv else main()
