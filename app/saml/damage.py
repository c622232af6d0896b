"""Why a signature fails, worked out on demand: what fails, whose key it is, and which usual damage explains it.

It decides nothing. A message whose damage can be undone was still damaged: nothing of this reaches a verdict, a claim
or accept(), and no module of the judgement may import it.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from lxml import etree

from app.saml import certificates as certs
from app.saml.errors import Problem
from app.saml.expectation import Expectation
from app.saml.names import DIGESTS, SIGNATURES
from app.saml.signature import canonical_form, digest_of, value_fits, without_signature
from app.saml.undo import Candidate, Damaged, registered
from app.saml.xml import Document, parse
from app.saml.xmldsig import RootKind, SignatureSyntax, read_signatures

if TYPE_CHECKING:
    from app.saml.report import Report

FailsAt = Literal["nothing", "structure", "algorithm", "reference", "digest", "value", "key", "canonicalization"]

#: In larger documents no damage is looked for.
MOST_BYTES: Final = 262_144
#: How many bytes are looked through at most for all signatures of a message; what is left out is said.
MOST_WORK: Final = 48_000_000
_MOST_CONFIGURED: Final = 20
_MOST_KNOWN: Final = 16
_DIGESTS: Final = ("sha256", "sha1", "sha512", "sha384")
#: Where a signature fails by the check that refuses it.
_BY_CHECK: Final[dict[str, FailsAt]] = {
    "signature-c14n": "canonicalization",
    "signature-transforms": "canonicalization",
    "signature-prefixlist": "canonicalization",
    "signature-reference-uri": "reference",
    "signature-reference-target": "reference",
    "signature-reference-count": "reference",
    "signature-position": "structure",
    "signature-digest": "structure",
    "signature-value": "structure",
}


@dataclass(frozen=True, slots=True)
class KeyFit:
    """One key, of the configuration or of the message, and whether the SignatureValue fits it.

    `fingerprint` is the SHA-256 of the certificate (hex), of the key alone where there is no certificate; the dates are
    then None. `fits` is None where it could not be tried. `resembles` says what it has in common with the other side.
    """

    fingerprint: str
    subject: str
    not_before: datetime | None
    not_after: datetime | None
    source: Literal["configured", "message"]
    fits: bool | None
    resembles: str


@dataclass(frozen=True, slots=True)
class Damage:
    """One usual damage, and whether undoing it gives what was signed.

    `canonical` are the bytes as they would be after undoing it (of SignedInfo where `of` says so). `explains` is True
    only where their digest (or the value over them) fits.
    """

    id: str
    title: str
    explains: bool
    sentence: str
    canonical: bytes = field(repr=False)
    of: Literal["content", "SignedInfo"] = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureExplanation:
    """One signature, explained. `covers` and `id` are the element it stands in, `where` and `line` its own place.

    `declared_digest` and `computed_digest` are base64; `canonical` are the bytes that were digested, `signed_info`
    those the value is over (both empty where the structure forbids to compute them). `damages` has what explains it
    last, before it what was tried in vain and changes anything.
    """

    covers: str
    id: str | None
    where: str
    line: int
    fails_at: FailsAt
    sentence: str
    digest_algorithm: str | None = None
    declared_digest: str | None = None
    computed_digest: str | None = None
    canonical: bytes = field(default=b"", repr=False)
    signed_info: bytes = field(default=b"", repr=False)
    keys: tuple[KeyFit, ...] = ()
    damages: tuple[Damage, ...] = ()

    @property
    def explained_by(self) -> tuple[Damage, ...]:
        """The damages that explain it: at most one of the content and one of SignedInfo."""
        return tuple(d for d in self.damages if d.explains)


def explain_signatures(report: Report) -> tuple[SignatureExplanation, ...]:
    """Explain every signature of a message, in document order, those of a decrypted assertion last. Never raises.

    Costs up to a second for a large damaged message, so it is asked for when somebody looks, and for no verdict.
    """
    kinds: dict[str, RootKind] = {"Response": "response", "Assertion": "assertion"}
    documents: list[tuple[bytes, RootKind]] = []
    if report.xml and report.kind in kinds:
        documents.append((report.xml, kinds[report.kind]))
    if report.decrypted_xml:
        documents.append((report.decrypted_xml, "assertion"))
    work = _Work(MOST_WORK)
    found: list[SignatureExplanation] = []
    for data, kind in documents:
        document = parse(data, report.expectation.policy.limits).document
        if document is not None:
            work.step = len(document.data)
            found += _explain_document(document, kind, report, work)
    return tuple(found)


@dataclass(slots=True)
class _Work:
    """How many bytes may still be looked through, and how many it are each time: those of the whole document."""

    left: int
    step: int = 0

    @property
    def is_too_large(self) -> bool:
        return self.step > MOST_BYTES

    def allows_one_more(self) -> bool:
        self.left -= self.step
        return self.left > 0


def _explain_document(
    document: Document, kind: RootKind, report: Report, work: _Work
) -> Iterator[SignatureExplanation]:
    try:
        syntaxes, _ = read_signatures(document.root, kind, report.expectation.policy)
    except (etree.LxmlError, ValueError):  # whatever made the judgement refuse it, is told there
        return
    for syntax in syntaxes:
        try:
            yield _explain(syntax, report, work)
        except (etree.LxmlError, ValueError, OverflowError) as e:
            yield replace(
                _blank(syntax),
                fails_at="canonicalization",
                sentence=f"The bytes that were signed cannot be computed ({type(e).__name__}), so nothing is compared.",
            )


def _blank(syntax: SignatureSyntax) -> SignatureExplanation:
    return SignatureExplanation(
        covers=etree.QName(syntax.parent).localname,
        id=syntax.id,
        where=syntax.at.path,
        line=syntax.at.line,
        fails_at="nothing",
        sentence="",
        digest_algorithm=DIGESTS.get(syntax.digest_method or "", syntax.digest_method),
        declared_digest=syntax.declared_digest,
    )


def _explain(syntax: SignatureSyntax, report: Report, work: _Work) -> SignatureExplanation:
    blank = _blank(syntax)
    expectation = report.expectation
    refused = syntax.refusals[:1] or syntax.objections[:1]
    if syntax.refusals or syntax.signed_info is None:
        keys = tuple(_keys(syntax, expectation, None))
        why = refused[0] if refused else Problem("signature-structure", "The signature has no SignedInfo.")
        return replace(blank, fails_at=_place_of(why), sentence=why.message, keys=keys)
    content = canonical_form(without_signature(syntax), syntax.reference_canonicalization)
    info = canonical_form(syntax.signed_info, syntax.canonicalization)
    algorithm = DIGESTS[syntax.digest_method or ""]
    computed = digest_of(algorithm, content)
    declared = base64.b64encode(syntax.digest_value or b"").decode()
    keys = tuple(_keys(syntax, expectation, info))
    digest_fits = computed == declared
    by_configured = any(k.fits for k in keys if k.source == "configured")
    told = replace(blank, computed_digest=computed, canonical=content, signed_info=info, keys=keys)
    if refused:
        return replace(told, fails_at=_place_of(refused[0]), sentence=refused[0].message)
    if digest_fits and by_configured:
        return _intact(told, syntax)
    damages: list[Damage] = []
    if not digest_fits:
        damages += _looked_for(_content(syntax, report, content), _digest_is(algorithm, declared), work, "content")
    value_damage = False
    if not by_configured and not any(k.fits for k in keys):
        sought = list(
            _looked_for(_signed_info(syntax, report, info), _value_fits(syntax, expectation), work, "SignedInfo")
        )
        value_damage = any(d.explains for d in sought)
        damages += sought
    fails_at: FailsAt = "digest"
    if digest_fits:
        named = syntax.key_info.certificates
        configured = {k.certificate for k in expectation.trusted_keys}
        stranger = bool(named and named[0] not in configured) or any(k.fits for k in keys if k.source == "message")
        fails_at = "key" if stranger and not value_damage else "value"
    told = replace(told, fails_at=fails_at, damages=tuple(damages))
    return replace(told, sentence=_sentence(told, expectation, work))


def _place_of(problem: Problem) -> FailsAt:
    if problem.check in _BY_CHECK:
        return _BY_CHECK[problem.check]
    return "algorithm" if problem.check.startswith("crypto-") else "structure"


def _intact(told: SignatureExplanation, syntax: SignatureSyntax) -> SignatureExplanation:
    """Digest and value fit a configured key; at most the policy has something against the methods."""
    against = next((c for c in syntax.concessions if c.severity is None), None)
    if against is None:
        return replace(told, sentence=f"The signature is good: the {told.covers} is what a configured key signed.")
    sentence = f"Digest and value fit, but the policy refuses it. {against.message}"
    return replace(told, fails_at=_place_of(against), sentence=sentence)


# Keys -----------------------------------------------------------------------------------------------------------------


def _keys(syntax: SignatureSyntax, expectation: Expectation, info: bytes | None) -> Iterator[KeyFit]:
    """The configured keys, then those of the message. `info` None: nothing is tried."""

    def fits(key: PublicKeyTypes | None) -> bool | None:
        if info is None or key is None or not certs.affordable(key):
            return None
        return value_fits(key, syntax.signature_method or "", syntax.signature_value or b"", info)

    inside = syntax.key_info.certificates
    configured = [k.certificate for k in expectation.trusted_keys[:_MOST_CONFIGURED]]
    for certificate in configured:
        same = certificate in inside
        resembles = "It is in the message, too." if same else _twin(certificate, inside, "the message")
        yield _fit(certificate, "configured", fits(certs.public_key(certificate)), resembles)
    for certificate in dict.fromkeys(inside):
        yield _fit(certificate, "message", fits(certs.public_key(certificate)), _resembles(certificate, expectation))
    key = syntax.key_info.key_value
    if key is not None and not any(certs.same_key(key, certs.public_key(c)) for c in inside):
        known = next((c for c in configured if certs.same_key(key, certs.public_key(c))), None)
        resembles = (
            f"It is the key of the configured certificate {certs.short(certs.fingerprint(known))}."
            if known is not None
            else "It is none of the configured keys; anybody can put a key of their own into a message."
        )
        mark = certs.key_fingerprint(key)
        yield KeyFit(mark, "a key without a certificate", None, None, "message", fits(key), resembles)


def _fit(
    certificate: x509.Certificate, source: Literal["configured", "message"], fits: bool | None, resembles: str
) -> KeyFit:
    return KeyFit(
        certs.fingerprint(certificate),
        certs.subject_text(certificate)[:200],
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        source,
        fits,
        resembles,
    )


def _twin(certificate: x509.Certificate, others: tuple[x509.Certificate, ...], where: str) -> str:
    """Whether the same key is on the other side in another certificate."""
    key = certs.public_key(certificate)
    if any(certs.same_key(key, certs.public_key(c)) for c in others):
        return f"Its key is in {where}, in another certificate."
    return ""


def _resembles(certificate: x509.Certificate, expectation: Expectation) -> str:
    """What a certificate of the message has in common with what is configured."""
    mark = certs.fingerprint(certificate)
    key = certs.public_key(certificate)
    for trusted in expectation.trusted_keys:
        if trusted.certificate == certificate:
            return "It is configured."
    for trusted in expectation.trusted_keys:
        if certs.same_key(key, certs.public_key(trusted.certificate)):
            known = certs.short(certs.fingerprint(trusted.certificate))
            return f"It holds the same key as the configured certificate {known}: the certificate was renewed."
    for issuer, keys in expectation.other_idps:
        if any(certs.fingerprint(k.certificate) == mark for k in keys):
            return f"It is the signing certificate of another identity provider here, {issuer}: another tenant."
    for trusted in expectation.trusted_keys:
        known_certificate = trusted.certificate
        if known_certificate.subject == certificate.subject:
            newer = certificate.not_valid_before_utc > known_certificate.not_valid_before_utc
            return (
                f"It has the subject of the configured certificate {certs.short(certs.fingerprint(known_certificate))} "
                f"and is {'newer' if newer else 'not newer'}: valid from {certificate.not_valid_before_utc:%Y-%m-%d} "
                f"to {certificate.not_valid_after_utc:%Y-%m-%d}. It looks like a rollover; a forger can imitate it."
            )
    for trusted in expectation.trusted_keys:
        if trusted.certificate.issuer == certificate.issuer:
            return "It has the issuer of a configured certificate and another subject: another tenant or application."
    if not expectation.trusted_keys:
        return "Nothing is configured that it could be compared with."
    return "It resembles no configured certificate: another tenant or application, or a forgery."


# Damages --------------------------------------------------------------------------------------------------------------

_Fits = Callable[[Candidate], bool]


def _digest_is(algorithm: str, declared: str) -> _Fits:
    return lambda c: digest_of(c.algorithm or algorithm, c.canonical) == declared


def _value_fits(syntax: SignatureSyntax, expectation: Expectation) -> _Fits:
    """Whether the value fits a configured key; or, of none, the key that the message names."""
    method, value = syntax.signature_method or "", syntax.signature_value or b""
    of_name = {name: uri for uri, (name, _, _) in SIGNATURES.items()}
    certificates = [k.certificate for k in expectation.trusted_keys[:_MOST_CONFIGURED]] or list(
        syntax.key_info.certificates[:2]
    )
    keys = [k for c in certificates if (k := certs.public_key(c)) is not None and certs.affordable(k)]
    return lambda c: any(
        value_fits(k, of_name[c.algorithm] if c.algorithm else method, value, c.canonical) for k in keys
    )


def _content(syntax: SignatureSyntax, report: Report, canonical: bytes) -> Damaged:
    declared = DIGESTS[syntax.digest_method or ""]
    return Damaged(
        copy=lambda before: without_signature(syntax, before),
        how=syntax.reference_canonicalization,
        canonical=canonical,
        algorithms=tuple(d for d in _DIGESTS if d != declared),
        known=_known(report),
    )


def _signed_info(syntax: SignatureSyntax, report: Report, canonical: bytes) -> Damaged:
    name, family, _ = SIGNATURES[syntax.signature_method or ""]

    def fresh(before: Callable[[etree._Element], None] | None) -> etree._Element:
        assert syntax.signed_info is not None
        steps: list[int] = []
        node = syntax.signed_info
        while (parent := node.getparent()) is not None:
            steps.append(parent.index(node))
            node = parent
        whole = copy.deepcopy(node)
        if before is not None:
            before(whole)
        for index in reversed(steps):
            whole = whole[index]
        return whole

    return Damaged(
        copy=fresh,
        how=syntax.canonicalization,
        canonical=canonical,
        algorithms=tuple(n for n, f, d in SIGNATURES.values() if f == family and n != name and d.startswith("sha")),
        is_signed_info=True,
    )


def _known(report: Report) -> tuple[str, ...]:
    """Values that may have stood where another stands now: those of the settings, and those of the message itself."""
    e = report.expectation
    values = [e.sp_entity_id, e.acs_url, e.default_sp_entity_id, e.idp_entity_id, report.name_id, report.issuer]
    values += [v for a in report.attributes for v in a.values[:4]]
    return tuple(dict.fromkeys(v for v in values if v and len(v) < 300))[:_MOST_KNOWN]


def _looked_for(damaged: Damaged, fits: _Fits, work: _Work, of: Literal["content", "SignedInfo"]) -> Iterator[Damage]:
    """Undo one damage after the other until one explains it. Of those in vain, the first that changes anything."""
    if work.is_too_large:
        return
    for row in registered():
        in_vain: Damage | None = None
        for candidate in _candidates(row.undo, damaged):
            if not work.allows_one_more():
                break
            if fits(candidate):
                sentence = f"{row.title}: it fits {candidate.what}."
                yield Damage(row.id, row.title, True, sentence, candidate.canonical, of)
                return
            if in_vain is None and candidate.canonical != damaged.canonical:
                sentence = f"Not this one: it does not fit {candidate.what}."
                in_vain = Damage(row.id, row.title, False, sentence, candidate.canonical, of)
        if in_vain is not None:
            yield in_vain
        if work.left <= 0:
            return


def _candidates(undo: Callable[[Damaged], Iterator[Candidate]], damaged: Damaged) -> Iterator[Candidate]:
    """What a row proposes; a row that cannot cope with a document proposes nothing more."""
    try:
        yield from islice(undo(damaged), 4_096)
    except (etree.LxmlError, ValueError):
        return


# Words ----------------------------------------------------------------------------------------------------------------


def _sentence(told: SignatureExplanation, expectation: Expectation, work: _Work) -> str:
    explained = {d.of: d for d in told.explained_by}
    of_value = any(k.fits for k in told.keys)
    if told.fails_at == "key":
        stranger = next((k for k in told.keys if k.source == "message"), None)
        fits = "and fits" if stranger is not None and stranger.fits else "and does not even fit"
        about = f" {stranger.resembles}" if stranger is not None else ""
        if not expectation.trusted_keys:
            return f"The content is intact, but no key is configured. The value {fits} the key inside the message."
        return (
            f"The content is intact, but no configured key made the signature; it names another key {fits} it.{about}"
        )
    if told.fails_at == "value":
        if "SignedInfo" in explained:
            return f"SignedInfo was damaged. {explained['SignedInfo'].sentence}"
        return _in_vain(
            "The content is intact, but the SignatureValue fits no key: SignedInfo or the value was changed.",
            work,
        )
    who = "The value fits, so that SignedInfo is intact." if of_value else "The SignatureValue fits no key either."
    if "SignedInfo" in explained:
        who = f"SignedInfo was damaged as well. {explained['SignedInfo'].sentence}"
    if "content" in explained:
        return f"The {told.covers} was changed after signing. {explained['content'].sentence} {who}"
    return _in_vain(
        f"The {told.covers} was changed after signing, or never was what was signed. {who}",
        work,
    )


def _in_vain(told: str, work: _Work) -> str:
    if work.is_too_large:
        return f"{told} It is larger than {MOST_BYTES // 1024} KiB, so no damage was looked for."
    if work.left <= 0:
        return f"{told} Not every usual damage was looked for, because the message is large."
    return (
        f"{told} None of the usual damages explains it, and a digest does not tell which value is another one: compare "
        "it with a message as the IdP sent it."
    )
