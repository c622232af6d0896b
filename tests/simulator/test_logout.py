"""Single logout over real sockets: from the portal through every application, from one application to the others."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

from simulator import Application, Idp, KeyRing, Tenant, TestUser, WebIdp, names
from simulator.idp import Issued
from simulator.logout import SpSessions
from simulator.message import fresh_id
from simulator.names import SAML, SAMLP, q
from simulator.signing import Parts, Signing, sign
from tests.simulator.test_web import Page, deflated, serving

POST = Application(
    id="post", name="Posted", entity_id="https://post.test/md", acs_url="https://post.test/acs",
    logout_url="https://post.test/slo",
)  # fmt: skip
REDIRECT = Application(
    id="redirect", name="Redirected", entity_id="https://redirect.test/md", acs_url="https://redirect.test/acs",
    logout_url="https://redirect.test/slo?x=1", logout_by_redirect=True,
)  # fmt: skip
NOWHERE = Application(
    id="nowhere", name="Nowhere", entity_id="https://nowhere.test/md", acs_url="https://nowhere.test/acs"
)
ADA = TestUser(username="ada", email="ada@acme-media.test", full_name="Ada", role="developer", imagekit_id="ik_7x2k")


class House:
    """The identity provider and a browser; service providers are what the tests answer for them."""

    def __init__(self, web: WebIdp, client: httpx.Client) -> None:
        self.web, self.client, self.idp = web, client, web.idp

    def log_in(self, *applications: str) -> dict[str, Issued]:
        self.client.get(self.web.portal_path())
        made = {}
        for application in applications:
            page = Page(self.client.get("/portal", params={"user": "ada"}).text)
            form = next(f for _a, f in page.forms if ("application", application) in f)
            assert self.client.post("/portal", data=dict(form)).status_code == 200
            issued = self.web.exchanges[-1].issued
            assert issued is not None
            made[application] = issued
        return made

    def press(self) -> httpx.Response:
        """Log out everywhere, as the portal's button does it."""
        page = Page(self.client.get("/portal", params={"user": "ada"}).text)
        ((action, form),) = [(a, f) for a, f in page.forms if a == "/portal/logout"]
        return self.client.post(action, data=dict(form))

    def asked(self, answer: httpx.Response) -> tuple[str, etree._Element, str]:
        """Where the browser is sent with which LogoutRequest and RelayState."""
        if answer.status_code == 303:
            to, _, query = answer.headers["location"].partition("SAMLRequest=")
            fields = dict(parse_qsl("SAMLRequest=" + query))
            xml = zlib.decompress(base64.b64decode(fields["SAMLRequest"]), -15)
        else:
            ((to, sent),) = Page(answer.text).forms
            fields = dict(sent)
            xml = base64.b64decode(fields["SAMLRequest"])
        return to.rstrip("?&"), etree.fromstring(xml), fields["RelayState"]

    def answer(
        self, application: Application, request: etree._Element, relay: str, *codes: str, **changed: str
    ) -> httpx.Response:
        """The LogoutResponse of a service provider, by POST."""
        root = etree.Element(q(SAMLP, "LogoutResponse"), nsmap={"samlp": SAMLP, "saml": SAML})
        values = {"ID": fresh_id(), "Version": "2.0", "InResponseTo": request.get("ID"), **changed}
        for name, value in values.items():
            root.set(name, value)
        root.set("IssueInstant", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        etree.SubElement(root, q(SAML, "Issuer")).text = application.entity_id
        parent = etree.SubElement(root, q(SAMLP, "Status"))
        for code in codes or ("Success",):
            parent = etree.SubElement(parent, q(SAMLP, "StatusCode"), Value=names.STATUS + code)
        fields = {"SAMLResponse": base64.b64encode(etree.tostring(root)).decode(), "RelayState": relay}
        return self.client.post("/slo", data=fields)


@pytest.fixture
def house(tenant: Tenant) -> Iterator[House]:
    idp = Idp(
        replace(tenant, users=(ADA,), applications=(POST, REDIRECT, NOWHERE)),
        KeyRing.in_memory(),
        lambda: datetime.now(UTC),
    )
    with serving(idp) as (web, client):
        yield House(web, client)


def text(root: etree._Element, local: str, namespace: str = SAML) -> list[str | None]:
    return [e.text for e in root.findall(q(namespace, local))]


def test_everywhere_from_the_portal(house: House) -> None:
    logins = house.log_in("post", "redirect", "nowhere")
    assert "Posted, Redirected, Nowhere" in house.client.get("/portal?user=ada").text

    to, request, relay = house.asked(house.press())
    assert (to, request.get("Destination")) == (POST.logout_url, POST.logout_url)
    assert request.tag == q(SAMLP, "LogoutRequest")
    (statement,) = logins["post"].spec.authn_statements
    assert text(request, "SessionIndex", SAMLP) == [statement.session_index]
    (name,) = request.findall(q(SAML, "NameID"))
    assert (name.text, name.get("Format")) == (ADA.email, names.FORMAT_EMAIL)
    certificate = house.idp.keys.pair().certificate
    XMLVerifier().verify(
        house.web.exchanges[-1].xml, x509_cert=certificate, expect_config=SignatureConfiguration(location="./")
    )

    second = house.answer(POST, request, relay)
    assert second.status_code == 303
    to, request, again = house.asked(second)
    assert (to, again) == ("https://redirect.test/slo?x=1", relay)
    query = urlsplit(second.headers["location"]).query.removeprefix("x=1&")
    signed, _, value = query.partition("&Signature=")
    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    raw = base64.b64decode(dict(parse_qsl("Signature=" + value))["Signature"])
    public.verify(raw, signed.encode(), padding.PKCS1v15(), hashes.SHA256())

    done = house.answer(REDIRECT, request, relay)
    assert done.status_code == 200
    for sentence in ("Posted: signed out.", "Redirected: signed out.", "Nowhere: has no logout address"):
        assert sentence in done.text
    assert "Signed out in part" in done.text
    assert [s.application for s in house.web.sessions.of("ada")] == ["nowhere"]


def test_an_application_that_does_not_end_it_stays_signed_in(house: House) -> None:
    house.log_in("post", "redirect")
    _to, request, relay = house.asked(house.press())
    second = house.answer(POST, request, relay, "Responder", "RequestDenied")
    _to, request, relay = house.asked(second)
    done = house.answer(REDIRECT, request, relay, "Success", "PartialLogout")
    assert "Posted: refused (RequestDenied)." in done.text
    assert "Redirected: signed out in part" in done.text
    assert [s.application for s in house.web.sessions.of("ada")] == ["post", "redirect"]
    # The button is still there, and asks them again.
    to, _request, _relay = house.asked(house.press())
    assert to == POST.logout_url


def test_two_logins_are_two_sessions_of_one_request(house: House) -> None:
    first = house.log_in("post")["post"].spec.authn_statements[0].session_index
    second = house.log_in("post")["post"].spec.authn_statements[0].session_index
    _to, request, _relay = house.asked(house.press())
    assert text(request, "SessionIndex", SAMLP) == [first, second]


def test_a_login_that_must_be_refused_began_no_session(house: House) -> None:
    house.web.faults = ("route-audience-other",)
    house.log_in("post")
    house.web.faults = ()
    assert house.web.sessions.of("ada") == ()
    assert "/portal/logout" not in house.client.get("/portal?user=ada").text


def test_one_application_logs_out_of_the_others(house: House) -> None:
    house.log_in("post", "redirect")
    root = etree.Element(q(SAMLP, "LogoutRequest"), nsmap={"samlp": SAMLP, "saml": SAML}, ID="_l1", Version="2.0")
    root.set("IssueInstant", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    etree.SubElement(root, q(SAML, "Issuer")).text = POST.entity_id
    etree.SubElement(root, q(SAML, "NameID")).text = ADA.email
    query = urlencode({"SAMLRequest": deflated(etree.tostring(root)), "RelayState": "mine"})
    to, request, relay = house.asked(house.client.get(f"/slo?{query}"))
    assert to == "https://redirect.test/slo?x=1"
    last = house.answer(REDIRECT, request, relay, "Responder")
    ((to, sent),) = Page(last.text).forms
    assert to == POST.logout_url
    assert dict(sent)["RelayState"] == "mine"
    answer = etree.fromstring(base64.b64decode(dict(sent)["SAMLResponse"]))
    assert answer.get("InResponseTo") == "_l1"
    assert [c.get("Value") for c in answer.iter(q(SAMLP, "StatusCode"))] == [names.SUCCESS, names.PARTIAL_LOGOUT]
    assert [s.application for s in house.web.sessions.of("ada")] == ["redirect"]


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"InResponseTo": "_another"}, "answers no request"),
        ({"Version": "1.1"}, "not of SAML 2.0"),
        ({"ID": "1"}, "no NCName"),
    ],
)
def test_an_answer_that_is_none(house: House, how: dict[str, str], sentence: str) -> None:
    house.log_in("post")
    _to, request, relay = house.asked(house.press())
    refused = house.answer(POST, request, relay, **how)
    assert refused.status_code == 400
    assert sentence in refused.text
    assert len(house.web.sessions.of("ada")) == 1
    assert house.answer(POST, request, "somebody-elses").status_code == 400
    assert "Posted: signed out." in house.answer(POST, request, relay).text
    assert house.answer(POST, request, relay).status_code == 400  # once only


def test_an_application_answers_for_itself_only(house: House) -> None:
    house.log_in("post")
    _to, request, relay = house.asked(house.press())
    assert house.answer(REDIRECT, request, relay).status_code == 400
    assert len(house.web.sessions.of("ada")) == 1


def test_a_signature_on_the_answer_must_hold(house: House) -> None:
    theirs, ours = house.idp.keys.pair("other-sp"), house.idp.keys.pair()
    registered = replace(POST, signing_certificate=theirs.pem.decode())
    house.idp.tenant = house.idp.tenant.with_application(registered)
    house.log_in("post")
    _to, request, relay = house.asked(house.press())
    root = etree.Element(q(SAMLP, "LogoutResponse"), nsmap={"samlp": SAMLP, "saml": SAML}, ID="_r1", Version="2.0")
    root.set("InResponseTo", request.get("ID") or "")
    etree.SubElement(root, q(SAML, "Issuer")).text = POST.entity_id
    status = etree.SubElement(root, q(SAMLP, "Status"))
    etree.SubElement(status, q(SAMLP, "StatusCode"), Value=names.SUCCESS)
    for pair, code in ((ours, 400), (theirs, 200)):
        for old in root.findall("{http://www.w3.org/2000/09/xmldsig#}Signature"):
            root.remove(old)
        sign(root, Parts(pair.key, [pair.certificate]), Signing(position=1))
        fields = {"SAMLResponse": base64.b64encode(etree.tostring(root)).decode(), "RelayState": relay}
        assert house.client.post("/slo", data=fields).status_code == code


@pytest.mark.parametrize("how", ["no token", "another site", "no link"])
def test_nobody_else_presses_the_button(house: House, how: str) -> None:
    house.log_in("post")
    page = Page(house.client.get("/portal", params={"user": "ada"}).text)
    (form,) = [f for a, f in page.forms if a == "/portal/logout"]
    fields, headers = dict(form), {}
    if how == "no token":
        fields["token"] = "made-up"
    elif how == "another site":
        headers["origin"] = "https://evil.test"
    else:
        house.client.cookies.clear()
        strange = Page(house.client.get("/portal", params={"user": "ada"}).text)
        fields = dict(next(f for a, f in strange.forms if a == "/portal/logout"))
    refused = house.client.post("/portal/logout", data=fields, headers=headers)
    assert refused.status_code in (400, 403)
    assert len(house.web.sessions.of("ada")) == 1


def test_messages_go_where_the_application_really_listens() -> None:
    public = replace(POST, deliver_to="http://127.0.0.1:8800/acs")
    assert public.logout_to == "http://127.0.0.1:8800/slo"
    assert replace(public, logout_url="https://elsewhere.test/slo").logout_to == "https://elsewhere.test/slo"
    assert POST.logout_to == POST.logout_url
    assert replace(public, logout_url=None).logout_to is None


def test_sessions_are_bounded(house: House) -> None:
    issued = house.log_in("post")["post"]
    sessions = SpSessions(limit=3)
    for n in range(5):
        sessions.began(replace(issued, user=f"u{n}"))
    assert [bool(sessions.of(f"u{n}")) for n in range(5)] == [False, False, True, True, True]
    assert sessions.of("u4")[0].name_id.value == ADA.email
