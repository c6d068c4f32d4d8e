"""What a check says: frozen values, JSON-ready."""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, TypeAlias, final

import attrs

from mlprod._value import Value
from mlprod.stats import Interval

__all__ = [
    "CalibrationDrift",
    "CheckedData",
    "ConceptDrift",
    "DriftReport",
    "Evidence",
    "FeatureDrift",
    "Level",
    "Limits",
    "MultivariateDrift",
    "Origin",
    "Overall",
    "PerformanceDrift",
    "Policy",
    "blind",
]

Level: TypeAlias = Literal["none", "moderate", "significant"]
Policy: TypeAlias = Literal["calibrated", "classic"]
Origin: TypeAlias = Literal["given", "recorded", "fetched"]


@final
@attrs.frozen(kw_only=True)
class FeatureDrift(Value):
    """How one feature, or the predictions, compare with the reference.

    Attributes:
        name: of the feature.
        kind: ``"numeric"`` or ``"categorical"``.
        drifted: whether this is drift under the policy of the check.
        psi: the population stability index over the reference's bins, missing values in one of their own.
        psi_level: how large that is: ``"none"``, ``"moderate"`` or ``"significant"``. Under the calibrated
            policy ``"none"``, too, where the shift is no more than chance.
        psi_p_value: of Pearson's chi-square over the same bins; of rare ones by the binomial law.
        psi_lower_bound: the true index is more than this, with 95% confidence.
        min_detectable_psi: the smallest true index that this many rows would show in four of five cases.
        ks_statistic: the largest distance of the distribution functions, 0 to 1: a lower bound of it where
            the reference has more distinct values than its grid. NaN for categories.
        ks_upper_bound: the statistic is at most this.
        ks_p_value: of the lower bound, so that what the grid leaves open decides nothing.
        p_value: of both tests together (Bonferroni).
        adjusted_p_value: corrected for all that was tested in the check.
        js_distance: the Jensen-Shannon distance over the same bins, 0 to 1.
        wasserstein: how far values have moved on average, in the unit of the feature; from the grid, so an
            approximation. NaN for categories.
        missing_rate: the share of rows without a value.
        reference_missing_rate: the same in the reference.
        unseen_rate: the share of values of categories that have no bin of their own. NaN for numbers.
        count: rows.
        effective_count: how many independent rows they are worth.
        reference_count: rows of the reference.
        reference_effective_count: how many independent rows they are worth.
        bins: what each bin holds, in words.
        shares: of the rows in each bin.
        reference_shares: the same of the reference.
    """

    name: str
    kind: str
    drifted: bool
    psi: float
    psi_level: Level
    psi_p_value: float = attrs.field(repr=False)
    psi_lower_bound: float
    min_detectable_psi: float
    ks_statistic: float
    ks_upper_bound: float = attrs.field(repr=False)
    ks_p_value: float = attrs.field(repr=False)
    p_value: float = attrs.field(repr=False)
    adjusted_p_value: float
    js_distance: float = attrs.field(repr=False)
    wasserstein: float = attrs.field(repr=False)
    missing_rate: float
    reference_missing_rate: float = attrs.field(repr=False)
    unseen_rate: float = attrs.field(repr=False)
    count: int
    effective_count: float = attrs.field(repr=False)
    reference_count: int = attrs.field(repr=False)
    reference_effective_count: float = attrs.field(repr=False)
    bins: tuple[str, ...] = attrs.field(repr=False)
    shares: tuple[float, ...] = attrs.field(repr=False)
    reference_shares: tuple[float, ...] = attrs.field(repr=False)

    def _repr_html_(self) -> str:
        from mlprod.drift._values_html import feature_html  # noqa: PLC0415 - it shows these values

        return feature_html(self)


@final
@attrs.frozen(kw_only=True)
class MultivariateDrift(Value):
    """Whether numeric features go together as they did, which no look at one at a time can tell.

    What is compared are the ranks within each sample: each feature's own distribution does not matter.

    Attributes:
        drifted: whether it is more than chance.
        p_value: by permutation: of the maximum mean discrepancy, and of the largest change of a correlation.
        adjusted_p_value: ten times that, as a tenth of the false-alarm rate is for this question.
        distance: the maximum mean discrepancy, 0 to the root of 2.
        pair: the two features whose correlation has changed most beyond chance.
        correlation_change: by how much, -2 to 2.
        rows: how many rows of each sample were compared; nearly independent ones.
    """

    drifted: bool
    p_value: float
    adjusted_p_value: float
    distance: float
    pair: tuple[str, str]
    correlation_change: float
    rows: int

    def _repr_html_(self) -> str:
        from mlprod.drift._values_html import multivariate_html  # noqa: PLC0415 - it shows these values

        return multivariate_html(self)


@final
@attrs.frozen(kw_only=True)
class PerformanceDrift(Value):
    """How errors compare with those of the reference.

    Attributes:
        drifted: whether errors have grown by too much, and by more than chance.
        metric: ``"mae"``, the mean absolute error, or ``"error_rate"``.
        reference: its value in the reference.
        current: its value now.
        change: how much larger it is, as a fraction: 0.2 is 20% more.
        interval: of the change, at 95%.
        p_value: one-sided, that it has not grown.
        threshold: the change from which it counts.
        min_detectable_change: the smallest growth that this many errors would show in four of five cases.
        count: errors.
        effective_count: how many independent ones they are worth.
        reference_count: errors of the reference.
    """

    drifted: bool
    metric: str
    reference: float
    current: float
    change: float
    interval: Interval
    p_value: float
    threshold: float
    min_detectable_change: float
    count: int
    effective_count: float
    reference_count: int

    def _repr_html_(self) -> str:
        from mlprod.drift._values_html import performance_html  # noqa: PLC0415 - it shows these values

        return performance_html(self)


@final
@attrs.frozen(kw_only=True)
class CalibrationDrift(Value):
    """Whether confidence means what it meant in the reference.

    Attributes:
        drifted: whether the calibration error has grown by too much, and accuracy at given confidence has
            changed by more than chance.
        reference_error: the expected calibration error in the reference, 0 to 1.
        current_error: the same now.
        brier: the Brier score now.
        reference_brier: the same in the reference.
        p_value: that accuracy is what it was at every level of confidence.
        threshold: the growth of the error from which it counts.
        count: predictions.
        reference_count: predictions of the reference.
    """

    drifted: bool
    reference_error: float
    current_error: float
    reference_brier: float
    brier: float
    p_value: float
    threshold: float
    count: int
    reference_count: int

    def _repr_html_(self) -> str:
        from mlprod.drift._values_html import calibration_html  # noqa: PLC0415 - it shows these values

        return calibration_html(self)


@final
@attrs.frozen(kw_only=True)
class ConceptDrift(Value):
    """Whether the later half of a series behaves like the earlier one.

    Attributes:
        drifted: whether one of the three tests below found more than chance, and the volatility or the
            distribution has changed by enough to matter.
        early_volatility: the standard deviation of the first half, in the unit of the series.
        late_volatility: that of the second half.
        volatility_ratio: late over early.
        volatility_change: that less 1: 0.037 is 3.7% more.
        volatility_interval: of the change of the mean absolute deviation from the median, at 95%.
        volatility_p_value: that this deviation is the same in both halves (Brown and Forsythe).
        distribution: how the second half compares with the first.
        regime_change_at: the position from which the series behaves differently; None without such a change.
        regime_p_value: that there is no such position.
        adjusted_p_value: the smallest of the three p-values, corrected (Holm).
        threshold: the change of volatility from which it counts.
        count: values.
        effective_count: how many independent ones they are worth.
    """

    drifted: bool
    early_volatility: float
    late_volatility: float
    volatility_ratio: float
    volatility_change: float
    volatility_interval: Interval
    volatility_p_value: float
    distribution: FeatureDrift
    regime_change_at: int | None
    regime_p_value: float
    adjusted_p_value: float
    threshold: float
    count: int
    effective_count: float

    def _repr_html_(self) -> str:
        from mlprod.drift._values_html import concept_html  # noqa: PLC0415 - it shows these values

        return concept_html(self)


@final
@attrs.frozen(kw_only=True)
class Evidence(Value):
    """One finding.

    Attributes:
        subject: what it is about: ``"feature 'rsi'"``, ``"predictions"``, ``"errors"``, …
        test: which test or measure found it.
        effect: how large it is, in the measure of `test`.
        threshold: from where it counts.
        p_value: the probability of as much by chance; corrected where several were tested together.
        detectable: the smallest effect that so many rows would show; NaN where that is not known.
        calls_for_retraining: whether it is reason enough to train anew.
        sentence: the same in words.
    """

    subject: str
    test: str
    effect: float
    threshold: float
    p_value: float
    detectable: float
    calls_for_retraining: bool
    sentence: str


@final
@attrs.frozen(kw_only=True)
class Overall(Value):
    """The verdict.

    Attributes:
        drift_detected: whether anything has drifted.
        reasons: why, the gravest first; or what was looked at, if nothing has.
        score: the largest PSI of a feature that is more than chance (under the classic policy, of any).
        evidence: the findings behind the reasons.
    """

    drift_detected: bool
    reasons: tuple[str, ...]
    score: float
    evidence: tuple[Evidence, ...] = attrs.field(repr=False)

    def _repr_html_(self) -> str:
        from mlprod.drift._values_html import overall_html  # noqa: PLC0415 - it shows these values

        return overall_html(self)


@final
@attrs.frozen(kw_only=True)
class CheckedData(Value):
    """Which rows a check was about.

    Attributes:
        origin: ``"given"`` by the caller, ``"recorded"`` with `PerformanceMonitor`, or ``"fetched"`` from the
            detector's data source.
        since: the time of the first row of what was recorded, UTC; None for other rows.
        until: that of the last one.
        symbol: which one the caller named, if any.
        note: what the rows are, in the caller's words.
    """

    origin: Origin
    since: datetime | None = None
    until: datetime | None = None
    symbol: str | None = None
    note: str = ""


@final
@attrs.frozen(kw_only=True)
class Limits(Value):
    """From where a shift of a feature, or of the predictions, counts.

    Attributes:
        psi_moderate: the index from which it is moderate.
        psi_significant: the index from which it is significant.
        p_value: under the calibrated policy, the adjusted p-value up to which it is more than chance; under
            the classic one, the p-value of the KS test below which it counts whatever its index.
    """

    psi_moderate: float
    psi_significant: float
    p_value: float


@final
@attrs.frozen(kw_only=True)
class DriftReport(Value):
    """What a check found.

    Attributes:
        model_id: the model.
        version: the version that was checked; None if none was named, and the registry knows none.
        time: when it was checked, UTC.
        policy: ``"calibrated"`` or ``"classic"``.
        reference: the id of the reference.
        reference_time: when that was set, UTC.
        rows: how many were compared with it.
        overall: the verdict.
        features: by name, the gravest first.
        multivariate: of the numeric features together; None with fewer than two, or too few rows.
        predictions: how predictions compare; None if none were given.
        performance: how errors compare; None if none were given.
        calibration: how confidence compares; None if none was given.
        concept: what a series of the world's shows; None if none was given.
        ignored: columns of the data that the reference does not have.
        data: which rows were compared; None if an mlprod wrote the report that did not say so yet.
        limits: from where a shift counted; None likewise.
    """

    model_id: str
    version: str | None
    time: datetime
    policy: Policy
    reference: str = attrs.field(repr=False)
    reference_time: datetime = attrs.field(repr=False)
    rows: int
    overall: Overall
    features: Mapping[str, FeatureDrift]
    multivariate: MultivariateDrift | None = attrs.field(default=None, repr=False)
    predictions: FeatureDrift | None = attrs.field(default=None, repr=False)
    performance: PerformanceDrift | None = attrs.field(default=None, repr=False)
    calibration: CalibrationDrift | None = attrs.field(default=None, repr=False)
    concept: ConceptDrift | None = attrs.field(default=None, repr=False)
    ignored: tuple[str, ...] = attrs.field(default=(), repr=False)
    data: CheckedData | None = attrs.field(default=None, repr=False)
    limits: Limits | None = attrs.field(default=None, repr=False)

    @property
    def scores(self) -> dict[str, float]:
        """What `PerformanceMonitor.record_drift` takes: ``record_drift(model, version, report.scores)``."""
        scores = {"feature_drift": self.overall.score}
        if self.predictions is not None:
            scores["prediction_drift"] = counted_psi(self.predictions, self.policy)
        if self.performance is not None and math.isfinite(self.performance.change):
            scores["performance_drift"] = max(self.performance.change, 0.0)
        return scores

    def to_html(self) -> str:
        """Return a page of its own: the verdict, and each feature with both distributions."""
        from mlprod.drift import _report_html  # noqa: PLC0415 - it shows these values

        return _report_html.page(self)

    toHtml = to_html

    def _repr_html_(self) -> str:
        from mlprod.drift import _report_html  # noqa: PLC0415 - it shows these values

        return _report_html.notebook(self)


def counted_psi(feature: FeatureDrift, policy: Policy) -> float:
    """Return the PSI where it is more than chance, else 0.0; as it stands under the classic policy."""
    if policy == "classic":
        return feature.psi
    return feature.psi if feature.psi_level != "none" else 0.0


def blind(features: Iterable[FeatureDrift], psi_significant: float) -> list[FeatureDrift]:
    """Return the features of which too few independent rows are there to show a significant shift."""
    return [feature for feature in features if feature.min_detectable_psi > psi_significant]
