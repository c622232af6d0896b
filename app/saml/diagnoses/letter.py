"""A message for the administrator of the identity provider: what is wrong, what we expect, where to change it.

Plain text, without markup and without secrets. It names no person unless that is the very thing that is wrong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from app.saml.diagnoses.knowledge import knowledge_of
from app.saml.instants import stamp
from app.saml.likeness import show

if TYPE_CHECKING:
    from app.saml.report import DiagnosisRow, Report

_NAMES: Final = {
    "generic": "your identity provider",
    "entra": "Microsoft Entra ID",
    "okta": "Okta",
    "onelogin": "OneLogin",
    "adfs": "AD FS",
}
_OPENING: Final = {
    "idp-admin": "cannot work as your identity provider sends it. It needs a change on your side.",
    "sp-admin": "does not work. It may need a change on our side, for which we ask you to look at the following.",
    "user": "did not work. Nothing may be wrong with your settings; this is what we saw.",
}
_ADDRESS: Final = re.compile(r"([^\s@<>\"'“”(),;:=]{1,64})@([^\s@<>\"'“”(),;:=]{1,255})")
_QUERY: Final = re.compile(r"(https?://[^\s?#\"'“”]{1,2000})\?[^\s\"'“”]*")
_LONGEST: Final = 700
#: Causes in which the address or name itself is the evidence.
_ABOUT_THE_PERSON: Final = frozenset(
    {"nameid-not-email", "nameid-look-alike", "nameid-foreign-domain", "full-name-odd", "user-not-allowed"}
)


def messages_for_admin(rows: tuple[DiagnosisRow, ...], report: Report, vendor: str = "generic") -> str:
    """The causes as one letter, what blocks the login first; without any, the verdict alone.

    `vendor` chooses the steps; "generic" where there are none of its own. E-mail addresses and the NameID are masked
    unless they are what is wrong; queries of URLs are left out.
    """
    open_about_person = any(r.id in _ABOUT_THE_PERSON for r in rows)
    subject = ""
    if report.name_id:
        subject = f" of {show(report.name_id, 120) if open_about_person else masked(report.name_id)}"
    opening = _OPENING[rows[0].who] if rows else "was judged by us."
    lines = ["Hello,", "", f"a SAML sign-in{subject} {opening}"]
    if not rows:
        lines += ["", report.headline]
    for row in rows:
        lines += ["", *_about(row, vendor)]
    lines += ["", *_facts(report), "", "Thank you."]
    text = "\n".join(lines)
    return text if open_about_person else _without_persons(text, report)


def _about(row: DiagnosisRow, vendor: str) -> list[str]:
    lines = [f"What is wrong: {row.title}", show(row.cause, _LONGEST)]
    if row.expected:
        lines.append(f"We expect: {show(row.expected, 300)}")
    if row.actual is not None:
        lines.append(f"We got: {show(row.actual, 300) or 'nothing'}")
    lines += [f"Where: {e.where}{f' (line {e.line})' if e.line else ''}" for e in row.evidence[:2]]
    if row.confidence != "certain":
        lines.append(f"How sure we are: {row.confidence}. {row.because}")
    chosen = vendor if vendor in row.steps else "generic"
    steps = row.steps.get(chosen, ())
    if steps:
        lines += ["", f"What to change at {_NAMES[chosen]}:"]
        lines += [f"{number}. {step}" for number, step in enumerate(steps, 1)]
    if chosen != "generic":
        known = knowledge_of(row.stage, row.id)
        sure = " and not confirmed by a document of the vendor" if chosen in known.unconfirmed else ""
        lines.append(f"(The labels are as of {known.last_checked}{sure}; they may have changed.)")
    return lines


def _facts(report: Report) -> list[str]:
    """What finds the login again in the other side's log."""
    issued = report.response.issue_instant if report.response else None
    if issued is None and report.assertion is not None:
        issued = report.assertion.issue_instant
    lines = ["To find it in your log:"]
    for name, value in (
        ("Issued", issued),
        ("Message ID", report.message_id),
        ("Assertion ID", report.assertion.id if report.assertion else None),
        ("In response to", report.in_response_to),
        ("Issuer", report.issuer),
    ):
        if value:
            lines.append(f"- {name}: {show(value, 200)}")
    lines.append(f"- Judged by us as of {stamp(report.evaluated_at)}.")
    return lines


def masked(value: str) -> str:
    """An address with its first letter only; of anything else, nothing but its length."""
    found = _ADDRESS.fullmatch(value.strip())
    if found is not None:
        return f"{show(found[1][:1], 5)}…@{show(found[2], 120)}"
    return f"somebody (a NameID of {len(value)} characters)"


def _without_persons(text: str, report: Report) -> str:
    """The text without addresses, without the person's names, and without the queries of URLs."""
    personal = [report.name_id or ""]
    personal += [v for a in report.attributes if "name" in a.name.lower() for v in a.values]
    text = _QUERY.sub(r"\1?…", text)
    text = _ADDRESS.sub(lambda m: f"{m[1][:1]}…@{m[2]}", text)
    for value in sorted((v for v in personal if len(v.strip()) > 2 and "@" not in v), key=len, reverse=True):
        text = text.replace(value, "…").replace(show(value), "…")
    return text
