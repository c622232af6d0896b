"""The tab "Applications" of the simulator page: the service providers that the test IdP knows, and a panel for one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QCheckBox, QMenu, QSplitter, QWidget

from app.gui.desk import Desk
from app.gui.files import ask_open
from app.gui.simulator.application import ApplicationPanel
from app.gui.simulator.applications_work import (
    SIGNS,
    by_hand,
    demand_signed_requests,
    from_file,
    from_metadata,
    put,
    put_back,
    remove,
)
from app.gui.simulator.tab import Tab
from app.gui.tables import Column, Table
from app.gui.widgets import button, column, copy_text, label, row, visible

if TYPE_CHECKING:
    from app.gui.lab_work import Shown
    from simulator.tenant import Application

_SIGNED = {value: words for words, value in SIGNS}


class ApplicationsTab(Tab):
    """Several service providers, from metadata or by hand."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._accounts: dict[str, str] = {}
        self._applications: tuple[Application, ...] = ()
        self._wanted = ""
        self.panel = ApplicationPanel()
        self.panel.save_asked.connect(self.save)
        self.panel.delete_asked.connect(self.delete)
        self.add_button = button("Add", icon="plus", hint="Add a service provider")
        menu = QMenu(self)
        menu.addAction("From a metadata file...", self._ask_file)
        menu.addAction("From metadata on the clipboard", self.paste)
        menu.addAction("By hand", self.add)
        self.add_button.setMenu(menu)
        self.signed = QCheckBox("Demand signed requests")
        self.signed.setToolTip("Requests without a signature get an error page; the metadata says so")
        self.signed.clicked.connect(self.demand_signed)
        self.text = label("", tone="muted", wrap=True)
        self.table: Table[Application] = Table(
            "simulator-applications",
            [
                Column("Name", lambda a: a.name or a.id, 150, tip=lambda a: a.id),
                Column("Posts to", lambda a: a.post_to, 220),
                Column("Signed", lambda a: _SIGNED.get(a.sign, ""), 130),
                Column("Encrypted", lambda a: "Yes" if a.encrypt_to else "", 80),
                Column("Audience", lambda a: a.entity_id, 200, muted=True),
            ],
        )
        self.table.setAccessibleName("Applications of the test IdP")
        self.table.chosen.connect(self._choose)
        self.table.extra_actions = [
            ("Copy audience", lambda a: copy_text(visible(a.entity_id), self.table)),
            ("Delete", self.delete),
        ]
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.table)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(lambda: self.delete(self.panel.shown))
        left = QWidget()
        bar = row(self.text, self.signed, self.add_button)
        bar.setStretch(0, 1)
        left.setLayout(column(bar, self.table, margins=(0, 8, 0, 0)))
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setHandleWidth(16)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(left)
        self.split.addWidget(self.panel)
        self.split.setStretchFactor(0, 1)
        self.split.setSizes([560, 400])
        kept = QSettings().value("simulator/applications")
        if kept:
            self.split.restoreState(kept)
        self.split.splitterMoved.connect(
            lambda *_: QSettings().setValue("simulator/applications", self.split.saveState())
        )
        self.setLayout(column(self.split))

    # Showing ---------------------------------------------------------------------------------------------------

    def show_lab(self, shown: Shown) -> None:
        self.signed.setChecked(shown.tenant.want_authn_requests_signed)
        self.text.setText(
            ""
            if shown.tenant.applications
            else "No service provider yet: connecting an account adds it. Others are added from their metadata."
        )
        applications, accounts = shown.tenant.applications, dict(shown.accounts)
        if applications == self._applications and accounts == self._accounts and not self._wanted:
            return
        kept = self._wanted or (self.panel.shown.id if self.panel.shown is not None else "")
        changed = self.panel.changed and not self._wanted
        self._applications, self._accounts = applications, accounts
        if changed and self.panel.shown in applications:
            self.table.show_rows(applications)  # what is typed stays, for the application is as it was
            self.table.select_where(lambda a: a.id == kept)
            return
        self.table.show_rows(applications)
        found = bool(kept) and self.table.select_where(lambda a: a.id == kept)
        if not found and not kept and applications:
            self.table.selectRow(0)
        elif not found:
            self._choose(None)
        self._wanted = ""

    def _choose(self, application: Application | None) -> None:
        if application is not None and application == self.panel.shown and self.panel.changed:
            return
        account = self._accounts.get(application.id, "") if application is not None else ""
        self.panel.show_application(application, account)

    # Changing --------------------------------------------------------------------------------------------------

    def save(self, application: Application) -> None:
        """Save an application."""

        def done(both: tuple[Application | None, Application]) -> None:
            was, now = both
            self._select(now.id)
            if was is not None:
                back: Callable[[], object] = partial(put, self.desk.lab, was)
                self.undoable.emit(f"{was.name or was.id} is as before.", back, partial(self._select, was.id))
            self.say("", "")
            self.changed.emit()

        self.work(put, self.desk.lab, application, then=done, channel="application")

    def delete(self, application: Application | None) -> None:
        """Forget an application."""
        if application is None:
            return

        def done(place: int) -> None:
            name = application.name or application.id
            back: Callable[[], object] = partial(put_back, self.desk.lab, application, place)
            self.undoable.emit(f"{name} is known again.", back, partial(self._select, application.id))
            again = " The next login at the account adds it again." if application.id in self._accounts else ""
            self.say("success", f"The test IdP does not know {name} any more.{again}", "Undo")
            self.changed.emit()

        self.work(remove, self.desk.lab, application.id, then=done, channel="application")

    def add(self) -> None:
        """Add an application to be filled in."""
        self.work(by_hand, self.desk.lab, then=self._added, channel="application")

    def paste(self) -> None:
        """Add an application from metadata on the clipboard."""
        text = QGuiApplication.clipboard().text()
        if not text.strip():
            self.say("error", "There is no text on the clipboard. Copy the service provider's metadata first.")
            return
        data = text.encode("utf-8", "replace")
        self.work(from_metadata, self.desk.lab, data, then=self._added, channel="application")

    def _ask_file(self) -> None:
        ask_open(
            self,
            "Metadata of a service provider",
            "Metadata (*.xml);;All files (*)",
            lambda path: self.work(from_file, self.desk.lab, path, then=self._added, channel="application"),
        )

    def _added(self, application: Application) -> None:
        self._select(application.id)
        back: Callable[[], object] = partial(remove, self.desk.lab, application.id)
        self.undoable.emit(f"{application.name} is not known any more.", back, lambda: None)
        self.say("success", f"{application.name} is known. Its tile is on the portal; give it the IdP's metadata too.")
        self.changed.emit()

    def demand_signed(self, on: bool) -> None:
        """Refuse requests that are not signed, or take them."""
        self.work(
            demand_signed_requests,
            self.desk.lab,
            on,
            then=lambda _none: self._demanded(not on),
            channel="signed",
        )

    def _demanded(self, was: bool) -> None:
        back: Callable[[], object] = partial(demand_signed_requests, self.desk.lab, was)
        self.undoable.emit("Requests are taken as before.", back, lambda: None)
        self.changed.emit()

    def _select(self, application_id: str) -> None:
        """What is typed is no draft any more."""
        self.panel.shown = None
        self._wanted = application_id
