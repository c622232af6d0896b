"""Python's garbage collection on the GUI thread alone, so that no worker takes a widget's Python half away from it."""

from __future__ import annotations

import gc
from typing import Final

from PySide6.QtCore import QObject, QTimer

_EVERY_MS: Final = 100


class Collector(QObject):
    """While it lives, cyclic garbage is collected by a timer of the thread that made it, and by no other thread.

    By itself the interpreter collects in whichever thread makes an object when the time has come. Widgets, layouts and
    the functions that know them are cycles. Where a worker frees one while the window deletes its Qt half, which it
    does without holding the interpreter's lock, PySide follows a pointer to freed memory and the program ends.
    """

    def __init__(self, parent: QObject | None = None, every_ms: int = _EVERY_MS) -> None:
        super().__init__(parent)
        self._limits = gc.get_threshold()
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.collect)
        self._timer.start(every_ms)

    def collect(self) -> None:
        """Collect the oldest generation that is due, by the interpreter's own limits."""
        counts = gc.get_count()
        due = [n for n, limit in enumerate(self._limits) if counts[n] > limit > 0]
        if due:
            gc.collect(due[-1])

    def stop(self) -> None:
        """Leave it to the interpreter again: no window is left."""
        self._timer.stop()
        gc.enable()
