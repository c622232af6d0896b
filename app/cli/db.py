"""`db`: the workspace database: upgrading its schema, checking, copying and moving it."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.output import say, shout, tell
from app.cli.workspace import named, opened


@click.group(
    "db",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench db check\n"
        "  sso-workbench db backup before-clean-up.db\n"
        "  sso-workbench db purge --days 7\n"
        "  sso-workbench --workspace old.db db upgrade\n"
        "  sso-workbench db copy --from workspace.db --to postgresql+psycopg://sso@db.example/sso\n"
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


@command.command("purge")
@click.option("--days", type=click.IntRange(0, 36_500), metavar="N", help="Instead of the retention that is set.")
@click.pass_context
def purge(ctx: click.Context, days: int | None) -> int:
    """Delete raw messages older than the retention, from the file too. The rows of the log stay.

    The purge is an event of the log itself.
    """
    with opened(ctx) as workspace:
        done = workspace.sso.purge(days=days)
        say(f"{done.messages:,} raw messages and {done.expired:,} expired entries were deleted ({done.reference}).")
    return 0


@command.command("copy")
@click.option("--from", "source", metavar="URL", required=True, help="The workspace to copy: a file name or a URL.")
@click.option("--to", "target", metavar="URL", required=True, help="Where to: a new file, or an empty database.")
def copy(source: str, target: str) -> int:
    """Copy a whole workspace to another database, SQLite or PostgreSQL, and compare every row.

    The source is only read. The target holds everything afterwards, or nothing. Stop what writes to the source first:
    exit code 1 says that something was written meanwhile and the copy lacks it.
    """
    from app.bootstrap import workspace_url
    from app.store import Store, copy_store

    with (
        Store.open(workspace_url(source), upgrade=False, create=False) as old,
        Store.open(workspace_url(target)) as new,
    ):
        copied = copy_store(old, new, _told)
        rows = sum(copied.rows.values())
        say(f"{rows:,} rows of {len(copied.rows)} tables were copied to {new.location} and compared one by one.")
    if copied.written_meanwhile:
        shout("The source was written to meanwhile, and the copy lacks that. Stop its users and copy again.", "warn")
    return 1 if copied.written_meanwhile else 0


def _told(what: str, done: int, total: int) -> None:
    """One line now and then."""
    if done == total or done % 50_000 == 0:
        tell(f"{what}: {done:,} of {total:,}")
