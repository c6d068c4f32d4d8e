"""Reports: what people and programs read about a period."""

import json
import math
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlprod import PerformanceMonitor
from mlprod._html import GROUPS, METRICS
from mlprod.monitoring._report import PerformanceReport
from mlprod.monitoring._report_html import fragment
from mlprod.monitoring._values import Alert, MetricsHistory, ModelPerformanceMetrics
from mlprod.monitoring._values_html import history_html

NAN, INF = math.nan, math.inf
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
VOID = {"meta", "br", "hr", "img", "link", "input"}
EVIL = "</bdi><script>alert(1)</script>\"'&\u202eevil"
EVIL_SHOWN = EVIL.replace("\u202e", "\\u202e")
NUMERIC = [
    field.name
    for field in attrs.fields(ModelPerformanceMetrics)
    if field.name not in {"model_id", "version", "since", "until"}
]


def metrics(**values):
    return ModelPerformanceMetrics(**{"model_id": "har", **values})


def history(steps=24, *, equity=None, drawdown=None, **columns):
    empty = np.full(steps, NAN)
    return MetricsHistory(
        model_id="har",
        version=None,
        step_seconds=3600.0,
        times=np.datetime64("2026-03-01T09:30", "us") + np.arange(steps) * np.timedelta64(1, "h"),
        columns={**dict.fromkeys(NUMERIC, empty), **columns},
        equity=np.zeros(steps) if equity is None else np.array(equity, np.float64),
        drawdown=np.zeros(steps) if drawdown is None else np.array(drawdown, np.float64),
    )


def alert(**values):
    known = {
        "id": "1",
        "model_id": "har",
        "version": "1.4.0",
        "type": "accuracy_drop",
        "metric": "accuracy",
        "severity": "critical",
        "threshold": 0.55,
        "comparison": "below",
        "value": 0.4821,
        "samples": 312,
        "state": "firing",
        "since": NOW - 5 * HOUR,
        "fired_at": NOW - 4 * HOUR,
    }
    return Alert(**{**known, **values})


def report(**values):
    known = {
        "model_id": "har",
        "version": None,
        "period": "daily",
        "since": NOW - 24 * HOUR,
        "until": NOW,
        "generated_at": NOW,
        "metrics": metrics(),
        "previous": metrics(),
        "versions": (),
        "alerts": (),
        "history": history(),
    }
    return PerformanceReport(**{**known, **values})


FULL = report(
    metrics=metrics(accuracy=0.571, total_pnl=-18234.55, p99_latency_ms=12.5, predictions_total=1_000),
    previous=metrics(accuracy=0.602, total_pnl=31877.1, p99_latency_ms=15.0, predictions_total=900),
    versions=(metrics(version="1.4.0", accuracy=0.561), metrics(version="1.3.2", accuracy=0.61)),
    alerts=(alert(), alert(id="2", severity="warning", state="resolved", resolved_at=NOW - HOUR)),
    history=history(
        equity=np.linspace(10, 500, 24) + np.arange(24) % 5 * 40,
        accuracy=np.linspace(0.62, 0.51, 24),
        p50_latency_ms=np.full(24, 3.0),
        p99_latency_ms=np.linspace(10, 15, 24),
        total_pnl=np.full(24, 3.0),
    ),
)


class Page(HTMLParser):
    """Checks that tags nest, and keeps what there is."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(source)
        self.close()
        assert [] == self.open

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs)
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert tag == self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts))


def rows(source):
    """Return the cells of the rows of tables as text."""
    return [
        [Page(cell).text.strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
        for row in re.findall(r"<tr>(.*?)</tr>", source)
    ]


def tiles(source):
    """Return the value and the change on each tile."""
    found = re.findall(r"<div><dt>(.*?)</dt><dd[^>]*>(.*?)</dd><dd[^>]*>(.*?)</dd></div>", source)
    return {Page(label).text: (Page(value).text, Page(change).text.strip()) for label, value, change in found}


def charts(source):
    return re.findall(r'<svg [^>]*aria-label="(\w+)', source)


class TestPresentation:
    def test_every_metric_has_one(self):
        assert sorted(NUMERIC) == sorted(METRICS)
        assert sorted(METRICS) == sorted(name for names in GROUPS.values() for name in names)
        assert len(METRICS) == len({metric.label for metric in METRICS.values()})

    def test_counts_are_integers(self):
        integers = {f.name for f in attrs.fields(ModelPerformanceMetrics) if f.type is int}
        assert integers == {name for name, metric in METRICS.items() if metric.unit == "count"}

    def test_losses_errors_delays_and_drifts_are_better_lower(self):
        lower = {name for name, metric in METRICS.items() if metric.better == "lower"}
        expected = "error mae rmse mape drawdown latency brier drift"
        assert {name for name in METRICS if any(part in name for part in expected.split())} == lower

    @pytest.mark.parametrize(
        ("metric", "value", "expected"),
        [
            ("accuracy", 0.0, "0.0%"),
            ("accuracy", 1.0, "100.0%"),
            ("accuracy", 0.6134, "61.3%"),
            ("accuracy", 0.99985, "99.985%"),
            ("error_rate", 0.00012, "0.012%"),
            ("error_rate", 0.005, "0.50%"),
            ("error_rate", 3.14e-9, "3.1e−7%"),  # noqa: RUF001
            ("mape", 12.5, "1,250.0%"),
            ("total_pnl", 0.0, "0.00"),
            ("total_pnl", -0.0, "0.00"),
            ("total_pnl", -18234.55, "−18,234.55"),  # noqa: RUF001
            ("total_pnl", 0.5, "0.50"),
            ("total_pnl", 0.00123, "0.0012"),
            ("total_pnl", 123_456_789_012_345.0, "123,456,789,012,345"),
            ("p99_latency_ms", 8.25, "8.25\N{NARROW NO-BREAK SPACE}ms"),
            ("trades_total", 123_456_789_012_345, "123,456,789,012,345"),
            ("profit_factor", INF, "∞"),
            ("total_pnl", -INF, "−∞"),  # noqa: RUF001
            ("sharpe_ratio", 1.23456, "1.235"),
            ("accuracy", NAN, "–"),  # noqa: RUF001
            ("p50_latency_ms", NAN, "–"),  # noqa: RUF001
        ],
    )
    def test_values(self, metric, value, expected):
        assert expected == METRICS[metric].shown(value)

    @pytest.mark.parametrize(
        ("metric", "change", "expected", "judged"),
        [
            ("accuracy", 0.0134, "+1.3 points", "better"),
            ("accuracy", -0.02, "−2.0 points", "worse"),  # noqa: RUF001
            ("error_rate", 0.0134, "+1.3 points", "worse"),
            ("p99_latency_ms", -3.5, "−3.5\N{NARROW NO-BREAK SPACE}ms", "better"),  # noqa: RUF001
            ("trades_total", 1234, "+1,234", ""),
            ("profit_factor", INF, "+∞", "better"),
            ("mape", INF, "+∞", "worse"),
            ("accuracy", 0.0, "0.0 points", ""),
            ("accuracy", NAN, "–", ""),  # noqa: RUF001
        ],
    )
    def test_changes(self, metric, change, expected, judged):
        assert expected == METRICS[metric].shown_change(change)
        assert judged == METRICS[metric].judged(change)

    @given(st.sampled_from(sorted(METRICS)), st.floats())
    def test_nothing_looks_like_zero_that_is_not(self, name, value):
        digits = set(METRICS[name].shown(value)) & set("0123456789")
        assert (value == 0) == (digits == {"0"})


class TestChanges:
    def test_are_now_less_before(self):
        assert {"accuracy": -0.031, "total_pnl": -50111.65, "predictions_total": 100} == pytest.approx(
            {name: FULL.changes[name] for name in ("accuracy", "total_pnl", "predictions_total")}
        )
        assert sorted(METRICS) == sorted(FULL.changes)

    @pytest.mark.parametrize(("now", "before"), [(NAN, 0.5), (0.5, NAN), (NAN, NAN)])
    def test_without_data_on_a_side_there_is_none(self, now, before):
        found = report(metrics=metrics(accuracy=now), previous=metrics(accuracy=before))
        assert math.isnan(found.changes["accuracy"])

    @pytest.mark.parametrize("value", [0.1 + 0.2, INF])
    def test_rounding_and_endless_factors_change_nothing(self, value):
        before = 0.3 if value < 1 else INF
        found = report(metrics=metrics(profit_factor=value), previous=metrics(profit_factor=before))
        assert 0.0 == found.changes["profit_factor"]


class TestDict:
    def test_is_json(self):
        found = json.loads(json.dumps(FULL.to_dict(), allow_nan=False))
        assert ("har", None, "daily") == (found["model_id"], found["version"], found["period"])
        assert "2026-03-02T09:30:00.000000Z" == found["until"]
        assert 0.571 == found["metrics"]["accuracy"]
        assert found["metrics"]["win_rate"] is None
        assert -0.031 == pytest.approx(found["changes"]["accuracy"])
        assert found["changes"]["win_rate"] is None
        assert ["1.4.0", "1.3.2"] == [version["version"] for version in found["versions"]]
        assert "accuracy_drop" == found["alerts"][0]["type"]
        assert 24 == len(found["history"]["times"])

    def test_reports_are_compared_by_identity(self):
        known = metrics(**dict.fromkeys(NUMERIC, 0.5))
        found = report(metrics=known, previous=known)
        assert attrs.evolve(found) != found  # arrays have no truth
        assert 1 == len({found, found})

    def test_has_two_spellings(self):
        assert PerformanceReport.to_dict is PerformanceReport.toDict
        assert PerformanceReport.to_html is PerformanceReport.toHtml


class TestPage:
    def test_is_well_formed_and_whole(self):
        source = FULL.to_html()
        page = Page(source)
        assert source.startswith('<!doctype html><html lang="en">')
        assert ["html", "head"] == page.tags[:2]
        assert 1 == page.tags.count("main") == page.tags.count("h1") == page.tags.count("body")

    def test_allows_no_script_and_no_network(self):
        source = FULL.to_html()
        page = Page(source)
        policy = dict(page.attributes)["content"], [value for _, value in page.attributes]
        assert any(
            str(value).startswith("default-src 'none'; style-src 'unsafe-inline'") for value in policy[1]
        )
        assert source.index("Content-Security-Policy") < source.index("<style>")
        assert not re.search(r"https?:|url\(|@import|\bsrc=|\bhref=", source)
        assert not {"script", "link", "img", "iframe", "object", "a"} & set(page.tags)
        assert not [name for name, _ in page.attributes if name.startswith("on")]

    def test_follows_light_and_dark_and_fits_phones_and_paper(self):
        source = FULL.to_html()
        assert "color-scheme: light dark" in source
        assert "prefers-color-scheme: dark" in source
        assert "@media print" in source
        assert 'name="viewport" content="width=device-width,initial-scale=1"' in source

    def test_has_its_parts_in_order(self):
        found = re.findall(r"<h2>(.*?)</h2>", FULL.to_html())
        assert ["Alerts", "Over time", "All metrics", "Versions"] == found
        assert found == re.findall(r"<h3>(.*?)</h3>", FULL._repr_html_())

    def test_says_what_it_is_about(self):
        text = Page(FULL.to_html()).text
        assert "har : daily report" in text or "har: daily report" in text
        assert "Daily report, all versions: 2026-03-01 09:30 UTC to 2026-03-02 09:30 UTC" in text
        assert "so far" not in text

    def test_of_one_version_says_so(self):
        assert "version 1.4.0 :" in Page(report(version="1.4.0").to_html()).text

    def test_before_the_end_of_the_period_says_so(self):
        assert ", so far" in Page(report(until=NOW + HOUR).to_html()).text

    def test_moments_keep_their_seconds_and_are_in_utc(self):
        moment = datetime.fromisoformat("2026-03-02T01:30:05+02:00")
        source = report(generated_at=moment).to_html()
        assert "2026-03-01 23:30:05 UTC" in source
        assert 'datetime="2026-03-01T23:30:05.000000Z"' in source

    def test_attributes_hold_no_numbers_that_are_none(self):
        page = Page(FULL.to_html())
        assert not [value for _, value in page.attributes if re.search(r"\b(nan|inf|None)\b", value or "")]

    def test_users_text_is_text(self):
        source = report(
            model_id=EVIL,
            version=EVIL,
            alerts=(
                alert(
                    type=EVIL,
                    metric=EVIL,
                    version=EVIL,
                    state="acknowledged",
                    acknowledged_at=NOW,
                    acknowledged_by=EVIL,
                    note=EVIL,
                    reason=EVIL,
                ),
            ),
            versions=(metrics(version=EVIL), metrics(version=EVIL)),
        ).to_html()
        page = Page(source)
        assert "script" not in page.tags
        assert "\u202e" not in source
        # In the title, the heading and for the version; six in the alert; two versions.
        assert 3 + 6 + 2 == page.text.count(EVIL_SHOWN)
        assert source.count("<bdi>") == 2 + 6 + 2


class TestTiles:
    def test_tell_better_from_worse_in_words(self):
        found = tiles(FULL.to_html())
        assert ("57.1%", "▼ −3.1 points worse") == found["Accuracy"]  # noqa: RUF001
        assert ("−18,234.55", "▼ −50,111.65 worse") == found["P&L"]  # noqa: RUF001
        assert ("12.5 ms", "▼ −2.5 ms better") == found["p99 latency"]  # noqa: RUF001
        assert ["Accuracy", "Win rate", "P&L", "Max drawdown", "p99 latency", "Error rate"] == list(found)

    def test_without_data_are_a_dash_and_no_zero(self):
        assert {("–", "no data")} == set(tiles(report().to_html()).values())  # noqa: RUF001

    @pytest.mark.parametrize(
        ("period", "expected"),
        [
            ("hourly", "no data the hour before"),
            ("daily", "no data the day before"),
            ("weekly", "no data the week before"),
            ("monthly", "no data the month before"),
        ],
    )
    def test_say_when_there_is_nothing_to_compare_with(self, period, expected):
        source = report(period=period, metrics=metrics(accuracy=0.5)).to_html()
        assert ("50.0%", expected) == tiles(source)["Accuracy"]

    def test_say_that_nothing_changed(self):
        same = metrics(accuracy=0.5)
        assert ("50.0%", "unchanged") == tiles(report(metrics=same, previous=same).to_html())["Accuracy"]

    def test_drawdown_is_in_money_where_capital_is_unknown(self):
        found = tiles(report(metrics=metrics(max_drawdown_amount=1234.5)).to_html())
        assert "1,234.50" == found["Max drawdown (amount)"][0]
        both = metrics(max_drawdown_amount=1234.5, max_drawdown=0.25)
        assert "25.0%" == tiles(report(metrics=both).to_html())["Max drawdown"][0]

    def test_long_values_are_smaller(self):
        source = report(metrics=metrics(total_pnl=-1234.56, accuracy=0.51, p99_latency_ms=12.34)).to_html()
        assert ['<dd class="value long">−1,234.56</dd>'] == re.findall(  # noqa: RUF001
            r'<dd class="value long">[^<]*</dd>', source
        )


class TestTolerance:
    @pytest.mark.parametrize(
        ("values", "is_said"),
        [
            ({"metrics": metrics(mae=2.0)}, True),
            ({"previous": metrics(mae=2.0)}, True),
            ({"metrics": metrics(accuracy=0.5)}, False),
            ({"metrics": metrics(mae=2.0), "accuracy_tolerance": None}, False),
        ],
    )
    def test_is_said_where_numbers_were_judged(self, values, is_said):
        found = report(**{"accuracy_tolerance": 5.0, **values})
        for source in (found.to_html(), found._repr_html_()):
            said = "A number within 5 of the actual one counts as correct, a class only if it is the same."
            assert is_said == (said in Page(source).text)

    def test_is_that_of_the_monitor(self, clock):
        with PerformanceMonitor("memory://tolerance", accuracy_tolerance=0.5, clock=clock) as monitor:
            assert 0.5 == monitor.generate_report("har").to_dict()["accuracy_tolerance"]


class TestAlerts:
    def test_say_what_when_and_how_bad(self):
        first, second = re.findall(r"<li.*?</li>", FULL.to_html())
        assert (
            "Critical, firing: accuracy_drop "
            "Accuracy was 48.2%, below 55.0%, over 312 samples; version 1.4.0 . "
            "Seen 2026-03-02 04:30 UTC , fired 2026-03-02 05:30 UTC ."
        ) == Page(first).text.strip()
        assert Page(second).text.endswith("resolved 2026-03-02 08:30 UTC .")

    def test_active_ones_come_first_then_critical_ones_then_the_latest(self):
        given_ = [
            alert(type="a", state="resolved"),
            alert(type="b", severity="warning"),
            alert(type="c", since=NOW - 9 * HOUR),
            alert(type="d"),
            alert(type="e", state="pending", fired_at=None),
            alert(type="f", severity="warning", state="resolved"),
        ]
        found = re.findall(r"<strong>[^:]*: <bdi>(\w)</bdi>", report(alerts=tuple(given_)).to_html())
        assert ["d", "c", "b", "a", "e", "f"] == found

    def test_one_sample_is_singular(self):
        assert "over 1 sample;" in Page(report(alerts=(alert(samples=1),)).to_html()).text

    @pytest.mark.parametrize(
        ("by", "note", "expected"),
        [
            ("", "", "Acknowledged 2026-03-02 08:30 UTC ."),
            ("ana", "", "Acknowledged 2026-03-02 08:30 UTC by ana ."),
            ("ana", "on it", "Acknowledged 2026-03-02 08:30 UTC by ana : on it"),
            ("", "on it", "Acknowledged 2026-03-02 08:30 UTC : on it"),
        ],
    )
    def test_say_who_cares(self, by, note, expected):
        one = alert(state="acknowledged", acknowledged_at=NOW - HOUR, acknowledged_by=by, note=note)
        assert expected in Page(report(alerts=(one,)).to_html()).text

    def test_resolved_ones_look_settled(self):
        source = FULL.to_html()
        assert ["critical", "resolved"] == re.findall(r'<li class="(\w+)">', source)

    def test_an_unknown_metric_is_a_plain_number(self):
        one = alert(metric="slippage", value=1.5, threshold=1, comparison="above")
        assert "slippage was 1.5, above 1, over" in re.sub(
            " +", " ", Page(report(alerts=(one,)).to_html()).text
        )

    def test_none_is_said(self):
        assert "None in this period." in Page(report().to_html()).text


class TestCharts:
    def test_are_drawn_where_there_are_data(self):
        assert ["Accuracy", "Equity", "Drawdown", "Latency"] == charts(FULL.to_html())
        assert [] == charts(report().to_html())
        assert "No data to plot." in report().to_html()

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ({"accuracy": np.linspace(0, 1, 24)}, ["Accuracy"]),
            ({"p95_latency_ms": np.linspace(0, 1, 24)}, ["Latency"]),
            ({"equity": np.arange(24)}, ["Equity", "Drawdown"]),
            ({"equity": np.full(24, NAN)}, []),
        ],
    )
    def test_each_needs_its_own_data_alone(self, values, expected):
        columns = {"total_pnl": np.zeros(24), **values}
        assert expected == charts(report(history=history(**columns)).to_html())

    def test_show_the_threshold_that_was_crossed(self):
        latency = alert(id="2", metric="p95_latency_ms", threshold=100, comparison="above", value=150)
        for alerts, count in [((), 0), ((alert(),), 1), ((alert(), latency), 2)]:
            source = attrs.evolve(FULL, alerts=alerts).to_html()
            assert count == source.count('class="mlprod-reference"')

    def test_drawdown_hangs_from_zero_and_says_how_deep_it_was(self):
        found = history(3, equity=[70, 120, 90], drawdown=[30, 31.5, 42593])
        source = report(history=found).to_html()
        told = re.findall(r"\nDrawdown: (\S+)</title>", source)
        assert ["0", "\N{MINUS SIGN}30", "\N{MINUS SIGN}31.5", "\N{MINUS SIGN}42,593"] == told
        assert "<title>Drawdown, at most 42,593.00</title>" in source

    def test_equity_begins_with_what_was_earned_before_and_stands_at_the_ends_of_steps(self):
        found = history(2, equity=[70, 120], total_pnl=np.array([-30.0, 50]))
        told = re.findall(r"<title>([^<]*) UTC\nEquity: (\S+)</title>", report(history=found).to_html())
        expected = [("2026-03-01 09:30", "100"), ("2026-03-01 10:30", "70"), ("2026-03-01 11:30", "120")]
        assert expected == told

    def test_have_units(self):
        told = re.findall(r"UTC\n([^<]*)</title>", FULL.to_html())
        assert told[0] == "Accuracy: 62%"
        assert told[24] == "Equity: 7"
        assert told[-1] == "p50: 3\N{NARROW NO-BREAK SPACE}ms\np95: –\np99: 15\N{NARROW NO-BREAK SPACE}ms"  # noqa: RUF001

    def test_axes_end_where_nothing_can_be(self):
        one, zero = np.ones(5), np.zeros(5)
        source = history_html(history(5, accuracy=one, p50_latency_ms=zero))
        assert 100 == max(map(int, re.findall(r">(\d+)%<", source)))
        assert "\N{MINUS SIGN}" not in source
        flat = history_html(history(5, equity=np.ones(5)))
        assert {"0.0", "−1.0"} <= set(re.findall(r">([^<]*\d\.\d)<", flat))  # noqa: RUF001
        assert ">0.5<" not in flat


class TestTable:
    def test_holds_every_metric_of_groups_with_data(self):
        found = {row[0]: row[1:] for row in rows(FULL.to_html())}
        assert ["57.1%", "60.2%", "▼ −3.1 points worse"] == found["Accuracy"]  # noqa: RUF001
        assert ["1,000", "900", "▲ +100"] == found["Predictions"]
        assert ["–", "–", "–"] == found["Win rate"]  # noqa: RUF001
        for group in ("Predictions", "Trading", "Latency"):
            assert {METRICS[name].label for name in GROUPS[group]} <= found.keys()

    def test_a_group_without_data_is_one_row(self):
        found = rows(report().to_html())
        assert [["no data", "–", "–", "–"]] * len(GROUPS) == [row for row in found if len(row) == 4][1:]  # noqa: RUF001

    @pytest.mark.parametrize("side", ["metrics", "previous"])
    def test_data_on_one_side_are_enough(self, side):
        found = [row[0] for row in rows(report(**{side: metrics(brier_score=0.2)}).to_html())]
        assert "Brier score" in found
        assert "Win rate" not in found

    def test_a_zero_that_was_measured_is_data_and_so_is_a_count(self):
        found = [row[0] for row in rows(report(metrics=metrics(brier_score=0.0, trades_total=1)).to_html())]
        assert {"Brier score", "Win rate"} <= set(found)

    def test_versions_are_told_apart(self):
        found = rows(FULL.to_html())
        labels = ["Version", "Predictions", "Accuracy", "Error rate", "Win rate", "P&L", "p99 latency"]
        assert labels == found[-3]
        assert ["Metric", "Now", "Before", "Change"] == found[0]
        assert ["1.4.0", "0", "56.1%", "–", "–", "–", "–"] == found[-2]  # noqa: RUF001
        assert ["1.3.2", "0", "61.0%", "–", "–", "–", "–"] == found[-1]  # noqa: RUF001

    def test_a_single_version_needs_no_table(self):
        for versions in ((), FULL.versions[:1]):
            assert "Versions" not in attrs.evolve(FULL, versions=versions).to_html()

    def test_a_version_without_a_name(self):
        assert "unknown" == rows(report(versions=(metrics(), metrics())).to_html())[-1][0]


class TestNotebook:
    def test_shows_the_same_as_the_page(self):
        page, found = Page(FULL.to_html()), Page(FULL._repr_html_())
        assert FULL._repr_html_() == fragment(FULL)
        assert not {"html", "head", "body", "meta", "script"} & set(found.tags)
        assert page.text[page.text.index("Daily report") :] == found.text[found.text.index("Daily report") :]

    @pytest.mark.parametrize("source", [FULL._repr_html_(), FULL.history._repr_html_()])
    def test_styles_touch_nothing_else(self, source):
        (style,) = re.findall(r"<style>(.*?)</style>", source, re.DOTALL)
        selectors = [part for group in re.findall(r"([^{}]+)\{[^{}]*\}", style) for part in group.split(",")]
        assert len(selectors) > 30
        assert [] == [each for each in selectors if ".mlprod-report" not in each]

    @pytest.mark.parametrize(
        ("seconds", "expected"),
        [
            (60.0, "24 steps of 1 minute"),
            (21_600.0, "24 steps of 6 hours"),
            (86_400.0, "24 steps of 1 day"),
            (90.0, "24 steps of 90 s"),
            (0.5, "24 steps of 0.5 s"),
        ],
    )
    def test_a_history_is_its_plots(self, seconds, expected):
        source = history_html(attrs.evolve(FULL.history, step_seconds=seconds))
        assert ["Accuracy", "Equity", "Drawdown", "Latency"] == charts(source)
        assert f"all versions, {expected}" in Page(source).text

    def test_a_history_escapes_its_names(self):
        source = history_html(attrs.evolve(history(), model_id=EVIL, version=EVIL))
        assert 2 == Page(source).text.count(EVIL_SHOWN)
        assert "No data to plot." in source

    def test_a_history_of_nothing(self):
        assert "0 steps of 1 hour" in Page(history_html(history(0))).text


COLUMN = st.lists(st.floats(), min_size=5, max_size=5).map(np.array)


class TestAnything:
    @given(
        values=st.fixed_dictionaries({name: st.floats() for name in NUMERIC if "total" not in name}),
        column=COLUMN,
        equity=COLUMN,
        texts=st.tuples(*[st.text(st.characters(exclude_categories=()), max_size=30)] * 3),
        crossed=st.floats(),
    )
    @pytest.mark.slow
    def test_can_be_shown(self, values, column, equity, texts, crossed):
        one, two, three = texts
        found = report(
            model_id=one,
            metrics=metrics(**values),
            previous=metrics(accuracy=0.5),
            alerts=(
                alert(note=two, acknowledged_by=three, acknowledged_at=NOW, value=crossed, threshold=crossed),
                alert(metric="p95_latency_ms", threshold=crossed),
            ),
            history=history(
                5, equity=equity, drawdown=column, total_pnl=column, accuracy=column, p99_latency_ms=column
            ),
        )
        for source in (found.to_html(), found._repr_html_()):
            page = Page(source)
            assert "script" not in page.tags
            shown = [value for name, value in page.attributes if name != "aria-label"]
            assert not [value for value in shown if re.search(r"\b(nan|inf)\b", value or "")]
            source.encode()
        json.dumps(found.to_dict(), allow_nan=False)
