"""`trial`: the fault matrix from end to end, with its reports."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from app.cli.output import Unreadable, format_option, shout, visible

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
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
@click.option("--junit", type=_FILE, metavar="FILE", help="Also write JUnit XML.")
@click.option("--html", type=_FILE, metavar="FILE", help="Also write one HTML file.")
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
    report = run_trial(chosen, vendor=vendor, progress=_progress if sys.stderr.isatty() else None)
    for path, text in ((junit, report.as_junit), (html, report.as_html)):
        if path is not None:
            try:
                path.write_text(text(), "utf-8")
            except OSError as e:
                raise Unreadable(f"{path} cannot be written: {e.strerror}.") from e
    if form == "json":
        sys.stdout.write(report.as_json_lines())
    else:
        *body, headline = report.as_text().splitlines()
        sys.stdout.write("".join(f"{visible(line)}\n" for line in body))
        shout(headline, "ok" if report.as_expected else "error")
    return 0 if report.as_expected else 1


def _short() -> tuple[str, ...]:
    """The controls and the first faults of each family: a look at everything in a few seconds."""
    from simulator.faults import FAMILIES, all_faults

    known = all_faults()
    return tuple(
        f.id
        for family in FAMILIES
        for f in [f for f in known if f.family == family][: None if family == "controls" else _SHORT]
    )


def _progress(done: int, total: int, fault: str) -> None:
    sys.stderr.write(f"\r\x1b[K{done}/{total} {visible(fault)}" if done < total else "\r\x1b[K")
    sys.stderr.flush()
