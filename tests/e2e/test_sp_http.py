"""Our service provider over real sockets: what a browser gets, and what is refused before any page."""

from __future__ import annotations

import re
import secrets
import socket
from html.parser import HTMLParser

import httpx
import pytest

from app.sso import SSO
from app.store import Store
from app.web import BODY_LIMIT, Sessions, sp_app
from simulator import Idp, KeyRing, Server, default_tenant
from tests.sso.conftest import NOW

FORM = "application/x-www-form-urlencoded"
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


@pytest.fixture(scope="module")
def idp():
    ring = KeyRing.in_memory(lambda: NOW)
    return Idp(default_tenant(imagekit_id="ik_7x2k"), ring, lambda: NOW)


class Site:
    """A running service provider and a browser that follows nothing by itself."""

    def __init__(self, sso, server):
        self.sso = sso
        self.port = server.port
        self.url = server.url
        self.browser = httpx.Client(base_url=server.url, trust_env=False)

    def post(self, body, **headers):
        return self.browser.post("/saml/consume", content=body, headers={"content-type": FORM, **headers})

    def raw(self, request: bytes) -> bytes:
        """The answer to octets as they are."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            s.sendall(request)
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
        return answer

    def get_with_host(self, *hosts: str, target="/healthz", version="1.1") -> int:
        lines = [f"GET {target} HTTP/{version}", *(f"Host: {h}" for h in hosts), "Connection: close", "", ""]
        return int(self.raw("\r\n".join(lines).encode()).split(b" ", 2)[1])


@pytest.fixture
def site(tmp_path, idp):
    with Store.open(f"sqlite:///{tmp_path / 'w.db'}") as store:
        sso = SSO(store, clock=lambda: NOW, random_bytes=secrets.token_bytes)
        sso.create_account("ik_7x2k", "Acme Media")
        sso.save_metadata("ik_7x2k", idp.metadata(), test_idp=True)
        server = Server(sp_app(sso))
        server.start()
        try:
            site = Site(sso, server)
            yield site
            site.browser.close()
        finally:
            server.stop()


class Reader(HTMLParser):
    """The text, hidden fields and scripts of a page."""

    def __init__(self, page):
        super().__init__()
        self.fields, self.scripts, self.words = {}, 0, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.scripts += tag == "script" or any(k.startswith("on") for k, _ in attrs)
        if tag == "input":
            self.fields[values.get("name")] = values.get("value", "")

    def handle_data(self, data):
        self.words.append(data)


def text_of(answer):
    return " ".join(" ".join(Reader(answer.text).words).split())


# What a browser gets --------------------------------------------------------------------------------------------------


def test_a_login_lands_on_our_own_dashboard(site, idp):
    answer = site.post(idp.issue("ada", "imagekit").body)
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    page = site.browser.get("/dashboard")
    shown = text_of(page)
    for part in (
        "Ada Lindqvist",
        "ada@acme-media.test",
        "account_administrator",
        "ik_7x2k",
        "https://imagekit.io/dashboard",
    ):
        assert part in shown
    assert "href" not in re.sub(r'href="/[a-z.-]+"', "", page.text)


def test_every_answer_has_the_security_headers(site):
    for path in (
        "/single-sign-on",
        "/dashboard",
        "/logout",
        "/healthz",
        "/saml/metadata",
        "/style.css",
        "/nothing",
        "/",
    ):
        answer = site.browser.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "access-control-allow-origin" not in answer.headers
        assert "uvicorn" not in answer.headers.get("server", "")


def test_pages_have_no_script(site, idp):
    site.post(idp.issue("ada", "imagekit").body)
    for path in ("/single-sign-on", "/dashboard", "/logout"):
        assert Reader(site.browser.get(path).text).scripts == 0


def test_the_session_changes_at_login(site, idp):
    site.browser.get("/single-sign-on")
    before = dict(site.browser.cookies)
    site.post(idp.issue("ada", "imagekit").body)
    after = dict(site.browser.cookies)
    assert before.keys() == after.keys()
    assert before != after
    old = httpx.Client(base_url=site.url, cookies=before, trust_env=False)
    assert "not signed in" in text_of(old.get("/dashboard"))
    old.close()


def test_a_refused_login_shows_a_sentence_and_the_reference_only(site, idp):
    site.post(idp.issue("ada", "imagekit").body)
    site.browser.cookies.clear()
    answer = site.post(idp.issue("grace", "imagekit", faults=["sig-tampered-content"]).body)
    assert answer.status_code == 403
    event = site.sso.events()[0]
    shown = text_of(answer)
    assert event.reference in shown
    for detail in (event.sentence, "digest", "signature", "ada@", "Ada", "grace@", "Acme"):
        assert detail.lower() not in shown.lower()
    assert "not signed in" in text_of(site.browser.get("/dashboard"))


def test_a_replay_is_refused(site, idp):
    body = idp.issue("ada", "imagekit").body
    assert site.post(body).status_code == 303
    again = site.post(body)
    assert again.status_code == 403
    assert "used before" in text_of(again)


def test_a_foreign_relay_state_is_refused_and_markup_stays_text(site, idp):
    assert site.post(idp.issue("ada", "imagekit", relay_state="https://evil.test/").body).status_code == 403
    person = idp.tenant.user("grace")
    from dataclasses import replace

    marked = replace(person, full_name="<script>alert(1)</script><img src=x onerror=alert(1)>")
    assert site.post(idp.issue(marked, "imagekit").body).status_code == 303
    page = site.browser.get("/dashboard")
    assert Reader(page.text).scripts == 0
    assert "<img" not in page.text
    assert "<script>alert(1)</script>" in text_of(page)


def test_starting_here(site, idp):
    site.post(idp.issue("ada", "imagekit").body)
    site.browser.cookies.clear()
    token = Reader(site.browser.get("/single-sign-on").text).fields["token"]
    answer = site.browser.post("/single-sign-on", data={"email": "Ada@acme-media.test", "token": token})
    assert answer.status_code == 303
    location = answer.headers["location"]
    request = idp.read_request(query=location.partition("?")[2])
    assert site.post(idp.issue("ada", "imagekit", request=request).body).status_code == 303


def test_an_answer_from_another_browser_is_refused(site, idp):
    site.post(idp.issue("ada", "imagekit").body)
    site.browser.cookies.clear()
    token = Reader(site.browser.get("/single-sign-on").text).fields["token"]
    answer = site.browser.post("/single-sign-on", data={"email": "ada@acme-media.test", "token": token})
    request = idp.read_request(query=answer.headers["location"].partition("?")[2])
    site.browser.cookies.clear()
    refused = site.post(idp.issue("ada", "imagekit", request=request).body)
    assert refused.status_code == 403
    assert site.sso.events()[0].reason == "bind.in-response-to"


def test_an_unknown_email_learns_nothing_more(site):
    token = Reader(site.browser.get("/single-sign-on").text).fields["token"]
    answer = site.browser.post("/single-sign-on", data={"email": "who@acme-media.test", "token": token})
    assert answer.status_code == 403
    assert "portal" in text_of(answer)
    assert site.sso.events()[0].reference in text_of(answer)


def test_our_metadata(site):
    default = site.browser.get("/saml/metadata")
    assert default.headers["content-type"] == "application/samlmetadata+xml"
    assert site.browser.get("/saml/metadata", params={"account": "ik_7x2k"}).status_code == 200
    assert site.browser.get("/saml/metadata", params={"account": "<b>"}).status_code == 404


def test_signing_out_needs_our_own_form(site, idp):
    site.post(idp.issue("ada", "imagekit").body)
    asked = site.browser.get("/logout")
    assert "Sign out" in text_of(asked)
    assert "Signed in" in text_of(site.browser.get("/dashboard"))
    assert site.browser.post("/logout", data={"token": "guess"}).status_code == 403
    token = Reader(asked.text).fields["token"]
    assert site.browser.post("/logout", data={"token": token}).status_code == 200
    assert "not signed in" in text_of(site.browser.get("/dashboard"))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_the_login_form_of_another_site_is_refused(site, headers):
    token = Reader(site.browser.get("/single-sign-on").text).fields["token"]
    answer = site.browser.post("/single-sign-on", data={"email": "a@b.test", "token": token}, headers=headers)
    assert answer.status_code == 403
    assert site.sso.count_events() == 2  # the account and its configuration


def test_our_own_login_form_is_taken_as_a_browser_sends_it(site):
    """Our pages forbid referrers, so Chromium says "Origin: null" even for their own forms."""
    token = Reader(site.browser.get("/single-sign-on").text).fields["token"]
    headers = {"origin": "null", "sec-fetch-site": "same-origin"}
    answer = site.browser.post("/single-sign-on", data={"email": "a@b.test", "token": token}, headers=headers)
    assert "portal" in text_of(answer)  # taken, and answered: this e-mail is not known here


def test_the_login_form_without_our_token_is_refused(site):
    assert site.browser.post("/single-sign-on", data={"email": "a@b.test"}).status_code == 403
    site.browser.get("/single-sign-on")
    assert site.browser.post("/single-sign-on", data={"email": "a@b.test", "token": ""}).status_code == 403


@pytest.mark.expects_log
def test_a_fault_of_ours_becomes_a_page_with_a_reference(site, idp, monkeypatch):
    def broken(*_, **__):
        raise KeyError("ada@acme-media.test")

    monkeypatch.setattr(site.sso, "consume", broken)
    answer = site.post(idp.issue("ada", "imagekit").body)
    assert answer.status_code == 500
    event = site.sso.events()[0]
    assert (event.outcome, event.reason) == ("error", "internal.error")
    assert event.reference in text_of(answer)
    assert "KeyError" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


# What is refused before any page --------------------------------------------------------------------------------------


def test_hosts_of_loopback_are_served(site):
    for name in ("127.0.0.1", "localhost", "[::1]"):
        assert site.get_with_host(f"{name}:{site.port}") == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "localhost.evil.test:{port}",
        "127.0.0.1.nip.test:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.:{port}",
        "LOCALHOST:{port}",
        "0x7f000001:{port}",
        "user@localhost:{port}",
        "[::1%25lo]:{port}",
        "",
    ],
)
def test_other_hosts_are_refused(site, host):
    assert site.get_with_host(host.format(port=site.port)) in (400, 421)


def test_a_missing_or_double_host_is_refused(site):
    assert site.get_with_host() in (400, 421)
    assert site.get_with_host(version="1.0") in (400, 421)
    assert site.get_with_host(f"localhost:{site.port}", "evil.test") in (400, 421)


def test_an_absolute_target_is_refused(site):
    host = f"localhost:{site.port}"
    assert site.get_with_host(host, target="http://evil.test/healthz") in (400, 421)
    assert site.get_with_host(host, target=f"http://{host}/healthz") in (400, 421)


def test_the_acs_answers_post_only(site):
    answer = site.browser.get("/saml/consume", params={"SAMLResponse": "x"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        assert site.browser.request(method, "/saml/consume").status_code == 405


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", "", "text/xml"])
def test_other_content_types_are_refused(site, idp, kind):
    before = site.sso.count_events()
    assert site.post(idp.issue("ada", "imagekit").body, **{"content-type": kind}).status_code == 415
    assert site.sso.count_events() == before


def test_a_form_with_charset_is_a_form(site, idp):
    answer = site.post(idp.issue("ada", "imagekit").body, **{"content-type": f"{FORM}; charset=UTF-8"})
    assert answer.status_code == 303


def test_large_bodies_are_refused_by_their_length(site):
    head = f"POST /saml/consume HTTP/1.1\r\nHost: localhost:{site.port}\r\nContent-Type: {FORM}\r\n"
    answer = site.raw(f"{head}Content-Length: {BODY_LIMIT + 1}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413")
    assert site.post(b"SAMLResponse=" + b"A" * (BODY_LIMIT - 13)).status_code == 403


@pytest.mark.parametrize(
    "lines",
    [
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "",
        "Content-Length: -1",
        "Content-Length: abc",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 99999999999999999999",
    ],
)
def test_bodies_of_unclear_length_are_refused(site, lines):
    before = site.sso.count_events()
    head = (
        f"POST /saml/consume HTTP/1.1\r\nHost: localhost:{site.port}\r\nContent-Type: {FORM}\r\nConnection: close\r\n"
    )
    answer = site.raw(
        f"{head}{lines}{chr(13)}{chr(10)}{chr(13)}{chr(10)}".encode() if lines else f"{head}\r\n".encode()
    )
    assert answer.split(b" ", 2)[1] in (b"400", b"411", b"413", b"501")
    assert site.sso.count_events() == before


def test_a_large_login_form_is_refused(site):
    answer = site.browser.post("/single-sign-on", data={"email": "x" * 20_000})
    assert answer.status_code == 413


def test_unknown_paths_are_plain(site):
    assert site.browser.get("/admin").status_code == 404
    assert site.browser.get("/..%2f..%2fetc/passwd").status_code == 404


def test_health(site):
    assert site.browser.get("/healthz").text == "ok\n"
    assert site.browser.head("/healthz").status_code == 200


def test_sessions_are_bounded():
    sessions = Sessions(lambda: secrets.token_urlsafe(8), limit=3)
    made = [sessions.new() for _ in range(5)]
    assert [sessions.get(s.id) is not None for s in made] == [False, False, True, True, True]
    sessions.forget(made[4].id)
    assert sessions.get(made[4].id) is None
    assert sessions.get(None) is None
    assert "token" not in repr(made[0]) or made[0].token not in repr(made[0])
