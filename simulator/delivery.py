"""Sends one message over a raw socket, in ways that no ordinary client would. It follows nothing and keeps nothing."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from simulator.errors import SimulatorError

Length = Literal["exact", "none", "negative", "twice", "short", "long"]
_FORM: Final = "application/x-www-form-urlencoded"
_ANSWER_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How the octets travel.

    `length` is what Content-Length says of them ("none": there is no such field). `stalls`: the sender stops after the
    first half of the body and never goes on. `headers` are sent beside the ordinary ones; `host` None is the target's.
    """

    method: str = "POST"
    content_type: str | None = _FORM
    length: Length = "exact"
    chunked: bool = False
    stalls: bool = False
    host: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def deliver(url: str, body: bytes, how: Delivery, *, patience_s: float = 25.0) -> int:
    """The status of the answer, or 0 where the server hung up or said nothing within `patience_s` seconds.

    Raises:
        SimulatorError: the address is no web address, or nobody listens there.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SimulatorError(f"{url[:200]!r} is no http or https address.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    deadline = time.monotonic() + patience_s
    try:
        with _connected(parts.hostname, port, parts.scheme == "https", patience_s) as sock:
            half = len(body) // 2 if how.stalls else len(body)
            try:
                sock.sendall(_head(target, how.host or parts.netloc.rpartition("@")[2], body, how))
                sock.sendall(_chunks(body) if how.chunked else body[:half])
            except OSError:
                pass  # the server refuses while it is still being told; its answer may be there all the same
            return _status(sock, deadline)
    except ssl.SSLError as error:
        raise SimulatorError(f"{parts.netloc} cannot be reached over TLS: {error.reason or error}.") from error
    except OSError as error:
        raise SimulatorError(f"Nobody answers at {parts.netloc}: {error.strerror or error}.") from error


@contextlib.contextmanager
def _connected(host: str, port: int, tls: bool, patience_s: float) -> Iterator[socket.socket]:
    with socket.create_connection((host, port), timeout=patience_s) as plain:
        if not tls:
            yield plain
            return
        with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as wrapped:
            yield wrapped


def _head(target: str, host: str, body: bytes, how: Delivery) -> bytes:
    lines = [f"{how.method} {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    if how.content_type is not None:
        lines.append(f"Content-Type: {how.content_type}")
    size = len(body)
    lengths = {"exact": [size], "none": [], "negative": [-1], "twice": [size, size + 1]}
    lengths |= {"short": [max(0, size - 200)], "long": [size + 200]}
    if how.chunked:
        lines.append("Transfer-Encoding: chunked")
    else:
        lines += [f"Content-Length: {n}" for n in lengths[how.length]]
    lines += [f"{name}: {value}" for name, value in how.headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _chunks(body: bytes) -> bytes:
    pieces = [body[n : n + 4096] for n in range(0, len(body), 4096)]
    return b"".join(f"{len(p):x}\r\n".encode() + p + b"\r\n" for p in pieces) + b"0\r\n\r\n"


def _status(sock: socket.socket, deadline: float) -> int:
    received = b""
    while (left := deadline - time.monotonic()) > 0 and len(received) < _ANSWER_BYTES:
        sock.settimeout(left)
        try:
            data = sock.recv(4096)
        except OSError:
            return 0
        received += data
        found = re.match(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]", received)
        if found:
            return int(found.group(1))
        if not data:
            return 0
    return 0
