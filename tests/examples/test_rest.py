"""The app of `examples/rest.py`, asked by a real client, in a real server on loopback."""

import re
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from mlprod import ModelSerializer, PerformanceMonitor, errors

httpx = pytest.importorskip("httpx")
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

SERVER = Path(__file__).with_name("rest_server.py")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "fastapi.md"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("rest") / "store"


@contextmanager
def served(store):
    """Give a client of a new server."""
    server = subprocess.Popen([sys.executable, SERVER, store], stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            yield client
    finally:
        server.terminate()
        server.wait(30)
        server.stdout.close()


@pytest.fixture(scope="module")
def client(store):
    with served(store) as client:
        yield client


def save(client, name, threshold, **fields):
    answer = client.post("/api/ml/models", json={"name": name, "model": {"threshold": threshold}, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="module", autouse=True)
def reversal(client):
    """Have two versions of the model behind `/reversal`, the first in production."""
    return (
        save(client, "reversal", 0.2, metrics={"recall": 0.2222}, activate=True),
        save(client, "reversal", 0.5, metrics={"recall": 0.7902}, bump="minor"),
    )


def test_a_model_is_saved_listed_activated_validated_and_deleted(client, store):
    first = save(client, "lawrence", 0.1, metrics={"accuracy": 0.72}, config={"hiddenSize": 128}, tags=["a"])
    assert ("lawrence@1.0.0", "json", False) == (first["id"], first["format"], first["is_active"])
    save(client, "lawrence", 0.2)

    listed = client.get("/api/ml/models", params={"name": "lawrence"}).json()
    assert ["lawrence@1.0.0", "lawrence@1.0.1"] == [each["id"] for each in listed]

    body = {"action": "activate", "id": "lawrence@1.0.1", "expected": "none", "reason": "tried"}
    assert client.put("/api/ml/models", json=body).json()["is_active"]
    valid = client.put("/api/ml/models", json={"action": "validate", "id": "lawrence"}).json()
    assert (True, []) == (valid["valid"], valid["errors"])

    gone = client.delete("/api/ml/models", params={"id": "lawrence@1.0.0"})
    assert (204, b"") == (gone.status_code, gone.content)
    assert {"threshold": 0.2} == ModelSerializer(store).get_active("lawrence")  # as another process sees it


def test_an_experiment_is_drawn_up_controlled_and_looked_at(client):
    body = {
        "action": "create",
        "name": "LSTM vs Lawrence",
        "control_model": "reversal@1.0.0",
        "treatment_model": "reversal@1.1.0",
        "config": {"maxDuration": 168, "primaryMetric": "win_rate"},
    }
    made = client.post("/api/ml/experiments", json=body).json()
    which = {"id": made["id"]}
    for action, status in (("start", "running"), ("pause", "paused"), ("resume", "running")):
        assert status == client.post("/api/ml/experiments", json=which | {"action": action}).json()["status"]
    assert 168 == client.request("PUT", "/api/ml/experiments", json=which).json()["config"]["max_duration"]
    assert made["id"] in [each["id"] for each in client.get("/api/ml/experiments").json()]
    assert (
        "inconclusive" == client.post("/api/ml/experiments", json=which | {"action": "end"}).json()["winner"]
    )


def test_what_happens_is_recorded_and_shows_in_metrics_alerts_and_reports(client):
    def record(action, event):
        body = {"action": action, "model_id": "bot", "version": "1.0.0", "event": event}
        return client.post("/api/ml/monitoring", json=body).json()

    assert {"recorded": True} == record("prediction", {"correct": True, "confidence": 0.82, "latencyMs": 5.3})
    assert {"recorded": True} == record("trade", {"outcome": "win", "pnl": 250, "confidence": 0.82})
    assert {"recorded": True} == record("drift", {"featureDrift": 0.45, "predictionDrift": 0.08})

    def look(action, **parameters):
        return client.get("/api/ml/monitoring", params={"action": action, **parameters}).json()

    metrics = look("metrics", model_id="bot", window="24h")
    assert (1.0, 250.0, None) == (metrics["accuracy"], metrics["total_pnl"], metrics["mae"])
    (alert,) = look("alerts")
    assert ("feature_drift", "firing") == (alert["type"], alert["state"])
    known = {"action": "acknowledge", "alert_id": alert["id"], "by": "ana"}
    assert "acknowledged" == client.post("/api/ml/monitoring", json=known).json()["state"]
    assert 1 == look("report", model_id="bot", period="hourly")["metrics"]["trades_total"]


def test_a_forecast_comes_from_the_version_that_was_asked_for_and_is_recorded(client, store):
    body = {"pair": "EUR/USD", "timeframe": "1h", "data": [[0.1], [0.4]]}
    answer = client.post("/reversal/predict", json=body).json()
    assert ("long", 0.75, 0.82) == (answer["signal"], answer["confidence"], answer["stage1_prob"])
    assert "1.0.0" == answer["model_version"]
    assert datetime.fromisoformat(answer["timestamp"]).tzinfo is not None
    assert "hold" == client.post("/predict", json=body | {"version": "1.1.0"}).json()["signal"]

    both = client.post("/reversal/compare", json={**body, "versions": ["1.0.0", "latest"]}).json()
    assert {"1.0.0": "long", "latest": "hold"} == {name: found["signal"] for name, found in both.items()}
    recorded = PerformanceMonitor(store).get_latest_metrics("reversal", "1.1.0")  # at once, from here
    assert 1 == recorded.predictions_total  # a comparison is none


def test_versions_are_listed_and_switched(client):
    assert ["1.0.0", "1.1.0"] == [each["version"] for each in client.get("/reversal/models").json()]
    assert client.post("/reversal/models/1.1.0/switch", params={"expected": "1.0.0"}).json()["is_active"]
    assert "1.1.0" == client.get("/reversal/models/production").json()["version"]
    assert client.post("/reversal/models/1.0.0/switch").json()["is_active"]
    assert "reversal@1.0.0" == client.get("/health").json()["model"]


def test_two_versions_are_compared_on_live_traffic(client):
    body = {
        "experiment_id": "v30_vs_v31",
        "name": "Model Comparison",
        "variant_a": "1.0.0",
        "variant_b": "1.1.0",
        "traffic_split": 0.7,
    }
    made = client.post("/reversal/experiments", json=body)
    assert (201, "draft") == (made.status_code, made.json()["status"])
    assert "running" == client.post("/reversal/experiments/v30_vs_v31/activate").json()["status"]

    def predict(user):
        unit = {"experiment_id": "v30_vs_v31", "user_id": user}
        return client.post(
            "/reversal/predict", json={"pair": "EUR/USD", "data": [[0.4]], "unit": unit}
        ).json()

    answers = [predict(f"user-{number}") for number in range(40)]
    versions = [answer["model_version"] for answer in answers]
    assert {("1.0.0", "control"), ("1.1.0", "treatment")} == {
        (answer["model_version"], answer["variant"]) for answer in answers
    }
    metrics = client.get("/reversal/experiments/v30_vs_v31/metrics").json()
    assert {"control": versions.count("1.0.0"), "treatment": versions.count("1.1.0")} == {
        variant: found["predictions"] for variant, found in metrics.items()
    }
    assert "v30_vs_v31" in [each["id"] for each in client.get("/reversal/experiments").json()]
    assert "inconclusive" == client.post("/reversal/experiments/v30_vs_v31/stop").json()["winner"]
    after = predict("user-1")
    assert ("1.0.0", None) == (after["model_version"], after["variant"])  # the control, and nothing to record
    again = client.post("/reversal/experiments/v30_vs_v31/activate")
    assert (409, "experiment_state") == (again.status_code, again.json()["kind"])


@pytest.mark.parametrize(
    ("asked", "body", "answered"),
    [
        ("GET /reversal/models/9.9.9", None, (404, "model_not_found")),
        ("PUT /api/ml/experiments", {"id": "none"}, (404, "experiment_not_found")),
        ("POST /api/ml/monitoring", {"action": "acknowledge", "alert_id": "a9-9"}, (404, "alert_not_found")),
        ("POST /reversal/models/1.1.0/switch?expected=1.1.0", None, (409, "conflict")),
        ("DELETE /api/ml/models?id=reversal", None, (409, "conflict")),
        ("POST /api/ml/models", {"name": "../up", "model": [1]}, (422, "invalid_name")),
        ("GET /api/ml/monitoring?action=metrics", None, (422, "invalid_data")),
        ("GET /api/ml/monitoring?action=metrics&model_id=bot&window=soon", None, (422, "invalid_config")),
    ],
)
def test_an_error_has_the_status_of_its_kind_and_says_what_to_do(client, asked, body, answered):
    answer = client.request(*asked.split(), json=body)
    assert answered == (answer.status_code, answer.json()["kind"])
    assert answer.json()["detail"]


def test_a_store_that_holds_damaged_decisions_is_unavailable(tmp_path):
    damaged = tmp_path / "models" / "ledger" / "commits" / "00000000000000000001.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"{")
    with served(tmp_path) as client:
        answer = client.get("/api/ml/models")
    assert (503, "store") == (answer.status_code, answer.json()["kind"])
    assert damaged.name in answer.json()["detail"]


def test_every_kind_of_error_has_a_status(statuses):
    kinds = {getattr(errors, name).kind for name in errors.__all__}
    assert kinds == set(statuses)


@pytest.fixture
def statuses(monkeypatch):
    monkeypatch.syspath_prepend(SERVER.parents[2] / "examples")
    from rest import STATUSES

    return STATUSES


def test_the_page_names_every_endpoint_and_no_other(client):
    endpoints = {
        f"{method.upper()} {path}"
        for path, methods in client.get("/openapi.json").json()["paths"].items()
        for method in methods
    }
    assert endpoints == set(
        re.findall(r"^\| `((?:GET|POST|PUT|DELETE) [^`?]+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    )
