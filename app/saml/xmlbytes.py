"""What the bytes of an XML document show before the parser, and plain words for why the parser refused them.

It builds no tree; app.saml.xml does.
"""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import islice
from typing import Final

from lxml import etree

from app.saml.errors import Place, Problem
from app.saml.expectation import Limits
from app.saml.tail import how_far

_DECLARATION: Final = re.compile(rb"""\s*<\?xml\s[^>]{0,200}?\?>""")
_DECLARED_ENCODING: Final = re.compile(rb"""encoding\s*=\s*["']([^"']*)["']""")
_DTD: Final = re.compile(rb"<!(DOCTYPE|ENTITY|ATTLIST|ELEMENT|NOTATION)\b")
_TEXT: Final = re.compile(rb">[^<]")
_HTML: Final = re.compile(
    rb"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body|form|meta|script)\b", re.IGNORECASE | re.DOTALL
)

# Before the parser ---------------------------------------------------------------------------------------------------


def too_expensive(data: bytes, limits: Limits) -> tuple[Problem, ...]:
    """Limits that can be seen in the bytes alone, so that an expensive document never reaches the parser."""
    problems: list[Problem] = []
    if len(data) > limits.decoded_bytes:
        problems.append(size_problem(len(data), limits.decoded_bytes, "The XML"))
    # Every element, comment, processing instruction and CDATA section begins with "<"; end tags do not count.
    nodes = data.count(b"<")
    if nodes > limits.nodes // 2:
        nodes -= data.count(b"</")
    if limits.nodes // 2 < nodes <= limits.nodes:
        nodes += sum(1 for _ in _TEXT.finditer(data))
    if nodes > limits.nodes:
        actual = f"about {nodes:,} elements, texts and other nodes"
        problems.append(node_problem(actual, f"at most {limits.nodes:,} nodes"))
    elif len(data) > limits.text_bytes:
        longest = max(data.split(b"<"), key=len)
        tag, _, text = longest.partition(b">")
        run = max(len(tag), len(text)) if not longest.startswith(b"!") else len(longest)
        if run > limits.text_bytes:
            declared = tag.count(b"xmlns:")
            limit = f"at most {limits.text_bytes:,} bytes in one run"
            if declared > limits.namespaces_in_scope:
                problems.append(namespace_problem(declared, limits.namespaces_in_scope))
            else:
                problems.append(node_problem(f"one run of {run:,} bytes", limit))
    return tuple(problems)


def size_problem(actual: int, limit: int, what: str) -> Problem:
    """The finding of encoding-size-limit."""
    return Problem(
        "encoding-size-limit",
        f"{what} is {actual:,} bytes long; nothing longer than {limit:,} bytes is read.",
        f"at most {limit:,} bytes",
        f"{actual:,} bytes",
    )


def node_problem(actual: str, expected: str, at: Place | None = None) -> Problem:
    message = f"The document is refused as too expensive: it has {actual}, and {expected} are read."
    return Problem("xml-node-limit", message, expected, actual, at)


def namespace_problem(actual: int, limit: int) -> Problem:
    """The finding of xml-namespace-limit (checks.md finding 4)."""
    return Problem(
        "xml-namespace-limit",
        f"More than {limit} namespace declarations are in scope of one element, which makes canonicalisation so slow "
        "that it is an attack; the document is refused.",
        f"at most {limit} in scope",
        f"{actual:,} in scope",
    )


def charset_problem(data: bytes) -> Problem | None:
    """UTF-8 and nothing else: other encodings hide a DOCTYPE from a scan of the bytes (checks.md finding 8)."""

    def refuse(actual: str) -> Problem:
        message = f"The document is written in {actual}. SAML messages are UTF-8; save or send it as UTF-8."
        return Problem("encoding-charset", message, "UTF-8", actual)

    head = data[:4]
    if head in (b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"<\0\0\0", b"\0\0\0<"):
        return refuse("UTF-32")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"):
        return refuse("UTF-16")
    if head == b"\x4c\x6f\xa7\x94":
        return refuse("EBCDIC")
    if b"+ADw-" in data[:64] or b"+ADwA" in data[:64]:
        return refuse("UTF-7")
    if declaration := _DECLARATION.match(data):
        encoding = _DECLARED_ENCODING.search(declaration[0])
        name = encoding[1].decode("latin-1") if encoding else "UTF-8"
        ascii_only = name.upper() in ("US-ASCII", "ASCII")
        if not ascii_only and name.upper() not in ("UTF-8", "UTF8"):
            return refuse(f"“{name[:40]}”, as its XML declaration says")
        if ascii_only and not data.isascii():
            return refuse("ASCII by its declaration, but has other characters")
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as e:
            line = data.count(b"\n", 0, e.start) + 1
            return Problem(
                "encoding-charset",
                f"Byte {e.start + 1:,} (line {line}) is not valid UTF-8: {_other_encoding(data, e.start)}.",
                "UTF-8",
                f"byte 0x{data[e.start]:02X}",
                Place("/", line),
            )
    if (nul := data.find(b"\0")) >= 0:
        return Problem(
            "encoding-charset",
            f"Byte {nul + 1:,} is NUL, which no XML document contains; this is not text, or it is not UTF-8.",
            "UTF-8 text",
            "a NUL byte",
        )
    return None


def _other_encoding(data: bytes, at: int) -> str:
    letter = data[at : at + 1].decode("cp1252", "replace")
    if not letter.isalpha():
        return "the text was saved in another encoding or is damaged"
    return f"read as Windows-1252 (Latin-1) it is “{letter}”, so the text was saved in that encoding; save it as UTF-8"


#: The UTF-8 of the characters U+0080 to U+00BF, and of what Windows-1252 has in their places.
_CONTINUES: Final = (
    rb"(?:\xc2[\x80-\xbf]|\xc5[\x92\x93\xa0\xa1\xb8\xbd\xbe]|\xc6\x92|\xcb[\x86\x9c]|\xe2\x80[\x93-\xba]|\xe2\x84\xa2)"
)
#: “Ã¼”, “â€™”: UTF-8 that somebody read as Latin-1 or Windows-1252 and wrote as UTF-8 again.
_READ_AS_LATIN: Final = re.compile(rb"\xc3\x83" + _CONTINUES + rb"|\xc3\xa2\xe2\x82\xac" + _CONTINUES)
_MOST_LOOKED_AT: Final = 200


def _as_meant(shown: str) -> str | None:
    for encoding in ("cp1252", "latin-1"):
        with suppress(UnicodeError):
            return shown.encode(encoding).decode("utf-8")
    return None


def misread_problem(data: bytes) -> Problem | None:
    """Letters that a Latin-1 decoder made out of UTF-8, in a document that was pasted as text; it only warns."""
    for found in islice(_READ_AS_LATIN.finditer(data), _MOST_LOOKED_AT):
        shown = found[0].decode("utf-8", "replace")
        meant = _as_meant(shown)
        if meant is None:
            continue
        line = data.count(b"\n", 0, found.start()) + 1
        message = (
            f"Letters are damaged: “{shown[:20]}” stands where “{meant[:20]}” was meant (line {line}). Something read "
            "the UTF-8 text as Latin-1 (Windows-1252), as some decoders do with base64, so no signature over it can "
            "fit. Take the base64 text itself."
        )
        return Problem("encoding-charset", message, meant[:20], shown[:20], Place("/", line), "warning")
    return None


NO_DTD: Final = (
    "The document contains a document type declaration. No SAML message has one; it is how entity attacks "
    "(reading files, exhausting memory) are carried out, so the document is refused unread."
)


def dtd_problems(data: bytes) -> tuple[Problem, ...]:
    found = {m[1]: m.start() for m in _DTD.finditer(data)}
    if not found:
        return ()
    word, start = min(found.items(), key=lambda kv: kv[1])
    at = Place("/", data.count(b"\n", 0, start) + 1)
    problems = [Problem("xml-no-dtd", NO_DTD, "no DOCTYPE", f"<!{word.decode()}", at)]
    if b"ENTITY" in found:
        at = Place("/", data.count(b"\n", 0, found[b"ENTITY"]) + 1)
        message = "The document declares entities of its own. Text must be written out, so the document is refused."
        problems.append(Problem("xml-no-entity", message, "no entity", "<!ENTITY", at))
    return tuple(problems)


# When the parser refuses ----------------------------------------------------------------------------------------------

_TOO_MUCH: Final = 114  # XML_ERR_RESOURCE_LIMIT
_NAME_TOO_LONG: Final = 110


def syntax_problem(data: bytes, parser: etree.XMLParser, error: etree.XMLSyntaxError, limits: Limits) -> Problem:
    first = parser.error_log[0] if len(parser.error_log) else None
    code = first.type if first is not None else error.code
    text = (first.message if first is not None else error.msg or "").strip()
    line, column = (first.line, first.column) if first is not None else (error.lineno or 0, error.offset or 0)
    at = Place("/", line)
    if code == _TOO_MUCH and "depth" in text:
        message = f"The elements are nested more than 256 deep; at most {limits.depth} levels are read."
        return Problem("xml-depth-limit", message, f"at most {limits.depth} levels", "more than 256 levels", at)
    if code in (_TOO_MUCH, _NAME_TOO_LONG):
        what = "a name" if code == _NAME_TOO_LONG else "a text"
        return node_problem(f"{what} of more than 50,000 characters", "only shorter ones", at)
    hint = _syntax_hint(code, text, data, line, column)
    message = f"This is not well-formed XML: {hint} (line {line}, column {column})."
    return Problem("xml-wellformed", message, "well-formed XML", text[:200], at)


def _quoted(text: str) -> str:
    """The first word that libxml2 puts into its message for a name."""
    found = re.search(r"'([^']+)'|(?:prefix|Attribute) (\S+)|mismatch: (\S+)|in tag (\S+)", text)
    return next((g for g in found.groups() if g), "?")[:60] if found else "?"


_TYPOGRAPHIC: Final = tuple(mark.encode() for mark in "“”„‟‘’‚‛«»")


def _syntax_hint(code: int, text: str, data: bytes, line: int, column: int) -> str:
    """What a person must repair, for one libxml2 error code."""
    if _HTML.match(data):
        return "this is an HTML page; copy the value of its SAMLResponse field instead"
    if not data.strip():
        return "there is nothing in it"
    if code == 4:
        return "it does not begin with an element"
    if code in (23, 68) and "ntityRef" in text:
        return "an ampersand must be written as “&amp;”"
    if code == 26:
        return f"the entity “&{_quoted(text)};” exists in HTML only; write the character itself"
    if code == 201:
        return f"the prefix “{_quoted(text)}” is used but never declared with xmlns:{_quoted(text)}=..."
    if code == 42:
        return f"the attribute “{_quoted(text)}” stands twice on one element"
    if code == 5:
        return "something follows the end of the root element, and there must be nothing more than one root"
    if code == 64:
        return "the XML declaration must be the very first thing, without a blank or a line before it"
    if code == 76:
        return f"the element “{_quoted(text)}” is not closed before its parent ends; a part is missing or was cut out"
    if _at_end(data, line, column):
        inside = f" inside “{_quoted(text)}”" if code == 77 else ""
        there = how_far(data)
        known = f"; {there}" if there else ""
        return f"it breaks off{inside} after {len(data):,} bytes{known}; it was probably cut when it was copied"
    if code == 39 and any(mark in data for mark in _TYPOGRAPHIC):
        return (
            "its quotation marks are typographic (“…”), as word processors and mail programs make them of straight "
            "ones; copy it again from where it was recorded"
        )
    if code == 9:
        return "it contains a control character, which XML does not allow"
    if "ersion" in text and "nsupported" in text:
        return f"it says that it is XML {_quoted(text)}; SAML messages are XML 1.0"
    if code == 99:
        return f"the namespace name “{_quoted(text)}” is not a URI"
    return text[:160] or "the parser gives no reason"


def _at_end(data: bytes, line: int, column: int) -> bool:
    last_line = data.count(b"\n") + 1
    return line >= last_line and column >= len(data) - (data.rfind(b"\n") + 1)


def is_html(data: bytes) -> bool:
    """Whether bytes begin like an HTML page."""
    return _HTML.match(data) is not None
