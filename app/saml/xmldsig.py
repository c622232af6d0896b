"""Reads ds:Signature elements strictly, before any crypto: what each says, and every rule of structure it breaks.

It computes no digest and verifies nothing; that is app.saml.signature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from lxml import etree

from app.saml.certificates import strict_base64
from app.saml.errors import Place, Problem
from app.saml.expectation import Limits, Policy
from app.saml.keyinfo import KeyInfo, listing, read_key_info
from app.saml.names import (
    C14N_11,
    C14N_EXCLUSIVE,
    C14N_EXCLUSIVE_COMMENTS,
    C14N_INCLUSIVE,
    C14N_INCLUSIVE_COMMENTS,
    DIGEST_SHA1,
    DIGEST_SHA256,
    DIGESTS,
    DS,
    EC,
    SAML,
    SAMLP,
    SIGNATURES,
    TRANSFORM_ENVELOPED,
    q,
)
from app.saml.xml import Places

#: What the root must be: a samlp:Response, a saml:Assertion, or one of the messages that carry no login.
RootKind = Literal["response", "assertion", "message"]

#: The inclusive methods that old stacks use: verified, refused under `strict` (saml-core §5.4.3).
INCLUSIVE: Final = frozenset(
    {"", C14N_INCLUSIVE, C14N_INCLUSIVE_COMMENTS, C14N_11, C14N_11 + "#WithComments"},
)
EXCLUSIVE: Final = frozenset({C14N_EXCLUSIVE, C14N_EXCLUSIVE_COMMENTS})
#: Signature and digest methods that a login may rest on (RFC 9231; SDP-ALG01).
ALLOWED_SIGNATURES: Final = frozenset(
    uri
    for uri, (_, family, digest) in SIGNATURES.items()
    if family in ("rsa", "ec") and digest[:3] == "sha" and digest != "sha1"
)
ALLOWED_DIGESTS: Final = frozenset(u for u, name in DIGESTS.items() if name in ("sha256", "sha384", "sha512"))
#: Digests too weak to be worth computing even for an explanation.
_BROKEN: Final = frozenset({"md5", "ripemd160"})

_SIGNATURE, _SIGNED_INFO, _VALUE = q(DS, "Signature"), q(DS, "SignedInfo"), q(DS, "SignatureValue")
_KEY_INFO, _OBJECT, _REFERENCE = q(DS, "KeyInfo"), q(DS, "Object"), q(DS, "Reference")
_C14N, _METHOD, _HMAC_LENGTH = q(DS, "CanonicalizationMethod"), q(DS, "SignatureMethod"), q(DS, "HMACOutputLength")
_TRANSFORMS, _TRANSFORM = q(DS, "Transforms"), q(DS, "Transform")
_DIGEST_METHOD, _DIGEST_VALUE = q(DS, "DigestMethod"), q(DS, "DigestValue")
_INCLUSIVE_NAMESPACES = q(EC, "InclusiveNamespaces")
_ASSERTION, _RESPONSE = q(SAML, "Assertion"), q(SAMLP, "Response")
_TOPS: Final[dict[RootKind, frozenset[str]]] = {
    "response": frozenset({_RESPONSE}),
    "assertion": frozenset({_ASSERTION}),
    "message": frozenset(q(SAMLP, n) for n in ("AuthnRequest", "LogoutRequest", "LogoutResponse")),
}

_NCNAME = re.compile(r"[^\W\d][\w.\-]*\Z")
_MOST_SIGNATURES: Final = 16


@dataclass(frozen=True, slots=True)
class Canonicalization:
    """A canonicalisation method and its InclusiveNamespaces PrefixList. Algorithm "" is the default, C14N 1.0."""

    algorithm: str
    prefixes: tuple[str, ...] = ()

    @property
    def exclusive(self) -> bool:
        return self.algorithm in EXCLUSIVE

    @property
    def with_comments(self) -> bool:
        return self.algorithm.endswith("WithComments")


@dataclass(slots=True, kw_only=True)
class SignatureSyntax:
    """What one ds:Signature says.

    `refusals` forbid any crypto with it; `objections` let it be computed for an explanation but never accepted;
    `concessions` are accepted where `tolerant` (the `diagnose` policy), those about SHA-1 also where `allows_sha1`, and
    then only warn. `in_place` is True where it stands directly in the Response or in the Response's Assertion.
    """

    element: etree._Element
    parent: etree._Element
    at: Place
    tolerant: bool = False
    allows_sha1: bool = False
    in_place: bool = False
    canonicalization: Canonicalization = Canonicalization("")
    signature_method: str | None = None
    uri: str | None = None
    reference_canonicalization: Canonicalization = Canonicalization("")
    digest_method: str | None = None
    digest_value: bytes | None = None
    declared_digest: str | None = None
    signature_value: bytes | None = None
    signed_info: etree._Element | None = None
    key_info: KeyInfo = field(default_factory=KeyInfo)
    refusals: list[Problem] = field(default_factory=list)
    objections: list[Problem] = field(default_factory=list)
    concessions: list[Problem] = field(default_factory=list)

    @property
    def problems(self) -> tuple[Problem, ...]:
        return (*self.refusals, *self.objections, *self.concessions)

    @property
    def id(self) -> str | None:
        """The ID of the element the signature stands in."""
        return self.parent.get("ID")

    def refuse(self, check: str, message: str, *, expected: str | None = None, actual: str | None = None) -> None:
        self.refusals.append(Problem(check, message, expected, actual, self.at))

    def object(self, check: str, message: str, *, expected: str | None = None, actual: str | None = None) -> None:
        self.objections.append(Problem(check, message, expected, actual, self.at))

    def concede(self, check: str, message: str, *, expected: str | None = None, actual: str | None = None) -> None:
        self._concede(Problem(check, message, expected, actual, self.at), self.tolerant)

    def concede_sha1(self, check: str, message: str, *, expected: str | None = None, actual: str | None = None) -> None:
        self._concede(Problem(check, message, expected, actual, self.at), self.accepts_sha1)

    def _concede(self, problem: Problem, allowed: bool) -> None:
        self.concessions.append(replace(problem, severity="warning") if allowed else problem)

    @property
    def accepts_sha1(self) -> bool:
        return self.tolerant or self.allows_sha1

    @property
    def acceptable(self) -> bool:
        """Whether a login may rest on this signature once its crypto is verified."""
        return not self.refusals and not self.objections and all(c.severity == "warning" for c in self.concessions)


def read_signatures(
    root: etree._Element, root_kind: RootKind, policy: Policy
) -> tuple[tuple[SignatureSyntax, ...], tuple[Problem, ...]]:
    """Every ds:Signature of the document in document order (at most 16), and what is wrong with their number."""
    found = list(root.iter(_SIGNATURE))
    problems: list[Problem] = []
    places = Places()
    if len(found) > _MOST_SIGNATURES:
        problems.append(
            Problem(
                "signature-single",
                f"The document holds {len(found)} signatures; a Response needs one or two. Only the first "
                f"{_MOST_SIGNATURES} were looked at, and none of the others can count.",
                expected="1 or 2",
                actual=str(len(found)),
                at=places(found[_MOST_SIGNATURES]),
            )
        )
    read = tuple(_read(s, root, root_kind, policy, places(s)) for s in found[:_MOST_SIGNATURES])
    return read, tuple(problems)


def _read(
    signature: etree._Element, root: etree._Element, root_kind: RootKind, policy: Policy, at: Place
) -> SignatureSyntax:
    parent = signature.getparent()
    syntax = SignatureSyntax(
        element=signature,
        parent=signature if parent is None else parent,
        at=at,
        tolerant=policy.name == "diagnose",
        allows_sha1=policy.allow_sha1,
    )
    _read_position(syntax, root, root_kind)
    if next(signature.iter(etree.Comment, etree.ProcessingInstruction), None) is not None:
        syntax.refuse(
            "signature-no-comments",
            "There is a comment or processing instruction inside the signature. Readers disagree about the values "
            "around it (CVE-2025-29775), so nothing in this signature is believed.",
        )
    if next(signature.iter(_HMAC_LENGTH), None) is not None:
        syntax.refuse(
            "crypto-hmac-length",
            "The signature carries an HMACOutputLength, which shortens the value until anybody can guess it "
            "(CVE-2009-0217). No SAML signature needs it.",
        )
    _read_parts(syntax)
    if syntax.signed_info is not None:
        _read_signed_info(syntax, syntax.signed_info, root, policy.limits)
    return syntax


def _read_position(syntax: SignatureSyntax, root: etree._Element, root_kind: RootKind) -> None:
    parent = syntax.parent
    right = root.tag in _TOPS[root_kind]
    syntax.in_place = right and (
        parent is root or (root_kind == "response" and parent.tag == _ASSERTION and parent.getparent() is root)
    )
    if not syntax.in_place and root_kind == "message":
        syntax.refuse(
            "signature-position",
            "A signature stands where none belongs. Only a signature directly in the message says anything about it.",
            expected="a child of the root element",
            actual=syntax.at.path,
        )
    elif not syntax.in_place:
        syntax.refuse(
            "signature-position",
            "A signature stands where none belongs. Only a signature directly in the Response or directly in its "
            "Assertion says anything about the login; elsewhere it is a sign of a wrapped (XSW) message.",
            expected="/samlp:Response/ds:Signature or /samlp:Response/saml:Assertion/ds:Signature",
            actual=syntax.at.path,
        )
    several = sum(1 for _ in parent.iterchildren(_SIGNATURE))
    if several > 1:
        syntax.refuse(
            "signature-single",
            f"The element holds {several} signatures. One element has one signature, otherwise two readers can "
            "believe different ones.",
            expected="1",
            actual=str(several),
        )


def _read_parts(syntax: SignatureSyntax) -> None:
    """The children of ds:Signature: SignedInfo, SignatureValue, KeyInfo (xmldsig-core §4.2)."""
    children = list(syntax.element.iterchildren("*"))
    if any(c.tag == _OBJECT for c in children):
        syntax.refuse(
            "signature-no-object",
            "The signature contains a ds:Object. SAML signatures have none (saml-core E91); wrapping attacks put "
            "the genuine message there.",
        )
    tags = _tags([c for c in children if c.tag != _OBJECT])
    if tags not in ([_SIGNED_INFO, _VALUE], [_SIGNED_INFO, _VALUE, _KEY_INFO]):
        syntax.refuse(
            "signature-structure",
            "The signature does not consist of one SignedInfo, one SignatureValue and at most one KeyInfo, in this "
            "order, so it is not clear which part would be verified and which part read.",
            expected="SignedInfo, SignatureValue, KeyInfo (optional)",
            actual=listing(tags),
        )
        return
    _, value, *key_info = (c for c in children if c.tag != _OBJECT)
    _only(syntax, syntax.element, {"Id"})
    _only(syntax, value, {"Id"}, text=True)
    syntax.signed_info = (
        children[0] if children[0].tag == _SIGNED_INFO else next(c for c in children if c.tag == _SIGNED_INFO)
    )
    syntax.signature_value = strict_base64(value.text)
    if not syntax.signature_value:
        syntax.object(
            "signature-value",
            "The SignatureValue is empty." if not (value.text or "").strip() else "The SignatureValue is not base64.",
            expected="the base64 of a signature",
            actual=(value.text or "")[:80],
        )
    if key_info:
        _only(syntax, key_info[0], {"Id"})
        syntax.key_info = read_key_info(key_info[0], syntax.at)
        syntax.refusals += syntax.key_info.refusals
        syntax.objections += syntax.key_info.objections


def _read_signed_info(
    syntax: SignatureSyntax, signed_info: etree._Element, root: etree._Element, limits: Limits
) -> None:
    """CanonicalizationMethod, SignatureMethod, Reference (xmldsig-core §4.4)."""
    references = sum(1 for _ in signed_info.iterchildren(_REFERENCE))
    if references != 1:
        syntax.refuse(
            "signature-reference-count",
            f"The signature has {references} references. A SAML signature has exactly one: to the element it "
            "stands in (saml-core §5.4.2).",
            expected="1",
            actual=str(references),
        )
        return
    children = list(signed_info.iterchildren("*"))
    if _tags(children) != [_C14N, _METHOD, _REFERENCE]:
        syntax.refuse(
            "signature-structure",
            "SignedInfo does not consist of one CanonicalizationMethod, one SignatureMethod and one Reference, in "
            "this order.",
            expected="CanonicalizationMethod, SignatureMethod, Reference",
            actual=listing(_tags(children)),
        )
        return
    c14n, method, reference = children
    _only(syntax, signed_info, {"Id"})
    _only(syntax, c14n, {"Algorithm"})
    _only(syntax, method, {"Algorithm"})
    _only(syntax, reference, {"Id", "URI", "Type"})
    if len(method) and method[0].tag != _HMAC_LENGTH:
        syntax.refuse("signature-structure", "SignatureMethod has parameters, which none of the usual methods take.")
    algorithm = c14n.get("Algorithm") or ""
    syntax.canonicalization = Canonicalization(algorithm, _read_prefixes(syntax, c14n, limits, "signature-c14n"))
    if algorithm in INCLUSIVE - {""}:
        _concede_inclusive(syntax, "signature-c14n", algorithm, "SignedInfo")
    elif algorithm not in EXCLUSIVE:
        syntax.refuse(
            "signature-c14n",
            "The canonicalisation method of SignedInfo is not one that SAML allows (saml-core §5.4.3).",
            expected=C14N_EXCLUSIVE,
            actual=algorithm or "none",
        )
    _read_signature_method(syntax, method.get("Algorithm") or "")
    _read_reference(syntax, reference, root, limits)


def _read_reference(syntax: SignatureSyntax, reference: etree._Element, root: etree._Element, limits: Limits) -> None:
    """Reference: URI, Transforms, DigestMethod, DigestValue (xmldsig-core §4.4.3)."""
    if (reference.get("Type") or "").endswith("#Manifest"):
        syntax.refuse("signature-no-object", "The reference is to a ds:Manifest. SAML signatures have none.")
    _read_uri(syntax, reference.get("URI"), root)
    children = list(reference.iterchildren("*"))
    if _tags(children) != [_TRANSFORMS, _DIGEST_METHOD, _DIGEST_VALUE]:
        missing = children and _tags(children) == [_DIGEST_METHOD, _DIGEST_VALUE]
        syntax.refuse(
            "signature-transforms" if missing else "signature-structure",
            "The reference has no transforms, but the signature stands inside what it signs: the enveloped-signature "
            "transform is missing."
            if missing
            else "The reference does not consist of Transforms, DigestMethod and DigestValue, in this order.",
            expected="Transforms, DigestMethod, DigestValue",
            actual=listing(_tags(children)),
        )
        return
    transforms, method, value = children
    _only(syntax, transforms, set())
    _only(syntax, method, {"Algorithm"})
    _only(syntax, value, set(), text=True)
    if len(method):
        syntax.refuse("signature-structure", "DigestMethod has parameters, which none of the usual methods take.")
    _read_transforms(syntax, transforms, limits)
    _read_digest_method(syntax, method.get("Algorithm") or "")
    syntax.declared_digest = (value.text or "").strip()[:200]
    syntax.digest_value = strict_base64(value.text)
    if not syntax.digest_value:
        syntax.object(
            "signature-digest",
            "The DigestValue is empty or not base64.",
            expected="the base64 of a digest",
            actual=syntax.declared_digest[:80],
        )


def _named(root: etree._Element, own_id: str) -> list[etree._Element]:
    """Every element that some reader could find by this ID, under whatever spelling and namespace of the attribute."""
    return [
        e
        for e in root.iter(etree.Element)
        if own_id in e.values()
        and any(v == own_id and k.rpartition("}")[2] in ("ID", "Id", "id") for k, v in e.items())
    ]


def _read_uri(syntax: SignatureSyntax, uri: str | None, root: etree._Element) -> None:
    syntax.uri = uri
    own = syntax.id
    expected = f"#{own}" if own else "# and the ID of the element, which has none"
    if uri == "" and syntax.parent is root:
        syntax.concede(
            "signature-reference-uri",
            'The reference has URI="", the whole document, instead of naming the ID of the element it stands in '
            "(saml-core §5.4.2). It is the same element here, but the position decides and not the name.",
            expected=expected,
            actual="",
        )
        return
    if uri is not None and own and uri == "#" + own:
        targets = _named(root, own)
        if len(targets) != 1 or targets[0] is not syntax.parent:
            syntax.refuse(
                "signature-reference-target",
                f"{len(targets)} elements answer to the ID that the reference names, so it is not clear which of "
                "them was signed.",
                expected="1",
                actual=str(len(targets)),
            )
        return
    if uri is None:
        message = "The reference has no URI, so it does not say what is signed."
    elif uri == "":
        message = 'The reference has URI="", the whole document, but the signature stands deeper.'
    elif uri.startswith("#xpointer") or not uri.startswith("#"):
        message = "The reference points outside of this document or by an expression. It was not followed."
    else:
        message = (
            "The signature is about another element than the one it stands in. What it stands in is not signed by "
            "it: the message may have been re-arranged (signature wrapping)."
        )
        targets = _named(root, uri[1:])
        if len(targets) != 1:
            syntax.refuse(
                "signature-reference-target",
                "The ID that the reference names belongs to no element of the message."
                if not targets
                else f"{len(targets)} elements answer to the ID that the reference names.",
                expected="1",
                actual=str(len(targets)),
            )
    syntax.refuse("signature-reference-uri", message, expected=expected, actual="none" if uri is None else uri[:200])


def _read_transforms(syntax: SignatureSyntax, transforms: etree._Element, limits: Limits) -> None:
    """[enveloped] or [enveloped, exclusive canonicalisation] (saml-core §5.4.4)."""
    number = len(transforms)
    algorithms = [t.get("Algorithm") or "" for t in transforms[: limits.transforms + 1]]
    allowed = f"{TRANSFORM_ENVELOPED}, then {C14N_EXCLUSIVE}"
    if number > limits.transforms or any(t.tag != _TRANSFORM for t in transforms[: limits.transforms + 1]):
        syntax.refuse(
            "signature-transforms",
            f"The reference has {number} transforms. SAML allows two: enveloped-signature and exclusive "
            "canonicalisation. None was applied.",
            expected=allowed,
            actual=", ".join(algorithms)[:300],
        )
        return
    for transform in transforms:
        _only(syntax, transform, {"Algorithm"})
    if algorithms[:1] != [TRANSFORM_ENVELOPED] or (
        len(algorithms) == 2 and algorithms[1] not in EXCLUSIVE | (INCLUSIVE - {""})
    ):
        known = {TRANSFORM_ENVELOPED, *EXCLUSIVE, *INCLUSIVE}
        foreign = [a for a in algorithms if a not in known]
        syntax.refuse(
            "signature-transforms",
            f"The reference uses the transform {foreign[0] or '(none named)'}, which SAML forbids because it can hide "
            "parts of the message from the signature. It was not applied."
            if foreign
            else "The transforms must be enveloped-signature first and then exclusive canonicalisation.",
            expected=allowed,
            actual=", ".join(algorithms)[:300],
        )
        return
    if len(transforms[0]):
        syntax.refuse("signature-transforms", "The enveloped-signature transform has content; it takes none.")
    if number == 2:
        prefixes = _read_prefixes(syntax, transforms[1], limits, "signature-transforms")
        syntax.reference_canonicalization = Canonicalization(algorithms[1], prefixes)
        if algorithms[1] in INCLUSIVE:
            _concede_inclusive(syntax, "signature-transforms", algorithms[1], "the signed element")


def _concede_inclusive(syntax: SignatureSyntax, check: str, algorithm: str, what: str) -> None:
    syntax.concede(
        check,
        f"The canonicalisation of {what} is the inclusive method, which makes the signature depend on namespaces "
        "declared around it. SAML asks for exclusive canonicalisation (saml-core §5.4.3); set that at the IdP.",
        expected=C14N_EXCLUSIVE,
        actual=algorithm,
    )


def _read_prefixes(syntax: SignatureSyntax, method: etree._Element, limits: Limits, check: str) -> tuple[str, ...]:
    """The InclusiveNamespaces PrefixList of an exclusive canonicalisation (xml-exc-c14n §3)."""
    if not len(method):
        return ()
    only = method[0]
    if (
        len(method) != 1
        or only.tag != _INCLUSIVE_NAMESPACES
        or method.get("Algorithm") not in EXCLUSIVE
        or len(only)
        or set(only.attrib) != {"PrefixList"}
    ):
        syntax.refuse(check, "The canonicalisation has content other than one InclusiveNamespaces with a PrefixList.")
        return ()
    tokens = tuple((only.get("PrefixList") or "").split())
    wrong = next((t for t in tokens if t != "#default" and not _NCNAME.match(t)), None)
    if len(tokens) > limits.prefixlist_tokens or wrong is not None:
        syntax.refuse(
            "signature-prefixlist",
            f"The PrefixList names {len(tokens)} prefixes, which makes canonicalisation expensive."
            if wrong is None
            else "The PrefixList holds something that is not a namespace prefix.",
            expected=f"at most {limits.prefixlist_tokens} prefixes",
            actual=str(len(tokens)) if wrong is None else wrong[:80],
        )
        return ()
    return tokens


def _read_signature_method(syntax: SignatureSyntax, uri: str) -> None:
    syntax.signature_method = uri
    if uri in ALLOWED_SIGNATURES:
        return
    name, family, digest = SIGNATURES.get(uri, (uri or "(none)", "", ""))
    asked = {"expected": "rsa-sha256, rsa-sha384, rsa-sha512 or ecdsa with the same", "actual": uri or "none"}
    if family in ("rsa", "ec") and digest == "sha1":
        syntax.concede_sha1("crypto-sha1", f"The signature method is {name}. {_SHA1}", **asked)
        syntax.concede_sha1(
            "crypto-sigalg", f"The signature method {name} is not on the list of those accepted.", **asked
        )
        return
    syntax.refuse("crypto-sigalg", f"The signature method {name} is not on the list of those accepted.", **asked)
    if family == "hmac":
        syntax.refuse(
            "crypto-no-hmac",
            f"The signature method is {name}, which needs a shared secret. With SAML the only key at hand is the "
            "public one, so anybody could have made this signature.",
            **asked,
        )
    elif family == "dsa":
        syntax.refuse("crypto-dsa", f"The signature method is {name}. DSA is withdrawn (FIPS 186-5).", **asked)
    elif digest in _BROKEN or not family:
        syntax.refuse(
            "crypto-md5",
            f"The signature method is {name}, which is broken." if family else "The signature method is not known.",
            **asked,
        )


def _read_digest_method(syntax: SignatureSyntax, uri: str) -> None:
    syntax.digest_method = uri
    if uri in ALLOWED_DIGESTS:
        return
    name = DIGESTS.get(uri, uri or "(none)")
    asked = {"expected": DIGEST_SHA256, "actual": uri or "none"}
    if uri == DIGEST_SHA1:
        syntax.concede_sha1("crypto-sha1", f"The digest method is SHA-1. {_SHA1}", **asked)
        syntax.concede_sha1("crypto-digest", "The digest method SHA-1 is not on the list of those accepted.", **asked)
        return
    syntax.refuse("crypto-digest", f"The digest method {name} is not on the list of those accepted.", **asked)
    if name in _BROKEN or uri not in DIGESTS:
        syntax.refuse("crypto-md5", f"The digest method {name} is broken or not known.", **asked)


_SHA1: Final = "SHA-1 collisions can be made to order, so it protects nothing any more; choose SHA-256 at the IdP."


def _only(
    syntax: SignatureSyntax,
    element: etree._Element,
    attributes: set[str],
    *,
    text: bool = False,
) -> None:
    """Refuse attributes that the specification does not give the element, and stray text or elements."""
    extra = [a for a in element.keys() if a not in attributes]  # noqa: SIM118  an lxml element is no dict
    stray = bool(len(element)) if text else _has_text(element)
    if not extra and not stray:
        return
    name = etree.QName(element).localname
    if extra:
        syntax.refuse(
            "signature-structure",
            f"{name} has an attribute it must not have.",
            expected=", ".join(sorted(attributes)) or "no attribute",
            actual=", ".join(extra[:5]),
        )
    if stray:
        syntax.refuse("signature-structure", f"{name} holds {'elements' if text else 'text'} where none belongs.")


def _has_text(element: etree._Element) -> bool:
    text = element.text
    if text and text.strip():
        return True
    return any(child.tail and child.tail.strip() for child in element)


def _tags(elements: list[etree._Element]) -> list[str]:
    return [str(e.tag) for e in elements]
