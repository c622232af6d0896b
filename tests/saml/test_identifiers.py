from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.saml.identifiers import confusable, normalise_email, read_email


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada@CORP.test\n", "ada@corp.test"),
        ("first.last+tag@sub.example.com", "first.last+tag@sub.example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("u@münchen.example", "u@xn--mnchen-3ya.example"),
        ("u@XN--MNCHEN-3YA.example", "u@xn--mnchen-3ya.example"),
        ("jose\u0301@example.com", "josé@example.com"),
        ("straße@example.com", "straße@example.com"),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    assert normalise_email(text) == normal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("straße@example.com", "strasse@example.com"),
        ("\u212aim@example.com", "kim@example.com"),
        ("\u0131lker@example.com", "ilker@example.com"),
        ("\u017fam@example.com", "sam@example.com"),
        ("\uff41da@example.com", "ada@example.com"),
        ("аda@example.com", "ada@example.com"),
        ("É@example.com", "é@example.com"),
    ],
)
def test_different_mailboxes_stay_different(one: str, other: str) -> None:
    assert normalise_email(one) != normalise_email(other)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("Ada Lindqvist <ada@example.com>", "display name"),
        ("ada(home)@example.com", "comment"),
        ("mailto:ada@example.com", "mailto"),
        ("ada", "no @ sign"),
        ("CORP\\ada", "Windows account"),
        ("CN=Ada,DC=example,DC=com", "distinguished name"),
        ("8f14e45f-ceea-467f-9575-6a3d1f9b1a11", "object identifier"),
        ("G0dYk2Jx9sB1c3D4e5F6g7H8", "opaque"),
        ("ada@bob@example.com", "more than one @"),
        ("@example.com", "before the @"),
        ("ada@", "no domain"),
        ("ada @example.com", "blank"),
        ("ada\u200b@example.com", "invisible"),
        ("ada@[192.0.2.1]", "IP address"),
        ("ada@192.0.2.1", "not a domain"),
        ("ada@localhost", "not a domain"),
        ("ada@exa_mple.com", "not a domain"),
        ("ada@-corp.test", "not a domain"),
        ("ada..l@example.com", "before the @"),
        (".ada@example.com", "before the @"),
        ("a" * 65 + "@example.com", "64 octets"),
        ("a" * 2000 + "@example.com", "2012 characters"),
        ("ada@xn--zzzzzz99999.example", "not a domain"),
    ],
)
def test_what_is_not_one_address_is_told_why(text: str, word: str) -> None:
    email = read_email(text)
    assert email.normal is None
    assert word.lower() in (email.problem or "").lower()


@given(st.text(max_size=60) | st.text(alphabet="aA@.xn-\u212a\u00df ", max_size=40))
@settings(max_examples=200)
def test_normalising_is_idempotent_and_never_raises(text: str) -> None:
    normal = normalise_email(text)
    assert normal is None or normalise_email(normal) == normal


@pytest.mark.parametrize(
    "text",
    [
        "jose\u0301@example.com",
        "аdmin@example.com",
        "adm\u0131n@example.com",
        "\u017fam@example.com",
        "\u212aim@example.com",
        "\uff41da@example.com",
        "ada\u200b@example.com",
        "ada\u202e@example.com",
        "a\tda@example.com",
        "a\x7fda@example.com",
        "\u0301ada@example.com",
    ],
)
def test_look_alikes_are_found(text: str) -> None:
    assert confusable(text)


@pytest.mark.parametrize("text", ["ada@example.com", "josé@example.com", "straße@example.com", "иван@пример.example"])
def test_honest_names_are_not_suspected(text: str) -> None:
    assert confusable(text) is None
