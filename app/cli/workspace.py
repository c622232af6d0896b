"""How commands open the workspace: once, by the name given, and closed again whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from app.cli.output import Unreadable

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.bootstrap import Workspace
    from app.sso import SSO

account_option = click.option(
    "--account", metavar="IMAGEKIT_ID", help="The account; not needed where there is only one."
)
#: How the log names what was done here.
OPERATOR: Final = "command line"


def named(ctx: click.Context) -> str | None:
    """The workspace that --workspace or the environment names, as it was given; None for the default one."""
    given = ctx.find_root().obj
    return given if isinstance(given, str) and given else None


@contextmanager
def opened(ctx: click.Context) -> Iterator[Workspace]:
    """The workspace, for the time of a command. StoreError (exit code 3) where it cannot be used."""
    from app.bootstrap import open_workspace

    workspace = open_workspace(named(ctx))
    try:
        yield workspace
    finally:
        workspace.close()


def the_account(sso: SSO, imagekit_id: str | None) -> Account:
    """The named account, or the only one. Unreadable where it must be named."""
    if imagekit_id is not None:
        return sso.account(imagekit_id)
    accounts = sso.accounts()
    if len(accounts) == 1:
        return accounts[0]
    names = ", ".join(a.imagekit_id for a in accounts) or "none yet"
    raise Unreadable(f"Name the account with --account IMAGEKIT_ID. Accounts: {names}.")
