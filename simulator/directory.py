"""The directory of a tenant as the vendors export it: CSV files, SCIM 2.0 and Microsoft Graph. It changes nobody.

The columns of the files are those that the vendors' consoles are seen to write; Okta's and OneLogin's exports can be
configured, so theirs are the usual ones.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.errors import SimulatorError
from simulator.tenant import Tenant, TestUser


@dataclass(frozen=True, slots=True)
class Export:
    """How one vendor writes its people: the columns with what stands in each, the quoting, a line before the header."""

    title: str
    columns: tuple[tuple[str, Callable[[TestUser], str]], ...]
    quote_all: bool = False
    first_line: str = ""


def _given(u: TestUser) -> str:
    return (u.full_name or "").partition(" ")[0]


def _family(u: TestUser) -> str:
    return (u.full_name or "").partition(" ")[2]


def _number(u: TestUser) -> int:
    """A stable number for vendors that number their people."""
    digits = "".join(c for c in u.object_id or u.username if c in "0123456789abcdef")
    return int(digits or "0", 16) % 100_000_000


def _nothing(_user: TestUser) -> str:
    return ""


def _says(yes: str, no: str) -> Callable[[TestUser], str]:
    return lambda u: yes if u.enabled else no


def _distinguished(u: TestUser) -> str:
    name = "".join("\\" + c if c in ',\\#+<>;"=' else c for c in u.full_name or u.username)
    domain = ",".join(f"DC={part}" for part in u.email.rpartition("@")[2].split("."))
    return f"CN={name},OU=People,{domain}"


_ADDRESS: Final = ("usageLocation", "streetAddress", "state", "country", "officeLocation", "city", "postalCode")
_ENTRA_REST: Final = (
    *_ADDRESS,
    "telephoneNumber",
    "mobilePhone",
    "alternateEmailAddress",
    "ageGroup",
    "consentProvidedForMinor",
    "legalAgeGroupClassification",
    "companyName",
    "creationType",
    "directorySynced",
    "invitationState",
    "identityIssuer",
    "createdDateTime",
)

EXPORTS: Final[dict[str, Export]] = {
    "generic": Export(
        "Any directory",
        (
            ("userPrincipalName", lambda u: u.username),
            ("mail", lambda u: u.email),
            ("displayName", lambda u: u.full_name or ""),
            ("accountEnabled", _says("true", "false")),
            ("id", lambda u: u.object_id),
        ),
    ),
    "entra": Export(
        "Microsoft Entra ID: Users, Download users",
        (
            ("userPrincipalName", lambda u: u.email),
            ("displayName", lambda u: u.full_name or ""),
            ("surname", _family),
            ("mail", lambda u: u.email),
            ("givenName", _given),
            ("id", lambda u: u.object_id),
            ("userType", lambda _u: "Member"),
            ("jobTitle", _nothing),
            ("department", _nothing),
            ("accountEnabled", _says("True", "False")),
            *((name, _nothing) for name in _ENTRA_REST),
        ),
    ),
    "okta": Export(
        "Okta: a report of people",
        (
            ("User Id", lambda u: f"00u{_number(u):017x}"),
            ("Login", lambda u: u.email),
            ("First name", _given),
            ("Last name", _family),
            ("Email", lambda u: u.email),
            ("Secondary email", _nothing),
            ("Status", _says("ACTIVE", "DEPROVISIONED")),
            ("Last Login", _nothing),
        ),
        quote_all=True,
    ),
    "onelogin": Export(
        "OneLogin: Users, Export",
        (
            ("id", lambda u: str(_number(u))),
            ("email", lambda u: u.email),
            ("username", lambda u: u.username),
            ("firstname", _given),
            ("lastname", _family),
            ("status", _says("Active", "Suspended")),
            ("last_login", _nothing),
        ),
    ),
    "ad": Export(
        "Active Directory: Get-ADUser -Properties mail,DisplayName | Export-Csv",
        (
            ("DisplayName", lambda u: u.full_name or ""),
            ("DistinguishedName", _distinguished),
            ("Enabled", _says("True", "False")),
            ("GivenName", _given),
            ("mail", lambda u: u.email),
            ("Name", lambda u: u.full_name or u.username),
            ("ObjectClass", lambda _u: "user"),
            ("ObjectGUID", lambda u: u.object_id),
            ("SamAccountName", lambda u: u.username[:20]),
            ("SID", lambda u: f"S-1-5-21-1004336348-1177238915-682003330-{1000 + _number(u) % 1_000_000}"),
            ("Surname", _family),
            ("UserPrincipalName", lambda u: u.email),
        ),
        quote_all=True,
        first_line="#TYPE Microsoft.ActiveDirectory.Management.ADUser",
    ),
    "google": Export(
        "Google Workspace: Users, Download users",
        (
            ("First Name [Required]", _given),
            ("Last Name [Required]", _family),
            ("Email Address [Required]", lambda u: u.email),
            ("Password [Required]", lambda _u: "****"),
            ("Password Hash Function [UPLOAD ONLY]", _nothing),
            ("Org Unit Path [Required]", lambda _u: "/"),
            ("New Primary Email [UPLOAD ONLY]", _nothing),
            ("Status [READ ONLY]", _says("Active", "Suspended")),
            ("Last Sign In [READ ONLY]", lambda _u: "Never logged in"),
        ),
    ),
}
_ALIASES: Final = {"adfs": "ad", "active-directory": "ad"}


def directory_csv(tenant: Tenant, application_id: str | None = None, *, vendor: str = "generic") -> str:
    """The people as the vendor's CSV file (RFC 4180); with an application only those assigned to it.

    Values are as in the directory: whoever opens the file in a spreadsheet must not let it run formulas.

    Raises:
        SimulatorError: no export of that vendor is known.
    """
    export = EXPORTS.get(_ALIASES.get(vendor, vendor))
    if export is None:
        raise SimulatorError(f'There is no export "{vendor[:60]}". Choose one of: {", ".join(EXPORTS)}.')
    out = io.StringIO()
    if export.first_line:
        out.write(export.first_line + "\r\n")
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL if export.quote_all else csv.QUOTE_MINIMAL)
    writer.writerow([name for name, _value in export.columns])
    for u in people(tenant, application_id):
        writer.writerow([value(u) for _name, value in export.columns])
    return out.getvalue()


def directory_scim(
    tenant: Tenant,
    *,
    start: int = 1,
    count: int = 100,
    application_id: str | None = None,
    filter_text: str | None = None,
    base_url: str = "",
) -> Any:
    """One page of the people as a SCIM ListResponse (RFC 7644 §3.4.2). `start` counts from 1.

    Raises:
        ScimError: the filter cannot be understood.
    """
    from simulator.scim import list_response, scim_user

    found = [scim_user(u, base_url) for u in people(tenant, application_id)]
    return list_response(found, start=start, count=count, filter_text=filter_text)


def graph_user(u: TestUser) -> dict[str, Any]:
    """A person in the shape of Microsoft Graph."""
    return {
        "id": u.object_id or u.username,
        "userPrincipalName": u.email,
        "mail": u.email,
        "displayName": u.full_name,
        "givenName": _given(u) or None,
        "surname": _family(u) or None,
        "accountEnabled": u.enabled,
        "userType": "Member",
    }


def directory_graph(
    tenant: Tenant, *, application_id: str | None = None, skip: int = 0, top: int | None = None, next_link: str = ""
) -> Any:
    """The people in the shape of Microsoft Graph's list of users; with `top` a page that begins after `skip` people."""
    found = people(tenant, application_id)
    shown = found[skip:] if top is None else found[skip : skip + top]
    page: dict[str, Any] = {"@odata.context": "https://graph.example/v1.0/$metadata#users"}
    if top is not None and skip + top < len(found) and next_link:
        page["@odata.nextLink"] = f"{next_link}?$top={top}&$skiptoken={skip + top}"
    return {**page, "value": [graph_user(u) for u in shown]}


def people(tenant: Tenant, application_id: str | None) -> Sequence[TestUser]:
    """Everybody, or those who may use the application."""
    return tuple(u for u in tenant.users if application_id is None or u.assigned(application_id))
