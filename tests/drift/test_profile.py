"""Profiles of parts make that of the whole."""

import functools
import math
import operator
import pickle
import re

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprod._text import NO_DATA
from mlprod.drift import DriftDetector, Profile
from mlprod.drift._measuring import measure
from mlprod.drift._sample import Draw, RowSample
from mlprod.errors import InvalidDataError
from mlprod.storage import MemoryStore

RNG = np.random.default_rng(0)


def reference_of(data):
    return DriftDetector(MemoryStore()).set_reference("m", data)


@pytest.fixture(scope="module")
def reference():
    sides = ["buy", "sell"] * 1000
    return reference_of({"x": RNG.normal(size=2000), "y": RNG.integers(9, size=2000), "side": sides})


rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(math.inf)),
        st.one_of(st.none(), st.integers(-1, 9)),
        st.sampled_from(["buy", "sell", "hold", None]),
    ),
    max_size=40,
)


def table(items):
    names = ("x", "y", "side")
    columns = list(zip(*items, strict=True)) if items else [(), (), ()]
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


def profile_of(reference, items):
    """Measure rows, none at all included."""
    return reference.measure([]) if not items else measure(reference, table(items))


def exact(profile):
    """Return all that must be the same to the last row."""
    return profile.rows, {
        name: (counts.cells.tolist(), counts.missing) for name, counts in profile.features.items()
    }


class TestSum:
    @settings(max_examples=20)
    @given(first=rows, second=rows)
    def test_the_sum_counts_what_both_tables_together_hold(self, reference, first, second):
        whole = profile_of(reference, first + second)
        assert exact(whole) == exact(profile_of(reference, first) + profile_of(reference, second))

    @settings(max_examples=20)
    @given(first=rows, second=rows)
    def test_moments_and_extremes_are_those_of_all_values(self, reference, first, second):
        added = profile_of(reference, first) + profile_of(reference, second)
        finite = [x for x, _, _ in first + second if x is not None and math.isfinite(x)]
        found = added.features["x"]
        assert (min(finite, default=math.inf), max(finite, default=-math.inf)) == (
            found.minimum,
            found.maximum,
        )
        assert len(finite) == found.moments.count
        assert math.fsum(finite) == pytest.approx(found.moments.total, rel=1e-12, abs=1e-7)
        if finite:
            assert np.var(finite) * len(finite) == pytest.approx(found.moments.m2, rel=1e-9, abs=1e-2)

    @settings(max_examples=20)
    @given(parts=st.lists(rows, min_size=3, max_size=3))
    def test_order_and_grouping_do_not_matter(self, reference, parts):
        a, b, c = (profile_of(reference, part) for part in parts)
        expected = exact((a + b) + c)
        assert [expected] * 3 == [exact(a + (b + c)), exact(c + b + a), exact(b + (a + c))]

    @settings(max_examples=20)
    @given(parts=st.lists(rows, min_size=3, max_size=3))
    def test_nor_do_they_to_the_sample(self, reference, parts):
        a, b, c = (profile_of(reference, part).sample for part in parts)
        assert (a + b) + c == a + (b + c) == (c + a) + b

    @settings(max_examples=20)
    @given(items=rows)
    def test_no_rows_change_nothing(self, reference, items):
        profile, nothing = profile_of(reference, items), reference.measure([])
        assert exact(profile) == exact(profile + nothing) == exact(nothing + profile)
        assert 0 == nothing.rows

    def test_many_parts_make_the_whole(self, reference):
        x, y, side = (
            RNG.normal(size=50_000),
            RNG.integers(-1, 12, size=50_000),
            RNG.choice(["buy", "hold"], 50_000),
        )
        whole = measure(reference, {"x": x, "y": y, "side": side})
        cuts = np.sort(RNG.integers(50_000, size=30))
        parts = [
            measure(reference, dict(zip(("x", "y", "side"), part, strict=True)))
            for part in zip(*(np.split(column, cuts) for column in (x, y, side)), strict=True)
            if len(part[0])
        ]
        assert exact(whole) == exact(functools.reduce(operator.add, parts))

    def test_profiles_on_other_bins_are_refused(self, reference):
        one = profile_of(reference, [(1.0, 2, "buy")])
        other = attrs.evolve(one, reference="another")
        with pytest.raises(InvalidDataError, match=r"different references \(.*, another\) cannot be added"):
            one + other

    def test_columns_that_neither_looks_at_are_named_once(self, reference):
        def with_columns(*names):
            return measure(reference, {**table([(1.0, 2, "buy")]), **{name: [1.0] for name in names}})

        assert ("b", "a", "c") == (with_columns("b", "a") + with_columns("a", "c")).ignored


class TestProfile:
    def test_it_is_picklable(self, reference):
        profile = profile_of(reference, [(1.0, 2, "buy"), (None, None, None)])
        copy = pickle.loads(pickle.dumps(profile))
        assert profile == copy
        assert exact(profile) == exact(copy)

    def test_it_is_small_whatever_the_table(self, reference):
        """Two features of 1,001 and 19 cells, 512 rows of two: less than 25 KiB."""
        n = 200_000
        profile = measure(
            reference, {"x": RNG.normal(size=n), "y": RNG.integers(9, size=n), "side": ["buy"] * n}
        )
        assert len(pickle.dumps(profile)) < 25 * 1024

    def test_its_dict_has_the_counts(self, reference):
        profile = profile_of(reference, [(None, 3, "sell"), (None, None, "sell")])
        found = profile.to_dict()
        assert (2, {"cells": [0, 2, 0], "missing": 0}) == (found["rows"], found["features"]["side"])
        assert 2 == found["features"]["x"]["missing"]
        assert found == profile.toDict()

    def test_it_shows_what_it_is(self, reference):
        profile = profile_of(reference, [(1.0, 2, "buy")])
        assert f"Profile(rows=1, features=3, reference={reference.id!r})" == repr(profile)
        assert "1 rows of 3 features" in profile._repr_html_()

    def test_a_column_that_nobody_asks_for_may_hold_anything(self, reference):
        when = np.array(["2026-01-02"], "M8[D]")
        assert ("when",) == measure(reference, {"when": when, **table([(1.0, 2, "buy")])}).ignored
        batches = [{"when": when, **table([(1.0, 2, "buy")])}] * 3
        assert 3 == measure(reference, iter(batches)).rows


class TestSample:
    def test_it_holds_whole_rows(self):
        columns = [np.arange(5000.0), np.arange(5000.0) + 0.5]
        draw = Draw.of(columns[0])
        sample = draw.sample([column for part in columns for column in draw.rows_of(part)])
        assert (512, 2) == sample.rows.shape
        assert [0.5] * 512 == (sample.rows[:, 1] - sample.rows[:, 0]).tolist()
        assert 512 == len(set(sample.rows[:, 0].tolist()))
        assert 2500 == pytest.approx(sample.rows[:, 0].mean(), abs=250)  # 4 standard deviations

    def test_all_rows_of_a_small_table_are_in_it(self):
        draw = Draw.of(np.arange(10.0))
        assert list(range(10)) == sorted(draw.sample(draw.rows_of(np.arange(10.0))).rows[:, 0].tolist())

    def test_the_sum_has_the_smallest_keys_of_both(self):
        samples = []
        for start in (0.0, 1000.0, 2000.0):
            column = np.arange(start, start + 1000)
            draw = Draw.of(column)
            samples.append(draw.sample(draw.rows_of(column)))
        expected = np.sort(np.concatenate([sample.keys for sample in samples]))[:512]
        assert expected.tolist() == functools.reduce(operator.add, samples).keys.tolist()

    def test_every_part_has_its_share(self):
        """Of 512 rows from two equal halves, the share of one has the standard deviation 11.3."""
        halves = []
        for half in (RNG.normal(size=100_000), RNG.normal(1000, size=100_000)):
            draw = Draw.of(half)
            halves.append(draw.sample(draw.rows_of(half)))
        of_the_first = (operator.add(*halves).rows[:, 0] < 500).sum()
        assert 256 == pytest.approx(of_the_first, abs=45)

    def test_among_equal_keys_the_rows_decide(self):
        """Tables whose first column is the same draw the same keys."""
        parts = []
        for value in (1.0, 2.0, 3.0):
            first = np.zeros(512)
            draw = Draw.of(first)
            parts.append(draw.sample([*draw.rows_of(first), *draw.rows_of(np.full(512, value))]))
        a, b, c = parts
        assert (a + b) + c == c + (b + a) == (b + c) + a
        assert 512 == len(a + b)

    def test_without_numeric_features_it_has_no_columns(self):
        reference = reference_of({"side": ["a", "b"]})
        assert (2, 0) == measure(reference, {"side": ["a", "z"]}).sample.rows.shape

    def test_its_length_is_that_of_its_keys(self):
        assert 0 == len(RowSample(np.empty(0, np.uint64), np.empty((0, 1))))


def test_a_profile_of_one_part_is_a_profile(reference):
    assert isinstance(profile_of(reference, [(0.0, 1, "buy")]), Profile)


def test_a_reference_shows_itself_in_a_notebook():
    data = {"<b>": [1.0, 2.0, 6.0, np.nan], "side": ["buy", "sell", "buy", "buy"]}
    reference = DriftDetector("memory://").set_reference("m", data, errors=[0.0, 1.0, 1.0, 2.0])
    source = re.sub(r"<style>.*</style>", "", reference._repr_html_(), flags=re.DOTALL)
    rows = [re.sub(r"<[^>]+>", "|", row) for row in re.findall(r"<tr>(.*?)</tr>", source)]
    cells = [[cell for cell in row.split("|") if cell] for row in rows]
    names = ["Name", "Values", "Missing", "Least", "Mean", "Largest"]
    assert cells == [
        names,
        ["&lt;b&gt;", "numbers", "25.0%", "1", "3", "6"],
        ["side", "2 categories", "0.0%", NO_DATA, NO_DATA, NO_DATA],
        names,
        ["Errors", "numbers", "0.0%", "0", "1", "2"],
    ]
    assert f"Reference <bdi>{reference.id}</bdi>, whatever its version, set " in source
    assert ": 4 rows of 2 features</p>" in source


@pytest.mark.parametrize(
    "change",
    [
        lambda profile: {"features": {"a": profile.features["a"]}},
        lambda profile: {"features": dict(zip("ac", reversed(profile.features.values()), strict=True))},
        lambda _: {"features": None},
        lambda profile: {"features": {**profile.features, "a": None}},
        lambda profile: {
            "features": {**profile.features, "a": evolved(profile, "a", lambda cells: cells[:-1])}
        },
        lambda profile: {"features": {**profile.features, "c": evolved(profile, "c", lambda cells: -cells)}},
        lambda profile: {
            "features": {**profile.features, "c": evolved(profile, "c", lambda cells: cells * 1.0)}
        },
        lambda profile: {"rows": profile.rows + 1},
        lambda profile: {"sample": RowSample(profile.sample.keys, np.empty((3, 7)))},
    ],
    ids=["lacking", "exchanged", "none", "no counts", "cut off", "negative", "no integers", "rows", "sample"],
)
def test_a_profile_that_does_not_fit_is_refused(change):
    """It may have been pickled by another version, or have been damaged on its way."""
    detector, source = DriftDetector(MemoryStore()), np.random.default_rng(7)
    data = {"a": source.normal(size=60), "c": ["x", "y", "z"] * 20}
    detector.set_reference("model", data)
    profile = detector.profile("model", data)
    with pytest.raises(InvalidDataError, match="its counts do not fit the bins of the reference"):
        detector.check("model", attrs.evolve(profile, **change(profile)))


def evolved(profile, name, change):
    """Return the counts of a feature with other cells."""
    counts = profile.features[name]
    return attrs.evolve(counts, cells=change(counts.cells))
