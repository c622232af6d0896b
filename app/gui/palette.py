"""The command palette (Ctrl+K) and the sheet of keys (F1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QListWidget, QListWidgetItem, QWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.widgets import column, label, line_edit, mono_label, visible


@dataclass(frozen=True)
class Entry:
    """One thing the palette can do."""

    title: str
    kind: str
    act: Callable[[], object]


class Palette(QDialog):
    """Type to narrow down, Enter to go, Escape to leave."""

    def __init__(self, parent: QWidget, entries: Sequence[Entry]) -> None:
        super().__init__(parent)
        self.setWindowTitle("Go to")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 420)
        self._entries = entries
        self.field = line_edit(placeholder="Go to a page, an account, a user, a fault", name="Go to")
        self.list = QListWidget()
        self.list.setAccessibleName("Matches")
        self.list.itemActivated.connect(lambda _i: self._go())
        self.list.itemClicked.connect(lambda _i: self._go())
        self.field.textChanged.connect(self._narrow)
        self.field.returnPressed.connect(self._go)
        self.field.installEventFilter(self)
        self.setLayout(column(self.field, self.list, margins=(12, 12, 12, 12)))
        self._narrow("")

    def popup(self) -> None:
        """Show without blocking."""
        self.open()
        self.field.setFocus()

    @called_by_qt
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
            if step and self.list.count():
                self.list.setCurrentRow((self.list.currentRow() + step) % self.list.count())
                return True
        return super().eventFilter(watched, event)

    def _narrow(self, text: str) -> None:
        words = text.lower().split()
        self.list.clear()
        for entry in self._entries:
            if all(w in f"{entry.title} {entry.kind}".lower() for w in words):
                item = QListWidgetItem(visible(f"{entry.kind}:  {entry.title}"))
                item.setData(Qt.ItemDataRole.UserRole, entry)
                self.list.addItem(item)
                if self.list.count() >= 200:
                    break
        self.list.setCurrentRow(0)

    def _go(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            entry: Entry = item.data(Qt.ItemDataRole.UserRole)
            self.accept()
            entry.act()


KEYS: tuple[tuple[str, str], ...] = (
    ("Ctrl+K", "Go to a page, an account, a user or a fault"),
    ("Ctrl+1 ... Ctrl+9", "Pages, from the top of the sidebar"),
    ("F5", "Load the page again"),
    ("Ctrl+F", "Search on the page"),
    ("Ctrl+V", "On the inspector: paste and inspect"),
    ("Ctrl+C", "In a table: copy the selected rows"),
    ("Enter, double-click", "In a table: open the row"),
    ("Ctrl+Z", "On Users: undo the last deletion"),
    ("Right-click on a table head", "Choose columns"),
    ("F1", "This sheet"),
)


class HelpSheet(QDialog):
    """Which key does what."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(8)
        for number, (keys, what) in enumerate(KEYS):
            grid.addWidget(mono_label(keys), number, 0)
            grid.addWidget(label(what), number, 1)
        self.setLayout(column(label("Keyboard", size=16, bold=True), grid, 1, spacing=14, margins=(24, 20, 24, 20)))

    def popup(self) -> None:
        """Show without blocking."""
        self.open()
