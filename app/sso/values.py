"""What the verbs give back: frozen values that pages and the command line render. No behaviour beyond wording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from app.accounts.account import Account, Seats
from app.accounts.provisioning import Decision
from app.accounts.reasons import Reason
from app.accounts.users import User
from app.setup_guides import SetupGuide
from app.store import Revision

if TYPE_CHECKING:
    from app.saml.metadata import IdpMetadata
    from app.saml.report import Report

ChangeKind = Literal["event", "users", "configuration", "accounts", "settings"]


@dataclass(frozen=True, slots=True)
class Change:
    """What changed, told after the commit. `account` is the account's row id, `id` the reference or row id."""

    kind: ChangeKind
    account: int | None = None
    id: str | int | None = None


@dataclass(frozen=True, slots=True)
class SpValues:
    """What an identity provider must be told about an account, and the vendors' forms with these values filled in."""

    entity_id: str
    acs_url: str
    relay_state: str
    logout_url: str
    login_url: str
    imagekit_id: str
    guides: tuple[SetupGuide, ...]


@dataclass(frozen=True, slots=True)
class MetadataSummary:
    """What was understood of pasted metadata. `usable` is False where it cannot be saved, and `problems` say why."""

    usable: bool
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    entities: tuple[str, ...]
    idp: IdpMetadata | None


@dataclass(frozen=True, slots=True)
class ConfigurationView:
    """The SSO configuration of an account as it is now."""

    account: Account
    revision: Revision | None
    idp: IdpMetadata | None
    warnings: tuple[str, ...]
    sp: SpValues


@dataclass(frozen=True, slots=True)
class LoginStart:
    """Where to send the browser, and the id of the request that the answer must name."""

    redirect_url: str
    request_id: str


@dataclass(frozen=True, slots=True)
class LoginResult:
    """One attempt as it was decided and recorded under `reference`.

    `public` is the sentence for the page that the person sees; everything else is for operators. `landing` is the
    RelayState if it is allowed, for showing.
    """

    reference: str
    allowed: bool
    decision: Decision | None
    reason: Reason | None
    public: str
    account: Account | None
    user: User | None
    claims: Mapping[str, tuple[str, ...]]
    report: Report
    landing: str | None = None


@dataclass(frozen=True, slots=True)
class SeatPanel:
    """Seats used, and how many could be reclaimed on which evidence; each number includes the stronger evidence."""

    seats: Seats
    confirmed: int
    likely: int
    possible: int
    price: str | None = None


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge removed."""

    messages: int
    expired: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What to judge a message by instead of the account's configuration; None means "as configured"."""

    policy: Literal["strict", "diagnose"] | None = None
    profile: Literal["saml", "imagekit"] | None = None
    clock_skew_s: int | None = None
    idp_metadata: bytes | None = None
    certificates: tuple[bytes, ...] = ()
    sp_entity_id: str | None = None
    acs_url: str | None = None
    in_response_to: str | None = None
    decryption_keys: tuple[Any, ...] = field(default=(), repr=False)
    verifiers: Literal["both", "ours"] | None = None


@dataclass(frozen=True, slots=True)
class CleanupResult:
    """What applying a plan did: who was deleted, and who dropped out with the reason."""

    batch: str
    deleted: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
