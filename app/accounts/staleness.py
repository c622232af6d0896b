"""Who may have left: rules over typed signals, each answer with its evidence; it deletes nobody.

A rule is one row of RULES. Signals come from our own records and from directory snapshots where one was taken; a rule
whose signals are missing says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Final, Literal

from app.accounts.users import User
from app.product import role

#: "none": on the list to be seen, but no sign that anybody left. "excluded": protected.
Evidence = Literal["confirmed", "likely", "possible", "none", "excluded"]
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

    @property
    def shortest(self) -> timedelta:
        """The threshold below which nobody is dormant, whatever their role."""
        return timedelta(days=min((self.dormant_days, *self.dormant_by_role.values())))


def days_by_role(entries: Iterable[str]) -> dict[str, int]:
    """Thresholds of roles as a setting writes them, ROLE:DAYS. ValueError with a sentence for anything else."""
    found = {}
    for entry in entries:
        name, _, days = entry.rpartition(":")
        if role(name) is None or not (days.isascii() and days.isdigit() and 0 < int(days[:6]) <= _MOST_DAYS):
            raise ValueError(
                f"“{entry[:60]}” is no threshold of a role. Write ROLE:DAYS, such as finance:365, with 1 to "
                f"{_MOST_DAYS} days."
            )
        found[name] = int(days)
    return found


_MOST_DAYS: Final = 3650


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


#: The newest signal of each kind.
Latest = Mapping[SignalKind, Signal]


@dataclass(frozen=True, slots=True)
class StaleRule:
    """One state: its id, what it is called, and the function that finds it; asked only with a signal that it needs."""

    id: str
    title: str
    explanation: str
    judge: Callable[[User, Latest, Context], Finding | None] = field(repr=False)
    needs: tuple[SignalKind, ...] = ()


@dataclass(frozen=True, slots=True)
class StaleUser:
    """One row of the list: the user, the state that counts, how sure it is, and every reason with its date.

    `told` are the signals that the user's own row does not hold.
    """

    user: User
    state: str
    title: str
    evidence: Evidence
    why: tuple[str, ...]
    since: datetime | None
    told: tuple[Signal, ...]

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Everything that is known of the user, oldest first. Made when asked for: 50,000 rows are judged at once."""
        return tuple(sorted((*_of_the_row(self.user), *self.told), key=lambda s: s.at))

    @property
    def reclaimable(self) -> bool:
        """Whether the seat counts as reclaimable: evidence of any strength, and not protected."""
        return self.evidence not in ("excluded", "none")


def _protected(user: User, _latest: Latest, context: Context) -> Finding | None:
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
    def judge(user: User, latest: Latest, _context: Context) -> Finding | None:
        signal = latest.get(kind)
        if signal is None or (user.last_login_at is not None and user.last_login_at >= signal.at):
            return None
        return Finding(evidence, f"{says} ({signal.source}, {signal.at.date()}).", signal.at)

    return judge


def _contradicted(user: User, latest: Latest, _context: Context) -> Finding | None:
    if user.last_login_at is None:
        return None
    for kind in _GONE:
        signal = latest.get(kind)
        if signal is not None and signal.at <= user.last_login_at:
            return Finding(
                "none",
                f"Logged in on {user.last_login_at:%Y-%m-%d}, after {signal.source} of {signal.at:%Y-%m-%d} called the "
                "user gone. That list is outdated; import a newer one.",
                user.last_login_at,
            )
    return None


def _never(user: User, _latest: Latest, context: Context) -> Finding | None:
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


def _dormant(user: User, _latest: Latest, context: Context) -> Finding | None:
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


#: What a directory says of somebody who cannot log in any more.
_GONE: Final[tuple[SignalKind, ...]] = ("directory-absent", "directory-disabled", "not-assigned")

RULES: Final[tuple[StaleRule, ...]] = (
    StaleRule(
        "deleted-at-idp",
        "Deleted at the IdP",
        "A complete directory list newer than the last login does not hold the user.",
        _directory("directory-absent", "confirmed", "Not in the directory any more"),
        ("directory-absent",),
    ),
    StaleRule(
        "disabled-at-idp",
        "Disabled at the IdP",
        "The directory holds the user, but not enabled.",
        _directory("directory-disabled", "confirmed", "Disabled in the directory"),
        ("directory-disabled",),
    ),
    StaleRule(
        "unassigned",
        "Unassigned from the application",
        "The directory holds the user, but the application's assignment list does not.",
        _directory("not-assigned", "likely", "Not assigned to the application any more"),
        ("not-assigned",),
    ),
    StaleRule(
        "renamed",
        "Renamed",
        "A newer user has the same name or the same stable id, and this one has been silent since.",
        _directory("possible-rename", "likely", "Probably logs in under another e-mail now"),
        ("possible-rename",),
    ),
    StaleRule(
        "issuer-retired",
        "Identity provider retired",
        "The user only ever came from an identity provider that is not configured any more.",
        _directory("issuer-retired", "likely", "Came from an identity provider that is not configured any more"),
        ("issuer-retired",),
    ),
    StaleRule(
        "never-logged-in", "Never logged in", "Created longer ago than the grace period, and no login since.", _never
    ),
    StaleRule("dormant", "Dormant", "The last login is older than the threshold.", _dormant),
    StaleRule(
        "contradicted",
        "Contradicted",
        "The user logged in after a list had called them gone: they are not stale, and the list is outdated.",
        _contradicted,
        _GONE,
    ),
)
PROTECTED: Final = StaleRule(
    "protected", "Protected", "The last administrator, an emergency account, the operator, or kept by hand.", _protected
)


@cache
def _asked(kinds: frozenset[SignalKind]) -> tuple[StaleRule, ...]:
    """The rules that could speak where there are signals of these kinds."""
    return tuple(rule for rule in RULES if not rule.needs or not kinds.isdisjoint(rule.needs))


def judge(user: User, signals: Iterable[Signal], context: Context) -> StaleUser | None:
    """The row of one user, or None for somebody who is not stale.

    The first rule that speaks gives the state (they stand in order of certainty); every other one that speaks is told
    too. A protected user keeps the row, marked as excluded.
    """
    if not user.active:
        return None
    told = tuple(s for s in signals if s.kind not in _IN_THE_ROW)
    latest: dict[SignalKind, Signal] = {}
    for signal in told:
        before = latest.get(signal.kind)
        if before is None or before.at < signal.at:
            latest[signal.kind] = signal
    asked = _asked(frozenset(latest))
    found = [(rule, f) for rule in asked if (f := rule.judge(user, latest, context)) is not None]
    if not found:
        return None
    rule, first = found[0]
    why = tuple(f.why for _, f in found)
    protection = None if first.evidence == "none" else PROTECTED.judge(user, latest, context)
    if protection is not None:
        return StaleUser(user, "protected", PROTECTED.title, "excluded", (protection.why, *why), first.since, told)
    return StaleUser(user, rule.id, rule.title, first.evidence, why, first.since, told)


_IN_THE_ROW: Final[frozenset[SignalKind]] = frozenset({"created", "changed", "last-login"})


def _of_the_row(user: User) -> Iterable[Signal]:
    yield Signal("created", user.created_at, "user list", f"created by {user.created_by}")
    if user.changed_at is not None:
        yield Signal("changed", user.changed_at, "user list")
    if user.last_login_at is not None:
        yield Signal("last-login", user.last_login_at, "login log", user.last_issuer or "")


def own_signals(
    user: User, *, configured_issuers: frozenset[str], renamed_to: User | None = None
) -> tuple[Signal, ...]:
    """The signals that our own records give beside the user's row: retired issuer, possible rename."""
    signals: tuple[Signal, ...] = ()
    last = user.last_login_at
    known = user.last_issuer is None or not configured_issuers or user.last_issuer in configured_issuers
    if last is not None and not known:
        # The moment of retirement is not known; the last login is the latest it was still in use.
        signals = (Signal("issuer-retired", last + _A_MOMENT, "configuration", user.last_issuer or ""),)
    if renamed_to is not None:
        signals = (*signals, Signal("possible-rename", renamed_to.created_at, "login log", renamed_to.email))
    return signals


_A_MOMENT: Final = timedelta(microseconds=1)


def silent(user: User, since: datetime) -> bool:
    """Whether a rule could speak of the user without any signal, where `since` is the shortest threshold ago."""
    return user.last_login_at is None or user.last_login_at < since


def likely_renames(users: Iterable[User]) -> dict[int, User]:
    """Decision 1 over a whole account: user id to the newer user that is probably the same person.

    Same stable id, or same full name where neither has one; the newer was created by SSO after the older's last sign of
    life, and the older has been silent since. Two different stable ids are two different people.
    """
    found: dict[int, User] = {}
    active = [user for user in users if user.active]
    for namesakes in (*_together(active, lambda u: u.full_name), *_together(active, lambda u: u.stable_id or None)):
        _pair(sorted(namesakes, key=lambda u: u.created_at), found)
    return found


def _together(users: Iterable[User], mark: Callable[[User], str | None]) -> Iterable[list[User]]:
    """Those who share a mark with somebody. Nearly all share none, so that no list is made for each."""
    first: dict[str, User] = {}
    several: dict[str, list[User]] = {}
    for user in users:
        own = mark(user)
        if own is not None and (before := first.setdefault(own, user)) is not user:
            several.setdefault(own, [before]).append(user)
    return several.values()


def _pair(namesakes: list[User], found: dict[int, User]) -> None:
    """Put the newest probable successor of each into `found`."""
    for number, user in enumerate(namesakes):
        # A thousand people of one name say nothing about any of them, and would cost a million comparisons.
        for older in namesakes[max(0, number - _NAMESAKES) : number] if user.created_by == "sso" else ():
            if (older.last_login_at or older.created_at) >= user.created_at or _differ(older, user):
                continue
            before = found.get(older.id)
            if before is None or before.created_at <= user.created_at:
                found[older.id] = user


#: So many people of one name are compared with each other.
_NAMESAKES: Final = 50


def _differ(one: User, other: User) -> bool:
    return bool(one.stable_id and other.stable_id and one.stable_id != other.stable_id)


def reclaimable(rows: Iterable[StaleUser]) -> dict[Evidence, int]:
    """How many seats could be freed, by strength of evidence; "excluded" and "none" count those who keep theirs."""
    counts: dict[Evidence, int] = {"confirmed": 0, "likely": 0, "possible": 0, "none": 0, "excluded": 0}
    for row in rows:
        counts[row.evidence] += 1
    return counts
