"""What a message is judged against: policy, trusted keys, our own names, the account. Values only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from app.product import IMAGEKIT, ServiceProvider

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa

PolicyName = Literal["strict", "diagnose"]
Profile = Literal["saml", "imagekit"]
SignedPart = Literal["either", "assertion", "response", "both"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on any document, checked before any crypto so that none costs more than 200 ms."""

    encoded_bytes: int = 1_572_864
    decoded_bytes: int = 1_048_576
    depth: int = 64
    nodes: int = 20_000
    attributes_per_element: int = 64
    text_bytes: int = 262_144
    namespaces_in_scope: int = 32
    prefixlist_tokens: int = 32
    transforms: int = 2
    encrypted_keys: int = 4


@dataclass(frozen=True, slots=True)
class Policy:
    """How strictly a message is judged. The defaults are `strict`.

    `diagnose` turns the checks marked error/warning into warnings; everything else is the same.
    """

    name: PolicyName = "strict"
    clock_skew: timedelta = timedelta(seconds=180)
    max_age: timedelta = timedelta(hours=1)  # of IssueInstant, beyond the skew
    window_warning: timedelta = timedelta(hours=1)
    window_error: timedelta = timedelta(hours=24)
    signed_part: SignedPart = "either"
    allow_idp_initiated: bool = True
    allow_cbc: bool = True  # accept AES-CBC in an otherwise signed response (reported as a warning)
    allow_sha1: bool = False  # accept signatures and digests with SHA-1 (reported as a warning)
    reject_expired_certificate: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A signing certificate that the configuration trusts. `source` tells where it came from, for people."""

    certificate: x509.Certificate
    source: str = "metadata"


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """An AuthnRequest of ours. `browser` is the session it was sent from (None: not bound)."""

    id: str
    idp_entity_id: str
    sent_at: datetime
    expires_at: datetime
    relay_state: str | None = None
    email: str | None = None
    browser: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PriorUse:
    """An assertion that has been accepted before."""

    first_used_at: datetime
    reference: str


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the product's own checks must know of the account. `role_now` is the stored role of the user, if any."""

    imagekit_id: str
    plan: str
    allowed_email_domains: tuple[str, ...] = ()


def _no_request(_id: str) -> OpenRequest | None:
    return None


def _never_used(_issuer: str, _assertion_id: str) -> PriorUse | None:
    return None


def _unknown_user(_name_id: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Expectation:
    """Everything a message is judged against. Empty values mean "not configured": the verdict is then `unknown`.

    `sp` says how the product names its claims and which roles it knows.
    `find_request`, `find_use` and `find_role` look things up for the pure core; they must not raise for unknown ids.
    `find_request(id)` also returns requests that are answered or expired, so that a check can say so.
    `find_role(name_id)` returns the stored role of a registered user of the account, or None.
    `browser` is the session the message came from; None: not known (a paste), so no binding is judged.
    `known_test_keys` are SHA-256 fingerprints (lower-case hex) of test keys; `trusted_test_idp` is True where the
    account deliberately uses the test IdP (trials), so that cert-known-test-key only informs.
    `idp_sso_urls` and `idp_slo_urls` are where the IdP takes AuthnRequests and logout messages (ResponseLocations too),
    `idp_nameid_formats` what it lists, `wants_signed_requests` its WantAuthnRequestsSigned. `logout_url` is where the
    service provider takes logout messages, and `sp_keys` are what it signs its own messages with.
    """

    idp_entity_id: str | None = None
    idp_display_name: str | None = None
    trusted_keys: tuple[TrustedKey, ...] = ()
    other_idps: tuple[tuple[str, tuple[TrustedKey, ...]], ...] = ()  # issuers trusted elsewhere: for mix-up checks
    sp_entity_id: str | None = None
    acs_url: str | None = None
    default_sp_entity_id: str | None = None  # the parent's, when sp_entity_id is a child account's override
    decryption_keys: tuple[rsa.RSAPrivateKey, ...] = ()
    relay_states: tuple[str, ...] = ()  # allowed values; an https origin with a trailing "/" allows its paths
    account: AccountFacts | None = None
    sp: ServiceProvider = IMAGEKIT
    profile: Profile = "imagekit"
    policy: Policy = field(default_factory=Policy)
    browser: str | None = None
    expected_request: str | None = None  # --in-response-to: the one request id to expect, instead of find_request
    judges_correlation: bool = True  # False for a paste: open requests of the past are then not held against it
    find_request: Callable[[str], OpenRequest | None] = _no_request
    find_use: Callable[[str, str], PriorUse | None] = _never_used
    find_role: Callable[[str], str | None] = _unknown_user
    known_test_keys: frozenset[str] = frozenset()
    trusted_test_idp: bool = False
    idp_sso_urls: tuple[str, ...] = ()
    idp_slo_urls: tuple[str, ...] = ()
    idp_nameid_formats: tuple[str, ...] = ()
    wants_signed_requests: bool = False
    logout_url: str | None = None
    sp_keys: tuple[TrustedKey, ...] = ()
    verifiers: Literal["both", "ours"] = "both"  # "ours": bulk work, which says so

    @property
    def configured(self) -> bool:
        """Whether there is a trusted key to judge a signature by."""
        return bool(self.trusted_keys)
