"""The drift report: every figure as it is, the gravest first, safe with any name."""

import itertools
import math
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprod.drift._explained_html import found_said
from mlprod.drift._report_html import notebook, page
from mlprod.drift._values import (
    CalibrationDrift,
    CheckedData,
    ConceptDrift,
    DriftReport,
    Evidence,
    FeatureDrift,
    Limits,
    MultivariateDrift,
    Overall,
    PerformanceDrift,
)
from mlprod.stats import Interval

NAN, INF = math.nan, math.inf
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
VOID = {"meta", "br"}
EVIL = "</bdi><script>alert(1)</script>\"'&\u202eevil"
EVIL_SHOWN = EVIL.replace("\u202e", "\\u202e")


def feature(name="rsi", **values):
    known = {
        "name": name,
        "kind": "numeric",
        "drifted": True,
        "psi": 0.3124,
        "psi_level": "significant",
        "psi_p_value": 0.0011,
        "psi_lower_bound": 0.2103,
        "min_detectable_psi": 0.0215,
        "ks_statistic": 0.1812,
        "ks_upper_bound": 0.1834,
        "ks_p_value": 0.0022,
        "p_value": 0.0033,
        "adjusted_p_value": 0.0044,
        "js_distance": 0.2051,
        "wasserstein": 12.35,
        "missing_rate": 0.032,
        "reference_missing_rate": 0.011,
        "unseen_rate": NAN,
        "count": 4_812,
        "effective_count": 1_203.4,
        "reference_count": 20_001,
        "reference_effective_count": 5_006.2,
        "bins": ("≤ 30", "> 30", "(missing)"),
        "shares": (0.2, 0.768, 0.032),
        "reference_shares": (0.5, 0.489, 0.011),
    }
    return FeatureDrift(**{**known, **values})


def calm(name, psi=0.01, **values):
    return feature(name, drifted=False, psi=psi, psi_level="none", **values)


def categorical(name, bins, **values):
    empty = {"ks_statistic": NAN, "ks_upper_bound": NAN, "ks_p_value": NAN, "wasserstein": NAN}
    return feature(name, kind="categorical", bins=bins, **{"unseen_rate": 0.071, **empty, **values})


def report(*features, **values):
    known = {
        "model_id": "har",
        "version": "1.4.0",
        "time": datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        "policy": "calibrated",
        "reference": "r-0042",
        "reference_time": datetime(2026, 1, 5, 8, 15, tzinfo=UTC),
        "rows": 4_813,
        "overall": Overall(drift_detected=True, reasons=("rsi has drifted",), score=0.4567, evidence=()),
        "features": {one.name: one for one in features},
    }
    return DriftReport(**{**known, **values})


EVIDENCE = Evidence(
    subject="feature 'rsi'",
    test="PSI",
    effect=0.3124,
    threshold=0.25,
    p_value=0.0044,
    detectable=NAN,
    calls_for_retraining=True,
    sentence="rsi has drifted",
)
MULTIVARIATE = MultivariateDrift(
    drifted=True,
    p_value=0.0055,
    adjusted_p_value=0.0066,
    distance=0.1234,
    pair=("rsi", "macd"),
    correlation_change=-0.456,
    rows=1_024,
)
PERFORMANCE = PerformanceDrift(
    drifted=True,
    metric="mae",
    reference=0.01234,
    current=0.01619,
    change=0.312,
    interval=Interval(0.181, INF),
    p_value=1e-9,
    threshold=0.2,
    min_detectable_change=0.131,
    count=4_711,
    effective_count=2_401.7,
    reference_count=19_999,
)
CALIBRATION = CalibrationDrift(
    drifted=True,
    reference_error=0.021,
    current_error=0.084,
    reference_brier=0.2101,
    brier=0.2134,
    p_value=0.0077,
    threshold=0.05,
    count=4_712,
    reference_count=19_998,
)
CONCEPT = ConceptDrift(
    drifted=True,
    early_volatility=0.0071,
    late_volatility=0.0213,
    volatility_ratio=3.012,
    volatility_change=2.012,
    volatility_interval=Interval(1.53, 2.54),
    volatility_p_value=0.0088,
    distribution=feature("series"),
    regime_change_at=1_312,
    regime_p_value=0.0099,
    adjusted_p_value=0.012,
    threshold=0.5,
    count=2_520,
    effective_count=1_100.6,
)
FULL = report(
    feature(),
    calm("macd"),
    overall=Overall(drift_detected=True, reasons=("rsi has drifted",), score=0.4567, evidence=(EVIDENCE,)),
    multivariate=MULTIVARIATE,
    predictions=feature("prediction", psi=0.1412, psi_level="moderate"),
    performance=PERFORMANCE,
    calibration=CALIBRATION,
    concept=CONCEPT,
    ignored=("added", "later"),
)


class Tree(HTMLParser):
    """Builds a tree of elements, and checks that tags nest and no attribute is there twice."""

    def __init__(self, source):
        super().__init__()
        self.builder, self.open = ET.TreeBuilder(), []
        self.builder.start("root", {})
        self.feed(source)
        self.close()
        assert [] == self.open
        self.builder.end("root")
        self.root = self.builder.close()

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs)
        self.builder.start(tag, dict(attrs))
        if tag in VOID:
            self.builder.end(tag)
        else:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.builder.start(tag, dict(attrs))
        self.builder.end(tag)

    def handle_endtag(self, tag):
        assert tag == self.open.pop()
        self.builder.end(tag)

    def handle_data(self, data):
        self.builder.data(data)


def tree(of, make=page):
    return Tree(make(of)).root


def value(of):
    """Return what a value shows in a notebook."""
    return Tree(of._repr_html_()).root


def text(element):
    return "".join(element.itertext())


def sections(root):
    found = {}
    for section in root.iter("section"):
        heading, *_ = section
        found[text(heading)] = section
    return found


def facts(element):
    (table,) = (table for table in element.findall("./table"))
    return {text(row.find("th")): text(row.find("td")) for row in table.iter("tr")}


def articles(element):
    return list(element.iter("article"))


def names(element):
    return [text(article.find("./*/bdi")) for article in articles(element)]


def listed(element, label="Other features"):
    """Return the rows of a table as dictionaries."""
    tables = [box for box in element.iter("div") if box.get("aria-label") == label]
    if not tables:
        return []
    titles = [text(cell) for cell in tables[0].iter("th") if cell.get("scope") == "col"]
    return [
        dict(zip(titles, map(text, row), strict=True)) for row in tables[0].find("./table/tbody").iter("tr")
    ]


def words(element):
    """Return the text of all that a reader sees, with single spaces."""
    return " ".join(text(element).split())


class TestVerdict:
    def test_drift_is_said_first_with_its_reasons(self):
        verdict = next(box for box in tree(FULL).iter("div") if "verdict" in box.get("class", ""))
        assert (
            "Drift detected in 1 of 2 features, how features go together, predictions, errors, calibration "
            "and the series"
        ) == text(verdict.find("./p"))
        assert ["rsi has drifted"] == [text(item) for item in verdict.iter("li")]
        assert "verdict drift" == verdict.get("class")

    def test_drift_of_one_feature_alone(self):
        assert "Drift detected in 1 of 1 feature" == text(tree(report(feature())).find(".//strong"))

    def test_what_found_nothing_is_not_named_as_drift(self):
        quiet = {
            name: attrs.evolve(getattr(FULL, name), drifted=False)
            for name in ("multivariate", "predictions", "performance", "calibration", "concept")
        }
        root = tree(attrs.evolve(FULL, **quiet))
        assert "Drift detected in 1 of 2 features" == text(root.find(".//strong"))
        assert "No drift was found: numeric features go together as they did." in words(root)
        for part in ("errors", "calibration", "the series"):
            assert f"No drift was found in {part}." in words(root)

    def test_no_drift_is_said_as_plainly(self):
        overall = Overall(drift_detected=False, reasons=("3 features", "all calm"), score=0.0, evidence=())
        root = tree(report(calm("rsi"), overall=overall))
        verdict = next(box for box in root.iter("div") if "verdict" in box.get("class", ""))
        assert ("No drift detected", "verdict") == (text(verdict.find("./p")), verdict.get("class"))
        assert ["3 features", "all calm"] == [text(item) for item in verdict.iter("li")]
        assert "har: no drift" == text(root.find(".//title"))

    def test_drift_without_a_part_or_a_reason_is_said_all_the_same(self):
        overall = Overall(drift_detected=True, reasons=(), score=NAN, evidence=())
        root = tree(report(overall=overall))
        assert "Drift detected" == text(root.find(".//strong"))
        assert [] == list(root.iter("li"))
        assert "None were compared." in words(root)

    def test_what_was_compared_is_said(self):
        root = tree(FULL)
        assert (
            "Drift report, version 1.4.0: 4,813 rows; against reference r-0042, set 2026-01-05 08:15 UTC"
        ) == text(root.find(".//header/p"))
        assert (
            "Drift is a PSI from 0.1 on (moderate; from 0.25, significant) whose adjusted p is small enough;"
        ) in words(root)
        assert "Checked 2026-03-02 09:30 UTC." in words(root)
        assert ["2026-01-05T08:15:00.000000Z", "2026-03-02T09:30:00.000000Z"] == [
            time.get("datetime") for time in root.iter("time")
        ]

    def test_the_classic_policy_and_a_reference_of_all_versions(self):
        root = tree(report(feature(), policy="classic", version=None))
        assert "Drift report, whatever its version: 4,813 rows" in words(root)
        expected = "Drift is a PSI from 0.25 on, or a p of KS below 0.05, be it chance or not (policy"
        assert f"{expected} classic)." in words(root)
        assert "the largest PSI of a feature" in words(root)

    def test_tiles_hold_the_score_and_the_other_sums(self):
        tiles = {text(tile[0]): tuple(map(text, tile[1:])) for tile in tree(FULL).find(".//dl")}
        assert {
            "Score": ("0.4567", "the largest PSI that is more than chance"),
            "Features drifted": ("1", "of 2"),
            "Predictions": ("0.1412", "PSI, level moderate"),
            "Errors": ("+31.2%", "mean absolute error, more than chance: +18.1% to +∞"),
            "Rows": ("4,813", "compared with the reference"),
        } == tiles

    @pytest.mark.parametrize(
        ("low", "high", "drifted", "said"),
        [
            (0.1, 0.5, True, "more than chance: +10.0% to +50.0%"),
            (0.1, 0.5, False, "too little or too unsure to count: +10.0% to +50.0%"),
            (-0.214, 0.596, False, f"within chance: {MINUS}21.4% to +59.6%"),
            (-0.214, 0.596, True, f"within chance: {MINUS}21.4% to +59.6%"),  # of the classic policy
            (-0.5, -0.2, False, f"smaller than in the reference: {MINUS}50.0% to {MINUS}20.0%"),
        ],
    )
    def test_of_errors_it_is_said_whether_they_have_grown_by_more_than_chance(self, low, high, drifted, said):
        found = attrs.evolve(PERFORMANCE, drifted=drifted, interval=Interval(low, high))
        assert f"mean absolute error, {said}" in words(tree(report(performance=found)))

    def test_limits_of_the_check_are_named(self):
        limits = Limits(psi_moderate=0.15, psi_significant=0.3, p_value=0.025)
        assert (
            "Drift is a PSI from 0.15 on (moderate; from 0.3, significant) whose adjusted p is at most 0.025;"
        ) in words(tree(report(feature(), limits=limits)))

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (CheckedData(origin="given"), "4,813 rows that were given to the check;"),
            (
                CheckedData(origin="given", symbol="AAPL", note="2008 and 2009"),
                "4,813 rows of AAPL that were given to the check: 2008 and 2009;",
            ),
            (
                CheckedData(origin="fetched", symbol="AAPL"),
                "4,813 rows of AAPL from the data source;",
            ),
            (
                CheckedData(
                    origin="recorded",
                    since=datetime(2026, 2, 1, 8, 0, tzinfo=UTC),
                    until=datetime(2026, 3, 2, 9, 15, tzinfo=UTC),
                ),
                "4,813 rows recorded with the monitor from 2026-02-01 08:00 UTC to 2026-03-02 09:15 UTC;",
            ),
            (CheckedData(origin="recorded"), "4,813 rows recorded with the monitor;"),
        ],
    )
    def test_which_rows_they_were_is_said(self, data, said):
        assert said in words(tree(report(feature(), data=data)))

    @pytest.mark.parametrize(
        ("detectable", "said"),
        [
            ((0.1, 0.2), ("healthy", "no drift", "No drift detected")),
            ((0.1, INF), ("", "little could be seen", "Little could be seen")),
            ((1.2, INF), ("", "nothing could be seen", "Nothing could be seen")),
        ],
    )
    def test_what_could_not_be_seen_is_not_absent(self, detectable, said):
        features = [calm(f"f{at}", min_detectable_psi=least) for at, least in enumerate(detectable)]
        calm_one = Overall(drift_detected=False, reasons=("r",), score=0.0, evidence=())
        of = attrs.evolve(report(*features), overall=calm_one)
        verdict = text(next(box for box in tree(of).iter("div") if "verdict" in box.get("class", ""))[0])
        assert said == (*found_said(of), verdict)
        drifted = attrs.evolve(of, overall=attrs.evolve(calm_one, drift_detected=True))
        assert ("warning", "drift") == found_said(drifted)

    def test_a_long_value_of_a_tile_is_written_smaller(self):
        source = page(
            report(feature(), rows=1_234_567_890, overall=attrs.evolve(FULL.overall, score=0.045678))
        )
        assert '<dd class="value long">1,234,567,890</dd>' in source
        assert '<dd class="value">0.04568</dd>' in source

    def test_findings_hold_what_the_verdict_rests_on(self):
        assert [
            {
                "What, and by which test": "feature 'rsi'PSI",
                "Effect": "0.3124",
                "Counts from": "0.25",
                "Detectable": DASH,
                "p": "0.0044",
                "Retrain": "yes",
            }
        ] == listed(tree(FULL), "Findings")
        overall = attrs.evolve(
            FULL.overall, evidence=(attrs.evolve(EVIDENCE, calls_for_retraining=False, detectable=0.05),)
        )
        (row,) = listed(tree(attrs.evolve(FULL, overall=overall)), "Findings")
        assert ("no", "0.05") == (row["Retrain"], row["Detectable"])


class TestFeatures:
    def test_every_figure_of_a_number_is_shown(self):
        (article,) = articles(tree(report(feature())))
        assert {
            "PSI": "0.3124, level significant; at least 0.2103 (95%)",
            "Detectable PSI": "0.0215",
            "KS": "0.1812 to 0.1834",
            "p": "PSI 0.0011, KS 0.0022, both 0.0033, adjusted 0.0044",
            "Jensen-Shannon": "0.2051",
            "Wasserstein": "12.35",
            "Missing": "reference 1.1%, now 3.2%",
            "Rows, reference": "20,001, worth 5,006 independent ones",
            "Rows, now": "4,812, worth 1,203 independent ones",
        } == facts(article)

    def test_every_figure_of_categories_is_shown(self):
        one = categorical("side", ("buy", "sell", "(missing)"))
        (article,) = articles(tree(report(one)))
        assert {
            "PSI": "0.3124, level significant; at least 0.2103 (95%)",
            "Detectable PSI": "0.0215",
            "p": "PSI 0.0011, adjusted 0.0044",
            "Jensen-Shannon": "0.2051",
            "Missing": "reference 1.1%, now 3.2%",
            "Without a bin": "7.1%",
            "Rows, reference": "20,001, worth 5,006 independent ones",
            "Rows, now": "4,812, worth 1,203 independent ones",
        } == facts(article)

    def test_a_statistic_that_is_known_is_no_range(self):
        (article,) = articles(tree(report(feature(ks_upper_bound=0.1812))))
        assert "0.1812" == facts(article)["KS"]

    def test_a_p_value_too_small_to_matter_is_said_as_a_bound(self):
        (article,) = articles(
            tree(report(feature(psi_p_value=1e-30, ks_p_value=0.001234, adjusted_p_value=0.0001)))
        )
        assert "PSI <0.0001, KS 0.0012, both 0.0033, adjusted 0.0001" == facts(article)["p"]

    def test_what_was_not_measured_says_so(self):
        unknown = {
            field.name: NAN
            for field in attrs.fields(FeatureDrift)
            if isinstance(getattr(feature(), field.name), float)
        }
        (article,) = articles(tree(report(calm("rsi", **{**unknown, "psi": NAN, "shares": (NAN, NAN, NAN)}))))
        assert {
            "PSI": "not measured",
            "Detectable PSI": DASH,
            "KS": DASH,
            "p": f"PSI {DASH}, KS {DASH}, both {DASH}, adjusted {DASH}",
            "Jensen-Shannon": DASH,
            "Wasserstein": DASH,
            "Missing": f"reference {DASH}, now {DASH}",
            "Rows, reference": f"20,001, worth {DASH} independent ones",
            "Rows, now": f"4,812, worth {DASH} independent ones",
        } == facts(article)

    def test_both_distributions_are_drawn_with_the_texts_of_their_bins(self):
        (chart,) = tree(report(feature())).iter("svg")
        assert (
            "rsi, share of rows in each bin, reference and now. ≤ 30: 50.0%, 20.0%; > 30: 48.9%, 76.8%; "
            "(missing): 1.1%, 3.2%"
        ) == chart.get("aria-label")

    def test_of_many_categories_the_largest_are_drawn_the_others_together_and_the_missing(self):
        # 15 categories and the missing: "o" is rare in the reference, and the largest now.
        before = (0.3, 0.2, 0.1, *(0.05,) * 3, *(0.03,) * 7, 0.02, 0.01, 0.01)
        now = (0.1, 0.1, 0.1, *(0.05,) * 3, *(0.02,) * 7, 0.01, 0.38, 0.02)
        one = categorical("side", (*"abcdefghijklmno", "(missing)"), shares=now, reference_shares=before)
        (chart,) = tree(report(one)).iter("svg")
        _, _, bins = chart.get("aria-label").partition(". ")
        assert [
            *("a: 30.0%, 10.0%", "b: 20.0%, 10.0%", "c: 10.0%, 10.0%"),
            *(f"{letter}: 5.0%, 5.0%" for letter in "def"),
            *(f"{letter}: 3.0%, 2.0%" for letter in "ghi"),
            "o: 1.0%, 38.0%",
            "5 others: 14.0%, 9.0%",
            "(missing): 1.0%, 2.0%",
        ] == bins.split("; ")

    @pytest.mark.parametrize(("kind", "drawn"), [("categorical", 12), ("numeric", 13)])
    def test_bins_of_numbers_and_few_categories_are_all_drawn(self, kind, drawn):
        bins = tuple(f"bin {at}" for at in range(drawn))
        one = feature(kind=kind, bins=bins, shares=(0.1,) * drawn, reference_shares=(0.1,) * drawn)
        (chart,) = tree(report(one)).iter("svg")
        assert list(bins) == re.findall(r"bin \d+", chart.get("aria-label"))

    def test_the_gravest_come_first(self):
        ordered = [
            feature("a", psi=0.9),
            feature("b", psi=0.3),
            feature("c", psi=0.2, psi_level="moderate"),
            feature("d", psi=0.15, psi_level="moderate"),
            feature("e", psi=0.05, psi_level="none"),
            feature("f", drifted=False, psi=0.16, psi_level="moderate"),
            calm("g", 0.09),
            calm("h", 0.02),
            calm("i", 0.02),
            calm("j", NAN),
        ]
        shuffled = [ordered[at] for at in (9, 3, 0, 8, 4, 7, 2, 6, 1, 5)]
        assert list("abcdefghij") == names(tree(report(*shuffled)))

    @pytest.mark.parametrize(
        ("values", "frame", "said"),
        [
            ({}, "feature critical", "significant drift"),
            ({"psi_level": "moderate"}, "feature warning", "moderate drift"),
            ({"psi_level": "none"}, "feature warning", "drift"),
            ({"drifted": False}, "feature", "no drift"),
        ],
    )
    def test_the_verdict_on_a_feature_is_in_words_and_in_its_frame(self, values, frame, said):
        (article,) = articles(tree(report(feature(**values))))
        assert (frame, f"rsi {said}") == (article.get("class").strip(), text(article[0]))

    def test_the_drifted_and_twenty_in_all_have_a_plot_and_the_others_a_row(self):
        few = [feature("drifted"), *(calm(f"{at:02}", 0.1 - at / 1_000) for at in range(30))]
        section = sections(tree(report(*few)))["Features"]
        assert ["drifted", *(f"{at:02}" for at in range(19))] == names(section)
        assert [f"{at:02}" for at in range(19, 30)] == [row["Feature"] for row in listed(section)]

        many = [*(feature(f"drifted {at:02}", psi=0.9 - at / 100) for at in range(25)), calm("calm")]
        section = sections(tree(report(*many)))["Features"]
        assert [f"drifted {at:02}" for at in range(25)] == names(section)
        assert ["calm"] == [row["Feature"] for row in listed(section)]

    def test_a_row_holds_the_figures_of_its_feature(self):
        last = calm("last", 0.0012, psi_lower_bound=NAN)
        section = sections(tree(report(*(feature(f"{at}") for at in range(20)), last)))["Features"]
        assert [
            {
                "Feature": "last",
                "Drift": "no",
                "Level": "none",
                "PSI": "0.0012",
                "At least": DASH,
                "Detectable": "0.0215",
                "p, adjusted": "0.0044",
                "KS": "0.1812 to 0.1834",
                "Missing before": "1.1%",
                "Missing": "3.2%",
                "Rows": "4,812",
            }
        ] == listed(section)

    def test_beyond_a_hundred_plots_what_has_drifted_has_a_row(self):
        section = sections(tree(report(*(feature(f"{at:03}") for at in range(103)))))["Features"]
        assert [f"{at:03}" for at in range(100)] == names(section)
        assert [("100", "yes"), ("101", "yes"), ("102", "yes")] == [
            (row["Feature"], row["Drift"]) for row in listed(section)
        ]

    def test_a_few_features_have_no_table(self):
        assert [] == listed(tree(report(feature())))


class TestParts:
    def test_features_together(self):
        section = sections(tree(FULL))["Features together"]
        assert (
            "Numeric features no longer go together as they did. "
            "Most changed is the correlation of rsi and macd."
        ) == text(section[1])
        assert {
            "Its change": f"{MINUS}0.456",
            "Distance": "0.1234",
            "p": "0.0055 by permutation, adjusted 0.0066",
            "Rows compared": "1,024 of each sample",
        } == facts(section)

    def test_a_correlation_that_grew_has_a_sign(self):
        grown = attrs.evolve(MULTIVARIATE, correlation_change=0.5)
        section = sections(tree(report(multivariate=grown)))["Features together"]
        assert "+0.5" == facts(section)["Its change"]

    def test_predictions(self):
        (article,) = articles(sections(tree(FULL))["Predictions"])
        assert "Predictions moderate drift" == text(article[0])
        assert "0.1412, level moderate; at least 0.2103 (95%)" == facts(article)["PSI"]

    def test_performance(self):
        section = sections(tree(FULL))["Performance"]
        assert "Errors have grown." == text(section[1])
        assert {
            "Mean absolute error": "0.01619; reference 0.01234",
            "Change": "+31.2%; counts from +20.0%",
            "95% interval": "+18.1% to +\N{INFINITY}",
            "p": "<0.0001, one-sided",
            "Detectable": "+13.1%",
            "Errors, reference": "19,999",
            "Errors, now": "4,711, worth 2,402 independent ones",
        } == facts(section)

    def test_an_error_rate_is_a_percentage(self):
        rate = attrs.evolve(PERFORMANCE, metric="error_rate", current=0.012, reference=0.015, change=-0.2)
        found = facts(sections(tree(report(performance=rate)))["Performance"])
        assert "1.2%; reference 1.5%" == found["Error rate"]
        assert f"{MINUS}20.0%; counts from +20.0%" == found["Change"]

    def test_an_unknown_metric_has_its_own_name(self):
        other = attrs.evolve(PERFORMANCE, metric="pinball loss")
        found = facts(sections(tree(report(performance=other)))["Performance"])
        assert "0.01619; reference 0.01234" == found["pinball loss"]

    def test_calibration(self):
        section = sections(tree(FULL))["Calibration"]
        assert "Confidence does not mean what it did." == text(section[1])
        assert {
            "Calibration error": "8.4%; reference 2.1%",
            "Change": "+6.3 points; counts from +5.0 points",
            "Brier score": "0.2134; reference 0.2101",
            "p": "0.0077",
            "Predictions, reference": "19,998",
            "Predictions, now": "4,712",
        } == facts(section)

    def test_concept(self):
        section = sections(tree(FULL))["Concept"]
        assert "The series has changed." == text(section[1])
        assert {
            "Volatility": "early 0.0071, late 0.0213",
            "Ratio": "3.012",
            "Change": "+201.2%; counts from +50.0%",
            "95% interval": "+153.0% to +254.0%, of the mean deviation",
            "p of volatility": "0.0088",
            "Regime change": "from value 1,312 on; p 0.0099",
            "p, adjusted": "0.012, the smallest of the three tests",
            "Values": "2,520, worth 1,101 independent ones",
        } == facts(section)
        (article,) = articles(section)
        assert "Early and late values significant drift" == text(article[0])
        assert "early 1.1%, late 3.2%" == facts(article)["Missing"]
        assert "20,001, worth 5,006 independent ones" == facts(article)["Rows, early"]

    def test_no_regime_change(self):
        concept = attrs.evolve(CONCEPT, regime_change_at=None)
        assert (
            "nowhere; p 0.0099" == facts(sections(tree(report(concept=concept)))["Concept"])["Regime change"]
        )

    def test_a_regime_change_at_the_first_value_is_one(self):
        concept = attrs.evolve(CONCEPT, regime_change_at=0)
        found = facts(sections(tree(report(concept=concept)))["Concept"])["Regime change"]
        assert "from value 0 on; p 0.0099" == found

    def test_ignored_columns(self):
        assert "The reference does not have: added, later" == text(sections(tree(FULL))["Ignored columns"][1])
        many = sections(tree(report(ignored=tuple(f"c{at:03}" for at in range(60)))))["Ignored columns"]
        assert "c049" in text(many)
        assert "c050" not in text(many)
        assert "And 10 more columns." in text(many)
        one = sections(tree(report(ignored=tuple(f"c{at:03}" for at in range(51)))))["Ignored columns"]
        assert "And 1 more column." in text(one)

    def test_what_is_absent_has_no_section(self):
        assert ["Features"] == list(sections(tree(report(feature()))))
        assert ["Score", "Features drifted", "Rows"] == [
            text(tile[0]) for tile in tree(report(feature())).find(".//dl")
        ]

    def test_sections_are_in_order(self):
        assert [
            *("Findings", "Features", "Features together", "Predictions"),
            *("Performance", "Calibration", "Concept", "Ignored columns"),
        ] == list(sections(tree(FULL)))


class TestNotebook:
    def test_it_says_the_same_with_fewer_plots_and_rows(self):
        many = report(*(feature(f"{at:02}") for at in range(40)))
        section = sections(tree(many, notebook))["Features"]
        assert [f"{at:02}" for at in range(4)] == names(section)
        assert [f"{at:02}" for at in range(4, 14)] == [row["Feature"] for row in listed(section)]
        assert "And 26 more features." in text(section)

    def test_its_headings_are_below_those_of_the_notebook(self):
        levels = {
            element.tag for element in tree(FULL, notebook).iter() if re.fullmatch("h[1-6]", element.tag)
        }
        assert {"h2", "h3", "h4"} == levels

    def test_it_styles_nothing_but_itself(self):
        style = text(tree(FULL, notebook).find(".//style"))
        rules = re.findall(r"([^{}]+)\{[^{}]*\}", style)
        assert [] == [rule for rule in rules for one in rule.split(",") if ".mlprod-report" not in one]

    def test_values_show_themselves(self):
        assert page(FULL) == FULL.to_html() == FULL.toHtml()
        assert notebook(FULL) == FULL._repr_html_()


class TestValues:
    @pytest.mark.parametrize(
        ("title", "part"),
        [
            ("Features together", FULL.multivariate),
            ("Performance", FULL.performance),
            ("Calibration", FULL.calibration),
            ("Concept", FULL.concept),
        ],
    )
    def test_a_part_of_a_report_shows_itself_as_it_does_there(self, title, part):
        there = sections(tree(FULL, notebook))[title]
        assert words(there).removeprefix(title) in words(value(part))

    def test_a_feature_shows_both_distributions(self):
        drifted = feature("rsi", drifted=True)
        shown = value(drifted)
        assert ["rsi"] == names(shown)
        assert 1 == len(list(shown.iter("svg")))

    def test_a_verdict_shows_its_reasons_and_findings(self):
        shown = words(value(FULL.overall))
        assert FULL.overall.reasons[0] in shown
        assert "What, and by which test" in shown


def hostile():
    one = categorical(EVIL, (EVIL, "\"'><svg onload=alert(1)>", EVIL), drifted=True)
    return attrs.evolve(
        FULL,
        model_id=EVIL,
        version=EVIL,
        reference=EVIL,
        features={EVIL: one, **{f"{at}{EVIL}": calm(f"{at}{EVIL}") for at in range(25)}},
        overall=Overall(
            drift_detected=True,
            reasons=(EVIL,),
            score=0.1,
            evidence=(attrs.evolve(EVIDENCE, subject=EVIL, test=EVIL, sentence=EVIL),),
        ),
        multivariate=attrs.evolve(MULTIVARIATE, pair=(EVIL, EVIL)),
        performance=attrs.evolve(PERFORMANCE, metric=EVIL),
        ignored=(EVIL,),
    )


class TestMarkup:
    @pytest.mark.parametrize("make", [page, notebook])
    def test_what_users_wrote_is_text(self, make):
        root = tree(hostile(), make)
        tags = {element.tag for element in root.iter()}
        assert set() == tags & {"script", "img", "iframe", "object", "link", "a"}
        assert set() == {name for element in root.iter() for name in element.attrib if name.startswith("on")}
        assert "\u202e" not in make(hostile())
        assert 1 == len([article for article in articles(root) if text(article[0]).startswith(EVIL_SHOWN)])

    def test_what_users_wrote_cannot_reorder_what_is_beside_it(self):
        isolated = [text(element) for element in tree(hostile()).iter("bdi")]
        # The model, its version, the reference, a reason, subject and test of a finding, a feature, a pair of
        # them, a column.
        assert 10 == isolated.count(EVIL_SHOWN)

    def test_nothing_is_fetched_and_no_script_may_run(self):
        source = page(FULL)
        policy = next(
            meta.get("content")
            for meta in tree(FULL).iter("meta")
            if meta.get("http-equiv") == "Content-Security-Policy"
        )
        assert "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'" == policy
        assert [] == re.findall(r"https?:|url\(|@import|src=|href=", source)

    @pytest.mark.parametrize("make", [page, notebook])
    def test_charts_are_well_formed_xml_with_a_name(self, make):
        charts = re.findall("<svg.*?</svg>", make(hostile()), re.DOTALL)
        assert charts
        for chart in charts:
            root = ET.fromstring(chart)  # noqa: S314 - made by the code under test
            assert "img" == root.get("role")
            assert root.find("title").text
            assert root.get("aria-label").startswith(root.find("title").text)

    def test_every_head_of_a_table_says_what_it_is_the_head_of(self):
        scopes = [head.get("scope") for head in tree(FULL).iter("th")]
        assert {"col", "row"} == set(scopes)

    def test_a_wide_table_scrolls_by_keyboard(self):
        (findings,) = (box for box in tree(FULL).iter("div") if box.get("class") == "wide")
        assert ("0", "region", "Findings") == tuple(
            findings.get(key) for key in ("tabindex", "role", "aria-label")
        )

    def test_headings_go_down_by_one(self):
        levels = [int(e.tag[1]) for e in tree(FULL).iter() if re.fullmatch("h[1-6]", e.tag)]
        assert 1 == levels[0]
        assert [] == [pair for pair in itertools.pairwise(levels) if pair[1] > pair[0] + 1]

    def test_a_page_of_two_hundred_drifted_features_is_less_than_a_megabyte(self):
        bins = (*(f"({at}.123456, {at + 1}.123456]" for at in range(10)), "(missing)")
        shares = {"bins": bins, "shares": (0.0912,) * 11, "reference_shares": (0.0908,) * 11}
        features = [feature(f"feature_with_a_long_name_{at}", **shares) for at in range(200)]
        assert len(page(report(*features))) < 1_000_000
        assert len(notebook(report(*features))) < 60_000

    def test_a_table_of_very_many_features_ends_somewhere(self):
        root = tree(report(*(calm(f"{at}") for at in range(1_025))))
        assert 1_000 == len(listed(root))
        assert "And 5 more features." in words(root)

    @settings(max_examples=20)
    @given(
        st.lists(st.floats(), min_size=8, max_size=8),
        st.sampled_from(["none", "moderate", "significant"]),
        st.text(max_size=20),
        st.booleans(),
    )
    def test_any_figures_and_names_make_a_page(self, figures, level, name, drifted):
        keys = ("psi", "psi_lower_bound", "ks_statistic", "ks_upper_bound", "wasserstein", "missing_rate")
        values = dict(zip((*keys, "effective_count", "adjusted_p_value"), figures, strict=True))
        one = feature(name, drifted=drifted, psi_level=level, **values)
        assert 1 == len(articles(tree(report(one))))
