"""The log as files to send on: CSV (events, checks and changes, joined by reference) or JSON lines, at three levels.

"full" is what was recorded. "stand-ins" puts a stable stand-in, of a key that is forgotten at once, in place of every
value that names a person, a server or a message, and leaves out sentences and evidence, which may quote them.
"anonymous" has nothing of persons at all. No level holds the raw message, and no cell is a formula.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, Protocol

from app.spreadsheet import neutral
from app.store import EventRecord
from app.store.events import page_key

if TYPE_CHECKING:
    from app.sso import SSO
    from app.store import EventFilter
    from app.store.records import EventSort

Format = Literal["csv", "jsonl"]
Level = Literal["full", "stand-ins", "anonymous"]
#: Each level with what it is called.
LEVELS: Final[dict[Level, str]] = {
    "full": "as recorded",
    "stand-ins": "with stand-ins for people and servers",
    "anonymous": "without people",
}
PAGE: Final = 256
_ANY: Final = datetime(1970, 1, 1, tzinfo=UTC)

_LEFT_OUT: Final = frozenset({"id", "raw", "has_raw", "checks", "changes", "details", "account_id", "user_id"})
#: Of the redacted levels: what becomes a stand-in (and of which kind), and what goes.
_STAND_INS: Final = {
    "account": "account", "account_claimed": "account", "operator": "person", "email_key": "person",
    "full_name": "name", "name_id": "person", "issuer": "server", "response_id": "id", "assertion_id": "id",
    "in_response_to": "id", "certificate": "key", "sha256": "message",
}  # fmt: skip
_PEOPLE: Final = frozenset({"operator", "email_key", "full_name", "name_id"})
_TEXTS: Final = frozenset({"sentence", "action", "previous_user_id"})
_ROLES: Final = frozenset({"role_before", "role_asserted", "role_after"})


class NotWritten(Exception):  # noqa: N818  the noun is the error
    """A file that cannot be written; the text says why and what to do."""


class Reporting(Protocol):
    """What long work is given: tell how far it is, and look whether to stop."""

    def report(self, done: int, total: int, text: str = "") -> None:
        """Tell how far the work is."""

    @property
    def cancelled(self) -> bool:
        """Whether to stop."""


class Redactor:
    """Puts the values of events on one level. Equal values have equal stand-ins within one redactor."""

    def __init__(self, level: Level, key: bytes, roles: frozenset[str]) -> None:
        """`key` is random and kept by nobody; `roles` are the product's own, which name nobody."""
        self.level = level
        self._key = key
        self._roles = roles

    def stand_in(self, kind: str, value: str) -> str:
        """A stable word for a value, from which nobody without the key finds it."""
        digest = hmac.new(self._key, f"{kind}:{value}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"{kind}-{digest[:12]}"

    def flat(self, event: EventRecord, account: str) -> dict[str, Any]:
        """The facts of an event as plain values, in the order of the record; never the message itself."""
        facts: dict[str, Any] = {"account": account}
        for f in fields(event):
            if f.name not in _LEFT_OUT:
                facts[f.name] = _plain(getattr(event, f.name))
        if self.level == "full":
            return facts
        return {k: self._fact(k, v) for k, v in facts.items() if not self._gone(k)}

    def _gone(self, name: str) -> bool:
        return name in _TEXTS or (self.level == "anonymous" and name in _PEOPLE)

    def _fact(self, name: str, value: Any) -> Any:
        if name in _ROLES:
            return self._role(value)
        return self.stand_in(_STAND_INS[name], str(value)) if value and name in _STAND_INS else value

    def _role(self, value: str | None) -> str | None:
        return value if not value or value in self._roles else "another role"

    def checks(self, event: EventRecord) -> list[dict[str, Any]]:
        """The checks of an event."""
        found = []
        for c in event.checks:
            row: dict[str, Any] = {"id": c.id, "status": c.status, "severity": c.severity}
            if self.level == "full":
                row |= {"message": c.message, "expected": c.expected, "actual": c.actual, "where": c.where}
            found.append(row)
        return found

    def changes(self, event: EventRecord) -> list[dict[str, Any]]:
        """The changes of an event."""
        return [
            {
                "field": c.field,
                "old": self._changed(c.field, c.old),
                "new": self._changed(c.field, c.new),
                "applied": c.applied,
                **({"why": c.why} if self.level == "full" else {}),
            }
            for c in event.changes
        ]

    def _changed(self, field: str, value: str | None) -> str | None:
        if self.level == "full" or value is None:
            return value
        if field == "role":
            return self._role(value)
        if self.level == "anonymous":
            return "something"
        return self.stand_in({"email": "person", "full_name": "name"}.get(field, "value"), value)

    def whole(self, event: EventRecord, account: str) -> dict[str, Any]:
        """An event with its checks and changes, for JSON."""
        details = {"details": event.details} if self.level == "full" else {}
        return {**self.flat(event, account), **details, "changes": self.changes(event), "checks": self.checks(event)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return list(value) if isinstance(value, tuple) else value


def every_event(sso: SSO, which: EventFilter, sort: EventSort, descending: bool) -> Iterator[EventRecord]:
    """All events that a filter shows, page by page."""
    after = None
    while True:
        page = sso.events(which, after=after, limit=PAGE, sort=sort, descending=descending)
        yield from page
        if len(page) < PAGE:
            return
        after = page_key(page[-1], sort)


def paths_of(path: Path, form: Format) -> tuple[Path, ...]:
    """The files of an export: for CSV three, the events under the name that was given."""
    if form == "jsonl":
        return (path,)
    return (path, *(path.with_name(f"{path.stem}-{part}{path.suffix or '.csv'}") for part in ("checks", "changes")))


def write_log(
    progress: Reporting,
    sso: SSO,
    which: EventFilter,
    path: Path,
    form: Format,
    redactor: Redactor,
    *,
    sort: EventSort = "at",
    descending: bool = True,
) -> int | None:
    """Write exactly what a filter shows, each event whole; how many were written, or None where it was stopped.

    The files appear only when all of them are complete, those of checks and changes first. NotWritten otherwise.
    """
    total = sso.count_events(which)
    accounts = {a.id: a.imagekit_id for a in sso.accounts()}
    whole = (sso.event(e.reference) for e in every_event(sso, which, sort, descending))
    paths = paths_of(path, form)
    parts = [p.with_name(p.name + ".part") for p in paths]
    write = _as_csv if form == "csv" else _as_jsonl
    done = 0
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(p.open("w", encoding="utf-8", errors="replace", newline="")) for p in parts]
            for _ in write(whole, lambda e: accounts.get(e.account_id or 0, ""), redactor, files):
                done += 1
                if done % 50 == 0 or done == total:
                    progress.report(done, total, "")
                if progress.cancelled:
                    break
        if not progress.cancelled:
            for part, target in reversed(list(zip(parts, paths, strict=True))):
                part.replace(target)
            return done
    except OSError as e:
        raise NotWritten(f"{path.name} cannot be written: {e.strerror or e}. Choose another folder.") from e
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return None


Namer = Callable[[EventRecord], str]
Files = Sequence[IO[str]]


def _as_csv(events: Iterable[EventRecord], name_of: Namer, redactor: Redactor, out: Files) -> Iterator[None]:
    writers = [csv.writer(file, quoting=csv.QUOTE_ALL) for file in out]
    nothing = EventRecord(reference="", at=_ANY)
    writers[0].writerow([*redactor.flat(nothing, ""), "changes"])
    full = redactor.level == "full"
    evidence = ["message", "expected", "actual", "where"] if full else []
    writers[1].writerow(["reference", "id", "status", "severity", *evidence])
    writers[2].writerow(["reference", "field", "old", "new", "applied", *(["why"] if full else [])])
    for event in events:
        changes = redactor.changes(event)
        facts = redactor.flat(event, name_of(event))
        facts["changes"] = [f"{c['field']}: {c['old'] or 'nothing'} -> {c['new'] or 'nothing'}" for c in changes]
        writers[0].writerow([_cell(v) for v in facts.values()])
        for writer, rows in zip(writers[1:], (redactor.checks(event), changes), strict=True):
            for row in rows:
                writer.writerow([event.reference, *(_cell(v) for v in row.values())])
        yield


def _as_jsonl(events: Iterable[EventRecord], name_of: Namer, redactor: Redactor, out: Files) -> Iterator[None]:
    for event in events:
        out[0].write(json.dumps(redactor.whole(event, name_of(event)), ensure_ascii=False) + "\n")
        yield


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return neutral(" ".join(map(str, value)) if isinstance(value, list) else str(value))
