"""Every check of a message: importing this package registers all of them, in the order in which they are reported."""

# The order of these imports is the order of the report.
from app.saml.checks import encoding, xml, structure, signature, crypto, certificate  # noqa: I001
from app.saml.checks import issuer, status, destination, timing, audience, confirmation, replay, nameid, claims
from app.saml.checks import encryption, metadata, relaystate
from app.saml.checks.registry import (
    Case,
    Check,
    CheckResult,
    Outcome,
    Severity,
    Status,
    check,
    not_applicable,
    note,
    ok,
    problem,
    registered,
    run_all,
    run_one,
    skipped,
)

GROUPS = (
    encoding,
    xml,
    structure,
    signature,
    crypto,
    certificate,
    issuer,
    status,
    destination,
    timing,
    audience,
    confirmation,
    replay,
    nameid,
    claims,
    encryption,
    metadata,
    relaystate,
)

__all__ = [
    "GROUPS",
    "Case",
    "Check",
    "CheckResult",
    "Outcome",
    "Severity",
    "Status",
    "check",
    "not_applicable",
    "note",
    "ok",
    "problem",
    "registered",
    "run_all",
    "run_one",
    "skipped",
]
