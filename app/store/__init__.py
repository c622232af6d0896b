"""Everything that is kept: rows, queries, opening, upgrading and backing up. The only place that knows SQLAlchemy."""

from app.store.copying import Copied, copy_store
from app.store.errors import (
    DamagedStore,
    ForeignStore,
    NewerStore,
    NotAStore,
    StoreBusy,
    StoreError,
    UnreadableStore,
)
from app.store.records import (
    CheckRecord,
    EventFilter,
    EventRecord,
    PageKey,
    RequestRecord,
    Revision,
)
from app.store.store import Store
from app.store.transaction import Duplicate, Transaction

__all__ = [
    "CheckRecord",
    "Copied",
    "DamagedStore",
    "Duplicate",
    "EventFilter",
    "EventRecord",
    "ForeignStore",
    "NewerStore",
    "NotAStore",
    "PageKey",
    "RequestRecord",
    "Revision",
    "Store",
    "StoreBusy",
    "StoreError",
    "Transaction",
    "UnreadableStore",
    "copy_store",
]
