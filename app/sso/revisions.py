"""What a revision of a configuration says, as facts by name, and what differs between two of them; stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from app import saml
from app.sso.choices import BY_CHOICE, checked

if TYPE_CHECKING:
    from datetime import datetime

    from app.product import ServiceProvider
    from app.saml import IdpMetadata, MetadataReading
    from app.store import Revision

_BINDINGS: Final = {"HTTP-Redirect": "redirect", "HTTP-POST": "POST", "SOAP": "SOAP", "HTTP-Artifact": "artifact"}
_ON, _OFF = "on", "off"


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact that two revisions do not agree in. None: the revision does not have it."""

    what: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        if self.old is None:
            return f"{self.what}: added, {self.new}"
        if self.new is None:
            return f"{self.what}: gone, was {self.old}"
        return f"{self.what}: {self.old} before, {self.new} now"


def reading_of(revision: Revision, now: datetime | None = None) -> MetadataReading:
    """What a saved document says; the entity that was chosen at saving is chosen again.

    Its problems do not turn an identity provider off that was good when it was saved: metadata that expires since is
    told on the settings page.
    """
    assert revision.document is not None
    return (_read if now is None else _read.__wrapped__)(revision.document, revision.idp_entity_id, now)


@lru_cache(maxsize=8)
def _read(document: bytes, idp_entity_id: str | None, now: datetime | None) -> MetadataReading:
    """Read a document; without a moment the same few are asked for again and again, and say the same."""
    reading = saml.read_metadata(document, now=now)
    if reading.idp is None and idp_entity_id is not None:
        reading = saml.read_metadata(document, entity=idp_entity_id, now=now)
    return reading


def decided_of(revision: Revision) -> Mapping[str, Any]:
    """What an account decided in a revision; nothing where it does not fit, see is_damaged()."""
    return {} if is_damaged(revision) else revision.choices


def is_damaged(revision: Revision) -> bool:
    """Whether its decisions are none that could have been saved, so that nobody may be judged by it."""
    try:
        return not isinstance(revision.choices, dict) or checked(revision.choices) != revision.choices
    except ValueError:
        return True


def facts_of(revision: Revision | None, sp: ServiceProvider) -> dict[str, str]:
    """Everything that a revision decides, by a name for people; of no revision, what holds before the first one."""
    on = revision is not None and revision.document is not None
    facts = {
        "Single sign-on": _ON if on else _OFF,
        "Identifier": (revision.entity_id if revision is not None else None) or sp.entity_id,
    }
    if revision is not None and revision.enforced:
        facts["Enforced"] = "yes"
    if revision is not None and on:
        idp = reading_of(revision).idp
        if idp is None:
            facts["Identity provider"] = f"{revision.idp_entity_id} (its metadata cannot be read any more)"
        else:
            facts.update(facts_of_idp(idp))
    for name, value in decided_of(revision).items() if revision is not None else ():
        facts[BY_CHOICE[name].title] = BY_CHOICE[name].shown(value)
    return facts


def facts_of_idp(idp: IdpMetadata) -> dict[str, str]:
    """What metadata of an identity provider decides, by a name for people. Certificates are named by fingerprint."""
    from app.saml.metadata import certificate_facts

    facts = {"Identity provider": idp.entity_id}
    if idp.display_name:
        facts["Name"] = idp.display_name
    for word, endpoints in (("Login", idp.sso_endpoints), ("Logout", idp.slo_endpoints)):
        for e in endpoints:
            last = e.binding.rpartition(":")[2]
            _put(facts, f"{word} address ({_BINDINGS.get(last, last)})", e.location)
    for key in idp.signing_keys:
        about = certificate_facts(key.certificate)
        facts[f"Signing certificate {about.sha256}"] = (
            f"{about.subject or 'no subject'}, until {about.not_after:%Y-%m-%d}"
        )
    for certificate in idp.encryption_certificates:
        about = certificate_facts(certificate)
        facts[f"Encryption certificate {about.sha256}"] = f"until {about.not_after:%Y-%m-%d}"
    if idp.nameid_formats:
        facts["NameID formats"] = ", ".join(sorted({f.rpartition(":")[2] for f in idp.nameid_formats}))
    if idp.want_authn_requests_signed:
        facts["Signed requests"] = "wanted"
    if idp.valid_until is not None:
        facts["Metadata valid until"] = f"{idp.valid_until:%Y-%m-%d %H:%M} UTC"
    return facts


def differences(old: dict[str, str], new: dict[str, str]) -> tuple[Difference, ...]:
    """What two sets of facts do not agree in, in the order of the facts."""
    names = [*old, *(n for n in new if n not in old)]
    return tuple(Difference(n, old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n))


def differences_of_idps(old: IdpMetadata, new: IdpMetadata) -> tuple[Difference, ...]:
    """What two metadata documents do not agree in, by meaning."""
    return differences(facts_of_idp(old), facts_of_idp(new))


def same_settings(one: Revision, other: Revision) -> bool:
    """Whether two revisions judge a login alike: they may differ in who saved them, and in being enforced."""
    aside = {"id": 0, "number": 0, "at": one.at, "operator": "", "what": "", "enforced": False}
    return replace(one, **aside) == replace(other, **aside)  # type: ignore[arg-type]  # fields of a Revision


def between(old: Revision | None, new: Revision | None, sp: ServiceProvider) -> tuple[Difference, ...]:
    """What differs between two revisions by meaning; a document that says the same in other bytes is a difference."""
    found = differences(facts_of(old, sp), facts_of(new, sp))
    digests = tuple(None if r is None else r.sha256 for r in (old, new))
    if not found and digests[0] != digests[1] and None not in digests:
        old_digest, new_digest = (str(d)[:16] for d in digests)
        found = (Difference("The document", f"SHA-256 {old_digest}...", f"SHA-256 {new_digest}... (same meaning)"),)
    return found


def _put(facts: dict[str, str], name: str, value: str) -> None:
    """Add a fact; a second one of the same name beside it."""
    facts[name] = f"{facts[name]}, {value}" if name in facts and value not in facts[name].split(", ") else value
