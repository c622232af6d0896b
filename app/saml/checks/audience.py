"""For whom the assertion was made: AudienceRestriction. Whom it was sent to is in destination.py and
confirmation.py.
"""

from __future__ import annotations

from app.saml.checks.common import NO_SP, assertion_of, exact
from app.saml.checks.registry import Case, Outcome, check, not_applicable, ok, problem, skipped
from app.saml.likeness import difference, edit_distance, show
from app.saml.message import AudienceRestriction, Text


def _restrictions(case: Case) -> tuple[AudienceRestriction, ...]:
    conditions = assertion_of(case).conditions
    if len(conditions) == 1:
        return conditions[0].audience_restrictions
    return tuple([r for c in conditions for r in c.audience_restrictions])


def _names_us(restriction: AudienceRestriction, us: str) -> bool:
    return us in [exact(a) for a in restriction.audiences]


def _closest(audiences: list[Text], us: str) -> Text:
    """The audience that a person would say is meant: the most alike of the first few."""
    return min(audiences[:20], key=lambda a: edit_distance(a.value[:200], us[:200]))


@check("audience-present", "the assertion says for whom it is", cites="saml-profiles §4.1.4.2")
def audience_present(case: Case) -> Outcome:
    """Without an AudienceRestriction an assertion made for one application could be used at any other."""
    if _restrictions(case):
        return ok("The assertion says for whom it is.")
    a = assertion_of(case)
    return problem(
        "The assertion has no AudienceRestriction, so it does not say for whom it is.",
        expected=case.expectation.sp_entity_id,
        actual="none",
        at=a.conditions[0].at if a.conditions else a.at,
    )


@check("audience-nonempty", "every audience restriction names somebody", cites="saml-core §2.5.1.4")
def audience_nonempty(case: Case) -> Outcome:
    """An empty Audience usually means that the Identifier was left empty in the application at the IdP."""
    restrictions = _restrictions(case)
    if not restrictions:
        return not_applicable("There is no AudienceRestriction; see audience-present.")
    for r in restrictions:
        if not [a for a in r.audiences if a.value.strip()]:
            return problem(
                "An AudienceRestriction names nobody.",
                expected=case.expectation.sp_entity_id,
                actual="no Audience" if not r.audiences else "an empty Audience",
                at=r.at,
            )
    return ok("Every audience restriction names somebody.")


@check("audience-match", "the assertion was made for us", cites="saml-core §1.3.1, §2.5.1.4")
def audience_match(case: Case) -> Outcome:
    """The Audience must equal the entity ID of the service provider, letter by letter.

    In the IdP's application this value is called Identifier (Entra), Audience URI (Okta), Audience (OneLogin) or
    relying party identifier (AD FS).
    """
    us = case.expectation.sp_entity_id
    if us is None:
        return skipped(NO_SP)
    restrictions = _restrictions(case)
    audiences = [a for r in restrictions for a in r.audiences]
    if not [a for a in audiences if a.value.strip()]:
        return not_applicable("No audience is named; see audience-present and audience-nonempty.")
    for a in audiences:
        if exact(a) == us:
            return ok("The assertion was made for us.", expected=us, actual=us, at=a.at)
    closest = _closest(audiences, us)
    others = f" {len(audiences) - 1} more named." if len(audiences) > 1 else ""
    why = difference(us, closest.value) if closest.value != us else "There is more than text in it."
    return problem(
        f"The assertion was made for another service provider. {why}{others}",
        expected=us,
        actual=show(closest.value),
        at=closest.at,
    )


@check("audience-all-restrictions", "every single audience restriction includes us", cites="saml-core §2.5.1.4")
def audience_all_restrictions(case: Case) -> Outcome:
    """Audiences within one restriction are alternatives; several restrictions must all be met."""
    us = case.expectation.sp_entity_id
    restrictions = _restrictions(case)
    if us is None or len(restrictions) < 2:
        return not_applicable("There is at most one AudienceRestriction.")
    for number, r in enumerate(restrictions, 1):
        if not _names_us(r, us):
            return problem(
                f"There are {len(restrictions)} audience restrictions and all must be met; number {number} "
                "does not include us.",
                expected=us,
                actual=show(", ".join(a.value for a in r.audiences[:5])),
                at=r.at,
            )
    return ok(f"All {len(restrictions)} audience restrictions include us.")


@check(
    "audience-child-account",
    "a child account's own Identifier is used, and only by the child",
    cites="product rule: Entity ID override",
    profile="imagekit",
)
def audience_child_account(case: Case) -> Outcome:
    """A child account that shares an IdP tenant uses the default Identifier followed by # and its own imagekit_id."""
    us, parent = case.expectation.sp_entity_id, case.expectation.default_sp_entity_id
    if us is None:
        return not_applicable("The entity ID of the service provider is not configured.")
    audiences = [a for r in _restrictions(case) for a in r.audiences]
    if us in [exact(a) for a in audiences]:
        return ok("The Identifier of exactly this account is used.", expected=us, actual=us)
    base = us.partition("#")[0]
    for a in audiences:
        if "#" in us and a.value in (base, parent):
            return problem(
                "This account has an Entity ID override, but the application at the IdP still uses the "
                "Identifier of the parent account.",
                expected=us,
                actual=show(a.value),
                at=a.at,
            )
        if a.value.startswith(f"{base}#"):
            whose = (
                "another child account" if "#" in us else "a child account, and this account has no Entity ID override"
            )
            return problem(f"The Identifier belongs to {whose}.", expected=us, actual=show(a.value), at=a.at)
    return not_applicable("The audience has nothing to do with child accounts; see audience-match.")
