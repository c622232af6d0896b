"""What all verbs share: the store, the clock, randomness, settings and the audit row; it is no verb itself."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from app.accounts.account import Account
from app.accounts.policies import Policies, policies_from
from app.accounts.provisioning import Change as FieldChange
from app.accounts.reference import reference
from app.accounts.users import User
from app.product import IMAGEKIT, ServiceProvider
from app.saml.expectation import Policy
from app.saml.identifiers import read_email
from app.sso.errors import NotFound, Overtaken, Refused
from app.sso.settings import BY_NAME
from app.sso.values import Change
from app.store import EventRecord, Store, Transaction

OPERATOR: Final = "operator"
#: What callers say who do not know who works there: the log then names the person, if it is told who that is.
_NOBODY_NAMED: Final = frozenset({OPERATOR, "command line"})
#: For `seen`: the person's view is not asked about, as for a script that sets a value whatever it was.
UNSEEN: Final = object()


def browser_digest(session: str | None) -> str | None:
    """What is kept of a browser's session: enough to recognise it, useless to take it over."""
    return None if session is None else hashlib.sha256(session.encode()).hexdigest()[:32]


def _nobody(_told: Change) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Operator:
    """Who works at this computer; both empty where nobody said so. The e-mail is as typed."""

    name: str = ""
    email: str = ""

    @property
    def shown(self) -> str:
        """How the log names them; "" for nobody."""
        return self.name or self.email


class SsoBase:
    """Constructor and shared steps of SSO.

    `clock` gives aware UTC datetimes, `random_bytes(n)` gives n random bytes, `tell` is called after every commit.
    `known_test_keys` are fingerprints of our own test IdP's keys, beside those that save_metadata(test_idp=True) has
    recorded. `decryption_keys` are the SP's own. `operator` is written beside what is done by hand.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
        sp: ServiceProvider = IMAGEKIT,
        tell: Callable[[Change], None] = _nobody,
        known_test_keys: frozenset[str] = frozenset(),
        decryption_keys: Sequence[Any] = (),
        operator: Operator = Operator(),
    ) -> None:
        self.store = store
        self.sp = sp
        self.tell = tell
        self.known_test_keys = known_test_keys
        self.decryption_keys = tuple(decryption_keys)
        self.operator = operator
        self._clock = clock
        self._random_bytes = random_bytes
        self._remembering = threading.Lock()
        self._directory: tuple[int, Any] | None = None
        self._tidied_at: datetime | None = None
        self._stored: tuple[int, dict[str, Any]] = (-1, {})

    def now(self) -> datetime:
        """The service provider's clock."""
        return self._clock()

    # Settings

    def settings(self) -> dict[str, Any]:
        """Every setting with its value."""
        with self.store.read() as tx:
            return self._settings(tx)

    def set_setting(self, name: str, value: Any, *, seen: Any = UNSEEN) -> None:
        """Change a setting. Refused with a sentence for an unknown name or a value that does not fit.

        `seen` is the value that the person saw: Overtaken where it is another now, unless it is the wanted one already.
        """
        if name not in BY_NAME:
            raise Refused("setting.unknown", f'There is no setting "{name}". Settings: {", ".join(BY_NAME)}.')
        try:
            checked = BY_NAME[name].checked(value)
        except ValueError as e:
            raise Refused("setting.value", str(e)) from e
        with self.store.write() as tx:
            if seen is not UNSEEN:
                tx.lock_configuration()
                self._not_overtaken(BY_NAME[name].title, seen, self._settings(tx)[name], checked)
            tx.set_setting(f"setting/{name}", None if checked == BY_NAME[name].default else checked)
        self.tell(Change("settings", None, name))

    def policies(self) -> Policies:
        """The provisioning policies."""
        with self.store.read() as tx:
            return self._policies(tx)

    def set_policies(self, **values: str) -> Policies:
        """Change provisioning policies by name. Refused with a sentence for an unknown name or value."""
        with self.store.write() as tx:
            tx.lock_configuration()
            try:
                policies = policies_from({**self._policies(tx).as_dict(), **values})
            except ValueError as e:
                raise Refused("policy.value", str(e)) from e
            tx.set_setting("policies", policies.as_dict())
        self.tell(Change("settings", None, "policies"))
        return policies

    def preference(self, key: str) -> Any:
        """A value that a page remembers (columns, filters, window); None where none is."""
        with self.store.read() as tx:
            return tx.setting(f"preference/{key}")

    def set_preference(self, key: str, value: Any) -> None:
        """Remember a value for a page; None forgets it."""
        with self.store.write() as tx:
            tx.set_setting(f"preference/{key}", value, numbered=False)

    def change_preference(self, key: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change single entries of a value that is a table, None removing one; whatever others changed of it stays."""
        with self.store.write() as tx:
            tx.lock_configuration()
            kept = tx.setting(f"preference/{key}")
            made = {**(kept if isinstance(kept, dict) else {}), **changes}
            made = {name: value for name, value in made.items() if value is not None}
            tx.set_setting(f"preference/{key}", made, numbered=False)
        return made

    @staticmethod
    def _not_overtaken(what: str, seen: Any, now: Any, wanted: Any) -> None:
        """Overtaken where a thing is neither what the person saw nor what they want."""
        if now in (seen, wanted):
            return
        if isinstance(now, bool):
            shown = "on" if now else "off"
        elif isinstance(now, list | tuple):
            shown = ", ".join(map(str, now)) or "nothing"
        else:
            shown = str(now)
        message = f"Somebody else set “{what}” to “{shown}” meanwhile. Yours was not saved."
        raise Overtaken("overtaken", message, now)

    def _stored_settings(self, tx: Transaction) -> dict[str, Any]:
        """Every setting as it is stored, preferences aside; read again only after one changed."""
        number = tx.stamps()[1]
        known, stored = self._stored
        if known != number:
            stored = {k: v for k, v in tx.settings().items() if not k.startswith("preference/")}
            if not tx.stamped:
                self._stored = (number, stored)
        return stored

    def _settings(self, tx: Transaction) -> dict[str, Any]:
        stored = self._stored_settings(tx)
        return {name: stored.get(f"setting/{name}", s.default) for name, s in BY_NAME.items()}

    def _policies(self, tx: Transaction) -> Policies:
        return policies_from(self._stored_settings(tx).get("policies") or {})

    @staticmethod
    def _judging(settings: dict[str, Any], name: Any = "strict", clock_skew_s: int | None = None) -> Policy:
        skew = settings["clock_skew_s"] if clock_skew_s is None else clock_skew_s
        return Policy(
            name=name,
            clock_skew=timedelta(seconds=skew),
            signed_part=settings["signed_part"],
            allow_idp_initiated=settings["allow_idp_initiated"],
            allow_cbc=settings["allow_cbc"],
            allow_sha1=settings["allow_sha1"],
            reject_expired_certificate=settings["reject_expired_certificate"],
        )

    # Steps

    @staticmethod
    def _account(tx: Transaction, account: int | str) -> Account:
        """The account with this row id or public id. NotFound otherwise."""
        found = tx.account(account) if isinstance(account, int) else tx.account_by_imagekit_id(account)
        if found is None:
            raise NotFound(f"There is no account {account}. The accounts are listed on the settings page.")
        return found

    @staticmethod
    def _user(tx: Transaction, user_id: int) -> User:
        user = tx.user(user_id)
        if user is None:
            raise NotFound("There is no such user any more.")
        return user

    def _who(self, operator: str) -> str:
        """Who did it, for what is stored."""
        return self.operator.shown or operator if operator in _NOBODY_NAMED else operator

    def _operator_key(self, email: str | None) -> str | None:
        """The operator's e-mail as it is compared; `email` goes before the one that is known."""
        wanted = email or self.operator.email
        return read_email(wanted).normal if wanted else None

    def _record(self, tx: Transaction, event: EventRecord) -> str:
        """Append an event under a reference that no other has; the reference."""
        while not tx.insert_event(event):
            event = replace(event, reference=self._reference())
        return event.reference

    def _reference(self) -> str:
        """A new reference: three words and two digits, so that another event may have it, if rarely."""
        return reference(int.from_bytes(self._random_bytes(8), "big"))

    def _audit(
        self,
        tx: Transaction,
        *,
        kind: Any,
        outcome: str,
        sentence: str,
        operator: str,
        account: int | None = None,
        user: User | None = None,
        changes: tuple[FieldChange, ...] = (),
        details: dict[str, Any] | None = None,
    ) -> str:
        """Append the row that says who did what by hand; its reference."""
        return self._record(
            tx,
            EventRecord(
                reference=self._reference(),
                at=self.now(),
                kind=kind,
                origin="operator",
                operator=self._who(operator),
                account_id=account,
                status="success",
                outcome=outcome,
                category="audit",
                reason=f"audit.{outcome}",
                sentence=sentence,
                email_key=user.email_key if user else "",
                full_name=user.full_name if user else "",
                user_id=user.id if user else None,
                role_after=user.role if user else None,
                changes=changes,
                details=details or {},
            ),
        )
