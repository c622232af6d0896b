"""ImageKit's values: URLs, claim names, roles, plans. All are defaults of a configurable service provider.

No behaviour beyond looking values up. Source: the product's SSO documentation, as of 2026-11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Plan = Literal["free", "paid", "enterprise"]
PLANS: Final[tuple[Plan, ...]] = ("free", "paid", "enterprise")
PLANS_WITH_SSO: Final[frozenset[str]] = frozenset({"paid", "enterprise"})
DEFAULT_SEAT_LIMIT: Final = 5


@dataclass(frozen=True, slots=True)
class Role:
    """A role the SP can give. `plans` are the plans that offer it."""

    id: str
    title: str
    may: str
    plans: frozenset[str] = frozenset(PLANS)


ROLES: Final[tuple[Role, ...]] = (
    Role("account_administrator", "Account administrator", "Everything, and may manage users"),
    Role("developer", "Developer", "Everything but user management and billing"),
    Role("media_library_full_access", "Media library: full access", "The whole media library"),
    Role("media_library_view_only_access", "Media library: view only", "Look at the media library"),
    Role(
        "media_library_restricted_access",
        "Media library: restricted",
        "Only what is shared with them",
        frozenset({"enterprise"}),
    ),
    Role("finance", "Finance", "Analytics and billing, may cancel the subscription"),
)
ROLE_IDS: Final[tuple[str, ...]] = tuple(r.id for r in ROLES)
ADMINISTRATOR: Final = "account_administrator"


_ROLE_OF: Final = {r.id: r for r in ROLES}


def role(role_id: str) -> Role | None:
    """The role with exactly this id, or None."""
    return _ROLE_OF.get(role_id)


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """The SP side of every message, ImageKit's or as an account's settings say.

    `role_values` are the accepted values of the role claim, each with the id of the role that it gives. `relay_states`
    are the values that RelayState may have; an https origin with a trailing "/" allows its paths.
    """

    entity_id: str = "https://imagekit.io/saml/consume"
    acs_url: str = "https://imagekit.io/saml/consume"
    relay_state: str = "https://imagekit.io/dashboard"
    logout_url: str = "https://imagekit.io/logout"
    login_url: str = "https://imagekit.io/single-sign-on"
    claim_imagekit_id: str = "imagekit_id"
    claim_full_name: str = "full_name"
    claim_role: str = "imagekit_role"
    role_values: tuple[tuple[str, str], ...] = tuple((r, r) for r in ROLE_IDS)
    relay_states: tuple[str, ...] = ("https://imagekit.io/dashboard", "https://imagekit.io/")

    def child_entity_id(self, imagekit_id: str) -> str:
        """The Identifier a child account uses when several share one IdP tenant."""
        return f"{self.entity_id}#{imagekit_id}"

    @property
    def claims(self) -> tuple[str, str, str]:
        """The names of the three claims."""
        return self.claim_imagekit_id, self.claim_full_name, self.claim_role

    def role_for(self, value: str) -> Role | None:
        """The role that a value of the role claim gives, compared letter by letter, or None."""
        return next((role(given) for known, given in self.role_values if known == value), None)


IMAGEKIT: Final = ServiceProvider()
