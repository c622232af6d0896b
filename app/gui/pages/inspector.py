"""The inspector: paste a message, and see whether it lets somebody in, why not, and who must change what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QDateTime, QSettings, Qt, QTimeZone
from PySide6.QtGui import QGuiApplication, QKeySequence, QResizeEvent, QShortcut, QTextDocument
from PySide6.QtWidgets import QComboBox, QDateTimeEdit, QMenu, QSplitter, QStackedWidget, QTabWidget, QWidget

from app.gui.desk import Desk, Page
from app.gui.examine import (
    MOST_BYTES,
    NOTHING,
    WHOEVER_FITS,
    ClaimRow,
    Examined,
    Subject,
    When,
    claim_rows,
    clock,
    examine,
    form_of,
    is_metadata,
    is_reference,
    load_event,
    provenance_of,
    provisioning_sentence,
    sample_subject,
)
from app.gui.files import FileRefused, ask_open, ask_save, read_file, write_file
from app.gui.findings import (
    PROVENANCE,
    WHO,
    Causes,
    Finding,
    FindingDetail,
    FindingsTable,
    StatusChoice,
    VerdictHeader,
    findings,
    report_text,
    state_of,
)
from app.gui.paste_box import PasteBox
from app.gui.tables import Column, Table
from app.gui.widgets import (
    Banner,
    Card,
    EmptyState,
    Figure,
    button,
    column,
    copy_text,
    label,
    row,
    scrolled,
    search_field,
    tip,
    visible,
)
from app.gui.xml_tree import XmlTree
from app.gui.xml_view import XmlView

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.saml.outline import Node
    from app.saml.report import Report, SignatureSummary

KINDS: Final = "Messages (*.xml *.txt *.b64 *.html *.saml *.form);;All files (*)"
_WHEN: Final = (("now", "now"), ("issue", "when it was issued"), ("at", "at a given time"))
_ROOM_FOR_FIGURES: Final = 720


class InspectorPage(Page):
    """One message at a time. open() takes "sample", text or bytes, a Subject, or the reference of an event."""

    name = "inspector"
    title = "Inspector"
    sentence = "Why a login fails, and who acts."
    icon = "inspector"
    depends_on = frozenset({"configuration", "accounts", "settings"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._subject: Subject | None = None
        self._examined: Examined | None = None
        self._against = desk.account or WHOEVER_FITS
        self._rows: list[Finding] = []
        self.search = search_field("Search", self._narrow)
        self.search.setMinimumWidth(150)
        self.search.setMaximumWidth(300)
        self.search.returnPressed.connect(self.find_next)
        self.open_file = button("", self._ask_file, icon="open", hint="Open a file with a message (Ctrl+O)")
        self.export = button("Export", icon="export", hint="Save or copy the report")
        self.export.setMenu(self._export_menu())
        self.paste = button(
            "Paste response", self.paste_now, icon="paste", kind="primary", hint="Inspect what was copied (Ctrl+V)"
        )
        self.header(self.search, self.open_file, self.export, self.paste)
        self.banner = Banner()
        self.live = Banner()
        self.body.addWidget(self.banner)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty())
        self._stack.addWidget(self._full())
        self.body.addWidget(self._stack, 1)
        self._keys()
        self._show_controls()
        desk.account_changed.connect(self._on_account)

    # Parts -----------------------------------------------------------------------------------------------------

    def _empty(self) -> QWidget:
        self.first_paste = button("Paste response", self.paste_now, icon="paste", kind="primary")
        self.first_open = button("Open file", self._ask_file, icon="open")
        self.first_sample = button("Load a sample", self.load_sample, icon="play")
        text = (
            "Paste what the browser posted to the ACS: XML, base64, a form body, a URL or a whole HTML page. Every "
            "layer is taken off and every rule is checked; nothing is sent anywhere or stored."
        )
        state = EmptyState(
            "inspector", "Why does this login fail?", text, self.first_paste, self.first_open, self.first_sample
        )
        self.box = PasteBox(
            "Message", "Paste here, or type and press Ctrl+Enter.   SAMLResponse=PHNhbWxwOlJlc3BvbnNl..."
        )
        self.box.setFixedHeight(120)
        self.box.pasted.connect(lambda text: self.inspect(Subject(text)))
        self.box.asked.connect(lambda: self.inspect(Subject(self.box.source)))
        self.box.setMinimumWidth(420)
        self.box.setMaximumWidth(640)
        card = Card()
        card.body.addStretch(1)
        card.body.addWidget(state)
        centred = row(1, self.box, 1)
        centred.setStretch(1, 6)
        card.body.addLayout(centred)
        card.body.addStretch(2)
        return card

    def _full(self) -> QWidget:
        self.verdict = VerdictHeader()
        self.against = QComboBox()
        self.against.setAccessibleName("Judged against")
        self.against.setMinimumContentsLength(14)
        self.against.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.against.activated.connect(lambda _i: self._choose_against())
        self.when = QComboBox()
        self.when.setAccessibleName("Judged as of")
        for key, text in _WHEN:
            self.when.addItem(text, key)
        self.when.activated.connect(lambda _i: self._choose_when())
        self.instant = QDateTimeEdit()
        self.instant.setAccessibleName("Time in UTC")
        self.instant.setTimeZone(QTimeZone.utc())
        self.instant.setDisplayFormat("yyyy-MM-dd HH:mm:ss")
        self.instant.setFixedSize(176, 32)
        self.instant.lineEdit().setTextMargins(8, 0, 0, 0)
        self.instant.editingFinished.connect(self._run)
        self.instant.hide()
        controls = row(label("Judged against", tone="muted"), self.against, label("as of", tone="muted"), self.when)
        controls.addWidget(self.instant)
        controls.addStretch(1)
        self.figures = {
            "fail": Figure("errors"),
            "warn": Figure("warnings"),
            "pass": Figure("checks passed"),
            "time": Figure("until it expires"),
        }
        whole = QSplitter(Qt.Orientation.Vertical)
        whole.setHandleWidth(14)
        whole.setChildrenCollapsible(False)
        upper = QSplitter(Qt.Orientation.Horizontal)
        upper.setHandleWidth(14)
        upper.setChildrenCollapsible(False)
        upper.addWidget(self._left())
        upper.addWidget(self._right())
        upper.setSizes([560, 440])
        whole.addWidget(upper)
        whole.addWidget(self._lower())
        whole.setSizes([300, 250])
        whole.setStretchFactor(0, 3)
        whole.setStretchFactor(1, 2)
        _remember(whole, "inspector/whole")
        _remember(upper, "inspector/upper")
        self._figures = QWidget()
        self._figures.setLayout(row(*self.figures.values(), spacing=12))
        made = QWidget()
        made.setLayout(column(Card("", self.verdict, controls), self.live, self._figures, whole, spacing=14))
        return made

    def _left(self) -> QWidget:
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("Decoded message")
        self.causes = Causes()
        self.causes.asked.connect(self.show_finding)
        self.detail = FindingDetail()
        self.detail.asked.connect(self.go_to)
        self.claims: Table[ClaimRow] = Table(
            "inspector-claims",
            [
                Column("Claim", lambda r: r.name, 124, mono=True),
                Column("Value", lambda r: r.value, 176),
                Column("Signed by", lambda r: PROVENANCE.get(r.provenance, r.provenance), 92),
                Column("In a login", lambda r: r.use, 100),
            ],
        )
        self.would = label("", tone="muted", wrap=True)
        claims = QWidget()
        claims.setLayout(column(self.claims, self.would, margins=(0, 6, 0, 0)))
        self.tree = XmlTree()
        self.tree.chosen.connect(self._from_tree)
        self.signatures: Table[SignatureSummary] = Table(
            "inspector-signatures",
            [
                Column("Status", lambda s: s.status.capitalize(), 100, state=_signature_state),
                Column("Covers", lambda s: s.covers, 80),
                Column("Key", lambda s: "Trusted" if s.trusted else "Not trusted", 88),
                Column("Algorithm", lambda s: s.algorithm or "", 98),
                Column("Digest", lambda s: s.digest or "", 70),
                Column("Message", lambda s: s.message, 80),
                Column("Key fingerprint (SHA-256)", lambda s: s.key or "", 200, mono=True, hidden=True),
            ],
        )
        for part, title in (
            (scrolled(self.causes), "Cause"),
            (scrolled(self.detail), "Finding"),
            (claims, "Claims"),
            (self.tree, "Tree"),
            (self.signatures, "Signatures"),
        ):
            self.tabs.addTab(part, title)
        self.tabs.currentChanged.connect(
            lambda i: self.tree.show_current() if self.tabs.widget(i) is self.tree else None
        )
        card = Card("", self.tabs)
        card.body.setContentsMargins(14, 8, 14, 12)
        return card

    def _right(self) -> QWidget:
        self.documents = QTabWidget()
        self.documents.setDocumentMode(True)
        self.documents.setAccessibleName("Source")
        self.source = XmlView("Source")
        self.inner = XmlView("Decrypted assertion")
        self.raw = XmlView("As received")
        self.documents.addTab(self.source, "Source")
        self.documents.addTab(self.inner, "Decrypted")
        self.documents.addTab(self.raw, "As received")
        card = Card("", self.documents)
        card.body.setContentsMargins(14, 8, 14, 12)
        return card

    def _lower(self) -> QWidget:
        self.table = FindingsTable("inspector-findings")
        self.table.chosen.connect(self._on_finding)
        self.table.opened.connect(self.go_to)
        self.choice = StatusChoice()
        self.choice.narrowed.connect(lambda _s: self._show_findings())
        self.counted = label("", tone="muted", size=12)
        self.table.model_.counted.connect(self._count)
        self.table.setMinimumHeight(96)
        card = Card("Findings", actions=[self.counted, self.choice])
        card.add(self.table)
        return card

    def _export_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("Save report as JSON...", self._ask_save)
        menu.addAction("Copy report as text", self.copy_report)
        menu.addAction("Copy report as JSON", self.copy_json)
        menu.addSeparator()
        menu.addAction("Compare with another message", self._compare)
        menu.addAction("Clear", self.clear)
        return menu

    def _keys(self) -> None:
        for keys, act in (
            (QKeySequence(QKeySequence.StandardKey.Paste), self.paste_now),
            (QKeySequence(QKeySequence.StandardKey.Find), self._focus_search),
            (QKeySequence(QKeySequence.StandardKey.Open), self._ask_file),
            (QKeySequence(QKeySequence.StandardKey.Save), self._ask_save),
        ):
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    # What it is given --------------------------------------------------------------------------------------------

    def open(self, what: Any) -> None:
        """ "sample", the reference of an event, a Subject, or a message as text or bytes."""
        if what == "sample":
            self.load_sample()
        elif isinstance(what, Subject):
            self.inspect(what)
        elif isinstance(what, str) and is_reference(what):
            self.open_event(what)
        elif isinstance(what, str | bytes):
            self.inspect(Subject(what))

    def open_event(self, reference: str) -> None:
        """Inspect the message of an event, judged as of its receipt."""

        def show(subject: Subject | None) -> None:
            if subject is None:
                self._fail(
                    f"The message of {reference} is not kept any more: raw messages are deleted after the retention "
                    "time. The checks of that login are still in the log."
                )
            else:
                self.inspect(subject)

        self.work(load_event, self.desk.sso, reference, then=show, failed=self._failed, channel="inspect")

    def load_sample(self) -> None:
        """Inspect a response that the test IdP makes now: good but for a misspelt role."""
        self.work(
            sample_subject,
            self.desk.sso,
            self.desk.account,
            then=self.inspect,
            failed=self._failed,
            channel="inspect",
        )

    def drop(self, path: Path) -> bool:
        """Inspect a dropped file. Metadata is for Settings: False."""
        try:
            if is_metadata(path):
                return False
        except FileRefused as e:
            self._fail(str(e))
            return True
        self.open_path(path)
        return True

    def open_path(self, path: Path) -> None:
        """Inspect a file."""
        self.work(
            read_file,
            path,
            MOST_BYTES,
            then=lambda data: self.inspect(Subject(data, path.name)),
            failed=self._failed,
            channel="inspect",
        )

    def paste_now(self) -> None:
        """Inspect the clipboard. It is read only here, when the person asks for it."""
        mime = QGuiApplication.clipboard().mimeData()
        files = [Path(u.toLocalFile()) for u in mime.urls() if u.isLocalFile()] if mime.hasUrls() else []
        text = mime.text() if mime.hasText() and not files else ""
        if files:
            if not self.drop(files[0]):
                self._fail(f"{files[0].name} looks like metadata. Drop it on the Settings page.")
        elif text.strip():
            self.inspect(Subject(text))
        else:
            self._fail("The clipboard holds no text. Copy the SAMLResponse value first, then paste it here.")

    def inspect(self, subject: Subject) -> None:
        """Judge a message and show it. A message from the log is judged as of its receipt."""
        self._subject = subject
        self.banner.hide()
        if subject.received_at is not None:
            self._set_when("at", subject.received_at)
            self._against = subject.account or WHOEVER_FITS
            self._show_controls()
        elif self.when.currentData() == "at":
            self._set_when("now")
        self._run()

    def clear(self) -> None:
        """Forget the message: nothing of it stays in the window."""
        self._subject = self._examined = None
        self.desk.jobs.drop(self, "inspect")
        for view in (self.source, self.inner, self.raw):
            view.show_text("")
        self.tree.show_nodes((), 0)
        self.table.show_rows([])
        self.claims.show_rows([])
        self.signatures.show_rows([])
        self._rows = []
        self.box.show_source("")
        self.banner.hide()
        self._show_controls()

    # Judging -----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        self.work(self.desk.sso.accounts, then=self._fill_accounts, channel="accounts")
        if self._subject is not None:
            self._run()

    def _run(self) -> None:
        if self._subject is None:
            return
        self.verdict.setEnabled(False)
        self.work(
            examine,
            self.desk.sso,
            self._subject,
            self._against,
            self._at(),
            then=self._show,
            failed=self._failed,
            channel="inspect",
        )

    def _at(self) -> When:
        chosen = self.when.currentData()
        if chosen == "at":
            seconds = self.instant.dateTime().toSecsSinceEpoch()
            return datetime.fromtimestamp(seconds, tz=UTC)
        return "issue" if chosen == "issue" else None

    def _set_when(self, key: str, instant: datetime | None = None) -> None:
        self.when.setCurrentIndex(self.when.findData(key))
        if instant is not None:
            self.instant.setDateTime(QDateTime.fromSecsSinceEpoch(int(instant.timestamp()), QTimeZone.utc()))
        self.instant.setVisible(key == "at")

    def _choose_when(self) -> None:
        key = str(self.when.currentData())
        shown = self._examined.report.evaluated_at if self._examined is not None else None
        self._set_when(key, shown if key == "at" else None)
        self._run()

    def _choose_against(self) -> None:
        self._against = str(self.against.currentData())
        self._run()

    def _on_account(self, imagekit_id: str) -> None:
        if self._subject is None or self._subject.received_at is None:
            self._against = imagekit_id or WHOEVER_FITS
        self._show_controls()

    def _fill_accounts(self, accounts: Sequence[Account]) -> None:
        self.against.clear()
        for account in accounts:
            self.against.addItem(visible(f"{account.name} · {account.imagekit_id}"), account.imagekit_id)
        self.against.addItem("The account it names", WHOEVER_FITS)
        self.against.addItem("Nothing, only read it", NOTHING)
        self._show_controls()

    def _show_controls(self) -> None:
        self.against.setCurrentIndex(max(0, self.against.findData(self._against)))
        full = self._examined is not None
        self._stack.setCurrentIndex(1 if full else 0)
        for part in (self.export, self.search, self.paste, self.open_file):
            part.setVisible(full)

    # Showing -----------------------------------------------------------------------------------------------------

    def _show(self, examined: Examined) -> None:
        self._examined = examined
        report = examined.report
        self.verdict.setEnabled(True)
        self.verdict.show_verdict(
            state_of(report), report.headline, " ".join(filter(None, (_who(report), form_of(report))))
        )
        self.verdict.detail.setToolTip(tip(provenance_of(report)))
        self._show_figures(examined)
        self._show_live(examined)
        self._rows = findings(report.checks)
        self.choice.count_in(self._rows)
        self._show_findings()
        self.causes.show_report(report)
        self.detail.show_finding(None)
        self.claims.show_rows(claim_rows(report))
        self.would.setText(visible(provisioning_sentence(report.provisioning)))
        roots = [o.root for o in (examined.outline, examined.inner) if o is not None and o.root is not None]
        self.tree.show_nodes(roots, len(examined.outline.lines))
        self.signatures.show_rows(report.signatures)
        self.source.show_text(examined.text)
        self.source.mark_signed(examined.outline.signed_lines)
        self.inner.show_text(examined.inner_text)
        self.inner.mark_signed(examined.inner.signed_lines if examined.inner else ())
        self.documents.setTabVisible(1, examined.inner is not None)
        self.raw.show_text(examined.raw)
        self.tabs.setCurrentIndex(0 if report.diagnosis else 2)
        self._show_controls()

    def _show_figures(self, examined: Examined) -> None:
        report = examined.report
        counts = {s: sum(str(c.status) == s for c in report.checks) for s in ("fail", "warn", "pass")}
        self.figures["fail"].show_value(
            str(counts["fail"]), "error" if counts["fail"] == 1 else "errors", "error" if counts["fail"] else "muted"
        )
        self.figures["warn"].show_value(
            str(counts["warn"]),
            "warning" if counts["warn"] == 1 else "warnings",
            "warning" if counts["warn"] else "muted",
        )
        self.figures["pass"].show_value(str(counts["pass"]), "checks passed", "ok" if counts["pass"] else "muted")
        if examined.expires_at is None:
            self.figures["time"].show_value("none", "end named", "muted")
        else:
            left = examined.expires_at - report.evaluated_at
            over = left.total_seconds() <= 0
            words = "since it expired" if over else "until it expires"
            self.figures["time"].show_value(clock(left), words, "error" if over else "")

    def _show_live(self, examined: Examined) -> None:
        if not examined.live or examined.expires_at is None:
            self.live.hide()
            return
        left = clock(examined.expires_at - examined.now)
        self.live.say(
            "warning",
            f"Live credential: for another {left}, who holds it can log in as "
            f"{examined.report.name_id or 'its user'}. Send the report, not the message.",
        )

    def _show_findings(self) -> None:
        statuses = self.choice.statuses
        self.table.show_rows([f for f in self._rows if f.status in statuses])

    def _count(self, shown: int) -> None:
        total = self.table.model_.total
        self.counted.setText("" if shown == total else f"{shown} of {total}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # In a low window the room belongs to the message; the counts are in the choice above the findings too.
        self._figures.setVisible(self.height() >= _ROOM_FOR_FIGURES)

    def _narrow(self, text: str) -> None:
        self.table.model_.filter(text)

    def find_next(self) -> None:
        """Go to the next place of the searched text in the source; from the end it goes on at the top."""
        needle = self.search.text().strip()
        view = self.documents.currentWidget()
        if needle and isinstance(view, XmlView) and not view.find(needle):
            cursor = view.textCursor()
            cursor.movePosition(cursor.MoveOperation.Start)
            view.setTextCursor(cursor)
            if not view.find(needle, QTextDocument.FindFlag(0)):
                self.counted.setText("Not found in the source")

    def show_finding(self, check_id: str) -> None:
        """Select a check in the findings, whatever is filtered."""
        if not self.table.select_where(lambda f: f.id == check_id):
            self.search.clear()
            self.table.model_.filter("")
            self.choice.setCurrentIndex(0)
            self._show_findings()
            self.table.select_where(lambda f: f.id == check_id)
        self.table.setFocus()

    def _on_finding(self, found: Finding | None) -> None:
        self.detail.show_finding(found)
        if found is not None and self.tabs.currentIndex() == 0:
            self.tabs.setCurrentIndex(1)

    def go_to(self, found: Finding) -> None:
        """Jump to the place of a finding in the source, and select it in the tree."""
        if self._examined is None or found.where is None:
            return
        line = self._examined.outline.line_of(found.where)
        inner = self._examined.inner
        if line:
            self.documents.setCurrentWidget(self.source)
            self.source.jump(line)
        elif inner is not None and (below := inner.line_of(found.where)):
            self.documents.setCurrentWidget(self.inner)
            self.inner.jump(below)
        self.tree.go_to(found.where)

    def _from_tree(self, node: Node) -> None:
        if self._examined is None:
            return
        root = self._examined.outline.root
        outer = root is not None and node.path.startswith(root.path)
        view = self.source if outer else self.inner
        self.documents.setCurrentWidget(view)
        view.jump(node.line)

    def restyle(self) -> None:
        super().restyle()
        for view in (self.source, self.inner, self.raw):
            view.restyle()
        self.banner.restyle()
        self.live.restyle()
        for state in self.findChildren(EmptyState):
            state.restyle()

    # Doing -------------------------------------------------------------------------------------------------------

    def copy_report(self) -> None:
        """Copy the report as text, for a ticket."""
        if self._examined is not None:
            copy_text(report_text(self._examined.report), self.export)

    def copy_json(self) -> None:
        """Copy the report as the JSON of the command line."""
        if self._examined is not None:
            copy_text(_json(self._examined.report).decode(), self.export)

    def save_report(self, path: Path) -> None:
        """Write the report as JSON."""
        if self._examined is None:
            return
        data = _json(self._examined.report)
        self.work(
            write_file,
            path,
            data,
            then=lambda p: self.desk.say("pass", f"The report was saved as {p.name}."),
            failed=self._failed,
            channel="export",
        )

    def _ask_save(self) -> None:
        if self._examined is not None:
            ask_save(self, "Save the report", "report.json", "JSON (*.json)", self.save_report)

    def _ask_file(self) -> None:
        ask_open(self, "Open a message", KINDS, self.open_path)

    def _compare(self) -> None:
        if self._subject is not None:
            self.desk.open("compare", ("first", self._subject.source))

    def _focus_search(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _failed(self, error: Exception) -> None:
        self._fail(str(error) or type(error).__name__)

    def _fail(self, sentence: str) -> None:
        self.verdict.setEnabled(True)
        self.banner.say("error", sentence)


def _who(report: Report) -> str:
    return WHO.get(report.diagnosis[0].who, "") if report.diagnosis else ""


def _signature_state(s: SignatureSummary) -> str:
    return "pass" if s.status == "valid" and s.trusted else "warn" if s.status == "valid" else "fail"


def _json(report: Report) -> bytes:
    return (json.dumps(report.as_dict(), ensure_ascii=False, indent=2) + "\n").encode("utf-8", "replace")


def _remember(splitter: QSplitter, key: str) -> None:
    """Keep where the person put the splitter."""
    kept = QSettings().value(key)
    if kept:
        splitter.restoreState(kept)
    splitter.splitterMoved.connect(lambda *_: QSettings().setValue(key, splitter.saveState()))
