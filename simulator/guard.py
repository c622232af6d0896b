"""What the web servers of the simulator refuse before any routing, and the headers of every answer. It has no pages."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY: Final = 1_572_864
_MAX_HEADERS: Final = 64
_MAX_AT_ONCE: Final = 64 * MAX_BODY
_BODY_SECONDS: Final = 10


class Guard:
    """Refuses what our clients never cause: a foreign Host (DNS rebinding), odd targets, other methods, chunks."""

    def __init__(self, app: ASGIApp, methods: tuple[str, ...] = ("GET", "HEAD", "POST")) -> None:
        self._app = app
        self._methods = methods
        self._expected = 0  # octets of the bodies that are being received and worked on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refusal = _refusal(scope, self._methods)
        length = 0 if refusal is not None else _length(scope)
        if self._expected + length > _MAX_AT_ONCE:
            refusal = 503, "Too much is being sent at once. Try again in a moment."
        if refusal is not None:
            status, text = refusal
            response = PlainTextResponse(
                text, status_code=status, headers={**security_headers("default-src 'none'"), "connection": "close"}
            )
            await response(scope, receive, send)
            return
        self._expected += length
        try:
            await self._app(scope, _bounded(receive), send)
        finally:
            self._expected -= length


def _refusal(scope: Scope, methods: tuple[str, ...]) -> tuple[int, str] | None:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    hosts = [v for n, v in headers if n == b"host"]
    server = scope.get("server") or ("", 0)
    port = server[1]
    allowed = {f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"}
    if len(headers) > _MAX_HEADERS:
        return 431, "Too many header fields."
    if len(hosts) != 1 or hosts[0].decode("latin-1") not in allowed:
        return 421, "This server answers on its loopback address only."
    if not scope["path"].startswith("/"):
        return 400, "The target must be a path."
    if scope["method"] not in methods:
        return 405, f"Only {', '.join(methods)} are answered."
    if any(n == b"transfer-encoding" for n, _ in headers):
        return 411, "Send the body with a Content-Length."
    length = _length(scope)
    if not 0 <= length <= MAX_BODY:
        return 413, f"The body may have {MAX_BODY} octets."
    return None


def _length(scope: Scope) -> int:
    """The Content-Length, 0 where there is none, and -1 where it is no number of octets."""
    length = next((v for n, v in scope["headers"] if n == b"content-length"), b"0")
    return int(length) if length.isdigit() and len(length) < 20 else -1


def _bounded(receive: Receive) -> Receive:
    """Ends a body that comes too slowly or is longer than it said."""
    total = 0

    async def bounded() -> Message:
        nonlocal total
        try:
            async with asyncio.timeout(_BODY_SECONDS):  # wait_for() would make a task for each message
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        total += len(message.get("body", b""))
        return {"type": "http.disconnect"} if total > MAX_BODY else message

    return bounded


def security_headers(policy: str) -> dict[str, str]:
    """The headers of every answer, with this content security policy (CSP level 3)."""
    return {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
        "x-frame-options": "DENY",
    }
