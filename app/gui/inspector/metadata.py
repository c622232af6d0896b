"""Where a person pastes metadata to judge a message by, without saving it. It reads none of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QWidget

from app.gui.files import ask_open
from app.gui.paste_box import PasteBox
from app.gui.widgets import Banner, button, column, label, row

_KINDS = "Metadata (*.xml *.txt);;All files (*)"


class MetadataDialog(QDialog):
    """`given` is emitted with the text to judge by, `file_given` with a file that holds it."""

    given = Signal(str)
    file_given = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Judge by metadata")
        self.resize(620, 380)
        self.banner = Banner()
        self.box = PasteBox("Metadata", '<md:EntityDescriptor entityID="https://idp.example/metadata" ...')
        self.box.pasted.connect(lambda _t: self._give())
        self.box.asked.connect(self._give)
        self.go = button(
            "Judge by it", self._give, kind="primary", hint="Judge the message by this metadata (Ctrl+Enter)"
        )
        choose = button("Open file...", self._ask, icon="open")
        words = label(
            "Paste the metadata of the identity provider. The message is judged as if the account in hand trusted it; "
            "nothing is saved. To save it, use Settings.",
            tone="muted",
            wrap=True,
        )
        bar = row(choose, 1, button("Cancel", self.close), self.go)
        made = column(words, self.banner, self.box, bar, spacing=12, margins=(20, 16, 20, 16))
        made.setStretch(2, 1)
        self.setLayout(made)

    def _ask(self) -> None:
        ask_open(self, "Open metadata", _KINDS, self.take_file)

    def say(self, sentence: str) -> None:
        """Why it cannot be used."""
        self.banner.say("error", sentence)

    def take_file(self, path: Path) -> None:
        """Judge by a file."""
        self.file_given.emit(path)

    def _give(self) -> None:
        if self.box.source.strip():
            self.given.emit(self.box.source)
        else:
            self.say("Paste metadata first, or open a file with it.")
