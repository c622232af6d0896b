"""Ends of certificates as a calendar file (RFC 5545), with reminders; whatever a certificate says stays text."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from app.sso import Ending

_REMINDERS: Final = (90, 30, 7)
_LINE: Final = 75


def calendar(endings: Iterable[Ending], now: datetime) -> bytes:
    """The file: one event on each day that something ends, reminded 90, 30 and 7 days before, and on the day."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//SSO Workbench//Certificates//EN", "CALSCALE:GREGORIAN"]
    for ending in endings:
        lines += _event(ending, now)
    lines.append("END:VCALENDAR")
    return b"".join(part + b"\r\n" for line in lines for part in _folded(line))


def _event(ending: Ending, now: datetime) -> Iterator[str]:
    day = ending.ends_at.astimezone(UTC).date()
    about = [
        f"{ending.title} ends on {ending.ends_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC.",
        f"Subject: {ending.subject}",
    ]
    if ending.sha256:
        about.append(f"SHA-256: {ending.sha256}")
    about.append("Save the identity provider's newer metadata before then, test it, and enforce it again.")
    what = f"{ending.imagekit_id}\n{ending.kind}\n{ending.sha256 or ending.subject}\n{ending.ends_at.isoformat()}"
    yield "BEGIN:VEVENT"
    yield f"UID:{hashlib.sha256(what.encode('utf-8', 'replace')).hexdigest()[:40]}@sso-workbench.invalid"
    yield f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield f"DTSTART;VALUE=DATE:{day:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{_text(ending.title + ' ends')}"
    yield f"DESCRIPTION:{_text(chr(10).join(about))}"
    yield "TRANSP:TRANSPARENT"
    for days in (*_REMINDERS, 0):
        yield "BEGIN:VALARM"
        yield "ACTION:DISPLAY"
        yield f"DESCRIPTION:{_text(ending.title + (f' ends in {days} days' if days else ' ends today'))}"
        yield f"TRIGGER:-P{days}D" if days else "TRIGGER:PT0S"
        yield "END:VALARM"
    yield "END:VEVENT"


def _text(value: str) -> str:
    """A value of a property: nothing in it can end the line or begin another property."""
    clean = "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in value)
    escaped = clean[:2000].replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\n", "\\n")


def _folded(line: str) -> Iterator[bytes]:
    """The line in pieces of at most 75 octets, none of them in the middle of a character."""
    part = b""
    for c in line:
        octets = c.encode("utf-8", "replace")
        if len(part) + len(octets) > _LINE:
            yield part
            part = b" "
        part += octets
    yield part
