"""The driver: every fault, at every store operation of every mutation and of every reader.

A `Scene` says what there is before, how a process begins and what a user can see. A mutation is a list of
steps that one process takes. Whatever goes wrong in a step, one sees what was there before it or what is
there after it; the same process, or after a crash the next one, tries again and gets to the same end.
"""

import contextlib
import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs

from mlprod.errors import StoreError
from mlprod.storage import MemoryStore, Store
from mlprod.testing import Fault, FaultyStore, SimulatedCrashError

UNSEEN = (Fault.TORN_LISTING, Fault.DELAYED_LISTING)
CRASHES = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
READING = (Fault.CRASH_BEFORE, Fault.ERROR, *UNSEEN)  # to read changes nothing: the others are the same
ROOTS = ("alerts", "drift", "experiments", "journal", "models")


def nothing(*_: object) -> None:
    """Do nothing."""


def is_reading(operation: str) -> bool:
    """Return whether an operation changes nothing."""
    return operation.startswith(("get ", "list ", "size "))


def unchanged(found: object) -> object:
    """Return what was found."""
    return found


@attrs.frozen(kw_only=True)
class Scene:
    """What mutations of one class act on.

    Attributes:
        about: the class, or the package.
        files: gives the files of a store with some history.
        opened: gives an instance on a store, as a new process makes it.
        seen: gives all that a user can see of a store; to look changes nothing.
        backend: makes the empty store behind the faults.
        outlives: whether a store outlives its process; else nobody but that process ever looks into it.
        die: lets go of what a process holds that has crashed.
        is_honest: whether an error means that nothing was done, also when the answer was lost.
        facts: of what is seen, that which stays true when somebody was not shown all that was recorded, and
            decided without it.
        refusals: what is raised where something was done already.
        tidy: cleans up long after; checks that nothing is left over.
    """

    about: Any
    files: Callable[[], Mapping[str, bytes]]
    opened: Callable[[Store], Any]
    seen: Callable[[Store], Any]
    backend: Callable[[], Store] = MemoryStore
    outlives: bool = True
    die: Callable[[Any], None] = nothing
    is_honest: bool = True
    facts: Callable[[Any], Any] | None = None
    refusals: tuple[type[Exception], ...] = ()
    tidy: Callable[[Store], None] = nothing

    def prepared(self) -> Store:
        """Return a new store with those files."""
        store = self.backend()
        for path, data in self.files().items():
            store.put(path, data)
        return store

    def operations(self, log: Sequence[str], fault: Fault) -> Iterator[int]:
        """Give the numbers of the operations at which a fault can make a difference."""
        for at, operation in enumerate(log, 1):
            if fault in UNSEEN and not operation.startswith("list "):
                continue
            if fault not in READING and is_reading(operation):
                continue
            if fault not in CRASHES or self.outlives:  # else what dies with the process, dies with the store
                yield at


@attrs.frozen
class Rehearsal:
    """A mutation where nothing goes wrong.

    Attributes:
        log: its operations.
        seen: what is seen before and after each step.
        twice: what is seen after all steps were taken again.
    """

    log: Sequence[str]
    seen: Sequence[Any]
    twice: Any


@functools.cache
def rehearsed(scene: Scene, steps: Sequence[Callable[[Any], object]]) -> Rehearsal:
    """Take the steps without a fault."""
    inner = scene.prepared()
    store = FaultyStore(inner)
    process, seen = scene.opened(store), [scene.seen(inner)]
    for step in steps:
        step(process)
        seen.append(scene.seen(inner))
    scene.die(process)
    take_again(scene, inner, steps)
    return Rehearsal(store.log, seen, scene.seen(inner))


def take_again(scene: Scene, store: Store, steps: Sequence[Callable[[Any], object]]) -> None:
    """Take all steps in a new process; those that are refused were taken before."""
    process = scene.opened(store)
    for step in steps:
        with contextlib.suppress(*scene.refusals):
            step(process)
    scene.die(process)


def try_mutation(scene: Scene, steps: Sequence[Callable[[Any], object]], fault: Fault) -> int:
    """Let every operation of a mutation go wrong, each in a new store; return how many there were."""
    plan, tried = rehearsed(scene, steps), 0
    for at in scene.operations(plan.log, fault):
        tried += 1
        inner = scene.prepared()
        store = FaultyStore(inner, at=at, fault=fault)
        process, done = scene.opened(store), 0
        while done < len(steps):
            try:
                steps[done](process)
            except SimulatedCrashError:
                scene.die(process)
                process = scene.opened(inner)
                is_known = False
            except StoreError:  # nothing else may come out
                is_known = scene.is_honest
            else:
                done += 1
                continue
            if scene.outlives:
                found, (old, new) = scene.seen(inner), plan.seen[done : done + 2]
                assert found == old or (found == new and not is_known), store.log
                done += old != new == found  # it was done in spite of all: whoever looks need not repeat it
        is_blind = fault in UNSEEN and plan.log[at - 1].startswith("list journal/")
        told = scene.facts if is_blind and scene.facts else unchanged
        if scene.outlives:
            assert told(plan.seen[-1]) == told(scene.seen(inner)), store.log
        scene.die(process)
        if fault in UNSEEN or not is_reading(plan.log[at - 1]):  # else all is as it is without a fault
            take_again(scene, inner, steps)
            assert told(plan.twice) == told(scene.seen(inner)), store.log
        scene.tidy(inner)
    return tried


def try_reader(scene: Scene, read: Callable[[Any], object], fault: Fault) -> int:
    """Let every operation of a reader go wrong; return how many there were."""
    clean, tried = FaultyStore(scene.prepared()), 0
    right = read(scene.opened(clean))
    for at in scene.operations(clean.log, fault):
        tried += 1
        inner = scene.prepared()
        store = FaultyStore(inner, at=at, fault=fault)
        process = scene.opened(store)
        try:
            answer = read(process)
        except (SimulatedCrashError, StoreError):  # nothing else may come out
            process = scene.opened(inner) if fault in CRASHES else process
            answer = read(process)
        if answer != right and fault in UNSEEN:
            assert answer == read(scene.opened(without_hidden(scene, clean.log[at - 1], fault))), store.log
            answer = read(process)
        assert right == answer, store.log
        assert scene.files() == contents(inner), store.log
    return tried


class Unlisted:
    """A store that never lists some files: it is as if they were not there yet."""

    def __init__(self, inner: Store, hidden: Collection[str]) -> None:
        """Name the store and the files."""
        self._inner, self._hidden = inner, hidden

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def list(self, folder: str) -> list[str]:
        """Return the paths of the other files below a folder."""
        return [path for path in self._inner.list(folder) if path not in self._hidden]


def without_hidden(scene: Scene, operation: str, fault: Fault) -> Store:
    """Return a store that never lists what a faulty listing has not shown."""
    inner = scene.prepared()
    listed = inner.list(operation.removeprefix("list "))
    return Unlisted(inner, listed if fault is Fault.DELAYED_LISTING else listed[1::2])


def contents(store: Store) -> Mapping[str, bytes]:
    """Return all files of a store."""
    return {path: store.get(path) for root in ROOTS for path in store.list(root)}


def public_names(subject: type) -> set[str]:
    """Return what a class offers, without the second spelling of it."""
    return {name for name in vars(subject) if name[0] != "_" and name == name.lower()}


def names_in(*tables: Mapping[str, object]) -> set[str]:
    """Return the names at the beginning of the keys of tables: ``"save, with retention"`` is about `save`."""
    return {key.partition(",")[0] for table in tables for key in table}


def let_die(process: Any) -> None:
    """Let go of everything as a process does that dies: nothing is flushed, all files are closed."""
    process._journal._place._segments.clear()
    vars(process).clear()


def changes(scene: Scene, steps: Sequence[Callable[[Any], object]]) -> bool:
    """Return whether one sees that a mutation was done."""
    plan = rehearsed(scene, tuple(steps))
    return plan.seen[0] != plan.seen[-1]
