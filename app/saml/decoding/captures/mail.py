"""E-mails as files (.eml): every text of them, and every attachment, decoded. Nothing is opened, linked or fetched."""

from __future__ import annotations

import binascii
import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from app.saml.decoding.captures.pages import from_base64
from app.saml.decoding.captures.registry import WINDOW, Capture, Context, Part, container, marks, occurrences
from app.saml.errors import Problem

if TYPE_CHECKING:
    from email.message import Message

_HEADER: Final = re.compile(rb"([A-Za-z][A-Za-z0-9\-]{1,60}):[ \t\r\n]")
_TELLING: Final = frozenset(
    (b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"received", b"content-type", b"return-path")
)
_MOST_PARTS: Final = 500
_MOST_HEADERS: Final = 262_144
_MOST_NESTED: Final = 60
_MOST_COMPARED: Final = 8_000_000
_NESTING: Final = re.compile(rb"multipart/|message/rfc822", re.IGNORECASE)
_LOOKED_AT: Final = ("text/", "message/", "application/")
_SMALL: Final = 65_536


@container(40)
def mail(data: bytes, context: Context) -> Capture | None:
    """Header lines, a blank line, and a body with or without MIME parts (RFC 5322, RFC 2045)."""
    if "mail" in context.inside or not _looks_like_mail(data):
        return None
    if _too_much(data):
        message = f"The mail has more than {_MOST_PARTS:,} parts or a huge header, and was not taken apart."
        problem = Problem("encoding-size-limit", message, f"at most {_MOST_PARTS:,} parts", "more")
        return Capture("an e-mail", "mail", problems=(problem,))
    from email.feedparser import BytesFeedParser  # only here: most inputs are no mail

    parser = BytesFeedParser()
    for at in range(0, len(data), WINDOW):
        parser.feed(data[at : at + WINDOW])
    parts: list[tuple[str, Part]] = []
    notes: list[str] = []
    for part in parser.close().walk():
        kind, name = _kind(part), _name(part)
        if part.is_multipart() or not (name or kind.startswith(_LOOKED_AT)):
            continue
        found = _content(part)
        if found is None:
            notes.append(f"A part of the mail ({kind}) could not be decoded and was left out.")
        elif found.strip():
            parts.append((kind, Part(name, _as_utf8(part, found) if kind.startswith("text/") else found)))
    # The HTML twin of a plain text says the same, and is marked up.
    plain = any(kind == "text/plain" and not part.name for kind, part in parts)
    kept = tuple(part for kind, part in parts if part.name or kind != "text/html" or not plain)
    attached = sum(1 for part in kept if part.name)
    with_attachments = f" with {attached} attachment{'s' if attached != 1 else ''}" if attached else ""
    return Capture(f"an e-mail{with_attachments}", "mail", parts=kept, notes=tuple(notes))


def _looks_like_mail(data: bytes) -> bool:
    """Whether the first lines are headers, two of them such as mails have."""
    known: set[bytes] = set()
    for i, line in enumerate(data[:_SMALL].splitlines()):
        if not line.strip():
            return i > 0 and (len(known) >= 2 or known == {b"content-type"})
        if line[:1] in b" \t" and i:
            continue
        header = _HEADER.match(line + b"\n")
        if header is None:
            # mbox files begin with a line “From address date”.
            if i == 0 and line.startswith(b"From "):
                continue
            return False
        known |= {header[1].lower()} & _TELLING
    return len(known) >= 3


def _too_much(data: bytes) -> bool:
    """Whether a mail would take long to take apart: thousands of boundaries, deep nesting, headers without end."""
    if occurrences(data, b"\n--", 4 * _MOST_PARTS) > 4 * _MOST_PARTS:
        return True
    nested = sum(1 for _ in islice(marks(_NESTING, data), _MOST_NESTED + 1))
    # Every line is compared with every boundary around it.
    if nested > _MOST_NESTED or nested * occurrences(data, b"\n", _MOST_COMPARED) > _MOST_COMPARED:
        return True
    head = data[: _MOST_HEADERS + 4]
    return len(data) > _MOST_HEADERS and b"\n\r\n" not in head and b"\n\n" not in head


def _header(part: Message, name: str) -> str:
    """A header of sensible length; parameters of a longer one are not worth the time they take to find."""
    value = str(part.get(name, ""))
    return value if len(value) < 2_000 else ""


def _kind(part: Message) -> str:
    return _header(part, "Content-Type").partition(";")[0].strip().lower() or "text/plain"


def _name(part: Message) -> str:
    if not _header(part, "Content-Disposition") and not _header(part, "Content-Type"):
        return ""
    return (part.get_filename() or "")[:200]


def _content(part: Message) -> bytes | None:
    """The body of a part with its transfer encoding taken off; None where that is damaged."""
    payload = part.get_payload()
    if not isinstance(payload, str):
        return None
    data = b"".join(
        payload[at : at + WINDOW].encode("ascii", "surrogateescape") for at in range(0, len(payload), WINDOW)
    )
    encoding = _header(part, "Content-Transfer-Encoding").strip().lower()
    if encoding == "base64":
        return from_base64(data)
    return _from_quoted_printable(data) if encoding == "quoted-printable" else data


def _from_quoted_printable(data: bytes) -> bytes:
    """Quoted-printable (RFC 2045 §6.7), decoded about a window at a time, from line to line."""
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        end = data.find(b"\n", at + WINDOW, at + 2 * WINDOW) + 1 or min(at + 2 * WINDOW, len(data))
        parts.append(binascii.a2b_qp(data[at:end]))
        at = end
    return b"".join(parts)


def _as_utf8(part: Message, data: bytes) -> bytes:
    """Text in the character set of the part, as UTF-8; a wrong or unknown one leaves the bytes as they are."""
    charset = (part.get_content_charset() or "utf-8") if _header(part, "Content-Type") else "utf-8"
    if charset in ("utf-8", "us-ascii", "ascii") or len(data) > 4 * WINDOW:
        return data
    try:
        return data.decode(charset).encode("utf-8", "replace")
    except (LookupError, ValueError):
        return data
