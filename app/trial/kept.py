"""The finished rows of a trial in a file, so that a stopped one can go on; the messages themselves are not kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import __version__
from app.bulk.kept_rows import KeptRows

if TYPE_CHECKING:
    from app.trial.matrix import TrialRow
    from simulator.faults import Fault


class TrialError(Exception):
    """A trial that cannot go on: the sentence says why, and what to do."""


def kept_rows(path: Path | None, vendor: str) -> KeptRows[TrialRow]:
    """The rows that an earlier run with this vendor has finished; those of faults that are others now are left out.

    Raises TrialError for a file that cannot be used.
    """
    from simulator.faults import all_faults

    known = {f.id: f for f in all_faults()} if path is not None else {}
    return KeptRows(
        path,
        head={"schema": "sso-workbench/trial-file/1", "vendor": vendor, "version": __version__},
        id_of=lambda row: row.id,
        read=_reader(known),
        write=_told,
        error=TrialError,
        what="trial",
        other="another vendor or version",
        hint="Name another file.",
    )


def _told(row: TrialRow) -> dict[str, Any]:
    return {**row.as_dict(), "event": row.event}


def _reader(known: Mapping[str, Fault]) -> Callable[[dict[str, Any]], TrialRow]:
    def read(told: dict[str, Any]) -> TrialRow:
        """The row of an object. ValueError where the catalogue says something else of the fault by now."""
        from app.trial.matrix import TrialRow

        fault = known.get(str(told["fault"]))
        if fault is None and "+" in str(told["fault"]):
            from simulator.faults import find

            fault = find(str(told["fault"]))
        wanted = told["expected"]
        if fault is None or (fault.expects, list(fault.checks)) != (wanted["verdict"], wanted["checks"]):
            raise ValueError("another catalogue")
        got, door = told["got"], told["got"]["refused_at_the_door"]
        return TrialRow(
            id=fault.id,
            family=fault.family,
            kind=fault.kind,
            summary=fault.summary,
            reference=fault.reference,
            expected=fault.expects,
            expected_checks=fault.checks,
            got=str(got["verdict"]),
            decided_by=tuple(map(str, got["checks"])),
            outcome=str(got["outcome"]),
            sentence=str(got["sentence"]),
            role_before=_text(told["role"]["before"]),
            role_after=_text(told["role"]["after"]),
            seats_before=int(told["seats"]["before"]),
            seats_after=int(told["seats"]["after"]),
            status_code=int(got["status_code"]),
            door=None if door is None else int(door),
            as_expected=bool(told["as_expected"]),
            why=str(told["why"] or ""),
            duration_ms=float(told["duration_ms"]),
            event=str(told["event"]),
        )

    return read


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
