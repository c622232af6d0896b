"""Why the identity provider said no: its status codes and what it wrote beside them. The message itself is fine.

The causes that an error text alone can show (D01 to D07, D52) are found here where the text came as StatusMessage.
"""

from __future__ import annotations

from functools import partial

from app.saml.checks.registry import CheckResult
from app.saml.checks.status import explain, short
from app.saml.diagnoses.registry import Cause, Diagnosis, Evidence, Explained, row, said
from app.saml.likeness import show

_Row = partial(Diagnosis, stage="status")
_CODES = "The status codes of the Response say so."


def _codes(evidence: Evidence) -> tuple[str, ...]:
    response = evidence.case.response
    if response is None or response.status is None:
        return ()
    return tuple(short(c) for c in response.status.codes if c)


def _written(evidence: Evidence) -> str:
    """StatusMessage and StatusDetail, bounded; "" where there are none."""
    response = evidence.case.response
    status = response.status if response else None
    if status is None:
        return ""
    parts = (status.message.value if status.message else "", status.detail or "")
    return " ".join(p[:4_096] for p in parts if p)


def _told(evidence: Evidence) -> str:
    response = evidence.case.response
    message = response.status.message if response and response.status else None
    return f' Its message: "{show(message.value.strip(), 200)}".' if message and message.value.strip() else ""


def _inner(*names: str) -> Cause:
    def cause(evidence: Evidence, _: CheckResult) -> Explained | None:
        codes = _codes(evidence)
        if not set(codes[1:]) & set(names):
            return None
        response = evidence.case.response
        assert response is not None
        assert response.status is not None
        sentence = f"The identity provider refused: {explain(response.status.codes)}.{_told(evidence)}"
        return Explained(sentence, "certain", _CODES, "Success", " / ".join(codes))

    return cause


def _top(name: str) -> Cause:
    def cause(evidence: Evidence, result: CheckResult) -> str | None:
        return result.message + _told(evidence) if _codes(evidence)[:1] == (name,) else None

    return cause


def _says(sentence: str, *marks: str) -> Cause:
    """A cause that the text of the refusal names: one of some codes, or a phrase in lower case."""

    def cause(evidence: Evidence, _: CheckResult) -> Explained | None:
        text = _written(evidence)
        lowered = text.lower()
        mark = next((m for m in marks if m in lowered), None)
        if mark is None:
            return None
        is_code = mark.startswith(("aadsts", "msis"))
        because = f'The text of the refusal holds "{mark.upper() if is_code else mark}".'
        return Explained(
            sentence + _told(evidence), "certain" if is_code else "likely", because, "Success", show(text.strip(), 200)
        )

    return cause


def _either(*causes: Cause) -> Cause:
    """The first of some causes that applies."""

    def cause(evidence: Evidence, result: CheckResult) -> str | Explained | None:
        told = (c(evidence, result) if callable(c) else c for c in causes)
        return next((t for t in told if t is not None), None)

    return cause


row(
    _Row(
        id="error-with-assertion",
        title="A refusal that carries an assertion",
        who="idp-admin",
        checks=("status-error-no-assertion",),
        cause="The Response says that the login failed and yet carries an assertion. The assertion is not used.",
        consequences=("status-success",),
        fault="status-error-with-assertion",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="status-missing",
        title="The status of the Response is missing or not a permitted one",
        who="idp-admin",
        checks=("status-present", "status-toplevel"),
        cause=said,
        consequences=("status-success",),
        fault="status-missing",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="reply-url-mismatch",
        number="D02",
        title="The reply URL is not the registered one",
        who="idp-admin",
        checks=("status-success",),
        cause=_says(
            "The ACS URL in our request is not among the reply URLs registered at the identity provider; they are "
            "compared letter for letter.",
            "aadsts50011",
            "aadsts500113",
            "aadsts900971",
            "msis3200",
            "reply url",
            "assertionconsumerserviceurl",
        ),
        shown_by="error-text",
        fault="status-reply-url",
    )
)
row(
    _Row(
        id="application-not-found",
        number="D03",
        title="No application has the identifier that we sent",
        who="idp-admin",
        checks=("status-success",),
        cause=_says(
            "The Issuer of our request is not the identifier of any application at the identity provider, or the "
            "request went to another tenant.",
            "aadsts700016",
            "aadsts70001",
            "aadsts500011",
            "msis3020",
            "msis7007",
            "application with identifier",
        ),
        shown_by="error-text",
        fault="status-application-unknown",
    )
)
row(
    _Row(
        id="signed-request-demanded",
        number="D06",
        title="The identity provider demands a signed request",
        who="sp-admin",
        checks=("status-success",),
        cause=_says(
            "The identity provider wants AuthnRequests signed, and ours was not, or its signature stands in the wrong "
            "place for the binding.",
            "aadsts76021",
            "msis0037",
            "msis0038",
            "request must be signed",
            "request is not signed",
        ),
        shown_by="error-text",
        fault="status-request-unsigned",
    )
)
row(
    _Row(
        id="request-unacceptable",
        number="D05",
        title="Our request could not be read",
        who="sp-admin",
        checks=("status-success",),
        cause=_says(
            "The identity provider could not read our request, or it breaks a rule: a field is missing, or the "
            "encoding does not fit the binding.",
            "aadsts75005",
            "aadsts750054",
            "aadsts7500514",
            "aadsts75003",
            "aadsts75008",
            "aadsts75016",
            "msis7000",
            "msis7002",
        ),
        shown_by="error-text",
        fault="status-request-unreadable",
    )
)
row(
    _Row(
        id="account-may-not-sign-in",
        number="D52",
        title="The account may not sign in at the identity provider",
        who="idp-admin",
        checks=("status-success",),
        cause=_says(
            "The person's account at the identity provider is disabled or locked, or it belongs to another tenant.",
            "aadsts50057",
            "aadsts50020",
            "aadsts50053",
            "account is disabled",
            "account is locked",
        ),
        shown_by="error-text",
        fault="id-user-deleted-at-idp",
    )
)
row(
    _Row(
        id="authn-context-refused",
        number="D04",
        title="The authentication method that was asked for was not used",
        who="sp-admin",
        checks=("status-success",),
        cause=_either(
            _inner("NoAuthnContext"),
            _says(
                "Our request asks for an authentication method, and the person signed in with another one.",
                "aadsts75011",
                "msis7102",
            ),
        ),
        shown_by="error-text",
        fault="status-noauthncontext",
    )
)
row(
    _Row(
        id="nameid-policy-refused",
        number="D07",
        title="The NameID format that was asked for cannot be given",
        who="idp-admin",
        checks=("status-success",),
        cause=_either(
            _inner("InvalidNameIDPolicy"),
            _says(
                "Our request asks for a NameID format for which the identity provider has no value or no rule.",
                "msis7070",
            ),
        ),
        shown_by="error-text",
        fault="status-invalidnameidpolicy",
    )
)
row(
    _Row(
        id="user-not-allowed",
        number="D01",
        title="The identity provider does not let this person use the application",
        who="idp-admin",
        checks=("status-success",),
        cause=_either(
            _says(
                "The person is not assigned to the application, neither directly nor by a group they are directly in.",
                "aadsts50105",
                "not assigned",
            ),
            _inner("RequestDenied", "UnknownPrincipal", "AuthnFailed"),
        ),
        shown_by="error-text",
        fault="status-requester-denied",
    )
)
row(
    _Row(
        id="passive-login-refused",
        number="D16",
        title="There was no session for a silent login",
        who="user",
        checks=("status-success",),
        cause=_inner("NoPassive"),
        fault="status-nopassive",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="requester-refused",
        number="D15",
        title="The identity provider found fault with our request",
        who="sp-admin",
        checks=("status-success",),
        cause=_top("Requester"),
        because=_CODES,
        fault="status-requester",
    )
)
row(
    _Row(
        id="version-refused",
        number="D16",
        title="The identity provider does not speak SAML 2.0 here",
        who="idp-admin",
        checks=("status-success",),
        cause=_top("VersionMismatch"),
        because=_CODES,
        fault="status-versionmismatch",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="responder-refused",
        number="D16",
        title="The identity provider could not answer",
        who="idp-admin",
        checks=("status-success",),
        cause=said,
        because=_CODES,
        fault="status-message-bidi",
    )
)
