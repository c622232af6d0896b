"""What a diagnosis is, and how the registered ones are asked. A diagnosis is a row; registration order is rank.

The first row that explains a failed check keeps it, and later rows do not report it again: root causes come first, and
their consequences are folded into them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from app.saml.checks.registry import Case, CheckResult, Status

Who = Literal["idp-admin", "sp-admin", "user"]
VENDORS = ("generic", "entra", "okta", "onelogin", "adfs")


@dataclass(frozen=True)
class Evidence:
    """What a diagnosis may look at: the message, and what every check said of it."""

    case: Case
    judged: Sequence[CheckResult]

    @cached_property
    def results(self) -> Mapping[str, CheckResult]:
        """The result of every check by its id; most rows do not ask."""
        return {r.id: r for r in self.judged}

    def failed(self, *ids: str) -> CheckResult | None:
        """The first of these checks that failed, or None."""
        return next((r for i in ids if (r := self.results.get(i)) and r.status is Status.FAIL), None)

    def off(self, *ids: str) -> CheckResult | None:
        """The first of these checks that failed or warned, or None."""
        return next(
            (r for i in ids if (r := self.results.get(i)) and r.status in (Status.FAIL, Status.WARN)),
            None,
        )


#: The check of the content model: what it finds is often said better by a check of its own.
SCHEMA = "schema-valid"

#: A cause is a sentence, or a function that writes it from the evidence; None from it means "not this one after all".
Cause = str | Callable[[Evidence, CheckResult], str | None]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One explanation. It applies where one of `checks` failed (or warned, with `warnings`) and nothing explains it
    yet.

    `consequences` are checks, or whole groups written "group:signature", that fail merely because of this cause.
    """

    id: str
    title: str
    who: Who
    checks: tuple[str, ...]
    cause: Cause
    fix: Mapping[str, str]
    consequences: tuple[str, ...] = ()
    warnings: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A diagnosis as it applies to one message. `checks` are the findings that it explains, the root first."""

    id: str
    title: str
    cause: str
    who: Who
    fix: dict[str, str]
    checks: tuple[str, ...]
    blocking: bool


_ROWS: dict[str, Diagnosis] = {}
#: The ranks of the rows that explain a check, so that a message is only held against those that can apply.
_RANKS: dict[str, list[int]] = {}


def row(diagnosis: Diagnosis) -> Diagnosis:
    """Register a diagnosis; the order of registration is the order of rank."""
    if diagnosis.id in _ROWS:
        raise ValueError(f"two diagnoses are called {diagnosis.id}")
    unknown = set(diagnosis.fix) - set(VENDORS)
    if unknown or "generic" not in diagnosis.fix:
        raise ValueError(f"{diagnosis.id} needs a generic fix, and knows the vendors {', '.join(VENDORS)} only")
    for check in diagnosis.checks:
        _RANKS.setdefault(check, []).append(len(_ROWS))
    _ROWS[diagnosis.id] = diagnosis
    return diagnosis


def registered() -> Mapping[str, Diagnosis]:
    """Every diagnosis by id, in order of rank."""
    return _ROWS


def said(_evidence: Evidence, result: CheckResult) -> str:
    """The cause of a row whose check has already said everything."""
    return result.message


def diagnose(
    case: Case, results: Sequence[CheckResult], telling: Sequence[CheckResult] | None = None
) -> tuple[Found, ...]:
    """The causes of what is wrong with a message: what blocks it before what only warns, each by rank.

    `telling` are those of the results that failed or warned, and maybe others, where they are known already.
    """
    told = results if telling is None else telling
    wrong = {r.id: r for r in told if r.status is Status.FAIL or r.status is Status.WARN}
    ranks = {rank for check in wrong for rank in _RANKS.get(check, ())}
    if not ranks:
        return ()
    rows = [*_ROWS.values()]
    evidence = Evidence(case, results)
    schema = wrong.get(SCHEMA)
    twin = next((r.id for r in wrong.values() if schema and r is not schema and _says_the_same(r, schema)), None)
    if twin is not None:
        del wrong[SCHEMA]
    explained: set[str] = set()
    found: list[Found] = []
    for d in [rows[rank] for rank in sorted(ranks)]:
        roots = [
            wrong[c]
            for c in d.checks
            if c in wrong and c not in explained and (d.warnings or wrong[c].status is Status.FAIL)
        ]
        if not roots:
            continue
        # What blocks is the reason; a warning of the same row only goes with it.
        roots.sort(key=lambda r: r.status is not Status.FAIL)
        cause = d.cause(evidence, roots[0]) if callable(d.cause) else d.cause
        if cause is None:
            continue
        blocking = roots[0].status is Status.FAIL
        mine = [r.id for r in roots]
        if blocking:
            mine += [i for i, r in wrong.items() if i not in explained and i not in mine and _follows(d, r)]
        if twin in mine:
            mine.append(SCHEMA)
        explained.update(mine)
        found.append(Found(d.id, d.title, cause, d.who, dict(d.fix), tuple(mine), blocking))
    return tuple(sorted(found, key=lambda f: not f.blocking))


def _says_the_same(result: CheckResult, schema: CheckResult) -> bool:
    """Whether a failed check is about the very element at which the schema is violated, and so says it better."""
    if result.status is not Status.FAIL or result.where is None or schema.where is None:
        return False
    one, other = (w.partition("/@")[0].split("/") for w in (result.where, schema.where))
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter] and abs(len(one) - len(other)) <= 1


def _follows(d: Diagnosis, result: CheckResult) -> bool:
    return result.id in d.consequences or f"group:{result.group}" in d.consequences or result.id in d.checks
