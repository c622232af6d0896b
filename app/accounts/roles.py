"""Reading a role claim: which role it gives under a plan, or what is wrong with it in words; it changes no user."""

from __future__ import annotations

from dataclasses import dataclass

from app.product import IMAGEKIT, ServiceProvider
from app.saml.likeness import role_hint, show


@dataclass(frozen=True, slots=True)
class RoleReading:
    """What a role claim says. `role` is set only for exactly one value that the plan offers.

    `reason` is None or one of `role.missing`, `role.multiple`, `role.unknown`, `role.requires-plan`; `sentence` tells
    what was received and what is accepted; `nearest` is the accepted value that was probably meant.
    """

    role: str | None
    reason: str | None
    sentence: str
    asserted: str | None
    nearest: str | None = None


def shown(value: str, limit: int = 120) -> str:
    """A received value for a sentence: in quotes, with invisible characters escaped, cut at `limit` characters."""
    return f'"{show(value, limit)}"'


def read_role(values: tuple[str, ...], plan: str, sp: ServiceProvider = IMAGEKIT) -> RoleReading:
    """Judge the values of the role claim against the accepted values and the plan (decisions 5 and 7)."""
    if not values or not any(v.strip() for v in values):
        what = "is empty" if values else "is missing"
        return RoleReading(None, "role.missing", f"The role claim {what}.", None)
    if len(values) > 1:
        received = ", ".join(shown(v) for v in values[:6])
        return RoleReading(
            None, "role.multiple", f"The role claim has {len(values)} values ({received}) where one is expected.", None
        )
    value = values[0]
    known = sp.role_for(value)
    if known is None:
        hint = role_hint(value, [accepted for accepted, _ in sp.role_values])
        meant = f' Probably "{hint.meant}" was meant.' if hint.meant else ""
        sentence = f"{shown(value)} is not a role of this service. {hint.sentence}{meant}"
        return RoleReading(None, "role.unknown", sentence, value[:256], hint.meant)
    if plan not in known.plans:
        plans = " or ".join(sorted(known.plans))
        return RoleReading(
            None,
            "role.requires-plan",
            f'The role "{known.id}" needs the {plans} plan; the account is on {plan}.',
            value,
        )
    gives = "" if known.id == value else f' It gives the role "{known.id}".'
    return RoleReading(known.id, None, f"The role {shown(value)} is accepted.{gives}", value)
