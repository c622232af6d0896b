"""When certificates end, and the calendar that reminds of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.sharing.calendar import calendar
from app.sso import Ending
from app.sso.expiry import STEPS
from tests.sso.test_sp_keys import keyed  # noqa: F401  a fixture

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def ending(days, **more):
    made = Ending("ik_7x2k", "Acme", "signing", "CN=idp.test", "ab" * 32, None, NOW + timedelta(days=days), days, True)
    return replace(made, **more)


@pytest.mark.parametrize(
    ("days", "step"),
    [(400, None), (90, None), (89, 90), (30, 90), (29, 30), (7, 30), (6, 7), (0, 7), (-1, 0), (-400, 0)],
)
def test_the_steps(days, step):
    assert ending(days).step == step
    assert ending(days).urgent == (step in STEPS[1:])
    assert not ending(days, last=False).urgent


def test_everything_that_ends_is_found_the_soonest_first(bench):
    bench.sso.create_account("ik_off", "Off")
    found = bench.sso.endings()
    assert [e.kind for e in found] == ["metadata", "signing"]
    assert found == bench.sso.endings("ik_7x2k")
    assert bench.sso.endings("ik_off") == ()
    key = found[1]
    assert key.last
    assert len(key.sha256) == 64
    bench.later(days=key.days + 1, hours=1)
    assert bench.sso.endings()[1].step == 0
    bench.sso.delete_metadata("ik_7x2k")
    assert bench.sso.endings() == ()


def lines(data):
    """The unfolded lines of a calendar."""
    assert data.endswith(b"\r\n")
    assert all(len(part) <= 75 for part in data.split(b"\r\n"))
    return data.decode().replace("\r\n ", "").split("\r\n")


def test_a_calendar_has_an_event_with_reminders_for_each():
    found = lines(calendar([ending(12), ending(300, sha256="cd" * 32)], NOW))
    assert found[0] == "BEGIN:VCALENDAR"
    assert found.count("BEGIN:VEVENT") == found.count("END:VEVENT") == 2
    assert "DTSTART;VALUE=DATE:20261205" in found
    assert [x for x in found if x.startswith("TRIGGER")][:4] == [
        "TRIGGER:-P90D",
        "TRIGGER:-P30D",
        "TRIGGER:-P7D",
        "TRIGGER:PT0S",
    ]
    assert len({x for x in found if x.startswith("UID:")}) == 2
    assert calendar([ending(12)], NOW) == calendar([ending(12)], NOW)
    assert lines(calendar([], NOW))[-2] == "END:VCALENDAR"


@pytest.mark.parametrize(
    "subject",
    [
        "CN=x\r\nBEGIN:VALARM\r\nACTION:PROCEDURE",
        "CN=x\nATTENDEE:mailto:x",
        "CN=a,b;c\\n\\",
        "CN=" + "ü" * 500,
        "CN=\u202eevil\u0000\u0085\u2028x\ud800",
    ],
)
def test_a_hostile_subject_begins_no_line_of_its_own(subject):
    found = lines(calendar([ending(12, subject=subject, account_name=subject)], NOW))
    allowed = {
        "BEGIN", "END", "VERSION", "PRODID", "CALSCALE", "UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY",
        "DESCRIPTION", "TRANSP", "ACTION", "TRIGGER", "",
    }  # fmt: skip
    assert {x.partition(":")[0].partition(";")[0] for x in found} <= allowed
    assert [x for x in found if x.startswith("ACTION")] == ["ACTION:DISPLAY"] * 4
    assert found.count("BEGIN:VALARM") == 4


def test_our_own_keys_are_watched_too(keyed):  # noqa: F811
    keyed.sso.make_sp_key("signing")
    (own,) = [e for e in keyed.sso.endings() if e.kind == "own"]
    assert (own.title, own.imagekit_id, own.last) == ("Our current signing key", "", True)
    keyed.later(days=1)
    keyed.sso.make_sp_key("signing")
    first, second = [e for e in keyed.sso.endings() if e.kind == "own"]
    assert (first.last, second.last) == (False, True)
    assert first.ends_at < second.ends_at
