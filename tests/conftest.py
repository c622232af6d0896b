"""What every test is guarded by: no thread outlives it, no unexpected log record, its own data folder."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import NoServer, Server

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Instants are UTC inside and local only on hover; where the machine's own zone is UTC nobody would notice a mistake.
os.environ["TZ"] = "NST3:30"
if hasattr(time, "tzset"):
    time.tzset()


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data folders of tests are their own."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("SSO_WORKBENCH_HOME", str(home))
    monkeypatch.delenv("SSO_WORKBENCH_WORKSPACE", raising=False)
    return home


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> Iterator[None]:
    """A thread that a test leaves behind fails that test, by name."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 5
    while left := [t for t in threading.enumerate() if t not in before and t.is_alive() and not _tolerated(t)]:
        if time.monotonic() > deadline:
            pytest.fail("threads left running: " + ", ".join(t.name for t in left))
        time.sleep(0.01)
    gc.collect(0)


def _tolerated(thread: threading.Thread) -> bool:
    # pytest-timeout's own timer, and concurrent.futures' pools that belong to longer-lived fixtures.
    return "timeout" in thread.name.lower() or thread.name.startswith(("pytest", "session-"))


@pytest.fixture(autouse=True)
def no_unexpected_log(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Iterator[None]:
    """A warning or error in our own logs fails the test unless it is marked `expects_log`."""
    yield
    if request.node.get_closest_marker("expects_log"):
        return
    bad = [
        r
        for when in ("setup", "call")
        for r in caplog.get_records(when)
        if r.levelno >= logging.WARNING and r.name.split(".")[0] in ("app", "simulator", "asyncio", "uvicorn")
    ]
    if bad:
        pytest.fail("unexpected log: " + "; ".join(f"{r.name}: {r.getMessage()}" for r in bad))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One PostgreSQL server for all tests of this process; they are skipped where there is none."""
    try:
        server = Server()
    except NoServer as e:
        pytest.skip(f"needs PostgreSQL: {e}")
    yield server
    server.close()


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """An empty PostgreSQL database of the test's own."""
    url = postgres_server.database()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if getattr(request, "param", "sqlite") == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'data' / 'workspace.db'}"
