"""Who may have left: rules over typed signals, each answer with its evidence; it deletes nobody.

A rule is one row of RULES. Signals come from our own records and from directory snapshots where one was taken; a rule
whose signals are missing says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from app.accounts.users import User

Evidence = Literal["confirmed", "likely", "possible", "excluded"]
SignalKind = Literal[
    "created",
    "last-login",
    "failed-attempt",
    "changed",
    "directory-present",
    "directory-absent",
    "directory-disabled",
    "not-assigned",
    "possible-rename",
    "issuer-retired",
]


@dataclass(frozen=True, slots=True)
class Signal:
    """One dated fact about a user. `source` names where it comes from, e.g. a file; `detail` is for people."""

    kind: SignalKind
    at: datetime
    source: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When silence counts. `dormant_by_role` overrides the general threshold, in days by role."""

    dormant_days: int = 90
    grace_days: int = 14
    dormant_by_role: Mapping[str, int] = field(default_factory=dict)

    def dormant(self, role: str) -> timedelta:
        """The threshold for a role."""
        return timedelta(days=self.dormant_by_role.get(role, self.dormant_days))


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a judgement needs beside the user: the moment, the thresholds, and who is protected."""

    now: datetime
    thresholds: Thresholds = field(default_factory=Thresholds)
    administrators: int = 0
    operator_key: str | None = None
    break_glass: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of one user. `since` is when the silence or the absence began."""

    evidence: Evidence
    why: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class StaleRule:
    """One state: its id, what it is called, and the function that finds it."""

    id: str
    title: str
    explanation: str
    judge: Callable[[User, tuple[Signal, ...], Context], Finding | None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class StaleUser:
    """One row of the list: the user, the state that counts, how sure it is, and every reason with its date."""

    user: User
    state: str
    title: str
    evidence: Evidence
    why: tuple[str, ...]
    since: datetime | None
    signals: tuple[Signal, ...]

    @property
    def reclaimable(self) -> bool:
        """Whether the seat counts as reclaimable: evidence of any strength, and not protected."""
        return self.evidence != "excluded"


def _latest(signals: tuple[Signal, ...], kind: SignalKind) -> Signal | None:
    return max((s for s in signals if s.kind == kind), key=lambda s: s.at, default=None)


def _protected(user: User, _signals: tuple[Signal, ...], context: Context) -> Finding | None:
    if user.is_administrator and context.administrators <= 1:
        return Finding("excluded", "This is the last account administrator.")
    if user.email_key in context.break_glass:
        return Finding("excluded", "The user is on the list of emergency accounts.")
    if context.operator_key is not None and user.email_key == context.operator_key:
        return Finding("excluded", "This is you.")
    if user.keep_until is not None and user.keep_until > context.now:
        because = f" because {user.keep_why}" if user.keep_why else ""
        return Finding("excluded", f"Kept until {user.keep_until:%Y-%m-%d}{because}.")
    return None


def _directory(kind: SignalKind, evidence: Evidence, says: str) -> Callable[..., Finding | None]:
    def judge(user: User, signals: tuple[Signal, ...], _context: Context) -> Finding | None:
        signal = _latest(signals, kind)
        if signal is None or (user.last_login_at is not None and user.last_login_at >= signal.at):
            return None
        return Finding(evidence, f"{says} ({signal.source}, {signal.at:%Y-%m-%d}).", signal.at)

    return judge


def _never(user: User, _signals: tuple[Signal, ...], context: Context) -> Finding | None:
    if user.last_login_at is not None:
        return None
    age = context.now - user.created_at
    if age <= timedelta(days=context.thresholds.grace_days):
        return None
    return Finding(
        "possible",
        f"Created {age.days} days ago, never logged in with SSO (grace period {context.thresholds.grace_days} days).",
        user.created_at,
    )


def _dormant(user: User, _signals: tuple[Signal, ...], context: Context) -> Finding | None:
    threshold = context.thresholds.dormant(user.role)
    if user.last_login_at is None or context.now < user.created_at + threshold:
        return None
    silent = context.now - user.last_login_at
    if silent <= threshold:
        return None
    evidence: Evidence = "likely" if silent > 2 * threshold else "possible"
    return Finding(
        evidence, f"Last login {silent.days} days ago (threshold {threshold.days} days).", user.last_login_at
    )


RULES: Final[tuple[StaleRule, ...]] = (
    StaleRule(
        "deleted-at-idp",
        "Deleted at the IdP",
        "A complete directory list newer than the last login does not hold the user.",
        _directory("directory-absent", "confirmed", "Not in the directory any more"),
    ),
    StaleRule(
        "disabled-at-idp",
        "Disabled at the IdP",
        "The directory holds the user, but not enabled.",
        _directory("directory-disabled", "confirmed", "Disabled in the directory"),
    ),
    StaleRule(
        "unassigned",
        "Unassigned from the application",
        "The directory holds the user, but the application's assignment list does not.",
        _directory("not-assigned", "likely", "Not assigned to the application any more"),
    ),
    StaleRule(
        "renamed",
        "Renamed",
        "A newer user has the same name or the same stable id, and this one has been silent since.",
        _directory("possible-rename", "likely", "Probably logs in under another e-mail now"),
    ),
    StaleRule(
        "issuer-retired",
        "Identity provider retired",
        "The user only ever came from an identity provider that is not configured any more.",
        _directory("issuer-retired", "likely", "Came from an identity provider that is not configured any more"),
    ),
    StaleRule(
        "never-logged-in", "Never logged in", "Created longer ago than the grace period, and no login since.", _never
    ),
    StaleRule("dormant", "Dormant", "The last login is older than the threshold.", _dormant),
)
PROTECTED: Final = StaleRule(
    "protected", "Protected", "The last administrator, an emergency account, the operator, or kept by hand.", _protected
)


def judge(user: User, signals: Iterable[Signal], context: Context) -> StaleUser | None:
    """The row of one user, or None for somebody who is not stale.

    The first rule that speaks gives the state (they stand in order of certainty); every other one that speaks is told
    too. A protected user keeps the row, marked as excluded.
    """
    if not user.active:
        return None
    known = tuple(sorted(signals, key=lambda s: s.at))
    found = [(rule, f) for rule in RULES if (f := rule.judge(user, known, context)) is not None]
    if not found:
        return None
    rule, first = found[0]
    why = tuple(f.why for _, f in found)
    protection = PROTECTED.judge(user, known, context)
    if protection is not None:
        return StaleUser(user, "protected", PROTECTED.title, "excluded", (protection.why, *why), first.since, known)
    return StaleUser(user, rule.id, rule.title, first.evidence, why, first.since, known)


def own_signals(
    user: User, *, configured_issuers: frozenset[str], renamed_to: User | None = None
) -> tuple[Signal, ...]:
    """The signals that our own records give: creation, change, login, retired issuer, possible rename."""
    signals = [Signal("created", user.created_at, "user list", f"created by {user.created_by}")]
    if user.changed_at is not None:
        signals.append(Signal("changed", user.changed_at, "user list"))
    if user.last_login_at is not None:
        signals.append(Signal("last-login", user.last_login_at, "login log", user.last_issuer or ""))
        if user.last_issuer is not None and configured_issuers and user.last_issuer not in configured_issuers:
            # The moment of retirement is not known; the last login is the latest it was still in use.
            after = user.last_login_at + timedelta(microseconds=1)
            signals.append(Signal("issuer-retired", after, "configuration", user.last_issuer))
    if renamed_to is not None:
        signals.append(Signal("possible-rename", renamed_to.created_at, "login log", renamed_to.email))
    return tuple(signals)


def likely_renames(users: Iterable[User]) -> dict[int, User]:
    """Decision 1 over a whole account: user id to the newer user that is probably the same person.

    Same stable id, or same full name where neither has one; the newer was created by SSO after the older's last sign of
    life, and the older has been silent since.
    """
    found: dict[int, User] = {}
    by_mark: dict[tuple[str, str], list[User]] = {}
    for user in sorted((u for u in users if u.active), key=lambda u: u.created_at):
        for mark in _marks(user):
            for older in by_mark.get(mark, ()):
                if user.created_by == "sso" and (older.last_login_at or older.created_at) < user.created_at:
                    found[older.id] = user
            by_mark.setdefault(mark, []).append(user)
    return found


def _marks(user: User) -> list[tuple[str, str]]:
    marks = [("name", user.full_name)]
    if user.stable_id:
        marks.append(("stable", user.stable_id))
    return marks


def reclaimable(rows: Iterable[StaleUser]) -> dict[Evidence, int]:
    """How many seats could be freed, by strength of evidence; "excluded" counts the protected."""
    counts: dict[Evidence, int] = {"confirmed": 0, "likely": 0, "possible": 0, "excluded": 0}
    for row in rows:
        counts[row.evidence] += 1
    return counts
