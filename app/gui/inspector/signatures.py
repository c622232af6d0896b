"""The signatures of a message: what each covers, whether its key is trusted, and whether it holds."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.gui.examine import Examined
from app.gui.tables import Column, Table
from app.gui.widgets import column, label
from app.saml.report import SignatureSummary


class SignaturesView(QWidget):
    """A table; the certificate that verified a signature is in the list of certificates."""

    def __init__(self) -> None:
        super().__init__()
        self.table: Table[SignatureSummary] = Table(
            "inspector-signatures",
            [
                Column("Status", lambda s: s.status.capitalize(), 100, state=_state),
                Column("Covers", lambda s: s.covers, 80),
                Column("Key", lambda s: "Trusted" if s.trusted else "Not trusted", 88),
                Column("Algorithm", lambda s: s.algorithm or "", 98),
                Column("Digest", lambda s: s.digest or "", 70),
                Column("Message", lambda s: s.message, 80),
                Column("Key fingerprint (SHA-256)", lambda s: s.key or "", 200, mono=True, hidden=True),
            ],
        )
        self.table.setAccessibleName("Signatures")
        self.empty = label(
            "Nothing in this message is signed. The identity provider has to sign the assertion, the response or both.",
            tone="muted",
            wrap=True,
        )
        self.setLayout(column(self.empty, self.table, margins=(0, 8, 0, 0)))

    def show_examined(self, examined: Examined | None) -> None:
        """Show the signatures of a message."""
        signatures = examined.report.signatures if examined is not None else ()
        self.empty.setVisible(not signatures)
        self.table.show_rows(signatures)


def _state(s: SignatureSummary) -> str:
    return "pass" if s.status == "valid" and s.trusted else "warn" if s.status == "valid" else "fail"
