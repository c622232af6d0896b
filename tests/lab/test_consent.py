from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from app.lab.consent import MOST_WAITING, WaitingRoom

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)


class Visitors:
    """Threads that ask, and what each was told."""

    def __init__(self, room: WaitingRoom) -> None:
        self.room = room
        self.told: dict[str, bool] = {}
        self.threads: list[threading.Thread] = []

    def come(self, name: str) -> None:
        thread = threading.Thread(target=lambda: self.told.update({name: self.room.ask(name, "imagekit")}))
        thread.start()
        self.threads.append(thread)

    def gone(self) -> None:
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive()


class Bell:
    """Rings when somebody comes or goes."""

    def __init__(self) -> None:
        self.rung = threading.Condition()

    def ring(self) -> None:
        with self.rung:
            self.rung.notify_all()

    def until(self, done: Callable[[], bool]) -> None:
        with self.rung:
            assert self.rung.wait_for(done, 5)


@pytest.fixture
def bell() -> Bell:
    return Bell()


def test_each_waiting_login_gets_its_own_answer(bell: Bell) -> None:
    room = WaitingRoom(lambda: NOW, bell.ring)
    visitors = Visitors(room)
    visitors.come("ada")
    bell.until(lambda: len(room.waiting) == 1)
    visitors.come("grace")
    bell.until(lambda: len(room.waiting) == 2)
    first, second = room.waiting
    assert (first.username, first.application, first.at) == ("ada", "imagekit", NOW)
    assert room.answer(second.number, True)
    assert room.answer(first.number, False)
    visitors.gone()
    assert visitors.told == {"ada": False, "grace": True}
    assert room.waiting == ()
    assert not room.answer(first.number, True)


def test_whoever_is_not_answered_is_refused(bell: Bell) -> None:
    room = WaitingRoom(lambda: NOW, bell.ring, patience_s=0.05)
    assert room.ask("ada", "imagekit") is False
    assert room.waiting == ()


def test_a_flood_does_not_wait(bell: Bell) -> None:
    room = WaitingRoom(lambda: NOW, bell.ring)
    visitors = Visitors(room)
    for number in range(MOST_WAITING):
        visitors.come(f"p{number}")
    bell.until(lambda: len(room.waiting) == MOST_WAITING)
    assert room.ask("one too many", "imagekit") is False
    room.refuse_all()
    visitors.gone()
    assert not any(visitors.told.values())
