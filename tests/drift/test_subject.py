"""Which model, and which version of it, a reference is about."""

import numpy as np
import pytest

from mlprod.drift import DriftDetector
from mlprod.errors import InvalidNameError, ModelNotFoundError, ReferenceNotFoundError

DATA = {"x": np.arange(100.0)}


@pytest.fixture
def registered(models):
    """Put two versions into the registry: 1.0.0 in production, called "safe" and active, and 1.0.1."""
    first = models.save([1], "har", activate=True, aliases=["safe"])
    models.promote(first, "production")
    models.save([2], "har")
    return first


def test_a_bare_name_is_the_active_version(detector, registered):
    assert ("har", "1.0.0") == (
        detector.set_reference("har", DATA).model_id,
        detector.get_reference("har").version,
    )


@pytest.mark.parametrize("name", ["har@1.0.0", "har@production", "har@safe", "har"])
def test_a_version_has_many_names(detector, registered, name):
    reference = detector.set_reference(name, DATA)
    assert "1.0.0" == reference.version
    for other in ("har@1.0.0", "har@production", "har@safe", "har", registered):
        assert reference == detector.get_reference(other)


def test_the_metadata_of_a_model_names_it(detector, registered):
    assert "1.0.0" == detector.set_reference(registered, DATA).version


def test_each_version_has_a_reference_of_its_own(detector, registered):
    first, second = detector.set_reference("har@1.0.0", DATA), detector.set_reference("har@latest", DATA)
    assert ("1.0.0", "1.0.1") == (first.version, second.version)
    assert first == detector.get_reference("har@1.0.0")
    assert second == detector.get_reference("har@1.0.1")


def test_a_newly_active_version_has_no_reference_yet(detector, registered, models):
    detector.set_reference("har", DATA)
    models.set_active("har@1.0.1")
    words = (
        r"no reference of 'har@1\.0\.1' was set in memory:// \(there are: har@1\.0\.0\): call set_reference"
    )
    with pytest.raises(ReferenceNotFoundError, match=words):
        detector.check("har", DATA)


def test_a_reference_from_before_the_registry_stands_for_every_version(detector, models):
    reference = detector.set_reference("har", DATA)
    assert reference.version is None
    models.save([1], "har", activate=True)
    assert reference == detector.get_reference("har@1.0.0")
    report = detector.check("har", DATA)
    assert "1.0.0" == report.version, "that which was checked"
    assert [report.time] == [found.time for found in detector.history("har@1.0.0")]
    own = detector.set_reference("har", DATA)
    assert own == detector.get_reference("har")


def test_a_version_without_a_registry_is_taken_by_its_word(detector):
    reference = detector.set_reference("har@7", DATA)
    assert ("har", "7") == (reference.model_id, reference.version)
    assert "ReferenceProfile('har@7', rows=100, features=1, id=" in repr(reference)
    with pytest.raises(ReferenceNotFoundError, match=r"no reference of 'har' .*there are: har@7"):
        detector.get_reference("har")


def test_no_reference_at_all_says_so(detector):
    with pytest.raises(ReferenceNotFoundError, match=r"no reference of 'har' .*there are none yet"):
        detector.check("har", DATA)
    assert [] == detector.history("har")
    assert [] == detector.alarms("har")


def test_the_registry_knows_its_versions(detector, registered):
    with pytest.raises(ModelNotFoundError, match=r"1\.0\.1"):
        detector.set_reference("har@9.9.9", DATA)


@pytest.mark.parametrize("name", ["", "../har", "a b", "har@", "har@../x", 5, None, ["har"]])
@pytest.mark.parametrize("method", ["get_reference", "history", "alarms", "observe", "check_concept"])
def test_what_is_no_model_id_is_refused(detector, name, method):
    arguments = {"observe": [{"x": 1.0}], "check_concept": [np.arange(9.0)]}.get(method, [])
    with pytest.raises(InvalidNameError):
        getattr(detector, method)(name, *arguments)


def test_all_instances_on_a_store_share_references(detector, store):
    reference = detector.set_reference("har", DATA)
    found = DriftDetector(store).get_reference("har")
    assert reference.to_dict() == found.to_dict()
    assert found is not reference
