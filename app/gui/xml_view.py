"""Shows a document's text with its syntax coloured, and jumps to a line. It is given text; it reads no XML itself."""

from __future__ import annotations

import re

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from app.gui import theme

#: Above this many characters the text is shown without colours: painting stays under 50 ms.
COLOURED_UP_TO = 300_000
_TAG = re.compile(r"</?[\w:.-]+|/?>|\?>|<\?[\w-]+")
_ATTRIBUTE = re.compile(r"([\w:.-]+)(=)(\"[^\"]*\"|'[^']*')")
_COMMENT = re.compile(r"<!--.*?-->")


class _Colours(QSyntaxHighlighter):
    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self.restyle()

    def restyle(self) -> None:
        t = theme.tokens()
        self._tag, self._name, self._value, self._comment = (QTextCharFormat() for _ in range(4))
        self._tag.setForeground(QColor(t.accent))
        self._name.setForeground(QColor(t.warning))
        self._value.setForeground(QColor(t.ok))
        self._comment.setForeground(QColor(t.error))

    def highlightBlock(self, text: str) -> None:
        if len(text) > 10_000:
            return
        for m in _TAG.finditer(text):
            self.setFormat(m.start(), m.end() - m.start(), self._tag)
        for m in _ATTRIBUTE.finditer(text):
            self.setFormat(m.start(1), len(m.group(1)), self._name)
            self.setFormat(m.start(3), len(m.group(3)), self._value)
        for m in _COMMENT.finditer(text):
            self.setFormat(m.start(), m.end() - m.start(), self._comment)


class _Gutter(QWidget):
    def __init__(self, view: XmlView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self) -> QSize:
        return QSize(self._view.gutter_width(), 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        self._view.paint_gutter(event)


class XmlView(QPlainTextEdit):
    """Read-only text with line numbers. show_text() replaces it, jump() marks a line."""

    def __init__(self, name: str = "Source") -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFont(theme.mono())
        self.setUndoRedoEnabled(False)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._gutter = _Gutter(self)
        self._colours: _Colours | None = None
        self._marked = 0
        self._signed: tuple[tuple[int, int], ...] = ()
        self.blockCountChanged.connect(lambda _n: self._fit())
        self.updateRequest.connect(self._scrolled)
        self._fit()

    def show_text(self, text: str) -> None:
        """Replace the document."""
        if self._colours is not None:
            self._colours.setDocument(None)
            self._colours = None
        self._marked = 0
        self._signed = ()
        self.setExtraSelections([])
        self.setPlainText(text)
        if len(text) <= COLOURED_UP_TO:
            self._colours = _Colours(self.document())

    def mark_signed(self, ranges: tuple[tuple[int, int], ...]) -> None:
        """Draw a bar beside these ranges of 1-based lines: a valid, trusted signature covers them."""
        self._signed = ranges
        self._gutter.setToolTip("A valid, trusted signature covers the lines with a bar." if ranges else "")
        self._gutter.update()

    @property
    def signed_lines(self) -> tuple[tuple[int, int], ...]:
        """The ranges that mark_signed() was given."""
        return self._signed

    def jump(self, line: int) -> None:
        """Scroll to a 1-based line and mark it."""
        block = self.document().findBlockByNumber(line - 1)
        if not block.isValid():
            return
        self._marked = line
        cursor = QTextCursor(block)
        self.setTextCursor(cursor)
        self.centerCursor()
        self._mark()

    @property
    def marked_line(self) -> int:
        """The line that jump() marked; 0 for none."""
        return self._marked

    def restyle(self) -> None:
        """Follow the theme."""
        if self._colours is not None:
            self._colours.restyle()
            self._colours.rehighlight()
        self._mark()
        self._gutter.update()

    def _mark(self) -> None:
        if not self._marked:
            return
        selection = QTextEdit.ExtraSelection()
        fmt = QTextCharFormat()
        fmt.setBackground(QColor(theme.tokens().selected))
        fmt.setProperty(QTextFormat.Property.FullWidthSelection, True)
        selection.format = fmt
        selection.cursor = QTextCursor(self.document().findBlockByNumber(self._marked - 1))
        self.setExtraSelections([selection])

    def gutter_width(self) -> int:
        """Pixels the line numbers need."""
        digits = len(str(max(self.blockCount(), 99)))
        return self.fontMetrics().horizontalAdvance("9") * digits + 16

    def paint_gutter(self, event: QPaintEvent) -> None:
        """Draw the numbers of the visible lines."""
        t = theme.tokens()
        painter = QPainter(self._gutter)
        painter.setFont(theme.mono(11))
        block = self.firstVisibleBlock()
        top = self.blockBoundingGeometry(block).translated(self.contentOffset()).top()
        while block.isValid() and top <= event.rect().bottom():
            height = self.blockBoundingRect(block).height()
            number = block.blockNumber() + 1
            marked = number == self._marked
            if any(first <= number <= last for first, last in self._signed):
                bar = QRect(self._gutter.width() - 5, int(top), 3, int(height) + 1)
                painter.fillRect(bar, QColor(theme.tint(t.ok, 0.55)))
            painter.setPen(QColor(t.accent if marked else t.muted))
            painter.drawText(
                QRect(0, int(top), self._gutter.width() - 8, int(height)),
                int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
                str(number),
            )
            top += height
            block = block.next()
        painter.end()

    def _fit(self) -> None:
        self.setViewportMargins(self.gutter_width(), 0, 0, 0)

    def _scrolled(self, rect: QRect, dy: int) -> None:
        if dy:
            self._gutter.scroll(0, dy)
        else:
            self._gutter.update(0, rect.y(), self._gutter.width(), rect.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        inside = self.contentsRect()
        self._gutter.setGeometry(QRect(inside.left(), inside.top(), self.gutter_width(), inside.height()))
