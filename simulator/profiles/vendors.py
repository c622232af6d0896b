"""The habits of each vendor's identity provider, read from one data file per vendor in this folder. It builds nothing.

Written from what these products are seen to send by default; `unsure` names what was not confirmed. Hosts are those of
the reserved example domains, because a test identity provider must not carry a real vendor's address.
"""

from __future__ import annotations

import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from simulator import names
from simulator.errors import TenantError

Part = Literal["assertion", "response", "both", "none"]
KeyInfoKind = Literal["x509", "none", "keyname", "keyvalue+x509"]
Precision = Literal["seconds", "milliseconds"]
SessionIndex = Literal["random", "assertion-id", "response-id"]
_PLACES: Final = {"tenant": "", "object": "", "email": "", "username": "", "base": ""}


@dataclass(frozen=True, slots=True)
class ExtraClaim:
    """A claim the vendor sends beside the configured ones. `value` may hold {tenant}, {object}, {email}, {username}."""

    name: str
    value: str
    name_format: str | None = None


@dataclass(frozen=True, slots=True)
class OfferedAttribute:
    """An attribute that metadata promises (saml-metadata §2.4.3)."""

    name: str
    friendly_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataShape:
    """How the vendor's metadata looks, and at which paths it is served. Paths may hold {tenant}.

    `fed_roles` are the roles of WS-Federation that stand before the SAML ones, in order. `sp_role`: there is a service
    provider's role too. `prefix` is that of the metadata namespace, None the default namespace.
    """

    entity_id: str = "https://localhost/test-idp/{tenant}"
    path: str = "/metadata"
    sso_path: str = "/sso"
    slo_path: str = "/slo"
    prefix: str | None = "md"
    signed: bool = False
    fed_roles: tuple[str, ...] = ()
    encryption_key: bool = False
    sp_role: bool = False
    formats: tuple[str, ...] = (names.FORMAT_EMAIL,)
    sso_bindings: tuple[str, ...] = ("HTTP-Redirect", "HTTP-POST")
    slo_bindings: tuple[str, ...] = ("HTTP-Redirect", "HTTP-POST")
    want_authn_requests_signed: bool | None = False  # None: the attribute is not written
    attributes: tuple[OfferedAttribute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One vendor's habits. `unsure` maps a place of its file to what is not known for certain about it."""

    id: str
    title: str
    rank: int = 0
    aliases: tuple[str, ...] = ()
    sign: Part = "assertion"
    saml_prefix: str | None = "saml"
    samlp_prefix: str | None = "samlp"
    ds_prefix: str | None = "ds"
    keyinfo: KeyInfoKind = "x509"
    inclusive_prefixes: str | None = None
    precision: Precision = "seconds"
    name_format: str | None = names.NAME_BASIC
    value_type: str | None = None
    context_class: str = names.AC_PROTECTED
    issuer_format: str | None = None
    response_issuer: bool = True
    id_prefix: str = "_"
    session_index: SessionIndex = "random"
    name_id_format: str = names.FORMAT_EMAIL
    name_qualifiers: bool = False
    valid_before_s: int = 300  # NotBefore lies this far before the issue instant
    valid_for_s: int = 300
    confirmation_for_s: int | None = None  # of SubjectConfirmationData; None: as valid_for_s
    session_for_s: int | None = None  # SessionNotOnOrAfter; None: it is not written
    extra: tuple[ExtraClaim, ...] = ()
    metadata: MetadataShape = field(default_factory=MetadataShape)
    unsure: Mapping[str, str] = field(default_factory=dict)

    @property
    def doubts(self) -> str:
        """What is not known for certain, in sentences; "" where all is."""
        return " ".join(self.unsure.values())


#: Table and key of a vendor's file to the field of Profile, for those that have another name there.
_RENAMED: Final = {("name_id", "format"): "name_id_format", ("name_id", "qualifiers"): "name_qualifiers"}
_TABLES: Final[dict[str, frozenset[str]]] = {
    "": frozenset({"title", "rank", "aliases"}),
    "response": frozenset(
        {
            "sign",
            "saml_prefix",
            "samlp_prefix",
            "ds_prefix",
            "keyinfo",
            "inclusive_prefixes",
            "precision",
            "name_format",
            "value_type",
            "context_class",
            "issuer_format",
            "response_issuer",
            "id_prefix",
            "session_index",
        }
    ),
    "times": frozenset({"valid_before_s", "valid_for_s", "confirmation_for_s", "session_for_s"}),
    "name_id": frozenset({"format", "qualifiers"}),
}
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "sign": get_args(Part),
    "keyinfo": get_args(KeyInfoKind),
    "precision": get_args(Precision),
    "session_index": get_args(SessionIndex),
}
_BINDINGS: Final = ("HTTP-Redirect", "HTTP-POST")
_FED_ROLES: Final = ("ApplicationServiceType", "SecurityTokenServiceType")


def read_profile(vendor: str, text: str) -> Profile:
    """A vendor's file. In it "" stands for None.

    Raises:
        TenantError: it is no TOML, or holds an unknown key or a wrong value; the sentence names file and key.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TenantError(f"{vendor}.toml is not valid TOML: {error}.") from error
    values: dict[str, Any] = {"id": vendor}
    own = {k: v for k, v in data.items() if not isinstance(v, dict | list) or k == "aliases"}
    for table, known in _TABLES.items():
        rows = own if not table else data.get(table, {})
        for key, value in rows.items():
            if key not in known:
                raise _wrong(vendor, table, key, "is no key that is known here")
            name = _RENAMED.get((table, key), key)
            values[name] = _checked(vendor, table, key, value, Profile, name)
    values["extra"] = tuple(_record(vendor, "claims", row, ExtraClaim) for row in data.get("claims", []))
    shape = dict(data.get("metadata", {}))
    offered = tuple(_record(vendor, "metadata.attributes", r, OfferedAttribute) for r in shape.pop("attributes", []))
    for key, value in shape.items():
        shape[key] = _checked(vendor, "metadata", key, value, MetadataShape, key)
    values["metadata"] = MetadataShape(**shape, attributes=offered)
    values["unsure"] = MappingProxyType(_doubts(vendor, data))
    left = set(data) - set(own) - {"response", "times", "name_id", "claims", "metadata", "unsure"}
    if left or "title" not in values:
        raise _wrong(vendor, "", min(left, default="title"), "is unknown" if left else "is missing")
    return Profile(**values)


def _doubts(vendor: str, data: Mapping[str, Any]) -> dict[str, str]:
    """What is unsure, each named by a place that the file really has."""
    doubts: dict[str, str] = {}
    for place, sentence in data.get("unsure", {}).items():
        table, _, key = place.partition(".")
        if table not in data or (key and key not in data[table] and key not in _TABLES.get(table, ())):
            raise _wrong(vendor, "unsure", place, "names nothing of this file")
        if not isinstance(sentence, str) or not sentence.endswith("."):
            raise _wrong(vendor, "unsure", place, "must be a sentence")
        doubts[place] = sentence
    return doubts


def _checked(vendor: str, table: str, key: str, value: Any, kind: type[Any], name: str) -> Any:
    wanted = {f.name: str(f.type) for f in fields(kind)}.get(name)
    if wanted is None:
        raise _wrong(vendor, table, key, "is no key that is known here")
    if value == "" and "None" in wanted:
        return None
    if "tuple" in wanted:
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise _wrong(vendor, table, key, "must be a list of texts")
        allowed = _BINDINGS if name.endswith("_bindings") else _FED_ROLES if name == "fed_roles" else None
        if allowed is not None and set(value) - set(allowed):
            raise _wrong(vendor, table, key, f"may hold {', '.join(allowed)}")
        return tuple(value)
    basic = bool if "bool" in wanted else int if "int" in wanted else str
    if type(value) is not basic or (isinstance(value, int) and not 0 <= value <= 10_000_000):
        raise _wrong(vendor, table, key, f"is {value!r}, which is of the wrong kind")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise _wrong(vendor, table, key, f"must be one of {', '.join(_CHOICES[name])}")
    if name == "entity_id" or name.endswith("path"):
        text = str(value)
        if name != "entity_id" and not text.startswith("/"):
            raise _wrong(vendor, table, key, "must begin with a slash")
        _fillable(vendor, table, key, text)
    return value


def _fillable(vendor: str, table: str, key: str, value: str) -> None:
    try:
        value.format_map(_PLACES)
    except (KeyError, ValueError, IndexError) as error:
        raise _wrong(vendor, table, key, f"may hold {', '.join('{' + p + '}' for p in _PLACES)}") from error


def _record(vendor: str, table: str, row: Any, kind: type[Any]) -> Any:
    known = {f.name for f in fields(kind)}
    if not isinstance(row, dict) or not all(isinstance(v, str) for v in row.values()) or set(row) - known:
        raise _wrong(vendor, table, "", f"has rows of {', '.join(sorted(known))}, all of them texts")
    _fillable(vendor, table, "value", row.get("value", ""))
    try:
        return kind(**row)
    except TypeError as error:
        raise _wrong(vendor, table, "", "lacks a key in one of its rows") from error


def _wrong(vendor: str, table: str, key: str, why: str) -> TenantError:
    place = ".".join(p for p in (table, key) if p)
    return TenantError(f"{vendor}.toml: {place} {why}.", key=key or table)


@cache
def _all() -> tuple[Profile, ...]:
    folder = importlib.resources.files("simulator.profiles")
    found = [
        read_profile(f.name.removesuffix(".toml"), f.read_text("utf-8"))
        for f in folder.iterdir()
        if f.name.endswith(".toml")
    ]
    return tuple(sorted(found, key=lambda p: p.rank))


PROFILES: Final[tuple[Profile, ...]] = _all()


def profile(vendor: str) -> Profile:
    """The profile of that id or alias.

    Raises:
        TenantError: there is none.
    """
    for row in PROFILES:
        if vendor == row.id or vendor in row.aliases:
            return row
    known = ", ".join(p.id for p in PROFILES)
    raise TenantError(f'There is no vendor profile "{vendor}". Choose one of: {known}.')
