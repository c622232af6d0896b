"""A real service provider over a real database file, and a real test identity provider with real keys."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.sso import SSO
from app.store import Store
from simulator import Idp, KeyRing, default_tenant
from tests.postgres import on_both_databases

pytest_generate_tests = on_both_databases
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def keys():
    """Keys made once for all tests."""
    ring = KeyRing.in_memory(lambda: NOW)
    ring.pair()
    return ring


class Bench:
    """The parts of a test together: `sso` and `idp` share the clock that `later()` moves."""

    def __init__(self, url, keys):
        self.url = url
        self.time = NOW
        self.told = []
        self.idp = Idp(default_tenant(imagekit_id="ik_7x2k"), keys, lambda: self.time)
        self.open()

    def open(self):
        self.store = Store.open(self.url)
        self.sso = SSO(self.store, clock=lambda: self.time, random_bytes=secrets.token_bytes, tell=self.told.append)

    def reopen(self):
        """As after a restart of the program."""
        self.store.close()
        self.open()

    def later(self, **by):
        self.time += timedelta(**by)

    def person(self, username, **changes):
        """Change a person in the directory, e.g. their role."""
        user = self.idp.tenant.user(username)
        self.idp.tenant = self.idp.tenant.with_user(replace(user, **changes))

    def application(self, **changes):
        application = self.idp.tenant.applications[0]
        self.idp.tenant = self.idp.tenant.with_application(replace(application, **changes))

    def issue(self, username, **options):
        return self.idp.issue(username, "imagekit", **options)

    def log_in(self, username, *, browser=None, mode="live", **options):
        """A fresh login of a person, posted to the ACS."""
        return self.sso.consume(self.issue(username, **options).body, browser=browser, mode=mode)

    def rows(self):
        with self.store.read() as tx:
            return tx.row_counts()


@pytest.fixture
def empty(url, keys):
    """A workspace with one account, not configured."""
    bench = Bench(url, keys)
    bench.sso.create_account("ik_7x2k", "Acme Media", plan="enterprise", seat_limit=5)
    yield bench
    bench.store.close()


@pytest.fixture
def bench(empty):
    """A workspace whose account trusts the test identity provider."""
    empty.sso.save_metadata("ik_7x2k", empty.idp.metadata(), test_idp=True)
    empty.told.clear()
    return empty
