"""A box for pasted messages: it keeps the whole text and shows a bounded part, so that no paste makes Qt wait."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextOption
from PySide6.QtWidgets import QPlainTextEdit

from app.gui import theme
from app.gui.called_by_qt import called_by_qt
from app.gui.widgets import visible

_MOST_SHOWN = 20_000


class PasteBox(QPlainTextEdit):
    """`pasted` is emitted with the whole text when something is pasted or dropped, `asked` on Ctrl+Enter."""

    pasted = Signal(str)
    asked = Signal()

    def __init__(self, name: str, placeholder: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setFont(theme.mono())
        self.setTabChangesFocus(True)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        self._whole: str | None = None

    @property
    def source(self) -> str:
        """The whole text, also where only a part is shown."""
        return self._whole if self._whole is not None else self.toPlainText()

    def show_source(self, text: str) -> None:
        """Replace the text. One that is too long, or holds invisible characters, cannot be edited here."""
        text = text.replace("\r\n", "\n")
        seen = visible(text[:_MOST_SHOWN])
        if len(text) > _MOST_SHOWN:
            seen += f"\n… ({len(text) - _MOST_SHOWN:,} more characters)"
        self._whole = text if seen != text else None
        self.setReadOnly(self._whole is not None)
        self.setPlainText(seen)

    @called_by_qt
    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return source.hasText() and not source.hasUrls()

    @called_by_qt
    def insertFromMimeData(self, source: QMimeData) -> None:
        text = source.text()
        if text:
            self.show_source(text)
            self.pasted.emit(text)

    @called_by_qt
    def keyPressEvent(self, event: QKeyEvent) -> None:
        entered = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if entered and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.asked.emit()
        else:
            super().keyPressEvent(event)
