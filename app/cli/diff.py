"""`diff`: compares two messages, or two metadata documents, by meaning."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.output import Unreadable, emit, format_option, read_file, read_stdin, say, shout


@click.command(
    "diff",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench diff works.txt fails.txt\n"
        "  sso-workbench diff old-metadata.xml new-metadata.xml --format json\n"
        "\n"
        "Exit code: 0 no difference that matters, 1 at least one, 2 an input could not be read.\n"
    ),
)
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--all", "everything", is_flag=True, help="Also list what differs between any two logins: ids, instants.")
@format_option
def command(first: str, second: str, everything: bool, form: str) -> int:
    """Compare A with B: files in any encoding, or - for standard input."""
    from app.saml.compare import compare
    from app.saml.decoding import decode
    from app.saml.metadata import METADATA_LIMITS

    if first == second == "-":
        raise click.UsageError("Only one of the two can be standard input.")
    documents = []
    for name in (first, second):
        decoded = decode(read_stdin() if name == "-" else read_file(Path(name)), limits=METADATA_LIMITS)
        if not decoded.data:
            why = decoded.problems[0].message if decoded.problems else "It holds no XML."
            raise Unreadable(f"{name} cannot be compared. {why}")
        documents.append(decoded.data)
    found = compare(documents[0], documents[1])
    if found.error is not None:
        raise Unreadable(found.error)
    for d in found.differences:
        if d.expected and not everything:
            continue
        if form == "json":
            row = {"where": d.where, "change": d.change, "first": d.first, "second": d.second, "expected": d.expected}
            emit(row)
        else:
            shout(d.where, "muted" if d.expected else "warn")
            if d.first is not None:
                say(f"  - {d.first}")
            if d.second is not None:
                say(f"  + {d.second}")
    if form == "text":
        hidden = 0 if everything else len(found.differences) - len(found.meaningful)
        more = f"; {hidden} that any two logins have are not listed (--all)" if hidden else ""
        say(f"{len(found.meaningful)} differences that matter, {found.same} values are the same{more}.")
    return 1 if found.meaningful else 0
