"""`probe`: the fault catalogue against somebody else's service provider."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.matrix import FILE, deliver, progress_on_terminal
from app.cli.organisation import Organisation, open_idp, organisation_options
from app.cli.output import format_option, tell, visible
from app.cli.serving import Stop

if TYPE_CHECKING:
    from app.probe.answers import Look


@click.command(
    "probe",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench idp metadata > idp.xml          let the service provider trust this, in a test environment\n"
        "  sso-workbench probe --sp-metadata sp.xml --user ada --html probe.html\n"
        "  sso-workbench probe --sp-metadata sp.xml --login-url http://127.0.0.1:3000/login --fault 'xsw*'\n"
        "  sso-workbench probe --acs-url https://sp.staging.example/acs --sp-entity-id sp \\\n"
        "      --confirm-target sp.staging.example --accept-location '^/home' --pace 0.5 --resume probe.jsonl\n"
        "\n"
        "Exit code: 0 only if nothing was accepted that must be refused, nor refused that must be accepted.\n"
        "Only this computer is probed, or a host that you name once more with --confirm-target.\n"
    ),
)
@organisation_options
@click.option("--user", default="ada", show_default=True, metavar="NAME", help="Who logs in; must be able to there.")
@click.option("--victim", metavar="EMAIL", help="Whom attacks impersonate; somebody whom the service provider knows.")
@click.option("--fault", "faults", multiple=True, metavar="ID", help="A fault, a pattern or a family (repeatable).")
@click.option("--login-url", metavar="URL", help="Where a login starts at the service provider.")
@click.option("--accept-status", multiple=True, type=click.IntRange(100, 599), help="A status that means accepted.")
@click.option("--accept-location", metavar="REGEX", help="A redirect path that means accepted.")
@click.option("--accept-body", metavar="REGEX", help="Words of the page that mean accepted.")
@click.option("--ask", is_flag=True, help="Ask on the terminal where an answer looks like neither.")
@click.option("--confirm-target", metavar="HOST", help="The host once more, where it is not this computer.")
@click.option("--pace", type=click.FloatRange(0, 60), default=0.0, metavar="SECONDS", help="Time between two messages.")
@click.option("--product-rules", is_flag=True, help="Also try rules of this product: its claims, roles and plans.")
@click.option("--resume", type=FILE, metavar="FILE", help="Keep finished rows in this file, and go on from it.")
@click.option("--junit", type=FILE, metavar="FILE", help="Also write JUnit XML.")
@click.option("--html", type=FILE, metavar="FILE", help="Also write one HTML file.")
@format_option
def command(
    organisation: Organisation,
    user: str,
    victim: str | None,
    faults: tuple[str, ...],
    login_url: str | None,
    accept_status: tuple[int, ...],
    accept_location: str | None,
    accept_body: str | None,
    ask: bool,
    confirm_target: str | None,
    pace: float,
    product_rules: bool,
    resume: Path | None,
    junit: Path | None,
    html: Path | None,
    form: str,
) -> int:
    """Send faults to another service provider and report what it accepts that it must refuse.

    The service provider must trust the metadata that `idp metadata` prints. How acceptance looks is learnt from a good
    login, unless --accept-status, --accept-location or --accept-body say it.
    """
    import re

    from app.probe import Target, check_target, probe
    from app.probe.answers import Patterns

    for pattern in (accept_location, accept_body):
        try:
            re.compile(pattern or "")
        except re.error as e:
            raise click.BadParameter(f"“{visible(pattern)}” is no regular expression: {e}.") from e
    idp, application = open_idp(organisation)
    if application is None:
        raise click.UsageError("Name the service provider with --sp-metadata, or with --acs-url and --sp-entity-id.")
    target = Target(application=application, login_url=login_url)
    if confirm_target is None and target.strangers and sys.stdin.isatty():
        tell(f"Messages will be sent to {target.strangers[0]}. Probe only what is yours or what you may test.")
        confirm_target = click.prompt("Type the host to go on", err=True)
    check_target(target, confirm_target)
    with Stop() as stop:
        report = probe(
            idp,
            target,
            user=user,
            victim=victim,
            faults=faults or None,
            patterns=Patterns(status=accept_status, location=accept_location, body=accept_body),
            ask=_ask if ask else None,
            confirmed=confirm_target,
            pace_s=pace,
            product_rules=product_rules,
            resume=resume,
            progress=progress_on_terminal(),
            cancelled=stop.asked,
        )
    return deliver(report, junit=junit, html=html, form=form)


def _ask(what: str, look: Look) -> bool:
    tell(f"{what}: {look}.")
    return click.confirm("Was somebody logged in?", default=False, err=True)
