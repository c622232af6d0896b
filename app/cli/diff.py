"""`diff`: compares two messages, or two metadata documents, by meaning."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from app.cli.output import Unreadable, emit, format_option, instant, read_file, read_stdin, say, shout, tell

if TYPE_CHECKING:
    from app.saml.compare import Comparison, Difference
    from app.saml.compare_sources import Source

_NUMBERED: Final = re.compile(r"(.+)#([1-9][0-9]{0,3})")
_ABOUT: Final = {"id": "ids", "time": "times", "signature": "signature values"}


@click.command(
    "diff",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench diff works.txt fails.txt\n"
        "  sso-workbench diff works.har 'fails.har#2'\n"
        "  sso-workbench diff old-metadata.xml new-metadata.xml --format json\n"
        "  sso-workbench diff fails.txt --last-good ada@acme-media.example --account ik_7x2k\n"
        "  sso-workbench diff --event amber-otter-quilt-42\n"
        "\n"
        "Exit code: 0 no difference that matters, 1 at least one, 2 an input could not be read.\n"
    ),
)
@click.argument("inputs", nargs=-1, metavar="[A] [B]")
@click.option(
    "--all", "everything", is_flag=True, help="Also list what differs between any two logins: ids, times, signatures."
)
@click.option("--last-good", metavar="EMAIL", help="Compare this person's last accepted login in the log with A.")
@click.option("--account", metavar="IMAGEKIT_ID", help="The account whose log is meant; default: the only one.")
@click.option(
    "--event", metavar="REFERENCE", help="Compare an attempt in the log with its person's last accepted login before."
)
@click.option(
    "--decryption-key",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A private key to decrypt with (repeatable).",
)
@format_option
@click.pass_context
def command(
    ctx: click.Context,
    inputs: tuple[str, ...],
    everything: bool,
    last_good: str | None,
    account: str | None,
    event: str | None,
    decryption_key: tuple[Path, ...],
    form: str,
) -> int:
    """Compare A with B by meaning, or a login with the last good one.

    Each is a file of any form that inspect reads, or - for standard input; FILE#2 is the second message in it.
    Attributes are matched by name, endpoints by binding, certificates by fingerprint; times are compared by their
    distance from IssueInstant.
    """
    from app.saml.compare_sources import compare_sources
    from app.saml.errors import KeyFileError
    from app.saml.metadata import load_private_key

    wanted = 0 if event is not None else 1 if last_good is not None else 2
    if len(inputs) != wanted or (event is not None and last_good is not None):
        raise click.UsageError("Name two inputs A and B, or one and --last-good EMAIL, or none and --event REFERENCE.")
    if account is not None and last_good is None:
        raise click.UsageError("--account belongs to --last-good.")
    if inputs == ("-", "-"):
        raise click.UsageError("Only one of the two can be standard input.")
    try:
        keys = tuple(load_private_key(read_file(p)) for p in decryption_key)
    except KeyFileError as e:
        raise Unreadable(str(e)) from e
    given = [_source(i) for i in inputs]
    if wanted < 2:
        from app.cli.workspace import opened, the_account

        sso = ctx.with_resource(opened(ctx)).sso
        if event is not None:
            good, it = sso.beside_last_good(event)
            given = [good.source, it]
        else:
            chosen = the_account(sso, account).imagekit_id
            good = sso.last_good_login(last_good or "", chosen)
            given.insert(0, good.source)
        tell(f"A is {good.reference}, accepted at {instant(good.at)}.")
        keys += sso.expectation_for(good.account).decryption_keys
    made = compare_sources(
        given[0],
        given[1],
        now=datetime.now(UTC),
        decryption_keys=keys,  # type: ignore[arg-type]  # a key of another kind fits no message and is passed over
    )
    return show(made.comparison, everything=everything, form=form)


def _source(given: str) -> Source:
    from app.saml.compare_sources import Source
    from app.saml.intake import MOST_BYTES

    if given == "-":
        return Source(read_stdin(MOST_BYTES), "-")
    numbered = _NUMBERED.fullmatch(given)
    if numbered is not None and not Path(given).exists():
        return Source(read_file(Path(numbered[1]), MOST_BYTES), numbered[1], int(numbered[2]))
    return Source(read_file(Path(given), MOST_BYTES), given)


def show(found: Comparison, *, everything: bool, form: str) -> int:
    """Print a comparison and give the exit code. Unreadable where there is none."""
    if found.error is not None:
        raise Unreadable(found.error)
    for note in found.notes:
        tell(note)
    listed = [d for d in found.differences if everything or not d.expected]
    if form == "json":
        for d in listed:
            emit(d.as_dict())
        return 1 if found.meaningful else 0
    for name, side in zip(("A", "B"), found.sides, strict=True):
        say(f"{name}: {side.sentence}")
    for d in listed:
        _show(d)
    say()
    real = len(found.meaningful)
    hidden = len(found.differences) - len(listed)
    more = f"; {hidden} that any two logins have are not listed (--all)" if hidden else ""
    matter = f"{real} difference{'' if real == 1 else 's'} that matter{'s' if real == 1 else ''}"
    say(f"{matter}, {found.same} values are the same{more}.")
    return 1 if real else 0


def _show(d: Difference) -> None:
    word = {"changed": "changed", "only-in-first": "missing", "only-in-second": "extra"}[d.change]
    expected = f", expected: {_ABOUT[d.about]} always differ" if d.about else ""
    say()
    shout(f"{d.label or d.where} ({word}{expected})", "muted" if d.expected else "warn")
    if d.first is not None:
        say(f"  A  {d.first}")
    if d.second is not None:
        say(f"  B  {d.second}")
    if d.hint:
        say(f"     {d.hint}")
    if d.label:
        say(f"     {d.where}")
