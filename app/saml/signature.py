"""Verifies the signatures of a message with two implementations, explains them, and rebuilds what they cover.

Ours (lxml canonicalisation and `cryptography`) runs first and can say why; what it accepts, signxml must accept too. It
reads nothing of what the signed element says, and the only elements it hands out are parsed from the digested bytes.
"""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, XMLVerifier

from app.saml import certificates as certs
from app.saml.errors import Place, Problem
from app.saml.expectation import Expectation, TrustedKey
from app.saml.names import DIGEST_SHA1, DIGESTS, SAML, SIG_ECDSA_SHA1, SIG_RSA_SHA1, SIGNATURES, q
from app.saml.xml import Document, canonical, hardened_parser
from app.saml.xmldsig import (
    ALLOWED_DIGESTS,
    ALLOWED_SIGNATURES,
    Canonicalization,
    RootKind,
    SignatureSyntax,
    read_signatures,
)

_ASSERTION: Final = q(SAML, "Assertion")
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303  only to explain a signature that is refused for it
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_SIGNATURE_METHODS: Final = frozenset(m for m in SignatureMethod if m.value in ALLOWED_SIGNATURES)
_DIGEST_METHODS: Final = frozenset(m for m in DigestAlgorithm if m.value in ALLOWED_DIGESTS)
_SHA1_SIGNATURES: Final = frozenset(m for m in SignatureMethod if m.value in (SIG_RSA_SHA1, SIG_ECDSA_SHA1))
_SHA1_DIGESTS: Final = frozenset(m for m in DigestAlgorithm if m.value == DIGEST_SHA1)
_MOST_EMBEDDED_TRIED: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFinding:
    """One ds:Signature, explained.

    `covers` is the local name of the element it stands in and `id` that element's ID. `digest_ok` and `value_ok` are
    None where nothing was computed; `value_ok` is True for a key out of the message as well: `trusted` tells them
    apart. `certificate` is the certificate whose key verified the value, `key` its SHA-256 fingerprint (hex),
    `trusted_number` its place (from 1) among the configured ones, 0 for none. `canonical` are the bytes that were
    digested. `agreed` is the second verifier's opinion, None where it was not asked. `refused` are the ids of the
    checks that speak against it; `status` is "valid" only for a trusted key, an agreeing second verifier and none.
    """

    covers: str
    id: str | None
    at: Place
    in_place: bool = False
    algorithm: str | None = None
    digest: str | None = None
    declared_digest: str | None = None
    computed_digest: str | None = None
    digest_ok: bool | None = None
    value_ok: bool | None = None
    key: str | None = None
    certificate: x509.Certificate | None = None
    trusted: bool = False
    trusted_key: TrustedKey | None = None
    trusted_number: int = 0
    embedded: tuple[x509.Certificate, ...] = ()
    repairs: tuple[str, ...] = ()
    reformatted: bool = False
    rollover: bool = False
    canonical: bytes = field(default=b"", repr=False)
    agreed: bool | None = None
    refused: tuple[str, ...] = ()
    status: Literal["valid", "invalid"] = "invalid"
    message: str = ""

    @property
    def embedded_fingerprints(self) -> tuple[str, ...]:
        """SHA-256 fingerprints (hex) of the certificates in KeyInfo."""
        return tuple([certs.fingerprint(c) for c in self.embedded])

    @property
    def embedded_verifies(self) -> bool:
        """Whether the value fits a key that is only inside the message."""
        return bool(self.value_ok) and not self.trusted


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What the signatures of a document are worth.

    The signed elements are parsed from the canonical bytes that a trusted key signed, and None otherwise. Where only
    the Response is signed, `signed_assertion` is the one Assertion child of `signed_response`; where the Assertion has
    a signature of its own, it comes from that one or not at all.
    """

    findings: tuple[SignatureFinding, ...] = ()
    problems: tuple[Problem, ...] = ()
    signed_response: etree._Element | None = None
    signed_assertion: etree._Element | None = None
    assertion_signed_by: Literal["assertion", "response"] | None = None


def verify_signatures(
    document: Document, expectation: Expectation, now: datetime, *, root_kind: RootKind = "response"
) -> Verification:
    """Verify every signature of a document (xmldsig-core §3.2; saml-core §5.4). Never raises.

    `root_kind` says what the root must be: a samlp:Response, a saml:Assertion (pasted bare, or decrypted), or a message
    that carries no login, of which no element is handed out. `now` is only used to tell an expired certificate from a
    current one in explanations.
    """
    try:
        syntaxes, problems = read_signatures(document.root, root_kind, expectation.policy)
        judged = [_judge(s, document, expectation, now, root_kind) for s in syntaxes]
    except Exception as e:  # noqa: BLE001  whatever a hostile document provokes is a rejection (CVE-2025-66568)
        return Verification(problems=(_failure(e, None),))
    return _together(document, root_kind, judged, list(problems))


@dataclass(slots=True)
class _Judged:
    finding: SignatureFinding
    problems: list[Problem]
    rebuilt: etree._Element | None = None


def _together(document: Document, root_kind: RootKind, judged: list[_Judged], problems: list[Problem]) -> Verification:
    """Put the single judgements together: which element may be read as what."""
    for j in judged:
        problems += j.problems
    of_response = next((j for j in judged if j.finding.covers == "Response" and j.finding.in_place), None)
    of_assertion = next((j for j in judged if j.finding.covers == "Assertion" and j.finding.in_place), None)
    response = of_response.rebuilt if of_response else None
    assertion: etree._Element | None = None
    by: Literal["assertion", "response"] | None = None
    if of_assertion is not None:
        assertion, by = of_assertion.rebuilt, "assertion"
    elif response is not None and root_kind == "response":
        children = list(response.iterchildren(_ASSERTION))
        assertion, by = (children[0], "response") if len(children) == 1 else (None, None)
    number = sum(1 for _ in document.root.iter(_ASSERTION))
    if number > 1 and (response is not None or assertion is not None):
        problems.append(
            Problem(
                "signature-binding",
                f"A signature is genuine, but the document holds {number} assertions, so the one that is signed need "
                "not be the one that is read. None is believed.",
                expected="1",
                actual=str(number),
            )
        )
        assertion = None
    return Verification(
        findings=tuple(j.finding for j in judged),
        problems=tuple(problems),
        signed_response=response,
        signed_assertion=assertion,
        assertion_signed_by=by if assertion is not None else None,
    )


# One signature --------------------------------------------------------------------------------------------------------


def _judge(
    syntax: SignatureSyntax, document: Document, expectation: Expectation, now: datetime, root_kind: RootKind
) -> _Judged:
    problems = list(syntax.problems)
    work = _Work(syntax, expectation, now, problems)
    if not syntax.refusals:
        try:
            work.compute()
            if work.accepted:
                work.confirm(document.data, root_kind)
        except Exception as e:  # noqa: BLE001  whatever a hostile document provokes is a rejection (CVE-2025-66568)
            problems.append(_failure(e, syntax.at))
            work.rebuilt = None
    valid = work.rebuilt is not None
    against = [p for p in problems if p.severity is None]
    if not valid and not against and not expectation.configured and work.value_ok and work.digest_ok:
        message = "The signature is intact, but no key of its sender is configured, so nobody vouches for it."
    else:
        message = work.praise() if valid else against[0].message if against else "The signature was not verified."
    finding = SignatureFinding(
        covers=etree.QName(syntax.parent).localname,
        id=syntax.id,
        at=syntax.at,
        in_place=syntax.in_place,
        algorithm=_name(SIGNATURES.get(syntax.signature_method or "", ("",))[0], syntax.signature_method),
        digest=_name(DIGESTS.get(syntax.digest_method or "", ""), syntax.digest_method),
        declared_digest=syntax.declared_digest,
        embedded=syntax.key_info.certificates,
        repairs=syntax.key_info.repairs,
        computed_digest=work.computed_digest,
        digest_ok=work.digest_ok,
        value_ok=work.value_ok,
        key=certs.fingerprint(work.certificate) if work.certificate else None,
        certificate=work.certificate,
        trusted=work.trusted_key is not None,
        trusted_key=work.trusted_key,
        trusted_number=work.trusted_number,
        reformatted=work.reformatted,
        rollover=work.rollover,
        canonical=work.canonical,
        agreed=work.agreed,
        refused=tuple(dict.fromkeys(p.check for p in against)),
        status="valid" if valid else "invalid",
        message=message,
    )
    return _Judged(finding, problems, work.rebuilt)


@dataclass(slots=True)
class _Work:
    """The computation of one structurally sound signature, step by step; what it finds out stays in its fields."""

    syntax: SignatureSyntax
    expectation: Expectation
    now: datetime
    problems: list[Problem]
    canonical: bytes = b""
    computed_digest: str | None = None
    digest_ok: bool | None = None
    value_ok: bool | None = None
    certificate: x509.Certificate | None = None
    trusted_key: TrustedKey | None = None
    trusted_number: int = 0
    reformatted: bool = False
    rollover: bool = False
    agreed: bool | None = None
    rebuilt: etree._Element | None = None

    @property
    def accepted(self) -> bool:
        """Whether our own verification lets the signature count."""
        return bool(self.digest_ok and self.value_ok and self.trusted_key and self.syntax.acceptable) and all(
            p.severity is not None for p in self.problems
        )

    def praise(self) -> str:
        name = SIGNATURES[self.syntax.signature_method or ""][0].upper()
        assert self.certificate is not None
        key = certs.short(certs.fingerprint(self.certificate))
        by = "verified by both implementations" if self.agreed else "verified by our own implementation alone"
        return f"{name} with key {key}, {by}."

    def problem(self, check: str, message: str, expected: str | None = None, actual: str | None = None) -> None:
        self.problems.append(Problem(check, message, expected, actual, self.syntax.at))

    def compute(self) -> None:
        """Reference digest and signature value by our own means (xmldsig-core §3.2)."""
        self._digest()
        self._value()

    def _digest(self) -> None:
        syntax = self.syntax
        target = without_signature(syntax)
        self.canonical = canonical_form(target, syntax.reference_canonicalization)
        algorithm = DIGESTS[syntax.digest_method or ""]
        if not self.canonical.startswith(b"<"):
            raise ValueError("canonicalisation gave nothing")
        self.computed_digest = digest_of(algorithm, self.canonical)
        self.digest_ok = base64.b64encode(syntax.digest_value or b"").decode() == self.computed_digest
        if self.digest_ok or not syntax.digest_value:
            return
        self.reformatted = self._was_reformatted(target, algorithm)
        what = etree.QName(syntax.parent).localname
        if self.reformatted:
            hint = (
                " Without the white space between its elements the digest is right: the message was re-formatted "
                "(pretty-printed) after signing. Take it from the browser's network log instead of an XML viewer."
            )
        elif b"&#xD;" in self.canonical:
            hint = " It contains carriage returns written as &#13;, which a Windows tool may have added."
        else:
            hint = " Some text, attribute or namespace in it is not what the IdP signed."
        self.problem(
            "signature-digest",
            f"The {what} was changed after it was signed: its digest is not the one that the signature states.{hint}",
            f"{algorithm} {syntax.declared_digest}",
            f"{algorithm} {self.computed_digest}",
        )

    def _was_reformatted(self, target: etree._Element, algorithm: str) -> bool:
        """Only a hint, never a pass: whether the digest fits once white space between elements is dropped."""
        drop_blank_text(target)
        data = canonical_form(target, self.syntax.reference_canonicalization)
        return digest_of(algorithm, data) == base64.b64encode(self.syntax.digest_value or b"").decode()

    def _value(self) -> None:
        syntax = self.syntax
        assert syntax.signed_info is not None
        if not syntax.signature_value:
            self.value_ok = False
            return
        data = canonical_form(syntax.signed_info, syntax.canonicalization)
        trusted, embedded = self.expectation.trusted_keys, syntax.key_info.certificates
        named = set(embedded)
        order = sorted(enumerate(trusted, 1), key=lambda pair: pair[1].certificate not in named)
        for number, key in order:
            public = certs.public_key(key.certificate)
            if self._fits(public, data):
                self.value_ok, self.certificate = True, key.certificate
                self.trusted_key, self.trusted_number = key, number
                self._compare_key_value(public)
                return
        inside = next(
            (c for c in embedded[:_MOST_EMBEDDED_TRIED] if self._fits(certs.public_key(c), data, foreign=True)), None
        )
        by_key_value = inside is None and self._fits(syntax.key_info.key_value, data, foreign=True)
        self.certificate = inside
        if inside is not None or by_key_value:
            self.value_ok = True
        elif trusted or embedded or syntax.key_info.key_value is not None:
            self.value_ok = False
        self._explain_value(data)

    def _fits(self, key: PublicKeyTypes | None, data: bytes, *, foreign: bool = False) -> bool:
        if key is None or (foreign and not certs.affordable(key)):
            return False
        return value_fits(key, self.syntax.signature_method or "", self.syntax.signature_value or b"", data)

    def _compare_key_value(self, key: PublicKeyTypes | None) -> None:
        stated = self.syntax.key_info.key_value
        if stated is not None and not certs.same_key(stated, key):
            self.problem(
                "signature-keyinfo-consistent",
                "The KeyValue in KeyInfo is not the key that made the signature (CVE-2019-1006).",
            )

    def _explain_value(self, data: bytes) -> None:
        """Say why no trusted key verifies: another key, another kind of key, or a damaged signature."""
        syntax, trusted = self.syntax, self.expectation.trusted_keys
        info = syntax.key_info
        name, family, _ = SIGNATURES[syntax.signature_method or ""]
        configured = [t.certificate for t in trusted]
        foreign = [c for c in info.certificates if c not in configured]
        inside = [certs.public_key(info.certificates[0])] if info.certificates else [info.key_value]
        stated: list[PublicKeyTypes | None] = [k for k in inside if k is not None]
        candidates = stated or [certs.public_key(c) for c in configured]
        if not self.value_ok and candidates and all(certs.key_family(k) != family for k in candidates):
            self.problem(
                "crypto-alg-key-type",
                f"The signature method is {name}, but the key is {certs.key_text(candidates[0])}. One of the two was "
                "changed without the other.",
                name,
                certs.key_text(candidates[0]),
            )
        if not trusted:
            if self.value_ok is False:
                self.problem(
                    "signature-value", "The SignatureValue does not even fit the key that is inside the message."
                )
            return
        if self.value_ok or (foreign and info.certificates[0] in foreign):
            self._explain_key(foreign[0] if foreign else None)
            return
        named = "the message names one of them" if info.certificates else "the message names no other key"
        tried = ", ".join(certs.short(certs.fingerprint(c)) for c in configured[:6])
        self.problem(
            "signature-value",
            f"The SignatureValue does not fit any trusted key ({tried}), although {named}: SignedInfo or the value was "
            f"changed after signing, or the key is another one.{self._value_hint(data)}",
            "a value made by a trusted key",
            f"{len(syntax.signature_value or b'')} bytes that fit none of them",
        )

    def _value_hint(self, data: bytes) -> str:
        syntax = self.syntax
        value = syntax.signature_value or b""
        family = SIGNATURES[syntax.signature_method or ""][1]
        keys = [certs.public_key(t.certificate) for t in self.expectation.trusted_keys]
        if family == "ec" and value[:1] == b"\x30":
            return " The value looks like DER; XML signatures hold the two numbers r and s side by side (RFC 4050)."
        sizes = [k.key_size // 8 for k in keys if isinstance(k, rsa.RSAPublicKey)]
        if family == "rsa" and sizes and len(value) not in sizes:
            return f" It is {len(value)} bytes long; the key makes values of {sizes[0]} bytes, so it was cut or padded."
        assert syntax.signed_info is not None
        tidied = copy.deepcopy(syntax.signed_info)
        drop_blank_text(tidied)
        unformatted = canonical_form(tidied, syntax.canonicalization)
        if unformatted != data and any(self._fits(k, unformatted) for k in keys):
            self.reformatted = True
            return " Without the white space inside SignedInfo it fits: the message was re-formatted after signing."
        return ""

    def _explain_key(self, stranger: x509.Certificate | None) -> None:
        trusted = self.expectation.trusted_keys
        expected = ", ".join(certs.short(certs.fingerprint(t.certificate)) for t in trusted[:6])
        fits = "fits" if self.value_ok else "does not fit it either, and fits no trusted key"
        if stranger is None:
            self.problem(
                "signature-key-trusted",
                "The message is signed by a key that is only inside the message (a KeyValue) and not one of the "
                "configured ones. Anybody can sign with a key of their own.",
                f"a key with fingerprint {expected}",
                "a KeyValue",
            )
            return
        mark = certs.fingerprint(stranger)
        subject = certs.subject_text(stranger)
        self.problem(
            "signature-key-trusted",
            f"The message is signed by a key that is only inside the message: its certificate {certs.short(mark)} "
            f"({subject[:120]}) is not configured, and the SignatureValue {fits}. {self._who_is(stranger)}",
            f"a key with fingerprint {expected}",
            mark,
        )

    def _who_is(self, stranger: x509.Certificate) -> str:
        mark = certs.fingerprint(stranger)
        for issuer, keys in self.expectation.other_idps:
            if any(certs.fingerprint(k.certificate) == mark for k in keys):
                return f"It is the signing certificate of another identity provider, {issuer}: the wrong one answered."
        for key in self.expectation.trusted_keys:
            known = key.certificate
            if known.subject == stranger.subject:
                self.rollover = True
                age = "newer" if stranger.not_valid_before_utc > known.not_valid_before_utc else "older"
                state = " (expired)" if stranger.not_valid_after_utc < self.now else ""
                return (
                    f"It has the same subject as the configured certificate and is {age}{state}: valid from "
                    f"{stranger.not_valid_before_utc:%Y-%m-%d} to {stranger.not_valid_after_utc:%Y-%m-%d}. The IdP has "
                    "probably changed its signing certificate: compare the fingerprint with the IdP's administrator "
                    "and load the IdP's current metadata."
                )
        return "Its subject is not that of the configured certificate: another tenant or application, or a forgery."

    # The second opinion and the binding -------------------------------------------------------------------------------

    def confirm(self, data: bytes, root_kind: RootKind) -> None:
        """Rebuild the element from the digested bytes, bind it, and ask the second verifier (security.md D.3)."""
        rebuilt = etree.fromstring(self.canonical, hardened_parser())
        syntax = self.syntax
        again = canonical_form(rebuilt, syntax.reference_canonicalization)
        if (rebuilt.tag, rebuilt.get("ID")) != (syntax.parent.tag, syntax.id) or again != self.canonical:
            self._unbound("The bytes that were signed do not give back the element that the signature stands in.")
            return
        if self.expectation.verifiers == "both":
            assert self.certificate is not None
            opinion = _second_opinion(data, syntax, root_kind, self.certificate)
            self.agreed = not isinstance(opinion, str)
            if isinstance(opinion, str):
                self.problem(
                    "signature-agreement",
                    f"Our verifier accepts the signature, the second one (signxml) does not: {opinion} The message is "
                    "refused until both agree; please report it.",
                    "both verifiers accept",
                    opinion,
                )
                return
            if opinion != (self.canonical, rebuilt.tag, rebuilt.get("ID")):
                self._unbound("The two verifiers do not mean the same bytes by what was signed.")
                return
        self.rebuilt = rebuilt

    def _unbound(self, message: str) -> None:
        self.problem("signature-binding", f"{message} The message is refused.")


@lru_cache(maxsize=64)
def _second_rules(of_root: bool, accepts_sha1: bool, certificate: x509.Certificate) -> SignatureConfiguration:
    """What signxml is to insist on; immutable, so that messages with the same certificate share it."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return SignatureConfiguration(
        require_x509=True,
        location="./" if of_root else f"./{_ASSERTION}/",
        expect_references=1,
        ignore_ambiguous_key_info=False,
        signature_methods=_SIGNATURE_METHODS | (_SHA1_SIGNATURES if accepts_sha1 else frozenset()),
        digest_algorithms=_DIGEST_METHODS | (_SHA1_DIGESTS if accepts_sha1 else frozenset()),
        verification_time=begin + (end - begin) / 2,
    )


def _second_opinion(
    data: bytes, syntax: SignatureSyntax, root_kind: RootKind, certificate: x509.Certificate
) -> tuple[bytes, object, str | None] | str:
    """What signxml says was signed (bytes, tag, ID), or why it refuses.

    A new XMLVerifier each time: one that is shared keeps state and gives wrong verdicts. The certificate's dates are
    not its business (cert-validity reports them), hence a time inside them. Its schema is left out for what the schema
    wrongly refuses and ours has examined: a PrefixList in CanonicalizationMethod, a certificate with PEM armour.
    """
    of_root = root_kind != "response" or syntax.parent.getparent() is None
    assert syntax.signed_info is not None
    beyond_schema = syntax.key_info.irregular or len(syntax.signed_info[0]) > 0
    try:
        result = XMLVerifier().verify(
            data,
            x509_cert=certificate,
            id_attribute="ID",
            validate_schema=not beyond_schema,
            parser=hardened_parser(),
            uri_resolver=None,
            hmac_key=None,
            expect_config=_second_rules(of_root, syntax.accepts_sha1, certificate),
        )
    except Exception as e:  # noqa: BLE001  it raises a dozen kinds (security.md D.4), each a rejection
        return f"{type(e).__name__}: {str(e).splitlines()[0][:200] if str(e) else 'no reason given'}."
    if isinstance(result, list) or result.signed_xml is None:
        return "it gave back no element."
    return result.signed_data, result.signed_xml.tag, result.signed_xml.get("ID")


# Small steps ----------------------------------------------------------------------------------------------------------


def without_signature(
    syntax: SignatureSyntax, before: Callable[[etree._Element], None] | None = None
) -> etree._Element:
    """The signed element in a copy of the document, with its own signature taken out (xmldsig-core §6.6.4).

    The whole document is copied, so that the namespaces which the element inherits stay in scope. `before` may change
    the copy while the signature is still in it, but not the order of its elements.
    """
    parent, root = syntax.parent, syntax.parent.getroottree().getroot()
    whole = copy.deepcopy(root)
    if before is not None:
        before(whole)
    target = whole if parent is root else whole[root.index(parent)]
    signature = target[parent.index(syntax.element)]
    previous, tail = signature.getprevious(), signature.tail
    target.remove(signature)  # takes the text behind it along, which is signed
    if tail and previous is not None:
        previous.tail = (previous.tail or "") + tail
    elif tail:
        target.text = (target.text or "") + tail
    return target


def drop_blank_text(element: etree._Element) -> None:
    """Drop the white space between elements, in place."""
    for node in element.iter():
        if len(node) and node.text and not node.text.strip():
            node.text = None
        if node is not element and node.tail and not node.tail.strip():
            node.tail = None


def canonical_form(element: etree._Element, how: Canonicalization) -> bytes:
    """The canonical bytes of an element in its context. Raises etree.C14NError."""
    return canonical(
        element,
        method="exclusive" if how.exclusive else "inclusive",
        with_comments=how.with_comments,
        prefixes=how.prefixes,
    )


def digest_of(algorithm: str, data: bytes) -> str:
    """The digest in base64. `algorithm` is a name of names.DIGESTS."""
    return base64.b64encode(hashlib.new(algorithm, data, usedforsecurity=False).digest()).decode()


def value_fits(key: PublicKeyTypes, method: str, value: bytes, data: bytes) -> bool:
    """Whether a SignatureValue fits (RFC 9231; ECDSA as r||s of fixed width, xmldsig-core1 §6.4.3)."""
    name, family, digest = SIGNATURES[method]
    algorithm = _HASHES[digest]
    try:
        if family == "rsa" and isinstance(key, rsa.RSAPublicKey):
            if name.startswith("rsa-pss"):
                key.verify(value, data, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
            else:
                key.verify(value, data, padding.PKCS1v15(), algorithm)
            return True
        if family == "ec" and isinstance(key, ec.EllipticCurvePublicKey):
            width = (key.curve.key_size + 7) // 8
            if len(value) != 2 * width:
                return False
            r, s = int.from_bytes(value[:width], "big"), int.from_bytes(value[width:], "big")
            key.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(algorithm))
            return True
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return False


def _name(short: str, uri: str | None) -> str | None:
    return short or (uri[:200] if uri else None)


def _failure(error: Exception, at: Place | None) -> Problem:
    return Problem(
        "signature-c14n-failure",
        "The signature could not be computed, so the message is refused. A failed canonicalisation must never count as "
        "an empty one (CVE-2025-66568).",
        "canonical bytes",
        f"{type(error).__name__}: {str(error)[:200]}",
        at,
    )
