"""The SSO configuration of the account in hand; each part of it is a section under a tab of its own.

Nothing is saved before it was shown what was understood; every saved state is a revision that can be restored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QTabWidget

from app.gui.desk import Desk, Page
from app.gui.pages.settings.account import AccountSection
from app.gui.pages.settings.certificates import CertificatesSection
from app.gui.pages.settings.choices import ClaimsSection, RulesSection
from app.gui.pages.settings.conflict import ConflictCard
from app.gui.pages.settings.history import HistorySection
from app.gui.pages.settings.metadata import MetadataSection
from app.gui.pages.settings.picker import PickerCard
from app.gui.pages.settings.safety import SafetySection
from app.gui.pages.settings.section import Loaded, Section, load
from app.gui.pages.settings.values import ValuesSection
from app.gui.widgets import Banner, button

S = TypeVar("S", bound=Section)


class SettingsPage(Page):
    name = "settings"
    title = "Settings"
    sentence = "How this account trusts its identity provider, and what the identity provider must be told."
    icon = "settings"
    depends_on = frozenset({"configuration", "accounts", "settings"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.loaded: Loaded | None = None
        self._account = ""
        self.save_button = button(
            "Save metadata",
            self.save,
            kind="primary",
            shortcut="Ctrl+S",
            hint="Save the metadata, which turns SSO on",
        )
        self.save_button.setEnabled(False)
        self.header(self.save_button)
        self.banner = Banner()
        self.body.addWidget(self.banner)
        self.conflict = ConflictCard()
        self.body.addWidget(self.conflict)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setAccessibleName("Parts of the settings")
        self.sections: list[Section] = []
        self.metadata = self._section(MetadataSection(self))
        self.picker = PickerCard(self.metadata)
        self.body.addWidget(self.picker)
        self.values = self._section(ValuesSection(self))
        self.safety = self._section(SafetySection(self))
        self.rules = self._section(RulesSection(self))
        self.claims = self._section(ClaimsSection(self))
        self.certificates = self._section(CertificatesSection(self))
        self.account = self._section(AccountSection(self))
        self.history = self._section(HistorySection(self))
        self.tabs.currentChanged.connect(lambda i: self.save_button.setVisible(i == 0))
        self.body.addWidget(self.tabs, 1)
        # Two people are to be told apart first; what is under the tabs would only be in the way.
        self.conflict.asked.connect(lambda on: self.tabs.setVisible(not on))
        find = QShortcut(QKeySequence("Ctrl+F"), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.metadata.entered)

    def _section(self, section: S) -> S:
        """Put a section under the next tab."""
        self.sections.append(section)
        self.tabs.addTab(section, section.title)
        return section

    def refresh(self) -> None:
        if not self.desk.account:
            return  # the accounts are still being loaded
        if self.desk.account != self._account:
            # What was dropped before the page was first shown stays; what was meant for another account does not.
            if self._account:
                for section in self.sections:
                    section.leave_account()
                self.banner.hide()
                self.conflict.dismiss()
                self.picker.leave()
            self._account = self.desk.account
        self.work(load, self.desk.sso, self.desk.account, then=self._show, failed=self._failed, channel="load")

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__, "Try again", self.refresh)

    def _show(self, loaded: Loaded) -> None:
        self.loaded = loaded
        for section in self.sections:
            section.show_loaded(loaded)

    def save(self) -> None:
        """Save the metadata that was pasted."""
        self.metadata.save()

    def open(self, what: Any) -> None:
        """Show a section by its name, or take a metadata document (bytes or text)."""
        named = next((s for s in self.sections if s.name == what), None)
        if named is not None:
            self.tabs.setCurrentWidget(named)
            named.entered()
        elif isinstance(what, bytes | str):
            self.tabs.setCurrentWidget(self.metadata)
            self.metadata.take("The document", what)

    def drop(self, path: Path) -> bool:
        """Take a metadata file; False for anything else."""
        taken = self.metadata.take_file(path)
        if taken:
            self.tabs.setCurrentWidget(self.metadata)
        return taken

    def restyle(self) -> None:
        super().restyle()
        self.banner.restyle()
        self.conflict.restyle()
        self.picker.restyle()
        for section in self.sections:
            section.restyle()
