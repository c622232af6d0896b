"""Metadata fetched over real TLS from servers that mean no good: each is refused in one sentence, and in time."""

from __future__ import annotations

import contextlib
import gzip
import ipaddress
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.fetching.address import FetchRefused, Intranet, _judge, fetch

NOW = datetime.now(UTC)
GOOD = b"<EntityDescriptor/>"
PUBLIC = "93.184.216.34"


def certificate(name, issuer=None, *, days=5, ca=False):
    """(certificate, key) for a host name, signed by `issuer` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, signed_by = issuer[1] if issuer else key, issuer[0].subject if issuer else subject
    begin = NOW - timedelta(days=10)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signed_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if ca:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = made.add_extension(usage, critical=True)
    return made.sign(signer, hashes.SHA256()), key


class TlsServer:
    """Answers every request with what `answer` writes to the connection."""

    def __init__(self, folder, pair, answer):
        made, key = pair
        file = folder / f"{id(self)}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        self.answer = answer
        self.asked = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(file)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            plain.settimeout(5)
            with contextlib.suppress(OSError), plain, self.context.wrap_socket(plain, server_side=True) as stream:
                self.asked.append(stream.recv(65536))
                self.answer(stream)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


def reply(body=GOOD, status="200 OK", *headers):
    def answer(stream):
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        stream.sendall("\r\n".join(head).encode() + body)

    return answer


@pytest.fixture(scope="module")
def authority():
    return certificate("Test authority", ca=True)


@pytest.fixture
def serve(authority, tmp_path, monkeypatch):
    """serve(answer) gives the address of a server whose certificate a trusted authority signed."""
    trusted = tmp_path / "authorities.pem"
    trusted.write_bytes(authority[0].public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    servers = []

    def start(answer, name="idp.test", *, pair=None):
        servers.append(TlsServer(tmp_path, pair or certificate(name, authority), answer))
        return f"https://idp.test:{servers[-1].port}/metadata"

    start.servers = servers
    yield start
    for server in servers:
        server.close()


@pytest.fixture
def public(monkeypatch):
    """As if 127.0.0.1 had a public address: names resolve to it, and connections to it arrive here."""
    connect = httpcore.SyncBackend.connect_tcp
    dialled = []

    def translated(self, host, port, *rest, **options):
        dialled.append(host)
        return connect(self, "127.0.0.1" if host == PUBLIC else host, port, *rest, **options)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", translated)
    return dialled


def here(_host, _port):
    return ["127.0.0.1"]


def outside(_host, _port):
    return [PUBLIC]


def test_a_document_is_fetched_over_tls_without_confirming_anything(serve, public):
    assert fetch(serve(reply()), resolve=outside) == GOOD
    assert public == [PUBLIC]
    head = serve.servers[0].asked[0]
    assert b"Host: idp.test:" in head
    assert b"Cookie" not in head
    assert b"Authorization" not in head


def test_a_private_address_must_be_confirmed(serve):
    url = serve(reply())
    with pytest.raises(Intranet) as caught:
        fetch(url, resolve=here)
    assert caught.value.host == "idp.test"
    assert serve.servers[0].asked == []
    assert fetch(url, resolve=here, intranet=True) == GOOD


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", Intranet),
        ("10.1.2.3", Intranet),
        ("192.168.0.1", Intranet),
        ("100.64.0.1", Intranet),
        ("::1", Intranet),
        ("fd00::1", Intranet),
        ("::ffff:127.0.0.1", Intranet),
        ("2002:7f00:1::", Intranet),
        ("169.254.169.254", FetchRefused),
        ("::ffff:169.254.169.254", FetchRefused),
        ("fe80::1%eth0", FetchRefused),
        ("224.0.0.1", FetchRefused),
        (str(ipaddress.IPv4Address(0)), FetchRefused),
        ("::", FetchRefused),
    ],
)
def test_addresses_that_are_no_public_ones(address, kind):
    with pytest.raises(kind):
        _judge("idp.test", address, False)
    if kind is FetchRefused:
        with pytest.raises(FetchRefused):
            _judge("idp.test", address, True)
    else:
        _judge("idp.test", address, True)
    assert ipaddress.ip_address(PUBLIC).is_global
    _judge("idp.test", PUBLIC, False)


def test_one_private_address_among_public_ones_is_enough(serve, public):
    with pytest.raises(Intranet):
        fetch(serve(reply()), resolve=lambda _h, _p: [PUBLIC, "10.0.0.1"])
    assert public == []


def test_the_address_that_was_judged_is_the_one_that_is_asked(serve, public):
    """A name service that answers otherwise the second time is never asked a second time."""
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    assert fetch(serve(reply()), resolve=lambda _h, _p: next(answers)) == GOOD
    assert public == [PUBLIC]


@pytest.mark.parametrize("what", ["self-signed", "wrong host", "expired"])
def test_a_certificate_that_cannot_be_trusted(what, serve, authority):
    pair = {
        "self-signed": lambda: certificate("idp.test"),
        "wrong host": lambda: certificate("other.test", authority),
        "expired": lambda: certificate("idp.test", authority, days=-1),
    }[what]()
    url = serve(reply(), pair=pair)
    with pytest.raises(FetchRefused, match="cannot be trusted") as caught:
        fetch(url, resolve=here, intranet=True)
    assert "ask for the file instead" in str(caught.value)


@pytest.mark.parametrize(
    "location",
    ["http://idp.test/", "http://127.0.0.1/", "file:///etc/hostname", "javascript:alert(1)", "ftp://idp.test/", ""],
)
def test_redirects_that_are_not_followed(location, serve):
    url = serve(reply(b"", "302 Found", f"Location: {location}"))
    with pytest.raises(FetchRefused, match="not https"):
        fetch(url, resolve=here, intranet=True)


def test_a_redirect_into_the_private_network_is_judged_anew(serve, public):
    url = serve(reply(b"", "302 Found", "Location: https://inner.test/"))
    with pytest.raises(Intranet, match=r"inner\.test"):
        fetch(url, resolve=lambda h, _p: [PUBLIC if h == "idp.test" else "10.0.0.5"])


def test_a_redirect_with_a_password_or_in_circles_ends(serve):
    url = serve(reply(b"", "302 Found", "Location: https://user:secret@idp.test/"))
    with pytest.raises(FetchRefused, match="password"):
        fetch(url, resolve=here, intranet=True)
    circle = serve(lambda stream: reply(b"", "302 Found", "Location: /again")(stream))
    with pytest.raises(FetchRefused, match="redirects more than 3 times"):
        fetch(circle, resolve=here, intranet=True)
    assert len(serve.servers[1].asked) == 4


def test_a_redirect_to_another_page_is_followed(serve):
    second = serve(reply())
    first = serve(reply(b"", "302 Found", f"Location: {second}"))
    assert fetch(first, resolve=here, intranet=True) == GOOD


@pytest.mark.parametrize("part", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"])
def test_a_server_that_sends_a_byte_now_and_then_gains_no_time(part, serve):
    def drip(stream):
        stream.sendall(part)
        for _ in range(100):
            stream.sendall(b"x")
            time.sleep(0.1)

    began = time.monotonic()
    with pytest.raises(FetchRefused, match="did not answer within 1 seconds"):
        fetch(serve(drip), resolve=here, intranet=True, patience_s=1)
    assert time.monotonic() - began < 5


def test_what_is_compressed_is_bounded_too(serve):
    bomb = gzip.compress(bytes(30_000_000))
    assert len(bomb) < 100_000
    with pytest.raises(FetchRefused, match="is the most that is read"):
        fetch(serve(reply(bomb, "200 OK", "Content-Encoding: gzip")), resolve=here, intranet=True)
    packed = reply(gzip.compress(GOOD), "200 OK", "Content-Encoding: gzip")
    assert fetch(serve(packed), resolve=here, intranet=True) == GOOD
    broken = reply(b"\x1f\x8bnonsense", "200 OK", "Content-Encoding: gzip")
    with pytest.raises(FetchRefused, match="damaged"):
        fetch(serve(broken), resolve=here, intranet=True)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply(bytes(6_000_000)), "is the most that is read"),
        (reply(b"", "404 Not Found"), "HTTP 404"),
        (reply(b"x", "200 OK", "Content-Encoding: br"), "not asked for"),
        (lambda stream: stream.sendall(b"nonsense\r\n\r\n"), "could not be fetched"),
        (lambda stream: stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"), "could not be fetched"),
    ],
)
def test_answers_that_are_no_document(answer, says, serve):
    with pytest.raises(FetchRefused, match=says):
        fetch(serve(answer), resolve=here, intranet=True)


@pytest.mark.parametrize(
    "url",
    [
        "", "idp.test", "ftp://idp.test/", "file:///etc/hostname", "http://idp.test/", "https://", "https:///x",
        "https://user:pw@idp.test/", "https://idp.test/a b", "https://idp.test/\n", "https://idp.test:99999/",
        "https://[::1/", "javascript:alert(1)", "https://" + "x" * 3000, "https://\udcff.test/",
    ],
)  # fmt: skip
def test_addresses_that_are_not_asked(url):
    def never(_host, _port):
        raise AssertionError("it was resolved")

    with pytest.raises(FetchRefused) as caught:
        fetch(url, resolve=never)
    assert str(caught.value).endswith(".")


def test_a_name_that_nobody_knows():
    def unknown(host, _port):
        raise socket.gaierror(-2, f"{host} is not known")

    with pytest.raises(FetchRefused, match="not known"):
        fetch("https://nowhere.test/", resolve=unknown)


def test_a_proxy_of_the_environment_is_not_asked(serve, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://user:secret@127.0.0.1:9/")
    assert fetch(serve(reply()), resolve=here, intranet=True) == GOOD
