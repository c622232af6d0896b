"""The directories' lists and the clean-ups in the database, and what is asked of many users at once."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, insert, select, update

from app.accounts.directory import Registered, Snapshot, Standing, pack_standings, unpack_standings
from app.store.events import EventQueries
from app.store.models import CleanupRow, EventRow, SnapshotRow, UserRow, table
from app.store.records import CleanupItem, CleanupRecord, EventRecord

_SNAPSHOT = table(SnapshotRow)
_CLEANUP = table(CleanupRow)
_USER = table(UserRow)
_EVENT = table(EventRow)
_FACTS: Final = tuple(c for c in _SNAPSHOT.columns if c.name != "standings")
_REGISTERED: Final = (
    select(_USER.c.id, _USER.c.email_key, _USER.c.created_at, _USER.c.last_login_at, _USER.c.missing_since)
    .where(_USER.c.account_id == bindparam("account"), _USER.c.deleted_at.is_(None))
    .order_by(_USER.c.id)
)
_ITEMS_LIMIT: Final = 256 * 1024 * 1024


class LeaverQueries(EventQueries):
    """The part of a Transaction that concerns lists of people and clean-ups."""

    # Lists

    def snapshots(self, account_id: int, *, limit: int = 200) -> tuple[Snapshot, ...]:
        """The lists of an account, newest first, without what they say."""
        query = select(*_FACTS).where(_SNAPSHOT.c.account_id == account_id)
        query = query.order_by(_SNAPSHOT.c.taken_at.desc(), _SNAPSHOT.c.id.desc()).limit(limit)
        return tuple(_snapshot(r) for r in self.connection.execute(query).all())

    def snapshot(self, snapshot_id: int) -> Snapshot | None:
        """One list."""
        row = self.connection.execute(select(*_FACTS).where(_SNAPSHOT.c.id == snapshot_id)).one_or_none()
        return None if row is None else _snapshot(row)

    def standings(self, snapshot_ids: Collection[int]) -> dict[int, tuple[Standing, ...]]:
        """What these lists say, by their ids."""
        query = select(_SNAPSHOT.c.id, _SNAPSHOT.c.standings).where(_SNAPSHOT.c.id.in_(snapshot_ids))
        return {int(r[0]): unpack_standings(r[1]) for r in self.connection.execute(query).all()}

    def insert_snapshot(self, snapshot: Snapshot, standings: Iterable[Standing]) -> int:
        """Keep a list; its id."""
        values = asdict(snapshot)
        del values["id"]
        values["standings"] = pack_standings(standings)
        made = self.connection.execute(insert(_SNAPSHOT).returning(_SNAPSHOT.c.id), values).scalar_one()
        return int(made)

    def update_snapshot(self, snapshot: Snapshot) -> None:
        """Write whether a list was confirmed or taken back; nothing else of it ever changes."""
        changing = ("confirmed_at", "confirmed_by", "discarded_at", "discarded_by")
        values = {name: getattr(snapshot, name) for name in changing}
        self.connection.execute(update(_SNAPSHOT).where(_SNAPSHOT.c.id == snapshot.id).values(**values))

    def registered(self, account_id: int) -> tuple[Registered, ...]:
        """Every active user of an account, as far as lists are looked up by."""
        rows = self.connection.execute(_REGISTERED, {"account": account_id}).all()
        return tuple(map(Registered._make, rows))

    def mark_missing(self, marks: Mapping[int, datetime | None]) -> None:
        """Set or clear the directory's mark of many users at once."""
        if marks:
            statement = update(_USER).where(_USER.c.id == bindparam("user")).values(missing_since=bindparam("since"))
            self.connection.execute(statement, [{"user": u, "since": since} for u, since in marks.items()])

    # Clean-ups

    def insert_cleanup(self, cleanup: CleanupRecord) -> None:
        """Keep a clean-up."""
        values = {
            "reference": cleanup.reference,
            "account_id": cleanup.account_id,
            "made_at": cleanup.made_at,
            "applied_at": cleanup.applied_at,
            "operator": cleanup.operator,
            "export": zlib.compress(cleanup.export, 6),
            "export_sha256": cleanup.export_sha256,
            "items": _pack_items(cleanup.items),
            "ticked": json.dumps(sorted(cleanup.ticked)),
        }
        self.connection.execute(insert(_CLEANUP), values)

    def cleanups(self, account_id: int, *, limit: int = 50) -> tuple[CleanupRecord, ...]:
        """The clean-ups of an account, newest first."""
        query = select(_CLEANUP).where(_CLEANUP.c.account_id == account_id)
        query = query.order_by(_CLEANUP.c.applied_at.desc(), _CLEANUP.c.id.desc()).limit(limit)
        return tuple(_cleanup(r) for r in self.connection.execute(query).all())

    def cleanup(self, reference: str) -> CleanupRecord | None:
        """One clean-up."""
        row = self.connection.execute(select(_CLEANUP).where(_CLEANUP.c.reference == reference)).one_or_none()
        return None if row is None else _cleanup(row)

    def tick_cleanup(self, reference: str, ticked: Collection[int]) -> None:
        """Write who was removed elsewhere."""
        statement = update(_CLEANUP).where(_CLEANUP.c.reference == reference)
        self.connection.execute(statement.values(ticked=json.dumps(sorted(ticked))))

    # People

    def history(
        self, account_id: int, user_ids: Collection[int], email_key: str, *, limit: int = 200
    ) -> tuple[EventRecord, ...]:
        """What happened to a person, newest first, with the changes: by user, and attempts that were let into none."""
        own = _EVENT.c.user_id.in_(user_ids)
        nobodys = (_EVENT.c.email_key == email_key) & _EVENT.c.user_id.is_(None) & (_EVENT.c.account_id == account_id)
        query = select(_EVENT.c.reference).where(own | nobodys).order_by(_EVENT.c.at.desc(), _EVENT.c.id.desc())
        found = (self.event(reference) for reference in self.connection.execute(query.limit(limit)).scalars().all())
        return tuple(e for e in found if e is not None)

    def failures_of(self, account_id: int, email_key: str) -> tuple[int, datetime | None, str]:
        """(how many live logins of a person failed, when the last did, and why)."""
        mine = (
            _EVENT.c.email_key == email_key,
            _EVENT.c.account_id == account_id,
            _EVENT.c.kind == "login",
            _EVENT.c.mode == "live",
            _EVENT.c.status == "failure",
        )
        count = int(self.connection.execute(select(func.count()).select_from(_EVENT).where(*mine)).scalar_one())
        if not count:
            return 0, None, ""
        query = select(_EVENT.c.at, _EVENT.c.reason).where(*mine).order_by(_EVENT.c.id.desc()).limit(1)
        row = self.connection.execute(query).one()
        return count, row.at, row.reason


def _snapshot(row: Row[Any]) -> Snapshot:
    return Snapshot(**row._mapping)


def _pack_items(items: Sequence[CleanupItem]) -> bytes:
    rows = [[i.user_id, i.email, i.role, i.state, i.evidence, list(i.why), i.left_out] for i in items]
    return zlib.compress(json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def _cleanup(row: Row[Any]) -> CleanupRecord:
    items = json.loads(zlib.decompressobj().decompress(row.items, _ITEMS_LIMIT))
    return CleanupRecord(
        reference=row.reference,
        account_id=row.account_id,
        made_at=row.made_at,
        applied_at=row.applied_at,
        operator=row.operator,
        export=zlib.decompressobj().decompress(row.export, _ITEMS_LIMIT),
        export_sha256=row.export_sha256,
        items=tuple(CleanupItem(i[0], i[1], i[2], i[3], i[4], tuple(i[5]), i[6]) for i in items),
        ticked=frozenset(json.loads(row.ticked)),
    )
