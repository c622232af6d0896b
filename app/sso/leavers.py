"""Who may have left, and what is done about it: the evidence, plan, apply, verify, undo, and the hand-off list."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from app.accounts.account import Account, Seats
from app.accounts.cleanup import CleanupPlan, PlannedDeletion, plan_as_csv, plan_cleanup
from app.accounts.staleness import Signal, StaleUser, reclaimable
from app.sso.base import OPERATOR
from app.sso.directories import DirectoryVerbs
from app.sso.errors import NotFound, Refused
from app.sso.uncollected import uncollected
from app.sso.values import Change, CleanupCheck, CleanupResult, CleanupUndone, Leavers, SeatPanel
from app.store import CleanupItem, CleanupRecord, Transaction


def _nobody(_done: int, _total: int) -> None:
    return None


class LeaverVerbs(DirectoryVerbs):
    """The part of SSO that concerns seats, stale users and clean-ups."""

    def seats(self, account: int | str) -> SeatPanel:
        """Seats used and limit, and what could be reclaimed."""
        with self.store.read() as tx:
            found = self._account(tx, account)
            return self._panel(tx, found, self._stale(tx, found, self.now()))

    def leavers(self, account: int | str) -> Leavers:
        """The stale users, the seats and the newest list of the directory, of which everybody is judged once."""
        with self.store.read() as tx, uncollected():
            found = self._account(tx, account)
            users, lists = tx.users(found.id), self._lists(tx, found.id)
            rows = self._judged(tx, found, users, self.now(), users, lists=lists)
            views = self._views(tx.snapshots(found.id), lists, users)
            newest = next((v for v in views if v.snapshot.discarded_at is None), None)
            return Leavers(rows, self._panel(tx, found, rows), newest)

    def stale_users(
        self, account: int | str, now: datetime | None = None, *, operator_email: str | None = None
    ) -> tuple[StaleUser, ...]:
        """Who may have left, with the evidence; protected users are listed as excluded."""
        with self.store.read() as tx:
            found = self._account(tx, account)
            return self._stale(tx, found, now or self.now(), operator_key=self._operator_key(operator_email))

    def why_stale(self, user_id: int, *, operator_email: str | None = None) -> StaleUser | None:
        """Everything that is known about one user's silence, failed attempts too; None for somebody not stale."""
        with self.store.read() as tx:
            user = self._user(tx, user_id)
            account = self._account(tx, user.account_id)
            count, last, reason = tx.failures_of(account.id, user.email_key)
            more: tuple[Signal, ...] = ()
            if last is not None:
                more = (Signal("failed-attempt", last, "login log", f"{count} in all, the last: {reason}"),)
            users = tx.users(account.id)
            rows = self._judged(
                tx, account, users, self.now(), (user,), operator_key=self._operator_key(operator_email), more=more
            )
            return rows[0] if rows else None

    # Plan, apply, verify, undo

    def plan_cleanup(
        self, account: int | str, selected: frozenset[int] | None = None, *, operator_email: str | None = None
    ) -> CleanupPlan:
        """A plan to delete the selected stale users, or the confirmed ones. It changes nothing."""
        now = self.now()
        with self.store.read() as tx:
            found = self._account(tx, account)
            used, administrators = tx.head_count(found.id)
            return plan_cleanup(
                self._stale(tx, found, now, operator_key=self._operator_key(operator_email)),
                account_id=found.id,
                now=now,
                active_users=used,
                administrators=administrators,
                selected=selected,
            )

    def apply_cleanup(
        self,
        plan: CleanupPlan,
        *,
        typed: int | None = None,
        operator: str = OPERATOR,
        operator_email: str | None = None,
        told: Callable[[int, int], None] = _nobody,
    ) -> CleanupResult:
        """Delete the users of a plan in one transaction; who logged in since, or is protected now, drops out.

        The plan is kept as CSV, with its evidence, before the first deletion. Refused where the plan says so, or where
        the number had to be typed and was not. Raising from `told` stops it, and then nobody is deleted.
        """
        if plan.refused:
            raise Refused("cleanup.refused", " ".join(plan.refused))
        if plan.must_type is not None and typed != plan.must_type:
            raise Refused("cleanup.type", f"Type {plan.must_type} to delete that many users.")
        now = self.now()
        export = plan_as_csv(plan).encode()
        items: list[CleanupItem] = []
        with self.store.write() as tx:
            account = self._account(tx, plan.account_id)
            tx.lock_account(account.id)
            batch = self._reference()
            while tx.cleanup(batch) is not None:
                batch = self._reference()
            stale = {
                row.user.id: row
                for row in self._stale(tx, account, now, operator_key=self._operator_key(operator_email))
            }
            for number, item in enumerate(plan.items):
                why_not = self._delete_planned(tx, plan, item, stale.get(item.user_id), operator, batch)
                items.append(
                    CleanupItem(item.user_id, item.email, item.role, item.state, item.evidence, item.why, why_not)
                )
                if number % 50 == 0:
                    told(number, len(plan.items))
            record = CleanupRecord(
                reference=batch,
                account_id=account.id,
                made_at=plan.made_at,
                applied_at=now,
                operator=self._who(operator),
                export=export,
                export_sha256=hashlib.sha256(export).hexdigest(),
                items=tuple(items),
            )
            if record.deleted:
                tx.insert_cleanup(record)
        self.tell(Change("users", account.id, None))
        return CleanupResult(
            batch,
            tuple(i.email for i in items if not i.left_out),
            tuple((i.email, i.left_out) for i in items if i.left_out),
        )

    def cleanups(self, account: int | str) -> tuple[CleanupRecord, ...]:
        """The clean-ups of an account, newest first."""
        with self.store.read() as tx:
            return tx.cleanups(self._account(tx, account).id)

    def verify_cleanup(self, reference: str) -> CleanupCheck:
        """Look at a clean-up again: who of those deleted is still gone, and who came back, and how."""
        with self.store.read() as tx:
            record = self._cleanup(tx, reference)
            account = self._account(tx, record.account_id)
            used, _ = tx.head_count(account.id)
            back: list[tuple[str, str]] = []
            for item in record.deleted:
                how = self._came_back(tx, account, item)
                if how:
                    back.append((item.email, how))
        return CleanupCheck(record, len(record.deleted) - len(back), tuple(back), Seats(used, account.seat_limit))

    def undo_cleanup(self, reference: str, *, operator: str = OPERATOR) -> CleanupUndone:
        """Bring everybody of a clean-up back who is still deleted: the same users, roles and history.

        Each is checked as a single undo is (30 days, a free seat, a free e-mail); who cannot come back is told.
        """
        restored: list[str] = []
        left_out: list[tuple[str, str]] = []
        with self.store.write() as tx:
            record = self._cleanup(tx, reference)
            tx.lock_account(record.account_id)
            for item in record.deleted:
                try:
                    user = self._user(tx, item.user_id)
                    if user.active:
                        left_out.append((item.email, "Restored already."))
                        continue
                    restored.append(self._restored(tx, user, operator, f"with the clean-up {reference}").email)
                except (Refused, NotFound) as e:
                    left_out.append((item.email, str(e)))
        self.tell(Change("users", record.account_id, None))
        return CleanupUndone(reference, tuple(restored), tuple(left_out))

    def tick_cleanup(self, reference: str, user_id: int, on: bool) -> CleanupRecord:
        """Note that a user was removed at the service provider too, or was not after all."""
        with self.store.write() as tx:
            tx.lock_account(self._cleanup(tx, reference).account_id)
            record = self._cleanup(tx, reference)
            if user_id not in {i.user_id for i in record.deleted}:
                raise NotFound("This user is not part of the clean-up.")
            ticked = record.ticked | {user_id} if on else record.ticked - {user_id}
            tx.tick_cleanup(reference, ticked)
        return replace(record, ticked=ticked)

    # Steps

    @staticmethod
    def _panel(tx: Transaction, account: Account, rows: Sequence[StaleUser]) -> SeatPanel:
        used, _ = tx.head_count(account.id)
        counts = reclaimable(rows)
        confirmed = counts["confirmed"]
        likely = confirmed + counts["likely"]
        return SeatPanel(
            Seats(used, account.seat_limit), confirmed, likely, likely + counts["possible"], account.seat_price
        )

    def _delete_planned(
        self,
        tx: Transaction,
        plan: CleanupPlan,
        item: PlannedDeletion,
        row: StaleUser | None,
        operator: str,
        batch: str,
    ) -> str:
        """Delete one user of a plan; why not, "" where it was done."""
        user = tx.user(item.user_id)
        if user is None or not user.active:
            return "Deleted already."
        if user.last_login_at is not None and user.last_login_at > plan.made_at:
            return "Logged in since the plan was made."
        if row is None or row.evidence == "none":
            return "Not stale any more."
        if row.evidence == "excluded":
            return row.why[0]
        try:
            self._delete(
                tx,
                user,
                operator,
                f"clean-up {batch}: {'; '.join(w.rstrip('.') for w in item.why)}",
                details={"clean-up": batch, "state": item.state, "evidence": item.evidence, "why": list(item.why)},
            )
        except Refused as e:
            return str(e)
        return ""

    @staticmethod
    def _came_back(tx: Transaction, account: Account, item: CleanupItem) -> str:
        user = tx.user(item.user_id)
        if user is None:
            return ""
        if user.active:
            return "The deletion was undone."
        for other in tx.users_by_key(user.email_key):
            if other.active and other.account_id == account.id:
                how = "logged in again" if other.created_by == "sso" else "was added again"
                return f"The person {how} on {other.created_at:%Y-%m-%d} and holds a seat."
        return ""

    @staticmethod
    def _cleanup(tx: Transaction, reference: str) -> CleanupRecord:
        found = tx.cleanup(reference)
        if found is None:
            raise NotFound(f"There is no clean-up {reference[:60]}.")
        return found
