"""The names in a Keras config: which are of harmless parts of Keras, and which the caller allows."""

import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, final

import attrs

from mlprod.errors import FormatError, UntrustedModelError
from mlprod.formats._keras_file import wrong
from mlprod.formats._trust import Trust

__all__ = ["RUN_CODE", "Names"]

_LITERALS = frozenset(
    {
        "__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__", "__tuple__",
        "TensorShape",
    }
)  # fmt: skip
RUN_CODE: Final = frozenset(
    {
        "keras.layers.FlaxLayer",
        "keras.layers.JaxLayer",
        "keras.layers.Lambda",
        "keras.layers.TFSMLayer",
        "keras.layers.TorchModuleWrapper",
    }
)
_FUNCTION_MODULES = ("activations", "losses", "metrics")
_CLASS_MODULES = (
    "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "optimizers",
    "optimizers.schedules", "quantizers", "regularizers", "src.models",
)  # fmt: skip


@final
@attrs.frozen
class Names:
    """Finds out what the names in a config stand for, without importing any that is not allowed."""

    keras: Any
    trust: Trust

    def resolve(self, config: object) -> dict[str, object]:
        """Return what Keras is to use for names that are not its own.

        Raises:
            UntrustedModelError: naming all that are not allowed.
        """
        custom: dict[str, object] = {}
        refused = set[str]()
        for reference in _references(config, self.keras.saving.get_custom_objects()):
            key, module, name = _read_reference(reference)
            if self._is_harmless_reference(reference, key, module, name):
                continue
            if name == "__lambda__":  # the code itself, wherever it is
                module, name = "keras.layers", "Lambda"
            full_name = self._permission(module, name)
            if full_name is None:
                refused.add(f"{module}.{name}" if module else name)
            elif not full_name.startswith("keras."):
                custom[key] = self._import(full_name, key)
        if refused:
            raise UntrustedModelError(
                f"this model needs {', '.join(sorted(refused))[:500]}: not part of Keras, or it runs code. "
                "If you know each and trust everyone who can write to this store, allow them by their full "
                f"names: trust=Trust(types=({min(refused)[:100]!r},))"
            )
        return custom

    def _is_harmless_reference(self, reference: Mapping[str, Any], key: str, module: str, name: str) -> bool:
        """Say whether Keras will find a class or function of its own, and one that runs no code."""
        if key != name:  # Keras looks for registered names first
            return False
        if reference["class_name"] == "function":
            return not module and name in self._functions()
        if not module and name in _LITERALS:
            return True
        modules = [module] if module else [f"keras.{public}" for public in _CLASS_MODULES]
        found = [getattr(sys.modules[known], name, None) for known in modules if known in sys.modules]
        classes = [kind for kind in found if kind is not None]
        return bool(classes) and all(self._is_harmless(kind) for kind in classes)

    def _functions(self) -> set[str]:
        members = [vars(getattr(self.keras, module)) for module in _FUNCTION_MODULES]
        names = {name for module in members for name, value in module.items() if inspect.isfunction(value)}
        return names - {"get", "serialize", "deserialize"}

    def _is_harmless(self, kind: object) -> bool:
        keras = self.keras
        bases = (
            keras.Operation,  # layers and models are operations, too
            keras.constraints.Constraint,
            keras.dtype_policies.DTypePolicy,
            keras.initializers.Initializer,
            keras.losses.Loss,
            keras.metrics.Metric,
            keras.optimizers.Optimizer,
            keras.optimizers.schedules.LearningRateSchedule,
            keras.quantizers.QuantizationConfig,
            keras.quantizers.Quantizer,
            keras.random.SeedGenerator,
            keras.regularizers.Regularizer,
        )
        if not isinstance(kind, type) or not kind.__module__.startswith("keras."):
            return False
        run_code = tuple(getattr(keras.layers, name.rpartition(".")[2]) for name in RUN_CODE)
        return issubclass(kind, bases) and not issubclass(kind, run_code)

    def _permission(self, module: str, name: str) -> str | None:
        """Return the full name by which the caller allows this, if so."""
        if module:
            return f"{module}.{name}" if f"{module}.{name}" in self.trust.types else None
        return next((full for full in self.trust.types if full.rpartition(".")[2] == name), None)

    def _import(self, full_name: str, key: str) -> object:
        module, _, name = full_name.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), name)
            registered = self.keras.saving.get_registered_name(found)
        except (ImportError, AttributeError, ValueError) as error:
            raise FormatError(
                f"this model needs {full_name}, which cannot be imported here: {error}"
            ) from error
        if key not in {name, registered}:
            raise UntrustedModelError(f"this model registers {full_name} as {key[:100]!r}, which it is not")
        return found


def _references(config: object, registered: Mapping[str, object]) -> Iterator[Mapping[str, Any]]:
    """Yield every part of a config that names a class or function, however deep.

    A string is such a name if it is registered: Keras takes it for the object.
    """
    pending = [config]
    while pending:
        match pending.pop():
            case dict() as part:
                if isinstance(part.get("vocabulary"), str):
                    raise wrong(f"it takes a vocabulary from the file {part['vocabulary'][:80]!r}")
                if "class_name" in part:
                    yield part
                pending.extend(part.values())
            case list() as parts:
                pending.extend(parts)
            case str() as key if key in registered:
                yield {"class_name": key}
            case _:
                pass


def _read_reference(reference: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the key by which Keras looks for a custom object, the module ("" if unknown) and the name.

    Functions, and everything in ``.h5`` files, are stored without their module.
    """
    match reference:
        case {"class_name": "function", "config": str(key), "registered_name": "function"}:
            registered = None
        case {"class_name": "function", "config": str(key)} | {"class_name": str(key)}:
            registered = reference.get("registered_name")
        case _:
            raise wrong("its config has a part whose class has no name")
    module = reference.get("module")
    if not isinstance(module, str | None) or not isinstance(registered, str | None):
        raise wrong(f"its config has a part {key[:80]!r} whose module has no name")
    name = key.rpartition(">")[2]
    return registered or key, "" if module in {None, "builtins"} else str(module), name
