"""Which format a model gets, and what a caller must allow."""

import pickle

import numpy as np
import pytest

from mlprod.errors import FormatError, InvalidConfigError, InvalidNameError, UntrustedModelError
from mlprod.formats import Format, Formats, JSONFormat, PickleFormat, Trust


class CSVFormat:
    """A format of the application's own: a list of numbers as a line of text."""

    name = "csv"
    suffix = ".csv"

    def recognizes(self, model):
        return isinstance(model, range)

    def encode(self, model):
        return (",".join(map(str, model)).encode(),)

    def decode(self, payload, *, trust):
        assert isinstance(trust, Trust)
        return [int(text) for text in bytes(payload).decode().split(",")]


class TestChoice:
    @pytest.mark.parametrize(
        ("model", "name"),
        [
            ({"weights": [0.5, 1.5]}, "json"),
            ("text", "json"),
            (None, "json"),
            ({"weights": np.ones(3)}, "binary"),
            (np.float64(2.0), "binary"),
            ((1, 2), "binary"),
            ({1: 2}, "binary"),
            (2 + 3j, "binary"),
        ],
    )
    def test_the_safest_format_that_can_hold_it(self, model, name):
        assert name == Formats().encode(model, None)[0].name

    def test_the_applications_own_is_asked_last(self):
        assert "csv" == Formats([CSVFormat()]).encode(range(3), None)[0].name
        assert isinstance(CSVFormat(), Format)

    def test_pickle_is_never_chosen(self):
        """The error names what would work."""
        with pytest.raises(
            FormatError, match=r"json: model\['f'\] is a function.*binary: .*pass format= with one of"
        ):
            Formats().encode({"f": lambda: 0}, None)
        with pytest.raises(FormatError, match="none is for a set"):
            Formats().encode({1}, None)

    def test_a_wanted_format_is_not_replaced(self):
        with pytest.raises(FormatError, match=r"model\['w'\] is a numpy.ndarray"):
            Formats().encode({"w": np.ones(1)}, "json")

    def test_an_unknown_format_is_named(self):
        with pytest.raises(FormatError, match=r"no format 'jsn'; there are: json, .*formats=\[...\]"):
            Formats().get("jsn")

    def test_a_format_may_be_passed_to_save(self):
        formats = Formats()
        used, payload = formats.encode([1, 2], CSVFormat())
        assert ("csv", b"1,2") == (used.name, b"".join(payload))
        assert used is formats.get("csv")

    def test_a_built_in_name_cannot_be_taken(self):
        taken = CSVFormat()
        taken.name = "json"
        with pytest.raises(InvalidConfigError, match="cannot be called 'json'"):
            Formats([taken])
        taken.name = "../x"
        with pytest.raises(InvalidNameError):
            Formats([taken])

    @pytest.mark.parametrize("payload", [b"1,2", memoryview(b"1,2"), iter([b"1,", b"2"])], ids=range(3))
    def test_a_payload_may_come_in_any_way(self, payload):
        """And can be written twice, if the first time takes too long."""
        own = CSVFormat()
        own.encode = lambda _model: payload
        _, chunks = Formats().encode([1, 2], own)
        assert [b"1,2", b"1,2"] == [b"".join(chunks), b"".join(chunks)]

    @pytest.mark.parametrize("suffix", ["", "bin", "/../x", ".a/b", 5])
    def test_a_suffix_that_is_none_is_refused(self, suffix):
        own = CSVFormat()
        own.suffix = suffix
        with pytest.raises(InvalidConfigError, match="suffix"):
            Formats([own])

    def test_a_built_in_format_may_be_passed_itself(self):
        assert "json" == Formats().encode([1], JSONFormat())[0].name


class Witness:
    """Leaves a mark when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


class TestPickle:
    def test_loads_only_with_trust(self, tmp_path):
        """Without it nothing of the pickle runs."""
        mark = tmp_path / "ran"
        payload = b"".join(PickleFormat().encode(Witness(str(mark))))
        with pytest.raises(UntrustedModelError, match=r"trust=Trust\(pickle=True\)"):
            PickleFormat().decode(memoryview(payload), trust=Trust(types=("builtins.open",)))
        assert not mark.exists()
        PickleFormat().decode(memoryview(payload), trust=Trust(pickle=True)).close()
        assert mark.exists()

    def test_what_cannot_be_pickled_is_refused(self):
        with pytest.raises(FormatError, match="cannot be pickled"):
            PickleFormat().encode(lambda: 0)

    @pytest.mark.parametrize(
        "payload", [b"", b"garbage", pickle.dumps(CSVFormat)[:-1], b"cno.such.module\nx\n."]
    )
    def test_garbage_is_a_format_error(self, payload):
        with pytest.raises(FormatError, match="the pickle cannot be loaded here"):
            PickleFormat().decode(memoryview(payload), trust=Trust(pickle=True))


class TestTrust:
    def test_permissions_add_up(self):
        """What a call allows comes on top; a key, once given, stays required."""
        default = Trust(key=b"0123456789abcdef", types=("a.B",))
        both = Trust(pickle=True, types=("a.B", "c.D")) | default
        assert Trust(pickle=True, types=("a.B", "c.D"), key=b"0123456789abcdef") == both

    def test_the_key_is_not_shown(self):
        assert "secret" not in repr(Trust(key="secret secret secret"))

    def test_what_makes_no_sense_is_refused(self):
        with pytest.raises(InvalidConfigError, match="at least 16 bytes"):
            Trust(key="short")
        with pytest.raises(InvalidConfigError, match="several names"):
            Trust(types="a.B")
        for wrong in ({"pickle": "false"}, {"pickle": 1}, {"types": [5]}, {"key": bytearray(32)}):
            with pytest.raises(InvalidConfigError):
                Trust(**wrong)


def test_built_in_formats_are_formats():
    assert isinstance(JSONFormat(), Format)
