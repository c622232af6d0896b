"""Every certificate of the message and of the configuration: whose, how long, which key, and what it verified."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.examine import Examined
from app.gui.tables import Column, Table
from app.gui.widgets import CopyRow, Pill, button, clear, column, copy_text, label, row, scrolled
from app.gui.wording import days_left, exact, in_days, thumbprint, utc
from app.saml.certificate_list import CertificateList, ListedCertificate

_SOON = 30  # days
_CAPTION = 84


def life(c: ListedCertificate, at: datetime) -> tuple[str, str]:
    """(state, words) of a certificate's validity as of an instant."""
    if at < c.facts.not_before:
        return "warn", f"Begins {in_days(c.facts.not_before, at)}"
    if c.facts.expired(at):
        return "warn", f"Expired {in_days(c.facts.not_after, at)}"
    return ("warn" if days_left(c.facts.not_after, at) < _SOON else "pass"), f"Ends {in_days(c.facts.not_after, at)}"


def part(c: ListedCertificate) -> tuple[str, str]:
    """(state, words) of what a certificate did for this message."""
    if c.verified:
        return "pass", f"Verified the {' and the '.join(c.verified)}"
    if c.configured:
        return "info", "Trusted, verified nothing"
    return "not-applicable", "Not trusted"


class CertificatesView(QWidget):
    """A list, and the chosen certificate below it. `asked` is emitted with the XPath of one that the message holds."""

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._at: datetime | None = None
        self.table: Table[ListedCertificate] = Table(
            "inspector-certificates",
            [
                Column("Subject", lambda c: c.facts.subject or "(no name)", 136),
                Column("In this message", lambda c: part(c)[1], 178, state=lambda c: part(c)[0]),
                Column("Validity", lambda c: self._life(c)[1], 136, state=lambda c: self._life(c)[0]),
                Column("Chain", lambda c: f"{c.number} of {c.of}" if c.number else "", 56),
            ],
        )
        self.table.setAccessibleName("Certificates")
        self.table.chosen.connect(self._show)
        self.table.opened.connect(self._go)
        self.table.extra_actions = [
            ("Show in source and tree", self._go),
            ("Copy SHA-256 fingerprint", lambda c: copy_text(thumbprint(c.facts.sha256), self.table)),
            ("Copy certificate (PEM)", lambda c: copy_text(c.pem, self.table)),
        ]
        self.empty = label("", tone="muted", wrap=True)
        inner = QWidget()
        self._parts = QVBoxLayout(inner)
        self._parts.setContentsMargins(2, 4, 8, 4)
        self._parts.setSpacing(6)
        whole = QWidget()
        whole.setLayout(column(self.empty, self.table, inner, 1, margins=(0, 0, 4, 0)))
        self.setLayout(column(scrolled(whole), margins=(0, 6, 0, 0)))

    def show_examined(self, examined: Examined | None) -> None:
        """Show the certificates of a message, with their validity as of the judged instant."""
        kept = self.table.current.facts.sha256 if self.table.current is not None else ""
        found = examined.certificates if examined is not None else CertificateList()
        self._at = examined.report.evaluated_at if examined is not None else None
        self.table.show_rows(found.certificates)
        self.table.fit_rows(4)
        told = [f"{u.why} It stands at {u.at.path}." for u in found.unreadable[:3]]
        if found.left_out:
            told.append(f"{found.left_out} more are not listed.")
        if not found.certificates and not told:
            told = ["There is no certificate in the message, and none is configured to judge it by."]
        self.empty.setText("\n".join(told))
        self.empty.setVisible(bool(told))
        chosen = self.table.select_where(lambda c: c.facts.sha256 == kept) or bool(found.certificates)
        if chosen and self.table.current is None:
            self.table.selectRow(0)
        self._show(self.table.current)

    def _life(self, c: ListedCertificate) -> tuple[str, str]:
        return life(c, self._at) if self._at is not None else ("info", "")

    def _go(self, c: ListedCertificate) -> None:
        if c.at is not None:
            self.asked.emit(c.at.path)

    def _show(self, c: ListedCertificate | None) -> None:
        clear(self._parts)
        if c is None or self._at is None:
            return
        facts = c.facts
        copy = button("Copy PEM", lambda: copy_text(c.pem, copy), icon="copy", kind="flat", hint="Copy the certificate")
        place = button("Show in source", lambda: self._go(c), kind="flat", hint="Go to its place (Enter)")
        place.setVisible(c.at is not None)
        state, words = self._life(c)
        self._parts.addLayout(row(Pill(*part(c)), Pill(state, words), 1))
        self._parts.addLayout(row(place, copy, 1, spacing=4))
        validity = f"{utc(facts.not_before)} to {utc(facts.not_after)}"
        rows = (
            ("Subject", facts.subject),
            ("Issuer", facts.issuer),
            ("Serial", facts.serial),
            ("Valid", validity),
            ("Key", f"{facts.key}, signed with {facts.signature_digest or 'an unknown digest'}"),
            ("SHA-256", thumbprint(facts.sha256)),
            ("SHA-1", thumbprint(facts.sha1)),
        )
        for name, value in rows:
            made = CopyRow(name, value, _CAPTION)
            if name == "Valid":
                made.value.setToolTip(f"{exact(facts.not_before)}\n{exact(facts.not_after)}")
            self._parts.addWidget(made)
        chain = f"{c.chain} It is number {c.number} of {c.of} in its KeyInfo." if c.of > 1 else c.chain
        test = ["This is a key of the built-in test identity provider."] if facts.is_test_key else []
        for said in (*c.held, chain, *test):
            self._parts.addWidget(label(said, tone="muted", wrap=True))
        self._parts.addStretch(1)
