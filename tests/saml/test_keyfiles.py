"""app.saml.keyfiles: certificates and keys in every form people have them, and a sentence for every other file."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import pkcs7

from app.saml.certificates import key_fingerprint
from app.saml.errors import KeyFileError
from app.saml.keyfiles import certificate_facts, load_certificates, load_decryption_key, load_private_key
from tests.saml import signing_samples as samples

SIGNER = samples.rsa_signer()
PEM = SIGNER.pem.encode()
DER = SIGNER.certificate.public_bytes(serialization.Encoding.DER)


def private(password: bytes | None = None, encoding: str = "PEM", key: object = None) -> bytes:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return (key or SIGNER.key).private_bytes(  # type: ignore[attr-defined, no-any-return]
        getattr(serialization.Encoding, encoding), serialization.PrivateFormat.PKCS8, how
    )


@pytest.mark.parametrize(
    "data",
    [
        PEM,
        DER,
        base64.b64encode(DER),
        base64.encodebytes(DER),
        base64.b64encode(PEM),
        b"\xef\xbb\xbf\r\n" + PEM.replace(b"\n", b"\r\n"),
        b"Bag Attributes\n    friendlyName: idp\n" + PEM,
        private() + PEM,
    ],
)
def test_a_certificate_is_read_in_any_form(data: bytes) -> None:
    assert load_certificates(data) == (SIGNER.certificate,)


def test_several_certificates_are_kept_in_order() -> None:
    other = samples.ec_signer()
    assert load_certificates(PEM + other.pem.encode()) == (SIGNER.certificate, other.certificate)


def request_for_a_certificate() -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(SIGNER.certificate.subject)
    return builder.sign(samples.ec_signer().key, samples.HASHES["sha256"]).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"hello", "neither PEM nor DER"),
        (b"<html>", "web page"),
        (private(), "private key"),
        (
            SIGNER.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
            "bare public key",
        ),
        (request_for_a_certificate(), "certificate request"),
        (pkcs7.serialize_certificates([SIGNER.certificate], serialization.Encoding.DER), "PKCS #7"),
        (pkcs7.serialize_certificates([SIGNER.certificate], serialization.Encoding.PEM), "pkcs7"),
        (PEM[:300], "END line is missing"),
        (DER[:200], "damaged"),
        (base64.b64encode(b"x" * 100), "no X.509 certificate"),
        (b"x" * 300_000, "shorter than"),
    ],
)
def test_anything_else_is_refused_in_its_own_words(data: bytes, says: str) -> None:
    with pytest.raises(KeyFileError, match=says):
        load_certificates(data)


@pytest.mark.parametrize("signer", [SIGNER, samples.ec_signer()])
@pytest.mark.parametrize("password", [None, b"s3cret"])
@pytest.mark.parametrize("encoding", ["PEM", "DER"])
def test_a_private_key_is_read(signer: samples.Signer, password: bytes | None, encoding: str) -> None:
    data = private(password, encoding, signer.key)
    read = load_private_key(data, password.decode() if password else None)
    assert read.public_key() == signer.key.public_key()


@pytest.mark.parametrize(
    ("data", "password", "says"),
    [
        (private(b"s3cret"), None, "protected by a password"),
        (private(b"s3cret"), "wrong", "password is wrong"),
        (private(), "s3cret", "leave the password out"),
        (PEM, None, "This is a certificate"),
        (b"hello", None, "no private key"),
        (b"", None, "empty"),
        (private(key=ed25519.Ed25519PrivateKey.generate()), None, "neither RSA nor EC"),
    ],
)
def test_what_is_no_usable_private_key_is_said(data: bytes, password: str | None, says: str) -> None:
    with pytest.raises(KeyFileError, match=says):
        load_private_key(data, password)


def test_the_facts_of_a_certificate() -> None:
    facts = certificate_facts(SIGNER.certificate)
    assert facts.subject == facts.issuer == "CN=idp.corp.test"
    assert facts.self_signed
    assert (len(facts.sha256), len(facts.sha1)) == (64, 40)
    assert facts.key == "RSA 2048"
    assert facts.signature_digest == "sha256"
    assert not facts.is_test_key
    assert not facts.expired(samples.NOW)
    assert facts.expired(facts.not_after + timedelta(seconds=1))
    assert certificate_facts(SIGNER.certificate, known_test_keys=frozenset({facts.sha256})).is_test_key


def test_a_decryption_key_is_rsa_and_can_be_kept() -> None:
    key = load_decryption_key(private(b"s3cret"), "s3cret")
    assert key.kind == "RSA 2048"
    assert key.fingerprint == key_fingerprint(SIGNER.key.public_key())
    assert load_decryption_key(key.to_pem().encode()).private.private_numbers() == SIGNER.key.private_numbers()
    assert "PRIVATE" not in repr(key)


def test_an_elliptic_curve_key_decrypts_nothing() -> None:
    with pytest.raises(KeyFileError, match=r"elliptic-curve key \(secp256r1\), which opens no assertion"):
        load_decryption_key(private(key=samples.ec_signer().key))


def test_a_certificate_whose_issuer_cannot_be_read_has_facts_all_the_same() -> None:
    name = SIGNER.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    assert isinstance(name, str)
    # The issuer stands before the subject, and both are the same.
    (certificate,) = load_certificates(DER.replace(name.encode(), b"\xff" * len(name), 1))
    facts = certificate_facts(certificate)
    assert (facts.issuer, facts.self_signed) == ("", False)
    assert name in facts.subject
