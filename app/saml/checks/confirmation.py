"""Whether the person who brings the assertion may use it: SubjectConfirmation.

One bearer confirmation must pass every rule by itself. Where there is exactly one, the rule that it breaks reports it;
where there are several, sc-bearer reports it when none passes them all.
"""

from __future__ import annotations

from app.saml.checks.common import (
    NO_ACS,
    acs_urls,
    assertion_of,
    attribute,
    bearers,
    response_in_response_to,
)
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem, skipped
from app.saml.checks.timing import expired, why_expired
from app.saml.instants import iso, read_instant, span
from app.saml.likeness import difference, show
from app.saml.message import SubjectConfirmation
from app.saml.names import CM_BEARER, CM_HOLDER_OF_KEY, CM_SENDER_VOUCHES

_KNOWN = {CM_HOLDER_OF_KEY: "holder-of-key", CM_SENDER_VOUCHES: "sender-vouches"}
_NO_BEARER = "There is no bearer confirmation; see sc-bearer."


def _data(sc: SubjectConfirmation) -> Outcome | None:
    if sc.has_data:
        return None
    return problem(
        "The bearer confirmation has no SubjectConfirmationData.",
        expected="SubjectConfirmationData",
        actual="none",
        at=sc.at,
    )


def _recipient(case: Case, sc: SubjectConfirmation) -> Outcome | None:
    wanted = acs_urls(case.expectation)
    if not wanted or sc.recipient in wanted:
        return None
    at = attribute(sc.data_at or sc.at, "Recipient")
    if sc.recipient is None:
        return problem(
            "The bearer confirmation does not say to whom the assertion may be brought.",
            expected=wanted[0],
            actual="none",
            at=sc.data_at or sc.at,
        )
    if sc.recipient and sc.recipient == case.expectation.sp_entity_id:
        why = "It is the entity ID of the service provider; the ACS URL belongs there."
    else:
        why = difference(wanted[0], sc.recipient)
    return problem(
        f"The assertion may be brought to another URL than our ACS URL. {why}",
        expected=wanted[0],
        actual=show(sc.recipient),
        at=at,
    )


def _not_on_or_after(case: Case, sc: SubjectConfirmation) -> Outcome | None:
    if sc.not_on_or_after is None:
        return problem(
            "The bearer confirmation does not say until when it may be used.",
            expected="NotOnOrAfter",
            actual="none",
            at=sc.data_at or sc.at,
        )
    instant = read_instant(sc.not_on_or_after)
    if instant.at is not None and not expired(case, instant.at):
        return None
    at = attribute(sc.data_at or sc.at, "NotOnOrAfter")
    if instant.at is None:
        return problem(
            f"The end of the bearer confirmation cannot be read. {instant.problem}",
            expected="for example 2026-11-23T20:36:00Z",
            actual=show(instant.text, 80),
            at=at,
        )
    return problem(
        f"The bearer confirmation expired {span(case.now - instant.at)} ago.{why_expired(case, instant.at)}",
        expected=f"after {iso(case.now - case.expectation.policy.clock_skew)}",
        actual=show(instant.text, 80),
        at=at,
    )


def _not_before(case: Case, sc: SubjectConfirmation) -> Outcome | None:
    """Only a NotBefore that has not come yet bars a confirmation; its mere presence is a warning."""
    if sc.not_before is None:
        return None
    instant = read_instant(sc.not_before)
    at = attribute(sc.data_at or sc.at, "NotBefore")
    if instant.at is None:
        return problem(
            f"The beginning of the bearer confirmation cannot be read. {instant.problem}",
            actual=show(instant.text, 80),
            at=at,
            severity=Severity.ERROR,
        )
    if instant.at - case.now > case.expectation.policy.clock_skew:
        return problem(
            f"The bearer confirmation will only be valid in {span(instant.at - case.now)}.",
            expected="no NotBefore",
            actual=show(instant.text, 80),
            at=at,
            severity=Severity.ERROR,
        )
    return None


def _in_response_to(case: Case, sc: SubjectConfirmation) -> Outcome | None:
    expectation = case.expectation
    if sc.in_response_to is None and expectation.expected_request is None and response_in_response_to(case) is None:
        return None
    at = attribute(sc.data_at or sc.at, "InResponseTo") if sc.in_response_to is not None else sc.data_at or sc.at
    if expectation.expected_request is not None:
        if sc.in_response_to == expectation.expected_request:
            return None
        return problem(
            "The bearer confirmation does not answer the expected request."
            + (" It has no InResponseTo." if sc.in_response_to is None else ""),
            expected=expectation.expected_request,
            actual=show(sc.in_response_to) if sc.in_response_to is not None else "none",
            at=at,
        )
    if sc.in_response_to is None:
        outer = response_in_response_to(case) or ""
        return problem(
            "The Response answers a request, but the bearer confirmation inside the assertion does not say which.",
            expected=show(outer),
            actual="none",
            at=at,
        )
    if not expectation.judges_correlation or expectation.find_request(sc.in_response_to) is not None:
        return None
    return problem(
        "The bearer confirmation answers a request that is not one of ours.",
        expected="the id of a request of ours, or none when the login starts at the IdP",
        actual=show(sc.in_response_to),
        at=at,
    )


def _failings(case: Case, sc: SubjectConfirmation) -> list[Outcome]:
    """Everything that bars this one bearer confirmation."""
    if not sc.has_data:
        return [o for o in (_data(sc),) if o is not None]
    found = (_recipient(case, sc), _not_on_or_after(case, sc), _not_before(case, sc), _in_response_to(case, sc))
    return [o for o in found if o is not None]


def _any_passes(case: Case) -> bool:
    return any(not _failings(case, sc) for sc in bearers(assertion_of(case)))


@check("sc-bearer", "one bearer confirmation keeps all the rules together", cites="saml-profiles §4.1.4.2, §4.1.4.3")
def sc_bearer(case: Case) -> Outcome:
    """The recipient must not be taken from one confirmation and the time from another: one of them must fit as a
    whole.
    """
    a = assertion_of(case)
    found = bearers(a)
    if not found:
        count = len(a.subject.confirmations) if a.subject else 0
        return problem(
            "The Subject has no confirmation, so nobody may use this assertion for a login."
            if not count
            else "None of the subject confirmations is a bearer confirmation, which a login in the browser needs.",
            expected=CM_BEARER,
            actual=show(", ".join(c.method or "no Method" for c in a.subject.confirmations[:5]))
            if a.subject and count
            else "none",
            at=a.subject.at if a.subject else a.at,
        )
    for sc in found:
        if not _failings(case, sc):
            return ok("A bearer confirmation keeps all the rules.", at=sc.at)
    if len(found) == 1:
        return not_applicable("There is one bearer confirmation; the rule that it breaks says so.")
    reasons = [f"Number {n}: {_failings(case, sc)[0].message}" for n, sc in enumerate(found[:5], 1)]
    return problem(
        f"None of the {len(found)} bearer confirmations keeps all the rules. {' '.join(reasons)}",
        expected="one bearer confirmation that fits as a whole",
        actual=f"{len(found)} that do not",
        at=found[0].at,
    )


@check("sc-method", "the confirmation method is bearer, written exactly", cites="saml-profiles §3.1-3.3; CVE-2020-5268")
def sc_method(case: Case) -> Outcome:
    """A missing method is not "bearer"; holder-of-key and sender-vouches demand proofs that a browser login lacks."""
    a = assertion_of(case)
    confirmations = a.subject.confirmations if a.subject else ()
    if not confirmations:
        return not_applicable("There is no subject confirmation; see sc-bearer.")
    for sc in confirmations:
        if not sc.method:
            return problem("A subject confirmation has no Method.", expected=CM_BEARER, actual="none", at=sc.at)
    if bearers(a):
        others = [_KNOWN.get(c.method or "", show(c.method or "")) for c in confirmations if c.method != CM_BEARER]
        return ok("There is a bearer confirmation." + (f" Left aside: {', '.join(others[:5])}." if others else ""))
    first = confirmations[0]
    method = first.method or ""
    why = (
        f"The method is {_KNOWN[method]}, which asks for a proof that a browser login does not have."
        if method in _KNOWN
        else f"The confirmation method is not the one of a browser login. {difference(CM_BEARER, method)}"
    )
    return problem(why, expected=CM_BEARER, actual=show(method), at=first.at)


def _one_rule(case: Case, failing: list[Outcome | None], fine: str) -> Outcome:
    """The outcome of a single rule over all bearer confirmations."""
    if not failing:
        return not_applicable(_NO_BEARER)
    if len(failing) > 1 and _any_passes(case):
        return ok(fine)
    first = failing[0] if len(failing) == 1 else next((o for o in failing if o is not None), None)
    # With several confirmations the rule itself is kept where any of them keeps it; sc-bearer judges them as a whole.
    return ok(fine) if first is None or (len(failing) > 1 and None in failing) else first


@check("sc-data", "the bearer confirmation has its data", cites="saml-profiles §4.1.4.2")
def sc_data(case: Case) -> Outcome:
    """SubjectConfirmationData holds recipient, time and request id, without which a bearer confirmation says
    nothing.
    """
    return _one_rule(case, [_data(sc) for sc in bearers(assertion_of(case))], "The bearer confirmation has its data.")


@check("sc-recipient", "the assertion may be brought to our ACS URL", cites="saml-profiles §4.1.4.2, §4.1.4.3")
def sc_recipient(case: Case) -> Outcome:
    """Recipient must equal the ACS URL letter by letter; otherwise another service provider could pass the assertion
    on.

    In Okta it follows "Single sign-on URL", in OneLogin it has a field of its own, in Entra it is the Reply URL.
    """
    wanted = acs_urls(case.expectation)
    if not wanted:
        return skipped(NO_ACS)
    found = [sc for sc in bearers(assertion_of(case)) if sc.has_data]
    if not found and bearers(assertion_of(case)):
        return not_applicable("There is no SubjectConfirmationData; see sc-data.")
    return _one_rule(case, [_recipient(case, sc) for sc in found], "The assertion may be brought to our ACS URL.")


@check("sc-notonorafter", "the bearer confirmation has not expired", cites="saml-profiles §4.1.4.2, §4.1.4.3")
def sc_notonorafter(case: Case) -> Outcome:
    """The end of a bearer confirmation must be there, and it must not have passed."""
    found = [sc for sc in bearers(assertion_of(case)) if sc.has_data]
    if not found and bearers(assertion_of(case)):
        return not_applicable("There is no SubjectConfirmationData; see sc-data.")
    return _one_rule(case, [_not_on_or_after(case, sc) for sc in found], "The bearer confirmation has not expired.")


@check(
    "sc-no-notbefore",
    "the bearer confirmation has no NotBefore",
    cites="saml-profiles §4.1.4.2",
    severity=Severity.WARNING,
)
def sc_no_notbefore(case: Case) -> Outcome:
    """A bearer confirmation must not have a NotBefore. Some IdPs send one; it is harmless once that moment has come."""
    found = bearers(assertion_of(case))
    if not found:
        return not_applicable(_NO_BEARER)
    if len(found) > 1 and any(not _failings(case, sc) and sc.not_before is None for sc in found):
        return ok("The bearer confirmation has no NotBefore.")
    for sc in found:
        if sc.not_before is not None:
            return _not_before(case, sc) or problem(
                "The bearer confirmation has a NotBefore, which it must not have.",
                expected="no NotBefore",
                actual=show(sc.not_before, 80),
                at=attribute(sc.data_at or sc.at, "NotBefore"),
            )
    return ok("The bearer confirmation has no NotBefore.")


@check("sc-inresponseto", "the bearer confirmation answers our request", cites="saml-profiles §4.1.4.2, §4.1.4.3")
def sc_inresponseto(case: Case) -> Outcome:
    """Inside the signed assertion must stand which request it answers, and nothing where the login began at the IdP.

    The same attribute on the Response is often not signed and proves nothing alone.
    """
    found = [sc for sc in bearers(assertion_of(case)) if sc.has_data]
    if not found and bearers(assertion_of(case)):
        return not_applicable("There is no SubjectConfirmationData; see sc-data.")
    unsolicited = all(sc.in_response_to is None for sc in found)
    fine = (
        "The login began at the IdP, and the confirmation names no request."
        if unsolicited
        else "The confirmation names a request that fits."
    )
    return _one_rule(case, [_in_response_to(case, sc) for sc in found], fine)


@check("sc-address", "the address of the person is shown", cites="saml-profiles §4.1.4.3", severity=Severity.INFO)
def sc_address(case: Case) -> Outcome:
    """The network address that the IdP saw. Behind a proxy or with IPv6 it differs from ours, so it is only shown."""
    for sc in bearers(assertion_of(case)):
        if sc.address is not None:
            return note(
                f"The IdP saw the person at {show(sc.address, 80)}. The address is not compared.",
                actual=show(sc.address, 80),
                at=attribute(sc.data_at or sc.at, "Address"),
            )
    return not_applicable("No address is given.")
