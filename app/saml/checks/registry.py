"""What a check is, what it is given, and how the registry runs all of them.

A check is one function in one of this package's modules, registered by @check. It is given a Case and returns an
Outcome (or None where the question does not arise). It never raises on purpose; one that crashes has failed, visibly.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from app.saml.errors import Place, Problem
from app.saml.expectation import Expectation
from app.saml.message import Assertion, Kind, Response

if TYPE_CHECKING:
    from app.saml.decoding import Decoded
    from app.saml.encryption import Decryption
    from app.saml.signature import SignatureFinding
    from app.saml.xml import Document

log = logging.getLogger(__name__)


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Status(StrEnum):
    PASS = "pass"  # noqa: S105  a verdict, not a password
    FAIL = "fail"
    WARN = "warn"
    INFO = "info"
    SKIPPED = "skipped"
    NOT_APPLICABLE = "not-applicable"


#: What a check needs before it can be asked. If it is missing because an earlier stage failed, the check is skipped;
#: if there is simply no such thing in this message, it is not applicable.
Need = Literal["input", "bytes", "document", "response", "assertion", "signature", "encryption", "expectation"]

#: Who decides when the check fails: the message itself is refused, or only the person is not let in.
Decides = Literal["message", "provisioning"]


class Outcome(NamedTuple):
    """What one check found. Built by ok(), problem(), note(), not_applicable() and skipped().

    A tuple, like CheckResult: two hundred of each are made for every message, and a frozen dataclass costs thrice that.
    """

    kind: Literal["ok", "problem", "note", "not-applicable", "skipped"]
    message: str
    expected: str | None = None
    actual: str | None = None
    at: Place | None = None
    severity: Severity | None = None  # only where it differs from the check's own


def ok(message: str, *, expected: str | None = None, actual: str | None = None, at: Place | None = None) -> Outcome:
    """The rule is kept."""
    return tuple.__new__(Outcome, ("ok", message, expected, actual, at, None))


def problem(
    message: str,
    *,
    expected: str | None = None,
    actual: str | None = None,
    at: Place | None = None,
    severity: Severity | None = None,
) -> Outcome:
    """The rule is broken: fail, warn or info by the check's severity, or by the one given here."""
    return Outcome("problem", message, expected, actual, at, severity)


def note(message: str, *, actual: str | None = None, at: Place | None = None) -> Outcome:
    """Nothing is wrong, but a person wants to know: always info."""
    return Outcome("note", message, None, actual, at)


def not_applicable(why: str) -> Outcome:
    """The question does not arise in this message."""
    return Outcome("not-applicable", why)


def skipped(why: str) -> Outcome:
    """The question could not be answered. An error-severity check that is skipped prevents acceptance."""
    return Outcome("skipped", why)


@dataclass(frozen=True, slots=True)
class Case:
    """One message under judgement.

    `response` and `assertion` are the records that count: read from signed bytes where a trusted signature covers
    them (see their provenance), otherwise as claimed. `problems` were found by the stages before the checks.
    """

    decoded: Decoded
    document: Document | None
    kind: Kind
    response: Response | None
    assertion: Assertion | None
    signatures: tuple[SignatureFinding, ...]
    decryption: Decryption | None
    expectation: Expectation
    now: datetime
    relay_state: str | None
    binding: str | None  # "HTTP-POST", "HTTP-Redirect" or None where a paste does not tell
    problems: tuple[Problem, ...]
    #: What several checks work out of the same message, by the name of who works it out.
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def found(self, check_id: str) -> Problem | None:
        """The first problem that an earlier stage filed under this check."""
        return next((p for p in self.problems if p.check == check_id), None)

    def outcome(self, check_id: str, fine: str) -> Outcome:
        """The outcome of a check whose work was done by an earlier stage."""
        p = self.found(check_id)
        if p is None:
            return ok(fine)
        severity = Severity(p.severity) if p.severity else None
        return problem(p.message, expected=p.expected, actual=p.actual, at=p.at, severity=severity)


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. `severity` counts under `strict`, `diagnose` under the policy of that name."""

    id: str
    group: str
    title: str
    cites: str
    explanation: str
    severity: Severity
    diagnose: Severity
    needs: Need
    decides: Decides
    profile: Literal["saml", "imagekit"]
    run: Callable[[Case], Outcome | None] = field(repr=False)


class CheckResult(NamedTuple):
    """What a check said of one message. `why` is given for skipped and not-applicable."""

    id: str
    group: str
    title: str
    status: Status
    severity: Severity
    message: str
    expected: str | None = None
    actual: str | None = None
    where: str | None = None
    line: int = 0
    why: str | None = None
    decides: Decides = "message"

    def as_dict(self) -> dict[str, Any]:
        """The object of contracts.md; absent facts are left out."""
        facts = {
            "id": self.id,
            "status": str(self.status),
            "severity": str(self.severity),
            "message": self.message,
            "expected": self.expected,
            "actual": self.actual,
            "where": self.where,
            "line": self.line or None,
            "why": self.why,
        }
        return {k: v for k, v in facts.items() if v is not None}


_CHECKS: dict[str, Check] = {}


def check(
    check_id: str,
    title: str,
    *,
    cites: str,
    severity: Severity = Severity.ERROR,
    diagnose: Severity | None = None,
    needs: Need = "assertion",
    decides: Decides = "message",
    profile: Literal["saml", "imagekit"] = "saml",
) -> Callable[[Callable[[Case], Outcome | None]], Callable[[Case], Outcome | None]]:
    """Register a check. The function's docstring is the explanation that people read; its module is the group.

    `title` completes the sentence "This check makes sure that ...". `profile="imagekit"` marks product rules, which
    `--profile saml` leaves out.
    """

    def register(function: Callable[[Case], Outcome | None]) -> Callable[[Case], Outcome | None]:
        if check_id in _CHECKS:
            raise ValueError(f"two checks are called {check_id}")
        _CHECKS[check_id] = Check(
            id=check_id,
            group=function.__module__.rsplit(".", 1)[-1],
            title=title,
            cites=cites,
            explanation=" ".join((function.__doc__ or "").split()),
            severity=severity,
            diagnose=diagnose or severity,
            needs=needs,
            decides=decides,
            profile=profile,
            run=function,
        )
        return function

    return register


def registered() -> dict[str, Check]:
    """Every check by id, in registration order. Importing app.saml.checks fills it."""
    return _CHECKS


def _missing(need: Need, case: Case) -> Outcome | None:
    """Why a check with this need cannot be asked, or None when it can."""
    if need == "bytes" and not case.decoded.data:
        return skipped("The input could not be decoded.")
    if need in ("document", "response", "assertion", "signature", "encryption") and case.document is None:
        return skipped("The message could not be read as XML.")
    if need in ("response", "assertion") and case.response is None and case.kind != "Assertion":
        return skipped("There is no samlp:Response to judge.")
    if need == "response" and case.response is None:
        return not_applicable("A bare assertion has no Response around it.")
    if need == "assertion" and case.assertion is None:
        status = case.response.status if case.response else None
        if status is not None and status.codes and status.codes[0] and not status.codes[0].endswith(":Success"):
            return not_applicable("The IdP refused, so there is no assertion.")
        return skipped("There is no assertion that could be read.")
    if need == "signature" and not case.signatures:
        return not_applicable("Nothing is signed.")
    if need == "encryption" and case.decryption is None:
        return not_applicable("Nothing is encrypted.")
    if need == "expectation" and not case.expectation.configured:
        return skipped("No identity provider is configured to judge this by.")
    return None


#: Makes a NamedTuple without its generated constructor, which costs as much again; only where thousands are made.
_tuple = tuple.__new__

_STATUS_OF = {
    "ok": Status.PASS,
    "note": Status.INFO,
    "not-applicable": Status.NOT_APPLICABLE,
    "skipped": Status.SKIPPED,
}
_STATUS_OF_PROBLEM = {Severity.ERROR: Status.FAIL, Severity.WARNING: Status.WARN, Severity.INFO: Status.INFO}


def _result(rule: Check, outcome: Outcome, case: Case) -> CheckResult:
    kind, message, expected, actual, at, own = outcome
    severity = rule.severity if case.expectation.policy.name == "strict" else rule.diagnose
    status = _STATUS_OF.get(kind)
    if status is None:
        severity = own or severity
        status = _STATUS_OF_PROBLEM[severity]
    where, line = (at.path, at.line) if at is not None else (None, 0)
    why = message if kind in ("skipped", "not-applicable") else None
    return _tuple(
        CheckResult,
        (rule.id, rule.group, rule.title, status, severity, message, expected, actual, where, line, why, rule.decides),
    )


_NO_OCCASION = not_applicable("This message gives no occasion for it.")


def run_one(rule: Check, case: Case) -> CheckResult:
    """Ask one check. A crash in it is a failure of that check and is logged; nothing is let in by a bug."""
    return _ask(rule, case, _missing(rule.needs, case))


def _ask(rule: Check, case: Case, missing: Outcome | None) -> CheckResult:
    if missing is not None:
        return _result(rule, missing, case)
    try:
        outcome = rule.run(case)
    except Exception as e:  # one of the five seams where bugs are caught, see house.md
        log.exception("check %s crashed", rule.id)
        crashed = problem(f"This check could not be completed ({type(e).__name__}); the message is refused.")
        result = _result(rule, crashed, case)
        return result._replace(status=Status.FAIL, severity=Severity.ERROR, decides="message")
    return _result(rule, outcome or _NO_OCCASION, case)


def run_all(case: Case) -> tuple[CheckResult, ...]:
    """Ask every check that the profile includes, in registration order."""
    everything = case.expectation.profile == "imagekit"
    missing = {need: _missing(need, case) for need in get_args(Need)}
    return tuple([_ask(c, case, missing[c.needs]) for c in _CHECKS.values() if everything or c.profile == "saml"])
