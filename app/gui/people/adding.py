"""The panel that adds a user by hand, and the choice of a role. It asks; the page calls the verb."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox

from app.gui.widgets import Banner, Card, button, column, label, line_edit, row
from app.product import ROLES


def role_box(name: str) -> QComboBox:
    """A choice of the roles by title; the data is the role's id."""
    made = QComboBox()
    made.setAccessibleName(name)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(10)
    for number, known in enumerate(ROLES):
        made.addItem(known.title, known.id)
        made.setItemData(number, known.may, Qt.ItemDataRole.AccessibleDescriptionRole)
    return made


class AddPanel(Card):
    """Hidden until begin(). `asked` carries what was typed: e-mail, name, role."""

    asked = Signal(str, str, str)

    def __init__(self) -> None:
        super().__init__("Add a user by hand")
        self.email = line_edit(placeholder="name@company.example", name="E-mail of the new user")
        self.name = line_edit(placeholder="Full name", name="Full name of the new user")
        self.role = role_box("Role of the new user")
        self.banner = Banner()
        fields = row(
            column(label("E-mail", tone="muted", size=12), self.email, spacing=4),
            column(label("Full name", tone="muted", size=12), self.name, spacing=4),
            column(label("Role", tone="muted", size=12), self.role, spacing=4),
            column(1, row(button("Add", self.ask, kind="primary"), button("Cancel", self.leave, kind="flat"))),
            spacing=12,
        )
        fields.setStretch(0, 3)
        fields.setStretch(1, 2)
        fields.setStretch(2, 2)
        self.add(fields)
        self.add(self.banner)
        for field in (self.email, self.name):
            field.returnPressed.connect(self.ask)
        self.hide()

    def begin(self) -> None:
        """Show it, ready to be typed into."""
        self.banner.hide()
        self.show()
        self.role.setCurrentIndex(1)
        self.email.setFocus()

    def leave(self) -> None:
        """Close it and forget what was typed."""
        for field in (self.email, self.name):
            field.clear()
        self.hide()

    def ask(self) -> None:
        """Ask to add whoever was typed."""
        self.asked.emit(self.email.text(), self.name.text(), self.role.currentData())

    def restyle(self) -> None:
        """Follow the theme."""
        self.banner.restyle()
