"""What other inspectors get wrong, from what was pasted to what is shown and sent on: none of it happens here."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from urllib.parse import quote

import pytest

from app.saml import AccountFacts, Expectation, Report, inspect, of_piece, take_in
from app.saml.metadata import read_metadata
from app.sharing import render_html, render_json, render_markdown, render_text
from simulator import Application, Idp, KeyRing, TestUser, default_tenant
from tests.saml.cases import NOW

SP = "https://imagekit.io/saml/consume"
RENDERERS = (render_html, render_markdown, render_text, render_json)
ZOE = TestUser(
    username="zoe", email="zoe@acme-media.test", full_name="Zoë Кузнецова 李 ~~~???>>>", role="developer",
    imagekit_id="ik_7x2k",
)  # fmt: skip


@cache
def idp() -> Idp:
    return Idp(default_tenant(uid="0" * 32).with_user(ZOE), KeyRing.in_memory(lambda: NOW), lambda: NOW)


def xml(*faults: str) -> bytes:
    application = Application(id="sp", name="SP", entity_id=SP, acs_url=SP, sign="assertion")
    return idp().issue(ZOE, application, faults=faults, victim="boss@acme-media.test").xml


@cache
def expectation() -> Expectation:
    described = read_metadata(idp().metadata()).idp
    assert described is not None
    return Expectation(
        idp_entity_id=described.entity_id, trusted_keys=described.signing_keys, sp_entity_id=SP, acs_url=SP,
        account=AccountFacts("ik_7x2k", "enterprise"), judges_correlation=False, trusted_test_idp=True,
    )  # fmt: skip


def inspected(source: str | bytes) -> Report:
    """What the inspector makes of a paste that holds one message."""
    (piece,) = take_in(source).pieces
    return of_piece(inspect(piece.source, expectation(), now=NOW), piece)


def everything_shown(report: Report) -> str:
    return "\n".join(render(report, redacted=False) for render in (render_text, render_json))


def post_body(document: bytes) -> str:
    return "SAMLResponse=" + base64.b64encode(document).decode()


def test_a_name_with_a_comment_in_it_is_shown_whole_neither_empty_nor_cut() -> None:
    good = xml()
    report = inspected(good.replace(b"zoe@acme-media.test<", b"zoe@acme<!-- -->-media.test<"))
    assert report.as_dict()["subject"]["name_id"] == "zoe@acme-media.test"
    assert report.verdict == "reject"
    assert "comment" in next(c.message for c in report.failures if "omment" in c.message)
    for render in RENDERERS:
        assert "zoe@acme-media.test" in render(report, redacted=False).replace("\\", "")


@pytest.mark.parametrize("evil_first", [True, False])
def test_of_two_assertions_neither_is_shown_as_if_it_were_the_only_one(evil_first: bool) -> None:
    good = xml()
    start, end = good.index(b"<saml:Assertion"), good.index(b"</saml:Assertion>") + len(b"</saml:Assertion>")
    forged = good[start:end].replace(b"zoe@acme-media.test", b"boss@acme-media.test").replace(b' ID="_', b' ID="_f', 1)
    both = forged + good[start:end] if evil_first else good[start:end] + forged
    report = inspected(good[:start] + both + good[end:])
    assert report.verdict == "reject"
    assert "the message contains 2 assertions" in report.headline
    # Even the signed one is not called signed: which of the two somebody reads is anybody's guess.
    assert report.as_dict()["subject"]["provenance"] == "unsigned"
    assert "structure-single-assertion" in [c.id for c in report.blocking]
    for render in RENDERERS:
        shown = render(report, redacted=False).replace("\\", "")
        assert "contains 2 assertions" in shown
        assert "unsigned" in shown


def test_a_plus_in_the_body_of_a_post_destroys_nothing() -> None:
    document = xml()
    body = post_body(document)
    assert "+" in body
    whole = body.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D").replace("SAMLResponse%3D", "SAMLResponse=")
    for source in (whole, f"POST /saml/consume HTTP/1.1\n\n{whole}"):
        report = inspected(source)
        assert report.verdict == "accept", report.headline
        assert report.accept().claims["full_name"] == (ZOE.full_name,)
    # As the field was before it was escaped, and as it is where somebody unescaped it once too often.
    for source, verdict in ((body, "accept"), (body.replace("+", " "), "reject")):
        report = inspected(source)
        assert report.sha256 == hashlib.sha256(document).hexdigest()
        assert report.verdict == verdict
        (claim,) = [a for a in report.as_dict()["attributes"] if a["name"] == "full_name"]
        assert claim["values"] == [ZOE.full_name]
    assert "“+” has become a blank" in report.check("encoding-base64-strict").message


def test_names_in_every_script_are_shown_as_they_were_sent() -> None:
    assert ZOE.full_name is not None
    for source in (xml(), post_body(xml()), quote(base64.b64encode(xml()).decode())):
        report = inspected(source)
        shown = everything_shown(report)
        assert ZOE.full_name.split(" ~")[0] in shown
        for mojibake in ("ZoÃ«", "Zo\\u00eb", "Zo?", "æ\x9d\x8e"):
            assert mojibake not in shown
        (claim,) = [a for a in report.as_dict()["attributes"] if a["name"] == "full_name"]
        assert claim["values"] == [ZOE.full_name]


@pytest.mark.parametrize("render", RENDERERS)
@pytest.mark.parametrize("faults", [(), ("ok-cdata",), ("ok-extra-attributes",), ("ok-advice",)])
def test_what_is_sent_on_redacted_names_nobody(faults: tuple[str, ...], render: Callable[..., str]) -> None:
    report = inspected(xml(*faults))
    sent = render(report, redacted=True, at=NOW)
    for secret in ("zoe@", "acme-media.test", "Zoë", "Кузнецова", "李", "boss@"):
        assert secret not in sent
        assert base64.b64encode(secret.encode()).decode().rstrip("=") not in sent
