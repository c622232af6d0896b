"""What one server answers, as far as a stranger can see it: asked at a pace, read in bounds. It judges nothing."""

from __future__ import annotations

import re
import ssl
import time
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx

from app.lab.browserless import FORM_HEADERS

_TIMEOUT_S: Final = 20.0
_MOST_ANSWER: Final = 2_097_152
_MAX_HOPS: Final = 3
_TRANSFER: Final = frozenset({"content-encoding", "transfer-encoding", "content-length"})
_SIGNALS: Final = ("status", "location", "cookies", "end", "page")


class ProbeError(Exception):
    """The probe cannot go on: the sentence says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Look:
    """What can be seen of one answer. `location` is a redirect's path, `page` the title of the page behind it."""

    status: int
    location: str | None = None
    cookies: tuple[str, ...] = ()
    end: int = 0  # the status after redirects on the same server
    page: str = ""
    text: str = field(default="", repr=False)

    def differs_in(self, other: Look) -> tuple[str, ...]:
        """The signals in which two answers differ."""
        return tuple(n for n in _SIGNALS if getattr(self, n) != getattr(other, n))

    def __str__(self) -> str:
        """The answer in a few words."""
        parts = ["no answer" if self.status == 0 else f"HTTP {self.status}"]
        if self.location is not None:
            parts.append(f"to {self.location}")
        if self.cookies:
            parts.append(f"setting {', '.join(self.cookies)}")
        if self.page:
            parts.append(f"page “{self.page}”")
        return " ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """The answer without its text."""
        return {
            "status": self.status,
            "location": self.location,
            "cookies": list(self.cookies),
            "end": self.end,
            "page": self.page,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Patterns:
    """How acceptance is recognised where the tester knows it; all that are given must fit. Regular expressions."""

    status: tuple[int, ...] = ()
    location: str | None = None
    body: str | None = None

    def __bool__(self) -> bool:
        return bool(self.status or self.location is not None or self.body is not None)

    def fit(self, look: Look) -> bool:
        """Whether an answer is an acceptance."""
        if self.status and look.status not in self.status:
            return False
        if self.location is not None and re.search(self.location, look.location or "") is None:
            return False
        return self.body is None or re.search(self.body, look.text) is not None


class Asker:
    """Asks the servers of some addresses, and no others; `pace_s` lies between two requests."""

    def __init__(self, addresses: tuple[str, ...], pace_s: float) -> None:
        self._addresses = addresses
        self._pace_s = pace_s
        self._last_at = 0.0

    def browser(self) -> httpx.Client:
        """A fresh browser: cookies, nothing followed by itself, certificates verified."""
        return httpx.Client(trust_env=False, verify=_authorities(), timeout=_TIMEOUT_S, follow_redirects=False)

    def look(
        self,
        client: httpx.Client,
        method: str,
        url: str,
        body: bytes | None,
        headers: list[tuple[str, str]] | None = None,
    ) -> Look:
        """What is seen of the answer to a request, and of the page behind it on the same server."""
        answer = self.fetch(client, method, url, body, headers)
        location = answer.headers.get("location")
        cookies = tuple(sorted({c.partition("=")[0].strip() for c in answer.headers.get_list("set-cookie")}))
        page = answer
        for _ in range(_MAX_HOPS):
            onward = urljoin(str(page.url), page.headers.get("location", ""))
            if not page.is_redirect or not is_same_server(onward, url):
                break
            page = self.fetch(client, "GET", onward)
        return Look(
            status=answer.status_code,
            location=None if location is None else _path(urljoin(url, location), url),
            cookies=cookies,
            end=page.status_code,
            page=_title(page.text),
            text=f"{answer.text}\n{page.text}" if page is not answer else answer.text,
        )

    def fetch(
        self,
        client: httpx.Client,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: list[tuple[str, str]] | None = None,
    ) -> httpx.Response:
        """One bounded answer, not sooner than the pace allows; status 0 where the server hung up. ProbeError."""
        if not any(is_same_server(url, a) for a in self._addresses):
            raise ProbeError(f"The service provider leads to {urlsplit(url).netloc}, which is not under test.")
        wait = self._last_at + self._pace_s - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._last_at = time.monotonic()
        if headers is None:
            headers = list(FORM_HEADERS.items()) if body is not None else []
        try:
            with client.stream(method, url, content=body or None, headers=headers) as answer:
                content = b""
                for piece in answer.iter_bytes(65_536):
                    content += piece
                    if len(content) > _MOST_ANSWER:
                        break
                # Its bytes are already unpacked, so the header that says they are packed must not be believed again.
                kept = [(k, v) for k, v in answer.headers.multi_items() if k.lower() not in _TRANSFER]
                return httpx.Response(
                    answer.status_code, headers=kept, content=content[:_MOST_ANSWER], request=answer.request
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as e:
            why = str(e) or type(e).__name__
            raise ProbeError(f"{url} cannot be reached: {why}. Is the service provider running?") from e
        except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ReadTimeout):
            return httpx.Response(0, request=httpx.Request(method, url))


@cache
def _authorities() -> ssl.SSLContext:
    # Loading the certificate authorities takes 40 ms; a probe opens hundreds of browsers.
    return ssl.create_default_context()


def is_same_server(url: str, other: str) -> bool:
    """Whether two addresses have scheme, host and port in common."""
    one, two = urlsplit(url), urlsplit(other)
    return (one.scheme, one.hostname, one.port) == (two.scheme, two.hostname, two.port)


def _path(location: str, url: str) -> str:
    """Where a redirect leads, without its query: that may hold what differs each time."""
    there = urlsplit(location)
    return there.path or "/" if is_same_server(location, url) else f"{there.scheme}://{there.netloc}{there.path}"


class _Title(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "title"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and not self.found:
            self.found = " ".join(data.split())[:120]


def _title(text: str) -> str:
    parser = _Title()
    parser.feed(text[:65_536])
    return parser.found
