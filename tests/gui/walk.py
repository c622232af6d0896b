"""Somebody who clicks, types and pastes at random, everywhere in the window: python -m tests.gui.walk SEED SECONDS.

A process of its own, because what it looks for is what ends a process: a crash in Qt, an error that nobody caught, a
step that hangs. Each step is written to standard output before it is done, so that the last one is known. The same
seed takes the same steps as far as the machine's timing lets it.

It touches only widgets that Python holds already. Asking Qt for all children would make wrappers of Qt's own internal
widgets, which no code of the program does, and which PySide does not survive where Qt deletes them.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import random
import sys
import tempfile
import time
import weakref
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

from PySide6.QtCore import QObject, QSettings, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QSlider,
    QSpinBox,
    QTabBar,
    QWidget,
)
from shiboken6 import isValid

from app.gui import application, theme
from app.gui.garbage import Collector
from app.gui.jobs import Jobs
from app.gui.main_window import PAGES
from simulator import KeyRing
from tests.gui.bench import HOSTILE, Bench

KINDS: Final = (
    QAbstractButton, QAbstractItemView, QComboBox, QLineEdit, QPlainTextEdit, QSlider, QSpinBox, QTabBar,
)  # fmt: skip
KEYS: Final = (
    Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Backspace, Qt.Key.Key_Delete, Qt.Key.Key_Down,
    Qt.Key.Key_Space, Qt.Key.Key_F5,
)  # fmt: skip
#: A step that takes longer has hung: everything slow runs in a thread.
HANGS_AFTER_S: Final = 60
_STEPS_A_PAGE: Final = 25
_STEPS_A_LOOK: Final = 12
#: Errors of the program itself; all others are sentences for people.
BUGS: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, RuntimeError, TypeError)


class Web(QObject):
    """Where pages that the person opens go: nowhere."""

    @Slot(QUrl)
    def opened(self, _url: QUrl) -> None:
        pass


class Walk:
    """The window, and the person at it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.bench = Bench(KeyRing.in_memory(lambda: datetime.now(UTC)), Jobs())
        self.bench.connect()
        self.bench.log_in("ada")
        issued = self.bench.idp.issue("ada", "imagekit").body
        assert issued is not None
        message = issued.decode()
        self.pastes = (
            "",
            "<x/>",
            message,
            message[: len(message) // 2],
            "AADSTS50105",
            "a" * 5000,
            HOSTILE,
            "\0\ufffe",
        )
        self.wrong: list[str] = []
        self.bench.desk.jobs.failed.connect(self._failed)
        sys.excepthook = self._uncaught
        self._seen: list[weakref.ref[QWidget]] = []
        self._answering = QTimer()
        self._answering.timeout.connect(self.answer)
        self._answering.start(40)
        self.bench.window.show()

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.wrong.append(f"{kind.__name__}: {error}")
        sys.__excepthook__(kind, error, trace)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, BUGS):
            self._uncaught(type(error), error, error.__traceback__)

    def answer(self) -> None:
        """Answer a question or close a dialog or menu, sooner or later."""
        dialog, popup = QApplication.activeModalWidget(), QApplication.activePopupWidget()
        if popup is not None:
            popup.close()
        if isinstance(dialog, QMessageBox) and self.chance.random() < 0.6:
            self.chance.choice(dialog.buttons()).click()
        elif isinstance(dialog, QDialog) and self.chance.random() < 0.5:
            dialog.reject()

    def widgets(self) -> list[QWidget]:
        """What can be used now."""
        seen = [w for w in (ref() for ref in self._seen) if w is not None and usable(w)]
        return seen or self.look()

    def look(self) -> list[QWidget]:
        """Look around anew."""
        found = [o for o in gc.get_objects() if isinstance(o, KINDS) and usable(o)]
        self._seen = [weakref.ref(w) for w in found]
        return found

    def step(self, number: int) -> None:
        """Do one thing."""
        if number % _STEPS_A_PAGE == 0:
            name = self.chance.choice(PAGES)[0]
            print(number, "page", name, flush=True)
            self.bench.window.open_page(name)
            QTest.qWait(30)
            return
        found = self.look() if number % _STEPS_A_LOOK == 1 else self.widgets()
        if found:
            chosen = self.chance.choice(found)
            word = chosen.text() if isinstance(chosen, QAbstractButton) else chosen.accessibleName()
            print(number, type(chosen).__name__, repr(word[:60]), flush=True)
            self.use(chosen)
        else:
            self.bench.window.show()
        QTest.qWait(self.chance.choice((0, 0, 1, 5, 20)))

    def use(self, chosen: QWidget) -> None:
        """What a person can do with a widget of its kind."""
        chance = self.chance
        if isinstance(chosen, QAbstractButton):
            QTest.mouseClick(chosen, Qt.MouseButton.LeftButton)
        elif isinstance(chosen, QLineEdit):
            QTest.keyClicks(chosen, chance.choice(("a", "x@y.test", "", "zz", HOSTILE)))
            QTest.keyClick(chosen, chance.choice(KEYS))
        elif isinstance(chosen, QPlainTextEdit):
            if not chosen.isReadOnly():
                chosen.setPlainText(chance.choice(self.pastes))
        elif isinstance(chosen, QComboBox):
            if chosen.count():
                chosen.setCurrentIndex(chance.randrange(chosen.count()))
                chosen.activated.emit(chosen.currentIndex())
        elif isinstance(chosen, QTabBar):
            chosen.setCurrentIndex(chance.randrange(chosen.count() or 1))
        elif isinstance(chosen, QSpinBox):
            chosen.stepBy(chance.choice((-1, 1, 10)))
        elif isinstance(chosen, QSlider):
            chosen.setValue(chance.randint(chosen.minimum(), chosen.maximum()))
        elif isinstance(chosen, QAbstractItemView):
            self._use_rows(chosen)

    def _use_rows(self, view: QAbstractItemView) -> None:
        model = view.model()
        if model is None or not model.rowCount():
            return
        index = model.index(self.chance.randrange(model.rowCount()), 0)
        view.setCurrentIndex(index)
        how = self.chance.random()
        if how < 0.4:
            QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())
        elif how < 0.6:
            view.doubleClicked.emit(index)
        else:
            QTest.keyClick(view, self.chance.choice(KEYS))


def usable(widget: QWidget) -> bool:
    return isValid(widget) and widget.isVisible() and widget.isEnabled()


def main(seed: int, seconds: float) -> int:
    """0 where nothing went wrong; the errors are on standard error."""
    faulthandler.enable()
    with tempfile.TemporaryDirectory() as folder:
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        web = Web()
        for scheme in ("http", "https", "file"):
            QDesktopServices.setUrlHandler(scheme, web, "opened")
        theme.apply(application.make_application(), "light")
        collector = Collector()
        walk = Walk(seed)
        end, number = time.monotonic() + seconds, 0
        while time.monotonic() < end and not walk.wrong:
            faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
            walk.step(number)
            number += 1
        faulthandler.cancel_dump_traceback_later()
        walk.bench.close()
        collector.stop()
        print("walked", number, flush=True)
        return 1 if walk.wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    code = main(int(sys.argv[1]), float(sys.argv[2]))
    sys.stdout.flush()
    # What is left of Qt is not taken apart: only the walk counts.
    os._exit(code)
