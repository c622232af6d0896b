"""What the assertion says of the person: the product's claims, and the authentication context.

Only the organisation id can refuse a message. Role, name and plan are reported, and provisioning decides over them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from app.product import ADMINISTRATOR
from app.saml.checks.common import assertion_of, exact, the_name_id, values
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem
from app.saml.identifiers import normalise_email
from app.saml.likeness import Hint, claim_name_hint, difference, is_placeholder, role_hint, show
from app.saml.message import Attribute
from app.saml.names import AC_UNSPECIFIED

MAX_NAME: Final = 256
_EMAIL_NAMES: Final = ("email", "mail", "emailaddress", "upn", "userprincipalname")


def _by_name(case: Case) -> dict[str | None, list[Attribute]]:
    """The attributes of the assertion by their Name, letter by letter."""
    known: dict[str | None, list[Attribute]] | None = case.memo.get("claims")
    if known is None:
        known = case.memo["claims"] = {}
        for a in assertion_of(case).attributes:
            known.setdefault(a.name, []).append(a)
    return known


def _attributes(case: Case, name: str) -> Sequence[Attribute]:
    return _by_name(case).get(name, ())


def _count(attributes: Sequence[Attribute]) -> int:
    return sum([len(a.values) for a in attributes])


def near_misses(case: Case) -> list[tuple[str, Attribute, Hint]]:
    """(claim, attribute, hint) for every claim that is missing under its own name but probably sent under another."""
    attributes, claims = assertion_of(case).attributes[:200], case.expectation.sp.claims
    present = {a.name for a in attributes}
    if present.issuperset(claims):
        return []
    found = []
    for wanted in claims:
        if wanted in present:
            continue
        for a in attributes:
            if a.name in claims:
                continue
            hint = claim_name_hint(wanted, a.name, a.friendly_name)
            if hint is not None:
                found.append((wanted, a, hint))
                break
    return found


def _missing(case: Case, name: str) -> str:
    """What to say of a claim that is not there."""
    for wanted, a, hint in near_misses(case):
        if wanted == name:
            sent = show(a.name or a.friendly_name or "", 120)
            return f'The claim {name} is missing, but there is "{sent}". {hint.sentence}'
    if not assertion_of(case).attributes:
        return f"The claim {name} is missing; the assertion has no attributes at all."
    return f"The claim {name} is missing."


@check(
    "claim-name-exact",
    "the claims have exactly the names that are agreed",
    cites="saml-core §2.7.3.1",
    decides="provisioning",
    profile="imagekit",
)
def claim_name_exact(case: Case) -> Outcome:
    """Claims are found by the Name of the Attribute, letter by letter, never by its FriendlyName or the end of its
    name.

    Entra puts a namespace in front of every claim name unless the namespace field is emptied.
    """
    found = near_misses(case)
    if not found:
        named = _by_name(case)
        missing = [c for c in case.expectation.sp.claims if c not in named]
        if missing:
            return not_applicable(f"Nothing resembles the missing {', '.join(missing)}.")
        return ok("The claims have exactly the agreed names.")
    a = found[0][1]
    sentences = [
        f'You sent "{show(x.name or x.friendly_name or "", 120)}"; rename it to "{w}". {h.sentence}'
        for w, x, h in found
    ]
    return problem(
        " ".join(sentences),
        expected=", ".join(w for w, _, _ in found),
        actual=show(a.name or f"FriendlyName {a.friendly_name}"),
        at=a.at,
    )


@check("claim-imagekit-id", "the assertion is for this account", cites="product rule: imagekit_id", profile="imagekit")
def claim_imagekit_id(case: Case) -> Outcome:
    """The claim imagekit_id must be the id of this account, exactly once.

    It confirms the account; it never chooses one, or an IdP could reach the accounts of others.
    """
    name = case.expectation.sp.claim_imagekit_id
    attributes = _attributes(case, name)
    account = case.expectation.account
    wanted = account.imagekit_id if account else None
    if not attributes:
        return problem(
            _missing(case, name), expected=wanted or "the id of the account", actual="none", at=assertion_of(case).at
        )
    at = attributes[0].at
    count = _count(attributes)
    given = values(assertion_of(case), name)
    if count > 1:
        return problem(
            f"The claim {name} has {count} values; exactly one is needed.",
            expected=wanted or "one value",
            actual=show(", ".join(given[:5])),
            at=at,
        )
    if len(given) != 1 or not given[0].strip():
        return problem(
            f"The claim {name} is empty or not plain text.",
            expected=wanted or "the id of the account",
            actual=show(given[0]) if given else "none",
            at=at,
        )
    if wanted is None:
        return note(
            f"The assertion is for the account {show(given[0], 60)}; there is no account here to compare it with.",
            actual=show(given[0]),
            at=at,
        )
    if given[0] == wanted:
        return ok("The assertion is for this account.", expected=wanted, actual=wanted, at=at)
    if is_placeholder(given[0]) or given[0] in (name, f"child_{name}"):
        why = "It looks like a placeholder that was copied from the instructions."
    elif given[0].strip() == wanted or given[0].lower() == wanted.lower():
        why = difference(wanted, given[0])
    else:
        why = "It is the id of another account."
    return problem(
        f"The claim {name} is not the id of this account. {why}", expected=wanted, actual=show(given[0]), at=at
    )


@check(
    "claim-full-name",
    "the person has a name",
    cites="product rule: full_name",
    severity=Severity.WARNING,
    decides="provisioning",
    profile="imagekit",
)
def claim_full_name(case: Case) -> Outcome:
    """The display name: one printable value. A missing one is replaced by the part of the address before the @."""
    name = case.expectation.sp.claim_full_name
    attributes = _attributes(case, name)
    if not attributes:
        return problem(_missing(case, name), expected="the display name", actual="none", at=assertion_of(case).at)
    at = attributes[0].at
    given = values(assertion_of(case), name)
    if _count(attributes) > 1:
        return problem(
            f"The claim {name} has several values; one is needed.",
            expected="one value",
            actual=show(", ".join(given[:5])),
            at=at,
        )
    if not given or not given[0].strip():
        return problem(
            f"The claim {name} is empty: the IdP has no display name for this person.",
            expected="the display name",
            actual="",
            at=at,
        )
    value = given[0]
    if len(value) > MAX_NAME:
        return problem(
            f"The name has {len(value)} characters.", expected=f"at most {MAX_NAME}", actual=show(value, 60), at=at
        )
    odd = None
    if not value.isprintable():
        odd = next((c for c in value if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")), None)
    if odd is not None:
        return problem(
            f"The name holds U+{ord(odd):04X}, a control or direction-changing character.",
            expected="printable text",
            actual=show(value),
            at=at,
        )
    if value[0] in "=+-@" or "<" in value:
        return problem(
            "The name looks like a formula or markup. It is shown as plain text everywhere.",
            expected="a name",
            actual=show(value),
            at=at,
        )
    return ok("The person has a name.", actual=show(value), at=at)


@check(
    "claim-role-known",
    "the role is one of the six",
    cites="product rule: imagekit_role",
    decides="provisioning",
    profile="imagekit",
)
def claim_role_known(case: Case) -> Outcome:
    """The role must be one of the accepted values, letter by letter. No other value falls back to any role.

    Display names, group ids and different letter case are the usual mistakes.
    """
    name = case.expectation.sp.claim_role
    attributes = _attributes(case, name)
    accepted = [known for known, _ in case.expectation.sp.role_values]
    expected = ", ".join(accepted[:12])
    if not attributes:
        return problem(_missing(case, name), expected=expected, actual="none", at=assertion_of(case).at)
    given = values(assertion_of(case), name)
    at = attributes[0].at
    if not given:
        return problem(
            f"The claim {name} has no value: the IdP had nothing to send for this person.",
            expected=expected,
            actual="none",
            at=at,
        )
    for value in given[:20]:
        if case.expectation.sp.role_for(value) is None:
            hint = role_hint(value, accepted)
            meant = f" The nearest accepted value is {hint.meant}." if hint.meant else ""
            return problem(
                f'The role "{show(value, 80)}" is not accepted. {hint.sentence}{meant}',
                expected=hint.meant or expected,
                actual=show(value),
                at=at,
            )
    return ok("The role is an accepted one.", actual=show(", ".join(given[:5])), at=at)


@check(
    "claim-role-enterprise",
    "the role is part of the plan",
    cites="product rule: plans",
    decides="provisioning",
    profile="imagekit",
)
def claim_role_enterprise(case: Case) -> Outcome:
    """The restricted role for the media library exists on the enterprise plan only."""
    account = case.expectation.account
    sp = case.expectation.sp
    given = [r for r in map(sp.role_for, values(assertion_of(case), sp.claim_role)) if r is not None]
    if account is None or not given:
        return not_applicable("There is no account or no accepted role to compare.")
    for r in given:
        if account.plan not in r.plans:
            return problem(
                f"The role {r.id} is not part of the plan of this account.",
                expected=f"the plan {' or '.join(sorted(r.plans))}",
                actual=f"the plan {account.plan}",
                at=_attributes(case, case.expectation.sp.claim_role)[0].at,
            )
    return ok("The role is part of the plan.", actual=account.plan)


@check(
    "claim-role-single",
    "there is exactly one role",
    cites="product rule: imagekit_role",
    decides="provisioning",
    profile="imagekit",
)
def claim_role_single(case: Case) -> Outcome:
    """Neither the first, the last nor the highest of several roles is taken: the IdP must send exactly one.

    It usually means that the person is in two groups, each of which gives a role.
    """
    attributes = _attributes(case, case.expectation.sp.claim_role)
    if not attributes:
        return not_applicable("There is no role; see claim-role-known.")
    count = _count(attributes)
    if count == 1:
        return ok("There is exactly one role.")
    if count == 0:
        return not_applicable("The role has no value; see claim-role-known.")
    given = values(assertion_of(case), case.expectation.sp.claim_role)
    return problem(
        f"There are {count} roles; exactly one is needed.",
        expected="one role",
        actual=show(", ".join(given[:10])),
        at=attributes[-1].at,
    )


@check(
    "claim-duplicate-name",
    "no claim is sent twice",
    cites="saml-core §2.7.3.1",
    decides="provisioning",
    profile="imagekit",
)
def claim_duplicate_name(case: Case) -> Outcome:
    """Where the same Name appears in two Attributes, programs differ in which of them they believe."""
    seen: set[str | None] = set()
    other: Attribute | None = None
    for a in assertion_of(case).attributes:
        if a.name in seen:
            if a.name in case.expectation.sp.claims:
                return problem(
                    f"The claim {a.name} is sent more than once.",
                    expected="one Attribute",
                    actual=str(len(_attributes(case, a.name or ""))),
                    at=a.at,
                )
            other = other or a
        seen.add(a.name)
    if other is not None:
        return problem(
            f'The attribute "{show(other.name or "", 80)}" is sent more than once. It is not used here.',
            at=other.at,
            severity=Severity.WARNING,
        )
    return ok("No claim is sent twice.")


@check(
    "claim-simple-content",
    "the values of the claims are plain text",
    cites="saml-core §2.7.3.1.1",
    decides="provisioning",
    profile="imagekit",
)
def claim_simple_content(case: Case) -> Outcome:
    """A value with elements or comments in it is read differently by different programs; nil and empty are not the
    same.
    """
    for name in case.expectation.sp.claims:
        for a in _attributes(case, name):
            for v in a.values:
                if v.nil:
                    return problem(
                        f"The claim {name} is nil: the IdP says that it has no value.",
                        expected="plain text",
                        actual='xsi:nil="true"',
                        at=v.text.at,
                    )
                if not v.text.simple:
                    return problem(
                        f"The value of the claim {name} is not plain text; there are elements or comments in it.",
                        expected="plain text",
                        actual=show(v.text.value),
                        at=v.text.at,
                    )
    return ok("The values of the claims are plain text.")


@check(
    "claim-delimited",
    "no value holds several ones",
    cites="SDP-IDP20",
    severity=Severity.WARNING,
    decides="provisioning",
    profile="imagekit",
)
def claim_delimited(case: Case) -> Outcome:
    """Several values belong into several AttributeValue elements, not into one with commas or semicolons."""
    for name in (case.expectation.sp.claim_role, case.expectation.sp.claim_imagekit_id):
        for value in values(assertion_of(case), name)[:20]:
            if ";" in value or "," in value or "|" in value:
                return problem(
                    f"The claim {name} holds several values joined in one.",
                    expected="one value",
                    actual=show(value),
                    at=_attributes(case, name)[0].at,
                )
    return ok("No value holds several ones.")


@check(
    "claim-privilege-change",
    "the person keeps the role they have",
    cites="product rule: the role is applied at every login",
    severity=Severity.WARNING,
    decides="provisioning",
    profile="imagekit",
)
def claim_privilege_change(case: Case) -> Outcome:
    """The role is applied at every login. A change is worth a look, above all when somebody becomes administrator."""
    name_id = the_name_id(assertion_of(case))
    who = exact(name_id.text) if name_id else None
    stored = case.expectation.find_role(who) if who else None
    given = values(assertion_of(case), case.expectation.sp.claim_role)
    becomes = case.expectation.sp.role_for(given[0]) if len(given) == 1 else None
    if stored is None or becomes is None:
        return not_applicable("The person is not registered, or no single accepted role is sent.")
    if becomes.id == stored:
        return ok("The person keeps their role.", actual=stored)
    if becomes.id == ADMINISTRATOR:
        message = "With this login the person becomes an account administrator, who may do everything."
    elif stored == ADMINISTRATOR:
        message = "With this login the person stops being an account administrator."
    else:
        message = "With this login the role of the person changes."
    return problem(
        message, expected=stored, actual=becomes.id, at=_attributes(case, case.expectation.sp.claim_role)[0].at
    )


@check(
    "claim-email-conflict",
    "e-mail claims agree with the NameID",
    cites="provisioning decision 14",
    severity=Severity.INFO,
    profile="imagekit",
)
def claim_email_conflict(case: Case) -> Outcome:
    """The NameID decides who somebody is. A different address in a claim often shows that UPN and mail differ."""
    name_id = the_name_id(assertion_of(case))
    normal = normalise_email(name_id.text.value) if name_id else None
    if normal is None:
        return not_applicable("The NameID is not an e-mail address.")
    for a in assertion_of(case).attributes[:200]:
        if a.name in case.expectation.sp.claims:
            continue
        tail = (a.name or "").rpartition("/")[2].replace("_", "").lower()
        if tail not in _EMAIL_NAMES:
            continue
        for v in a.values[:5]:
            other = normalise_email(v.text.value)
            if other is not None and other != normal:
                return problem(
                    f'The claim "{show(a.name or "", 80)}" holds another address than the NameID, which counts.',
                    expected=normal,
                    actual=show(v.text.value),
                    at=a.at,
                )
    return ok("No claim holds another address than the NameID.")


@check(
    "claim-unknown",
    "attributes beyond the agreed claims are listed",
    cites="IIP-SP10",
    severity=Severity.INFO,
    profile="imagekit",
)
def claim_unknown(case: Case) -> Outcome:
    """Other attributes do no harm and are not used. Fewer of them means less personal data that travels."""
    a = assertion_of(case)
    others = [x.name or "(no name)" for x in a.attributes if x.name not in case.expectation.sp.claims]
    if a.encrypted_attributes:
        others.append(f"{a.encrypted_attributes} encrypted")
    if not others:
        return ok("There are no attributes beyond the agreed claims.")
    return note(
        f"{len(others)} other attribute{'s are' if len(others) > 1 else ' is'} sent and not used.",
        actual=show(", ".join(others[:20]), 300),
    )


@check("authn-context", "it is shown how the person signed in", cites="saml-core §3.3.2.2.1", severity=Severity.WARNING)
def authn_context(case: Case) -> Outcome:
    """The authentication context class names the method that the IdP used. This service provider asks for none in
    particular.
    """
    classes = [s.context_class for s in assertion_of(case).authn_statements if s.context_class]
    if not classes:
        return not_applicable("No authentication context is given.")
    if classes[0] == AC_UNSPECIFIED:
        return note("The IdP does not tell how the person signed in.", actual=AC_UNSPECIFIED)
    return ok("The IdP tells how the person signed in.", actual=show(classes[0]))
