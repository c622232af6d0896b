"""The loop closed: every fault is decided as stated, for the stated reason, and every check is tripped by something.

One whole trial is run for the module, over real HTTP; its rows are then looked at one by one.
"""

from __future__ import annotations

import ast
import resource
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

import app.saml.checks  # noqa: F401  fills the registry
from app.saml.checks.registry import Severity, registered
from app.saml.expectation import AccountFacts, Expectation
from app.saml.metadata import read_metadata
from app.saml.report import Report, inspect
from app.trial import TrialReport, TrialRow, run_trial
from simulator import Edit, Idp, Issued, KeyRing, Stage, all_faults, default_tenant, find_fault, wrapping_variants
from simulator.faults import DOOR
from simulator.message import AuthnSpec
from simulator.names import AC_UNSPECIFIED
from simulator.requests import RULES

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)
ENTITY = "https://imagekit.io/saml/consume"
VICTIM = "victim@acme-media.test"
FAULTS = [f.id for f in all_faults() if not f.setup.fetched]
MALFORMED = [f.id for f in all_faults() if f.family == "malformed" or f.id in ("tr-deflate-bomb", "ok-large")]

_CHECKS = "tests/saml/checks/test_"

_REQUEST = _CHECKS + "request.py::test_what_is_wrong_is_said"
_LOGOUT = _CHECKS + "logout.py::test_what_is_wrong_with_a_request_is_said"
_LOGOUT_ANSWER = _CHECKS + "logout.py::test_what_is_wrong_with_an_answer_is_said"

#: Checks that no fault names as the one it must trip, and the test that trips them instead.
COVERED_ELSEWHERE = {
    "encoding-input-kind": _CHECKS + "encoding.py::test_pastes",
    "encoding-url-once": "tests/saml/test_decoding.py::test_percent_encoding_twice_is_told",
    "xml-no-entity": _CHECKS + "xml.py::test_each_check_is_tripped",
    "xml-prefix-rebinding": _CHECKS + "xml.py::test_each_check_is_tripped",
    "xml-value-whitespace": _CHECKS + "xml.py::test_each_check_is_tripped",
    "structure-extensions-ignored": _CHECKS + "structure.py::test_what_is_broken_is_said",
    "structure-string-limits": _CHECKS + "structure.py::test_what_is_broken_is_said",
    "signature-prefixlist": "tests/saml/test_wrapping.py::test_prefix_list_bound_holds_without_the_parser",
    "signature-c14n-failure": "tests/saml/test_signature.py::test_a_failure_inside_is_a_rejection",
    "signature-binding": _CHECKS + "signature.py::test_tampering",
    "signature-agreement": _CHECKS + "signature.py::test_tampering",
    "signature-key-match": _CHECKS + "signature.py::test_unknown_key",
    "signature-same-key": _CHECKS + "signature.py::test_two_keys_of_one_idp_in_one_message",
    "signature-envelope-unsigned": _CHECKS + "signature.py::test_unsigned_envelope_is_told",
    "cert-expiring": _CHECKS + "certificate.py::test_expiring",
    "cert-lifetime": _CHECKS + "certificate.py::test_long_life_is_noted",
    "cert-usage": _CHECKS + "certificate.py::test_usage",
    "cert-chain": _CHECKS + "certificate.py::test_issuer_is_told",
    "cert-hash-weak": _CHECKS + "certificate.py::test_own_hash",
    "status-detail": _CHECKS + "status.py::test_details_are_shown_as_plain_bounded_text",
    "destination-https": _CHECKS + "destination.py::test_plain_http_is_warned_of",
    "replay-horizon": _CHECKS + "replay.py::test_how_long_it_must_be_remembered",
    "replay-onetimeuse": _CHECKS + "replay.py::test_one_time_use",
    "nameid-length": _CHECKS + "nameid.py::test_long_names",
    "claim-delimited": _CHECKS + "claims.py::test_delimited_values",
    "enc-oaep-params": "tests/saml/test_encryption.py::test_unknown_oaep_parameters_are_told",
    "enc-error-uniform": _CHECKS + "encryption.py::test_public_sentence",
    "enc-nameid": _CHECKS + "encryption.py::test_encrypted_id_is_told",
    "request-version": _REQUEST,
    "request-id": _REQUEST,
    "request-issueinstant": _REQUEST,
    "request-issuer": _REQUEST,
    "request-destination": _REQUEST,
    "request-acs": _REQUEST,
    "request-protocol-binding": _REQUEST,
    "request-nameid-policy": _REQUEST,
    "request-authn-context": _REQUEST,
    "request-force-passive": _REQUEST,
    "request-scoping": _REQUEST,
    "request-subject": _REQUEST,
    "request-signed": _CHECKS + "request.py::test_unsigned_requests",
    "logout-version": _LOGOUT,
    "logout-id": _LOGOUT,
    "logout-issueinstant": _LOGOUT,
    "logout-issuer": _LOGOUT,
    "logout-destination": _LOGOUT,
    "logout-nameid": _LOGOUT,
    "logout-session-index": _LOGOUT,
    "logout-notonorafter": _LOGOUT,
    "logout-in-response-to": _LOGOUT_ANSWER,
    "logout-status": _LOGOUT_ANSWER,
    "logout-signed": _CHECKS + "logout.py::test_an_unsigned_message_is_refused",
}

#: Of those, the checks that can refuse a login.
REFUSING_ELSEWHERE = [
    "enc-error-uniform",
    "signature-agreement",
    "signature-binding",
    "signature-c14n-failure",
    "signature-prefixlist",
    "xml-no-entity",
]

#: Checks that say something of every message and refuse none, and why.
NEVER_FIRE = {
    "cert-fingerprint-alg": "Whole certificates are configured, so there is no pinned fingerprint that could be weak.",
}


@cache
def keys() -> KeyRing:
    """The module's keys; making them anew for each test would take minutes."""
    return KeyRing.in_memory(lambda: NOW)


@pytest.fixture(scope="module")
def matrix() -> TrialReport:
    return run_trial()


@pytest.fixture(scope="module")
def rows(matrix: TrialReport) -> dict[str, TrialRow]:
    return {r.id: r for r in matrix.rows}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(fault: str, rows: dict[str, TrialRow]) -> None:
    """The verdict is the stated one, a stated check is among those that decided, and nobody else was touched."""
    row = rows[fault]
    assert row.as_expected, f"{row.why} {row.sentence} (decided by {', '.join(row.decided_by)})"


def test_the_rows_rest_on_what_happened(rows: dict[str, TrialRow]) -> None:
    """The matrix cannot be green by accident: what it calls accepted was let in, what it calls refused was not."""
    setups = {f.id: f.setup for f in all_faults()}
    requests = {f.id for f in all_faults() if f.acts_on == "request"}
    for row in rows.values():
        if row.id in requests:
            assert (row.status_code >= 400) == (row.expected == "reject"), row.id
            assert row.seats_after == row.seats_before, row.id
            continue
        accepted_first = setups[row.id].posts > 1 or setups[row.id].request == "answered"
        if row.expected == "accept":
            assert row.role_after is not None, row.id
            assert row.event, row.id
        elif not accepted_first:
            assert row.role_after == row.role_before, row.id
            assert row.seats_after == row.seats_before, row.id
        else:
            assert row.role_after is not None, row.id
        assert row.report is not None, row.id
        assert not any(c.id == "internal-error" for c in row.report.checks), row.id


def test_every_control_is_accepted_and_there_are_enough(rows: dict[str, TrialRow]) -> None:
    controls = [r for r in rows.values() if r.family == "controls"]
    assert len(controls) >= 25
    assert {r.got for r in controls} == {"accept"}


def test_every_check_that_a_fault_names_exists() -> None:
    """Checks of the validator, what a web server refuses before them, and the rules for requests."""
    named = {c for f in all_faults() for c in f.checks}
    assert sorted(named - set(registered()) - set(DOOR) - set(RULES)) == []


def test_every_rule_for_requests_is_broken_by_some_fault(rows: dict[str, TrialRow]) -> None:
    broken = {c for r in rows.values() for c in set(r.expected_checks) & set(r.decided_by)}
    assert sorted(set(RULES) - broken) == ["request-subject"], "only a logout names somebody"


def test_what_only_a_fetching_provider_meets_is_left_out_of_the_matrix(rows: dict[str, TrialRow]) -> None:
    fetched = [f.id for f in all_faults() if f.setup.fetched]
    assert fetched == ["md-redirect-loop", "md-http-downgrade", "md-slow", "md-gzip-bomb"]
    assert not set(fetched) & set(rows)
    source = (ROOT / "tests/cli/test_fetching.py").read_text("utf-8")
    assert not [f for f in fetched if f'"{f}"' not in source]


def test_every_check_is_tripped(rows: dict[str, TrialRow]) -> None:
    # What the identity provider finds in a request bears names of its own, some of which are those of checks here.
    judged_here = [r for r in rows.values() if find_fault(r.id).stage is not Stage.REQUEST]
    tripped = {c for r in judged_here for c in set(r.expected_checks) & set(r.decided_by)}
    missing = set(registered()) - tripped - set(COVERED_ELSEWHERE) - set(NEVER_FIRE)
    assert sorted(missing) == [], "no fault trips these checks, and no test is named that does"
    assert sorted(tripped & set(COVERED_ELSEWHERE)) == [], "a fault trips these: take them off the table"


@pytest.mark.parametrize("check", COVERED_ELSEWHERE)
def test_the_table_of_other_tests_is_true(check: str) -> None:
    assert check in registered()
    path, _, name = COVERED_ELSEWHERE[check].partition("::")
    source = (ROOT / path).read_text("utf-8")
    functions = {n.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)}
    assert name in functions, f"{path} has no test {name}"
    assert f'"{check}"' in source, f"{path} does not mention {check}"


@pytest.mark.parametrize("check", NEVER_FIRE)
def test_what_never_fires_never_fires(check: str, rows: dict[str, TrialRow]) -> None:
    seen = {c.status.value for r in rows.values() if r.report for c in r.report.checks if c.id == check}
    assert seen <= {"pass", "not-applicable", "skipped"}


def test_no_error_check_is_only_described(rows: dict[str, TrialRow]) -> None:
    """Of the checks that can refuse a login, those that only other tests trip are few and known."""
    of_logins = [c for c in registered().values() if c.group not in ("metadata", "request", "logout")]
    refusing = {c.id for c in of_logins if c.severity is Severity.ERROR}
    assert sorted(refusing & set(COVERED_ELSEWHERE)) == REFUSING_ELSEWHERE


# Direct judgement -----------------------------------------------------------------------------------------------------


@cache
def idp() -> Idp:
    return Idp(default_tenant(uid="0" * 32), keys(), lambda: NOW)


@cache
def expectation() -> Expectation:
    trusted = read_metadata(idp().metadata(), now=NOW).idp
    assert trusted is not None
    return Expectation(
        idp_entity_id=trusted.entity_id,
        trusted_keys=trusted.signing_keys,
        sp_entity_id=ENTITY,
        acs_url=ENTITY,
        relay_states=("https://imagekit.io/dashboard", "https://imagekit.io/"),
        account=AccountFacts("ik_7x2k", "enterprise"),
        trusted_test_idp=True,
    )


def judged(body: bytes, **changes: object) -> Report:
    return inspect(body, replace(expectation(), **changes), now=NOW, channel="post-form")  # type: ignore[arg-type]


def test_an_unspecified_authentication_is_noted() -> None:
    unspecified = Edit(spec=lambda s: replace(s, authn_statements=(AuthnSpec(context_class=AC_UNSPECIFIED),)))
    for edit, status in ((None, "pass"), (unspecified, "info")):
        report = judged(idp().issue("grace", "imagekit", edit=edit).body)
        assert report.check("authn-context").status == status


def variants() -> list[tuple[str, str, bytes]]:
    """(what was signed, name, octets) of every wrapping variant."""
    found = []
    for signed in ("ok-assertion-signed", "ok-response-signed", "ok-both-signed"):
        good = idp().issue("grace", "imagekit", faults=[signed]).xml
        found += [(signed, name, data) for name, data in wrapping_variants(good, VICTIM)]
    return found


def yields_only_the_genuine(data: bytes, **changes: object) -> bool:
    """Whether whoever is let in with this document is Grace; and whatever is shown as signed is hers."""
    report = inspect(data, replace(expectation(), **changes), now=NOW)  # type: ignore[arg-type]
    if report.login is not None and report.login.name_id != "grace@acme-media.test":
        return False
    if report.login is not None and report.login.claims.get("imagekit_role") != ("developer",):
        return False
    return report.name_id_provenance == "unsigned" or report.name_id == "grace@acme-media.test"


def test_no_wrapping_variant_yields_the_victim() -> None:
    """All of them by our verifier alone, every twelfth by both. An accepted one names the genuine person."""
    found = variants()
    assert len(found) >= 1_000
    wrong = [
        f"{signed} {name}"
        for n, (signed, name, data) in enumerate(found)
        if not yields_only_the_genuine(data, verifiers="both" if n % 12 == 0 else "ours")
    ]
    assert wrong == []


@pytest.mark.slow
def test_no_wrapping_variant_yields_the_victim_to_both_verifiers() -> None:
    wrong = [f"{signed} {name}" for signed, name, data in variants() if not yields_only_the_genuine(data)]
    assert wrong == []


@cache
def issued(fault: str) -> Issued:
    return idp().issue("grace", "imagekit", faults=[fault])


@pytest.mark.parametrize("fault", MALFORMED)
def test_no_document_is_expensive(fault: str) -> None:
    """Less than 200 ms of this thread's time, and memory in proportion to the input."""
    body = issued(fault).body
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    spent = []
    for _ in range(3):
        start = time.thread_time()
        judged(body)
        spent.append(time.thread_time() - start)
        if spent[-1] < 0.2:
            break
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert min(spent) < 0.2, f"{min(spent) * 1000:.0f} ms"
    assert grown * 1024 < 64_000_000 + 20 * len(body), f"{grown // 1024} MiB for {len(body)} bytes"
