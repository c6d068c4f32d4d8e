"""Which model, and which version of it, a reference is about."""

from typing import final

import attrs

from mlprod._names import check_name, shorten
from mlprod.errors import InvalidNameError, ModelNotFoundError
from mlprod.models import ModelMetadata, ModelSerializer

__all__ = ["Subject", "resolve", "resolve_all"]


@final
@attrs.frozen
class Subject:
    """A model and, where that is known, its version."""

    name: str
    version: str | None = None

    @property
    def folder(self) -> str:
        """The part of a path that is about it; no version can be called ``any~``."""
        return f"{self.name}/{self.version or 'any~'}"

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}@{self.version}"


def resolve(models: ModelSerializer, model_id: object) -> Subject:
    """Return what a model id means: a version in the registry if there is such a model, else what it says.

    Raises:
        InvalidNameError: if it is no model id.
        ModelNotFoundError: if the registry knows the model, but not what follows the ``@``.
    """
    if isinstance(model_id, ModelMetadata):
        return Subject(model_id.name, model_id.version)
    if not isinstance(model_id, str):
        raise InvalidNameError(f"{shorten(model_id)} is no model id; write 'name' or 'name@1.4.0'")
    name, at, selector = model_id.partition("@")
    check_name(name, "a model id")
    if at:
        check_name(selector, "a version, stage or alias")
    try:
        found = models.get_metadata(model_id)
    except ModelNotFoundError:
        if models.list_models(name=name):
            raise
        return Subject(name, selector if at else None)
    return Subject(found.name, found.version)


def resolve_all(models: ModelSerializer, model_id: object) -> Subject:
    """Return what a model id means where a bare name means all versions, not the active one.

    Raises:
        InvalidNameError: if it is no model id.
        ModelNotFoundError: if the registry knows the model, but not what follows the ``@``.
    """
    if isinstance(model_id, str) and "@" not in model_id:
        return Subject(check_name(model_id, "a model id"))
    return resolve(models, model_id)
