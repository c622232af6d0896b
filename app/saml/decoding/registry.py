"""What a decoder is: one function that takes one layer of encoding off, registered by @decoder.

A decoder looks at some bytes and returns a Layer, or None where the bytes are not of its kind. It never raises on
purpose, looks at bounded input only, and tells everything it repaired. Which decoder is asked first is its priority.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from app.saml.errors import Problem
from app.saml.expectation import Limits

#: Where it came in: pasted; the octets of a form posted to the ACS, or to the logout address; those of a query.
Channel = Literal["paste", "post-form", "slo-form", "redirect-query"]
Param = Literal["SAMLResponse", "SAMLRequest"]
Binding = Literal["HTTP-POST", "HTTP-Redirect"]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What decode() made of the input.

    `data` is the XML, or b"" where no XML came out; `rest` is then the innermost content reached, to say what it is.
    `layers` are the encodings taken off, outermost first ("form-field:SAMLResponse", "base64", ...; "xml" where there
    was none). `repairs` tell every liberty taken. `query` are the octets of a redirect query as received, which is what
    its signature covers. `size` is the length of the input in bytes.
    """

    data: bytes
    layers: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    relay_state: str | None = None
    binding: Binding | None = None
    param: Param | None = None
    query: bytes | None = None
    sig_alg: str | None = None
    signature: str | None = None
    channel: Channel = "paste"
    rest: bytes = b""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer taken off: what is inside, the layer's name(s), and what was learnt on the way."""

    data: bytes
    names: tuple[str, ...]
    repairs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    relay_state: str | None = None
    binding: Binding | None = None
    param: Param | None = None
    query: bytes | None = None
    sig_alg: str | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a decoder may know beside the bytes: the limits, and the layers taken off before."""

    limits: Limits
    layers: tuple[str, ...] = ()


Decoder = Callable[[bytes, Context], Layer | None]


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    priority: int
    name: str
    run: Decoder = field(compare=False)


_DECODERS: list[_Entry] = []


def decoder(priority: int) -> Callable[[Decoder], Decoder]:
    """Register a decoder; a lower priority is asked earlier."""

    def register(function: Decoder) -> Decoder:
        _DECODERS.append(_Entry(priority, function.__name__, function))
        _DECODERS.sort()
        return function

    return register


def decoders() -> tuple[Decoder, ...]:
    """Every decoder in the order they are asked."""
    return tuple(e.run for e in _DECODERS)
