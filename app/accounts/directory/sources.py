"""The bytes of a list as rows of text cells: which encoding, which delimiter, which kind of document. It judges no row.

Rows are given one by one, so that half a million of them do not stand in memory twice.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.accounts.directory.values import DirectoryRefused

MAX_BYTES: Final = 256 * 1024 * 1024
MAX_ROWS: Final = 500_000
MAX_COLUMNS: Final = 512
#: A JSON text is held whole, so that less of it is taken.
MAX_JSON_BYTES: Final = 128 * 1024 * 1024
_CELL_LIMIT: Final = 65_536
_HEAD: Final = 65_536
_ENCODINGS: Final = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "cp1252": "Windows-1252"}
#: The names that may be asked for, to the codec.
CODECS: Final = {"UTF-8": "utf-8", "UTF-16": "utf-16", "Windows-1252": "cp1252"}
_DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_NO_LIST: Final = (
    (b"PK\x03\x04", "This is an Excel workbook or an archive. In the spreadsheet choose Save as, CSV UTF-8."),
    (b"\xd0\xcf\x11\xe0", "This is an old Excel workbook. In the spreadsheet choose Save as, CSV UTF-8."),
    (b"%PDF", "This is a PDF document. Export the people as CSV instead."),
    (b"\x1f\x8b", "This file is compressed (gzip). Unpack it first."),
    (b"<", "This is a web page or XML, not a list of people. Perhaps the session had ended when it was downloaded."),
)

#: A row of a list: its number as people count, and its cells; a sentence instead where it cannot be read.
Row = tuple[int, Sequence[str] | str]


@dataclass(frozen=True, slots=True)
class Source:
    """A list before its cells are judged. `estimate` is how many rows it may have, for progress."""

    kind: str
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    rows: Iterator[Row]
    estimate: int
    partial_because: str = ""


def open_source(data: bytes, encoding: str | None = None) -> Source:
    """Find out what it is. `encoding` is one of CODECS, or None to detect it. DirectoryRefused where it is no list."""
    if len(data) > MAX_BYTES:
        raise DirectoryRefused(f"The list has more than {MAX_BYTES // 1_048_576} MB. Export fewer columns, or a part.")
    if not data.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise DirectoryRefused("The list is empty. Export it again.")
    codec, skip, shown = _encoding(data, encoding)
    head = data[skip : skip + _HEAD].decode(codec, "replace").lstrip()
    for start, sentence in _NO_LIST:
        if data.startswith(start) or (start == b"<" and head.startswith("<")):
            raise DirectoryRefused(sentence)
    if head[:1] in ("{", "["):
        return _json(data, codec, skip, shown)
    return _table(data, codec, skip, shown, head)


def _encoding(data: bytes, asked: str | None) -> tuple[str, int, str]:
    """(codec, bytes of the byte order mark, name)."""
    if asked is not None:
        if asked not in CODECS:
            raise DirectoryRefused(f"The encoding must be one of: {', '.join(CODECS)}.")
        if asked != "UTF-16":
            return CODECS[asked], 3 if asked == "UTF-8" and data.startswith(b"\xef\xbb\xbf") else 0, asked
    for mark, codec in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return codec, len(mark), _ENCODINGS[codec] + (" with byte order mark" if codec == "utf-8" else "")
    start = data[:1024]
    # Text of these columns is mostly ASCII, so that every other byte is zero in UTF-16.
    if start[1::2].count(0) > len(start) // 4 and start[::2].count(0) == 0:
        return "utf-16-le", 0, "UTF-16"
    if start[::2].count(0) > len(start) // 4 and start[1::2].count(0) == 0:
        return "utf-16-be", 0, "UTF-16"
    if b"\0" in start:
        raise DirectoryRefused("This is not text. Export the people as CSV in UTF-8.")
    return "utf-8", 0, "UTF-8"


def undecodable(data: bytes, error: UnicodeError) -> DirectoryRefused:
    """What to say of bytes that are not in the encoding: the line, and what helps."""
    at = error.start if isinstance(error, UnicodeDecodeError) else 0
    line = data.count(b"\n", 0, at) + 1 if isinstance(error, UnicodeDecodeError) else 0
    where = f"Line {line}" if line else "A line"
    return DirectoryRefused(
        f"{where} is not written in UTF-8. Export with -Encoding utf8, save it as CSV UTF-8, or say that it is "
        "Windows-1252."
    )


# Tables --------------------------------------------------------------------------------------------------------------


def _table(data: bytes, codec: str, skip: int, shown: str, head: str) -> Source:
    if codec == "utf-8":
        # Found before anything is read, with its line; a stream would name a place within a block.
        try:
            data.decode(codec)
        except UnicodeDecodeError as e:
            raise undecodable(data, e) from e
    text = io.TextIOWrapper(io.BytesIO(data), encoding=codec, errors="strict", newline="")
    text.seek(skip)
    lines: Iterator[str] = iter(text)
    passed = 0
    first = _next(lines, data)
    delimiter = ""
    # PowerShell writes the type first, Excel the delimiter.
    while first.strip("\r\n\t ,;").startswith(("#TYPE", '"#TYPE')) or first[:4].lower() == "sep=" or not first.strip():
        delimiter = first[4:5] if first[:4].lower() == "sep=" and first[4:5] in _DELIMITERS else delimiter
        first = _next(lines, data)
        passed += 1
    delimiter = delimiter or _delimiter(first)
    reader = csv.reader(itertools.chain([first], lines), delimiter=delimiter, strict=True)
    try:
        columns = tuple(c.strip().lstrip("\ufeff") for c in next(reader))
    except (csv.Error, UnicodeError) as e:
        raise DirectoryRefused("The first line holds no names of columns: a quotation mark is not closed.") from e
    while columns and not columns[-1]:
        columns = columns[:-1]
    if len(columns) > MAX_COLUMNS:
        raise DirectoryRefused(f"The list has more than {MAX_COLUMNS} columns. Export fewer.")
    twice = next((c for c in columns if c and [x.lower() for x in columns].count(c.lower()) > 1), None)
    if twice is not None:
        raise DirectoryRefused(f"The column “{twice[:60]}” stands there twice. Remove one of them.")
    estimate = max(1, data.count(b"\n"))
    return Source("table", shown, delimiter, columns, _rows(reader, passed, len(columns), data), estimate)


def _next(lines: Iterator[str], data: bytes) -> str:
    try:
        return next(lines)
    except StopIteration as e:
        raise DirectoryRefused("The list holds no row. Export it again.") from e
    except UnicodeError as e:
        raise undecodable(data, e) from e


def _delimiter(line: str) -> str:
    """The delimiter that gives the most columns in the line of their names."""
    return max(_DELIMITERS, key=lambda d: (len(next(csv.reader([line], delimiter=d), [])), d == ","))


def _rows(reader: Any, passed: int, width: int, data: bytes) -> Iterator[Row]:
    """The rows after the names of columns, numbered by the line they begin in."""
    while True:
        number = passed + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as e:
            yield number, _broken(str(e))
            return  # after a broken quotation mark, nothing that follows can be told apart
        except UnicodeError as e:
            raise undecodable(data, e) from e
        if not any(cells):
            continue
        if len(cells) != width:
            if len(cells) > width and not any(cells[width:]):
                cells = cells[:width]
            else:
                yield number, f"It has {len(cells)} cells where the first line names {width} columns."
                continue
        if max(map(len, cells)) > _CELL_LIMIT or "\0" in "".join(cells):
            yield number, "It holds a cell that is too long, or a NUL character."
            continue
        yield number, cells


def _broken(said: str) -> str:
    if "field larger" in said:
        return "A cell never ends: probably a quotation mark is missing. What follows cannot be read."
    return "A quotation mark is missing or stands where none may be. What follows cannot be read."


# JSON ----------------------------------------------------------------------------------------------------------------


def _json(data: bytes, codec: str, skip: int, shown: str) -> Source:
    if len(data) > MAX_JSON_BYTES:
        raise DirectoryRefused(f"The JSON text has more than {MAX_JSON_BYTES // 1_048_576} MB. Export it as CSV.")
    try:
        document = json.loads(data[skip:].decode(codec))
    except UnicodeError as e:
        raise undecodable(data, e) from e
    except RecursionError as e:
        raise DirectoryRefused("The JSON text is nested too deeply for a list of people.") from e
    except ValueError as e:
        where = f" in line {e.lineno}" if isinstance(e, json.JSONDecodeError) else ""
        raise DirectoryRefused(f"The JSON text is broken{where}. Export it again; perhaps it was cut off.") from e
    people, partial = _people_of(document)
    if not all(isinstance(p, dict) for p in people):
        raise DirectoryRefused("The JSON list does not hold people. Use a Graph list of users or a SCIM ListResponse.")
    scim = any("userName" in p or "emails" in p for p in people[:100])
    flat = [_scim_row(p) if scim else _flat(p) for p in people]
    names: dict[str, None] = {}
    for p in flat[:1000]:
        names.update(dict.fromkeys(p))
    columns = tuple(names)[:MAX_COLUMNS]
    rows: Iterator[Row] = ((n, [p.get(c, "") for c in columns]) for n, p in enumerate(flat, 1))
    return Source("json", shown, "", columns, rows, max(1, len(flat)), partial)


def _people_of(document: Any) -> tuple[list[Any], str]:
    """(people, why the list is not complete)."""
    if isinstance(document, list):
        if document and all(isinstance(p, dict) and ("value" in p or "Resources" in p) for p in document):
            pages = [_people_of(p) for p in document]
            return [p for people, _ in pages for p in people], pages[-1][1]
        return document, ""
    if isinstance(document, dict) and isinstance(document.get("value"), list):
        more = bool(document.get("@odata.nextLink"))
        return document["value"], "It is one page of several: it names a next one (@odata.nextLink)." if more else ""
    if isinstance(document, dict) and isinstance(document.get("Resources"), list):
        people, total = document["Resources"], document.get("totalResults")
        if isinstance(total, int) and total > len(people):
            return people, f"It is one page of several: {len(people)} of {total} people."
        return people, ""
    raise DirectoryRefused(
        "This JSON text is no list of people. Use what Microsoft Graph answers to /users, or a SCIM ListResponse."
    )


def _flat(person: dict[str, Any]) -> dict[str, str]:
    return {str(k): _cell(v) for k, v in person.items() if not str(k).startswith("@")}


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(str(v) for v in value if isinstance(v, str))[:_CELL_LIMIT]
    if value is None or isinstance(value, dict):
        return ""
    return (str(value).lower() if isinstance(value, bool) else str(value))[:_CELL_LIMIT]


def _scim_row(person: dict[str, Any]) -> dict[str, str]:
    """A User resource (RFC 7643 §4.1): the primary address, or else the first, before the others."""
    emails = person.get("emails")
    entries = [e for e in emails if isinstance(e, dict)] if isinstance(emails, list) else []
    entries.sort(key=lambda e: e.get("primary") is not True)
    addresses = [a for a in (_cell(e.get("value")) for e in entries) if a]
    name = person.get("name")
    shown = _cell(person.get("displayName")) or _cell(name.get("formatted") if isinstance(name, dict) else "")
    return {
        "userName": _cell(person.get("userName")),
        "emails": addresses[0] if addresses else "",
        "other emails": "\n".join(addresses[1:]),
        "displayName": shown,
        "active": _cell(person.get("active")),
        "id": _cell(person.get("id")),
    }
