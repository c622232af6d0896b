"""A real database file per test."""

from datetime import UTC, datetime

import pytest

from app.store import Store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "workspace.db"


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


@pytest.fixture
def store(url):
    with Store.open(url) as opened:
        yield opened


@pytest.fixture
def account(store):
    with store.write() as tx:
        return tx.insert_account(imagekit_id="ik_7x2k", name="Acme", plan="enterprise", seat_limit=5, at=NOW)
