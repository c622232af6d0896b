"""`metadata`: reads metadata of an identity or service provider, or prints ours."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import click

from app.cli.output import (
    MAX_BYTES,
    Unreadable,
    emit,
    format_option,
    instant,
    opened_file,
    read_stdin,
    say,
    shout,
    table,
    tell,
)

if TYPE_CHECKING:
    from app.saml.metadata import MetadataReading

_PATIENCE_S: Final = 20.0
#: The most that is fetched of an aggregate; the largest known federation's is a third of it.
_MAX_AGGREGATE: Final = 268_435_456


@click.command(
    "metadata",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench metadata idp.xml\n"
        "  sso-workbench metadata https://idp.example/metadata --format json\n"
        '  sso-workbench metadata federation.xml --search "university berlin"\n'
        "  sso-workbench metadata federation.xml --entity https://idp.example/\n"
        "  sso-workbench metadata sp --account ik_7x2k > sp.xml\n"
        "\n"
        "Exit code: 0 usable (something was found), 1 not usable as it is (nothing was), 2 it could not be read.\n"
    ),
)
@click.argument("source", metavar="FILE|URL|sp")
@click.option("--entity", metavar="ID", help="The entity to read out of a federation's aggregate.")
@click.option("--search", metavar="WORDS", help="List the entities of an aggregate that contain all these words.")
@click.option("--intranet", is_flag=True, help="The address is one of a private network, and is meant.")
@click.option("--account", metavar="IMAGEKIT_ID", help="With “sp”: the account whose values to print.")
@format_option
@click.pass_context
def command(
    ctx: click.Context,
    source: str,
    entity: str | None,
    search: str | None,
    intranet: bool,
    account: str | None,
    form: str,
) -> int:
    """Read metadata and tell everything odd about it; or print our own with “sp”.

    The source is a file, - for standard input, or an address, which is fetched once. A federation's aggregate may be of
    any length: look an entity up with --search (in entity IDs, display names, organisations and scopes), then read it
    with --entity.
    """
    if source == "sp":
        sys.stdout.buffer.write(_ours(ctx, account))
        sys.stdout.buffer.flush()
        return 0
    if account is not None:
        raise click.UsageError("--account belongs to “metadata sp”.")
    if search is not None and entity is not None:
        raise click.UsageError("Give --search or --entity, not both.")
    from app.saml.metadata import read_metadata

    with _opened(source, long=search is not None or entity is not None, intranet=intranet) as stream:
        if search is not None:
            return _search(stream, search, form)
        data = stream.read(MAX_BYTES + 1) if entity is None else _taken_out(stream, entity)
    if len(data) > MAX_BYTES:
        message = f"{source} has more than {MAX_BYTES} bytes, which is the most that is read at once."
        raise Unreadable(f"{message} Look for an entity with --search WORDS, then read it with --entity ID.")
    reading = read_metadata(data, entity=entity, now=datetime.now(UTC), expect="any")
    if form == "json":
        emit(_as_dict(reading))
    else:
        _show(reading)
    return 1 if reading.problems else 0


@contextlib.contextmanager
def _opened(source: str, *, long: bool, intranet: bool) -> Iterator[BinaryIO]:
    """The source as a stream; `long` allows for a whole federation."""
    if source == "-" and not long:
        yield _in_memory(read_stdin())
    elif source == "-":
        if sys.stdin is None or sys.stdin.closed:
            raise Unreadable("There is no standard input to read.")
        yield sys.stdin.buffer
    elif source.startswith(("https://", "http://")):
        with tempfile.SpooledTemporaryFile(MAX_BYTES) as kept:
            stream = cast(BinaryIO, kept)  # it is one, as far as anybody reads from it
            _fetch(source, stream, _MAX_AGGREGATE if long else MAX_BYTES, intranet=intranet)
            stream.seek(0)
            yield stream
    else:
        with opened_file(Path(source)) as file:
            yield file


def _in_memory(data: bytes) -> BinaryIO:
    import io

    return io.BytesIO(data)


def _search(stream: BinaryIO, words: str, form: str) -> int:
    """List what is found as it is found (JSON), or as a table."""
    from app.saml.aggregate import search_aggregate
    from app.saml.errors import MetadataError

    found, rows = 0, []
    try:
        for e in search_aggregate(stream, words):
            found += 1
            if form == "json":
                emit({"entity_id": e.entity_id, "names": e.names, "scopes": e.scopes, "roles": e.roles})
            else:
                rows.append((" ".join(e.roles), e.names[0] if e.names else "", e.entity_id))
    except MetadataError as e:
        table(("role", "name", "entity ID"), rows)
        raise Unreadable(str(e)) from e
    table(("role", "name", "entity ID"), rows)
    tell(f"{found} found." if found else "No entity contains all these words.")
    return 0 if found else 1


def _taken_out(stream: BinaryIO, entity: str) -> bytes:
    """One entity of an aggregate of any length; the whole where it is short and something is odd about it."""
    from app.saml.aggregate import extract
    from app.saml.errors import MetadataError

    try:
        found = extract(stream, entity)
        if found.endswith(b"EntitiesDescriptor>"):
            tell("Taken out of an aggregate; a signature of the whole was not looked at.")
        return found
    except MetadataError as e:
        if not stream.seekable():
            raise Unreadable(str(e)) from e
        # What the stream cannot tell, a short document may: UTF-16, a login page, blanks in front.
        stream.seek(0)
        whole = stream.read(MAX_BYTES + 1)
        if len(whole) > MAX_BYTES:
            raise Unreadable(str(e)) from e
        return whole


def _ours(ctx: click.Context, account: str | None) -> bytes:
    if account is not None:
        from app.cli.workspace import opened

        with opened(ctx) as workspace:
            return workspace.sso.sp_metadata(account)
    from app.product import IMAGEKIT
    from app.saml.metadata import sp_metadata

    return sp_metadata(IMAGEKIT.entity_id, IMAGEKIT.acs_url, IMAGEKIT.logout_url)


def _fetch(url: str, into: BinaryIO, most: int, *, intranet: bool) -> None:
    """Write the document behind an address that somebody typed. Unreadable for whatever goes wrong."""
    from app.fetching.address import FetchRefused, Intranet, fetch_into

    tell(f"Fetching {url}")
    try:
        fetch_into(into, url, most=most, patience_s=_PATIENCE_S, intranet=intranet)
    except Intranet as e:
        raise Unreadable(f"{e} On the command line that is --intranet.") from e
    except FetchRefused as e:
        raise Unreadable(str(e)) from e


def _certificates(found: Any) -> list[dict[str, Any]]:
    from app.saml.metadata import certificate_facts

    now = datetime.now(UTC)
    rows = []
    for c in found:
        facts = certificate_facts(c)
        rows.append(
            {
                "subject": facts.subject,
                "sha256": facts.sha256,
                "key": facts.key,
                "not_before": instant(facts.not_before),
                "not_after": instant(facts.not_after),
                "days_left": (facts.not_after - now).days,
            }
        )
    return rows


def _as_dict(reading: MetadataReading) -> dict[str, Any]:
    """What was read, as a JSON object."""
    found: dict[str, Any] = {
        "schema": "sso-workbench/metadata/1",
        "usable": not reading.problems,
        "entities": list(reading.entities),
        "idp": None,
        "sp": None,
    }
    if reading.idp is not None:
        i = reading.idp
        found["idp"] = {
            "entity_id": i.entity_id,
            "display_name": i.display_name,
            "signing": _certificates(k.certificate for k in i.signing_keys),
            "encryption": _certificates(i.encryption_certificates),
            "sso": [{"binding": e.binding, "location": e.location} for e in i.sso_endpoints],
            "slo": [{"binding": e.binding, "location": e.location} for e in i.slo_endpoints],
            "nameid_formats": list(i.nameid_formats),
            "want_authn_requests_signed": i.want_authn_requests_signed,
            "valid_until": instant(i.valid_until) or None,
            "signed": i.signed,
        }
    if reading.sp is not None:
        s = reading.sp
        found["sp"] = {
            "entity_id": s.entity_id,
            "acs": [{"binding": e.binding, "location": e.location, "default": e.is_default} for e in s.acs_endpoints],
            "slo": [{"binding": e.binding, "location": e.location} for e in s.slo_endpoints],
            "signing": _certificates(s.signing_certificates),
            "encryption": _certificates(s.encryption_certificates),
            "nameid_formats": list(s.nameid_formats),
            "want_assertions_signed": s.want_assertions_signed,
        }
    for name, problems in (("problems", reading.problems), ("warnings", reading.warnings), ("notes", reading.notes)):
        found[name] = [{"check": p.check, "message": p.message} for p in problems]
    return found


def _show(reading: MetadataReading) -> None:
    found = _as_dict(reading)
    for role, title in (("idp", "Identity provider"), ("sp", "Service provider")):
        about = found[role]
        if about is None:
            continue
        say(f"{title} {about['entity_id']}")
        for kind in ("sso", "acs", "slo"):
            for e in about.get(kind, ()):
                say(f"  {kind}: {e['location']} ({e['binding'].rpartition(':')[2]})")
        for use in ("signing", "encryption"):
            for c in about[use]:
                state = f"{c['days_left']} days left" if c["days_left"] >= 0 else "EXPIRED"
                say(f"  {use} certificate: {c['subject']}, {c['key']}, {state}")
                say(f"    SHA-256 {c['sha256']}")
        if about["nameid_formats"]:
            say(f"  NameID formats: {', '.join(about['nameid_formats'])}")
        if about.get("valid_until"):
            say(f"  valid until {about['valid_until']}")
    if len(found["entities"]) > 1:
        say(f"An aggregate of {len(found['entities'])} entities; choose one with --entity.")
    for name, mark, state in (
        ("problems", "PROBLEM", "error"),
        ("warnings", "warning", "warn"),
        ("notes", "note", "muted"),
    ):
        for p in found[name]:
            shout(f"{mark}  {p['check']}: {p['message']}", state)
