"""A directory's list over real TLS from servers that mean no good: refused by the rules that hold for metadata."""

from __future__ import annotations

import gzip
import json
import time

import pytest

from app.fetching.directory import DirectoryInside, DirectoryUnreachable, fetch_directory
from tests.fetching.test_address import (  # noqa: F401  fixtures
    PUBLIC,
    authority,
    certificate,
    here,
    outside,
    public,
    reply,
    serve,
)

ADA = {"userName": "ada@acme-media.test", "active": True}
LIST = json.dumps({"Resources": [ADA], "totalResults": 1}).encode()


def address(serve, answer, **options):  # noqa: F811
    return serve(answer, **options).replace("/metadata", "/scim/v2/Users")


def test_a_list_is_fetched_over_tls_with_the_key_in_a_header_only(serve, public):  # noqa: F811
    fetched = fetch_directory(address(serve, reply(LIST)) + "?key=s3cret", resolve=outside)
    assert fetched.people == 1
    assert "s3cret" not in fetched.source
    assert public == [PUBLIC]
    line, _, rest = serve.servers[0].asked[0].partition(b"\r\n")
    assert b"s3cret" not in line
    assert b"Authorization: Bearer s3cret" in rest
    assert rest.count(b"Accept:") == 1


def test_a_private_address_must_be_confirmed_before_anything_is_sent(serve):  # noqa: F811
    url = address(serve, reply(LIST))
    with pytest.raises(DirectoryInside, match="private network"):
        fetch_directory(url, key="s3cret", resolve=here)
    assert serve.servers[0].asked == []
    assert fetch_directory(url, key="s3cret", resolve=here, intranet=True).people == 1


@pytest.mark.parametrize("literal", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "224.0.0.1", "::"])
def test_where_no_directory_can_be_is_never_asked(literal):
    with pytest.raises(DirectoryUnreachable, match="no identity provider can be"):
        fetch_directory("https://directory.test/users", resolve=lambda _h, _p: [literal], intranet=True)


def test_one_private_address_among_public_ones_is_enough(serve, public):  # noqa: F811
    with pytest.raises(DirectoryInside):
        fetch_directory(address(serve, reply(LIST)), resolve=lambda _h, _p: [PUBLIC, "10.0.0.1"])
    assert public == []


def test_a_redirect_is_not_followed_because_the_key_would_go_with_it(serve):  # noqa: F811
    other = serve(reply(LIST))
    url = address(serve, reply(b"", "302 Found", f"Location: {other}"))
    with pytest.raises(DirectoryUnreachable, match="not followed"):
        fetch_directory(url, key="s3cret", resolve=here, intranet=True)
    assert serve.servers[0].asked == []


@pytest.mark.parametrize("what", ["self-signed", "wrong host"])
def test_a_certificate_that_cannot_be_trusted(what, serve, authority):  # noqa: F811
    pair = certificate("idp.test") if what == "self-signed" else certificate("other.test", authority)
    with pytest.raises(DirectoryUnreachable, match="cannot be trusted"):
        fetch_directory(address(serve, reply(LIST), pair=pair), resolve=here, intranet=True)


def test_a_server_that_drips_gains_no_time(serve):  # noqa: F811
    def drip(stream):
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n")
        for _ in range(100):
            stream.sendall(b" ")
            time.sleep(0.1)

    began = time.monotonic()
    with pytest.raises(DirectoryUnreachable, match="did not answer within 1 seconds"):
        fetch_directory(address(serve, drip), resolve=here, intranet=True, patience_s=1)
    assert time.monotonic() - began < 5


def test_pages_are_bounded_also_where_they_are_compressed(serve):  # noqa: F811
    bomb = reply(gzip.compress(bytes(40_000_000)), "200 OK", "Content-Encoding: gzip")
    with pytest.raises(DirectoryUnreachable, match="the most that is read"):
        fetch_directory(address(serve, bomb), resolve=here, intranet=True)
    packed = reply(gzip.compress(LIST), "200 OK", "Content-Encoding: gzip")
    assert fetch_directory(address(serve, packed), resolve=here, intranet=True).people == 1


def test_the_next_page_is_looked_for_on_the_same_server_only(serve):  # noqa: F811
    for link in ("https://elsewhere.test/users?$skip=1", "https://[::1", "//elsewhere.test/users"):
        page = json.dumps({"value": [{"mail": "ada@acme-media.test"}], "@odata.nextLink": link}).encode()
        url = serve(reply(page)).replace("/metadata", "/users")
        with pytest.raises(DirectoryUnreachable):
            fetch_directory(url, resolve=here, intranet=True)


@pytest.mark.parametrize(
    "url",
    [
        "", "directory.test/users", "ftp://directory.test/users", "http://directory.test/users", "https://[::1/users",
        "https://user:secret@directory.test/users", "https://directory.test:99999/users", "https:///users",
        "https://directory.test/a b/users", "https://directory.test/" + "x" * 3000 + "/users",
    ],
)  # fmt: skip
def test_addresses_that_are_not_asked(url):
    def never(_host, _port):
        raise AssertionError("it was resolved")

    with pytest.raises(DirectoryUnreachable) as caught:
        fetch_directory(url, resolve=never)
    assert str(caught.value).endswith(".")
    with pytest.raises(DirectoryUnreachable):
        fetch_directory("https://directory.test/users", key="two\r\nlines", resolve=never)


def test_a_proxy_of_the_environment_does_not_get_the_key(serve, monkeypatch):  # noqa: F811
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://user:secret@127.0.0.1:9/")
    assert fetch_directory(address(serve, reply(LIST)), key="k", resolve=here, intranet=True).people == 1
