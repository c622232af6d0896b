"""What the tint in source and tree means, in words with a swatch."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.gui import theme
from app.gui.called_by_qt import called_by_qt
from app.gui.widgets import label, row


class _Swatch(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @called_by_qt
    def sizeHint(self) -> QSize:
        return QSize(16, 14)

    @called_by_qt
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        ok = theme.tokens().ok
        painter.fillRect(self.rect(), QColor(theme.tint(ok, 0.16)))
        painter.fillRect(0, 0, 3, self.height(), QColor(theme.tint(ok, 0.55)))
        painter.end()


class SignedLegend(QWidget):
    """Says what is tinted, or that nothing is."""

    def __init__(self) -> None:
        super().__init__()
        self._swatch = _Swatch()
        self.words = label("", tone="muted", size=12)
        self.setLayout(row(self._swatch, self.words, spacing=6))
        self.hide()

    def show_signed(self, some: bool, readable: bool) -> None:
        """`some`: a valid, trusted signature covers a part. `readable`: there is a document at all."""
        self._swatch.setVisible(some)
        self.words.setText("Signed and trusted" if some else "Nothing trusted is signed")
        self.setAccessibleName(self.words.text())
        self.setVisible(readable)
