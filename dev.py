"""Run the project's nox sessions on any machine with Python 3.11+ and pip.

    python3 dev.py tests                  run one session, or several
    python3 dev.py tests -- -k ledger     what follows `--` goes to the session
    python3 dev.py                        list the sessions

The first run installs pinned versions of nox and uv into the private environment `.dev/`; nothing else
on the machine is touched but the caches of pip and uv. This file parses on any Python, so that an old
one gets a clear answer.
"""

from __future__ import print_function

import os
import subprocess
import sys

PINS = ["nox==2026.10.20", "uv==0.13.9"]
HERE = os.path.dirname(os.path.abspath(__file__))
DEV = os.path.join(HERE, ".dev")
PYTHON = os.path.join(DEV, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def main(arguments):
    """Return the exit status of nox, run in an environment that is made or repaired first."""
    if sys.version_info < (3, 11):
        found = (sys.executable, sys.version.split()[0])
        return "mlprod needs Python 3.11 or later, but %s is Python %s." % found
    from pathlib import Path

    stamp = Path(DEV, "installed.txt")  # written last: without it the environment is half-made
    wanted = "\n".join([sys.version, sys.base_prefix] + PINS)
    if not (os.path.exists(PYTHON) and stamp.exists() and stamp.read_text() == wanted):
        install()
        stamp.write_text(wanted)
    if not arguments:
        print(__doc__, flush=True)
    environment = dict(pip_settings(), **os.environ)
    environment["NOX_ENABLE_STALENESS_CHECK"] = "1"  # another Python than last time: make environments anew
    nox = [PYTHON, "-m", "nox", "--noxfile", os.path.join(HERE, "noxfile.py")]
    return subprocess.call(nox + (["--session"] + arguments if arguments else ["--list"]), env=environment)


def install():
    """Make `.dev/` anew, with whatever pip there is: Debian's Python may lack ensurepip, others pip."""
    import venv

    print("Installing %s into %s" % (" and ".join(PINS), DEV), flush=True)
    venv.create(DEV, clear=True, symlinks=os.name != "nt")
    pip = [sys.executable, "-m", "pip", "--python", PYTHON]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if subprocess.call(pip + ["--version"], **quiet):
        pip = [PYTHON, "-m", "pip"]
        if subprocess.call([PYTHON, "-m", "ensurepip"], **quiet):
            sys.exit("%s has neither pip nor ensurepip: install one (Debian: python3-pip)." % sys.executable)
    if subprocess.call(pip + ["install", "--quiet", "--disable-pip-version-check"] + PINS):
        sys.exit("pip could not install %s: its message is above." % " and ".join(PINS))


def pip_settings():
    """Return pip's mirror and certificate as settings of uv, which reads none of pip's."""
    names = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    pip = [sys.executable, "-m", "pip", "config", "list"]
    lines = subprocess.run(pip, capture_output=True, text=True, check=False).stdout.splitlines()
    pairs = [line.split("=", 1) for line in lines if "=" in line]  # such as global.index-url='https://...'
    settings = {name.rpartition(".")[2]: value.strip("'\"") for name, value in pairs}
    return {names[name]: value for name, value in settings.items() if name in names}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
