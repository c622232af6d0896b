"""Somebody else was faster: what they saved, what one's own change would do to it, and the two ways on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout

from app.gui.widgets import Banner, Card, button, clear, label, retint, row

if TYPE_CHECKING:
    from app.sso import Difference, Moved

_MOST_SHOWN = 6


class ConflictCard(Card):
    """Hidden until two people changed the same settings. Neither way loses anything: both are revisions or a draft."""

    #: Whether the question is being asked.
    asked = Signal(bool)

    def __init__(self) -> None:
        super().__init__("Somebody else saved these settings meanwhile")
        self.sentence = Banner(slim=True)
        self._lists = QVBoxLayout()
        self._lists.setSpacing(4)
        self.keep_button = button("Save mine on top", self._keep, kind="primary", hint="Save mine as the next revision")
        self.leave_button = button("Leave theirs", self._leave, icon="undo", hint="Forget mine and show what is saved")
        for part in (self.sentence, self._lists, 1, row(1, self.leave_button, self.keep_button)):
            self.add(part)
        self._on_keep: Callable[[], object] | None = None
        self._on_leave: Callable[[], object] | None = None
        self.hide()

    def ask(self, moved: Moved, keep: Callable[[int], object], leave: Callable[[], object]) -> None:
        """Show what differs. `keep` gets the number of the revision that mine goes on top of."""
        self._on_keep, self._on_leave = partial(keep, moved.current.number), leave
        self.sentence.say("warning", str(moved))
        clear(self._lists)
        self._list(f"{moved.current.operator} changed", moved.theirs, "Nothing by meaning.")
        self._list("Yours would change of it", moved.mine, "Nothing: theirs already says what you wanted.")
        self.keep_button.setVisible(bool(moved.mine))
        self.show()
        self.asked.emit(True)

    def dismiss(self) -> None:
        """Ask no more."""
        self.hide()
        self.asked.emit(False)

    def _list(self, title: str, found: Sequence[Difference], nothing: str) -> None:
        self._lists.addWidget(label(title, bold=True))
        for d in found[:_MOST_SHOWN]:
            self._lists.addWidget(label(str(d), wrap=True))
        if len(found) > _MOST_SHOWN:
            self._lists.addWidget(label(f"... and {len(found) - _MOST_SHOWN} more.", tone="muted"))
        if not found:
            self._lists.addWidget(label(nothing, tone="muted", wrap=True))

    def _keep(self) -> None:
        self.dismiss()
        if self._on_keep is not None:
            self._on_keep()

    def _leave(self) -> None:
        self.dismiss()
        if self._on_leave is not None:
            self._on_leave()

    def restyle(self) -> None:
        """Follow the theme."""
        self.sentence.restyle()
        for made in (self.keep_button, self.leave_button):
            retint(made)
