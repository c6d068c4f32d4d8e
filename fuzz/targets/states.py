"""Statistics as plain data: sketches, sums and detectors that are written beside blocks, and by users."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from fuzz.frames import JSON
from fuzz.target import Target
from mlprod.stats import (
    Adwin,
    Calibration,
    ClusterSums,
    Drawdown,
    JointMoments,
    LatencySketch,
    Moments,
    e_from_state,
    e_start,
    e_step,
    e_to_state,
)

__all__ = ["TARGETS"]

_VALUES = np.random.default_rng(7).gamma(2, size=50)


def _mergeable(kind: Any) -> Callable[[Any], object]:  # noqa: ANN401 - they share no class
    def read(state: Any) -> object:  # noqa: ANN401 - JSON
        found = kind.from_state(state)
        return kind.from_state((found + found).to_state())

    return read


def _detector(state: Any) -> object:  # noqa: ANN401 - JSON
    return e_from_state(e_to_state(e_step(e_from_state(state), 0.5)))


def _adwin(state: Any) -> object:  # noqa: ANN401 - JSON
    found, _ = Adwin.from_state(state).step(0.5)
    return Adwin.from_state(found.to_state())


_READERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "adwin": _adwin,
    "calibration": _mergeable(Calibration),
    "clusters": _mergeable(ClusterSums),
    "drawdown": _mergeable(Drawdown),
    "e_detector": _detector,
    "joint": _mergeable(JointMoments),
    "moments": _mergeable(Moments),
    "sketch": _mergeable(LatencySketch),
}


def _read(raw: bytes) -> None:
    try:
        (named,) = json.loads(raw).items()
        name, state = named
        reader = _READERS[name]
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return
    if isinstance(state, Mapping):
        reader(state)


def _written() -> list[bytes]:
    adwin = Adwin()
    for value in _VALUES.tolist():
        adwin, _ = adwin.step(min(value / 10, 1.0))
    states = {
        "adwin": adwin.to_state(),
        "calibration": Calibration.of(_VALUES % 1, _VALUES > 1).to_state(),
        "clusters": ClusterSums.of(_VALUES, np.arange(50, dtype=np.uint64)).to_state(),
        "drawdown": Drawdown.of(_VALUES - 2).to_state(),
        "e_detector": e_to_state(e_step(e_start(slack=0.1, spread=0.25, block=2), 0.7)),
        "joint": JointMoments.of(_VALUES, _VALUES**2).to_state(),
        "moments": Moments.of(_VALUES).to_state(),
        "sketch": LatencySketch.of(_VALUES).to_state(),
    }
    return [json.dumps({name: state}).encode() for name, state in states.items()]


TARGETS = (Target("state", _read, _written, lambda _: JSON),)
