"""Progress of counting tables: values of those that are read here, partitions of a Dask DataFrame."""

import numpy as np
import pytest

from mlprod import DriftDetector
from mlprod._progress import track
from mlprod.drift._dask import fold_partitions
from mlprod.drift._tables import rows_of
from mlprod.errors import InvalidConfigError, InvalidDataError
from mlprod.storage import MemoryStore
from tests.recorder import Breaking, Recorder

ROWS = 40_000
TABLE = {"x": np.arange(ROWS, dtype=float), "y": np.arange(ROWS) % 7, "side": ["buy", "sell"] * (ROWS // 2)}


@pytest.fixture
def detector():
    return DriftDetector(MemoryStore())


@pytest.fixture
def frame():
    """A table of 40,000 rows in 20 partitions, after an operation of the caller's own."""
    dataframe, pandas = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
    frame = dataframe.from_pandas(pandas.DataFrame({"x": TABLE["x"]}), npartitions=20)
    return frame[frame["x"] >= 0].assign(y=frame["x"] * 2)


def batches():
    for start in range(0, ROWS, 10_000):
        yield {name: column[start : start + 10_000] for name, column in TABLE.items()}


class TestValues:
    def test_a_table_in_memory_is_counted_column_by_column(self, detector):
        recorder = Recorder()
        detector.set_reference("m", TABLE, progress=recorder)
        assert ([3 * ROWS], [ROWS, 2 * ROWS, 3 * ROWS]) == (recorder.sizes, recorder.counts)

    def test_each_method_that_reads_a_table_counts(self, detector):
        detector.set_reference("m", TABLE)
        for read in (detector.profile, detector.check):
            recorder = Recorder()
            read("m", {**TABLE, "ignored": TABLE["x"]}, progress=recorder)
            assert (3 * ROWS, True) == (recorder.size, recorder.is_complete)
        recorder = Recorder()
        detector.comprehensive_drift_check(model_id="m", data=TABLE, progress=recorder)
        assert (3 * ROWS, True) == (recorder.size, recorder.is_complete)

    def test_of_an_iterator_nobody_knows_the_total_before_its_end(self, detector):
        setting, checking = Recorder(), Recorder()
        detector.set_reference("m", batches(), progress=setting)
        detector.check("m", batches(), progress=checking)
        for recorder in (setting, checking):
            assert [None, 3 * ROWS] == recorder.sizes
            assert recorder.is_complete
            assert 12 == len(recorder.counts)

    def test_arrow_in_several_batches_knows_its_total(self, detector):
        pyarrow = pytest.importorskip("pyarrow")
        table = pyarrow.Table.from_batches([pyarrow.RecordBatch.from_pydict(batch) for batch in batches()])
        recorder = Recorder()
        detector.set_reference("m", table, progress=recorder)
        assert [3 * ROWS] == recorder.sizes
        assert recorder.is_complete

    def test_a_profile_is_counted_already(self, detector):
        detector.set_reference("m", TABLE)
        recorder = Recorder()
        detector.check("m", detector.profile("m", TABLE), progress=recorder)
        assert ([], []) == (recorder.sizes, recorder.counts)

    @pytest.mark.parametrize("data", [5, "text", {"x": 5.0}, np.float64(3.0), [], {}], ids=str)
    def test_what_is_no_table_is_refused_as_ever(self, detector, data):
        with pytest.raises(InvalidDataError):
            detector.set_reference("m", data, progress=Recorder())

    def test_rows_are_known_of_whole_tables(self):
        tables = ({"x": [1, 2, 3]}, {}, np.zeros((2, 5)), [{"x": [1]}, {"x": [2]}], iter([]), {"x": 5.0})
        assert [3, 0, 2, None, None, None] == [rows_of(table) for table in tables]


class TestFailing:
    def test_a_callback_that_raises_changes_no_report(self, detector):
        breaking = Breaking()
        assert ROWS == detector.set_reference("m", TABLE, progress=breaking).rows
        assert ROWS == detector.check("m", TABLE, progress=Breaking()).rows
        assert 1 == breaking.asked

    def test_bad_data_leave_the_reference_and_close_the_bar(self, detector, capsys):
        tqdm = pytest.importorskip("tqdm")
        before = detector.set_reference("m", TABLE)
        bad = {"x": TABLE["x"], "when": np.zeros(ROWS, "datetime64[s]")}
        with pytest.raises(InvalidDataError):
            detector.set_reference("m", bad, progress=True)
        assert before.id == detector.get_reference("m").id
        assert not tqdm.tqdm._instances
        assert "m: setting the reference" in capsys.readouterr().err

    def test_what_is_no_callback_is_refused_before_anything_is_read(self, detector):
        detector.set_reference("m", TABLE)
        with pytest.raises(InvalidConfigError):
            detector.check("m", iter([1]), progress="yes")
        assert [] == detector.history("m")


def test_the_bar_says_what_is_counted(detector, capsys):
    pytest.importorskip("tqdm")
    detector.set_reference("m", TABLE)
    detector.check("m", TABLE, progress=True)
    captured = capsys.readouterr()
    assert "" == captured.out
    assert "m: counting: 100%" in captured.err
    assert "120k/120k" in captured.err


class TestPartitions:
    @pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
    def test_each_is_counted_when_it_was_measured(self, detector, frame, scheduler):
        dask = pytest.importorskip("dask")
        setting, checking = Recorder(), Recorder()
        with dask.config.set(scheduler=scheduler):
            detector.set_reference("m", frame, progress=setting)
            detector.check("m", frame, progress=checking)
        for recorder in (setting, checking):
            assert ([20], list(range(1, 21))) == (recorder.sizes, recorder.counts)

    def test_those_that_others_compute_meanwhile_are_not(self, frame):
        dask = pytest.importorskip("dask")
        recorder = Recorder()

        def measure(partition):
            dask.delayed(sum)([1, 2]).compute(scheduler="synchronous")
            return len(partition)

        with dask.config.set(scheduler="synchronous"):
            assert ROWS == fold_partitions(frame, measure, sum, tracker=track(recorder))
        assert list(range(1, 21)) == recorder.counts

    def test_a_scheduler_that_says_nothing_leaves_all_to_the_end(self, detector, frame):
        dask = pytest.importorskip("dask")
        from dask.local import get_sync

        def silent(graph, keys, **_):
            return get_sync(graph, keys, callbacks=())

        recorder = Recorder()
        detector.set_reference("m", TABLE | {"y": TABLE["x"]})
        with dask.config.set(scheduler=silent):
            detector.profile("m", frame.assign(side="buy"), progress=recorder)
        assert ([20], [20]) == (recorder.sizes, recorder.counts)

    @pytest.mark.slow
    def test_those_of_a_cluster_are_counted_one_by_one(self, detector, frame):
        distributed = pytest.importorskip("distributed")
        recorder = Recorder()
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            reference = detector.set_reference("m", frame, progress=recorder)
            assert len(client.futures) <= 2  # nobody holds a measure: the last ones are just let go
            bad = frame.assign(x="text")
            with pytest.raises(InvalidDataError, match="m"):
                detector.check("m", bad, progress=Recorder())
        assert ROWS == reference.rows
        assert ([20], list(range(1, 21))) == (recorder.sizes, recorder.counts)
