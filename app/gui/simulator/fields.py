"""Fields of the simulator page: a value that can be left out, a choice of applications, a choice of known values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLineEdit, QMenu, QWidget

from app.gui import theme
from app.gui.widgets import button, label, line_edit, row, visible

if TYPE_CHECKING:
    from simulator.tenant import Application

_KNOWN: Final = "Show the known values"


class OptionalField(QWidget):
    """A value that may also be left out of the message, which is not the same as empty. `edited`: by the person."""

    edited = Signal()

    def __init__(self, name: str, choices: Sequence[str] = ()) -> None:
        super().__init__()
        self.text = line_edit(name=name)
        self.omit = QCheckBox("Omit")
        self.omit.setAccessibleName(f"Omit {name}")
        self.omit.setToolTip(f"Leave {visible(name)} out of the message. Omitted is not the same as empty.")
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

    def restyle(self) -> None:
        """Follow the theme."""
        for action in self.text.actions():
            if action.toolTip() == _KNOWN:
                action.setIcon(theme.icon("chevron-down", theme.tokens().muted))


class ApplicationsField(QWidget):
    """Which applications a person may use: every one, also those to come, or chosen ones. `edited`: by the person."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._applications: tuple[Application, ...] = ()
        self._chosen: tuple[str, ...] | None = None
        self.choose = button("", hint="Choose the applications that this person may use")
        self.menu = QMenu(self)
        self.choose.setMenu(self.menu)
        self.setLayout(row(self.choose, 1))

    @property
    def value(self) -> tuple[str, ...] | None:
        """The ids; None: every one."""
        return self._chosen

    def show_value(self, chosen: tuple[str, ...] | None, applications: Sequence[Application]) -> None:
        """Show which of these applications are chosen."""
        self._chosen, self._applications = chosen, tuple(applications)
        self.menu.clear()
        self._add("Every application, also new ones", chosen is None, self._every)
        self.menu.addSeparator()
        for application in self._applications:
            on = chosen is None or application.id in chosen
            self._add(application.name or application.id, on, partial(self._switch, application.id))
        self._name()

    def _add(self, text: str, on: bool, act: Any) -> None:
        action = QAction(visible(text).replace("&", "&&"), self.menu)
        action.setCheckable(True)
        action.setChecked(on)
        action.toggled.connect(act)
        self.menu.addAction(action)

    def _name(self) -> None:
        if self._chosen is None:
            text = "Every application"
        else:
            known = sum(a.id in self._chosen for a in self._applications)
            text = f"{known} of {len(self._applications)} applications" if known else "No application"
        self.choose.setText(text)
        self.choose.setAccessibleName(f"Applications: {text}")

    def _every(self, on: bool) -> None:
        self._take(None if on else ())

    def _switch(self, application_id: str, on: bool) -> None:
        have = tuple(a.id for a in self._applications) if self._chosen is None else self._chosen
        rest = tuple(i for i in have if i != application_id)
        self._take((*rest, application_id) if on else rest)

    def _take(self, chosen: tuple[str, ...] | None) -> None:
        self.show_value(chosen, self._applications)
        self.edited.emit()


def combo(name: str, choices: Sequence[tuple[str, Any]], *, tip: str = "") -> QComboBox:
    """A box to choose one of (text, value)."""
    made = QComboBox()
    made.setAccessibleName(name)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(8)
    for text, value in choices:
        made.addItem(text, value)
    if tip:
        made.setToolTip(tip)
    return made


def show_choice(box: QComboBox, value: Any) -> None:
    """Choose a value; one that is not offered is added as it is, so that nothing is lost by showing it."""
    number = box.findData(value)
    if number < 0:
        box.addItem(visible(str(value)), value)
        number = box.count() - 1
    box.setCurrentIndex(number)


def form(fields: Sequence[tuple[str, QWidget]]) -> QGridLayout:
    """Captions and fields under each other."""
    grid = QGridLayout()
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(10)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    for number, (name, field) in enumerate(fields):
        grid.addWidget(label(name, tone="muted", size=12), number, 0)
        grid.addWidget(field, number, 1)
    return grid


def show_text(field: QLineEdit, text: str) -> None:
    """Show a text from its beginning."""
    field.setText(text)
    field.setCursorPosition(0)
