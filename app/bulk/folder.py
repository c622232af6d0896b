"""What became of every message in many files, one row each, and how often each cause occurs. It shows nothing."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app.bulk.judging import Recipe, opened
from app.spreadsheet import neutral

if TYPE_CHECKING:
    from app.saml.intake import ErrorText, Intake, Piece
    from app.saml.report import Report

#: The verdict of a file in which nothing could be read.
UNREADABLE: Final = "unreadable"
#: The verdict of an error text, which was explained and lets nobody in.
EXPLAINED: Final = "explained"
_WORDS: Final = {
    "accept": "accepted",
    "reject": "rejected",
    "refused-by-idp": "refused by the identity provider",
    "not-provisioned": "not let in",
    "unknown": "not judged",
    EXPLAINED: "explained as error text",
    UNREADABLE: "unreadable",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One message, error text or unreadable file. `name` is the file's, with the place of the message in it.

    `verdict` is that of the report, "explained" or "unreadable". `cause` is the id of the first cause (of the first
    check that blocks, where none explains it), `title` the same in words, `who` who acts: "" where there is none.
    """

    file: str
    name: str
    kind: str
    verdict: str
    cause: str = ""
    title: str = ""
    who: str = ""
    subject: str = ""
    issuer: str = ""
    headline: str = ""

    def as_dict(self) -> dict[str, str]:
        """The JSON object of an export, one for each row."""
        return {name: getattr(self, name) for name in COLUMNS}


COLUMNS: Final = ("name", "kind", "verdict", "cause", "title", "who", "subject", "issuer", "headline", "file")


def row_of(report: Report, file: str) -> Row:
    """The row of a judged message."""
    first = next(iter(report.diagnosis), None)
    blocking = next(iter(report.blocking), None)
    rejects = report.verdict != "accept"
    cause, title, who = "", "", ""
    if first is not None and (rejects or first.severity != "info"):
        cause, title, who = first.id, first.title, first.who
    elif blocking is not None and rejects:
        cause, title = blocking.id, blocking.message
    return Row(
        file=file,
        name=report.source,
        kind=report.kind,
        verdict=report.verdict,
        cause=cause,
        title=title[:300],
        who=who,
        subject=(report.name_id or "")[:300],
        issuer=(report.issuer or "")[:300],
        headline=report.headline[:500],
    )


def row_of_error(error: ErrorText, file: str, name: str) -> Row:
    """The row of an explained error text."""
    return Row(file, name, "error text", EXPLAINED, error.code, error.title, error.who, headline=error.cause[:500])


def unreadable(file: str, name: str, sentence: str) -> Row:
    """The row of a file, or of a part of one, that could not be read."""
    return Row(file, name, "", UNREADABLE, headline=sentence[:500])


def rows_of(intake: Intake, judge: Callable[[Piece], Report], file: str, name: str) -> Iterator[Row]:
    """Judge every message of what was taken in."""
    from app.saml.intake import of_piece

    for piece in intake.pieces:
        yield row_of(of_piece(judge(piece), piece), file)
    for error in intake.errors:
        yield row_of_error(error, file, name)
    if not intake.pieces and not intake.errors:
        why = intake.problems[0].message if intake.problems else intake.what
        yield unreadable(file, name, why)


@contextmanager
def judging_files(recipe: Recipe, root: str) -> Iterator[Callable[[str], tuple[Row, ...]]]:
    """The work of app.bulk.workers on one file: its rows. Names are relative to `root`."""
    from app.saml.intake import MOST_BYTES, take_in

    with opened(recipe) as judge:

        def work(file: str) -> tuple[Row, ...]:
            name = os.path.relpath(file, root)
            data = read(Path(file), MOST_BYTES)
            if isinstance(data, str):
                return (unreadable(file, name, data),)
            return tuple(rows_of(take_in(data, name=name), judge, file, name))

        yield work


def read(path: Path, most: int) -> bytes | str:
    """The bytes of an ordinary file, or a sentence that says why there are none."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return "It is not an ordinary file."
            data = file.read(most + 1)
    except OSError as e:
        return f"It cannot be read: {e.strerror or e}."
    return data if len(data) <= most else f"It has more than {most:,} bytes, which is the most that is read."


@dataclass(slots=True)
class Tally:
    """How many messages there were, by verdict and by cause. It grows by the row and keeps none."""

    files: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    titles: dict[str, str] = field(default_factory=dict)

    def add(self, rows: Iterable[Row]) -> None:
        """Count the rows of one file."""
        self.files += 1
        for r in rows:
            self.verdicts[r.verdict] += 1
            if r.cause:
                self.causes[r.cause] += 1
                self.titles.setdefault(r.cause, f"{r.title}{f' ({r.who})' if r.who else ''}")

    @property
    def messages(self) -> int:
        """Every message there was, readable or not."""
        return sum(self.verdicts.values())

    def lines(self) -> Iterator[str]:
        """The summary: the verdicts in a line, then the causes, most frequent first."""
        told = ", ".join(f"{self.verdicts[v]:,} {word}" for v, word in _WORDS.items() if self.verdicts[v])
        files = f"{self.files:,} file{'' if self.files == 1 else 's'}"
        yield f"{self.messages:,} message{'' if self.messages == 1 else 's'} in {files}: {told or 'nothing'}."
        for cause, count in self.causes.most_common():
            yield f"{count:>7,}  {cause}: {self.titles[cause]}"


def as_csv(rows: Iterable[Row]) -> str:
    """The rows as CSV in which no cell is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for r in rows:
        writer.writerow([neutral(str(v)) for v in r.as_dict().values()])
    return out.getvalue()


def as_json_lines(rows: Iterable[Row]) -> str:
    """The rows as JSON Lines."""
    found: Iterator[dict[str, Any]] = (r.as_dict() for r in rows)
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in found)
