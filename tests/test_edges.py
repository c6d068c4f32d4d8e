"""The small things at the bottom: names, texts, times, values, errors."""

import inspect
import math
import pickle
from datetime import UTC, datetime, tzinfo

import pytest

from mlprod import errors
from mlprod._clock import now
from mlprod._extras import require
from mlprod._names import check_name, known, shorten, snake_case, type_name
from mlprod._value import plain
from mlprod.errors import InvalidDataError, InvalidNameError, MissingExtraError, MLProdError

ALL_ERRORS = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, MLProdError)]


class TestErrors:
    def test_each_has_a_kind_of_its_own(self):
        assert len(ALL_ERRORS) == len({error.kind for error in ALL_ERRORS})
        assert sorted(errors.__all__) == sorted(error.__name__ for error in ALL_ERRORS)

    @pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda error: error.__name__)
    def test_each_says_its_message_plainly(self, error):
        """Also those that are KeyErrors, and after a journey to another process."""
        assert "what to do" == str(error("what to do"))
        assert "what to do" == str(pickle.loads(pickle.dumps(error("what to do"))))
        assert error.kind == str(error())

    @pytest.mark.parametrize(
        ("name", "base"),
        [
            ("ModelNotFoundError", KeyError),
            ("FormatError", ValueError),
            ("InvalidNameError", ValueError),
            ("InvalidConfigError", ValueError),
            ("InvalidDataError", ValueError),
            ("MissingExtraError", ImportError),
        ],
    )
    def test_built_in_handlers_keep_working(self, name, base):
        assert issubclass(getattr(errors, name), base)

    def test_the_tree_in_the_docstring_is_the_tree(self):
        for error in ALL_ERRORS:
            assert error.__name__ in errors.__doc__


class TestNames:
    @pytest.mark.parametrize("name", ["a", "A-1_b.c", "x" * 128, "0", "-", "_"])
    def test_names(self, name):
        assert name == check_name(name, "a name")

    @pytest.mark.parametrize("name", ["", ".", "..", "a/b", "x" * 129, "a\n", "\uff58", b"a"])
    def test_what_is_none(self, name):
        with pytest.raises(InvalidNameError, match="cannot be a name"):
            check_name(name, "a name")

    def test_the_nearest_come_first(self):
        assert "there are: accuracy, loss, sharpe" == known(["sharpe", "loss", "accuracy"], "acuracy")
        assert "there are none yet" == known([], "x")
        assert known(map(str, range(100)), "x").endswith("and 92 more")

    def test_anything_fits_a_message(self):
        assert "'a'" == shorten("a")
        assert len(shorten("ü" * 10_000)) < 100
        assert len(shorten(list(range(10_000)))) < 100
        assert "'\\u202e'" == shorten("\u202e")

    def test_full_names_of_types(self):
        assert ("int", "datetime.datetime") == (type_name(1), type_name(datetime.now(UTC)))


class TestTime:
    def test_a_clock_without_a_zone_is_refused(self):
        with pytest.raises(InvalidDataError, match=r"the clock's answer 2026-01-01T00:00:00 has no timezone"):
            now(lambda: datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point

    def test_the_machines_clock_is_the_default(self):
        assert abs((now(None) - datetime.now(UTC)).total_seconds()) < 60


def test_plain_values():
    """What `to_dict` makes of anything."""
    value = {
        "a": (1, None, True),
        "nan": math.nan,
        "set": {"b", "a"},
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        1: int,
    }
    assert plain(value) == {
        "a": [1, None, True],
        "nan": None,
        "set": ["a", "b"],
        "when": "2026-01-02T00:00:00.000000Z",
        "1": "<class 'int'>",
    }


def test_a_missing_package_names_its_extra():
    with pytest.raises(
        MissingExtraError, match=r"drawing needs the package 'no_such': pip install 'mlprod\[art\]'"
    ):
        require("no_such", extra="art", purpose="drawing")


def test_what_cannot_be_printed_is_named_by_its_type():
    assert "<int>" == shorten(10**5000)


@pytest.mark.parametrize(
    ("camel", "snake"),
    [("latencyMs", "latency_ms"), ("tradeId", "trade_id"), ("correct", "correct")],
)
def test_camel_case_is_read_as_snake_case(camel, snake):
    assert snake == snake_case(camel)


def test_a_timezone_that_knows_no_offset_is_none():
    """It would be taken for the local time of the machine."""

    class Nowhere(tzinfo):
        def utcoffset(self, _):
            return None

    with pytest.raises(InvalidDataError, match="has no timezone"):
        now(lambda: datetime(2026, 1, 1, tzinfo=Nowhere()))


def test_what_is_no_time_has_no_timezone():
    class NoTime(datetime):
        def utcoffset(self):
            raise ValueError("NaTType does not support utcoffset")

    with pytest.raises(InvalidDataError, match="has no timezone"):
        now(lambda: NoTime(2026, 1, 1))
