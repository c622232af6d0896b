"""Values to copy: what to enter at the identity provider, per vendor, and our own metadata."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QTabWidget, QWidget

from app.gui.files import ask_save
from app.gui.pages.settings.section import METADATA_FILES, Loaded, Section
from app.gui.widgets import Card, CopyRow, button, column, copy_text, label, row, scrolled

if TYPE_CHECKING:
    from app.gui.pages.settings.page import SettingsPage
    from app.setup_guides import SetupGuide
    from app.sso import SpValues

_CAPTION = 250


class ValuesSection(Section):
    """What to enter at the identity provider, per vendor, each value with a button that copies it."""

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
        head = row(self._words, self.copy_button, self.export_button)
        head.setStretch(0, 1)
        card = Card("", head, self.vendors)
        card.body.setStretch(1, 1)
        self.setLayout(column(card, margins=(0, 12, 0, 0)))
        self._shown: SpValues | None = None

    def show_loaded(self, loaded: Loaded) -> None:
        self.show_values(loaded.view.sp)

    def show_values(self, values: SpValues) -> None:
        """Show the values of an account; the vendor on show stays on show."""
        if values == self._shown:
            return
        self._shown = values
        kept = max(self.vendors.currentIndex(), 0)
        while self.vendors.count():
            old = self.vendors.widget(0)
            self.vendors.removeTab(0)
            if old is not None:
                old.deleteLater()
        for guide in values.guides:
            self.vendors.addTab(scrolled(_guide(guide)), guide.name)
        self.vendors.addTab(scrolled(_any_idp(values)), "Any other")
        self.vendors.setCurrentIndex(min(kept, self.vendors.count() - 1))

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


def _plain(*parts: Any) -> QWidget:
    made = QWidget()
    made.setObjectName("plain")
    made.setLayout(column(*parts, 1, spacing=8, margins=(0, 8, 8, 8)))
    return made


def _guide(guide: SetupGuide) -> QWidget:
    parts: list[Any] = [label(guide.application, bold=True, wrap=True)]
    for field in guide.fields:
        parts.append(CopyRow(field.label, field.value, _CAPTION))
        if field.note:
            parts.append(row(label(field.note, tone="muted", size=12, wrap=True), margins=(_CAPTION + 8, 0, 0, 4)))
    parts.append(label("Steps", bold=True))
    for number, step in enumerate((*guide.steps, f"First login: {guide.first_login}"), 1):
        dot = label(f"{number}.", tone="muted")
        dot.setFixedWidth(20)
        made = row(dot, label(step, wrap=True))
        made.setStretch(1, 1)
        parts.append(made)
    parts.append(label(f"Names as the vendor used them in {guide.last_checked}.", tone="muted", size=12))
    return _plain(*parts)


def _any_idp(values: SpValues) -> QWidget:
    rows = (
        ("Identifier (entity ID, audience)", values.entity_id),
        ("Reply URL (ACS, HTTP-POST)", values.acs_url),
        ("RelayState", values.relay_state),
        ("Logout URL", values.logout_url),
        ("SSO login page (SP-initiated)", values.login_url),
        ("Claim imagekit_id", values.imagekit_id),
    )
    return _plain(
        label("A SAML 2.0 service provider.", bold=True),
        *(CopyRow(caption, value, _CAPTION) for caption, value in rows),
        label(
            "The NameID is the person's e-mail, in format emailAddress. The claims imagekit_id, full_name and "
            "imagekit_role are required; the role must have exactly one of the accepted values.",
            tone="muted",
            wrap=True,
        ),
    )
