"""What keeps single sign-on from locking administrators out: tests of the saved revision, enforcing, recovery codes.

A test is a real login that the log holds. Enforcing asks for one that an administrator passed; changing the
configuration ends it. A recovery code lets an administrator in while it is enforced and the identity provider fails.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from app.accounts.account import Account
from app.accounts.reasons import Reason, public_sentence
from app.product import ADMINISTRATOR
from app.saml.identifiers import normalise_email
from app.sso.base import OPERATOR, UNSEEN
from app.sso.configuration import ConfigurationVerbs
from app.sso.errors import NotFound, Overtaken, Refused
from app.sso.revisions import same_settings
from app.sso.values import Change
from app.store import ConfigurationTest, EventFilter, EventRecord, RecoveryCode

if TYPE_CHECKING:
    from datetime import datetime

    from app.accounts.users import User
    from app.sso.values import ConfigurationView
    from app.store import Transaction

RECOVERY_CODES: Final = 8
#: 100 bits of chance in each code: there is nothing to guess, so that a fast digest keeps them as well as a slow one.
_CODE_BYTES: Final = 13
_CODE_LETTERS: Final = 20
_LET_IN: Final = frozenset({"created", "updated", "unchanged", "updated_partially", "recreated", "linked"})
_REAL: Final = frozenset({"acs", "simulator"})


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that enforcing asks for, with what to do where it is not so."""

    title: str
    met: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Safety:
    """How safe it is to enforce an account's single sign-on.

    `test` is the newest one of the settings as they are now, `tests` all of them. `codes_left` of `codes_made` recovery
    codes are unused.
    """

    account: Account
    enforced: bool
    conditions: tuple[Condition, ...]
    test: ConfigurationTest | None
    tests: tuple[ConfigurationTest, ...]
    codes_left: int
    codes_made: int
    codes_made_at: datetime | None
    codes_made_by: str

    @property
    def ready(self) -> bool:
        """Whether it can be enforced."""
        return all(c.met for c in self.conditions)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came of a recovery code. `user` and `account` are None where nobody was let in; `public` is for the page."""

    reference: str
    user: User | None
    account: Account | None
    left: int
    public: str


class SafetyVerbs(ConfigurationVerbs):
    """The part of SSO that keeps the way in open."""

    def safety(self, account: int | str) -> Safety:
        """What enforcing asks for, and what of it is met."""
        with self.store.read() as tx:
            return self._safety(tx, self._account(tx, account))

    def record_test(
        self, account: int | str, reference: str, *, how: str = "browser", operator: str = OPERATOR
    ) -> ConfigurationTest:
        """Attach a login that the log holds to the revision it was judged by, as its test.

        Refused for what is no real login under the current revision: something pasted, a login with faults on purpose,
        one of another account or another revision. NotFound without such an event. Asked again for one login, the test
        that it was is given.
        """
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            known = tx.test_of(reference)
            if known is not None and known.account_id == found.id:
                return known
            event = tx.event(reference)
            if event is None:
                raise NotFound(f"The log has no attempt {reference}.")
            _check_testing(event, found)
            test = ConfigurationTest(
                account_id=found.id,
                revision=found.revision,
                at=self.now(),
                operator=self._who(operator),
                how=how,
                passed=event.outcome in _LET_IN,
                administrator=event.outcome in _LET_IN and event.role_after == ADMINISTRATOR,
                email_key=event.email_key,
                reference=reference,
                sentence=event.sentence,
            )
            tx.insert_test(test)
            word = "passed" if test.passed else "failed"
            self._audit(
                tx,
                kind="configuration",
                outcome="configuration-tested",
                sentence=f"Revision {test.revision} was tested in the {how} and {word} ({reference}).",
                operator=operator,
                account=found.id,
                details={"revision": test.revision, "tested_by": reference},
            )
        self.tell(Change("configuration", found.id, found.revision))
        return test

    def newest_login(self, account: int | str, since: datetime) -> EventRecord | None:
        """The newest login that could be a test: live, over the wire, without faults, under the current revision."""
        with self.store.read() as tx:
            found = self._account(tx, account)
            which = EventFilter(account=found.id, kind="login", mode="live", revision=found.revision, since=since)
            events = tx.events(which, limit=20)
        return next((e for e in events if e.origin in _REAL and not e.faults), None)

    def enforce(
        self, account: int | str, *, operator: str = OPERATOR, based_on: int | None = None
    ) -> ConfigurationView:
        """Let people of the account come in through single sign-on only. Refused while a condition is not met."""
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            tx.lock_account(found.id)
            if found.enforced:
                return self._view(tx, found)
            self._check_unmoved(tx, found, based_on, enforced=True)
            missing = next((c for c in self._safety(tx, found).conditions if not c.met), None)
            if missing is not None:
                raise Refused("configuration.not-ready", f"SSO cannot be enforced yet. {missing.sentence}")
            view = self._revise(tx, found, operator, "SSO enforced.", enforced=True)
        self.tell(Change("configuration", found.id, view.account.revision))
        return view

    def stop_enforcing(
        self, account: int | str, *, operator: str = OPERATOR, based_on: int | None = None
    ) -> ConfigurationView:
        """Let people come in by other ways too. What was tested stays tested."""
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            if not found.enforced:
                return self._view(tx, found)
            self._check_unmoved(tx, found, based_on, enforced=False)
            view = self._revise(tx, found, operator, "SSO no longer enforced.", enforced=False)
        self.tell(Change("configuration", found.id, view.account.revision))
        return view

    def make_recovery_codes(
        self, account: int | str, *, operator: str = OPERATOR, seen: object = UNSEEN
    ) -> tuple[str, ...]:
        """New recovery codes in place of all earlier ones. This is the only time that they can be read.

        `seen` is when those were made that the person knows of, None for none: Overtaken where others have been made.
        """
        codes = tuple(self._code() for _ in range(RECOVERY_CODES))
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            known = self._safety(tx, found) if seen is not UNSEEN else None
            if known is not None and known.codes_made_at != seen:
                raise Overtaken(
                    "overtaken",
                    f"{known.codes_made_by} made recovery codes for this account meanwhile, and new ones would void "
                    "them. Ask for those, or make new ones all the same.",
                    known.codes_made_at,
                )
            kept = [
                RecoveryCode(
                    account_id=found.id, digest=_digest(found.id, c), made_at=self.now(), made_by=self._who(operator)
                )
                for c in codes
            ]  # fmt: skip
            tx.replace_recovery_codes(found.id, kept)
            self._audit(
                tx,
                kind="configuration",
                outcome="recovery-codes-made",
                sentence=f"{len(codes)} recovery codes were made; earlier ones are void.",
                operator=operator,
                account=found.id,
            )
        self.tell(Change("configuration", found.id, found.revision))
        return codes

    def use_recovery_code(self, email: str, code: str) -> Recovered:
        """Let an administrator in by a recovery code, which is used up by it; one event either way.

        Only while single sign-on is enforced, and only a registered administrator of the account. Whoever is not let in
        reads the same sentence whatever the reason; the log holds the reason.
        """
        now, key = self.now(), normalise_email(email[:1024])
        with self.store.write() as tx:
            user, account, why = self._recoverable(tx, key, code, now)
            left = 0 if account is None else sum(c.used_at is None for c in tx.recovery_codes(account.id))
            reference = self._record(
                tx,
                EventRecord(
                    reference=self._reference(),
                    at=now,
                    origin="login-page",
                    account_id=account.id if account else None,
                    revision=account.revision if account else None,
                    status="warning" if why is None else "failure",
                    outcome="recovered" if why is None else "rejected",
                    reason="audit.recovery-code-used" if why is None else why.code,
                    category="audit" if why is None else why.category,
                    sentence=f"Let in with a recovery code; {left} are left." if why is None else why.sentence,
                    action="Mend single sign-on, then make new codes." if why is None else why.action,
                    email_key=key or "",
                    full_name=user.full_name if user else "",
                    user_id=user.id if user else None,
                ),
            )
        self.tell(Change("event", account.id if account else None, reference))
        if why is not None:
            return Recovered(reference, None, None, 0, public_sentence(why.code))
        return Recovered(reference, user, account, left, "")

    # Steps

    def _safety(self, tx: Transaction, account: Account) -> Safety:
        tests = tx.tests(account.id)
        codes = tx.recovery_codes(account.id)
        left = sum(c.used_at is None for c in codes)
        valid = self._numbers_like_now(tx, account)
        of_now = [t for t in tests if t.revision in valid]
        good = next((t for t in of_now if t.passed and t.administrator), None)
        stays = good is not None and any(
            u.active and u.account_id == account.id and u.is_administrator for u in tx.users_by_key(good.email_key)
        )
        on = account.sso_on and account.plan_has_sso
        what = "Save the identity provider's metadata first." if account.plan_has_sso else "The plan has no SSO."
        untested = (
            "Test the saved settings with a login of an account administrator."
            if not any(t.passed for t in of_now)
            else "The login that tested these settings was not one of an account administrator. Test with one."
        )
        conditions = (
            Condition("Single sign-on is on", on, "An identity provider is saved." if on else what),
            Condition(
                "The saved settings were tested by an administrator",
                good is not None,
                f"Tested by {good.email_key} ({good.reference})." if good is not None else untested,
            ),
            Condition(
                "That administrator is registered and stays one",
                stays,
                "They are a registered administrator of this account."
                if stays
                else f"{good.email_key} is not a registered administrator of this account any more, or not yet."
                if good is not None
                else "Test first.",
            ),
            Condition(
                "Recovery codes exist",
                left > 0,
                f"{left} of {len(codes)} are unused." if left else "Make recovery codes, and put them away safely.",
            ),
        )
        newest = codes[0] if codes else None
        return Safety(
            account=account,
            enforced=account.enforced,
            conditions=conditions,
            test=of_now[0] if of_now else None,
            tests=tests,
            codes_left=left,
            codes_made=len(codes),
            codes_made_at=newest.made_at if newest else None,
            codes_made_by=newest.made_by if newest else "",
        )

    @staticmethod
    def _numbers_like_now(tx: Transaction, account: Account) -> frozenset[int]:
        """The current revision, and those just before it that judged every login like it does."""
        revisions = tx.revisions(account.id)
        found = set()
        for revision in revisions:
            if not same_settings(revision, revisions[0]):
                break
            found.add(revision.number)
        return frozenset(found)

    def _recoverable(
        self, tx: Transaction, key: str | None, code: str, now: datetime
    ) -> tuple[User | None, Account | None, Reason | None]:
        """(who is let in, their account, None), or (the person if known, the account if known, why not)."""
        people = [u for u in tx.users_by_key(key) if u.active] if key else []
        if len(people) != 1:
            return None, None, _refused("The address typed with a recovery code is not registered.")
        user, account = people[0], self._account(tx, people[0].account_id)
        if not user.is_administrator:
            return user, account, _refused("A recovery code was typed for somebody who is no administrator.")
        if not account.enforced:
            return user, account, _refused("A recovery code was typed while single sign-on is not enforced.")
        if not tx.spend_recovery_code(account.id, _digest(account.id, code), at=now, used_by=user.email_key):
            return user, account, _refused("A recovery code was typed that does not exist, or was used before.")
        return user, account, None

    def _code(self) -> str:
        letters = base64.b32encode(self._random_bytes(_CODE_BYTES)).decode().lower()[:_CODE_LETTERS]
        return "-".join(letters[i : i + 5] for i in range(0, _CODE_LETTERS, 5))


def _check_testing(event: EventRecord, account: Account) -> None:
    """Refused where an event is no real login of the account under its current revision."""
    if event.kind != "login" or event.origin not in _REAL or event.mode == "dry_run":
        raise Refused(
            "test.not-a-login", f"{event.reference} is no login that came in over the wire, so it tests nothing."
        )
    if event.account_id != account.id:
        raise Refused("test.other-account", f"The login {event.reference} was not one of {account.imagekit_id}.")
    if event.revision != account.revision:
        raise Refused(
            "test.other-revision",
            f"The login {event.reference} was judged by revision {event.revision}; revision {account.revision} is "
            "saved now. Log in again.",
        )
    if event.faults:
        raise Refused("test.faults", f"The login {event.reference} was made with faults on purpose: it tests nothing.")


def _digest(account_id: int, code: str) -> str:
    """What is kept of a code; blanks, hyphens and letter case do not count, nor what is longer than any code."""
    letters = "".join(c for c in code[:200] if c.isascii() and c.isalnum()).lower()
    return hashlib.sha256(f"recovery:{account_id}:{letters}".encode()).hexdigest()


def _refused(sentence: str) -> Reason:
    return Reason("flow.recovery-refused", sentence, "Compare the code, the address and the settings of the account.")
