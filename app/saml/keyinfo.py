"""Reads ds:KeyInfo: which keys a signature names, and what in it could mislead. It decides over no trust.

KeyInfo is only a hint (saml-core §5.4.5): it is read to explain, and to refuse what names two keys or a far one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from lxml import etree

from app.saml import certificates as certs
from app.saml.errors import Place, Problem
from app.saml.names import DS, DSIG11, q

_X509_DATA, _KEY_VALUE, _KEY_NAME = q(DS, "X509Data"), q(DS, "KeyValue"), q(DS, "KeyName")
_RSA, _EC = q(DS, "RSAKeyValue"), q(DSIG11, "ECKeyValue")
_CERTIFICATE: Final = q(DS, "X509Certificate")
_MOST_CERTIFICATES: Final = 10
_CURVES: Final[dict[str, type[ec.EllipticCurve]]] = {
    "urn:oid:1.2.840.10045.3.1.7": ec.SECP256R1,
    "urn:oid:1.3.132.0.34": ec.SECP384R1,
    "urn:oid:1.3.132.0.35": ec.SECP521R1,
}


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What a KeyInfo names. `refusals` forbid any crypto, `objections` forbid acceptance.

    `irregular` is True where an X509Certificate is not an xs:base64Binary and was read all the same (`repairs`).
    """

    certificates: tuple[x509.Certificate, ...] = ()
    key_value: PublicKeyTypes | None = None
    irregular: bool = False
    repairs: tuple[str, ...] = ()
    refusals: tuple[Problem, ...] = ()
    objections: tuple[Problem, ...] = ()


def read_key_info(key_info: etree._Element, at: Place) -> KeyInfo:
    """Read one ds:KeyInfo (xmldsig-core §4.5) of the signature at `at`. Nothing is fetched, resolved or trusted."""
    refusals: list[Problem] = []
    objections: list[Problem] = []

    def inconsistent(message: str) -> None:
        objections.append(
            Problem("signature-keyinfo-consistent", message, "one key, or one certificate chain", None, at)
        )

    children = list(key_info.iterchildren("*"))
    foreign = [c.tag for c in children if c.tag not in (_X509_DATA, _KEY_VALUE, _KEY_NAME)]
    x509_data = [c for c in children if c.tag == _X509_DATA]
    message = None
    if foreign:
        message = (
            f"KeyInfo holds {listing(foreign)}. Only X509Data, KeyName and KeyValue are accepted; nothing was fetched "
            "or resolved."
        )
    elif not children:
        message = "KeyInfo is empty; the IdP should leave it out or put its certificate in."
    elif any(not len(d) for d in x509_data):
        message = "X509Data is empty; the IdP should leave it out or put its certificate in."
    if message:
        refusals.append(
            Problem("signature-keyinfo-children", message, "X509Data, KeyName, KeyValue", listing(foreign), at)
        )

    elements = [c for d in x509_data for c in d.iterchildren(_CERTIFICATE)]
    if len(elements) > _MOST_CERTIFICATES:
        inconsistent(f"KeyInfo holds {len(elements)} certificates; only {_MOST_CERTIFICATES} were looked at.")
    certificates: list[x509.Certificate] = []
    repairs: tuple[str, ...] = ()
    irregular = False
    for element in elements[:_MOST_CERTIFICATES]:
        read = certs.read_embedded(None if len(element) else element.text)
        certificates += read.certificates
        repairs += read.repairs
        irregular = irregular or read.irregular
        if read.error:
            objections.append(
                Problem(
                    "cert-parse",
                    f"{read.error} It may have been cut off or altered when it was copied into the IdP.",
                    "base64 of one X.509 certificate",
                    (element.text or "")[:60],
                    Place(f"{at.path}/ds:KeyInfo/ds:X509Data/ds:X509Certificate", element.sourceline or 0),
                )
            )
    if len(x509_data) > 1 and len(set(certificates)) > 1:
        inconsistent("KeyInfo holds several X509Data elements with different certificates, so it names several keys.")
    elif not _is_chain(certificates):
        inconsistent("KeyInfo holds several certificates that do not form a chain, so it names several keys.")

    key_values = [c for c in children if c.tag == _KEY_VALUE]
    key_value = _key_value(key_values[0]) if key_values else None
    if len(key_values) > 1:
        inconsistent("KeyInfo holds several KeyValue elements.")
    elif key_values and key_value is None:
        inconsistent("The KeyValue is neither an RSA key nor an elliptic-curve key that could be read.")
    elif key_value and certificates and not certs.same_key(key_value, certs.public_key(certificates[0])):
        inconsistent(
            "KeyInfo names two different keys: the KeyValue is not the key of the certificate beside it. A reader "
            "might verify with one and trust the other (CVE-2019-1006)."
        )
    return KeyInfo(
        tuple(certificates[:_MOST_CERTIFICATES]), key_value, irregular, repairs, tuple(refusals), tuple(objections)
    )


def _is_chain(certificates: list[x509.Certificate]) -> bool:
    """Whether the certificates hang together by issuer and subject, in any order, without a second end entity."""
    if len(certificates) < 2:
        return True
    if len(set(certificates)) == 1:
        return True
    try:
        subjects = {c.subject.public_bytes(): c for c in certificates}
        issuers = {c.issuer.public_bytes() for c in certificates if c.issuer != c.subject}
    except ValueError:
        return False
    leaves = [s for s in subjects if s not in issuers]
    return len(subjects) == len(set(certificates)) and len(leaves) == 1


def _key_value(element: etree._Element) -> PublicKeyTypes | None:
    """The key of a ds:KeyValue, or None where it is of another kind, malformed or absurdly large."""
    if len(element) != 1:
        return None
    kind = element[0]
    try:
        if kind.tag == _RSA:
            numbers = [certs.strict_base64(kind.findtext(q(DS, n))) for n in ("Exponent", "Modulus")]
            if any(not n or len(n) > 2048 for n in numbers):
                return None
            e, n = (int.from_bytes(b or b"", "big") for b in numbers)
            return rsa.RSAPublicNumbers(e, n).public_key()
        if kind.tag == _EC:
            curve = kind.find(q(DSIG11, "NamedCurve"))
            point = certs.strict_base64(kind.findtext(q(DSIG11, "PublicKey")))
            known = _CURVES.get((curve.get("URI") or "") if curve is not None else "")
            if known is None or not point or len(point) > 200:
                return None
            return ec.EllipticCurvePublicKey.from_encoded_point(known(), point)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return None


def listing(tags: Iterable[object]) -> str:
    """Local names of elements for people, at most ten."""
    return ", ".join(str(t).rpartition("}")[2][:80] for t in list(tags)[:10]) or "nothing"
