"""Where the message was sent to: Destination of the Response. Recipient is in confirmation.py."""

from __future__ import annotations

from app.saml.checks.common import NO_ACS, acs_urls, attribute
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, ok, problem, skipped
from app.saml.likeness import difference, show


@check("destination-present", "a signed Response says where it goes", cites="saml-bindings §3.5.5.2", needs="response")
def destination_present(case: Case) -> Outcome:
    """A signed message sent through the browser must name its Destination, so that it cannot be replayed elsewhere."""
    r = case.response
    assert r is not None
    if r.destination is not None:
        return ok("The Response says where it goes.", actual=show(r.destination), at=attribute(r.at, "Destination"))
    if r.provenance == "signed-by-response":
        return problem(
            "The Response is signed but has no Destination.", expected=case.expectation.acs_url, actual="none", at=r.at
        )
    return problem(
        "The Response has no Destination. It is not signed, so this is only untidy.",
        expected=case.expectation.acs_url,
        actual="none",
        at=r.at,
        severity=Severity.WARNING,
    )


@check("destination-match", "the Response was meant for our ACS URL", cites="saml-core §3.2.2", needs="response")
def destination_match(case: Case) -> Outcome:
    """Destination must equal the URL at which the message arrived, letter by letter; otherwise it must be discarded.

    A proxy in front that ends TLS, a slash at the end, or the URL of a staging system are the usual reasons.
    """
    r = case.response
    assert r is not None
    if r.destination is None:
        return not_applicable("There is no Destination; see destination-present.")
    wanted = acs_urls(case.expectation)
    if not wanted:
        return skipped(NO_ACS)
    at = attribute(r.at, "Destination")
    if r.destination in wanted:
        return ok("The Response was meant for our ACS URL.", expected=wanted[0], actual=r.destination, at=at)
    return problem(
        f"The Response was sent to another URL than our ACS URL. {difference(wanted[0], r.destination)}",
        expected=wanted[0],
        actual=show(r.destination),
        at=at,
    )


@check(
    "destination-https", "the message travels over https", cites="SDP-SP09", severity=Severity.WARNING, needs="response"
)
def destination_https(case: Case) -> Outcome:
    """Over plain http everybody on the way can read the assertion. On the own machine that is harmless."""
    r = case.response
    assert r is not None
    if not r.destination:
        return not_applicable("There is no Destination.")
    if r.destination.startswith("https://"):
        return ok("The Destination is an https URL.", at=attribute(r.at, "Destination"))
    return problem(
        "The Destination is not an https URL.",
        expected="https://…",
        actual=show(r.destination),
        at=attribute(r.at, "Destination"),
    )
