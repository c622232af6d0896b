"""The options that describe a simulated organisation, and the identity provider that they make. It serves nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from app.cli.output import Command, Unreadable, read_file, tell

if TYPE_CHECKING:
    from simulator.idp import Idp
    from simulator.kept_tenant import KeptTenant
    from simulator.tenant import Application

FILE: Final = click.Path(path_type=Path, dir_okay=False)
_OFFSET_MAX: Final = 10 * 366 * 86_400
_ALGORITHMS: Final = ("rsa-sha256", "rsa-sha384", "rsa-sha512", "rsa-sha1", "ecdsa-sha256", "ecdsa-sha384")


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """What the options say of the simulated organisation; None and () say nothing."""

    tenant: Path | None = None
    vendor: str | None = None
    clock_offset: int | None = None
    clock_at: datetime | None = None
    signing_key: str | None = None
    publish_key: tuple[str, ...] = ()
    certificate: str | None = None
    sp_metadata: Path | None = None
    sp_entity_id: str | None = None
    acs_url: str | None = None
    sign: str | None = None
    algorithm: str | None = None
    encrypt: bool = False
    name_id_format: str | None = None
    claim: tuple[str, ...] = ()


def organisation_options(function: Command) -> Command:
    """The options, handed over as one Organisation under that name."""

    @functools.wraps(function)
    def wrapper(**given: Any) -> object:
        own = {f.name: given.pop(f.name) for f in fields(Organisation)}
        return function(organisation=Organisation(**own), **given)

    made: Command = wrapper  # type: ignore[assignment]  # the wrapper takes the same arguments, spread out
    for option in reversed(_OPTIONS):
        made = option(made)
    return made


_OPTIONS: Final[tuple[Callable[[Command], Command], ...]] = (
    click.option("--tenant", type=FILE, metavar="FILE", help="The TOML file of the organisation; default: yours."),
    click.option("--vendor", metavar="NAME", help="Speak like entra, okta, onelogin, adfs, google, keycloak, ..."),
    click.option(
        "--clock-offset",
        type=click.IntRange(-_OFFSET_MAX, _OFFSET_MAX),
        metavar="SECONDS",
        help="Its clock runs ahead by this (negative: behind).",
    ),
    click.option(
        "--clock-at",
        callback=lambda _ctx, _option, text: None if text is None else _instant(text),
        metavar="TIME",
        help="Its clock stands still at this time.",
    ),
    click.option("--signing-key", metavar="NAME", help="Sign with current, next, old, ec-p256 or ec-p384."),
    click.option(
        "--publish-key", multiple=True, metavar="NAME", help="A key that the metadata lists (repeatable: all of them)."
    ),
    click.option(
        "--certificate",
        type=click.Choice(["current", "expired", "future", "reissued"]),
        help="Which certificate of the keys is shown.",
    ),
    click.option("--sp-metadata", type=FILE, metavar="FILE", help="The service provider, from its metadata."),
    click.option("--sp-entity-id", metavar="ID", help="The service provider's entity ID (the audience)."),
    click.option("--acs-url", metavar="URL", help="The service provider's ACS."),
    click.option("--sign", type=click.Choice(["assertion", "response", "both", "none"]), help="What is signed for it."),
    click.option("--algorithm", type=click.Choice(_ALGORITHMS), help="How it is signed."),
    click.option("--encrypt", is_flag=True, help="Encrypt for the certificate in --sp-metadata."),
    click.option("--name-id-format", metavar="URN", help="The format that the NameID declares."),
    click.option(
        "--claim",
        multiple=True,
        metavar="NAME=SOURCE",
        help="A claim to send instead of the usual ones: from username, email, full_name, role, imagekit_id, "
        "attribute:NAME, or =TEXT (repeatable).",
    ),
)


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as e:
        raise click.BadParameter("expected a time such as 2026-11-23T20:36:00Z.") from e
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def open_idp(organisation: Organisation, *, base_url: str = "https://localhost") -> tuple[Idp, Application | None]:
    """The identity provider of these options, and the application that they name (None: those of the tenant)."""
    from simulator.idp import Idp
    from simulator.keys import KeyRing

    o = organisation
    kept = kept_tenant(o.tenant)
    tenant = kept.load()
    if kept.problem:
        tell(f"{kept.problem} The last good version is used.")
    changes: dict[str, Any] = {
        "vendor": o.vendor,
        "clock_offset": None if o.clock_offset is None else timedelta(seconds=o.clock_offset),
        "clock_stands_at": o.clock_at,
        "signing_key": o.signing_key,
        "published_keys": o.publish_key or None,
        "certificate": o.certificate,
    }
    tenant = replace(tenant, **{k: v for k, v in changes.items() if v is not None})
    application = described(o)
    if application is not None:
        tenant = replace(tenant, applications=(application,))
    elif _knobs(o):
        tenant = replace(tenant, applications=tuple(replace(a, **_knobs(o)) for a in tenant.applications))
    keys = KeyRing.open(kept.file.parent / "keys")
    return Idp(tenant, keys, lambda: datetime.now(UTC), base_url=base_url), application


def kept_tenant(file: Path | None) -> KeptTenant:
    """The organisation in that file; None: the one that the window edits, made at first use."""
    from simulator.kept_tenant import KeptTenant

    if file is not None:
        return KeptTenant(file)
    from app.bootstrap import data_folder
    from simulator.tenant import default_tenant

    folder = data_folder() / "simulator"
    kept = KeptTenant(folder / "tenant.toml")
    if not kept.file.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Without an application, as in the window: nothing may be posted to the real product by accident.
        kept.save(replace(default_tenant(), applications=()))
    return kept


def described(o: Organisation) -> Application | None:
    """The service provider that the options describe, or None where they describe none."""
    from simulator.tenant import Application

    if o.sp_metadata is not None:
        found = Application.from_metadata(read_file(o.sp_metadata), application_id="sp", encrypt=o.encrypt)
        given = {"entity_id": o.sp_entity_id, "acs_url": o.acs_url}
        changes: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
        return replace(found, **changes, **_knobs(o))
    if o.encrypt:
        raise click.UsageError("--encrypt needs --sp-metadata, which holds the certificate.")
    if o.sp_entity_id is None and o.acs_url is None:
        return None
    return the_product(o)


def the_product(o: Organisation) -> Application:
    """The product as an application, with what the options say instead of its own values."""
    from app.product import IMAGEKIT
    from simulator.tenant import Application

    product = Application(
        id="sp",
        name="Service provider",
        entity_id=o.sp_entity_id or IMAGEKIT.entity_id,
        acs_url=o.acs_url or IMAGEKIT.acs_url,
        relay_state=IMAGEKIT.relay_state,
        # That of the product belongs to the product alone.
        logout_url=IMAGEKIT.logout_url if o.sp_entity_id is None and o.acs_url is None else None,
    )
    return replace(product, **_knobs(o))


def _knobs(o: Organisation) -> dict[str, Any]:
    """What the options say of every application."""
    from simulator import names

    claims: dict[str, str] = {}
    for text in o.claim:
        name, found, source = text.partition("=")
        if not found or not name:
            raise Unreadable(f"--claim {text!r} is not NAME=SOURCE.")
        claims[name] = source
    algorithm = None if o.algorithm is None else getattr(names, o.algorithm.upper().replace("-", "_"))
    values = {
        "sign": o.sign,
        "signature_algorithm": algorithm,
        "name_id_format": o.name_id_format,
        "claims": claims or None,
    }
    return {k: v for k, v in values.items() if v is not None}
