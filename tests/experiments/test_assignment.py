"""Which unit gets which variant: as specified, the same everywhere, uniform, and stable on a ramp."""

import itertools
import math
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import chdtrc

from mlprod.errors import InvalidConfigError, InvalidDataError, InvalidNameError
from mlprod.experiments._assignment import Assigner, Namespace
from mlprod.experiments._ranges import FULL, Ranges, whole_part

SPECIFICATION = (Path(__file__).parents[2] / "docs" / "assignment.md").read_text(encoding="utf-8")
HALF = Ranges.of([0.5, 0.5], variants=2)
THREE = Ranges.of([0.1, 0.2, 0.7], variants=3)
ASSIGNER = Assigner("2026", "exits", THREE, enrolled=FULL // 2)


def table(heading):
    """Read the rows of the table whose first column has this heading, without quotes."""
    text = SPECIFICATION[SPECIFICATION.index(f"\n| {heading} |") + 1 :].split("\n\n")[0].strip()
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in text.split("\n")[2:]]


def hashed():
    """Tell the two tables of hashes apart."""
    parts = SPECIFICATION.split("| text | XXH3 (64 bits) |")[1:]
    return [
        re.findall(r"^\| `(.+)` \| `([0-9a-f]{16})` \| (\w+) \| (\w+) \|(?: (\w+) \|)?$", part, re.MULTILINE)
        for part in parts
    ]


def as_ranges(text):
    """Read ranges as the specification writes them."""
    pairs = [pair.split(":") for pair in text.split()]
    owners = tuple(int(owner) for _, owner in pairs)
    return Ranges(max(owners) + 1, tuple(int(end) for end, _ in pairs), owners)


def as_weights(text):
    return [float(weight) for weight in text.split()]


def by_hand(assigner, text):
    """Follow the specification to the letter."""
    bits = xxhash.xxh3_64_intdigest(text.encode())
    if bits // FULL >= assigner.enrolled:
        return -1
    owners = zip(assigner.ranges.ends, assigner.ranges.owners, strict=True)
    return next(owner for end, owner in owners if bits % FULL < end)


@st.composite
def weights(draw, count):
    """Give weights in steps of a millionth, some of them zero."""
    cuts = sorted(draw(st.lists(st.integers(0, 10**6), min_size=count - 1, max_size=count - 1)))
    return [(after - before) / 10**6 for before, after in itertools.pairwise([0, *cuts, 10**6])]


few = settings(max_examples=30)  # each has several ramps
several_weights = st.integers(2, 6).flatmap(lambda count: st.lists(weights(count), min_size=2, max_size=6))


class TestSpecification:
    """Its figures were made with the command `xxhsum -H3` 0.8.1 and by hand."""

    def test_the_tables_are_read_whole(self):
        assert [11, 5] == [len(rows) for rows in hashed()]
        assert (5, 6) == (len(table("weights")), len(table("ranges")))

    @pytest.mark.parametrize("row", hashed()[0], ids=lambda row: row[0])
    def test_its_hashes_and_variants(self, row):
        text, digest, enrolled, of_two, of_three = row
        salt, experiment, unit = text.split(":", 2)
        assert digest == f"{xxhash.xxh3_64_intdigest(text.encode()):016x}"
        assert int(of_two) == Assigner(salt, experiment, HALF).index(unit)
        assert int(of_three) == Assigner(salt, experiment, THREE).index(unit)
        quarter = Assigner(salt, experiment, HALF, enrolled=whole_part(0.25, "a share"))
        assert (enrolled == "yes") == (quarter.index(unit) >= 0)

    @pytest.mark.parametrize("row", hashed()[1], ids=lambda row: row[0])
    def test_its_namespaces(self, row):
        text, digest, first, second, _ = row
        _, _, name, unit = text.split(":")
        assert digest == f"{xxhash.xxh3_64_intdigest(text.encode()):016x}"
        assert (first == "yes") == Namespace(name, 0, 0.4).holds(unit)
        assert (second == "yes") == Namespace(name, 0.4, 1).holds(unit)

    @pytest.mark.parametrize("row", table("weights"), ids=lambda row: row[0])
    def test_its_ranges(self, row):
        listed = as_weights(row[0])
        assert as_ranges(row[1]) == Ranges.of(listed, variants=len(listed))

    @pytest.mark.parametrize("row", table("ranges"), ids=lambda row: f"{row[0]} to {row[1]}")
    def test_its_ramps(self, row):
        assert as_ranges(row[2]) == as_ranges(row[0]).moved_to(as_weights(row[1]))

    @given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
    def test_any_text(self, unit):
        assert by_hand(ASSIGNER, f"2026:exits:{unit}") == ASSIGNER.index(unit)

    def test_another_process_with_another_hash_seed_agrees(self):
        code = (
            "from mlprod.experiments._assignment import Assigner\n"
            "from mlprod.experiments._ranges import Ranges\n"
            "assigner = Assigner('2026', 'exits', Ranges.of([0.1, 0.2, 0.7], variants=3), enrolled=1 << 31)\n"
            "print([assigner.index(f'user-{number}') for number in range(200)])"
        )
        command = [sys.executable, "-c", code]
        environment = os.environ | {"PYTHONHASHSEED": "4242"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        expected = [by_hand(ASSIGNER, f"2026:exits:user-{number}") for number in range(200)]
        assert f"{expected}\n" == done.stdout


class TestUnits:
    @pytest.mark.parametrize(
        ("unit", "text"),
        [
            ("müller", "müller"),
            ("müller".encode(), "müller"),
            (np.str_("müller"), "müller"),
            (np.bytes_(b"abc"), "abc"),
            (42, "42"),
            (-42, "-42"),
            (0, "0"),
            (10**30, "1" + "0" * 30),
            (np.int8(-42), "-42"),
            (np.uint64(2**64 - 1), "18446744073709551615"),
            (UUID("550E8400-E29B-41D4-A716-446655440000"), "550e8400-e29b-41d4-a716-446655440000"),
            ("\0", "\0"),
            ("a:b", "a:b"),
            ("x" * 4096, "x" * 4096),
            (b"x" * 4096, "x" * 4096),
            ("ü" * 4096, "ü" * 4096),
            (10**4095, "1" + "0" * 4095),
        ],
        ids=lambda value: f"{type(value).__name__} {str(value)[:30]} {len(str(value))}",
    )
    def test_each_kind_has_its_bytes(self, unit, text):
        """Some experiment tells any two units apart: five hundred are asked."""
        for number in range(500):
            assigner = Assigner("2026", f"exits-{number}", THREE)
            expected = by_hand(assigner, f"2026:exits-{number}:{text}")
            assert expected == assigner.index(unit)
            assert [expected] == assigner.indices([unit]).tolist()

    def test_bytes_that_are_no_text_are_hashed_as_they_are(self):
        bits = xxhash.xxh3_64_intdigest(b"2026:exits:\xff\xfe")
        expected = HALF.variant(bits % FULL)
        assert expected == Assigner("2026", "exits", HALF).index(b"\xff\xfe")

    @pytest.mark.parametrize(
        "unit",
        [
            "",
            b"",
            np.str_(""),
            None,
            1.0,
            math.nan,
            np.float64(1),
            True,
            np.True_,
            np.timedelta64(5, "s"),
            np.datetime64("2026-03-02"),
            (1,),
            ["a"],
            bytearray(b"a"),
            "x" * 4097,
            b"x" * 4097,
            "y" * 10**6,
            "\ud800",
            "user-\udcff",
            10**4096,
            -(10**4095),
            10**5000,
        ],
        ids=lambda unit: repr(unit)[:30] if not isinstance(unit, int) else f"{unit.bit_length()} bits",
    )
    def test_what_is_no_unit_is_refused_alone_and_in_batches(self, unit):
        with pytest.raises(InvalidDataError, match="unit") as alone:
            ASSIGNER.index(unit)
        for units in ([unit], ["user-1", unit], [1, unit], np.array([None, unit, 1], object)[1:]):
            with pytest.raises(InvalidDataError) as batch:
                ASSIGNER.indices(units)
            assert str(alone.value) == str(batch.value)

    @pytest.mark.parametrize(
        ("unit", "message"),
        [
            ("", "a unit must have 1 to 4,096 characters or bytes, not 0: ''"),
            (b"x" * 5000, "a unit must have 1 to 4,096 characters or bytes, not 5,000: b'xxx"),
            (None, "a unit must be text, bytes, an integer or a UUID, not None"),
            ("\udcff", r"a unit is not valid text \(it holds a lone surrogate\): '\\udcff'"),
            (10**5000, "an integer of more than 4,096 digits cannot be a unit"),
        ],
        ids=["empty", "long", "none", "surrogate", "large"],
    )
    def test_the_error_says_what_is_wrong(self, unit, message):
        with pytest.raises(InvalidDataError, match=message):
            ASSIGNER.index(unit)


class TestBatch:
    NUMBERS = range(-20, 300)
    NAMES = ("müller", "東京", "a", "user-1", "x" * 300)

    @pytest.mark.parametrize(
        "units",
        [
            [str(number) for number in NUMBERS],
            tuple(NAMES),
            list(NUMBERS),
            [name.encode() for name in NAMES],
            [UUID(int=7), 1, "a", b"b", np.int16(3), np.str_("c")],
            ["a", 1],
            [1, "a"],
            np.array(NAMES),
            np.array(NAMES, object),
            np.array(NAMES, np.dtypes.StringDType()),
            np.array([b"a", b"bc"]),
            np.array([1, "a", b"b", UUID(int=7)], object),
            np.arange(-5, 200, dtype=np.int16),
            np.array([2**64 - 1, 0], np.uint64),
            np.arange(200)[::-3],
        ],
        ids=lambda units: f"{type(units).__name__} {getattr(units, 'dtype', '')} {units[0]!r} {units[1]!r}",
    )
    def test_it_agrees_with_one_by_one(self, units):
        expected = [ASSIGNER.index(unit) for unit in units]
        found = ASSIGNER.indices(units)
        assert np.intp == found.dtype
        assert expected == found.tolist()

    def test_an_iterator_is_read_once(self):
        assert [ASSIGNER.index(unit) for unit in self.NUMBERS] == ASSIGNER.indices(
            iter(self.NUMBERS)
        ).tolist()

    @pytest.mark.parametrize("units", [[], (), np.array([], "U4"), np.array([], np.int64)], ids=repr)
    def test_no_units_have_no_variants(self, units):
        found = ASSIGNER.indices(units)
        assert (0,) == found.shape
        assert np.intp == found.dtype

    @pytest.mark.parametrize("units", ["user-1", b"user-1", 5, None], ids=repr)
    def test_one_unit_is_no_batch(self, units):
        with pytest.raises(InvalidDataError, match="units must be a list or an array of them, not"):
            ASSIGNER.indices(units)

    @pytest.mark.parametrize(
        "units",
        [
            np.array([1.0]),
            np.array([True]),
            np.array(["2026-03-02"], "datetime64[ns]"),
            np.array([5], "timedelta64[s]"),
            np.array([["a"]]),
            np.array(5),
        ],
        ids=lambda units: f"{units.dtype} {units.shape}",
    )
    def test_arrays_of_something_else_are_refused(self, units):
        with pytest.raises(
            InvalidDataError, match=re.escape(f"of shape {units.shape} and dtype {units.dtype}")
        ):
            ASSIGNER.indices(units)

    def test_a_missing_unit_of_an_array_of_objects_is_refused(self):
        with pytest.raises(InvalidDataError, match="not None"):
            ASSIGNER.indices(np.array(["a", None], object))


class TestWeights:
    @few
    @given(several_weights)
    def test_sizes_are_exact(self, several):
        for listed in several:
            sizes = Ranges.of(listed, variants=len(listed)).sizes()
            assert FULL == sum(sizes)
            total = sum(map(Fraction, listed))
            for weight, size in zip(listed, sizes, strict=True):
                assert abs(Fraction(weight) * FULL / total - size) < 1

    @pytest.mark.parametrize("count", [2, 3, 7, 64])
    def test_equal_weights_differ_by_one_value_at_most(self, count):
        sizes = Ranges.of([1 / count] * count, variants=count).sizes()
        assert sorted(sizes, reverse=True) == list(sizes)
        assert sizes[0] - sizes[-1] <= 1

    def test_no_weight_is_no_unit(self):
        assert (FULL, 0) == Ranges.of([1, 0], variants=2).sizes()
        assert (0, FULL) == Ranges.of([0, 1], variants=2).sizes()
        assert (0, FULL, 0) == Ranges.of([0.0, 1.0, 0.0], variants=3).sizes()

    @pytest.mark.parametrize("error", [9e-10, -9e-10])
    def test_what_was_rounded_is_shared(self, error):
        sizes = Ranges.of([0.5 + error, 0.5], variants=2).sizes()
        assert FULL == sum(sizes)
        assert math.isclose(FULL / 2, sizes[0], abs_tol=3)

    @pytest.mark.parametrize(
        "weights",
        [np.array([0.25, 0.75]), np.array([0.25, 0.75], np.float32), (0.25, 0.75)],
        ids=repr,
    )
    def test_any_numbers_will_do(self, weights):
        assert (FULL // 4, 3 * FULL // 4) == Ranges.of(weights, variants=2).sizes()

    @pytest.mark.parametrize(
        ("weights", "message"),
        [
            ([0.5, 0.6], r"weights must sum to 1; \[0.5, 0.6\] sum to 1.1"),
            ([0.5, 0.5 + 2e-9], r"sum to 1\.000000002"),
            ([0.5, 0.5 - 2e-9], r"sum to 0\.999999998"),
            ([0.25, 0.25], r"sum to 0\.5"),
            ([0, 0], r"sum to 0\.0"),
            ([50, 50], "a weight must be a number from 0 to 1, not 50"),
            ([-0.5, 1.5], r"a weight must be a number from 0 to 1, not -0\.5"),
            ([0.5, math.nan], "not nan"),
            ([math.inf, 0.5], "not inf"),
            ([10**400, 0], "not 1000"),
            (["0.5", "0.5"], r"not '0\.5'"),
            ([True, False], "not True"),
            ([np.True_, np.False_], "not np.True_"),
            ([None, 1], "not None"),
            ([0.5 + 0j, 0.5], r"not \(0\.5"),
            ({"control": 0.5, "treatment": 0.5}, "not 'control'"),
            ("ab", "not 'a'"),
            (0.5, r"weights must be 2 numbers, not 0\.5"),
            (None, "weights must be 2 numbers, not None"),
            ([1.0], r"2 variants need 2 weights, not 1 \(which sum to 1\.0\)"),
            ([0.5, 0.25, 0.25], r"2 variants need 2 weights, not 3 \(which sum to 1\.0\)"),
            ([], r"2 variants need 2 weights, not 0 \(which sum to 0\.0\)"),
        ],
        ids=repr,
    )
    def test_bad_weights_are_refused_never_mended(self, weights, message):
        with pytest.raises(InvalidConfigError, match=message):
            Ranges.of(weights, variants=2)
        with pytest.raises(InvalidConfigError, match=message):
            HALF.moved_to(weights)

    @pytest.mark.parametrize("count", [0, 1, 65])
    def test_there_are_2_to_64_variants(self, count):
        with pytest.raises(InvalidConfigError, match=f"2 to 64 variants, not {count}"):
            Ranges.of([1 / max(count, 1)] * count, variants=count)

    @pytest.mark.parametrize("share", [-0.1, 1.1, math.nan, None, "1", True, np.True_], ids=repr)
    def test_a_share_is_a_number_from_0_to_1(self, share):
        with pytest.raises(InvalidConfigError, match="traffic_allocation must be a number from 0 to 1, not"):
            whole_part(share, "traffic_allocation")

    def test_shares_are_whole_parts(self):
        """The exact product of the binary64 number 0.1 and 2³² is 429496729.6 and a little."""
        shares = (0, 0.1, 0.25, 1, 2**-33, np.float32(0.5))
        assert [0, 429_496_729, FULL // 4, FULL, 0, FULL // 2] == [whole_part(s, "a share") for s in shares]


def moved(before, after):
    """Return how many of the 2³² values went from one variant to another, for each pair of two."""
    ends = sorted({*before.ends, *after.ends})
    found = {}
    for start, end in itertools.pairwise([0, *ends]):
        pair = before.variant(start), after.variant(start)
        found[pair] = found.get(pair, 0) + end - start
    return {pair: size for pair, size in found.items() if pair[0] != pair[1]}


class TestRamp:
    @few
    @given(several_weights)
    def test_it_moves_what_it_must_and_only_to_those_that_grow(self, several):
        ranges = Ranges.of(several[0], variants=len(several[0]))
        for listed in several[1:]:
            ramped = ranges.moved_to(listed)
            assert Ranges.of(listed, variants=len(listed)).sizes() == ramped.sizes()
            changes = [now - then for then, now in zip(ranges.sizes(), ramped.sizes(), strict=True)]
            flows = moved(ranges, ramped)
            assert sum(change for change in changes if change > 0) == sum(flows.values())
            assert all(changes[giver] < 0 < changes[taker] for giver, taker in flows)
            ranges = ramped

    @few
    @given(several_weights)
    def test_ranges_are_in_order_without_gaps_and_joined(self, several):
        ranges = Ranges.of(several[0], variants=len(several[0]))
        for listed in several[1:]:
            ranges = ranges.moved_to(listed)
            assert FULL == ranges.ends[-1]
            assert all(before < after for before, after in itertools.pairwise((0, *ranges.ends)))
            assert all(before != after for before, after in itertools.pairwise(ranges.owners))

    @few
    @given(several_weights)
    def test_the_same_weights_move_nothing(self, several):
        ranges = Ranges.of(several[0], variants=len(several[0])).moved_to(several[1])
        assert ranges == ranges.moved_to(several[1])

    @given(st.lists(st.integers(1, 999), min_size=2, max_size=6))
    def test_of_two_variants_only_the_boundary_moves(self, thousandths):
        """So going back moves the same units back."""
        ranges = HALF
        for part in thousandths:
            listed = [part / 1000, 1 - part / 1000]
            ranges = ranges.moved_to(listed)
            assert Ranges.of(listed, variants=2) == ranges

    def test_two_treatments_that_are_ramped_and_taken_back(self):
        start = Ranges.of([0.9, 0.05, 0.05], variants=3)
        assert start == start.moved_to([0.5, 0.25, 0.25]).moved_to([0.9, 0.05, 0.05])

    def test_a_variant_that_had_no_units_gets_some(self):
        assert HALF == Ranges.of([1, 0], variants=2).moved_to([0.5, 0.5])
        assert as_ranges("2147483648:1 4294967296:0") == Ranges.of([0, 1], variants=2).moved_to([0.5, 0.5])

    @few
    @given(st.integers(0, FULL - 1), weights(5), weights(5))
    def test_one_value_and_many_have_the_same_variant(self, bits, first, second):
        ranges = Ranges.of(first, variants=5).moved_to(second)
        edges = [bits, 0, FULL - 1, *ranges.ends[:-1], *(end - 1 for end in ranges.ends)]
        expected = [
            next(owner for end, owner in zip(ranges.ends, ranges.owners, strict=True) if value < end)
            for value in edges
        ]
        assert expected == [ranges.variant(value) for value in edges]
        assert expected == ranges.variants_of(np.array(edges, np.uint64)).tolist()

    def test_enrolling_more_un_enrols_and_moves_nobody(self):
        before = np.full(2000, -1)
        for enrolled in (0, 1 << 28, 1 << 30, FULL - 1, FULL):
            after = Assigner("2026", "exits", THREE, enrolled=enrolled).indices(range(2000))
            was = before >= 0
            assert np.array_equal(before[was], after[was])
            assert np.sum(after >= 0) >= np.sum(was)
            before = after
        assert before.min() == 0

    def test_enrolment_is_exact_to_one_of_2_to_the_32(self):
        """The upper 32 bits of the first unit of the specification are 0x0613f4b3."""
        for enrolled, expected in ((0x0613F4B3, -1), (0x0613F4B4, 1)):
            assigner = Assigner("2026", "exits", THREE, enrolled=enrolled)
            assert expected == assigner.index("user-1")
            assert [expected] == assigner.indices(["user-1"]).tolist()


class TestNamespace:
    def test_its_ends_are_exact_to_one_of_2_to_the_32(self):
        """The upper 32 bits of its first unit in the specification are 0xa945b29c."""
        at, after = 0xA945B29C / FULL, 0xA945B29D / FULL
        for start, end, expected in ((0, at, False), (at, after, True), (after, 1, False)):
            share = Namespace("sizing", start, end)
            assert expected == share.holds("user-1")
            assert [expected] == share.hold(["user-1"]).tolist()

    def test_every_unit_is_in_one_of_the_shares_that_fill_it(self):
        cuts = (0, 0.1, 0.3, 1 / 3, 0.9, 1)
        shares = [Namespace("sizing", start, end) for start, end in itertools.pairwise(cuts)]
        assert [1] * 1000 == np.sum([share.hold(range(1000)) for share in shares], axis=0).tolist()

    def test_only_units_in_the_share_are_assigned_and_as_without_it(self):
        share = Namespace("sizing", 0.25, 0.75)
        inside = Assigner("2026", "exits", THREE, namespace=share)
        anywhere = Assigner("2026", "exits", THREE)
        expected = [anywhere.index(unit) if share.holds(unit) else -1 for unit in range(1000)]
        assert expected == [inside.index(unit) for unit in range(1000)]
        assert expected == inside.indices(range(1000)).tolist()
        assert expected == inside.indices(np.arange(1000)).tolist()

    def test_being_in_it_is_one_more_condition_beside_enrolment(self):
        share = Namespace("sizing", 0, 0.5)
        both = Assigner("2026", "exits", THREE, enrolled=FULL // 2, namespace=share)
        expected = [ASSIGNER.index(unit) if share.holds(unit) else -1 for unit in range(1000)]
        assert expected == both.indices(range(1000)).tolist()

    @pytest.mark.parametrize(
        ("start", "end", "message"),
        [
            (-0.1, 0.5, r"the start of a share must be a number from 0 to 1, not -0\.1"),
            (0, 1.5, r"the end of a share must be a number from 0 to 1, not 1\.5"),
            (math.nan, 1, "not nan"),
            (None, 1, "not None"),
            (0, "1", "not '1'"),
            (0.5, 0.5, r"the share of namespace 'sizing' must end above its start 0\.5, not at 0\.5"),
            (0.7, 0.2, r"must end above its start 0\.7, not at 0\.2"),
        ],
        ids=repr,
    )
    def test_a_bad_share_is_refused(self, start, end, message):
        with pytest.raises(InvalidConfigError, match=message):
            Namespace("sizing", start, end)


class TestNames:
    @pytest.mark.parametrize("name", ["", "a:b", "a/b", "ä", ".a", None, "x" * 129], ids=repr)
    def test_what_comes_before_the_unit_is_a_name(self, name):
        """So the text that is hashed is never ambiguous."""
        with pytest.raises(InvalidNameError, match="cannot be a salt"):
            Assigner(name, "exits", HALF)
        with pytest.raises(InvalidNameError, match="cannot be an experiment id"):
            Assigner("2026", name, HALF)
        with pytest.raises(InvalidNameError, match="cannot be a namespace"):
            Namespace(name, 0, 1)

    def test_assigners_of_the_same_settings_are_equal(self):
        assert Assigner("2026", "exits", THREE, enrolled=FULL // 2) == ASSIGNER
        assert Assigner("2027", "exits", THREE, enrolled=FULL // 2) != ASSIGNER


class TestRandomness:
    """Pearson's chi-square with the shares that were asked for; all seeds are fixed by the ids."""

    CLASSES = (-1, 0, 1, 2)
    SHARES = np.array([0.5, 0.5 * 0.1, 0.5 * 0.2, 0.5 * 0.7])

    @staticmethod
    def p_values(counts, shares):
        """Test counts, shape ``(tests, classes)``, against known shares."""
        expected = counts.sum(axis=1, keepdims=True) * shares
        return chdtrc(len(shares) - 1, ((counts - expected) ** 2 / expected).sum(axis=1))

    @pytest.mark.slow
    @pytest.mark.parametrize(("experiments", "units"), [(8, 1_000_000), (100, 50_000)])
    def test_variants_are_uniform_and_any_two_experiments_independent(self, experiments, units):
        """No p-value is below 1e-4 divided by their number (Bonferroni)."""
        ids = [f"user-{number}" for number in range(units)]
        is_in = np.empty((experiments, 4, units), np.float32)
        for number in range(experiments):
            found = Assigner("2026", f"experiment-{number}", THREE, enrolled=FULL // 2).indices(ids)
            np.equal(found, np.array(self.CLASSES)[:, None], out=is_in[number], casting="unsafe")
        is_in = is_in.reshape(experiments * 4, units)
        tables = (is_in @ is_in.T).astype(np.float64).reshape(experiments, 4, experiments, 4)
        single = np.array([np.diag(tables[number, :, number]) for number in range(experiments)])
        first, second = np.triu_indices(experiments, k=1)
        double = tables[first, :, second].reshape(-1, 16)
        assert units == single.sum() / experiments == double.sum() / len(first)
        found = np.concatenate(
            [
                self.p_values(single, self.SHARES),
                self.p_values(double, np.outer(self.SHARES, self.SHARES).ravel()),
            ]
        )
        assert found.min() > 1e-4 / len(found)

    @pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
    def test_who_is_enrolled_says_nothing_about_the_variant(self, share):
        units = range(100_000)
        variants = Assigner("2026", "exits", THREE).indices(units)
        some = Assigner("2026", "exits", THREE, enrolled=whole_part(share, "a share")).indices(units)
        enrolled = some >= 0
        assert np.array_equal(variants[enrolled], some[enrolled])
        counts = np.bincount(variants + 3 * enrolled, minlength=6)[None, :]
        shares = np.outer([1 - share, share], [0.1, 0.2, 0.7]).ravel()
        assert self.p_values(counts, shares)[0] > 1e-4

    def test_who_is_in_a_namespace_says_nothing_about_enrolment_and_variant(self):
        units = range(100_000)
        inside = Namespace("exits", 0, 0.5).hold(units)
        found = Assigner("2026", "exits", THREE, enrolled=FULL // 2).indices(units)
        counts = np.bincount(found + 1 + 4 * inside, minlength=8)[None, :]
        assert self.p_values(counts, np.outer([0.5, 0.5], self.SHARES).ravel())[0] > 1e-4

    def test_another_salt_is_another_assignment(self):
        units = range(100_000)
        first, second = (Assigner(salt, "exits", HALF).indices(units) for salt in ("2026", "2027"))
        counts = np.bincount(first + 2 * second, minlength=4)[None, :]
        assert self.p_values(counts, np.full(4, 0.25))[0] > 1e-4


@pytest.mark.parametrize(
    ("ends", "owners"),
    [
        ((), ()),
        ((1,), (0,)),
        ((FULL,), ()),
        ((FULL,), (2,)),
        ((FULL,), (-1,)),
        ((FULL, FULL), (0, 1)),
        ((0, FULL), (0, 1)),
        ((FULL, 1), (0, 1)),
        ((1, FULL + 1), (0, 1)),
    ],
    ids=str,
)
def test_ranges_that_leave_a_unit_without_a_variant_are_refused(ends, owners):
    """They may come from a file that somebody wrote."""
    with pytest.raises(InvalidConfigError, match="these are no ranges of the 2³² values among 2 variants"):
        Ranges(2, ends, owners)
