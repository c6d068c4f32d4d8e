"""Whether a store is whole: `fsck` looks at everything that it holds."""

from mlprod.consistency._fsck import fsck
from mlprod.consistency._kinds import Severity
from mlprod.consistency._report import Finding, FsckReport

__all__ = ["Finding", "FsckReport", "Severity", "fsck"]
