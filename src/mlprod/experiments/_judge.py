"""`Judge`: from what was recorded to what is decided."""

import logging
from collections.abc import Callable, Mapping
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from mlprod._clock import now
from mlprod._facts._owners import asked_of_each
from mlprod.errors import ExperimentStateError, StoreError
from mlprod.experiments import _decisions, _streams
from mlprod.experiments._analysis import analysis_of, conclusion_of
from mlprod.experiments._book import ExperimentBook
from mlprod.experiments._comparing import Samples
from mlprod.experiments._progress import ExperimentOverview, progress_of
from mlprod.experiments._reader import Series, SumsReader, read_series
from mlprod.experiments._stopping import Degradation, find_degraded
from mlprod.experiments._sums import Sums
from mlprod.experiments._values import CONTROL, INCONCLUSIVE, Experiment, ExperimentAnalysis
from mlprod.storage import Store, together
from mlprod.storage.journal import Journal, Reading
from mlprod.typing import Clock

__all__ = ["Judge"]

_log = logging.getLogger("mlprod.experiments")

_NOTHING: Final = Reading({}, 0, {})


@final
class Judge:
    """Ends experiments: when their time is over, when a treatment is worse beyond doubt, when asked to."""

    def __init__(self, book: ExperimentBook, journal: Journal, clock: Clock | None) -> None:
        """Take where decisions and facts are."""
        self._book: Final = book
        self._journal: Final = journal
        self._clock: Final = clock
        self._readers: dict[str, SumsReader] = {}

    def sums(self, experiment: Experiment) -> Sums:
        """Return the sums over everything that was recorded so far, by whichever process."""
        reader = self._readers.get(experiment.id)
        if reader is None:
            reader = self._readers.setdefault(
                experiment.id, SumsReader(experiment.id, len(experiment.models))
            )
        return self._journal.query(_streams.root(experiment.id), reader.read)

    def analysis(self, experiment: Experiment) -> ExperimentAnalysis:
        """Return how an experiment stands."""
        return analysis_of(experiment, self.sums(experiment), self._samples(experiment), now(self._clock))

    def overviews(
        self, store: Store, *, steps: int, on_unreadable: Callable[[str, str], object] | None
    ) -> list[ExperimentOverview]:
        """Return how all experiments stand, from one reading of what they recorded; nothing is decided."""
        experiments = self._book.all()

        def overviews(readings: Mapping[str, Reading]) -> list[ExperimentOverview]:
            recorded = [(experiments[id_], found) for id_, found in readings.items() if id_ in experiments]
            return list(together(store, lambda each: self._overview(*each, steps), recorded))

        try:
            found = asked_of_each(self._journal, _streams.ROOT, overviews, on_unreadable)
        except StoreError as error:
            if on_unreadable is None:
                raise
            found = []
            on_unreadable("", str(error))
        by_id = {each.experiment.id: each for each in found}
        return [by_id.get(id_) or self._overview(one, _NOTHING, steps) for id_, one in experiments.items()]

    def _overview(self, experiment: Experiment, reading: Reading, steps: int) -> ExperimentOverview:
        moment, ends_at = now(self._clock), experiment.ends_at()
        analysis = None
        if experiment.status in {"running", "paused"}:
            sums = SumsReader(experiment.id, len(experiment.models)).read(reading)
            analysis = analysis_of(experiment, sums, self._samples(experiment), moment)
        return ExperimentOverview(
            experiment=experiment,
            analysis=analysis,
            progress=tuple(progress_of(experiment, reading, steps=steps)),
            is_due=ends_at is not None and moment >= ends_at,
        )

    def settle(self, experiment: Experiment) -> Experiment:
        """Do what is due: end an experiment whose time is over, and take units from a degraded treatment.

        Returns:
            The experiment as it stands then, also if another process was faster.
        """
        try:
            ends_at = experiment.ends_at()
            if ends_at is not None and now(self._clock) >= ends_at:
                reason = f"it ran for the {experiment.config.max_duration:g} hours that were planned"
                return self.end(experiment, winner=None, reason=reason, is_early=False)
            if experiment.status == "running" and experiment.config.auto_stop_on_degradation:
                sums = self.sums(experiment)
                for degradation in find_degraded(experiment, sums):
                    experiment = self._withdraw(experiment, degradation, sums)
        except ExperimentStateError:  # somebody else has ended or paused it meanwhile
            return self._book.find(experiment.id)
        return experiment

    def end(
        self,
        experiment: Experiment,
        *,
        winner: str | None,
        reason: str,
        is_early: bool,
        stopped: tuple[Degradation, Sums] | None = None,
    ) -> Experiment:
        """End an experiment.

        Args:
            experiment: as it stands.
            winner: who wins, by decision of the caller; None: by what was recorded.
            reason: why.
            is_early: whether that is before its time.
            stopped: what auto-stop found, and in what.
        """
        _decisions.require_unfinished(experiment)
        degradation, sums = stopped or (None, self.sums(experiment))
        conclusion = conclusion_of(
            experiment,
            sums,
            self._samples(experiment),
            is_planned=not is_early,
            winner=winner,
            because=reason,
            stopped=degradation,
        )
        chosen = None if conclusion.winner == INCONCLUSIVE else conclusion.winner
        return self._book.decide(
            experiment.id,
            lambda found: _decisions.end(
                found, is_early=is_early, winner=chosen, reason=reason, conclusion=conclusion
            ),
        )

    def series(self, experiment: Experiment, metric: str) -> Series:
        """Return all outcomes of a metric, one by one, in time order."""
        return self._journal.query(
            _streams.root(experiment.id), lambda reading: read_series(reading, experiment, metric)
        )

    def _samples(self, experiment: Experiment) -> Samples:
        def samples(metric: str, variant: int) -> NDArray[np.float64]:
            found = self.series(experiment, metric)
            values: NDArray[np.float64] = found.values[found.variants == variant]
            return values

        return samples

    def _withdraw(self, experiment: Experiment, degradation: Degradation, sums: Sums) -> Experiment:
        """Give the units of a treatment to the control; end the experiment if no other treatment is left."""
        if any(_without(self._book.find(experiment.id), degradation.variant)[1:]):
            decided = self._book.decide(
                experiment.id,
                lambda found: _decisions.set_traffic(
                    found, _without(found, degradation.variant), None, degradation.reason
                ),
            )
        else:
            decided = self.end(
                experiment,
                winner=CONTROL,
                reason=degradation.reason,
                is_early=True,
                stopped=(degradation, sums),
            )
        _log.warning(
            "experiment %s: %s", experiment.id, degradation.reason
        )  # whoever is second comes not here
        return decided


def _without(experiment: Experiment, variant: int) -> list[float]:
    """Return the split of now in which the control has the units of a treatment."""
    split = list(experiment.split)
    split[0] += split[variant]
    split[variant] = 0.0
    return split
