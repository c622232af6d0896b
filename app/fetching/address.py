"""Fetching from an address that somebody typed, and from no other (security.md C24); it reads nothing of what comes.

https, or http on this computer; certificates are always checked against the system's authorities. A name is resolved
once, every address that it has is judged, and the connection goes to the address that was judged, at every redirect
anew. Time and bytes are bounded, also of what is compressed.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, Final
from urllib.parse import SplitResult, urljoin, urlsplit

import httpcore

#: How long a whole fetch may take, in seconds, and how much of a document is taken, in bytes.
PATIENCE_S: Final = 10.0
MOST_BYTES: Final = 5_242_880
_REDIRECTS: Final = 3
_HERE: Final = ("127.0.0.1", "localhost", "::1")
_MOVED: Final = (301, 302, 303, 307, 308)

#: (host, port) → addresses, as literals.
Resolve = Callable[[str, int], list[str]]


class FetchRefused(Exception):  # noqa: N818  the noun is the error
    """What was not fetched, and why; the text is a sentence that says what to do."""


class Intranet(FetchRefused):
    """The address leads into a private network or to this computer, which somebody must confirm. `host` names it."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(
            f"{host} is {address}, an address of a private network or of this computer. Confirm that it is meant, or "
            "compare the address."
        )
        self.host = host


def fetch(
    url: str,
    *,
    intranet: bool = False,
    most: int = MOST_BYTES,
    patience_s: float = PATIENCE_S,
    resolve: Resolve | None = None,
) -> bytes:
    """The document behind an address. FetchRefused for whatever goes wrong.

    `intranet` says that somebody confirmed private addresses; without it they raise Intranet. `resolve` is for those
    who ask another name service than the system's.
    """
    return b"".join(_parts(url, intranet, most, patience_s, resolve or _system_addresses))


def fetch_into(
    into: BinaryIO, url: str, *, intranet: bool = False, most: int = MOST_BYTES, patience_s: float = PATIENCE_S
) -> None:
    """As fetch(), writing what comes as it comes."""
    for part in _parts(url, intranet, most, patience_s, _system_addresses):
        into.write(part)


def is_here(url: str) -> bool:
    """Whether an address names this computer by a literal name, so that whoever typed it means it."""
    return (urlsplit(url).hostname or "") in _HERE


def _parts(url: str, intranet: bool, most: int, patience_s: float, resolve: Resolve) -> Iterator[bytes]:
    deadline = time.monotonic() + patience_s
    typed = _address(url)
    at, here = typed, is_here(url)
    with httpcore.ConnectionPool(
        ssl_context=_context(), network_backend=_Checked(deadline, patience_s, intranet or here, resolve)
    ) as pool:
        for _ in range(_REDIRECTS + 1):
            with _in_words(at, typed, patience_s), pool.stream("GET", at.geturl(), headers=_headers(at)) as answer:
                if answer.status not in _MOVED:
                    yield from _body(answer, at, most)
                    return
                at = _next(at, answer.headers)
    raise FetchRefused(f"{typed.geturl()} redirects more than {_REDIRECTS} times. Type the address it leads to.")


@contextmanager
def _in_words(at: SplitResult, typed: SplitResult, patience_s: float) -> Iterator[None]:
    """What goes wrong on the way, as FetchRefused."""
    try:
        yield
    except httpcore.TimeoutException as e:
        raise FetchRefused(f"{typed.geturl()} did not answer within {patience_s:g} seconds. Try again later.") from e
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as e:
        raise FetchRefused(_reason(at, e)) from e


class Session:
    """Several requests to the one server of an address, by the rules of fetch(), over one connection where it may be.

    Redirects are refused: what is sent with a request, a key perhaps, is meant for this server alone. Used as a context
    manager. FetchRefused for an address that may not be asked.
    """

    def __init__(
        self, url: str, *, intranet: bool = False, patience_s: float = PATIENCE_S, resolve: Resolve | None = None
    ) -> None:
        self._server = _address(url)
        self._patience_s = patience_s
        self._backend = _Checked(
            time.monotonic() + patience_s, patience_s, intranet or is_here(url), resolve or _system_addresses
        )
        self._pool = httpcore.ConnectionPool(ssl_context=_context(), network_backend=self._backend)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def get(self, path: str, query: str, headers: Mapping[str, str], *, most: int) -> tuple[int, bytes]:
        """(HTTP status, body) of a page of the server, within the patience for one page.

        FetchRefused for a redirect, for more than `most` bytes, and for whatever else goes wrong.
        """
        at = _address(self._server._replace(path=path, query=query).geturl())
        self._backend.begin(self._patience_s)
        own = {"accept", *(n.lower() for n in headers)}
        sent = [(n, v) for n, v in _headers(at) if n.lower() != b"connection" and n.lower().decode() not in own]
        sent += [(n.encode(), v.encode("latin-1")) for n, v in headers.items()]
        shown = at._replace(query="")
        with _in_words(shown, shown, self._patience_s), self._pool.stream("GET", at.geturl(), headers=sent) as answer:
            if answer.status in _MOVED:
                raise FetchRefused(
                    f"{at.netloc} redirects to another address, which is not followed. Type the address it leads to."
                )
            return answer.status, b"".join(_octets(answer, shown, most))


def _address(url: str) -> SplitResult:
    """The parts of an address that may be asked. FetchRefused otherwise."""
    if len(url) > 2000 or not url.isprintable() or any(c.isspace() for c in url.strip()):
        raise FetchRefused("An address has no blanks and no control characters, and at most 2,000 characters.")
    try:
        parts = urlsplit(url.strip())._replace(fragment="")
        host, port = parts.hostname or "", parts.port
        ascii_host = host if ":" in host else host.encode("idna").decode() if host else ""
    except (ValueError, UnicodeError) as e:
        raise FetchRefused("This is not an address that can be asked. Type one that begins with https://.") from e
    if parts.scheme not in ("https", "http") or not ascii_host:
        raise FetchRefused("This is not an address that can be asked. Type one that begins with https://.")
    if parts.username is not None or parts.password is not None:
        raise FetchRefused("The address holds a user name or a password. Metadata is public; leave them out.")
    if parts.scheme == "http" and host not in _HERE:
        raise FetchRefused("Fetch metadata over https: whoever changes it on the way decides whom you trust.")
    shown = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    netloc = shown if port is None else f"{shown}:{port}"
    path = "".join(c if c.isascii() else "".join(f"%{b:02X}" for b in c.encode()) for c in parts.path or "/")
    query = "".join(c if c.isascii() else "".join(f"%{b:02X}" for b in c.encode()) for c in parts.query)
    return parts._replace(netloc=netloc, path=path, query=query)


def _headers(at: SplitResult) -> list[tuple[bytes, bytes]]:
    return [
        (b"Host", at.netloc.encode()),
        (b"User-Agent", b"sso-workbench"),
        (b"Accept", b"application/samlmetadata+xml, application/xml, text/xml;q=0.9, */*;q=0.1"),
        (b"Accept-Encoding", b"gzip"),
        (b"Connection", b"close"),
    ]


def _next(at: SplitResult, headers: Iterable[tuple[bytes, bytes]]) -> SplitResult:
    """Where a redirect leads, if that may be followed."""
    location = next((v for n, v in headers if n.lower() == b"location"), b"").decode("latin-1")
    target = urljoin(at.geturl(), location)
    if not location or urlsplit(target).scheme not in ("https", "http"):
        raise FetchRefused(f"{at.geturl()} redirects to {target[:200]!r}, which is not https. Compare the address.")
    if urlsplit(target).scheme == "http" and (at.scheme == "https" or not is_here(target)):
        raise FetchRefused(f"{at.geturl()} redirects to {target[:200]}, which is not https. Compare the address.")
    return _address(target)


def _body(answer: httpcore.Response, at: SplitResult, most: int) -> Iterator[bytes]:
    if answer.status != 200:
        raise FetchRefused(f"{at.geturl()} answered with HTTP {answer.status}. Compare the address.")
    yield from _octets(answer, at, most)


def _octets(answer: httpcore.Response, at: SplitResult, most: int) -> Iterator[bytes]:
    """What comes, uncompressed, up to the bound."""
    coding = next((v for n, v in answer.headers if n.lower() == b"content-encoding"), b"").strip().lower()
    if coding not in (b"", b"identity", b"gzip", b"x-gzip"):
        raise FetchRefused(f"{at.geturl()} sends the document in an encoding that was not asked for.")
    length = 0
    for part in _inflated(answer.iter_stream(), at) if b"gzip" in coding else answer.iter_stream():
        length += len(part)
        if length > most:
            raise FetchRefused(f"{at.geturl()} has more than {most:,} bytes, which is the most that is read.")
        yield part


def _inflated(parts: Iterable[bytes], at: SplitResult) -> Iterator[bytes]:
    """Uncompressed, in pieces of at most 64 KiB whatever the ratio."""
    inflater = zlib.decompressobj(31)
    try:
        for part in parts:
            rest = part
            while rest and not inflater.eof:
                yield inflater.decompress(rest, 65_536)
                rest = inflater.unconsumed_tail
    except zlib.error as e:
        raise FetchRefused(f"{at.geturl()} sends a document whose compression is damaged. Try again.") from e


def _context() -> ssl.SSLContext:
    """TLS as the system trusts it. There is no way to switch the check off."""
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not made.cert_store_stats()["x509_ca"] and not ssl.get_default_verify_paths().capath:
        import certifi  # a machine without authorities of its own

        made.load_verify_locations(certifi.where())
    return made


def _reason(at: SplitResult, error: Exception) -> str:
    said = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in said:
        why = said.partition("failed: ")[2].partition(" (_ssl")[0] or "it is not trusted"
        return (
            f"The certificate of {at.hostname} cannot be trusted ({why}). Whoever stands between could put another "
            "document in its place: ask for the file instead."
        )
    if isinstance(error, httpcore.ConnectError):
        return f"{at.geturl()} could not be fetched: it does not answer ({said[:200]}). Compare the address."
    return f"{at.geturl()} could not be fetched ({said[:200]}). Compare the address, and try again."


# Addresses ------------------------------------------------------------------------------------------------------------


def _system_addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(f[4][0]) for f in found))


def _judge(host: str, literal: str, intranet: bool) -> None:
    """FetchRefused for an address that is never meant, Intranet for one that must be confirmed."""
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(literal.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    never = address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
    if never and not address.is_loopback:
        raise FetchRefused(f"{host} is {literal}, where no identity provider can be. Compare the address.")
    if not address.is_global and not intranet:
        raise Intranet(host, literal)


class _Checked(httpcore.NetworkBackend):
    """Connects to addresses that were judged, and lets nothing take longer than until the deadline."""

    def __init__(self, deadline: float, patience_s: float, intranet: bool, resolve: Resolve) -> None:
        self._deadline = deadline
        self._patience_s = patience_s
        self._intranet = intranet
        self._resolve = resolve
        self._sockets = httpcore.SyncBackend()

    def begin(self, patience_s: float) -> None:
        """Another request: its time begins now."""
        self._deadline = time.monotonic() + patience_s

    def left(self, timeout: float | None) -> float:
        """Seconds that an operation may take. TimeoutException where none are left."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is up")
        return left if timeout is None else min(left, timeout)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the host; to the first of its addresses, once all of them were judged."""
        try:
            literals = self._resolve(host, port)
        except (OSError, UnicodeError) as e:
            raise FetchRefused(f"The name {host} is not known. Compare the address.") from e
        for literal in literals:
            _judge(host, literal, self._intranet)
        if not literals:
            raise FetchRefused(f"The name {host} has no address. Compare it.")
        return _Timed(self._sockets.connect_tcp(literals[0], port, self.left(timeout)), self)


class _Timed(httpcore.NetworkStream):
    """A stream whose every step ends at the deadline: a server that sends one byte a second gains nothing."""

    def __init__(self, stream: httpcore.NetworkStream, backend: _Checked) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes."""
        return self._stream.read(max_bytes, self._backend.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send some bytes."""
        self._stream.write(buffer, self._backend.left(timeout))

    def close(self) -> None:
        """End it."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same under TLS; the certificate must be that of the name which was asked for."""
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._backend.left(timeout)), self._backend)

    def get_extra_info(self, info: str) -> Any:
        """What is known of the socket."""
        return self._stream.get_extra_info(info)
