"""Who gets which variant, as an experiment stands."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias, final

import attrs
import numpy as np
from numpy.typing import NDArray

from mlprod._names import shorten
from mlprod.errors import InvalidDataError
from mlprod.experiments._assignment import Assigner, Namespace
from mlprod.experiments._ranges import Ranges, whole_part
from mlprod.experiments._values import CONTROL, Experiment, Variant

__all__ = ["Outside", "Route", "route_of"]

_Audience: TypeAlias = Mapping[str, frozenset[Any]]


@final
class Outside(str):
    """The id of the control where it is given to a unit that does not take part.

    It is equal to the id of the control in every way, but what is recorded under it is not counted.
    """

    __slots__ = ()


@final
class Route:
    """Gives units their variants, by what was decided about an experiment so far.

    Attributes:
        experiment: as it stands.
    """

    __slots__ = ("_assigner", "_audience", "_index", "_outsider", "_variants", "experiment")

    def __init__(
        self, experiment: Experiment, assigner: Assigner, variants: tuple[Variant, ...], outsider: Variant
    ) -> None:
        """Take what to choose from.

        Args:
            experiment: as it stands.
            assigner: says which of them, or none.
            variants: in the order of their numbers.
            outsider: who does not take part gets this.
        """
        self.experiment: Final = experiment
        self._assigner = assigner
        self._index = assigner.index
        self._variants = (*variants, outsider)  # -1 is the last one
        self._outsider = outsider
        audience = experiment.config.audience
        self._audience: _Audience | None = (
            {key: frozenset(values) for key, values in audience.items()} if audience else None
        )

    def variant(self, unit: object, context: Mapping[str, Any] | None) -> Variant:
        """Return what a unit gets.

        Raises:
            InvalidDataError: if this can be no unit, or no context.
        """
        found = self._variants[self._index(unit)]
        if self._audience is None and context is None:
            return found
        return found if self._is_meant(context) else self._outsider

    def indices(self, units: Iterable[object]) -> NDArray[np.intp]:
        """Return the numbers of the variants of many units, -1 for those that do not take part."""
        return self._assigner.indices(units)

    def _is_meant(self, context: Mapping[str, Any] | None) -> bool:
        if context is not None and not isinstance(context, Mapping):
            raise InvalidDataError(f"a context must be a mapping, not {shorten(context)}")
        if self._audience is None:
            return True
        given = context or {}
        try:
            return all(key in given and given[key] in allowed for key, allowed in self._audience.items())
        except TypeError as error:
            raise InvalidDataError(
                f"a context holds texts, integers or booleans, not lists and the like: {shorten(context)}"
            ) from error


def route_of(experiment: Experiment) -> Route:
    """Return who gets what now: their variants while it runs, else everybody the winner, or the control."""
    config, phase = experiment.config, experiment.phases[-1]
    variants = experiment.variants
    is_split = experiment.status == "running" and config.mode == "split"
    outsider = attrs.evolve(variants[0], id=Outside(CONTROL), enrolled=False)
    if experiment.is_over and experiment.winner is not None:
        winner = next(variant for variant in variants if variant.id == experiment.winner)
        outsider = attrs.evolve(winner, id=Outside(winner.id), enrolled=False)
    namespace = Namespace(config.namespace, *config.namespace_range) if config.namespace else None
    assigner = Assigner(
        config.salt or "",
        experiment.id,
        Ranges(len(variants), phase.ends, phase.owners),
        enrolled=whole_part(phase.allocation, "traffic_allocation") if is_split else 0,
        namespace=namespace if is_split else None,
    )
    return Route(experiment, assigner, variants, outsider)
