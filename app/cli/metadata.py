"""`metadata`: reads metadata of an identity or service provider, or prints ours."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from app.cli.output import MAX_BYTES, Unreadable, emit, format_option, instant, read_file, read_stdin, say, shout, tell

if TYPE_CHECKING:
    from app.saml.metadata import MetadataReading

_PATIENCE_S: Final = 20.0
_MAX_REDIRECTS: Final = 3
_HERE: Final = ("127.0.0.1", "localhost", "::1")


@click.command(
    "metadata",
    epilog=(
        "\b\nExamples:\n"
        "  sso-workbench metadata idp.xml\n"
        "  sso-workbench metadata https://idp.example/metadata --format json\n"
        "  sso-workbench metadata federation.xml --entity https://idp.example/\n"
        "  sso-workbench metadata sp --account ik_7x2k > sp.xml\n"
        "\n"
        "Exit code: 0 usable, 1 not usable as it is, 2 it could not be read.\n"
    ),
)
@click.argument("source", metavar="FILE|URL|sp")
@click.option("--entity", metavar="ID", help="The entity to read out of a federation's aggregate.")
@click.option("--account", metavar="IMAGEKIT_ID", help="With “sp”: the account whose values to print.")
@format_option
@click.pass_context
def command(ctx: click.Context, source: str, entity: str | None, account: str | None, form: str) -> int:
    """Read metadata and tell everything odd about it; or print our own with “sp”.

    The source is a file, - for standard input, or an address, which is fetched once.
    """
    if source == "sp":
        sys.stdout.buffer.write(_ours(ctx, account))
        sys.stdout.buffer.flush()
        return 0
    if account is not None:
        raise click.UsageError("--account belongs to “metadata sp”.")
    from app.saml.metadata import read_metadata

    if source == "-":
        data = read_stdin()
    elif source.startswith(("https://", "http://")):
        data = _fetch(source)
    else:
        data = read_file(Path(source))
    reading = read_metadata(data, entity=entity, now=datetime.now(UTC), expect="any")
    if form == "json":
        emit(_as_dict(reading))
    else:
        _show(reading)
    return 1 if reading.problems else 0


def _ours(ctx: click.Context, account: str | None) -> bytes:
    if account is not None:
        from app.cli.workspace import opened

        with opened(ctx) as workspace:
            return workspace.sso.sp_metadata(account)
    from app.product import IMAGEKIT
    from app.saml.metadata import sp_metadata

    return sp_metadata(IMAGEKIT.entity_id, IMAGEKIT.acs_url, IMAGEKIT.logout_url)


def _fetch(url: str) -> bytes:
    """The document behind an address that somebody typed. Unreadable for whatever goes wrong."""
    import httpx

    if urlsplit(url).scheme == "http" and urlsplit(url).hostname not in _HERE:
        raise Unreadable("Fetch metadata over https: whoever changes it on the way decides whom you trust.")
    tell(f"Fetching {url}")
    try:
        with httpx.Client(timeout=_PATIENCE_S, follow_redirects=True, max_redirects=_MAX_REDIRECTS) as client:
            client.event_hooks["request"] = [_only_safe]
            with client.stream("GET", url) as answer:
                if answer.status_code != 200:
                    raise Unreadable(f"{url} answered with HTTP {answer.status_code}.")
                data = b""
                for part in answer.iter_bytes():
                    data += part
                    if len(data) > MAX_BYTES:
                        raise Unreadable(f"{url} has more than {MAX_BYTES} bytes, which is the most that is read.")
                return data
    except (httpx.HTTPError, httpx.InvalidURL) as e:
        raise Unreadable(f"{url} could not be fetched ({type(e).__name__}: {e}).") from e


def _only_safe(request: Any) -> None:
    """Redirects too lead to https, or to this computer."""
    if request.url.scheme != "https" and request.url.host not in _HERE:
        raise Unreadable(f"The address redirects to {request.url}, which is not https.")


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
