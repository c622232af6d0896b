"""The log: every login attempt, why it ended as it did, and what it changed. It shows; the verbs record."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QMenu,
    QProgressBar,
    QSplitter,
    QStackedWidget,
    QWidget,
)

from app.gui.called_by_qt import called_by_qt
from app.gui.desk import Desk, Page
from app.gui.event_words import FLOWS, MODES, outcome_word, person
from app.gui.files import ask_save
from app.gui.log.detail import EventDetail
from app.gui.log.filters import ONLY, FilterBar
from app.gui.log.reasons import ReasonTable
from app.gui.log_export import LogPart, export, load_part, load_range, load_surroundings
from app.gui.paged_rows import PagedRows
from app.gui.tables import Column, Table
from app.gui.widgets import (
    Banner,
    Card,
    EmptyState,
    button,
    copy_text,
    label,
    row,
    search_field,
)
from app.gui.wording import ago, exact, plural, role_title
from app.sharing.log_files import LEVELS, Format, Level
from app.store import EventFilter, EventRecord
from app.store.events import page_key

if TYPE_CHECKING:
    from app.gui.jobs import Progress
    from app.lab import Lab
    from app.sso import SSO
    from app.store import PageKey
    from app.store.records import EventSort


def log_in_once(lab: Lab, sso: SSO, imagekit_id: str) -> str:
    """Start the test IdP where it is stopped, make an unconfigured account trust it, log Ada in; the reference."""
    if not lab.running:
        lab.start()
    account = sso.account(imagekit_id)
    if not account.sso_on:
        lab.connect(imagekit_id, based_on=account.revision)
    return lab.log_in("ada", imagekit_id).reference


class LogPage(Page):
    """The log of the account in hand. open() takes the reference of an event, to select it."""

    name = "log"
    title = "Log"
    sentence = "Every login, why it ended so, what it changed."
    icon = "log"
    depends_on = frozenset({"event", "accounts", "configuration"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._accounts: dict[int, str] = {}
        self._changed_at: datetime | None = None
        self._now = desk.workspace.now()
        self._sort: EventSort = "at"
        self._descending = True
        self._loaded = False
        self._pending: list[EventRecord] = []
        self._wanted: str | None = None
        self._widened = False
        self._total = 0
        self._counted = True
        self._export: Progress | None = None
        self.search = search_field("E-mail, name, reference, assertion ID", lambda _t: self.reload())
        self.search.setMinimumWidth(160)
        self.search.setMaximumWidth(300)
        self.export = button("Export", icon="export", kind="primary", hint="Save exactly what the filter shows")
        menu = QMenu(self)
        for level, words in LEVELS.items():
            menu.addAction(f"CSV files, {words}...", partial(self._ask_save, "csv", level))
        menu.addSeparator()
        for level, words in LEVELS.items():
            menu.addAction(f"JSON lines, {words}...", partial(self._ask_save, "jsonl", level))
        self.export.setMenu(menu)
        filters = self._filters()
        self.header(self.search, self.filters.saved, self.export)
        self.banner = Banner()
        self.body.addWidget(self.banner)
        self.body.addWidget(filters)
        self.body.addWidget(self._exporting())
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setHandleWidth(14)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self._list())
        self.detail = EventDetail()
        self.detail.inspect_asked.connect(partial(desk.open, "inspector"))
        self.detail.compare_asked.connect(self.compare_with_last_good)
        self._split.addWidget(self.detail)
        self._split.setSizes([340, 270])
        kept = QSettings().value("log/split")
        if kept:
            self._split.restoreState(kept)
        self._split.splitterMoved.connect(lambda *_: QSettings().setValue("log/split", self._split.saveState()))
        self._stack = QStackedWidget()
        self._stack.addWidget(self._split)
        self._stack.addWidget(self._empty())
        self.body.addWidget(self._stack, 1)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.search.setFocus)
        self._clock = QTimer(self)
        self._clock.setInterval(30_000)
        self._clock.timeout.connect(self._tick)
        desk.account_changed.connect(lambda _id: self._forget())

    # Parts -----------------------------------------------------------------------------------------------------

    def _filters(self) -> QWidget:
        self.filters = FilterBar()
        bar = self.filters
        self.scope, self.span, self.status, self.outcome = bar.scope, bar.span, bar.status, bar.outcome
        self.mode, self.check, self.reset = bar.mode, bar.check, bar.reset
        bar.text = lambda: self.search.text().strip()
        bar.changed.connect(self.reload)
        bar.used.connect(self._search_for)
        bar.keep.connect(self._keep_filters)
        bar.cleared.connect(self.clear_filters)
        return bar

    def _exporting(self) -> QWidget:
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Export")
        self.progress_text = label("", tone="muted", size=12)
        stop = button("Cancel", self.cancel_export, icon="stop")
        self._progress_row = QWidget()
        self._progress_row.setLayout(row(self.progress_text, self.progress, stop, spacing=12))
        self._progress_row.hide()
        return self._progress_row

    def _list(self) -> QWidget:
        self.count = label("", bold=True)
        self.fresh = button("", self._take_fresh, icon="refresh", hint="Show what was recorded since")
        self.fresh.hide()
        self.grouping = button("By reason", self._group, kind="flat", hint="Count the reasons: one user, or everybody?")
        self.grouping.setCheckable(True)
        self.reasons = ReasonTable()
        self.reasons.narrowed.connect(self._only_reason)
        self._held: PagedRows[EventRecord] = PagedRows(
            [
                Column("Time", lambda e: ago(e.at, self._now), 100, tip=lambda e: exact(e.at)),
                Column("Status", lambda e: e.status.capitalize(), 108, state=lambda e: e.status),
                Column("Outcome", outcome_word, 108),
                Column("Person", person, 230),
                Column("Role", lambda e: role_title(e.role_after or e.role_asserted), 160, hidden=True),
                Column("Flow", lambda e: FLOWS.get(e.flow, e.flow), 110, hidden=True),
                Column("Origin", lambda e: f"{e.origin}, {MODES.get(e.mode, e.mode)}", 130, hidden=True),
                Column("Account", lambda e: self._accounts.get(e.account_id or 0, "none"), 110, hidden=True),
                Column("Reference", lambda e: e.reference, 190, mono=True, hidden=True),
                Column("Why", lambda e: e.sentence, 150),
            ],
            lambda e: page_key(e, self._sort),
        )
        self._held.again = self._load_again
        self.table: Table[EventRecord] = Table("log-events", self._held.columns, rows=self._held)
        self.table.setAccessibleName("Log")
        self.table.verticalScrollBar().valueChanged.connect(lambda _v: self._held.look_at(self.table.rowAt(0)))
        self.table.chosen.connect(self._on_chosen)
        self.table.opened.connect(lambda e: self.desk.open("inspector", e.reference))
        self.table.extra_actions = [
            ("Open in the inspector", lambda e: self.desk.open("inspector", e.reference)),
            ("Compare with last good login", lambda e: self.compare_with_last_good(e.reference)),
            ("Copy reference", lambda e: copy_text(e.reference, self.table)),
            ("Show everything of this person", self._only_person),
            *((f"Show only this {words}", partial(self._only, field)) for words, field in ONLY),
        ]
        # The verb sorts, over everything and not only over what was loaded.
        self.table.setSortingEnabled(False)
        header = self.table.horizontalHeader()
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.sectionClicked.connect(self._sort_by)
        self._lists = QStackedWidget()
        self._lists.addWidget(self.table)
        self._lists.addWidget(self.reasons)
        card = Card("", row(self.count, 1, self.fresh, self.grouping), self._lists)
        card.body.setContentsMargins(14, 10, 14, 10)
        self._lists.setMinimumHeight(110)
        return card

    def _empty(self) -> QWidget:
        self.first = button("Log in with the test IdP", self.log_in, icon="login", kind="primary")
        self.empty = EmptyState(
            "log",
            "No login yet",
            "Every attempt is recorded here with its reason, every check that ran, and what it changed. Try one: the "
            "built-in identity provider logs its first user in.",
            self.first,
        )
        return Card("", self.empty)

    # Filter --------------------------------------------------------------------------------------------------------

    def which(self) -> EventFilter:
        """The filter as it is set now."""
        account = next((i for i, name in self._accounts.items() if name == self.desk.account), None)
        now = self.desk.workspace.now()
        return self.filters.which(now, account, self._changed_at, self.search.text().strip())

    @property
    def filtered(self) -> bool:
        """Whether anything beside the account narrows the list."""
        return bool(self.search.text().strip()) or self.filters.narrowed

    def clear_filters(self) -> None:
        """Show the logins of the account again."""
        self._search_for("")
        self.filters.clear()

    def _search_for(self, text: str) -> None:
        self.search.blockSignals(True)
        self.search.setText(text)
        self.search.blockSignals(False)

    def _keep_filters(self, changes: dict[str, dict[str, str] | None]) -> None:
        def kept(saved: dict[str, Any]) -> None:
            self.filters.show_saved(saved)  # those that others have saved meanwhile, too
            self.desk.say("pass", "The saved filters are kept in the workspace.")

        self.work(
            self.desk.sso.change_preference,
            "log/filters",
            changes,
            then=kept,
            failed=self._failed,
            channel="filters",
        )

    def _only(self, field: str, event: EventRecord) -> None:
        value = getattr(event, field)
        if value in (None, ""):
            self.desk.say("info", "This event has none.")
        else:
            self.filters.only(field, value)

    def _only_reason(self, reason: str) -> None:
        self.grouping.setChecked(False)
        self._lists.setCurrentWidget(self.table)
        self.filters.only("reason", reason)

    def _group(self) -> None:
        self._lists.setCurrentIndex(1 if self.grouping.isChecked() else 0)
        if self.grouping.isChecked():
            self._count_reasons()

    def _count_reasons(self) -> None:
        self.work(
            self.desk.sso.reasons, self.which(), then=self.reasons.show_rows, failed=self._failed, channel="reasons"
        )

    def _only_person(self, event: EventRecord) -> None:
        self.search.setText(event.email_key or event.full_name)

    def _sort_by(self, section: int) -> None:
        keys: dict[int, EventSort] = {0: "at", 1: "status", 2: "outcome", 3: "email", 9: "reason"}
        if section not in keys:
            self._show_order()
            return
        self._descending = not self._descending if keys[section] == self._sort else keys[section] == "at"
        self._sort = keys[section]
        self.reload()

    def _show_order(self) -> None:
        section = {"at": 0, "status": 1, "outcome": 2, "email": 3, "reason": 9}[self._sort]
        order = Qt.SortOrder.DescendingOrder if self._descending else Qt.SortOrder.AscendingOrder
        self.table.horizontalHeader().setSortIndicator(section, order)

    # Loading -------------------------------------------------------------------------------------------------------

    def open(self, what: Any) -> None:
        """Select the event with this reference; ("reason", its code) shows the events of a reason."""
        if isinstance(what, tuple) and what[:1] == ("reason",):
            self._search_for("")
            self.filters.take({})
            self._only_reason(str(what[1]))
            return
        self._wanted, self._widened = str(what), False
        self.reload()

    def refresh(self) -> None:
        if not self._accounts:
            self.work(
                load_surroundings, self.desk.sso, then=self._take_accounts, failed=self._failed, channel="accounts"
            )
        elif self._loaded and self._live():
            if self.grouping.isChecked():
                self._count_reasons()
            self.work(
                load_part,
                self.desk.sso,
                self.which(),
                self._sort,
                self._descending,
                then=self._take_newer,
                failed=self._failed,
                channel="list",
            )
        else:
            self.reload()

    def _take_accounts(self, known: tuple[dict[int, str], Any]) -> None:
        self._accounts = known[0]
        self.filters.show_saved(known[1])
        self.reload()

    def _forget(self) -> None:
        self._loaded = False

    def _live(self) -> bool:
        return self._sort == "at" and self._descending

    def reload(self) -> None:
        """Load the first page of what the filter shows."""
        if not self._accounts:
            self.out_of_date()
            return
        self._pending = []
        self.fresh.hide()
        self.work(
            load_part,
            self.desk.sso,
            self.which(),
            self._sort,
            self._descending,
            then=self._take_first,
            failed=self._failed,
            channel="list",
        )

    def _take_first(self, part: LogPart) -> None:
        self._loaded = True
        self._now = part.now
        self._accounts = part.accounts or self._accounts
        changed, self._changed_at = self._changed_at, part.changed_at
        if self.span.currentData() == "change" and changed != part.changed_at:
            self.reload()  # what it is asked by was not known, or is another now
            return
        if self.grouping.isChecked():
            self._count_reasons()
        self._total = len(part.events)
        self._counted = not part.more
        if part.more:
            # A million rows take longer to count than the first of them take to be shown.
            self.work(
                self.desk.sso.count_events, self.which(), then=self._take_count, failed=self._failed, channel="count"
            )
        keep = self._wanted or self.detail.reference or None
        self.table.model_.more = None
        self.table.show_rows(part.events)
        self.table.model_.more = self._load_more if part.more else None
        self._show_count()
        self._show_order()
        self._stack.setCurrentIndex(0 if part.events or self.filtered else 1)
        self.export.setEnabled(bool(part.events))
        if keep is not None and self.table.select_where(lambda e: e.reference == keep):
            self._wanted = None
        elif self._wanted is not None:
            self._widen(self._wanted)
        else:
            self._show_event(None)

    def _take_count(self, total: int) -> None:
        self._total, self._counted = total, True
        self._show_count()

    def _widen(self, reference: str) -> None:
        """The wanted event is not on show: drop every filter and ask for it by its reference."""
        if self._widened:
            self._wanted = None
            self.banner.say("error", f"There is no attempt {reference}. Compare the reference letter by letter.")
            return
        self._widened = True
        self.filters.take({"scope": "all"})
        self._search_for(reference)
        self.reload()

    def _load_more(self) -> None:
        rows = self.table.model_.rows
        if not rows:
            return
        self.work(
            load_part,
            self.desk.sso,
            self.which(),
            self._sort,
            self._descending,
            rows[-1],
            then=self._take_more,
            failed=self._failed,
            channel="more",
        )

    def _take_more(self, part: LogPart) -> None:
        known = {e.reference for e in self.table.model_.rows[-256:] if e is not None}
        self.table.model_.append([e for e in part.events if e.reference not in known])
        self.table.model_.more = self._load_more if part.more else None
        self._show_count()

    def _load_again(self, start: int, count: int, key: PageKey | None) -> None:
        """Bring back rows that were let go; what they are looked for by is the filter of the list on show."""
        self.work(
            load_range,
            self.desk.sso,
            self.which(),
            self._sort,
            self._descending,
            key,
            count,
            then=partial(self._take_again, start),
            failed=self._failed,
            channel=f"again {start}",
        )

    def _take_again(self, start: int, events: tuple[EventRecord, ...]) -> None:
        if not self._held.give_back(start, events):
            self.reload()

    def _take_newer(self, part: LogPart) -> None:
        """Live tail: new events go on top where the top is on show, and wait behind a button where it is not."""
        self._now = part.now
        if part.changed_at != self._changed_at:
            self._changed_at = part.changed_at
            if self.span.currentData() == "change":
                self.reload()
                return
        rows = self.table.model_.rows
        near = list(takewhile(lambda e: e is not None, rows[:512]))
        known = {e.reference for e in near}
        end = (near[-1].at, near[-1].id) if near else None
        newer = [e for e in part.events if e.reference not in known and (end is None or (e.at, e.id) > end)]
        if not rows or (part.more and len(newer) == len(part.events)):
            self._take_first(part)
            return
        self._total += len(newer) - len(self._pending)
        self._pending = newer
        if not newer:
            self.table.viewport().update()
        elif self.table.verticalScrollBar().value() == 0:
            self._take_fresh()
        else:
            self.fresh.setText(f"{len(newer)} new")
            self.fresh.setAccessibleName(f"{len(newer)} new")
            self.fresh.show()

    def _take_fresh(self) -> None:
        """Put the waiting events on top."""
        self.table.model_.prepend(self._pending)
        self._pending = []
        self.fresh.hide()
        self.table.scrollToTop()
        self.export.setEnabled(True)
        self._stack.setCurrentIndex(0)
        self._show_count()

    def _show_count(self) -> None:
        total = max(self._total, len(self.table.model_.rows))
        noun = "attempt" if self.scope.currentData() in ("login", "logins", "none") else "event"
        if total:
            self.count.setText(plural(total, noun) if self._counted else f"More than {plural(total, noun)}")
        else:
            self.count.setText("Nothing fits the filter" if self.filtered else f"No {noun} of this account yet")

    def _tick(self) -> None:
        if self.isVisible():
            self._now = self.desk.workspace.now()
            self.table.viewport().update()

    # One event -----------------------------------------------------------------------------------------------------

    def _on_chosen(self, event: EventRecord | None) -> None:
        if event is None:
            self._show_event(None)
            return
        self.work(self.desk.sso.event, event.reference, then=self._show_event, failed=self._failed, channel="event")

    def _show_event(self, event: EventRecord | None) -> None:
        account = self._accounts.get(event.account_id or 0, "") if event is not None else ""
        self.detail.show_event(event, account)

    def compare_with_last_good(self, reference: str) -> None:
        """Show what differs between the person's last accepted login and this one; say so where there is none."""
        self.banner.hide()
        self.work(
            self.desk.sso.beside_last_good,
            reference,
            then=lambda pair: self.desk.open("compare", (pair[0].source, pair[1])),
            failed=self._failed,
            channel="compare",
        )

    # Doing ---------------------------------------------------------------------------------------------------------

    def log_in(self) -> None:
        """Log the test IdP's first user in, and select what was recorded."""
        self.first.setEnabled(False)

        def done(reference: str) -> None:
            self.first.setEnabled(True)
            self.open(reference)

        def failed(error: Exception) -> None:
            self.first.setEnabled(True)
            self._failed(error)

        self.work(
            log_in_once, self.desk.lab, self.desk.sso, self.desk.account, then=done, failed=failed, channel="login"
        )

    def _ask_save(self, form: Format, level: Level) -> None:
        kinds = "CSV (*.csv)" if form == "csv" else "JSON lines (*.jsonl)"
        ask_save(self, "Export the log", f"log.{form}", kinds, lambda path: self.save(path, form, level))

    def save(self, path: Path, form: Format, level: Level = "full") -> None:
        """Write exactly what the filter shows, off the GUI thread."""
        self.cancel_export()
        self.progress.setRange(0, 0)
        self.progress_text.setText("Exporting")
        self._progress_row.show()
        which, sort, descending = self.which(), self._sort, self._descending
        self._export = self.desk.jobs.run_long(
            self,
            partial(export, sort=sort, descending=descending),
            self.desk.sso,
            which,
            path,
            form,
            level,
            then=partial(self._exported, path),
            progressed=self._on_progress,
            failed=self._export_failed,
            channel="export",
        )

    def cancel_export(self) -> None:
        """Stop a running export; no file is left behind."""
        if self._export is not None:
            self._export.cancel()

    def _on_progress(self, done: int, total: int, _text: str) -> None:
        self.progress.setRange(0, max(total, 1))
        self.progress.setValue(done)
        self.progress_text.setText(f"Exporting {done:,} of {total:,}")

    def _exported(self, path: Path, written: int | None) -> None:
        self._export = None
        self._progress_row.hide()
        if written is None:
            self.desk.say("info", "The export was stopped; no file was written.")
        else:
            self.desk.say("pass", f"{plural(written, 'event')} written to {path.name}.")

    def _export_failed(self, error: Exception) -> None:
        self._export = None
        self._progress_row.hide()
        self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__)

    @called_by_qt
    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._clock.start()

    @called_by_qt
    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self._clock.stop()

    def restyle(self) -> None:
        super().restyle()
        self.banner.restyle()
        self.empty.restyle()
