"""How long the clients of object stores wait."""

import attrs
import pytest

from mlprod.storage._clients import write_seconds


@attrs.frozen
class Timeout:
    """What gcsfs takes, as aiohttp has it."""

    sock_read: float


def test_a_write_has_the_time_that_its_size_needs():
    assert 5 + 15 == write_seconds({}, 0)
    assert 5 + 15 + 128 == write_seconds({}, 1 << 20)


@pytest.mark.parametrize(
    "options",
    [{"read_timeout": 60}, {"config_kwargs": {"read_timeout": 60}}, {"requests_timeout": Timeout(60)}],
)
def test_it_has_what_the_caller_gives_it(options):
    assert 5 + 60 == write_seconds(options, 0)
