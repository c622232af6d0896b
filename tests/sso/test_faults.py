"""Logins and saves while the database fails under them: a sentence, nothing half done, and the work goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.store import EventFilter, LostStore, StoreError


def breaking(bench, action, after=0):
    """Do something between the judgement of a login and its decision."""
    write = bench.store.write

    def broken():
        bench.store.write = write
        action()
        return write()

    bench.store.write = broken


def test_a_server_that_is_lost_in_mid_login(postgres_server, keys):
    from tests.sso.conftest import Bench

    bench = Bench(postgres_server.database(), keys)
    try:
        bench.sso.create_account("ik_7x2k", "Acme Media", plan="enterprise", seat_limit=5)
        bench.sso.save_metadata("ik_7x2k", bench.idp.metadata(), test_idp=True)
        bench.log_in("grace")
        rows = bench.rows()
        body = bench.issue("ada").body
        breaking(bench, postgres_server.stop)
        with pytest.raises(StoreError) as caught:
            bench.sso.consume(body)
        assert str(caught.value).endswith(".")
        assert "tester" in str(caught.value)
        postgres_server.start()
        assert bench.rows() == rows
        assert bench.sso.consume(body).allowed
        assert bench.sso.consume(body).reason.code == "replay.assertion"
        assert bench.store.check() == ()
    finally:
        if postgres_server.stopped:
            postgres_server.start()
        bench.store.close()
        postgres_server.drop(bench.url)


@pytest.mark.parametrize("statements", [1, 3, 6])
def test_a_connection_that_breaks_inside_the_transaction(bench, postgres_server, url, statements):
    """The server ends the session between two statements of one login."""
    if not url.startswith("postgresql"):
        pytest.skip("a file has no connection to lose")
    from sqlalchemy import event

    bench.log_in("grace")
    rows = bench.rows()
    body = bench.issue("ada").body
    seen = []

    def count(connection, _cursor, statement, *_rest):
        if not statement.lstrip().startswith("SELECT") or "FOR NO KEY UPDATE" in statement:
            seen.append(statement)
            if len(seen) == statements:
                pid = connection.connection.dbapi_connection.info.backend_pid
                postgres_server.statement(f"SELECT pg_terminate_backend({pid})")

    event.listen(bench.store._engine, "before_cursor_execute", count)
    try:
        with pytest.raises(LostStore) as caught:
            bench.sso.consume(body)
    finally:
        event.remove(bench.store._engine, "before_cursor_execute", count)
    assert "whole or not at all" in str(caught.value)
    assert bench.rows() == rows
    assert bench.sso.consume(body).allowed
    assert bench.store.check() == ()


def test_a_clock_that_jumps_far_ahead_and_back(bench):
    """Nothing that was used is good again, what is remembered stays in order, and people go on logging in."""
    issued = bench.issue("ada")
    assert bench.sso.consume(issued.body).allowed
    bench.later(days=3650)
    assert not bench.sso.consume(issued.body).allowed
    bench.sso.purge(days=30)
    bench.time -= timedelta(days=3650)
    again = bench.sso.consume(issued.body)
    assert (again.allowed, again.reason.code) == (False, "replay.assertion")
    bench.later(seconds=1)
    assert bench.log_in("grace").allowed
    assert bench.store.check() == ()
    assert [e.at for e in bench.sso.events(EventFilter(kind="login"))] == sorted(
        (e.at for e in bench.sso.events(EventFilter(kind="login"))), reverse=True
    )
