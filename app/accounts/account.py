"""An organisation account with its plan and seats, as values; it does not store or look up anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from app.product import PLANS_WITH_SSO, ServiceProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An organisation account of the service provider.

    `entity_id` is the override of the default Identifier, or None. `sso_on` is True while identity provider metadata is
    saved, `enforced` while people may only come in through it; `revision` is the number of the newest configuration
    revision (0: never configured) and `off_since_revision` the revision that turned SSO off, if one did.
    """

    id: int
    imagekit_id: str
    name: str
    plan: str
    seat_limit: int
    entity_id: str | None = None
    sso_on: bool = False
    enforced: bool = False
    revision: int = 0
    off_since_revision: int | None = None
    seat_price: str | None = None

    @property
    def plan_has_sso(self) -> bool:
        """Whether the plan includes single sign-on."""
        return self.plan in PLANS_WITH_SSO

    def sp_entity_id(self, sp: ServiceProvider) -> str:
        """The Identifier this account's messages must name: the override, or the default."""
        return self.entity_id or sp.entity_id

    def acs_url(self, sp: ServiceProvider) -> str:
        """The Reply URL: a child account's override is both Identifier and Reply URL, any other override is not."""
        if self.entity_id and self.entity_id.startswith(sp.acs_url + "#"):
            return self.entity_id
        return sp.acs_url


@dataclass(frozen=True, slots=True)
class Seats:
    """How many of an account's seats are taken. Every user that is not deleted holds one."""

    used: int
    limit: int

    @property
    def free(self) -> int:
        """Seats left; never negative, even where a limit was lowered below what is in use."""
        return max(0, self.limit - self.used)

    @property
    def full(self) -> bool:
        """Whether a new user has no seat."""
        return self.used >= self.limit


_PRICE: Final = re.compile(r"(\D*?)(\d{1,9}(?:[ ,.'’]\d{3})*)(?:[.,](\d{1,2}))?(\D*)")


def times(price: str, count: int) -> str:
    """What `count` seats cost at a price as people write it ("9.50 EUR", "$ 12 a month"), in the same words.

    A price that holds no single amount is not calculated with: "3 × 9 to 12 EUR".
    """
    found = _PRICE.fullmatch(price.strip())
    if found is None:
        return f"{count} × {price}"
    before, whole, cents, after = found.groups()
    amount = Decimal(f"{re.sub(r'[^0-9]', '', whole)}.{cents or '0'}") * count
    shown = f"{amount:,.2f}" if cents else f"{amount:,.0f}"
    return f"{before}{shown}{after}"
