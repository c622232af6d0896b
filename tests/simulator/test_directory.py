"""The directory as vendors export it follows what happens to people."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from simulator import SimulatorError, Tenant, directory_csv, directory_graph, directory_scim
from simulator.directory import EXPORTS
from simulator.scim import ScimError


def test_csv_follows_leavers_and_assignments(tenant: Tenant) -> None:
    rows = list(csv.DictReader(io.StringIO(directory_csv(tenant.without_user("linus")))))
    assert "linus" not in {r["userPrincipalName"] for r in rows}
    assert {r["userPrincipalName"] for r in rows if r["accountEnabled"] == "false"} == {"alan"}
    assigned = list(csv.DictReader(io.StringIO(directory_csv(tenant, "imagekit"))))
    assert "katherine" not in {r["userPrincipalName"] for r in assigned}
    assert next(r for r in rows if r["mail"] == "wei@acme-media.test")["displayName"] == "陳偉"


def test_hostile_values_keep_their_column(tenant: Tenant) -> None:
    ada = replace(tenant.users[0], full_name='a,"b"\r\nc')
    rows = list(csv.DictReader(io.StringIO(directory_csv(tenant.with_user(ada)), newline="")))
    assert rows[0]["displayName"] == 'a,"b"\r\nc'
    assert len(rows) == len(tenant.users)


def test_scim_pages(tenant: Tenant) -> None:
    seen = []
    start = 1
    while page := directory_scim(tenant, start=start, count=3)["Resources"]:
        seen += [u["userName"] for u in page]
        start += len(page)
    assert seen == [u.username for u in tenant.users]
    assert directory_scim(tenant, start=-5, count=10**9)["totalResults"] == len(tenant.users)


def test_graph_tells_who_is_disabled(tenant: Tenant) -> None:
    people = directory_graph(tenant)["value"]
    assert [p["mail"] for p in people if not p["accountEnabled"]] == ["alan@acme-media.test"]


# As each vendor writes it ---------------------------------------------------------------------------------------------

#: Vendor to the columns of address and state, and how somebody who is disabled is written.
COLUMNS = {
    "entra": ("mail", "accountEnabled", "False"),
    "okta": ("Email", "Status", "DEPROVISIONED"),
    "onelogin": ("email", "status", "Suspended"),
    "ad": ("mail", "Enabled", "False"),
    "google": ("Email Address [Required]", "Status [READ ONLY]", "Suspended"),
}


@pytest.mark.parametrize("vendor", COLUMNS)
def test_every_vendors_file_holds_the_same_people(vendor: str, tenant: Tenant) -> None:
    text = directory_csv(tenant, vendor=vendor)
    assert text.endswith("\r\n")
    lines = io.StringIO(text, newline="")
    if vendor == "ad":
        assert lines.readline() == "#TYPE Microsoft.ActiveDirectory.Management.ADUser\r\n"
    rows = list(csv.DictReader(lines, strict=True))
    mail, state, disabled = COLUMNS[vendor]
    assert [r[mail] for r in rows] == [u.email for u in tenant.users]
    assert [r[mail] for r in rows if r[state] == disabled] == ["alan@acme-media.test"]
    assert all(None not in r and None not in r.values() for r in rows)
    assert "陳偉" in text
    assert directory_csv(tenant, "imagekit", vendor=vendor).count("katherine") == 0


def test_powershell_quotes_everything_and_names_are_distinguished(tenant: Tenant) -> None:
    ada = replace(tenant.users[0], full_name='Lindqvist, "Ada"')
    lines = directory_csv(tenant.with_user(ada), vendor="ad").splitlines()
    assert lines[1].startswith('"DisplayName","DistinguishedName","Enabled",')
    assert r'"CN=Lindqvist\, \""Ada\"",OU=People,DC=acme-media,DC=test"' in lines[2]


def test_exports_are_stable_and_unknown_ones_refused(tenant: Tenant) -> None:
    for vendor in EXPORTS:
        assert directory_csv(tenant, vendor=vendor) == directory_csv(tenant, vendor=vendor)
    assert directory_csv(tenant, vendor="adfs") == directory_csv(tenant, vendor="ad")
    with pytest.raises(SimulatorError, match="Choose one of: generic, entra"):
        directory_csv(tenant, vendor="ldap")


# SCIM filters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('userName eq "ada"', ["ada"]),
        ('USERNAME EQ "ADA"', ["ada"]),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada"', ["ada"]),
        ('emails eq "zoe@acme-media.test"', ["zoe"]),
        ('emails.value sw "zoe@"', ["zoe"]),
        ('emails[type eq "work" and value co "wei@"]', ["wei"]),
        ("active eq false", ["alan"]),
        ("not (active eq true)", ["alan"]),
        ("active ne True", ["alan"]),
        ('displayName co "KOVAČEVIĆ"', ["zoe"]),
        ('name.familyName ew "hale"', ["margaret"]),
        ('userName eq "ada" or userName eq "grace" and active eq false', ["ada"]),
        ('(userName eq "ada" or userName eq "grace") and active eq true', ["ada", "grace"]),
        ('userName gt "margaret"', ["zoe", "wei"]),
        ('userName le "alan"', ["ada", "alan"]),
        ('displayName pr and userName sw "l"', ["linus"]),
        ('userName eq "a\\"b"', []),
        ('meta.resourceType eq "user"', []),
    ],
)
def test_filters(text: str, names: list[str], tenant: Tenant) -> None:
    page = directory_scim(tenant, filter_text=text)
    assert [u["userName"] for u in page["Resources"]] == names
    assert page["totalResults"] == len(names)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "userName",
        "userName eq",
        "userName eq ada",
        'userName is "ada"',
        'password eq "x"',
        'userName eq "ada" and',
        '(userName eq "ada"',
        'userName eq "ada")',
        'not userName eq "ada"',
        'userName[value eq "x"]',
        'emails[value eq "x"',
        'emails[value eq "x"] or [',
        "active co true",
        "active gt 1",
        'userName eq "ada" userName eq "ada"',
        'userName eq "ada',
        "; drop",
        "(" * 50 + 'userName eq "ada"' + ")" * 50,
        'userName eq "' + "a" * 3_000 + '"',
        "userName eq {}",
        "\x00",
    ],
)
def test_filters_that_cannot_be_understood_are_errors_of_scim(text: str, tenant: Tenant) -> None:
    with pytest.raises(ScimError) as caught:
        directory_scim(tenant, filter_text=text)
    body = caught.value.as_dict()
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert (body["status"], body["scimType"]) == ("400", "invalidFilter")
    assert body["detail"].startswith("The filter cannot be understood")


def test_paging_follows_the_specification(tenant: Tenant) -> None:
    none = directory_scim(tenant, count=0)
    assert (none["totalResults"], none["itemsPerPage"], none["Resources"]) == (8, 0, [])
    assert directory_scim(tenant, count=-5)["itemsPerPage"] == 0
    assert directory_scim(tenant, start=0)["startIndex"] == 1
    assert directory_scim(tenant, start=9)["Resources"] == []
    filtered = directory_scim(tenant, start=2, count=1, filter_text='userName sw "a"')
    assert (filtered["totalResults"], [u["userName"] for u in filtered["Resources"]]) == (2, ["alan"])


def test_graph_pages_by_links(tenant: Tenant) -> None:
    first = directory_graph(tenant, top=5, next_link="http://x.test/users")
    assert len(first["value"]) == 5
    assert first["@odata.nextLink"] == "http://x.test/users?$top=5&$skiptoken=5"
    last = directory_graph(tenant, top=5, skip=5, next_link="http://x.test/users")
    assert len(last["value"]) == 3
    assert "@odata.nextLink" not in last
