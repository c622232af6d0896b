"""Settings tried on many stored logins at once, by one process or several; to be watched and stopped at any time."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, cast

from app.bulk.workers import Crashed, in_order, processes_for

if TYPE_CHECKING:
    from app.sso import SSO
    from app.sso.whatif import Candidate, Rejudged

Told = Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the candidate would have made of the last logins.

    `judged` of `asked` were judged: the rest was cancelled, is kept no more, or failed (`crashed`). `stop` are those
    who are let in now and would not be, `start` the other way round, newest first.
    """

    asked: int
    judged: int
    stop: tuple[Rejudged, ...]
    start: tuple[Rejudged, ...]
    cancelled: bool
    crashed: int = 0

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        if not self.asked:
            return "No login with its message is kept, so there is nothing to try the settings on."
        cut = "Stopped early. " if self.cancelled else ""
        cut += f"{self.crashed:,} could not be judged, by a fault of this program. " if self.crashed else ""
        if self.judged == 1:
            end = (
                "would stop working" if self.stop else "would start working" if self.start else "would come out as now"
            )
            return f"{cut}The last login {end}."
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

    `told` gets how many are done of how many, again and again while it waits, and says whether to go on.
    `processes` None: as many as are worth it. app.bulk.workers.WorkersLost where one of them is ended from outside.
    """
    references = sso.stored_logins(candidate.imagekit_id, limit)
    address = sso.store.address
    if processes is None:
        processes = processes_for(len(references))
    done, stopped = 0, False

    def still_wanted() -> bool:
        nonlocal stopped
        stopped = not told(done, len(references))
        return not stopped

    results: Generator[Rejudged | Crashed | None, None, None]
    if processes < 2 or address is None:
        results = (sso.rejudge(r, candidate) for r in references)  # with the keys that this session holds
    else:
        arguments = (address, candidate, sso.now())
        spread = in_order(references, _judging, arguments, processes=processes, wanted=still_wanted)
        results = cast("Generator[Rejudged | Crashed | None, None, None]", spread)
    crashed, found, cancelled = 0, [], not told(0, len(references))
    try:
        for result in results if not cancelled else ():
            done += 1
            if isinstance(result, Crashed):
                crashed += 1
            elif result is not None:
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
        cancelled=cancelled or stopped,
        crashed=crashed,
    )


@contextmanager
def _judging(address: str, candidate: Candidate, now: datetime) -> Iterator[Callable[[str], Rejudged | None]]:
    """What judges one stored login, in whichever process: it opens the workspace for itself."""
    from app.computer.vault import open_vault
    from app.sso import SSO
    from app.store import Store

    with Store.open(address, upgrade=False, create=False) as store:
        sso = SSO(store, clock=lambda: now, random_bytes=os.urandom, keyring=open_vault)
        yield partial(sso.rejudge, candidate=candidate)
