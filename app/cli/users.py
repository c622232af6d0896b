"""`users`: who is registered, adding and deleting by hand, and who may have left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.leavers import clean_up, import_directory, lists, stale
from app.cli.output import Unreadable, emit, format_option, given_time, instant, say, table, tell
from app.cli.workspace import OPERATOR, opened, the_account

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.accounts.users import User
    from app.sso import SSO

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
        "  sso-workbench users keep press@acme-media.test --until 2027-06-30 --why 'shared mailbox'\n"
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


@command.command("update", epilog="\b\nExample:\n  sso-workbench users update linus@acme-media.test --role developer\n")
@click.argument("emails", nargs=-1, required=True, metavar="EMAIL ...")
@click.option("--role", metavar="ROLE", help="For example developer; several people may be named.")
@click.option("--name", metavar="NAME", help="The full name of one person.")
@click.option("--email", "new_email", metavar="EMAIL", help="The new e-mail of one person.")
@_account
@format_option
@click.pass_context
def update(
    ctx: click.Context,
    emails: tuple[str, ...],
    role: str | None,
    name: str | None,
    new_email: str | None,
    account: str | None,
    form: str,
) -> int:
    """Change users by hand. The last account administrator keeps the role.

    Exit code: 1 where somebody could not be changed.
    """
    if role is None and name is None and new_email is None:
        raise click.UsageError("Say what to change: --role, --name or --email.")
    if len(emails) > 1 and (name is not None or new_email is not None):
        raise click.UsageError("A name and an e-mail belong to one person.")
    from app.sso import BulkResult

    with opened(ctx) as workspace:
        sso = workspace.sso
        found = the_account(sso, account)
        users = [registered(sso, found, e) for e in emails]
        if len(users) == 1:
            one = sso.update_user(users[0].id, role=role, full_name=name, email=new_email, operator=OPERATOR)
            result = BulkResult((one,), ())
        else:
            result = sso.set_roles({u.id: role or "" for u in users}, operator=OPERATOR)
    for user in result.done:
        emit(user_dict(user)) if form == "json" else say(f"{user.email} is {user.role}: {user.full_name}.")
    for email, why in result.left_out:
        tell(f"{email} was left out. {why}")
    return 1 if result.left_out else 0


@command.command("rename")
@click.argument("older", metavar="OLDER")
@click.argument("newer", metavar="NEWER")
@_account
@format_option
@click.pass_context
def rename(ctx: click.Context, older: str, newer: str, account: str | None, form: str) -> int:
    """Treat two users as one person: OLDER takes over the e-mail of NEWER, with role and history; a seat is freed."""
    with opened(ctx) as workspace:
        sso = workspace.sso
        found = the_account(sso, account)
        moved = sso.treat_as_rename(
            registered(sso, found, older).id, registered(sso, found, newer).id, operator=OPERATOR
        )
    if form == "json":
        emit(user_dict(moved))
    else:
        say(f"{older} is {moved.email} now and keeps one seat.")
    return 0


@command.command(
    "keep",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench users keep press@acme-media.test --until 2027-06-30 --why 'shared mailbox'\n"
        "  sso-workbench users keep press@acme-media.test --no-longer\n"
    ),
)
@click.argument("email")
@_account
@click.option("--until", metavar="DATE", help="Off clean-up lists until then, such as 2027-06-30.")
@click.option("--why", default="", metavar="TEXT", help="The reason, which is shown beside it.")
@click.option("--no-longer", is_flag=True, help="Take the protection away.")
@format_option
@click.pass_context
def keep(
    ctx: click.Context, email: str, account: str | None, until: str | None, why: str, no_longer: bool, form: str
) -> int:
    """Keep a user off clean-up lists until a date, with the reason; or no longer."""
    if (until is None) != no_longer:
        raise click.UsageError("Say until when to keep the user (--until DATE), or --no-longer.")
    moment = given_time(until) if until else None
    with opened(ctx) as workspace:
        sso = workspace.sso
        if moment is not None and moment <= sso.now():
            raise Unreadable(f"{until} is past. Name a later date, or --no-longer.")
        user = registered(sso, the_account(sso, account), email)
        user = sso.protect_user(user.id, moment, why, operator=OPERATOR)
    if form == "json":
        emit(user_dict(user))
    elif user.keep_until is None:
        say(f"{user.email} is not kept any more.")
    else:
        reason = f" because {user.keep_why}" if user.keep_why else ""
        say(f"{user.email} is kept until {instant(user.keep_until)}{reason}.")
    return 0


@command.command("history")
@click.argument("email")
@_account
@format_option
@click.pass_context
def history(ctx: click.Context, email: str, account: str | None, form: str) -> int:
    """What happened to one person: logins, failed ones too, and changes by hand, newest first."""
    with opened(ctx) as workspace:
        sso = workspace.sso
        events = sso.history(registered(sso, the_account(sso, account), email, deleted=True).id)
    for e in events if form == "json" else ():
        emit(
            {
                "schema": "sso-workbench/history/1",
                "at": instant(e.at),
                "reference": e.reference,
                "outcome": e.outcome,
                "status": e.status,
                "operator": e.operator,
                "sentence": e.sentence,
                "changes": [[c.field, c.old, c.new, c.applied] for c in e.changes],
            }
        )
    if form == "text":
        rows = [(instant(e.at), e.outcome, e.operator or "", e.reference, e.sentence) for e in events]
        table(("when", "what", "by", "reference", ""), rows)
    return 0


def registered(sso: SSO, account: Account, email: str, *, deleted: bool = False) -> User:
    """The user of this e-mail; with `deleted` the newest who was deleted, where there is no other."""
    from app.saml.identifiers import normalise_email

    key = normalise_email(email) or ""
    people = [u for u in sso.users(account.id, text=key, deleted=deleted) if u.email_key == key] if key else []
    if not people:
        raise Unreadable(f"Nobody is registered as {email} in {account.imagekit_id}. Nothing was changed.")
    return max(people, key=lambda u: (u.active, u.id))


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
        "keep_until": instant(u.keep_until) or None,
        "keep_why": u.keep_why,
    }
