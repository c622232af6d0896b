"""What the world does to a database that is in use: a sentence each time, nothing lost, and work goes on afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import zlib

import pytest

from app.store import DamagedStore, EventRecord, ForeignStore, FullStore, Store, UnreadableStore
from tests.store.conftest import NOW
from tests.store.test_opening import snapshot
from tests.store.test_store import person


@pytest.fixture
def disk(tmp_path):
    """A file system of 4 MB of the test's own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs the right to mount a small file system")
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(store, most=10_000):
    """Users until nothing fits any more; how many were accepted."""
    for n in range(most):
        with store.write() as tx:
            tx.insert_user(person(1, n, full_name="x" * 1000))
    raise AssertionError("the disk was not filled")


def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room(disk):
    with Store.open(f"sqlite:///{disk / 'workspace.db'}") as store:
        with store.write() as tx:
            tx.insert_account(imagekit_id="ik_7x2k", name="Acme", plan="paid", seat_limit=10_000, at=NOW)
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 2_000_000)
        with pytest.raises(FullStore) as caught:
            fill(store)
        assert str(disk) in str(caught.value)
        assert "free some space" in str(caught.value)
        assert store.check() == ()
        with store.read() as tx:
            before = tx.head_count(1)[0]
            assert before == len(tx.users(1)) > 10
        backup = disk / "copy.db"
        with pytest.raises(UnreadableStore, match="cannot be written"):
            store.backup(backup)
        assert [p.name for p in disk.iterdir() if p.name.startswith("copy")] == []
        ballast.unlink()
        with store.write() as tx:
            tx.insert_user(person(1, 20_000))
        with store.read() as tx:
            assert tx.head_count(1)[0] == before + 1
    with Store.open(f"sqlite:///{disk / 'workspace.db'}") as store:
        assert store.check() == ()


def test_a_full_disk_at_the_first_opening(disk):
    (disk / "ballast").write_bytes(b"x" * (4 * 1024 * 1024 - 8192))
    url = f"sqlite:///{disk / 'workspace.db'}"
    with pytest.raises(FullStore), Store.open(url):
        pass
    (disk / "ballast").unlink()
    with Store.open(url) as store:
        assert store.check() == ()


def test_a_disk_that_may_only_be_read(disk):
    url = f"sqlite:///{disk / 'workspace.db'}"
    Store.open(url).close()
    before = snapshot(disk)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(UnreadableStore) as caught:
        Store.open(url)
    assert "may not be changed" in str(caught.value)
    assert str(caught.value).endswith("--workspace.")
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert snapshot(disk) == before
    with Store.open(url) as store:
        assert store.check() == ()


def test_a_connection_that_may_only_read(store, account, path):
    """As when the file's rights are taken away under the program."""

    def write():
        with store.write() as tx:
            tx.connection.exec_driver_sql("PRAGMA query_only=ON")
            try:
                tx.insert_user(person(account))
            finally:
                tx.connection.exec_driver_sql("PRAGMA query_only=OFF")

    with pytest.raises(UnreadableStore, match="may only be read"):
        write()
    with store.write() as tx:
        tx.insert_user(person(account))
    assert store.check() == ()


def test_a_transaction_that_was_interrupted_is_taken_back(path, url, tmp_path):
    """A copy in rollback mode, with the journal that a killed process left: half of its pages are written already."""
    with Store.open(url) as store:
        with store.write() as tx:
            account = tx.insert_account(imagekit_id="ik_7x2k", name="Acme", plan="paid", seat_limit=900, at=NOW)
            for n in range(300):
                tx.insert_user(person(account, n))
        copy = store.backup(tmp_path / "copy.db")
    torn = tmp_path / "torn.db"
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.execute("PRAGMA cache_size=2")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE users SET full_name = 'somebody else', role = 'finance'")
    connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.execute("UPDATE users SET email_key = email_key || 'x'")
    shutil.copy(copy, torn)
    shutil.copy(f"{copy}-journal", f"{torn}-journal")
    connection.execute("ROLLBACK")
    connection.close()
    assert torn.read_bytes().count(b"somebody else") > 50
    with Store.open(f"sqlite:///{torn}") as store:
        assert store.check() == ()
        with store.read() as tx:
            users = tx.users(account)
        assert len(users) == 300
        assert "somebody else" not in {u.full_name for u in users}


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE TABLE spy (a TEXT, b TEXT GENERATED ALWAYS AS (hex(zeroblob(500000000))))", "computed column"),
        ("CREATE TABLE spy (a TEXT CHECK (length(hex(zeroblob(500000000))) > 1))", "condition"),
        ("CREATE INDEX spy ON users (hex(zeroblob(500000000)))", "computed index"),
        ("CREATE VIRTUAL TABLE spy USING fts5(a)", "virtual table"),
    ],
)
def test_a_hostile_file_runs_nothing(path, url, statement, named):
    Store.open(url).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute(statement)
    connection.commit()
    connection.close()
    before = snapshot(path.parent)
    with pytest.raises(ForeignStore, match=named):
        Store.open(url)
    assert snapshot(path.parent) == before


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("details", zlib.compress(b'{"a":"' + b"x" * 200_000_000 + b'"}')),
        ("details", b"not compressed"),
        ("details", zlib.compress(b"[1")),
        ("checks", b"\x63rubbish"),
        ("checks", b""),
        ("checks", b"\x02rubbish"),
    ],
)
def test_packed_columns_that_somebody_else_wrote_are_bounded(path, store, account, column, value):
    with store.write() as tx:
        tx.insert_event(EventRecord(reference="a-b-c-01", at=NOW, account_id=account))
        tx.connection.exec_driver_sql(f"UPDATE events SET {column} = ?", (value,))
    with store.read() as tx:
        if not value:
            assert tx.event("a-b-c-01").checks == ()
            return
        with pytest.raises(DamagedStore, match=r"a-b-c-01.*cannot be shown whole"):
            tx.event("a-b-c-01")
