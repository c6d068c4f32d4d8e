"""Forecasts of one model over HTTP, its versions, and their comparison on live traffic: see ``rest.py``."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache

from fastapi import APIRouter
from rest_bodies import (
    Answer,
    CompareRequest,
    Conclusion,
    Experiment,
    Health,
    Model,
    Predict,
    Prediction,
    PredictRequest,
    Rows,
    TwoVersions,
)

from mlprod import ABTestingManager, ModelSerializer, PerformanceMonitor
from mlprod.errors import ExperimentStateError


def forecasts_api(
    name: str,
    predict: Predict,
    models: ModelSerializer,
    manager: ABTestingManager,
    monitor: PerformanceMonitor,
) -> APIRouter:
    """Forecast with the version in production, another one, or what a unit gets in its experiment."""
    api = APIRouter(tags=["reversal"])
    load = lru_cache(maxsize=8)(models.load)  # by id: what a version is never changes

    def ask(id: str, rows: Rows) -> Prediction:  # noqa: A002 - as in the values
        forecast = predict(load(id), rows)
        return Prediction(
            **forecast.model_dump(), model_version=id.partition("@")[2], timestamp=datetime.now(UTC)
        )

    def act(id: str, rows: Rows) -> Prediction:  # noqa: A002 - as in the values
        started = time.perf_counter()
        prediction = ask(id, rows)
        monitor.record_prediction(
            name,
            prediction.model_version,
            prediction=prediction.signal,
            confidence=prediction.confidence,
            latency_ms=1000 * (time.perf_counter() - started),
        )
        return prediction

    @api.get("/health")
    def health() -> Health:
        found, active = monitor.get_model_health(name), models.get_metadata(f"{name}@production")
        return Health(status=found.status, reasons=list(found.reasons), model=active.id)

    @api.post("/predict", deprecated=True)
    @api.post("/reversal/predict")
    def predict_reversal(body: PredictRequest) -> Prediction:
        if body.unit is None:
            return act(models.get_metadata(f"{name}@{body.version}").id, body.data)
        variant = manager.get_variant(body.unit.experiment_id, body.unit.user_id, {"symbol": body.pair})
        prediction = act(variant.model, body.data)
        if not variant.enrolled:
            return prediction
        with suppress(ExperimentStateError):  # it ended meanwhile: the forecast stands
            manager.record_prediction(
                body.unit.experiment_id,
                variant.id,
                symbol=body.pair,
                direction=prediction.signal.upper(),
                confidence=prediction.confidence,
            )
        return prediction.model_copy(update={"variant": variant.id})

    @api.post("/reversal/compare")
    def compare(body: CompareRequest) -> dict[str, Prediction]:
        ids = {version: models.get_metadata(f"{name}@{version}").id for version in body.versions}
        return {version: ask(id, body.data) for version, id in ids.items()}  # noqa: A001

    return api


def versions_api(name: str, models: ModelSerializer) -> APIRouter:
    """List the versions of the model, and switch."""
    api = APIRouter(tags=["reversal"])

    @api.get("/reversal/models")
    def list_versions() -> list[Model]:
        return [Model.of(each) for each in models.get_versions(name)]

    @api.get("/reversal/models/{version}")
    def get_version(version: str) -> Model:
        return Model.of(models.get_metadata(f"{name}@{version}"))

    @api.post("/reversal/models/{version}/switch")
    def switch(version: str, expected: str | None = None, reason: str = "") -> Model:
        return Model.of(models.set_active(f"{name}@{version}", expected=expected, reason=reason))

    return api


def comparisons_api(name: str, manager: ABTestingManager) -> APIRouter:
    """Compare two versions of the model on live traffic."""
    api = APIRouter(tags=["reversal"])

    @api.post("/reversal/experiments", status_code=201)
    def create(body: TwoVersions) -> Experiment:
        split = (body.traffic_split, 1 - body.traffic_split)
        first, second = f"{name}@{body.variant_a}", f"{name}@{body.variant_b}"
        config = {"primary_metric": "accuracy", "traffic_split": split, **body.config}
        return Experiment.of(
            manager.create_experiment(body.name, "", first, second, config, id=body.experiment_id)
        )

    @api.get("/reversal/experiments")
    def list_experiments() -> list[Experiment]:
        found = manager.list_experiments()
        return [Experiment.of(each) for each in found if each.variants[0].model.startswith(f"{name}@")]

    @api.post("/reversal/experiments/{id}/activate")
    def activate(id: str) -> Experiment:  # noqa: A002 - the name in the path
        return Experiment.of(manager.start_experiment(id))

    @api.get("/reversal/experiments/{id}/metrics")
    def metrics(id: str) -> dict[str, Answer]:  # noqa: A002 - the name in the path
        return {variant: Answer.of(found) for variant, found in manager.get_metrics(id).items()}

    @api.post("/reversal/experiments/{id}/stop")
    def stop(id: str) -> Conclusion:  # noqa: A002 - the name in the path
        return Conclusion.of(manager.end_experiment(id))

    return api
