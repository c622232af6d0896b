"""The very bytes of a message, received, decoded and decrypted: size, hash and offsets, as text or as hex."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QStackedWidget, QWidget

from app.gui.hex_view import HexView
from app.gui.widgets import CopyRow, button, column, copy_text, label, retone, row, visible
from app.gui.wording import plural
from app.gui.xml_view import XmlView

_LINE: Final = 160  # characters
_MOST_TEXT: Final = 400_000  # characters of text that are shown; as hex everything is


@dataclass(frozen=True, slots=True)
class Broken:
    """Text cut into lines that can be shown, each with the offset of its first byte. `rest` bytes are not shown."""

    text: str
    offsets: tuple[int, ...]
    rest: int


def as_text(data: bytes) -> str | None:
    """The bytes as UTF-8; None where they are not, or where they are no text for other reasons."""
    if b"\0" in data[:4096]:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def broken(text: str) -> Broken:
    """Long lines broken after 160 characters, with the offsets in bytes that the text had as UTF-8."""
    lines: list[str] = []
    offsets: list[int] = []
    at = 0
    cut = text[:_MOST_TEXT]
    for whole in cut.split("\n"):
        parts = [whole[i : i + _LINE] for i in range(0, len(whole), _LINE)] or [""]
        for part in parts:
            lines.append(visible(part.removesuffix("\r")))
            offsets.append(at)
            at += len(part) if part.isascii() else len(part.encode("utf-8"))
        at += 1
    return Broken("\n".join(lines), tuple(offsets), len(text[_MOST_TEXT:].encode("utf-8")))


class RawView(QWidget):
    """Shows one of several byte strings. `save_asked` is emitted with a file name and the bytes to write."""

    save_asked = Signal(str, bytes)

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[tuple[str, bytes]] = []
        self._offsets: tuple[int, ...] = ()
        self.which = QComboBox()
        self.which.setAccessibleName("Which bytes")
        self.which.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.which.currentIndexChanged.connect(lambda _i: self._choose())
        self.as_hex = button("Hex", self._show, kind="flat", hint="Show every byte in hex, with its offset")
        self.as_hex.setCheckable(True)
        self.copy = button("", self._copy, icon="copy", kind="flat", hint="Copy exactly this text")
        self.save = button("", self._save, icon="export", kind="flat", hint="Save exactly these bytes")
        self.length = label("", tone="muted", size=12)
        self.hash = CopyRow("SHA-256", "", 62)
        self.text = XmlView("Text with byte offsets", number=self._offset)
        self.hex = HexView("Bytes in hex")
        self._views = QStackedWidget()
        self._views.addWidget(self.text)
        self._views.addWidget(self.hex)
        bar = row(self.which, self.as_hex, self.length, 1, self.copy, self.save, spacing=6)
        self.setLayout(column(bar, self._views, self.hash, spacing=6, margins=(0, 6, 0, 0)))

    def show_parts(self, parts: list[tuple[str, bytes]]) -> None:
        """Show these byte strings by their names; the first one at first, or the one of that name that was shown."""
        kept = self.which.currentText()
        self._parts = parts
        self.which.blockSignals(True)
        self.which.clear()
        for name, _data in parts:
            self.which.addItem(name)
        self.which.setCurrentIndex(max(0, self.which.findText(kept)))
        self.which.blockSignals(False)
        self._choose()

    @property
    def content(self) -> bytes:
        """The bytes on show."""
        number = self.which.currentIndex()
        return self._parts[number][1] if 0 <= number < len(self._parts) else b""

    def restyle(self) -> None:
        """Follow the theme."""
        self.text.restyle()

    def _offset(self, line: int) -> str:
        return f"{self._offsets[line - 1]:,}" if 0 < line <= len(self._offsets) else ""

    def _choose(self) -> None:
        data = self.content
        self.hash.show_value(hashlib.sha256(data).hexdigest())
        self.as_hex.setChecked(bool(data) and as_text(data) is None)
        self._show()

    def _show(self) -> None:
        data = self.content
        text = as_text(data)
        hexed = self.as_hex.isChecked() or text is None
        self.as_hex.setChecked(hexed and bool(data))
        self.copy.setEnabled(text is not None and bool(data))
        self.save.setEnabled(bool(data))
        said = plural(len(data), "byte")
        self._views.setCurrentWidget(self.hex if hexed else self.text)
        if hexed or text is None:
            said += ", not text" if text is None else ""
            self.hex.show_bytes(data)
            self.text.show_text("")
        else:
            made = broken(text)
            self._offsets = made.offsets
            self.text.show_text(made.text)
            said += f"; the last {made.rest:,} only as hex" if made.rest else ""
            self.hex.show_bytes(b"")
        self.length.setText(said)
        retone(self.length, "muted")

    def _copy(self) -> None:
        text = as_text(self.content)
        if text is not None:
            copy_text(text, self.copy)

    def _save(self) -> None:
        name = self.which.currentText().lower().replace(" ", "-")
        text = self.content.lstrip()
        self.save_asked.emit(f"{name}.{'xml' if text.startswith(b'<') else 'txt'}", self.content)
