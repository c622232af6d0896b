"""The rows of a list that may be a million long: what is far from what is looked at is let go, and loaded again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar, cast

from PySide6.QtCore import Qt

from app.gui.called_by_qt import called_by_qt
from app.gui.tables import Column, Index, Rows

R = TypeVar("R")

#: Rows that are let go and loaded again together.
CHUNK: Final = 256
#: Rows that are held at most; beyond, those farthest from the last one looked at are let go.
MOST_HELD: Final = 24 * CHUNK


class PagedRows(Rows[R], Generic[R]):
    """Rows of which only some are held. One that is not held reads "..." until `again` has brought its chunk back.

    `key_of` gives where a page begins after a row. `again` is asked with (first row, how many, that key), which
    answers to give_back().
    """

    def __init__(self, columns: Sequence[Column[R]], key_of: Callable[[R], Any]) -> None:
        super().__init__(columns)
        self.key_of = key_of
        self.again: Callable[[int, int, Any], None] | None = None
        #: First row of each chunk that was let go: how many, the key before it, and the key of its last row.
        self._gone: dict[int, tuple[int, Any, Any]] = {}
        self._asked: set[int] = set()
        self._looked = 0

    @property
    def held(self) -> int:
        """How many rows are in memory."""
        return len(self.rows) - sum(count for count, _, _ in self._gone.values())

    def replace(self, rows: Sequence[R]) -> None:
        self._gone, self._asked, self._looked = {}, set(), 0
        super().replace(rows)

    def append(self, rows: Sequence[R]) -> None:
        super().append(rows)
        self._let_go()

    def prepend(self, rows: Sequence[R]) -> None:
        self._gone = {start + len(rows): gone for start, gone in self._gone.items()}
        self._asked = set()
        super().prepend(rows)

    @called_by_qt
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if index.isValid() and self.rows[index.row()] is None:
            self._looked = index.row()
            self._ask(index.row())
            return "..." if role == Qt.ItemDataRole.DisplayRole and index.column() == 0 else None
        return super().data(index, role)

    def look_at(self, row: int) -> None:
        """Say which row stands on top of what is looked at."""
        self._looked = max(row, 0)

    def _ask(self, row: int) -> None:
        start = next((s for s, (count, _, _) in self._gone.items() if s <= row < s + count), None)
        if start is not None and start not in self._asked and self.again is not None:
            self._asked.add(start)
            count, key, _ = self._gone[start]
            self.again(start, count, key)

    def give_back(self, start: int, rows: Sequence[R]) -> bool:
        """Take a chunk that was loaded again; False where it is not what was let go, and the list must be reloaded."""
        gone = self._gone.get(start)
        if gone is None:
            return True
        if len(rows) != gone[0] or self.key_of(rows[-1]) != gone[2]:
            return False
        del self._gone[start]
        self._asked.discard(start)
        self.rows[start : start + len(rows)] = rows
        self._all[start : start + len(rows)] = rows
        self.dataChanged.emit(self.index(start, 0), self.index(start + len(rows) - 1, len(self.columns) - 1))
        self._let_go()
        return True

    def _let_go(self) -> None:
        """Let go of the farthest chunks until few enough rows are held; the first one stays."""
        if self.held <= MOST_HELD:
            return
        starts = [s for s in range(CHUNK, len(self.rows) - CHUNK, CHUNK) if self._whole(s)]
        starts.sort(key=lambda s: abs(s + CHUNK // 2 - self._looked), reverse=True)
        for start in starts:
            if self.held <= MOST_HELD or abs(start - self._looked) < 4 * CHUNK:
                return
            before, last = self._key(start - 1), self._key(start + CHUNK - 1)
            self._gone[start] = (CHUNK, before, last)
            nothing = cast("list[R]", [None] * CHUNK)
            self.rows[start : start + CHUNK] = nothing
            self._all[start : start + CHUNK] = nothing

    def _whole(self, start: int) -> bool:
        return all(r is not None for r in self.rows[start : start + CHUNK])

    def _key(self, row: int) -> Any:
        if self.rows[row] is not None:
            return self.key_of(self.rows[row])
        return next(last for s, (count, _, last) in self._gone.items() if s + count == row + 1)
