"""Signs an element with every field of the signature free to be wrong, and re-signs an edited one.

Two signers live here on purpose: this one, which will sign anything, and signxml's, which the good controls use so
that two implementations meet. Nothing here verifies.
"""

from __future__ import annotations

import base64
import copy
import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree
from signxml.algorithms import SignatureConstructionMethod
from signxml.signer import XMLSigner

from simulator import names
from simulator.keys import KeyPair, PrivateKey
from simulator.message import OMIT, Maybe, Omit
from simulator.names import DS, DSIG11, q

_HASHES: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "sha1": hashes.SHA1,  # broken algorithms are written here so that a service provider can be seen to refuse them
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_DIGESTS: Final = {names.SHA1: "sha1", names.SHA256: "sha256", names.SHA384: "sha384", names.SHA512: "sha512"}
_SIGNATURE_HASHES: Final = {
    names.RSA_SHA1: "sha1",
    names.RSA_SHA256: "sha256",
    names.RSA_SHA384: "sha384",
    names.RSA_SHA512: "sha512",
    names.PSS_SHA256: "sha256",
    names.ECDSA_SHA256: "sha256",
    names.ECDSA_SHA384: "sha384",
    names.ECDSA_SHA512: "sha512",
    names.DSA_SHA256: "sha256",
    names.HMAC_SHA256: "sha256",
}
_CURVE_NAMES: Final = {
    "secp256r1": "1.2.840.10045.3.1.7",
    "secp384r1": "1.3.132.0.34",
    "secp521r1": "1.3.132.0.35",
}
KeyInfo = Literal["x509", "none", "keyvalue", "keyvalue+x509", "x509+keyvalue", "keyname", "issuer-serial"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """One signature to make: what is signed, and every field as a knob. Defaults are the good ones.

    `key` is a name in the key ring, or bytes for an HMAC secret. `certificates` None: the key's own. `uri` None:
    "#" and the element's ID. `transforms` name algorithms; `prefix_list` goes into the exclusive one.
    `digest` and `value` replace what would be computed (base64). `position` -1 is the end. `in_response` puts the
    signature of the assertion under the Response. `engine` "signxml" uses the other implementation, and then
    only key, algorithms and keyinfo count.
    """

    target: Literal["assertion", "response"] = "assertion"
    key: str | bytes = "current"
    certificates: tuple[KeyPair, ...] | None = None
    position: int = 1
    in_response: bool = False
    uri: Maybe | None = None
    transforms: tuple[str, ...] = (names.ENVELOPED, names.EXCLUSIVE)
    c14n: str = names.EXCLUSIVE
    signature_algorithm: str | None = None
    digest_algorithm: str | None = None
    hash: str | None = None
    digest_hash: str | None = None
    keyinfo: KeyInfo = "x509"
    prefix: str | None = "ds"
    prefix_list: str | None = None
    digest: str | None = None
    value: str | None = None
    hmac_output_length: int | None = None
    der: bool = False
    engine: Literal["manual", "signxml"] = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One more Reference of a SignedInfo: its URI, the digest in base64, its transforms and its Type."""

    uri: str
    digest: str
    transforms: tuple[str, ...] = (names.EXCLUSIVE,)
    type: str | None = None
    digest_algorithm: str = names.SHA256


def canonical(element: etree._Element, method: str = names.EXCLUSIVE, prefix_list: str | None = None) -> bytes:
    """The canonical octets of an element.

    Where inherited namespaces count, it is serialised and parsed first: inside a document lxml loses those that a
    PrefixList names, and writes a spurious xmlns="" when it canonicalises inclusively.
    """
    exclusive = method.startswith(names.EXCLUSIVE)
    if not exclusive or prefix_list:
        element = etree.fromstring(etree.tostring(element, with_tail=False), _parser())
    return etree.tostring(
        element,
        method="c14n",
        exclusive=exclusive,
        with_comments=method.endswith("WithComments"),
        inclusive_ns_prefixes=prefix_list.split() if prefix_list and exclusive else None,
    )


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)


def digest(data: bytes, algorithm: str = "sha256") -> str:
    """The digest of octets in base64. `algorithm` is a short name or a DigestMethod URI."""
    return base64.b64encode(hashlib.new(_DIGESTS.get(algorithm, algorithm), data).digest()).decode()


def digest_of(element: etree._Element, method: str = names.EXCLUSIVE) -> str:
    """The SHA-256 digest, in base64, of an element's canonical octets without any signature in it."""
    return digest(canonical(without_signatures(element), method))


def without_signatures(element: etree._Element) -> etree._Element:
    """A copy of the element that holds no ds:Signature."""
    clone = copy.deepcopy(element)
    clone.tail = None
    for signature in clone.findall(f".//{q(DS, 'Signature')}"):
        parent = signature.getparent()
        if parent is not None:
            parent.remove(signature)
    return clone


def raw_sign(
    data: bytes, key: PrivateKey | bytes, hash_name: str = "sha256", *, pss: bool = False, der: bool = False
) -> bytes:
    """The signature octets as XML Signature writes them: PKCS#1 v1.5 or PSS, r‖s of fixed width, or an HMAC."""
    algorithm = _HASHES[hash_name]()
    if isinstance(key, bytes):
        mac = hmac.HMAC(key, algorithm)
        mac.update(data)
        return mac.finalize()
    if isinstance(key, rsa.RSAPrivateKey):
        if pss:
            return key.sign(data, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        return key.sign(data, padding.PKCS1v15(), algorithm)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        signed = key.sign(data, ec.ECDSA(algorithm))
        width = (key.key_size + 7) // 8
    else:
        signed = key.sign(data, algorithm)
        width = (key.parameters().parameter_numbers().q.bit_length() + 7) // 8
    if der:
        return signed
    r, s = decode_dss_signature(signed)
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def default_algorithm(key: PrivateKey | bytes) -> str:
    """The SignatureMethod that fits the key."""
    if isinstance(key, bytes):
        return names.HMAC_SHA256
    if isinstance(key, rsa.RSAPrivateKey):
        return names.RSA_SHA256
    if isinstance(key, dsa.DSAPrivateKey):
        return names.DSA_SHA256
    return {384: names.ECDSA_SHA384, 521: names.ECDSA_SHA512}.get(key.key_size, names.ECDSA_SHA256)


def hash_of_algorithm(algorithm: str) -> str:
    """The name of the hash of a SignatureMethod; that of SHA-256 for one that is not known."""
    return _SIGNATURE_HASHES.get(algorithm, "sha256")


@dataclass(slots=True)
class Parts:
    """What sign() needs beside the knobs, resolved from the key ring by the caller.

    The algorithms count where the knobs name none; None: those that fit the key.
    """

    key: PrivateKey | bytes
    certificates: Sequence[x509.Certificate] = ()
    extra_references: Sequence[Reference] = field(default_factory=tuple)
    signature_algorithm: str | None = None
    digest_algorithm: str | None = None


def fits(algorithm: str, key: object) -> bool:
    """Whether an algorithm can be used with the key: RSA's with RSA keys of ordinary size, ECDSA's with EC keys."""
    if isinstance(key, rsa.RSAPrivateKey):
        return algorithm in (names.RSA_SHA1, names.RSA_SHA256, names.RSA_SHA384, names.RSA_SHA512, names.PSS_SHA256)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return algorithm in (names.ECDSA_SHA256, names.ECDSA_SHA384, names.ECDSA_SHA512)
    return False


def sign(element: etree._Element, parts: Parts, how: Signing, parent: etree._Element | None = None) -> etree._Element:
    """Signs an element in place and returns the ds:Signature that was put in (xmldsig-core §3.1)."""
    if how.engine == "signxml":
        return _sign_with_signxml(element, parts, how)
    algorithm = how.signature_algorithm
    if algorithm is None:  # "" is an algorithm too: a wrong one
        algorithm = parts.signature_algorithm or default_algorithm(parts.key)
    digest_algorithm = how.digest_algorithm or parts.digest_algorithm or names.SHA256
    parent = element if parent is None else parent
    c14n_of_reference = next(
        (t for t in reversed(how.transforms) if t.startswith((names.EXCLUSIVE, names.INCLUSIVE))), None
    )
    data = canonical(element, c14n_of_reference or names.INCLUSIVE, how.prefix_list)
    uri: Maybe = how.uri if how.uri is not None else f"#{element.get('ID')}"
    reference = Reference(
        uri="" if isinstance(uri, Omit) else uri,
        digest=how.digest
        if how.digest is not None
        else digest(data, how.digest_hash or _DIGESTS.get(digest_algorithm, "sha256")),
        transforms=how.transforms,
        digest_algorithm=digest_algorithm,
    )
    signature = signature_element(
        references=(reference, *parts.extra_references),
        signature_algorithm=algorithm,
        c14n=how.c14n,
        prefix=how.prefix,
        prefix_list=how.prefix_list,
        hmac_output_length=how.hmac_output_length,
    )
    if isinstance(uri, Omit):
        first = signature.find(f".//{q(DS, 'Reference')}")
        assert first is not None
        del first.attrib["URI"]
    if how.position < 0:
        parent.append(signature)
    else:
        parent.insert(how.position, signature)
    put_value(signature, parts.key, how)
    add_keyinfo(signature, parts.key, parts.certificates, how.keyinfo)
    return signature


def signature_element(
    *,
    references: Sequence[Reference],
    signature_algorithm: str = names.RSA_SHA256,
    c14n: str = names.EXCLUSIVE,
    prefix: str | None = "ds",
    prefix_list: str | None = None,
    hmac_output_length: int | None = None,
) -> etree._Element:
    """A ds:Signature with an empty SignatureValue and no KeyInfo."""
    shapes = tuple([(r.type, r.transforms, r.digest_algorithm) for r in references])
    signature = copy.deepcopy(_blank(shapes, signature_algorithm, c14n, prefix, prefix_list, hmac_output_length))
    for r, element in zip(references, signature[0][2:], strict=True):
        element.set("URI", r.uri)
        element[-1].text = r.digest
    return signature


@functools.lru_cache(maxsize=64)
def _blank(
    references: tuple[tuple[str | None, tuple[str, ...], str], ...],
    signature_algorithm: str,
    c14n: str,
    prefix: str | None,
    prefix_list: str | None,
    hmac_output_length: int | None,
) -> etree._Element:
    """A ds:Signature without the values that differ from message to message: to be copied, which is quicker."""
    nsmap: Any = {prefix: DS}
    signature = etree.Element(q(DS, "Signature"), nsmap=nsmap)
    info = etree.SubElement(signature, q(DS, "SignedInfo"))
    # The PrefixList stands in the Transform only: the schema of XML Signature allows no child here.
    etree.SubElement(info, q(DS, "CanonicalizationMethod"), Algorithm=c14n)
    sig_method = etree.SubElement(info, q(DS, "SignatureMethod"), Algorithm=signature_algorithm)
    if hmac_output_length is not None:
        etree.SubElement(sig_method, q(DS, "HMACOutputLength")).text = str(hmac_output_length)
    for kind, transforms, digest_algorithm in references:
        reference = etree.SubElement(info, q(DS, "Reference"))
        if kind is not None:
            reference.set("Type", kind)
        reference.set("URI", "")
        if transforms:
            parent = etree.SubElement(reference, q(DS, "Transforms"))
            for t in transforms:
                transform = etree.SubElement(parent, q(DS, "Transform"), Algorithm=t)
                if prefix_list is not None and t.startswith(names.EXCLUSIVE):
                    _inclusive(transform, prefix_list)
        etree.SubElement(reference, q(DS, "DigestMethod"), Algorithm=digest_algorithm)
        etree.SubElement(reference, q(DS, "DigestValue"))
    etree.SubElement(signature, q(DS, "SignatureValue"))
    return signature


def _inclusive(parent: etree._Element, prefix_list: str) -> None:
    nsmap = {"ec": names.EXCLUSIVE}
    etree.SubElement(parent, q(names.EXCLUSIVE, "InclusiveNamespaces"), nsmap=nsmap, PrefixList=prefix_list)


def put_value(signature: etree._Element, key: PrivateKey | bytes, how: Signing | None = None) -> None:
    """Computes SignatureValue over the SignedInfo as it stands now: also how an edited SignedInfo is signed again."""
    how = how or Signing()
    info, value = _child(signature, "SignedInfo"), _child(signature, "SignatureValue")
    assert info is not None
    assert value is not None
    if how.value is not None:
        value.text = how.value
        return
    method, c14n = _child(info, "SignatureMethod"), _child(info, "CanonicalizationMethod")
    algorithm = (method.get("Algorithm") or "") if method is not None else ""
    hash_name = how.hash or _SIGNATURE_HASHES.get(algorithm, "sha256")
    c14n_method = (c14n.get("Algorithm") or names.EXCLUSIVE) if c14n is not None else names.EXCLUSIVE
    octets = raw_sign(canonical(info, c14n_method), key, hash_name, pss=algorithm == names.PSS_SHA256, der=how.der)
    if how.hmac_output_length is not None:
        octets = octets[: how.hmac_output_length // 8]
    value.text = base64.b64encode(octets).decode()


def _child(parent: etree._Element, name: str) -> etree._Element | None:
    return next(parent.iterchildren(q(DS, name)), None)


def add_keyinfo(
    signature: etree._Element, key: PrivateKey | bytes, certificates: Sequence[x509.Certificate], kind: KeyInfo
) -> None:
    """Appends KeyInfo of that kind; "none" appends nothing."""
    if kind == "none" or (isinstance(key, bytes) and not certificates):
        return
    if kind == "x509":
        signature.append(copy.deepcopy(_certified(tuple(certificates), signature.prefix)))
        return
    info = etree.SubElement(signature, q(DS, "KeyInfo"))
    for part in kind.split("+"):
        if part == "keyvalue" and not isinstance(key, bytes):
            info.append(key_value(key.public_key()))
        elif part == "x509":
            info.extend(copy.deepcopy(_certified(tuple(certificates), signature.prefix)))
        elif part == "keyname":
            name = certificates[0].fingerprint(hashes.SHA256()).hex() if certificates else "key"
            etree.SubElement(info, q(DS, "KeyName")).text = name
        elif part == "issuer-serial":
            data = etree.SubElement(info, q(DS, "X509Data"))
            serial = etree.SubElement(data, q(DS, "X509IssuerSerial"))
            etree.SubElement(serial, q(DS, "X509IssuerName")).text = certificates[0].issuer.rfc4514_string()
            etree.SubElement(serial, q(DS, "X509SerialNumber")).text = str(certificates[0].serial_number)


@functools.lru_cache(maxsize=64)
def _certified(certificates: tuple[x509.Certificate, ...], prefix: str | None) -> etree._Element:
    """A KeyInfo with the certificates: to be copied, because message after message has the same."""
    nsmap: Any = {prefix: DS}
    info = etree.Element(q(DS, "KeyInfo"), nsmap=nsmap)
    data = etree.SubElement(info, q(DS, "X509Data"))
    for certificate in certificates:
        etree.SubElement(data, q(DS, "X509Certificate")).text = certificate_text(certificate)
    return info


@functools.lru_cache(maxsize=64)
def certificate_text(certificate: x509.Certificate) -> str:
    """The DER of a certificate in base64 on one line."""
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def _number(value: int) -> str:
    return base64.b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()


def key_value(public: object) -> etree._Element:
    """A ds:KeyValue of an RSA, DSA or EC public key (xmldsig-core §4.5.2)."""
    element = etree.Element(q(DS, "KeyValue"), nsmap={"ds": DS})
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        value = etree.SubElement(element, q(DS, "RSAKeyValue"))
        etree.SubElement(value, q(DS, "Modulus")).text = _number(numbers.n)
        etree.SubElement(value, q(DS, "Exponent")).text = _number(numbers.e)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        value = etree.SubElement(element, q(DSIG11, "ECKeyValue"), nsmap={"dsig11": DSIG11})
        oid = _CURVE_NAMES.get(public.curve.name, "0.0")
        etree.SubElement(value, q(DSIG11, "NamedCurve"), URI=f"urn:oid:{oid}")
        point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        etree.SubElement(value, q(DSIG11, "PublicKey")).text = base64.b64encode(point).decode()
    elif isinstance(public, dsa.DSAPublicKey):
        numbers_dsa = public.public_numbers()
        value = etree.SubElement(element, q(DS, "DSAKeyValue"))
        for tag, number in (
            ("P", numbers_dsa.parameter_numbers.p),
            ("Q", numbers_dsa.parameter_numbers.q),
            ("G", numbers_dsa.parameter_numbers.g),
            ("Y", numbers_dsa.y),
        ):
            etree.SubElement(value, q(DS, tag)).text = _number(number)
    return element


def _sign_with_signxml(element: etree._Element, parts: Parts, how: Signing) -> etree._Element:
    """Signs with signxml: the second implementation, for the controls that must be accepted."""
    assert not isinstance(parts.key, bytes)
    alone = etree.fromstring(etree.tostring(element, with_tail=False), _parser())
    placeholder = etree.Element(q(DS, "Signature"), nsmap={"ds": DS}, Id="placeholder")
    alone.insert(how.position, placeholder)
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=how.signature_algorithm or parts.signature_algorithm or default_algorithm(parts.key),
        digest_algorithm=how.digest_algorithm or parts.digest_algorithm or names.SHA256,
        c14n_algorithm=names.EXCLUSIVE,
    )
    signed = signer.sign(alone, key=parts.key, cert=list(parts.certificates), reference_uri=element.get("ID"))
    signature = signed.find(q(DS, "Signature"))
    assert signature is not None
    if how.keyinfo == "none":
        info = signature.find(q(DS, "KeyInfo"))
        if info is not None:
            signature.remove(info)
    element.insert(how.position, signature)
    return signature


__all__ = [
    "OMIT",
    "Parts",
    "Reference",
    "Signing",
    "add_keyinfo",
    "canonical",
    "certificate_text",
    "digest",
    "digest_of",
    "key_value",
    "put_value",
    "raw_sign",
    "sign",
    "signature_element",
    "without_signatures",
]
