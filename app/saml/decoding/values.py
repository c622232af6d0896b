"""Decoders for how a value is encoded: percent-encoding, base64, DEFLATE. Pasted values only; they repair and tell."""

from __future__ import annotations

import re
from typing import Final

from app.saml.decoding.codecs import has_escapes, inflate, is_text, looks_like_xml, percent_decode, read_base64
from app.saml.decoding.registry import Context, Layer, decoder
from app.saml.errors import Problem

_HEX: Final = re.compile(rb"[0-9A-Fa-f]+")
_FEW_DIGITS: Final = 64


@decoder(60)
def percent_encoding(data: bytes, context: Context) -> Layer | None:
    """`PHNhbWxw...%3D%3D`. After a query or form has been read, a second layer of it is one too many."""
    if not has_escapes(data) or len(data) > 3 * context.limits.encoded_bytes or not is_text(data):
        return None  # compressed or encrypted bytes look like an escape by chance, and decoding would damage them
    text = percent_decode(data.strip(), plus_is_blank=False)
    outer = [n for n in context.layers if n in ("percent-encoding", "url-query") or n.startswith("form-field:")]
    if not outer or outer[-1] == "html-form":
        return Layer(text, ("percent-encoding",))
    if context.layers.count("percent-encoding") > 1:
        return None
    message = (
        "The value is percent-encoded twice (“+” has become “%252B”). One decoding is what the binding says; a service "
        "provider that decodes once gets no base64."
    )
    problem = Problem("encoding-url-once", message, "percent-encoded once", "percent-encoded twice")
    return Layer(text, ("percent-encoding",), ("a second layer of percent-encoding removed",), (problem,))


@decoder(65)
def hexadecimal(data: bytes, context: Context) -> Layer | None:
    """`3C73616D6C70...`, as databases print bytes and network tools a packet; also after 0x, with colons or blanks."""
    text = data.strip()
    text = text[2:] if text[:2] in (b"0x", b"0X", b"\\x") else text
    digits = text.translate(None, b" \t\r\n:")
    if len(digits) < _FEW_DIGITS or len(digits) % 2 or not _HEX.fullmatch(digits):
        return None
    if len(digits) > 2 * context.limits.encoded_bytes or "hexadecimal" in context.layers:
        return None
    found = bytes.fromhex(digits.decode("ascii"))
    # Letters of base64 can all be digits here by chance, but then no text comes of them.
    return Layer(found, ("hexadecimal",)) if is_text(found) else None


@decoder(70)
def deflated(data: bytes, context: Context) -> Layer | None:
    """Raw DEFLATE, or the zlib and gzip forms of it that some write by mistake, under base64."""
    if "base64" not in context.layers or "deflate" in context.layers:
        return None
    found = inflate(data, context.limits.decoded_bytes)
    if found.oversized:
        return Layer(b"", ("deflate",), problems=found.problems, binding="HTTP-Redirect")
    if not looks_like_xml(found.data):
        return None
    repairs: tuple[str, ...] = () if found.wrapper == "raw" else (f"{found.wrapper} instead of raw DEFLATE",)
    if found.trailing:
        repairs += ("bytes after the compressed message ignored",)
    return Layer(found.data, ("deflate",), repairs, found.problems, binding="HTTP-Redirect")


@decoder(80)
def base64(data: bytes, context: Context) -> Layer | None:
    """Base64, as strict as the standard or with the usual damage of copying."""
    if context.layers.count("base64") > 1 or "deflate" in context.layers:
        return None
    found = read_base64(data)
    if found is None:
        return None
    problems = (found.problem,) if found.problem else ()
    repairs = (*found.notes, *(_as_repair(f) for f in found.faults))
    if "base64" in context.layers:
        message = (
            "The message is base64-encoded twice. Encode it once; a service provider that decodes once finds no XML."
        )
        twice = Problem("encoding-base64-strict", message, "base64 once", "base64 of base64")
        return Layer(found.data, ("base64",), (*repairs, "a second layer of base64 removed"), (twice, *problems))
    return Layer(found.data, ("base64",), repairs, problems)


def _as_repair(fault: str) -> str:
    return f"base64 repaired ({fault.partition(';')[0]})"
