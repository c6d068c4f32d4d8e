"""The targets, by their names: each module of this folder has some."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Final

from fuzz.target import Target

__all__ = ["TARGETS"]

_MODULES = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]

TARGETS: Final[Mapping[str, Target]] = {
    target.name: target for module in _MODULES for target in module.TARGETS
}
