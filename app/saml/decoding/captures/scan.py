"""Finds the messages that stand in a text: a log, a mail, a chat, several messages one after the other.

It reads none of them. Every search goes a window at a time and costs no more than the length of the text.
"""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from app.saml.decoding.captures.registry import WINDOW, marks, position, run_end
from app.saml.decoding.captures.secrets import carried_pairs, public_url

_MOST_FOUND: Final = 200
_MOST_TRIED: Final = 200_000
_LONGEST: Final = 1_572_864  # as long as a message may be; what is longer is left out

_ROOTS: Final = (
    rb"(?:Response|Assertion|AuthnRequest|LogoutRequest|LogoutResponse|ArtifactResponse|EntityDescriptor|"
    rb"EntitiesDescriptor|Envelope|RequestSecurityTokenResponse(?:Collection)?)"
)
_NAME: Final = rb"(?:[A-Za-z_][\w.\-]{0,40}:)?" + _ROOTS
_ROOT: Final = re.compile(
    rb"\s{0,64}(?:<\?xml[^>]{0,160}\?>\s{0,64})?(?:<!--[^>]{0,160}-->\s{0,64})?<" + _NAME + rb"[\s>/]"
)
_MARK: Final = re.compile(
    rb"(?P<field>\bSAML(?:Response|Request)=)"
    rb"|<(?P<xml>" + _NAME + rb")(?=[\s>/])"
    rb"|&lt;(?P<escaped>" + _NAME + rb")(?=&gt;|[\s/])"
    rb"|(?<![A-Za-z0-9+/=_%\-])(?P<text>[A-Za-z0-9+/_%\-]{60})"
)
_URIS: Final = (
    b"urn:oasis:names:tc:SAML:",
    b"http://schemas.xmlsoap.org/",
    b"http://www.w3.org/2003/05/soap-envelope",
    b"http://docs.oasis-open.org/ws-sx/",
)
_ENDS_FIELD: Final = re.compile(rb"[^\s'\"<>\\]*+")
_SEPARATOR: Final = b" \t\r\n'\"<>"
_TEXT: Final = re.compile(rb"[A-Za-z0-9+/_%=\-]*+")
_NEXT_LINE: Final = re.compile(rb"\r?\n[ \t]{0,8}(?:[>|][> |]{0,8})?([A-Za-z0-9+/_%=\-]++)(?=[ \t]{0,8}(?:\r?\n|\Z))")
_DECLARATION: Final = re.compile(rb"<\?xml[^>]{0,160}\?>\s{0,64}\Z")
_JSON_ESCAPE: Final = re.compile(rb'\\(?:u00([0-9A-Fa-f]{2})|([nrt])|(["/\\]))')
_CONTROL: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a text: where it stands, and what decode() is to read (b"": it only looked like one)."""

    begin: int
    end: int
    source: bytes
    repairs: tuple[str, ...] = ()


def find_messages(text: bytes) -> tuple[Message, ...]:
    """The messages of a text in order, at most 200, none inside another and none twice."""
    found: list[Message] = []
    known: set[bytes] = set()
    end = tried = 0
    for mark in marks(_MARK, text):
        if mark.start() < end:
            continue
        tried += 1
        if tried > _MOST_TRIED or len(found) >= _MOST_FOUND:
            break
        message = _READERS[mark.lastgroup or ""](text, mark, end)
        if message is None:
            continue
        end = message.end
        key = message.source.translate(None, b" \t\r\n")
        if key and key not in known and end - message.begin <= 3 * _LONGEST:
            known.add(key)
            found.append(message)
    return tuple(found)


def without_json_escapes(text: bytes) -> bytes | None:
    """A text whose messages are written with the escapes of JSON strings, without them; None where there are none."""
    if position(text, b"\\") < 0 or not any(position(text, sign) >= 0 for sign in _ESCAPED_SIGNS):
        return None
    parts = []
    at = 0
    while at < len(text):
        end = text.find(b"\n", at + WINDOW, at + 2 * WINDOW) + 1 or min(at + 2 * WINDOW, len(text))
        parts.append(_JSON_ESCAPE.sub(_unescaped, text[at:end]))
        at = end
    return b"".join(parts)


#: What only a message inside a JSON string shows: an escaped “<”, “+” or “&”, or the escaped quotation of xmlns.
_ESCAPED_SIGNS: Final = (b"\\u003c", b"\\u003C", b"\\u002b", b"\\u002B", b"\\u0026", b'=\\"urn:oasis:', b'=\\"http')


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes((int(found[1], 16),))
    return _CONTROL[found[2]] if found[2] else found[3]


# One kind of mark each ------------------------------------------------------------------------------------------------


def _field(text: bytes, mark: re.Match[bytes], after: int) -> Message | None:
    """A form body or an address: from the separator before it to the separator after it."""
    lowest = max(after, mark.start() - 16_384)
    before = text[lowest : mark.start()]
    begin = lowest + max(before.rfind(bytes((c,))) for c in _SEPARATOR) + 1
    end = run_end(_ENDS_FIELD, text, mark.end())
    if end - mark.end() < 20:
        return None
    whole = text[begin:end]
    address, question, query = whole.rpartition(b"?")
    kept = carried_pairs(query)
    if not kept:
        return Message(begin, end, b"")
    # Only what sign-on needs: a form may hold a password beside it, an address a session.
    source = public_url(address.decode("utf-8", "replace")).encode() + question + kept if question else kept
    return Message(begin, end, source)


def _element(text: bytes, mark: re.Match[bytes], _after: int) -> Message | None:
    """An XML document: from its start tag to the end tag that closes it, or to where the text ends."""
    begin, name = mark.start(), mark["xml"]
    tag_end = text.find(b">", begin, begin + 16_384)
    tag = text[begin : tag_end + 1]
    if tag_end < 0 or not any(uri in tag for uri in _URIS):
        return None
    end = tag_end + 1 if tag.endswith(b"/>") else _closed(text, name, tag_end + 1, b"<", b">")
    declaration = _DECLARATION.search(text, max(begin - 240, 0), begin)
    begin = declaration.start() if declaration else begin
    return Message(begin, end, text[begin:end])


def _escaped(text: bytes, mark: re.Match[bytes], _after: int) -> Message | None:
    """XML written with &lt; and &gt;, as pages and other XML show it."""
    begin = mark.start()
    tag_end = text.find(b"&gt;", begin, begin + 16_384)
    if tag_end < 0 or not any(uri in text[begin:tag_end] for uri in _URIS):
        return None
    end = _closed(text, mark["escaped"], tag_end + 4, b"&lt;", b"&gt;")
    return Message(begin, end, text[begin:end])


def _closed(text: bytes, name: bytes, at: int, opening: bytes, closing: bytes) -> int:
    """Where the element called `name` that is open at `at` is closed; the end of the text where it is not."""
    edge = re.compile(re.escape(opening) + rb"(/?)" + re.escape(name) + rb"(?=[\s>/&])")
    depth = 1
    last = min(len(text), at + 3 * _LONGEST)
    for begin in range(at, last, WINDOW):
        for found in edge.finditer(text, begin, min(begin + WINDOW + 160, last)):
            if found.start() >= begin + WINDOW:
                break
            depth += -1 if found[1] else 1
            if not depth:
                end = text.find(closing, found.end(), found.end() + 64)
                return end + len(closing) if end >= 0 else found.end()
    return last


def _encoded(text: bytes, mark: re.Match[bytes], _after: int) -> Message | None:
    """Base64, on one line or wrapped, that begins with a message, plain or deflated."""
    begin = mark.start()
    if not _begins_message(text, begin):
        return None
    end = run_end(_TEXT, text, begin)
    lines = [text[begin:end]]
    total = len(lines[0])
    wrapped = len(lines[0]) >= 40
    while wrapped and not lines[-1].endswith(b"=") and end - begin < 3 * _LONGEST:
        following = _NEXT_LINE.match(text, end, end + WINDOW)
        if following is None or len(following[1]) > len(lines[0]) + 4:
            break
        if following[1][:1] == b"P" and _ends_message(lines, total) and _begins_message(text, following.start(1)):
            break
        lines.append(following[1])
        total += len(following[1])
        end = following.end()
        wrapped = len(following[1]) >= len(lines[0]) - 4
    quoted = text[begin:end].count(b"\n>") + text[begin:end].count(b"\n|")
    if quoted:
        return Message(begin, end, b"\n".join(lines), ("quotation marks before the lines removed",))
    return Message(begin, end, text[begin:end])


def _begins_message(text: bytes, at: int) -> bool:
    """Whether base64 that begins here decodes to the beginning of a message, as it is or inflated."""
    head = text[at : at + 1_200].translate(None, b" \t\r\n>|")
    if b"%" in head:
        head = unquote_to_bytes(head[: head.rfind(b"%")] or head)
    head = _leading(head).replace(b"-", b"+").replace(b"_", b"/")
    head = head[: len(head) - len(head) % 4]
    try:
        data = binascii.a2b_base64(head)
    except binascii.Error:
        return False
    if data[:1] in (b"<", b"\xef", b" ", b"\n", b"\r"):
        return _ROOT.match(data.removeprefix(b"\xef\xbb\xbf")) is not None
    if data[:2] in (b"UE", b"PD", b"PH"):  # base64 of base64
        return _begins_message(data, 0) if len(data) < 1_000 else False
    for window in (-15, 31) if data[:2] == b"\x1f\x8b" else (-15, 15):
        try:
            if _ROOT.match(zlib.decompressobj(window).decompress(data, 600)):
                return True
        except zlib.error:
            continue
    return False


def _leading(data: bytes) -> bytes:
    return data[: _ALPHABET.match(data).end()]  # type: ignore[union-attr]  # it matches the empty string, too


_ALPHABET: Final = re.compile(rb"[A-Za-z0-9+/_\-]*+")


def _ends_message(lines: list[bytes], total: int) -> bool:
    """Whether base64 of `total` characters decodes to something that ends like XML, so that another may follow."""
    tail = b"".join(lines[-2:])[-40:]
    if total % 4 or len(tail) % 4:
        return False
    try:
        return binascii.a2b_base64(tail).rstrip().endswith(b">")
    except binascii.Error:
        return False


_READERS: Final = {"field": _field, "xml": _element, "escaped": _escaped, "text": _encoded}


def remainder(text: bytes, messages: tuple[Message, ...]) -> Iterator[bytes]:
    """What stands around the messages of a text."""
    at = 0
    for message in messages:
        yield text[at : message.begin]
        at = message.end
    yield text[at:]
