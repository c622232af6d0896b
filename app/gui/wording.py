"""Times and counts in words, the same on every page. The present comes in as a parameter; no clock is read here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from app.product import role

_STEPS: Final = (
    (timedelta(hours=1), timedelta(minutes=1), "{} min"),
    (timedelta(days=1), timedelta(hours=1), "{} h"),
)

#: What an event did, in a word or two.
OUTCOMES: Final[dict[str, str]] = {
    "created": "Created",
    "updated": "Updated",
    "unchanged": "Logged in",
    "updated_partially": "Partly updated",
    "recreated": "Created again",
    "linked": "Linked",
    "recovered": "Recovery code",
    "rejected": "Rejected",
    "error": "Error",
}

#: Who made a user, as the lists say it.
CREATED_BY: Final[dict[str, str]] = {"sso": "SSO", "hand": "By hand"}


def plural(count: int, one: str, many: str | None = None) -> str:
    """The count with its noun: "1 seat", "5 seats"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def span(length: timedelta) -> str:
    """A length of time in its largest fitting unit: "3 min", "5 h", "12 days", "4 months", "2 years"."""
    length = abs(length)
    for below, unit, text in _STEPS:
        if length < below:
            return text.format(max(1, length // unit))
    days = length.days
    if days < 60:
        return plural(days, "day")
    if days < 730:
        return plural(days // 30, "month")
    return plural(days // 365, "year")


def ago(then: datetime | None, now: datetime, *, never: str = "Never") -> str:
    """How long ago: "just now", "3 min ago", "12 days ago"; "in 5 min" for the future; `never` for None."""
    if then is None:
        return never
    passed = now - then
    if abs(passed) < timedelta(seconds=45):
        return "just now"
    return f"{span(passed)} ago" if passed > timedelta(0) else f"in {span(passed)}"


def days_left(until: datetime, now: datetime) -> int:
    """Whole days until then, rounded down; negative once it has passed."""
    return (until - now) // timedelta(days=1)


def in_days(until: datetime, now: datetime) -> str:
    """The distance to a date in days: "in 12 days", "today", "1 day ago"."""
    days = days_left(until, now)
    if days == 0:
        return "today"
    if days > 0:
        return f"in {plural(days, 'day')}"
    return f"{plural(-days, 'day')} ago"


def exact(instant: datetime | None) -> str:
    """The instant in UTC and in the time zone of this machine, one per line; for tooltips. "" for None."""
    if instant is None:
        return ""
    in_utc, local = instant.astimezone(UTC), instant.astimezone()
    zone = local.strftime("%z")
    return f"{in_utc:%Y-%m-%d %H:%M:%S} UTC\n{local:%Y-%m-%d %H:%M:%S} local (UTC{zone[:3]}:{zone[3:5]})"


def day(instant: datetime | None) -> str:
    """The date in UTC, "2026-11-23"; "" for None."""
    return "" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d}"


def utc(instant: datetime | None) -> str:
    """The instant for files and exports: "2026-11-23T20:36:00Z"; "" for None."""
    return "" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def role_title(role_id: str | None) -> str:
    """The role as people call it; an unknown id as it is, "" for None."""
    known = role(role_id or "")
    return known.title if known else role_id or ""


def thumbprint(fingerprint: str) -> str:
    """A fingerprint in hex, grouped so that it can be read over the phone: "3F9A 04C1 ..."."""
    shown = fingerprint.upper()
    return " ".join(shown[i : i + 4] for i in range(0, len(shown), 4))
