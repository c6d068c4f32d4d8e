"""Skops: scikit-learn estimators as a schema of known types, without pickle."""

import io
import sys
import zipfile
from typing import Any, final

from mlprod._extras import require
from mlprod.errors import FormatError, UntrustedModelError
from mlprod.formats._trust import Trust
from mlprod.typing import Chunks

__all__ = ["SkopsFormat"]


@final
class SkopsFormat:
    """Any estimator is saved; one that needs more than what skops trusts loads only if the caller says so.

    Skops trusts the estimators of scikit-learn, numpy and plain data. The caller names the rest, and that
    includes the trees of scikit-learn itself, in forests and boosting too: ``predict`` believes the indices
    in a tree, so a forged one can crash the process or read beyond its memory::

        Trust(types=("sklearn.tree._tree.Tree",))
    """

    name: str = "skops"
    suffix: str = ".skops"

    def recognizes(self, model: object) -> bool:
        """A scikit-learn estimator."""
        base = sys.modules.get("sklearn.base")
        return base is not None and isinstance(model, base.BaseEstimator)

    def encode(self, model: object) -> Chunks:
        """Return the file, whether or not loading it will need permissions.

        Raises:
            FormatError: if a part is of a type that skops cannot hold.
            MissingExtraError: if the package skops is not installed.
        """
        skops = _package("skops.io")
        try:
            return (skops.dumps(model),)
        except Exception as error:
            kind = f"{type(model).__module__}.{type(model).__qualname__}"
            raise FormatError(f"skops cannot hold this {kind}: {error}") from error

    def decode(self, payload: memoryview, *, trust: Trust) -> object:
        """Return the estimator.

        Raises:
            UntrustedModelError: if it needs types that are neither trusted by skops nor in ``trust.types``.
            FormatError: if the payload is not a skops file, or needs code that is not installed.
            MissingExtraError: if the package skops is not installed.
        """
        skops, exceptions = _package("skops.io"), _package("skops.io.exceptions")
        try:
            _check_stored(payload)
            return skops.loads(payload, trusted=list(trust.types))
        except exceptions.UntrustedTypesFoundException as error:
            missing = sorted({*skops.get_untrusted_types(data=payload)} - {*trust.types})
            raise UntrustedModelError(
                f"this model needs {', '.join(missing)[:500]}; if you know each and trust everyone who can "
                f"write to this store, load it with trust=Trust(types={str(tuple(missing))[:500]})"
            ) from error
        except Exception as error:
            raise FormatError(f"the payload cannot be loaded as a skops file: {error!r}") from error


def _package(module: str) -> Any:  # noqa: ANN401 - a module
    return require(module, extra="skops", purpose="the format 'skops'")


def _check_stored(payload: memoryview) -> None:
    """Refuse members larger than their bytes: skops writes them uncompressed, and never twice."""
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        claimed = sum(member.file_size for member in archive.infolist())
    if claimed > len(payload):
        raise ValueError(f"its members claim {claimed:,} bytes of {len(payload):,}")
