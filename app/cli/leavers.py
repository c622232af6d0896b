"""`users import-directory`, `lists`, `stale`, `clean-up`, `undo`: who left, on what evidence, and their seats."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from app.cli.output import (
    Unreadable,
    emit,
    format_option,
    given_time,
    instant,
    read_file,
    say,
    table,
    tell,
    write_text,
)
from app.cli.workspace import OPERATOR, opened, the_account

if TYPE_CHECKING:
    from app.accounts.directory import Reading, Snapshot
    from app.accounts.staleness import StaleUser

_account = click.option("--account", metavar="IMAGEKIT_ID", help="The account; not needed where there is only one.")
_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_SHOWN: Final = 20


@click.command(
    "import-directory",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench users import-directory entra.csv --complete --taken-at 2026-11-23T09:00Z\n"
        "  sso-workbench users import-directory assigned.csv --complete --list assignments --taken-at 2026-11-23\n"
        "  sso-workbench users import-directory 'http://127.0.0.1:8801/portal?key=...' --complete\n"
        "  sso-workbench users import-directory guests.csv --part --taken-at 2026-11-20 --preview\n"
        "\n"
        "Exit code: 0 the list counts (a preview: it would), 1 it is held back until it is confirmed with\n"
        "“users lists --confirm”, or has problems and nothing was imported, 2 it cannot be read.\n"
    ),
)
@click.argument("source", metavar="FILE|URL")
@_account
@click.option(
    "--complete/--part", default=None, help="Whether the list holds everybody. Only then can anybody be missing."
)
@click.option("--taken-at", metavar="TIME", help="When the directory looked like this; not needed for an address.")
@click.option(
    "--list",
    "kind",
    type=click.Choice(["directory", "assignments"]),
    default="directory",
    show_default=True,
    help="Everybody in the directory, or those who may use this application.",
)
@click.option("--key", metavar="COLUMN", help="The column that identifies people, such as mail or userPrincipalName.")
@click.option(
    "--encoding", type=click.Choice(["UTF-8", "UTF-16", "Windows-1252"]), help="Only where it is not detected."
)
@click.option("--token-file", type=_FILE, metavar="FILE", help="Holds the bearer token for an address.")
@click.option(
    "--application",
    metavar="ID",
    default="imagekit",
    show_default=True,
    help="With “--list assignments” of the test IdP: its application. The window names it after the account.",
)
@click.option("--intranet", is_flag=True, help="The address is one of a private network, and is meant.")
@click.option("--preview", is_flag=True, help="Tell what importing would do, and change nothing.")
@format_option
@click.pass_context
def import_directory(
    ctx: click.Context,
    source: str,
    account: str | None,
    complete: bool | None,
    taken_at: str | None,
    kind: Any,
    key: str | None,
    encoding: str | None,
    token_file: Path | None,
    application: str,
    intranet: bool,
    preview: bool,
    form: str,
) -> int:
    """Import a directory's list of people, whole or not at all.

    CSV as exported by Entra ID, Okta, OneLogin, Active Directory and Google Workspace, JSON from Microsoft Graph and
    SCIM; from a file, or from the test IdP (the address of its portal) or a SCIM endpoint. What is asked is whether the
    list is complete, and when it was taken.
    """
    if complete is None:
        raise click.UsageError("Say whether the list holds everybody: --complete or --part.")
    wanted = application if kind == "assignments" else ""
    data, name, at = _taken(ctx, source, taken_at, token_file, wanted, intranet=intranet)
    reading = _read(data, key, encoding)
    if form == "text":
        _tell_reading(reading)
    if reading.problem_count:
        _problems(reading, form)
        return 1
    with opened(ctx) as workspace:
        sso = workspace.sso
        found = the_account(sso, account)
        moment = at or sso.now()
        if preview:
            would = sso.preview_directory(found.id, reading, complete=complete, taken_at=moment, kind=kind)
            c = would.comparison
            if form == "json":
                emit(
                    _counts(reading)
                    | {"matched": c.matched, "disabled": c.disabled, "absent": c.absent, "held": would.held}
                )
            else:
                say(f"{c.matched} users are in it, {c.disabled} disabled, {c.absent} missing. Nothing was changed.")
                if would.held:
                    say(f"It would be held back: {would.held}.")
            return 1 if would.held else 0
        made = sso.import_directory(
            found.id, reading, complete=complete, taken_at=moment, source=name, kind=kind, operator=OPERATOR
        )
    if form == "json":
        emit(_counts(reading) | _snapshot(made))
    else:
        say(f"List {made.id}: {made.matched} users are in it, {made.disabled} disabled, {made.absent} missing.")
        if made.held:
            say(f"It is held back: {made.held}. Look at it, then: users lists --confirm {made.id} --type IMAGEKIT_ID")
    return 0 if made.counts else 1


def _taken(
    ctx: click.Context, source: str, taken_at: str | None, token_file: Path | None, application: str, *, intranet: bool
) -> tuple[bytes, str, datetime | None]:
    """(bytes, name, when it was taken; None for now)."""
    from app.accounts.directory.sources import MAX_BYTES

    if source.startswith(("http://", "https://")):
        from app.fetching.directory import DirectoryInside, DirectoryUnreachable, fetch_directory

        token = read_file(token_file, 10_000).decode("utf-8", "replace").strip() if token_file else ""
        try:
            fetched = fetch_directory(
                source, key=token, application=application, intranet=intranet, told=_progress("fetched")
            )
        except DirectoryInside as e:
            raise Unreadable(f"{e} On the command line that is --intranet.") from e
        except DirectoryUnreachable as e:
            raise Unreadable(str(e)) from e
        return fetched.data, fetched.source, given_time(taken_at) if taken_at else None
    if taken_at is None:
        raise click.UsageError("Say when the list was taken: --taken-at 2026-11-23T09:00Z. A file's date may be wrong.")
    return read_file(Path(source), MAX_BYTES), Path(source).name, given_time(taken_at)


def _read(data: bytes, key: str | None, encoding: str | None) -> Reading:
    from app.accounts.directory import DirectoryRefused, read_directory

    try:
        return read_directory(data, key=key, encoding=encoding, told=_progress("read"))
    except DirectoryRefused as e:
        raise Unreadable(str(e)) from e


def _progress(what: str) -> Callable[[int, int], None]:
    """Tell now and then how far it is."""
    last = [0]

    def told(done: int, total: int) -> None:
        if done - last[0] >= 50_000:
            last[0] = done
            tell(f"{done:,} of {max(done, total):,} {what} ...")

    return told


def _counts(reading: Reading) -> dict[str, Any]:
    return {
        "schema": "sso-workbench/directory/1",
        "format": reading.format,
        "key": reading.key,
        "rows": reading.rows,
        "skipped": reading.skipped,
        "problems": reading.problem_count,
        "notes": list(reading.notes),
        "sha256": reading.sha256,
    }


def _tell_reading(reading: Reading) -> None:
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "": "JSON"}
    others = ", ".join(k.column for k in reading.keys if k.column != reading.key)
    tell(
        f"{reading.title}: {reading.rows:,} rows, {reading.encoding}, {names[reading.delimiter]}; people are "
        f"recognised by {reading.key}" + (f" (or --key {others})" if others else "") + "."
    )
    for note in reading.notes:
        tell(f"Note: {note}")


def _problems(reading: Reading, form: str) -> None:
    if form == "json":
        for p in reading.problems:
            emit({"schema": "sso-workbench/directory-problem/1", "row": p.row, "problem": p.sentence})
        return
    table(("row", "problem"), [(p.row or "", p.sentence) for p in reading.problems[:_SHOWN]])
    more = reading.problem_count - min(_SHOWN, len(reading.problems))
    say(f"{reading.problem_count} rows have problems{f' ({more} more)' if more > 0 else ''}; nothing was imported.")


@click.command("lists")
@_account
@click.option("--confirm", type=int, metavar="NUMBER", help="Let a list count that was held back.")
@click.option("--type", "typed", default="", metavar="IMAGEKIT_ID", help="With --confirm: the account's id, typed.")
@click.option("--discard", type=int, metavar="NUMBER", help="Take a list back, as if it had not been imported.")
@format_option
@click.pass_context
def lists(
    ctx: click.Context, account: str | None, confirm: int | None, typed: str, discard: int | None, form: str
) -> int:
    """The directory's lists that were imported: which count, which are held back, which a login has contradicted."""
    with opened(ctx) as workspace:
        sso = workspace.sso
        found = the_account(sso, account)
        known = {v.snapshot.id for v in sso.directory_lists(found.id)}
        for number in (confirm, discard):
            if number is not None and number not in known:
                raise Unreadable(f"There is no list {number} in {found.imagekit_id}. Nothing was changed.")
        if confirm is not None:
            sso.confirm_directory(confirm, typed, operator=OPERATOR)
        if discard is not None:
            sso.discard_directory(discard, operator=OPERATOR)
        views = sso.directory_lists(found.id)
    if form == "json":
        for v in views:
            emit(_snapshot(v.snapshot) | {"asked": v.asked, "contradicted": v.contradicted})
        return 0
    rows = [
        (
            v.snapshot.id,
            v.snapshot.source,
            instant(v.snapshot.taken_at),
            "complete" if v.snapshot.complete else "part",
            v.snapshot.rows,
            v.snapshot.absent,
            state_of_list(v.snapshot, v.asked, v.contradicted),
        )
        for v in views
    ]
    table(("list", "source", "taken at", "", "rows", "missing", "state"), rows)
    if not rows:
        tell("No list was imported yet: users import-directory FILE --complete --taken-at TIME")
    return 0


def state_of_list(snapshot: Snapshot, asked: bool, contradicted: int) -> str:
    """What a list is worth now, in words."""
    if snapshot.discarded_at is not None:
        return "taken back"
    if not snapshot.counts:
        return f"held back: {snapshot.held}"
    if contradicted:
        return f"outdated: {contradicted} logged in since"
    return "counts" if asked else "replaced by a newer one"


def _snapshot(s: Snapshot) -> dict[str, Any]:
    return {
        "schema": "sso-workbench/directory/1",
        "list": s.id,
        "kind": s.kind,
        "source": s.source,
        "taken_at": instant(s.taken_at),
        "imported_at": instant(s.imported_at),
        "operator": s.operator,
        "complete": s.complete,
        "rows": s.rows,
        "matched": s.matched,
        "disabled": s.disabled,
        "absent": s.absent,
        "sha256": s.sha256,
        "held": s.held,
        "counts": s.counts,
        "discarded_at": instant(s.discarded_at) or None,
    }


@click.command("stale", epilog="Exit code: 0. Clean up with “users clean-up”.")
@_account
@click.option("--why", metavar="EMAIL", help="Everything that is known of one person, with dates and sources.")
@click.option("--operator-email", metavar="EMAIL", help="Your own address, which is never on the list.")
@format_option
@click.pass_context
def stale(ctx: click.Context, account: str | None, why: str | None, operator_email: str | None, form: str) -> int:
    """List users who may have left, with the evidence. Protected ones are listed as excluded."""
    with opened(ctx) as workspace:
        sso = workspace.sso
        found = the_account(sso, account)
        panel = sso.seats(found.id)
        if why is not None:
            return _why(sso, found.id, why, operator_email, form)
        rows = sso.stale_users(found.id, operator_email=operator_email)
    if form == "json":
        for r in rows:
            emit(as_dict(r))
        return 0
    heads = ("e-mail", "state", "evidence", "since", "why")
    table(heads, [(r.user.email, r.title, r.evidence, instant(r.since), " ".join(r.why)) for r in rows])
    cost = panel.cost(panel.possible)
    tell(f"{panel.possible} seats could be reclaimed{f', which cost {cost}' if cost else ''}.")
    return 0


def _why(sso: Any, account: int, email: str, operator_email: str | None, form: str) -> int:
    from app.saml.identifiers import normalise_email

    key = normalise_email(email)
    user = next((u for u in sso.users(account) if u.email_key == key), None)
    if user is None:
        raise Unreadable(f"Nobody is registered as {email}.")
    row = sso.why_stale(user.id, operator_email=operator_email)
    if form == "json":
        if row is not None:
            emit(as_dict(row) | {"signals": [[s.kind, instant(s.at), s.source, s.detail] for s in row.signals]})
        return 0
    if row is None:
        say(f"{user.email} is not stale.")
        return 0
    say(f"{user.email}: {row.title} ({row.evidence}). {' '.join(row.why)}")
    table(("when", "what", "source", ""), [(instant(s.at), s.kind, s.source, s.detail) for s in row.signals])
    return 0


def as_dict(r: StaleUser) -> dict[str, Any]:
    """A row of the stale list, as a JSON object."""
    from app.cli.users import user_dict

    return {
        **user_dict(r.user),
        "state": r.state,
        "evidence": r.evidence,
        "why": list(r.why),
        "since": instant(r.since) or None,
        "reclaimable": r.reclaimable,
    }


@click.command(
    "clean-up",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench users clean-up --export plan.csv\n"
        "  sso-workbench users clean-up --export plan.csv --apply --type 12\n"
        "  sso-workbench users clean-up linus@acme-media.test --export plan.csv --apply\n"
        "  sso-workbench users clean-up --verify amber-river-stone-42\n"
        "\n"
        "Exit code: 0 done as planned (or the plan could be), 1 refused, somebody dropped out, or somebody is back.\n"
    ),
)
@click.argument("emails", nargs=-1, metavar="[EMAIL ...]")
@_account
@click.option(
    "--export", "export", type=_FILE, metavar="FILE", help="Where the plan is written to, before anything else."
)
@click.option("--apply", "apply_", is_flag=True, help="Delete them. Without it, nothing is changed.")
@click.option("--type", "typed", type=int, metavar="NUMBER", help="The number of users, where it must be typed.")
@click.option("--verify", metavar="REFERENCE", help="Look at a clean-up again: who came back?")
@click.option("--undo", metavar="REFERENCE", help="Bring everybody of a clean-up back (for 30 days).")
@click.option("--operator-email", metavar="EMAIL", help="Your own address, which is never deleted.")
@format_option
@click.pass_context
def clean_up(
    ctx: click.Context,
    emails: tuple[str, ...],
    account: str | None,
    export: Path | None,
    apply_: bool,
    typed: int | None,
    verify: str | None,
    undo: str | None,
    operator_email: str | None,
    form: str,
) -> int:
    """Plan the deletion of stale users, and apply it with --apply: the confirmed ones, or those that are named."""
    with opened(ctx) as workspace:
        sso = workspace.sso
        if verify is not None:
            return _verify(sso, verify, form)
        if undo is not None:
            undone = sso.undo_cleanup(undo, operator=OPERATOR)
            _outcome(form, undone.batch, "restored", undone.restored, undone.left_out)
            return 1 if undone.left_out else 0
        if export is None:
            raise click.UsageError("Name the file the plan is written to: --export FILE.")
        found = the_account(sso, account)
        plan = sso.plan_cleanup(found.id, _chosen(sso, found.id, emails), operator_email=operator_email)
        from app.accounts.cleanup import plan_as_csv

        write_text(export, plan_as_csv(plan))
        if form == "text":
            table(
                ("e-mail", "state", "evidence", "why"),
                [(i.email, i.state, i.evidence, " ".join(i.why)) for i in plan.items],
            )
        for sentence in plan.refused:
            tell(sentence)
        if not apply_ or plan.refused:
            tell(f"{len(plan.items)} users are planned; {export} holds them. Nothing was changed.")
            if plan.must_type is not None and not plan.refused:
                tell(f"To delete them: --apply --type {plan.must_type}")
            return 1 if plan.refused else 0
        result = sso.apply_cleanup(plan, typed=typed, operator=OPERATOR, operator_email=operator_email)
    _outcome(form, result.batch, "deleted", result.deleted, result.skipped)
    return 1 if result.skipped else 0


def _chosen(sso: Any, account: int, emails: tuple[str, ...]) -> frozenset[int] | None:
    if not emails:
        return None
    from app.saml.identifiers import normalise_email

    people = {u.email_key: u.id for u in sso.users(account)}
    keys = [(e, normalise_email(e) or "") for e in emails]
    unknown = next((e for e, key in keys if key not in people), None)
    if unknown is not None:
        raise Unreadable(f"Nobody is registered as {unknown}. Nothing was changed.")
    return frozenset(people[key] for _, key in keys)


def _outcome(form: str, batch: str, what: str, done: tuple[str, ...], left_out: tuple[tuple[str, str], ...]) -> None:
    if form == "json":
        emit({"schema": "sso-workbench/clean-up/1", "reference": batch, what: list(done), "left_out": dict(left_out)})
        return
    say(f"{batch}: {len(done)} {what}.")
    for email, why in left_out:
        say(f"  {email} was left out. {why}")


def _verify(sso: Any, reference: str, form: str) -> int:
    check = sso.verify_cleanup(reference)
    if form == "json":
        emit(
            {
                "schema": "sso-workbench/clean-up/1",
                "reference": reference,
                "gone": check.gone,
                "back": dict(check.back),
                "seats": {"used": check.seats.used, "limit": check.seats.limit},
            }
        )
    else:
        say(f"{reference}: {check.gone} are gone, {len(check.back)} are back; {check.seats.used} seats are used.")
        for email, how in check.back:
            say(f"  {email}: {how}")
    return 0 if check.holds else 1
