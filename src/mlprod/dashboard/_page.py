"""The page: four tabs in one file that needs nothing else. Pure."""

import base64
import functools
import hashlib
import zlib
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from mlprod._html import STYLE, isolated, time_tag
from mlprod._svg import escaped
from mlprod.dashboard._alerts_tab import alerts_tab
from mlprod.dashboard._experiment_detail import experiment_detail
from mlprod.dashboard._experiments_tab import experiments_tab
from mlprod.dashboard._model_detail import model_detail
from mlprod.dashboard._models_tab import models_tab
from mlprod.dashboard._overview_tab import overview_tab
from mlprod.dashboard._snapshot import Snapshot
from mlprod.drift._report_html import DRIFT_STYLE
from mlprod.experiments._presentation import EXPERIMENT_STYLE

__all__ = ["page"]

_DARK: Final = """
@media screen and (prefers-color-scheme: dark) { .mlprod-report {
  --mlprod-better: #56b4e9; --mlprod-worse: #ec7c34;
  --mlprod-series-0: #56b4e9; --mlprod-series-1: #e69f00; --mlprod-series-2: #2fc79b } }
"""
_LEVEL: Final = 3  # of compression: an eighth larger than with 6, in half of the time


def page(snapshot: Snapshot, *, title: str, refresh_seconds: float | None) -> str:
    """Return the page.

    Args:
        snapshot: what it shows.
        title: what it is called.
        refresh_seconds: how often it loads itself anew; None: never.
    """
    style, script, policy = _parts()
    refresh = "" if refresh_seconds is None else f' data-refresh="{refresh_seconds:g}"'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escaped(title)}</title><style>{style}</style><script>{script}</script></head>"
        f'<body data-title="{escaped(title)}"{refresh}><main class="mlprod-report dashboard">'
        f"{_header(snapshot, title)}{_nav(snapshot)}"
        f"{_panel('overview', 'Overview', overview_tab(snapshot))}"
        f"{_panel('models', 'Models', models_tab(snapshot), 'All models')}"
        f"{_panel('experiments', 'A/B Tests', experiments_tab(snapshot), 'All experiments')}"
        f"{_panel('alerts', 'Alerts', alerts_tab(snapshot))}"
        "<noscript><p>With scripts switched off, sorting, filtering and the pages of single models and "
        "experiments are missing; all lists are here.</p></noscript>"
        f'</main><p id="live" role="status"></p><div id="tip" aria-hidden="true" hidden></div>'
        f"{''.join(_packed(snapshot))}</body></html>"
    )


@functools.cache
def _parts() -> tuple[str, str, str]:
    """Return style, script, and the policy that allows these two and nothing else."""
    folder = files("mlprod.dashboard")
    script = (folder / "page.js").read_text("utf-8")
    own = (folder / "page.css").read_text("utf-8")
    style = f"{STYLE}{DRIFT_STYLE}{EXPERIMENT_STYLE}{_DARK}{own}"
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return style, script, policy


def _hash(source: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}"


def _header(snapshot: Snapshot, title: str) -> str:
    return (
        f'<header><h1>{isolated(title)}</h1><p class="where">{isolated(snapshot.store)}</p>'
        f'<p id="made">Made {time_tag(snapshot.at)}<span id="age"></span></p>'
        '<button type="button" class="plain" id="refresh" hidden>Pause refreshing</button></header>'
    )


def _nav(snapshot: Snapshot) -> str:
    active = [alert for alert in snapshot.alerts if alert.is_active]
    urgent = any(alert.severity == "critical" and alert.state == "firing" for alert in active)
    running = sum(each.experiment.status == "running" for each in snapshot.experiments)
    tabs = (
        ("overview", "Overview", ""),
        ("models", "Models", _count(len(snapshot.models), "in all")),
        ("experiments", "A/B Tests", _count(running, "running")),
        ("alerts", "Alerts", _count(len(active), "active", "urgent" if urgent else "")),
    )
    links = "".join(
        f'<a id="tab-{key}" href="#{key}" data-name="{name}">{name}{count}</a>' for key, name, count in tabs
    )
    return f'<nav id="tabs" aria-label="Parts of the dashboard">{links}</nav>'


def _count(count: int, what: str, look: str = "") -> str:
    return f' <span class="count {look}">{count:,} {what}</span>'


def _panel(key: str, name: str, content: str, back: str = "") -> str:
    detail = (
        f'<div class="detail" hidden><p class="back"><a href="#{key}">\N{LEFTWARDS ARROW} {back}</a></p>'
        f'<div id="{key}-content"></div></div>'
        if back
        else ""
    )
    return (
        f'<section class="panel" id="panel-{key}">'
        f'<div class="list"><h2 class="quiet">{name}</h2>{content}</div>{detail}</section>'
    )


def _packed(snapshot: Snapshot) -> Iterator[str]:
    """Give the pages of single models and experiments, compressed: they are opened one at a time."""
    for model in snapshot.models:
        yield _pack(f"models/{model.name}", model_detail(model, snapshot.store))
    for each in snapshot.experiments:
        yield _pack(f"experiments/{each.experiment.id}", experiment_detail(each, snapshot))


def _pack(key: str, markup: str) -> str:
    packed = base64.b64encode(zlib.compress(markup.encode(), _LEVEL)).decode()
    return f'<script type="text/plain" id="{escaped(key)}">{packed}</script>'
