"""The tables as typed models. No query, no rule; the migrations describe the same tables on their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """A UTC instant as whole microseconds since 1970: exact, compact, and in the same order everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Microseconds of an aware datetime. ValueError for one without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without time zone cannot be stored")
        return (value - _EPOCH) // timedelta(microseconds=1)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any | None], datetime | None]:
        """Gives the aware UTC datetime. Not process_result_value(), whose wrapping costs more than the work."""
        return _instant


def _instant(value: Any | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


#: Text in the order of its code points, as SQLite has it. On PostgreSQL the order is a language's unless one says so,
#: in which what begins with a text need not lie between it and the last text that does.
Plain = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


class Base(DeclarativeBase):
    """The models' base; names of constraints are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Instant, str: Text, bytes: LargeBinary}


#: SQLite makes only "INTEGER PRIMARY KEY" an alias of the row id; elsewhere ids are 64 bit.
Id = BigInteger().with_variant(Integer, "sqlite")


class AccountRow(Base):
    """One organisation account. The two counts follow the users in every transaction that changes one."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    imagekit_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    plan: Mapped[str]
    seat_limit: Mapped[int]
    seat_price: Mapped[str | None]
    created_at: Mapped[datetime]
    active_users: Mapped[int] = mapped_column(server_default="0")
    administrators: Mapped[int] = mapped_column(server_default="0")


class RevisionRow(Base):
    """One revision of an account's SSO configuration; the newest counts. Rows are never changed."""

    __tablename__ = "configurations"
    __table_args__ = (UniqueConstraint("account_id", "number"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    number: Mapped[int]
    at: Mapped[datetime]
    operator: Mapped[str]
    what: Mapped[str]
    document: Mapped[bytes | None]
    sha256: Mapped[str | None]
    idp_entity_id: Mapped[str | None]
    entity_id: Mapped[str | None]
    choices: Mapped[str | None]
    enforced: Mapped[bool] = mapped_column(server_default=false())


class ConfigurationTestRow(Base):
    """One login that tested a revision. `reference` is that of its event; rows are never changed."""

    __tablename__ = "configuration_tests"
    __table_args__ = (Index(None, "account_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    revision: Mapped[int]
    at: Mapped[datetime]
    operator: Mapped[str]
    how: Mapped[str]
    passed: Mapped[bool]
    administrator: Mapped[bool]
    email_key: Mapped[str]
    reference: Mapped[str] = mapped_column(unique=True)
    sentence: Mapped[str]


class RecoveryCodeRow(Base):
    """A recovery code, of which only a digest is kept. The codes of an account are made and replaced together."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    digest: Mapped[str] = mapped_column(unique=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None]


class MetadataSourceRow(Base):
    """Where an account's metadata is fetched from, and what was found there that nobody has decided about yet."""

    __tablename__ = "metadata_sources"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    url: Mapped[str]
    entity: Mapped[str | None]
    intranet: Mapped[bool]
    every_hours: Mapped[int]
    set_by: Mapped[str]
    checked_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    found_at: Mapped[datetime | None]
    document: Mapped[bytes | None]
    dismissed: Mapped[str | None]


class UserRow(Base):
    """A user, active or deleted. Among active users of an account the normal form of the e-mail is unique."""

    __tablename__ = "users"
    __table_args__ = (
        Index(
            "uq_users_active_email",
            "account_id",
            "email_key",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(None, "email_key"),
        Index(None, "account_id", "full_name"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    email: Mapped[str]
    email_key: Mapped[str]
    full_name: Mapped[str]
    role: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[str]
    changed_at: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]
    logins: Mapped[int]
    last_issuer: Mapped[str | None]
    stable_id: Mapped[str | None]
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None]
    keep_until: Mapped[datetime | None]
    keep_why: Mapped[str | None]
    missing_since: Mapped[datetime | None]


_ALSO = ("account_id", "kind", "status", "outcome", "mode", "reason")


def _partial(column: str, where: str) -> Index:
    """An index of the rows that differ from nearly all others, so that an ordinary login costs nothing more."""
    also = _ALSO if column == "category" else ()
    return Index(
        f"ix_events_{column}_at_id", column, "at", "id", *also, sqlite_where=text(where), postgresql_where=text(where)
    )


def _along(column: str) -> Index:
    """An index that the list walks along. What is asked for most often stands in it, so that rows need not be read."""
    also = [c for c in _ALSO if c != column]
    return Index(f"ix_events_{column}_at_id", column, "at", "id", *also)


class EventRow(Base):
    """One login attempt, or one act of upkeep. Append-only. Empty text means "not known"."""

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "at", "id"),
        *(_along(column) for column in ("account_id", "reason", "status", "outcome", "email_key")),
        Index(None, "user_id", "at"),
        Index(None, "issuer", "at", "id"),
        Index(None, "certificate", "at", "id"),
        Index(None, "revision", "at", "id"),
        Index(None, "role_after", "at", "id"),
        Index(None, "assertion_id"),
        # SQLite's indexes hold the number of the row by themselves.
        Index(None, "reference_turned", postgresql_include=["id"]),
        UniqueConstraint("reference", postgresql_include=["id"]),
        _partial("category", "category <> ''"),
        _partial("mode", "mode <> 'live'"),
        _partial("origin", "origin <> 'acs'"),
        _partial("kind", "kind <> 'login'"),
        _partial("flow", "flow <> 'idp_initiated'"),
        _partial("role_asserted", "role_asserted <> role_after OR role_after IS NULL"),
        _partial("role_before", "role_before <> role_after OR role_after IS NULL"),
        Index(
            "ix_events_failed_checks",
            "at",
            "id",
            "failed_checks",
            sqlite_where=text("failed_checks <> ''"),
            postgresql_where=text("failed_checks <> ''"),
        ),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    reference: Mapped[str] = mapped_column(Plain)
    at: Mapped[datetime]
    kind: Mapped[str]
    origin: Mapped[str]
    mode: Mapped[str]
    flow: Mapped[str]
    operator: Mapped[str | None]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    account_claimed: Mapped[str | None]
    revision: Mapped[int | None]
    status: Mapped[str]
    outcome: Mapped[str]
    verdict: Mapped[str | None]
    reason: Mapped[str]
    category: Mapped[str]
    sentence: Mapped[str]
    action: Mapped[str]
    notes: Mapped[str | None]
    email_key: Mapped[str] = mapped_column(Plain)
    full_name: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    previous_user_id: Mapped[int | None] = mapped_column(Id)
    role_before: Mapped[str | None]
    role_asserted: Mapped[str | None]
    role_after: Mapped[str | None]
    seats_before: Mapped[int | None]
    seats_after: Mapped[int | None]
    seats_limit: Mapped[int | None]
    issuer: Mapped[str | None]
    response_id: Mapped[str | None]
    assertion_id: Mapped[str | None] = mapped_column(Plain)
    in_response_to: Mapped[str | None]
    name_id: Mapped[str | None]
    name_id_format: Mapped[str | None]
    certificate: Mapped[str | None]
    failed_checks: Mapped[str]
    judged_at: Mapped[datetime | None]
    duration_us: Mapped[int | None]
    sha256: Mapped[str | None]
    faults: Mapped[str | None]
    expected: Mapped[str | None]
    as_expected: Mapped[bool | None]
    details: Mapped[bytes | None]
    checks: Mapped[bytes | None]
    reference_turned: Mapped[str] = mapped_column(Plain, server_default="")


class PersonRow(Base):
    """An e-mail and a name that occur together in the log: few rows, in which a part of either is found at once."""

    __tablename__ = "persons"

    email_key: Mapped[str] = mapped_column(primary_key=True)
    full_name: Mapped[str] = mapped_column(primary_key=True)


class ChangeRow(Base):
    """One field that an event changed, or would have changed."""

    __tablename__ = "changes"

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    field: Mapped[str]
    old: Mapped[str | None]
    new: Mapped[str | None]
    applied: Mapped[bool]
    why: Mapped[str]


class MessageRow(Base):
    """The raw message of an event, compressed, until retention purges it."""

    __tablename__ = "messages"

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    body: Mapped[bytes]


class ReplayRow(Base):
    """An assertion that was accepted. `key` is the SHA-256 of issuer and assertion id, so that its size is bounded."""

    __tablename__ = "replays"

    key: Mapped[str] = mapped_column(primary_key=True)
    first_used_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    reference: Mapped[str]


class RequestRow(Base):
    """An AuthnRequest of ours. `browser` is a digest of the session that it was sent from."""

    __tablename__ = "requests"

    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    idp_entity_id: Mapped[str]
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    relay_state: Mapped[str | None]
    email: Mapped[str | None]
    browser: Mapped[str | None]
    answered_at: Mapped[datetime | None]


class SnapshotRow(Base):
    """A directory's list of people. `standings` is how it names our users, packed; nobody else of it is kept."""

    __tablename__ = "snapshots"
    __table_args__ = (Index(None, "account_id", "taken_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[str]
    taken_at: Mapped[datetime]
    imported_at: Mapped[datetime]
    operator: Mapped[str]
    source: Mapped[str]
    format: Mapped[str]
    key_column: Mapped[str]
    complete: Mapped[bool]
    rows: Mapped[int]
    matched: Mapped[int]
    disabled: Mapped[int]
    absent: Mapped[int]
    sha256: Mapped[str]
    held: Mapped[str]
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None]
    discarded_at: Mapped[datetime | None]
    discarded_by: Mapped[str | None]
    standings: Mapped[bytes]


class CleanupRow(Base):
    """A clean-up that was applied: the plan as it was exported before, what became of each user, and the ticks."""

    __tablename__ = "cleanups"
    __table_args__ = (Index(None, "account_id", "applied_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    made_at: Mapped[datetime]
    applied_at: Mapped[datetime]
    operator: Mapped[str]
    export: Mapped[bytes]
    export_sha256: Mapped[str]
    items: Mapped[bytes]
    ticked: Mapped[str]


class SettingRow(Base):
    """One setting as JSON text. `number` grows with every change of any setting; "null" is one that was removed."""

    __tablename__ = "settings"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    number: Mapped[int] = mapped_column(BigInteger, server_default="0")


def table(model: type[Base]) -> Table:
    """The table of a model, for Core statements."""
    return Base.metadata.tables[model.__tablename__]
