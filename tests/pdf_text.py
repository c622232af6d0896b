"""The text of a PDF of ours as a reader finds it: objects by their table, glyphs by the ToUnicode of the font."""

from __future__ import annotations

import re
import zlib

_SHOWN = re.compile(rb"/(\w+) [\d.]+ Tf [\d.]+ [\d.]+ Td <([0-9a-f]*)> Tj")


class Pdf:
    """`lines` are the lines of each page; `objects` what each object holds, streams inflated."""

    def __init__(self, data: bytes) -> None:
        assert data.startswith(b"%PDF-1.")
        begin = int(re.search(rb"startxref\n(\d+)\n%%EOF\n\Z", data)[1])  # type: ignore[index]
        assert data[begin : begin + 5] == b"xref\n"
        places = [int(p) for p in re.findall(rb"^(\d{10}) 00000 n $", data[begin:], re.MULTILINE)]
        self.objects: dict[int, tuple[bytes, bytes]] = {}
        for number, at in enumerate(places, 1):
            head = f"{number} 0 obj\n".encode()
            assert data[at : at + len(head)] == head
            self.objects[number] = self._object(data, at + len(head))
        assert begin == len(data[: data.index(b"xref\n")])
        self.lines = [self._page(body) for body, _ in self.objects.values() if b"/Type /Page " in body]

    @staticmethod
    def _object(data: bytes, at: int) -> tuple[bytes, bytes]:
        end = data.index(b"endobj", at)
        if b"stream\n" not in data[at:end]:
            return data[at:end], b""
        body = data[at : data.index(b"stream\n", at)]
        length = int(re.search(rb"/Length (\d+)", body)[1])  # type: ignore[index]
        start = at + len(body) + len(b"stream\n")
        assert data[start + length : start + length + 10] == b"\nendstream"
        return body, zlib.decompress(data[start : start + length])

    def _page(self, body: bytes) -> list[str]:
        content = int(re.search(rb"/Contents (\d+) 0 R", body)[1])  # type: ignore[index]
        fonts = {name: self._characters(int(n)) for name, n in re.findall(rb"/([RB]) (\d+) 0 R", body)}
        found = []
        for name, codes in _SHOWN.findall(self.objects[content][1]):
            glyphs = [codes[i : i + 4] for i in range(0, len(codes), 4)]
            found.append("".join(fonts[name][g] for g in glyphs))
        return found

    def _characters(self, font: int) -> dict[bytes, str]:
        way_back = int(re.search(rb"/ToUnicode (\d+) 0 R", self.objects[font][0])[1])  # type: ignore[index]
        pairs = re.findall(rb"<([0-9a-f]{4})> <([0-9a-f]{4})>", self.objects[way_back][1])
        return {glyph: chr(int(code, 16)) for glyph, code in pairs if glyph != b"0000"}

    @property
    def text(self) -> str:
        """All of it, a line below the other."""
        return "\n".join(line for page in self.lines for line in page)

    @property
    def flat(self) -> str:
        """All but the feet of the pages, without any blank: where a line was broken does not matter."""
        return "".join("".join(line.split()) for page in self.lines for line in page[:-1])
