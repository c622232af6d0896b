"""Why a well-signed message does not fit: wrong time, wrong place, wrong request, used before."""

from __future__ import annotations

from datetime import timedelta

from app.saml.checks.common import claimed_request
from app.saml.checks.registry import CheckResult
from app.saml.checks.timing import clock_ahead
from app.saml.diagnoses.registry import Diagnosis, Evidence, row, said
from app.saml.instants import read_instant, span

_STRUCTURE = (
    "structure-version",
    "structure-id-present",
    "structure-issueinstant",
    "structure-authnstatement",
    "structure-condition-unknown",
    "schema-valid",
)
_TIMES = ("time-notbefore", "time-issueinstant-future", "time-authninstant", "sc-no-notbefore")
_ENDS = ("time-notonorafter", "sc-notonorafter", "time-issueinstant-past", "time-session")


row(
    Diagnosis(
        "time-unreadable",
        "A time is written wrongly",
        "idp-admin",
        ("time-format", "time-utc"),
        said,
        {"generic": "Write every time in UTC as 2026-11-23T20:36:00Z."},
        ("group:timing", "sc-notonorafter", "schema-valid", "structure-issueinstant"),
        warnings=True,
    )
)
row(
    Diagnosis(
        "subject-missing",
        "The assertion names nobody",
        "idp-admin",
        ("structure-subject",),
        said,
        {"generic": "Let the IdP issue a Subject with the e-mail address as NameID and a bearer confirmation."},
        ("group:nameid", "group:confirmation", "schema-valid", "time-window-present"),
    )
)
row(
    Diagnosis(
        "conditions-missing",
        "The assertion has no Conditions, or several",
        "idp-admin",
        ("structure-conditions-single",),
        said,
        {"generic": "Let the IdP issue exactly one Conditions with a validity window and an AudienceRestriction."},
        ("group:audience", "schema-valid", "time-window-present"),
    )
)
row(
    Diagnosis(
        "schema-violation",
        "The message is not built as the SAML schema prescribes",
        "idp-admin",
        _STRUCTURE,
        said,
        {"generic": "Let a maintained SAML library write the message, or repair the named element."},
        ("group:structure",),
    )
)


def _clock(evidence: Evidence, result: CheckResult) -> str | None:
    ahead = clock_ahead(evidence.case)
    if ahead is None or ahead < timedelta(seconds=1):
        return result.message if result.id in ("time-notbefore", "time-issueinstant-future") else None
    skew = evidence.case.expectation.policy.clock_skew
    return (
        f"The IdP's clock appears {span(ahead)} ahead of ours (or ours is behind): the message was issued "
        "in the future. "
        f"A clock skew of {int(ahead.total_seconds()) + 1} s would cover it; {int(skew.total_seconds())} s are allowed."
    )


row(
    Diagnosis(
        "clock-ahead",
        "The IdP's clock is ahead",
        "idp-admin",
        ("time-notbefore", "time-issueinstant-future", "sc-no-notbefore"),
        _clock,
        {
            "generic": (
                "Set the clock of the IdP server by NTP, and check ours. Only then think of a larger clock skew."
            ),
            "adfs": "Set the clock by w32tm, and give the relying party a NotBeforeSkew of one minute.",
        },
        _TIMES,
    )
)


def _expired(evidence: Evidence, result: CheckResult) -> str | None:
    if result.actual == "none":
        return None  # It has no end at all, which is another cause.
    case = evidence.case
    issued = case.assertion.issue_instant if case.assertion else None
    at = read_instant(issued).at if issued else None
    if at is None:
        return result.message
    age = case.now - at
    if age > timedelta(hours=1):
        return (
            f"The message was issued {span(age)} ago and has long expired: it is an old capture, or came through the "
            "back button or a bookmark. Judge a capture as of its own time to see whether anything else is wrong."
        )
    return result.message


row(
    Diagnosis(
        "expired",
        "The message has expired",
        "user",
        _ENDS,
        _expired,
        {
            "generic": (
                "Start the login again from the IdP's portal. If fresh logins expire too, set both clocks by NTP."
            ),
            "adfs": "Raise the token lifetime of the relying party if it is only a few minutes.",
        },
        (*_ENDS, "time-authninstant", "replay-assertion-id"),
    )
)
row(
    Diagnosis(
        "validity-window",
        "The validity window is unusable",
        "idp-admin",
        ("time-window-order", "time-window-present", "time-window-length"),
        said,
        {
            "generic": (
                "Give Conditions and SubjectConfirmationData an end that lies a few minutes to one hour after issuing."
            )
        },
        ("replay-horizon", "sc-notonorafter"),
        warnings=True,
    )
)
row(
    Diagnosis(
        "issuer-mismatch",
        "The message comes from another IdP than the configured one",
        "sp-admin",
        ("issuer-match", "issuer-assertion-present", "issuer-response-match", "issuer-expected"),
        said,
        {
            "generic": (
                "Paste the metadata of the IdP, tenant and application that people really use; its entityID "
                "must equal the Issuer."
            ),
            "entra": (
                "The issuer is https://sts.windows.net/<tenant id>/ with the slash at the end. Another tenant "
                "id means another tenant."
            ),
            "okta": (
                "Every application has an issuer of its own (http://www.okta.com/exk...). Take the metadata "
                "of this application."
            ),
            "onelogin": (
                "Every application has an issuer of its own (.../saml/metadata/<id>). Take the metadata of "
                "this application."
            ),
            "adfs": "The issuer is http://<host>/adfs/services/trust, with http and not https.",
        },
        ("group:issuer", "nameid-namequalifier", "structure-signature-order"),
    )
)


def _audience(evidence: Evidence, result: CheckResult) -> str:
    child = evidence.failed("audience-child-account")
    return child.message if child else result.message


row(
    Diagnosis(
        "audience-mismatch",
        "The assertion is made for another service provider",
        "idp-admin",
        (
            "audience-match",
            "audience-child-account",
            "audience-all-restrictions",
            "audience-present",
            "audience-nonempty",
            "nameid-spnamequalifier",
        ),
        _audience,
        {
            "generic": "Set the entity ID of the service provider at the IdP to exactly the expected value.",
            "entra": (
                "Basic SAML Configuration > Identifier (Entity ID). A child account ends in # and its own imagekit_id."
            ),
            "okta": "SAML settings > Audience URI (SP Entity ID). Letter case counts.",
            "onelogin": "Configuration > Audience (EntityID).",
            "adfs": "Properties of the relying party > Identifiers.",
        },
        ("group:audience",),
    )
)
row(
    Diagnosis(
        "acs-mismatch",
        "The message is addressed to another URL",
        "idp-admin",
        ("destination-match", "sc-recipient", "destination-present"),
        said,
        {
            "generic": "Set ACS URL, Recipient and Destination at the IdP to exactly the expected URL.",
            "entra": "Basic SAML Configuration > Reply URL (Assertion Consumer Service URL).",
            "okta": "SAML settings > Single sign-on URL, with Use this for Recipient URL and Destination URL ticked.",
            "onelogin": "Configuration > Recipient, ACS (Consumer) URL, and the Validator that must match it.",
            "adfs": "Properties of the relying party > Endpoints: the SAML assertion consumer endpoint, binding POST.",
        },
        ("sc-bearer", "destination-present"),
    )
)
row(
    Diagnosis(
        "request-mismatch",
        "The message does not answer an open request",
        "user",
        ("irt-response", "irt-unsolicited", "irt-consistent", "irt-single-use", "sc-inresponseto"),
        lambda e, r: (
            r.message
            + (
                " Logins that begin at the IdP carry no InResponseTo."
                if claimed_request(e.case) and r.id == "irt-unsolicited"
                else ""
            )
        ),
        {
            "generic": (
                "Begin the login again, in one tab, without the back button or a bookmarked IdP page. If it "
                "always happens, a cookie is lost on the way back: it needs SameSite=None and Secure."
            ),
            "entra": "Leave Sign on URL empty so that the tile in My Apps starts at the IdP.",
            "okta": "Start from the tile on the dashboard, or from the login page here, not from a saved link.",
            "onelogin": "Set SAML initiator to OneLogin so that the tile starts at the IdP.",
        },
        ("sc-inresponseto", "sc-bearer", "issuer-expected", "jit-first-login-idp-initiated"),
    )
)
row(
    Diagnosis(
        "confirmation-fails",
        "The subject confirmation does not fit",
        "idp-admin",
        ("sc-bearer", "sc-method", "sc-data"),
        said,
        {
            "generic": (
                "Send one bearer confirmation with Recipient = the ACS URL and NotOnOrAfter a few minutes "
                "ahead, without NotBefore."
            )
        },
        ("group:confirmation", "time-window-present", "replay-horizon"),
    )
)
row(
    Diagnosis(
        "replayed",
        "The assertion was used before",
        "user",
        ("replay-assertion-id",),
        said,
        {
            "generic": (
                "Begin a new login. If nobody reloaded the page, somebody has copied the message: look at the "
                "log entry of its first use."
            )
        },
    )
)
row(
    Diagnosis(
        "relaystate-refused",
        "The RelayState leads elsewhere or is damaged",
        "idp-admin",
        ("relaystate-allowlist", "relaystate-scheme", "relaystate-no-crlf", "relaystate-length", "relaystate-echo"),
        said,
        {
            "generic": "Leave the RelayState empty, or set it to the dashboard URL.",
            "entra": "Basic SAML Configuration > Relay State.",
            "okta": "SAML settings > Default RelayState.",
            "onelogin": "Configuration > RelayState.",
            "adfs": (
                "IdP-initiated links carry RPID and RelayState, encoded twice; encode exactly as the set-up "
                "guide shows."
            ),
        },
        ("group:relaystate",),
        warnings=True,
    )
)
