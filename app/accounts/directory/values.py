"""What reading a directory's list gives: people, what was understood, and what is wrong row by row. No behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

#: Told how many rows are done, and of how many. Raising from it stops the work.
Told = Callable[[int, int], None]


class DirectoryRefused(Exception):  # noqa: N818  the noun is the error
    """A list that cannot be read at all; the text says what it is instead, or what to do."""


class Person(NamedTuple):
    """Somebody in the list. `addresses` are normal forms, the key first where there is one; `row` counts from 1 as in
    the file (for JSON: the number in the list). `enabled` is None where the list does not say."""

    row: int
    addresses: tuple[str, ...]
    enabled: bool | None


class Registered(NamedTuple):
    """What must be known of an active user to look them up in a list; less than a User, because all are read."""

    id: int
    email_key: str
    created_at: datetime
    last_login_at: datetime | None
    missing_since: datetime | None


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one row of the file, as a sentence."""

    row: int
    sentence: str


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """A column that could identify people, and the share of rows (0 to 1) in which it holds an address."""

    column: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A list as it was understood.

    Only without problems may it be imported. `problems` holds the first ones, `problem_count` counts all. `skipped`
    rows hold nobody (no address at all). `notes` are sentences about the whole list. `partial_because` says why it
    cannot be a complete list, where the file itself shows it. `preview` are the first rows as text, in the order of
    `columns`. `encoding` and `delimiter` are what was detected; "" where there is none (JSON).
    """

    format: str
    title: str
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    key: str
    keys: tuple[KeyChoice, ...]
    enabled_column: str
    people: tuple[Person, ...]
    rows: int
    skipped: int
    problems: tuple[RowProblem, ...]
    problem_count: int
    notes: tuple[str, ...]
    partial_because: str
    preview: tuple[tuple[str, ...], ...]
    sha256: str
    size: int

    @property
    def usable(self) -> bool:
        """Whether it may be imported."""
        return self.problem_count == 0 and bool(self.people)
