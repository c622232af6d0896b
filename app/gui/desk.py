"""What a page is given: the verbs, the jobs, the hub, the account in hand. And what a page is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.jobs import Hub, Jobs
from app.gui.widgets import Part, column, label, row

if TYPE_CHECKING:
    from app.bootstrap import Workspace
    from app.lab import Lab
    from app.sso import SSO


class Desk(QObject):
    """Shared by all pages. Pages read it, send intents through it, and never hold on to each other.

    Signals: account_changed(imagekit_id) · opened(page, what): show a page, handing it something · said(state, text):
    a sentence for the window's foot · restyled(): the theme changed · faults_changed(tuple of fault ids).
    """

    account_changed = Signal(str)
    opened = Signal(str, object)
    said = Signal(str, str)
    restyled = Signal()
    faults_changed = Signal(tuple)
    servers_changed = Signal()

    def __init__(self, workspace: Workspace, lab: Lab, jobs: Jobs, hub: Hub) -> None:
        super().__init__()
        self.workspace = workspace
        self.lab = lab
        self.jobs = jobs
        self.hub = hub
        self._account = ""

    @property
    def sso(self) -> SSO:
        """The verbs. Slow ones go through jobs.run()."""
        return self.workspace.sso

    @property
    def label(self) -> str:
        """Where the data is, for people."""
        return self.workspace.location

    @property
    def account(self) -> str:
        """The imagekit_id of the account in hand; "" when there is none."""
        return self._account

    def choose_account(self, imagekit_id: str) -> None:
        """Take another account in hand."""
        if imagekit_id != self._account:
            self._account = imagekit_id
            QSettings().setValue("account", imagekit_id)
            self.account_changed.emit(imagekit_id)

    def open(self, page: str, what: object = None) -> None:
        """Show a page by its name and hand it something (see that page's open())."""
        self.opened.emit(page, what)

    def say(self, state: str, text: str) -> None:
        """A sentence at the window's foot, e.g. after something was done."""
        self.said.emit(state, text)


class Page(QWidget):
    """A page of the window. Subclasses set the names, build in __init__, load in refresh()."""

    name: ClassVar[str]
    title: ClassVar[str]
    sentence: ClassVar[str]
    icon: ClassVar[str]
    #: The kinds of change (Change.kind) after which this page is out of date.
    depends_on: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAccessibleName(self.title)
        self.desk = desk
        self._stale = True
        self.heading = label(self.title, size=20, bold=True)
        self.subtitle = label(self.sentence, tone="muted", wrap=True)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(24, 20, 24, 20)
        self.body.setSpacing(14)
        desk.account_changed.connect(lambda _id: self.out_of_date())
        desk.restyled.connect(self.restyle)
        desk.hub.changed.connect(self._on_change)

    def header(self, *actions: Part) -> None:
        """Put the title, the sentence and the page's actions on top."""
        words = column(self.heading, self.subtitle, spacing=2)
        bar = row(words, *actions, spacing=12)
        bar.setStretch(0, 1)
        self.body.addLayout(bar)

    def refresh(self) -> None:
        """Load what the page shows. Called when it becomes visible after something changed."""

    def restyle(self) -> None:
        """Follow the theme: repaint what has colours of its own."""
        self.update()

    def open(self, what: Any) -> None:
        """Take what another page handed over."""

    def drop(self, path: Path) -> bool:
        """Take a dropped file. False: not for this page."""
        return False

    def out_of_date(self) -> None:
        """Load again now if visible, else when next shown."""
        self._stale = True
        if self.isVisible():
            self._refresh_once()

    @called_by_qt
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._refresh_once()

    def _refresh_once(self) -> None:
        self._stale = False
        self.refresh()

    def _on_change(self, change: object) -> None:
        if getattr(change, "kind", None) in self.depends_on:
            self.out_of_date()

    def work(
        self,
        verb: Callable[..., Any],
        *args: Any,
        then: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
        channel: str = "",
    ) -> None:
        """Call a verb off the GUI thread; its newest result comes back to `then`."""
        self.desk.jobs.run(self, verb, *args, then=then, failed=failed, channel=channel)
