"""What to do about a model that has drifted: the lines of Python, in a safe order. Pure.

A bare name means the version in production. Whoever sets its reference anew before the new version acts
compares the old one with data that it was never fitted on, and hears no alarm of it any more.
"""

from mlprod._html import counted
from mlprod.dashboard._snapshot import ModelView

__all__ = ["is_of_acting", "newer_said", "refitting"]


def is_of_acting(model: ModelView) -> bool:
    """Return whether the newest report of drift is of the version that acts, as far as either is known."""
    report, production = model.drift, model.production
    if report is None or production is None:
        return True
    return report.version in {None, production.version}


def refitting(model: ModelView, store: str) -> str:
    """Return the lines that save a model which was fitted anew, set its reference, and let it act."""
    report, production = model.drift, model.production
    given = ["recent"]
    if report is not None and report.predictions is not None:
        given.append("predictions=predictions")
    if report is not None and report.performance is not None:
        given.append("errors=errors")
    if report is not None and report.calibration is not None:
        given.append("confidence=confidence, correct=correct")
    data = ", ".join(given)
    if not model.versions:
        return (
            f"import mlprod\n\ndetector = mlprod.DriftDetector({store!r})\n"
            f"detector.set_reference({model.name!r}, {data})  # once the new model acts, not before"
        )
    lines = [
        "import mlprod",
        "",
        f"store = {store!r}",
        "models, detector = mlprod.ModelSerializer(store), mlprod.DriftDetector(store)",
        f'saved = models.save(model, {model.name!r}, bump="minor")',
        f"detector.set_reference(saved, {data})",
    ]
    if production is not None:
        lines.append(f"models.set_active(saved, expected={production.version!r})")
    return "\n".join(lines)


def newer_said(model: ModelView) -> str:
    """Say which versions are newer than the one in production; nothing if none is."""
    names = [version.version for version in model.versions]
    if model.production is None:
        return ""
    newer = model.versions[names.index(model.production.version) + 1 :]
    if not newer:
        return ""
    newest = newer[-1]
    others = f", as {counted(len(newer) - 1, 'other')} before it" if len(newer) > 1 else ""
    return (
        f"{newest.version} is newer than {model.production.version}{others}, and {_where(newest.stage)}: "
        "look at its decisions before you make another one"
    )


def _where(stage: str) -> str:
    return "archived" if stage == "archived" else f"in {stage}"
