"""Applications from service providers' metadata, good and hostile."""

from __future__ import annotations

import pytest
from lxml import etree

from simulator import Application, Idp, KeyRing, TenantError, names
from simulator.names import DS, MD, NS, q
from simulator.signing import certificate_text

ENTITY = "https://app.example/saml/metadata"


def metadata(keys: KeyRing, *, uses: tuple[str | None, ...] = ("signing", "encryption"), **role: str) -> etree._Element:
    root = etree.Element(q(MD, "EntityDescriptor"), nsmap={"md": MD, "ds": DS}, entityID=ENTITY)
    sp = etree.SubElement(root, q(MD, "SPSSODescriptor"), protocolSupportEnumeration=names.PROTOCOL, **role)
    for use, name in zip(uses, ("other-sp", "sp-encryption"), strict=False):
        descriptor = etree.SubElement(sp, q(MD, "KeyDescriptor"))
        if use:
            descriptor.set("use", use)
        data = etree.SubElement(etree.SubElement(descriptor, q(DS, "KeyInfo")), q(DS, "X509Data"))
        etree.SubElement(data, q(DS, "X509Certificate")).text = certificate_text(keys.pair(name).certificate)
    logout = etree.SubElement(sp, q(MD, "SingleLogoutService"), Binding=names.BINDING_REDIRECT)
    logout.set("Location", "https://app.example/logout")
    etree.SubElement(sp, q(MD, "NameIDFormat")).text = names.FORMAT_PERSISTENT
    for n, (binding, default) in enumerate(
        ((names.BINDING_ARTIFACT, "true"), (names.BINDING_POST, "false"), (names.BINDING_POST, "true"))
    ):
        acs = etree.SubElement(sp, q(MD, "AssertionConsumerService"), Binding=binding, index=str(n), isDefault=default)
        acs.set("Location", f"https://app.example/acs/{n}")
    return root


def test_everything_of_use_is_taken(keys: KeyRing, idp: Idp) -> None:
    root = metadata(keys, WantAssertionsSigned="true")
    organisation = etree.SubElement(root, q(MD, "Organization"))
    etree.SubElement(organisation, q(MD, "OrganizationDisplayName")).text = " The\n App "
    app = Application.from_metadata(etree.tostring(root), encrypt=True)
    assert app == Application(
        id="app.example-saml-metadata",
        name="The App",
        entity_id=ENTITY,
        acs_url="https://app.example/acs/2",
        logout_url="https://app.example/logout",
        logout_by_redirect=True,
        name_id_format=names.FORMAT_PERSISTENT,
        sign="assertion",
        encrypt_to=keys.pair("sp-encryption").pem.decode(),
        signing_certificate=keys.pair("other-sp").pem.decode(),
    )
    idp.tenant = idp.tenant.with_application(app)
    issued = idp.issue("grace", app.id)
    assert issued.url == "https://app.example/acs/2"
    assert b"EncryptedAssertion" in issued.xml


def test_what_it_does_not_ask_for_stays_the_vendors(keys: KeyRing) -> None:
    app = Application.from_metadata(etree.tostring(metadata(keys, uses=())), application_id="mine")
    assert (app.id, app.name, app.sign, app.encrypt_to, app.signing_certificate) == ("mine", ENTITY, None, None, None)


def test_a_key_without_use_serves_both(keys: KeyRing) -> None:
    app = Application.from_metadata(etree.tostring(metadata(keys, uses=(None,))), encrypt=True)
    assert app.encrypt_to == app.signing_certificate == keys.pair("other-sp").pem.decode()


def test_one_of_an_aggregate(keys: KeyRing, idp: Idp) -> None:
    first, second = metadata(keys), metadata(keys)
    second.set("entityID", "https://second.example/")
    root = etree.Element(q(MD, "EntitiesDescriptor"))
    root.extend([first, etree.fromstring(idp.metadata()), second])
    data = etree.tostring(root)
    assert Application.from_metadata(data, entity="https://second.example/").entity_id == "https://second.example/"
    with pytest.raises(TenantError, match="holds 2 fitting"):
        Application.from_metadata(data)
    with pytest.raises(TenantError, match="holds 0 fitting"):
        Application.from_metadata(data, entity="https://third.example/")
    root.remove(second)
    assert Application.from_metadata(etree.tostring(root)).entity_id == ENTITY


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no well-formed XML"),
        (b"<a", "no well-formed XML"),
        (b"<a/>", "no metadata of SAML"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>', "holds a DTD"),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"), "holds a DTD"),
        (b" " * 10_485_761, "at most 10485760"),
        (f'<EntityDescriptor xmlns="{MD}" entityID="x"/>'.encode(), "no service provider of SAML 2.0"),
    ],
)
def test_what_is_no_service_provider_is_said(data: bytes, says: str) -> None:
    with pytest.raises(TenantError, match=says):
        Application.from_metadata(data)


def test_what_cannot_be_posted_to_is_refused(keys: KeyRing, idp: Idp) -> None:
    with pytest.raises(TenantError, match="no service provider"):
        Application.from_metadata(idp.metadata())
    root = metadata(keys)
    for acs in root.findall(".//md:AssertionConsumerService", NS):
        acs.set("Location", "javascript:alert(1)")
    with pytest.raises(TenantError, match="expected an http or https address"):
        Application.from_metadata(etree.tostring(root))
    for acs in root.findall(".//md:AssertionConsumerService", NS):
        acs.set("Binding", names.BINDING_ARTIFACT)
    with pytest.raises(TenantError, match="no AssertionConsumerService by HTTP-POST"):
        Application.from_metadata(etree.tostring(root))
    bad = etree.tostring(metadata(keys, uses=("encryption",))).replace(
        b"<ds:X509Certificate>", b"<ds:X509Certificate>*"
    )
    with pytest.raises(TenantError, match="no certificate to encrypt with"):
        Application.from_metadata(bad, encrypt=True)
