"""Paired bars: as long as their shares, told without colours, and read aloud."""

import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprod._svg import NO_DATA, paired_bars

NAN = math.nan
LABELS = ("low", "middle", "high")
BEFORE, NOW = (0.5, 0.25, 0.25), (0.1, 0.4, 0.5)
EVIL = "</text><script>alert(1)</script>\"'&"


def drawn(labels=LABELS, before=BEFORE, now=NOW, **options):
    source = paired_bars("rsi", labels, before, now, **options)
    return ET.fromstring(source)  # noqa: S314 - made by the code under test


def lengths(chart, kind):
    # The second path of the kind: the first one is in the key.
    _, path = (found for found in chart.iter("path") if kind in found.get("class", "").split())
    return [float(length) for length in re.findall(r"h([\d.]+)v", path.get("d"))]


def tops(chart, kind):
    _, path = (found for found in chart.iter("path") if kind in found.get("class", "").split())
    return [float(top) for top in re.findall(r"M[\d.]+ ([\d.]+)h", path.get("d"))]


def texts(chart):
    return ["".join(text.itertext()) for text in chart.iter("text")]


class TestBars:
    def test_lengths_are_in_proportion_to_shares_over_both_distributions(self):
        chart = drawn()
        (longest, *_), (_, _, last) = lengths(chart, "mlprod-first"), lengths(chart, "mlprod-second")
        assert longest == last
        shares = [length / longest / 2 for length in lengths(chart, "mlprod-first")]
        assert pytest.approx(BEFORE, abs=0.001) == shares
        shares = [length / longest / 2 for length in lengths(chart, "mlprod-second")]
        assert pytest.approx(NOW, abs=0.001) == shares

    def test_the_two_bars_of_a_bin_stand_one_under_the_other_without_overlap(self):
        chart = drawn()
        first, second = tops(chart, "mlprod-first"), tops(chart, "mlprod-second")
        assert [8.0, 8.0, 8.0] == [low - high for high, low in zip(first, second, strict=True)]
        assert [20.0, 20.0] == [first[1] - first[0], first[2] - first[1]]

    def test_the_longest_bar_ends_before_the_numbers(self):
        chart = drawn()
        _, path = (found for found in chart.iter("path") if "mlprod-second" in found.get("class", "").split())
        left = float(re.search(r"M([\d.]+)", path.get("d"))[1])
        # Two columns of 44 pixels each, a gap of 8, on a view box of 360.
        assert pytest.approx(264.0, abs=0.11) == left + lengths(chart, "mlprod-second")[2]
        assert "0 0 360 82" == chart.get("viewBox")

    def test_words_stand_beside_their_bars_and_do_not_overlap_them(self):
        chart = drawn()
        _, path = (found for found in chart.iter("path") if "mlprod-first" in found.get("class", "").split())
        left = float(re.search(r"M([\d.]+)", path.get("d"))[1])
        cells = [(float(text.get("x")), float(text.get("y"))) for text in chart.findall("./text")][2:]
        for place, (label, before, now) in enumerate(zip(cells[::3], cells[1::3], cells[2::3], strict=True)):
            middle = tops(chart, "mlprod-second")[place]  # where the second bar begins
            assert {True} == {middle - 4 < y < middle + 7 for _, y in (label, before, now)}
            assert label[0] < left
            assert (316.0, 360.0) == (before[0], now[0])

    def test_the_key_is_inside_with_each_swatch_before_its_name(self):
        chart = drawn()
        swatches = [
            tuple(map(float, re.match(r"M([\d.]+) [\d.]+h([\d.]+)v7h-([\d.]+)z", path.get("d")).groups()))
            for path in chart.iter("path")
            if path.get("class") and path.get("d").endswith("z") and path.get("d").count("M") == 1
        ]
        (first, second), names = swatches[:2], [float(text.get("x")) for text in chart.findall("./text")[:2]]
        assert first[1] == first[2]
        assert first[0] + first[1] < names[0] < second[0]
        assert second[0] + second[1] < names[1]
        assert names[1] + 3 * 11 * 1.0 > 360 - 8 > names[1]  # "now" ends near the edge

    def test_an_empty_bin_and_an_unknown_one_have_no_bar(self):
        chart = drawn(before=(0.5, 0.0, 0.5), now=(NAN, NAN, 1.0))
        assert 2 == len(lengths(chart, "mlprod-first"))
        assert 1 == len(lengths(chart, "mlprod-second"))

    def test_nothing_known_is_no_error(self):
        chart = drawn(before=(0.0, 0.0, 0.0), now=(NAN, NAN, NAN))
        assert [] == lengths(chart, "mlprod-first")
        assert [NO_DATA] * 3 == texts(chart)[4::3]

    def test_no_bins_make_an_empty_chart(self):
        assert ["reference", "now"] == texts(drawn((), (), ()))

    def test_bars_differ_by_more_than_colour(self):
        chart = drawn()
        hollow, solid = (
            next(found for found in chart.iter("path") if kind in found.get("class", "").split())
            for kind in ("mlprod-first", "mlprod-second")
        )
        assert (".1", None) == (hollow.get("fill-opacity"), solid.get("fill-opacity"))
        assert (True, False) == ("stroke" in hollow.keys(), "stroke" in solid.keys())  # noqa: SIM118

    @settings(max_examples=30)
    @given(
        st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40), st.text(max_size=40)
    )
    def test_bars_stay_inside_whatever_the_data(self, pairs, label):
        before, now = zip(*pairs, strict=True)
        chart = drawn([label] * len(pairs), before, now)
        _, _, width, height = map(float, chart.get("viewBox").split())
        for kind in ("mlprod-first", "mlprod-second"):
            _, path = (found for found in chart.iter("path") if kind in found.get("class", "").split())
            for left, top, length in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v7", path.get("d")):
                assert float(left) + float(length) <= width - 88 + 0.11  # two columns of numbers
                assert float(top) + 7 <= height


class TestWords:
    def test_each_bin_shows_its_label_and_both_shares(self):
        assert [
            *("reference", "now"),
            *("low", "50.0%", "10.0%"),
            *("middle", "25.0%", "40.0%"),
            *("high", "25.0%", "50.0%"),
        ] == texts(drawn())

    @pytest.mark.parametrize(
        ("share", "shown"),
        [
            (0.0, "0.0%"),
            (1e-9, "<0.1%"),
            (0.000499, "<0.1%"),
            (0.0006, "0.1%"),
            (0.1234, "12.3%"),
            (0.9994, "99.9%"),
            (0.9999, ">99.9%"),
            (1.0, "100.0%"),
            (NAN, NO_DATA),
        ],
    )
    def test_no_share_is_shown_as_a_zero_or_a_whole_that_is_none(self, share, shown):
        assert shown == texts(drawn(("bin",), (share,), (0.5,)))[3]

    def test_what_is_read_aloud_holds_all_of_the_data(self):
        chart = drawn(names=("early", "late"))
        assert "img" == chart.get("role")
        assert (
            "rsi, share of rows in each bin, early and late. low: 50.0%, 10.0%; middle: 25.0%, 40.0%; "
            "high: 25.0%, 50.0%"
        ) == chart.get("aria-label")
        assert ["early", "late"] == texts(chart)[:2]
        assert "rsi" == chart.find("title").text

    def test_a_label_that_is_too_long_is_shortened_and_whole_when_pointed_at(self):
        long = "a category with a very long name, " * 3
        chart = drawn((long[:90], "short"), (0.5, 0.5), (0.5, 0.5))
        shortened, whole = next(
            (text.find("title").tail, text.find("title").text)
            for text in chart.iter("text")
            if text.find("title") is not None
        )
        assert long[:90] == whole
        assert long.startswith(shortened.removesuffix("\N{HORIZONTAL ELLIPSIS}"))
        assert shortened.endswith("\N{HORIZONTAL ELLIPSIS}")
        assert 1 == len(chart.findall("./text/title"))

    def test_labels_of_megabytes_do_not_make_a_chart_of_megabytes(self):
        source = paired_bars("rsi", ["x" * 1_000_000], [1.0], [1.0])
        assert len(source) < 5_000

    def test_markup_in_labels_is_text(self):
        chart = ET.fromstring(paired_bars(EVIL, (EVIL,), (1.0,), (1.0,), names=(EVIL, EVIL)))  # noqa: S314
        assert {"svg", "title", "text", "path"} == {element.tag for element in chart.iter()}
        assert (EVIL, EVIL) == (chart.find("title").text, chart.find("./text/title").text)
        assert EVIL in chart.get("aria-label")
