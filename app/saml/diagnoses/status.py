"""Why the identity provider said no: its status codes, translated. The message itself is fine."""

from __future__ import annotations

from app.saml.checks.registry import CheckResult
from app.saml.checks.status import explain, short
from app.saml.diagnoses.registry import Cause, Diagnosis, Evidence, row, said
from app.saml.likeness import show

_LOG = {
    "entra": "Open Sign-in logs, find the attempt by time or correlation id, and read its failure reason.",
    "okta": "Open Reports > System Log and look for the person and the application at that time.",
    "onelogin": "Open Activity > Events and look for the person at that time.",
    "adfs": "Look for events 364 and 321 with the activity id in the AD FS admin log.",
}


def _codes(evidence: Evidence) -> tuple[str, ...]:
    response = evidence.case.response
    if response is None or response.status is None:
        return ()
    return tuple(short(c) for c in response.status.codes if c)


def _told(evidence: Evidence) -> str:
    response = evidence.case.response
    message = response.status.message if response and response.status else None
    return f' Its message: "{show(message.value.strip(), 200)}".' if message and message.value.strip() else ""


def _inner(*names: str) -> Cause:
    def cause(evidence: Evidence, _: CheckResult) -> str | None:
        codes = _codes(evidence)
        if not set(codes[1:]) & set(names):
            return None
        response = evidence.case.response
        assert response is not None
        assert response.status is not None
        return f"The identity provider refused: {explain(response.status.codes)}.{_told(evidence)}"

    return cause


def _top(name: str) -> Cause:
    def cause(evidence: Evidence, result: CheckResult) -> str | None:
        return result.message + _told(evidence) if _codes(evidence)[:1] == (name,) else None

    return cause


row(
    Diagnosis(
        "error-with-assertion",
        "A refusal that carries an assertion",
        "idp-admin",
        ("status-error-no-assertion",),
        "The Response says that the login failed and yet carries an assertion. The assertion is not used.",
        {
            "generic": (
                "Find out why the IdP refuses, and treat the message as forged unless the IdP is known to do this."
            )
        },
        ("status-success",),
    )
)
row(
    Diagnosis(
        "status-missing",
        "The status of the Response is missing or not a permitted one",
        "idp-admin",
        ("status-present", "status-toplevel"),
        said,
        {
            "generic": (
                "The top-level StatusCode must be Success, Requester, Responder or VersionMismatch, written in full."
            )
        },
        ("status-success",),
    )
)
row(
    Diagnosis(
        "authn-context-refused",
        "The authentication method that was asked for was not used",
        "sp-admin",
        ("status-success",),
        _inner("NoAuthnContext"),
        {
            "generic": (
                "Stop asking for a method: leave RequestedAuthnContext out of the request, or ask with "
                "Comparison minimum."
            ),
            "entra": (
                "This is AADSTS75011: the request asks for a password while the person used MFA, a "
                "certificate or Windows sign-in. Remove RequestedAuthnContext."
            ),
            "adfs": (
                "Check AllowedAuthenticationClassReferences of the relying party, or remove "
                "RequestedAuthnContext from the request."
            ),
        },
    )
)
row(
    Diagnosis(
        "nameid-policy-refused",
        "The NameID format that was asked for cannot be given",
        "idp-admin",
        ("status-success",),
        _inner("InvalidNameIDPolicy"),
        {
            "generic": "Let the application issue the e-mail address as NameID in the format emailAddress.",
            "entra": (
                "Attributes & Claims > Unique User Identifier: source user.mail, name identifier format Email address."
            ),
            "okta": "General > SAML settings: Name ID format EmailAddress, Application username Email.",
            "onelogin": "Configuration: SAML nameID format Email.",
            "adfs": (
                "Event 321 (MSIS7070): add a rule that sends the e-mail address and a rule that transforms it "
                "to Name ID, format Email."
            ),
        },
    )
)
row(
    Diagnosis(
        "user-not-allowed",
        "The identity provider does not let this person use the application",
        "idp-admin",
        ("status-success",),
        _inner("RequestDenied", "UnknownPrincipal", "AuthnFailed"),
        {
            "generic": (
                "Assign the person, or a group they are directly in, to the application; check that the "
                "sign-in itself succeeds."
            ),
            "entra": "Users and groups > Add user/group. Nested groups do not count (AADSTS50105).",
            "okta": "Assignments: assign the person or a group.",
            "onelogin": "Give the person access to the application directly or through a role.",
            "adfs": "Check the access control policy of the relying party.",
        },
    )
)
row(
    Diagnosis(
        "passive-login-refused",
        "There was no session for a silent login",
        "user",
        ("status-success",),
        _inner("NoPassive"),
        {"generic": "Sign in at the IdP first, or send the request without IsPassive so that the IdP may ask."},
    )
)
row(
    Diagnosis(
        "requester-refused",
        "The identity provider found fault with our request",
        "sp-admin",
        ("status-success",),
        _top("Requester"),
        {
            "generic": "Compare Issuer, ACS URL and NameIDPolicy of the request with what is registered at the IdP.",
            **_LOG,
        },
    )
)
row(
    Diagnosis(
        "version-refused",
        "The identity provider does not speak SAML 2.0 here",
        "idp-admin",
        ("status-success",),
        _top("VersionMismatch"),
        {
            "generic": (
                "Check that the application is set up for SAML 2.0 and that the SSO URL comes from current metadata."
            )
        },
    )
)
row(
    Diagnosis(
        "responder-refused",
        "The identity provider could not answer",
        "idp-admin",
        ("status-success",),
        said,
        {
            "generic": (
                "The reason lies at the IdP: a claim rule that fails, a missing certificate, a policy. Its "
                "log tells more."
            ),
            **_LOG,
        },
    )
)
