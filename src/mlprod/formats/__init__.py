"""How a model becomes bytes, and bytes a model, without running anything they contain."""

from mlprod.formats._binary import BinaryFormat
from mlprod.formats._format import Format
from mlprod.formats._json import JSONFormat
from mlprod.formats._keras import KerasFormat
from mlprod.formats._onnx import ONNXFormat
from mlprod.formats._pickle import PickleFormat
from mlprod.formats._registry import Formats
from mlprod.formats._skops import SkopsFormat
from mlprod.formats._trust import Trust

__all__ = [
    "BinaryFormat",
    "Format",
    "Formats",
    "JSONFormat",
    "KerasFormat",
    "ONNXFormat",
    "PickleFormat",
    "SkopsFormat",
    "Trust",
]
