"""An administrator with mouse and keyboard: every step is a click or a key on something that is on show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QFileDialog,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QTabWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tests.gui.bench import Bench

PATIENCE_MS = 20_000


class Person:
    """Does what a person does, and waits for what a person would wait for."""

    def __init__(self, bench: Bench, qtbot: QtBot) -> None:
        self.bench = bench
        self.window = bench.window
        self._qtbot = qtbot

    def until(self, true: Callable[[], object]) -> None:
        """Wait for something to be so."""
        self._qtbot.waitUntil(lambda: bool(true()), timeout=PATIENCE_MS)

    def go(self, name: str) -> Any:
        """Go to a page by the sidebar."""
        self.click(self.window._nav[name])
        return self.window.page(name)

    def click(self, widget: QWidget) -> None:
        """Click what can be clicked now."""
        self.until(lambda: widget.isVisible() and widget.isEnabled())
        self._qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    def press(self, inside: QWidget, text: str) -> None:
        """Click the button that says this."""
        found: list[QPushButton] = []

        def there() -> bool:
            found[:] = [b for b in inside.findChildren(QPushButton) if b.text() == text and b.isVisible()]
            return bool(found)

        self.until(there)
        self.click(found[0])

    def tab(self, tabs: QTabWidget, title: str) -> None:
        """Go to the tab whose title begins so."""
        number = next(n for n in range(tabs.count()) if tabs.tabText(n).startswith(title))
        bar = tabs.tabBar()
        self._qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(number).center())
        assert tabs.currentIndex() == number

    def type(self, field: QWidget, text: str) -> None:
        """Replace what a field holds."""
        self.until(lambda: field.isVisible() and field.isEnabled())
        field.setFocus()
        if isinstance(field, QAbstractSpinBox | QLineEdit):
            field.selectAll()
        self._qtbot.keyClicks(field, text)

    def paste(self, field: QPlainTextEdit, text: str) -> None:
        """Put text behind what a field holds."""
        QGuiApplication.clipboard().setText(text)
        self.key(field, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
        self.key(field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)

    def key(self, widget: QWidget, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key on a widget; shortcuts work in the window that is active, as it is on a desktop."""
        if not self.window.isActiveWindow():
            self.window.activateWindow()
            self.until(self.window.isActiveWindow)
        widget.setFocus()
        self._qtbot.keyClick(widget, key, modifier)

    def choose(self, table: Any, *wanted: Callable[[Any], bool]) -> None:
        """Click the row that is wanted; with several, hold Ctrl for the others."""
        for number, fits in enumerate(wanted):
            self.until(lambda fits=fits: any(r is not None and fits(r) for r in table.model_.rows))  # type: ignore[misc]
            row = next(n for n, r in enumerate(table.model_.rows) if r is not None and fits(r))
            index = table.model_.index(row, 0)
            table.scrollTo(index)
            modifier = Qt.KeyboardModifier.ControlModifier if number else Qt.KeyboardModifier.NoModifier
            place = table.visualRect(index).center()
            self._qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, place)
            assert table.selectionModel().isRowSelected(row), "the row could not be clicked"

    def save_as(self, path: Path, press: Callable[[], object]) -> None:
        """Press what asks for a file, and write its name into the dialog."""
        QTimer.singleShot(0, press)
        self.until(lambda: isinstance(QApplication.activeModalWidget(), QFileDialog))
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QFileDialog)
        name = dialog.findChild(QLineEdit, "fileNameEdit")
        assert name is not None
        name.setText(str(path))
        self._qtbot.keyClick(name, Qt.Key.Key_Return)
        self.until(path.exists)

    def drop(self, path: Path) -> None:
        """Drop a file on the window."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        event = QDropEvent(
            QPointF(640, 400), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        self.window.dropEvent(event)
