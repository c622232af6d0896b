"""Builders for what people send to support: recordings, mails, archives. Nothing in them is real."""

from __future__ import annotations

import base64
import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

from tests.saml import signing_samples as samples

#: A secret that must be in no result. Every builder that holds secrets holds this one.
CANARY = "c4n4ry"
BEGIN = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)
IDP, SP = "https://idp.corp.test", "https://sp.example"
XML = samples.xml(samples.build())
REQUEST = (
    b'<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r1" Version="2.0" '
    b'IssueInstant="2026-11-23T20:36:00Z" AssertionConsumerServiceURL="https://sp.example/saml/consume"/>'
)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def deflated(data: bytes) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b64(packer.compress(data) + packer.flush())


def quoted(text: str) -> str:
    return quote(text, safe="")


def other(number: int) -> bytes:
    """A response that differs from XML by its NameID only."""
    return XML.replace(b"ada@", f"ada{number}@".encode())


RESPONSE_FORM = f"SAMLResponse={quoted(b64(XML))}&RelayState=abc"
REQUEST_QUERY = f"SAMLRequest={quoted(deflated(REQUEST))}&RelayState=abc"
SSO_URL = f"{IDP}/sso?{REQUEST_QUERY}"
PAGE = (
    f'<!DOCTYPE html><html><body onload="document.forms[0].submit()"><form method="post" action="{SP}/saml/consume">'
    f'<input type="hidden" name="SAMLResponse" value="{b64(XML)}"><input type="hidden" name="RelayState" value="abc">'
    f'<input type="hidden" name="csrf" value="{CANARY}"></form></body></html>'
)
COOKIE = {"name": "Cookie", "value": f"session={CANARY}"}
SET_COOKIE = {"name": "Set-Cookie", "value": f"session={CANARY}; Path=/; HttpOnly"}


def entry(
    url: str,
    *,
    method: str = "GET",
    status: int = 200,
    text: str | None = None,
    params: Sequence[tuple[str, str]] = (),
    post: dict[str, Any] | None = None,
    page: str | None = None,
    content: dict[str, Any] | None = None,
    location: str = "",
    sent: Sequence[dict[str, str]] = (),
    got: Sequence[dict[str, str]] = (),
    second: int = 0,
) -> dict[str, Any]:
    """One entry of a HAR file."""
    request: dict[str, Any] = {
        "method": method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "headers": [{"name": "Accept", "value": "*/*"}, *sent],
        "queryString": [],
        "cookies": [],
        "headersSize": -1,
        "bodySize": len(text or ""),
    }
    if text is not None or params or post is not None:
        request["postData"] = {"mimeType": "application/x-www-form-urlencoded", **(post or {})}
        if text is not None:
            request["postData"]["text"] = text
        if params:
            request["postData"]["params"] = [{"name": n, "value": v} for n, v in params]
    shown = {"size": len(page or ""), "mimeType": "text/html; charset=utf-8", **({"text": page} if page else {})}
    return {
        "startedDateTime": (BEGIN + timedelta(seconds=second)).isoformat().replace("+00:00", ".250Z"),
        "time": 12.5,
        "request": request,
        "response": {
            "status": status,
            "statusText": "",
            "headers": [{"name": "Content-Type", "value": "text/html"}, *got],
            "cookies": [],
            "content": shown if content is None else content,
            "redirectURL": location,
        },
        "cache": {},
        "timings": {"send": 0, "wait": 12, "receive": 0},
    }


def har(*entries: dict[str, Any]) -> bytes:
    log = {"version": "1.2", "creator": {"name": "test", "version": "1"}, "pages": [], "entries": list(entries)}
    return json.dumps({"log": log}).encode()


def whole_login() -> tuple[dict[str, Any], ...]:
    """The entries of a login that went well, with cookies, a password and pictures."""
    posted = f"username=ada&password={CANARY}&SAMLRequest={quoted(deflated(REQUEST))}"
    return (
        entry(f"{SP}/dashboard", status=302, location=SSO_URL, got=[SET_COOKIE]),
        entry(SSO_URL, second=1, page="<html><body>Sign in</body></html>", sent=[COOKIE]),
        entry(f"{IDP}/logo.png", second=1, content={"mimeType": "image/png", "size": 10}),
        entry(
            f"{IDP}/login?flowtoken={CANARY}#{CANARY}",
            method="POST",
            text=posted,
            second=5,
            page=PAGE,
            sent=[COOKIE, {"name": "Authorization", "value": f"Basic {CANARY}{CANARY}"}],
        ),
        entry(
            f"{SP}/saml/consume",
            method="POST",
            text=RESPONSE_FORM,
            second=6,
            status=302,
            location=f"{SP}/dashboard",
            sent=[COOKIE],
        ),
        entry(f"{SP}/dashboard", second=7, page="<html><body>Welcome</body></html>", sent=[COOKIE]),
    )


def tracer(*, masked: str = "", legacy: bool = False, decoded: bool = True) -> bytes:
    """An export of SAML-tracer. `masked` is "hash" or "obf" as the export dialog offers it."""

    def value(text: str) -> str:
        return {"hash": "{hash:deadbeef}", "obf": "{obf:alternative_0}"}.get(masked, text)

    def headers(*pairs: tuple[str, str]) -> list[Any]:
        return [list(p) for p in pairs] if legacy else [{"name": n, "value": v} for n, v in pairs]

    cookie = ("Cookie", f"session={CANARY}")
    ask: dict[str, Any] = {
        "method": "GET",
        "url": SSO_URL,
        "requestHeaders": headers(("Host", "idp.corp.test"), cookie),
        "get": [["SAMLRequest", deflated(REQUEST)], ["RelayState", "abc"]],
        "protocol": "SAML-P",
        "saml": REQUEST.decode(),
        "responseStatus": 200,
        "responseStatusText": "HTTP/1.1 200 OK",
        "responseHeaders": headers(("Set-Cookie", f"session={CANARY}")),
    }
    answer: dict[str, Any] = {
        "method": "POST",
        "url": f"{SP}/saml/consume",
        "requestHeaders": headers(("Content-Type", "application/x-www-form-urlencoded"), cookie),
        "post": [["SAMLResponse", value(b64(XML))], ["RelayState", value("abc")], ["password", value(CANARY)]],
        "protocol": "SAML-P",
        "responseStatus": 302,
        "responseStatusText": "HTTP/1.1 302 Found",
        "responseHeaders": headers(("Location", f"{SP}/dashboard")),
    }
    if decoded:
        answer["saml"] = XML.decode()
    for number, request in enumerate((ask, answer)):
        request["id" if legacy else "requestId"] = f"request-{number}"
    stamp: Any = 1_795_466_160_000 if legacy else "2026-11-23T20:36:00.000Z"
    return json.dumps({"requests": [ask, answer], "timestamp": stamp}, indent=None if legacy else 2).encode()


def mail(text: str, *attachments: tuple[str, bytes], html: str = "", encoding: str = "quoted-printable") -> bytes:
    """An e-mail as a mail program saves it."""
    message = EmailMessage()
    message["From"] = "ada@customer.example"
    message["To"] = "support@sp.example"
    message["Subject"] = "Login fails"
    message["Date"] = "Mon, 23 Nov 2026 20:36:00 +0000"
    message["Message-ID"] = "<1@customer.example>"
    message.set_content(text, cte=encoding)
    if html:
        message.add_alternative(html, subtype="html", cte=encoding)
    for name, data in attachments:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def archive(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, level: int = 6) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=level) as packed:
        for name, data in files:
            packed.writestr(name, data)
    return buffer.getvalue()


def encrypted(data: bytes) -> bytes:
    """An archive whose files say that they are encrypted."""
    found = bytearray(data)
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = found.find(sign)
        while at >= 0:
            found[at + offset] |= 1
            at = found.find(sign, at + 4)
    return bytes(found)
