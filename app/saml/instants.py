"""Reads xs:dateTime values strictly and tells times in words. It knows no clock: `now` always comes from the caller."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, Literal

_DATE_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:(Z)|([+-])([0-9]{2}):([0-9]{2}))?",
    re.ASCII,
)

Zone = Literal["utc", "offset", "none"]


@dataclass(frozen=True, slots=True)
class Instant:
    """One xs:dateTime as read. `at` is in UTC, or None where the text is not an xs:dateTime (`problem` says why).

    A value without zone (`zone == "none"`) is read as if it were UTC, so that it can be shown; time-utc refuses it.
    Digits beyond microseconds are cut off.
    """

    text: str
    at: datetime | None
    zone: Zone
    problem: str | None = None


def read_instant(text: str) -> Instant:
    """Read one xs:dateTime (saml-core §1.3.3, XML Schema part 2 §3.2.7). Never raises.

    Years have four digits; 24:00:00, leap seconds, week dates, the basic format and a blank instead of T are refused.
    """
    # The length is looked at before the cache, so that no hostile text is kept in it.
    if len(text) > 64:
        return Instant(text, None, "none", "It is far too long for a date and time.")
    return _read(text)


@lru_cache(maxsize=512)
def _read(text: str) -> Instant:
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return Instant(text, None, "none", _why_not(text))
    year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
    if second == 60:
        return Instant(text, None, "none", "It names a leap second, which SAML does not allow (saml-core §1.3.3).")
    if hour == 24:
        return Instant(text, None, "none", "It uses 24:00 instead of 00:00 of the next day.")
    micro = int((match[7] or "")[:6].ljust(6, "0"))
    zone: Zone = "utc" if match[8] else "offset" if match[9] else "none"
    try:
        offset = timedelta(0)
        if match[9]:
            offset = timedelta(hours=int(match[10]), minutes=int(match[11]))
            if offset > timedelta(hours=14) or int(match[11]) > 59:
                return Instant(text, None, zone, "Its time zone offset does not exist.")
        tz = timezone(-offset if match[9] == "-" else offset)
        at = datetime(year, month, day, hour, minute, second, micro, tz).astimezone(UTC)
    except (ValueError, OverflowError):
        return Instant(text, None, zone, "There is no such day or time.")
    return Instant(text, at, zone)


def _why_not(text: str) -> str:
    """The likeliest reason why a text is not an xs:dateTime."""
    if not text.strip():
        return "It is empty."
    if text != text.strip():
        return "There is blank space around it."
    if text[0] in "-+" or re.match(r"[0-9]{5,}-", text):
        return "The year must have exactly four digits and no sign."
    if re.match(r"[0-9]{4}-?W[0-9]", text):
        return "It is a week date; a month and a day are needed."
    if re.match(r"[0-9]{8}T", text):
        return "It is written without the hyphens and colons."
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]", text):
        return "There is a blank where the letter T must stand between date and time."
    if re.fullmatch(r"[0-9]{9,13}", text):
        return "It is a number of seconds or milliseconds since 1970."
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}$", text):
        return "The time of day is missing."
    return "It is not of the form 2026-11-23T20:36:00Z."


def stamp(at: datetime) -> str:
    """A time for people, to the second: "2026-11-23 20:36:05 UTC"."""
    at = at.astimezone(UTC)
    # A third of the time of strftime(), which writes years before 1000 with fewer digits.
    return f"{at.isoformat(' ', 'seconds')[:19]} UTC" if at.year >= 1000 else at.strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(at: datetime) -> str:
    """A time as the specifications write it, to the second: "2026-11-23T20:36:05Z"."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_UNITS: Final = (("year", 31_536_000), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def span(length: timedelta) -> str:
    """A length of time in words, in its two largest units: "47 seconds", "2 hours 5 minutes", "30 days"."""
    seconds = int(abs(length).total_seconds())
    if seconds == 0:
        return "less than a second"
    parts: list[str] = []
    for unit, size in _UNITS:
        if seconds < size and not parts:
            continue
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts)
