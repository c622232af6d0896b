"""Takes a SAML message out of the SOAP envelope or the ArtifactResponse around it, byte for byte.

The message gets the namespace declarations that were in scope around it, so that canonicalisation, and with it every
signature, comes out as before. It parses nothing; what it does not recognise it leaves alone.
"""

from __future__ import annotations

import re
from typing import Final

from app.saml.decoding.registry import Layer

_PROLOGUE: Final = rb"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--[^>]{0,1000}-->\s*)?"
_WRAPPER: Final = re.compile(_PROLOGUE + rb"<((?:[\w.\-]{1,80}:)?(?:Envelope|ArtifactResponse))[\s>]")
_START: Final = re.compile(rb"""<([^\s<>/!?"'=]{1,200}+)((?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)>""")
_DECLARATION: Final = re.compile(rb"""\s(xmlns(?::[^\s=]{1,100})?)\s*=\s*("[^"<]*"|'[^'<]*')""")
_BODY: Final = re.compile(rb"<(?:[\w.\-]{1,80}:)?Body[\s>]")
_CARRIED: Final = (
    b"Response",
    b"ArtifactResponse",
    b"Assertion",
    b"AuthnRequest",
    b"LogoutRequest",
    b"LogoutResponse",
)
_ARTIFACT_ANSWER: Final = re.compile(rb"<(?:[\w.\-]{1,80}:)?Response[\s>]")
_SOAP: Final = (b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope")


def taken_out_of_envelope(data: bytes) -> Layer | None:
    """A message inside soap:Envelope/soap:Body, or a Response inside samlp:ArtifactResponse (saml-bindings §3.2, §3.6).

    A document with a DOCTYPE stays as it is: the parser must see it to refuse it.
    """
    wrapper = _WRAPPER.match(data)
    if wrapper is None or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        return None
    outer = _START.match(data, wrapper.start(1) - 1)
    if outer is None:
        return None
    if outer[1].endswith(b"Envelope"):
        if not any(uri in outer[2] for uri in _SOAP):
            return None
        body = _BODY.search(data, outer.end())
        around = _START.match(data, body.start()) if body else None
        if around is None:
            return None
        end = data.rfind(b"</" + around[1], around.end())
        return _taken_out(data[around.end() : end], (outer[2], around[2]), "soap") if end > 0 else None
    answer = _ARTIFACT_ANSWER.search(data, outer.end())
    end = data.rfind(b"</" + outer[1])
    if answer is None or end < 0:
        return None
    return _taken_out(data[answer.start() : end], (outer[2],), "artifact-response")


def _taken_out(inner: bytes, around: tuple[bytes, ...], name: str) -> Layer | None:
    """The one message in `inner`, with the declarations of the start tags `around` it, outermost first."""
    inner = inner.strip()
    start = _START.match(inner)
    if start is None or start[1].rpartition(b":")[2] not in _CARRIED:
        return None
    in_scope: dict[bytes, bytes] = {}
    for tag in around:
        in_scope.update(_declared(tag))
    own = _declared(start[2])
    missing = b"".join(b" %b=%b" % pair for pair in in_scope.items() if pair[0] not in own)
    at = start.end(1)
    return Layer(inner[:at] + missing + inner[at:], (name,))


def _declared(tag: bytes) -> dict[bytes, bytes]:
    return {m[1]: m[2] for m in _DECLARATION.finditer(tag)}
