"""app.saml.pseudonyms: shapes and relations stay, nothing a customer chose does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.saml.pseudonyms import Pseudonyms

KEY = b"k" * 32


@pytest.fixture
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(KEY)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("ada.lovelace@corp.test", r"[a-z]{3}\.[a-z]{8}@[a-z]{4}\.test"),
        (" Ada.Lovelace@Corp.test\n", r" [A-Z][a-z]{2}\.[A-Z][a-z]{7}@[A-Z][a-z]{3}\.test\n"),
        ("Ada King-Noel", r"[A-Z][a-z]{2} [A-Z][a-z]{3}-[A-Z][a-z]{3}"),
        ("Łukasz Żak", r"[^\W\d]{6} [^\W\d]{3}"),
        ("0f8fad5b-d9cb-469f-a165-70867728950e", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("_a75adf55d8", r"_[0-9a-f]{10}"),
        ("CN=Ada Lovelace,OU=People,DC=corp", r"CN=[A-Z][a-z]{2} [A-Z][a-z]{7},OU=[A-Z][a-z]{5},DC=[a-z]{4}"),
        ("https://idp.corp.test/saml/ada", r"https://[a-z]{3}\.[a-z]{4}\.test/saml/[a-z]{3}"),
        ("+49 30 901820", r"\+[0-9]{2} [0-9]{2} [0-9]{6}"),
    ],
)
def test_the_shape_stays(pseudonyms: Pseudonyms, text: str, shape: str) -> None:
    masked = pseudonyms.value(text)
    assert masked != text
    assert len(masked) == len(text)
    assert re.fullmatch(shape, masked), masked


@pytest.mark.parametrize(
    "text",
    [
        "developer",
        "media_library_full_access",
        "https://imagekit.io/saml/consume",
        "urn:oasis:names:tc:SAML:2.0:cm:bearer",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        "urn:oid:0.9.2342.19200300.100.1.3",
        "",
        " \n",
    ],
)
def test_standards_and_the_product_stay(pseudonyms: Pseudonyms, text: str) -> None:
    assert pseudonyms.value(text) == text
    assert pseudonyms.counts == ()


def test_a_standard_prefix_hides_nobody(pseudonyms: Pseudonyms) -> None:
    masked = pseudonyms.value("urn:oasis:names:tc:SAML:2.0:cm:lovelace")
    assert masked.startswith("urn:oasis:names:tc:SAML:2.0:cm:")
    assert "lovelace" not in masked


def test_equal_runs_stay_equal_everywhere(pseudonyms: Pseudonyms) -> None:
    domain = pseudonyms.value("ada@corporation.test").partition("@")[2].partition(".")[0]
    assert f".{domain}.test/" in pseudonyms.value("https://idp.corporation.test/sso")
    assert pseudonyms.value("CORPORATION") == domain.upper()
    assert domain in pseudonyms.sentence("It was sent by corporation, as somebody said.")


def test_the_key_decides() -> None:
    assert Pseudonyms(KEY).value("lovelace") == Pseudonyms(KEY).value("lovelace")
    assert Pseudonyms(KEY).value("lovelace") != Pseudonyms(b"other").value("lovelace")


def test_claim_names_stay_and_near_misses_too(pseudonyms: Pseudonyms) -> None:
    for name in ("imagekit_role", "Imagekit_Role", "imagekit_rolle", "full-name"):
        assert pseudonyms.name(name) == name
    standard = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
    assert pseudonyms.name(standard) == standard
    assert "lovelace" not in pseudonyms.name("https://lovelace.test/claims/lovelace")


def test_roles_stay_and_group_names_do_not(pseudonyms: Pseudonyms) -> None:
    assert pseudonyms.role("Developer ") == "Developer "
    assert pseudonyms.role("Lovelace Admins") != "Lovelace Admins"
    assert "Lovelace" not in pseudonyms.role("Lovelace Admins")


@pytest.mark.parametrize("text", ["2026-11-23T20:36:00Z", "true", "0", "2.0", "PT1H", "xs:string", "signing"])
def test_facts_stay(pseudonyms: Pseudonyms, text: str) -> None:
    assert pseudonyms.fact(text) == text


def test_secrets_keep_their_length_only(pseudonyms: Pseudonyms) -> None:
    assert pseudonyms.secret("aGVs\nbG8gd29ybGQ=") == "MASK\nEDMASKEDMAS="


def test_sentences_keep_their_own_words(pseudonyms: Pseudonyms) -> None:
    pseudonyms.value("May Will")
    pseudonyms.value("ada.lovelace@corp.test")
    kept = "It may be that the identity provider will send 3600 s at 2026-11-23 20:36:00 UTC."
    assert pseudonyms.sentence(kept) == kept
    masked = pseudonyms.sentence("Not let in: May Will (ada.lovelace@corp.test, in short “ada”), or lovela…")
    assert not re.search(r"May|Will|ada|lovela|corp", masked)


def test_a_number_inside_a_longer_one_is_chance(pseudonyms: Pseudonyms) -> None:
    pseudonyms.value("123456")
    assert pseudonyms.search(["1234567"]) == set()
    assert pseudonyms.search(["x 123456 y"]) == {"123456"}


@pytest.mark.parametrize(
    "text", ["lovelace", "x.LOVELACE.y", "xlovelacey", "corporation", "test.corporation", "adalovelace"]
)
def test_what_was_replaced_is_found(pseudonyms: Pseudonyms, text: str) -> None:
    pseudonyms.value("Ada.Lovelace@corporation.test")
    pseudonyms.value("adaLovelace")
    assert pseudonyms.search([text])


@given(st.text(max_size=60))
def test_any_text_keeps_its_length_and_loses_its_runs(text: str) -> None:
    pseudonyms = Pseudonyms(KEY)
    masked = pseudonyms.value(text)
    assert len(masked) == len(text)
    assert pseudonyms.value(text) == masked
    assert not pseudonyms.search([masked])
