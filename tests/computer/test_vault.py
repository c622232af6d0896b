"""The keyring as a place for long secrets: in parts, replaced whole, forgotten whole."""

from __future__ import annotations

import importlib.util

import pytest

from app.computer.vault import Vault, open_vault
from app.sso import KeyringRefused


class Memory:
    """A keyring as the package of that name has them, in memory."""

    name = "memory"

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.broken = False

    def _ready(self) -> None:
        if self.broken:
            raise RuntimeError("It is locked.\nMore")

    def get_password(self, service: str, user: str) -> str | None:
        self._ready()
        return self.entries.get((service, user))

    def set_password(self, service: str, user: str, secret: str) -> None:
        self._ready()
        if len(secret.encode("utf-16-le")) > 2_560:
            raise ValueError("too long for the credential store of Windows")
        self.entries[service, user] = secret

    def delete_password(self, service: str, user: str) -> None:
        self._ready()
        del self.entries[service, user]


def test_a_long_secret_is_kept_in_parts_and_comes_back_whole() -> None:
    memory = Memory()
    vault = Vault(memory)
    secret = "".join(chr(33 + i % 90) for i in range(3_400))
    vault.keep("one", secret)
    assert len(memory.entries) == 5
    assert vault.read("one") == secret
    assert vault.read("other") is None
    vault.forget("one")
    assert memory.entries == {}
    vault.forget("one")


def test_a_secret_with_a_missing_part_is_none() -> None:
    memory = Memory()
    vault = Vault(memory)
    vault.keep("one", "x" * 2_000)
    del memory.entries["sso-workbench decryption key", "one/1"]
    assert vault.read("one") is None
    vault.forget("one")
    assert memory.entries == {}


def test_what_the_keyring_refuses_is_told_in_one_sentence() -> None:
    memory = Memory()
    memory.broken = True
    for act in (lambda v: v.keep("a", "b"), lambda v: v.read("a"), lambda v: v.forget("a")):
        with pytest.raises(KeyringRefused, match=r"^It is locked\.$"):
            act(Vault(memory))
    with pytest.raises(KeyringRefused, match="too long"):
        Vault(Memory()).keep("a", "x" * 100_000)


@pytest.mark.skipif(importlib.util.find_spec("keyring") is not None, reason="the keyring extra is installed here")
def test_without_the_extra_there_is_no_vault() -> None:
    assert open_vault() is None
