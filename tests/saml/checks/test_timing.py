from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.saml.checks.timing import clock_ahead
from app.saml.expectation import Policy
from app.saml.message import Assertion
from tests.saml.cases import (
    ASSERTION,
    NOW,
    RESPONSE,
    ask,
    at,
    case,
    expecting,
    with_bearer,
    with_conditions,
)

DIAGNOSE = expecting(policy=Policy(name="diagnose"))
ALL = (
    "time-format",
    "time-utc",
    "time-issueinstant-past",
    "time-issueinstant-future",
    "time-notbefore",
    "time-notonorafter",
    "time-window-order",
    "time-window-present",
    "time-window-length",
    "time-authninstant",
    "time-skew-used",
    "time-scd-in-conditions",
)


def issued(when: str) -> Assertion:
    return replace(ASSERTION, issue_instant=when)


def signed_in(when: str | None = None, *, session: str | None = None) -> Assertion:
    old = ASSERTION.authn_statements[0]
    changed = replace(old, authn_instant=when or old.authn_instant, session_not_on_or_after=session)
    return replace(ASSERTION, authn_statements=(changed,))


@pytest.mark.parametrize("check", ALL)
def test_the_good_message(check: str) -> None:
    assert ask(check, case()).status == "pass"


@pytest.mark.parametrize(
    "when",
    [
        "2026-11-23T23:59:60Z",
        "2026-11-23T24:00:00Z",
        "10000-01-01T00:00:00Z",
        "20261123T100000Z",
        "2026-W48-1T10:00:00Z",
        "2026-11-23 10:00:00Z",
        "-0001-01-01T00:00:00Z",
        "",
    ],
)
def test_malformed_times_are_refused_wherever_they_stand(when: str) -> None:
    for assertion in (
        issued(when),
        with_conditions(not_before=when),
        with_bearer(not_on_or_after=when),
        signed_in(when or " "),
    ):
        result = ask("time-format", case(assertion=assertion))
        assert result.status == "fail"
        assert result.where
        assert "@" in result.where


def test_fractions_of_any_length_are_fine() -> None:
    assert ask("time-format", case(assertion=issued("2026-11-23T20:35:00.123456789Z"))).status == "pass"


def test_offsets_warn_and_missing_zones_fail() -> None:
    local = case(assertion=issued("2026-11-23T20:35:00"))
    assert ask("time-utc", local).status == "fail"
    shifted = case(assertion=issued("2026-11-23T22:35:00+02:00"))
    result = ask("time-utc", shifted)
    assert result.status == "warn"
    assert "20:35:00 UTC" in result.message
    assert ask("time-issueinstant-past", shifted).status == "pass"


def test_old_messages() -> None:
    old = case(assertion=issued(at(hours=-2)))
    assert ask("time-issueinstant-past", old).status == "fail"
    assert ask("time-issueinstant-past", replace(old, expectation=DIAGNOSE)).status == "warn"
    response = case(response=replace(RESPONSE, issue_instant=at(hours=-2)))
    assert ask("time-issueinstant-past", response).status == "fail"


def test_messages_from_the_future_accuse_the_clock() -> None:
    judged = case(assertion=issued(at(minutes=10)))
    result = ask("time-issueinstant-future", judged)
    assert result.status == "fail"
    assert "IdP's clock appears 10 minutes ahead" in result.message
    assert clock_ahead(judged) == timedelta(minutes=10)
    assert ask("time-issueinstant-future", case(assertion=issued(at(seconds=180)))).status == "pass"
    assert ask("time-issueinstant-future", case(assertion=issued(at(seconds=181)))).status == "fail"


def test_not_before() -> None:
    assert ask("time-notbefore", case(assertion=with_conditions(not_before=at(seconds=119)))).status == "pass"
    assert ask("time-notbefore", case(assertion=with_conditions(not_before=at(seconds=180)))).status == "pass"
    assert ask("time-notbefore", case(assertion=with_conditions(not_before=at(seconds=181)))).status == "fail"
    assert ask("time-notbefore", case(assertion=with_conditions(not_before=None))).status == "not-applicable"


@pytest.mark.parametrize(
    ("seconds", "status"), [(-185, "fail"), (-180, "fail"), (-179, "pass"), (0, "pass"), (1, "pass")]
)
def test_the_end_is_exclusive_and_the_skew_granted(seconds: int, status: str) -> None:
    assertion = with_conditions(not_on_or_after=at(seconds=seconds))
    assert ask("time-notonorafter", case(assertion=assertion)).status == status


def test_the_year_9999_is_no_obstacle() -> None:
    forever = replace(with_conditions(not_on_or_after="9999-12-31T23:59:59Z"), issue_instant="9999-12-31T23:59:59Z")
    assert ask("time-notonorafter", case(assertion=forever)).status == "pass"
    assert ask("time-issueinstant-future", case(assertion=forever)).status == "fail"


def test_reversed_windows() -> None:
    assertion = with_conditions(not_before=at(seconds=10), not_on_or_after=at(seconds=5))
    assert ask("time-window-order", case(assertion=assertion)).status == "fail"
    in_confirmation = with_bearer(not_before=at(seconds=10), not_on_or_after=at(seconds=10))
    assert ask("time-window-order", case(assertion=in_confirmation)).status == "fail"


def test_an_assertion_needs_an_end() -> None:
    endless = replace(with_conditions(not_on_or_after=None), subject=with_bearer(not_on_or_after=None).subject)
    assert ask("time-window-present", case(assertion=endless)).status == "fail"
    assert ask("time-window-present", case(assertion=with_conditions(not_on_or_after=None))).status == "pass"
    assert ask("time-window-present", case(assertion=replace(ASSERTION, conditions=()))).status == "pass"


@pytest.mark.parametrize(
    ("end", "status"),
    [(at(minutes=59), "pass"), (at(hours=8), "warn"), (at(days=3650), "fail")],
)
def test_long_windows(end: str, status: str) -> None:
    assert ask("time-window-length", case(assertion=with_conditions(not_on_or_after=end))).status == status


def test_sessions() -> None:
    assert ask("time-session", case()).status == "not-applicable"
    assert ask("time-session", case(assertion=signed_in(session=at(hours=1)))).status == "pass"
    assert ask("time-session", case(assertion=signed_in(session=at(hours=-1)))).status == "fail"


def test_the_age_of_the_sign_in() -> None:
    assert ask("time-authninstant", case(assertion=signed_in(at(hours=1)))).status == "warn"
    old = ask("time-authninstant", case(assertion=signed_in(at(days=-30))))
    assert old.status == "warn"
    assert "30 days" in old.message
    assert "2 minutes ago" in ask("time-authninstant", case()).message


def test_use_of_the_skew_is_told() -> None:
    late = case(assertion=with_conditions(not_on_or_after=at(seconds=-60)))
    assert ask("time-skew-used", late).status == "info"
    early = case(assertion=with_conditions(not_before=at(seconds=60)))
    assert "60" not in ask("time-skew-used", early).message
    assert "1 minute in the future" in ask("time-skew-used", early).message


def test_confirmation_window_outside_of_the_conditions() -> None:
    assertion = with_bearer(not_on_or_after=at(hours=1))
    assert ask("time-scd-in-conditions", case(assertion=assertion)).status == "info"


def test_now_decides_and_no_clock() -> None:
    assert ask("time-notonorafter", case(now=NOW + timedelta(days=400))).status == "fail"
    assert ask("time-notonorafter", case(now=NOW + timedelta(minutes=1))).status == "pass"
