"""Binary models: the safetensors layout, exactly; and no header is believed."""

import contextlib
import json
import math
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlprod.errors import FormatError, MissingExtraError, MLProdError
from mlprod.formats import BinaryFormat, Trust

FORMAT = BinaryFormat()

DTYPES = ["?", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8", "c8"]


def encode(model):
    return b"".join(FORMAT.encode(model))


def decode(payload):
    return FORMAT.decode(memoryview(payload), trust=Trust())


def round_trip(model):
    return decode(bytearray(encode(model)))


def assert_same(expected, actual):
    """Compare two trees: types, order of keys, dtypes, shapes, bits."""
    assert type(expected) is type(actual)
    match expected:
        case np.ndarray() | np.generic():
            assert (expected.dtype, expected.shape) == (actual.dtype, actual.shape)
            assert expected.tobytes() == actual.tobytes()
        case dict():
            assert [(type(key), repr(key)) for key in expected] == [(type(key), repr(key)) for key in actual]
            for one, other in zip(expected.values(), actual.values(), strict=True):
                assert_same(one, other)
        case list() | tuple():
            assert len(expected) == len(actual)
            for one, other in zip(expected, actual, strict=True):
                assert_same(one, other)
        case _:
            assert repr(expected) == repr(actual)


arrays = hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
numpy_scalars = st.sampled_from(["f4", "f8", "i2", "?", "c8"]).flatmap(
    lambda code: hnp.from_dtype(np.dtype(code)).map(np.dtype(code).type)
)
plain = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text() | st.complex_numbers()
)
keys = st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
models = st.recursive(
    plain | arrays | numpy_scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)


class TestRoundTrip:
    @given(models)
    def test_any_tree_comes_back_exactly(self, model):
        assert_same(model, round_trip(model))

    @pytest.mark.parametrize("code", DTYPES)
    def test_every_dtype_of_the_layout(self, code):
        array = np.arange(12).reshape(3, 4).astype(code)
        assert_same({"a": array}, round_trip({"a": array}))

    @pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
    def test_the_dtypes_of_ml_dtypes(self, name):
        ml_dtypes = pytest.importorskip("ml_dtypes")
        array = np.arange(6).astype(getattr(ml_dtypes, name))
        assert_same([array], round_trip([array]))

    def test_a_dtype_of_a_missing_package_names_it(self, monkeypatch):
        header = {"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}
        payload = file_of(header, b"\0\0")
        monkeypatch.setitem(sys.modules, "ml_dtypes", None)
        with pytest.raises(MissingExtraError, match=r"mlprod\[ml-dtypes\]"):
            decode(payload)

    def test_other_layouts_in_memory(self):
        """Strided, reversed and transposed arrays, and the byte order of another machine."""
        base = np.arange(24.0).reshape(4, 6)
        for array in (
            base[::2, 1::3],
            base[::-1],
            base.T[1:],
            np.broadcast_to(3.0, (2, 3)),
            base.astype(">f8"),
        ):
            loaded = round_trip(array)
            assert np.array_equal(array, loaded)
            assert array.dtype.newbyteorder("=") == loaded.dtype

    def test_fortran_order_is_restored(self):
        """Order decides how fast, and to which last bit, a product is computed."""
        array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
        loaded = round_trip({"a": array})["a"]
        assert np.array_equal(array, loaded)
        assert loaded.flags.f_contiguous
        assert not loaded.flags.c_contiguous

    def test_a_read_only_payload_is_not_copied(self):
        """What is mapped stays mapped: arrays are views, and read-only as the map is."""
        payload = encode({"c": np.arange(6.0), "f": np.asfortranarray(np.arange(6.0).reshape(2, 3))})
        loaded = decode(payload)
        buffer = np.frombuffer(payload, np.uint8)
        for array in loaded.values():
            assert np.shares_memory(buffer, array)
            assert not array.flags.writeable

    def test_a_writable_payload_gives_writable_arrays(self):
        loaded = round_trip({"a": np.arange(3.0)})["a"]
        loaded += 1
        assert [1.0, 2.0, 3.0] == loaded.tolist()

    def test_arrays_are_aligned(self):
        payload = np.frombuffer(
            encode({"b": np.ones(3, "u1"), "d": np.ones(3), "f": np.ones(5, "f4")}), np.uint8
        )
        loaded = decode(payload.data)
        offsets = {name: array.ctypes.data - payload.ctypes.data for name, array in loaded.items()}
        assert {"b": 0, "d": 0, "f": 0} == {name: offsets[name] % loaded[name].itemsize for name in loaded}

    def test_names_that_would_collide_are_told_apart(self):
        model = {
            "a.b": np.zeros(1),
            "a": {"b": np.ones(1)},
            "__metadata__": np.full(1, 2.0),
            "": np.full(1, 3.0),
        }
        assert_same(model, round_trip(model))

    def test_writing_copies_nothing(self):
        """Encoding a large array takes no memory of its size."""
        array = np.zeros(4_000_000)
        tracemalloc.start()
        pieces = FORMAT.encode({"a": array})
        assert array.nbytes < sum(len(piece) for piece in pieces) < array.nbytes + 1000
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < array.nbytes / 10

    def test_a_payload_can_be_iterated_twice(self):
        pieces = FORMAT.encode({"a": np.ones(3)})
        assert b"".join(pieces) == b"".join(pieces)


class TestRefusals:
    @pytest.mark.parametrize(
        ("model", "part"),
        [
            (np.ones(2, "c16"), "model has the dtype complex128"),
            ({"t": np.array(["a"])}, r"model\['t'\] has the dtype <U1"),
            ([np.array([None])], r"model\[0\] has the dtype object"),
            (np.array(["2026-01-01"], "M8[D]"), "dtype datetime64"),
            (np.zeros(1, [("a", "f8")]), "dtype"),
            (np.ma.masked_array([1.0], [True]), "is a MaskedArray, of which only the numbers"),
            ({"s": {1, 2}}, r"model\['s'\] is a set"),
            ({(1, 2): 1}, "has the key"),
            ([b"bytes"], "is a bytes"),
            ([10**5000], "cannot be written"),
        ],
        ids=range(10),
    )
    def test_what_cannot_come_back_is_refused(self, model, part):
        with pytest.raises(FormatError, match=part):
            FORMAT.encode(model)

    def test_a_pair_of_surrogates_is_refused(self):
        """It would come back as the one character that it spells."""
        for model in (["\ud83d\ude00"], {"\ud83d\ude00": 1}):
            with pytest.raises(FormatError, match="surrogate pair"):
                FORMAT.encode(model)

    def test_more_dimensions_than_can_be_read_are_refused(self):
        with pytest.raises(FormatError, match="has 33 dimensions"):
            FORMAT.encode(np.ones((1,) * 33))

    def test_what_contains_itself_is_refused(self):
        model = {}
        model["a"] = model
        with pytest.raises(FormatError, match="contains itself"):
            FORMAT.encode(model)

    def test_too_many_arrays_are_refused(self, monkeypatch):
        monkeypatch.setattr("mlprod.formats._layout._MOST_TENSORS", 2)
        with pytest.raises(FormatError, match="the model has 3 arrays; at most 2"):
            FORMAT.encode([np.ones(1)] * 3)

    def test_too_large_a_structure_is_refused(self, monkeypatch):
        monkeypatch.setattr("mlprod.formats._layout._LARGEST_HEADER", 100)
        with pytest.raises(FormatError, match="structure takes"):
            FORMAT.encode(list(range(100)))


def file_of(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(start, stop, shape=None, dtype="U8"):
    return {
        "dtype": dtype,
        "shape": [stop - start] if shape is None else shape,
        "data_offsets": [start, stop],
    }


FORGED = {
    "nothing": b"",
    "a torn length": b"\x10\0\0",
    "a header of 2**63 bytes": (2**63).to_bytes(8, "little") + b"{}",
    "a header longer than the file": (1000).to_bytes(8, "little") + b"{}",
    "no JSON": file_of(b"{"),
    "deep JSON": file_of(b'{"a":' * 100_000),
    "a list": file_of([]),
    "metadata that is no mapping": file_of({"__metadata__": []}),
    "metadata of numbers": file_of({"__metadata__": {"a": 1}}),
    "a duplicate key": file_of(b'{"a":%b,"a":%b}' % ((json.dumps(entry(0, 1)).encode(),) * 2), b"x"),
    "a duplicate key inside": file_of(
        b'{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', b"x"
    ),
    "an entry that is a number": file_of({"a": 1}),
    "an entry without a shape": file_of({"a": {"dtype": "U8", "data_offsets": [0, 1]}}, b"x"),
    "an unknown dtype": file_of({"a": entry(0, 1, dtype="U7")}, b"x"),
    "a negative extent": file_of({"a": entry(0, 1, shape=[-1, -1])}, b"x"),
    "a fractional extent": file_of({"a": entry(0, 1, shape=[1.0])}, b"x"),
    "a boolean extent": file_of({"a": entry(0, 1, shape=[True])}, b"x"),
    "an extent of 2**64": file_of({"a": entry(0, 0, shape=[0, 2**64])}),
    "extents that overflow": file_of({"a": entry(0, 0, shape=[0, 2**62, 2**62])}),
    "a product that overflows": file_of({"a": entry(0, 1, shape=[2**32, 2**32])}, b"x"),
    "a thousand dimensions": file_of({"a": entry(0, 1, shape=[1] * 1000)}, b"x"),
    "offsets backwards": file_of({"a": {"dtype": "U8", "shape": [1], "data_offsets": [1, 0]}}, b"x"),
    "a negative offset": file_of({"a": {"dtype": "U8", "shape": [2], "data_offsets": [-1, 1]}}, b"x"),
    "an offset past the end": file_of({"a": entry(0, 9)}, b"x"),
    "tensors that overlap": file_of({"a": entry(0, 2), "b": entry(1, 3)}, b"xyz"),
    "the same bytes twice": file_of({"a": entry(0, 2), "b": entry(0, 2)}, b"xy"),
    "a gap": file_of({"a": entry(0, 1), "b": entry(2, 3)}, b"xyz"),
    "bytes left over": file_of({"a": entry(0, 1)}, b"xyz"),
    "a shape that does not fit": file_of({"a": entry(0, 3, shape=[2])}, b"xyz"),
}


class TestForgedHeaders:
    @pytest.mark.parametrize("name", FORGED)
    def test_a_forged_header_is_refused(self, name):
        with pytest.raises(FormatError, match="does not follow the safetensors layout"):
            decode(FORGED[name])

    def test_a_forged_length_allocates_nothing(self):
        tracemalloc.start()
        for name in ("a header of 2**63 bytes", "a product that overflows", "an offset past the end"):
            with pytest.raises(FormatError):
                decode(FORGED[name])
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1 << 20

    def test_more_tensors_than_allowed_are_refused(self, monkeypatch):
        monkeypatch.setattr("mlprod.formats._layout._MOST_TENSORS", 2)
        header = {name: entry(0, 0, shape=[0]) for name in ("a", "b", "data_offsets")}
        with pytest.raises(FormatError, match="more than 2 tensors"):
            decode(file_of(header))
        del header["a"]
        assert ["b", "data_offsets"] == list(decode(file_of(header)))

    def test_a_million_tensors_are_refused_before_they_are_parsed(self):
        text = b"{" + b",".join(b'"%d":{"data_offsets":0}' % number for number in range(300_000)) + b"}"
        payload = file_of(text)
        tracemalloc.start()
        with pytest.raises(FormatError, match="more than 100,000 tensors"):
            decode(payload)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 3 * len(text)

    @pytest.mark.parametrize(
        "structure",
        [
            "{",
            "[" * 100_000,
            '{"array":"b"}',
            '{"array":1}',
            '{"array":"a","order":"X"}',
            '{"scalar":"b"}',
            '{"dict":[]}',
            '{"items":[[1]]}',
            '{"items":[[[1],2]]}',
            '{"items":1}',
            '{"tuple":1}',
            '{"float":"1"}',
            '{"complex":["1",2]}',
            '{"complex":[1]}',
            '{"module":"os","class":"system"}',
            "{}",
        ],
        ids=range(16),
    )
    def test_a_forged_structure_is_refused(self, structure):
        header = {"__metadata__": {"mlprod.structure": structure}, "a": entry(0, 1)}
        with pytest.raises(FormatError):
            decode(file_of(header, b"x"))

    @given(st.binary(max_size=300))
    def test_garbage_raises_nothing_else(self, payload):
        with pytest.raises(MLProdError):
            decode(payload)

    @given(st.data())
    def test_any_changed_byte_raises_nothing_else(self, data):
        """Nothing but our own errors comes out of it."""
        payload = bytearray(encode({"a": np.arange(4.0), "b": (1, None, np.int8(3))}))
        position = data.draw(st.integers(0, len(payload) - 1))
        payload[position] = data.draw(st.integers(0, 255))
        with contextlib.suppress(MLProdError):
            decode(payload)


class TestOtherPrograms:
    """The safetensors package opens our files, and we open theirs."""

    @pytest.fixture
    def safetensors(self):
        return pytest.importorskip("safetensors.numpy")

    def test_it_opens_ours(self, safetensors):
        model = {
            "w": np.arange(6.0, dtype="f4").reshape(2, 3),
            "f": np.asfortranarray(np.eye(3)),
            "e": np.empty((0, 2)),
        }
        theirs = safetensors.load(encode(model))
        assert sorted(model) == sorted(theirs)
        for name, array in model.items():
            assert np.array_equal(array, theirs[name])
            assert array.dtype == theirs[name].dtype

    @pytest.mark.parametrize("code", DTYPES)
    def test_it_opens_every_dtype_of_ours(self, safetensors, code):
        array = np.arange(6).astype(code)
        assert array.tolist() == safetensors.load(encode({"a": array}))["a"].tolist()

    def test_we_open_theirs(self, safetensors, tmp_path):
        model = {"b": np.arange(3, dtype="i2"), "a": np.arange(6.0).reshape(3, 2), "c": np.array(2.5)}
        loaded = decode(safetensors.save(model, {"made by": "them"}))
        assert sorted(model) == sorted(loaded)
        for name, array in model.items():
            assert_same(array, loaded[name])
        path = tmp_path / "model.safetensors"
        safetensors.save_file(model, path)
        assert FORMAT.recognizes(path)
        assert path.read_bytes() == b"".join(FORMAT.encode(path))

    def test_a_file_that_is_none_is_refused(self, tmp_path):
        path = tmp_path / "model.safetensors"
        with pytest.raises(FormatError, match="cannot read the model file"):
            FORMAT.encode(path)
        path.write_bytes(b"not a model")
        with pytest.raises(FormatError, match="does not follow the safetensors layout"):
            FORMAT.encode(path)


def test_nan_keys_and_floats():
    """The floats that JSON has no words for."""
    loaded = round_trip({math.inf: [math.nan, -math.inf, -0.0]})
    assert "{inf: [nan, -inf, -0.0]}" == repr(loaded)


def structured(structure, *names):
    """Return a file of this structure, with tensors of two rows and three columns."""
    entries = {
        name: {"dtype": "F64", "shape": [2, 3], "data_offsets": [48 * at, 48 * (at + 1)]}
        for at, name in enumerate(names)
    }
    document = {"__metadata__": {"mlprod.structure": json.dumps(structure)}, **entries}
    text = json.dumps(document).encode()
    return len(text).to_bytes(8, "little") + text + bytes(48 * len(names))


@pytest.mark.parametrize(
    ("structure", "match"),
    [
        ({"complex": [10**400, 0]}, "not one that mlprod writes"),
        ([{"array": "a"}, {"array": "a"}], "'a' that is not in the file, or twice"),
        ({"scalar": "a"}, "not one that mlprod writes"),
        ({"items": [[at * (2**61 - 1), 0] for at in range(1, 200)]}, "whose keys collide"),
        ({"items": [[1, 2, 3]]}, "not one that mlprod writes"),
    ],
    ids=[
        "too large a number",
        "an array twice",
        "an array for a scalar",
        "keys of one hash",
        "a pair of three",
    ],
)
def test_a_forged_structure_is_refused(structure, match):
    """Numbers that no float holds, arrays that are copied for each name, and dicts that take for ever."""
    with pytest.raises(FormatError, match=match):
        BinaryFormat().decode(memoryview(structured(structure, "a")), trust=Trust())


def test_a_whole_part_of_a_complex_number_is_read():
    """Other writers of JSON leave out the fraction."""
    payload = structured({"complex": [1, -2]}, "a")
    assert complex(1, -2) == BinaryFormat().decode(memoryview(payload), trust=Trust())


def test_many_keys_that_are_numbers_are_kept():
    """Whole, negative, broken, and powers of two, which share their hashes with others by chance."""
    keys = [*range(-5000, 5000), *(2.0**power for power in range(-900, 900) if not 0 <= power <= 13)]
    model = dict.fromkeys(keys, 1)
    payload = b"".join(map(bytes, BinaryFormat().encode(model)))
    assert model == BinaryFormat().decode(memoryview(payload), trust=Trust())
