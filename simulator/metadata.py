"""Writes the identity provider's metadata in its vendor's shape, with whichever keys a trial wants in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from lxml import etree

from simulator import names
from simulator.errors import KeyRingError
from simulator.keys import RECIPES, KeyRing, Variant
from simulator.message import instant
from simulator.names import DS, MD, XSI, q
from simulator.signing import certificate_text
from simulator.tenant import Tenant

_FED = "http://docs.oasis-open.org/wsfed/federation/200706"

#: Variant to the keys it lists: (key, certificate variant, use).
VARIANTS: Final[dict[str, tuple[tuple[str, Variant, str | None], ...]]] = {
    "default": (("current", "current", "signing"),),
    "both-keys": (("current", "current", "signing"), ("next", "current", "signing")),
    "next-key": (("next", "current", "signing"),),
    "old-key": (("old", "current", "signing"),),
    "other-idp": (("other-idp", "current", "signing"),),
    "no-use": (("current", "current", None),),
    "with-encryption-key": (("current", "current", "signing"), ("encryption", "current", "encryption")),
    "expired-certificate": (("current", "expired", "signing"),),
    "future-certificate": (("current", "future", "signing"),),
    "reissued-certificate": (("current", "reissued", "signing"),),
    **{name: ((name, "current", "signing"),) for name in RECIPES if name.startswith(("ec-", "rsa-", "dsa"))},
}


def metadata(
    tenant: Tenant, keys: KeyRing, base_url: str, now: datetime, variant: str = "default", entity_id: str | None = None
) -> bytes:
    """An EntityDescriptor with one IDPSSODescriptor, valid for seven days (saml-metadata §2.4.3).

    Raises:
        KeyRingError: there is no such variant.
    """
    if variant not in VARIANTS:
        raise KeyRingError(f'There is no metadata variant "{variant}". Known: {", ".join(VARIANTS)}.')
    profile = tenant.profile
    nsmap = {"md": MD, "ds": DS}
    root = etree.Element(q(MD, "EntityDescriptor"), nsmap=nsmap, entityID=entity_id or tenant.entity_id)
    root.set("validUntil", instant(now + timedelta(days=7)))
    root.append(etree.Comment(" TEST ONLY. Never load this metadata into a service provider that real people use. "))
    if profile.wsfed_roles_first:
        for kind in ("ApplicationServiceType", "SecurityTokenServiceType"):
            role = etree.SubElement(root, q(MD, "RoleDescriptor"), nsmap={"fed": _FED, "xsi": XSI})
            role.set(q(XSI, "type"), f"fed:{kind}")
            role.set("protocolSupportEnumeration", _FED)
            _keys(role, keys, variant)
    idp = etree.SubElement(root, q(MD, "IDPSSODescriptor"), protocolSupportEnumeration=names.PROTOCOL)
    wants = tenant.want_authn_requests_signed or profile.want_authn_requests_signed
    if wants is not None:
        # What the tenant demands counts: a vendor's habit must not promise a demand that nobody enforces.
        idp.set("WantAuthnRequestsSigned", str(tenant.want_authn_requests_signed).lower())
    _keys(idp, keys, variant)
    for binding in (names.BINDING_REDIRECT, names.BINDING_POST):
        etree.SubElement(idp, q(MD, "SingleLogoutService"), Binding=binding, Location=f"{base_url}/slo")
    for format_ in profile.metadata_formats:
        etree.SubElement(idp, q(MD, "NameIDFormat")).text = format_
    for binding in (names.BINDING_REDIRECT, names.BINDING_POST):
        etree.SubElement(idp, q(MD, "SingleSignOnService"), Binding=binding, Location=f"{base_url}/sso")
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _keys(role: etree._Element, keys: KeyRing, variant: str) -> None:
    for name, certificate, use in VARIANTS[variant]:
        descriptor = etree.SubElement(role, q(MD, "KeyDescriptor"))
        if use is not None:
            descriptor.set("use", use)
        info = etree.SubElement(descriptor, q(DS, "KeyInfo"))
        data = etree.SubElement(info, q(DS, "X509Data"))
        text = certificate_text(keys.pair(name, certificate).certificate)
        etree.SubElement(data, q(DS, "X509Certificate")).text = text
