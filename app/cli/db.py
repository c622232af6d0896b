"""`db`: the workspace database: upgrading its schema, checking and copying it."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.output import say, shout
from app.cli.workspace import named, opened


@click.group(
    "db",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench db check\n"
        "  sso-workbench db backup before-clean-up.db\n"
        "  sso-workbench --workspace old.db db upgrade\n"
    ),
)
def command() -> None:
    """The workspace database."""


@command.command("upgrade")
@click.pass_context
def upgrade(ctx: click.Context) -> int:
    """Bring an older schema up to date; a file is copied beside itself first."""
    from app.bootstrap import workspace_url
    from app.store import Store

    with Store.open(workspace_url(named(ctx)), upgrade=True) as store:
        say(f"{store.location} is up to date.")
    return 0


@command.command("check")
@click.pass_context
def check(ctx: click.Context) -> int:
    """Look for damage and for rows that contradict each other. Exit code 1 if there are any."""
    with opened(ctx) as workspace:
        found = workspace.store.check()
        for sentence in found:
            shout(sentence, "error")
        if not found:
            say(f"{workspace.store.location} is in order.")
    return 1 if found else 0


@command.command("backup")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_context
def backup(ctx: click.Context, target: Path) -> int:
    """Copy the whole database to TARGET, which must not exist yet. Logins go on meanwhile."""
    with opened(ctx) as workspace:
        say(f"Copied to {workspace.store.backup(target)}.")
    return 0
