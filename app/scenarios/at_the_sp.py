"""The actions at our service provider: its users, its account, its settings, its restart."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from app.scenarios.fields import optional, required
from app.scenarios.registry import Values, action
from app.scenarios.world import OPERATOR, World, detail

_WHO: Final = required("text", "The user, by e-mail or by the person's username in the directory.")


@action("look", lambda v: f"nothing is done; {v['who']} is looked at" if "who" in v else "nothing is done",
        who=optional("text", "Whom the expectations are about."))  # fmt: skip
def look(_world: World, _number: int, _v: Values) -> None:
    """Nothing is done: what is expected must be so by now."""


@action("restart-sp", lambda _v: "the service provider is restarted")
def restart_sp(world: World, _number: int, _v: Values) -> None:
    """The service provider ends and starts again on the same database."""
    world.ground.restart_sp()


# Users ----------------------------------------------------------------------------------------------------------------


@action(
    "add-user",
    lambda v: f"{v['who']} is added by hand as {v['role']}" + (f" to {v['account']}" if "account" in v else ""),
    who=_WHO,
    role=required("text", "The role."),
    name=optional("text", "The full name."),
    account=optional("text", "Another account than the scenario's."),
)
def add_user(world: World, _number: int, v: Values) -> None:
    """Somebody is added by hand."""
    address = world.address(v["who"])
    name = v.get("name") or address.partition("@")[0].replace(".", " ").title()
    world.sso.add_user(v.get("account", world.account), address, name, v["role"], operator=OPERATOR)


@action(
    "change-user",
    lambda v: f"{v['who']} is changed by hand: {detail({k: x for k, x in v.items() if k != 'who'})}",
    who=_WHO,
    role=optional("text", "The new role."),
    name=optional("text", "The new full name."),
    email=optional("text", "The new address."),
)
def change_user(world: World, _number: int, v: Values) -> None:
    """Somebody is changed by hand."""
    user = world.known_user(v["who"])
    world.sso.update_user(user.id, full_name=v.get("name"), role=v.get("role"), email=v.get("email"), operator=OPERATOR)


@action("delete-user", lambda v: f"{v['who']} is deleted by hand", who=_WHO)
def delete_user(world: World, _number: int, v: Values) -> None:
    """Somebody is deleted by hand, which frees the seat."""
    world.sso.delete_user(world.known_user(v["who"]).id, operator=OPERATOR)


@action("restore-user", lambda v: f"the deletion of {v['who']} is undone", who=_WHO)
def restore_user(world: World, _number: int, v: Values) -> None:
    """A deletion is undone."""
    world.sso.restore_user(world.known_user(v["who"]).id, operator=OPERATOR)


@action(
    "protect-user",
    lambda v: f"{v['who']} is protected from clean-up for {v['days']} days",
    who=_WHO,
    days=required("number", "For how many days."),
    why=required("text", "The reason."),
)
def protect_user(world: World, _number: int, v: Values) -> None:
    """Somebody is kept off clean-up lists for a while."""
    until = world.sso.now() + timedelta(days=max(1, min(v["days"], 3650)))
    world.sso.protect_user(world.known_user(v["who"]).id, until, v["why"], operator=OPERATOR)


@action(
    "treat-as-rename",
    lambda v: f"{v['who']} is declared to be {v['new']} under a new address",
    who=_WHO,
    new=required("text", "The newer user, by e-mail or username."),
)
def treat_as_rename(world: World, _number: int, v: Values) -> None:
    """Two users are declared to be one person under a new address."""
    world.sso.treat_as_rename(world.known_user(v["who"]).id, world.known_user(v["new"]).id, operator=OPERATOR)


# The account ----------------------------------------------------------------------------------------------------------


@action(
    "change-account",
    lambda v: f"the account is changed: {detail(dict(v))}",
    plan=optional("text", "The plan: free, paid or enterprise."),
    seats=optional("number", "How many seats there are."),
)
def change_account(world: World, _number: int, v: Values) -> None:
    """The account's plan or number of seats changes."""
    world.sso.update_account(world.account, plan=v.get("plan"), seat_limit=v.get("seats"), operator=OPERATOR)


@action(
    "create-account",
    lambda v: f"another account {v['id']} is created",
    id=required("text", "Its id."),
    name=optional("text", "Its name."),
)
def create_account(world: World, _number: int, v: Values) -> None:
    """Another account is created, without SSO."""
    world.sso.create_account(v["id"], v.get("name", "Other Media"), operator=OPERATOR)


@action("turn-sso-off", lambda _v: "the metadata is deleted, which turns SSO off")
def turn_sso_off(world: World, _number: int, _v: Values) -> None:
    """The account's metadata is deleted, which turns SSO off."""
    world.sso.delete_metadata(world.account, operator=OPERATOR)


@action(
    "restore-revision",
    lambda v: f"configuration revision {v['revision']} is restored",
    revision=required("number", "The number of the revision."),
)
def restore_revision(world: World, _number: int, v: Values) -> None:
    """An earlier configuration becomes the current one."""
    world.sso.restore_revision(world.account, v["revision"], operator=OPERATOR)


@action(
    "change-settings",
    lambda v: f"settings are changed: {detail(v['set'])}",
    set=required("table", "Values by the name of the setting."),
)
def change_settings(world: World, _number: int, v: Values) -> None:
    """Settings of the workspace change."""
    for name, value in v["set"].items():
        world.sso.set_setting(name, value)


@action(
    "change-policies",
    lambda v: f"provisioning policies are changed: {detail(v['set'])}",
    set=required("table", "Values by the name of the policy."),
)
def change_policies(world: World, _number: int, v: Values) -> None:
    """Provisioning policies change."""
    world.sso.set_policies(**{str(k): str(x) for k, x in v["set"].items()})
