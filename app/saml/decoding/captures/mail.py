"""E-mails as files (.eml): every text of them, and every attachment, decoded. Nothing is opened, linked or fetched."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from app.saml.decoding.captures.pages import from_base64
from app.saml.decoding.captures.registry import WINDOW, Capture, Context, Part, container, position
from app.saml.errors import Problem

if TYPE_CHECKING:
    from email.message import Message

_HEADER: Final = re.compile(rb"([A-Za-z][A-Za-z0-9\-]{1,60}):[ \t\r\n]")
_TELLING: Final = frozenset(
    (b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"received", b"content-type", b"return-path")
)
_ONLY_IN_MAILS: Final = frozenset((b"subject", b"message-id", b"mime-version", b"received", b"return-path"))
_MOST_PARTS: Final = 500
_MOST_HEADERS: Final = 262_144  # bytes of the headers of one part
_MOST_DEPTH: Final = 10
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_LOOKED_AT: Final = ("text/", "application/")
_SMALL: Final = 65_536


@container(40)
def mail(data: bytes, context: Context) -> Capture | None:
    """Header lines, a blank line, and a body with or without MIME parts (RFC 5322, RFC 2045)."""
    if "mail" in context.inside or not _looks_like_mail(data):
        return None
    parts: list[tuple[str, Part]] = []
    notes: list[str] = []
    problems: tuple[Problem, ...] = ()
    found = _sections(data, 0, len(data), 0)
    for section in islice(found, _MOST_PARTS):
        kind, name = _kind(section.head), _name(section.head)
        if kind.startswith(("multipart/", "message/")):
            notes.append("Parts of the mail that are too deep inside one another were left out.")
        if not (name or kind.startswith(_LOOKED_AT)):
            continue
        content = _content(data, section)
        if content is None:
            notes.append(f"A part of the mail ({kind}) could not be decoded and was left out.")
        elif content.strip():
            parts.append((kind, Part(name, _as_utf8(section.head, content) if kind.startswith("text/") else content)))
    if next(found, None) is not None:
        message = f"The mail has more than {_MOST_PARTS:,} parts; the others were not read."
        problems = (Problem("encoding-size-limit", message, f"at most {_MOST_PARTS:,} parts", "more"),)
    # The HTML twin of a plain text says the same, and is marked up.
    plain = any(kind == "text/plain" and not part.name for kind, part in parts)
    kept = tuple(part for kind, part in parts if part.name or kind != "text/html" or not plain)
    attached = sum(1 for part in kept if part.name)
    with_attachments = f" with {attached} attachment{'s' if attached != 1 else ''}" if attached else ""
    return Capture(f"an e-mail{with_attachments}", "mail", parts=kept, notes=tuple(notes), problems=problems)


def _looks_like_mail(data: bytes) -> bool:
    """Whether the first lines are headers, two of them such as mails have."""
    known: set[bytes] = set()
    for i, line in enumerate(data[:_SMALL].splitlines()):
        if not line.strip():
            return len(known) >= 2 and not known.isdisjoint(_ONLY_IN_MAILS)
        if line[:1] in b" \t" and i:
            continue
        header = _HEADER.match(line + b"\n")
        if header is None:
            # mbox files begin with a line “From address date”.
            if i == 0 and line.startswith(b"From "):
                continue
            return False
        known |= {header[1].lower()} & _TELLING
    return False


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of a mail that has no parts of its own: its headers, and where its body is."""

    head: Message
    begin: int
    end: int


def _sections(data: bytes, begin: int, end: int, depth: int) -> Iterator[_Section]:
    """The parts of a mail between two positions, those inside others, too. The bodies are not looked at.

    The email package reads the headers only: it would make a string of every line of an attachment.
    """
    from email.parser import BytesHeaderParser  # only here: most inputs are no mail

    if data[begin : begin + 1] == b"\n" or data[begin : begin + 2] == b"\r\n":
        body = begin
    else:
        blank = _BLANK_LINE.search(data, begin, min(begin + _MOST_HEADERS, end))
        if blank is None:
            return
        body = blank.end()
    head = BytesHeaderParser().parsebytes(data[begin:body])
    kind = _kind(head)
    boundary = head.get_boundary() if kind.startswith("multipart/") and _header(head, "Content-Type") else None
    if depth < _MOST_DEPTH and boundary and boundary.isascii() and len(boundary) < 200:
        for inner_begin, inner_end in _between(data, body, end, b"--" + boundary.encode()):
            yield from _sections(data, inner_begin, inner_end, depth + 1)
    elif depth < _MOST_DEPTH and kind == "message/rfc822":
        yield from _sections(data, body, end, depth + 1)
    else:
        yield _Section(head, body, end)


def _between(data: bytes, begin: int, end: int, line: bytes) -> Iterator[tuple[int, int]]:
    """(begin, end) of what stands between the lines that separate parts (RFC 2046 §5.1.1)."""
    opened: int | None = None
    at = begin if data.startswith(line, begin, end) else _line_at(data, line, begin, end)
    while at >= 0:
        after = at + len(line)
        rest = data[after : min(after + 2, end)]
        if rest == b"--" or rest[:1] in (b"", b"\r", b"\n", b" ", b"\t"):
            if opened is not None:
                yield opened, max(at - 1, opened)
            newline = data.find(b"\n", after, min(after + 1_000, end))
            if rest == b"--" or newline < 0:
                return
            opened = newline + 1
        at = _line_at(data, line, after, end)
    if opened is not None:
        yield opened, end


def _line_at(data: bytes, line: bytes, begin: int, end: int) -> int:
    before = position(data, b"\n" + line, begin, end)
    return before + 1 if before >= 0 else -1


def _header(head: Message, name: str) -> str:
    """A header of sensible length; parameters of a longer one are not worth the time they take to find."""
    value = str(head.get(name, ""))
    return value if len(value) < 2_000 else ""


def _kind(head: Message) -> str:
    return _header(head, "Content-Type").partition(";")[0].strip().lower() or "text/plain"


def _name(head: Message) -> str:
    if not _header(head, "Content-Disposition") and not _header(head, "Content-Type"):
        return ""
    return (head.get_filename() or "")[:200]


def _content(data: bytes, section: _Section) -> bytes | None:
    """The body of a part with its transfer encoding taken off; None where that is damaged."""
    encoding = _header(section.head, "Content-Transfer-Encoding").strip().lower()
    windows = (data[at : min(at + WINDOW, section.end)] for at in range(section.begin, section.end, WINDOW))
    if encoding == "base64":
        return from_base64(windows)
    if encoding == "quoted-printable":
        return _from_quoted_printable(data, section.begin, section.end)
    return b"".join(windows)


def _from_quoted_printable(data: bytes, begin: int, end: int) -> bytes:
    """Quoted-printable (RFC 2045 §6.7), decoded about a window at a time, from line to line."""
    parts: list[bytes] = []
    while begin < end:
        stop = data.find(b"\n", begin + WINDOW, min(begin + 2 * WINDOW, end)) + 1 or min(begin + 2 * WINDOW, end)
        parts.append(binascii.a2b_qp(data[begin:stop]))
        begin = stop
    return b"".join(parts)


def _as_utf8(head: Message, data: bytes) -> bytes:
    """Text in the character set of the part, as UTF-8; a wrong or unknown one leaves the bytes as they are."""
    charset = (head.get_content_charset() or "utf-8") if _header(head, "Content-Type") else "utf-8"
    if charset in ("utf-8", "us-ascii", "ascii") or len(data) > 4 * WINDOW:
        return data
    try:
        return data.decode(charset).encode("utf-8", "replace")
    except (LookupError, ValueError):
        return data
