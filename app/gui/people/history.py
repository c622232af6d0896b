"""What happened to one person: logins, failed ones too, and changes by hand. It changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHeaderView

from app.gui.tables import Column, Table
from app.gui.widgets import Card, button, label, visible
from app.gui.wording import OUTCOMES, ago, exact, role_title

if TYPE_CHECKING:
    from app.accounts.users import User
    from app.store import EventRecord


def what(event: EventRecord) -> str:
    """An event in a word or two: "Logged in", "User changed"."""
    return OUTCOMES.get(event.outcome) or event.outcome.replace("-", " ").replace("_", " ").capitalize()


def details(event: EventRecord) -> str:
    """The changes of an event, before and after; its sentence where there is none."""
    changes = [
        f"{_field(c.field)}: {_value(c.field, c.old)} → {_value(c.field, c.new)}"
        if c.old is not None
        else f"{_field(c.field)}: {_value(c.field, c.new)}"
        for c in event.changes
    ]
    kept = "" if all(c.applied for c in event.changes) else " (not applied)"
    return "; ".join(changes) + kept if changes else event.sentence


def _field(name: str) -> str:
    return {"full_name": "name", "missing_since": "missing in the directory"}.get(name, name)


def _value(field: str, value: str | None) -> str:
    return (role_title(value) if field == "role" else value) or "nothing"


class HistoryPanel(Card):
    """Signals: closed() · opened(reference): show this event in the log."""

    closed = Signal()
    opened = Signal(str)

    def __init__(self) -> None:
        # A signal is there only once the widget is.
        close = button("Close", lambda: self.closed.emit(), kind="flat")  # noqa: PLW0108
        super().__init__("History", actions=(close,))
        self._now: datetime | None = None
        self.none = label("Nothing is recorded of this person.", tone="muted")
        self.table: Table[Any] = Table(
            "user-history",
            (
                Column("When", lambda e: ago(e.at, self._moment), 120, tip=lambda e: exact(e.at)),
                Column("What", what, 150, tip=lambda e: e.sentence, state=lambda e: e.status),
                Column("Changes", details, 320, tip=lambda e: e.sentence),
                Column("By", lambda e: e.operator or e.issuer or "", 170, muted=True),
                Column("Reference", lambda e: e.reference, 190, mono=True),
            ),
        )
        self.table.setAccessibleName("What happened to this person")
        self.table.horizontalHeader().setStretchLastSection(False)
        self.table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.table.opened.connect(lambda e: self.opened.emit(e.reference))
        self.table.extra_actions = [("Open in the log", lambda e: self.opened.emit(e.reference))]
        self.table.setFixedHeight(210)
        self.add(self.none)
        self.add(self.table)

    @property
    def _moment(self) -> datetime:
        assert self._now is not None
        return self._now

    def show_events(self, user: User, events: tuple[EventRecord, ...], now: datetime) -> None:
        """Show what happened, newest first."""
        self._now = now
        self.title.setText(visible(f"History of {user.full_name}"))
        self.table.show_rows(events)
        self.table.setVisible(bool(events))
        self.none.setVisible(not events)
        self.show()
