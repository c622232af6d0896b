"""The codecs of the SAML bindings (base64, percent-encoding, raw DEFLATE), bounded and with every deviation told.

They do not know where the bytes came from; app.saml.decoding decides what a deviation means there.
"""

from __future__ import annotations

import binascii
import re
import zlib
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from app.saml.errors import Problem
from app.saml.tail import how_far, usual_limit
from app.saml.xmlbytes import size_problem

_STRICT: Final = re.compile(rb"[A-Za-z0-9+/]*={0,2}\Z")
_FOREIGN: Final = re.compile(rb"[^A-Za-z0-9+/]")
_ESCAPE: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
_INNER_BLANK: Final = re.compile(rb"\S[ \t]+\S")
_BLANK: Final = b"\r\n\t "
_TRAILING: Final = re.compile(rb"([A-Za-z0-9+/\-_]{2,}={1,2})([^=].*|=+.*)\Z", re.DOTALL)


COMPRESSED_FOR_POST: Final = Problem(
    "encoding-binding-match",
    "The message is compressed. HTTP-POST carries plain base64; compression is for HTTP-Redirect.",
    "base64 of the XML",
    "deflated, then base64",
)


def looks_like_xml(data: bytes) -> bool:
    """Whether bytes begin like an XML document, byte order mark and blanks aside."""
    return data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def is_text(data: bytes) -> bool:
    """Whether bytes are UTF-8 that begins without control characters; compressed ones are not, but by rare chance."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(c >= " " or c in "\t\r\n" for c in text[:400])


@dataclass(frozen=True, slots=True)
class Base64:
    """Decoded base64. `notes` are harmless (blanks), `faults` are what a strict reader refuses, as clauses."""

    data: bytes
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def problem(self) -> Problem | None:
        """The finding of encoding-base64-strict, or None."""
        if not self.faults:
            return None
        message = f"The base64 is not clean: {'; '.join(self.faults)}. Strict service providers refuse it."
        return Problem("encoding-base64-strict", message, "RFC 4648 base64 with padding", "; ".join(self.faults)[:300])


def read_base64(text: bytes) -> Base64 | None:
    """Decode base64 (RFC 4648 §4) and tell every deviation; None where the text is no base64 at all."""
    if (clean := clean_base64(text)) is not None:
        return Base64(clean)
    received = text
    text = text.strip()
    # A glance at the beginning saves the work of cleaning a megabyte of something else.
    if len(_FOREIGN.findall(text[:256].translate(None, _BLANK + b"-_").rstrip(b"="))) > 64:
        return None
    compact = text.translate(None, _BLANK)
    if len(compact) < 4:
        return None
    notes: list[str] = []
    if compact != text:
        if b"\n" in text or b"\r" in text:
            notes.append("line breaks inside base64")
        if _INNER_BLANK.search(text):
            notes.append("blanks inside base64")
    if len(compact) % 4 == 0 and _STRICT.match(compact):
        found = binascii.a2b_base64(compact)
        if "blanks inside base64" not in notes or b"+" in compact or _plausible(found):
            return Base64(found, tuple(notes))
    blanks = "blanks inside base64" in notes or len(compact) % 4 == 3
    if blanks and b"+" not in compact and (plus := _with_plus(received)) is not None:
        others = tuple(n for n in notes if n != "blanks inside base64")
        clause = "“+” has become a blank, as mail and chat programs do; put “+” back where the blanks are"
        return Base64(plus, others, (clause,))
    return _repaired(compact, tuple(notes))


def clean_base64(text: bytes) -> bytes | None:
    """The bytes of base64 that is complete and holds nothing else, not even a line break; None for any other text."""
    # Three of the padding after a whole group pass the strict decoder of Python.
    if len(text) < 4 or len(text) % 4 or text.endswith(b"==="):
        return None
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return None


def _plausible(data: bytes) -> bool:
    """Whether decoded bytes can be what was encoded: XML in UTF-8, or something deflated."""
    if looks_like_xml(data):
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True
    return inflate(data, 1 << 20).complete


def _with_plus(text: bytes) -> bytes | None:
    """The text decoded with “+” for every blank, if that makes sense of it.

    XML ends with “>”, so its base64 often ends with “+”: that blank is at the end, where copying cuts it off.
    """
    joined = b"".join(line.strip(b"\r\n\t") for line in text.splitlines()).replace(b" ", b"+")
    for candidate in (joined, joined.strip(b"+") + b"+"):
        if len(candidate) % 4 == 0 and _STRICT.match(candidate):
            found = binascii.a2b_base64(candidate)
            if _plausible(found) and (found.rstrip().endswith(b">") or not looks_like_xml(found)):
                return found
    return None


def _repaired(text: bytes, notes: tuple[str, ...]) -> Base64 | None:
    """Base64 with something wrong in it: the URL alphabet, foreign characters, bad padding, something after the end."""
    faults: list[str] = []
    if (b"-" in text or b"_" in text) and b"+" not in text and b"/" not in text:
        text = text.replace(b"-", b"+").replace(b"_", b"/")
        faults.append("it is written in the URL alphabet; replace “-” by “+” and “_” by “/”")
    if trailing := _TRAILING.match(text):
        text = trailing[1]
        faults.append(f"{len(trailing[2]):,} characters follow the padding “=” that ends it; remove them")
    body = text.rstrip(b"=")
    padding = len(text) - len(body)
    foreign = _FOREIGN.findall(body)
    if foreign:
        if len(foreign) * 10 > len(body):
            return None
        where = body.index(foreign[0]) + 1
        shown = foreign[0].decode("ascii", "replace") if foreign[0].isascii() else "a character outside ASCII"
        body = _FOREIGN.sub(b"", body)
        faults.append(f"{len(foreign):,} characters do not belong to base64, the first “{shown}” at position {where:,}")
    if len(body) < 4:
        return None
    wanted = -len(body) % 4
    if wanted == 3:  # a single character of a group of four holds six bits, which is no byte
        body = body[:-1]
        wanted = 0
        data = binascii.a2b_base64(body)
        faults.append(
            f"it ends in the middle of a group after {len(text):,} characters, so its end is missing; copy the whole "
            f"value, from the form field or the network log instead of a shortened display{_what_is_there(text, data)}"
        )
        return Base64(data, notes, tuple(faults))
    data = binascii.a2b_base64(body + b"=" * wanted)
    if padding != wanted:
        cut = looks_like_xml(data) and not data.rstrip().endswith(b">")
        faults.append(
            f"it ends in the middle, after {len(text):,} characters; copy the whole value, from the form field or the "
            f"network log instead of a shortened display{_what_is_there(text, data)}"
            if cut
            else f"the padding is wrong: it must end with {wanted} “=”, and ends with {padding}"
        )
    return Base64(data, notes, tuple(faults))


def _what_is_there(text: bytes, data: bytes) -> str:
    """Clauses about how much of a message came, before its text was cut."""
    known = (usual_limit(len(text)), how_far(data) if looks_like_xml(data) else "")
    return "".join(f"; {clause}" for clause in known if clause)


def percent_decode(text: bytes, *, plus_is_blank: bool) -> bytes:
    """Percent-decoding once (RFC 3986 §2.1); an incomplete escape stays as it is."""
    if plus_is_blank:
        text = text.replace(b"+", b" ")
    return unquote_to_bytes(text)


def has_escapes(text: bytes) -> bool:
    """Whether something is still percent-encoded."""
    return _ESCAPE.search(text) is not None


@dataclass(frozen=True, slots=True)
class Inflated:
    """What inflate() got. `wrapper` is "raw", "zlib" or "gzip"; not `complete` is truncated, damaged or oversized."""

    data: bytes
    wrapper: str = "raw"
    complete: bool = False
    oversized: bool = False
    trailing: int = 0

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Findings of encoding-inflate-limit and encoding-binding-match."""
        found = []
        if self.oversized:
            message = f"The compressed message unpacks to more than {len(self.data) - 1:,} bytes and is refused."
            found.append(Problem("encoding-inflate-limit", message, "a bounded message", "a decompression bomb"))
        elif not self.complete:
            message = "The compressed message breaks off: a part of the address was lost when it was copied."
            found.append(Problem("encoding-inflate-limit", message, "a complete DEFLATE stream", "a truncated one"))
        if self.trailing:
            message = f"{self.trailing:,} bytes follow the end of the compressed message; nothing may."
            found.append(
                Problem("encoding-inflate-limit", message, "nothing after the stream", f"{self.trailing:,} bytes")
            )
        if self.wrapper != "raw":
            message = (
                f"The message is compressed as {self.wrapper}. The HTTP-Redirect binding takes raw DEFLATE without a "
                "header (saml-bindings §3.4.4.1)."
            )
            found.append(Problem("encoding-binding-match", message, "raw DEFLATE", self.wrapper))
        return tuple(found)


_WINDOW: Final = {"raw": -15, "zlib": 15, "gzip": 31}


def inflate(data: bytes, limit: int) -> Inflated:
    """Unpack at most `limit` bytes of a DEFLATE stream, in whatever wrapper. Nothing unpacked gives data=b""."""
    wrapper = "raw"
    if data[:2] == b"\x1f\x8b":
        wrapper = "gzip"
    elif data[:1] == b"\x78" and len(data) > 1 and int.from_bytes(data[:2], "big") % 31 == 0:
        wrapper = "zlib"
    stream = zlib.decompressobj(_WINDOW[wrapper])
    out = b""
    try:
        out = stream.decompress(data, limit + 1)
    except zlib.error:
        # A damaged stream: what came before the damage is got piece by piece, for display.
        stream = zlib.decompressobj(_WINDOW[wrapper])
        pieces: list[bytes] = []
        got = 0
        for i in range(0, min(len(data), 65536), 64):
            try:
                piece = stream.decompress(data[i : i + 64], limit + 1 - got)
            except zlib.error:
                break
            pieces.append(piece)
            got += len(piece)
            if got > limit or stream.eof:
                break
        return Inflated(b"".join(pieces), wrapper)
    if len(out) > limit:
        return Inflated(out, wrapper, oversized=True)
    return Inflated(out, wrapper, complete=stream.eof, trailing=len(stream.unused_data))


def too_long(data: bytes, limit: int, what: str) -> tuple[Problem, ...]:
    """The finding of encoding-size-limit, if any."""
    return (size_problem(len(data), limit, what),) if len(data) > limit else ()
