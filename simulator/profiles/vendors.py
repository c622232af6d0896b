"""One row for each vendor: what it signs, how it names, where it declares namespaces. It builds nothing.

Written from what these products are seen to send by default; `unsure` names what was not confirmed. Hosts are those of
the reserved example domains, because a test identity provider must not carry a real vendor's address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from simulator import names
from simulator.errors import TenantError

Part = Literal["assertion", "response", "both", "none"]


@dataclass(frozen=True, slots=True)
class ExtraClaim:
    """A claim the vendor sends beside the configured ones. `value` may hold {tenant}, {object}, {email}, {username}."""

    name: str
    value: str
    name_format: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One vendor's habits. `entity_id` may hold {base} (the simulator's address) and {tenant} (its random id)."""

    id: str
    title: str
    sign: Part = "assertion"
    name_id_format: str = names.FORMAT_EMAIL
    name_qualifiers: bool = False
    saml_prefix: str | None = "saml"
    samlp_prefix: str | None = "samlp"
    ds_prefix: str | None = "ds"
    keyinfo: Literal["x509", "none", "keyname", "keyvalue+x509"] = "x509"
    inclusive_prefixes: str | None = None
    precision: Literal["seconds", "milliseconds"] = "seconds"
    valid_before_s: int = 300  # NotBefore lies this far before the issue instant
    valid_for_s: int = 300
    name_format: str | None = names.NAME_BASIC
    value_type: str | None = None
    context_class: str = names.AC_PROTECTED
    issuer_format: str | None = None
    response_issuer: bool = True
    session_for_s: int | None = None  # SessionNotOnOrAfter
    entity_id: str = "https://localhost/test-idp/{tenant}"
    extra: tuple[ExtraClaim, ...] = ()
    wsfed_roles_first: bool = False
    metadata_formats: tuple[str, ...] = (names.FORMAT_EMAIL,)
    want_authn_requests_signed: bool | None = False  # None: the attribute is not written
    unsure: str = ""


_MS = "http://schemas.microsoft.com/"

PROFILES: Final[tuple[Profile, ...]] = (
    Profile(id="generic", title="Any SAML 2.0 identity provider"),
    Profile(
        id="entra",
        title="Microsoft Entra ID",
        saml_prefix=None,
        ds_prefix=None,
        precision="milliseconds",
        valid_for_s=3600,
        name_format=None,
        context_class=names.AC_PASSWORD,
        entity_id="https://sts.windows.example/{tenant}/",
        extra=(
            ExtraClaim(_MS + "identity/claims/tenantid", "{tenant}"),
            ExtraClaim(_MS + "identity/claims/objectidentifier", "{object}"),
            ExtraClaim(_MS + "identity/claims/identityprovider", "https://sts.windows.example/{tenant}/"),
            ExtraClaim(
                _MS + "claims/authnmethodsreferences",
                "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password",
            ),
        ),
        wsfed_roles_first=True,
        want_authn_requests_signed=None,
    ),
    Profile(
        id="okta",
        title="Okta",
        sign="both",
        saml_prefix="saml2",
        samlp_prefix="saml2p",
        precision="milliseconds",
        name_format=names.NAME_UNSPECIFIED,
        value_type="xs:string",
        inclusive_prefixes="xs",
        issuer_format=names.FORMAT_ENTITY,
        entity_id="http://www.okta.example/{tenant}",
    ),
    Profile(
        id="onelogin",
        title="OneLogin",
        valid_before_s=180,
        valid_for_s=180,
        value_type="xs:string",
        session_for_s=86_400,
        entity_id="https://app.onelogin.example/saml/metadata/{tenant}",
        unsure="The window of three minutes and the session length are configurable; these are its defaults as seen.",
    ),
    Profile(
        id="adfs",
        title="AD FS",
        saml_prefix=None,
        precision="milliseconds",
        valid_before_s=0,
        valid_for_s=3600,
        name_format=None,
        entity_id="http://adfs.corp.example/{tenant}/adfs/services/trust",
        wsfed_roles_first=True,
        metadata_formats=(names.FORMAT_EMAIL, names.FORMAT_PERSISTENT, names.FORMAT_TRANSIENT),
    ),
    Profile(
        id="google",
        title="Google Workspace",
        sign="response",
        saml_prefix="saml2",
        samlp_prefix="saml2p",
        precision="milliseconds",
        name_format=names.NAME_BASIC,
        value_type="xs:anyType",
        context_class=names.AC_UNSPECIFIED,
        entity_id="https://accounts.google.example/o/saml2?idpid={tenant}",
        unsure="What is signed is a switch in its console; this is the state without the tick.",
    ),
    Profile(
        id="keycloak",
        title="Keycloak",
        sign="both",
        ds_prefix="dsig",
        keyinfo="keyname",
        precision="milliseconds",
        valid_before_s=2,
        valid_for_s=58,
        value_type="xs:string",
        context_class=names.AC_UNSPECIFIED,
        session_for_s=36_000,
        entity_id="https://keycloak.corp.example/realms/{tenant}",
        want_authn_requests_signed=True,
        unsure="KeyInfo holds KEY_ID by default in recent versions; a certificate in earlier ones.",
    ),
    Profile(
        id="shibboleth",
        title="Shibboleth IdP",
        sign="response",
        saml_prefix="saml2",
        samlp_prefix="saml2p",
        precision="milliseconds",
        valid_before_s=0,
        name_format=names.NAME_URI,
        value_type="xs:string",
        inclusive_prefixes="xs",
        name_qualifiers=True,
        entity_id="https://idp.university.example/{tenant}/idp/shibboleth",
        unsure="It encrypts assertions by default; here that is decided for each application.",
    ),
    Profile(
        id="pingfederate",
        title="PingFederate",
        sign="response",
        precision="milliseconds",
        value_type="xs:string",
        inclusive_prefixes="xs",
        context_class=names.AC_UNSPECIFIED,
        entity_id="https://ping.corp.example/{tenant}",
        unsure="Signing of the response is the default for POST; the entity ID is free text.",
    ),
    Profile(
        id="simplesamlphp",
        title="SimpleSAMLphp",
        sign="both",
        valid_before_s=30,
        value_type="xs:string",
        context_class=names.AC_PASSWORD,
        name_qualifiers=True,
        session_for_s=28_800,
        entity_id="https://ssp.corp.example/{tenant}/saml2/idp/metadata.php",
    ),
)


def profile(vendor: str) -> Profile:
    """The profile of that id.

    Raises:
        TenantError: there is none.
    """
    for row in PROFILES:
        if row.id == vendor:
            return row
    known = ", ".join(p.id for p in PROFILES)
    raise TenantError(f'There is no vendor profile "{vendor}". Choose one of: {known}.')
