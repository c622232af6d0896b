"""What the page "Users" asks of the verbs, and how what was done is undone; it shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.accounts.users import User
    from app.sso import SSO, BulkResult, SeatPanel


@dataclass(frozen=True, slots=True)
class Step:
    """How to undo what was done: verb(what), and what to say of its result."""

    verb: Callable[[Any], Any]
    what: Any
    said: Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Changed:
    """A user before and after a change by hand."""

    before: User
    after: User


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows, read in one go. `total` counts the active users before the search."""

    now: datetime
    account: Account
    users: tuple[User, ...]
    seats: SeatPanel

    @property
    def nobody(self) -> bool:
        """Whether the account has no user at all."""
        return not self.users and self.seats.seats.used == 0


def load(sso: SSO, imagekit_id: str, text: str, deleted: bool) -> Shown:
    """Read the users that fit the search, and the seats."""
    return Shown(
        sso.now(),
        sso.account(imagekit_id),
        sso.users(imagekit_id, text=text.strip(), deleted=deleted),
        sso.seats(imagekit_id),
    )


def save(sso: SSO, user: User, full_name: str, email: str, role: str | None) -> Changed:
    """Only what differs is sent, so that a value which an older rule let in does not block another change."""
    after = sso.update_user(
        user.id,
        full_name=full_name if full_name != user.full_name else None,
        email=email if email != user.email else None,
        role=role if role != user.role else None,
        seen=user,
    )
    return Changed(user, after)


def put_back(sso: SSO, after: User, before: User) -> User:
    """What was changed of name, e-mail and role, as it was; not what somebody else has changed since."""
    changed = {f: getattr(before, f) for f in ("full_name", "email", "role") if getattr(before, f) != getattr(after, f)}
    return sso.update_user(before.id, **changed, seen=after)


def not_done(result: BulkResult) -> str:
    """Who was left out, in a sentence."""
    some = "; ".join(f"{email}: {why.rstrip('.')}" for email, why in result.left_out[:5])
    return f" {len(result.left_out)} left out ({some})." if result.left_out else ""
