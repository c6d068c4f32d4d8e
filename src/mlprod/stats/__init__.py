"""Statistics that add up: each is a value of its data, and the value of two parts is their sum."""

from mlprod.stats._calibration import Calibration
from mlprod.stats._drawdown import Drawdown
from mlprod.stats._moments import Moments
from mlprod.stats._sketch import LatencySketch

__all__ = ["Calibration", "Drawdown", "LatencySketch", "Moments"]
