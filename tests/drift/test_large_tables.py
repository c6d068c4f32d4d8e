"""Tables larger than memory: in one pass, in flat memory; and partitioned ones."""

import tracemalloc

import numpy as np
import pytest

from mlprod.drift import DriftDetector
from mlprod.storage import MemoryStore

BATCH = 100_000


@pytest.fixture
def detector():
    return DriftDetector(MemoryStore(), ordered=False)


def batches(count, *, shift=0.0, rows=BATCH):
    """Give a table batch by batch; none is kept."""
    rng = np.random.default_rng(1)
    sides = np.array(["buy", "sell", None], dtype=object)
    for _ in range(count):
        x = rng.normal(shift, size=rows)
        side = sides[rng.choice(3, rows, p=[0.6, 0.39, 0.01])] if rows < BATCH else sides[:1].repeat(rows)
        yield {"x": x, "y": rng.exponential(size=rows), "side": side}


def peak_of(call):
    """Return the peak of what was allocated, in MiB."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def exact(counts):
    return counts.cells.tolist(), counts.missing


class TestIterators:
    @pytest.mark.slow
    def test_three_million_rows_take_no_more_memory_than_half_a_million(self, detector):
        few = peak_of(lambda: detector.set_reference("few", batches(5)))
        many = peak_of(lambda: detector.set_reference("many", batches(30)))
        assert many < 1.5 * few  # it would be six times as much
        few, many = (
            peak_of(lambda count=count: detector.profile("many", batches(count, shift=0.5)))
            for count in (5, 30)
        )
        assert many < 1.5 * few  # it would be six times as much
        assert 3_000_000 == detector.get_reference("many").rows

    @pytest.mark.slow
    def test_what_has_shifted_is_found_and_nothing_else(self, detector):
        detector.set_reference("m", batches(30))
        report = detector.check("m", batches(10, shift=0.5))
        assert ({"x"}, 1_000_000) == ({name for name, f in report.features.items() if f.drifted}, report.rows)
        # The index of a normal distribution moved by d is d**2, a little less in ten bins.
        assert 0.25 == pytest.approx(report.features["x"].psi, rel=0.05)
        assert not detector.check("m", batches(10)).overall.drift_detected

    def test_it_makes_no_difference_how_the_rows_come(self, detector):
        """A profile of batches counts the same as that of the whole table."""
        whole = {
            name: np.concatenate([batch[name] for batch in batches(8, rows=5000)])
            for name in ("x", "y", "side")
        }
        detector.set_reference("m", whole)
        expected = detector.profile("m", whole).features
        for rows in (700, 5000, 15_000):
            parts = (
                {name: column[start : start + rows] for name, column in whole.items()}
                for start in range(0, 40_000, rows)
            )
            found = detector.profile("m", parts).features
            assert {name: exact(counts) for name, counts in expected.items()} == {
                name: exact(counts) for name, counts in found.items()
            }

    def test_a_reference_in_batches_is_that_of_the_whole_while_it_fits(self, detector):
        whole = {
            name: np.concatenate([batch[name] for batch in batches(4, rows=12_000)])
            for name in ("x", "y", "side")
        }
        one, other = (
            detector.set_reference("one", whole),
            detector.set_reference("other", batches(4, rows=12_000)),
        )
        for name in whole:
            assert exact(one.features[name].counts) == exact(other.features[name].counts)
            assert one.features[name].bins.labels() == other.features[name].bins.labels()
        assert one.rows == other.rows == 48_000


class TestPartitions:
    @pytest.fixture
    def frames(self):
        """Give the same table in pandas and in two partitions of Dask."""
        dataframe, pandas = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
        rng = np.random.default_rng(2)
        frame = pandas.DataFrame(
            {
                "x": rng.normal(size=4000),
                "n": rng.integers(5, size=4000),
                "is_open": rng.random(4000) < 0.5,
                "side": pandas.Categorical(rng.choice(["buy", "sell"], 4000)),
                "symbol": rng.choice(["AAPL", "MSFT", None], 4000),
            }
        )
        frame.loc[frame.index[::7], "x"] = np.nan
        return frame, dataframe.from_pandas(frame, npartitions=2)

    @pytest.fixture(autouse=True)
    def _threads(self):
        dask = pytest.importorskip("dask")
        with dask.config.set(scheduler="threads"):
            yield

    def test_a_reference_of_two_partitions_is_that_of_the_table(self, detector, frames):
        whole, parted = (
            detector.set_reference(name, frame) for name, frame in zip("ab", frames, strict=True)
        )
        assert whole.features.keys() == parted.features.keys()
        assert ("numeric", "numeric", "categorical", "categorical", "categorical") == tuple(
            feature.kind for feature in parted.features.values()
        )
        for name, feature in whole.features.items():
            assert exact(feature.counts) == exact(parted.features[name].counts)
            assert feature.bins.labels() == parted.features[name].bins.labels()

    def test_a_profile_of_two_partitions_is_that_of_the_table(self, detector, frames):
        detector.set_reference("m", frames[0])
        whole, parted = (detector.profile("m", frame) for frame in frames)
        assert (4000, 4000) == (whole.rows, parted.rows)
        for name, counts in whole.features.items():
            assert exact(counts) == exact(parted.features[name])

    def test_so_is_the_verdict(self, detector, frames):
        detector.set_reference("m", frames[0])
        moved = [frame.assign(x=frame["x"] + 1) for frame in frames]
        whole, parted = (detector.check("m", frame) for frame in moved)
        for name, feature in whole.features.items():
            found = parted.features[name]
            assert (feature.drifted, feature.psi, feature.p_value) == (
                found.drifted,
                found.psi,
                found.p_value,
            )
        assert ["x"] == [name for name, feature in parted.features.items() if feature.drifted]
