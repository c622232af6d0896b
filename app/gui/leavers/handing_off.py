"""What a clean-up leaves behind: the list as a file, and the checklist to hand on. It deletes nobody."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem

from app.gui.widgets import Card, button, copy_text, label, row, visible
from app.gui.wording import utc
from app.spreadsheet import neutral

if TYPE_CHECKING:
    from app.accounts.staleness import StaleUser
    from app.store import CleanupRecord


class HandOff(Card):
    """The e-mails that were deleted here, to be ticked off where the real service provider's user list is.

    The ticks are kept with the clean-up. `ticked` carries its reference, the user's id, and whether it is on.
    """

    ticked = Signal(str, int, bool)

    def __init__(self, done: Callable[[], object]) -> None:
        super().__init__(
            "Hand-off",
            label(
                "If the real service provider's user list is elsewhere, remove them there too and tick them off.",
                tone="muted",
                wrap=True,
            ),
        )
        self._reference = ""
        self.list = QListWidget()
        self.list.setAccessibleName("Hand-off: removed at the service provider")
        self.list.itemChanged.connect(self._tick)
        self.count = label("", tone="muted", size=12)
        self.copy_one = button("Copy one", self._copy_one, icon="copy", kind="flat", hint="Copy the selected e-mail")
        self.copy_one.setEnabled(False)
        self.list.currentRowChanged.connect(lambda row: self.copy_one.setEnabled(row >= 0))
        self.copy = button("Copy all", self._copy, icon="copy", kind="flat", hint="Copy all e-mails, one a line")
        self.add(self.list)
        self.add(row(self.count, 1, self.copy_one, self.copy, button("Done", done)))
        self.body.setStretch(self.body.indexOf(self.list), 1)

    def show_cleanup(self, cleanup: CleanupRecord) -> None:
        """Show who was deleted in this clean-up, sorted, with the ticks that were kept."""
        self.list.blockSignals(True)
        self.list.clear()
        self._reference = cleanup.reference
        for deleted in sorted(cleanup.deleted, key=lambda i: i.email):
            item = QListWidgetItem(visible(deleted.email))
            item.setData(Qt.ItemDataRole.UserRole, deleted.user_id)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            on = deleted.user_id in cleanup.ticked
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(False)
        self.copy_one.setEnabled(False)
        self._count()

    def _tick(self, item: QListWidgetItem) -> None:
        self._count()
        on = item.checkState() == Qt.CheckState.Checked
        self.ticked.emit(self._reference, item.data(Qt.ItemDataRole.UserRole), on)

    def _count(self) -> None:
        items = [self.list.item(i) for i in range(self.list.count())]
        ticked = sum(1 for i in items if i.checkState() == Qt.CheckState.Checked)
        self.count.setText(f"{ticked} of {len(items)} removed at the service provider")

    def _copy_one(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            copy_text(item.text(), self.copy_one)

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
