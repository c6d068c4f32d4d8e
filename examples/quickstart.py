"""A model of real market data: saved, put into production, used by a second process, replaced, rolled back.

``python3 dev.py quickstart`` runs it. It works in the default store: the folder ``.mlprod`` under the
current directory, or whatever the environment variable ``MLPROD_STORE`` names.
"""

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from io import TextIOWrapper
from itertools import count
from typing import cast

from volatility import AHEAD, WINDOWS, Samples, fit, forecast, measure, read_samples

from mlprod import ModelMetadata, getActiveModel, getModelSerializer, saveModel
from mlprod.models import Bump

NAME = "sp500-volatility"
IN_SECOND_PROCESS = "--in-second-process"
HOLDS = {
    "commits": "every decision, numbered, never changed",
    "snapshots": "the sum of the decisions, to open fast",
    NAME: "the versions and their examples",
}

models = getModelSerializer()
steps = count(1)


def main() -> None:
    """Run the steps in order."""
    samples = read_samples()
    say_where_we_are()

    step("Fit on 1999 to 2006 and save", "saveModel(model, name, metrics, config, examples=…)")
    first = save(samples, until=2006, bump="major")

    step("Put it into production", "models.setActive(saved)")
    models.setActive(first, reason="first fit")
    moments = [datetime.now(UTC)]
    show("in production", first.id)

    step("Use it in a second process, on years it has not seen", "getActiveModel(name)")
    start_second_process()

    step("Refit on 1999 to 2012 and save that, too", "saveModel(…, bump='minor', parent=first)")
    second = save(samples, until=2012, bump="minor", parent=first)

    step("Promote it, if nobody else promoted one meanwhile", "models.setActive(second, expected=first)")
    models.setActive(second, expected=first, reason="knows the crisis of 2008")
    moments.append(datetime.now(UTC))
    show("in production", second.id)
    start_second_process()

    step("Roll back", "models.rollback(name, reason=…)")
    show("in production", models.rollback(NAME, reason="a rehearsal").id)
    moments.append(datetime.now(UTC))

    step("Ask what was in production when", "models.activeAt(name, when)")
    for moment in moments:
        active = models.activeAt(NAME, moment)
        show(f"{moment:%H:%M:%S.%f} UTC", active.id if active else "nothing")

    step("Check that it is whole and forecasts what it forecast", "models.validate(name, predict=forecast)")
    for check in models.validate(NAME, predict=forecast).checks:
        show(check.name, "yes" if check.passed else f"NO: {check.detail}")

    step("See what happened", "models.history(name)")
    for event in models.history(NAME)[-5:]:
        print(f"   {event}")

    step("See where it lies", models.store.url)
    show_files()
    say_what_next()


def say_where_we_are() -> None:
    """Say whether this is the first run in this store."""
    if not models.store.guarantees().durable:
        sys.exit(f"{models.store.url} ends with this process: name another store in MLPROD_STORE.")
    print("Forecasting how much the S&P 500 will move over the next week, from its daily prices.")
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


def start_second_process() -> None:
    """Start this script again: another process that shares nothing with this one but the store."""
    subprocess.run([sys.executable, __file__, IN_SECOND_PROCESS], check=True)


def second_process() -> None:
    """Load what is in production, and measure it on the years after those it was fitted on."""
    metadata, model, samples = models.getMetadata(NAME), getActiveModel(NAME), read_samples()
    show(f"process {os.getpid()} loaded", metadata.id)
    for first, last in ((2007, 2012), (2013, 2018)):
        if first > cast("int", metadata.config["fitted_until"]):
            show(f"forecasts of {first} to {last}", in_words(measure(model, samples.years(first, last))))


def show_files() -> None:
    """List the folders of the model's store with the number and size of their files."""
    sizes = defaultdict[str, list[int]](list)
    for path in models.store.list("models"):
        sizes[path.rpartition("/")[0]].append(models.store.size(path))
    for folder, found in sizes.items():
        holds = HOLDS.get(folder.rpartition("/")[2], "")
        print(f"   {folder:<34}{len(found):>4} files {sum(found):>8,} bytes   {holds}")


def say_what_next() -> None:
    """Say what to type now."""
    setting = f"MLPROD_STORE={os.environ['MLPROD_STORE']} " if "MLPROD_STORE" in os.environ else ""
    print(f"""
Next, type in the same folder: {setting}{os.path.relpath(sys.executable)}
   >>> from mlprod import getActiveModel, getModelSerializer
   >>> getActiveModel("{NAME}")                      # the model itself
   >>> models = getModelSerializer()
   >>> models.best("{NAME}", "gain").id              # of all versions
   >>> models.compare("{NAME}@latest", "{NAME}@production").metrics
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
    second_process() if IN_SECOND_PROCESS in sys.argv else main()
