"""Checks of how the message is built: which elements stand where, and how often. They read no signed content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from lxml import etree

from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem, skipped
from app.saml.errors import Place
from app.saml.message import Kind
from app.saml.names import DS, MD, SAML, SAML1, SAMLP, STATUS_SUCCESS, q
from app.saml.reading import what_is_this
from app.saml.schema import violations
from app.saml.xml import name_of

_ASSERTION: Final = q(SAML, "Assertion")
_ENCRYPTED: Final = q(SAML, "EncryptedAssertion")
_RESPONSE: Final = q(SAMLP, "Response")
_OLD_ASSERTION: Final = q(SAML1, "Assertion")
_SIGNATURE, _ISSUER = q(DS, "Signature"), q(SAML, "Issuer")
_ADVICE: Final = q(SAML, "Advice")
_MESSAGES: Final = (
    _RESPONSE,
    _ASSERTION,
    _ENCRYPTED,
    *(q(SAMLP, n) for n in ("AuthnRequest", "LogoutRequest", "LogoutResponse", "ArtifactResponse", "AttributeQuery")),
    *(q(MD, n) for n in ("EntityDescriptor", "EntitiesDescriptor")),
)
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+\Z")
_NOT_A_MESSAGE: Final = "This is no message that is known here."
_NOT_A_LOGIN: Final = "This is no login response."
#: The messages beside logins whose content model is known.
_ASKING: Final[tuple[Kind, ...]] = ("AuthnRequest", "LogoutRequest", "LogoutResponse")


def _root(case: Case, *others: Kind) -> etree._Element | None:
    """The root of a Response or bare Assertion (or of one of `others`); None for every other kind of document."""
    if case.document is None or case.kind not in ("Response", "Assertion", *others):
        return None
    return case.document.root


def _place(case: Case, el: etree._Element, attribute: str | None = None) -> Place:
    """The place of an element of the document, or of its attribute."""
    assert case.document is not None
    at = case.document.places(el)
    return Place(f"{at.path}/@{attribute}", at.line) if attribute else at


def _named(case: Case, *tags: str) -> Sequence[etree._Element]:
    """The elements of the document with one of these Clark names, however deep."""
    assert case.document is not None
    return case.document.named(*tags)


def _parts(case: Case) -> Sequence[etree._Element]:
    """Every Response and Assertion of the document, however deep."""
    parts: Sequence[etree._Element] | None = case.memo.get("structure")
    if parts is None:
        parts = case.memo["structure"] = _named(case, _RESPONSE, _ASSERTION)
    return parts


def _assertions(case: Case) -> Sequence[etree._Element]:
    """Every Assertion and EncryptedAssertion of the document, however deep, but not what Advice merely mentions."""
    found = _named(case, _ASSERTION, _ENCRYPTED)
    return [el for el in found if not _in_advice(el)] if _named(case, _ADVICE) else found


def _in_advice(el: etree._Element) -> bool:
    return next(el.iterancestors(_ADVICE), None) is not None


@check(
    "schema-valid",
    "elements stand in the order and number that the schema says",
    cites="saml-core, saml-schema-protocol-2.0, saml-schema-assertion-2.0, xmldsig-core-schema",
    diagnose=Severity.WARNING,
    needs="document",
)
def schema_valid(case: Case) -> Outcome | None:
    """The schema fixes which elements a message may hold, in which order, and which attributes they must have. Many
    attacks need an element where none belongs; honest IdPs fail this with home-made templates and vendor attributes."""
    root = _root(case, *_ASKING)
    if root is None:
        return not_applicable(_NOT_A_MESSAGE)
    found = violations(root, case.document)
    if not found:
        return ok("The message follows the schema.")
    more = f" There are {len(found) - 1} more such findings." if len(found) > 1 else ""
    first = found[0]
    return problem(first.message + more, expected=first.expected, actual=first.actual, at=first.at)


@check(
    "structure-response-root",
    "the document is a SAML 2.0 Response",
    cites="saml-core §3.3.3",
    needs="input",
)
def response_root(case: Case) -> Outcome | None:
    """People paste what they find: metadata, the AuthnRequest, a login page, a bare assertion. The root element decides
    what a document is, namespace included, and only a samlp:Response brings a login. Pasted metadata and requests are
    judged by rules of their own; where a login was posted they are refused."""
    expected = "samlp:Response"
    if case.document is not None:
        root = case.document.root
        if case.kind == "Response":
            return ok("The document is a Response.", at=_place(case, root))
        if case.is_other_kind:
            return note(what_is_this(root), actual=name_of(root), at=_place(case, root))
        return problem(what_is_this(root), expected=expected, actual=name_of(root), at=_place(case, root))
    rest = case.decoded.data or case.decoded.rest
    if not rest.strip() or rest.lstrip()[:1] != b"<" or b"samlp" not in rest[:4096]:
        return problem(what_is_this(rest), expected=expected, actual="no XML document")
    return skipped("The document could not be read.")


@check(
    "structure-version",
    "Response and Assertion say Version 2.0",
    cites="saml-core §2.3.3, §3.2.2, §4.1",
    needs="document",
)
def version(case: Case) -> Outcome | None:
    """A SAML 1.1 assertion looks similar and means other things. Every part must say 2.0 and be in the SAML 2.0
    namespace."""
    root = _root(case)
    if root is None:
        return not_applicable(_NOT_A_LOGIN)
    if (old := next(iter(_named(case, _OLD_ASSERTION)), None)) is not None:
        message = "The assertion is a SAML 1.x one (its namespace says 1.0). Change the application to SAML 2.0."
        return problem(message, expected=SAML, actual=SAML1, at=_place(case, old))
    for el in _parts(case):
        if el.get("Version") != "2.0":
            actual = el.get("Version")
            message = (
                f"{name_of(el)} says version {actual!r} instead of 2.0." if actual else f"{name_of(el)} has no Version."
            )
            return problem(message, expected="2.0", actual=actual, at=_place(case, el, "Version"))
    if case.assertion is not None and case.assertion.version != "2.0":
        message = "The decrypted Assertion does not say Version 2.0."
        return problem(message, expected="2.0", actual=case.assertion.version, at=case.assertion.at)
    return ok("Every part says Version 2.0.")


def _lacking(case: Case, attribute: str) -> Place | None:
    """The first Response or Assertion without this attribute."""
    for el in _parts(case):
        if not el.get(attribute):
            return _place(case, el)
    if case.assertion is not None:
        value = case.assertion.id if attribute == "ID" else case.assertion.issue_instant
        if not value:
            return case.assertion.at
    return None


@check(
    "structure-id-present",
    "Response and Assertion have an ID",
    cites="saml-core §2.3.3, §3.2.2",
    needs="document",
)
def id_present(case: Case) -> Outcome | None:
    """Without an ID a signature cannot name what it covers, and a replay cannot be recognised."""
    if _root(case) is None:
        return not_applicable(_NOT_A_LOGIN)
    if at := _lacking(case, "ID"):
        return problem(f"{_last(at)} has no ID.", expected="an ID", actual="nothing", at=at)
    return ok("Every part has an ID.")


@check(
    "structure-issueinstant",
    "Response and Assertion say when they were issued",
    cites="saml-core §2.3.3, §3.2.2",
    needs="document",
)
def issueinstant(case: Case) -> Outcome | None:
    """IssueInstant tells how old a message is. The specification requires it on the Response and on the Assertion."""
    if _root(case) is None:
        return not_applicable(_NOT_A_LOGIN)
    if at := _lacking(case, "IssueInstant"):
        return problem(f"{_last(at)} has no IssueInstant.", expected="an IssueInstant", actual="nothing", at=at)
    return ok("Every part says when it was issued.")


def _last(at: Place) -> str:
    return at.path.rpartition("/")[2] or "The message"


@check(
    "structure-single-assertion",
    "there is exactly one assertion in the whole document",
    cites="saml-profiles §4.1.4.2; saml2int SDP-IDP10; CVE-2022-41912",
    needs="document",
)
def single_assertion(case: Case) -> Outcome | None:
    """With two assertions, a program can verify one and read the other. The specification allows several; this service
    provider, as most, accepts one, plain or encrypted, and says so."""
    root = _root(case)
    if root is None:
        return not_applicable(_NOT_A_LOGIN)
    found = _assertions(case)
    if len(found) == 1:
        return ok("There is one assertion.", at=_place(case, found[0]))
    if not found:
        status = case.response.status if case.response else None
        if status is not None and status.codes and status.codes[0] != STATUS_SUCCESS:
            return not_applicable("The IdP refused, so there is no assertion.")
        return problem("The message contains no assertion, so nobody is logged in by it.", expected="1", actual="0")
    return problem(
        f"The message contains {len(found)} assertions; exactly one is accepted, because one could be verified and "
        "another used.",
        expected="1",
        actual=str(len(found)),
        at=_place(case, found[1]),
    )


@check(
    "structure-assertion-position",
    "the assertion is a direct child of the Response",
    cites="saml-core §3.3.3; Somorovsky et al. 2012 (XSW7, XSW8)",
    needs="document",
)
def assertion_position(case: Case) -> Outcome | None:
    """An assertion in Extensions, inside another assertion or inside a signature is how signature wrapping hides the
    genuine one. It has one place: directly in the Response."""
    root = _root(case)
    if root is None:
        return not_applicable(_NOT_A_LOGIN)
    found = _assertions(case)
    for el in found:
        if el.getparent() is not root and el is not root:
            message = f"An assertion stands inside {_parent(el)} instead of directly in the Response."
            return problem(message, expected="a child of samlp:Response", actual=_parent(el), at=_place(case, el))
    return ok("The assertion is in its place.") if found else not_applicable("There is no assertion.")


def _parent(el: etree._Element) -> str:
    parent = el.getparent()
    return name_of(parent) if parent is not None else "the document"


def _nested(case: Case, root: etree._Element) -> list[etree._Element]:
    return [
        el
        for el in _named(case, *_MESSAGES)
        if el is not root and not (el.getparent() is root and el.tag in (_ASSERTION, _ENCRYPTED))
    ]


@check(
    "structure-no-nested-message",
    "no other message is hidden inside",
    cites="Somorovsky et al. 2012 (XSW1, XSW2); CVE-2024-45409",
    needs="document",
)
def no_nested_message(case: Case) -> Outcome | None:
    """A genuine signed message inside a forged one lets careless software verify the inner and use the outer. An
    assertion in Advice, where proxying IdPs put it, is refused too when a login is decided, and warned of otherwise."""
    root = _root(case, *_ASKING)
    if root is None:
        return not_applicable(_NOT_A_MESSAGE)
    nested = _nested(case, root)
    if not nested:
        return ok("No message is nested in another.")
    first = next((el for el in nested if not _in_advice(el)), None)
    advised = first is None
    el = first if first is not None else nested[0]
    severity = Severity.WARNING if advised and case.expectation.policy.name == "diagnose" else Severity.ERROR
    where = "Advice" if advised else _parent(el)
    return problem(
        f"There is another {name_of(el)} inside {where}. Only one message at a time is accepted.",
        expected="no nested message",
        actual=f"{name_of(el)} in {where}",
        at=_place(case, el),
        severity=severity,
    )


@check(
    "structure-signature-order",
    "a signature stands right after the Issuer",
    cites="saml-core §2.3.3, §3.2.2",
    needs="document",
)
def signature_order(case: Case) -> Outcome | None:
    """The schema gives ds:Signature one place, right after saml:Issuer. Home-made IdPs append it at the end, which many
    service providers refuse."""
    root = _root(case)
    if root is None:
        return not_applicable(_NOT_A_LOGIN)
    seen = False
    for owner in _parts(case) if _named(case, _SIGNATURE) else ():
        for signature in owner.iterchildren(_SIGNATURE):
            seen = True
            before = signature.getprevious()
            while before is not None and not isinstance(before.tag, str):
                before = before.getprevious()
            if before is None or before.tag != _ISSUER:
                actual = f"after {name_of(before)}" if before is not None else "first"
                return problem(
                    f"ds:Signature must come right after saml:Issuer in {name_of(owner)}; here it stands {actual}.",
                    expected="right after saml:Issuer",
                    actual=actual,
                    at=_place(case, signature),
                )
    return ok("Every signature stands right after its Issuer.") if seen else not_applicable("Nothing is signed.")


@check("structure-subject", "the assertion is about somebody", cites="saml-profiles §4.1.4.2", needs="assertion")
def subject(case: Case) -> Outcome | None:
    """Without a Subject an assertion says nothing about who logs in; it is then an answer to an attribute query, not a
    login."""
    a = case.assertion
    if a is None or a.subject is not None:
        return ok("The assertion has a Subject.", at=a.subject.at if a and a.subject else None)
    return problem("The assertion has no Subject, so it is about nobody.", expected="a Subject", actual="none", at=a.at)


@check(
    "structure-authnstatement",
    "the assertion says that the user has logged in",
    cites="saml-profiles §4.1.4.2",
    needs="assertion",
)
def authnstatement(case: Case) -> Outcome | None:
    """Only an AuthnStatement says that somebody authenticated. An assertion with attributes alone answers another
    question, and must not become a login."""
    a = case.assertion
    assert a is not None
    count = len(a.authn_statements)
    if count == 0:
        message = "The assertion has no AuthnStatement: it does not say that anybody logged in."
        return problem(message, expected="one AuthnStatement", actual="none", at=a.at)
    if count > 1:
        return note(f"The assertion has {count} AuthnStatements; one is usual.", at=a.authn_statements[1].at)
    return ok("There is an AuthnStatement.", at=a.authn_statements[0].at)


@check(
    "structure-conditions-single",
    "the assertion has exactly one Conditions",
    cites="saml-core §2.5.1",
    needs="assertion",
)
def conditions_single(case: Case) -> Outcome | None:
    """Conditions say for whom and when the assertion is good. Without them it would be good for everybody and for ever;
    with two, a reader may take the wrong one."""
    a = case.assertion
    assert a is not None
    count = len(a.conditions)
    if count == 1:
        return ok("There is one Conditions element.", at=a.conditions[0].at)
    if count == 0:
        message = "The assertion has no Conditions, so it names neither an audience nor a time."
        return problem(message, expected="1", actual="0", at=a.at)
    message = f"The assertion has {count} Conditions elements."
    return problem(message, expected="1", actual=str(count), at=a.conditions[1].at)


@check(
    "structure-condition-unknown",
    "every condition is one that is understood",
    cites="saml-core §2.5.1.1",
    needs="assertion",
)
def condition_unknown(case: Case) -> Outcome | None:
    """A condition that is not understood may say that the assertion is not meant for us. The specification then calls
    it indeterminate, and it must not be used."""
    a = case.assertion
    assert a is not None
    for conditions in a.conditions:
        if conditions.unknown:
            kinds = ", ".join(conditions.unknown[:4])
            message = f"The assertion sets a condition that is not understood ({kinds}), so it must not be used."
            return problem(message, expected="known conditions", actual=kinds[:200], at=conditions.at)
    return ok("Every condition is understood.") if a.conditions else not_applicable("There are no Conditions.")


@check(
    "structure-onetimeuse-proxy",
    "there is at most one OneTimeUse and one ProxyRestriction",
    cites="saml-core §2.5.1.5, §2.5.1.6",
    severity=Severity.WARNING,
    needs="assertion",
)
def onetimeuse_proxy(case: Case) -> Outcome | None:
    """The specification allows each of them once. An assertion is used once here in any case."""
    a = case.assertion
    assert a is not None
    for conditions in a.conditions:
        if conditions.one_time_use > 1 or conditions.proxy_restrictions > 1:
            which = "OneTimeUse" if conditions.one_time_use > 1 else "ProxyRestriction"
            return problem(f"{which} stands more than once.", expected="once", actual="several times", at=conditions.at)
    return ok("OneTimeUse and ProxyRestriction stand at most once.")


@check(
    "structure-extensions-ignored",
    "it is told when there are Extensions or Advice, which are not read",
    cites="fedinterop IIP-EXT01",
    severity=Severity.INFO,
    needs="response",
)
def extensions_ignored(case: Case) -> Outcome | None:
    """Extensions and Advice may hold anything. They do not hurt, and nothing in them is used."""
    has = []
    if case.response is not None and case.response.has_extensions:
        has.append("Extensions")
    if case.assertion is not None and case.assertion.has_advice:
        has.append("Advice")
    if has:
        return note(f"The message has {' and '.join(has)}; nothing in there is used.")
    return ok("There are neither Extensions nor Advice.")


@check(
    "structure-string-limits",
    "identifiers have the lengths the specification allows",
    cites="saml-core §8.3.6, §8.3.7; saml2int SDP-G02",
    severity=Severity.WARNING,
    needs="assertion",
)
def string_limits(case: Case) -> Outcome | None:
    """Entity IDs have at most 1,024 characters, name identifiers 256. Databases cut longer ones, and two users become
    one."""
    a = case.assertion
    assert a is not None
    texts = [("The Issuer", i.text.value, 1024, i.text.at) for i in a.issuers]
    if a.subject is not None:
        texts += [("The NameID", n.text.value, 256, n.text.at) for n in a.subject.name_ids]
    texts += [("The name of an Attribute", x.name, 256, x.at) for x in a.attributes if x.name and len(x.name) > 256]
    for what, value, limit, at in texts:
        if len(value) > limit:
            message = (
                f"{what} has {len(value):,} characters; at most {limit:,} are usual, and databases cut longer ones."
            )
            return problem(message, expected=f"at most {limit:,}", actual=f"{len(value):,}", at=at)
    return ok("All identifiers have usual lengths.")


@check(
    "structure-uri-absolute",
    "values that must be URIs are absolute ones",
    cites="saml-core §1.3.2",
    severity=Severity.WARNING,
    needs="assertion",
)
def uri_absolute(case: Case) -> Outcome | None:
    """Issuer, Audience, Destination, Recipient, Method and Format are URIs, with a scheme in front. A bare host name
    works only while both sides write it in the same way."""
    a = case.assertion
    assert a is not None
    uris: list[tuple[str, str | None, Place]] = [("Issuer", i.text.value, i.text.at) for i in a.issuers]
    for conditions in a.conditions:
        for restriction in conditions.audience_restrictions:
            uris += [("Audience", x.value, x.at) for x in restriction.audiences]
    if a.subject is not None:
        uris += [("The NameID's Format", n.format, n.text.at) for n in a.subject.name_ids]
        for c in a.subject.confirmations:
            uris += [("Recipient", c.recipient, c.data_at or c.at), ("The confirmation's Method", c.method, c.at)]
    if case.response is not None:
        uris.append(("Destination", case.response.destination, case.response.at))
        if case.response.issuer is not None:
            uris.append(("The Response's Issuer", case.response.issuer.text.value, case.response.issuer.text.at))
    absolute: set[str] = set()  # most of them are the same
    for what, value, at in uris:
        if value is None or value in absolute:
            continue
        if not _ABSOLUTE.match(value.strip()):
            shown = f"“{value[:80]}”" if value.strip() else "empty"
            message = f"{what} is {shown}, which is not an absolute URI (such as https://idp.example/)."
            return problem(message, expected="an absolute URI", actual=value[:200], at=at)
        absolute.add(value)
    return ok("All URIs are absolute.")
