"""A person at the real window: a temporary workspace, a test identity provider with real keys, a clock to move."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QPushButton, QWidget

from app.bootstrap import demo_workspace
from app.gui.application import build
from app.gui.jobs import InlineExecutor, Jobs
from app.lab import Lab
from app.sso import SSO, LoginResult
from simulator import Idp, KeyRing, default_tenant

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)
ACCOUNT = "ik_7x2k"
HOSTILE = "<img src='file:///etc/hostname'><b>x</b>"


class Bench:
    """The workspace, the window on it, and the identity provider whose people log in. `time` is everybody's clock.

    With `jobs`, work is done in threads as in the program, and not at once.
    """

    def __init__(self, keys: KeyRing, jobs: Jobs | None = None) -> None:
        self.time = NOW
        self.workspace = demo_workspace(clock=lambda: self.time)
        self.lab = Lab(self.workspace.sso, None)
        self.idp = Idp(default_tenant(imagekit_id=ACCOUNT), keys, lambda: self.time)
        self.window, self.desk = build(self.workspace, self.lab, jobs or Jobs(InlineExecutor()))
        self.opened: list[tuple[str, Any]] = []
        self.window.resize(1280, 800)
        self.window.load_accounts()

    @property
    def sso(self) -> SSO:
        return self.workspace.sso

    def later(self, **by: float) -> None:
        """Move the clock."""
        self.time += timedelta(**by)

    def connect(self) -> None:
        """Make the account trust the identity provider."""
        self.sso.save_metadata(ACCOUNT, self.idp.metadata(), test_idp=True)

    def person(self, username: str, **changes: Any) -> None:
        """Change a person in the directory."""
        user = self.idp.tenant.user(username)
        assert user is not None
        self.idp.tenant = self.idp.tenant.with_user(replace(user, **changes))

    def log_in(self, username: str, **options: Any) -> LoginResult:
        """A fresh login, posted as a browser does."""
        issued = self.idp.issue(username, "imagekit", **options)
        assert issued.body is not None
        return self.sso.consume(issued.body)

    def page(self, name: str, what: object = None) -> Any:
        """Open a page in the window and give it."""
        self.window.open_page(name, what)
        self.window.show()
        flush()
        return self.window.page(name)

    def catch_opened(self) -> None:
        """From now on write down which page a page wants to open, instead of opening it."""
        self.desk.opened.disconnect()
        self.desk.opened.connect(lambda name, what: self.opened.append((name, what)))

    def close(self) -> None:
        """Stop everything in order."""
        self.lab.stop()
        self.window.close()
        self.desk.jobs.shutdown()
        self.workspace.close()


def flush() -> None:
    """Let deferred work and deferred deletes happen."""
    QApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()


def answer(word: str) -> list[str]:
    """Press the button with this word in the next question. Returns a list that gets the question's text."""
    asked: list[str] = []

    def press(tries: int = 100) -> None:
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            if tries:
                QTimer.singleShot(20, lambda: press(tries - 1))
            return
        asked.append(f"{box.text()} {box.informativeText()}")
        next(b for b in box.buttons() if b.text() == word).click()

    QTimer.singleShot(0, press)
    return asked


def texts(widget: QWidget) -> str:
    """Everything that the labels in a widget say."""
    return "\n".join(made.text() for made in widget.findChildren(QLabel) if not made.isHidden())


def press(widget: QWidget, text: str) -> None:
    """Click the visible button that says this."""
    found = [b for b in widget.findChildren(QPushButton) if b.text() == text and b.isVisible()]
    assert found, f"no button {text!r}"
    found[0].click()
    flush()


def column(table: Any, number: int) -> list[str]:
    """What a column of a table shows."""
    return [table.model_.columns[number].text(r) for r in table.model_.rows]
