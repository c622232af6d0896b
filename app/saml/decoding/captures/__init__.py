"""Containers of more than one message: network recordings, mails, archives, texts. Each is one registered function.

app.saml.intake asks them in turn; app.saml.decoding reads the single messages that they find.
"""

from __future__ import annotations

from typing import Final

from app.saml.decoding.captures import archive, har, mail, tracer
from app.saml.decoding.captures.registry import Capture, Part, Piece, Step, Trace, container, containers

__all__ = ["Capture", "Part", "Piece", "Step", "Trace", "container", "containers"]

_REGISTERED: Final = (archive, har, mail, tracer)  # importing them fills the registry
