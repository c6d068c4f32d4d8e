"""Records on disk: an envelope around each, a version on each, and the steps from old to new."""

from mlprod.schema._envelope import dump, load
from mlprod.schema._record import RecordSet, RecordType, Upgrade

__all__ = ["RecordSet", "RecordType", "Upgrade", "dump", "load"]
