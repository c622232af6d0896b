"""What `trial` and `probe` share: reports written to files and to stdout, and progress on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import click

from app.cli.output import say, shout, visible, write_text

FILE: Final = click.Path(path_type=Path, dir_okay=False)


class Report(Protocol):
    """A matrix of faults with what became of each."""

    @property
    def as_expected(self) -> bool: ...
    def as_text(self) -> str: ...
    def as_json_lines(self) -> str: ...
    def as_junit(self) -> str: ...
    def as_html(self) -> str: ...


def deliver(report: Report, *, junit: Path | None, html: Path | None, form: str) -> int:
    """Write the files that are wanted and the report to stdout; the exit code. Unreadable where a file cannot be."""
    for path, text in ((junit, report.as_junit), (html, report.as_html)):
        if path is not None:
            write_text(path, text())
    if form == "json":
        sys.stdout.write(report.as_json_lines())
    else:
        *body, headline = report.as_text().splitlines()
        for line in body:
            say(line)
        shout(headline, "ok" if report.as_expected else "error")
    return 0 if report.as_expected else 1


def progress_on_terminal() -> Callable[[int, int, str], None] | None:
    """Tells how far it is, in one line of stderr; None where nobody sees it."""
    return _progress if sys.stderr.isatty() else None


def _progress(done: int, total: int, fault: str) -> None:
    sys.stderr.write(f"\r\x1b[K{done}/{total} {visible(fault)}" if done < total else "\r\x1b[K")
    sys.stderr.flush()
