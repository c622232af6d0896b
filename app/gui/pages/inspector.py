"""The inspector: paste a message, and see whether it lets somebody in, why not, and who must change what."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QMenu, QStackedWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.desk import Desk, Page
from app.gui.examine import (
    WHOEVER_FITS,
    Examined,
    Subject,
    Taken,
    beside_last_good,
    examine,
    hold_key_file,
    is_metadata,
    is_reference,
    load_event,
    name_of_metadata,
    sample_subject,
    survey,
    take,
)
from app.gui.files import FileRefused, ask_folder, ask_open, ask_save, clipboard, read_file, write_file
from app.gui.findings import report_text
from app.gui.inspector.applying import Applying
from app.gui.inspector.empty import FirstSteps
from app.gui.inspector.folder import FolderView, message_of
from app.gui.inspector.keys import KeysDialog
from app.gui.inspector.metadata import MetadataDialog
from app.gui.inspector.recording import Judged, RecordingView
from app.gui.inspector.search import Hit, SearchBar, search
from app.gui.inspector.sharing import SUFFIXES, Form, shared
from app.gui.inspector.tabs import MessageTabs
from app.gui.inspector.views import MessageViews
from app.gui.widgets import Banner, EmptyState, button, copy_text
from app.saml.damage import explain_signatures
from app.saml.intake import MOST_BYTES

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.bulk.folder import Row
    from app.gui.jobs import Progress
    from app.saml.report import Report
    from app.sso import SSO, HeldKey

KINDS: Final = (
    "Messages and recordings (*.xml *.txt *.b64 *.html *.saml *.form *.har *.json *.log *.eml *.zip);;All files (*)"
)
_WIDE: Final = 960
_MOST_SURVEYED: Final = 60


class InspectorPage(Page):
    """One message at a time. open() takes "sample", text or bytes, a Subject, or the reference of an event."""

    name = "inspector"
    title = "Inspector"
    sentence = "Why a login fails, and who acts."
    icon = "inspector"
    depends_on = frozenset({"configuration", "accounts", "settings"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._subject: Subject | None = None
        self._examined: Examined | None = None
        self._taken: Taken | None = None
        self._survey: Progress | None = None
        self._in_folder = False
        self._running = self._moved = False
        self._keys: KeysDialog | None = None
        self._metadata: MetadataDialog | None = None
        self.search = SearchBar()
        self.search.sought.connect(self._seek)
        self.search.went.connect(self._go_to_hit)
        self.open_file = button("", self._ask_file, icon="open", hint="Open a file (Ctrl+O) or a folder (Ctrl+Shift+O)")
        self.export = button("Export", icon="export", hint="Save or copy the report")
        self.export.setMenu(self._export_menu())
        self.paste = button(
            "Paste response", self.paste_now, icon="paste", kind="primary", hint="Inspect what was copied (Ctrl+V)"
        )
        self.back = button("Folder", self.show_folder, icon="chevron-left", hint="Back to the folder's messages")
        self.header(self.search, self.back, self.open_file, self.export, self.paste)
        self.banner = Banner()
        self.body.addWidget(self.banner)
        self.first = FirstSteps(self.paste_now, self._ask_file, self._ask_folder, self.load_sample)
        self.box = self.first.box
        self.box.pasted.connect(lambda text: self.inspect(Subject(text)))
        self.box.asked.connect(lambda: self.inspect(Subject(self.box.source)))
        self.views = MessageViews()
        self.views.documents.raw.save_asked.connect(self._ask_save_bytes)
        self.views.signatures.why_asked.connect(self.explain_signatures)
        self.applying = Applying(self, self.banner)
        self.views.summary.causes.apply_asked.connect(self._apply)
        self.verdict, self.bar = self.views.verdict, self.views.bar
        self.bar.take_account(desk.account)
        self.bar.judge_against(desk.account or WHOEVER_FITS)
        self.bar.asked.connect(self._rejudge)
        self.bar.slid.connect(lambda: self._run(moved=True))
        self.bar.metadata_asked.connect(self.ask_metadata)
        self.bar.keys_asked.connect(self.show_keys)
        self.tabs = MessageTabs()
        self.tabs.chosen.connect(self._on_tab)
        self.recording = RecordingView()
        self.recording.asked.connect(self.show_message)
        self.folder = FolderView(desk)
        self.folder.opened.connect(self.open_row)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.first)
        self._stack.addWidget(self.views)
        self._stack.addWidget(self.recording)
        self._stack.addWidget(self.folder)
        self.body.addWidget(self.tabs)
        self.body.addWidget(self._stack, 1)
        self._shortcuts()
        self._show_controls()
        desk.account_changed.connect(self._on_account)

    def _export_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("Save redacted report as HTML...", lambda: self._ask_share("html", redacted=True))
        menu.addAction("Save redacted report as Markdown...", lambda: self._ask_share("markdown", redacted=True))
        menu.addAction("Save redacted report as PDF...", lambda: self._ask_share("pdf", redacted=True))
        menu.addAction("Copy redacted report", self.copy_redacted)
        menu.addSeparator()
        menu.addAction("Save report as HTML...", lambda: self._ask_share("html", redacted=False))
        menu.addAction("Save report as Markdown...", lambda: self._ask_share("markdown", redacted=False))
        menu.addAction("Save report as PDF...", lambda: self._ask_share("pdf", redacted=False))
        menu.addAction("Save report as JSON...", self._ask_save)
        menu.addAction("Copy report as text", self.copy_report)
        menu.addAction("Copy report as JSON", self.copy_json)
        menu.addSeparator()
        menu.addAction("Compare with another message", self._compare)
        menu.addAction("Compare with last good login", self.compare_with_last_good)
        menu.addAction("Clear", self.clear)
        return menu

    def _shortcuts(self) -> None:
        standard = QKeySequence.StandardKey
        pairs: tuple[tuple[QKeySequence, Callable[[], object]], ...] = (
            (QKeySequence(standard.Paste), self.paste_now),
            (QKeySequence(standard.Find), self._focus_search),
            (QKeySequence("F3"), lambda: self.search.step(1)),
            (QKeySequence("Shift+F3"), lambda: self.search.step(-1)),
            (QKeySequence(standard.Open), self._ask_file),
            (QKeySequence("Ctrl+Shift+O"), self._ask_folder),
            (QKeySequence(standard.Save), self._ask_save),
        )
        for keys, act in pairs:
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.search.field.setFixedWidth(280 if self.width() >= _WIDE else 170)
        self.back.setText("Folder" if self.width() >= _WIDE else "")

    # What it is given --------------------------------------------------------------------------------------------

    def open(self, what: Any) -> None:
        """ "sample", the reference of an event, a Subject, or a message as text or bytes."""
        if what == "sample":
            self.load_sample()
        elif isinstance(what, Subject):
            self.inspect(what)
        elif isinstance(what, str) and is_reference(what):
            self.open_event(what)
        elif isinstance(what, str | bytes):
            self.inspect(Subject(what))

    def open_event(self, reference: str) -> None:
        """Inspect the message of an event, judged as of its receipt."""

        def show(subject: Subject | None) -> None:
            if subject is None:
                self._fail(
                    f"The message of {reference} is not kept any more: raw messages are deleted after the retention "
                    "time. The checks of that login are still in the log."
                )
            else:
                self.inspect(subject)

        self.work(load_event, self.desk.sso, reference, then=show, failed=self._failed, channel="take")

    def load_sample(self) -> None:
        """Inspect a response that the test IdP makes now: good but for a misspelt role."""
        self.work(
            sample_subject,
            self.desk.sso,
            self.desk.account,
            then=self.inspect,
            failed=self._failed,
            channel="take",
        )

    def drop(self, path: Path) -> bool:
        """Inspect a dropped file or folder. Metadata is for Settings: False."""
        if path.is_dir():
            self.open_folder(path)
            return True
        try:
            if is_metadata(path):
                return False
        except FileRefused as e:
            self._fail(str(e))
            return True
        self.open_path(path)
        return True

    def open_path(self, path: Path, number: int | None = None) -> None:
        """Inspect a file; of several messages in it show this one (from 0)."""
        self.work(
            read_file,
            path,
            MOST_BYTES,
            then=lambda data: self.inspect(Subject(data, path.name), number),
            failed=self._failed,
            channel="take",
        )

    def paste_now(self) -> None:
        """Inspect the clipboard. It is read only here, when the person asks for it."""
        files, text = clipboard()
        if files:
            if not self.drop(files[0]):
                self._fail(f"{files[0].name} looks like metadata. Drop it on the Settings page.")
        elif text.strip():
            self.inspect(Subject(text))
        else:
            self._fail("The clipboard holds no text. Copy the SAMLResponse value first, then paste it here.")

    def inspect(self, subject: Subject, number: int | None = None) -> None:
        """Take apart what was pasted, judge every message in it, and show the first, or the recording around them.

        Where it holds several, `number` (from 0) is the one to show.
        """
        self.banner.hide()
        self._in_folder = False

        def show(taken: Taken) -> None:
            self._show_taken(taken)
            if number is not None:
                self.show_message(number)

        self.work(take, subject, then=show, failed=self._failed, channel="take")

    def _show_taken(self, taken: Taken) -> None:
        self._taken = taken
        self.recording.show_intake(None if taken.is_plain else taken.intake)
        self.tabs.show_taken(taken)
        if taken.subjects:
            # The first message is judged even where the recording is shown first: it is what one goes to next.
            self._choose(taken.subjects[0])
        else:
            self._subject = self._examined = None
            self.views.clear()
        self._show_controls()
        self._start_survey()

    def _rejudge(self) -> None:
        self._run()
        self._start_survey()

    def _start_survey(self) -> None:
        """Judge the other messages, too, so that tabs and steps say what became of them."""
        taken = self._taken
        self._drop_survey()
        if taken is not None and not taken.is_plain and taken.subjects:
            self._survey = self.desk.jobs.run_long(
                self,
                survey,
                self.desk.sso,
                taken.subjects[:_MOST_SURVEYED],
                self.bar.judging(),
                then=self._show_survey,
                progressed=lambda *_: None,
                failed=self._failed,
                channel="survey",
            )

    def _choose(self, subject: Subject) -> None:
        """Judge one message. One from the log or a recording is judged as of then."""
        self._subject = subject
        self.desk.jobs.drop(self, "explain")  # what is being found out is about the message before
        if subject.as_of is not None:
            self.bar.judge_at("at", subject.as_of)
        elif self.bar.when.currentData() == "at":
            self.bar.judge_at("now")
        if subject.received_at is not None:
            self.bar.judge_against(subject.account or WHOEVER_FITS)
        self._run()

    def _show_survey(self, found: tuple[tuple[str, str, str], ...]) -> None:
        self._survey = None
        judged = [Judged(*one) for one in found]
        self.tabs.show_judged(judged)
        self.recording.show_judged(judged)

    def _drop_survey(self) -> None:
        if self._survey is not None:
            self._survey.cancel()
            self._survey = None
        self.desk.jobs.drop(self, "survey")

    def show_message(self, number: int) -> None:
        """Show one of several messages, counted from 0."""
        if self._taken is not None and 0 <= number < len(self._taken.subjects):
            self.tabs.choose(number)

    def _on_tab(self, number: int | None) -> None:
        if self._taken is None:
            return
        if number is not None and self._taken.subjects[number] is not self._subject:
            self._choose(self._taken.subjects[number])
        self._show_controls()

    def clear(self) -> None:
        """Forget the message: nothing of it stays in the window."""
        self._subject = self._examined = self._taken = None
        self._running = self._moved = False
        for channel in ("take", "inspect", "explain"):
            self.desk.jobs.drop(self, channel)
        self._drop_survey()
        self.folder.clear()
        self._in_folder = False
        self.views.clear()
        self.tabs.show_taken(None)
        self.recording.show_intake(None)
        self.search.clear()
        self.box.show_source("")
        self.banner.hide()
        self._show_controls()

    # Judging -----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        self.work(self.desk.sso.accounts, then=self._show_accounts, channel="accounts")
        if self._subject is not None:
            self._run()

    def _run(self, *, moved: bool = False) -> None:
        """Judge. While the time is moved only the newest instant is judged: one at work, the next one waiting."""
        if self._subject is None or (moved and self._running):
            self._moved = moved
            return
        self._running, self._moved = True, False
        self.verdict.setEnabled(moved)
        before = self._examined
        self.work(
            examine,
            self.desk.sso,
            self._subject,
            self.bar.judging(),
            before if before is not None and before.subject is self._subject else None,
            then=self._show,
            failed=self._failed,
            channel="inspect",
        )

    def _show(self, examined: Examined) -> None:
        self._examined, self._running = examined, False
        if self._metadata is not None:
            self._metadata.close()
        at = self.bar.judging().at
        self.views.show_examined(examined)
        self.views.summary.causes.offer(*self.applying.offers(examined, self.bar.judging()))
        if self._moved and isinstance(at, datetime):  # the person has moved on since
            self.bar.judge_at("at", at)
            self._run(moved=True)
        self.search.forget()
        if self.search.text:
            self._seek(self.search.text)
        self._show_controls()

    def _on_account(self, imagekit_id: str) -> None:
        self.bar.take_account(imagekit_id)
        if self._subject is None or self._subject.received_at is None:
            self.bar.judge_against(imagekit_id or WHOEVER_FITS)

    def _show_accounts(self, accounts: Sequence[Account]) -> None:
        self.bar.show_accounts(accounts)
        self.folder.show_accounts(accounts, self.desk.account)

    def _show_controls(self) -> None:
        full = self._examined is not None or (self._taken is not None and not self._taken.is_plain)
        recording = self._taken is not None and not self._taken.is_plain and self.tabs.message is None
        message = full and not recording and not self._in_folder
        self._stack.setCurrentWidget(
            self.folder if self._in_folder else self.recording if recording else self.views if full else self.first
        )
        self.tabs.setVisible(full and not self._in_folder and self._taken is not None and not self._taken.is_plain)
        self.back.setVisible(self.folder.folder is not None and not self._in_folder)
        self.paste.setVisible(full or self._in_folder)
        self.open_file.setVisible(full or self._in_folder)
        self.export.setVisible(message)
        self.search.setVisible(message)

    # A folder ----------------------------------------------------------------------------------------------------

    def open_folder(self, folder: Path) -> None:
        """Judge every file below a folder."""
        self.banner.hide()
        self._in_folder = True
        self.folder.judge(folder)
        self._show_controls()

    def show_folder(self) -> None:
        """Go back to the folder's messages."""
        self._in_folder = True
        self._show_controls()

    def open_row(self, found: Row) -> None:
        """Inspect a message of the folder, judged as it was there."""
        judging = self.folder.judging()
        self.bar.judge_against(judging.against)
        self.bar.judge_at(judging.at)
        self.open_path(Path(found.file), message_of(found))

    def _ask_folder(self) -> None:
        ask_folder(self, "Open a folder of messages", self.open_folder)

    def _apply(self, setting: str) -> None:
        if self._examined is not None:
            self.applying.ask(self._examined, self.bar.judging(), setting)

    # Metadata and keys -------------------------------------------------------------------------------------------

    def ask_metadata(self) -> None:
        """Let the person paste metadata to judge by."""
        dialog = MetadataDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.given.connect(lambda text: self._judge_by(text.encode("utf-8", "replace")))
        dialog.file_given.connect(
            lambda path: self.work(
                read_file, path, then=self._judge_by, failed=self._metadata_failed, channel="metadata"
            )
        )
        dialog.destroyed.connect(self._metadata_gone)
        self._metadata = dialog
        dialog.open()

    def _judge_by(self, document: bytes) -> None:
        def take(entity_id: str) -> None:
            self.bar.take_metadata(document, entity_id)
            self._rejudge()

        self.work(
            name_of_metadata,
            self.desk.sso,
            document,
            then=take,
            failed=self._metadata_failed,
            channel="metadata",
        )

    def _metadata_failed(self, error: Exception) -> None:
        if self._metadata is not None:
            self._metadata.say(str(error))

    def _metadata_gone(self) -> None:
        self._metadata = None

    def show_keys(self) -> None:
        """Show the decryption keys, to add or forget one."""
        dialog = KeysDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.load_asked.connect(self._hold_key)
        dialog.forget_asked.connect(self._forget_key)
        dialog.destroyed.connect(self._keys_gone)
        self._keys = dialog
        dialog.open()
        self._load_keys()

    def _load_keys(self) -> None:
        self.work(held_keys, self.desk.sso, then=self._show_held, failed=self._key_failed, channel="keys")

    def _show_held(self, found: tuple[tuple[HeldKey, ...], str]) -> None:
        keys, keyring = found
        self.bar.show_keys(len(keys))
        if self._keys is not None:
            self._keys.show_keys(keys, keyring)

    def _hold_key(self, path: Path, password: str, remember: bool) -> None:
        self.work(
            hold_key_file,
            self.desk.sso,
            path,
            password,
            remember,
            then=self._key_taken,
            failed=self._key_failed,
            channel="key",
        )

    def _forget_key(self, fingerprint: str) -> None:
        self.work(self.desk.sso.forget_key, fingerprint, then=self._key_taken, failed=self._key_failed, channel="key")

    def _key_taken(self, _held: HeldKey | None) -> None:
        if self._keys is not None:
            self._keys.accepted_key()
        self._load_keys()
        self._rejudge()

    def _key_failed(self, error: Exception) -> None:
        if self._keys is not None:
            self._keys.say(str(error))

    def _keys_gone(self) -> None:
        self._keys = None

    # Searching ---------------------------------------------------------------------------------------------------

    def _seek(self, text: str) -> None:
        self.views.findings.narrow(text)
        if self._examined is not None:
            rows = self.views.findings.rows
            self.work(search, self._examined, rows, text, then=self.search.show_hits, channel="search")

    def _go_to_hit(self, hit: Hit) -> None:
        self.views.go_to_hit(hit)

    def _focus_search(self) -> None:
        self.search.field.setFocus()
        self.search.field.selectAll()

    # Doing -------------------------------------------------------------------------------------------------------

    def copy_report(self) -> None:
        """Copy the report as text, for a ticket."""
        if self._examined is not None:
            copy_text(report_text(self._examined.report), self.export)

    def copy_json(self) -> None:
        """Copy the report as the JSON of the command line."""
        if self._examined is not None:
            copy_text(_json(self._examined.report).decode(), self.export)

    def explain_signatures(self) -> None:
        """Find out why a signature fails. It may take a second, and changes no verdict."""
        if self._examined is not None:
            self.work(
                explain_signatures,
                self._examined.report,
                then=self.views.signatures.show_why,
                failed=self._failed,
                channel="explain",
            )

    def copy_redacted(self) -> None:
        """Copy the report as text in which every person and secret is masked."""
        if self._examined is not None:
            self.work(
                shared,
                self._examined,
                "text",
                True,
                then=lambda data: copy_text(data.decode(), self.export),
                failed=self._failed,
                channel="export",
            )

    def share_report(self, path: Path, form: Form, *, redacted: bool) -> None:
        """Write the report to send on. Masking takes a moment, and is refused where anything would still be found."""
        if self._examined is not None:
            self.work(
                shared,
                self._examined,
                form,
                redacted,
                then=lambda data: self._write(path, data, "The redacted report" if redacted else "The report"),
                failed=self._failed,
                channel="export",
            )

    def _ask_share(self, form: Form, *, redacted: bool) -> None:
        if self._examined is not None:
            name = f"report{'-redacted' if redacted else ''}.{SUFFIXES[form]}"
            kinds = f"{form.capitalize() if form == 'markdown' else form.upper()} (*.{SUFFIXES[form]})"
            ask_save(
                self, "Save the report", name, kinds, lambda path: self.share_report(path, form, redacted=redacted)
            )

    def save_report(self, path: Path) -> None:
        """Write the report as JSON."""
        if self._examined is not None:
            self._write(path, _json(self._examined.report), "The report")

    def _write(self, path: Path, data: bytes, what: str) -> None:
        self.work(
            write_file,
            path,
            data,
            then=lambda p: self.desk.say("pass", f"{what} was saved as {p.name}."),
            failed=self._failed,
            channel="export",
        )

    def _ask_save(self) -> None:
        if self._examined is not None:
            ask_save(self, "Save the report", "report.json", "JSON (*.json)", self.save_report)

    def _ask_save_bytes(self, name: str, data: bytes) -> None:
        ask_save(self, "Save the bytes", name, "All files (*)", lambda path: self._write(path, data, "The message"))

    def _ask_file(self) -> None:
        ask_open(self, "Open a message", KINDS, self.open_path)

    def _compare(self) -> None:
        if self._subject is not None:
            self.desk.open("compare", ("first", self._subject.source))

    def compare_with_last_good(self) -> None:
        """Show what differs between the last accepted login of the same person and this message."""
        if self._subject is not None and self._examined is not None:
            report = self._examined.report
            account = report.expectation.account
            self.work(
                beside_last_good,
                self.desk.sso,
                self._subject,
                report.name_id or "",
                account.imagekit_id if account is not None else self.desk.account,
                then=lambda pair: self.desk.open("compare", pair),
                failed=self._failed,
                channel="compare",
            )

    def restyle(self) -> None:
        super().restyle()
        self.views.restyle()
        self.tabs.restyle()
        self.folder.restyle()
        self.banner.restyle()
        for state in self.findChildren(EmptyState):
            state.restyle()

    def _failed(self, error: Exception) -> None:
        self._fail(str(error) or type(error).__name__)

    def _fail(self, sentence: str) -> None:
        self._running = self._moved = False
        self.verdict.setEnabled(True)
        self.banner.say("error", sentence)


def held_keys(sso: SSO) -> tuple[tuple[HeldKey, ...], str]:
    """The decryption keys, and the name of the keyring that can remember them ("" for none)."""
    keyring = sso.keyring
    return sso.held_keys(), keyring.name if keyring is not None else ""


def _json(report: Report) -> bytes:
    return (json.dumps(report.as_dict(), ensure_ascii=False, indent=2) + "\n").encode("utf-8", "replace")
