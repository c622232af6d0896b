"""Moves a whole workspace from one database to another and proves it row by row; it changes nothing at the source."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Final

from sqlalchemy import Connection, Integer, Row, Table, Text, func, insert, select, text
from sqlalchemy.exc import DataError, IntegrityError

from app.store.errors import StoreError
from app.store.models import Base
from app.store.store import Store

_ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: rows by table, and whether the source was written to meanwhile (the copy lacks that)."""

    rows: dict[str, int]
    written_meanwhile: bool


def copy_store(
    source: Store, target: Store, told: Callable[[str, int, int], None] = lambda _what, _done, _total: None
) -> Copied:
    """Copy every row of `source` into `target`, which must be empty, and compare both before anything is kept.

    One state of the source is copied, whoever writes to it meanwhile. The target has everything afterwards, or, when an
    error leaves, nothing. `told` gets what is done with which table, how many rows are done, and how many there are.
    StoreError where the target is not empty, refuses a row, or does not give back what was written.
    """
    tables = Base.metadata.sorted_tables
    with source.read() as old, target.write() as new:
        counts = old.row_counts()
        if any(new.row_counts().values()):
            raise StoreError(
                f"The workspace {target.location} is not empty, and nothing is mixed. Name a new file or an empty "
                "database.",
                target.location,
            )
        total = 2 * sum(counts.values())
        done = 0
        for table in tables:
            try:
                for rows in _pages(old.connection, table):
                    new.connection.execute(insert(table), [dict(row._mapping) for row in rows])
                    done += len(rows)
                    told(f"copying {table.name}", done, total)
            except (IntegrityError, DataError) as e:
                raise StoreError(
                    f"A row of {table.name} cannot be kept in {target.location} ({type(e.orig).__name__}). Nothing was "
                    "copied. Run sso-workbench db check on the source, and correct what it names.",
                    target.location,
                ) from e
        for table in tables:
            for _ in _compared(old.connection, new.connection, table, target.location):
                done += 1
                if done % _ROWS_AT_ONCE == 0:
                    told(f"comparing {table.name}", done, total)
            _continue_numbering(new.connection, table)
        told("done", total, total)
    with source.read() as now:
        changed = now.row_counts() != counts
    return Copied(counts, changed)


def _pages(connection: Connection, table: Table) -> Generator[Sequence[Row[Any]], None, None]:
    """Every row in the order of its key, some hundred at a time; texts by code point, which is one order everywhere."""
    by_code_point = connection.dialect.name == "postgresql"
    keys = [c.collate("C") if by_code_point and isinstance(c.type, Text) else c for c in table.primary_key.columns]
    query = select(table).order_by(*keys)
    with connection.execute(query, execution_options={"stream_results": True, "yield_per": _ROWS_AT_ONCE}) as result:
        yield from result.partitions(_ROWS_AT_ONCE)


def _compared(old: Connection, new: Connection, table: Table, location: str) -> Iterator[None]:
    """Go through both tables side by side. StoreError at the first row that differs."""
    with closing(_pages(old, table)) as left, closing(_pages(new, table)) as right:
        for ours, theirs in zip_longest(chain.from_iterable(left), chain.from_iterable(right)):
            if ours is None or theirs is None or tuple(ours) != tuple(theirs):
                raise StoreError(
                    f"A row of {table.name} came back changed from {location}. Nothing was copied. Check that the "
                    "database stores UTF-8, then copy again.",
                    location,
                )
            yield


def _continue_numbering(connection: Connection, table: Table) -> None:
    """PostgreSQL numbers new rows by a counter of its own, which knows nothing of rows that brought their number."""
    key = next(iter(table.primary_key.columns))
    if connection.dialect.name != "postgresql" or not isinstance(key.type, Integer) or key.foreign_keys:
        return
    highest = connection.execute(select(func.max(key))).scalar()
    if highest is not None:
        connection.execute(
            text("SELECT setval(pg_get_serial_sequence(:table, :key), :highest)"),
            {"table": table.name, "key": key.name, "highest": highest},
        )
