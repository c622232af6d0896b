"""An editor for one stage of a message: it holds the text exactly, or says why it cannot be edited here."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from app.gui import theme
from app.gui.widgets import Banner, button, column, label, row, visible

#: More than this is not typed in: Qt would make the person wait.
_MOST: Final = 200_000


class StageEditor(QWidget):
    """`edited` is emitted with every change that a person makes, `undone` when they throw their changes away."""

    edited = Signal()
    undone = Signal()

    def __init__(self, name: str, words: str) -> None:
        super().__init__()
        self._shown = ""
        self._locked = ""
        self._showing = False
        self._edited_before = False
        self.words = label(words, tone="muted", size=12, wrap=True)
        self.back_button = button("Throw away", self.undone.emit, icon="undo", hint="As it was made")
        self.problem = Banner(slim=True)
        self.text = QPlainTextEdit()
        self.text.setAccessibleName(name)
        self.text.setFont(theme.mono())
        self.text.setTabChangesFocus(True)
        self.text.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        self.text.textChanged.connect(self._changed)
        head = row(self.words, self.back_button)
        head.setStretch(0, 1)
        whole = column(head, self.problem, self.text, spacing=6, margins=(0, 8, 0, 0))
        whole.setStretch(2, 1)
        self.setLayout(whole)

    @property
    def value(self) -> str:
        """The text, exactly: no-break spaces are kept, which Qt's plain text would lose."""
        return self.text.document().toRawText().replace("\u2029", "\n")

    @property
    def changed(self) -> bool:
        """Whether a person has changed what was shown."""
        return not self.text.isReadOnly() and self.value != self._shown

    def show_text(self, text: str | None, why_not: str = "") -> None:
        """Show a text to be edited. None, a very long one, or one that cannot be shown exactly: read only, with why."""
        self._showing = True
        if text is None or len(text) > _MOST:
            why_not = why_not or "This is too long to be edited here."
        elif visible(text) != text:
            why_not = "It holds characters that cannot be seen, so it cannot be edited here. Edit the values instead."
        self._shown = text if text is not None and not why_not else ""
        self.text.setPlainText(visible((text or "")[:_MOST]))
        if not why_not and self.value != text:
            why_not = "It holds characters that an editor would change, so it cannot be edited here."
        self._locked = why_not
        self._showing = False
        self.lock("")

    def lock(self, why: str) -> None:
        """Let nobody edit, for this reason; "" lets them again, unless the text itself cannot be edited."""
        why = self._locked or why
        self.text.setReadOnly(bool(why))
        if why:
            self.problem.say("info", why)
        else:
            self.problem.hide()
        self._show_back()

    def say(self, problem: str) -> None:
        """Say what is wrong with what was typed; "" takes it away."""
        if problem:
            self.problem.say("error", problem)
        elif not self.text.isReadOnly():
            self.problem.hide()

    def mark_edited(self, edited: bool) -> None:
        """Whether the message holds an edit of this stage, which can be thrown away."""
        self._edited_before = edited
        self._show_back()

    def _show_back(self) -> None:
        self.back_button.setVisible(self._edited_before or self.changed)

    def _changed(self) -> None:
        if self._showing:
            return
        self._show_back()
        self.edited.emit()

    def restyle(self) -> None:
        """Follow the theme."""
        self.problem.restyle()
