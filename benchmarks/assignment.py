"""What assigning a unit costs: one by one beside the GrowthBook SDK, and many at once."""

from functools import partial

from growthbook import Experiment, GrowthBook

from benchmarks._measure import Bench, race, timed
from mlprod import ABTestingManager

CALLS = 20_000
UNITS = 1_000_000
ROUNDS = 9
BATCHES = 5
EXPERIMENT = "exits"


def run(bench: Bench) -> None:
    """Assign one by one, then many at once."""
    with ABTestingManager(bench.folder) as manager:
        manager.create_experiment("Exits", "", "old", "new", id=EXPERIMENT, check_models=False)
        manager.start_experiment(EXPERIMENT)
        one_by_one(bench, manager)
        at_once(bench, manager)


def one_by_one(bench: Bench, manager: ABTestingManager) -> None:
    """Ask for a variant, beside an SDK whose objects are there already."""
    sdk = GrowthBook(attributes={"id": "user-1"})
    experiment = Experiment(key=EXPERIMENT, variations=("control", "treatment"))

    def ours() -> None:
        for _ in range(CALLS):
            manager.get_variant(EXPERIMENT, "user-1")

    def theirs() -> None:
        for _ in range(CALLS):
            sdk.run(experiment)

    times = race(
        {"mlprod": lambda: timed(ours) / CALLS, "peer": lambda: timed(theirs) / CALLS}, rounds=ROUNDS
    )
    bench.table.compare(
        "get_variant", times["mlprod"], "GrowthBook.run, reused object", times["peer"], at_most=0.08
    )


def at_once(bench: Bench, manager: ABTestingManager) -> None:
    """Assign many units, beside a loop over them."""
    units = [f"user-{number}" for number in range(UNITS)]
    times = race(
        {
            "batch": partial(timed, lambda: manager.assign(EXPERIMENT, units)),
            "loop": partial(timed, lambda: [manager.get_variant(EXPERIMENT, unit) for unit in units]),
        },
        rounds=BATCHES,
    )
    bench.table.compare(
        f"assign {UNITS:,} ids", times["batch"], "loop of get_variant", times["loop"], at_most=0.5
    )
