"""app.saml.metadata: every oddity of real metadata has a decision and a sentence, and our own is read back."""

from __future__ import annotations

import base64
import time
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from app.saml.errors import MetadataError, Problem
from app.saml.metadata import MetadataReading, metadata_changes, read_metadata, sp_metadata
from app.saml.names import BINDING_POST, BINDING_REDIRECT, SAMLP
from tests.saml import signing_samples as samples

NOW = samples.NOW
ONE, TWO = samples.rsa_signer(), samples.rsa_signer("other")
MD_NS = "urn:oasis:names:tc:SAML:2.0:metadata"
SOAP = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"


def key(signer: samples.Signer | str | None = ONE, use: str | None = "signing") -> str:
    text = signer.der if isinstance(signer, samples.Signer) else signer
    data = f"<ds:X509Data><ds:X509Certificate>{text}</ds:X509Certificate></ds:X509Data>"
    if signer is None:
        data = "<ds:KeyName>only a name</ds:KeyName>"
    attribute = f' use="{use}"' if use else ""
    return f"<md:KeyDescriptor{attribute}><ds:KeyInfo>{data}</ds:KeyInfo></md:KeyDescriptor>"


def sso(location: str = "https://idp.corp.test/sso", binding: str = BINDING_REDIRECT) -> str:
    return f'<md:SingleSignOnService Binding="{binding}" Location="{location}"/>'


def role(*keys: str, sso: str = sso(), attributes: str = "", inner: str = "", protocols: str = SAMLP) -> str:
    opening = f'<md:IDPSSODescriptor protocolSupportEnumeration="{protocols}" {attributes}>'
    return f"{opening}{''.join(keys or (key(),))}{inner}{sso}</md:IDPSSODescriptor>"


SP_ROLE = (
    f'<md:SPSSODescriptor protocolSupportEnumeration="{SAMLP}"><md:AssertionConsumerService index="0" '
    f'Binding="{BINDING_POST}" Location="https://sp.test/acs"/></md:SPSSODescriptor>'
)


def entity(*roles: str, entity_id: str = samples.IDP, attributes: str = 'validUntil="2027-01-01T00:00:00Z"') -> str:
    namespaces = f'xmlns:md="{MD_NS}" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
    inside = "".join(roles or (role(),))
    return f'<md:EntityDescriptor {namespaces} entityID="{entity_id}" {attributes}>{inside}</md:EntityDescriptor>'


def read(data: str | bytes, **options: object) -> MetadataReading:
    return read_metadata(data, now=NOW, **options)  # type: ignore[arg-type]


def said(findings: tuple[Problem, ...]) -> dict[str, str]:
    return {p.check: p.message for p in findings}


def test_good_metadata_has_nothing_to_complain_of() -> None:
    reading = read(entity(role(key(), key(TWO, "encryption"), inner="<md:NameIDFormat>urn:f</md:NameIDFormat>")))
    assert reading.problems == ()
    assert reading.warnings == ()
    idp = reading.usable_idp()
    assert idp.entity_id == samples.IDP
    assert [k.certificate for k in idp.signing_keys] == [ONE.certificate]
    assert idp.encryption_certificates == (TWO.certificate,)
    assert idp.sso_location() == "https://idp.corp.test/sso"
    assert idp.sso_location(BINDING_POST) is None
    assert idp.nameid_formats == ("urn:f",)
    assert idp.valid_until is not None
    assert idp.valid_until.year == 2027
    assert (idp.want_authn_requests_signed, idp.signed, idp.repairs) == (False, False, ())
    assert reading.entities == (samples.IDP,)


@pytest.mark.parametrize(
    ("data", "check", "says"),
    [
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "md-root", "HTML page"),
        ("<html xmlns='http://www.w3.org/1999/xhtml'/>", "md-root", "HTML page"),
        ("", "md-root", "nothing in it"),
        ('{"issuer": "x"}', "md-root", "JSON"),
        ("<a/>", "md-root", "root element “a”"),
        (samples.xml(samples.build()), "md-root", "Response"),
        ("<md:EntityDescriptor", "xml-wellformed", "never declared"),
        ("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "xml-no-dtd", "document type"),
        (entity(SP_ROLE), "md-idp-role", "metadata of a service provider"),
        (entity("<md:Organization/>"), "md-idp-role", "no SAML identity provider"),
        (entity(role(protocols="urn:oasis:names:tc:SAML:1.1:protocol")), "md-protocol", "SAML 2.0"),
        (entity(role(key(use="encryption"))), "md-signing-key", "encryption only"),
        (entity(role(key(None))), "md-signing-key", "without certificates"),
        (entity(role(key("!!!"))), "md-signing-key", "could not be read"),
        (entity(role(" ")), "md-signing-key", "no KeyDescriptor"),
        (entity(role(sso="")), "md-sso-endpoint", "no login can begin"),
        (entity(role(sso=sso(binding=SOAP))), "md-sso-endpoint", "SOAP"),
        (entity(role(sso=sso("javascript:alert(1)"))), "md-endpoint-scheme", "“javascript”"),
        (entity(role(sso=sso("data:text/html,x"))), "md-endpoint-scheme", "“data”"),
        (entity(role(sso=sso("/sso"))), "md-endpoint-scheme", "“none”"),
        (entity(role(sso=sso("https:///sso"))), "md-endpoint-scheme", "no host"),
        (entity(role(sso=sso("https://idp.test/&#10;x"))), "md-endpoint-scheme", "control character"),
        (entity(attributes='validUntil="2026-01-01T00:00:00Z"'), "md-valid-until", "valid until 2026-01-01"),
        (entity(attributes='validUntil="soon"'), "md-valid-until", "not a date"),
        (entity(entity_id=" "), "md-entityid", "does not say"),
        (entity(entity_id="https://idp.test/" + "x" * 1100), "md-entityid", "1,024"),
    ],
)
def test_what_cannot_be_used_is_refused_in_its_own_sentence(data: str | bytes, check: str, says: str) -> None:
    reading = read(data)
    assert says in said(reading.problems)[check]
    with pytest.raises(MetadataError) as refused:
        reading.usable_idp()
    assert refused.value.problems == reading.problems


@pytest.mark.parametrize(
    ("data", "check", "says"),
    [
        (entity(role(sso=sso("http://idp.corp.test/sso"))), "md-endpoint-scheme", "not encrypted"),
        (entity(role(sso=sso("https://idp.corp.test@evil.test/"))), "md-endpoint-host", "leads to evil.test"),
        (entity(role(sso=sso("http://localhost:8080/sso"))), "md-endpoint-host", "this machine"),
        (entity(role(sso=sso("https://10.0.0.1/sso"))), "md-endpoint-host", "10.0.0.1"),
        (entity(entity_id=samples.IDP + " "), "md-entityid", "a blank"),
        (entity(entity_id=samples.IDP + "\u00a0"), "md-entityid", "non-breaking"),
        (entity(entity_id="idp.corp.test"), "md-entityid", "not an absolute URI"),
        (entity(role(key(), key(None))), "md-keyinfo-kind", "no certificate"),
        (entity(role(key(), key("!!!"))), "md-keyinfo-kind", "could not be read"),
        (entity(role(key(), key(TWO, "other"))), "md-keyinfo-kind", "unknown use"),
        (entity(role(attributes='WantAuthnRequestsSigned="true"')), "md-want-authnrequests-signed", "signing key"),
        (entity(attributes='cacheDuration="PT0S"'), "md-cache-duration", "zero"),
        (entity(attributes='cacheDuration="a day"'), "md-cache-duration", "not a duration"),
        (entity(role(key(samples.rsa_signer("weak", 1024)))), "md-key-quality", "RSA 1024"),
        (entity(role(key(samples.ec_signer("secp256k1")))), "md-key-quality", "unusual"),
        (entity(role(key(samples.dsa_signer()))), "md-key-quality", "cannot be used"),
    ],
)
def test_what_is_odd_is_a_warning_and_used(data: str, check: str, says: str) -> None:
    reading = read(data)
    assert reading.problems == ()
    assert says in said(reading.warnings)[check]
    assert reading.usable_idp().entity_id in (samples.IDP, "idp.corp.test")


@pytest.mark.parametrize(
    ("data", "check", "says"),
    [
        (entity(), "md-signature", "not signed"),
        (entity(attributes=""), "md-valid-until", "no end of validity"),
        (entity(attributes='validUntil="2029-01-01T00:00:00Z"'), "md-valid-until", "more than a year"),
        (entity(attributes='cacheDuration="P1D"'), "md-cache-duration", "P1D"),
        (entity(role(key(), key(TWO))), "md-keys-many", "2 signing keys"),
        (entity(role(inner="<md:NameIDFormat>urn:x</md:NameIDFormat>")), "md-nameid-formats", "e-mail"),
    ],
)
def test_what_a_person_wants_to_know_is_noted(data: str, check: str, says: str) -> None:
    assert says in said(read(data).notes)[check]


def test_expired_and_future_certificates_are_told_and_kept() -> None:
    old = samples.Signer(ONE.key, samples.certificate(ONE.key, end=NOW - timedelta(days=1)))
    new = samples.Signer(TWO.key, samples.certificate(TWO.key, begin=NOW + timedelta(days=1)))
    reading = read(entity(role(key(old), key(new))))
    messages = [w.message for w in reading.warnings if w.check == "md-key-quality"]
    assert "expired" in messages[0]
    assert "valid only from" in messages[1]
    assert len(reading.usable_idp().signing_keys) == 2
    assert not [w for w in read_metadata(entity(role(key(old)))).warnings if w.check == "md-key-quality"]


def test_a_key_without_use_serves_both() -> None:
    idp = read(entity(role(key(use=None)))).usable_idp()
    assert [k.certificate for k in idp.signing_keys] == [ONE.certificate]
    assert idp.encryption_certificates == (ONE.certificate,)


def test_the_same_key_twice_is_one_key() -> None:
    assert len(read(entity(role(key(), key()))).usable_idp().signing_keys) == 1


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        (ONE.pem, "PEM header"),
        (base64.b64encode(ONE.pem.encode()).decode(), "whole PEM file"),
        ("\n\t " + "\r\n".join(ONE.der[i : i + 64] for i in range(0, len(ONE.der), 64)) + " ", ""),
    ],
)
def test_certificates_in_odd_forms_are_read(text: str, repair: str) -> None:
    idp = read(entity(role(key(text)))).usable_idp()
    assert [k.certificate for k in idp.signing_keys] == [ONE.certificate]
    assert repair in " ".join(idp.repairs)


def test_roles_of_other_protocols_give_no_keys() -> None:
    wsfed = f'<md:RoleDescriptor protocolSupportEnumeration="urn:wsfed">{key(TWO)}</md:RoleDescriptor>'
    reading = read(entity(wsfed, role()))
    assert [k.certificate for k in reading.usable_idp().signing_keys] == [ONE.certificate]
    assert "WS-Federation" in said(reading.notes)["md-protocol"]


def test_the_role_that_speaks_saml_2_is_taken() -> None:
    reading = read(entity(role(key(TWO), protocols="urn:oasis:names:tc:SAML:1.1:protocol"), role()))
    assert [k.certificate for k in reading.usable_idp().signing_keys] == [ONE.certificate]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + entity().encode(),
        b"\xef\xbb\xbf\xef\xbb\xbf" + entity().encode(),
        ('<?xml version="1.0" encoding="utf-16"?>' + entity()).encode("utf-16"),
        ('\ufeff<?xml version="1.0" encoding="utf-16"?>' + entity()).encode("utf-16"),
        entity().encode("utf-16-le"),
        entity().encode("utf-16-be"),
        b"\r\n  " + entity().encode(),
    ],
)
def test_byte_order_marks_and_utf16_are_repaired_and_told(data: bytes) -> None:
    reading = read(data)
    assert reading.problems == ()
    assert reading.repairs
    assert reading.usable_idp().entity_id == samples.IDP


def aggregate(*entities: str, attributes: str = "") -> str:
    return f'<md:EntitiesDescriptor xmlns:md="{MD_NS}" {attributes}>{"".join(entities)}</md:EntitiesDescriptor>'


def test_one_of_an_aggregate_must_be_chosen() -> None:
    many = aggregate(
        entity(), aggregate(entity(entity_id="https://two.test/")), entity(SP_ROLE, entity_id="https://sp.test/")
    )
    reading = read(many)
    assert reading.entities == (samples.IDP, "https://two.test/", "https://sp.test/")
    assert "3 entities with 2 identity providers" in said(reading.problems)["md-root"]
    assert read(many, entity="https://two.test/").usable_idp().entity_id == "https://two.test/"
    assert "none is called “https://no.test/”" in said(read(many, entity="https://no.test/").problems)["md-root"]


def test_the_only_idp_of_an_aggregate_is_taken_and_its_validity_counts() -> None:
    reading = read(aggregate(entity(SP_ROLE, entity_id="https://sp.test/"), entity()))
    assert reading.usable_idp().entity_id == samples.IDP
    late = read(aggregate(entity(), attributes='validUntil="2026-01-01T00:00:00Z"'))
    assert "md-valid-until" in said(late.problems)


def test_a_signature_is_shown_and_not_trusted() -> None:
    root = etree.fromstring(entity(attributes='ID="_m"'))
    samples.sign(root, TWO, position=0)
    reading = read(etree.tostring(root))
    idp = reading.usable_idp()
    assert idp.signed
    assert [k.certificate for k in idp.signing_keys] == [ONE.certificate]
    assert "was not used" in said(reading.notes)["md-signature"]


def test_a_test_key_is_recognised() -> None:
    fingerprint = ONE.certificate.fingerprint(samples.HASHES["sha256"]).hex()
    reading = read(entity(), known_test_keys=frozenset({fingerprint}))
    assert "test key" in said(reading.warnings)["md-key-quality"]


def test_names_are_shown() -> None:
    shown = (
        '<md:Extensions><mdui:UIInfo xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui">'
        '<mdui:DisplayName xml:lang="en">Corp SSO</mdui:DisplayName></mdui:UIInfo></md:Extensions>'
    )
    assert read(entity(role(shown, key()))).usable_idp().display_name == "Corp SSO"
    organisation = "<md:Organization><md:OrganizationDisplayName>Corp</md:OrganizationDisplayName></md:Organization>"
    assert read(entity(role(), organisation)).usable_idp().display_name == "Corp"


@pytest.mark.parametrize("certificates", [(), (ONE.certificate,), (ONE.certificate, TWO.certificate)])
def test_our_own_metadata_is_read_back(certificates: tuple[object, ...]) -> None:
    data = sp_metadata(samples.SP, samples.ACS, "https://sp.example/logout", certificates)  # type: ignore[arg-type]
    reading = read(data, expect="sp")
    assert reading.problems == ()
    sp = reading.sp
    assert sp is not None
    assert sp.entity_id == samples.SP
    assert [(e.binding, e.location, e.index, e.is_default) for e in sp.acs_endpoints] == [
        (BINDING_POST, samples.ACS, 0, True)
    ]
    assert {e.binding for e in sp.slo_endpoints} == {BINDING_POST, BINDING_REDIRECT}
    assert sp.signing_certificates == sp.encryption_certificates == certificates
    assert (sp.want_assertions_signed, sp.authn_requests_signed) == (True, False)
    with pytest.raises(MetadataError):
        sp_metadata("a\x00b", samples.ACS)


def test_sp_metadata_is_wanted_or_it_is_not() -> None:
    assert read(entity(SP_ROLE), expect="any").sp is not None
    assert "an identity provider" in said(read(entity(), expect="sp").problems)["md-root"]
    no_post = SP_ROLE.replace(BINDING_POST, SOAP)
    assert "HTTP-POST" in said(read(entity(no_post), expect="sp").problems)["md-sso-endpoint"]
    acs = f'<md:AssertionConsumerService index="0" Binding="{BINDING_POST}" Location="https://sp.test/b"/>'
    twice = SP_ROLE.replace("</md:SPSSO", acs + "</md:SPSSO")
    assert "same index" in said(read(entity(twice), expect="sp").warnings)["md-sso-endpoint"]


def test_changes_that_a_person_must_confirm() -> None:
    old = read(entity()).usable_idp()
    assert metadata_changes(old, old) == ()
    new = read(entity(role(key(TWO), sso=sso("https://evil.test/sso")), entity_id="https://evil.test/")).usable_idp()
    messages = " ".join(p.message for p in metadata_changes(old, new))
    for part in ("entity ID is another", "certificate is new", "certificate is gone", "login address has changed"):
        assert part in messages
    assert all(p.check == "md-change-review" for p in metadata_changes(old, new))


def test_metadata_is_bounded() -> None:
    start = time.process_time()
    reading = read(b"<a>" + b" " * 10_500_000 + b"</a>")
    assert time.process_time() - start < 0.2
    assert [p.check for p in reading.problems] == ["encoding-size-limit"]
    bomb = entity(attributes=" ".join(f'xmlns:n{i}="urn:{i}"' for i in range(1000)))
    assert [p.check for p in read(bomb).problems] == ["xml-namespace-limit"]


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2500), st.text(max_size=6), st.integers(0, 30))
def test_nothing_makes_reading_raise(at: int, new: str, cut: int) -> None:
    good = entity(role(key(), key(TWO, None)))
    reading = read(good[:at] + new + good[at + cut :])
    assert reading.problems or reading.idp is not None


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_garbage_is_always_a_problem(data: bytes | str) -> None:
    assert read(data).problems


def test_der_certificates_of_metadata_are_the_ones_written() -> None:
    written = read(entity()).usable_idp().signing_keys[0].certificate
    assert written.public_bytes(serialization.Encoding.DER) == ONE.certificate.public_bytes(serialization.Encoding.DER)
