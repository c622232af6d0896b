"""The verdict over what is no login (requests, messages about logging out, metadata), in a word and in a sentence.

It judges nothing itself: the checks have, and it says what they come to. It never claims that anybody would answer.
"""

from __future__ import annotations

from typing import Final, Literal

from app.saml.checks.header import is_from_sp
from app.saml.checks.logout import explain_logout, status_codes
from app.saml.checks.registry import Case, CheckResult, Status
from app.saml.message import Kind
from app.saml.names import MD, STATUS_SUCCESS, STATUS_TOP_LEVEL, q

OtherVerdict = Literal["accept", "reject", "refused-by-idp", "unknown"]

_IS_FOR: Final[dict[Kind, str]] = {
    "AuthnRequest": "the service provider sends it to the IdP, and the login comes back in a SAMLResponse",
    "LogoutRequest": "it ends a session and carries no login",
    "LogoutResponse": "it answers a LogoutRequest and carries no login",
    "EntityDescriptor": "it belongs in Settings and carries no login",
    "EntitiesDescriptor": "it holds several entities and carries no login",
}

_NO_NAMES: Final = frozenset({"The", "There", "A", "An", "Its", "It", "This", "No", "Neither"})


def verdict_of_other(case: Case, blocking: tuple[CheckResult, ...]) -> OtherVerdict:
    """accept: nothing wrong as far as judged; reject: something is; unknown: nothing to judge some of it by.

    A LogoutResponse of the IdP that says no is "refused-by-idp", as a login is. `blocking` are the error-severity
    checks that failed or were skipped.
    """
    if any(c.status is Status.FAIL for c in blocking):
        return "reject"
    if blocking:
        return "unknown"
    return "refused-by-idp" if _refusal(case) else "accept"


def headline_of_other(case: Case, verdict: str, why: str, warnings: int) -> str:
    """The verdict in one sentence that begins with what it is. `why` is the first cause, a sentence."""
    what = _what(case)
    if verdict == "refused-by-idp":
        return f"The identity provider did not log out: {explain_logout(_refusal(case))}."
    if verdict == "reject":
        return f"{what} is wrong: {_inner(why)}"
    if verdict == "unknown":
        return f"{what} was not judged to the end: {_inner(why)}"
    but = f" beyond {warnings} warning{'s' if warnings > 1 else ''}" if warnings else ""
    return f"{what} has nothing wrong with it{but}: {_IS_FOR[case.kind]}."


def _what(case: Case) -> str:
    if case.kind not in ("EntityDescriptor", "EntitiesDescriptor"):
        return f"This {case.kind}"
    root = case.document.root if case.document else None
    if root is None or case.kind == "EntitiesDescriptor":
        return "This aggregate of metadata"
    idp, sp = (root.find(q(MD, role)) is not None for role in ("IDPSSODescriptor", "SPSSODescriptor"))
    return "This IdP metadata" if idp and not sp else "This SP metadata" if sp and not idp else "This metadata"


def _inner(why: str) -> str:
    """A sentence to go on with after a colon: its first word is a capital no longer, unless it is a name."""
    return why[:1].lower() + why[1:] if why.partition(" ")[0] in _NO_NAMES else why


def _refusal(case: Case) -> list[str]:
    """The status codes of an IdP's LogoutResponse that is a well-formed refusal; empty for everything else."""
    if case.kind != "LogoutResponse" or case.document is None or is_from_sp(case.document.root, case.expectation):
        return []
    codes = status_codes(case.document.root)
    return codes if codes and codes[0] in STATUS_TOP_LEVEL and codes[0] != STATUS_SUCCESS else []
