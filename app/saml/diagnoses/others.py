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
        stage="signature",
        checks=_SIGNATURES,
        cause=_by_the_sp,
        consequences=_FOLLOW,
    )
)
row(
    Diagnosis(
        id="logout-signature-not-verified",
        title="The identity provider's signature of a logout message does not hold",
        who="idp-admin",
        stage="signature",
        checks=_SIGNATURES,
        cause=_by_the_idp,
        consequences=_FOLLOW,
        is_vendor_neutral=True,
    )
)
row(
    Diagnosis(
        id="request-not-proper",
        title="The request is not built as SAML says",
        who="sp-admin",
        stage="protocol",
        checks=("request-version", "request-id", "request-subject"),
        cause=said,
        consequences=("schema-valid",),
        is_vendor_neutral=True,
    )
)
row(
    Diagnosis(
        id="request-not-recent",
        title="The request was not sent just now",
        who="user",
        stage="protocol",
        checks=("request-issueinstant",),
        cause=said,
        is_vendor_neutral=True,
    )
)
row(
    Diagnosis(
        id="request-of-another-application",
        title="The request names another service provider than the one that is set up",
        who="sp-admin",
        stage="protocol",
        checks=("request-issuer",),
        cause=said,
    )
)
row(
    Diagnosis(
        id="request-misaddressed",
        title="The request goes to another address than the IdP's",
        who="sp-admin",
        stage="protocol",
        checks=("request-destination",),
        cause=said,
        is_vendor_neutral=True,
    )
)
row(
    Diagnosis(
        id="request-wants-reply-elsewhere",
        title="The answer is wanted in another place or way than is set up",
        who="sp-admin",
        stage="protocol",
        checks=("request-acs", "request-protocol-binding"),
        cause=said,
    )
)
row(
    Diagnosis(
        id="request-not-signed",
        title="The IdP wants signed requests, and this one is not",
        who="sp-admin",
        stage="protocol",
        checks=("request-signed",),
        cause=said,
    )
)
row(
    Diagnosis(
        id="request-asks-too-much",
        title="The request asks for more than many IdPs give",
        who="sp-admin",
        stage="protocol",
        checks=("request-authn-context", "request-nameid-policy", "request-force-passive", "request-scoping"),
        cause=said,
        warnings=True,
        is_vendor_neutral=True,
    )
)
row(
    Diagnosis(
        id="logout-not-proper",
        title="The logout message is not built as SAML says, or is not meant for now",
        who="idp-admin",
        stage="protocol",
        checks=(
            "logout-version",
            "logout-id",
            "logout-issueinstant",
            "logout-nameid",
            "logout-notonorafter",
            "logout-in-response-to",
        ),
        cause=said,
        consequences=("schema-valid",),
        is_vendor_neutral=True,
    )
)
row(
    Diagnosis(
        id="logout-misaddressed",
        title="The logout message is from or for somebody else",
        who="idp-admin",
        stage="protocol",
        checks=("logout-issuer", "logout-destination"),
        cause=said,
    )
)
row(
    Diagnosis(
        id="logout-not-signed",
        title="The logout message is not signed",
        who="idp-admin",
        stage="protocol",
        checks=("logout-signed",),
        cause=said,
        is_vendor_neutral=True,
    )
)
row(
    Diagnosis(
        id="logout-incomplete",
        number="D51",
        title="The session did not end, or not everywhere",
        who="idp-admin",
        stage="transport",
        checks=("logout-status", "logout-session-index"),
        cause=said,
        warnings=True,
    )
)
