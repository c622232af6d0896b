"""Tabs for what was taken in: the recording as a whole, and each message with its verdict. Hidden for one message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QTabBar

from app.gui import theme
from app.gui.examine import Taken
from app.gui.inspector.recording import Judged
from app.gui.widgets import STATES, tip, visible

_MOST_TABS: Final = 200


class MessageTabs(QTabBar):
    """`chosen` is emitted with the number of the message (from 0), or None for the recording as a whole."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Messages")
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(True)
        self.setIconSize(QSize(14, 14))
        self._judged: Sequence[Judged] = ()
        self._first = 0
        self.currentChanged.connect(lambda _i: self.chosen.emit(self.message))
        self.hide()

    @property
    def message(self) -> int | None:
        """The number of the message that is chosen; None for the recording."""
        number = self.currentIndex() - self._first
        return number if number >= 0 else None

    def show_taken(self, taken: Taken | None) -> None:
        """Show the tabs of another input, without telling anybody."""
        self.blockSignals(True)
        while self.count():
            self.removeTab(0)
        self._judged = ()
        plain = taken is None or taken.is_plain
        self._first = 0 if plain else 1
        if taken is not None and not plain:
            recorded = taken.intake is not None and taken.intake.trace is not None
            self.addTab("Recorded login" if recorded else "What was found")
            for number, subject in enumerate(taken.subjects[:_MOST_TABS]):
                self.addTab(f"Message {number + 1}")
                self.setTabToolTip(number + 1, tip(visible(subject.name)))
        told = taken is not None and taken.intake is not None and (taken.intake.trace or taken.intake.errors)
        self.setCurrentIndex(0 if told else self._first)
        self.blockSignals(False)
        self.setVisible(not plain)

    def show_judged(self, judged: Sequence[Judged]) -> None:
        """Say in each tab what became of its message."""
        self._judged = judged
        for number, one in enumerate(judged):
            if number + self._first < self.count():
                word, icon, token = STATES.get(one.verdict, (one.verdict, "info", "accent"))
                self.setTabText(number + self._first, f"{number + 1}  {one.kind}: {word}")
                self.setTabIcon(number + self._first, theme.icon(icon, getattr(theme.tokens(), token), 14))

    def choose(self, number: int) -> None:
        """Go to a message."""
        self.setCurrentIndex(number + self._first)

    def restyle(self) -> None:
        """Follow the theme."""
        self.show_judged(self._judged)
