"""`ExperimentBook`: the decisions about all experiments of a store."""

from collections.abc import Callable, Mapping
from typing import final

from mlprod.experiments import _decisions
from mlprod.experiments._config import ExperimentConfig
from mlprod.experiments._events import ExperimentEvent
from mlprod.experiments._state import EXPERIMENTS, Experiments
from mlprod.experiments._values import Experiment
from mlprod.storage import Head, Ledger, Store
from mlprod.typing import Clock

__all__ = ["ExperimentBook"]


@final
class ExperimentBook:
    """Every decision is one commit of a ledger: of two processes that decide at once, one decides first."""

    def __init__(self, store: Store, *, clock: Clock | None = None) -> None:
        """Name the store; nothing is read yet."""
        self._where = store.url
        self._ledger = Ledger(store, EXPERIMENTS, clock=clock)

    def all(self) -> Mapping[str, Experiment]:
        """Return all experiments by id, as they stand, in the order in which they were created."""
        return self._ledger.head().state.by_id

    def find(self, experiment_id: object) -> Experiment:
        """Return an experiment as it stands.

        Raises:
            ExperimentNotFoundError: if there is none of that id.
        """
        return _decisions.find(self._ledger.head().state, experiment_id, self._where)

    def create(
        self,
        experiment_id: str,
        *,
        name: str,
        description: str,
        models: Mapping[str, str],
        config: ExperimentConfig,
    ) -> Experiment:
        """Draw up an experiment."""

        def decide(head: Head[Experiments]) -> list[ExperimentEvent]:
            return _decisions.create(
                head.state, experiment_id, name=name, description=description, models=models, config=config
            )

        return self._ledger.append(decide).head.state.by_id[experiment_id]

    def decide(self, experiment_id: str, rule: Callable[[Experiment], list[ExperimentEvent]]) -> Experiment:
        """Decide about an experiment by a rule, and return it as it stands then."""

        def decide(head: Head[Experiments]) -> list[ExperimentEvent]:
            return rule(_decisions.find(head.state, experiment_id, self._where))

        return self._ledger.append(decide).head.state.by_id[experiment_id]
