"""The permissions that `docs/how-to/models-on-s3.md` asks for, on a server that enforces them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from mlprod import ABTestingManager, ModelSerializer, PerformanceMonitor, dashboard, fsck, open_store
from mlprod.errors import StoreError

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "models-on-s3.md"
BUCKET = "permissions"  # servers of one process share what they hold, and the page has run as well


def policies():
    """Return what the page shows: what a process that writes may do, and one that reads."""
    page = PAGE.read_text(encoding="utf-8").replace("arn:aws:s3:::trading", f"arn:aws:s3:::{BUCKET}")
    blocks = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [block for block in map(json.loads, blocks) if "Statement" in block]


def without(policy, *actions):
    """Return the policy with these actions taken away."""
    statements = [
        {**each, "Action": [action for action in each["Action"] if action not in actions]}
        for each in policy["Statement"]
    ]
    return {**policy, "Statement": [each for each in statements if each["Action"]]}


@pytest.fixture(autouse=True)
def spool(monkeypatch, tmp_path):
    monkeypatch.setenv("MLPROD_SPOOL", str(tmp_path))


@pytest.fixture
def clients(s3_endpoint):
    """Give the administrator's S3 and IAM, with an empty bucket."""
    botocore = pytest.importorskip("botocore.session")
    session, options = botocore.get_session(), {"endpoint_url": s3_endpoint, "region_name": "us-east-1"}
    account = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    s3, iam = (session.create_client(name, **options, **account) for name in ("s3", "iam"))
    s3.create_bucket(Bucket=BUCKET)
    yield s3, iam
    for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.delete_object(Bucket=BUCKET, Key=found["Key"])
    s3.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def store_with(s3_endpoint, clients):
    """Give a way to open the store as a new user who may do what a policy says."""
    _, iam = clients
    users = []

    def open_with(policy):
        name = f"user-{len(users)}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="it", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        users.append((name, key["AccessKeyId"]))
        return open_store(
            f"s3://{BUCKET}/mlprod",
            endpoint_url=s3_endpoint,
            key=key["AccessKeyId"],
            secret=key["SecretAccessKey"],
        )

    yield open_with
    for name, key in users:
        iam.delete_access_key(UserName=name, AccessKeyId=key)
        iam.delete_user_policy(UserName=name, PolicyName="it")
        iam.delete_user(UserName=name)


def enforced(function, *arguments):
    """Call it while the server looks at who asks."""
    from moto.core import set_initial_no_auth_action_count

    return set_initial_no_auth_action_count(0)(function)(*arguments)


def do_everything(store):
    """Save, promote, delete, record, compact, compare and check; return what is in production."""
    models = ModelSerializer(store)
    models.save({"weights": [0.5]}, "momentum", activate=True)
    models.save({"weights": np.zeros(9_000_000)}, "momentum")  # above 64 MiB: in parts
    models.save([1], "momentum")
    models.delete("momentum@1.0.2")
    models.cleanup(grace_hours=0)
    with PerformanceMonitor(store) as monitor:
        monitor.record_prediction("momentum", "1.0.0", correct=True)
        monitor.get_active_alerts()
    with ABTestingManager(store) as manager:
        manager.create_experiment("a", "", "momentum@1.0.0", "momentum@1.0.1", id="a")
        manager.start_experiment("a")
        manager.record_trade("a", manager.get_variant("a", 1).id, pnl=1.0)
    assert fsck(store, deep=True).ok
    return models.get_active("momentum")


def look_at_everything(store):
    """Load what is in production and read what was recorded; return both."""
    assert "momentum" in dashboard.render(store)
    with ModelSerializer(store).watch("momentum@production") as handle:
        handle.refresh()
        metrics = PerformanceMonitor(store, thresholds=()).get_latest_metrics("momentum")
        return handle.model, metrics.predictions_total


def test_what_the_page_asks_for_is_enough_to_write_and_to_read(store_with):
    writing, reading = policies()
    assert {"weights": [0.5]} == enforced(do_everything, store_with(writing))
    assert ({"weights": [0.5]}, 1) == enforced(look_at_everything, store_with(reading))


def test_without_deletion_everything_works_and_the_log_says_what_stays(store_with, caplog):
    writing, _ = policies()
    enforced(do_everything, store_with(without(writing, "s3:DeleteObject", "s3:AbortMultipartUpload")))
    assert "could not delete" in caplog.text


@pytest.mark.parametrize("action", ["s3:ListBucket", "s3:GetObject", "s3:PutObject"])
def test_each_other_permission_is_needed(store_with, action):
    writing, _ = policies()
    with pytest.raises(StoreError, match="fix the permissions"):
        enforced(do_everything, store_with(without(writing, action)))
