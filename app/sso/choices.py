"""What an account decides for itself, each declared once: how its logins are judged, its claims, roles and RelayState.

A revision holds only what was decided; everything else is as the workspace's preferences and the product say. Nothing
is stored here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from app.accounts.policies import CHOICES as POLICIES
from app.accounts.policies import Policies, policies_from
from app.product import ROLE_IDS, ServiceProvider
from app.sso.settings import BY_NAME, SETTINGS

Kind = Literal["whole number", "yes or no", "one of", "claim name", "role values", "addresses"]
Group = Literal["judging", "provisioning", "claims", "relay-state"]

_CLAIM_NAME: Final = re.compile(r"[^\s\x00-\x20\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]{1,256}")
_ADDRESS: Final = re.compile(r"https://[^\s\x00-\x20\x7f-\x9f\\@#?/]+(?:/[^\s\x00-\x20\x7f\\]*)?")
_MOST_ROLE_VALUES: Final = 200
_MOST_ADDRESSES: Final = 20
_LONGEST_ROLE_VALUE: Final = 256
_LONGEST_ADDRESS: Final = 1024
_YES: Final = frozenset({"yes", "on", "true", "1"})
_NO: Final = frozenset({"no", "off", "false", "0"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that an account may decide. `options` maps each value of a "one of" to what it does.

    `cost` is what departing from the default costs. Values: int, bool, str, a dict of claim values to role ids, or a
    list of addresses, by `kind`.
    """

    name: str
    group: Group
    title: str
    kind: Kind
    explanation: str
    cost: str
    low: int = 0
    high: int = 0
    options: Mapping[str, str] = field(default_factory=dict)

    def checked(self, value: Any) -> Any:
        """The value as it is stored, if it fits. ValueError with a sentence otherwise."""
        if self.kind == "one of":
            if value not in self.options:
                raise ValueError(f'{self.title} cannot be "{value}". Choose one of: {", ".join(self.options)}.')
            return value
        if self.kind == "claim name":
            return _claim_name(self.title, value)
        if self.kind == "role values":
            return _role_values(value)
        if self.kind == "addresses":
            return _addresses(value)
        return BY_NAME[self.name].checked(value)

    def parsed(self, text: str) -> Any:
        """A value that was typed, checked. Semicolons or line ends separate lists; role values are written VALUE=ROLE.

        ValueError with a sentence where it does not fit.
        """
        value: Any = text.strip()
        if self.kind == "whole number":
            if not value.isascii() or not value.isdigit():
                raise ValueError(f"{self.title} must be a whole number from {self.low} to {self.high}.")
            value = int(value[:12])
        elif self.kind == "yes or no":
            if value.lower() not in _YES | _NO:
                raise ValueError(f"{self.title} is either yes or no.")
            value = value.lower() in _YES
        elif self.kind == "addresses":
            value = _parts(text)
        elif self.kind == "role values":
            value = _pairs(text)
        return self.checked(value)

    def shown(self, value: Any) -> str:
        """A value in words; parsed() reads it again."""
        if self.kind == "yes or no":
            return "yes" if value else "no"
        if self.kind == "addresses":
            return "; ".join(value)
        if self.kind == "role values":
            return "; ".join(f"{given}={role}" for given, role in value.items())
        return str(value)


def _judging() -> tuple[Choice, ...]:
    kinds: dict[str, Kind] = {"whole number": "whole number", "yes or no": "yes or no", "text": "one of"}
    return tuple(
        Choice(
            s.name,
            "judging",
            s.title,
            kinds[s.kind],
            s.explanation,
            s.cost,
            s.low,
            s.high,
            {c: SIGNED_PARTS.get(c, c) for c in s.choices},
        )
        for s in SETTINGS
        if s.per_account
    )


SIGNED_PARTS: Final = {
    "either": "Assertion or response",
    "assertion": "The assertion",
    "response": "The response",
    "both": "Both",
}
_CLAIM_COST: Final = (
    "The identity provider must send it under exactly this name; until both sides agree, the claim counts as missing."
)
CHOICES: Final[tuple[Choice, ...]] = (
    *_judging(),
    *(
        Choice(p.name, "provisioning", p.title, "one of", f"Decision {p.decision}.", p.cost, options=p.options)
        for p in POLICIES
    ),
    Choice(
        "claim_imagekit_id",
        "claims",
        "Claim with the account id",
        "claim name",
        "The Name of the attribute that holds the id of the account.",
        f"{_CLAIM_COST} Every login is then refused.",
    ),
    Choice(
        "claim_full_name",
        "claims",
        "Claim with the full name",
        "claim name",
        "The Name of the attribute that holds the person's display name.",
        _CLAIM_COST,
    ),
    Choice(
        "claim_role",
        "claims",
        "Claim with the role",
        "claim name",
        "The Name of the attribute that holds the person's role.",
        f"{_CLAIM_COST} Nobody new is then registered.",
    ),
    Choice(
        "role_values",
        "claims",
        "Accepted role values",
        "role values",
        "What the identity provider may send as role, and which role each value gives; compared letter by letter.",
        "Whoever can get one of these values at the identity provider, a group id for example, has the role here.",
    ),
    Choice(
        "relay_states",
        "relay-state",
        "Where a login may land",
        "addresses",
        "The values that RelayState may have; the first is the one that is sent. An origin such as "
        "https://imagekit.io/, with its last slash, allows every page of it.",
        "Every address is a place to which a link with a genuine login can lead; one that somebody else controls is an "
        "open redirect.",
    ),
)
BY_CHOICE: Final = {c.name: c for c in CHOICES}
_POLICY_NAMES: Final = frozenset(p.name for p in POLICIES)
_PRODUCT_NAMES: Final = frozenset({"claim_imagekit_id", "claim_full_name", "claim_role", "role_values", "relay_states"})


def choice(name: str) -> Choice:
    """The choice of this name. ValueError with a sentence where there is none."""
    found = BY_CHOICE.get(name)
    if found is None:
        raise ValueError(f'There is nothing called "{name}" to decide. Names: {", ".join(BY_CHOICE)}.')
    return found


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Decided values as they are stored. ValueError with a sentence for the first that does not fit."""
    return {name: choice(name).checked(value) for name, value in values.items()}


def sp_of(sp: ServiceProvider, decided: Mapping[str, Any]) -> ServiceProvider:
    """The service provider as an account's decisions make it. ValueError where two claims would have one name."""
    changes = {name: decided[name] for name in _PRODUCT_NAMES if name in decided}
    if not changes:
        return sp
    if "role_values" in changes:
        changes["role_values"] = tuple(changes["role_values"].items())
    if "relay_states" in changes:
        changes["relay_states"] = tuple(changes["relay_states"])
        changes["relay_state"] = changes["relay_states"][0]
    made = replace(sp, **changes)
    if len(set(made.claims)) != len(made.claims):
        raise ValueError("Two claims cannot have the same name.")
    return made


def settings_of(settings: Mapping[str, Any], decided: Mapping[str, Any]) -> dict[str, Any]:
    """The workspace's settings with what an account decided instead."""
    return {name: decided.get(name, value) for name, value in settings.items()}


def policies_of(policies: Policies, decided: Mapping[str, Any]) -> Policies:
    """The workspace's provisioning policies with what an account decided instead."""
    own = {name: decided[name] for name in _POLICY_NAMES if name in decided}
    return policies_from({**policies.as_dict(), **own}) if own else policies


def inherited(sp: ServiceProvider, settings: Mapping[str, Any], policies: Policies) -> dict[str, Any]:
    """What every choice is where an account decided nothing, by name."""
    product = {
        "claim_imagekit_id": sp.claim_imagekit_id,
        "claim_full_name": sp.claim_full_name,
        "claim_role": sp.claim_role,
        "role_values": dict(sp.role_values),
        "relay_states": list(sp.relay_states),
    }
    known = {**settings, **policies.as_dict(), **product}
    return {name: known[name] for name in BY_CHOICE}


def _claim_name(title: str, value: Any) -> str:
    if not isinstance(value, str) or not _CLAIM_NAME.fullmatch(value):
        raise ValueError(f"{title} must be 1 to 256 characters without blanks or invisible characters.")
    return value


def _role_values(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not 1 <= len(value) <= _MOST_ROLE_VALUES:
        raise ValueError(f"There must be 1 to {_MOST_ROLE_VALUES} accepted role values, each with the role it gives.")
    for given, role in value.items():
        if not isinstance(given, str) or not given.strip() or len(given) > _LONGEST_ROLE_VALUE:
            raise ValueError(f"An accepted role value has 1 to {_LONGEST_ROLE_VALUE} characters.")
        if given != given.strip() or not given.isprintable():
            raise ValueError(
                f"The role value {given[:80]!r} begins or ends with a blank, or holds a control character."
            )
        if role not in ROLE_IDS:
            raise ValueError(f'There is no role "{str(role)[:80]}". Roles: {", ".join(ROLE_IDS)}.')
    return dict(value)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in re.split("[;\n]", text) if part.strip()]


def _pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in _parts(text):
        given, equals, role = part.rpartition("=")
        if not equals:
            given = role = part
        if given.strip() in found:
            raise ValueError(f'The role value "{given.strip()[:80]}" is there twice.')
        found[given.strip()] = role.strip()
    return found


def _addresses(value: Any) -> list[str]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= _MOST_ADDRESSES:
        raise ValueError(f"There must be 1 to {_MOST_ADDRESSES} addresses where a login may land.")
    for address in value:
        if not isinstance(address, str) or len(address) > _LONGEST_ADDRESS or not _ADDRESS.fullmatch(address):
            raise ValueError(
                f"“{str(address)[:120]}” cannot be a place where a login lands. Give an address that begins with "
                "https:// and has no blanks, such as https://imagekit.io/dashboard."
            )
    return list(dict.fromkeys(value))
