"""Issuing: every vendor's good message verifies elsewhere and says what the directory says."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

from simulator import (
    METADATA_VARIANTS,
    OMIT,
    PROFILES,
    Application,
    Edit,
    Idp,
    KeyRing,
    KeyRingError,
    LoginRefused,
    UnknownFault,
    names,
)
from simulator.names import DS, MD, NS, SAML, SAMLP, q
from simulator.requests import AuthnRequest, LogoutRequest
from tests.simulator.conftest import NOW

VENDORS = [p.id for p in PROFILES]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("sign", ["assertion", "response", "both", None])
def test_every_vendors_message_verifies_elsewhere(
    vendor: str, sign: str | None, idp_of: Callable[[str], Idp], keys: KeyRing
) -> None:
    idp = idp_of(vendor)
    application = replace(idp.tenant.applications[0], sign=sign)  # type: ignore[arg-type]  # one of the literals
    issued = idp.issue("zoe", application)
    config = SignatureConfiguration(location=".//", expect_references=1, require_x509=True)
    root = etree.fromstring(issued.xml)
    signed = [s.getparent() for s in root.iter(q(DS, "Signature"))]
    parts = sign or idp.tenant.profile.sign
    assert len(signed) == (2 if parts == "both" else 1)
    for element in signed:
        assert element is not None
        found = XMLVerifier().verify(
            etree.tostring(element), x509_cert=keys.pair().certificate, expect_config=config, verification_time=NOW
        )
        assert not isinstance(found, list)
        assert found.signed_xml is not None
        assert found.signed_xml.get("ID") == element.get("ID")
    assert issued.name_id == "zoe@acme-media.test"
    values = {a.get("Name"): a[0].text for a in root.iter(q(SAML, "Attribute"))}
    assert values["full_name"] == "Zoë Kovačević"
    assert values["imagekit_role"] == "media_library_view_only_access"
    assert values["imagekit_id"] == "ik_7x2k"
    assert root.findtext(q(SAML, "Issuer")) == idp.tenant.entity_id


def test_the_good_message_in_its_details(idp: Idp) -> None:
    issued = idp.issue("grace", "imagekit")
    root = etree.fromstring(issued.xml)
    assert [etree.QName(c).localname for c in root] == ["Issuer", "Status", "Assertion"]
    assertion = root[2]
    order = [etree.QName(c).localname for c in assertion]
    assert order == ["Issuer", "Signature", "Subject", "Conditions", "AuthnStatement", "AttributeStatement"]
    assert root.get("InResponseTo") is None
    assert root.get("Destination") == "https://imagekit.io/saml/consume"
    data = root.find(".//saml:SubjectConfirmationData", NS)
    assert data is not None
    assert data.get("Recipient") == "https://imagekit.io/saml/consume"
    assert data.get("NotOnOrAfter") == "2026-11-23T20:41:00Z"
    assert data.get("InResponseTo") is None
    fields = parse_qs(issued.body.decode())
    assert base64.b64decode(fields["SAMLResponse"][0]) == issued.xml
    assert fields["RelayState"] == ["https://imagekit.io/dashboard"]
    assert issued.url == "https://imagekit.io/saml/consume"
    assert issued.expected.verdict == "accept"


def test_an_answer_names_its_request(idp: Idp, asked: AuthnRequest) -> None:
    root = etree.fromstring(idp.issue("grace", "imagekit", request=asked).xml)
    assert root.get("InResponseTo") == "_request"
    data = root.find(".//saml:SubjectConfirmationData", NS)
    assert data is not None
    assert data.get("InResponseTo") == "_request"


def test_the_browser_may_post_elsewhere_than_the_message_says(idp: Idp) -> None:
    application = replace(idp.tenant.applications[0], deliver_to="http://127.0.0.1:8080/saml/consume")
    issued = idp.issue("grace", application)
    assert issued.url == "http://127.0.0.1:8080/saml/consume"
    assert b"127.0.0.1" not in issued.xml


def test_omitted_claims_are_missing_and_empty_ones_are_empty(idp: Idp) -> None:
    grace = idp.tenant.user("grace")
    assert grace is not None
    root = etree.fromstring(idp.issue(replace(grace, role=None, full_name=""), "imagekit").xml)
    values = {a.get("Name"): a[0].text for a in root.iter(q(SAML, "Attribute"))}
    assert "imagekit_role" not in values
    assert values["full_name"] is None


def test_claim_sources(idp: Idp) -> None:
    grace = idp.tenant.user("grace")
    assert grace is not None
    grace = replace(grace, attributes={"groups": ("a", "b")})
    claims = {"user": "username", "plan": "=gold", "groups": "attribute:groups", "none": "attribute:none"}
    application = replace(idp.tenant.applications[0], claims=claims)
    root = etree.fromstring(idp.issue(grace, application).xml)
    values = {a.get("Name"): [v.text for v in a] for a in root.iter(q(SAML, "Attribute"))}
    assert values == {"user": ["grace"], "plan": ["gold"], "groups": ["a", "b"]}


@pytest.mark.parametrize(
    ("who", "says"), [("alan", "disabled"), ("katherine", "not assigned"), ("nobody", "knows nobody")]
)
def test_leavers_get_no_login(who: str, says: str, idp: Idp) -> None:
    with pytest.raises(LoginRefused, match=says):
        idp.issue(who, "imagekit")


def test_unknown_names_are_sentences(idp: Idp) -> None:
    with pytest.raises(LoginRefused, match="no application"):
        idp.issue("grace", "none")
    with pytest.raises(UnknownFault, match="no fault"):
        idp.issue("grace", "imagekit", faults=["none"])


def test_the_clock_can_run_ahead(idp: Idp) -> None:
    idp.tenant = replace(idp.tenant, clock_offset=timedelta(minutes=10))
    assert idp.issue("grace", "imagekit").spec.response_issue_instant == "2026-11-23T20:46:00Z"


def test_encryption_for_an_application(idp: Idp, keys: KeyRing) -> None:
    application = replace(idp.tenant.applications[0], encrypt_to=keys.pair("sp-encryption").pem.decode())
    xml = idp.issue("grace", application).xml
    assert b"EncryptedAssertion" in xml
    assert b"grace@" not in xml


def test_editing_by_hand_at_three_places(idp: Idp) -> None:
    edit = Edit(
        spec=lambda spec: replace(spec, destination=OMIT),
        document=lambda xml: xml.replace(b"Grace", b"Other"),
        form=lambda form: [*form, ("extra", "1")],
    )
    issued = idp.issue("grace", "imagekit", edit=edit)
    assert b"Destination" not in issued.xml
    assert b"Other Holloway" in issued.xml
    assert issued.form[-1] == ("extra", "1")
    assert b"extra=1" in issued.body


def test_refusals_are_signed_and_carry_no_assertion(idp: Idp, asked: AuthnRequest) -> None:
    codes = (names.STATUS + "Responder", names.STATUS + "NoPassive")
    issued = idp.refuse("imagekit", codes, "Nobody is signed in.", request=asked)
    root = etree.fromstring(issued.xml)
    assert root.find(q(SAML, "Assertion")) is None
    assert root.find(q(DS, "Signature")) is not None
    assert [c.get("Value") for c in root.iter(q(SAMLP, "StatusCode"))] == list(codes)
    assert issued.expected.verdict == "refused-by-idp"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"is_passive": True}, "NoPassive"),
        ({"name_id_format": names.FORMAT_PERSISTENT}, "InvalidNameIDPolicy"),
        ({"contexts": ("urn:example:smartcard",)}, "NoAuthnContext"),
        ({"response_binding": names.BINDING_ARTIFACT}, "UnsupportedBinding"),
    ],
)
def test_what_cannot_be_met_is_refused_with_its_status(
    change: dict[str, object], code: str, idp: Idp, asked: AuthnRequest
) -> None:
    objection = idp.objection(replace(asked, **change))  # type: ignore[arg-type]  # fields of the request
    assert objection is not None
    assert objection[0][1] == names.STATUS + code


def test_what_can_be_met_is_not_refused(idp: Idp, asked: AuthnRequest) -> None:
    wish = replace(asked, force_authn=True, name_id_format=names.FORMAT_EMAIL, contexts=(names.AC_PASSWORD,))
    assert idp.objection(wish) is None
    assert idp.objection(replace(asked, is_passive=True), signed_in=True) is None
    statement = idp.issue("grace", "imagekit", request=wish).spec.authn_statements[0]
    assert statement.context_class == names.AC_PASSWORD


def test_logout_is_answered_at_the_logout_address(idp: Idp) -> None:
    request = LogoutRequest(id="_out", application="imagekit", issuer="x", name_id="grace@acme-media.test")
    issued = idp.logout_response(request)
    root = etree.fromstring(issued.xml)
    assert root.tag == q(SAMLP, "LogoutResponse")
    assert root.get("InResponseTo") == "_out"
    assert issued.url == "https://imagekit.io/logout"
    found = XMLVerifier().verify(
        issued.xml,
        x509_cert=idp.keys.pair().certificate,
        expect_config=SignatureConfiguration(location="./"),
        verification_time=NOW,
    )
    assert not isinstance(found, list)


@pytest.mark.parametrize("vendor", VENDORS)
def test_metadata_of_every_vendor(vendor: str, idp_of: Callable[[str], Idp], keys: KeyRing) -> None:
    idp = idp_of(vendor)
    root = etree.fromstring(idp.metadata())
    assert root.get("entityID") == idp.tenant.entity_id
    assert (root.get("validUntil") or "") <= "2026-11-30T20:36:00Z"
    roles = [etree.QName(c).localname for c in root if isinstance(c.tag, str)]
    assert roles[-1] == "IDPSSODescriptor"
    assert (roles[:3] == ["Signature", "RoleDescriptor", "RoleDescriptor"]) == (vendor in ("entra", "adfs"))
    locations = {e.get("Location") for e in root.iter(q(MD, "SingleSignOnService"))}
    assert locations == {idp.sso_url}
    paths = "md:IDPSSODescriptor/md:KeyDescriptor[@use='signing']/ds:KeyInfo/ds:X509Data/ds:X509Certificate"
    text = root.findtext(paths, namespaces=NS) or ""
    assert x509.load_der_x509_certificate(base64.b64decode(text)) == keys.pair().certificate
    if roles[0] == "Signature":
        config = SignatureConfiguration(location="./", expect_references=1)
        XMLVerifier().verify(
            idp.metadata(), x509_cert=keys.pair().certificate, expect_config=config, verification_time=NOW
        )
    assert "imagekit" not in (root.get("entityID") or "")


def test_metadata_variants(idp: Idp) -> None:
    for variant, rows in METADATA_VARIANTS.items():
        root = etree.fromstring(idp.metadata(variant))
        assert len(list(root.iter(q(MD, "KeyDescriptor")))) == len(rows or idp.tenant.published_keys)
    with pytest.raises(KeyRingError, match="no metadata variant"):
        idp.metadata("none")


def test_two_applications_keep_apart(idp: Idp) -> None:
    other = Application(
        id="other",
        name="Other",
        entity_id="https://other.example/sp",
        acs_url="https://other.example/acs",
        destination="https://other.example/destination",
        recipient="https://other.example/recipient",
    )
    root = etree.fromstring(idp.issue("grace", other).xml)
    assert root.get("Destination") == "https://other.example/destination"
    assert root.findtext(".//saml:Audience", namespaces=NS) == "https://other.example/sp"
    data = root.find(".//saml:SubjectConfirmationData", NS)
    assert data is not None
    assert data.get("Recipient") == "https://other.example/recipient"


# Keys and clock of the tenant -----------------------------------------------------------------------------------------


def verified(xml: bytes, certificate: x509.Certificate) -> bool:
    config = SignatureConfiguration(location=".//", expect_references=1)
    assertion = etree.tostring(etree.fromstring(xml).find(q(SAML, "Assertion")))
    try:
        XMLVerifier().verify(assertion, x509_cert=certificate, expect_config=config, verification_time=NOW)
    except Exception:
        return False
    return True


@pytest.mark.parametrize("key", ["current", "next", "old", "ec-p256", "ec-p384"])
def test_the_tenant_chooses_the_key(key: str, idp: Idp, keys: KeyRing) -> None:
    idp.tenant = replace(idp.tenant, signing_key=key, published_keys=("current", key))
    issued = idp.issue("grace", "imagekit")
    assert verified(issued.xml, keys.pair(key).certificate)
    assert verified(issued.xml, keys.pair("current").certificate) == (key == "current")
    assert (b"ecdsa-sha" in issued.xml) == key.startswith("ec-")
    texts = [e.text for e in etree.fromstring(idp.metadata()).iter(q(DS, "X509Certificate"))]
    assert len(texts) == 2
    der = {base64.b64decode(t or "") for t in texts}
    assert der == {keys.pair("current").der, keys.pair(key).der}
    assert verified(idp.issue("grace", "imagekit", faults=["ok-advice"]).xml, keys.pair(key).certificate)


@pytest.mark.parametrize("certificate", ["expired", "future", "reissued"])
def test_the_tenant_chooses_which_certificate_of_its_key_is_shown(certificate: str, idp: Idp, keys: KeyRing) -> None:
    idp.tenant = replace(idp.tenant, certificate=certificate)  # type: ignore[arg-type]  # one of the literals
    shown = keys.pair("current", certificate)  # type: ignore[arg-type]  # as above
    assert shown.key is keys.pair("current").key
    for document in (idp.issue("grace", "imagekit").xml, idp.metadata()):
        (text,) = [e.text for e in etree.fromstring(document).iter(q(DS, "X509Certificate"))]
        assert base64.b64decode(text or "") == shown.der


def test_the_clock_can_stand_still(idp: Idp) -> None:
    idp.tenant = replace(idp.tenant, clock_stands_at=NOW - timedelta(days=3), clock_offset=timedelta(hours=1))
    for _ in range(2):
        assert idp.issue("grace", "imagekit").spec.response_issue_instant == "2026-11-20T20:36:00Z"


@pytest.mark.parametrize("algorithm", [names.RSA_SHA512, names.RSA_SHA384, names.ECDSA_SHA256])
def test_the_application_chooses_the_algorithm_where_the_key_has_it(algorithm: str, idp: Idp) -> None:
    application = replace(idp.tenant.applications[0], signature_algorithm=algorithm)
    used = algorithm if algorithm != names.ECDSA_SHA256 else names.RSA_SHA256
    assert used.encode() in idp.issue("grace", application).xml
