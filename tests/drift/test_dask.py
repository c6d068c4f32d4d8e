"""Dask DataFrames, partition by partition."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mlprod.drift._dask import fold_partitions, is_dask
from mlprod.drift._tables import read_batches
from mlprod.errors import InvalidDataError, MissingExtraError


@pytest.fixture
def frame():
    """A table of 0 to 99 in 20 partitions."""
    dataframe, pandas = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
    return dataframe.from_pandas(pandas.DataFrame({"x": np.arange(100)}), npartitions=20)


def rows_and_total(partition):
    return len(partition), int(partition["x"].sum())


def test_a_dask_frame_is_recognised(frame):
    dask = pytest.importorskip("dask.array")
    others = (frame["x"], dask.zeros(3), frame.compute(), {"x": [1.0]}, None)
    assert (True, [False] * 5) == (is_dask(frame), [is_dask(other) for other in others])


@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_every_row_is_measured_once_on_the_scheduler_of_the_caller(frame, scheduler):
    dask = pytest.importorskip("dask")
    with dask.config.set(scheduler=scheduler):
        merged = fold_partitions(
            frame, rows_and_total, lambda parts: tuple(map(sum, zip(*parts, strict=True)))
        )
    assert (100, 4950) == merged


def test_measures_are_merged_in_the_order_of_the_partitions(frame):
    assert (
        list(range(100)) == fold_partitions(frame, lambda part: part["x"].to_numpy(), np.concatenate).tolist()
    )


def test_few_measures_are_merged_at_a_time(frame):
    sizes = []

    def merge(parts):
        sizes.append(len(parts))
        return sum(parts)

    assert 100 == fold_partitions(frame, len, merge)
    assert [3, 4, 8, 8] == sorted(sizes)  # 20 partitions make 8 + 8 + 4, and these three one


def test_one_partition_is_not_merged(frame):
    def never(_):
        raise AssertionError

    assert 100 == fold_partitions(frame.repartition(npartitions=1), len, never)


def test_partitions_are_read_like_any_table(frame):
    def total(partition):
        return sum(batch["x"].sum() for batch in read_batches(partition))

    assert 4950.0 == fold_partitions(frame, total, sum)


def test_an_error_in_a_partition_reaches_the_caller(frame):
    def refuse(_):
        raise InvalidDataError("a bad column")

    with pytest.raises(InvalidDataError, match="a bad column"):
        fold_partitions(frame, refuse, sum)


@pytest.mark.slow
def test_the_workers_of_a_cluster_measure_and_merge(frame):
    distributed = pytest.importorskip("distributed")

    def place(partition):
        import os

        return {os.getpid()}, len(partition)

    def merge(parts):
        return set().union(*(pids for pids, _ in parts)), sum(rows for _, rows in parts)

    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        workers = set(client.run(lambda: __import__("os").getpid()).values())
        pids, rows = fold_partitions(frame, place, merge)
    assert (workers, 100) == (pids, rows)


def test_a_frame_among_batches_is_refused(frame):
    with pytest.raises(InvalidDataError, match="give a Dask DataFrame, whole and by itself"):
        next(read_batches([frame]))


def test_without_dask_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mlprod\[dask\]'"):
        fold_partitions(SimpleNamespace(to_delayed=list), len, sum)
