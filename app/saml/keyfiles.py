"""Certificates and private keys as people have them: PEM, DER, base64; and the facts of a certificate for display.

It reads bytes, not files, and trusts nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from app.saml.certificates import fingerprint, key_fingerprint, key_text, public_key, subject_text
from app.saml.errors import KeyFileError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_MAX_BYTES: Final = 262_144
_MAX_CERTIFICATES: Final = 32
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,60})-----(.*?)-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """A certificate for people. Fingerprints are lower-case hex; times have a zone; `key` is such as "RSA 2048"."""

    subject: str
    issuer: str
    sha256: str
    sha1: str
    not_before: datetime
    not_after: datetime
    key: str
    serial: str
    signature_digest: str | None
    self_signed: bool
    is_test_key: bool = False

    def expired(self, now: datetime) -> bool:
        """Whether the validity period has passed at `now`."""
        return now > self.not_after


def certificate_facts(
    certificate: x509.Certificate, *, known_test_keys: frozenset[str] = frozenset()
) -> CertificateFacts:
    """The facts of a certificate. `known_test_keys` are SHA-256 fingerprints as in Expectation."""
    try:
        issuer = certificate.issuer.rfc4514_string()
        self_signed = certificate.issuer == certificate.subject
    except ValueError:
        issuer, self_signed = "", False  # names are read when they are asked for, so an unreadable one is found here
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    sha256 = fingerprint(certificate)
    return CertificateFacts(
        subject=subject_text(certificate),
        issuer=issuer,
        sha256=sha256,
        sha1=certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303  shown because IdP consoles show it; not trusted
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key=key_text(public_key(certificate)),
        serial=f"{certificate.serial_number:x}",
        signature_digest=algorithm.name if algorithm is not None else None,
        self_signed=self_signed,
        is_test_key=sha256 in known_test_keys,
    )


def load_certificates(data: bytes) -> tuple[x509.Certificate, ...]:
    """Every certificate in PEM, DER or bare base64. Raises KeyFileError with a sentence on what was found instead."""
    data = _bounded(data)
    blocks = _PEM.findall(data)
    if blocks:
        certificates = [
            _der(_unbase64(body)) for label, body in blocks[:_MAX_CERTIFICATES] if label.endswith(b"CERTIFICATE")
        ]
        if certificates:
            return tuple(certificates)
        label = blocks[0][0].decode()
        if "PRIVATE KEY" in label:
            raise KeyFileError(
                "This is a private key. The certificate of the identity provider is wanted, which is public; a private "
                "key must not leave the IdP."
            )
        if "PUBLIC KEY" in label:
            raise KeyFileError("This is a bare public key. A certificate is wanted (-----BEGIN CERTIFICATE-----).")
        if "REQUEST" in label:
            raise KeyFileError("This is a certificate request. The certificate that was issued for it is wanted.")
        raise KeyFileError(f"This is a PEM file with “{label.lower()}”, and no certificate.")
    if b"-----BEGIN" in data:
        raise KeyFileError("The PEM text is cut off: its END line is missing. Copy the whole of it.")
    if data[:1] == b"\x30":
        return (_der(data),)
    if data[:1] == b"<":
        raise KeyFileError("This is XML or a web page. Metadata is read as metadata, not as a certificate.")
    inner = _unbase64(data)
    if inner.lstrip().startswith(b"-----BEGIN CERTIFICATE"):
        return load_certificates(inner)
    return (_der(inner),)


def _bounded(data: bytes) -> bytes:
    if len(data) > _MAX_BYTES:
        raise KeyFileError(
            f"The file is {len(data):,} bytes long; a certificate or key is shorter than {_MAX_BYTES:,}."
        )
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data[:1] != b"\x30":
        data = data.strip()
    if not data:
        raise KeyFileError("The file is empty.")
    return data


def _unbase64(text: bytes) -> bytes:
    lines = [line for line in text.strip().splitlines() if b":" not in line]  # headers of old PEM files
    try:
        return base64.b64decode(re.sub(rb"\s+", b"", b"".join(lines)), validate=True)
    except (binascii.Error, ValueError) as e:
        raise KeyFileError("This is neither PEM nor DER nor base64: it holds no certificate or key.") from e


def _der(data: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(data)
    except (ValueError, UnsupportedAlgorithm, TypeError) as e:
        if b"\x2a\x86\x48\x86\xf7\x0d\x01\x07" in data[:64]:  # the object identifier of PKCS #7
            raise KeyFileError(
                "This is a PKCS #7 or PKCS #12 container. Export the certificate alone, as PEM or DER."
            ) from e
        raise KeyFileError("The data is no X.509 certificate, or it is damaged.") from e


def load_private_key(data: bytes, password: str | None = None) -> PrivateKey:
    """An RSA or EC private key in PEM or DER. Raises KeyFileError, among others for a missing or wrong password."""
    data = _bounded(data)
    if b"-----BEGIN" in data and b"PRIVATE KEY-----" not in data:
        kind = "a certificate" if b"CERTIFICATE-----" in data else "no private key"
        raise KeyFileError(f"This is {kind}. The private key belonging to it is wanted.")
    secret = password.encode() if password else None
    load = serialization.load_pem_private_key if b"-----BEGIN" in data else serialization.load_der_private_key
    try:
        key = load(data, password=secret)
    except TypeError as e:
        if secret is None:
            raise KeyFileError("The private key is protected by a password; give it.") from e
        raise KeyFileError("The private key is not protected by a password; leave the password out.") from e
    except UnsupportedAlgorithm as e:
        raise KeyFileError("The private key is of a kind that cannot be used; RSA and EC keys can.") from e
    except ValueError as e:
        if secret is not None:
            raise KeyFileError("The password is wrong, or the private key is damaged.") from e
        raise KeyFileError("The data is no private key in PEM or DER, or it is damaged.") from e
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyFileError("The private key is neither RSA nor EC; only these are used with SAML.")
    return key


@dataclass(frozen=True, slots=True)
class DecryptionKey:
    """A private key that opens encrypted assertions. `fingerprint` is the SHA-256 (hex) of its public half."""

    private: rsa.RSAPrivateKey = field(repr=False)
    kind: str
    fingerprint: str

    def to_pem(self) -> str:
        """The key as unprotected PKCS #8, for the system's keyring or another process of this program."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode("ascii")


def load_decryption_key(data: bytes, password: str | None = None) -> DecryptionKey:
    """An RSA private key as load_private_key() reads it. Raises KeyFileError, also for a key of another kind."""
    key = load_private_key(data, password)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyFileError(
            f"This is an elliptic-curve key ({key.curve.name}), which opens no assertion: SAML encrypts to RSA keys. "
            "Load the RSA key whose certificate the IdP encrypts to."
        )
    public = key.public_key()
    return DecryptionKey(key, key_text(public), key_fingerprint(public))
