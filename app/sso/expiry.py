"""When the certificates and the metadata of every account end: watched at 90, 30, 7 and 0 days before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from app.saml.metadata import certificate_facts
from app.sso.configuration import ConfigurationVerbs
from app.sso.revisions import reading_of

#: Whole days left at which somebody is told, the earliest first.
STEPS: Final = (90, 30, 7, 0)


@dataclass(frozen=True, slots=True)
class Ending:
    """One thing that ends. `sha256` is "" for metadata; `last` says that no other of its kind outlives it.

    "own" is a key of ours, which belongs to every account: then `imagekit_id` is "".
    """

    imagekit_id: str
    account_name: str
    kind: Literal["signing", "metadata", "own"]
    subject: str
    sha256: str
    begins_at: datetime | None
    ends_at: datetime
    days: int
    last: bool

    @property
    def step(self) -> int | None:
        """The smallest of STEPS that has been reached; None while there is more time than any."""
        reached = [s for s in STEPS if self.days < s]
        return reached[-1] if reached else None

    @property
    def urgent(self) -> bool:
        """Whether it is time to act: within 30 days, and nothing of its kind lasts longer."""
        return self.last and self.step is not None and self.step <= 30

    @property
    def title(self) -> str:
        """What it is, for people."""
        if self.kind == "own":
            return self.account_name
        what = "Signing certificate" if self.kind == "signing" else "Metadata"
        return f"{what} of {self.account_name} ({self.imagekit_id})"


class ExpiryVerbs(ConfigurationVerbs):
    """The part of SSO that watches ends."""

    def endings(self, account: int | str | None = None) -> tuple[Ending, ...]:
        """Everything that ends, of one account or of all that have SSO on, our own keys too; the soonest first."""
        now, found = self.now(), self._own_endings()
        with self.store.read() as tx:
            chosen = tx.accounts() if account is None else (self._account(tx, account),)
            for a in chosen:
                revision = tx.current_revision(a.id)
                if revision is None or revision.document is None:
                    continue
                idp = reading_of(revision).idp
                if idp is None:
                    continue
                facts = [certificate_facts(k.certificate) for k in idp.signing_keys]
                latest = max((f.not_after for f in facts), default=now)
                found += [
                    Ending(
                        a.imagekit_id, a.name, "signing", f.subject, f.sha256, f.not_before, f.not_after,
                        (f.not_after - now) // timedelta(days=1), f.not_after == latest,
                    )
                    for f in facts
                ]  # fmt: skip
                if idp.valid_until is not None:
                    days = (idp.valid_until - now) // timedelta(days=1)
                    found.append(
                        Ending(a.imagekit_id, a.name, "metadata", idp.entity_id, "", None, idp.valid_until, days, True)
                    )
        return tuple(sorted(found, key=lambda e: (e.ends_at, e.imagekit_id)))

    def _own_endings(self) -> list[Ending]:
        now = self.now()
        keys = [k for k in self.sp_keys() if k.published]
        return [
            Ending(
                "", f"Our {k.state} {k.purpose} key", "own", "published in our metadata", k.fingerprint, k.made_at,
                k.expires_at, (k.expires_at - now) // timedelta(days=1),
                not any(o.purpose == k.purpose and o.expires_at > k.expires_at for o in keys),
            )
            for k in keys
        ]  # fmt: skip
