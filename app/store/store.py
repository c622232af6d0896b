"""Opens, upgrades, checks and backs up the database, and gives transactions; it knows no rule of the product."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
)
from sqlalchemy.pool import PoolProxiedConnection, QueuePool, StaticPool

from app.store.errors import (
    DamagedStore,
    ForeignStore,
    FullStore,
    LostStore,
    NewerStore,
    StoreBusy,
    StoreError,
    UnreadableStore,
)
from app.store.events import CHANNEL
from app.store.migrations import HEAD, KNOWN
from app.store.models import Base
from app.store.opening import APPLICATION_ID, create_private, examine
from app.store.transaction import Transaction

#: How long a writer waits for another one.
BUSY_TIMEOUT_MS: Final = 10_000
#: How long a server may take to answer at all.
CONNECT_TIMEOUT_S: Final = 10
_PRAGMAS: Final = (
    "PRAGMA foreign_keys=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA secure_delete=ON",
    "PRAGMA cell_size_check=ON",
    "PRAGMA mmap_size=0",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
)


#: How a transaction begins that reads, and one that writes. A reader sees one state on both databases.
_OPTIONS: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "sqlite": ({"workbench_write": False}, {"workbench_write": True}),
    "postgresql": (
        {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        {"isolation_level": "READ COMMITTED", "postgresql_readonly": False},
    ),
}


class Store:
    """An open database. Made by Store.open(); closed by close() or as a context manager. Safe to share by threads."""

    def __init__(self, engine: Engine, path: Path | None) -> None:
        """Not for callers: use Store.open()."""
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self.path = path
        reading, writing = _OPTIONS["sqlite" if self._sqlite else "postgresql"]
        #: The same engine, whose connections begin as a reader's or a writer's.
        self._engines = (engine.execution_options(**reading), engine.execution_options(**writing))
        #: Writers of this process queue here; SQLite's own waiting polls and is not fair.
        self._writing = threading.RLock()
        #: One connection is shared where the database is in memory, so readers queue as well.
        self._alone = self._writing if isinstance(engine.pool, StaticPool) else None

    @classmethod
    def open(cls, url: str = "sqlite://", *, upgrade: bool = True, create: bool = True) -> Store:
        """Open the database that an SQLAlchemy URL names, creating or upgrading it where needed.

        `sqlite://` is one in memory. An older schema is backed up next to the file and upgraded, or refused with
        `upgrade=False`; one that does not exist is refused with `create=False`. Raises StoreError subclasses; a
        database that cannot be used is not changed by one byte.
        """
        parsed = _parse(url)
        path: Path | None = None
        revision: str | None = None
        if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
            path = Path(str(parsed.database)).expanduser()
            revision = examine(path)
            if revision is not None and revision != HEAD and not upgrade:
                raise StoreError(
                    f"The workspace {path} has an older schema ({revision}). Run: sso-workbench db upgrade", str(path)
                )
            if revision is None and not path.exists():
                if not create:
                    raise UnreadableStore(f"There is no workspace {path}. Compare its name.", str(path))
                create_private(path)
            parsed = parsed.set(database=str(path))
        engine = _engine(parsed, in_memory=path is None and parsed.get_backend_name() == "sqlite")
        store = cls(engine, path)
        try:
            store._prepare(revision, upgrade=upgrade, create=create)
        except DBAPIError as e:
            store.close()
            raise store._translated(e) from e
        except sqlite3.Error as e:
            store.close()
            raise store._translated(DBAPIError("", None, e)) from e
        except OSError as e:
            store.close()
            raise UnreadableStore(
                f"The workspace {path} may not be changed: {e.strerror or e}. Nothing was changed; correct its "
                "permissions, or choose another file with --workspace.",
                str(path),
            ) from e
        except BaseException:
            store.close()
            raise
        return store

    @property
    def address(self) -> str | None:
        """The whole address, a password included, for other processes of this program; None where none can share it."""
        return self._engine.url.render_as_string(hide_password=False) if self.can_be_shared else None

    @property
    def location(self) -> str:
        """The file, or the URL without password."""
        return str(self.path) if self.path else self._engine.url.render_as_string(hide_password=True)

    @property
    def can_be_shared(self) -> bool:
        """Whether other processes can open the same database."""
        return self._alone is None

    @property
    def notifies(self) -> bool:
        """Whether the database itself tells that something was written."""
        return not self._sqlite

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release every connection. The store cannot be used afterwards."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A consistent view for reading."""
        with self._transaction(write=False) as transaction:
            yield transaction

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that may write: committed at the end, rolled back when an error leaves the block.

        On SQLite it holds the write lock from its first moment (BEGIN IMMEDIATE), so what is counted in it stays true
        until it commits. Elsewhere lock_account() gives the same for one account.
        """
        with self._writing if self._sqlite else _OPEN, self._transaction(write=True) as transaction:
            yield transaction

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Transaction]:
        gate = self._alone or _OPEN
        with gate:
            try:
                with self._engines[write].begin() as connection:
                    yield Transaction(connection)
            except DatabaseError as e:
                if isinstance(e, IntegrityError | ProgrammingError | DataError):
                    raise  # a fault of this program, not of the database
                raise self._translated(e) from e

    def listening_connection(self) -> PoolProxiedConnection:
        """A connection outside the pool, for a Watch: PostgreSQL's listens, SQLite's can tell its version."""
        with self.translating():
            connection = self._engine.raw_connection()
            connection.detach()
            if not self._sqlite:
                driver: Any = connection.dbapi_connection
                driver.rollback()
                driver.autocommit = True
                driver.execute(f"LISTEN {CHANNEL}")
            return connection

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Turn errors of the database's driver into StoreError."""
        driver = self._engine.dialect.loaded_dbapi
        try:
            yield
        except DBAPIError as e:
            raise self._translated(e) from e
        except driver.Error as e:
            raise self._translated(DBAPIError("", None, e)) from e

    def check(self) -> tuple[str, ...]:
        """What is wrong with the database, as sentences; empty when all is well. Reads everything."""
        found: list[str] = []
        with self.read() as transaction:
            connection = transaction.connection
            if connection.dialect.name == "sqlite":
                said = [str(r[0]) for r in connection.exec_driver_sql("PRAGMA integrity_check(20)")]
                found.extend(f"Integrity: {s}." for s in said if s != "ok")
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
                if broken:
                    found.append(f"{len(broken)} rows refer to rows that do not exist, first in table {broken[0][0]}.")
            found.extend(transaction.inconsistencies())
        if self.path is not None and self.path.stat().st_mode & 0o077:
            found.append(f"Other users of this computer may read {self.path}; set its mode to 0600.")
        return tuple(found)

    def backup(self, target: Path) -> Path:
        """A complete copy at `target`, which must not exist. Writers are not stopped. StoreError if impossible."""
        if self.path is None:
            raise StoreError(
                f"{self.location} is not a file; use the database server's own backup (pg_dump).", self.location
            )
        if target.exists():
            raise UnreadableStore(
                f"The file {target} exists already, and nothing is overwritten. Name a new one.", str(target)
            )
        # Only what is whole gets the name: whoever is killed in between leaves nothing that looks like a backup.
        part = target.with_name(f"{target.name}.part")
        try:
            for suffix in ("", "-journal", "-wal", "-shm"):  # of one that was interrupted
                part.with_name(part.name + suffix).unlink(missing_ok=True)
            create_private(part)
            _copy(self.path, part)
            _give_name(part, target)
        except (OSError, sqlite3.Error) as e:
            for suffix in ("", "-journal"):
                part.with_name(part.name + suffix).unlink(missing_ok=True)
            raise UnreadableStore(
                f"The backup {target} cannot be written: {e}. Nothing was changed; choose another place, or free some "
                "space.",
                str(target),
            ) from e
        return target

    def vacuum(self) -> None:
        """Give freed pages back, so that what was deleted is gone from the file too."""
        if self._engine.dialect.name != "sqlite":
            return
        with self._writing, self._engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            raw.execute("VACUUM")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # Preparing

    def _prepare(self, revision: str | None, *, upgrade: bool, create: bool) -> None:
        sqlite = self._engine.dialect.name == "sqlite"
        if not sqlite:
            with self._engine.connect() as connection:
                encoding = connection.execute(text("SHOW server_encoding")).scalar()
                if encoding != "UTF8":
                    raise UnreadableStore(
                        f"The database {self.location} stores text as {encoding}, which cannot hold every name. Create "
                        "it with: createdb --encoding UTF8 --template template0 NAME",
                        self.location,
                    )
                revision = _server_revision(connection, self.location)
            if revision is not None and revision != HEAD and not upgrade:
                raise StoreError(f"{self.location} has an older schema. Run: sso-workbench db upgrade", self.location)
        if revision is None and not create:
            raise UnreadableStore(f"There is no workspace in {self.location}. Compare its name.", self.location)
        if self.path is not None:
            self._make_crash_safe(new=revision is None)
        if revision is None:
            self._create()
        elif revision != HEAD:
            if self.path is not None:
                self.backup(_free_name(self.path, f"before-{HEAD}"))
            with self._changing_schema() as connection:
                if _stored_revision(connection) != HEAD:  # nobody else did it while we waited for the lock
                    migrate(connection, HEAD)
                if sqlite:
                    connection.exec_driver_sql(f"PRAGMA user_version={len(KNOWN)}")

    def _make_crash_safe(self, *, new: bool) -> None:
        """Write ahead before anything else is written: a rollback journal that a killed process leaves makes the file
        look as if its transaction had been committed, to everybody who only reads."""
        assert self.path is not None
        self.path.chmod(0o600)
        with self._engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            if new:
                raw.execute(f"PRAGMA application_id={APPLICATION_ID}")
            raw.execute("PRAGMA journal_mode=WAL").fetchall()

    @contextmanager
    def _changing_schema(self) -> Iterator[Connection]:
        """A transaction that nobody else who changes the schema runs beside."""
        with self._engine.connect().execution_options(workbench_write=True) as connection, connection.begin():
            if not self._sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(1397968727)"))
            yield connection

    def _create(self) -> None:
        with self._changing_schema() as connection:
            if _stored_revision(connection) is not None:
                return  # somebody else created it while we waited for the lock
            strange = sorted(set(inspect(connection).get_table_names()) & set(Base.metadata.tables))
            if strange:
                raise ForeignStore(
                    f"The database {self.location} holds tables of another program ({', '.join(strange[:3])}). Choose "
                    "an empty database with --workspace.",
                    self.location,
                )
            if self._sqlite:
                connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
                connection.exec_driver_sql(f"PRAGMA user_version={len(KNOWN)}")
            Base.metadata.create_all(connection)
            connection.execute(
                text(
                    "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL, "
                    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
                )
            )
            connection.execute(text("DELETE FROM alembic_version"))
            connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD})

    def _translated(self, error: DBAPIError) -> StoreError:
        said = str(error.orig)
        state = str(getattr(error.orig, "sqlstate", None) or "")
        lost = error.connection_invalidated or state.startswith(("08", "57P")) or "connection is lost" in said
        for words, states, kind, sentence in _FAILURES:
            if any(w in said for w in words) or state in states or (lost and kind is LostStore):
                return kind(sentence.format(self.location, said.splitlines()[0] if said else ""), self.location)
        return UnreadableStore(
            f"The database {self.location} cannot be used: {said.splitlines()[0] if said else 'no answer'}. Check that "
            "it can be reached and written, or choose another one with --workspace.",
            self.location,
        )


#: (words of SQLite, states of PostgreSQL, error, sentence with the place and the database's own words). In this order.
_FAILURES: Final[tuple[tuple[tuple[str, ...], tuple[str, ...], type[StoreError], str], ...]] = (
    (
        ("locked", "busy"),
        ("55P03", "40P01", "40001"),  # lock_not_available, deadlock_detected, serialization_failure
        StoreBusy,
        "The workspace {0} is being written by another program. Close it there, or try again.",
    ),
    (
        ("malformed", "not a database"),
        ("XX001", "XX002"),  # data_corrupted, index_corrupted
        DamagedStore,
        "The database {0} is damaged ({1}). Restore a backup, or move the file away.",
    ),
    (
        ("disk is full",),
        ("53100",),  # disk_full
        FullStore,
        "There is no room left for {0}. Nothing was changed; free some space, then do it again.",
    ),
    (
        ("readonly", "read-only"),
        ("25006",),  # read_only_sql_transaction
        UnreadableStore,
        "The database {0} may only be read. Nothing was changed; correct its permissions, then do it again.",
    ),
    (
        (),
        (),
        LostStore,
        "The connection to {0} was lost. What was being saved is in it whole or not at all; look, then do it again.",
    ),
)


class _Open:
    """A gate that is always open."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


_OPEN: Final = _Open()


def migrate(connection: Connection, revision: str) -> None:
    """Bring the schema to `revision` ("base" for none), up or down, inside the connection's transaction."""
    # Alembic costs 0.45 s to import, and is needed only after an update of the program.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    current = _stored_revision(connection)
    down = revision == "base" or (current in KNOWN and KNOWN.index(str(current)) > KNOWN.index(revision))
    (command.downgrade if down else command.upgrade)(config, revision)


def _stored_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)


def _server_revision(connection: Connection, location: str) -> str | None:
    revision = _stored_revision(connection)
    if revision is not None and revision not in KNOWN:
        raise NewerStore(
            f"The database {location} was written by a newer version of SSO Workbench (schema {revision}). Nothing was "
            "changed. Install the newer version, or choose another database with --workspace.",
            location,
        )
    return revision


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as e:
        raise UnreadableStore(
            "This is not a database address that can be used. Use sqlite:///PATH, or "
            "postgresql+psycopg://USER@HOST/NAME with the postgres extra installed.",
        ) from e
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise UnreadableStore(
            "Only SQLite and PostgreSQL databases can be used: sqlite:///PATH or postgresql+psycopg://..."
        )
    if parsed.get_backend_name() == "sqlite" and (parsed.query or str(parsed.database or "").startswith("file:")):
        raise UnreadableStore("An SQLite address takes no options: use sqlite:///PATH.")
    return parsed


class _HintCompiler(SQLiteCompiler):
    """Writes what with_hint() says behind the table's name: SQLite's INDEXED BY and NOT INDEXED."""

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        """The hint as it was given."""
        return text


def _engine(url: URL, *, in_memory: bool) -> Engine:
    sqlite = url.get_backend_name() == "sqlite"
    # Parameters hold e-mails and messages; they must not get into error texts, and so into logs.
    options: dict[str, Any] = {"hide_parameters": True}
    if sqlite:
        options["connect_args"] = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}
        options["poolclass"] = StaticPool if in_memory else QueuePool
    else:
        # A connection that broke while it was idle is replaced before anything is asked of it.
        options["pool_pre_ping"] = True
        if "connect_timeout" not in url.query:
            options["connect_args"] = {"connect_timeout": CONNECT_TIMEOUT_S}
    try:
        engine = create_engine(url, **options)
    except ModuleNotFoundError as e:
        raise UnreadableStore(
            "The database driver is not installed. Install the postgres extra: pip install 'sso-workbench[postgres]'."
        ) from e
    if sqlite:
        engine.dialect.statement_compiler = _HintCompiler

        @event.listens_for(engine, "connect")
        def _connected(connection: sqlite3.Connection, _record: object) -> None:
            # The driver must not begin transactions on its own, or BEGIN IMMEDIATE would come too late.
            connection.isolation_level = None
            for pragma in _PRAGMAS:
                connection.execute(pragma).fetchall()

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            write = connection.get_execution_options().get("workbench_write", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    else:

        @event.listens_for(engine, "connect")
        def _bounded(connection: Any, _record: object) -> None:
            connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
            connection.commit()

    return engine


def _copy(source: Path, target: Path) -> None:
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        # A copy in write-ahead mode would need side files of its own to be read.
        new.execute("PRAGMA journal_mode=DELETE").fetchall()


def _give_name(part: Path, target: Path) -> None:
    """Rename, unless somebody made a file of that name meanwhile. OSError where that is so."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        part.rename(target)
    else:
        part.unlink()


def _free_name(path: Path, suffix: str) -> Path:
    number = 1
    while True:
        name = path.with_name(f"{path.name}.{suffix}{'' if number == 1 else f'-{number}'}.bak")
        if not name.exists():
            return name
        number += 1
