"""Pickle: anything Python can pickle, for callers who trust every writer of the store."""

import pickle
from typing import final

from mlprod.errors import FormatError, UntrustedModelError
from mlprod.formats._trust import Trust
from mlprod.typing import Chunks

__all__ = ["PickleFormat"]

_PROTOCOL = 5


@final
class PickleFormat:
    """Saved only when asked for by name, loaded only with ``Trust(pickle=True)``."""

    name: str = "pickle"
    suffix: str = ".pickle"

    def recognizes(self, model: object) -> bool:  # noqa: ARG002 - part of the protocol
        """Return False: pickle is never chosen for anybody."""
        return False

    def encode(self, model: object) -> Chunks:
        """Return the pickle; `FormatError` if the object cannot be pickled."""
        try:
            return (pickle.dumps(model, protocol=_PROTOCOL),)
        except Exception as error:
            raise FormatError(f"the model cannot be pickled: {error}") from error

    def decode(self, payload: memoryview, *, trust: Trust) -> object:
        """Return the object, if the caller said so."""
        if not trust.pickle:
            raise UntrustedModelError(
                "this model is a pickle, and loading one can run any code its writer liked; if you trust "
                "everyone who can write to this store, load it with trust=Trust(pickle=True)"
            )
        try:
            return pickle.loads(payload)  # noqa: S301 - the caller asked for exactly this
        except Exception as error:
            raise FormatError(
                f"the pickle cannot be loaded here: {error!r}; is the code it refers to importable?"
            ) from error
