"""What a scenario is and what came of one: frozen values, with their reports. It reads no file and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.scenarios.report import as_html, as_json_lines, as_junit, as_text

if TYPE_CHECKING:
    from app.saml.report import Report
    from simulator.tenant import TestUser


class ScenarioError(Exception):
    """A scenario that cannot be read or run. `file` and `line` tell where, as far as that is known."""

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        where = "" if file is None else f"{file}: " if line is None else f"{file}, line {line}: "
        super().__init__(where + message)
        self.message = message
        self.file = file
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: `do` is the id of an action, `values` what it is given, `expect` what must be so after it.

    `number` counts from 1, `line` is where the step stands in its file, `note` says why it is there ("": nothing said).
    """

    number: int
    do: str
    values: Mapping[str, Any]
    expect: Mapping[str, Any]
    note: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpUser:
    """Somebody whom the service provider knows before the first step, added by hand."""

    email: str
    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How things stand before the first step.

    `people` are added to the directory of the test identity provider, or put in place of those with the same username;
    `users` are in the service provider's account. `claims` are more claims of the application, by name, with their
    source as in a tenant file. `connected` False: the account has no metadata yet, so SSO is off.
    """

    account: str
    plan: str = "enterprise"
    seats: int | None = None
    vendor: str = "generic"
    connected: bool = True
    people: tuple[TestUser, ...] = ()
    users: tuple[SpUser, ...] = ()
    claims: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A chain of steps. `decision` is the number of the provisioning decision that it shows, None for none of them.

    `source` is the file it was read from, for people.
    """

    id: str
    title: str
    about: str
    steps: tuple[Step, ...]
    start: Start
    decision: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """One expectation of a step, in words: what was expected, what was found, and whether that is the same."""

    name: str
    expected: str
    got: str
    fits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """What came of a step.

    `what` is the step in words. `why` says what is not as expected, "" where all is. `sent` are the octets of the
    message of the step, `report` its judgement; b"" and None where none was sent. `event` is its reference in the log
    of the throw-away workspace. `reached` is False where an earlier step ended the scenario. `effect` says in words
    what it did to the user, the role and the seats.
    """

    number: int
    do: str
    what: str
    note: str
    compared: tuple[Compared, ...]
    why: str
    sentence: str = ""
    effect: str = ""
    event: str = ""
    sent: bytes = b""
    report: Report | None = None
    reached: bool = True
    duration_ms: float = 0.0

    @property
    def as_expected(self) -> bool:
        """Whether the step was reached and everything it expects is so."""
        return self.reached and not self.why

    @property
    def expected(self) -> str:
        """Everything that the step expects, in one line."""
        return "; ".join(f"{c.name} {c.expected}" for c in self.compared)

    @property
    def got(self) -> str:
        """What was found of it, in one line."""
        return "; ".join(f"{c.name} {c.got}" for c in self.compared) if self.reached else ""

    def as_dict(self) -> dict[str, Any]:
        """The step as a JSON object, without the message itself."""
        return {
            "step": self.number,
            "do": self.do,
            "what": self.what,
            "note": self.note or None,
            "compared": [{"what": c.name, "expected": c.expected, "got": c.got, "fits": c.fits} for c in self.compared],
            "sentence": self.sentence or None,
            "effect": self.effect or None,
            "reached": self.reached,
            "as_expected": self.as_expected,
            "why": self.why or None,
            "duration_ms": round(self.duration_ms, 1),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRow:
    """What came of one scenario."""

    scenario: Scenario
    steps: tuple[StepRow, ...]
    duration_ms: float

    @property
    def failed(self) -> tuple[StepRow, ...]:
        """The steps that are not as expected."""
        return tuple(s for s in self.steps if not s.as_expected)

    @property
    def step_count(self) -> int:
        """How many steps the scenario has."""
        return len(self.steps)

    @property
    def failure_count(self) -> int:
        """How many steps were taken and are not as expected."""
        return sum(bool(s.why) for s in self.steps)

    @property
    def as_expected(self) -> bool:
        """Whether every step is as expected."""
        return not self.failed

    @property
    def why(self) -> str:
        """What is wrong at the first step that is not as expected; "" where all is well."""
        first = next((s for s in self.steps if s.why), None)
        return f"Step {first.number}: {first.why}" if first is not None else ""

    def as_dict(self) -> dict[str, Any]:
        """The scenario as a JSON object."""
        return {
            "schema": "sso-workbench/scenario/1",
            "scenario": self.scenario.id,
            "title": self.scenario.title,
            "decision": self.scenario.decision,
            "source": self.scenario.source,
            "steps": [s.as_dict() for s in self.steps],
            "as_expected": self.as_expected,
            "why": self.why or None,
            "duration_ms": round(self.duration_ms, 1),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioReport:
    """Scenarios that were run. `cancelled` says that some are missing because somebody stopped the run."""

    rows: tuple[ScenarioRow, ...]
    started_at: datetime
    duration_s: float
    cancelled: bool = False

    @property
    def failed(self) -> tuple[ScenarioRow, ...]:
        """The scenarios that are not as expected."""
        return tuple(r for r in self.rows if not r.as_expected)

    @property
    def as_expected(self) -> bool:
        """Whether every scenario was run to its end and all of it is as expected."""
        return not self.cancelled and not self.failed

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return sum(s.reached for r in self.rows for s in r.steps)

    @property
    def headline(self) -> str:
        """The result in one sentence."""
        good = len(self.rows) - len(self.failed)
        end = " The run was stopped before its end." if self.cancelled else ""
        return (
            f"{good} of {len(self.rows)} scenarios are as expected, {self.steps} steps in {self.duration_s:.1f} s.{end}"
        )

    def as_text(self) -> str:
        """For people."""
        return as_text(self)

    def as_json_lines(self) -> str:
        """For programs: one object for each scenario, and one for the whole."""
        return as_json_lines(self)

    def as_junit(self) -> str:
        """For CI: a test suite for each scenario, a test case for each step."""
        return as_junit(self)

    def as_html(self) -> str:
        """For a mail: one file that loads nothing."""
        return as_html(self)
