"""AuthnRequests from hostile octets: read, or refused in one sentence with nothing posted anywhere."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from simulator import Idp, KeyRing, RequestRefused, names
from simulator.names import SAML, SAMLP, q
from simulator.signing import Parts, Signing, sign

ACS = "https://imagekit.io/saml/consume"


def authn_request(
    *, issuer: str | None = ACS, acs: str | None = ACS, instant: str = "2026-11-23T20:35:00Z", **attributes: str
) -> etree._Element:
    root = etree.Element(q(SAMLP, "AuthnRequest"), nsmap={"samlp": SAMLP, "saml": SAML}, ID="_a1", Version="2.0")
    root.set("IssueInstant", instant)
    if acs is not None:
        root.set("AssertionConsumerServiceURL", acs)
    for name, value in attributes.items():
        root.set(name, value)
    if issuer is not None:
        etree.SubElement(root, q(SAML, "Issuer")).text = issuer
    return root


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


def redirect(root: etree._Element | bytes, **more: str) -> str:
    data = root if isinstance(root, bytes) else etree.tostring(root)
    return urlencode({"SAMLRequest": base64.b64encode(deflate(data)).decode(), **more})


def post(root: etree._Element | bytes, **more: str) -> str:
    data = root if isinstance(root, bytes) else etree.tostring(root)
    return urlencode({"SAMLRequest": base64.b64encode(data).decode(), **more})


def test_redirect_and_post_and_deflated_post(idp: Idp) -> None:
    root = authn_request(ForceAuthn="true", IsPassive="1", Destination="https://localhost/sso")
    etree.SubElement(root, q(SAMLP, "NameIDPolicy"), Format=names.FORMAT_EMAIL)
    context = etree.SubElement(root, q(SAMLP, "RequestedAuthnContext"), Comparison="exact")
    etree.SubElement(context, q(SAML, "AuthnContextClassRef")).text = names.AC_PASSWORD
    by_redirect = idp.read_request(query=redirect(root, RelayState="r&s"))
    by_post = idp.read_request(form=post(root, RelayState="r&s"))
    deflated = idp.read_request(form=redirect(root, RelayState="r&s"))
    assert by_redirect.binding == "HTTP-Redirect"
    assert by_post.binding == "HTTP-POST"
    assert replace(by_post, binding="HTTP-Redirect", field=by_redirect.field) == by_redirect
    assert replace(deflated, field=by_post.field) == by_post
    assert deflated.field == by_redirect.field
    assert by_redirect.relay_state == "r&s"
    assert by_redirect.force_authn
    assert by_redirect.is_passive
    assert by_redirect.name_id_format == names.FORMAT_EMAIL
    assert by_redirect.contexts == (names.AC_PASSWORD,)
    assert by_redirect.application == "imagekit"
    assert by_redirect.acs_url == ACS


def test_without_an_acs_the_registered_one_is_taken(idp: Idp) -> None:
    assert idp.read_request(query=redirect(authn_request(acs=None))).acs_url == ACS


def test_the_loopback_address_of_a_service_provider_under_test_is_registered_too(idp: Idp) -> None:
    local = "http://127.0.0.1:8080/saml/consume"
    idp.tenant = idp.tenant.with_application(replace(idp.tenant.applications[0], deliver_to=local))
    assert idp.read_request(query=redirect(authn_request(acs=local))).acs_url == local


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: authn_request(issuer="https://unknown.example/sp"), "No application with the entity ID"),
        (lambda: authn_request(issuer=None), "No application with the entity ID"),
        (lambda: authn_request(acs="https://evil.example/acs"), "not registered"),
        (lambda: authn_request(acs="javascript:alert(1)"), "not registered"),
        (lambda: authn_request(acs=ACS + "/"), "not registered"),
        (lambda: authn_request(Destination="https://other-idp.example/sso"), "addressed to"),
        (lambda: authn_request(instant="2026-11-22T20:35:00Z"), "more than an hour"),
        (lambda: authn_request(instant="yesterday"), "IssueInstant"),
        (lambda: authn_request(ID="1 2"), "NCName"),
        (lambda: authn_request(ID='"><script>'), "NCName"),
        (lambda: authn_request(Version="1.1"), "not of SAML 2.0"),
        (lambda: b"<a/>", "is a a, not a AuthnRequest"),
        (lambda: b"not xml", "no well-formed XML"),
        (lambda: b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>', "DTD"),
        (lambda: '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE r><r/>'.encode("utf-16"), "not UTF-8"),
        (lambda: b"<a " + b" ".join(b'xmlns:n%d="urn:n"' % n for n in range(100)) + b"/>", "64 namespaces"),
    ],
)
def test_refused_by_either_binding(make: Callable[[], etree._Element | bytes], says: str, idp: Idp) -> None:
    made = make()
    with pytest.raises(RequestRefused, match=says):
        idp.read_request(query=redirect(made))
    if not (isinstance(made, bytes) and not made.startswith(b"<")):
        with pytest.raises(RequestRefused, match=says):
            idp.read_request(form=post(made))


def test_a_comment_in_the_issuer_is_refused(idp: Idp) -> None:
    data = etree.tostring(authn_request()).replace(b"consume</saml:Issuer>", b"<!---->consume</saml:Issuer>")
    with pytest.raises(RequestRefused, match="more than text"):
        idp.read_request(query=redirect(data))


def test_bombs_and_broken_streams(idp: Idp) -> None:
    def query(octets: bytes) -> str:
        return urlencode({"SAMLRequest": base64.b64encode(octets).decode()})

    data = etree.tostring(authn_request())
    with pytest.raises(RequestRefused, match="inflates to more"):
        idp.read_request(query=query(deflate(bytes(50_000_000))))
    with pytest.raises(RequestRefused, match="cut off"):
        idp.read_request(query=query(deflate(data)[:-5]))
    with pytest.raises(RequestRefused, match="something follows"):
        idp.read_request(query=query(deflate(data) + b"junk"))
    with pytest.raises(RequestRefused, match="not raw DEFLATE"):
        idp.read_request(query=query(zlib.compress(data)))
    with pytest.raises(RequestRefused, match="not base64"):
        idp.read_request(query="SAMLRequest=%2A%2A")
    with pytest.raises(RequestRefused, match="longer than"):
        idp.read_request(query="SAMLRequest=" + "A" * 300_000)


def test_fields(idp: Idp) -> None:
    good = redirect(authn_request())
    with pytest.raises(RequestRefused, match="occurs twice"):
        idp.read_request(query=good + "&SAMLRequest=x")
    with pytest.raises(RequestRefused, match="occurs twice"):
        idp.read_request(query=good + "&%53AMLRequest=x")
    with pytest.raises(RequestRefused, match="no SAMLRequest"):
        idp.read_request(query="")
    with pytest.raises(RequestRefused, match="no SAMLRequest"):
        idp.read_request(query=good + "&SAMLResponse=x")
    with pytest.raises(RequestRefused, match="more than 32"):
        idp.read_request(query="&".join(f"a{n}=1" for n in range(40)))


def signing(idp: Idp, keys: KeyRing, *, demanded: bool) -> None:
    certificate = keys.pair("other-sp").pem.decode()
    application = replace(idp.tenant.applications[0], signing_certificate=certificate)
    idp.tenant = replace(idp.tenant.with_application(application), want_authn_requests_signed=demanded)


def signed_query(
    keys: KeyRing, key: str = "other-sp", algorithm: str = names.RSA_SHA256, message: etree._Element | None = None
) -> str:
    text = (
        redirect(authn_request() if message is None else message)
        + "&RelayState=%2fx&SigAlg="
        + quote(algorithm, safe="")
    )
    private = keys.pair(key).key
    assert isinstance(private, rsa.RSAPrivateKey)
    value = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return text + "&Signature=" + quote(base64.b64encode(value).decode(), safe="")


def test_signed_redirects_are_verified_over_the_octets_received(idp: Idp, keys: KeyRing) -> None:
    signing(idp, keys, demanded=True)
    good = signed_query(keys)
    assert idp.read_request(query=good).signed
    for bad in (good.replace("%2fx", "%2Fx"), good.replace("%2fx", "%2fy"), signed_query(keys, "attacker")):
        with pytest.raises(RequestRefused, match="does not verify"):
            idp.read_request(query=bad)
    with pytest.raises(RequestRefused, match="not allowed here"):
        idp.read_request(query=signed_query(keys, algorithm=names.RSA_SHA1))
    with pytest.raises(RequestRefused, match="is not signed"):
        idp.read_request(query=redirect(authn_request()))


def test_signed_posts_are_verified(idp: Idp, keys: KeyRing) -> None:
    signing(idp, keys, demanded=True)
    pair = keys.pair("other-sp")
    root = authn_request()
    sign(root, Parts(pair.key, [pair.certificate]), Signing())
    assert idp.read_request(form=post(root)).signed
    root.set("ForceAuthn", "true")
    with pytest.raises(RequestRefused, match="does not verify"):
        idp.read_request(form=post(root))
    stranger = authn_request()
    sign(stranger, Parts(keys.pair("attacker").key, [keys.pair("attacker").certificate]), Signing())
    with pytest.raises(RequestRefused, match="does not verify"):
        idp.read_request(form=post(stranger))


def test_a_bad_signature_counts_even_where_none_is_demanded(idp: Idp, keys: KeyRing) -> None:
    signing(idp, keys, demanded=False)
    assert not idp.read_request(query=redirect(authn_request())).signed
    with pytest.raises(RequestRefused, match="does not verify"):
        idp.read_request(query=signed_query(keys, "attacker"))


def logout_request() -> etree._Element:
    root = authn_request()
    root.tag = q(SAMLP, "LogoutRequest")
    etree.SubElement(root, q(SAML, "NameID")).text = "ada@acme-media.test"
    return root


def test_a_logout_need_not_be_signed_but_what_is_signed_must_hold(idp: Idp, keys: KeyRing) -> None:
    signing(idp, keys, demanded=True)
    assert not idp.read_logout(query=redirect(logout_request())).signed
    good = signed_query(keys, message=logout_request())
    assert idp.read_logout(query=good).signed
    for bad in (good.replace("%2fx", "%2fy"), signed_query(keys, "attacker", message=logout_request())):
        with pytest.raises(RequestRefused, match="does not verify"):
            idp.read_logout(query=bad)
    pair = keys.pair("other-sp")
    root = logout_request()
    sign(root, Parts(pair.key, [pair.certificate]), Signing())
    assert idp.read_logout(form=post(root)).signed
    name_id = root.find(q(SAML, "NameID"))
    assert name_id is not None
    name_id.text = "eva@acme-media.test"
    with pytest.raises(RequestRefused, match="does not verify"):
        idp.read_logout(form=post(root))
