"""The log page's work off the GUI thread: pages of the log, and exports of exactly what a filter shows."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.gui.files import FileRefused
from app.product import ROLE_IDS
from app.sharing.log_files import PAGE, Format, Level, NotWritten, Redactor, Reporting, write_log
from app.store.events import page_key

if TYPE_CHECKING:
    from app.sso import SSO
    from app.store import EventFilter, EventRecord, PageKey
    from app.store.records import EventSort


@dataclass(frozen=True, slots=True)
class LogPart:
    """A page of events. `accounts` (row id to public id) and when a configuration was last changed come with the first
    page only."""

    events: tuple[EventRecord, ...]
    more: bool
    now: datetime
    accounts: dict[int, str] | None = None
    changed_at: datetime | None = None


def load_part(
    sso: SSO, which: EventFilter, sort: EventSort, descending: bool, after: EventRecord | None = None
) -> LogPart:
    """The first page of what a filter shows, or the page after an event."""
    key = page_key(after, sort) if after is not None else None
    events = sso.events(which, after=key, limit=PAGE, sort=sort, descending=descending)
    more = len(events) == PAGE
    if after is not None:
        return LogPart(events, more, sso.now())
    accounts = {a.id: a.imagekit_id for a in sso.accounts()}
    return LogPart(events, more, sso.now(), accounts, sso.configuration_changed_at(which.account))


def load_surroundings(sso: SSO) -> tuple[dict[int, str], Any]:
    """The accounts (row id to public id), and the filters that were saved."""
    return {a.id: a.imagekit_id for a in sso.accounts()}, sso.preference("log/filters")


def load_range(
    sso: SSO, which: EventFilter, sort: EventSort, descending: bool, after: PageKey | None, count: int
) -> tuple[EventRecord, ...]:
    """So many events after a key, as they were loaded before."""
    return sso.events(which, after=after, limit=count, sort=sort, descending=descending)


def _redactor(level: Level) -> Redactor:
    return Redactor(level, secrets.token_bytes(32), frozenset(ROLE_IDS))


def export(
    progress: Reporting,
    sso: SSO,
    which: EventFilter,
    path: Path,
    form: Format,
    level: Level = "full",
    *,
    sort: EventSort = "at",
    descending: bool = True,
) -> int | None:
    """Write exactly what a filter shows; how many events, or None where it was stopped. FileRefused if impossible."""
    try:
        return write_log(progress, sso, which, path, form, _redactor(level), sort=sort, descending=descending)
    except NotWritten as e:
        raise FileRefused(str(e)) from e


def event_text(event: EventRecord, account: str) -> str:
    """One event as JSON text, for the clipboard."""
    return json.dumps(_redactor("full").whole(event, account), ensure_ascii=False, indent=2)
