"""Experiments in a notebook: the verdict, forest plots with their figures, and what casts doubt on them."""

import math
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprod.experiments._config import ExperimentConfig
from mlprod.experiments._progress import ExperimentOverview
from mlprod.experiments._values import (
    Experiment,
    ExperimentAnalysis,
    ExperimentConclusion,
    Maturity,
    MetricComparison,
    Phase,
    SampleRatio,
    VariantMetrics,
    variant_ids,
)
from mlprod.stats import Interval

NAN, INF = math.nan, math.inf
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
EVIL = "</bdi><script>alert(1)</script>\"'&\u202eevil"
EVIL_SHOWN = EVIL.replace("\u202e", "\\u202e")
MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"


def comparison(metric="win_rate", variant_id="treatment", **values):
    known = {
        "control": 0.5,
        "treatment": 0.55,
        "control_samples": 2000,
        "treatment_samples": 1998,
        "difference": 0.05,
        "lift": 0.1,
        "interval": Interval(0.04, 0.16),
        "anytime_interval": Interval(0.01, 0.19),
        "p_value": 0.0011,
        "adjusted_p_value": 0.0011,
        "anytime_p_value": 0.031,
        "test": "chi_square",
        "is_improvement": True,
    }
    return MetricComparison(metric=metric, variant_id=variant_id, **{**known, **values})


def variants(count=2):
    return {
        name: VariantMetrics(variant_id=name, model=f"model@{place}", predictions=2000, trades=10, wins=4)
        for place, name in enumerate(variant_ids(count))
    }


def ratio(**values):
    known = {
        "observed": {"control": 2000, "treatment": 1998},
        "expected": {"control": 1999.0, "treatment": 1999.0},
        "p_value": 1.0,
        "fixed_p_value": 0.97,
        "is_mismatch": False,
        "source": "predictions",
    }
    return SampleRatio(**{**known, **values})


def conclusion(**values):
    known = {
        "winner": "treatment",
        "confidence": 0.969,
        "recommendation": "Promote model@1.",
        "effect_size": 0.1,
        "expected_lift": 0.0789,
        "projected_annual_impact": None,
        "projected_annual_interval": None,
        "p_value": 0.031,
        "interval": Interval(0.01, 0.19),
        "test": "anytime",
        "reason": "its win_rate is better",
        "variants": variants(),
        "srm": ratio(),
        "comparisons": (comparison(),),
        "metric": "win_rate",
        "variant_id": "treatment",
    }
    return ExperimentConclusion(**{**known, **values})


def analysis(verdict=None, **values):
    verdict = verdict or conclusion()
    known = {
        "experiment_id": "mom-vs-har",
        "status": "running",
        "at": NOW,
        "verdict": verdict,
        "variants": verdict.variants,
        "comparisons": verdict.comparisons,
        "srm": verdict.srm,
        "maturity": Maturity(pending={"control": 0.25, "treatment": 0.5}, p_value=0.4, is_different=False),
        "samples_needed": None,
        "warnings": (),
    }
    return ExperimentAnalysis(**{**known, **values})


def experiment(**values):
    known = {
        "id": "mom-vs-har",
        "name": "Momentum against HAR",
        "description": "",
        "status": "draft",
        "models": {"control": "har@1", "treatment": "mom@1"},
        "config": ExperimentConfig(),
        "created_at": NOW,
    }
    return Experiment(**{**known, **values})


def phase(*split, reason="", since=NOW):
    return Phase(since=since, split=split, allocation=1.0, ends=(), owners=(), reason=reason)


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
        if tag != "br":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert tag == self.open.pop()

    def handle_data(self, data):
        if self.open[-1] not in {"style", "title"}:
            self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.texts))


def shown(value):
    return Page(value._repr_html_()).text


def rows(value):
    """Return the cells of the rows of tables as text, without what is drawn."""
    source = re.sub(r"<svg.*?</svg>", "", value._repr_html_(), flags=re.DOTALL)
    return [
        [Page(f"<p>{cell}</p>").text for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", found)]
        for found in re.findall(r"<tr[^>]*>(.*?)</tr>", source)
    ]


def tiles(value):
    found = re.findall(
        r"<div><dt>(.*?)</dt><dd[^>]*>(.*?)</dd><dd[^>]*>(.*?)</dd></div>", value._repr_html_()
    )
    return {Page(f"<p>{label}</p>").text: told for label, *told in found}


def plots(value):
    return re.findall(r'<svg class="mlprod-row".*?</svg>', value._repr_html_())


class TestVerdict:
    def test_stands_first_with_confidence_and_recommendation(self):
        assert shown(conclusion()).startswith(
            "Winner: treatment model@1Confidence 96.9% (p = 0.031, valid at any look, two-sided: is there a "
            "difference?)Promote model@1."
            "Why: its win_rate is better"
        )

    @pytest.mark.parametrize(
        ("winner", "look", "expected"),
        [
            ("treatment", "better", "Winner: treatment model@1"),
            ("control", "", "Winner: control model@0"),
            ("inconclusive", "", "Inconclusive"),
            ("gone", "better", "Winner: gone"),
        ],
    )
    def test_has_a_colour_where_a_treatment_wins(self, winner, look, expected):
        source = conclusion(winner=winner, reason="")
        assert shown(source).startswith(f"{expected}Confidence")
        assert [look] == re.findall(r'<div class="verdict (\w*)">', source._repr_html_())
        assert "Why" not in shown(source)

    def test_that_cannot_be_believed_has_the_colour_of_what_is_bad(self):
        source = conclusion(srm=ratio(is_mismatch=True))._repr_html_()
        assert ["worse"] == re.findall(r'<div class="verdict (\w*)">', source)

    def test_of_what_still_runs_is_not_final(self):
        assert "mom-vs-harRunning; looked at 2026-03-02 09:30 UTCIf it ended nowWinner" in shown(analysis())
        assert "If it ended now" in shown(analysis(status="paused"))
        for status in ("stopped", "completed"):
            assert "If it ended now" not in shown(analysis(status=status))

    @pytest.mark.parametrize(
        ("confidence", "expected"),
        [
            (0.96, "96.0%"),
            (0.9996, "99.960%"),
            (1 - 3.7e-5, "more than 99.99%"),
            (1.0, "more than 99.99%"),
            (0.0, "0.0%"),
        ],
    )
    def test_is_no_surer_and_no_finer_than_it_is(self, confidence, expected):
        assert f"Confidence {expected} (" in shown(conclusion(confidence=confidence))

    def test_that_the_caller_chose_claims_no_confidence(self):
        found = shown(conclusion(is_chosen=True, p_value=0.8, confidence=0.2))
        assert "Winner: treatment model@1Chosen by the caller (the figures: p = 0.8, valid" in found
        assert "Confidence" not in found

    def test_has_the_minus_signs_of_the_figures_beside_it(self):
        found = conclusion(recommendation="It is -21.0% (-3 to -1), on 2026-03-02, by har-2@1.0.0-1.")
        expected = f"It is {MINUS}21.0% ({MINUS}3 to {MINUS}1), on 2026-03-02, by har-2@1.0.0-1."
        assert expected in shown(found)


class TestTiles:
    def test_say_the_lift_and_what_to_expect(self):
        expected = {
            "Lift: Win rate": ["+10.0%", "+1.0% to +19.0%"],
            "Lift to expect": ["+7.9%", "drawn to zero by its uncertainty"],
        }
        assert expected == tiles(conclusion())

    def test_say_what_a_year_is_worth_and_how_much_is_still_needed(self):
        verdict = conclusion(
            projected_annual_impact=12_345.678, projected_annual_interval=Interval(-1.5, INF), metric=""
        )
        found = tiles(analysis(verdict, samples_needed=4321))
        assert ["+12,345.68", f"{MINUS}1.50 to +\N{INFINITY}"] == found["In a year"]
        assert ["4,321", "outcomes of each variant, to show this lift"] == found["Still needed"]
        assert "Lift" in found

    def test_an_impact_without_an_interval_has_none(self):
        assert ["0.00", ""] == tiles(conclusion(projected_annual_impact=0.0))["In a year"]

    def test_long_values_are_smaller(self):
        found = conclusion(projected_annual_impact=-12_345.678)._repr_html_()
        assert [f"{MINUS}12,345.68"] == re.findall(r'<dd class="value long">([^<]*)</dd>', found)


class TestForest:
    def test_figures_stand_beside_each_plot(self):
        expected = ["treatment", "", "+10.0%", "50.0%", "55.0%", "0.0011", "0.031", "2,000 / 1,998"]
        titles = "Metric,,Lift,Control,Treatment,p, one look,p, any time,Outcomes"
        assert titles == ",".join(rows(conclusion())[0])
        assert expected == rows(conclusion())[2]

    def test_a_p_value_that_was_corrected_is_in_brackets(self):
        one = comparison(p_value=0.01, adjusted_p_value=0.05, anytime_p_value=1e-9)
        assert ["0.01 (0.05)", "< 0.0001"] == rows(conclusion(comparisons=(one,), p_value=1e-9))[2][5:7]

    def test_no_data_is_a_dash(self):
        none = MetricComparison(metric="win_rate", variant_id="treatment")
        found = conclusion(comparisons=(none,))
        assert ["treatment", "", *[DASH] * 5, "0 / 0"] == rows(found)[2]
        (plot,) = plots(found)
        assert f">{DASH}</text>" in plot

    def test_the_plot_says_both_intervals_in_percent(self):
        (plot,) = plots(conclusion())
        assert 'aria-label="treatment: +10%, thick bar +4% to +16%, thin bar +1% to +19%"' in plot
        assert 'class="mlprod-better"' in plot

    @pytest.mark.parametrize("count", [1, 5])
    def test_each_metric_has_a_row_for_each_treatment_on_one_scale(self, count):
        names = variant_ids(count + 1)[1:]
        many = tuple(comparison(metric, name) for metric in ("win_rate", "pnl") for name in names)
        found = conclusion(comparisons=many, variants=variants(count + 1))
        assert 2 * count == len(plots(found))
        assert 2 == found._repr_html_().count('<svg class="mlprod-axis"')
        assert [*names] == [row[0] for row in rows(found)[2 : 2 + count]]

    @pytest.mark.parametrize(
        ("metric", "values", "expected"),
        [
            ("win_rate", {}, "Win rateprimary, higher is better"),
            ("latency_ms", {"is_improvement": None}, "Mean latencyprimary, lower is better"),
            ("pnl", {"is_improvement": False}, "P&L of a tradeprimary, higher is better"),
            ("slippage", {"is_improvement": True}, "slippageprimary, higher is better"),
            ("slippage", {"is_improvement": False}, "slippageprimary, lower is better"),
            ("slippage", {"is_improvement": None}, "slippageprimary"),
        ],
    )
    def test_the_good_side_is_said(self, metric, values, expected):
        found = conclusion(comparisons=(comparison(metric, **values),))
        assert expected == rows(found)[1][0]
        assert ("better \N{RIGHTWARDS ARROW}" in found._repr_html_()) == ("higher" in expected)

    @pytest.mark.parametrize(
        ("metric", "treatment", "is_said"),
        [
            ("directional_accuracy", 1.0, True),
            ("directional_accuracy", 0.9, False),
            ("accuracy", 1.0, False),
        ],
    )
    def test_a_sign_that_is_always_right_proves_little(self, metric, treatment, is_said):
        found = conclusion(comparisons=(comparison(metric, control=1.0, treatment=treatment),))
        assert is_said == rows(found)[1][0].endswith(", always right")

    def test_only_the_first_metric_is_the_primary_one(self):
        found = conclusion(comparisons=(comparison(), comparison("pnl")))
        assert 1 == shown(found).count("primary")

    def test_nothing_compared_is_said(self):
        found = conclusion(comparisons=(), variants={})
        assert "Nothing was compared yet." in shown(found)
        assert [] == plots(found)

    def test_a_variant_that_nothing_is_known_of_has_a_row(self):
        assert 1 == len(plots(conclusion(variants={})))


class TestChecks:
    def test_the_sample_ratio_is_as_it_should_be(self):
        expected = "the shares of predictions (p = 1 at any time, p = 0.97 for one look)."
        assert expected in shown(conclusion())

    def test_a_mismatch_is_said(self):
        found = shown(conclusion(srm=ratio(is_mismatch=True, p_value=1e-6)))
        assert "Sample ratio mismatch: variants did not get their shares of the predictions" in found
        assert "(p < 0.0001 at any time" in found

    def test_what_each_variant_got(self):
        found = rows(analysis())
        titles = ["Variant", "Model", "Predictions", "Expected", "Without an outcome", "Trades", "P&L"]
        assert titles in found
        assert ["control", "model@0", "2,000", "1,999", "25.0%", "10", "0.00"] in found
        assert ["treatment", "model@1", "1,998", "1,999", "50.0%", "10", "0.00"] in found

    def test_a_conclusion_knows_nothing_of_missing_outcomes(self):
        assert "Without an outcome" not in shown(conclusion())

    @pytest.mark.parametrize(
        ("is_different", "expected"),
        [
            (False, "those that are missing do not tell variants apart (p = 0.4)"),
            (True, "Outcomes are missing unevenly: variants differ"),
        ],
    )
    def test_missing_outcomes(self, is_different, expected):
        maturity = Maturity(pending={}, p_value=0.4, is_different=is_different)
        assert expected in shown(analysis(maturity=maturity))

    def test_warnings_come_last(self):
        assert shown(analysis(warnings=("one & two", "three"))).endswith("Mindone & twothree")
        assert "Mind" not in shown(analysis())


class TestExperiment:
    def test_a_draft_says_how_it_will_be_run(self):
        found = experiment(config=ExperimentConfig(traffic_split=(0.9, 0.1), guardrail_metrics=("pnl",)))
        assert shown(found).startswith("Momentum against HARmom-vs-harDraftHow it is run")
        told = dict(rows(found))
        assert ("har@1, 90.0% of units", "mom@1, 10.0% of units") == (told["control"], told["treatment"])
        assert ("win_rate", "pnl") == (told["Primary metric"], told["Guardrails"])
        assert ("168 hours", "95.0%") == (told["Longest"], told["Level of confidence"])
        assert "2026-03-02 09:30 UTC" == told["Made"]
        assert not {"Started", "Ends by itself", "Everybody gets"} & set(told)

    def test_what_runs_says_when_it_ends_and_how_its_split_changed(self):
        found = experiment(
            status="running",
            started_at=NOW,
            description="why",
            phases=(phase(0.5, 0.5), phase(0.75, 0.25, reason="ramp"), phase(1.0, 0.0)),
        )
        told = rows(found)
        assert ["Ends by itself", "2026-03-09 09:30 UTC"] in told
        assert ["Split changed", "2026-03-02 09:30 UTC to 75.0% / 25.0%: ramp"] in told
        assert ["Split changed", "2026-03-02 09:30 UTC to 100.0% / 0.0%"] in told
        assert ["control", "har@1, 100.0% of units"] in told
        assert 2 == [row[0] for row in told].count("Split changed")
        assert "mom-vs-harwhyRunning" in shown(found)

    @pytest.mark.parametrize(("winner", "expected"), [("treatment", "treatment"), (None, "control")])
    def test_what_has_ended_shows_its_conclusion(self, winner, expected):
        found = experiment(
            status="stopped",
            reason="enough",
            started_at=NOW,
            ended_at=NOW + timedelta(hours=1),
            winner=winner,
            conclusion=conclusion(),
        )
        assert "Stopped: enoughWinner: treatment" in shown(found)
        assert ["Everybody gets", expected] in rows(found)
        assert ["Ended", "2026-03-02 10:30 UTC"] in rows(found)
        assert 1 == len(plots(found))

    def test_without_a_name_it_has_its_id(self):
        assert ["mom-vs-har"] == re.findall(r"<h2><bdi>(.*?)</bdi>", experiment(name="")._repr_html_())


class TestOverview:
    def test_it_is_the_experiment_and_how_it_stands(self):
        running = experiment(status="running", started_at=NOW)
        found = shown(ExperimentOverview(experiment=running, analysis=analysis(), progress=(), is_due=False))
        assert "Momentum against HAR" in found
        assert "If it ended now" in found
        assert "How it is run" in found
        assert "Its time is over" not in found

    def test_it_says_that_it_is_due(self):
        of = ExperimentOverview(experiment=experiment(), analysis=analysis(), progress=(), is_due=True)
        assert "Its time is over: it ends as soon as somebody looks." in shown(of)

    def test_of_one_that_does_not_run_it_is_the_experiment(self):
        ended = experiment(status="completed", conclusion=conclusion())
        of = ExperimentOverview(experiment=ended, analysis=None, progress=(), is_due=False)
        assert ended._repr_html_() == of._repr_html_()


def test_a_comparison_shows_its_plot_and_figures():
    source = comparison()._repr_html_()
    assert 1 == len(re.findall(r'<svg class="mlprod-row"', source))
    assert "primary" not in source  # which one decides is not its affair
    assert {"+10.0%", "50.0%", "55.0%", "0.0011", "0.031"} <= set(re.findall(r"<td>(.*?)</td>", source))


class TestVariant:
    def test_shows_what_there_are_data_for(self):
        one = VariantMetrics(
            variant_id="control",
            model="har@1",
            predictions=1234,
            matured=1000,
            total_pnl=5.5,
            trades=10,
            wins=4,
            win_rate=0.4,
            custom={"slippage": 1.5},
            samples={"win_rate": 10},
        )
        assert [
            ["Predictions", "1,234", "1,000 with an outcome"],
            ["Signals", "0", ""],
            ["Trades", "10", "4 won"],
            ["P&L", "5.50", ""],
            ["Win rate", "40.0%", "of 10"],
            ["slippage", "1.5", "of 0"],
        ] == rows(one)


def everything(text):
    """Return one of each with a text wherever users write one."""
    of = {text: VariantMetrics(variant_id=text, model=text, custom={text: 1.0})}
    verdict = conclusion(
        winner=text,
        recommendation=text,
        reason=text,
        variants=of,
        srm=ratio(observed={text: 1}, expected={text: 1.0}),
        comparisons=(comparison(text, text),),
    )
    config = ExperimentConfig(primary_metric=text, guardrail_metrics=(text,))
    phases = (phase(1.0), phase(1.0, reason=text))
    whole = experiment(
        id=text,
        name=text,
        description=text,
        reason=text,
        models={text: text},
        config=config,
        phases=phases,
        conclusion=verdict,
        winner=text,
        status="stopped",
    )
    return [analysis(verdict, experiment_id=text, warnings=(text,)), verdict, whole, of[text]]


class TestSafety:
    @pytest.mark.parametrize("place", range(4))
    def test_all_that_users_write_is_escaped_and_isolated(self, place):
        source = everything(EVIL)[place]._repr_html_()
        page = Page(source)
        assert "script" not in page.tags
        assert EVIL_SHOWN in page.text
        assert "\u202e" not in source

    @pytest.mark.parametrize("place", range(4))
    def test_nothing_is_fetched_and_nothing_runs(self, place):
        page = Page(everything("a")[place]._repr_html_())
        assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
        assert not [name for name, _ in page.attributes if name.startswith("on") or name in {"src", "href"}]

    @pytest.mark.parametrize("place", range(4))
    def test_styles_touch_nothing_else(self, place):
        (style,) = re.findall(r"<style>(.*?)</style>", everything("a")[place]._repr_html_(), re.DOTALL)
        selectors = [part for group in re.findall(r"([^{}]+)\{[^{}]*\}", style) for part in group.split(",")]
        assert [] == [each for each in selectors if ".mlprod-report" not in each]


INTERVALS = st.builds(Interval, st.floats(), st.floats())
NUMBERS = ("control", "treatment", "lift", "p_value", "adjusted_p_value", "anytime_p_value")
COMPARISONS = st.lists(
    st.builds(
        comparison,
        st.sampled_from(["win_rate", "rmse", "own"]),
        st.sampled_from(["treatment", "treatment_2"]),
        interval=INTERVALS,
        anytime_interval=INTERVALS,
        is_improvement=st.sampled_from([None, True, False]),
        **dict.fromkeys(NUMBERS, st.floats()),
    ),
    max_size=4,
)


@settings(max_examples=18)
@given(
    comparisons=COMPARISONS,
    numbers=st.tuples(*[st.floats()] * 4),
    impact=st.none() | st.floats(),
    bounds=st.none() | INTERVALS,
    text=st.text(st.characters(exclude_categories=()), max_size=20),
)
def test_anything_can_be_shown(comparisons, numbers, impact, bounds, text):
    confidence, effect, expected, p_value = numbers
    verdict = attrs.evolve(
        everything(text)[1],
        comparisons=tuple(comparisons),
        confidence=confidence,
        effect_size=effect,
        expected_lift=expected,
        p_value=p_value,
        projected_annual_impact=impact,
        projected_annual_interval=bounds,
    )
    for value in (analysis(verdict), verdict, experiment(conclusion=verdict)):
        source = value._repr_html_()
        page = Page(source)
        assert "script" not in page.tags
        assert not [of for name, of in page.attributes if name in {"d", "x", "cx", "width"} and "n" in of]
        source.encode()
