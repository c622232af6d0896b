"""Text out of HTML pages and encoded bodies, in time that grows with their length only. It understands no SAML."""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote_from_bytes

from app.saml.decoding.captures.secrets import CARRIED, Removed, carried_pairs, without_secrets
from app.saml.decoding.containers import form_fields

_MOST_TEXT: Final = 524_288
_TAG: Final = re.compile(r"<[^<>]*>")
_HIDDEN: Final = ("script", "style")


def unpacked(text: str, encoding: Any) -> bytes:
    """The bytes of a recorded body, whose encoding is "base64" or none."""
    data = text.encode("utf-8", "replace")
    if not isinstance(encoding, str) or encoding.lower() != "base64":
        return data
    found = from_base64((data,))
    return data if found is None else found


def from_base64(windows: Iterable[bytes]) -> bytes | None:
    """Base64 with line breaks, decoded a window at a time; None where it is none."""
    parts: list[bytes] = []
    rest = b""
    try:
        for window in windows:
            text = rest + window.translate(None, b"\r\n\t ")
            whole = len(text) - len(text) % 4
            parts.append(binascii.a2b_base64(text[:whole]))
            rest = text[whole:]
        parts.append(binascii.a2b_base64(rest + b"=" * (-len(rest) % 4)))
    except binascii.Error:
        return None
    return b"".join(parts)


def text_of_page(page: bytes) -> str:
    """What a person reads on a page, and after it the messages that its scripts carry; without secrets."""
    text = page[:_MOST_TEXT].decode("utf-8", "replace")
    visible: list[str] = []
    scripts: list[str] = []
    lowered = text.lower()
    if len(lowered) != len(text):  # some capital letters become two
        lowered = text
    at = 0
    upcoming = {name: lowered.find(f"<{name}") for name in _HIDDEN}
    while upcoming := {name: i for name, i in upcoming.items() if i >= 0}:
        name, begin = min(upcoming.items(), key=lambda pair: pair[1])
        end = lowered.find(f"</{name}", begin)
        end = len(text) if end < 0 else end
        visible.append(text[at:begin])
        if name == "script":
            scripts.append(text[begin:end])
        at = end
        upcoming = {n: i if i >= at else lowered.find(f"<{n}", at) for n, i in upcoming.items()}
    visible.append(text[at:])
    shown = html.unescape(_TAG.sub(" ", " ".join(visible)))
    return without_secrets(f"{shown}\n{' '.join(scripts)}")


def form_of_page(page: bytes, removed: Removed | None = None) -> bytes:
    """The sign-on fields of a page that posts itself, as the form that it would post; b"" where it has no message.

    Every other field with a value is counted as removed: it may be a password or a token.
    """
    fields = form_fields(page)
    if removed is not None:
        removed.add("other fields of the page", sum(1 for n, v in fields if n not in CARRIED and v.strip()))
    carried = (n.encode() + b"=" + quote_from_bytes(v, safe="").encode() for n, v in fields if n in CARRIED)
    return carried_pairs(b"&".join(carried))
