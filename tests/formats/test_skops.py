"""Scikit-learn estimators without pickle: what the caller did not name is neither imported nor run."""

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mlprod.errors import FormatError, MissingExtraError, UntrustedModelError
from mlprod.formats._skops import SkopsFormat
from mlprod.formats._trust import Trust

pytest.importorskip("skops.io")
ensemble = pytest.importorskip("sklearn.ensemble")
linear_model = pytest.importorskip("sklearn.linear_model")
pipeline = pytest.importorskip("sklearn.pipeline")
preprocessing = pytest.importorskip("sklearn.preprocessing")

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(40, 3))
LABELS = (INPUTS @ [1.0, -2.0, 0.5] + RNG.normal(size=40) > 0).astype(int)
TREE = "sklearn.tree._tree.Tree"


def save(model):
    """Return the payload in one piece."""
    return b"".join(SkopsFormat().encode(model))


def load(payload, *types):
    """Load with nothing but the given types allowed."""
    return SkopsFormat().decode(memoryview(payload), trust=Trust(types=types))


def rewritten(payload, change, *, compression=zipfile.ZIP_STORED):
    """Return the payload with its schema changed, as anyone with write access can do."""
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    members["schema.json"] = json.dumps(change(schema) or schema).encode()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


@pytest.fixture(name="classifier", scope="module")
def fit_classifier():
    return pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression(C=0.5)).fit(
        INPUTS, LABELS
    )


@pytest.fixture(name="marker")
def marker_file(tmp_path):
    """What an attack would create; it must not exist in the end."""
    path = tmp_path / "attacked"
    yield path
    assert not path.exists()


def test_round_trip_predicts_the_same(classifier):
    """A loaded pipeline gives the same probabilities, to the last bit."""
    loaded = load(save(classifier))
    assert type(classifier) is type(loaded)
    np.testing.assert_array_equal(classifier.predict_proba(INPUTS), loaded.predict_proba(INPUTS))


def test_trees_are_saved_and_need_a_permission():
    """A forest loads once its trees are named, for which the message gives the words."""
    forest = ensemble.RandomForestClassifier(n_estimators=3, random_state=0).fit(INPUTS, LABELS)
    payload = save(forest)
    with pytest.raises(UntrustedModelError, match="this model needs") as refusal:
        load(payload)
    assert f"trust=Trust(types=({TREE!r},))" in str(refusal.value)
    loaded = load(payload, TREE)
    np.testing.assert_array_equal(forest.predict_proba(INPUTS), loaded.predict_proba(INPUTS))


def test_all_types_that_are_missing_are_named(classifier):
    """One refusal names everything, and nothing that is allowed already."""

    def change(schema):
        steps = schema["content"]["content"]["steps"]["content"]
        for step, name in zip(steps, ("spam", "eggs"), strict=True):
            step["content"][1]["__module__"] = name

    payload = rewritten(save(classifier), change)
    with pytest.raises(UntrustedModelError, match=r"needs eggs\.LogisticRegression, spam\.StandardScaler;"):
        load(payload)
    with pytest.raises(UntrustedModelError, match=r"needs spam\.StandardScaler;"):
        load(payload, "eggs.LogisticRegression")


def forged(model, node, depth=0):
    """Return the payload of a model with another root."""

    def change(schema):
        root = node
        for _ in range(depth):
            root = plain("list", [root])
        return {**root, "protocol": schema["protocol"], "_skops_version": schema["_skops_version"]}

    return rewritten(save(model), change)


def leaf(value):
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
    }


def plain(kind, items):
    return {
        "__class__": kind,
        "__module__": "builtins",
        "__loader__": f"{kind.title()}Node",
        "content": items,
    }


def function(module, name):
    return {"__class__": name, "__module__": module, "__loader__": "FunctionNode"}


def constructor_call(command):
    """A reduce whose constructor is a function: ``os.system(command)``."""
    call = {"__class__": "system", "__module__": "os", "__loader__": "ConstructorFromReduceNode"}
    return {**call, "content": plain("tuple", [leaf(command)])}


def partial_call(command):
    """A dict whose key type is a partial of os.system, called for its key."""
    content = {"func": function("os", "system"), "args": plain("tuple", [])}
    content |= {"kwds": {**plain("dict", {}), "key_types": plain("list", [])}}
    content |= {"namespace": leaf(None)}
    partial = {"__class__": "partial", "__module__": "functools", "__loader__": "PartialNode"}
    return key_call(command, {**partial, "content": content})


def type_call(command):
    """A dict whose key type is os.system, called for its key."""
    return key_call(command, {"__class__": "system", "__module__": "os", "__loader__": "TypeNode"})


def function_call(command):
    """The same, with os.system as a function."""
    return key_call(command, function("os", "system"))


def key_call(command, kind):
    return {**plain("dict", {command: leaf(1)}), "key_types": plain("list", [kind])}


def operator_call(command):
    """CVE-2025-54412: a methodcaller hidden behind another name."""
    operator = {"__class__": "call", "__module__": "operator", "__loader__": "OperatorFuncNode"}
    return {**operator, "attrs": plain("tuple", [function("os", "system"), leaf(command)])}


def method_call(command):
    """CVE-2025-54413: a method of an object whose declared type is another."""
    method = {"__class__": "str", "__module__": "builtins", "__loader__": "MethodNode"}
    return key_call(command, {**method, "content": {"func": "system", "obj": function("os", "system")}})


def generator_call(command):
    """Fixed in skops 0.15: the name of a bit generator, looked up in numpy.random and called."""
    del command
    key = {"__class__": "str", "__module__": "builtins", "__loader__": "TypeNode"}
    state = {**plain("dict", {"bit_generator": leaf("seed")}), "key_types": plain("list", [key])}
    seeds = {**plain("dict", {}), "key_types": plain("list", [])}
    generator = {"__class__": "Generator", "__module__": "numpy.random._generator"}
    content = {"bit_generator": state, "seed_seq": seeds}
    return {**generator, "__loader__": "RandomGeneratorNode", "content": content}


REFUSALS = {
    constructor_call: r"needs os\.system;",
    partial_call: r"needs functools\.partial, os\.system;",
    type_call: r"needs os\.system;",
    function_call: r"needs os\.system;",
    operator_call: r"needs operator\.call, os\.system;",
    generator_call: r"needs numpy\.random\.seed;",
}


@pytest.mark.parametrize("attack", REFUSALS)
@pytest.mark.parametrize("depth", [0, 50])
def test_code_in_a_file_is_not_run(classifier, marker, attack, depth):
    """What the file would call is named in the refusal, also from far down in the file."""
    payload = forged(classifier, attack(f"touch '{marker}'"), depth)
    with pytest.raises(UntrustedModelError, match=REFUSALS[attack]):
        load(payload)


def test_a_method_of_another_object_is_not_called(classifier, marker):
    """Skops calls a file damaged whose method belongs to another type than it says."""
    with pytest.raises(FormatError, match="Expected object of type"):
        load(forged(classifier, method_call(f"touch '{marker}'")))


def test_a_module_is_imported_only_if_it_is_named(classifier, tmp_path, monkeypatch, marker):
    """The name of a class in the file alone does not import the module."""
    source = f"from pathlib import Path\nPath({str(marker)!r}).touch()\nclass Thing: pass\n"
    Path(tmp_path, "intruder.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "intruder", raising=False)
    payload = forged(classifier, {"__class__": "Thing", "__module__": "intruder", "__loader__": "ObjectNode"})
    with pytest.raises(UntrustedModelError, match=r"needs intruder\.Thing;"):
        load(payload)
    assert "intruder" not in sys.modules
    assert not marker.exists()
    assert type(load(payload, "intruder.Thing")).__name__ == "Thing"
    assert marker.exists()
    marker.unlink()


def test_a_compressed_member_is_refused(classifier):
    """Skops writes uncompressed files; a small one cannot become a large one."""
    payload = rewritten(save(classifier), lambda schema: schema, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(FormatError, match=r"members claim [\d,]+ bytes of"):
        load(payload)


@pytest.mark.parametrize("garbage", [b"", b"PK", b"not a zip file", b"\x80\x05N."])
def test_garbage_is_refused(garbage):
    """What is no zip file is no skops file."""
    with pytest.raises(FormatError, match="cannot be loaded as a skops file"):
        load(garbage)


def test_truncations_are_refused(classifier):
    """A payload that was cut off does not load."""
    payload = save(classifier)
    for length in range(0, len(payload), 97):
        with pytest.raises(FormatError, match="cannot be loaded as a skops file"):
            load(payload[:length])


@pytest.mark.parametrize(
    "schema",
    [
        [],
        None,
        {},
        {"protocol": 10**9},
        {"protocol": 2, "__class__": [], "__module__": 1, "__loader__": "ListNode"},
    ],
)
def test_a_malformed_schema_is_refused(classifier, schema):
    """A zip file with another schema is refused as such."""
    with pytest.raises(FormatError):
        load(rewritten(save(classifier), lambda _: schema or {"x": schema}))


def test_a_schema_without_end_is_refused():
    """Nesting beyond Python's recursion limit is an error like any other."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("schema.json", b"[" * 100_000 + b"]" * 100_000)
    with pytest.raises(FormatError, match="RecursionError"):
        load(content.getvalue())


def test_what_skops_cannot_hold_is_refused():
    """The message names the object."""
    with pytest.raises(FormatError, match=r"skops cannot hold this builtins\.generator"):
        save(value for value in ())


def test_estimators_are_recognized_without_an_import(classifier, monkeypatch):
    """The look works with the module that the object came from, and with none."""
    assert SkopsFormat().recognizes(classifier)
    assert not SkopsFormat().recognizes({})
    assert not SkopsFormat().recognizes(Path("model.skops"))
    monkeypatch.delitem(sys.modules, "sklearn.base")
    assert not SkopsFormat().recognizes(classifier)
    assert "sklearn.base" not in sys.modules


def test_the_missing_package_is_named(monkeypatch):
    """Without skops both sides say which extra brings it."""
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(MissingExtraError, match=r"mlprod\[skops\]"):
        save({})
    with pytest.raises(MissingExtraError, match=r"mlprod\[skops\]"):
        load(b"")
