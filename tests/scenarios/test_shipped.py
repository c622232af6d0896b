"""The shipped scenarios: each runs as expected, and together they show every provisioning decision."""

from __future__ import annotations

from functools import cache

import pytest

from app.accounts.policies import DECISIONS
from app.scenarios import EXPECTATIONS, Scenario, actions, run_scenarios, shipped
from simulator import KeyRing

SHIPPED = shipped()

#: Reasons that no chain of logins can bring about for certain, and where they are tested instead.
ELSEWHERE = {
    "user.ambiguous": "the database holds no two active users with one normal form: tests/accounts/test_provisioning",
    "user.race-reused": "which of two logins comes first is chance; the outcomes are expected: tests/sso/test_login",
    "nameid.not-an-email": "of messages, the checks say it first; of typed addresses: tests/sso/test_people",
}


@cache
def keys() -> KeyRing:
    return KeyRing.in_memory()


@pytest.mark.parametrize("scenario", SHIPPED, ids=lambda s: s.id)
def test_it_runs_as_expected(scenario: Scenario) -> None:
    report = run_scenarios([scenario], keys=keys())
    assert report.as_expected, report.as_text()
    (row,) = report.rows
    assert all(step.reached for step in row.steps)


def test_every_decision_is_shown_with_every_reason() -> None:
    shown: dict[int, set[str]] = {d.number: set() for d in DECISIONS}
    for scenario in SHIPPED:
        if scenario.decision is not None:
            for step in scenario.steps:
                shown[scenario.decision] |= {step.expect.get("reason", ""), *step.expect.get("reasons", ())}
    missing = {r: d.number for d in DECISIONS for r in d.reasons if r not in shown[d.number]}
    assert set(missing) == set(ELSEWHERE)


def test_every_scenario_expects_something_after_its_last_step() -> None:
    assert [s.id for s in SHIPPED if not s.steps[-1].expect] == []
    assert [s.id for s in SHIPPED if not s.about] == []


def test_every_action_and_expectation_is_shown() -> None:
    assert set(actions()) == {step.do for s in SHIPPED for step in s.steps}
    expected = {name for s in SHIPPED for step in s.steps for name in step.expect} - {"of"}
    assert set(EXPECTATIONS) - expected == set()
