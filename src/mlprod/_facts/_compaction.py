"""Many small files become few large ones: what of a journal is rewritten, and how."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._facts._outcomes import Outcomes
from mlprod._facts._repeats import without_repeats
from mlprod.storage.journal import Change, Journal, Layout, Part, Reading, Summarize, Table

__all__ = ["Domain", "compact"]

LARGEST_BLOCK_ROWS: Final = 1 << 20
_ADOPTED_ROWS = 1 << 17


@final
@attrs.frozen(kw_only=True)
class Domain:
    """Streams that are compacted together, because outcomes move from one to the others.

    Attributes:
        prefix: what the names of all of them begin with.
        actuals: the stream of outcomes.
        predictions: what the names of the streams begin with whose records have outcomes.
        layout: the records of these.
        summarize: returns what is kept beside a block.
        unique: for a stream, the column of ids of which only the first record counts.
    """

    prefix: str
    actuals: str
    predictions: str
    layout: Layout
    summarize: Summarize
    unique: Mapping[str, str] = attrs.field(factory=dict[str, str])


def compact(journal: Journal, domain: Domain) -> bool:
    """Move what nobody writes to any more into blocks, and outcomes to their predictions.

    Predictions, and the outcomes that went to them, change in one decision: no reader sees an
    outcome twice, or not at all.

    Returns:
        Whether anything was done.
    """
    is_done = False
    while _compact_some(journal, domain):  # a bounded amount of records at a time
        is_done = True
    return is_done


def _compact_some(journal: Journal, domain: Domain) -> bool:
    with journal.sealed(domain.prefix) as reading:
        awaited = journal.query(domain.prefix, lambda everything: _ids_outside(reading, everything, domain))
        changes = _changes(reading, domain, awaited)
        return bool(changes) and journal.replace(changes, domain.summarize)


@final
@attrs.frozen
class _Rewriting:
    """What happens to one stream of predictions, and which outcomes it takes in."""

    change: Change | None
    taken: NDArray[np.uint64]


def _ids_outside(reading: Reading, everything: Reading, domain: Domain) -> NDArray[np.uint64]:
    """Return the ids of predictions in files that are still written to: their outcomes have to wait.

    An outcome may belong to several predictions, e.g. of two versions side by side: it leaves with the last.
    """
    sealed = {part.path for parts in reading.parts.values() for part in parts}
    outside = [
        part.table(domain.layout)["prediction_id"]
        for stream, parts in everything.parts.items()
        for part in parts
        if stream.startswith(domain.predictions) and part.path not in sealed
    ]
    return np.concatenate([np.empty(0, np.uint64), *outside])


def _changes(reading: Reading, domain: Domain, awaited: NDArray[np.uint64]) -> list[Change]:
    actuals = domain.actuals
    outcomes = Outcomes.of(reading.of(actuals))
    ready = outcomes.without(awaited)
    changes: list[Change] = []
    taken = [np.empty(0, np.uint64)]
    for stream, parts in reading.parts.items():
        if stream.startswith(domain.predictions):
            rewriting = _predictions(stream, domain.layout, parts, ready)
            taken.append(rewriting.taken)
            changes.extend([rewriting.change] if rewriting.change else [])
        elif stream != actuals:
            changes.extend(_merged(stream, parts, domain.unique.get(stream)))
    if _is_new(reading.of(actuals)) or any(map(len, taken)):
        left = outcomes.without(np.concatenate(taken)).table
        rest = [left.take(np.argsort(left["time"], kind="stable"))] if len(left) else []
        changes.append(Change(stream=actuals, sources=reading.of(actuals), tables=rest))
    return changes


def _predictions(stream: str, layout: Layout, parts: Sequence[Part], outcomes: Outcomes) -> _Rewriting:
    """Merge small parts, adopt large ones as they are, and rewrite those whose outcomes have arrived."""
    hits = {
        part.path: outcomes.matches(part.table(layout))[1] if len(outcomes) else np.empty(0, np.intp)
        for part in parts
    }
    adopted = [part for part in parts if _is_adoptable(part) and not len(hits[part.path])]
    small = _chosen([part for part in parts if part not in adopted])
    hit = [part for part in parts if len(hits[part.path]) and part not in small]
    taken = outcomes.table["prediction_id"][np.concatenate([np.empty(0, np.intp), *hits.values()])]
    if not (adopted or small or hit):
        return _Rewriting(None, taken)
    tables = [*_rewritten(layout, small, outcomes)]
    for part in hit:
        tables.extend(_rewritten(layout, [part], outcomes))
    return _Rewriting(Change(stream=stream, sources=[*small, *hit], adopted=adopted, tables=tables), taken)


def _merged(stream: str, parts: Sequence[Part], unique: str | None) -> Iterable[Change]:
    """Merge small parts of the same layout; what was recorded again under one id is left out."""
    groups: dict[Layout, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.load().layout, []).append(part)
    for layout, group in groups.items():
        chosen = _chosen(group)
        if chosen:
            table = _joined(layout, chosen)
            if unique is not None and layout.has(unique):
                table = without_repeats(table, unique, [part for part in group if part not in chosen])
            yield Change(stream=stream, sources=chosen, tables=list(_cut(table)))


def _rewritten(layout: Layout, parts: Sequence[Part], outcomes: Outcomes) -> Iterable[Table]:
    table = _joined(layout, parts)
    return _cut(outcomes.applied_to(table) if len(outcomes) else table)


def _joined(layout: Layout, parts: Sequence[Part]) -> Table:
    return Table.joined(layout, [part.load() for part in parts]).in_time_order()


def _cut(table: Table) -> Iterable[Table]:
    """Give the records in tables of the size of a block; none if there are none."""
    for first in range(0, len(table), LARGEST_BLOCK_ROWS):
        yield table.take(slice(first, first + LARGEST_BLOCK_ROWS))


def _chosen(parts: Sequence[Part]) -> list[Part]:
    """Return the raw parts, and the blocks that are no larger than what they would be merged with.

    In this way each record is rewritten a number of times that grows with the logarithm of their number.
    """
    raw = [part for part in parts if not part.is_block]
    if not raw:
        return []
    chosen = {part.path for part in raw}
    rows = sum(part.rows for part in raw)
    for part in sorted((part for part in parts if part.is_block), key=lambda part: part.rows):
        if part.rows > rows or rows + part.rows > LARGEST_BLOCK_ROWS:
            break
        chosen.add(part.path)
        rows += part.rows
    return [part for part in parts if part.path in chosen]  # as they were: equal times keep their order


def _is_adoptable(part: Part) -> bool:
    return not part.is_block and part.path.endswith(".col") and part.rows >= _ADOPTED_ROWS


def _is_new(parts: Iterable[Part]) -> bool:
    return any(not part.is_block for part in parts)
