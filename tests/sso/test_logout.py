"""A LogoutRequest of the identity provider: believed only where it is signed, addressed to us and recent."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from lxml import etree

from app.saml import read_logout_request
from app.saml.names import SAMLP, STATUS, STATUS_SUCCESS, q
from app.store import EventFilter
from simulator import Idp, KeyRing, default_tenant
from simulator.logout import SpSession
from simulator.message import NameIdSpec
from tests.sso.conftest import NOW

ADA = "ada@acme-media.test"


class Ender:
    """Keeps what is to be ended, and says that so many sessions were."""

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []

    def __call__(self, issuer: str, name_id: str, indexes: tuple[str, ...]) -> int:
        self.asked.append((issuer, name_id, indexes))
        return self.number


def request(idp, by="redirect", *, name_id=ADA, indexes=("_s1",), application=None, idp_keys=None):
    """The octets of a LogoutRequest to our logout address."""
    app = replace(application or idp.tenant.applications[0], logout_by_redirect=by == "redirect")
    session = SpSession(
        user="ada", application=app.id, name_id=NameIdSpec(value=name_id), session_indexes=indexes, at=NOW
    )
    issued = idp.logout_request(session, "back", application=app)
    return urlsplit(issued.url).query.encode() if by == "redirect" else issued.body


@pytest.mark.parametrize("by", ["redirect", "post"])
def test_it_is_obeyed_recorded_and_answered(bench, by):
    bench.log_in("ada")
    end = Ender(2)
    done = bench.sso.log_out(request(bench.idp, by), by=by, end=end)
    assert end.asked == [(bench.idp.tenant.entity_id, ADA, ("_s1",))]
    assert (done.refused, done.ended) == (False, 2)
    assert done.reply.method == "GET"
    fields = dict(parse_qsl(urlsplit(done.reply.url).query))
    assert fields["RelayState"] == "back"
    answer = etree.fromstring(zlib.decompress(base64.b64decode(fields["SAMLResponse"]), -15))
    assert answer.tag == q(SAMLP, "LogoutResponse")
    assert [c.get("Value") for c in answer.iter(q(SAMLP, "StatusCode"))] == [STATUS_SUCCESS]
    assert done.reply.url.startswith(answer.get("Destination"))
    event = bench.sso.event(done.reference)
    assert (event.kind, event.outcome, event.email_key, event.status) == ("user", "logged-out", ADA, "success")
    assert "2 sessions ended" in event.sentence
    assert event.user_id == bench.sso.users("ik_7x2k")[0].id


def test_nobody_signed_in_is_said_so(bench):
    done = bench.sso.log_out(request(bench.idp), by="redirect", end=Ender(0))
    query = dict(parse_qsl(urlsplit(done.reply.url).query))
    answer = etree.fromstring(zlib.decompress(base64.b64decode(query["SAMLResponse"]), -15))
    codes = [c.get("Value") for c in answer.iter(q(SAMLP, "StatusCode"))]
    assert codes == [STATUS + "Requester", STATUS + "UnknownPrincipal"]


def stranger(bench):
    other = Idp(bench.idp.tenant, KeyRing.in_memory(lambda: NOW), lambda: NOW, base_url=bench.idp.base_url)
    return request(other)


def late(bench):
    tenant = replace(bench.idp.tenant, clock_offset=timedelta(minutes=-30))
    return request(Idp(tenant, bench.idp.keys, lambda: NOW, base_url=bench.idp.base_url))


REFUSED = {
    "unsigned": lambda bench: request(bench.idp).partition(b"&SigAlg=")[0],
    "changed": lambda bench: request(bench.idp).replace(b"RelayState=back", b"RelayState=bac"),
    "somebody else's key": stranger,
    "old": late,
    "another address": lambda bench: request(
        bench.idp, application=replace(bench.idp.tenant.applications[0], logout_url="https://other.test/logout")
    ),
    "another issuer": lambda bench: request(
        Idp(default_tenant(imagekit_id="ik_7x2k"), bench.idp.keys, lambda: NOW, base_url="https://elsewhere.test")
    ),
    "a response": lambda bench: bench.issue("ada").body,
    "nothing": lambda _bench: b"",
    "noise": lambda _bench: b"SAMLRequest=%ff%00&x=<script>",
}


@pytest.mark.parametrize("what", REFUSED)
def test_nobody_else_ends_anything(bench, what):
    end = Ender()
    octets = REFUSED[what](bench)
    done = bench.sso.log_out(octets, by="post" if what == "a response" else "redirect", end=end)
    assert end.asked == []
    assert done.refused
    assert done.reply is None
    event = bench.sso.event(done.reference)
    assert (event.status, event.outcome) == ("failure", "rejected")
    assert event.sentence.endswith(".")
    assert bench.sso.count_events(EventFilter(kind="login")) == 0


def test_a_signature_in_the_message_covers_the_name(bench):
    body = request(bench.idp, "post")
    fields = dict(parse_qsl(body.decode()))
    xml = base64.b64decode(fields["SAMLRequest"]).replace(b"ada@", b"eva@")
    forged = b"SAMLRequest=" + base64.b64encode(xml).replace(b"+", b"%2B").replace(b"=", b"%3D").replace(b"/", b"%2F")
    end = Ender()
    assert bench.sso.log_out(forged, by="post", end=end).refused
    assert end.asked == []


def test_an_account_without_a_logout_address_is_obeyed_all_the_same(bench):
    document = etree.fromstring(bench.idp.metadata())
    for element in list(document.iter("{urn:oasis:names:tc:SAML:2.0:metadata}SingleLogoutService")):
        element.getparent().remove(element)
    bench.sso.save_metadata("ik_7x2k", etree.tostring(document), test_idp=True)
    end = Ender()
    done = bench.sso.log_out(request(bench.idp), by="redirect", end=end)
    assert (done.refused, done.reply, len(end.asked)) == (False, None, 1)
    assert "names no logout address" in bench.sso.event(done.reference).sentence


def test_a_name_with_more_than_text_is_nobodys():
    xml = (
        '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
        'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1"><saml:NameID>{}</saml:NameID>'
        "</samlp:LogoutRequest>"
    )
    assert read_logout_request(xml.format("ada@corp.test").encode()).name_id == "ada@corp.test"
    assert read_logout_request(xml.format("ada@corp.test<!-- -->.evil.test").encode()) is None
    assert read_logout_request(b"<a/>") is None
    assert read_logout_request(b"") is None
