"""Statistics: sums that add up, tests and intervals for one look, evidence for as many as one likes."""

from mlprod.stats._adwin import Adwin
from mlprod.stats._anytime import anytime_p_value, interval_of
from mlprod.stats._anytime_counts import interval_proportions, log_e_labels, log_e_proportions
from mlprod.stats._anytime_means import SMALLEST_SAMPLE, half_width_mean, log_e_lift, log_e_mean
from mlprod.stats._autocorrelation import block_length, long_run_variance
from mlprod.stats._bootstrap import bootstrap, bootstrap_means
from mlprod.stats._calibration import Calibration
from mlprod.stats._clusters import ClusterSums
from mlprod.stats._corrections import benjamini_hochberg, holm
from mlprod.stats._dependence import SerialSums, variance_inflation, variance_inflations
from mlprod.stats._divergence import (
    detectable_psi,
    homogeneity,
    jensen_shannon,
    psi_lower_bound,
    psi_of_counts,
)
from mlprod.stats._drawdown import Drawdown
from mlprod.stats._e_detector import (
    EAlarm,
    EState,
    block_for,
    e_advance,
    e_alarm,
    e_from_state,
    e_start,
    e_step,
    e_threshold,
    e_to_state,
    slack_for,
)
from mlprod.stats._estimate import Estimate, control_variate
from mlprod.stats._frequent import FrequentItems
from mlprod.stats._joint import JointMoments
from mlprod.stats._kolmogorov import ks_bounds, ks_exact_p_value, ks_p_value, ks_statistic, wasserstein
from mlprod.stats._latency_steps import LatencySteps
from mlprod.stats._mmd import MultivariateComparison, multivariate_test
from mlprod.stats._moments import Moments
from mlprod.stats._power import power, sample_size
from mlprod.stats._proportions import boschloo, chi_square, proportions
from mlprod.stats._quantiles import QuantileSketch
from mlprod.stats._ranks import brunner_munzel, mann_whitney
from mlprod.stats._result import Comparison, Interval
from mlprod.stats._sample_ratio import log_e_sample_ratio, sample_ratio_p_value
from mlprod.stats._sharpe import sharpe_difference
from mlprod.stats._sketch import LatencySketch
from mlprod.stats._two_samples import relative_lift, t_quantile, welch

__all__ = [
    "SMALLEST_SAMPLE",
    "Adwin",
    "Calibration",
    "ClusterSums",
    "Comparison",
    "Drawdown",
    "EAlarm",
    "EState",
    "Estimate",
    "FrequentItems",
    "Interval",
    "JointMoments",
    "LatencySketch",
    "LatencySteps",
    "Moments",
    "MultivariateComparison",
    "QuantileSketch",
    "SerialSums",
    "anytime_p_value",
    "benjamini_hochberg",
    "block_for",
    "block_length",
    "bootstrap",
    "bootstrap_means",
    "boschloo",
    "brunner_munzel",
    "chi_square",
    "control_variate",
    "detectable_psi",
    "e_advance",
    "e_alarm",
    "e_from_state",
    "e_start",
    "e_step",
    "e_threshold",
    "e_to_state",
    "half_width_mean",
    "holm",
    "homogeneity",
    "interval_of",
    "interval_proportions",
    "jensen_shannon",
    "ks_bounds",
    "ks_exact_p_value",
    "ks_p_value",
    "ks_statistic",
    "log_e_labels",
    "log_e_lift",
    "log_e_mean",
    "log_e_proportions",
    "log_e_sample_ratio",
    "long_run_variance",
    "mann_whitney",
    "multivariate_test",
    "power",
    "proportions",
    "psi_lower_bound",
    "psi_of_counts",
    "relative_lift",
    "sample_ratio_p_value",
    "sample_size",
    "sharpe_difference",
    "slack_for",
    "t_quantile",
    "variance_inflation",
    "variance_inflations",
    "wasserstein",
    "welch",
]
