"""The claims of one message as fields: each can be changed, left out, or added. It makes no message."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from app.gui.simulator.fields import OptionalField
from app.gui.simulator.message_work import Claim
from app.gui.widgets import button, clear, column, label, line_edit, mono_label, row, scrolled

_MOST = 200


class ClaimFields(QWidget):
    """`edited` is emitted when a claim was changed, `added` with the name and the value of a new one."""

    edited = Signal()
    added = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[tuple[int, int, int], OptionalField] = {}
        self._claims: Sequence[Claim] = ()
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        self.words = label(
            "For this login only: the directory keeps what it has. Omitted is not the same as empty.",
            tone="muted",
            size=12,
            wrap=True,
        )
        self.name = line_edit(placeholder="Name", name="Name of a new claim")
        self.value = line_edit(placeholder="Value", name="Value of a new claim")
        self.add_button = button("Add claim", self._add, icon="plus")
        for field in (self.name, self.value):
            field.returnPressed.connect(self._add)
        inner = QWidget()
        new = row(self.name, self.value, self.add_button, spacing=8)
        new.setStretch(0, 1)
        new.setStretch(1, 1)
        inner.setLayout(column(self._grid, new, 1, spacing=10, margins=(0, 0, 8, 0)))
        whole = column(self.words, scrolled(inner), spacing=8, margins=(0, 8, 0, 0))
        whole.setStretch(1, 1)
        self.setLayout(whole)

    def show_claims(self, claims: Sequence[Claim]) -> None:
        """Show these claims."""
        clear(self._grid)
        self.fields = {}
        self._claims = tuple(claims[:_MOST])
        for number, claim in enumerate(self._claims):
            name = mono_label(claim.name, wrap=True)
            self._grid.addWidget(name, number, 0)
            if claim.value is None:
                self._grid.addWidget(label("No text: see the values before signing.", tone="muted"), number, 1)
                continue
            field = OptionalField(claim.name)
            field.show_value(claim.value)
            field.edited.connect(self.edited)
            self._grid.addWidget(field, number, 1)
            self.fields[claim.place] = field

    @property
    def changes(self) -> dict[tuple[int, int, int], str | None]:
        """The claims that differ from what was shown; None: left out."""
        was = {c.place: c.value for c in self._claims}
        return {place: field.value for place, field in self.fields.items() if field.value != was[place]}

    def lock(self, on: bool) -> None:
        """Let nobody edit, or let them again."""
        for made in (*self.fields.values(), self.name, self.value, self.add_button):
            made.setEnabled(not on)

    def _add(self) -> None:
        if self.name.text():
            self.added.emit(self.name.text(), self.value.text())
            self.name.clear()
            self.value.clear()
