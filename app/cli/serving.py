"""Waiting while servers answer, and ending in order on Ctrl-C or when the system asks."""

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
