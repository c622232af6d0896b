"""Messages sent as no ordinary client sends them: what is really on the wire, and what a silent server comes to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from simulator import Idp, SimulatorError, matching
from simulator.delivery import Delivery, deliver
from simulator.faults import DOOR


class Listener:
    """Takes one connection, keeps what it is sent within a moment, and answers `answer`."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/acs?x=1"
        self.received = b""
        self._thread = threading.Thread(target=self._serve, name="session-listener")
        self._thread.start()

    def _serve(self) -> None:
        sock, _ = self._socket.accept()
        with sock:
            sock.settimeout(0.3)
            try:
                while data := sock.recv(65_536):
                    self.received += data
            except TimeoutError:
                pass
            sock.sendall(self._answer)

    def close(self) -> None:
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    yield listener
    listener.close()


BODY = b"SAMLResponse=" + b"A" * 1000


@pytest.mark.parametrize(
    ("how", "holds", "lacks"),
    [
        (Delivery(), [b"POST /acs?x=1 HTTP/1.1\r\n", b"Content-Length: 1013\r\n", BODY], [b"Transfer"]),
        (Delivery(method="PUT", content_type=None), [b"PUT /acs"], [b"Content-Type"]),
        (Delivery(length="none"), [BODY], [b"Content-Length"]),
        (Delivery(length="negative"), [b"Content-Length: -1\r\n"], []),
        (Delivery(length="twice"), [b"Content-Length: 1013\r\nContent-Length: 1014\r\n"], []),
        (Delivery(length="long"), [b"Content-Length: 1213\r\n"], []),
        (Delivery(length="short"), [b"Content-Length: 813\r\n"], []),
        (
            Delivery(chunked=True),
            [b"Transfer-Encoding: chunked", b"\r\n3f5\r\n" + BODY + b"\r\n0\r\n\r\n"],
            [b"Length"],
        ),
        (Delivery(stalls=True), [BODY[: len(BODY) // 2]], [BODY]),
        (Delivery(host="evil.example", headers=(("X-A", "b"),)), [b"Host: evil.example\r\n", b"X-A: b\r\n"], []),
    ],
)
def test_what_is_on_the_wire(how: Delivery, holds: list[bytes], lacks: list[bytes], listener: Listener) -> None:
    assert deliver(listener.url, BODY, how) == 403
    assert [h for h in holds if h not in listener.received] == []
    assert [x for x in lacks if x in listener.received] == []


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-something\r\n", b"HTTP/1.1 999 \r\n\r\n"])
def test_no_answer_is_status_zero(answer: bytes) -> None:
    listener = Listener(answer)
    try:
        assert deliver(listener.url, BODY, Delivery()) == 0
    finally:
        listener.close()


def test_patience_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1, "session-silent") as pool:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert pool.submit(deliver, url, BODY, Delivery(), patience_s=0.3).result(5) == 0


def test_nobody_there_and_no_address_are_sentences() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SimulatorError, match=r"Nobody answers at 127\.0\.0\.1"):
        deliver(f"http://127.0.0.1:{port}/", BODY, Delivery())
    for url in ("file:///etc/hostname", "javascript:alert(1)", "https:///"):
        with pytest.raises(SimulatorError, match="no http or https address"):
            deliver(url, BODY, Delivery())


def test_only_faults_of_delivery_travel_oddly(idp: Idp) -> None:
    odd = {f.id for f in matching(["transport"]) if f.breaks in DOOR}
    assert len(odd) >= 14
    for fault in matching(["transport"]):
        issued = idp.issue("grace", "imagekit", faults=[fault.id])
        assert (issued.delivery is not None) == (fault.id in odd), fault.id
        assert not (issued.delivery is not None and issued.exact_form)
