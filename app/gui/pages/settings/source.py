"""Metadata from an address: fetching it into the box, watching it, and what was found there that is not saved."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtWidgets import QComboBox, QWidget

from app.gui.pages.settings.section import Loaded
from app.gui.widgets import Banner, button, column, confirm, label, line_edit, retint, row, visible
from app.gui.wording import ago, exact, plural

if TYPE_CHECKING:
    from app.gui.pages.settings.metadata import MetadataSection
    from app.sso import SSO, SourceView
    from app.store import MetadataSource

_OFTEN: Final = (("Not watched", 0), ("Watch hourly", 1), ("Watch daily", 24), ("Watch weekly", 168))


class SourceRow(QWidget):
    """The address, how often to look, and what was found. What is fetched only fills the box above it."""

    def __init__(self, section: MetadataSection) -> None:
        super().__init__()
        self._section = section
        self._source: SourceView | None = None
        self._fetched: tuple[str, bool] | None = None
        self._filled = ""
        self.field = line_edit(placeholder="https://idp.example/metadata", name="Address of the metadata")
        self.field.returnPressed.connect(self.fetch)
        self.often = QComboBox()
        self.often.setAccessibleName("How often to look whether the metadata has changed")
        for word, hours in _OFTEN:
            self.often.addItem(word, hours)
        self.often.activated.connect(lambda _i: self._watch())
        self.button = button(
            "Fetch", self.fetch, icon="link", hint="Fetch the metadata; it is shown before it is saved"
        )
        self.state = label("", tone="muted", size=12, wrap=True)
        self.banner = Banner(slim=True)
        self.dismiss_button = button(
            "Dismiss this version", self.dismiss, kind="flat", hint="Decide against it; it is not proposed again"
        )
        line = row(self.field, self.button)
        line.setStretch(0, 1)
        rhythm = row(self.often, self.state)
        rhythm.setStretch(1, 1)
        self.setLayout(column(line, rhythm, self.banner, row(self.dismiss_button, 1), spacing=6))
        self.dismiss_button.hide()

    def show_loaded(self, loaded: Loaded) -> None:
        """Show where the metadata of the account comes from."""
        self._source = view = loaded.source
        saved = view.source.url if view is not None else ""
        if self.field.text() in (self._filled, saved):
            self.field.setText(saved)
            self.field.setCursorPosition(0)
            self._filled = saved
            self.often.setCurrentIndex(max(self.often.findData(view.source.every_hours if view is not None else 0), 0))
        self.state.setVisible(view is not None)
        self.banner.hide()
        self.dismiss_button.setVisible(view is not None and view.proposal is not None)
        if view is None:
            return
        source = view.source
        if source.checked_at is None:
            self.state.setText("Not looked at since it was saved.")
        elif source.problem is not None:
            self.state.setText(visible(f"Looked {ago(source.checked_at, loaded.now)}. {source.problem}"))
        else:
            found = "it has changed" if view.proposal is not None else "nothing new"
            self.state.setText(f"Looked {ago(source.checked_at, loaded.now)}: {found}.")
        self.state.setToolTip(exact(source.checked_at))
        if view.proposal is not None:
            found = plural(len(view.differences), "difference")
            words = f"The metadata there has changed ({found}). Nothing was taken over."
            self.banner.say("warning", words, "Review", self.review)

    def forget(self) -> None:
        """Another account: what was typed for the one before goes."""
        self._fetched = None
        self.field.setText(self._filled)

    def restyle(self) -> None:
        """Follow the theme."""
        self.banner.restyle()
        retint(self.button)

    # Fetching --------------------------------------------------------------------------------------------------

    def fetch(self) -> None:
        """Fetch what was typed into the box."""
        known = self._source.source if self._source is not None else None
        url = self.field.text().strip()
        if url:
            self._fetch(url, known is not None and known.url == url and known.intranet)

    def _fetch(self, url: str, intranet: bool) -> None:
        self.button.setEnabled(False)
        self._section.banner.say("info", "Fetching the metadata ...")
        self._section.work(
            _fetch,
            url,
            intranet,
            then=partial(self._arrived, url, intranet),
            failed=partial(self._failed, url),
            channel="fetch",
        )

    def _arrived(self, url: str, intranet: bool, document: bytes) -> None:
        self.button.setEnabled(True)
        self._section.take("The fetched document", document)
        self._fetched = (url, intranet)

    def _failed(self, url: str, error: Exception) -> None:
        from app.fetching.address import Intranet

        self.button.setEnabled(True)
        self._section.not_done(error)
        if isinstance(error, Intranet) and confirm(
            self,
            f"Is {error.host} meant to be in your own network?",
            f"{error} Only fetch from it if you know this host.",
            "Fetch from it",
        ):
            self._fetch(url, True)

    def review(self) -> None:
        """Put what was found into the box, to be looked at and saved."""
        if self._source is not None and self._source.proposal is not None:
            self._section.take("The document that was found", self._source.proposal)

    def dismiss(self) -> None:
        """Decide against what was found."""
        self._section.work(
            self._section.desk.sso.dismiss_proposal,
            self._section.desk.account,
            then=partial(self._dismissed, self._source.proposal if self._source is not None else None),
            channel="dismiss",
        )

    def _dismissed(self, proposal: bytes | None, _none: None) -> None:
        if proposal is not None and self._section.draft == proposal:
            self._section.discard()

    def saved(self, entity: str | None) -> None:
        """What was in the box was saved: remember where it came from, if it was fetched."""
        if self._fetched is not None:
            url, intranet = self._fetched
            self._fetched = None
            self._remember(url, intranet, entity)

    def typed(self) -> None:
        """Something else is in the box now."""
        self._fetched = None

    def _watch(self) -> None:
        """Another rhythm, for the address that is saved already."""
        if self._source is not None and self.field.text().strip() == self._source.source.url:
            source = self._source.source
            self._remember(source.url, source.intranet, source.entity)

    def _remember(self, url: str, intranet: bool, entity: str | None) -> None:
        self._section.work(
            _remember,
            self._section.desk.sso,
            self._section.desk.account,
            url,
            int(self.often.currentData()),
            intranet,
            entity,
            self._source.source if self._source is not None else None,
            then=lambda _view: self._section.page.refresh(),
            failed=self._not_remembered,
            channel="source",
        )

    def _not_remembered(self, error: Exception) -> None:
        self._section.not_done(error)
        self._section.page.refresh()  # what somebody else has set is shown before it is tried again


def _fetch(url: str, intranet: bool) -> bytes:
    from app.fetching.address import fetch

    return fetch(url, intranet=intranet)


def _remember(
    sso: SSO, imagekit_id: str, url: str, hours: int, intranet: bool, entity: str | None, seen: MetadataSource | None
) -> SourceView | None:
    return sso.set_metadata_source(imagekit_id, url, every_hours=hours, intranet=intranet, entity=entity, seen=seen)
