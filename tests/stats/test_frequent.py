"""Counts of labels: exact while few are different, then within an error that always holds."""

import functools
import operator
import pickle
from collections import Counter
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod.stats._frequent import FrequentItems

RNG = np.random.default_rng(0)

LETTERS = tuple("abcdefghij")
rows = st.lists(st.integers(-1, 9) | st.integers(-1, 2), max_size=60)

small = functools.partial(mock.patch.object, FrequentItems, "capacity")


def of(codes, labels=LETTERS):
    return FrequentItems.of(np.array(codes, dtype=np.int32), labels)


def counted(codes):
    return Counter(LETTERS[code] for code in codes if code >= 0)


def assert_counts_within_error(items, expected):
    assert expected.total() == items.count
    for label in LETTERS:
        assert items.counts.get(label, 0) <= expected[label] <= items.counts.get(label, 0) + items.error
    assert items.error * (items.capacity + 1) <= items.count - sum(items.counts.values())
    assert len(items.counts) <= items.capacity
    assert min(items.counts.values(), default=1) > 0
    assert len(items.counts) <= items.distinct_at_least <= len(expected)


class TestWhileFew:
    @given(rows)
    def test_counter_agrees(self, codes):
        expected, items = counted(codes), of(codes)
        assert expected == items.counts
        assert (expected.total(), 0, len(expected)) == (items.count, items.error, items.distinct_at_least)

    def test_as_many_as_the_capacity_are_all_counted(self):
        labels = tuple(map(str, range(5000)))
        items = of(range(4096), labels)
        assert (4096, 0, 4096) == (len(items.counts), items.error, items.distinct_at_least)
        more = of(range(4097), labels)
        assert (0, 1, 4097) == (len(more.counts), more.error, more.distinct_at_least)

    def test_the_most_frequent_come_first_and_those_of_one_count_by_their_text(self):
        items = of([0, 0, 0, 1, 2, 2, 3], tuple("dcba"))
        assert (("d", 3), ("b", 2), ("a", 1), ("c", 1)) == items.top(10)
        assert (("d", 3), ("b", 2), ("a", 1)) == items.top(3)
        assert () == items.top(0)

    @pytest.mark.parametrize(("codes", "labels"), [([], LETTERS), ([], ()), ([-1, -1], LETTERS), ([-1], ())])
    def test_without_labels_there_is_nothing(self, codes, labels):
        assert FrequentItems() == of(codes, labels)

    @pytest.mark.parametrize("codes", [[0, -2], [1, 10], [-(2**31)], [2**31 - 1]])
    def test_a_code_that_is_no_label_is_refused(self, codes):
        with pytest.raises(ValueError, match=r"there are 10 labels: a code is an index"):
            of(codes)


class TestBeyond:
    def test_by_hand(self):
        """Of 5, 3 and 2 two may stay: 2 are taken from each."""
        with small(2):
            items = of([0] * 5 + [1] * 3 + [2] * 2)
            assert ({"a": 3, "b": 1}, 2, 10, 3) == (
                items.counts,
                items.error,
                items.count,
                items.distinct_at_least,
            )
            both = items + of([2] * 4)
        assert ({"a": 2, "c": 3}, 3, 14, 3) == (both.counts, both.error, both.count, both.distinct_at_least)

    @given(st.lists(rows, max_size=10), st.integers(1, 6))
    def test_the_error_holds_for_any_labels_in_any_parts(self, parts, capacity):
        expected = counted([code for part in parts for code in part])
        with small(capacity):
            items = list(map(of, parts))
            assert_counts_within_error(FrequentItems.merge(items), expected)
            assert_counts_within_error(functools.reduce(operator.add, items, FrequentItems()), expected)

    def test_a_million_labels_leave_the_frequent_ones(self):
        """Half of the rows have one of ten labels; the others have any."""
        labels = tuple(map(str, range(1_000_000)))
        codes = RNG.integers(0, len(labels), size=100_000, dtype=np.int32)
        codes[::2] %= 10
        items = of(codes, labels)
        assert {*labels[:10]} == {label for label, _ in items.top(10)}
        assert len(items.counts) <= 4096
        assert items.error <= 100_000 / 4097
        expected = np.bincount(codes, minlength=10)[:10]
        actual = np.array([items.counts[label] for label in labels[:10]])
        assert ((actual <= expected) & (expected <= actual + items.error)).all()
        assert len(np.unique(codes)) == items.distinct_at_least


class TestMerge:
    @given(rows, rows, rows)
    def test_grouping_and_order_do_not_matter_while_all_are_counted(self, a, b, c):
        expected = of(a + b + c)
        a, b, c = map(of, (a, b, c))
        assert expected == (a + b) + c == a + (b + c) == c + b + a == FrequentItems.merge(iter([b, a, c]))

    def test_labels_may_come_in_any_order(self):
        assert of([0, 1, 1], ("x", "y")) == of([1, 0], ("y", "x")) + of([0], ("y",))

    @given(rows, st.integers(1, 6))
    def test_no_labels_are_the_identity(self, codes, capacity):
        with small(capacity):
            items = of(codes)
            assert items == items + FrequentItems() == FrequentItems() + items
        assert FrequentItems() == FrequentItems.merge(iter([]))

    def test_the_parts_are_left_as_they_were(self):
        one, other = of([0, 1]), of([1, 2])
        assert {"a": 1, "b": 2, "c": 1} == (one + other).counts
        assert ({"a": 1, "b": 1}, {"b": 1, "c": 1}) == (one.counts, other.counts)

    def test_it_may_come_from_another_process(self):
        items = of([0, 1, 1])
        assert items == pickle.loads(pickle.dumps(items))
