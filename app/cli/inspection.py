"""`inspect`: judges messages from files, folders and standard input, ad hoc or against an account of the workspace.

Ad hoc it needs neither the database nor Qt, so it starts fast and works anywhere.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import click

from app.bulk.judging import Recipe, expectation_of
from app.cli.output import given_time, read_file, tell

_FILE: Final = click.Path(path_type=Path)


@click.command(
    "inspect",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench inspect response.txt --idp-metadata idp.xml\n"
        "  pbpaste | sso-workbench inspect - --account ik_7x2k --at issue\n"
        "  sso-workbench inspect captured/ --idp-cert idp.pem --format json > reports.jsonl\n"
        "  sso-workbench inspect mail-4711.har --account ik_7x2k\n"
        "  echo AADSTS50105 | sso-workbench inspect -\n"
        "  sso-workbench inspect response.txt --redact --format html > for-the-vendor.html\n"
        "  sso-workbench inspect response.txt --redact --format pdf --output for-the-vendor.pdf\n"
        "\n"
        "Exit code: 0 every message accepted, 1 at least one not, 2 an input could not be read or redacted.\n"
    ),
)
@click.argument("inputs", nargs=-1, metavar="[INPUT ...]")
@click.option("--account", metavar="IMAGEKIT_ID", help="Judge against this account of the workspace.")
@click.option("--idp-metadata", type=_FILE, metavar="FILE", help="Judge ad hoc: trust the keys in this metadata.")
@click.option(
    "--idp-cert", type=_FILE, multiple=True, metavar="FILE", help="Judge ad hoc: trust this certificate (repeatable)."
)
@click.option("--idp-entity-id", metavar="ID", help="The Issuer to expect, where only a certificate is given.")
@click.option(
    "--sp-metadata", type=_FILE, metavar="FILE", help="Judge ad hoc: the service provider, from its metadata."
)
@click.option("--sp-entity-id", metavar="ID", help="The audience to expect; default: the product's.")
@click.option("--acs-url", metavar="URL", help="The Destination and Recipient to expect; default: the product's.")
@click.option("--in-response-to", metavar="ID", help="The id of the AuthnRequest that the message must answer.")
@click.option(
    "--decryption-key", type=_FILE, multiple=True, metavar="FILE", help="A private key to decrypt with (repeatable)."
)
@click.option("--relay-state", metavar="TEXT", help="The RelayState that came with the message.")
@click.option(
    "--at",
    metavar="TIME",
    help="Judge as of then, for example 2026-11-23T20:36:00Z; “issue” is the message's own IssueInstant. Default: when "
    "a recording says the message was sent, otherwise now.",
)
@click.option("--clock-skew", type=click.IntRange(0, 86_400), metavar="SECONDS", help="Tolerance; default 180.")
@click.option("--policy", type=click.Choice(["strict", "diagnose"]), default="strict", show_default=True)
@click.option(
    "--profile",
    type=click.Choice(["saml", "imagekit"]),
    default="imagekit",
    show_default=True,
    help="saml: protocol and signature only, no product claims.",
)
@click.option("--test-idp", is_flag=True, help="The keys are those of a test IdP, trusted on purpose (ad hoc only).")
@click.option("--all-checks", is_flag=True, help="List the checks that passed, too.")
@click.option(
    "--redact",
    is_flag=True,
    help="Replace names, addresses, identifiers and keys by stand-ins of the same shape; the verdict stays.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "html", "markdown", "pdf"]),
    default="text",
    show_default=True,
    help="Text for people, JSON Lines, or one HTML, Markdown or PDF document to send on.",
)
@click.option("--output", type=_FILE, metavar="FILE", help="Where to write the PDF; default: standard output.")
@click.pass_context
def command(
    ctx: click.Context,
    inputs: tuple[str, ...],
    account: str | None,
    idp_metadata: Path | None,
    idp_cert: tuple[Path, ...],
    idp_entity_id: str | None,
    sp_metadata: Path | None,
    sp_entity_id: str | None,
    acs_url: str | None,
    in_response_to: str | None,
    decryption_key: tuple[Path, ...],
    relay_state: str | None,
    at: str | None,
    clock_skew: int | None,
    policy: Literal["strict", "diagnose"],
    profile: Literal["saml", "imagekit"],
    test_idp: bool,
    all_checks: bool,
    redact: bool,
    form: str,
    output: Path | None,
) -> int:
    """Decode and validate messages.

    INPUT is a file, a folder (every file in it) or - for standard input. Anything that holds messages will do: XML,
    base64, a posted form, a URL, a saved page, a log, a HAR file, an export of SAML-tracer, an e-mail, a ZIP archive of
    these. A recorded login is shown step by step, and error texts (AADSTS50105, MSIS7042 ...) are explained, too.
    Cookies, passwords and the like are left out.

    A folder of many files is shared by as many processes as there are cores; its summary counts the causes.
    """
    if output is not None and form != "pdf":
        raise click.UsageError("--output is for --format pdf; what is text can be redirected.")
    recipe = Recipe(
        now=datetime.now(UTC),
        at="issue" if at == "issue" else None if at is None else given_time(at),
        workspace=None if account is None else _workspace(ctx, account),
        account=account,
        idp_metadata=None if idp_metadata is None else read_file(idp_metadata),
        certificates=tuple(read_file(p) for p in idp_cert),
        idp_entity_id=idp_entity_id,
        sp_metadata=None if sp_metadata is None else read_file(sp_metadata),
        sp_entity_id=sp_entity_id,
        acs_url=acs_url,
        in_response_to=in_response_to,
        decryption_keys=tuple(read_file(p) for p in decryption_key),
        relay_state=relay_state,
        clock_skew_s=clock_skew,
        policy=policy,
        profile=profile,
        test_idp=test_idp,
    )
    _refuse_useless(recipe)
    if account is None and not expectation_of(recipe).configured:
        tell("Judged by nothing: name --idp-metadata, --idp-cert or --account to have signatures verified.")
    if redact or form in ("html", "markdown", "pdf"):
        from app.cli.sharing import share

        return share(inputs, recipe, form=form, redacted=redact, every_check=all_checks, output=output)
    from app.cli.folders import print_all

    return print_all(inputs, recipe, form=form, all_checks=all_checks)


def _workspace(ctx: click.Context, account: str) -> str:
    """The workspace, upgraded where that is needed, as other processes are told of it. It must have the account."""
    from app.cli.workspace import opened

    with opened(ctx) as workspace:
        workspace.sso.account(account)
        return workspace.url


def _refuse_useless(recipe: Recipe) -> None:
    """What is for ad hoc use says nothing beside an account, which has it configured."""
    if recipe.account is None:
        return
    if recipe.test_idp:
        raise click.UsageError("--test-idp is for ad hoc use; config set --test-idp says it of an account.")
    if recipe.sp_metadata is not None:
        raise click.UsageError("--sp-metadata is for ad hoc use; an account has a service provider already.")
    if recipe.idp_entity_id is not None:
        raise click.UsageError("--idp-entity-id belongs to --idp-cert; an account has an identity provider already.")
