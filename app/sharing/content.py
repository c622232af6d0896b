"""What a report on paper says, whatever its form: gather() takes it from a Report, plain or redacted. It forms nothing.

A plain report leaves the message itself out, because it may still let somebody in; a redacted one has it, masked.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app import __version__
from app.saml.instants import iso, read_instant
from app.saml.redact import redact
from app.saml.report import Report

TOOL: Final = f"SSO Workbench {__version__}"
VERDICTS: Final = {
    "accept": "Accepted",
    "reject": "Rejected",
    "refused-by-idp": "Refused by the identity provider",
    "not-provisioned": "Not let in",
    "unknown": "Not judged",
}
WHO: Final = {
    "idp-admin": "The identity provider's administrator has to act.",
    "sp-admin": "The administrator of this service has to act.",
    "user": "The person can solve it.",
}
VENDORS: Final = {"generic": "Any IdP", "entra": "Entra ID", "okta": "Okta", "onelogin": "OneLogin", "adfs": "AD FS"}
_ORDER: Final = ("fail", "warn", "skipped", "info", "pass", "not-applicable")
_FOUND: Final = frozenset({"fail", "warn", "skipped", "info"})


class NotRedacted(Exception):  # noqa: N818  a condition of the message, not a bug
    """Masked values would still be found in the outcome, so there is none. str() is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Content:
    """`report` is report/1; `instants` are (what, time as written) in order of time.

    `xml` and `decrypted` are the masked message, empty where it is plain.
    """

    report: dict[str, Any]
    instants: tuple[tuple[str, str], ...]
    xml: str = ""
    decrypted: str = ""
    every_check: bool = False

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        return VERDICTS[self.report["verdict"]]

    @property
    def findings(self) -> list[dict[str, Any]]:
        """Every check that did not simply pass (or every one there is), the failed ones first."""
        found = [c for c in self.report["checks"] if self.every_check or c["status"] in _FOUND]
        return sorted(found, key=lambda c: _ORDER.index(c["status"]))

    @property
    def passed(self) -> int:
        """How many checks passed."""
        return sum(c["status"] == "pass" for c in self.report["checks"])

    @property
    def causes(self) -> list[dict[str, Any]]:
        """The causes, with who acts in words and the steps as (vendor in words, text)."""
        return [
            {
                **d,
                "acts": WHO.get(d["who"], d["who"]),
                "steps": [(VENDORS.get(v, v), text) for v, text in d["fix"].items() if text],
            }
            for d in self.report["diagnosis"]
        ]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What the message is and how it was read and judged, as (what, value)."""
        r, m = self.report, self.report["message"]
        rows = [
            ("Message", m["kind"]),
            ("ID", m["id"]),
            ("Issuer", m["issuer"]),
            ("In response to", m["in_response_to"]),
            ("Binding", m["binding"]),
            ("Input", r["source"]),
            ("Decoded", ", ".join(m["layers"])),
            ("Repaired", ", ".join(m["repairs"])),
            ("Size", f"{m['bytes']:,} bytes"),
            ("SHA-256", m["sha256"]),
            ("Judged as of", r["evaluated_at"]),
            ("Tolerance", f"{r['clock_skew_s']} s"),
            ("Policy", r["policy"]),
        ]
        if r["verifiers"] != "both":
            rows.append(("Verified by", "one verifier only"))
        return [(what, value) for what, value in rows if value]

    @property
    def receipt(self) -> list[tuple[str, str]]:
        """What was masked, as (what, value); empty where the report is plain."""
        done = self.report.get("redaction")
        if done is None:
            return []
        return [
            ("Masked by", done["tool"]),
            ("Masked at", done["redacted_at"]),
            ("SHA-256 of the original", done["original_sha256"]),
            ("Verdict before masking", VERDICTS[done["verdict_before"]]),
            *((f"Masked {kind}", str(count)) for kind, count in done["masked"].items()),
        ]


def particulars(check: dict[str, Any]) -> list[tuple[str, str]]:
    """What a finding rests on, as (what, value): expected, actual and where, as far as there are any."""
    path, line = check.get("where"), check.get("line")
    place = f"{path} (line {line})" if path and line else path
    rows = (("expected", check.get("expected")), ("actual", check.get("actual")), ("where", place))
    return [(what, value) for what, value in rows if value]


def gather(
    report: Report,
    *,
    redacted: bool,
    at: datetime | None = None,
    key: bytes | None = None,
    original: str | bytes | None = None,
    every_check: bool = False,
) -> Content:
    """What to say of one report. NotRedacted where it cannot be masked.

    `at` is the time on the receipt (by default when the message was judged). `key` makes the stand-ins of several
    reports correspond (by default one that is made for this report and forgotten). `original` is what was pasted.
    `every_check` lists those that passed, too.
    """
    instants = tuple(_instants(report, exact=redacted))
    if not redacted:
        return Content(report.as_dict(), instants, every_check=every_check)
    done = redact(
        report, key=key or secrets.token_bytes(32), tool=TOOL, at=at or report.evaluated_at, original=original
    )
    if done.leaks:
        raise NotRedacted(" ".join(done.leaks))
    return Content(done.report, instants, done.text, done.decrypted, every_check)


def _instants(report: Report, *, exact: bool) -> Iterator[tuple[str, str]]:
    """The times of a message in order, those that cannot be read last. `exact`: what is no time is not shown."""
    rows: list[tuple[str, str | None]] = []
    if report.response is not None:
        rows.append(("Response issued", report.response.issue_instant))
    a = report.assertion
    if a is not None:
        rows.append(("Assertion issued", a.issue_instant))
        for s in a.authn_statements:
            rows += [("Signed in", s.authn_instant), ("Session ends", s.session_not_on_or_after)]
        for c in a.conditions:
            rows += [("Valid from", c.not_before), ("Valid until", c.not_on_or_after)]
        for confirmation in a.subject.confirmations if a.subject else ():
            rows += [("Confirmed from", confirmation.not_before), ("Confirmed until", confirmation.not_on_or_after)]
    read = [(what, text, read_instant(text).at) for what, text in rows if text is not None]
    known = [(at, what, iso(at) if exact else text) for what, text, at in read if at is not None]
    known.append((report.evaluated_at, "Judged as of", iso(report.evaluated_at)))
    yield from ((what, text) for _, what, text in sorted(known, key=lambda row: row[0]))
    yield from ((what, "not a time" if exact else text) for what, text, at in read if at is None)
