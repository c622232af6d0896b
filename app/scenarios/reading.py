"""Reads scenarios from TOML: our own, and other people's files. What is wrong is told with file and line.

It runs nothing. A scenario can only do what the actions do, on a workspace that is thrown away.
"""

from __future__ import annotations

import difflib
import fnmatch
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

from app.accounts.policies import DECISIONS
from app.bootstrap import FIRST_ACCOUNT
from app.scenarios.at_the_idp import PERSON, person_of
from app.scenarios.expecting import EXPECTATIONS, OF
from app.scenarios.fields import Field, optional, problem, required
from app.scenarios.registry import actions
from app.scenarios.values import Scenario, ScenarioError, SpUser, Start, Step
from simulator.errors import SimulatorError
from simulator.faults import find
from simulator.profiles import profile
from simulator.toml_lines import Lines, line_of_error

_MAX_FILE: Final = 262_144
_MAX_STEPS: Final = 500
_MAX_PEOPLE: Final = 2_000

_TOP: Final = {
    "title": required("text", "What the scenario shows, in a line."),
    "about": optional("text", "Why it is so, in a sentence or two."),
    "decision": optional("number", "The number of the provisioning decision that it shows."),
    "start": optional("table", "How things stand before the first step."),
    "people": Field("table", "People of the directory, each as [[people]]."),
    "steps": Field("table", "The steps, each as [[steps]]."),
}
START: Final[dict[str, Field]] = {
    "account": optional("text", f"The account's id; {FIRST_ACCOUNT[0]} without it."),
    "plan": optional("text", "The account's plan; enterprise without it."),
    "seats": optional("number", "How many seats the account has."),
    "vendor": optional("text", "The vendor that the identity provider speaks like."),
    "connected": optional("yes-no", "Whether the account trusts the identity provider already; it does without it."),
    "claims": optional("table", "More claims of the application, with their source as in a tenant file."),
}
_USERS: Final = {
    "who": required("text", "The e-mail, or the username of somebody of the directory."),
    "role": required("text", "The role."),
    "name": optional("text", "The full name."),
}
_PERSON: Final = {"who": required("text", "The username."), **PERSON}
_STEP: Final = {
    "do": required("text", "The action."),
    "note": optional("text", "Why the step is there."),
    "expect": optional("table", "What must be so after the step."),
}


def read_scenario(path: Path) -> Scenario:
    """The scenario of a file. ScenarioError with file and line where it cannot be used."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as e:
        raise ScenarioError(f"The scenario cannot be read: {e.strerror}.", file=str(path)) from e
    if len(data) > _MAX_FILE:
        raise ScenarioError(f"The file is larger than {_MAX_FILE // 1024} KiB.", file=str(path))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise ScenarioError("The file is not UTF-8. Save it as UTF-8.", file=str(path)) from e
    return parse_scenario(text, scenario_id=path.stem, file=str(path))


def parse_scenario(text: str, *, scenario_id: str, file: str = "scenario") -> Scenario:
    """The scenario that a text describes. ScenarioError with file and line where it cannot be used."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise ScenarioError(f"This is not valid TOML: {e}.", file=file, line=line_of_error(e)) from e
    return _Reader(text, file).scenario(data, scenario_id)


def shipped() -> tuple[Scenario, ...]:
    """Our own scenarios, by id."""
    folder = resources.files("resources").joinpath("scenarios")
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(
        parse_scenario(f.read_text("utf-8"), scenario_id=f.name.removesuffix(".toml"), file=f.name) for f in found
    )


def chosen(names: Sequence[str]) -> tuple[Scenario, ...]:
    """Scenarios by id, shell pattern or file, each once. ScenarioError for a name that fits nothing."""
    known = shipped()
    found: dict[str, Scenario] = {}
    for name in names:
        path = Path(name)
        if name.endswith(".toml") or path.is_file():
            one = read_scenario(path)
            found[one.source] = one
            continue
        fitting = [s for s in known if fnmatch.fnmatchcase(s.id, name)]
        if not fitting:
            near = difflib.get_close_matches(name, [s.id for s in known], 1, 0.4)
            hint = f' Did you mean "{near[0]}"?' if near else " See trial --list-scenarios."
            raise ScenarioError(f'There is no scenario "{name[:100]}".{hint}')
        found |= {s.source: s for s in fitting}
    return tuple(found.values())


class _Reader:
    """Turns the tables of one file into a scenario, and says on which line one is wrong."""

    def __init__(self, text: str, file: str) -> None:
        self._line = Lines(text).of
        self._file = file

    def error(self, message: str, key: str, table: str = "", nth: int = 0) -> ScenarioError:
        return ScenarioError(message, file=self._file, line=self._line(key, table, nth))

    def check(self, given: Mapping[str, Any], known: Mapping[str, Field], table: str, nth: int = 0) -> None:
        wrong = problem(given, known)
        if wrong is not None:
            raise self.error(wrong[1], wrong[0], table, nth)

    def tables(self, data: Mapping[str, Any], key: str, most: int) -> list[dict[str, Any]]:
        rows = data.get(key, [])
        if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
            raise self.error(f"Write each of the {key} as a table that begins with [[{key}]].", key)
        if len(rows) > most:
            raise self.error(f"More than {most} {key}.", key)
        return rows

    def scenario(self, data: dict[str, Any], scenario_id: str) -> Scenario:
        steps = self.tables(data, "steps", _MAX_STEPS)
        people = self.tables(data, "people", _MAX_PEOPLE)
        self.check({k: v for k, v in data.items() if k not in ("steps", "people")}, _TOP, "")
        if not steps:
            raise self.error("There is no step. Write each one as a table that begins with [[steps]].", "steps")
        decision = data.get("decision")
        if decision is not None and all(d.number != decision for d in DECISIONS):
            raise self.error(f"There is no decision {decision}; they are numbered 1 to {len(DECISIONS)}.", "decision")
        return Scenario(
            id=scenario_id,
            title=data["title"],
            about=" ".join(data.get("about", "").split()),
            decision=decision,
            start=self._start(data.get("start", {}), people),
            steps=tuple(self._step(row, n) for n, row in enumerate(steps)),
            source=self._file,
        )

    def _start(self, row: dict[str, Any], people: list[dict[str, Any]]) -> Start:
        users = row.pop("users", [])
        if not isinstance(users, list) or not all(isinstance(u, dict) for u in users) or len(users) > _MAX_PEOPLE:
            raise self.error("users must be a list of tables, each with who and role.", "users", "start")
        for user in users:
            self.check(user, _USERS, "start")
        self.check(row, START, "start")
        account = row.get("account", FIRST_ACCOUNT[0])
        made = []
        for n, one in enumerate(people):
            self.check(one, _PERSON, "people", n)
            try:
                made.append(person_of(account, one["who"], one))
            except SimulatorError as e:
                raise self.error(str(e), "who", "people", n) from e
        try:
            profile(row.get("vendor", "generic"))
        except SimulatorError as e:
            raise self.error(str(e), "vendor", "start") from e
        claims = row.get("claims", {})
        if not all(isinstance(v, str) for v in claims.values()):
            raise self.error("claims must be a table of texts.", "claims", "start")
        addresses = {p.username: p.email for p in made}
        return Start(
            account=account,
            plan=row.get("plan", "enterprise"),
            seats=row.get("seats"),
            vendor=row.get("vendor", "generic"),
            connected=row.get("connected", True),
            people=tuple(made),
            users=tuple(self._user(u, addresses) for u in users),
            claims=claims,
        )

    @staticmethod
    def _user(row: dict[str, Any], addresses: Mapping[str, str]) -> SpUser:
        who = row["who"]
        email = who if "@" in who else addresses.get(who, f"{who}@acme-media.test")
        name = row.get("name") or email.partition("@")[0].replace(".", " ").title()
        return SpUser(email=email, name=name, role=row["role"])

    def _step(self, row: dict[str, Any], nth: int) -> Step:
        own = {k: v for k, v in row.items() if k in _STEP}
        values = {k: v for k, v in row.items() if k not in _STEP}
        self.check(own, _STEP, "steps", nth)
        action = actions().get(own["do"])
        if action is None:
            near = difflib.get_close_matches(own["do"], actions(), 1)
            hint = f' Did you mean "{near[0]}"?' if near else f" Known: {', '.join(actions())}."
            raise self.error(f'There is no action "{own["do"][:60]}".{hint}', "do", "steps", nth)
        self.check(values, action.fields, "steps", nth)
        expect = own.get("expect", {})
        known = {n: e.value for n, e in EXPECTATIONS.items()} | {"of": OF}
        self.check(expect, known, "steps", nth)
        for fault in values.get("faults", ()) if isinstance(values.get("faults"), list) else ():
            try:
                find(fault)
            except SimulatorError as e:
                raise self.error(str(e), "faults", "steps", nth) from e
        return Step(
            number=nth + 1,
            do=action.id,
            values={k: action.fields[k].checked(k, v) for k, v in values.items()},
            expect={k: known[k].checked(k, v) for k, v in expect.items()},
            note=own.get("note", ""),
            line=self._line("do", "steps", nth),
        )
