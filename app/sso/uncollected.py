"""Holds Python's search for garbage off while very many values are made, none of which is garbage."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOCK = threading.Lock()
_inside = 0
_was_on = True


@contextmanager
def uncollected() -> Iterator[None]:
    """Inside of it nothing is looked through for garbage, in any thread.

    Fifty thousand users, their signs and reasons are all kept, but the collector looks through all of them again and
    again while they are made: a third of the time, in which every other thread stands still as well. It must be left
    within seconds, because cycles stay for so long.
    """
    global _inside, _was_on
    with _LOCK:
        _inside += 1
        if _inside == 1:
            _was_on = gc.isenabled()
            gc.disable()
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if _inside == 0 and _was_on:
                gc.enable()
