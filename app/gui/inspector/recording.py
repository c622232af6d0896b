"""What was taken in as a whole: the recorded login step by step, what it lacks, and the errors that were explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app.gui.findings import VENDORS, WHO, selectable
from app.gui.tables import Column, Table
from app.gui.widgets import (
    STATES,
    Card,
    Pill,
    button,
    clear,
    column,
    copy_text,
    label,
    mono_label,
    row,
    scrolled,
    visible,
)
from app.gui.wording import exact, plural

if TYPE_CHECKING:
    from app.saml.intake import ErrorText, Intake, Step

_KINDS: Final = {
    "page": "Page",
    "request": "Request",
    "redirect": "Redirect",
    "post": "Response posted",
    "other": "Other",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one message of several: its kind, its verdict, and that in a sentence."""

    kind: str
    verdict: str
    headline: str


@dataclass(frozen=True, slots=True)
class _Row:
    step: Step
    messages: str
    state: str


def _time(r: _Row) -> str:
    return f"{r.step.at:%H:%M:%S}" if r.step.at else ""


class RecordingView(QWidget):
    """`asked` is emitted with the number (from 0) of the message that the person wants to see."""

    asked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._intake: Intake | None = None
        self._judged: Sequence[Judged | None] = ()
        self.what = selectable("", bold=True, size=15)
        self.notes = label("", tone="muted", wrap=True)
        self.problems = label("", tone="error", wrap=True)
        self.steps: Table[_Row] = Table(
            "inspector-steps",
            [
                Column("Step", lambda r: str(r.step.number), 48, right=True),
                Column("Time", _time, 76, tip=lambda r: exact(r.step.at)),
                Column("What", lambda r: _KINDS[r.step.kind], 130),
                Column("Request", lambda r: f"{r.step.method} {r.step.url}", 270, mono=True),
                Column("Status", lambda r: str(r.step.status or ""), 62, right=True),
                Column("Message", lambda r: r.messages, 210, state=lambda r: r.state),
                Column("Note", lambda r: r.step.note, 160),
            ],
        )
        self.steps.setAccessibleName("Steps of the login")
        self.steps.opened.connect(self._open)
        self.steps.extra_actions = [("Show the message", self._open)]
        self.left_out = label("", tone="muted", size=12, wrap=True)
        self.missing = QVBoxLayout()
        self.missing.setSpacing(6)
        self.trace = Card("The recorded login", self.steps, self.left_out, self.missing)
        self.vendor = QComboBox()
        self.vendor.setAccessibleName("Steps for")
        for key, name in VENDORS:
            self.vendor.addItem(name, key)
        self.vendor.currentIndexChanged.connect(lambda _i: self._fill_errors())
        self.errors = QVBoxLayout()
        self.errors.setSpacing(12)
        self.error_card = Card("Errors that were shown", self.errors, actions=[self.vendor])
        whole = QWidget()
        whole.setLayout(
            column(
                Card("", self.what, self.problems, self.notes), self.error_card, self.trace, 1, spacing=12,
                margins=(0, 0, 4, 0),
            )
        )  # fmt: skip
        self.setLayout(column(scrolled(whole)))

    def show_intake(self, intake: Intake | None) -> None:
        """Show what was taken in; nothing of the former one stays."""
        self._intake = intake
        self._judged = ()
        self.what.setText(visible(intake.what if intake else ""))
        for part, told in (
            (self.notes, intake.notes if intake else ()),
            (self.problems, tuple(p.message for p in intake.problems) if intake else ()),
        ):
            part.setText(visible("\n".join(told)))
            part.setVisible(bool(told))
        self.trace.setVisible(bool(intake and intake.trace))
        self.error_card.setVisible(bool(intake and intake.errors))
        self._fill_steps()
        self._fill_errors()

    def show_judged(self, judged: Sequence[Judged | None]) -> None:
        """Say what became of the messages; None for one that was not judged yet."""
        self._judged = judged
        self._fill_steps()

    def _fill_steps(self) -> None:
        clear(self.missing)
        trace = self._intake.trace if self._intake is not None else None
        self.steps.show_rows([self._row(s) for s in trace.steps] if trace is not None else [])
        self.steps.fit_rows(14)
        skipped = trace.left_out if trace is not None else 0
        self.left_out.setText(f"{plural(skipped, 'request')} without any part of the login: not shown.")
        self.left_out.setVisible(skipped > 0)
        for sentence in trace.missing if trace is not None else ():
            words = label(sentence, wrap=True)
            line = row(column(Pill("warning", "Missing"), 1), words, spacing=10)
            line.setStretch(1, 1)
            self.missing.addLayout(line)

    def _row(self, step: Step) -> _Row:
        known = [self._judged[i] for i in step.pieces if i < len(self._judged)]
        verdicts = [j for j in known if j is not None]
        if not step.pieces:
            return _Row(step, "", "")
        if not verdicts:
            return _Row(step, "To be judged", "info")
        last = verdicts[-1]  # what the step leads to: a request first, its answer after it
        kinds = " and ".join(dict.fromkeys(j.kind for j in verdicts))
        return _Row(step, f"{kinds}: {STATES[last.verdict][0]}", last.verdict)

    def _open(self, r: _Row) -> None:
        if r.step.pieces:
            self.asked.emit(r.step.pieces[-1])

    def _fill_errors(self) -> None:
        clear(self.errors)
        for error in self._intake.errors if self._intake is not None else ():
            self.errors.addWidget(ErrorView(error, str(self.vendor.currentData())))


class ErrorView(QWidget):
    """One error text explained: what it means, who acts, what to change."""

    def __init__(self, error: ErrorText, vendor: str) -> None:
        super().__init__()
        steps = error.fix.get(vendor) or error.fix.get(error.vendor) or error.fix.get("generic", "")
        copy = button("", partial(self._copy, error, steps), icon="copy", kind="flat", hint="Copy this explanation")
        head: list[QWidget | int] = [Pill("error", error.code), label(error.vendor_name, tone="muted"), 1, copy]
        parts: list[QWidget] = [
            selectable(error.title, bold=True, size=14),
            mono_label(error.excerpt, tone="muted", wrap=True),
            selectable(error.cause),
            label(WHO.get(error.who, error.who), tone="muted", wrap=True),
        ]
        if steps:
            parts.append(selectable(f"What to change: {steps}"))
        self.setLayout(column(row(*head), *parts, spacing=6))

    @staticmethod
    def _copy(error: ErrorText, steps: str) -> None:
        lines = [f"{error.code} ({error.vendor_name}): {error.title}", error.excerpt, error.cause]
        lines += [WHO.get(error.who, error.who), f"What to change: {steps}"]
        copy_text(visible("\n".join(filter(None, lines))))
