"""The tab "File" of the simulator page: the organisation as the text that the command line reads too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QColor, QShowEvent, QTextCursor, QTextFormat
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from app.gui import theme
from app.gui.called_by_qt import called_by_qt
from app.gui.desk import Desk
from app.gui.files import ask_open, ask_save
from app.gui.simulator.file_work import NotUsed, TenantText, opened, read_again, save_copy, text_of, use
from app.gui.simulator.tab import Tab
from app.gui.widgets import Banner, CopyRow, button, column, label, row

if TYPE_CHECKING:
    from app.gui.lab_work import Shown
    from simulator.tenant import Tenant

_KINDS = "TOML (*.toml);;All files (*)"


class FileTab(Tab):
    """Edit, read again, open another, save a copy. A text that is wrong changes nothing, and says on which line."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._stale = True
        self._kept = ""
        self.problem = Banner(slim=True)
        self.path = CopyRow("File", "", 34)
        self.words = label("", tone="muted", size=12, wrap=True)
        self.editor = QPlainTextEdit()
        self.editor.setAccessibleName("The organisation as TOML")
        self.editor.setFont(theme.mono())
        self.editor.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.editor.setTabChangesFocus(True)
        self.editor.textChanged.connect(self._edited)
        self.use_button = button("Use this", self.use, icon="check", kind="primary", hint="Use the text from now on")
        self.revert_button = button("Revert", self.revert, icon="undo", hint="Throw away what was typed")
        self.reload_button = button("Read again", self.read_again, icon="refresh", hint="Read the file again")
        self.open_button = button("Open...", self._ask_open, icon="open", hint="Look at another file, then use it")
        self.copy_button = button("Save a copy...", self._ask_copy, icon="export")
        bar = row(self.path, 1, self.reload_button, self.open_button, self.copy_button, spacing=6)
        bar.setStretch(0, 100)
        foot = row(self.words, self.revert_button, self.use_button, spacing=6)
        foot.setStretch(0, 1)
        whole = column(bar, self.problem, self.editor, foot, margins=(0, 10, 0, 0))
        whole.setStretch(2, 1)
        self.setLayout(whole)

    # Showing ---------------------------------------------------------------------------------------------------

    def show_lab(self, shown: Shown) -> None:
        self._stale = True
        self._load()

    @called_by_qt
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._load()

    def _load(self) -> None:
        if self._stale and self.isVisible():
            self._stale = False
            self.work(text_of, self.desk.lab, then=self._show, channel="text")

    @property
    def typed(self) -> bool:
        """Whether the editor holds what is not used yet."""
        return self.editor.toPlainText() != self._kept

    def _show(self, found: TenantText) -> None:
        self.path.setVisible(bool(found.path))
        self.path.show_value(found.path)
        self.reload_button.setEnabled(bool(found.path))
        people = f"Its people stand in {found.people_path}." if found.people_path else ""
        self.words.setText(
            f"The window and the command line edit the same file; comments are not kept. {people}".strip()
        )
        if self.typed and self._kept:
            if found.text != self._kept:
                self.problem.say("warning", "The organisation has changed since. Revert shows it as it is now.")
            return
        self._kept = found.text
        self.editor.setPlainText(found.text)
        if found.problem:
            self.problem.say(
                "error", f"{found.problem} Mend the text, then use it. Until then the last good one is used."
            )
        elif not self.typed:
            self.problem.hide()
        self._edited()

    def _edited(self) -> None:
        typed = self.typed
        self.use_button.setEnabled(typed)
        self.revert_button.setEnabled(typed)
        self.editor.setExtraSelections([])

    # Intents ---------------------------------------------------------------------------------------------------

    def use(self) -> None:
        """Use what was typed."""
        text = self.editor.toPlainText()
        self.work(use, self.desk.lab, text, then=partial(self._used, text), failed=self._refused, channel="use")

    def _used(self, text: str, was: Tenant) -> None:
        self._kept = text
        self.problem.hide()
        self._edited()
        back: Callable[[], object] = partial(self.desk.lab.save_tenant, was)
        self.undoable.emit("The organisation is as before.", back, self.revert)
        self.say("success", "The organisation is as the text says.", "Undo")
        self._kept = self.editor.toPlainText()
        self.changed.emit()

    def _refused(self, error: Exception) -> None:
        self.problem.say("error", f"{error} Nothing has changed.")
        line = error.line if isinstance(error, NotUsed) else None
        if line is None:
            return
        cursor = QTextCursor(self.editor.document().findBlockByNumber(line - 1))
        self.editor.setTextCursor(cursor)
        self.editor.setFocus()
        mark = QTextEdit.ExtraSelection()
        mark.cursor = cursor
        mark.format.setBackground(QColor(theme.tint(theme.tokens().error, 0.2)))
        mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
        self.editor.setExtraSelections([mark])

    def revert(self) -> None:
        """Throw away what was typed, and show what is used."""
        self._kept = self.editor.toPlainText()
        self._stale = True
        self._load()

    def read_again(self) -> None:
        """Read the file again."""

        def done(usable: bool) -> None:
            if usable:
                self.say("success", "The file was read again, and is used.")
            self.changed.emit()

        self.work(read_again, self.desk.lab, then=done, channel="again")

    def _ask_open(self) -> None:
        ask_open(self, "An organisation's file", _KINDS, self.open_file)

    def open_file(self, path: Path) -> None:
        """Show another file's text; it is not used yet."""
        self.work(opened, path, then=partial(self._show_other, path), channel="open")

    def _show_other(self, path: Path, text: str) -> None:
        self.editor.setPlainText(text)
        self.problem.say("info", f"This is {path.name}. It takes the place of the organisation once you use it.")

    def _ask_copy(self) -> None:
        ask_save(self, "Save a copy of the organisation", "tenant.toml", _KINDS, self.save_copy)

    def save_copy(self, path: Path) -> None:
        """Write the organisation, as it is used, to another file."""
        self.work(
            save_copy,
            self.desk.lab,
            path,
            then=lambda written: self.say("success", f"Written to {written}. It holds no key."),
            channel="copy",
        )

    def start_search(self) -> None:
        self.editor.setFocus()

    def restyle(self) -> None:
        self.problem.restyle()
