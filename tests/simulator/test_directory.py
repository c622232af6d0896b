"""The directory as vendors export it follows what happens to people."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from simulator import Tenant, directory_csv, directory_graph, directory_scim


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
