from __future__ import annotations

import os
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from app.gui.files import FileRefused, ask_open, ask_save, read_file, write_file


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(b"x" * 100)
    assert read_file(path, 100) == b"x" * 100
    with pytest.raises(FileRefused, match="larger than"):
        read_file(path, 99)


def test_what_is_no_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="not a regular file"):
        read_file(tmp_path)
    with pytest.raises(FileRefused, match="cannot be read"):
        read_file(tmp_path / "missing")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileRefused, match="not a regular file"):
        read_file(pipe)


def test_writing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(b"old")
    assert write_file(path, b"new") == path
    assert path.read_bytes() == b"new"
    with pytest.raises(FileRefused, match="cannot be written"):
        write_file(tmp_path / "none" / "out.csv", b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("ask", ["open", "save"])
def test_dialogs_do_not_block_and_tell_the_path(qtbot: QtBot, tmp_path: Path, ask: str) -> None:
    parent, got = QWidget(), []
    qtbot.addWidget(parent)
    parent.show()
    path = tmp_path / "a.xml"
    path.write_text("x")
    if ask == "open":
        dialog = ask_open(parent, "Open", "All files (*)", got.append)
    else:
        dialog = ask_save(parent, "Save", "a.xml", "All files (*)", got.append)
    assert isinstance(dialog, QFileDialog)
    dialog.fileSelected.emit(str(path))
    dialog.close()
    assert got == [path]
