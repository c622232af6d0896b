"""Where an account's metadata is fetched from and what was found there: a change is proposed, never simply taken."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from app.sso.base import OPERATOR, UNSEEN
from app.sso.configuration import ConfigurationVerbs
from app.sso.errors import Overtaken, Refused
from app.sso.revisions import Difference, differences, facts_of
from app.sso.values import Change
from app.store import MetadataSource

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.store import Revision, Transaction

_MOST_HOURS: Final = 24 * 31
#: Identity providers renew the validity of metadata daily: that alone is news only when the saved one is about to end.
_RENEW: Final = timedelta(days=3)
_VALIDITY: Final = "Metadata valid until"

Fetched = Literal["same", "changed", "failed"]


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source as it is now. `proposal` is what was found there and nobody has decided about; None for nothing new."""

    source: MetadataSource
    proposal: bytes | None
    differences: tuple[Difference, ...]


def _rhythm(source: MetadataSource | None) -> tuple[str | None, int]:
    return (None, 0) if source is None else (source.url, source.every_hours)


class SourceVerbs(ConfigurationVerbs):
    """The part of SSO that watches addresses. It fetches nothing itself."""

    def metadata_source(self, account: int | str) -> SourceView | None:
        """Where the account's metadata comes from; None where it was given by hand."""
        with self.store.read() as tx:
            found = self._account(tx, account)
            source = tx.metadata_source(found.id)
            return None if source is None else self._source_view(tx, found, source)

    def set_metadata_source(
        self,
        account: int | str,
        url: str | None,
        *,
        every_hours: int = 0,
        entity: str | None = None,
        intranet: bool = False,
        operator: str = OPERATOR,
        seen: Any = UNSEEN,
    ) -> SourceView | None:
        """Remember where metadata is fetched from, and how often to look; None or "" forgets it.

        `every_hours` 0 looks only when asked. Nothing is fetched by this. Refused for what is no address. `seen` is the
        source that the person saw, None for none: Overtaken where somebody else has changed it.
        """
        wanted = (url or "").strip()
        if wanted and (
            len(wanted) > 2000 or not wanted.isprintable() or not wanted.startswith(("https://", "http://"))
        ):
            raise Refused("source.url", "Metadata is fetched from an address that begins with https://.")
        if not 0 <= every_hours <= _MOST_HOURS:
            raise Refused("source.every", f"Look every 1 to {_MOST_HOURS} hours, or 0 for only when asked.")
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            old = tx.metadata_source(found.id)
            if seen is not UNSEEN and _rhythm(old) not in (_rhythm(seen), (wanted or None, every_hours)):
                said = (
                    f"{old.set_by} set the address of the metadata to {old.url}" if old else "Somebody else removed it"
                )
                raise Overtaken(
                    "overtaken", f"{said} meanwhile. Yours was not saved; look at it, then save again.", old
                )
            if not wanted and old is None:
                return None
            new = None
            if wanted:
                kept = old if old is not None and (old.url, old.entity) == (wanted, entity) else None
                new = replace(
                    kept or MetadataSource(account_id=found.id, url=wanted, entity=entity),
                    intranet=intranet,
                    every_hours=every_hours,
                    set_by=self._who(operator),
                )
            if new == old:
                return None if new is None else self._source_view(tx, found, new)
            tx.put_metadata_source(found.id, new)
            often = f", looked at every {every_hours} hours" if every_hours else ""
            self._audit(
                tx,
                kind="configuration",
                outcome="metadata-source-set",
                sentence=f"Metadata comes from {wanted}{often}." if wanted else "Metadata is given by hand again.",
                operator=operator,
                account=found.id,
            )
            view = None if new is None else self._source_view(tx, found, new)
        self.tell(Change("configuration", found.id, found.revision))
        return view

    def claim_due_sources(self) -> tuple[MetadataSource, ...]:
        """The watched sources that are due, each given to one asker only, whoever else asks at this moment."""
        now, due = self.now(), []
        with self.store.read() as tx:
            if not any(s.every_hours for s in tx.metadata_sources()):
                return ()
        with self.store.write() as tx:
            tx.lock_configuration()
            for source in tx.metadata_sources():
                last = source.checked_at
                if source.every_hours and (last is None or now - last >= timedelta(hours=source.every_hours)):
                    due.append(source)
                    tx.put_metadata_source(source.account_id, replace(source, checked_at=now))
        return tuple(due)

    def record_fetch(
        self, account: int | str, url: str, *, document: bytes | None = None, problem: str | None = None
    ) -> Fetched:
        """Remember what came of a fetch: nothing new, a change to decide about, or why there is nothing.

        A change is written to the log once, a problem when it begins. What came from another address than the account's
        source is forgotten. Nothing is configured by this.
        """
        told = False
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            source = tx.metadata_source(found.id)
            if source is None or source.url != url:
                return "same"
            found_before = source.document
            if document is not None:
                summary = self.read_metadata(document, entity=source.entity)
                if not summary.usable:
                    problem = f"What is served there cannot be used. {(*summary.problems, '')[0]}"
            now = self.now()
            if problem is not None or document is None:
                sentence = problem or "Nothing was found there."
                told = source.problem is None
                outcome, what = "failed", f"Metadata could not be fetched from {url}. {sentence}"
                new = replace(source, checked_at=now, problem=sentence[:1000])
            else:
                new = replace(source, checked_at=now, problem=None, document=document, found_at=now)
                if self._proposal(tx, found, new) is None:
                    outcome, what, new = "same", "", replace(new, document=None, found_at=None)
                else:
                    told = found_before != document
                    new = new if told else replace(new, found_at=source.found_at)
                    outcome = "changed"
                    what = f"The metadata at {url} has changed. Nothing was taken over; review it under Settings."
            tx.put_metadata_source(found.id, new)
            if told:
                self._audit(
                    tx,
                    kind="configuration",
                    outcome=f"metadata-source-{outcome}",
                    sentence=what,
                    operator="metadata watch",
                    account=found.id,
                )
        self.tell(Change("configuration", found.id, found.revision))
        return outcome  # type: ignore[return-value]  # one of the three above

    def dismiss_proposal(self, account: int | str, *, operator: str = OPERATOR) -> None:
        """Decide against what was found at the source; the same document is not proposed again."""
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            source = tx.metadata_source(found.id)
            if source is None or source.document is None:
                return
            digest = hashlib.sha256(source.document).hexdigest()
            tx.put_metadata_source(found.id, replace(source, document=None, found_at=None, dismissed=digest))
            self._audit(
                tx,
                kind="configuration",
                outcome="metadata-proposal-dismissed",
                sentence=f"What was found at {source.url} (SHA-256 {digest[:16]}...) was not taken over.",
                operator=operator,
                account=found.id,
            )
        self.tell(Change("configuration", found.id, found.revision))

    # Steps

    def _source_view(self, tx: Transaction, account: Account, source: MetadataSource) -> SourceView:
        found = self._proposal(tx, account, source)
        return SourceView(source, None if found is None else source.document, found or ())

    def _proposal(self, tx: Transaction, account: Account, source: MetadataSource) -> tuple[Difference, ...] | None:
        """What the document that was found would change by meaning; None where that is nothing, or was dismissed."""
        document, current = source.document, tx.current_revision(account.id)
        if document is None or hashlib.sha256(document).hexdigest() in (
            source.dismissed,
            current.sha256 if current else None,
        ):
            return None
        idp = source.entity or (current.idp_entity_id if current is not None else None)
        found = differences(
            facts_of(current, self.sp),
            facts_of(self._candidate(current, account, document=document, idp_entity_id=idp), self.sp),
        )
        if current is not None and not self._ends_soon(current):
            found = tuple(d for d in found if d.what != _VALIDITY)
        return found or None

    def _ends_soon(self, current: Revision) -> bool:
        if current.document is None:
            return False
        idp = self.read_metadata(current.document, entity=current.idp_entity_id).idp
        return idp is not None and idp.valid_until is not None and idp.valid_until - self.now() < _RENEW
