"""The lists of models, experiments and alerts, and the pages behind them."""

import datetime as dt
import math
import re

import attrs
import numpy as np
import pytest

from mlprod import AlertThreshold, PerformanceMonitor
from mlprod._svg import NO_DATA
from mlprod.dashboard._alerts_tab import acknowledging, alerts_tab
from mlprod.dashboard._experiment_detail import experiment_detail
from mlprod.dashboard._experiments_tab import experiments_tab
from mlprod.dashboard._model_detail import model_detail
from mlprod.dashboard._models_tab import models_tab
from mlprod.dashboard._overview_tab import overview_tab
from mlprod.dashboard._snapshot import ModelView
from mlprod.dashboard._tables import Cell, Column, Row, number_cell, sortable
from mlprod.dashboard._words import length


def rows(markup):
    """Return the texts of the cells of each row."""
    body = markup.split("<tbody>")[1].split("</tbody>")[0]
    return [line.split("</tr>")[0] for line in body.split("<tr")[1:]]


class TestModels:
    def test_those_in_trouble_come_first(self, models, store, clock, snapshot, tree):
        for name in ("a-new", "b-right", "c-wrong", "d-wrong"):
            models.save([0], name)
        thresholds = [AlertThreshold("low", "accuracy", 0.9, "critical")]
        with PerformanceMonitor(store, clock=clock, thresholds=thresholds) as monitor:
            for name in ("b-right", "c-wrong", "d-wrong"):
                monitor.record_predictions(name, "1.0.0", correct=[name == "b-right"] * 40)
            monitor.get_active_alerts()
        markup = models_tab(snapshot())
        names = [re.search("#models/([a-z-]+)", row).group(1) for row in rows(markup)]
        assert ["c-wrong", "d-wrong", "b-right", "a-new"] == names
        assert "those in trouble first" in tree(markup).text

    def test_one_that_only_the_monitor_knows(self, store, clock, snapshot, tree):
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_prediction("ghost", "7", correct=True)
        ghost = snapshot().models[0]
        said = tree(model_detail(ghost, "memory://")).text
        assert "no version is in production" in said
        assert "not in the registry" in said
        assert "The registry does not know this model." in said
        assert "not checked" in tree(models_tab(snapshot())).text

    def test_one_that_has_been_silent(self, store, clock, snapshot, tree):
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_prediction("har", "1", correct=True)
        clock.advance(days=90)
        said = tree(model_detail(snapshot().models[0], "memory://")).text
        assert "recorded from 2026-03-02 09:30 UTC to 2026-03-02 09:30 UTC" in said
        assert "It has been silent for 90 days, and counts as degraded until it records again" in said
        assert "The last day" not in said
        assert "In steps of 1 minute" in said

    def test_only_drift_scores_are_plotted_too(self, store, clock, snapshot):
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_drift("har", "1", feature_drift=0.2)
            clock.advance(hours=5)
            monitor.record_drift("har", "1", feature_drift=0.3)
        markup = model_detail(snapshot().models[0], "memory://")
        assert "No data to plot" not in markup
        assert "Drift scores" in markup

    def test_all_charts_are_from_the_first_record_to_the_last(self, store, clock, snapshot):
        with PerformanceMonitor(store, clock=clock) as monitor:
            for _ in range(40):
                monitor.record_prediction("har", "1", correct=True, latency_ms=1.0)
                monitor.record_trade("har", "1", pnl=1.0)
                monitor.record_drift("har", "1", feature_drift=0.2)
                clock.advance(days=3, hours=5)
        clock.advance(days=90)
        markup = model_detail(snapshot().models[0], "memory://")
        spans = re.findall(r">([^<>]* to [^<>]* UTC)</text>", markup)
        assert 5 * ["2026-03-02 09:30 to 2026-07-05 12:30 UTC"] == spans

    def test_a_single_trade_is_a_point_and_no_ramp(self, store, clock, snapshot):
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_trade("har", "1", pnl=250.0)
        markup = model_detail(snapshot().models[0], "memory://")
        equity, drawdown = markup.split('<svg class="mlprod-chart"')[1:]
        assert "Equity; 2026-03-02 09:30 UTC; Equity: last 250, lowest 250, highest 250" in equity
        for chart in (equity, drawdown):
            assert "<circle" in chart
            assert "mlprod-line" not in chart

    def test_what_several_versions_earned_is_said_to_be_added_up(self, store, clock, snapshot, tree):
        said = "P&L, equity and drawdown add up the trades of all versions"
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_trade("har", "1", pnl=250.0)
            monitor.record_prediction("har", "2", correct=True)
            assert said not in tree(model_detail(snapshot().models[0], "memory://")).text
            monitor.record_trade("har", "2", pnl=-50.0)
            assert said in tree(model_detail(snapshot().models[0], "memory://")).text

    def test_what_counts_as_correct_is_said_where_numbers_are_judged(self, store, clock, tree):
        said = "A number within 0.5 of the actual one counts as correct"
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_predictions("prices", "1", prediction=[101.0, 102.0], actual=[101.4, 100.0])
            monitor.record_prediction("sides", "1", prediction="buy", actual="buy")
        for tolerance, expected in ((0.5, [True, False]), (None, [False, False])):
            told = PerformanceMonitor(store, clock=clock, accuracy_tolerance=tolerance)
            pages = [
                tree(model_detail(ModelView(name=each.model_id, overview=each), "memory://")).text
                for each in told.get_overview()
            ]
            assert expected == [said in page for page in pages]

    def test_versions_have_a_mean_error_where_it_is_known(self, store, clock, snapshot):
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_predictions("prices", "1", prediction=[101.0, 102.0], actual=[101.5, 97.0])
            monitor.record_prediction("prices", "2", correct=True)
        first, second = rows(model_detail(snapshot().models[0], "memory://"))
        assert f'<td>{NO_DATA}<span class="sub">mean error 2.75</span></td>' in first
        assert "mean error" not in second

    def test_nothing_to_plot_is_said(self, store, clock, snapshot):
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_prediction("har", "1")
        assert "No data to plot." in model_detail(snapshot().models[0], "memory://")

    def test_one_that_was_only_checked_for_drift(self, detector, snapshot, tree):
        rng = np.random.default_rng(3)
        detector.set_reference("har", {"x": rng.normal(size=500)})
        detector.check("har", {"x": rng.normal(size=500)})
        said = tree(model_detail(snapshot().models[0], "memory://")).text
        assert "500 rows that were given to the check" in said
        assert "No drift detected" in said
        assert "Versions" not in said

    def test_long_lists_are_cut(self, models, snapshot, tree):
        for number in range(53):
            models.save([number], "har")
        said = tree(model_detail(snapshot().models[0], "memory://")).text
        assert 2 == said.count("And 3 earlier ones.")

    def test_many_alerts_are_cut(self, store, clock, snapshot, tree):
        thresholds = [
            AlertThreshold(f"kind_{at}", "accuracy", 0.9, "warning", comparison="below") for at in range(12)
        ]
        with PerformanceMonitor(store, clock=clock, thresholds=thresholds) as monitor:
            monitor.record_predictions("har", "1", correct=[False] * 40)
            monitor.get_active_alerts()
        assert "And 2 more in the tab Alerts." in tree(model_detail(snapshot().models[0], "memory://")).text


class TestExperiments:
    @pytest.fixture
    def draw(self, manager):
        def draw(name, **config):
            return manager.create_experiment(
                name, "", "a@1", "b@1", config or None, id=name, check_models=False
            )

        return draw

    def test_those_that_run_come_first(self, draw, manager, snapshot):
        for name in ("ended", "draft", "paused", "running"):
            draw(name)
        for name in ("ended", "paused", "running"):
            manager.start_experiment(name)
        manager.end_experiment("ended")
        manager.pause_experiment("paused")
        found = rows(experiments_tab(snapshot()))
        names = ["running", "paused", "draft", "ended"]
        assert names == [next(name for name in names if f"#experiments/{name}" in row) for row in found]
        assert "7 days" in found[0]
        assert ">paused</td>" in found[1]
        assert "not started" in found[2]
        assert "ended" in found[3]

    def test_one_that_is_due_says_so(self, draw, manager, clock, snapshot):
        draw("which")
        manager.start_experiment("which")
        clock.advance(days=8)
        assert "over: ends when looked at" in experiments_tab(snapshot())

    def test_shares_that_are_wrong_are_marked(self, draw, manager, snapshot):
        draw("which")
        manager.start_experiment("which")
        for number in range(400):
            manager.record_prediction(
                "which", "treatment" if number % 4 else "control", correct=number % 2 == 0
            )
        assert "mismatch" in experiments_tab(snapshot())

    def test_each_has_its_page(self, draw, manager, snapshot, tree):
        draw("draft")
        draw("done")
        manager.start_experiment("done")
        manager.record_trade("done", "control", id="1", pnl=1.0)
        manager.end_experiment("done", reason="that is enough")
        found = snapshot()
        draft, done = (tree(experiment_detail(each, found)).text for each in found.experiments)
        assert "It was not started yet." in draft
        assert "No outcomes of the primary metric were recorded of both sides." in draft
        assert "stopped: that is enough · ended 2026-03-02 09:30 UTC" in done
        assert "Inconclusive" in done

    def test_in_shadow_mode_and_with_metrics_of_ones_own(self, draw, manager, clock, snapshot):
        draw("shadow", mode="shadow", primary_metric="mae")
        draw("custom", primary_metric="slippage", custom_metrics=["slippage"])
        draw("predicted", primary_metric="accuracy")
        for name in ("shadow", "custom", "predicted"):
            manager.start_experiment(name)
        for hour in range(10):
            scores = {"control": {"prediction": 1.0 + hour}, "treatment": {"prediction": 2.0}}
            manager.record_shadow("shadow", scores, actual=1.5 * hour)
            for variant in ("control", "treatment"):
                manager.record_metric("custom", variant, "slippage", float(hour))
                manager.record_prediction("predicted", variant, correct=hour % 2 == 0)
            clock.advance(hours=1)
        found = snapshot()
        for each in found.experiments:
            assert 10 == each.progress[-1].treatment_samples
            assert "Lift of" in experiment_detail(each, found)
        assert "shadow" in experiments_tab(found)


@pytest.mark.usefixtures("busy")
class TestAlerts:
    @pytest.fixture
    def alerts(self, monitor, snapshot):
        monitor.acknowledge_alert(monitor.get_active_alerts()[0].id, by="Ada", note="on it")
        return snapshot()

    def test_who_knows_is_said(self, alerts, tree):
        said = tree(alerts_tab(alerts)).text
        assert "Ada" in said
        assert "on it" in said

    def test_nobody_need_say_who(self, monitor, snapshot, tree):
        monitor.acknowledge_alert(monitor.get_active_alerts()[0].id)
        assert "by somebody" in tree(alerts_tab(snapshot())).text

    def test_what_nobody_knows_of_comes_first_then_what_is_critical(self, store, clock, snapshot, tree):
        """An acknowledged critical alert stands below a warning that fires, as the caption says."""
        thresholds = [
            AlertThreshold(kind, "accuracy", 0.9, severity, window="30d")
            for kind, severity in (("a", "warning"), ("b", "critical"), ("c", "critical"))
        ]
        with PerformanceMonitor(store, clock=clock, thresholds=thresholds) as monitor:
            known = next(alert for alert in monitor.get_active_alerts() if alert.type == "c")
            monitor.acknowledge_alert(known.id)
        markup = alerts_tab(snapshot())
        kinds = [re.search("<strong><bdi>([^<]+)", row).group(1) for row in rows(markup)]
        assert ["b", "a", "c"] == [kind for kind in kinds if kind in "abc"]
        assert "firing ones first, then acknowledged" in tree(markup).text

    def test_only_what_nobody_knows_of_can_be_acknowledged(self, alerts):
        assert "acknowledge_alert" not in alerts_tab(alerts)

    def test_the_line_acknowledges(self, monitor, snapshot, monkeypatch):
        import mlprod

        alert = snapshot().alerts[0]
        line = acknowledging(alert, "memory://somewhere")
        assert line == (
            "import mlprod; mlprod.PerformanceMonitor('memory://somewhere')"
            '.acknowledge_alert(\'a1-0\', by=input("Your name: "), note=input("Note: "))'
        )
        monkeypatch.setattr(mlprod, "PerformanceMonitor", lambda _: monitor, raising=False)
        typed = iter(["Ada", "on it"])
        exec(line, {"input": lambda _: next(typed)})  # noqa: S102 - the very line that the page shows
        found = snapshot().alerts[0]
        assert ("acknowledged", "Ada", "on it") == (found.state, found.acknowledged_by, found.note)

    def test_what_has_passed_comes_last(self, snapshot):
        found = snapshot()
        past = attrs.evolve(
            found.alerts[0],
            id="a0-0",
            state="resolved",
            resolved_at=found.at,
            value=math.nan,
            severity="warning",
        )
        assert ["a1-0", "a0-0"] == [
            row.split('id="alert-')[1].split('"')[0]
            for row in rows(alerts_tab(attrs.evolve(found, alerts=(past, *found.alerts))))
        ]


class TestOverview:
    @pytest.mark.usefixtures("busy")
    def test_the_last_day_is_compared(self, snapshot):
        markup = overview_tab(snapshot())
        tile = markup.split("<dt>Predictions, last day</dt>")[1].split("</div>")[0]
        assert '<dd class="value">24</dd>' in tile
        assert "unchanged" in tile

    def test_what_there_is_no_comparison_for_says_so(self, store, clock, snapshot, tree):
        with PerformanceMonitor(store, clock=clock) as monitor:
            monitor.record_trade("har", "1", pnl=5.0)
        said = tree(overview_tab(snapshot())).text
        assert "no data the day before" in said

    def test_a_sentence_ends_once(self, manager, snapshot):
        manager.create_experiment("Which?", "", "a@1", "b@1", id="which", check_models=False)
        manager.start_experiment("which")
        for number in range(1500):
            manager.record_trade("which", "control", id=f"c{number}", pnl=1.0 if number % 2 else -1.0)
            manager.record_trade("which", "treatment", id=f"t{number}", pnl=1.0 if number % 5 else -1.0)
        markup = overview_tab(snapshot())
        assert "has a winner" in markup
        assert ".</bdi>." not in markup

    @pytest.mark.usefixtures("busy")
    def test_more_than_one_reason_is_counted(self, snapshot, tree):
        assert "and 1 more reason" in tree(overview_tab(snapshot())).text


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0.01, "less than a minute"),
        (1, "1 hour"),
        (25, "1 day 1 hour"),
        (24.5, "1 day"),
        (0.5, "30 minutes"),
        (-1, "less than a minute"),
    ],
)
def test_lengths_of_time(hours, said):
    assert said == length(dt.timedelta(hours=hours))


def test_a_table_says_how_it_is_sorted_and_what_it_holds():
    markup = sortable(
        "t",
        "A & B",
        [Column("A", "text"), Column("B")],
        [Row([Cell("x", "x"), number_cell(math.nan, NO_DATA)]), Row([Cell("y", "y"), number_cell(2, "2")])],
    )
    assert "<caption><span>A &amp; B</span></caption>" in markup
    assert '<th scope="col" aria-sort="none"><button type="button">B</button></th>' in markup
    assert f'<td class="empty">{NO_DATA}</td><' in markup
    assert '<td data-v="2">2</td>' in markup
    assert "filters" not in markup


def test_a_column_that_is_empty_in_every_row_is_left_out():
    columns = [Column("A", "text"), Column("B"), Column("C")]
    listed = [Row([Cell(NO_DATA), Cell(NO_DATA), number_cell(each, "1")]) for each in (1.0, 2.0)]
    markup = sortable("t", "T", columns, listed)
    assert ["A", "C"] == re.findall(r"<button[^>]*>(\w)</button>", markup)
    assert 2 == markup.count("<td ")
