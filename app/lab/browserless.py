"""A browser without a screen: cookies, forms, redirects. It runs no script, and nothing it visits is remembered."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

_TIMEOUT_S: Final = 30.0
_MAX_HOPS: Final = 6
FORM_HEADERS: Final = {"content-type": "application/x-www-form-urlencoded"}


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this computer."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_here(url: str) -> bool:
    """Whether an address can only be a server of this computer."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "")


def browser() -> httpx.Client:
    """A fresh browser without pages: cookies, and nothing followed unless asked."""
    # Proxies of the environment must not see, or break, what stays on this computer. Nothing here speaks TLS, so no
    # certificate authorities are loaded, which would cost 40 ms for each browser.
    return httpx.Client(
        trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), timeout=_TIMEOUT_S, follow_redirects=False
    )


def post(
    client: httpx.Client, method: str, url: str, content: bytes | None, headers: list[tuple[str, str]]
) -> httpx.Response:
    """The answer to one request; status 0 and no text where the server hung up before there was one.

    A server that refuses a large body closes the connection while it is still being sent, so the text of its answer
    may be lost, and its status too.
    """
    status = 0
    try:
        with client.stream(method, url, content=content, headers=headers) as answer:
            status = answer.status_code
            answer.read()
            return answer
    except (httpx.NetworkError, httpx.RemoteProtocolError):
        return httpx.Response(status, request=httpx.Request(method, url))


def follow(client: httpx.Client, page: httpx.Response) -> httpx.Response:
    """The page after redirects on the same server; a redirect elsewhere is not followed."""
    for _ in range(_MAX_HOPS):
        location = page.headers.get("location")
        if page.status_code not in (301, 302, 303, 307, 308) or not location:
            break
        target = httpx.URL(urljoin(str(page.url), location))
        if (target.host, target.port) != (page.url.host, page.url.port):
            break
        page = client.get(target)
    return page


@dataclass(slots=True)
class Form:
    """A form of a page."""

    action: str
    method: str
    fields: list[tuple[str, str]]


class _Page(HTMLParser):
    """Collects the forms of a page with their input fields, its text, and the text of its notices."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []
        self.notices: list[str] = []
        self._silent = 0
        self._notice: str | None = None
        self._heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {n: v or "" for n, v in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower(), []))
        elif tag == "input" and self.forms and given.get("name"):
            self.forms[-1].fields.append((given["name"], given.get("value", "")))
        elif tag in ("style", "script", "title"):
            self._silent += 1
        elif given.get("role") == "alert" and "faults" not in given.get("class", "").split():
            self._notice = tag
        self._heading = tag in ("h1", "h2")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "title") and self._silent:
            self._silent -= 1
        elif tag == self._notice:
            self._notice = None
        self._heading = False

    def handle_data(self, data: str) -> None:
        if self._silent or not data.strip():
            return
        text = " ".join(data.split()) + ("." if self._heading else "")
        (self.text if self._notice is None else self.notices).append(text)


def forms_of(page: httpx.Response) -> tuple[Form, ...]:
    """Every form of a page, its action made absolute."""
    parser = _Page()
    parser.feed(page.text)
    for form in parser.forms:
        form.action = urljoin(str(page.url), form.action)
    return tuple(parser.forms)


def form_with(page: httpx.Response, **wanted: str | None) -> Form | None:
    """The first form that has these fields with these values (None: any value), its action made absolute."""
    for form in forms_of(page):
        fields = dict(form.fields)
        if all(n in fields and (v is None or fields[n] == v) for n, v in wanted.items()):
            return form
    return None


def words(page: str) -> str:
    """What a page says, in one line: its notices, or else all of it."""
    parser = _Page()
    parser.feed(page)
    return " ".join(parser.notices or parser.text)[:600]
