"""Logins of browsers that wait until somebody approves or refuses them. It shows nothing and logs nobody in."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

#: More logins than this do not wait: whoever opens page after page shall not fill the program's threads.
MOST_WAITING: Final = 8
PATIENCE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class WaitingLogin:
    """A login that a browser has asked for: who, at which application (their names in the tenant), since when."""

    number: int
    username: str
    application: str
    at: datetime


@dataclass(slots=True)
class _Place:
    login: WaitingLogin
    answered: threading.Event = field(default_factory=threading.Event)
    approved: bool = False


class WaitingRoom:
    """Holds logins up. ask() is called by the server's threads and blocks; everything else returns at once.

    `clock` gives aware datetimes. `changed` is called, by any thread, whenever somebody comes or goes. Nobody waits
    longer than `patience_s`; then the answer is no.
    """

    def __init__(
        self, clock: Callable[[], datetime], changed: Callable[[], None], *, patience_s: float = PATIENCE_S
    ) -> None:
        self._clock = clock
        self._changed = changed
        self._patience_s = patience_s
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._places: dict[int, _Place] = {}

    @property
    def waiting(self) -> tuple[WaitingLogin, ...]:
        """Who waits, the longest first."""
        with self._lock:
            return tuple(p.login for p in self._places.values())

    def ask(self, username: str, application: str) -> bool:
        """Wait for somebody's answer. False where it is no, does not come in time, or too many wait already."""
        with self._lock:
            if len(self._places) >= MOST_WAITING:
                return False
            place = _Place(WaitingLogin(next(self._numbers), username, application, self._clock()))
            self._places[place.login.number] = place
        self._changed()
        place.answered.wait(self._patience_s)
        with self._lock:
            self._places.pop(place.login.number, None)
        self._changed()
        return place.approved

    def answer(self, number: int, approve: bool) -> bool:
        """Let a login go on, or refuse it. False where it does not wait any more."""
        with self._lock:
            place = self._places.pop(number, None)
            if place is not None:
                place.approved = approve
        if place is None:
            return False
        place.answered.set()
        return True

    def refuse_all(self) -> None:
        """Nobody waits any more: the servers stop."""
        for login in self.waiting:
            self.answer(login.number, False)
