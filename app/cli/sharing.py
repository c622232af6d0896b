"""`inspect --redact` and `--format html|markdown`: reports to send on, written as they are made. It judges nothing."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Final

from app.cli.output import Unreadable, emit, put, say, sources, tell
from app.saml.intake import MOST_BYTES, of_piece, take_in
from app.sharing import Content, NotRedacted, gather, html_document, markdown, plain_text

if TYPE_CHECKING:
    from app.saml.intake import Intake, Piece
    from app.saml.report import Report

#: What stands between two reports of one output.
_BETWEEN: Final = {"text": "", "markdown": "\n---\n"}


def share(
    inputs: Sequence[str], judge: Callable[[Piece], Report], *, form: str, redacted: bool, every_check: bool
) -> int:
    """Write the reports on every message of the inputs as one output, and give the exit code.

    One key masks them all, so that their stand-ins correspond; it is never shown or kept.
    """
    reports = _Reports(inputs, judge, redacted=redacted, every_check=every_check)
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


class _Reports:
    """The reports one by one. `code` is the exit code so far; what cannot be shown is told beside the result."""

    def __init__(
        self, inputs: Sequence[str], judge: Callable[[Piece], Report], *, redacted: bool, every_check: bool
    ) -> None:
        self.code = 0
        self._inputs = inputs
        self._judge = judge
        self._redacted = redacted
        self._every_check = every_check
        self._key = secrets.token_bytes(32)

    def __iter__(self) -> Iterator[Content]:
        for name, data in sources(self._inputs, MOST_BYTES):
            if isinstance(data, Unreadable):
                tell(data)
                self.code = 2
                continue
            intake = take_in(data, name=name)
            self._tell(name, intake)
            for piece in intake.pieces:
                original = data if len(intake.pieces) == 1 else piece.source
                report = of_piece(self._judge(piece), piece)
                if report.verdict != "accept":
                    self.code = max(self.code, 1)
                try:
                    yield gather(
                        report,
                        redacted=self._redacted,
                        at=datetime.now(UTC),
                        key=self._key,
                        original=original,
                        every_check=self._every_check,
                    )
                except NotRedacted as e:
                    tell(f"{piece.name}: {e}")
                    self.code = 2

    def _tell(self, name: str, intake: Intake) -> None:
        """What the output leaves out, and why."""
        if not intake.pieces:
            tell(f"{name}: {intake.what}")
            self.code = max(self.code, 2 if intake.problems else 1)
        for text in (*(p.message for p in intake.problems), *intake.notes):
            tell(f"{name}: {text}")
            self.code = max(self.code, 1 if intake.problems else 0)
        if intake.trace is not None:
            tell(f"{name}: The steps of the recorded login are left out of a report to send on.")
        for error in intake.errors:
            tell(f"{name}: The error {error.code} is explained without --redact, as text or JSON.")
            self.code = max(self.code, 1)
