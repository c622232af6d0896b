"""What the processes do that the crash tests kill: each works, and tells of everything that was committed."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

from app.sso import SSO
from app.store import Store, copy_store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=400)


def provider(store: Store, now: datetime = NOW) -> SSO:
    """The verbs over a store."""
    return SSO(store, clock=lambda: now, random_bytes=secrets.token_bytes)


def login(url: str, bodies: list[bytes], told: Connection) -> None:
    """Logins one after the other; tells each reference."""
    with Store.open(url) as store:
        sso = provider(store)
        told.send("begun")
        for body in bodies:
            told.send(sso.consume(body).reference)


def save(url: str, documents: list[bytes], told: Connection) -> None:
    """Saves metadata, an override, a setting, again and again; tells the number of each revision."""
    with Store.open(url) as store:
        sso = provider(store)
        told.send("begun")
        for turn in range(1000):
            view = sso.save_metadata("ik_7x2k", documents[turn % 2], test_idp=True)
            told.send(view.account.revision)
            view = sso.set_entity_id("ik_7x2k", f"https://imagekit.io/saml/consume#{secrets.token_hex(8)}")
            told.send(view.account.revision)
            if turn % 3 == 2:
                told.send(sso.delete_metadata("ik_7x2k").account.revision)


def cleanup(url: str, _work: object, told: Connection) -> None:
    """Plans to delete everybody who never logged in, and applies it; tells how many were deleted."""
    with Store.open(url) as store:
        sso = provider(store, LATER)
        stale = frozenset(row.user.id for row in sso.stale_users("ik_7x2k") if row.evidence != "excluded")
        plan = sso.plan_cleanup("ik_7x2k", stale)
        told.send("begun")
        told.send(len(sso.apply_cleanup(plan, typed=plan.must_type).deleted))


def import_list(url: str, listed: bytes, told: Connection) -> None:
    """Imports a directory list by which half of the users are gone; tells that it did."""
    from app.accounts.directory import read_directory

    reading = read_directory(listed)
    with Store.open(url) as store:
        sso = provider(store, LATER)
        told.send("begun")
        sso.import_directory("ik_7x2k", reading, complete=True, taken_at=LATER, source="people.csv")
        told.send("done")


def migrate(url: str, _work: object, told: Connection) -> None:
    """Opens a workspace of an older version, which upgrades it."""
    told.send("begun")
    with Store.open(url):
        told.send("done")


def move(url: str, target: str, told: Connection) -> None:
    """Copies a whole workspace into an empty one; tells how many rows."""
    with Store.open(url) as source, Store.open(target) as new:
        told.send("begun")
        told.send(sum(copy_store(source, new).rows.values()))


def create(url: str, _work: object, told: Connection) -> None:
    """Makes a new workspace with an account in it."""
    told.send("begun")
    with Store.open(url) as store:
        provider(store).create_account("ik_7x2k", "Acme Media", seat_limit=5)
        told.send("done")


def back_up(url: str, target: str, told: Connection) -> None:
    """Copies the database file."""
    from pathlib import Path

    with Store.open(url) as store:
        told.send("begun")
        told.send(str(store.backup(Path(target))))
