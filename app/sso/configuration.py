"""The SSO configuration of accounts: reading metadata, saving, turning off, overriding, restoring revisions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from app import saml
from app.accounts.account import Account
from app.accounts.provisioning import Change as FieldChange
from app.product import ServiceProvider
from app.setup_guides import fields_for, guides
from app.sso.accounts import AccountVerbs
from app.sso.base import OPERATOR
from app.sso.choices import sp_of
from app.sso.errors import MetadataRefused, Moved, NotFound, Refused
from app.sso.revisions import Difference, between, decided_of, is_damaged, reading_of
from app.sso.sp_keys import PURPOSES, SpKeyVerbs
from app.sso.values import Change, ConfigurationView, MetadataSummary, SpValues
from app.store import Revision, Transaction

if TYPE_CHECKING:
    from app.saml import IdpMetadata, MetadataReading

_ENTITY_ID = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f\x7f]+")
_TEST_KEYS = 200
_TEST_IDP = (
    "This belongs to a test identity provider: whoever has its program can log in as anybody. Every login with it is "
    "refused, unless the account trusts it on purpose (“Use the test IdP”, or config set --test-idp)."
)


@dataclass(frozen=True, slots=True)
class Configured:
    """One account's identity provider as configured now. `idp` is None while SSO is off.

    `keys` are the SHA-256 fingerprints of its signing certificates, `choices` what the account decided for itself.
    """

    account_id: int
    entity_id: str | None
    idp_entity_id: str | None
    idp: IdpMetadata | None
    keys: frozenset[str] = frozenset()
    choices: Mapping[str, Any] = field(default_factory=dict)


class ConfigurationVerbs(AccountVerbs, SpKeyVerbs):
    """The part of SSO that concerns configurations."""

    # Configuration

    def read_metadata(
        self, data: bytes | str, *, entity: str | None = None, account: int | str | None = None
    ) -> MetadataSummary:
        """What would be saved, without saving it. `entity` chooses one from an aggregate.

        With an `account`, a test identity provider that it does not trust on purpose is warned of.
        """
        summary = _summary(saml.read_metadata(data, entity=entity, now=self.now()))
        if account is None or summary.idp is None:
            return summary
        with self.store.read() as tx:
            told = self._test_idp_warning(tx, self._account(tx, account), summary.idp)
        return replace(summary, warnings=(*told, *summary.warnings))

    def configuration(self, account: int | str) -> ConfigurationView:
        """The account's configuration as it is now."""
        with self.store.read() as tx:
            return self._view(tx, self._account(tx, account))

    def save_metadata(
        self,
        account: int | str,
        data: bytes | str,
        *,
        operator: str = OPERATOR,
        entity: str | None = None,
        test_idp: bool = False,
        based_on: int | None = None,
    ) -> ConfigurationView:
        """Save the IdP's metadata, which turns SSO on.

        `based_on` is the number of the revision that the person saw, here and in every verb that saves a revision:
        Moved where another one was saved since, unless it already says what was wanted. None does not ask.

        `test_idp` says that this is our own test identity provider, on purpose: its keys are then known as test keys,
        and an account that trusts them may use them. Without it every login with a test key is refused, unless the
        account trusts this very provider on purpose already: newer metadata of it changes nothing about that.
        MetadataRefused where it cannot be used; Refused where another account has the same identity provider and the
        same Identifier, because a response could then not be told to belong to one of them.
        """
        document = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
        reading = saml.read_metadata(document, entity=entity, now=self.now())
        summary = _summary(reading)
        if reading.idp is None or reading.problems:
            first = summary.problems[0] if summary.problems else "This is not metadata of an identity provider."
            raise MetadataRefused(first, summary.problems)
        idp = reading.idp
        digest = hashlib.sha256(document).hexdigest()
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            if test_idp:
                self._learn_test_keys(tx, idp)
            current = tx.current_revision(found.id)
            if current is not None and current.sha256 == digest and current.idp_entity_id == idp.entity_id:
                return self._view(tx, found)
            self._check_unmoved(tx, found, based_on, document=document, idp_entity_id=idp.entity_id)
            what = "Metadata replaced." if found.sso_on else "Metadata saved; SSO turned on."
            if current is not None and current.idp_entity_id not in (None, idp.entity_id):
                what += f" The identity provider was {current.idp_entity_id} before."
            view = self._revise(tx, found, operator, what, document=document, idp_entity_id=idp.entity_id)
        self.tell(Change("configuration", found.id, view.account.revision))
        return view

    def delete_metadata(
        self, account: int | str, *, operator: str = OPERATOR, based_on: int | None = None
    ) -> ConfigurationView:
        """Delete the metadata, which turns SSO off for the whole account. The revisions stay."""
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            current = tx.current_revision(found.id)
            if current is None or current.document is None:
                return self._view(tx, found)
            self._check_unmoved(tx, found, based_on, document=None)
            view = self._revise(tx, found, operator, "Metadata deleted; SSO turned off.", document=None)
        self.tell(Change("configuration", found.id, view.account.revision))
        return view

    def set_entity_id(
        self, account: int | str, value: str | None, *, operator: str = OPERATOR, based_on: int | None = None
    ) -> ConfigurationView:
        """Override the Identifier, or go back to the default with None or "". Refused where it is not a usable one."""
        wanted = self._identifier(value)
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            if wanted == found.entity_id:
                return self._view(tx, found)
            self._check_unmoved(tx, found, based_on, entity_id=wanted)
            what = f"Entity ID override set to {wanted}." if wanted else "Entity ID override removed."
            view = self._revise(tx, found, operator, what, entity_id=wanted)
        self.tell(Change("configuration", found.id, view.account.revision))
        return view

    def _identifier(self, value: str | None) -> str | None:
        """An Identifier as it is stored; None for the default. Refused where it is not a usable one."""
        wanted = (value or "").strip() or None
        if wanted is None or wanted == self.sp.entity_id:
            return None
        if len(wanted) > 1024 or not _ENTITY_ID.fullmatch(wanted):
            raise Refused(
                "configuration.entity-id",
                "An Identifier is an absolute URI of at most 1024 characters without blanks, for example "
                f"{self.sp.child_entity_id('ik_child')}.",
            )
        return wanted

    def configuration_history(self, account: int | str) -> tuple[Revision, ...]:
        """Every revision with its document, who saved it and what it changed; newest first."""
        with self.store.read() as tx:
            return tx.revisions(self._account(tx, account).id)

    def compare_revisions(self, account: int | str, old: int, new: int) -> tuple[Difference, ...]:
        """What differs between two revisions by meaning. Number 0 is the time before the first. NotFound if unknown."""
        with self.store.read() as tx:
            found = self._account(tx, account)
            known = {r.number: r for r in tx.revisions(found.id)}
            one, other = (None if n == 0 else self._numbered(known, found, n) for n in (old, new))
        return between(one, other, self.sp)

    def restore_revision(
        self, account: int | str, number: int, *, operator: str = OPERATOR, based_on: int | None = None
    ) -> ConfigurationView:
        """Make an earlier revision the current one, as a new revision. NotFound if there is none of that number."""
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            wanted = self._numbered({r.number: r for r in tx.revisions(found.id)}, found, number)
            said = {n: getattr(wanted, n) for n in ("document", "idp_entity_id", "entity_id", "choices")}
            self._check_unmoved(tx, found, based_on, **said)
            view = self._revise(tx, found, operator, f"Revision {number} restored.", **said)
        self.tell(Change("configuration", found.id, view.account.revision))
        return view

    def sp_values(self, account: int | str) -> SpValues:
        """What the IdP must be told about the account."""
        with self.store.read() as tx:
            return self._sp_values(tx, self._account(tx, account))

    def service_provider(self, account: int | str) -> ServiceProvider:
        """The service provider as this account has it: its own claim names, role values and RelayState."""
        with self.store.read() as tx:
            return self._sp_of(tx, self._account(tx, account))

    def sp_metadata(self, account: int | str | None = None) -> bytes:
        """The SP's metadata document for an account, or with the default Identifier."""
        if account is None:
            entity_id, acs_url = self.sp.entity_id, self.sp.acs_url
        else:
            found = self.account(account)
            entity_id, acs_url = found.sp_entity_id(self.sp), found.acs_url(self.sp)
        with self.store.read() as tx:
            signing, encryption = (self._sp_certificates(tx, p) for p in PURPOSES)
        return saml.sp_metadata(
            entity_id,
            acs_url,
            self.sp.logout_url,
            signing=signing,
            encryption=encryption,
            authn_requests_signed=bool(signing),
        )

    # Steps

    def _account_to_configure(self, tx: Transaction, account: int | str) -> Account:
        """The account, while nobody else can save a configuration."""
        tx.lock_configuration()
        return self._account(tx, account)

    def _decided(self, tx: Transaction, account_id: int) -> Mapping[str, Any]:
        """What an account decided for itself, as of its newest revision."""
        own = next((c for c in self._configured(tx) if c.account_id == account_id), None)
        return own.choices if own else {}

    def _sp_of(self, tx: Transaction, account: Account) -> ServiceProvider:
        """The service provider as this account has it."""
        return sp_of(self.sp, self._decided(tx, account.id))

    def _sp_values(self, tx: Transaction, account: Account) -> SpValues:
        sp = self._sp_of(tx, account)
        entity_id, acs_url = account.sp_entity_id(sp), account.acs_url(sp)
        filled = tuple(
            fields_for(g, sp, imagekit_id=account.imagekit_id, entity_id=entity_id, acs_url=acs_url) for g in guides()
        )
        return SpValues(
            entity_id=entity_id,
            acs_url=acs_url,
            relay_state=sp.relay_state,
            logout_url=sp.logout_url,
            login_url=sp.login_url,
            imagekit_id=account.imagekit_id,
            guides=filled,
        )

    def _view(self, tx: Transaction, account: Account) -> ConfigurationView:
        revision = tx.current_revision(account.id)
        idp: IdpMetadata | None = None
        warnings: tuple[str, ...] = ()
        if revision is not None and revision.document is not None:
            reading = reading_of(revision, self.now())
            idp, warnings = reading.idp, _summary(reading).warnings
            if is_damaged(revision):
                told = "The rules of this revision are damaged, so nobody can log in. Restore an earlier one."
                warnings = (told, *warnings)
            elif idp is not None:
                warnings = (*self._test_idp_warning(tx, account, idp), *warnings)
        return ConfigurationView(account, revision, idp, warnings, self._sp_values(tx, account))

    # The test identity provider

    def _test_keys(self, tx: Transaction) -> frozenset[str]:
        """Fingerprints of keys that anybody with this program may have."""
        return self.known_test_keys | frozenset(self._stored_settings(tx).get("test_keys") or ())

    def _learn_test_keys(self, tx: Transaction, idp: IdpMetadata) -> None:
        known = set(self._stored_settings(tx).get("test_keys") or ())
        fresh = {saml.fingerprint(k.certificate) for k in idp.signing_keys}
        if not fresh <= known:
            tx.set_setting("test_keys", [*sorted(known - fresh), *sorted(fresh)][-_TEST_KEYS:])

    def _trusts_test_idp(self, tx: Transaction, account_id: int, idp_entity_id: str | None) -> bool:
        """Whether the account, as it is configured now, trusts this provider on purpose although it is a test one."""
        own = next((c for c in self._configured(tx) if c.account_id == account_id), None)
        return own is not None and own.idp_entity_id == idp_entity_id and bool(own.keys & self._test_keys(tx))

    def _test_idp_warning(self, tx: Transaction, account: Account, idp: IdpMetadata) -> tuple[str, ...]:
        keys = {saml.fingerprint(k.certificate) for k in idp.signing_keys} & self._test_keys(tx)
        is_test = bool(keys) or any(saml.is_marked_test(k.certificate) for k in idp.signing_keys)
        return (_TEST_IDP,) if is_test and not self._trusts_test_idp(tx, account.id, idp.entity_id) else ()

    @staticmethod
    def _numbered(known: dict[int, Revision], account: Account, number: int) -> Revision:
        if number not in known:
            raise NotFound(f"The account {account.imagekit_id} has no configuration revision {number}.")
        return known[number]

    def _check_unmoved(self, tx: Transaction, account: Account, based_on: int | None, **changes: Any) -> None:
        """Moved where the current revision is not the one that `changes` were made on."""
        if based_on is None or based_on == account.revision:
            return
        known = {r.number: r for r in tx.revisions(account.id)}
        if based_on != 0:
            self._numbered(known, account, based_on)
        base, current = known.get(based_on), known[account.revision]
        mine = self._candidate(current, account, **changes)
        raise Moved(based_on, current, between(base, current, self.sp), between(current, mine, self.sp))

    def _candidate(self, current: Revision | None, account: Account, **changes: Any) -> Revision:
        """The current revision with some fields changed; before the first one, on nothing."""
        base = current or Revision(
            account_id=account.id, number=0, at=self.now(), operator="", what="", document=None, sha256=None,
            idp_entity_id=None, entity_id=None,
        )  # fmt: skip
        # What has not been tested must not be the only way in.
        made = replace(base, **{"enforced": False, **changes})
        digest = None if made.document is None else hashlib.sha256(made.document).hexdigest()
        return replace(made, id=0, sha256=digest)

    def _revise(
        self,
        tx: Transaction,
        account: Account,
        operator: str,
        what: str,
        *,
        audited: tuple[FieldChange, ...] = (),
        **changes: Any,
    ) -> ConfigurationView:
        """Add a revision that changes some fields of the current one, its audit row, and give the new view."""
        current = tx.current_revision(account.id)
        made = self._candidate(current, account, **changes)
        if current is not None and current.enforced and not made.enforced and "enforced" not in changes:
            what += " SSO is no longer enforced, until this revision is tested and it is enforced again."
        made = replace(
            made,
            number=account.revision + 1,
            at=self.now(),
            operator=self._who(operator),
            what=what,
        )
        effective = made.entity_id or self.sp.entity_id
        if made.document is not None:
            idp = reading_of(made).idp
            if idp is not None and self._trusts_test_idp(tx, account.id, idp.entity_id):
                self._learn_test_keys(tx, idp)
            for other in tx.current_revisions():
                same = other.document is not None and other.idp_entity_id == made.idp_entity_id
                if other.account_id != account.id and same and (other.entity_id or self.sp.entity_id) == effective:
                    owner = tx.account(other.account_id)
                    raise Refused(
                        "configuration.not-unique",
                        f"The account {owner.imagekit_id if owner else '?'} already uses this identity provider with "
                        f"the Identifier {effective}. Give this account its own: "
                        f"{self.sp.child_entity_id(account.imagekit_id)}.",
                    )
        tx.insert_revision(made)
        self._audit(
            tx,
            kind="configuration",
            outcome="configuration-changed",
            sentence=what,
            operator=operator,
            account=account.id,
            changes=audited,
            details={"revision": made.number},
        )
        return self._view(tx, self._account(tx, account.id))

    def _configured(self, tx: Transaction) -> tuple[Configured, ...]:
        """Every configured account with its parsed metadata; parsed again only after a configuration changed."""
        stamp = tx.stamps()[0]
        with self._remembering:
            if self._directory is not None and self._directory[0] == stamp:
                known: tuple[Configured, ...] = self._directory[1]
                return known
        fresh = tuple(self._configuration(r) for r in tx.current_revisions())
        if not tx.stamped:
            with self._remembering:
                self._directory = (stamp, fresh)
        return fresh

    @staticmethod
    def _configuration(revision: Revision) -> Configured:
        # Decisions that do not fit were not saved by us: nobody is judged by less than what was decided.
        idp = None if revision.document is None or is_damaged(revision) else reading_of(revision).idp
        keys = frozenset(saml.fingerprint(k.certificate) for k in idp.signing_keys) if idp is not None else frozenset()
        decided = decided_of(revision)
        return Configured(revision.account_id, revision.entity_id, revision.idp_entity_id, idp, keys, decided)


def _summary(reading: MetadataReading) -> MetadataSummary:
    return MetadataSummary(
        usable=reading.idp is not None and not reading.problems,
        problems=tuple(p.message for p in reading.problems),
        warnings=tuple(p.message for p in (*reading.warnings, *reading.notes)) + reading.repairs,
        entities=tuple(reading.entities),
        idp=reading.idp,
    )
