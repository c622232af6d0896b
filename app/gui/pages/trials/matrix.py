"""The matrix: every fault sent to our own service provider, expected against got. It arranges and judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHeaderView,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QWidget,
)

from app.gui.called_by_qt import called_by_qt
from app.gui.desk import Desk
from app.gui.examine import Subject
from app.gui.fault_list import FAMILIES, KINDS, verdict_word
from app.gui.findings import Causes, FindingsTable, VerdictHeader, findings
from app.gui.pages.trials.part import Part, Running, choice
from app.gui.tables import Column, Table
from app.gui.trial_work import (
    Catalogue,
    Line,
    Ran,
    ReportForm,
    catalogue,
    forget_kept,
    kept_report,
    lines,
    merged,
    report_of,
    run,
    save_report,
)
from app.gui.widgets import (
    Card,
    EmptyState,
    Figure,
    button,
    clear,
    column,
    confirm,
    copy_text,
    label,
    mono_label,
    row,
    scrolled,
    search_field,
)
from app.gui.wording import plural

if TYPE_CHECKING:
    from app.trial import TrialReport, TrialRow
    from simulator.faults import Fault
    from simulator.keys import KeyRing

#: Below these widths of the page the matrix leaves out the family, and then effect and time.
_ROOM_FOR_FAMILY: Final = 1110
_ROOM_FOR_EFFECT: Final = 850
#: Below this height it leaves out the figures: the line above the matrix tells them too.
_ROOM_FOR_FIGURES: Final = 560


#: What came of a fault, as the filter offers it.
_RESULTS: Final = (
    ("", "Any result"),
    ("good", "As expected"),
    ("surprise", "Surprises"),
    ("attack", "Attacks accepted"),
    ("untried", "Not tried"),
)


class Matrix(Part):
    """open() takes the id of a fault, to choose it."""

    title = "Faults"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._catalogue: Catalogue | None = None
        self._reports: dict[str, TrialReport] = {}
        self._vendor = "generic"
        self._keys: KeyRing | None = None
        self._shown: Line | None = None
        self._wanted = ""
        self.export_button = self.export_menu("trial", self.save)
        self.continue_button = button(
            "Continue", self.run_missing, icon="play", hint="Try those of the shown faults that were not tried yet"
        )
        self.run_button = button(
            "Run", self.run_shown, icon="play", kind="primary", shortcut="Ctrl+R", hint="Try the faults that are shown"
        )
        self.buttons.setLayout(row(1, self.export_button, self.run_button, spacing=12))
        self._choices = self._choice_row()
        self._running = Running(desk, "The trial", "Stop after the fault under way; what was tried is kept")
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty())
        self._stack.addWidget(self._full())
        whole = column(self.banner, self._choices, self._running, self._stack, spacing=14, margins=(0, 10, 0, 0))
        whole.setStretch(3, 1)
        self.setLayout(whole)
        self.find_by(self.search)
        self._entered = False
        self._arrange()

    # Parts -----------------------------------------------------------------------------------------------------

    def _choice_row(self) -> QWidget:
        self.family = QComboBox()
        self.family.setAccessibleName("Family of faults")
        self.family.setMinimumContentsLength(16)
        self.family.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.family.view().setMinimumWidth(250)
        self.family.activated.connect(lambda _i: self._fill())
        self.search = search_field("Search faults", lambda _t: self._fill())
        self.search.setToolTip("By id, what it does, check or reference such as a CVE number")
        self.search.setMinimumWidth(150)
        self.search.setMaximumWidth(300)
        self.vendor = QComboBox()
        self.vendor.setAccessibleName("Vendor that the test IdP speaks like")
        self.vendor.setToolTip("The vendor that the test IdP speaks like")
        self.vendor.setMinimumContentsLength(14)
        self.vendor.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.vendor.view().setMinimumWidth(240)
        self.vendor.activated.connect(self._choose_vendor)
        self.result = choice("Result", "Only faults of which this came", _RESULTS, self._fill)
        made = QWidget()
        bar = row(self.family, self.search, self.result, 1, self.vendor, spacing=8)
        bar.setStretch(1, 2)
        made.setLayout(bar)
        return made

    def _empty(self) -> QWidget:
        self.first = button("Run all of them", self.run_shown, icon="play", kind="primary")
        self.look = button("Choose faults", self.enter, icon="search", hint="See the list first")
        self.empty = EmptyState(
            "trials",
            "Does this service provider refuse what it must?",
            "A trial builds every fault that is known, from a missing claim to signature wrapping, sends each to the "
            "service provider over real HTTP, and compares the decision with the one that is right. It takes about "
            "half a minute, on a workspace of its own that is thrown away: your data is not touched.",
            self.first,
            self.look,
        )
        return Card("", self.empty)

    def _full(self) -> QWidget:
        self.tried = Figure("tried")
        self.good = Figure("as expected")
        self.bad = Figure("surprises")
        self.attacks = Figure("attacks accepted")
        self.figures = QWidget()
        self.figures.setLayout(row(self.tried, self.good, self.bad, self.attacks, spacing=12))
        self.table: Table[Line] = Table(
            "trials",
            [
                Column("Fault", lambda n: n.fault.id, 200, tip=lambda n: n.fault.summary, mono=True),
                Column("Family", lambda n: FAMILIES.get(n.fault.family, n.fault.family), 130, muted=True),
                Column("Result", lambda n: n.word, 128, tip=_result_tip, state=lambda n: n.state),
                Column("Expected", lambda n: n.expected, 200, tip=_expected_tip),
                Column("Got", lambda n: n.got, 200, tip=_got_tip),
                Column("Effect", lambda n: n.effect, 130),
                Column(
                    "Time",
                    lambda n: f"{n.row.duration_ms:.0f} ms" if n.row is not None else "",
                    70,
                    sort=lambda n: n.row.duration_ms if n.row is not None else -1.0,
                    right=True,
                    muted=True,
                ),
            ],
            multiple=True,
        )
        self.table.setAccessibleName("Matrix of faults")
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        for number in (3, 4):
            header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        self.table.chosen.connect(self._show_line)
        self.table.opened.connect(self.inspect)
        self.table.extra_actions = [
            ("Open in the inspector", self.inspect),
            ("Switch on in the simulator", lambda n: self.desk.open("simulator", ("fault", n.fault.id))),
            ("Copy fault id", lambda n: copy_text(n.fault.id, self.table)),
        ]
        self.count = label("", bold=True)
        self.rerun_button = button("Run selected", self.run_selected, icon="refresh", hint="Try the selected faults")
        self.forget_button = button(
            "Forget results", self.ask_forget, icon="delete", kind="flat", hint="Begin again with this vendor"
        )
        matrix = Card("", row(self.count, 1, self.forget_button, self.continue_button, self.rerun_button), self.table)
        matrix.body.setContentsMargins(14, 10, 14, 10)
        self.table.setMinimumHeight(110)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setHandleWidth(14)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(matrix)
        self.split.addWidget(self._detail())
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        self.split.setSizes([330, 200])
        kept = QSettings().value("trials/split")
        if kept:
            self.split.restoreState(kept)
        self.split.splitterMoved.connect(lambda *_: QSettings().setValue("trials/split", self.split.saveState()))
        made = QWidget()
        whole = column(self.figures, self.split, spacing=14)
        whole.setStretch(1, 1)
        made.setLayout(whole)
        return made

    def _detail(self) -> QWidget:
        self.verdict = VerdictHeader(14)
        self.inspect_button = button(
            "Inspect", self._inspect_shown, icon="inspector", hint="Open the message as it was judged (Enter)"
        )
        self.simulator_button = button(
            "", self._to_simulator, icon="simulator", kind="flat", hint="Switch this fault on in the simulator"
        )
        top = row(self.verdict, column(row(self.simulator_button, self.inspect_button, spacing=4), 1), spacing=12)
        top.setStretch(0, 1)
        self.checks = FindingsTable("trial-checks")
        self.causes = Causes()
        self.causes.asked.connect(self._show_check)
        self.sides = QTabWidget()
        self.sides.setDocumentMode(True)
        self.sides.tabBar().setDrawBase(False)
        self.sides.setAccessibleName("Checks and cause")
        self.sides.addTab(self.checks, "Checks")
        self.sides.addTab(scrolled(self.causes), "Cause")
        self._facts = column(spacing=8)
        facts = QWidget()
        facts.setLayout(column(self._facts, 1, margins=(0, 2, 8, 2)))
        about = scrolled(facts)
        about.setMinimumWidth(220)
        parts = row(about, self.sides, spacing=14)
        parts.setStretch(0, 2)
        parts.setStretch(1, 5)
        self._line = QWidget()
        whole = column(top, parts, spacing=8)
        whole.setStretch(1, 1)
        self._line.setLayout(whole)
        self._none = label("Choose a fault above to read what it does and what came of it.", tone="muted")
        self._none.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._detail_stack = QStackedWidget()
        self._detail_stack.addWidget(self._none)
        self._detail_stack.addWidget(self._line)
        # What a row has to say must not move the splitter, or the chosen row would slip out of view.
        self._detail_stack.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self._detail_stack.setMinimumHeight(170)
        card = Card()
        card.body.setContentsMargins(14, 12, 14, 12)
        card.add(self._detail_stack)
        return card

    # Loading ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        if self._catalogue is None:
            self.work(catalogue, then=self._take, channel="catalogue")
        else:
            self._fill()

    @property
    def _folder(self) -> Path:
        """Where the results are kept from one start of the window to the next."""
        return self.desk.workspace.folder / "trials"

    def _take(self, found: Catalogue) -> None:
        self._catalogue = found
        self.family.addItem(f"All families ({len(found.faults)})", "")
        for family in dict.fromkeys(f.family for f in found.faults):
            count = sum(f.family == family for f in found.faults)
            self.family.addItem(f"{FAMILIES.get(family, family)} ({count})", family)
        for known in found.vendors:
            self.vendor.addItem(known.title, known.id)
        self.first.setText(f"Run all {len(found.faults)} faults")
        self._load_kept()
        self._fill()

    def _load_kept(self) -> None:
        """Take up the results of the last time, unless there are newer ones."""
        vendor = self._vendor

        def take(report: TrialReport | None) -> None:
            if report is not None and vendor not in self._reports:
                self._reports[vendor] = report
                self._fill()

        if vendor not in self._reports:
            self.work(kept_report, self._folder, vendor, then=take, channel="kept")

    def ask_forget(self) -> None:
        """Forget the vendor's results, after asking."""
        if confirm(
            self,
            "Forget these results?",
            "What came of every fault that was tried with this vendor is deleted. The faults can be tried again.",
            "Forget results",
        ):
            self.forget()

    def forget(self) -> None:
        """Begin again with this vendor."""
        self._reports.pop(self._vendor, None)
        self.work(forget_kept, self._folder, self._vendor, then=lambda _none: self._fill(), channel="kept")

    def enter(self) -> None:
        """Show the list although nothing was tried yet."""
        self._entered = True
        self._arrange()

    def open(self, fault_id: str) -> None:
        """Choose a fault by its id."""
        self._entered = True
        self._wanted = fault_id
        self.family.setCurrentIndex(0)
        self.result.setCurrentIndex(0)
        self.search.clear()
        if self._catalogue is not None:
            self._fill()

    def _choose_vendor(self, number: int) -> None:
        self._vendor = self.vendor.itemData(number)
        self._load_kept()
        self._fill()

    @property
    def _results(self) -> dict[str, TrialRow]:
        report = self._reports.get(self._vendor)
        return {r.id: r for r in report.rows} if report is not None else {}

    def _fits(self, fault: Fault) -> bool:
        family = self.family.currentData()
        if family and fault.family != family:
            return False
        hay = f"{fault.id} {fault.summary} {' '.join(fault.checks)} {fault.reference}".lower()
        return all(w in hay for w in self.search.text().lower().split())

    def _fill(self) -> None:
        """Show the faults that fit the filter, with what came of them."""
        if self._catalogue is None:
            return
        fitting = [f for f in self._catalogue.faults if self._fits(f)]
        shown = lines(fitting, self._results)
        self._show_figures(shown)
        wanted_result = self.result.currentData()
        if wanted_result:
            shown = [n for n in shown if n.result == wanted_result or (wanted_result == "attack" and n.accepted_attack)]
        keep = {n.fault.id for n in self.table.selected}
        wanted, self._wanted = self._wanted, ""
        self.table.show_rows(shown)
        if wanted:
            keep = {wanted}
            if not any(n.fault.id == wanted for n in shown):
                self.banner.say("error", f"There is no fault {wanted}. Search the list for a near one.")
        if not (keep and self.table.select_where(lambda n: n.fault.id in keep)):
            self._show_line(None)
        current = self.table.selectionModel().currentIndex()
        if wanted and current.isValid():
            self.table.scrollTo(current)
        self._show_count(len(shown))
        self._arrange()

    def _show_figures(self, shown: Sequence[Line]) -> None:
        tried = [n for n in shown if n.row is not None]
        surprises = sum(n.surprising for n in tried)
        attacks = sum(n.accepted_attack for n in tried)
        self.tried.show_value(f"{len(tried):,}", f"of {len(shown):,} tried")
        self.good.show_value(f"{len(tried) - surprises:,}", "as expected", "ok" if tried and not surprises else "")
        self.bad.show_value(
            f"{surprises:,}", "surprise" if surprises == 1 else "surprises", "error" if surprises else ""
        )
        self.attacks.show_value(
            f"{attacks:,}", "attack accepted" if attacks == 1 else "attacks accepted", "error" if attacks else ""
        )
        self.export_button.setEnabled(bool(tried))

    def _show_count(self, shown: int) -> None:
        report = self._reports.get(self._vendor)
        if shown:
            rows = [n for n in self.table.model_.rows if n.row is not None]
            told = f" · {len(rows):,} tried, {plural(sum(n.surprising for n in rows), 'surprise')}" if rows else ""
            self.count.setText(f"{plural(shown, 'fault')}{told}")
            self.count.setToolTip(f"Tried in {report.duration_s:.1f} s" if report is not None else "")
        else:
            calm = self.result.currentData() in ("surprise", "attack") and report is not None
            self.count.setText("No surprises here" if calm else "No fault fits the filter")
        self.run_button.setText(f"Run {plural(shown, 'fault')}" if shown else "Run")
        self.run_button.setAccessibleName(self.run_button.text())
        self.continue_button.setText(f"Continue with {len(self._missing)} missing")
        self.continue_button.setAccessibleName(self.continue_button.text())

    @property
    def _missing(self) -> list[str]:
        """The shown faults that were not tried yet."""
        return [n.fault.id for n in self.table.model_.rows if n.row is None]

    def _arrange(self) -> None:
        full = self._entered or bool(self._reports)
        busy = self._running.busy
        self._stack.setCurrentIndex(1 if full or busy else 0)
        self._choices.setVisible(full or busy)
        for made in (self.export_button, self.run_button):
            made.setVisible(full or busy)
        some = bool(self.table.model_.rows)
        missing = len(self._missing)
        self.continue_button.setVisible((full or busy) and 0 < missing < len(self.table.model_.rows))
        self.continue_button.setEnabled(not busy)
        self.forget_button.setEnabled(bool(self._results) and not busy)
        self.run_button.setEnabled(some and not busy)
        self.rerun_button.setEnabled(bool(self.table.selected) and not busy)
        self.vendor.setEnabled(not busy)
        self._running.setVisible(busy)

    # One fault -------------------------------------------------------------------------------------------------

    def _show_line(self, line: Line | None) -> None:
        self._shown = line
        self.rerun_button.setEnabled(line is not None and not self._running.busy)
        self._detail_stack.setCurrentIndex(0 if line is None else 1)
        if line is None:
            return
        fault, tried = line.fault, line.row
        if tried is None:
            self.verdict.show_verdict(line.state, fault.summary, f"{fault.id} · not tried yet")
            self.verdict.pill.show_state(line.state, line.word)
        else:
            headline = tried.why or tried.sentence
            earlier = "" if tried.report is not None else " Tried in an earlier run: run it again to see its checks."
            self.verdict.show_verdict(line.state, headline, f"{fault.id} · {fault.summary}{earlier}")
            self.verdict.pill.show_state(line.state, line.word)
        self.inspect_button.setEnabled(tried is not None and bool(tried.sent))
        self.checks.show_rows(
            [f for f in findings(tried.report.checks) if f.status != "not-applicable"]
            if tried is not None and tried.report is not None
            else []
        )
        self._show_causes(tried)
        clear(self._facts)
        for name, value in _facts(line):
            mono = name in ("Expected checks", "Decided by")
            shown = mono_label(value, wrap=True) if mono else label(value, wrap=True)
            self._facts.addLayout(column(label(name, tone="muted", size=12), shown, spacing=1))

    def _show_causes(self, tried: TrialRow | None) -> None:
        report = tried.report if tried is not None else None
        if report is None:
            self.causes.clear()
        else:
            self.causes.show_report(report)
        count = len(report.diagnosis) if report is not None else 0
        self.sides.setTabText(1, f"Cause ({count})" if count > 1 else "Cause")
        self.sides.setTabEnabled(1, report is not None)
        kept = tried is not None and report is None
        self.sides.setTabToolTip(1, "Run it again to see its checks and its cause" if kept else "")

    def _show_check(self, check_id: str) -> None:
        self.sides.setCurrentIndex(0)
        self.checks.select_where(lambda f: f.id == check_id)

    def inspect(self, line: Line) -> None:
        """Open the message of a row in the inspector, as the trial judged it."""
        tried = line.row
        if tried is None or not tried.sent:
            why = "was not tried yet" if tried is None else "was tried in an earlier run, whose messages are not kept"
            self.banner.say("info", f"{line.fault.id} {why}, so there is no message to open. Run it first.")
            return
        self.desk.open(
            "inspector",
            Subject(
                tried.sent,
                f"trial {tried.id}",
                "post-form",
                received_at=tried.report.evaluated_at if tried.report is not None else None,
                judged=tried.report,
            ),
        )

    def _inspect_shown(self) -> None:
        if self._shown is not None:
            self.inspect(self._shown)

    def _to_simulator(self) -> None:
        if self._shown is not None:
            self.desk.open("simulator", ("fault", self._shown.fault.id))

    # Running ---------------------------------------------------------------------------------------------------

    def run_shown(self) -> None:
        """Try every fault that is shown."""
        self._start([n.fault.id for n in self.table.model_.rows])

    def run_selected(self) -> None:
        """Try the selected faults."""
        self._start([n.fault.id for n in self.table.selected])

    def run_missing(self) -> None:
        """Try what is shown and was not tried yet: go on after a trial that was stopped."""
        self._start(self._missing)

    def _start(self, ids: Sequence[str]) -> None:
        if self._running.busy or not ids:
            return
        self.banner.hide()
        vendor = self._vendor
        self._running.start(
            len(ids),
            run,
            tuple(ids),
            vendor,
            self._keys,
            self._folder,
            then=partial(self._done, vendor),
            failed=partial(self._run_failed, vendor),
        )
        self._arrange()

    def cancel(self) -> None:
        """Stop after the fault under way; what was tried is kept."""
        self._running.cancel()

    def _run_failed(self, vendor: str, error: Exception) -> None:
        self.fail(error)
        # What was finished before is in the file.
        self._reports.pop(vendor, None)
        self._load_kept()
        self._arrange()

    def _done(self, vendor: str, ran: Ran) -> None:
        self._keys = ran.keys
        self._entered = True
        if ran.report.rows:
            self._reports[vendor] = merged(self._reports.get(vendor), ran.report)
        if not ran.report.as_expected:
            state = "error" if ran.report.failed else "info"
            self.banner.say(state, ran.report.headline, "Dismiss", self.banner.hide)
        self._fill()

    # Export ----------------------------------------------------------------------------------------------------

    def save(self, form: ReportForm, path: Path) -> None:
        """Write what is shown and was tried, off the GUI thread."""
        report = self._reports.get(self._vendor)
        if report is None:
            self.banner.say("info", "Nothing was tried yet. Run a trial, then save its report.")
            return
        shown = report_of(self.table.model_.rows, self._vendor, report.started_at, report.duration_s)
        self.work(
            save_report,
            shown,
            form,
            path,
            then=partial(self.written, plural(len(shown.rows), "fault")),
            channel="export",
        )

    # Room ------------------------------------------------------------------------------------------------------

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.figures.setVisible(self.height() >= _ROOM_FOR_FIGURES)
        self.table.setColumnHidden(1, self.width() < _ROOM_FOR_FAMILY)
        for number in (5, 6):
            self.table.setColumnHidden(number, self.width() < _ROOM_FOR_EFFECT)

    def restyle(self) -> None:
        super().restyle()
        self.empty.restyle()


def _result_tip(line: Line) -> str:
    return (line.row.why or line.row.sentence) if line.row is not None else "Not tried yet"


def _expected_tip(line: Line) -> str:
    by = f" by {' or '.join(line.fault.checks)}" if line.fault.checks else ""
    return f"{verdict_word(line.fault.expects)}{by}"


def _got_tip(line: Line) -> str:
    if line.row is None:
        return ""
    by = f" by {', '.join(line.row.decided_by)}" if line.row.decided_by else ""
    return f"{verdict_word(line.row.got)}{by}"


def _facts(line: Line) -> list[tuple[str, str]]:
    """What is known of a line, as named values; what is not known is left out."""
    fault, tried = line.fault, line.row
    named = [
        ("Family", FAMILIES.get(fault.family, fault.family)),
        ("Who can send it", KINDS[fault.kind]),
        ("Expected", verdict_word(fault.expects)),
        ("Expected checks", " or ".join(fault.checks)),
        ("See", fault.reference),
    ]
    if tried is not None:
        door = f"Refused with HTTP {tried.door} before it was judged" if tried.door is not None else ""
        named += [
            ("Got", verdict_word(tried.got)),
            ("Decided by", ", ".join(tried.decided_by)),
            ("At the door", door),
            ("Decision", tried.sentence),
            ("Effect", line.effect),
            ("Time", f"{tried.duration_ms:.0f} ms"),
        ]
    return [(name, value) for name, value in named if value]
