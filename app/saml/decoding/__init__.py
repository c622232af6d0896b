"""From whatever was pasted or posted to the bytes of one XML document, with every layer and every repair told.

It decides nothing about the XML: that is app.saml.xml. New containers (archives, network logs) register a decoder.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from app.saml.decoding import containers, values
from app.saml.decoding.codecs import COMPRESSED_FOR_POST, clean_base64, is_text, looks_like_xml
from app.saml.decoding.envelopes import taken_out_of_envelope
from app.saml.decoding.registry import Binding, Channel, Context, Decoded, Layer, Param, decoder, decoders
from app.saml.decoding.strict import read_post_form, read_redirect_query
from app.saml.errors import Problem
from app.saml.expectation import Limits
from app.saml.xmlbytes import is_html, misread_problem, size_problem

__all__ = ["Binding", "Channel", "Context", "Decoded", "Layer", "Param", "decode", "decoder", "decoders"]

_REGISTERED: Final = (containers, values)  # importing them fills the registry
_MAX_LAYERS: Final = 8
_OTHER_CHARSETS: Final = (
    b"\xff\xfe",
    b"\xfe\xff",
    b"<\0",
    b"\0<",
    b"\0\0\0<",
    b"\0\0\xfe\xff",
    b"\x4c\x6f\xa7\x94",
    b"+ADw-",
)


def decode(source: str | bytes, *, channel: Channel = "paste", limits: Limits | None = None) -> Decoded:
    """Take every layer of encoding off. Never raises; what is wrong is in `problems`.

    "paste" accepts any sensible nesting and repairs what copying damages, and says so. "post-form" and "slo-form" read
    the bytes of a posted form and "redirect-query" those of a query string, strictly as the bindings say.
    """
    limits = limits or Limits()
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else bytes(source)
    if channel in ("post-form", "slo-form"):
        return replace(read_post_form(data, limits), channel=channel)
    if channel == "redirect-query":
        return read_redirect_query(data, limits)
    return _paste(data, limits)


def _is_xml(data: bytes) -> bool:
    return looks_like_xml(data) and not is_html(data)


def _paste(source: bytes, limits: Limits) -> Decoded:
    if len(source) > limits.encoded_bytes:
        return Decoded(b"", problems=(size_problem(len(source), limits.encoded_bytes, "The input"),), size=len(source))
    data, repairs = _plain_text(source)
    layers: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    carried = Layer(b"", ())
    guess: tuple[bytes, tuple[str, ...], tuple[str, ...], tuple[Problem, ...]] | None = None
    for _ in range(_MAX_LAYERS):
        if data.startswith(_OTHER_CHARSETS) or not data.strip():
            break
        if _is_xml(data):
            layer = taken_out_of_envelope(data)
        else:
            layer = None if layers else _as_posted(data)
            if layer is None:
                context = Context(limits, layers)
                layer = next((found for d in decoders() if (found := d(data, context)) is not None), None)
        if layer is None:
            break
        if layer.names == ("base64",) and guess is None:
            guess = data, layers, repairs, problems
        if "deflate" in layer.names and "html-form" in layers:
            problems += (COMPRESSED_FOR_POST,)
        data = layer.data
        layers += layer.names
        repairs += layer.repairs
        problems += layer.problems
        carried = _merge(carried, layer)
    is_document = _is_xml(data) or (data.startswith(_OTHER_CHARSETS) and bool(data))
    rest = b""
    if is_document:
        data, trimmed = _trim(data)
        repairs += trimmed
        if not layers:
            layers = ("xml",)
        # Under base64 the letters are the IdP's own; in pasted text something on the way may have misread them.
        if "base64" not in layers and not data.isascii() and (misread := misread_problem(data)):
            problems += (misread,)
        if len(data) > limits.decoded_bytes:
            problems += (size_problem(len(data), limits.decoded_bytes, "The message"),)
            data = b""
    else:
        # Almost any word is base64 of something. If no text came of it, it was none, and nothing is said of it.
        if guess is not None and not is_text(data) and not any(p.check == "encoding-inflate-limit" for p in problems):
            data, layers, repairs, problems = guess
        rest = data if data and is_text(data) else source
        data = b""
    return Decoded(
        data,
        layers,
        tuple(dict.fromkeys(repairs)),
        problems,
        relay_state=carried.relay_state,
        binding=carried.binding,
        param=carried.param,
        query=carried.query,
        sig_alg=carried.sig_alg,
        signature=carried.signature,
        rest=rest,
        size=len(source),
    )


def _as_posted(data: bytes) -> Layer | None:
    """The commonest input, without asking every decoder first: the value of a form field, which is base64 of XML."""
    # The other decoders need characters that base64 does not have, or come to no XML.
    plain = clean_base64(data)
    return Layer(plain, ("base64",)) if plain is not None and _is_xml(plain) else None


def _merge(outer: Layer, inner: Layer) -> Layer:
    """Facts learnt in outer layers stay; a form whose value turns out to be deflated came by HTTP-Redirect.

    A page whose form posts itself came by HTTP-POST, whatever is in it.
    """
    binding = outer.binding if "html-form" in outer.names else inner.binding or outer.binding
    if binding is None and any(n.startswith("form-field:") for n in outer.names):
        binding = "HTTP-POST"
    return Layer(
        b"",
        outer.names + inner.names,
        relay_state=outer.relay_state if outer.relay_state is not None else inner.relay_state,
        binding=binding,
        param=outer.param or inner.param,
        query=outer.query or inner.query,
        sig_alg=outer.sig_alg or inner.sig_alg,
        signature=outer.signature or inner.signature,
    )


def _plain_text(source: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Text saved by an editor as UTF-16 is read, unless it is XML, which has rules of its own for that."""
    if source[:2] in (b"\xff\xfe", b"\xfe\xff") and source[:4] != b"\xff\xfe\0\0":
        try:
            text = source.decode("utf-16")
        except UnicodeDecodeError:
            return source, ()
        if not text.lstrip("\ufeff \t\r\n").startswith("<"):
            return text.strip().encode(), ("text saved as UTF-16",)
        return source, ()
    if source.startswith(b"\xef\xbb\xbf") and not looks_like_xml(source):
        return source.removeprefix(b"\xef\xbb\xbf"), ("byte order mark removed",)
    return source, ()


def _trim(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """XML without a byte order mark and without what copying put around it."""
    repairs: tuple[str, ...] = ()
    if data.startswith(b"\xef\xbb\xbf"):
        data = data.removeprefix(b"\xef\xbb\xbf")
        repairs += ("byte order mark removed",)
    if data[:1].isspace() and data.lstrip().startswith(b"<"):
        data = data.lstrip()
        repairs += ("blanks before the XML removed",)
    return data, repairs
