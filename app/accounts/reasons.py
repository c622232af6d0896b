"""Why an attempt ended as it did: stable categories, exact codes, and what to tell operator and user.

It maps failed checks to reason codes; it runs no check and decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from app.saml.checks.registry import CheckResult
    from app.saml.report import Report


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: `code` is exact and stable, `sentence` says what happened, `action` what to do."""

    code: str
    sentence: str
    action: str = ""

    @property
    def category(self) -> str:
        """The coarse level: the part of the code before its first dot."""
        return self.code.partition(".")[0]


#: Every category with the title it is grouped under.
CATEGORIES: Final[dict[str, str]] = {
    "message": "The message is not well formed",
    "sig": "Signature or key",
    "enc": "Encryption",
    "issuer": "Wrong identity provider",
    "idp": "The identity provider refused",
    "route": "Meant for somebody else",
    "time": "Clock or validity period",
    "bind": "Does not belong to a request or browser",
    "replay": "Used before",
    "nameid": "NameID",
    "claim": "Claims",
    "org": "Account, plan or SSO setting",
    "role": "Role",
    "seat": "Seats",
    "user": "User",
    "flow": "Where the login started",
    "stale": "Directory import",
    "metadata": "Metadata",
    "internal": "A fault of this program",
    "audit": "Upkeep",
}

_CATEGORY_OF_GROUP: Final = {
    "encoding": "message",
    "xml": "message",
    "structure": "message",
    "signature": "sig",
    "crypto": "sig",
    "certificate": "sig",
    "encryption": "enc",
    "issuer": "issuer",
    "status": "idp",
    "destination": "route",
    "audience": "route",
    "timing": "time",
    "confirmation": "bind",
    "replay": "replay",
    "nameid": "nameid",
    "claims": "claim",
    "metadata": "metadata",
    "relaystate": "flow",
}

_CODE_OF_CHECK: Final = {
    "signature-key-trusted": "sig.key-not-trusted",
    "replay-assertion-id": "replay.assertion",
    "irt-response": "bind.in-response-to",
    "irt-unsolicited": "bind.in-response-to",
    "irt-consistent": "bind.in-response-to",
    "irt-single-use": "bind.in-response-to",
    "status-success": "idp.refused",
    "nameid-format": "nameid.format",
    "jit-first-login-idp-initiated": "flow.first-login-at-idp",
}

_ACTION: Final = {
    "idp.refused": "Look at the identity provider's sign-in log for this person and moment; the message is in order.",
    "sig.key-not-trusted": "Compare the identity provider's newest metadata with the saved one; save it if new.",
    "replay.assertion": "Start a new login; nothing needs to be changed.",
    "bind.in-response-to": "Start a new login from the beginning, in one browser window.",
    "org.id-missing": "Add the claim with the account's id at the identity provider.",
    "org.id-mismatch": "Correct the constant at the identity provider, or check that the right application was used.",
    "org.id-multiple": "Make the identity provider send the claim once, with one value.",
    "org.no-account": "Save the identity provider's metadata for the account; compare Identifier and audience.",
    "flow.first-login-at-idp": "Start the first login at the identity provider's portal.",
}

#: Sentences for the page that the person sees: no detail, nothing about other users.
_PUBLIC_DEFAULT: Final = "You could not be signed in. Give your administrator the reference below."
_PUBLIC: Final = {
    "flow.first-login-at-idp": "Start your first sign-in at your company's sign-in portal, not here.",
    "flow.recovery-refused": "That e-mail and recovery code let nobody in. Compare both, and use each code once.",
    "replay.assertion": "This sign-in was used before. Start again from your company's sign-in portal.",
    "bind.in-response-to": "This sign-in does not belong to a sign-in that was started here. Start again.",
    "idp": "Your company's sign-in service did not let you in. Give your administrator the reference below.",
    "seat": "There is no free seat for you yet. Ask your administrator, and give the reference below.",
    "time": "This sign-in is not valid at this time. Start again; if it happens again, give the reference below.",
    "internal": "Something went wrong on this side. Try again; if it happens again, give the reference below.",
}


def public_sentence(code: str) -> str:
    """What a person who is not let in may read about a reason: never a detail that helps an attacker."""
    return _PUBLIC.get(code) or _PUBLIC.get(code.partition(".")[0]) or _PUBLIC_DEFAULT


def code_for(check: CheckResult) -> str:
    """The reason code of a failed check."""
    if check.id in _CODE_OF_CHECK:
        return _CODE_OF_CHECK[check.id]
    category = _CATEGORY_OF_GROUP.get(check.group, "message")
    name = check.id.removeprefix(category + "-")
    return f"{category}.{name}"


def organisation_reason(values: Sequence[str], imagekit_id: str, claim: str) -> Reason | None:
    """Decision 6: what is wrong with the values of the account-id claim, or None when they are in order."""
    if not values or not any(v.strip() for v in values):
        what = "missing" if not values else "empty"
        return _reason("org.id-missing", f"The claim {claim} is {what}.")
    if len(values) > 1:
        return _reason("org.id-multiple", f"The claim {claim} has {len(values)} values where one is expected.")
    if values[0] != imagekit_id:
        near = " They differ only in letter case or space." if values[0].strip().lower() == imagekit_id.lower() else ""
        return _reason(
            "org.id-mismatch",
            f'The claim {claim} is "{values[0][:80]}"; this account is "{imagekit_id}".{near}',
        )
    return None


def _reason(code: str, sentence: str) -> Reason:
    return Reason(code, sentence, _ACTION.get(code, ""))


def no_account(issuer: str | None) -> Reason:
    """The message fits no account that this workspace knows."""
    who = f'the identity provider "{issuer[:200]}"' if issuer else "a message without Issuer"
    return _reason("org.no-account", f"No account is configured for {who} with this audience.")


def refusal(report: Report, *, imagekit_id: str | None, claim: str) -> Reason | None:
    """Why the message itself lets nobody in, or None when it does.

    The check that the diagnosis names first decides the code, because it is the root cause; without a diagnosis it is
    the first check that failed, in the order of the catalogue.
    """
    blocking = report.blocking
    if not blocking and report.login is not None:
        return None
    if report.verdict == "refused-by-idp":
        return _reason("idp.refused", report.headline)
    if any(c.status == "fail" for c in blocking):
        failed = [c for c in blocking if c.status == "fail"]
    else:
        failed = list(blocking)
    if not failed:
        return _reason("message.unknown", report.headline)
    ids = [c.id for c in failed]
    first = next((i for d in report.diagnosis for i in d.checks if i in ids), ids[0])
    check = failed[ids.index(first)]
    if check.id == "claim-imagekit-id" and imagekit_id is not None:
        values = tuple(v for a in report.attributes if a.name == claim for v in a.values)
        told = organisation_reason(values, imagekit_id, claim)
        if told is not None:
            return told
    code = code_for(check)
    action = _ACTION.get(code, "")
    if not action and report.diagnosis:
        action = report.diagnosis[0].fix.get("generic", "")
    return Reason(code, check.message, action)
