"""IdP and SP metadata: read with everything odd about it told, compared, and our own written.

A signature in metadata is shown, never trusted: its key comes from the same document. Nothing is fetched.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from app.saml.certificates import GOOD_CURVES, fingerprint, public_key, read_embedded
from app.saml.errors import MetadataError, Problem
from app.saml.expectation import Limits, TrustedKey
from app.saml.instants import read_instant
from app.saml.keyfiles import (
    CertificateFacts,
    PrivateKey,
    certificate_facts,
    load_certificates,
    load_private_key,
)
from app.saml.names import BINDING_POST, BINDING_REDIRECT, DS, MD, NAMEID_EMAIL, SAMLP, q
from app.saml.reading import kind_of, what_is_this
from app.saml.xml import name_of, parse, place
from app.saml.xmlbytes import is_html

__all__ = [
    "METADATA_LIMITS",
    "CertificateFacts",
    "Endpoint",
    "IdpMetadata",
    "MetadataReading",
    "PrivateKey",
    "SpMetadata",
    "certificate_facts",
    "load_certificates",
    "load_private_key",
    "metadata_changes",
    "read_metadata",
    "sp_metadata",
]

#: Aggregates are long; a single entity is held to the ordinary bounds on depth and namespaces all the same.
METADATA_LIMITS: Final = Limits(encoded_bytes=10_485_760, decoded_bytes=10_485_760, nodes=400_000)
_MDUI: Final = "urn:oasis:names:tc:SAML:metadata:ui"
_FRONT: Final = (BINDING_REDIRECT, BINDING_POST)
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f-\x9f]")
_DURATION: Final = re.compile(r"-?P(?=.)(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?\Z")
_MAX_ENTITIES_LISTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a role is reached. `location` is an http or https address; others are refused and not listed.

    `response_location` is where answers go instead, if elsewhere (saml-metadata §2.2.2).
    """

    binding: str
    location: str
    index: int | None = None
    is_default: bool = False
    response_location: str | None = None


@dataclass(frozen=True, slots=True)
class IdpMetadata:
    """What the configuration needs of an IdP. `signed` says that there is a signature, not that it was verified.

    `cache_duration` is the xs:duration as written. `repairs` tell what had to be overlooked to read it.
    """

    entity_id: str
    signing_keys: tuple[TrustedKey, ...]
    encryption_certificates: tuple[x509.Certificate, ...]
    sso_endpoints: tuple[Endpoint, ...]
    slo_endpoints: tuple[Endpoint, ...]
    nameid_formats: tuple[str, ...]
    want_authn_requests_signed: bool
    valid_until: datetime | None
    cache_duration: str | None
    display_name: str | None
    signed: bool
    repairs: tuple[str, ...] = ()

    def sso_location(self, binding: str = BINDING_REDIRECT) -> str | None:
        """The first SingleSignOnService address for a binding."""
        return next((e.location for e in self.sso_endpoints if e.binding == binding), None)

    @property
    def sso_urls(self) -> tuple[str, ...]:
        """Every address that takes AuthnRequests."""
        return _locations(self.sso_endpoints)

    @property
    def slo_urls(self) -> tuple[str, ...]:
        """Every address that takes logout messages, answers included."""
        return _locations(self.slo_endpoints)


def _locations(endpoints: tuple[Endpoint, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(u for e in endpoints for u in (e.location, e.response_location) if u))


@dataclass(frozen=True, slots=True)
class SpMetadata:
    """What a simulator or a person needs of an SP."""

    entity_id: str
    acs_endpoints: tuple[Endpoint, ...]
    slo_endpoints: tuple[Endpoint, ...]
    signing_certificates: tuple[x509.Certificate, ...]
    encryption_certificates: tuple[x509.Certificate, ...]
    nameid_formats: tuple[str, ...]
    authn_requests_signed: bool
    want_assertions_signed: bool
    valid_until: datetime | None
    display_name: str | None
    signed: bool
    repairs: tuple[str, ...] = ()

    @property
    def slo_urls(self) -> tuple[str, ...]:
        """Every address that takes logout messages, answers included."""
        return _locations(self.slo_endpoints)


@dataclass(frozen=True, slots=True)
class MetadataReading:
    """What read_metadata() found. With any of `problems`, the metadata must not be used as it is.

    `idp` and `sp` are filled as far as they could be read, problems or not. `entities` are all entity IDs of an
    aggregate, in order. `warnings` and `notes` are filed under the md-* checks, as the problems are.
    """

    idp: IdpMetadata | None = None
    sp: SpMetadata | None = None
    entities: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    repairs: tuple[str, ...] = ()

    def usable_idp(self) -> IdpMetadata:
        """The IdP, or MetadataError with every reason why it cannot be used."""
        if self.problems or self.idp is None:
            reasons = self.problems or (Problem("md-idp-role", "The metadata describes no identity provider."),)
            raise MetadataError(" ".join(p.message for p in reasons), reasons)
        return self.idp


def read_metadata(
    data: bytes | str,
    *,
    limits: Limits = METADATA_LIMITS,
    entity: str | None = None,
    now: datetime | None = None,
    known_test_keys: frozenset[str] = frozenset(),
    expect: Literal["idp", "sp", "any"] = "idp",
) -> MetadataReading:
    """Read metadata of one entity, or of one out of an aggregate (saml-metadata §2). Never raises.

    `entity` chooses from an aggregate by entity ID; without it the only IdP is taken. `now` lets validity be judged.
    `expect` says which role is wanted: its absence is a problem ("any": either will do).
    """
    reader = _Reader(now, known_test_keys, expect)
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    descriptor = reader.descriptor(raw, limits, entity)
    if descriptor is not None:
        reader.entity(descriptor)
    return reader.reading()


@dataclass(slots=True)
class _Reader:
    now: datetime | None
    known_test_keys: frozenset[str]
    expect: Literal["idp", "sp", "any"]
    idp: IdpMetadata | None = None
    sp: SpMetadata | None = None
    entities: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)

    def reading(self) -> MetadataReading:
        return MetadataReading(
            self.idp,
            self.sp,
            tuple(self.entities),
            tuple(self.problems),
            tuple(self.warnings),
            tuple(self.notes),
            tuple(dict.fromkeys(self.repairs)),
        )

    def wrong(self, check: str, message: str, at: etree._Element | None = None, actual: str | None = None) -> None:
        self.problems.append(Problem(check, message, None, actual, place(at) if at is not None else None))

    def warn(self, check: str, message: str, at: etree._Element | None = None, actual: str | None = None) -> None:
        self.warnings.append(Problem(check, message, None, actual, place(at) if at is not None else None))

    def note(self, check: str, message: str, at: etree._Element | None = None) -> None:
        self.notes.append(Problem(check, message, None, None, place(at) if at is not None else None))

    # The document ---------------------------------------------------------------------------------------------------

    def descriptor(self, data: bytes, limits: Limits, entity: str | None) -> etree._Element | None:
        """The EntityDescriptor to read, or None after saying why there is none."""
        if len(data) > limits.encoded_bytes:
            message = f"The metadata is {len(data):,} bytes long; at most {limits.encoded_bytes:,} are read."
            self.wrong("encoding-size-limit", message)
            return None
        data = self._as_utf8(data)
        if not data.startswith(b"<") or is_html(data):
            what = what_is_this(data)
            if is_html(data):
                what = "This is an HTML page, not metadata: the address leads to a login or an error page."
            self.wrong("md-root", f"{what} SAML metadata begins with md:EntityDescriptor.")
            return None
        parsed = parse(data, limits)
        if parsed.document is None:
            self.problems += parsed.problems
            return None
        self.warnings += [p for p in parsed.problems if p.check not in ("xml-no-external-ref", "xml-comments")]
        root = parsed.document.root
        if kind_of(root) == "EntityDescriptor":
            return root
        if kind_of(root) == "EntitiesDescriptor":
            return self._choose(root, entity)
        self.wrong("md-root", f"{what_is_this(root)} SAML metadata begins with md:EntityDescriptor.", root)
        return None

    def _as_utf8(self, data: bytes) -> bytes:
        """Byte order marks and UTF-16 are common in metadata that was saved or downloaded; they are told."""
        if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:2] in (b"<\0", b"\0<"):
            codec = "utf-16" if data[:1] in b"\xff\xfe" else "utf-16-le" if data[:1] == b"<" else "utf-16-be"
            try:
                text = data.decode(codec)
            except UnicodeDecodeError:
                return data
            self.repairs.append("UTF-16 read as UTF-8")
            data = re.sub(r"\A\s*<\?xml[^>]{0,200}\?>", "", text.lstrip("\ufeff")).encode("utf-8", "surrogatepass")
        while data.startswith(b"\xef\xbb\xbf"):
            data = data.removeprefix(b"\xef\xbb\xbf")
            self.repairs.append("byte order mark removed")
        if data[:1].isspace():
            data = data.lstrip()
            self.repairs.append("blanks before the XML removed")
        return data

    def _choose(self, root: etree._Element, entity: str | None) -> etree._Element | None:
        descriptors = list(root.iter(q(MD, "EntityDescriptor")))
        self.entities = [_trim(d.get("entityID") or "")[0] for d in descriptors[:_MAX_ENTITIES_LISTED]]
        if entity is not None:
            for d in descriptors:
                if _trim(d.get("entityID") or "")[0] == entity:
                    return d
            message = f"The metadata holds {len(descriptors):,} entities, and none is called “{entity}”."
            self.wrong("md-root", message, root)
            return None
        role = q(MD, "SPSSODescriptor" if self.expect == "sp" else "IDPSSODescriptor")
        fitting = [d for d in descriptors if d.find(role) is not None]
        if len(fitting) == 1:
            message = f"Of {len(descriptors):,} entities the only one with the wanted role was taken."
            self.note("md-root", message, fitting[0])
            return fitting[0]
        kind = "service providers" if self.expect == "sp" else "identity providers"
        count = f"{len(descriptors):,} entities with {len(fitting):,} {kind}"
        message = f"The metadata holds {count}; choose one by its entity ID."
        self.wrong("md-root", message, root)
        return None

    # The entity -----------------------------------------------------------------------------------------------------

    def entity(self, el: etree._Element) -> None:
        entity_id = self._entity_id(el)
        if not self.entities:
            self.entities = [entity_id] if entity_id else []
        signed = el.find(q(DS, "Signature")) is not None or (
            el.getparent() is not None and el.getroottree().getroot().find(q(DS, "Signature")) is not None
        )
        if signed:
            message = "The metadata is signed. The signature was not used: its key comes from the same document."
            self.note("md-signature", message, el)
        else:
            message = "The metadata is not signed; compare the certificate's fingerprint with the IdP."
            self.note("md-signature", message, el)
        idps = list(el.iterchildren(q(MD, "IDPSSODescriptor")))
        sps = list(el.iterchildren(q(MD, "SPSSODescriptor")))
        others = list(el.iterchildren(q(MD, "RoleDescriptor")))
        if others:
            self.note(
                "md-protocol",
                f"There are {len(others)} roles of other protocols (WS-Federation); their keys are not used.",
                others[0],
            )
        idp = self._speaks_saml2(idps)
        sp = self._speaks_saml2(sps)
        valid_until, cache_duration = self._validity(el, idp if idp is not None else sp)
        if idp is not None and self.expect != "sp":
            self.idp = self._idp(el, idp, entity_id, valid_until, cache_duration, signed)
        elif self.expect == "idp":
            self._no_idp(el, idps, sps)
        if sp is not None and (self.expect != "idp" or idp is None):
            self.sp = self._sp(el, sp, entity_id, valid_until, signed)
        elif self.expect == "sp":
            what = "an identity provider" if idps else "no SAML 2.0 service provider"
            message = f"The metadata describes {what}, and the metadata of a service provider is wanted."
            self.wrong("md-root", message, el)
        if self.expect == "any" and idp is None and sp is None:
            self._no_role(el, idps, sps)

    def _no_role(self, el: etree._Element, idps: list[etree._Element], sps: list[etree._Element]) -> None:
        """Nothing here speaks SAML 2.0, and either role would have done."""
        if sps and not idps:
            message = "The service provider's role does not list SAML 2.0 among its protocols."
            self.wrong("md-protocol", message, sps[0], sps[0].get("protocolSupportEnumeration"))
        else:
            self._no_idp(el, idps, sps)

    def _no_idp(self, el: etree._Element, idps: list[etree._Element], sps: list[etree._Element]) -> None:
        if idps:
            message = "The identity provider's role does not list SAML 2.0 among its protocols."
            self.wrong("md-protocol", message, idps[0], idps[0].get("protocolSupportEnumeration"))
        elif sps:
            self.wrong(
                "md-idp-role",
                "This is the metadata of a service provider, not of an identity provider. Download the IdP's own "
                "metadata (often called “federation metadata” or “identity provider metadata”).",
                sps[0],
            )
        else:
            message = "The metadata describes no SAML identity provider (IDPSSODescriptor is missing)."
            self.wrong("md-idp-role", message, el)

    def _entity_id(self, el: etree._Element) -> str:
        value = el.get("entityID")
        if value is None or not value.strip():
            self.wrong("md-entityid", "The metadata does not say its entity ID.", el)
            return ""
        trimmed, what = _trim(value)
        if what:
            self.repairs.append(f"{what} around the entity ID removed")
            message = (
                f"The entity ID begins or ends with {what}. It was removed; messages may carry it with or without."
            )
            self.warn("md-entityid", message, el, repr(value))
        if len(trimmed) > 1024:
            self.wrong("md-entityid", f"The entity ID has {len(trimmed):,} characters; at most 1,024 are allowed.", el)
        elif not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+\Z", trimmed):
            self.warn("md-entityid", f"The entity ID “{trimmed[:80]}” is not an absolute URI.", el, trimmed)
        return trimmed

    def _speaks_saml2(self, roles: list[etree._Element]) -> etree._Element | None:
        return next((r for r in roles if SAMLP in (r.get("protocolSupportEnumeration") or "").split()), None)

    def _validity(self, el: etree._Element, role: etree._Element | None) -> tuple[datetime | None, str | None]:
        """The earliest validUntil of the entity, its role and what is around it; the innermost cacheDuration."""
        holders = [h for h in (role, el, *el.iterancestors()) if h is not None]
        earliest: datetime | None = None
        for holder in holders:
            text = holder.get("validUntil")
            if text is None:
                continue
            instant = read_instant(text.strip())
            if instant.at is None:
                self.wrong("md-valid-until", f"validUntil “{text[:40]}” is not a date and time.", holder, text[:80])
            elif earliest is None or instant.at < earliest:
                earliest = instant.at
        if earliest is None:
            message = "The metadata has no end of validity (validUntil); look for new keys yourself."
            self.note("md-valid-until", message, el)
        elif self.now is not None and earliest <= self.now:
            message = f"The metadata was valid until {earliest:%Y-%m-%d %H:%M} UTC only. Download it again."
            self.wrong("md-valid-until", message, el, earliest.isoformat())
        elif self.now is not None and earliest - self.now > timedelta(days=366):
            message = f"The metadata is valid until {earliest:%Y-%m-%d}, which is more than a year."
            self.note("md-valid-until", message, el)
        duration = next((h.get("cacheDuration") for h in holders if h.get("cacheDuration")), None)
        if duration is not None:
            if not _DURATION.match(duration):
                self.warn("md-cache-duration", f"cacheDuration “{duration[:40]}” is not a duration.", el, duration[:80])
            elif not re.search(r"[1-9]", duration):
                self.warn("md-cache-duration", "cacheDuration is zero, as if the metadata were never to be kept.", el)
            else:
                self.note("md-cache-duration", f"The metadata asks to be read again after {duration}.", el)
        return earliest, duration

    def _idp(
        self,
        el: etree._Element,
        role: etree._Element,
        entity_id: str,
        valid_until: datetime | None,
        cache_duration: str | None,
        signed: bool,
    ) -> IdpMetadata:
        signing, encryption = self._keys(role, required=True)
        if len(signing) > 1:
            message = f"There are {len(signing)} signing keys; all are kept, as during a change of keys."
            self.note("md-keys-many", message, role)
        sso = self._endpoints(role, "SingleSignOnService")
        if not any(e.binding in _FRONT for e in sso):
            bindings = ", ".join(sorted({e.binding.rpartition(":")[2] for e in sso})) or "no usable address"
            message = (
                f"The IdP offers no SingleSignOnService by HTTP-Redirect or HTTP-POST ({bindings}); no login can begin."
            )
            self.wrong("md-sso-endpoint", message, role, bindings)
        formats = _texts(role, "NameIDFormat")
        if formats and NAMEID_EMAIL not in formats:
            self.note("md-nameid-formats", "The IdP does not list e-mail addresses among its NameID formats.", role)
        wants = role.get("WantAuthnRequestsSigned") in ("true", "1")
        if wants:
            message = "The IdP wants AuthnRequests to be signed; logins that begin here need a signing key."
            self.warn("md-want-authnrequests-signed", message, role)
        return IdpMetadata(
            entity_id=entity_id,
            signing_keys=tuple(TrustedKey(c, f"metadata of {entity_id}") for c in signing),
            encryption_certificates=encryption,
            sso_endpoints=sso,
            slo_endpoints=self._endpoints(role, "SingleLogoutService"),
            nameid_formats=formats,
            want_authn_requests_signed=wants,
            valid_until=valid_until,
            cache_duration=cache_duration,
            display_name=_display_name(el, role),
            signed=signed,
            repairs=tuple(dict.fromkeys(self.repairs)),
        )

    def _sp(
        self, el: etree._Element, role: etree._Element, entity_id: str, valid_until: datetime | None, signed: bool
    ) -> SpMetadata:
        wanted = self.expect != "idp"
        signing, encryption = self._keys(role, required=False)
        if wanted and role.get("AuthnRequestsSigned") in ("true", "1") and not signing:
            message = "The service provider says that it signs AuthnRequests, and gives no certificate to verify them."
            self.warn("md-signing-key", message, role)
        acs = self._endpoints(role, "AssertionConsumerService")
        if wanted and not any(e.binding == BINDING_POST for e in acs):
            message = "The service provider has no AssertionConsumerService by HTTP-POST, so it cannot be sent a login."
            self.wrong("md-sso-endpoint", message, role)
        indices = [e.index for e in acs if e.index is not None]
        if len(set(indices)) < len(indices):
            self.warn("md-sso-endpoint", "Two AssertionConsumerServices have the same index.", role)
        return SpMetadata(
            entity_id=entity_id,
            acs_endpoints=acs,
            slo_endpoints=self._endpoints(role, "SingleLogoutService"),
            signing_certificates=signing,
            encryption_certificates=encryption,
            nameid_formats=_texts(role, "NameIDFormat"),
            authn_requests_signed=role.get("AuthnRequestsSigned") in ("true", "1"),
            want_assertions_signed=role.get("WantAssertionsSigned") in ("true", "1"),
            valid_until=valid_until,
            display_name=_display_name(el, role),
            signed=signed,
            repairs=tuple(dict.fromkeys(self.repairs)),
        )

    # Keys and endpoints ----------------------------------------------------------------------------------------------

    def _keys(
        self, role: etree._Element, *, required: bool
    ) -> tuple[tuple[x509.Certificate, ...], tuple[x509.Certificate, ...]]:
        """Signing and encryption certificates. A key without `use` serves both (saml-metadata §2.4.1.1, E62)."""
        signing: dict[str, x509.Certificate] = {}
        encryption: dict[str, x509.Certificate] = {}
        unreadable = without_certificate = 0
        for descriptor in list(role.iterchildren(q(MD, "KeyDescriptor")))[:32]:
            use = descriptor.get("use")
            if use not in (None, "signing", "encryption"):
                self.warn("md-keyinfo-kind", f"A KeyDescriptor has the unknown use “{use[:40]}”.", descriptor)
                continue
            elements = list(descriptor.iterfind(f"{q(DS, 'KeyInfo')}/{q(DS, 'X509Data')}/{q(DS, 'X509Certificate')}"))
            if not elements:
                without_certificate += 1
                message = (
                    "A KeyDescriptor holds no certificate (only a key value or a name). Keys are taken from "
                    "X509Certificate; ask for metadata with certificates."
                )
                self.warn("md-keyinfo-kind", message, descriptor)
            for element in elements[:8]:
                found = read_embedded(element.text)
                self.repairs += found.repairs
                if found.error:
                    unreadable += 1
                    self.warn("md-keyinfo-kind", f"A certificate could not be read: {found.error}", element)
                for certificate in found.certificates:
                    key = fingerprint(certificate)
                    if use != "encryption":
                        signing.setdefault(key, certificate)
                    if use != "signing":
                        encryption.setdefault(key, certificate)
                    self._quality(certificate, element)
        if required and not signing:
            if unreadable:
                why = "its certificates could not be read"
            elif without_certificate:
                why = "it gives keys without certificates"
            elif encryption:
                why = "it has a key for encryption only"
            else:
                why = "it has no KeyDescriptor"
            message = f"The metadata holds no signing certificate ({why}). Without one no login can be verified."
            self.wrong("md-signing-key", message, role)
        return tuple(signing.values()), tuple(encryption.values())

    def _quality(self, certificate: x509.Certificate, at: etree._Element) -> None:
        facts = certificate_facts(certificate, known_test_keys=self.known_test_keys)
        short = facts.sha256[:16]
        key = public_key(certificate)
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
            message = f"The key of certificate {short}… is {facts.key}; 2048 bits are the least that is safe."
            self.warn("md-key-quality", message, at, facts.key)
        elif isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in GOOD_CURVES:
            self.warn("md-key-quality", f"The curve of certificate {short}… ({key.curve.name}) is unusual.", at)
        elif not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            self.warn("md-key-quality", f"The key of certificate {short}… is of a kind that cannot be used.", at)
        if facts.is_test_key:
            message = f"Certificate {short}… is a test key of this program. Whoever has the program can sign with it."
            self.warn("md-key-quality", message, at, facts.sha256)
        if self.now is not None and facts.expired(self.now):
            message = (
                f"Certificate {short}… expired on {facts.not_after:%Y-%m-%d}. Its key still counts; ask for a new one."
            )
            self.warn("md-key-quality", message, at)
        elif self.now is not None and self.now < facts.not_before:
            message = f"Certificate {short}… is valid only from {facts.not_before:%Y-%m-%d}."
            self.warn("md-key-quality", message, at)

    def _endpoints(self, role: etree._Element, name: str) -> tuple[Endpoint, ...]:
        found: list[Endpoint] = []
        for el in list(role.iterchildren(q(MD, name)))[:256]:
            location = (el.get("Location") or "").strip()
            problem, warning = _address(location)
            if problem:
                self.wrong("md-endpoint-scheme", f"{name_of(el)}: {problem}", el, location[:200])
                continue
            if warning:
                check = "md-endpoint-scheme" if "not encrypted" in warning else "md-endpoint-host"
                self.warn(check, f"{name_of(el)}: {warning}", el, location[:200])
            answers = (el.get("ResponseLocation") or "").strip() or None
            if answers is not None and (problem := _address(answers)[0]):
                problem = problem.replace("Location", "ResponseLocation")
                self.wrong("md-endpoint-scheme", f"{name_of(el)}: {problem}", el, answers[:200])
                answers = None
            index = el.get("index") or ""
            found.append(
                Endpoint(
                    binding=(el.get("Binding") or "").strip(),
                    location=location,
                    index=int(index) if re.fullmatch(r"[0-9]{1,5}", index) else None,
                    is_default=el.get("isDefault") in ("true", "1"),
                    response_location=answers,
                )
            )
        return tuple(found)


def _trim(value: str) -> tuple[str, str]:
    """A value without blanks around it, and what kind there were ("" for none). Non-breaking ones look like nothing."""
    trimmed = value.strip("\u00a0\u200b\ufeff \t\r\n")
    if trimmed == value:
        return value, ""
    return trimmed, "a non-breaking or invisible blank" if value.strip() != trimmed or "\u00a0" in value else "a blank"


def _address(location: str) -> tuple[str | None, str | None]:
    """Why an endpoint address is refused, and what to warn of (saml-bindings §3.1.1)."""
    if not location:
        return "its Location is empty.", None
    if _CONTROL.search(location):
        return "its Location contains a blank or control character.", None
    try:
        parts = urlsplit(location)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return f"its Location “{location[:80]}” is not an address.", None
    if parts.scheme.lower() not in ("http", "https"):
        scheme = parts.scheme or "none"
        return f"its Location has the scheme “{scheme[:20]}”; only https addresses are safe to follow.", None
    if not host:
        return f"its Location “{location[:80]}” names no host.", None
    if "@" in parts.netloc:
        return None, f"its Location carries a user name before the host, which hides that it leads to {host}."
    if _is_local(host):
        return None, f"its Location leads to {host}, which is this machine or a bare number; nobody else reaches it."
    if parts.scheme.lower() == "http":
        return None, "its Location is http, which is not encrypted; use https."
    return None, None


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _texts(role: etree._Element, name: str) -> tuple[str, ...]:
    found = ((el.text or "").strip() for el in role.iterchildren(q(MD, name)))
    return tuple(t for t in found if t)[:64]


def _display_name(el: etree._Element, role: etree._Element) -> str | None:
    shown = role.find(f"{q(MD, 'Extensions')}/{q(_MDUI, 'UIInfo')}/{q(_MDUI, 'DisplayName')}")
    if shown is None:
        shown = el.find(f"{q(MD, 'Organization')}/{q(MD, 'OrganizationDisplayName')}")
    text = (shown.text or "").strip() if shown is not None else ""
    return text[:200] or None


def metadata_changes(old: IdpMetadata, new: IdpMetadata) -> tuple[Problem, ...]:
    """What differs between two readings of an IdP and a person must confirm, for md-change-review."""
    found: list[Problem] = []

    def say(message: str, expected: str | None = None, actual: str | None = None) -> None:
        found.append(Problem("md-change-review", message, expected, actual))

    if old.entity_id != new.entity_id:
        say("The entity ID is another one: this is a different identity provider.", old.entity_id, new.entity_id)
    before = {fingerprint(k.certificate) for k in old.signing_keys}
    after = {fingerprint(k.certificate) for k in new.signing_keys}
    for added in sorted(after - before):
        say(f"A signing certificate is new: {added}. Compare this fingerprint with the IdP.", None, added)
    for removed in sorted(before - after):
        say(f"A signing certificate is gone: {removed}. Messages signed with it are then refused.", removed)
    for what, ours, theirs in (
        ("The login address", old.sso_endpoints, new.sso_endpoints),
        ("The logout address", old.slo_endpoints, new.slo_endpoints),
    ):
        if {(e.binding, e.location) for e in ours} != {(e.binding, e.location) for e in theirs}:
            shown = [", ".join(dict.fromkeys(e.location for e in x)) or "none" for x in (ours, theirs)]
            say(f"{what} has changed.", shown[0], shown[1])
    return tuple(found)


def sp_metadata(
    entity_id: str,
    acs_url: str,
    logout_url: str | None = None,
    certificates: tuple[x509.Certificate, ...] = (),
    *,
    signing: tuple[x509.Certificate, ...] = (),
    encryption: tuple[x509.Certificate, ...] = (),
    want_assertions_signed: bool = True,
    authn_requests_signed: bool = False,
) -> bytes:
    """Our own metadata (saml-metadata §2.4.4), in UTF-8. Raises MetadataError for values it cannot hold.

    `certificates` are for either use, `signing` and `encryption` for one; of several the first is in force.
    """
    root = etree.Element(q(MD, "EntityDescriptor"), nsmap={"md": MD, "ds": DS})
    try:
        root.set("entityID", entity_id)
        role = etree.SubElement(root, q(MD, "SPSSODescriptor"))
        role.set("AuthnRequestsSigned", "true" if authn_requests_signed else "false")
        role.set("WantAssertionsSigned", "true" if want_assertions_signed else "false")
        role.set("protocolSupportEnumeration", SAMLP)
        uses = [*((c, "signing") for c in signing), *((c, "encryption") for c in encryption)]
        for certificate, use in (*((c, "") for c in certificates), *uses):
            descriptor = etree.SubElement(role, q(MD, "KeyDescriptor"), {"use": use} if use else {})
            info = etree.SubElement(descriptor, q(DS, "KeyInfo"))
            data = etree.SubElement(info, q(DS, "X509Data"))
            pem = certificate.public_bytes(Encoding.PEM).decode().splitlines()[1:-1]
            etree.SubElement(data, q(DS, "X509Certificate")).text = "".join(pem)
        if logout_url:
            for binding in _FRONT:
                etree.SubElement(role, q(MD, "SingleLogoutService"), {"Binding": binding, "Location": logout_url})
        etree.SubElement(role, q(MD, "NameIDFormat")).text = NAMEID_EMAIL
        acs = {"Binding": BINDING_POST, "Location": acs_url, "index": "0", "isDefault": "true"}
        etree.SubElement(role, q(MD, "AssertionConsumerService"), acs)
    except ValueError as e:
        raise MetadataError("The entity ID or an address contains a control character.") from e
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
