"""`trial`: the fault matrix from end to end, with its reports."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from app.cli.matrix import FILE, deliver, progress_on_terminal
from app.cli.output import emit, format_option, table, tell
from app.cli.serving import Stop

_SHORT: Final = 2  # faults of each family in the short trial


@click.command(
    "trial",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench trial                        the controls and two faults of each family\n"
        "  sso-workbench trial --all --junit trial.xml --html trial.html\n"
        "  sso-workbench trial --all --resume trial.jsonl                     go on where it was stopped\n"
        "  sso-workbench trial --fault 'xsw*' --fault timing --vendor entra\n"
        "  sso-workbench trial --fault id-role-unknown+tr-relaystate-html     both in one message\n"
        "  sso-workbench trial --scenario '*'                                 every scenario\n"
        "  sso-workbench trial --scenario 'd09-*' --scenario mine.toml\n"
        "  sso-workbench trial --scenario company-life --keep company.db      then: --workspace company.db\n"
        "\n"
        "Exit code: 0 only if every verdict, or every step of every scenario, is as expected.\n"
    ),
)
@click.option("--fault", "faults", multiple=True, metavar="ID", help="A fault, a pattern or a family (repeatable).")
@click.option("--all", "everything", is_flag=True, help="Every fault of the catalogue.")
@click.option("--scenario", "scenarios", multiple=True, metavar="NAME|FILE", help="A chain of steps (repeatable).")
@click.option("--list-scenarios", is_flag=True, help="List the scenarios that are here, and end.")
@click.option("--keep", metavar="URL", help="A new database for the one scenario, which stays to be looked at.")
@click.option("--vendor", default="generic", show_default=True, metavar="NAME", help="entra, okta, onelogin, adfs, ...")
@click.option("--resume", type=FILE, metavar="FILE", help="Keep finished rows in this file, and go on from it.")
@click.option("--junit", type=FILE, metavar="FILE", help="Also write JUnit XML.")
@click.option("--html", type=FILE, metavar="FILE", help="Also write one HTML file.")
@format_option
@click.pass_context
def command(
    ctx: click.Context,
    faults: tuple[str, ...],
    everything: bool,
    scenarios: tuple[str, ...],
    list_scenarios: bool,
    keep: str | None,
    vendor: str,
    resume: Path | None,
    junit: Path | None,
    html: Path | None,
    form: str,
) -> int:
    """Send faults over real loopback HTTP to our service provider and compare what it decides.

    Simulator, browser-less client, ACS, provisioning and log run on a workspace of their own that is thrown away.
    Scenarios are chains of steps, ours or from a file of yours; the help page on scenarios tells how they are written.
    """
    if list_scenarios:
        return _list(form)
    if sum((bool(faults), everything, bool(scenarios))) > 1:
        raise click.UsageError("Choose one of --fault, --all and --scenario.")
    if scenarios:
        if resume is not None or ctx.get_parameter_source("vendor") is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError("A scenario takes neither --resume nor --vendor: its vendor stands in its file.")
        return _run_scenarios(scenarios, keep=keep, junit=junit, html=html, form=form)
    if keep is not None:
        raise click.UsageError("--keep belongs to a --scenario.")
    from app.trial import run_trial

    chosen = None if everything else faults or _short()
    with Stop() as stop:
        report = run_trial(chosen, vendor=vendor, progress=progress_on_terminal(), cancelled=stop.asked, resume=resume)
    return deliver(report, junit=junit, html=html, form=form)


def _run_scenarios(
    names: tuple[str, ...], *, keep: str | None, junit: Path | None, html: Path | None, form: str
) -> int:
    from app.scenarios import chosen, run_scenarios

    told = progress_on_terminal()
    with Stop() as stop:
        report = run_scenarios(chosen(names), progress=told, stepped=told, cancelled=stop.asked, keep=keep)
    return deliver(report, junit=junit, html=html, form=form)


def _list(form: str) -> int:
    from app.scenarios import shipped

    found = shipped()
    if form == "json":
        for s in found:
            emit({"id": s.id, "title": s.title, "decision": s.decision, "steps": len(s.steps), "about": s.about})
    else:
        table(("id", "decision", "steps", "what"), [(s.id, s.decision or "-", len(s.steps), s.title) for s in found])
        tell(f"{len(found)} scenarios.")
    return 0


def _short() -> tuple[str, ...]:
    """The controls and the first faults of each family: a look at everything in a few seconds."""
    from simulator.faults import FAMILIES, all_faults

    known = all_faults()
    return tuple(
        f.id
        for family in FAMILIES
        for f in [f for f in known if f.family == family][: None if family == "controls" else _SHORT]
    )
