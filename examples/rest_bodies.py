"""What is asked and answered over HTTP: see ``rest.py``."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import BaseModel, Field

from mlprod.models import Bump

Rows = Sequence[Sequence[float]]
Document = dict[str, Any]


class Value(Protocol):
    """What mlprod returns."""

    def to_dict(self) -> Document:
        """Return all of it, ready for JSON."""
        ...


class Forecast(BaseModel):
    """What a model says about the latest of some rows."""

    signal: Literal["long", "short", "hold"]
    confidence: Annotated[float, Field(ge=0, le=1)]
    stage1_prob: float | None = None
    stage2_prob: float | None = None


Predict = Callable[[Any, Rows], Forecast]


class Answer(BaseModel, extra="allow"):
    """A value of mlprod as its `to_dict` gives it, all of it; a subclass names the fields to rely on."""

    @classmethod
    def of(cls, value: Value) -> Self:
        """Return the answer that holds a value."""
        return cls.model_validate(value.to_dict())


class Model(Answer):
    """A version of a model: `mlprod.ModelMetadata`."""

    id: str
    name: str
    version: str
    created_at: datetime
    checksum: str
    size: int
    format: str
    stage: str
    is_active: bool
    metrics: dict[str, float | None]
    config: Document
    tags: list[str]


class Validation(Answer):
    """Whether a version is whole: `mlprod.models.ValidationReport`."""

    id: str
    valid: bool
    errors: list[str]


class Experiment(Answer):
    """An experiment as it stands: `mlprod.experiments.Experiment`."""

    id: str
    name: str
    status: Literal["draft", "running", "paused", "stopped", "completed"]


class Conclusion(Answer):
    """How it ended: `mlprod.experiments.ExperimentConclusion`."""

    winner: str
    confidence: float
    recommendation: str
    effect_size: float | None
    expected_lift: float | None


class Prediction(Forecast):
    """A forecast, which version made it, and the variant under which what comes of it is recorded."""

    model_version: str
    timestamp: datetime
    variant: str | None = None


class Health(BaseModel):
    """Whether the service answers, and what is in production."""

    status: Literal["healthy", "degraded", "critical"]
    reasons: list[str]
    model: str


class Done(BaseModel):
    """It is recorded."""

    recorded: bool = True


class Save(BaseModel):
    """A model as JSON, to become the next version of its name."""

    name: str
    model: Any
    metrics: dict[str, float] = {}
    config: Document = {}
    tags: list[str] = []
    bump: Bump = "patch"
    activate: bool = False


class Change(BaseModel):
    """What to do with a version."""

    action: Literal["activate", "validate"]
    id: str
    expected: str | None = None
    reason: str = ""


class Create(BaseModel):
    """An experiment to draw up."""

    action: Literal["create"] = "create"
    name: str
    description: str = ""
    control_model: str
    treatment_model: str | list[str]
    config: Document = {}


class Control(BaseModel):
    """What to do with an experiment that there is."""

    action: Literal["start", "pause", "resume", "end"]
    id: str
    winner: str | None = None


class Which(BaseModel):
    """The experiment that is asked for."""

    id: str


class Record(BaseModel):
    """Something that happened; `event` in either spelling, as in the calls."""

    action: Literal["prediction", "trade", "drift"]
    model_id: str
    version: str
    event: Document


class Acknowledge(BaseModel):
    """Somebody knows of an alert."""

    action: Literal["acknowledge"]
    alert_id: str
    by: str = ""
    note: str = ""


class Unit(BaseModel):
    """Who asks, in which experiment."""

    experiment_id: str
    user_id: str


class PredictRequest(BaseModel):
    """Rows to forecast from, by a version, or by what the unit gets in its experiment."""

    pair: str
    timeframe: str = "1h"
    data: list[list[float]]
    version: str = "production"
    unit: Unit | None = None


class CompareRequest(BaseModel):
    """Rows to forecast from, by several versions."""

    pair: str
    data: list[list[float]]
    versions: list[str]


class TwoVersions(BaseModel):
    """Two versions to compare on live traffic; `traffic_split` is the share of `variant_a`."""

    experiment_id: str
    name: str
    variant_a: str
    variant_b: str
    traffic_split: Annotated[float, Field(gt=0, lt=1)] = 0.5
    config: Document = {}
