"""Kinds of records: which class a stable tag means, in which version, and how old ones are read."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar, final

import attrs

from mlprod._names import shorten
from mlprod.errors import NewerSchemaError, StoreError
from mlprod.schema import _envelope
from mlprod.schema._converter import converter

__all__ = ["RecordSet", "RecordType", "Upgrade"]

T = TypeVar("T")


def _nothing(_: object) -> None:
    """Check nothing."""


Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the data of one version of a record into the data of the next."""


@final
@attrs.frozen
class RecordType(Generic[T]):
    """A kind of record.

    Attributes:
        kind: the tag on disk; never changes, whatever the class is called.
        cls: the attrs class that holds it in memory.
        version: the version that this library writes.
        upgrades: for each older version, the step to the next one.
        check: raises `ValueError` if the fields of a value that was read contradict each other: right
            checksums can be forged.
    """

    kind: str
    cls: type[T]
    version: int = 1
    upgrades: Mapping[int, Upgrade] = attrs.field(factory=dict[int, Upgrade])
    check: Callable[[T], object] = attrs.field(default=_nothing, eq=False)

    def dump(self, value: T) -> bytes:
        """Return the file form."""
        return _envelope.dump(self.kind, self.version, self._plain(value))

    def load(self, raw: bytes, where: str) -> T:
        """Read the file form.

        Raises:
            StoreError: if the file is damaged or of another kind.
            NewerSchemaError: if a newer version of the library wrote it.
        """
        kind, version, data = _envelope.load(raw, where)
        return self._structure(kind, version, data, where)

    def nest(self, value: T) -> dict[str, Any]:
        """Return the form inside another record, which carries the checksum."""
        return {"kind": self.kind, "version": self.version, "data": self._plain(value)}

    def unnest(self, document: object, where: str) -> T:
        """Read the form inside another record; raises as `load` does."""
        match document:
            case {"kind": str(kind), "version": int(version), "data": data}:
                return self._structure(kind, version, data, where)
            case _:
                raise StoreError(f"{where} is damaged: it holds something that is not a {self.kind!r} record")

    def _plain(self, value: T) -> Any:  # noqa: ANN401 - JSON
        return converter().unstructure(value, unstructure_as=self.cls)

    def _structure(self, kind: str, version: int, data: Any, where: str) -> T:  # noqa: ANN401 - JSON
        if kind != self.kind:
            raise StoreError(
                f"{where} is damaged: it is a {shorten(kind)} record where a {self.kind!r} was expected"
            )
        if type(version) is not int or version < 1:
            raise StoreError(
                f"{where} is damaged: there is no version {shorten(version)} of a {kind!r} record"
            )
        if version > self.version:
            raise NewerSchemaError(
                f"{where} is a {kind!r} record of version {shorten(version)}; this mlprod reads up to "
                f"version {self.version}. Upgrade mlprod in this process to the version that wrote it"
            )
        try:
            for step in range(version, self.version):
                data = self.upgrades[step](data)
            value = converter().structure(data, self.cls)
            self.check(value)
        except Exception as error:
            raise StoreError(
                f"{where} is damaged: its {kind!r} record of version {version} cannot be read "
                f"({error!r:.300})"
            ) from error
        return value


@final
class RecordSet(Generic[T]):
    """A closed union of record types, told apart on disk by their kind."""

    def __init__(self, types: Iterable[RecordType[Any]]) -> None:
        """Take the members; their order does not matter."""
        self.types: Final = tuple(types)
        self._by_kind = {member.kind: member for member in self.types}
        self._by_class = {member.cls: member for member in self.types}

    def nest(self, value: T) -> dict[str, Any]:
        """Return the form of a member inside another record."""
        return self._by_class[type(value)].nest(value)

    def unnest(self, document: object, where: str) -> T:
        """Read a member.

        Raises:
            NewerSchemaError: if its kind is unknown, because only a newer mlprod can have written it.
            StoreError: if it is damaged.
        """
        match document:
            case {"kind": str(kind)} if kind not in self._by_kind:
                raise NewerSchemaError(
                    f"{where} holds a record of the kind {shorten(kind)}, which this mlprod does not know. "
                    "Upgrade mlprod in this process to the version that wrote it"
                )
            case {"kind": str(kind)}:
                member: T = self._by_kind[kind].unnest(document, where)
                return member
            case _:
                raise StoreError(f"{where} is damaged: it holds something that is not a record")
