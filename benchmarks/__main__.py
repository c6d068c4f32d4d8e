"""Run the benchmarks: all themes, or those that are named.

``python3 dev.py bench`` runs everything, ``python3 dev.py bench -- imports history`` two themes. A theme is a
module of this folder with a function ``run(bench)``; there is nothing to register.
"""

import argparse
import importlib
import pkgutil
import sys
import tempfile
from pathlib import Path

import benchmarks
from benchmarks._measure import Bench, Table

THEMES = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name[0] != "_"]


def main() -> int:
    """Print the table; return 1 if a number was not reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("themes", nargs="*", metavar="theme", help=f"of {', '.join(THEMES)}; default: all")
    parser.add_argument(
        "--mib", type=int, default=1024, help="size of the large model (default: %(default)s)"
    )
    parser.add_argument(
        "--saves", type=int, default=10_000, help="length of the long history (default: %(default)s)"
    )
    parser.add_argument(
        "--events", type=int, default=10_000_000, help="number of recorded events (default: %(default)s)"
    )
    options = parser.parse_args()
    if unknown := set(options.themes) - set(THEMES):
        parser.error(f"there is no theme {', '.join(sorted(unknown))}; there are {', '.join(THEMES)}")
    table = Table()
    table.head()
    for theme in options.themes or THEMES:
        with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=".") as folder:
            sizes = {"mib": options.mib, "saves": options.saves, "events": options.events}
            bench = Bench(table, Path(folder).resolve(), **sizes)
            importlib.import_module(f"benchmarks.{theme}").run(bench)
    return table.foot()


if __name__ == "__main__":
    sys.exit(main())
