"""The test IdP: started and stopped, its people, its faults, logins as anybody. It issues and judges nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QSignalBlocker, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut
from PySide6.QtWidgets import QCheckBox, QComboBox, QSpinBox, QStackedWidget, QTabWidget, QWidget

from app.gui.desk import Desk, Page
from app.gui.directory import Directory
from app.gui.fault_list import FaultList, verdict_word
from app.gui.findings import VerdictHeader
from app.gui.lab_work import (
    Login,
    NotTrusted,
    Shown,
    Trust,
    connect,
    is_loopback,
    load,
    log_in_as,
    login_state,
    named,
    put,
    put_back,
    remove,
    use_vendor,
)
from app.gui.tables import Column, Table
from app.gui.widgets import (
    Banner,
    Card,
    CopyRow,
    EmptyState,
    Pill,
    button,
    column,
    confirm,
    copy_text,
    label,
    number_field,
    retint,
    row,
    tip,
    visible,
)
from app.gui.wording import ago, exact, plural

if TYPE_CHECKING:
    from app.lab import Flow
    from simulator.tenant import Tenant, TestUser
    from simulator.web import Exchange

#: How far an account trusts the test IdP: a state and a word.
_TRUST: Final[dict[Trust, tuple[str, str]]] = {
    "this": ("pass", "Trusted by the account"),
    "other": ("warn", "Trusts another IdP"),
    "off": ("skipped", "SSO is off"),
    "none": ("skipped", "No account"),
}
_TEN_YEARS_S: Final = 10 * 366 * 86_400


# The page -------------------------------------------------------------------------------------------------------------


class SimulatorPage(Page):
    """open() takes ("fault", id), which switches that fault on, or ("person", user name)."""

    name = "simulator"
    title = "Simulator"
    sentence = "A test identity provider: be anybody, and get anything wrong."
    icon = "simulator"
    depends_on = frozenset({"lab", "event", "configuration", "accounts"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._shown: Shown | None = None
        self._login: Login | None = None
        self._busy = False
        self._entered = False
        self._wanted_fault = ""
        self._now: datetime | None = None
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
        self.body.addWidget(self.banner)
        self.body.addWidget(self.faults_banner)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty())
        self._stack.addWidget(self._full())
        self.body.addWidget(self._stack, 1)
        find = QShortcut(QKeySequence("Ctrl+F"), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self._find)

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
        self.directory = Directory()
        self.directory.log_in_asked.connect(self.log_in)
        self.directory.save_asked.connect(self.save_person)
        self.directory.delete_asked.connect(self.delete_person)
        self.fault_list = FaultList()
        self.fault_list.wanted.connect(self.set_faults)
        self.fault_list.trial_asked.connect(partial(self.desk.open, "trials"))
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setAccessibleName("Parts of the simulator")
        self.tabs.addTab(self.directory, "People")
        self.tabs.addTab(self.fault_list, "Faults")
        self.tabs.addTab(self._exchange_tab(), "Exchanges")
        card = Card("", self.tabs)
        card.body.setContentsMargins(14, 6, 14, 12)
        made = QWidget()
        layout = column(self._server_card(), card, self._result_card(), spacing=14)
        layout.setStretch(1, 1)
        made.setLayout(layout)
        return made

    def _server_card(self) -> Card:
        self.state = Pill("skipped", "Stopped")
        self.trust = Pill("skipped", "")
        self.connect_button = button(
            "Connect account",
            self.connect_account,
            icon="link",
            hint="Make the account in hand trust the test IdP",
        )
        self.idp_row = CopyRow("IdP", "", 24)
        self.idp_row.value.setToolTip("Where the test IdP publishes its metadata")
        self.login_row = CopyRow("SP", "", 24)
        self.login_row.value.setToolTip("The login page of the service provider, where an SP-initiated login starts")
        self.login_open = button(
            "",
            lambda: self.open_page(self.login_row.value.text()),
            icon="external",
            kind="flat",
            hint="Open login page",
        )
        self.addresses = QWidget()
        addresses = row(self.idp_row, self.login_row, self.login_open, spacing=4)
        addresses.setStretch(0, 1)
        addresses.setStretch(1, 1)
        addresses.insertSpacing(1, 8)
        self.addresses.setLayout(addresses)
        self.idp_port = _port_field("Port of the test IdP")
        self.sp_port = _port_field("Port of the service provider")
        for field in (self.idp_port, self.sp_port):
            field.setToolTip("Any: the port of last time if it is free. Both servers listen on 127.0.0.1 only.")
        self.ports = QWidget()
        self.ports.setLayout(
            row(label("IdP port", tone="muted"), self.idp_port, label("SP port", tone="muted"), self.sp_port, 1)
        )
        self.vendor = QComboBox()
        self.vendor.setAccessibleName("Vendor that the test IdP speaks like")
        self.vendor.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.vendor.setMinimumContentsLength(21)
        self.vendor.view().setMinimumWidth(240)
        self.vendor.activated.connect(self.choose_vendor)
        self.clock = number_field("IdP clock ahead of real time, in seconds", -_TEN_YEARS_S, _TEN_YEARS_S, suffix=" s")
        self.clock.setPrefix("Clock ")
        self.clock.setFixedWidth(120)
        self.clock.setToolTip("Seconds that the IdP's clock is ahead of real time; negative: behind")
        self.clock.editingFinished.connect(self.set_clock)
        first = row(self.state, self.addresses, self.ports, spacing=14)
        first.setStretch(1, 1)
        first.setStretch(2, 1)
        second = row(self.trust, self.connect_button, 1, self.vendor, self.clock, spacing=8)
        made = Card("", first, second)
        made.body.setContentsMargins(16, 12, 16, 12)
        return made

    def _exchange_tab(self) -> QWidget:
        self.auto_approve = QCheckBox("Log in without the portal's link")
        self.auto_approve.setToolTip(
            "Any program on this computer may then log in as anybody at the test IdP. Off again at the next start."
        )
        self.auto_approve.clicked.connect(self.set_auto_approve)
        self.exchange_text = label("", tone="muted")
        self.exchanges: Table[Exchange] = Table(
            "simulator-exchanges",
            [
                Column("Time", lambda e: ago(e.at, self._moment), 92, tip=lambda e: exact(e.at)),
                Column("Person", lambda e: e.user, 104),
                Column(
                    "Answer",
                    lambda e: "Refused" if e.refused else "Sent",
                    104,
                    state=lambda e: "warn" if e.refused else "pass",
                ),
                Column("Started at", lambda e: "Login page" if e.in_response_to or e.request else "Portal", 100),
                Column("Faults", lambda e: ", ".join(e.faults), 200, mono=True),
                Column("Remark", lambda e: e.refused or "", 200),
            ],
        )
        self.exchanges.setAccessibleName("Answers of the test IdP")
        self.exchanges.opened.connect(self.inspect_exchange)
        self.exchanges.extra_actions = [("Inspect", self.inspect_exchange)]
        made = QWidget()
        made.setLayout(
            column(row(self.exchange_text, 1, self.auto_approve), self.exchanges, spacing=8, margins=(0, 10, 0, 0))
        )
        return made

    def _result_card(self) -> Card:
        self.verdict = VerdictHeader(13)
        self.log_button = button("Show in log", self.show_in_log, icon="log")
        self.inspect_button = button("Inspect", self.inspect_login, icon="inspector", hint="Open the message")
        self.copy_reference = button(
            "", lambda: copy_text(self.reference, self.copy_reference), icon="copy", kind="flat", hint="Copy reference"
        )
        bar = row(self.verdict, self.copy_reference, self.log_button, self.inspect_button, spacing=8)
        bar.setStretch(0, 1)
        self.result = Card("", bar)
        self.result.body.setContentsMargins(16, 10, 16, 10)
        self.result.setAccessibleName("The last login")
        self.result.hide()
        return self.result

    # Loading ---------------------------------------------------------------------------------------------------

    @property
    def _moment(self) -> datetime:
        return self._now or self.desk.workspace.now()

    def refresh(self) -> None:
        self.work(
            load,
            self.desk.lab,
            self.desk.sso,
            self.desk.account,
            then=self._show,
            failed=self._failed,
            channel="load",
        )

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__, "Dismiss", self.banner.hide)

    def _show(self, shown: Shown) -> None:
        self._shown, self._now = shown, shown.now
        if shown.running or shown.active:
            self._entered = True
        self._stack.setCurrentIndex(1 if self._entered else 0)
        self._show_server(shown)
        self._show_active(shown.active)
        application = shown.account.imagekit_id if shown.account is not None else ""
        self.directory.show_people(shown.tenant.users, application, application)
        self.fault_list.show_faults(shown.faults, shown.active)
        self.exchanges.show_rows(tuple(reversed(shown.exchanges)))
        self.exchange_text.setText(
            f"The last {plural(len(shown.exchanges), 'answer')} of the test IdP. Enter opens one in the inspector."
            if shown.exchanges
            else "Nothing has been answered since the start. Log in as somebody, here or in the browser."
        )
        self.tabs.setTabText(0, f"People ({len(shown.tenant.users)})")
        self.tabs.setTabText(1, f"Faults ({len(shown.active)} on)" if shown.active else "Faults")
        self.tabs.setTabText(2, f"Exchanges ({len(shown.exchanges)})")
        if self._wanted_fault:
            fault, self._wanted_fault = self._wanted_fault, ""
            self._switch_on(fault)

    def _show_server(self, shown: Shown) -> None:
        self.state.show_state("pass" if shown.running else "skipped", "Running" if shown.running else "Stopped")
        self.addresses.setVisible(shown.running)
        self.ports.setVisible(not shown.running)
        self.idp_row.show_value(shown.metadata_url)
        self.login_row.show_value(shown.login_url)
        for made in (self.portal_button, self.portal_copy):
            made.setVisible(self._entered)
            made.setEnabled(shown.running)
        self.start_button.setVisible(self._entered)
        self._show_start(shown.running)
        state, word = _TRUST[shown.trust]
        self.trust.show_state(state, word)
        self.connect_button.setVisible(shown.trust in ("off", "other"))
        self._fill_vendors(shown.tenant)
        with QSignalBlocker(self.clock):
            if not self.clock.hasFocus() or self.clock.value() == shown.offset_s:
                self.clock.setValue(shown.offset_s)
        with QSignalBlocker(self.auto_approve):
            self.auto_approve.setChecked(shown.auto_approve)

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

    def _fill_vendors(self, tenant: Tenant) -> None:
        from simulator.profiles import PROFILES

        if not self.vendor.count():
            for known in PROFILES:
                self.vendor.addItem(known.title, known.id)
        self.vendor.setCurrentIndex(self.vendor.findData(tenant.vendor))
        unsure = tenant.profile.doubts
        self.vendor.setToolTip(tip(f"Messages and metadata as this vendor writes them. {unsure}".strip()))

    def _show_active(self, active: Sequence[str]) -> None:
        if not active:
            self.faults_banner.hide()
            return
        subject = "This fault is" if len(active) == 1 else f"These {len(active)} faults are"
        self.faults_banner.say(
            "error", f"{subject} in every login until switched off: {named(active)}.", "Clear all", self.clear_faults
        )

    def _find(self) -> None:
        (self.fault_list if self.tabs.currentIndex() == 1 else self.directory).search.setFocus()

    def enter(self) -> None:
        """Show people and faults although the test IdP is stopped."""
        self._entered = True
        if self._shown is not None:
            self._show(self._shown)

    def open(self, what: Any) -> None:
        """Switch a fault on, or choose a person."""
        if not (isinstance(what, tuple) and len(what) == 2):
            return
        kind, value = what
        self.enter()
        if kind == "fault":
            self.tabs.setCurrentIndex(1)
            if self._shown is None:
                self._wanted_fault = str(value)
            else:
                self._switch_on(str(value))
        elif kind == "person":
            self.tabs.setCurrentIndex(0)
            self.directory.select(str(value))

    def _switch_on(self, fault_id: str) -> None:
        if self.fault_list.select(fault_id):
            self.fault_list.switch(fault_id, True)
        else:
            self.banner.say("error", f"There is no fault {fault_id}. Search the list of faults for a near one.")

    # Starting and stopping -------------------------------------------------------------------------------------

    def start_or_stop(self) -> None:
        """Start the test IdP and the service provider, or stop them."""
        if self._busy:
            return
        lab = self.desk.lab
        if self._shown is not None and self._shown.running:
            self._run_server("Stopping ...", lab.stop)
        else:
            self._run_server("Starting ...", lab.start, self.idp_port.value(), self.sp_port.value())

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

        self.work(connect, self.desk.lab, self.desk.account, then=done, failed=self._failed, channel="server")

    def choose_vendor(self, number: int) -> None:
        """Speak as another vendor does."""
        self.work(
            use_vendor,
            self.desk.lab,
            self.desk.sso,
            self.vendor.itemData(number),
            then=lambda _none: self.refresh(),
            failed=self._failed,
            channel="vendor",
        )

    def set_clock(self) -> None:
        """Let the IdP's clock run ahead or behind."""
        seconds = self.clock.value()
        if self._shown is not None and seconds != self._shown.offset_s:
            self.work(
                self.desk.lab.set_clock_offset,
                seconds,
                then=lambda _none: self._after_lab(),
                failed=self._failed,
                channel="clock",
            )

    def set_auto_approve(self, on: bool) -> None:
        """Let any program log in, or only whoever has the link."""
        self.work(
            self.desk.lab.set_auto_approve,
            on,
            then=lambda _none: self._after_lab(),
            failed=self._failed,
            channel="approve",
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

    # People ----------------------------------------------------------------------------------------------------

    def save_person(self, was: TestUser | None, person: TestUser) -> None:
        """Save a person to the directory."""

        def done(saved: TestUser) -> None:
            self.banner.hide()
            self.directory.saved(saved)
            self.refresh()

        self.work(put, self.desk.lab, was, person, then=done, failed=self._failed, channel="person")

    def delete_person(self, person: TestUser) -> None:
        """Delete a person from the directory; their account at the service provider stays, as in real life."""

        def done(place: int) -> None:
            name = person.full_name or person.username
            self.banner.say(
                "success",
                f"{name} was deleted from the directory and cannot log in any more. A user that was created keeps "
                "their seat.",
                "Undo",
                partial(self._put_back, person, place),
            )
            self.refresh()

        self.work(remove, self.desk.lab, person, then=done, failed=self._failed, channel="person")

    def _put_back(self, person: TestUser, place: int) -> None:
        def done(_none: None) -> None:
            self.banner.hide()
            self.directory.saved(person)
            self.refresh()

        self.work(put_back, self.desk.lab, person, place, then=done, failed=self._failed, channel="person")

    # Logging in ------------------------------------------------------------------------------------------------

    def log_in(self, was: TestUser, person: TestUser, flow: Flow) -> None:
        """Log in as somebody, in the account in hand."""
        if not self.desk.account:
            self.banner.say("error", "There is no account to log in to. Create one on the Settings page.")
            return
        self.directory.set_busy(True)
        self.banner.hide()

        def failed(error: Exception) -> None:
            self.directory.set_busy(False)
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

    def _logged_in(self, was_saved: bool, login: Login) -> None:
        self.directory.set_busy(False)
        if was_saved:
            self.directory.saved(login.person)
        self._login = login
        outcome = login.outcome
        state, word = login_state(login)
        self.verdict.show_verdict(state, visible(outcome.sentence), self._detail(login))
        self.verdict.pill.show_state(state, word)
        for made in (self.log_button, self.copy_reference, self.inspect_button):
            made.setEnabled(bool(outcome.reference))
        self.inspect_button.setEnabled(outcome.result is not None)
        self.result.show()
        self.desk.servers_changed.emit()
        self.refresh()

    @staticmethod
    def _detail(login: Login) -> str:
        outcome = login.outcome
        parts = [outcome.reference] if outcome.reference else []
        parts.append("from the portal" if outcome.flow == "idp_initiated" else "from the login page")
        if outcome.faults:
            parts.append(f"with {named(outcome.faults)}")
        if login.expected:
            judged = "as expected" if login.as_expected else f"not as expected: must be {verdict_word(login.expected)}"
            parts.append(judged)
        return " · ".join(parts)

    @property
    def reference(self) -> str:
        """The reference of the last login; "" where there is none."""
        return self._login.outcome.reference if self._login is not None else ""

    def show_in_log(self) -> None:
        """Open the log on the last login."""
        self.desk.open("log", self.reference)

    def inspect_login(self) -> None:
        """Open the message of the last login in the inspector."""
        self.desk.open("inspector", self.reference)

    def inspect_exchange(self, exchange: Exchange) -> None:
        """Open a message that the test IdP sent in the inspector."""
        issued = exchange.issued
        message = (issued.body if issued is not None else b"") or exchange.xml
        if message:
            self.desk.open("inspector", message)
        else:
            self.banner.say("info", "The test IdP refused this login itself: there is no message to inspect.")

    def restyle(self) -> None:
        super().restyle()
        for banner in (self.banner, self.faults_banner):
            banner.restyle()
        self.empty.restyle()
        self.directory.restyle()


def _port_field(name: str) -> QSpinBox:
    made = number_field(name, 0, 65_535)
    made.setSpecialValueText("Any")
    made.setGroupSeparatorShown(False)
    made.setFixedWidth(86)
    return made
