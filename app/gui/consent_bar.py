"""The strip that asks whether a browser may log in at the test IdP. It stands above every page while somebody waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication, QFrame, QLabel, QWidget

from app.gui import theme
from app.gui.desk import Desk
from app.gui.widgets import button, label, row, visible

if TYPE_CHECKING:
    from app.lab import Lab


@dataclass(frozen=True, slots=True)
class Waiting:
    """A login that waits, with the names that people know."""

    number: int
    person: str
    application: str


def waiting(lab: Lab) -> tuple[Waiting, ...]:
    """Who waits, the longest first; off the GUI thread."""
    found = lab.waiting_logins
    if not found:
        return ()
    tenant = lab.tenant
    names = []
    for login in found:
        person, application = tenant.user(login.username), tenant.application(login.application)
        names.append(
            Waiting(
                login.number,
                (person.full_name if person is not None else None) or login.username,
                application.name if application is not None else login.application,
            )
        )
    return tuple(names)


class ConsentBar(QWidget):
    """Approve or refuse the login that waits longest. Hidden while nobody waits."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._waiting: tuple[Waiting, ...] = ()
        self._icon = QLabel()
        self.text = label("", wrap=True)
        self.approve_button = button(
            "Approve", lambda: self._answer(True), icon="check", kind="primary", hint="Let this login go on"
        )
        self.refuse_button = button("Refuse", lambda: self._answer(False), icon="close", hint="Refuse this login")
        self._strip = QFrame()
        self._strip.setObjectName("consent")
        bar = row(self._icon, self.text, self.refuse_button, self.approve_button, spacing=10, margins=(12, 8, 12, 8))
        bar.setStretch(1, 1)
        self._strip.setLayout(bar)
        self.setAccessibleName("A login waits for approval")
        self.setLayout(row(self._strip, margins=(24, 12, 24, 0)))
        self.hide()

    def show_waiting(self, found: tuple[Waiting, ...]) -> None:
        """Show who waits longest, and how many more do."""
        new = bool({w.number for w in found} - {w.number for w in self._waiting})
        self._waiting = found
        self.setVisible(bool(found))
        if not found:
            return
        first, more = found[0], len(found) - 1
        rest = f" {more} more wait{'s' if more == 1 else ''}." if more else ""
        self.text.setText(
            visible(
                f"A browser asks to log in as {first.person} at {first.application}. Approve it only if that was you; "
                f"otherwise any program on this computer could be anybody.{rest}"
            )
        )
        for made in (self.approve_button, self.refuse_button):
            made.setEnabled(True)
        self.restyle()
        if new:
            QApplication.alert(self.window())

    def _answer(self, approve: bool) -> None:
        if not self._waiting:
            return
        for made in (self.approve_button, self.refuse_button):
            made.setEnabled(False)
        self._desk.jobs.run(
            self,
            self._desk.lab.answer_login,
            self._waiting[0].number,
            approve,
            then=lambda _known: self._desk.servers_changed.emit(),
            channel="consent",
        )

    def restyle(self) -> None:
        """Follow the theme."""
        colour = theme.tokens().warning
        self._icon.setPixmap(theme.pixmap("login", colour, 18))
        self._icon.setFixedWidth(20)
        self._strip.setStyleSheet(
            f"QFrame#consent {{ background: {theme.tint(colour, 0.10)}; border: 1px solid {theme.tint(colour, 0.35)};"
            " border-radius: 8px; }"
        )
