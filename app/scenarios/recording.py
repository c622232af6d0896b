"""A recording of the lab as a scenario, with the verdicts that our service provider gave. It writes no file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.lab.witness import key_of
from app.trial import verdict_of
from simulator.scenario_export import as_scenario

if TYPE_CHECKING:
    from app.lab import Lab
    from simulator.web import Exchange


def recorded(lab: Lab, exchanges: Iterable[Exchange] | None = None) -> str:
    """The logins of the lab's recording (None: all of it) as the TOML of a scenario; "" where nothing was sent.

    A login that never arrived here, or that was edited by hand, has no expectation.
    """

    def verdict(exchange: Exchange) -> str | None:
        issued = exchange.issued
        if issued is None or issued.changes:
            return None
        results = lab.witness.results(key_of(issued.body or urlsplit(issued.url).query.encode()))
        return verdict_of(results[0]) if results else None

    return as_scenario(lab.exchanges if exchanges is None else exchanges, lab.tenant, verdict_of=verdict)
