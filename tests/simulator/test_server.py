"""The server of any ASGI application: loopback only, bounded, leaving nothing behind."""

from __future__ import annotations

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from simulator import PortTaken, Server


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the path."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def test_it_listens_on_loopback_only_and_frees_the_port() -> None:
    server = Server(hello)
    port = server.start()
    assert server.port == port
    assert httpx.get(f"{server.url}/x").text == "/x"
    assert "server" not in httpx.get(server.url).headers
    assert not _answers(_own_address(), port)
    server.stop()
    assert not server.running
    assert not _answers("127.0.0.1", port)
    with Server(hello, port) as again:
        assert again.port == port


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def _own_address() -> str:
    """An address of this machine that is not loopback; the name's second loopback address where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        return str(probe.getsockname()[0])


def test_a_taken_port_is_a_sentence_and_never_another_port() -> None:
    with Server(hello) as first:
        assert first.port is not None
        with pytest.raises(PortTaken, match=f"Port {first.port} on 127.0.0.1 is taken"):
            Server(hello, first.port).start()
    with pytest.raises(PortTaken, match="70000 is no port"):
        Server(hello, 70_000).start()


def test_starting_and_stopping_twice_is_harmless() -> None:
    server = Server(hello)
    assert server.start() == server.start()
    server.stop()
    server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.url
    server.start()
    assert httpx.get(server.url).status_code == 200
    server.stop()


def test_headers_are_bounded() -> None:
    with Server(hello) as server, socket.create_connection(("127.0.0.1", server.port or 0), 5) as client:
        client.settimeout(5)
        try:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n")
            answer = client.recv(200)
        except ConnectionError:
            answer = b""
        assert b" 200 " not in answer


def test_a_head_that_grows_for_ever_is_refused_while_it_grows() -> None:
    with Server(hello) as server, socket.create_connection(("127.0.0.1", server.port or 0), 5) as client:
        client.settimeout(5)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        answer, sent = b"", 0
        try:
            while sent < 10_000_000 and not answer:
                client.sendall(b"X-%d: " % sent + b"a" * 990 + b"\r\n")
                sent += 1_000
                client.settimeout(0.002)
                with contextlib.suppress(TimeoutError):
                    answer = client.recv(200)
                client.settimeout(5)
        except ConnectionError:
            answer = b" 400 "
        assert b" 400 " in answer
        assert sent < 1_000_000


@pytest.mark.parametrize(
    "head",
    [
        b"GET http://127.0.0.1/ HTTP/1.1\r\nHost: x\r\n\r\n",  # an absolute target
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",  # line feeds alone
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",  # a blank before the colon
        b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",  # somebody speaks TLS
    ],
)
def test_what_two_readers_could_take_for_different_requests_is_refused(head: bytes) -> None:
    with Server(hello, patience_s=0.2) as server:
        with socket.create_connection(("127.0.0.1", server.port or 0), 5) as client:
            client.settimeout(5)
            client.sendall(head)
            answer = client.recv(4096)
            assert b" 200 " not in answer
            assert answer.startswith(b"HTTP/1.1 400 ") or not answer
        assert httpx.get(server.url).status_code == 200


def test_a_head_that_never_ends_is_hung_up_on() -> None:
    with Server(hello, patience_s=0.2) as server:
        for beginning in (b"", b"GET / HTTP/1.1\r\nHo", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /"):
            with socket.create_connection(("127.0.0.1", server.port or 0), 5) as client:
                client.settimeout(5)
                client.sendall(beginning)
                while client.recv(4096):
                    pass
        assert httpx.get(server.url).status_code == 200


def test_many_clients_at_once() -> None:
    with Server(hello) as server, ThreadPoolExecutor(16) as pool, httpx.Client() as client:
        answers = list(pool.map(lambda n: client.get(f"{server.url}/{n}").status_code, range(200)))
    assert set(answers) <= {200, 503}
    assert answers.count(200) > 100


def test_what_comes_beyond_the_connections_is_told_so() -> None:
    with Server(hello, connections=3) as server:
        held = [socket.create_connection(("127.0.0.1", server.port or 0), 5) for _ in range(3)]
        refused = httpx.get(server.url)
        for client in held:
            client.close()
        assert refused.status_code == 503
    with Server(hello, connections=300) as server:
        held = [socket.create_connection(("127.0.0.1", server.port or 0), 5) for _ in range(250)]
        assert httpx.get(server.url).status_code == 200
        for client in held:
            client.close()


def test_head_and_body_of_an_answer_travel_together() -> None:
    with Server(hello) as server, socket.create_connection(("127.0.0.1", server.port or 0), 5) as client:
        client.settimeout(5)
        for path in (b"/first", b"/second"):
            client.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            head, _, body = client.recv(4096).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert path in body


async def flood(scope: Any, receive: Any, send: Any) -> None:
    """Answers with more than fits into any buffer, piece by piece."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for n in range(200):
        await send({"type": "http.response.body", "body": bytes([n]) * 50_000, "more_body": n < 199})


def test_a_long_answer_arrives_whole_and_in_order() -> None:
    with Server(flood) as server:
        assert httpx.get(server.url).content == b"".join(bytes([n]) * 50_000 for n in range(200))
