"""The panel about one person of the test IdP: log in as them, or change them. It saves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPlainTextEdit, QWidget

from app.gui import theme
from app.gui.simulator.fields import ApplicationsField, OptionalField, form, show_text
from app.gui.simulator.people_work import NotAttributes, attributes_text, parse_attributes
from app.gui.widgets import button, column, label, line, line_edit, row, scrolled, visible
from app.product import ROLES

if TYPE_CHECKING:
    from simulator.tenant import Application, TestUser

FLOWS: Final = (("From the portal", "idp_initiated"), ("From the login page", "sp_initiated"))


class PersonPanel(QWidget):
    """What is sent about a person, to be edited. What is typed is kept until it is saved or another one is chosen.

    Signals: log_in_asked(as saved, as typed, flow) · edit_asked(as typed): edit the message before it is sent ·
    save_asked(as saved, as typed) · duplicate_asked() · delete_asked().
    """

    log_in_asked = Signal(object, object, str)
    edit_asked = Signal(object)
    save_asked = Signal(object, object)
    duplicate_asked = Signal()
    delete_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.shown: TestUser | None = None
        self._application = ""
        self._applications: tuple[Application, ...] = ()
        self._attributes_shown = ""
        self.head = label("", bold=True, size=14)
        self.flow = QComboBox()
        self.flow.setAccessibleName("Where the login starts")
        for text, key in FLOWS:
            self.flow.addItem(text, key)
        self.flow.setToolTip("A first login must start at the portal (IdP-initiated)")
        self.log_in_button = button(
            "Log in", self.log_in, icon="login", kind="primary", hint="Log in as this person (Enter in the list)"
        )
        self.edit_button = button(
            "", self._edit, icon="edit", kind="flat", hint="Edit the claims or the message before it is sent"
        )
        self._make_fields()
        self.problem = label("", tone="error", size=12, wrap=True)
        self.problem.hide()
        self.save_button = button("Save", self.save, hint="Save this person to the directory")
        self.duplicate_button = button(
            "Duplicate", self.duplicate_asked.emit, icon="copy", hint="Add a copy of this person"
        )
        self.delete_button = button(
            "Delete", self.delete_asked.emit, icon="delete", kind="danger", hint="Delete from the directory"
        )
        login = row(self.flow, self.edit_button, self.log_in_button, spacing=6)
        login.setStretch(0, 1)
        inner = QWidget()
        inner.setLayout(
            column(
                self._form(),
                row(self.enabled, self.assigned, 1, spacing=16),
                1,
                spacing=10,
                margins=(0, 2, 8, 4),
            )
        )
        self.nobody = label("Choose a person to log in as them, or to change what is sent about them.", tone="muted")
        self.nobody.setWordWrap(True)
        self.nobody.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._whole = QWidget()
        whole = column(
            self.head,
            row(login, margins=(0, 0, 8, 0)),
            line(),
            scrolled(inner),
            self.problem,
            row(self.save_button, self.duplicate_button, 1, self.delete_button, spacing=6, margins=(0, 0, 8, 0)),
            margins=(0, 10, 0, 0),
        )
        whole.setStretch(3, 1)
        self._whole.setLayout(whole)
        self.setMinimumWidth(310)
        self.setLayout(column(self.nobody, self._whole))
        self.setAccessibleName("The selected person")

    def _make_fields(self) -> None:
        self.full_name = OptionalField("Full name")
        self.role = OptionalField("Role", [r.id for r in ROLES])
        self.imagekit_id = OptionalField("Account id")
        self.email = line_edit(name="E-mail, sent as NameID")
        self.email.setToolTip("Sent as NameID. To leave it out, switch on the fault id-nameid-missing.")
        self.username = line_edit(name="User name in the directory")
        self.username.setToolTip("Another user name renames the person: they stay the same object of the directory.")
        self.about = line_edit(name="About this person")
        self.attributes = QPlainTextEdit()
        self.attributes.setAccessibleName("Attributes, one value on each line: name = value")
        self.attributes.setPlaceholderText("department = Finance")
        self.attributes.setToolTip(
            "More that the directory knows of this person; an application sends it as a claim from attribute:NAME. "
            "A name on several lines has several values."
        )
        self.attributes.setFont(theme.mono())
        self.attributes.setTabChangesFocus(True)
        self.attributes.setFixedHeight(64)
        self.applications = ApplicationsField()
        self.enabled = QCheckBox("Enabled")
        self.assigned = QCheckBox("May use the account")
        self.assigned.setToolTip("Whether this person may use the application of the account in hand")

    def _form(self) -> QWidget:
        fields: Sequence[tuple[str, QWidget]] = (
            ("Full name", self.full_name),
            ("Role", self.role),
            ("E-mail", self.email),
            ("Account id", self.imagekit_id),
            ("User name", self.username),
            ("About", self.about),
            ("Attributes", self.attributes),
            ("May use", self.applications),
        )
        for _name, field in fields:
            if isinstance(field, OptionalField):
                field.edited.connect(self._changed)
                field.text.returnPressed.connect(self.save)
            elif isinstance(field, QLineEdit):
                field.textEdited.connect(lambda _t: self._changed())
                field.returnPressed.connect(self.save)
        self.attributes.textChanged.connect(self._changed)
        self.applications.edited.connect(self._applications_edited)
        self.enabled.clicked.connect(lambda _on: self._changed())
        self.assigned.clicked.connect(self._assign)
        made = QWidget()
        made.setLayout(form(fields))
        return made

    # Showing ---------------------------------------------------------------------------------------------------

    def show_person(self, person: TestUser | None, application: str, applications: Sequence[Application]) -> None:
        """Show a person as the application of the account in hand sees them; None: how to choose one."""
        self._application, self._applications = application, tuple(applications)
        self.shown = person
        self._whole.setVisible(person is not None)
        self.nobody.setVisible(person is None)
        if person is not None:
            self.fill(person)

    def fill(self, person: TestUser) -> None:
        """Write a person into the fields."""
        self.head.setText(visible(person.full_name or person.username))
        self.full_name.show_value(person.full_name)
        self.role.show_value(person.role)
        self.imagekit_id.show_value(person.imagekit_id)
        for field, text in ((self.email, person.email), (self.username, person.username), (self.about, person.about)):
            show_text(field, text)
        self._attributes_shown = attributes_text(person.attributes)
        self.attributes.setPlainText(self._attributes_shown)
        self.enabled.setChecked(person.enabled)
        self.assigned.setChecked(person.assigned(self._application))
        self.applications.show_value(person.applications, self._applications)
        self._changed()

    def set_busy(self, on: bool) -> None:
        """While a login is under way."""
        self.log_in_button.setEnabled(not on)
        self.log_in_button.setText("Logging in ..." if on else "Log in")

    def restyle(self) -> None:
        """Follow the theme."""
        self.role.restyle()

    # The draft -------------------------------------------------------------------------------------------------

    def draft(self) -> TestUser:
        """The selected person as the panel says; attributes that cannot be read are as they were."""
        assert self.shown is not None
        was = self.shown
        return replace(
            was,
            username=self.username.text(),
            email=self.email.text(),
            full_name=self.full_name.value,
            role=self.role.value,
            imagekit_id=self.imagekit_id.value,
            about=self.about.text(),
            enabled=self.enabled.isChecked(),
            applications=self.applications.value,
            attributes=self._attributes(),
        )

    def _attributes(self) -> dict[str, tuple[str, ...]]:
        assert self.shown is not None
        text = self.attributes.toPlainText()
        if text == self._attributes_shown:
            return dict(self.shown.attributes)
        try:
            found = parse_attributes(text)
        except NotAttributes as e:
            self.problem.setText(str(e))
            return dict(self.shown.attributes)
        self.problem.setText("")
        return found

    @property
    def changed(self) -> bool:
        """Whether the panel differs from what is saved."""
        return self.shown is not None and (self.draft() != self.shown or bool(self.problem.text()))

    def _changed(self) -> None:
        if self.shown is None:
            return
        self.problem.setText("")
        changed = self.changed
        self.problem.setVisible(bool(self.problem.text()))
        self.save_button.setEnabled(changed and not self.problem.text())

    def _assign(self, on: bool) -> None:
        """The box for the account in hand, whose application may not be there yet: then it is chosen by its id."""
        known = tuple(a.id for a in self._applications)
        have = known if self.applications.value is None else self.applications.value
        rest = tuple(i for i in have if i != self._application)
        every = on and self.shown is not None and self.shown.applications is None
        self.applications.show_value(None if every else (*rest, self._application) if on else rest, self._applications)
        self._changed()

    def _applications_edited(self) -> None:
        chosen = self.applications.value
        self.assigned.setChecked(chosen is None or self._application in chosen)
        self._changed()

    # Intents ---------------------------------------------------------------------------------------------------

    def log_in(self) -> None:
        """Ask to log in as the selected person. What was typed and not saved yet is saved first."""
        if self.shown is not None and self.log_in_button.isEnabled():
            self.log_in_asked.emit(self.shown, self.draft(), self.flow.currentData())

    def save(self) -> None:
        """Ask to save what was typed."""
        if self.shown is not None and self.save_button.isEnabled():
            self.save_asked.emit(self.shown, self.draft())

    def _edit(self) -> None:
        if self.shown is not None:
            self.edit_asked.emit(self.draft())
