"""What is found at the place of a database: nothing that cannot be used is changed by one byte."""

import hashlib
import os
import sqlite3
import stat

import pytest

from app.store import DamagedStore, ForeignStore, NewerStore, NotAStore, Store, StoreError, UnreadableStore
from app.store.migrations import HEAD, KNOWN


def snapshot(folder):
    """Every file of a folder with its bytes and mode."""
    return {
        p.name: (hashlib.sha256(p.read_bytes()).hexdigest(), stat.S_IMODE(p.lstat().st_mode))
        for p in sorted(folder.iterdir())
        if p.is_file()
    }


def refused(url, kind, *words):
    """Opening fails with this error, whose text holds these words."""
    with pytest.raises(kind) as caught:
        Store.open(url)
    for word in words:
        assert word in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.fixture
def existing(path, url):
    """A good database, closed."""
    Store.open(url).close()
    return path


def edit(path, *statements):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=DELETE")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_new_database_is_private(path, url):
    old = os.umask(0)
    try:
        with Store.open(url) as store, store.write() as tx:
            tx.set_setting("a", 1)
            side = [p for p in path.parent.iterdir() if p.name != path.name]
            modes = {stat.S_IMODE(p.stat().st_mode) for p in (path, *side)}
            assert {p.name for p in side} == {"workspace.db-wal", "workspace.db-shm"}
    finally:
        os.umask(old)
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_existing_database_is_made_private_again(existing, url):
    existing.chmod(0o644)
    with Store.open(url) as store:
        assert store.check() == ()
    assert stat.S_IMODE(existing.stat().st_mode) == 0o600


def test_an_empty_file_becomes_a_database(path, url):
    path.parent.mkdir()
    path.touch()
    with Store.open(url) as store:
        assert store.check() == ()


def test_pragmas(path, store):
    with store.read() as tx:
        values = {
            name: tx.connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in (
                "foreign_keys", "trusted_schema", "secure_delete", "cell_size_check", "mmap_size", "synchronous",
                "journal_mode", "application_id", "user_version",
            )
        }  # fmt: skip
    assert values == {
        "foreign_keys": 1,
        "trusted_schema": 0,
        "secure_delete": 1,
        "cell_size_check": 1,
        "mmap_size": 0,
        "synchronous": 2,
        "journal_mode": "wal",
        "application_id": 0x53534F57,
        "user_version": len(KNOWN),
    }


def test_something_that_is_not_a_database(path, url):
    path.parent.mkdir()
    path.write_text("Dear diary, this is much longer than the hundred bytes that a header takes. " * 4)
    before = snapshot(path.parent)
    refused(url, NotAStore, str(path), "--workspace")
    assert snapshot(path.parent) == before


def test_a_short_file_is_not_a_database(path, url):
    path.parent.mkdir()
    path.write_bytes(b"SQLite format 3\0")
    refused(url, NotAStore, str(path))


def test_a_database_of_another_program(path, url):
    path.parent.mkdir()
    edit(path, "CREATE TABLE accounts (id INTEGER PRIMARY KEY)", "PRAGMA application_id=252006674")
    before = snapshot(path.parent)
    refused(url, ForeignStore, str(path), "not made by this program")
    assert snapshot(path.parent) == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM events; END",
        "CREATE VIEW everybody AS SELECT * FROM users",
    ],
)
def test_a_database_with_things_we_never_write(existing, url, statement):
    edit(existing, statement)
    before = snapshot(existing.parent)
    refused(url, ForeignStore, str(existing))
    assert snapshot(existing.parent) == before


def test_a_newer_database(existing, url):
    edit(existing, "UPDATE alembic_version SET version_num='0999'")
    before = snapshot(existing.parent)
    refused(url, NewerStore, str(existing), "newer version", "0999", HEAD)
    assert snapshot(existing.parent) == before


def test_a_newer_database_whose_version_is_only_in_the_write_ahead_log(existing, url):
    writer = sqlite3.connect(existing)
    writer.execute("PRAGMA wal_autocheckpoint=0")
    writer.execute("UPDATE alembic_version SET version_num='0999'")
    writer.commit()
    before = existing.read_bytes()
    refused(url, NewerStore, "0999")
    assert existing.read_bytes() == before
    writer.close()


def test_a_damaged_database(existing, url):
    edit(existing, "VACUUM")
    data = bytearray(existing.read_bytes())
    for at in range(4096, len(data), 512):
        data[at : at + 64] = b"\xa5" * 64
    existing.write_bytes(data)
    before = snapshot(existing.parent)
    refused(url, DamagedStore, str(existing), "backup")
    assert snapshot(existing.parent) == before


def test_a_truncated_database(existing, url):
    edit(existing, "VACUUM")
    existing.write_bytes(existing.read_bytes()[:5000])
    before = snapshot(existing.parent)
    refused(url, DamagedStore, str(existing))
    assert snapshot(existing.parent) == before


def test_a_database_without_one_of_our_tables(existing, url):
    edit(existing, "DROP TABLE settings")
    refused(url, DamagedStore, "settings")


def test_a_link_is_not_followed(existing, tmp_path):
    link = tmp_path / "link.db"
    link.symlink_to(existing)
    before = snapshot(existing.parent)
    refused(f"sqlite:///{link}", UnreadableStore, str(link), "link")
    assert snapshot(existing.parent) == before


def test_a_folder_is_no_database(tmp_path):
    refused(f"sqlite:///{tmp_path}", UnreadableStore, str(tmp_path))


def test_a_place_that_cannot_be_created(tmp_path):
    (tmp_path / "file").write_text("x")
    refused(f"sqlite:///{tmp_path / 'file' / 'w.db'}", UnreadableStore, "--workspace")


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://u@localhost/x", "oracle://x", "sqlite:///x.db?mode=ro", "sqlite:///file:x.db"],
)
def test_addresses_that_are_no_workspace(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableStore):
        Store.open(url)
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_server_is_one_sentence():
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as caught:
        Store.open("postgresql+psycopg://nobody:secret@127.0.0.1:9/none?connect_timeout=1")
    assert "secret" not in str(caught.value)
