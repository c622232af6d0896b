"""Reports as one PDF: text alone, in our own fonts. No script, no link, no form, nothing loaded or attached.

What was pasted is drawn as characters and can be nothing else. One that the font lacks is written as its code point.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from app.paper import shown
from app.sharing.content import TOOL, Content, particulars
from app.sharing.truetype import Font, bundled

_WIDTH, _HEIGHT, _MARGIN = 595.0, 842.0, 50.0  # A4 in points
_INNER: Final = _WIDTH - 2 * _MARGIN
_BESIDE: Final = 140.0
_FOOT: Final = 30.0
_LEADING: Final = 1.42
Tone = Literal["text", "muted", "ok", "warning", "error"]
Face = Literal["R", "B"]
_RULE: Final = (0xE3, 0xE6, 0xEB)
#: The tokens of the light theme: contrast of at least 4.5 on white.
_TONES: Final[dict[Tone, tuple[int, int, int]]] = {
    "text": (0x1C, 0x23, 0x30),
    "muted": (0x66, 0x70, 0x85),
    "ok": (0x12, 0x80, 0x5C),
    "warning": (0xB2, 0x5E, 0x09),
    "error": (0xC6, 0x30, 0x3E),
}
_VERDICTS: Final[dict[str, Tone]] = {"accept": "ok", "reject": "error"}
_STATUSES: Final[dict[str, Tone]] = {"fail": "error", "warn": "warning", "skipped": "warning", "pass": "ok"}


@dataclass(frozen=True, slots=True)
class _Line:
    """A paragraph in one style. `indent` is in points; `above` is the room before it.

    `beside` is what it is called, to the left of it; on a line of its own where it is long.
    """

    text: str
    beside: str = ""
    size: float = 9.0
    bold: bool = False
    tone: Tone = "text"
    indent: float = 0.0
    above: float = 0.0
    rule: bool = False


def pdf(contents: Iterable[Content]) -> bytes:
    """The file; b"" where there is no report. Each begins on a new page."""
    book = _Book()
    for content in contents:
        book.begin_page()
        for line in _lines(content):
            book.put(line)
    return book.file() if book.pages else b""


# What is said ---------------------------------------------------------------------------------------------------------


def _lines(content: Content) -> Iterator[_Line]:
    report = content.report
    yield _Line(content.verdict, size=18, bold=True, tone=_VERDICTS.get(report["verdict"], "warning"))
    yield _Line(report["headline"], size=11, above=4)
    for cause in content.causes:
        yield _Line(cause["title"], size=11, bold=True, above=12)
        yield _Line(cause["cause"], above=2)
        yield _Line(cause["acts"], tone="muted", above=2)
        for vendor, steps in cause["steps"]:
            yield _Line(f"{vendor}: {steps}", indent=12, above=2)
    yield _heading("Findings")
    for check in content.findings:
        yield _Line(f"{check['status'].upper()}  {check['id']}", bold=True, tone=_tone_of(check["status"]), above=5)
        yield _Line(check["message"], indent=12)
        for what, value in particulars(check):
            yield _Line(f"{what}: {value}", size=8, tone="muted", indent=12)
    yield _Line(f"{content.passed} checks passed.", tone="muted", above=5)
    yield from _table("Signatures", ((s["covers"], _signature(s)) for s in report["signatures"]))
    subject = report["subject"]
    rows = [] if subject is None else [("NameID", f"{subject['name_id']} ({subject['provenance']})")]
    yield from _table("Claims", [*rows, *((a["name"], ", ".join(a["values"])) for a in report["attributes"])])
    yield from _table("Times", content.instants)
    decided = report["provisioning"]
    if decided is not None:
        yield _heading("Provisioning")
        yield _Line(f"{decided['outcome']}: {decided['message']}")
        for change in decided["changes"]:
            yield _Line(f"{change['field']}: {change['old'] or 'nothing'} → {change['new'] or 'nothing'}", indent=12)
    yield from _table("Message", content.facts)
    yield from _table("Redaction", content.receipt)
    for title, xml in (("Message, masked", content.xml), ("Decrypted part, masked", content.decrypted)):
        if xml:
            yield _heading(title)
            for part in xml.split("\n"):
                yield _Line(part, size=7.5)


def _tone_of(status: str) -> Tone:
    return _STATUSES.get(status, "muted")


def _heading(title: str) -> _Line:
    return _Line(title, size=11, bold=True, above=16, rule=True)


def _signature(s: dict[str, object]) -> str:
    return f"{s['status']}, {'trusted' if s['trusted'] else 'not trusted'}, {s['algorithm']}, {s['key']}"


def _table(title: str, rows: Iterable[tuple[str, str]]) -> Iterator[_Line]:
    filled = list(rows)
    if filled:
        yield _heading(title)
        for what, value in filled:
            yield _Line(value or "nothing", beside=what, above=2)


# How it is drawn ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Book:
    """Pages as they fill. Fonts are written at the end, with the glyphs that were used."""

    pages: list[list[str]] = field(default_factory=list)
    used: dict[Face, dict[int, int]] = field(default_factory=lambda: {"R": {}, "B": {}})
    y: float = 0.0

    def begin_page(self) -> None:
        self.pages.append([])
        self.y = _HEIGHT - _MARGIN

    def put(self, line: _Line) -> None:
        """A paragraph, broken into as many lines and pages as it takes."""
        face: Face = "B" if line.bold else "R"
        height = line.size * _LEADING
        self.y -= line.above
        # No heading, and no name, without anything below it.
        if (line.bold or line.beside) and self.y < _MARGIN + _FOOT + 3 * height:
            self.begin_page()
        if line.rule:
            self._draw_rule()
        indent = line.indent
        if line.beside:
            indent = _BESIDE
            names = list(_wrapped(_drawable(line.beside, _font("R")), _columns(_BESIDE - 8, line.size)))
            if len(names) > 1:
                names = list(_wrapped(_drawable(line.beside, _font("R")), _columns(_INNER, line.size)))
                for name in names:
                    self._next_line(height)
                    self._draw(self.pages[-1], name, "R", line.size, "muted", _MARGIN, self.y)
                names = []
        else:
            names = []
        for text in _wrapped(_drawable(line.text, _font(face)), _columns(_INNER - indent, line.size)):
            self._next_line(height)
            if names:  # read before the value
                self._draw(self.pages[-1], names.pop(), "R", line.size, "muted", _MARGIN, self.y)
            self._draw(self.pages[-1], text, face, line.size, line.tone, _MARGIN + indent, self.y)

    def _next_line(self, height: float) -> None:
        if self.y - height < _MARGIN + _FOOT:
            self.begin_page()
        self.y -= height

    def _draw_rule(self) -> None:
        red, green, blue = (c / 255 for c in _RULE)
        at = self.y + 4
        self.pages[-1].append(
            f"{red:.3f} {green:.3f} {blue:.3f} RG 0.7 w {_MARGIN:g} {at:.2f} m {_WIDTH - _MARGIN:g} {at:.2f} l S"
        )
        self.y -= 6

    def _draw(self, page: list[str], text: str, face: Face, size: float, tone: Tone, x: float, y: float) -> None:
        if not text:
            return
        font, used = _font(face), self.used[face]
        codes = []
        for c in text:
            glyph = font.glyphs[ord(c)]
            used.setdefault(glyph, ord(c))
            codes.append(f"{glyph:04x}")
        red, green, blue = (c / 255 for c in _TONES[tone])
        page.append(
            f"BT {red:.3f} {green:.3f} {blue:.3f} rg /{face} {size:g} Tf {x:.2f} {y:.2f} Td <{''.join(codes)}> Tj ET"
        )

    def file(self) -> bytes:
        """All of it as a PDF 1.7 (ISO 32000-1)."""
        count = len(self.pages)
        for number, page in enumerate(self.pages, 1):
            self._draw(page, f"{TOOL} · page {number} of {count}", "R", 7.5, "muted", _MARGIN, _MARGIN)
        objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
        fonts: dict[Face, int] = {}
        for face in self.used:
            fonts[face] = len(objects) + 1
            objects += _font_objects(_font(face), self.used[face], len(objects) + 1)
        resources = " ".join(f"/{face} {number} 0 R" for face, number in fonts.items())
        kids = []
        for page in self.pages:
            content = len(objects) + 2
            kids.append(f"{len(objects) + 1} 0 R")
            objects.append(
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH:g} {_HEIGHT:g}] /Contents {content} 0 R "
                f"/Resources << /Font << {resources} >> >> >>".encode()
            )
            objects.append(_stream("\n".join(page).encode("ascii")))
        objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {count} >>".encode()
        objects.append(f"<< /Title (Report) /Producer ({TOOL}) >>".encode("ascii", "replace"))
        return _written(objects)


def _font(face: Face) -> Font:
    return bundled("JetBrainsMono-Bold" if face == "B" else "JetBrainsMono-Regular")


def _drawable(text: str, font: Font) -> str:
    """The text with what is hidden, and what the font lacks, written as code points."""
    seen = str(shown(text)).replace("\t", "    ")
    return "".join(c if c == "\n" or ord(c) in font.glyphs else f"⟨U+{ord(c):04X}⟩" for c in seen)


def _columns(room: float, size: float) -> int:
    """How many characters fit: both fonts are of one width."""
    return int(room / (size * _font("R").width / 1000))


def _wrapped(text: str, columns: int) -> Iterator[str]:
    """Lines of at most `columns` characters, broken at blanks where there are any."""
    for paragraph in text.split("\n"):
        rest = paragraph.rstrip()
        indent = " " * min(len(rest) - len(rest.lstrip()), columns // 2)
        first = True
        while first or rest:
            room = columns if first else columns - len(indent)
            at = rest.rfind(" ", room // 2, room + 1) if len(rest) > room else len(rest)
            at = at if at > 0 else room
            yield (rest if first else indent + rest)[: at + (0 if first else len(indent))]
            rest = rest[at:].lstrip() if len(rest) > at else ""
            first = False


# The file -------------------------------------------------------------------------------------------------------------


def _font_objects(font: Font, used: dict[int, int], first: int) -> list[bytes]:
    """A composite font with glyph ids as its codes (ISO 32000-1 §9.7), and the way back to text."""
    name = f"SUBSET+{font.name}"
    data = font.subset(used)
    left, bottom, right, top = font.box
    return [
        f"<< /Type /Font /Subtype /Type0 /BaseFont /{name} /Encoding /Identity-H /DescendantFonts [{first + 1} 0 R] "
        f"/ToUnicode {first + 4} 0 R >>".encode(),
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{name} /CIDSystemInfo << /Registry (Adobe) /Ordering "
        f"(Identity) /Supplement 0 >> /FontDescriptor {first + 2} 0 R /DW {font.width} "
        "/CIDToGIDMap /Identity >>".encode(),
        f"<< /Type /FontDescriptor /FontName /{name} /Flags 5 /FontBBox [{left} {bottom} {right} {top}] /ItalicAngle 0 "
        f"/Ascent {font.ascent} /Descent {font.descent} /CapHeight {font.ascent} /StemV 80 /FontFile2 {first + 3} 0 R "
        ">>".encode(),
        _stream(data, f"/Length1 {len(data)}"),
        _stream(_to_unicode(used)),
    ]


def _to_unicode(used: dict[int, int]) -> bytes:
    pairs = [f"<{glyph:04x}> <{code:04x}>" for glyph, code in sorted(used.items())]
    blocks = [pairs[at : at + 100] for at in range(0, len(pairs), 100)]  # the most that one block may have
    maps = "\n".join(f"{len(b)} beginbfchar\n{chr(10).join(b)}\nendbfchar" for b in blocks)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        f"1 begincodespacerange <0000> <ffff> endcodespacerange\n{maps}\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    ).encode("ascii")


def _stream(data: bytes, more: str = "") -> bytes:
    packed = zlib.compress(data, 6)
    return f"<< /Length {len(packed)} /Filter /FlateDecode {more} >>\nstream\n".encode() + packed + b"\nendstream"


def _written(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    begin = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{at:010} 00000 n \n".encode() for at in places)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>\n".encode()
    return bytes(out + f"startxref\n{begin}\n%%EOF\n".encode())
