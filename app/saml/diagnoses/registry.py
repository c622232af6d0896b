"""What a diagnosis is, and how the registered ones are asked. A diagnosis is a row; registration order is rank.

The first row that explains a failed check keeps it, and later rows do not report it again: root causes come first, and
their consequences are folded into them. What to do about it at which vendor is data, see knowledge.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from app.saml.checks.registry import Case, CheckResult, Status
from app.saml.diagnoses.evidence import EvidenceAt, evidence_of
from app.saml.diagnoses.knowledge import VENDORS, knowledge_of

Who = Literal["idp-admin", "sp-admin", "user"]
Severity = Literal["blocker", "warning", "info"]
Stage = Literal["transport", "status", "signature", "protocol", "identity", "metadata", "provisioning"]
Confidence = Literal["certain", "likely", "possible"]
#: What shows it: the message itself, an error text (also in a status message), metadata, or the list of users.
Shown = Literal["message", "error-text", "metadata", "directory"]

__all__ = [
    "VENDORS",
    "Diagnosis",
    "Evidence",
    "Explained",
    "Found",
    "SettingsChange",
    "diagnose",
    "explain",
    "registered",
    "row",
    "said",
]


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

    @property
    def is_vouched_for(self) -> bool:
        """Whether a trusted key signed the assertion, so that what it says is the IdP's word."""
        assertion = self.case.assertion
        return assertion is not None and assertion.provenance != "unsigned"


class Explained(NamedTuple):
    """A cause that is told more exactly than by a sentence alone.

    `because` is why it is no more (or no less) than `confidence`. `expected` and `actual` replace those of the check.
    """

    cause: str
    confidence: Confidence = "certain"
    because: str = ""
    expected: str | None = None
    actual: str | None = None


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """A change of our own settings that would cure the cause. `field` is "entity_id" or the name of a setting.

    The values are written as text; "" is no value (no override). Nothing is changed by having it.
    """

    field: str
    current: str
    proposed: str
    sentence: str


#: The check of the content model: what it finds is often said better by a check of its own.
SCHEMA: Final = "schema-valid"

#: A cause is a sentence, or a function that writes it from the evidence; None from it means "not this one after all".
Cause = str | Callable[[Evidence, CheckResult], str | Explained | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One explanation. It applies where one of `checks` failed (or warned, with `warnings`) and nothing explains it
    yet; or where one of `notes` has something to tell that is not wrong.

    `number` is its place in the catalogue (D01 to D54), "" for a cause beside it. `severity` is that of a finding which
    does not block. `consequences` are checks, or whole groups written "group:signature", that fail merely because of
    this cause. `fault` is the simulator's fault that shows it, `companions` the diagnoses which that fault has besides.
    `is_vendor_neutral`: the steps are the same at every vendor. `change` finds out whether our settings are the wrong
    side.
    """

    id: str
    title: str
    who: Who
    stage: Stage
    checks: tuple[str, ...]
    cause: Cause
    number: str = ""
    consequences: tuple[str, ...] = ()
    warnings: bool = False
    notes: tuple[str, ...] = ()
    severity: Severity = "warning"
    confidence: Confidence = "certain"
    because: str = "The message itself shows it."
    shown_by: Shown = "message"
    fault: str | None = None
    companions: tuple[str, ...] = ()
    is_vendor_neutral: bool = False
    change: Callable[[Evidence, CheckResult], SettingsChange | None] | None = None

    @property
    def steps(self) -> Mapping[str, tuple[str, ...]]:
        """What to do in order, by vendor id; "generic" is always there."""
        return knowledge_of(self.stage, self.id).steps

    @property
    def fix(self) -> dict[str, str]:
        """The steps of each vendor as one text."""
        return {vendor: " ".join(steps) for vendor, steps in self.steps.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A diagnosis as it applies to one message. `checks` are the findings that it explains, the root first.

    `evidence` are the places of the message that show it, `sp_steps` what is to do on our own side.
    """

    id: str
    title: str
    cause: str
    who: Who
    fix: dict[str, str]
    checks: tuple[str, ...]
    severity: Severity
    stage: Stage
    confidence: Confidence
    because: str
    expected: str | None
    actual: str | None
    evidence: tuple[EvidenceAt, ...]
    steps: dict[str, tuple[str, ...]]
    sp_steps: tuple[str, ...]
    fault: str | None
    settings: SettingsChange | None

    @property
    def blocking(self) -> bool:
        """Whether it is a reason for the refusal."""
        return self.severity == "blocker"


_ROWS: dict[str, Diagnosis] = {}
#: The ranks of the rows that explain a check, so that a message is only held against those that can apply.
_RANKS: dict[str, list[int]] = {}
_NOTED: set[str] = set()
_SEVERITY_ORDER: Final = {"blocker": 0, "warning": 1, "info": 2}


def row(diagnosis: Diagnosis) -> Diagnosis:
    """Register a diagnosis; the order of registration is the order of rank."""
    if diagnosis.id in _ROWS:
        raise ValueError(f"two diagnoses are called {diagnosis.id}")
    for check in (*diagnosis.checks, *diagnosis.notes):
        _RANKS.setdefault(check, []).append(len(_ROWS))
    _ROWS[diagnosis.id] = diagnosis
    _NOTED.update(diagnosis.notes)
    return diagnosis


def registered() -> Mapping[str, Diagnosis]:
    """Every diagnosis by id, in order of rank."""
    return MappingProxyType(_ROWS)


def said(_evidence: Evidence, result: CheckResult) -> str:
    """The cause of a row whose check has already said everything."""
    return result.message


def diagnose(
    case: Case, results: Sequence[CheckResult], telling: Sequence[CheckResult] | None = None
) -> tuple[Found, ...]:
    """The causes of what is wrong with a message: what blocks it before what only warns or informs, each by rank.

    `telling` are those of the results that failed, warned or informed, and maybe others, where they are known already.
    """
    told = results if telling is None else telling
    wrong = {
        r.id: r
        for r in told
        if r.status is Status.FAIL or r.status is Status.WARN or (r.status is Status.INFO and r.id in _NOTED)
    }
    return explain(Evidence(case, results), wrong) if wrong else ()


def explain(evidence: Evidence, wrong: dict[str, CheckResult]) -> tuple[Found, ...]:
    """The causes of some findings, by id; they are used up."""
    ranks = {rank for check in wrong for rank in _RANKS.get(check, ())}
    if not ranks:
        return ()
    rows = [*_ROWS.values()]
    schema = wrong.get(SCHEMA)
    twin = next((r.id for r in wrong.values() if schema and r is not schema and _says_the_same(r, schema)), None)
    if twin is not None:
        del wrong[SCHEMA]
    explained: set[str] = set()
    found: list[Found] = []
    for d in [rows[rank] for rank in sorted(ranks)]:
        roots = [r for r in wrong.values() if r.id not in explained and _is_root(d, r)]
        if not roots:
            continue
        # What blocks is the reason, and the order of the row's checks that of their weight.
        roots.sort(key=lambda r: (r.status is not Status.FAIL, _rank(d, r)))
        told = d.cause(evidence, roots[0]) if callable(d.cause) else d.cause
        if told is None:
            continue
        mine = [r.id for r in roots]
        if roots[0].status is Status.FAIL:
            mine += [i for i, r in wrong.items() if i not in explained and i not in mine and _follows(d, r)]
        if twin in mine:
            mine.append(SCHEMA)
        explained.update(mine)
        found.append(_found(d, evidence, roots, told, tuple(mine)))
    return tuple(sorted(found, key=lambda f: _SEVERITY_ORDER[f.severity]))


def _is_root(d: Diagnosis, r: CheckResult) -> bool:
    if r.status is Status.INFO:
        return r.id in d.notes
    return r.id in d.checks and (d.warnings or r.status is Status.FAIL)


def _rank(d: Diagnosis, r: CheckResult) -> int:
    return d.checks.index(r.id) if r.id in d.checks else len(d.checks)


def _found(
    d: Diagnosis, evidence: Evidence, roots: list[CheckResult], told: str | Explained, mine: tuple[str, ...]
) -> Found:
    root = roots[0]
    why = told if isinstance(told, Explained) else Explained(told, d.confidence, d.because)
    known = knowledge_of(d.stage, d.id)
    if root.status is Status.FAIL:
        severity: Severity = "blocker"
    else:
        severity = "info" if root.status is Status.INFO else d.severity
    return Found(
        id=d.id,
        title=d.title,
        cause=why.cause,
        who=d.who,
        fix=d.fix,
        checks=mine,
        severity=severity,
        stage=d.stage,
        confidence=why.confidence,
        because=why.because or d.because,
        expected=root.expected if why.expected is None else why.expected,
        actual=root.actual if why.actual is None else why.actual,
        evidence=evidence_of(evidence.case, roots),
        steps=dict(known.steps),
        sp_steps=known.sp_steps,
        fault=d.fault,
        settings=d.change(evidence, root) if d.change is not None else None,
    )


def _says_the_same(result: CheckResult, schema: CheckResult) -> bool:
    """Whether a failed check is about the very element at which the schema is violated, and so says it better."""
    if result.status is not Status.FAIL or result.where is None or schema.where is None:
        return False
    one, other = (w.partition("/@")[0].split("/") for w in (result.where, schema.where))
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter] and abs(len(one) - len(other)) <= 1


def _follows(d: Diagnosis, result: CheckResult) -> bool:
    if result.status is Status.INFO:
        return False
    return result.id in d.consequences or f"group:{result.group}" in d.consequences or result.id in d.checks
