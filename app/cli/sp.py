"""`sp`: our service provider alone, on loopback."""

from __future__ import annotations

import click

from app.cli.output import emit, format_option, say
from app.cli.serving import until_stopped
from app.cli.workspace import opened


@click.group(
    "sp",
    epilog="\b\nExamples:\n  sso-workbench sp serve --port 8800\n",
)
def command() -> None:
    """Our service provider."""


@command.command("serve")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="0: any free port.")
@format_option
@click.pass_context
def serve(ctx: click.Context, port: int, form: str) -> int:
    """Serve login page, ACS, metadata, dashboard and logout on 127.0.0.1 until Ctrl-C."""
    from app.web import sp_app
    from simulator.server import Server

    with opened(ctx) as workspace, Server(sp_app(workspace.sso), port) as server:
        addresses = {
            "login": f"{server.url}/single-sign-on",
            "acs": f"{server.url}/saml/consume",
            "metadata": f"{server.url}/saml/metadata",
        }
        if form == "json":
            emit(addresses)
        else:
            for name, url in addresses.items():
                say(f"{name:<9} {url}")
            say("Press Ctrl-C to stop.")
        until_stopped()
    return 0
