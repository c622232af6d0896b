"""`users`: who is registered, adding and deleting by hand, and who may have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.leavers import clean_up, import_directory, lists, stale
from app.cli.output import Unreadable, emit, format_option, instant, say, table, tell
from app.cli.workspace import OPERATOR, opened, the_account

if TYPE_CHECKING:
    from app.accounts.users import User

_account = click.option("--account", metavar="IMAGEKIT_ID", help="The account; not needed where there is only one.")


@click.group(
    "users",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench users list --text ada\n"
        "  sso-workbench users add ada@acme-media.test --name 'Ada Lindqvist' --role developer\n"
        "  sso-workbench users import-directory entra.csv --complete --taken-at 2026-11-23\n"
        "  sso-workbench users stale --format json\n"
        "  sso-workbench users clean-up --export plan.csv\n"
        "  sso-workbench users delete linus@acme-media.test\n"
    ),
)
def command() -> None:
    """Users and their seats."""


@command.command("list")
@_account
@click.option("--text", default="", metavar="TEXT", help="In name or e-mail.")
@click.option("--deleted", is_flag=True, help="Also those who were deleted.")
@format_option
@click.pass_context
def list_users(ctx: click.Context, account: str | None, text: str, deleted: bool, form: str) -> int:
    """List the users of an account and the seats they hold."""
    with opened(ctx) as workspace:
        found = the_account(workspace.sso, account)
        people = workspace.sso.users(found.id, text=text, deleted=deleted)
        seats = workspace.sso.seats(found.id)
    if form == "json":
        for u in people:
            emit(user_dict(u))
        return 0
    heads = ("e-mail", "name", "role", "made by", "last login", "logins")
    table(
        heads,
        [
            (u.email, u.full_name, u.role if u.active else "deleted", u.created_by, instant(u.last_login_at), u.logins)
            for u in people
        ],
    )
    tell(f"{seats.seats.used} of {seats.seats.limit} seats are taken; {seats.possible} may be held by people who left.")
    return 0


@command.command("add")
@click.argument("email")
@click.option("--name", required=True, metavar="NAME", help="The full name.")
@click.option("--role", required=True, metavar="ROLE", help="For example developer.")
@_account
@format_option
@click.pass_context
def add(ctx: click.Context, email: str, name: str, role: str, account: str | None, form: str) -> int:
    """Register EMAIL by hand, who may then log in with SSO."""
    with opened(ctx) as workspace:
        found = the_account(workspace.sso, account)
        user = workspace.sso.add_user(found.id, email, name, role, operator=OPERATOR)
    if form == "json":
        emit(user_dict(user))
    else:
        say(f"{user.email} is registered as {user.role}.")
    return 0


@command.command("delete")
@click.argument("emails", nargs=-1, required=True, metavar="EMAIL ...")
@_account
@format_option
@click.pass_context
def delete(ctx: click.Context, emails: tuple[str, ...], account: str | None, form: str) -> int:
    """Delete users, which frees their seats. It can be undone for 30 days (users restore)."""
    from app.saml.identifiers import normalise_email

    with opened(ctx) as workspace:
        sso = workspace.sso
        found = the_account(sso, account)
        people = {u.email_key: u for u in sso.users(found.id)}
        chosen = []
        for email in emails:
            user = people.get(normalise_email(email) or "")
            if user is None:
                raise Unreadable(f"Nobody is registered as {email} in {found.imagekit_id}. Nobody was deleted.")
            chosen.append(user)
        for user in chosen:
            gone = sso.delete_user(user.id, operator=OPERATOR)
            if form == "json":
                emit(user_dict(gone))
            else:
                say(f"{gone.email} was deleted.")
    return 0


@command.command("restore")
@click.argument("email")
@_account
@format_option
@click.pass_context
def restore(ctx: click.Context, email: str, account: str | None, form: str) -> int:
    """Undo the deletion of EMAIL: the same user, role and history. It needs a free seat."""
    from app.saml.identifiers import normalise_email

    with opened(ctx) as workspace:
        found = the_account(workspace.sso, account)
        key = normalise_email(email) or ""
        gone = [u for u in workspace.sso.users(found.id, deleted=True) if u.email_key == key and not u.active]
        if not gone:
            raise Unreadable(f"Nobody was deleted as {email} in {found.imagekit_id}.")
        newest = max(gone, key=lambda u: (u.deleted_at is not None, u.deleted_at, u.id))
        back = workspace.sso.restore_user(newest.id, operator=OPERATOR)
    if form == "json":
        emit(user_dict(back))
    else:
        say(f"{back.email} is restored as {back.role}.")
    return 0


command.add_command(import_directory)
command.add_command(lists)
command.add_command(stale)
command.add_command(clean_up)


def user_dict(u: User) -> dict[str, object]:
    """A user as a JSON object."""
    return {
        "schema": "sso-workbench/user/1",
        "email": u.email,
        "full_name": u.full_name,
        "role": u.role,
        "active": u.active,
        "created_by": u.created_by,
        "created_at": instant(u.created_at),
        "last_login_at": instant(u.last_login_at) or None,
        "logins": u.logins,
        "deleted_at": instant(u.deleted_at) or None,
    }
