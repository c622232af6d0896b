"""Why a good assertion does not become a user: NameID, claims, role, account, first login."""

from __future__ import annotations

from app.saml.checks.claims import near_misses
from app.saml.checks.registry import CheckResult
from app.saml.diagnoses.registry import Diagnosis, Evidence, row, said
from app.saml.likeness import show

row(
    Diagnosis(
        "nameid-not-email",
        "The NameID is not the person's e-mail address",
        "idp-admin",
        ("nameid-present", "nameid-nonempty", "nameid-transient", "nameid-email-syntax", "nameid-format"),
        said,
        {
            "generic": "Issue the e-mail address as NameID, in the format emailAddress.",
            "entra": (
                "Attributes & Claims > Unique User Identifier: source user.mail (not user.userprincipalname "
                "where they differ), format Email address."
            ),
            "okta": "Name ID format EmailAddress, Application username Email, update on create and update.",
            "onelogin": "SAML nameID format Email, and Parameters > NameID value Email.",
            "adfs": (
                "One rule that sends the LDAP attribute E-Mail-Addresses, one that transforms it to Name ID "
                "with format Email."
            ),
        },
        ("group:nameid", "time-window-present"),
        warnings=True,
    )
)
row(
    Diagnosis(
        "nameid-look-alike",
        "The NameID could be taken for somebody else's",
        "idp-admin",
        ("nameid-unicode", "nameid-length"),
        said,
        {
            "generic": (
                "Write the address in the directory in plain letters. If nobody knows where it came from, "
                "treat it as an attack."
            )
        },
        warnings=True,
    )
)
row(
    Diagnosis(
        "nameid-foreign-domain",
        "The address belongs to another organisation",
        "idp-admin",
        ("nameid-domain",),
        said,
        {
            "generic": (
                "Take guests out of the application, or add their domain to the account if they are meant to log in."
            )
        },
    )
)


def _account(_: Evidence, result: CheckResult) -> str | None:
    return result.message if result.actual != "none" else None


row(
    Diagnosis(
        "imagekit-id-mismatch",
        "The assertion is for another account",
        "idp-admin",
        ("claim-imagekit-id",),
        _account,
        {
            "generic": "Set the claim imagekit_id to the constant that Settings shows for this account.",
            "entra": "Attributes & Claims: imagekit_id with a constant as source attribute, in quotes.",
            "okta": "Attribute Statements: imagekit_id with the value in quotes.",
            "onelogin": "Parameters: imagekit_id with a macro or a constant, Include in SAML assertion ticked.",
            "adfs": 'A custom rule: => issue(Type = "imagekit_id", Value = "...");',
        },
        ("claim-delimited", "claim-duplicate-name", "claim-simple-content"),
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


row(
    Diagnosis(
        "claim-missing",
        "A required claim is missing, empty or has another name",
        "idp-admin",
        ("claim-name-exact", "claim-imagekit-id", "claim-role-known", "claim-full-name"),
        _claim_missing,
        {
            "generic": (
                "Send imagekit_id, full_name and imagekit_role under exactly these names, with a value for "
                "every person."
            ),
            "entra": "Attributes & Claims: edit the claim, write the name and leave Namespace empty.",
            "okta": "Attribute Statements: the name exactly as given, Name format Unspecified.",
            "onelogin": "Parameters: the field name exactly as given, and Include in SAML assertion ticked.",
            "adfs": "Claim rules: write the name as outgoing claim type by hand instead of choosing one from the list.",
        },
        ("claim-simple-content", "claim-duplicate-name"),
        warnings=True,
    )
)
row(
    Diagnosis(
        "full-name-odd",
        "The display name is not usable as it is",
        "idp-admin",
        ("claim-full-name",),
        said,
        {"generic": "Send one printable name of at most 256 characters as full_name."},
        warnings=True,
    )
)
row(
    Diagnosis(
        "role-not-in-plan",
        "The role is not part of the account's plan",
        "sp-admin",
        ("claim-role-enterprise",),
        said,
        {"generic": "Send another role for this person, or move the account to the plan that has this role."},
    )
)
row(
    Diagnosis(
        "role-not-accepted",
        "The role is not accepted",
        "idp-admin",
        ("claim-role-known", "claim-role-single", "claim-delimited", "claim-simple-content", "claim-duplicate-name"),
        said,
        {
            "generic": "Send exactly one value in imagekit_role, written as one of the accepted roles.",
            "entra": (
                "App roles: set Value to the accepted role and assign one role per person; or transform the "
                "group claim. Group ids do not work."
            ),
            "okta": "Attribute Statements: an expression that gives one role, for example by isMemberOfGroupName.",
            "onelogin": "Rules: set imagekit_role to one value per role of the application.",
            "adfs": "One rule Send Group Membership as a Claim per role, so that nobody matches two.",
        },
        ("claim-delimited", "claim-role-single", "claim-duplicate-name"),
        warnings=True,
    )
)
row(
    Diagnosis(
        "first-login-at-sp",
        "A first login that did not begin at the IdP",
        "user",
        ("jit-first-login-idp-initiated",),
        said,
        {
            "generic": (
                "Start once from the IdP's portal; afterwards both ways work. If you typed another address "
                "than you signed in with, use the right one."
            ),
            "entra": "Open myapps.microsoft.com and choose the application there.",
            "okta": "Open the Okta dashboard and choose the tile of the application.",
            "onelogin": "Open the OneLogin portal and choose the application.",
            "adfs": "Open /adfs/ls/IdpInitiatedSignOn.aspx or the link that your administrator has made.",
        },
    )
)
