"""What a tab of the simulator page is: it shows what was read of the lab and works through the desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.gui.desk import Desk

if TYPE_CHECKING:
    from app.gui.lab_work import Shown


class Tab(QWidget):
    """A tab.

    Signals: said(state, text, word on the button, what it does): a sentence for the page's banner; "" takes it away ·
    changed(): the lab is different now · undoable(sentence, verb, then): how to take back what was just done, what
    is said of that, and what this tab does after it.
    """

    said = Signal(str, str, str, object)
    changed = Signal()
    undoable = Signal(str, object, object)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def show_lab(self, shown: Shown) -> None:
        """Show what was read."""

    def start_search(self) -> None:
        """Ctrl+F."""

    def restyle(self) -> None:
        """Follow the theme."""

    def work(
        self,
        verb: Callable[..., Any],
        *args: Any,
        then: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
        channel: str = "",
    ) -> None:
        """Call a verb off the GUI thread; its newest result comes back to `then`."""
        self.desk.jobs.run(self, verb, *args, then=then, failed=failed or self.failed, channel=channel)

    def failed(self, error: Exception) -> None:
        """Say in the page's banner what went wrong."""
        self.said.emit("error", str(error) or type(error).__name__, "Dismiss", None)

    def say(self, state: str, text: str, word: str = "", act: Callable[[], object] | None = None) -> None:
        """Say something in the page's banner; an empty text takes it away. "Undo" without `act` takes the last back."""
        self.said.emit(state, text, word, act)
