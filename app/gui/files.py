"""Choosing, reading and writing the files a person names. Dialogs do not block; what is read is bounded first."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

#: The largest document that is read: a federation aggregate is larger, and refused in one sentence.
MOST_BYTES = 16_777_216


class FileRefused(Exception):  # noqa: N818  the noun is the error
    """A file that cannot be read or written; the text says why and what to do."""


def read_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file of at most `most` bytes. FileRefused otherwise. Call it off the GUI thread."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FileRefused(f"{path.name} is not a regular file. Choose a file.")
        with path.open("rb") as f:
            data = f.read(most + 1)
    except OSError as e:
        raise FileRefused(f"{path.name} cannot be read: {e.strerror or e}. Check the path and its permissions.") from e
    if len(data) > most:
        raise FileRefused(f"{path.name} is larger than {most // 1_048_576} MB. Choose a smaller file.")
    return data


def write_file(path: Path, data: bytes, *, private: bool = False) -> Path:
    """Write a whole file, or nothing: FileRefused says why. `private`: for nobody else. Call it off the GUI thread."""
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        part.touch(0o600 if private else 0o666)
        part.write_bytes(data)
        part.replace(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise FileRefused(f"{path.name} cannot be written: {e.strerror or e}. Choose another folder.") from e
    return path


def clipboard() -> tuple[list[Path], str]:
    """What the clipboard holds: files, or text. Both are empty where it holds neither, or nothing at all."""
    mime: QMimeData | None = QGuiApplication.clipboard().mimeData()  # None is possible, against its annotation
    if mime is None:
        return [], ""
    files = [Path(u.toLocalFile()) for u in mime.urls() if u.isLocalFile()] if mime.hasUrls() else []
    return files, mime.text() if mime.hasText() and not files else ""


def ask_open(parent: QWidget, title: str, kinds: str, then: Callable[[Path], object]) -> QFileDialog:
    """Let the person choose a file; then(path) when they did."""
    dialog = QFileDialog(parent, title, "", kinds)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    return _shown(dialog, then)


def ask_folder(parent: QWidget, title: str, then: Callable[[Path], object]) -> QFileDialog:
    """Let the person choose a folder; then(path) when they did."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    return _shown(dialog, then)


def ask_save(parent: QWidget, title: str, name: str, kinds: str, then: Callable[[Path], object]) -> QFileDialog:
    """Let the person say where to write; then(path) when they did. The dialog asks before it overwrites."""
    dialog = QFileDialog(parent, title, "", kinds)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.selectFile(name)
    return _shown(dialog, then)


def _shown(dialog: QFileDialog, then: Callable[[Path], object]) -> QFileDialog:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda chosen: then(Path(chosen)))
    dialog.open()
    return dialog
