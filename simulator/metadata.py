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
from simulator.names import DS, MD, SAML, XSI, q
from simulator.signing import Parts, Signing, certificate_text, sign
from simulator.tenant import Tenant

_FED: Final = "http://docs.oasis-open.org/wsfed/federation/200706"
_AUTH: Final = "http://docs.oasis-open.org/wsfed/authorization/200706"
_WSA: Final = "http://www.w3.org/2005/08/addressing"

#: Variant to the keys it lists: (key, certificate variant, use).
VARIANTS: Final[dict[str, tuple[tuple[str, Variant, str | None], ...]]] = {
    "default": (),  # what the tenant publishes
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

    def sign(self, key: str | None = None, **knobs: Any) -> None:
        """Signs the document as it is now, with the tenant's key or another one (saml-metadata §3)."""
        self.tree.set("ID", "_metadata")
        key = key or self.tenant.signing_key
        pair = self.keys.pair(key)
        sign(self.tree, Parts(pair.key, [pair.certificate]), Signing(position=0, key=key, **knobs))

    def rewrite(self, how: Callable[[bytes], bytes]) -> None:
        """Once the tree has become octets, they are passed through `how`."""
        self.rewrites.append(how)

    def written(self) -> bytes:
        """The octets, signed where the vendor signs and no fault has signed or replaced the entity."""
        shape = self.tenant.profile.metadata
        entity = self.tree.tag == q(MD, "EntityDescriptor")
        if shape.signed and entity and self.tree.find(q(DS, "Signature")) is None:
            self.sign()
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
    shape = tenant.profile.metadata
    w = _Writer(tenant, keys, base_url, variant)
    root = etree.Element(q(MD, "EntityDescriptor"), nsmap={shape.prefix: MD, "ds": DS})
    root.set("entityID", entity_id or tenant.entity_id)
    root.set("validUntil", instant(now + timedelta(days=7)))
    root.append(etree.Comment(" TEST ONLY. Never load this metadata into a service provider that real people use. "))
    for kind in shape.fed_roles:
        w.fed_role(root, kind)
    if shape.sp_role:
        w.sp_role(root)
    w.idp_role(root)
    etree.indent(root)
    return root


class _Writer:
    """Adds roles in the vendor's shape."""

    def __init__(self, tenant: Tenant, keys: KeyRing, base_url: str, variant: str) -> None:
        self._tenant = tenant
        self._keys = keys
        self._shape = tenant.profile.metadata
        self._variant = variant
        self._base = base_url
        self._sso = base_url + tenant.path_of("sso")
        self._slo = base_url + tenant.path_of("slo")

    def idp_role(self, root: etree._Element) -> None:
        shape = self._shape
        role = etree.SubElement(root, q(MD, "IDPSSODescriptor"), protocolSupportEnumeration=names.PROTOCOL)
        wants = self._tenant.want_authn_requests_signed or shape.want_authn_requests_signed
        if wants is not None:
            # What the tenant demands counts: a vendor's habit must not promise a demand that nobody enforces.
            role.set("WantAuthnRequestsSigned", str(self._tenant.want_authn_requests_signed).lower())
        self._role_keys(role)
        self._endpoints(role, "SingleLogoutService", shape.slo_bindings, self._slo)
        for format_ in shape.formats:
            etree.SubElement(role, q(MD, "NameIDFormat")).text = format_
        self._endpoints(role, "SingleSignOnService", shape.sso_bindings, self._sso)
        for offered in shape.attributes:
            attribute = etree.SubElement(role, q(SAML, "Attribute"), nsmap={None: SAML}, Name=offered.name)
            attribute.set("NameFormat", names.NAME_URI)
            attribute.set("FriendlyName", offered.friendly_name)

    def sp_role(self, root: etree._Element) -> None:
        """AD FS can be a service provider too, and its one document says so."""
        role = etree.SubElement(root, q(MD, "SPSSODescriptor"), protocolSupportEnumeration=names.PROTOCOL)
        role.set("WantAssertionsSigned", "true")
        self._role_keys(role)
        self._endpoints(role, "SingleLogoutService", self._shape.slo_bindings, self._slo)
        etree.SubElement(role, q(MD, "NameIDFormat")).text = names.FORMAT_EMAIL
        service = etree.SubElement(role, q(MD, "AssertionConsumerService"), Binding=names.BINDING_POST)
        service.set("Location", self._sso)
        service.set("index", "0")
        service.set("isDefault", "true")

    def fed_role(self, root: etree._Element, kind: str) -> None:
        """A role of WS-Federation (ws-federation-1.2 §3.1), which SAML readers must step over."""
        role = etree.SubElement(root, q(MD, "RoleDescriptor"), nsmap={"fed": _FED, "xsi": XSI})
        role.set(q(XSI, "type"), f"fed:{kind}")
        role.set("protocolSupportEnumeration", f"http://docs.oasis-open.org/ws-sx/ws-trust/200512 {_FED}")
        role.set("ServiceDisplayName", self._tenant.name)
        self._listed(role)
        issues = kind == "SecurityTokenServiceType"
        types = etree.SubElement(role, q(_FED, "TokenTypesOffered"))
        for uri in (names.SAML, names.SAML1):
            etree.SubElement(types, q(_FED, "TokenType"), Uri=uri)
        claims = etree.SubElement(role, q(_FED, "ClaimTypesOffered" if issues else "ClaimTypesRequested"))
        for offered in self._shape.attributes:
            claim = etree.SubElement(claims, q(_AUTH, "ClaimType"), nsmap={"auth": _AUTH}, Uri=offered.name)
            claim.set("Optional", "true")
            etree.SubElement(claim, q(_AUTH, "DisplayName")).text = offered.friendly_name
        if len(claims) == 0:
            role.remove(claims)
        if not issues:
            self._address(etree.SubElement(role, q(_FED, "TargetScopes")), self._tenant.entity_id)
        service = "SecurityTokenServiceEndpoint" if issues else "ApplicationServiceEndpoint"
        for name in (service, "PassiveRequestorEndpoint"):
            self._address(etree.SubElement(role, q(_FED, name)), self._sso)

    def _role_keys(self, role: etree._Element) -> None:
        if self._shape.encryption_key:
            _fill(etree.SubElement(role, q(MD, "KeyDescriptor")), self._keys.pair("encryption"), "encryption")
        self._listed(role)

    def _listed(self, role: etree._Element) -> None:
        own = tuple((name, self._tenant.certificate, "signing") for name in self._tenant.published_keys)
        for name, certificate, use in VARIANTS[self._variant] or own:
            _fill(etree.SubElement(role, q(MD, "KeyDescriptor")), self._keys.pair(name, certificate), use)

    @staticmethod
    def _endpoints(role: etree._Element, local: str, bindings: tuple[str, ...], location: str) -> None:
        for binding in bindings:
            uri = f"urn:oasis:names:tc:SAML:2.0:bindings:{binding}"
            etree.SubElement(role, q(MD, local), Binding=uri, Location=location)

    @staticmethod
    def _address(parent: etree._Element, address: str) -> None:
        reference = etree.SubElement(parent, q(_WSA, "EndpointReference"), nsmap={"wsa": _WSA})
        etree.SubElement(reference, q(_WSA, "Address")).text = address


def _fill(descriptor: etree._Element, pair: KeyPair, use: str | None) -> etree._Element:
    if use is not None:
        descriptor.set("use", use)
    info = etree.SubElement(descriptor, q(DS, "KeyInfo"))
    data = etree.SubElement(info, q(DS, "X509Data"))
    etree.SubElement(data, q(DS, "X509Certificate")).text = certificate_text(pair.certificate)
    return info
