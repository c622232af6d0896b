"""Notices what other processes wrote to the same database: by polling on SQLite, by LISTEN on PostgreSQL.

It only looks. Which thread waits in it, and who is told, is somebody else's; one watch belongs to one thread.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from app.store.errors import StoreError
from app.store.models import EventRow, SettingRow, table

if TYPE_CHECKING:
    from sqlalchemy.pool import PoolProxiedConnection

    from app.store.store import Store

#: How often the database is asked where it cannot say by itself, and how long it is left alone where it failed.
POLL_S: Final = 0.5
_AGAIN_S: Final = 2.0
#: Transactions commit in another order than their events are numbered, so the last numbers are looked at again.
_OVERLAP: Final = 256
_AT_ONCE: Final = 1000

_EVENT = table(EventRow)
_SETTING = table(SettingRow)
_NEWEST = select(
    select(func.coalesce(func.max(_EVENT.c.id), 0)).scalar_subquery(),
    select(func.coalesce(func.max(_SETTING.c.number), 0)).scalar_subquery(),
)
_COLUMNS = (
    _EVENT.c.id,
    _EVENT.c.kind,
    _EVENT.c.mode,
    _EVENT.c.outcome,
    _EVENT.c.account_id,
    _EVENT.c.user_id,
    _EVENT.c.reference,
)


@dataclass(frozen=True, slots=True)
class Noticed:
    """An event that was recorded; or kind "settings": some setting changed, "everything": too much to tell apart."""

    kind: str
    mode: str = ""
    outcome: str = ""
    account_id: int | None = None
    user_id: int | None = None
    reference: str = ""


class Watch:
    """What was written since it was made, or since it was asked last. Closed by close()."""

    def __init__(self, store: Store) -> None:
        """Begin to watch. StoreError where the database cannot be read."""
        self._store = store
        self._connection: PoolProxiedConnection | None = None
        self._version: object = None
        self._seen: deque[int] = deque(maxlen=_AT_ONCE + 2 * _OVERLAP)
        with store.read() as tx:
            self._last, self._number = tx.connection.execute(_NEWEST).one()
            recent = select(_EVENT.c.id).where(_EVENT.c.id > self._last - _OVERLAP)
            self._seen.extend(tx.connection.execute(recent).scalars())

    def wait(self, stopped: Callable[[float], bool]) -> tuple[Noticed, ...]:
        """Wait until something may have been written, and give what was. Empty where nothing was.

        `stopped` waits so many seconds at most and says whether to give up. A database that cannot be reached for a
        while is asked again; nothing that was written meanwhile is missed.
        """
        try:
            if not self._stirred(stopped):
                return ()
            return self._news()
        except StoreError:
            self.close()
            stopped(_AGAIN_S)
            return ()

    def close(self) -> None:
        """Let go of the connection. wait() makes a new one."""
        connection, self._connection, self._version = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()

    def _stirred(self, stopped: Callable[[float], bool]) -> bool:
        """Whether anything was committed; without knowing what."""
        first = self._connection is None
        if self._connection is None:
            self._connection = self._store.listening_connection()
        driver: Any = self._connection.dbapi_connection
        if self._store.notifies:
            return self._told(driver, stopped) or first
        if stopped(POLL_S):
            return False
        with self._store.translating():
            version = driver.execute("PRAGMA data_version").fetchone()
        before, self._version = self._version, version
        return bool(version != before)

    def _told(self, driver: Any, stopped: Callable[[float], bool]) -> bool:
        deadline = time.monotonic() + POLL_S
        with self._store.translating():
            for _ in driver.notifies(timeout=POLL_S, stop_after=1):
                # One login makes one notification; a moment later there may be many, which are read at once.
                stopped(max(0.0, min(0.1, deadline - time.monotonic())))
                return True
        return False

    def _news(self) -> tuple[Noticed, ...]:
        found: list[Noticed] = []
        with self._store.read() as tx:
            newest, number = tx.connection.execute(_NEWEST).one()
            if newest < self._last - _OVERLAP:  # another database was put in place of this one
                self._last = newest
            if newest - self._last > _AT_ONCE:
                self._last = newest
                found.append(Noticed("everything"))
            since = self._last - _OVERLAP
            rows = tx.connection.execute(select(*_COLUMNS).where(_EVENT.c.id > since).order_by(_EVENT.c.id)).all()
        known = set(self._seen)
        for row in rows:
            if row.id not in known:
                self._seen.append(row.id)
                found.append(Noticed(row.kind, row.mode, row.outcome, row.account_id, row.user_id, row.reference))
        self._last = max(self._last, newest)
        if number != self._number:
            self._number = number
            found.append(Noticed("settings"))
        return tuple(found)
