"""Comparing messages with the keys and the log of the workspace; nothing in this module writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from app.saml.identifiers import normalise_email
from app.saml.instants import span, stamp
from app.sso.errors import NotFound
from app.sso.inspection import InspectionVerbs
from app.store.events import page_key

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.saml.compare_sources import Compared, Source
    from app.store import PageKey, Transaction


@dataclass(frozen=True, slots=True)
class GoodLogin:
    """A login that was accepted, with its message as it was posted. `account` is its imagekit_id."""

    reference: str
    at: datetime
    account: str
    source: Source


class ComparingVerbs(InspectionVerbs):
    """The part of SSO that compares."""

    def compare(self, first: Source, second: Source, account: int | str | None = None) -> Compared:
        """Compare two inputs by meaning. What is encrypted is opened with the keys that are held."""
        from app.saml.compare_sources import compare_sources

        keys = self.expectation_for(account).decryption_keys
        return compare_sources(first, second, now=self.now(), decryption_keys=keys)

    def last_good_login(self, email: str, account: int | str) -> GoodLogin:
        """The newest live login of a person that was let in and whose message is kept.

        NotFound says whether there is no such login, or its message was deleted after the retention time.
        """
        with self.store.read() as tx:
            chosen = self._account(tx, account)
            return self._last_good(tx, normalise_email(email[:1024]) or "", email, chosen, None, "")

    def beside_last_good(self, reference: str) -> tuple[GoodLogin, Source]:
        """(last good login of the same person before it, message of this event), to be compared.

        NotFound where either message is not kept, or where the event names no person of an account.
        """
        from app.saml.compare_sources import Source

        with self.store.read() as tx:
            event = tx.event(reference.strip().lower())
            if event is None:
                raise NotFound(f"There is no attempt {reference.strip()[:60]}.")
            if event.raw is None:
                raise NotFound(f"The message of {event.reference} is not kept {self._why_not_kept(tx)}")
            if not event.email_key or event.account_id is None:
                raise NotFound(
                    f"{event.reference} names no person of an account, so there is no login of theirs to compare with."
                )
            account = self._account(tx, event.account_id)
            good = self._last_good(
                tx, event.email_key, event.email_key, account, page_key(event), f" before {event.reference}"
            )
        return good, Source(event.raw, event.reference)

    def _last_good(
        self, tx: Transaction, key: str, email: str, account: Account, before: PageKey | None, when: str
    ) -> GoodLogin:
        from app.saml.compare_sources import Source

        found = tx.last_good_login(key, account.id, before=before, kept=True) if key else None
        event = tx.event(found[0]) if found is not None else None
        if event is not None and event.raw is not None:
            return GoodLogin(event.reference, event.at, account.imagekit_id, Source(event.raw, event.reference))
        forgotten = tx.last_good_login(key, account.id, before=before) if key else None
        if forgotten is None:
            raise NotFound(
                f"The log of {account.imagekit_id} has no accepted login of {email[:200]}{when}, so there is none to "
                "compare with."
            )
        reference, at = forgotten
        raise NotFound(
            f"The last accepted login of {email[:200]}{when} was {reference} ({stamp(at)}, {span(self.now() - at)} "
            f"ago), and its message is not kept {self._why_not_kept(tx)}"
        )

    def _why_not_kept(self, tx: Transaction) -> str:
        days = self._settings(tx)["retention_days"]
        if not days:
            return "(retention_days is 0: raw messages are not kept at all)."
        return f"any more: raw messages are deleted after {days} days (retention_days)."
