"""The directory of a tenant as the vendors export it: CSV, SCIM 2.0 and Microsoft Graph. It changes nobody."""

from __future__ import annotations

import csv
import io
from typing import Any

from simulator.tenant import Tenant, TestUser


def directory_csv(tenant: Tenant, application_id: str | None = None) -> str:
    """The people as CSV with a header line (RFC 4180); with an application only those assigned to it.

    Values are as in the directory: whoever opens the file in a spreadsheet must not let it run formulas.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["userPrincipalName", "mail", "displayName", "accountEnabled", "id"])
    for u in _people(tenant, application_id):
        writer.writerow([u.username, u.email, u.full_name or "", str(u.enabled).lower(), u.object_id])
    return out.getvalue()


def directory_scim(tenant: Tenant, *, start: int = 1, count: int = 100, application_id: str | None = None) -> Any:
    """One page of the people as a SCIM ListResponse (RFC 7644 §3.4.2). `start` counts from 1."""
    people = _people(tenant, application_id)
    start, count = max(1, start), max(0, min(count, 1000))
    page = people[start - 1 : start - 1 + count]
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": len(people),
        "startIndex": start,
        "itemsPerPage": len(page),
        "Resources": [
            {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "id": u.object_id or u.username,
                "userName": u.username,
                "displayName": u.full_name or "",
                "active": u.enabled,
                "emails": [{"value": u.email, "type": "work", "primary": True}],
            }
            for u in page
        ],
    }


def directory_graph(tenant: Tenant, *, application_id: str | None = None) -> Any:
    """The people in the shape of Microsoft Graph's list of users."""
    return {
        "@odata.context": "https://graph.example/v1.0/$metadata#users",
        "value": [
            {
                "id": u.object_id or u.username,
                "userPrincipalName": u.email,
                "mail": u.email,
                "displayName": u.full_name,
                "accountEnabled": u.enabled,
            }
            for u in _people(tenant, application_id)
        ],
    }


def _people(tenant: Tenant, application_id: str | None) -> tuple[TestUser, ...]:
    return tuple(u for u in tenant.users if application_id is None or u.assigned(application_id))
