"""Runs scenarios: step by step on a ground of their own, comparing after each. It reads no file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.bootstrap import system_clock
from app.lab import LabError
from app.product import role
from app.scenarios.expecting import compare
from app.scenarios.registry import actions
from app.scenarios.values import Scenario, ScenarioError, ScenarioReport, ScenarioRow, Step, StepRow
from app.scenarios.world import Outcome, World
from app.sso import MetadataRefused, Refused, SsoError

if TYPE_CHECKING:
    from app.accounts.users import User
    from simulator.keys import KeyRing


def run_scenarios(
    scenarios: Sequence[Scenario],
    *,
    progress: Callable[[int, int, str], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    stepped: Callable[[int, int, str], None] | None = None,
    keys: KeyRing | None = None,
    keep: str | None = None,
) -> ScenarioReport:
    """Run scenarios one after the other, each on a ground of its own.

    `progress(done, total, id)` is called after each scenario, `stepped(done, total, words)` after each step, with the
    scenarios done so far. `cancelled()` is asked before each and between steps: a scenario that was stopped is left
    out. `keys` may be kept from one run to the next; what scenarios do to them is undone. `keep` is the address of a
    new database that the one scenario runs on and that stays, to be looked at. ScenarioError where there is more than
    one for it, or where it is not empty; StoreError where it cannot be opened.
    """
    if keep is not None and len(scenarios) != 1:
        raise ScenarioError(f"One database can keep one scenario; {len(scenarios)} were chosen.")
    from simulator.keys import KeyRing

    started_at, start = system_clock(), time.perf_counter()
    if keys is None:
        keys = KeyRing.in_memory(system_clock)
    keys.pair()
    rows: list[ScenarioRow] = []
    stopped = False
    for scenario in scenarios:

        def step_done(number: int, scenario: Scenario = scenario) -> None:
            if stepped is not None:
                told = f"{scenario.id}, step {number} of {len(scenario.steps)}"
                stepped(len(rows), len(scenarios), told)

        row = None if cancelled() else _run(scenario, keys, cancelled, step_done, keep)
        if row is None:
            stopped = True
            break
        rows.append(row)
        if progress is not None:
            progress(len(rows), len(scenarios), scenario.id)
    return ScenarioReport(
        rows=tuple(rows), started_at=started_at, duration_s=time.perf_counter() - start, cancelled=stopped
    )


def _run(
    scenario: Scenario,
    keys: KeyRing,
    cancelled: Callable[[], bool],
    step_done: Callable[[int], None],
    keep: str | None,
) -> ScenarioRow | None:
    """One scenario; None where it was stopped."""
    start = time.perf_counter()
    rows: list[StepRow] = []
    ended = ""
    world = World(scenario.start, keys, keep=keep)
    try:
        with world:
            for step in scenario.steps:
                if cancelled():
                    return None
                row, ended = _take(world, step)
                rows.append(row)
                step_done(step.number)
                if ended:
                    break
    except _EXPECTED as e:  # the start itself
        ended = f"The start cannot be arranged. {e}"
        first = scenario.steps[0]
        rows = [replace(_unreached(first), reached=True, why=ended)]
    rows += [_unreached(s) for s in scenario.steps[len(rows) :]]
    return ScenarioRow(scenario=scenario, steps=tuple(rows), duration_ms=(time.perf_counter() - start) * 1000)


def _expected_errors() -> tuple[type[Exception], ...]:
    import httpx

    from simulator.errors import SimulatorError

    # Of HTTP: a machine under heavy load may answer its own browser too late.
    return (ScenarioError, SsoError, LabError, SimulatorError, ValueError, httpx.HTTPError)


_EXPECTED = _expected_errors()


def _take(world: World, step: Step) -> tuple[StepRow, str]:
    """(what came of a step, why the scenario cannot go on: "" where it can)."""
    start = time.perf_counter()
    action = actions()[step.do]
    told = StepRow(number=step.number, do=step.do, what=action.words(step.values), note=step.note, compared=(), why="")
    try:
        before = _people(world)
        outcome = _outcome(world, step)
        compared = compare(world, step.values, step.expect, outcome)
    except _EXPECTED as e:
        return replace(told, why=f"It could not be done. {e}", duration_ms=_since(start)), str(e)
    return (
        replace(
            told,
            compared=compared,
            why=_why(step, outcome, [f"{c.name}: expected {c.expected}, got {c.got}." for c in compared if not c.fits]),
            sentence=outcome.sentence,
            effect=_effect(before, _people(world)),
            event=outcome.event,
            sent=outcome.sent,
            report=outcome.report,
            duration_ms=_since(start),
        ),
        "",
    )


def _outcome(world: World, step: Step) -> Outcome:
    """What came of the action; a rule that forbids it is an outcome too."""
    try:
        return actions()[step.do].run(world, step.number, step.values) or Outcome()
    except Refused as e:
        return Outcome(refused=e.code, sentence=str(e))
    except MetadataRefused as e:
        return Outcome(refused="metadata.refused", sentence=str(e))


def _why(step: Step, outcome: Outcome, differing: list[str]) -> str:
    if outcome.refused and "refused" not in step.expect:
        return " ".join([f"It was refused ({outcome.refused}). {outcome.sentence}", *differing])
    return " ".join(differing)


def _unreached(step: Step) -> StepRow:
    what = actions()[step.do].words(step.values)
    return StepRow(number=step.number, do=step.do, what=what, note=step.note, compared=(), why="", reached=False)


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def _people(world: World) -> dict[int, User]:
    return {u.id: u for u in world.users()}


def _effect(before: dict[int, User], after: dict[int, User]) -> str:
    """What happened to users, roles and seats, in words; "" where nothing did."""
    told = [f"{u.email} created as {_title(u.role)}" for i, u in after.items() if i not in before]
    told += [f"{u.email} deleted" for i, u in before.items() if i not in after]
    for number, new in after.items():
        old = before.get(number)
        if old is None:
            continue
        if old.role != new.role:
            told.append(f"{new.email}: {_title(old.role)} to {_title(new.role)}")
        if old.full_name != new.full_name:
            told.append(f"{new.email}: name {new.full_name}")
        if old.email_key != new.email_key:
            told.append(f"{old.email} is {new.email}")
    if len(before) != len(after):
        told.append(f"seats {len(before)} to {len(after)}")
    return "; ".join(told)


def _title(role_id: str) -> str:
    known = role(role_id)
    return known.title if known else role_id
