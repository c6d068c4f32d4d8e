"""Machine-learning models in production, with money on the line: stored, versioned, trusted."""

from mlprod._defaults import configure, get_active_model, get_model_serializer, load_model, save_model
from mlprod.errors import MLProdError
from mlprod.formats import Trust
from mlprod.models import ModelMetadata, ModelSerializer
from mlprod.storage import open_store

getActiveModel = get_active_model
getModelSerializer = get_model_serializer
loadModel = load_model
openStore = open_store
saveModel = save_model


def __getattr__(name: str) -> str:
    """Look the version up when somebody asks, not at every import."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - takes longer than a bot's start should

        return version("mlprod")
    raise AttributeError(f"module 'mlprod' has no attribute {name!r}")


__all__ = [
    "MLProdError",
    "ModelMetadata",
    "ModelSerializer",
    "Trust",
    "configure",
    "getActiveModel",
    "getModelSerializer",
    "get_active_model",
    "get_model_serializer",
    "loadModel",
    "load_model",
    "openStore",
    "open_store",
    "saveModel",
    "save_model",
]
