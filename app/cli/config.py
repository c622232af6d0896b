"""`config`: the SSO configuration of an account: showing, changing, its revisions, and testing it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli import accounts, applying, guiding, sp_keys
from app.cli.certificates import certificates
from app.cli.guiding import show_step
from app.cli.metadata_source import source
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
from app.cli.what_if import decided_values, what_if
from app.cli.who import operator
from app.cli.workspace import OPERATOR, account_option, opened, the_account

if TYPE_CHECKING:
    from app.bootstrap import Workspace
    from app.sso import SSO, ConfigurationView, Difference
    from app.sso.values import ChoiceView
    from app.store import ConfigurationTest

_account = account_option
_based_on = click.option(
    "--based-on",
    type=click.IntRange(0),
    metavar="REVISION",
    help="The revision you looked at: where somebody saved another since, nothing is changed and it is told.",
)


@click.group(
    "config",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench config show\n"
        "  sso-workbench config set --account ik_7x2k --idp-metadata idp.xml\n"
        "  sso-workbench config set --account ik_child --create 'Child Media' --entity-id suggested\n"
        "  sso-workbench config set --account ik_7x2k --idp-metadata idp.xml --based-on 4\n"
        "  sso-workbench config set --account ik_7x2k --choose clock_skew_s=240 --unchoose allow_sha1\n"
        "  sso-workbench config history && sso-workbench config diff 3 4 && sso-workbench config restore 3\n"
        "  sso-workbench config test --login && sso-workbench config set --enforce on\n"
        "  sso-workbench config recovery-codes > codes.txt\n"
        "  sso-workbench config what-if --idp-metadata newer.xml --last 10000\n"
        "  sso-workbench config certificates --ics certificates.ics\n"
        "  sso-workbench config source --url https://idp.example/metadata --every 24 --look\n"
    ),
)
def command() -> None:
    """The SSO configuration of an account."""


command.add_command(applying.command)
command.add_command(guiding.command)
command.add_command(sp_keys.command)
command.add_command(accounts.command)


@command.command("show")
@_account
@click.option("--vendor", metavar="NAME", help="Also the steps at entra, okta, onelogin, adfs or generic.")
@click.option("--choices", is_flag=True, help="Also what the account may decide for itself, and what each costs.")
@format_option
@click.pass_context
def show(ctx: click.Context, account: str | None, vendor: str | None, choices: bool, form: str) -> int:
    """Show the configuration, and what the identity provider must be told."""
    with opened(ctx) as workspace:
        found = the_account(workspace.sso, account)
        _show(workspace.sso, workspace.sso.configuration(found.id), vendor, form)
        if choices and form != "json":
            _show_choices(workspace.sso.choices(found.id))
    return 0


def _show_choices(views: Iterable[ChoiceView]) -> None:
    say()
    say("Decided for this account (+) or as in Preferences (-); config set --choose NAME=VALUE changes one:")
    for view in views:
        say(f"  {'+' if view.decided else '-'} {view.choice.name} = {view.choice.shown(view.value)}")
        say(f"      {view.choice.title}. {view.choice.explanation}")
        for value, meaning in view.choice.options.items():
            say(f"        {value}: {meaning}")
        say(f"      What it costs: {view.choice.cost}")


@command.command("set")
@_account
@click.option("--create", metavar="NAME", help="Create the account under this name first.")
@click.option("--idp-metadata", metavar="FILE", help="Save this metadata, which turns SSO on (- for standard input).")
@click.option("--test-idp", is_flag=True, help="The metadata is that of a test IdP, which is trusted on purpose.")
@click.option("--entity", metavar="ID", help="The identity provider to take out of an aggregate.")
@click.option("--delete-metadata", is_flag=True, help="Delete the metadata, which turns SSO off.")
@click.option("--entity-id", metavar="ID", help="Override the Identifier; “default” or “suggested” also work.")
@click.option(
    "--choose",
    multiple=True,
    metavar="NAME=VALUE",
    help="Decide this for the account (repeatable); config show --choices lists the names.",
)
@click.option("--unchoose", multiple=True, metavar="NAME", help="Leave this to the preferences again (repeatable).")
@click.option("--plan", metavar="PLAN", help="free, paid or enterprise.")
@click.option("--seats", type=int, metavar="N", help="The seat limit.")
@click.option("--seat-price", metavar="TEXT", help="What a seat costs; empty removes it.")
@click.option("--name", metavar="NAME", help="The account's name.")
@click.option(
    "--enforce",
    type=click.Choice(["on", "off"]),
    help="Let people in through single sign-on only: asks for a test of the saved revision by an administrator.",
)
@_based_on
@format_option
@click.pass_context
def change(
    ctx: click.Context,
    account: str | None,
    create: str | None,
    idp_metadata: str | None,
    test_idp: bool,
    entity: str | None,
    delete_metadata: bool,
    entity_id: str | None,
    choose: tuple[str, ...],
    unchoose: tuple[str, ...],
    plan: str | None,
    seats: int | None,
    seat_price: str | None,
    name: str | None,
    enforce: str | None,
    based_on: int | None,
    form: str,
) -> int:
    """Change the configuration. Every change of it is kept as a revision."""
    if idp_metadata is not None and delete_metadata:
        raise click.UsageError("Choose either --idp-metadata or --delete-metadata.")
    if test_idp and idp_metadata is None:
        raise click.UsageError("--test-idp belongs to --idp-metadata.")
    if create is not None and account is None:
        raise click.UsageError("--create needs --account, the id of the new account.")
    given = (create, idp_metadata, entity_id, plan, seats, seat_price, name, choose or None, unchoose or None, enforce)
    if all(g is None for g in given) and not delete_metadata:
        raise click.UsageError("Say what to change; see sso-workbench config set --help.")
    decided = decided_values(choose, unchoose)
    document = None
    if idp_metadata is not None:
        document = read_stdin() if idp_metadata == "-" else read_file(Path(idp_metadata))
    with opened(ctx) as workspace, _told_what_moved(form):
        sso = workspace.sso
        if create is not None:
            found = sso.create_account(account or "", create, operator=OPERATOR)
        else:
            found = the_account(sso, account)
        if any(g is not None for g in (plan, seats, seat_price, name)):
            sso.update_account(
                found.id, plan=plan, seat_limit=seats, seat_price=seat_price, name=name, operator=OPERATOR
            )
        if entity_id is not None:
            words = {"default": None, "suggested": sso.sp.child_entity_id(found.imagekit_id)}
            wanted = words.get(entity_id, entity_id)
            view = sso.set_entity_id(found.id, wanted, operator=OPERATOR, based_on=based_on)
            based_on = None if based_on is None else view.account.revision
        if decided:
            view = sso.set_choices(found.id, decided, operator=OPERATOR, based_on=based_on)
            based_on = None if based_on is None else view.account.revision
        if document is not None:
            sso.save_metadata(
                found.id, document, operator=OPERATOR, entity=entity, test_idp=test_idp, based_on=based_on
            )
        elif delete_metadata:
            sso.delete_metadata(found.id, operator=OPERATOR, based_on=based_on)
        if enforce is not None:
            verb = sso.enforce if enforce == "on" else sso.stop_enforcing
            verb(found.id, operator=OPERATOR, based_on=based_on if document is None and not delete_metadata else None)
        _show(sso, sso.configuration(found.id), None, form)
    return 0


@command.command("history")
@_account
@format_option
@click.pass_context
def history(ctx: click.Context, account: str | None, form: str) -> int:
    """List the revisions, newest first: when, who, what."""
    with opened(ctx) as workspace:
        found = the_account(workspace.sso, account)
        rows = workspace.sso.configuration_history(found.id)
        tests = workspace.sso.safety(found.id).tests
    if form == "json":
        for r in rows:
            emit(
                {
                    "revision": r.number,
                    "at": instant(r.at),
                    "operator": r.operator,
                    "what": r.what,
                    "idp_entity_id": r.idp_entity_id,
                    "entity_id": r.entity_id,
                    "sso_on": r.document is not None,
                    "enforced": r.enforced,
                    "test": _test(next((t for t in tests if t.revision == r.number), None)),
                    "sha256": r.sha256,
                }
            )
    elif rows:
        words = {t.revision: "passed" if t.passed else "failed" for t in reversed(tests)}
        table(
            ("rev", "at", "by", "test", "what"),
            [(r.number, instant(r.at), r.operator, words.get(r.number, ""), r.what) for r in rows],
        )
    else:
        say("This account was never configured.")
    return 0


@command.command("restore")
@click.argument("revision", type=int)
@_account
@_based_on
@format_option
@click.pass_context
def restore(ctx: click.Context, revision: int, account: str | None, based_on: int | None, form: str) -> int:
    """Make an earlier REVISION the current one again, as a new revision."""
    with opened(ctx) as workspace, _told_what_moved(form):
        found = the_account(workspace.sso, account)
        view = workspace.sso.restore_revision(found.id, revision, operator=OPERATOR, based_on=based_on)
        _show(workspace.sso, view, None, form)
    return 0


@command.command("diff")
@click.argument("old", type=click.IntRange(0), metavar="REVISION")
@click.argument("new", type=click.IntRange(0), metavar="REVISION")
@_account
@format_option
@click.pass_context
def diff(ctx: click.Context, old: int, new: int, account: str | None, form: str) -> int:
    """Compare two revisions by meaning; 0 is the time before the first. Exit code 1 if they differ."""
    with opened(ctx) as workspace:
        found = workspace.sso.compare_revisions(the_account(workspace.sso, account).id, old, new)
    if form == "json":
        for d in found:
            emit({"what": d.what, "old": d.old, "new": d.new})
    else:
        table(("what", f"revision {old}", f"revision {new}"), [(d.what, d.old or "", d.new or "") for d in found])
        if not found:
            say("The two revisions say the same.")
    return 1 if found else 0


@command.command("export")
@click.argument("revision", type=click.IntRange(1))
@_account
@click.pass_context
def export(ctx: click.Context, revision: int, account: str | None) -> int:
    """Print the metadata of a REVISION, byte by byte as it was saved."""
    with opened(ctx) as workspace:
        found = the_account(workspace.sso, account)
        known = workspace.sso.configuration_history(found.id)
    saved = next((r for r in known if r.number == revision), None)
    if saved is None:
        raise Unreadable(f"The account {found.imagekit_id} has no revision {revision}; see config history.")
    if saved.document is None:
        raise Unreadable(f"Revision {revision} holds no metadata: single sign-on was off.")
    sys.stdout.buffer.write(saved.document)
    sys.stdout.buffer.flush()
    return 0


@contextmanager
def _told_what_moved(form: str) -> Iterator[None]:
    """Where somebody else was faster, list what they changed and what the refused change would have changed."""
    from app.sso.errors import Moved

    try:
        yield
    except Moved as e:
        if form == "json":
            emit({"moved": {"base": e.base, "current": e.current.number, "by": e.current.operator,
                            "theirs": _differences(e.theirs), "mine": _differences(e.mine)}})  # fmt: skip
        else:
            for title, found in (("Theirs", e.theirs), ("Yours", e.mine)):
                for d in found:
                    say(f"{title:<7} {d}")
        raise


def _differences(found: tuple[Difference, ...]) -> list[dict[str, str | None]]:
    return [{"what": d.what, "old": d.old, "new": d.new} for d in found]


command.add_command(source)
command.add_command(what_if)
command.add_command(certificates)
command.add_command(operator)


@command.command("recovery-codes")
@_account
@click.pass_context
def recovery_codes(ctx: click.Context, account: str | None) -> int:
    """Make new recovery codes, which makes earlier ones void, and print them this once."""
    with opened(ctx) as workspace:
        codes = workspace.sso.make_recovery_codes(the_account(workspace.sso, account).id, operator=OPERATOR)
    for code in codes:
        say(code)
    tell("Put them away safely: they cannot be read again, and each lets an administrator in once.")
    return 0


@command.command("test")
@_account
@click.option("--login", is_flag=True, help="A real login against the saved revision, with the built-in IdP.")
@click.option("--user", metavar="NAME", help="With --login: who of its directory; default: an administrator.")
@click.option("--reference", metavar="REFERENCE", help="Take this login of the log as the test of the saved revision.")
@format_option
@click.pass_context
def test(
    ctx: click.Context, account: str | None, login: bool, user: str | None, reference: str | None, form: str
) -> int:
    """Look at the saved configuration as of now: could a login work? Exit code 1 if not.

    With --login or --reference it is tested by a real login, which is kept with the revision: enforcing asks for it.
    """
    if user is not None and not login:
        raise click.UsageError("--user belongs to --login.")
    if login and reference is not None:
        raise click.UsageError("Choose either --login or --reference.")
    from app.saml.names import BINDING_REDIRECT

    with opened(ctx) as workspace:
        sso = workspace.sso
        found = the_account(sso, account)
        tested = None
        if login:
            tested = _rehearsed(workspace, found.imagekit_id, user)
        elif reference is not None:
            tested = sso.record_test(found.id, reference, operator=OPERATOR)
        view = sso.configuration(found.id)
        problems = []
        if not view.account.plan_has_sso:
            problems.append(f"The plan {view.account.plan} has no single sign-on.")
        if view.idp is None:
            problems.append("No metadata of an identity provider is saved, so SSO is off. Save it with config set.")
        else:
            now = workspace.now()
            if view.idp.valid_until is not None and view.idp.valid_until <= now:
                problems.append(f"The metadata was valid until {instant(view.idp.valid_until)}. Save a newer document.")
            if view.idp.sso_location(BINDING_REDIRECT) is None:
                problems.append("The metadata names no HTTP-Redirect endpoint, so no login can start here.")
        if sso.seats(view.account.id).seats.full:
            problems.append("Every seat is taken, so nobody new can be registered.")
        if tested is not None and not tested.passed:
            problems.append(f"The login {tested.reference} was refused: {tested.sentence}")
        safety = sso.safety(view.account.id)
    if form == "json":
        emit(
            {
                "account": view.account.imagekit_id,
                "problems": problems,
                "warnings": list(view.warnings),
                "test": _test(safety.test),
                "enforced": safety.enforced,
                "conditions": [{"title": c.title, "met": c.met, "sentence": c.sentence} for c in safety.conditions],
            }
        )
    else:
        for sentence in problems:
            shout(f"PROBLEM  {sentence}", "error")
        for sentence in view.warnings:
            shout(f"warning  {sentence}", "warn")
        if not problems:
            shout(f"{view.account.imagekit_id}: a login can work.", "ok")
        if tested is not None and tested.passed:
            shout(f"Revision {tested.revision} passed its test: {tested.sentence} ({tested.reference})", "ok")
        for c in safety.conditions:
            say(f"  {'yes' if c.met else 'NO '}  {c.title}: {c.sentence}")
    return 1 if problems else 0


def _rehearsed(workspace: Workspace, imagekit_id: str, user: str | None) -> ConfigurationTest:
    """Test with the built-in IdP, unless somebody else runs it: two of them would take each other's address."""
    import socket
    from urllib.parse import urlsplit

    from app.lab import Lab, LabError
    from app.lab.rehearsal import rehearse

    idp = workspace.sso.configuration(imagekit_id).idp
    for endpoint in idp.sso_endpoints if idp is not None else ():
        parts = urlsplit(endpoint.location)
        if parts.hostname == "127.0.0.1" and parts.port is not None:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", parts.port)) == 0:
                    raise Unfit(
                        f"The test IdP is running on port {parts.port} already. Test in the window that runs it, or "
                        "stop it first."
                    )
    lab = Lab(workspace.sso, workspace.simulator_folder)
    try:
        return rehearse(workspace.sso, lab, imagekit_id, username=user, operator=OPERATOR)
    except LabError as e:
        raise Unreadable(str(e)) from e
    finally:
        lab.stop()


def _test(test: ConfigurationTest | None) -> dict[str, Any] | None:
    if test is None:
        return None
    return {
        "revision": test.revision,
        "at": instant(test.at),
        "how": test.how,
        "passed": test.passed,
        "administrator": test.administrator,
        "reference": test.reference,
        "sentence": test.sentence,
    }


def _show(sso: SSO, view: ConfigurationView, vendor: str | None, form: str) -> None:
    """The configuration, for people or programs."""
    about = _as_dict(sso, view)
    guide = None
    if vendor is not None:
        guide = next((g for g in view.sp.guides if g.id == vendor), None)
        if guide is None:
            raise Unreadable(f'There is no guide for "{vendor}". Guides: {", ".join(g.id for g in view.sp.guides)}.')
        about["guide"] = {f.label: f.value for f in guide.fields}
    if form == "json":
        emit(about)
        return
    a = view.account
    say(f"{a.name} ({a.imagekit_id}), plan {a.plan}, {about['seats']['used']} of {a.seat_limit} seats used")
    if view.idp is None:
        shout("SSO is off: no metadata is saved.", "warn")
    else:
        shout(f"SSO is on{' and enforced' if a.enforced else ''}, revision {a.revision}.", "ok")
        say(f"Identity provider {view.idp.entity_id}")
        for e in view.idp.sso_endpoints:
            say(f"  sso: {e.location} ({e.binding.rpartition(':')[2]})")
        for c in about["idp"]["certificates"]:
            say(f"  certificate: {c['subject']}, until {c['not_after']}")
            say(f"    SHA-256 {c['sha256']}")
    for sentence in view.warnings:
        shout(f"warning  {sentence}", "warn")
    say("Tell the identity provider:")
    for label, value in about["sp"].items():
        say(f"  {label:<12} {value}")
    if guide is not None:
        say(f"{guide.name}: {guide.application}")
        for n, step in enumerate(guide.steps, 1):
            show_step(n, step)
        say(f"  First login: {guide.first_login}")


def _as_dict(sso: SSO, view: ConfigurationView) -> dict[str, Any]:
    from app.saml.metadata import certificate_facts

    a = view.account
    idp: dict[str, Any] | None = None
    if view.idp is not None:
        facts = [certificate_facts(k.certificate) for k in view.idp.signing_keys]
        idp = {
            "entity_id": view.idp.entity_id,
            "display_name": view.idp.display_name,
            "sso": [{"binding": e.binding, "location": e.location} for e in view.idp.sso_endpoints],
            "certificates": [
                {"subject": f.subject, "sha256": f.sha256, "not_after": instant(f.not_after)} for f in facts
            ],
            "valid_until": instant(view.idp.valid_until) or None,
        }
    return {
        "account": a.imagekit_id,
        "name": a.name,
        "plan": a.plan,
        "seats": {"used": sso.seats(a.id).seats.used, "limit": a.seat_limit},
        "sso_on": a.sso_on,
        "enforced": a.enforced,
        "revision": a.revision,
        "idp": idp,
        "warnings": list(view.warnings),
        "choices": {
            c.choice.name: {"value": c.value, "decided": c.decided, "otherwise": c.inherited} for c in sso.choices(a.id)
        },
        "sp": {
            "entity_id": view.sp.entity_id,
            "acs_url": view.sp.acs_url,
            "relay_state": view.sp.relay_state,
            "logout_url": view.sp.logout_url,
            "imagekit_id": view.sp.imagekit_id,
        },
    }
