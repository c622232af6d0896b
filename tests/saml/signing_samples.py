"""A base response and a manual signer for the tests of signatures and encryption: every argument is a knob."""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils
from lxml import etree

from app.saml.names import (
    C14N_EXCLUSIVE,
    DIGEST_SHA256,
    DIGESTS,
    DS,
    EC,
    SAML,
    SAMLP,
    SIG_ECDSA_SHA256,
    SIG_RSA_SHA256,
    SIGNATURES,
    TRANSFORM_ENVELOPED,
    q,
)

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
IDP = "https://idp.corp.test/metadata"
SP = "https://sp.example/saml/metadata"
ACS = "https://sp.example/saml/consume"
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True)
class Signer:
    key: Any
    certificate: x509.Certificate

    @property
    def der(self) -> str:
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


def certificate(
    key: Any,
    name: str = "idp.corp.test",
    *,
    begin: datetime = NOW - timedelta(days=100),
    end: datetime = NOW + timedelta(days=900),
    extensions: Sequence[x509.ExtensionType] = (),
    by: Signer | None = None,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(by.key if by else key, hashes.SHA256())


@cache
def rsa_signer(which: str = "idp", size: int = 2048, exponent: int = 65537) -> Signer:
    """A signer by its name; one key per name and session, because making them is slow."""
    key = rsa.generate_private_key(exponent, size)
    return Signer(key, certificate(key, "idp.corp.test"))


@cache
def ec_signer(curve: str = "secp256r1") -> Signer:
    kinds = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1, ec.SECP256K1, ec.BrainpoolP256R1)
    key = ec.generate_private_key(next(k for k in kinds if k.name == curve)())
    return Signer(key, certificate(key))


@cache
def dsa_signer() -> Signer:
    key = dsa.generate_private_key(2048)
    return Signer(key, certificate(key))


def text(
    parent: etree._Element, namespace: str, name: str, value: str | None = None, **attributes: str
) -> etree._Element:
    el = etree.SubElement(parent, q(namespace, name), attributes)
    el.text = value
    return el


def build_assertion(name_id: str = "ada@corp.test", role: str = "developer", **attributes: str) -> etree._Element:
    a = etree.Element(
        q(SAML, "Assertion"),
        {"ID": "_a1", "Version": "2.0", "IssueInstant": "2026-11-23T19:59:30Z"} | attributes,
        nsmap={"saml": SAML},
    )
    text(a, SAML, "Issuer", IDP)
    subject = text(a, SAML, "Subject")
    text(subject, SAML, "NameID", name_id, Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress")
    confirmation = text(subject, SAML, "SubjectConfirmation", Method="urn:oasis:names:tc:SAML:2.0:cm:bearer")
    text(confirmation, SAML, "SubjectConfirmationData", NotOnOrAfter="2026-11-23T20:05:00Z", Recipient=ACS)
    conditions = text(a, SAML, "Conditions", NotBefore="2026-11-23T19:59:00Z", NotOnOrAfter="2026-11-23T20:05:00Z")
    text(text(conditions, SAML, "AudienceRestriction"), SAML, "Audience", SP)
    authn = text(a, SAML, "AuthnStatement", AuthnInstant="2026-11-23T19:59:00Z", SessionIndex="_s1")
    text(
        text(authn, SAML, "AuthnContext"),
        SAML,
        "AuthnContextClassRef",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
    )
    statement = text(a, SAML, "AttributeStatement")
    for name, value in (("imagekit_id", "ik_7x2k"), ("full_name", "Ada Ng"), ("imagekit_role", role)):
        text(text(statement, SAML, "Attribute", Name=name), SAML, "AttributeValue", value)
    return a


def build(name_id: str = "ada@corp.test", role: str = "developer") -> etree._Element:
    """R[Issuer, Status, A[Issuer, Subject, Conditions, AuthnStatement, AttributeStatement]], unsigned."""
    r = etree.Element(
        q(SAMLP, "Response"),
        {"ID": "_r1", "Version": "2.0", "IssueInstant": "2026-11-23T19:59:30Z", "Destination": ACS},
        nsmap={"samlp": SAMLP, "saml": SAML},
    )
    text(r, SAML, "Issuer", IDP)
    text(text(r, SAMLP, "Status"), SAMLP, "StatusCode", Value="urn:oasis:names:tc:SAML:2.0:status:Success")
    r.append(build_assertion(name_id, role))
    return r


def the(root: etree._Element, *path: str) -> etree._Element:
    """The first element found by local names with prefix, e.g. the(r, "saml:Assertion", "saml:Subject")."""
    found = root.find("/".join(path), {"saml": SAML, "samlp": SAMLP, "ds": DS})
    assert found is not None
    return found


def c14n(el: etree._Element, method: str = C14N_EXCLUSIVE, prefixes: Sequence[str] = ()) -> bytes:
    lone = etree.fromstring(etree.tostring(el, with_tail=False))
    return etree.tostring(
        lone,
        method="c14n",
        exclusive=method.startswith(C14N_EXCLUSIVE),
        with_comments=method.endswith("WithComments"),
        inclusive_ns_prefixes=list(prefixes) or None,
    )


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def digest_of(data: bytes, method: str = DIGEST_SHA256) -> str:
    return b64(hashlib.new(DIGESTS[method], data).digest())


def raw_signature(signer: Signer, method: str, data: bytes) -> bytes:
    name, _, digest = SIGNATURES[method]
    algorithm = HASHES[digest]
    if isinstance(signer.key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        return signer.key.sign(data, pss if name.startswith("rsa-pss") else padding.PKCS1v15(), algorithm)
    if isinstance(signer.key, dsa.DSAPrivateKey):
        r, s = utils.decode_dss_signature(signer.key.sign(data, algorithm))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    r, s = utils.decode_dss_signature(signer.key.sign(data, ec.ECDSA(algorithm)))
    width = (signer.key.curve.key_size + 7) // 8
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def sign(
    el: etree._Element,
    signer: Signer | None = None,
    *,
    position: int = 1,
    parent: etree._Element | None = None,
    uri: str | None = "#",
    transforms: Sequence[str] = (TRANSFORM_ENVELOPED, C14N_EXCLUSIVE),
    method: str = C14N_EXCLUSIVE,
    algorithm: str | None = None,
    digest_method: str = DIGEST_SHA256,
    key_info: str | Callable[[etree._Element], None] | None = "x509",
    digest: str | None = None,
    value: str | None = None,
    prefixes: Sequence[str] = (),
    extra: Callable[[etree._Element], None] | None = None,
    prefix: str | None = "ds",
) -> etree._Element:
    """Sign an element by hand. `uri="#"` means "#" and its ID, None none; `extra` edits SignedInfo before signing."""
    signer = signer or rsa_signer()
    algorithm = algorithm or (SIG_RSA_SHA256 if isinstance(signer.key, rsa.RSAPrivateKey) else SIG_ECDSA_SHA256)
    reference_method = next((t for t in transforms if "c14n" in t), "http://www.w3.org/TR/2001/REC-xml-c14n-20010315")
    computed = digest if digest is not None else digest_of(c14n(el, reference_method, prefixes), digest_method)
    s = etree.Element(q(DS, "Signature"), nsmap={prefix: DS})
    info = etree.SubElement(s, q(DS, "SignedInfo"))
    _with_prefixes(etree.SubElement(info, q(DS, "CanonicalizationMethod"), Algorithm=method), prefixes)
    etree.SubElement(info, q(DS, "SignatureMethod"), Algorithm=algorithm)
    target = "#" + (el.get("ID") or "") if uri == "#" else uri
    reference = etree.SubElement(info, q(DS, "Reference"), {} if target is None else {"URI": target})
    steps = etree.SubElement(reference, q(DS, "Transforms"))
    for t in transforms:
        step = etree.SubElement(steps, q(DS, "Transform"), Algorithm=t)
        if "c14n" in t:
            _with_prefixes(step, prefixes)
    etree.SubElement(reference, q(DS, "DigestMethod"), Algorithm=digest_method)
    text(reference, DS, "DigestValue", computed)
    if extra:
        extra(info)
    (el if parent is None else parent).insert(position, s)
    made = value if value is not None else b64(raw_signature(signer, algorithm, c14n(info, method, prefixes)))
    text(s, DS, "SignatureValue", made)
    if key_info == "x509":
        text(text(text(s, DS, "KeyInfo"), DS, "X509Data"), DS, "X509Certificate", signer.der)
    elif callable(key_info):
        key_info(text(s, DS, "KeyInfo"))
    return s


def resign(signature: etree._Element, signer: Signer | None = None) -> None:
    """Recompute the SignatureValue over an edited SignedInfo."""
    info, value = the(signature, "ds:SignedInfo"), the(signature, "ds:SignatureValue")
    value.text = b64(raw_signature(signer or rsa_signer(), SIG_RSA_SHA256, c14n(info)))


def _with_prefixes(method: etree._Element, prefixes: Sequence[str]) -> None:
    if prefixes:
        etree.SubElement(method, q(EC, "InclusiveNamespaces"), PrefixList=" ".join(prefixes), nsmap={"ec": EC})


def rsa_key_value(signer: Signer) -> Callable[[etree._Element], None]:
    """A KeyInfo maker: the RSAKeyValue of the signer's key."""

    def make(info: etree._Element) -> None:
        numbers = signer.key.public_key().public_numbers()
        value = text(text(info, DS, "KeyValue"), DS, "RSAKeyValue")
        text(value, DS, "Modulus", b64(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")))
        text(value, DS, "Exponent", b64(numbers.e.to_bytes(3, "big")))

    return make


def x509_data(*values: str) -> Callable[[etree._Element], None]:
    """A KeyInfo maker: one X509Data with these X509Certificate texts."""

    def make(info: etree._Element) -> None:
        data = text(info, DS, "X509Data")
        for v in values:
            text(data, DS, "X509Certificate", v)

    return make


def stripped(el: etree._Element) -> etree._Element:
    """A deep copy without any signature."""
    clone = copy.deepcopy(el)
    clone.tail = None
    for s in list(clone.iter(q(DS, "Signature"))):
        parent = s.getparent()
        assert parent is not None
        parent.remove(s)
    return clone


def forged(el: etree._Element, victim: str = "victim@corp.test") -> etree._Element:
    """In place: another NameID and an administrator's role."""
    for name_id in el.iter(q(SAML, "NameID")):
        name_id.text = victim
    for attribute in el.iter(q(SAML, "Attribute")):
        if attribute.get("Name") == "imagekit_role":
            attribute[0].text = "account_administrator"
    return el


def xml(root: etree._Element) -> bytes:
    return etree.tostring(root)
