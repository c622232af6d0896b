"""The trials page's work off the GUI thread: the catalogue of faults, running them, one line for each. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol

from app.gui.files import write_file
from app.gui.widgets import STATES
from app.gui.wording import OUTCOMES, role_title

if TYPE_CHECKING:
    from app.trial import TrialReport, TrialRow
    from simulator.faults import Fault
    from simulator.keys import KeyRing
    from simulator.profiles import Profile

ReportForm = Literal["junit", "jsonl", "html", "text"]
#: How a report is saved: the menu's words, the file's ending, the dialog's filter.
FORMS: Final[dict[ReportForm, tuple[str, str, str]]] = {
    "html": ("HTML page", "html", "HTML (*.html)"),
    "junit": ("JUnit XML", "xml", "JUnit XML (*.xml)"),
    "jsonl": ("JSON lines", "jsonl", "JSON lines (*.jsonl)"),
    "text": ("Plain text", "txt", "Text (*.txt)"),
}
#: Larger than this the file of kept rows is written anew without those that newer ones replaced.
_MOST_KEPT: Final = 4_194_304


class Stoppable(Protocol):
    """What long work is given: tell how far it is, and look whether to stop (app.gui.jobs.Progress)."""

    def report(self, done: int, total: int, text: str = "") -> None:
        """Tell how far the work is."""

    @property
    def cancelled(self) -> bool:
        """Whether to stop."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every fault and every vendor, in their own order."""

    faults: tuple[Fault, ...]
    vendors: tuple[Profile, ...]


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished (or stopped) trial, and the test keys for the next one."""

    report: TrialReport
    keys: KeyRing


@dataclass(frozen=True, slots=True)
class Line:
    """One fault of the matrix, with what came of it; `row` is None until it was tried."""

    fault: Fault
    row: TrialRow | None

    @property
    def state(self) -> str:
        """As in STATES."""
        return "not-applicable" if self.row is None else "pass" if self.row.as_expected else "fail"

    @property
    def word(self) -> str:
        """The state in words."""
        return "Not tried" if self.row is None else "As expected" if self.row.as_expected else "Surprise"

    @property
    def result(self) -> str:
        """What came of it: "untried", "good" or "surprise"."""
        return "untried" if self.row is None else "good" if self.row.as_expected else "surprise"

    @property
    def surprising(self) -> bool:
        """Whether it was tried and is not as expected."""
        return self.row is not None and not self.row.as_expected

    @property
    def accepted_attack(self) -> bool:
        """Whether a message that must not be let in was let in."""
        return self.row is not None and self.row.got == "accept" and self.row.expected != "accept"

    @property
    def expected(self) -> str:
        """The expected verdict and the check that must say so."""
        return _verdict(self.fault.expects, self.fault.checks[:1], len(self.fault.checks) - 1)

    @property
    def got(self) -> str:
        """The verdict that was given and the check behind it; the expected one where it is among them."""
        if self.row is None:
            return ""
        decided = self.row.decided_by
        named = [c for c in self.fault.checks if c in decided] or list(decided)
        if self.row.got == "accept" and not self.fault.checks:
            named = []
        return _verdict(self.row.got, named[:1], len(decided) - 1 if named else 0)

    @property
    def effect(self) -> str:
        """What it did to the user, the role and the seats."""
        return "" if self.row is None else effect(self.row)


def _verdict(verdict: str, checks: Sequence[str], more: int) -> str:
    word = STATES.get(verdict, (verdict, "", ""))[0]
    rest = f" +{more}" if checks and more > 0 else ""
    return f"{word}: {checks[0]}{rest}" if checks else word


def effect(row: TrialRow) -> str:
    """What a message did to the user, the role and the seats, in a few words."""
    before, after = row.role_before, row.role_after
    seats = f", seats {row.seats_before} to {row.seats_after}" if row.seats_before != row.seats_after else ""
    if before is None and after is not None:
        return f"User created as {role_title(after)}{seats}"
    if before is not None and after is None:
        return f"User deleted{seats}"
    if before != after:
        return f"Role {role_title(before)} to {role_title(after)}{seats}"
    if row.got == "accept" and row.outcome not in ("unchanged", "rejected"):
        return f"{OUTCOMES.get(row.outcome, row.outcome)}{seats}"
    return f"No change{seats}"


def catalogue() -> Catalogue:
    """Load the faults and the vendors."""
    from simulator.faults import all_faults
    from simulator.profiles import PROFILES

    return Catalogue(tuple(f for f in all_faults() if not f.setup.fetched), PROFILES)


def run(progress: Stoppable, ids: Sequence[str] | None, vendor: str, keys: KeyRing | None, folder: Path) -> Ran:
    """Try these faults (None: all of them) on a throw-away workspace; the rows are kept in the folder."""
    from app.bootstrap import system_clock
    from app.trial import run_trial
    from simulator.keys import KeyRing

    ring = keys or KeyRing.in_memory(system_clock)
    kept_report(folder, vendor)  # a file that cannot be continued gives way to a new one
    folder.mkdir(parents=True, exist_ok=True)
    report = run_trial(
        ids,
        vendor=vendor,
        progress=progress.report,
        cancelled=lambda: progress.cancelled,
        keys=ring,
        resume=_file(folder, vendor),
        again=True,
    )
    return Ran(report, ring)


def _file(folder: Path, vendor: str) -> Path:
    return folder / f"{vendor}.jsonl"


def kept_report(folder: Path, vendor: str) -> TrialReport | None:
    """What was tried before the window was closed; None where nothing was, or by another version."""
    from app.trial import TrialReport
    from app.trial.kept import TrialError, kept_rows

    file = _file(folder, vendor)
    if not file.is_file():
        return None
    try:
        kept = kept_rows(file, vendor)
        if file.stat().st_size > _MOST_KEPT:
            kept.rewrite()
    except TrialError:
        file.unlink(missing_ok=True)
        return None
    rows = tuple(kept.rows.values())
    tried_at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    seconds = sum(r.duration_ms for r in rows) / 1000
    return TrialReport(rows=rows, vendor=vendor, started_at=tried_at, duration_s=seconds) if rows else None


def forget_kept(folder: Path, vendor: str) -> None:
    """Delete what is kept of a vendor's trials."""
    _file(folder, vendor).unlink(missing_ok=True)


def lines(faults: Sequence[Fault], results: Mapping[str, TrialRow]) -> list[Line]:
    """The matrix: every fault with what came of it."""
    return [Line(f, results.get(f.id)) for f in faults]


def report_of(shown: Sequence[Line], vendor: str, started_at: datetime, duration_s: float) -> TrialReport:
    """What is shown, as a report."""
    from app.trial import TrialReport

    rows = tuple(line.row for line in shown if line.row is not None)
    return TrialReport(rows=rows, vendor=vendor, started_at=started_at, duration_s=duration_s)


def save_report(report: TrialReport, form: ReportForm, path: Path) -> Path:
    """Write a report to a file. FileRefused where that is impossible."""
    text = {
        "junit": report.as_junit,
        "jsonl": report.as_json_lines,
        "html": report.as_html,
        "text": report.as_text,
    }[form]()
    return write_file(path, text.encode("utf-8", "backslashreplace"))


def merged(old: TrialReport | None, new: TrialReport) -> TrialReport:
    """An earlier report with the rows of a newer one in place of its own."""
    if old is None:
        return new
    rows = {r.id: r for r in old.rows} | {r.id: r for r in new.rows}
    return replace(new, rows=tuple(rows.values()), duration_s=old.duration_s + new.duration_s)
