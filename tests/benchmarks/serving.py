"""Identity providers as processes of their own, many logins asked of them at once, and what those cost."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

from tests.interop import peers
from tests.interop.peers.node import NODE

ROOT = Path(__file__).parents[2]
SP = "https://imagekit.io/saml/consume"


@dataclass
class Served:
    """A server. `answer` is the request that a signed login answers, as octets; `key` opens the portal."""

    process: subprocess.Popen[str]
    port: int
    answer: bytes = b""
    key: str = ""

    def cpu(self) -> float:
        """CPU seconds of the process and its threads so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def get(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode()

    def post(self, path: str, fields: dict[str, str]) -> bytes:
        body = urlencode(fields)
        return (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Length: {len(body)}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
        ).encode()


def request_query() -> str:
    """An AuthnRequest, by redirect."""
    xml = (
        '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
        'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_0123456789abcdef" Version="2.0" '
        f'IssueInstant="{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}" AssertionConsumerServiceURL="{SP}">'
        f"<saml:Issuer>{SP}</saml:Issuer></samlp:AuthnRequest>"
    )
    return urlencode({"SAMLRequest": base64.b64encode(zlib.compress(xml.encode())[2:-4]).decode(), "RelayState": "x"})


@contextmanager
def samlp() -> Iterator[Served]:
    """npm samlp behind node's http."""
    certificate, key = peers.make_key(datetime.now(UTC))
    job = {
        "idp": "https://idp.peer.test/", "sp": SP, "acs": SP, "certificates": [certificate], "key": key,
        "signed": "assertion", "nameId": "ada@acme-media.test",
        "claims": {"imagekit_id": "ik_7x2k", "full_name": "Ada Lindqvist", "imagekit_role": "developer"},
    }  # fmt: skip
    process = subprocess.Popen(
        ["node", "serve-samlp.js"], cwd=NODE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            process.stdin.write(json.dumps(job))
            process.stdin.close()
            served = Served(process, int(process.stdout.readline()))
            served.answer = served.get(f"/sso?{request_query()}")
            yield served
        finally:
            process.terminate()


@contextmanager
def idp_serve(home: Path, *options: str) -> Iterator[Served]:
    """`idp serve`, with somebody about to log in who has come with an AuthnRequest."""
    command = [sys.executable, "-m", "app", "idp", "serve", "--port", "0", "--format", "json"]
    process = subprocess.Popen(
        [*command, "--sp-entity-id", SP, "--acs-url", SP, *options], cwd=ROOT, text=True,
        env={**os.environ, "SSO_WORKBENCH_HOME": str(home)}, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    with process:
        try:
            told = json.loads(process.stdout.readline())
            served = Served(process, int(re.findall(r":(\d+)", told["portal"])[0]))
            served.key = told["portal"].partition("key=")[2]
            page = asyncio.run(ask(served.port, [served.get(f"/sso?{request_query()}&key={served.key}")], at_once=1))[0]
            served.answer = served.post("/sso", {"token": token_in(page), "user": "ada"})
            yield served
        finally:
            process.terminate()


async def ask(port: int, requests: list[bytes], *, at_once: int) -> list[bytes]:
    """The bodies that answer the requests, over so many connections at once, each kept open for its next request."""
    left, bodies = list(requests), []

    async def work(connection: Connection) -> None:
        while left:
            bodies.append(await connection.ask(left.pop()))
        await connection.close()

    connections = await asyncio.gather(*(Connection.open(port) for _ in range(at_once)))
    await asyncio.gather(*(work(c) for c in connections))
    return bodies


@dataclass
class Connection:
    """A keep-alive connection of a client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        return await (self.reader.readexactly(int(length[1])) if length else _chunks(self.reader))

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def log_in_at_once(served: Served, people: int) -> list[bytes]:
    """So many people log in at once, each with an AuthnRequest of their own: the pages with the responses."""
    connections = await asyncio.gather(*(Connection.open(served.port) for _ in range(people)))

    async def log_in(connection: Connection) -> bytes:
        page = await connection.ask(served.get(f"/sso?{request_query()}&key={served.key}"))
        answer = await connection.ask(served.post("/sso", {"token": token_in(page), "user": "ada"}))
        await connection.close()
        return answer

    return await asyncio.gather(*(log_in(c) for c in connections))


def token_in(page: bytes) -> str:
    found = re.search(rb'name="token" value="([^"]+)"', page)
    assert found is not None, page[-600:].decode()
    return found[1].decode()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).strip(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body


def spent(served: Served, logins: int, *, at_once: int = 8) -> tuple[float, float]:
    """Seconds and CPU seconds of the server for one signed login of many."""
    cpu, start = served.cpu(), time.perf_counter()
    bodies = asyncio.run(ask(served.port, [served.answer] * logins, at_once=at_once))
    seconds = time.perf_counter() - start
    assert len(bodies) == logins
    assert all(b"SAMLResponse" in b for b in bodies)
    return seconds / logins, (served.cpu() - cpu) / logins
