"""`Watcher`: auto-stop of one experiment, looked at as outcomes arrive."""

from collections.abc import Callable
from typing import Final, final

from mlprod.experiments._evidence import evidence_of
from mlprod.experiments._stopping import Guard
from mlprod.experiments._sums import Sums
from mlprod.experiments._tally import Tally
from mlprod.experiments._values import Experiment

__all__ = ["Watcher"]


@final
class Watcher:
    """Running sums of all guarded metrics of an experiment.

    Attributes:
        experiment: as it stands.
        tallies: by metric; none if nothing is to be stopped.
    """

    def __init__(self, experiment: Experiment, suspect: Callable[[], None]) -> None:
        """Begin without outcomes; see `reset`."""
        self.experiment: Final = experiment
        config = experiment.config
        is_watched = config.auto_stop_on_degradation and config.mode == "split"
        self._guards = [
            Guard.of(metric, config, len(experiment.models))
            for metric in (config.guarded if is_watched else ())
        ]
        self.tallies: Final = {guard.metric.name: Tally(guard, suspect) for guard in self._guards}

    def reset(self, sums: Sums) -> None:
        """Begin anew from what was recorded by all processes."""
        phase, variants = len(self.experiment.phases) - 1, range(len(self.experiment.models))
        for guard in self._guards:
            name = guard.metric.name
            now = [sums.cell(name, variant, phase).moments.outcome for variant in variants]
            earlier = [
                evidence_of(guard.metric, sums, variant, guard.planned, before=phase).log_e()
                for variant in variants
            ]
            self.tallies[name].reset(now, earlier)
