"""What the manager answers with."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, final

import attrs

from mlprod._value import Value
from mlprod.experiments._config import ExperimentConfig
from mlprod.stats import Interval

__all__ = [
    "CONTROL",
    "INCONCLUSIVE",
    "Experiment",
    "ExperimentAnalysis",
    "ExperimentConclusion",
    "ExperimentStatus",
    "Maturity",
    "MetricComparison",
    "Phase",
    "SampleRatio",
    "Variant",
    "VariantMetrics",
    "variant_ids",
]

ExperimentStatus: TypeAlias = Literal["draft", "running", "paused", "stopped", "completed"]

CONTROL: Final = "control"
INCONCLUSIVE: Final = "inconclusive"

_NAN = float("nan")
_EVERYTHING: Final = Interval(-float("inf"), float("inf"))


def variant_ids(count: int) -> tuple[str, ...]:
    """Return ``"control"``, ``"treatment"``, ``"treatment_2"`` and so on."""
    return (CONTROL, "treatment", *(f"treatment_{number}" for number in range(2, count)))[:count]


@final
@attrs.frozen(kw_only=True)
class Variant(Value):
    """What a unit gets.

    Attributes:
        id: ``"control"``, ``"treatment"``, ``"treatment_2"`` and so on.
        model: the model that acts, ``"name@1.4.0"``.
        is_control: whether it is the control.
        enrolled: whether the unit takes part; outcomes of one that does not are not counted.
    """

    id: str
    model: str
    is_control: bool
    enrolled: bool = True


@final
@attrs.frozen(kw_only=True)
class Phase(Value):
    """A stretch of an experiment in which the traffic was split in one way.

    Attributes:
        since: when it began.
        split: the share of each variant.
        allocation: the share of units that take part at all.
        ends: where the range of each variant ends, of the 2³² values that a unit's hash may have.
        owners: to which variant each range belongs.
        reason: why the split was changed.
    """

    since: datetime
    split: tuple[float, ...]
    allocation: float
    ends: tuple[int, ...] = attrs.field(repr=False)
    owners: tuple[int, ...] = attrs.field(repr=False)
    reason: str = ""


@final
@attrs.frozen(kw_only=True)
class SampleRatio(Value):
    """Whether variants got as many units as they should; if not, no comparison can be believed.

    Attributes:
        observed: predictions (or trades, if no prediction was recorded) of each variant.
        expected: how many they should be by the traffic split.
        p_value: anytime-valid: it may be looked at as often as one likes.
        fixed_p_value: of the chi-square test, for one look.
        is_mismatch: whether `p_value` is below 0.001.
        source: what was counted.
    """

    observed: Mapping[str, int]
    expected: Mapping[str, float]
    p_value: float
    fixed_p_value: float
    is_mismatch: bool
    source: str


@final
@attrs.frozen(kw_only=True)
class Maturity(Value):
    """How many predictions have no outcome yet, and whether variants differ in that.

    Attributes:
        pending: the share without an outcome, of each variant.
        p_value: of the chi-square test that the shares are the same.
        is_different: whether it is below 0.001: outcomes that are missing may not be like the others.
    """

    pending: Mapping[str, float]
    p_value: float
    is_different: bool


@final
@attrs.frozen(kw_only=True)
class VariantMetrics(Value):
    """What was recorded of one variant. What has no data is NaN.

    Attributes:
        variant_id: the variant.
        model: its model.
        predictions: how many.
        matured: how many of them have an outcome.
        signals: how many of them said to act: a direction other than flat.
        trades: how many, each id once.
        wins: how many of them with a profit.
        total_pnl: sum of profit and loss, in money.
        win_rate: wins over trades.
        pnl: mean profit and loss of a trade, in money.
        returns: mean return of a trade, as a fraction.
        accuracy: correct predictions over those whose outcome is known.
        directional_accuracy: share of predictions with the sign of the actual value.
        signal_rate: signals over the predictions with a direction.
        confidence: mean confidence.
        latency_ms: mean latency in milliseconds.
        mae: mean absolute error.
        rmse: root of the mean squared error.
        mape: mean absolute error relative to the actual value, as a fraction; actual zeros are left out.
        custom: means of the application's own metrics.
        samples: from how many records each metric is computed.
    """

    variant_id: str
    model: str
    predictions: int = 0
    matured: int = 0
    signals: int = 0
    trades: int = 0
    wins: int = 0
    total_pnl: float = 0.0
    win_rate: float = _NAN
    pnl: float = _NAN
    returns: float = _NAN
    accuracy: float = _NAN
    directional_accuracy: float = _NAN
    signal_rate: float = _NAN
    confidence: float = _NAN
    latency_ms: float = _NAN
    mae: float = _NAN
    rmse: float = _NAN
    mape: float = _NAN
    custom: Mapping[str, float] = attrs.field(factory=dict[str, float])
    samples: Mapping[str, int] = attrs.field(factory=dict[str, int], repr=False)

    def _repr_html_(self) -> str:
        from mlprod.experiments._presentation import variant_html  # noqa: PLC0415 - which knows this class

        return variant_html(self)


@final
@attrs.frozen(kw_only=True)
class MetricComparison(Value):
    """One metric of one treatment against the control.

    Attributes:
        metric: the metric.
        variant_id: the treatment.
        control: its value for the control.
        treatment: its value for the treatment.
        control_samples: from how many records.
        treatment_samples: from how many records.
        difference: treatment minus control, in the unit of the metric.
        difference_interval: for one look, at the planned end.
        anytime_difference_interval: at whatever moment one looks.
        lift: the difference relative to the control's value (to its size, if that is negative).
        interval: of the lift, for one look.
        anytime_interval: of the lift, at whatever moment one looks.
        p_value: for one look.
        adjusted_p_value: corrected for the other treatments and metrics.
        anytime_p_value: valid at whatever moment one looks, and however often.
        test: which test gave `p_value`.
        is_improvement: whether the treatment's value is on the good side; None if they are equal.
        is_adjusted: whether a control variate was used.
    """

    metric: str
    variant_id: str
    control: float = _NAN
    treatment: float = _NAN
    control_samples: int = 0
    treatment_samples: int = 0
    difference: float = _NAN
    difference_interval: Interval = attrs.field(default=_EVERYTHING, repr=False)
    anytime_difference_interval: Interval = attrs.field(default=_EVERYTHING, repr=False)
    lift: float = _NAN
    interval: Interval = attrs.field(default=_EVERYTHING, repr=False)
    anytime_interval: Interval = _EVERYTHING
    p_value: float = 1.0
    adjusted_p_value: float = attrs.field(default=1.0, repr=False)
    anytime_p_value: float = 1.0
    test: str = "none"
    is_improvement: bool | None = None
    is_adjusted: bool = False

    def _repr_html_(self) -> str:
        from mlprod.experiments._presentation import comparison_html  # noqa: PLC0415 - which knows this class

        return comparison_html(self)


@final
@attrs.frozen(kw_only=True)
class ExperimentConclusion(Value):
    """What an experiment has shown.

    Attributes:
        winner: a variant, or ``"inconclusive"``.
        confidence: one minus `p_value`, 0 to 1.
        recommendation: what to do, in a sentence or two.
        metric: what the figures are about: the primary metric, or the guardrail that stopped the experiment.
        variant_id: whose figures these are: the winner's, else those of the best treatment, or of the one
            that was stopped.
        effect_size: relative lift of the metric.
        expected_lift: the same, shrunk towards none by how uncertain it is: what to expect.
        projected_annual_impact: in money, what acting on it would change in a year; None without
            ``trades_per_year`` or without P&L.
        projected_annual_interval: its interval.
        p_value: by which the verdict was reached.
        interval: of the lift, the one that goes with `p_value`: it leaves out zero where that is enough. One
            end is infinite where only one side was looked at, as auto-stop does.
        test: which test.
        is_chosen: whether the caller named the winner, whatever the figures say.
        reason: why this verdict.
        variants: what was recorded of each variant.
        srm: whether variants got as many units as they should.
        comparisons: all metrics of all treatments.
    """

    winner: str
    confidence: float
    recommendation: str
    effect_size: float
    expected_lift: float
    projected_annual_impact: float | None
    projected_annual_interval: Interval | None
    p_value: float
    interval: Interval
    test: str
    reason: str
    variants: Mapping[str, VariantMetrics] = attrs.field(repr=False)
    srm: SampleRatio = attrs.field(repr=False)
    comparisons: tuple[MetricComparison, ...] = attrs.field(default=(), repr=False)
    metric: str = ""
    variant_id: str = ""
    is_chosen: bool = attrs.field(default=False, repr=False)

    def _repr_html_(self) -> str:
        from mlprod.experiments._presentation import conclusion_html  # noqa: PLC0415 - which knows this class

        return conclusion_html(self)


@final
@attrs.frozen(kw_only=True)
class ExperimentAnalysis(Value):
    """How an experiment stands. To look is safe: see the anytime-valid figures.

    Attributes:
        experiment_id: the experiment.
        status: its status.
        at: when it was looked at.
        verdict: how it would be concluded now; of one that has ended, how it was.
        variants: what was recorded of each variant.
        comparisons: all metrics of all treatments, the primary one first.
        srm: whether variants got as many units as they should.
        maturity: how many predictions wait for their outcome.
        samples_needed: about how many more outcomes of the primary metric each variant needs to show the
            lift that is seen now; None if that cannot be said, or it has ended.
        warnings: what to mind.
        stops_if: when it would stop by itself before its time; empty if it would not.
    """

    experiment_id: str
    status: ExperimentStatus
    at: datetime
    verdict: ExperimentConclusion
    variants: Mapping[str, VariantMetrics] = attrs.field(repr=False)
    comparisons: tuple[MetricComparison, ...] = attrs.field(repr=False)
    srm: SampleRatio = attrs.field(repr=False)
    maturity: Maturity = attrs.field(repr=False)
    samples_needed: int | None
    warnings: tuple[str, ...]
    stops_if: str = attrs.field(default="", repr=False)

    def _repr_html_(self) -> str:
        from mlprod.experiments._presentation import analysis_html  # noqa: PLC0415 - which knows this class

        return analysis_html(self)


@final
@attrs.frozen(kw_only=True)
class Experiment(Value):
    """An experiment as it stands.

    Attributes:
        id: by which it is found.
        name: free text.
        description: free text.
        status: ``draft``, ``running``, ``paused``, ``stopped`` (ended early) or ``completed``.
        models: the model of each variant.
        config: how it is run.
        created_at: when it was made.
        started_at: when it began to run.
        ended_at: when it was stopped or completed.
        paused_at: since when it is paused.
        paused_seconds: for how long it was paused before.
        phases: the traffic splits it has had, the one of now last.
        winner: who everybody gets once it has ended: a variant, or None for the control.
        reason: why it ended, or was paused.
        conclusion: what it has shown, once it has ended.
    """

    id: str
    name: str
    description: str = attrs.field(repr=False)
    status: ExperimentStatus
    models: Mapping[str, str]
    config: ExperimentConfig = attrs.field(repr=False)
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    paused_at: datetime | None = None
    paused_seconds: float = attrs.field(default=0.0, repr=False)
    phases: tuple[Phase, ...] = attrs.field(default=(), repr=False)
    winner: str | None = None
    reason: str = ""
    conclusion: ExperimentConclusion | None = attrs.field(default=None, repr=False)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants, the control first."""
        return tuple(
            Variant(id=name, model=model, is_control=name == CONTROL) for name, model in self.models.items()
        )

    @property
    def split(self) -> tuple[float, ...]:
        """The traffic split of now."""
        return self.phases[-1].split

    @property
    def is_over(self) -> bool:
        """Whether it was stopped or completed."""
        return self.status in {"stopped", "completed"}

    def ends_at(self) -> datetime | None:
        """Return when it will end by itself; None unless it is running."""
        if self.status != "running" or self.started_at is None:
            return None
        return self.started_at + timedelta(hours=self.config.max_duration, seconds=self.paused_seconds)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields, and the variants, ready for `json.dumps`."""
        return {**super().to_dict(), "variants": [variant.to_dict() for variant in self.variants]}

    toDict = to_dict

    def _repr_html_(self) -> str:
        from mlprod.experiments._presentation import experiment_html  # noqa: PLC0415 - which knows this class

        return experiment_html(self)
