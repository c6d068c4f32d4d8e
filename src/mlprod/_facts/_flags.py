"""What the flags of a record say. A file format: see docs/formats.md."""

from typing import Final

__all__ = ["CORRECT", "ERROR", "KNOWN", "LABEL", "LARGEST_CLASS", "LOST", "TEXT", "WON"]

KNOWN: Final = 1
"""The caller said whether the prediction was correct."""
CORRECT: Final = 2
"""It was."""
ERROR: Final = 4
"""The prediction failed."""
LABEL: Final = 8
"""The predicted value is a class: right if it equals the actual one, whatever the tolerance."""
LARGEST_CLASS: Final = 1 << 53
"""Below it, different integers are different floats."""
TEXT: Final = 16
"""The value is the hash of a text: good for comparing, not for arithmetic."""

WON: Final = 1
"""The caller said that the trade was won."""
LOST: Final = 2
"""The caller said that it was not."""
