"""What one transaction can read and write: accounts, configurations, users, requests, replays, settings.

Core statements throughout (an ORM costs twice the time of a login). It commits nothing; Store.write() does.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, case, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from app.accounts.account import Account
from app.accounts.users import FIELDS, User, user_of
from app.product import ADMINISTRATOR, ROLES
from app.store.errors import DamagedStore
from app.store.events import CHANNEL
from app.store.leavers import LeaverQueries
from app.store.models import (
    AccountRow,
    Base,
    EventRow,
    MessageRow,
    ReplayRow,
    RequestRow,
    RevisionRow,
    SettingRow,
    UserRow,
    table,
)
from app.store.records import RequestRecord, Revision
from app.store.safety import SafetyQueries


class Duplicate(Exception):  # noqa: N818  the noun is the error
    """A row with the same unique value exists already."""


_USER = table(UserRow)
_ACCOUNT = table(AccountRow)
_REVISION = table(RevisionRow)
_REPLAY = table(ReplayRow)
_REQUEST = table(RequestRow)
_SETTING = table(SettingRow)
_NEWEST = (
    select(func.max(_REVISION.c.number)).where(_REVISION.c.account_id == _ACCOUNT.c.id).correlate(_ACCOUNT)
).scalar_subquery()
#: An account with the facts of its newest configuration revision.
_ACCOUNTS = (
    select(
        _ACCOUNT,
        _REVISION.c.number,
        _REVISION.c.entity_id,
        _REVISION.c.document.is_not(None).label("sso_on"),
        _REVISION.c.enforced,
    )
    .select_from(_ACCOUNT)
    .outerjoin(_REVISION, (_REVISION.c.account_id == _ACCOUNT.c.id) & (_REVISION.c.number == _NEWEST))
)
# What every login asks is built once: building a statement costs more than running it.
_STAMPS = (
    select(func.coalesce(func.max(_REVISION.c.id), 0)).scalar_subquery().label("configuration_stamp"),
    select(func.coalesce(func.max(_SETTING.c.number), 0)).scalar_subquery().label("setting_stamp"),
)
_FORGOTTEN = "state/forgotten-until"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_BOTH_STAMPS = select(*_STAMPS)
_ACCOUNT_BY_ID = _ACCOUNTS.add_columns(
    *_STAMPS, select(_SETTING.c.value).where(_SETTING.c.key == _FORGOTTEN).scalar_subquery().label("forgotten")
).where(_ACCOUNT.c.id == bindparam("account"))
_USERS_BY_KEY = select(_USER).where(_USER.c.email_key == bindparam("key")).order_by(_USER.c.id.desc())
_HEADS = select(_ACCOUNT.c.active_users, _ACCOUNT.c.administrators).where(_ACCOUNT.c.id == bindparam("account"))
_FIRST_USE = select(_REPLAY.c.first_used_at, _REPLAY.c.reference).where(_REPLAY.c.key == bindparam("key"))
_LOGGED_IN = (
    update(_USER)
    .where(_USER.c.id == bindparam("user"))
    .values(last_login_at=bindparam("last_login_at"), logins=bindparam("logins"), last_issuer=bindparam("last_issuer"))
)
_LOCK = select(_ACCOUNT.c.id).where(_ACCOUNT.c.id == bindparam("account")).with_for_update(key_share=True)
_LOCK_EMAIL = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_LOCK_CONFIGURATION = text("SELECT pg_advisory_xact_lock(1397968727)")
#: Where a search for a user looks.
_SEARCHED = (
    _USER.c.full_name,
    _USER.c.email,
    _USER.c.email_key,
    _USER.c.role,
    _USER.c.last_issuer,
    _USER.c.stable_id,
    _USER.c.deleted_by,
    _USER.c.keep_why,
)
_SOURCES = {"sso": "sso", "hand": "by hand"}
#: What a login changes of a user whom nothing else is new about.
_LOGIN_FIELDS = frozenset({"last_login_at", "logins", "last_issuer"})


def _revision(row: Row[Any]) -> Revision:
    values = dict(row._mapping)
    try:
        values["choices"] = json.loads(values["choices"]) if values["choices"] else {}
    except (ValueError, RecursionError) as e:
        raise DamagedStore(
            f"Revision {row.number} of a configuration holds decisions that cannot be read. Go back to a backup; "
            "sso-workbench db check looks for more."
        ) from e
    return Revision(**values)


def replay_key(issuer: str, assertion_id: str) -> str:
    """The bounded key of an accepted assertion."""
    return hashlib.sha256(f"{len(issuer)}:{issuer}{assertion_id}".encode(errors="surrogatepass")).hexdigest()


class Transaction(LeaverQueries, SafetyQueries):
    """One open transaction. Every method is one or two statements; ids that do not exist give None or nothing."""

    def __init__(self, connection: Connection) -> None:
        """Not for callers: Store.read() and Store.write() make it."""
        super().__init__(connection)
        self._stamps: tuple[int, int] | None = None
        self._forgotten: datetime | None = None
        self._heads: dict[int, tuple[int, int]] = {}
        #: Whether stamps() may still be rolled back: what is read under them must not be remembered.
        self.stamped = False

    def stamps(self) -> tuple[int, int]:
        """Two numbers: the first grows with every configuration that is saved, the second with every setting."""
        if self._stamps is None:
            row = self.connection.execute(_BOTH_STAMPS).one()
            self._stamps = (int(row[0]), int(row[1]))
        return self._stamps

    # Accounts and configurations

    def accounts(self) -> tuple[Account, ...]:
        """Every account, by name."""
        rows = self.connection.execute(_ACCOUNTS.order_by(_ACCOUNT.c.name, _ACCOUNT.c.id)).all()
        return tuple(self._account(r) for r in rows)

    def account(self, account_id: int) -> Account | None:
        """One account by row id."""
        row = self.connection.execute(_ACCOUNT_BY_ID, {"account": account_id}).one_or_none()
        if row is None:
            return None
        self._stamps = (int(row.configuration_stamp), int(row.setting_stamp))
        self._forgotten = datetime.fromisoformat(json.loads(row.forgotten)) if row.forgotten else _NEVER
        self._heads[account_id] = (int(row.active_users), int(row.administrators))
        return self._account(row)

    def account_by_imagekit_id(self, imagekit_id: str) -> Account | None:
        """One account by its public id."""
        row = self.connection.execute(_ACCOUNTS.where(_ACCOUNT.c.imagekit_id == imagekit_id)).one_or_none()
        return None if row is None else self._account(row)

    def lock_account(self, account_id: int, email_key: str | None = None) -> None:
        """Make everybody else who locks this account, or this e-mail, wait until the end of this transaction.

        The e-mail keeps two accounts from registering it at one moment. SQLite needs neither: there Store.write() holds
        the one write lock already.
        """
        if self.connection.dialect.name == "sqlite":
            return
        # Always in this order, so that two transactions never wait for each other.
        self.connection.execute(_LOCK, {"account": account_id})
        self._heads.pop(account_id, None)  # whoever held the lock may have changed them
        if email_key is not None:
            self.connection.execute(_LOCK_EMAIL, {"key": email_key})

    def lock_configuration(self) -> None:
        """Make everybody else who saves settings or configurations wait until the end of this transaction.

        Before lock_account() where both are needed. SQLite needs it as little as that.
        """
        if self.connection.dialect.name != "sqlite":
            self.connection.execute(_LOCK_CONFIGURATION)
            self._stamps = None  # whoever held the lock has changed them

    def _account(self, row: Row[Any]) -> Account:
        sso_on = bool(row.sso_on)
        return Account(
            id=row.id,
            imagekit_id=row.imagekit_id,
            name=row.name,
            plan=row.plan,
            seat_limit=row.seat_limit,
            seat_price=row.seat_price,
            entity_id=row.entity_id,
            sso_on=sso_on,
            enforced=bool(row.enforced),
            revision=row.number or 0,
            off_since_revision=None if sso_on or not row.number else self._off_since(row.id),
        )

    def _off_since(self, account_id: int) -> int | None:
        own = _REVISION.c.account_id == account_id
        last_on = select(func.coalesce(func.max(_REVISION.c.number), 0)).where(own, _REVISION.c.document.is_not(None))
        on = self.connection.execute(last_on).scalar_one()
        if not on:
            return None
        first = select(func.min(_REVISION.c.number)).where(own, _REVISION.c.number > on)
        return self.connection.execute(first).scalar()

    def insert_account(
        self, *, imagekit_id: str, name: str, plan: str, seat_limit: int, at: datetime, seat_price: str | None = None
    ) -> int:
        """A new account's row id. Duplicate if the public id is taken."""
        values = {
            "imagekit_id": imagekit_id,
            "name": name,
            "plan": plan,
            "seat_limit": seat_limit,
            "seat_price": seat_price,
            "created_at": at,
        }
        return self._insert(_ACCOUNT, values)

    def update_account(self, account_id: int, **values: Any) -> None:
        """Set columns of an account."""
        self.connection.execute(update(_ACCOUNT).where(_ACCOUNT.c.id == account_id).values(**values))

    def current_revision(self, account_id: int) -> Revision | None:
        """The newest revision, with its document."""
        query = select(_REVISION).where(_REVISION.c.account_id == account_id).order_by(_REVISION.c.number.desc())
        row = self.connection.execute(query.limit(1)).one_or_none()
        return None if row is None else _revision(row)

    def current_revisions(self) -> tuple[Revision, ...]:
        """The newest revision of every account that has one."""
        newest = select(func.max(_REVISION.c.id)).group_by(_REVISION.c.account_id)
        rows = self.connection.execute(select(_REVISION).where(_REVISION.c.id.in_(newest))).all()
        return tuple(_revision(r) for r in rows)

    def revisions(self, account_id: int) -> tuple[Revision, ...]:
        """Every revision of an account, newest first."""
        query = select(_REVISION).where(_REVISION.c.account_id == account_id).order_by(_REVISION.c.number.desc())
        return tuple(_revision(r) for r in self.connection.execute(query).all())

    def insert_revision(self, revision: Revision) -> int:
        """Add a revision. Duplicate if its number is taken."""
        values = asdict(revision)
        del values["id"]
        values["choices"] = json.dumps(values["choices"], sort_keys=True) if values["choices"] else None
        self._stamps, self.stamped = None, True
        return self._insert(_REVISION, values)

    # Users

    def users_by_key(self, email_key: str) -> tuple[User, ...]:
        """Everybody with this normal form, in any account, deleted ones too; newest first."""
        return tuple(user_of(r) for r in self.connection.execute(_USERS_BY_KEY, {"key": email_key}).all())

    def user(self, user_id: int) -> User | None:
        """One user, deleted or not."""
        row = self.connection.execute(select(_USER).where(_USER.c.id == user_id)).one_or_none()
        return None if row is None else user_of(row)

    def users(self, account_id: int, *, text: str = "", deleted: bool = False) -> tuple[User, ...]:
        """Users of an account by name; `deleted` adds tombstones.

        `text` is looked for in every field that people read: name, e-mail, role (its title too), source, identity
        provider, stable id, who deleted them, and why they are kept.
        """
        query = select(_USER).where(_USER.c.account_id == account_id)
        if not deleted:
            query = query.where(_USER.c.deleted_at.is_(None))
        if text:
            roles = [r.id for r in ROLES if text.lower() in r.title.lower()]
            sources = [c for c, words in _SOURCES.items() if text.lower() in words]
            fields = [f.icontains(text, autoescape=True) for f in _SEARCHED]
            query = query.where(or_(*fields, _USER.c.role.in_(roles), _USER.c.created_by.in_(sources)))
        return tuple(user_of(r) for r in self.connection.execute(query.order_by(_USER.c.full_name, _USER.c.id)).all())

    def same_person(self, account_id: int, *, full_name: str | None, stable_id: str | None) -> tuple[User, ...]:
        """Active users of the account with this stable id, or this full name; at most 5."""
        marks = []
        if full_name:
            marks.append(_USER.c.full_name == full_name)
        if stable_id:
            marks.append(_USER.c.stable_id == stable_id)
        if not marks:
            return ()
        condition = marks[0] if len(marks) == 1 else marks[0] | marks[1]
        query = select(_USER).where(_USER.c.account_id == account_id, _USER.c.deleted_at.is_(None), condition)
        return tuple(user_of(r) for r in self.connection.execute(query.order_by(_USER.c.id).limit(5)).all())

    def head_count(self, account_id: int) -> tuple[int, int]:
        """(active users, active administrators) of an account."""
        if account_id not in self._heads:
            row = self.connection.execute(_HEADS, {"account": account_id}).one_or_none()
            self._heads[account_id] = (0, 0) if row is None else (int(row[0]), int(row[1]))
        return self._heads[account_id]

    def insert_user(self, user: User) -> int:
        """A new user's row id. Duplicate if an active user of the account has the same normal form."""
        values = _user_values(user)
        del values["id"]
        user_id = self._insert(_USER, values)
        self._count(None, user)
        return user_id

    def update_user(self, user: User) -> None:
        """Write every field of an existing user. Duplicate as for insert_user()."""
        values = _user_values(user)
        del values["id"]
        before = self.user(user.id)
        try:
            with self.connection.begin_nested():
                self.connection.execute(update(_USER).where(_USER.c.id == user.id).values(**values))
        except IntegrityError as e:
            raise Duplicate(str(e.orig)) from e
        if before is not None:
            self._count(before, user)

    def touch_user(self, before: User, after: User) -> None:
        """Write the fields of a login that differ; cheaper than update_user(), and the key never changes."""
        old, new = _user_values(before), _user_values(after)
        values = {k: v for k, v in new.items() if v != old[k]}
        if values.keys() <= _LOGIN_FIELDS:
            self.connection.execute(_LOGGED_IN, {"user": before.id, **{k: new[k] for k in _LOGIN_FIELDS}})
        else:
            self.connection.execute(update(_USER).where(_USER.c.id == before.id).values(**values))
            self._count(before, after)

    def _count(self, before: User | None, after: User) -> None:
        """Keep the account's counts true after a user was written."""
        was = (before is not None and before.active, before is not None and before.active and before.is_administrator)
        now = (after.active, after.active and after.is_administrator)
        if was != now:
            self._heads.pop(after.account_id, None)
            self.connection.execute(
                update(_ACCOUNT)
                .where(_ACCOUNT.c.id == after.account_id)
                .values(
                    active_users=_ACCOUNT.c.active_users + (now[0] - was[0]),
                    administrators=_ACCOUNT.c.administrators + (now[1] - was[1]),
                )
            )

    # Requests and replays

    def insert_request(self, request: RequestRecord) -> None:
        """Remember an AuthnRequest that is about to be sent."""
        self.connection.execute(insert(_REQUEST), asdict(request))

    def request(self, request_id: str) -> RequestRecord | None:
        """An AuthnRequest of ours, answered and expired ones too, until they are purged."""
        row = self.connection.execute(select(table(RequestRow)).where(RequestRow.id == request_id)).one_or_none()
        return None if row is None else RequestRecord(**row._mapping)

    def answer_request(self, request_id: str, at: datetime) -> bool:
        """Mark a request answered; False if it was answered before or does not exist."""
        query = update(RequestRow).where(RequestRow.id == request_id, RequestRow.answered_at.is_(None))
        return self.connection.execute(query.values(answered_at=at)).rowcount == 1

    def first_use(self, issuer: str, assertion_id: str) -> tuple[datetime, str] | None:
        """When an assertion was accepted before, and the reference of that event."""
        row = self.connection.execute(_FIRST_USE, {"key": replay_key(issuer, assertion_id)}).one_or_none()
        return None if row is None else (row.first_used_at, row.reference)

    def remember_use(
        self, issuer: str, assertion_id: str, *, at: datetime, expires_at: datetime, reference: str
    ) -> None:
        """Record that an assertion was accepted. Duplicate if it was before."""
        key = replay_key(issuer, assertion_id)
        self._insert(
            _REPLAY,
            {"key": key, "first_used_at": at, "expires_at": expires_at, "reference": reference},
        )

    def forget_expired(self, before: datetime) -> int:
        """Drop replay entries and requests that expired before this instant; how many rows went."""
        old = _REPLAY.c.expires_at < before
        last = self.connection.execute(select(func.max(_REPLAY.c.expires_at)).where(old)).scalar()
        gone = self.connection.execute(delete(_REPLAY).where(old)).rowcount if last is not None else 0
        # Not `before`: a clock that is years ahead for a moment would otherwise lock everybody out for years.
        if last is not None and last > self.forgotten_until():
            row = {"key": _FORGOTTEN, "value": json.dumps(last.isoformat())}
            build = sqlite.insert if self.connection.dialect.name == "sqlite" else postgresql.insert
            kept = build(_SETTING).on_conflict_do_update(index_elements=["key"], set_={"value": row["value"]})
            self.connection.execute(kept, row)
            self._forgotten = last
        return gone + self.connection.execute(delete(_REQUEST).where(_REQUEST.c.expires_at < before)).rowcount

    def forgotten_until(self) -> datetime:
        """The latest expiry that forget_expired() has dropped a replay entry of; long ago where it never did."""
        if self._forgotten is None:
            kept = self.setting(_FORGOTTEN)
            self._forgotten = _NEVER if kept is None else datetime.fromisoformat(kept)
        return self._forgotten

    # Settings and state

    def setting(self, key: str) -> Any:
        """A setting's value, or None."""
        value = self.connection.execute(select(SettingRow.value).where(SettingRow.key == key)).scalar()
        return None if value is None else json.loads(value)

    def settings(self) -> dict[str, Any]:
        """Every setting that was set."""
        rows = self.connection.execute(select(SettingRow.key, SettingRow.value).where(SettingRow.value != "null")).all()
        return {r.key: json.loads(r.value) for r in rows}

    def set_setting(self, key: str, value: Any, *, numbered: bool = True) -> None:
        """Set a setting; None removes it. `numbered` False is for what nobody else needs to hear of."""
        self.lock_configuration()
        number = self.stamps()[1] + 1 if numbered else 0
        self._stamps, self.stamped = None, True
        self.connection.execute(delete(_SETTING).where(_SETTING.c.key == key))
        if value is not None or numbered:
            row = {"key": key, "value": json.dumps(value, sort_keys=True), "number": number}
            self.connection.execute(insert(_SETTING), row)
        if numbered and self.connection.dialect.name != "sqlite":
            self.connection.execute(select(func.pg_notify(CHANNEL, "")))

    def row_counts(self) -> dict[str, int]:
        """How many rows each table has: two equal answers mean that nothing was added or removed."""
        return {
            each.name: int(self.connection.execute(select(func.count()).select_from(each)).scalar_one())
            for each in Base.metadata.sorted_tables
        }

    def inconsistencies(self) -> tuple[str, ...]:
        """Rules that the tables cannot express and that every transaction keeps, where they are broken."""
        found: list[str] = []
        twins = (
            select(_USER.c.email_key)
            .where(_USER.c.deleted_at.is_(None))
            .group_by(_USER.c.email_key)
            .having(func.count() > 1)
        )
        found.extend(
            f"More than one active user has the e-mail {key}."
            for (key,) in self.connection.execute(twins.limit(5)).all()
        )
        orphans = (
            select(func.count())
            .select_from(table(MessageRow).outerjoin(table(EventRow), EventRow.id == MessageRow.event_id))
            .where(EventRow.id.is_(None))
        )
        count = self.connection.execute(orphans).scalar_one()
        if count:
            found.append(f"{count} raw messages belong to no event.")
        active = _USER.c.deleted_at.is_(None)
        counted = (
            select(
                _ACCOUNT.c.imagekit_id,
                _ACCOUNT.c.active_users,
                _ACCOUNT.c.administrators,
                func.count(_USER.c.id),
                func.coalesce(func.sum(case((_USER.c.role == ADMINISTRATOR, 1), else_=0)), 0),
            )
            .select_from(_ACCOUNT.outerjoin(_USER, (_USER.c.account_id == _ACCOUNT.c.id) & active))
            .group_by(_ACCOUNT.c.id)
        )
        found.extend(
            f"The account {r[0]} counts {r[1]} users and {r[2]} administrators, but has {r[3]} and {r[4]}."
            for r in self.connection.execute(counted).all()
            if tuple(r[1:3]) != tuple(r[3:5])
        )
        return tuple(found)

    def _insert(self, into: Table, values: dict[str, Any]) -> int:
        """The row id. Duplicate where a unique value is taken, with the transaction as it was, or a row it refers to
        does not exist."""
        key = next(iter(into.primary_key.columns))
        build = sqlite.insert if self.connection.dialect.name == "sqlite" else postgresql.insert
        try:
            made = self.connection.execute(build(into).on_conflict_do_nothing().returning(key), values).scalar()
        except IntegrityError as e:
            raise Duplicate(str(e.orig)) from e
        if made is None:
            raise Duplicate(f"a row of {into.name} with the same unique value exists")
        return made if isinstance(made, int) else 0


if tuple(c.name for c in _USER.columns) != FIELDS:
    raise AssertionError("the columns of users stand in another order than the fields of User")


def _user_values(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in FIELDS}
