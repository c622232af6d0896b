"""The first sentence that a person reads names the one cause, also where nothing of a message could be read."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import quote

import pytest

from app.saml import Expectation, TrustedKey, inspect
from app.saml.expectation import AccountFacts
from app.saml.headline import in_one_sentence
from app.saml.names import SAML, SAML1, q
from tests.saml.diagnoses.test_diagnoses import PLUS64, message, refusal
from tests.saml.signing_samples import ACS, IDP, NOW, SP, build, rsa_signer, the, xml


@pytest.fixture(scope="session")
def expectation() -> Expectation:
    return Expectation(
        idp_entity_id=IDP,
        trusted_keys=(TrustedKey(rsa_signer().certificate),),
        sp_entity_id=SP,
        acs_url=ACS,
        relay_states=("https://sp.example/",),
        account=AccountFacts("ik_7x2k", "paid"),
    )


GOOD = message()
URL64 = PLUS64.replace("+", "-").replace("/", "_")
GOOD64 = base64.b64encode(GOOD).decode()


def form(value: str, name: str = "SAMLResponse") -> bytes:
    return f"{name}={quote(value, safe='')}".encode()


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def query(data: bytes) -> str:
    return "https://sp.example/acs?SAMLResponse=" + quote(base64.b64encode(data).decode(), safe="")


NOT_READ: dict[str, tuple[str | bytes, str, str, str]] = {
    "another alphabet": (form(URL64), "post-form", "base64-untidy", "URL alphabet"),
    "base64 twice": (form(base64.b64encode(GOOD64.encode()).decode()), "post-form", "encoded-twice", "encoded twice"),
    "percent-encoded twice": (form(quote(PLUS64, safe="")), "post-form", "encoded-twice", "encoded twice"),
    "compressed": (form(base64.b64encode(deflated(GOOD)).decode()), "post-form", "wrong-compression", "compressed"),
    "an empty field": (form(""), "post-form", "parameter-duplicated", "SAMLResponse is empty"),
    "no field": (b"RelayState=x", "post-form", "parameter-duplicated", "no field SAMLResponse"),
    "two fields": (form(GOOD64) + b"&" + form(GOOD64), "post-form", "parameter-duplicated", "more than once"),
    "a form too long": (form("A" * 2_000_000), "post-form", "message-too-large", "2,000,013 bytes long"),
    "a cut address": (query(deflated(GOOD)[:900]), "paste", "base64-cut-short", "breaks off"),
    "more than an address": (query(deflated(GOOD) + b"junk"), "paste", "wrong-compression", "came in an address"),
    "a bomb": (query(deflated(b"<a>" + b" " * 3_000_000 + b"</a>")), "paste", "message-too-large", "unpacks"),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_READ)
def test_what_could_not_be_read_is_named_by_its_cause(expectation: Expectation, what: str) -> None:
    source, channel, cause, words = NOT_READ[what]
    report = inspect(source, expectation, now=NOW, channel=channel)  # type: ignore[arg-type]
    blocking = [d.id for d in report.diagnosis if d.severity == "blocker"]
    assert blocking[:1] == [cause]
    assert report.headline.startswith("Rejected: ")
    assert words in report.headline


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"<html><body>Sign in</body></html>", "This is an HTML page"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl", "This is a JSON Web Token"),
        ("what is this?", "This is not XML"),
        ("", "There is nothing in it."),
    ],
)
def test_what_is_something_else_is_named_for_what_it_is(
    expectation: Expectation, source: str | bytes, words: str
) -> None:
    assert inspect(source, expectation, now=NOW).headline.startswith(words)


def without_assertion(root: object) -> bytes:
    made = build()
    made.remove(the(made, "saml:Assertion"))
    return xml(made)


def of_saml_1() -> bytes:
    return xml(build()).replace(f'"{SAML}"'.encode(), f'"{SAML1}"'.encode())


def without_reference() -> bytes:
    def edit(root: object) -> None:
        info = the(root, "saml:Assertion", "ds:Signature", "ds:SignedInfo")
        info.remove(the(info, "ds:Reference"))

    return message(after=edit)


def both_changed() -> bytes:
    def edit(root: object) -> None:
        the(root, "saml:Assertion", "saml:Subject", "saml:NameID").text = "eve@corp.test"
        the(root, "saml:Assertion", "ds:Signature", "ds:SignatureValue").text = base64.b64encode(b"\1" * 256).decode()

    return message(after=edit)


def empty_digest() -> bytes:
    path = ("saml:Assertion", "ds:Signature", "ds:SignedInfo", "ds:Reference", "ds:DigestValue")
    return message(after=lambda root: setattr(the(root, *path), "text", ""))


def with_hmac() -> bytes:
    method = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
    path = ("saml:Assertion", "ds:Signature", "ds:SignedInfo", "ds:SignatureMethod")
    return message(after=lambda root: the(root, *path).set("Algorithm", method))


CAUSES = {
    "no assertion": (lambda: without_assertion(None), "assertion-missing", "contains no assertion"),
    "an assertion of SAML 1.1": (of_saml_1, "assertion-missing", "SAML 1.x"),
    "no reference": (without_reference, "signature-malformed", "has 0 references"),
    "both changed": (both_changed, "changed-after-signing", "SignatureValue fits"),
    "no digest": (empty_digest, "changed-after-signing", "DigestValue is empty"),
    "a shared secret": (with_hmac, "sha1-signature", "shared secret"),
}


@pytest.mark.parametrize("what", CAUSES)
def test_the_cause_is_the_one_that_it_is(expectation: Expectation, what: str) -> None:
    make, cause, words = CAUSES[what]
    report = inspect(make(), expectation, now=NOW)
    found = [d for d in report.diagnosis if d.severity == "blocker"]
    assert found[0].id == cause, [(d.id, d.cause) for d in found]
    assert words in found[0].cause
    assert "signature wrapping" not in found[0].cause
    assert "the right key" not in found[0].cause


def test_an_assertion_that_is_hidden_is_wrapping_also_where_none_is_in_its_place(expectation: Expectation) -> None:
    def hide(root: object) -> None:
        assertion = the(root, "saml:Assertion")
        extensions = assertion.makeelement(q("urn:oasis:names:tc:SAML:2.0:protocol", "Extensions"))
        root.insert(1, extensions)
        extensions.append(assertion)

    report = inspect(message(after=hide), expectation, now=NOW)
    assert report.diagnosis[0].id == "signature-wrapping"


def test_a_refusal_lacks_no_assertion(expectation: Expectation) -> None:
    report = inspect(refusal("Responder", "RequestDenied"), expectation, now=NOW)
    assert [d.id for d in report.diagnosis] == ["user-not-allowed"]


def test_another_version_of_xml_is_told_in_our_words(expectation: Expectation) -> None:
    report = inspect(b'<?xml version="1.1"?>' + GOOD, expectation, now=NOW)
    assert "XML 1.0" in report.headline
    assert "Unsupported" not in report.headline


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("It is cut.", "It is cut."),
        ("The ID is short. It has four letters. Nobody knows why.", "The ID is short: it has four letters."),
        ("The method is SHA-1. SHA-1 is broken.", "The method is SHA-1; SHA-1 is broken."),
        ("It has three. SAML allows two: this and that.", "It has three; SAML allows two: this and that."),
        ("It was changed. The text is odd: it is indented.", "It was changed; the text is odd: it is indented."),
        ("There are 500 keys. Each costs a second.", "There are 500 keys: each costs a second."),
        ("The value is wrong: it is cut. Take another.", "The value is wrong: it is cut."),
        ("The role is odd. Okta calls it so.", "The role is odd; Okta calls it so."),
        ("A " + "word " * 60 + "ends. It is long.", "A " + "word " * 60 + "ends."),
    ],
)  # fmt: skip
def test_two_sentences_become_one(text: str, sentence: str) -> None:
    assert in_one_sentence(text) == sentence
