"""Serves any ASGI application on 127.0.0.1 from a thread of its own. It knows nothing of SAML."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulator.errors import PortTaken

Asgi = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]

_HEADER_BYTES: Final = 16_384
_CONNECTIONS: Final = 64
_BACKLOG: Final = 1_024  # of connections that wait to be taken; the system has a bound of its own
_PATIENCE_S: Final = 10.0


class _Joined(asyncio.Transport):
    """A transport that sends what is written in one turn of the event loop at once.

    uvicorn writes the head and the body of an answer apart, and each of them would be a system call and a packet.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []

    def write(self, data: Any) -> None:
        if not self._written:
            self._loop.call_soon(self._send)
        self._written.append(bytes(data))

    def _send(self) -> None:
        if self._written:
            written, self._written = self._written, []
            self._transport.write(b"".join(written))

    def close(self) -> None:
        self._send()
        self._transport.close()

    def abort(self) -> None:
        self._written.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol with the bounds that it lacks: how long a head may be, how long it and its body may take.

    By itself it keeps whatever comes as a head, waits for ever for the rest, takes a whole address for a path, and asks
    for no Host (RFC 9112 §3.2).
    """

    patience_s = _PATIENCE_S
    _watch: asyncio.TimerHandle | None = None
    _seen: object = None
    _received = 0  # octets of this connection
    _head: int | None = None  # what was received with the beginning of a head that is incomplete; None between heads

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(_Joined(transport, self.loop))
        self._watch = self.loop.call_later(self.patience_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        if self._head is not None and self._received - self._head > _HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("The header fields are too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = self._received

    def on_headers_complete(self) -> None:
        self._head = None
        version, hosts = self.parser.get_http_version(), sum(name == b"host" for name, _ in self.headers)
        wanted = {"1.1": (1,), "1.0": (0, 1)}.get(version, ())
        if not self.url.startswith(b"/") or hosts not in wanted:
            raise ValueError("a target that is no path, or not one Host")  # what is raised here is answered by 400
        super().on_headers_complete()

    def _look(self) -> None:
        """Hangs up where, since the last look, no new request began and none is being answered."""
        if self.transport.is_closing():
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        receiving = answering and self.cycle.more_body
        now = (self.cycle, self._received if receiving else 0, receiving)
        if (not answering and self.cycle is self._seen) or (receiving and now == self._seen):
            self.transport.close()
            return
        self._seen = now if receiving else self.cycle
        self._watch = self.loop.call_later(self.patience_s, self._look)


class _Uvicorn(uvicorn.Server):
    """uvicorn.Server that tells when it listens and when it could not."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class Server:
    """One ASGI application on a port of 127.0.0.1 (0: any free port). start() and stop() may be called again.

    Bounds: `connections` at once (what comes beyond them is answered 503), 16 KiB of headers, `patience_s` seconds
    without any progress of a request. The size of bodies is bounded by the application.
    """

    def __init__(
        self, app: Asgi, port: int = 0, *, patience_s: float = _PATIENCE_S, connections: int = _CONNECTIONS
    ) -> None:
        self._app = app
        self._connections = connections
        self._protocol: type[_Protocol] = type("_Protocol", (_Protocol,), {"patience_s": patience_s})
        self._wanted = port
        self._server: _Uvicorn | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None
        self.port: int | None = None

    @property
    def url(self) -> str:
        """The address without a trailing slash.

        Raises:
            RuntimeError: the server is not running.
        """
        if self.port is None:
            raise RuntimeError("The server is not running.")
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the thread serves."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> int:
        """Listens, starts the thread, and returns the port once requests are answered.

        Raises:
            PortTaken: another program has the port; it is never moved silently, because metadata names it.
        """
        if self.running:
            assert self.port is not None
            return self.port
        _allow_files(self._connections)
        self._socket = _listen(self._wanted)
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(
            _bounded(self._app),
            http=self._protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            log_level="error",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=self._connections,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=2,
        )
        self._server = _Uvicorn(config)
        self._thread = threading.Thread(
            target=self._serve, args=(self._server, self._socket), name="sso-web", daemon=True
        )
        self._thread.start()
        while not self._server.listening.wait(0.05):
            if not self._thread.is_alive():
                self.stop()
                raise PortTaken("The web server ended before it could answer.")
        return self.port

    @staticmethod
    def _serve(server: _Uvicorn, sock: socket.socket) -> None:
        server.run(sockets=[sock])

    def stop(self) -> None:
        """Ends the thread and frees the port. Does nothing where it does not run."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)
            if self._thread.is_alive() and self._server is not None:
                self._server.force_exit = True
                self._thread.join(5)
        if self._socket is not None:
            self._socket.close()
        self._server = self._thread = self._socket = None
        self.port = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()


def _bounded(app: Asgi) -> Asgi:
    """The application behind the bound on headers: the protocol holds its own only while a head is incomplete."""

    async def bounded(
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if scope["type"] == "http" and sum(len(n) + len(v) for n, v in scope["headers"]) > _HEADER_BYTES:
            headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 431, "headers": headers})
            await send({"type": "http.response.body", "body": b"The header fields are too long."})
            return
        await app(scope, receive, send)

    return bounded


def _allow_files(connections: int) -> None:
    """Each connection is an open file, of which a process may have few at first and more where it asks."""
    if sys.platform != "win32":
        import resource

        wanted = connections + 256
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))


def _listen(port: int) -> socket.socket:
    # asyncio switches Nagle off only where the protocol is named; otherwise each answer waits 40 ms for an ACK.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform == "win32":
            # There SO_REUSEADDR would let another program take over a port that is in use.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except (OSError, OverflowError) as error:
        sock.close()
        if isinstance(error, OverflowError):
            raise PortTaken(f"{port} is no port. Choose one from 1024 to 65535, or 0 for any free one.") from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise PortTaken(f"This user may not listen on port {port}. Choose one above 1023.") from error
        raise PortTaken(
            f"Port {port} on 127.0.0.1 is taken by another program. Stop that program or choose another port."
        ) from error
    return sock
