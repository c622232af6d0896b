"""Makes a workspace as large as a big organisation's after a year: a million log rows and fifty thousand users.

python -m tests.benchmarks.big_workspace URL [ROWS] [USERS] [DAYS]. The rows are copies of real logins with names,
times, ids and outcomes of their own, in proportions as they occur.
"""

from __future__ import annotations

import random
import secrets
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from app.accounts.reference import SPACE, reference, turned
from app.sso import SSO
from app.store import Store
from app.store.models import AccountRow, EventRow, MessageRow, PersonRow, UserRow, table
from simulator import Idp, KeyRing, default_tenant

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RAW_DAYS = 30
_ROWS_AT_ONCE = 5000
_FAULTS = (
    ("", 930),
    ("sig-tampered-content", 8),
    ("route-audience-other", 12),
    ("time-conditions-expired", 25),
    ("sig-wrong-key-own-cert", 5),
)
_FIRST = ("Ada", "Grace", "Linus", "Margaret", "Barbara", "Radia", "Edsger", "Donald", "Leslie", "Frances")
_LAST = ("Lindqvist", "Holloway", "Okafor", "Petrov", "Nakamura", "Silva", "Dubois", "Kowalski", "Haddad", "Moreau")


def person(n: int) -> tuple[str, str]:
    """(e-mail, full name) of the nth user."""
    first, last = _FIRST[n % 10], _LAST[n // 10 % 10]
    return f"{first}.{last}{n}@acme-media.test".lower(), f"{first} {last} {n}"


def fill(url: str, *, rows: int = 1_000_000, users: int = 50_000, days: int = 365) -> None:
    """Fill an empty workspace."""
    chance = random.Random(7)
    time = NOW - timedelta(days=days)
    idp = Idp(default_tenant(imagekit_id="ik_7x2k"), KeyRing.in_memory(lambda: NOW), lambda: NOW)
    with Store.open(url) as store:
        sso = SSO(store, clock=lambda: NOW, random_bytes=secrets.token_bytes)
        for imagekit_id, name in (("ik_7x2k", "Acme Media"), ("ik_small", "Acme Labs")):
            sso.create_account(imagekit_id, name, plan="enterprise", seat_limit=users + 10)
        sso.save_metadata("ik_7x2k", idp.metadata(), test_idp=True)
        samples = list(_samples(sso, idp, store))
        main, small = (sso.account(i).id for i in ("ik_7x2k", "ik_small"))
        with store.write() as tx:
            people = [_user(n, main, time, days, chance, idp.tenant.entity_id) for n in range(10, users + 10)]
            for start in range(0, users, _ROWS_AT_ONCE):
                tx.connection.execute(insert(table(UserRow)), people[start : start + _ROWS_AT_ONCE])
            active = sum(p["deleted_at"] is None for p in people)
            accounts = table(AccountRow)
            used = tx.connection.execute(select(accounts.c.active_users).where(accounts.c.id == main)).scalar_one()
            tx.update_account(main, active_users=used + active)
        step = timedelta(days=days) / rows
        for start in range(0, rows, _ROWS_AT_ONCE):
            events: list[dict[str, Any]] = []
            messages: list[dict[str, Any]] = []
            for n in range(start, min(start + _ROWS_AT_ONCE, rows)):
                at = time + step * n
                row, body = samples[chance.randrange(len(samples))]
                email, name = person(10 + chance.randrange(users))
                own = reference(n * 1_000_003 % SPACE)
                row = {
                    **row,
                    "id": n + 1001,
                    "reference": own,
                    "reference_turned": turned(own),
                    "at": at,
                    "judged_at": at,
                    "account_id": main if chance.random() < 0.98 else small,
                    "email_key": email,
                    "full_name": name,
                    "name_id": email,
                    "user_id": None,
                    "response_id": f"_{chance.getrandbits(128):032x}",
                    "assertion_id": f"_{chance.getrandbits(128):032x}",
                    "mode": "live" if chance.random() < 0.99 else "test",
                }
                events.append(row)
                if NOW - at < timedelta(days=RAW_DAYS):
                    messages.append({"event_id": row["id"], "at": at, "body": body})
            with store.write() as tx:
                tx.connection.execute(insert(table(EventRow)), events)
                if messages:
                    tx.connection.execute(insert(table(MessageRow)), messages)
        people_of = table(PersonRow)
        with store.write() as tx:
            known = set(tx.connection.execute(select(people_of.c.email_key)).scalars())
            names = [person(n) for n in range(10, users + 10)]
            new = [{"email_key": e, "full_name": n} for e, n in names if e not in known]
            tx.connection.execute(insert(people_of), new)


def _samples(sso: SSO, idp: Idp, store: Store) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Rows of real logins with their stored message, as often as they shall occur."""
    events, messages = table(EventRow), table(MessageRow)
    for fault, often in _FAULTS:
        for username in ("ada", "grace"):
            result = sso.consume(idp.issue(username, "imagekit", faults=[fault] if fault else []).body)
            if not fault:
                result = sso.consume(idp.issue(username, "imagekit").body)
            with store.read() as tx:
                row = tx.connection.execute(select(events).where(events.c.reference == result.reference)).one()
                body = tx.connection.execute(select(messages.c.body).where(messages.c.event_id == row.id)).scalar_one()
            for n in range(often):
                values = dict(row._mapping)
                if not fault and n % 50 == 0:
                    values |= {"status": "warning", "outcome": "updated_partially", "reason": "role.unknown"}
                elif not fault and n % 20 == 0:
                    values |= {"outcome": "updated"}
                elif not fault and n % 30 == 1:
                    values |= {"outcome": "created", "role_before": None}
                yield values, body


def _user(n: int, account: int, since: datetime, days: int, chance: random.Random, issuer: str) -> dict[str, Any]:
    email, name = person(n)
    created = since + timedelta(days=days) * chance.random()
    seen = created + (NOW - created) * chance.random()
    return {
        "account_id": account,
        "email": email,
        "email_key": email,
        "full_name": name,
        "role": chance.choice(("developer", "finance", "media_library_manager")),
        "created_at": created,
        "created_by": "sso",
        "changed_at": None,
        "last_login_at": seen if chance.random() < 0.95 else None,
        "logins": chance.randrange(1, 400),
        "last_issuer": issuer if chance.random() < 0.97 else "https://old-idp.acme-media.test",
        "stable_id": f"objectidentifier:{n:012x}",
        "deleted_at": NOW - timedelta(days=3) if chance.random() < 0.02 else None,
    }


if __name__ == "__main__":
    address, *numbers = sys.argv[1:]
    counts = dict(zip(("rows", "users", "days"), map(int, numbers), strict=False))
    fill(address, **counts)
