"""Forest plots: bars are where their limits are, whatever the limits."""

import itertools
import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprod._svg import IntervalRow, interval_axis, interval_key, interval_rows, interval_scale

NAN, INF = math.nan, math.inf
WIDTH, LEFT, RIGHT = 256, 9, 247  # where the ends of the scale are drawn
NUMBER = r"-?\d+(?:\.\d+)?"
MINUS = "\N{MINUS SIGN}"


def row(estimate=10.0, inner=(0.0, 20.0), outer=(-20.0, 40.0), label="treatment"):
    return IntervalRow(label, estimate, inner, outer)


def drawn(*rows, better="higher"):
    scale = interval_scale(rows, width=WIDTH)
    parts = interval_rows(rows, scale, better=better, width=WIDTH)
    return [ET.fromstring(part) for part in parts]  # noqa: S314 - made by the code under test


def axis(*rows, better="higher"):
    scale = interval_scale(rows, width=WIDTH)
    found = ET.fromstring(interval_axis(scale, better=better, width=WIDTH))  # noqa: S314
    return {text.text: float(text.get("x")) for text in found.iter("text")}


def bar(chart, kind):
    (found,) = chart.findall(f".//path[@class='mlprod-{kind}']")
    begin, end = re.match(rf"M({NUMBER}) 15H({NUMBER})", found.get("d")).groups()
    return float(begin), float(end)


def arrows(chart):
    found = chart.findall(".//path[@class='mlprod-arrow']")
    return [float(x) for each in found for x in re.findall(rf"M({NUMBER}) 15L", each.get("d"))]


def dot(chart):
    return [float(circle.get("cx")) for circle in chart.iter("circle")]


def look(chart):
    return [group.get("class") for group in chart.iter("g")]


class TestPlaces:
    def test_limits_are_drawn_where_they_are_on_the_scale(self):
        # From -20 to 40 on 238 pixels that begin at 9: x is 9 + 238 (value + 20) / 60.
        (chart,) = drawn(row())
        assert (9.0, 247.0) == bar(chart, "outer")
        assert pytest.approx((88.3, 167.7), abs=0.051) == bar(chart, "inner")
        assert pytest.approx([128.0], abs=0.051) == dot(chart)
        (zero,) = chart.findall(".//path[@class='mlprod-zero']")
        assert zero.get("d").startswith("M88.3 ")

    def test_all_rows_are_on_one_scale(self):
        wide, narrow = drawn(row(), row(inner=(5.0, 10.0), outer=(0.0, 20.0)))
        assert bar(wide, "inner") == bar(narrow, "outer")

    def test_zero_is_on_the_scale_however_far_the_data_are(self):
        (chart,) = drawn(row(100.0, (90.0, 110.0), (80.0, 120.0)))
        (zero,) = chart.findall(".//path[@class='mlprod-zero']")
        assert zero.get("d").startswith("M9.0 ")
        # The next round number is 150: x is 9 + 238 value / 150.
        assert pytest.approx((135.9, 199.4), abs=0.051) == bar(chart, "outer")

    def test_ticks_have_signs_and_stand_at_round_numbers(self):
        found = axis(row())
        labels = {label: x for label, x in found.items() if "%" in label}
        assert [f"{MINUS}20%", "0%", "+20%", "+40%"] == sorted(labels, key=labels.get)
        assert pytest.approx([88.3, 167.7], abs=0.051) == [labels["0%"], labels["+20%"]]

    def test_a_limit_that_is_much_too_far_becomes_an_arrow(self):
        # All else spans 20; what is further away than 2.5 times that is not on the scale.
        (chart,) = drawn(row(outer=(-4000.0, 5000.0)))
        assert [1.0, 255.0] == arrows(chart)
        assert bar(chart, "inner")[1] - bar(chart, "inner")[0] > 20

    @pytest.mark.parametrize(
        ("outer", "expected"),
        [((-INF, 40.0), [1.0]), ((-20.0, INF), [255.0]), ((-INF, INF), [1.0, 255.0]), ((-20.0, 40.0), [])],
    )
    def test_no_limit_is_an_arrow_to_the_edge(self, outer, expected):
        (chart,) = drawn(row(outer=outer))
        assert expected == arrows(chart)
        begin, end = bar(chart, "outer")
        assert (begin == 7.0, end == 249.0) == tuple(map(math.isinf, outer))

    def test_what_is_beyond_one_side_is_no_arrow_to_the_other(self):
        (chart,) = drawn(row(inner=(0.0, 20.0), outer=(4000.0, 5000.0)))
        assert [255.0] == arrows(chart)

    def test_what_is_not_known_is_not_drawn(self):
        (chart,) = drawn(row(NAN, (NAN, 3.0), (1.0, 2.0)))
        assert [] == dot(chart)
        assert [] == chart.findall(".//path[@class='mlprod-inner']")
        (chart,) = drawn(row(1.0, (2.0, 1.0), (0.0, 2.0)))
        assert [] == chart.findall(".//path[@class='mlprod-inner']")


class TestLooks:
    @pytest.mark.parametrize(
        ("outer", "better", "expected"),
        [
            ((1.0, 2.0), "higher", "better"),
            ((-2.0, -1.0), "higher", "worse"),
            ((1.0, 2.0), "lower", "worse"),
            ((-2.0, -1.0), "lower", "better"),
            ((-1.0, 1.0), "higher", "unsure"),
            ((0.0, 1.0), "higher", "unsure"),
            ((1.0, 2.0), None, "unsure"),
            ((NAN, NAN), "higher", "unsure"),
        ],
    )
    def test_a_row_has_a_colour_where_the_outer_interval_leaves_out_zero(self, outer, better, expected):
        (chart,) = drawn(row(outer=outer), better=better)
        assert [f"mlprod-{expected}"] == look(chart)

    @pytest.mark.parametrize(
        ("better", "expected"),
        [
            ("higher", {"\N{LEFTWARDS ARROW} worse", "better \N{RIGHTWARDS ARROW}"}),
            ("lower", {"\N{LEFTWARDS ARROW} better", "worse \N{RIGHTWARDS ARROW}"}),
            (None, set()),
        ],
    )
    def test_the_axis_names_the_sides(self, better, expected):
        assert expected == {text for text in axis(row(), better=better) if "%" not in text}

    def test_a_side_without_room_is_not_named(self):
        assert {"better \N{RIGHTWARDS ARROW}"} == {
            text for text in axis(row(9.0, (8.0, 10.0), (7.0, 11.0))) if "%" not in text
        }
        assert {"\N{LEFTWARDS ARROW} worse"} == {
            text for text in axis(row(-9.0, (-10.0, -8.0), (-11.0, -7.0))) if "%" not in text
        }

    @pytest.mark.parametrize(
        ("better", "expected"), [("higher", (88.3, 167.7)), ("lower", (0.0, 88.3)), (None, None)]
    )
    def test_the_good_side_is_shaded(self, better, expected):
        (chart,) = drawn(row(), better=better)
        found = [
            (float(good.get("x")), float(good.get("width")))
            for good in chart.findall(".//rect[@class='mlprod-good']")
        ]
        assert ([] if expected is None else [pytest.approx(expected, abs=0.051)]) == found

    def test_a_key_tells_the_bars_apart_and_escapes(self):
        key = ET.fromstring(interval_key("a < b", "c & d"))  # noqa: S314
        assert ["a < b", "c & d"] == [text.text for text in key.iter("text")]


class TestWords:
    def test_a_row_says_its_figures(self):
        (chart,) = drawn(row(10.0, (0.0, 20.0), (-INF, 40.0), "a <b> & c"))
        told = f"a <b> & c: +10%, thick bar 0% to +20%, thin bar {MINUS}\N{INFINITY}% to +40%"
        assert (told, told) == (chart.get("aria-label"), chart.find("title").text)
        assert "img" == chart.get("role")

    def test_no_data_is_a_dash_on_no_scale(self):
        nothing = row(NAN, (-INF, INF), (-INF, INF))
        (chart,) = drawn(nothing)
        assert ["\N{EN DASH}"] == [text.text for text in chart.iter("text")]
        assert "treatment: no data" == chart.get("aria-label")
        assert {} == axis(nothing)
        assert [] == drawn()

    def test_crowded_labels_are_left_out_but_never_that_of_zero(self):
        assert "0%" in axis(row(1e8, (-1e8, 3e8), (-1e8, 3e8)), better=None)
        found = axis(row(1e8, (-1e8, 3e8), (-1e8, 3e8)), better=None)
        wide = [x for label, x in found.items() if label != "0%"]  # each of 13 characters
        assert all(after - before > 90 for before, after in itertools.pairwise(sorted(wide)))


FLOATS = st.floats()
ROWS = st.lists(
    st.builds(IntervalRow, st.text(max_size=9), FLOATS, st.tuples(FLOATS, FLOATS), st.tuples(FLOATS, FLOATS)),
    max_size=4,
)


@settings(max_examples=50)
@given(ROWS, st.sampled_from(["higher", "lower", None]))
def test_anything_can_be_drawn_and_stays_inside(rows, better):
    assert all(0 <= x <= WIDTH for x in axis(*rows, better=better).values())
    for chart in drawn(*rows, better=better):
        for path in chart.iter("path"):
            numbers = list(map(float, re.findall(rf"[MHL]({NUMBER})", path.get("d"))))
            assert all(0 <= x <= WIDTH for x in numbers)
            assert not re.search("nan|inf", path.get("d"))
        assert all(LEFT <= x <= RIGHT for x in dot(chart))
