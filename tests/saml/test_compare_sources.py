from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.saml.compare_sources import Source, compare_sources
from simulator import Idp, KeyRing, default_tenant
from tests.saml.encryption_samples import OUR_KEY
from tests.saml.recordings import SSO_URL, archive, entry, har, quoted

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)


@pytest.fixture(scope="module")
def idp() -> Idp:
    return Idp(default_tenant(), KeyRing.in_memory(lambda: NOW), lambda: NOW)


@pytest.fixture(scope="module")
def message(idp: Idp) -> bytes:
    return base64.b64encode(idp.issue("ada", idp.tenant.applications[0]).xml)


def form(message: bytes) -> str:
    return f"SAMLResponse={quoted(message.decode())}"


def recording(*messages: bytes) -> bytes:
    return har(*(entry("https://sp.test/acs", method="POST", text=form(m)) for m in messages))


def test_any_form_is_compared_with_any_other(message: bytes) -> None:
    for other in (
        base64.b64decode(message),
        form(message).encode(),
        recording(message),
        archive(("mail/response.txt", message)),
        b"Dear support,\n\nit says: SAMLResponse=" + message + b"\n\nRegards",
    ):
        made = compare_sources(Source(message, "a.txt"), Source(other, "b"))
        assert made.comparison.error is None, made.comparison.error
        assert made.comparison.differences == ()
        assert made.found[1].number == 1


def test_of_several_messages_the_only_login_is_meant(message: bytes) -> None:
    asked = har(entry(SSO_URL), entry("https://sp.test/acs", method="POST", text=form(message)))
    made = compare_sources(Source(message), Source(asked, "login.har"))
    assert made.comparison.error is None
    assert made.comparison.notes == ("Of the 2 messages in the second, login.har#2 (Response) was compared.",)
    assert made.found[1].names == ("login.har#1 (AuthnRequest)", "login.har#2 (Response)")
    assert made.found[1].number == 2


def test_of_several_logins_one_must_be_chosen(idp: Idp, message: bytes) -> None:
    other = base64.b64encode(idp.issue("grace", idp.tenant.applications[0]).xml)
    both = recording(message, other)
    made = compare_sources(Source(message), Source(both, "two.har"))
    assert made.comparison.error == (
        "The second holds 2 messages; choose the one to compare. It holds two.har#1 (Response), two.har#2 (Response)."
    )
    assert compare_sources(Source(message), Source(both, "two.har", 1)).comparison.meaningful == ()
    assert compare_sources(Source(message), Source(both, "two.har", 2)).comparison.meaningful != ()
    assert "no message 3" in (compare_sources(Source(message), Source(both, "two.har", 3)).comparison.error or "")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (b"", "there is nothing in it"),
        (b"certainly no message", "The second message cannot be compared:"),
        (b"<!DOCTYPE a><a/>", "The second message cannot be compared:"),
        (b"\xff\xfe\x00", "The second message cannot be compared:"),
        ("AADSTS50105: not assigned", "The second message cannot be compared: This is an error text"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(message: bytes, source: bytes | str, told: str) -> None:
    made = compare_sources(Source(message), Source(source))
    assert told in (made.comparison.error or "")
    assert made.comparison.differences == ()


def test_large_metadata_is_compared(idp: Idp) -> None:
    metadata = idp.metadata()
    comments = (b"<!--" + b"x" * 100_000 + b"-->") * 20
    padded = metadata.replace(b"<md:IDPSSODescriptor", comments + b"<md:IDPSSODescriptor", 1)
    made = compare_sources(Source(metadata), Source(padded))
    assert made.comparison.error is None
    assert made.comparison.meaningful == ()


def test_what_a_key_opens_is_compared(idp: Idp) -> None:
    def sealed(username: str) -> bytes:
        application = replace(idp.tenant.applications[0], encrypt_to=OUR_KEY.pem)
        return idp.issue(username, application).xml

    one, two = Source(sealed("ada")), Source(sealed("grace"))
    assert "What is encrypted was not compared" in compare_sources(one, two).comparison.notes[0]
    made = compare_sources(one, two, decryption_keys=[OUR_KEY.key])
    assert made.comparison.notes == ()
    assert ("ada@acme-media.test", "grace@acme-media.test") in {(d.first, d.second) for d in made.comparison.meaningful}


@settings(max_examples=40, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.text(max_size=400)), st.binary(max_size=400))
def test_nothing_makes_it_raise(one: bytes | str, two: bytes) -> None:
    compare_sources(Source(one), Source(two))
    compare_sources(Source(b"<a>" + two + b"</a>"), Source(b"<a b='c'/>"), now=NOW)
