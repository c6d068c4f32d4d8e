"""The checks of the project, one session each; `python3 dev.py` lists and runs them."""

import os
import shutil
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
COVERAGE = Path(".coverage.d")  # one folder of data for each session, combined by `coverage`
FAULTS = tuple(  # made by the tests, and the same wherever they run
    f"--ignore=tests/{folder}" for folder in ("consistency", "crashes", "fuzz", "soak")
)
SHORTER = ("-m", "not slow", "--hypothesis-profile=few", *FAULTS)  # where `tests` has looked long enough
ELSEWHERE = ("--ignore=tests/browser", "--ignore=tests/servers")  # which have sessions of their own
EXTRAS = ".[onnx,progress,s3,skops]"  # those light enough for every run


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of a dependency group."""
    return nox.project.dependency_groups(PYPROJECT, name)


def run_pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest under coverage on all cores, with the session's own arguments last."""
    data = (COVERAGE / session.name).resolve()
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    # A file to a core: the examples of a page build on each other.
    command = ["coverage", "run", "-m", "pytest", "-n", "auto", "--dist", "loadfile", *arguments]
    session.run(*command, *session.posargs, env={"COVERAGE_FILE": str(data / "data")})


@nox.session
def tests(session: nox.Session) -> None:
    """All tests and all examples in the docs, with the light extras: the one to run while working."""
    session.install("-e", EXTRAS, *group("extras-test"))
    run_pytest(session, *ELSEWHERE)


@nox.session(name="tests-core")
def tests_core(session: nox.Session) -> None:
    """The tests with the core dependencies alone; not those that `tests` has run long enough."""
    session.install("-e", ".", *group("test"))
    run_pytest(session, *ELSEWHERE, *SHORTER)


@nox.session(name="tests-lowest", python=PYTHONS[0], venv_backend="uv")
def tests_lowest(session: nox.Session) -> None:
    """The tests with the oldest Python and the lowest direct versions that `pyproject.toml` allows."""
    session.install("--resolution=lowest-direct", "-e", EXTRAS, *group("extras-test"))
    run_pytest(session, *ELSEWHERE, *SHORTER)


@nox.session(name="tests-pythons", python=PYTHONS, download_python="never")
def tests_pythons(session: nox.Session) -> None:
    """The tests without extras on every supported Python that this machine has."""
    session.install("-e", ".", *group("test"))
    run_pytest(session, *ELSEWHERE)


@nox.session
def servers(session: nox.Session) -> None:
    """The tests against real servers on loopback: S3, GCS, Azure and SFTP."""
    session.install("-e", ".[s3,gcs,azure]", *group("servers-test"))
    run_pytest(session, "tests/servers", "tests/storage/test_answers.py")


@nox.session
def keras(session: nox.Session) -> None:
    """The tests of the Keras formats, on a real Keras model."""
    session.install("-e", ".[keras]", *group("keras-test"))
    session.env["KERAS_BACKEND"] = "jax"
    run_pytest(session, "tests", "-k", "keras")


@nox.session
def browser(session: nox.Session) -> None:
    """The dashboard in a real browser: Chromium, of the system."""
    session.install("-e", ".", *group("browser-test"), *group("quickstart"))
    session.env["MLPROD_CHROMIUM"] = chromium(session)
    session.run("pytest", "tests/browser", *session.posargs)


@nox.session
def notebook(session: nox.Session) -> None:
    """The notebook in the docs, and progress, in a real kernel."""
    session.install("-e", ".[progress]", *group("notebook-test"))
    files = ("tests/examples/test_tour.py", "tests/examples/test_notebook_progress.py")
    session.run("pytest", *files, *session.posargs)


@nox.session
def picture(session: nox.Session) -> None:
    """Make the pictures in the docs anew, of what the quickstart leaves."""
    session.install("-e", ".", *group("browser-test"), *group("quickstart"))
    here, target = Path.cwd(), "docs/_static/dashboard.png"
    folder = Path(tempfile.gettempdir(), "quickstart")  # pictures show it, and no one else's is overwritten
    folder.mkdir()
    try:
        with session.chdir(folder):
            session.run("python", str(here / "examples" / "quickstart.py"), silent=True)
        session.run("python", "docs/picture.py", chromium(session), f"{folder}/dashboard.html", target)
        session.run("python", "docs/charts.py", str(folder), "docs/_static")
    finally:
        shutil.rmtree(folder)
    session.run("python", "docs/figures.py", "docs", "docs/_static")


def chromium(session: nox.Session) -> str:
    """Return where Chromium is; on Debian, root installs it if it is missing."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, map(shutil.which, names)), "")
    is_root = getattr(os, "geteuid", lambda: -1)() == 0
    if not found and is_root and shutil.which("apt-get"):
        for command in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
            session.run("apt-get", *command, external=True, silent=True)
        found = shutil.which("chromium") or ""
    if not found:
        session.error("there is no Chromium on the PATH: install it (Debian: apt-get install chromium)")
    return found


@nox.session
def coverage(session: nox.Session) -> None:
    """Combine what the test sessions covered: every line and branch, or a reason why not."""
    session.install(*group("test"))
    folders = [str(folder) for folder in sorted(COVERAGE.iterdir()) if folder.is_dir()]
    session.env["COVERAGE_FILE"] = str(COVERAGE / "data")
    session.run("coverage", "combine", "--keep", "--quiet", *folders)
    session.run("coverage", "report")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: rules and formatting."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(name="typing")
def types(session: nox.Session) -> None:
    """Mypy and pyright, both strict."""
    session.install("-e", ".", *group("typing"))
    session.run("mypy")
    session.run("pyright")


@nox.session
def imports(session: nox.Session) -> None:
    """The layers and other import contracts."""
    session.install("-e", ".", *group("imports"))
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into `docs/_build/html`; a warning is an error."""
    session.install("-e", ".", *group("docs"))
    session.run("sphinx-build", "-n", "-W", "--keep-going", "docs", "docs/_build/html", *session.posargs)


@nox.session
def quickstart(session: nox.Session) -> None:
    """Store, promote, roll back and verify a model of real market data, with the built wheel."""
    session.install(".", *group("quickstart"))
    session.run("python", "examples/quickstart.py", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz every decoder, guided by coverage, for a minute each; what is found is kept in `.fuzz`."""
    session.install("-e", EXTRAS, *group("fuzz"))
    session.run("python", "-m", "fuzz", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks, each beside its peer in one run."""
    session.install(".", *group("bench"))
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Many processes do everything at once on one store, for a minute; every count is exact at the end."""
    session.install(".")
    session.run("python", "-m", "soak", *session.posargs)
