"""Whole stores in which one file is damaged, and all that can be asked of them.

An input is the path of the file, the end of a line, and what it holds instead.
"""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

import numpy as np

from fuzz.everything import NOW, copied, files
from fuzz.frames import BINARY, BLOCK, JSON, RECORD, SEGMENT, Frame
from fuzz.target import Target
from mlprod import ABTestingManager, DriftDetector, ModelSerializer, PerformanceMonitor, Trust
from mlprod.errors import MLProdError
from mlprod.storage import MemoryStore
from mlprod.testing import FrozenClock

__all__ = ["TARGETS"]

_LATER: Final = NOW + timedelta(hours=1)
_FRAMES: Final = {".json": RECORD, ".sum": RECORD, ".seg": SEGMENT, ".col": BLOCK, ".safetensors": BINARY}
_KIND: Final = re.compile(rb'"kind":"([a-z_.]+)"')
_DATA = {"rsi": np.linspace(20, 80, 50), "atr": np.linspace(0, 5, 50), "side": ["a", "b"] * 25}

_Step = Callable[[], object]


def _all(steps: Iterator[_Step]) -> None:
    """Ask everything: an error of the library answers one question, and the next is asked all the same."""
    for step in steps:
        with contextlib.suppress(MLProdError):
            step()


def _models(store: MemoryStore) -> Iterator[_Step]:
    models = ModelSerializer(store, clock=FrozenClock(_LATER))
    yield lambda: [found.to_dict() for found in models.list_models()]
    yield lambda: [found._repr_html_() for found in models.list_models(tag="a", stage="production")]
    yield models.get_active
    yield functools.partial(models.cleanup, dry_run=True)
    for ref in (
        "momentum",
        "har",
        "momentum@1.0.1",
        "momentum@staging",
        "momentum@latest",
        "momentum@turn-3",
    ):
        yield functools.partial(models.load, ref)
        yield functools.partial(models.load, ref, verify="size")
        yield functools.partial(models.load, ref, trust=Trust(key=b"0" * 16))
        yield lambda ref=ref: models.get_metadata(ref).to_dict()
        yield lambda ref=ref: models.validate(ref, predict=lambda model, _: model).to_dict()
    for name in ("momentum", "har"):
        yield lambda name=name: [event.to_dict() for event in models.history(name)]
        yield functools.partial(models.get_versions, name)
        yield functools.partial(models.active_at, name, NOW)
        yield functools.partial(models.best, name, "accuracy")
    yield lambda: models.compare("momentum@1.0.0", "momentum@1.0.1").to_dict()
    yield functools.partial(models.set_active, "momentum@1.0.1", expected="1.0.0")
    yield functools.partial(models.rollback, "momentum")
    yield functools.partial(models.tag, "momentum", "new")
    yield functools.partial(models.save, [1], "momentum", bump="minor")
    yield functools.partial(models.delete, "momentum@1.0.1")
    yield functools.partial(models.cleanup, grace_hours=0)


def _monitoring(store: MemoryStore) -> Iterator[_Step]:
    monitor = PerformanceMonitor(store, initial_capital=1000.0, clock=FrozenClock(_LATER))
    for version in (None, "1.0.0"):
        yield lambda version=version: monitor.get_latest_metrics("momentum", version).to_dict()
        yield functools.partial(monitor.get_latest_metrics, "momentum", version, window="50m")
        yield lambda version=version: monitor.get_metrics_history("momentum", version, step="10m").to_dict()
    yield functools.partial(monitor.get_features, "momentum", "1.0.0")
    yield lambda: monitor.generate_report("momentum").to_html()
    yield lambda: monitor.get_model_health("momentum").to_dict()
    yield lambda: [alert.to_dict() for alert in (*monitor.get_active_alerts(), *monitor.get_alert_history())]
    yield lambda: [monitor.acknowledge_alert(alert.id) for alert in monitor.get_active_alerts()]
    yield functools.partial(monitor.compact, "momentum")
    yield lambda: monitor.get_latest_metrics("momentum").to_dict()


def _experiments(store: MemoryStore) -> Iterator[_Step]:
    manager = ABTestingManager(store, clock=FrozenClock(_LATER))
    yield lambda: [found.to_dict() for found in manager.list_experiments()]
    yield lambda: [found._repr_html_() for found in manager.list_experiments("running")]
    for id_ in ("running", "ended", "shadow"):
        yield functools.partial(manager.get_variant, id_, "unit", {"s": "x"})
        yield functools.partial(manager.assign, id_, ["a", 7])
        yield lambda id_=id_: {name: found.to_dict() for name, found in manager.get_metrics(id_).items()}
        yield lambda id_=id_: manager.analyze(id_).to_dict()
        yield lambda id_=id_: manager.analyze(id_)._repr_html_()
        yield functools.partial(manager.compact, id_)
    yield lambda: manager.audit("running").to_dict()
    yield functools.partial(manager.set_traffic, "running", [0.5, 0.5])
    yield functools.partial(manager.pause_experiment, "running")
    yield functools.partial(manager.resume_experiment, "running")
    yield lambda: manager.end_experiment("running").to_dict()
    yield lambda: manager.end_experiment("shadow")._repr_html_()


def _drift(store: MemoryStore) -> Iterator[_Step]:
    detector = DriftDetector(store, clock=FrozenClock(_LATER))
    yield lambda: detector.get_reference("momentum@1.0.0").to_dict()
    yield lambda: detector.check("momentum@1.0.0", _DATA).to_html()
    yield functools.partial(detector.check_performance, "momentum@1.0.0", np.linspace(0, 3, 50))
    yield lambda: [report.to_html() for report in detector.history("momentum@1.0.0")]
    yield lambda: [report.to_dict() for report in detector.history("momentum")]
    yield lambda: [detector.should_retrain(report) for report in detector.history("momentum")]
    for name, row in (("momentum@1.0.0", {"rsi": 9.0, "atr": 1.0, "side": "a"}), ("har@1.0.0", {"x": 9.0})):
        yield functools.partial(detector.observe, name, row)
        yield lambda name=name: [alarm.to_dict() for alarm in detector.alarms(name)]
    yield detector.flush


def _asked(folders: tuple[str, ...], ask: Callable[[MemoryStore], Iterator[_Step]], name: str) -> Target:
    def decode(raw: bytes) -> None:
        path, _, content = raw.partition(b"\n")
        wanted = path.decode(errors="replace")
        if wanted not in files():
            return
        ledger, is_commit, _ = wanted.partition("/commits/")
        kept = {
            path: file
            for path, file in files().items()
            if not is_commit or not path.startswith(f"{ledger}/snapshots/")  # with which no commit is read
        }
        _all(ask(copied({**kept, wanted: content})))

    def seeds() -> list[bytes]:
        found = {
            (path.rpartition("/")[0], *_KIND.findall(content)): path.encode() + b"\n" + content
            for path, content in files().items()
            if path.startswith(folders)
        }
        return list(found.values())

    return Target(name, decode, seeds, _frame, warm_seeds=1)


def _frame(raw: bytes) -> Frame | None:
    """Return the frame of a file behind its path."""
    path = raw.partition(b"\n")[0]
    inner = _FRAMES.get(f".{path.decode(errors='replace').rpartition('.')[2]}")
    if path.startswith(b"models/payloads/") and path.endswith(b".json"):
        inner = JSON
    if inner is None:
        return None
    return Frame(
        lambda file: inner.split(file.partition(b"\n")[2]),
        lambda document, rest: path + b"\n" + inner.join(document, rest),
    )


_RECORDED: Final = ("journal/raw/", "journal/blocks/")

TARGETS = (
    _asked(("models/",), _models, "models"),
    _asked(
        (*(f"{place}monitoring/" for place in _RECORDED), "alerts/", "journal/ledger/"),
        _monitoring,
        "monitoring",
    ),
    _asked(
        (*(f"{place}experiments/" for place in _RECORDED), "experiments/", "journal/ledger/"),
        _experiments,
        "experiments",
    ),
    _asked(("drift/",), _drift, "drift"),
)
