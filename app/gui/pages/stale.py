"""Who holds a seat but has probably left: the evidence, a plan to review, and its result. It has no rule of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QHeaderView,
    QSizePolicy,
    QSpinBox,
    QSplitter,
    QStackedWidget,
    QWidget,
)

from app.gui.called_by_qt import called_by_qt
from app.gui.desk import Desk, Page
from app.gui.files import ask_save, write_file
from app.gui.leavers.handing_off import HandOff, as_csv
from app.gui.leavers.importing import ImportPanel
from app.gui.leavers.lists import KeptPanel, said_of, state_of, verified, why_of
from app.gui.leavers.reviewing import Done, ReviewCard
from app.gui.leavers.why import EVIDENCE, WhyCard
from app.gui.tables import Column, Table
from app.gui.widgets import (
    Banner,
    Card,
    EmptyState,
    Figure,
    Pill,
    button,
    column,
    copy_text,
    label,
    number_field,
    retint,
    row,
    search_field,
    tip,
    visible,
)
from app.gui.wording import ago, exact, plural, role_title

if TYPE_CHECKING:
    from pathlib import Path

    from app.accounts.account import Account
    from app.accounts.cleanup import CleanupPlan
    from app.accounts.directory import Snapshot
    from app.accounts.staleness import StaleUser
    from app.sso import SSO, CleanupUndone, ListView, SeatPanel
    from app.store import CleanupRecord

#: Below this width the list leaves out the role.
_NARROW: Final = 960


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows, read in one go."""

    now: datetime
    account: Account
    rows: tuple[StaleUser, ...]
    seats: SeatPanel
    dormant_days: int
    grace_days: int
    newest: ListView | None


def load(sso: SSO, imagekit_id: str) -> Shown:
    """Read the stale users of an account and its seats."""
    settings, now, leavers = sso.settings(), sso.now(), sso.leavers(imagekit_id)
    return Shown(
        now,
        sso.account(imagekit_id),
        leavers.rows,
        leavers.seats,
        settings["dormant_days"],
        settings["grace_days"],
        leavers.newest,
    )


class StalePage(Page):
    name = "stale"
    title = "Stale users"
    sentence = "Who holds a seat but no longer logs in, and why."
    icon = "stale"
    depends_on = frozenset({"users", "event", "accounts", "settings", "configuration"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._shown: Shown | None = None
        self.search = search_field("Search the list", self._filter)
        self.search.setFixedWidth(200)
        self.export_button = button(
            "Export", self.export, icon="export", kind="flat", hint="Write the list to a CSV file"
        )
        self.review_button = button(
            "Review selection", self.review, icon="check", kind="primary", hint="See what would be deleted, and why"
        )
        self.import_button = button(
            "Import list", self.show_import, icon="open", hint="Import a directory's list of people, or drop it here"
        )
        self.header(self.search, self.import_button, self.review_button)
        self.banner = Banner()
        self.body.addWidget(self.banner)
        self._top = QWidget()
        self._top.setLayout(column(self._figures(), self._directory(), spacing=10))
        self.body.addWidget(self._top)
        self._stack = QStackedWidget()
        self.empty = EmptyState(
            "ok",
            "Nobody is stale",
            "Everybody who holds a seat logged in recently, or is new. People whose last login is older than the "
            "threshold, who never logged in, or whose identity provider is retired appear here with the evidence. Who "
            "was deleted or disabled there is known for certain only from the directory's list of people.",
            button("Import a list", self.show_import, icon="open"),
            button("Open the user list", partial(desk.open, "users"), icon="users"),
        )
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setHandleWidth(14)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self._list())
        self._lower = QStackedWidget()
        self.why_card = WhyCard(desk)
        self.why_card.kept.connect(self.refresh)
        self.why_card.done.connect(self._done)
        self.why_card.failed.connect(self._failed)
        self._lower.addWidget(self.why_card)
        self.review_card = ReviewCard(desk)
        self.review_card.left.connect(self.cancel)
        self.review_card.applied.connect(self._applied)
        self._lower.addWidget(self.review_card)
        self.hand_off = HandOff(self.cancel)
        self.hand_off.ticked.connect(self._tick)
        self._lower.addWidget(self.hand_off)
        self.splitter.addWidget(self._lower)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setSizes([340, 210])
        kept = QSettings().value("stale/splitter")
        if kept is not None:
            self.splitter.restoreState(kept)
        self.splitter.splitterMoved.connect(
            lambda *_: QSettings().setValue("stale/splitter", self.splitter.saveState())
        )
        self._stack.addWidget(self.splitter)
        self._stack.addWidget(self.empty)
        self.importing = ImportPanel(desk)
        self.importing.imported.connect(self._imported)
        self.importing.left.connect(self.back)
        self._stack.addWidget(self.importing)
        self.kept = KeptPanel(desk)
        self.kept.left.connect(self.back)
        self.kept.checklist.connect(self._open_checklist)
        self._stack.addWidget(self.kept)
        self.body.addWidget(self._stack, 1)
        find = QShortcut(QKeySequence("Ctrl+F"), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.search.setFocus)
        self._chosen()

    # Parts -----------------------------------------------------------------------------------------------------

    def _figures(self) -> Any:
        self.used_figure = Figure("seats used", "0")
        self.free_figure = Figure("could be freed", "0")
        self.after_figure = Figure("after the clean-up", "0")
        self.dormant_box = _days("Dormant after so many days without a login", 1)
        self.grace_box = _days("Grace period of new users in days", 0)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(500)
        self._pause.timeout.connect(self._save_thresholds)
        for box in (self.dormant_box, self.grace_box):
            box.valueChanged.connect(lambda _v: self._pause.start())
        controls = Card(
            "",
            row(label("Dormant after", tone="muted"), 1, self.dormant_box),
            row(label("Grace period", tone="muted"), 1, self.grace_box),
        )
        controls.body.setContentsMargins(16, 8, 16, 8)
        controls.body.setSpacing(4)
        made = row(self.used_figure, self.free_figure, self.after_figure, controls, spacing=14)
        for number, figure in enumerate((self.used_figure, self.free_figure, self.after_figure)):
            figure.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            figure.caption.setWordWrap(True)
            made.setStretch(number, 1)
        return made

    def _directory(self) -> Any:
        self.list_pill = Pill()
        self.list_text = label("", tone="muted", wrap=True)
        self.lists_button = button(
            "Lists and clean-ups", self.show_kept, icon="log", kind="flat", hint="What was imported and deleted before"
        )
        made = row(self.list_pill, self.list_text, self.lists_button)
        made.setStretch(1, 1)
        return made

    def _list(self) -> Card:
        self.table = Table[Any](
            "stale-users",
            (
                Column(
                    "State",
                    lambda r: r.title,
                    152,
                    tip=lambda r: "\n".join(r.why),
                    state=lambda r: EVIDENCE[r.evidence][0],
                ),
                Column(
                    "Evidence", lambda r: r.evidence.capitalize(), 90, tip=lambda r: EVIDENCE[r.evidence][1], muted=True
                ),
                Column("Name", lambda r: r.user.full_name, 150),
                Column("E-mail", lambda r: r.user.email, 190),
                Column(
                    "Last login",
                    lambda r: ago(r.user.last_login_at, self._moment),
                    116,
                    tip=lambda r: exact(r.user.last_login_at) or "Has not logged in with SSO yet",
                    sort=lambda r: r.user.last_login_at.timestamp() if r.user.last_login_at else 0.0,
                ),
                Column("Role", lambda r: role_title(r.user.role), 160, tip=lambda r: r.user.role),
            ),
            multiple=True,
        )
        header = self.table.horizontalHeader()
        for number in (2, 3):
            header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._chosen())
        self.table.opened.connect(lambda r: self.desk.open("users", r.user.email))
        self.table.extra_actions = [
            ("Open in Users", lambda r: self.desk.open("users", r.user.email)),
        ]
        self.count = label("", tone="muted", size=12)
        self.confirmed_button = button(
            "Select confirmed and likely", self.select_evident, kind="flat", hint="Select everybody with good evidence"
        )
        self.copy_button = button(
            "Copy e-mails", self.copy_emails, icon="copy", kind="flat", hint="Copy the selected e-mails, or all of them"
        )
        made = Card("", row(self.count, 1, self.confirmed_button, self.copy_button, self.export_button), self.table)
        made.body.setStretch(made.body.indexOf(self.table), 1)
        made.body.setContentsMargins(16, 8, 16, 14)
        return made

    # Loading ---------------------------------------------------------------------------------------------------

    @property
    def _moment(self) -> datetime:
        assert self._shown is not None
        return self._shown.now

    def refresh(self) -> None:
        if not self.desk.account:
            return  # the accounts are still being loaded
        self.work(load, self.desk.sso, self.desk.account, then=self._show, failed=self._failed, channel="load")

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__)

    def _show(self, shown: Shown) -> None:
        # At first there is nothing to leave, but perhaps a list that was dropped before anything was loaded.
        other = self._shown is not None and shown.account.id != self._shown.account.id
        kept = frozenset() if other else frozenset(r.user.id for r in self.table.selected)
        self._shown = shown
        if other:
            self.cancel()
        for box, value in ((self.dormant_box, shown.dormant_days), (self.grace_box, shown.grace_days)):
            if not box.hasFocus():
                box.blockSignals(True)
                box.setValue(value)
                box.blockSignals(False)
        seats = shown.seats
        self.used_figure.show_value(f"{seats.seats.used} / {seats.seats.limit}", "seats used")
        by_strength = (
            f"could be freed: {seats.confirmed} confirmed, {seats.likely - seats.confirmed} likely, "
            f"{seats.possible - seats.likely} possible"
        )
        cost = seats.cost(seats.possible) if seats.possible else ""
        caption = f"could be freed, {cost}" if cost else "could be freed"
        self.free_figure.show_value(str(seats.possible), caption, "warning" if seats.possible else "")
        self.free_figure.setToolTip(tip(by_strength))
        self._show_newest(shown.newest)
        self.table.show_rows(shown.rows)
        self._select(kept)
        if self._stack.currentWidget() in (self.splitter, self.empty):
            self.back()
        if self._stack.currentWidget() is self.kept:
            self.kept.load()
        self._filter(self.search.text())
        self._chosen()

    def _show_newest(self, view: ListView | None) -> None:
        self.list_pill.show_state(*(state_of(view) if view is not None else ("info", "No list")))
        if view is None:
            said = "Silence is only a hint. Import the directory's list of people to know who left."
        else:
            s = view.snapshot
            said = f"{s.source}, taken {ago(s.taken_at, self._moment)}: {s.absent} missing, {s.disabled} disabled. "
            said += "" if view.asked and not view.outdated else why_of(view)
        self.list_text.setText(visible(said))
        self.list_text.setToolTip(tip(why_of(view) if view is not None else ""))

    def _filter(self, text: str) -> None:
        self.table.model_.filter(text)
        total, seen = self.table.model_.total, len(self.table.model_.rows)
        self.count.setText(plural(total, "user") if seen == total else f"{seen} of {plural(total, 'user')}")

    def _select(self, user_ids: frozenset[int]) -> None:
        if not user_ids:
            return
        self.table.clearSelection()
        model, selection = self.table.model_, self.table.selectionModel()
        for number, item in enumerate(model.rows):
            if item.user.id in user_ids:
                selection.select(model.index(number, 0), selection.SelectionFlag.Select | selection.SelectionFlag.Rows)

    def _save_thresholds(self) -> None:
        self._save_days({"dormant_days": self.dormant_box.value(), "grace_days": self.grace_box.value()})

    def _save_days(self, wanted: dict[str, int]) -> None:
        shown = self._shown
        if shown is None:
            return
        self.work(
            _set_thresholds,
            self.desk.sso,
            wanted,
            {"dormant_days": shown.dormant_days, "grace_days": shown.grace_days},
            then=lambda _none: self.refresh(),
            failed=partial(self._days_not_saved, wanted),
            channel="thresholds",
        )

    def _days_not_saved(self, wanted: dict[str, int], error: Exception) -> None:
        from app.sso import Overtaken

        if isinstance(error, Overtaken):
            self.refresh()
            self.banner.say("warning", str(error), "Save mine", partial(self._save_mine, wanted))
        else:
            self._failed(error)

    def _save_mine(self, wanted: dict[str, int]) -> None:
        self.banner.hide()
        self._save_days(wanted)

    # Choosing --------------------------------------------------------------------------------------------------

    def _chosen(self) -> None:
        chosen: list[StaleUser] = self.table.selected
        going = [r for r in chosen if r.reclaimable]
        self.review_button.setEnabled(bool(chosen))
        self.review_button.setText(f"Review {len(chosen)} selected" if chosen else "Review selection")
        if self._shown is not None:
            used, cost = self._shown.seats.seats.used, self._shown.seats.cost(len(going))
            caption = f"after deleting {len(going)}" if going else "after the clean-up"
            if cost and going:
                caption += f", saves {cost}"
            self.after_figure.setToolTip(tip(caption))
            self.after_figure.show_value(f"{used - len(going)} / {self._shown.seats.seats.limit}", caption)
        self.why_card.show_chosen(chosen, self._shown.now if self._shown is not None else None)

    def select_evident(self) -> None:
        """Select everybody with confirmed or likely evidence."""
        ids = frozenset(r.user.id for r in self.table.model_.rows if r.evidence in ("confirmed", "likely"))
        if ids:
            self._select(ids)
        else:
            self.banner.say("info", "Nobody here has confirmed or likely evidence.", "Dismiss", self.banner.hide)

    def copy_emails(self) -> None:
        """Copy the e-mails of the selection, or of everybody listed and not protected, sorted."""
        rows = self.table.selected or [r for r in self.table.model_.rows if r.reclaimable]
        copy_text("\n".join(sorted(visible(r.user.email) for r in rows)), self.copy_button)

    def _done(self, sentence: str, back: Callable[[], str]) -> None:
        self.banner.say("success", sentence, "Undo", partial(self._take_back, back))
        self.refresh()

    def _take_back(self, back: Callable[[], str]) -> None:
        def taken(sentence: str) -> None:
            self.banner.say("success", sentence, "Dismiss", self.banner.hide)
            self.refresh()

        self.work(back, then=taken, failed=self._failed, channel="undo")

    # Plan, review, apply ---------------------------------------------------------------------------------------

    def review(self) -> None:
        """Make a plan of the selection and show it."""
        self.work(
            self.desk.sso.plan_cleanup,
            self.desk.account,
            frozenset(r.user.id for r in self.table.selected),
            then=self._show_plan,
            failed=self._failed,
            channel="plan",
        )

    def _show_plan(self, plan: CleanupPlan) -> None:
        assert self._shown is not None
        self.review_card.show_plan(plan, self._shown.account.name, self._shown.seats)
        self._lower.setCurrentIndex(1)
        # The plan says what becomes of the seats; it needs the room more than the figures do.
        self._top.hide()

    def cancel(self) -> None:
        """Leave review or hand-off."""
        self._lower.setCurrentIndex(0)
        self.back()

    # Other panels ----------------------------------------------------------------------------------------------

    def back(self) -> None:
        """Show the list again, or what stands in its place while it is empty."""
        handing_off = self._lower.currentIndex() == 2
        somebody = self._shown is not None and bool(self._shown.rows)
        self._stack.setCurrentWidget(self.splitter if somebody or handing_off else self.empty)
        self._at_the_list(True)

    def _at_the_list(self, on: bool) -> None:
        """What belongs to the list is shown with the list only."""
        for part in (self.search, self.import_button, self.review_button):
            part.setVisible(on)
        self._top.setVisible(on and self._lower.currentIndex() != 1)

    def show_import(self) -> None:
        """Begin to import a list."""
        self.banner.hide()
        self._stack.setCurrentWidget(self.importing)
        self._at_the_list(False)
        self.importing.open_button.setFocus()

    def drop(self, path: Path) -> bool:
        # JSON may as well be a recording for the inspector, unless it was dropped here.
        if path.suffix.lower() not in (".csv", ".tsv", *((".json",) if self.isVisible() else ())):
            return False
        self.show_import()
        self.importing.take(path)
        return True

    def _imported(self, snapshot: Snapshot) -> None:
        self.back()
        if snapshot.held:
            self.banner.say(
                "warning",
                f"{snapshot.source} is held back: {snapshot.held}. Look whether it is the right list, then let it "
                "count.",
                "Look at it",
                self.show_kept,
            )
        else:
            self.banner.say(
                "success",
                f"{snapshot.source} was imported: {plural(snapshot.matched, 'user')} found, {snapshot.absent} missing, "
                f"{snapshot.disabled} disabled.",
                "Dismiss",
                self.banner.hide,
            )
        self.refresh()

    def show_kept(self) -> None:
        """Show the lists and clean-ups of before."""
        self.banner.hide()
        self._stack.setCurrentWidget(self.kept)
        self._at_the_list(False)
        self.kept.load()

    def _open_checklist(self, cleanup: CleanupRecord) -> None:
        self.hand_off.show_cleanup(cleanup)
        self._lower.setCurrentIndex(2)
        self.back()

    def _tick(self, reference: str, user_id: int, on: bool) -> None:
        self.work(
            self.desk.sso.tick_cleanup,
            reference,
            user_id,
            on,
            then=lambda _record: None,
            failed=self._failed,
            channel=f"tick-{user_id}",
        )

    def _applied(self, done: Done) -> None:
        result = done.result
        said = f"{plural(len(result.deleted), 'user')} deleted"
        if result.skipped:
            skipped = "; ".join(f"{email}: {why}" for email, why in result.skipped[:5])
            said += f", {len(result.skipped)} left out ({skipped.rstrip('.')})"
        if done.check is not None:
            said += f". {verified(done.check).rstrip('.')}"
        self.banner.say(
            "success" if result.deleted else "warning",
            f"{said}. The log keeps it as {result.batch}.",
            "Undo" if result.deleted else "",
            partial(self.undo, result.batch),
        )
        if done.check is not None:
            self.hand_off.show_cleanup(done.check.cleanup)
        self._lower.setCurrentIndex(2 if result.deleted else 0)
        self.refresh()

    def undo(self, reference: str) -> None:
        """Bring everybody of a clean-up back."""
        self.work(self.desk.sso.undo_cleanup, reference, then=self._undone, failed=self._failed, channel="undo")

    def _undone(self, undone: CleanupUndone) -> None:
        self.cancel()
        self.banner.say("success" if undone.restored else "warning", said_of(undone), "Dismiss", self.banner.hide)
        self.refresh()

    # Export ----------------------------------------------------------------------------------------------------

    def export(self) -> None:
        """Write the list as CSV."""
        rows: list[StaleUser] = list(self.table.model_.rows)
        ask_save(self, "Export stale users", f"stale-{self.desk.account}.csv", "CSV (*.csv)", partial(self.write, rows))

    def write(self, rows: list[StaleUser], path: Path) -> None:
        """Write these rows as CSV to this file."""
        self.work(
            write_file,
            path,
            as_csv(rows).encode(),
            then=lambda p: self.banner.say("success", f"Written to {p}.", "Dismiss", self.banner.hide),
            failed=self._failed,
            channel="export",
        )

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.table.setColumnHidden(5, self.width() < _NARROW)

    def restyle(self) -> None:
        super().restyle()
        for made in (self.banner, self.review_card, self.empty, self.importing, self.kept):
            made.restyle()
        for made_button in (
            self.export_button, self.review_button, self.copy_button, self.import_button, self.lists_button,
        ):  # fmt: skip
            retint(made_button)


def _days(name: str, low: int) -> QSpinBox:
    made = number_field(name, low, 3650, suffix=" days")
    made.setToolTip(tip(name))
    made.setFixedWidth(104)
    return made


def _set_thresholds(sso: SSO, wanted: dict[str, int], seen: dict[str, int]) -> None:
    for name, days in wanted.items():
        if days != seen[name]:
            sso.set_setting(name, days, seen=seen[name])
