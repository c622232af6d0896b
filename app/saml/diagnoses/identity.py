"""Why a good assertion does not become a user: NameID, claims, role, account, first login."""

from __future__ import annotations

from functools import partial
from typing import Final

from app.saml.checks.claims import near_misses
from app.saml.checks.registry import CheckResult
from app.saml.diagnoses.registry import Diagnosis, Evidence, Explained, row, said
from app.saml.identifiers import normalise_email
from app.saml.likeness import role_hint, show

_Row = partial(Diagnosis, stage="identity")
_MOST_ATTRIBUTES: Final = 200
#: Attributes of which a login needs none, and people would rather not have them travel.
_PERSONAL: Final = (
    "birth",
    "gender",
    "address",
    "street",
    "phone",
    "mobile",
    "employeeid",
    "employeenumber",
    "manager",
    "salary",
    "nationality",
    "ssn",
    "title",
    "department",
)
_MANY: Final = 10
#: Instead of more than 150 groups, Entra sends the address at which they could be asked for.
_OVERAGE: Final = "claims/groups.link"


def _name_id(evidence: Evidence, result: CheckResult) -> str | Explained:
    """Why it is no e-mail address, and who was probably meant: a registered person whose address stands elsewhere."""
    assertion = evidence.case.assertion
    for a in assertion.attributes[:_MOST_ATTRIBUTES] if assertion else ():
        for v in a.values[:3]:
            address = normalise_email(v.text.value) if v.text.simple else None
            role = evidence.case.expectation.find_role(address) if address else None
            if address is not None and role is not None:
                return Explained(
                    f'{result.message} The attribute "{show(a.name or "", 80)}" holds {address}, under which somebody '
                    f"is registered here with the role {role}.",
                    "likely",
                    "The address of the attribute is that of a registered person.",
                )
    return result.message


row(
    _Row(
        id="nameid-not-email",
        number="D38",
        title="The NameID is not the person's e-mail address",
        who="idp-admin",
        checks=("nameid-present", "nameid-nonempty", "nameid-transient", "nameid-email-syntax", "nameid-format"),
        cause=_name_id,
        consequences=("group:nameid", "time-window-present"),
        warnings=True,
        fault="id-nameid-transient",
    )
)
row(
    _Row(
        id="nameid-look-alike",
        number="D38",
        title="The NameID could be taken for somebody else's",
        who="idp-admin",
        checks=("nameid-unicode", "nameid-length"),
        cause=said,
        warnings=True,
        fault="id-nameid-confusable",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="nameid-foreign-domain",
        number="D38",
        title="The address belongs to another organisation",
        who="idp-admin",
        checks=("nameid-domain",),
        cause=said,
        fault="id-nameid-foreign-domain",
    )
)


def _account(_: Evidence, result: CheckResult) -> str | None:
    return result.message if result.actual != "none" else None


row(
    _Row(
        id="imagekit-id-mismatch",
        number="D41",
        title="The assertion is for another account",
        who="idp-admin",
        checks=("claim-imagekit-id",),
        cause=_account,
        consequences=("claim-delimited", "claim-duplicate-name", "claim-simple-content"),
        fault="id-imagekit-id-other",
    )
)


def _claims(evidence: Evidence, result: CheckResult) -> str:
    misses = near_misses(evidence.case) if evidence.case.assertion else []
    if misses:
        told = " ".join(
            f'You sent "{show(a.name or a.friendly_name or "", 100)}"; rename it to "{wanted}". {hint.sentence}'
            for wanted, a, hint in misses
        )
        return f"A claim has the wrong name. {told}"
    return result.message


def _claim_missing(evidence: Evidence, result: CheckResult) -> str | None:
    return _claims(evidence, result) if result.actual in ("none", "") or result.id == "claim-name-exact" else None


def _encrypted_attributes(evidence: Evidence, result: CheckResult) -> str | None:
    assertion = evidence.case.assertion
    number = assertion.encrypted_attributes if assertion else 0
    if not number or result.actual not in ("none", ""):
        return None
    return (
        f"The assertion holds {number} encrypted attribute{'s' if number > 1 else ''}, which cannot be read here, and "
        "a claim that is needed is not among the plain ones."
    )


row(
    _Row(
        id="attribute-encrypted",
        number="D49",
        title="Attributes are encrypted one by one",
        who="idp-admin",
        checks=("claim-imagekit-id", "claim-role-known", "claim-full-name"),
        cause=_encrypted_attributes,
        consequences=("claim-name-exact",),
        fault="enc-attribute",
        is_vendor_neutral=True,
    )
)


def _overage(evidence: Evidence, result: CheckResult) -> Explained | None:
    assertion = evidence.case.assertion
    attributes = assertion.attributes[:_MOST_ATTRIBUTES] if assertion else ()
    link = next((a for a in attributes if a.name and a.name.endswith(_OVERAGE)), None)
    if link is None or result.actual != "none":
        return None
    return Explained(
        "The person is in more groups than Entra ID puts into an assertion (150). It sent a link to ask for them "
        "instead, so that no role came out of the groups.",
        "certain",
        "The attribute groups.link stands where the groups should be.",
        actual=show(link.name or "", 120),
    )


row(
    _Row(
        id="groups-overage",
        number="D40",
        title="Too many groups to be sent",
        who="idp-admin",
        checks=("claim-role-known",),
        cause=_overage,
        consequences=("claim-name-exact",),
        fault="id-groups-overage",
    )
)


row(
    _Row(
        id="claim-missing",
        number="D39",
        title="A required claim is missing, empty or has another name",
        who="idp-admin",
        checks=("claim-name-exact", "claim-imagekit-id", "claim-role-known", "claim-full-name"),
        cause=_claim_missing,
        consequences=("claim-simple-content", "claim-duplicate-name"),
        warnings=True,
        fault="id-claims-namespaced",
    )
)
row(
    _Row(
        id="full-name-odd",
        number="D39",
        title="The display name is not usable as it is",
        who="idp-admin",
        checks=("claim-full-name",),
        cause=said,
        warnings=True,
        fault="id-full-name-rtl",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="role-not-in-plan",
        number="D40",
        title="The role is not part of the account's plan",
        who="sp-admin",
        checks=("claim-role-enterprise",),
        cause=said,
        fault="id-role-restricted-on-standard",
    )
)


def _role(evidence: Evidence, result: CheckResult) -> str | Explained:
    """What was sent and what was probably meant."""
    assertion = evidence.case.assertion
    sent = [
        v.text.value
        for a in (assertion.attributes[:_MOST_ATTRIBUTES] if assertion else ())
        if a.name == evidence.case.expectation.sp.claim_role
        for v in a.values
    ]
    accepted = [known for known, _ in evidence.case.expectation.sp.role_values]
    hint = role_hint(sent[0], accepted) if len(sent) == 1 else None
    if hint is not None and hint.meant is not None:
        return Explained(result.message, "likely", f"{hint.sentence} {hint.meant} resembles it most.", hint.meant)
    return result.message


row(
    _Row(
        id="role-not-accepted",
        number="D40",
        title="The role is not accepted",
        who="idp-admin",
        checks=(
            "claim-role-known",
            "claim-role-single",
            "claim-delimited",
            "claim-simple-content",
            "claim-duplicate-name",
        ),
        cause=_role,
        consequences=("claim-delimited", "claim-role-single", "claim-duplicate-name"),
        warnings=True,
        fault="id-role-title",
    )
)
row(
    _Row(
        id="first-login-at-sp",
        number="D42",
        title="A first login that did not begin at the IdP",
        who="user",
        checks=("jit-first-login-idp-initiated",),
        cause=said,
        fault="route-sp-initiated-first-login",
    )
)


def _too_much(evidence: Evidence, _: CheckResult) -> Explained | None:
    assertion, claims = evidence.case.assertion, evidence.case.expectation.sp.claims
    others = [a.name or "" for a in (assertion.attributes if assertion else ()) if a.name not in claims]
    personal = [n for n in others if any(word in n.rpartition("/")[2].lower() for word in _PERSONAL)]
    if len(others) < _MANY and not personal:
        return None
    named = ", ".join(show(n, 60) for n in (personal or others)[:5])
    return Explained(
        f"{len(others)} attributes are sent that are not used here, among them {named}. They travel through the "
        "browser at every login and end up in logs.",
        "certain",
        "These attributes are none of the agreed claims.",
        ", ".join(claims),
        named,
    )


row(
    _Row(
        id="more-data-than-needed",
        number="D53",
        title="More personal data is sent than is needed",
        who="idp-admin",
        checks=(),
        notes=("claim-unknown",),
        cause=_too_much,
        fault="id-claims-personal",
    )
)
row(
    _Row(
        id="leaver-holds-seat",
        number="D43",
        title="Somebody who left still holds a seat",
        who="sp-admin",
        stage="provisioning",
        checks=(),
        cause="The person was deleted at the identity provider, and nothing tells the service provider of it.",
        shown_by="directory",
        confidence="possible",
        because="No message comes from somebody who left; the list of stale users and a directory export show it.",
        is_vendor_neutral=False,
    )
)
