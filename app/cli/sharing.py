"""`inspect --redact` and `--format html|markdown|pdf`: reports to send on, written as made. It judges nothing."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from app.bulk.folder import Row, Tally, row_of, unreadable
from app.bulk.judging import Recipe, opened
from app.bulk.workers import Crashed
from app.cli.folders import crash_sentence, judged, summarise
from app.cli.output import Input, Unreadable, emit, named_inputs, put, say, tell, write_bytes
from app.saml.intake import MOST_BYTES, of_piece, take_in
from app.sharing import Content, NotRedacted, gather, html_document, markdown, pdf, plain_text

if TYPE_CHECKING:
    from app.saml.intake import Intake

#: What stands between two reports of one output.
_BETWEEN: Final = {"text": "", "markdown": "\n---\n"}


def share(
    inputs: Sequence[str],
    recipe: Recipe,
    *,
    form: str,
    redacted: bool,
    every_check: bool,
    output: Path | None = None,
) -> int:
    """Write the reports on every message of the inputs as one output, and give the exit code.

    One key masks them all, so that their stand-ins correspond; it is never shown or kept. A PDF goes to `output`.
    """
    if form == "pdf" and output is None and sys.stdout.isatty():
        raise click.UsageError("A PDF is no text for a terminal. Name a file with --output FILE.")
    reports = _Reports(inputs, recipe, redacted=redacted, every_check=every_check)
    if form == "pdf":
        data = pdf(reports)
        if data and output is not None:
            write_bytes(output, data)
        elif data:
            sys.stdout.buffer.write(data)
        return reports.code
    if form == "html":
        found = iter(reports)
        # Where there is no report, there is no file either: an empty page would look like a good answer.
        for first in found:
            for part in html_document(chain((first,), found)):
                put(part)
        return reports.code
    for number, content in enumerate(reports):
        if form == "json":
            emit(content.report)
            continue
        if number:
            say(_BETWEEN[form])
        say(markdown(content) if form == "markdown" else plain_text(content))
        sys.stdout.flush()
    return reports.code


@dataclass(slots=True)
class _Gathered:
    """What one input gave: the reports, what is told beside them, the exit code, the rows for the summary."""

    contents: list[Content]
    told: list[str]
    code: int
    rows: list[Row]


@contextmanager
def gathering(
    recipe: Recipe, redacted: bool, every_check: bool, key: bytes, at: datetime
) -> Iterator[Callable[[Input], _Gathered]]:
    """The work on one input: judge what it holds, and gather what may be sent on."""
    with opened(recipe) as judge:

        def work(given: Input) -> _Gathered:
            made = _Gathered([], [], 0, [])
            try:
                data = given.read(MOST_BYTES)
            except Unreadable as e:
                return _Gathered([], [str(e)], 2, [unreadable(given.name, given.name, str(e))])
            intake = take_in(data, name=given.name)
            _tell(given.name, intake, made)
            for piece in intake.pieces:
                original = data if len(intake.pieces) == 1 else piece.source
                report = of_piece(judge(piece), piece)
                made.rows.append(row_of(report, given.name))
                if report.verdict != "accept":
                    made.code = max(made.code, 1)
                try:
                    made.contents.append(
                        gather(report, redacted=redacted, at=at, key=key, original=original, every_check=every_check)
                    )
                except NotRedacted as e:
                    made.told.append(f"{piece.name}: {e}")
                    made.code = 2
            return made

        yield work


def _tell(name: str, intake: Intake, made: _Gathered) -> None:
    """What the output leaves out, and why."""
    if not intake.pieces:
        made.told.append(f"{name}: {intake.what}")
        made.code = max(made.code, 2 if intake.problems else 1)
        made.rows.append(unreadable(name, name, intake.what))
    for text in (*(p.message for p in intake.problems), *intake.notes):
        made.told.append(f"{name}: {text}")
        made.code = max(made.code, 1 if intake.problems else 0)
    if intake.trace is not None:
        made.told.append(f"{name}: The steps of the recorded login are left out of a report to send on.")
    for error in intake.errors:
        made.told.append(f"{name}: The error {error.code} is explained without --redact, as text or JSON.")
        made.code = max(made.code, 1)


class _Reports:
    """The reports one by one. `code` is the exit code so far; what cannot be shown is told beside the result."""

    def __init__(self, inputs: Sequence[str], recipe: Recipe, *, redacted: bool, every_check: bool) -> None:
        self.code = 0
        self._inputs = inputs
        self._arguments = (recipe, redacted, every_check, secrets.token_bytes(32), datetime.now(UTC))

    def __iter__(self) -> Iterator[Content]:
        tally = Tally()
        for given, made in judged(named_inputs(self._inputs, MOST_BYTES), gathering, self._arguments):
            if isinstance(made, Crashed):
                tell(crash_sentence(given, made))
                self.code = 2
                continue
            tally.add(made.rows)
            for text in made.told:
                tell(text)
            self.code = max(self.code, made.code)
            yield from made.contents
        summarise(self._inputs, tally, tell)
