"""The interface for programs over real sockets: every verb as its description says, and who is kept out."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator import Idp, KeyRing, Server, SimulatorError, Tenant, WebIdp, all_faults
from simulator.api import Api, read_token
from simulator.asking import ask
from simulator.sp_metadata import application_from_metadata
from tests.simulator.test_sp_metadata import ENTITY, metadata

TOKEN = "a-token-for-tests-only"


@dataclass
class Live:
    web: WebIdp
    client: httpx.Client
    description: dict[str, Any]

    def __call__(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """One call, held against the description on the way in and out."""
        answer = self.client.request(method, path, json=body, params=query)
        template = self.template(path)
        verb = self.description["paths"][template][method.lower()]
        assert set(query) <= {p["name"] for p in verb.get("parameters", ())}
        if body is not None and answer.status_code < 400 and "requestBody" in verb:
            self.conforms(body, verb["requestBody"]["content"]["application/json"]["schema"])
        told = verb["responses"].get(str(answer.status_code), verb["responses"]["default"])
        if "content" not in told:
            assert answer.content == b""
            return None
        data = answer.json()
        self.conforms(data, told["content"]["application/json"]["schema"])
        if answer.status_code >= 400:
            return answer.status_code, data["error"]
        return data

    def template(self, path: str) -> str:
        for template in self.description["paths"]:
            parts, wanted = path.split("/"), template.split("/")
            if len(parts) == len(wanted) and all(w in (p, "{username}", "{id}") for p, w in zip(parts, wanted)):  # noqa: B905
                return str(template)
        raise AssertionError(f"{path} is not described")

    def conforms(self, value: Any, schema: dict[str, Any], where: str = "$") -> None:
        """The part of JSON Schema 2020-12 that the description uses."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/components/schemas/")
            return self.conforms(value, self.description["components"]["schemas"][name], where)
        if "oneOf" in schema:
            fitting = 0
            for one in schema["oneOf"]:
                try:
                    self.conforms(value, one, where)
                    fitting += 1
                except AssertionError:
                    pass
            assert fitting == 1, where
            return None
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        types = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "null": type(None)}
        assert any(type(value) is types[k] for k in kinds), f"{where}: {value!r} is no {kinds}"
        if "enum" in schema:
            assert value in schema["enum"], where
        if schema.get("format") == "date-time" and value is not None:
            assert datetime.fromisoformat(value).tzinfo is not None
        if schema.get("contentEncoding") == "base64" and value is not None:
            base64.b64decode(value, validate=True)
        if isinstance(value, list):
            for n, item in enumerate(value):
                self.conforms(item, schema["items"], f"{where}[{n}]")
        if isinstance(value, dict):
            properties, more = schema.get("properties", {}), schema.get("additionalProperties")
            assert set(schema.get("required", ())) <= set(value), where
            for name, item in value.items():
                assert name in properties or isinstance(more, dict), f"{where}.{name}"
                self.conforms(item, properties.get(name, more), f"{where}.{name}")
        return None


@pytest.fixture
def api(tenant: Tenant, keys: KeyRing) -> Iterator[Live]:
    web = WebIdp(Idp(tenant, keys, lambda: datetime.now(UTC)))
    with Server(Api(web, TOKEN).asgi) as server:
        headers = {"authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=10, trust_env=False) as client:
            yield Live(web, client, client.get("/openapi.json").json())


def test_the_description_is_openapi_and_complete(api: Live) -> None:
    d = api.description
    assert d["openapi"] == "3.1.0"
    assert d["info"]["title"]
    assert d["info"]["version"]
    described = {(p, m.upper()) for p, verbs in d["paths"].items() for m in verbs if m != "parameters"}
    served = {(path, method) for path, method, _verb in Api(api.web, TOKEN)._verbs()}
    assert described == served
    for path, verbs in d["paths"].items():
        named = {p["name"] for p in verbs.get("parameters", ()) if p["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for method, verb in verbs.items():
            if method != "parameters":
                assert verb["summary"]
                assert set(verb["responses"]) in ({"200", "default"}, {"204", "default"})
    used = json.dumps(d).count("#/components/schemas/")
    assert used >= len(d["components"]["schemas"])
    for name in d["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in json.dumps(d), name
    assert d["security"] == [{"token": []}]
    assert "token" in d["components"]["securitySchemes"]


def test_people(api: Live) -> None:
    assert api("GET", "/v1/users")["total"] == 8
    assert [u["username"] for u in api("GET", "/v1/users", start="2", count="2")["users"]] == ["linus", "margaret"]
    assert [u["username"] for u in api("GET", "/v1/users", text="KOVA")["users"]] == ["zoe"]
    assert api("GET", "/v1/users", application="none")["total"] == 7
    made = api(
        "PUT", "/v1/users/eva", {"email": "eva@x.test", "role": None, "full_name": "", "attributes": {"g": ["a"]}}
    )
    assert (made["role"], made["full_name"], made["imagekit_id"], made["enabled"]) == (None, "", None, True)
    assert api("GET", "/v1/users/eva") == made
    again = api("PUT", "/v1/users/eva", {**made, "enabled": False})
    assert again["enabled"] is False
    assert api("GET", "/v1/users")["total"] == 9
    assert api("DELETE", "/v1/users/eva") is None
    assert api("DELETE", "/v1/users/eva") == (404, "There is nobody of that name.")
    for body, says in (
        ({}, '"email" is missing'),
        ({"email": 1}, "email must be a text"),
        ({"email": "e@x.test", "shoe": "42"}, 'Unknown key "shoe"'),
        ({"email": "e@x.test", "omit": ["email"]}, 'Unknown key "omit"'),
        ({"email": "e@x.test", "username": "other"}, "differ"),
        ({"email": "e@x.test", "enabled": "yes"}, "true or false"),
    ):
        status, error = api("PUT", "/v1/users/eva", body)
        assert status == 400
        assert says in error


def test_applications(api: Live, keys: KeyRing) -> None:
    by_hand = {"entity_id": "https://a.example/", "acs_url": "https://a.example/acs", "claims": {"who": "username"}}
    made = api("PUT", "/v1/applications/a", by_hand)
    assert (made["id"], made["name"], made["claims"], made["sign"]) == ("a", "a", {"who": "username"}, None)
    from lxml import etree

    text = etree.tostring(metadata(keys)).decode()
    read = api("PUT", "/v1/applications/b", {"metadata": text, "encrypt": True, "deliver_to": "http://127.0.0.1:1/"})
    assert (read["entity_id"], read["encrypted"], read["deliver_to"]) == (ENTITY, True, "http://127.0.0.1:1/")
    assert application_from_metadata(text.encode()).acs_url == read["acs_url"]
    assert [a["id"] for a in api("GET", "/v1/applications")["applications"]] == ["imagekit", "a", "b"]
    assert api("DELETE", "/v1/applications/a") is None
    assert api("DELETE", "/v1/applications/a")[0] == 404
    for body in (
        {**by_hand, "acs_url": "javascript:alert(1)"},
        {"metadata": "<a/>"},
        {"metadata": text, "name": "x"},
        {"metadata": 1},
        {"entity_id": "x"},
    ):
        assert api("PUT", "/v1/applications/c", body)[0] == 400


def test_faults(api: Live) -> None:
    listed = api("GET", "/v1/faults")["faults"]
    assert [f["id"] for f in listed] == [f.id for f in all_faults()]
    assert api("PUT", "/v1/faults/active", {"faults": ["xsw1", "xsw1", "md-no-key"]}) == {
        "faults": ["xsw1", "md-no-key"]
    }
    assert api.web.faults == ("xsw1", "md-no-key")
    assert api("POST", "/v1/issue", {"user": "ada", "application": "imagekit"})["faults"] == ["xsw1"]
    for wrong in (["none"], ["req-none"], "xsw1", [1], None):
        assert api("PUT", "/v1/faults/active", {"faults": wrong})[0] == 400
    assert api("GET", "/v1/faults/active")["faults"] == ["xsw1", "md-no-key"]


def test_the_clock(api: Live) -> None:
    assert api("PUT", "/v1/clock", {"offset_seconds": 3600})["offset_seconds"] == 3600
    ahead = datetime.fromisoformat(api("GET", "/v1/clock")["now"]) - datetime.now(UTC)
    assert 3590 < ahead.total_seconds() < 3610
    still = api("PUT", "/v1/clock", {"stands_at": "2026-11-23T22:36:00+02:00"})
    assert still == {"now": "2026-11-23T20:36:00Z", "offset_seconds": 0, "stands_at": "2026-11-23T20:36:00Z"}
    issued = api("POST", "/v1/issue", {"user": "ada", "application": "imagekit"})
    assert issued["at"] == "2026-11-23T20:36:00Z"
    for wrong in (
        {"offset_seconds": "1"},
        {"offset_seconds": 10**12},
        {"stands_at": "noon"},
        {"stands_at": 1},
        {"x": 1},
    ):
        assert api("PUT", "/v1/clock", wrong)[0] == 400
    assert api("PUT", "/v1/clock", {})["stands_at"] is None


def test_messages_exchanges_and_reset(api: Live, tenant: Tenant) -> None:
    idp = api.web.idp
    query = ask(tenant.applications[0], idp.keys, datetime.now(UTC), idp.sso_url, signed=False).query
    issued = api("POST", "/v1/issue", {"user": "zoe", "application": "imagekit", "request": query, "faults": []})
    xml = base64.b64decode(issued["xml"])
    assert issued["in_response_to"].encode() in xml
    assert issued["expected"] == {"verdict": "accept", "checks": []}
    assert b"SAMLResponse=" in base64.b64decode(issued["body"])
    assert issued["form"][1] == {"name": "RelayState", "value": "https://imagekit.io/dashboard"}
    none = api(
        "POST", "/v1/issue", {"user": "zoe", "application": "imagekit", "relay_state": None, "faults": ["sig-none"]}
    )
    assert [f["name"] for f in none["form"]] == ["SAMLResponse"]
    first, second = api("GET", "/v1/exchanges")["exchanges"]
    assert first["issued"] == issued
    assert base64.b64decode(first["request"]).startswith(b"<samlp:AuthnRequest")
    assert (second["faults"], second["request"]) == (["sig-none"], None)
    assert api("GET", "/v1/exchanges", count="1")["exchanges"] == [second]
    assert api("GET", "/v1/exchanges", count="0")["exchanges"] == []
    api("PUT", "/v1/faults/active", {"faults": ["xsw1"]})
    api("PUT", "/v1/clock", {"offset_seconds": 60})
    api("DELETE", "/v1/users/zoe")
    assert api("POST", "/v1/reset") is None
    assert (api.web.idp.tenant, api.web.faults) == (tenant, ())
    assert api("GET", "/v1/exchanges")["exchanges"] == []
    for body, status in (
        ({"user": "zoe"}, 400),
        ({"user": "zoe", "application": "imagekit", "as": "json"}, 400),
        ({"user": 1, "application": "imagekit"}, 400),
        ({"user": "nobody", "application": "imagekit"}, 409),
        ({"user": "alan", "application": "imagekit"}, 409),
        ({"user": "zoe", "application": "imagekit", "request": "SAMLRequest=x"}, 409),
        ({"user": "zoe", "application": "imagekit", "faults": ["none"]}, 400),
    ):
        assert api("POST", "/v1/issue", body)[0] == status, body
    assert api("POST", "/v1/reset", {"x": 1})[0] == 400


# Who is kept out ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
def test_without_the_token_nothing_is_told(authorization: str | None, api: Live) -> None:
    for path, method, _verb in Api(api.web, TOKEN)._verbs():
        headers = {} if authorization is None else {"authorization": authorization}
        with httpx.Client(base_url=api.client.base_url, headers=headers, trust_env=False) as stranger:
            answer = stranger.request(method, path, json={})
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
    assert len(api.web.idp.tenant.users) == 8


@pytest.mark.parametrize(
    "headers", [{"origin": "null"}, {"origin": "http://127.0.0.1"}, {"sec-fetch-site": "cross-site"}]
)
def test_pages_in_a_browser_are_kept_out(headers: dict[str, str], api: Live) -> None:
    answer = api.client.post("/v1/reset", headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    preflight = api.client.options("/v1/reset", headers={"origin": "https://evil.example"})
    assert preflight.status_code == 405


def test_bodies_are_bounded_and_json(api: Live) -> None:
    def put(content: bytes, kind: str = "application/json") -> int:
        return api.client.put("/v1/clock", content=content, headers={"content-type": kind}).status_code

    assert put(b"{}") == 200
    assert put(b"{}", "text/plain") == 415
    assert put(b"offset_seconds=1", "application/x-www-form-urlencoded") == 415
    for wrong in (b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"offset_seconds": NaN}'):
        assert put(wrong) == 400, wrong[:20]
    assert api.client.get("/v1/nothing").json()["error"].startswith("There is no such address")
    assert api.client.get("/v1/reset").status_code == 405
    assert api("GET", "/v1/users", start="x")[0] == 400


def raw(api: Live, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", api.client.base_url.port or 0), 5) as connection:
        connection.sendall(request)
        connection.settimeout(5)
        received = b""
        while data := connection.recv(4096):
            received += data
            if b"\r\n\r\n" in received:
                break
        return received


def test_the_rules_of_the_other_servers_hold_on_the_wire(api: Live) -> None:
    port = api.client.base_url.port or 0
    host = f"Host: 127.0.0.1:{port}\r\n".encode()
    key = f"Authorization: Bearer {TOKEN}\r\n".encode()
    assert b" 200 " in raw(api, b"GET /v1/clock HTTP/1.1\r\n" + host + key + b"\r\n")
    for foreign in (b"evil.example", b"127.0.0.1", b"127.0.0.1.nip.io:%d" % port, b"127.0.0.1:%d." % port):
        assert b" 421 " in raw(api, b"GET /v1/clock HTTP/1.1\r\nHost: " + foreign + b"\r\n" + key + b"\r\n")
    assert b" 400 " in raw(api, b"GET /v1/clock HTTP/1.1\r\n\r\n")
    assert b" 200 " not in raw(api, b"GET /v1/clock HTTP/1.1\r\n" + host + host + key + b"\r\n")
    assert b" 405 " in raw(api, b"PATCH /v1/clock HTTP/1.1\r\n" + host + key + b"\r\n")
    put = b"PUT /v1/clock HTTP/1.1\r\nContent-Type: application/json\r\n" + host + key
    assert b" 411 " in raw(api, put + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert b" 413 " in raw(api, put + b"Content-Length: 99999999\r\n\r\n")
    assert b" 431 " in raw(api, b"GET / HTTP/1.1\r\n" + host + b"".join(b"X%d: y\r\n" % n for n in range(80)) + b"\r\n")
    answer = raw(api, b"GET /v1/clock HTTP/1.1\r\n" + host + key + b"\r\n").lower()
    for header in (b"cache-control: no-store", b"x-content-type-options: nosniff", b"default-src 'none'"):
        assert header in answer


# The token ------------------------------------------------------------------------------------------------------------


def test_the_token_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = read_token(file)
    assert len(token) >= 40
    assert read_token(file) == token
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o600
        file.chmod(0o644)
        with pytest.raises(SimulatorError, match="Other users can read"):
            read_token(file)
        (tmp_path / "link").symlink_to(file)
        with pytest.raises(SimulatorError, match="cannot be read"):
            read_token(tmp_path / "link")
    for text in ("short", "", "ü" * 30, "a\x00" * 20):
        other = tmp_path / "other"
        other.unlink(missing_ok=True)
        other.write_text(text, "utf-8")
        other.chmod(0o600)
        with pytest.raises(SimulatorError, match="16 or more"):
            read_token(other)
    with pytest.raises(SimulatorError, match="cannot be written"):
        read_token(tmp_path / "none" / "token")


def test_a_short_token_is_refused(api: Live) -> None:
    with pytest.raises(SimulatorError, match="16 or more"):
        Api(api.web, "short")
