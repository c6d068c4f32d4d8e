"""What a forked child inherits is renewed in it, as long as it lives."""

import weakref

import pytest

from mlprod.storage.journal import _forking


class Inherited:
    def __init__(self, renewed):
        self._renewed = renewed

    def renew(self):
        self._renewed.append(self)


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch):
    """This process is no child: nothing else may be renewed here."""
    monkeypatch.setattr(_forking, "_living", weakref.WeakSet())


def test_what_lives_is_renewed():
    renewed = []
    inherited = [Inherited(renewed) for _ in range(2)]
    for each in inherited:
        _forking.renew_in_children(each)
    _forking._renew_all()
    assert set(inherited) == set(renewed)


def test_nothing_is_kept_alive():
    renewed = []
    _forking.renew_in_children(Inherited(renewed))
    _forking._renew_all()
    assert [] == renewed
