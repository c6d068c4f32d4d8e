"""A store in which all four classes were used, and the page of it."""

from html.parser import HTMLParser

import numpy as np
import pytest

from mlprod import ABTestingManager, AlertThreshold, DriftDetector, ModelSerializer, PerformanceMonitor
from mlprod.dashboard._gathering import gather

VOID = {"meta", "br", "input", "link", "wbr"}


class Tree(HTMLParser):
    """Checks that every element is closed, and keeps ids, texts and links."""

    def __init__(self, source):
        super().__init__()
        self.open, self.ids, self.links, self.texts, self.attributes = [], [], [], [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, _, attrs):
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert tag == self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join("".join(self.texts).split())


@pytest.fixture
def tree():
    """Give a way to read markup."""
    return Tree


@pytest.fixture
def detector(store, clock):
    return DriftDetector(store, clock=clock)


@pytest.fixture
def monitor(store, clock):
    thresholds = [AlertThreshold("accuracy_drop", "accuracy", 0.9, "critical", window="30d")]
    with PerformanceMonitor(store, clock=clock, thresholds=thresholds, initial_capital=1e5) as monitor:
        yield monitor


@pytest.fixture
def manager(store, clock):
    with ABTestingManager(store, clock=clock) as manager:
        yield manager


@pytest.fixture
def snapshot(store, clock):
    """Give a way to gather what a store holds, through instances that know nothing else."""

    def snapshot():
        return gather(
            ModelSerializer(store, clock=clock),
            PerformanceMonitor(store, clock=clock, initial_capital=1e5),
            ABTestingManager(store, clock=clock),
            DriftDetector(store, clock=clock),
            clock=clock,
        )

    return snapshot


@pytest.fixture
def busy(models, monitor, manager, detector, clock):
    """Use everything: a model in production that is watched, checked and compared with the next one."""
    rng = np.random.default_rng(5)
    models.save({"w": [1.0]}, "har", {"gain": 0.07}, tags=["nightly"], aliases=["champion"], activate=True)
    models.save({"w": [2.0]}, "har", {"gain": 0.09}, bump="minor")
    models.save([0], "idle", activate=True)
    detector.set_reference("har", {"rsi": rng.normal(50, 10, 1000), "side": ["buy", "sell"] * 500})
    detector.check("har", {"rsi": rng.normal(70, 10, 400), "side": ["buy", "sell"] * 200})
    same = {"salt": "newer"}  # the units in every run, or it stops by itself in one of many
    manager.create_experiment("Is 1.1 better?", "On live trades", "har@1.0.0", "har@1.1.0", same, id="newer")
    manager.start_experiment("newer")
    monitor.record_drift("har", "1.0.0", feature_drift=0.1)
    for hour in range(72):
        is_right = hour % 3 > 0
        monitor.record_prediction(
            "har", "1.0.0", correct=is_right, confidence=0.5 + hour / 200, latency_ms=5.0 + hour % 7
        )
        monitor.record_trade("har", "1.0.0", pnl=120.0 if is_right else -150.0)
        variant = manager.get_variant("newer", hour)
        manager.record_trade("newer", variant.id, id=str(hour), symbol="SPX", pnl=float(rng.normal()))
        clock.advance(hours=1)
    monitor.record_drift("har", "1.0.0", feature_drift=0.4)
    monitor.get_active_alerts()
