"""What the fuzzing tests share: the targets, with all that is done at the first use done."""

import logging

import pytest

from fuzz.targets import TARGETS


@pytest.fixture(autouse=True)
def _quiet():
    """Let what is left out, or begun anew, not fill the log."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(name="target", scope="module")
def warm_target(request):
    """Give the target of a name, or skip the test where a package that it needs is not installed."""
    target = TARGETS[request.param]
    if not target.is_available:
        pytest.skip(f"needs {' and '.join(target.needs)}")
    target.warm_up()
    return target
