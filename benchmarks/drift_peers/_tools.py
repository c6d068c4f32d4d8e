"""The tools that are compared, each run in a process and an environment of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import attrs

from benchmarks._measure import Seconds

ROOT = Path(__file__).parents[2]
SILENT = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"}
IMPORTS = 3
IMPORTED = """
import time
begun = time.perf_counter()
{}
print(time.perf_counter() - begun)
"""


@attrs.frozen
class Tool:
    """A tool and what it needs.

    Attributes:
        name: as it is printed.
        script: the module of `benchmarks.drift_peers`, which also names the environment, and its arguments.
        imports: what a user of the tool writes first.
        requirements: the tool is pinned; what it needs is as new as it allows.
        at_most: the ratio to reach; None is for information only.
    """

    name: str
    script: Sequence[str]
    imports: str
    requirements: Sequence[str]
    at_most: float | None = None


@attrs.frozen
class Measured:
    """What a tool took; sizes are in MiB.

    Attributes:
        tool: the tool.
        seconds: of each check.
        fit_seconds: of what was done once with the reference.
        drifted: in how many features it found drift.
        data_mib: the resident memory before, with the tool and all data.
        peak_mib: the most resident memory while it worked.
        import_seconds: of the import in a fresh process.
        installed_mib: what its environment holds, beyond an empty one.
    """

    tool: Tool
    seconds: Seconds
    fit_seconds: float
    drifted: int
    data_mib: float
    peak_mib: float
    import_seconds: float
    installed_mib: float


EVIDENTLY = {
    "imports": "from evidently import Report; from evidently.presets import DataDriftPreset",
    "requirements": ["evidently==0.7.23", "pandas==2.3.3"],  # imports a name that pandas 3 no longer has
    "at_most": 0.005,
}
OURS = Tool("mlprod", ["mlprod"], "from mlprod import DriftDetector", [str(ROOT)])
TOOLS = (
    Tool("scipy ks_2samp and numpy PSI", ["scipy"], "from scipy import stats", ["scipy==1.17.1"]),
    Tool("Evidently, KS", ["evidently", "ks"], **EVIDENTLY),
    Tool("Evidently, PSI", ["evidently", "psi"], **EVIDENTLY),
    Tool(
        "NannyML, KS and JS",
        ["nannyml"],
        "from nannyml import UnivariateDriftCalculator",
        ["nannyml==0.13.1", "pandas==2.3.3", "statsmodels==0.15.0"],  # imports the last without requiring it
        at_most=0.03,
    ),
    Tool(
        "alibi-detect, KS",
        ["alibi_detect"],
        "from alibi_detect.cd import KSDrift",
        ["alibi-detect==0.13.0"],
        at_most=0.04,
    ),
    Tool("Frouros, KS", ["frouros"], "from frouros.detectors.data_drift import KSTest", ["frouros==0.9.0"]),
)
ADWIN = Tool("River ADWIN", ["river"], "from river.drift import ADWIN", ["river==0.26.1"])


def measure(tool: Tool, columns: Path, environments: Path) -> Measured:
    """Run the script of a tool.

    Args:
        tool: the tool.
        columns: the folder of `reference.npy` and `current.npy`, each of shape (features, rows).
        environments: the folder of the environments; what is missing there is installed.

    Raises:
        subprocess.CalledProcessError: it can't be installed, or failed.
    """
    script, *arguments = tool.script
    environment, empty = environments / script, environments / "empty"
    python, _ = made(environment), made(empty)
    if uv := shutil.which("uv"):
        run(uv, "pip", "install", "--quiet", "--python", python, *tool.requirements)
    else:
        run(python, "-m", "pip", "install", "--quiet", *tool.requirements)
    code = IMPORTED.format(tool.imports)
    imports = [float(run(python, "-c", code).splitlines()[-1]) for _ in range(1 + IMPORTS)]
    printed = run(python, "-m", f"benchmarks.drift_peers.{script}", str(columns), *arguments)
    return Measured(
        tool,
        **json.loads(printed.splitlines()[-1]),
        import_seconds=median(imports[1:]),  # the first compiles
        installed_mib=size_mib(environment) - size_mib(empty),
    )


def made(environment: Path) -> str:
    """Return the interpreter of an environment, which is made if need be."""
    python = environment / "bin" / "python"
    if not python.exists():
        uv = shutil.which("uv")
        make = [uv, "venv", "--quiet", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
        run(*make, str(environment))
    return str(python)


def run(*command: str) -> str:
    """Return what a program prints; tools are told to send no usage data."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT, env=environ | SILENT
    ).stdout


def size_mib(folder: Path) -> float:
    """Return the size of all files but compiled ones, which come and go."""
    files = (path for path in folder.rglob("*") if path.suffix != ".pyc" and not path.is_symlink())
    return sum(path.stat().st_size for path in files if path.is_file()) / (1 << 20)


def print_all(found: Sequence[Measured]) -> None:
    """Print what was measured; ratios are of the first to each."""
    headings = ("check", "ratio", "fit", "drifted", "data", "peak", "import", "installed")
    rows = [("tool", *headings), ("", "s", "", "s", "features", "MiB", "MiB", "s", "MiB")]
    ours = median(found[0].seconds)
    rows += [
        (
            each.tool.name,
            f"{median(each.seconds):.3f}",
            f"{ours / median(each.seconds):.4f}x",
            f"{each.fit_seconds:.3f}",
            f"{each.drifted}",
            f"{each.data_mib:.0f}",
            f"{each.peak_mib:.0f}",
            f"{each.import_seconds:.2f}",
            f"{each.installed_mib:.0f}",
        )
        for each in found
    ]
    print()
    for name, *cells in rows:
        print(" | ".join([f"{name:<30}", *(f"{cell:>9}" for cell in cells)]))
    print(flush=True)
