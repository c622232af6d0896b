"""A user of an account, active or deleted (a tombstone), as a value; it does not decide who may log in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, make_dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from app.product import ADMINISTRATOR

Creator = Literal["sso", "hand"]

#: How long a deleted user can be restored as the same user.
RESTORE_WITHIN = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A registered person.

    `email` is as first written, `email_key` its normal form (provisioning.md decision 2), which is what is compared.
    `id` 0 means "not stored yet". `last_login_at` is the last live SSO login that was let in. `stable_id` is a claim
    that stays when the e-mail changes (object identifier, employee id), `last_issuer` the identity provider last used.
    `previous_id` is the deleted user this one replaces. `keep_until`/`keep_why` protect from clean-up,
    `missing_since` is the directory mark of decision 19. Times are UTC.
    """

    id: int
    account_id: int
    email: str
    email_key: str
    full_name: str
    role: str
    created_at: datetime
    created_by: Creator = "hand"
    changed_at: datetime | None = None
    last_login_at: datetime | None = None
    logins: int = 0
    last_issuer: str | None = None
    stable_id: str | None = None
    previous_id: int | None = None
    deleted_at: datetime | None = None
    deleted_by: str | None = None
    keep_until: datetime | None = None
    keep_why: str | None = None
    missing_since: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether the user exists for login and seats; False for a tombstone."""
        return self.deleted_at is None

    @property
    def is_administrator(self) -> bool:
        """Whether the user manages the account."""
        return self.role == ADMINISTRATOR

    def restorable(self, now: datetime) -> bool:
        """Whether undoing the deletion is still possible."""
        return self.deleted_at is not None and now - self.deleted_at <= RESTORE_WITHIN


#: The fields of a user, in the order in which user_of() takes their values.
FIELDS: Final[tuple[str, ...]] = tuple(f.name for f in fields(User))
_Open: Final[Any] = make_dataclass("_Open", FIELDS, slots=True)


def user_of(values: Sequence[Any]) -> User:
    """The user with these values of FIELDS, such as a row of the database.

    A class that cannot be changed fills its fields one by one past its own lock, at five times the cost of one that
    can. Fifty thousand users are read at once, so that each is filled while open, and locked then.
    """
    made = _Open(*values)
    made.__class__ = User
    return cast(User, made)
