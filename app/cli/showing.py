"""Reports, recorded logins and error texts for people, as text on standard output."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from app.cli.output import instant, say, shout

if TYPE_CHECKING:
    from app.saml.error_texts import ErrorText
    from app.saml.intake import Piece, Trace
    from app.saml.report import Report

_STATE: Final = {
    "accept": "ok",
    "unknown": "warn",
    "not-provisioned": "warn",
    "refused-by-idp": "warn",
    "reject": "error",
}
_MARK: Final = {
    "fail": ("FAIL", "error"),
    "warn": ("warn", "warn"),
    "skipped": ("skip", "warn"),
    "info": ("info", "muted"),
    "pass": ("pass", "ok"),
    "not-applicable": ("  - ", "muted"),
}
#: Checks that were skipped for one reason are listed one by one up to this number.
_MOST_ALIKE: Final = 4


def show_trace(trace: Trace, pieces: tuple[Piece, ...]) -> None:
    """A recorded login for people: one line for each step, then what is missing."""
    say()
    shout(f"The login as {trace.kind} recorded it", "ok" if not trace.missing else "warn")
    for step in trace.steps:
        when = f"{step.at:%H:%M:%S}  " if step.at else ""
        status = "" if step.status is None else f"  {step.status}"
        say(f"  {step.number:>3}  {when}{step.method} {step.url}{status}")
        messages = ", ".join(pieces[i].name for i in step.pieces if i < len(pieces))
        if step.note or messages:
            say(f"       {step.note or 'carries'}{f' ({messages})' if messages else ''}")
    if trace.left_out:
        say(f"  Not shown: {trace.left_out:,} requests that carry no part of the login.")
    for sentence in trace.missing:
        shout(f"  Missing: {sentence}", "warn")


def show_error(error: ErrorText) -> None:
    """An explained error text for people: what it means, who acts, what to change."""
    shout(f"{error.code} ({error.vendor_name}): {error.title} ({error.who})", "warn")
    say(f"  “{error.excerpt}”")
    say(f"  {error.cause}")
    for vendor, steps in error.fix.items():
        say(f"  {vendor}: {steps}")


def show(report: Report, *, all_checks: bool = False) -> None:
    """One report for people: the verdict, the cause, who acts, then the findings and the claims."""
    shout(f"{report.source}: {report.verdict.upper()}", _STATE[report.verdict])
    say(report.headline)
    how = f"as of {instant(report.evaluated_at)}, {report.clock_skew_s} s of tolerance, policy {report.policy}"
    say(f"{report.kind}{f' from {report.issuer}' if report.issuer else ''}; judged {how}.")
    if report.layers:
        repaired = f"; repaired: {', '.join(report.repairs)}" if report.repairs else ""
        say(f"Decoded: {', '.join(report.layers)}{repaired}.")
    for cause in report.diagnosis:
        say()
        shout(f"{cause.title} ({cause.who}, {cause.severity})", "warn" if cause.severity != "info" else "muted")
        say(f"  {cause.cause}")
        if cause.confidence != "certain":
            say(f"  {cause.confidence.capitalize()}: {cause.because}")
        for vendor, steps in cause.fix.items():
            say(f"  {vendor}: {steps}")
        if cause.sp_steps:
            say(f"  here: {' '.join(cause.sp_steps)}")
        if cause.settings is not None:
            change = cause.settings
            say(
                f"  setting {change.field}: {change.current or 'none'} → {change.proposed or 'none'}. {change.sentence}"
            )
    _show_signatures(report)
    chosen = [c for c in report.checks if all_checks or c.status.value in ("fail", "warn", "skipped", "info")]
    if chosen:
        say()
    # Where nothing could be read, nearly every check is skipped for the same reason: told once, with their number.
    reasons = Counter(c.message for c in chosen if c.status.value == "skipped")
    told: set[str] = set()
    for c in sorted(chosen, key=lambda c: list(_MARK).index(c.status.value)):
        mark, state = _MARK[c.status.value]
        if c.status.value == "skipped" and reasons[c.message] > _MOST_ALIKE and not all_checks:
            if c.message not in told:
                told.add(c.message)
                shout(f"{mark}  {reasons[c.message]} checks: {c.message}", state)
            continue
        shout(f"{mark}  {c.id}: {c.message}", state)
        for label, value in (("expected", c.expected), ("actual", c.actual), ("where", _where(c.where, c.line))):
            if value:
                say(f"        {label}: {value}")
    if report.name_id is not None:
        say()
        say(f"NameID {report.name_id} ({report.name_id_provenance})")
        for a in report.attributes:
            say(f"  {a.name} = {', '.join(a.values)}")
    if report.provisioning is not None:
        p = report.provisioning
        seats = "" if p.seats_used is None else f" Seats: {p.seats_used} of {p.seats_limit}."
        say(f"Provisioning: {p.outcome}. {p.message}{seats}")


def _show_signatures(report: Report) -> None:
    """Why a signature fails: where, and which damage explains it. Nothing where every signature is good."""
    if all(s.status == "valid" for s in report.signatures):
        return
    from app.saml.damage import explain_signatures

    for found in explain_signatures(report):
        if found.fails_at != "nothing":
            say()
            shout(f"Signature of the {found.covers} (line {found.line}) fails at: {found.fails_at}", "warn")
            say(f"  {found.sentence}")
            for key in found.keys:
                fits = {True: "fits", False: "does not fit", None: "not tried"}[key.fits]
                say(f"  {key.source} key {key.fingerprint[:16]}… {fits}. {key.resembles}".rstrip())


def _where(path: str | None, line: int) -> str:
    return "" if not path else f"{path} (line {line})" if line else path
