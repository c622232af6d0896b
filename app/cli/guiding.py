"""`config guide`: the steps at a vendor's identity provider, each checked by what is saved and by the last response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from app.cli.output import emit, format_option, say, shout
from app.cli.workspace import opened, the_account

if TYPE_CHECKING:
    from app.setup_guides import GuideStep

_MARKS: Final = {"pass": ("done", "ok"), "fail": ("NOT RIGHT", "error"), "waiting": ("not known yet", "warn")}


@click.command(
    "guide",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench config guide entra\n"
        "  sso-workbench config guide okta --account ik_7x2k --format json\n"
    ),
)
@click.argument("vendor", metavar="VENDOR")
@click.option("--account", metavar="IMAGEKIT_ID", help="The account; not needed where there is only one.")
@format_option
@click.pass_context
def command(ctx: click.Context, vendor: str, account: str | None, form: str) -> int:
    """Check each step at VENDOR: entra, okta, onelogin, adfs or generic. Exit code 1 where one is not right."""
    with opened(ctx) as workspace:
        states = workspace.sso.check_guide(the_account(workspace.sso, account).id, vendor)
    for number, state in enumerate(states, 1):
        if form == "json":
            emit(
                {
                    "step": number,
                    "do": state.step.do,
                    "fields": {f.label: f.value for f in state.step.fields},
                    "expect": state.step.expect,
                    "result": state.result,
                    "sentence": state.sentence,
                    "checks": list(state.checks),
                    "reference": state.reference,
                }
            )
            continue
        show_step(number, state.step)
        if state.result in _MARKS:
            word, tone = _MARKS[state.result]
            shout(f"     {word}: {state.sentence}", tone)
    return 1 if any(s.result == "fail" for s in states) else 0


def show_step(number: int, step: GuideStep) -> None:
    """One step for people."""
    say(f"  {number}. {step.do}")
    for f in step.fields:
        say(f"     {f.label}: {f.value}{f'  ({f.note})' if f.note else ''}")
    say(f"     Check: {step.expect}")
