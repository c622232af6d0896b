"""What a clean-up leaves behind: the list as a file, and the checklist to hand on. It deletes nobody."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from app.gui.widgets import Card, button, copy_text, label, row, visible
from app.gui.wording import utc
from app.spreadsheet import neutral

if TYPE_CHECKING:
    from app.accounts.staleness import StaleUser


class HandOff(Card):
    """The e-mails that were deleted here, to be ticked off where the real service provider's user list is."""

    def __init__(self, done: Callable[[], object]) -> None:
        super().__init__(
            "Hand-off",
            label(
                "If the real service provider's user list is elsewhere, remove them there too and tick them off.",
                tone="muted",
                wrap=True,
            ),
        )
        self.list = QListWidget()
        self.list.setAccessibleName("Hand-off: removed at the service provider")
        self.list.itemChanged.connect(lambda _i: self._count())
        self.count = label("", tone="muted", size=12)
        self.copy = button("Copy e-mails", self._copy, icon="copy", kind="flat")
        self.add(self.list)
        self.add(row(self.count, 1, self.copy, button("Done", done)))
        self.body.setStretch(self.body.indexOf(self.list), 1)

    def show_emails(self, emails: Iterable[str]) -> None:
        """Start a list of these, sorted, none ticked."""
        self.list.clear()
        for email in sorted(emails):
            item = QListWidgetItem(visible(email))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self._count()

    def _count(self) -> None:
        items = [self.list.item(i) for i in range(self.list.count())]
        ticked = sum(1 for i in items if i.checkState() == Qt.CheckState.Checked)
        self.count.setText(f"{ticked} of {len(items)} removed at the service provider")

    def _copy(self) -> None:
        copy_text("\n".join(self.list.item(i).text() for i in range(self.list.count())), self.copy)


def as_csv(rows: list[StaleUser]) -> str:
    """The list with exact times, every reason, and cells that no spreadsheet takes for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(
        ["email", "full_name", "role", "state", "evidence", "last_login_utc", "created_utc", "since", "why"]
    )
    for r in rows:
        u = r.user
        cells = (
            u.email,
            u.full_name,
            u.role,
            r.state,
            r.evidence,
            utc(u.last_login_at),
            utc(u.created_at),
            utc(r.since),
            " ".join(r.why),
        )
        writer.writerow([neutral(c) for c in cells])
    return out.getvalue()
