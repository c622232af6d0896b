"""What to enter at each identity provider, field by field under the vendor's own names; data, no behaviour but look-up.

Vendor labels are facts with a date (`last_checked`); values in braces are filled in by `fields_for`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.product import ServiceProvider


@dataclass(frozen=True, slots=True)
class GuideField:
    """One field of a vendor's form: its label, and the exact value to copy into it. `note` says what is special."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class SetupGuide:
    """How a service provider is set up at one vendor's identity provider."""

    id: str
    name: str
    application: str
    fields: tuple[GuideField, ...]
    steps: tuple[str, ...]
    first_login: str
    last_checked: str = "2026-11"


GUIDES: Final[tuple[SetupGuide, ...]] = (
    SetupGuide(
        "entra",
        "Microsoft Entra ID",
        "A non-gallery enterprise application with SAML single sign-on.",
        (
            GuideField(
                "Identifier (Entity ID)",
                "{entity_id}",
                "Identifiers are unique in a tenant: a child account uses its own, with # and its id.",
            ),
            GuideField("Reply URL (Assertion Consumer Service URL)", "{acs_url}"),
            GuideField("Relay State", "{relay_state}"),
            GuideField("Logout Url", "{logout_url}"),
            GuideField("Unique User Identifier (Name ID)", "user.mail", "Name identifier format: Email address."),
            GuideField("Claim {claim_imagekit_id}", "{imagekit_id}", "A constant; leave the namespace empty."),
            GuideField(
                "Claim {claim_full_name}", 'Join(user.givenname, " ", user.surname)', "Leave the namespace empty."
            ),
            GuideField(
                "Claim {claim_role}",
                "a custom attribute, or a transformation of group membership",
                "Must give exactly one accepted role.",
            ),
        ),
        (
            "Add the application, choose SAML, and enter the fields.",
            "Assign the people or groups who may log in.",
            "Download the Federation Metadata XML and save it on the settings page.",
        ),
        "From My Apps (myapps.microsoft.com).",
    ),
    SetupGuide(
        "okta",
        "Okta",
        "A SAML 2.0 app integration.",
        (
            GuideField("Single sign-on URL", "{acs_url}", "Use it for Recipient and Destination too."),
            GuideField("Audience URI (SP Entity ID)", "{entity_id}"),
            GuideField("Default RelayState", "{relay_state}"),
            GuideField("Name ID format", "EmailAddress"),
            GuideField("Application username", "Email"),
            GuideField("Update application username on", "Create and update"),
            GuideField("Attribute {claim_imagekit_id}", "{imagekit_id}", "A constant in quotes."),
            GuideField("Attribute {claim_full_name}", "user.displayName"),
            GuideField("Attribute {claim_role}", "appuser.{claim_role}", "From the app's profile mappings."),
        ),
        (
            "Create the integration and enter the fields.",
            "Add the attribute statements, and map the role in the app's profile.",
            "Assign people or groups.",
            "Copy the metadata from the Sign On tab and save it on the settings page.",
        ),
        "From the Okta end-user dashboard.",
    ),
    SetupGuide(
        "onelogin",
        "OneLogin",
        "SAML Custom Connector (Advanced).",
        (
            GuideField("RelayState", "{relay_state}"),
            GuideField("Audience (EntityID)", "{entity_id}"),
            GuideField("Recipient", "{acs_url}"),
            GuideField("ACS (Consumer) URL Validator", "{acs_pattern}", "A regular expression."),
            GuideField("ACS (Consumer) URL", "{acs_url}"),
            GuideField("Single Logout URL", "{logout_url}"),
            GuideField("SAML initiator", "OneLogin"),
            GuideField("SAML nameID format", "Email"),
            GuideField("SAML signature algorithm", "SHA-256"),
            GuideField("Parameter {claim_imagekit_id}", "{imagekit_id}", "A macro; tick Include in SAML assertion."),
            GuideField("Parameter {claim_full_name}", "First Name and Last Name", "Tick Include in SAML assertion."),
            GuideField("Parameter {claim_role}", "a custom user field", "Tick Include in SAML assertion."),
        ),
        (
            "Add the connector and enter the fields.",
            "Create custom user fields for the claims and add them as parameters.",
            "Give the app to people or roles.",
            "Download the SAML metadata and save it on the settings page.",
        ),
        "From the OneLogin portal.",
    ),
    SetupGuide(
        "adfs",
        "AD FS",
        "A relying party trust, claims aware, with data entered by hand.",
        (
            GuideField("Relying party SAML 2.0 SSO service URL", "{acs_url}"),
            GuideField("Relying party trust identifier", "{entity_id}"),
            GuideField("Rule 1: Send LDAP Attributes as Claims", "E-Mail-Addresses to E-Mail Address"),
            GuideField("Rule 2: Transform an Incoming Claim", "E-Mail Address to Name ID, format Email"),
            GuideField(
                "Rule 3: custom rule",
                '=> issue(Type = "{claim_imagekit_id}", Value = "{imagekit_id}");',
            ),
            GuideField("Rule 4: Send LDAP Attributes as Claims", "Display-Name to {claim_full_name}"),
            GuideField(
                "Rules 5 and on: Send Group Membership as a Claim",
                "one per role, outgoing claim type {claim_role}",
                "A person must be in exactly one of the groups.",
            ),
            GuideField(
                "RelayState of IdP-initiated sign-on",
                "RPID={acs_url}&RelayState={relay_state}",
                "URL-encoded twice, as AD FS demands.",
            ),
        ),
        (
            "Add the relying party trust with the SAML 2.0 WebSSO protocol.",
            "Add the claim rules in this order.",
            "Open /federationmetadata/2007-06/FederationMetadata.xml and save it on the settings page.",
        ),
        "From the AD FS sign-on page (/adfs/ls/idpinitiatedsignon.aspx).",
    ),
)


def fields_for(guide: SetupGuide, sp: ServiceProvider, *, imagekit_id: str, entity_id: str, acs_url: str) -> SetupGuide:
    """The guide with the values of one account in place of the braces."""
    values = {
        "{entity_id}": entity_id,
        "{acs_url}": acs_url,
        "{acs_pattern}": "^" + acs_url.replace(".", "\\.") + "$",
        "{relay_state}": sp.relay_state,
        "{logout_url}": sp.logout_url,
        "{imagekit_id}": imagekit_id,
        "{claim_imagekit_id}": sp.claim_imagekit_id,
        "{claim_full_name}": sp.claim_full_name,
        "{claim_role}": sp.claim_role,
    }

    def fill(text: str) -> str:
        for brace, value in values.items():
            text = text.replace(brace, value)
        return text

    return SetupGuide(
        guide.id,
        guide.name,
        guide.application,
        tuple(GuideField(fill(f.label), fill(f.value), f.note) for f in guide.fields),
        guide.steps,
        guide.first_login,
        guide.last_checked,
    )
