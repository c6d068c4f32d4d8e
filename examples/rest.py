"""The calls of mlprod over HTTP: a FastAPI app to copy, or to mount into your own.

``make_app("reversal", predict)`` makes it, on the default store. Endpoints are plain functions, which
FastAPI runs in threads: every call of mlprod may be made from any of them. Nobody is asked who they
are: put that in front.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Literal, assert_never

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from rest_bodies import (
    Acknowledge,
    Answer,
    Change,
    Conclusion,
    Control,
    Create,
    Done,
    Experiment,
    Model,
    Predict,
    Record,
    Save,
    Validation,
    Which,
)
from rest_reversal import comparisons_api, forecasts_api, versions_api

from mlprod import ABTestingManager, ModelSerializer, PerformanceMonitor
from mlprod.errors import InvalidDataError, MLProdError
from mlprod.monitoring import Period
from mlprod.storage import StoreLike

STATUSES: Mapping[str, int] = {
    "model_not_found": 404,
    "alert_not_found": 404,
    "experiment_not_found": 404,
    "reference_not_found": 404,
    "conflict": 409,
    "version_exists": 409,
    "experiment_state": 409,
    "untrusted_model": 403,
    "format": 422,
    "invalid_config": 422,
    "invalid_data": 422,
    "invalid_name": 422,
    "validation_failed": 422,
    "checksum": 500,
    "missing_extra": 500,
    "mlprod": 500,
    "closed": 503,
    "store": 503,
    "atomic_create_unsupported": 503,
    "newer_schema": 503,
}


def make_app(name: str, predict: Predict, store: StoreLike | None = None) -> FastAPI:
    """Return the app.

    Args:
        name: the model behind ``/reversal``.
        predict: what a loaded model says about rows.
        store: where everything is; the default store if not given.
    """
    models, manager, monitor = ModelSerializer(store), ABTestingManager(store), PerformanceMonitor(store)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        manager.close()
        monitor.close()

    app = FastAPI(title="mlprod", lifespan=lifespan)
    app.add_exception_handler(MLProdError, refuse)
    app.include_router(models_api(models))
    app.include_router(experiments_api(manager))
    app.include_router(monitoring_api(monitor))
    app.include_router(forecasts_api(name, predict, models, manager, monitor))
    app.include_router(versions_api(name, models))
    app.include_router(comparisons_api(name, manager))
    return app


async def refuse(_request: Request, error: Exception) -> JSONResponse:
    """Answer with the status of the error's kind, and its words, which say what to do."""
    kind = getattr(error, "kind", "mlprod")
    return JSONResponse({"kind": kind, "detail": str(error)}, STATUSES.get(kind, 500))


def models_api(models: ModelSerializer) -> APIRouter:
    """Save, list, activate, validate and delete."""
    api = APIRouter(prefix="/api/ml/models", tags=["models"])

    @api.get("")
    def list_models(name: str | None = None, tag: str | None = None) -> list[Model]:
        return [Model.of(each) for each in models.list_models(name=name, tag=tag)]

    @api.post("", status_code=201)
    def save(body: Save) -> Model:
        options = body.model_dump(include={"tags", "bump", "activate"})
        saved = models.save(body.model, body.name, body.metrics, body.config, format="json", **options)
        return Model.of(saved)

    @api.put("")
    def change(body: Change) -> Model | Validation:
        if body.action == "validate":
            return Validation.of(models.validate(body.id))
        return Model.of(models.set_active(body.id, expected=body.expected, reason=body.reason))

    @api.delete("", status_code=204)
    def delete(id: str) -> None:  # noqa: A002 - the name of the parameter
        models.delete(id)

    return api


def experiments_api(manager: ABTestingManager) -> APIRouter:
    """Draw up, control and look at experiments."""
    api = APIRouter(prefix="/api/ml/experiments", tags=["experiments"])

    @api.get("")
    def list_experiments() -> list[Experiment]:
        return [Experiment.of(each) for each in manager.list_experiments()]

    @api.post("")
    def create_or_control(
        body: Annotated[Create | Control, Field(discriminator="action")],
    ) -> Experiment | Conclusion:
        if body.action == "create":
            return Experiment.of(manager.create_experiment(**body.model_dump(exclude={"action"})))
        match body.action:
            case "start":
                return Experiment.of(manager.start_experiment(body.id))
            case "pause":
                return Experiment.of(manager.pause_experiment(body.id))
            case "resume":
                return Experiment.of(manager.resume_experiment(body.id))
            case "end":
                return Conclusion.of(manager.end_experiment(body.id, body.winner))
            case _:
                assert_never(body.action)

    @api.put("")
    def details(body: Which) -> Experiment:
        return Experiment.of(manager.get_experiment(body.id))

    return api


def monitoring_api(monitor: PerformanceMonitor) -> APIRouter:
    """Record, and ask for metrics, alerts and reports."""
    api = APIRouter(prefix="/api/ml/monitoring", tags=["monitoring"])

    @api.get("")
    def look(
        action: Literal["metrics", "alerts", "report"],
        model_id: str | None = None,
        version: str | None = None,
        window: str | None = None,
        period: Period = "daily",
    ) -> Answer | list[Answer]:
        if action == "alerts":
            return [Answer.of(each) for each in monitor.get_active_alerts(model_id)]
        if model_id is None:
            raise InvalidDataError(f"action={action} is about one model: name it with model_id=")
        if action == "metrics":
            return Answer.of(monitor.get_latest_metrics(model_id, version, window=window))
        return Answer.of(monitor.generate_report(model_id, period, version=version))

    @api.post("")
    def record(body: Annotated[Record | Acknowledge, Field(discriminator="action")]) -> Done | Answer:
        match body.action:
            case "acknowledge":
                return Answer.of(monitor.acknowledge_alert(body.alert_id, by=body.by, note=body.note))
            case "prediction":
                monitor.record_prediction(body.model_id, body.version, body.event)
            case "trade":
                monitor.record_trade(body.model_id, body.version, body.event)
            case "drift":
                monitor.record_drift(body.model_id, body.version, body.event)
            case _:
                assert_never(body.action)
        return Done()

    return api
