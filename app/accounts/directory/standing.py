"""What the lists that were imported say of a user now: signals with source and date. It judges nobody.

The newest list counts. A partial one can confirm that somebody is there, and never that somebody is missing, so that
what it does not name is asked of the list before it, down to the newest complete one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.accounts.directory.comparing import ListKind, Standing, StandingKind
from app.accounts.directory.values import Registered
from app.accounts.staleness import Signal
from app.accounts.users import User

#: What a stored list may unpack to: half a million users with long addresses.
_UNPACKED_LIMIT: Final = 256 * 1024 * 1024
#: Rows that are written and read at once: the reader of JSON lets no other thread run until it is done.
_BLOCK: Final = 5_000
_LETTERS: Final[dict[StandingKind, str]] = {"present": "p", "disabled": "d", "absent": "a"}
_KINDS: Final[dict[str, StandingKind]] = {letter: kind for kind, letter in _LETTERS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A list as it was imported.

    `taken_at` is when the directory looked like that (asked, not assumed). `held` says why it waits for confirmation,
    "" where it does not; `confirmed_by` who let it count in spite of that; `discarded_at` when it was taken back.
    """

    id: int = 0
    account_id: int
    kind: ListKind
    taken_at: datetime
    imported_at: datetime
    operator: str
    source: str
    format: str
    key_column: str
    complete: bool
    rows: int
    matched: int
    disabled: int
    absent: int
    sha256: str
    held: str = ""
    confirmed_at: datetime | None = None
    confirmed_by: str | None = None
    discarded_at: datetime | None = None
    discarded_by: str | None = None

    @property
    def counts(self) -> bool:
        """Whether it is believed: not held back (or confirmed since), and not taken back."""
        return self.discarded_at is None and (not self.held or self.confirmed_at is not None)


def pack_standings(standings: Iterable[Standing]) -> bytes:
    """What is kept of a list: how it names our users, and nobody else."""
    rows = [[s.user_id, s.email_key, _LETTERS[s.kind], s.row, s.found_as] for s in standings]
    blocks = (rows[at : at + _BLOCK] for at in range(0, len(rows), _BLOCK))
    lines = (json.dumps(block, ensure_ascii=False, separators=(",", ":")) for block in blocks)
    return zlib.compress("\n".join(lines).encode(), 3)


def unpack_standings(data: bytes) -> tuple[Standing, ...]:
    """What pack_standings() packed."""
    found: list[Standing] = []
    for line in zlib.decompressobj().decompress(data, _UNPACKED_LIMIT).splitlines():
        rows = json.loads(line)
        for row in rows:
            row[2] = _KINDS[row[2]]
        found += map(Standing._make, rows)
    return tuple(found)


class Directory:
    """The lists of an account that count, ready to be asked for each user."""

    def __init__(self, lists: Iterable[tuple[Snapshot, Sequence[Standing]]]) -> None:
        """In any order; those that do not count are left out."""
        ordered = sorted((e for e in lists if e[0].counts), key=lambda e: (e[0].taken_at, e[0].id), reverse=True)
        self._people = _until_complete(e for e in ordered if e[0].kind == "directory")
        self._assigned = _until_complete(e for e in ordered if e[0].kind == "assignments")
        self._accused = {
            s.user_id for _, said in (*self._people, *self._assigned) for s in said.values() if s.kind != "present"
        }

    def __bool__(self) -> bool:
        return bool(self._people or self._assigned)

    @staticmethod
    def needed(snapshots: Iterable[Snapshot]) -> frozenset[int]:
        """The ids of the lists whose standings are asked for at all."""
        ordered = sorted((s for s in snapshots if s.counts), key=lambda s: (s.taken_at, s.id), reverse=True)
        wanted: set[int] = set()
        for kind in ("directory", "assignments"):
            for s in ordered:
                if s.kind == kind:
                    wanted.add(s.id)
                    if s.complete:
                        break
        return frozenset(wanted)

    def accuses(self, user: User) -> bool:
        """Whether the lists could say more of a user than that they are there."""
        return user.id in self._accused

    def signals(self, user: User) -> tuple[Signal, ...]:
        """What the lists say of a user; nothing where the user got another e-mail since."""
        found: list[Signal] = []
        person = _ask(self._people, user)
        if person is not None:
            snapshot, standing = person
            kind = {"present": "directory-present", "disabled": "directory-disabled", "absent": "directory-absent"}
            found.append(Signal(kind[standing.kind], snapshot.taken_at, snapshot.source, _detail(standing)))  # type: ignore[arg-type]
        assigned = _ask(self._assigned, user)
        if assigned is not None and assigned[1].kind == "absent" and not (person and person[1].kind == "absent"):
            found.append(Signal("not-assigned", assigned[0].taken_at, assigned[0].source, "not in the assignment list"))
        return tuple(found)

    def contradictions(self, users: Iterable[User | Registered]) -> dict[int, int]:
        """How many users logged in after a list had called them gone, by the id of the list; without those of none."""
        found: dict[int, int] = {}
        for user in users:
            if user.id not in self._accused:
                continue
            person = _ask(self._people, user)
            for said in (person, _ask(self._assigned, user)):
                if said is None or said[1].kind == "present" or user.last_login_at is None:
                    continue
                if user.last_login_at >= said[0].taken_at:
                    found[said[0].id] = found.get(said[0].id, 0) + 1
        return found

    def missing_since(self, user: Registered) -> datetime | None:
        """The date of the list that does not hold the user any more, if no login contradicts it."""
        person = _ask(self._people, user)
        if person is None or person[1].kind != "absent":
            return None
        at = person[0].taken_at
        return None if user.last_login_at is not None and user.last_login_at >= at else at


_Lists = tuple[tuple[Snapshot, dict[int, Standing]], ...]


def _until_complete(lists: Iterable[tuple[Snapshot, Sequence[Standing]]]) -> _Lists:
    found = []
    for snapshot, standings in lists:
        found.append((snapshot, {s.user_id: s for s in standings}))
        if snapshot.complete:
            break
    return tuple(found)


def _ask(lists: _Lists, user: User | Registered) -> tuple[Snapshot, Standing] | None:
    for snapshot, standings in lists:
        standing = standings.get(user.id)
        if standing is not None and standing.email_key == user.email_key:
            return snapshot, standing
    return None


def _detail(standing: Standing) -> str:
    if standing.kind == "absent":
        return "neither by address nor by alias"
    return f"row {standing.row}" + (f", as {standing.found_as}" if standing.found_as else "")
