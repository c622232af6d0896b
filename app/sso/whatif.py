"""What a candidate configuration would have made of logins that the log still holds; nothing is stored by it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.sso.deciding import DecidingVerbs
from app.sso.errors import MetadataRefused
from app.sso.inspection import InspectionVerbs
from app.sso.revisions import Difference, between, same_settings
from app.sso.values import Overrides

if TYPE_CHECKING:
    from app.saml import Report
    from app.store import Revision


@dataclass(frozen=True, slots=True)
class Candidate:
    """Settings that are not saved, and what they change. `like_now` are the revisions that judge as the current one."""

    imagekit_id: str
    revision: Revision
    like_now: frozenset[int]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Rejudged:
    """One stored login: whether the person is let in now, and would be under the candidate; `why` where they differ."""

    reference: str
    at: datetime
    email: str
    full_name: str
    now: bool
    then: bool
    why: str

    @property
    def differs(self) -> bool:
        """Whether the candidate decides otherwise."""
        return self.now != self.then


class WhatIfVerbs(InspectionVerbs, DecidingVerbs):
    """The part of SSO that tries settings on the past."""

    def candidate(
        self, account: int | str, *, document: bytes | str | None = None, entity: str | None = None, **changes: Any
    ) -> Candidate:
        """The account's settings with some changed: metadata, or fields of a revision (entity_id, choices).

        MetadataRefused, or Refused, for what could not be saved either.
        """
        if "entity_id" in changes:
            changes["entity_id"] = self._identifier(changes["entity_id"])
        if document is not None:
            data = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else bytes(document)
            summary = self.read_metadata(data, entity=entity)
            if summary.idp is None or not summary.usable:
                first = summary.problems[0] if summary.problems else "This is not metadata of an identity provider."
                raise MetadataRefused(first, summary.problems)
            changes |= {"document": data, "idp_entity_id": summary.idp.entity_id}
        return self._tried(account, changes)

    def decided_candidate(self, account: int | str, values: Mapping[str, Any]) -> Candidate:
        """The account's settings with other decisions: rules, claims, roles, RelayState; None leaves it to the default.

        Refused with a sentence where a value does not fit.
        """
        wanted = self._wanted(values)
        with self.store.read() as tx:
            current = tx.current_revision(self._account(tx, account).id)
        return self._tried(account, {"choices": self._together(current.choices if current else {}, wanted)})

    def earlier_candidate(self, account: int | str, number: int) -> Candidate:
        """What restoring a revision would be. NotFound if there is none of that number."""
        with self.store.read() as tx:
            found = self._account(tx, account)
            wanted = self._numbered({r.number: r for r in tx.revisions(found.id)}, found, number)
        said = {n: getattr(wanted, n) for n in ("document", "idp_entity_id", "entity_id", "choices")}
        return self._tried(account, said)

    def _tried(self, account: int | str, changes: Mapping[str, Any]) -> Candidate:
        with self.store.read() as tx:
            found = self._account(tx, account)
            revisions = tx.revisions(found.id)
        current = revisions[0] if revisions else None
        made = self._candidate(current, found, **changes)
        alike = itertools.takewhile(lambda r: same_settings(r, revisions[0]), revisions)
        return Candidate(found.imagekit_id, made, frozenset(r.number for r in alike), between(current, made, self.sp))

    def stored_logins(self, account: int | str, limit: int) -> tuple[str, ...]:
        """The references of the newest live logins whose message is kept, newest first."""
        with self.store.read() as tx:
            return tx.logins_with_message(self._account(tx, account).id, limit)

    def rejudge(self, reference: str, candidate: Candidate) -> Rejudged | None:
        """Judge a stored login as of its receipt under the candidate; None where its message is not kept any more.

        One verifier does it, which is enough for a forecast. How it is judged now is asked only where the log does not
        say so already.
        """
        with self.store.read() as tx:
            event = tx.event(reference)
        if event is None or event.raw is None:
            return None

        def judged(revision: Revision | None) -> Report:
            return self.inspect(
                event.raw or b"",
                candidate.imagekit_id,
                at=event.judged_at or event.at,
                overrides=Overrides(candidate=revision, verifiers="ours"),
                name=reference,
                channel="post-form",
                of_event=reference,
            )

        recorded = event.outcome not in ("rejected", "error")
        after = judged(candidate.revision)
        then = after.verdict == "accept"
        before = None
        if then != recorded or event.revision not in candidate.like_now:
            before = judged(None)
        now = recorded if before is None else before.verdict == "accept"
        why = "" if now == then else _why(after if not then else before or after)
        return Rejudged(reference, event.at, event.email_key or event.name_id or "", event.full_name, now, then, why)


def _why(report: Report) -> str:
    """Why somebody is not let in, in one sentence."""
    if report.diagnosis:
        return report.diagnosis[0].title
    if report.provisioning is not None and report.provisioning.message:
        return report.provisioning.message
    return report.headline
