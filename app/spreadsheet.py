"""Cells for files that people open in a spreadsheet. It writes no file."""

from __future__ import annotations


def neutral(cell: str) -> str:
    """A CSV cell that no spreadsheet takes for a formula (security.md C21)."""
    return "'" + cell if cell[:1] in "=+-@\t\r＝＋－＠" and cell else cell
