"""Transactions, backups, checks, and several writers at once."""

import sqlite3
import threading

import pytest

from app.accounts.users import User
from app.store import DamagedStore, Duplicate, EventRecord, Store, StoreBusy, StoreError, UnreadableStore
from app.store import store as store_module
from tests.store.conftest import NOW


def person(account, number=1, **changes):
    values = {
        "id": 0,
        "account_id": account,
        "email": f"u{number}@acme.test",
        "email_key": f"u{number}@acme.test",
        "full_name": f"User {number}",
        "role": "developer",
        "created_at": NOW,
    }
    return User(**{**values, **changes})


def test_an_error_rolls_everything_back(store, account):
    with store.read() as tx:
        before = tx.row_counts()

    def crash_between_user_and_commit():
        with store.write() as tx:
            tx.insert_user(person(account))
            tx.insert_event(EventRecord(reference="a-b-c-01", at=NOW, account_id=account))
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        crash_between_user_and_commit()
    with store.read() as tx:
        assert tx.row_counts() == before


def test_data_survives_closing(url, store, account):
    with store.write() as tx:
        tx.insert_user(person(account))
    store.close()
    with Store.open(url) as again, again.read() as tx:
        assert [u.email for u in tx.users(account)] == ["u1@acme.test"]


def test_an_active_email_is_unique_in_an_account(store, account):
    with store.write() as tx:
        first = tx.insert_user(person(account))
        with pytest.raises(Duplicate):
            tx.insert_user(person(account, email="U1@acme.test"))
        tx.update_user(person(account, id=first, deleted_at=NOW))
        second = tx.insert_user(person(account))
        assert second != first
    with store.read() as tx:
        assert [u.id for u in tx.users_by_key("u1@acme.test")] == [second, first]
        assert tx.head_count(account) == (1, 0)


def test_a_user_of_no_account_is_refused(store):
    with pytest.raises(Duplicate), store.write() as tx:
        tx.insert_user(person(4711))


def test_writers_wait_for_each_other(store, account):
    """The write lock is held from the first moment, so what is counted stays true."""
    threads = []
    start = threading.Barrier(8)

    def take_a_seat(number):
        start.wait()
        with store.write() as tx:
            tx.lock_account(account)
            used, _ = tx.head_count(account)
            if used < 5:
                tx.insert_user(person(account, number))

    threads = [threading.Thread(target=take_a_seat, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    with store.read() as tx:
        assert tx.head_count(account) == (5, 0)


def test_writers_of_two_stores_wait_for_each_other(url, store, account):
    with Store.open(url) as other:
        start = threading.Barrier(2)

        def take(which, base):
            start.wait()
            for n in range(10):
                with which.write() as tx:
                    tx.lock_account(account)
                    if tx.head_count(account)[0] < 5:
                        tx.insert_user(person(account, base + n))

        threads = [threading.Thread(target=take, args=a) for a in ((store, 0), (other, 100))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    with store.read() as tx:
        assert tx.head_count(account) == (5, 0)


def test_a_reader_sees_one_state(store, account):
    with store.read() as tx:
        assert tx.head_count(account) == (0, 0)
        with store.write() as writer:
            writer.insert_user(person(account))
        assert tx.head_count(account) == (0, 0)


def test_a_stuck_writer_elsewhere_is_told(url, path, monkeypatch):
    monkeypatch.setattr(
        store_module,
        "_PRAGMAS",
        (*(p for p in store_module._PRAGMAS if "busy" not in p), "PRAGMA busy_timeout=50"),
    )
    with Store.open(url) as store:
        stuck = sqlite3.connect(path, isolation_level=None)
        stuck.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy) as caught, store.write() as tx:
            tx.set_setting("a", 1)
        stuck.close()
    assert str(path) in str(caught.value)


def test_a_database_in_memory():
    with Store.open() as store:
        with store.write() as tx:
            tx.set_setting("theme", {"name": "dark"})
        found = []
        threads = [threading.Thread(target=lambda: found.append(read(store))) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert found == [{"name": "dark"}] * 4
        with pytest.raises(StoreError, match="not a file"):
            store.backup("anywhere")


def read(store):
    with store.read() as tx:
        return tx.setting("theme")


def test_a_backup_is_complete_private_and_usable(path, store, account, tmp_path):
    with store.write() as tx:
        tx.insert_user(person(account))
    target = store.backup(tmp_path / "copy.db")
    assert target.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("copy")] == ["copy.db"]
    with Store.open(f"sqlite:///{target}") as copy, copy.read() as tx:
        assert [u.email for u in tx.users(account)] == ["u1@acme.test"]


def test_a_backup_overwrites_nothing(path, store, tmp_path):
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(UnreadableStore):
        store.backup(target)
    assert target.read_text() == "precious"


def test_a_server_makes_its_own_backups(postgres_url, tmp_path):
    with Store.open(postgres_url) as store, pytest.raises(StoreError, match="pg_dump"):
        store.backup(tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_the_counts_of_an_account_follow_its_users(store, account):
    with store.write() as tx:
        ada = tx.insert_user(person(account, 1, role="account_administrator"))
        bob = tx.insert_user(person(account, 2))
        assert tx.head_count(account) == (2, 1)
        tx.touch_user(tx.user(bob), person(account, 2, id=bob, role="account_administrator"))
        assert tx.head_count(account) == (2, 2)
        tx.update_user(person(account, 1, id=ada, role="developer"))
        assert tx.head_count(account) == (2, 1)
        tx.update_user(person(account, 2, id=bob, role="account_administrator", deleted_at=NOW))
        assert tx.head_count(account) == (1, 0)
        tx.update_user(person(account, 2, id=bob, role="account_administrator"))
    with store.read() as tx:
        assert tx.head_count(account) == (2, 1)
    assert store.check() == ()
    with store.write() as tx:
        tx.update_account(account, active_users=7)
    assert any("counts 7 users" in s for s in store.check())


def test_check_finds_twins_over_accounts_and_open_files(store, account, path):
    assert store.check() == ()
    with store.write() as tx:
        other = tx.insert_account(imagekit_id="ik_2", name="Other", plan="paid", seat_limit=5, at=NOW)
        tx.insert_user(person(account))
        tx.insert_user(person(other))
    path.chmod(0o644)
    found = store.check()
    assert any("u1@acme.test" in s for s in found)
    assert any("0600" in s for s in found)


def test_damage_while_open_is_named(store, account, path):
    with store.write() as tx:
        for n in range(300):
            tx.insert_user(person(account, n))
    store.vacuum()
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data), 256):
        data[at : at + 128] = b"\xa5" * 128
    path.write_bytes(data)
    store.close()
    with pytest.raises(DamagedStore, match="damaged"), store.read() as tx:
        tx.users(account)


def test_replays_are_remembered_once(store):
    with store.write() as tx:
        tx.remember_use("https://idp.test", "_1", at=NOW, expires_at=NOW, reference="a-b-c-01")
        with pytest.raises(Duplicate):
            tx.remember_use("https://idp.test", "_1", at=NOW, expires_at=NOW, reference="a-b-c-02")
    with store.read() as tx:
        assert tx.first_use("https://idp.test", "_1") == (NOW, "a-b-c-01")
        assert tx.first_use("https://idp.test", "_2") is None
        assert tx.first_use("https://idp.test_", "1") is None


def test_settings_of_any_json(store):
    with store.write() as tx:
        tx.set_setting("filter", {"text": "x'); DROP TABLE users;--", "n": [1, None]})
        tx.set_setting("gone", 1)
        tx.set_setting("gone", None)
    with store.read() as tx:
        assert tx.settings() == {"filter": {"text": "x'); DROP TABLE users;--", "n": [1, None]}}
