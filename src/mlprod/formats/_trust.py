"""What a caller allows a load to do."""

from collections.abc import Iterable
from typing import final

import attrs

from mlprod._names import shorten
from mlprod.errors import InvalidConfigError

__all__ = ["Trust"]

_SHORTEST_KEY = 16


def _to_tuple(types: Iterable[str]) -> tuple[str, ...]:
    if isinstance(types, str):
        raise InvalidConfigError(f"types must be several names, not the one string: write types=[{types!r}]")
    result = tuple(types) if isinstance(types, Iterable) else (types,)
    if not all(isinstance(name, str) for name in result):
        raise InvalidConfigError(
            f"types must be names such as 'mybot.layers.Attention', not {shorten(result)}"
        )
    return result


def _to_bytes(key: bytes | str | None) -> bytes | None:
    try:
        return key.encode() if isinstance(key, str) else key
    except UnicodeEncodeError as error:  # without its words: they would hold the key
        raise InvalidConfigError(
            "a key given as text must be valid text: it holds a lone surrogate; pass bytes"
        ) from error


@final
@attrs.frozen(kw_only=True)
class Trust:
    """Permissions that only the caller can give; a stored model cannot ask for them.

    Attributes:
        pickle: allow unpickling, which can run any code that whoever wrote the file liked.
        types: names of further classes and functions that a skops or Keras model may use, e.g.
            ``("mybot.layers.Attention",)``; they are imported when such a model is loaded.
        key: a secret of at least 16 bytes. Saving signs payload and metadata with HMAC-SHA256;
            loading refuses what is not signed with it.

    Example:
        >>> Trust(pickle=True)
        Trust(pickle=True, types=(), key=None)
        >>> Trust(key="correct horse battery staple")
        Trust(pickle=False, types=(), key='…')
    """

    pickle: bool = False
    types: tuple[str, ...] = attrs.field(default=(), converter=_to_tuple)
    key: bytes | None = attrs.field(
        default=None, converter=_to_bytes, repr=lambda key: "None" if key is None else "'…'"
    )

    def __attrs_post_init__(self) -> None:
        """Refuse what is no permission, and a key that can be guessed."""
        if not isinstance(self.pickle, bool):
            raise InvalidConfigError(f"pickle must be True or False, not {shorten(self.pickle)}")
        if not isinstance(self.key, bytes | None):
            raise InvalidConfigError("a key must be bytes or text")
        if self.key is not None and len(self.key) < _SHORTEST_KEY:
            raise InvalidConfigError(
                f"a key needs at least {_SHORTEST_KEY} bytes; make one with secrets.token_bytes(32)"
            )

    def __or__(self, other: "Trust") -> "Trust":
        """Return the permissions of both, and the key of the first that has one."""
        return Trust(
            pickle=self.pickle or other.pickle,
            types=tuple(dict.fromkeys((*self.types, *other.types))),
            key=self.key or other.key,
        )
