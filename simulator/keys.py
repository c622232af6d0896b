"""Keys and certificates of the test identity provider, made for each installation, marked TEST ONLY. It signs nothing.

A folder keeps one PEM file for each key (key and certificate together), mode 0600 in a folder of mode 0700. No key is
ever shipped: whoever loads this identity provider's metadata into a real service provider has handed it a master key.
"""

from __future__ import annotations

import os
import secrets
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import NameOID

from simulator.errors import KeyRingError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey
Variant = Literal["current", "expired", "future", "reissued"]
VARIANTS: Final = get_args(Variant)

_LIFE: Final = timedelta(days=30)
_SKEW: Final = timedelta(hours=1)
_MAX_FILE = 65_536


def _rsa(bits: int, exponent: int = 65_537) -> Callable[[], PrivateKey]:
    return lambda: rsa.generate_private_key(public_exponent=exponent, key_size=bits)


def _ec(curve: ec.EllipticCurve) -> Callable[[], PrivateKey]:
    return lambda: ec.generate_private_key(curve)


#: Every key the simulator knows, and how it is made. "attacker" copies the subject name and serial of "current".
RECIPES: Final[dict[str, Callable[[], PrivateKey]]] = {
    "current": _rsa(2048),
    "next": _rsa(2048),
    "old": _rsa(2048),
    "attacker": _rsa(2048),
    "encryption": _rsa(2048),
    "other-idp": _rsa(2048),
    "sp-encryption": _rsa(2048),
    "other-sp": _rsa(2048),
    "ec-p256": _ec(ec.SECP256R1()),
    "ec-p384": _ec(ec.SECP384R1()),
    "ec-p192": _ec(ec.SECP192R1()),
    "ec-brainpool": _ec(ec.BrainpoolP256R1()),
    "ec-secp256k1": _ec(ec.SECP256K1()),
    "rsa-1024": _rsa(1024),  # the weak key is the fault
    "rsa-e3": _rsa(2048, 3),  # the small exponent is the fault
    "dsa": lambda: dsa.generate_private_key(key_size=2048),
}


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key and a certificate of it. Key objects, not PEM: reading PEM costs 60 ms a signature."""

    name: str
    key: PrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, lower-case hex."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class KeyRing:
    """The keys of one installation, made when first asked for. Safe to use from several threads."""

    def __init__(self, folder: Path | None, clock: Callable[[], datetime]) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.RLock()
        self._pairs: dict[str, KeyPair] = {}
        self._variants: dict[tuple[str, Variant], KeyPair] = {}
        self._host = "simulator"

    @classmethod
    def in_memory(cls, clock: Callable[[], datetime] = _utc_now) -> KeyRing:
        """Keys that live as long as the object: for trials and tests."""
        return cls(None, clock)

    @classmethod
    def open(cls, folder: str | os.PathLike[str], clock: Callable[[], datetime] = _utc_now) -> KeyRing:
        """The keys kept in a folder; the folder and the first key are made if missing.

        Raises:
            KeyRingError: the folder or a file is a symbolic link, is readable by others, or cannot be used.
        """
        path = Path(folder)
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            info = path.lstat()
        except OSError as error:
            raise KeyRingError(f"The key folder {path} cannot be made: {error.strerror}.") from error
        if not stat.S_ISDIR(info.st_mode):
            raise KeyRingError(f"The key folder {path} is not a folder of its own (a symbolic link is not followed).")
        if os.name == "posix" and stat.S_IMODE(info.st_mode) & 0o077:
            raise KeyRingError(f"Other users can read the key folder {path}. Run: chmod 700 '{path}'")
        ring = cls(path, clock)
        ring.pair("current")
        return ring

    def copied(self, clock: Callable[[], datetime] = _utc_now) -> KeyRing:
        """A ring in memory that begins with the keys of this one: rotating them there changes nothing here."""
        copy = KeyRing(None, clock)
        with self._lock:
            copy._pairs = dict(self._pairs)
        return copy

    def pair(self, name: str = "current", variant: Variant = "current") -> KeyPair:
        """The key of that name with its certificate, or with an expired, future or re-issued one of the same key.

        Raises:
            KeyRingError: the name is unknown, or the file cannot be used.
        """
        if name not in RECIPES:
            raise KeyRingError(f'There is no key "{name}". Known: {", ".join(RECIPES)}.')
        with self._lock:
            pair = self._pairs.get(name) or self._from_folder(name) or self._make(name)
            if pair.certificate.not_valid_after_utc <= self._clock() + timedelta(days=1):
                pair = self._renew(pair)
            self._pairs[name] = pair
            if variant == "current":
                return pair
            key = (name, variant)
            if key not in self._variants:
                self._variants[key] = replace(pair, certificate=self._certificate(name, pair.key, variant))
            return self._variants[key]

    def fingerprints(self) -> frozenset[str]:
        """SHA-256 of every certificate handed out so far: a service provider should know these as test keys."""
        with self._lock:
            return frozenset(p.fingerprint for p in (*self._pairs.values(), *self._variants.values()))

    def rotate(self) -> KeyPair:
        """The next key becomes the current one, the current one the old one; a new next key is made when asked for."""
        with self._lock:
            current, following = self.pair("current"), self.pair("next")
            for name, pair in (("old", current), ("current", following)):
                self._pairs[name] = replace(pair, name=name)
                self._store(self._pairs[name], overwrite=True)
            self._pairs.pop("next")
            self._variants.clear()
            if self._folder is not None:
                (self._folder / "next.pem").unlink(missing_ok=True)
            return self._pairs["current"]

    # Making -------------------------------------------------------------------------------------------------------

    def _make(self, name: str) -> KeyPair:
        key = RECIPES[name]()
        pair = KeyPair(name, key, self._certificate(name, key, "current"))
        return self._store(pair, overwrite=False)

    def _renew(self, pair: KeyPair) -> KeyPair:
        fresh = replace(pair, certificate=self._certificate(pair.name, pair.key, "current"))
        return self._store(fresh, overwrite=True)

    def _certificate(self, name: str, key: PrivateKey, variant: Variant) -> x509.Certificate:
        now = self._clock().astimezone(UTC).replace(microsecond=0)
        starts, ends = {
            "current": (now - _SKEW, now + _LIFE - _SKEW),
            "reissued": (now - _SKEW, now + _LIFE - 2 * _SKEW),
            "expired": (now - _LIFE, now - timedelta(days=1)),
            "future": (now + timedelta(days=2), now + _LIFE),
        }[variant]
        serial = x509.random_serial_number()
        subject_of = name
        if name == "attacker":
            # The clone that a careless service provider mistakes for the real one: same names, same serial, other key.
            serial = self.pair("current").certificate.serial_number
            subject_of = "current"
        subject = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, f"TEST ONLY - DO NOT TRUST {self._host} {subject_of}"[:64])]
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(starts)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        )
        return builder.sign(key, hashes.SHA256())

    # Files --------------------------------------------------------------------------------------------------------

    def _from_folder(self, name: str) -> KeyPair | None:
        if self._folder is None:
            return None
        path = self._folder / f"{name}.pem"
        try:
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyRingError(f"The key file {path} cannot be read: {error.strerror}.") from error
        with os.fdopen(handle, "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode) or info.st_size > _MAX_FILE:
                raise KeyRingError(f"The key file {path} is not an ordinary small file. Delete it to make a new key.")
            if os.name == "posix" and stat.S_IMODE(info.st_mode) & 0o077:
                raise KeyRingError(f"Other users can read the key file {path}. Run: chmod 600 '{path}'")
            data = file.read()
        try:
            key = serialization.load_pem_private_key(data, password=None)
            certificate = x509.load_pem_x509_certificate(data)
        except (ValueError, TypeError) as error:
            raise KeyRingError(f"The key file {path} is damaged. Delete it to make a new key.") from error
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey):
            raise KeyRingError(f"The key file {path} holds a key of a kind that signs no XML. Delete it.")
        if key.public_key() != certificate.public_key():
            raise KeyRingError(f"Key and certificate in {path} do not belong together. Delete it to make a new key.")
        return KeyPair(name, key, certificate)

    def _store(self, pair: KeyPair, *, overwrite: bool) -> KeyPair:
        """Writes the file whole or not at all. Another process may have been faster: then its key counts."""
        if self._folder is None:
            return pair
        path = self._folder / f"{pair.name}.pem"
        draft = self._folder / f".{pair.name}.{secrets.token_hex(6)}"
        data = pair.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                file.write(data + pair.pem)
                file.flush()
                os.fsync(file.fileno())
            if overwrite:
                os.replace(draft, path)
            else:
                os.link(draft, path, follow_symlinks=False)
                draft.unlink()
        except FileExistsError:
            draft.unlink(missing_ok=True)
            return self._from_folder(pair.name) or pair
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise KeyRingError(f"The key file {path} cannot be written: {error.strerror}.") from error
        return pair
