"""Facts of certificates and public keys, and the certificates that messages embed. It trusts nothing."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import NameOID

#: The one text a base64 value may hold beside its alphabet: XML white space (xmlschema-2 §3.2.16).
_SPACE = re.compile(r"[ \t\r\n]+")
_ARMOUR = re.compile(r"-----BEGIN [A-Z0-9 ]+-----(.*?)-----END [A-Z0-9 ]+-----", re.DOTALL)
_PADDED_RUN = re.compile(r"[A-Za-z0-9+/]+={1,2}|[A-Za-z0-9+/]+\Z")
_MOST_TEXT = 65_536
_USUAL_TEXT = 8_192
#: The mark that the test IdP's certificates carry in their common name.
_TEST_MARK = "TEST ONLY"

#: Curves that SAML peers agree on (SDP-MD07).
GOOD_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})


@lru_cache(maxsize=512)
def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-256 fingerprint of the whole certificate, 64 lower-case hex digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


@lru_cache(maxsize=512)
def public_key(certificate: x509.Certificate) -> PublicKeyTypes | None:
    """The certificate's key, or None where it is of a kind or on a curve that cannot be used at all."""
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.UnsupportedGeneralNameType):
        return None


@dataclass(frozen=True, slots=True, eq=False)
class CertificateFacts:
    """What many checks ask of one certificate, worked out once for all messages.

    `family` is "rsa", "ec", "dsa" or None; `bits` and `exponent` are 0 without RSA.
    """

    certificate: x509.Certificate
    fingerprint: str
    subject: str
    key: PublicKeyTypes | None
    family: str | None
    bits: int
    exponent: int
    begins_at: datetime
    ends_at: datetime

    @property
    def named(self) -> str:
        """The certificate for people, by fingerprint and subject."""
        return f"{short(self.fingerprint)} ({self.subject[:120]})"


@lru_cache(maxsize=256)
def facts(certificate: x509.Certificate) -> CertificateFacts:
    """The facts of one certificate. To look a certificate up costs as much as hashing it, so ask once and keep them."""
    key = public_key(certificate)
    return CertificateFacts(
        certificate=certificate,
        fingerprint=fingerprint(certificate),
        subject=subject_text(certificate),
        key=key,
        family=key_family(key),
        bits=key.key_size if isinstance(key, rsa.RSAPublicKey) else 0,
        exponent=key.public_numbers().e if isinstance(key, rsa.RSAPublicKey) else 0,
        begins_at=certificate.not_valid_before_utc,
        ends_at=certificate.not_valid_after_utc,
    )


def key_family(key: PublicKeyTypes | None) -> str | None:
    """ "rsa", "ec" or "dsa", as in names.SIGNATURES; None for anything else."""
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "ec"
    return "dsa" if isinstance(key, dsa.DSAPublicKey) else None


def key_text(key: PublicKeyTypes | None) -> str:
    """The key for people: "RSA 2048", "EC secp256r1"."""
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey):
        return f"{'RSA' if isinstance(key, rsa.RSAPublicKey) else 'DSA'} {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return "a key of an unknown kind"


def same_key(one: PublicKeyTypes | None, other: PublicKeyTypes | None) -> bool:
    """Whether two public keys are the same key, whatever certificates they came in."""
    return one is not None and other is not None and _spki(one) == _spki(other)


def key_fingerprint(key: PublicKeyTypes) -> str:
    """The SHA-256 fingerprint of the key alone (its SubjectPublicKeyInfo), 64 lower-case hex digits."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(_spki(key))
    return digest.finalize().hex()


def affordable(key: PublicKeyTypes | None) -> bool:
    """Whether verifying with a key out of a message is cheap: size and exponent can make RSA cost seconds."""
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size <= 8192 and key.public_numbers().e < 2**32
    return isinstance(key, ec.EllipticCurvePublicKey)


@lru_cache(maxsize=256)
def subject_text(certificate: x509.Certificate) -> str:
    """The subject for people, RFC 4514; "" where the name cannot be decoded."""
    try:
        return certificate.subject.rfc4514_string()
    except ValueError:
        return ""


@lru_cache(maxsize=256)
def common_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The subject's common names."""
    try:
        return tuple(str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    except ValueError:
        return ()


def is_marked_test(certificate: x509.Certificate) -> bool:
    """Whether it says itself that it belongs to a test identity provider."""
    return any(_TEST_MARK in name.upper() for name in common_names(certificate))


def short(fingerprint_hex: str) -> str:
    """The first bytes of a fingerprint, as people compare them: "3f:9a:04:c1"."""
    return f"{fingerprint_hex[:2]}:{fingerprint_hex[2:4]}:{fingerprint_hex[4:6]}:{fingerprint_hex[6:8]}"


def strict_base64(text: str | None) -> bytes | None:
    """The bytes of an xs:base64Binary value (white space allowed), or None where it is not one."""
    if text is None:
        return None
    try:
        return base64.b64decode(text.encode("ascii").translate(None, b" \t\r\n"), validate=True)
    except (binascii.Error, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class EmbeddedCertificates:
    """What one X509Certificate element holds.

    `repairs` tell what had to be overlooked; `irregular` is True where the text is not an xs:base64Binary; `error` is a
    sentence where no certificate could be read.
    """

    certificates: tuple[x509.Certificate, ...] = ()
    repairs: tuple[str, ...] = ()
    irregular: bool = False
    error: str | None = None


def read_embedded(text: str | None) -> EmbeddedCertificates:
    """Read the text of a ds:X509Certificate (xmldsig-core §4.5.4), as tolerantly as real systems need.

    Tolerated and told: PEM armour inside the XML, base64 of a whole PEM file, several certificates in one element.
    """
    if not text or not text.strip():
        return EmbeddedCertificates(error="The X509Certificate is empty.")
    if len(text) > _MOST_TEXT:
        return EmbeddedCertificates(error=f"The X509Certificate is longer than {_MOST_TEXT} characters.")
    # An IdP embeds the same certificate in every message. What is longer is kept by nobody.
    return _read_embedded(text) if len(text) <= _USUAL_TEXT else _read_embedded.__wrapped__(text)


@lru_cache(maxsize=64)
def _read_embedded(text: str) -> EmbeddedCertificates:
    repairs: list[str] = []
    bodies, irregular = [text], False
    if "-----BEGIN" in text:
        bodies, irregular = _ARMOUR.findall(text), True
        repairs.append("the PEM header and footer lines are inside the XML")
        if not bodies:
            return EmbeddedCertificates(irregular=True, error="The PEM text in X509Certificate is cut off.")
    blobs: list[bytes] = []
    for body in bodies:
        blob = strict_base64(body)
        if blob is None:
            runs = _PADDED_RUN.findall(_SPACE.sub("", body))
            parts = [strict_base64(r) for r in runs]
            if len(runs) < 2 or "".join(runs) != _SPACE.sub("", body) or any(p is None for p in parts):
                return EmbeddedCertificates(irregular=irregular, error="The X509Certificate is not base64.")
            irregular = True
            blobs += [p for p in parts if p is not None]
        else:
            blobs.append(blob)
    certificates: list[x509.Certificate] = []
    try:
        for blob in blobs:
            if blob.lstrip().startswith(b"-----BEGIN"):
                repairs.append("the base64 holds a whole PEM file instead of the certificate")
                certificates += x509.load_pem_x509_certificates(blob)
            else:
                certificates += [x509.load_der_x509_certificate(der) for der in _split_der(blob)]
    except (ValueError, UnsupportedAlgorithm, TypeError) as e:
        reason = str(e).splitlines()[0][:120] if str(e) else type(e).__name__
        return EmbeddedCertificates(
            irregular=irregular, error=f"The X509Certificate is base64, but not of a certificate ({reason})."
        )
    if len(certificates) > 1:
        repairs.append(f"{len(certificates)} certificates are in one X509Certificate element")
    return EmbeddedCertificates(tuple(certificates), tuple(repairs), irregular)


def _split_der(blob: bytes) -> list[bytes]:
    """Cut concatenated DER values apart by their outer lengths; at most 8, the rest stays with the last."""
    parts: list[bytes] = []
    while len(parts) < 7 and len(blob) > 4 and blob[0] == 0x30:
        first = blob[1]
        width = first & 0x7F if first & 0x80 else 0
        length = int.from_bytes(blob[2 : 2 + width], "big") if width else first
        end = 2 + width + length
        if width > 4 or end >= len(blob):
            break
        parts.append(blob[:end])
        blob = blob[end:]
    return [*parts, blob]


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
