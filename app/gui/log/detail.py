"""One event of the log: its verdict, every check, what it changed, and the facts. It shows; the page finds events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QTabWidget, QWidget

from app.gui.event_words import facts, outcome_word
from app.gui.findings import FindingsTable, StatusChoice, VerdictHeader, findings
from app.gui.log_export import event_text
from app.gui.tables import Column, Table
from app.gui.widgets import Card, button, column, copy_text, label, row

if TYPE_CHECKING:
    from app.accounts.provisioning import Change
    from app.gui.findings import Finding
    from app.store import EventRecord


class EventDetail(Card):
    """inspect_asked and compare_asked carry the reference of the event on show."""

    inspect_asked = Signal(str)
    compare_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.shown: EventRecord | None = None
        self._account = ""
        self._rows: list[Finding] = []
        self.verdict = VerdictHeader(14)
        copy = button("", self.copy_reference, icon="copy", kind="flat", hint="Copy reference")
        self.more = button("", self.copy_event, icon="export", kind="flat", hint="Copy the whole event as JSON")
        self.to_compare = button(
            "", self._compare, icon="compare", kind="flat", hint="Compare with this person's last good login"
        )
        self.to_inspector = button("Inspect", self._inspect, icon="inspector", hint="Open in the inspector")
        self._make_tabs()
        self.body.setContentsMargins(14, 12, 14, 12)
        top = row(
            self.verdict, column(row(copy, self.more, self.to_compare, self.to_inspector, spacing=4), 1), spacing=12
        )
        top.setStretch(0, 1)
        full = QWidget()
        full.setLayout(column(top, self.tabs, spacing=6))
        none = label("Choose an attempt above to see every check, what it changed, and what to do.", tone="muted")
        none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedWidget()
        self._stack.addWidget(none)
        self._stack.addWidget(full)
        self.add(self._stack)

    def _make_tabs(self) -> None:
        self.checks = FindingsTable("log-checks")
        self.choice = StatusChoice()
        self.choice.narrowed.connect(lambda _s: self._show_checks())
        self.changes: Table[Change] = Table(
            "log-changes",
            [
                Column("Field", lambda c: c.field, 120, mono=True),
                Column("Before", lambda c: c.old or "", 190),
                Column("After", lambda c: c.new or "", 190),
                Column("Applied", lambda c: "Applied" if c.applied else "Kept", 110, state=_applied),
                Column("Why", lambda c: c.why, 260),
            ],
        )
        self.changes.setAccessibleName("Changes")
        self.facts: Table[tuple[str, str]] = Table(
            "log-facts",
            [Column("Fact", lambda f: f[0], 200, muted=True), Column("Value", lambda f: f[1], 400, mono=True)],
        )
        self.facts.setAccessibleName("Facts")
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("Details")
        for part, title in ((self.checks, "Checks"), (self.changes, "Changes"), (self.facts, "Facts")):
            self.tabs.addTab(part, title)
        self.tabs.currentChanged.connect(lambda i: self.choice.setVisible(i == 0))
        self.tabs.setCornerWidget(self.choice)

    @property
    def reference(self) -> str:
        """The reference of the event on show; "" for none."""
        return self.shown.reference if self.shown is not None else ""

    def show_event(self, event: EventRecord | None, account: str) -> None:
        """Show an event of the account with this id, or how to choose one."""
        self.shown, self._account = event, account
        self._stack.setCurrentIndex(0 if event is None else 1)
        if event is None:
            return
        action = f" · What to do: {event.action}" if event.action else ""
        self.verdict.show_verdict(event.status, event.sentence or outcome_word(event), f"{event.reference}{action}")
        self.to_inspector.setEnabled(event.has_raw)
        self.to_inspector.setToolTip(
            "Inspect the message as of its receipt (Enter in the list)" if event.has_raw else "The message is not kept."
        )
        self.to_compare.setEnabled(event.has_raw and bool(event.email_key))
        self._rows = findings(event.checks)
        self.choice.count_in(self._rows)
        self._show_checks()
        self.changes.show_rows(event.changes)
        self.facts.show_rows(facts(event, account))
        self.tabs.setTabText(0, f"Checks ({len(event.checks)})")
        self.tabs.setTabText(1, f"Changes ({len(event.changes)})")
        if not event.checks:
            self.tabs.setCurrentIndex(1 if event.changes else 2)

    def _show_checks(self) -> None:
        statuses = self.choice.statuses
        self.checks.show_rows([f for f in self._rows if f.status in statuses] if self.shown is not None else [])

    def copy_reference(self) -> None:
        """Copy the reference of the event on show."""
        if self.shown is not None:
            copy_text(self.shown.reference, self.verdict)

    def copy_event(self) -> None:
        """Copy the event on show as JSON."""
        if self.shown is not None:
            copy_text(event_text(self.shown, self._account), self.more)

    def _inspect(self) -> None:
        if self.reference:
            self.inspect_asked.emit(self.reference)

    def _compare(self) -> None:
        if self.reference:
            self.compare_asked.emit(self.reference)


def _applied(change: Change) -> str:
    return "pass" if change.applied else "warn"
