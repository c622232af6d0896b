"""The inspector's work off the GUI thread: judge a message and lay it out for the eye. No Qt, nothing stored."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from app.gui.files import FileRefused
from app.gui.widgets import visible
from app.gui.wording import exact, plural
from app.saml.checks.replay import first_end
from app.saml.outline import Outline, outline
from app.saml.report import Report, inspect, issue_instant_of
from app.sso import Overrides

if TYPE_CHECKING:
    from app.saml.decoding import Channel
    from app.saml.expectation import Expectation
    from app.saml.report import ProvisioningSummary
    from app.sso import SSO
    from app.store import EventRecord

#: What a message can be judged against beside the accounts.
NOTHING: Final = ""
WHOEVER_FITS: Final = "*"
#: Files larger than this hold no message. What is just too large is refused by the decoder, in its own sentence.
MOST_BYTES: Final = 4_194_304

_MOST_TEXT: Final = 400_000
_LONG_LINE: Final = 2_000
_RAW_LINE: Final = 160
_FIELDS: Final = {"email": "NameID", "full_name": "full_name", "role": "imagekit_role"}
_METADATA: Final = re.compile(rb"<(?:[\w.-]+:)?(?:EntityDescriptor|EntitiesDescriptor)[\s>]")
_REFERENCE: Final = re.compile(r"[a-z]+(?:-[a-z]+){1,3}-[0-9]{2,4}")

When = datetime | Literal["issue"] | None


@dataclass(frozen=True, slots=True)
class Subject:
    """A message to judge. `received_at` is set where it comes from the log, `reference` then names the event.

    `judged` is the report of a trial on it, made against an account that is gone: shown until something else is asked.
    """

    source: str | bytes = field(repr=False)
    name: str = "pasted"
    channel: Channel = "paste"
    overrides: Overrides = Overrides()  # noqa: RUF009  frozen
    account: str | None = None
    reference: str | None = None
    received_at: datetime | None = None
    sample: bool = False
    judged: Report | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Examined:
    """A judged message with everything the page shows. `now` is the real time, `report.evaluated_at` the judged one."""

    subject: Subject
    report: Report
    outline: Outline
    text: str
    inner: Outline | None
    inner_text: str
    raw: str
    now: datetime
    expires_at: datetime | None

    @property
    def live(self) -> bool:
        """Whether somebody who holds this message could log in with it now."""
        signed = any(s.status == "valid" for s in self.report.signatures)
        return signed and self.expires_at is not None and self.expires_at > self.now


def examine(sso: SSO, subject: Subject, against: str, at: When) -> Examined:
    """Judge a message against an account, against whoever fits, or against nothing, as of `at` (None: now)."""
    if subject.judged is not None and against == WHOEVER_FITS and _same_second(at, subject.received_at):
        report = subject.judged
    elif against == NOTHING:
        report = _judged_by(sso.expectation_for(None), sso.now(), subject, at)
    elif subject.sample:
        # The account does not know the IdP of the sample; it is judged as if it did, and nobody is provisioned.
        account = None if against == WHOEVER_FITS else against
        expectation = replace(sso.expectation_for(account, overrides=subject.overrides), trusted_test_idp=True)
        report = _judged_by(expectation, sso.now(), subject, at)
    else:
        report = sso.inspect(
            subject.source,
            None if against == WHOEVER_FITS else against,
            at=at,
            overrides=subject.overrides,
            name=subject.name,
            channel=subject.channel,
            of_event=subject.reference,
        )
    signed = frozenset(s.id for s in report.signatures if s.id and s.trusted and s.status == "valid")
    whole = outline(report.xml, signed)
    inner = outline(report.decrypted_xml, signed) if report.decrypted_xml else None
    raw = subject.source.decode("utf-8", "replace") if isinstance(subject.source, bytes) else subject.source
    return Examined(
        subject=subject,
        report=report,
        outline=whole,
        text=shown(whole.text),
        inner=inner,
        inner_text=shown(inner.text) if inner else "",
        raw=shown(broken(raw)),
        now=sso.now(),
        expires_at=first_end(report.assertion) if report.assertion else None,
    )


def _same_second(at: When, instant: datetime | None) -> bool:
    return isinstance(at, datetime) and instant is not None and int(at.timestamp()) == int(instant.timestamp())


def _judged_by(expectation: Expectation, now: datetime, subject: Subject, at: When) -> Report:
    when = at if isinstance(at, datetime) else now
    report = inspect(subject.source, expectation, now=when, channel=subject.channel, name=subject.name)
    issued = issue_instant_of(report) if at == "issue" else None
    if issued is None:
        return report
    return inspect(subject.source, expectation, now=issued, channel=subject.channel, name=subject.name)


def shown(text: str) -> str:
    """A document as the window shows it: invisible characters written out, very long lines and texts cut, and told."""
    cut = text[:_MOST_TEXT]
    lines = [
        line if len(line) <= _LONG_LINE else f"{line[:_LONG_LINE]}… ({len(line):,} characters)"
        for line in cut.split("\n")
    ]
    if len(text) > _MOST_TEXT:
        lines.append(f"… ({len(text) - _MOST_TEXT:,} more characters are not shown; they were judged.)")
    return visible("\n".join(lines))


def broken(text: str) -> str:
    """Text with its long lines broken, so that a message on one line can be shown."""
    out = []
    for line in text[: _MOST_TEXT + 1].replace("\r\n", "\n").split("\n"):
        out += [line[i : i + _RAW_LINE] for i in range(0, len(line), _RAW_LINE)] or [""]
    return "\n".join(out) + text[_MOST_TEXT + 1 :]


def subject_of(event: EventRecord, imagekit_id_of: Callable[[int], str]) -> Subject | None:
    """The message of an event, to be judged as of its receipt; None where it is not kept (any more)."""
    if event.raw is None:
        return None
    return Subject(
        source=event.raw,
        name=event.reference,
        channel="post-form",
        account=imagekit_id_of(event.account_id) if event.account_id is not None else None,
        reference=event.reference,
        received_at=event.judged_at or event.at,
    )


def load_event(sso: SSO, reference: str) -> Subject | None:
    """Read an event's message from the log."""
    return subject_of(sso.event(reference), lambda i: sso.account(i).imagekit_id)


def is_reference(text: str) -> bool:
    """Whether this is the reference of an event rather than a message."""
    return len(text) < 80 and _REFERENCE.fullmatch(text.strip().lower()) is not None


def is_metadata(path: Path) -> bool:
    """Whether a file looks like metadata, which is for Settings. FileRefused where it is no regular file."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FileRefused(f"{path.name} is not a regular file. Drop a file with a message.")
        with path.open("rb") as f:
            head = f.read(16_384)
    except OSError as e:
        raise FileRefused(f"{path.name} cannot be read: {e.strerror or e}. Check the path and its permissions.") from e
    return _METADATA.search(head.replace(b"\0", b"")) is not None


def sample_subject(sso: SSO, imagekit_id: str) -> Subject:
    """A fresh response whose role is misspelt, to be judged as if the account trusted the IdP that made it."""
    from app.sample import make_sample  # the simulator is loaded only where somebody asks for the sample

    values = sso.sp_values(imagekit_id)
    made = make_sample(sso.now, imagekit_id=imagekit_id, entity_id=values.entity_id, acs_url=values.acs_url)
    return Subject(made.message, "sample", overrides=Overrides(idp_metadata=made.metadata), sample=True)


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim, and what a login would do with it."""

    name: str
    value: str
    provenance: str
    use: str


def claim_rows(report: Report) -> list[ClaimRow]:
    """The NameID and every attribute value, each with what provisioning does with it."""
    uses: dict[str, str] = {}
    if report.provisioning is not None:
        for name, old, new, applied in report.provisioning.changes:
            was = f"was {old}" if old else "new"
            uses[_FIELDS.get(name, name)] = f"Stored ({was})" if applied else f"Kept as {old}; {new} is not taken over"
    rows = []
    if report.name_id is not None:
        rows.append(ClaimRow("NameID", report.name_id, report.name_id_provenance, uses.get("NameID", "")))
    for a in report.attributes:
        name, use = a.name or a.friendly_name or "", uses.get(a.name, "")
        rows.extend(ClaimRow(name, value, a.provenance, use) for value in a.values or ("",))
    return rows


def provisioning_sentence(p: ProvisioningSummary | None) -> str:
    """What a login with this message would do, with the seats."""
    if p is None:
        return "What a login would do is not known: the message was not judged against an account."
    seats = f" Seats after it: {p.seats_used} of {p.seats_limit}." if p.seats_used is not None else ""
    outcome = p.outcome.replace("_", " ")
    return f"A login with it {outcome}: {p.message}{seats}"


def form_of(report: Report) -> str:
    """What was pasted, in a few words."""
    layers = ", ".join(report.layers) or "not decoded"
    repairs = f", {plural(len(report.repairs), 'repair')}" if report.repairs else ""
    return f"{report.kind if report.kind != 'other' else 'No message'} ({layers}{repairs}), {report.size:,} bytes."


def provenance_of(report: Report) -> str:
    told = [f"Judged as of\n{exact(report.evaluated_at)}", f"SHA-256 {report.sha256}"]
    return "\n".join(told + [f"Repaired: {r}" for r in report.repairs])


def clock(length: timedelta) -> str:
    """A length of time to the second: "3 min 12 s", "2 h 5 min", "3 days"."""
    seconds = int(abs(length).total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 172_800:
        return f"{seconds // 3_600} h {seconds % 3_600 // 60} min"
    return f"{seconds // 86_400} days"
