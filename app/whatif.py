"""Settings tried on many stored logins at once, by one process or several; to be watched and stopped at any time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from concurrent.futures import Future

    from app.sso import SSO
    from app.sso.whatif import Candidate, Rejudged

#: With fewer logins than this, starting processes costs more than it saves.
FEW: Final = 400
_CHUNK: Final = 16
_AHEAD: Final = 3
_MOST_PROCESSES: Final = 8

Told = Callable[[int, int], bool]


class WorkersLost(Exception):  # noqa: N818  a condition of the machine
    """A process that shared the work was ended from outside; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the candidate would have made of the last logins.

    `judged` of `asked` were judged (the rest was cancelled, or is kept no more). `stop` are those who are let in now
    and would not be, `start` the other way round, newest first.
    """

    asked: int
    judged: int
    stop: tuple[Rejudged, ...]
    start: tuple[Rejudged, ...]
    cancelled: bool

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        if not self.asked:
            return "No login with its message is kept, so there is nothing to try the settings on."
        cut = "Stopped early. " if self.cancelled else ""
        if not self.stop and not self.start:
            return f"{cut}Of the last {self.judged:,} logins every one would come out as now."
        return (
            f"{cut}Of the last {self.judged:,} logins {len(self.stop):,} would stop working and {len(self.start):,} "
            "would start working."
        )


def forecast(
    sso: SSO,
    candidate: Candidate,
    limit: int,
    told: Told = lambda _done, _of: True,
    *,
    processes: int | None = None,
) -> Forecast:
    """Judge the newest `limit` stored logins of the account under the candidate.

    `told` gets how many are done of how many, and says whether to go on. `processes` None: as many as are worth it.
    WorkersLost where one of them is ended from outside.
    """
    references = sso.stored_logins(candidate.imagekit_id, limit)
    address = sso.store.address
    if processes is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        processes = 1 if len(references) < FEW else min(cores, _MOST_PROCESSES)
    results: Generator[Rejudged | None, None, None]
    if processes < 2 or address is None:
        results = (sso.rejudge(r, candidate) for r in references)
    else:
        results = _spread(address, candidate, references, processes, sso.now())
    done, found, cancelled = 0, [], not told(0, len(references))
    try:
        for result in results if not cancelled else ():
            done += 1
            if result is not None:
                found.append(result)
            if not told(done, len(references)):
                cancelled = done < len(references)
                break
    finally:
        results.close()
    return Forecast(
        asked=len(references),
        judged=len(found),
        stop=tuple(r for r in found if r.now and not r.then),
        start=tuple(r for r in found if r.then and not r.now),
        cancelled=cancelled,
    )


def _spread(
    address: str, candidate: Candidate, references: Sequence[str], processes: int, now: datetime
) -> Generator[Rejudged | None, None, None]:
    """The results in order; a bounded number of them is on the way, so that memory stays flat."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # A forked copy of a process with threads (the window's) may be stuck from birth.
    pool = ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(address, candidate, now)
    )
    waiting: deque[Future[list[Rejudged | None]]] = deque()
    chunks = (references[i : i + _CHUNK] for i in range(0, len(references), _CHUNK))
    try:
        while True:
            while len(waiting) < processes * _AHEAD and (chunk := next(chunks, None)) is not None:
                waiting.append(pool.submit(_judge, chunk))
            if not waiting:
                return
            yield from waiting.popleft().result()
    except BrokenProcessPool as e:
        raise WorkersLost(
            "A process that shared the work was ended from outside, perhaps for want of memory. Try fewer logins."
        ) from e
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


# In the other processes -----------------------------------------------------------------------------------------------

_work: Callable[[str], Rejudged | None] | None = None


def _begin(address: str, candidate: Candidate, now: datetime) -> None:
    """Open the workspace once for everything that this process will judge."""
    import signal

    from app.sso import SSO
    from app.store import Store
    from app.vault import open_vault

    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asked decides when to stop
    store = Store.open(address, upgrade=False, create=False)
    sso = SSO(store, clock=lambda: now, random_bytes=os.urandom, keyring=open_vault)
    _work = lambda reference: sso.rejudge(reference, candidate)  # noqa: E731


def _judge(chunk: Sequence[str]) -> list[Rejudged | None]:
    assert _work is not None
    return [_work(reference) for reference in chunk]
