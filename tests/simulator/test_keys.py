"""Key files: made once, marked as tests, readable by their owner only."""

from __future__ import annotations

import os
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from simulator import KeyRing, KeyRingError
from simulator.keys import KeyPair

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")


@posix
def test_files_are_private_and_marked(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    pair = KeyRing.open(folder).pair()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [(f.name, stat.S_IMODE(f.stat().st_mode)) for f in folder.iterdir()] == [("current.pem", 0o600)]
    assert "TEST ONLY - DO NOT TRUST" in pair.certificate.subject.rfc4514_string()
    life = pair.certificate.not_valid_after_utc - pair.certificate.not_valid_before_utc
    assert life <= timedelta(days=30)


def test_a_second_opening_finds_the_same_key_and_another_folder_another(tmp_path: Path) -> None:
    first = KeyRing.open(tmp_path / "a").pair()
    assert KeyRing.open(tmp_path / "a").pair().fingerprint == first.fingerprint
    assert KeyRing.open(tmp_path / "b").pair().fingerprint != first.fingerprint


def test_key_objects_are_reused(keys: KeyRing) -> None:
    assert keys.pair("current").key is keys.pair("current").key


def test_an_expired_certificate_is_renewed_over_the_same_key(tmp_path: Path) -> None:
    start = datetime(2026, 11, 23, tzinfo=UTC)
    old = KeyRing.open(tmp_path / "k", lambda: start).pair()
    later = start + timedelta(days=40)
    new = KeyRing.open(tmp_path / "k", lambda: later).pair()
    assert new.certificate.not_valid_after_utc > later
    assert new.fingerprint != old.fingerprint
    assert new.certificate.public_key() == old.certificate.public_key()
    assert KeyRing.open(tmp_path / "k", lambda: later).pair().fingerprint == new.fingerprint


@posix
def test_a_planted_link_or_an_open_folder_is_refused(tmp_path: Path) -> None:
    real = tmp_path / "real"
    KeyRing.open(real)
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(KeyRingError, match="symbolic link"):
        KeyRing.open(tmp_path / "link")
    planted = tmp_path / "planted"
    planted.mkdir(mode=0o700)
    (planted / "current.pem").symlink_to(real / "current.pem")
    with pytest.raises(KeyRingError, match="cannot be read"):
        KeyRing.open(planted)
    real.chmod(0o755)
    with pytest.raises(KeyRingError, match="chmod 700"):
        KeyRing.open(real)
    real.chmod(0o700)
    (real / "current.pem").chmod(0o644)
    with pytest.raises(KeyRingError, match="chmod 600"):
        KeyRing.open(real)


def test_damaged_files_say_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "k"
    KeyRing.open(folder)
    file = folder / "current.pem"
    data = file.read_bytes()
    file.write_bytes(b"nonsense")
    with pytest.raises(KeyRingError, match="damaged"):
        KeyRing.open(folder)
    other = KeyRing.in_memory().pair()
    file.write_bytes(data[: data.index(b"-----BEGIN CERT")] + other.pem)
    with pytest.raises(KeyRingError, match="do not belong together"):
        KeyRing.open(folder)


def test_threads_that_ask_at_once_get_one_key(tmp_path: Path) -> None:
    rings = [KeyRing.open(tmp_path / "k") for _n in range(3)]
    found: list[KeyPair] = []
    threads = [threading.Thread(target=lambda r=r: found.append(r.pair("next"))) for r in rings for _n in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len({p.fingerprint for p in found}) == 1
    assert {f.name for f in (tmp_path / "k").iterdir()} == {"current.pem", "next.pem"}


def test_rotation_moves_the_keys_along(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path / "k")
    current, following = ring.pair(), ring.pair("next")
    ring.rotate()
    again = KeyRing.open(tmp_path / "k")
    assert again.pair("old").fingerprint == current.fingerprint
    assert again.pair("current").fingerprint == following.fingerprint
    assert again.pair("next").fingerprint not in (current.fingerprint, following.fingerprint)


def test_kinds_of_keys(keys: KeyRing) -> None:
    weak, edge = keys.pair("rsa-1024").key, keys.pair("ec-p384").key
    assert isinstance(weak, rsa.RSAPrivateKey)
    assert weak.key_size == 1024
    assert isinstance(edge, ec.EllipticCurvePrivateKey)
    assert edge.curve.name == "secp384r1"
    with pytest.raises(KeyRingError, match='no key "nothing"'):
        keys.pair("nothing")


def test_the_attacker_copies_names_and_serial_but_not_the_key(keys: KeyRing) -> None:
    real, fake = keys.pair(), keys.pair("attacker")
    assert fake.certificate.subject == real.certificate.subject
    assert fake.certificate.serial_number == real.certificate.serial_number
    assert fake.certificate.public_key() != real.certificate.public_key()


@pytest.mark.parametrize("variant", ["expired", "future", "reissued"])
def test_certificate_variants_keep_the_key(keys: KeyRing, variant: str) -> None:
    plain, other = keys.pair(), keys.pair("current", variant)  # type: ignore[arg-type]  # one of the variants
    assert other.certificate.public_key() == plain.certificate.public_key()
    assert other.fingerprint != plain.fingerprint
    assert {plain.fingerprint, other.fingerprint} <= keys.fingerprints()
