"""What a type checker must accept, and what it must know; never run."""

from datetime import UTC, datetime
from pathlib import Path

import mlprod
from mlprod import (
    ModelMetadata,
    ModelSerializer,
    Trust,
    configure,
    getActiveModel,
    getModelSerializer,
    loadModel,
    open_store,
    saveModel,
)
from mlprod.formats import BinaryFormat, Format, JSONFormat
from mlprod.models import (
    AnyOf,
    BestN,
    CleanupReport,
    LatestN,
    ModelEvent,
    ModelHandle,
    RetentionPolicy,
    ValidationReport,
)
from mlprod.storage import FsspecStore, LocalStore, MemoryStore, Store
from mlprod.testing import FaultyStore, FrozenClock

metadata: ModelMetadata = saveModel({"weights": [1.0]}, "name", {"accuracy": 0.5}, {"depth": 3}, bump="minor")
again: ModelMetadata = mlprod.save_model(
    [1], "name", format="json", tags=["a"], parent=metadata, activate=True
)
model = loadModel("name@production", mmap=True, trust=Trust(pickle=True))
active = getActiveModel()

stores: list[Store] = [
    MemoryStore(),
    LocalStore("folder"),
    FsspecStore("s3", "bucket/prefix"),
    FaultyStore(MemoryStore()),
    open_store("s3://bucket/prefix", endpoint_url="http://localhost"),
]
formats: list[Format] = [JSONFormat(), BinaryFormat()]
policies: list[RetentionPolicy] = [LatestN(3), AnyOf(LatestN(3), BestN("accuracy"))]

serializer: ModelSerializer = getModelSerializer()
other = ModelSerializer(Path("folder"), retention=policies[1], clock=FrozenClock(), formats=formats)
promoted: ModelMetadata = other.setActive(metadata, expected="1.0.0", reason="better")
then: ModelMetadata | None = other.activeAt("name", datetime.now(UTC))
events: list[ModelEvent] = other.history("name")
report: ValidationReport = other.validate("name", predict=lambda loaded, inputs: loaded(inputs))
cleaned: CleanupReport = other.cleanup(dry_run=True)
with other.watch("name", interval_seconds=1.0) as handle:
    watched: ModelHandle = handle

with configure(store="memory://name", retention=LatestN(2)):
    pass

other.promote("name", "productoin")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
other.save([1], "name", bump="tiny")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
