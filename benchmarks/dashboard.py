"""What the page of a large store costs whoever writes it from a timer: a fresh process each time.

How soon a browser shows the page is measured by ``python3 dev.py browser``, which has one. The peer draws as
many charts of as many points into a page that needs no network, and reads, judges and lists nothing; both are
compared by the time of all processors from the beginning of the process on.
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks._large_store import fill
from benchmarks._measure import Bench, fresh, race

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ROUNDS = 5
MOST_MIB = 5.0
MOST_SECONDS = 2.0
WRITTEN = """
import sys, time
from datetime import datetime
from mlprod import dashboard
write, begun = dashboard.write, time.perf_counter()
write(sys.argv[1], sys.argv[2], clock=lambda: datetime.fromisoformat(sys.argv[3]))
print(time.process_time() if len(sys.argv) > 4 else time.perf_counter() - begun)
"""
DRAWN = """
import sys, time
import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
times = np.datetime64("2026-02-01T00:00") + np.arange(30) * np.timedelta64(1, "D")
drawn = []
for number in range(int(sys.argv[2])):
    lines = [go.Scatter(x=times, y=np.random.default_rng(number).random(30), name="value")]
    figure = go.Figure(lines, layout={"title": f"Chart {number}"})
    drawn.append(figure.to_html(full_html=False, include_plotlyjs=False))
with open(sys.argv[1], "w") as file:
    file.write(f"<!doctype html><script>{get_plotlyjs()}</script>{''.join(drawn)}")
print(time.process_time())
"""


def run(bench: Bench) -> None:
    """Write the page of 200 models, 50 experiments and 1,000 alerts."""
    store, page, drawn = bench.folder / "store", bench.folder / "page.html", bench.folder / "plotly.html"
    fill(str(store), NOW)
    fresh(WRITTEN, page, store, NOW.isoformat())  # compiles what was not imported before
    charts = 850  # that is how many lines over time the page has
    seconds = race(
        {
            "written": partial(fresh, WRITTEN, page, store, NOW.isoformat()),
            "mlprod": partial(fresh, WRITTEN, page, store, NOW.isoformat(), "cpu"),
            "plotly": partial(fresh, DRAWN, drawn, charts),
        },
        rounds=ROUNDS,
    )
    bench.table.limit("200 models, 50 tests, 1,000 alerts: written", seconds["written"], below=MOST_SECONDS)
    bench.table.compare(
        f"  imported and written; {charts} charts alone", seconds["mlprod"], "plotly", seconds["plotly"]
    )
    ours, theirs = _mib(page), _mib(drawn)
    bench.table.show("  size", f"{ours:.1f}", f"MiB; plotly {theirs:.1f} MiB")
    bench.table.check("  size below 5 MiB", "yes" if ours < MOST_MIB else "no", expected="yes")


def _mib(page: Path) -> float:
    return page.stat().st_size / (1 << 20)
