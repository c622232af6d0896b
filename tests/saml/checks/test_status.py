from __future__ import annotations

from dataclasses import replace

import pytest

from app.saml.checks.status import refused
from app.saml.message import Response, StatusRecord
from app.saml.names import STATUS, STATUS_SUCCESS
from tests.saml.cases import RESPONSE, ask, case, text


def answered(*codes: str | None, message: str | None = None, detail: str | None = None) -> Response:
    status = StatusRecord(codes, text(message) if message is not None else None, detail, RESPONSE.at)
    return replace(RESPONSE, status=status)


def test_success() -> None:
    for check in ("status-present", "status-toplevel", "status-success"):
        assert ask(check, case()).status == "pass"
    assert ask("status-error-no-assertion", case()).status == "not-applicable"
    assert not refused(RESPONSE)


def test_a_missing_status_is_no_success() -> None:
    for response in (replace(RESPONSE, status=None), answered(), answered(None), answered("")):
        assert ask("status-present", case(response=response)).status == "fail"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (STATUS + "AuthnFailed", "second-level"),
        ("urn:x:status:Success", "only ends like"),
        (STATUS + "success", "letter case"),
        ("nonsense", "knows four"),
    ],
)
def test_only_four_codes_may_stand_on_top(code: str, word: str) -> None:
    result = ask("status-toplevel", case(response=answered(code)))
    assert result.status == "fail"
    assert word in result.message
    assert ask("status-success", case(response=answered(code))).status == "fail"
    assert not refused(answered(code))


@pytest.mark.parametrize(
    ("codes", "word"),
    [
        ((STATUS + "Requester",), "fault with the request"),
        ((STATUS + "Responder", STATUS + "AuthnFailed"), "could not be authenticated"),
        ((STATUS + "Responder", STATUS + "NoPassive"), "silent login"),
        ((STATUS + "Requester", STATUS + "InvalidNameIDPolicy"), "NameID format"),
        ((STATUS + "VersionMismatch",), "SAML version"),
        ((STATUS + "Responder", "urn:vendor:42"), "identity provider itself"),
    ],
)
def test_a_refusal_is_translated(codes: tuple[str, ...], word: str) -> None:
    judged = case(assertion=None, response=answered(*codes))
    assert refused(judged.response)
    result = ask("status-success", judged)
    assert result.status == "fail"
    assert word in result.message
    assert ask("status-error-no-assertion", judged).status == "pass"


def test_details_are_shown_as_plain_bounded_text() -> None:
    response = answered(STATUS + "Responder", STATUS + "RequestDenied", message="<b>no\x1b[31m</b>" + "x" * 70_000)
    result = ask("status-detail", case(assertion=None, response=response))
    assert result.status == "info"
    assert "\x1b" not in result.message
    assert len(result.message) < 1000
    assert "not signed" in result.message
    assert ask("status-detail", case()).status == "not-applicable"


def test_a_refusal_must_not_carry_an_assertion() -> None:
    result = ask("status-error-no-assertion", case(response=answered(STATUS + "Responder")))
    assert result.status == "fail"
    encrypted = replace(answered(STATUS + "Responder"), encrypted_assertions=1)
    assert ask("status-error-no-assertion", case(assertion=None, response=encrypted)).status == "fail"


def test_success_is_the_whole_value() -> None:
    assert ask("status-success", case(response=answered(STATUS_SUCCESS + " "))).status == "fail"
