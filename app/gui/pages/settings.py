"""The SSO configuration of the account in hand: metadata, Identifier, values to copy, account and seats, history.

Nothing is saved before it was shown what was understood; every saved state is a revision that can be restored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QMimeData, QSettings, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QPlainTextEdit, QSplitter, QTabWidget, QWidget

from app.gui import theme
from app.gui.desk import Desk, Page
from app.gui.files import FileRefused, ask_open, ask_save, read_file, write_file
from app.gui.settings_tabs import AccountTab, HistoryTab, ValuesTab
from app.gui.understood import Understood, UnderstoodView, as_saved, understand
from app.gui.widgets import (
    Banner,
    Card,
    Pill,
    button,
    column,
    confirm,
    copy_text,
    label,
    line_edit,
    retint,
    row,
    scrolled,
    visible,
)
from app.gui.wording import ago, exact

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.lab import Lab
    from app.sso import SSO, ConfigurationView, SeatPanel
    from app.store import Revision

#: Metadata is refused above 10 MiB, so no more is read; text above the other bound is kept but not shown.
_MOST_BYTES: Final = 10_485_760
_MOST_SHOWN: Final = 200_000
_KINDS: Final = "Metadata (*.xml *.txt);;All files (*)"
_TABS: Final = ("metadata", "values", "account", "history")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the page shows, read in one go."""

    now: datetime
    view: ConfigurationView
    saved: Understood | None
    seats: SeatPanel
    revisions: tuple[Revision, ...]
    child_entity_id: str


def load(sso: SSO, imagekit_id: str) -> Loaded:
    """Read the configuration of an account."""
    now, view = sso.now(), sso.configuration(imagekit_id)
    return Loaded(
        now,
        view,
        as_saved(view, now),
        sso.seats(imagekit_id),
        sso.configuration_history(imagekit_id),
        sso.sp.child_entity_id(imagekit_id),
    )


def use_test_idp(lab: Lab, imagekit_id: str) -> None:
    """Start the built-in IdP if need be, and make the account trust it."""
    if not lab.running:
        lab.start()
    lab.connect(imagekit_id, "operator")


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


class SettingsPage(Page):
    name = "settings"
    title = "Settings"
    sentence = "How this account trusts its identity provider, and what the identity provider must be told."
    icon = "settings"
    depends_on = frozenset({"configuration", "accounts"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._loaded: Loaded | None = None
        self._account = ""
        self._draft: str | bytes | None = None
        self._understood: Understood | None = None
        self._entity: str | None = None
        self.save_button = button(
            "Save metadata", self.save, kind="primary", shortcut="Ctrl+S", hint="Save the metadata, which turns SSO on"
        )
        self.save_button.setEnabled(False)
        self.header(self.save_button)
        self.banner = Banner()
        self.body.addWidget(self.banner)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setAccessibleName("Parts of the settings")
        self.values = ValuesTab()
        self.account_tab = AccountTab()
        self.history = HistoryTab()
        for title, widget in (
            ("Identity provider", self._metadata_tab()),
            ("Values to copy", self.values),
            ("Account and seats", self.account_tab),
            ("History", self.history),
        ):
            self.tabs.addTab(widget, title)
        self.tabs.currentChanged.connect(lambda i: self.save_button.setVisible(i == 0))
        self.body.addWidget(self.tabs, 1)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(200)
        self._pause.timeout.connect(self._read)
        self.box.textChanged.connect(self._typed)
        self.box.document_given.connect(partial(self._take, "The pasted document"))
        self.understood.entity_chosen.connect(self._choose_entity)
        self.values.export_asked.connect(self.export_sp_metadata)
        self.values.copy_asked.connect(self.copy_sp_metadata)
        self.account_tab.save_asked.connect(self.save_account)
        self.account_tab.create_asked.connect(self.create_account)
        self.history.restore_asked.connect(self.restore)
        self.history.export_asked.connect(self.export_revision)
        find = QShortcut(QKeySequence("Ctrl+F"), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.box.setFocus)

    # Parts -----------------------------------------------------------------------------------------------------

    def _metadata_tab(self) -> QWidget:
        self.state = Pill("skipped", "Off")
        self.state_text = label("", tone="muted", wrap=True)
        self.box = MetadataBox()
        self.box.setMinimumHeight(110)
        self.open_button = button("Open file", self.open_file, icon="open", hint="Open a metadata file")
        self.test_button = button(
            "Use the test IdP", self.use_test_idp, icon="simulator", hint="Start the built-in IdP and trust it"
        )
        self.clear_button = button("Clear", self.discard, kind="flat", hint="Forget what was pasted")
        self.delete_button = button(
            "Turn SSO off", self.delete, icon="delete", kind="danger", hint="Delete the metadata of this account"
        )
        metadata = Card(
            "Metadata",
            self.state_text,
            self.box,
            row(self.open_button, self.test_button, 1, self.clear_button),
            actions=(self.state, self.delete_button),
        )
        metadata.body.setStretch(metadata.body.indexOf(self.box), 1)

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
        identifier = Card(
            "Identifier (entity ID) of this account",
            row(self.entity_field, self.entity_save),
            row(self.suggest_button, self.default_button, 1),
            self.entity_text,
            self.entity_banner,
        )

        self.understood = UnderstoodView()
        self.understood_head = Pill("", "")
        understood = Card("What was understood", scrolled(self.understood), actions=(self.understood_head,))
        understood.body.setStretch(1, 1)

        left = QWidget()
        left.setLayout(column(metadata, identifier, spacing=14))
        left.layout().setStretch(0, 1)  # type: ignore[union-attr]  # it was set in the line before
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
        made = QWidget()
        made.setLayout(column(self.splitter, margins=(0, 12, 0, 0)))
        return made

    # Loading ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        if not self.desk.account:
            return  # the accounts are still being loaded
        if self.desk.account != self._account:
            # What was dropped before the page was first shown stays; what was meant for another account does not.
            if self._account:
                self.discard()
                self.banner.hide()
            self._account = self.desk.account
        self.work(load, self.desk.sso, self.desk.account, then=self._show, failed=self._failed, channel="load")

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__, "Try again", self.refresh)

    def _show(self, loaded: Loaded) -> None:
        self._loaded = loaded
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
        self.entity_field.setText(account.entity_id or "")
        self.entity_field.setCursorPosition(0)
        self.entity_field.setPlaceholderText(self.desk.sso.sp.entity_id)
        self.suggest_button.setText(f"Suggest …#{account.imagekit_id}")
        self.suggest_button.setAccessibleName(f"Suggest {loaded.child_entity_id}")
        self._entity_changed()
        self.values.show_values(loaded.view.sp)
        self.account_tab.show_account(account, loaded.seats.seats.used)
        self.history.show_revisions(loaded.revisions, loaded.now)
        if self._draft is None:
            self._show_saved()

    def _show_saved(self) -> None:
        saved = self._loaded.saved if self._loaded is not None else None
        self.understood_head.show_state("success" if saved else "", "Saved" if saved else "")
        self.understood.show_facts(
            saved,
            "Nothing is saved yet. Paste metadata, and this shows who the identity provider is, where logins go, and "
            "each certificate with its thumbprint, before anything is saved.",
        )
        self.save_button.setEnabled(False)
        self.clear_button.setVisible(False)

    # Metadata --------------------------------------------------------------------------------------------------

    def open(self, what: Any) -> None:
        """Show a tab by name, or take a metadata document (bytes or text)."""
        if what in _TABS:
            self.tabs.setCurrentIndex(_TABS.index(what))
            if what == "metadata":
                self.box.setFocus()
        elif isinstance(what, bytes | str):
            self.tabs.setCurrentIndex(0)
            self._take("The document", what)

    def drop(self, path: Path) -> bool:
        """Take a metadata file; False for anything else."""
        try:
            data = read_file(path, _MOST_BYTES)
        except FileRefused as e:
            self.banner.say("error", str(e))
            return False
        if not _is_metadata(data):
            return False
        self.tabs.setCurrentIndex(0)
        self._take(path.name, data)
        return True

    def open_file(self) -> None:
        """Let the person choose a metadata file."""
        ask_open(self, "Open metadata", _KINDS, self.open_path)

    def open_path(self, path: Path) -> None:
        """Read a metadata file."""
        self.work(
            read_file,
            path,
            _MOST_BYTES,
            then=partial(self._take, path.name),
            failed=lambda e: self.banner.say("error", str(e)),
            channel="file",
        )

    def _take(self, what: str, document: str | bytes) -> None:
        """Take a document that is not typed: show its text unless that is too long to draw."""
        self._draft, self._entity = document, None
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

    def _typed(self) -> None:
        text = self.box.toPlainText()
        self._draft, self._entity = (text if text.strip() else None), None
        self.save_button.setEnabled(False)
        if self._draft is None:
            self.desk.jobs.drop(self, "read")
            self._pause.stop()
            self._show_saved()
        else:
            self._pause.start()

    def _choose_entity(self, entity: str) -> None:
        self._entity = entity
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
                failed=self._failed,
                channel="read",
            )

    def _show_understood(self, facts: Understood) -> None:
        self._understood = facts
        self.understood.show_facts(facts, "")
        state, word = ("warning", "Not saved yet") if facts.usable else ("error", "Cannot be saved")
        self.understood_head.show_state(state, word)
        self.clear_button.setVisible(True)
        self.save_button.setEnabled(facts.usable)

    def discard(self) -> None:
        """Forget what was pasted."""
        with QSignalBlocker(self.box):
            self.box.clear()
            self.box.setReadOnly(False)
        self._typed()

    def save(self) -> None:
        """Save what was pasted."""
        if self._draft is None or not self.save_button.isEnabled():
            return
        self.save_button.setEnabled(False)
        self.work(
            _save,
            self.desk.sso,
            self.desk.account,
            self._draft,
            self._entity,
            then=self._saved,
            failed=self._not_saved,
            channel="save",
        )

    def _saved(self, view: ConfigurationView) -> None:
        self.discard()
        number = view.revision.number if view.revision else 0
        self.banner.say(
            "success",
            f"Saved as revision {number}. SSO is on for {view.account.name}.",
            "Values for the IdP",
            partial(self.tabs.setCurrentIndex, 1),
        )
        self.refresh()

    def _not_saved(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__)
        self.save_button.setEnabled(self._understood is not None and self._understood.usable)

    def use_test_idp(self) -> None:
        """Trust the built-in IdP; asks first where another one would be replaced."""
        account = self._loaded.view.account if self._loaded else None
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
        self.work(
            use_test_idp,
            self.desk.lab,
            self.desk.account,
            then=lambda _none: self._connected(),
            failed=self._not_saved,
            channel="save",
        )

    def _connected(self) -> None:
        self.discard()
        self.banner.say(
            "success", "This account now trusts the test IdP.", "Try a login", partial(self.desk.open, "overview")
        )
        self.refresh()

    def delete(self) -> None:
        """Delete the metadata, after a question."""
        if self._loaded is None:
            return
        account, revision = self._loaded.view.account, self._loaded.view.revision
        number = revision.number if revision else 0
        if confirm(
            self,
            f"Turn SSO off for {account.name}?",
            "The metadata is deleted and nobody of this account can log in with SSO. Users and log stay, and revision "
            f"{number} can be restored under History.",
            "Turn SSO off",
        ):
            self.work(
                self.desk.sso.delete_metadata,
                self.desk.account,
                then=self._deleted,
                failed=self._not_saved,
                channel="save",
            )

    def _deleted(self, view: ConfigurationView) -> None:
        self.discard()
        self.banner.say(
            "warning", f"SSO is off for {view.account.name}.", "History", partial(self.tabs.setCurrentIndex, 3)
        )
        self.refresh()

    # Identifier ------------------------------------------------------------------------------------------------

    def _entity_changed(self) -> None:
        current = (self._loaded.view.account.entity_id or "") if self._loaded else ""
        self.entity_save.setEnabled(self._loaded is not None and self.entity_field.text().strip() != current)
        self.default_button.setVisible(bool(current))
        self.entity_banner.hide()

    def _suggest(self) -> None:
        if self._loaded is not None:
            self.entity_field.setText(self._loaded.child_entity_id)
            self._entity_changed()

    def _use_default(self) -> None:
        self.entity_field.clear()
        self._entity_changed()
        self.save_entity_id()

    def save_entity_id(self) -> None:
        """Save the override, or go back to the default."""
        if not self.entity_save.isEnabled():
            return
        self.work(
            self.desk.sso.set_entity_id,
            self.desk.account,
            self.entity_field.text(),
            then=self._entity_saved,
            failed=lambda e: self.entity_banner.say("error", str(e)),
            channel="entity",
        )

    def _entity_saved(self, view: ConfigurationView) -> None:
        self.banner.say(
            "success",
            f"The Identifier is {view.sp.entity_id}. Change it at the identity provider too.",
            "Values for the IdP",
            partial(self.tabs.setCurrentIndex, 1),
        )
        self.refresh()

    # Account, history, SP metadata -----------------------------------------------------------------------------

    def save_account(self, name: str, plan: str, seats: int, price: str) -> None:
        """Save name, plan, seats and price."""
        self.work(
            _save_account,
            self.desk.sso,
            self.desk.account,
            name,
            plan,
            seats,
            price,
            then=lambda a: self.banner.say("success", f"{a.name} was saved.", "Dismiss", self.banner.hide),
            failed=lambda e: self.account_tab.banner.say("error", str(e)),
            channel="account",
        )

    def create_account(self, imagekit_id: str, name: str, plan: str, seats: int) -> None:
        """Make a new account and take it in hand."""
        self.work(
            _create_account,
            self.desk.sso,
            imagekit_id,
            name,
            plan,
            seats,
            then=self._created,
            failed=lambda e: self.account_tab.new_banner.say("error", str(e)),
            channel="account",
        )

    def _created(self, account: Account) -> None:
        self.account_tab.created()
        self.desk.choose_account(account.imagekit_id)
        self.banner.say(
            "success",
            f"{account.name} was created and is the account in hand.",
            "Set up SSO",
            partial(self.open, "metadata"),
        )

    def restore(self, number: int) -> None:
        """Make an earlier revision the current one."""
        self.work(
            self.desk.sso.restore_revision,
            self.desk.account,
            number,
            then=partial(self._restored, number),
            failed=self._not_saved,
            channel="save",
        )

    def _restored(self, number: int, view: ConfigurationView) -> None:
        on = "on" if view.account.sso_on else "off"
        new = view.revision.number if view.revision else 0
        self.banner.say(
            "success",
            f"Revision {number} is in force again, as revision {new}. SSO is {on}.",
            "Dismiss",
            self.banner.hide,
        )
        self.refresh()

    def export_revision(self, revision: Revision) -> None:
        """Write the metadata of a revision to a file."""
        if revision.document is not None:
            name = f"idp-metadata-{self.desk.account}-{revision.number}.xml"
            ask_save(self, "Export metadata", name, _KINDS, partial(self.write, revision.document))

    def export_sp_metadata(self) -> None:
        """Write our own metadata for this account to a file."""
        name = f"sp-metadata-{self.desk.account}.xml"
        ask_save(self, "Export SP metadata", name, _KINDS, self.export_sp_metadata_to)

    def export_sp_metadata_to(self, path: Path) -> None:
        """Write our own metadata for this account to this file."""
        self.work(
            self.desk.sso.sp_metadata,
            self.desk.account,
            then=lambda data: self.write(data, path),
            failed=self._not_saved,
            channel="sp",
        )

    def copy_sp_metadata(self) -> None:
        """Put our own metadata on the clipboard."""
        self.work(
            self.desk.sso.sp_metadata,
            self.desk.account,
            then=lambda data: copy_text(data.decode(), self.values.copy_button),
            failed=self._not_saved,
            channel="sp",
        )

    def write(self, data: bytes, path: Path) -> None:
        """Write a document and say where."""
        self.work(
            write_file,
            path,
            data,
            then=lambda p: self.banner.say("success", f"Written to {p}.", "Dismiss", self.banner.hide),
            failed=lambda e: self.banner.say("error", str(e)),
            channel="write",
        )

    def restyle(self) -> None:
        super().restyle()
        for made in (self.banner, self.entity_banner, self.account_tab.banner, self.account_tab.new_banner):
            made.restyle()
        for made_button in (self.open_button, self.test_button, self.delete_button):
            retint(made_button)
        if self._draft is None:
            self._show_saved()
        elif self._understood is not None:
            self._show_understood(self._understood)


def _is_metadata(data: bytes) -> bool:
    """Whether it looks like metadata of a SAML entity, in UTF-8 or UTF-16; the validator judges it later."""
    head = data[:20_000].replace(b"\0", b"")
    return b"EntityDescriptor" in head or b"EntitiesDescriptor" in head


def _save(sso: SSO, imagekit_id: str, document: str | bytes, entity: str | None) -> ConfigurationView:
    return sso.save_metadata(imagekit_id, document, entity=entity)


def _save_account(sso: SSO, imagekit_id: str, name: str, plan: str, seats: int, price: str) -> Account:
    return sso.update_account(imagekit_id, name=name, plan=plan, seat_limit=seats, seat_price=price)


def _create_account(sso: SSO, imagekit_id: str, name: str, plan: str, seats: int) -> Account:
    return sso.create_account(imagekit_id, name, plan=plan, seat_limit=seats)
