"""Shows a document's text with its syntax coloured, and jumps to a line. It is given text; it reads no XML itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QToolTip, QWidget

from app.gui import theme
from app.gui.called_by_qt import called_by_qt
from app.gui.widgets import STATES, tip

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

    @called_by_qt
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

    @called_by_qt
    def sizeHint(self) -> QSize:
        return QSize(self._view.gutter_width(), 0)

    @called_by_qt
    def paintEvent(self, event: QPaintEvent) -> None:
        self._view.paint_gutter(event)

    @called_by_qt
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._view.press_gutter(event.position().toPoint().y())

    @called_by_qt
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), tip(self._view.gutter_text(event.pos().y())), self)
            return True
        return super().event(event)


class XmlView(QPlainTextEdit):
    """Read-only text with line numbers. show_text() replaces it, jump() marks a line.

    `line_chosen` is emitted with the 1-based line the person went to, `mark_pressed` with a line whose mark beside the
    numbers was clicked. `number` says what stands beside a line instead of its number.
    """

    line_chosen = Signal(int)
    mark_pressed = Signal(int)

    def __init__(self, name: str = "Source", *, number: Callable[[int], str] = str) -> None:
        super().__init__()
        self._number = number
        self._marks: dict[int, tuple[str, str]] = {}
        self.line_actions: list[tuple[str, Callable[[int], object]]] = []
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
        self.cursorPositionChanged.connect(lambda: self.line_chosen.emit(self.current_line))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        self._fit()

    def show_text(self, text: str) -> None:
        """Replace the document."""
        if self._colours is not None:
            self._colours.setDocument(None)
            self._colours = None
        self._marked = 0
        self._signed = ()
        self._marks = {}
        self.setExtraSelections([])
        self.blockSignals(True)  # nobody went to a line
        self.setPlainText(text)
        self.blockSignals(False)
        self._fit()
        self._gutter.update()
        if len(text) <= COLOURED_UP_TO:
            self._colours = _Colours(self.document())

    def mark_signed(self, ranges: tuple[tuple[int, int], ...]) -> None:
        """Tint these ranges of 1-based lines, and draw a bar beside them: a valid, trusted signature covers them."""
        self._signed = ranges
        self._paint_ranges()
        self._gutter.update()

    def mark_lines(self, marks: Mapping[int, tuple[str, str]]) -> None:
        """Draw the shape of a state (as in STATES) beside lines: line to (state, what a tooltip says)."""
        if dict(marks) != self._marks:
            self._marks = dict(marks)
            self._gutter.update()

    @property
    def current_line(self) -> int:
        """The 1-based line of the text cursor."""
        return self.textCursor().blockNumber() + 1

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
        self._paint_ranges()
        self._gutter.update()

    @property
    def marked_line(self) -> int:
        """The line that jump() marked; 0 for none."""
        return self._marked

    def restyle(self) -> None:
        """Follow the theme."""
        if self._colours is not None:
            self._colours.restyle()
            self._colours.rehighlight()
        self._paint_ranges()
        self._gutter.update()

    def _paint_ranges(self) -> None:
        t = theme.tokens()
        painted = [self._range(first, last, theme.tint(t.ok, 0.07)) for first, last in self._signed]
        if self._marked:
            painted.append(self._range(self._marked, self._marked, t.selected))
        self.setExtraSelections(painted)

    def _range(self, first: int, last: int, colour: str) -> QTextEdit.ExtraSelection:
        selection = QTextEdit.ExtraSelection()
        fmt = QTextCharFormat()
        fmt.setBackground(QColor(colour))
        fmt.setProperty(QTextFormat.Property.FullWidthSelection, True)
        cursor = QTextCursor(self.document().findBlockByNumber(first - 1))
        if last > first:
            end = self.document().findBlockByNumber(last - 1)
            end = end if end.isValid() else self.document().lastBlock()
            cursor.setPosition(end.position() + end.length() - 1, QTextCursor.MoveMode.KeepAnchor)
        selection.format, selection.cursor = fmt, cursor
        return selection

    def gutter_width(self) -> int:
        """Pixels the line numbers and their marks need."""
        digits = max(len(self._number(max(self.blockCount(), 1))), 2)
        return self.fontMetrics().horizontalAdvance("9") * digits + 34

    def gutter_text(self, y: int) -> str:
        """What stands beside the text at this height, in words."""
        line = self.cursorForPosition(QPoint(2, y)).blockNumber() + 1
        covered = any(first <= line <= last for first, last in self._signed)
        words = [self._marks[line][1]] if line in self._marks else []
        return "\n".join([*words, "A valid, trusted signature covers this line."] if covered else words)

    def press_gutter(self, y: int) -> None:
        """A click beside the text: go to that line, and tell of its mark."""
        line = self.cursorForPosition(QPoint(2, y)).blockNumber() + 1
        self.jump(line)
        if line in self._marks:
            self.mark_pressed.emit(line)

    def _menu(self, at: QPoint) -> None:
        line = self.cursorForPosition(at).blockNumber() + 1
        menu = self.createStandardContextMenu()
        if self.line_actions:
            menu.addSeparator()
        for text, act in self.line_actions:
            menu.addAction(text, partial(act, line))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.viewport().mapToGlobal(at))

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
                self._number(number),
            )
            if number in self._marks:
                icon, token = STATES.get(self._marks[number][0], ("", "info", "accent"))[1:]
                painter.drawPixmap(3, int(top) + int(height - 13) // 2, theme.pixmap(icon, getattr(t, token), 13))
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

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        inside = self.contentsRect()
        self._gutter.setGeometry(QRect(inside.left(), inside.top(), self.gutter_width(), inside.height()))
