"""Whole flows over HTTP: the peers' own requests, signed and unsigned, by redirect and POST, are answered by the
simulator's pages, and they accept the answers with every claim as sent; so are logins from the portal and logouts.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import httpx
import pytest

from app.lab.browserless import browser, form_with, words
from simulator import Application, ConsentPolicy, Idp, KeyRing, Server, TestUser, WebIdp, default_tenant
from simulator.names import AES256_CBC, AES256_GCM
from tests.interop import peers
from tests.interop.peers import Opinion, Parties, Question, Refused, pysaml2, python3_saml

pytestmark = [pytest.mark.interop, pytest.mark.slow]

SP = "https://sp.interop.test/metadata"
ACS = "https://sp.interop.test/acs"
SLO = "https://sp.interop.test/slo"
RELAY_STATE = "deep/Größe?a=1&b=2+3"
ZOE = TestUser(
    username="zoe", email="zoe@acme-media.test", full_name="Zoë Ünïcode Иванова 李", role="developer",
    imagekit_id="ik_7x2k", attributes={"teams": ("Künstler", "日本")},
)  # fmt: skip
SENT = {
    "imagekit_id": ["ik_7x2k"],
    "full_name": [ZOE.full_name],
    "imagekit_role": ["developer"],
    "teams": ["Künstler", "日本"],
}
Opinions = dict[tuple[str, str], Opinion | Refused]
SIGNED = ("assertion", "response", "both")
ENCRYPTED = {"plain": None, "gcm": AES256_GCM, "cbc": AES256_CBC}
FLOWS = ("portal", "redirect", "post", "signed redirect", "signed post")
#: python3-saml and minisaml send requests by redirect only, and minisaml signs none.
NOT_OFFERED = {
    ("python3-saml", "post"),
    ("python3-saml", "signed post"),
    ("minisaml", "post"),
    ("minisaml", "signed redirect"),
    ("minisaml", "signed post"),
}
OFFERED = [(p, f) for p in peers.PROVIDERS for f in FLOWS if (p, f) not in NOT_OFFERED]
LOGOUTS = (
    ("python3-saml", "redirect"),
    ("pysaml2", "redirect"),
    ("pysaml2", "post"),
    ("node-saml", "redirect"),
    ("samlify", "redirect"),
    ("samlify", "post"),
)


def known_refusal(peer: str, signed: str, encrypted: str) -> tuple[str, str] | None:
    if peer == "minisaml" and encrypted != "plain":
        return "ElementNotFound", "It decrypts nothing."
    if peer == "minisaml" and signed == "both":
        return "MultipleElementsFound", "It looks for exactly one ds:Signature in the document."
    return None


@dataclass
class House:
    """The simulator behind its pages, and the keys of both sides."""

    idp: Idp
    pages: WebIdp
    url: str

    def set_up(self, *, signed: str = "assertion", encrypted: str = "plain", wants_signed: bool = False) -> Parties:
        """Configures the tenant, and tells what a service provider then knows of it."""
        pair = self.idp.keys.pair("sp-encryption")
        certificate = pair.pem.decode()
        block = ENCRYPTED[encrypted]
        application = Application(
            id="sp", name="Peer", entity_id=SP, acs_url=ACS, logout_url=SLO, sign=signed,  # type: ignore[arg-type]
            signing_certificate=certificate, encrypt_to=certificate if block else None, encryption=block or AES256_GCM,
            claims={"imagekit_id": "imagekit_id", "full_name": "full_name", "imagekit_role": "role",
                    "teams": "attribute:teams"},
        )  # fmt: skip
        base = replace(self.idp.tenant, want_authn_requests_signed=wants_signed)
        self.idp.tenant = replace(base, applications=(application,))
        return Parties(
            base.entity_id, SP, ACS, self.idp.keys.pair().pem.decode(), metadata=self.idp.metadata().decode(),
            idp_sso=self.url + "/sso", idp_slo=self.url + "/slo", slo=SLO,
            sp_key=peers.private_pem(pair.key), sp_certificate=certificate,  # type: ignore[arg-type]
        )  # fmt: skip

    def answer(self, client: httpx.Client, page: httpx.Response) -> bytes:
        """Chooses Zoë on the page where one chooses, and returns the message that is then posted to the ACS."""
        form = form_with(page, user="zoe")
        assert form is not None, words(page.text)
        return self.posted(client.post(form.action, data=dict(form.fields)), ACS, RELAY_STATE)

    @staticmethod
    def posted(page: httpx.Response, to: str, relay_state: str | None) -> bytes:
        form = form_with(page, SAMLResponse=None)
        assert form is not None, words(page.text)
        assert form.action == to
        fields = dict(form.fields)
        assert fields.get("RelayState") == relay_state
        return base64.b64decode(fields["SAMLResponse"])


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    idp = Idp(default_tenant(uid="0" * 32).with_user(ZOE), KeyRing.in_memory(), lambda: datetime.now(UTC))
    pages = WebIdp(idp, consent=ConsentPolicy(auto_approve=True))
    with Server(pages.asgi) as server:
        idp.base_url = server.url
        with browser() as client:
            client.get(server.url + "/metadata")  # starts the worker thread that lives as long as the server
        yield House(idp, pages, server.url)


def send(client: httpx.Client, sent: peers.Sent, binding: str) -> httpx.Response:
    return client.get(sent.url) if binding == "redirect" else client.post(sent.url, data=sent.fields)


def logins(house: House, peer: str, flow: str, folder: Path) -> Opinions:
    """What the peer makes of the answers to one request of its own in every way of signing and encrypting."""
    signs, binding = flow.startswith("signed"), flow.split()[-1]
    parties = house.set_up(wants_signed=signs)
    questions: dict[tuple[str, str], Question] = {}
    with browser() as client:
        sent = None
        if flow != "portal":
            sent = peers.request(
                peer, parties, binding=binding, signs=signs, relay_state=RELAY_STATE, folder=folder
            )  # fmt: skip
        for signed in SIGNED:
            for encrypted in ENCRYPTED:
                house.set_up(signed=signed, encrypted=encrypted, wants_signed=signs)
                if sent is None:
                    page = client.get(house.url + "/portal", params={"user": "zoe"})
                    tile = form_with(page, application="sp")
                    assert tile is not None, words(page.text)
                    xml = house.posted(client.post(tile.action, data=dict(tile.fields)), ACS, None)
                else:
                    xml = house.answer(client, send(client, sent, binding))
                    exchange = house.pages.exchanges[-1]
                    assert exchange.request is not None
                    assert exchange.request.signed is signs
                    assert exchange.in_response_to == sent.id
                questions[signed, encrypted] = Question(xml, signed, sent.id if sent else None, encrypted != "plain")
    answers = peers.judge_all(peer, parties, list(questions.values()), folder)
    return dict(zip(questions, answers, strict=True))


@pytest.fixture(scope="module")
def opinions(house: House, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Opinions]:
    """What a peer makes of the logins of a flow; asked once."""
    return cache(lambda peer, flow: logins(house, peer, flow, tmp_path_factory.mktemp(peer)))


@pytest.mark.parametrize("encrypted", ENCRYPTED)
@pytest.mark.parametrize("signed", SIGNED)
@pytest.mark.parametrize(("peer", "flow"), OFFERED)
def test_a_login_is_accepted_with_every_claim_as_sent(
    peer: str, flow: str, signed: str, encrypted: str, opinions: Callable[[str, str], Opinions]
) -> None:
    if why := peers.missing(peer):
        pytest.skip(why)
    opinion = opinions(peer, flow)[signed, encrypted]
    if known := known_refusal(peer, signed, encrypted):
        words, reason = known
        assert isinstance(opinion, Refused), f"it is accepted now: {reason}"
        assert words in str(opinion), reason
        return
    assert isinstance(opinion, Opinion), str(opinion)
    assert opinion.name_id == ZOE.email
    assert {n: opinion.claims[n] for n in SENT} == SENT


def altered(sent: peers.Sent, binding: str) -> peers.Sent:
    """The same message after somebody on its way changed what is signed."""
    if binding == "redirect":
        return replace(sent, url=sent.url.replace("RelayState=bye", "RelayState=by"))
    xml = base64.b64decode(sent.fields["SAMLRequest"]).replace(b"zoe@", b"eva@")
    return replace(sent, fields={**sent.fields, "SAMLRequest": base64.b64encode(xml).decode()})


@pytest.mark.parametrize(("peer", "binding"), LOGOUTS)
def test_a_logout_is_answered_and_the_answer_accepted(peer: str, binding: str, house: House, tmp_path: Path) -> None:
    if why := peers.missing(peer):
        pytest.skip(why)
    parties = house.set_up()
    issued = house.idp.issue(ZOE, "sp")
    (opinion,) = peers.judge_all(peer, parties, [Question(issued.xml)], tmp_path)
    assert isinstance(opinion, Opinion), str(opinion)
    sent = peers.logout(peer, parties, opinion, binding=binding, folder=tmp_path)
    with browser() as client:
        refused = send(client, altered(sent, binding), binding)
        assert refused.status_code == 400
        assert "signature does not verify" in words(refused.text)
        xml = house.posted(send(client, sent, binding), SLO, "bye")
    assert house.pages.exchanges[-1].in_response_to == sent.id
    peers.logged_out(peer, parties, xml, in_response_to=sent.id, folder=tmp_path)
    forged = xml.replace(b"status:Success", b"status:Succeeds")
    with pytest.raises(Refused):
        peers.logged_out(peer, parties, forged, in_response_to=sent.id, folder=tmp_path)


@pytest.mark.parametrize("peer", ["python3-saml", "pysaml2"])
def test_our_logout_request_is_believed_and_a_changed_one_is_not(peer: str, house: House, tmp_path: Path) -> None:
    """From the portal: both processed through the peer's own entry point, with the signature checked."""
    if why := peers.missing(peer):
        pytest.skip(why)
    parties = house.set_up()
    application = house.idp.tenant.application("sp")
    assert application is not None
    redirect = peer == "python3-saml"
    house.idp.tenant = house.idp.tenant.with_application(replace(application, logout_by_redirect=redirect))
    with browser() as client:
        page = client.get(house.url + "/portal", params={"user": "zoe"})
        tile = form_with(page, application="sp")
        assert tile is not None
        client.post(tile.action, data=dict(tile.fields))
        button = form_with(client.get(house.url + "/portal", params={"user": "zoe"}), everywhere="yes")
        assert button is not None
        sent = client.post(button.action, data=dict(button.fields))
        issued = house.pages.exchanges[-1].issued
        assert issued is not None
        if redirect:
            url = sent.headers["location"]
            assert python3_saml.asked_to_log_out(parties, url) == issued.response_id
            with pytest.raises(Refused):
                python3_saml.asked_to_log_out(parties, url.replace("RelayState=", "RelayState=x"))
        else:
            xml = base64.b64decode(dict(issued.form)["SAMLRequest"])
            assert pysaml2.asked_to_log_out(parties, xml, folder=tmp_path) == issued.response_id
            with pytest.raises(Refused):
                pysaml2.asked_to_log_out(parties, xml.replace(b"zoe@", b"eva@"), folder=tmp_path)
