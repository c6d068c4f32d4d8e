"""What decisions about experiments looked like before, brought up to date."""

import math
from typing import Any, TypeAlias

__all__ = ["ended_with_the_figures_it_is_about", "state_with_the_figures_they_are_about"]

_Plain: TypeAlias = dict[str, Any]


def ended_with_the_figures_it_is_about(event: _Plain) -> _Plain:
    """Bring `experiment.ended` from version 1 to 2."""
    return {**event, "conclusion": _concluded(event["conclusion"])}


def state_with_the_figures_they_are_about(state: _Plain) -> _Plain:
    """Bring `experiments.state` from version 1 to 2."""
    by_id = {
        id_: {**each, "conclusion": each["conclusion"] and _concluded(each["conclusion"])}
        for id_, each in state["by_id"].items()
    }
    return {**state, "by_id": by_id}


def _concluded(conclusion: _Plain) -> _Plain:
    """Say of which comparison the figures are, and keep of a one-sided interval the limit that was crossed.

    They were always those of the primary metric, which comes first, of the treatment with that lift.
    """
    comparisons = conclusion["comparisons"]
    metric = comparisons[0]["metric"] if comparisons else ""
    primary = [one for one in comparisons if one["metric"] == metric]
    variant_id = next(
        (one["variant_id"] for one in primary if one["lift"] == conclusion["effect_size"]),
        primary[0]["variant_id"] if primary else "",
    )
    interval = conclusion["interval"]
    if conclusion["test"] == "anytime, one-sided":
        open_end = {"high": math.inf} if conclusion["effect_size"] > 0 else {"low": -math.inf}
        interval = {**interval, **open_end}
    return {
        **conclusion,
        "interval": interval,
        "metric": metric,
        "variant_id": variant_id,
        "is_chosen": False,
    }
