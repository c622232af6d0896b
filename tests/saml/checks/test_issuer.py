from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.saml.message import Assertion, Issuer
from app.saml.names import NAMEID_EMAIL, NAMEID_ENTITY
from tests.saml.cases import ASSERTION, IDP, NOW, REQUEST, RESPONSE, answering, ask, case, expecting, solicited, text


def issued_by(*issuers: str) -> Assertion:
    return replace(ASSERTION, issuers=tuple(Issuer(text(i)) for i in issuers))


@pytest.mark.parametrize(
    ("assertion", "word"),
    [
        (issued_by(), "no Issuer"),
        (issued_by(IDP, IDP), "more than one"),
        (issued_by("  "), "empty"),
    ],
)
def test_an_assertion_names_one_issuer(assertion: Assertion, word: str) -> None:
    result = ask("issuer-assertion-present", case(assertion=assertion))
    assert result.status == "fail"
    assert word in result.message


@pytest.mark.parametrize(
    ("actual", "word"),
    [
        (IDP + "/", "trailing slash"),
        (IDP.upper(), "letter case"),
        (IDP + "\n", "blank space"),
        ("https://other.example/idp", "another host"),
    ],
)
def test_the_issuer_is_compared_exactly(actual: str, word: str) -> None:
    result = ask("issuer-match", case(assertion=issued_by(actual)))
    assert result.status == "fail"
    assert word in result.message
    assert result.expected == IDP


def test_an_issuer_with_a_comment_in_it_never_matches() -> None:
    split = replace(ASSERTION, issuers=(Issuer(text(IDP, simple=False)),))
    assert ask("issuer-match", case(assertion=split)).status == "fail"


def test_the_good_issuer() -> None:
    for check in ("issuer-assertion-present", "issuer-match", "issuer-response-match", "issuer-format"):
        assert ask(check, case()).status == "pass", check


def test_without_a_configured_entity_id_the_issuer_is_shown_only() -> None:
    assert ask("issuer-match", case(expectation=expecting(idp_entity_id=None))).status == "info"


def test_the_response_may_leave_its_issuer_out_only_while_unsigned() -> None:
    bare = replace(RESPONSE, issuer=None)
    assert ask("issuer-response-match", case(response=bare)).status == "pass"
    signed = replace(bare, provenance="signed-by-response")
    assert ask("issuer-response-match", case(response=signed)).status == "fail"
    encrypted = replace(bare, encrypted_assertions=1)
    assert ask("issuer-response-match", case(response=encrypted)).status == "fail"


def test_response_and_assertion_agree() -> None:
    other = replace(RESPONSE, issuer=Issuer(text("https://other.example")))
    assert ask("issuer-response-match", case(response=other)).status == "fail"
    refusing = ask("issuer-response-match", case(assertion=None, response=other))
    assert refusing.status == "fail"
    assert "configured" in refusing.message


def test_issuer_format() -> None:
    entity = replace(ASSERTION, issuers=(Issuer(text(IDP), NAMEID_ENTITY),))
    assert ask("issuer-format", case(assertion=entity)).status == "pass"
    email = replace(ASSERTION, issuers=(Issuer(text(IDP), NAMEID_EMAIL),))
    assert ask("issuer-format", case(assertion=email)).status == "warn"
    qualified = replace(ASSERTION, issuers=(Issuer(text(IDP), None, "q"),))
    assert ask("issuer-format", case(assertion=qualified)).status == "warn"


def test_the_idp_that_was_asked_must_answer() -> None:
    assert ask("issuer-expected", solicited()).status == "pass"
    asked = replace(REQUEST, idp_entity_id="https://other.example", expires_at=NOW + timedelta(minutes=1))
    assert ask("issuer-expected", solicited(expectation=answering(asked))).status == "fail"
    assert ask("issuer-expected", case()).status == "not-applicable"
