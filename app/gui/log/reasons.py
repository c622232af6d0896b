"""Why logins ended as they did, counted: is it one user, or everybody?"""

from __future__ import annotations

from PySide6.QtCore import Signal

from app.accounts.reasons import CATEGORIES
from app.gui.tables import Column, Table

#: (category, reason, events, different people), as the verb gives them.
Counted = tuple[str, str, int, int]


class ReasonTable(Table[Counted]):
    """The reasons of what the filter shows. `narrowed` with a reason that was opened."""

    narrowed = Signal(str)

    def __init__(self) -> None:
        super().__init__(
            "log-reasons",
            [
                Column("Category", lambda r: CATEGORIES.get(r[0], r[0]), 260),
                Column("Reason", lambda r: r[1], 260, mono=True),
                Column("Events", lambda r: f"{r[2]:,}", 90, sort=lambda r: r[2], right=True),
                Column("People", lambda r: f"{r[3]:,}", 90, sort=lambda r: r[3], right=True),
            ],
        )
        self.setAccessibleName("Reasons")
        self.opened.connect(lambda r: self.narrowed.emit(r[1]))
        self.extra_actions = [("Show only these", lambda r: self.narrowed.emit(r[1]))]
