"""What to do at each identity provider, step by step under the vendor's own names, with how each step is checked.

The guides are data (resources/guides); this reads them and fills in an account's values. Vendor labels are facts with a
date (`last_checked`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from app.product import ServiceProvider

VENDORS: Final = ("entra", "okta", "onelogin", "adfs", "generic")
#: What proves a step beside checks of the last response: that metadata is saved, that a response came at all.
METADATA: Final = "metadata"
RESPONSE: Final = "response"
_BRACES: Final = re.compile(r"\{[a-z_]+\}")


@dataclass(frozen=True, slots=True)
class GuideField:
    """One field of a vendor's form: its label, and the exact value to copy into it. `note` says what is special."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class GuideStep:
    """One step: what to do, what to enter, and what is seen there once it is done.

    `proof` are ids of checks that the next response must pass, METADATA or RESPONSE; () where only `expect` can tell.
    """

    do: str
    expect: str
    fields: tuple[GuideField, ...] = ()
    proof: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetupGuide:
    """How a service provider is set up at one vendor's identity provider."""

    id: str
    name: str
    application: str
    steps: tuple[GuideStep, ...]
    first_login: str
    last_checked: str

    @property
    def fields(self) -> tuple[GuideField, ...]:
        """Every field of every step."""
        return tuple(f for s in self.steps for f in s.fields)


@cache
def guides() -> tuple[SetupGuide, ...]:
    """Every guide with the braces in it, in the order of VENDORS."""
    return tuple(_guide(v) for v in VENDORS)


def _guide(vendor: str) -> SetupGuide:
    read = tomllib.loads(files("resources").joinpath("guides", f"{vendor}.toml").read_text("utf-8"))
    steps = tuple(_step(s) for s in read["steps"])
    return SetupGuide(vendor, read["name"], read["application"], steps, read["first_login"], read["last_checked"])


def _step(read: dict[str, Any]) -> GuideStep:
    fields = tuple(GuideField(f["label"], f["value"], f.get("note", "")) for f in read.get("fields", ()))
    return GuideStep(read["do"], read["expect"], fields, tuple(read.get("proof", ())))


def fields_for(guide: SetupGuide, sp: ServiceProvider, *, imagekit_id: str, entity_id: str, acs_url: str) -> SetupGuide:
    """The guide with the values of one account in place of the braces."""
    values = {
        "{entity_id}": entity_id,
        "{acs_url}": acs_url,
        "{acs_pattern}": "^" + acs_url.replace(".", "\\.") + "$",
        "{relay_state}": sp.relay_state,
        "{adfs_relay_state}": quote(f"RPID={quote(acs_url, '')}&RelayState={quote(sp.relay_state, '')}", ""),
        "{logout_url}": sp.logout_url,
        "{login_url}": sp.login_url,
        "{imagekit_id}": imagekit_id,
        "{claim_imagekit_id}": sp.claim_imagekit_id,
        "{claim_full_name}": sp.claim_full_name,
        "{claim_role}": sp.claim_role,
        "{role_values}": ", ".join(value for value, _ in sp.role_values),
    }

    def fill(text: str) -> str:
        return _BRACES.sub(lambda m: values.get(m[0], m[0]), text)

    return replace(guide, steps=tuple(_filled(s, fill) for s in guide.steps))


def _filled(step: GuideStep, fill: Callable[[str], str]) -> GuideStep:
    return replace(
        step,
        do=fill(step.do),
        expect=fill(step.expect),
        fields=tuple(GuideField(fill(f.label), fill(f.value), fill(f.note)) for f in step.fields),
    )
