"""Models as bytes: the formats that other packages read after the library has looked at them."""

import functools
import io
import json
import zipfile
from collections.abc import Iterable

import numpy as np

from fuzz.frames import archive
from fuzz.target import Target
from mlprod.formats import Trust
from mlprod.formats._keras_file import inspect_file, suffix_of
from mlprod.formats._onnx import ONNXFormat
from mlprod.formats._skops import SkopsFormat

__all__ = ["TARGETS"]

_NOTHING = Trust()
_CONFIG = {
    "module": "keras", "class_name": "Sequential", "registered_name": None,
    "config": {"name": "s", "trainable": True, "layers": [
        {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 4]},
         "registered_name": None},
    ]},
}  # fmt: skip


def _onnx(raw: bytes) -> object:
    return ONNXFormat().decode(memoryview(raw), trust=_NOTHING)


def _onnx_files() -> Iterable[bytes]:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), "w")
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 3])]
    branch = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "then", [], outputs, [weights])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch),
    ]
    model = helper.make_model(helper.make_graph(nodes, "graph", inputs, outputs, [weights]))
    tiny = onnx.ModelProto(graph=onnx.GraphProto(), opset_import=[onnx.OperatorSetIdProto(version=1)])
    return [model.SerializeToString(), tiny.SerializeToString()]


def _skops(raw: bytes) -> object:
    return SkopsFormat().decode(memoryview(raw), trust=_NOTHING)


def _skops_files() -> Iterable[bytes]:
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = np.arange(12.0).reshape(4, 3), np.arange(4.0)
    for model in (
        LinearRegression().fit(x, y),
        make_pipeline(StandardScaler(), LinearRegression()).fit(x, y),
    ):
        yield b"".join(map(bytes, SkopsFormat().encode(model)))


def _keras(raw: bytes) -> object:
    """Look at archives whose weights are whole: what libhdf5 does with damaged ones is not the library's."""
    if _weights() not in raw:
        return None
    return inspect_file(io.BytesIO(raw), suffix_of(raw[:8]), len(raw))


@functools.cache
def _weights() -> bytes:
    import h5py

    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dense/vars/0"] = np.ones((4, 2), np.float32)
    return weights.getvalue()


def _keras_files() -> Iterable[bytes]:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as members:
        members.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        members.writestr("config.json", json.dumps(_CONFIG))
        members.writestr("model.weights.h5", _weights())
    return [content.getvalue()]


TARGETS = (
    Target("onnx", _onnx, _onnx_files, needs=("onnx",)),
    Target("skops", _skops, _skops_files, lambda _: archive("schema.json"), needs=("skops", "sklearn"),
           may_import=("sklearn", "numpy", "scipy")),
    Target("keras", _keras, _keras_files, lambda _: archive("config.json"), needs=("h5py",)),
)  # fmt: skip
