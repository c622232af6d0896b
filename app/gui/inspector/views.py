"""The judged message as a whole: verdict, choices, figures, and every view on it, with the ways from one to another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QTabWidget, QWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.examine import Examined, clock
from app.gui.findings import Finding, findings
from app.gui.inspector.certificates import CertificatesView
from app.gui.inspector.claims import ClaimsView
from app.gui.inspector.documents import Documents
from app.gui.inspector.finding_list import FindingList
from app.gui.inspector.instants import InstantsView
from app.gui.inspector.judging import JudgingBar
from app.gui.inspector.remember import remember
from app.gui.inspector.search import Hit
from app.gui.inspector.signatures import SignaturesView
from app.gui.inspector.summary import Figures, Summary, VerdictBar
from app.gui.inspector.tree import TreeView
from app.gui.widgets import Banner, Card, column, scrolled
from app.saml.outline import Node

_ROOM_FOR_FIGURES = 760

#: In a narrow window the source gives way, so that the cause can still be read without scrolling sideways.
_WIDTH_OF_CAUSE = 380


class MessageViews(QWidget):
    """show_examined() shows a message; a tab is filled when it is first looked at.

    `placed` is emitted when the person was led to a place of the message.
    """

    placed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.verdict = VerdictBar()
        self.bar = JudgingBar()
        self.live = Banner(slim=True)
        self.figures = Figures()
        self.summary = Summary()
        self.summary.asked.connect(self.show_finding)
        self.claims = ClaimsView()
        self.tree = TreeView()
        self.signatures = SignaturesView()
        self.certificates = CertificatesView()
        self.instants = InstantsView()
        self.documents = Documents()
        self.findings = FindingList()
        self.findings.provenance = self._provenance
        self.findings.asked.connect(self.go_to_finding)
        self.tree.tree.chosen.connect(self._from_tree)
        self.tree.findings_asked.connect(self.show_findings_at)
        for view in (self.documents.source, self.documents.inner):
            view.findings_asked.connect(self.show_findings_at)
            view.tree_asked.connect(self._show_in_tree)
            view.place_chosen.connect(self.tree.tree.go_to)
        self.instants.chosen.connect(self._judge_at)
        for part in (self.claims, self.certificates, self.instants):
            part.asked.connect(self.go_to)
        self._examined: Examined | None = None
        self._due: set[QWidget] = set()
        self._fills: dict[QWidget, Callable[[Examined | None], object]] = {}
        self.setLayout(column(Card("", self.verdict, self.bar), self.live, self.figures, self._whole(), spacing=10))

    def _whole(self) -> QSplitter:
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setUsesScrollButtons(True)
        self.tabs.setAccessibleName("Decoded message")
        for part, title, fill in (
            (scrolled(self.summary), "Summary", self._fill_summary),
            (self.claims, "Claims", self.claims.show_examined),
            (self.tree, "Tree", self.tree.show_examined),
            (self.signatures, "Signatures", self.signatures.show_examined),
            (self.certificates, "Certificates", self.certificates.show_examined),
            (self.instants, "Time", self.instants.show_examined),
        ):
            self.tabs.addTab(part, title)
            self._fills[part] = fill
        self.tabs.currentChanged.connect(lambda _i: self._fill())
        left = Card("", self.tabs)
        left.setMinimumWidth(_WIDTH_OF_CAUSE)
        left.body.setContentsMargins(14, 6, 14, 10)
        upper, whole = QSplitter(Qt.Orientation.Horizontal), QSplitter(Qt.Orientation.Vertical)
        for split in (upper, whole):
            split.setHandleWidth(10)
            split.setChildrenCollapsible(False)
        upper.addWidget(left)
        upper.addWidget(self.documents)
        upper.setSizes([560, 440])
        whole.addWidget(upper)
        whole.addWidget(self.findings)
        whole.setSizes([330, 210])
        whole.setStretchFactor(0, 3)
        whole.setStretchFactor(1, 2)
        remember(whole, "inspector/whole")
        remember(upper, "inspector/upper")
        return whole

    # Showing ---------------------------------------------------------------------------------------------------

    def show_examined(self, examined: Examined) -> None:
        """Show a judged message. Where only the judgement is new, what the person looks at stays where it is."""
        before = self._examined
        same = examined.same_documents(before)
        self._examined = examined
        self.verdict.setEnabled(True)
        self.verdict.show_examined(examined)
        self.bar.show_examined(examined)
        self.figures.show_examined(examined)
        self._show_live(examined)
        rows = findings(examined.report.checks)
        self.findings.show_findings(rows)
        self.documents.show_examined(examined, rows)
        self._due = {part for part in self._fills if part is not self.tree or not same or self.tree in self._due}
        if not same:
            self.findings.show_everywhere()
            self.tabs.setCurrentIndex(0 if examined.report.diagnosis else 1)
        self._fill()

    def clear(self) -> None:
        """Forget the message: nothing of it stays in the window."""
        self._examined = None
        self._due = set()
        self.live.hide()
        self.documents.show_examined(None, [])
        self.findings.clear()
        self.summary.clear()
        self.verdict.clear()
        for part, fill in self._fills.items():
            if part is not self.tabs.widget(0):
                fill(None)

    def restyle(self) -> None:
        """Follow the theme."""
        self.documents.restyle()
        self.live.restyle()
        self.summary.causes.metadata.restyle()

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # In a low window the room belongs to the message; the counts stand in the choice of findings too.
        self.figures.setVisible(self.height() >= _ROOM_FOR_FIGURES)

    def _fill_summary(self, examined: Examined | None) -> None:
        if examined is not None:
            self.summary.show_examined(examined)

    def _fill(self) -> None:
        part = self.tabs.currentWidget()
        if part in self._due and self._examined is not None:
            self._due.discard(part)
            self._fills[part](self._examined)
        if part is self.tree:
            self.tree.tree.show_current()

    def _show_live(self, examined: Examined) -> None:
        if not examined.live or examined.expires_at is None:
            self.live.hide()
            return
        left = clock(examined.expires_at - examined.now)
        self.live.say(
            "warning",
            f"Live credential: for another {left}, who holds it can log in as "
            f"{examined.report.name_id or 'its user'}. Send the report, not the message.",
        )

    def _judge_at(self, at: datetime) -> None:
        self.bar.judge_at("at", at)
        self.bar.asked.emit()

    def _provenance(self, where: str | None) -> str:
        return self._examined.provenance(where) if self._examined is not None else ""

    # From one view to another ----------------------------------------------------------------------------------

    def show_finding(self, check_id: str) -> None:
        """Choose a finding, and go to its place."""
        self.findings.show_finding(check_id)
        if self.findings.table.current is not None:
            self.go_to_finding(self.findings.table.current)
        self.findings.table.setFocus()

    def go_to_finding(self, found: Finding) -> None:
        """Show the place of a finding in the source and in the tree."""
        if found.where is not None:
            self.go_to(found.where)

    def go_to(self, where: str) -> None:
        """Show a place in the source and in the tree."""
        self._need_tree()
        self.documents.go_to(where)
        self.tree.tree.go_to(where)
        self.placed.emit(where)

    def go_to_hit(self, hit: Hit) -> None:
        """Show what a search found."""
        if hit.kind == "finding":
            self.findings.show_finding(hit.key)
        elif hit.kind == "claim":
            self.tabs.setCurrentWidget(self.claims)
            self.claims.show_claim(hit.where)
        if hit.where:
            self.go_to(hit.where)

    def show_findings_at(self, path: str) -> None:
        """Show only the findings at a place."""
        self.findings.show_at(path)

    def _show_in_tree(self, path: str) -> None:
        self._need_tree()
        self.tabs.setCurrentWidget(self.tree)
        self.tree.tree.go_to(path)
        self.tree.tree.setFocus()

    def _need_tree(self) -> None:
        if self.tree in self._due and self._examined is not None:
            self._due.discard(self.tree)
            self.tree.show_examined(self._examined)

    def _from_tree(self, node: Node) -> None:
        self.documents.go_to(node.path)
        self.placed.emit(node.path)
