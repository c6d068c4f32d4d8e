"""Who is told of alerts."""

import logging
from collections.abc import Callable, Iterable
from typing import TypeAlias, final, get_args

import attrs

from mlprod._names import known, shorten
from mlprod.errors import InvalidConfigError
from mlprod.monitoring._values import Alert, AlertState

__all__ = ["Subscribers"]

_log = logging.getLogger("mlprod.monitoring")

_Callback: TypeAlias = Callable[[Alert], object]
_TELLABLE = tuple(state for state in get_args(AlertState) if state != "pending")


@attrs.frozen(eq=False)
class _Subscription:
    callback: _Callback
    states: frozenset[str]


@final
class Subscribers:
    """Callbacks, each with the states of alerts that it wants to be told of.

    Every dictionary operation used here is atomic, so threads need no lock, and no callback is ever
    called inside one: it may subscribe, unsubscribe and notify.
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        self._subscriptions = dict[_Subscription, None]()

    def add(self, callback: _Callback, states: Iterable[AlertState] = ("firing",)) -> Callable[[], None]:
        """Subscribe.

        Args:
            callback: called with each alert; what it returns is ignored, what it raises is logged.
            states: any of firing, acknowledged, resolved.

        Returns:
            What unsubscribes; calling it again does nothing.

        Raises:
            InvalidConfigError: if the callback cannot be called, or nobody would ever be told of a state.
        """
        if not callable(callback):
            raise InvalidConfigError(
                f"a subscriber must be callable with an alert; {shorten(callback)} is not"
            )
        if isinstance(states, str) or not isinstance(states, Iterable):
            raise InvalidConfigError(f"states must be several, e.g. ('firing',), not {shorten(states)}")
        subscription = _Subscription(callback, frozenset(map(_state, states)))
        self._subscriptions[subscription] = None

        def unsubscribe() -> None:
            self._subscriptions.pop(subscription, None)

        return unsubscribe

    def notify(self, alerts: Iterable[Alert]) -> None:
        """Tell everybody who is subscribed now, in the order of the alerts, then of the subscriptions.

        Who unsubscribes meanwhile is told no more; who subscribes meanwhile is told from the next time on.
        """
        subscriptions = tuple(self._subscriptions)
        for alert in alerts:
            for subscription in subscriptions:
                if alert.state in subscription.states and subscription in self._subscriptions:
                    _tell(subscription.callback, alert)


def _state(state: object) -> str:
    if not isinstance(state, str) or state not in _TELLABLE:
        raise InvalidConfigError(f"nobody is told of the state {shorten(state)}; {known(_TELLABLE, state)}")
    return state


def _tell(callback: _Callback, alert: Alert) -> None:
    try:
        callback(alert)
    except Exception:  # noqa: BLE001 - a subscriber that fails must not keep others from being told
        _log.exception("a subscriber failed on the alert %s (%s)", alert.id, alert)
