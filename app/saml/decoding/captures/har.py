"""HAR files (HTTP Archive 1.2), as every browser's network log exports them. Read entry by entry, never as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

from app.saml.decoding.captures.jsontext import BrokenText, JsonText
from app.saml.decoding.captures.login import Exchange, read_login
from app.saml.decoding.captures.pages import unpacked
from app.saml.decoding.captures.registry import Capture, Context, container
from app.saml.decoding.captures.secrets import CARRIED, Removed, carried_pairs, kind_of_header
from app.saml.errors import Problem

_MOST_ENTRIES: Final = 10_000
_MOST_BODY: Final = 2_097_152  # of one body; a message may have 1.5 MiB
_MOST_HEADERS: Final = 262_144
_SHORT: Final = 65_536
_SCRIPT: Final = re.compile(r"\.(?:js|css|png|jpe?g|gif|svg|ico|woff2?|ttf|map|webp|mp4)\Z", re.IGNORECASE)
_READABLE: Final = ("text/html", "application/xhtml", "application/json", "text/plain", "text/xml", "application/xml")


@container(20)
def har(data: bytes, _context: Context) -> Capture | None:
    """`{"log": {"entries": [{"request": {...}, "response": {...}}, ...]}}`."""
    if not data[:64].lstrip().startswith(b"{") or b'"log"' not in data[:4096]:
        return None
    text = JsonText(data)
    try:
        log = text.find(text.blank(0), "log")
        entries = text.find(log, "entries") if log is not None else None
    except BrokenText:
        return None
    if entries is None or data[entries : entries + 1] != b"[":
        return None
    reading = _Reading(text)
    capture = read_login(reading.exchanges(entries), "HAR", "har", reading.removed)
    return Capture(
        what=capture.what,
        layer=capture.layer,
        pieces=capture.pieces,
        trace=capture.trace,
        texts=capture.texts,
        notes=(*capture.notes, *reading.notes),
        problems=(*capture.problems, *reading.problems),
    )


@dataclass(slots=True)
class _Reading:
    """One HAR file while it is read."""

    text: JsonText
    removed: Removed = field(default_factory=Removed)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def exchanges(self, entries: int) -> Iterator[Exchange]:
        """What every entry recorded. A file that breaks off gives what came before."""
        count = 0
        try:
            for begin, _ in self.text.items(entries):
                count += 1
                if count > _MOST_ENTRIES:
                    self.notes.append(f"Only the first {_MOST_ENTRIES:,} requests of the recording were read.")
                    return
                exchange = self._exchange(begin)
                if exchange is not None:
                    yield exchange
        except BrokenText as e:
            size = len(self.text.data)
            at = min(e.at + 1, size)
            share = at * 100 // max(size, 1)
            message = (
                f"The recording breaks off or is damaged after {count:,} requests, at byte {at:,} of "
                f"{size:,} ({share} %). What came before was read; save it again as HAR."
            )
            self.problems.append(Problem("encoding-input-kind", message, "a complete HAR file", "a damaged one"))

    def _exchange(self, begin: int) -> Exchange | None:
        text = self.text
        entry = text.spans(begin)
        if "request" not in entry:
            return None
        request, response = text.spans(entry["request"][0]), {}
        if "response" in entry:
            response = text.spans(entry["response"][0])
        url = self._read(request, "url")
        if not isinstance(url, str):
            return None
        method = self._read(request, "method", 100)
        sent = self._headers(request)
        got = self._headers(response)
        post = text.spans(request["postData"][0]) if "postData" in request else {}
        mime = self._read(post, "mimeType", 1_000) or sent.get("content-type", "")
        body = self._body(post)
        status = self._read(response, "status", 100)
        location = self._read(response, "redirectURL") or got.get("location", "")
        is_form = "urlencoded" in str(mime).lower()
        return Exchange(
            method=str(method or "GET").upper()[:20],
            url=url,
            at=_instant(self._read(entry, "startedDateTime", 100)),
            status=status if isinstance(status, int) and 0 <= status < 1_000 else None,
            body=body,
            posts_form=is_form or (bool(body) and b"SAML" in (body or b"")),
            declared=_number(sent.get("content-length")) if is_form else None,
            location=location if isinstance(location, str) else "",
            page=self._page(response, url),
            cookies_sent=self._cookies(request, sent, "cookie"),
            cookies_set=self._cookies(response, got, "set-cookie"),
        )

    def _read(self, spans: dict[str, tuple[int, int]], name: str, most: int = _SHORT) -> Any:
        return self.text.value(*spans[name], most) if name in spans else None

    def _headers(self, spans: dict[str, tuple[int, int]]) -> dict[str, str]:
        """The headers by lower-case name. Of a secret one only its name stays, and it is counted."""
        found: dict[str, str] = {}
        listed = self._read(spans, "headers", _MOST_HEADERS)
        for header in listed if isinstance(listed, list) else ():
            if not isinstance(header, dict) or not isinstance(header.get("name"), str):
                continue
            name = header["name"].lower()
            secret = kind_of_header(name)
            if secret is not None:
                self.removed.add(secret)
            value = header.get("value")
            found[name] = value if secret is None and isinstance(value, str) else ""
        return found

    def _cookies(self, spans: dict[str, tuple[int, int]], headers: dict[str, str], header: str) -> bool:
        begin, end = spans.get("cookies", (0, 0))
        count = self.text.data.count(b'"name"', begin, min(end, begin + _MOST_HEADERS))
        self.removed.add("cookies", count if header not in headers else 0)
        return header in headers or count > 0

    def _body(self, post: dict[str, tuple[int, int]]) -> bytes | None:
        """The posted form as it was sent. From `params` it is put together again where `text` does not hold it."""
        text = self._read(post, "text", _MOST_BODY)
        if "text" in post and text is None:
            self.notes.append("A posted body was too large to be read.")
        text = text if isinstance(text, str) else ""
        body = unpacked(text, self._read(post, "encoding", 100) or self._read(post, "_encoding", 100))
        if body[:8].lower() == b"content-":  # some browsers put the request's headers before the form
            body = body.rpartition(b"\r\n\r\n")[2]
        params = self._read(post, "params", _MOST_BODY)
        if isinstance(params, list) and params and not carried_pairs(body):
            return _form_of(params)
        return body or None

    def _page(self, response: dict[str, tuple[int, int]], url: str) -> bytes | None:
        """The text of an answer that a person reads."""
        content = self.text.spans(response["content"][0]) if "content" in response else {}
        mime = str(self._read(content, "mimeType", 1_000) or "").lower()
        if "text" not in content or (mime and not mime.startswith(_READABLE)) or _SCRIPT.search(_path(url)):
            return None
        text = self._read(content, "text", _MOST_BODY)
        return unpacked(text, self._read(content, "encoding", 100)) if isinstance(text, str) and text else None


def _path(url: str) -> str:
    try:
        return urlsplit(url[:2_000]).path
    except ValueError:
        return ""


def _form_of(params: list[Any]) -> bytes:
    """The form that parameters came from. Some browsers list values as sent, others decoded: base64 has no “%”."""
    pairs = [(p["name"], p["value"]) for p in params if isinstance(p, dict) and {"name", "value"} <= p.keys()]
    texts = [(str(n), str(v)) for n, v in pairs]
    encoded = any(n in CARRIED and "%" in v for n, v in texts)
    return "&".join(f"{n}={v}" if encoded else f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in texts).encode(
        "utf-8", "replace"
    )


def _instant(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if found is None:
        return None
    try:
        return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 12 else None
