"""Looks at an SQLite file before anything may write to it: what it is, which schema it has, whether it is whole.

It never writes a byte, but for taking back a transaction that was interrupted. It does not open databases for use
(store.py does).
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Final

from app.store.errors import DamagedStore, ForeignStore, NewerStore, NotAStore, UnreadableStore
from app.store.migrations import KNOWN

#: "SSOW" in the file header says that the database is ours.
APPLICATION_ID: Final = 0x53534F57
_MAGIC: Final = b"SQLite format 3\x00"
#: Files up to this size are checked whole at every opening; larger ones by `db check` (1 GB takes seconds).
QUICK_CHECK_BELOW: Final = 64 * 1024 * 1024
_VIRTUAL: Final = re.compile(r"\s*CREATE\s+VIRTUAL\b", re.IGNORECASE)
_CONDITION: Final = re.compile(r"\bCHECK\s*\(", re.IGNORECASE)
_OTHER: Final = "Choose another file with --workspace, or move this one away; a new workspace is then created."


def examine(path: Path) -> str | None:
    """The schema revision of the database at `path`, or None where there is none yet (no file, or an empty one).

    Raises a StoreError that names the file and the way out for everything that must not be touched.
    """
    where = str(path)
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as e:
        raise UnreadableStore(f"The workspace {where} cannot be looked at: {_why(e)}. {_OTHER}", where) from e
    if stat.S_ISLNK(status.st_mode):
        raise UnreadableStore(
            f"The workspace {where} is a link. Links are not followed, so that nobody can swap the database; "
            "name the file itself with --workspace.",
            where,
        )
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableStore(f"The workspace {where} is not a plain file. {_OTHER}", where)
    if status.st_size == 0:
        return None
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as e:
        raise UnreadableStore(
            f"The workspace {where} cannot be read: {_why(e)}. Correct the file's permissions, or choose another file "
            "with --workspace.",
            where,
        ) from e
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise NotAStore(f"The file {where} is not a database. {_OTHER}", where)
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise ForeignStore(f"The database {where} was not made by this program. {_OTHER}", where)
    journal = path.with_name(path.name + "-journal")
    if journal.exists() and journal.stat().st_size:
        _undo_interrupted(path)
        status = path.lstat()
        if status.st_size == 0:
            return None
    return _look_inside(path, status.st_size)


def _undo_interrupted(path: Path) -> None:
    """Let SQLite take back what a killed process had begun to write into one of our databases, and nothing else."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=10)) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as e:
        raise DamagedStore(
            f"Something was being written to the database {path} when the program was stopped, and it cannot be taken "
            f"back ({e}). Make the file and its folder writable, or restore a backup.",
            str(path),
        ) from e


def _look_inside(path: Path, size: int) -> str | None:
    where = str(path)
    # Without a write-ahead log the file is complete, and "immutable" keeps SQLite from creating side files next to it.
    wal = path.with_name(path.name + "-wal")
    alone = not (wal.exists() and wal.stat().st_size)
    uri = f"{path.absolute().as_uri()}?mode=ro" + ("&immutable=1" if alone else "")
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA cell_size_check=ON")
            if size <= QUICK_CHECK_BELOW:
                said = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
                if said != ["ok"]:
                    raise sqlite3.DatabaseError("; ".join(said))
            objects = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
            tables = {name for kind, name in objects if kind == "table"}
            strange = [f"{kind} {name}" for kind, name in objects if kind in ("trigger", "view")]
            strange += _computed(connection, tables)
            if strange:
                raise ForeignStore(
                    f"The database {where} holds things that this program never writes ({', '.join(strange[:3])}), so "
                    f"somebody else has changed it. {_OTHER}",
                    where,
                )
            if "alembic_version" not in tables:
                if not tables:
                    return None
                raise sqlite3.DatabaseError("its schema revision is missing")
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error as e:
        raise DamagedStore(
            f"The database {where} is damaged ({e}). Nothing was changed. Restore a backup, or move the file away; a "
            "new workspace is then created.",
            where,
        ) from e
    if not rows:
        return None
    revision = str(rows[0][0])
    if revision not in KNOWN:
        raise NewerStore(
            f"The workspace {where} was written by a newer version of SSO Workbench (schema {revision}; this version "
            f"knows {KNOWN[-1]}). Nothing was changed. Install the newer version, or choose another file with "
            "--workspace.",
            where,
        )
    missing = {"accounts", "configurations", "users", "events", "settings"} - tables
    if missing:
        raise DamagedStore(
            f"The database {where} is damaged (missing: {', '.join(sorted(missing))}). Nothing was changed. Restore a "
            "backup, or move the file away; a new workspace is then created.",
            where,
        )
    return revision


def _computed(connection: sqlite3.Connection, tables: set[str]) -> list[str]:
    """What would run somebody else's expressions whenever a row is read or written. Our tables have none of it."""
    found = []
    for table in sorted(tables):
        quoted = '"' + table.replace('"', '""') + '"'
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE type='table' AND name=?", (table,)).fetchone()
        if _VIRTUAL.match(str(sql)):
            found.append(f"virtual table {table}")
            continue
        if _CONDITION.search(str(sql)):
            found.append(f"condition in table {table}")
        if any(column[6] in (2, 3) for column in connection.execute(f"PRAGMA table_xinfo({quoted})")):
            found.append(f"computed column in table {table}")
        for index in connection.execute(f"PRAGMA index_list({quoted})").fetchall():
            name = '"' + str(index[1]).replace('"', '""') + '"'
            if any(column[1] == -2 for column in connection.execute(f"PRAGMA index_xinfo({name})")):
                found.append(f"computed index {index[1]}")
    return found


def create_private(path: Path) -> None:
    """Create an empty file readable by its owner only, and missing folders likewise. UnreadableStore if impossible."""
    try:
        missing = [p for p in (path.parent, *path.parent.parents) if not p.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
        os.close(os.open(path, flags, 0o600))
    except OSError as e:
        raise UnreadableStore(
            f"The workspace {path} cannot be created: {_why(e)}. Choose another place with --workspace.", str(path)
        ) from e


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
