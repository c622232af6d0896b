from __future__ import annotations

from dataclasses import replace

import pytest

from app.saml.expectation import AccountFacts, Policy
from app.saml.message import NameID
from app.saml.names import (
    NAMEID_PERSISTENT,
    NAMEID_TRANSIENT,
    NAMEID_UNSPECIFIED,
    NAMEID_WINDOWS,
    NAMEID_X509,
)
from tests.saml.cases import ADA, ASSERTION, IDP, SP, ask, case, expecting, text, with_name_id, with_subject

ALL = (
    "nameid-present",
    "nameid-nonempty",
    "nameid-format",
    "nameid-email-syntax",
    "nameid-unicode",
    "nameid-case",
    "nameid-length",
    "nameid-transient",
)


@pytest.mark.parametrize("check", ALL)
def test_the_good_name(check: str) -> None:
    assert ask(check, case()).status == "pass"


def test_exactly_one_name() -> None:
    for name_ids, others, word in (
        ((), (), "no NameID"),
        ((ADA, ADA), (), "2 NameIDs"),
        ((), ("EncryptedID",), "encrypted"),
        ((), ("BaseID",), "BaseID"),
        ((), ("{urn:x}NameID",), "namespace"),
    ):
        result = ask("nameid-present", case(assertion=with_subject(name_ids=name_ids, other_ids=others)))
        assert result.status == "fail"
        assert word in result.message
    assert ask("nameid-present", case(assertion=replace(ASSERTION, subject=None))).status == "fail"


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_empty_names(value: str) -> None:
    assert ask("nameid-nonempty", case(assertion=with_name_id(value))).status == "fail"


@pytest.mark.parametrize("format_", [NAMEID_PERSISTENT, NAMEID_TRANSIENT, NAMEID_X509, NAMEID_WINDOWS, "urn:x"])
def test_other_formats_fail(format_: str) -> None:
    for policy in (Policy(), Policy(name="diagnose")):
        judged = case(assertion=with_name_id(format=format_), expectation=expecting(policy=policy))
        assert ask("nameid-format", judged).status == "fail"


@pytest.mark.parametrize("format_", [None, NAMEID_UNSPECIFIED])
def test_an_open_format_depends_on_the_value(format_: str | None) -> None:
    assert ask("nameid-format", case(assertion=with_name_id(format=format_))).status == "warn"
    assert ask("nameid-format", case(assertion=with_name_id("ada", format=format_))).status == "fail"


def test_transient_is_no_key() -> None:
    assert ask("nameid-transient", case(assertion=with_name_id(format=NAMEID_TRANSIENT))).status == "fail"


@pytest.mark.parametrize(
    "value",
    [
        "Ada <ada@example.com>",
        "ada(x)@example.com",
        "a@b@c.example",
        "ada@",
        "CORP\\ada",
        "ada@[192.0.2.1]",
        "ada @example.com",
    ],
)
def test_what_is_not_an_address(value: str) -> None:
    assert ask("nameid-email-syntax", case(assertion=with_name_id(value))).status == "fail"


def test_blank_space_around_an_address_only_warns() -> None:
    assert ask("nameid-email-syntax", case(assertion=with_name_id(" ada@example.com"))).status == "warn"


@pytest.mark.parametrize(
    "value",
    [
        "аda@example.com",
        "adm\u0131n@example.com",
        "\u212aim@example.com",
        "ada\u200b@example.com",
        "jose\u0301@example.com",
    ],
)
def test_look_alikes(value: str) -> None:
    judged = case(assertion=with_name_id(value))
    assert ask("nameid-unicode", judged).status == "fail"
    diagnosed = replace(judged, expectation=expecting(policy=Policy(name="diagnose")))
    assert ask("nameid-unicode", diagnosed).status == "warn"


def test_a_domain_in_other_letters_warns_and_shows_its_real_form() -> None:
    result = ask("nameid-unicode", case(assertion=with_name_id("u@münchen.example")))
    assert result.status == "warn"
    assert "xn--mnchen-3ya.example" in result.message


def test_capital_letters_are_told() -> None:
    result = ask("nameid-case", case(assertion=with_name_id("ADA@CORP.test")))
    assert (result.status, result.expected) == ("warn", "ada@corp.test")


def test_long_names() -> None:
    assert ask("nameid-length", case(assertion=with_name_id("a" * 257))).status == "warn"


def test_qualifiers() -> None:
    assert ask("nameid-spnamequalifier", case()).status == "not-applicable"
    assert ask("nameid-spnamequalifier", case(assertion=with_name_id(sp_name_qualifier=SP))).status == "pass"
    other = with_name_id(sp_name_qualifier="https://other.example", name_qualifier="https://other.example")
    assert ask("nameid-spnamequalifier", case(assertion=other)).status == "fail"
    assert ask("nameid-namequalifier", case(assertion=other)).status == "warn"
    assert ask("nameid-namequalifier", case(assertion=with_name_id(name_qualifier=IDP))).status == "pass"


def test_foreign_domains() -> None:
    limited = expecting(account=AccountFacts("ik_7x2k", "paid", ("example.com",)))
    assert ask("nameid-domain", case(expectation=limited)).status == "pass"
    ceo = with_name_id("ceo@other-customer.test")
    assert ask("nameid-domain", case(assertion=ceo, expectation=limited)).status == "fail"
    sub = with_name_id("ada@sub.example.com")
    assert ask("nameid-domain", case(assertion=sub, expectation=limited)).status == "fail"
    assert ask("nameid-domain", case(assertion=ceo)).status == "not-applicable"


def test_a_name_with_a_comment_in_it_belongs_to_no_domain() -> None:
    limited = expecting(account=AccountFacts("ik_7x2k", "paid", ("example.com",)))
    split = NameID(text("ada@example.com", simple=False), ADA.format)
    judged = case(assertion=with_subject(name_ids=(split,)), expectation=limited)
    assert ask("nameid-domain", judged).status == "not-applicable"
