from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.saml.message import SubjectConfirmation
from app.saml.names import CM_HOLDER_OF_KEY, CM_SENDER_VOUCHES
from tests.saml.cases import (
    BEARER,
    HERE,
    SP,
    answering,
    ask,
    at,
    case,
    expecting,
    solicited,
    with_bearer,
    with_confirmations,
)

ALL = ("sc-bearer", "sc-method", "sc-data", "sc-recipient", "sc-notonorafter", "sc-no-notbefore", "sc-inresponseto")
EMPTY = SubjectConfirmation(method=BEARER.method, at=HERE, has_data=False)


@pytest.mark.parametrize("check", ALL)
def test_the_good_confirmation(check: str) -> None:
    assert ask(check, case()).status == "pass"
    assert ask(check, solicited()).status == "pass"


def test_there_must_be_a_bearer_confirmation() -> None:
    assert ask("sc-bearer", case(assertion=with_confirmations())).status == "fail"
    other = replace(BEARER, method=CM_HOLDER_OF_KEY)
    assert ask("sc-bearer", case(assertion=with_confirmations(other))).status == "fail"


@pytest.mark.parametrize(
    "method", [None, "", CM_HOLDER_OF_KEY, CM_SENDER_VOUCHES, "urn:x:bearer", str(BEARER.method).upper()]
)
def test_methods_that_are_not_bearer(method: str | None) -> None:
    judged = case(assertion=with_bearer(method=method))
    assert ask("sc-method", judged).status == "fail"
    assert ask("sc-bearer", judged).status == "fail"


@pytest.mark.parametrize(
    ("changes", "check", "word"),
    [
        ({"recipient": None}, "sc-recipient", "does not say to whom"),
        ({"recipient": ""}, "sc-recipient", "empty"),
        ({"recipient": SP + "x"}, "sc-recipient", "follows"),
        ({"recipient": "https://imagekit.io"}, "sc-recipient", "path"),
        ({"recipient": "https://other.example/acs"}, "sc-recipient", "another host"),
        ({"not_on_or_after": None}, "sc-notonorafter", "until when"),
        ({"not_on_or_after": "soon"}, "sc-notonorafter", "cannot be read"),
        ({"not_on_or_after": at(seconds=-180)}, "sc-notonorafter", "expired"),
        ({"not_before": at(minutes=4)}, "sc-no-notbefore", "only be valid in 4 minutes"),
    ],
)
def test_with_one_confirmation_the_broken_rule_reports_it(changes: dict[str, Any], check: str, word: str) -> None:
    judged = case(assertion=with_bearer(**changes))
    result = ask(check, judged)
    assert result.status == "fail"
    assert word in result.message
    assert ask("sc-bearer", judged).status == "not-applicable"


def test_a_missing_data_element() -> None:
    judged = case(assertion=with_confirmations(EMPTY))
    assert ask("sc-data", judged).status == "fail"
    assert ask("sc-recipient", judged).status == "not-applicable"


def test_an_entity_id_as_recipient_is_recognised() -> None:
    expectation = expecting(acs_url="https://sp.example/acs", sp_entity_id="https://sp.example/metadata")
    judged = case(assertion=with_bearer(recipient="https://sp.example/metadata"), expectation=expectation)
    assert "entity ID" in ask("sc-recipient", judged).message


def test_a_past_not_before_only_warns() -> None:
    assert ask("sc-no-notbefore", case(assertion=with_bearer(not_before=at(minutes=-1)))).status == "warn"


def test_one_of_several_must_fit_as_a_whole() -> None:
    wrong = replace(BEARER, recipient="https://other.example/acs")
    late = replace(BEARER, not_on_or_after=at(minutes=-10))
    split = case(assertion=with_confirmations(late, wrong))
    result = ask("sc-bearer", split)
    assert result.status == "fail"
    assert "Number 1" in result.message
    assert "Number 2" in result.message
    assert ask("sc-recipient", split).status == "pass"
    assert ask("sc-notonorafter", split).status == "pass"
    mended = case(assertion=with_confirmations(late, wrong, BEARER))
    for check in ALL:
        assert ask(check, mended).status == "pass", check
    both_wrong = case(assertion=with_confirmations(wrong, wrong))
    assert ask("sc-recipient", both_wrong).status == "fail"


def test_holder_of_key_beside_a_good_bearer_is_left_aside() -> None:
    judged = case(assertion=with_confirmations(replace(BEARER, method=CM_HOLDER_OF_KEY), BEARER))
    for check in ALL:
        assert ask(check, judged).status == "pass", check


def test_the_request_stands_inside_the_assertion() -> None:
    assert ask("sc-inresponseto", solicited(inner="_made_up")).status == "fail"
    missing = ask("sc-inresponseto", solicited(inner=None))
    assert missing.status == "fail"
    assert "does not say which" in missing.message
    pasted = answering(judges_correlation=False)
    assert ask("sc-inresponseto", solicited(outer="_x", inner="_x", expectation=pasted)).status == "pass"
    named = expecting(expected_request="_q9")
    assert ask("sc-inresponseto", solicited(inner="_q9", outer="_q9", expectation=named)).status == "pass"
    assert ask("sc-inresponseto", solicited(expectation=named)).status == "fail"
    assert ask("sc-inresponseto", case(expectation=named)).status == "fail"


def test_the_address_is_shown_only() -> None:
    assert ask("sc-address", case(assertion=with_bearer(address="203.0.113.9"))).status == "info"
    assert ask("sc-address", case()).status == "not-applicable"
