"""Keras: a model's config as JSON and its weights as HDF5, which Keras alone would believe too readily.

Keras resolves the names in a config to code. Its own ``safe_mode`` has been circumvented again and again
(CVE-2025-1550, -8747, -9905, -9906, CVE-2026-1462, -12481) and forbids only what is known to be dangerous.
Here it is the other way round: every name must be known to be harmless before Keras sees the file.
"""

import importlib
import inspect
import io
import json
import os
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, final

import attrs

from mlprod._extras import require
from mlprod.errors import FormatError, UntrustedModelError
from mlprod.formats._trust import Trust
from mlprod.typing import Chunks

__all__ = ["KerasFormat"]

_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
_SUFFIXES = {_ZIP: ".keras", _HDF5: ".h5"}

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = frozenset({_CONFIG, _WEIGHTS, "metadata.json"})
_MOST_MEMBERS = 10_000
_LARGEST_CONFIG = 64 << 20

_LITERALS = frozenset(
    {
        "__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__", "__tuple__",
        "TensorShape",
    }
)  # fmt: skip
_RUN_CODE = frozenset(
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
class KerasFormat:
    """Keras 3 models, and ``.keras`` and ``.h5`` files by their path.

    ``tf.keras`` is Keras 3 since TensorFlow 2.16. A model of the older tf_keras is saved by the path of its
    file: the loader of tf_keras ignores ``safe_mode`` for ``.h5``, so Keras 3 does the loading.

    Loading allows the layers and other parts that Keras itself defines. Every other class or function must
    be in ``Trust.types`` by its full name, even if the program has registered it with Keras; it is then
    imported. Layers that contain code or foreign models (``keras.layers.Lambda``, ``TFSMLayer``,
    ``TorchModuleWrapper``, ``JaxLayer``, ``FlaxLayer``) have to be named, too, and naming Lambda allows any
    code in the file.

    A ``.keras`` file comes back compiled, with the state of its optimizer. It comes back uncompiled, ready
    to predict, if optimizer, loss or a metric is not allowed, or if it is an ``.h5`` file: Keras reads that
    part of those outside its safe mode.
    """

    name: str = "tensorflow"
    suffix: str = ".keras"

    def recognizes(self, model: object) -> bool:
        """A ``keras.Model``; the path of a ``.keras`` or ``.h5`` file, if it is not a plain string."""
        if isinstance(model, os.PathLike):
            return Path(model).suffix in _SUFFIXES.values()
        kind = getattr(sys.modules.get("keras"), "Model", None)
        return isinstance(kind, type) and isinstance(model, kind)

    def encode(self, model: object) -> Chunks:
        """Return the file at a path as it is, or a ``.keras`` file of a model, whatever it will need to load.

        Raises:
            FormatError: if there is no such file, it is no Keras model or not self-contained, or Keras
                cannot save the model.
            MissingExtraError: if the package keras, or the backend it is set to, is not installed.
        """
        keras = _package("keras")
        if isinstance(model, str | os.PathLike):
            return (_existing(Path(model)),)
        if not isinstance(model, keras.Model):
            kind = f"{type(model).__module__}.{type(model).__qualname__}"
            message = f"a {kind} is no Keras model; pass a keras.Model, or the path of a .keras or .h5 file"
            raise FormatError(message)
        with TemporaryDirectory(prefix="mlprod-") as folder:
            path = Path(folder, "model.keras")
            try:
                keras.saving.save_model(model, path)
            except Exception as error:
                message = f"Keras cannot save this {type(model).__qualname__}: {str(error)[:1000]}"
                raise FormatError(message) from error
            return (path.read_bytes(),)

    def decode(self, payload: memoryview, *, trust: Trust) -> object:
        """Return the model, on the backend that the caller has chosen for Keras.

        Raises:
            UntrustedModelError: if it names classes or functions that are neither harmless ones of Keras nor
                in ``trust.types``.
            FormatError: if the payload is no Keras model, or not self-contained.
            MissingExtraError: if the package keras, or the backend it is set to, is not installed.
        """
        suffix = _suffix(payload[:8].tobytes())
        keras = _package("keras")
        with TemporaryDirectory(prefix="mlprod-") as folder:
            path = Path(folder, f"model{suffix}")
            path.write_bytes(payload)
            with path.open("rb") as file:
                config = _inspect(file, suffix, len(payload))
            names = _Names(keras, trust)
            training = config.pop("compile_config", None)
            custom = names.resolve(config)
            try:
                custom |= names.resolve(training)
                is_compiled = suffix == ".keras"
            except UntrustedModelError:
                is_compiled = False
            is_safe = _RUN_CODE.isdisjoint(trust.types)
            try:
                return keras.saving.load_model(path, custom, compile=is_compiled, safe_mode=is_safe)
            except Exception as error:
                message = f"Keras cannot load the model: {str(error)[:1000]}"
                raise FormatError(message) from error


def _package(module: str) -> Any:  # noqa: ANN401 - a module
    return require(module, extra="keras", purpose="the format 'tensorflow'")


def _existing(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"cannot read the model file {path}: {error}"
        raise FormatError(message) from error
    _inspect(io.BytesIO(content), _suffix(content[:8]), len(content))
    return content


def _suffix(start: bytes) -> str:
    for magic, suffix in _SUFFIXES.items():
        if start.startswith(magic):
            return suffix
    raise _wrong(f"it starts with {start!r}, neither like a .keras nor like an .h5 file")


def _inspect(file: BinaryIO, suffix: str, size: int) -> dict[str, Any]:
    """Return the config of a file that holds what Keras writes, all of it inside, and nothing else."""
    read_config = _zip_config if suffix == ".keras" else _hdf5_config
    try:
        config = json.loads(read_config(file, size))
    except FormatError:
        raise
    except Exception as error:
        raise _wrong(f"it is damaged or cut off ({error!r:.300})") from error
    if not isinstance(config, dict):
        raise _wrong("its config is not a JSON object")
    return config


def _zip_config(file: BinaryIO, size: int) -> bytes:
    with zipfile.ZipFile(file) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if len(members) < len(archive.infolist()) or len(members) > _MOST_MEMBERS:
            raise _wrong(f"it has more than {_MOST_MEMBERS:,} members, or two of one name")
        for name in members:
            if name not in _MEMBERS and not _is_asset(name):
                raise _wrong(f"it has a member {name[:80]!r}, which Keras does not write")
        if sum(member.file_size for member in members.values()) > size:
            raise _wrong("its members are compressed, which Keras does not do; save it with Keras again")
        if members[_CONFIG].file_size > _LARGEST_CONFIG:
            raise _wrong(f"its config is larger than {_LARGEST_CONFIG:,} bytes")
        with archive.open(_WEIGHTS) as weights, _package("h5py").File(weights, "r") as hdf5:
            _check_self_contained(hdf5, size)
        return archive.read(_CONFIG)


def _is_asset(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return parts[:1] == ("assets",) and ".." not in parts and "\\" not in name


def _hdf5_config(file: BinaryIO, size: int) -> str:
    with _package("h5py").File(file, "r") as hdf5:
        _check_self_contained(hdf5, size)
        config = hdf5.attrs.get("model_config")
        if not isinstance(config, str | bytes):
            raise _wrong("it has no model_config: weights alone are no model")
        return config if isinstance(config, str) else config.decode()


def _check_self_contained(hdf5: Any, size: int) -> None:  # noqa: ANN401 - an h5py.File
    """Refuse links, datasets that lie in other files, and sizes that the file cannot have.

    Virtual datasets are found by their layout: asking for their shape would open the other file.
    """
    h5py = _package("h5py")
    allowed_layouts = {h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT}

    def foreign_link(_: str, link: object) -> bool | None:
        return None if isinstance(link, h5py.HardLink) else True

    def foreign_dataset(_: str, item: Any) -> bool | None:  # noqa: ANN401 - a group, dataset or type
        if not isinstance(item, h5py.Dataset):
            return None
        storage = item.id.get_create_plist()
        is_inside = storage.get_layout() in allowed_layouts and not storage.get_external_count()
        is_plain = is_inside and not item.dtype.hasobject
        return None if is_plain and item.nbytes <= min(size, item.id.get_storage_size()) else True

    if hdf5.visititems_links(foreign_link):
        raise _wrong("it has a link, possibly to another file; Keras writes none")
    if hdf5.visititems(foreign_dataset):
        raise _wrong("it has weights in another file, or compressed, or of an impossible size")


@final
@attrs.frozen
class _Names:
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
            message = (
                f"this model needs {', '.join(sorted(refused))[:500]}: not part of Keras, or it runs code. "
                "If you know each and trust everyone who can write to this store, allow them by their full "
                f"names: trust=Trust(types=({min(refused)[:100]!r},))"
            )
            raise UntrustedModelError(message)
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
        run_code = tuple(getattr(keras.layers, name.rpartition(".")[2]) for name in _RUN_CODE)
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
            message = f"this model needs {full_name}, which cannot be imported here: {error}"
            raise FormatError(message) from error
        if key not in {name, registered}:
            message = f"this model registers {full_name} as {key[:100]!r}, which it is not"
            raise UntrustedModelError(message)
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
                    raise _wrong(f"it takes a vocabulary from the file {part['vocabulary'][:80]!r}")
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
            raise _wrong("its config has a part whose class has no name")
    module = reference.get("module")
    if not isinstance(module, str | None) or not isinstance(registered, str | None):
        raise _wrong(f"its config has a part {key[:80]!r} whose module has no name")
    name = key.rpartition(">")[2]
    return registered or key, "" if module in {None, "builtins"} else str(module), name


def _wrong(why: str) -> FormatError:
    return FormatError(f"the payload is not a Keras model that can be loaded: {why}")
