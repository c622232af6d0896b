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

from app.gui.axis import Axis, axis_of
from app.gui.files import FileRefused, read_file
from app.gui.widgets import visible
from app.gui.wording import plural
from app.saml.certificate_list import CertificateList, list_certificates
from app.saml.checks.replay import first_end
from app.saml.moments import Moment, read_moments
from app.saml.outline import Outline, outline
from app.saml.report import Report, inspect, issue_instant_of
from app.sso import Overrides, Refused

if TYPE_CHECKING:
    from app.gui.jobs import Progress
    from app.saml.compare_sources import Source
    from app.saml.decoding import Channel
    from app.saml.expectation import Expectation
    from app.saml.intake import Intake, Piece
    from app.saml.report import ProvisioningSummary
    from app.sso import SSO, HeldKey
    from app.store import EventRecord

#: What a message can be judged against beside the accounts.
NOTHING: Final = ""
WHOEVER_FITS: Final = "*"
PASTED: Final = "#metadata"
#: Files larger than this hold no message. What is just too large is refused by the decoder, in its own sentence.
MOST_BYTES: Final = 4_194_304

_MOST_KEY: Final = 1_048_576
_MOST_TEXT: Final = 400_000
_LONG_LINE: Final = 2_000
_FIELDS: Final = {"email": "NameID", "full_name": "full_name", "role": "imagekit_role"}
_METADATA: Final = re.compile(rb"<(?:[\w.-]+:)?(?:EntityDescriptor|EntitiesDescriptor)[\s>]")
_REFERENCE: Final = re.compile(r"[a-z]+(?:-[a-z]+){1,3}-[0-9]{2,4}")

When = datetime | Literal["issue"] | None


@dataclass(frozen=True, slots=True)
class Subject:
    """A message to judge. `received_at` is set where it comes from the log, `reference` then names the event.

    `piece` tells what it was taken out of, and when it was recorded. `whole` is False for what must be taken in first.
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
    piece: Piece | None = field(default=None, repr=False)

    @property
    def whole(self) -> bool:
        """Whether it is one message already, rather than something that may hold several."""
        return bool(self.piece or self.received_at or self.sample or self.judged or self.reference)

    @property
    def as_of(self) -> datetime | None:
        """When it was received or recorded: what it should be judged as of. None: now."""
        return self.received_at or (self.piece.captured_at if self.piece is not None else None)

    @property
    def relay_state(self) -> str | None:
        """The RelayState that was recorded beside it."""
        return self.piece.relay_state if self.piece is not None else None


@dataclass(frozen=True, slots=True)
class Taken:
    """What was pasted or opened, taken apart. `is_plain`: it is one message and nothing more is to be told of it."""

    intake: Intake | None
    subjects: tuple[Subject, ...]

    @property
    def is_plain(self) -> bool:
        """Whether there is one message, and nothing to tell beside it."""
        i = self.intake
        return len(self.subjects) == 1 and (i is None or not (i.trace or i.errors or i.problems or i.notes))


def take(subject: Subject) -> Taken:
    """Take apart what was pasted or opened: HAR, SAML-tracer, mail, archive, log, page, error text, or one message."""
    from app.saml.intake import take_in

    if subject.whole:
        return Taken(None, (subject,))
    intake = take_in(subject.source, name=subject.name)
    return Taken(
        intake,
        tuple(
            replace(subject, source=p.source, name=p.name, channel=p.channel, piece=p if p.layers or p.step else None)
            if len(intake.pieces) > 1 or p.layers or p.source is not subject.source
            else subject
            for p in intake.pieces
        ),
    )


@dataclass(frozen=True, slots=True)
class Judging:
    """What a message is judged by: an account, whoever fits, nothing, or pasted metadata; as of when; how strictly.

    `account` is the one in hand: pasted metadata is judged by as if that account trusted it.
    """

    against: str = WHOEVER_FITS
    at: When = None
    policy: Literal["strict", "diagnose"] = "strict"
    metadata: bytes | None = field(default=None, repr=False)
    account: str = ""


@dataclass(frozen=True, slots=True)
class Laid:
    """A document for the eye: its outline, and the pretty text as it is shown."""

    outline: Outline
    text: str


@dataclass(frozen=True, slots=True)
class Examined:
    """A judged message with everything the page shows. `now` is the real time, `report.evaluated_at` the judged one.

    `received` are the very bytes that were pasted or read. `good` is from when until when the message's own instants
    let it in, without any skew.
    """

    subject: Subject
    report: Report
    document: Laid
    inner: Laid | None
    received: bytes = field(repr=False)
    moments: tuple[Moment, ...]
    axis: Axis | None
    good: tuple[datetime, datetime] | None
    certificates: CertificateList
    now: datetime
    expires_at: datetime | None

    @property
    def live(self) -> bool:
        """Whether somebody who holds this message could log in with it now."""
        signed = any(s.status == "valid" for s in self.report.signatures)
        return signed and self.expires_at is not None and self.expires_at > self.now

    def same_documents(self, other: Examined | None) -> bool:
        """Whether the other shows the same bytes with the same marks, so that they need not be laid out again."""
        return (
            other is not None
            and self.subject.source == other.subject.source
            and self.document is other.document
            and self.inner is other.inner
        )

    def laid_with(self, where: str | None) -> Laid | None:
        """The document that holds this place, the outer one first; None where neither does."""
        for laid in (self.document, self.inner):
            if laid is not None and laid.outline.node_of(where) is not None:
                return laid
        return None

    def provenance(self, where: str | None) -> str:
        """Who vouches for a place: "signed-by-assertion", "signed-by-response", "unsigned"; "" where it has none."""
        laid = self.laid_with(where)
        node = laid.outline.node_of(where) if laid is not None else None
        if node is None or where is None or "/ds:Signature" in where:
            return ""
        if not node.signed:
            return "unsigned"
        if laid is self.inner and self.report.assertion is not None:
            return self.report.assertion.provenance
        inside = "/saml:Assertion" in where
        own = any(s.covers == "Assertion" and s.trusted and s.status == "valid" for s in self.report.signatures)
        return "signed-by-assertion" if inside and own else "signed-by-response"


def examine(sso: SSO, subject: Subject, judging: Judging, before: Examined | None = None) -> Examined:
    """Judge a message by what `judging` says, and lay it out. What `before` has laid out already is not done again."""
    report = _judged(sso, subject, judging)
    signed = _signed_ids(report)
    if before is not None and before.report.xml == report.xml and _signed_ids(before.report) == signed:
        whole = before.document
        same = before.report.decrypted_xml == report.decrypted_xml and _inner_ids(before.report) == _inner_ids(report)
        inner = before.inner if same else _laid(report.decrypted_xml, _inner_ids(report))
    else:
        whole = _laid(report.xml, signed) or Laid(Outline(None, "", {}), "")
        inner = _laid(report.decrypted_xml, _inner_ids(report))
    moments = tuple(read_moments(report.response, report.assertion))
    known = [m.instant.at for m in moments if m.instant.at is not None]
    source = subject.source
    return Examined(
        subject=subject,
        report=report,
        document=whole,
        inner=inner,
        received=source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass"),
        moments=moments,
        axis=axis_of(known, margin=timedelta(seconds=report.clock_skew_s + 60)),
        good=_good(moments),
        certificates=_certificates(report),
        now=sso.now(),
        expires_at=first_end(report.assertion) if report.assertion else None,
    )


def _judged(sso: SSO, subject: Subject, judging: Judging) -> Report:
    against, at = judging.against, judging.at
    overrides = replace(subject.overrides, policy=judging.policy)
    as_strict = judging.policy == "strict"
    if subject.judged is not None and as_strict and against == WHOEVER_FITS and _same_second(at, subject.received_at):
        return subject.judged
    if against == NOTHING:
        expectation = sso.expectation_for(None, overrides=Overrides(policy=judging.policy))
        return _whole(_judged_by(expectation, sso.now(), subject, at), subject)
    account = None if against == WHOEVER_FITS else against
    if against == PASTED:
        account = judging.account or None
        overrides = replace(overrides, idp_metadata=judging.metadata)
    elif subject.sample:
        # The account does not know the IdP of the sample; it is judged as if it did, and nobody is provisioned.
        expectation = replace(sso.expectation_for(account, overrides=overrides), trusted_test_idp=True)
        return _whole(_judged_by(expectation, sso.now(), subject, at), subject)
    report = sso.inspect(
        subject.source,
        account,
        at=at,
        overrides=overrides,
        relay_state=subject.relay_state,
        name=subject.name,
        channel=subject.channel,
        of_event=subject.reference,
    )
    return _whole(report, subject)


def _whole(report: Report, subject: Subject) -> Report:
    """The report with the containers that the message was taken out of."""
    from app.saml.intake import of_piece

    return report if subject.piece is None else of_piece(report, subject.piece)


def _signed_ids(report: Report) -> frozenset[str]:
    return frozenset(s.id for s in report.signatures if s.id and s.trusted and s.status == "valid")


def _inner_ids(report: Report) -> frozenset[str]:
    """Of a decrypted assertion: its own signature, or that of the Response which covers the encrypted data."""
    a = report.assertion
    covered = a is not None and a.id and a.provenance == "signed-by-response"
    return _signed_ids(report) | ({a.id} if a is not None and a.id and covered else frozenset())


def _laid(data: bytes | None, signed: frozenset[str]) -> Laid | None:
    if data is None:
        return None
    made = outline(data, signed)
    return Laid(made, shown(made.text))


def _good(moments: tuple[Moment, ...]) -> tuple[datetime, datetime] | None:
    begins = [m.instant.at for m in moments if m.role in ("not-before", "issued") and m.instant.at is not None]
    ends = [m.instant.at for m in moments if m.role == "not-on-or-after" and m.instant.at is not None]
    # Issuing alone begins nothing, where NotBefore says from when on the message is good.
    own = [m.instant.at for m in moments if m.role == "not-before" and m.instant.at is not None]
    if not ends or not begins:
        return None
    first, last = max(own or begins), min(ends)
    return (first, last) if first < last else None


def _certificates(report: Report) -> CertificateList:
    verified: dict[str, tuple[str, ...]] = {}
    for s in report.signatures:
        if s.status == "valid" and s.key:
            verified[s.key] = (*verified.get(s.key, ()), s.covers)
    expectation = report.expectation
    return list_certificates(
        [d for d in (report.xml, report.decrypted_xml) if d],
        expectation.trusted_keys,
        verified,
        known_test_keys=expectation.known_test_keys,
    )


def _same_second(at: When, instant: datetime | None) -> bool:
    return isinstance(at, datetime) and instant is not None and int(at.timestamp()) == int(instant.timestamp())


def _judged_by(expectation: Expectation, now: datetime, subject: Subject, at: When) -> Report:
    when = at if isinstance(at, datetime) else now

    def as_of(moment: datetime) -> Report:
        return inspect(
            subject.source,
            expectation,
            now=moment,
            channel=subject.channel,
            relay_state=subject.relay_state,
            name=subject.name,
        )

    report = as_of(when)
    issued = issue_instant_of(report) if at == "issue" else None
    return report if issued is None else as_of(issued)


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


def beside_last_good(sso: SSO, subject: Subject, name_id: str, account: str) -> tuple[Source, Source]:
    """(last accepted login of the same person, this message), to be compared. NotFound with a sentence otherwise."""
    if subject.reference is not None:
        good, message = sso.beside_last_good(subject.reference)
        return good.source, message
    if not name_id:
        raise Refused("compare.nobody", "This message names nobody, so there is no login of theirs to compare with.")
    from app.saml.compare_sources import Source

    return sso.last_good_login(name_id, account).source, Source(subject.source, subject.name)


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
    from app.lab.sample import make_sample  # the simulator is loaded only where somebody asks for the sample

    values = sso.sp_values(imagekit_id)
    made = make_sample(sso.now, imagekit_id=imagekit_id, entity_id=values.entity_id, acs_url=values.acs_url)
    return Subject(made.message, "sample", overrides=Overrides(idp_metadata=made.metadata), sample=True)


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim, what a login would do with it, and the XPath of its value."""

    name: str
    value: str
    provenance: str
    use: str
    where: str = ""


def claim_rows(report: Report) -> list[ClaimRow]:
    """The NameID and every attribute value, each with what provisioning does with it."""
    uses: dict[str, str] = {}
    if report.provisioning is not None:
        for name, old, new, applied in report.provisioning.changes:
            was = f"was {old}" if old else "new"
            uses[_FIELDS.get(name, name)] = f"Stored ({was})" if applied else f"Kept as {old}; {new} is not taken over"
    rows = []
    a = report.assertion
    if report.name_id is not None and a is not None and a.subject is not None:
        place = a.subject.name_ids[0].text.at.path
        rows.append(ClaimRow("NameID", report.name_id, report.name_id_provenance, uses.get("NameID", ""), place))
    for attribute in a.attributes if a is not None else ():
        name = attribute.name or attribute.friendly_name or ""
        use = uses.get(attribute.name or "", "")
        provenance = a.provenance if a is not None else "unsigned"
        rows.extend(ClaimRow(name, v.text.value, provenance, use, v.text.at.path) for v in attribute.values)
        if not attribute.values:
            rows.append(ClaimRow(name, "", provenance, use, attribute.at.path))
    return rows


_WOULD: Final = {
    "would_create": "would create the user",
    "would_recreate": "would create the user anew",
    "would_update": "would update the user",
    "would_update_partially": "would update the user in part",
    "would_link": "would be the first of a user who was added by hand",
    "would_reject": "would be refused",
}


def provisioning_sentence(p: ProvisioningSummary | None) -> str:
    """What a login with this message would do, with the seats."""
    if p is None:
        return "What a login would do is not known: the message was not judged against an account."
    seats = f" Seats after it: {p.seats_used} of {p.seats_limit}." if p.seats_used is not None else ""
    return f"A login with it {_WOULD.get(p.outcome, p.outcome.replace('_', ' '))}: {p.message}{seats}"


def state_of(report: Report) -> str:
    """The verdict as one of STATES: what is no login can be sound, but nobody is let in by it."""
    login = report.kind in ("Response", "Assertion", "other")
    return report.verdict if login or report.verdict != "accept" else "sound"


def form_of(report: Report) -> str:
    """What was pasted, in a few words."""
    layers = ", ".join(report.layers) or "not decoded"
    repairs = f", {plural(len(report.repairs), 'repair')}" if report.repairs else ""
    return f"{report.kind if report.kind != 'other' else 'No message'} ({layers}{repairs}), {report.size:,} bytes."


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


def name_of_metadata(sso: SSO, document: bytes) -> str:
    """The entity ID of the identity provider in metadata. Refused in one sentence where it cannot be judged by."""
    summary = sso.read_metadata(document)
    if summary.idp is None:
        first = str(summary.problems[0]) if summary.problems else "It holds no identity provider."
        raise Refused("inspect.metadata", f"The metadata cannot be used. {first}")
    return summary.idp.entity_id


def hold_key_file(sso: SSO, path: Path, password: str, remember: bool) -> HeldKey:
    """Use the private key in a file. Raises FileRefused or Refused with a sentence."""
    data = read_file(path, _MOST_KEY)
    return sso.hold_key(data, password=password or None, name=path.name, remember=remember)


def survey(
    progress: Progress, sso: SSO, subjects: tuple[Subject, ...], judging: Judging
) -> tuple[tuple[str, str, str], ...]:
    """(kind, verdict, headline) of each message, as of its own time where it was recorded; it stops when cancelled."""
    found: list[tuple[str, str, str]] = []
    for number, subject in enumerate(subjects):
        if progress.cancelled:
            break
        progress.report(number, len(subjects), subject.name)
        report = _judged(sso, subject, replace(judging, at=subject.as_of or judging.at))
        found.append((report.kind, state_of(report), report.headline))
    return tuple(found)
