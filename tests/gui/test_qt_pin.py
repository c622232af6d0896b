"""Guards the PySide6 pin of pyproject.toml."""

import sys

from PySide6.QtCore import QObject, Signal


class Bell(QObject):
    rang = Signal(bool)


def test_emitting_does_not_eat_references() -> None:
    """PySide6 6.12.0 on Python <= 3.11 drops a reference to True on every emit, until the program dies."""
    heard = []
    bell = Bell()
    bell.rang.connect(heard.append)
    before = sys.getrefcount(True)
    for _ in range(5000):
        bell.rang.emit(True)
    heard.clear()
    assert abs(sys.getrefcount(True) - before) < 100
