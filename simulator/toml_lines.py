"""On which line of a TOML text a key stands: the standard library's reader does not tell. It reads no values."""

from __future__ import annotations

import re


class Lines:
    """The lines of a TOML text that was read already, so that what is wrong in it can be shown where it stands."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def of(self, key: str, table: str = "", nth: int = 0) -> int | None:
        """The line where the key stands in the nth table of that name, or where that table begins; counted from 1."""
        start = 0
        if table:
            heads = [n for n, line in enumerate(self._lines) if re.match(rf"\s*\[\[?\s*{re.escape(table)}\s*\]", line)]
            if nth >= len(heads):
                return None
            start = heads[nth]
        pattern = re.compile(rf"\s*(\[.*\b)?[\"']?{re.escape(key)}[\"']?\s*(=|\]|\.)")
        for n in range(start, len(self._lines)):
            if table and n > start and re.match(r"\s*\[\[", self._lines[n]):
                break
            if pattern.match(self._lines[n]):
                return n + 1
        return start + 1 if table else None


def line_of_error(error: Exception) -> int | None:
    """The line that an error of tomllib names."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found.group(1)) if found else None


def toml_text(value: str) -> str:
    """A text as TOML writes it, in double quotes."""
    short = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    # What cannot be seen, or turns the direction of writing, is written as its number.
    return '"' + "".join(short.get(c) or (c if c.isprintable() else _numbered(c)) for c in value) + '"'


def _numbered(c: str) -> str:
    return f"\\u{ord(c):04X}" if ord(c) <= 0xFFFF else f"\\U{ord(c):08X}"
