"""Curing a cause on our own side: what a message would come to under a change of our settings, and saving that change.

Only changes that a diagnosis proposes are made, and newer metadata that somebody gave; never a value of a message that
nobody vouches for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from app.accounts.provisioning import Change as FieldChange
from app.sso.base import OPERATOR
from app.sso.choices import BY_CHOICE
from app.sso.deciding import DecidingVerbs
from app.sso.errors import MetadataRefused, NotFound, Refused
from app.sso.inspection import InspectionVerbs
from app.sso.revisions import Difference, between, reading_of
from app.sso.values import Change, ConfigurationView, Overrides
from app.store import EventFilter

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.saml import Channel, Report
    from app.store import Revision, Transaction

#: What a proposal may change, beside metadata that is given.
_ENTITY_ID: Final = "entity_id"
METADATA: Final = "metadata"
#: How many attempts are looked through for one whose message is kept.
_RECENT: Final = 20


@dataclass(frozen=True, slots=True)
class Applied:
    """A change of our settings as it would be: what differs, and the same message judged before and after it.

    `setting` is "entity_id", "metadata" or the name of a choice; `why` says why it is proposed, `cost` what it costs.
    `refused` says why it must not be made, "" where it may be.
    """

    account: Account
    setting: str
    why: str
    cost: str
    based_on: int
    differences: tuple[Difference, ...]
    before: Report = field(repr=False)
    after: Report = field(repr=False)
    refused: str
    candidate: Revision = field(repr=False)
    audited: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """The last response of an account, judged as of its receipt under decisions that are not saved."""

    reference: str
    at: datetime
    report: Report = field(repr=False)


class ApplyingVerbs(InspectionVerbs, DecidingVerbs):
    """The part of SSO that takes a diagnosis up and changes our settings."""

    def preview_change(
        self,
        source: str | bytes,
        account: int | str | None,
        setting: str,
        *,
        at: datetime | Literal["issue"] | None = None,
        relay_state: str | None = None,
        name: str = "pasted",
        channel: Channel = "paste",
        of_event: str | None = None,
        metadata: bytes | None = None,
    ) -> Applied:
        """What the message would come to under the change that its diagnosis proposes. Nothing is stored.

        `setting` names the proposal; "metadata" is what was given as such. Of an event the stored message is judged,
        as of its receipt. Refused where no such change is proposed, or the metadata cannot be used.
        """
        if of_event is not None:
            source, account, at, channel = self._stored_message(of_event, source, account, channel)
        how: dict[str, Any] = {
            "at": at, "relay_state": relay_state, "name": name, "channel": channel, "of_event": of_event
        }  # fmt: skip
        before = self.inspect(source, account, **how)
        imagekit_id = before.expectation.account.imagekit_id if before.expectation.account else None
        if imagekit_id is None:
            raise Refused("change.no-account", "The message fits no account, so there is no setting to change.")
        now = self.now()
        with self.store.read() as tx:
            found = self._account(tx, imagekit_id)
            current = tx.current_revision(found.id)
            candidate, why, audited = self._proposed(tx, found, current, before, setting, metadata)
        after = self.inspect(source, imagekit_id, overrides=Overrides(candidate=candidate), **how)
        return Applied(
            account=found,
            setting=setting,
            why=why,
            cost=BY_CHOICE[setting].cost if setting in BY_CHOICE else _COSTS[setting],
            based_on=found.revision,
            differences=between(current, candidate, self.sp),
            before=before,
            after=after,
            refused=_why_not(setting, before, after, current, candidate, is_event=of_event is not None, now=now),
            candidate=candidate,
            audited=audited,
        )

    def try_choices(self, account: int | str, values: Mapping[str, Any]) -> Tried | None:
        """What the account's last response would come to under decisions that are not saved; None where none is kept.

        Refused with a sentence where a value does not fit. Nothing is stored.
        """
        wanted = self._wanted(values)
        with self.store.read() as tx:
            found = self._account(tx, account)
            recent = tx.events(EventFilter(account=found.id, kind="login"), limit=_RECENT)
            event = next((e for e in map(tx.event, (r.reference for r in recent)) if e and e.raw), None)
            current = tx.current_revision(found.id)
            after = self._together(current.choices if current else {}, wanted)
            candidate = self._candidate(current, found, choices=after)
        if event is None or event.raw is None:
            return None
        report = self.inspect(
            event.raw,
            found.id,
            at=event.judged_at or event.at,
            name=event.reference,
            channel="post-form",
            of_event=event.reference,
            overrides=Overrides(candidate=candidate),
        )
        return Tried(event.reference, event.at, report)

    def apply_change(self, preview: Applied, *, operator: str = OPERATOR) -> ConfigurationView:
        """Save a change that was previewed, as a new revision; restoring the one before takes it back.

        Refused where the preview says that it must not be made; Moved where somebody saved another revision since.
        """
        if preview.refused:
            raise Refused("change.unfit", preview.refused)
        c = preview.candidate
        changes = {n: getattr(c, n) for n in ("document", "idp_entity_id", "entity_id", "choices")}
        what = " ".join(f"{d}." for d in preview.differences)
        what = f"{what} Taken up from the inspector (message SHA-256 {preview.before.sha256[:16]})."
        with self.store.write() as tx:
            found = self._account_to_configure(tx, preview.account.id)
            self._check_unmoved(tx, found, preview.based_on, **changes)
            view = self._revise(tx, found, operator, what, audited=preview.audited, **changes)
        self.tell(Change("configuration", found.id, view.account.revision))
        return view

    # Steps

    def _stored_message(
        self, reference: str, source: str | bytes, account: int | str | None, channel: Channel
    ) -> tuple[str | bytes, int | str | None, datetime, Channel]:
        """The message of an attempt, so that nothing else can pass for it."""
        with self.store.read() as tx:
            event = tx.event(reference)
        if event is None or event.raw is None:
            raise NotFound(
                f"The message of {reference[:60]} is not kept (any more), so nothing can be taken up from it."
            )
        return event.raw, event.account_id or account, event.judged_at or event.at, "post-form"

    def _proposed(
        self,
        tx: Transaction,
        account: Account,
        current: Revision | None,
        before: Report,
        setting: str,
        metadata: bytes | None,
    ) -> tuple[Revision, str, tuple[FieldChange, ...]]:
        """(the revision as it would be, why it is proposed, what to write in the audit row)."""
        if setting == METADATA:
            if metadata is None:
                raise Refused("change.none", "Give the newer metadata of the identity provider first.")
            return self._with_metadata(account, current, metadata), _ROLLOVER, ()
        proposal = next((d.settings for d in before.diagnosis if d.settings and d.settings.field == setting), None)
        if proposal is None:
            raise Refused(
                "change.none",
                "Nothing about this message shows that this setting is the wrong side. Change it on the settings page "
                "if you know better.",
            )
        if setting == _ENTITY_ID:
            told = FieldChange(_ENTITY_ID, proposal.current or None, proposal.proposed or None, True, "inspector")
            made = self._candidate(current, account, entity_id=proposal.proposed or None)
            return made, proposal.sentence, (told,)
        if setting not in BY_CHOICE:
            raise Refused("change.none", f"The setting {setting} cannot be changed from here.")
        decided = dict(current.choices) if current else {}
        wanted = BY_CHOICE[setting].parsed(proposal.proposed)
        after = self._together(decided, self._wanted({setting: wanted}))
        audited = self._changes(tx, decided, after)
        return self._candidate(current, account, choices=after), proposal.sentence, audited

    def _with_metadata(self, account: Account, current: Revision | None, metadata: bytes) -> Revision:
        summary = self.read_metadata(metadata, entity=current.idp_entity_id if current else None)
        if summary.idp is None or not summary.usable:
            first = summary.problems[0] if summary.problems else "This is not metadata of an identity provider."
            raise MetadataRefused(first, summary.problems)
        return self._candidate(current, account, document=metadata, idp_entity_id=summary.idp.entity_id)


_COSTS: Final = {
    _ENTITY_ID: "Every login of this account must name this Identifier from then on; change it at the identity "
    "provider for everybody.",
    METADATA: "Whoever holds a key of the new metadata can let anybody in. Compare the thumbprint with the identity "
    "provider's administrator over another way than the one the metadata came.",
}
_ROLLOVER: Final = (
    "The metadata that you gave is the identity provider's newer one, if it comes from the identity provider itself "
    "and not with the message."
)
_NOW: Final = timedelta(minutes=2)


def _why_not(
    setting: str,
    before: Report,
    after: Report,
    current: Revision | None,
    candidate: Revision,
    *,
    is_event: bool,
    now: datetime,
) -> str:
    """Why a change must not be made, "" where it may be."""
    if setting == METADATA:
        unfit = _unfit_metadata(after, current, candidate)
        if unfit:
            return unfit
    elif setting == "clock_skew_s" and not is_event:
        # The time between receiving a message and pasting it says nothing of any clock; only the future does.
        ahead = any(d.id == "clock-ahead" for d in before.diagnosis)
        if not ahead or abs(now - before.evaluated_at) > _NOW:
            return (
                "A pasted message does not tell when it was received, so it cannot show that a clock is wrong. Open "
                "the attempt in the log: there it is judged as of its receipt."
            )
    if setting != METADATA and any(d.settings is not None and d.settings.field == setting for d in after.diagnosis):
        return "The same cause would still be there after the change, so it cures nothing."
    if {c.id for c in after.blocking} - {c.id for c in before.blocking}:
        return "With the change something would be wrong that is right now, so it is not made from here."
    if len(after.blocking) >= len(before.blocking):
        return "The message would be judged as now, so the change cures nothing."
    return ""


def _unfit_metadata(after: Report, current: Revision | None, candidate: Revision) -> str:
    if current is None or current.document is None:
        return (
            "No metadata is saved for this account yet. Save the first on the settings page, where all of it is shown."
        )
    if candidate.idp_entity_id != current.idp_entity_id:
        return (
            f"The metadata is of another identity provider ({candidate.idp_entity_id}) than the saved one "
            f"({current.idp_entity_id}). Change that on the settings page."
        )
    if not any(s.status == "valid" and s.trusted for s in after.signatures):
        return "No key of that metadata verifies this message, so it is no proof of a rollover."
    old, new = reading_of(current).idp, reading_of(candidate).idp
    if old is not None and new is not None and set(new.sso_urls) != set(old.sso_urls):
        return "The metadata changes where people log in, too. Look at it on the settings page before saving it."
    return ""
