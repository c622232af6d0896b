"""Everything that is kept: rows, queries, opening, upgrading and backing up. The only place that knows SQLAlchemy."""

from app.store.copying import Copied, copy_store
from app.store.errors import (
    DamagedStore,
    ForeignStore,
    FullStore,
    LostStore,
    NewerStore,
    NotAStore,
    StoreBusy,
    StoreError,
    UnreadableStore,
)
from app.store.records import (
    CheckRecord,
    CleanupItem,
    CleanupRecord,
    ConfigurationTest,
    EventFilter,
    EventRecord,
    MetadataSource,
    PageKey,
    RecoveryCode,
    RequestRecord,
    Revision,
)
from app.store.store import Store
from app.store.transaction import Duplicate, Transaction
from app.store.watch import Noticed, Watch

__all__ = [
    "CheckRecord",
    "CleanupItem",
    "CleanupRecord",
    "ConfigurationTest",
    "Copied",
    "DamagedStore",
    "Duplicate",
    "EventFilter",
    "EventRecord",
    "ForeignStore",
    "FullStore",
    "LostStore",
    "MetadataSource",
    "NewerStore",
    "NotAStore",
    "Noticed",
    "PageKey",
    "RecoveryCode",
    "RequestRecord",
    "Revision",
    "Store",
    "StoreBusy",
    "StoreError",
    "Transaction",
    "UnreadableStore",
    "Watch",
    "copy_store",
]
