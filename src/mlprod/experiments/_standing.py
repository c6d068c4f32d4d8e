"""What follows from how experiments stand, kept until they stand otherwise."""

from typing import Final, final

from mlprod.experiments._recorder import Recorder
from mlprod.experiments._routing import Route
from mlprod.experiments._values import Experiment
from mlprod.experiments._watching import Watcher
from mlprod.storage.journal import renew_in_children

__all__ = ["Standing"]


@final
class Standing:
    """For the hot paths to look into. Every operation on a dictionary used here is atomic.

    Attributes:
        routes: who gets what, by experiment.
        recorders: where records go, by experiment and variant.
        watchers: running sums, by experiment.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.routes: Final[dict[str, Route]] = {}
        self.recorders: Final[dict[tuple[str, str], Recorder]] = {}
        self.watchers: Final[dict[str, Watcher]] = {}
        renew_in_children(self)

    def renew(self) -> None:
        """Begin anew in a forked child, where no thread looks out for decisions of others yet."""
        self.routes.clear()
        self.recorders.clear()
        self.watchers.clear()

    def notice(self, experiment: Experiment) -> None:
        """Forget what followed from how an experiment stood before, if it stands otherwise now."""
        route = self.routes.get(experiment.id)
        if route is not None and route.experiment != experiment:
            self.routes.pop(experiment.id, None)
        watcher = self.watchers.get(experiment.id)
        if watcher is not None and watcher.experiment != experiment:
            self.watchers.pop(experiment.id, None)
            for key in [key for key in list(self.recorders) if key[0] == experiment.id]:
                recorder = self.recorders.pop(key, None)
                if recorder is not None and experiment.is_over:
                    recorder.leave()
