"""`config what-if`: settings tried on stored logins before they are saved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from app.cli.output import (
    Unfit,
    Unreadable,
    emit,
    format_option,
    instant,
    read_file,
    read_stdin,
    say,
    shout,
    table,
    tell,
)
from app.cli.workspace import account_option, opened, the_account

_EVERY = 250


@click.command("what-if")
@account_option
@click.option("--idp-metadata", metavar="FILE", help="As if this metadata were saved (- for standard input).")
@click.option("--entity", metavar="ID", help="The identity provider to take out of an aggregate.")
@click.option("--entity-id", metavar="ID", help="As if this Identifier were set; “default” for the default.")
@click.option(
    "--choose", multiple=True, metavar="NAME=VALUE", help="As if this rule were decided, as in config set; repeatable."
)
@click.option("--unchoose", multiple=True, metavar="NAME", help="As if it were left to the preferences; repeatable.")
@click.option("--revision", type=click.IntRange(1), metavar="N", help="As if this revision were restored.")
@click.option("--last", type=click.IntRange(1, 100_000), default=1000, metavar="N", help="On so many logins (1000).")
@format_option
@click.pass_context
def what_if(
    ctx: click.Context,
    account: str | None,
    idp_metadata: str | None,
    entity: str | None,
    entity_id: str | None,
    choose: tuple[str, ...],
    unchoose: tuple[str, ...],
    revision: int | None,
    last: int,
    form: str,
) -> int:
    """Judge the last stored logins under other settings: who would stop to get in, and who would start.

    Nothing is saved. Exit code 1 where a login would stop working.
    """
    rules = bool(choose or unchoose)
    if sum((revision is not None, rules, idp_metadata is not None or entity_id is not None)) != 1:
        raise click.UsageError("Name what to try: --idp-metadata and/or --entity-id, --choose, or --revision.")
    values = decided_values(choose, unchoose)
    document = None
    if idp_metadata is not None:
        document = read_stdin() if idp_metadata == "-" else read_file(Path(idp_metadata))
    from app.bulk.whatif import forecast
    from app.bulk.workers import WorkersLost

    def told(done: int, of: int) -> bool:
        if done and done % _EVERY == 0:
            tell(f"{done:,} of {of:,} judged")
        return True

    with opened(ctx) as workspace:
        sso = workspace.sso
        found = the_account(sso, account)
        if revision is not None:
            candidate = sso.earlier_candidate(found.id, revision)
        elif rules:
            candidate = sso.decided_candidate(found.id, values)
        else:
            changes = {} if entity_id is None else {"entity_id": None if entity_id == "default" else entity_id}
            candidate = sso.candidate(found.id, document=document, entity=entity, **changes)
        try:
            seen = forecast(sso, candidate, last, told)
        except WorkersLost as e:
            raise Unfit(str(e)) from e
    rows = (*seen.stop, *seen.start)
    if form == "json":
        for r in rows:
            emit(
                {
                    "reference": r.reference,
                    "at": instant(r.at),
                    "email": r.email,
                    "now": r.now,
                    "then": r.then,
                    "why": r.why,
                }
            )
        tell(seen.sentence)
    else:
        for d in candidate.differences:
            say(f"  {d}")
        table(
            ("would", "at", "person", "reference", "why"),
            [("start" if r.then else "STOP", instant(r.at), r.email, r.reference, r.why) for r in rows],
        )
        shout(seen.sentence, "error" if seen.stop else "ok")
    return 1 if seen.stop else 0


def decided_values(choose: Iterable[str], unchoose: Iterable[str]) -> dict[str, Any]:
    """What was decided, by name; None is left to the preferences again."""
    from app.sso.choices import choice

    found: dict[str, Any] = dict.fromkeys(unchoose)
    for text in choose:
        name, equals, value = text.partition("=")
        try:
            if not equals:
                raise ValueError(f"--choose {text[:80]!r} is not NAME=VALUE.")
            if name in found:
                raise ValueError(f"{name} is decided twice.")
            found[name] = choice(name).parsed(value)
        except ValueError as e:
            raise Unreadable(str(e)) from e
    return found
