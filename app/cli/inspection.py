"""`inspect`: judges messages from files, folders and standard input, ad hoc or against an account of the workspace.

Ad hoc it needs neither the database nor Qt, so it starts fast and works anywhere.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from app.cli.output import (
    Unreadable,
    emit,
    given_time,
    instant,
    read_file,
    say,
    shout,
    sources,
    tell,
)

if TYPE_CHECKING:
    from app.saml.error_texts import ErrorText
    from app.saml.expectation import Expectation
    from app.saml.intake import Intake, Piece, Trace
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
_FILE: Final = click.Path(path_type=Path)
#: Checks that were skipped for one reason are listed one by one up to this number.
_MOST_ALIKE: Final = 4


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
    type=click.Choice(["text", "json", "html", "markdown"]),
    default="text",
    show_default=True,
    help="Text for people, JSON Lines, or one HTML or Markdown document to send on.",
)
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
) -> int:
    """Decode and validate messages.

    INPUT is a file, a folder (every file in it) or - for standard input. Anything that holds messages will do: XML,
    base64, a posted form, a URL, a saved page, a log, a HAR file, an export of SAML-tracer, an e-mail, a ZIP archive of
    these. A recorded login is shown step by step, and error texts (AADSTS50105, MSIS7042 ...) are explained, too.
    Cookies, passwords and the like are left out.
    """
    when = None if at in (None, "issue") else given_time(at or "")
    judge: Callable[[Piece], Report]
    if account is not None:
        from app.cli.workspace import opened
        from app.saml.metadata import load_private_key
        from app.sso import Overrides

        if test_idp:
            raise click.UsageError("--test-idp is for ad hoc use; config set --test-idp says it of an account.")
        if sp_metadata is not None:
            raise click.UsageError("--sp-metadata is for ad hoc use; an account has a service provider already.")
        if idp_entity_id is not None:
            raise click.UsageError(
                "--idp-entity-id belongs to --idp-cert; an account has an identity provider already."
            )
        overrides = Overrides(
            policy=policy,
            profile=profile,
            clock_skew_s=clock_skew,
            idp_metadata=None if idp_metadata is None else read_file(idp_metadata),
            certificates=tuple(read_file(p) for p in idp_cert),
            sp_entity_id=sp_entity_id,
            acs_url=acs_url,
            in_response_to=in_response_to,
            decryption_keys=tuple(load_private_key(read_file(p)) for p in decryption_key),
        )
        workspace = ctx.with_resource(opened(ctx))

        def judge(piece: Piece) -> Report:
            return workspace.sso.inspect(
                piece.source,
                account,
                at="issue" if at == "issue" else when or piece.captured_at,
                overrides=overrides,
                relay_state=piece.relay_state if relay_state is None else relay_state,
                name=piece.name,
                channel=piece.channel,
            )
    else:
        expectation = ad_hoc(
            idp_metadata=None if idp_metadata is None else read_file(idp_metadata),
            certificates=tuple(read_file(p) for p in idp_cert),
            idp_entity_id=idp_entity_id,
            sp_metadata=None if sp_metadata is None else read_file(sp_metadata),
            sp_entity_id=sp_entity_id,
            acs_url=acs_url,
            in_response_to=in_response_to,
            decryption_keys=tuple(read_file(p) for p in decryption_key),
            clock_skew_s=clock_skew,
            policy=policy,
            profile=profile,
            test_idp=test_idp,
        )
        if not expectation.configured:
            tell("Judged by nothing: name --idp-metadata, --idp-cert or --account to have signatures verified.")

        def judge(piece: Piece) -> Report:
            from app.saml.report import inspect, issue_instant_of

            def as_of(now: datetime) -> Report:
                state = piece.relay_state if relay_state is None else relay_state
                return inspect(
                    piece.source, expectation, now=now, channel=piece.channel, relay_state=state, name=piece.name
                )

            report = as_of(when or piece.captured_at or datetime.now(UTC))
            issued = issue_instant_of(report) if at == "issue" else None
            return report if issued is None else as_of(issued)

    if redact or form in ("html", "markdown"):
        from app.cli.sharing import share

        return share(inputs, judge, form=form, redacted=redact, every_check=all_checks)

    from app.saml.intake import MOST_BYTES, take_in

    code = 0
    first = True
    for name, data in sources(inputs, MOST_BYTES):
        if isinstance(data, Unreadable):
            tell(data)
            code = 2
            continue
        if not first and form != "json":
            say()
        first = False
        code = max(code, _take(take_in(data, name=name), name, judge, form=form, all_checks=all_checks))
    return code


def _take(intake: Intake, name: str, judge: Callable[[Piece], Report], *, form: str, all_checks: bool) -> int:
    """Judge and print everything that one input holds, and give its exit code (2: it could not be read at all)."""
    from app.saml.intake import of_piece

    as_json = form == "json"
    remark = tell if as_json else say
    is_plain = len(intake.pieces) == 1 and not (intake.trace or intake.errors or intake.problems or intake.notes)
    if not is_plain:
        remark(f"{name}: {intake.what}")
        for text in (*(p.message for p in intake.problems), *intake.notes):
            remark(f"  {text}")
    if intake.trace is not None:
        if as_json:
            emit(intake.trace.as_dict(name, intake.pieces))
        else:
            show_trace(intake.trace, intake.pieces)
    code = 1 if intake.errors or intake.problems else 0
    for piece in intake.pieces:
        report = of_piece(judge(piece), piece)
        if as_json:
            emit(report.as_dict())
        else:
            if not is_plain:
                say()
            show(report, all_checks=all_checks)
        sys.stdout.flush()
        if report.verdict != "accept":
            code = max(code, 1)
    for error in intake.errors:
        if as_json:
            emit(error.as_dict(name))
        else:
            say()
            show_error(error)
    if intake.pieces or intake.errors or intake.trace:
        return code
    return 2 if intake.problems else 1


def ad_hoc(
    *,
    idp_metadata: bytes | None = None,
    certificates: tuple[bytes, ...] = (),
    idp_entity_id: str | None = None,
    sp_metadata: bytes | None = None,
    sp_entity_id: str | None = None,
    acs_url: str | None = None,
    in_response_to: str | None = None,
    decryption_keys: tuple[bytes, ...] = (),
    clock_skew_s: int | None = None,
    policy: Literal["strict", "diagnose"] = "strict",
    profile: Literal["saml", "imagekit"] = "imagekit",
    test_idp: bool = False,
) -> Expectation:
    """What is expected of a message without any workspace. Unreadable for metadata or keys that cannot be used."""
    from app.product import IMAGEKIT
    from app.saml.errors import KeyFileError
    from app.saml.expectation import Expectation, Policy, TrustedKey
    from app.saml.metadata import load_certificates, load_private_key, read_metadata

    issuer, idp = idp_entity_id, None
    keys: tuple[TrustedKey, ...] = ()
    if idp_metadata is not None:
        reading = read_metadata(idp_metadata, entity=idp_entity_id)
        if reading.idp is None:
            why = reading.problems[0].message if reading.problems else "It describes no identity provider."
            raise Unreadable(f"The IdP metadata cannot be used. {why}")
        idp = reading.idp
        issuer, keys = idp.entity_id, tuple(idp.signing_keys)
    logout_url: str | None = IMAGEKIT.logout_url
    sp_keys: tuple[TrustedKey, ...] = ()
    if sp_metadata is not None:
        about = read_metadata(sp_metadata, expect="sp")
        acs = about.sp.acs_endpoints if about.sp else ()
        if about.sp is None or not acs:
            why = about.problems[0].message if about.problems else "It describes no service provider with an ACS."
            raise Unreadable(f"The SP metadata cannot be used. {why}")
        sp_entity_id = sp_entity_id or about.sp.entity_id
        acs_url = acs_url or next((a for a in acs if a.is_default), acs[0]).location
        logout_url = next(iter(about.sp.slo_urls), None)
        sp_keys = tuple(TrustedKey(c, f"metadata of {about.sp.entity_id}") for c in about.sp.signing_certificates)
    try:
        given = [c for data in certificates for c in load_certificates(data)]
        private = tuple(load_private_key(data) for data in decryption_keys)
    except KeyFileError as e:
        raise Unreadable(str(e)) from e
    keys += tuple(TrustedKey(c, "given certificate") for c in given)
    sp = IMAGEKIT
    return Expectation(
        idp_entity_id=issuer,
        idp_display_name=idp.display_name if idp else None,
        trusted_keys=keys,
        sp_entity_id=sp_entity_id or sp.entity_id,
        acs_url=acs_url or sp.acs_url,
        decryption_keys=private,  # type: ignore[arg-type]  # a key of another kind fits no message and is passed over
        relay_states=sp.relay_states,
        profile=profile,
        policy=Policy(name=policy, clock_skew=timedelta(seconds=180 if clock_skew_s is None else clock_skew_s)),
        expected_request=in_response_to,
        judges_correlation=in_response_to is not None,
        trusted_test_idp=test_idp,
        idp_sso_urls=idp.sso_urls if idp else (),
        idp_slo_urls=idp.slo_urls if idp else (),
        idp_nameid_formats=idp.nameid_formats if idp else (),
        wants_signed_requests=idp is not None and idp.want_authn_requests_signed,
        logout_url=logout_url,
        sp_keys=sp_keys,
    )


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
