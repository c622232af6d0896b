"""Who talks to whom, what a peer made of it, and throw-away keys. Nothing here knows any implementation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
UNSPECIFIED = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"


@dataclass(frozen=True)
class Parties:
    """Both sides of a login. Keys and certificates are PEM.

    `certificate` and `more_certificates` are what the IdP may sign with, `key` is its key (only for peers that issue).
    `sp_key` and `sp_certificate` are the SP's, for signing requests and for decryption. `metadata` describes the IdP.
    """

    idp: str
    sp: str
    acs: str
    certificate: str
    key: str = ""
    more_certificates: tuple[str, ...] = ()
    metadata: str = ""
    idp_sso: str = "https://idp.example/sso"
    idp_slo: str = "https://idp.example/slo"
    slo: str = "https://sp.example/slo"
    sp_key: str = ""
    sp_certificate: str = ""

    @property
    def certificates(self) -> tuple[str, ...]:
        return (self.certificate, *self.more_certificates)


@dataclass(frozen=True)
class Question:
    """A response for a peer to judge. `signed` is the part (assertion, response, both) that it must find signed."""

    xml: bytes
    signed: str = "assertion"
    in_response_to: str | None = None
    encrypted: bool = False


@dataclass(frozen=True)
class Opinion:
    """What a peer made of a response it accepted."""

    name_id: str
    claims: dict[str, list[str]]
    session_index: str | None = None


@dataclass(frozen=True)
class Sent:
    """What a peer wants to be sent: by redirect `url` is whole, by POST `fields` go to it."""

    url: str
    fields: dict[str, str]
    id: str


class Refused(Exception):  # noqa: N818  it is a verdict
    """The peer does not accept the message; the text is its own."""


def make_key(now: datetime) -> tuple[str, str]:
    """A worthless key and certificate: (certificate PEM, key PEM)."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer.test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private_pem(key)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """A private key as PEM; it never leaves the test's memory and temporary folder."""
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def body_of(pem: str) -> str:
    """The base64 of a PEM certificate, without its armour."""
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))
