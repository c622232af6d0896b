"""The Identifier (entity ID) of the account: the default, or an override of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from app.gui import theme
from app.gui.pages.settings.section import Loaded
from app.gui.pages.settings.whatif import WhatIf
from app.gui.widgets import Banner, Card, button, label, line_edit, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.gui.pages.settings.section import Section
    from app.sso import SSO, Candidate, ConfigurationView


class IdentifierCard(Card):
    """Shows the Identifier and saves another one."""

    def __init__(self, section: Section) -> None:
        super().__init__("Identifier (entity ID) of this account")
        self._section = section
        #: What was saved when the field was filled, and the revision that it belongs to.
        self._filled, self._based_on = "", 0
        self.entity_field = line_edit(name="Identifier override")
        self.entity_field.setFont(theme.mono())
        self.entity_field.textEdited.connect(lambda _t: self._entity_changed())
        self.entity_field.returnPressed.connect(self.save_entity_id)
        self.entity_save = button("Set", self.save_entity_id, hint="Save the Identifier")
        self.suggest_button = button("", self._suggest, kind="flat", hint="The Identifier of a child account")
        self.default_button = button("Use the default", self._use_default, kind="flat")
        self.entity_text = label(
            "Empty means the default. A child account that shares an IdP tenant with others needs its own; it is then "
            "both Identifier and Reply URL there.",
            tone="muted",
            size=12,
            wrap=True,
        )
        self.entity_banner = Banner()
        self.what_if = WhatIf(section, self._drafted)
        for part in (
            row(self.entity_field, self.entity_save),
            row(self.suggest_button, self.default_button, 1),
            self.entity_banner,
            self.what_if,
            self.entity_text,
        ):
            self.add(part)

    def show_loaded(self, loaded: Loaded) -> None:
        """Show the account in hand as it is now."""
        account = loaded.view.account
        if self.entity_field.text() == self._filled or self.entity_field.text().strip() == (account.entity_id or ""):
            self.forget()  # what was typed and not saved stays, whatever is saved elsewhere
        self.entity_field.setPlaceholderText(self._section.desk.sso.sp.entity_id)
        self.suggest_button.setText(f"Suggest …#{account.imagekit_id}")
        self.suggest_button.setAccessibleName(f"Suggest {loaded.child_entity_id}")
        self._entity_changed()

    def forget(self) -> None:
        """Show what is saved instead of what was typed."""
        loaded = self._section.loaded
        self._filled = (loaded.view.account.entity_id or "") if loaded is not None else ""
        self._based_on = self._section.seen
        self.entity_field.setText(self._filled)
        self.entity_field.setCursorPosition(0)
        self._entity_changed()

    def restyle(self) -> None:
        """Follow the theme."""
        self.entity_banner.restyle()
        self.what_if.restyle()

    def _entity_changed(self) -> None:
        current = (self._section.loaded.view.account.entity_id or "") if self._section.loaded else ""
        self.entity_save.setEnabled(self._section.loaded is not None and self.entity_field.text().strip() != current)
        self.default_button.setVisible(bool(current))
        self.entity_banner.hide()
        self.what_if.setVisible(self.entity_save.isEnabled())
        self.what_if.forget()

    def _drafted(self) -> tuple[object, Callable[[SSO, str], Candidate]] | None:
        wanted = self.entity_field.text().strip()
        return (wanted, partial(_candidate, wanted)) if self.entity_save.isEnabled() else None

    def _suggest(self) -> None:
        if self._section.loaded is not None:
            self.entity_field.setText(self._section.loaded.child_entity_id)
            self._entity_changed()

    def _use_default(self) -> None:
        self.entity_field.clear()
        self._entity_changed()
        self.save_entity_id()

    def save_entity_id(self) -> None:
        """Save the override, or go back to the default."""
        if self.entity_save.isEnabled():
            self._save(self._based_on)

    def _save(self, based_on: int) -> None:
        self._section.work(
            _save,
            self._section.desk.sso,
            self._section.desk.account,
            self.entity_field.text(),
            based_on,
            then=self._entity_saved,
            failed=lambda e: self._section.refused(e, self._save, self.forget, self._not_saved),
            channel="entity",
        )

    def _not_saved(self, error: Exception) -> None:
        self.entity_banner.say("error", str(error))

    def _entity_saved(self, view: ConfigurationView) -> None:
        self._filled = self.entity_field.text()
        self._section.banner.say(
            "success",
            f"The Identifier is {view.sp.entity_id}. Change it at the identity provider too.",
            "Values for the IdP",
            partial(self._section.page.open, "values"),
        )
        self._section.page.refresh()


def _save(sso: SSO, imagekit_id: str, entity_id: str, based_on: int) -> ConfigurationView:
    return sso.set_entity_id(imagekit_id, entity_id, based_on=based_on)


def _candidate(entity_id: str, sso: SSO, imagekit_id: str) -> Candidate:
    return sso.candidate(imagekit_id, entity_id=entity_id)
