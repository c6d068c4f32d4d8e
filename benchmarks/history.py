"""A long history: the 10,000th save beside the 10th, and what opening and listing cost then."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from statistics import mean, median

from benchmarks._measure import Bench, fresh, race, timed
from mlprod import ModelSerializer
from mlprod.storage import MemoryStore

SHORT = 10
SAVES = 256  # 10,000 decisions on there is a snapshot every 128
ROUNDS = 5
OPENING = """
import sys, time
from mlprod import ModelSerializer
begun = time.perf_counter()
ModelSerializer(sys.argv[1]).{}
print(time.perf_counter() - begun)
"""


def run(bench: Bench) -> None:
    """Save many versions of one model, then many models."""
    one_model(bench)
    many_models(bench)


def one_model(bench: Bench) -> None:
    """Save to a long and to a short history in turn; open both in fresh processes."""
    long = prepare(bench.folder / "long", ["momentum"] * bench.saves)
    short = prepare(bench.folder / "short", ["momentum"] * SHORT)
    saves = race(
        {"long": partial(timed, partial(save, long)), "short": partial(timed, partial(save, short))},
        rounds=SAVES,
    )
    work, peer = (
        f"save {bench.saves:,} to {bench.saves + SAVES:,} of a model",
        f"save {SHORT} to {SHORT + SAVES}",
    )
    for name, measure, at_most in (("median", median, 2), ("mean", mean, None), ("slowest", max, None)):
        ours, theirs = [measure(saves["long"])], [measure(saves["short"])]
        bench.table.compare(f"{work}, {name}", ours, peer, theirs, at_most=at_most)
    code = OPENING.format("load('momentum')")
    loads = race(
        {
            "long": partial(fresh, code, long.store.url),
            "short": partial(fresh, code, short.store.url),
        },
        rounds=ROUNDS,
    )
    bench.table.compare(
        f"first load, {bench.saves:,} saves", loads["long"], f"{SHORT + SAVES} saves", loads["short"]
    )


def many_models(bench: Bench) -> None:
    """List as many models as there are names."""
    models = prepare(bench.folder / "names", [f"model-{number}" for number in range(bench.saves)])
    times = race(
        {
            "warm": partial(timed, models.list_models),
            "cold": partial(fresh, OPENING.format("list_models()"), models.store.url),
        },
        rounds=ROUNDS,
    )
    bench.table.limit(f"list {bench.saves:,} models, warm", times["warm"], below=0.2)
    bench.table.limit(f"list {bench.saves:,} models, fresh process", times["cold"])


def prepare(folder: Path, names: Iterable[str]) -> ModelSerializer:
    """Return a store in a folder after one save per name, made in memory to spare the disk the syncs."""
    memory = MemoryStore()
    models = ModelSerializer(memory)
    for name in names:
        save(models, name)
    for path in memory.list("models"):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(memory.get(path))
    return ModelSerializer(folder)


def save(models: ModelSerializer, name: str = "momentum") -> None:
    """Save a small model, as somebody does who refits one every hour."""
    models.save({"threshold": 0.5}, name, {"accuracy": 0.7, "sharpe": 1.3}, {"window": 20})
