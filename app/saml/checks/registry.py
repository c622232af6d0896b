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
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

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
Need = Literal[
    "input",
    "bytes",
    "document",
    "metadata",
    "request",
    "logout",
    "response",
    "assertion",
    "signature",
    "encryption",
    "expectation",
]

#: What is neither a login nor a part of one, and has rules of its own; in words.
OTHER_KINDS: Final[dict[Kind, str]] = {
    "AuthnRequest": "an AuthnRequest",
    "LogoutRequest": "a LogoutRequest",
    "LogoutResponse": "a LogoutResponse",
    "EntityDescriptor": "metadata",
    "EntitiesDescriptor": "metadata",
}
_METADATA: Final = ("EntityDescriptor", "EntitiesDescriptor")
_LOGOUT: Final = ("LogoutRequest", "LogoutResponse")

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


#: Makes a named tuple without its generated constructor, which costs as much again; hundreds are made for a message.
_new: Final = tuple.__new__


def ok(message: str, *, expected: str | None = None, actual: str | None = None, at: Place | None = None) -> Outcome:
    """The rule is kept."""
    return _new(Outcome, ("ok", message, expected, actual, at, None))


def problem(
    message: str,
    *,
    expected: str | None = None,
    actual: str | None = None,
    at: Place | None = None,
    severity: Severity | None = None,
) -> Outcome:
    """The rule is broken: fail, warn or info by the check's severity, or by the one given here."""
    return _new(Outcome, ("problem", message, expected, actual, at, severity))


def note(message: str, *, actual: str | None = None, at: Place | None = None) -> Outcome:
    """Nothing is wrong, but a person wants to know: always info."""
    return _new(Outcome, ("note", message, None, actual, at, None))


def not_applicable(why: str) -> Outcome:
    """The question does not arise in this message."""
    return _new(Outcome, ("not-applicable", why, None, None, None, None))


def skipped(why: str) -> Outcome:
    """The question could not be answered. An error-severity check that is skipped prevents acceptance."""
    return _new(Outcome, ("skipped", why, None, None, None, None))


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
    memo: dict[str, Any] = field(init=False, default_factory=dict, repr=False, compare=False)
    #: The first problem that an earlier stage filed under each check, by the id of the check.
    filed: dict[str, Problem] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for p in (*self.problems, *self.decoded.problems):
            self.filed.setdefault(p.check, p)

    @property
    def is_other_kind(self) -> bool:
        """Whether it is judged as the kind of message that it is, and not as a login.

        What a browser posted to the ACS is judged as a login, whatever it is.
        """
        return self.kind in OTHER_KINDS and self.decoded.channel != "post-form"

    def found(self, check_id: str) -> Problem | None:
        """The first problem that an earlier stage filed under this check."""
        return self.filed.get(check_id)

    def outcome(self, check_id: str, fine: str) -> Outcome:
        """The outcome of a check whose work was done by an earlier stage."""
        p = self.found(check_id)
        if p is None:
            return ok(fine)
        severity = Severity(p.severity) if p.severity else None
        return problem(p.message, expected=p.expected, actual=p.actual, at=p.at, severity=severity)


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. `severity` counts under `strict`, `diagnose` under the policy of that name.

    `fine` is given where the work was done by an earlier stage: what is said where that filed no problem.
    """

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
    fine: str | None = None


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
    fine: str | None = None,
) -> Callable[[Callable[[Case], Outcome | None]], Callable[[Case], Outcome | None]]:
    """Register a check. The function's docstring is the explanation that people read; its module is the group.

    `title` completes the sentence "This check makes sure that ...". `profile="imagekit"` marks product rules, which
    `--profile saml` leaves out. With `fine` the check reports what an earlier stage filed under its id, and says `fine`
    where that filed nothing; its function has nothing to do and is never called.
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
            run=function if fine is None else _reporter(check_id, fine, needs),
            fine=fine,
        )
        _plan.cache_clear()
        return function

    return register


_UNREAD: Final = skipped("The document was refused before this could be looked at.")


def _reporter(check_id: str, fine: str, needs: Need) -> Callable[[Case], Outcome]:
    """A check that reports what was filed; of a document that was refused for another reason nobody knows."""

    def run(case: Case) -> Outcome:
        if needs == "bytes" and case.document is None and check_id not in case.filed:
            return _UNREAD
        return case.outcome(check_id, fine)

    return run


def registered() -> dict[str, Check]:
    """Every check by id, in registration order. Importing app.saml.checks fills it."""
    return _CHECKS


# What is missing ------------------------------------------------------------------------------------------------------


class _Situation(NamedTuple):
    """All that decides which checks can be asked, and how strictly."""

    data: bool
    document: bool
    kind: Kind
    response: bool
    assertion: bool
    refused: bool  # there is no assertion because the IdP said no
    signatures: bool
    encryption: bool
    configured: bool
    strict: bool
    product: bool  # the rules of the product are asked too
    other: bool  # it is judged as the kind that it is, not as a login


def _situation(case: Case) -> _Situation:
    expectation = case.expectation
    refused = False
    if case.assertion is None and case.response is not None and case.response.status is not None:
        codes = case.response.status.codes
        refused = bool(codes and codes[0] and not codes[0].endswith(":Success"))
    return _Situation(
        bool(case.decoded.data),
        case.document is not None,
        case.kind,
        case.response is not None,
        case.assertion is not None,
        refused,
        bool(case.signatures),
        case.decryption is not None,
        expectation.configured,
        expectation.policy.name == "strict",
        expectation.profile == "imagekit",
        case.is_other_kind,
    )


def _missing(need: Need, it: _Situation) -> Outcome | None:
    """Why a check with this need cannot be asked, or None when it can."""
    if need == "request" and not (it.other and it.kind == "AuthnRequest"):
        return not_applicable("This is no AuthnRequest.")
    if need == "logout" and not (it.other and it.kind in _LOGOUT):
        return not_applicable("This is no message about logging out.")
    if need == "bytes" and not it.data:
        return skipped("The input could not be decoded.")
    if need not in ("input", "bytes", "expectation") and not it.document:
        return skipped("The message could not be read as XML.")
    if need == "metadata" and it.kind not in _METADATA:
        return not_applicable("This is a message, not metadata.")
    if it.other and need in ("response", "assertion", "expectation"):
        return not_applicable(f"This is {OTHER_KINDS[it.kind]}, which brings no login.")
    if need in ("response", "assertion") and not it.response and it.kind != "Assertion":
        return skipped("There is no samlp:Response to judge.")
    if need == "response" and not it.response:
        return not_applicable("A bare assertion has no Response around it.")
    if need == "assertion" and not it.assertion:
        if it.refused:
            return not_applicable("The IdP refused, so there is no assertion.")
        return skipped("There is no assertion that could be read.")
    if need == "signature" and not it.signatures:
        return not_applicable("Nothing is signed.")
    if need == "encryption" and not it.encryption:
        return not_applicable("Nothing is encrypted.")
    if need == "expectation" and not it.configured:
        return skipped("No identity provider is configured to judge this by.")
    return None


# Asking ---------------------------------------------------------------------------------------------------------------

_STATUS_OF = {
    "ok": Status.PASS,
    "note": Status.INFO,
    "not-applicable": Status.NOT_APPLICABLE,
    "skipped": Status.SKIPPED,
}
_STATUS_OF_PROBLEM = {Severity.ERROR: Status.FAIL, Severity.WARNING: Status.WARN, Severity.INFO: Status.INFO}
_NO_OCCASION: Final = not_applicable("This message gives no occasion for it.")


def _result(rule: Check, severity: Severity, outcome: Outcome) -> CheckResult:
    kind, message, expected, actual, at, own = outcome
    status = _STATUS_OF.get(kind)
    if status is None:
        severity = own or severity
        status = _STATUS_OF_PROBLEM[severity]
    where, line = at or (None, 0)
    why = message if kind in ("skipped", "not-applicable") else None
    return _new(
        CheckResult,
        (rule.id, rule.group, rule.title, status, severity, message, expected, actual, where, line, why, rule.decides),
    )


def _crash(rule: Check, error: Exception) -> CheckResult:
    """A crash in a check is a failure of that check and is logged; nothing is let in by a bug."""
    log.error("check %s crashed", rule.id, exc_info=error)
    crashed = problem(f"This check could not be completed ({type(error).__name__}); the message is refused.")
    result = _result(rule, Severity.ERROR, crashed)
    return result._replace(status=Status.FAIL, severity=Severity.ERROR, decides="message")


def run_one(rule: Check, case: Case) -> CheckResult:
    """Ask one check."""
    it = _situation(case)
    severity = rule.severity if it.strict else rule.diagnose
    try:
        outcome = _missing(rule.needs, it) or rule.run(case) or _NO_OCCASION
    except Exception as e:  # noqa: BLE001  one of the five seams where bugs are caught, see house.md
        return _crash(rule, e)
    return _result(rule, severity, outcome)


class _Asked(NamedTuple):
    """A check that has to be asked, taken apart, because the loop over all of them is most of the time of a verdict."""

    number: int
    run: Callable[[Case], Outcome | None]
    rule: Check
    severity: Severity
    id: str
    group: str
    title: str
    decides: Decides


class _Plan(NamedTuple):
    """What is known of all results before any check is asked: they are immutable, so every message shares them.

    `results` has None where a check must be asked; `reported` are the checks that only say what was filed, by their id.
    `telling` are the places of the shared results that somebody should be told of.
    """

    results: tuple[CheckResult | None, ...]
    asked: tuple[_Asked, ...]
    reported: dict[str, tuple[int, Check, Severity]]
    telling: tuple[int, ...]


#: What a person need not be told: everything else decides, or is worth a look.
_UNTOLD: Final = (Status.PASS, Status.NOT_APPLICABLE)


@lru_cache(maxsize=64)
def _plan(it: _Situation) -> _Plan:
    results: list[CheckResult | None] = []
    asked: list[_Asked] = []
    reported: dict[str, tuple[int, Check, Severity]] = {}
    for rule in _CHECKS.values():
        if rule.profile == "imagekit" and not it.product:
            continue
        number, severity = len(results), rule.severity if it.strict else rule.diagnose
        outcome = _missing(rule.needs, it)
        if outcome is None and rule.fine is not None:
            reported[rule.id] = number, rule, severity
            outcome = _UNREAD if rule.needs == "bytes" and not it.document else ok(rule.fine)
        if outcome is None:
            asked.append(_Asked(number, rule.run, rule, severity, rule.id, rule.group, rule.title, rule.decides))
        results.append(_result(rule, severity, outcome) if outcome is not None else None)
    telling = [n for n, r in enumerate(results) if r is not None and r.status not in _UNTOLD]
    return _Plan(tuple(results), tuple(asked), reported, tuple(telling))


class Judgement(NamedTuple):
    """What all checks said, in registration order; `telling` are those that neither passed nor did not apply."""

    results: tuple[CheckResult, ...]
    telling: tuple[CheckResult, ...]


def run_all(case: Case) -> Judgement:
    """Ask every check that the profile includes."""
    known, asked, reported, shared = _plan(_situation(case))
    results: list[Any] = [*known]
    telling = [*shared]
    for check_id in case.filed:
        if check_id in reported:
            number, rule, severity = reported[check_id]
            results[number] = _result(rule, severity, rule.run(case) or _NO_OCCASION)
            telling.append(number)
    passed = Status.PASS
    for number, run, rule, severity, check_id, group, title, decides in asked:
        try:
            outcome = run(case)
        except Exception as e:  # noqa: BLE001  one of the five seams where bugs are caught, see house.md
            results[number] = _crash(rule, e)
            telling.append(number)
            continue
        kind, message, expected, actual, at, _ = outcome or _NO_OCCASION
        if kind == "ok":
            # The usual case of _result(), written out: a call of its own would cost as much again.
            where, line = at or _NOWHERE
            results[number] = _new(
                CheckResult,
                (check_id, group, title, passed, severity, message, expected, actual, where, line, None, decides),
            )
        else:
            results[number] = result = _result(rule, severity, outcome or _NO_OCCASION)
            if result.status is not Status.NOT_APPLICABLE:
                telling.append(number)
    if len(telling) > 1:
        telling = sorted(set(telling))
    return Judgement(tuple(results), tuple([results[number] for number in telling]))


_NOWHERE: Final = (None, 0)
