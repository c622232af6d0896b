"""Every check of a message: importing this package registers all of them, in the order in which they are reported."""

# The order of these imports is the order of the report.
# isort: off
import app.saml.checks.encoding as encoding
import app.saml.checks.xml as xml
import app.saml.checks.structure as structure
import app.saml.checks.signature as signature
import app.saml.checks.crypto as crypto
import app.saml.checks.certificate as certificate
import app.saml.checks.issuer as issuer
import app.saml.checks.status as status
import app.saml.checks.destination as destination
import app.saml.checks.timing as timing
import app.saml.checks.audience as audience
import app.saml.checks.confirmation as confirmation
import app.saml.checks.replay as replay
import app.saml.checks.nameid as nameid
import app.saml.checks.claims as claims
import app.saml.checks.encryption as encryption
import app.saml.checks.request as request
import app.saml.checks.logout as logout
import app.saml.checks.metadata as metadata
import app.saml.checks.relaystate as relaystate

# isort: on
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
    request,
    logout,
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
