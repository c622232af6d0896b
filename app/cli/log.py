"""`log`: the log of logins and just-in-time provisioning, with its filters, and one event whole."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.output import emit, format_option, given_span, given_time, instant, say, shout, table, tell
from app.cli.workspace import opened

if TYPE_CHECKING:
    from app.sharing.log_files import Format, Level
    from app.sso import SSO
    from app.store import EventFilter, EventRecord

_PAGE = 256


@click.command(
    "log",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench log --status failure --since 24h\n"
        "  sso-workbench log --check audience-match --format json\n"
        "  sso-workbench log amber-otter-quilt-42\n"
        "  sso-workbench log --since change --reasons\n"
        "  sso-workbench log --status failure --export failures.csv --level stand-ins\n"
    ),
)
@click.argument("reference", required=False)
@click.option("--account", metavar="IMAGEKIT_ID", help="Only this account.")
@click.option("--text", default="", metavar="TEXT", help="In e-mail, name, reference or assertion id.")
@click.option("--kind", type=click.Choice(["login", "user", "configuration", "account", "upkeep"]))
@click.option("--status", type=click.Choice(["success", "warning", "failure", "skipped"]))
@click.option("--outcome", metavar="NAME", help="created, updated, unchanged, rejected, ...")
@click.option("--reason", metavar="CODE", help="The exact reason, for example seat.full.")
@click.option("--category", metavar="NAME", help="The reason's category, for example seat.")
@click.option("--check", metavar="ID", help="Only where this check failed.")
@click.option("--role", metavar="NAME", help="Only where the role before, asserted or after it was this.")
@click.option("--flow", type=click.Choice(["idp_initiated", "sp_initiated", "unknown"]))
@click.option("--mode", type=click.Choice(["live", "test", "dry_run"]))
@click.option("--origin", metavar="NAME", help="acs, simulator, login-page, operator, ...")
@click.option("--issuer", metavar="ENTITY_ID", help="Only messages of this identity provider.")
@click.option("--certificate", metavar="SHA256", help="Only what this certificate verified.")
@click.option("--revision", type=int, metavar="N", help="Only what this configuration revision judged.")
@click.option(
    "--since", metavar="WHEN", help='A time, a span such as 15m, 24h or 7d, or "change": the last configuration change.'
)
@click.option("--until", metavar="WHEN", help="A time, or a span before now.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, metavar="N")
@click.option("--reasons", "by_reason", is_flag=True, help="Count the reasons instead: one user, or everybody?")
@click.option(
    "--export",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write all that fits, whole: FILE.csv (with FILE-checks.csv and FILE-changes.csv) or FILE.jsonl.",
)
@click.option(
    "--level",
    type=click.Choice(["full", "stand-ins", "anonymous"]),
    default="full",
    show_default=True,
    help="What an export says of people and servers.",
)
@format_option
@click.pass_context
def command(
    ctx: click.Context,
    reference: str | None,
    account: str | None,
    text: str,
    kind: Any,
    status: str | None,
    outcome: str | None,
    reason: str | None,
    category: str | None,
    check: str | None,
    role: str | None,
    flow: str | None,
    mode: str | None,
    origin: str | None,
    since: str | None,
    until: str | None,
    issuer: str | None,
    certificate: str | None,
    revision: int | None,
    limit: int,
    by_reason: bool,
    target: Path | None,
    level: Any,
    form: str,
) -> int:
    """Show the log, newest first; with REFERENCE one event with every check and change."""
    from app.store import EventFilter

    with opened(ctx) as workspace:
        sso, now = workspace.sso, workspace.now()
        if reference is not None:
            _show_one(sso, sso.event(reference), form)
            return 0
        account_id = None if account is None else sso.account(account).id
        which = EventFilter(
            text=text,
            kind=kind,
            status=status,
            outcome=outcome,
            reason=reason,
            category=category,
            check=check,
            role=role,
            flow=flow,
            mode=mode,
            origin=origin,
            issuer=issuer,
            certificate=None if certificate is None else certificate.replace(":", "").lower(),
            revision=revision,
            since=sso.configuration_changed_at(account_id) if since == "change" else _when(since, now),
            until=_when(until, now),
            account=account_id,
        )
        if target is not None:
            return _export(sso, which, target, level)
        if by_reason:
            _reasons(sso, which, form)
            return 0
        shown = _list(sso, which, limit, form)
        if form == "text":
            total = sso.count_events(which)
            tell(f"{shown} of {total} events." if total else "No event fits.")
    return 0


class _Told:
    """Tells on standard error how far an export is."""

    cancelled = False

    def report(self, done: int, total: int, _text: str = "") -> None:
        """A line now and then."""
        if done == total or done % 10_000 == 0:
            tell(f"{done:,} of {total:,} events")


def _export(sso: SSO, which: EventFilter, target: Path, level: Level) -> int:
    """Write the files of an export; 2 where they cannot be written."""
    import secrets

    from app.product import ROLE_IDS
    from app.sharing.log_files import NotWritten, Redactor, paths_of, write_log

    kinds: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl"}
    form = kinds.get(target.suffix.lower())
    if form is None:
        raise click.BadParameter("The name of an export ends in .csv or .jsonl.", param_hint="--export")
    redactor = Redactor(level, secrets.token_bytes(32), frozenset(ROLE_IDS))
    try:
        written = write_log(_Told(), sso, which, target, form, redactor)
    except NotWritten as e:
        raise click.UsageError(str(e)) from e
    say(f"{written:,} events written to {', '.join(p.name for p in paths_of(target, form))}.")
    return 0


def _reasons(sso: SSO, which: EventFilter, form: str) -> None:
    counted = sso.reasons(which)
    if form == "json":
        for category, reason, events, people in counted:
            emit({"category": category, "reason": reason, "events": events, "people": people})
        return
    table(("category", "reason", "events", "people"), [(c, r, f"{e:,}", f"{p:,}") for c, r, e, p in counted])
    tell(f"{len(counted)} reasons." if counted else "No event that fits has a reason.")


def _when(text: str | None, now: dt.datetime) -> dt.datetime | None:
    if text is None:
        return None
    try:
        return now - given_span(text)
    except click.BadParameter:
        return given_time(text)


def _list(sso: SSO, which: Any, limit: int, form: str) -> int:
    """Page through what the filter shows; JSON is written as it comes, so that a long log needs no memory."""
    from app.store.events import page_key

    names = {a.id: a.imagekit_id for a in sso.accounts()}
    rows: list[tuple[object, ...]] = []
    after, shown = None, 0
    while shown < limit:
        page = sso.events(which, after=after, limit=min(_PAGE, limit - shown))
        if not page:
            break
        for e in page:
            if form == "json":
                emit(as_dict(e, names))
            else:
                who, role = e.email_key or "-", e.role_after or "-"
                rows.append((instant(e.at), e.status, e.outcome, who, role, e.reference, e.sentence))
        sys.stdout.flush()
        shown += len(page)
        after = page_key(page[-1])
    table(("at", "status", "outcome", "person", "role", "reference", "what"), rows)
    return shown


def as_dict(e: EventRecord, accounts: dict[int, str], *, whole: bool = False) -> dict[str, Any]:
    """An event as a JSON object; `whole` adds checks, changes and facts."""
    found: dict[str, Any] = {
        "schema": "sso-workbench/event/1",
        "reference": e.reference,
        "at": instant(e.at),
        "kind": e.kind,
        "origin": e.origin,
        "mode": e.mode,
        "flow": e.flow,
        "operator": e.operator,
        "account": accounts.get(e.account_id) if e.account_id is not None else None,
        "status": e.status,
        "outcome": e.outcome,
        "verdict": e.verdict,
        "reason": e.reason or None,
        "sentence": e.sentence,
        "action": e.action or None,
        "email": e.email_key or None,
        "full_name": e.full_name or None,
        "role": {"before": e.role_before, "asserted": e.role_asserted, "after": e.role_after},
        "seats": {"before": e.seats_before, "after": e.seats_after, "limit": e.seats_limit},
        "issuer": e.issuer,
        "assertion_id": e.assertion_id,
        "in_response_to": e.in_response_to,
        "failed_checks": list(e.failed_checks),
        "faults": list(e.faults),
        "as_expected": e.as_expected,
    }
    if whole:
        found["checks"] = [
            {
                "id": c.id,
                "status": c.status,
                "severity": c.severity,
                "message": c.message,
                "expected": c.expected,
                "actual": c.actual,
                "where": c.where,
            }
            for c in e.checks
        ]
        found["changes"] = [
            {"field": c.field, "old": c.old, "new": c.new, "applied": c.applied, "why": c.why} for c in e.changes
        ]
        found["details"] = e.details
        found["has_message"] = e.has_raw
    return found


def _show_one(sso: SSO, e: EventRecord, form: str) -> None:
    names = {a.id: a.imagekit_id for a in sso.accounts()}
    if form == "json":
        emit(as_dict(e, names, whole=True))
        return
    state = {"success": "ok", "warning": "warn", "failure": "error"}.get(e.status, "muted")
    shout(f"{e.reference}  {instant(e.at)}  {e.outcome}", state)
    say(e.sentence)
    if e.action:
        say(f"To do: {e.action}")
    account = names.get(e.account_id or 0) or "none"
    by = f", by {e.operator}" if e.operator else ""
    say(f"Account {account}, {e.flow.replace('_', '-')}, {e.origin}, {e.mode}{by}")
    if e.email_key:
        say(f"Person {e.email_key}, role {e.role_before or '-'} → {e.role_after or '-'}")
    if e.seats_after is not None:
        say(f"Seats {e.seats_before} → {e.seats_after} of {e.seats_limit}")
    for c in e.changes:
        say(f"  {c.field}: {c.old or '-'} → {c.new or '-'}{'' if c.applied else ' (not applied)'} {c.why}".rstrip())
    if e.faults:
        say(f"Faults: {', '.join(e.faults)}")
    for check in e.checks:
        if check.status in ("fail", "warn", "skipped"):
            shout(f"{check.status}  {check.id}: {check.message}", "error" if check.status == "fail" else "warn")
