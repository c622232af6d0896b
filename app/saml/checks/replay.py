"""Which request is answered, and whether the assertion was used before. Looks up through the Expectation, keeps
nothing.
"""

from __future__ import annotations

from datetime import datetime

from app.saml.checks.common import (
    PASTED,
    assertion_of,
    attribute,
    bearers,
    claimed_request,
    exact,
    request_of,
    response_in_response_to,
    the_issuer,
    the_name_id,
)
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem
from app.saml.errors import Place
from app.saml.instants import read_instant, span, stamp
from app.saml.likeness import show
from app.saml.message import Assertion

_NO_BELONGING = "The message answers no request; the login began at the IdP."


def _at(case: Case) -> Place | None:
    """The place of the InResponseTo that is claimed."""
    if case.response is not None and case.response.in_response_to is not None:
        return attribute(case.response.at, "InResponseTo")
    for sc in bearers(case.assertion) if case.assertion else ():
        if sc.in_response_to is not None:
            return attribute(sc.data_at or sc.at, "InResponseTo")
    return case.response.at if case.response else None


@check(
    "irt-response",
    "the message answers an open request of this browser",
    cites="saml-core §3.2.2; saml-profiles §4.1.4.3",
    needs="document",
)
def irt_response(case: Case) -> Outcome | None:
    """InResponseTo must name a request that we sent, that is still open, and that this very browser was sent with.

    A lost cookie, the back button, a second tab or a bookmark of the IdP's login page are the usual reasons.
    """
    if case.response is None and case.assertion is None:
        return None
    expectation = case.expectation
    outer, claimed = response_in_response_to(case), claimed_request(case)
    if expectation.expected_request is not None:
        if claimed == expectation.expected_request and outer in (None, claimed):
            return ok("The message answers the expected request.", expected=claimed, actual=claimed, at=_at(case))
        return problem(
            "The message does not answer the expected request."
            if claimed is not None
            else "The message does not answer any request.",
            expected=expectation.expected_request,
            actual=show(outer or claimed or "none"),
            at=_at(case),
        )
    if not expectation.judges_correlation:
        return not_applicable(PASTED)
    if claimed is None:
        return not_applicable(_NO_BELONGING)
    request = expectation.find_request(outer if outer is not None else claimed)
    if request is None:
        return problem(
            "The message answers a request that is not one of ours. If the login began at the IdP's portal, "
            "the message must not answer any request.",
            expected="the id of an open request",
            actual=show(outer or claimed),
            at=_at(case),
        )
    if request.answered_at is None and case.now >= request.expires_at:
        return problem(
            f"The request that it answers expired {span(case.now - request.expires_at)} ago: the sign-in "
            "took too long.",
            expected=f"an answer before {stamp(request.expires_at)}",
            actual=stamp(case.now),
            at=_at(case),
        )
    if expectation.browser is not None and request.browser is not None and request.browser != expectation.browser:
        return problem(
            "The request that it answers was sent from another browser or session. A cookie may have been lost, "
            "or somebody else's login is being passed on.",
            expected="the browser that the request was sent with",
            actual="another one",
            at=_at(case),
        )
    inner = [sc.in_response_to for sc in bearers(case.assertion)] if case.assertion else []
    if inner and case.response is not None and case.response.provenance == "unsigned" and outer not in inner:
        return problem(
            "Only the unsigned Response claims to answer our request; the signed assertion inside does not. "
            "Anybody can write that attribute (CVE-2026-49284).",
            expected=show(outer or claimed),
            actual=show(next((i for i in inner if i), "none")),
            at=_at(case),
        )
    return ok("The message answers an open request of ours.", expected=request.id, actual=request.id, at=_at(case))


@check(
    "irt-unsolicited", "a login that began at the IdP names no request", cites="saml-profiles §4.1.5", needs="document"
)
def irt_unsolicited(case: Case) -> Outcome | None:
    """Where nothing was asked, nothing can be answered: InResponseTo must then be absent, and policy must allow such
    logins.
    """
    if case.response is None and case.assertion is None:
        return None
    expectation = case.expectation
    if expectation.expected_request is not None:
        return not_applicable("A certain request is expected; see irt-response.")
    claimed = claimed_request(case)
    if claimed is None:
        if expectation.policy.allow_idp_initiated:
            return ok("The login began at the IdP and names no request.")
        return problem(
            "The login began at the IdP, which the policy does not allow.",
            expected="an answer to our request",
            actual="none",
            at=_at(case),
        )
    if not expectation.judges_correlation:
        return not_applicable(PASTED)
    if request_of(case) is not None:
        return not_applicable("The message answers a request of ours.")
    return problem(
        "No such request was ever sent, so the login must have begun at the IdP; but then it must not name a request.",
        expected="no InResponseTo",
        actual=show(claimed),
        at=_at(case),
    )


@check(
    "irt-consistent",
    "Response and assertion answer the same request",
    cites="CVE-2026-49284; saml-profiles §4.1.4.3",
    needs="response",
)
def irt_consistent(case: Case) -> Outcome:
    """The two places where the request is named must agree, because the outer one is often unsigned."""
    if case.assertion is None or not bearers(case.assertion):
        return not_applicable("There is no bearer confirmation to compare with.")
    outer = response_in_response_to(case)
    inner = [sc.in_response_to for sc in bearers(case.assertion)]
    if outer in inner:
        return ok("Response and assertion agree on which request they answer." if outer else "Neither names a request.")
    return problem(
        "The Response and the assertion inside it do not answer the same request.",
        expected=show(outer) if outer is not None else "none",
        actual=show(next((i for i in inner if i), "none")),
        at=_at(case),
    )


@check(
    "irt-single-use",
    "the request has not been answered before",
    cites="NIST SP 800-63C; CVE-2026-53425",
    needs="document",
)
def irt_single_use(case: Case) -> Outcome | None:
    """A request is answered once. A second answer is a reloaded page, a second tab, or somebody else's message."""
    if case.response is None and case.assertion is None:
        return None
    if not case.expectation.judges_correlation:
        return not_applicable(PASTED)
    outer = response_in_response_to(case)
    request = case.expectation.find_request(outer) if outer is not None else request_of(case)
    if request is None:
        return not_applicable("The message does not answer a request of ours.")
    if request.answered_at is None:
        return ok("The request has not been answered before.")
    return problem(
        f"The request was already answered {span(case.now - request.answered_at)} ago.",
        expected="an open request",
        actual=f"answered at {stamp(request.answered_at)}",
        at=_at(case),
    )


@check("replay-assertion-id", "the assertion has not been used before", cites="saml-profiles §4.1.4.5; CVE-2020-5261")
def replay_assertion_id(case: Case) -> Outcome:
    """An assertion lets somebody in once. It is known again by its issuer and its own ID, both of which are signed.

    The ID of the Response around it does not count: anybody may change that where only the assertion is signed.
    """
    a = assertion_of(case)
    issuer = the_issuer(a)
    if issuer is None or not a.id:
        return not_applicable("The assertion has no issuer or no ID to know it by.")
    use = case.expectation.find_use(issuer.text.value, a.id)
    if use is None:
        return ok("The assertion has not been used before.", actual=show(a.id), at=attribute(a.at, "ID"))
    return problem(
        f"This very assertion was already used {span(case.now - use.first_used_at)} ago (login {use.reference}). "
        "A reloaded page sends it twice; so does somebody who has copied it.",
        expected="an assertion that is used for the first time",
        actual=f"first used at {stamp(use.first_used_at)}",
        at=attribute(a.at, "ID"),
    )


def last_moment(assertion: Assertion) -> datetime | None:
    """The latest end of validity that the assertion names, or None."""
    return max(_ends(assertion), default=None)


def first_end(assertion: Assertion) -> datetime | None:
    """When the assertion stops being good for a login: the earliest end of validity that it names, or None."""
    return min(_ends(assertion), default=None)


def _ends(assertion: Assertion) -> list[datetime]:
    texts = [c.not_on_or_after for c in assertion.conditions] + [sc.not_on_or_after for sc in bearers(assertion)]
    instants = [read_instant(text) for text in texts if text is not None]
    return [i.at for i in instants if i.at is not None]


@check(
    "replay-horizon",
    "it is known for how long the assertion must be remembered",
    cites="saml-profiles §4.1.4.5",
    severity=Severity.WARNING,
)
def replay_horizon(case: Case) -> Outcome:
    """Used assertions are remembered until they expire by themselves; one without an end would have to be kept for
    ever.
    """
    a = assertion_of(case)
    end = last_moment(a)
    if end is None:
        return problem(
            "The assertion has no end, so it would have to be remembered for ever.",
            expected="NotOnOrAfter",
            actual="none",
            at=a.at,
        )
    return ok(f"The assertion is remembered until {stamp(end)} and twice the clock skew.")


@check(
    "replay-onetimeuse", "an assertion for one use is used once", cites="saml-core §2.5.1.5", severity=Severity.WARNING
)
def replay_onetimeuse(case: Case) -> Outcome:
    """OneTimeUse forbids keeping the assertion for later. This service provider never does."""
    if not [c for c in assertion_of(case).conditions if c.one_time_use]:
        return not_applicable("There is no OneTimeUse condition.")
    return note("The assertion may be used once only, and is.")


@check(
    "jit-first-login-idp-initiated",
    "the first login of a person begins at the identity provider",
    cites="product rule: first login",
    decides="provisioning",
    profile="imagekit",
)
def jit_first_login_idp_initiated(case: Case) -> Outcome:
    """Nobody can be registered by a login that began at the service provider, for it would have had to know the person.

    It happens when somebody types one address and signs in at the IdP with another.
    """
    name_id = the_name_id(assertion_of(case))
    if case.expectation.account is None or name_id is None:
        return not_applicable("There is no account whose users could be looked up.")
    claimed = claimed_request(case)
    if claimed is None:
        return ok("The login began at the IdP, where people may be registered.")
    who = exact(name_id.text)
    if who is not None and case.expectation.find_role(who) is not None:
        return ok("The person is already registered.")
    return problem(
        "This person is not registered yet, and the login began at the service provider. The first login "
        "must begin at the IdP's portal.",
        expected="a first login from the IdP's portal",
        actual=f"an answer to {show(claimed, 60)}",
        at=name_id.text.at,
    )
