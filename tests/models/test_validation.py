"""Validation: whole, loadable, and still doing what it did."""

import math

import numpy as np
import pytest

from mlprod import ModelSerializer
from mlprod.errors import ModelNotFoundError, StoreError
from mlprod.models._examples import difference, shapes
from mlprod.testing import FaultyStore


def linear(model, inputs):
    return inputs @ model["weights"]


INPUTS = np.arange(6.0).reshape(3, 2)
MODEL = {"weights": np.array([2.0, -1.0])}
OUTPUTS = np.array([-1.0, 1.0, 3.0])


class TestValidate:
    def test_a_good_version_passes(self, models):
        models.save(MODEL, "a", examples=(INPUTS, OUTPUTS))
        report = models.validate("a", predict=linear)
        assert (True, ()) == (report.valid, report.errors)
        assert ["payload", "loads", "examples are whole", "examples are reproduced"] == [
            check.name for check in report.checks
        ]

    def test_without_examples_it_need_only_load(self, models):
        models.save(MODEL, "a")
        assert ["payload", "loads"] == [check.name for check in models.validate("a").checks]

    def test_a_store_that_cannot_be_reached_says_nothing_about_the_version(self, models, store):
        models.save(MODEL, "a", examples=(INPUTS, OUTPUTS))
        broken = ModelSerializer(FaultyStore(store, at=4))  # where it reads the payload
        with pytest.raises(StoreError, match=r"could not read the payload .* injected error"):
            broken.promote("a@1.0.0", "staging", predict=linear)
        assert "staging" == broken.promote("a@1.0.0", "staging", predict=linear).stage

    def test_what_could_not_be_tried_is_not_called_good(self, models):
        models.save(MODEL, "a", examples=(INPUTS, OUTPUTS))
        report = models.validate("a")
        assert report.valid
        assert report.checks[-1].passed is None
        assert "pass predict=" in report.checks[-1].detail

    def test_a_model_that_predicts_by_itself_is_asked(self, store):
        class Line:
            def __init__(self, slope):
                self.slope = slope

            def predict(self, inputs):
                return self.slope * inputs

        class LineFormat:
            name, suffix = "line", ".txt"

            def recognizes(self, model):
                return isinstance(model, Line)

            def encode(self, model):
                return (str(model.slope).encode(),)

            def decode(self, payload, *, trust):
                del trust
                return Line(float(bytes(payload)))

        models = ModelSerializer(store, formats=[LineFormat()])
        models.save(Line(2.0), "a", examples=(np.ones(2), np.array([2.0, 2.0])))
        assert models.validate("a").valid
        models.save(Line(3.0), "a", examples=(np.ones(2), np.array([2.0, 2.0])))
        assert (
            "examples are reproduced: output[0] should be 2.0, but is 3.0 (2 of 2 differ)",
        ) == models.validate("a").errors

    def test_another_answer_is_told(self, models):
        models.save(MODEL, "a", examples=(INPUTS, OUTPUTS))
        report = models.validate(
            "a", predict=lambda model, inputs: linear(model, inputs) + np.array([0, 0, 1e-3])
        )
        assert not report.valid
        assert "output[2] should be 3.0, but is 3.001 (1 of 3 differ)" in report.errors[0]
        assert models.validate("a", predict=lambda m, x: linear(m, x) * (1 + 1e-3), rtol=1e-2).valid

    def test_a_format_that_fails_is_told(self, store):
        """Whatever the code of an application raises, the report says it."""

        class Broken:
            name, suffix = "broken", ".bin"

            def recognizes(self, model):
                del model
                return True

            def encode(self, model):
                del model
                return (b"x",)

            def decode(self, payload, *, trust):
                del payload, trust
                raise KeyError("a bug")

        models = ModelSerializer(store, formats=[Broken()])
        models.save(object(), "a")
        assert ("loads: KeyError('a bug')",) == models.validate("a").errors

    def test_a_function_that_raises_is_told(self, models):
        models.save(MODEL, "a", examples=(INPUTS, OUTPUTS))
        report = models.validate("a", predict=lambda _model, _inputs: 1 / 0)
        assert "predict raised ZeroDivisionError" in report.errors[0]

    def test_damaged_examples_are_told(self, models, store):
        models.save(MODEL, "a", examples=(INPUTS, OUTPUTS))
        (path,) = [path for path in store.list("models/payloads") if ".examples." in path]
        store.put(path, store.get(path)[:-1])
        report = models.validate("a", predict=linear)
        assert "examples are whole: the payload" in report.errors[0]

    def test_what_is_not_there_raises(self, models):
        with pytest.raises(ModelNotFoundError):
            models.validate("a")

    def test_the_signature_is_read_off_the_examples(self, models):
        saved = models.save(MODEL, "a", examples=({"x": INPUTS, "n": 3, "s": "text"}, OUTPUTS))
        assert {
            "inputs": {
                "x": {"dtype": "float64", "shape": [None, 2]},
                "n": {"dtype": "int64", "shape": []},
                "s": {"type": "str"},
            },
            "outputs": {"dtype": "float64", "shape": [None]},
        } == saved.signature

    def test_a_given_signature_is_kept(self, models):
        saved = models.save(MODEL, "a", examples=(INPUTS, OUTPUTS), signature={"inputs": "two features"})
        assert {"inputs": "two features"} == saved.signature


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (1.0, 1.0 + 1e-7),
        (math.nan, math.nan),
        ([1, 2], (1, 2)),
        ([1, 2], np.array([1.0, 2.0])),
        ({"a": [1.0], "b": "x"}, {"b": "x", "a": np.array([1.0])}),
        ([np.ones(2), np.ones(3)], [np.ones(2), np.ones(3)]),
        ("BUY", "BUY"),
        ([["BUY", 1.0]], [["BUY", 1.0]]),
        (np.array(["BUY"]), np.array(["BUY"])),
    ],
    ids=range(9),
)
def test_the_same_within_the_tolerance(expected, actual):
    assert difference(expected, actual, rtol=1e-6, atol=1e-9) is None


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        (1.0, 1.1, "output should be 1.0, but is 1.1 (1 of 1 differ)"),
        (1.0, math.nan, "output should be 1.0, but is nan"),
        ([1, 2], [1, 2, 3], "output should have the shape (2,), but has (3,)"),
        ({"a": 1}, {"b": 1}, "output should have the keys ['a']"),
        ({"a": 1}, [1], "output should have the keys ['a']"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "output['a']['b'] should be 1"),
        ([np.ones(2), np.ones(3)], [np.ones(2)], "output should have 2 parts"),
        (["BUY", 1.0], 3, "output should have 2 parts"),
        ([np.ones(2), np.ones(3)], [np.ones(2), np.zeros(3)], "output[1][0] should be 1.0"),
        ("BUY", "SELL", "output differs"),
        ("BUY", 1.0, "output differs"),
    ],
    ids=range(11),
)
def test_the_first_difference_is_told(expected, actual, told):
    assert told in difference(expected, actual, rtol=1e-6, atol=1e-9)


def test_shapes_of_what_is_no_array():
    assert {"type": "object"} == shapes(object())
    assert {"type": "list"} == shapes([[1], [2, 3]])


class TestCompare:
    def test_side_by_side(self, models):
        models.save(
            [1, 2], "a", {"accuracy": 0.5, "loss": 0.0}, {"depth": 3, "opt": {"lr": 0.1, "name": "adam"}}
        )
        models.save(
            [1], "b", {"accuracy": 0.75, "sharpe": 1.0}, {"opt": {"lr": 0.2, "name": "adam"}, "new": None}
        )
        found = models.compare("a", "b")
        assert ("a@1.0.0", "b@1.0.0", (5, 3), False) == (found.a, found.b, found.sizes, found.same_payload)
        accuracy = found.metrics["accuracy"]
        assert (0.5, 0.75, 0.25, 0.5) == (accuracy.a, accuracy.b, accuracy.difference, accuracy.relative)
        assert math.isnan(found.metrics["loss"].b)
        assert math.isnan(found.metrics["sharpe"].difference)
        assert {"depth": (3, None), "opt.lr": (0.1, 0.2), "new": (None, None)} == found.config
        assert None is found.to_dict()["metrics"]["sharpe"]["a"]

    def test_equal_payloads_are_seen(self, models):
        models.save([1], "a", {"loss": 0.0})
        models.save([1], "a", {"loss": 0.0})
        found = models.compare("a@1.0.0", "a@1.0.1")
        assert found.same_payload
        assert math.isnan(found.metrics["loss"].relative)
