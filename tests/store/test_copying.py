"""Moving a workspace between databases: everything arrives, or nothing does."""

import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, insert, select

from app.accounts.directory import Snapshot, Standing
from app.accounts.provisioning import Change
from app.store import (
    CleanupItem,
    CleanupRecord,
    EventRecord,
    RequestRecord,
    Revision,
    Store,
    StoreError,
    copy_store,
)
from app.store.models import Base, Instant
from tests.store.conftest import NOW
from tests.store.test_store import person

HOSTILE = "x'); DROP TABLE users;-- \U0001f469\u200d\U0001f680 \u202e \\ \t%s :key"


@pytest.fixture
def filled(store, account):
    """A row of everything, texts that would hurt, and a gap in the numbers."""
    with store.write() as tx:
        gone = tx.insert_user(person(account, 1, full_name=HOSTILE))
        tx.update_user(person(account, 1, id=gone, full_name=HOSTILE, deleted_at=NOW))
        tx.insert_user(person(account, 1, previous_id=gone))
        tx.insert_revision(
            Revision(
                account_id=account, number=1, at=NOW, operator="op", what="Saved.", document=b"<x/>\x00\xff",
                sha256="ab", idp_entity_id="https://idp.test", entity_id=None,
            )
        )  # fmt: skip
        for n in range(5):
            tx.insert_event(
                EventRecord(
                    reference=f"a-b-c-{n:02d}", at=NOW + timedelta(microseconds=n), account_id=account, user_id=gone,
                    raw=b"SAMLResponse=abc", email_key=f"u{n}@acme.test", full_name=HOSTILE,
                    changes=(Change("role", None, HOSTILE, False, "why"),),
                    as_expected=n == 3, details={"claims": {"a": [HOSTILE]}},
                )
            )  # fmt: skip
        tx.connection.exec_driver_sql("DELETE FROM changes WHERE event_id = 2")
        tx.remember_use("https://idp.test", "_1", at=NOW, expires_at=NOW, reference="a-b-c-01")
        tx.insert_request(
            RequestRecord(id="_r", account_id=account, idp_entity_id="https://idp.test", sent_at=NOW, expires_at=NOW)
        )
        tx.insert_snapshot(
            Snapshot(
                account_id=account, kind="directory", taken_at=NOW, imported_at=NOW, operator="op", source=HOSTILE,
                format="entra", key_column="mail", complete=True, rows=2, matched=1, disabled=0, absent=1, sha256="ab",
            ),
            [Standing(gone, "u1@acme.test", "absent", 0)],
        )  # fmt: skip
        tx.insert_cleanup(
            CleanupRecord(
                reference="a-b-c-77", account_id=account, made_at=NOW, applied_at=NOW, operator="op", export=b"email",
                export_sha256="cd", items=(CleanupItem(gone, "u1@acme.test", "finance", "dormant", "likely", ("x",)),),
            )
        )  # fmt: skip
        tx.set_setting("setting/x", {"a": [HOSTILE, None]})
        # The tables that nothing above writes to, with what their columns may hold.
        for name in ("configuration_tests", "recovery_codes", "metadata_sources"):
            table = Base.metadata.tables[name]
            row = {c.name: _something(c) for c in table.columns if c.name != "id"}
            tx.connection.execute(insert(table), row | {"account_id": account})
    return store


def _something(column):
    kinds = {str: HOSTILE, int: 7, bool: True, bytes: b"<x/>\x00\xff", datetime: NOW}
    return kinds[datetime if isinstance(column.type, Instant) else column.type.python_type]


def everything(store):
    with store.read() as tx:
        return {
            t.name: [tuple(r) for r in tx.connection.execute(select(t).order_by(*t.primary_key.columns))]
            for t in Base.metadata.sorted_tables
        }


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'other.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_server").database()
    with Store.open(url) as opened:
        yield opened
    if request.param == "postgresql":
        request.getfixturevalue("postgres_server").drop(url)


def test_every_row_arrives_and_numbering_goes_on(filled, target, account):
    told = []
    before = everything(filled)
    assert all(before.values())
    copied = copy_store(filled, target, lambda *what: told.append(what))
    assert everything(target) == everything(filled) == before
    assert copied.rows == {name: len(rows) for name, rows in before.items()}
    assert not copied.written_meanwhile
    assert told[-1] == ("done", 2 * sum(copied.rows.values()), 2 * sum(copied.rows.values()))
    with target.write() as tx:
        assert tx.insert_user(person(account, 9)) == 3
        assert tx.insert_event(EventRecord(reference="new-one-here-01", at=NOW)) == 6
    assert target.check() == ()


def test_rows_are_compared_in_one_order_whatever_the_language_of_the_database(store, target, account):
    """Capitals, punctuation and letters of other languages stand elsewhere in a language's order than in SQLite's."""
    names = ("ada lindqvist", "Bob", "Zo\u00eb", "Zoe", "\u00c5sa", "a-b", "ab", "a_b", "a.b", "B-52", "\u017bak")
    with store.write() as tx:
        for n, name in enumerate(names):
            tx.insert_event(
                EventRecord(reference=f"a-b-c-{n:02d}", at=NOW, email_key="u@acme.test", full_name=name, raw=b"x")
            )
            tx.set_setting(f"setting/{name}", n)
            tx.remember_use("https://idp.test", name, at=NOW, expires_at=NOW, reference=f"a-b-c-{n:02d}")
    copied = copy_store(store, target)
    assert copied.rows["persons"] == copied.rows["replays"] == len(names)


def test_a_copy_goes_both_ways(filled, target, tmp_path):
    copy_store(filled, target)
    with Store.open(f"sqlite:///{tmp_path / 'back.db'}") as back:
        copy_store(target, back)
        assert everything(back) == everything(filled)


def test_nothing_is_mixed(filled, target):
    with target.write() as tx:
        tx.insert_account(imagekit_id="ik_2", name="Second", plan="paid", seat_limit=1, at=NOW)
    before = everything(target)
    with pytest.raises(StoreError, match="not empty"):
        copy_store(filled, target)
    assert everything(target) == before


def test_a_row_that_comes_back_changed_stops_everything(filled, target):
    @event.listens_for(target._engine, "before_cursor_execute", retval=True)
    def garble(_connection, _cursor, statement, parameters, _context, _many):
        if statement.startswith("INSERT INTO settings"):
            statement = re.sub(r"VALUES \(([^,]+),", r"VALUES (upper(\1),", statement)
        return statement, parameters

    with pytest.raises(StoreError, match="settings came back changed"):
        copy_store(filled, target)
    assert not any(everything(target).values())


def test_what_is_written_meanwhile_is_told(filled, target, account):
    def write_once(what, done, total):
        if what == "done":
            with filled.write() as tx:
                tx.insert_event(EventRecord(reference="late-one-here-01", at=NOW))

    copied = copy_store(filled, target, write_once)
    assert copied.written_meanwhile
    assert len(everything(target)["events"]) == 5


def test_a_source_that_does_not_exist_is_not_created(tmp_path, postgres_url):
    for url in (f"sqlite:///{tmp_path / 'no.db'}", postgres_url):
        with pytest.raises(StoreError, match="no workspace"):
            Store.open(url, create=False)
    assert not (tmp_path / "no.db").exists()
