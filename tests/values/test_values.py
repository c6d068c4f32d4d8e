"""What every public value is in a line, in a notebook and as JSON, each of them made as users make it."""

import importlib
import inspect
import json
import pkgutil
import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import attrs
import pytest

import mlprod
from mlprod import ABTestingManager, DriftDetector, ModelSerializer, PerformanceMonitor
from mlprod._brief import Brief
from mlprod._value import Value
from mlprod.drift import RecentData
from mlprod.storage import MemoryStore
from mlprod.testing import FaultyStore, FrozenClock

LONGEST_LINE = 500
LARGEST, LARGEST_DRAWN = 20_000, 48_000  # bytes; with plots
RUNS_OR_FETCHES = {"script", "link", "img", "iframe", "object", "embed", "base", "form", "input", "a", "meta"}


def public(base):
    """Return the public classes that have this base, wherever they are exported."""
    names = [mlprod.__name__, *(f"mlprod.{each.name}" for each in pkgutil.iter_modules(mlprod.__path__))]
    modules = [importlib.import_module(name) for name in names if not name.rpartition(".")[2].startswith("_")]
    exported = (getattr(module, name) for module in modules for name in getattr(module, "__all__", ()))
    found = {each for each in exported if inspect.isclass(each) and issubclass(each, base)}
    return sorted(found, key=lambda each: f"{each.__module__}.{each.__name__}")


@pytest.fixture(scope="module")
def samples(values):
    """Give every sample by its class."""
    found = {}
    for value in values.values():
        for each in value if isinstance(value, list) else [value]:
            found.setdefault(type(each), []).append(each)
    return found


each_value = pytest.mark.parametrize(
    "kind", public(Value), ids=lambda each: f"{each.__module__}.{each.__name__}"
)


@pytest.fixture
def sources(samples, kind):
    """Give what a notebook shows of each sample of a class."""
    return [each._repr_html_() for each in samples[kind]]


def parsed(source):
    """Parse strictly: all elements closed, all attributes quoted, all references known."""
    return ET.fromstring(source.replace("<br>", "<br/>"))  # noqa: S314 - made by the code under test


def styles(source):
    """Return the rules of a fragment as pairs of selectors and declarations."""
    sheets = "".join(re.findall(r"<style>(.*?)</style>", source, re.DOTALL))
    return re.findall(r"([^{}]+)\{([^{}]*)\}", sheets)


def test_every_public_value_has_a_sample(samples):
    assert [] == [each.__name__ for each in public(Brief) if each not in samples]


class TestLine:
    def test_it_is_one_line_that_fits_whatever_the_value_holds(self, samples):
        lines = [repr(each) for kind in public(Brief) for each in samples[kind]]
        assert [] == [line for line in lines if len(line) > LONGEST_LINE or not line.isprintable()]

    def test_it_begins_with_what_the_value_is(self, samples):
        for kind in public(Brief):
            for each in samples[kind]:
                assert re.fullmatch(rf"{kind.__name__}\(.*\)", repr(each))

    def test_it_says_the_essential(self, values):
        metadata, (alert, _) = values["metadata"], values["alerts"]
        assert "id='har@1.0.0', created_at=2026-02-27 09:30:15 UTC, size=16,192 bytes" in repr(metadata)
        assert "metrics={'rmse': 0.0123457, " in repr(metadata)
        assert ", … 89 more), stage='production', aliases=('champion',), …)" in repr(metadata)
        assert "metric='accuracy', severity='critical', threshold=0.9" in repr(alert)
        assert "value=0.666667, samples=72, state='acknowledged'" in repr(alert)
        assert "since=2026-03-02 09:30:15 UTC" in repr(alert)
        assert "overall=Overall(drift_detected=True, " in repr(values["drift report"])

    def test_lines_of_a_log_have_times_to_the_second(self, values):
        saved, alert = values["history"][0], values["alerts"][0]
        assert "2026-02-27 09:30:15 UTC  saved 1.0.0" == str(saved)
        assert str(alert).endswith("(acknowledged since 2026-03-02 09:30:15 UTC)")


class TestNotebook:
    @each_value
    def test_it_is_well_formed(self, sources):
        for source in sources:
            assert "div" == parsed(source).tag

    @each_value
    def test_it_is_small(self, sources):
        for source in sources:
            assert len(source.encode()) <= (LARGEST_DRAWN if "<svg" in source else LARGEST)

    @each_value
    def test_it_runs_and_fetches_nothing(self, sources):
        for source in sources:
            elements = list(parsed(source).iter())
            assert not RUNS_OR_FETCHES & {element.tag for element in elements}
            attributes = {name for element in elements for name in element.attrib}
            assert not [name for name in attributes if name.startswith("on") or name in {"src", "href"}]
            assert not re.search(r"url\(|@import|https?:", source)

    @each_value
    def test_its_styles_touch_nothing_else(self, sources):
        for source in sources:
            selectors = [each for rule, _ in styles(source) for each in rule.split(",")]
            assert [] == [each for each in selectors if ".mlprod-" not in each]

    @each_value
    def test_it_has_the_colours_of_what_is_around(self, sources):
        """Text that is white on white or black on black is what a fixed colour becomes in another theme."""
        for source in sources:
            given = dict(re.findall(r"(?<![\w-])(background(?:-color)?|color)\s*:\s*([^;}]+)", source))
            assert {"none"} >= {value.strip() for name, value in given.items() if name != "color"}
            colour = given.get("color", "inherit").strip()
            assert colour == "inherit" or colour.startswith("var(--mlprod-")

    @each_value
    def test_what_users_wrote_is_text_and_reorders_nothing(self, sources):
        for source in sources:
            assert "hacked=1>" not in source
            assert not {"\u202e", "\u2066", "\u200f"} & set(source)

    @each_value
    def test_a_screen_reader_can_tell_what_is_what(self, sources):
        for source in sources:
            root = parsed(source)
            assert {"col", "row", "rowgroup"} >= {head.get("scope") for head in root.iter("th")}
            assert all(row.find("th") is not None for row in root.iter("tr") if len(row) > 1)
            assert all(svg.get("aria-label") or svg.get("aria-hidden") for svg in root.iter("svg"))
            titles = [each for tag in ("caption", "h2", "h3", "h4", "strong", "p") for each in root.iter(tag)]
            assert titles


@each_value
def test_it_is_ready_for_json(samples, kind):
    for each in samples[kind]:
        document = each.to_dict()
        assert document == json.loads(json.dumps(document, allow_nan=False))
        assert document == each.toDict()
        assert {field.name.rstrip("_") for field in attrs.fields(kind)} - document.keys() <= {
            "columns",  # of a history: a key for each
            "sample",  # of a reference or a profile: rows of the data
            "calibration",
        }


class TestReadingNothing:
    def test_to_show_a_value_asks_the_store_for_nothing(self):
        store = FaultyStore(MemoryStore())
        models = ModelSerializer(store)
        models.save([1], "a", activate=True)
        with models.watch("a", interval_seconds=3600) as handle:
            before = store.operations
            for each in (models, handle, *(kind(store) for kind in CLASSES)):
                assert len(repr(each)) < 80
            assert "<ModelHandle a@1.0.0>" == repr(handle)
            assert "FaultyStore(MemoryStore(''))" == repr(store)
            assert before == store.operations

    def test_a_frozen_clock_shows_its_time(self):
        assert "FrozenClock(2026-03-02 09:30:15 UTC)" == repr(
            FrozenClock(datetime(2026, 3, 2, 9, 30, 15, tzinfo=UTC))
        )

    def test_to_show_what_was_given_computes_nothing(self):
        assert repr(RecentData(features=Lazy())).startswith("RecentData(features=<")


CLASSES = (ABTestingManager, PerformanceMonitor, DriftDetector)


class Lazy:
    """Like a table that is computed when it is looked at."""

    def __repr__(self):
        raise AssertionError

    __len__ = __iter__ = __array__ = __str__ = __repr__
