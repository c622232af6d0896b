"""Answers that are refusals, half refusals, or refusals that carry hostile text."""

from __future__ import annotations

from simulator import names
from simulator.draft import Draft
from simulator.faults.registry import Family, Stage
from simulator.message import OMIT
from simulator.names import SAMLP, STATUS
from simulator.signing import Signing

status = Family("status")
_FAULT = status.fault
_REFERENCE = "saml-core §3.2.2.2"


def _refusal(fault_id: str, codes: tuple[str, ...], message: str | None, summary: str, *, signed: bool = False) -> None:
    def apply(d: Draft) -> None:
        d.change(
            assertion=False,
            status_codes=tuple(STATUS + c for c in codes),
            status_message=OMIT if message is None else message,
        )
        d.signing = (Signing(target="response"),) if signed else ()

    status.row(
        fault_id, apply, summary, "status-success", "status-detail", expects="refused-by-idp", reference=_REFERENCE
    )


_refusal(
    "status-requester-denied",
    ("Requester", "RequestDenied"),
    "Access to this application is not allowed.",
    "The identity provider denies the request; unsigned.",
)
_refusal(
    "status-requester-denied-signed",
    ("Requester", "RequestDenied"),
    "Access to this application is not allowed.",
    "The identity provider denies the request; signed.",
    signed=True,
)
_refusal("status-responder-authnfailed", ("Responder", "AuthnFailed"), None, "The person could not be authenticated.")
_refusal("status-nopassive", ("Responder", "NoPassive"), None, "A passive login was asked for and is not possible.")
_refusal(
    "status-noauthncontext",
    ("Responder", "NoAuthnContext"),
    None,
    "The requested authentication context is not possible.",
)
_refusal(
    "status-invalidnameidpolicy",
    ("Requester", "InvalidNameIDPolicy"),
    None,
    "The requested NameID format is not possible.",
)
_refusal(
    "status-unknownprincipal",
    ("Responder", "UnknownPrincipal"),
    None,
    "The identity provider does not know the person.",
)
_refusal(
    "status-versionmismatch",
    ("VersionMismatch",),
    None,
    "The request had a version the identity provider does not speak.",
)
_refusal(
    "status-message-html",
    ("Responder", "AuthnFailed"),
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "The message is HTML, to be shown as text.",
)
_refusal("status-message-64k", ("Responder",), "x" * 65_536, "The message is 64 KiB long.")
_refusal(
    "status-message-bidi",
    ("Responder",),
    "line one\nINFO login \u202eok",
    "The message forges a log line and turns its direction.",
)
_refusal(
    "status-message-ansi",
    ("Responder",),
    "\u009b31mdenied\u009b0m \u009b2J",
    "The message holds control sequences of terminals, written with the one character that XML allows for them.",
)
_refusal("status-three-levels", ("Responder", "AuthnFailed", "RequestDenied"), None, "Status codes nested three deep.")


# What Entra ID writes where its own page does not keep the error to itself (the codes are Microsoft's).
_refusal(
    "status-reply-url",
    ("Requester",),
    "AADSTS50011: The reply URL specified in the request does not match the reply URLs configured for the application.",
    "Our ACS URL is not registered at the identity provider.",
)
_refusal(
    "status-application-unknown",
    ("Requester",),
    "AADSTS700016: Application with identifier 'https://sp.example/saml' was not found in the directory.",
    "Our entity ID is the identifier of no application.",
)
_refusal(
    "status-request-unreadable",
    ("Requester",),
    "AADSTS75005: The request is not a valid Saml2 protocol message.",
    "The identity provider could not read our request.",
)
_refusal(
    "status-request-unsigned",
    ("Requester",),
    "AADSTS76021: The request sent by client is not signed while the application requires signed requests.",
    "The identity provider demands a signed request.",
)
_refusal("status-requester", ("Requester",), None, "The identity provider finds fault with the request, no more.")


@_FAULT("status-error-with-assertion", "status-error-no-assertion", "status-success", signs="assertion")
def _(d: Draft) -> None:
    """The status is an error, and a good signed assertion comes with it."""
    d.change(status_codes=(STATUS + "Responder",))


@_FAULT("status-error-with-assertion-signed", "status-error-no-assertion", "status-success", signs="both")
def _(d: Draft) -> None:
    """As before, and the response is signed as well."""
    d.change(status_codes=(STATUS + "Requester", STATUS + "RequestDenied"))


def _code(fault_id: str, codes: object, summary: str, *checks: str) -> None:
    first, *rest = checks
    status.row(
        fault_id, lambda d: d.change(status_codes=codes), summary, first, *rest, signs="both", reference=_REFERENCE
    )


_code("status-missing", OMIT, "The response has no Status.", "status-present")
_code("status-no-code", (), "Status without StatusCode.", "status-present")
_code("status-no-value", (OMIT,), "StatusCode without Value.", "status-present")
_code(
    "status-empty-value",
    ("",),
    "StatusCode with an empty Value.",
    "status-present",
    "status-toplevel",
    "status-success",
)
_code("status-second-level-on-top", (STATUS + "AuthnFailed",), "A second-level code stands on top.", "status-toplevel")
_code(
    "status-suffix-success",
    ("urn:x:status:Success",),
    "Only the end of the Value is Success.",
    "status-toplevel",
    "status-success",
)
_code("status-lowercase", (STATUS + "success",), "Success in lower case.", "status-toplevel", "status-success")
_code("status-whitespace", (f" {names.SUCCESS} ",), "White space around Success.", "status-toplevel", "status-success")


@_FAULT("status-error-unsigned-edit", "status-success", "status-error-no-assertion", kind="A", stage=Stage.SIGNED)
def _(d: Draft) -> None:
    """An attacker turned a success into an error in the unsigned envelope: shown as unsigned."""
    d.part("StatusCode", SAMLP).set("Value", STATUS + "Responder")


@_FAULT("status-no-assertion", "structure-single-assertion")
def _(d: Draft) -> None:
    """Success without any assertion."""
    d.change(assertion=False)
    d.seal("response")
