"""What requests and messages about logging out have in common, and how it is judged. No checks in here.

It reads the root element and its direct children only; whether they are signed is the business of signature.py.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from app.saml.checks.common import attribute, exact
from app.saml.checks.registry import Case, Outcome, Severity, ok, problem, skipped
from app.saml.errors import Place
from app.saml.expectation import Expectation, TrustedKey
from app.saml.instants import iso, read_instant, span
from app.saml.likeness import difference, show
from app.saml.names import NAMEID_ENTITY, SAML, q
from app.saml.reading import claimed_issuer, kind_of
from app.saml.xml import text_of

_ISSUER: Final = q(SAML, "Issuer")
# Close to NCName (XML-NS §2), as in app.saml.xml.
_NCNAME: Final = re.compile(r"[^\W\d][\w.\-·]*\Z")


def root_of(case: Case) -> etree._Element:
    """The root of a case whose check `needs` a request or a message about logging out."""
    assert case.document is not None
    return case.document.root


def place_of(case: Case, element: etree._Element | None = None) -> Place:
    """Where an element stands; the root where none is given."""
    assert case.document is not None
    return case.document.places(case.document.root if element is None else element)


def children(case: Case, name: str) -> list[etree._Element]:
    """The direct children of the root with this Clark name."""
    return list(root_of(case).iterchildren(name))


def our_names(expectation: Expectation) -> tuple[str, ...]:
    """Every entity ID that the service provider may sign its messages with, the usual one first."""
    return tuple(n for n in (expectation.sp_entity_id, expectation.default_sp_entity_id) if n)


def is_from_sp(root: etree._Element, expectation: Expectation) -> bool:
    """Whether the service provider, not the identity provider, claims to have sent a message."""
    return kind_of(root) == "AuthnRequest" or claimed_issuer(root) in our_names(expectation)


def keys_of_sender(root: etree._Element, expectation: Expectation) -> tuple[TrustedKey, ...]:
    """The keys that count for a message: those of whoever claims to have sent it."""
    return expectation.sp_keys if is_from_sp(root, expectation) else expectation.trusted_keys


# How each is judged ---------------------------------------------------------------------------------------------------


def judge_version(case: Case) -> Outcome:
    root = root_of(case)
    version = root.get("Version")
    if version == "2.0":
        return ok("It says Version 2.0.", at=place_of(case))
    said = f"says version “{show(version, 20)}” instead of 2.0" if version else "has no Version"
    return problem(f"The {_kind(root)} {said}.", expected="2.0", actual=version or "none", at=place_of(case))


def judge_id(case: Case) -> Outcome:
    root = root_of(case)
    value, at = root.get("ID"), place_of(case)
    if not value:
        message = f"The {_kind(root)} has no ID, so no answer can refer to it."
        return problem(message, expected="an ID", actual="none", at=at)
    if not _NCNAME.match(value):
        return problem(
            f"The ID “{show(value, 60)}” does not begin with a letter or “_” or holds a character that no XML name may "
            "hold; Entra ID and others refuse it.",
            expected="a letter or “_” first",
            actual=show(value),
            at=attribute(at, "ID"),
        )
    return ok("Its ID is a proper one.", actual=show(value), at=attribute(at, "ID"))


def judge_instant(case: Case) -> Outcome:
    """IssueInstant there, readable, and recent as of the time of judging."""
    root = root_of(case)
    text = root.get("IssueInstant")
    if not text:
        message = f"The {_kind(root)} does not say when it was issued."
        return problem(message, expected="an IssueInstant", actual="none", at=place_of(case), severity=Severity.ERROR)
    at = attribute(place_of(case), "IssueInstant")
    instant, example = read_instant(text), "for example 2026-11-23T20:36:00Z"
    if instant.at is None or instant.zone == "none":
        why = instant.problem or "It does not say in which time zone it is."
        message = f"The IssueInstant is not a proper date and time. {why}"
        return problem(message, expected=example, actual=show(text, 80), at=at, severity=Severity.ERROR)
    policy = case.expectation.policy
    age = case.now - instant.at
    if age > policy.max_age + policy.clock_skew:
        return problem(
            f"The {_kind(root)} was issued {span(age)} ago. It is a saved one, and would not be answered today.",
            expected=f"not before {iso(case.now - policy.max_age - policy.clock_skew)}",
            actual=text,
            at=at,
        )
    if -age > policy.clock_skew:
        return problem(
            f"The {_kind(root)} was issued {span(age)} in the future: the sender's clock is ahead.",
            expected=f"not after {iso(case.now + policy.clock_skew)}",
            actual=text,
            at=at,
        )
    return ok("It was issued recently.", actual=text, at=at)


def judge_issuer(case: Case, wanted: tuple[str, ...], whose: str, unknown: str) -> Outcome:
    """One plain Issuer that is one of `wanted`; `whose` names them in a sentence, `unknown` says that there is none."""
    root = root_of(case)
    found = children(case, _ISSUER)
    if len(found) != 1 or not (found[0].text or "").strip():
        count = "no Issuer" if not found else "an empty Issuer" if len(found) == 1 else f"{len(found)} Issuers"
        message = f"The {_kind(root)} has {count}, so nobody knows who sent it."
        return problem(message, expected="one Issuer", actual=count, at=place_of(case))
    element = found[0]
    text = text_of(element, place_of(case, element))
    if element.get("Format") not in (None, NAMEID_ENTITY):
        return problem(
            "The Issuer has a Format that is not the one of entities.",
            expected=NAMEID_ENTITY,
            actual=show(element.get("Format") or ""),
            at=text.at,
        )
    if not wanted:
        return skipped(unknown)
    if exact(text) in wanted:
        return ok(f"The sender is {whose}.", expected=wanted[0], actual=text.value, at=text.at)
    why = difference(wanted[0], text.value) if text.value != wanted[0] else "There is more than text in it."
    return problem(
        f"The {_kind(root)} comes from somebody else than {whose}. {why}",
        expected=wanted[0],
        actual=show(text.value),
        at=text.at,
    )


def judge_destination(case: Case, wanted: tuple[str, ...], where: str, unknown: str) -> Outcome:
    """Destination is one of `wanted`, which `where` names; it may be left out only where nothing is signed."""
    root = root_of(case)
    actual = root.get("Destination")
    if actual is None:
        signed = is_signed(case)
        untidy = "is signed but has no Destination" if signed else "has no Destination. It is not signed, so this is "
        return problem(
            f"The {_kind(root)} {untidy}{'.' if signed else 'only untidy.'}",
            expected=wanted[0] if wanted else "a Destination",
            actual="none",
            at=place_of(case),
            severity=None if signed else Severity.WARNING,
        )
    if not wanted:
        return skipped(unknown)
    at = attribute(place_of(case), "Destination")
    if actual in wanted:
        return ok(f"It goes to {where}.", expected=actual, actual=actual, at=at)
    return problem(
        f"The {_kind(root)} goes to another address than {where}. {difference(wanted[0], actual)}",
        expected=", ".join(wanted[:4]),
        actual=show(actual),
        at=at,
    )


def is_signed(case: Case) -> bool:
    """Whether a signature covers the message: one directly in it, or one of the query that brought it."""
    return any(f.in_place for f in case.signatures) or case.decoded.signature is not None


def judge_signed(case: Case, why: str | None) -> Outcome:
    """Signed as its binding wants it. `why` says why it must be signed, None that it need not be.

    Whether a signature is any good is judged by the checks of signatures and by encoding-redirect-signature.
    """
    root, inside = root_of(case), next((f for f in case.signatures if f.in_place), None)
    binding = case.binding
    if binding == "HTTP-Redirect" and inside is not None:
        return problem(
            f"The {_kind(root)} came in an address and has a signature inside. There the query is signed, and the "
            "signature inside must be left out (it makes the address too long for some servers).",
            expected="SigAlg and Signature in the query",
            actual="ds:Signature inside",
            at=inside.at,
            severity=Severity.ERROR if why and case.decoded.signature is None else Severity.WARNING,
        )
    if is_signed(case):
        how = "inside" if inside is not None else "in its query"
        return ok(f"It is signed, {how}.", at=inside.at if inside is not None else place_of(case))
    if why is None:
        return ok("It is not signed, and need not be.")
    if binding is None:
        return skipped(
            f"{why} There is no signature inside, and the query that may have carried one was not given. Paste the "
            "whole address."
        )
    place = "SigAlg and Signature in the query" if binding == "HTTP-Redirect" else "a ds:Signature right after Issuer"
    message = f"{why} This {_kind(root)} is not signed."
    return problem(message, expected=place, actual="no signature", at=place_of(case))


def _kind(root: etree._Element) -> str:
    return etree.QName(root).localname
