"""References as bytes: what matters comes back, and nothing damaged is believed."""

import json
import math
import sys
from datetime import UTC, datetime

import attrs
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlprod.drift import DriftDetector, ReferenceProfile
from mlprod.drift._encoding import decode, encode
from mlprod.drift._measuring import gather, measure
from mlprod.errors import NewerSchemaError, StoreError
from mlprod.formats import BinaryFormat, Trust
from mlprod.storage import MemoryStore

RNG = np.random.default_rng(0)


def reference_of(data, **given):
    return DriftDetector(MemoryStore()).set_reference("m", data, **given)


@pytest.fixture(scope="module")
def reference():
    """Give a reference with everything that there can be."""
    n = 600
    x = RNG.normal(size=n)
    x[:20], x[20:23], x[23] = math.nan, math.inf, -math.inf
    return reference_of(
        {
            "x": x,
            "side": ["buy", "sell", None] * 200,
            "n": RNG.integers(7, size=n),
            "gone": [None] * n,
            "√ü\0": x,
        },
        predictions=["up", "down"] * 50,
        errors=RNG.normal(size=100),
        confidence=RNG.random(100),
        correct=RNG.random(100) < 0.5,
    )


@pytest.fixture(scope="module")
def payload(reference):
    return encode(reference)


@pytest.fixture(scope="module")
def small():
    """Give the file of a small reference, for what is tried with each of its bytes."""
    return encode(reference_of({"x": [1.0, 2.0, 2.0], "side": ["a", "b", "a"]}, errors=[1.0, -2.0]))


@pytest.fixture
def tree(payload):
    """Give what a file holds, to be changed."""
    return BinaryFormat().decode(memoryview(payload), trust=Trust())


def bytes_of(*counts):
    return np.array(counts, np.uint8)


def written(tree):
    return b"".join(map(bytes, BinaryFormat().encode(tree)))


def ranks(rows):
    """Return the order of each column."""
    return [np.unique(column[~np.isnan(column)], return_inverse=True)[1].tolist() for column in rows.T]


def is_refused_or_read(payload):
    """Return whether a file is refused in the one way, or gives a reference that can be used."""
    try:
        reference = decode(payload, "the file")
    except StoreError:
        return True
    return isinstance(reference.measure([]).rows, int) and isinstance(json.dumps(reference.to_dict()), str)


class TestRoundTrip:
    def test_all_but_the_sample_comes_back_exactly(self, reference, payload):
        found = decode(payload, "the file")
        nothing = attrs.evolve(
            reference.sample, keys=reference.sample.keys[:0], rows=reference.sample.rows[:0]
        )
        assert attrs.evolve(reference, sample=nothing) == attrs.evolve(found, sample=nothing)

    def test_of_the_sample_the_order_comes_back(self, reference, payload):
        found = decode(payload, "the file").sample
        assert reference.sample.keys.tolist() == found.keys.tolist()
        assert np.isnan(reference.sample.rows).tolist() == np.isnan(found.rows).tolist()
        assert ranks(reference.sample.rows) == ranks(found.rows)

    def test_the_order_is_kept_where_values_are_close_or_huge(self):
        """Single precision would make the first equal and the last infinite."""
        rows = np.array([1e9, 1e9 + 1e-6, 1e9 + 2e-6, 1e300, -1e300])
        found = decode(encode(reference_of({"x": rows})), "the file").sample.rows[:, 0]
        assert [-1e300, 1e9, 1e9 + 1e-6, 1e9 + 2e-6, 1e300] == sorted(rows.tolist())
        assert [0.0, 1.0, 2.0, 3.0, 4.0] == sorted(found.tolist())

    def test_a_profile_is_the_same_on_what_came_back(self, reference, payload):
        data = {
            "x": [1.0, None],
            "side": ["sell", "z"],
            "n": [3, 9],
            "gone": [None, None],
            "√ü\0": [0.1, math.inf],
        }
        assert measure(reference, data) == measure(decode(payload, "the file"), data)

    def test_another_process_finds_what_the_first_one_did(self):
        """The values differ by less than single precision can hold; they go together as ever."""
        store = MemoryStore()
        table = {"a": 1e9 + RNG.normal(size=3000), "b": RNG.normal(size=3000)}
        current = {"a": 1e9 + RNG.normal(size=1000), "b": RNG.normal(size=1000)}
        first, second = DriftDetector(store, ordered=False), DriftDetector(store, ordered=False)
        first.set_reference("m", table)
        expected, found = (detector.check("m", current).to_dict() for detector in (first, second))
        assert expected["multivariate"] == found["multivariate"]
        assert expected["features"] == found["features"]

    @settings(max_examples=30)
    @example([None] * 9, ["", "", "", "", "", "0", "1", "2", "00"])  # the shares add up to more than 1
    @given(
        st.lists(st.one_of(st.none(), st.floats()), min_size=1, max_size=20),
        st.lists(
            st.one_of(st.none(), st.text(max_size=5).filter(lambda text: text.isprintable())), min_size=1
        ),
    )
    def test_whatever_the_values(self, numbers, texts):
        rows = min(len(numbers), len(texts))
        reach = [
            None if x is None else max(min(x, 1e307), -1e307) if math.isfinite(x) else x for x in numbers
        ]
        found, count, sample = gather({"x": reach[:rows], "t": texts[:rows]}, bins=10)
        reference = ReferenceProfile(
            model_id="m", version="1.0.0", id="1", created_at=datetime(2026, 1, 1, tzinfo=UTC), rows=count,
            features=found, sample=sample,
        )  # fmt: skip
        again = decode(encode(reference), "the file")
        assert reference.features == again.features
        assert ("1.0.0", None, "") == (again.version, again.predictions, again.error_metric)

    def test_counts_take_the_bytes_that_they_need(self, payload):
        tree = BinaryFormat().decode(memoryview(payload), trust=Trust())
        assert ("uint8", "float16") == (
            tree["features"]["x"]["cells"].dtype.name,
            tree["sample_rows"].dtype.name,
        )


class TestSize:
    @pytest.mark.parametrize("features", [1, 10])
    def test_a_numeric_feature_takes_at_most_16_kib(self, features):
        table = {f"feature_{place}": RNG.normal(size=100_000) for place in range(features)}
        assert len(encode(reference_of(table))) <= features * 16 * 1024

    @pytest.mark.slow
    def test_so_do_a_hundred_together(self):
        """In fact they take 8.2 KiB each."""
        table = {f"feature_{place}": RNG.normal(size=100_000) for place in range(100)}
        assert len(encode(reference_of(table))) <= 100 * 9 * 1024


class TestDamage:
    def test_a_file_cut_short_is_refused(self, payload):
        for size in range(0, len(payload), 97):
            with pytest.raises(StoreError):
                decode(payload[:size], "the file")

    def test_so_is_one_with_more_behind_it(self, payload):
        with pytest.raises(StoreError):
            decode(payload + b"\0", "the file")

    def test_no_flipped_bit_gets_through_unchecked(self, small):
        """What a flip makes of a file is refused, or is a reference that can be used."""
        for place in range(0, len(small), 5):
            damaged = bytearray(small)
            damaged[place] ^= 1 << place % 8
            assert is_refused_or_read(bytes(damaged)), place

    @settings(max_examples=60)
    @given(st.binary(max_size=200))
    def test_bytes_that_are_no_file_are_refused(self, noise):
        with pytest.raises(StoreError):
            decode(noise, "the file")

    @settings(max_examples=100)
    @given(data=st.data())
    def test_nor_does_anything_written_over_a_file(self, small, data):
        place = data.draw(st.integers(0, len(small) - 1))
        noise = data.draw(st.binary(min_size=1, max_size=16))
        assert is_refused_or_read(small[:place] + noise + small[place + len(noise) :])

    @pytest.mark.parametrize(
        "tree", [[], {}, [1], (2,), {"kind": "drift.reference"}, {"x": np.zeros(3)}], ids=str
    )
    def test_a_file_of_something_else_is_refused(self, tree):
        with pytest.raises(StoreError, match="the file is damaged"):
            decode(written(tree), "the file")

    def test_a_model_is_no_reference(self, tree):
        with pytest.raises(StoreError, match="the file is no reference of the drift detector"):
            decode(written({**tree, "kind": "experiments.fact"}), "the file")

    @pytest.mark.parametrize("version", [0, -1, 1.0, True, "1", None])
    def test_a_version_that_never_was_is_refused(self, tree, version):
        with pytest.raises(StoreError, match="no reference"):
            decode(written({**tree, "version": version}), "the file")

    @pytest.mark.parametrize("version", [2, 10**30])
    def test_a_newer_version_asks_for_an_upgrade(self, version):
        with pytest.raises(NewerSchemaError, match=rf"the file is of version {version}; .* Upgrade mlprod"):
            decode(written({"kind": "drift.reference", "version": version, "news": [1]}), "the file")

    @pytest.mark.parametrize(
        "key",
        [
            "model_id", "model_version", "id", "created_at", "rows", "features", "sample_keys", "sample_rows",
            "predictions", "errors", "error_metric", "calibration",
        ],
    )  # fmt: skip
    def test_a_missing_or_misshapen_part_is_refused(self, tree, key):
        del tree[key]
        with pytest.raises(StoreError, match="the file is damaged"):
            decode(written(tree), "the file")
        for other in (7, [1], {"a": 1}, np.zeros(3), np.full((2, 2), math.nan), True, 10**400):
            tree[key] = other
            with pytest.raises(StoreError, match="the file is damaged"):
                decode(written(tree), "the file")

    @pytest.mark.parametrize(
        ("feature", "key", "values"),
        [
            (
                "x",
                "grid",
                [np.zeros(3), np.array([1.0, math.nan]), np.zeros((1, 2)), np.zeros(3, np.complex64)],
            ),
            (
                "x",
                "ends",
                [bytes_of(3, 2), bytes_of(1)[np.newaxis], np.array([-1]), np.array([math.nan]), [1]],
            ),
            ("x", "ends", [np.array([9999], np.uint16)]),
            ("x", "limits", [[0.0], ["a", "b", "c"], [2.0, 1.0, 3.0], [math.nan] * 3, None, [10**400] * 3]),
            ("x", "limits", [[-math.inf, 0.0, 1.0], [0.0, 1.0, math.inf]]),
            ("x", "cells", [bytes_of(1), np.array(1, np.uint8), np.full(9, 1 << 63, np.uint64), np.zeros(3)]),
            ("x", "missing", [-1, 1.0, True, None, 10**30, 21]),
            ("x", "rank_error", [-1, 0.5, None, "0"]),
            ("x", "minimum", ["0", None, [0.0], True]),
            ("x", "maximum", ["0", None, 10**400]),
            ("x", "moments", [None, {}, {"count": 10**9, "total": 0.0, "m2": 0.0}]),
            ("x", "moments", [{"count": 1, "total": 0.0, "m2": -1.0}]),
            ("x", "serial_counts", [bytes_of(0), np.zeros((2, 6)), np.full((2, 6), 9, np.uint8), None]),
            ("x", "serial_sums", [np.zeros(3), np.full((3, 2, 6), math.nan), np.full((3, 2, 6), -1.0), None]),
            ("side", "categories", [["buy"], ["buy", "buy"], ["buy", 1], 5, None, "buy, sell"]),
            (
                "side",
                "ranks",
                [np.zeros(2), np.full(3, math.nan), np.array([0.0, 0.5, 2.0]), np.zeros((3, 1))],
            ),
            ("side", "cells", [bytes_of(0, 0), np.zeros((3, 1), np.uint8), np.array([-1, 2, 3])]),
        ],
    )
    def test_parts_that_do_not_fit_are_refused(self, tree, feature, key, values):
        for value in values:
            tree["features"][feature][key] = value
            with pytest.raises(StoreError, match="the file is damaged"):
                decode(written(tree), "the file")

    def test_more_rows_than_there_can_be_are_refused(self, tree):
        """Their sum overflows."""
        cells = np.zeros(len(tree["features"]["n"]["cells"]), np.uint64)
        cells[:3] = (1 << 53) - 1
        tree["features"]["n"]["cells"] = cells
        with pytest.raises(StoreError, match="more rows than there can be"):
            decode(written(tree), "the file")

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"rows": 599}, "its rows do not add up"),
            ({"features": {}}, "no rows or no features"),
            ({"sample_rows": np.zeros((3, 4))}, "its sample does not fit"),
            ({"sample_keys": np.arange(600, dtype=np.uint64)[::-1].copy()[:512]}, "its sample is none"),
            ({"sample_keys": np.arange(512, dtype=np.uint32)}, "its sample is none"),
            ({"errors": None}, "its errors are of no kind"),
            ({"error_metric": "rmse"}, "its errors are of an unknown kind"),
            ({"created_at": "2026-01-01T00:00:00"}, "the time"),
            ({"created_at": "0001-01-01T00:00:00+14:00"}, "damaged"),
        ],
    )
    def test_parts_that_contradict_each_other_are_refused(self, tree, changes, reason):
        with pytest.raises(StoreError, match=reason):
            decode(written({**tree, **changes}), "the file")

    def test_errors_are_numbers(self, tree):
        with pytest.raises(StoreError, match="its errors are no numbers"):
            decode(written({**tree, "errors": tree["predictions"]}), "the file")

    def test_names_are_texts(self, tree):
        features = {1: tree["features"]["x"], **tree["features"]}
        with pytest.raises(StoreError, match="a name in it is no text"):
            decode(written({**tree, "features": features}), "the file")

    def test_types_that_this_process_cannot_read_are_refused(self, small, monkeypatch):
        """BF16 needs an extra; the header keeps its length by a blank less at its end."""
        monkeypatch.setitem(sys.modules, "ml_dtypes", None)
        length = 8 + int.from_bytes(small[:8], "little")
        head = small[:length].rstrip(b" ").replace(b'"dtype":"F16"', b'"dtype":"BF16"')
        with pytest.raises(StoreError, match=r"mlprod\[ml-dtypes\]"):
            decode(head.ljust(length) + small[length:], "the file")
