"""Lists of people that directories gave: looking at one, importing it, confirming it, taking it back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from app.accounts.account import Account
from app.accounts.directory import (
    Comparison,
    Directory,
    ListKind,
    Reading,
    Registered,
    Snapshot,
    Told,
    compare,
    why_quarantined,
)
from app.accounts.users import User
from app.sso.base import OPERATOR
from app.sso.errors import NotFound, Refused
from app.sso.people import PeopleVerbs
from app.sso.uncollected import uncollected
from app.sso.values import Change, ImportPreview, ListView
from app.store import Transaction

#: Clocks of two machines may differ by so much.
_AHEAD: Final = timedelta(minutes=5)
_OLDEST: Final = timedelta(days=3650)
_SOURCE_LIMIT: Final = 200
_KINDS: Final[tuple[ListKind, ...]] = ("directory", "assignments")
#: Of an import: the users are read, compared, what the list says is kept, and the users are marked.
_STEPS: Final = 4


def _nobody(_done: int, _total: int) -> None:
    return None


class DirectoryVerbs(PeopleVerbs):
    """The part of SSO that concerns lists of people."""

    def directory_lists(self, account: int | str) -> tuple[ListView, ...]:
        """The lists of an account that were imported, newest first."""
        with self.store.read() as tx, uncollected():
            found = self._account(tx, account)
            lists = self._lists(tx, found.id)
            return self._views(tx.snapshots(found.id), lists, tx.registered(found.id) if lists else ())

    def preview_directory(
        self, account: int | str, reading: Reading, *, complete: bool, taken_at: datetime, kind: ListKind = "directory"
    ) -> ImportPreview:
        """What importing a list would do. It changes nothing. Refused as import_directory()."""
        self._importable(reading, complete=complete, taken_at=taken_at, kind=kind)
        with self.store.read() as tx, uncollected():
            found = self._account(tx, account)
            users = tx.registered(found.id)
            comparison, held = self._compared(tx, found, users, reading, complete, taken_at, kind)
        return ImportPreview(comparison, held)

    def import_directory(
        self,
        account: int | str,
        reading: Reading,
        *,
        complete: bool,
        taken_at: datetime,
        source: str,
        kind: ListKind = "directory",
        operator: str = OPERATOR,
        told: Told = _nobody,
    ) -> Snapshot:
        """Keep what a list says of the users, whole or not at all; it counts from now on, unless it is held back.

        `taken_at` is when the directory looked like that, `complete` whether it holds everybody: only then does
        absence mean anything. `source` names the file or address. Refused where the list has problems, for an
        impossible date, and where this very list was imported already. `told` gets how many steps are done of how
        many; raising from it stops the import, and then nothing of it is kept.
        """
        self._importable(reading, complete=complete, taken_at=taken_at, kind=kind)
        name = "".join(c for c in source if c.isprintable()).strip()[:_SOURCE_LIMIT] or "a list without a name"
        name = name.encode("utf-8", "replace").decode()
        with self.store.write() as tx, uncollected():
            told(0, _STEPS)
            found = self._account(tx, account)
            tx.lock_account(found.id)
            for other in tx.snapshots(found.id):
                same = other.sha256 == reading.sha256 and other.kind == kind and other.taken_at == taken_at
                if same and other.discarded_at is None and other.complete == complete:
                    raise Refused("directory.known", f"This very list was imported already, as {other.source}.")
            users = tx.registered(found.id)
            told(1, _STEPS)
            comparison, held = self._compared(tx, found, users, reading, complete, taken_at, kind)
            told(2, _STEPS)
            snapshot = Snapshot(
                account_id=found.id,
                kind=kind,
                taken_at=taken_at,
                imported_at=self.now(),
                operator=self._who(operator),
                source=name,
                format=reading.format,
                key_column=reading.key[:_SOURCE_LIMIT],
                complete=complete,
                rows=reading.rows,
                matched=comparison.matched,
                disabled=comparison.disabled,
                absent=comparison.absent,
                sha256=reading.sha256,
                held=held,
            )
            snapshot = replace(snapshot, id=tx.insert_snapshot(snapshot, comparison.standings))
            told(3, _STEPS)
            self._mark(tx, self._lists(tx, found.id, {snapshot.id: comparison.standings}), users)
            told(_STEPS, _STEPS)
            says = f"{comparison.matched} users are in it, {comparison.absent} are missing"
            self._audit(
                tx,
                kind="user",
                outcome="directory-held" if held else "directory-imported",
                sentence=f"The list {name} of {taken_at:%Y-%m-%d} ({reading.rows} rows) was imported; {says}."
                + (f" It is held back: {held}." if held else ""),
                operator=operator,
                account=found.id,
                details={"sha256": reading.sha256, "complete": complete, "kind": kind, "format": reading.format},
            )
        self.tell(Change("users", found.id, None))
        return snapshot

    def confirm_directory(self, snapshot_id: int, typed: str, *, operator: str = OPERATOR) -> Snapshot:
        """Let a list count that was held back. `typed` is the account's id, so that it is no slip of the hand."""
        with self.store.write() as tx:
            old = self._snapshot(tx, snapshot_id)
            tx.lock_account(old.account_id)
            account, old = self._account(tx, old.account_id), self._snapshot(tx, snapshot_id)
            if old.discarded_at is not None:
                raise Refused("directory.discarded", "This list was taken back. Import it again.")
            if typed.strip() != account.imagekit_id:
                raise Refused("directory.type", f"Type {account.imagekit_id} to let this list count.")
            if old.counts:
                return old
            new = replace(old, confirmed_at=self.now(), confirmed_by=self._who(operator))
            self._decide(tx, account, new, "directory-confirmed", f"The list {new.source} counts now.", operator)
        self.tell(Change("users", account.id, None))
        return new

    def discard_directory(self, snapshot_id: int, *, operator: str = OPERATOR) -> Snapshot:
        """Take a list back, as if it had never been imported; the row that says so stays."""
        with self.store.write() as tx:
            old = self._snapshot(tx, snapshot_id)
            tx.lock_account(old.account_id)
            account, old = self._account(tx, old.account_id), self._snapshot(tx, snapshot_id)
            if old.discarded_at is not None:
                return old
            new = replace(old, discarded_at=self.now(), discarded_by=self._who(operator))
            self._decide(tx, account, new, "directory-discarded", f"The list {new.source} was taken back.", operator)
        self.tell(Change("users", account.id, None))
        return new

    # Steps

    @staticmethod
    def _views(
        snapshots: Sequence[Snapshot], lists: Directory, users: Iterable[User | Registered]
    ) -> tuple[ListView, ...]:
        needed = Directory.needed(snapshots)
        contradicted = lists.contradictions(users)
        return tuple(ListView(s, s.id in needed, contradicted.get(s.id, 0)) for s in snapshots)

    def _decide(
        self, tx: Transaction, account: Account, new: Snapshot, outcome: str, sentence: str, operator: str
    ) -> None:
        tx.update_snapshot(new)
        with uncollected():
            self._mark(tx, self._lists(tx, account.id), tx.registered(account.id))
        self._audit(tx, kind="user", outcome=outcome, sentence=sentence, operator=operator, account=account.id)

    def _importable(self, reading: Reading, *, complete: bool, taken_at: datetime, kind: ListKind) -> None:
        if kind not in _KINDS:
            raise Refused("directory.kind", f"A list is one of: {', '.join(_KINDS)}.")
        if reading.problem_count:
            first = reading.problems[0]
            where = f"Row {first.row}: " if first.row else ""
            raise Refused(
                "directory.problems",
                f"{reading.problem_count} rows have problems, and nothing was imported. {where}{first.sentence} "
                "Correct the list, or choose another column.",
            )
        if not reading.people:
            raise Refused("directory.empty", "The list names nobody. Export it again.")
        if complete and reading.partial_because:
            raise Refused(
                "directory.partial",
                f"This cannot be the complete list. {reading.partial_because} Import all pages at once, or say that it "
                "is a part.",
            )
        if taken_at.tzinfo is None:
            raise Refused("directory.date", "Say when the list was taken, with a time zone.")
        if taken_at > self.now() + _AHEAD:
            raise Refused("directory.date", "The list cannot have been taken in the future. Correct its date.")
        if taken_at < self.now() - _OLDEST:
            raise Refused("directory.date", "The list is older than ten years. Export it again.")

    @staticmethod
    def _compared(
        tx: Transaction,
        account: Account,
        users: Sequence[Registered],
        reading: Reading,
        complete: bool,
        taken_at: datetime,
        kind: ListKind,
    ) -> tuple[Comparison, str]:
        comparison = compare(reading.people, users, taken_at=taken_at, complete=complete)
        before = next((s for s in tx.snapshots(account.id) if s.counts and s.complete and s.kind == kind), None)
        held = why_quarantined(
            comparison, rows=reading.rows, complete=complete, previous_rows=before.rows if before else None
        )
        return comparison, held

    @staticmethod
    def _mark(tx: Transaction, lists: Directory, users: Iterable[Registered]) -> None:
        """Bring the marks of decision 19 to what the lists say now."""
        wanted = ((u, lists.missing_since(u)) for u in users)
        tx.mark_missing({u.id: since for u, since in wanted if since != u.missing_since})

    @staticmethod
    def _snapshot(tx: Transaction, snapshot_id: int) -> Snapshot:
        found = tx.snapshot(snapshot_id)
        if found is None:
            raise NotFound("There is no such list any more.")
        return found
