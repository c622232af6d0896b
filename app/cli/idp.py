"""`idp`: the simulated identity provider without the window: serving, issuing one message, its faults and metadata."""

from __future__ import annotations

import base64
import contextlib
import sys
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from app.cli.idp_tenant import apps, directory, people
from app.cli.organisation import FILE, Organisation, open_idp, organisation_options, the_product
from app.cli.output import Unreadable, emit, format_option, read_file, read_stdin, say, table, tell, write_text
from app.cli.serving import until_stopped

if TYPE_CHECKING:
    from simulator.idp import Issued
    from simulator.web import Exchange


@click.group(
    "idp",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench idp serve --acs-url http://127.0.0.1:8800/saml/consume --vendor okta\n"
        "  sso-workbench idp serve --sp-metadata sp.xml --port 8801 --api-port 8802 --api-token-file token\n"
        "  sso-workbench idp issue --user ada --fault sig-tampered-content > message.txt\n"
        "  sso-workbench idp logout --user ada --session-index _4f2a --sp-metadata sp.xml\n"
        "  sso-workbench idp metadata > idp.xml\n"
        "  sso-workbench idp list-faults xsw\n"
    ),
)
def command() -> None:
    """The simulated identity provider. Its keys are TEST ONLY: never trust them anywhere that matters."""


#: A load test logs a thousand people in at once.
_CONNECTIONS = 1_200

command.add_command(people)
command.add_command(apps)
command.add_command(directory)


@command.command("serve", epilog="Stop it with Ctrl-C. It listens on 127.0.0.1 only.")
@organisation_options
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0: any free port.")
@click.option("--fault", "faults", multiple=True, metavar="ID", help="Every login has this fault (repeatable).")
@click.option("--auto-approve", is_flag=True, help="Let any program on this computer log in as anybody.")
@click.option("--api-port", type=click.IntRange(0, 65_535), help="Also serve the JSON interface for programs here.")
@click.option("--api-token-file", type=FILE, metavar="FILE", help="Holds its token; made where it is missing.")
@click.option("--har", type=FILE, metavar="FILE", help="At the end, write the last 200 exchanges as an HTTP archive.")
@click.option("--tests", type=FILE, metavar="FILE", help="At the end, write their logins as tests for pytest.")
@click.option("--scenario", type=FILE, metavar="FILE", help="At the end, write their logins as a scenario for trial.")
@format_option
def serve(
    organisation: Organisation,
    port: int,
    faults: tuple[str, ...],
    auto_approve: bool,
    api_port: int | None,
    api_token_file: Path | None,
    har: Path | None,
    tests: Path | None,
    scenario: Path | None,
    form: str,
) -> int:
    """Serve portal, single sign-on, logout and metadata until Ctrl-C."""
    from simulator.api import Api, read_token
    from simulator.faults.registry import switchable
    from simulator.server import Server
    from simulator.web import ConsentPolicy, WebIdp

    chosen = tuple(f.id for f in switchable(faults))
    idp, _application = open_idp(organisation)
    if not idp.tenant.applications:
        tell("No service provider is known yet: name one with --sp-metadata, or --sp-entity-id and --acs-url.")
    if (api_port is None) != (api_token_file is None):
        raise click.UsageError("--api-port and --api-token-file belong together.")
    web = WebIdp(idp, consent=ConsentPolicy(auto_approve=auto_approve), faults=chosen)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(web.asgi, port, connections=_CONNECTIONS))
        idp.base_url = server.url
        interface = ""
        if api_port is not None and api_token_file is not None:
            api = Api(web, read_token(api_token_file))
            interface = stack.enter_context(Server(api.asgi, api_port)).url
        addresses = {
            "portal": server.url + web.portal_path(),
            "metadata": f"{server.url}/metadata",
            "sso": f"{server.url}/sso",
            "entity_id": idp.tenant.entity_id,
        }
        if interface:
            addresses["api"] = interface
        if form == "json":
            emit({**addresses, "faults": list(chosen), "auto_approve": auto_approve})
        else:
            for name, url in addresses.items():
                say(f"{name:<9} {url}")
            if chosen:
                tell(f"Active faults: {', '.join(chosen)}")
            if auto_approve:
                tell("Auto-approve is on: any program on this computer can log in as anybody.")
            say("Press Ctrl-C to stop.")
        until_stopped()
    for path, write in ((har, _har), (tests, _tests)):
        if path is not None:
            write_text(path, write(web.exchanges))
    if scenario is not None:
        from simulator.scenario_export import as_scenario

        write_text(scenario, as_scenario(web.exchanges, idp.tenant))
    return 0


def _har(exchanges: Iterable[Exchange]) -> str:
    from simulator.recording import as_har

    return as_har(exchanges)


def _tests(exchanges: Iterable[Exchange]) -> str:
    from simulator.recording import as_tests

    return as_tests(exchanges)


@command.command("issue")
@organisation_options
@click.option("--user", required=True, metavar="NAME", help="User name or e-mail of somebody of the organisation.")
@click.option("--fault", "faults", multiple=True, metavar="ID", help="With this fault (repeatable).")
@click.option(
    "--encode",
    type=click.Choice(["base64", "redirect", "xml", "form", "spec"]),
    default="base64",
    show_default=True,
    help="form: the exact octets of the POST; spec: the values before signing, to be edited.",
)
@click.option("--request", "request_file", metavar="FILE", help="Answer this AuthnRequest (any encoding; - for stdin).")
@click.option("--relay-state", metavar="TEXT", help="The RelayState to send.")
@click.option("--spec", type=FILE, metavar="FILE", help="Sign these values instead (what --encode spec prints).")
@click.option("--replace", "texts", nargs=2, multiple=True, metavar="OLD NEW", help="After signing, in the document.")
@click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="In the form (repeatable).")
@click.option("--diff", is_flag=True, help="Tell what the edits changed, on stderr.")
def issue(
    organisation: Organisation,
    user: str,
    faults: tuple[str, ...],
    encode: str,
    request_file: str | None,
    relay_state: str | None,
    spec: Path | None,
    texts: tuple[tuple[str, str], ...],
    fields: tuple[str, ...],
    diff: bool,
) -> int:
    """Print one signed response, without a server."""
    from simulator.editing import edit_of
    from simulator.idp import DEFAULT

    idp, application = open_idp(organisation)
    if application is None:
        application = next(iter(idp.tenant.applications), None) or the_product(organisation)
    request = None
    if request_file is not None:
        idp.tenant = idp.tenant.with_application(application)
        request = idp.read_request(form=urlencode({"SAMLRequest": _request(request_file)}))
        application = idp.tenant.application(request.application) or application
    relay = DEFAULT if relay_state is None else relay_state
    values = None if spec is None else read_file(spec).decode("utf-8", "replace")
    pairs = dict(_pair(f) for f in fields)
    edit = edit_of(spec=values, replace=texts, fields=pairs)
    issued = idp.issue(user, application, request=request, relay_state=relay, faults=faults, edit=edit)
    if diff:
        for change in issued.changes:
            tell(change.diff)
    sys.stdout.buffer.write(_encoded(issued, encode))
    sys.stdout.buffer.flush()
    return 0


@command.command("logout")
@organisation_options
@click.option("--user", required=True, metavar="NAME", help="Whose session ends: user name or e-mail.")
@click.option("--logout-url", metavar="URL", help="The service provider's logout address, where it is not known.")
@click.option("--session-index", "indexes", multiple=True, metavar="ID", help="As the login stated it (repeatable).")
@click.option("--relay-state", metavar="TEXT", help="The RelayState to send.")
@click.option(
    "--encode",
    type=click.Choice(["base64", "url", "xml", "form"]),
    default="url",
    show_default=True,
    help="url: the signed address to open (HTTP-Redirect); form: the octets of the POST, signed in the message.",
)
def logout(
    organisation: Organisation,
    user: str,
    logout_url: str | None,
    indexes: tuple[str, ...],
    relay_state: str | None,
    encode: str,
) -> int:
    """Print one signed LogoutRequest to a service provider, without a server."""
    from simulator.errors import LoginRefused
    from simulator.logout import SpSession

    idp, application = open_idp(organisation)
    if application is None:
        application = next(iter(idp.tenant.applications), None) or the_product(organisation)
    person = idp.tenant.user(user)
    if person is None:
        raise LoginRefused(f'The directory knows nobody called "{user[:100]}".')
    to = logout_url or application.logout_url
    application = replace(application, logout_url=to, logout_by_redirect=encode == "url")
    now = idp.now()
    session = SpSession(
        user=person.username,
        application=application.id,
        name_id=idp.spec(person, application, now, None).name_ids[0],
        session_indexes=indexes,
        at=now,
    )
    issued = idp.logout_request(session, relay_state, application=application)
    if encode == "url":
        data = issued.url.encode() + b"\n"
    elif encode == "xml":
        data = issued.xml + b"\n"
    else:
        data = issued.body if encode == "form" else dict(issued.form)["SAMLRequest"].encode() + b"\n"
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name:
        raise Unreadable(f"--field {text!r} is not NAME=VALUE.")
    return name, value


def _request(name: str) -> str:
    """The AuthnRequest in base64, from whatever encoding it is in."""
    from app.saml.decoding import decode

    decoded = decode(read_stdin() if name == "-" else read_file(Path(name)))
    if not decoded.data:
        why = decoded.problems[0].message if decoded.problems else "It holds no XML."
        raise Unreadable(f"The request cannot be read. {why}")
    return base64.b64encode(decoded.data).decode()


def _encoded(issued: Issued, encode: str) -> bytes:
    if encode == "spec":
        from simulator.editing import dump_spec

        return dump_spec(issued.spec).encode()
    if encode == "xml":
        return issued.xml + b"\n"
    if encode == "form":
        return issued.body or issued.url.partition("?")[2].encode()
    if encode == "base64":
        fields = dict(issued.form)
        return fields.get("SAMLResponse", base64.b64encode(issued.xml).decode()).encode() + b"\n"
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = squeeze.compress(issued.xml) + squeeze.flush()
    fields = {"SAMLResponse": base64.b64encode(deflated).decode()}
    if issued.relay_state is not None:
        fields["RelayState"] = issued.relay_state
    return urlencode(fields).encode() + b"\n"


@command.command("list-faults")
@click.argument("patterns", nargs=-1, metavar="[PATTERN ...]")
@format_option
def list_faults(patterns: tuple[str, ...], form: str) -> int:
    """List the faults: id, family, what it alters, the check it must trip. PATTERN is an id, a glob or a family."""
    from simulator.faults import all_faults, matching

    globs = tuple(p if "*" in p or "?" in p else f"{p}*" for p in patterns)
    families = {f.family for f in all_faults()}
    chosen = matching([p if p in families else g for p, g in zip(patterns, globs, strict=True)]) if patterns else None
    rows = all_faults() if chosen is None else chosen
    if form == "json":
        for f in rows:
            emit(
                {
                    "id": f.id,
                    "family": f.family,
                    "stage": f.stage.name.lower(),
                    "kind": f.kind,
                    "summary": f.summary,
                    "expects": f.expects,
                    "checks": list(f.checks),
                    "reference": f.reference,
                }
            )
    else:
        table(
            ("id", "family", "expected", "check", "what"),
            [(f.id, f.family, f.expects, f.breaks or "-", f.summary) for f in rows],
        )
        tell(f"{len(rows)} faults.")
    return 0


@command.command("metadata")
@organisation_options
@click.option("--base-url", metavar="URL", default="https://localhost", help="The address its endpoints shall have.")
@click.option("--variant", metavar="NAME", help="Other keys in it: both-keys, expired-certificate, ...")
def metadata(organisation: Organisation, base_url: str, variant: str | None) -> int:
    """Print the identity provider's metadata. A running one also serves it under /metadata."""
    idp, _application = open_idp(organisation, base_url=base_url.rstrip("/"))
    sys.stdout.buffer.write(idp.metadata(variant))
    sys.stdout.buffer.flush()
    return 0
