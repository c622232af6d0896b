from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.gui import wording

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)


@pytest.mark.parametrize(
    ("back", "said"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=50), "1 min ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=59), "59 days ago"),
        (timedelta(days=60), "2 months ago"),
        (timedelta(days=800), "2 years ago"),
        (-timedelta(minutes=5), "in 5 min"),
        (-timedelta(days=12), "in 12 days"),
    ],
)
def test_how_long_ago(back: timedelta, said: str) -> None:
    assert wording.ago(NOW - back, NOW) == said


def test_never() -> None:
    assert wording.ago(None, NOW) == "Never"
    assert wording.ago(None, NOW, never="not yet") == "not yet"


@pytest.mark.parametrize(
    ("ahead", "days", "said"),
    [
        (timedelta(days=12, hours=3), 12, "in 12 days"),
        (timedelta(days=1), 1, "in 1 day"),
        (timedelta(hours=3), 0, "today"),
        (-timedelta(hours=3), -1, "1 day ago"),
        (-timedelta(days=30), -30, "30 days ago"),
    ],
)
def test_days(ahead: timedelta, days: int, said: str) -> None:
    assert wording.days_left(NOW + ahead, NOW) == days
    assert wording.in_days(NOW + ahead, NOW) == said


def test_an_instant_is_told_in_utc_and_local() -> None:
    east = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    told = wording.exact(east).splitlines()
    assert told[0] == "2026-11-23 20:36:00 UTC"
    assert "local (UTC" in told[1]
    assert wording.exact(None) == ""
    assert wording.day(east) == "2026-11-23"
    assert wording.utc(east) == "2026-11-23T20:36:00Z"


def test_counts_and_names() -> None:
    assert wording.plural(1, "seat") == "1 seat"
    assert wording.plural(0, "seat") == "0 seats"
    assert wording.plural(1234, "entry", "entries") == "1,234 entries"
    assert wording.role_title("finance") == "Finance"
    assert wording.role_title("root") == "root"
    assert wording.role_title(None) == ""
    assert wording.thumbprint("3f9a04c1") == "3F9A 04C1"
