"""Every error that mlprod raises on purpose.

All derive from `MLProdError`, carry a stable `kind` for logs and dashboards, and inherit
a built-in exception where one fits, so that ``except KeyError`` keeps working::

    MLProdError
    ├── ModelNotFoundError (KeyError)
    ├── AlertNotFoundError (KeyError)
    ├── ExperimentNotFoundError (KeyError)
    ├── ReferenceNotFoundError (KeyError)
    ├── ExperimentStateError
    ├── VersionExistsError
    ├── ConflictError
    ├── ChecksumError
    ├── FormatError (ValueError)
    ├── UntrustedModelError
    ├── ValidationFailedError
    ├── InvalidNameError (ValueError)
    ├── InvalidConfigError (ValueError)
    ├── InvalidDataError (ValueError)
    ├── ClosedError (ValueError)
    ├── StoreError
    │   ├── AtomicCreateUnsupportedError
    │   └── NewerSchemaError
    └── MissingExtraError (ImportError)
"""

from typing import ClassVar

__all__ = [
    "AlertNotFoundError",
    "AtomicCreateUnsupportedError",
    "ChecksumError",
    "ClosedError",
    "ConflictError",
    "ExperimentNotFoundError",
    "ExperimentStateError",
    "FormatError",
    "InvalidConfigError",
    "InvalidDataError",
    "InvalidNameError",
    "MLProdError",
    "MissingExtraError",
    "ModelNotFoundError",
    "NewerSchemaError",
    "ReferenceNotFoundError",
    "StoreError",
    "UntrustedModelError",
    "ValidationFailedError",
    "VersionExistsError",
]


class MLProdError(Exception):
    """Base of all errors of this library; the message says what happened, to what, and what to do."""

    kind: ClassVar[str] = "mlprod"

    def __str__(self) -> str:
        """Return the message as written (``KeyError`` alone would show its ``repr``)."""
        return str(self.args[0]) if self.args else self.kind


class ModelNotFoundError(MLProdError, KeyError):
    """No model, version, alias or stage holder answers to the given reference."""

    kind = "model_not_found"


class AlertNotFoundError(MLProdError, KeyError):
    """No alert has the given id, or it is older than those that are kept."""

    kind = "alert_not_found"


class ExperimentNotFoundError(MLProdError, KeyError):
    """No experiment has the given id."""

    kind = "experiment_not_found"


class ExperimentStateError(MLProdError):
    """An experiment is not in a state for this: not started yet, ended already, or without such a variant."""

    kind = "experiment_state"


class ReferenceNotFoundError(MLProdError, KeyError):
    """No reference of that model was set."""

    kind = "reference_not_found"


class VersionExistsError(MLProdError):
    """The version was used before, and a version once used is never used again."""

    kind = "version_exists"


class ConflictError(MLProdError):
    """The decision no longer fits what the store holds, for example an ``expected=`` that has changed."""

    kind = "conflict"


class ChecksumError(MLProdError):
    """The stored bytes are not the bytes that were saved."""

    kind = "checksum"


class FormatError(MLProdError, ValueError):
    """A model cannot be held by a format, or a payload does not follow its format."""

    kind = "format"


class UntrustedModelError(MLProdError):
    """Loading would need a permission that the caller did not give, or a signature is missing or wrong."""

    kind = "untrusted_model"


class ValidationFailedError(MLProdError):
    """A model that was to be promoted does not load, or does not reproduce its stored examples."""

    kind = "validation_failed"


class InvalidNameError(MLProdError, ValueError):
    """A name cannot be used as one: it would become part of a path."""

    kind = "invalid_name"


class InvalidConfigError(MLProdError, ValueError):
    """An option or a combination of options makes no sense."""

    kind = "invalid_config"


class InvalidDataError(MLProdError, ValueError):
    """A value given as data (a metric, a tag, a time) cannot be recorded."""

    kind = "invalid_data"


class ClosedError(MLProdError, ValueError):
    """The object was closed; make a new one to go on."""

    kind = "closed"


class StoreError(MLProdError):
    """The store could not do what was asked, or what it holds is damaged."""

    kind = "store"


class AtomicCreateUnsupportedError(StoreError):
    """The backend has no atomic create-if-absent, so it cannot hold decisions of several writers."""

    kind = "atomic_create_unsupported"


class NewerSchemaError(StoreError):
    """A record was written by a newer version of mlprod; it is refused, never guessed at."""

    kind = "newer_schema"


class MissingExtraError(MLProdError, ImportError):
    """An optional dependency is needed and not installed."""

    kind = "missing_extra"
