"""The log page's work off the GUI thread: pages of the log, and exports of exactly what a filter shows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, Protocol

from app.gui.files import FileRefused
from app.gui.wording import utc
from app.spreadsheet import neutral
from app.store.events import page_key

if TYPE_CHECKING:
    from app.sso import SSO
    from app.store import EventFilter, EventRecord
    from app.store.records import EventSort

PAGE: Final = 256
Format = Literal["csv", "jsonl"]


class Reporting(Protocol):
    """What long work is given: tell how far it is, and look whether to stop (app.gui.jobs.Progress)."""

    def report(self, done: int, total: int, text: str = "") -> None:
        """Tell how far the work is."""

    @property
    def cancelled(self) -> bool:
        """Whether to stop."""


@dataclass(frozen=True, slots=True)
class LogPart:
    """A page of events. `total` and `accounts` (row id to public id) come with the first page only."""

    events: tuple[EventRecord, ...]
    more: bool
    now: datetime
    total: int = 0
    accounts: dict[int, str] | None = None


def load_part(
    sso: SSO, which: EventFilter, sort: EventSort, descending: bool, after: EventRecord | None = None
) -> LogPart:
    """The first page of what a filter shows, or the page after an event."""
    key = page_key(after, sort) if after is not None else None
    events = sso.events(which, after=key, limit=PAGE, sort=sort, descending=descending)
    more = len(events) == PAGE
    if after is not None:
        return LogPart(events, more, sso.now())
    total = sso.count_events(which) if more else len(events)
    accounts = {a.id: a.imagekit_id for a in sso.accounts()}
    return LogPart(events, more, sso.now(), total, accounts)


def every_event(sso: SSO, which: EventFilter, sort: EventSort, descending: bool) -> Iterator[EventRecord]:
    """All events that a filter shows, page by page."""
    after = None
    while True:
        page = sso.events(which, after=after, limit=PAGE, sort=sort, descending=descending)
        yield from page
        if len(page) < PAGE:
            return
        after = page_key(page[-1], sort)


_LEFT_OUT: Final = frozenset({"id", "raw", "has_raw", "checks", "changes", "details", "account_id", "user_id"})


def _flat(event: EventRecord, account: str) -> dict[str, Any]:
    """The facts of an event as plain values, in the order of the record; never the message itself."""
    facts: dict[str, Any] = {"account": account}
    for f in fields(event):
        if f.name in _LEFT_OUT:
            continue
        value = getattr(event, f.name)
        if isinstance(value, datetime):
            value = utc(value)
        elif isinstance(value, tuple):
            value = list(value)
        facts[f.name] = value
    return facts


def event_object(event: EventRecord, account: str) -> dict[str, Any]:
    """An event with its checks and changes, for JSON."""
    return {
        **_flat(event, account),
        "details": event.details,
        "changes": [
            {"field": c.field, "old": c.old, "new": c.new, "applied": c.applied, "why": c.why} for c in event.changes
        ],
        "checks": [
            {"id": c.id, "status": c.status, "expected": c.expected, "actual": c.actual, "where": c.where}
            for c in event.checks
        ],
    }


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return neutral(" ".join(map(str, value)) if isinstance(value, list) else str(value))


def _as_csv(events: Iterable[EventRecord], name_of: Callable[[EventRecord], str], out: IO[str]) -> Iterator[None]:
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    head: list[str] = []
    for event in events:
        facts = _flat(event, name_of(event))
        facts["changes"] = [f"{c.field}: {c.old or 'nothing'} -> {c.new or 'nothing'}" for c in event.changes]
        if not head:
            head = list(facts)
            writer.writerow(head)
        writer.writerow([_cell(facts[h]) for h in head])
        yield


def _as_jsonl(events: Iterable[EventRecord], name_of: Callable[[EventRecord], str], out: IO[str]) -> Iterator[None]:
    for event in events:
        out.write(json.dumps(event_object(event, name_of(event)), ensure_ascii=False) + "\n")
        yield


def export(
    progress: Reporting,
    sso: SSO,
    which: EventFilter,
    path: Path,
    form: Format,
    *,
    sort: EventSort = "at",
    descending: bool = True,
) -> int | None:
    """Write exactly what a filter shows, each event whole; how many were written, or None where it was stopped.

    The file appears only when it is complete. FileRefused where it cannot be written.
    """
    total = sso.count_events(which)
    accounts = {a.id: a.imagekit_id for a in sso.accounts()}
    whole = (sso.event(e.reference) for e in every_event(sso, which, sort, descending))

    def name_of(event: EventRecord) -> str:
        return accounts.get(event.account_id or 0, "")

    part = path.with_name(path.name + ".part")
    write = _as_csv if form == "csv" else _as_jsonl
    done = 0
    try:
        with part.open("w", encoding="utf-8", errors="replace", newline="") as out:
            for _ in write(whole, name_of, out):
                done += 1
                if done % 50 == 0 or done == total:
                    progress.report(done, total, "")
                if progress.cancelled:
                    break
        if progress.cancelled:
            part.unlink(missing_ok=True)
            return None
        part.replace(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise FileRefused(f"{path.name} cannot be written: {e.strerror or e}. Choose another folder.") from e
    return done


def event_text(event: EventRecord, account: str) -> str:
    """One event as JSON text, for the clipboard."""
    out = io.StringIO()
    json.dump(event_object(event, account), out, ensure_ascii=False, indent=2)
    return out.getvalue()
