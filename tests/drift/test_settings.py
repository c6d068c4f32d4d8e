"""What a detector is told is checked when it is made."""

from fractions import Fraction

import numpy as np
import pytest

from mlprod.drift import DriftDetector
from mlprod.errors import InvalidConfigError, InvalidNameError


@pytest.mark.parametrize(
    ("name", "bad", "words"),
    [
        ("drift_threshold", 0, "drift_threshold must be a number above 0 and below 1, not 0"),
        ("drift_threshold", 1, "above 0 and below 1, not 1"),
        ("drift_threshold", "5%", "above 0 and below 1, not '5%'"),
        ("drift_threshold", float("nan"), "above 0 and below 1, not nan"),
        ("psi_threshold", True, "psi_threshold must be a number above 0 and below 1e\\+09, not True"),
        ("psi_threshold", float("inf"), "not inf"),
        ("psi_moderate", -0.1, "psi_moderate must be a number above 0"),
        ("psi_moderate", 0.3, "psi_moderate 0.3 is above psi_threshold 0.25: a moderate shift cannot be"),
        ("performance_threshold", 0, "performance_threshold must be a number above 0"),
        ("volatility_threshold", None, "volatility_threshold must be a number above 0"),
        ("calibration_threshold", 1.5, "calibration_threshold must be a number above 0 and below 1, not 1.5"),
        ("lookback_days", 0, "lookback_days must be a number above 0 and below 36525, not 0"),
        ("lookback_days", "30d", "not '30d'"),
        ("correction", "bonferroni", "correction must be one of bh, holm, not 'bonferroni'"),
        ("policy", "strict", "policy must be one of calibrated, classic, not 'strict'"),
        ("policy", [], r"policy must be one of calibrated, classic, not \[\]"),
        ("bins", 1, "bins must be a number above 1 and below 251, not 1"),
        ("bins", 251, "bins must be a number above 1 and below 251, not 251"),
        ("bins", 10.5, "bins must be a whole number, not 10.5"),
        ("ordered", "no", "ordered must be True or False, not 'no'"),
        ("method", "cusum", "method must be one of e_detector, adwin, not 'cusum'"),
        ("false_alarm_days", 0, "false_alarm_days must be a positive number, not 0"),
        ("false_alarm_days", True, "false_alarm_days must be a positive number, not True"),
        ("rows_per_day", "1440", "rows_per_day must be a positive number, not '1440'"),
        ("rows_per_day", float("inf"), "rows_per_day must be a positive number, not inf"),
        ("rows_per_day", 1e14, r"times rows_per_day must be 1 to 1e\+15 rows, not 3e\+15"),
        ("rows_per_day", 0.01, r"times rows_per_day must be 1 to 1e\+15 rows, not 0.3"),
        ("data_source", "yfinance", "data_source must be a function of a symbol and of the time since when"),
    ],
)
def test_what_cannot_be_is_refused(store, name, bad, words):
    with pytest.raises(InvalidConfigError, match=words):
        DriftDetector(store, **{name: bad})


def test_an_observer_has_a_name_that_can_be_one_of_a_file(store):
    with pytest.raises(InvalidNameError, match=r"'\.\./x' cannot be the name of an observer"):
        DriftDetector(store, observer="../x")


@pytest.mark.parametrize("number", [np.int64(30), np.float32(30), Fraction(30)])
def test_numbers_of_other_libraries_are_numbers(store, number):
    DriftDetector(store, lookback_days=number, false_alarm_days=number, rows_per_day=number)


def test_bins_may_be_an_integer_of_numpy(store):
    detector = DriftDetector(store, bins=np.int64(4), ordered=False)
    detector.set_reference("m", {"x": np.arange(1.0, 21.0)})
    assert 4 + 1 == len(detector.check("m", {"x": np.arange(4.0, 24.0)}).features["x"].bins)
