"""Checks of LogoutRequest and LogoutResponse: who ends whose session, and whether the other side may believe it.

Nobody is logged in by them. Signatures, encoding and XML are judged by the checks that judge them everywhere.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from app.saml.checks.common import attribute
from app.saml.checks.header import (
    children,
    is_from_sp,
    judge_destination,
    judge_id,
    judge_instant,
    judge_issuer,
    judge_signed,
    judge_version,
    our_names,
    place_of,
    root_of,
)
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem
from app.saml.checks.status import MEANINGS, WHOSE, short
from app.saml.instants import read_instant, span, stamp
from app.saml.likeness import show
from app.saml.names import SAML, SAMLP, STATUS_SUCCESS, STATUS_TOP_LEVEL, q
from app.saml.reading import claimed_issuer
from app.saml.xml import text_of

_NOBODY: Final = "Neither side's entity ID is configured, so there is nothing to compare with."
_NO_IDP_SLO: Final = "The logout address of the IdP is not configured, so there is nothing to compare with."
_NO_SP_SLO: Final = "The logout address of the service provider is not configured, so there is nothing to compare with."
_ONLY_REQUEST: Final = "Only a LogoutRequest has it."
_ONLY_RESPONSE: Final = "Only a LogoutResponse has it."
_WHY_SIGNED: Final = "A logout message that goes through the browser must be signed, or anybody could log people out."
_PARTIAL: Final = "PartialLogout"


def _is_answer(case: Case) -> bool:
    return case.kind == "LogoutResponse"


def _from_sp(case: Case) -> bool:
    return is_from_sp(root_of(case), case.expectation)


@check("logout-version", "the message says Version 2.0", cites="saml-core §3.2.1, §3.2.2", needs="logout")
def logout_version(case: Case) -> Outcome:
    """SAML 1.1 knows no logout, so anything but 2.0 is a mistake of a template."""
    return judge_version(case)


@check("logout-id", "the message has a proper ID", cites="saml-core §1.3.4, §3.2.1, §3.2.2", needs="logout")
def logout_id(case: Case) -> Outcome:
    """The answer names the request by its ID, and a signature names what it covers."""
    return judge_id(case)


@check(
    "logout-issueinstant",
    "the message was issued just now",
    cites="saml-core §3.2.1, §3.2.2",
    diagnose=Severity.WARNING,
    needs="logout",
)
def logout_issueinstant(case: Case) -> Outcome:
    """An old logout message is a saved one; replaying it must not log anybody out again."""
    return judge_instant(case)


@check(
    "logout-issuer",
    "the message comes from the configured IdP or service provider",
    cites="saml-profiles §4.4.4.1, §4.4.4.2",
    needs="logout",
)
def logout_issuer(case: Case) -> Outcome:
    """Either side may ask the other to end a session. Whoever else asks must not be heard."""
    e = case.expectation
    if _from_sp(case):
        return judge_issuer(case, our_names(e), "the configured service provider", _NOBODY)
    idp = (e.idp_entity_id,) if e.idp_entity_id else ()
    return judge_issuer(case, idp, "the configured identity provider", _NOBODY)


@check(
    "logout-destination",
    "the message goes to the other side's logout address",
    cites="saml-bindings §3.4.5.2, §3.5.5.2; saml-core §3.2.1, §3.2.2",
    needs="logout",
)
def logout_destination(case: Case) -> Outcome:
    """A message for another address is discarded, so that one service provider's cannot be used at another. Answers may
    have an address of their own (ResponseLocation)."""
    e = case.expectation
    ours = (e.logout_url,) if e.logout_url else ()
    if _from_sp(case):
        return judge_destination(case, e.idp_slo_urls, "the IdP's logout address", _NO_IDP_SLO)
    if e.idp_entity_id is not None and claimed_issuer(root_of(case)) == e.idp_entity_id:
        return judge_destination(case, ours, "our logout address", _NO_SP_SLO)
    # Nobody knows who sent it, so nobody knows to whom.
    return judge_destination(case, ours + e.idp_slo_urls, "the logout address of either side", _NO_SP_SLO)


@check("logout-nameid", "the request says whose session ends", cites="saml-core §3.7.1", needs="logout")
def logout_nameid(case: Case) -> Outcome:
    """The session is found by the NameID, which must be the one of the login, letter by letter and with its format and
    qualifiers."""
    if _is_answer(case):
        return not_applicable(_ONLY_REQUEST)
    names = children(case, q(SAML, "NameID"))
    hidden = children(case, q(SAML, "EncryptedID")) + children(case, q(SAML, "BaseID"))
    if len(names) + len(hidden) != 1:
        actual = str(len(names) + len(hidden))
        message = f"The LogoutRequest names {'nobody' if actual == '0' else actual + ' people'}; it must name one."
        return problem(message, expected="one NameID", actual=actual, at=place_of(case))
    if hidden:
        kind = etree.QName(hidden[0]).localname
        return note(f"The person is named by an {kind}, which is not looked into.", at=place_of(case, hidden[0]))
    text = text_of(names[0], place_of(case, names[0]))
    if not text.simple or not text.value.strip():
        what = "holds more than text" if not text.simple else "is empty"
        return problem(f"The NameID {what}.", expected="a plain name", actual=show(text.value), at=text.at)
    return ok("It says whose session ends.", actual=show(text.value), at=text.at)


@check(
    "logout-session-index",
    "the request says which session ends",
    cites="saml-profiles §4.4.4.1",
    severity=Severity.WARNING,
    needs="logout",
)
def logout_session_index(case: Case) -> Outcome:
    """A service provider names the SessionIndex that it got at login. Without one an IdP ends all sessions of the
    person, or finds none: AD FS answers with an error then."""
    if _is_answer(case):
        return not_applicable(_ONLY_REQUEST)
    found = children(case, q(SAMLP, "SessionIndex"))
    values = [show((e.text or "").strip(), 60) for e in found]
    if any(values):
        return ok("It says which session ends.", actual=", ".join(values[:4]), at=place_of(case, found[0]))
    if _from_sp(case):
        return problem(
            "The LogoutRequest names no SessionIndex, so the IdP cannot tell which session is meant.",
            expected="the SessionIndex of the login",
            actual="none",
            at=place_of(case),
        )
    return note("The IdP names no SessionIndex: all sessions of the person end.", at=place_of(case))


@check("logout-notonorafter", "the request has not expired", cites="saml-core §3.7.1", needs="logout")
def logout_notonorafter(case: Case) -> Outcome:
    """NotOnOrAfter says until when the request counts, so that it cannot be replayed for ever."""
    if _is_answer(case):
        return not_applicable(_ONLY_REQUEST)
    text = root_of(case).get("NotOnOrAfter")
    if text is None:
        return ok("It has no end (NotOnOrAfter), and need not have one.")
    at, end = attribute(place_of(case), "NotOnOrAfter"), read_instant(text)
    if end.at is None:
        message = f"NotOnOrAfter is not a proper date and time. {end.problem}"
        return problem(message, expected="for example 2026-11-23T20:36:00Z", actual=show(text, 80), at=at)
    if case.now - end.at >= case.expectation.policy.clock_skew:
        return problem(
            f"The LogoutRequest expired {span(case.now - end.at)} ago.",
            expected=f"an arrival before {stamp(end.at)}",
            actual=stamp(case.now),
            at=at,
        )
    return ok("It has not expired.", actual=text, at=at)


@check(
    "logout-in-response-to",
    "the answer says which request it answers",
    cites="saml-core §3.2.2; saml-profiles §4.4.4.2",
    needs="logout",
)
def logout_in_response_to(case: Case) -> Outcome:
    """A LogoutResponse that answers nothing that was asked must not be believed."""
    if not _is_answer(case):
        return not_applicable(_ONLY_RESPONSE)
    answered = root_of(case).get("InResponseTo")
    if not answered:
        message = "The LogoutResponse does not say which request it answers."
        return problem(message, expected="an InResponseTo", actual="none", at=place_of(case))
    at, wanted = attribute(place_of(case), "InResponseTo"), case.expectation.expected_request
    if wanted is None:
        return note("It was not compared with the requests that were sent.", actual=show(answered), at=at)
    if answered == wanted:
        return ok("It answers the expected request.", expected=wanted, actual=answered, at=at)
    message = "The LogoutResponse answers another request than the expected one."
    return problem(message, expected=wanted, actual=show(answered), at=at)


@check("logout-status", "the other side has ended the session", cites="saml-core §3.2.2.2, §3.7.3.2", needs="logout")
def logout_status(case: Case) -> Outcome:
    """Success means that the session ended everywhere; PartialLogout that some service providers were not reached, so
    that the person is still signed in there."""
    if not _is_answer(case):
        return not_applicable(_ONLY_RESPONSE)
    codes = status_codes(root_of(case))
    element = next(iter(children(case, q(SAMLP, "Status"))), None)
    at = place_of(case, element)
    if not codes or codes[0] not in STATUS_TOP_LEVEL:
        said = f"says “{show(codes[0], 80)}”" if codes and codes[0] else "says nothing"
        message = f"The LogoutResponse {said} about how it went; one of the four statuses must be given."
        return problem(message, expected=STATUS_SUCCESS, actual=show(codes[0]) if codes else "none", at=at)
    inner = [short(c) for c in codes[1:]]
    if codes[0] != STATUS_SUCCESS:
        # What the IdP says of itself is no fault of the message; see the verdict.
        severity = Severity.ERROR if _from_sp(case) else Severity.WARNING
        message = f"The logout failed: {explain_logout(codes)}."
        return problem(message, expected=STATUS_SUCCESS, actual=", ".join(codes), at=at, severity=severity)
    if _PARTIAL in inner:
        message = "The logout is partial: the person is still signed in at some service providers."
        return problem(message, expected=STATUS_SUCCESS, actual=_PARTIAL, at=at, severity=Severity.WARNING)
    return ok("The session has ended.", actual=STATUS_SUCCESS, at=at)


def status_codes(root: etree._Element) -> list[str]:
    """The Values of a LogoutResponse's status from the top level inwards; at most four, "" where one is missing."""
    codes: list[str] = []
    element = root.find(f"{q(SAMLP, 'Status')}/{q(SAMLP, 'StatusCode')}")
    while element is not None and len(codes) < 4:
        codes.append(element.get("Value") or "")
        element = element.find(q(SAMLP, "StatusCode"))
    return codes


def explain_logout(codes: list[str]) -> str:
    """A status that is not Success, in words."""
    inner = next((MEANINGS[short(c)] for c in reversed(codes) if short(c) in MEANINGS), None)
    return inner or WHOSE.get(short(codes[0]), short(codes[0]))


@check(
    "logout-signed",
    "the message is signed, in the way of its binding",
    cites="saml-profiles §4.4.4.1, §4.4.4.2; saml-bindings §3.4.4.1",
    needs="logout",
)
def logout_signed(case: Case) -> Outcome:
    """Logout messages travel through the browser, where anybody can write one. By HTTP-POST the signature stands in the
    message, by HTTP-Redirect beside it in the query."""
    return judge_signed(case, _WHY_SIGNED)
