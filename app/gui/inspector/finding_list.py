"""Findings of a message in a list with the chosen one beside it; narrowed by status, by text, or by place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QSplitter

from app.gui.findings import Finding, FindingDetail, FindingsTable, StatusChoice
from app.gui.inspector.documents import is_at
from app.gui.inspector.remember import remember
from app.gui.widgets import Card, button, copy_text, label, scrolled, visible


class FindingList(Card):
    """`asked` is emitted with a finding whose place in the message the person wants to see."""

    asked = Signal(object)

    def __init__(self) -> None:
        self.counted = label("", tone="muted", size=12)
        self.place = button("", self.show_everywhere, icon="close", kind="flat", hint="Show findings of every place")
        self.place.hide()
        self.choice = StatusChoice()
        super().__init__("Findings", actions=[self.counted, self.place, self.choice])
        self.table = FindingsTable("inspector-findings", message_width=180)
        self.table.setMinimumHeight(96)
        self.detail = FindingDetail()
        self.detail.asked.connect(self.asked.emit)
        self.table.chosen.connect(self._choose)
        self.table.opened.connect(self.asked.emit)
        self.table.extra_actions.insert(0, ("Show in source and tree", self.asked.emit))
        self.table.model_.counted.connect(lambda _n: self._count())
        self.choice.narrowed.connect(lambda _s: self._show())
        #: Says who vouches for a place; set by whoever knows the message.
        self.provenance: Callable[[str | None], str] = lambda _where: ""
        self._rows: Sequence[Finding] = ()
        self._path = ""
        self._needle = ""
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setHandleWidth(14)
        split.setChildrenCollapsible(False)
        split.addWidget(self.table)
        split.addWidget(scrolled(self.detail))
        split.setSizes([640, 380])
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        remember(split, "inspector/findings")
        self.add(split)
        self.body.setStretch(self.body.count() - 1, 1)
        shortcut = QShortcut(QKeySequence("Ctrl+Shift+C"), self.table)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self._copy_path)

    def show_findings(self, rows: Sequence[Finding]) -> None:
        """Show the findings of a message. The chosen one stays chosen where it is still there."""
        kept = self.table.current.id if self.table.current is not None else None
        self._rows = rows
        self.choice.count_in(rows)
        self._show()
        if kept is None or not self.table.select_where(lambda f: f.id == kept):
            self.detail.show_finding(None)

    def show_finding(self, check_id: str) -> None:
        """Choose a finding, whatever is narrowed."""
        if not self.table.select_where(lambda f: f.id == check_id):
            self._path = self._needle = ""
            self.choice.setCurrentIndex(0)
            self._show()
            if not self.table.select_where(lambda f: f.id == check_id):
                self.choice.setCurrentIndex(self.choice.count() - 1)
                self.table.select_where(lambda f: f.id == check_id)
        self.table.scrollTo(self.table.currentIndex())

    def show_at(self, path: str) -> bool:
        """Show only the findings at a place; False where there are none."""
        there = [f for f in self._rows if is_at(f.where, path)]
        if not there:
            return False
        self._path = path
        if not any(f.status in self.choice.statuses for f in there):
            self.choice.setCurrentIndex(0)
        self._show()
        self.table.setFocus()
        if self.table.model_.rows:
            self.table.selectRow(0)
        return True

    def show_everywhere(self) -> None:
        """Show the findings of every place again."""
        self._path = ""
        self._show()

    def narrow(self, needle: str) -> None:
        """Show only findings that hold this text; all of them where none does, for then something else is sought."""
        self._needle = needle.strip().lower()
        self._show()

    def clear(self) -> None:
        """Forget the findings."""
        self._path = self._needle = ""
        self.show_findings([])

    @property
    def rows(self) -> Sequence[Finding]:
        """Every finding, narrowed or not."""
        return self._rows

    def _show(self) -> None:
        statuses = self.choice.statuses
        rows = [f for f in self._rows if f.status in statuses and (not self._path or is_at(f.where, self._path))]
        fitting = [f for f in rows if self._needle in holds(f)] if self._needle else rows
        self.table.show_rows(fitting or rows)
        self.place.setVisible(bool(self._path))
        self.place.setText(visible(f"At {self._path.rpartition('/')[2]}"))
        self._count()

    def _count(self) -> None:
        shown, total = len(self.table.model_.rows), len(self._rows)
        self.counted.setText(f"{shown} of {total}" if self._path or self._needle else "")

    def _choose(self, f: Finding | None) -> None:
        if f is not None:
            self.detail.show_finding(f, self.provenance(f.where))

    def _copy_path(self) -> None:
        if self.table.current is not None and self.table.current.where:
            copy_text(visible(self.table.current.where), self.table)


def holds(f: Finding) -> str:
    """Everything of a finding that can be searched, in lower case."""
    return "\n".join((f.id, f.word, f.message, f.expected or "", f.actual or "", f.where or "")).lower()
