"""Values to copy: what to do at the identity provider, per vendor and step by step, and our own metadata."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QTabWidget

from app.gui.files import ask_save
from app.gui.pages.settings.guide import GuideView
from app.gui.pages.settings.section import METADATA_FILES, Loaded, Section
from app.gui.pages.settings.sp_keys import SpKeysView
from app.gui.widgets import Card, button, column, copy_text, label, row, scrolled

if TYPE_CHECKING:
    from app.gui.pages.settings.page import SettingsPage
    from app.sso import SpValues, StepState


class ValuesSection(Section):
    """What to do at the identity provider, per vendor: each step with values to copy and a check."""

    name = "values"
    title = "Values to copy"

    def __init__(self, page: SettingsPage) -> None:
        super().__init__(page)
        self.vendors = QTabWidget()
        self.vendors.setDocumentMode(True)
        self.vendors.tabBar().setDrawBase(False)
        self.vendors.setAccessibleName("Identity provider product")
        self.export_button = button(
            "Export SP metadata", self.export_sp_metadata, icon="export", hint="Write our metadata to a file"
        )
        self.copy_button = button("Copy SP metadata", self.copy_sp_metadata, icon="copy", kind="flat")
        self._words = label(
            "Enter these values at the identity provider, under the names it uses. They follow the Identifier.",
            tone="muted",
            wrap=True,
        )
        self.check_button = button(
            "Check steps", self.check, icon="check", hint="Look at what is saved and at the last response"
        )
        head = row(self._words, self.check_button, self.copy_button, self.export_button)
        head.setStretch(0, 1)
        card = Card("", head, self.vendors)
        card.body.setStretch(1, 1)
        self.setLayout(column(card, margins=(0, 12, 0, 0)))
        self.views: list[GuideView] = []
        self.keys = SpKeysView(self)
        self._keys_tab = scrolled(self.keys)
        self.vendors.addTab(self._keys_tab, "Our keys")
        self.vendors.currentChanged.connect(self._on_tab)
        self._shown: SpValues | None = None

    def show_loaded(self, loaded: Loaded) -> None:
        self.show_values(loaded.view.sp)
        self.keys.show_loaded(loaded)

    def show_values(self, values: SpValues) -> None:
        """Show the values of an account; the vendor on show stays on show."""
        if values == self._shown:
            return
        self._shown = values
        kept = max(self.vendors.currentIndex(), 0)
        while self.vendors.count():
            old = self.vendors.widget(0)
            self.vendors.removeTab(0)
            if old is not None and old is not self._keys_tab:
                old.deleteLater()
        self.views = [GuideView(guide) for guide in values.guides]
        for view in self.views:
            self.vendors.addTab(scrolled(view), view.guide.name)
        self.vendors.addTab(self._keys_tab, "Our keys")
        self.vendors.setCurrentIndex(min(kept, self.vendors.count() - 1))

    def _on_tab(self, number: int) -> None:
        self.check_button.setVisible(number < len(self.views))

    def check(self) -> None:
        """Check the steps of the vendor on show."""
        number = self.vendors.currentIndex()
        if not 0 <= number < len(self.views):
            return
        view = self.views[number]

        def show(states: tuple[StepState, ...]) -> None:
            if view in self.views:
                view.show_states(states)

        self.work(self.desk.sso.check_guide, self.desk.account, view.guide.id, then=show, channel="guide")

    def export_sp_metadata(self) -> None:
        """Write our own metadata for this account to a file."""
        name = f"sp-metadata-{self.desk.account}.xml"
        ask_save(self, "Export SP metadata", name, METADATA_FILES, self.export_sp_metadata_to)

    def export_sp_metadata_to(self, path: Path) -> None:
        """Write our own metadata for this account to this file."""
        self.work(self.desk.sso.sp_metadata, self.desk.account, then=lambda data: self.write(data, path), channel="sp")

    def copy_sp_metadata(self) -> None:
        """Put our own metadata on the clipboard."""
        self.work(
            self.desk.sso.sp_metadata,
            self.desk.account,
            then=lambda data: copy_text(data.decode(), self.copy_button),
            channel="sp",
        )
