from __future__ import annotations

import threading
import time

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from pytestqt.qtbot import QtBot

from app.gui.jobs import Hub, InlineExecutor, Jobs, Progress


@pytest.fixture
def jobs(qapp: object) -> object:
    made = Jobs()
    yield made
    made.shutdown()


def test_the_result_arrives_on_the_gui_thread(jobs: Jobs, qtbot: QtBot) -> None:
    owner, got = QObject(), []
    worker: list[int] = []

    def work(number: int) -> int:
        worker.append(threading.get_ident())
        return number * 2

    jobs.run(owner, work, 21, then=lambda r: got.append((r, threading.get_ident())))
    qtbot.waitUntil(lambda: bool(got))
    assert got == [(42, threading.get_ident())]
    assert worker != [threading.get_ident()]


def test_only_the_newest_of_one_channel_is_delivered(jobs: Jobs, qtbot: QtBot) -> None:
    owner, got = QObject(), []
    gate = threading.Event()
    jobs.run(owner, lambda: gate.wait(5) and "old", then=got.append)
    jobs.run(owner, lambda: "new", then=got.append)
    jobs.run(owner, lambda: "other", then=got.append, channel="other")
    gate.set()
    qtbot.waitUntil(lambda: not jobs.busy)
    assert sorted(got) == ["new", "other"]


def test_nothing_is_delivered_to_the_dead(jobs: Jobs, qtbot: QtBot) -> None:
    owner, got = QObject(), []
    gate = threading.Event()
    jobs.run(owner, lambda: gate.wait(5), then=got.append)
    owner.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gate.set()
    qtbot.waitUntil(lambda: not jobs.busy)
    assert got == []


def test_a_failure_reaches_its_own_handler_or_the_window(jobs: Jobs, qtbot: QtBot) -> None:
    owner, told, shown = QObject(), [], []
    jobs.failed.connect(shown.append)

    def broken() -> None:
        raise ValueError("no")

    jobs.run(owner, broken, then=told.append, failed=told.append)
    qtbot.waitUntil(lambda: bool(told))
    jobs.run(owner, broken, then=told.append)
    qtbot.waitUntil(lambda: bool(shown))
    assert [str(e) for e in told + shown] == ["no", "no"]


def test_long_work_reports_and_can_be_cancelled(jobs: Jobs, qtbot: QtBot) -> None:
    owner, seen, ended = QObject(), [], []

    def work(progress: Progress) -> str:
        for step in range(10_000):
            if progress.cancelled:
                return "cancelled"
            progress.report(step, 10_000, "step")
            time.sleep(0.001)
        return "done"

    progress = jobs.run_long(owner, work, then=ended.append, progressed=lambda *a: seen.append(a))
    qtbot.waitUntil(lambda: len(seen) > 3)
    progress.cancel()
    qtbot.waitUntil(lambda: bool(ended))
    assert ended == ["cancelled"]
    assert seen[0] == (0, 10_000, "step")


def test_work_may_not_be_a_method_of_a_qt_object(jobs: Jobs) -> None:
    owner = QObject()
    with pytest.raises(TypeError, match="core function"):
        jobs.run(owner, owner.objectName, then=print)


def test_the_inline_executor_makes_jobs_synchronous(qapp: object) -> None:
    inline, owner, got = Jobs(InlineExecutor()), QObject(), []
    inline.run(owner, lambda: 1, then=got.append)
    assert got == [1]
    inline.shutdown()


def test_the_hub_tells_from_any_thread(qapp: object, qtbot: QtBot) -> None:
    hub, heard = Hub(), []
    hub.changed.connect(lambda c: heard.append((c, threading.get_ident())))
    thread = threading.Thread(target=hub.tell, args=("users",))
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [("users", threading.get_ident())]
