"""The one window: sidebar, pages in a stack, status bar, keyboard. No logic of its own."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QByteArray, QSettings, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.gui import theme
from app.gui.called_by_qt import called_by_qt
from app.gui.consent_bar import ConsentBar, Waiting, waiting
from app.gui.desk import Desk, Page
from app.gui.palette import Entry, HelpSheet, Palette
from app.gui.widgets import Banner, button, label, retint, retone, row, tip, visible
from app.gui.wording import day, exact, plural, utc

if TYPE_CHECKING:
    from app.lab import Lab
    from app.sso import SSO, Ending

#: name, module, class, title, icon. A page's module is imported when the page is first opened: the window shows sooner.
PAGES: tuple[tuple[str, str, str, str, str], ...] = (
    ("overview", "overview", "OverviewPage", "Overview", "overview"),
    ("settings", "settings", "SettingsPage", "Settings", "settings"),
    ("inspector", "inspector", "InspectorPage", "Inspector", "inspector"),
    ("compare", "compare", "ComparePage", "Compare", "compare"),
    ("log", "log", "LogPage", "Log", "log"),
    ("users", "users", "UsersPage", "Users", "users"),
    ("stale", "stale", "StalePage", "Stale users", "stale"),
    ("simulator", "simulator", "SimulatorPage", "Simulator", "simulator"),
    ("trials", "trials", "TrialsPage", "Trials", "trials"),
    ("preferences", "preferences", "PreferencesPage", "Preferences", "preferences"),
)

_FAULTS_NAMED: Final = 4
_HOUR_MS: Final = 3_600_000
_USERS_OFFERED: Final = 500


@dataclass(frozen=True, slots=True)
class LabStatus:
    """What the status bar tells of the test IdP. `idp_url` is "" while it is stopped."""

    idp_url: str
    faults: tuple[str, ...]
    offset_s: int
    stands_at: str
    auto_approve: bool
    waiting: tuple[Waiting, ...]


def lab_status(lab: Lab) -> LabStatus:
    """Read it; off the GUI thread, because it waits while the servers start."""
    url = lab.idp_url if lab.running else ""
    return LabStatus(
        url, lab.active_faults, lab.clock_offset_s, utc(lab.clock_stands_at), lab.auto_approve, waiting(lab)
    )


def soonest_ending(sso: SSO) -> Ending | None:
    """What ends first within 90 days without anything that follows it."""
    return next((e for e in sso.endings() if e.last and e.step is not None and e.kind != "metadata"), None)


@dataclass(frozen=True, slots=True)
class Destinations:
    """What the palette offers beside pages and accounts: (name, e-mail) of users, and the ids of faults."""

    users: tuple[tuple[str, str], ...]
    faults: tuple[str, ...]


def destinations(sso: SSO, lab: Lab, imagekit_id: str) -> Destinations:
    """Read them."""
    users = sso.users(imagekit_id)[:_USERS_OFFERED] if imagekit_id else ()
    return Destinations(tuple((u.full_name, u.email) for u in users), lab.fault_ids())


class MainWindow(QMainWindow):
    """Shows one page at a time. open_page(name, what) is the only way between pages."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.setWindowTitle("SSO Workbench")
        self.setWindowIcon(theme.app_icon())
        self.setMinimumSize(960, 640)
        self.setAcceptDrops(True)
        self._pages: dict[str, Page] = {}
        self._nav: dict[str, QPushButton] = {}
        self._stack = QStackedWidget()
        self.accounts = QComboBox()
        self.accounts.setAccessibleName("Account")
        self.accounts.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.accounts.setMinimumContentsLength(10)
        self.accounts.activated.connect(lambda i: desk.choose_account(self.accounts.itemData(i)))
        self.notice = Banner()
        central = QWidget()
        layout = QHBoxLayout(central)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._sidebar())
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        # The room around the notice goes with it, so that pages start at the top.
        self._notice_room = QWidget()
        self._notice_room.setLayout(row(self.notice, margins=(24, 12, 24, 0)))
        self._notice_room.hide()
        right.addWidget(self._notice_room)
        self.consent = ConsentBar(desk)
        right.addWidget(self.consent)
        right.addWidget(self._stack, 1)
        layout.addLayout(right, 1)
        self.setCentralWidget(central)
        self._status_bar()
        self._hourly = QTimer(self)
        self._hourly.setInterval(_HOUR_MS)
        self._hourly.timeout.connect(self.watch_certificates)
        self._hourly.start()
        self._keys()
        desk.opened.connect(self.open_page)
        desk.said.connect(self._say)
        desk.jobs.failed.connect(lambda e: self._say("error", str(e) or type(e).__name__))
        desk.hub.changed.connect(self._on_change)
        desk.account_changed.connect(self._show_account)
        desk.faults_changed.connect(lambda _f: self.show_status())
        desk.servers_changed.connect(self.show_status)
        desk.restyled.connect(self._restyle)
        geometry = QSettings().value("window/geometry")
        if isinstance(geometry, QByteArray) and not geometry.isEmpty():
            self.restoreGeometry(geometry)
        else:
            self.resize(1280, 800)

    # Parts -----------------------------------------------------------------------------------------------------

    def _sidebar(self) -> QWidget:
        bar = QWidget()
        bar.setObjectName("sidebar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        bar.setFixedWidth(216)
        layout = QVBoxLayout(bar)
        layout.setContentsMargins(12, 16, 12, 12)
        layout.setSpacing(4)
        mark = QLabel()
        mark.setPixmap(theme.pixmap("app", "#000000", 22))
        layout.addLayout(row(mark, label("SSO Workbench", size=15, bold=True), 1))
        layout.addSpacing(8)
        layout.addWidget(self.accounts)
        layout.addSpacing(10)
        for number, (name, _module, _class, title, icon) in enumerate(PAGES):
            if name == "preferences":
                layout.addStretch(1)
            shortcut = f" (Ctrl+{number + 1})" if number < 9 else ""
            made = button(title, partial(self.open_page, name), icon=icon, kind="nav", hint=f"{title}{shortcut}")
            made.setCheckable(True)
            made.setAutoExclusive(True)
            made.toggled.connect(partial(self._retint_nav, made))
            made.setAccessibleName(title)
            self._nav[name] = made
            layout.addWidget(made)
        return bar

    @staticmethod
    def _retint_nav(made: QPushButton, _on: bool) -> None:
        retint(made)

    def _status_bar(self) -> None:
        self._where = label("", tone="muted", size=12)
        self._servers = label("", tone="muted", size=12)
        self._faults = label("", tone="error", size=12)
        self._clock = label("", tone="muted", size=12)
        self._ending = button("", partial(self.open_page, "settings", "certificates"), icon="certificate", kind="flat")
        self._ending.setStyleSheet("min-height: 0; padding: 0 8px; border: 0;")  # the bar stays as high as it was
        self._ending.hide()
        bar = self.statusBar()
        bar.setSizeGripEnabled(True)
        bar.addWidget(row_widget(self._where, self._servers), 1)
        bar.addPermanentWidget(self._ending)
        bar.addPermanentWidget(self._faults)
        bar.addPermanentWidget(self._clock)

    def _keys(self) -> None:
        for number, (name, *_rest) in enumerate(PAGES[:9]):
            self._key(f"Ctrl+{number + 1}", partial(self.open_page, name))
        self._key("Ctrl+K", self.show_palette)
        self._key("F1", self.show_help)
        self._key("F5", self._refresh)

    def _key(self, keys: str, act: Any) -> None:
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.activated.connect(act)

    # Pages -----------------------------------------------------------------------------------------------------

    def page(self, name: str) -> Page:
        """The page of this name, made when first asked for."""
        if name not in self._pages:
            module, class_name = next((m, c) for n, m, c, _t, _i in PAGES if n == name)
            made: Page = getattr(importlib.import_module(f"app.gui.pages.{module}"), class_name)(self.desk)
            self._pages[name] = made
            self._stack.addWidget(made)
        return self._pages[name]

    @property
    def current(self) -> Page | None:
        """The page on show."""
        shown = self._stack.currentWidget()
        return shown if isinstance(shown, Page) else None

    def open_page(self, name: str, what: object = None) -> None:
        """Show a page; hand it `what` if given."""
        page = self.page(name)
        another = page is not self.current
        self._nav[name].setChecked(True)
        self._stack.setCurrentWidget(page)
        QSettings().setValue("window/page", name)
        self._notice_room.hide()
        if another:
            page.setFocus()  # its keys work at once: a field that has the focus would take Ctrl+Z for itself
        if what is not None:
            page.open(what)

    def _refresh(self) -> None:
        if self.current is not None:
            self.current.out_of_date()

    def load_accounts(self) -> None:
        """Fill the account switcher; keep the choice where possible."""
        self.desk.jobs.run(self, self.desk.sso.accounts, then=self._fill_accounts, channel="accounts")

    def _fill_accounts(self, accounts: Any) -> None:
        self.accounts.clear()
        for account in accounts:
            self.accounts.addItem(visible(f"{account.name} · {account.imagekit_id}"), account.imagekit_id)
        known = [a.imagekit_id for a in accounts]
        wanted = self.desk.account or str(QSettings().value("account", ""))
        if known:
            self.desk.choose_account(wanted if wanted in known else known[0])
            self._show_account(self.desk.account)
        self.show_status()
        self.watch_certificates()

    def _show_account(self, imagekit_id: str) -> None:
        self.accounts.setCurrentIndex(self.accounts.findData(imagekit_id))

    def _on_change(self, change: object) -> None:
        if getattr(change, "kind", None) == "accounts":
            self.load_accounts()
        if getattr(change, "kind", None) in ("accounts", "configuration"):
            self.watch_certificates()

    # Status ----------------------------------------------------------------------------------------------------

    def show_status(self) -> None:
        """Say where we are: workspace, servers, active faults, simulated clock."""
        self._where.setText(visible(self.desk.label))
        self.desk.jobs.run(self, lab_status, self.desk.lab, then=self._show_lab, failed=self._no_lab, channel="status")

    def _show_lab(self, status: LabStatus) -> None:
        self.consent.show_waiting(status.waiting)
        self._servers.setText(f"Test IdP on {status.idp_url}" if status.idp_url else "Test IdP stopped")
        self._servers.setToolTip("")
        red = []
        if status.auto_approve:
            red.append("Any program may log in")
        if status.faults:
            rest = len(status.faults) - _FAULTS_NAMED
            names = ", ".join(status.faults[:_FAULTS_NAMED]) + (f" and {rest} more" if rest > 0 else "")
            red.append(f"Active faults: {names}")
        self._faults.setText(visible(" · ".join(red)))
        self._faults.setToolTip(tip("\n".join(status.faults)))
        moved = f"IdP clock {status.offset_s:+d} s" if status.offset_s else ""
        self._clock.setText(f"IdP clock stands at {status.stands_at}" if status.stands_at else moved)

    def watch_certificates(self) -> None:
        """Tell on every screen what ends within 90 days and is followed by nothing."""
        self.desk.jobs.run(
            self,
            soonest_ending,
            self.desk.sso,
            then=self._show_ending,
            failed=lambda _e: self._ending.hide(),
            channel="endings",
        )

    def _show_ending(self, ending: Ending | None) -> None:
        self._ending.setVisible(ending is not None)
        if ending is not None:
            what = "Certificate" if ending.kind == "signing" else "Our own key"
            left = f"{plural(ending.days, 'day')} left" if ending.days >= 0 else "expired"
            self._ending.setText(f"{what}: {left}")
            self._ending.setToolTip(tip(f"{ending.title} ends on {day(ending.ends_at)}.\n{exact(ending.ends_at)}"))
            self._ending.setAccessibleName(f"{ending.title}: {left}")
            grave = ending.step is not None and ending.step <= 7
            self._ending.setProperty("kind", "danger" if grave else "flat")
            retone(self._ending, "error" if grave else "warning" if ending.urgent else "muted")
            retint(self._ending)

    def _no_lab(self, error: Exception) -> None:
        self._servers.setText("Test IdP unusable")
        self._servers.setToolTip(tip(str(error)))

    def _say(self, state: str, text: str) -> None:
        self.notice.say(state, text, "Dismiss", self._notice_room.hide)
        self._notice_room.show()

    def _restyle(self) -> None:
        for made in self.findChildren(QPushButton):
            retint(made)
        self.notice.restyle()
        self.consent.restyle()
        retone(self._faults, "error")

    # Keyboard, drop, close -------------------------------------------------------------------------------------

    def show_palette(self) -> None:
        """Ctrl+K: pages, accounts, actions."""
        self.desk.jobs.run(
            self,
            destinations,
            self.desk.sso,
            self.desk.lab,
            self.desk.account,
            then=self._popup_palette,
            channel="palette",
        )

    def _popup_palette(self, found: Destinations) -> None:
        entries = [Entry(t, "Page", partial(self.open_page, n)) for n, _m, _c, t, _i in PAGES]
        entries += [
            Entry(self.accounts.itemText(i), "Account", partial(self.desk.choose_account, self.accounts.itemData(i)))
            for i in range(self.accounts.count())
        ]
        entries += [Entry("Keyboard help", "Action", self.show_help)]
        entries += [Entry(f"{n} · {e}", "User", partial(self.open_page, "users", e)) for n, e in found.users]
        entries += [Entry(f, "Fault", partial(self.open_page, "simulator", ("fault", f))) for f in found.faults]
        Palette(self, entries).popup()

    def show_help(self) -> None:
        """F1: the keys."""
        HelpSheet(self).popup()

    @called_by_qt
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    @called_by_qt
    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(u.toLocalFile()) for u in event.mimeData().urls() if u.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.take_file(paths[0])

    def take_file(self, path: Path) -> None:
        """Give a dropped file to the page on show, else to the page its kind belongs to; a folder to the inspector."""
        current = self.current
        is_folder = path.is_dir()
        if current is not None and not is_folder and current.drop(path):
            return
        for name in ("inspector",) if is_folder else ("stale", "settings", "inspector"):
            if self.page(name).drop(path):
                self.open_page(name)
                return
        self._say(
            "error", f"{path.name} is neither metadata nor a message. Drop a file with XML, base64 or a form body."
        )

    @called_by_qt
    def closeEvent(self, event: QCloseEvent) -> None:
        QSettings().setValue("window/geometry", self.saveGeometry())
        super().closeEvent(event)


def row_widget(*parts: QWidget) -> QWidget:
    """Parts side by side as one widget, for places that take no layout."""
    made = QWidget()
    made.setLayout(row(*parts, 1, spacing=18, margins=(8, 2, 8, 2)))
    return made
