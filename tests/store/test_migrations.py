"""The schema's history: up, down, the head equals the models, and old databases are upgraded with their data."""

import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from app.accounts.users import User
from app.store import EventFilter, EventRecord, Revision, Store, StoreError
from app.store.migrations import HEAD, KNOWN
from app.store.models import Base
from app.store.store import migrate
from tests.store.conftest import NOW


def differences(store):
    """What the models and the database disagree in."""
    with store.read() as tx:
        context = MigrationContext.configure(tx.connection, opts={"compare_type": True})
        return [
            d for d in compare_metadata(context, Base.metadata)
            if not (d[0] == "remove_table" and d[1].name == "alembic_version")
        ]  # fmt: skip


def columns(path):
    with sqlite3.connect(path) as connection:
        tables = [r[0] for r in connection.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")]
        found = {t: sorted(r[1:4] for r in connection.execute(f"PRAGMA table_info({t})")) for t in tables}
        indexes = sorted(
            " ".join(r[0].split())
            for r in connection.execute("SELECT sql FROM sqlite_master WHERE type='index' AND sql NOT NULL")
        )
    connection.close()
    return found, indexes


def test_what_is_created_is_what_the_models_say(store):
    assert differences(store) == []


def test_the_head_of_the_migrations_equals_the_models(store):
    with store.write() as tx:
        migrate(tx.connection, "base")
    with store.write() as tx:
        migrate(tx.connection, HEAD)
    assert differences(store) == []


def test_created_and_migrated_are_the_same(url, path, store, tmp_path):
    created = columns(path)
    with store.write() as tx:
        migrate(tx.connection, "base")
    assert set(columns(path)[0]) == {"alembic_version"}
    with store.write() as tx:
        migrate(tx.connection, HEAD)
    migrated = columns(path)
    assert migrated[0] == created[0]
    assert migrated[1] == created[1]


@pytest.mark.parametrize("revision", KNOWN)
def test_each_revision_up_and_down(store, revision):
    below = KNOWN[KNOWN.index(revision) - 1] if revision != KNOWN[0] else "base"
    with store.write() as tx:
        migrate(tx.connection, below)
    with store.write() as tx:
        migrate(tx.connection, revision)
        migrate(tx.connection, below)
        migrate(tx.connection, HEAD)
    assert differences(store) == []


def test_every_revision_is_known_and_stands_alone():
    folder = Path(__file__).parents[2] / "app" / "store" / "migrations" / "versions"
    files = {p.name[:4]: p for p in folder.glob("0*.py")}
    assert set(files) == set(KNOWN)
    assert len(files) == len(KNOWN)
    below = None
    for known in KNOWN:
        written = dict(
            re.findall(r'^(revision|down_revision) = (?:"(\d+)"|None)$', files[known].read_text("utf-8"), re.M)
        )
        assert written == {"revision": known, "down_revision": below or ""}
        below = known
    for file in files.values():
        assert "from app" not in file.read_text("utf-8")
        assert "import app" not in file.read_text("utf-8")


def old_database(url, path, revision):
    """A database as an older version left it, with a user in it."""
    with Store.open(url) as store:
        with store.write() as tx:
            account = tx.insert_account(imagekit_id="ik_7x2k", name="Acme", plan="paid", seat_limit=5, at=NOW)
            tx.insert_user(
                User(
                    id=0, account_id=account, email="ada@acme.test", email_key="ada@acme.test", full_name="Ada",
                    role="developer", created_at=NOW,
                )
            )  # fmt: skip
        with store.write() as tx:
            migrate(tx.connection, revision)
    return path


@pytest.mark.parametrize("revision", KNOWN[:-1])
def test_an_old_database_is_backed_up_and_upgraded(url, path, revision):
    old_database(url, path, revision)
    with Store.open(url) as store:
        assert differences(store) == []
        with store.read() as tx:
            assert [u.email for u in tx.users(1)] == ["ada@acme.test"]
        assert store.check() == ()
    backups = [p for p in path.parent.iterdir() if p.suffix == ".bak"]
    assert [p.name for p in backups] == [f"workspace.db.before-{HEAD}.bak"]
    with sqlite3.connect(backups[0]) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]
    connection.close()
    assert backups[0].stat().st_mode & 0o777 == 0o600


def test_an_old_database_can_be_refused_instead(url, path):
    old_database(url, path, KNOWN[0])
    before = path.read_bytes()
    with pytest.raises(StoreError, match="db upgrade"):
        Store.open(url, upgrade=False)
    assert path.read_bytes() == before


def test_a_failing_upgrade_leaves_the_old_database(url, path):
    """A table that stands in the way makes the revision fail; nothing of it stays."""
    old_database(url, path, KNOWN[0])
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE users ADD COLUMN keep_why TEXT")
    connection.close()
    with pytest.raises(StoreError):
        Store.open(url)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(KNOWN[0],)]
        names = [r[1] for r in connection.execute("PRAGMA table_info(users)")]
    connection.close()
    assert "keep_until" not in names


def test_configurations_of_an_older_version_are_kept_and_not_enforced(url):
    with Store.open(url) as store:
        with store.write() as tx:
            account = tx.insert_account(imagekit_id="ik_7x2k", name="Acme", plan="paid", seat_limit=5, at=NOW)
            saved = Revision(
                account_id=account, number=1, at=NOW, operator="olga", what="Metadata saved.", document=b"<a/>",
                sha256="0", idp_entity_id="urn:idp", entity_id=None,
            )  # fmt: skip
            tx.insert_revision(saved)
        with store.write() as tx:
            migrate(tx.connection, KNOWN[KNOWN.index("0004") - 1])
        with store.write() as tx:
            migrate(tx.connection, HEAD)
            assert tx.current_revision(account) == replace(saved, id=1)
            assert tx.account(account).enforced is False
            assert tx.tests(account) == tx.recovery_codes(account) == ()


def test_references_of_an_older_version_are_found_by_a_piece_of_them(store):
    references = ("amber-otter-quilt-42", "otter-amber-quilt-07", "quilt-quilt-quilt-99")
    with store.write() as tx:
        for n, reference in enumerate((*references, "old")):
            tx.insert_event(
                EventRecord(reference=reference, at=NOW, status="success", outcome="created", sentence=str(n))
            )
        stored = tx.connection.execute(text("SELECT reference, reference_turned FROM events ORDER BY id")).all()
    assert [tuple(r) for r in stored[:2]] == [(references[0], "quilt-42-otter"), (references[1], "quilt-07-amber")]
    with store.write() as tx:
        migrate(tx.connection, KNOWN[KNOWN.index("0008") - 1])
    with store.write() as tx:
        migrate(tx.connection, HEAD)
        again = tx.connection.execute(text("SELECT reference, reference_turned FROM events ORDER BY id")).all()
        assert again[:3] == stored[:3]
        assert tuple(again[3]) == ("old", "")
        for piece in ("r-otter-quilt-4", "ter-quilt", "lt-42", "-otter-"):
            assert [e.reference for e in tx.events(EventFilter(text=piece))] == [references[0]]


def test_what_the_log_is_searched_by_has_the_order_of_code_points_on_postgresql(postgres_url):
    """In the order of a language the beginning of an assertion id was not found."""
    with Store.open(postgres_url) as store, store.read() as tx:
        query = (
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'events' AND collation_name = 'C'"
        )
        found = set(tx.connection.exec_driver_sql(query).scalars())
    assert found == {"reference", "reference_turned", "assertion_id", "email_key"}
