from __future__ import annotations

from dataclasses import replace

import pytest

from app.product import ROLE_IDS
from app.saml.checks.registry import registered
from app.saml.expectation import AccountFacts
from app.saml.message import Attribute, AttributeValue
from tests.saml.cases import ASSERTION, HERE, ask, case, claim, expecting, text, with_claims

ALL = (
    "claim-name-exact",
    "claim-imagekit-id",
    "claim-full-name",
    "claim-role-known",
    "claim-role-enterprise",
    "claim-role-single",
    "claim-duplicate-name",
    "claim-simple-content",
    "claim-delimited",
    "claim-email-conflict",
    "claim-unknown",
    "authn-context",
)
NS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


@pytest.mark.parametrize("check", ALL)
def test_the_good_claims(check: str) -> None:
    assert ask(check, case()).status == "pass"


def test_role_name_and_plan_leave_the_decision_to_provisioning() -> None:
    for check in ("claim-role-known", "claim-role-single", "claim-role-enterprise", "claim-full-name"):
        assert registered()[check].decides == "provisioning"
    assert registered()["claim-imagekit-id"].decides == "message"


@pytest.mark.parametrize(
    ("sent", "friendly", "word"),
    [
        (NS + "imagekit_role", None, "namespace"),
        ("Imagekit_Role", None, "letter case"),
        ("imagekit-role", None, "joined differently"),
        ("urn:oid:1.2.3", "imagekit_role", "FriendlyName"),
    ],
)
def test_misnamed_claims_are_recognised(sent: str, friendly: str | None, word: str) -> None:
    judged = case(assertion=with_claims(claim(sent, "developer", friendly=friendly), imagekit_role=None))
    result = ask("claim-name-exact", judged)
    assert result.status == "fail"
    assert 'rename it to "imagekit_role"' in result.message
    assert word in result.message
    assert word in ask("claim-role-known", judged).message


def test_missing_claims_that_resemble_nothing() -> None:
    judged = case(assertion=replace(ASSERTION, attributes=()))
    assert ask("claim-name-exact", judged).status == "not-applicable"
    assert ask("claim-imagekit-id", judged).status == "fail"
    assert ask("claim-full-name", judged).status == "warn"
    assert "no attributes at all" in ask("claim-role-known", judged).message


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("ik_other", "another account"),
        ("IK_7X2K", "letter case"),
        ("ik_7x2k ", "blank space"),
        ("{{imagekit_id}}", "placeholder"),
        ("<imagekit_id>", "placeholder"),
        ("imagekit_id", "placeholder"),
        ("", "empty"),
    ],
)
def test_the_account_must_be_this_one(value: str, word: str) -> None:
    result = ask("claim-imagekit-id", case(assertion=with_claims(imagekit_id=value)))
    assert result.status == "fail"
    assert word in result.message


def test_several_account_ids() -> None:
    for extra in (claim("imagekit_id", "ik_7x2k"), claim("imagekit_id", "ik_other")):
        assert ask("claim-imagekit-id", case(assertion=with_claims(extra))).status == "fail"


def test_without_an_account_the_id_is_shown() -> None:
    assert ask("claim-imagekit-id", case(expectation=expecting(account=None))).status == "info"


@pytest.mark.parametrize(
    "value", ["", "  ", "x" * 10_000, "Ada\u202e", "Ada\r\nB", "=HYPERLINK(1)", "@SUM(1)", "<img src=x>"]
)
def test_odd_names_warn(value: str) -> None:
    assert ask("claim-full-name", case(assertion=with_claims(full_name=value))).status == "warn"


@pytest.mark.parametrize("role", ROLE_IDS)
def test_the_six_roles(role: str) -> None:
    assert ask("claim-role-known", case(assertion=with_claims(imagekit_role=role))).status == "pass"


@pytest.mark.parametrize(
    ("value", "word", "expected"),
    [
        ("Developer", "letter case", "developer"),
        (" developer", "leading space", "developer"),
        ("Account Administrator", "display name", "account_administrator"),
        ("develoepr", "spelling", "developer"),
        ("8f14e45f-ceea-467f-9575-6a3d1f9b1a11", "Entra group id", None),
        ("", "empty", None),
    ],
)
def test_other_roles_name_the_nearest_one(value: str, word: str, expected: str | None) -> None:
    result = ask("claim-role-known", case(assertion=with_claims(imagekit_role=value)))
    assert result.status == "fail"
    assert word in result.message
    assert expected is None or result.expected == expected


def test_exactly_one_role() -> None:
    two_values = with_claims(claim("imagekit_role", "developer", "finance"), imagekit_role=None)
    two_attributes = with_claims(claim("imagekit_role", "finance"))
    for assertion in (two_values, two_attributes):
        assert ask("claim-role-single", case(assertion=assertion)).status == "fail"
    assert ask("claim-duplicate-name", case(assertion=two_attributes)).status == "fail"
    assert ask("claim-duplicate-name", case(assertion=two_values)).status == "pass"


def test_other_attributes_sent_twice_only_warn() -> None:
    assertion = with_claims(claim("groups", "a"), claim("groups", "b"))
    assert ask("claim-duplicate-name", case(assertion=assertion)).status == "warn"


def test_the_plan_must_have_the_role() -> None:
    restricted = with_claims(imagekit_role="media_library_restricted_access")
    assert ask("claim-role-enterprise", case(assertion=restricted)).status == "pass"
    paid = expecting(account=AccountFacts("ik_7x2k", "paid"))
    assert ask("claim-role-enterprise", case(assertion=restricted, expectation=paid)).status == "fail"
    assert ask("claim-role-enterprise", case(expectation=paid)).status == "pass"


def test_values_that_are_not_plain_text() -> None:
    nil = Attribute("imagekit_role", None, None, (AttributeValue(text(""), nil=True),), HERE)
    nested = Attribute("imagekit_role", None, None, (AttributeValue(text("developer", simple=False)),), HERE)
    for attribute in (nil, nested):
        judged = case(assertion=with_claims(attribute, imagekit_role=None))
        assert ask("claim-simple-content", judged).status == "fail"
        assert ask("claim-role-known", judged).status == "fail"


def test_delimited_values() -> None:
    for value in ("developer;finance", "developer,finance"):
        judged = case(assertion=with_claims(imagekit_role=value))
        assert ask("claim-delimited", judged).status == "warn"
        assert ask("claim-role-known", judged).status == "fail"


def test_a_change_of_role_is_told() -> None:
    check = "claim-privilege-change"
    assert ask(check, case()).status == "not-applicable"
    known = expecting(find_role=lambda _: "developer")
    assert ask(check, case(expectation=known)).status == "pass"
    raised = ask(check, case(assertion=with_claims(imagekit_role="account_administrator"), expectation=known))
    assert raised.status == "warn"
    assert "administrator" in raised.message
    assert ask(check, case(assertion=with_claims(imagekit_role="finance"), expectation=known)).status == "warn"


def test_other_addresses_and_attributes_are_told() -> None:
    assertion = with_claims(claim(NS + "emailaddress", "other@example.com"))
    assert ask("claim-email-conflict", case(assertion=assertion)).status == "info"
    listed = ask("claim-unknown", case(assertion=assertion))
    assert listed.status == "info"
    assert listed.severity == "info"
    same = with_claims(claim("email", "ADA@example.com"))
    assert ask("claim-email-conflict", case(assertion=same)).status == "pass"


def test_ten_thousand_groups_are_no_obstacle() -> None:
    crowd = with_claims(*(claim("groups", *(f"g{i}" for i in range(10_000))),))
    for check in ALL:
        assert ask(check, case(assertion=crowd)).status in ("pass", "info")
