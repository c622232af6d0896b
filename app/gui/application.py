"""Starts the window: QApplication, theme, exception hooks, jobs, hub, first page. Stops everything in order."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QSettings, QTimer
from PySide6.QtWidgets import QApplication

from app.gui import theme
from app.gui.desk import Desk
from app.gui.garbage import Collector
from app.gui.jobs import Hub, Jobs
from app.gui.main_window import MainWindow
from app.gui.source_watch import SourceWatch

if TYPE_CHECKING:
    from app.bootstrap import Workspace
    from app.lab import Lab

log = logging.getLogger(__name__)
BUG = "Something went wrong in the program itself ({}). Details are in the log file."


class NoDisplay(Exception):  # noqa: N818  a condition of the environment, not a bug
    """There is no display to open a window on."""

    def __init__(self) -> None:
        super().__init__(
            "There is no display to open the window on. Start it in a desktop session, over ssh -X, or with "
            "xvfb-run; everything except the window also works on the command line, see sso-workbench --help."
        )


def require_display() -> None:
    """Raise NoDisplay where Qt would abort the process."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM")
    ):
        raise NoDisplay


def make_application() -> QApplication:
    """The QApplication with our names; the running one if there is one."""
    running = QApplication.instance()
    if isinstance(running, QApplication):
        return running
    QCoreApplication.setOrganizationName("sso-workbench")
    QCoreApplication.setApplicationName("sso-workbench")
    application = QApplication(["sso-workbench"])
    application.setApplicationDisplayName("SSO Workbench")
    application.setWindowIcon(theme.app_icon())
    return application


def build(workspace: Workspace, lab: Lab, jobs: Jobs | None = None) -> tuple[MainWindow, Desk]:
    """The window of a workspace, not yet shown. The caller keeps both alive, and closes workspace and lab."""
    hub = Hub()
    desk = Desk(workspace, lab, jobs or Jobs(), hub)
    window = MainWindow(desk)
    workspace.sso.tell = hub.tell
    lab.on_change = lambda: hub.tell(LabChanged())
    lab.asks_for_consent = True  # the window shows who waits

    def on_lab(change: object) -> None:
        if isinstance(change, LabChanged):
            desk.servers_changed.emit()

    hub.changed.connect(on_lab)
    return window, desk


class LabChanged:
    """The simulator started, stopped, or has other faults."""

    kind = "lab"


def _install_hooks(desk: Desk) -> None:
    """A bug anywhere becomes visible and is logged; the program goes on."""
    previous = sys.excepthook

    def on_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            previous(kind, error, trace)
            return
        log.error("unexpected error", exc_info=(kind, error, trace))
        desk.said.emit(
            "error", f"Something went wrong in the program itself ({kind.__name__}). Details are in the log."
        )

    def on_thread_exception(args: threading.ExceptHookArgs) -> None:
        log.error("unexpected error in a thread", exc_info=args.exc_value)
        desk.hub.tell(Failure(args.exc_type.__name__))

    desk.hub.changed.connect(
        lambda c: (
            desk.said.emit("error", f"Something went wrong in the program itself ({c.name}). Details are in the log.")
            if isinstance(c, Failure)
            else None
        )
    )
    sys.excepthook = on_exception
    threading.excepthook = on_thread_exception


class Failure:
    """A bug in a thread, told to the window."""

    kind = "failure"

    def __init__(self, name: str) -> None:
        self.name = name


def run(workspace: Workspace, lab: Lab, *, page: str | None = None) -> int:
    """Open the window and run until it is closed. Returns the exit code; the caller closes the workspace."""
    require_display()
    application = make_application()
    theme.apply(application, str(QSettings().value("theme", "system")))
    window, desk = build(workspace, lab)
    _install_hooks(desk)
    collector = Collector()
    application.styleHints().colorSchemeChanged.connect(lambda _s: restyle(desk))
    window.open_page(page or first_page())
    window.show()
    window.load_accounts()
    workspace.watch(desk.hub.tell)
    sources = SourceWatch(desk)
    QTimer.singleShot(300, lambda: threading.Thread(target=_warm_up, name="warm-up", daemon=True).start())
    code = application.exec()
    sources.deleteLater()
    workspace.stop_watching()
    lab.stop()
    desk.jobs.shutdown()
    lab.stop()  # a job that was under way may have started it again
    collector.stop()
    return int(code)


def restyle(desk: Desk, choice: str | None = None) -> None:
    """Put a theme on and remember it; without a choice, follow the remembered one."""
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    if choice is not None:
        QSettings().setValue("theme", choice)
    theme.apply(application, str(QSettings().value("theme", "system")))
    desk.restyled.emit()


def first_page() -> str:
    """The page of last time; the overview at first."""
    from app.gui.main_window import PAGES

    kept = str(QSettings().value("window/page", "overview"))
    return kept if any(kept == name for name, *_ in PAGES) else "overview"


def _warm_up() -> None:
    """Import what the pages will need, after the first paint."""
    import importlib

    for name in ("app.saml", "app.saml.report", "app.saml.intake", "signxml", "app.trial"):
        importlib.import_module(name)
    spare_collector()


def spare_collector() -> None:
    """Leave everything that is loaded out of garbage collections from now on.

    A full collection walks every object while no other thread may run: with all libraries loaded it would hold the
    window up for 200 ms, whichever thread sets it off.
    """
    gc.freeze()
