"""Facts of keys and certificates, and reading what messages embed."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from app.saml import certificates as certs
from tests.saml.signing_samples import b64, certificate, dsa_signer, ec_signer, rsa_signer

IDP = rsa_signer()


def test_facts_of_keys() -> None:
    assert [certs.key_family(s.key.public_key()) for s in (IDP, ec_signer(), dsa_signer())] == ["rsa", "ec", "dsa"]
    assert certs.key_family(ed25519.Ed25519PrivateKey.generate().public_key()) is None
    texts = [certs.key_text(s.key.public_key()) for s in (IDP, ec_signer(), dsa_signer())]
    assert texts == ["RSA 2048", "EC secp256r1", "DSA 2048"]
    assert certs.key_text(None) == "a key of an unknown kind"


def test_the_same_key_in_two_certificates() -> None:
    renewed = certificate(IDP.key)
    assert certs.fingerprint(renewed) != certs.fingerprint(IDP.certificate)
    assert certs.same_key(certs.public_key(renewed), certs.public_key(IDP.certificate))
    assert not certs.same_key(certs.public_key(renewed), certs.public_key(ec_signer().certificate))
    assert not certs.same_key(None, None)


def test_short_fingerprint() -> None:
    assert certs.short("3f9a04c1" + "0" * 56) == "3f:9a:04:c1"


def test_an_expensive_key_is_not_affordable() -> None:
    assert certs.affordable(IDP.key.public_key())
    assert certs.affordable(ec_signer().key.public_key())
    assert not certs.affordable(rsa.RSAPublicNumbers(2**40 + 1, 2**2047 + 1).public_key())
    assert not certs.affordable(rsa.RSAPublicNumbers(65537, 2**9000 + 1).public_key())
    assert not certs.affordable(dsa_signer().key.public_key())


@pytest.mark.parametrize(
    ("text", "expected"),
    [("AAEC", b"\0\1\2"), (" AA\tEC\r\n", b"\0\1\2"), ("", b""), ("AAE", None), ("_-_-", None), ("AAEC!", None)],
)
def test_strict_base64(text: str, expected: bytes | None) -> None:
    assert certs.strict_base64(text) == expected


def test_strict_base64_of_nothing() -> None:
    assert certs.strict_base64(None) is None


@given(st.binary(max_size=200))
def test_strict_base64_round_trip(data: bytes) -> None:
    assert certs.strict_base64(base64.encodebytes(data).decode()) == data


DER = base64.b64decode(IDP.der)


@pytest.mark.parametrize(
    ("text", "number", "irregular"),
    [
        (IDP.der, 1, False),
        ("\r\n  " + IDP.der + "\t", 1, False),
        (IDP.pem, 1, True),
        (IDP.pem + ec_signer().pem, 2, True),
        (b64(IDP.pem.encode()), 1, False),
        (b64(DER + base64.b64decode(ec_signer().der)), 2, False),
    ],
    ids=["plain", "white space", "armour", "two armoured", "PEM in base64", "two DER"],
)
def test_tolerated_ways_to_write_a_certificate(text: str, number: int, irregular: bool) -> None:
    read = certs.read_embedded(text)
    assert read.error is None
    assert read.certificates[0] == IDP.certificate
    assert (len(read.certificates), read.irregular) == (number, irregular)


def test_two_padded_values_in_one_element() -> None:
    made = (certificate(IDP.key, "x" * n) for n in range(1, 60))
    padded = next(c for c in made if len(c.public_bytes(Encoding.DER)) % 3)
    read = certs.read_embedded(b64(padded.public_bytes(Encoding.DER)) * 2)
    assert read.certificates == (padded, padded)
    assert read.irregular


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "empty"),
        ("  ", "empty"),
        ("A" * 70_000, "longer than"),
        ("%%%", "not base64"),
        ("AAAA", "not of a certificate"),
        (b64(DER[:300]), "not of a certificate"),
        ("-----BEGIN CERTIFICATE-----\nMIIC", "cut off"),
        (b64(b"-----BEGIN CERTIFICATE-----\nMIIC"), "not of a certificate"),
    ],
)
def test_unreadable_certificates(text: str | None, says: str) -> None:
    read = certs.read_embedded(text)
    assert not read.certificates
    assert says in (read.error or "")


@given(st.text(max_size=300) | st.binary(max_size=300).map(b64))
def test_reading_never_raises(text: str) -> None:
    read = certs.read_embedded(text)
    assert bool(read.certificates) != bool(read.error)
