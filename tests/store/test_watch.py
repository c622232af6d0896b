"""What other processes write is noticed within two seconds, on both databases, and nothing is missed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app.store import EventRecord, Noticed, Store, Watch
from tests.store.conftest import NOW

ROOT = Path(__file__).parents[2]


def write(store, *references, **values):
    with store.write() as tx:
        for reference in references:
            tx.insert_event(EventRecord(reference=reference, at=NOW, **values))


def ask(watch, seconds=5.0):
    """What is noticed next."""
    deadline = time.monotonic() + seconds
    waiting = threading.Event()
    while time.monotonic() < deadline:
        if found := watch.wait(waiting.wait):
            return found
    return ()


@pytest.fixture
def watch(store):
    made = Watch(store)
    made.wait(threading.Event().wait)
    yield made
    made.close()


def test_another_process_is_noticed_within_two_seconds(watch, url, account):
    script = (
        "import sys, time; from datetime import UTC, datetime; from app.store import EventRecord, Store\n"
        "with Store.open(sys.argv[1]) as store, store.write() as tx:\n"
        "    tx.insert_event(EventRecord(reference='a-b-c-01', at=datetime.now(UTC), kind='user', outcome='user-added',"
        f" account_id={account}))\n"
        "    began = time.monotonic()\n"
        "print(time.monotonic())\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", script, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    found = ask(watch, 30)
    noticed_at = time.monotonic()
    out, _ = writer.communicate(timeout=30)
    assert found == (Noticed("user", "live", "user-added", account, None, "a-b-c-01"),)
    assert noticed_at - float(out) < 2


def test_everything_is_noticed_once_and_in_order(watch, url, store):
    with Store.open(url) as other:
        write(other, "a-b-c-01", "a-b-c-02")
        write(store, "a-b-c-03")
        with other.write() as tx:
            tx.set_setting("setting/x", 1)
        found = ()
        while len(found) < 4:
            found += ask(watch)
        assert [n.reference for n in found if n.kind == "login"] == ["a-b-c-01", "a-b-c-02", "a-b-c-03"]
        assert sum(n.kind == "settings" for n in found) == 1
        assert ask(watch, 1.2) == ()


def test_a_preference_is_nobody_elses_business(watch, url):
    with Store.open(url) as other, other.write() as tx:
        tx.set_setting("preference/columns", [1], numbered=False)
    assert ask(watch, 1.2) == ()


def test_an_event_that_was_numbered_earlier_and_committed_later_is_not_missed(postgres_url):
    with Store.open(postgres_url) as store, Store.open(postgres_url) as slow:
        watch = Watch(store)
        try:
            with slow.write() as tx:
                tx.insert_event(EventRecord(reference="slow-one-here-01", at=NOW))
                write(store, "fast-one-here-01")
                assert [n.reference for n in ask(watch)] == ["fast-one-here-01"]
            assert [n.reference for n in ask(watch)] == ["slow-one-here-01"]
        finally:
            watch.close()


def test_a_flood_is_told_as_everything(watch, store):
    with store.write() as tx:
        for n in range(1200):
            tx.insert_event(EventRecord(reference=f"flood-{n}", at=NOW))
    found = ask(watch)
    assert found[0] == Noticed("everything")
    assert ask(watch, 1.2) == ()


def test_asking_stops_at_once_where_it_shall(watch):
    began = time.monotonic()
    assert watch.wait(lambda _seconds: True) == ()
    assert time.monotonic() - began < 2


def test_a_server_that_goes_away_is_asked_again(postgres_server):
    url = postgres_server.database()
    with Store.open(url) as store:
        watch = Watch(store)
        try:
            watch.wait(threading.Event().wait)
            postgres_server.stop()
            assert watch.wait(lambda _seconds: False) == ()
            postgres_server.start()
            write(store, "after-the-break-01")
            assert [n.reference for n in ask(watch, 15)] == ["after-the-break-01"]
        finally:
            watch.close()
    postgres_server.drop(url)
