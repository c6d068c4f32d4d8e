"""ONNX models: what is saved is whole, and loading reads nothing but the payload."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mlprod.errors import FormatError, MissingExtraError
from mlprod.formats._onnx import ONNXFormat
from mlprod.formats._trust import Trust

onnx = pytest.importorskip("onnx")
helper = pytest.importorskip("onnx.helper")
numpy_helper = pytest.importorskip("onnx.numpy_helper")
reference = pytest.importorskip("onnx.reference")
TensorProto = onnx.TensorProto

WEIGHTS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
INPUTS = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)


@pytest.fixture(name="model")
def make_model():
    """A linear layer with a ReLU."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["y"])],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.fixture(name="external")
def write_external(model, tmp_path):
    """The path of a model whose weights are in a file beside it."""
    path = tmp_path / "external.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").stat().st_size >= WEIGHTS.nbytes
    return path


def save(model):
    """Return the payload in one piece."""
    return b"".join(ONNXFormat().encode(model))


def load(payload):
    """Load without any permission."""
    return ONNXFormat().decode(memoryview(payload), trust=Trust())


def predict(model):
    """Run the reference implementation of the ONNX operators."""
    return reference.ReferenceEvaluator(model).run(None, {"x": INPUTS})[0]


def point_outside(tensor, location):
    """Make a tensor say that its data lie in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=str(location))


def test_round_trip_predicts_the_same(model):
    """A loaded model computes what numpy computes with the same weights."""
    loaded = load(save(model))
    assert isinstance(loaded, onnx.ModelProto)
    np.testing.assert_allclose(np.maximum(INPUTS @ WEIGHTS, 0), predict(loaded), rtol=1e-5)
    assert model == loaded


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_serialised_bytes_are_kept_as_they_are(model, kind):
    """Bytes are checked, not rewritten."""
    payload = model.SerializeToString()
    assert payload == save(kind(payload))


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_saved_by_its_path(model, tmp_path, kind):
    """A string is a path, never a model."""
    onnx.save(model, tmp_path / "model.onnx")
    assert model == load(save(kind(tmp_path / "model.onnx")))


def test_weights_beside_a_file_are_pulled_in(external, tmp_path):
    """The payload of a model with external weights needs no other file."""
    payload = save(external)
    (tmp_path / "weights.bin").unlink()
    np.testing.assert_allclose(np.maximum(INPUTS @ WEIGHTS, 0), predict(load(payload)), rtol=1e-5)


def test_weights_outside_of_the_folder_are_refused(external, tmp_path):
    """A file cannot make saving read what lies elsewhere on the disk."""
    proto = onnx.load(external, load_external_data=False)
    (tmp_path / "secret").write_bytes(bytes(WEIGHTS.nbytes))
    point_outside(proto.graph.initializer[0], "../secret")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "model.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(FormatError, match="cannot read the ONNX model"):
        save(tmp_path / "inner" / "model.onnx")


def test_missing_weights_are_an_error(external, tmp_path):
    """A model whose weights have gone cannot be saved."""
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(FormatError, match=r"cannot read the ONNX model .*external\.onnx"):
        save(external)


def test_a_model_in_memory_without_its_weights_is_refused(external):
    """A ModelProto that refers to a file has lost its folder."""
    proto = onnx.load(external, load_external_data=False)
    with pytest.raises(FormatError, match="tensor 'w' in another file; save it by its path"):
        save(proto)


def initializer(model):
    return model.graph.initializer[0]


def attribute_in_a_subgraph(model):
    node = model.graph.node.add(op_type="If").attribute.add(name="then_branch").g.node.add(op_type="Constant")
    return node.attribute.add(name="value").t


def sparse(model):
    return model.graph.sparse_initializer.add().values


def training(model):
    return model.training_info.add().algorithm.initializer.add()


def default_of_a_function(model):
    return model.functions.add(name="f").attribute_proto.add(name="a").t


@pytest.mark.parametrize(
    "place", [initializer, attribute_in_a_subgraph, sparse, training, default_of_a_function]
)
def test_a_payload_that_names_another_file_is_refused(model, tmp_path, place):
    """External data are found wherever a model can hold a tensor, and never read."""
    (tmp_path / "secret").write_bytes(bytes(WEIGHTS.nbytes))
    tensor = place(model)
    tensor.name = "stolen"
    point_outside(tensor, tmp_path / "secret")
    with pytest.raises(FormatError, match="keeps its tensor 'stolen' in another file"):
        load(model.SerializeToString())


def test_a_location_is_refused_even_if_the_tensor_says_it_has_its_data(model, tmp_path):
    """Runtimes differ in which of the two fields they believe."""
    initializer(model).external_data.add(key="location", value=str(tmp_path / "secret"))
    with pytest.raises(FormatError, match="in another file"):
        load(model.SerializeToString())


@pytest.mark.parametrize(
    "garbage", [b"", b"\0", b"not a model", b"\x80\x05N.", b"\x08\x07", b"PK\x03\x04" * 9]
)
def test_garbage_is_refused(garbage):
    """Neither side takes bytes that are no model with a graph."""
    with pytest.raises(FormatError):
        save(garbage)
    with pytest.raises(FormatError):
        load(garbage)


def test_every_truncation_is_refused(model):
    """A payload that was cut off does not load."""
    payload = save(model)
    for length in range(len(payload)):
        with pytest.raises(FormatError):
            load(payload[:length])


def test_a_missing_file_is_named():
    """The message says which file there is not."""
    with pytest.raises(FormatError, match=r"cannot read the ONNX model /nowhere/model\.onnx"):
        save("/nowhere/model.onnx")


def test_other_objects_are_refused():
    """Asked for by name, the format says what it takes."""
    with pytest.raises(FormatError, match=r"builtins\.dict is no ONNX model; pass"):
        save({})


def nested(depth):
    """Graphs within each other."""
    proto = onnx.ModelProto(ir_version=8, opset_import=[helper.make_opsetid("", 18)])
    graph = proto.graph
    graph.SetInParent()
    for _ in range(depth):
        graph = graph.node.add().attribute.add().g
        graph.SetInParent()
    return proto


def test_graphs_may_be_nested_deep():
    """Thirty levels of control flow come back."""
    assert nested(30) == load(save(nested(30)))


@pytest.mark.parametrize("depth", [33, 34, 40, 400])
def test_what_could_not_be_read_back_is_not_saved(depth):
    """Protobuf writes nested graphs that it then refuses to read."""
    with pytest.raises(FormatError, match="99 messages deep"):
        save(nested(depth))


def test_more_than_protobuf_can_hold_is_refused(model, monkeypatch):
    """Protobuf's own message is "Failed to serialize proto"; ours says how much it holds."""

    def fail(self):  # as it does for 2 GiB of real weights, after taking 4 GiB of memory
        raise encode_error

    encode_error = pytest.importorskip("google.protobuf.message").EncodeError("Failed to serialize proto")
    monkeypatch.setattr(onnx.ModelProto, "SerializeToString", fail)
    with pytest.raises(FormatError, match="protobuf holds at most 2 GiB"):
        save(model)


@pytest.mark.parametrize(
    ("recognized", "what"),
    [(True, Path("a.onnx")), (False, Path("a.h5")), (False, "a.onnx"), (False, b""), (False, {})],
)
def test_paths_are_recognized_by_their_suffix(recognized, what):
    """Plain strings and bytes are data until the caller names the format."""
    assert recognized is ONNXFormat().recognizes(what)


def test_models_are_recognized_without_an_import(model, monkeypatch):
    """The look works with the module that the object came from, and with none."""
    assert ONNXFormat().recognizes(model)
    monkeypatch.delitem(sys.modules, "onnx")
    assert not ONNXFormat().recognizes(model)
    assert "onnx" not in sys.modules


def test_the_missing_package_is_named(monkeypatch):
    """Without onnx both sides say which extra brings it."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert not ONNXFormat().recognizes({})
    with pytest.raises(MissingExtraError, match=r"mlprod\[onnx\]"):
        save(b"")
    with pytest.raises(MissingExtraError, match=r"mlprod\[onnx\]"):
        load(b"")
