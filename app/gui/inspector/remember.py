"""Splitters that stay where a person put them."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QSplitter


def remember(splitter: QSplitter, key: str) -> None:
    """Put a splitter where it was last time, and write down where it is moved to."""
    kept = QSettings().value(key)
    if isinstance(kept, QByteArray) and not kept.isEmpty():
        splitter.restoreState(kept)
    splitter.splitterMoved.connect(lambda *_: QSettings().setValue(key, splitter.saveState()))
