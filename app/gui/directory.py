"""The people of the test IdP: a list, and a panel to log in as one of them or to change them. It saves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QHeaderView, QLineEdit, QMenu, QSplitter, QWidget

from app.gui import theme
from app.gui.tables import Column, Table
from app.gui.widgets import button, column, copy_text, label, line, line_edit, row, scrolled, search_field, visible
from app.gui.wording import role_title
from app.product import ROLES

if TYPE_CHECKING:
    from simulator.tenant import TestUser

FLOWS: Final = (("From the portal", "idp_initiated"), ("From the login page", "sp_initiated"))
_KNOWN: Final = "Show the known values"
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


class OptionalField(QWidget):
    """A value that may also be left out of the message, which is not the same as empty. `edited`: by the person."""

    edited = Signal()

    def __init__(self, name: str, choices: Sequence[str] = ()) -> None:
        super().__init__()
        self.text = line_edit(name=name)
        self.omit = QCheckBox("Omit")
        self.omit.setAccessibleName(f"Omit {name}")
        self.omit.setToolTip(f"Leave {name} out of the message. Omitted is not the same as empty.")
        if choices:
            self._offer(choices)
        self.text.textEdited.connect(lambda _t: self.edited.emit())
        self.omit.toggled.connect(self.text.setDisabled)
        self.omit.clicked.connect(lambda _on: self.edited.emit())
        bar = row(self.text, self.omit, spacing=8)
        bar.setStretch(0, 1)
        self.setLayout(bar)

    def _offer(self, choices: Sequence[str]) -> None:
        known = QMenu(self)
        for choice in choices:
            known.addAction(choice, partial(self._take, choice))
        everything = self.text.addAction(
            theme.icon("chevron-down", theme.tokens().muted), QLineEdit.ActionPosition.TrailingPosition
        )
        everything.setToolTip(_KNOWN)
        everything.triggered.connect(lambda: known.popup(self.text.mapToGlobal(self.text.rect().bottomLeft())))
        self.known = known

    def _take(self, choice: str) -> None:
        self.show_value(choice)
        self.edited.emit()

    @property
    def value(self) -> str | None:
        """What is sent: None where it is left out."""
        return None if self.omit.isChecked() else self.text.text()

    def show_value(self, value: str | None) -> None:
        """Show a value; None is "omitted"."""
        self.omit.setChecked(value is None)
        self.text.setText(value or "")
        self.text.setCursorPosition(0)


class Directory(QWidget):
    """The tab "People".

    Signals: log_in_asked(person as saved, as typed, flow) · save_asked(person as saved or None, as typed) ·
    delete_asked(person). What is typed is kept until it is saved or another person is chosen.
    """

    log_in_asked = Signal(object, object, str)
    save_asked = Signal(object, object)
    delete_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._people: tuple[TestUser, ...] = ()
        self._shown: TestUser | None = None
        self._application = ""
        self._imagekit_id = ""
        self._wanted = ""
        self.search = search_field("Search people", self._narrow)
        self.add_button = button("Add person", self.add, icon="plus")
        self.table: Table[TestUser] = Table(
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
        self.table.setAccessibleName("People of the test IdP")
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)  # it would give a column that comes back the wrong width
        for number in (0, 3, 4):
            header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        self.table.chosen.connect(self._choose)
        self.table.opened.connect(lambda _p: self.log_in())
        self.table.extra_actions = [
            ("Log in", lambda p: self.log_in_asked.emit(p, p, self.flow.currentData())),
            ("Copy e-mail", lambda p: copy_text(visible(p.email), self.table)),
        ]
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.table)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self.delete)
        left = QWidget()
        bar = row(self.search, self.add_button)
        bar.setStretch(0, 1)
        left.setLayout(column(bar, self.table, margins=(0, 8, 0, 0)))
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setHandleWidth(16)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(left)
        self.split.addWidget(self._panel())
        self.split.setStretchFactor(0, 1)
        self.split.setSizes([610, 350])
        kept = QSettings().value("simulator/people")
        if kept:
            self.split.restoreState(kept)
        self.split.splitterMoved.connect(lambda *_: self._moved())
        self.setLayout(column(self.split))
        self._choose(None)

    def _panel(self) -> QWidget:
        self.head = label("", bold=True, size=14)
        self.flow = QComboBox()
        self.flow.setAccessibleName("Where the login starts")
        for text, key in FLOWS:
            self.flow.addItem(text, key)
        self.flow.setToolTip("A first login must start at the portal (IdP-initiated)")
        self.log_in_button = button(
            "Log in", self.log_in, icon="login", kind="primary", hint="Log in as this person (Enter in the list)"
        )
        self.full_name = OptionalField("Full name")
        self.role = OptionalField("Role", [r.id for r in ROLES])
        self.imagekit_id = OptionalField("Account id")
        self.email = line_edit(name="E-mail, sent as NameID")
        self.email.setToolTip("Sent as NameID. To leave it out, switch on the fault id-nameid-missing.")
        self.username = line_edit(name="User name in the directory")
        self.about = line_edit(name="About this person")
        self.enabled = QCheckBox("Enabled")
        self.assigned = QCheckBox("May use the application")
        self.save_button = button("Save", self.save, hint="Save this person to the directory")
        self.duplicate_button = button("Duplicate", self.duplicate, icon="copy", hint="Add a copy of this person")
        self.delete_button = button(
            "Delete", self.delete, icon="delete", kind="danger", hint="Delete from the directory"
        )
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        fields = (
            ("Full name", self.full_name),
            ("Role", self.role),
            ("E-mail", self.email),
            ("Account id", self.imagekit_id),
            ("User name", self.username),
            ("About", self.about),
        )
        for number, (name, field) in enumerate(fields):
            grid.addWidget(label(name, tone="muted", size=12), number, 0)
            grid.addWidget(field, number, 1)
            if isinstance(field, OptionalField):
                field.edited.connect(self._changed)
                field.text.returnPressed.connect(self.save)
            elif isinstance(field, QLineEdit):
                field.textEdited.connect(lambda _t: self._changed())
                field.returnPressed.connect(self.save)
        for box in (self.enabled, self.assigned):
            box.clicked.connect(lambda _on: self._changed())
        login = row(self.flow, self.log_in_button)
        login.setStretch(0, 1)
        inner = QWidget()
        inner.setLayout(
            column(
                self.head,
                login,
                line(),
                grid,
                row(self.enabled, self.assigned, 1, spacing=16),
                row(self.save_button, self.duplicate_button, 1, self.delete_button),
                1,
                spacing=10,
                margins=(0, 10, 8, 4),
            )
        )
        self.nobody = label("Choose a person to log in as them, or to change what is sent about them.", tone="muted")
        self.nobody.setWordWrap(True)
        self.nobody.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._form = scrolled(inner)
        made = QWidget()
        made.setMinimumWidth(310)
        made.setLayout(column(self.nobody, self._form))
        made.setAccessibleName("The selected person")
        return made

    # Showing ---------------------------------------------------------------------------------------------------

    def show_people(self, people: Sequence[TestUser], application: str, imagekit_id: str) -> None:
        """Show these people, as the application of the account in hand sees them; keep the choice and what is typed."""
        people = tuple(people)
        kept = self._wanted or (self._shown.username if self._shown is not None else "")
        self._imagekit_id = imagekit_id
        if people == self._people and application == self._application and not self._wanted:
            return
        draft = self.draft() if self._shown is not None and self.changed and not self._wanted else None
        self._people, self._application = people, application
        self.table.show_rows(people)
        found = self.table.select_where(lambda p: p.username == kept) if kept else False
        if not found and not kept and people:
            self.table.selectRow(0)
        elif not found:
            self._choose(None)
        self._wanted = ""
        if draft is not None and found:
            self._fill(draft)
            self._changed()

    def select(self, username: str) -> None:
        """Choose a person; if they are not in the list yet, when they are."""
        self.search.clear()
        self._wanted = username
        self._narrow("")
        if self.table.select_where(lambda p: p.username == username):
            self._wanted = ""

    def set_busy(self, on: bool) -> None:
        """While a login is under way."""
        self.log_in_button.setEnabled(not on)
        self.log_in_button.setText("Logging in ..." if on else "Log in")

    def _narrow(self, text: str) -> None:
        kept = self._shown
        self.table.model_.filter(text)
        if kept is not None:
            self.table.select_where(lambda p: p.username == kept.username)

    def _choose(self, person: TestUser | None) -> None:
        if person is not None and self._shown is not None and person == self._shown and self.changed:
            return
        self._shown = person
        self._form.setVisible(person is not None)
        self.nobody.setVisible(person is None)
        if person is not None:
            self._fill(person)
            self._changed()

    def _fill(self, person: TestUser) -> None:
        self.head.setText(visible(person.full_name or person.username))
        self.full_name.show_value(person.full_name)
        self.role.show_value(person.role)
        self.imagekit_id.show_value(person.imagekit_id)
        for field, text in ((self.email, person.email), (self.username, person.username), (self.about, person.about)):
            field.setText(text)
            field.setCursorPosition(0)
        self.enabled.setChecked(person.enabled)
        self.assigned.setChecked(person.assigned(self._application))

    # The draft -------------------------------------------------------------------------------------------------

    def draft(self) -> TestUser:
        """The selected person as the panel says."""
        assert self._shown is not None
        was = self._shown
        applications = was.applications
        if self.assigned.isChecked() != was.assigned(self._application):
            applications = None if self.assigned.isChecked() else ()
        return replace(
            was,
            username=self.username.text(),
            email=self.email.text(),
            full_name=self.full_name.value,
            role=self.role.value,
            imagekit_id=self.imagekit_id.value,
            about=self.about.text(),
            enabled=self.enabled.isChecked(),
            applications=applications,
        )

    @property
    def changed(self) -> bool:
        """Whether the panel differs from what is saved."""
        return self._shown is not None and self.draft() != self._shown

    def _changed(self) -> None:
        self.save_button.setEnabled(self.changed)

    # Intents ---------------------------------------------------------------------------------------------------

    def log_in(self) -> None:
        """Ask to log in as the selected person. What was typed and not saved yet is saved first."""
        if self._shown is not None and self.log_in_button.isEnabled():
            self.log_in_asked.emit(self._shown, self.draft(), self.flow.currentData())

    def save(self) -> None:
        """Ask to save what was typed."""
        if self._shown is not None and self.changed:
            self.save_asked.emit(self._shown, self.draft())

    def saved(self, person: TestUser) -> None:
        """The directory has the person now: what was typed is no draft any more."""
        self._shown = None
        self._wanted = person.username

    def add(self) -> None:
        """Ask to add somebody new, to be filled in."""
        from simulator.tenant import TestUser

        username = self._free("new-person")
        domain = next((p.email.rpartition("@")[2] for p in self._people), "acme-media.test")
        self.save_asked.emit(
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
        """Ask to add a copy of the selected person under another name."""
        if self._shown is None:
            return
        username = self._free(self._shown.username)
        local, at, domain = self._shown.email.rpartition("@")
        email = f"{local}-{username.rpartition('-')[2]}{at}{domain}"
        self.save_asked.emit(None, replace(self._shown, username=username, email=email, object_id=""))

    def delete(self) -> None:
        """Ask to delete the selected person."""
        if self._shown is not None:
            self.delete_asked.emit(self._shown)

    def _free(self, stem: str) -> str:
        taken = {p.username for p in self._people}
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

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def restyle(self) -> None:
        """Follow the theme."""
        for action in self.role.text.actions():
            if action.toolTip() == _KNOWN:
                action.setIcon(theme.icon("chevron-down", theme.tokens().muted))
