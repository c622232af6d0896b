"""`config accounts`: every account with its seats; several are made or changed at once, all of them or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.output import Unreadable, emit, format_option, read_file, read_stdin, say, table, tell
from app.cli.workspace import OPERATOR, opened

if TYPE_CHECKING:
    from app.sso import SSO


@click.command(
    "accounts",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench config accounts\n"
        "  sso-workbench config accounts --add clients.csv      (lines of: id, name, plan, seats)\n"
        "  sso-workbench config accounts --change ik_a --change ik_b --plan paid --seats 20\n"
        "  sso-workbench config accounts --change-all --seat-price '12.00 EUR per month'\n"
    ),
)
@click.option("--add", metavar="FILE", help="Make the accounts in this list (- for standard input), all or none.")
@click.option("--change", multiple=True, metavar="IMAGEKIT_ID", help="Change this account (repeatable).")
@click.option("--change-all", is_flag=True, help="Change every account.")
@click.option("--plan", metavar="PLAN", help="free, paid or enterprise.")
@click.option("--seats", type=int, metavar="N", help="The seat limit.")
@click.option("--seat-price", metavar="TEXT", help="What a seat costs; empty removes it.")
@format_option
@click.pass_context
def command(
    ctx: click.Context,
    add: str | None,
    change: tuple[str, ...],
    change_all: bool,
    plan: str | None,
    seats: int | None,
    seat_price: str | None,
    form: str,
) -> int:
    """List the accounts; make or change several at once."""
    values = {"plan": plan, "seat_limit": seats, "seat_price": seat_price}
    wanted = any(v is not None for v in values.values())
    if wanted != bool(change or change_all):
        raise click.UsageError("A change needs accounts (--change or --change-all) and what to change.")
    if add is not None and wanted:
        raise click.UsageError("Choose either --add or a change.")
    text = None
    if add is not None:
        text = _text(read_stdin() if add == "-" else read_file(Path(add)))
    with opened(ctx) as workspace:
        sso = workspace.sso
        if text is not None:
            from app.sso.accounts import read_accounts

            made = sso.create_accounts(read_accounts(text), operator=OPERATOR)
            tell(f"{len(made)} accounts were made.")
        elif wanted:
            named = [a.imagekit_id for a in sso.accounts()] if change_all else change
            changed = sso.update_accounts(named, plan=plan, seat_limit=seats, seat_price=seat_price, operator=OPERATOR)
            tell(f"{len(changed)} accounts were changed.")
        _list(sso, form)
    return 0


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise Unreadable("The list is not written in UTF-8.") from e


def _list(sso: SSO, form: str) -> None:
    rows = sso.account_rows()
    if form == "json":
        for r in rows:
            emit(
                {
                    "account": r.account.imagekit_id,
                    "name": r.account.name,
                    "plan": r.account.plan,
                    "seats": {"used": r.seats.used, "limit": r.seats.limit},
                    "seat_price": r.account.seat_price,
                    "sso_on": r.account.sso_on,
                    "entity_id": r.account.entity_id,
                }
            )
    elif rows:
        table(
            ("id", "name", "plan", "seats", "price", "sso"),
            [
                (
                    r.account.imagekit_id,
                    r.account.name,
                    r.account.plan,
                    f"{r.seats.used}/{r.seats.limit}",
                    r.account.seat_price or "",
                    "on" if r.account.sso_on else "off",
                )
                for r in rows
            ],
        )
    else:
        say("There is no account yet.")
