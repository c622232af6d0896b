"""app.saml.decoding.captures.scan: messages in texts, each whole, each once, whatever is around them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.saml.decoding import decode
from app.saml.decoding.captures.registry import WINDOW
from app.saml.decoding.captures.scan import find_messages, remainder, without_json_escapes
from tests.saml.recordings import CANARY, REQUEST, SSO_URL, XML, b64, deflated, other, quoted

LOG = b"2026-11-23 20:36:00,123 DEBUG [exec-7] saml2 - request id=7f3a9c2e-1b4d-4c8e-9f00-aabbccddeeff took 13 ms\n"


def wrapped(data: bytes, width: int = 76, prefix: str = "", end: str = "\n") -> str:
    text = b64(data)
    return end.join(prefix + text[i : i + width] for i in range(0, len(text), width)) + end


def read(text: bytes | str) -> list[bytes]:
    data = text if isinstance(text, bytes) else text.encode()
    return [decode(m.source).data for m in find_messages(data)]


@pytest.mark.parametrize(
    "written",
    [
        XML.decode(),
        '<?xml version="1.0"?>\n' + XML.decode(),
        b64(XML),
        wrapped(XML),
        wrapped(XML, 64, end="\r\n"),
        wrapped(XML, prefix="> "),
        wrapped(XML, prefix="    "),
        deflated(XML),
        quoted(b64(XML)),
        b64(b64(XML).encode()),
        f"SAMLResponse={quoted(b64(XML))}&RelayState=abc",
        f"https://sp.example/acs?SAMLResponse={quoted(deflated(XML))}",
        f'"SAMLResponse": "{b64(XML)}"',
        f"SAMLResponse => '{b64(XML)}',",
        XML.decode().replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    ],
)
@pytest.mark.parametrize("around", [b"", LOG * 20, LOG * 5_000])
def test_a_message_is_found_whole(written: str, around: bytes) -> None:
    text = around + b"got: " + written.encode() + b"\n" + around
    found = read(text)
    assert [d.removeprefix(b'<?xml version="1.0"?>\n') for d in found] == [XML]


@pytest.mark.parametrize("shift", [-3000, -300, -60, -10, -3, 0, 1])
@pytest.mark.parametrize("written", [XML, b64(XML).encode(), f"SAMLResponse={quoted(b64(XML))}".encode()])
def test_a_message_across_two_windows_is_found(written: bytes, shift: int) -> None:
    before = (LOG * (WINDOW // len(LOG) + 1))[: WINDOW + shift - 1] + b"\n"
    assert read(before + written + b"\n") == [XML]


def test_several_messages_stand_apart() -> None:
    for separator in ("\n", "\n\n", "\n--\n", f"\n{LOG.decode()}"):
        text = separator.join([b64(XML), other(1).decode(), wrapped(other(2)), SSO_URL])
        assert read(text) == [XML, other(1), other(2), REQUEST]


def test_wrapped_messages_follow_each_other_without_a_blank_line() -> None:
    assert read(wrapped(XML) + wrapped(other(1)) + wrapped(other(22))) == [XML, other(1), other(22)]


def test_a_message_in_a_message_is_a_part_of_it() -> None:
    inside = XML.replace(
        b"</samlp:Response>", b"<samlp:Extensions>" + other(1) + b"</samlp:Extensions></samlp:Response>"
    )
    assert read(LOG + inside) == [inside]


def test_a_form_with_two_messages_is_one_form() -> None:
    form = f"SAMLResponse={quoted(b64(XML))}&SAMLResponse={quoted(b64(other(1)))}"
    (found,) = find_messages(form.encode())
    assert "encoding-param-single" in {p.check for p in decode(found.source).problems}


def test_the_same_message_twice_counts_once() -> None:
    assert read(f"{b64(XML)}\n\n{wrapped(XML)}") == [XML]


def test_a_cut_message_goes_to_the_end() -> None:
    (found,) = find_messages(LOG + XML[:900])
    assert found.source == XML[:900]


def test_secrets_beside_a_message_are_left_behind() -> None:
    text = f"POST body: user=ada&password={CANARY}&{SSO_URL.partition('?')[2]}&session={CANARY} done"
    (found,) = find_messages(text.encode())
    assert CANARY.encode() not in found.source
    assert decode(found.source).data == REQUEST


@pytest.mark.parametrize(
    "text",
    [
        LOG * 100,
        b"<Response>an XML of somebody else</Response>",
        b"<Assertion xmlns='urn:other'/>",
        b"SAMLResponse=",
        b"SAMLResponse=short",
        b"xSAMLResponse=" + b"A" * 100,
        b"PHNhbWxw",
        b64(bytes(range(256)) * 4).encode(),
        b64(b"<html>" + b"x" * 300).encode(),
        b"-----BEGIN CERTIFICATE-----\n" + wrapped(bytes(range(256)) * 4).encode(),
    ],
)
def test_what_is_no_message_is_none(text: bytes) -> None:
    assert find_messages(text) == ()


def test_what_stands_around_is_the_rest() -> None:
    text = b"before " + XML + b" between " + b64(other(1)).encode() + b" after"
    assert b"|".join(remainder(text, find_messages(text))) == b"before | between | after"


def test_json_escapes_are_taken_off_where_a_message_has_them() -> None:
    line = '{"m":"' + XML.decode().replace('"', '\\"').replace("<", "\\u003c").replace("\n", "\\n") + '"}\n'
    unescaped = without_json_escapes(line.encode())
    assert unescaped is not None
    assert read(unescaped) == [XML]
    assert without_json_escapes(b'{"a": "C:\\\\temp\\\\x"}') is None
    assert without_json_escapes(LOG) is None


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_surroundings_hide_a_message_or_raise(before: bytes, after: bytes) -> None:
    find_messages(before + after)
    found = find_messages(before + b"\n\n" + XML + b"\n\n" + after)
    spans = [(m.begin, m.end) for m in found]
    assert spans == sorted(spans)
    if b"<" not in before and b"=" not in before:
        assert any(m.source.endswith(XML) for m in found)


@pytest.mark.parametrize(
    "unit",
    [
        b"A",
        b"<",
        b"%25",
        b"[[[[",
        b"SAMLResponse=",
        b"SAMLResponse=&",
        b"<Response ",
        b"&lt;Response ",
        b"P" * 59 + b" ",
        b"<Response x='urn:oasis:names:tc:SAML:'>",
        b"&lt;Response urn:oasis:names:tc:SAML:&gt;",
        b64(XML)[:76].encode() + b"\n",
        b"> " + b64(XML)[:76].encode() + b"\n",
        b64(XML)[:100].encode() + b" ",
        b"<?xml ?>",
        b"\n",
        b"PHNh",
        b"?SAMLRequest=x ",
    ],
)
def test_it_is_linear(unit: bytes) -> None:
    text = unit * (5_000_000 // len(unit))
    start = time.process_time()
    find_messages(text)
    assert time.process_time() - start < 3
