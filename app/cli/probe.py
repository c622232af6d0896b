"""`probe`: the fault catalogue against somebody else's service provider."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from app.cli.idp import Organisation, open_idp, organisation_options
from app.cli.output import Unreadable, format_option, say, shout, tell, visible
from app.cli.serving import Stop

if TYPE_CHECKING:
    from app.probe import Look

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


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
@click.option("--resume", type=_FILE, metavar="FILE", help="Keep finished rows in this file, and go on from it.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Also write JUnit XML.")
@click.option("--html", type=_FILE, metavar="FILE", help="Also write one HTML file.")
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

    from app.probe import Patterns, Target, check_target, is_loopback, probe

    for pattern in (accept_location, accept_body):
        try:
            re.compile(pattern or "")
        except re.error as e:
            raise click.BadParameter(f"“{visible(pattern)}” is no regular expression: {e}.") from e
    idp, application = open_idp(organisation)
    if application is None:
        raise click.UsageError("Name the service provider with --sp-metadata, or with --acs-url and --sp-entity-id.")
    target = Target(application=application, login_url=login_url)
    if confirm_target is None and not is_loopback(target.host) and sys.stdin.isatty():
        tell(f"Messages will be sent to {target.host}. Probe only what is yours or what you may test.")
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
            progress=_progress if sys.stderr.isatty() else None,
            cancelled=stop.asked,
        )
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
        for line in body:
            say(line)
        shout(headline, "ok" if report.as_expected else "error")
    return 0 if report.as_expected else 1


def _ask(what: str, look: Look) -> bool:
    tell(f"{what}: HTTP {look.status}, redirect {look.location or 'none'}, page “{look.page}”.")
    return click.confirm("Was somebody logged in?", default=False, err=True)


def _progress(done: int, total: int, fault: str) -> None:
    sys.stderr.write(f"\r\x1b[K{done}/{total} {visible(fault)}" if done < total else "\r\x1b[K")
    sys.stderr.flush()
