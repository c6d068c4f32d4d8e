"""Keras: a model's config as JSON and its weights as HDF5, which Keras alone would believe too readily.

Keras resolves the names in a config to code. Its own ``safe_mode`` has been circumvented again and again
(CVE-2025-1550, -8747, -9905, -9906, CVE-2026-1462, -12481) and forbids only what is known to be dangerous.
Here it is the other way round: every name must be known to be harmless before Keras sees the file.
"""

import io
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

from mlprod._names import type_name
from mlprod.errors import FormatError, UntrustedModelError
from mlprod.formats._keras_file import SUFFIXES, inspect_file, package, suffix_of
from mlprod.formats._keras_names import RUN_CODE, Names
from mlprod.formats._trust import Trust
from mlprod.typing import Chunks

__all__ = ["KerasFormat"]


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
            return Path(model).suffix in SUFFIXES.values()
        kind = getattr(sys.modules.get("keras"), "Model", None)
        return isinstance(kind, type) and isinstance(model, kind)

    def encode(self, model: object) -> Chunks:
        """Return the file at a path as it is, or a ``.keras`` file of a model, whatever it will need to load.

        Raises:
            FormatError: if there is no such file, it is no Keras model or not self-contained, or Keras
                cannot save the model.
            MissingExtraError: if the package keras, or the backend it is set to, is not installed.
        """
        keras = package("keras")
        if isinstance(model, str | os.PathLike):
            return (_existing(Path(model)),)
        if not isinstance(model, keras.Model):
            raise FormatError(
                f"a {type_name(model)} is no Keras model; pass a keras.Model, or the path of a .keras or "
                ".h5 file"
            )
        with TemporaryDirectory(prefix="mlprod-") as folder:
            path = Path(folder, "model.keras")
            try:
                keras.saving.save_model(model, path)
            except Exception as error:
                raise FormatError(
                    f"Keras cannot save this {type(model).__qualname__}: {str(error)[:1000]}"
                ) from error
            return (path.read_bytes(),)

    def decode(self, payload: memoryview, *, trust: Trust) -> object:
        """Return the model, on the backend that the caller has chosen for Keras.

        Raises:
            UntrustedModelError: if it names classes or functions that are neither harmless ones of Keras nor
                in ``trust.types``.
            FormatError: if the payload is no Keras model, or not self-contained.
            MissingExtraError: if the package keras, or the backend it is set to, is not installed.
        """
        suffix = suffix_of(payload[:8].tobytes())
        keras = package("keras")
        with TemporaryDirectory(prefix="mlprod-") as folder:
            path = Path(folder, f"model{suffix}")
            path.write_bytes(payload)
            with path.open("rb") as file:
                config = inspect_file(file, suffix, len(payload))
            names = Names(keras, trust)
            training = config.pop("compile_config", None)
            custom = names.resolve(config)
            try:
                custom |= names.resolve(training)
                is_compiled = suffix == ".keras"
            except UntrustedModelError:
                is_compiled = False
            is_safe = RUN_CODE.isdisjoint(trust.types)
            try:
                return keras.saving.load_model(path, custom, compile=is_compiled, safe_mode=is_safe)
            except Exception as error:
                raise FormatError(f"Keras cannot load the model: {str(error)[:1000]}") from error


def _existing(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FormatError(f"cannot read the model file {path}: {error}") from error
    inspect_file(io.BytesIO(content), suffix_of(content[:8]), len(content))
    return content
