"""Qt objects lose their Python half on the GUI thread, whoever makes the garbage."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from app.gui.garbage import Collector


class Knot(QObject):
    """A Qt object in a cycle, as every widget is whose signal calls a function that knows it."""

    def __init__(self) -> None:
        super().__init__()
        self.itself = self


def litter(kept: list[list[int]]) -> None:
    """What a worker does: so many new objects that the interpreter's own collection would be due many times."""
    kept += [[n] for n in range(20_000)]


def knots(number: int) -> tuple[list[str], list[weakref.ref[Knot]]]:
    """Tie them, drop them, and give the list in which the thread that takes each apart is noted."""
    seen: list[str] = []
    watched = [weakref.ref(Knot(), lambda _: seen.append(threading.current_thread().name)) for _ in range(number)]
    return seen, watched


def in_a_worker(kept: list[list[int]]) -> None:
    worker = threading.Thread(target=litter, args=(kept,), name="worker")
    worker.start()
    worker.join()


@pytest.fixture
def collector(qtbot: QtBot) -> Iterator[Collector]:
    gc.collect()
    made = Collector(every_ms=20)
    yield made
    made.stop()
    assert gc.isenabled()


def test_without_it_a_worker_destroys_them(qtbot: QtBot) -> None:
    """Why it is there. Should this fail after a newer PySide or Python, look whether it is still needed."""
    gc.collect()
    seen, watched = knots(5)
    kept: list[list[int]] = []
    for _ in range(200):
        in_a_worker(kept)
        if seen:
            break
    assert seen == ["worker"] * len(watched)


def test_with_it_they_end_on_the_gui_thread(qtbot: QtBot, collector: Collector) -> None:
    seen, watched = knots(5)
    kept: list[list[int]] = []
    in_a_worker(kept)
    assert seen == []
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == ["MainThread"] * len(watched)


def test_what_is_due_is_collected_and_nothing_else(qtbot: QtBot, collector: Collector) -> None:
    gc.collect()
    before = [s["collections"] for s in gc.get_stats()]
    collector.collect()
    assert [s["collections"] for s in gc.get_stats()] == before, "nothing was due"
    kept = [[n] for n in range(2 * gc.get_threshold()[0])]
    collector.collect()
    after = [s["collections"] for s in gc.get_stats()]
    assert after == [before[0] + 1, *before[1:]]
    assert kept
