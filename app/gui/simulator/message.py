"""The tab "Message" of the simulator page: a login is made, edited at three places, compared, and only then sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QStackedWidget, QTabWidget, QWidget

from app.gui import theme
from app.gui.desk import Desk
from app.gui.lab_work import NotTrusted, named
from app.gui.simulator.claims import ClaimFields
from app.gui.simulator.editors import StageEditor
from app.gui.simulator.fields import combo
from app.gui.simulator.message_work import (
    NotReadable,
    claims_of,
    document_of,
    document_text,
    form_lines,
    make,
    make_of,
    page_of,
    parse_form,
    put_document,
    put_form,
    send,
    sign_again,
    spec_text,
    with_claim,
    with_claims,
)
from app.gui.simulator.person import FLOWS
from app.gui.simulator.tab import Tab
from app.gui.widgets import EmptyState, button, column, label, line_edit, row, visible
from app.gui.wording import ago

if TYPE_CHECKING:
    from app.gui.lab_work import Login, Shown
    from app.lab.edited_login import MadeLogin
    from simulator.tenant import TestUser
    from simulator.web import Exchange

#: After so long without a key the message is made again of what was typed.
_PAUSE_MS: Final = 400
_LATER: Final = "You edited what was made of this. Throw that away to edit this again."


class MessageTab(Tab):
    """sent(login): what came of it · page_asked(url): open it in the browser · connect_asked()."""

    sent = Signal(object)
    page_asked = Signal(str)
    connect_asked = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.made: MadeLogin | None = None
        self._person: TestUser | None = None
        self._lab: Shown | None = None
        self._busy = False
        self._claims_base = self._claims_typed = ""
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.apply)
        self.person = line_edit(placeholder="User name or e-mail", name="Whose login")
        self.person.returnPressed.connect(self.make)
        self.person.textEdited.connect(lambda _t: self._forget_person())
        self.application: QComboBox = combo("At which application", ())
        self.flow = combo("Where the login starts", FLOWS)
        self.flow.setMinimumContentsLength(15)
        self.make_button = button("Make", self.make, icon="edit", hint="Make the message; nothing is sent yet")
        head = row(
            label("Log in", tone="muted"), self.person, label("at", tone="muted"), self.application, self.flow,
            self.make_button, spacing=8,
        )  # fmt: skip
        head.setStretch(1, 1)
        head.setStretch(3, 1)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty())
        self._stack.addWidget(self._full())
        whole = column(head, self._stack, spacing=8, margins=(0, 10, 0, 0))
        whole.setStretch(1, 1)
        self.setLayout(whole)

    # Parts -----------------------------------------------------------------------------------------------------

    def _empty(self) -> QWidget:
        self.first = button("Make a message", self.make, icon="edit", kind="primary")
        self.empty = EmptyState(
            "edit",
            "Edit a login before it is sent",
            "Change the values and the test IdP signs them: a wrong message with a valid signature. Change the "
            "document after that, and its signature breaks. Change the form last. What you changed is shown line by "
            "line.",
            self.first,
        )
        return self.empty

    def _full(self) -> QWidget:
        self.claims = ClaimFields()
        self.claims.edited.connect(self._claim_edited)
        self.claims.added.connect(self._claim_added)
        self.values = StageEditor(
            "Values before signing, as JSON",
            "What the message says, before it is signed. A name that is taken away is left out of the message.",
        )
        self.document = StageEditor(
            "Document after signing",
            "The signed document. Line breaks between two tags are only for reading and are not sent.",
        )
        self.form = StageEditor(
            "Form fields",
            "The fields that the browser posts, one a line. The document inside is encoded in base64.",
        )
        self.diff = QPlainTextEdit()
        self.diff.setReadOnly(True)
        self.diff.setAccessibleName("What was changed")
        self.diff.setPlaceholderText("Nothing was changed yet: the message is as the test IdP makes it.")
        self.diff.setFont(theme.mono())
        self.diff.setTabChangesFocus(True)
        self.stages = QTabWidget()
        self.stages.setDocumentMode(True)
        self.stages.tabBar().setDrawBase(False)
        self.stages.setAccessibleName("Stages of the message")
        for part, title in (
            (self.claims, "Claims"),
            (self.values, "1. Values before signing"),
            (self.document, "2. Document after signing"),
            (self.form, "3. Form fields"),
            (self.diff, "Changes"),
        ):
            self.stages.addTab(part, title)
        for editor in (self.values, self.document, self.form):
            editor.edited.connect(self._pause.start)
        self.values.undone.connect(self._values_back)
        self.document.undone.connect(self._document_back)
        self.form.undone.connect(self._form_back)
        self.state = label("", tone="muted", size=12, wrap=True)
        self.browser_button = button(
            "Send by browser", self.send_by_browser, icon="external", hint="Open a page that posts it"
        )
        self.send_button = button("Send", self.send, icon="login", kind="primary", hint="Send it from here")
        foot = row(self.state, self.browser_button, self.send_button, spacing=6)
        foot.setStretch(0, 1)
        made = QWidget()
        whole = column(self.stages, foot, spacing=8)
        whole.setStretch(0, 1)
        made.setLayout(whole)
        return made

    # Showing ---------------------------------------------------------------------------------------------------

    def show_lab(self, shown: Shown) -> None:
        self._lab = shown
        kept = self.application.currentData()
        known = {a.id: a.name or a.id for a in shown.tenant.applications}
        if shown.account is not None:
            known.setdefault(shown.account.imagekit_id, shown.account.name or shown.account.imagekit_id)
        if known != {
            self.application.itemData(n): self.application.itemText(n) for n in range(self.application.count())
        }:
            self.application.clear()
            for application_id, name in known.items():
                self.application.addItem(visible(name), application_id)
            wanted = kept or (shown.account.imagekit_id if shown.account is not None else "")
            self.application.setCurrentIndex(max(0, self.application.findData(wanted)))
        if not self.person.text() and shown.tenant.users:
            self.person.setText(shown.tenant.users[0].username)
        self._show_state()

    def start_search(self) -> None:
        self.person.setFocus()
        self.person.selectAll()

    def restyle(self) -> None:
        self.empty.restyle()
        for editor in (self.values, self.document, self.form):
            editor.restyle()

    def _show(self, made: MadeLogin, typing: StageEditor | None = None) -> None:
        """Show a message that was made anew, or edited; where somebody is typing, nothing is written over it."""
        self._busy = False
        self.made = made
        self._stack.setCurrentIndex(1)
        if typing is not self.values:
            self.values.show_text(spec_text(made.spec))
        if typing is not self.document:
            document = _document(made)
            text = document_text(document)
            self.document.show_text(text, "" if text else _why(document))
        if typing is not self.form:
            self.form.show_text(form_lines(_form(made)))
        self.values.lock(_LATER if made.document is not None or made.form is not None else "")
        self.document.lock(_LATER if made.form is not None else "")
        self.values.mark_edited(made.spec != made.first_spec)
        self.document.mark_edited(made.document is not None)
        self.form.mark_edited(made.form is not None)
        self._show_claims(made)
        changes = made.changes
        self.diff.setPlainText(visible("\n\n".join(c.diff for c in changes)))
        self.stages.setTabText(4, f"Changes ({len(changes)})" if changes else "Changes")
        self._show_state()

    def _show_claims(self, made: MadeLogin) -> None:
        if made.spec != self._claims_typed:  # else the fields say it already, and somebody may be typing in them
            self._claims_base = self._claims_typed = made.spec
            try:
                self.claims.show_claims(claims_of(made.spec))
            except NotReadable:
                self.claims.show_claims(())
        self.claims.lock(made.document is not None or made.form is not None)

    def _show_state(self) -> None:
        made = self.made
        for each in (self.send_button, self.browser_button):
            each.setEnabled(made is not None and not self._busy)
        if made is None:
            return
        now = self._lab.now if self._lab is not None else self.desk.workspace.now()
        faults = f" with {named(made.faults)}" if made.faults else ""
        exact = "" if made.issued.exact_form else " A browser cannot send these very octets."
        who = made.person.full_name or made.person.username
        self.state.setText(visible(f"A login of {who}{faults}, made {ago(made.issued.at, now)}.{exact}"))

    # Making ----------------------------------------------------------------------------------------------------

    def prepare(self, person: TestUser) -> None:
        """Make a message about a person as they were typed, whether saved or not."""
        self._person = person
        self.person.setText(person.username)
        if self._lab is not None and self._lab.account is not None:
            self.application.setCurrentIndex(max(0, self.application.findData(self._lab.account.imagekit_id)))
        self.make()

    def prepare_again(self, exchange: Exchange) -> None:
        """Make the login of an exchange anew."""
        self.person.setText(exchange.user)
        self._forget_person()
        self._start(make_of, self.desk.lab, exchange)

    def _forget_person(self) -> None:
        self._person = None

    def make(self) -> None:
        """Make a message of what the fields say; what was edited is gone."""
        application = self.application.currentData()
        if not application:
            self.say("error", "There is no application to log in to. Add one on the tab Applications.")
            return
        person: TestUser | str = self._person or self.person.text()
        self._start(make, self.desk.lab, self.desk.sso, person, str(application), self.flow.currentData())

    def _start(self, verb: object, *args: object) -> None:
        self._pause.stop()
        assert callable(verb)

        def done(made: MadeLogin) -> None:
            self.say("", "")
            for editor in (self.values, self.document, self.form):
                editor.show_text("")
            self._show(made)
            self.changed.emit()

        self.work(verb, *args, then=done, failed=self._not_made, channel="make")

    def _not_made(self, error: Exception) -> None:
        if isinstance(error, NotTrusted):
            self.say("warning", str(error), "Connect account", self.connect_asked.emit)
        else:
            self.failed(error)

    # Editing ---------------------------------------------------------------------------------------------------

    @property
    def pending(self) -> StageEditor | None:
        """The editor with text of which the message is not made yet; the earliest stage first."""
        if self.made is None:
            return None
        made = self.made
        values, document, form = self.values, self.document, self.form
        if not values.text.isReadOnly() and values.value not in (made.spec, spec_text(made.spec)):
            return values
        if not document.text.isReadOnly() and document_of(document.value) != _document(made):
            return document
        return form if not form.text.isReadOnly() and not _same_form(form.value, made) else None

    def apply(self) -> None:
        """Make the message again of what was typed."""
        self._pause.stop()
        made, editor = self.made, self.pending
        if made is None or editor is None or self._busy:
            if editor is not None:
                self._pause.start()
            return
        verb = {self.values: sign_again, self.document: put_document, self.form: put_form}[editor]
        self._edit(verb, editor.value, editor, editor)

    def _edit(self, verb: object, text: str | None, editor: StageEditor, typing: StageEditor | None = None) -> None:
        assert callable(verb)
        self._busy = True
        self._show_state()

        def done(made: MadeLogin) -> None:
            editor.say("")
            self._show(made, typing)
            if self.pending is not None:  # somebody went on typing
                self._pause.start()

        def failed(error: Exception) -> None:
            self._busy = False
            editor.say(str(error))
            self._show_state()

        self.work(verb, self.desk.lab, self.made, text, then=done, failed=failed, channel="edit")

    def _values_back(self) -> None:
        if self.made is not None and not self._busy:
            self._edit(sign_again, self.made.first_spec, self.values)

    def _document_back(self) -> None:
        if self.made is not None and not self._busy:
            self._edit(put_document, None, self.document)

    def _form_back(self) -> None:
        if self.made is not None and not self._busy:
            self._edit(put_form, None, self.form)

    def _claim_edited(self) -> None:
        if self.made is not None:
            self._claims_typed = spec_text(with_claims(self._claims_base, self.claims.changes))
            self.values.text.setPlainText(self._claims_typed)

    def _claim_added(self, name: str, value: str) -> None:
        if self.made is not None:
            spec = with_claims(self._claims_base, self.claims.changes)
            self.values.text.setPlainText(spec_text(with_claim(spec, name, value)))
            self.apply()

    # Sending ---------------------------------------------------------------------------------------------------

    def _ready(self) -> bool:
        """Whether the message is made of everything that was typed."""
        self.apply()
        if self._busy:
            self.say("info", "The message is being made of what you typed. Send it in a moment.")
            return False
        editor = self.pending
        if editor is not None:
            self.stages.setCurrentWidget(editor)
            return False
        return self.made is not None

    def send(self) -> None:
        """Send the message from here."""
        if not self._ready():
            return
        self._busy = True
        self._show_state()

        def done(login: Login) -> None:
            self._busy = False
            self._show_state()
            self.say("", "")
            self.sent.emit(login)
            self.changed.emit()

        def failed(error: Exception) -> None:
            self._busy = False
            self._show_state()
            self.failed(error)

        self.work(send, self.desk.lab, self.desk.sso, self.made, then=done, failed=failed, channel="send")

    def send_by_browser(self) -> None:
        """Send the message by the browser, which may know the service provider."""
        if self._ready():
            self.work(page_of, self.desk.lab, self.made, then=self.page_asked.emit, channel="page")


def _document(made: MadeLogin) -> bytes:
    return made.document if made.document is not None else made.made_document


def _form(made: MadeLogin) -> tuple[tuple[str, str], ...]:
    return made.form if made.form is not None else made.made_form


def _same_form(text: str, made: MadeLogin) -> bool:
    try:
        return parse_form(text) == _form(made)
    except NotReadable:
        return False


def _why(document: bytes) -> str:
    if not document:
        return "There is no document."
    return "This document is not text in UTF-8 that could be typed in, so it cannot be edited here."
