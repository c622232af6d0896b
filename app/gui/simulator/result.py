"""The strip at the foot of the simulator page: what the last login came to, and the ways on from there."""

from __future__ import annotations

from PySide6.QtCore import Signal

from app.gui.fault_list import verdict_word
from app.gui.findings import VerdictHeader
from app.gui.lab_work import Login, login_state, named
from app.gui.widgets import Card, button, copy_text, row, visible


class ResultCard(Card):
    """opened(page): show the last login on that page ("log" or "inspector")."""

    opened = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.login: Login | None = None
        self.verdict = VerdictHeader(13)
        self.log_button = button("Show in log", lambda: self.opened.emit("log"), icon="log")
        self.inspect_button = button(
            "Inspect", lambda: self.opened.emit("inspector"), icon="inspector", hint="Open the message"
        )
        self.copy_reference = button(
            "", lambda: copy_text(self.reference, self.copy_reference), icon="copy", kind="flat", hint="Copy reference"
        )
        away = button("", self.forget, icon="close", kind="flat", hint="Take this away")
        bar = row(self.verdict, self.copy_reference, self.log_button, self.inspect_button, away, spacing=8)
        bar.setStretch(0, 1)
        self.add(bar)
        self.body.setContentsMargins(16, 10, 16, 10)
        self.setAccessibleName("The last login")
        self.hide()

    @property
    def reference(self) -> str:
        """The reference of the last login; "" where there is none."""
        return self.login.outcome.reference if self.login is not None else ""

    def forget(self) -> None:
        """Take the last login away."""
        self.login = None
        self.hide()

    def show_login(self, login: Login) -> None:
        """Show what a login came to."""
        self.login = login
        outcome = login.outcome
        state, word = login_state(login)
        self.verdict.show_verdict(state, visible(outcome.sentence), _detail(login))
        self.verdict.pill.show_state(state, word)
        for made in (self.log_button, self.copy_reference, self.inspect_button):
            made.setEnabled(bool(outcome.reference))
        self.inspect_button.setEnabled(outcome.result is not None)
        self.show()


def _detail(login: Login) -> str:
    outcome = login.outcome
    parts = [outcome.reference] if outcome.reference else []
    parts.append("from the portal" if outcome.flow == "idp_initiated" else "from the login page")
    if outcome.faults:
        parts.append(f"with {named(outcome.faults)}")
    if login.edited:
        parts.append("edited by hand")
    if login.expected:
        judged = "as expected" if login.as_expected else f"not as expected: must be {verdict_word(login.expected)}"
        parts.append(judged)
    return " · ".join(parts)
