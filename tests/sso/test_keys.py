"""Decryption keys: used at once, remembered only in a keyring, and never written to the database."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization

from app.computer.vault import Vault
from app.sso import SSO, NotFound, Refused
from app.store import Store
from simulator import KeyRing
from tests.computer.test_vault import Memory

KEYS = KeyRing.in_memory()


def pem(name: str = "sp-encryption", password: bytes | None = None) -> bytes:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return KEYS.pair(name).key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def encrypted(bench):
    bench.application(encrypt_to=KEYS.pair("sp-encryption").pem.decode())
    return bench.issue("ada").xml


def available(report):
    return report.check("enc-key-available")


def test_a_key_opens_a_message_at_once_and_no_more_once_forgotten(bench):
    message = encrypted(bench)
    assert available(bench.sso.inspect(message)).message.startswith("The assertion is encrypted")
    held = bench.sso.hold_key(pem(), name="sp.pem")
    assert (held.name, held.kind, held.remembered) == ("sp.pem", "RSA 2048", False)
    report = bench.sso.inspect(message)
    assert report.verdict == "accept", report.headline
    assert available(report).actual == held.fingerprint
    assert bench.sso.held_keys() == (held,)
    bench.sso.forget_key(held.fingerprint)
    assert available(bench.sso.inspect(message)).status == "fail"
    with pytest.raises(NotFound):
        bench.sso.forget_key(held.fingerprint)


def test_the_wrong_key_is_told_from_no_key(bench):
    message = encrypted(bench)
    bench.sso.hold_key(pem("other-sp"))
    assert available(bench.sso.inspect(message)).message.startswith("None of our decryption keys opens this assertion")


@pytest.mark.parametrize(
    ("data", "password", "says"),
    [
        (b"hello", None, "no private key in PEM or DER"),
        (pem(password=b"s3cret"), None, "protected by a password; give it"),
        (pem(password=b"s3cret"), "wrong", "The password is wrong"),
        (pem("ec-p256"), None, "elliptic-curve key"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_its_own_words(bench, data, password, says):
    with pytest.raises(Refused, match=says):
        bench.sso.hold_key(data, password=password)
    assert bench.sso.held_keys() == ()


def test_remembering_needs_a_keyring(bench):
    with pytest.raises(Refused, match="no keyring to remember the key in"):
        bench.sso.hold_key(pem(), remember=True)
    assert bench.sso.held_keys() == ()


def with_keyring(store, backend):
    return SSO(
        store,
        clock=lambda: datetime(2026, 11, 23, 12, tzinfo=UTC),
        random_bytes=secrets.token_bytes,
        keyring=lambda: Vault(backend),
    )


def test_a_remembered_key_is_there_after_a_restart_and_not_in_the_database(tmp_path):
    backend = Memory()
    path = tmp_path / "w.db"
    store = Store.open(f"sqlite:///{path}")
    held = with_keyring(store, backend).hold_key(pem(), name="sp.pem", remember=True)
    assert held.remembered
    again = with_keyring(store, backend)
    assert again.held_keys() == (held,)
    assert len(again._session_keys()) == 1
    store.close()
    body = pem().split(b"\n")[3]
    assert all(body not in p.read_bytes() for p in tmp_path.iterdir()), "never the key itself"
    store = Store.open(f"sqlite:///{path}")
    last = with_keyring(store, backend)
    last.forget_key(held.fingerprint)
    assert backend.entries == {}
    assert with_keyring(store, backend).held_keys() == ()
    store.close()


def test_a_key_that_the_keyring_lost_says_so(tmp_path):
    backend = Memory()
    store = Store.open(f"sqlite:///{tmp_path / 'w.db'}")
    with_keyring(store, backend).hold_key(pem(), remember=True)
    backend.entries.clear()
    lost = with_keyring(store, backend)
    assert lost.held_keys()[0].problem == "The keyring does not hold this key any more. Load it again."
    assert lost._session_keys() == ()
    backend.broken = True
    locked = with_keyring(store, backend)
    assert locked.held_keys()[0].problem == "The keyring could not give this key: It is locked."
    with pytest.raises(Refused, match="did not take the key: It is locked"):
        locked.hold_key(pem("other-sp"), remember=True)
    with pytest.raises(Refused, match="still in the system's keyring"):
        locked.forget_key(locked.held_keys()[0].fingerprint)
    store.close()


def test_without_remembered_keys_the_keyring_is_never_opened(bench):
    def never():
        raise AssertionError

    sso = SSO(bench.store, clock=bench.sso.now, random_bytes=secrets.token_bytes, keyring=never)
    sso.inspect(bench.issue("ada").xml)
    assert sso.hold_key(pem()).remembered is False
