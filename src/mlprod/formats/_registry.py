"""Which formats there are, and which one a model gets."""

import re
from collections.abc import Iterable, Iterator
from typing import final

from mlprod._names import check_name, known, shorten, type_name
from mlprod.errors import FormatError, InvalidConfigError
from mlprod.formats._binary import BinaryFormat
from mlprod.formats._format import Format
from mlprod.formats._json import JSONFormat
from mlprod.formats._keras import KerasFormat
from mlprod.formats._onnx import ONNXFormat
from mlprod.formats._pickle import PickleFormat
from mlprod.formats._skops import SkopsFormat
from mlprod.typing import Chunks

__all__ = ["Formats"]

_SUFFIX = re.compile(r"\.[A-Za-z0-9._-]{1,30}")


@final
class Formats:
    """The built-in formats, safest first, and those of the application."""

    def __init__(self, additional: Iterable[Format] = ()) -> None:
        """Take the application's own formats; they are asked after the built-in ones."""
        self._by_name: dict[str, Format] = {}
        for built_in in (
            JSONFormat(),
            BinaryFormat(),
            ONNXFormat(),
            KerasFormat(),
            SkopsFormat(),
            PickleFormat(),
        ):
            self._by_name[built_in.name] = built_in
        self._built_in = frozenset(self._by_name)
        for own in additional:
            self.add(own)

    def add(self, own: Format) -> Format:
        """Take a format of the application's own; of two with one name the later one counts."""
        if not isinstance(own, Format):
            raise InvalidConfigError(
                f"{shorten(own)} is no format: it needs name, suffix, recognizes, encode, decode"
            )
        if not _SUFFIX.fullmatch(str(own.suffix)):
            raise InvalidConfigError(
                f"the suffix of the format {own.name!r} must be like '.bin', not {own.suffix!r}"
            )
        if type(own) is type(self._by_name.get(own.name)):
            return own
        if check_name(own.name, "a format's name") in self._built_in:
            raise InvalidConfigError(
                f"a format of your own cannot be called {own.name!r}: that is a built-in format"
            )
        self._by_name[own.name] = own
        return own

    def get(self, name: str) -> Format:
        """Return the format of that name; `FormatError` if there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise FormatError(
                f"there is no format {name!r}; {known(self._by_name, name)}. "
                "A format of your own is passed as ModelSerializer(formats=[...])"
            ) from None

    def encode(self, model: object, wanted: str | Format | None) -> tuple[Format, Chunks]:
        """Return the wanted format, or the safest one that can hold the model, and the payload.

        Raises:
            FormatError: if the wanted format, or every one, cannot hold the model.
        """
        if wanted is not None:
            chosen = self.get(wanted) if isinstance(wanted, str) else self.add(wanted)
            return chosen, _repeatable(chosen.encode(model))
        refusals = list[str]()
        for candidate in self._by_name.values():
            if candidate.recognizes(model):
                try:
                    return candidate, _repeatable(candidate.encode(model))
                except FormatError as error:
                    refusals.append(f"{candidate.name}: {error}")
        found = "; ".join(refusals) or f"none is for a {type_name(model)}"
        raise FormatError(
            f"no safe format can hold this model ({found}). Save its parameters as dicts, lists, numbers and "
            "numpy arrays, pass format= with one of "
            f"{', '.join(sorted(self._by_name))}, or pass a format of your own"
        )


def _repeatable(payload: Chunks) -> Chunks:
    """Return a payload that can be written more than once, whichever way a format gave it."""
    if isinstance(payload, bytes | bytearray | memoryview):
        return (payload,)  # pyright: ignore[reportReturnType] - a memoryview is of bytes here
    return tuple(payload) if isinstance(payload, Iterator) else payload
