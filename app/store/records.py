"""The values that go into and come out of the store, beside those of app.accounts; frozen, and free of SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from app.accounts.provisioning import Change

EventKind = Literal["login", "user", "configuration", "account", "upkeep"]
EventSort = Literal["at", "email", "outcome", "reason", "status"]

#: Where a page of events ends: the value sorted by, the instant, and the row id.
PageKey = tuple[Any, datetime, int]


class JudgedCheck(Protocol):
    """A check as it came out: the validator's own, or one that was kept."""

    @property
    def id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def expected(self) -> str | None: ...
    @property
    def actual(self) -> str | None: ...
    @property
    def where(self) -> str | None: ...
    @property
    def line(self) -> int: ...


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """A check of an event as it is kept."""

    id: str
    status: str
    severity: str
    message: str = ""
    expected: str | None = None
    actual: str | None = None
    where: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """One row of the log (provisioning.md §1).

    `details` holds what is only shown, not searched: destination, recipient, audiences, session_index, algorithms,
    signed_part, not_before, not_on_or_after, skew_s, status_codes, status_message, claims, claims_used, relay_state.
    `checks`, `changes` and `raw` are filled only where one event is read, not in lists; `has_raw` says whether a raw
    message is (still) kept. `id` is 0 before it is stored. `notes` are further reason codes, the deciding one excluded.
    """

    id: int = 0
    reference: str
    at: datetime
    kind: EventKind = "login"
    origin: str = "acs"
    mode: str = "live"
    flow: str = "unknown"
    operator: str | None = None
    account_id: int | None = None
    account_claimed: str | None = None
    revision: int | None = None
    status: str = "success"
    outcome: str = ""
    verdict: str | None = None
    reason: str = ""
    category: str = ""
    sentence: str = ""
    action: str = ""
    notes: tuple[str, ...] = ()
    email_key: str = ""
    full_name: str = ""
    user_id: int | None = None
    previous_user_id: int | None = None
    role_before: str | None = None
    role_asserted: str | None = None
    role_after: str | None = None
    seats_before: int | None = None
    seats_after: int | None = None
    seats_limit: int | None = None
    issuer: str | None = None
    response_id: str | None = None
    assertion_id: str | None = None
    in_response_to: str | None = None
    name_id: str | None = None
    name_id_format: str | None = None
    certificate: str | None = None
    failed_checks: tuple[str, ...] = ()
    judged_at: datetime | None = None
    duration_us: int | None = None
    sha256: str | None = None
    faults: tuple[str, ...] = ()
    expected: str | None = None
    as_expected: bool | None = None
    details: dict[str, Any] = field(default_factory=dict)
    checks: tuple[JudgedCheck, ...] = ()
    changes: tuple[Change, ...] = ()
    raw: bytes | None = None
    has_raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """What the log shows; None or empty means "any". Every condition given must hold.

    `text` is looked for in e-mail, name and reference, without regard to ASCII letter case, and at the beginning of the
    assertion id. `check` is the id of a failed check. `account` is the account's row id; `unassigned` True asks for
    events without account. `since` is inclusive, `until` exclusive.
    """

    text: str = ""
    kind: EventKind | None = None
    status: str | None = None
    outcome: str | None = None
    reason: str | None = None
    category: str | None = None
    check: str | None = None
    role: str | None = None
    flow: str | None = None
    mode: str | None = None
    origin: str | None = None
    issuer: str | None = None
    certificate: str | None = None
    revision: int | None = None
    user: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    account: int | None = None
    unassigned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision of an account's configuration. `document` is the metadata as saved, None when SSO is off.

    `idp_entity_id` is the identity provider's name; after SSO was turned off it still names the last one.
    `entity_id` is the override, or None. `choices` is what the account decided for itself, by name. `enforced` says
    that people may only come in through single sign-on.
    """

    id: int = 0
    account_id: int
    number: int
    at: datetime
    operator: str
    what: str
    document: bytes | None
    sha256: str | None
    idp_entity_id: str | None
    entity_id: str | None
    choices: Mapping[str, Any] = field(default_factory=dict)
    enforced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationTest:
    """A login that tested a revision. `how` is "simulator" or "browser", `administrator` whether it was one's role."""

    id: int = 0
    account_id: int
    revision: int
    at: datetime
    operator: str
    how: str
    passed: bool
    administrator: bool
    email_key: str
    reference: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCode:
    """A recovery code as it is kept: never the code."""

    id: int = 0
    account_id: int
    digest: str
    made_at: datetime
    made_by: str
    used_at: datetime | None = None
    used_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataSource:
    """Where metadata of an account is fetched from.

    `every_hours` 0: only when somebody asks. `document` is what was found last and differs from what is saved,
    `dismissed` the SHA-256 of a document that somebody decided against, `problem` why the last fetch failed.
    """

    account_id: int
    url: str
    entity: str | None = None
    intranet: bool = False
    every_hours: int = 0
    set_by: str = ""
    checked_at: datetime | None = None
    problem: str | None = None
    found_at: datetime | None = None
    document: bytes | None = None
    dismissed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """An AuthnRequest of ours as it is kept. `browser` is a digest, never the session itself."""

    id: str
    account_id: int
    idp_entity_id: str
    sent_at: datetime
    expires_at: datetime
    relay_state: str | None = None
    email: str | None = None
    browser: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CleanupItem:
    """One user of a clean-up: the evidence as it was when the plan was made, and what became of it.

    `left_out` is "" where the user was deleted, else why not.
    """

    user_id: int
    email: str
    role: str
    state: str
    evidence: str
    why: tuple[str, ...]
    left_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupRecord:
    """A clean-up as it was applied. `export` is the plan as CSV, written before anybody was deleted.

    `ticked` are the users who were removed at the service provider too, by hand.
    """

    reference: str
    account_id: int
    made_at: datetime
    applied_at: datetime
    operator: str
    export: bytes
    export_sha256: str
    items: tuple[CleanupItem, ...]
    ticked: frozenset[int] = frozenset()

    @property
    def deleted(self) -> tuple[CleanupItem, ...]:
        """Those who were deleted."""
        return tuple(i for i in self.items if not i.left_out)
