"""What several groups of checks need: places of attributes, expected URLs, bearer confirmations. No checks in here."""

from __future__ import annotations

from typing import Final

from app.saml.checks.registry import Case
from app.saml.errors import Place
from app.saml.expectation import Expectation, OpenRequest
from app.saml.message import Assertion, Issuer, NameID, SubjectConfirmation, Text
from app.saml.names import CM_BEARER

NO_SP = "The entity ID of the service provider is not configured, so there is nothing to compare with."
NO_ACS = "The ACS URL of the service provider is not configured, so there is nothing to compare with."
PASTED = "A pasted message is not held against the requests that are open now."


_new: Final = tuple.__new__  # the constructor of a named tuple costs as much again


def attribute(at: Place, name: str) -> Place:
    """The place of an attribute of the element at `at`."""
    return _new(Place, (f"{at[0]}/@{name}", at[1]))


def exact(text: Text) -> str | None:
    """The value that may be compared: None where anything but one run of text stands there (CVE-2017-11427)."""
    return text.value if text.simple else None


def assertion_of(case: Case) -> Assertion:
    """The assertion of a case whose check `needs` one."""
    assert case.assertion is not None
    return case.assertion


def the_issuer(assertion: Assertion) -> Issuer | None:
    """The one Issuer of an assertion, or None where there is not exactly one."""
    return assertion.issuers[0] if len(assertion.issuers) == 1 else None


def the_name_id(assertion: Assertion) -> NameID | None:
    """The one NameID of an assertion, or None where there is not exactly one."""
    ids = assertion.subject.name_ids if assertion.subject else ()
    return ids[0] if len(ids) == 1 else None


def values(assertion: Assertion, name: str) -> tuple[str, ...]:
    """The values of every Attribute with exactly this Name, in document order; nil and XML values are left out."""
    found = [a.values for a in assertion.attributes if a.name == name]
    return tuple([v.text.value for given in found for v in given if not v.nil and v.text.simple])


def bearers(assertion: Assertion) -> tuple[SubjectConfirmation, ...]:
    """The bearer confirmations (saml-profiles §3.3)."""
    confirmations = assertion.subject.confirmations if assertion.subject else ()
    if len(confirmations) == 1 and confirmations[0].method == CM_BEARER:
        return confirmations
    return tuple([c for c in confirmations if c.method == CM_BEARER])


def acs_urls(expectation: Expectation) -> tuple[str, ...]:
    """Every spelling of the ACS URL that counts as ours, the configured one first; empty where none is configured.

    A child account uses its Identifier, fragment and all, as Reply URL too. The fragment never reaches a server, so
    both spellings name the same endpoint.
    """
    acs = expectation.acs_url
    if acs is None:
        return ()
    override, default = expectation.sp_entity_id, expectation.default_sp_entity_id
    if override is None or default is None or not override.startswith(f"{default}#"):
        return (acs,)
    plain, fragment = acs.partition("#")[0], override[len(default) :]
    return tuple(dict.fromkeys((acs, plain, plain + fragment)))


def response_in_response_to(case: Case) -> str | None:
    """Response/@InResponseTo; None for a bare assertion."""
    return case.response.in_response_to if case.response else None


def claimed_request(case: Case) -> str | None:
    """The request id that the message answers: inside the assertion before the Response, whose attribute may be
    unsigned.
    """
    if case.assertion is not None:
        for c in bearers(case.assertion):
            if c.in_response_to is not None:
                return c.in_response_to
    return response_in_response_to(case)


def request_of(case: Case) -> OpenRequest | None:
    """Our AuthnRequest that the message answers, or None where it names none of ours."""
    claimed = claimed_request(case)
    return None if claimed is None else case.expectation.find_request(claimed)
