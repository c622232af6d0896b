"""app.saml.request: what is built can be read, and a query's signature covers the octets received."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from app.saml.decoding import decode
from app.saml.errors import RequestError
from app.saml.names import (
    SIG_ECDSA_SHA256,
    SIG_ECDSA_SHA384,
    SIG_RSA_SHA1,
    SIG_RSA_SHA256,
    SIG_RSA_SHA512,
)
from app.saml.request import build_authn_request, read_request, redirect_url, verify_redirect_signature
from tests.saml import signing_samples as samples

SSO = "https://idp.corp.test/sso?tenant=1"


def request(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "id": "_q1",
        "issue_instant": datetime(2026, 11, 23, 20, 0, 1, 5, tzinfo=UTC),
        "issuer": samples.SP,
        "acs_url": samples.ACS,
        "destination": SSO,
    }
    return build_authn_request(**{**fields, **changes})  # type: ignore[arg-type]


def query_of(url: str) -> bytes:
    return urlsplit(url).query.partition("tenant=1&")[2].encode()


def test_what_is_built_is_read() -> None:
    r = read_request(request(force_authn=True))
    assert (r.id, r.version, r.issue_instant) == ("_q1", "2.0", "2026-11-23T20:00:01Z")
    assert (r.issuer, r.destination, r.acs_url) == (samples.SP, SSO, samples.ACS)
    assert r.protocol_binding == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    assert r.nameid_format == "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    assert (r.allow_create, r.force_authn, r.is_passive, r.signed) == (True, True, False, False)
    assert read_request(request(nameid_format=None)).nameid_format is None


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "1abc"},
        {"id": ""},
        {"issuer": " "},
        {"acs_url": ""},
        {"issue_instant": datetime(2026, 1, 1)},  # noqa: DTZ001  without a zone on purpose
        {"issuer": "a\x00b"},
    ],
)
def test_what_cannot_be_a_request_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        request(**changes)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "nothing in it"),
        (b"<!DOCTYPE a><a/>", "document type declaration"),
        (samples.xml(samples.build()), "Response"),
        (request().replace(b' ID="_q1"', b""), "no ID"),
        (request().replace(b"<saml:Issuer>", b'<saml:Issuer ID="_q1">'), "stands on two elements"),
        (request().replace(b"imagekit", b"x").replace(b"</saml:Issuer>", b"<!--x--></saml:Issuer>"), "holds a comment"),
    ],
)
def test_what_is_no_request_is_refused_in_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(RequestError, match=re.escape(says)):
        read_request(data)


def test_an_address_carries_the_request_and_the_relay_state() -> None:
    url = redirect_url(request(), SSO, "https://imagekit.io/dashboard?a=1&b=ü")
    assert url.startswith(SSO + "&SAMLRequest=")
    decoded = decode(query_of(url), channel="redirect-query")
    assert decoded.data == request()
    assert decoded.relay_state == "https://imagekit.io/dashboard?a=1&b=ü"
    assert redirect_url(request(), "https://idp.test/sso#top").startswith("https://idp.test/sso?SAMLRequest=")


@pytest.mark.parametrize("destination", ["javascript:alert(1)", "/sso", "", "ftp://x.test/", "https://"])
def test_a_request_is_sent_to_web_addresses_only(destination: str) -> None:
    with pytest.raises(RequestError):
        redirect_url(request(), destination)


@pytest.mark.parametrize(
    ("signer", "algorithm"),
    [
        (samples.rsa_signer(), SIG_RSA_SHA256),
        (samples.rsa_signer(), SIG_RSA_SHA512),
        (samples.ec_signer(), SIG_ECDSA_SHA256),
        (samples.ec_signer("secp384r1"), SIG_ECDSA_SHA384),
    ],
)
@pytest.mark.parametrize("relay_state", [None, "r s/+%"])
def test_a_signed_query_verifies(signer: samples.Signer, algorithm: str, relay_state: str | None) -> None:
    query = query_of(redirect_url(request(), SSO, relay_state, key=signer.key, sigalg=algorithm))
    other = samples.rsa_signer("other").certificate
    assert verify_redirect_signature(query, (other, signer.certificate)) is None
    refused = verify_redirect_signature(query, (other,))
    assert refused is not None
    assert refused.check == "encoding-redirect-signature"


@pytest.mark.parametrize(
    ("signer", "algorithm"),
    [
        (samples.ec_signer(), SIG_RSA_SHA256),
        (samples.rsa_signer(), SIG_ECDSA_SHA256),
        (samples.rsa_signer(), SIG_RSA_SHA1),
    ],
)
def test_a_key_must_fit_its_algorithm(signer: samples.Signer, algorithm: str) -> None:
    with pytest.raises(RequestError):
        redirect_url(request(), SSO, key=signer.key, sigalg=algorithm)


def signed_query(relay_state: str | None = "a b") -> bytes:
    return query_of(redirect_url(request(), SSO, relay_state, key=samples.rsa_signer().key))


def verdict(query: bytes) -> str | None:
    found = verify_redirect_signature(query, (samples.rsa_signer().certificate,))
    return found.message if found else None


def resigned(octets: str) -> bytes:
    value = samples.raw_signature(samples.rsa_signer(), SIG_RSA_SHA256, octets.encode())
    return f"{octets}&Signature={quote(samples.b64(value), safe='')}".encode()


def test_lower_case_escapes_verify_as_they_were_sent() -> None:
    fields = parse_qs(signed_query().decode())
    pieces = [f"{n}={quote(fields[n][0], safe='')}" for n in ("SAMLRequest", "RelayState", "SigAlg")]
    octets = re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), "&".join(pieces))
    assert verdict(resigned(octets)) is None
    upper = re.sub("%[0-9a-f]{2}", lambda m: m[0].upper(), resigned(octets).decode().partition("&Signature")[0])
    damaged = upper + "&Signature" + resigned(octets).decode().partition("&Signature")[2]
    said = verdict(damaged.encode())
    assert said is not None
    assert "percent-encoded again" in said


def test_every_change_of_a_signed_query_is_explained() -> None:
    good = signed_query()
    assert verdict(good) is None
    without = signed_query(None)
    added = without.replace(b"&SigAlg", b"&RelayState=evil&SigAlg")
    parts = {p.partition("=")[0]: p for p in good.decode().split("&")}
    other_order = resigned("&".join([parts["RelayState"], parts["SAMLRequest"], parts["SigAlg"]]))
    for query, says in (
        (added, "RelayState was added"),
        (other_order, "another order"),
        (good.replace(b"RelayState=a", b"RelayState=b"), "fits none of the configured keys"),
        (good.replace(b"&SigAlg=" + parts["SigAlg"].partition("=")[2].encode(), b""), "no SigAlg"),
        (good.partition(b"&Signature=")[0], "not signed"),
        (good + b"&RelayState=x", "more than once"),
        (good + b"&SAMLResponse=x", "exactly one"),
        (good.partition(b"&Signature=")[0] + b"&Signature=%21", "not base64"),
        (good.replace(b"rsa-sha256", b"rsa-sha1").replace(b"xmldsig-more", b"xmldsig-more"), "not accepted"),
        (
            good.replace(
                quote("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", safe="").encode(),
                quote(SIG_RSA_SHA1, safe="").encode(),
            ),
            "SHA-1 can be forged",
        ),
        (b"", "exactly one"),
    ):
        said = verdict(query)
        assert said is not None
        assert says in said
