"""The users of the account in hand: who they are, adding, changing, deleting with undo. It judges nobody stale."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QCheckBox, QHeaderView, QStackedWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.charts import SeatBar
from app.gui.desk import Desk, Page
from app.gui.files import ask_save, write_file
from app.gui.people.adding import AddPanel, role_box
from app.gui.people.bulk import BulkPanel
from app.gui.people.history import HistoryPanel
from app.gui.people.users_work import Changed, Shown, Step, load, not_done, put_back, save
from app.gui.tables import Column, Table
from app.gui.widgets import (
    Banner,
    Card,
    EmptyState,
    button,
    column,
    confirm,
    copy_text,
    label,
    line_edit,
    retint,
    row,
    search_field,
    visible,
)
from app.gui.wording import CREATED_BY, ago, exact, plural, role_title

if TYPE_CHECKING:
    from pathlib import Path

    from app.accounts.users import User
    from app.sso import BulkResult


#: More than so many are deleted only after a question.
_ASK_ABOVE: Final = 5
#: Below this width the list leaves out who made the user.
_NARROW: Final = 960


class UsersPage(Page):
    name = "users"
    title = "Users"
    sentence = "Who has a seat in this account, and with which role."
    icon = "users"
    depends_on = frozenset({"users", "event", "accounts", "configuration"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._shown: Shown | None = None
        self._now: datetime | None = None
        self._done: list[Step] = []
        self._wanted = ""
        self.search = search_field("Search any field", lambda _t: self.refresh())
        self.search.setFixedWidth(250)
        self.add_button = button("Add user", self.show_add, icon="plus", kind="primary", shortcut="Ctrl+N")
        self.header(self.search, self.add_button)
        self.banner = Banner()
        self.body.addWidget(self.banner)
        self.add_panel = AddPanel()
        self.add_panel.asked.connect(self.add)
        self.body.addWidget(self.add_panel)
        self._stack = QStackedWidget()
        self.empty = EmptyState(
            "users",
            "No users yet",
            "A person becomes a user at their first login, which starts at the identity provider's portal. You can "
            "also add people by hand; they may then log in with SSO. Every user holds a seat until you delete them.",
            button("Add a user", self.show_add, icon="plus"),
            button("Try a login", partial(desk.open, "overview"), icon="login"),
        )
        self._stack.addWidget(self._list())
        self._stack.addWidget(self.empty)
        self.body.addWidget(self._stack, 1)
        self.edit_panel = self._edit_panel()
        self.body.addWidget(self.edit_panel)
        self.history = HistoryPanel()
        self.history.closed.connect(self.history.hide)
        self.history.opened.connect(lambda reference: desk.open("log", reference))
        self.history.hide()
        self.body.addWidget(self.history)
        self.bulk = BulkPanel(role_box("Role of the selected users"))
        self.bulk.role_asked.connect(self.set_role)
        self.bulk.delete_asked.connect(self.delete_selected)
        self.bulk.restore_asked.connect(self.restore_selected)
        self.bulk.rename_asked.connect(self.rename)
        self.bulk.hide()
        self.body.addWidget(self.bulk)
        self._key("Ctrl+F", self.search.setFocus)
        self._key("Ctrl+Z", self.undo)
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.table)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self.delete)
        self._choose(None)

    def _key(self, keys: str, act: Any) -> None:
        made = QShortcut(QKeySequence(keys), self)
        made.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        made.activated.connect(act)

    # Parts -----------------------------------------------------------------------------------------------------

    def _list(self) -> Card:
        self.seat_text = label("", bold=True)
        self.seat_bar = SeatBar()
        self.show_deleted = QCheckBox("Show deleted")
        self.show_deleted.setToolTip("Also list the users that were deleted")
        self.show_deleted.toggled.connect(lambda _on: self.refresh())
        self.export_button = button("Export", self.export, icon="export", hint="Write what is shown to a CSV file")
        self.table = Table[Any](
            "users",
            (
                Column("Name", lambda u: u.full_name, 160),
                Column("E-mail", lambda u: u.email, 196),
                Column("Role", lambda u: role_title(u.role), 172, tip=lambda u: u.role),
                Column(
                    "Last login",
                    lambda u: ago(u.last_login_at, self._moment),
                    116,
                    tip=lambda u: exact(u.last_login_at) or "Has not logged in with SSO yet",
                    sort=lambda u: u.last_login_at.timestamp() if u.last_login_at else 0.0,
                ),
                Column(
                    "Source",
                    lambda u: CREATED_BY.get(u.created_by, u.created_by),
                    84,
                    tip=lambda u: "Created at the first SSO login" if u.created_by == "sso" else "Added by hand",
                    muted=True,
                ),
                Column(
                    "State",
                    lambda u: "" if u.active else "Deleted",
                    100,
                    tip=lambda u: "" if u.active else f"Deleted by {u.deleted_by}\n{exact(u.deleted_at)}",
                    state=lambda u: "" if u.active else "skipped",
                ),
                Column(
                    "Created",
                    lambda u: ago(u.created_at, self._moment),
                    110,
                    tip=lambda u: exact(u.created_at),
                    sort=lambda u: u.created_at.timestamp(),
                    hidden=True,
                ),
            ),
            multiple=True,
        )
        header = self.table.horizontalHeader()
        for number in (0, 1):
            header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        self.table.chosen.connect(self._choose)
        self.table.opened.connect(lambda _u: self.name_field.setFocus())
        self.table.extra_actions = [
            ("Copy e-mail", lambda u: copy_text(visible(u.email), self.table)),
        ]
        self.nothing = label("", tone="muted", wrap=True)
        bar = row(self.seat_text, self.seat_bar, self.show_deleted, self.export_button, spacing=14)
        bar.setStretch(1, 1)
        made = Card("", bar, self.nothing, self.table)
        made.body.setStretch(made.body.indexOf(self.table), 1)
        return made

    def _edit_panel(self) -> Card:
        self.edit_head = label("", bold=True)
        self.edit_facts = label("", tone="muted", size=12, wrap=True)
        self.name_field = line_edit(name="Full name")
        self.email_field = line_edit(name="E-mail")
        self.role_field = role_box("Role")
        self.save_button = button("Save", self.save, kind="primary", hint="Save what was changed")
        self.delete_button = button(
            "Delete", self.delete, icon="delete", kind="danger", hint="Delete and free the seat"
        )
        self.restore_button = button("Restore", self.restore, icon="undo", hint="The same user, role and history again")
        self.history_button = button(
            "History", self.show_history, icon="clock", kind="flat", hint="What happened to this person"
        )
        self.edit_banner = Banner()
        for field in (self.name_field, self.email_field):
            field.textEdited.connect(lambda _t: self._changed())
            field.returnPressed.connect(self.save)
        self.role_field.activated.connect(lambda _i: self._changed())
        fields = row(
            column(label("Full name", tone="muted", size=12), self.name_field, spacing=4),
            column(label("E-mail", tone="muted", size=12), self.email_field, spacing=4),
            column(label("Role", tone="muted", size=12), self.role_field, spacing=4),
            column(1, row(self.save_button, self.restore_button, self.delete_button)),
            spacing=12,
        )
        for number, share in enumerate((3, 4, 3)):
            fields.setStretch(number, share)
        head = row(self.edit_head, self.edit_facts, self.history_button, spacing=12)
        head.setStretch(1, 1)
        made = Card("", head, fields, self.edit_banner)
        made.setAccessibleName("The selected user")
        return made

    # Loading ---------------------------------------------------------------------------------------------------

    @property
    def _moment(self) -> datetime:
        assert self._now is not None
        return self._now

    def refresh(self) -> None:
        if not self.desk.account:
            return  # the accounts are still being loaded
        self.work(
            load,
            self.desk.sso,
            self.desk.account,
            self.search.text(),
            self.show_deleted.isChecked(),
            then=self._show,
            failed=self._failed,
            channel="load",
        )

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__, "Try again", self.refresh)

    def _show(self, shown: Shown) -> None:
        self._shown = shown
        self._now = shown.now
        chosen = frozenset(u.id for u in self.table.selected)
        searching = bool(self.search.text().strip()) or self.show_deleted.isChecked()
        self._stack.setCurrentIndex(1 if shown.nobody and not searching else 0)
        seats = shown.seats.seats
        self.seat_text.setText(f"{seats.used} of {plural(seats.limit, 'seat')} used")
        self.seat_bar.show_seats(seats.used, seats.limit, shown.seats.possible)
        self.table.show_rows(shown.users)
        self.table.setColumnHidden(5, not self.show_deleted.isChecked())
        self.nothing.setVisible(not shown.users)
        self.nothing.setText(
            visible(f"Nobody matches “{self.search.text().strip()}”. Clear the search to see everybody.")
            if self.search.text().strip()
            else "Nobody to show."
        )
        wanted = self._wanted
        if wanted and self.table.select_where(lambda u: wanted in (u.email, u.email_key)):
            self._wanted = ""
        elif chosen and self._select(chosen):
            pass
        else:
            self._choose(None)

    def _select(self, user_ids: frozenset[int]) -> bool:
        """Select these again; False where none of them is listed."""
        model, selection = self.table.model_, self.table.selectionModel()
        self.table.clearSelection()
        for number, user in enumerate(model.rows):
            if user.id in user_ids:
                selection.select(model.index(number, 0), selection.SelectionFlag.Select | selection.SelectionFlag.Rows)
        return bool(self.table.selected)

    def open(self, what: Any) -> None:
        """Find a user by e-mail."""
        self._wanted = str(what)
        self.search.setText(self._wanted)
        self.refresh()

    # Adding ----------------------------------------------------------------------------------------------------

    def show_add(self) -> None:
        """Open the panel for a new user."""
        self.add_panel.begin()

    def add(self, email: str, name: str, role: str) -> None:
        """Add the user that was typed."""
        self.work(
            self.desk.sso.add_user,
            self.desk.account,
            email,
            name,
            role,
            then=self._added,
            failed=lambda e: self.add_panel.banner.say("error", str(e)),
            channel="add",
        )

    def _added(self, user: User) -> None:
        self.add_panel.leave()
        self._wanted = user.email
        self.search.clear()
        self._undoable(
            f"{user.email} was added and may log in with SSO.",
            Step(self.desk.sso.delete_user, user.id, lambda u: f"{u.email} was taken out again."),
        )

    # Changing --------------------------------------------------------------------------------------------------

    def _choose(self, user: User | None) -> None:
        self.edit_banner.hide()
        several = self.table.selected if len(self.table.selected) > 1 else []
        self.bulk.setVisible(bool(several))
        self.edit_panel.setVisible(user is not None and not several)
        if several:
            self.bulk.show_users(several)
        if user is None or several:
            self.history.hide()
            return
        if not self.history.isHidden():
            self.show_history()
        self.edit_head.setText(visible(user.full_name))
        self._show_facts(user)
        for field, text in ((self.name_field, user.full_name), (self.email_field, user.email)):
            field.setText(text)
            field.setCursorPosition(0)
            field.setEnabled(user.active)
        self.role_field.setCurrentIndex(self.role_field.findData(user.role))
        self.role_field.setEnabled(user.active)
        self.delete_button.setVisible(user.active)
        self.save_button.setVisible(user.active)
        self.restore_button.setVisible(not user.active)
        self._changed()

    def _show_facts(self, user: User) -> None:
        facts = [f"Created {ago(user.created_at, self._moment)}"]
        if user.last_login_at is None:
            facts.append("never logged in with SSO")
        else:
            facts += [f"last login {ago(user.last_login_at, self._moment)}", plural(user.logins, "login")]
        if user.keep_until is not None:
            facts.append(
                f"kept until {user.keep_until:%Y-%m-%d}" + (f" because {user.keep_why}" if user.keep_why else "")
            )
        if user.deleted_at is not None:
            facts.append(f"deleted {ago(user.deleted_at, self._moment)} by {user.deleted_by}")
        self.edit_facts.setText(visible(", ".join(facts)))
        self.edit_facts.setToolTip(exact(user.created_at))

    def _changed(self) -> None:
        user = self.table.current
        self.save_button.setEnabled(
            user is not None
            and (
                self.name_field.text() != user.full_name
                or self.email_field.text() != user.email
                or self.role_field.currentData() != user.role
            )
        )

    def save(self) -> None:
        """Write what was changed of the selected user."""
        user = self.table.current
        if user is None or not self.save_button.isEnabled():
            return
        self.work(
            save,
            self.desk.sso,
            user,
            self.name_field.text(),
            self.email_field.text(),
            self.role_field.currentData(),
            then=self._saved,
            failed=self._not_saved,
            channel=f"save/{user.id}",
        )

    def _not_saved(self, error: Exception) -> None:
        from app.sso import Overtaken

        if isinstance(error, Overtaken):
            self.refresh()  # theirs is shown; what was typed is told, and typed again where it is still wanted
        self.edit_banner.say("error", str(error) or type(error).__name__)

    def _saved(self, changed: Changed) -> None:
        before = changed.before
        self._undoable(
            f"{changed.after.email} was changed.",
            Step(partial(put_back, self.desk.sso, changed.after), before, lambda u: f"{u.email} is as it was before."),
        )

    def delete(self) -> None:
        """Delete the selected user; no question asked, because it can be undone."""
        if len(self.table.selected) > 1:
            self.delete_selected()
            return
        user = self.table.current
        if user is None or not user.active:
            return
        self.work(
            self.desk.sso.delete_user,
            user.id,
            then=self._gone,
            failed=lambda e: self.edit_banner.say("error", str(e)),
            channel=f"delete/{user.id}",  # the next one's must not drop how this is undone
        )

    def _gone(self, user: User) -> None:
        self._undoable(
            f"{user.email} was deleted and the seat is free.",
            Step(self.desk.sso.restore_user, user.id, lambda u: f"{u.email} was restored."),
        )

    # Several ---------------------------------------------------------------------------------------------------

    def set_role(self, role: str) -> None:
        """Give every selected user this role."""
        before = {u.id: u.role for u in self.table.selected if u.active and u.role != role}
        if before:
            self._at_once(
                partial(self.desk.sso.set_roles, seen=before),
                dict.fromkeys(before, role),
                lambda done: f"{plural(len(done), 'user')} {'is' if len(done) == 1 else 'are'} {role_title(role)} now.",
                lambda done: Step(
                    partial(self.desk.sso.set_roles, seen=dict.fromkeys(done, role)),
                    {i: before[i] for i in done},
                    lambda r: (
                        f"{plural(len(r.done), 'role')} {'is' if len(r.done) == 1 else 'are'} as before.{not_done(r)}"
                    ),
                ),
            )

    def delete_selected(self) -> None:
        """Delete every selected user; many of them only after a question."""
        ids = [u.id for u in self.table.selected if u.active]
        many = f"Delete {plural(len(ids), 'user')}"
        if not ids or (
            len(ids) > _ASK_ABOVE
            and not confirm(self, f"{many}?", "Their seats are free at once. It can be undone for 30 days.", many)
        ):
            return
        self._at_once(
            self.desk.sso.delete_users,
            ids,
            lambda done: f"{plural(len(done), 'user')} deleted, and the seats are free.",
            lambda done: Step(
                self.desk.sso.restore_users, done, lambda r: f"{plural(len(r.done), 'user')} restored.{not_done(r)}"
            ),
        )

    def restore_selected(self) -> None:
        """Undo the deletion of every selected user who is deleted."""
        ids = [u.id for u in self.table.selected if not u.active]
        self._at_once(
            self.desk.sso.restore_users,
            ids,
            lambda done: f"{plural(len(done), 'user')} restored.",
            lambda done: Step(
                self.desk.sso.delete_users, done, lambda r: f"{plural(len(r.done), 'user')} deleted again.{not_done(r)}"
            ),
        )

    def _at_once(
        self, verb: Any, what: Any, said: Callable[[list[int]], str], back: Callable[[list[int]], Step]
    ) -> None:
        def finished(result: BulkResult) -> None:
            done = [u.id for u in result.done]
            if not done:
                self.bulk.banner.say("error", not_done(result).strip() or "Nothing was changed.")
                return
            self._undoable(said(done) + not_done(result), back(done), "warning" if result.left_out else "success")

        self.work(verb, what, then=finished, failed=lambda e: self.bulk.banner.say("error", str(e)), channel="bulk")

    def rename(self, older: User, newer: User) -> None:
        """Treat two users as one person, after a question."""
        if confirm(
            self,
            f"Are {older.email} and {newer.email} the same person?",
            f"The older user takes over the e-mail {newer.email} and keeps role and history; the newer user is deleted "
            "and its seat is free.",
            "Treat as rename",
        ):
            self.work(
                self.desk.sso.treat_as_rename,
                older.id,
                newer.id,
                then=partial(self._renamed, older, newer),
                failed=lambda e: self.bulk.banner.say("error", str(e)),
                channel="rename",
            )

    def _renamed(self, older: User, newer: User, user: User) -> None:
        self._undoable(
            f"{user.email} keeps one seat now.",
            Step(
                partial(self.desk.sso.undo_rename, older),
                newer.id,
                lambda u: f"{u.email} and {newer.email} are two users again.",
            ),
        )

    # History and undo ------------------------------------------------------------------------------------------

    def show_history(self) -> None:
        """Show what happened to the selected user."""
        user = self.table.current
        if user is not None:
            self.work(
                self.desk.sso.history,
                user.id,
                then=lambda events: self.history.show_events(user, events, self._moment),
                failed=lambda e: self.edit_banner.say("error", str(e)),
                channel="history",
            )

    def _undoable(self, sentence: str, step: Step, state: str = "success") -> None:
        """Say what was done, and remember how to undo it."""
        self._done.append(step)
        self.banner.say(state, sentence, "Undo", self.undo)
        self.refresh()

    def undo(self) -> None:
        """Undo what was done last on this page."""
        if self._done:
            step = self._done[-1]
            self.work(
                step.verb,
                step.what,
                then=partial(self._undone, step),
                failed=lambda e: self.banner.say("error", str(e)),
                channel="undo",
            )

    def _undone(self, step: Step, result: Any) -> None:
        self._done = [s for s in self._done if s is not step]
        self._wanted = getattr(result, "email", "")  # one user, who is shown again
        self.banner.say("success", step.said(result), "Dismiss", self.banner.hide)
        self.refresh()

    def restore(self) -> None:
        """Undo the deletion of the selected user."""
        user = self.table.current
        if user is not None and not user.active:
            self.work(
                self.desk.sso.restore_user,
                user.id,
                then=self._restored,
                failed=lambda e: self.banner.say("error", str(e)),
                channel="restore",
            )

    def _restored(self, user: User) -> None:
        self._done = [s for s in self._done if s.what != user.id]
        self._wanted = user.email
        self.banner.say("success", f"{user.email} was restored.", "Dismiss", self.banner.hide)
        self.refresh()

    # Export ----------------------------------------------------------------------------------------------------

    def export(self) -> None:
        """Write what is shown as CSV."""
        ask_save(self, "Export users", f"users-{self.desk.account}.csv", "CSV (*.csv)", self.export_to)

    def export_to(self, path: Path) -> None:
        """Write what is shown as CSV to this file."""
        self.work(
            write_file,
            path,
            self.table.model_.as_csv().encode(),
            then=lambda p: self.banner.say("success", f"Written to {p}.", "Dismiss", self.banner.hide),
            failed=lambda e: self.banner.say("error", str(e)),
            channel="export",
        )

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.table.setColumnHidden(4, self.width() < _NARROW)

    def restyle(self) -> None:
        super().restyle()
        for made in (self.banner, self.add_panel, self.edit_banner, self.empty, self.bulk):
            made.restyle()
        for made_button in (
            self.add_button,
            self.export_button,
            self.delete_button,
            self.restore_button,
            self.history_button,
        ):
            retint(made_button)
