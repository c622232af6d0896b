"""The work of the tab about clock and keys off the GUI thread: what the keys are, signing with others. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from app.gui.files import write_file

if TYPE_CHECKING:
    from app.lab import Lab
    from simulator.keys import Variant
    from simulator.tenant import Tenant

#: What each key of the test IdP is for, and which certificate of it can be shown.
KEY_WORDS: Final = {
    "current": "Current",
    "next": "Next",
    "old": "Old",
    "ec-p256": "Elliptic, P-256",
    "ec-p384": "Elliptic, P-384",
}
CERTIFICATES: Final[tuple[tuple[str, Variant], ...]] = (
    ("Valid", "current"),
    ("Expired", "expired"),
    ("Not valid yet", "future"),
    ("Another one of the same key", "reissued"),
)


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """One key, with the certificate that is shown of it now."""

    name: str
    kind: str
    fingerprint: str
    valid_from: datetime
    valid_until: datetime
    signs: bool
    published: bool

    @property
    def word(self) -> str:
        """The name for people."""
        return KEY_WORDS.get(self.name, self.name)

    @property
    def use(self) -> str:
        """What it does now."""
        if self.signs:
            return "Signs" if self.published else "Signs, unpublished"
        return "Published" if self.published else "Idle"


def keys(lab: Lab) -> tuple[KeyInfo, ...]:
    """The keys that a tenant may use; those that are not there yet are made, which takes a moment."""
    tenant = lab.tenant
    return tuple(_info(lab, tenant, name) for name in KEY_WORDS)


def _info(lab: Lab, tenant: Tenant, name: str) -> KeyInfo:
    pair = lab.keys.pair(name, tenant.certificate)
    curve: Any = getattr(pair.key, "curve", None)
    return KeyInfo(
        name=name,
        kind=f"EC {curve.name}" if curve is not None else f"RSA {pair.key.key_size}",
        fingerprint=pair.fingerprint,
        valid_from=pair.certificate.not_valid_before_utc,
        valid_until=pair.certificate.not_valid_after_utc,
        signs=name == tenant.signing_key,
        published=name in tenant.published_keys,
    )


def use_keys(lab: Lab, signing_key: str, published: Sequence[str], certificate: Variant) -> Tenant:
    """Sign with a key, publish these, show this certificate of them. The organisation as it was before."""
    before = lab.tenant
    lab.change_tenant(
        lambda t: replace(t, signing_key=signing_key, published_keys=tuple(published), certificate=certificate)
    )
    return before


def put_keys_back(lab: Lab, was: Tenant) -> None:
    """Use the keys as before."""
    use_keys(lab, was.signing_key, was.published_keys, was.certificate)


def save_metadata(lab: Lab, path: Path) -> Path:
    """Write the metadata of the test IdP. FileRefused where that is impossible."""
    return write_file(path, lab.metadata())
