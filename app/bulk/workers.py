"""Many files at once, by one process or several: results in order, memory flat, to be stopped at any time.

It knows neither messages nor windows: what is done to one file is given to it as a function that can be found by name.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor
    from types import FrameType


Item = TypeVar("Item")
R = TypeVar("R")

#: With fewer items than this, starting processes costs more than it saves: 0.7 s of CPU each, against 6 ms a message.
FEW: Final = 300
_MOST_PROCESSES: Final = 8
_CHUNK: Final = 16
_ASK_AGAIN_S: Final = 0.2
_CHUNKS_AHEAD: Final = 3  # per process: the rest of the items waits here, so that no queue grows


class WorkersLost(Exception):  # noqa: N818  a condition of the machine, not a bug
    """A process ended before its work did. str() is a sentence for people."""


class Unlisted(Exception):  # noqa: N818  a condition of the input
    """A folder that cannot be worked on. str() is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Crashed:
    """What became of an item whose work raised: the type of the error, never its text."""

    error: str


def files_in(folder: Path, most: int) -> list[Path]:
    """Everything below a folder that is no folder, sorted. Links to folders are not followed.

    Unlisted where there is none, where there are more than `most`, or where the folder cannot be read.
    """
    found: list[Path] = []

    def refuse(e: OSError) -> None:
        raise Unlisted(f"{e.filename} cannot be read: {e.strerror or e}. Check its permissions.")

    for at, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        found += (Path(at) / name for name in sorted(names))
        if len(found) > most:
            raise Unlisted(f"{folder} holds more than {most} files. Name a smaller folder.")
    if not found:
        raise Unlisted(f"The folder {folder} holds no file.")
    return found


def processes_for(items: int) -> int:
    """How many processes are worth their start: one per core that this process may use, and one for few items."""
    if items < FEW:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _MOST_PROCESSES))


def in_order(
    items: Sequence[Item],
    begin: Callable[..., AbstractContextManager[Callable[[Item], R]]],
    arguments: tuple[Any, ...] = (),
    *,
    processes: int | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> Iterator[R | Crashed]:
    """Do the work on every item, and give the results in the order of the items.

    begin(*arguments) gives the function that works on one item; with several processes each of them calls it, so it
    must be found by name in its module, and arguments, items and results must be values. It is called here first, so
    that its errors are raised here. Closing the iterator stops the work: other processes are ended in the middle of it,
    so that it must leave nothing that only they could clear away. `wanted` is asked now and then while a result is
    waited for, such as while processes start, and ends it when it says no. WorkersLost where a process was killed.
    """
    count = processes_for(len(items)) if processes is None else processes
    with begin(*arguments) as work:
        if count < 2:
            for item in items:
                yield _guarded(work, item)
            return
    yield from _spread(items, begin, arguments, count, wanted)


def _guarded(work: Callable[[Item], R], item: Item) -> R | Crashed:
    try:
        return work(item)
    except Exception as e:  # noqa: BLE001  one broken item is one line, and made visible as what it is
        return Crashed(type(e).__name__)


def _spread(
    items: Sequence[Item],
    begin: Callable[..., AbstractContextManager[Callable[[Item], R]]],
    arguments: tuple[Any, ...],
    processes: int,
    wanted: Callable[[], bool],
) -> Iterator[R | Crashed]:
    from concurrent.futures import ProcessPoolExecutor, wait
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(
        processes,
        # A forked copy of a process with threads (the window's) may be stuck from birth.
        mp_context=get_context("spawn"),
        initializer=_begin_worker,
        initargs=(begin, arguments),
    )
    waiting: deque[Future[list[R | Crashed]]] = deque()
    chunks = (items[at : at + _CHUNK] for at in range(0, len(items), _CHUNK))
    done = False
    try:
        while True:
            made: list[R | Crashed] = []
            with _interrupted_later() as interrupted:
                while len(waiting) < processes * _CHUNKS_AHEAD and (chunk := next(chunks, None)) is not None:
                    with _unheard_by_children():
                        waiting.append(pool.submit(_work_on, chunk))
                if not waiting:
                    done = True
                    return
                while not (ready := bool(wait([waiting[0]], _ASK_AGAIN_S).done)) and not interrupted():
                    if not wanted():
                        return
                if ready:
                    made = waiting.popleft().result()
            yield from made
    except BrokenProcessPool as e:
        raise WorkersLost(
            "A process that shared the work was ended from outside, perhaps for want of memory. Run it again, on "
            "fewer files at once."
        ) from e
    finally:
        with _interrupted_later():
            _end(pool, in_the_middle=not done)


def _end(pool: ProcessPoolExecutor, *, in_the_middle: bool) -> None:
    if in_the_middle:
        # Whoever stopped it does not wait for what was begun: a process may only just be reading its modules.
        for worker in list((pool._processes or {}).values()):
            worker.terminate()
        # One that is ended in the middle of a result leaves half of it in the pipe. While this process could
        # write there too, the pool's own thread would wait for the other half for ever.
        pool._result_queue._writer.close()  # type: ignore[attr-defined]  # it has no public way to be closed
    pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupted_later() -> Iterator[Callable[[], bool]]:
    """Ctrl+C inside of this block is acted on at its end; what it gives tells whether there was one.

    Python raises it between any two steps. Between taking a lock of the pool and noting that it was taken, nobody would
    ever give that lock back, and the pool's own thread would wait for it for ever.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: False  # nothing is raised in other threads, nor where the signal is left to the system
        return
    heard: list[FrameType | None] = []
    signal.signal(signal.SIGINT, lambda _number, frame: heard.append(frame))
    try:
        yield lambda: bool(heard)
    finally:
        signal.signal(signal.SIGINT, before)
        if heard:
            before(signal.SIGINT, heard[0])


@contextmanager
def _unheard_by_children() -> Iterator[None]:
    """Ctrl+C is for this process alone: one that it starts inside of this block never hears of it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In the other processes -----------------------------------------------------------------------------------------------

_worker: Callable[[Any], Any] | None = None
_held = contextlib.ExitStack()  # never left: the process ends with its work


def _begin_worker(
    begin: Callable[..., AbstractContextManager[Callable[[Any], Any]]], arguments: tuple[Any, ...]
) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    _worker = _held.enter_context(begin(*arguments))
    gc.freeze()  # what was imported stays, and need not be looked through again and again


def _end_with_parent() -> None:
    """Where the parent is killed nobody is left to read the results."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:

        def watch() -> None:
            wait([parent.sentinel])
            os._exit(1)

        threading.Thread(target=watch, name="parent", daemon=True).start()


def _work_on(chunk: Sequence[Any]) -> list[Any]:
    assert _worker is not None
    return [_guarded(_worker, item) for item in chunk]
