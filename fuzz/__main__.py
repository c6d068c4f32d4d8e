"""Fuzz the decoders: all of them, or those that are named, one after the other.

``python3 dev.py fuzz`` gives each a minute, ``python3 dev.py fuzz -- --seconds 600 block`` one of them ten.
What was found lies in ``.fuzz/found``, and ``python3 dev.py fuzz -- --input FILE block`` decodes it again.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from fuzz.targets import TARGETS
from fuzz.watch import hook, watched

_HERE = Path(__file__).parent.parent
_FOLDER = Path(".fuzz")
_CORPUS = _HERE / "tests" / "fuzz" / "corpus"
_MEMORY_MIB = 2048
_SECONDS_EACH = 30  # to decode one input; a whole store takes one or two, on a busy machine ten


def main() -> int:
    """Return 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="target", help=f"of {', '.join(TARGETS)}; default: all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: %(default)s)")
    parser.add_argument("--input", type=Path, help="decode this file once, by the one target that is named")
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    if options.input is not None:
        if len(options.targets) != 1:
            parser.error("--input needs the name of one target")
        return _reproduce(options.targets[0], options.input)
    found = {name: _fuzzed(name, options.seconds) for name in options.targets or TARGETS}
    for name, inputs in found.items():
        for path in inputs:
            print(f"found: python3 dev.py fuzz -- --input {path} {name}")
    return int(any(found.values()))


def _reproduce(name: str, path: Path) -> int:
    raw = path.read_bytes()
    target = TARGETS[name]
    target.warm_up()
    hook()
    with watched(target.may_import):
        print(f"{path}: {'read' if target.accepts(raw) else 'refused, as it should be'}")
    return 0


def _fuzzed(name: str, seconds: int) -> list[Path]:
    """Run a target for so long; return the inputs that it failed on."""
    target = TARGETS[name]
    if not target.is_available:
        print(f"{name}: skipped, {' or '.join(target.needs)} is not installed")
        return []
    corpus, artifacts = _FOLDER / "corpus" / name, _FOLDER / "found" / name
    for folder in (corpus, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.files()):
        (corpus / f"seed-{number}").write_bytes(seed)
    for path in (_CORPUS / name).glob("*.bin"):
        shutil.copy(path, corpus)
    before = set(artifacts.iterdir())
    limits = [f"-rss_limit_mb={_MEMORY_MIB}", f"-timeout={_SECONDS_EACH}", f"-max_total_time={seconds}"]
    options = ["-max_len=131072", "-len_control=0", "-print_final_stats=1", f"-artifact_prefix={artifacts}/"]
    command = [sys.executable, "-m", "fuzz.drive", name, *limits, *options, str(corpus)]
    log = _FOLDER / f"{name}.log"
    with log.open("wb") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False)
    lines = log.read_text(errors="replace").splitlines()
    counted = (line.split()[-1] for line in lines if "number_of_executed_units" in line)
    runs = next(counted, "an unknown number of")
    new = set(artifacts.iterdir()) - before
    inputs = sorted(path for path in new if not path.name.startswith("slow-unit"))  # slow is no failure
    print(f"{name}: {runs} inputs, {len(inputs)} found", flush=True)
    if done.returncode:
        print("\n".join(lines[-30:]), f"\n{name} ended with {done.returncode}; see {log}", flush=True)
        return inputs or [log]
    return inputs


if __name__ == "__main__":
    sys.exit(main())
