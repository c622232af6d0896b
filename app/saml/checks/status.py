"""What the identity provider answered: the Status of the Response. A refusal is not an invalid message."""

from __future__ import annotations

from typing import Final

from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem
from app.saml.likeness import show
from app.saml.message import Response
from app.saml.names import STATUS, STATUS_SUCCESS, STATUS_TOP_LEVEL

#: Second-level codes in words (saml-core §3.2.2.2).
MEANINGS: Final = {
    "AuthnFailed": "the person could not be authenticated",
    "InvalidAttrNameOrValue": "an attribute in the request was not understood",
    "InvalidNameIDPolicy": "the NameID format that was asked for cannot be given",
    "NoAuthnContext": "the authentication method that was asked for was not used",
    "NoAvailableIDP": "no identity provider could be reached",
    "NoPassive": "the person has no session and a silent login was asked for",
    "NoSupportedIDP": "none of the identity providers is supported",
    "PartialLogout": "not everybody could be logged out",
    "ProxyCountExceeded": "the request may not be passed on any further",
    "RequestDenied": (
        "the request was understood and refused, for example because the person is not assigned to the application"
    ),
    "RequestUnsupported": "requests of this kind are not supported",
    "RequestVersionDeprecated": "the SAML version of the request is outdated",
    "RequestVersionTooHigh": "the SAML version of the request is too new",
    "RequestVersionTooLow": "the SAML version of the request is too old",
    "ResourceNotRecognized": "the resource in the request is not known",
    "TooManyResponses": "there were too many results",
    "UnknownAttrProfile": "the attribute profile is not known",
    "UnknownPrincipal": "the person is not known to the identity provider",
    "UnsupportedBinding": "the binding that was asked for is not supported",
}
WHOSE: Final = {
    "Requester": "it finds fault with the request that the service provider sent",
    "Responder": "the reason lies at the identity provider itself",
    "VersionMismatch": "it does not speak the SAML version of the request",
}


def refused(response: Response | None) -> bool:
    """Whether a Response is a well-formed refusal: its top-level status is one of the three permitted errors."""
    top = response.status.codes[0] if response and response.status and response.status.codes else None
    return top in STATUS_TOP_LEVEL and top != STATUS_SUCCESS


def _response(case: Case) -> Response:
    assert case.response is not None
    return case.response


def short(code: str) -> str:
    """A status code without the URN in front: "AuthnFailed"."""
    return code.removeprefix(STATUS)


@check("status-present", "the Response has a status", cites="saml-core §3.2.2.1", needs="response")
def status_present(case: Case) -> Outcome:
    """Every Response tells whether the request succeeded. A missing status is not a success."""
    r = _response(case)
    if r.status is None:
        return problem("The Response has no Status.", expected=STATUS_SUCCESS, actual="none", at=r.at)
    if not r.status.codes or not r.status.codes[0]:
        return problem("The Status of the Response has no code.", expected=STATUS_SUCCESS, actual="", at=r.status.at)
    return ok("The Response has a status.", actual=show(r.status.codes[0]), at=r.status.at)


@check("status-toplevel", "the status is one of the four permitted ones", cites="saml-core §3.2.2.2", needs="response")
def status_toplevel(case: Case) -> Outcome:
    """On the top level only Success, Requester, Responder and VersionMismatch may stand; details belong one level
    below.
    """
    status = _response(case).status
    if status is None or not status.codes or not status.codes[0]:
        return not_applicable("There is no status code; see status-present.")
    code = status.codes[0]
    if code in STATUS_TOP_LEVEL:
        return ok("The status is one of the four permitted ones.", actual=code, at=status.at)
    if short(code) in MEANINGS:
        why = "It is a second-level code, which belongs inside Requester or Responder."
    elif code.lower() in {c.lower() for c in STATUS_TOP_LEVEL}:
        why = "Only its letter case differs from a permitted one."
    elif code.endswith(":Success"):
        why = "It only ends like Success; the whole value counts."
    else:
        why = "The specification knows four."
    return problem(
        f"The status code is not one that may stand on the top level. {why}",
        expected="Success, Requester, Responder or VersionMismatch",
        actual=show(code),
        at=status.at,
    )


@check("status-success", "the identity provider said yes", cites="saml-core §3.2.2.2", needs="response")
def status_success(case: Case) -> Outcome:
    """Anything but Success is a refusal by the identity provider: the message is fine, but nobody is logged in.

    Look for the reason in the sign-in log of the identity provider, not in the settings of the service provider.
    """
    status = _response(case).status
    if status is None or not status.codes or not status.codes[0]:
        return not_applicable("There is no status code; see status-present.")
    if status.codes[0] == STATUS_SUCCESS:
        return ok("The identity provider said yes.", expected=STATUS_SUCCESS, actual=STATUS_SUCCESS, at=status.at)
    return problem(
        f"The identity provider refused: {explain(status.codes)}.",
        expected=STATUS_SUCCESS,
        actual=show(" / ".join(c or "(none)" for c in status.codes[:4])),
        at=status.at,
    )


def explain(codes: tuple[str | None, ...]) -> str:
    """Status codes as a half sentence, the innermost one first."""
    names = [short(c) for c in codes if c]
    inner = next((MEANINGS[n] for n in reversed(names[1:]) if n in MEANINGS), None)
    whose = WHOSE.get(names[0]) if names else None
    said = "; ".join(s for s in (inner, whose) if s)
    return said or f"it answered {show(names[-1], 80)}" if names else "it gave no reason"


@check(
    "status-detail",
    "the reason of a refusal is told",
    cites="saml-core §3.2.2.2-4",
    severity=Severity.INFO,
    needs="response",
)
def status_detail(case: Case) -> Outcome:
    """Second-level code, message and detail are whatever the identity provider wrote: shown as plain text, never
    trusted.
    """
    status = _response(case).status
    if status is None:
        return not_applicable("There is no Status.")
    inner = [short(c) for c in status.codes[1:] if c]
    said = [f"{show(n, 80)} ({MEANINGS[n]})" if n in MEANINGS else show(n, 80) for n in inner]
    if status.message is not None and status.message.value.strip():
        said.append(f"message: {show(status.message.value.strip(), 300)}")
    if status.detail:
        said.append(f"detail: {show(status.detail, 300)}")
    if not said:
        return not_applicable("The status has no details.")
    unsigned = (
        ""
        if _response(case).provenance == "signed-by-response"
        else " It is not signed, so anybody may have written it."
    )
    return note(f"The identity provider adds: {'; '.join(said)}.{unsigned}", actual=said[0], at=status.at)


@check("status-error-no-assertion", "a refusal carries no assertion", cites="saml-profiles §4.1.4.2", needs="response")
def status_error_no_assertion(case: Case) -> Outcome:
    """A Response that refuses must not carry an assertion, and one that comes with a refusal is never used."""
    r = _response(case)
    if not refused(r):
        return not_applicable("The status is not one of the errors.")
    count = len(r.assertions) + r.encrypted_assertions
    if count:
        return problem(
            "The status is an error, and yet there is an assertion. It is not used.",
            expected="no assertion",
            actual=f"{count} assertion{'s' if count > 1 else ''}",
            at=r.assertions[0].at if r.assertions else r.at,
        )
    return ok("The refusal carries no assertion.")
