"""How commands speak: text that cannot harm a terminal, JSON Lines, the two errors that end a command, reading input.

It knows no verb.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

#: The most that is read of one input, and how many files of a folder.
MAX_BYTES: Final = 10_485_760
MAX_FILES: Final = 10_000
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


class Unfit(Exception):  # noqa: N818  a condition of the environment, not a bug
    """The environment does not let the command run: exit code 3."""


class Unreadable(Exception):  # noqa: N818  a condition of the input, not a bug
    """An input that cannot be read at all: exit code 2."""


def visible(text: object) -> str:
    """The text with control, zero-width and bidirectional characters written out, so that no terminal obeys them."""
    found = str(text)
    if found.isascii() and found.isprintable():
        return found
    return "".join(c if c == "\n" or unicodedata.category(c) not in _HIDDEN else f"⟨U+{ord(c):04X}⟩" for c in found)


def say(text: object = "") -> None:
    """One line of result for people."""
    _write(sys.stdout, visible(text))


def tell(text: object) -> None:
    """One line of progress or advice, beside the result."""
    _write(sys.stderr, visible(text))


def emit(value: object) -> None:
    """One JSON Lines object."""
    _write(sys.stdout, json.dumps(value, ensure_ascii=False, default=_plain))


def _write(stream: Any, line: str, end: str = "\n") -> None:
    try:
        stream.write(line + end)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + end)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, frozenset | set | tuple):
        return sorted(value) if isinstance(value, frozenset | set) else list(value)
    return str(value)


def instant(at: datetime | None) -> str:
    """An instant in UTC with seconds; "" where there is none."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns for people: as wide as their widest cell, the last one as it comes. No rows: no table."""
    cells = [[visible("" if c is None else c).replace("\n", " ") for c in row] for row in rows]
    if not cells:
        return
    widths = [max(len(r[i]) for r in [list(heads), *cells]) for i in range(len(heads))]
    for row in ([h.upper() for h in heads], *cells):
        line = "  ".join(c.ljust(w) for c, w in zip(row[:-1], widths, strict=False))
        _write(sys.stdout, f"{line}  {row[-1]}".rstrip() if line else row[-1])


def colour(text: str, state: str) -> str:
    """The text in the colour of a state (ok, warn, error, muted), where standard output is a terminal that wants it."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return click.style(text, fg={"ok": "green", "warn": "yellow", "error": "red"}.get(state), dim=state == "muted")


def put(part: str) -> None:
    """A part of a document for a program, as it is."""
    _write(sys.stdout, part, end="")


def shout(text: str, state: str) -> None:
    """One line of result in the colour of its state; the text itself is made visible first."""
    _write(sys.stdout, colour(visible(text), state))


def format_option(function: Command) -> Command:
    """`--format text|json`."""
    add = click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Text for people, or JSON Lines.",
    )
    return add(function)


def quiet_stdout() -> None:
    """The reader has gone (`| head`): nothing more is written, and nothing is said about it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def sentence_of(error: BaseException) -> str:
    """The sentence an error of ours carries."""
    return visible(str(error) or type(error).__name__)


# Input ----------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened_file(path: Path) -> Iterator[BinaryIO]:
    """An ordinary file to read from. Unreadable for anything else."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as e:
        raise _unreadable(path, e) from e
    with os.fdopen(handle, "rb") as file:
        info = os.fstat(file.fileno())
        if stat.S_ISDIR(info.st_mode):
            raise Unreadable(f"{path} is a folder; a file is expected here.")
        if not stat.S_ISREG(info.st_mode):
            raise Unreadable(f"{path} is not an ordinary file.")
        yield file


def read_file(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The bytes of an ordinary file of at most `limit` bytes. Unreadable otherwise."""
    with opened_file(path) as file:
        try:
            data = file.read(limit + 1)
        except OSError as e:
            raise _unreadable(path, e) from e
    if len(data) > limit:
        raise Unreadable(f"{path} has more than {limit:,} bytes, which is the most that is read.")
    return data


def _unreadable(path: Path, error: OSError) -> Unreadable:
    return Unreadable(f"{path} cannot be read: {error.strerror or error}.")


def write_text(path: Path, text: str) -> None:
    """Write a whole file. Unreadable, with a sentence, where that cannot be done."""
    try:
        path.write_text(text, "utf-8")
    except OSError as e:
        raise Unreadable(f"{path} cannot be written: {e.strerror}. Choose another place.") from e


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file. Unreadable, with a sentence, where that cannot be done."""
    try:
        path.write_bytes(data)
    except OSError as e:
        raise Unreadable(f"{path} cannot be written: {e.strerror}. Choose another place.") from e


def read_stdin(limit: int = MAX_BYTES) -> bytes:
    """Standard input, of at most `limit` bytes. Unreadable otherwise."""
    if sys.stdin is None or sys.stdin.closed:
        raise Unreadable("There is no standard input to read.")
    if sys.stdin.isatty():
        tell("Paste the message, then press Ctrl-D on an empty line.")
    data = sys.stdin.buffer.read(limit + 1)
    if len(data) > limit:
        raise Unreadable(f"Standard input has more than {limit:,} bytes, which is the most that is read.")
    return data


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read, or what standard input held."""

    name: str
    data: bytes | None = None

    def read(self, limit: int) -> bytes:
        """Its bytes. Unreadable otherwise."""
        return read_file(Path(self.name), limit) if self.data is None else self.data


def named_inputs(given: Sequence[str], limit: int = MAX_BYTES) -> list[Input]:
    """Every file, every file in every folder (sorted), and standard input for `-`, which is read here.

    Unreadable for a folder that holds none, too many, or cannot be listed.
    """
    from app.bulk.workers import Unlisted, files_in

    found: list[Input] = []
    for name in given or ("-",):
        if name == "-":
            found.append(Input("-", read_stdin(limit)))
        elif not Path(name).is_dir():
            found.append(Input(name))
        else:
            try:
                found += (Input(str(file)) for file in files_in(Path(name), MAX_FILES))
            except Unlisted as e:
                raise Unreadable(str(e)) from e
    return found


def given_time(text: str) -> datetime:
    """An ISO 8601 instant as typed; without zone it is UTC. Raises click.BadParameter."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as e:
        raise click.BadParameter(f"“{visible(text[:60])}” is no time. Write it like 2026-11-23T20:36:00Z.") from e
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def given_span(text: str) -> timedelta:
    """A length of time as typed: a number with s, m, h, d or w. Raises click.BadParameter."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
    number, unit = text.strip()[:-1], text.strip()[-1:].lower()
    if unit not in units or not number.isdecimal() or len(number) > 6:
        raise click.BadParameter(f"“{visible(text[:60])}” is no length of time. Write it like 15m, 24h or 7d.")
    return timedelta(seconds=int(number) * units[unit])
