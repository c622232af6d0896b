"""What the message says of the person, who vouches for it, and what a login with it would do."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from app.gui.examine import ClaimRow, Examined, claim_rows, provisioning_sentence
from app.gui.findings import PROVENANCE
from app.gui.tables import Column, Table
from app.gui.widgets import Pill, column, copy_text, label, row, visible

#: What provisioning would do, as a state of a pill.
_STATES = {"would_reject": "fail", "error": "fail", "would_update_partially": "warn"}


class ClaimsView(QWidget):
    """`asked` is emitted with the XPath of the claim to show in the source."""

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.table: Table[ClaimRow] = Table(
            "inspector-claims",
            [
                Column("Claim", lambda r: r.name, 124, mono=True),
                Column("Value", lambda r: r.value, 176),
                Column(
                    "Signed by",
                    lambda r: PROVENANCE.get(r.provenance, r.provenance),
                    108,
                    state=lambda r: "warn" if r.provenance == "unsigned" else "pass",
                ),
                Column("In a login", lambda r: r.use, 100),
                Column("Where", lambda r: r.where, 260, mono=True, hidden=True),
            ],
        )
        self.table.setAccessibleName("Claims")
        self.table.opened.connect(lambda r: self.asked.emit(r.where))
        self.table.extra_actions = [
            ("Show in source and tree", lambda r: self.asked.emit(r.where)),
            ("Copy value", lambda r: copy_text(visible(r.value), self.table)),
            ("Copy XPath", lambda r: copy_text(visible(r.where), self.table)),
        ]
        self.pill = Pill()
        self.would = label("", wrap=True)
        self.would.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        bar = row(column(self.pill, 1), self.would, spacing=10, margins=(0, 2, 0, 0))
        bar.setStretch(1, 1)
        self.empty = label(
            "The message names nobody: there is no NameID and no attribute in it.", tone="muted", wrap=True
        )
        self.empty.hide()
        self.setLayout(column(bar, self.empty, self.table, margins=(0, 8, 0, 0)))
        shortcut = QShortcut(QKeySequence("Ctrl+Shift+C"), self.table)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self._copy_path)

    def show_examined(self, examined: Examined | None) -> None:
        """Show the claims of a message."""
        rows = claim_rows(examined.report) if examined is not None else []
        self.table.show_rows(rows)
        self.empty.setVisible(not rows)
        provisioning = examined.report.provisioning if examined is not None else None
        self.would.setText(visible(provisioning_sentence(provisioning)))
        outcome = provisioning.outcome if provisioning is not None else ""
        self.pill.show_state(
            _STATES.get(outcome, "pass") if outcome else "unknown", "Dry run" if outcome else "Not known"
        )

    def show_claim(self, where: str) -> None:
        """Choose the claim at a place."""
        self.table.select_where(lambda r: r.where == where)

    def _copy_path(self) -> None:
        if self.table.current is not None:
            copy_text(visible(self.table.current.where), self.table)
