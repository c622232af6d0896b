"""Every certificate of a message and of the configuration, with where it stands and what it did. It trusts nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from lxml import etree

from app.saml.certificates import affordable, fingerprint, public_key, read_embedded, subject_text
from app.saml.errors import Place
from app.saml.expectation import TrustedKey
from app.saml.keyfiles import CertificateFacts, certificate_facts
from app.saml.names import DS, MD, SAML, SAMLP, XENC, q
from app.saml.xml import Places, parse

_CERTIFICATE: Final = q(DS, "X509Certificate")
_KEY_INFO: Final = q(DS, "KeyInfo")
_MOST: Final = 40  # certificates of one document that are shown


class Unreadable(NamedTuple):
    """An X509Certificate that holds none: where it stands, and why in a sentence."""

    at: Place
    why: str


@dataclass(frozen=True, slots=True)
class ListedCertificate:
    """One certificate, once, wherever it occurs.

    `held` says in words where it occurs ("In the signature of the Assertion", "Configured: metadata"), `at` is its
    first place in the message. `verified` names the elements whose signature its key verified. `chain` says in a
    sentence how it hangs together with the others; `number` and `of` are its place in its KeyInfo, 0 for a configured
    one that the message does not hold.
    """

    facts: CertificateFacts
    pem: str = field(repr=False)
    held: tuple[str, ...]
    at: Place | None
    configured: bool
    verified: tuple[str, ...]
    chain: str
    number: int
    of: int


@dataclass(frozen=True, slots=True)
class CertificateList:
    """What list_certificates() found: configured ones first, then those of the message in document order."""

    certificates: tuple[ListedCertificate, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    left_out: int = 0


class _Seen(NamedTuple):
    certificate: x509.Certificate
    held: str
    at: Place | None
    number: int
    of: int


def list_certificates(
    documents: Iterable[bytes],
    trusted: Sequence[TrustedKey],
    verified: Mapping[str, tuple[str, ...]],
    *,
    known_test_keys: frozenset[str] = frozenset(),
) -> CertificateList:
    """The certificates of a message's documents (the decoded one, and what was encrypted in it) and of `trusted`.

    `verified` maps SHA-256 fingerprints (hex) to the names of the elements whose signature they verified.
    """
    seen = [_Seen(k.certificate, f"Configured: {k.source}", None, 0, 0) for k in trusted]
    unreadable: list[Unreadable] = []
    left_out = 0
    for data in documents:
        document = parse(data).document
        if document is None:
            continue
        places = Places()
        elements = list(document.root.iter(_CERTIFICATE))
        left_out += max(0, len(elements) - _MOST)
        numbers: dict[etree._Element | None, list[_Seen]] = {}
        for element in elements[:_MOST]:
            place = places(element)
            read = read_embedded(None if len(element) else element.text)
            if read.error:
                unreadable.append(Unreadable(place, read.error))
            info = next(element.iterancestors(_KEY_INFO), None)
            group = numbers.setdefault(info, [])
            for certificate in read.certificates:
                group.append(_Seen(certificate, _holder(element), place, len(group) + 1, 0))
        seen += [s._replace(of=len(group)) for group in numbers.values() for s in group]
    return CertificateList(tuple(_listed(seen, verified, known_test_keys)), tuple(unreadable), left_out)


def _listed(
    seen: Sequence[_Seen], verified: Mapping[str, tuple[str, ...]], known_test_keys: frozenset[str]
) -> Iterable[ListedCertificate]:
    by_print: dict[str, list[_Seen]] = {}
    for s in seen:
        by_print.setdefault(fingerprint(s.certificate), []).append(s)
    everyone = [group[0].certificate for group in by_print.values()]
    for mark, group in by_print.items():
        certificate = group[0].certificate
        inside = next((s for s in group if s.at is not None), None)
        yield ListedCertificate(
            facts=certificate_facts(certificate, known_test_keys=known_test_keys),
            pem=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"),
            held=tuple(dict.fromkeys(s.held for s in group)),
            at=inside.at if inside else None,
            configured=any(s.at is None for s in group),
            verified=verified.get(mark, ()),
            chain=_chain(certificate, everyone),
            number=inside.number if inside else 0,
            of=inside.of if inside else 0,
        )


def _chain(certificate: x509.Certificate, everyone: Sequence[x509.Certificate]) -> str:
    try:
        issuer, subject = certificate.issuer, certificate.subject
        if issuer == subject:
            return "Self-signed, as SAML certificates usually are."
        above = [c for c in everyone if c.subject == issuer and c != certificate]
    except ValueError:
        return "Its names cannot be read."
    if not above:
        return "Its issuer's certificate is not here; SAML does not need it."
    signer = next((c for c in above if _issued(certificate, c)), None)
    if signer is None:
        return f"It names {subject_text(above[0])} as issuer, but that key did not sign it."
    return f"Issued by {subject_text(signer)}, which is listed here too."


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if not affordable(public_key(issuer)):
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


_HOLDERS: Final = {
    q(XENC, "EncryptedKey"): "Names for whom the key of the encryption was made",
    q(MD, "KeyDescriptor"): "In the metadata",
}


def _holder(element: etree._Element) -> str:
    """Where an embedded certificate stands, in words."""
    for above in element.iterancestors():
        tag = str(above.tag)
        if tag in _HOLDERS:
            use = above.get("use")
            return f"{_HOLDERS[tag]}{f', for {use[:20]}' if use else ''}"
        if tag == q(DS, "Signature"):
            signed = above.getparent()
            name = etree.QName(signed).localname if signed is not None else "document"
            return f"In the signature of the {name}"
        if tag in (q(SAML, "SubjectConfirmationData"), q(SAMLP, "Extensions")):
            return f"In {etree.QName(above).localname}"
    return "In the message"
