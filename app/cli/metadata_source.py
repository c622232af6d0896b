"""`config source`: the address that an account's metadata is fetched from, and what was found there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.output import emit, format_option, instant, say, shout, tell
from app.cli.workspace import OPERATOR, account_option, opened, the_account

if TYPE_CHECKING:
    from app.sso import SourceView


@click.command("source")
@account_option
@click.option("--url", metavar="URL", help="Metadata comes from this address, and is fetched when it is asked for.")
@click.option("--every", type=click.IntRange(0), metavar="HOURS", help="Look every so many hours; 0 only when asked.")
@click.option("--entity", metavar="ID", help="The identity provider to take out of an aggregate.")
@click.option("--intranet", is_flag=True, help="The address is one of a private network, and is meant.")
@click.option("--forget", is_flag=True, help="Metadata is given by hand again.")
@click.option("--look", is_flag=True, help="Fetch now. Exit code 1 where what was found would change something.")
@click.option("--due", is_flag=True, help="Fetch for every account whose time has come, as a scheduled task does.")
@click.option("--dismiss", is_flag=True, help="Decide against what was found; it is not proposed again.")
@format_option
@click.pass_context
def source(
    ctx: click.Context,
    account: str | None,
    url: str | None,
    every: int | None,
    entity: str | None,
    intranet: bool,
    forget: bool,
    look: bool,
    due: bool,
    dismiss: bool,
    form: str,
) -> int:
    """Where metadata is fetched from. A change there is shown, and never taken over by itself.

    --format json gives the document that was found, to be saved with config set --idp-metadata.
    """
    if forget and url is not None:
        raise click.UsageError("Choose either --url or --forget.")
    from app.fetching.metadata import look as look_at
    from app.fetching.metadata import look_at_due

    with opened(ctx) as workspace:
        sso = workspace.sso
        if due:
            tell(f"{look_at_due(sso)} of the watched addresses were due.")
            views = [v for a in sso.accounts() if (v := sso.metadata_source(a.id)) is not None]
        else:
            found = the_account(sso, account)
            known = sso.metadata_source(found.id)
            if forget:
                sso.set_metadata_source(found.id, None, operator=OPERATOR)
            elif url is not None or every is not None:
                address = url or (known.source.url if known is not None else None)
                if address is None:
                    raise click.UsageError("--every needs --url: no address is saved yet.")
                hours = every if every is not None else known.source.every_hours if known is not None else 0
                trusted = intranet or (url is None and known is not None and known.source.intranet)
                chosen = entity or (known.source.entity if url is None and known is not None else None)
                sso.set_metadata_source(
                    found.id, address, every_hours=hours, entity=chosen, intranet=trusted, operator=OPERATOR
                )
            view = sso.metadata_source(found.id)
            if view is not None and look:
                look_at(sso, view.source)
            if dismiss:
                sso.dismiss_proposal(found.id, operator=OPERATOR)
            view = sso.metadata_source(found.id)
            views = [view] if view is not None else []
        names = {a.id: a.imagekit_id for a in sso.accounts()}
    for v in views:
        _show_source(v, names[v.source.account_id], form)
    if not views and form != "json":
        say("No metadata is fetched from an address.")
    asked = look or due
    return 1 if asked and any(v.proposal is not None or v.source.problem is not None for v in views) else 0


def _show_source(view: SourceView, imagekit_id: str, form: str) -> None:
    source = view.source
    if form == "json":
        emit(
            {
                "account": imagekit_id,
                "url": source.url,
                "entity": source.entity,
                "every_hours": source.every_hours,
                "checked_at": instant(source.checked_at) or None,
                "problem": source.problem,
                "differences": None
                if view.proposal is None
                else [{"what": d.what, "old": d.old, "new": d.new} for d in view.differences],
                "document": None if view.proposal is None else view.proposal.decode("utf-8", "replace"),
            }
        )
        return
    often = f"every {source.every_hours} hours" if source.every_hours else "when asked"
    say(f"{imagekit_id}: {source.url}, looked at {often}; last {instant(source.checked_at) or 'never'}")
    if source.problem is not None:
        shout(f"PROBLEM  {source.problem}", "error")
    if view.proposal is not None:
        shout("It has changed; nothing was taken over.", "warn")
        for d in view.differences:
            say(f"  {d}")
