"""The keys that open encrypted assertions: held in memory, and kept in the system's keyring where a person asks for it.

The database remembers only which keys the keyring holds (name, kind, fingerprint), never a key.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

from app.saml.errors import KeyFileError
from app.sso.base import SsoBase
from app.sso.errors import NotFound, Refused

if TYPE_CHECKING:
    from app.saml.keyfiles import DecryptionKey

_REMEMBERED: Final = "decryption_keys"
_MOST: Final = 20


class Keyring(Protocol):
    """A place of the operating system for secrets. Each may raise KeyringRefused."""

    name: str

    def keep(self, entry: str, secret: str) -> None: ...

    def read(self, entry: str) -> str | None: ...

    def forget(self, entry: str) -> None: ...


class KeyringRefused(Exception):  # noqa: N818  the noun is the error
    """The keyring did not do what was asked; the text says why."""


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A decryption key as it is listed. `fingerprint` is the SHA-256 (hex) of its public half.

    `remembered` keys are in the system's keyring; of those, `problem` says why one could not be read.
    """

    name: str
    kind: str
    fingerprint: str
    remembered: bool = False
    problem: str = ""


def _no_keyring() -> None:
    return None


class KeyVerbs(SsoBase):
    """The part of SSO that holds decryption keys."""

    def __init__(self, *args: Any, keyring: Callable[[], Keyring | None] = _no_keyring, **more: Any) -> None:
        """`keyring` is called when the first key is asked for: finding one takes long, and few people need it."""
        super().__init__(*args, **more)
        self._find_keyring = keyring
        self._keys: dict[str, tuple[HeldKey, DecryptionKey | None]] = {}
        self._keys_lock = threading.Lock()
        self._keyring_read = False

    @cached_property
    def keyring(self) -> Keyring | None:
        """Where keys can be remembered; None where there is no such place. The first look takes a moment."""
        return self._find_keyring()

    def held_keys(self) -> tuple[HeldKey, ...]:
        """Every decryption key of this session and of the keyring, in the order they came."""
        with self._keys_lock:
            self._read_keyring()
            return tuple(held for held, _ in self._keys.values())

    def hold_key(
        self, data: bytes, *, password: str | None = None, name: str = "key", remember: bool = False
    ) -> HeldKey:
        """Use this private key (PEM or DER) from now on, until the program ends or, with `remember`, ever after.

        Refused with a sentence for a file that is no RSA private key, a wrong password, or a keyring that says no.
        """
        from app.saml.keyfiles import load_decryption_key

        try:
            key = load_decryption_key(data, password)
        except KeyFileError as e:
            raise Refused("key.file", str(e)) from e
        held = HeldKey(name[:120], key.kind, key.fingerprint)
        with self._keys_lock:
            self._read_keyring()
            if len(self._keys) >= _MOST and key.fingerprint not in self._keys:
                raise Refused("key.many", f"There are {_MOST} decryption keys already. Forget one that is not needed.")
            kept_before = key.fingerprint in self._keys and self._keys[key.fingerprint][0].remembered
            if remember:
                self._keep(key)
            held = replace(held, remembered=remember or kept_before)
            self._keys[key.fingerprint] = (held, key)
        self._note()
        return held

    def forget_key(self, fingerprint: str) -> None:
        """Stop using a key, and delete it from the keyring. NotFound where it is not held."""
        with self._keys_lock:
            self._read_keyring()
            if fingerprint not in self._keys:
                raise NotFound("This key is not held any more.")
            if self._keys[fingerprint][0].remembered and self.keyring is not None:
                try:
                    self.keyring.forget(fingerprint)
                except KeyringRefused as e:
                    raise Refused("key.keyring", f"The key is still in the system's keyring: {e}") from e
            del self._keys[fingerprint]
        self._note()

    def _session_keys(self) -> tuple[Any, ...]:
        """The private keys themselves, for judging."""
        with self._keys_lock:
            self._read_keyring()
            return tuple(key.private for _, key in self._keys.values() if key is not None)

    def session_key_files(self) -> tuple[bytes, ...]:
        """The private keys in PEM, for processes of this program that judge in its place. They are never written."""
        with self._keys_lock:
            self._read_keyring()
            return tuple(key.to_pem().encode() for _, key in self._keys.values() if key is not None)

    def _keep(self, key: DecryptionKey) -> None:
        if self.keyring is None:
            raise Refused(
                "key.keyring",
                "There is no keyring to remember the key in. Install the program with its keyring extra, or use the "
                "key for this session only.",
            )
        try:
            self.keyring.keep(key.fingerprint, key.to_pem())
        except KeyringRefused as e:
            raise Refused("key.keyring", f"The system's keyring did not take the key: {e}") from e

    def _note(self) -> None:
        """Write down which keys the keyring holds. Not under the lock: judging asks for it inside a transaction."""
        with self._keys_lock:
            rows = [[h.name, h.kind, h.fingerprint] for h, _ in self._keys.values() if h.remembered]
        if rows or self.preference(_REMEMBERED):
            self.set_preference(_REMEMBERED, rows or None)

    def _read_keyring(self) -> None:
        """Once, and only where something was remembered: opening a keyring may ask the person for a password."""
        if self._keyring_read:
            return
        self._keyring_read = True
        from app.saml.keyfiles import load_decryption_key

        for name, kind, fingerprint in self.preference(_REMEMBERED) or ():
            held = HeldKey(name, kind, fingerprint, remembered=True)
            key, problem = None, ""
            try:
                if self.keyring is None:
                    problem = "There is no keyring on this computer now, so this key cannot be used."
                else:
                    secret = self.keyring.read(held.fingerprint)
                    key = load_decryption_key(secret.encode()) if secret else None
                    problem = "" if key else "The keyring does not hold this key any more. Load it again."
            except (KeyringRefused, KeyFileError) as e:
                problem = f"The keyring could not give this key: {e}"
            self._keys[held.fingerprint] = (replace(held, problem=problem), key)
