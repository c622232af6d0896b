"""Our own key pairs as a service provider: making one with its certificate, reading one back. It keeps no key.

Key material comes from the cryptography library, the one chance in this package; times and serial numbers are given.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from app.saml.certificates import fingerprint
from app.saml.keyfiles import load_private_key

_BITS: Final = 3072


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key pair. `pem` is the private key, unprotected PKCS #8; `certificate` its certificate as base64 of DER."""

    pem: bytes = field(repr=False)
    certificate: str
    fingerprint: str


def make_key(subject: str, *, not_before: datetime, not_after: datetime, serial: int) -> MadeKey:
    """An RSA key with a certificate that is signed by itself. `serial` is a positive number below 2**159."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    der = certificate.public_bytes(serialization.Encoding.DER)
    return MadeKey(pem, base64.b64encode(der).decode("ascii"), fingerprint(certificate))


@lru_cache(maxsize=64)
def certificate_of(text: str) -> x509.Certificate:
    """A certificate that make_key() wrote."""
    return x509.load_der_x509_certificate(base64.b64decode(text))


def private_of(pem: bytes, certificate: str) -> rsa.RSAPrivateKey | None:
    """The private key, where it belongs to the certificate; None otherwise. Raises KeyFileError for no key at all."""
    key = load_private_key(pem)
    theirs = certificate_of(certificate).public_key()
    if not isinstance(key, rsa.RSAPrivateKey) or key.public_key() != theirs:
        return None
    return key
