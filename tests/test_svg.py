"""Line charts: what they show is what the data say, whatever the data."""

import itertools
import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod._svg import Series, escaped, line_chart, number
from mlprod._svg._axes import Scale

NAN, INF = math.nan, math.inf
SECOND, HOUR, DAY = (np.timedelta64(1, unit) for unit in "shD")
MINUS = "\N{MINUS SIGN}"
THIN = "\N{NARROW NO-BREAK SPACE}"
NUMBER = r"-?\d+(?:\.\d+)?"


def every(step, count, start="2026-03-01T09:30"):
    return np.datetime64(start, "us") + np.arange(count) * step


def parsed(source):
    chart = ET.fromstring(source)  # noqa: S314 - made by the code under test
    outside = [element.tail for element in chart.iter()]
    assert not any(outside + [e.text for e in chart.iter() if e.tag not in {"text", "title"}])
    return chart


def drawn(values, times=None, *, title="Title", name="Title", style="line", **options):
    values = np.array(values, dtype=np.float64)
    times = every(HOUR, len(values)) if times is None else times
    return parsed(line_chart(title, times, [Series(name, values, style)], **options))


def labels(chart, anchor):
    """Return texts and places of the labels of an axis: "end" for values, "middle" for times."""
    found = [text for text in chart.iter("text") if text.get("text-anchor") == anchor]
    found = [text for text in found if "UTC" not in text.text]
    return {
        text.text.replace("\N{NO-BREAK SPACE}", " "): (float(text.get("x")), float(text.get("y")))
        for text in found
    }


def path(chart, kind="line"):
    (found,) = chart.findall(f".//path[@class='mlprod-{kind}']")
    return found.get("d")


def points(chart):
    """Return the points of the stretches of the only line."""
    return [
        [tuple(map(float, point.split(","))) for point in stretch.split()]
        for stretch in path(chart).split("M")[1:]
    ]


def dots(chart):
    return [(float(dot.get("cx")), float(dot.get("cy"))) for dot in chart.iter("circle")]


def corners(d):
    """Walk along a path and return where it goes."""
    x = y = 0.0
    for command, arguments in re.findall(r"([A-Za-z])([^A-Za-z]*)", d):
        numbers = list(map(float, re.findall(NUMBER, arguments)))
        match command:
            case "M":
                for x, y in zip(numbers[::2], numbers[1::2], strict=True):
                    yield x, y
            case "h":
                x += numbers[0]
            case "v":
                y += numbers[0]
            case "H":
                x = numbers[0]
            case "V":
                y = numbers[0]
            case "Z":
                pass
            case _:
                raise AssertionError(command)
        yield x, y


def places(chart):
    """Return every place that the chart draws at."""
    for element in chart.iter():
        match element.tag:
            case "text":
                yield float(element.get("x")), float(element.get("y"))
            case "circle":
                x, y, r = (float(element.get(name)) for name in ("cx", "cy", "r"))
                yield from [(x - r, y - r), (x + r, y + r)]
            case "rect":
                x, y, width, height = (float(element.get(name)) for name in ("x", "y", "width", "height"))
                yield from [(x, y), (x + width, y + height)]
            case "path":
                yield from corners(element.get("d"))


def assert_inside(chart):
    _, _, width, height = map(float, chart.get("viewBox").split())
    outside = [(x, y) for x, y in places(chart) if not (0 <= x <= width and 0 <= y <= height)]
    assert [] == outside


def hovers(chart):
    return [strip.find("title").text for strip in chart.iter("rect")]


class TestText:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("<script>alert('1')</script>", "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;"),
            ('a" onload="b', "a&quot; onload=&quot;b"),
            ("AT&T", "AT&amp;T"),
            ("gpj\u202eexe", "gpj\\u202eexe"),
            ("a\u200fb\u200ec\u061c", "a\\u200fb\\u200ec\\u061c"),
            ("\u2066a\u2069", "\\u2066a\\u2069"),
            ("\x00\x1b\x7f\x9f\ufffe", "\\x00\\x1b\\x7f\\x9f\\ufffe"),
            ("\ud800", "\\ud800"),
            ("one\r\ntwo\tthree", "one\ntwo\tthree"),
            ("שלום 你好 é", "שלום 你好 é"),
            (3, "3"),
        ],
    )
    def test_is_shown_as_it_is_and_reorders_nothing(self, text, expected):
        assert expected == escaped(text)

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (0, "0"),
            (-0.0, "0"),
            (1, "1"),
            (0.5, "0.5"),
            (1234.56, "1,235"),
            (-1234567, "−1,234,567"),  # noqa: RUF001
            (100, "100"),
            (12.3456, "12.35"),
            (0.000123456, "0.0001235"),
            (0.00001, "1e−5"),  # noqa: RUF001
            (1.5e-300, "1.5e−300"),  # noqa: RUF001
            (-2.5e20, "−2.5e20"),  # noqa: RUF001
            (1e100, "1e100"),
            (1.23456e-7, "1.235e−7"),  # noqa: RUF001
            (1.23456e20, "1.235e20"),
            (987_654_321_012_345.0, "987,654,321,012,345"),
            (999_999_999_999_999.0, "1e15"),
            (0.99999, "1"),
            (NAN, "–"),  # noqa: RUF001
            (INF, "∞"),
            (-INF, "−∞"),  # noqa: RUF001
        ],
    )
    def test_numbers_keep_their_digits_and_get_separators(self, value, expected):
        assert expected == number(value)

    @given(st.floats(-1e308, 1e308), st.integers(1, 15))
    def test_numbers_read_back_to_as_many_digits(self, value, digits):
        back = float(number(value, digits).replace(",", "").replace(MINUS, "-"))
        assert back == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits), abs=5e-324)
        assert (value == 0) == (back == 0)


class TestLines:
    def test_points_stand_where_the_labels_of_the_axis_say(self):
        values = [12.0, 55.5, 31.0, 87.0]
        chart = drawn(values)
        axis = {float(text): y for text, (_, y) in labels(chart, "end").items()}
        per_unit = (axis[80] - axis[20]) / 60
        assert -3 < per_unit < -1
        offset = points(chart)[0][0][1] - (axis[20] + per_unit * (values[0] - 20))
        assert 3 <= -offset <= 5  # text stands below the middle of its line
        for value, (_, y) in zip(values, points(chart)[0], strict=True):
            assert axis[20] + per_unit * (value - 20) + offset == pytest.approx(y, abs=0.11)

    def test_points_stand_at_their_times(self):
        chart = drawn(range(25), every(HOUR, 25, "2026-03-01"))
        axis = labels(chart, "middle")
        xs = [x for x, _ in points(chart)[0]]
        assert [axis["06:00"][0], axis["12:00"][0], axis["18:00"][0]] == [xs[6], xs[12], xs[18]]

    def test_a_gap_breaks_the_line_and_a_lone_point_is_a_dot(self):
        chart = drawn([1, 2, NAN, 3, NAN, 4, 5, 6])
        assert [2, 3] == [len(stretch) for stretch in points(chart)]
        assert 1 == len(dots(chart))

    def test_infinities_are_gaps(self):
        assert ET.tostring(drawn([1, 2, NAN, 3, NAN, 4])) == ET.tostring(drawn([1, 2, INF, 3, -INF, 4]))

    def test_an_area_reaches_to_zero(self):
        chart = drawn([-5, -20, NAN, -10, -1], style="area")
        zero = labels(chart, "end")["0"][1] - 4
        first, second = path(chart, "area").split("Z")[:2]
        for stretch in (first, second):
            assert zero == pytest.approx(float(re.search(r"V([\d.]+)H", stretch)[1]), abs=0.2)
            assert re.search(r"M([\d.]+),", stretch)[1] == re.search(r"H([\d.]+)", stretch)[1]
        assert 2 == len(points(chart))

    def test_an_area_shows_zero_though_no_value_is_near(self):
        assert "0" in labels(drawn([-50, -40], style="area"), "end")
        assert "0" not in labels(drawn([-50, -40]), "end")

    def test_an_area_of_single_points_is_dots(self):
        chart = drawn([-5, NAN, -10], style="area")
        assert 2 == len(dots(chart))
        assert [] == chart.findall(".//path[@class='mlprod-area']")

    def test_lines_differ_in_colour_and_in_dashes(self):
        lines = [Series(name, np.arange(3.0)) for name in "abcd"]
        chart = parsed(line_chart("Four", every(HOUR, 3), lines))
        inks = [group.attrib for group in chart.iter("g") if "color" in group.attrib][4:]
        assert 4 == len({ink["color"] for ink in inks})
        assert 4 == len({ink.get("stroke-dasharray") for ink in inks})
        assert [f"mlprod-series-{place}" for place in range(4)] == [ink["class"] for ink in inks]

    def test_colours_begin_anew_after_the_fourth(self):
        lines = [Series(name, np.arange(3.0)) for name in "abcde"]
        chart = parsed(line_chart("Five", every(HOUR, 3), lines))
        classes = [group.get("class") for group in chart.iter("g") if "color" in group.attrib]
        assert classes[0] == classes[4]

    def test_times_need_no_order_and_those_that_are_none_are_left_out(self):
        times = every(HOUR, 6)
        messy = np.append(
            times[[3, 0, 5, 1, 4, 2]], np.array(["NaT", "-0044-03-15", "12026-01-01"], "M8[us]")
        )
        values = np.array([3.0, 0, 5, 1, 4, 2, 99, 99, 99])
        assert ET.tostring(drawn(range(6), times)) == ET.tostring(drawn(values, messy))

    def test_times_may_have_any_unit(self):
        times = every(DAY, 4, "2026-03-01")
        assert ET.tostring(drawn(range(4), times)) == ET.tostring(drawn(range(4), times.astype("M8[D]")))


class TestThinning:
    @pytest.fixture
    def noise(self):
        values = np.random.default_rng(3).normal(size=50_000)
        values[[20_011, 31_007]] = 40, -30
        return values

    def test_keeps_at_most_600_points_and_the_ends(self, noise):
        (line,) = points(drawn(noise))
        assert 500 < len(line) <= 600
        whole = drawn(noise[[0, 20_011, 31_007, -1]], every(HOUR, 50_000)[[0, 20_011, 31_007, -1]])
        assert [point for point in points(whole)[0] if point in line] == points(whole)[0]

    def test_keeps_the_least_and_the_greatest_of_each_column(self, noise):
        values = noise[:7_000]
        chart = drawn(values, limits=(-100, 100))
        (line,) = points(chart)
        top, bottom = min(y for _, y in line), max(y for _, y in line)
        height = (bottom - top) / (values.max() - values.min())
        kept = {round(y, 1) for _, y in line}
        columns = [min(298, at * 299 // 6_999) for at in range(7_000)]
        for column in range(299):
            within = [value for value, of in zip(values, columns, strict=True) if of == column]
            for extreme in (min(within), max(within)):
                y = bottom - (extreme - values.min()) * height
                assert any(abs(y - other) < 0.21 for other in kept)

    def test_600_points_are_all_drawn(self):
        assert 600 == len(points(drawn(np.arange(600.0) % 7))[0])

    def test_keeps_a_gap_that_can_be_seen(self, noise):
        noise[10_000:12_000] = NAN
        assert 2 == len(points(drawn(noise)))

    def test_without_data_there_is_nothing_to_keep(self):
        chart = drawn(np.full(5_000, NAN))
        assert [] == chart.findall(".//path[@class='mlprod-line']")
        assert "no data" in [text.text for text in chart.iter("text")]

    def test_a_lone_point_among_many_gaps_is_seen(self):
        values = np.full(5_000, NAN)
        values[777] = 3
        assert 1 == len(dots(drawn(values)))


class TestValueAxis:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([0, 100], "0 20 40 60 80 100"),
            ([3, 98], "0 20 40 60 80 100"),
            ([0, 1_420_000], "0 500,000 1,000,000 1,500,000"),
            ([-0.03, 0.04], "-0.04 -0.02 0.00 0.02 0.04"),
            ([1.1, 1.9], "1.0 1.2 1.4 1.6 1.8 2.0"),
            ([12_000, 12_400], "12,000 12,100 12,200 12,300 12,400"),
            ([0, 2.1e12], "0 5e11 1e12 1.5e12 2e12 2.5e12"),
            ([0, 4e-9], "0 1e-9 2e-9 3e-9 4e-9"),
            ([-1e308, 1e308], "-1e308 -5e307 0 5e307 1e308"),
            ([0, 4e-320], "0 1e-320 2e-320 3e-320 4e-320"),
            ([0.1, 0.3], "0.10 0.15 0.20 0.25 0.30"),
        ],
    )
    def test_ticks_are_round_and_enclose_the_values(self, values, expected):
        chart = drawn(values)
        assert expected.replace("-", MINUS).split() == list(labels(chart, "end"))
        ys = [y for _, y in labels(chart, "end").values()]
        assert sorted(ys, reverse=True) == ys

    @pytest.mark.parametrize(
        ("value", "expected"),
        [(50, "46 48 50 52 54"), (0, "-1.0 -0.5 0.0 0.5 1.0"), (-3e-5, "-0.000032 -0.000030 -0.000028")],
    )
    def test_a_constant_is_in_the_middle(self, value, expected):
        chart = drawn([value] * 3)
        assert set(expected.replace("-", MINUS).split()) <= set(labels(chart, "end"))
        ys = [y for _, y in labels(chart, "end").values()]
        assert points(chart)[0][0][1] == pytest.approx((max(ys) + min(ys)) / 2 - 4, abs=0.3)

    def test_values_nearer_than_labels_can_say_are_one(self):
        assert labels(drawn([50, 50]), "end") == labels(drawn([50, 50 + 1e-12]), "end")

    @pytest.mark.parametrize(
        ("unit", "expected"),
        [("%", "20%"), ("ms", f"20{THIN}ms"), ("", "20"), ("<b>", f"20{THIN}<b>")],
    )
    def test_labels_have_the_unit(self, unit, expected):
        assert expected in labels(drawn([0, 100], unit=unit), "end")

    def test_the_axis_stays_within_the_limits(self):
        assert ["90", "92", "94", "96", "98", "100"] == list(labels(drawn([100] * 3, limits=(0, 100)), "end"))
        assert ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"] == list(
            labels(drawn([0] * 3, limits=(0, INF)), "end")
        )
        within = drawn([2, 97], limits=(1, 98))
        assert ["20", "40", "60", "80"] == list(labels(within, "end"))
        assert_inside(within)

    def test_values_outside_of_the_limits_are_shown_all_the_same(self):
        assert ["0", "50", "100", "150"] == list(labels(drawn([3, 150], limits=(0, 100), height=180), "end"))

    @pytest.mark.parametrize(("reference", "count"), [(55.0, 1), (None, 0), (NAN, 0), (INF, 0)])
    def test_a_reference_is_a_line_where_it_belongs(self, reference, count):
        chart = drawn([60, 70], reference=reference, reference_name="floor")
        found = chart.findall(".//path[@class='mlprod-reference']")
        assert count == len(found)
        assert count == [text.text for text in chart.iter("text")].count("floor")
        if found:
            y = float(re.match(r"M[\d.]+ ([\d.]+)h", found[0].get("d"))[1])
            assert labels(chart, "end")["55"][1] - 4 == pytest.approx(y, abs=0.2)


class TestTimeAxis:
    @pytest.mark.parametrize(
        ("start", "step", "count", "expected"),
        [
            ("2026-03-01T09:30", HOUR, 24, "12:00|18:00|2 Mar|06:00"),
            ("2026-03-02T09:30", np.timedelta64(1, "m"), 60, "09:30|09:40|09:50|10:00|10:10|10:20"),
            (
                "2026-03-02",
                np.timedelta64(10, "s"),
                18,
                "2 Mar|00:00:30|00:01:00|00:01:30|00:02:00|00:02:30",
            ),
            (
                "2026-03-02T00:00:01",
                np.timedelta64(100_000, "us"),
                11,
                "00:00:01|00:00:01.2|00:00:01.4|00:00:01.6|00:00:01.8",
            ),
            ("2026-02-25T03:00", np.timedelta64(6, "h"), 28, "26 Feb|28 Feb|2 Mar"),
            ("2026-01-31", DAY, 30, "2 Feb|9 Feb|16 Feb|23 Feb"),  # Mondays
            ("2025-12-28", DAY, 5, "28 Dec|29 Dec|30 Dec|31 Dec|1 Jan"),
            ("2025-03-02", DAY, 365, "May|Jul|Sep|Nov|2026|Mar"),
            ("2025-11-15", DAY, 120, "Dec|2026|Feb|Mar"),
            ("2024-02-01", DAY, 60, "5 Feb|19 Feb|4 Mar|18 Mar"),  # every other Monday
            ("2016-06-01", np.timedelta64(30, "D"), 122, "2018|2020|2022|2024|2026"),
            ("0001-01-01", np.timedelta64(365, "D"), 9_990, "2000|4000|6000|8000"),
        ],
    )
    def test_ticks_are_round_in_utc(self, start, step, count, expected):
        chart = drawn(np.arange(count), every(step, count, start))
        assert expected.split("|") == list(labels(chart, "middle"))
        assert_inside(chart)

    @given(st.integers(0, 10**17), st.integers(1, 10**17))
    def test_labels_do_not_overlap(self, start, length):
        times = np.array([start, start + length]).astype("M8[us]")
        found = sorted((x, text) for text, (x, _) in labels(drawn([1, 2], times), "middle").items())
        assert found
        for (x, text), (following, other) in itertools.pairwise(found):
            assert following - x >= 5.5 * (len(text) + len(other)) / 2

    @pytest.mark.parametrize(
        ("start", "step", "count", "expected"),
        [
            ("2026-03-01", DAY, 3, "2026-03-01 to 2026-03-03 UTC"),
            ("2026-03-01T09:30", HOUR, 2, "2026-03-01 09:30 to 2026-03-01 10:30 UTC"),
            ("2026-03-01T09:30:05", HOUR, 1, "2026-03-01 09:30:05 UTC"),
            ("2026-03-01T09:30:05.25", HOUR, 1, "2026-03-01 09:30:05.250000 UTC"),
            ("2026-03-01T09:30:05.25", HOUR, 2, "2026-03-01 09:30 to 2026-03-01 10:30 UTC"),
            ("2026-03-01T09:30:05.25", 60 * SECOND, 2, "2026-03-01 09:30:05 to 2026-03-01 09:31:05 UTC"),
            ("2026-03-01T09:30:05", SECOND, 3, "2026-03-01 09:30:05 to 2026-03-01 09:30:07 UTC"),
            ("2026-03-01T09:30", 60 * SECOND, 2, "2026-03-01 09:30 to 2026-03-01 09:31 UTC"),
            (
                "2026-03-01T09:30:05.25",
                SECOND,
                3,
                "2026-03-01 09:30:05.250000 to 2026-03-01 09:30:07.250000 UTC",
            ),
        ],
    )
    def test_says_from_when_to_when(self, start, step, count, expected):
        texts = [text.text for text in drawn(np.ones(count), every(step, count, start)).iter("text")]
        assert expected in texts

    def test_a_single_moment_is_in_the_middle(self):
        chart = drawn([3.0])
        (label,) = labels(chart, "middle")
        assert "2026-03-01 09:30" == label
        assert dots(chart)[0][0] == labels(chart, "middle")[label][0]


class TestWords:
    def test_read_aloud_it_is_an_image_with_its_numbers(self):
        chart = drawn([60, NAN, 72.5, 55, 61], unit="%", title="Accuracy", name="Hits")
        assert "img" == chart.get("role")
        assert "Accuracy" == chart.find("title").text
        expected = (
            "Accuracy; 2026-03-01 09:30 to 2026-03-01 13:30 UTC; Hits: last 61%, lowest 55%, highest 72.5%"
        )
        assert expected == chart.get("aria-label")

    def test_read_aloud_no_data_is_no_data(self):
        assert "Title; Title: no data" == drawn([]).get("aria-label")

    def test_pointing_at_a_place_tells_its_values(self):
        lines = [Series("p50", np.array([1.5, NAN])), Series("p99", np.array([12.25, 1234.5]))]
        chart = parsed(line_chart("Latency", every(HOUR, 2), lines, unit="ms"))
        first, second = hovers(chart)
        assert f"2026-03-01 09:30 UTC\np50: 1.5{THIN}ms\np99: 12.25{THIN}ms" == first
        assert f"2026-03-01 10:30 UTC\np50: –\np99: 1,234.5{THIN}ms" == second  # noqa: RUF001

    def test_pointing_at_many_values_tells_their_range(self):
        told = hovers(drawn(np.arange(1_200.0), every(HOUR, 1_200, "2026-01-01")))
        assert 120 == len(told)
        assert "2026-01-01 00:00 to 2026-01-01 09:00 UTC\nTitle: 0 to 9" == told[0]
        assert told[-1].endswith("1,199")

    def test_the_places_to_point_at_cover_the_plot(self):
        for count in (1, 7, 120, 121, 500):
            strips = list(drawn(np.arange(float(count))).iter("rect"))
            ends = [(float(strip.get("x")), float(strip.get("width"))) for strip in strips]
            for (x, width), (following, _) in itertools.pairwise(ends):
                assert x + width == pytest.approx(following, abs=0.2)
            assert 412 == pytest.approx(sum(ends[-1]), abs=0.2)

    def test_one_points_at_a_value_where_it_is(self):
        chart = drawn([3, 1, 4, 1, 5])
        strips = [(float(strip.get("x")), float(strip.get("width"))) for strip in chart.iter("rect")]
        for (x, width), (place, _) in zip(strips, points(chart)[0], strict=True):
            assert x - 0.1 <= place <= x + width + 0.1

    @pytest.mark.parametrize("title", ["Accuracy", "Accuracy, at most 80%"])
    def test_the_legend_is_left_out_where_the_title_says_it(self, title):
        texts = [text.text for text in drawn([1, 2], title=title, name="Accuracy").iter("text")]
        assert (title, False) == (texts[0], "Accuracy" in texts[1:])

    def test_the_legend_names_what_the_title_does_not(self):
        with_legend = drawn([1, 2], title="Accuracy", name="Hits")
        assert ["Accuracy", "Hits"] == [text.text for text in with_legend.iter("text")][:2]
        assert [] == list(parsed(line_chart("None", every(HOUR, 0), [])).iter("rect"))

    def test_the_plot_takes_the_room_of_a_legend_that_is_left_out(self):
        tops = [float(next(drawn([1, 2], name=name).iter("rect")).get("y")) for name in ("Title", "Other")]
        assert 16 == tops[1] - tops[0]

    def test_a_long_legend_takes_more_rows_and_the_plot_stays(self):
        lines = [Series(f"a series whose number is {place}", np.arange(3.0)) for place in range(40)]
        chart = parsed(line_chart("Many", every(HOUR, 3), lines))
        assert_inside(chart)
        entries = [text for text in chart.iter("text") if text.get("text-anchor") is None][1:]
        assert 40 == len(entries)
        places = [(float(text.get("x")), float(text.get("y")), len(text.text)) for text in entries]
        for (x, y, length), (following, below, _) in itertools.pairwise(places):
            assert (y == below and following - x > 23 + 6 * length) or (below - y == 16 and following == 23)
        assert max(x + 6 * length for x, _, length in places) <= 420
        plot = next(chart.iter("rect"))
        assert max(float(text.get("y")) for text in entries) < float(plot.get("y"))
        assert float(plot.get("height")) >= 80

    @pytest.mark.parametrize("character", ["W", "i", "你"])
    def test_what_is_too_long_is_shortened(self, character):
        chart = drawn([1, 2], title=character * 500, name=character * 501)
        title, name = [text.text for text in chart.iter("text")][:2]
        width = 11 * (0.62 if character == "i" else 1.0)
        for text, left in ((title, 0), (name, 23)):
            assert text.endswith("…")
            assert 300 < left + width * len(text) <= 420
        assert character * 500 == chart.find("title").text

    def test_a_long_unit_leaves_room_for_the_plot(self):
        chart = drawn([1, 2], unit="dollars per barrel and then some more words than anyone should need")
        assert_inside(chart)
        assert float(next(chart.iter("rect")).get("width")) > 100

    def test_text_is_text(self):
        evil = "</svg><script>alert(1)</script>\"'&\u202e\x00"
        lines = [Series(evil, np.array([1.0, 2]))]
        source = line_chart(evil, every(HOUR, 2), lines, unit=evil, reference=1.5, reference_name=evil)
        chart = parsed(source)
        tags = {element.tag for element in chart.iter()}
        assert {"svg", "title", "text", "g", "path", "rect"} == tags
        assert "\u202e" not in source
        assert evil[:-2] + "\\u202e\\x00" == chart.find("title").text

    def test_nothing_is_fetched_or_run(self):
        source = line_chart("Title", every(HOUR, 9), [Series("a", np.arange(9.0))], reference=3)
        assert not re.search(r"https?:|url\(|href|<script|\son\w+=|@import", source)


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
TEXTS = st.text(st.characters(exclude_categories=()), max_size=60)


class TestAnything:
    @given(
        data=st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), NUMBERS, NUMBERS), max_size=30),
        texts=st.tuples(TEXTS, TEXTS, TEXTS, TEXTS),
        style=st.sampled_from(["line", "area"]),
        reference=st.none() | NUMBERS,
        limits=st.sampled_from([(-INF, INF), (0, INF), (0, 100)]),
    )
    def test_can_be_drawn_inside_the_view_box(self, data, texts, style, reference, limits):
        times = np.array([row[0] for row in data], np.int64).astype("M8[us]")
        lines = [
            Series(texts[1], np.array([row[1] for row in data]), style),
            Series(texts[2], np.array([row[2] for row in data])),
        ]
        chart = parsed(line_chart(texts[0], times, lines, unit=texts[3], reference=reference, limits=limits))
        assert_inside(chart)
        drawing = [
            value for element in chart.iter() for name, value in element.items() if name != "aria-label"
        ]
        assert not [value for value in drawing if re.search(r"nan|inf\b", value)]

    @given(NUMBERS, NUMBERS, st.integers(1, 100), st.integers(1, 3_000))
    def test_of_any_length(self, first, second, period, count):
        values = np.where(np.arange(count) % period, first, second)
        values[count // 2 :: 7] = NAN
        assert_inside(drawn(values))


def test_what_is_far_outside_of_a_tiny_range_is_at_its_end():
    found = Scale(low=0.0, high=2e-9, exponent=-300, ticks=())(np.array([-4.0, 4.0]))
    assert [0.0, 1.0] == found.tolist()
