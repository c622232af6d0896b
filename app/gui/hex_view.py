"""Bytes as hex and text, sixteen in a row, made row by row as they are looked at, so that any length costs the same."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QListView

from app.gui import theme
from app.gui.called_by_qt import called_by_qt
from app.gui.widgets import copy_text

_IN_ROW: Final = 16
_MOST_COPIED: Final = 4_096  # rows


def hex_row(data: bytes, offset: int) -> str:
    """Sixteen bytes from an offset: the offset, the bytes in hex, and what of them is printable ASCII."""
    part = data[offset : offset + _IN_ROW]
    digits = " ".join(f"{b:02x}" for b in part[:8]).ljust(23) + "  " + " ".join(f"{b:02x}" for b in part[8:]).ljust(23)
    text = "".join(chr(b) if 32 <= b < 127 else "." for b in part)
    return f"{offset:08x}  {digits}  {text}"


class _Rows(QAbstractListModel):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.content = b""

    def replace(self, data: bytes) -> None:
        self.beginResetModel()
        self.content = data
        self.endResetModel()

    @called_by_qt
    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008  Qt's own
        return 0 if parent.isValid() else -(-len(self.content) // _IN_ROW)

    @called_by_qt
    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole) and index.isValid():
            return hex_row(self.content, index.row() * _IN_ROW)
        if role == Qt.ItemDataRole.FontRole:
            return theme.mono()
        return None


class HexView(QListView):
    """Rows can be selected and copied; nothing is edited."""

    def __init__(self, name: str = "Bytes") -> None:
        super().__init__()
        self.setAccessibleName(name)
        self._rows = _Rows(self)
        self.setUniformItemSizes(True)
        self.setModel(self._rows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)

    def show_bytes(self, data: bytes) -> None:
        """Show other bytes, from the start."""
        self.scrollToTop()
        self._rows.replace(data)

    @property
    def content(self) -> bytes:
        """The bytes on show."""
        return self._rows.content

    def copy_rows(self) -> None:
        """Copy the selected rows as they are shown."""
        chosen = sorted(i.row() for i in self.selectedIndexes())[:_MOST_COPIED]
        if chosen:
            copy_text("\n".join(hex_row(self.content, r * _IN_ROW) for r in chosen), self)

    @called_by_qt
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_rows()
        else:
            super().keyPressEvent(event)
