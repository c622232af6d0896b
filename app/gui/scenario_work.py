"""The scenarios tab's work off the GUI thread: reading them, running them, a line for each and for each step. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.gui.files import write_file
from app.gui.trial_work import ReportForm, Stoppable

if TYPE_CHECKING:
    from app.scenarios import Scenario, ScenarioReport, ScenarioRow, Step, StepRow
    from simulator.keys import KeyRing


@dataclass(frozen=True, slots=True)
class RanScenarios:
    """Scenarios that were run (or stopped), as they were read for it, and the test keys for the next ones."""

    report: ScenarioReport
    keys: KeyRing


@dataclass(frozen=True, slots=True)
class ScenarioLine:
    """One scenario with what came of it; `row` is None until it was run. `file` is where somebody's own one stands."""

    scenario: Scenario
    row: ScenarioRow | None
    file: Path | None = None

    @property
    def key(self) -> str:
        """What tells scenarios apart: two files may have the same name."""
        return self.scenario.source

    @property
    def state(self) -> str:
        """As in STATES."""
        return "not-applicable" if self.row is None else "pass" if self.row.as_expected else "fail"

    @property
    def word(self) -> str:
        """The state in words."""
        return "Not run" if self.row is None else "As expected" if self.row.as_expected else "Surprise"

    @property
    def result(self) -> str:
        """What came of it: "untried", "good" or "surprise"."""
        return "untried" if self.row is None else "good" if self.row.as_expected else "surprise"

    @property
    def text(self) -> str:
        """What a search looks at, in lower case."""
        s = self.scenario
        words = [s.id, s.title, s.about, *(f"{t.do} {t.note} {' '.join(map(str, t.values.values()))}" for t in s.steps)]
        return " ".join(words).lower()


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step with what came of it; `row` is None until its scenario was run."""

    step: Step
    row: StepRow | None
    what: str
    expected: str

    @property
    def state(self) -> str:
        """As in STATES."""
        if self.row is None:
            return "not-applicable"
        return "pass" if self.row.as_expected else "fail" if self.row.reached else "skipped"

    @property
    def word(self) -> str:
        """The state in words."""
        if self.row is None:
            return "Not run"
        return "As expected" if self.row.as_expected else "Surprise" if self.row.reached else "Not reached"

    @property
    def got(self) -> str:
        """What was found of the expectations: where all fit, that they do; else those that do not."""
        if self.row is None or not self.row.reached:
            return ""
        wrong = [f"{c.name} {c.got}" for c in self.row.compared if not c.fits]
        if wrong or self.row.why:
            return "; ".join(wrong) or self.row.why
        return "the same" if self.row.compared else ""

    @property
    def effect(self) -> str:
        """What it did to users, roles and seats."""
        return self.row.effect if self.row is not None else ""


def known_scenarios(files: Sequence[Path]) -> list[ScenarioLine]:
    """Our own scenarios and those of these files. ScenarioError for a file that cannot be used."""
    from app.scenarios import read_scenario, shipped

    found = [ScenarioLine(s, None) for s in shipped()]
    return found + [ScenarioLine(read_scenario(f), None, f) for f in files]


def run_some(progress: Stoppable, lines: Sequence[ScenarioLine], keys: KeyRing | None) -> RanScenarios:
    """Run scenarios, each on a throw-away workspace; files are read anew, because they may have been edited."""
    from app.bootstrap import system_clock
    from app.scenarios import read_scenario, run_scenarios
    from simulator.keys import KeyRing

    ring = keys or KeyRing.in_memory(system_clock)
    scenarios = [read_scenario(n.file) if n.file is not None else n.scenario for n in lines]
    report = run_scenarios(
        scenarios,
        progress=progress.report,
        stepped=progress.report,
        cancelled=lambda: progress.cancelled,
        keys=ring,
    )
    return RanScenarios(report, ring)


def with_results(lines: Sequence[ScenarioLine], results: Mapping[str, ScenarioRow]) -> list[ScenarioLine]:
    """The lines with what came of them; a file that was read anew is shown as it was read last."""
    found = []
    for line in lines:
        row = results.get(line.key)
        found.append(line if row is None else replace(line, scenario=row.scenario, row=row))
    return found


def steps_of(line: ScenarioLine) -> list[StepLine]:
    """The steps of a scenario, in words."""
    from app.scenarios import actions
    from app.scenarios.world import detail

    rows: Sequence[StepRow | None] = line.row.steps if line.row is not None else [None] * len(line.scenario.steps)
    return [
        StepLine(
            step,
            row,
            actions()[step.do].words(step.values),
            "; ".join(f"{k} {detail(v)}" for k, v in step.expect.items()),
        )
        for step, row in zip(line.scenario.steps, rows, strict=True)
    ]


def save_scenarios(report: ScenarioReport, form: ReportForm, path: Path) -> Path:
    """Write a report to a file. FileRefused where that is impossible."""
    text = {
        "junit": report.as_junit,
        "jsonl": report.as_json_lines,
        "html": report.as_html,
        "text": report.as_text,
    }[form]()
    return write_file(path, text.encode("utf-8", "backslashreplace"))
