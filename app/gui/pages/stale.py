"""Who holds a seat but has probably left: the evidence, a plan to review, and its result. It has no rule of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QHeaderView,
    QListWidget,
    QSizePolicy,
    QSpinBox,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui.clean_up import HandOff, as_csv
from app.gui.desk import Desk, Page
from app.gui.files import ask_save, write_file
from app.gui.tables import Column, Table
from app.gui.widgets import (
    Banner,
    Card,
    EmptyState,
    Figure,
    Pill,
    button,
    clear,
    column,
    confirm,
    copy_text,
    label,
    line_edit,
    number_field,
    retint,
    row,
    scrolled,
    search_field,
    tip,
    visible,
)
from app.gui.wording import ago, day, exact, plural, role_title

if TYPE_CHECKING:
    from pathlib import Path

    from app.accounts.account import Account
    from app.accounts.cleanup import CleanupPlan
    from app.accounts.staleness import Signal, StaleUser
    from app.accounts.users import User
    from app.sso import SSO, CleanupResult, SeatPanel

#: evidence -> (state of the pill, what it means).
EVIDENCE: Final[dict[str, tuple[str, str]]] = {
    "confirmed": ("fail", "The directory says so."),
    "likely": ("warn", "Several signs point to it."),
    "possible": ("info", "Silence is the only sign."),
    "none": ("pass", "Not stale: a login has shown that the list is outdated."),
    "excluded": ("not-applicable", "Protected: never deleted from this list."),
}
_SIGNALS: Final[dict[str, str]] = {
    "created": "Created",
    "last-login": "Last login",
    "failed-attempt": "Failed attempt",
    "changed": "Last change",
    "directory-present": "In the directory",
    "directory-absent": "Not in the directory",
    "directory-disabled": "Disabled in the directory",
    "not-assigned": "Not assigned to the application",
    "possible-rename": "Possible rename",
    "issuer-retired": "Identity provider retired",
}
_KEEP_DAYS: Final = 90
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


def load(sso: SSO, imagekit_id: str) -> Shown:
    """Read the stale users of an account and its seats."""
    settings, now = sso.settings(), sso.now()
    return Shown(
        now,
        sso.account(imagekit_id),
        sso.stale_users(imagekit_id),
        sso.seats(imagekit_id),
        settings["dormant_days"],
        settings["grace_days"],
    )


def restore_all(sso: SSO, user_ids: tuple[int, ...]) -> int:
    """Undo a clean-up; how many came back."""
    return sum(1 for user_id in user_ids if sso.restore_user(user_id).active)


def merge_rename(sso: SSO, imagekit_id: str, old: User, new_email: str) -> User:
    """Treat the user of this e-mail as the same person as `old`."""
    for other in sso.users(imagekit_id, text=new_email):
        if other.email == new_email:
            return sso.treat_as_rename(old.id, other.id)
    from app.sso import NotFound

    raise NotFound(f"{new_email} is not a user of this account any more. Load the list again.")


class StalePage(Page):
    name = "stale"
    title = "Stale users"
    sentence = "Who holds a seat but no longer logs in, and why."
    icon = "stale"
    depends_on = frozenset({"users", "event", "accounts", "settings", "configuration"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._shown: Shown | None = None
        self._plan: CleanupPlan | None = None
        self.search = search_field("Search the list", self._filter)
        self.search.setFixedWidth(200)
        self.export_button = button(
            "Export", self.export, icon="export", kind="flat", hint="Write the list to a CSV file"
        )
        self.review_button = button(
            "Review selection", self.review, icon="check", kind="primary", hint="See what would be deleted, and why"
        )
        self.header(self.search, self.review_button)
        self.banner = Banner()
        self.body.addWidget(self.banner)
        self.body.addLayout(self._figures())
        self._stack = QStackedWidget()
        self.empty = EmptyState(
            "ok",
            "Nobody is stale",
            "Everybody who holds a seat logged in recently, or is new. People whose last login is older than the "
            "threshold, who never logged in, or whose identity provider is retired appear here with the evidence.",
            button("Open the user list", partial(desk.open, "users"), icon="users"),
        )
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setHandleWidth(14)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self._list())
        self._lower = QStackedWidget()
        self._lower.addWidget(self._why())
        self._lower.addWidget(self._review())
        self.hand_off = HandOff(self.cancel)
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
            made.setStretch(number, 1)
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

    def _why(self) -> Card:
        self.why_text = QVBoxLayout()
        self.why_text.setSpacing(6)
        inner = QWidget()
        inner.setObjectName("plain")
        inner.setLayout(column(self.why_text, 1, margins=(0, 0, 8, 0)))
        self.keep_reason = line_edit(placeholder="Why keep this user?", name="Why keep this user")
        self.keep_reason.returnPressed.connect(self.keep)
        self.keep_button = button(f"Keep for {_KEEP_DAYS} days", self.keep, hint="Protect from clean-up until then")
        self.release_button = button("Keep no longer", self.release, hint="Take the protection away")
        self.rename_button = button("Treat as rename", self.rename, icon="link", hint="Both are the same person")
        self._keep_row = QWidget()
        self._keep_row.setLayout(row(self.keep_reason, self.keep_button, self.release_button, self.rename_button))
        self.why_card = Card("Why?", scrolled(inner), self._keep_row)
        self.why_card.body.setStretch(1, 1)
        return self.why_card

    def _review(self) -> Card:
        self.plan_text = label("", wrap=True)
        self.plan_list = QListWidget()
        self.plan_list.setAccessibleName("Users of the plan")
        self.plan_banner = Banner()
        self.type_text = label("", wrap=True)
        self.type_field = line_edit(name="Type the number of users to delete")
        self.type_field.setFixedWidth(90)
        self.type_field.textChanged.connect(lambda _t: self._armed())
        self.delete_button = button("Delete", self.apply, icon="delete", kind="danger")
        self.plan_export = button("Export the plan", self.export_plan, icon="export", kind="flat")
        self.cancel_button = button("Cancel", self.cancel, kind="flat")
        foot = row(self.type_text, self.type_field, 1, self.plan_export, self.cancel_button, self.delete_button)
        self.review_card = Card("Review", self.plan_text, self.plan_banner, self.plan_list, foot)
        self.review_card.body.setStretch(self.review_card.body.indexOf(self.plan_list), 1)
        return self.review_card

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
        other = self._shown is None or shown.account.id != self._shown.account.id
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
        self.free_figure.show_value(str(seats.possible), "could be freed", "warning" if seats.possible else "")
        self.free_figure.setToolTip(tip(by_strength))
        self.table.show_rows(shown.rows)
        self._select(kept)
        handing_off = self._lower.currentIndex() == 2
        self._stack.setCurrentIndex(0 if shown.rows or handing_off else 1)
        self._filter(self.search.text())
        self._chosen()

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
        self.work(
            _set_thresholds,
            self.desk.sso,
            self.dormant_box.value(),
            self.grace_box.value(),
            then=lambda _none: self.refresh(),
            failed=self._failed,
            channel="thresholds",
        )

    # Choosing --------------------------------------------------------------------------------------------------

    def _chosen(self) -> None:
        chosen: list[StaleUser] = self.table.selected
        going = [r for r in chosen if r.reclaimable]
        self.review_button.setEnabled(bool(chosen))
        self.review_button.setText(f"Review {len(chosen)} selected" if chosen else "Review selection")
        if self._shown is not None:
            used, price = self._shown.seats.seats.used, self._shown.seats.price
            caption = f"after deleting {len(going)}" if going else "after the clean-up"
            self.after_figure.setToolTip(tip(f"Saves {len(going)} × {price}" if price and going else ""))
            self.after_figure.show_value(f"{used - len(going)} / {self._shown.seats.seats.limit}", caption)
        clear(self.why_text)
        self._keep_row.setVisible(len(chosen) == 1)
        if len(chosen) == 1:
            self._explain(chosen[0])
        else:
            self.why_card.title.setText("Why?")
            self.why_text.addWidget(
                label(
                    f"{len(chosen)} selected. Review them before anything is deleted."
                    if chosen
                    else "Select somebody to see why they are on the list; select several with Ctrl or Shift to review "
                    "and delete them.",
                    tone="muted",
                    wrap=True,
                )
            )

    def _explain(self, chosen: StaleUser) -> None:
        user = chosen.user
        self.why_card.title.setText(visible(f"Why is {user.full_name} on the list?"))
        self.why_text.addLayout(row(Pill(EVIDENCE[chosen.evidence][0], chosen.title), label(chosen.why[0], wrap=True)))
        for sentence in chosen.why[1:]:
            self.why_text.addWidget(label(sentence, wrap=True))
        for signal in reversed(chosen.signals):
            self.why_text.addLayout(self._signal(signal))
        kept = user.keep_until is not None and user.keep_until > self._moment
        self.release_button.setVisible(kept)
        self.keep_button.setVisible(not kept)
        self.keep_reason.setVisible(not kept)
        self.rename_button.setVisible(any(s.kind == "possible-rename" for s in chosen.signals))

    def _signal(self, signal: Signal) -> Any:
        name = label(_SIGNALS.get(signal.kind, signal.kind), tone="muted")
        name.setFixedWidth(190)
        when = label(f"{ago(signal.at, self._moment)}, {day(signal.at)}")
        when.setFixedWidth(200)
        when.setToolTip(tip(exact(signal.at)))
        where = label(f"{signal.source}: {signal.detail}" if signal.detail else signal.source, tone="muted", wrap=True)
        made = row(name, when, where)
        made.setStretch(2, 1)
        return made

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

    def keep(self) -> None:
        """Protect the selected user from clean-up."""
        self._protect(self._moment + timedelta(days=_KEEP_DAYS), self.keep_reason.text())

    def release(self) -> None:
        """Take the protection away."""
        self._protect(None, "")

    def _protect(self, until: datetime | None, why: str) -> None:
        chosen = self.table.current
        if chosen is not None:
            self.work(
                self.desk.sso.protect_user,
                chosen.user.id,
                until,
                why,
                then=self._kept,
                failed=self._failed,
                channel="keep",
            )

    def _kept(self, _user: User) -> None:
        self.keep_reason.clear()
        self.refresh()

    def rename(self) -> None:
        """Treat the newer user as the same person: the e-mail moves, one seat is freed."""
        chosen = self.table.current
        signal = next((s for s in chosen.signals if s.kind == "possible-rename"), None) if chosen else None
        if chosen is None or signal is None:
            return
        if confirm(
            self,
            f"Are {chosen.user.email} and {signal.detail} the same person?",
            f"The older user takes over the e-mail {signal.detail} and keeps role and history; the newer user is "
            "deleted and its seat is free.",
            "Treat as rename",
        ):
            self.work(
                merge_rename,
                self.desk.sso,
                self.desk.account,
                chosen.user,
                signal.detail,
                then=lambda u: self._done(f"{u.email} keeps one seat now."),
                failed=self._failed,
                channel="rename",
            )

    def _done(self, sentence: str) -> None:
        self.banner.say("success", sentence, "Dismiss", self.banner.hide)
        self.refresh()

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
        self._plan = plan
        account = self._shown.account.name if self._shown else ""
        self.review_card.title.setText(visible(f"Delete {plural(len(plan.items), 'user')} of {account}?"))
        limit = self._shown.seats.seats.limit if self._shown else 0
        self.plan_text.setText(f"{plan.seats_after} of {plural(limit, 'seat')} are used afterwards.")
        self.plan_list.clear()
        for item in plan.items:
            self.plan_list.addItem(visible(f"{item.email}   {'; '.join(item.why)}"))
        self.plan_banner.hide()
        if plan.refused:
            self.plan_banner.say("error", " ".join(plan.refused) + " Change the selection.")
        self.type_text.setText(f"Type {plan.must_type} to confirm:" if plan.must_type is not None else "")
        self.type_field.clear()
        self.type_field.setVisible(plan.must_type is not None)
        self.type_text.setVisible(plan.must_type is not None)
        self.delete_button.setText(f"Delete {plural(len(plan.items), 'user')}")
        self._armed()
        self._lower.setCurrentIndex(1)
        (self.type_field if plan.must_type is not None else self.delete_button).setFocus()

    def _typed(self) -> int | None:
        text = self.type_field.text().strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None

    def _armed(self) -> None:
        plan = self._plan
        ready = plan is not None and plan.applicable and plan.must_type in (None, self._typed())
        self.delete_button.setEnabled(ready)

    def cancel(self) -> None:
        """Leave review or hand-off."""
        self._plan = None
        self._lower.setCurrentIndex(0)
        if self._shown is not None and not self._shown.rows:
            self._stack.setCurrentIndex(1)

    def apply(self) -> None:
        """Delete what the plan says, after a question."""
        plan = self._plan
        if plan is None or not self.delete_button.isEnabled():
            return
        if confirm(
            self,
            f"Delete {plural(len(plan.items), 'user')}?",
            "Their seats are free at once. Each deletion can be undone for 30 days.",
            f"Delete {plural(len(plan.items), 'user')}",
        ):
            self.work(
                _apply, self.desk.sso, plan, self._typed(), then=self._applied, failed=self._refused, channel="apply"
            )

    def _refused(self, error: Exception) -> None:
        self.plan_banner.say("error", str(error) or type(error).__name__)

    def _applied(self, result: CleanupResult) -> None:
        plan = self._plan
        said = f"{plural(len(result.deleted), 'user')} deleted"
        if result.skipped:
            skipped = "; ".join(f"{email}: {why}" for email, why in result.skipped[:5])
            said += f", {len(result.skipped)} left out ({skipped.rstrip('.')})"
        ids = tuple(i.user_id for i in plan.items if i.email in result.deleted) if plan else ()
        self.banner.say(
            "success" if result.deleted else "warning",
            f"{said}. The log keeps it as {result.batch}.",
            "Undo" if ids else "",
            partial(self.undo, ids),
        )
        self._plan = None
        self.hand_off.show_emails(result.deleted)
        self._lower.setCurrentIndex(2 if result.deleted else 0)
        self.refresh()

    def undo(self, user_ids: tuple[int, ...]) -> None:
        """Bring everybody of a clean-up back."""
        self.work(restore_all, self.desk.sso, user_ids, then=self._undone, failed=self._failed, channel="undo")

    def _undone(self, count: int) -> None:
        self.cancel()
        self._done(f"{plural(count, 'user')} restored.")

    # Export ----------------------------------------------------------------------------------------------------

    def export(self) -> None:
        """Write the list as CSV."""
        rows: list[StaleUser] = list(self.table.model_.rows)
        ask_save(self, "Export stale users", f"stale-{self.desk.account}.csv", "CSV (*.csv)", partial(self.write, rows))

    def export_plan(self) -> None:
        """Write the plan under review as CSV."""
        if self._plan is not None:
            wanted = {i.user_id for i in self._plan.items}
            rows = [r for r in self.table.model_.rows if r.user.id in wanted]
            name = f"clean-up-{self.desk.account}.csv"
            ask_save(self, "Export the plan", name, "CSV (*.csv)", partial(self.write, rows))

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

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.table.setColumnHidden(5, self.width() < _NARROW)

    def restyle(self) -> None:
        super().restyle()
        for made in (self.banner, self.plan_banner, self.empty):
            made.restyle()
        for made_button in (self.export_button, self.review_button, self.delete_button, self.copy_button):
            retint(made_button)


def _days(name: str, low: int) -> QSpinBox:
    made = number_field(name, low, 3650, suffix=" days")
    made.setToolTip(tip(name))
    made.setFixedWidth(104)
    return made


def _set_thresholds(sso: SSO, dormant: int, grace: int) -> None:
    sso.set_setting("dormant_days", dormant)
    sso.set_setting("grace_days", grace)


def _apply(sso: SSO, plan: CleanupPlan, typed: int | None) -> CleanupResult:
    return sso.apply_cleanup(plan, typed=typed)
