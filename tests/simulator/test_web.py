"""The pages over real sockets, with friendly and with hostile clients."""

from __future__ import annotations

import base64
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import httpx
import pytest
from lxml import etree

from simulator import (
    PROFILES,
    AuthnRequest,
    ConsentPolicy,
    Exchange,
    Idp,
    KeyRing,
    RequestRefused,
    Server,
    Tenant,
    WebIdp,
    names,
)
from simulator.guard import MAX_BODY
from simulator.names import MD, SAML, SAMLP, q
from tests.simulator.conftest import NOW

ACS = "https://imagekit.io/saml/consume"


class Page(HTMLParser):
    """The forms, texts and links of a page, as a browser without scripts would use them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self.links: list[str] = []
        self.scripts: list[str] = []
        self.buttons = 0
        self.text = ""
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = dict(attrs)
        self._in = tag
        assert not [n for n, _v in attrs if n.startswith("on")]
        if tag == "form":
            self.forms.append((a["action"] or "", []))
        elif tag == "input":
            self.forms[-1][1].append((a["name"] or "", a.get("value") or ""))
        elif tag == "button":
            self.buttons += 1
        elif tag == "a":
            self.links.append(a["href"] or "")

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            self.scripts.append(data.strip())
        elif self._in != "style":
            self.text += data
        if self._in == "script" and data.strip():
            self._in = ""


@contextmanager
def serving(idp: Idp, **more: object) -> Iterator[tuple[WebIdp, httpx.Client]]:
    web = WebIdp(idp, **more)  # type: ignore[arg-type]  # options of WebIdp
    with Server(web.asgi) as server:
        idp.base_url = server.url
        with httpx.Client(base_url=server.url, timeout=10) as client:
            yield web, client


@pytest.fixture
def live(tenant: Tenant) -> Iterator[tuple[WebIdp, httpx.Client]]:
    """A simulator that runs with real time."""
    idp = Idp(tenant, KeyRing.in_memory(), lambda: datetime.now(UTC))
    with serving(idp) as pair:
        yield pair


def authn_request(acs: str | None = ACS, issuer: str = ACS) -> bytes:
    root = etree.Element(q(SAMLP, "AuthnRequest"), nsmap={"samlp": SAMLP, "saml": SAML}, ID="_a1", Version="2.0")
    root.set("IssueInstant", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    if acs is not None:
        root.set("AssertionConsumerServiceURL", acs)
    etree.SubElement(root, q(SAML, "Issuer")).text = issuer
    return etree.tostring(root)


def deflated(data: bytes) -> str:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(compressor.compress(data) + compressor.flush()).decode()


def test_a_login_from_the_portal(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    told: list[Exchange] = []
    web._on_exchange = told.append
    people = Page(client.get(web.portal_path()).text)
    assert "TEST IDENTITY PROVIDER" in people.text
    assert "Zoë Kovačević" in people.text
    assert "disabled" in people.text
    assert not people.forms
    link = next(x for x in people.links if "user=grace" in x)
    tiles = Page(client.get(link).text)
    ((action, fields),) = tiles.forms
    answer = client.post(action, data=dict(fields))
    assert answer.status_code == 200
    page = Page(answer.text)
    ((acs, sent),) = page.forms
    assert acs == ACS
    assert page.buttons == 1
    assert page.scripts == ["document.forms[0].submit()"]
    xml = base64.b64decode(dict(sent)["SAMLResponse"])
    assert dict(sent)["RelayState"] == "https://imagekit.io/dashboard"
    assert b"grace@acme-media.test" in xml
    assert [e.user for e in told] == ["grace"]
    assert told[0].xml == xml
    assert list(web.exchanges) == told


def test_headers_of_every_page(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    for path in (web.portal_path(), "/metadata", "/healthz", "/none", "/sso", "/portal?user=<script>"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "access-control-allow-origin" not in headers
    policy = client.get(web.portal_path()).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy


def test_the_policy_of_the_posting_page_names_script_and_target(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    page = Page(client.get(f"{web.portal_path()}&user=grace").text)
    policy = client.post("/portal", data=dict(page.forms[0][1])).headers["content-security-policy"]
    assert "form-action https://imagekit.io;" in policy
    assert "script-src 'sha256-" in policy


def test_no_password_is_ever_asked_for(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    assert 'type="password"' not in client.get(web.portal_path()).text


def test_a_login_from_the_service_provider(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    client.get(web.portal_path())
    for answer in (
        client.get("/sso?" + urlencode({"SAMLRequest": deflated(authn_request()), "RelayState": "rs"})),
        client.post("/sso", data={"SAMLRequest": base64.b64encode(authn_request()).decode(), "RelayState": "rs"}),
        client.post("/sso", data={"SAMLRequest": deflated(authn_request()), "RelayState": "rs"}),
    ):
        assert answer.status_code == 200, answer.text
        page = Page(answer.text)
        chosen = next(fields for _action, fields in page.forms if dict(fields)["user"] == "linus")
        posted = Page(client.post("/sso", data=dict(chosen)).text)
        fields = dict(posted.forms[0][1])
        assert posted.forms[0][0] == ACS
        assert fields["RelayState"] == "rs"
        assert etree.fromstring(base64.b64decode(fields["SAMLResponse"])).get("InResponseTo") == "_a1"
    assert [e.in_response_to for e in web.exchanges] == ["_a1"] * 3


def test_without_consent_nothing_is_issued(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    page = Page(client.get("/portal?user=grace").text)
    assert "would not be approved" in page.text
    answer = client.post("/portal", data=dict(page.forms[0][1]))
    assert answer.status_code == 400
    assert "not approved" in answer.text
    assert "SAMLResponse" not in answer.text
    assert not [e for e in web.exchanges if e.issued]
    assert client.get("/portal?key=wrong&user=grace").status_code == 200
    assert not client.cookies


def test_asking_for_consent_and_approving_everything(tenant: Tenant, keys: KeyRing) -> None:
    idp = Idp(tenant, keys, lambda: datetime.now(UTC))
    asked: list[tuple[str, str]] = []

    def ask(user: str, application: str) -> bool:
        asked.append((user, application))
        return user == "grace"

    with serving(idp, consent=ConsentPolicy(ask=ask)) as (_web, client):
        for user, status in (("grace", 200), ("linus", 400)):
            page = Page(client.get(f"/portal?user={user}").text)
            assert client.post("/portal", data=dict(page.forms[0][1])).status_code == status
    assert asked == [("grace", "imagekit"), ("linus", "imagekit")]
    with serving(idp, consent=ConsentPolicy(auto_approve=True)) as (_web, client):
        page = Page(client.get("/portal?user=linus").text)
        assert "Auto-approve is on" in page.text
        assert client.post("/portal", data=dict(page.forms[0][1])).status_code == 200


def test_forms_need_our_own_token_and_origin(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    fields = dict(Page(client.get(f"{web.portal_path()}&user=grace").text).forms[0][1])
    assert client.post("/portal", data={**fields, "token": "guessed"}).status_code == 403
    assert client.post("/portal", data={k: v for k, v in fields.items() if k != "token"}).status_code == 403
    foreign = {"origin": "https://evil.example"}
    assert client.post("/portal", data=fields, headers=foreign).status_code == 403
    assert client.post("/portal", data=fields, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post("/sso", data=fields, headers=foreign).status_code == 403
    own = {"origin": str(client.base_url).rstrip("/"), "sec-fetch-site": "same-origin"}
    assert client.post("/portal", data=fields, headers=own).status_code == 200
    # What Chromium sends with a form of ours, because our pages forbid referrers; alone, "null" is anybody's.
    assert client.post("/portal", data=fields, headers={"origin": "null"}).status_code == 403
    hidden = {"origin": "null", "sec-fetch-site": "same-origin"}
    assert client.post("/portal", data=fields, headers=hidden).status_code == 200
    assert client.get("/portal?" + urlencode(fields)).status_code == 200
    assert len([e for e in web.exchanges if e.issued]) == 2


FOREIGN_HOSTS = [
    "evil.example",
    "127.0.0.1",
    "localhost.evil.test:{port}",
    "127.0.0.1.nip.io:{port}",
    "127.0.0.1:{port}.",
    "LOCALHOST:{port}",
]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_foreign_hosts_are_refused_before_routing(host: str, live: tuple[WebIdp, httpx.Client]) -> None:
    _web, client = live
    answer = client.get("/healthz", headers={"host": host.format(port=client.base_url.port)})
    assert answer.status_code == 421


def test_our_own_hosts_are_answered(live: tuple[WebIdp, httpx.Client]) -> None:
    _web, client = live
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert client.get("/healthz", headers={"host": f"{host}:{client.base_url.port}"}).text == "ok"


def raw(client: httpx.Client, request: bytes) -> bytes:
    """The status line of the answer to some octets."""
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0), 5) as connection:
        connection.settimeout(5)
        connection.sendall(request)
        try:
            return connection.recv(4096).split(b"\r\n")[0]
        except ConnectionError:
            return b""


def test_odd_requests(live: tuple[WebIdp, httpx.Client]) -> None:
    _web, client = live
    host = f"Host: 127.0.0.1:{client.base_url.port}\r\n".encode()
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    assert b" 400 " in raw(client, b"GET / HTTP/1.1\r\n\r\n")
    assert b" 200 " not in raw(client, b"GET / HTTP/1.1\r\n" + host + host + b"\r\n")
    assert b" 400 " in raw(client, b"GET http://127.0.0.1/healthz HTTP/1.1\r\n" + host + b"\r\n")
    assert b" 405 " in raw(client, b"DELETE /portal HTTP/1.1\r\n" + host + b"\r\n")
    assert b" 411 " in raw(
        client, b"POST /sso HTTP/1.1\r\n" + host + form + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    assert b" 413 " in raw(client, b"POST /sso HTTP/1.1\r\n" + host + form + b"Content-Length: 99999999\r\n\r\n")
    assert b" 400 " in raw(client, b"POST /sso HTTP/1.1\r\n" + host + form + b"Content-Length: -1\r\n\r\n")
    assert b" 431 " in raw(
        client, b"GET / HTTP/1.1\r\n" + host + b"".join(b"X%d: y\r\n" % n for n in range(80)) + b"\r\n"
    )
    assert client.post("/sso", content=b"x", headers={"content-type": "text/plain"}).status_code == 400
    assert client.get("/nothing").status_code == 404
    assert client.get("/healthz").text == "ok"


def test_requests_that_get_no_form(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    client.get(web.portal_path())
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    hostile = {
        "unregistered": deflated(authn_request("https://evil.example/acs")),
        "javascript": deflated(authn_request("javascript:alert(1)")),
        "issuer": deflated(authn_request(issuer='"><script>alert(1)</script>')),
        "dtd": deflated(b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>'),
        "bomb": base64.b64encode(bomb.compress(bytes(20_000_000)) + bomb.flush()).decode(),
        "none": "",
    }
    for value in hostile.values():
        answer = client.get("/sso?SAMLRequest=" + quote(value, safe=""))
        assert answer.status_code == 400
        page = Page(answer.text)
        assert not page.forms
        assert not page.scripts
        assert "This was not done" in page.text
    assert len([e for e in web.exchanges if e.refused]) == len(hostile)


def test_relay_state_is_escaped(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    client.get(web.portal_path())
    relay = '"\'><script>alert(1)</script><b x="&amp;'
    page = Page(client.get("/sso?" + urlencode({"SAMLRequest": deflated(authn_request()), "RelayState": relay})).text)
    posted = Page(client.post("/sso", data=dict(page.forms[0][1])).text)
    assert dict(posted.forms[0][1])["RelayState"] == relay
    assert posted.scripts == ["document.forms[0].submit()"]


def test_names_from_the_directory_are_escaped(tenant: Tenant, keys: KeyRing) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    ada = replace(tenant.users[0], full_name=hostile, about=hostile)
    idp = Idp(tenant.with_user(ada), keys, lambda: datetime.now(UTC))
    with serving(idp) as (web, client):
        text = client.get(f"{web.portal_path()}&user=ada").text
        assert "<img" not in text
        assert hostile in Page(text).text


def test_active_faults_are_shown_and_used(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    web.faults = ("id-role-unknown", "tr-relaystate-html")
    page = Page(client.get(f"{web.portal_path()}&user=grace").text)
    assert "Active faults:" in page.text
    assert "id-role-unknown" in page.text
    posted = Page(client.post("/portal", data=dict(page.forms[0][1])).text)
    assert b"owner" in base64.b64decode(dict(posted.forms[0][1])["SAMLResponse"])
    assert web.exchanges[-1].faults == ("id-role-unknown", "tr-relaystate-html")


def test_faults_a_form_cannot_carry_come_near(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    web.faults = ("tr-param-duplicate",)
    tiles = Page(client.get(f"{web.portal_path()}&user=grace").text)
    posted = Page(client.post("/portal", data=dict(tiles.forms[0][1])).text)
    assert [n for n, _v in posted.forms[0][1]].count("SAMLResponse") == 2
    web.faults = ("tr-redirect-response",)
    answer = client.post("/portal", data=dict(tiles.forms[0][1]))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(ACS + "?SAMLResponse=")


def test_passive_requests_are_answered_with_a_status(live: tuple[WebIdp, httpx.Client]) -> None:
    _web, client = live
    root = etree.fromstring(authn_request())
    root.set("IsPassive", "true")
    page = Page(client.get("/sso?" + urlencode({"SAMLRequest": deflated(etree.tostring(root))})).text)
    answer = etree.fromstring(base64.b64decode(dict(page.forms[0][1])["SAMLResponse"]))
    codes = [c.get("Value") for c in answer.iter(q(SAMLP, "StatusCode"))]
    assert codes == [names.STATUS + "Responder", names.STATUS + "NoPassive"]
    assert answer.get("InResponseTo") == "_a1"


def test_logout(live: tuple[WebIdp, httpx.Client]) -> None:
    _web, client = live
    root = etree.fromstring(authn_request(None))
    root.tag = q(SAMLP, "LogoutRequest")
    etree.SubElement(root, q(SAML, "NameID")).text = "grace@acme-media.test"
    answers = (
        client.get("/slo?" + urlencode({"SAMLRequest": deflated(etree.tostring(root)), "RelayState": "x"})),
        client.post("/slo", data={"SAMLRequest": base64.b64encode(etree.tostring(root)).decode()}),
    )
    for answer in answers:
        page = Page(answer.text)
        assert page.forms[0][0] == "https://imagekit.io/logout"
        message = etree.fromstring(base64.b64decode(dict(page.forms[0][1])["SAMLResponse"]))
        assert message.get("InResponseTo") == "_a1"
    refused = client.get("/slo?SAMLResponse=x")
    assert refused.status_code == 400
    assert "SAMLResponse is not base64" in refused.text
    assert client.get("/slo").status_code == 400


def test_metadata_names_where_it_is_served(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    root = etree.fromstring(client.get("/metadata").content)
    assert root.get("entityID") == web.idp.tenant.entity_id
    assert f"{str(client.base_url).rstrip('/')}/sso" in client.get("/metadata").text


def test_leavers_see_why(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    assert "This person is disabled" in Page(client.get(f"{web.portal_path()}&user=alan").text).text
    assert "No applications" in Page(client.get(f"{web.portal_path()}&user=katherine").text).text
    fields = dict(Page(client.get(f"{web.portal_path()}&user=grace").text).forms[0][1])
    answer = client.post("/portal", data={**fields, "user": "alan"})
    assert answer.status_code == 400
    assert "disabled in the directory" in answer.text


def test_the_directory_is_listed_for_whoever_has_the_key(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    for path in ("/scim/v2/Users", "/graph/v1.0/users"):
        assert client.get(path).status_code == 403
        assert client.get(path, headers={"authorization": "Bearer x"}).status_code == 403
        bearer = {"authorization": f"Bearer {web.consent.key}"}
        assert client.get(path, headers=bearer).json() == client.get(f"{path}?key={web.consent.key}").json()
    page = client.get("/scim/v2/Users?startIndex=2&count=3", headers=bearer).json()
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (8, 2, 3)
    assert page["Resources"][0]["userName"] == "grace"


def test_only_the_last_exchanges_are_kept(idp: Idp) -> None:
    with serving(idp) as (web, client):
        for _n in range(205):
            client.get("/sso?SAMLRequest=x")
        assert len(web.exchanges) == 200


@pytest.mark.parametrize("vendor", [p.id for p in PROFILES])
def test_every_vendor_answers_at_its_own_addresses(vendor: str, live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    web.idp.tenant = replace(web.idp.tenant, vendor=vendor)
    tenant = web.idp.tenant
    metadata = client.get(tenant.path_of("metadata"))
    assert client.get("/metadata").status_code == 200
    root = etree.fromstring(metadata.content)
    (address, *_) = [e.get("Location") or "" for e in root.iter(q(MD, "SingleSignOnService"))]
    query = {"SAMLRequest": deflated(authn_request())}
    for url in (address, address.upper().replace("HTTP://", "http://"), web.idp.base_url + "/sso"):
        page = client.get(url, params=query)
        assert page.status_code == 200, url
        assert Page(page.text).forms
    logout = etree.fromstring(authn_request())
    logout.tag = q(SAMLP, "LogoutRequest")
    etree.SubElement(logout, q(SAML, "NameID")).text = "grace@acme-media.test"
    for path, status in (
        (tenant.path_of("slo"), 200),
        ("/sso", 200 if address.endswith(tenant.path_of("slo")) else 400),
    ):
        page = client.get(path, params={"SAMLRequest": deflated(etree.tostring(logout))})
        assert page.status_code == status, path
    done = client.get(tenant.path_of("slo"), params={"SAMLResponse": "x"})
    assert done.status_code == 400
    assert "SAMLResponse is not base64" in done.text


def test_the_directory_over_http(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    client.headers["authorization"] = f"Bearer {web.consent.key}"
    listed = client.get("/scim/v2/Users", params={"filter": 'userName eq "ada"', "attributes": "userName"})
    assert listed.headers["content-type"] == "application/scim+json"
    (ada,) = listed.json()["Resources"]
    assert set(ada) == {"schemas", "id", "userName"}
    own = client.get(f"/scim/v2/Users/{ada['id']}").json()
    assert own["meta"]["location"] == f"{web.idp.base_url}/scim/v2/Users/{ada['id']}"
    assert "emails" not in client.get(f"/scim/v2/Users/{ada['id']}?excludedAttributes=emails").json()
    assert client.get("/scim/v2/ServiceProviderConfig").json()["filter"] == {"supported": True, "maxResults": 1000}
    for path, status, kind in (
        ("/scim/v2/Users?filter=x", 400, "invalidFilter"),
        ("/scim/v2/Users?count=many", 400, "invalidValue"),
        ("/scim/v2/Users?attributes=a&excludedAttributes=b", 400, "invalidValue"),
        ("/scim/v2/Users/nobody", 404, None),
        ("/scim/v2/Groups", 404, None),
    ):
        answer = client.get(path)
        body = answer.json()
        assert (answer.status_code, body["status"], body.get("scimType")) == (status, str(status), kind), path
        assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert answer.headers["content-type"] == "application/scim+json"
    assert client.post("/scim/v2/Users", json={}).status_code == 405
    pages, link = [], "/graph/v1.0/users?$top=3&$select=mail"
    while link:
        page = client.get(link).json()
        pages.append(len(page["value"]))
        assert set(page["value"][0]) == {"id", "mail"}
        link = page.get("@odata.nextLink", "").replace("$select", "")
        link = link and link + "&$select=mail"
    assert pages == [3, 3, 2]
    assert client.get("/graph/v1.0/users/ada@acme-media.test").json()["displayName"] == "Ada Lindqvist"
    for path, status, code in (
        ("/graph/v1.0/users?$top=0", 400, "Request_BadRequest"),
        ("/graph/v1.0/users?$filter=x", 400, "Request_BadRequest"),
        ("/graph/v1.0/users/none", 404, "Request_ResourceNotFound"),
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    client.headers["authorization"] = "Bearer wrong"
    assert client.get("/scim/v2/Users").json()["status"] == "403"
    assert client.get("/graph/v1.0/users").json()["error"]["code"] == "Authorization_RequestDenied"


def test_a_crowd_is_not_listed_whole_and_anybody_of_it_can_log_in(live: tuple[WebIdp, httpx.Client]) -> None:
    web, client = live
    ada = web.idp.tenant.users[0]
    crowd = tuple(replace(ada, username=f"u{n}", email=f"u{n}@acme-media.test") for n in range(300))
    web.idp.tenant = replace(web.idp.tenant, users=crowd)
    text = client.get(web.portal_path()).text
    assert "100 more people are not listed" in text
    assert "u299@" not in text
    tiles = Page(client.get(f"{web.portal_path()}&user=u299").text)
    assert len(tiles.forms) == 2  # the application, and the other people
    chosen = Page(client.get("/sso", params={"SAMLRequest": deflated(authn_request())}).text)
    action, fields = chosen.forms[-1]
    assert (action, [n for n, _ in fields]) == ("/sso", ["token", "user"])
    posted = Page(client.post(action, data={**dict(fields), "user": "u299@acme-media.test"}).text)
    assert b"u299@acme-media.test" in base64.b64decode(dict(posted.forms[0][1])["SAMLResponse"])


def test_bodies_are_bounded_together_too(tenant: Tenant, keys: KeyRing) -> None:
    web = WebIdp(Idp(tenant, keys, lambda: NOW))
    with Server(web.asgi, connections=200) as server, httpx.Client(base_url=server.url) as client:
        head = f"POST /sso HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: {MAX_BODY}\r\n"
        whole = (head + "Content-Type: application/x-www-form-urlencoded\r\n\r\n").encode()
        held = [socket.create_connection(("127.0.0.1", server.port or 0), 5) for _ in range(64)]
        for connection in held:
            connection.sendall(whole + b"SAMLRequest=")
        form = {"SAMLRequest": "x"}
        wait_for(lambda: client.post("/sso", data=form).status_code == 503)
        assert "Try again" in client.post("/sso", data=form).text
        for connection in held:
            connection.close()
        wait_for(lambda: client.post("/sso", data=form).status_code == 400)


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_pages_that_wait_for_a_choice_are_bounded_by_number_and_size(idp: Idp) -> None:
    web = WebIdp(idp)
    large = AuthnRequest(
        id="_a", application="imagekit", issuer=ACS, acs_url=ACS, xml=bytes(250_000), field="x" * 250_000
    )
    first = web._token(large, entitled=False)
    for _ in range(200):
        last = web._token(large, entitled=False)
    assert web._redeem({"token": last}).request == large
    with pytest.raises(RequestRefused, match="too old"):
        web._redeem({"token": first})
    first = web._token(None, entitled=False)
    for _ in range(5_000):
        web._token(None, entitled=False)
    with pytest.raises(RequestRefused, match="too old"):
        web._redeem({"token": first})
    assert web._token_octets == 0
