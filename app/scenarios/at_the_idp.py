"""The actions at the identity provider: people come, change and leave; keys are rolled, clocks are moved."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any, Final

from app.scenarios.fields import Field, optional, required
from app.scenarios.registry import Values, action
from app.scenarios.values import ScenarioError
from app.scenarios.world import OPERATOR, World, detail
from simulator.keys import VARIANTS
from simulator.tenant import KEYS, TestUser
from simulator.tenant_file import record_of

_WHO: Final = required("text", "The person's username in the directory.")
_OPTIONAL: Final = ("full_name", "role", "imagekit_id")
#: The values of a person that a step can give, as in a tenant file.
PERSON: Final[dict[str, Field]] = {
    "email": optional("text", "The person's address, which is the NameID."),
    "full_name": optional("text", "The name that is sent."),
    "role": optional("text", "The role that is sent."),
    "imagekit_id": optional("text", "The account id that is sent."),
    "object_id": optional("text", "What stays when the address changes."),
    "attributes": optional("table", "More values, for the claims of the start."),
    "omit": optional("texts", "Claims that are left out of the message.", _OPTIONAL),
}


def person_of(account: str, username: str, v: Values) -> TestUser:
    """Somebody of the directory from a table; what is not said is what an ordinary person has. TenantError."""
    given = {k: x for k, x in v.items() if k in PERSON and k != "omit"}
    row: dict[str, Any] = {
        "email": f"{username}@acme-media.test",
        "full_name": username.replace(".", " ").title(),
        "role": "developer",
        "imagekit_id": account,
        **given,
    }
    kept = {k: x for k, x in row.items() if k not in v.get("omit", ())}
    made: TestUser = record_of(TestUser, {"username": username, **kept})
    return made


@action("add-person", lambda v: f"{v['who']} joins the directory", who=_WHO, **PERSON)
def add_person(world: World, _number: int, v: Values) -> None:
    """Somebody joins the directory; what is not said is ordinary."""
    world.change_tenant(world.tenant.with_user(person_of(world.account, v["who"], v)))


def _change_words(v: Values) -> str:
    changes = [f"{k} {detail(x)}" for k, x in v.items() if k not in ("who", "omit")]
    changes += [f"without {detail(v['omit'])}"] if "omit" in v else []
    return f"{v['who']} is changed in the directory: {', '.join(changes) or 'nothing'}"


@action("change-person", _change_words, who=_WHO, **PERSON)
def change_person(world: World, _number: int, v: Values) -> None:
    """Somebody's values change in the directory: promoted, renamed, married, without a role."""
    old = world.tenant.user(v["who"])
    if old is None:
        raise ScenarioError(f"Nobody in the directory is called {v['who']}.")
    row = {f.name: getattr(old, f.name) for f in fields(TestUser)}
    row["applications"] = None if old.applications is None else list(old.applications)
    row["attributes"] = {k: list(x) for k, x in old.attributes.items()}
    row |= {k: x for k, x in v.items() if k in PERSON and k != "omit"}
    row |= dict.fromkeys(v.get("omit", ()))
    world.change_tenant(world.tenant.with_user(record_of(TestUser, row)))


@action("delete-person", lambda v: f"{v['who']} is deleted from the directory", who=_WHO)
def delete_person(world: World, _number: int, v: Values) -> None:
    """Somebody is deleted from the directory."""
    if world.tenant.user(v["who"]) is None:
        raise ScenarioError(f"Nobody in the directory is called {v['who']}.")
    world.change_tenant(world.tenant.without_user(v["who"]))


@action("disable-person", lambda v: f"{v['who']} is disabled in the directory", who=_WHO)
def disable_person(world: World, _number: int, v: Values) -> None:
    """Somebody is disabled in the directory."""
    world.change_tenant(world.tenant.with_enabled(v["who"], False))


@action("enable-person", lambda v: f"{v['who']} is enabled in the directory", who=_WHO)
def enable_person(world: World, _number: int, v: Values) -> None:
    """Somebody is enabled in the directory."""
    world.change_tenant(world.tenant.with_enabled(v["who"], True))


@action("assign", lambda v: f"{v['who']} is assigned to the application", who=_WHO)
def assign(world: World, _number: int, v: Values) -> None:
    """Somebody may use the application."""
    world.change_tenant(world.tenant.with_assignment(v["who"], world.account, True))


@action("unassign", lambda v: f"{v['who']} is no longer assigned to the application", who=_WHO)
def unassign(world: World, _number: int, v: Values) -> None:
    """Somebody may no longer use the application, and stays in the directory."""
    world.change_tenant(world.tenant.with_assignment(v["who"], world.account, False))


@action("roll-key", lambda _v: "the identity provider signs with a new key from now on")
def roll_key(world: World, _number: int, _v: Values) -> None:
    """The next signing key becomes the current one. The service provider is not told: see save-metadata."""
    world.lab.keys.rotate()


_KEY_WORDS: Final = {"publish": "publishes", "sign_with": "signs with", "certificate": "shows the certificate of kind"}


@action(
    "set-keys",
    lambda v: "the identity provider " + " and ".join(f"{w} {detail(v[k])}" for k, w in _KEY_WORDS.items() if k in v),
    sign_with=optional("text", "The key that signs.", KEYS),
    publish=optional("texts", "The keys that stand in the metadata.", KEYS),
    certificate=optional("text", "The certificate of the key that is meant.", VARIANTS),
)
def set_keys(world: World, _number: int, v: Values) -> None:
    """Which key signs, and which ones the metadata lists: a rollover is rehearsed by publishing both first."""
    names = {"sign_with": "signing_key", "publish": "published_keys", "certificate": "certificate"}
    world.change_tenant(replace(world.tenant, **{names[k]: x for k, x in v.items()}))


_LENGTHS: Final = ("days", "hours", "minutes", "seconds")
_LENGTH: Final[dict[str, Field]] = {n: optional("number", f"How many {n}; may be negative.") for n in _LENGTHS}


def _length(v: Values) -> timedelta:
    return timedelta(**{n: v[n] for n in _LENGTHS if n in v})


def _length_words(v: Values) -> str:
    return ", ".join(f"{v[n]} {n if abs(v[n]) != 1 else n[:-1]}" for n in _LENGTHS if n in v) or "no time"


@action("move-clock", lambda v: f"{_length_words(v)} pass", **_LENGTH)
def move_clock(world: World, _number: int, v: Values) -> None:
    """Time passes for everybody; a negative number sets the clock back."""
    length = _length(v)
    if abs(length) > timedelta(days=3650):
        raise ScenarioError("The clock can be moved by at most ten years.")
    world.ground.clock.advance(length)


@action("set-idp-clock", lambda v: f"the identity provider's clock is {_length_words(v)} ahead", **_LENGTH)
def set_idp_clock(world: World, _number: int, v: Values) -> None:
    """The identity provider's clock runs ahead of the service provider's, or behind with a negative number."""
    world.lab.set_clock_offset(round(_length(v).total_seconds()))


@action(
    "save-metadata",
    lambda _v: "the service provider is given the identity provider's metadata of now",
)
def save_metadata(world: World, _number: int, _v: Values) -> None:
    """The service provider saves the metadata as the identity provider publishes it now, which turns SSO on."""
    world.lab.connect(world.account, OPERATOR)
