"""`idp`: the simulated identity provider without the window: serving, issuing one message, its faults and metadata."""

from __future__ import annotations

import base64
import functools
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import click

from app.cli.output import Command, Unreadable, emit, format_option, read_file, read_stdin, say, table, tell
from app.cli.serving import until_stopped

if TYPE_CHECKING:
    from simulator.idp import Idp, Issued
    from simulator.tenant import Application, Tenant

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_OFFSET_MAX: Final = 10 * 366 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """What the options say of the simulated organisation."""

    tenant: Path | None
    vendor: str | None
    clock_offset: int | None
    sp_metadata: Path | None
    sp_entity_id: str | None
    acs_url: str | None


@click.group(
    "idp",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench idp serve --acs-url http://127.0.0.1:8800/saml/consume --vendor okta\n"
        "  sso-workbench idp issue --user ada --fault sig-tampered-content > message.txt\n"
        "  sso-workbench idp metadata > idp.xml\n"
        "  sso-workbench idp list-faults xsw\n"
    ),
)
def command() -> None:
    """The simulated identity provider. Its keys are TEST ONLY: never trust them anywhere that matters."""


def organisation_options(function: Command) -> Command:
    """The options that describe the organisation, handed over as one Organisation."""

    @functools.wraps(function)
    def wrapper(
        tenant: Path | None,
        vendor: str | None,
        clock_offset: int | None,
        sp_metadata: Path | None,
        sp_entity_id: str | None,
        acs_url: str | None,
        **rest: object,
    ) -> object:
        organisation = Organisation(
            tenant=tenant,
            vendor=vendor,
            clock_offset=clock_offset,
            sp_metadata=sp_metadata,
            sp_entity_id=sp_entity_id,
            acs_url=acs_url,
        )
        return function(organisation=organisation, **rest)

    options: tuple[Callable[[Command], Command], ...] = (
        click.option("--tenant", type=_FILE, metavar="FILE", help="The TOML file of the organisation; default: yours."),
        click.option("--vendor", metavar="NAME", help="Speak like entra, okta, onelogin, adfs, google, keycloak, ..."),
        click.option(
            "--clock-offset",
            type=click.IntRange(-_OFFSET_MAX, _OFFSET_MAX),
            metavar="SECONDS",
            help="Its clock runs ahead by this (negative: behind).",
        ),
        click.option("--sp-metadata", type=_FILE, metavar="FILE", help="The service provider, from its metadata."),
        click.option("--sp-entity-id", metavar="ID", help="The service provider's entity ID (the audience)."),
        click.option("--acs-url", metavar="URL", help="The service provider's ACS."),
    )
    made: Command = wrapper  # type: ignore[assignment]  # the wrapper takes the same arguments, spread out
    for option in reversed(options):
        made = option(made)
    return made


def open_idp(organisation: Organisation, *, base_url: str = "https://localhost") -> tuple[Idp, Application | None]:
    """The identity provider of these options, and the application that they name (None: those of the tenant)."""
    from simulator.idp import Idp
    from simulator.keys import KeyRing
    from simulator.tenant import load_tenant

    if organisation.tenant is not None:
        folder = organisation.tenant.parent
        tenant = load_tenant(organisation.tenant)
    else:
        folder, tenant = _own()
    if organisation.vendor is not None:
        tenant = replace(tenant, vendor=organisation.vendor)
    if organisation.clock_offset is not None:
        tenant = replace(tenant, clock_offset=timedelta(seconds=organisation.clock_offset))
    application = _application(organisation)
    if application is not None:
        tenant = replace(tenant, applications=(application,))
    keys = KeyRing.open(folder / "keys")
    return Idp(tenant, keys, lambda: datetime.now(UTC), base_url=base_url), application


def _own() -> tuple[Path, Tenant]:
    """The folder and the organisation that the window edits, made at first use."""
    from app.bootstrap import data_folder
    from simulator.tenant import default_tenant, load_tenant, save_tenant

    folder = data_folder() / "simulator"
    path = folder / "tenant.toml"
    if path.exists():
        return folder, load_tenant(path)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Without an application, as in the window: nothing may be posted to the real product by accident.
    tenant = replace(default_tenant(), applications=())
    save_tenant(tenant, path)
    return folder, tenant


def _application(organisation: Organisation) -> Application | None:
    """The service provider that the options describe, or None where they describe none."""
    from simulator.tenant import Application

    o = organisation
    entity_id, acs_url = o.sp_entity_id, o.acs_url
    if o.sp_metadata is not None:
        from app.saml.metadata import read_metadata

        reading = read_metadata(read_file(o.sp_metadata), expect="sp")
        if reading.sp is None or not reading.sp.acs_endpoints:
            why = reading.problems[0].message if reading.problems else "It describes no service provider with an ACS."
            raise Unreadable(f"{o.sp_metadata} cannot be used. {why}")
        default = next((e for e in reading.sp.acs_endpoints if e.is_default), reading.sp.acs_endpoints[0])
        entity_id, acs_url = entity_id or reading.sp.entity_id, acs_url or default.location
    if entity_id is None and acs_url is None:
        return None
    from app.product import IMAGEKIT

    return Application(
        id="sp",
        name="Service provider",
        entity_id=entity_id or IMAGEKIT.entity_id,
        acs_url=acs_url or IMAGEKIT.acs_url,
        relay_state=None if o.sp_metadata is not None else IMAGEKIT.relay_state,
    )


@command.command("serve", epilog="Stop it with Ctrl-C. It listens on 127.0.0.1 only.")
@organisation_options
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0: any free port.")
@click.option("--fault", "faults", multiple=True, metavar="ID", help="Every login has this fault (repeatable).")
@click.option("--auto-approve", is_flag=True, help="Let any program on this computer log in as anybody.")
@format_option
def serve(organisation: Organisation, port: int, faults: tuple[str, ...], auto_approve: bool, form: str) -> int:
    """Serve portal, single sign-on, logout and metadata until Ctrl-C."""
    from simulator.faults import find
    from simulator.server import Server
    from simulator.web import ConsentPolicy, WebIdp

    chosen = tuple(find(f).id for f in faults)
    idp, _application = open_idp(organisation)
    if not idp.tenant.applications:
        tell("No service provider is known yet: name one with --sp-metadata, or --sp-entity-id and --acs-url.")
    web = WebIdp(idp, consent=ConsentPolicy(auto_approve=auto_approve), faults=chosen)
    with Server(web.asgi, port) as server:
        idp.base_url = server.url
        addresses = {
            "portal": server.url + web.portal_path(),
            "metadata": f"{server.url}/metadata",
            "sso": f"{server.url}/sso",
            "entity_id": idp.tenant.entity_id,
        }
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
    return 0


@command.command("issue")
@organisation_options
@click.option("--user", required=True, metavar="NAME", help="User name or e-mail of somebody of the organisation.")
@click.option("--fault", "faults", multiple=True, metavar="ID", help="With this fault (repeatable).")
@click.option(
    "--encode",
    type=click.Choice(["base64", "redirect", "xml", "form"]),
    default="base64",
    show_default=True,
    help="form: the exact octets of the POST.",
)
@click.option("--request", "request_file", metavar="FILE", help="Answer this AuthnRequest (any encoding; - for stdin).")
@click.option("--relay-state", metavar="TEXT", help="The RelayState to send.")
def issue(
    organisation: Organisation,
    user: str,
    faults: tuple[str, ...],
    encode: str,
    request_file: str | None,
    relay_state: str | None,
) -> int:
    """Print one signed response, without a server."""
    from app.product import IMAGEKIT
    from simulator.idp import DEFAULT
    from simulator.tenant import Application

    idp, application = open_idp(organisation)
    if application is None:
        application = next(iter(idp.tenant.applications), None) or Application(
            id="sp",
            name="ImageKit",
            entity_id=IMAGEKIT.entity_id,
            acs_url=IMAGEKIT.acs_url,
            relay_state=IMAGEKIT.relay_state,
        )
    request = None
    if request_file is not None:
        idp.tenant = idp.tenant.with_application(application)
        request = idp.read_request(form=urlencode({"SAMLRequest": _request(request_file)}))
        application = idp.tenant.application(request.application) or application
    relay = DEFAULT if relay_state is None else relay_state
    issued = idp.issue(user, application, request=request, relay_state=relay, faults=faults)
    sys.stdout.buffer.write(_encoded(issued, encode))
    sys.stdout.buffer.flush()
    return 0


def _request(name: str) -> str:
    """The AuthnRequest in base64, from whatever encoding it is in."""
    from app.saml.decoding import decode

    decoded = decode(read_stdin() if name == "-" else read_file(Path(name)))
    if not decoded.data:
        why = decoded.problems[0].message if decoded.problems else "It holds no XML."
        raise Unreadable(f"The request cannot be read. {why}")
    return base64.b64encode(decoded.data).decode()


def _encoded(issued: Issued, encode: str) -> bytes:
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
