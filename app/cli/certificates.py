"""`config certificates`: when certificates and metadata end, as a list or as a calendar with reminders."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from app.cli.output import emit, format_option, instant, say, table, tell, write_text
from app.cli.workspace import opened


@click.command("certificates")
@click.option("--account", metavar="IMAGEKIT_ID", help="Only of this account.")
@click.option("--within", type=click.IntRange(0), default=30, metavar="DAYS", help="What counts as soon (30).")
@click.option("--ics", metavar="FILE", help="Write a calendar with reminders, 90, 30 and 7 days before (- for output).")
@format_option
@click.pass_context
def certificates(ctx: click.Context, account: str | None, within: int, ics: str | None, form: str) -> int:
    """List when certificates and metadata end, the soonest first.

    Exit code 1 where one ends soon and nothing of its kind lasts longer, so that a scheduled task can tell.
    """
    with opened(ctx) as workspace:
        found = workspace.sso.endings(account)
        now = workspace.now()
    if ics is not None:
        from app.sharing.calendar import calendar

        data = calendar(found, now)
        if ics == "-":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            write_text(Path(ics), data.decode())
            tell(f"{len(found)} written to {ics}.")
    elif form == "json":
        for e in found:
            emit(
                {
                    "account": e.imagekit_id,
                    "kind": e.kind,
                    "subject": e.subject,
                    "sha256": e.sha256 or None,
                    "ends_at": instant(e.ends_at),
                    "days_left": e.days,
                    "last": e.last,
                }
            )
    elif found:
        rows = [(e.days, instant(e.ends_at), e.imagekit_id, e.kind, e.subject, e.sha256[:16]) for e in found]
        table(("days", "ends", "account", "kind", "subject", "sha-256"), rows)
    else:
        say("Nothing is watched: no metadata is saved.")
    return 1 if any(e.last and e.days < within for e in found) else 0
