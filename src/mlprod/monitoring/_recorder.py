"""The writing half of the monitor: one appender for each stream of this process."""

from collections.abc import Callable
from typing import Any, Final, final

from mlprod._facts._outcomes import ACTUAL
from mlprod._names import check_name
from mlprod.monitoring import _streams
from mlprod.monitoring._features import FeatureWriter
from mlprod.storage.journal import Appender, Journal, Layout

__all__ = ["Recorder"]


@final
class Recorder:
    """Opens streams at their first use, and remembers which models they belong to.

    Attributes:
        predictions: appenders by model and version, for the hot path to look into.
    """

    def __init__(self, journal: Journal) -> None:
        """Open nothing yet."""
        self._journal = journal
        self.predictions: Final[dict[tuple[str, str], Appender]] = {}
        self._appenders: dict[tuple[Any, ...], Appender] = {}
        self._features: dict[tuple[str, str], FeatureWriter] = {}
        self._models: dict[str, None] = {}

    @property
    def models(self) -> tuple[str, ...]:
        """The models that this process recorded something about."""
        return tuple(self._models)

    def prediction(self, model_id: str, version: str) -> Appender:
        """Return the appender for predictions."""
        stream = self.stream(_streams.predictions, model_id, version)
        appender = self._journal.appender(stream, _streams.PREDICTION)
        return self.predictions.setdefault((model_id, version), appender)

    def actual(self, model_id: str) -> Appender:
        """Return the appender for outcomes."""
        return self._appender(_streams.actuals, ACTUAL, model_id)

    def trade(self, model_id: str, version: str) -> Appender:
        """Return the appender for trades."""
        return self._appender(_streams.trades, _streams.TRADE, model_id, version)

    def drift(self, model_id: str, version: str) -> Appender:
        """Return the appender for drift scores."""
        return self._appender(_streams.drift, _streams.DRIFT, model_id, version)

    def features(self, model_id: str, version: str) -> FeatureWriter:
        """Return the writer of the log of features."""
        found = self._features.get((model_id, version))
        if found is None:
            writer = FeatureWriter(self._journal, self.stream(_streams.features, model_id, version))
            found = self._features.setdefault((model_id, version), writer)
        return found

    def stream(self, name: Callable[..., str], model_id: str, *version: str) -> str:
        """Return the name of a stream, once model and version are found to be names."""
        check_name(model_id, "a model id")
        for given in version:
            check_name(given, "a version")
        self._models[model_id] = None
        return name(model_id, *version)

    def _appender(self, name: Callable[..., str], layout: Layout, *parts: str) -> Appender:
        key = (layout, *parts)
        try:
            return self._appenders[key]
        except (KeyError, TypeError):  # new, or no string at all, which the check says better
            return self._appenders.setdefault(key, self._journal.appender(self.stream(name, *parts), layout))
