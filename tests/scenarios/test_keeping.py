"""Scenarios on a database that stays: a file, and a real PostgreSQL, where the decisions are the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from app.bootstrap import open_workspace
from app.scenarios import ScenarioError, chosen, run_scenarios
from app.store import StoreError
from simulator import KeyRing

#: What hangs on locks, uniqueness and what is kept over a restart.
HARD = (
    "company-life",
    "d03-two-demotions-at-once",
    "d04-last-seat-at-once",
    "d08-two-first-logins",
    "d09-replay-after-restart",
    "d09-replay-at-once",
    "leaver-found-stale",
)


@cache
def keys() -> KeyRing:
    return KeyRing.in_memory()


@pytest.mark.parametrize("scenario", HARD)
def test_the_decisions_are_the_same_on_postgresql(scenario: str, postgres_url: str) -> None:
    report = run_scenarios(chosen([scenario]), keys=keys(), keep=postgres_url)
    assert report.as_expected, report.as_text()


def test_what_a_scenario_did_can_be_looked_at(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    report = run_scenarios(chosen(["d04-seats-full"]), keys=keys(), keep=url)
    assert report.as_expected, report.as_text()
    with open_workspace(url, logs=False) as workspace:
        assert [u.email for u in workspace.sso.users("ik_7x2k")] == ["grace@acme-media.test", "zoe@acme-media.test"]
        assert "seat.limit-reached" in [e.reason for e in workspace.sso.events()]
        step = report.rows[0].steps[2]
        assert workspace.sso.event(step.event).reason == "seat.limit-reached"
    with pytest.raises(ScenarioError, match="holds something already"):
        run_scenarios(chosen(["d04-seats-full"]), keys=keys(), keep=url)


def test_what_cannot_keep_a_scenario_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="One database can keep one scenario; 3 were chosen"):
        run_scenarios(chosen(["d09-*"]), keys=keys(), keep=f"sqlite:///{tmp_path / 'x.db'}")
    (tmp_path / "text.db").write_text("no database")
    with pytest.raises(StoreError):
        run_scenarios(chosen(["promoted"]), keys=keys(), keep=f"sqlite:///{tmp_path / 'text.db'}")
