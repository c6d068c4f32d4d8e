"""What to do about a model that has drifted: the lines of Python, in a safe order. Pure.

A bare name means the version in production. Whoever sets its reference anew before the new version acts
compares the old one with data that it was never fitted on, and hears no alarm of it any more. The lines are a
function, so that a name that is missing, or a step that fails, leaves out all that follows, also at a prompt.
"""

from collections.abc import Sequence
from typing import Final

from mlprod._html import counted
from mlprod.dashboard._snapshot import ModelView

__all__ = ["is_of_acting", "names_said", "newer_said", "refitting"]

_MEANT: Final = {
    "model": "what you fitted",
    "recent": "what you fitted it on, in the order of time",
    "predictions": "what it answers to that",
    "errors": "how wrong it was on data that it had not seen",
    "confidence": "its confidence on such data",
    "correct": "whether it was right there",
}


def is_of_acting(model: ModelView) -> bool:
    """Return whether the newest report of drift is of the version that acts, as far as either is known."""
    report, production = model.drift, model.production
    if report is None or production is None:
        return True
    return report.version in {None, production.version}


def names_said(model: ModelView) -> str:
    """Say what the names in the lines are; markup."""
    meant = [f"<code>{name}</code> {_MEANT[name]}" for name in ("model", *_compared(model))]
    return f"{', '.join(meant[:-1])} and {meant[-1]}"


def refitting(model: ModelView, store: str) -> str:
    """Return the lines that save a model which was fitted anew, set its reference, and let it act."""
    given, production = _compared(model), model.production
    if not model.versions:
        return (
            f"import mlprod\n\ndetector = mlprod.DriftDetector({store!r})\n"
            f"detector.set_reference({model.name!r}, {_passed(given)})  # once the new model acts, not before"
        )
    lines = [
        "import mlprod",
        "",
        f"def replace(model, {', '.join(given)}):",
        f"    store = {store!r}",
        "    models, detector = mlprod.ModelSerializer(store), mlprod.DriftDetector(store)",
        f'    saved = models.save(model, {model.name!r}, bump="minor")',
        f"    detector.set_reference(saved, {_passed(given)})",
    ]
    if production is not None:
        acting = production.version
        why = f"{acting} has drifted"
        lines.append(f"    models.set_active(saved, expected={acting!r}, reason={why!r})")
    return "\n".join([*lines, "", f"replace(model, {', '.join(given)})"])


def _compared(model: ModelView) -> list[str]:
    """Return the names of the data that a new reference needs, to be compared as the last one was."""
    report, given = model.drift, ["recent"]
    if report is not None and report.predictions is not None:
        given.append("predictions")
    if report is not None and report.performance is not None:
        given.append("errors")
    if report is not None and report.calibration is not None:
        given += ["confidence", "correct"]
    return given


def _passed(names: Sequence[str]) -> str:
    """Return arguments: the data themselves, and all else by name."""
    return ", ".join([names[0], *(f"{name}={name}" for name in names[1:])])


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
