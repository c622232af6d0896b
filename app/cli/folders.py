"""`inspect` of any number of files: judged by one process or several, printed in order, with progress and a summary."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from app.bulk.folder import Row, Tally, row_of, row_of_error, unreadable
from app.bulk.judging import Recipe, opened
from app.bulk.workers import Crashed, in_order
from app.cli.output import Input, Unfit, Unreadable, emit, named_inputs, put, say, tell
from app.saml.intake import MOST_BYTES, of_piece, take_in

if TYPE_CHECKING:
    from app.saml.intake import Intake, Piece
    from app.saml.report import Report

T = TypeVar("T")
_TOLD_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Printed:
    """What became of one input: what is to be printed of it, its exit code, and its rows for the summary."""

    out: str
    err: str
    code: int
    rows: tuple[Row, ...]


def print_all(inputs: Sequence[str], recipe: Recipe, *, form: str, all_checks: bool) -> int:
    """Judge and print every message of the inputs, and give the exit code."""
    terminal = sys.stdout.isatty()
    found = named_inputs(inputs, MOST_BYTES)
    tally = Tally()
    code = 0
    first = True
    for given, made in judged(found, printing, (recipe, form, all_checks, terminal)):
        if isinstance(made, Crashed):
            tell(crash_sentence(given, made))
            tally.add((unreadable(given.name, given.name, made.error),))
            code = 2
            continue
        tally.add(made.rows)
        code = max(code, made.code)
        if made.err:
            sys.stderr.write(made.err)
        if made.out:
            if not first and form != "json":
                say()
            first = False
            put(made.out)
            sys.stdout.flush()
    if form == "text" and not first:
        say()
    summarise(inputs, tally, say if form == "text" else tell)
    return code


def summarise(inputs: Sequence[str], tally: Tally, tell_line: Callable[[str], None]) -> None:
    """The summary by cause, where a folder was looked through."""
    if any(Path(i).is_dir() for i in inputs):
        for line in tally.lines():
            tell_line(line)


def crash_sentence(given: Input, made: Crashed) -> str:
    """What is told of an input that this program failed at."""
    return f"{given.name} could not be judged: this program failed at it ({made.error}). Please report it."


def judged(
    inputs: Sequence[Input], begin: Callable[..., Any], arguments: tuple[Any, ...]
) -> Iterator[tuple[Input, Any]]:
    """Each input with what the work made of it, in order; how far it is, is told on standard error."""
    from app.bulk.workers import WorkersLost

    results = in_order(inputs, begin, arguments)
    told_at = time.monotonic()
    try:
        for number, (given, made) in enumerate(zip(inputs, results, strict=True), 1):
            yield given, made
            if time.monotonic() - told_at > _TOLD_EVERY_S and number < len(inputs):
                told_at = time.monotonic()
                tell(f"{number:,} of {len(inputs):,} files")
    except WorkersLost as e:
        raise Unfit(str(e)) from e


class _Screen(io.StringIO):
    """Written to in place of standard output, and coloured as that would be."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@contextmanager
def printing(recipe: Recipe, form: str, all_checks: bool, terminal: bool) -> Iterator[Callable[[Input], Printed]]:
    """The work on one input: judge what it holds, and print it into values."""
    with opened(recipe) as judge:

        def work(given: Input) -> Printed:
            out, err = _Screen(terminal), io.StringIO()
            with redirect_stdout(out), redirect_stderr(err):
                try:
                    data = given.read(MOST_BYTES)
                except Unreadable as e:
                    tell(e)
                    return Printed("", err.getvalue(), 2, (unreadable(given.name, given.name, str(e)),))
                intake = take_in(data, name=given.name)
                rows: list[Row] = []
                code = _take(intake, given.name, judge, rows, form=form, all_checks=all_checks)
            return Printed(out.getvalue(), err.getvalue(), code, tuple(rows))

        yield work


def _take(
    intake: Intake,
    name: str,
    judge: Callable[[Piece], Report],
    rows: list[Row],
    *,
    form: str,
    all_checks: bool,
) -> int:
    """Judge and print everything that one input holds, and give its exit code (2: it could not be read at all)."""
    from app.cli.showing import show, show_error, show_trace

    as_json = form == "json"
    remark = tell if as_json else say
    is_plain = len(intake.pieces) == 1 and not (intake.trace or intake.errors or intake.problems or intake.notes)
    if not is_plain:
        remark(f"{name}: {intake.what}")
        for text in (*(p.message for p in intake.problems), *intake.notes):
            remark(f"  {text}")
    if intake.trace is not None:
        if as_json:
            emit(intake.trace.as_dict(name, intake.pieces))
        else:
            show_trace(intake.trace, intake.pieces)
    code = 1 if intake.errors or intake.problems else 0
    for piece in intake.pieces:
        report = of_piece(judge(piece), piece)
        rows.append(row_of(report, name))
        if as_json:
            emit(report.as_dict())
        else:
            if not is_plain:
                say()
            show(report, all_checks=all_checks)
        if report.verdict != "accept":
            code = max(code, 1)
    for error in intake.errors:
        rows.append(row_of_error(error, name, name))
        if as_json:
            emit(error.as_dict(name))
        else:
            say()
            show_error(error)
    if intake.pieces or intake.errors or intake.trace:
        return code
    why = intake.problems[0].message if intake.problems else intake.what
    rows.append(unreadable(name, name, why))
    return 2 if intake.problems else 1
