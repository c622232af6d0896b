"""The judgement of one message: inspect() gives a Report, Report.accept() claims or a rejection.

It puts the stages together and reads no clock, no database and no network; what it must know comes in the Expectation.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from lxml import etree

from app.saml import checks  # noqa: F401  importing it registers every check
from app.saml.checks.common import bearers, the_issuer, the_name_id
from app.saml.checks.header import keys_of_sender
from app.saml.checks.registry import Case, CheckResult, Severity, Status, run_all
from app.saml.checks.replay import last_moment
from app.saml.checks.status import refused
from app.saml.decoding import Channel, decode
from app.saml.diagnoses import EvidenceAt, Found, SettingsChange, diagnose
from app.saml.encryption import decrypt
from app.saml.errors import LoginRejected, Problem
from app.saml.expectation import Expectation
from app.saml.headline import accepted, headline
from app.saml.instants import iso, read_instant
from app.saml.kinds import verdict_of_other
from app.saml.message import Assertion, Kind, Provenance, Response
from app.saml.names import MD, SAML, q
from app.saml.reading import kind_of, read_assertion, read_response, what_is_this
from app.saml.signature import Verification, verify_signatures
from app.saml.xml import Document, canonical, parse

log = logging.getLogger(__name__)

Verdict = Literal["accept", "reject", "refused-by-idp", "not-provisioned", "unknown"]


@dataclass(frozen=True, slots=True)
class SignatureSummary:
    """One signature as the report shows it. `key` is the SHA-256 fingerprint (hex) of the certificate that verified."""

    covers: str
    id: str | None
    algorithm: str | None
    digest: str | None
    key: str | None
    trusted: bool
    status: Literal["valid", "invalid"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class ClaimValue:
    """One attribute as received."""

    name: str
    name_format: str | None
    friendly_name: str | None
    values: tuple[str, ...]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class DiagnosisRow:
    """One cause. `fix` maps "generic" and vendor ids to what to change; `checks` are the findings it explains.

    `steps` is `fix` step by step, `sp_steps` what to do on our own side. `because` says why the `confidence` is no
    other. `expected` and `actual` are the two values that differ, None where it is no matter of values. `evidence` are
    the places that show it, `fault` is the simulator's fault that reproduces it, `settings` a change of our own
    settings that would cure it: a proposal, which nothing applies by itself.
    """

    id: str
    title: str
    cause: str
    who: Literal["idp-admin", "sp-admin", "user"]
    fix: dict[str, str]
    checks: tuple[str, ...]
    severity: Literal["blocker", "warning", "info"] = "blocker"
    stage: str = ""
    confidence: Literal["certain", "likely", "possible"] = "certain"
    because: str = ""
    expected: str | None = None
    actual: str | None = None
    evidence: tuple[EvidenceAt, ...] = ()
    steps: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sp_steps: tuple[str, ...] = ()
    fault: str | None = None
    settings: SettingsChange | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON object in `diagnosis` of contracts.md."""
        return {
            "id": self.id,
            "title": self.title,
            "cause": self.cause,
            "who": self.who,
            "fix": dict(self.fix),
            "checks": list(self.checks),
            "severity": self.severity,
            "stage": self.stage,
            "confidence": self.confidence,
            "expected": self.expected,
            "actual": self.actual,
            "evidence": [{"where": e.where, "line": e.line, "text": e.text} for e in self.evidence],
            "steps": {vendor: list(steps) for vendor, steps in self.steps.items()},
        }


def _row(found: Found) -> DiagnosisRow:
    return DiagnosisRow(**{f.name: getattr(found, f.name) for f in fields(DiagnosisRow)})


@dataclass(frozen=True, slots=True)
class ProvisioningSummary:
    """What a login with this message would do (or did). `changes` are (field, old, new, applied)."""

    outcome: str
    reason: str | None
    message: str
    changes: tuple[tuple[str, str | None, str | None, bool], ...] = ()
    seats_used: int | None = None
    seats_limit: int | None = None


@dataclass(frozen=True, slots=True)
class VerifiedLogin:
    """What a login may be built on: every value is from signed bytes.

    `claims` maps Attribute/@Name to its values in document order. `problems` are the failed checks that leave the
    decision to provisioning (role, name, plan).
    """

    issuer: str
    name_id: str
    name_id_format: str | None
    assertion_id: str
    response_id: str | None
    in_response_to: str | None
    session_index: str | None
    not_on_or_after: datetime
    claims: dict[str, tuple[str, ...]]
    certificate: str
    problems: tuple[CheckResult, ...]


@dataclass(frozen=True)
class Report:
    """Everything that is known of one message. Frozen; as_dict() is contracts.md's `sso-workbench/report/1`."""

    source: str
    kind: Kind
    message_id: str | None
    issuer: str | None
    in_response_to: str | None
    binding: str | None
    layers: tuple[str, ...]
    repairs: tuple[str, ...]
    size: int
    sha256: str
    relay_state: str | None
    verdict: Verdict
    headline: str  # the verdict in one sentence
    evaluated_at: datetime
    clock_skew_s: int
    policy: str
    verifiers: str
    checks: tuple[CheckResult, ...]
    signatures: tuple[SignatureSummary, ...]
    attributes: tuple[ClaimValue, ...]
    name_id: str | None
    name_id_format: str | None
    name_id_provenance: Provenance
    diagnosis: tuple[DiagnosisRow, ...]
    response: Response | None
    assertion: Assertion | None
    expectation: Expectation = field(repr=False)
    xml: bytes = b""  # the decoded document, decrypted parts not included
    decrypted_xml: bytes | None = None
    provisioning: ProvisioningSummary | None = None
    login: VerifiedLogin | None = None
    issue_instant: str | None = None  # of a message that is no login, as claimed

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The failed checks, in order."""
        return tuple(c for c in self.checks if c.status is Status.FAIL)

    @property
    def blocking(self) -> tuple[CheckResult, ...]:
        """Error-severity checks that failed or were skipped, of those that decide over the message itself."""
        return tuple(c for c in self.checks if _blocks(c))

    def check(self, check_id: str) -> CheckResult:
        """The result of one check. KeyError where it was not asked."""
        for c in self.checks:
            if c.id == check_id:
                return c
        raise KeyError(check_id)

    def accept(self) -> VerifiedLogin:
        """The claims of this login, from signed bytes only. Raises LoginRejected unless nothing blocks.

        Role, name and plan do not block (see VerifiedLogin.problems): provisioning decides over those.
        """
        if self.blocking or self.login is None:
            raise LoginRejected(self.headline, tuple(c.id for c in self.blocking))
        return self.login

    def with_provisioning(self, summary: ProvisioningSummary, allowed: bool) -> Report:
        """This report with what provisioning decided about the person.

        Where it lets them in, what it leaves to itself (role, name, plan) becomes a warning; where it does not, the
        verdict is `not-provisioned`. A message that is refused anyway keeps its verdict.
        """
        if self.verdict not in ("accept", "not-provisioned"):
            return replace(self, provisioning=summary)
        if not allowed:
            return replace(
                self, provisioning=summary, verdict="not-provisioned", headline=f"Not let in: {summary.message}"
            )
        softened = tuple(
            c._replace(status=Status.WARN, severity=Severity.WARNING)
            if c.decides == "provisioning" and c.status is Status.FAIL
            else c
            for c in self.checks
        )
        return replace(
            self, provisioning=summary, verdict="accept", checks=softened, headline=accepted(self.name_id, softened)
        )

    def as_dict(self) -> dict[str, Any]:
        """The JSON object of contracts.md, `sso-workbench/report/1`."""
        p = self.provisioning
        return {
            "schema": "sso-workbench/report/1",
            "source": self.source,
            "message": {
                "kind": self.kind,
                "id": self.message_id,
                "issuer": self.issuer,
                "in_response_to": self.in_response_to,
                "binding": self.binding,
                "layers": list(self.layers),
                "repairs": list(self.repairs),
                "bytes": self.size,
                "sha256": self.sha256,
            },
            "verdict": self.verdict,
            "headline": self.headline,
            "evaluated_at": iso(self.evaluated_at),
            "clock_skew_s": self.clock_skew_s,
            "policy": self.policy,
            "verifiers": self.verifiers,
            "subject": None
            if self.name_id is None
            else {"name_id": self.name_id, "format": self.name_id_format, "provenance": self.name_id_provenance},
            "attributes": [
                {"name": a.name, "name_format": a.name_format, "values": list(a.values), "provenance": a.provenance}
                for a in self.attributes
            ],
            "signatures": [
                {
                    "covers": s.covers,
                    "id": s.id,
                    "algorithm": s.algorithm,
                    "digest": s.digest,
                    "key": s.key,
                    "trusted": s.trusted,
                    "status": s.status,
                }
                for s in self.signatures
            ],
            "checks": [c.as_dict() for c in self.checks],
            "diagnosis": [d.as_dict() for d in self.diagnosis],
            "provisioning": None
            if p is None
            else {
                "outcome": p.outcome,
                "reason": p.reason,
                "message": p.message,
                "changes": [
                    {"field": name, "old": old, "new": new, "applied": applied} for name, old, new, applied in p.changes
                ],
                "seats": {"used": p.seats_used, "limit": p.seats_limit},
            },
        }


def issue_instant_of(report: Report) -> datetime | None:
    """When the message says it was issued (`--at issue`): the Response's IssueInstant, or else the Assertion's."""
    for text in (
        report.response.issue_instant if report.response else None,
        report.assertion.issue_instant if report.assertion else None,
        report.issue_instant,
    ):
        at = read_instant(text).at if text is not None else None
        if at is not None:
            return at
    return None


# Judging a message ----------------------------------------------------------------------------------------------------


def inspect(
    source: str | bytes,
    expectation: Expectation,
    *,
    now: datetime,
    channel: Channel = "paste",
    relay_state: str | None = None,
    name: str = "pasted",
) -> Report:
    """Judge whatever was pasted or posted as of `now`. Never raises.

    `channel` is "paste", "post-form" (the octets of a form posted to the ACS), "slo-form" (to the logout address) or
    "redirect-query". `relay_state` replaces the one
    that came with the message. `name` is what the report calls the input.
    """
    at = now if now.tzinfo else now.replace(tzinfo=UTC)
    try:
        return _judge(_gather(source, expectation, at, channel, relay_state), name)
    except Exception as e:  # one of the five seams where bugs are caught, see house.md
        log.exception("inspect crashed")
        return _crashed(source, expectation, at, name, e)


@dataclass(frozen=True, slots=True)
class _Gathered:
    """A case and what the report shows beside it."""

    case: Case
    what: str  # what an unexpected document is, as a sentence


def _gather(
    source: str | bytes, expectation: Expectation, now: datetime, channel: Channel, relay_state: str | None
) -> _Gathered:
    """Every stage before the checks: decode, parse, verify, decrypt, read."""
    limits = expectation.policy.limits
    decoded = decode(source, channel=channel, limits=limits)
    problems: tuple[Problem, ...] = decoded.problems
    document: Document | None = None
    if decoded.data:
        parsed = parse(decoded.data, limits)
        document, problems = parsed.document, problems + parsed.problems
    kind: Kind = kind_of(document.root) if document else "other"
    verification, decryption = Verification(), None
    response: Response | None = None
    assertion: Assertion | None = None
    if document is not None and kind == "Response":
        verification = verify_signatures(document, expectation, now, root_kind="response")
        decryption = decrypt(document, expectation)
        response, assertion = _read_response(document, verification)
        if decryption is not None:
            problems += decryption.problems
            if decryption.document is not None:
                inner = verify_signatures(decryption.document, expectation, now, root_kind="assertion")
                assertion = _read_decrypted(document, decryption.document, verification, inner)
                verification = replace(
                    verification,
                    findings=verification.findings + inner.findings,
                    problems=verification.problems + inner.problems,
                )
    elif document is not None and kind == "Assertion":
        verification = verify_signatures(document, expectation, now, root_kind="assertion")
        signed = verification.signed_assertion
        assertion = (
            read_assertion(document.root, "unsigned", places=document.places)
            if signed is None
            else read_assertion(signed, "signed-by-assertion", document.root, document.places)
        )
    elif document is not None and kind in _SIGNED_KINDS and decoded.channel != "post-form":
        # Its sender may be either side, whose keys then count. Nothing is read out of what they cover.
        expectation = replace(expectation, trusted_keys=keys_of_sender(document.root, expectation))
        verification = verify_signatures(document, expectation, now, root_kind="message")
    what = ""
    if kind not in ("Response", "Assertion"):
        what = what_is_this(document.root if document is not None else decoded.rest or decoded.data)
    case = Case(
        decoded=decoded,
        document=document,
        kind=kind,
        response=response,
        assertion=assertion,
        signatures=verification.findings,
        decryption=decryption,
        expectation=expectation,
        now=now,
        relay_state=relay_state if relay_state is not None else decoded.relay_state,
        binding=decoded.binding,
        problems=problems + verification.problems,
    )
    return _Gathered(case, what)


def _read_response(document: Document, verification: Verification) -> tuple[Response, Assertion | None]:
    """The records that count: from the signed bytes where a trusted signature covers them, otherwise as claimed."""
    signed = verification.signed_assertion
    best: Assertion | None = None
    known: dict[etree._Element, Assertion] = {}
    if signed is not None and verification.assertion_signed_by == "assertion":
        twin = next((a for a in document.root.iterchildren(_ASSERTION) if a.get("ID") == signed.get("ID")), None)
        best = read_assertion(signed, "signed-by-assertion", twin, document.places)
        if twin is not None:
            known[twin] = best
    if verification.signed_response is not None:
        response = read_response(
            verification.signed_response, "signed-by-response", document.root, places=document.places
        )
    else:
        response = read_response(document.root, "unsigned", known=known, places=document.places)
    if best is not None:
        return response, best
    if not response.assertions:
        return response, None
    first = response.assertions[0]
    # An assertion whose own signature is bad counts as unsigned, even where the Response around it is well signed.
    return response, first if signed is not None else replace(first, provenance="unsigned")


def _read_decrypted(outer: Document, plain: Document, around: Verification, inner: Verification) -> Assertion:
    """The decrypted assertion: signed by itself, or by the Response whose signature covers this very ciphertext."""
    if inner.signed_assertion is not None:
        return read_assertion(inner.signed_assertion, "signed-by-assertion", plain.root)
    if around.signed_response is not None and not inner.findings:
        theirs = list(around.signed_response.iterchildren(_ENCRYPTED))
        ours = list(outer.root.iterchildren(_ENCRYPTED))
        if len(ours) == len(theirs) == 1 and canonical(ours[0]) == canonical(theirs[0]):
            return read_assertion(plain.root, "signed-by-response")
    return read_assertion(plain.root, "unsigned")


_SIGNED_KINDS: Final = frozenset({"AuthnRequest", "LogoutRequest", "LogoutResponse"})
_ASSERTION: Final = q(SAML, "Assertion")
_ENCRYPTED: Final = q(SAML, "EncryptedAssertion")
_NOT_ABOUT_REFUSALS: Final = frozenset({"status-success", "signature-present", "signature-policy"})
_STRUCTURAL: Final = frozenset({"encoding", "xml", "structure", "status", "signature"})


def _judge(gathered: _Gathered, name: str) -> Report:
    case = gathered.case
    results, telling = run_all(case)
    blocking = tuple([c for c in telling if _blocks(c)])
    causes = diagnose(case, results, telling)
    verdict = _verdict(case, telling, blocking)
    assertion = case.assertion
    name_id = the_name_id(assertion) if assertion else None
    message_id, issuer, in_response_to = _header(case)
    return Report(
        source=name,
        kind=case.kind,
        message_id=message_id,
        issuer=issuer,
        in_response_to=in_response_to,
        binding=case.binding,
        layers=case.decoded.layers,
        repairs=case.decoded.repairs,
        size=len(case.decoded.data) or case.decoded.size,
        sha256=hashlib.sha256(case.decoded.data).hexdigest(),
        relay_state=case.relay_state,
        verdict=verdict,
        headline=headline(case, gathered.what, verdict, telling, blocking, causes),
        evaluated_at=case.now,
        clock_skew_s=int(case.expectation.policy.clock_skew.total_seconds()),
        policy=case.expectation.policy.name,
        verifiers=case.expectation.verifiers,
        checks=results,
        signatures=tuple(
            [
                SignatureSummary(f.covers, f.id, f.algorithm, f.digest, f.key, f.trusted, f.status, f.message)
                for f in case.signatures
            ]
        ),
        attributes=_attributes(assertion),
        name_id=name_id.text.value if name_id else None,
        name_id_format=name_id.format if name_id else None,
        name_id_provenance=assertion.provenance if assertion else "unsigned",
        diagnosis=tuple([_row(c) for c in causes]),
        response=case.response,
        assertion=assertion,
        expectation=case.expectation,
        xml=case.decoded.data,
        decrypted_xml=case.decryption.plaintext if case.decryption else None,
        login=None if blocking else _login(case, telling),
        issue_instant=case.document.root.get("IssueInstant") if case.is_other_kind and case.document else None,
    )


def _blocks(c: CheckResult) -> bool:
    """Whether a check decides over the message and speaks against it: failed, or an error that was skipped."""
    return (
        c.status is Status.FAIL or (c.status is Status.SKIPPED and c.severity is Severity.ERROR)
    ) and c.decides == "message"


def _verdict(case: Case, results: tuple[CheckResult, ...], blocking: tuple[CheckResult, ...]) -> Verdict:
    if case.document is None:
        return "reject"
    if case.is_other_kind:
        return verdict_of_other(case, blocking)
    if refused(case.response) and not any(
        c.group in _STRUCTURAL and c.status is Status.FAIL and c.id not in _NOT_ABOUT_REFUSALS for c in blocking
    ):
        return "refused-by-idp"
    if not case.expectation.configured:
        return "unknown"
    if blocking:
        # Where nothing failed, what was skipped only lacks something to compare with.
        return "reject" if any(c.status is Status.FAIL for c in results) else "unknown"
    if any(c.status is Status.FAIL for c in results):
        return "not-provisioned"
    return "accept"


def _header(case: Case) -> tuple[str | None, str | None, str | None]:
    """ID, issuer and InResponseTo of any kind of message, as claimed."""
    if case.response is not None:
        inner = the_issuer(case.assertion) if case.assertion else None
        issuer = case.response.issuer or inner
        return case.response.id, issuer.text.value if issuer else None, case.response.in_response_to
    if case.document is None:
        return None, None, None
    root = case.document.root
    if str(root.tag).startswith(f"{{{MD}}}"):
        return root.get("ID"), root.get("entityID") or root.get("Name"), None
    child = root.find(q(SAML, "Issuer"))
    return root.get("ID"), _text(child) if child is not None else None, root.get("InResponseTo")


def _text(element: etree._Element) -> str:
    return element.text or ""


def _attributes(assertion: Assertion | None) -> tuple[ClaimValue, ...]:
    if assertion is None:
        return ()
    by = assertion.provenance
    return tuple(
        [
            ClaimValue(a.name or "", a.name_format, a.friendly_name, tuple([v.text.value for v in a.values]), by)
            for a in assertion.attributes
        ]
    )


def _login(case: Case, telling: tuple[CheckResult, ...]) -> VerifiedLogin | None:
    """The values a login may rest on; None where one is missing or not from signed bytes. Asked if nothing blocks."""
    a = case.assertion
    if a is None or a.provenance == "unsigned":
        return None
    issuer, name_id, end = the_issuer(a), the_name_id(a), last_moment(a)
    covering = "Assertion" if a.provenance == "signed-by-assertion" else "Response"
    certificate = next((f.key for f in case.signatures if f.status == "valid" and f.covers == covering), None)
    if issuer is None or name_id is None or end is None or certificate is None or not a.id:
        return None
    if not (issuer.text.simple and name_id.text.simple and name_id.text.value.strip()):
        return None
    claims: dict[str, tuple[str, ...]] = {}
    for attribute in a.attributes:
        if attribute.name is not None:
            given = tuple([v.text.value for v in attribute.values if v.text.simple and not v.nil])
            claims[attribute.name] = claims.get(attribute.name, ()) + given
    response = case.response
    answered = next((sc.in_response_to for sc in bearers(a) if sc.in_response_to is not None), None)
    return VerifiedLogin(
        issuer=issuer.text.value,
        name_id=name_id.text.value,
        name_id_format=name_id.format,
        assertion_id=a.id,
        response_id=response.id if response else None,
        in_response_to=answered,
        session_index=next((s.session_index for s in a.authn_statements if s.session_index), None),
        not_on_or_after=end,
        claims=claims,
        certificate=certificate,
        problems=tuple([c for c in telling if c.decides == "provisioning" and c.status is Status.FAIL]),
    )


def _crashed(source: str | bytes, expectation: Expectation, now: datetime, name: str, error: Exception) -> Report:
    """The report on a message that this program could not cope with: refused, visibly."""
    size = len(source) if isinstance(source, str | bytes) else 0
    message = f"This message could not be judged because of an error in this program ({type(error).__name__})."
    result = CheckResult(
        id="internal-error",
        group="encoding",
        title="the message can be judged",
        status=Status.FAIL,
        severity=Severity.ERROR,
        message=message,
    )
    return Report(
        source=name,
        kind="other",
        message_id=None,
        issuer=None,
        in_response_to=None,
        binding=None,
        layers=(),
        repairs=(),
        size=size,
        sha256=hashlib.sha256(b"").hexdigest(),
        relay_state=None,
        verdict="reject",
        headline=f"Rejected: {message}",
        evaluated_at=now,
        clock_skew_s=int(expectation.policy.clock_skew.total_seconds()),
        policy=expectation.policy.name,
        verifiers=expectation.verifiers,
        checks=(result,),
        signatures=(),
        attributes=(),
        name_id=None,
        name_id_format=None,
        name_id_provenance="unsigned",
        diagnosis=(),
        response=None,
        assertion=None,
        expectation=expectation,
    )
