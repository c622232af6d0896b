"""Scenarios: chains of steps with what must be so after each; run, read step by step, opened in the inspector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QSizePolicy, QSplitter, QStackedWidget, QWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.examine import Subject
from app.gui.files import ask_open
from app.gui.findings import VerdictHeader, selectable
from app.gui.pages.trials.part import Part, Running, choice
from app.gui.scenario_work import (
    RanScenarios,
    ScenarioLine,
    StepLine,
    known_scenarios,
    run_some,
    save_scenarios,
    steps_of,
    with_results,
)
from app.gui.tables import Column, Table
from app.gui.widgets import Card, button, column, copy_text, label, row, search_field, visible
from app.gui.wording import plural

if TYPE_CHECKING:
    from app.gui.desk import Desk
    from app.gui.trial_work import ReportForm
    from app.scenarios import ScenarioReport, ScenarioRow
    from simulator.keys import KeyRing

_RESULTS: Final = (("", "Any result"), ("good", "As expected"), ("surprise", "Surprises"), ("untried", "Not run"))
_FILES: Final = "Scenarios (*.toml);;All files (*)"
#: Below this width of the tab the steps leave out what they did.
_ROOM_FOR_EFFECT: Final = 940


class Scenarios(Part):
    """choose() takes the id of a scenario."""

    title = "Scenarios"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._lines: list[ScenarioLine] = []
        self._files: list[Path] = []
        self._results: dict[str, ScenarioRow] = {}
        self._last: ScenarioReport | None = None
        self._keys: KeyRing | None = None
        self._shown: ScenarioLine | None = None
        self._wanted = ""
        self.export_button = self.export_menu("scenarios", self.save)
        self.open_button = button("Open file...", self._ask_open, icon="open", hint="A scenario of your own, as TOML")
        self.continue_button = button(
            "Continue", self.run_missing, icon="play", hint="Run those of the shown scenarios that were not run yet"
        )
        self.run_button = button(
            "Run", self.run_shown, icon="play", kind="primary", hint="Run the scenarios that are shown"
        )
        self.buttons.setLayout(row(1, self.export_button, self.run_button, spacing=12))
        self.search = search_field("Search scenarios", lambda _t: self._fill())
        self.search.setToolTip("By name, step, person, or what it is about")
        self.search.setMaximumWidth(360)
        self.result = choice("Result", "Only scenarios of which this came", _RESULTS, self._fill)
        choices = QWidget()
        bar = row(self.search, self.result, 1, self.open_button, spacing=8)
        bar.setStretch(0, 2)
        choices.setLayout(bar)
        self._running = Running(desk, "The scenarios", "Stop now; the scenario under way is left out")
        whole = column(self.banner, choices, self._running, self._split(), spacing=14, margins=(0, 10, 0, 0))
        whole.setStretch(3, 1)
        self.setLayout(whole)
        self.find_by(self.search)
        self._arrange()

    # Parts -----------------------------------------------------------------------------------------------------

    def _split(self) -> QSplitter:
        self.table: Table[ScenarioLine] = Table(
            "scenarios",
            [
                Column("Scenario", lambda n: n.scenario.title, 420, tip=lambda n: n.scenario.about),
                Column(
                    "Decision", lambda n: str(n.scenario.decision or ""), 76, sort=_decision, right=True, muted=True
                ),
                Column("Result", lambda n: n.word, 128, tip=_why, state=lambda n: n.state),
                Column("Steps", lambda n: str(len(n.scenario.steps)), 60, sort=_steps, right=True, muted=True),
                Column("Id", lambda n: n.scenario.id, 200, mono=True, muted=True, tip=lambda n: n.key),
            ],
            multiple=True,
        )
        self.table.setAccessibleName("Scenarios")
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.chosen.connect(self._show_line)
        self.table.opened.connect(lambda n: self._start([n]))
        self.table.extra_actions = [
            ("Run", lambda n: self._start([n])),
            ("Copy id", lambda n: copy_text(n.scenario.id, self.table)),
        ]
        self.table.setMinimumHeight(110)
        self.count = label("", bold=True)
        self.rerun_button = button(
            "Run selected", self.run_selected, icon="refresh", hint="Run the selected scenarios (Enter)"
        )
        card = Card("", row(self.count, 1, self.continue_button, self.rerun_button), self.table)
        card.body.setContentsMargins(14, 10, 14, 10)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setHandleWidth(14)
        split.setChildrenCollapsible(False)
        split.addWidget(card)
        split.addWidget(self._detail())
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 1)
        split.setSizes([260, 300])
        kept = QSettings().value("trials/scenarios-split")
        if kept:
            split.restoreState(kept)
        split.splitterMoved.connect(lambda *_: QSettings().setValue("trials/scenarios-split", split.saveState()))
        return split

    def _detail(self) -> QWidget:
        self.verdict = VerdictHeader(14)
        self.inspect_button = button(
            "Inspect message", self._inspect_shown, icon="inspector", hint="Open the message of the step (Enter)"
        )
        top = row(self.verdict, column(self.inspect_button, 1), spacing=12)
        top.setStretch(0, 1)
        self.steps: Table[StepLine] = Table(
            "scenario-steps",
            [
                Column("", lambda n: str(n.step.number), 36, sort=lambda n: n.step.number, right=True, muted=True),
                Column("Step", lambda n: n.what, 300, tip=lambda n: n.step.note or n.what),
                Column("Result", lambda n: n.word, 128, tip=_step_why, state=lambda n: n.state),
                Column("Expected", lambda n: n.expected, 230, tip=lambda n: n.expected.replace("; ", "\n")),
                Column("Got", lambda n: n.got, 150, tip=_step_got),
                Column("What it did", lambda n: n.effect, 170, tip=lambda n: n.effect.replace("; ", "\n")),
            ],
        )
        self.steps.setAccessibleName("Steps of the scenario")
        header = self.steps.horizontalHeader()
        header.setStretchLastSection(False)
        for number in (1, 3):
            header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        self.steps.chosen.connect(self._show_step)
        self.steps.opened.connect(self.inspect)
        self.steps.setMinimumHeight(110)
        self.told = selectable("", tone="muted")
        self._line = QWidget()
        whole = column(top, self.steps, self.told, spacing=8)
        whole.setStretch(1, 1)
        self._line.setLayout(whole)
        none = label(
            "A scenario is a chain of steps: somebody logs in, is promoted, logs in again, leaves; and after each step "
            "it is looked whether users, roles and seats are as they must be. Every provisioning decision is here as "
            "one. They run over real HTTP on a workspace that is thrown away: your data is not touched.\n\n"
            "Choose one above to read its steps, or run all of them. Your own are TOML files: the help page on "
            "scenarios tells how they are written.",
            tone="muted",
            wrap=True,
        )
        none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._detail_stack = QStackedWidget()
        self._detail_stack.addWidget(none)
        self._detail_stack.addWidget(self._line)
        self._detail_stack.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self._detail_stack.setMinimumHeight(190)
        card = Card()
        card.body.setContentsMargins(14, 12, 14, 12)
        card.add(self._detail_stack)
        return card

    # Loading ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        if self._lines:
            self._fill()
        else:
            self._load()

    def _load(self, opened: Path | None = None) -> None:
        files = [*self._files, opened] if opened is not None and opened not in self._files else list(self._files)

        def take(found: list[ScenarioLine]) -> None:
            self._lines, self._files = found, files
            if opened is not None:
                self.banner.hide()
                self._wanted = str(opened)
                self._show_all()
            self._fill()

        self.work(known_scenarios, files, then=take, channel="load")

    def _ask_open(self) -> None:
        ask_open(self, "Open a scenario", _FILES, self.open_file)

    def open_file(self, path: Path) -> None:
        """Add somebody's own scenario to the list; what is wrong with it is told with file and line."""
        self._load(path.absolute())

    def drop(self, path: Path) -> bool:
        """Add a dropped scenario."""
        self.open_file(path)
        return True

    def choose(self, scenario_id: str) -> None:
        """Choose a scenario by its id."""
        self._wanted = scenario_id
        self._show_all()
        self.refresh()

    def _show_all(self) -> None:
        self.search.clear()
        self.result.setCurrentIndex(0)

    def _fill(self) -> None:
        """Show the scenarios that fit the filter, with what came of them."""
        words = self.search.text().lower().split()
        result = self.result.currentData()
        lines = with_results(self._lines, self._results)
        shown = [n for n in lines if (not result or n.result == result) and all(w in n.text for w in words)]
        keep = {n.key for n in self.table.selected}
        if self._wanted and lines:
            wanted, self._wanted = self._wanted, ""
            keep = {n.key for n in lines if wanted in (n.key, n.scenario.id)}
            if not keep:
                self.banner.say("error", f"There is no scenario {wanted}. Search the list for a near one.")
        self.table.show_rows(shown)
        if not (keep and self.table.select_where(lambda n: n.key in keep)):
            self._show_line(None)
        tried = [n for n in shown if n.row is not None]
        told = f" · {len(tried)} run, {plural(sum(n.result == 'surprise' for n in tried), 'surprise')}" if tried else ""
        self.count.setText(f"{plural(len(shown), 'scenario')}{told}" if shown else "No scenario fits the filter")
        self._arrange()

    @property
    def _missing(self) -> list[ScenarioLine]:
        return [n for n in self.table.model_.rows if n.row is None]

    def _arrange(self) -> None:
        busy, shown, missing = self._running.busy, len(self.table.model_.rows), len(self._missing)
        self.run_button.setText(f"Run {plural(shown, 'scenario')}" if shown else "Run")
        self.continue_button.setText(f"Continue with {missing} missing")
        for made in (self.run_button, self.continue_button):
            made.setAccessibleName(made.text())
        self.run_button.setEnabled(bool(shown) and not busy)
        self.continue_button.setVisible(0 < missing < shown)
        self.continue_button.setEnabled(not busy)
        self.rerun_button.setEnabled(bool(self.table.selected) and not busy)
        self.export_button.setEnabled(any(n.row is not None for n in self.table.model_.rows))
        self._running.setVisible(busy)

    # One scenario ----------------------------------------------------------------------------------------------

    def _show_line(self, line: ScenarioLine | None) -> None:
        before, self._shown = self._shown, line
        self.rerun_button.setEnabled(line is not None and not self._running.busy)
        self._detail_stack.setCurrentIndex(0 if line is None else 1)
        if line is None:
            return
        headline = line.row.why if line.row is not None and line.row.why else line.scenario.title
        self.verdict.show_verdict(line.state, headline, line.scenario.about)
        self.verdict.pill.show_state(line.state, line.word)
        steps = steps_of(line)
        wanted = next((n.step.number for n in steps if n.state == "fail"), 0)
        if before is not None and (before.key, before.row) == (line.key, line.row) and self.steps.current is not None:
            wanted = self.steps.current.step.number
        self.steps.show_rows(steps)
        if not (wanted and self.steps.select_where(lambda n: n.step.number == wanted)):
            self.steps.clearSelection()
            self._show_step(None)

    def _show_step(self, line: StepLine | None) -> None:
        tried = line.row if line is not None else None
        self.inspect_button.setEnabled(tried is not None and bool(tried.sent))
        parts = [line.step.note if line is not None else ""]
        if tried is not None:
            parts += [tried.why, tried.sentence]
        text = " ".join(p for p in parts if p)
        self.told.setText(visible(text))
        self.told.setVisible(bool(text))

    def inspect(self, line: StepLine) -> None:
        """Open the message of a step in the inspector, as it was judged."""
        tried = line.row
        if tried is None or not tried.sent:
            why = "The scenario was not run yet" if tried is None else "No message was sent in this step"
            self.banner.say("info", f"{why}, so there is nothing to open.", "Dismiss", self.banner.hide)
            return
        name = self._shown.scenario.id if self._shown is not None else "scenario"
        at = tried.report.evaluated_at if tried.report is not None else None
        subject = Subject(tried.sent, f"{name}, step {tried.number}", "post-form", received_at=at, judged=tried.report)
        self.desk.open("inspector", subject)

    def _inspect_shown(self) -> None:
        if self.steps.current is not None:
            self.inspect(self.steps.current)

    # Running ---------------------------------------------------------------------------------------------------

    def run_shown(self) -> None:
        """Run every scenario that is shown."""
        self._start(self.table.model_.rows)

    def run_selected(self) -> None:
        """Run the selected scenarios."""
        self._start(self.table.selected)

    def run_missing(self) -> None:
        """Run what is shown and was not run yet: go on after a run that was stopped."""
        self._start(self._missing)

    def _start(self, lines: Sequence[ScenarioLine]) -> None:
        if self._running.busy or not lines:
            return
        self.banner.hide()
        chosen = list(lines)
        self._running.start(len(chosen), run_some, chosen, self._keys, then=self._done, failed=self._run_failed)
        self._arrange()

    def cancel(self) -> None:
        """Stop now."""
        self._running.cancel()

    def _run_failed(self, error: Exception) -> None:
        self.fail(error)
        self._arrange()

    def _done(self, ran: RanScenarios) -> None:
        self._keys = ran.keys
        self._last = ran.report
        self._results |= {r.scenario.source: r for r in ran.report.rows}
        if not ran.report.as_expected:
            state = "error" if ran.report.failed else "info"
            self.banner.say(state, ran.report.headline, "Dismiss", self.banner.hide)
        self._fill()

    # Export ----------------------------------------------------------------------------------------------------

    def save(self, form: ReportForm, path: Path) -> None:
        """Write what is shown and was run, off the GUI thread."""
        rows = tuple(n.row for n in self.table.model_.rows if n.row is not None)
        if self._last is None or not rows:
            self.banner.say("info", "Nothing was run yet. Run a scenario, then save its report.")
            return
        seconds = sum(r.duration_ms for r in rows) / 1000
        report = replace(self._last, rows=rows, duration_s=seconds, cancelled=False)
        self.work(
            save_scenarios,
            report,
            form,
            path,
            then=partial(self.written, plural(len(rows), "scenario")),
            channel="export",
        )

    # Room ------------------------------------------------------------------------------------------------------

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.steps.setColumnHidden(5, self.width() < _ROOM_FOR_EFFECT)
        self.table.setColumnHidden(4, self.width() < _ROOM_FOR_EFFECT)


def _decision(line: ScenarioLine) -> int:
    return line.scenario.decision or 99


def _steps(line: ScenarioLine) -> int:
    return len(line.scenario.steps)


def _why(line: ScenarioLine) -> str:
    return "Not run yet" if line.row is None else line.row.why or "Everything is as expected"


def _step_why(line: StepLine) -> str:
    return (line.row.why or line.row.sentence) if line.row is not None else "Not run yet"


def _step_got(line: StepLine) -> str:
    if line.row is None:
        return ""
    return "\n".join(f"{c.name}: {c.got}{'' if c.fits else f' (expected {c.expected})'}" for c in line.row.compared)
