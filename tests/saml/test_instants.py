from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.saml.instants import iso, read_instant, span, stamp

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at", "zone"),
    [
        ("2026-11-23T12:00:00Z", NOON, "utc"),
        ("2026-11-23T14:00:00+02:00", NOON, "offset"),
        ("2026-11-23T12:00:00+00:00", NOON, "offset"),
        ("2026-11-23T06:30:00-05:30", NOON, "offset"),
        ("2026-11-23T12:00:00", NOON, "none"),
        ("2026-11-23T12:00:00.5Z", NOON + timedelta(milliseconds=500), "utc"),
        ("2026-11-23T12:00:00.123456789Z", NOON + timedelta(microseconds=123456), "utc"),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC), "utc"),
    ],
)
def test_proper_times_are_read(text: str, at: datetime, zone: str) -> None:
    instant = read_instant(text)
    assert (instant.at, instant.zone, instant.problem) == (at, zone, None)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        (" 2026-11-23T12:00:00Z", "blank space"),
        ("2026-11-23T23:59:60Z", "leap second"),
        ("2026-11-23T24:00:00Z", "24:00"),
        ("10000-01-01T00:00:00Z", "four digits"),
        ("-0001-01-01T00:00:00Z", "four digits"),
        ("20261123T120000Z", "hyphens"),
        ("2026-W48-1T12:00:00Z", "week date"),
        ("2026-11-23 12:00:00Z", "letter T"),
        ("2026-02-30T12:00:00Z", "no such day"),
        ("2026-11-23T12:00:00+15:00", "offset"),
        ("2026-11-23T12:00:00+05:75", "offset"),
        ("0001-01-01T00:00:00+14:00", "no such day"),
        ("1795435200", "seconds"),
        ("2026-11-23", "time of day"),
        ("２０２６-11-23T12:00:00Z", "not of the form"),
        ("2026-11-23t12:00:00z", "not of the form"),
        ("9" * 5000, "too long"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str, word: str) -> None:
    instant = read_instant(text)
    assert instant.at is None
    assert word.lower() in (instant.problem or "").lower()


@given(st.text(max_size=80))
@settings(max_examples=100)
def test_no_text_makes_it_raise(text: str) -> None:
    instant = read_instant(text)
    assert (instant.at is None) == (instant.problem is not None)


@given(st.datetimes())
@settings(max_examples=50)
def test_what_is_written_is_read_back(at: datetime) -> None:
    whole = at.replace(microsecond=0, tzinfo=UTC)
    assert read_instant(whole.isoformat().replace("+00:00", "Z")).at == whole


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(milliseconds=300), "less than a second"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=-47), "47 seconds"),
        (timedelta(minutes=10), "10 minutes"),
        (timedelta(hours=2, minutes=5, seconds=9), "2 hours 5 minutes"),
        (timedelta(days=30), "30 days"),
        (timedelta(days=1, seconds=5), "1 day"),
        (timedelta(days=3650), "10 years"),
    ],
)
def test_span(length: timedelta, words: str) -> None:
    assert span(length) == words


def test_stamps() -> None:
    assert stamp(NOON) == "2026-11-23 12:00:00 UTC"
    assert iso(NOON) == "2026-11-23T12:00:00Z"
