"""Where things are kept: stores of bytes, and ledgers of decisions on top of them."""

from mlprod.storage._default import resolve_store, swap_default_store
from mlprod.storage._ledger import Appended, Head, Ledger, LedgerType, Stamp
from mlprod.storage._local import LocalStore
from mlprod.storage._memory import MemoryStore
from mlprod.storage._open import StoreLike, open_store
from mlprod.storage._publishing import publish
from mlprod.storage._remote import FsspecStore
from mlprod.storage._retry import RetryPolicy
from mlprod.storage._store import Guarantees, Store, check_path, explained, join
from mlprod.storage._together import together

__all__ = [
    "Appended",
    "FsspecStore",
    "Guarantees",
    "Head",
    "Ledger",
    "LedgerType",
    "LocalStore",
    "MemoryStore",
    "RetryPolicy",
    "Stamp",
    "Store",
    "StoreLike",
    "check_path",
    "explained",
    "join",
    "open_store",
    "publish",
    "resolve_store",
    "swap_default_store",
    "together",
]
