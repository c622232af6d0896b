"""app.saml.decoding.captures.har and .login: recordings of browsers become messages, steps and what is missing."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.saml.decoding import decode
from app.saml.intake import Intake, take_in
from tests.saml.recordings import (
    BEGIN,
    CANARY,
    COOKIE,
    IDP,
    PAGE,
    REQUEST,
    RESPONSE_FORM,
    SET_COOKIE,
    SP,
    SSO_URL,
    XML,
    b64,
    deflated,
    entry,
    har,
    quoted,
    whole_login,
)

ACS = f"{SP}/saml/consume"


def messages(intake: Intake) -> list[bytes]:
    return [decode(p.source).data for p in intake.pieces]


def answer(**changes: Any) -> dict[str, Any]:
    return entry(ACS, **{"method": "POST", "text": RESPONSE_FORM, "status": 302, **changes})


def missing(*entries: dict[str, Any]) -> str:
    trace = take_in(har(*entries)).trace
    assert trace is not None
    return " ".join(trace.missing)


def test_a_whole_login_is_told_step_by_step() -> None:
    intake = take_in(har(*whole_login()), name="mail-4711.har")
    assert [p.name for p in intake.pieces] == ["mail-4711.har#1", "mail-4711.har#2"]
    assert messages(intake) == [REQUEST, XML]
    assert [decode(p.source).binding for p in intake.pieces] == ["HTTP-Redirect", "HTTP-POST"]
    assert all(p.layers == ("har",) for p in intake.pieces)
    trace = intake.trace
    assert trace is not None
    assert [(s.number, s.kind, s.status, s.pieces) for s in trace.steps] == [
        (1, "redirect", 302, (0,)),
        (2, "request", 200, (0,)),
        (3, "request", 200, (0, 1)),
        (4, "post", 302, (1,)),
        (5, "page", 200, ()),
    ]
    assert trace.steps[1].note == "sends a SAMLRequest"
    assert "the page holds the SAMLResponse" in trace.steps[2].note
    assert trace.missing == ()
    assert trace.left_out == 1  # the picture
    assert [p.step for p in intake.pieces] == [2, 4]
    assert intake.pieces[1].captured_at == datetime(2026, 11, 23, 20, 36, 6, 250_000, tzinfo=UTC)
    assert intake.what == "This is a HAR recording of 6 requests, with 2 messages in it."


def test_no_secret_of_a_recording_is_kept() -> None:
    intake = take_in(har(*whole_login()))
    assert CANARY not in repr(intake)
    assert "cookies" in " ".join(intake.notes)
    assert "passwords and tokens" in " ".join(intake.notes)
    assert "authorization headers" in " ".join(intake.notes)
    assert [s.url for s in intake.trace.steps if "login" in s.url] == [f"{IDP}/login?flowtoken=…"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "post",
    [
        {"text": RESPONSE_FORM},
        {"params": [{"name": "SAMLResponse", "value": b64(XML)}, {"name": "RelayState", "value": "abc"}]},
        {"params": [{"name": "SAMLResponse", "value": quoted(b64(XML))}, {"name": "RelayState", "value": "abc"}]},
        {"text": base64.b64encode(RESPONSE_FORM.encode()).decode(), "encoding": "base64"},
        {"text": f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n{RESPONSE_FORM}"},
        {"text": "", "params": [{"name": "SAMLResponse", "value": b64(XML)}, {"name": "RelayState", "value": "abc"}]},
        {"text": RESPONSE_FORM, "mimeType": "text/plain"},
        {
            "text": "--x\r\nContent-Disposition: form-data; name=SAMLResponse\r\n\r\n...",
            "mimeType": "multipart/form-data; boundary=x",
            "params": [{"name": "SAMLResponse", "value": b64(XML)}, {"name": "RelayState", "value": "abc"}],
        },
    ],
)
def test_bodies_are_read_however_a_browser_writes_them(post: dict[str, Any]) -> None:
    intake = take_in(har(answer(text=None, post=post)))
    (piece,) = intake.pieces
    decoded = decode(piece.source)
    assert decoded.data == XML
    assert decoded.relay_state == "abc"
    assert decoded.problems == ()


def test_a_lost_plus_in_a_body_is_repaired_and_told() -> None:
    raw = b64(XML.replace(b"ada@", b"ada>>>?~~~@"))
    assert "+" in raw
    # Decoded once too often on its way into the file: every plus is a blank.
    (piece,) = take_in(har(answer(text=f"SAMLResponse={raw.replace('+', ' ')}"))).pieces
    decoded = decode(piece.source)
    assert decoded.data == base64.b64decode(raw)
    assert [p.check for p in decoded.problems] == ["encoding-base64-strict"]
    assert "has become a blank" in decoded.problems[0].message


def test_a_message_is_found_on_a_page_and_in_a_redirect() -> None:
    page = {"mimeType": "text/html", "text": base64.b64encode(PAGE.encode()).decode(), "encoding": "base64"}
    (piece,) = take_in(har(entry(f"{IDP}/sso", content=page))).pieces
    assert piece.layers == ("har", "html-form")
    assert decode(piece.source).data == XML
    redirect = entry(f"{SP}/dashboard", status=302, got=[{"name": "location", "value": SSO_URL}])
    (piece,) = take_in(har(redirect)).pieces
    assert decode(piece.source).data == REQUEST


def test_a_message_that_changed_on_its_way_stays_two() -> None:
    changed = answer(text=f"SAMLResponse={quoted(b64(XML.replace(b'ada@', b'eve@')))}")
    intake = take_in(har(entry(f"{IDP}/sso", page=PAGE), changed))
    assert len(intake.pieces) == 2


def test_a_signed_redirect_keeps_its_octets() -> None:
    query = f"SAMLRequest={quoted(deflated(REQUEST)).lower()}&RelayState=a%2fb&SigAlg=urn%3ax&Signature=c2ln"
    (piece,) = take_in(har(entry(f"{IDP}/sso?lang=en&{query}&session={CANARY}"))).pieces
    assert decode(piece.source).query == query.encode()
    assert CANARY.encode() not in bytes(piece.source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ((), "No request of the recording belongs to a login."),
        ((entry(SP, page="<html></html>"),), "No SAML message is in the recording."),
        ((answer(),), "No AuthnRequest was recorded"),
        ((entry(SSO_URL, page="<html>Sign in</html>"),), "The IdP never answered the SAMLRequest of step 1"),
        (
            (entry(SSO_URL, status=302), entry(f"{IDP}/error", status=400, page="<html>Sorry</html>")),
            "the login ended in step 2 at an error page of idp.corp.test (status 400)",
        ),
        ((entry(SSO_URL, page=PAGE),), "was never posted to the service provider"),
        (
            (entry(SSO_URL), entry(ACS, method="POST", post={})),
            "Step 2 posts a form to sp.example, but its content was not recorded.",
        ),
        ((entry(SSO_URL), answer(status=403)), "it answered the SAMLResponse of step 2 with status 403"),
        (
            (entry(SP, status=302, location=SSO_URL, got=[SET_COOKIE]), entry(SSO_URL, sent=[COOKIE]), answer()),
            "without the cookies that sp.example had set before",
        ),
        ((entry(SSO_URL), answer(), entry(SSO_URL)), "asked again in step 3"),
    ],
)
def test_what_is_missing_is_said(entries: tuple[dict[str, Any], ...], sentence: str) -> None:
    assert sentence in missing(*entries)


def test_cookies_are_not_called_lost_where_none_were_recorded() -> None:
    first = entry(SP, status=302, location=SSO_URL, got=[SET_COOKIE])
    assert "cookies" not in missing(first, entry(SSO_URL), answer())
    assert "cookies" not in missing(first, entry(SSO_URL, sent=[COOKIE]), answer(sent=[COOKIE]))


def test_errors_on_pages_and_in_addresses_are_explained() -> None:
    page = (
        "<html><head><script>var x={'flowToken':'" + CANARY + "'}</script></head><body><p>Sorry, but we're having "
        "trouble signing you in.</p><div>AADSTS50105: The signed in user is not assigned to a role.</div></body></html>"
    )
    url = f"{SP}/error?error=access_denied&error_description=AADSTS50011%3a+The+reply+URL&token={CANARY}"
    intake = take_in(har(entry(SSO_URL, page=page), entry(url, status=400)))
    assert {e.code for e in intake.errors} == {"AADSTS50105", "AADSTS50011"}
    assert CANARY not in repr(intake)


def test_how_much_of_a_posted_form_is_there_is_told() -> None:
    length = {"name": "Content-Length", "value": str(2 * len(RESPONSE_FORM))}
    intake = take_in(har(answer(sent=[length])))
    (problem,) = intake.problems
    assert "about 50 % is present" in problem.message
    assert take_in(har(answer(sent=[{**length, "value": str(len(RESPONSE_FORM))}]))).problems == ()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_recording_that_breaks_off_gives_what_came_before(share: float) -> None:
    data = har(*whole_login())
    intake = take_in(data[: int(len(data) * share)])
    assert intake.trace is not None
    assert "breaks off" in intake.problems[0].message
    assert f"of {int(len(data) * share):,}" in intake.problems[0].message


def test_byte_order_marks_and_utf_16_are_read() -> None:
    data = har(*whole_login())
    for encoded in (b"\xef\xbb\xbf" + data, data.decode().encode("utf-16"), data.decode()):
        assert messages(take_in(encoded)) == [REQUEST, XML]


@pytest.mark.parametrize(
    "broken",
    [
        {"request": None},
        {"request": []},
        {"request": {"url": 1}},
        {"request": {"url": "http://[", "method": 7, "headers": "x", "postData": []}, "response": {"status": "x"}},
        {"request": {"url": ACS, "headers": [1, {}, {"name": 2}], "postData": {"params": [1, {}]}}, "response": 3},
        {"request": {"url": ACS}, "response": {"content": [], "redirectURL": "http://[", "headers": None}},
        {"request": {"url": ACS, "headers": 7, "postData": {"text": 3, "params": 4, "mimeType": 5, "encoding": 6}}},
        {"request": {"url": ACS}, "startedDateTime": "yesterday"},
        {"request": {"url": ACS}, "startedDateTime": "0001-01-01T00:00:00+14:00"},
        1,
        None,
        [],
    ],
)
def test_nonsense_entries_are_passed_over(broken: Any) -> None:
    intake = take_in(har(broken, answer()))
    assert messages(intake) == [XML]


def test_what_is_no_recording_is_none() -> None:
    for text in ('{"log": 1}', '{"log": {"entries": {}}}', '{"log": {', '{"a": "log"}', '{"log" "entries"}'):
        assert take_in(text).trace is None


def test_steps_and_pieces_are_bounded() -> None:
    many = [answer(text=f"SAMLResponse={quoted(b64(XML.replace(b'ada@', f'ada{i}@'.encode())))}") for i in range(350)]
    intake = take_in(har(*many))
    assert intake.trace is not None
    assert (len(intake.trace.steps), len(intake.pieces), intake.trace.left_out) == (300, 200, 50)


def test_the_trace_as_json_names_its_messages() -> None:
    intake = take_in(har(*whole_login()), name="a.har")
    assert intake.trace is not None
    found = json.loads(json.dumps(intake.trace.as_dict("a.har", intake.pieces)))
    assert found["schema"] == "sso-workbench/trace/1"
    assert found["steps"][3]["messages"] == ["a.har#2"]
    assert found["steps"][0]["at"] == BEGIN.isoformat().replace("+00:00", ".250000Z")
