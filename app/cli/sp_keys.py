"""`config sp-keys`: our own signing and encryption keys, and their rollover."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.cli.output import Unreadable, emit, format_option, instant, say, shout, table
from app.cli.workspace import OPERATOR, opened

if TYPE_CHECKING:
    from app.sso import SSO, SpKey

_PURPOSE = click.Choice(["signing", "encryption"])


@click.command(
    "sp-keys",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench config sp-keys --make encryption && sso-workbench metadata sp --account ik_7x2k > sp.xml\n"
        "  sso-workbench config sp-keys --make signing     (a second time: the next one, published beside it)\n"
        "  sso-workbench config sp-keys --promote signing  (once every identity provider has the new metadata)\n"
        "  sso-workbench config sp-keys --forget 3f9a\n"
    ),
)
@click.option("--make", type=_PURPOSE, help="Make a key: the current one, or the next where there is one.")
@click.option("--promote", type=_PURPOSE, help="Put the next key in force.")
@click.option("--forget", metavar="FINGERPRINT", help="Delete a key; the beginning of its fingerprint is enough.")
@format_option
@click.pass_context
def command(ctx: click.Context, make: str | None, promote: str | None, forget: str | None, form: str) -> int:
    """List our own keys; make one, put the next in force, or forget one. Private keys stay on this computer."""
    if sum(g is not None for g in (make, promote, forget)) > 1:
        raise click.UsageError("Choose one of --make, --promote and --forget.")
    with opened(ctx) as workspace:
        sso = workspace.sso
        if make is not None:
            sso.make_sp_key(make, operator=OPERATOR)  # type: ignore[arg-type]  # one of the two, click has seen to it
        elif promote is not None:
            sso.promote_sp_key(promote, operator=OPERATOR)  # type: ignore[arg-type]  # as above
        elif forget is not None:
            sso.forget_sp_key(_the_one(sso, forget), operator=OPERATOR)
        keys = sso.sp_keys()
    _show(keys, form)
    return 0


def _the_one(sso: SSO, beginning: str) -> str:
    found = [k.fingerprint for k in sso.sp_keys() if beginning and k.fingerprint.startswith(beginning.lower())]
    if len(found) != 1:
        what = "no key" if not found else f"{len(found)} keys"
        raise Unreadable(f"The fingerprint {beginning[:64]} fits {what}. config sp-keys lists them.")
    return found[0]


def _show(keys: tuple[SpKey, ...], form: str) -> None:
    if form == "json":
        for k in keys:
            emit(
                {
                    "purpose": k.purpose,
                    "state": k.state,
                    "published": k.published,
                    "sha256": k.fingerprint,
                    "made_at": instant(k.made_at),
                    "not_after": instant(k.expires_at),
                    "problem": k.problem or None,
                }
            )
        return
    if not keys:
        say("There is no key yet: requests are not signed, and nobody can encrypt to us. --make makes one.")
        return
    table(
        ("for", "state", "until", "SHA-256"),
        [(k.purpose, k.state, instant(k.expires_at), k.fingerprint) for k in keys],
    )
    for k in keys:
        if k.problem:
            shout(f"{k.fingerprint[:16]}: {k.problem}", "warn")
