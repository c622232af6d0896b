"""One thing that an account may decide, as a row: its title, what it does, what it costs, and the control for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPlainTextEdit, QSpinBox, QWidget

from app.gui import theme
from app.gui.widgets import Banner, button, column, label, line_edit, number_field, row, visible
from app.product import ROLES

if TYPE_CHECKING:
    from app.sso.choices import Choice
    from app.sso.values import ChoiceView

_CONTROL = 250
_ROLE = 170
_SUFFIX = {"clock_skew_s": " s"}


class RoleValues(QWidget):
    """For every role the values that give it, separated by semicolons."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, QLineEdit] = {}
        lines: list[Any] = []
        for role in ROLES:
            field = line_edit(placeholder="no value gives this role", name=f"Values for {role.title}")
            field.setFont(theme.mono())
            field.textEdited.connect(lambda _t: self.edited.emit())
            self.fields[role.id] = field
            caption = label(role.title, tone="muted", wrap=True)
            caption.setFixedWidth(_ROLE)
            bar = row(caption, field)
            bar.setStretch(1, 1)
            lines.append(bar)
        self.setLayout(column(*lines, spacing=6))

    def show_value(self, value: dict[str, str]) -> None:
        """Show which values give which role."""
        for role_id, field in self.fields.items():
            field.setText("; ".join(given for given, role in value.items() if role == role_id))
            field.setCursorPosition(0)

    def text(self) -> str:
        """As Choice.parsed() reads it."""
        pairs = (
            f"{part.strip()}={role_id}"
            for role_id, field in self.fields.items()
            for part in field.text().split(";")
            if part.strip()
        )
        return "; ".join(pairs)


class ChoiceRow(QWidget):
    """`edited` is emitted when the person changed something; `value()` is what stands there now."""

    edited = Signal()

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self.choice = choice
        self._view: ChoiceView | None = None
        self._left = False  # whether it is to be left to the preferences again
        self.banner = Banner(slim=True)
        self.control = self._control()
        self.control.setAccessibleName(choice.title)
        self.control.setAccessibleDescription(choice.explanation)
        self.state = label("", tone="muted", size=12)
        self.leave = button("Use the default", self._leave, kind="flat")
        words = column(label(choice.title), label(choice.explanation, tone="muted", size=12, wrap=True), spacing=2)
        cost = label(f"What it costs: {choice.cost}", tone="muted", size=12, wrap=True)
        foot = row(self.state, 1, self.leave)
        wide = choice.kind in ("role values", "addresses", "one of", "claim name")
        if wide:
            self.setLayout(column(words, self.control, cost, foot, self.banner, spacing=6, margins=(0, 4, 0, 4)))
        else:
            self.control.setFixedWidth(_CONTROL)
            main = row(words, self.control, spacing=16)
            main.setStretch(0, 1)
            self.setLayout(column(main, cost, foot, self.banner, spacing=4, margins=(0, 4, 0, 4)))

    def _control(self) -> QWidget:
        c = self.choice
        if c.kind == "yes or no":
            box = QCheckBox("On")
            box.toggled.connect(lambda _on: self._edited())
            return box
        if c.kind == "whole number":
            number = number_field(c.title, c.low, c.high, suffix=_SUFFIX.get(c.name, ""))
            number.valueChanged.connect(lambda _v: self._edited())
            return number
        if c.kind == "one of":
            choice = QComboBox()
            choice.setMinimumContentsLength(12)
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            for value, sentence in c.options.items():
                choice.addItem(sentence, value)
            choice.activated.connect(lambda _i: self._edited())
            return choice
        if c.kind == "role values":
            roles = RoleValues()
            roles.edited.connect(self._edited)
            return roles
        if c.kind == "addresses":
            text = QPlainTextEdit()
            text.setFont(theme.mono())
            text.setFixedHeight(84)
            text.setTabChangesFocus(True)
            text.setPlaceholderText("One address on each line; the first is the one that is sent.")
            text.textChanged.connect(self._edited)
            return text
        field = line_edit(name=c.title)
        field.setFont(theme.mono())
        field.textEdited.connect(lambda _t: self._edited())
        return field

    # What is shown ---------------------------------------------------------------------------------------------

    def show_view(self, view: ChoiceView) -> None:
        """Show what holds, without telling it as a change."""
        self._view, self._left = view, False
        self._show_value(view.value)
        self._told()

    def _show_value(self, value: Any) -> None:
        control = self.control
        with QSignalBlocker(control):
            if isinstance(control, QCheckBox):
                control.setChecked(bool(value))
            elif isinstance(control, QSpinBox):
                control.setValue(int(value))
            elif isinstance(control, QComboBox):
                control.setCurrentIndex(control.findData(value))
            elif isinstance(control, RoleValues):
                control.show_value(value)
            elif isinstance(control, QPlainTextEdit):
                control.setPlainText("\n".join(value))
            elif isinstance(control, QLineEdit):
                control.setText(value)
                control.setCursorPosition(0)

    def _told(self) -> None:
        view = self._view
        if view is None:
            return
        self.banner.hide()
        decided = self.decision()
        own = view.decided if decided is _SAME else decided is not None
        usual = self.choice.shown(view.inherited)
        if self.choice.options:
            usual = self.choice.options.get(usual, usual)
        self.state.setText(visible("Decided for this account" if own else "The default"))
        self.leave.setVisible(own)
        self.leave.setToolTip(visible(f"Default: {usual[:300]}"))
        self.leave.setAccessibleName(f"Use the default for {self.choice.title}")

    def _edited(self) -> None:
        self._left = False
        self._told()
        self.edited.emit()

    def _leave(self) -> None:
        if self._view is not None:
            self._show_value(self._view.inherited)
            self._left = True
            self._told()
            self.edited.emit()

    # What stands there -----------------------------------------------------------------------------------------

    def decision(self) -> Any:
        """What would be saved: a value, or None for the default; marks where nothing is new, or nothing fits."""
        view = self._view
        if view is None:
            return _SAME
        if self._left:
            return None if view.decided else _SAME
        try:
            value = self._value()
        except ValueError:
            return _UNFIT
        return _SAME if value == view.value else value

    def changed(self) -> bool:
        """Whether there is something to save."""
        return self.decision() is not _SAME

    def wanted(self) -> Any:
        """The value to save, None for the default. ValueError with a sentence where it does not fit."""
        return None if self._left else self._value()

    def _value(self) -> Any:
        control, c = self.control, self.choice
        if isinstance(control, QCheckBox):
            return c.checked(control.isChecked())
        if isinstance(control, QSpinBox):
            return c.checked(control.value())
        if isinstance(control, QComboBox):
            return c.checked(control.currentData())
        if isinstance(control, RoleValues):
            return c.parsed(control.text())
        if isinstance(control, QPlainTextEdit):
            return c.parsed(control.toPlainText())
        assert isinstance(control, QLineEdit)
        return c.parsed(control.text())


class _Mark:
    """A decision that is none: nothing new, or nothing that fits."""


_SAME = _Mark()
_UNFIT = _Mark()
