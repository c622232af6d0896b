"""What the verbs give back: frozen values that pages and the command line render. No behaviour beyond wording."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from app.accounts.account import Account, Seats, times
from app.accounts.directory import Comparison, Snapshot
from app.accounts.provisioning import Decision
from app.accounts.reasons import Reason
from app.accounts.staleness import StaleUser
from app.accounts.users import User
from app.setup_guides import SetupGuide
from app.sso.choices import Choice
from app.store import CleanupRecord, Noticed, Revision

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


#: What an event of a kind changed beside the log.
_BESIDE: Final[dict[str, ChangeKind]] = {"user": "users", "configuration": "configuration", "account": "accounts"}
_CHANGING: Final = frozenset({"created", "updated", "updated_partially", "recreated", "linked"})


def changes_of(noticed: Iterable[Noticed]) -> tuple[Change, ...]:
    """What verbs somewhere else would have told, one change for each kind and account, however many there were."""
    found: dict[tuple[ChangeKind, int | None], Change] = {}
    for n in noticed:
        kinds: list[ChangeKind] = ["event"]
        if n.kind == "settings":
            kinds = ["settings"]
        elif n.kind == "everything":
            kinds = ["event", "users", "configuration", "accounts", "settings"]
        elif n.kind in _BESIDE:
            kinds.append(_BESIDE[n.kind])
        elif n.kind == "login" and n.mode == "live" and n.outcome in _CHANGING:
            kinds.append("users")
        for kind in kinds:
            what = n.reference if kind == "event" else n.user_id if kind == "users" else None
            found[kind, n.account_id] = Change(kind, n.account_id, what or None)
    return tuple(found.values())


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
class ChoiceView:
    """One thing that an account may decide: what holds, what would hold otherwise, and whether it decided."""

    choice: Choice
    value: Any
    inherited: Any
    decided: bool


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

    def cost(self, count: int) -> str:
        """What so many seats cost, e.g. "108.00 EUR"; "" where no seat price is set."""
        return times(self.price, count) if self.price else ""


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge removed."""

    messages: int
    expired: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What to judge a message by instead of the account's configuration; None means "as configured".

    `candidate` is a revision that is not saved: the message is judged as if it were the newest of the account.
    """

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
    candidate: Revision | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CleanupResult:
    """What applying a plan did: who was deleted, and who dropped out with the reason."""

    batch: str
    deleted: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What was done to several users in one transaction: those changed, and who was left out with the reason."""

    done: tuple[User, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CleanupUndone:
    """What undoing a clean-up did: who is back, and who is not with the reason."""

    batch: str
    restored: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CleanupCheck:
    """A clean-up looked at again: how many of those deleted are still gone, and who is back, with how."""

    cleanup: CleanupRecord
    gone: int
    back: tuple[tuple[str, str], ...]
    seats: Seats

    @property
    def holds(self) -> bool:
        """Whether everybody who was deleted is still gone."""
        return not self.back


@dataclass(frozen=True, slots=True)
class Leavers:
    """Who may have left, the seats that could be reclaimed, and the newest list that was not taken back: all of one
    moment."""

    rows: tuple[StaleUser, ...]
    seats: SeatPanel
    newest: ListView | None


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What importing a list would do. `held` says why it would wait for confirmation, "" where it would count."""

    comparison: Comparison
    held: str


@dataclass(frozen=True, slots=True)
class ListView:
    """A list that was imported. `asked` says whether it is the one that counts (or adds to it); `contradicted` is how
    many users logged in after it had called them gone."""

    snapshot: Snapshot
    asked: bool
    contradicted: int

    @property
    def outdated(self) -> bool:
        """Whether a login has shown that it is not true any more."""
        return self.contradicted > 0
