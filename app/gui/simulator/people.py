"""The tab "People" of the simulator page: a list that finds among many, and the panel about one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHeaderView, QSplitter, QWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.desk import Desk
from app.gui.simulator.people_work import PeopleIndex, put, put_back, remove
from app.gui.simulator.person import PersonPanel
from app.gui.simulator.tab import Tab
from app.gui.tables import Column, Table
from app.gui.widgets import button, column, copy_text, label, row, search_field, visible
from app.gui.wording import role_title

if TYPE_CHECKING:
    from app.gui.lab_work import Shown
    from simulator.tenant import Application, TestUser

#: Below these widths the list leaves out the sentence about a person, then the e-mail, then the role.
_ROOM_FOR_ABOUT: Final = 900
_ROOM_FOR_EMAIL: Final = 540
_ROOM_FOR_ROLE: Final = 400


def state_of(person: TestUser, application: str) -> tuple[str, str]:
    """(state as in STATES, word): whether the person can use the application."""
    if not person.enabled:
        return "skipped", "Disabled"
    if not person.assigned(application):
        return "skipped", "Not assigned"
    return "pass", "Can log in"


class PeopleTab(Tab):
    """log_in_asked(as saved, as typed, flow), log_out_asked(person) and edit_asked(as typed) are for the page."""

    log_in_asked = Signal(object, object, str)
    log_out_asked = Signal(object)
    edit_asked = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._index = PeopleIndex(())
        self._application = ""
        self._applications: tuple[Application, ...] = ()
        self._imagekit_id = ""
        self._wanted = ""
        self.search = search_field("Search people", lambda _t: self._narrow())
        self.count = label("", tone="muted", size=12)
        self.add_button = button("Add person", self.add, icon="plus")
        self.panel = PersonPanel()
        self.table = self._table()
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.table)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self.delete)
        left = QWidget()
        bar = row(self.search, self.count, self.add_button)
        bar.setStretch(0, 1)
        left.setLayout(column(bar, self.table, margins=(0, 8, 0, 0)))
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setHandleWidth(16)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(left)
        self.split.addWidget(self.panel)
        self.split.setStretchFactor(0, 1)
        self.split.setSizes([590, 370])
        kept = QSettings().value("simulator/people")
        if kept:
            self.split.restoreState(kept)
        self.split.splitterMoved.connect(lambda *_: self._moved())
        self.setLayout(column(self.split))
        self.panel.log_in_asked.connect(self.log_in_asked)
        self.panel.edit_asked.connect(self.edit_asked)
        self.panel.save_asked.connect(self.save_person)
        self.panel.duplicate_asked.connect(self.duplicate)
        self.panel.delete_asked.connect(self.delete)
        self._choose(None)

    def _table(self) -> Table[TestUser]:
        made: Table[TestUser] = Table(
            "simulator-people",
            [
                Column("Name", lambda p: p.full_name or p.username, 140, tip=lambda p: p.about or p.username),
                Column(
                    "State",
                    lambda p: state_of(p, self._application)[1],
                    122,
                    state=lambda p: state_of(p, self._application)[0],
                ),
                Column("Role", lambda p: role_title(p.role), 168, tip=lambda p: p.role or "No role is sent"),
                Column("E-mail", lambda p: p.email, 180),
                Column("About", lambda p: p.about, 240, muted=True),
            ],
        )
        made.setAccessibleName("People of the test IdP")
        header = made.horizontalHeader()
        header.setStretchLastSection(False)  # it would give a column that comes back the wrong width
        for number in (0, 3, 4):
            header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        made.chosen.connect(self._choose)
        made.opened.connect(lambda _p: self.panel.log_in())
        made.extra_actions = [
            ("Log in", lambda p: self.log_in_asked.emit(p, p, self.panel.flow.currentData())),
            ("Log out everywhere", self.log_out_asked.emit),
            ("Edit the message first", self.edit_asked.emit),
            ("Enable or disable", lambda p: self.save_person(p, replace(p, enabled=not p.enabled))),
            ("Copy e-mail", lambda p: copy_text(visible(p.email), made)),
            ("Delete", self.delete_person),
        ]
        return made

    # Showing ---------------------------------------------------------------------------------------------------

    def show_lab(self, shown: Shown) -> None:
        """Show the people; keep the choice and what is typed."""
        application = shown.account.imagekit_id if shown.account is not None else ""
        applications = shown.tenant.applications
        kept = self._wanted or (self.panel.shown.username if self.panel.shown is not None else "")
        self._imagekit_id = application
        same = shown.people is self._index and application == self._application and applications == self._applications
        if same and not self._wanted:
            return
        draft = self.panel.draft() if self.panel.changed and not self._wanted else None
        self._index, self._application, self._applications = shown.people, application, applications
        self._fill_table()
        found = self.table.select_where(lambda p: p.username == kept) if kept else False
        if not found and not kept and self.table.model_.rows:
            self.table.selectRow(0)
        elif not found:
            self._choose(None)
        self._wanted = ""
        if draft is not None and found:
            self.panel.fill(draft)

    def select(self, username: str) -> None:
        """Choose a person; if they are not in the list yet, when they are."""
        self.search.clear()
        self._wanted = username
        self._fill_table()
        if self.table.select_where(lambda p: p.username == username):
            self._wanted = ""

    def start_search(self) -> None:
        self.search.setFocus()

    def set_busy(self, on: bool) -> None:
        """While a login is under way."""
        self.panel.set_busy(on)

    def restyle(self) -> None:
        self.panel.restyle()

    def _fill_table(self) -> None:
        found = self._index.find(self.search.text())
        self.table.show_rows(found)
        every = len(self._index.people)
        self.count.setText(f"{len(found):,} of {every:,}" if len(found) != every else "")

    def _narrow(self) -> None:
        kept = self.panel.shown
        draft = self.panel.draft() if self.panel.changed else None
        self._fill_table()
        if kept is not None and self.table.select_where(lambda p: p.username == kept.username) and draft is not None:
            self.panel.fill(draft)

    def _choose(self, person: TestUser | None) -> None:
        if person is not None and person == self.panel.shown and self.panel.changed:
            return
        self.panel.show_person(person, self._application, self._applications)

    # Changing --------------------------------------------------------------------------------------------------

    def save_person(self, was: TestUser | None, person: TestUser) -> None:
        """Save a person to the directory."""

        def done(saved: TestUser) -> None:
            self.say("", "")
            self.saved(saved)
            self._can_undo(was, saved)
            self.changed.emit()

        # A channel of their own for each: what is done to the next one must not drop how this is taken back.
        self.work(put, self.desk.lab, was, person, then=done, channel=f"person/{person.username}")

    def _can_undo(self, was: TestUser | None, saved: TestUser) -> None:
        name = (was or saved).full_name or saved.username
        lab = self.desk.lab
        if was is None:
            self.undoable.emit(f"{name} is not in the directory any more.", partial(remove, lab, saved), _nothing)
        else:
            self.undoable.emit(f"{name} is as before.", partial(put, lab, saved, was), partial(self.saved, was))

    def delete_person(self, person: TestUser) -> None:
        """Delete a person from the directory; their account at the service provider stays, as in real life."""

        def done(place: int) -> None:
            name = person.full_name or person.username
            back: Callable[[], object] = partial(put_back, self.desk.lab, person, place)
            self.undoable.emit(f"{name} is in the directory again.", back, partial(self.saved, person))
            self.say(
                "success",
                f"{name} was deleted from the directory and cannot log in any more. A user that was created keeps "
                "their seat.",
                "Undo",
            )
            self.changed.emit()

        self.work(remove, self.desk.lab, person, then=done, channel=f"person/{person.username}")

    def delete(self) -> None:
        """Delete the selected person."""
        if self.panel.shown is not None:
            self.delete_person(self.panel.shown)

    def saved(self, person: TestUser) -> None:
        """The directory has the person now: what was typed is no draft any more."""
        self.panel.shown = None
        self._wanted = person.username

    def add(self) -> None:
        """Add somebody new, to be filled in."""
        from simulator.tenant import TestUser

        username = self._free("new-person")
        domain = next((p.email.rpartition("@")[2] for p in self._index.people), "acme-media.test")
        self.search.clear()
        self.save_person(
            None,
            TestUser(
                username=username,
                email=f"{username}@{domain}",
                full_name="New Person",
                role="developer",
                imagekit_id=self._imagekit_id,
                about="Added by hand.",
            ),
        )

    def duplicate(self) -> None:
        """Add a copy of the selected person under another name."""
        shown = self.panel.shown
        if shown is None:
            return
        username = self._free(shown.username)
        local, at, domain = shown.email.rpartition("@")
        email = f"{local}-{username.rpartition('-')[2]}{at}{domain}"
        self.save_person(None, replace(shown, username=username, email=email, object_id=""))

    def _free(self, stem: str) -> str:
        taken = {p.username for p in self._index.people}
        if stem not in taken:
            return stem
        return next(name for n in range(2, len(taken) + 3) if (name := f"{stem}-{n}") not in taken)

    # Room ------------------------------------------------------------------------------------------------------

    def _moved(self) -> None:
        QSettings().setValue("simulator/people", self.split.saveState())
        self._fit()

    def _fit(self) -> None:
        room = self.table.width()
        self.table.setColumnHidden(4, room < _ROOM_FOR_ABOUT)
        self.table.setColumnHidden(3, room < _ROOM_FOR_EMAIL)
        self.table.setColumnHidden(2, room < _ROOM_FOR_ROLE)

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


def _nothing() -> None:
    """What is done after an undo that leaves nobody to choose."""
