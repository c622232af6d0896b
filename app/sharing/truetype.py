"""What a PDF needs of a TrueType font: its glyphs by character, its measures, and a copy with the used glyphs only.

It reads our own bundled fonts, never one that came from outside (OpenType 1.9).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

#: The tables that a font inside a PDF must have (ISO 32000-1 §9.9).
_KEPT: Final = ("head", "hhea", "maxp", "hmtx", "loca", "glyf", "cvt ", "fpgm", "prep")
_MORE_PARTS, _WORDS, _SCALE, _TWO_SCALES, _MATRIX = 0x20, 0x1, 0x8, 0x40, 0x80


@dataclass(frozen=True, eq=False)
class Font:
    """`glyphs` maps code points to glyph ids. The measures are in thousandths of the font size; every glyph is `width`
    wide, so only fonts of one width will do."""

    name: str
    glyphs: dict[int, int]
    width: int
    ascent: int
    descent: int
    box: tuple[int, int, int, int]
    tables: dict[str, bytes]

    def subset(self, used: Iterable[int]) -> bytes:
        """The font with the outlines of these glyphs alone; their ids stay as they are."""
        outlines = _outlines(self.tables)
        wanted = {0, *used}
        waiting = list(wanted)
        while waiting:
            for part in _parts(outlines[waiting.pop()]):
                if part not in wanted:
                    wanted.add(part)
                    waiting.append(part)
        glyf, loca = bytearray(), bytearray(b"\0\0\0\0")
        for number, outline in enumerate(outlines):
            if number in wanted:
                glyf += outline + b"\0" * (-len(outline) % 4)
            loca += struct.pack(">I", len(glyf))
        head = bytearray(self.tables["head"])
        head[50:52] = b"\0\1"  # offsets in loca have four bytes
        return _font_file({**self.tables, "head": bytes(head), "glyf": bytes(glyf), "loca": bytes(loca)})


@cache
def bundled(name: str) -> Font:
    """One of the fonts in resources/fonts by its file name without suffix."""
    return _read(name, (resources.files("resources") / "fonts" / f"{name}.ttf").read_bytes())


def _read(name: str, data: bytes) -> Font:
    count = struct.unpack_from(">H", data, 4)[0]
    tables = {}
    for n in range(count):
        tag, _sum, offset, length = struct.unpack_from(">4sIII", data, 12 + 16 * n)
        tables[tag.decode("ascii")] = data[offset : offset + length]
    em: int = struct.unpack_from(">H", tables["head"], 18)[0]
    box = struct.unpack_from(">4h", tables["head"], 36)
    ascent, descent = struct.unpack_from(">2h", tables["hhea"], 4)
    # The space stands for all of them: these are fonts of one width.
    glyphs = _glyphs(tables["cmap"])
    width = struct.unpack_from(">H", tables["hmtx"], 4 * glyphs[32])[0]

    def scaled(value: int) -> int:
        return round(value * 1000 / em)

    return Font(
        name,
        glyphs,
        scaled(width),
        scaled(ascent),
        scaled(descent),
        (scaled(box[0]), scaled(box[1]), scaled(box[2]), scaled(box[3])),
        tables,
    )


def _glyphs(cmap: bytes) -> dict[int, int]:
    """The characters of the basic plane, from the subtable of format 4."""
    for n in range(struct.unpack_from(">H", cmap, 2)[0]):
        _platform, _encoding, offset = struct.unpack_from(">HHI", cmap, 4 + 8 * n)
        if struct.unpack_from(">H", cmap, offset)[0] == 4:
            return _format_4(cmap, offset)
    raise ValueError("the font has no character table of format 4")


def _format_4(cmap: bytes, at: int) -> dict[int, int]:
    segments = struct.unpack_from(">H", cmap, at + 6)[0] // 2
    ends = struct.unpack_from(f">{segments}H", cmap, at + 14)
    begin = at + 16 + 2 * segments
    starts = struct.unpack_from(f">{segments}H", cmap, begin)
    deltas = struct.unpack_from(f">{segments}h", cmap, begin + 2 * segments)
    ranges_at = begin + 4 * segments
    ranges = struct.unpack_from(f">{segments}H", cmap, ranges_at)
    found: dict[int, int] = {}
    for n in range(segments):
        for code in range(starts[n], min(ends[n], 0xFFFE) + 1):
            glyph = code
            if ranges[n]:
                glyph = struct.unpack_from(">H", cmap, ranges_at + 2 * n + ranges[n] + 2 * (code - starts[n]))[0]
                if not glyph:
                    continue
            glyph = (glyph + deltas[n]) & 0xFFFF
            if glyph:
                found[code] = glyph
    return found


def _outlines(tables: dict[str, bytes]) -> list[bytes]:
    """The outline of every glyph, b"" for one that is blank."""
    glyphs = struct.unpack_from(">H", tables["maxp"], 4)[0]
    if struct.unpack_from(">h", tables["head"], 50)[0]:
        offsets = struct.unpack_from(f">{glyphs + 1}I", tables["loca"])
    else:
        offsets = tuple(2 * o for o in struct.unpack_from(f">{glyphs + 1}H", tables["loca"]))
    glyf = tables["glyf"]
    return [glyf[offsets[n] : offsets[n + 1]] for n in range(glyphs)]


def _parts(outline: bytes) -> Iterable[int]:
    """The glyphs that a glyph is put together from."""
    if len(outline) < 10 or struct.unpack_from(">h", outline)[0] >= 0:
        return
    at, flags = 10, _MORE_PARTS
    while flags & _MORE_PARTS:
        flags, glyph = struct.unpack_from(">HH", outline, at)
        yield glyph
        at += 8 if flags & _WORDS else 6
        at += 2 if flags & _SCALE else 4 if flags & _TWO_SCALES else 8 if flags & _MATRIX else 0


def _font_file(tables: dict[str, bytes]) -> bytes:
    kept = [(tag, tables[tag]) for tag in sorted(_KEPT) if tag in tables]
    power = 1 << (len(kept).bit_length() - 1)
    head = struct.pack(">IHHHH", 0x10000, len(kept), 16 * power, power.bit_length() - 1, 16 * (len(kept) - power))
    body = bytearray()
    begin = 12 + 16 * len(kept)
    for tag, data in kept:
        padded = data + b"\0" * (-len(data) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF
        head += struct.pack(">4sIII", tag.encode("ascii"), checksum, begin + len(body), len(data))
        body += padded
    return head + bytes(body)
