"""Our own keys as a service provider: what we sign requests with and what identity providers encrypt to; rollover.

The database holds certificates and states, for every desk; a private key is a file of the computer that made it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, cast

from app.saml.errors import KeyFileError
from app.sso.base import OPERATOR, SsoBase
from app.sso.errors import NotFound, Refused
from app.sso.values import Change

if TYPE_CHECKING:
    from app.store import Transaction

Purpose = Literal["signing", "encryption"]
State = Literal["current", "next", "previous"]
PURPOSES: Final[tuple[Purpose, ...]] = ("signing", "encryption")

_STORED: Final = "sp_keys"
_VALID_FOR: Final = timedelta(days=3 * 365)
_BACKDATED: Final = timedelta(minutes=5)


class KeyFiles(Protocol):
    """Where private keys are kept on this computer. Each may raise OSError."""

    def keep(self, name: str, data: bytes) -> None: ...

    def read(self, name: str) -> bytes | None: ...

    def forget(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class SpKey:
    """One of our keys. `certificate` is base64 of DER, `fingerprint` its SHA-256 (hex).

    "current" is used, "next" is published beside it so that identity providers can take it up first; "previous" is not
    published any more, and an encryption key still opens what is encrypted to it. `problem` says why it cannot be used.
    """

    purpose: Purpose
    state: State
    fingerprint: str
    certificate: str
    made_at: datetime
    expires_at: datetime
    problem: str = ""

    @property
    def published(self) -> bool:
        """Whether our metadata lists it."""
        return self.state != "previous"


class SpKeyVerbs(SsoBase):
    """The part of SSO that holds our own keys."""

    def __init__(self, *args: Any, key_files: KeyFiles | None = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._key_files = key_files
        self._sp_private: dict[str, Any] = {}
        self._sp_lock = threading.Lock()

    def sp_keys(self) -> tuple[SpKey, ...]:
        """Every key: signing before encryption, the current one first; with what keeps one from being used."""
        with self.store.read() as tx:
            keys = self._sp_keys(tx)
        return tuple(replace(k, problem=self._problem(k)) for k in keys)

    def make_sp_key(self, purpose: Purpose, *, operator: str = OPERATOR) -> SpKey:
        """Make a key: the current one where there is none for this purpose, otherwise the next one.

        Refused where there is a next one already, or where the private key cannot be kept on this computer.
        """
        from app.saml.spkeys import make_key

        self._check_purpose(purpose)
        if self._key_files is None:
            raise Refused("sp-key.place", "This workspace has no folder on this computer in which a key could be kept.")
        now = self.now()
        made = make_key(
            f"{self.sp.entity_id.partition('//')[2].partition('/')[0] or 'service provider'} SAML {purpose}",
            not_before=(now - _BACKDATED).replace(microsecond=0),
            not_after=(now + _VALID_FOR).replace(microsecond=0),
            serial=int.from_bytes(self._random_bytes(16), "big") | 1,
        )
        try:
            # Before the certificate is published: nothing may be encrypted to a key that is not kept.
            self._key_files.keep(made.fingerprint, made.pem)
        except OSError as e:
            raise Refused("sp-key.place", f"The private key could not be kept: {e.strerror or e}.") from e
        key = SpKey(
            purpose, "current", made.fingerprint, made.certificate, now, (now + _VALID_FOR).replace(microsecond=0)
        )
        try:
            with self.store.write() as tx:
                keys = self._locked(tx)
                if any(k.purpose == purpose and k.state == "next" for k in keys):
                    raise Refused(
                        "sp-key.next", f"There is a next {purpose} key already. Put it in force, or forget it first."
                    )
                if any(k.purpose == purpose and k.state == "current" for k in keys):
                    key = replace(key, state="next")
                self._write_keys(tx, (*keys, key))
                self._note_key(
                    tx, operator, "sp-key-made", f"A {purpose} key was made; it is the {key.state} one.", key
                )
        except BaseException:
            self._key_files.forget(made.fingerprint)
            raise
        self.tell(Change("settings", None, _STORED))
        return key

    def promote_sp_key(self, purpose: Purpose, *, operator: str = OPERATOR) -> SpKey:
        """Put the next key in force; the current one becomes the previous. NotFound where there is no next one."""
        self._check_purpose(purpose)
        with self.store.write() as tx:
            keys = self._locked(tx)
            coming = next((k for k in keys if k.purpose == purpose and k.state == "next"), None)
            if coming is None:
                raise NotFound(
                    f"There is no next {purpose} key. Make one first, and let the identity providers take it."
                )
            moved = {"next": "current", "current": "previous", "previous": "previous"}
            changed = tuple(
                replace(k, state=cast("State", moved[k.state])) if k.purpose == purpose else k for k in keys
            )
            self._write_keys(tx, changed)
            self._note_key(tx, operator, "sp-key-promoted", f"The next {purpose} key is in force now.", coming)
        self.tell(Change("settings", None, _STORED))
        return replace(coming, state="current")

    def forget_sp_key(self, fingerprint: str, *, operator: str = OPERATOR) -> None:
        """Delete a key, its file on this computer too. NotFound where there is none; the current one goes last."""
        with self.store.write() as tx:
            keys = self._locked(tx)
            gone = next((k for k in keys if k.fingerprint == fingerprint), None)
            if gone is None:
                raise NotFound("There is no such key any more.")
            if gone.state == "current" and any(k.purpose == gone.purpose and k.state == "next" for k in keys):
                raise Refused("sp-key.current", "Put the next key in force first, then forget this one.")
            self._write_keys(tx, tuple(k for k in keys if k is not gone))
            self._note_key(tx, operator, "sp-key-forgotten", f"A {gone.state} {gone.purpose} key was forgotten.", gone)
        with self._sp_lock:
            self._sp_private.pop(fingerprint, None)
        if self._key_files is not None:
            try:
                self._key_files.forget(fingerprint)
            except OSError as e:
                raise Refused("sp-key.place", f"The file of the private key is still there: {e.strerror or e}.") from e
        self.tell(Change("settings", None, _STORED))

    # Steps

    @staticmethod
    def _check_purpose(purpose: str) -> None:
        if purpose not in PURPOSES:
            raise Refused("sp-key.purpose", f'A key is for {" or ".join(PURPOSES)}, not for "{purpose[:40]}".')

    def _locked(self, tx: Transaction) -> tuple[SpKey, ...]:
        tx.lock_configuration()
        return self._sp_keys(tx)

    def _sp_keys(self, tx: Transaction) -> tuple[SpKey, ...]:
        stored = self._stored_settings(tx).get(_STORED) or ()
        keys = (
            SpKey(
                row["purpose"],
                row["state"],
                row["fingerprint"],
                row["certificate"],
                datetime.fromisoformat(row["made_at"]),
                datetime.fromisoformat(row["expires_at"]),
            )
            for row in stored
        )
        order = ("current", "next", "previous")
        return tuple(sorted(keys, key=lambda k: (PURPOSES.index(k.purpose), order.index(k.state), k.made_at)))

    @staticmethod
    def _write_keys(tx: Transaction, keys: tuple[SpKey, ...]) -> None:
        rows = [
            {
                "purpose": k.purpose,
                "state": k.state,
                "fingerprint": k.fingerprint,
                "certificate": k.certificate,
                "made_at": k.made_at.isoformat(),
                "expires_at": k.expires_at.isoformat(),
            }
            for k in keys
        ]
        tx.set_setting(_STORED, rows or None)

    def _note_key(self, tx: Transaction, operator: str, outcome: str, sentence: str, key: SpKey) -> None:
        self._audit(
            tx,
            kind="configuration",
            outcome=outcome,
            sentence=sentence,
            operator=operator,
            details={"fingerprint": key.fingerprint},
        )

    def _private(self, key: SpKey) -> Any:
        """The private key; None where this computer does not have it, or its file is not the key's."""
        from app.saml.spkeys import private_of

        with self._sp_lock:
            if key.fingerprint not in self._sp_private and self._key_files is not None:
                data = self._key_files.read(key.fingerprint)
                found = private_of(data, key.certificate) if data is not None else None
                if found is None:
                    return None
                self._sp_private[key.fingerprint] = found
            return self._sp_private.get(key.fingerprint)

    def _problem(self, key: SpKey) -> str:
        try:
            there = self._private(key) is not None
        except (OSError, KeyFileError) as e:
            return f"Its private key cannot be read: {e}"
        if not there:
            return "Its private key is not on this computer: make a new one here, or work where it was made."
        return "Its certificate has expired." if key.expires_at <= self.now() else ""

    def _usable(self, key: SpKey) -> Any:
        """The private key, or None where it cannot be read."""
        try:
            return self._private(key)
        except (OSError, KeyFileError):
            return None

    def _sp_decryption_keys(self, tx: Transaction) -> tuple[Any, ...]:
        """What opens assertions that are encrypted to us, the keys of a rollover together."""
        found = (self._usable(k) for k in self._sp_keys(tx) if k.purpose == "encryption")
        return tuple(k for k in found if k is not None)

    def _sp_certificates(self, tx: Transaction, purpose: Purpose, *, published: bool = True) -> tuple[Any, ...]:
        """Our certificates for a purpose; those that our metadata lists, or all of them."""
        from app.saml.spkeys import certificate_of

        keys = (k for k in self._sp_keys(tx) if k.purpose == purpose and (k.published or not published))
        return tuple(certificate_of(k.certificate) for k in keys)

    def _request_key(self, tx: Transaction) -> tuple[bool, Any]:
        """(whether our requests are to be signed, the private key or None where this computer lacks it)."""
        current = next((k for k in self._sp_keys(tx) if k.purpose == "signing" and k.state == "current"), None)
        return (False, None) if current is None else (True, self._usable(current))
