"""Desks for page tests: a real workspace in a temporary folder, the lab on loopback, work done at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtWidgets import QApplication

from app.bootstrap import Workspace, demo_workspace
from app.gui.desk import Desk
from app.gui.jobs import Hub, InlineExecutor, Jobs
from app.lab import Lab
from app.sso import SSO
from app.store import Store

ACCOUNT = "ik_7x2k"


@contextmanager
def real_desk(*, running: bool = False) -> Iterator[Desk]:
    """A desk on a throw-away workspace; with `running`, the test IdP serves and the account trusts it."""
    workspace = demo_workspace()
    lab = Lab(workspace.sso, None)
    try:
        if running:
            lab.start()
            lab.connect(ACCOUNT)
        hub = Hub()
        desk = Desk(workspace, lab, Jobs(InlineExecutor()), hub)
        workspace.sso.tell = hub.tell
        desk.choose_account(ACCOUNT)
        yield desk
        QApplication.processEvents()
    finally:
        lab.stop()
        workspace.close()


@contextmanager
def desk_over(sso: SSO, store: Store) -> Iterator[Desk]:
    """A desk over a store that exists, with work in threads as in the program."""
    workspace = Workspace(sso, store, Path(store.location).parent)
    lab = Lab(sso, None)
    jobs = Jobs()
    try:
        desk = Desk(workspace, lab, jobs, Hub())
        desk.choose_account(ACCOUNT)
        yield desk
        QApplication.processEvents()
    finally:
        jobs.shutdown()
        lab.stop()
