"""Reads a directory's list of people: which format, which columns, who is in it, and what is wrong row by row.

One problem and nothing of it may be imported (all or nothing). It compares nobody with our users.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from app.accounts.directory.formats import FORMATS, Format, state_of
from app.accounts.directory.sources import MAX_ROWS, Row, Source, open_source
from app.accounts.directory.values import DirectoryRefused, KeyChoice, Person, Reading, RowProblem, Told
from app.saml.identifiers import normalise_email, read_email
from app.saml.likeness import show

#: The first problems are told; all of them are counted.
MAX_PROBLEMS: Final = 200
_PREVIEW_ROWS: Final = 20
_PREVIEW_CELL: Final = 120
_SAMPLE: Final = 200
_STEP: Final = 2_000
_SEPARATORS: Final = re.compile(r"[;,|\s]+")
_ALIAS_LIMIT: Final = 200
#: What PowerShell writes in place of a list that was not joined.
_POWERSHELL_LIST: Final = "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection"


def _nobody(_done: int, _total: int) -> None:
    return None


def read_directory(
    data: bytes, *, key: str | None = None, encoding: str | None = None, told: Told = _nobody
) -> Reading:
    """Read a list. `key` is the column that identifies people, None to choose it; `encoding` as in sources.CODECS.

    Raises:
        DirectoryRefused: it is no list of people at all, or has no column that could identify them.
    """
    source = open_source(data, encoding)
    sample: list[Row] = []
    for row in source.rows:
        sample.append(row)
        if len(sample) >= _SAMPLE:
            break
    form = _format(source)
    names = {c.lower(): n for n, c in reversed(list(enumerate(source.columns)))}
    keys = _keys(form, source.columns, sample)
    chosen = _chosen(key, keys, source.columns)
    enabled = next((names[c] for c in form.enabled if c in names), None)
    collecting = _Collecting(
        key=names[chosen.lower()],
        others=_others(form, keys, names, chosen),
        enabled=enabled,
        bits=enabled is not None and source.columns[enabled].lower() == "useraccountcontrol",
    )
    for row in itertools.chain(sample, source.rows):
        collecting.take(row)
        if collecting.rows % _STEP == 0:
            told(min(collecting.rows, source.estimate), source.estimate)
        if collecting.rows > MAX_ROWS:
            raise DirectoryRefused(f"The list has more than {MAX_ROWS:,} people. Export a part of the directory.")
    collecting.finish(chosen)
    told(collecting.rows, collecting.rows)
    return Reading(
        format=form.id,
        title=form.title,
        encoding=source.encoding,
        delimiter=source.delimiter,
        columns=source.columns,
        key=chosen,
        keys=keys,
        enabled_column=source.columns[enabled] if enabled is not None else "",
        people=tuple(collecting.people),
        rows=collecting.rows,
        skipped=collecting.skipped,
        problems=tuple(collecting.problems),
        problem_count=collecting.problem_count,
        notes=_notes(collecting, enabled is not None),
        partial_because=source.partial_because,
        preview=tuple(
            tuple(c[:_PREVIEW_CELL] for c in cells) for _, cells in sample[:_PREVIEW_ROWS] if not isinstance(cells, str)
        ),
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
    )


# Columns -------------------------------------------------------------------------------------------------------------


def _format(source: Source) -> Format:
    columns = {c.lower() for c in source.columns}
    fitting = (f for f in FORMATS if f.fits(columns) and (f.id in ("graph", "scim")) <= (source.kind == "json"))
    return next(fitting)


def _keys(form: Format, columns: Sequence[str], sample: Sequence[Row]) -> tuple[KeyChoice, ...]:
    """Columns that hold addresses, those that the format names first, then the fullest."""
    rows = [cells for _, cells in sample if not isinstance(cells, str)]
    found = []
    for number, column in enumerate(columns):
        full = sum(1 for cells in rows if _addresses(cells[number], one=True))
        rank = form.key.index(column.lower()) if column.lower() in form.key else len(form.key)
        if column and (full or rank < len(form.key)):
            found.append((full == 0, rank, -full, number, KeyChoice(column, full / len(rows) if rows else 0.0)))
    return tuple(f[-1] for f in sorted(found, key=lambda f: f[:-1]))


def _chosen(asked: str | None, keys: Sequence[KeyChoice], columns: Sequence[str]) -> str:
    shown = ", ".join(show(c, 40) for c in columns[:30] if c) or "none"
    if asked is not None:
        for column in columns:
            if column.lower() == asked.strip().lower():
                return column
        raise DirectoryRefused(f"The list has no column “{show(asked, 60)}”. Its columns: {shown}.")
    best = next((k for k in keys if k.share > 0), keys[0] if keys else None)
    if best is None:
        raise DirectoryRefused(
            f"No column holds e-mail addresses, so nobody can be recognised. Columns found: {shown}. Export the list "
            "with the users' mail or userPrincipalName."
        )
    return best.column


def _others(form: Format, keys: Sequence[KeyChoice], names: dict[str, int], chosen: str) -> tuple[int, ...]:
    """Where else an address of the person may stand."""
    wanted = [*form.key, *form.alias, *(k.column.lower() for k in keys if k.share > 0.5)]
    return tuple(dict.fromkeys(names[n] for n in wanted if n in names and n != chosen.lower()))


# Rows ----------------------------------------------------------------------------------------------------------------


def _addresses(cell: str, *, one: bool = False) -> tuple[str, ...]:
    """The normal forms of the addresses in a cell: `SMTP:` marks taken off, guests' names (#EXT#) resolved too."""
    if not cell or "@" not in cell:
        return ()
    # A cell of several addresses is none itself; to be told why costs more than to take them apart.
    normal = normalise_email(cell) if cell.count("@") == 1 else None
    if normal is not None:
        guest = _guest(cell)
        return (normal,) if guest is None or one else (normal, guest)
    if one and cell[:5].lower() != "smtp:":
        return ()
    found: list[str] = []
    for part in _SEPARATORS.split(cell)[:_ALIAS_LIMIT]:
        kind, mark, rest = part.partition(":")
        if mark and kind.lower() != "smtp":
            continue  # X500:, SIP: and others are no mailboxes
        text = rest if mark else part
        found += [a for a in (normalise_email(text), _guest(text)) if a is not None]
    return tuple(dict.fromkeys(found))


def _guest(text: str) -> str | None:
    """The own address of a guest: ada_partner.example#EXT#@tenant.example is ada@partner.example."""
    at = text.upper().find("#EXT#") if "#" in text else -1
    if at < 0:
        return None
    local, _, domain = text[:at].rpartition("_")
    return normalise_email(f"{local}@{domain}") if local else None


@dataclass
class _Collecting:
    """Takes row after row: people, and what is wrong."""

    key: int
    others: tuple[int, ...]
    enabled: int | None
    bits: bool
    people: list[Person] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    problem_count: int = 0
    rows: int = 0
    skipped: int = 0
    strange_states: dict[str, int] = field(default_factory=dict)
    unjoined: bool = False
    shared: int = 0
    wrong_keys: int = 0
    _first: dict[str, int] = field(default_factory=dict)

    def problem(self, row: int, sentence: str) -> None:
        """Something that forbids the import."""
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(RowProblem(row, sentence))

    def take(self, row: Row) -> None:
        """One row of the list."""
        self.rows += 1
        number, cells = row
        if isinstance(cells, str):
            self.problem(number, cells)
            return
        text = cells[self.key]
        addresses = _addresses(text)
        if not addresses and text.strip():
            self.wrong_keys += 1
            self.problem(number, f"“{show(text, 80)}” is no e-mail address. {read_email(text).problem or ''}".strip())
            return
        key = addresses[0] if addresses else ""
        for other in self.others:
            cell = cells[other]
            if cell and cell != text:
                self.unjoined = self.unjoined or cell == _POWERSHELL_LIST
                more = _addresses(cell)
                if more:
                    addresses = (*addresses, *(a for a in more if a not in addresses))
        if not addresses:
            self.skipped += 1
            return
        if key:
            before = self._first.setdefault(key, number)
            if before != number:
                self.problem(number, f"{key} stands in row {before} already; nobody can say which of them counts.")
                return
        self.people.append(Person(number, addresses, self._state(cells)))

    def _state(self, cells: Sequence[str]) -> bool | None:
        if self.enabled is None:
            return None
        word = cells[self.enabled]
        state = state_of(word, bits=self.bits)
        if state is None and (word.strip() in self.strange_states or len(self.strange_states) < 20):
            self.strange_states[word.strip()] = self.strange_states.get(word.strip(), 0) + 1
        return state

    def finish(self, key: str) -> None:
        """What can only be said at the end: that it was the wrong column."""
        if self.wrong_keys * 2 > self.rows:
            self.problems.insert(
                0, RowProblem(0, f"Most of the column “{show(key, 60)}” are no addresses. Choose another column.")
            )


def _notes(found: _Collecting, says_enabled: bool) -> tuple[str, ...]:
    notes = []
    if not says_enabled:
        notes.append("The list does not say who is disabled; only presence and absence can be seen from it.")
    for word, count in found.strange_states.items():
        notes.append(f"The state “{show(word, 40)}” is not known ({count} times); these people count as present.")
    if found.skipped:
        notes.append(f"{found.skipped} rows have no address and stand for nobody.")
    if found.unjoined:
        notes.append(
            "A column of several addresses holds the name of a PowerShell type instead. Export it with "
            "@{n='proxyAddresses';e={$_.proxyAddresses -join ';'}}, or aliases are not seen."
        )
    return tuple(notes)
