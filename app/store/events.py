"""The log in the database: appending an event, reading one whole, and paging through what a filter shows."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.provisioning import Change
from app.accounts.reference import turned
from app.store.errors import DamagedStore
from app.store.event_search import SORTS, Known, beyond, first_of_few, ordering, roads, walks_along
from app.store.models import ChangeRow, EventRow, MessageRow, PersonRow, table
from app.store.records import CheckRecord, EventFilter, EventRecord, EventSort, JudgedCheck, PageKey

_EVENT = table(EventRow)
_CHANGE = table(ChangeRow)
_MESSAGE = table(MessageRow)

#: What PostgreSQL tells watchers by, at the commit.
CHANNEL: Final = "sso_workbench"

#: Text of a message is hostile: columns that people search are cut at this many characters, evidence at the next.
TEXT_LIMIT: Final = 1024
EVIDENCE_LIMIT: Final = 400
_DETAIL_LIMIT: Final = 32_768
_RAW_LIMIT: Final = 4 * 1024 * 1024
_CHECKS_LIMIT: Final = 8 * 1024 * 1024

_LIST_COLUMNS: Final = tuple(c for c in _EVENT.columns if c.name not in ("details", "checks", "reference_turned"))
_LIST_NAMES: Final = tuple(c.name for c in _LIST_COLUMNS)
_LETTER: Final = {"pass": "p", "fail": "f", "warn": "w", "info": "i", "skipped": "s", "not-applicable": "n"}
_STATUS: Final = {v: k for k, v in _LETTER.items()}
_SEVERITY: Final = {"error": 0, "warning": 1, "info": 2}
_MARKS: Final = {(s, w): _LETTER[s] + str(n) for s in _LETTER for w, n in _SEVERITY.items()}
_SEVERITIES: Final = ("error", "warning", "info")
_TO_INSERT: Final = tuple(c.name for c in _LIST_COLUMNS if c.name not in ("id", "failed_checks", "notes", "faults"))
_APPEND: Final = {
    "sqlite": sqlite.insert(_EVENT).on_conflict_do_nothing(index_elements=["reference"]).returning(_EVENT.c.id),
    "postgresql": (
        postgresql.insert(_EVENT)
        .on_conflict_do_nothing(index_elements=["reference"])
        .returning(_EVENT.c.id, func.pg_notify(CHANNEL, ""))
    ),
}
_APPEND_CHANGES: Final = insert(_CHANGE)
_APPEND_MESSAGE: Final = insert(_MESSAGE)
_PERSONS: Final = {
    "sqlite": sqlite.insert(table(PersonRow)).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(table(PersonRow)).on_conflict_do_nothing(),
}


def clip(text: str | None, limit: int = TEXT_LIMIT) -> str | None:
    """Text that any database stores: no NUL, no lone surrogate, at most `limit` characters."""
    if text is None:
        return None
    if not text.isascii() or "\x00" in text:
        text = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return text if len(text) <= limit else text[: limit - 3] + "..."


@cache
def _words_of(version: int) -> bytes:
    """What the checks of an ordinary login look like: the compressor's dictionary, without which they take four times
    the space. A version that was released is never changed, because stored rows need it. The second is the first
    without line breaks, as the encoder writes many rows at once.
    """
    text = Path(__file__).with_name("checks_v1.txt").read_text("utf-8")
    return text.replace("\n", ",\n" if version == 1 else ",").encode()


_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def pack_checks(checks: Iterable[JudgedCheck]) -> bytes:
    """All checks of an event in one small value: passes with their id and facts only, the rest with their sentence."""
    rows: list[list[Any]] = []
    for c in checks:
        mark = _MARKS[c.status, c.severity]
        expected, actual, where, line = c.expected, c.actual, c.where, c.line
        if mark[0] == "p":
            if expected is None and actual is None and where is None and not line:
                rows.append([c.id, mark])
                continue
            message = None
        else:
            message = clip(c.message, EVIDENCE_LIMIT)
        row: list[Any] = [
            c.id,
            mark,
            message,
            expected and clip(expected, EVIDENCE_LIMIT),
            actual and clip(actual, EVIDENCE_LIMIT),
            where and clip(where, EVIDENCE_LIMIT),
            line or None,
        ]
        while row[-1] is None:
            row.pop()
        rows.append(row)
    # A higher level costs three times the time, and saves a tenth of the space.
    packer = zlib.compressobj(3, zdict=_words_of(2))
    return b"\x02" + packer.compress(_ENCODE(rows)[1:-1].encode()) + packer.flush()


def unpack_checks(data: bytes) -> tuple[CheckRecord, ...]:
    """The checks that pack_checks() packed."""
    records = []
    text = zlib.decompressobj(zdict=_words_of(data[0])).decompress(data[1:], _CHECKS_LIMIT)
    rows: list[list[Any]] = json.loads(b"[" + text + b"]")
    for row in rows:
        facts: list[Any] = row[2:] + [None] * (7 - len(row))
        message, expected, actual, where, line = facts
        records.append(
            CheckRecord(
                id=row[0],
                status=_STATUS[row[1][0]],
                severity=_SEVERITIES[int(row[1][1])],
                message=message or "",
                expected=expected,
                actual=actual,
                where=where,
                line=line or 0,
            )
        )
    return tuple(records)


def _pack_details(details: dict[str, Any]) -> bytes | None:
    if not details:
        return None
    text = json.dumps(details, ensure_ascii=True, separators=(",", ":"))
    if len(text) > _DETAIL_LIMIT:
        kept = {k: v for k, v in details.items() if k not in ("claims", "claims_used")}
        text = json.dumps({**kept, "claims_omitted": "too large to keep"}, ensure_ascii=True, separators=(",", ":"))
        text = text if len(text) <= _DETAIL_LIMIT else '{"claims_omitted":"too large to keep"}'
    return zlib.compress(text.encode(), 6)


def _words(values: Sequence[str]) -> str:
    return f" {' '.join(values)} " if values else ""


class EventQueries:
    """The part of a Transaction that concerns events."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._known: Known = {}

    def insert_event(self, event: EventRecord) -> int:
        """Append an event with its checks, changes and raw message; the row id, or 0 where its reference is taken."""
        self._known.clear()
        values: dict[str, Any] = {}
        for name in _TO_INSERT:
            value = getattr(event, name)
            values[name] = clip(value) if value.__class__ is str else value
        values["failed_checks"] = _words(event.failed_checks)
        values["notes"] = _words(event.notes) or None
        values["faults"] = _words(event.faults) or None
        values["reference_turned"] = turned(values["reference"])
        values["details"] = _pack_details(event.details)
        values["checks"] = pack_checks(event.checks) if event.checks else None
        event_id = self.connection.execute(_APPEND[self.connection.dialect.name], values).scalar()
        if event_id is None:
            return 0
        if event.email_key or event.full_name:
            known = {"email_key": values["email_key"], "full_name": values["full_name"]}
            self.connection.execute(_PERSONS[self.connection.dialect.name], known)
        if event.changes:
            rows = [
                {
                    "event_id": event_id,
                    "position": i,
                    "field": c.field,
                    "old": clip(c.old),
                    "new": clip(c.new),
                    "applied": c.applied,
                    "why": clip(c.why),
                }
                for i, c in enumerate(event.changes)
            ]
            self.connection.execute(_APPEND_CHANGES, rows)
        if event.raw is not None:
            body = zlib.compress(event.raw[:_RAW_LIMIT], 3)  # base64: a higher level costs time and saves nothing
            self.connection.execute(_APPEND_MESSAGE, {"event_id": event_id, "at": event.at, "body": body})
        return int(event_id)

    def event(self, reference: str) -> EventRecord | None:
        """One event whole: checks, changes and, while it is kept, the raw message."""
        query = select(*_LIST_COLUMNS, _EVENT.c.details, _EVENT.c.checks).where(_EVENT.c.reference == reference)
        row = self.connection.execute(query).one_or_none()
        if row is None:
            return None
        changes = self.connection.execute(
            select(_CHANGE).where(_CHANGE.c.event_id == row.id).order_by(_CHANGE.c.position)
        ).all()
        body = self.connection.execute(select(_MESSAGE.c.body).where(_MESSAGE.c.event_id == row.id)).scalar()
        try:
            return replace(
                _event(row),
                details=json.loads(_inflate(row.details, _DETAIL_LIMIT) or b"{}"),
                checks=unpack_checks(row.checks) if row.checks else (),
                changes=tuple(Change(c.field, c.old, c.new, c.applied, c.why) for c in changes),
                raw=_inflate(body),
                has_raw=body is not None,
            )
        except (zlib.error, ValueError, LookupError, TypeError, AttributeError) as e:
            raise DamagedStore(
                f"The event {row.reference} is damaged in the database and cannot be shown whole ({type(e).__name__}). "
                "Run sso-workbench db check, and restore a backup if it names more."
            ) from e

    def events(
        self,
        which: EventFilter,
        *,
        after: PageKey | None = None,
        limit: int = 256,
        sort: EventSort = "at",
        descending: bool = True,
    ) -> tuple[EventRecord, ...]:
        """One page of what the filter shows. `after` is page_key() of the last row of the page before."""
        found: list[Row[Any]] = []
        ways = roads(self.connection, which, sort, self._known)
        if walks_along(ways, which, sort):
            return self._value_by_value(which, after, limit, sort, descending)
        for road in ways:
            order = ordering(sort, descending=descending)
            fits = [*road.conditions]
            if after is not None:
                fits.append(beyond(sort, after, descending=descending))
            # Sorting whole rows costs several times what sorting their numbers does.
            if road.few:
                first = first_of_few(fits, sort, descending=descending, limit=limit)
            else:
                first = select(_EVENT.c.id).where(*fits).order_by(*order).limit(limit)
            chosen = _EVENT.c.id.in_(first.with_hint(_EVENT, road.hint, "sqlite"))
            query = select(*_LIST_COLUMNS).where(chosen).with_hint(_EVENT, "NOT INDEXED", "sqlite").order_by(*order)
            found.extend(self.connection.execute(query).all())
        if len(ways) > 1:  # all of them sorted by time
            found = sorted({r.id: r for r in found}.values(), key=lambda r: (r.at, r.id), reverse=descending)[:limit]
        return tuple(_event(r) for r in found)

    def _value_by_value(
        self, which: EventFilter, after: PageKey | None, limit: int, sort: EventSort, descending: bool
    ) -> tuple[EventRecord, ...]:
        """The page as one search by time for each value of the column: what fits may all stand at its far end."""
        column = SORTS[sort][0]
        found: list[EventRecord] = []
        value = after[0] if after is not None else None
        first = after is not None
        while len(found) < limit:
            if not first:
                edge = func.max(column) if descending else func.min(column)
                query = select(edge).select_from(_EVENT).with_hint(_EVENT, f"INDEXED BY {SORTS[sort][1]}", "sqlite")
                if value is not None:
                    query = query.where(column < value if descending else column > value)
                value = self.connection.execute(query).scalar()
                if value is None:
                    break
            narrower: dict[str, Any] = {sort: value}
            only = replace(which, **narrower)
            begin, first = (after if first else None), False
            found += self.events(only, after=begin, limit=limit - len(found), descending=descending)
        return tuple(found)

    def count_events(self, which: EventFilter) -> int:
        """How many events the filter shows."""
        (road,) = roads(self.connection, which, "at", self._known, counting=True)
        query = select(func.count()).select_from(_EVENT).where(*road.conditions)
        return int(self.connection.execute(query.with_hint(_EVENT, road.hint, "sqlite")).scalar_one())

    def reasons(self, which: EventFilter, *, limit: int = 100) -> tuple[tuple[str, str, int, int], ...]:
        """(category, reason, events, different people) for what the filter shows, most frequent first."""
        (road,) = roads(self.connection, which, "at", self._known, counting=True)
        count = func.count().label("events")
        query = (
            select(_EVENT.c.category, _EVENT.c.reason, count, func.count(_EVENT.c.email_key.distinct()))
            .where(*road.conditions, _EVENT.c.reason != "")
            .with_hint(_EVENT, road.hint, "sqlite")
            .group_by(_EVENT.c.category, _EVENT.c.reason)
            .order_by(count.desc(), _EVENT.c.reason)
            .limit(limit)
        )
        return tuple((r[0], r[1], int(r[2]), int(r[3])) for r in self.connection.execute(query).all())

    def activity(self, which: EventFilter, *, bucket_s: int = 3600) -> tuple[tuple[int, str, int], ...]:
        """(start of the bucket in seconds since 1970, status, events), oldest first."""
        (road,) = roads(self.connection, which, "at", self._known, counting=True)
        bucket = (type_coerce(_EVENT.c.at, BigInteger) // (bucket_s * 1_000_000)).label("bucket")
        query = (
            select(bucket, _EVENT.c.status, func.count())
            .where(*road.conditions)
            .with_hint(_EVENT, road.hint, "sqlite")
            .group_by(bucket, _EVENT.c.status)
            .order_by(bucket, _EVENT.c.status)
        )
        return tuple((int(r[0]) * bucket_s, r[1], int(r[2])) for r in self.connection.execute(query).all())

    def last_good_login(
        self, email_key: str, account_id: int, *, before: PageKey | None = None, kept: bool = False
    ) -> tuple[str, datetime] | None:
        """(reference, time) of the newest live login of a person that was let in; None where there is none.

        `before` is page_key() of the event that it must precede. `kept`: only one whose raw message is there.
        """
        e = _EVENT.c
        query = select(e.reference, e.at).where(
            e.email_key == email_key,
            e.account_id == account_id,
            e.kind == "login",
            e.mode == "live",
            e.verdict == "accept",
            e.outcome.not_in(("rejected", "error")),
        )
        if before is not None:
            query = query.where(tuple_(e.at, e.id) < tuple_(literal(before[1], e.at.type), literal(before[2])))
        if kept:
            query = query.where(e.id.in_(select(_MESSAGE.c.event_id)))
        row = self.connection.execute(query.order_by(e.at.desc(), e.id.desc()).limit(1)).one_or_none()
        return None if row is None else (row.reference, row.at)

    def purge_messages(self, before: datetime) -> int:
        """Delete raw messages older than this instant; how many went. The events stay."""
        return self.connection.execute(delete(_MESSAGE).where(_MESSAGE.c.at < before)).rowcount


def page_key(event: EventRecord, sort: EventSort = "at") -> PageKey:
    """Where a page ends whose last row is `event`."""
    value = {
        "at": event.at,
        "email": event.email_key,
        "outcome": event.outcome,
        "reason": event.reason,
        "status": event.status,
    }[sort]
    return (value, event.at, event.id)


def _event(row: Sequence[Any]) -> EventRecord:
    values = dict(zip(_LIST_NAMES, row, strict=False))
    for name in ("failed_checks", "notes", "faults"):
        values[name] = tuple((values[name] or "").split())
    return EventRecord(**values)


def _inflate(body: bytes | None, most: int = _RAW_LIMIT) -> bytes | None:
    """At most so many bytes, whatever the database claims to have compressed."""
    return None if body is None else zlib.decompressobj().decompress(body, most)
