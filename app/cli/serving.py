"""Waiting while servers answer, and ending long work in order on Ctrl-C or when the system asks."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType


def until_stopped() -> None:
    """Return after SIGINT or SIGTERM; the handlers of before are put back."""
    sys.stdout.flush()
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    kinds = [signal.SIGINT, signal.SIGTERM]
    before = {kind: signal.signal(kind, stop) for kind in kinds}
    try:
        while not stopped.wait(0.5):  # a wait without end would not be interrupted on every system
            pass
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


class Stop:
    """While it is open, the first Ctrl-C only asks long work to end in order; the second one ends it at once."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._before: object = None

    def asked(self) -> bool:
        """Whether somebody has asked for the end."""
        return self._asked.is_set()

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]  # what signal() gave back

    def _on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
