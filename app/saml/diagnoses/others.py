"""Causes in what is no login: requests of the service provider, and messages about logging out of either side."""

from __future__ import annotations

from typing import Final

from app.saml.checks.header import is_from_sp
from app.saml.checks.registry import CheckResult
from app.saml.diagnoses.registry import Diagnosis, Evidence, row, said

_SIGNATURES: Final = (
    "signature-key-trusted",
    "signature-digest",
    "signature-value",
    "signature-position",
    "signature-all-verified",
    "encoding-redirect-signature",
)
_FOLLOW: Final = ("group:signature", "group:crypto")


def _by_the_sp(evidence: Evidence, result: CheckResult) -> str | None:
    return result.message if _sender_is_sp(evidence) is True else None


def _by_the_idp(evidence: Evidence, result: CheckResult) -> str | None:
    return result.message if _sender_is_sp(evidence) is False else None


def _sender_is_sp(evidence: Evidence) -> bool | None:
    """Who claims to have sent what is no login; None where it is one, which other rows explain."""
    case = evidence.case
    return is_from_sp(case.document.root, case.expectation) if case.is_other_kind and case.document else None


row(
    Diagnosis(
        id="own-signature-not-verified",
        title="The service provider's signature does not hold",
        who="sp-admin",
        checks=_SIGNATURES,
        cause=_by_the_sp,
        fix={
            "generic": (
                "Give the IdP the certificate that the service provider signs with now, and send the message exactly "
                "as it was signed: nothing may be encoded again on its way."
            ),
            "entra": "Upload it under Single sign-on, SAML certificates, Verification certificates.",
            "adfs": "Import it on the Signature tab of the relying party trust.",
        },
        consequences=_FOLLOW,
    )
)
row(
    Diagnosis(
        id="logout-signature-not-verified",
        title="The identity provider's signature of a logout message does not hold",
        who="idp-admin",
        checks=_SIGNATURES,
        cause=_by_the_idp,
        fix={
            "generic": (
                "Compare the certificate that signed with the IdP's current metadata and load that in Settings. Take "
                "the message from the browser's network log, unchanged."
            )
        },
        consequences=_FOLLOW,
    )
)
row(
    Diagnosis(
        id="request-not-proper",
        title="The request is not built as SAML says",
        who="sp-admin",
        checks=("request-version", "request-id", "request-subject"),
        cause=said,
        fix={"generic": "Correct the template or library that writes the request; no IdP has to answer it like this."},
        consequences=("schema-valid",),
    )
)
row(
    Diagnosis(
        id="request-not-recent",
        title="The request was not sent just now",
        who="user",
        checks=("request-issueinstant",),
        cause=said,
        fix={
            "generic": (
                "Begin the login again at the service provider, not from a bookmark of the IdP's page. If a new "
                "request is too old as well, set the service provider's clock. A saved request can be judged as of "
                "its own time."
            )
        },
    )
)
row(
    Diagnosis(
        id="request-of-another-application",
        title="The request names another service provider than the one that is set up",
        who="sp-admin",
        checks=("request-issuer",),
        cause=said,
        fix={
            "generic": "Make the Issuer of the request and the Identifier at the IdP the same, letter by letter.",
            "entra": "It is the Identifier (Entity ID) under Single sign-on, Basic SAML configuration.",
            "okta": "It is the Audience URI (SP Entity ID) in the SAML settings of the application.",
            "onelogin": "It is the Audience (EntityID) on the Configuration tab of the application.",
            "adfs": "It is on the Identifiers tab of the relying party trust.",
        },
    )
)
row(
    Diagnosis(
        id="request-misaddressed",
        title="The request goes to another address than the IdP's",
        who="sp-admin",
        checks=("request-destination",),
        cause=said,
        fix={"generic": "Load the IdP's current metadata at the service provider; its login address has changed."},
    )
)
row(
    Diagnosis(
        id="request-wants-reply-elsewhere",
        title="The answer is wanted in another place or way than is set up",
        who="sp-admin",
        checks=("request-acs", "request-protocol-binding"),
        cause=said,
        fix={
            "generic": (
                "Ask for the answer at the ACS URL that the IdP knows, by HTTP-POST; or leave both out, and the IdP "
                "uses what is set up there."
            ),
            "entra": "The addresses that are allowed are the Reply URLs under Basic SAML configuration.",
        },
    )
)
row(
    Diagnosis(
        id="request-not-signed",
        title="The IdP wants signed requests, and this one is not",
        who="sp-admin",
        checks=("request-signed",),
        cause=said,
        fix={
            "generic": (
                "Switch signing of requests on at the service provider, in the way of the binding, or ask the IdP's "
                "administrator to drop the requirement."
            ),
            "entra": "Require verification certificates is the switch, under SAML certificates.",
            "adfs": "SignedSamlRequestsRequired is the switch, of Set-AdfsRelyingPartyTrust.",
        },
    )
)
row(
    Diagnosis(
        id="request-asks-too-much",
        title="The request asks for more than many IdPs give",
        who="sp-admin",
        checks=("request-authn-context", "request-nameid-policy", "request-force-passive", "request-scoping"),
        cause=said,
        fix={"generic": "Leave out what is not needed: an IdP must refuse a request that it cannot meet."},
        warnings=True,
    )
)
row(
    Diagnosis(
        id="logout-not-proper",
        title="The logout message is not built as SAML says, or is not meant for now",
        who="idp-admin",
        checks=(
            "logout-version",
            "logout-id",
            "logout-issueinstant",
            "logout-nameid",
            "logout-notonorafter",
            "logout-in-response-to",
        ),
        cause=said,
        fix={"generic": "Its sender must correct it, or log out anew where it was an old one."},
        consequences=("schema-valid",),
    )
)
row(
    Diagnosis(
        id="logout-misaddressed",
        title="The logout message is from or for somebody else",
        who="idp-admin",
        checks=("logout-issuer", "logout-destination"),
        cause=said,
        fix={
            "generic": (
                "Compare entity IDs and logout addresses on both sides; load current metadata where they differ."
            ),
            "entra": "The address is the Logout URL under Basic SAML configuration.",
        },
    )
)
row(
    Diagnosis(
        id="logout-not-signed",
        title="The logout message is not signed",
        who="idp-admin",
        checks=("logout-signed",),
        cause=said,
        fix={"generic": "Switch signing of logout messages on at its sender; the certificate is the one of logins."},
    )
)
row(
    Diagnosis(
        id="logout-incomplete",
        title="The session did not end, or not everywhere",
        who="idp-admin",
        checks=("logout-status", "logout-session-index"),
        cause=said,
        fix={"generic": "Look up the message's ID in the log of whoever answered; close the browser meanwhile."},
        warnings=True,
    )
)
