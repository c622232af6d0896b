"""Every instant of the message on one axis and in a list, with the instant it is judged as of, and the present."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.gui.charts import InstantChart, InstantMark
from app.gui.examine import Examined, clock
from app.gui.tables import Column, Table
from app.gui.widgets import column, copy_text, label, scrolled, visible
from app.gui.wording import day, exact, in_days, utc
from app.saml.moments import MEANINGS, Moment

_SHORT: Final = {"SubjectConfirmationData": "SubjectConfirmation", "AuthnStatement": "Authn"}


def name_of(m: Moment) -> str:
    """A moment in two words, e.g. "Conditions NotBefore"."""
    if m.role in ("authenticated", "session"):
        return m.attribute
    return f"{_SHORT.get(m.owner, m.owner)} {m.attribute}"


def distance(at: datetime, judged: datetime) -> str:
    """How far an instant is from the judged one: "3 min 12 s before", "same second"."""
    length = at - judged
    if abs(length.total_seconds()) < 1:
        return "the same second"
    return f"{clock(length)} {'after' if length.total_seconds() > 0 else 'before'}"


def certificate_notes(examined: Examined) -> list[str]:
    """When the certificates that matter begin and end, in sentences: their years would not fit on the axis."""
    at = examined.report.evaluated_at
    return [
        f"The certificate {c.facts.subject or c.facts.sha256[:16]} is valid from {day(c.facts.not_before)} to "
        f"{day(c.facts.not_after)} ({in_days(c.facts.not_after, at)})."
        for c in examined.certificates.certificates
        if c.verified or c.configured
    ][:4]


class InstantsView(QWidget):
    """`asked` is emitted with the XPath of an instant, `chosen` with an instant to judge as of."""

    asked = Signal(str)
    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._judged: datetime | None = None
        self.chart = InstantChart()
        self.notes = label("", tone="muted", size=12, wrap=True)
        self.table: Table[Moment] = Table(
            "inspector-instants",
            [
                Column("Instant", name_of, 190, tip=lambda m: f"{MEANINGS[m.role]}\n{m.at.path}"),
                Column("UTC", lambda m: m.instant.text, 172, mono=True, tip=lambda m: exact(m.instant.at)),
                Column("From the judged one", self._from, 150),
                Column("Where", lambda m: m.at.path, 260, mono=True, hidden=True),
            ],
        )
        self.table.setAccessibleName("Instants")
        self.table.opened.connect(lambda m: self.asked.emit(m.at.path))
        self.table.extra_actions = [
            ("Judge as of this instant", self._judge_at),
            ("Show in source and tree", lambda m: self.asked.emit(m.at.path)),
            ("Copy XPath", lambda m: copy_text(visible(m.at.path), self.table)),
        ]
        self.empty = label(
            "The message names no time that could be read, so there is nothing to lay out.", tone="muted", wrap=True
        )
        whole = QWidget()
        whole.setLayout(column(self.empty, self.chart, self.table, self.notes, 1, spacing=6, margins=(0, 0, 4, 0)))
        self.setLayout(column(scrolled(whole), margins=(0, 6, 0, 0)))

    def show_examined(self, examined: Examined | None) -> None:
        """Show the instants of a message."""
        moments: Sequence[Moment] = examined.moments if examined is not None else ()
        self._judged = examined.report.evaluated_at if examined is not None else None
        axis = examined.axis if examined is not None else None
        for part in (self.chart, self.notes):
            part.setVisible(axis is not None)
        self.empty.setVisible(not moments)
        self.table.setVisible(bool(moments))
        self.table.show_rows(moments)
        self.table.fit_rows(12)
        if examined is None or axis is None:
            return
        marks = [
            InstantMark(name_of(m), m.instant.at, m.role, f"{MEANINGS[m.role]}: {m.instant.text}")
            for m in moments
            if m.instant.at is not None and axis.holds(m.instant.at)
        ]
        self.chart.show_instants(
            axis, marks, examined.good, examined.report.clock_skew_s, examined.report.evaluated_at, examined.now
        )
        off = [
            f"{words} is off this axis: {utc(at)}, {distance(at, axis.end if at > axis.end else axis.start)}"
            f" its {'end' if at > axis.end else 'start'}."
            for words, at in (("The judged instant", examined.report.evaluated_at), ("Now", examined.now))
            if not axis.holds(at)
        ]
        self.notes.setText(visible("\n".join([*off, *certificate_notes(examined)])))

    def _from(self, m: Moment) -> str:
        if m.instant.at is None or self._judged is None:
            return m.instant.problem or ""
        return distance(m.instant.at, self._judged)

    def _judge_at(self, m: Moment) -> None:
        if m.instant.at is not None:
            self.chosen.emit(m.instant.at)
