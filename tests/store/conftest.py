"""A real database file per test."""

from datetime import UTC, datetime

import pytest

from app.store import Store
from tests.postgres import on_both_databases

pytest_generate_tests = on_both_databases
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    """The file of the workspace: asking for it keeps a test on SQLite."""
    return tmp_path / "data" / "workspace.db"


@pytest.fixture
def store(url):
    with Store.open(url) as opened:
        yield opened


@pytest.fixture
def account(store):
    with store.write() as tx:
        return tx.insert_account(imagekit_id="ik_7x2k", name="Acme", plan="enterprise", seat_limit=5, at=NOW)
