"""Where a person gives the keys that open encrypted assertions. It reads no file and keeps no key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QCheckBox, QDialog, QLineEdit, QWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.files import ask_open
from app.gui.tables import Column, Table
from app.gui.widgets import Banner, Card, button, column, label, line_edit, row, visible

if TYPE_CHECKING:
    from app.sso import HeldKey

_KINDS = "Private keys (*.pem *.key *.der *.p8 *.pk8);;All files (*)"


class KeysDialog(QDialog):
    """`load_asked` tells file, passphrase and whether to remember; `forget_asked` tells a fingerprint."""

    load_asked = Signal(object, str, bool)
    forget_asked = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Decryption keys")
        self.setAcceptDrops(True)
        self.resize(640, 460)
        self._path: Path | None = None
        self.banner = Banner()
        self.table: Table[HeldKey] = Table(
            "decryption-keys",
            [
                Column("Key", lambda k: k.name, 170, tip=lambda k: k.problem or k.name),
                Column("Kind", lambda k: k.kind, 90),
                Column("Kept", _kept, 160, state=lambda k: "warn" if k.problem else "pass", tip=lambda k: k.problem),
                Column("Fingerprint (SHA-256)", lambda k: k.fingerprint, 160, mono=True),
            ],
        )
        self.table.setAccessibleName("Decryption keys")
        self.empty = label("No key yet. Encrypted assertions stay closed until there is one.", tone="muted", wrap=True)
        self.forget = button("Forget key", self._forget, icon="delete", hint="Stop using the key that is chosen")
        self.forget.setEnabled(False)
        self.table.chosen.connect(lambda k: self.forget.setEnabled(k is not None))
        self.choose = button("Choose file...", self._ask, icon="open", hint="A private key in PEM or DER")
        self.file = label("or drop a private key here", tone="muted")
        self.passphrase = line_edit(placeholder="Passphrase, if the key has one", name="Passphrase")
        self.passphrase.setEchoMode(QLineEdit.EchoMode.Password)
        self.passphrase.returnPressed.connect(self._load)
        self.remember = QCheckBox("Remember")
        self.remember.hide()
        self.place = label("", tone="muted", wrap=True)
        self.load = button("Use key", self._load, icon="key", kind="primary")
        self.load.setEnabled(False)
        close = button("Close", self.close)
        words = label(
            "With the private key whose certificate the identity provider encrypts to, encrypted assertions are opened "
            "and judged. It stays on this computer, and it is never written to the workspace.",
            tone="muted",
            wrap=True,
        )
        chosen = row(self.choose, self.file)
        chosen.setStretch(1, 1)
        given = Card("Add a key", chosen, self.passphrase, self.remember, self.place, row(1, self.load))
        held = Card("Keys in use", self.empty, self.table, row(1, self.forget))
        self.setLayout(column(words, self.banner, held, given, 1, row(1, close), spacing=12, margins=(20, 16, 20, 16)))

    def show_keys(self, keys: Sequence[HeldKey], keyring: str) -> None:
        """Show what is held. `keyring` names the place that can remember keys, "" where there is none."""
        self.table.show_rows(keys)
        self.table.setVisible(bool(keys))
        self.empty.setVisible(not keys)
        self.forget.setVisible(bool(keys))
        self.forget.setEnabled(False)
        self.remember.setVisible(bool(keyring))
        self.remember.setText(visible(f"Remember in the keyring of this computer ({keyring})") if keyring else "")
        self.place.setText(
            ""
            if keyring
            else "The key is used until the program ends. To remember keys in the system's keyring, install the "
            "program with its keyring extra."
        )
        self.place.setVisible(not keyring)

    def accepted_key(self) -> None:
        """A key was taken: be ready for the next one."""
        self._path = None
        self.file.setText("or drop a private key here")
        self.passphrase.clear()
        self.load.setEnabled(False)
        self.banner.hide()

    def say(self, sentence: str) -> None:
        """Why something was refused."""
        self.banner.say("error", sentence)

    def take_file(self, path: Path) -> None:
        """Choose a file; it is read when the person says so."""
        self._path = path
        self.file.setText(visible(path.name))
        self.load.setEnabled(True)
        self.banner.hide()
        self.passphrase.setFocus()

    def _ask(self) -> None:
        ask_open(self, "Choose a private key", _KINDS, self.take_file)

    def _load(self) -> None:
        if self._path is not None:
            self.load_asked.emit(self._path, self.passphrase.text(), self.remember.isChecked())

    def _forget(self) -> None:
        if self.table.current is not None:
            self.forget_asked.emit(self.table.current.fingerprint)

    @called_by_qt
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    @called_by_qt
    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(u.toLocalFile()) for u in event.mimeData().urls() if u.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.take_file(paths[0])


def _kept(k: HeldKey) -> str:
    return "Not usable" if k.problem else "In the keyring" if k.remembered else "This session"
