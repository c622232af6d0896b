"""Walks JSON of any size by its structure, so that single members are found and read without reading all of it.

json.loads() of a 50 MB recording keeps every other thread waiting for a second and makes millions of objects; here
nothing is made of what nobody asks for. It knows nothing of recordings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from app.saml.decoding.captures.registry import WINDOW

_BLANK: Final = re.compile(rb"[ \t\r\n]*+")
_STRING: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_SCALAR: Final = re.compile(rb'[^ \t\r\n,:"{}\[\]]*+')
#: Everything between two brackets, whole strings too; a string that a window cuts is left to _string_end().
_FLAT: Final = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_MAX_DEPTH: Final = 200
_MAX_BRACKETS: Final = 2_000_000
_SMALL: Final = 65_536
_MOST_MEMBERS: Final = 50_000
_QUOTE, _BACKSLASH, _COMMA, _COLON = b'"\\,:'
_OPENING, _CLOSING = frozenset(b"{["), frozenset(b"}]")


class BrokenText(Exception):  # noqa: N818  a condition of the input, which the caller turns into a sentence
    """The text is no JSON from here on. `at` is where."""

    def __init__(self, at: int) -> None:
        super().__init__(f"The JSON cannot be read from byte {at + 1:,} on.")
        self.at = at


@dataclass(slots=True)
class JsonText:
    """A JSON document as bytes (UTF-8). Positions are offsets; methods raise BrokenText."""

    data: bytes
    brackets: int = 0  # seen so far; a document of nothing but brackets is given up

    def blank(self, at: int) -> int:
        """The first position from `at` that is not blank."""
        while True:
            end = _match_end(_BLANK, self.data, at)
            if end < at + WINDOW:
                return end
            at = end

    def skip(self, at: int) -> int:
        """The position after the value that begins at `at`."""
        data, size = self.data, len(self.data)
        if at >= size:
            raise BrokenText(at)
        if data[at] == _QUOTE:
            return self._string_end(at)
        if data[at] not in _OPENING:
            end = _match_end(_SCALAR, data, at)
            if end == at:
                raise BrokenText(at)
            return end
        depth = 0
        while at < size:
            character = data[at]
            if character in _OPENING:
                depth += 1
                self.brackets += 1
                if depth > _MAX_DEPTH or self.brackets > _MAX_BRACKETS:
                    raise BrokenText(at)
                at += 1
            elif character in _CLOSING:
                depth -= 1
                at += 1
                if not depth:
                    return at
            end = _match_end(_FLAT, data, at)
            if end == at and at < size and data[at] == _QUOTE:
                end = self._string_end(at)
            at = end
        raise BrokenText(size)

    def _string_end(self, at: int) -> int:
        data, size = self.data, len(self.data)
        at += 1
        while at < size:
            at = _match_end(_STRING, data, at)
            if at < size and data[at] == _QUOTE:
                return at + 1
            if at < size and data[at] == _BACKSLASH:  # the window ended between a backslash and what it escapes
                at += 2
        raise BrokenText(size)

    def members(self, at: int) -> Iterator[tuple[str, int]]:
        """(name, where its value begins) of the object at `at`. A value is passed over when the next is asked for."""
        data = self.data
        at = self.blank(at + 1)
        while at < len(data) and data[at] not in _CLOSING:
            if data[at] != _QUOTE:
                raise BrokenText(at)
            end = self._string_end(at)
            name = self.value(at, end, 1_000)
            at = self.blank(end)
            if at >= len(data) or data[at] != _COLON:
                raise BrokenText(at)
            at = self.blank(at + 1)
            yield (name if isinstance(name, str) else ""), at
            at = self._next(self.skip(at))
        if at >= len(data):
            raise BrokenText(at)

    def items(self, at: int) -> Iterator[tuple[int, int]]:
        """(begin, end) of the values of the array at `at`."""
        data = self.data
        at = self.blank(at + 1)
        while at < len(data) and data[at] not in _CLOSING:
            end = self.skip(at)
            yield at, end
            at = self._next(end)
        if at >= len(data):
            raise BrokenText(at)

    def _next(self, at: int) -> int:
        """After a value: the beginning of the next one, or the closing bracket."""
        at = self.blank(at)
        if at < len(self.data) and self.data[at] == _COMMA:
            return self.blank(at + 1)
        if at >= len(self.data) or self.data[at] not in _CLOSING:
            raise BrokenText(at)
        return at

    def find(self, at: int, name: str) -> int | None:
        """Where the value of a member of the object at `at` begins, or None."""
        if at >= len(self.data) or self.data[at : at + 1] != b"{":
            return None
        return next((begin for found, begin in self.members(at) if found == name), None)

    def spans(self, at: int) -> dict[str, tuple[int, int]]:
        """name → (begin, end) of the members of the object at `at`; {} where there is no object."""
        if self.data[at : at + 1] != b"{":
            return {}
        return {name: (begin, self.skip(begin)) for name, begin in self.members(at)}

    def value(self, begin: int, end: int, most: int) -> Any:
        """The value between two positions; None where it is longer than `most` bytes, of too many parts, or no JSON."""
        if end - begin > most:
            return None
        if end - begin > _SMALL and sum(self.data.count(c, begin, end) for c in (b"{", b"[", b",")) > _MOST_MEMBERS:
            return None
        try:
            return json.loads(self.data[begin:end])
        except (ValueError, RecursionError):
            return None


def _match_end(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    found = pattern.match(data, at, min(at + WINDOW, len(data)))
    return found.end() if found else at
