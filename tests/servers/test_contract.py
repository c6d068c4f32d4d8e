"""Every kind of server keeps the contract of a store."""

import pytest

from mlprod.testing import StoreContract


class TestContract(StoreContract):
    @pytest.fixture
    def store(self, backend):
        return backend.new()
