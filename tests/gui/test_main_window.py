from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QPointF, QSettings, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from app.bootstrap import demo_workspace
from app.gui import theme
from app.gui.application import restyle, run
from app.gui.jobs import Jobs
from app.gui.main_window import PAGES, MainWindow
from app.gui.palette import HelpSheet, Palette
from app.lab import Lab
from tests.gui.bench import ACCOUNT, Bench, flush, texts


@pytest.fixture
def window(bench: Bench, qtbot: QtBot) -> MainWindow:
    """The window on show, ready for keys."""
    bench.window.open_page("overview")
    bench.window.show()
    bench.window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is bench.window)
    return bench.window


def drop(window: MainWindow, path: Path) -> None:
    """Let a file fall on the window, as the desktop does."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    copy, left, no_key = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), copy, mime, left, no_key)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.dropEvent(QDropEvent(QPointF(50, 50), copy, mime, left, no_key))
    flush()


@pytest.mark.parametrize("name", [p[0] for p in PAGES])
def test_every_page_opens(bench: Bench, name: str) -> None:
    bench.connect()
    bench.log_in("ada")
    page = bench.page(name)
    title = next(t for n, _m, _c, t, _i in PAGES if n == name)
    assert bench.window.current is page
    assert (page.name, page.title, page.accessibleName()) == (name, title, title)
    assert bench.window._nav[name].isChecked()
    assert page.heading.isVisible()
    assert not bench.window.notice.isVisible()
    for made in page.findChildren(QLabel):
        assert made.textFormat() == Qt.TextFormat.PlainText or not made.text()
    for made in page.findChildren(QPushButton):
        # A banner's action is named when it is shown.
        assert made.accessibleName() or made.isHidden(), f"a button of {name} has no name: {made.toolTip()}"
    for made in page.findChildren(QComboBox):
        assert made.accessibleName(), f"a choice of {name} has no name"


@pytest.mark.parametrize("name", [p[0] for p in PAGES])
def test_every_page_opens_without_an_account_in_hand(bench: Bench, name: str) -> None:
    bench.window.accounts.clear()
    bench.desk._account = ""
    page = bench.page(name)
    assert page.heading.isVisible()
    assert not bench.window.notice.isVisible()


def test_ctrl_and_a_digit_open_the_pages_in_their_order(window: MainWindow, qtbot: QtBot) -> None:
    for number, (name, *_rest) in enumerate(PAGES[:9], 1):
        qtbot.keyClick(window, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        flush()
        assert window.current is window.page(name)


@pytest.mark.parametrize("how", ["click", "keys"])
def test_the_keys_of_a_page_work_as_soon_as_it_is_open(
    window: MainWindow, bench: Bench, qtbot: QtBot, how: str
) -> None:
    bench.sso.add_user(ACCOUNT, "ada@acme-media.test", "Ada", "developer")
    user = bench.sso.add_user(ACCOUNT, "x@acme-media.test", "X", "developer")
    if how == "click":
        qtbot.mouseClick(window._nav["users"], Qt.MouseButton.LeftButton)
    else:
        qtbot.keyClick(window, Qt.Key.Key_6, Qt.KeyboardModifier.ControlModifier)
    page: Any = window.page("users")
    assert window.current is page
    page.table.select_where(lambda u: u.id == user.id)
    page.delete()
    focused = QApplication.focusWidget()
    assert focused is not None
    qtbot.keyClick(focused, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert bench.sso.user(user.id).active
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.search.hasFocus()


def test_the_palette_goes_to_a_page(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = window.findChild(Palette)
    assert palette is not None
    qtbot.keyClicks(palette.field, "stale")
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    flush()
    assert window.current is window.page("stale")


def test_the_palette_knows_users_and_faults(window: MainWindow, bench: Bench, qtbot: QtBot) -> None:
    bench.sso.add_user(ACCOUNT, "zoe@acme-media.test", "Zoë Kovačević", "finance")
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = window.findChild(Palette)
    assert palette is not None
    qtbot.keyClicks(palette.field, "zoe@acme")
    assert palette.list.count() == 1
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    flush()
    users: Any = window.page("users")
    assert window.current is users
    assert users.table.current.email == "zoe@acme-media.test"
    window.show_palette()
    palette = window.findChildren(Palette)[-1]
    qtbot.keyClicks(palette.field, "fault xsw1")
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    flush()
    assert bench.lab.active_faults == ("xsw1",)
    assert window.current is window.page("simulator")


def test_f1_shows_the_keys(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_F1)
    sheet = window.findChild(HelpSheet)
    assert sheet is not None
    assert sheet.isVisible()
    assert "Ctrl+K" in texts(sheet)


def test_f5_loads_the_page_again(window: MainWindow, bench: Bench, qtbot: QtBot) -> None:
    page = bench.page("users")
    with bench.sso.store.write() as tx:  # behind the window's back
        account = tx.account_by_imagekit_id(ACCOUNT)
        assert account is not None
    quiet, bench.sso.tell = bench.sso.tell, lambda _change: None
    bench.sso.add_user(ACCOUNT, "grace@acme-media.test", "Grace Holloway", "developer")
    bench.sso.tell = quiet
    assert page.table.model_.total == 0
    qtbot.keyClick(window, Qt.Key.Key_F5)
    flush()
    assert page.table.model_.total == 1


def test_dropped_metadata_lands_on_settings(window: MainWindow, bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "FederationMetadata.xml"
    path.write_bytes(bench.idp.metadata())
    drop(window, path)
    settings: Any = window.page("settings")
    assert window.current is settings
    assert "EntityDescriptor" in settings.metadata.box.toPlainText()
    assert settings.save_button.isEnabled()


def test_a_dropped_response_lands_on_the_inspector(window: MainWindow, bench: Bench, tmp_path: Path) -> None:
    bench.connect()
    path = tmp_path / "response.xml"
    path.write_bytes(bench.idp.issue("ada", "imagekit").xml)
    drop(window, path)
    inspector: Any = window.page("inspector")
    assert window.current is inspector
    assert inspector.verdict.pill.state == "accept"


def test_what_cannot_be_dropped_is_told(window: MainWindow, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    drop(window, tmp_path / "pipe")
    inspector: Any = window.page("inspector")
    assert window.current is inspector
    assert "is not a regular file" in inspector.banner.text


def test_a_dropped_folder_lands_on_the_inspector(window: MainWindow, bench: Bench, tmp_path: Path) -> None:
    bench.connect()
    (tmp_path / "ada.xml").write_bytes(bench.idp.issue("ada", "imagekit").xml)
    window.open_page("settings")
    drop(window, tmp_path)
    inspector: Any = window.page("inspector")
    assert window.current is inspector
    assert [(r.name, r.verdict) for r in inspector.folder.table.model_.rows] == [("ada.xml", "accept")]


def test_choosing_another_account_reloads_the_page_on_show(window: MainWindow, bench: Bench) -> None:
    bench.sso.create_account("ik_child", "Child Media", plan="paid")
    bench.sso.add_user(ACCOUNT, "ada@acme-media.test", "Ada Lindqvist", "developer")
    flush()
    page = bench.page("users")
    assert page.table.model_.total == 1
    number = window.accounts.findData("ik_child")
    window.accounts.setCurrentIndex(number)
    window.accounts.activated.emit(number)
    flush()
    assert bench.desk.account == "ik_child"
    assert page.table.model_.total == 0
    assert QSettings().value("account") == "ik_child"


def test_the_foot_tells_servers_faults_and_clock(window: MainWindow, bench: Bench) -> None:
    assert window._where.text() == "a throw-away workspace"
    assert window._servers.text() == "Test IdP stopped"
    bench.lab.start()
    bench.lab.set_faults(["xsw1", "xsw2", "xsw3", "xsw4", "xsw5"])
    bench.lab.set_clock_offset(-90)
    flush()
    assert window._servers.text() == f"Test IdP on {bench.lab.idp_url}"
    assert window._faults.text() == "Active faults: xsw1, xsw2, xsw3, xsw4 and 1 more"
    assert window._faults.property("tone") == "error"
    assert window._clock.text() == "IdP clock -90 s"
    bench.lab.set_faults([])
    bench.lab.stop()
    flush()
    assert window._servers.text() == "Test IdP stopped"
    assert window._faults.text() == ""


def test_the_foot_does_not_wait_for_servers_that_start(bench: Bench, qtbot: QtBot) -> None:
    bench.desk.jobs = Jobs()
    bench.window.open_page("overview")
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with bench.lab._lock:  # as start() does while it makes keys
            held.set()
            go.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(5)
    bench.window.show_status()
    go.set()
    holder.join()
    qtbot.waitUntil(lambda: bench.window._servers.text() == "Test IdP stopped")


def test_the_theme_changes_at_once(window: MainWindow, bench: Bench) -> None:
    try:
        before = window.grab().toImage().pixelColor(700, 8).lightness()
        restyle(bench.desk, "dark")
        flush()
        assert theme.tokens().name == "dark"
        assert window.grab().toImage().pixelColor(700, 8).lightness() < 60 < before
        assert QSettings().value("theme") == "dark"
    finally:
        restyle(bench.desk, "light")
    assert theme.tokens().name == "light"


def test_the_window_comes_back_where_it_was(window: MainWindow, bench: Bench) -> None:
    window.open_page("log")
    window.resize(1111, 777)
    window.close()
    again = MainWindow(bench.desk)
    # The offscreen platform's screen is smaller than the window and cuts it; it is not the size of a first run.
    assert again.height() == pytest.approx(777, abs=5)
    assert again.width() != 1280
    assert QSettings().value("window/page") == "log"


def test_an_error_of_a_job_is_told_in_the_window(window: MainWindow, bench: Bench) -> None:
    def fail() -> None:
        raise OSError("The disk is full. Free some space.")

    bench.desk.jobs.run(window, fail, then=lambda _r: None)
    assert window.notice.text == "The disk is full. Free some space."


def test_closing_the_program_stops_everything(monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> None:
    """The whole program, from the first page to the exit code, with servers and a trial running when it is closed."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    QSettings().setValue("theme", "light")
    seen: list[str] = []

    def find() -> MainWindow | None:
        return next((w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow) and w.isVisible()), None)

    def step() -> None:
        window = find()
        if window is None:
            return
        page: Any = window.page("trials")
        trials = page.matrix
        if not seen:
            window.open_page("trials")
            seen.append("opened")
        elif seen == ["opened"] and trials._catalogue is not None:
            threading.Thread(target=lab.start, name="starter").start()
            trials.first.click()
            seen.append("running")
        elif seen[-1] == "running" and trials._running.bar.value() >= 1 and lab.running:
            seen.append(window._servers.text())
            window.close()

    timer = QTimer()
    timer.setInterval(20)
    timer.timeout.connect(step)
    timer.start()
    workspace = demo_workspace()
    lab = Lab(workspace.sso, None)
    try:
        assert run(workspace, lab) == 0
    finally:
        timer.stop()
        workspace.close()
    assert seen[:2] == ["opened", "running"]
    assert not lab.running
    ours = [t.name for t in threading.enumerate() if t.name.startswith(("job", "sso-web", "starter"))]
    assert ours == []


def test_no_page_flashes_a_window_of_its_own(bench: Bench) -> None:
    """A widget that is shown before it has a parent is a window for a moment, and takes the keyboard away."""
    shown: list[str] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
                shown.append(type(watched).__name__)
            return False

    watch = Watch()
    application = QApplication.instance()
    assert application is not None
    application.installEventFilter(watch)
    try:
        for name, *_rest in PAGES:
            bench.page(name)
    finally:
        application.removeEventFilter(watch)
    assert set(shown) == {"MainWindow"}
