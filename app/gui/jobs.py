"""Slow work off the GUI thread, its result back on it.

Work runs in plain Python threads. One QObject, made on the GUI thread and living as long as the program, carries the
results back through one queued signal. A worker never makes, touches or keeps another QObject; with app.gui.garbage
no widget can be destroyed on the wrong thread.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from PySide6.QtCore import QObject, Signal, Slot
from shiboken6 import isValid

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class InlineExecutor(Executor):
    """Runs the work at once in the calling thread, which makes page tests synchronous."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as e:  # noqa: BLE001  it reaches the caller through the future
            future.set_exception(e)
        return future


class Hub(QObject):
    """Tells every page, on the GUI thread, what changed. tell() may be called from any thread.

    Only the hub itself receives the queued signal: a queued signal that outlives its receiver is not safe in PySide.
    """

    changed = Signal(object)
    _told = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._told.connect(self._pass_on)

    def tell(self, change: object) -> None:
        """Announce a change (app.sso.Change)."""
        self._told.emit(change)

    @Slot(object)
    def _pass_on(self, change: object) -> None:
        self.changed.emit(change)


class Progress:
    """Handed to long work: report(done, total, text) from the worker, cancelled to be looked at between steps."""

    def __init__(self, report: Callable[[int, int, str], None]) -> None:
        self._cancel = threading.Event()
        self._report = report

    def report(self, done: int, total: int, text: str = "") -> None:
        """Tell the page how far the work is."""
        self._report(done, total, text)

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        """Whether the user asked to stop."""
        return self._cancel.is_set()


@dataclass(frozen=True)
class _Waiting:
    owner: QObject
    then: Callable[[Any], None]
    failed: Callable[[Exception], None]
    progressed: Callable[[int, int, str], None] | None
    channel: str


class Jobs(QObject):
    """Runs work in threads and delivers results to pages that still live.

    Of one owner and channel only the newest job is delivered, so a slow answer never replaces a newer one.
    """

    failed = Signal(Exception)
    _finished = Signal(int, object)
    _progressed = Signal(int, int, int, str)

    def __init__(self, executor: Executor | None = None) -> None:
        super().__init__()
        self._executor = executor or ThreadPoolExecutor(max_workers=4, thread_name_prefix="job")
        self._tickets = itertools.count()
        self._waiting: dict[int, _Waiting] = {}
        self._long: dict[int, Progress] = {}
        self._finished.connect(self._deliver)
        self._progressed.connect(self._pass_progress)

    def run(
        self,
        owner: QObject,
        work: Callable[..., T],
        *args: Any,
        then: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
        channel: str = "",
    ) -> None:
        """Call work(*args) in a thread, then then(result) on the GUI thread.

        `work` must be a function of the core, not a method of a Qt object. Without `failed`, errors go to the window.
        """
        self._submit(owner, work, args, then, failed, None, channel)

    def run_long(
        self,
        owner: QObject,
        work: Callable[..., T],
        *args: Any,
        then: Callable[[T], None],
        progressed: Callable[[int, int, str], None],
        failed: Callable[[Exception], None] | None = None,
        channel: str = "",
    ) -> Progress:
        """Like run(), for work that takes a Progress as its first argument. Returns that Progress, to cancel it."""
        ticket = next(self._tickets)
        signal = self._progressed
        progress = Progress(lambda done, total, text: signal.emit(ticket, done, total, text))
        self._long[ticket] = progress
        self._submit(owner, work, (progress, *args), then, failed, progressed, channel, ticket)
        return progress

    def _submit(
        self,
        owner: QObject,
        work: Callable[..., T],
        args: tuple[Any, ...],
        then: Callable[[T], None],
        failed: Callable[[Exception], None] | None,
        progressed: Callable[[int, int, str], None] | None,
        channel: str,
        ticket: int | None = None,
    ) -> None:
        if isinstance(getattr(work, "__self__", None), QObject):
            raise TypeError("work must not be a method of a Qt object: pass a core function and its arguments")
        self.drop(owner, channel)
        ticket = next(self._tickets) if ticket is None else ticket
        self._waiting[ticket] = _Waiting(owner, then, failed or self.failed.emit, progressed, channel)
        finished = self._finished
        number = ticket
        self._executor.submit(work, *args).add_done_callback(lambda f: finished.emit(number, f))

    def drop(self, owner: QObject, channel: str = "") -> None:
        """Forget the owner's unfinished jobs of this channel."""
        self._waiting = {
            t: w
            for t, w in self._waiting.items()
            if not (w.owner is owner and w.channel == channel) and isValid(w.owner)
        }

    @property
    def busy(self) -> bool:
        """Whether any result is still awaited."""
        return bool(self._waiting)

    @Slot(int, object)
    def _deliver(self, ticket: int, future: Future[Any]) -> None:
        self._long.pop(ticket, None)
        waiting = self._waiting.pop(ticket, None)
        if waiting is None or future.cancelled() or not isValid(waiting.owner):
            return
        error = future.exception()
        if error is None:
            waiting.then(future.result())
        elif isinstance(error, Exception):
            log.info("job failed: %s", type(error).__name__)
            waiting.failed(error)

    @Slot(int, int, int, str)
    def _pass_progress(self, ticket: int, done: int, total: int, text: str) -> None:
        waiting = self._waiting.get(ticket)
        if waiting is not None and waiting.progressed is not None and isValid(waiting.owner):
            waiting.progressed(done, total, text)

    def shutdown(self) -> None:
        """Ask long work to stop, wait for what runs, and forget the rest."""
        self._waiting.clear()
        for progress in self._long.values():
            progress.cancel()
        self._executor.shutdown(wait=True, cancel_futures=True)
