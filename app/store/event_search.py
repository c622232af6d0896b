"""How a filter of the log is asked for so that its first rows come at once, a million events or not.

SQLite knows only averages of its indexes, so whether a value is rare is counted here, up to a bound, before the road is
chosen: rare values through their own index, frequent ones along the order that is shown. PostgreSQL chooses itself, but
for what its statistics cannot tell, a piece of a text, a role and a failed check: their events are gathered by number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CompoundSelect,
    Connection,
    Select,
    and_,
    any_,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
    tuple_,
    union_all,
)

from app.accounts.reference import could_be_part, places
from app.store.models import EventRow, PersonRow, table
from app.store.records import EventFilter, EventSort

_EVENT = table(EventRow)
_PERSON = table(PersonRow)
_E = _EVENT.c

#: Up to so many rows are fetched and sorted; what fits more often is found along the order.
_RARE: Final = 10_000
#: Up to so many rows a text is looked for that fits about one event of a hundred: few of them are left to be sorted.
_SEARCHED: Final = 25_000
#: Events whose reference holds a text, up to which their numbers are gathered, and up to which each of those is read:
#: one word is in 12,000 of a million.
_GATHERED: Final = 30_000
_READ: Final = 13_000
#: Up to so many rows of an index are held against the numbers gathered: they are not read themselves.
_HELD: Final = 60_000
#: People whom a text fits, up to which their events are looked up one by one.
_FEW_PEOPLE: Final = 200
_END: Final = "\U0010ffff"

#: Columns sorted by, and the index that has that order.
SORTS: Final[dict[EventSort, tuple[Any, str]]] = {
    "at": (_E.at, "ix_events_at_id"),
    "email": (_E.email_key, "ix_events_email_key_at_id"),
    "outcome": (_E.outcome, "ix_events_outcome_at_id"),
    "reason": (_E.reason, "ix_events_reason_at_id"),
    "status": (_E.status, "ix_events_status_at_id"),
}
#: (column, field of the filter, the value that nearly every row has and the index leaves out), the sharpest first.
_INDEXED: Final[tuple[tuple[Any, str, str | None], ...]] = (
    (_E.user_id, "user", None),
    (_E.reason, "reason", ""),
    (_E.category, "category", ""),
    (_E.certificate, "certificate", None),
    (_E.revision, "revision", None),
    (_E.issuer, "issuer", None),
    (_E.mode, "mode", "live"),
    (_E.origin, "origin", "acs"),
    (_E.kind, "kind", "login"),
    (_E.flow, "flow", "idp_initiated"),
    (_E.outcome, "outcome", None),
    (_E.status, "status", None),
    (_E.account_id, "account", None),
)
#: Columns that hold a role, and what leaves those rows out that the first column finds already.
_ROLES: Final[tuple[tuple[Any, tuple[Any, ...]], ...]] = (
    (_E.role_after, ()),
    (_E.role_asserted, (text("(events.role_asserted <> events.role_after OR events.role_after IS NULL)"),)),
    (_E.role_before, (text("(events.role_before <> events.role_after OR events.role_after IS NULL)"),)),
)


@dataclass(frozen=True, slots=True)
class Road:
    """One query of a search: the conditions, and what SQLite is told about the index.

    `few`: all that fits is to be found before it is sorted; PostgreSQL would walk along the order past all else.
    """

    conditions: tuple[Any, ...]
    hint: str = ""
    few: bool = False


#: What was found out, by the field of the filter and its value: the condition, and how many events it leads to where
#: they are gathered by number.
Known = dict[tuple[str, str], tuple[Any, int | None]]


def roads(
    connection: Connection, which: EventFilter, sort: EventSort, known: Known, *, counting: bool = False
) -> tuple[Road, ...]:
    """The queries that together, merged in the order of the sort, give what the filter shows.

    More than one only on SQLite, and never for `counting`, where a row must not be counted twice. `known` is remembered
    by the caller for as long as it sees one state of the database.
    """
    if connection.dialect.name != "sqlite":
        conditions, few = _plain(replace(which, check=None)), False
        for name, condition_of in (("check", _check_by_number), ("role", _role_by_number), ("text", _text_by_number)):
            if value := getattr(which, name):
                if (name, value) not in known:
                    known[name, value] = condition_of(connection, value)
                condition, rows = known[name, value]
                conditions.append(condition)
                few = few or (rows is not None and rows < _READ)
        return (Road(tuple(conditions), few=few),)
    conditions, rows = _plain(which), None
    if which.text:
        condition, rows = known.get(("text", which.text)) or _text(connection, which.text)
        known["text", which.text] = condition, rows
        conditions.append(condition)
        if rows is not None and rows < _READ:
            if which.role:
                conditions.append(_role(which.role))
            return (Road(tuple(conditions), "NOT INDEXED"),)
    ways = _ways(which)
    rare = _rare(connection, ways, _RARE if not which.text else _SEARCHED if rows is None else _HELD)
    if which.role and rare is None and not counting:
        ids = union_all(*(select(_E.id).where(*only) for only in _role_ways(which.role)))
        counted = select(func.count()).select_from(ids.limit(_RARE).subquery())
        if connection.execute(counted).scalar_one() < _RARE:
            return (Road((*conditions, _E.id.in_(ids)), "NOT INDEXED"),)
        if sort == "at" and (not ways or ways[0][0] == "ix_events_account_id_at_id"):
            return tuple(
                Road((*conditions, *only), f"INDEXED BY ix_events_{column.name}_at_id")
                for only, (column, _) in zip(_role_ways(which.role), _ROLES, strict=True)
            )
    if which.role:
        conditions.append(_role(which.role))
    if rare is not None:
        return (Road((*conditions, *rare[1]), f"INDEXED BY {rare[0]}"),)
    if sort == "at" or counting:
        index, extra = ways[0] if ways else ("ix_events_at_id", ())
        return (Road((*conditions, *extra), f"INDEXED BY {index}"),)
    return (Road(tuple(conditions), f"INDEXED BY {SORTS[sort][1]}"),)


def walks_along(ways: Sequence[Road], which: EventFilter, sort: EventSort) -> bool:
    """Whether SQLite would walk along the order of a column of few values past everything that does not fit."""
    narrowed = replace(which, account=None, kind=None) != EventFilter()
    few_values = sort in ("outcome", "reason", "status") and getattr(which, sort) is None
    return few_values and narrowed and ways[0].hint == f"INDEXED BY {SORTS[sort][1]}"


def beyond(sort: EventSort, key: tuple[Any, ...], *, descending: bool) -> Any:
    """The condition that a row comes after the one with this key."""
    own = (SORTS[sort][0], _E.at, _E.id) if sort != "at" else (_E.at, _E.id)
    values = key if sort != "at" else key[1:]
    here = tuple_(*own)
    there = tuple_(*(literal(v, c.type) for c, v in zip(own, values, strict=True)))
    return here < there if descending else here > there


def ordering(sort: EventSort, *, descending: bool, of: Any = _E) -> tuple[Any, ...]:
    """The order of a sort; equal values stand newest first, or oldest first. `of` are the columns of what is sorted."""
    own = (of[SORTS[sort][0].name], of["at"], of["id"]) if sort != "at" else (of["at"], of["id"])
    return tuple(c.desc() if descending else c.asc() for c in own)


def first_of_few(conditions: Sequence[Any], sort: EventSort, *, descending: bool, limit: int) -> Select[Any]:
    """The ids of the first rows, where PostgreSQL is to find all that fit before it sorts them."""
    columns = {c.name: c for c in (SORTS[sort][0], _E.at, _E.id)}
    fitting = select(*columns.values()).where(*conditions).cte("fitting").prefix_with("MATERIALIZED")
    return select(fitting.c.id).order_by(*ordering(sort, descending=descending, of=fitting.c)).limit(limit)


def _plain(which: EventFilter) -> list[Any]:
    """Every condition but text and role."""
    found: list[Any] = []
    for column, name, usual in _INDEXED:
        value = getattr(which, name)
        if value is not None:
            found.append(column == value)
            if usual is not None and value != usual:
                found.append(_unusual(column, usual))
    if which.unassigned:
        found.append(_E.account_id.is_(None))
    if which.check:
        found.extend(_failed(which.check))
    return [*found, *_span(which)]


def _failed(check: str) -> tuple[Any, ...]:
    return _unusual(_E.failed_checks, ""), _E.failed_checks.contains(f" {check} ", autoescape=True)


def _role(role: str) -> Any:
    return or_(*(column == role for column, _ in _ROLES))


def _role_ways(role: str) -> list[tuple[Any, ...]]:
    """The same as conditions of one index each."""
    return [(column == role, *only) for column, only in _ROLES]


def _unusual(column: Any, usual: str) -> Any:
    """What a partial index asks for, word for word; a parameter would not be recognised."""
    return column != literal_column(f"'{usual}'")


def _span(which: EventFilter) -> list[Any]:
    return [
        *([_E.at >= which.since] if which.since else []),
        *([_E.at < which.until] if which.until else []),
    ]


def _ways(which: EventFilter) -> list[tuple[str, tuple[Any, ...]]]:
    """The indexes that could lead to what the filter shows, with the conditions that they serve; sharpest first."""
    found: list[tuple[str, tuple[Any, ...]]] = []
    span = _span(which)
    for column, name, usual in _INDEXED:
        value = getattr(which, name)
        if value is None or value == usual:
            continue
        own = [column == value, *([_unusual(column, usual)] if usual is not None else [])]
        suffix = "at" if name == "user" else "at_id"
        found.append((f"ix_events_{column.name}_{suffix}", (*own, *span)))
    if which.status not in (None, "success"):
        found.sort(key=lambda way: way[0] == "ix_events_outcome_at_id")  # few fail, whatever the outcome
    if which.check:
        found.insert(0, ("ix_events_failed_checks", (*_failed(which.check), *span)))
    if which.unassigned:
        found.append(("ix_events_account_id_at_id", (_E.account_id.is_(None), *span)))
    if span:
        found.append(("ix_events_at_id", tuple(span)))
    return found


def _rare(
    connection: Connection, ways: Sequence[tuple[str, tuple[Any, ...]]], most: int
) -> tuple[str, tuple[Any, ...]] | None:
    """The way with the fewest rows, if they are fewer than `most`."""
    best, least = None, most
    for index, conditions in ways:
        inner = select(_E.id).where(*conditions).with_hint(_EVENT, f"INDEXED BY {index}", "sqlite").limit(least)
        rows = connection.execute(select(func.count()).select_from(inner.subquery())).scalar_one()
        if rows < least:
            best, least = (index, conditions), int(rows)
        if not rows:
            break
    return best


def _text(connection: Connection, needle: str) -> tuple[Any, int | None]:
    """On SQLite, the condition that a text is found, and about how many events it leads to; None for looking at all."""
    referring: Select[Any] | None = None
    rows = 0
    if could_be_part(needle.lower()):
        referring, rows = _references(connection, needle.lower())
        if referring is None:
            return _found_in(connection, needle), None
    found = _by_person_or_assertion(connection, needle)
    if found is None:
        return _found_in(connection, needle), None
    if referring is not None:
        found.append(referring)
    return _E.id.in_(union_all(*found)), rows


def _found_in(connection: Connection, needle: str) -> Any:
    """The condition that an event holds a text, as it is asked of each.

    E-mail and name hold it anywhere, without regard to ASCII letter case, as does a reference; an assertion id begins
    with it.
    """
    holds = _holds(connection, needle)
    fits = [holds(_E.email_key), holds(_E.full_name), _assertion(needle)]
    if could_be_part(needle.lower()):
        fits.append(_in_reference(connection, needle.lower()))
    return or_(*fits)


def _assertion(needle: str) -> Any:
    return and_(_E.assertion_id >= needle, _E.assertion_id < needle + _END)


def _by_person_or_assertion(connection: Connection, needle: str) -> list[Select[Any]] | None:
    """The ids of the events of the people whom a text fits, and of the assertions; None for too many people."""
    holds = _holds(connection, needle)
    people = select(_PERSON.c.email_key).where(or_(holds(_PERSON.c.email_key), holds(_PERSON.c.full_name)))
    keys = list(connection.execute(people.distinct().limit(_FEW_PEOPLE + 1)).scalars())
    if len(keys) > _FEW_PEOPLE:
        return None
    person = or_(holds(_E.email_key), holds(_E.full_name))
    return [select(_E.id).where(_E.email_key.in_(keys), person), select(_E.id).where(_assertion(needle))]


def _references(connection: Connection, part: str) -> tuple[Select[Any] | None, int]:
    """On SQLite, the ids of the events whose reference holds a text, and how many; None where they are too many."""
    ways = _reference_ways(connection, part)
    if not ways:
        return None, 0
    ids = union_all(*ways)
    rows = int(connection.execute(select(func.count()).select_from(ids.limit(_GATHERED).subquery())).scalar_one())
    return (select(ids.subquery().c.id) if rows < _GATHERED else None), rows


def _reference_ways(connection: Connection, part: str) -> list[Select[Any]]:
    """The ids of the events whose reference holds a text, by one index each; none where it stands in too many."""
    found = places(part)
    ways: list[Select[Any]] = []
    for column, is_turned in ((_E.reference, False), (_E.reference_turned, True)):
        starts = [p.begins for p in found if p.turned is is_turned and not p.ends]
        if starts:
            ways.append(_beginning_with_any(connection, column, starts))
    for p in (p for p in found if p.ends):
        begins = and_(_E.reference_turned >= p.begins, _E.reference_turned < p.begins + _END)
        ways.append(select(_E.id).where(begins, _E.reference_turned.endswith(p.ends, autoescape=True)))
    return ways


def _beginning_with_any(connection: Connection, column: Any, starts: Sequence[str]) -> Select[Any]:
    """The ids of the events in which an indexed column begins with one of hundreds of texts."""
    if connection.dialect.name != "sqlite":
        return select(_E.id).where(or_(*(and_(column >= start, column < start + _END) for start in starts)))
    # SQLite allows few parameters, and no condition of so many parts.
    each = func.json_each(json.dumps(starts)).table_valued("value")
    start = each.c.value
    fits = and_(column >= start, column < start.op("||")(_END))
    return select(_E.id).select_from(each.join(_EVENT, fits))


def _in_reference(connection: Connection, part: str) -> Any:
    """The condition that a reference holds a text in lower case, as references are."""
    search = func.instr if connection.dialect.name == "sqlite" else func.strpos
    return search(_E.reference, part) > 0


def _holds(connection: Connection, needle: str) -> Callable[[Any], Any]:
    """Whether a column holds a text, without regard to ASCII letter case: SQLite's LIKE has none."""
    if connection.dialect.name == "sqlite":
        return lambda column: column.contains(needle, autoescape=True)
    return lambda column: column.icontains(needle, autoescape=True)


# On PostgreSQL --------------------------------------------------------------------------------------------------------


def _numbers(connection: Connection, ids: Select[Any] | CompoundSelect[Any]) -> tuple[Any, int] | None:
    """The condition that an event is one of these, and how many they are; None for too many."""
    found = list(connection.execute(ids.limit(_GATHERED)).scalars())
    return (_E.id == any_(literal(found, ARRAY(BigInteger))), len(found)) if len(found) < _GATHERED else None


def _check_by_number(connection: Connection, check: str) -> tuple[Any, int | None]:
    return _numbers(connection, select(_E.id).where(*_failed(check))) or (and_(*_failed(check)), None)


def _role_by_number(connection: Connection, role: str) -> tuple[Any, int | None]:
    ids = union_all(*(select(_E.id).where(*only) for only in _role_ways(role)))
    return _numbers(connection, ids) or (_role(role), None)


def _text_by_number(connection: Connection, needle: str) -> tuple[Any, int | None]:
    referring = _reference_ways(connection, needle.lower())
    if referring or not could_be_part(needle.lower()):
        people = _by_person_or_assertion(connection, needle)
        numbers = None if people is None else _numbers(connection, union_all(*people, *referring))
        if numbers is not None:
            return numbers
    return _found_in(connection, needle), None
