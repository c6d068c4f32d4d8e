"""References, profiles and the parts of a check, in a notebook."""

from collections.abc import Mapping
from typing import Final

from mlprod._html import counted, isolated, time_tag
from mlprod._svg import NO_DATA, escaped, number
from mlprod.drift._counts import Counts, NumericCounts
from mlprod.drift._feature import Feature
from mlprod.drift._parts_html import (
    SHARE,
    calibration_part,
    concept_part,
    feature_part,
    multivariate_part,
    performance_part,
)
from mlprod.drift._profile import Profile
from mlprod.drift._reference import ReferenceProfile
from mlprod.drift._report_html import findings, more, row, table, verdict_part, whole
from mlprod.drift._values import (
    CalibrationDrift,
    ConceptDrift,
    FeatureDrift,
    MultivariateDrift,
    Overall,
    PerformanceDrift,
)

__all__ = [
    "calibration_html",
    "concept_html",
    "feature_html",
    "multivariate_html",
    "overall_html",
    "performance_html",
    "profile_html",
    "reference_html",
]

_LISTED: Final = 10


def reference_html(reference: ReferenceProfile) -> str:
    """Return what a reference was made of."""
    version = (
        "whatever its version" if reference.version is None else f"version {isolated(reference.version)}"
    )
    counts = {name: feature.counts for name, feature in reference.features.items()}
    about: dict[str, Feature | None] = {"Predictions": reference.predictions, "Errors": reference.errors}
    given = {name: feature.counts for name, feature in about.items() if feature is not None}
    beside = f"<section><h4>Given with them</h4>{_counted(given)}</section>" if given else ""
    return whole(
        f"<header><h3>{isolated(reference.model_id)}</h3>"
        f'<p class="muted">Reference {isolated(reference.id)}, {version}, set '
        f"{time_tag(reference.created_at)}: {reference.rows:,} rows of "
        f"{counted(len(counts), 'feature')}</p></header>{_counted(counts)}{beside}"
    )


def profile_html(profile: Profile) -> str:
    """Return what a profile counted."""
    features = counted(len(profile.features), "feature")
    ignored = more(len(profile.ignored), "column that the reference does not have")
    return whole(
        f"<header><p>{profile.rows:,} rows of {features} on the bins of reference "
        f"{isolated(profile.reference)}</p></header>{_counted(profile.features)}{ignored}"
    )


def feature_html(found: FeatureDrift) -> str:
    """Return how one feature compares, with both distributions."""
    return whole(f'<div class="charts">{feature_part(found, 3)}</div>')


def multivariate_html(found: MultivariateDrift) -> str:
    """Return how numeric features go together."""
    return whole(multivariate_part(found))


def performance_html(found: PerformanceDrift) -> str:
    """Return how errors compare."""
    return whole(performance_part(found))


def calibration_html(found: CalibrationDrift) -> str:
    """Return how confidence compares."""
    return whole(calibration_part(found))


def concept_html(found: ConceptDrift) -> str:
    """Return how a series has changed."""
    return whole(concept_part(found, 1))


def overall_html(overall: Overall) -> str:
    """Return the verdict, and the findings behind it."""
    return whole(verdict_part(overall) + findings(overall.evidence))


def _counted(features: Mapping[str, Counts]) -> str:
    shown = list(features.items())[:_LISTED]
    titles = ("Name", "Values", "Missing", "Least", "Mean", "Largest")
    body = "".join(row(isolated(name), *map(escaped, _figures(counts))) for name, counts in shown)
    return table("Features", titles, body) + more(len(features) - _LISTED, "feature")


def _figures(counts: Counts) -> tuple[str, ...]:
    rows = counts.present + counts.missing
    missing = SHARE.shown(counts.missing / rows) if rows else NO_DATA
    if isinstance(counts, NumericCounts):
        ends = (counts.minimum, counts.moments.mean, counts.maximum)
        return ("numbers", missing, *(map(number, ends) if counts.present else (NO_DATA,) * 3))
    return (f"{len(counts.cells) - 1:,} categories", missing, NO_DATA, NO_DATA, NO_DATA)
