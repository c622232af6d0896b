"""Exports of the browser extension SAML-tracer, of old and new versions, masked ones too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from app.saml.decoding.captures.jsontext import BrokenText, JsonText
from app.saml.decoding.captures.login import Exchange, read_login
from app.saml.decoding.captures.registry import Capture, Context, container
from app.saml.decoding.captures.secrets import Removed, kind_of_header

_MOST_REQUESTS: Final = 5_000
_MOST_REQUEST: Final = 2_097_152


@container(30)
def saml_tracer(data: bytes, _context: Context) -> Capture | None:
    """`{"requests": [{"method": "POST", "url": "...", "post": [["SAMLResponse", "..."]], "saml": "<...>"}, ...]}`."""
    if not data[:64].lstrip().startswith(b"{") or b'"requests"' not in data[:4096]:
        return None
    text = JsonText(data)
    try:
        requests = text.find(text.blank(0), "requests")
    except BrokenText:
        return None
    if requests is None or data[requests : requests + 1] != b"[":
        return None
    removed = Removed()
    return read_login(_exchanges(text, requests, removed), "SAML-tracer", "saml-tracer", removed)


def _exchanges(text: JsonText, requests: int, removed: Removed) -> Iterator[Exchange]:
    try:
        for count, (begin, end) in enumerate(text.items(requests)):
            request = text.value(begin, end, _MOST_REQUEST) if count < _MOST_REQUESTS else None
            if isinstance(request, dict) and isinstance(request.get("url"), str):
                yield _exchange(request, removed)
    except BrokenText:
        return


def _exchange(request: dict[str, Any], removed: Removed) -> Exchange:
    sent, sent_cookies = _headers(request.get("requestHeaders"), removed)
    got, got_cookies = _headers(request.get("responseHeaders"), removed)
    status = request.get("responseStatus")
    decoded = request.get("saml")
    body = _posted(request.get("post"))
    return Exchange(
        method=str(request.get("method") or "GET").upper()[:20],
        url=request["url"],
        status=status if isinstance(status, int) and 0 <= status < 1_000 else None,
        body=body,
        posts_form=body is not None or "urlencoded" in sent.get("content-type", ""),
        decoded=decoded.encode("utf-8", "replace") if isinstance(decoded, str) and decoded else None,
        location=got.get("location", ""),
        cookies_sent=sent_cookies,
        cookies_set=got_cookies,
    )


def _posted(fields: Any) -> bytes | None:
    """The form that the listed fields came from; the extension lists them decoded."""
    if not isinstance(fields, list):
        return None
    pairs = [(str(f[0]), str(f[1])) for f in fields[:400] if isinstance(f, list) and len(f) == 2]
    return "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in pairs).encode() if pairs else None


def _headers(listed: Any, removed: Removed) -> tuple[dict[str, str], bool]:
    """(harmless headers by lower-case name, whether there were cookies). Old versions list pairs, new ones objects."""
    found: dict[str, str] = {}
    cookies = False
    for header in listed[:400] if isinstance(listed, list) else ():
        if isinstance(header, dict):
            name, value = header.get("name"), header.get("value")
        elif isinstance(header, list) and len(header) == 2:
            name, value = header
        else:
            continue
        if not isinstance(name, str) or not isinstance(value, str):
            continue
        secret = kind_of_header(name)
        if secret is None:
            found[name.lower()] = value
        else:
            removed.add(secret)
            cookies |= secret == "cookies"  # noqa: S105  the plural of a kind
    return found, cookies
