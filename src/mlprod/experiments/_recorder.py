"""The writing half of the manager: where what is recorded of one variant goes."""

from collections.abc import Mapping
from typing import Final, final

from mlprod._facts._outcomes import ACTUAL
from mlprod.experiments import _streams
from mlprod.experiments._metric import BUILT_IN, custom_name
from mlprod.experiments._tally import Tally
from mlprod.experiments._values import Experiment
from mlprod.storage.journal import Appender, Journal

__all__ = ["PNL", "RETURNS", "WIN", "Recorder"]

WIN: Final = 0
PNL: Final = 1
RETURNS: Final = 2
"""What of a trade is looked at."""

_TRADED: Final = {"win_rate": WIN, "pnl": PNL, "returns": RETURNS}


@final
class Recorder:
    """Records what one variant did, in the phase of now.

    Attributes:
        experiment: as it stands.
        is_shadow: whether all variants are scored on every unit.
        variant: the number of the variant.
        phase: the number of the phase.
        trades: where trades go.
        predictions: where predictions go.
        shadows: where what all variants said goes.
        actuals: where outcomes go that arrive later.
        tallies: running sums that auto-stop looks at, by metric.
        trade_tallies: how to add to those over trades: what of a trade, and a function.
        prediction_tallies: those over predictions, by metric.
    """

    __slots__ = (
        "_custom",
        "_journal",
        "actuals",
        "experiment",
        "is_shadow",
        "phase",
        "prediction_tallies",
        "predictions",
        "shadows",
        "tallies",
        "trade_tallies",
        "trades",
        "variant",
    )

    def __init__(
        self, journal: Journal, experiment: Experiment, variant: int, tallies: Mapping[str, Tally]
    ) -> None:
        """Open nothing yet: appenders open their files at their first record."""
        self._journal = journal
        self._custom: dict[str, Appender] = {}
        self.experiment: Final = experiment
        self.is_shadow: Final = experiment.config.mode == "shadow"
        self.variant: Final = variant
        self.phase: Final = len(experiment.phases) - 1
        self.trades: Final = journal.appender(_streams.trades(experiment.id), _streams.TRADE)
        self.predictions: Final = journal.appender(_streams.predictions(experiment.id), _streams.PREDICTION)
        shadow = _streams.shadow_layout(len(experiment.models))
        self.shadows: Final = journal.appender(_streams.shadows(experiment.id), shadow)
        self.actuals: Final = journal.appender(_streams.actuals(experiment.id), ACTUAL)
        self.tallies: Final = tallies
        self.trade_tallies: Final = tuple(
            (_TRADED[name], tally.add) for name, tally in tallies.items() if name in _TRADED
        )
        self.prediction_tallies: Final = tuple(
            (name, tally)
            for name, tally in tallies.items()
            if name in BUILT_IN and BUILT_IN[name].source == "prediction"
        )

    def custom(self, metric: str) -> Appender:
        """Return where a metric of the application's own goes.

        Raises:
            InvalidConfigError: if it cannot be the name of one.
        """
        found = self._custom.get(metric) if isinstance(metric, str) else None
        if found is None:
            name = custom_name(metric)
            stream = _streams.metrics(self.experiment.id, name)
            found = self._custom.setdefault(name, self._journal.appender(stream, _streams.METRIC))
        return found

    def leave(self) -> None:
        """Let go of all files, so that they can be compacted: nothing more is to be recorded."""
        own = (self.trades, self.predictions, self.shadows, self.actuals, *self._custom.values())
        for appender in own:
            appender.leave()
