"""Checks of an AuthnRequest: what the service provider asks, and whether the identity provider could answer it.

Nobody is logged in by a request. Signatures, encoding and XML are judged by the checks that judge them everywhere.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from app.saml.checks.common import NO_ACS, NO_SP, acs_urls, attribute
from app.saml.checks.header import (
    children,
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
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem, skipped
from app.saml.likeness import difference, show
from app.saml.names import BINDING_POST, NAMEID_EMAIL, NAMEID_UNSPECIFIED, SAML, SAMLP, q

_NO_SSO: Final = "The address that the IdP takes requests at is not configured, so there is nothing to compare with."
_TRUE: Final = ("true", "1")


@check("request-version", "the request says Version 2.0", cites="saml-core §3.2.1, §4.1.3.1", needs="request")
def request_version(case: Case) -> Outcome:
    """An IdP must answer a request of another version with VersionMismatch."""
    return judge_version(case)


@check("request-id", "the request has an ID that an answer can name", cites="saml-core §1.3.4, §3.2.1", needs="request")
def request_id(case: Case) -> Outcome:
    """The answer names the request by its ID. IDs that begin with a digit, as bare UUIDs often do, are no XML names;
    Entra ID refuses them with AADSTS7500529."""
    return judge_id(case)


@check(
    "request-issueinstant",
    "the request was issued just now",
    cites="saml-core §3.2.1",
    diagnose=Severity.WARNING,
    needs="request",
)
def request_issueinstant(case: Case) -> Outcome:
    """IdPs answer a request for minutes only. A bookmarked login page and a clock that is wrong are the usual causes of
    a request that is too old. A saved one can be judged as of its own time."""
    return judge_instant(case)


@check(
    "request-issuer",
    "the request comes from the service provider that is configured",
    cites="saml-profiles §4.1.4.1",
    needs="request",
)
def request_issuer(case: Case) -> Outcome:
    """The IdP looks up the application by the Issuer, letter by letter. If it differs from the Identifier that was
    entered there, the IdP says that the application was not found (AADSTS700016)."""
    return judge_issuer(case, our_names(case.expectation), "the configured service provider", NO_SP)


@check(
    "request-destination",
    "the request goes to the IdP's login address",
    cites="saml-core §3.2.1; saml-bindings §3.4.5.2, §3.5.5.2",
    needs="request",
)
def request_destination(case: Case) -> Outcome:
    """An IdP refuses a request whose Destination is not its own address (AADSTS75008). The address in use may be that
    of an old tenant."""
    return judge_destination(case, case.expectation.idp_sso_urls, "the login address of the IdP", _NO_SSO)


@check(
    "request-acs",
    "the answer is wanted at our ACS URL",
    cites="saml-core §3.4.1; saml-profiles §4.1.4.1",
    needs="request",
)
def request_acs(case: Case) -> Outcome:
    """The IdP posts the answer to AssertionConsumerServiceURL if that is one of the reply URLs it knows, and refuses
    otherwise (AADSTS50011). An index stands for an address in the service provider's metadata instead."""
    root = root_of(case)
    url, index = root.get("AssertionConsumerServiceURL"), root.get("AssertionConsumerServiceIndex")
    if index is not None and (url is not None or root.get("ProtocolBinding") is not None):
        return problem(
            "The request names its reply address by an index and by a URL or binding as well; only one is allowed.",
            expected="AssertionConsumerServiceURL or AssertionConsumerServiceIndex",
            actual="both",
            at=attribute(place_of(case), "AssertionConsumerServiceIndex"),
        )
    if index is not None:
        message = f"The reply address is number {show(index, 20)} of the service provider's metadata."
        return note(message, actual=show(index, 20), at=attribute(place_of(case), "AssertionConsumerServiceIndex"))
    if url is None:
        message = "The request names no reply address, so the IdP uses the default one that it knows."
        return note(message, at=place_of(case))
    wanted = acs_urls(case.expectation)
    if not wanted:
        return skipped(NO_ACS)
    at = attribute(place_of(case), "AssertionConsumerServiceURL")
    if url in wanted:
        return ok("The answer is wanted at our ACS URL.", expected=wanted[0], actual=url, at=at)
    return problem(
        f"The answer is wanted at another address than our ACS URL. {difference(wanted[0], url)}",
        expected=wanted[0],
        actual=show(url),
        at=at,
    )


@check(
    "request-protocol-binding",
    "the answer is wanted by HTTP-POST",
    cites="saml-profiles §4.1.2, §4.1.4.1; saml-core §3.4.1",
    needs="request",
)
def request_protocol_binding(case: Case) -> Outcome:
    """A login must not come back in an address, and this service provider resolves no artifacts. Entra ID refuses every
    other binding with AADSTS75003."""
    binding = root_of(case).get("ProtocolBinding")
    if binding is None:
        return ok("No binding is asked for, so the one of the reply address is used.")
    at = attribute(place_of(case), "ProtocolBinding")
    if binding == BINDING_POST:
        return ok("The answer is wanted by HTTP-POST.", actual=binding, at=at)
    short = show(binding.rpartition(":")[2], 60)
    return problem(
        f"The answer is wanted by {short}; this service provider takes logins by HTTP-POST only.",
        expected=BINDING_POST,
        actual=show(binding),
        at=at,
    )


@check(
    "request-nameid-policy",
    "the request asks for a NameID that people are known by",
    cites="saml-core §3.4.1.1",
    severity=Severity.WARNING,
    needs="request",
)
def request_nameid_policy(case: Case) -> Outcome:
    """People are known by their e-mail address. An IdP that is asked for another format gives a number that nobody
    knows, or refuses with InvalidNameIDPolicy (AADSTS75016)."""
    found = children(case, q(SAMLP, "NameIDPolicy"))
    if not found:
        return ok("No NameID format is asked for; the IdP gives the one that is set up there.")
    asked, at = found[0].get("Format"), attribute(place_of(case, found[0]), "Format")
    if asked is None or asked == NAMEID_UNSPECIFIED:
        return ok("Any NameID format will do.", actual=asked or "none", at=place_of(case, found[0]))
    if asked != NAMEID_EMAIL:
        return problem(
            f"The request asks for a NameID of the format “{show(asked.rpartition(':')[2], 40)}”, and people are known "
            "here by their e-mail address.",
            expected=NAMEID_EMAIL,
            actual=show(asked),
            at=at,
        )
    offered = case.expectation.idp_nameid_formats
    if offered and asked not in offered and NAMEID_UNSPECIFIED not in offered:
        return problem(
            "The request asks for an e-mail address as NameID, which the IdP's metadata does not list.",
            expected=", ".join(offered[:4]),
            actual=asked,
            at=at,
        )
    return ok("An e-mail address is asked for.", actual=asked, at=at)


@check(
    "request-authn-context",
    "the request does not insist on one way of signing in",
    cites="saml-core §3.3.2.2.1",
    severity=Severity.WARNING,
    needs="request",
)
def request_authn_context(case: Case) -> Outcome:
    """With Comparison “exact”, which is also the default, an IdP must refuse everybody who signed in some other way,
    for example with a second factor instead of a password (AADSTS75011, NoAuthnContext). Leave it out unless it is
    meant."""
    found = children(case, q(SAMLP, "RequestedAuthnContext"))
    if not found:
        return ok("No way of signing in is asked for.")
    element = found[0]
    comparison = element.get("Comparison") or "exact"
    named = [show((c.text or "").strip().rpartition(":")[2], 60) for c in element.iterchildren(etree.Element)][:4]
    asked = f"{comparison}: {', '.join(named)}"
    if comparison != "exact":
        message = f"The request asks for a way of signing in ({asked}); check that the IdP can compare them."
        return note(message, actual=asked, at=place_of(case, element))
    return problem(
        f"The request insists on {', '.join(named) or 'a way of signing in'}. Whoever signs in to the IdP in any other "
        "way is refused with NoAuthnContext.",
        expected="no RequestedAuthnContext",
        actual=asked,
        at=place_of(case, element),
    )


@check(
    "request-force-passive",
    "the request does not ask for a new login and for silence at once",
    cites="saml-core §3.4.1",
    severity=Severity.WARNING,
    needs="request",
)
def request_force_passive(case: Case) -> Outcome:
    """ForceAuthn wants the person to sign in again, IsPassive forbids to show them anything. Both together end in
    NoPassive for everybody."""
    root = root_of(case)
    force, passive = root.get("ForceAuthn") in _TRUE, root.get("IsPassive") in _TRUE
    if force and passive:
        return problem(
            "The request wants a new login (ForceAuthn) and forbids to show the login page (IsPassive).",
            expected="one of them",
            actual="both",
            at=attribute(place_of(case), "IsPassive"),
        )
    if passive:
        message = "The request is passive: whoever has no session at the IdP is refused with NoPassive."
        return note(message, at=attribute(place_of(case), "IsPassive"))
    if force:
        message = "The request makes everybody sign in again, even with a session at the IdP."
        return note(message, at=attribute(place_of(case), "ForceAuthn"))
    return ok("It asks for neither.")


@check(
    "request-scoping",
    "the request leaves the choice of the IdP to the IdP",
    cites="saml-core §3.4.1.2",
    severity=Severity.WARNING,
    needs="request",
)
def request_scoping(case: Case) -> Outcome:
    """Scoping is for IdPs that pass requests on to others. Entra ID and AD FS ignore or refuse it; a list that leaves
    the configured IdP out cannot be answered by it."""
    found = children(case, q(SAMLP, "Scoping"))
    if not found:
        return ok("There is no Scoping.")
    at = place_of(case, found[0])
    listed = [e.get("ProviderID") or "" for e in found[0].iterfind(f"{q(SAMLP, 'IDPList')}/{q(SAMLP, 'IDPEntry')}")]
    wanted = case.expectation.idp_entity_id
    if listed and wanted is not None and wanted not in listed:
        return problem(
            "The request lists the IdPs that may answer, and the configured one is not among them.",
            expected=wanted,
            actual=show(", ".join(listed)),
            at=at,
        )
    return note("The request restricts who may answer it (Scoping); many IdPs ignore or refuse that.", at=at)


@check(
    "request-subject",
    "the request does not name a person the wrong way",
    cites="saml-profiles §4.1.4.1",
    needs="request",
)
def request_subject(case: Case) -> Outcome:
    """A request may name the person it is about, and the IdP must then answer for nobody else; but a confirmation
    method has no place in it."""
    found = children(case, q(SAML, "Subject"))
    if not found:
        return not_applicable("The request names nobody.")
    at = place_of(case, found[0])
    confirmation = next(found[0].iterchildren(q(SAML, "SubjectConfirmation")), None)
    if confirmation is not None:
        return problem(
            "The Subject of the request has a SubjectConfirmation, which the profile forbids.",
            expected="a NameID alone",
            actual="saml:SubjectConfirmation",
            at=place_of(case, confirmation),
        )
    return note("The request names a person. Only that person can log in with it, and some IdPs refuse it.", at=at)


@check(
    "request-signed",
    "the request is signed where the IdP wants it, in the way of its binding",
    cites="saml-metadata §2.4.3 (WantAuthnRequestsSigned); saml-bindings §3.4.4.1, §3.5.4",
    needs="request",
)
def request_signed(case: Case) -> Outcome:
    """By HTTP-POST the signature stands in the request, by HTTP-Redirect beside it in the query. An IdP that wants
    requests signed refuses all others (AADSTS76021)."""
    wanted = case.expectation.wants_signed_requests
    return judge_signed(case, "The IdP wants AuthnRequests to be signed (WantAuthnRequestsSigned)." if wanted else None)
