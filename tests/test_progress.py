"""Progress: who is told, when a bar shows, and that showing harms nothing."""

import io
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from fsspec.callbacks import DEFAULT_CALLBACK, Callback

import mlprod
from mlprod import ModelSerializer, configure
from mlprod._progress import SILENT, Tracker, _Bar, track
from mlprod.errors import InvalidConfigError, MissingExtraError
from mlprod.storage import MemoryStore
from mlprod.typing import ProgressCallback
from tests.recorder import Breaking, Recorder


@pytest.fixture
def kernel(monkeypatch):
    """Look like a kernel of Jupyter; a real one is in `tests/examples`."""
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


@pytest.fixture
def without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)


@pytest.fixture
def drawn(capsys):
    """Give a way to see what was drawn on standard error so far; nothing may be on standard output."""
    tqdm = pytest.importorskip("tqdm")
    seen, output = [], []

    def look():
        captured = capsys.readouterr()
        seen.append(captured.err)
        output.append(captured.out)
        return "".join(seen)

    yield look
    look()
    assert "" == "".join(output)
    assert not tqdm.tqdm._instances  # every bar was closed


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self):
        return self.now


class BrokenPipe(io.StringIO):
    """What is written to a process that has ended."""

    def write(self, text):  # noqa: ARG002
        raise BrokenPipeError(32, "Broken pipe")


class TestWhoIsTold:
    @pytest.mark.parametrize("progress", [None, False])
    def test_nobody_in_a_script(self, progress):
        assert SILENT is track(progress)

    def test_nobody_in_a_terminal_of_ipython(self, monkeypatch):
        shell = SimpleNamespace()
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
        assert SILENT is track(None)

    def test_nobody_while_ipython_is_being_imported(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())
        assert SILENT is track(None)

    @pytest.mark.parametrize("callback", [Callback(), DEFAULT_CALLBACK, Recorder()])
    def test_every_callback_of_fsspec_is_one(self, callback):
        assert isinstance(callback, ProgressCallback)
        assert track(callback).is_watched

    @pytest.mark.parametrize("wrong", ["yes", 1, Recorder, object()])
    def test_what_is_none_of_these_is_refused(self, wrong):
        with pytest.raises(InvalidConfigError, match="progress must be True, False, None, or a callback"):
            track(wrong)

    def test_it_is_refused_before_anything_is_done(self, tmp_path):
        with pytest.raises(InvalidConfigError):
            ModelSerializer(tmp_path / "store").save([1], "numbers", progress="yes")
        assert [] == list(tmp_path.iterdir())

    @pytest.mark.usefixtures("without_tqdm")
    def test_a_bar_without_tqdm_names_the_extra(self, tmp_path):
        with pytest.raises(MissingExtraError, match=r"pip install 'mlprod\[progress\]'"):
            ModelSerializer(tmp_path / "store").save([1], "numbers", progress=True)
        assert [] == list(tmp_path.iterdir())


class TestOfTheWholeProcess:
    @pytest.mark.usefixtures("kernel")
    def test_false_silences_a_notebook(self):
        assert track(None).is_watched
        with configure(progress=False):
            assert SILENT is track(None)
            assert track(Recorder()).is_watched
        assert track(None).is_watched

    def test_true_shows_bars_everywhere(self, drawn):
        with configure(store="memory://bars", progress=True):
            mlprod.save_model([1], "numbers", activate=True)
            mlprod.load_model("numbers", progress=False)
            mlprod.get_active_model("numbers")
        mlprod.ModelSerializer("memory://bars").load("numbers")
        assert 1 == drawn().count("numbers@1.0.0: saving: 100%")
        assert 1 == drawn().count("numbers@1.0.0: loading: 100%")

    @pytest.mark.usefixtures("without_tqdm")
    def test_true_without_tqdm_changes_nothing(self):
        with configure(store="memory://before") as before:
            with pytest.raises(MissingExtraError, match=r"mlprod\[progress\]"):
                configure(store="memory://other", progress=True)
            assert "memory://before" == mlprod.get_model_serializer().store.url
            assert before

    def test_a_callback_is_of_one_call(self):
        with pytest.raises(InvalidConfigError, match="passed to the one call"):
            configure(progress=Recorder())


class TestTracker:
    def test_the_total_and_each_step_are_told(self):
        recorder = Recorder()
        with track(recorder) as tracker:
            tracker.begin("files", 3)
            tracker.count()
            tracker.count(0)
            tracker.count(2)
            tracker.finish()
        assert ([3], [1, 3]) == (recorder.sizes, recorder.counts)

    def test_a_total_that_nobody_knew_is_told_at_the_end(self):
        recorder = Recorder()
        with track(recorder) as tracker:
            tracker.begin("values", None)
            tracker.count(5)
            tracker.finish()
        assert ([None, 5], [5]) == (recorder.sizes, recorder.counts)

    def test_what_begins_again_adds_to_the_total(self):
        recorder = Recorder()
        with track(recorder) as tracker:
            tracker.begin("bytes", 4)
            tracker.count(3)
            tracker.begin("bytes", 4)
            tracker.count(4)
        assert [4, 7] == recorder.sizes
        assert recorder.is_complete

    def test_threads_lose_no_step(self):
        recorder = Recorder()
        tracker = track(recorder)
        tracker.begin("files", 8000)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: tracker.count(), range(8000)))
        assert list(range(1, 8001)) == recorder.counts

    def test_a_callback_that_raises_is_asked_no_more_and_the_log_says_why(self, caplog):
        breaking = Breaking()
        with caplog.at_level(logging.WARNING, "mlprod"), track(breaking) as tracker:
            tracker.begin("bytes", 2)
            tracker.count()
            tracker.finish()
        assert 1 == breaking.asked
        assert "progress is not shown any more" in caplog.text
        assert "the display is gone" in caplog.text

    def test_no_thread_asks_a_callback_that_another_has_just_found_to_raise(self):
        entered, leave = threading.Event(), threading.Event()

        class Slow(Breaking):
            def relative_update(self, inc=1):
                entered.set()
                assert leave.wait(60)
                super().relative_update(inc)

        slow = Slow()
        tracker = Tracker(slow)
        first = threading.Thread(target=tracker.count)
        first.start()
        assert entered.wait(60)
        second = threading.Thread(target=tracker.count)
        second.start()
        leave.set()
        first.join()
        second.join()
        assert 1 == slow.asked

    def test_an_interrupt_is_not_swallowed(self):
        """Ctrl-C may come while a bar is drawn."""

        class Interrupted(Recorder):
            def relative_update(self, inc=1):  # noqa: ARG002
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            track(Interrupted()).count()


class TestBar:
    def test_it_says_what_happens_to_which_object(self, drawn):
        ModelSerializer("memory://said").save({"a": "x" * 3_000_000}, "momentum", progress=True)
        assert "momentum@1.0.0: saving: 100%" in drawn()
        assert "2.86M/2.86M" in drawn()
        assert "B/s" in drawn()

    def test_it_is_drawn_at_once_where_it_was_asked_for(self, drawn):
        with track(True) as tracker:  # noqa: FBT003 - it is the whole point
            tracker.describe("waiting")
            tracker.begin("files", 3)
            assert "waiting:   0%" in drawn()
            assert "0/3" in drawn()

    def test_a_new_total_shows(self, drawn):
        with track(True) as tracker:  # noqa: FBT003
            tracker.begin("files", 3)
            tracker.begin("files", 1234)
            assert "0/1234" in drawn()

    def test_an_error_inside_closes_it(self, drawn):
        with pytest.raises(ZeroDivisionError), track(True) as tracker:  # noqa: FBT003, PT012
            tracker.begin("files", 3)
            tracker.count()
            raise ZeroDivisionError
        assert "1/3" in drawn()  # and not as if all were done

    @pytest.mark.usefixtures("drawn")
    @pytest.mark.parametrize("kind", ["closed", "broken", "missing"])
    def test_a_standard_error_that_takes_nothing_stops_no_thread(self, monkeypatch, kind):
        """Its reader may be gone, and a program without a window has none."""
        closed = io.StringIO()
        closed.close()
        kinds = {"closed": closed, "broken": BrokenPipe(), "missing": None}
        monkeypatch.setattr(sys, "stderr", kinds[kind])
        models = ModelSerializer(MemoryStore())
        assert "numbers@1.0.0" == models.save([1], "numbers", progress=True).id
        with ThreadPoolExecutor(1) as threads:
            other = threads.submit(models.save, [2], "numbers", progress=True)
            assert "numbers@1.0.1" == other.result(timeout=60).id

    @pytest.mark.usefixtures("kernel")
    def test_in_a_notebook_it_waits_half_a_second(self, drawn):
        clock = Clock()
        with Tracker(_Bar(patience_seconds=0.5, clock=clock)) as tracker:
            tracker.describe("counting")
            tracker.begin("values", 4000)
            tracker.count(1000)
            assert "" == drawn()
            clock.now = 0.5
            tracker.count(1000)
            assert "counting:  50%" in drawn()
            tracker.count(2000)
        assert "counting: 100%" in drawn()

    @pytest.mark.usefixtures("kernel")
    def test_what_is_over_sooner_shows_nothing(self, drawn):
        ModelSerializer("memory://soon").save([1], "numbers")
        assert "" == drawn()

    def test_nothing_shows_once_all_is_done(self, drawn):
        """One step that takes long has nothing to show while it lasts, and nothing afterwards."""
        clock = Clock()
        with Tracker(_Bar(patience_seconds=0.5, clock=clock)) as tracker:
            tracker.begin("bytes", 10)
            clock.now = 60.0
            tracker.count(10)
        assert "" == drawn()

    @pytest.mark.usefixtures("kernel", "without_tqdm")
    def test_a_notebook_without_tqdm_is_silent(self, capsys, caplog):
        clock = Clock()
        with Tracker(_Bar(patience_seconds=0.5, clock=clock)) as tracker:
            tracker.begin("bytes", 10)
            clock.now = 60.0
            tracker.count(3)
            tracker.count(3)
        assert ("", "", "") == (*capsys.readouterr(), caplog.text)

    def test_each_call_has_a_bar_of_its_own(self, drawn):
        models = ModelSerializer("memory://several")

        def save(name):
            return models.save([name], name, progress=True).id

        names = [f"model-{number}" for number in range(4)]
        with ThreadPoolExecutor(4) as threads:
            assert [f"{name}@1.0.0" for name in names] == list(threads.map(save, names))
        assert all(f"{name}@1.0.0: saving: 100%" in drawn() for name in names)


LIGHT = """
import sys
import mlprod
models = mlprod.ModelSerializer("memory://light")
models.save({"weights": [1.0]}, "momentum")
models.load("momentum")
assert not {"tqdm", "fsspec.callbacks", "IPython"} & set(sys.modules)
"""


def test_nothing_is_imported_unless_a_bar_is_wanted():
    subprocess.run([sys.executable, "-c", LIGHT], check=True)
