"""The signatures of a message: what each covers, whether its key is trusted, whether it holds, and if not, why."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.examine import Examined, shown
from app.gui.tables import Column, Table
from app.gui.widgets import CopyRow, button, clear, column, label, row, scrolled, visible
from app.gui.xml_view import XmlView
from app.saml.damage import Damage, SignatureExplanation
from app.saml.report import SignatureSummary

_MOST_COMPARED: Final = 60_000
_MOST_LINES: Final = 400


class SignaturesView(QWidget):
    """A table, and below it why a signature fails; `why_asked` is emitted when somebody wants to know.

    The certificate that verified a signature is in the list of certificates.
    """

    why_asked = Signal()

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
        self.why = button(
            "Why does it fail?",
            self.why_asked.emit,
            icon="search",
            hint="Compute the digest and try to undo the usual damage; the verdict stays as it is",
        )
        self.difference = XmlView("What was changed")
        self.difference.setMinimumHeight(180)
        self.difference.hide()
        inside = QWidget()
        self._explained = QVBoxLayout(inside)
        self._explained.setContentsMargins(0, 0, 0, 0)
        self._explained.setSpacing(6)
        self.table.setMaximumHeight(120)
        below = QWidget()
        below.setLayout(column(row(self.why, 1), inside, self.difference, 1))
        self.setLayout(column(self.empty, self.table, scrolled(below), margins=(0, 8, 0, 0)))

    def show_examined(self, examined: Examined | None) -> None:
        """Show the signatures of a message; nothing is explained before somebody asks."""
        signatures = examined.report.signatures if examined is not None else ()
        self.empty.setVisible(not signatures)
        self.table.show_rows(signatures)
        self.why.setVisible(any(s.status != "valid" or not s.trusted for s in signatures))
        self.difference.hide()
        clear(self._explained)

    def show_why(self, explained: tuple[SignatureExplanation, ...]) -> None:
        """Show what was found out about the signatures that do not hold."""
        clear(self._explained)
        failing = [e for e in explained if e.fails_at != "nothing"]
        if not failing:
            self._explained.addWidget(label("No signature was found to explain.", tone="muted", wrap=True))
        for e in failing:
            for part in self._parts(e):
                self._explained.addWidget(part)

    def _parts(self, e: SignatureExplanation) -> list[QWidget]:
        parts: list[QWidget] = [label(visible(e.sentence), bold=True, wrap=True)]
        for caption, value in (("Declared digest", e.declared_digest), ("Computed digest", e.computed_digest)):
            if value:
                parts.append(CopyRow(caption, visible(value), caption_width=110))
        parts += [
            label(visible(f"{_key_words(k.source, k.fits)} {k.subject}. {k.resembles}".strip()), wrap=True)
            for k in e.keys
        ]
        fitting = [d for d in e.damages if d.explains]
        for d in fitting:
            parts.append(label(visible(d.sentence), wrap=True))
            parts.append(row_of(button("Show what was changed", self._shows(e, d), icon="compare")))
        if e.damages and not fitting:
            names = ", ".join(dict.fromkeys(d.title.lower() for d in e.damages))
            parts.append(label(visible(f"Tried without success: {names}."), tone="muted", wrap=True))
        return parts

    def _shows(self, e: SignatureExplanation, d: Damage) -> Callable[[], None]:
        return lambda: self._show_difference(e.signed_info if d.of == "SignedInfo" else e.canonical, d.canonical)

    def _show_difference(self, received: bytes, signed: bytes) -> None:
        self.difference.show_text(shown(difference(received, signed)))
        self.difference.show()


def difference(received: bytes, signed: bytes) -> str:
    """What was signed (+) beside what was received (-), tag by tag, as a text difference; bounded."""
    before, after = (_lines(data) for data in (received, signed))
    found = list(difflib.unified_diff(before, after, "received", "signed", lineterm="", n=2))
    if len(found) > _MOST_LINES:
        found = [*found[:_MOST_LINES], f"... {len(found) - _MOST_LINES:,} more lines"]
    return "\n".join(found) if found else "Both are the same, tag by tag; they differ in their bytes only."


def _lines(data: bytes) -> list[str]:
    text = data[:_MOST_COMPARED].decode("utf-8", "replace")
    # A line for each tag; a return or tab that matters is written out, so that it can be seen.
    text = text.replace("\r", "␍").replace("\t", "␉").replace("\n", "␊")
    return text.replace("><", ">\n<").replace("␊", "␊\n").split("\n")


def row_of(part: QWidget) -> QWidget:
    """A part at its own width, at the left."""
    held = QWidget()
    held.setLayout(row(part, 1))
    return held


def _key_words(source: str, fits: bool | None) -> str:
    whose = "The configured key" if source == "configured" else "The key inside the message"
    return f"{whose} {'fits:' if fits else 'cannot be tried:' if fits is None else 'does not fit:'}"


def _state(s: SignatureSummary) -> str:
    return "pass" if s.status == "valid" and s.trusted else "warn" if s.status == "valid" else "fail"
