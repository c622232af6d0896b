"""The operating system's keyring as a place for decryption keys, where the `keyring` extra is installed.

It knows nothing of SAML, and nothing but the keyring ever gets a secret from here.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Final

from app.sso.keys import KeyringRefused

_SERVICE: Final = "sso-workbench decryption key"
_PART: Final = 1_000  # characters: the credential store of Windows takes no more than 2,560 bytes an entry
_MOST_PARTS: Final = 40


class Vault:
    """Entries of one service in a keyring. `backend` has the functions of the keyring package."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.name = str(getattr(backend, "name", "") or type(backend).__name__)

    def keep(self, entry: str, secret: str) -> None:
        """Keep a secret, replacing the former one. KeyringRefused where the keyring says no."""
        parts = [secret[i : i + _PART] for i in range(0, len(secret), _PART)]
        if len(parts) > _MOST_PARTS:
            raise KeyringRefused("The key is too long for a keyring.")
        try:
            for number, part in enumerate(parts):
                self._backend.set_password(_SERVICE, f"{entry}/{number}", part)
            self._backend.set_password(_SERVICE, entry, str(len(parts)))
        except Exception as e:
            raise KeyringRefused(_why(e)) from e

    def read(self, entry: str) -> str | None:
        """A secret; None where it is not there, or not whole. KeyringRefused where the keyring says no."""
        try:
            count = self._backend.get_password(_SERVICE, entry)
            if not count or not count.isdigit() or int(count) > _MOST_PARTS:
                return None
            parts = [self._backend.get_password(_SERVICE, f"{entry}/{n}") for n in range(int(count))]
        except Exception as e:
            raise KeyringRefused(_why(e)) from e
        return None if any(p is None for p in parts) else "".join(parts)

    def forget(self, entry: str) -> None:
        """Delete a secret; one that is not there is fine. KeyringRefused where the keyring says no."""
        try:
            count = self._backend.get_password(_SERVICE, entry)
            for number in range(min(int(count or 0), _MOST_PARTS)):
                if self._backend.get_password(_SERVICE, f"{entry}/{number}") is not None:
                    self._backend.delete_password(_SERVICE, f"{entry}/{number}")
            if count is not None:
                self._backend.delete_password(_SERVICE, entry)
        except Exception as e:
            raise KeyringRefused(_why(e)) from e


def open_vault() -> Vault | None:
    """The keyring of this computer; None where the package is not installed or finds no keyring to use."""
    if importlib.util.find_spec("keyring") is None:
        return None
    try:
        backend = importlib.import_module("keyring").get_keyring()
    except Exception:  # noqa: BLE001  whatever a keyring's own set-up raises: there is none to use
        return None
    # The stand-ins that keep nothing (fail and null) say so by their priority.
    return Vault(backend) if getattr(backend, "priority", 0) > 0 else None


def _why(error: Exception) -> str:
    first = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return f"{first.rstrip('.')}."
