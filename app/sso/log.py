"""The log: pages of what a filter shows, counts, one event whole, and purging."""

from __future__ import annotations

from datetime import datetime, timedelta

from app.sso.base import OPERATOR, SsoBase
from app.sso.errors import NotFound
from app.sso.values import Change, Purged
from app.store import EventFilter, EventRecord, PageKey
from app.store.records import EventSort

_EVERYTHING = EventFilter()


class LogVerbs(SsoBase):
    """The part of SSO that reads the log."""

    def events(
        self,
        which: EventFilter = _EVERYTHING,
        *,
        after: PageKey | None = None,
        limit: int = 256,
        sort: EventSort = "at",
        descending: bool = True,
    ) -> tuple[EventRecord, ...]:
        """One page of events, newest first; `after` is app.store.events.page_key() of the last row seen."""
        with self.store.read() as tx:
            return tx.events(which, after=after, limit=limit, sort=sort, descending=descending)

    def count_events(self, which: EventFilter = _EVERYTHING) -> int:
        """How many events the filter shows."""
        with self.store.read() as tx:
            return tx.count_events(which)

    def event(self, reference: str) -> EventRecord:
        """One event with its checks, changes and raw message. NotFound if there is none."""
        with self.store.read() as tx:
            found = tx.event(reference.strip().lower())
        if found is None:
            raise NotFound(
                f"There is no attempt {reference.strip()[:60]}. A reference looks like amber-otter-quilt-42."
            )
        return found

    def configuration_changed_at(self, account: int | None = None) -> datetime | None:
        """When the SSO configuration of an account (row id), or of any, was last changed; None where it never was."""
        with self.store.read() as tx:
            newest = tx.current_revisions() if account is None else (tx.current_revision(account),)
        return max((r.at for r in newest if r is not None), default=None)

    def reasons(self, which: EventFilter = _EVERYTHING) -> tuple[tuple[str, str, int, int], ...]:
        """(category, reason, events, people): one user, or everybody?"""
        with self.store.read() as tx:
            return tx.reasons(which)

    def activity(self, which: EventFilter = _EVERYTHING, *, bucket_s: int = 3600) -> tuple[tuple[int, str, int], ...]:
        """(start in seconds since 1970, status, events) per bucket, oldest first."""
        with self.store.read() as tx:
            return tx.activity(which, bucket_s=bucket_s)

    def purge(self, *, days: int | None = None, operator: str = OPERATOR) -> Purged:
        """Delete raw messages older than the retention (or `days`), and what replay protection needs no longer.

        The rows of the log stay. The purge is an event itself; the freed pages leave the file too.
        """
        now = self.now()
        with self.store.write() as tx:
            keep = self._settings(tx)["retention_days"] if days is None else days
            messages = tx.purge_messages(now - timedelta(days=keep))
            expired = tx.forget_expired(now - timedelta(days=1))
            reference = self._audit(
                tx,
                kind="upkeep",
                outcome="purged",
                sentence=f"{messages} raw messages older than {keep} days and {expired} expired entries were deleted.",
                operator=operator,
                details={"messages": messages, "expired": expired, "days": keep},
            )
        if messages:
            self.store.vacuum()
        self.tell(Change("event", None, reference))
        return Purged(messages, expired, reference)
