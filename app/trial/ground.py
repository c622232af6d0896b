"""The ground that trials and scenarios stand on: a throw-away workspace, the lab running on it, a clock to move.

It tries nothing and judges nothing. What is done on it touches no data of anybody's.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.bootstrap import Workspace, demo_workspace, open_workspace, system_clock
from app.lab import Lab
from app.lab.browserless import browser

if TYPE_CHECKING:
    from simulator.idp import Issued
    from simulator.keys import KeyRing

_PATIENCE_S: Final = 1.5  # for stalled senders; nobody waits ten seconds for each here
_GATE_S: Final = 10.0


class Clock:
    """The clock of both sides: the computer's, moved or held."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)
        self._held: datetime | None = None

    def __call__(self) -> datetime:
        return self._held or system_clock() + self._ahead

    def advance(self, by: timedelta) -> None:
        """Time passes; a negative length sets the clock back."""
        self._ahead += by

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Time stands still, on a whole second: instants in messages are whole seconds."""
        self._held = self().replace(microsecond=0)
        try:
            yield
        finally:
            self._held = None


class Ground:
    """A throw-away workspace with the simulator and our service provider, started by start() and gone after close().

    Unknown vendors are refused (TenantError) before anything is made. `keys` may be given instead of made;
    `copy_keys`: what is done to them here stays here. `url` is the address of a database that is used instead of a
    throw-away one, and stays. StoreError where it cannot be opened.
    """

    def __init__(
        self,
        *,
        vendor: str = "generic",
        keys: KeyRing | None = None,
        copy_keys: bool = False,
        url: str | None = None,
    ) -> None:
        from simulator.profiles import profile

        profile(vendor)
        self.clock = Clock()
        self._workspace: Workspace = (
            demo_workspace(clock=self.clock) if url is None else open_workspace(url, clock=self.clock, logs=False)
        )
        self._url = url or f"sqlite:///{self.folder / 'workspace.db'}"
        self._reopened: list[Workspace] = []
        self.sso = self._workspace.sso
        if keys is not None and copy_keys:
            keys = keys.copied(self.clock)
        self.lab = Lab(self.sso, None, clock=self.clock, keys=keys, patience_s=_PATIENCE_S)
        self.lab.save_tenant(replace(self.lab.tenant, vendor=vendor))

    @property
    def folder(self) -> Path:
        """The folder of the workspace."""
        return Path(self._workspace.folder)

    @property
    def is_new(self) -> bool:
        """Whether nothing but the first account is in the database."""
        accounts = self.sso.accounts()
        only = len(accounts) == 1 and not accounts[0].revision
        return only and not self.sso.users(accounts[0].id, deleted=True)

    def start(self) -> None:
        """Start both servers on free ports of loopback."""
        self.lab.start()

    def restart_sp(self) -> None:
        """The service provider ends and starts again on the same database."""
        old = self.sso
        old.store.close()
        again = open_workspace(self._url, clock=self.clock, logs=False)
        self._reopened.append(again)
        again.sso.decryption_keys = old.decryption_keys
        self.sso = again.sso
        self.lab.restart_sp(again.sso)

    def close(self) -> None:
        """Stop the servers and throw the workspace away."""
        self.lab.stop()
        for workspace in self._reopened:
            workspace.close()
        self._workspace.close()


def post_at_once(messages: Sequence[Issued]) -> list[int]:
    """Post messages at the same moment, each from a browser of its own; the status of each answer, in their order."""
    gate = threading.Barrier(len(messages))

    def post(issued: Issued) -> int:
        with browser() as one:
            gate.wait(_GATE_S)
            return one.post(issued.url, content=issued.body, headers=list(issued.headers)).status_code

    with ThreadPoolExecutor(len(messages)) as pool:
        return [future.result() for future in [pool.submit(post, m) for m in messages]]
