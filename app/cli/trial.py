"""`trial`: the fault matrix from end to end, with its reports."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from app.cli.matrix import FILE, deliver, progress_on_terminal
from app.cli.output import format_option

_SHORT: Final = 2  # faults of each family in the short trial


@click.command(
    "trial",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench trial                        the controls and two faults of each family\n"
        "  sso-workbench trial --all --junit trial.xml --html trial.html\n"
        "  sso-workbench trial --fault 'xsw*' --fault timing --vendor entra\n"
        "  sso-workbench trial --fault id-role-unknown+tr-relaystate-html     both in one message\n"
        "\n"
        "Exit code: 0 only if every verdict is as expected.\n"
    ),
)
@click.option("--fault", "faults", multiple=True, metavar="ID", help="A fault, a pattern or a family (repeatable).")
@click.option("--all", "everything", is_flag=True, help="Every fault of the catalogue.")
@click.option("--vendor", default="generic", show_default=True, metavar="NAME", help="entra, okta, onelogin, adfs, ...")
@click.option("--junit", type=FILE, metavar="FILE", help="Also write JUnit XML.")
@click.option("--html", type=FILE, metavar="FILE", help="Also write one HTML file.")
@format_option
def command(
    faults: tuple[str, ...], everything: bool, vendor: str, junit: Path | None, html: Path | None, form: str
) -> int:
    """Send faults over real loopback HTTP to our service provider and compare what it decides.

    Simulator, browser-less client, ACS, provisioning and log run on a workspace of their own that is thrown away.
    """
    from app.trial import run_trial

    if faults and everything:
        raise click.UsageError("Choose either --fault or --all.")
    chosen = None if everything else faults or _short()
    report = run_trial(chosen, vendor=vendor, progress=progress_on_terminal())
    return deliver(report, junit=junit, html=html, form=form)


def _short() -> tuple[str, ...]:
    """The controls and the first faults of each family: a look at everything in a few seconds."""
    from simulator.faults import FAMILIES, all_faults

    known = all_faults()
    return tuple(
        f.id
        for family in FAMILIES
        for f in [f for f in known if f.family == family][: None if family == "controls" else _SHORT]
    )
