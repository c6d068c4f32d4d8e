"""Evidently: the drift preset with the method that is named after the folder, ``ks`` or ``psi``."""

import sys
from typing import Any

from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from benchmarks.drift_peers._peer import Columns, as_frame, run


def convert(columns: Columns) -> Dataset:
    """Return a dataset whose columns are known to be numeric."""
    frame = as_frame(columns)
    return Dataset.from_pandas(frame, data_definition=DataDefinition(numerical_columns=[*frame.columns]))


def check(reference: Dataset, current: Dataset) -> int:
    """Return in how many features the preset finds drift."""
    snapshot: Any = Report([DataDriftPreset(num_method=sys.argv[2])]).run(current, reference)
    return snapshot.dict()["metrics"][0]["value"]["count"]


if __name__ == "__main__":
    run(convert, lambda reference: reference, check)
