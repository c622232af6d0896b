"""The schema's history: one file per revision, each complete in itself; it imports nothing of the program."""

from __future__ import annotations

from typing import Final

#: Every revision this version knows, oldest first. Alembic (0.45 s to import) is loaded only where the last differs.
KNOWN: Final[tuple[str, ...]] = ("0001", "0002", "0003", "0007", "0005", "0004", "0006", "0008", "0009")
HEAD: Final = KNOWN[-1]
