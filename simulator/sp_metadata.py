"""Reads what a service provider's metadata says of it, as far as an application needs it. It fetches nothing."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from simulator import names
from simulator.errors import TenantError
from simulator.names import DS, MD, SAMLP, q
from simulator.tenant import Application

_MAX: Final = 10_485_760
_ID: Final = re.compile(r"[^A-Za-z0-9_.-]+")


def application_from_metadata(
    data: bytes, *, application_id: str | None = None, entity: str | None = None, encrypt: bool = False
) -> Application:
    """The application that the metadata of a service provider describes (saml-metadata §2.4.4).

    The default AssertionConsumerService by HTTP-POST is taken, else the first. A service provider that wants its
    assertions signed gets that; with `encrypt`, its assertions are encrypted with its own certificate.
    `application_id` None: made from the host. `entity` chooses one out of an aggregate.

    Raises:
        TenantError: it is no metadata, describes no service provider of SAML 2.0 that a form can be posted to, or
            (with `encrypt`) holds no certificate to encrypt with.
    """
    descriptor = _descriptor(data, entity)
    entity_id = (descriptor.get("entityID") or "").strip()
    role = next((r for r in descriptor.findall(q(MD, "SPSSODescriptor")) if _speaks(r)), None)
    if role is None or not entity_id:
        raise TenantError("The metadata describes no service provider of SAML 2.0. Use the service provider's own.")
    services = [e for e in role.findall(q(MD, "AssertionConsumerService")) if e.get("Binding") == names.BINDING_POST]
    if not services:
        raise TenantError("The service provider has no AssertionConsumerService by HTTP-POST, so nothing can be sent.")
    chosen = next((e for e in services if e.get("isDefault") in ("true", "1")), services[0])
    acs_url = (chosen.get("Location") or "").strip()
    by_browser = {e.get("Binding"): e.get("Location") for e in reversed(role.findall(q(MD, "SingleLogoutService")))}
    logout = by_browser.get(names.BINDING_POST) or by_browser.get(names.BINDING_REDIRECT)
    formats = [(e.text or "").strip() for e in role.findall(q(MD, "NameIDFormat"))]
    encrypting = _certificate(role, "encryption") if encrypt else None
    if encrypt and encrypting is None:
        raise TenantError("The metadata holds no certificate to encrypt with.")
    return Application(
        id=application_id or _ID.sub("-", entity_id.partition("://")[2] or entity_id).strip("-.")[:60] or "sp",
        name=_name(descriptor, role) or entity_id[:100],
        entity_id=entity_id,
        acs_url=acs_url,
        logout_url=(logout or "").strip() or None,
        logout_by_redirect=logout is not None and names.BINDING_POST not in by_browser,
        # E-mail addresses are what a vendor sends by itself; another wish is written down where it is the only one.
        name_id_format=formats[0] if formats and names.FORMAT_EMAIL not in formats else None,
        sign="assertion" if role.get("WantAssertionsSigned") in ("true", "1") else None,
        encrypt_to=encrypting,
        signing_certificate=_certificate(role, "signing"),
    )


def _descriptor(data: bytes, entity: str | None) -> etree._Element:
    if len(data) > _MAX:
        raise TenantError(f"The metadata has {len(data)} bytes; at most {_MAX} are read.")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise TenantError("The metadata holds a DTD. Metadata of SAML has none.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise TenantError(f"The metadata is no well-formed XML: {getattr(error, 'msg', error)}.") from error
    if root.getroottree().docinfo.doctype:
        raise TenantError("The metadata holds a DTD. Metadata of SAML has none.")
    if root.tag == q(MD, "EntityDescriptor"):
        return root
    if root.tag != q(MD, "EntitiesDescriptor"):
        raise TenantError("This is no metadata of SAML: it begins with another element than EntityDescriptor.")
    every = list(root.iter(q(MD, "EntityDescriptor")))
    fitting = [e for e in every if e.get("entityID") == entity] if entity else [e for e in every if _is_sp(e)]
    if len(fitting) != 1:
        raise TenantError(f"The metadata holds {len(fitting)} fitting service providers. Choose one by its entity ID.")
    return fitting[0]


def _is_sp(descriptor: etree._Element) -> bool:
    return any(_speaks(r) for r in descriptor.findall(q(MD, "SPSSODescriptor")))


def _speaks(role: etree._Element) -> bool:
    return SAMLP in (role.get("protocolSupportEnumeration") or "").split()


def _certificate(role: etree._Element, use: str) -> str | None:
    """The first certificate for that use, or for any, as PEM; None where there is none that can be read."""
    for descriptor in role.findall(q(MD, "KeyDescriptor")):
        if descriptor.get("use") not in (None, use):
            continue
        element = next(descriptor.iter(q(DS, "X509Certificate")), None)
        text = "" if element is None else element.text or ""
        bare = re.sub(r"-----[A-Z ]+-----|\s", "", text)
        try:
            certificate = x509.load_der_x509_certificate(base64.b64decode(bare, validate=True))
        except (binascii.Error, ValueError):
            continue
        return certificate.public_bytes(Encoding.PEM).decode()
    return None


def _name(descriptor: etree._Element, role: etree._Element) -> str:
    service = role.findtext("md:AttributeConsumingService/md:ServiceName", namespaces=names.NS)
    organisation = descriptor.findtext("md:Organization/md:OrganizationDisplayName", namespaces=names.NS)
    return " ".join((service or organisation or "").split())[:100]
