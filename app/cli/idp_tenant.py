"""`idp people` and `idp apps`: who is in the simulated directory, and which service providers it knows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from app.cli.organisation import FILE, kept_tenant
from app.cli.output import emit, format_option, read_file, say, table, tell

if TYPE_CHECKING:
    from simulator.tenant import Tenant

_tenant: Final = click.option("--tenant", type=FILE, metavar="FILE", help="The organisation's file; default: yours.")


@click.group(
    "people",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench idp people list holloway\n"
        "  sso-workbench idp people disable grace\n"
        "  sso-workbench idp people rename grace --email grace.h@acme-media.test\n"
        "  sso-workbench idp people unassign grace imagekit\n"
    ),
)
def people() -> None:
    """The people of the simulated directory: so that leavers and movers can be tried from end to end."""


@click.group("apps")
def apps() -> None:
    """The service providers that people of the simulated directory can log in to."""


def _read(file: Path | None) -> Tenant:
    kept = kept_tenant(file)
    tenant = kept.load()
    if kept.problem:
        tell(f"{kept.problem} This is the last good version.")
    return tenant


def _changed(file: Path | None, change: Callable[[Tenant], Tenant], sentence: str) -> int:
    """Apply a change to the organisation and write it down."""
    kept = kept_tenant(file)
    before = kept.load()
    if kept.problem:
        tell(f"{kept.problem} The last good version is changed; the broken file is kept beside it.")
    kept.save(change(before))
    say(sentence)
    return 0


@people.command("list")
@click.argument("text", default="")
@_tenant
@click.option("--app", "application", metavar="ID", help="Only who may use this application.")
@format_option
def list_people(text: str, tenant: Path | None, application: str | None, form: str) -> int:
    """List the people whose user name, address or name holds TEXT."""
    found = _read(tenant).people(text, application_id=application)
    if form == "json":
        for u in found:
            emit(
                {
                    "username": u.username,
                    "email": u.email,
                    "full_name": u.full_name,
                    "role": u.role,
                    "imagekit_id": u.imagekit_id,
                    "enabled": u.enabled,
                    "applications": None if u.applications is None else list(u.applications),
                    "about": u.about,
                }
            )
        return 0
    rows = [(u.username, u.email, u.full_name or "", u.role or "", "" if u.enabled else "disabled") for u in found]
    table(("user", "email", "name", "role", ""), rows)
    tell(f"{len(found)} people.")
    return 0


@people.command("add")
@click.argument("username")
@click.option("--email", required=True)
@click.option("--name", "full_name", metavar="NAME", help="Without it the claim is left out.")
@click.option("--role", help="Without it the claim is left out.")
@click.option("--imagekit-id", metavar="ID", help="Without it the claim is left out.")
@_tenant
def add_person(
    username: str, email: str, full_name: str | None, role: str | None, imagekit_id: str | None, tenant: Path | None
) -> int:
    """Add somebody, or put the new values in place of the old."""
    from simulator.tenant import TestUser

    person = TestUser(username=username, email=email, full_name=full_name, role=role, imagekit_id=imagekit_id)
    return _changed(tenant, lambda t: t.with_user(person), f"{username} is in the directory.")


@people.command("delete")
@click.argument("username")
@_tenant
def delete_person(username: str, tenant: Path | None) -> int:
    """Delete somebody from the directory."""

    def change(before: Tenant) -> Tenant:
        return before.with_enabled(username, False).without_user(username)  # the first knows who is unknown

    return _changed(tenant, change, f"{username} is deleted.")


def _switch(name: str, enabled: bool, what: str) -> None:
    @people.command(name, help=f"{what} somebody.")
    @click.argument("username")
    @_tenant
    def command(username: str, tenant: Path | None) -> int:
        return _changed(tenant, lambda t: t.with_enabled(username, enabled), f"{username} is {name}d.")


_switch("disable", False, "Disable")
_switch("enable", True, "Enable")


@people.command("rename")
@click.argument("username")
@click.option("--username", "new_username", metavar="NAME", help="Another user name.")
@click.option("--email", help="Another address.")
@click.option("--name", "full_name", metavar="NAME", help="Another full name.")
@_tenant
def rename_person(
    username: str, new_username: str | None, email: str | None, full_name: str | None, tenant: Path | None
) -> int:
    """Give somebody another user name, address or name; they stay the same object of the directory."""

    def change(before: Tenant) -> Tenant:
        return before.with_renamed(username, new_username=new_username, email=email, full_name=full_name)

    return _changed(tenant, change, f"{username} is renamed.")


def _assign(name: str, assigned: bool, what: str) -> None:
    @people.command(name, help=what)
    @click.argument("username")
    @click.argument("application")
    @_tenant
    def command(username: str, application: str, tenant: Path | None) -> int:
        sentence = f"{username} {'may' if assigned else 'may not'} use {application}."
        return _changed(tenant, lambda t: t.with_assignment(username, application, assigned), sentence)


_assign("assign", True, "Let somebody use an application.")
_assign("unassign", False, "Take an application away from somebody.")


# The export -----------------------------------------------------------------------------------------------------------


@click.command(
    "directory",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench idp directory --vendor entra > exportUsers.csv\n"
        "  sso-workbench idp directory --vendor ad --app imagekit\n"
        "  sso-workbench idp directory --scim\n"
    ),
)
@click.option(
    "--vendor", default="generic", show_default=True, metavar="NAME", help="entra, okta, onelogin, ad, google."
)
@click.option("--app", "application", metavar="ID", help="Only who may use this application.")
@click.option("--graph", is_flag=True, help="As Microsoft Graph lists users, instead of CSV.")
@click.option("--scim", is_flag=True, help="As a ListResponse of SCIM 2.0, instead of CSV.")
@_tenant
def directory(vendor: str, application: str | None, graph: bool, scim: bool, tenant: Path | None) -> int:
    """Print the people as the vendor's console exports them: what a directory import is tried with."""
    from simulator.directory import directory_csv, directory_graph, directory_scim

    if graph and scim:
        raise click.UsageError("Choose either --graph or --scim.")
    found = _read(tenant)
    if application is not None and found.application(application) is None:
        raise click.UsageError(f'There is no application "{application}".')
    if graph:
        emit(directory_graph(found, application_id=application))
    elif scim:
        emit(directory_scim(found, application_id=application, count=1_000))
    else:
        sys.stdout.buffer.write(directory_csv(found, application, vendor=vendor).encode("utf-8"))
        sys.stdout.buffer.flush()
    return 0


# Applications ---------------------------------------------------------------------------------------------------------


@apps.command("list")
@_tenant
@format_option
def list_apps(tenant: Path | None, form: str) -> int:
    """List the applications."""
    found = _read(tenant).applications
    if form == "json":
        for a in found:
            emit(
                {
                    "id": a.id,
                    "name": a.name,
                    "entity_id": a.entity_id,
                    "acs_url": a.acs_url,
                    "deliver_to": a.deliver_to,
                    "sign": a.sign,
                    "encrypted": a.encrypt_to is not None,
                    "claims": dict(a.claims),
                }
            )
        return 0
    table(("id", "name", "entity ID", "delivered to"), [(a.id, a.name, a.entity_id, a.post_to) for a in found])
    return 0


@apps.command("add")
@click.argument("sp_metadata", type=FILE, metavar="FILE")
@click.option("--id", "application_id", metavar="ID", help="Default: made from its entity ID.")
@click.option("--entity", metavar="ID", help="Which entity of an aggregate.")
@click.option("--deliver-to", metavar="URL", help="Where the browser really posts to, when that is not the ACS.")
@click.option("--relay-state", metavar="TEXT", help="Sent with logins that begin at the portal.")
@click.option("--encrypt", is_flag=True, help="Encrypt assertions with its certificate.")
@_tenant
def add_app(
    sp_metadata: Path,
    application_id: str | None,
    entity: str | None,
    deliver_to: str | None,
    relay_state: str | None,
    encrypt: bool,
    tenant: Path | None,
) -> int:
    """Add a service provider from its metadata, or put it in place of the one with the same id."""
    from simulator.tenant import Application

    found = Application.from_metadata(
        read_file(sp_metadata), application_id=application_id, entity=entity, encrypt=encrypt
    )
    wished: dict[str, Any] = {"deliver_to": deliver_to, "relay_state": relay_state}
    made = replace(found, **{k: v for k, v in wished.items() if v is not None})
    return _changed(tenant, lambda t: t.with_application(made), f"{made.id} is known: {made.entity_id}")


@apps.command("remove")
@click.argument("application")
@_tenant
def remove_app(application: str, tenant: Path | None) -> int:
    """Forget a service provider."""

    def change(before: Tenant) -> Tenant:
        if before.application(application) is None:
            raise click.UsageError(f'There is no application "{application}".')
        return before.without_application(application)

    return _changed(tenant, change, f"{application} is forgotten.")
