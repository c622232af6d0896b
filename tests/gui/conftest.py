"""Window tests: one theme per session, deferred deletes run at teardown, a watchdog for modal dialogs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSettings, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from app.gui import theme
from simulator import KeyRing
from tests.gui.bench import NOW, Bench


@pytest.fixture(scope="session")
def qapp_cls() -> type[QApplication]:
    QCoreApplication.setOrganizationName("sso-workbench-tests")
    QCoreApplication.setApplicationName("sso-workbench-tests")
    return QApplication


@pytest.fixture(scope="session", autouse=True)
def themed(qapp: QApplication) -> None:
    """Applying a style sheet costs much; once is enough."""
    theme.apply(qapp, "light")


@pytest.fixture(autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What windows remember is forgotten between tests."""
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path_factory.mktemp("settings")))
    QSettings().clear()
    yield
    QSettings().clear()


@pytest.fixture(autouse=True)
def flush_deferred_deletes(qapp: QApplication) -> Iterator[None]:
    """processEvents() does not run deleteLater(); windows would pile up over the session."""
    yield
    for widget in QApplication.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def no_modal_dialog_hangs(qapp: QApplication) -> Iterator[None]:
    """A modal dialog nobody answers is closed after 5 s, and the test fails. One that was just opened is not."""
    caught: list[str] = []
    looks = 0
    before: QWidget | None = None
    timer = QTimer()
    timer.setInterval(500)

    def close() -> None:
        nonlocal looks, before
        modal = QApplication.activeModalWidget()
        looks, before = (looks + 1 if modal is before else 0), modal
        if isinstance(modal, QDialog) and looks >= 10:
            caught.append(modal.windowTitle())
            modal.reject()

    timer.timeout.connect(close)
    timer.start()
    yield
    timer.stop()
    assert not caught, f"modal dialogs left open: {caught}"


@pytest.fixture(scope="session")
def idp_keys() -> KeyRing:
    """Keys made once for all window tests."""
    ring = KeyRing.in_memory(lambda: NOW)
    ring.pair()
    return ring


@pytest.fixture
def bench(qapp: QApplication, idp_keys: KeyRing) -> Iterator[Bench]:
    """The real window on a temporary workspace with one account, not configured."""
    made = Bench(idp_keys)
    yield made
    made.close()
