"""`config operator`: who works at this computer, as the log names them."""

from __future__ import annotations

import os

import click

from app.cli.output import Unreadable, emit, format_option, say


@click.command(
    "operator",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench config operator --name 'Olga Berg' --email olga@acme-media.test\n"
        "  sso-workbench config operator --forget\n"
        "  SSO_WORKBENCH_OPERATOR='Nightly job <ops@acme-media.test>' sso-workbench users clean-up --export plan.csv\n"
    ),
)
@click.option("--name", metavar="NAME", help="What the log writes beside what you do.")
@click.option("--email", metavar="EMAIL", help="Yours; the user of this e-mail is never on a clean-up list.")
@click.option("--forget", is_flag=True, help="The log says “command line” and “operator” again.")
@format_option
def operator(name: str | None, email: str | None, forget: bool, form: str) -> int:
    """Say who you are, for the log; without options, show it.

    It is kept on this computer, not in the workspace. The variable SSO_WORKBENCH_OPERATOR goes before it.
    """
    if forget and (name is not None or email is not None):
        raise click.UsageError("Give --forget alone.")
    from app.bootstrap import data_folder
    from app.computer.operator import VARIABLE, keep_operator, operator_of
    from app.sso import Refused

    folder = data_folder()
    changes = forget or name is not None or email is not None
    if changes and os.environ.get(VARIABLE, "").strip():
        raise Unreadable(f"{VARIABLE} says who you are. Change it there, or unset it.")
    who = operator_of(folder)
    if changes:
        kept = ("", "") if forget else (who.name if name is None else name, who.email if email is None else email)
        try:
            who = keep_operator(folder, *kept)
        except Refused as e:
            raise Unreadable(str(e)) from e
    if form == "json":
        emit({"schema": "sso-workbench/operator/1", "name": who.name, "email": who.email})
    elif who.shown:
        say(f"{who.name} <{who.email}>" if who.name and who.email else who.shown)
    else:
        say("The log says “command line” or “operator”. Say who you are with --name and --email.")
    return 0
