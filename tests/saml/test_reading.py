"""app.saml.reading: what is written is recorded, from the right elements, at the places of the received document."""

from __future__ import annotations

import pytest
from lxml import etree

from app.saml.names import SAML, SAMLP, q
from app.saml.reading import kind_of, read_assertion, read_response, what_is_this
from app.saml.xml import canonical, parse
from tests.saml import signing_samples as samples

NS = f'xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def root_of(text: str | bytes) -> etree._Element:
    document = parse(text if isinstance(text, bytes) else text.encode()).document
    assert document is not None
    return document.root


def test_a_response_is_recorded_as_written() -> None:
    r = read_response(samples.build(), "unsigned")
    assert (r.id, r.version, r.issue_instant) == ("_r1", "2.0", "2026-11-23T19:59:30Z")
    assert (r.destination, r.in_response_to) == (samples.ACS, None)
    assert r.issuer is not None
    assert r.issuer.text.value == samples.IDP
    assert r.status is not None
    assert r.status.codes == ("urn:oasis:names:tc:SAML:2.0:status:Success",)
    (a,) = r.assertions
    assert a.provenance == r.provenance == "unsigned"
    assert a.subject is not None
    assert a.subject.name_ids[0].text.value == "ada@corp.test"
    (confirmation,) = a.subject.confirmations
    assert (confirmation.recipient, confirmation.not_on_or_after) == (samples.ACS, "2026-11-23T20:05:00Z")
    assert a.conditions[0].audience_restrictions[0].audiences[0].value == samples.SP
    assert a.authn_statements[0].context_class == "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
    assert {x.name: x.values[0].text.value for x in a.attributes} == {
        "imagekit_id": "ik_7x2k",
        "full_name": "Ada Ng",
        "imagekit_role": "developer",
    }
    assert a.at.path == "/samlp:Response/saml:Assertion"


def test_nothing_missing_is_invented() -> None:
    r = read_response(root_of(f"<samlp:Response {NS}/>"), "unsigned")
    assert (r.id, r.version, r.issuer, r.status, r.assertions, r.has_extensions) == (None, None, None, None, (), False)
    a = read_assertion(root_of(f"<saml:Assertion {NS}><saml:Subject/></saml:Assertion>"), "unsigned")
    assert (a.issuers, a.conditions, a.authn_statements, a.attributes) == ((), (), (), ())
    assert a.subject is not None
    assert a.subject.name_ids == ()


def test_what_is_repeated_is_kept() -> None:
    text = (
        f"<saml:Assertion {NS}><saml:Issuer>a</saml:Issuer><saml:Issuer>b</saml:Issuer>"
        "<saml:Conditions/><saml:Conditions/>"
        '<saml:AttributeStatement><saml:Attribute Name="x"/></saml:AttributeStatement>'
        '<saml:AttributeStatement><saml:Attribute Name="x"/><saml:EncryptedAttribute/></saml:AttributeStatement>'
        "</saml:Assertion>"
    )
    a = read_assertion(root_of(text), "unsigned")
    assert [i.text.value for i in a.issuers] == ["a", "b"]
    assert len(a.conditions) == 2
    assert [x.name for x in a.attributes] == ["x", "x"]
    assert a.encrypted_attributes == 1


def test_only_direct_children_in_the_right_namespace_count() -> None:
    text = (
        f'<samlp:Response {NS}><samlp:Extensions><saml:Assertion ID="_evil"/></samlp:Extensions>'
        '<Assertion ID="_none"/><x:Assertion xmlns:x="urn:x" ID="_foreign"/>'
        '<saml:Assertion ID="_a"><saml:Subject><x:NameID xmlns:x="urn:x">victim</x:NameID>'
        "<saml:BaseID/><saml:EncryptedID/></saml:Subject></saml:Assertion></samlp:Response>"
    )
    r = read_response(root_of(text), "unsigned")
    assert r.has_extensions
    (a,) = r.assertions
    assert a.id == "_a"
    assert a.subject is not None
    assert a.subject.name_ids == ()
    assert a.subject.other_ids == ("{urn:x}NameID", "BaseID", "EncryptedID")


def test_text_with_a_comment_is_marked() -> None:
    text = f"<saml:Assertion {NS}><saml:Issuer>https://idp<!-- -->.evil.test</saml:Issuer></saml:Assertion>"
    issuer = read_assertion(root_of(text), "unsigned").issuers[0]
    assert (issuer.text.value, issuer.text.simple) == ("https://idp.evil.test", False)


def test_conditions_status_and_values_in_detail() -> None:
    text = (
        f"<samlp:Response {NS}><samlp:Status>"
        '<samlp:StatusCode Value="a"><samlp:StatusCode Value="b"/></samlp:StatusCode>'
        "<samlp:StatusMessage>no</samlp:StatusMessage><samlp:StatusDetail><d>why</d></samlp:StatusDetail></samlp:Status>"
        '<saml:Assertion><saml:Conditions NotBefore="n"><saml:OneTimeUse/><saml:ProxyRestriction/>'
        '<saml:Condition xsi:type="x:Delegation"/><x:y xmlns:x="urn:x"/></saml:Conditions><saml:AttributeStatement>'
        '<saml:Attribute Name="n" NameFormat="f" FriendlyName="g"><saml:AttributeValue xsi:nil="true"/>'
        "<saml:AttributeValue><b/></saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>"
        "<saml:EncryptedAssertion/></samlp:Response>"
    )
    r = read_response(root_of(text), "unsigned")
    assert r.status is not None
    assert r.status.codes == ("a", "b")
    assert r.status.message is not None
    assert (r.status.message.value, r.status.detail) == ("no", "why")
    assert r.encrypted_assertions == 1
    c = r.assertions[0].conditions[0]
    assert (c.one_time_use, c.proxy_restrictions, c.unknown) == (1, 1, ("x:Delegation", "{urn:x}y"))
    nil, xml = r.assertions[0].attributes[0].values
    assert (nil.nil, nil.text.value) == (True, "")
    assert (xml.nil, xml.text.simple) == (False, False)


@pytest.mark.parametrize("with_comments", [False, True])
def test_signed_records_stand_where_the_received_document_has_them(with_comments: bool) -> None:
    root = samples.build()
    assertion = samples.the(root, "saml:Assertion")
    assertion.insert(1, etree.Comment("x"))
    samples.sign(assertion)
    received = root_of(etree.tostring(root, pretty_print=True))
    original = samples.the(received, "saml:Assertion")
    # What a verifier hands on: the canonical form without the signature, parsed anew.
    bare = samples.stripped(original)
    rebuilt = root_of(canonical(bare, with_comments=with_comments))
    signed = read_assertion(rebuilt, "signed-by-assertion", twin=original)
    claimed = read_assertion(original, "unsigned")
    assert signed.at == claimed.at
    assert signed.at.line > 1
    assert [x.at for x in signed.attributes] == [x.at for x in claimed.attributes]
    assert signed.subject is not None
    assert claimed.subject is not None
    assert signed.subject.name_ids[0].text.at == claimed.subject.name_ids[0].text.at
    assert signed.subject.name_ids[0].text.at.path.startswith("/samlp:Response/saml:Assertion/saml:Subject/")


def test_a_signed_response_around_a_signed_assertion_keeps_places_too() -> None:
    root = samples.build()
    samples.sign(samples.the(root, "saml:Assertion"))
    samples.sign(root)
    received = root_of(etree.tostring(root))
    outer = root_of(etree.tostring(received))
    own = outer.find(q("http://www.w3.org/2000/09/xmldsig#", "Signature"))
    assert own is not None
    outer.remove(own)
    signed = read_response(outer, "signed-by-response", twin=received)
    claimed = read_response(received, "unsigned")
    assert signed.assertions[0].attributes[2].at == claimed.assertions[0].attributes[2].at
    assert signed.status is not None
    assert claimed.status is not None
    assert signed.status.at == claimed.status.at


def test_where_the_twin_differs_the_nearest_known_place_is_given() -> None:
    signed = root_of(f"<saml:Assertion {NS}><saml:Subject><saml:NameID>x</saml:NameID></saml:Subject></saml:Assertion>")
    other = root_of(f"<saml:Assertion {NS}><saml:Advice/></saml:Assertion>")
    a = read_assertion(signed, "unsigned", twin=other)
    assert a.subject is not None
    assert a.subject.name_ids[0].text.at.path == "/saml:Assertion"


@pytest.mark.parametrize(
    ("name", "namespace", "kind"),
    [
        ("Response", SAMLP, "Response"),
        ("Assertion", SAML, "Assertion"),
        ("AuthnRequest", SAMLP, "AuthnRequest"),
        ("EntityDescriptor", "urn:oasis:names:tc:SAML:2.0:metadata", "EntityDescriptor"),
        ("Response", "urn:oasis:names:tc:SAML:1.0:protocol", "other"),
        ("Response", "", "other"),
    ],
)
def test_the_kind_needs_the_namespace(name: str, namespace: str, kind: str) -> None:
    assert kind_of(etree.Element(q(namespace, name) if namespace else name)) == kind


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (f"<saml:Assertion {NS}/>", "bare Assertion"),
        (f"<samlp:AuthnRequest {NS}/>", "AuthnRequest"),
        (f"<samlp:LogoutRequest {NS}/>", "logging out"),
        (f"<samlp:ArtifactResolve {NS}/>", "ArtifactResolve"),
        (
            '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><IDPSSODescriptor/></EntityDescriptor>',
            "IdP meta",
        ),
        (
            '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><SPSSODescriptor/></EntityDescriptor>',
            "SP metadata",
        ),
        ('<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>', "several entities"),
        ('<Response xmlns="urn:oasis:names:tc:SAML:1.0:protocol"/>', "SAML 1.1"),
        ('<Assertion xmlns="urn:oasis:names:tc:SAML:1.0:assertion"/>', "SAML 1.1"),
        ('<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"/>', "SOAP"),
        ('<RequestSecurityTokenResponse xmlns="http://schemas.xmlsoap.org/ws/2005/02/trust"/>', "WS-Federation"),
        ("<Response/>", "no namespace"),
        ('<Response xmlns="urn:x"/>', "urn:x"),
        ("<html/>", "HTML page"),
        ("<note/>", "“note”"),
        ('<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>', "signature on its own"),
        (b"", "nothing"),
        (b"<!DOCTYPE html><title>Sign in</title>", "login or error page"),
        (b"eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "JSON Web Token"),
        (b'{"error": 1}', "JSON"),
        (b"-----BEGIN CERTIFICATE-----\nMII", "PEM file (certificate)"),
        (b"PK\x03\x04xx", "ZIP"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n", "picture"),
        (b"https://idp.test/", "address without"),
        (b"<a><b>", "could not be read"),
        (b"hello", "not XML"),
    ],
)
def test_what_people_paste_is_recognised(what: str | bytes, says: str) -> None:
    assert says in what_is_this(root_of(what) if isinstance(what, str) else what)
