"""Trials: every fault, and chains of steps, sent to our own service provider; expected against got."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QTabWidget

from app.gui.desk import Desk, Page
from app.gui.pages.trials.matrix import Matrix
from app.gui.pages.trials.part import Part
from app.gui.pages.trials.probe import Probe
from app.gui.pages.trials.scenarios import Scenarios

_SCENARIO: Final = "scenario"


class TrialsPage(Page):
    """open() takes the id of a fault, ("scenario", id of a scenario), or ("probe", "")."""

    name = "trials"
    title = "Trials"
    sentence = "Faults and whole chains of logins, sent for real: expected against got."
    icon = "trials"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.matrix = Matrix(desk)
        self.scenarios = Scenarios(desk)
        self.probe = Probe(desk)
        self._parts: tuple[Part, ...] = (self.matrix, self.scenarios, self.probe)
        self._actions = QStackedWidget()
        self._actions.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setAccessibleName("Faults, scenarios, and other service providers")
        for part in self._parts:
            self._actions.addWidget(part.buttons)
            self.tabs.addTab(part, part.title)
        self.tabs.currentChanged.connect(self._show_part)
        self.header(self._actions)
        self.body.addWidget(self.tabs, 1)

    @property
    def part(self) -> Part:
        """The tab that is shown."""
        return self._parts[self.tabs.currentIndex()]

    def refresh(self) -> None:
        self.part.refresh()

    def _show_part(self, number: int) -> None:
        self._actions.setCurrentIndex(number)
        self.part.refresh()

    def open(self, what: Any) -> None:
        """Choose a fault or a scenario."""
        if isinstance(what, tuple) and len(what) == 2 and what[0] == _SCENARIO:
            self.tabs.setCurrentWidget(self.scenarios)
            self.scenarios.choose(str(what[1]))
        elif isinstance(what, tuple):
            self.tabs.setCurrentWidget(self.probe)
        else:
            self.tabs.setCurrentWidget(self.matrix)
            self.matrix.open(str(what))

    def drop(self, path: Path) -> bool:
        """A TOML file is a scenario."""
        if path.suffix.lower() != ".toml":
            return False
        self.tabs.setCurrentWidget(self.scenarios)
        return self.scenarios.drop(path)

    def restyle(self) -> None:
        super().restyle()
        for part in self._parts:
            part.restyle()
