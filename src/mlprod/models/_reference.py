"""From a reference such as ``"name@production"`` to a version."""

from mlprod._names import check_name, known, shorten
from mlprod._value import isoformat
from mlprod.errors import InvalidNameError, ModelNotFoundError, StoreError
from mlprod.models._inputs import STAGES
from mlprod.models._semver import is_version
from mlprod.models._state import Model, Registry, Version
from mlprod.models._values import ModelMetadata, ModelRef

__all__ = ["find_model", "genuine", "name_of", "resolve"]


def split(ref: ModelRef) -> tuple[str, str | None]:
    """Return the name and what follows the ``@``, if anything."""
    if isinstance(ref, ModelMetadata):
        return ref.name, ref.version
    if not isinstance(ref, str):
        raise InvalidNameError(
            f"{shorten(ref)} is not a model reference; write 'name', 'name@1.4.0' or 'name@production'"
        )
    name, at, selector = ref.partition("@")
    check_name(name, "a model's name")
    return name, check_name(selector, "a version, stage or alias") if at else None


def name_of(ref: ModelRef) -> str:
    """Return the name of the model that a reference is about."""
    return split(ref)[0]


def find_model(registry: Registry, name: str, where: str) -> Model:
    """Return a model that has at least one version, deleted or not."""
    model = registry.models.get(check_name(name, "a model's name"))
    if model is None:
        raise ModelNotFoundError(f"there is no model {name!r} in {where}; {known(registry.models, name)}")
    return model


def resolve(registry: Registry, ref: ModelRef, where: str) -> Version:
    """Return the version that a reference means.

    Raises:
        InvalidNameError: if the reference is not well-formed.
        ModelNotFoundError: if nothing answers to it; the message names what exists.
    """
    name, selector = split(ref)
    model = find_model(registry, name, where)
    if selector is None:
        version = model.versions[model.production] if model.production else model.latest()
        missing = f"every version of {name!r} is deleted"
    elif is_version(selector):
        version = model.versions.get(selector)
        if version is not None and version.deleted_at is not None:
            missing = f"{version.id} was deleted at {isoformat(version.deleted_at)}"
            version = None
        else:
            missing = f"{name!r} has no version {selector}"
    elif selector == "latest":
        version = model.latest()
        missing = f"every version of {name!r} is deleted"
    elif selector in STAGES:
        version = model.holder(selector)
        missing = f"no version of {name!r} is in {selector}"
    else:
        version = model.versions.get(model.aliases.get(selector, ""))
        missing = f"{name!r} has no alias {selector!r}"
    if version is None:
        raise ModelNotFoundError(f"{missing} in {where}; {_offers(model, selector or '')}")
    return genuine(version, name, model, where)


def genuine(version: Version, name: str, model: Model, where: str) -> Version:
    """Return the version if it is what it is filed as; a forged snapshot may file it as another."""
    if version.saved.name != name or model.versions.get(version.saved.version) is not version:
        raise StoreError(
            f"the snapshots of the models in {where} are damaged: they file {version.id} as another version"
        )
    return version


def _offers(model: Model, wanted: str) -> str:
    versions = known((version.saved.version for version in model.living()), wanted)
    aliases = known(model.aliases, wanted)
    return f"of its versions {versions}; of its aliases {aliases}; stages are {', '.join(STAGES)}"
