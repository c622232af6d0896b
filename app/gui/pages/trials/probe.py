"""Probe: the catalogue of faults against somebody else's service provider; what it accepts that it must refuse."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QHeaderView, QSplitter, QStackedWidget, QWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.fault_list import FAMILIES
from app.gui.files import ask_open, ask_save
from app.gui.pages.trials.part import Part, Running, choice
from app.gui.probe_work import (
    HOWS,
    RESULTS,
    NotProbed,
    Session,
    Wanted,
    by_addresses,
    described_by_file,
    fitting,
    kept,
    kind_of,
    run,
    save,
    state_of,
    stranger,
)
from app.gui.simulator.keys_work import save_metadata
from app.gui.tables import Column, Table
from app.gui.widgets import (
    Banner,
    Card,
    EmptyState,
    button,
    clear,
    column,
    copy_text,
    label,
    line_edit,
    mono_label,
    number_field,
    row,
    scrolled,
    search_field,
    visible,
)
from app.gui.wording import plural

if TYPE_CHECKING:
    from app.gui.desk import Desk
    from app.gui.trial_work import ReportForm
    from app.lab import Lab
    from app.probe import ProbeReport, ProbeRow
    from simulator.tenant import Application

_OTHER: Final = "other"
_LOOK_MS: Final = 250
_ROOM_FOR_ANSWER: Final = 1000


class Probe(Part):
    """The form, the live matrix, and what each accepted fault gives away."""

    title = "Probe"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._applications: dict[str, Application] = {}
        self._described: Application | None = None
        self._session = Session()
        self._rows: list[ProbeRow] = []
        self.report: ProbeReport | None = None
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._live)
        self.export_button = self.export_menu("probe", self.save)
        self.continue_button = button(
            "Continue", partial(self.start, True), icon="play", hint="Go on with the probe that was stopped"
        )
        self.run_button = button(
            "Probe", self.start, icon="play", kind="primary", hint="Send the faults to this service provider"
        )
        self.buttons.setLayout(row(1, self.export_button, self.continue_button, self.run_button, spacing=12))
        self._running = Running(desk, "The probe", "Stop after the fault under way; Continue goes on from there")
        self.question = Banner()
        self._question_row = self._question_part()
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setHandleWidth(14)
        split.setChildrenCollapsible(False)
        split.addWidget(self._form())
        split.addWidget(self._results())
        split.setStretchFactor(1, 1)
        split.setSizes([370, 620])
        whole = column(self.banner, self._running, self._question_row, split, spacing=12, margins=(0, 10, 0, 0))
        whole.setStretch(3, 1)
        self.setLayout(whole)
        self.find_by(self.search)
        self._arrange()

    # Parts -----------------------------------------------------------------------------------------------------

    def _form(self) -> QWidget:
        self.target = QComboBox()
        self.target.setAccessibleName("Service provider to probe")
        self.target.activated.connect(lambda _n: self._target_changed())
        self.metadata_button = button("From metadata...", self._ask_metadata, icon="open")
        self.entity_id = line_edit(name="Entity ID", placeholder="https://sp.example/metadata")
        self.acs_url = line_edit(name="ACS address", placeholder="http://127.0.0.1:3000/acs")
        self.login_url = line_edit(name="Page where a login starts", placeholder="only from the portal")
        self.user = line_edit("ada", name="Who logs in")
        self.user.setToolTip("A person of the simulator who can log in there")
        self.victim = line_edit(name="Whom attacks impersonate", placeholder="an administrator")
        self.victim.setToolTip("E-mail of somebody whom the service provider knows")
        self.faults = line_edit(name="Faults", placeholder="all; or ids, patterns, families")
        self.faults.setToolTip("Separated by spaces, such as: xsw* timing sig-none")
        self.pace = number_field("Pause between two messages, in milliseconds", 0, 60_000, suffix=" ms")
        self.product_rules = QCheckBox("Also rules of this product")
        self.product_rules.setToolTip("Its claims, roles and plans, which other service providers need not know")
        self.how = choice("How acceptance is recognised", "How acceptance is told from refusal", HOWS, self._arrange)
        for box in (self.target, self.how):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(12)
        self.statuses = line_edit(name="Statuses that mean accepted", placeholder="303")
        self.location = line_edit(name="Redirect that means accepted", placeholder="^/home")
        self.body = line_edit(name="Words of the page that mean accepted", placeholder="Welcome")
        self.host_text = label("", tone="warning", size=12, wrap=True)
        self.host = line_edit(name="The host once more", placeholder="the host once more")
        for typed in (self.entity_id, self.acs_url, self.login_url):
            typed.textEdited.connect(lambda _t: self._target_changed())
        self._captions: dict[QWidget, QWidget] = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        rows: tuple[tuple[str, QWidget], ...] = (
            ("Whom", self.target),
            ("", self.metadata_button),
            ("Entity ID", self.entity_id),
            ("ACS", self.acs_url),
            ("Login page", self.login_url),
            ("Person", self.user),
            ("Victim", self.victim),
            ("Faults", self.faults),
            ("Pause", self.pace),
            ("", self.product_rules),
            ("Accepted", self.how),
            ("Status", self.statuses),
            ("Redirect", self.location),
            ("Page", self.body),
        )
        for number, (caption, field) in enumerate(rows):
            words = label(caption, tone="muted", size=12)
            grid.addWidget(words, number, 0)
            grid.addWidget(field, number, 1)
            self._captions[field] = words
        inner = QWidget()
        self.idp_metadata_button = button(
            "Save IdP metadata...", self._ask_idp_metadata, icon="export", hint="What the service provider must trust"
        )
        trust = label(
            "The service provider must trust the test IdP: give it the metadata of the simulator, in a test "
            "environment only. A control that is refused stops the probe.",
            tone="muted",
            size=12,
            wrap=True,
        )
        inner.setLayout(
            column(
                grid, self.host_text, self.host, trust, self.idp_metadata_button, 1, spacing=10, margins=(0, 0, 8, 0)
            )
        )
        card = Card("", scrolled(inner))
        card.body.setContentsMargins(14, 12, 8, 12)
        card.setMinimumWidth(320)
        return card

    def _question_part(self) -> QWidget:
        self.yes_button = button("Somebody was logged in", partial(self._answer, True), icon="login")
        self.no_button = button("Nobody was", partial(self._answer, False), icon="close")
        made = QWidget()
        bar = row(self.question, self.no_button, self.yes_button, spacing=8)
        bar.setStretch(0, 1)
        made.setLayout(bar)
        made.hide()
        return made

    def _results(self) -> QWidget:
        self.search = search_field("Search faults", lambda _t: self._fill())
        self.result = choice("Result", "Only faults of which this came", RESULTS, self._fill)
        self.count = label("", bold=True)
        self.table: Table[ProbeRow] = Table(
            "probe",
            [
                Column("Fault", lambda r: r.id, 190, tip=lambda r: r.summary, mono=True),
                Column("Family", lambda r: FAMILIES.get(r.family, r.family), 130, muted=True),
                Column("Must be", lambda r: "Accepted" if r.must == "accept" else "Refused", 80),
                Column("Was", lambda r: state_of(r)[1], 116, tip=lambda r: r.why, state=lambda r: state_of(r)[0]),
                Column("What it gives", lambda r: r.sentence or r.why, 240),
            ],
        )
        self.table.setAccessibleName("Matrix of the probe")
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(4, QHeaderView.ResizeMode.Stretch)
        self.table.chosen.connect(self._show_row)
        self.table.opened.connect(lambda r: self.desk.open("simulator", ("fault", r.id)))
        self.table.extra_actions = [
            ("Switch on in the simulator", lambda r: self.desk.open("simulator", ("fault", r.id))),
            ("Copy fault id", lambda r: copy_text(r.id, self.table)),
        ]
        self.table.setMinimumHeight(110)
        self._facts = column(spacing=6)
        facts = QWidget()
        facts.setLayout(column(self._facts, 1, margins=(0, 2, 8, 2)))
        about = scrolled(facts)
        about.setFixedHeight(150)
        bar = row(self.search, self.result, spacing=8)
        bar.setStretch(0, 1)
        full = QWidget()
        whole = column(self.count, bar, self.table, about)
        whole.setStretch(2, 1)
        full.setLayout(whole)
        self.first = button("Probe it", self.start, icon="play", kind="primary")
        self.empty = EmptyState(
            "trials",
            "What does another service provider accept?",
            "The faults of the catalogue are sent to a service provider that trusts the test IdP. How acceptance looks "
            "is learnt from a good login; of each fault that is accepted and must not be, you read what an attacker "
            "gains. Nothing is sent anywhere but to the addresses on the left.",
            self.first,
        )
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(full)
        card = Card("", self._stack)
        card.body.setContentsMargins(14, 10, 14, 10)
        return card

    # Showing ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        self.work(_known, self.desk.lab, then=self._take, channel="applications")

    def _take(self, applications: tuple[Application, ...]) -> None:
        kept_choice = self.target.currentData()
        self._applications = {a.id: a for a in applications}
        self.target.clear()
        for application in applications:
            self.target.addItem(visible(application.name or application.id), application.id)
        self.target.addItem("Another, by its addresses", _OTHER)
        number = self.target.findData(kept_choice) if kept_choice else 0
        self.target.setCurrentIndex(max(0, number))
        self._target_changed()

    @property
    def application(self) -> Application:
        """The service provider that the form names. NotProbed where it names none."""
        chosen = self.target.currentData()
        known = self._applications.get(str(chosen))
        if known is not None:
            return known
        made = self._described
        if made is not None and (made.entity_id, made.acs_url) == (self.entity_id.text(), self.acs_url.text()):
            return made
        return by_addresses(self.entity_id.text(), self.acs_url.text())

    def _target_changed(self) -> None:
        try:
            application = self.application
        except NotProbed:
            self.continue_button.setEnabled(False)
            self._show_host("")
        else:
            self._show_host(stranger(application, self.login_url.text()))
            if not self._running.busy:
                folder = self.desk.workspace.simulator_folder
                self.work(kept, folder, application, then=self.continue_button.setEnabled, channel="kept")
        self._arrange()

    def _show_host(self, host: str) -> None:
        self.host_text.setVisible(bool(host))
        self.host.setVisible(bool(host))
        self.host_text.setText(
            visible(
                f"Messages would be sent to {host}. Probe only what is yours or what you may test, and type the host."
            )
        )

    def _arrange(self) -> None:
        by_hand = self.target.currentData() == _OTHER
        patterns = self.how.currentData() == "patterns"
        for field, on in (
            (self.entity_id, by_hand),
            (self.acs_url, by_hand),
            (self.statuses, patterns),
            (self.location, patterns),
            (self.body, patterns),
        ):
            field.setVisible(on)
            self._captions[field].setVisible(on)
        busy = self._running.busy
        self._running.setVisible(busy)
        for made in (self.run_button, self.first):
            made.setEnabled(not busy)
        self._stack.setCurrentIndex(1 if busy or self._rows or self.report is not None else 0)
        self.export_button.setEnabled(self.report is not None)
        if busy:
            self.continue_button.setEnabled(False)
        self._fill()

    def _fill(self) -> None:
        shown = fitting(self._rows, self.search.text(), str(self.result.currentData() or ""))
        chosen = self.table.current
        if shown != self.table.model_.rows:
            self.table.show_rows(shown)
            if chosen is None or not self.table.select_where(lambda r: r.id == chosen.id):
                self._show_row(None)
        weak = sum(kind_of(r) == "weak" for r in self._rows)
        tried = sum(r.got != "not-tried" for r in self._rows)
        self.count.setText(
            f"{plural(tried, 'message')} sent, {plural(weak, 'weakness', 'weaknesses')}"
            if self._rows
            else "Nothing was probed yet"
        )

    def _show_row(self, shown: ProbeRow | None) -> None:
        clear(self._facts)
        if shown is None:
            words = self.report.headline if self.report is not None else "Choose a fault to read what it shows."
            self._facts.addWidget(label(words, tone="muted", wrap=True))
            if self.report is not None and self.report.learnt:
                self._facts.addWidget(label(self.report.learnt, tone="muted", size=12, wrap=True))
            return
        self._facts.addWidget(mono_label(shown.id))
        self._facts.addWidget(label(shown.summary, wrap=True))
        look = shown.look or {}
        answer = ", ".join(f"{k} {' '.join(v) if isinstance(v, list) else v}" for k, v in look.items() if v)
        for name, text in (
            ("What an attacker gains", f"{shown.gravity}: {shown.sentence}" if shown.sentence else ""),
            ("Resembles", shown.cve),
            ("Remark", shown.why),
            ("Answer", answer),
            ("See", shown.reference),
        ):
            if text:
                line = row(label(name, tone="muted", size=12), label(text, wrap=True), spacing=8)
                line.setStretch(1, 1)
                self._facts.addLayout(line)

    # Running ---------------------------------------------------------------------------------------------------

    def start(self, go_on: bool = False) -> None:
        """Probe what the form says, anew or with the rows of a stopped run."""
        if self._running.busy:
            return
        try:
            application = self.application
        except NotProbed as e:
            self.fail(e)
            return
        wanted = Wanted(
            application=application,
            login_url=self.login_url.text(),
            user=self.user.text(),
            victim=self.victim.text(),
            faults=self.faults.text(),
            how=self.how.currentData(),
            statuses=self.statuses.text(),
            location=self.location.text(),
            body=self.body.text(),
            host=self.host.text(),
            pace_ms=self.pace.value(),
            product_rules=self.product_rules.isChecked(),
        )
        self.banner.hide()
        self._session, self._rows, self.report = Session(), [], None
        self._look.start()
        folder = self.desk.workspace.simulator_folder
        self._running.start(
            0, run, self.desk.lab, wanted, self._session, folder, go_on, then=self._done, failed=self._failed
        )
        self._running.text.setText("Learning how acceptance looks ...")
        self._arrange()

    def _live(self) -> None:
        """Take over what the run has told since, and what it asks."""
        rows = self._session.rows()
        if len(rows) != len(self._rows):
            self._rows = rows
            self._fill()
        asked = self._session.question
        self._question_row.setVisible(asked is not None)
        if asked is not None:
            self.question.say("info", f"Was somebody logged in? {asked.what}: {asked.look}")

    def _answer(self, accepted: bool) -> None:
        self._session.answer(accepted)
        self._question_row.hide()

    def _done(self, report: ProbeReport) -> None:
        self._end()
        self.report = report
        self._rows = list(report.rows)
        state = "success" if report.as_expected else "info" if report.cancelled else "error"
        self.banner.say(state, report.headline, "Dismiss", self.banner.hide)
        self._target_changed()
        self._show_row(self.table.current)

    def _failed(self, error: Exception) -> None:
        self._end()
        self._live()
        self.fail(error)
        self._target_changed()

    def _end(self) -> None:
        self._look.stop()
        self._question_row.hide()

    # Files -----------------------------------------------------------------------------------------------------

    def _ask_metadata(self) -> None:
        ask_open(self, "Metadata of a service provider", "Metadata (*.xml);;All files (*)", self.take_metadata)

    def take_metadata(self, path: Path) -> None:
        """Probe the service provider that a metadata file describes."""

        def done(application: Application) -> None:
            self._described = application
            self.target.setCurrentIndex(self.target.findData(_OTHER))
            self.entity_id.setText(application.entity_id)
            self.acs_url.setText(application.acs_url)
            self._target_changed()

        self.work(described_by_file, path, then=done, channel="metadata")

    def _ask_idp_metadata(self) -> None:
        ask_save(self, "Save the metadata of the test IdP", "test-idp.xml", "XML (*.xml)", self.save_idp_metadata)

    def save_idp_metadata(self, path: Path) -> None:
        """Write the metadata that the service provider must trust."""
        self.work(
            save_metadata,
            self.desk.lab,
            path,
            then=partial(self.written, "The metadata of the test IdP, TEST ONLY,"),
            channel="metadata-of-idp",
        )

    def save(self, form: ReportForm, path: Path) -> None:
        """Write the report of the last run."""
        report = self.report
        if report is None:
            self.banner.say("info", "Nothing was probed yet. Probe a service provider, then save its report.")
            return
        rows = plural(len(report.rows), "fault")
        self.work(save, report, form, path, then=partial(self.written, rows), channel="export")

    # Room ------------------------------------------------------------------------------------------------------

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for number in (1, 2):
            self.table.setColumnHidden(number, self.width() < _ROOM_FOR_ANSWER)

    def restyle(self) -> None:
        super().restyle()
        self.question.restyle()
        self.empty.restyle()


def _known(lab: Lab) -> tuple[Application, ...]:
    return lab.applications
