"""Users by hand: adding, changing, deleting, restoring, and treating two as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from app.accounts.account import Account
from app.accounts.provisioning import Change as FieldChange
from app.accounts.provisioning import read_full_name
from app.accounts.roles import read_role
from app.accounts.users import RESTORE_WITHIN, User
from app.product import ADMINISTRATOR
from app.saml.identifiers import read_email
from app.sso.base import OPERATOR
from app.sso.errors import Refused
from app.sso.inspection import InspectionVerbs
from app.sso.values import BulkResult, Change
from app.store import EventRecord, Transaction

_FIELDS: Final = {"full_name": "name", "role": "role", "email": "e-mail"}
_LAST_ADMIN: Final = (
    "role.last-admin-kept",
    "This is the last account administrator. Make somebody else administrator first.",
)


class PeopleVerbs(InspectionVerbs):
    """The part of SSO that concerns users."""

    def users(self, account: int | str, *, text: str = "", deleted: bool = False) -> tuple[User, ...]:
        """Users of the account by name; `text` filters, `deleted` adds those who can still be seen as deleted."""
        with self.store.read() as tx:
            return tx.users(self._account(tx, account).id, text=text, deleted=deleted)

    def user(self, user_id: int) -> User:
        """One user. NotFound if there is none."""
        with self.store.read() as tx:
            return self._user(tx, user_id)

    def add_user(self, account: int | str, email: str, full_name: str, role: str, *, operator: str = OPERATOR) -> User:
        """Add a user by hand, who may then log in with SSO. Refused by the same rules as a first login."""
        now = self.now()
        with self.store.write() as tx:
            key = _email_key(email)
            found = self._account(tx, account)
            tx.lock_account(found.id, key)
            found = self._account(tx, found.id)
            self._free(tx, found, key)
            self._seat(tx, found)
            user = User(
                id=0,
                account_id=found.id,
                email=email.strip(),
                email_key=key,
                full_name=_name(full_name),
                role=_role(role, found),
                created_at=now,
                created_by="hand",
            )
            user = replace(user, id=tx.insert_user(user))
            self._audit(
                tx,
                kind="user",
                outcome="user-added",
                sentence=f"{user.email} was added by hand.",
                operator=operator,
                account=found.id,
                user=user,
                changes=(
                    FieldChange("email", None, user.email, True, "by hand"),
                    FieldChange("full_name", None, user.full_name, True, "by hand"),
                    FieldChange("role", None, user.role, True, "by hand"),
                ),
            )
        self.tell(Change("users", found.id, user.id))
        return user

    def update_user(
        self,
        user_id: int,
        *,
        full_name: str | None = None,
        role: str | None = None,
        email: str | None = None,
        operator: str = OPERATOR,
        seen: User | None = None,
    ) -> User:
        """Change name, role or e-mail by hand. The last account administrator keeps the role.

        `seen` is the user as the person saw them: Overtaken where the very same thing has been changed since.
        """
        with self.store.write() as tx:
            old = self._active(tx, user_id)
            if seen is not None:
                for name, wanted in (("full_name", full_name), ("role", role), ("email", email)):
                    if wanted is not None:
                        what = f"{_FIELDS[name]} of {old.email}"
                        self._not_overtaken(what, getattr(seen, name), getattr(old, name), wanted)
            new = self._changed(tx, old, operator, full_name=full_name, role=role, email=email)
        if new != old:
            self.tell(Change("users", new.account_id, new.id))
        return new

    def protect_user(self, user_id: int, until: datetime | None, why: str = "", *, operator: str = OPERATOR) -> User:
        """Keep a user off clean-up lists until a date, with the reason; None takes the protection away."""
        with self.store.write() as tx:
            old = self._active(tx, user_id)
            new = replace(old, keep_until=until, keep_why=why.strip()[:200] or None if until else None)
            tx.update_user(new)
            sentence = f"{new.email} is kept until {until:%Y-%m-%d}." if until else f"{new.email} is not kept any more."
            self._audit(
                tx,
                kind="user",
                outcome="user-protected",
                sentence=sentence,
                operator=operator,
                account=new.account_id,
                user=new,
            )
        self.tell(Change("users", new.account_id, new.id))
        return new

    def delete_user(self, user_id: int, *, operator: str = OPERATOR) -> User:
        """Delete a user, which frees the seat. It can be undone for 30 days. Refused for the last administrator."""
        with self.store.write() as tx:
            gone = self._delete(tx, self._active(tx, user_id), operator, "by hand")
        self.tell(Change("users", gone.account_id, gone.id))
        return gone

    def restore_user(self, user_id: int, *, operator: str = OPERATOR) -> User:
        """Undo a deletion: the same user, role and history. Refused without a seat, or after 30 days."""
        with self.store.write() as tx:
            old = self._user(tx, user_id)
            if old.active:
                return old
            tx.lock_account(old.account_id, old.email_key)
            old = self._user(tx, user_id)
            if old.active:
                return old
            new = self._restored(tx, old, operator)
        self.tell(Change("users", new.account_id, new.id))
        return new

    # Several at once

    def set_roles(
        self, roles: Mapping[int, str], *, operator: str = OPERATOR, seen: Mapping[int, str] | None = None
    ) -> BulkResult:
        """Give users their roles, by user id, in one transaction; who cannot have theirs is left out and told.

        So is who has another role by now than the one in `seen`, which the person saw.
        """
        saw = seen or {}

        def change(tx: Transaction, user: User) -> User:
            if user.id in saw:
                self._not_overtaken(f"role of {user.email}", saw[user.id], user.role, roles[user.id])
            return self._changed(tx, user, operator, role=roles[user.id])

        return self._each(roles, change)

    def delete_users(self, user_ids: Sequence[int], *, operator: str = OPERATOR) -> BulkResult:
        """Delete users in one transaction, each undoable for 30 days; the last administrator is left out and told."""
        return self._each(user_ids, lambda tx, user: self._delete(tx, user, operator, "by hand"))

    def restore_users(self, user_ids: Sequence[int], *, operator: str = OPERATOR) -> BulkResult:
        """Undo deletions in one transaction; who cannot come back is left out and told."""
        return self._each(user_ids, lambda tx, user: self._restored(tx, user, operator), active=False)

    def _each(
        self, user_ids: Iterable[int], act: Callable[[Transaction, User], User], *, active: bool = True
    ) -> BulkResult:
        done: list[User] = []
        left_out: list[tuple[str, str]] = []
        accounts: set[int] = set()
        with self.store.write() as tx:
            people = [self._user(tx, i) for i in dict.fromkeys(user_ids)]
            for account_id in sorted({u.account_id for u in people}):
                tx.lock_account(account_id)
                accounts.add(account_id)
            for known in people:
                user = self._user(tx, known.id)
                try:
                    if user.active is not active:
                        raise Refused("user.state", "Deleted already." if active else "Not deleted any more.")
                    done.append(act(tx, user))
                except Refused as e:
                    left_out.append((user.email, str(e)))
        for account_id in accounts:
            self.tell(Change("users", account_id, None))
        return BulkResult(tuple(done), tuple(left_out))

    def history(self, user_id: int, *, limit: int = 200) -> tuple[EventRecord, ...]:
        """What happened to a person, newest first: logins, failed ones too, changes by hand, and what happened to the
        deleted user whom this one replaced."""
        with self.store.read() as tx:
            user: User | None = self._user(tx, user_id)
            assert user is not None
            account, key, chain = user.account_id, user.email_key, [user.id]
            while user is not None and user.previous_id is not None and user.previous_id not in chain:
                chain.append(user.previous_id)
                user = tx.user(user.previous_id)
            return tx.history(account, chain, key, limit=limit)

    def treat_as_rename(self, old_id: int, new_id: int, *, operator: str = OPERATOR) -> User:
        """Decision 1: the newer user's e-mail moves to the older user, and the newer one's seat is freed.

        The older user keeps role and history. Refused unless both are active users of one account, the newer one
        created later.
        """
        now = self.now()
        with self.store.write() as tx:
            old, new = self._active(tx, old_id), self._active(tx, new_id)
            if old.account_id != new.account_id or old.id == new.id or new.created_at < old.created_at:
                raise Refused("user.not-a-rename", "Choose the older and the newer user of the same account.")
            tx.lock_account(old.account_id)
            if new.is_administrator and not old.is_administrator:
                self._keep_an_administrator(tx, new)  # the older user keeps the older role
            self._delete(tx, new, operator, f"the same person as {old.email}", keep_administrator=False)
            moved = replace(
                old,
                email=new.email,
                email_key=new.email_key,
                last_login_at=new.last_login_at or old.last_login_at,
                logins=old.logins + new.logins,
                last_issuer=new.last_issuer or old.last_issuer,
                stable_id=new.stable_id or old.stable_id,
                changed_at=now,
            )
            tx.update_user(moved)
            self._audit(
                tx,
                kind="user",
                outcome="user-renamed",
                sentence=f"{old.email} is {moved.email} now.",
                operator=operator,
                account=old.account_id,
                user=moved,
                changes=_changes(old, moved, ("email",), "treated as a rename"),
            )
        self.tell(Change("users", old.account_id, old.id))
        return moved

    def undo_rename(self, before: User, newer_id: int, *, operator: str = OPERATOR) -> User:
        """Take treat_as_rename() back: the older user is as in `before` again, and the newer one is restored.

        Refused where the one person has logged in or was changed since, where no seat is free, and after 30 days.
        """
        with self.store.write() as tx:
            one, newer = self._active(tx, before.id), self._user(tx, newer_id)
            joined = (newer.email_key, before.logins + newer.logins)
            if newer.active or newer.account_id != one.account_id or (one.email_key, one.logins) != joined:
                raise Refused(
                    "user.rename-used",
                    f"{one.email} has logged in or was changed since, so that it cannot be told whose that is. Give "
                    "the older e-mail back by hand, and restore the newer user.",
                )
            tx.lock_account(one.account_id, before.email_key)
            self._free(tx, self._account(tx, one.account_id), before.email_key)
            back = replace(
                one,
                email=before.email,
                email_key=before.email_key,
                last_login_at=before.last_login_at,
                logins=before.logins,
                last_issuer=before.last_issuer,
                stable_id=before.stable_id,
                changed_at=self.now(),
            )
            tx.update_user(back)
            self._audit(
                tx,
                kind="user",
                outcome="user-renamed",
                sentence=f"{one.email} is {back.email} again.",
                operator=operator,
                account=back.account_id,
                user=back,
                changes=_changes(one, back, ("email",), "the rename was undone"),
            )
            self._restored(tx, newer, operator, "with the rename")
        self.tell(Change("users", back.account_id, None))
        return back

    # Steps

    def _active(self, tx: Transaction, user_id: int) -> User:
        user = self._user(tx, user_id)
        if not user.active:
            raise Refused("user.deleted", f"{user.email} is deleted. Restore the user first.")
        tx.lock_account(user.account_id)
        return self._user(tx, user_id)

    def _changed(
        self,
        tx: Transaction,
        old: User,
        operator: str,
        *,
        full_name: str | None = None,
        role: str | None = None,
        email: str | None = None,
    ) -> User:
        """Change a user, with the account locked already."""
        account = self._account(tx, old.account_id)
        new = old
        if full_name is not None:
            new = replace(new, full_name=_name(full_name))
        if role is not None and role != old.role:
            self._keep_an_administrator(tx, old)
            new = replace(new, role=_role(role, account))
        if email is not None:
            key = _email_key(email)
            if key != old.email_key:
                tx.lock_account(account.id, key)
                self._free(tx, account, key)
            new = replace(new, email=email.strip(), email_key=key)
        changes = _changes(old, new, ("email", "full_name", "role"), "by hand")
        if not changes:
            return old
        new = replace(new, changed_at=self.now())
        tx.update_user(new)
        self._audit(
            tx,
            kind="user",
            outcome="user-changed",
            sentence=f"{new.email} was changed by hand: {', '.join(c.field for c in changes)}.",
            operator=operator,
            account=account.id,
            user=new,
            changes=changes,
        )
        return new

    def _restored(self, tx: Transaction, old: User, operator: str, how: str = "") -> User:
        """Undo a deletion, with the account locked already."""
        now = self.now()
        if not old.restorable(now):
            raise Refused(
                "user.too-late",
                f"A deletion can be undone for {RESTORE_WITHIN.days} days. Add the user again instead.",
            )
        account = self._account(tx, old.account_id)
        self._free(tx, account, old.email_key)
        self._seat(tx, account)
        new = replace(old, deleted_at=None, deleted_by=None, changed_at=now)
        tx.update_user(new)
        self._audit(
            tx,
            kind="user",
            outcome="user-restored",
            sentence=f"The deletion of {new.email} was undone{f' {how}' if how else ''}.",
            operator=operator,
            account=account.id,
            user=new,
        )
        return new

    def _delete(
        self,
        tx: Transaction,
        user: User,
        operator: str,
        why: str,
        *,
        keep_administrator: bool = True,
        details: dict[str, Any] | None = None,
    ) -> User:
        if keep_administrator:
            self._keep_an_administrator(tx, user)
        gone = replace(user, deleted_at=self.now(), deleted_by=self._who(operator))
        tx.update_user(gone)
        self._audit(
            tx,
            kind="user",
            outcome="user-deleted",
            sentence=f"{gone.email} was deleted: {why}.",
            operator=operator,
            account=gone.account_id,
            user=gone,
            details=details,
        )
        return gone

    @staticmethod
    def _keep_an_administrator(tx: Transaction, user: User) -> None:
        """Judged inside the transaction, so that two demotions at once cannot both pass (decision 3)."""
        if user.role == ADMINISTRATOR and tx.head_count(user.account_id)[1] <= 1:
            raise Refused(*_LAST_ADMIN)

    @staticmethod
    def _free(tx: Transaction, account: Account, key: str) -> None:
        for other in tx.users_by_key(key):
            if other.active and other.account_id == account.id:
                raise Refused("user.exists", f"{key} is a user of this account already.")
            if other.active:
                raise Refused("org.user-elsewhere", f"{key} is a user of another account.")

    @staticmethod
    def _seat(tx: Transaction, account: Account) -> None:
        used, _ = tx.head_count(account.id)
        if used >= account.seat_limit:
            raise Refused(
                "seat.limit-reached",
                f"All {account.seat_limit} seats are taken. Delete users who left, or raise the seat limit.",
            )


def _email_key(email: str) -> str:
    read = read_email(email)
    if read.normal is None:
        raise Refused("nameid.not-an-email", f"This is not an e-mail address. {read.problem}")
    return read.normal


def _name(full_name: str) -> str:
    reading = read_full_name((full_name,))
    if reading.name is None:
        assert reading.reason is not None
        raise Refused(reading.reason.code, "A name is printable text of 1 to 256 characters.")
    return reading.name


def _role(role: str, account: Account) -> str:
    reading = read_role((role,), account.plan)
    if reading.role is None:
        raise Refused(reading.reason or "role.unknown", reading.sentence)
    return reading.role


def _changes(old: User, new: User, fields: tuple[str, ...], why: str) -> tuple[FieldChange, ...]:
    pairs: list[tuple[str, Any, Any]] = [(f, getattr(old, f), getattr(new, f)) for f in fields]
    return tuple(FieldChange(f, a, b, True, why) for f, a, b in pairs if a != b)
