"""Large payloads: written checksummed and durable, read verified, mapped."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import numpy.typing as npt
import safetensors.numpy

from benchmarks._measure import Bench, race, timed
from mlprod import ModelSerializer

Weights = dict[str, npt.NDArray[np.float32]]

ROUNDS = 7
PIECE = 1 << 18  # numbers: 1 MiB


def run(bench: Bench) -> None:
    """Save and load one large model."""
    weights = make_weights(bench.mib)
    save(bench, weights)
    load(bench, weights)


def make_weights(mib: int) -> Weights:
    """Return layers of random numbers, this many MiB together."""
    random = np.random.default_rng(0)
    return {f"layers.{i}.weight": random.random((mib, 32_768), dtype=np.float32) for i in range(8)}


def save(bench: Bench, weights: Weights) -> None:
    """Write to a new folder each time, with nothing left to write back by the disk before."""
    folder = bench.folder / "save"

    def alone(write: Callable[[Path], object]) -> Callable[[], float]:
        def once() -> float:
            folder.mkdir()
            os.sync()
            seconds = timed(partial(write, folder / "model"))
            shutil.rmtree(folder)
            return seconds

        return once

    times = race(
        {
            "mlprod": alone(lambda path: ModelSerializer(path).save(weights, "weights")),
            "raw": alone(partial(synced, partial(write_raw, weights))),
            "safetensors": alone(partial(synced, partial(safetensors.numpy.save_file, weights))),
            "safetensors, unsynced": alone(partial(safetensors.numpy.save_file, weights)),
            "joblib": alone(partial(synced, partial(joblib.dump, weights))),
        },
        rounds=ROUNDS,
    )
    work, mine = f"save {bench.mib:,} MiB", times["mlprod"]
    bench.table.compare(work, mine, "write + fsync", times["raw"], at_most=1.3)
    bench.table.compare(work, mine, "safetensors + fsync", times["safetensors"], at_most=1)
    bench.table.compare(work, mine, "safetensors, no fsync", times["safetensors, unsynced"])
    bench.table.compare(work, mine, "joblib + fsync", times["joblib"], at_most=1)


def load(bench: Bench, weights: Weights) -> None:
    """Read what is in the page cache."""
    store = bench.folder / "load"
    ModelSerializer(store).save(weights, "weights")
    (payload,) = store.rglob("*.safetensors")
    pickled = bench.folder / "weights.joblib"
    joblib.dump(weights, pickled)
    os.sync()

    def through_store(**options: object) -> Callable[[], float]:
        return partial(timed, lambda: ModelSerializer(store).load("weights", **options))

    times = race(
        {
            "mlprod": through_store(),
            "raw": partial(timed, payload.read_bytes),
            "safetensors": partial(timed, partial(safetensors.numpy.load_file, payload)),
            "joblib": partial(timed, partial(joblib.load, pickled)),
            "mapped, verified": through_store(mmap=True),
            "mapped": through_store(mmap=True, verify="size"),
        },
        rounds=ROUNDS,
    )
    work, mine = f"load {bench.mib:,} MiB, verified", times["mlprod"]
    bench.table.compare(work, mine, "open().read()", times["raw"], at_most=1.2)
    bench.table.compare(work, mine, "safetensors, unverified", times["safetensors"])
    bench.table.compare(work, mine, "joblib, unverified", times["joblib"])
    bench.table.compare(
        f"map {bench.mib:,} MiB, verified", times["mapped, verified"], "open().read()", times["raw"]
    )
    bench.table.limit(f"map {bench.mib:,} MiB, size checked", times["mapped"], below=0.005)


def synced(write: Callable[[Path], object], path: Path) -> None:
    """Write a file and wait until it is on the disk."""
    write(path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write_raw(weights: Weights, path: Path) -> None:
    """Write the bytes alone, in pieces: in one piece they took three times as long on Linux 6.18."""
    with path.open("wb") as file:
        for array in weights.values():
            flat = array.reshape(-1)
            for start in range(0, flat.size, PIECE):
                file.write(flat[start : start + PIECE])
