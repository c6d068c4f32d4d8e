"""Runs one target under libFuzzer, guided by coverage: ``python -m fuzz.drive <target> [its options]``."""

import logging
import random
import sys
import warnings

import atheris

from fuzz.damage import damaged, damaged_document
from fuzz.watch import hook, watched

with atheris.instrument_imports(include=["mlprod"]):
    from fuzz.target import Target
    from fuzz.targets import TARGETS

__all__: list[str] = []

_FRAMED = 0.7  # so often the document inside is changed; else the bytes as they are


def main(arguments: list[str]) -> None:
    """Run until the time is up, or something else than an error of the library came out."""
    hook()
    logging.disable()
    warnings.simplefilter("ignore")
    target = TARGETS[arguments[0]]
    target.warm_up()

    def try_one(raw: bytes) -> None:
        with watched(target.may_import):
            target.accepts(raw)

    def mutate(raw: bytes, largest: int, seed: int) -> bytes:
        return _mutated(target, raw, random.Random(seed))[:largest]

    atheris.Setup(arguments, try_one, custom_mutator=mutate)
    atheris.Fuzz()


def _mutated(target: Target, raw: bytes, source: random.Random) -> bytes:
    frame = target.frame(raw)
    if frame is not None and source.random() < _FRAMED:
        try:
            document, rest = frame.split(raw)
            if rest and source.random() < 1 - _FRAMED:
                return frame.join(document, damaged(rest, source))
            return frame.join(damaged_document(document, source), rest)
        except Exception:  # noqa: BLE001 - too damaged to be taken apart: then byte by byte
            return damaged(raw, source)
    if source.random() < _FRAMED:
        return atheris.Mutate(raw, len(raw) + 64)
    return damaged(raw, source)


if __name__ == "__main__":
    main(sys.argv[1:])
