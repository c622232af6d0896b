"""Whatever is pasted, dropped or opened, taken apart: the messages in it, the login it recorded, the errors it shows.

take_in() never raises and is bounded. It judges no message: every Piece goes to app.saml.report.inspect().
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from app.saml.decoding import Decoded, decode
from app.saml.decoding.captures import Capture, Part, Piece, Step, Trace, containers
from app.saml.decoding.captures.login import share_problem
from app.saml.decoding.captures.pages import form_of_page, text_of_page
from app.saml.decoding.captures.registry import WINDOW, Context
from app.saml.decoding.captures.scan import Message, find_messages, remainder, without_json_escapes
from app.saml.decoding.captures.secrets import Removed, has_secrets, without_secrets
from app.saml.error_texts import ErrorText, explain_errors
from app.saml.errors import Problem
from app.saml.expectation import Limits
from app.saml.reading import what_is_this
from app.saml.xmlbytes import is_html, size_problem

if TYPE_CHECKING:
    from app.saml.report import Report

__all__ = ["ErrorText", "Intake", "Piece", "Step", "Trace", "of_piece", "take_in"]

log = logging.getLogger(__name__)

#: The most that is taken in at once. One message may be no longer than Limits say.
MOST_BYTES: Final = 67_108_864
_MOST_PIECES: Final = 200
_MOST_PARTS: Final = 1_000
_MOST_DEPTH: Final = 4  # an archive, a mail in it, a recording attached to that, a page in it
_MOST_NOTES: Final = 50
_MOST_TEXT: Final = 8_388_608  # of one input that is searched for error texts


@dataclass(frozen=True, slots=True)
class Intake:
    """What was taken in. `pieces` are the messages in order; `what` is one sentence that names the input.

    `errors` are explained error texts; `problems` tell what could not be read, `notes` what was left out or done.
    """

    pieces: tuple[Piece, ...]
    trace: Trace | None
    errors: tuple[ErrorText, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    what: str


def take_in(source: str | bytes, *, name: str = "pasted", limits: Limits | None = None) -> Intake:
    """Take anything apart: one message in any encoding, several in a text, HAR, SAML-tracer, .eml, .zip, error texts.

    Never raises. One plain message gives exactly one Piece whose source is the input itself. What holds no message and
    no known error text gives one Piece, too, so that inspect() says what it is. Secrets (cookies, passwords, tokens)
    are in none of the results.
    """
    limits = limits or Limits()
    try:
        return _taken(source, name, limits)
    except Exception:  # a bug must not lose the paste: it is then judged as the one message it may be
        log.exception("take_in crashed")
        return Intake((Piece(source, name),), None, (), (), (), what="This is something that could not be taken apart.")


def of_piece(report: Report, piece: Piece) -> Report:
    """The report on a piece, with the containers it was taken out of and what was done to take it out."""
    return replace(report, layers=(*piece.layers, *report.layers), repairs=(*piece.repairs, *report.repairs))


@dataclass(slots=True)
class _Haul:
    """What is gathered while an input is taken apart."""

    limits: Limits
    pieces: list[Piece] = field(default_factory=list)
    known: dict[bytes, int] = field(default_factory=dict)
    trace: Trace | None = None
    texts: list[str] = field(default_factory=list)
    errors: list[ErrorText] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    parts: int = 0
    is_unknown: bool = False

    def add(self, piece: Piece) -> int:
        """The index of a piece, which is that of its twin where the same message was found before."""
        data = piece.source.encode("utf-8", "surrogatepass") if isinstance(piece.source, str) else piece.source
        key = data.translate(None, b" \t\r\n")
        index = self.known.setdefault(key, len(self.pieces))
        if index == len(self.pieces):
            self.pieces.append(piece)
        return index


def _taken(source: str | bytes, name: str, limits: Limits) -> Intake:
    size = len(source)
    if size > MOST_BYTES:
        problem = size_problem(size, MOST_BYTES, "The input")
        return Intake((), None, (), (problem,), (), what=problem.message)
    data = _as_bytes(source)
    haul = _Haul(limits)
    what = _take_part(haul, data, (), "", source)
    errors = tuple({e.code: e for e in (*haul.errors, *explain_errors(haul.texts))}.values())
    if not haul.pieces and not errors:
        haul.notes.append("No SAML message and no known error text is in it.")
    pieces = _named(haul.pieces[:_MOST_PIECES], name)
    if len(haul.pieces) > _MOST_PIECES:
        haul.notes.append(f"Only the first {_MOST_PIECES} messages are shown; {len(haul.pieces):,} were found.")
    return Intake(
        pieces=pieces,
        trace=haul.trace,
        errors=errors,
        problems=tuple(haul.problems),
        notes=tuple(dict.fromkeys(haul.notes))[:_MOST_NOTES],
        what=_sentence(what, 0 if haul.is_unknown else len(pieces), len(errors)),
    )


def _as_bytes(source: str | bytes) -> bytes:
    """The input as UTF-8, converted a window at a time; text saved as UTF-16 is converted, too, unless it is XML."""
    if isinstance(source, str):
        return b"".join(
            source[at : at + WINDOW].encode("utf-8", "surrogatepass") for at in range(0, len(source), WINDOW)
        )
    data = bytes(source)
    if data[:2] not in (b"\xff\xfe", b"\xfe\xff") or data[:4] == b"\xff\xfe\0\0":
        return data
    encoding = "utf-16-le" if data[:2] == b"\xff\xfe" else "utf-16-be"
    if data[2:200].decode(encoding, "replace").lstrip("\ufeff \t\r\n").startswith("<"):
        return data
    # A window ends between two units; a character of two units that it cuts in half is in no message.
    windows = (data[at : at + WINDOW] for at in range(2, len(data), WINDOW))
    return b"".join(w.decode(encoding, "replace").encode("utf-8") for w in windows)


def _sentence(what: str, pieces: int, errors: int) -> str:
    found = [f"{pieces:,} message{'s' if pieces != 1 else ''}"] if pieces and not what.startswith(_SINGLE) else []
    found += [f"{errors:,} known error{'s' if errors != 1 else ''}"] if errors else []
    inside = f", with {' and '.join(found)} in it" if found else ""
    return f"This is {what}{inside}."


def _named(pieces: Iterable[Piece], name: str) -> tuple[Piece, ...]:
    """The pieces with their names: that of the input, of the file inside it, and a number where there are several."""
    found = list(pieces)
    bases = [f"{name}/{p.name}" if p.name else name for p in found]
    named = []
    for i, (piece, base) in enumerate(zip(found, bases, strict=True)):
        number = bases[: i + 1].count(base)
        named.append(replace(piece, name=f"{base}#{number}" if bases.count(base) > 1 else base))
    return tuple(named)


# One input, or one part of it -----------------------------------------------------------------------------------------


def _take_part(haul: _Haul, data: bytes, inside: tuple[str, ...], name: str, source: str | bytes | None = None) -> str:
    """Take one input apart and continue "This is ...". `source` is the input itself where it is not inside another."""
    context = Context(haul.limits, inside)
    plain = data.removeprefix(b"\xef\xbb\xbf")
    capture = next((found for c in containers() if (found := c(plain, context)) is not None), None)
    if capture is None:
        return _take_text(haul, data, inside, name, source)
    _take_capture(haul, capture, inside, name)
    return capture.what


def _take_capture(haul: _Haul, capture: Capture, inside: tuple[str, ...], name: str) -> None:
    indexes = [haul.add(replace(p, name=name, layers=(*inside, *p.layers))) for p in capture.pieces]
    haul.texts += capture.texts
    haul.problems += capture.problems
    haul.notes += (f"{name}: {note}" if name else note for note in capture.notes)
    if capture.trace is not None:
        if haul.trace is None:
            steps = (replace(s, pieces=tuple(indexes[i] for i in s.pieces)) for s in capture.trace.steps)
            haul.trace = replace(capture.trace, steps=tuple(steps))
        else:
            haul.notes.append(f"{name or 'A part'} records a login of its own; open it alone to see its steps.")
    layers = (*inside, capture.layer)
    for part in capture.parts:
        haul.parts += 1
        if haul.parts > _MOST_PARTS or len(layers) >= _MOST_DEPTH:
            haul.notes.append("Some parts were left out: they are too many, or too deep inside one another.")
            return
        _take_part(haul, part.data, layers, _inner_name(name, part))


def _inner_name(outer: str, part: Part) -> str:
    return "/".join(n for n in (outer, part.name.replace("/", "_")) if n)


def _take_text(haul: _Haul, data: bytes, inside: tuple[str, ...], name: str, source: str | bytes | None) -> str:
    """One message, several in a text, or none."""
    text, messages = data, find_messages(data)
    unescaped = without_json_escapes(data)
    if unescaped is not None and len(found := find_messages(unescaped)) >= max(len(messages), 1):
        text, messages = unescaped, found
    is_short = len(data) <= haul.limits.encoded_bytes or _is_whole(data, messages)
    decoded = decode(data, limits=haul.limits) if is_short and len(messages) < 2 else None
    if decoded is not None and _is_the_message(data, decoded, messages, haul.limits):
        haul.add(_single(haul, data, decoded, replace(_NOTHING, source=source or data, name=name, layers=inside)))
        if messages:
            haul.texts += _around(haul, text, messages)
        haul.problems += _share_of_body(data)
        return f"{_SINGLE} ({' → '.join(decoded.layers)})" if decoded.data else _what_it_is(data)
    for message in messages:
        repairs = ("escapes of JSON removed", *message.repairs) if text is not data else message.repairs
        layers = inside if inside[-1:] == ("mail",) else (*inside, "text")
        haul.add(Piece(message.source, name, layers=layers, repairs=repairs))
    if messages:
        haul.texts += _around(haul, text, messages)
        return "a text"
    if errors := explain_errors(_around(haul, text, messages)):
        haul.errors += errors
        return "an error text"
    if source is not None:
        _take_unknown(haul, source, data)
    return _what_it_is(data)


_SINGLE: Final = "one message"
_NOTHING: Final = Piece(b"", "")


def _what_it_is(data: bytes) -> str:
    """What an input without a message is, to continue "This is ..."."""
    if not data.strip():
        return "an empty input"
    said = what_is_this(data[: 4 * WINDOW]).partition(". ")[0].rstrip(".")
    return said.removeprefix("This is ") if said.startswith("This is ") else "something that cannot be read"


def _is_whole(data: bytes, messages: tuple[Message, ...]) -> bool:
    return len(messages) == 1 and messages[0].begin == 0 and not data[messages[0].end :].strip()


def _is_the_message(data: bytes, decoded: Decoded, messages: tuple[Message, ...], limits: Limits) -> bool:
    """Whether the input as a whole is one message, and not a text in which one stands."""
    if not decoded.data:
        return bool(decoded.problems) and (not messages or _is_whole(data, messages))
    if not decoded.problems or not messages:
        return True
    alone = decode(messages[0].source, limits=limits)
    return len(alone.problems) >= len(decoded.problems) or not alone.data.rstrip().endswith(b">")


def _share_of_body(data: bytes) -> tuple[Problem, ...]:
    """How much of a copied HTTP request there is, where its Content-Length tells."""
    declared = _CONTENT_LENGTH.search(data[:16_384])
    blank = _BLANK_LINE.search(data, declared.end(), declared.end() + 16_384) if declared else None
    if declared is None or blank is None:
        return ()
    return share_problem("The body of the request", int(declared[1]), len(data) - blank.end())


_CONTENT_LENGTH: Final = re.compile(rb"^content-length:[ \t]*(\d{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")


def _single(haul: _Haul, data: bytes, decoded: Decoded, piece: Piece) -> Piece:
    """The piece for an input that is one message; where secrets stand beside it, without them."""
    removed = Removed()
    if is_html(data):
        form = form_of_page(data, removed)
        haul.notes += removed.note()
        return replace(piece, source=form, layers=(*piece.layers, "html-form")) if form and removed.counts else piece
    if data[:WINDOW].lstrip()[:1] == b"<" or not _any_secrets(data):
        return piece
    text = without_secrets(data.decode("utf-8", "replace"), removed)
    haul.notes += removed.note() or ("What stood around the message was left out, because it may hold secrets.",)
    messages = find_messages(data)
    source = messages[0].source if messages else text.encode()
    return replace(piece, source=source, relay_state=decoded.relay_state)


def _take_unknown(haul: _Haul, source: str | bytes, data: bytes) -> None:
    """An input without a message is for inspect() to name; it keeps no secrets either."""
    haul.is_unknown = True
    if _TOKEN.match(data[:WINDOW]) or not _any_secrets(data):
        haul.pieces.append(Piece(source, ""))
        return
    removed = Removed()
    text = without_secrets(data[: haul.limits.encoded_bytes].decode("utf-8", "replace"), removed)
    haul.notes += removed.note()
    haul.add(Piece(text, ""))


_TOKEN: Final = re.compile(rb"\s*eyJ[\w\-.]+\s*\Z")


def _any_secrets(data: bytes) -> bool:
    return any(has_secrets(data[at : at + WINDOW + 128]) for at in range(0, len(data), WINDOW))


def _around(haul: _Haul, text: bytes, messages: tuple[Message, ...]) -> Iterator[str]:
    """The texts around the messages, in which errors may be told; those of addresses are decoded."""
    budget = _MOST_TEXT
    for rest in remainder(text, messages):
        for at in range(0, min(len(rest), budget), 4 * WINDOW):
            part = rest[at : at + 4 * WINDOW]
            if is_html(part):
                yield text_of_page(part)
                continue
            if b"%" in part and b"error" in part:
                yield unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8", "replace")
            yield part.decode("utf-8", "replace")
        budget -= len(rest)
        if budget <= 0:
            haul.notes.append(
                f"Only the first {_MOST_TEXT // 1_048_576} MiB of the text were searched for error texts."
            )
            return
