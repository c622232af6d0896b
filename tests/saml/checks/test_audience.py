from __future__ import annotations

from dataclasses import replace

import pytest

from app.saml.message import AudienceRestriction
from tests.saml.cases import ASSERTION, HERE, SP, ask, case, expecting, text, with_audiences, with_conditions

CHILD = SP + "#ik_child"
CHILD_ACCOUNT = expecting(sp_entity_id=CHILD, default_sp_entity_id=SP)


def test_the_good_audience() -> None:
    for check in ("audience-present", "audience-nonempty", "audience-match", "audience-child-account"):
        assert ask(check, case()).status == "pass"
    assert ask("audience-all-restrictions", case()).status == "not-applicable"


def test_no_restriction_is_not_any_service_provider() -> None:
    for assertion in (with_audiences(), replace(ASSERTION, conditions=())):
        assert ask("audience-present", case(assertion=assertion)).status == "fail"


@pytest.mark.parametrize("restriction", [(), ("",), ("  ",)])
def test_empty_restrictions(restriction: tuple[str, ...]) -> None:
    judged = case(assertion=with_audiences((SP,), restriction))
    assert ask("audience-nonempty", judged).status == "fail"


@pytest.mark.parametrize(
    ("audience", "word"),
    [
        (SP + "/", "trailing slash"),
        (SP.upper(), "letter case"),
        ("http" + SP[5:], "http:"),
        ("spn:" + SP, "spn:"),
        (SP + " ", "blank space"),
        ("https://imagekit.io", "path"),
        (SP + ".evil.test", "follows"),
        ("https://staging.imagekit.io/saml/consume", "staging"),
        ("https://other.example/sp", "another host"),
    ],
)
def test_the_audience_is_compared_exactly_and_near_misses_are_named(audience: str, word: str) -> None:
    result = ask("audience-match", case(assertion=with_audiences((audience,))))
    assert result.status == "fail"
    assert word in result.message
    assert (result.expected, result.line) == (SP, 3)


def test_alternatives_within_one_restriction() -> None:
    assert ask("audience-match", case(assertion=with_audiences(("https://a.example", SP)))).status == "pass"
    result = ask("audience-match", case(assertion=with_audiences(("https://a.example", SP + "/"))))
    assert result.actual == SP + "/"


def test_every_restriction_must_be_met() -> None:
    judged = case(assertion=with_audiences((SP,), ("https://other.example",)))
    assert ask("audience-match", judged).status == "pass"
    assert ask("audience-all-restrictions", judged).status == "fail"
    both = case(assertion=with_audiences((SP,), ("https://other.example", SP)))
    assert ask("audience-all-restrictions", both).status == "pass"


def test_an_audience_with_a_comment_in_it_never_matches() -> None:
    split = AudienceRestriction((text(SP, simple=False),), HERE)
    assert ask("audience-match", case(assertion=with_conditions(audience_restrictions=(split,)))).status == "fail"


def test_without_an_own_entity_id_it_is_skipped() -> None:
    assert ask("audience-match", case(expectation=expecting(sp_entity_id=None))).status == "skipped"


def test_child_accounts() -> None:
    parent_left = ask("audience-child-account", case(expectation=CHILD_ACCOUNT))
    assert parent_left.status == "fail"
    assert "parent account" in parent_left.message
    missing = ask("audience-match", case(expectation=CHILD_ACCOUNT))
    assert '"#ik_child" at the end is missing' in missing.message
    good = case(assertion=with_audiences((CHILD,)), expectation=CHILD_ACCOUNT)
    assert ask("audience-child-account", good).status == "pass"
    assert ask("audience-match", good).status == "pass"
    reverse = ask("audience-child-account", case(assertion=with_audiences((CHILD,))))
    assert reverse.status == "fail"
    sibling = case(assertion=with_audiences((SP + "#ik_other",)), expectation=CHILD_ACCOUNT)
    assert "another child" in ask("audience-child-account", sibling).message
    foreign = case(assertion=with_audiences(("https://other.example",)), expectation=CHILD_ACCOUNT)
    assert ask("audience-child-account", foreign).status == "not-applicable"
