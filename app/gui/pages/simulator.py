"""The test IdP: started and stopped, its people, its faults, logins as anybody. It issues and judges nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import QStackedWidget, QTabWidget, QWidget

from app.gui.desk import Desk, Page
from app.gui.fault_list import FaultList
from app.gui.lab_work import Login, NotTrusted, Shown, connect, is_loopback, load, log_in_as, named, use_vendor
from app.gui.simulator.applications import ApplicationsTab
from app.gui.simulator.file import FileTab
from app.gui.simulator.keys import KeysTab
from app.gui.simulator.message import MessageTab
from app.gui.simulator.people import PeopleTab
from app.gui.simulator.recording import RecordingTab
from app.gui.simulator.result import ResultCard
from app.gui.simulator.server import ServerCard
from app.gui.simulator.tab import Tab
from app.gui.widgets import Banner, Card, EmptyState, button, column, confirm, copy_text, retint

if TYPE_CHECKING:
    from app.lab import Flow, Lab
    from simulator.tenant import TestUser
    from simulator.web import Exchange

_UNDONE: Final = 50
#: How often the organisation's file is looked at while the page is on show: the command line may have changed it.
_LOOK_MS: Final = 2_000


class SimulatorPage(Page):
    """open() takes ("fault", id), which switches that fault on, ("person", user name), or ("tab", name)."""

    name = "simulator"
    title = "Simulator"
    sentence = "A test identity provider: be anybody, and get anything wrong."
    icon = "simulator"
    depends_on = frozenset({"lab", "event", "configuration", "accounts"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._shown: Shown | None = None
        self._busy = False
        self._entered = False
        self._wanted_fault = ""
        self._undo: list[tuple[str, Callable[[], object], Callable[[], object]]] = []
        self.portal_copy = button(
            "", self.copy_portal, icon="key", kind="flat", hint="Copy the portal's link: whoever has it may log in"
        )
        self.portal_button = button(
            "Open portal", self.open_portal, icon="external", hint="Open the portal in the browser, entitled to log in"
        )
        self.start_button = button("Start", self.start_or_stop, icon="play", kind="primary")
        self.header(self.portal_copy, self.portal_button, self.start_button)
        self.banner = Banner()
        self.faults_banner = Banner()
        self.problem_banner = Banner()
        for made in (self.banner, self.problem_banner, self.faults_banner):
            self.body.addWidget(made)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty())
        self._stack.addWidget(self._full())
        self.body.addWidget(self._stack, 1)
        for keys, act in ((QKeySequence.StandardKey.Find, self._find), (QKeySequence.StandardKey.Undo, self.undo)):
            made_key = QShortcut(QKeySequence(keys), self)
            made_key.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            made_key.activated.connect(act)
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._notice_edits)
        self._look.start()

    # Parts -----------------------------------------------------------------------------------------------------

    def _empty(self) -> QWidget:
        self.first = button("Start the test IdP", self.start_or_stop, icon="play", kind="primary")
        self.look = button("People and faults", self.enter, icon="users", hint="Edit them without starting it")
        self.empty = EmptyState(
            "simulator",
            "The test IdP is stopped",
            "It plays the identity provider of your organisation on this computer: log in as any of its people, see "
            "what this program makes of it, then switch on a fault and see that it is refused. Nothing leaves this "
            "computer, and no real account is touched.",
            self.first,
            self.look,
        )
        return Card("", self.empty)

    def _full(self) -> QWidget:
        self.server = ServerCard()
        self.server.connect_asked.connect(self.connect_account)
        self.server.vendor_chosen.connect(self.choose_vendor)
        self.server.page_asked.connect(self.open_page)
        self.people = PeopleTab(self.desk)
        self.people.log_in_asked.connect(self.log_in)
        self.people.log_out_asked.connect(self.log_out)
        self.fault_list = FaultList()
        self.fault_list.wanted.connect(self.set_faults)
        self.fault_list.trial_asked.connect(partial(self.desk.open, "trials"))
        self.recording = RecordingTab(self.desk)
        self.recording.replayed.connect(self._replayed)
        self.recording.page_asked.connect(self.open_page)
        self.message = MessageTab(self.desk)
        self.message.sent.connect(self._replayed)
        self.message.page_asked.connect(self.open_page)
        self.message.connect_asked.connect(self.connect_account)
        self.people.edit_asked.connect(self.edit_message)
        self.recording.edit_asked.connect(self.edit_again)
        self.applications = ApplicationsTab(self.desk)
        self.file = FileTab(self.desk)
        self.keys = KeysTab(self.desk)
        self.keys.connect_asked.connect(self.connect_account)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setAccessibleName("Parts of the simulator")
        self._parts: dict[str, QWidget] = {
            "people": self.people,
            "applications": self.applications,
            "faults": self.fault_list,
            "message": self.message,
            "recording": self.recording,
            "keys": self.keys,
            "file": self.file,
        }
        for part in self._parts.values():
            self.tabs.addTab(part, "")
            if isinstance(part, Tab):
                part.said.connect(self._say)
                part.changed.connect(self._after_lab)
                part.undoable.connect(self._remember)
        card = Card("", self.tabs)
        card.body.setContentsMargins(14, 6, 14, 12)
        self.tabs.currentChanged.connect(lambda _n: self._show_result())
        self.result = ResultCard()
        self.result.opened.connect(lambda page: self.desk.open(page, self.reference))
        made = QWidget()
        layout = column(self.server, card, self.result, spacing=14)
        layout.setStretch(1, 1)
        made.setLayout(layout)
        return made

    @property
    def _tabs(self) -> list[Tab]:
        return [p for p in self._parts.values() if isinstance(p, Tab)]

    def show_tab(self, name: str) -> None:
        """Show a part of the page by its name."""
        self.tabs.setCurrentWidget(self._parts[name])

    # Loading ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        self.work(
            load,
            self.desk.lab,
            self.desk.sso,
            self.desk.account,
            self._shown,
            then=self._show,
            failed=self._failed,
            channel="load",
        )

    def _notice_edits(self) -> None:
        """Whoever edits the organisation's file elsewhere sees it here; the lab tells when it has changed."""
        if self.isVisible() and self._shown is not None:
            self.work(_notice, self.desk.lab, then=_nothing, failed=self._failed, channel="notice")

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__, "Dismiss", self.banner.hide)

    def _say(self, state: str, text: str, word: str, act: Callable[[], object] | None) -> None:
        if not text:
            self.banner.hide()
        elif act is None:
            undo = word == "Undo"
            self.banner.say(state, text, "Undo" if undo else "Dismiss", self.undo if undo else self.banner.hide)
        else:
            self.banner.say(state, text, word, act)

    def _show(self, shown: Shown) -> None:
        self._shown = shown
        if shown.running or shown.active:
            self._entered = True
        self._stack.setCurrentIndex(1 if self._entered else 0)
        self.server.show_lab(shown)
        self._show_server(shown)
        self._show_active(shown.active)
        self._show_problem(shown.problem)
        for tab in self._tabs:
            tab.show_lab(shown)
        self.fault_list.show_faults(shown.faults, shown.active)
        self._show_titles(shown)
        if self._wanted_fault:
            fault, self._wanted_fault = self._wanted_fault, ""
            self._switch_on(fault)

    def _show_titles(self, shown: Shown) -> None:
        titles = {
            "people": f"People ({len(shown.tenant.users):,})",
            "applications": f"Applications ({len(shown.tenant.applications)})",
            "faults": f"Faults ({len(shown.active)} on)" if shown.active else "Faults",
            "message": "Message",
            "recording": f"Recording ({len(shown.exchanges)})",
            "keys": "Clock and keys",
            "file": "File",
        }
        for name, title in titles.items():
            self.tabs.setTabText(self.tabs.indexOf(self._parts[name]), title)

    def _show_server(self, shown: Shown) -> None:
        for made in (self.portal_button, self.portal_copy):
            made.setVisible(self._entered)
            made.setEnabled(shown.running)
        self.start_button.setVisible(self._entered)
        self._show_start(shown.running)

    def _show_start(self, running: bool) -> None:
        if self._busy:
            return
        self.start_button.setText("Stop" if running else "Start")
        self.start_button.setAccessibleName("Stop the test IdP" if running else "Start the test IdP")
        self.start_button.setProperty("kind", "" if running else "primary")
        self.start_button.setProperty("icon_name", "stop" if running else "play")
        self.start_button.style().unpolish(self.start_button)
        self.start_button.style().polish(self.start_button)
        retint(self.start_button)

    def _show_active(self, active: Sequence[str]) -> None:
        if not active:
            self.faults_banner.hide()
            return
        subject = "This fault is" if len(active) == 1 else f"These {len(active)} faults are"
        self.faults_banner.say(
            "error", f"{subject} in every login until switched off: {named(active)}.", "Clear all", self.clear_faults
        )

    def _show_problem(self, problem: str) -> None:
        if problem:
            self.problem_banner.say("error", f"{problem} The last good version of the organisation is used.")
        else:
            self.problem_banner.hide()

    def _find(self) -> None:
        shown = self.tabs.currentWidget()
        if isinstance(shown, Tab):
            shown.start_search()
        elif shown is self.fault_list:
            self.fault_list.search.setFocus()

    def enter(self) -> None:
        """Show people and faults although the test IdP is stopped."""
        self._entered = True
        if self._shown is not None:
            self._show(self._shown)

    def open(self, what: Any) -> None:
        """Switch a fault on, choose a person, or show a part of the page."""
        if not (isinstance(what, tuple) and len(what) == 2):
            return
        kind, value = what
        self.enter()
        if kind == "fault":
            self.show_tab("faults")
            if self._shown is None:
                self._wanted_fault = str(value)
            else:
                self._switch_on(str(value))
        elif kind == "person":
            self.show_tab("people")
            self.people.select(str(value))
        elif kind == "tab" and value in self._parts:
            self.show_tab(value)

    def _switch_on(self, fault_id: str) -> None:
        if self.fault_list.select(fault_id):
            self.fault_list.switch(fault_id, True)
        else:
            self.banner.say("error", f"There is no fault {fault_id}. Search the list of faults for a near one.")

    # Undo ------------------------------------------------------------------------------------------------------

    def _remember(self, sentence: str, verb: Callable[[], object], then: Callable[[], object]) -> None:
        self._undo.append((sentence, verb, then))
        del self._undo[:-_UNDONE]

    def undo(self) -> None:
        """Take back the last change of the organisation that was made here."""
        if not self._undo:
            self.banner.say("info", "There is nothing to take back.", "Dismiss", self.banner.hide)
            return
        sentence, verb, then = self._undo.pop()

        def done(_result: object) -> None:
            then()
            self.banner.say("success", sentence, "Dismiss", self.banner.hide)
            self._after_lab()

        self.work(verb, then=done, failed=self._failed, channel="undo")

    # Starting and stopping -------------------------------------------------------------------------------------

    def start_or_stop(self) -> None:
        """Start the test IdP and the service provider, or stop them."""
        if self._busy:
            return
        lab = self.desk.lab
        if self._shown is not None and self._shown.running:
            self._run_server("Stopping ...", lab.stop)
        else:
            self._run_server("Starting ...", lab.start, self.server.idp_port.value(), self.server.sp_port.value())

    def _run_server(self, word: str, verb: Callable[..., Any], *args: Any) -> None:
        self._set_busy(True, word)
        self.banner.hide()

        def done(_none: None) -> None:
            self._set_busy(False)
            self._entered = True
            self.desk.servers_changed.emit()
            self.refresh()

        def failed(error: Exception) -> None:
            self._set_busy(False)
            self._entered = True
            self._failed(error)
            self.refresh()

        self.work(verb, *args, then=done, failed=failed, channel="server")

    def _set_busy(self, on: bool, word: str = "") -> None:
        self._busy = on
        for made in (self.start_button, self.first):
            made.setEnabled(not on)
        if on:
            self.start_button.setText(word)
        self.first.setText(word if on else "Start the test IdP")

    def connect_account(self) -> None:
        """Make the account in hand trust the test IdP."""
        shown = self._shown
        if shown is None or shown.account is None:
            return
        if shown.trust == "other" and not confirm(
            self,
            f"Connect {shown.account.name} to the test IdP?",
            "The account trusts another identity provider now. Its people cannot log in until you restore the earlier "
            "metadata from the history on the Settings page.",
            "Connect",
        ):
            return

        def done(_none: None) -> None:
            self.banner.hide()
            self._entered = True
            self.desk.servers_changed.emit()
            self.refresh()

        def failed(error: Exception) -> None:
            self._failed(error)
            self.refresh()  # what somebody else has saved is shown before it is asked again

        self.work(
            connect,
            self.desk.lab,
            self.desk.account,
            shown.account.revision,
            then=done,
            failed=failed,
            channel="server",
        )

    def choose_vendor(self, vendor: str) -> None:
        """Speak as another vendor does."""
        self.work(
            use_vendor,
            self.desk.lab,
            self.desk.sso,
            vendor,
            then=lambda _none: self.refresh(),
            failed=self._failed,
            channel="vendor",
        )

    def _after_lab(self) -> None:
        self.desk.servers_changed.emit()
        self.refresh()

    # Browser ---------------------------------------------------------------------------------------------------

    def open_portal(self) -> None:
        """Open the portal in the browser, by the link that entitles to log in."""
        self.open_page(self.desk.lab.portal_url)

    def open_login_page(self) -> None:
        """Open the service provider's login page in the browser."""
        self.open_page(self.desk.lab.login_url)

    def open_page(self, url: str) -> None:
        """Open a page of this computer in the browser; nothing else is ever opened."""
        if not is_loopback(url):
            self.banner.say("error", "The test IdP is stopped. Start it, then open the page.")
        elif not QDesktopServices.openUrl(QUrl(url, QUrl.ParsingMode.StrictMode)):
            self.banner.say("error", f"No browser could be started. Open {url} yourself.")

    def copy_portal(self) -> None:
        """Copy the portal's link, for another browser."""
        copy_text(self.desk.lab.portal_url, self.portal_copy)

    # Faults ----------------------------------------------------------------------------------------------------

    def set_faults(self, ids: tuple[str, ...]) -> None:
        """Switch on exactly these faults."""

        def done(_none: None) -> None:
            self.desk.faults_changed.emit(ids)
            self.refresh()

        def failed(error: Exception) -> None:
            self._failed(error)
            self.refresh()

        self.work(self.desk.lab.set_faults, ids, then=done, failed=failed, channel="faults")

    def clear_faults(self) -> None:
        """Switch every fault off."""
        self.set_faults(())

    # Logging in ------------------------------------------------------------------------------------------------

    def log_in(self, was: TestUser, person: TestUser, flow: Flow) -> None:
        """Log in as somebody, in the account in hand."""
        if not self.desk.account:
            self.banner.say("error", "There is no account to log in to. Create one on the Settings page.")
            return
        self.people.set_busy(True)
        self.banner.hide()

        def failed(error: Exception) -> None:
            self.people.set_busy(False)
            if isinstance(error, NotTrusted):
                self.banner.say("warning", str(error), "Connect account", self.connect_account)
            else:
                self._failed(error)
            self.refresh()

        self.work(
            log_in_as,
            self.desk.lab,
            self.desk.sso,
            self.desk.account,
            was,
            person,
            flow,
            then=partial(self._logged_in, person != was),
            failed=failed,
            channel="login",
        )

    def log_out(self, person: TestUser) -> None:
        """Log somebody out of every application, and say who confirmed it."""
        self.banner.hide()
        self.work(
            self.desk.lab.log_out,
            person.username,
            then=lambda said: self.banner.say("info", said, "Dismiss", self.banner.hide),
            failed=self._failed,
            channel="logout",
        )

    def _logged_in(self, was_saved: bool, login: Login) -> None:
        self.people.set_busy(False)
        if was_saved and login.person is not None:
            self.people.saved(login.person)
        self._show_login(login)
        self._after_lab()

    def _replayed(self, login: Login) -> None:
        self.banner.hide()
        self._show_login(login)

    def edit_message(self, person: TestUser) -> None:
        """Edit the message about somebody before it is sent."""
        self.show_tab("message")
        self.message.prepare(person)

    def edit_again(self, exchange: Exchange) -> None:
        """Make a login of the recording anew, and edit it before it is sent."""
        self.show_tab("message")
        self.message.prepare_again(exchange)

    def _show_login(self, login: Login) -> None:
        self.result.show_login(login)
        self._show_result()

    def _show_result(self) -> None:
        """What a login came to stands where logins are made; elsewhere it would only take room."""
        shown = self.tabs.currentWidget()
        wanted = self.result.login is not None and shown in (self.people, self.fault_list, self.message, self.recording)
        self.result.setVisible(wanted)

    @property
    def reference(self) -> str:
        """The reference of the last login; "" where there is none."""
        return self.result.reference

    def restyle(self) -> None:
        super().restyle()
        for banner in (self.banner, self.faults_banner, self.problem_banner):
            banner.restyle()
        self.empty.restyle()
        for tab in self._tabs:
            tab.restyle()


def _notice(lab: Lab) -> None:
    lab.notice_edits()


def _nothing(_result: object) -> None:
    """What is done with a result that nobody waits for."""
