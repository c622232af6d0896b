"""The people and the applications of one simulated organisation, and the TOML file they are kept in. It issues nothing.

Values are frozen; what a tenant file says wrongly is a TenantError with file and line.
"""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from simulator import names
from simulator.errors import TenantError
from simulator.profiles import PROFILES, Profile, profile

Signs = Literal["assertion", "response", "both", "none"]
SIGNS: Final = ("assertion", "response", "both", "none")

#: Where a claim's value comes from: a field of the user, "attribute:<name>", or "=<text>" for a constant.
DEFAULT_CLAIMS: Final[Mapping[str, str]] = {
    "imagekit_id": "imagekit_id",
    "full_name": "full_name",
    "imagekit_role": "role",
}
_SOURCES = ("username", "email", "full_name", "role", "imagekit_id")
_MAX_FILE = 1_048_576
_MAX_USERS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TestUser:
    """A person of the directory. `about` is one sentence for the portal.

    A field that is None is omitted from the message; "" is sent empty. `applications` None: assigned to all of them.
    """

    __test__ = False  # pytest would take the name for a test class

    username: str
    email: str
    full_name: str | None
    role: str | None
    imagekit_id: str | None
    about: str = ""
    enabled: bool = True
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    applications: tuple[str, ...] | None = None
    object_id: str = ""

    def assigned(self, application_id: str) -> bool:
        """Whether the person may use the application."""
        return self.applications is None or application_id in self.applications


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One service provider that logins are sent to.

    `entity_id` is the audience. `destination` and `recipient` default to `acs_url`, and so does `deliver_to`, the
    address the browser really posts to: a service provider under test may listen on loopback while its messages name
    its public address. `sign`, `name_id_format` None: as the vendor does. `encrypt_to` is a certificate in PEM.
    `claims` maps a claim name to its source (see DEFAULT_CLAIMS).
    """

    id: str
    name: str
    entity_id: str
    acs_url: str
    destination: str | None = None
    recipient: str | None = None
    deliver_to: str | None = None
    relay_state: str | None = None
    logout_url: str | None = None
    name_id_format: str | None = None
    name_id_source: str = "email"
    sign: Signs | None = None
    signature_algorithm: str = names.RSA_SHA256
    digest_algorithm: str = names.SHA256
    encrypt_to: str | None = None
    encryption: str = names.AES256_GCM
    signing_certificate: str | None = None
    claims: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_CLAIMS))

    def __post_init__(self) -> None:
        for label, url in (("acs_url", self.acs_url), ("deliver_to", self.deliver_to), ("logout_url", self.logout_url)):
            if url is not None:
                check_web_address(url, f"{label} of application {self.id}", key=label)
        if self.sign is not None and self.sign not in SIGNS:
            raise TenantError(
                f"Application {self.id}: sign is {self.sign!r}, expected one of {', '.join(SIGNS)}.", key="sign"
            )
        for claim, source in self.claims.items():
            if source not in _SOURCES and not source.startswith(("=", "attribute:")):
                raise TenantError(
                    f'Application {self.id}: claim {claim} comes from "{source}". Use one of {", ".join(_SOURCES)}, '
                    '"attribute:NAME" or "=TEXT".',
                    key="claims",
                )

    @property
    def post_to(self) -> str:
        """The address the browser posts to."""
        return self.deliver_to or self.acs_url

    @property
    def acs_addresses(self) -> tuple[str, ...]:
        """Every address a request may name as its ACS."""
        return tuple(dict.fromkeys(u for u in (self.acs_url, self.deliver_to) if u))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One organisation: its vendor's habits, its people, its applications.

    `uid` is random for each tenant and stands in the default entity ID, so that no two installations share one.
    `clock_offset` is how far its clock is ahead of real time.
    """

    uid: str
    name: str = "Test organisation"
    vendor: str = "generic"
    entity_id_override: str | None = None
    users: tuple[TestUser, ...] = ()
    applications: tuple[Application, ...] = ()
    clock_offset: timedelta = timedelta(0)
    want_authn_requests_signed: bool = False

    def __post_init__(self) -> None:
        # An alias is kept as the id that it stands for.
        object.__setattr__(self, "vendor", profile(self.vendor).id)
        for what, keys in (
            ("user", [u.username for u in self.users]),
            ("application", [a.id for a in self.applications]),
        ):
            twice = next((k for k in keys if keys.count(k) > 1), None) if len(keys) < 2_000 else _first_twice(keys)
            if twice is not None:
                raise TenantError(f'Two {what}s are called "{twice}". Give one of them another name.')

    @property
    def profile(self) -> Profile:
        """The vendor's habits."""
        return profile(self.vendor)

    @property
    def entity_id(self) -> str:
        """The IdP's entity ID: the given one, or the vendor's shape with this tenant's random id."""
        return self.entity_id_override or self.profile.metadata.entity_id.format(tenant=self.uid)

    def path_of(self, page: Literal["sso", "slo", "metadata"]) -> str:
        """The path under which the vendor serves a page."""
        shape = self.profile.metadata
        path = {"sso": shape.sso_path, "slo": shape.slo_path, "metadata": shape.path}[page]
        return path.format(tenant=self.uid)

    def user(self, username: str) -> TestUser | None:
        """The user with this username or e-mail address, or None."""
        return next((u for u in self.users if username in (u.username, u.email)), None)

    def application(self, application_id: str) -> Application | None:
        """The application with this id, or None."""
        return next((a for a in self.applications if a.id == application_id), None)

    def with_user(self, user: TestUser) -> Tenant:
        """The tenant with this user added, or put in place of the one with the same username."""
        if any(u.username == user.username for u in self.users):
            return replace(self, users=tuple(user if u.username == user.username else u for u in self.users))
        return replace(self, users=(*self.users, user))

    def with_application(self, application: Application) -> Tenant:
        """The tenant with this application added, or put in place of the one with the same id."""
        if any(a.id == application.id for a in self.applications):
            rows = tuple(application if a.id == application.id else a for a in self.applications)
            return replace(self, applications=rows)
        return replace(self, applications=(*self.applications, application))

    def without_user(self, username: str) -> Tenant:
        """The tenant after the user was deleted from its directory."""
        return replace(self, users=tuple(u for u in self.users if u.username != username))


def _first_twice(keys: list[str]) -> str | None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None


def check_web_address(url: str, what: str, *, key: str | None = None) -> None:
    """Refuses whatever is not an http or https address with a host: nothing else is ever put in a form's action.

    Raises:
        TenantError: with a sentence that names `what`.
    """
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_ok = urlsplit(""), False
    plain = all(0x21 <= ord(c) < 0x7F and c not in "\\\"'<>" for c in url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or not port_ok or not plain:
        raise TenantError(f"The {what} is {url[:200]!r}; expected an http or https address.", key=key)


def default_tenant(
    *,
    imagekit_id: str = "ik_7x2k",
    entity_id: str = "https://imagekit.io/saml/consume",
    acs_url: str = "https://imagekit.io/saml/consume",
    relay_state: str | None = "https://imagekit.io/dashboard",
    logout_url: str | None = "https://imagekit.io/logout",
    deliver_to: str | None = None,
    vendor: str = "generic",
    domain: str = "acme-media.test",
    uid: str | None = None,
) -> Tenant:
    """An invented organisation with eight people and one application, ImageKit."""

    def person(username: str, full_name: str, role: str, about: str, **more: Any) -> TestUser:
        return TestUser(
            username=username,
            email=more.pop("email", f"{username}@{domain}"),
            full_name=full_name,
            role=role,
            imagekit_id=imagekit_id,
            about=about,
            object_id=f"00000000-0000-4000-8000-{abs(hash_of(username)):012x}",
            **more,
        )

    users = (
        person("ada", "Ada Lindqvist", "account_administrator", "Set the account up; manages its users."),
        person("grace", "Grace Holloway", "developer", "Builds the upload pipeline."),
        person("linus", "Linus Okonkwo", "finance", "Pays the bills; moved here from engineering last spring."),
        person("margaret", "Margaret Hale", "media_library_full_access", "Curates the whole media library."),
        person("zoe", "Zoë Kovačević", "media_library_view_only_access", "Her name needs more than ASCII."),
        person("wei", "陳偉", "media_library_restricted_access", "An agency partner who sees one folder only."),
        person(
            "alan",
            "Alan Tarrant",
            "developer",
            "Left the company; the directory disabled him on Friday.",
            enabled=False,
        ),
        person(
            "katherine",
            "Katherine Jonsdal",
            "developer",
            "In the directory, but nobody assigned ImageKit to her.",
            applications=(),
        ),
    )
    application = Application(
        id="imagekit",
        name="ImageKit",
        entity_id=entity_id,
        acs_url=acs_url,
        deliver_to=deliver_to,
        relay_state=relay_state,
        logout_url=logout_url,
    )
    return Tenant(
        uid=uid or secrets.token_hex(16),
        name="Acme Media (test organisation)",
        vendor=vendor,
        users=users,
        applications=(application,),
    )


def hash_of(text: str) -> int:
    """A stable 40-bit number of a text, for invented object identifiers."""
    value = 0
    for byte in text.encode():
        value = (value * 131 + byte) % (1 << 40)
    return value


# The file ---------------------------------------------------------------------------------------------------------


def load_tenant(path: str | os.PathLike[str]) -> Tenant:
    """Reads a tenant file.

    Raises:
        TenantError: it cannot be read, is no TOML, or holds an unknown key, a wrong type or a contradiction.
    """
    file = Path(path)
    try:
        size = file.stat().st_size
        if size > _MAX_FILE:
            raise TenantError(f"The file has {size} bytes; at most {_MAX_FILE} are read.", file=str(file))
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise TenantError(f"The tenant file cannot be read: {error.strerror}.", file=str(file)) from error
    except UnicodeDecodeError as error:
        raise TenantError("The tenant file is not UTF-8. Save it as UTF-8.", file=str(file)) from error
    return parse_tenant(text, file=str(file))


def parse_tenant(text: str, *, file: str | None = None) -> Tenant:
    """Reads the text of a tenant file. Raises TenantError as load_tenant does."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found.group(1)) if found else None
        raise TenantError(f"This is not valid TOML: {error}.", file=file, line=line) from error
    reader = _Reader(text, file)
    reader.only(data, {"idp", "users", "applications"}, "", 0)
    idp = data.get("idp", {})
    if not isinstance(idp, dict):
        raise reader.error("[idp] must be a table.", "idp", "", 0)
    reader.only(
        idp,
        {"uid", "name", "vendor", "entity_id", "clock_offset_seconds", "want_authn_requests_signed"},
        "idp",
        0,
    )
    rows = {}
    for key in ("users", "applications"):
        rows[key] = data.get(key, [])
        if not isinstance(rows[key], list) or not all(isinstance(r, dict) for r in rows[key]):
            raise reader.error(f"Write each of the {key} as a table that begins with [[{key}]].", key, "", 0)
    if len(rows["users"]) > _MAX_USERS:
        raise TenantError(f"More than {_MAX_USERS} users.", file=file)
    users = tuple(reader.record(TestUser, row, "users", n) for n, row in enumerate(rows["users"]))
    applications = tuple(
        reader.record(Application, row, "applications", n) for n, row in enumerate(rows["applications"])
    )
    offset = reader.value(idp, "clock_offset_seconds", int, 0, "idp", 0)
    if abs(offset) > 10 * 366 * 86_400:
        raise reader.error("clock_offset_seconds is more than ten years.", "clock_offset_seconds", "idp", 0)
    try:
        return Tenant(
            uid=reader.value(idp, "uid", str, "", "idp", 0) or secrets.token_hex(16),
            name=reader.value(idp, "name", str, "Test organisation", "idp", 0),
            vendor=reader.value(idp, "vendor", str, PROFILES[0].id, "idp", 0),
            entity_id_override=reader.value(idp, "entity_id", str, "", "idp", 0) or None,
            users=users,
            applications=applications,
            clock_offset=timedelta(seconds=offset),
            want_authn_requests_signed=reader.value(idp, "want_authn_requests_signed", bool, False, "idp", 0),
        )
    except TenantError as error:
        raise TenantError(str(error), file=file, line=reader.line_of("vendor", "idp", 0)) from error


class _Reader:
    """Turns TOML tables into records and says on which line one is wrong."""

    def __init__(self, text: str, file: str | None) -> None:
        self._lines = text.splitlines()
        self._file = file

    def line_of(self, key: str, table: str, nth: int) -> int | None:
        """The line where the key stands in the nth table of that name, or where that table begins."""
        start = 0
        if table:
            heads = [n for n, line in enumerate(self._lines) if re.match(rf"\s*\[\[?\s*{re.escape(table)}\s*\]", line)]
            if nth >= len(heads):
                return None
            start = heads[nth]
        pattern = re.compile(rf"\s*(\[.*\b)?[\"']?{re.escape(key)}[\"']?\s*(=|\]|\.)")
        for n in range(start, len(self._lines)):
            if table and n > start and re.match(r"\s*\[\[", self._lines[n]):
                break
            if pattern.match(self._lines[n]):
                return n + 1
        return start + 1 if table else None

    def error(self, message: str, key: str, table: str, nth: int) -> TenantError:
        return TenantError(message, file=self._file, line=self.line_of(key, table, nth))

    def only(self, row: Mapping[str, Any], known: set[str], table: str, nth: int) -> None:
        for key in row:
            if key not in known:
                raise self.error(
                    f'Unknown key "{key}". Known here: {", ".join(sorted(known))}.',
                    key,
                    table,
                    nth,
                )

    def value(self, row: Mapping[str, Any], key: str, kind: type, default: Any, table: str, nth: int) -> Any:
        value = row.get(key, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            word = {str: "a text", bool: "true or false", int: "a whole number"}[kind]
            raise self.error(f"{key} must be {word}.", key, table, nth)
        return value

    def record(self, kind: type[Any], row: Mapping[str, Any], table: str, nth: int) -> Any:
        """One TestUser or Application. Fields of None are written by leaving the key out; see `_optional`."""
        known = {f.name for f in fields(kind)}
        self.only(row, known | {"omit"}, table, nth)
        values: dict[str, Any] = {}
        omitted = self._texts(row.get("omit", []), "omit", table, nth)
        for f in fields(kind):
            name = f.name
            if name in omitted:
                values[name] = None
                continue
            if name not in row:
                if f.default is MISSING and f.default_factory is MISSING:
                    raise self.error(f'The key "{name}" is missing.', name, table, nth)
                continue
            raw = row[name]
            if name == "enabled":
                values[name] = self.value(row, name, bool, True, table, nth)
            elif name == "applications":
                values[name] = self._texts(raw, name, table, nth)
            elif name == "claims":
                if not isinstance(raw, dict) or not all(isinstance(v, str) for v in raw.values()):
                    raise self.error("claims must be a table of texts.", name, table, nth)
                values[name] = dict(raw)
            elif name == "attributes":
                if not isinstance(raw, dict):
                    raise self.error("attributes must be a table.", name, table, nth)
                values[name] = {
                    k: (v,) if isinstance(v, str) else self._texts(v, f"attribute {k}", table, nth)
                    for k, v in raw.items()
                }
            else:
                values[name] = self.value(row, name, str, "", table, nth)
        not_optional = [n for n in omitted if n not in ("full_name", "role", "imagekit_id")]
        if not_optional:
            raise self.error(f"{not_optional[0]} cannot be omitted.", "omit", table, nth)
        try:
            return kind(**values)
        except TenantError as error:
            raise self.error(str(error), error.key or "id", table, nth) from error

    def _texts(self, raw: Any, key: str, table: str, nth: int) -> tuple[str, ...]:
        if not isinstance(raw, list) or not all(isinstance(v, str) for v in raw):
            raise self.error(f"{key} must be a list of texts.", key, table, nth)
        return tuple(raw)


def save_tenant(tenant: Tenant, path: str | os.PathLike[str]) -> None:
    """Writes the tenant file, whole or not at all.

    Raises:
        TenantError: it cannot be written.
    """
    file = Path(path)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
            out.write(dump_tenant(tenant))
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise TenantError(f"The tenant file cannot be written: {error.strerror}.", file=str(file)) from error


def dump_tenant(tenant: Tenant) -> str:
    """The tenant as TOML; parse_tenant(dump_tenant(t)) == t."""
    lines = ["# The simulated organisation. Invented people; its keys stand in files beside this one.", "", "[idp]"]
    lines += [
        f"uid = {_text(tenant.uid)}",
        f"name = {_text(tenant.name)}",
        f"vendor = {_text(tenant.vendor)}",
    ]
    if tenant.entity_id_override:
        lines.append(f"entity_id = {_text(tenant.entity_id_override)}")
    lines.append(f"clock_offset_seconds = {round(tenant.clock_offset.total_seconds())}")
    lines.append(f"want_authn_requests_signed = {str(tenant.want_authn_requests_signed).lower()}")
    for user in tenant.users:
        lines += ["", "[[users]]", *_record(user)]
    for application in tenant.applications:
        lines += ["", "[[applications]]", *_record(application)]
    return "\n".join(lines) + "\n"


def _record(record: TestUser | Application) -> list[str]:
    lines: list[str] = []
    omitted: list[str] = []
    for f in fields(record):
        value = getattr(record, f.name)
        if value is None:
            if f.default is MISSING:
                omitted.append(f.name)
        elif isinstance(value, bool):
            lines.append(f"{f.name} = {str(value).lower()}")
        elif isinstance(value, Mapping):
            pairs = ", ".join(f"{_text(k)} = {_any(v)}" for k, v in value.items())
            lines.append(f"{f.name} = {{ {pairs} }}" if pairs else f"{f.name} = {{}}")
        else:
            lines.append(f"{f.name} = {_any(value)}")
    if omitted:
        lines.append(f"omit = {_any(tuple(omitted))}")
    return lines


def _any(value: str | tuple[str, ...]) -> str:
    return _text(value) if isinstance(value, str) else "[" + ", ".join(_text(v) for v in value) + "]"


def _text(value: str) -> str:
    short = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    out = [short.get(c) or (f"\\u{ord(c):04X}" if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 else c) for c in value]
    return '"' + "".join(out) + '"'
