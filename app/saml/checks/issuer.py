"""Who says so: the Issuer of the assertion and of the Response. Whose key signed is the business of signature.py."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes

from app.saml.checks.common import PASTED, assertion_of, exact, request_of, the_issuer
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem
from app.saml.expectation import TrustedKey
from app.saml.likeness import difference, show
from app.saml.message import Issuer
from app.saml.names import NAMEID_ENTITY


@check(
    "issuer-assertion-present", "the assertion names its issuer once", cites="saml-core §2.3.3; saml-profiles §4.1.4.2"
)
def issuer_assertion_present(case: Case) -> Outcome:
    """The Issuer says which identity provider vouches for the person. Without it nobody can be held to the
    assertion.
    """
    a = assertion_of(case)
    if not a.issuers:
        return problem(
            "The assertion has no Issuer; the IdP must name itself in it.",
            expected="one Issuer",
            actual="none",
            at=a.at,
        )
    if len(a.issuers) > 1:
        return problem(
            "The assertion has more than one Issuer.",
            expected="one Issuer",
            actual=str(len(a.issuers)),
            at=a.issuers[1].text.at,
        )
    text = a.issuers[0].text
    if not text.value.strip():
        return problem(
            "The Issuer of the assertion is empty.", expected="the entity ID of the IdP", actual="", at=text.at
        )
    return ok("The assertion names its issuer.", actual=show(text.value), at=text.at)


@check(
    "issuer-match", "the issuer is the configured identity provider", cites="saml-core §1.3.1; saml-profiles §4.1.4.2"
)
def issuer_match(case: Case) -> Outcome:
    """The Issuer must equal the entity ID from the IdP's metadata, letter by letter.

    A wrong tenant, a slash at the end or metadata of another application are the usual reasons for a difference.
    """
    wanted = case.expectation.idp_entity_id
    issuer = the_issuer(assertion_of(case))
    if issuer is None:
        return not_applicable("There is not exactly one Issuer; see issuer-assertion-present.")
    if wanted is None:
        # Where only a certificate was given, the key alone is trusted, and there is no name to hold against it.
        return note(
            "Only a key is configured, and no entity ID to compare the issuer with.",
            actual=show(issuer.text.value),
            at=issuer.text.at,
        )
    if exact(issuer.text) == wanted:
        return ok("The issuer is the configured identity provider.", expected=wanted, actual=wanted, at=issuer.text.at)
    why = difference(wanted, issuer.text.value) if issuer.text.value != wanted else "There is more than text in it."
    return problem(
        f"The assertion comes from another issuer than the configured identity provider. {why}",
        expected=wanted,
        actual=show(issuer.text.value),
        at=issuer.text.at,
    )


@check(
    "issuer-response-match",
    "the Response and the assertion name the same issuer",
    cites="saml-profiles §4.1.4.2",
    needs="response",
)
def issuer_response_match(case: Case) -> Outcome:
    """The Issuer of the Response may be left out only where the Response is not signed and nothing in it is
    encrypted.
    """
    response = case.response
    assert response is not None
    if response.issuer is None:
        if response.provenance == "signed-by-response":
            return problem(
                "The Response is signed but does not name its issuer.",
                expected="an Issuer",
                actual="none",
                at=response.at,
            )
        if response.encrypted_assertions:
            return problem(
                "The assertion is encrypted, so the Response must name its issuer.",
                expected="an Issuer",
                actual="none",
                at=response.at,
            )
        return ok("The Response leaves its Issuer out, as it may where only the assertion is signed.")
    own = exact(response.issuer.text)
    of_assertion = the_issuer(case.assertion) if case.assertion else None
    wanted = of_assertion.text.value if of_assertion else case.expectation.idp_entity_id
    if wanted is None:
        return not_applicable("There is nothing to compare the Issuer of the Response with.")
    if own == wanted:
        return ok(
            "The Response names the same issuer.",
            expected=show(wanted),
            actual=show(wanted),
            at=response.issuer.text.at,
        )
    whom = "the assertion inside it" if of_assertion else "the configured identity provider"
    return problem(
        f"The Response names another issuer than {whom}."
        + (f" {difference(wanted, response.issuer.text.value)}" if wanted != response.issuer.text.value else ""),
        expected=show(wanted),
        actual=show(response.issuer.text.value),
        at=response.issuer.text.at,
    )


@check(
    "issuer-format",
    "the Issuer is a plain entity identifier",
    cites="saml-profiles §4.1.4.2; saml-core §8.3.6",
    severity=Severity.WARNING,
)
def issuer_format(case: Case) -> Outcome:
    """An Issuer has no Format, or the format "entity", and none of the qualifiers that a NameID may have."""
    a = assertion_of(case)
    issuers: list[Issuer] = [*a.issuers]
    if case.response is not None and case.response.issuer is not None:
        issuers.append(case.response.issuer)
    for issuer in issuers:
        if issuer.format not in (None, NAMEID_ENTITY):
            return problem(
                "The Issuer has a Format that is not the one of entities.",
                expected=NAMEID_ENTITY,
                actual=show(issuer.format or ""),
                at=issuer.text.at,
            )
        if issuer.name_qualifier or issuer.sp_name_qualifier or issuer.sp_provided_id:
            return problem("The Issuer has a qualifier, which only a NameID may have.", at=issuer.text.at)
    return ok("The Issuer is a plain entity identifier.")


def _fingerprints(keys: tuple[TrustedKey, ...]) -> frozenset[str]:
    return frozenset(k.certificate.fingerprint(hashes.SHA256()).hex() for k in keys)


@check(
    "issuer-key-binding",
    "the key that signed belongs to the issuer that is named",
    cites="CVE-2023-41890; saml-profiles §4.1.4.2",
    needs="signature",
)
def issuer_key_binding(case: Case) -> Outcome:
    """Where several identity providers are trusted, each may speak for itself only.

    Otherwise one customer's IdP could let people into the account of another.
    """
    if not case.expectation.other_idps:
        return not_applicable("Only one identity provider is configured.")
    issuer = the_issuer(case.assertion) if case.assertion else case.response.issuer if case.response else None
    if issuer is None:
        return not_applicable("There is no Issuer to bind the key to.")
    named = issuer.text.value
    ours = _fingerprints(case.expectation.trusted_keys)
    used = {f.key for f in case.signatures if f.key} | {e for f in case.signatures for e in f.embedded_fingerprints}
    for entity_id, keys in case.expectation.other_idps:
        theirs = _fingerprints(keys) - ours
        if named != entity_id and used & theirs:
            return problem(
                "The message is signed with the key of one identity provider but names another as its issuer.",
                expected=show(named),
                actual=entity_id,
                at=issuer.text.at,
            )
        if named == entity_id and named != case.expectation.idp_entity_id and used & ours:
            return problem(
                "The key of the configured identity provider signed a message that names another provider "
                "as its issuer.",
                expected=case.expectation.idp_entity_id,
                actual=show(named),
                at=issuer.text.at,
            )
    return ok("The key that signed belongs to the issuer that is named.", at=issuer.text.at)


@check(
    "issuer-expected",
    "the answer comes from the identity provider that was asked",
    cites="CVE-2026-49284; NIST SP 800-63C",
)
def issuer_expected(case: Case) -> Outcome:
    """A request that was sent to one identity provider must not be answered by another."""
    if not case.expectation.judges_correlation:
        return not_applicable(PASTED)
    request = request_of(case)
    issuer = the_issuer(assertion_of(case))
    if request is None or issuer is None:
        return not_applicable("The message does not answer a request of ours.")
    if exact(issuer.text) == request.idp_entity_id:
        return ok(
            "The identity provider that was asked has answered.",
            expected=request.idp_entity_id,
            actual=request.idp_entity_id,
        )
    return problem(
        "Another identity provider answers than the one the request was sent to.",
        expected=request.idp_entity_id,
        actual=show(issuer.text.value),
        at=issuer.text.at,
    )
