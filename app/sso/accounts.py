"""Accounts: one or several, with their seats; several are made and changed all together or not at all."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.accounts.account import Account, Seats
from app.accounts.provisioning import Change as FieldChange
from app.product import DEFAULT_SEAT_LIMIT, PLANS
from app.sso.base import OPERATOR, SsoBase
from app.sso.errors import Refused, SsoError
from app.sso.values import Change
from app.store import Duplicate, Transaction

_IMAGEKIT_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SEAT_LIMIT_MAX: Final = 1_000_000
_LONGEST_PRICE: Final = 60
_MOST: Final = 1_000
_MOST_TEXT: Final = 500_000
_MOST_TOLD: Final = 20
_HEADS: Final = frozenset({"id", "account", "account id", "imagekit_id"})


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account in the list of all, with its seats."""

    account: Account
    seats: Seats


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made; `row` is the line it stood in, counted from 1."""

    row: int
    imagekit_id: str
    name: str
    plan: str = "enterprise"
    seat_limit: int | str = DEFAULT_SEAT_LIMIT


def read_accounts(text: str) -> tuple[NewAccount, ...]:
    """Accounts out of lines `id, name, plan, seats`, the last two as you like; commas, semicolons or tabs.

    A first line of headings is left out. Refused with the rows that cannot be read.
    """
    if len(text) > _MOST_TEXT:
        raise Refused("account.list", f"The list has more than {_MOST_TEXT:,} characters. Give fewer accounts at once.")
    lines = text.removeprefix("\ufeff").replace("\0", "")
    sample = lines.partition("\n")[0]
    delimiter = max(",;\t", key=sample.count)
    found, problems = [], []
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(lines), delimiter=delimiter, strict=True), 1):
            cells = [c.strip() for c in cells]
            if not any(cells) or (number == 1 and cells[0].lower() in _HEADS):
                continue
            if not 2 <= len(cells) <= 4:
                problems.append(f"Row {number}: it has {len(cells)} values; id, name, plan and seats are expected.")
                continue
            plan = (cells[2].lower() if len(cells) > 2 else "") or "enterprise"
            seats = (cells[3] if len(cells) > 3 else "") or str(DEFAULT_SEAT_LIMIT)
            limit: int | str = int(seats) if seats.isascii() and seats.isdigit() and len(seats) < 9 else seats
            found.append(NewAccount(number, cells[0], cells[1], plan, limit))
    except csv.Error as e:
        problems.append(f"The list cannot be read as lines of values: {e}.")
    if not found and not problems:
        problems.append("There is no account in it. Write one on each line: id, name, plan, seats.")
    if len(found) > _MOST:
        problems.append(f"There are {len(found):,} accounts; at most {_MOST:,} are made at once.")
    _refuse(problems)
    return tuple(found)


class AccountVerbs(SsoBase):
    """The part of SSO that concerns accounts."""

    def accounts(self) -> tuple[Account, ...]:
        """Every account, by name."""
        with self.store.read() as tx:
            return tx.accounts()

    def account(self, account: int | str) -> Account:
        """One account, by row id or public id. NotFound if there is none."""
        with self.store.read() as tx:
            return self._account(tx, account)

    def create_account(
        self,
        imagekit_id: str,
        name: str,
        *,
        plan: str = "enterprise",
        seat_limit: int = DEFAULT_SEAT_LIMIT,
        operator: str = OPERATOR,
    ) -> Account:
        """A new account without SSO. Refused for a public id that is taken or malformed, and for an unknown plan."""
        with self.store.write() as tx:
            made = self._add_account(tx, imagekit_id, name, plan=plan, seat_limit=seat_limit, operator=operator)
        self.tell(Change("accounts", made.id, made.id))
        return made

    def update_account(
        self,
        account: int | str,
        *,
        name: str | None = None,
        plan: str | None = None,
        seat_limit: int | None = None,
        seat_price: str | None = None,
        operator: str = OPERATOR,
        seen: Account | None = None,
    ) -> Account:
        """Change name, plan, seat limit or seat price ("" removes it). A limit below the seats in use is allowed.

        `seen` is the account as the person saw it: what they left as it was stays as it is now, whoever changed it
        meanwhile. Refused, with nothing changed, where somebody else has changed the very same thing.
        """
        with self.store.write() as tx:
            new, changes = self._change_account(
                tx,
                account,
                name=name,
                plan=plan,
                seat_limit=seat_limit,
                seat_price=seat_price,
                operator=operator,
                seen=seen,
            )
        if changes:
            self.tell(Change("accounts", new.id, new.id))
        return new

    def account_rows(self) -> tuple[AccountRow, ...]:
        """Every account by name, with how many of its seats are in use."""
        with self.store.read() as tx:
            return tuple(AccountRow(a, Seats(tx.head_count(a.id)[0], a.seat_limit)) for a in tx.accounts())

    def create_accounts(self, rows: Sequence[NewAccount], *, operator: str = OPERATOR) -> tuple[Account, ...]:
        """Make all of them, or none. Refused with a sentence for every row that cannot be made."""
        made: list[Account] = []
        problems: list[str] = []
        with self.store.write() as tx:
            for r in rows:
                try:
                    made.append(
                        self._add_account(
                            tx, r.imagekit_id, r.name, plan=r.plan, seat_limit=r.seat_limit, operator=operator
                        )
                    )
                except SsoError as e:
                    problems.append(f"Row {r.row}: {e}")
            _refuse(problems)
        for account in made:
            self.tell(Change("accounts", account.id, account.id))
        return tuple(made)

    def update_accounts(
        self,
        accounts: Iterable[int | str],
        *,
        plan: str | None = None,
        seat_limit: int | None = None,
        seat_price: str | None = None,
        operator: str = OPERATOR,
        seen: Sequence[Account] = (),
    ) -> tuple[Account, ...]:
        """Change plan, seats or seat price of several accounts, of all of them or none; those that were changed.

        `seen` are accounts as the person saw them: Refused where somebody else has changed the very same of one.
        """
        saw = {a.id: a for a in seen}
        changed: list[Account] = []
        with self.store.write() as tx:
            # Always in the order of their row ids, so that two changes of several never wait for each other.
            found = {a.id: a for a in (self._account(tx, one) for one in accounts)}
            for account_id in sorted(found):
                account, changes = self._change_account(
                    tx,
                    account_id,
                    name=None,
                    plan=plan,
                    seat_limit=seat_limit,
                    seat_price=seat_price,
                    operator=operator,
                    seen=saw.get(account_id),
                )
                if changes:
                    changed.append(account)
        for account in changed:
            self.tell(Change("accounts", account.id, account.id))
        return tuple(changed)

    # Steps

    def _add_account(
        self, tx: Transaction, imagekit_id: str, name: str, *, plan: str, seat_limit: int | str, operator: str
    ) -> Account:
        if not _IMAGEKIT_ID.fullmatch(imagekit_id):
            raise Refused("account.id", "An account id is 1 to 64 letters, digits, dots, hyphens or underscores.")
        limit = _check_account(name, plan, seat_limit)
        try:
            account_id = tx.insert_account(
                imagekit_id=imagekit_id, name=name.strip(), plan=plan, seat_limit=limit, at=self.now()
            )
        except Duplicate as e:
            raise Refused("account.exists", f"There is an account {imagekit_id} already.") from e
        self._audit(
            tx,
            kind="account",
            outcome="account-created",
            sentence=f"The account {imagekit_id} was created.",
            operator=operator,
            account=account_id,
        )
        return self._account(tx, account_id)

    def _change_account(
        self,
        tx: Transaction,
        account: int | str,
        *,
        name: str | None,
        plan: str | None,
        seat_limit: int | None,
        seat_price: str | None,
        operator: str,
        seen: Account | None = None,
    ) -> tuple[Account, tuple[FieldChange, ...]]:
        """The account as it is then, and what was changed."""
        old = self._account(tx, account)
        tx.lock_account(old.id)
        old = self._account(tx, old.id)
        values: dict[str, Any] = {
            "name": old.name if name is None else name.strip(),
            "plan": old.plan if plan is None else plan,
            "seat_limit": old.seat_limit if seat_limit is None else seat_limit,
            "seat_price": old.seat_price if seat_price is None else seat_price.strip() or None,
        }
        if seen is not None:
            values = _merged(seen, old, values)
        _check_account(values["name"], values["plan"], values["seat_limit"])
        price = values["seat_price"]
        if price is not None and (len(price) > _LONGEST_PRICE or not price.isprintable()):
            raise Refused("account.price", f"A seat price has at most {_LONGEST_PRICE} printable characters.")
        changes = tuple(
            FieldChange(k, _text(getattr(old, k)), _text(v), True, "by hand")
            for k, v in values.items()
            if getattr(old, k) != v
        )
        if changes:
            tx.update_account(old.id, **values)
            self._audit(
                tx,
                kind="account",
                outcome="account-changed",
                sentence=f"The account {old.imagekit_id} was changed: {', '.join(c.field for c in changes)}.",
                operator=operator,
                account=old.id,
                changes=changes,
            )
        return self._account(tx, old.id), changes


_FIELDS: Final = {"name": "name", "plan": "plan", "seat_limit": "seat limit", "seat_price": "price of a seat"}


def _merged(seen: Account, now: Account, wanted: dict[str, Any]) -> dict[str, Any]:
    """What is wanted where somebody changed it, else what is there now. Refused where two changed the same."""
    made = {}
    for name, value in wanted.items():
        saw, is_now = getattr(seen, name), getattr(now, name)
        if value == saw:
            made[name] = is_now
        elif is_now in (saw, value):
            made[name] = value
        else:
            what = f"{_FIELDS[name]} from {saw or 'nothing'} to {is_now or 'nothing'}"
            raise Refused(
                "account.moved",
                f"Somebody else changed the {what} meanwhile, of {now.imagekit_id}. Nothing of yours was saved; look "
                "at it, then save again.",
            )
    return made


def _check_account(name: str, plan: str, seat_limit: int | str | None) -> int:
    """The seat limit. Refused for a name, plan or limit that does not fit."""
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise Refused("account.name", "An account needs a name of at most 200 printable characters.")
    if plan not in PLANS:
        raise Refused("account.plan", f'There is no plan "{plan[:60]}". Plans: {", ".join(PLANS)}.')
    if not isinstance(seat_limit, int) or not 0 <= seat_limit <= _SEAT_LIMIT_MAX:
        raise Refused("account.seats", f"A seat limit is a whole number from 0 to {_SEAT_LIMIT_MAX}.")
    return seat_limit


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        more = len(problems) - _MOST_TOLD
        told = [*problems[:_MOST_TOLD], *([f"And {more} more."] if more > 0 else [])]
        raise Refused("account.list", "\n".join(told))
