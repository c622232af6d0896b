"""Writes the identity provider's metadata in its vendor's shape, with whichever keys a trial wants in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from lxml import etree

from simulator import names
from simulator.errors import KeyRingError
from simulator.faults.registry import Fault
from simulator.keys import RECIPES, KeyPair, KeyRing, Variant
from simulator.message import instant
from simulator.names import DS, MD, XSI, q
from simulator.signing import Parts, Signing, certificate_text, sign
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How a web server answers whoever fetches metadata. `stalls`: it stops after the first half and never goes on."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    stalls: bool = False


class MetadataDraft:
    """A metadata document being made; faults change the tree, or the octets after it, or how they are served."""

    def __init__(self, tenant: Tenant, keys: KeyRing, base_url: str, now: datetime, tree: etree._Element) -> None:
        self.tenant = tenant
        self.keys = keys
        self.base_url = base_url
        self.now = now
        self.tree = tree
        self.rewrites: list[Callable[[bytes], bytes]] = []
        self.reply = Reply()

    @property
    def role(self) -> etree._Element:
        """The IDPSSODescriptor."""
        found = self.tree.find(f".//{q(MD, 'IDPSSODescriptor')}")
        assert found is not None, "the metadata has no IDPSSODescriptor"
        return found

    def drop(self, local: str) -> None:
        """Takes away the role's children of that name."""
        for element in self.role.findall(q(MD, local)):
            self.role.remove(element)

    def add_key(self, pair: KeyPair, use: str | None = "signing", role: etree._Element | None = None) -> etree._Element:
        """Puts one more KeyDescriptor before the other children of the role, and returns its KeyInfo."""
        parent = self.role if role is None else role
        descriptor = etree.Element(q(MD, "KeyDescriptor"))
        parent.insert(len(parent.findall(q(MD, "KeyDescriptor"))), descriptor)
        return _fill(descriptor, pair, use)

    def locate(self, location: str, local: str = "SingleSignOnService") -> None:
        """Gives every endpoint of that name another address."""
        for element in self.role.findall(q(MD, local)):
            element.set("Location", location)

    def sign(self, key: str = "current", **knobs: Any) -> None:
        """Signs the document as it is now (saml-metadata §3)."""
        self.tree.set("ID", "_metadata")
        pair = self.keys.pair(key)
        sign(self.tree, Parts(pair.key, [pair.certificate]), Signing(position=0, key=key, **knobs))

    def rewrite(self, how: Callable[[bytes], bytes]) -> None:
        """Once the tree has become octets, they are passed through `how`."""
        self.rewrites.append(how)

    def written(self) -> bytes:
        """The octets."""
        data = etree.tostring(self.tree, encoding="UTF-8", xml_declaration=True) + b"\n"
        for how in self.rewrites:
            data = how(data)
        return data


def metadata(
    tenant: Tenant,
    keys: KeyRing,
    base_url: str,
    now: datetime,
    variant: str | None = None,
    entity_id: str | None = None,
) -> bytes:
    """An EntityDescriptor with one IDPSSODescriptor, valid for seven days (saml-metadata §2.4.3).

    Raises:
        KeyRingError: there is no such variant.
    """
    root = _describe(tenant, keys, base_url, now, variant, entity_id)
    return MetadataDraft(tenant, keys, base_url, now, root).written()


def faulty_metadata(
    tenant: Tenant, keys: KeyRing, base_url: str, now: datetime, faults: Sequence[Fault], variant: str | None = None
) -> tuple[bytes, Reply]:
    """The document with faults of metadata in it, and how a web server would serve it. Other faults do nothing here."""
    root = _describe(tenant, keys, base_url, now, variant, None)
    draft = MetadataDraft(tenant, keys, base_url, now, root)
    for fault in faults:
        for part in fault.parts or (fault,):
            if part.acts_on == "metadata":
                part.apply(draft)
    return draft.written(), draft.reply


def _describe(
    tenant: Tenant, keys: KeyRing, base_url: str, now: datetime, variant: str | None, entity_id: str | None
) -> etree._Element:
    variant = variant or "default"
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
    etree.indent(root)
    return root


def _keys(role: etree._Element, keys: KeyRing, variant: str) -> None:
    for name, certificate, use in VARIANTS[variant]:
        _fill(etree.SubElement(role, q(MD, "KeyDescriptor")), keys.pair(name, certificate), use)


def _fill(descriptor: etree._Element, pair: KeyPair, use: str | None) -> etree._Element:
    if use is not None:
        descriptor.set("use", use)
    info = etree.SubElement(descriptor, q(DS, "KeyInfo"))
    data = etree.SubElement(info, q(DS, "X509Data"))
    etree.SubElement(data, q(DS, "X509Certificate")).text = certificate_text(pair.certificate)
    return info
