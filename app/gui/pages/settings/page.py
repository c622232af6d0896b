"""The SSO configuration of the account in hand; each part of it is a section under a tab of its own.

Nothing is saved before it was shown what was understood; every saved state is a revision that can be restored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QTabWidget, QWidget

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
from app.gui.widgets import Banner, button, column

S = TypeVar("S", bound=Section)

#: What is under the tabs, in their order.
KINDS: Final[tuple[type[Section], ...]] = (
    MetadataSection,
    ValuesSection,
    SafetySection,
    RulesSection,
    ClaimsSection,
    CertificatesSection,
    AccountSection,
    HistorySection,
)


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
        self._made: dict[type[Section], Section] = {}
        self._places = [column() for _ in KINDS]
        for kind, place in zip(KINDS, self._places, strict=True):
            under = QWidget()
            under.setLayout(place)
            self.tabs.addTab(under, kind.title)
        self.metadata = self._section(MetadataSection)
        self.picker = PickerCard(self.metadata)
        self.body.addWidget(self.picker)
        self.tabs.currentChanged.connect(self._turned_to)
        self.body.addWidget(self.tabs, 1)
        # Two people are to be told apart first; what is under the tabs would only be in the way.
        self.conflict.asked.connect(lambda on: self.tabs.setVisible(not on))
        find = QShortcut(QKeySequence("Ctrl+F"), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.metadata.entered)

    def _section(self, kind: type[S]) -> S:
        """A section, made when it is first wanted: all of them at once would hold the window up for half a second."""
        found = self._made.get(kind)
        if isinstance(found, kind):
            return found
        made = kind(self)
        self._made[kind] = made
        self._places[KINDS.index(kind)].addWidget(made)
        made.show()  # at once, and not when the layout comes to it
        if self.loaded is not None:
            made.show_loaded(self.loaded)
        return made

    @property
    def values(self) -> ValuesSection:
        """Values to copy."""
        return self._section(ValuesSection)

    @property
    def safety(self) -> SafetySection:
        """Test and enforce."""
        return self._section(SafetySection)

    @property
    def rules(self) -> RulesSection:
        """Rules."""
        return self._section(RulesSection)

    @property
    def claims(self) -> ClaimsSection:
        """Claims."""
        return self._section(ClaimsSection)

    @property
    def certificates(self) -> CertificatesSection:
        """Certificates."""
        return self._section(CertificatesSection)

    @property
    def account(self) -> AccountSection:
        """Account and seats."""
        return self._section(AccountSection)

    @property
    def history(self) -> HistorySection:
        """History."""
        return self._section(HistorySection)

    def _turned_to(self, number: int) -> None:
        self.save_button.setVisible(number == 0)
        self._section(KINDS[number])

    def refresh(self) -> None:
        if not self.desk.account:
            return  # the accounts are still being loaded
        if self.desk.account != self._account:
            # What was dropped before the page was first shown stays; what was meant for another account does not.
            if self._account:
                for section in self._made.values():
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
        for section in self._made.values():
            section.show_loaded(loaded)

    def save(self) -> None:
        """Save the metadata that was pasted."""
        self.metadata.save()

    def open(self, what: Any) -> None:
        """Show a section by its name, or take a metadata document (bytes or text)."""
        number = next((n for n, kind in enumerate(KINDS) if kind.name == what), None)
        if number is not None:
            self.tabs.setCurrentIndex(number)
            self._section(KINDS[number]).entered()
        elif isinstance(what, bytes | str):
            self.tabs.setCurrentIndex(0)
            self.metadata.take("The document", what)

    def drop(self, path: Path) -> bool:
        """Take a metadata file; False for anything else."""
        taken = self.metadata.take_file(path)
        if taken:
            self.tabs.setCurrentIndex(0)
        return taken

    def restyle(self) -> None:
        super().restyle()
        self.banner.restyle()
        self.conflict.restyle()
        self.picker.restyle()
        for section in self._made.values():
            section.restyle()
