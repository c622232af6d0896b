"""The finished rows of a long run, kept in a file so that a stopped run can go on: a JSON object on each line.

It knows nothing of what the rows say. Whoever runs gives the first line, which tells what the file belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")
_MAX_FILE = 268_435_456


class KeptRows(Generic[Row]):
    """The rows of earlier runs by id, and add() for those of this one; the newest row of an id counts.

    `path` None keeps nothing. `head` is the first line's object: a file with another one is refused. `read` makes a
    row from its object, and may raise ValueError, KeyError or TypeError for one that is no row. `error` is raised, with
    a sentence that ends in `hint`, for a file that cannot be used; `what` names such a file: "a probe".
    """

    def __init__(
        self,
        path: Path | None,
        *,
        head: dict[str, Any],
        id_of: Callable[[Row], str],
        read: Callable[[dict[str, Any]], Row],
        write: Callable[[Row], dict[str, Any]],
        error: type[Exception],
        what: str,
        other: str,
        hint: str,
    ) -> None:
        self.path = path
        self.rows: dict[str, Row] = {}
        self._head = head
        self._id_of, self._write_row, self._error, self._hint = id_of, write, error, hint
        if path is None:
            return
        if not path.exists():
            self._write(json.dumps(head, ensure_ascii=False), new=True)
            return
        try:
            if path.stat().st_size > _MAX_FILE:
                raise error(f"{path} is larger than {_MAX_FILE // 1_048_576} MB. {hint}")
            lines = path.read_text("utf-8").splitlines()
            first = json.loads(lines[0]) if lines else None
        except (OSError, ValueError, RecursionError) as e:
            raise error(f"{path} is no file of an earlier {what}. {hint}") from e
        if first != head:
            raise error(f"{path} belongs to a {what} of {other}. {hint}")
        for line in lines[1:]:
            try:
                row = read(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue  # the line that was being written when the run was stopped
            self.rows[id_of(row)] = row

    def rewrite(self) -> None:
        """Write the file anew with the newest row of each id only."""
        assert self.path is not None
        draft = self.path.with_name(self.path.name + ".part")
        lines = [json.dumps(self._head, ensure_ascii=False)]
        lines += [json.dumps(self._write_row(row), ensure_ascii=False) for row in self.rows.values()]
        try:
            draft.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="backslashreplace")
            draft.replace(self.path)
        except OSError as e:
            draft.unlink(missing_ok=True)
            raise self._error(f"{self.path} cannot be written: {e.strerror}. {self._hint}") from e

    def add(self, row: Row) -> None:
        """Keep a row, in place of an earlier one of the same id."""
        self.rows[self._id_of(row)] = row
        if self.path is not None:
            self._write(json.dumps(self._write_row(row), ensure_ascii=False))

    def _write(self, line: str, *, new: bool = False) -> None:
        assert self.path is not None
        try:
            with self.path.open("x" if new else "a", encoding="utf-8", errors="backslashreplace") as file:
                # A line that was cut off must not swallow the next one.
                file.write(line + "\n" if new else "\n" + line)
        except OSError as e:
            raise self._error(f"{self.path} cannot be written: {e.strerror}. {self._hint}") from e
