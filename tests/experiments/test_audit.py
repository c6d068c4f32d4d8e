"""The certificate: it audits the rules in use, on outcomes that were given to variants at random."""

import json
import math
from datetime import UTC, datetime

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency, ttest_ind

from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.experiments import _audit
from mlprod.experiments._analysis import conclusion_of
from mlprod.experiments._audit import Audit, audit_of
from mlprod.experiments._config import as_config
from mlprod.experiments._evidence import Evidence, Stratum
from mlprod.experiments._randomised import _SCHEDULE, Design, _chi_square_p, _Prefix, _Run, _welch_p
from mlprod.experiments._reader import Series
from mlprod.experiments._stopping import Guard
from mlprod.experiments._sums import Cell, Sums
from mlprod.experiments._tally import Tally
from mlprod.experiments._values import INCONCLUSIVE, Experiment, Phase, variant_ids
from mlprod.stats import Interval, JointMoments, Moments

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HALF = (0.5, 0.5)
METRICS = ["pnl", "win_rate", "latency_ms", "rmse"]


def experiment_of(*splits, **config):
    """Return an experiment with a phase for each split."""
    variants = len(splits[0])
    return Experiment(
        id="exits",
        name="exits",
        description="",
        status="running",
        models={name: f"exits@1.{number}.0" for number, name in enumerate(variant_ids(variants))},
        config=as_config({**config, "traffic_split": splits[-1]}, variants),
        created_at=START,
        started_at=START,
        phases=tuple(Phase(since=START, split=split, allocation=1.0, ends=(), owners=()) for split in splits),
    )


def series_of(values, phases=None):
    nothing = np.zeros(len(values), np.uint8)
    return Series(np.asarray(values, float), nothing, nothing if phases is None else phases)


def design_of(experiment, values, phases=None):
    series = series_of(values, phases)
    return Design.of(experiment, series.values, series.phases)


def drawn_outcomes(rng, metric, labels, effect):
    """Return outcomes of which those of treatments are worse by an effect."""
    worse = effect * labels
    if metric == "win_rate":
        return 1.0 * (rng.random(len(labels)) < 0.5 - worse / 4)
    noise = rng.standard_t(3, len(labels))
    return 1 + noise - worse if metric == "pnl" else np.abs(1 + noise + worse)


def tally_stops(experiment, labels, values):
    """Return whether the running sums of the manager ever raise a suspicion."""
    config, variants = experiment.config, len(experiment.models)
    suspicions = []
    tally = Tally(Guard.of(config.primary, config, variants), lambda: suspicions.append(True))
    tally.reset([Moments()] * variants, [0.0] * variants)
    for variant, value in zip(labels.tolist(), values.tolist(), strict=True):
        tally.add(variant, value)
    return bool(suspicions)


def guard_stops(experiment, labels, values, phases):
    """Return whether the guard, asked at each look, ever says so of a treatment in its phase and in all."""
    config, variants = experiment.config, len(experiment.models)
    guard = Guard.of(config.primary, config, variants)
    is_count = config.primary.kind == "proportion"

    def stratum(phase, variant, until):
        chosen = [
            (phases == phase) & (labels == number) & (np.arange(len(labels)) < until)
            for number in (0, variant)
        ]
        return Stratum(*(Moments.of(values[one]) for one in chosen), is_count)

    due = {}
    for place, (phase, variant) in enumerate(zip(phases.tolist(), labels.tolist(), strict=True)):
        count = int(np.sum((phases[: place + 1] == phase) & (labels[: place + 1] == variant)))
        if count < due.get((phase, variant), 1):
            continue
        due[phase, variant] = count + 1 + count // 32
        for treatment in (variant,) if variant else range(1, variants):
            strata = [stratum(number, treatment, place + 1) for number in range(phase + 1)]
            held = [one for one in strata if one.control.count and one.treatment.count]
            earlier = sum(one.log_e(guard.planned) for one in held if one is not strata[-1])
            if guard.is_worse(strata[-1].control, strata[-1].treatment, earlier) and guard.judge(
                Evidence(guard.metric, held, guard.planned)
            ):
                return True
    return False


class TestStops:
    @pytest.mark.parametrize("metric", METRICS)
    @settings(max_examples=25, derandomize=True)
    @given(
        seed=st.integers(0, 2**32 - 1),
        effect=st.floats(0, 2),
        count=st.integers(1, 150),
        split=st.sampled_from([HALF, (0.9, 0.1), (0.4, 0.3, 0.3)]),
    )
    def test_they_are_those_of_the_running_sums_of_the_manager(self, metric, seed, effect, count, split):
        threshold = (0.0, 0.1, 0.5)[seed % 3]
        experiment = experiment_of(
            split, primary_metric=metric, degradation_threshold=threshold, min_sample_size=30
        )
        rng = np.random.default_rng(seed)
        labels = rng.choice(len(split), p=split, size=count).astype(np.uint8)
        values = drawn_outcomes(rng, metric, labels, effect)
        actual = design_of(experiment, values).judged([labels]).is_stopped
        assert tally_stops(experiment, labels, values) == actual

    @pytest.mark.parametrize("metric", ["pnl", "win_rate"])
    @settings(max_examples=20, derandomize=True)
    @given(
        seed=st.integers(0, 2**32 - 1),
        effects=st.tuples(st.floats(-1, 2), st.floats(-1, 2)),
        counts=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    )
    def test_they_are_those_of_the_guard_in_each_phase(self, metric, seed, effects, counts):
        experiment = experiment_of(
            (0.8, 0.2, 0.0), (0.4, 0.3, 0.3), primary_metric=metric, min_sample_size=30
        )
        rng = np.random.default_rng(seed)
        phases = np.repeat(np.arange(2, dtype=np.uint8), counts)
        parts = [
            rng.choice(3, p=phase.split, size=count).astype(np.uint8)
            for phase, count in zip(experiment.phases, counts, strict=True)
        ]
        labels = np.concatenate(parts)
        values = np.concatenate(
            [drawn_outcomes(rng, metric, own, effect) for own, effect in zip(parts, effects, strict=True)]
        )
        actual = design_of(experiment, values, phases).judged(parts).is_stopped
        assert guard_stops(experiment, labels, values, phases) == actual

    def test_both_happen_in_those_examples(self):
        """Else they would show nothing."""
        rng = np.random.default_rng(0)
        experiment = experiment_of(HALF, primary_metric="pnl", min_sample_size=30)
        labels = rng.choice(2, size=150).astype(np.uint8)
        stopped = [
            design_of(experiment, drawn_outcomes(rng, "pnl", labels, effect)).judged([labels]).is_stopped
            for effect in (0.0, 2.0)
        ]
        assert [False, True] == stopped

    def test_a_phase_that_looks_bad_stops_nothing_if_all_together_do_not(self):
        experiment = experiment_of(HALF, HALF, primary_metric="pnl", min_sample_size=10)
        rng = np.random.default_rng(1)
        labels = np.tile(np.array([0, 1], np.uint8), 200)
        good, bad = (rng.normal(1, 0.1, 400) + effect * labels for effect in (5.0, -0.5))
        phases = np.repeat(np.arange(2, dtype=np.uint8), 400)
        both = design_of(experiment, np.concatenate([good, bad]), phases).judged([labels, labels])
        alone = design_of(experiment, bad).judged([labels])
        assert (False, True) == (both.is_stopped, alone.is_stopped)

    def test_phases_add_up(self):
        """Half the evidence that is needed in each, and a little more."""
        experiment = experiment_of(HALF, HALF, primary_metric="pnl", min_sample_size=30)
        labels = np.tile(np.array([0, 1], np.uint8), 20)
        values = 1 + np.tile([-1.0, -1.0, 1.0, 1.0], 10) - 0.9 * labels
        once = design_of(experiment, values).judged([labels])
        twice = design_of(experiment, np.tile(values, 2), np.repeat([0, 1], 40)).judged([labels, labels])
        assert (False, True) == (once.is_stopped, twice.is_stopped)

    def test_the_loss_is_relative_to_the_mean_of_the_outcomes(self):
        """The most frequent outcome is 1, the mean of the control 0.1."""
        experiment = experiment_of(HALF, primary_metric="pnl", degradation_threshold=0.5)
        rng = np.random.default_rng(12)
        labels = np.tile(np.array([0, 1], np.uint8), 1000)
        values = np.where(rng.random(2000) < 0.6 - 0.1 * labels, 1.0, -1.25)
        assert tally_stops(experiment, labels, values)
        assert design_of(experiment, values).judged([labels]).is_stopped

    def test_numbers_far_from_zero_do_not_cancel(self):
        experiment = experiment_of(HALF, primary_metric="pnl", degradation_threshold=0.0, min_sample_size=30)
        labels = np.tile(np.array([0, 1], np.uint8), 50)
        values = 1e8 + np.random.default_rng(13).normal(0, 1, 100) - labels
        judgement = design_of(experiment, values).judged([labels])
        assert (True, True) == (judgement.is_stopped, judgement.is_stopped_by_peeking)

    def test_variants_that_never_vary_say_nothing(self):
        """What rounding leaves of their squares is no variance."""
        experiment = experiment_of(HALF, primary_metric="pnl")
        labels = np.tile(np.array([0, 1], np.uint8), 50)
        values = np.where(labels == 1, 0.1, 0.3)
        judgement = design_of(experiment, values).judged([labels])
        assert (False, False) == (judgement.is_stopped, judgement.is_stopped_by_peeking)

    def test_looks_are_those_of_the_running_sums(self):
        seen = []

        @attrs.frozen
        class Recorder:
            metric = experiment_of(HALF, primary_metric="pnl").config.primary

            def is_worse(self, _, treatment, __):
                seen.append(treatment.count)
                return False

        tally = Tally(Recorder(), lambda: None)
        tally.reset([Moments()] * 2, [0.0] * 2)
        for _ in range(5000):
            tally.add(1, 1.0)
        assert seen == _SCHEDULE[_SCHEDULE <= 5000].tolist()

    def test_looks_of_all_variants_are_counted(self):
        design = design_of(experiment_of(HALF), np.ones(8))
        assert 8 == design.judged([np.array([0, 1] * 4, np.uint8)]).looks


class TestVerdicts:
    @pytest.mark.parametrize("metric", ["pnl", "win_rate", "latency_ms"])
    @pytest.mark.parametrize("splits", [[HALF], [(0.4, 0.3, 0.3)], [HALF, (0.7, 0.3)]])
    @pytest.mark.parametrize("is_planned", [True, False])
    def test_they_are_those_of_the_conclusion(self, metric, splits, is_planned):
        experiment = experiment_of(*splits, primary_metric=metric, min_sample_size=20)
        rng = np.random.default_rng(2)
        seen = set()
        for effect in (0.0, 0.2, 0.4, 0.6, 0.8, -0.3, -0.6, 1.5):
            parts = [rng.choice(len(split), p=split, size=150).astype(np.uint8) for split in splits]
            values = [drawn_outcomes(rng, metric, labels, effect) for labels in parts]
            cells = {
                (metric, phase, variant): Cell(JointMoments.of(own, np.zeros(len(own))))
                for phase, (outcomes, labels) in enumerate(zip(values, parts, strict=True))
                for variant in range(len(splits[0]))
                for own in [outcomes[labels == variant]]
            }
            winner = conclusion_of(
                experiment, Sums(cells=cells), lambda *_: np.empty(0), is_planned=is_planned
            ).winner
            seen.add(winner == INCONCLUSIVE)
            phases = np.repeat(np.arange(len(splits), dtype=np.uint8), 150)
            judgement = design_of(experiment, np.concatenate(values), phases).judged(parts)
            found = judgement.has_winner_once if is_planned else judgement.has_winner
            assert (winner != INCONCLUSIVE) == found
        assert {False, True} == seen

    def test_without_a_treatment_there_is_no_winner(self):
        judgement = design_of(experiment_of(HALF), np.ones(8)).judged([np.zeros(8, np.uint8)])
        assert (False, False) == (judgement.has_winner, judgement.has_winner_once)


def scipy_p_value(metric, control, treatment):
    if metric == "pnl":
        return ttest_ind(treatment, control, equal_var=False).pvalue
    table = np.array([[np.sum(own == 0), np.sum(own == 1)] for own in (control, treatment)])
    return chi2_contingency(table, correction=False).pvalue if table.sum(axis=0).all() else 1.0


class TestPeeking:
    def test_welch_is_that_of_scipy(self):
        rng = np.random.default_rng(3)
        values, labels = rng.standard_t(3, 80), rng.choice(2, p=(0.7, 0.3), size=80).astype(np.uint8)
        runs = [_Run.of(values, np.flatnonzero(labels == variant)) for variant in (0, 1)]
        times = np.flatnonzero(np.minimum(np.cumsum(labels), np.cumsum(1 - labels)) >= 2)
        expected = [
            ttest_ind(seen[own == 1], seen[own == 0], equal_var=False).pvalue
            for seen, own in ((values[: time + 1], labels[: time + 1]) for time in times)
        ]
        np.testing.assert_allclose(_welch_p(*(run.until(times) for run in runs)), expected, rtol=1e-9)

    def test_chi_square_is_that_of_scipy(self):
        tables = [((5, 10), (2, 12)), ((40, 100), (70, 110)), ((1, 3), (2, 3))]
        expected = [
            chi2_contingency([[w, n - w], [w2, n2 - w2]], correction=False).pvalue
            for (w, n), (w2, n2) in tables
        ]
        prefixes = [
            _Prefix(*(np.array(column) for column in zip(*((n, w, w) for w, n in rows), strict=True)))
            for rows in zip(*tables, strict=True)
        ]
        np.testing.assert_allclose(_chi_square_p(*prefixes), expected, rtol=1e-9)

    def test_equal_outcomes_are_no_difference(self):
        one, other = (_Prefix(np.array([n]), np.array([n * 1.0]), np.array([n * 1.0])) for n in (5, 7))
        assert [1.0] == _welch_p(one, other).tolist() == _chi_square_p(one, other).tolist()

    @pytest.mark.parametrize("metric", ["pnl", "win_rate"])
    def test_it_looks_at_everything_until_then_over_phases(self, metric):
        """So few that it looks after each outcome; the p-values are scipy's."""
        experiment, seen = experiment_of(HALF, HALF, HALF, primary_metric=metric), set()
        labels = np.tile(np.array([0, 1], np.uint8), 12)
        for seed in range(6):
            values = drawn_outcomes(np.random.default_rng(seed), metric, labels, 0.5)
            p_values = [
                scipy_p_value(
                    metric, values[:until][labels[:until] == 0], values[:until][labels[:until] == 1]
                )
                for until in range(4, 25)
            ]
            design = design_of(experiment, values, np.repeat(np.arange(3), [4, 4, 16]))
            actual = design.judged([labels[:4], labels[4:8], labels[8:]]).is_stopped_by_peeking
            seen.add(actual)
            assert (min(p_values) < 0.05) == actual
        assert {False, True} == seen


class TestDraws:
    def test_shares_are_those_of_the_phase(self):
        phases = np.repeat(np.arange(2, dtype=np.uint8), 20_000)
        experiment = experiment_of((0.9, 0.0, 0.1), (0.25, 0.25, 0.5))
        drawn = design_of(experiment, np.ones(40_000), phases).drawn(np.random.default_rng(5))
        shares = [np.bincount(labels, minlength=3) / 20_000 for labels in drawn]
        np.testing.assert_allclose(shares, [phase.split for phase in experiment.phases], atol=0.012)
        assert 0 == shares[0][1]


class TestAudit:
    def test_it_is_reproducible_by_its_seed(self):
        experiment, series = experiment_of(HALF, primary_metric="pnl"), series_of(np.arange(60.0) % 7)
        audits = [audit_of(experiment, series, repetitions=100, seed=seed) for seed in (1, 1, 2)]
        assert audits[0] == audits[1] != audits[2]

    def test_figures_are_shares_of_repetitions(self):
        experiment = experiment_of(HALF, primary_metric="pnl", guardrail_metrics=["win_rate"])
        series = series_of(np.random.default_rng(6).normal(1, 3, 80))
        audit = audit_of(experiment, series, repetitions=100, seed=3)
        design, rng = design_of(experiment, series.values), np.random.default_rng(3)
        found = [design.judged(design.drawn(rng)) for _ in range(100)]
        stopped = sum(one.is_stopped for one in found)
        assert ("exits", "pnl", 100, 80, 80) == attrs.astuple(audit)[:5]
        assert stopped / 100 == audit.false_stop_rate
        assert sum(one.has_winner for one in found) / 100 == audit.false_positive_rate
        assert sum(one.has_winner_once for one in found) / 100 == audit.fixed_false_positive_rate
        assert sum(one.is_stopped_by_peeking for one in found) / 100 == audit.peeking_false_positive_rate
        assert sum(one.looks for one in found) / 100 == audit.looks
        assert (0.05, 0.025) == pytest.approx((audit.alpha, audit.nominal_false_stop_rate))

    @pytest.mark.parametrize(
        ("metric", "splits", "expected"),
        [
            ("win_rate", [HALF], "chi_square"),
            ("win_rate", [HALF, HALF], "t_test"),
            ("pnl", [HALF], "t_test"),
        ],
    )
    def test_the_test_is_named(self, metric, splits, expected):
        phases = np.repeat(np.arange(len(splits), dtype=np.uint8), 4)
        series = series_of(np.ones(len(phases)), phases)
        audit = audit_of(experiment_of(*splits, primary_metric=metric), series, repetitions=100, seed=0)
        assert expected == audit.test

    @pytest.mark.parametrize("metric", ["pnl", "win_rate"])
    def test_outcomes_that_are_all_equal_stop_nothing(self, metric):
        experiment = experiment_of(HALF, primary_metric=metric, degradation_threshold=0.0)
        value = 1.0 if metric == "win_rate" else 0.1 + 0.2
        audit = audit_of(experiment, series_of(np.full(50, value)), repetitions=100, seed=0)
        assert (0, 0, 0, 0) == (
            audit.false_stop_rate,
            audit.false_positive_rate,
            audit.fixed_false_positive_rate,
            audit.peeking_false_positive_rate,
        )

    def test_the_first_outcomes_are_used_where_there_are_very_many(self, monkeypatch):
        monkeypatch.setattr(_audit, "MOST_OUTCOMES", 30)
        values = np.random.default_rng(8).normal(1, 2, 50)
        experiment = experiment_of(HALF, primary_metric="pnl")
        audits = [
            audit_of(experiment, series_of(one), repetitions=100, seed=0) for one in (values, values[:30])
        ]
        assert (30, 50) == (audits[0].outcomes, audits[0].recorded)
        assert audits[0].looks == audits[1].looks
        assert "made of the first 30 of 50 outcomes of pnl" in audits[0].summary

    def test_outcomes_of_a_phase_that_began_since_are_left_out(self):
        series = series_of(np.ones(10), np.repeat(np.arange(2, dtype=np.uint8), 5))
        assert 5 == audit_of(experiment_of(HALF), series, repetitions=100, seed=0).recorded

    @pytest.mark.parametrize(("events", "trials"), [(0, 100), (3, 100), (50, 1000), (100, 100)])
    def test_the_interval_is_wilsons(self, events, trials):
        expected = binomtest(events, trials).proportion_ci(method="wilson")
        actual = _audit._wilson(events, trials)
        assert tuple(expected) == pytest.approx((actual.low, actual.high), abs=1e-12)

    def test_it_says_so_in_plain_words(self):
        expected = (
            "1,000 experiments without any difference were made of 5,000 outcomes of pnl: auto-stop would "
            "have stopped 3.1% of them (95% interval 2.2% to 4.4%, at most 5.0% are promised), and the "
            "verdict at the end would have named a winner in 0.5%. Stopping at the first p-value below 0.05 "
            "would have been wrong in 47.0%."
        )
        audit = audit_with(Interval(0.022, 0.044))
        assert expected == audit.summary == audit.to_dict()["summary"]
        assert json.loads(json.dumps(audit.to_dict()))["false_stop_interval"] == {"low": 0.022, "high": 0.044}
        doubtful = audit_with(Interval(0.06, 0.09)).summary
        assert doubtful.endswith("More were stopped than promised: do not rely on auto-stop for this metric.")


def audit_with(interval):
    return Audit(
        experiment_id="exits",
        metric="pnl",
        repetitions=1000,
        outcomes=5000,
        recorded=5000,
        looks=400.0,
        false_stop_rate=0.031,
        false_stop_interval=interval,
        nominal_false_stop_rate=0.05,
        alpha=0.05,
        false_positive_rate=0.005,
        fixed_false_positive_rate=0.049,
        test="t_test",
        peeking_false_positive_rate=0.47,
    )


class TestErrors:
    @pytest.mark.parametrize("repetitions", [99, 0, 100.0, True, None])
    def test_too_few_repetitions(self, repetitions):
        with pytest.raises(InvalidConfigError, match="repetitions must be a whole number, 100 or more"):
            audit_of(experiment_of(HALF), series_of(np.ones(10)), repetitions=repetitions, seed=0)

    @pytest.mark.parametrize("seed", [-1, 1.5, "1"])
    def test_what_is_no_seed(self, seed):
        with pytest.raises(InvalidConfigError, match="seed must be a whole number, 0 or more"):
            audit_of(experiment_of(HALF), series_of(np.ones(10)), repetitions=100, seed=seed)

    def test_too_few_outcomes(self):
        with pytest.raises(
            InvalidDataError, match="exits has 3 outcomes of win_rate; an audit takes 4 or more"
        ):
            audit_of(experiment_of(HALF), series_of(np.ones(3)), repetitions=100, seed=0)

    def test_shadow_mode(self):
        experiment = experiment_of(HALF, mode="shadow")
        with pytest.raises(InvalidConfigError, match="shadow mode; an audit is for experiments whose units"):
            audit_of(experiment, series_of(np.ones(10)), repetitions=100, seed=0)


@pytest.mark.slow
class TestErrorRates:
    """Nominal: 5%. A rate may be that plus two standard errors of a rate of 5%."""

    LARGEST = 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)

    def outcomes(self, metric):
        """Return P&L that is heavy-tailed, autocorrelated and comes in bursts, or wins of a drifting rate."""
        rng = np.random.default_rng(9)
        if metric == "win_rate":
            return 1.0 * (rng.random(5000) < np.linspace(0.35, 0.65, 5000))
        noise = rng.standard_t(3, 5000) * np.exp(np.sin(np.arange(5000) / 150))
        values = np.zeros(5000)
        for place in range(1, 5000):
            values[place] = 0.6 * values[place - 1] + noise[place]
        return values + 0.5

    @pytest.mark.parametrize("split", [HALF, (0.9, 0.1), (0.8, 0.1, 0.1)])
    @pytest.mark.parametrize("metric", ["pnl", "win_rate"])
    def test_auto_stop_keeps_its_level_and_peeking_does_not(self, metric, split):
        experiment = experiment_of(split, primary_metric=metric)
        audit = audit_of(experiment, series_of(self.outcomes(metric)), repetitions=400, seed=10)
        assert audit.false_stop_rate <= self.LARGEST
        assert audit.false_positive_rate <= self.LARGEST
        assert audit.peeking_false_positive_rate > 0.2

    @pytest.mark.parametrize("metric", ["pnl", "win_rate"])
    def test_the_level_is_kept_over_phases(self, metric):
        experiment = experiment_of((0.95, 0.05), (0.8, 0.2), HALF, primary_metric=metric)
        phases = np.repeat(np.arange(3, dtype=np.uint8), [1000, 1500, 2500])
        audit = audit_of(experiment, series_of(self.outcomes(metric), phases), repetitions=400, seed=11)
        assert audit.false_stop_rate <= self.LARGEST
