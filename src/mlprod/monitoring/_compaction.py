"""Many small files become few large ones: what of a model's journal is rewritten, and how."""

from collections.abc import Iterable, Sequence
from typing import Final, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod.monitoring import _streams
from mlprod.monitoring._aggregate import Rules
from mlprod.monitoring._outcomes import Outcomes
from mlprod.monitoring._summary import summarize
from mlprod.storage import join
from mlprod.storage.journal import Change, Journal, Layout, Part, Reading, Table

__all__ = ["compact"]

LARGEST_BLOCK_ROWS: Final = 1 << 20
_ADOPTED_ROWS = 1 << 17


def compact(journal: Journal, model_id: str, rules: Rules) -> bool:
    """Move what nobody writes to any more into blocks, and outcomes to their predictions.

    Predictions, and the outcomes that went to them, change in one decision: no reader sees an
    outcome twice, or not at all.

    Returns:
        Whether anything was done.
    """
    is_done = False
    while _compact_some(journal, model_id, rules):  # a bounded amount of records at a time
        is_done = True
    return is_done


def _compact_some(journal: Journal, model_id: str, rules: Rules) -> bool:
    prefix = join(_streams.ROOT, model_id)
    with journal.sealed(prefix) as reading:
        awaited = journal.query(prefix, lambda everything: _ids_outside(reading, everything, model_id))
        changes = _changes(reading, model_id, awaited)
        return bool(changes) and journal.replace(changes, lambda table: _summarize(table, rules))


def _summarize(table: Table, rules: Rules) -> dict[str, object]:
    return dict(summarize(table, rules)) if table.layout == _streams.PREDICTION else {}


@final
@attrs.frozen
class _Rewriting:
    """What happens to one stream of predictions, and which outcomes it takes in."""

    change: Change | None
    taken: NDArray[np.uint64]


def _ids_outside(reading: Reading, everything: Reading, model_id: str) -> NDArray[np.uint64]:
    """Return the ids of predictions in files that are still written to: their outcomes have to wait.

    An outcome may belong to several predictions, e.g. of two versions side by side: it leaves with the last.
    """
    sealed = {part.path for parts in reading.parts.values() for part in parts}
    outside = [
        part.load()["prediction_id"]
        for stream, parts in everything.parts.items()
        for part in parts
        if stream.startswith(_streams.predictions(model_id, "")) and part.path not in sealed
    ]
    return np.concatenate([np.empty(0, np.uint64), *outside])


def _changes(reading: Reading, model_id: str, awaited: NDArray[np.uint64]) -> list[Change]:
    actuals = _streams.actuals(model_id)
    outcomes = Outcomes.of(reading.of(actuals))
    ready = outcomes.without(awaited)
    changes: list[Change] = []
    taken = [np.empty(0, np.uint64)]
    for stream, parts in reading.parts.items():
        if stream.startswith(_streams.predictions(model_id, "")):
            rewriting = _predictions(stream, parts, ready)
            taken.append(rewriting.taken)
            changes.extend([rewriting.change] if rewriting.change else [])
        elif stream != actuals:
            changes.extend(_merged(stream, parts))
    if _is_new(reading.of(actuals)) or any(map(len, taken)):
        left = outcomes.without(np.concatenate(taken)).table
        rest = [left.take(np.argsort(left["time"], kind="stable"))] if len(left) else []
        changes.append(Change(stream=actuals, sources=reading.of(actuals), tables=rest))
    return changes


def _predictions(stream: str, parts: Sequence[Part], outcomes: Outcomes) -> _Rewriting:
    """Merge small parts, adopt large ones as they are, and rewrite those whose outcomes have arrived."""
    hits = {
        part.path: outcomes.matches(part.load())[1] if len(outcomes) else np.empty(0, np.intp)
        for part in parts
    }
    adopted = [part for part in parts if _is_adoptable(part) and not len(hits[part.path])]
    small = _chosen([part for part in parts if part not in adopted])
    hit = [part for part in parts if len(hits[part.path]) and part not in small]
    taken = outcomes.table["prediction_id"][np.concatenate([np.empty(0, np.intp), *hits.values()])]
    if not (adopted or small or hit):
        return _Rewriting(None, taken)
    tables = [*_tables(_streams.PREDICTION, small, outcomes)]
    for part in hit:
        tables.extend(_tables(_streams.PREDICTION, [part], outcomes))
    return _Rewriting(Change(stream=stream, sources=[*small, *hit], adopted=adopted, tables=tables), taken)


def _merged(stream: str, parts: Sequence[Part]) -> Iterable[Change]:
    """Merge small parts of the same layout."""
    groups: dict[Layout, list[Part]] = {}
    for part in parts:
        groups.setdefault(part.load().layout, []).append(part)
    for layout, group in groups.items():
        chosen = _chosen(group)
        if chosen:
            yield Change(stream=stream, sources=chosen, tables=list(_tables(layout, chosen, None)))


def _tables(layout: Layout, parts: Sequence[Part], outcomes: Outcomes | None) -> Iterable[Table]:
    if not parts:
        return
    table = Table.joined(layout, [part.load() for part in parts]).in_time_order()
    if outcomes is not None and len(outcomes):
        table = outcomes.applied_to(table)
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
