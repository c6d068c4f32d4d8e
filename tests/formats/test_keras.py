"""Keras models: a name in a file is resolved only if it is harmless or allowed."""

import io
import json
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")  # the default, tensorflow, is a heavy one

from mlprod.errors import FormatError, MissingExtraError, UntrustedModelError
from mlprod.formats._keras import KerasFormat
from mlprod.formats._trust import Trust

keras = pytest.importorskip("keras")
h5py = pytest.importorskip("h5py")

# Keras passes its variables to np.array, whose copy= their __array__ does not know (3.15.1).
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

INPUTS = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
LAMBDA = "keras.layers.Lambda"


def save(model):
    """Return the payload in one piece."""
    return b"".join(KerasFormat().encode(model))


def load(payload, *types):
    """Load with nothing but the given types allowed."""
    return KerasFormat().decode(memoryview(payload), trust=Trust(types=types))


def predict(model):
    return np.asarray(model(INPUTS))


def sequential():
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, activation="gelu", kernel_regularizer="l2"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(1, kernel_initializer=keras.initializers.HeNormal(seed=1)),
        ]
    )


def functional():
    """Two branches, operators and slices instead of layers, and a recurrent layer in a wrapper."""
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(4, activation=keras.activations.silu)(inputs)
    hidden = keras.ops.relu(hidden * 2.0 + inputs)[:, 1:]
    hidden = keras.layers.Bidirectional(keras.layers.LSTM(2))(keras.layers.Reshape((3, 1))(hidden))
    return keras.Model(inputs, keras.layers.Concatenate()([hidden, keras.layers.Dense(1)(inputs)]))


@pytest.fixture(name="trained", scope="module")
def train_model():
    """A model compiled with objects and with functions, whose optimizer has a state."""
    model = sequential()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model.compile(keras.optimizers.Adam(schedule), keras.losses.mean_squared_error, metrics=["mae"])
    model.fit(INPUTS, INPUTS[:, :1], epochs=2, verbose=0)
    return model


@pytest.fixture(name="payload", scope="module")
def save_trained(trained):
    return save(trained)


@pytest.fixture(name="h5", scope="module")
def write_h5(tmp_path_factory, trained):
    """The path of a legacy file of the same model."""
    path = tmp_path_factory.mktemp("legacy") / "model.h5"
    trained.save(path)
    return path


@pytest.fixture(name="marker")
def marker_file(tmp_path):
    """What an attack would create; it must not exist in the end."""
    path = tmp_path / "attacked"
    yield path
    assert not path.exists()


def members_of(payload):
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members, compression=zipfile.ZIP_STORED):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def with_config(payload, change):
    """Return a .keras payload with its config changed, as anyone with write access can do."""
    members = members_of(payload)
    config = json.loads(members["config.json"])
    change(config)
    return zipped({**members, "config.json": json.dumps(config)})


def with_h5(path, change):
    """Return a changed copy of an .h5 file."""
    content = io.BytesIO(path.read_bytes())
    with h5py.File(content, "r+") as file:
        change(file)
    return content.getvalue()


def with_h5_config(path, change):
    def change_attribute(file):
        config = json.loads(file.attrs["model_config"])
        change(config)
        file.attrs["model_config"] = json.dumps(config)

    return with_h5(path, change_attribute)


def layers(config):
    return config["config"]["layers"]


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def layer(module, name, /, **config):
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


# Round trips


@pytest.mark.parametrize("build", [sequential, functional])
def test_round_trip_predicts_the_same(build):
    """A loaded model computes the same."""
    model = build()
    loaded = load(save(model))
    assert type(model) is type(loaded)
    np.testing.assert_array_equal(predict(model), predict(loaded))


def test_a_trained_model_goes_on_where_it_was(trained, payload):
    """A .keras file of parts that Keras knows comes back compiled, with the state of the optimizer."""
    loaded = load(payload)
    assert loaded.compiled
    assert int(trained.optimizer.iterations) == int(loaded.optimizer.iterations) > 0
    np.testing.assert_array_equal(predict(trained), predict(loaded))


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_file_is_saved_by_its_path_as_it_is(trained, tmp_path, kind, name):
    """Both kinds of file are kept byte for byte, and told apart without their names."""
    trained.save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert content == save(kind(tmp_path / name))
    np.testing.assert_array_equal(predict(trained), predict(load(content)))


def test_h5_comes_back_uncompiled(h5):
    """Keras reads the training config of .h5 files outside its safe mode, so it is left alone."""
    assert not load(h5.read_bytes()).compiled


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_bfloat16"])
def test_weights_of_other_dtypes_come_back(dtype):
    """Also those that HDF5 does not know."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, dtype=dtype)])
    for expected, actual in zip(model.weights, load(save(model)).weights, strict=True):
        assert expected.dtype == actual.dtype
        np.testing.assert_array_equal(np.asarray(expected), np.asarray(actual))


def test_a_quantized_model_comes_back():
    """The configuration of a quantization is part of Keras."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
    model.layers[0].quantize("int8")
    np.testing.assert_array_equal(predict(model), predict(load(save(model))))


# Code of others


SOURCE = """
import keras
from pathlib import Path

Path({marker!r}).touch()

@keras.saving.register_keras_serializable(package="mybot")
class Doubling(keras.layers.Layer):
    def call(self, x):
        return x * 2

@keras.saving.register_keras_serializable(package="mybot")
def cubed(x):
    return x**3

@keras.saving.register_keras_serializable(package="mybot")
class Loss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred))
"""


@pytest.fixture(name="mybot")
def write_package(tmp_path, monkeypatch):
    """A module with custom layers; returns its name and a function that makes Python forget it."""
    name = f"mybot_{tmp_path.name.replace('-', '_')}"
    imported = tmp_path / "imported"
    Path(tmp_path, f"{name}.py").write_text(SOURCE.format(marker=str(imported)), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def forget():
        sys.modules.pop(name, None)
        imported.unlink(missing_ok=True)
        registered = keras.saving.get_custom_objects()
        for key in [key for key in registered if key.startswith("mybot>")]:
            del registered[key]

    yield name, forget, imported
    forget()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_custom_layer_is_imported_only_if_it_is_named(mybot, tmp_path, suffix):
    """Without the permission its module is not imported; with it the model is whole."""
    name, forget, imported = mybot
    doubling = getattr(__import__(name), "Doubling")  # noqa: B009 - the module has no static type
    model = keras.Sequential([keras.Input((4,)), doubling(), keras.layers.Dense(1)])
    expected = predict(model)
    model.save(tmp_path / f"model{suffix}")
    payload = save(tmp_path / f"model{suffix}")
    forget()
    with pytest.raises(UntrustedModelError, match="Doubling"):
        load(payload)
    assert not imported.exists()
    np.testing.assert_array_equal(expected, predict(load(payload, f"{name}.Doubling")))
    assert imported.exists()


def test_a_custom_function_is_imported_only_if_it_is_named(mybot):
    """Keras stores functions without their module; the permission says where they are."""
    name, forget, imported = mybot
    cubed = getattr(__import__(name), "cubed")  # noqa: B009 - the module has no static type
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation=cubed)])
    expected, payload = predict(model), save(model)
    forget()
    with pytest.raises(UntrustedModelError, match="needs cubed: not part of Keras"):
        load(payload)
    assert not imported.exists()
    np.testing.assert_array_equal(expected, predict(load(payload, f"{name}.cubed")))


def test_a_custom_loss_does_not_keep_a_model_from_predicting(mybot):
    """What is needed for training alone is left out, or allowed by its name."""
    name, forget, imported = mybot
    model = sequential()
    model.compile("sgd", getattr(__import__(name), "Loss")())  # noqa: B009 - the module has no static type
    model.fit(INPUTS, INPUTS[:, :1], verbose=0)
    expected, payload = predict(model), save(model)
    forget()
    loaded = load(payload)
    assert not loaded.compiled
    assert not imported.exists()
    np.testing.assert_array_equal(expected, predict(loaded))
    assert load(payload, f"{name}.Loss").compiled


def test_a_permission_covers_what_it_names_and_nothing_else(payload, mybot):
    """A file cannot give an allowed class the name of another one."""
    name, _, _ = mybot

    def change(config):
        layers(config)[1] |= {"module": name, "class_name": "Doubling", "registered_name": "Dense"}

    with pytest.raises(UntrustedModelError, match=r"registers .*\.Doubling as 'Dense', which it is not"):
        load(with_config(payload, change), f"{name}.Doubling")


def test_what_cannot_be_imported_is_named(payload):
    """An allowed class that is not installed is an error of its own."""

    def change(config):
        layers(config)[1] |= {"module": "no_such_module", "class_name": "Attention"}

    with pytest.raises(FormatError, match=r"needs no_such_module\.Attention, which cannot be imported"):
        load(with_config(payload, change), "no_such_module.Attention")


def test_a_class_registered_by_the_program_is_not_the_files_to_use(payload, mybot):
    """A built-in layer cannot stand for a registered class; Keras looks at the registered name first."""
    name, _, _ = mybot
    __import__(name)

    def change(config):
        layers(config)[1]["registered_name"] = "mybot>Doubling"

    with pytest.raises(UntrustedModelError, match=r"needs Doubling, keras\.layers\.Dense"):
        load(with_config(payload, change))


@pytest.mark.parametrize("class_name", ["__tuple__", "TensorShape", "Doubling"])
def test_no_other_name_stands_for_a_registered_class(payload, mybot, class_name):
    """Nor can a name that is no class at all."""
    __import__(mybot[0])
    part = {"class_name": class_name, "config": {}, "registered_name": "mybot>Doubling"}
    with pytest.raises(UntrustedModelError, match="Doubling"):
        load(with_config(payload, as_layer(part)))


def test_a_registered_function_is_not_taken_for_a_string(payload, mybot):
    """Keras replaces a string by the function that is registered under it, if the caller allows that."""
    name, _, _ = mybot
    __import__(name)
    forged = with_config(payload, lambda config: config["compile_config"].update(loss="mybot>cubed"))
    assert not load(forged).compiled
    assert load(forged, f"{name}.cubed").loss is sys.modules[name].cubed
    with pytest.raises(UntrustedModelError, match="needs cubed: not part of Keras"):
        load(with_config(payload, as_activation("mybot>cubed")))


# Attacks on the names in a config


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_lambda_is_not_run(tmp_path, marker, suffix):
    """Neither file type runs the code in it, which Keras once did for .h5 (CVE-2025-9905)."""
    path = tmp_path / f"model{suffix}"
    write_lambda(path, marker)
    with pytest.raises(UntrustedModelError, match=r"Lambda"):
        load(path.read_bytes())


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_lambda_runs_if_it_is_named(tmp_path, suffix):
    """Naming the layer allows the code."""
    path, marker = tmp_path / f"model{suffix}", tmp_path / "allowed"
    write_lambda(path, marker)
    load(path.read_bytes(), LAMBDA)
    assert marker.exists()


def write_lambda(path, marker):
    code = f"lambda x: [x, __import__('pathlib').Path({str(marker)!r}).touch()][0]"
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Lambda(eval(code))]  # noqa: S307 - the test's own
    )
    model.save(path)
    marker.unlink(missing_ok=True)


def as_activation(function):
    return lambda config: layers(config)[1]["config"].update(activation=function)


def as_initializer(function):
    return lambda config: layers(config)[1]["config"].update(kernel_initializer=function)


def as_layer(part):
    return lambda config: layers(config).insert(1, part)


def far_down(part):
    """Inside wrappers in wrappers."""

    def change(config):
        inner = part
        for _ in range(40):
            inner = layer("keras.layers", "TimeDistributed", layer=inner)
        layers(config).insert(1, inner)

    return change


def as_root(part):
    return lambda config: config.update(part)


SYSTEM = function("os", "system")
MARSHALLED = {
    "class_name": "__lambda__",
    "config": {"value": {"code": "", "defaults": None, "closure": None}},
}
ATTACKS = {
    "module in config (CVE-2025-1550)": (as_layer(layer("os", "system", command="x")), r"os\.system"),
    "module as root": (as_root(layer("subprocess", "Popen", args=["x"])), r"subprocess\.Popen"),
    "function of a module": (as_activation(SYSTEM), r"os\.system"),
    "builtin function": (as_activation(function("builtins", "exec")), "exec"),
    "function without a module": (as_activation(function(None, "eval")), "eval"),
    "harmless function of a module": (as_activation(function("os", "relu")), r"os\.relu"),
    "harmless function with another name": (
        as_activation({**function("builtins", "relu"), "registered_name": "deserialize"}),
        "relu",
    ),
    "no class, of a module": (as_layer(layer("os", "__tuple__")), r"os\.__tuple__"),
    "lambda as a function": (as_activation(MARSHALLED), r"keras\.layers\.Lambda"),
    "Lambda": (
        as_layer(layer("keras.layers", "Lambda", function=SYSTEM)),
        r"keras\.layers\.Lambda, os\.system",
    ),
    "Lambda by its real module": (
        as_layer(layer("keras.src.layers.core.lambda_layer", "Lambda", function=MARSHALLED)),
        r"keras\.layers\.Lambda, keras\.src\.layers\.core\.lambda_layer\.Lambda",
    ),
    "Lambda without a module": (as_layer({"class_name": "Lambda", "config": {}}), "Lambda"),
    "Lambda that calls Keras (CVE-2025-8747)": (
        as_layer(layer("keras.layers", "Lambda", function=function("keras.utils", "get_file"))),
        r"keras\.layers\.Lambda, keras\.utils\.get_file",
    ),
    "unsafe mode (CVE-2025-9906)": (
        as_layer(layer("keras.config", "enable_unsafe_deserialization")),
        r"keras\.config\.enable_unsafe_deserialization",
    ),
    "function of Keras as a layer": (as_layer({"class_name": "deserialize", "config": {}}), "deserialize"),
    "function of Keras as an activation": (as_activation(function("builtins", "deserialize")), "deserialize"),
    "SavedModel (CVE-2026-1462)": (
        as_layer(layer("keras.layers", "TFSMLayer", filepath="/x")),
        r"keras\.layers\.TFSMLayer",
    ),
    "torch pickle (CVE-2025-49655)": (
        as_layer(layer("keras.layers", "TorchModuleWrapper", module="UEs=")),
        r"keras\.layers\.TorchModuleWrapper",
    ),
    "module of Keras": (
        as_layer(layer("keras.src.saving.saving_lib", "zipfile")),
        r"keras\.src\.saving\.saving_lib\.zipfile",
    ),
    "class imported by Keras": (
        as_layer(layer("keras.src.saving.saving_lib", "DiskIOStore")),
        r"keras\.src\.saving\.saving_lib\.DiskIOStore",
    ),
    "module named like Keras": (as_layer(layer("keras_evil", "Dense")), r"keras_evil\.Dense"),
    "module not imported": (as_layer(layer("keras.evil", "Dense")), r"keras\.evil\.Dense"),
    "type spec": (
        as_initializer({"class_name": "__typespec__", "spec_name": "x", "config": []}),
        "__typespec__",
    ),
    "far down": (far_down(layer("os", "system")), r"os\.system"),
    "in the build config": (lambda c: c["build_config"].update(x=layer("os", "system")), r"os\.system"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_names_that_are_not_harmless_are_refused(payload, attack, monkeypatch):
    """The refusal names what the file wanted, and Keras has not seen the file."""
    change, names = ATTACKS[attack]
    monkeypatch.setattr(keras.saving, "load_model", never)
    with pytest.raises(UntrustedModelError, match=f"needs {names}: not part of Keras"):
        load(with_config(payload, change))


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name != "in the build config"])
def test_names_in_h5_files_are_refused(h5, attack, monkeypatch):
    """The same holds for the legacy format."""
    change, names = ATTACKS[attack]
    monkeypatch.setattr(keras.saving, "load_model", never)
    with pytest.raises(UntrustedModelError, match=f"needs {names}: not part of Keras"):
        load(with_h5_config(h5, change))


def never(*arguments, **options):
    """Stand where Keras would get the file."""
    pytest.fail("the file has reached Keras")


def test_an_attack_in_the_compile_config_is_left_out(payload):
    """What trains the model does not have to be loaded for it to predict, so it is not."""

    def change(config):
        config["compile_config"]["loss"] = layer("os", "system", command="x")

    assert not load(with_config(payload, change)).compiled


def test_a_module_named_in_a_config_is_not_imported(payload, tmp_path, monkeypatch, marker):
    """Looking at the names imports nothing, not even under the name of Keras."""
    Path(tmp_path, "intruder.py").write_text(f"open({str(marker)!r}, 'w').close()", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for part in (layer("intruder", "Thing"), function("intruder", "thing")):
        with pytest.raises(UntrustedModelError, match="intruder"):
            load(with_config(payload, as_activation(part)))
    assert "intruder" not in sys.modules


@pytest.mark.parametrize("name", ["StringLookup", "IntegerLookup", "TextVectorization"])
def test_a_vocabulary_is_not_read_from_a_file(payload, name):
    """A layer cannot take a file of the reader for its vocabulary (CVE-2025-12058)."""
    part = layer("keras.layers", name, vocabulary="/etc/passwd")
    with pytest.raises(FormatError, match="takes a vocabulary from the file '/etc/passwd'"):
        load(with_config(payload, as_layer(part)))


@pytest.mark.parametrize(
    "part", [{"class_name": 1, "config": {}}, {"class_name": "Dense", "config": {}, "module": ["keras"]}]
)
def test_names_that_are_no_strings_are_refused(payload, part):
    """A config of another shape than Keras writes is damaged."""
    with pytest.raises(FormatError, match="has no name"):
        load(with_config(payload, as_layer(part)))


# Attacks on the container


def test_another_member_is_refused(payload):
    """The archive holds what Keras writes, and nothing that could be extracted elsewhere."""
    for name in ("evil.py", "../evil", "/evil", "assets/../../evil", "assets/..\\evil", "model.weights.npz"):
        with pytest.raises(FormatError, match=r"has a member .* which Keras does not write"):
            load(zipped({**members_of(payload), name: b"x"}))


def test_assets_are_allowed(trained, payload):
    """Some layers keep files of their own in the archive."""
    loaded = load(zipped({**members_of(payload), "assets/layers/lookup/vocabulary.txt": b"a\nb\n"}))
    np.testing.assert_array_equal(predict(trained), predict(loaded))


def test_two_members_of_one_name_are_refused(payload):
    """Which of the two counts is not for the reader to guess."""
    content = io.BytesIO(payload)
    with zipfile.ZipFile(content, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("config.json", "{}")
    with pytest.raises(FormatError, match="two of one name"):
        load(content.getvalue())


def test_compressed_members_are_refused(payload):
    """A small file cannot become a large one in memory."""
    bomb = {**members_of(payload), "assets/bomb": bytes(10_000_000)}
    with pytest.raises(FormatError, match="members are compressed"):
        load(zipped(bomb, zipfile.ZIP_DEFLATED))


def test_an_enormous_config_is_refused(payload, monkeypatch):
    """The config is not read at all if it is too large."""
    monkeypatch.setattr("mlprod.formats._keras_file._LARGEST_CONFIG", 100)
    with pytest.raises(FormatError, match="config is larger than 100 bytes"):
        load(payload)


def external_link(file, secret):
    file["model_weights"]["stolen"] = h5py.ExternalLink(str(secret), "/")


def soft_link(file, secret):
    file["model_weights"]["stolen"] = h5py.SoftLink("/model_weights")


def external_storage(file, secret):
    file.create_dataset("stolen", (16,), "u1", external=[(str(secret), 0, 16)])


def virtual_dataset(file, secret):
    layout = h5py.VirtualLayout(shape=(16,), dtype="u1")
    layout[:] = h5py.VirtualSource(str(secret), "data", shape=(16,))
    file.create_virtual_dataset("stolen", layout)


def chunked(file, secret):
    file.create_dataset("pieces", (16,), "u1", chunks=(4,))[:] = 1


def compressed(file, secret):
    file.create_dataset("bomb", (1 << 20,), "u1", compression="gzip")


def never_written(file, secret):
    file.create_dataset("bomb", (1 << 40,), "u1")


def objects(file, secret):
    file.create_dataset("text", data=["a"], dtype=h5py.string_dtype())


HDF5_ATTACKS = [
    external_link, soft_link, external_storage, virtual_dataset, chunked, compressed, never_written, objects,
]  # fmt: skip


@pytest.mark.parametrize("attack", HDF5_ATTACKS)
def test_weights_are_all_in_the_file(payload, h5, tmp_path, attack):
    """HDF5 can point to other files and claim any size; neither loads, nor is it saved (CVE-2026-1669)."""
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(16))

    def change(file):
        file.require_group("model_weights")
        attack(file, secret)

    legacy = with_h5(h5, change)
    weights = io.BytesIO(members_of(payload)["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        change(file)
    native = zipped({**members_of(payload), "model.weights.h5": weights.getvalue()})
    for forged in (legacy, native):
        with pytest.raises(FormatError, match=r"it has (a link|weights in another file)"):
            load(forged)
    (tmp_path / "model.h5").write_bytes(legacy)
    with pytest.raises(FormatError, match=r"it has (a link|weights in another file)"):
        save(tmp_path / "model.h5")


def test_weights_alone_are_no_model(trained, tmp_path):
    """A weights file is refused with that explanation, also when it is saved."""
    trained.save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(FormatError, match="weights alone are no model"):
        save(tmp_path / "model.weights.h5")


# Damage


@pytest.mark.parametrize("garbage", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"\x80\x05N.", b"not a model"])
def test_garbage_is_refused(garbage, tmp_path):
    """Neither side takes what is no Keras file."""
    with pytest.raises(FormatError, match="not a Keras model that can be loaded"):
        load(garbage)
    (tmp_path / "model.keras").write_bytes(garbage)
    with pytest.raises(FormatError, match="not a Keras model that can be loaded"):
        save(tmp_path / "model.keras")


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.999])
def test_truncations_are_refused(payload, h5, fraction):
    """A payload that was cut off does not load."""
    for content in (payload, h5.read_bytes()):
        with pytest.raises(FormatError, match="damaged or cut off"):
            load(content[: int(len(content) * fraction)])


@pytest.mark.parametrize("config", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000])
def test_a_config_that_is_no_object_is_refused(payload, config):
    """Also one whose nesting is beyond Python's recursion limit."""
    with pytest.raises(FormatError, match="not a Keras model that can be loaded"):
        load(zipped({**members_of(payload), "config.json": config}))


def test_a_missing_member_is_refused(payload):
    """A file without weights is damaged."""
    members = members_of(payload)
    del members["model.weights.h5"]
    with pytest.raises(FormatError, match="damaged or cut off"):
        load(zipped(members))


def test_what_keras_cannot_load_is_a_format_error(payload):
    """An error of Keras comes with its own words."""
    with pytest.raises(FormatError, match="Keras cannot load the model: "):
        load(with_config(payload, lambda config: layers(config)[1]["config"].update(units=-1)))


# Saving


def test_a_missing_file_is_named():
    """The message says which file there is not."""
    with pytest.raises(FormatError, match=r"cannot read the model file /nowhere/model\.keras"):
        save("/nowhere/model.keras")


def test_other_objects_are_refused():
    """Asked for by name, the format says what it takes."""
    with pytest.raises(FormatError, match=r"a dict is no Keras model; pass"):
        save({})


def test_a_model_that_keras_cannot_save_is_an_error():
    """A model without get_config for its arguments cannot be saved; Keras says so."""

    class Network(keras.Model):
        def call(self, x):
            return x

        def get_config(self):
            message = "no config"
            raise NotImplementedError(message)

    model = Network()
    model(INPUTS)

    with pytest.raises(FormatError, match=r"Keras cannot save this .*Network: no config"):
        save(model)


@pytest.mark.parametrize(
    ("recognized", "what"),
    [(True, Path("a.keras")), (True, Path("a.h5")), (False, Path("a.onnx")), (False, "a.h5"), (False, {})],
)
def test_paths_are_recognized_by_their_suffix(recognized, what):
    """Plain strings are data until the caller names the format."""
    assert recognized is KerasFormat().recognizes(what)


def test_models_are_recognized_without_an_import(trained, monkeypatch):
    """The look works with the module that the object came from, and with none."""
    assert KerasFormat().recognizes(trained)
    assert not KerasFormat().recognizes(trained.layers[0])
    monkeypatch.delitem(sys.modules, "keras")
    assert not KerasFormat().recognizes(trained)
    assert "keras" not in sys.modules


def test_the_missing_package_is_named(monkeypatch, payload):
    """Without keras both sides say which extra brings it."""
    monkeypatch.setitem(sys.modules, "keras", None)
    assert not KerasFormat().recognizes({})
    with pytest.raises(MissingExtraError, match=r"mlprod\[keras\]"):
        save({})
    with pytest.raises(MissingExtraError, match=r"mlprod\[keras\]"):
        load(payload)
