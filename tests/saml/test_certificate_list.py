"""Certificates of a message and of the configuration: each once, where it stands, what it did, how they hang."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.saml.certificate_list import CertificateList, list_certificates
from app.saml.certificates import fingerprint
from app.saml.expectation import TrustedKey
from app.saml.names import DS
from tests.saml.encryption_samples import OUR_KEY, encrypted, replace_assertion
from tests.saml.signing_samples import NOW, Signer, build, build_assertion, certificate, rsa_signer, text, the, xml

IDP = rsa_signer()


def with_certificates(*ders: str) -> bytes:
    r = build()
    signature = text(the(r, "saml:Assertion"), DS, "Signature")
    data = text(text(signature, DS, "KeyInfo"), DS, "X509Data")
    for der in ders:
        text(data, DS, "X509Certificate", der)
    return xml(r)


def of(document: bytes, *trusted: Signer, verified: dict[str, tuple[str, ...]] | None = None) -> CertificateList:
    return list_certificates([document], [TrustedKey(s.certificate) for s in trusted], verified or {})


def test_a_certificate_that_is_configured_and_sent_is_listed_once() -> None:
    mark = fingerprint(IDP.certificate)
    (listed,) = of(with_certificates(IDP.der), IDP, verified={mark: ("Assertion",)}).certificates
    assert listed.held == ("Configured: metadata", "In the signature of the Assertion")
    assert listed.configured
    assert listed.verified == ("Assertion",)
    assert listed.facts.sha256 == mark
    assert (listed.number, listed.of) == (1, 1)
    assert listed.at is not None
    assert listed.at.path.endswith("/ds:X509Certificate")
    assert listed.chain == "Self-signed, as SAML certificates usually are."
    assert listed.pem == IDP.pem


def test_a_chain_is_told_in_the_order_of_the_message() -> None:
    root = rsa_signer("root")
    authority = Signer(root.key, certificate(root.key, "authority.test"))
    key = rsa_signer("leaf").key
    leaf = Signer(key, certificate(key, "idp.test", by=authority))
    listed = of(with_certificates(leaf.der, authority.der)).certificates
    assert [(c.facts.subject, c.number, c.of) for c in listed] == [("CN=idp.test", 1, 2), ("CN=authority.test", 2, 2)]
    assert listed[0].chain == "Issued by CN=authority.test, which is listed here too."
    alone = of(with_certificates(leaf.der)).certificates
    assert alone[0].chain == "Its issuer's certificate is not here; SAML does not need it."


def test_a_borrowed_issuer_name_is_no_chain() -> None:
    root = rsa_signer("root")
    forger = rsa_signer("forger")
    authority = Signer(root.key, certificate(root.key, "authority.test"))
    pretended = Signer(forger.key, certificate(forger.key, "authority.test"))
    key = rsa_signer("leaf").key
    leaf = Signer(key, certificate(key, "idp.test", by=pretended))
    listed = of(with_certificates(leaf.der, authority.der)).certificates
    assert listed[0].chain == "It names CN=authority.test as issuer, but that key did not sign it."


def test_what_is_no_certificate_is_told_with_its_place() -> None:
    found = of(with_certificates("nonsense!", IDP.der))
    assert [u.why for u in found.unreadable] == ["The X509Certificate is not base64."]
    assert found.unreadable[0].at.path.endswith("/ds:X509Certificate[1]")
    assert len(found.certificates) == 1


def test_the_recipient_of_an_encryption_is_no_signer() -> None:
    document = xml(replace_assertion(build(), encrypted(xml(build_assertion()), certificate=OUR_KEY.der)))
    (listed,) = of(document).certificates
    assert listed.held == ("Names for whom the key of the encryption was made",)
    assert not listed.configured


def test_only_some_are_listed_of_a_document_full_of_them() -> None:
    found = of(with_certificates(*[IDP.der] * 60))
    assert found.left_out == 20
    assert len(found.certificates) == 1


@pytest.mark.parametrize("document", [b"", b"<oops", b"<a/>", b"\xff\xfe"])
def test_a_document_without_certificates_lists_the_configured_ones(document: bytes) -> None:
    (listed,) = of(document, IDP).certificates
    assert listed.number == 0
    assert listed.at is None


def test_an_expired_issuer_still_counts_as_one() -> None:
    """Whether a chain is valid at a time is for the checks; this only tells who signed whom."""
    key = rsa.generate_private_key(65537, 2048)
    old = Signer(key, certificate(key, "old.test", begin=NOW - timedelta(days=9), end=NOW - timedelta(days=8)))
    leaf_key = rsa_signer("leaf").key
    leaf = Signer(leaf_key, certificate(leaf_key, "idp.test", by=old))
    assert of(with_certificates(leaf.der, old.der)).certificates[0].chain.startswith("Issued by CN=old.test")
