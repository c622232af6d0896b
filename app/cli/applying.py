"""`config apply`: what a message would come to under the change of our settings that it shows to be needed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.output import Unreadable, emit, format_option, read_file, read_stdin, say, shout
from app.cli.workspace import OPERATOR, opened

if TYPE_CHECKING:
    from app.saml import Report
    from app.sso import SSO, Applied


@click.command(
    "apply",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench config apply --event amber-otter-quilt-42\n"
        "  sso-workbench config apply response.txt --account ik_7x2k --setting signed_part --save\n"
        "  sso-workbench config apply response.txt --idp-metadata newer.xml --save\n"
    ),
)
@click.argument("message", required=False)
@click.option("--event", metavar="REFERENCE", help="Take the message of this attempt, judged as of its receipt.")
@click.option("--account", metavar="IMAGEKIT_ID", help="The account; default: the one that the message fits.")
@click.option("--setting", metavar="NAME", help="Which proposal, where the message shows several.")
@click.option(
    "--idp-metadata",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Newer metadata of the identity provider, where its certificate rolled over.",
)
@click.option("--save", is_flag=True, help="Save the change as a new revision; without it nothing is changed.")
@format_option
@click.pass_context
def command(
    ctx: click.Context,
    message: str | None,
    event: str | None,
    account: str | None,
    setting: str | None,
    idp_metadata: Path | None,
    save: bool,
    form: str,
) -> int:
    """Show what MESSAGE (a file or -) would come to under the change of our settings that its diagnosis proposes.

    Only where our saved settings are the wrong side. Exit code 1 where the change must not be made.
    """
    if (message is None) == (event is None):
        raise click.UsageError("Give either a MESSAGE or --event REFERENCE.")
    if idp_metadata is not None and setting is not None:
        raise click.UsageError("Choose either --setting or --idp-metadata.")
    source: bytes = b""
    if message is not None:
        source = read_stdin() if message == "-" else read_file(Path(message))
    metadata = read_file(idp_metadata) if idp_metadata is not None else None
    with opened(ctx) as workspace:
        sso = workspace.sso
        named = "metadata" if metadata is not None else setting or _only_proposal(sso, source, account, event)
        preview = sso.preview_change(source, account, named, of_event=event, metadata=metadata)
        saved = None
        if save and not preview.refused:
            saved = sso.apply_change(preview, operator=OPERATOR).account.revision
    _show(preview, saved, form, asked=save)
    return 1 if preview.refused else 0


def _only_proposal(sso: SSO, source: bytes, account: str | None, event: str | None) -> str:
    """The setting that the message shows to be wrong. Unreadable where there is none, or several."""
    report = sso.inspect_event(event) if event is not None else sso.inspect(source, account)
    found = _proposals(report) if report is not None else []
    if len(found) == 1:
        return found[0]
    if found:
        raise Unreadable(
            f"The message shows several settings to be wrong; choose one with --setting: {', '.join(found)}."
        )
    raise Unreadable(
        "Nothing about this message shows that a setting of ours is the wrong side"
        + (": it is not kept any more." if report is None else f": {report.headline}")
    )


def _proposals(report: Report) -> list[str]:
    return list(dict.fromkeys(d.settings.field for d in report.diagnosis if d.settings is not None))


def _show(preview: Applied, saved: int | None, form: str, *, asked: bool) -> None:
    if form == "json":
        emit(_as_dict(preview, saved))
        return
    say(f"{preview.account.name} ({preview.account.imagekit_id}), revision {preview.based_on}")
    for difference in preview.differences:
        say(f"  {difference}")
    say(f"Why: {preview.why}")
    say(f"What it costs: {preview.cost}")
    for title, report in (("Now", preview.before), ("Then", preview.after)):
        say(f"{title}: {report.verdict.upper()}. {report.headline}")
    if preview.refused:
        shout(f"Not to be made: {preview.refused}", "error")
    elif saved is not None:
        shout(f"Saved as revision {saved}. config restore {preview.based_on} takes it back.", "ok")
    elif not asked:
        say("Nothing was changed; --save saves it as a new revision.")


def _as_dict(preview: Applied, saved: int | None) -> dict[str, Any]:
    return {
        "account": preview.account.imagekit_id,
        "setting": preview.setting,
        "based_on": preview.based_on,
        "differences": [{"what": d.what, "old": d.old, "new": d.new} for d in preview.differences],
        "why": preview.why,
        "cost": preview.cost,
        "before": _verdict(preview.before),
        "after": _verdict(preview.after),
        "refused": preview.refused or None,
        "saved": saved,
    }


def _verdict(report: Report) -> dict[str, Any]:
    failed: Iterable[str] = (c.id for c in report.failures)
    return {"verdict": report.verdict, "headline": report.headline, "failed": list(failed)}
