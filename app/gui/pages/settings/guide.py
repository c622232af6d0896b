"""One vendor's guide: each step with values to copy, what is seen there once it is done, and how it was checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from app.gui.widgets import CopyRow, Pill, column, label, line, row, visible

if TYPE_CHECKING:
    from app.setup_guides import GuideStep, SetupGuide
    from app.sso import StepState

_CAPTION = 250
_INDENT = 28
_WORDS = {
    "pass": ("pass", "Done"),
    "fail": ("fail", "Not right"),
    "waiting": ("skipped", "Not known yet"),
    "by-eye": ("info", "Look there"),
}


class StepView(QWidget):
    """One step. show_state() says how it was checked."""

    def __init__(self, number: int, step: GuideStep) -> None:
        super().__init__()
        self.pill = Pill("", "")
        self.told = label("", wrap=True)
        dot = label(f"{number}.", bold=True)
        dot.setFixedWidth(_INDENT - 8)
        head = row(dot, label(step.do, bold=True, wrap=True), self.pill)
        head.setStretch(1, 1)
        parts: list[Any] = []
        for field in step.fields:
            parts.append(CopyRow(field.label, field.value, _CAPTION))
            if field.note:
                note = label(field.note, tone="muted", size=12, wrap=True)
                parts.append(row(note, margins=(_CAPTION + 8, 0, 0, 4)))
        parts.append(label(f"Check: {step.expect}", tone="muted", wrap=True))
        inner = column(*parts, self.told, spacing=6, margins=(_INDENT, 0, 0, 0))
        self.told.hide()
        self.setLayout(column(head, inner, spacing=6, margins=(0, 4, 0, 4)))

    def show_state(self, state: StepState) -> None:
        """Show how the step was checked, and why."""
        self.pill.show_state(*_WORDS[state.result])
        where = f" ({state.reference})" if state.reference and state.result == "fail" else ""
        self.told.setText(visible(f"{state.sentence}{where}"))
        self.told.setVisible(bool(state.sentence))


class GuideView(QWidget):
    """The steps of one vendor."""

    def __init__(self, guide: SetupGuide) -> None:
        super().__init__()
        self.setObjectName("plain")
        self.guide = guide
        self.steps = [StepView(n, s) for n, s in enumerate(guide.steps, 1)]
        parts: list[Any] = [label(guide.application, wrap=True)]
        for step in self.steps:
            parts += [line(), step]
        parts += [line(), label(f"First login: {guide.first_login}", wrap=True)]
        if guide.id != "generic":
            parts.append(label(f"Names as the vendor used them in {guide.last_checked}.", tone="muted", size=12))
        self.setLayout(column(*parts, 1, spacing=8, margins=(0, 8, 8, 8)))

    def show_states(self, states: Sequence[StepState]) -> None:
        """Show how each step was checked."""
        for view, state in zip(self.steps, states, strict=True):
            view.show_state(state)
