"""Files that decisions name: they hold what was decided about them."""

import attrs
import numpy as np
import pytest

from mlprod.errors import StoreError
from mlprod.storage import MemoryStore
from mlprod.storage.journal import Column, Layout, Table
from mlprod.storage.journal._files import Files


def test_a_block_of_another_length_than_was_decided_is_an_error():
    """Whoever reads it has reckoned with so many records."""
    files = Files(MemoryStore())
    table = Table(Layout((Column("value", "float"),)), {"time": np.arange(3), "value": np.arange(3.0)})
    path = "journal/blocks/s/a/0000000000000001-0000000000000000.col"
    ref = files.write_block(path, "s/a", table, None, None)
    assert 3 == len(files.block_part(ref, "s/a").load())
    with pytest.raises(StoreError, match=r"\.col in .* holds 3 records where 4 were written"):
        files.block_part(attrs.evolve(ref, rows=4), "s/a").load()
