"""The file of a simulated organisation: TOML, with many people in a CSV file beside it. It judges no person.

What a file says wrongly is a TenantError with file and line.
"""

from __future__ import annotations

import csv
import io
import os
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from simulator.errors import TenantError
from simulator.profiles import PROFILES
from simulator.tenant import Application, Tenant, TestUser
from simulator.toml_lines import Lines, line_of_error, toml_text

_MAX_FILE: Final = 1_048_576
_MAX_PEOPLE_FILE: Final = 67_108_864
_MAX_USERS: Final = 100_000
#: With more people than this, saving puts them into a CSV file: TOML takes a second for each four thousand.
_MANY: Final = 1_000
_PEOPLE: Final = "people.csv"
_OPTIONAL: Final = ("full_name", "role", "imagekit_id")
_IDP_KEYS: Final = {
    "uid",
    "name",
    "vendor",
    "entity_id",
    "clock_offset_seconds",
    "clock_stands_at",
    "want_authn_requests_signed",
    "signing_key",
    "published_keys",
    "certificate",
    "people_file",
}


def load_tenant(path: str | os.PathLike[str], *, people_suffix: str = ".csv") -> Tenant:
    """Reads a tenant file. `people_suffix` stands in place of the one of its people_file.

    Raises:
        TenantError: it cannot be read, is no TOML, or holds an unknown key, a wrong type or a contradiction.
    """
    file = Path(path)
    return parse_tenant(_text_of(file, _MAX_FILE), file=str(file), folder=file.parent, people_suffix=people_suffix)


def _text_of(file: Path, limit: int) -> str:
    try:
        size = file.stat().st_size
        if size > limit:
            raise TenantError(f"The file has {size} bytes; at most {limit} are read.", file=str(file))
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        raise TenantError(f"The tenant file cannot be read: {error.strerror}.", file=str(file)) from error
    except UnicodeDecodeError as error:
        raise TenantError("The tenant file is not UTF-8. Save it as UTF-8.", file=str(file)) from error


def parse_tenant(
    text: str, *, file: str | None = None, folder: Path | None = None, people_suffix: str = ".csv"
) -> Tenant:
    """Reads the text of a tenant file. `folder` is where its people_file is looked for.

    Raises:
        TenantError: as load_tenant does.
    """
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TenantError(f"This is not valid TOML: {error}.", file=file, line=line_of_error(error)) from error
    reader = _Reader(text, file)
    reader.only(data, {"idp", "users", "applications"}, "", 0)
    idp = data.get("idp", {})
    if not isinstance(idp, dict):
        raise reader.error("[idp] must be a table.", "idp", "", 0)
    reader.only(idp, _IDP_KEYS, "idp", 0)
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
    people_file = reader.value(idp, "people_file", str, "", "idp", 0) or None
    if people_file is not None and users:
        raise reader.error("The people stand either here or in people_file, not in both.", "people_file", "idp", 0)
    try:
        tenant = Tenant(
            uid=reader.value(idp, "uid", str, "", "idp", 0) or secrets.token_hex(16),
            name=reader.value(idp, "name", str, "Test organisation", "idp", 0),
            vendor=reader.value(idp, "vendor", str, PROFILES[0].id, "idp", 0),
            entity_id_override=reader.value(idp, "entity_id", str, "", "idp", 0) or None,
            users=users,
            applications=applications,
            clock_offset=timedelta(seconds=max(-_FAR_S, min(offset, _FAR_S))),
            clock_stands_at=reader.instant(idp, "clock_stands_at", "idp", 0),
            want_authn_requests_signed=reader.value(idp, "want_authn_requests_signed", bool, False, "idp", 0),
            signing_key=reader.value(idp, "signing_key", str, "current", "idp", 0),
            published_keys=reader.texts(idp.get("published_keys", ["current"]), "published_keys", "idp", 0),
            certificate=reader.value(idp, "certificate", str, "current", "idp", 0),
            people_file=people_file,
        )
    except TenantError as error:
        if error.line is not None:
            raise
        raise TenantError(str(error), file=file, line=reader.line_of(error.key or "vendor", "idp", 0)) from error
    if people_file is None:
        return tenant
    if folder is None:
        raise reader.error("A text alone cannot name a people_file: it stands in no folder.", "people_file", "idp", 0)
    source = (folder / people_file).with_suffix(people_suffix)
    return replace(tenant, users=read_people(_text_of(source, _MAX_PEOPLE_FILE), str(source)))


_FAR_S: Final = 1_000_000_000


def record_of(kind: type[Any], row: Mapping[str, Any]) -> Any:
    """One TestUser or Application from values as a tenant file has them; None leaves a field out or at its default.

    Raises:
        TenantError: an unknown name, a missing one, or a value of the wrong kind.
    """
    known = {f.name for f in fields(kind)}
    if "omit" in row:
        raise TenantError('Unknown key "omit". Leave a field out with null.')
    omitted = [n for n in _OPTIONAL if n in known and row.get(n) is None]
    given = {k: v for k, v in row.items() if v is not None}
    return _Reader("", None).record(kind, {**given, "omit": omitted}, "", 0)


class _Reader:
    """Turns TOML tables into records and says on which line one is wrong."""

    def __init__(self, text: str, file: str | None) -> None:
        self.line_of = Lines(text).of
        self._file = file

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

    def instant(self, row: Mapping[str, Any], key: str, table: str, nth: int) -> datetime | None:
        """A date and time with its zone, written as TOML has it or as a text."""
        value = row.get(key)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                value = 0
        if value is not None and (not isinstance(value, datetime) or value.tzinfo is None):
            raise self.error(f"{key} must be a time such as 2026-11-23T20:36:00Z.", key, table, nth)
        return value

    def record(self, kind: type[Any], row: Mapping[str, Any], table: str, nth: int) -> Any:
        """One TestUser or Application. Fields of None are written by leaving the key out; see `_optional`."""
        known = {f.name for f in fields(kind)}
        self.only(row, known | {"omit"}, table, nth)
        values: dict[str, Any] = {}
        omitted = self.texts(row.get("omit", []), "omit", table, nth)
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
            if name in ("enabled", "logout_by_redirect"):
                values[name] = self.value(row, name, bool, f.default, table, nth)
            elif name == "applications":
                values[name] = self.texts(raw, name, table, nth)
            elif name == "claims":
                if not isinstance(raw, dict) or not all(isinstance(v, str) for v in raw.values()):
                    raise self.error("claims must be a table of texts.", name, table, nth)
                values[name] = dict(raw)
            elif name == "attributes":
                if not isinstance(raw, dict):
                    raise self.error("attributes must be a table.", name, table, nth)
                values[name] = {
                    k: (v,) if isinstance(v, str) else self.texts(v, f"attribute {k}", table, nth)
                    for k, v in raw.items()
                }
            else:
                values[name] = self.value(row, name, str, "", table, nth)
        not_optional = [n for n in omitted if n not in _OPTIONAL]
        if not_optional:
            raise self.error(f"{not_optional[0]} cannot be omitted.", "omit", table, nth)
        try:
            return kind(**values)
        except TenantError as error:
            raise self.error(str(error), error.key or "id", table, nth) from error

    def texts(self, raw: Any, key: str, table: str, nth: int) -> tuple[str, ...]:
        if not isinstance(raw, list) or not all(isinstance(v, str) for v in raw):
            raise self.error(f"{key} must be a list of texts.", key, table, nth)
        return tuple(raw)


def save_tenant(tenant: Tenant, path: str | os.PathLike[str]) -> Tenant:
    """Writes the tenant file, whole or not at all; more than a thousand people go into a CSV file beside it.

    Returns the tenant as it was written, with the name of that file.

    Raises:
        TenantError: it cannot be written.
    """
    file = Path(path)
    people_file = tenant.people_file or (_PEOPLE if len(tenant.users) > _MANY else None)
    if people_file is not None:
        # First the people: a tenant file must not name a file that is not there yet.
        _write(file.with_name(people_file), dump_people(tenant.users))
    written = replace(tenant, people_file=people_file)
    _write(file, dump_tenant(written))
    return written


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise TenantError(f"The tenant file cannot be written: {error.strerror}.", file=str(file)) from error


def dump_tenant(tenant: Tenant) -> str:
    """The tenant as TOML; parse_tenant(dump_tenant(t)) == t. Without its people where they have a file of their own."""
    lines = ["# The simulated organisation. Invented people; its keys stand in files beside this one.", "", "[idp]"]
    lines += [
        f"uid = {toml_text(tenant.uid)}",
        f"name = {toml_text(tenant.name)}",
        f"vendor = {toml_text(tenant.vendor)}",
    ]
    if tenant.entity_id_override:
        lines.append(f"entity_id = {toml_text(tenant.entity_id_override)}")
    lines.append(f"clock_offset_seconds = {round(tenant.clock_offset.total_seconds())}")
    if tenant.clock_stands_at is not None:
        lines.append(f"clock_stands_at = {tenant.clock_stands_at.astimezone(UTC).isoformat().replace('+00:00', 'Z')}")
    lines.append(f"want_authn_requests_signed = {str(tenant.want_authn_requests_signed).lower()}")
    lines.append(f"signing_key = {toml_text(tenant.signing_key)}")
    lines.append(f"published_keys = {_any(tenant.published_keys)}")
    lines.append(f"certificate = {toml_text(tenant.certificate)}")
    if tenant.people_file is not None:
        lines.append(f"people_file = {toml_text(tenant.people_file)}")
    for user in () if tenant.people_file is not None else tenant.users:
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
            pairs = ", ".join(f"{toml_text(k)} = {_any(v)}" for k, v in value.items())
            lines.append(f"{f.name} = {{ {pairs} }}" if pairs else f"{f.name} = {{}}")
        else:
            lines.append(f"{f.name} = {_any(value)}")
    if omitted:
        lines.append(f"omit = {_any(tuple(omitted))}")
    return lines


def _any(value: str | tuple[str, ...]) -> str:
    return toml_text(value) if isinstance(value, str) else "[" + ", ".join(toml_text(v) for v in value) + "]"


# People as CSV ----------------------------------------------------------------------------------------------------

_FIXED: Final = ("username", "email", "full_name", "role", "imagekit_id", "about", "enabled", "object_id")
_ATTRIBUTE: Final = "attribute:"


def dump_people(users: tuple[TestUser, ...]) -> str:
    """The people as CSV (RFC 4180); read_people(dump_people(u)) == u.

    `omit` lists fields that are left out of messages; `applications` and the values of an attribute are one to a line
    inside their cell; `all` in `applications`: assigned to every one.
    """
    attributes = sorted({name for u in users for name in u.attributes})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*_FIXED, "applications", "omit", *(_ATTRIBUTE + a for a in attributes)])
    for u in users:
        omitted = " ".join(n for n in _OPTIONAL if getattr(u, n) is None)
        applications = "all" if u.applications is None else _lines(u.applications)
        row = [u.username, u.email, u.full_name or "", u.role or "", u.imagekit_id or "", u.about]
        row += ["true" if u.enabled else "false", u.object_id, applications, omitted]
        writer.writerow([*row, *(_lines(u.attributes[a]) if a in u.attributes else "" for a in attributes)])
    return out.getvalue()


def read_people(text: str, file: str | None = None) -> tuple[TestUser, ...]:
    """The people of a CSV file. Only username and email are needed; an empty cell of an attribute is no value.

    Raises:
        TenantError: an unknown column, a missing one, a wrong cell or more than 100,000 people; with the line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        columns = _Columns(header, file)
        users = tuple(columns.read(reader))
    except csv.Error as error:
        raise TenantError(f"This is not valid CSV: {error}.", file=file, line=reader.line_num) from error
    first = _first_twice(users)
    if first is not None:
        raise TenantError(f'Two users are called "{first}". Give one of them another name.', file=file)
    return users


def _first_twice(users: tuple[TestUser, ...]) -> str | None:
    seen: set[str] = set()
    for user in users:
        if user.username in seen:
            return user.username
        seen.add(user.username)
    return None


@dataclass(slots=True)
class _Columns:
    """Where each field stands in a row."""

    at: dict[str, int]
    attributes: tuple[tuple[str, int], ...]
    width: int
    file: str | None

    def __init__(self, header: list[str], file: str | None) -> None:
        names = [h.strip().lstrip("\ufeff") for h in header]
        known = {*_FIXED, "applications", "omit"}
        self.file = file
        self.width = len(names)
        self.at = {n: i for i, n in enumerate(names) if n in known}
        self.attributes = tuple(
            (n.removeprefix(_ATTRIBUTE), i) for i, n in enumerate(names) if n.startswith(_ATTRIBUTE)
        )
        strange = next((n for n in names if n not in known and not n.startswith(_ATTRIBUTE)), None)
        if strange is not None:
            raise TenantError(f'Unknown column "{strange[:60]}". Known: {", ".join(sorted(known))}.', file=file, line=1)
        lacking = next((n for n in ("username", "email") if n not in self.at), None)
        if lacking is not None or len(set(names)) < len(names):
            why = f'The column "{lacking}" is missing.' if lacking else "Two columns have the same name."
            raise TenantError(why, file=file, line=1)

    def read(self, rows: Any) -> Iterator[TestUser]:
        at, attributes = self.at, self.attributes
        username, email = at["username"], at["email"]
        full_name, role, imagekit_id = (at.get(n) for n in _OPTIONAL)
        about, enabled, object_id = (at.get(n) for n in ("about", "enabled", "object_id"))
        applications, omit = at.get("applications"), at.get("omit")
        for count, row in enumerate(rows):
            if not row:
                continue
            if len(row) != self.width:
                raise self._wrong(rows, f"The row has {len(row)} cells; the header has {self.width}.")
            if count >= _MAX_USERS:
                raise self._wrong(rows, f"More than {_MAX_USERS} users.")
            if not row[username] or not row[email]:
                raise self._wrong(rows, "A person needs a username and an email.")
            switched = "true" if enabled is None else row[enabled]
            if switched not in ("true", "false"):
                raise self._wrong(rows, f'enabled is "{switched[:40]}"; write true or false.')
            omitted = row[omit].split() if omit is not None and row[omit] else ()
            if any(n not in _OPTIONAL for n in omitted):
                raise self._wrong(rows, f"Only {', '.join(_OPTIONAL)} can be omitted.")
            yield TestUser(
                username=row[username],
                email=row[email],
                full_name=None if full_name is None or "full_name" in omitted else row[full_name],
                role=None if role is None or "role" in omitted else row[role],
                imagekit_id=None if imagekit_id is None or "imagekit_id" in omitted else row[imagekit_id],
                about="" if about is None else row[about],
                enabled=switched == "true",
                object_id="" if object_id is None else row[object_id],
                applications=None if applications is None or row[applications] == "all" else _values(row[applications]),
                attributes={n: _values(row[i]) for n, i in attributes if row[i]} if attributes else {},
            )

    def _wrong(self, rows: Any, why: str) -> TenantError:
        return TenantError(why, file=self.file, line=rows.line_num)


def _lines(values: tuple[str, ...]) -> str:
    return "\n".join(values)


def _values(cell: str) -> tuple[str, ...]:
    return tuple(cell.split("\n")) if cell else ()
