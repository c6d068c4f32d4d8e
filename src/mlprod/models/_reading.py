"""Loading: the bytes that were saved, checked, and only what the caller trusts."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, final

from mlprod._progress import Tracker
from mlprod.errors import InvalidConfigError, MLProdError, StoreError
from mlprod.formats import BinaryFormat, Formats, Trust
from mlprod.models._events import Blob
from mlprod.models._examples import Predict, default_predict, difference
from mlprod.models._payloads import Payloads
from mlprod.models._signing import check_signature
from mlprod.models._state import Version
from mlprod.models._values import Check, ValidationReport, Verify

__all__ = ["Reader"]


@final
class Reader:
    """Reads versions of the models of one store."""

    def __init__(self, payloads: Payloads, formats: Formats, trust: Trust) -> None:
        """Take what every load has in common; `trust` is the least that every caller gives."""
        self._payloads = payloads
        self._formats = formats
        self._trust = trust

    def payload(self, version: Version, *, tracker: Tracker) -> memoryview:
        """Return the stored bytes, verified."""
        _begin(version, "loading", (version.saved.payload,), tracker)
        return self._read(version, version.saved.payload, self._trust, tracker=tracker)

    def model(
        self,
        version: Version,
        *,
        verify: Verify,
        mmap: bool,
        trust: Trust | None,
        tracker: Tracker,
    ) -> object:
        """Return the model; see `ModelSerializer.load`."""
        granted = self._granted(trust)
        if granted.key is not None and verify != "full":
            raise InvalidConfigError(
                f"{version.id}: a signature covers every byte, so a key needs verify='full'"
            )
        _begin(version, "loading", (version.saved.payload,), tracker)
        payload = self._read(
            version,
            version.saved.payload,
            granted,
            verify=verify == "full",
            mmap=mmap,
            tracker=tracker,
        )
        return self._formats.get(version.saved.format).decode(payload, trust=granted)

    def validate(
        self,
        version: Version,
        *,
        predict: Predict | None,
        trust: Trust | None,
        rtol: float,
        atol: float,
        tracker: Tracker,
    ) -> ValidationReport:
        """Return what holds and what does not; see `ModelSerializer.validate`."""
        granted = self._granted(trust)
        _begin(version, "validating", version.saved.blobs(), tracker)
        checks = list[Check]()

        def passes(name: str, step: Any, *arguments: Any) -> Any:  # noqa: ANN401 - whatever the step returns
            """Run a step, note how it went, and return its result (None if it failed)."""
            try:
                result = step(*arguments)
            except MLProdError as error:
                is_missing = isinstance(error.__cause__, FileNotFoundError)
                if isinstance(error, StoreError) and not is_missing:
                    raise  # a store that cannot be reached says nothing about the version
                checks.append(Check(name, passed=False, detail=str(error)))
                return None
            except Exception as error:  # noqa: BLE001 - a format of the application's own
                checks.append(Check(name, passed=False, detail=repr(error)))
                return None
            checks.append(Check(name, passed=True))
            return result

        if granted.key is not None:
            passes("signature", check_signature, version.saved, granted.key)
        read = functools.partial(self._read, version, trust=granted, tracker=tracker)
        payload = passes("payload", read, version.saved.payload)
        if payload is None:
            return ValidationReport.of(version.id, checks)
        model = passes(
            "loads", lambda: (self._formats.get(version.saved.format).decode(payload, trust=granted),)
        )
        if model is not None and version.saved.examples is not None:
            examples = passes("examples are whole", _examples, read, version.saved.examples, granted)
            if examples is not None:
                checks.append(_replay(model[0], examples, predict or default_predict(model[0]), rtol, atol))
        return ValidationReport.of(version.id, checks)

    def _granted(self, trust: Trust | None) -> Trust:
        return self._trust if trust is None else trust | self._trust

    def _read(
        self,
        version: Version,
        blob: Blob,
        trust: Trust,
        *,
        tracker: Tracker,
        verify: bool = True,
        mmap: bool = False,
    ) -> memoryview:
        secure = trust.key is not None
        if trust.key is not None:
            check_signature(version.saved, trust.key)
        return self._payloads.read(blob, verify=verify, secure=secure, mmap=mmap, tracker=tracker)


def _begin(version: Version, doing: str, blobs: Iterable[Blob], tracker: Tracker) -> None:
    if tracker.is_watched:
        tracker.describe(f"{version.id}: {doing}")
        tracker.begin("bytes", sum(blob.size for blob in blobs))


def _examples(read: Callable[[Blob], memoryview], blob: Blob, trust: Trust) -> dict[str, Any]:
    examples = BinaryFormat().decode(read(blob), trust=trust)
    return dict(examples)  # type: ignore[call-overload, no-any-return]  # written by `save`


def _replay(
    model: object, examples: dict[str, Any], predict: Predict | None, rtol: float, atol: float
) -> Check:
    name = "examples are reproduced"
    if predict is None:
        return Check(
            name, passed=None, detail="not tried: pass predict=, a function of the model and the inputs"
        )
    try:
        actual = predict(model, examples["inputs"])
        found = difference(examples["outputs"], actual, rtol=rtol, atol=atol)
    except Exception as error:  # noqa: BLE001 - the caller's function may raise and return anything
        return Check(name, passed=False, detail=f"predict raised {error!r}")
    return Check(name, passed=found is None, detail=found or "")
