"""The identity provider's metadata: pasted, opened or dropped, shown as understood, and only then saved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QMimeData, QSettings, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QSplitter, QWidget

from app.gui import theme
from app.gui.called_by_qt import called_by_qt
from app.gui.files import FileRefused, ask_open, read_file
from app.gui.lab_work import connect
from app.gui.pages.settings.identifier import IdentifierCard
from app.gui.pages.settings.picker import MANY, begins_like_metadata, is_long
from app.gui.pages.settings.section import METADATA_FILES, Loaded, Section
from app.gui.pages.settings.source import SourceRow
from app.gui.pages.settings.whatif import WhatIf
from app.gui.understood import Understood, UnderstoodView, understand
from app.gui.widgets import Card, Pill, button, column, confirm, label, retint, row, scrolled, visible
from app.gui.wording import ago, exact, plural

if TYPE_CHECKING:
    from app.gui.pages.settings.page import SettingsPage
    from app.sso import SSO, Candidate, ConfigurationView

#: Metadata is refused above 10 MiB, so no more is read; text above the other bound is kept but not shown.
_MOST_BYTES: Final = 10_485_760
_MOST_SHOWN: Final = 200_000


class MetadataBox(QPlainTextEdit):
    """Where metadata is pasted. A very long paste is kept whole but not drawn: a long line would freeze the window."""

    document_given = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Identity provider metadata")
        self.setPlaceholderText(
            "Paste the identity provider's federation metadata (XML) here, open a file, or drop one on the window."
        )
        self.setFont(theme.mono())
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.setTabChangesFocus(True)
        self.setAcceptDrops(False)  # a file dropped here goes to the window, which knows what to do with it

    @called_by_qt
    def insertFromMimeData(self, source: QMimeData) -> None:
        text = source.text()
        if len(text) > _MOST_SHOWN:
            self.document_given.emit(text)
        else:
            super().insertFromMimeData(QMimeData() if source.hasUrls() else _plain(text))


def _plain(text: str) -> QMimeData:
    made = QMimeData()
    made.setText(text)
    return made


class MetadataSection(Section):
    """Where metadata comes in, what was understood of it, and the Identifier."""

    name = "metadata"
    title = "Identity provider"

    def __init__(self, page: SettingsPage) -> None:
        super().__init__(page)
        self._draft: str | bytes | None = None
        self._understood: Understood | None = None
        self._entity: str | None = None
        #: The revision on show when the draft was begun, and the newest one that was told of since.
        self._based_on = self._told = 0
        self.understood = UnderstoodView()
        self.understood_head = Pill("", "")
        self.what_if = WhatIf(self, self._drafted)
        understood = Card(
            "What was understood", self.what_if, scrolled(self.understood), actions=(self.understood_head,)
        )
        understood.body.setStretch(2, 1)
        self.identifier = IdentifierCard(self)
        inner = QWidget()
        inner.setLayout(column(self._metadata_card(), self.identifier, spacing=14))
        inner.layout().setStretch(0, 1)  # type: ignore[union-attr]  # it was set in the line before
        left = scrolled(inner)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(14)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(left)
        self.splitter.addWidget(understood)
        left.setMinimumWidth(330)
        understood.setMinimumWidth(330)
        self.splitter.setSizes([500, 500])
        kept = QSettings().value("settings/splitter")
        if kept is not None:
            self.splitter.restoreState(kept)
        self.splitter.splitterMoved.connect(
            lambda *_: QSettings().setValue("settings/splitter", self.splitter.saveState())
        )
        self.setLayout(column(self.splitter, margins=(0, 12, 0, 0)))
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(200)
        self._pause.timeout.connect(self._read)
        self.box.textChanged.connect(self._typed)
        self.box.document_given.connect(partial(self.take, "The pasted document"))
        self.understood.entity_chosen.connect(self._choose_entity)

    def _metadata_card(self) -> Card:
        self.state = Pill("skipped", "Off")
        self.state_text = label("", tone="muted", wrap=True)
        self.box = MetadataBox()
        self.box.setMinimumHeight(110)
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.source = SourceRow(self)
        self.open_button = button("Open file", self.open_file, icon="open", hint="Open a metadata file")
        self.test_button = button(
            "Use the test IdP", self.use_test_idp, icon="simulator", hint="Start the built-in IdP and trust it"
        )
        self.clear_button = button("Clear", self.discard, kind="flat", hint="Forget what was pasted")
        self.delete_button = button(
            "Turn SSO off", self.delete, icon="delete", kind="danger", hint="Delete the metadata of this account"
        )
        card = Card(
            "Metadata",
            self.state_text,
            self.box,
            self.source,
            row(self.open_button, self.test_button, 1, self.clear_button),
            actions=(self.state, self.delete_button),
        )
        card.body.setStretch(card.body.indexOf(self.box), 1)
        return card

    # Showing ---------------------------------------------------------------------------------------------------

    def show_loaded(self, loaded: Loaded) -> None:
        account, revision = loaded.view.account, loaded.view.revision
        self.state.show_state("success" if account.sso_on else "skipped", "On" if account.sso_on else "Off")
        self.delete_button.setVisible(account.sso_on)
        if revision is None:
            self.state_text.setText("Nobody can log in with SSO until metadata is saved.")
        else:
            self.state_text.setText(
                visible(f"Revision {revision.number}, saved {ago(revision.at, loaded.now)} by {revision.operator}.")
            )
            self.state_text.setToolTip(exact(revision.at))
        self.identifier.show_loaded(loaded)
        self.source.show_loaded(loaded)
        if self._draft is None:
            self._show_saved()
        elif revision is not None and revision.number > max(self._based_on, self._told):
            self._told = revision.number
            if self.page.conflict.isHidden():  # which says the same, and more
                self.banner.say(
                    "warning",
                    f"{revision.operator} saved revision {revision.number} meanwhile: {revision.what} Yours is kept "
                    "and not saved yet.",
                )
            self._read()

    def leave_account(self) -> None:
        self.discard()
        self.identifier.forget()
        self.source.forget()

    def entered(self) -> None:
        self.box.setFocus()

    def _show_saved(self) -> None:
        saved = self.loaded.saved if self.loaded is not None else None
        self.understood_head.show_state("success" if saved else "", "Saved" if saved else "")
        self.understood.show_facts(
            saved,
            "Nothing is saved yet. Paste metadata, and this shows who the identity provider is, where logins go, and "
            "each certificate with its thumbprint, before anything is saved.",
        )
        self.page.save_button.setEnabled(False)
        self.clear_button.setVisible(False)
        self.what_if.hide()

    def restyle(self) -> None:
        self.identifier.restyle()
        self.source.restyle()
        self.what_if.restyle()
        for made_button in (self.open_button, self.test_button, self.delete_button):
            retint(made_button)
        if self._draft is None:
            self._show_saved()
        elif self._understood is not None:
            self._show_understood(self._understood)

    # Taking ----------------------------------------------------------------------------------------------------

    def take_file(self, path: Path) -> bool:
        """Take a metadata file; False for anything else."""
        if is_long(path, _MOST_BYTES) and begins_like_metadata(path):
            self.page.picker.open(path.name, path)
            return True
        try:
            data = read_file(path, _MOST_BYTES)
        except FileRefused as e:
            self.banner.say("error", str(e))
            return False
        if not _is_metadata(data):
            return False
        self.take(path.name, data)
        return True

    def open_file(self) -> None:
        """Let the person choose a metadata file."""
        ask_open(self, "Open metadata", METADATA_FILES, self.open_path)

    def open_path(self, path: Path) -> None:
        """Read a metadata file; of an aggregate that is too long for that, one entity is chosen first."""
        if is_long(path, _MOST_BYTES) and begins_like_metadata(path):
            self.page.picker.open(path.name, path)
            return
        self.work(
            read_file,
            path,
            _MOST_BYTES,
            then=partial(self.take, path.name),
            channel="file",
        )

    def take(self, what: str, document: str | bytes) -> None:
        """Take a document that is not typed: show its text unless that is too long to draw."""
        self._begin(document)
        text = document if isinstance(document, str) else document.decode("utf-8-sig", "replace").replace("\0", "")
        with QSignalBlocker(self.box):
            if len(text) > _MOST_SHOWN:
                self.box.setPlainText(f"{what}: {len(text):,} characters, too long to show. It is read whole.")
                self.box.setReadOnly(True)
            else:
                self.box.setPlainText(visible(text))
                self.box.setReadOnly(False)
        self.banner.hide()
        self._read()

    def _begin(self, draft: str | bytes | None) -> None:
        """Another draft, or none. One that is only edited stays based on the revision it was begun with."""
        if self._draft is None or draft is None:
            self._based_on = self._told = self.seen
        self._draft, self._entity = draft, None
        self.source.typed()
        self.what_if.forget()

    def _typed(self) -> None:
        text = self.box.toPlainText()
        self._begin(text if text.strip() else None)
        self.page.save_button.setEnabled(False)
        if self._draft is None:
            self.desk.jobs.drop(self, "read")
            self._pause.stop()
            self._show_saved()
        else:
            self._pause.start()

    def _choose_entity(self, entity: str) -> None:
        self._entity = entity
        self.what_if.forget()
        self._read()

    def _read(self) -> None:
        if self._draft is not None:
            self.work(
                understand,
                self.desk.sso,
                self._draft,
                self._entity,
                self.desk.account,
                then=self._show_understood,
                channel="read",
            )

    def _show_understood(self, facts: Understood) -> None:
        self._understood = facts
        if len(facts.entities) > MANY and self._entity is None and self._draft is not None:
            draft = self._draft
            self.discard()
            data = draft.encode("utf-8", "surrogatepass") if isinstance(draft, str) else draft
            self.page.picker.open("The document", data)
            return
        self.understood.show_facts(facts, "")
        state, word = ("warning", "Not saved yet") if facts.usable else ("error", "Cannot be saved")
        self.understood_head.show_state(state, word)
        self.clear_button.setVisible(True)
        self.what_if.setVisible(facts.usable)
        self.page.save_button.setEnabled(facts.usable)

    @property
    def draft(self) -> str | bytes | None:
        """What is in the box and not saved."""
        return self._draft

    def _drafted(self) -> tuple[object, Callable[[SSO, str], Candidate]] | None:
        draft = self._draft
        return None if draft is None else ((draft, self._entity), partial(_candidate, draft, self._entity))

    def discard(self) -> None:
        """Forget what was pasted."""
        with QSignalBlocker(self.box):
            self.box.clear()
            self.box.setReadOnly(False)
        self._typed()

    def save(self) -> None:
        """Save what was pasted."""
        if self._draft is not None and self.page.save_button.isEnabled():
            self._save(self._based_on)

    def _save(self, based_on: int) -> None:
        if self._draft is None:
            return
        self.page.save_button.setEnabled(False)
        self.work(
            _save,
            self.desk.sso,
            self.desk.account,
            self._draft,
            self._entity,
            based_on,
            then=self._saved,
            failed=self._not_saved,
            channel="save",
        )

    def _saved(self, view: ConfigurationView) -> None:
        self.source.saved(self._entity)
        self.discard()
        number = view.revision.number if view.revision else 0
        self.banner.say(
            "success",
            f"Saved as revision {number}. SSO is on for {view.account.name}.",
            "Values for the IdP",
            partial(self.page.open, "values"),
        )
        self.page.refresh()

    def _not_saved(self, error: Exception) -> None:
        self.refused(error, self._save, self.discard)
        self.page.save_button.setEnabled(self._understood is not None and self._understood.usable)

    def use_test_idp(self) -> None:
        """Trust the built-in IdP; asks first where another one would be replaced."""
        account = self.loaded.view.account if self.loaded else None
        if account is None:
            return
        if account.sso_on and not confirm(
            self,
            f"Replace the identity provider of {account.name}?",
            "The account then trusts the test IdP on this machine instead of the one that is saved. Nobody can log in "
            "through the old one until its revision is restored under History.",
            "Use the test IdP",
        ):
            return
        self.banner.say("info", "Starting the test IdP ...")
        self._use_test_idp(self.seen)

    def _use_test_idp(self, based_on: int) -> None:
        self.work(
            connect,
            self.desk.lab,
            self.desk.account,
            based_on,
            then=lambda _none: self._connected(),
            failed=lambda e: self.refused(e, self._use_test_idp, self.page.refresh),
            channel="save",
        )

    def _connected(self) -> None:
        self.discard()
        self.banner.say(
            "success", "This account now trusts the test IdP.", "Try a login", partial(self.desk.open, "overview")
        )
        self.page.refresh()

    def delete(self) -> None:
        """Delete the metadata, after a question."""
        if self.loaded is None:
            return
        account, revision = self.loaded.view.account, self.loaded.view.revision
        number = revision.number if revision else 0
        people = plural(self.loaded.seats.seats.used, "registered person", "registered people")
        enforced = "SSO is no longer enforced. " if account.enforced else ""
        if confirm(
            self,
            f"Turn SSO off for {account.name}?",
            f"The metadata is deleted and nobody of this account can log in with SSO: {people} must come in by another "
            f"way, and nobody new is registered by logging in. {enforced}Users, seats and log stay, and revision "
            f"{number} can be restored under History, to be tested again.",
            "Turn SSO off",
        ):
            self._delete(self.seen)

    def _delete(self, based_on: int) -> None:
        self.work(
            _delete,
            self.desk.sso,
            self.desk.account,
            based_on,
            then=self._deleted,
            failed=lambda e: self.refused(e, self._delete, self.page.refresh),
            channel="save",
        )

    def _deleted(self, view: ConfigurationView) -> None:
        self.discard()
        self.banner.say(
            "warning", f"SSO is off for {view.account.name}.", "History", partial(self.page.open, "history")
        )
        self.page.refresh()


def _is_metadata(data: bytes) -> bool:
    """Whether it looks like metadata of a SAML entity, in UTF-8 or UTF-16; the validator judges it later."""
    head = data[:20_000].replace(b"\0", b"")
    return b"EntityDescriptor" in head or b"EntitiesDescriptor" in head


def _candidate(document: str | bytes, entity: str | None, sso: SSO, imagekit_id: str) -> Candidate:
    return sso.candidate(imagekit_id, document=document, entity=entity)


def _save(sso: SSO, imagekit_id: str, document: str | bytes, entity: str | None, based_on: int) -> ConfigurationView:
    return sso.save_metadata(imagekit_id, document, entity=entity, based_on=based_on)


def _delete(sso: SSO, imagekit_id: str, based_on: int) -> ConfigurationView:
    return sso.delete_metadata(imagekit_id, based_on=based_on)
