"""Encrypted assertions that are unsigned, malleable, for somebody else, or not what they decrypt to."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from lxml import etree

from simulator import names
from simulator.draft import Draft
from simulator.encryption import Encryption, cipher_octets, encrypt
from simulator.faults.registry import Expects, Family, Setup, Stage
from simulator.names import DS, SAML, XENC, q

encryption = Family("encryption", kind="A", stage=Stage.SIGNED)
_KEY = Setup(decryption_key=True)
_CANARY = Setup(decryption_key=True, canary=True)


def _fault(
    fault_id: str,
    breaks: str | None,
    *accepts: str,
    setup: Setup = _KEY,
    expects: Expects = "reject",
    kind: str = "A",
    stage: Stage = Stage.SIGNED,
    reference: str = "",
    signs: str = "assertion",
) -> Callable[[Callable[[Draft], None]], Callable[[Draft], None]]:
    return encryption.fault(
        fault_id,
        breaks,
        *accepts,
        setup=setup,
        expects=expects,
        kind=kind,  # type: ignore[arg-type]  # one of the three letters
        stage=stage,
        reference=reference,
        signs=signs,  # type: ignore[arg-type]  # one of the literals
    )


def _how(
    fault_id: str,
    summary: str,
    breaks: str | None,
    *accepts: str,
    expects: Expects = "reject",
    setup: Setup = _KEY,
    reference: str = "",
    signs: str = "assertion",
    how: Encryption,
) -> None:
    """An honest, signed and encrypted message whose encryption has these values."""

    def apply(d: Draft) -> None:
        d.encryption = how

    encryption.row(
        fault_id,
        apply,
        summary,
        breaks,
        *accepts,
        expects=expects,
        setup=setup,
        reference=reference,
        kind="H",
        stage=Stage.SPEC,
        signs=signs,  # type: ignore[arg-type]  # one of the literals
    )


@_fault(
    "enc-unsigned",
    "enc-signature-required",
    "signature-present",
    kind="U",
    signs="nothing",
    reference="CVE-2026-18108, CVE-2026-41005, CVE-2024-4985",
)
def _(d: Draft) -> None:
    """A forged, unsigned assertion encrypted to the service provider's public certificate."""
    d.forge(d.assertion)
    d.encrypt_assertion()


@_fault("enc-response-signed-only", None, expects="accept", kind="H", stage=Stage.SPEC, signs="response")
def _(d: Draft) -> None:
    """An unsigned assertion is encrypted, and the response around the ciphertext is signed."""
    d.encryption = Encryption()


@_fault("enc-signed-after-encrypt-stripped", None, expects="accept", signs="both")
def _(d: Draft) -> None:
    """The response signature was removed; the encrypted assertion's own signature still verifies."""
    response_signature = d.response.find(q(DS, "Signature"))
    assert response_signature is not None
    d.response.remove(response_signature)
    d.encrypt_assertion()


@_fault("enc-wrong-recipient", "enc-key-available", kind="H", stage=Stage.SPEC)
def _(d: Draft) -> None:
    """Encrypted to the certificate of another service provider, or to ours before the last change."""
    d.encryption = Encryption()
    d.encrypt_to = d.key("other-sp").certificate


_how(
    "enc-rsa15",
    "The key is transported with RSA 1.5.",
    "enc-key-transport",
    how=Encryption(transport=names.RSA_15),
    reference="Bleichenbacher",
)
_how(
    "enc-oaep-sha256",
    "RSA-OAEP of XML Encryption 1.1 with SHA-256 and MGF1-SHA-1.",
    None,
    expects="accept",
    how=Encryption(transport=names.RSA_OAEP, oaep_digest="sha256", mgf="sha1"),
)
_how(
    "enc-oaep-mgf1sha256",
    "RSA-OAEP of XML Encryption 1.1 with SHA-256 in both places.",
    None,
    expects="accept",
    how=Encryption(transport=names.RSA_OAEP, oaep_digest="sha256", mgf="sha256"),
)
_how(
    "enc-oaep-params",
    "RSA-OAEP with OAEPparams: shown, and supported.",
    None,
    expects="accept",
    how=Encryption(params=b"label"),
)
_STRICT_CBC = Setup(decryption_key=True, policy=(("allow_cbc", False),))
_how(
    "enc-cbc",
    "AES-CBC where the policy wants GCM.",
    "enc-block-alg",
    setup=_STRICT_CBC,
    how=Encryption(block=names.AES128_CBC),
)
_how(
    "enc-cbc-assertion-signed",
    "AES-CBC around a signed assertion, the response unsigned.",
    "enc-block-alg",
    setup=_STRICT_CBC,
    how=Encryption(block=names.AES256_CBC),
)
_how("enc-3des", "Triple DES.", "enc-block-alg", how=Encryption(block=names.TRIPLEDES_CBC), signs="both")


def _cipher(d: Draft, change: Callable[[bytes], bytes], how: Encryption | None = None) -> None:
    """Encrypts the signed assertion and edits the ciphertext."""
    outer = d.encrypt_assertion(how)
    value, octets = cipher_octets(outer)
    value.text = base64.b64encode(change(octets)).decode()


def _flip(octets: bytes, at: int) -> bytes:
    edited = bytearray(octets)
    edited[at] ^= 1
    return bytes(edited)


_ANY_DECRYPTION = (
    "enc-plaintext-type",
    "signature-digest",
    "enc-block-alg",
    "enc-plaintext-hardening",
    "xml-wellformed",
    "enc-error-uniform",
    "enc-key-available",
)


@_fault("enc-cbc-bitflip", "enc-plaintext-type", *_ANY_DECRYPTION[1:], reference="Jager and Somorovsky 2011")
def _(d: Draft) -> None:
    """One bit of a CBC ciphertext was flipped: it decrypts to something else without a complaint."""
    _cipher(d, lambda octets: _flip(octets, 20), Encryption(block=names.AES128_CBC))


def _padding(fault_id: str, octet: int) -> None:
    def apply(d: Draft) -> None:
        d.encrypt_assertion(Encryption(block=names.AES128_CBC, padding_byte=octet))

    encryption.row(
        fault_id,
        apply,
        f"The last octet of the CBC plaintext says {octet}, which is no padding; the error must not tell.",
        "enc-plaintext-type",
        *_ANY_DECRYPTION[1:],
        setup=_KEY,
        reference="padding oracle",
    )


_padding("enc-cbc-padding-zero", 0)
_padding("enc-cbc-padding-17", 17)


@_fault("enc-gcm-bitflip", "enc-plaintext-type", *_ANY_DECRYPTION[1:], "enc-gcm-length")
def _(d: Draft) -> None:
    """One bit of a GCM ciphertext was flipped."""
    _cipher(d, lambda octets: _flip(octets, 40))


@_fault("enc-gcm-tag-truncated", "enc-gcm-length", *_ANY_DECRYPTION)
def _(d: Draft) -> None:
    """Twelve octets of the GCM tag are missing."""
    _cipher(d, lambda octets: octets[:-12])


@_fault("enc-gcm-iv-short", "enc-gcm-length", *_ANY_DECRYPTION)
def _(d: Draft) -> None:
    """Four octets of the nonce are missing."""
    _cipher(d, lambda octets: octets[4:])


@_fault("enc-gcm-empty", "enc-gcm-length", *_ANY_DECRYPTION, "enc-structure")
def _(d: Draft) -> None:
    """The ciphertext is one octet."""
    _cipher(d, lambda octets: b"x")


@_fault("enc-no-encryptedkey", "enc-structure", "enc-key-available")
def _(d: Draft) -> None:
    """No EncryptedKey: nobody can decrypt it."""
    outer = d.encrypt_assertion()
    info = outer.find(f".//{q(DS, 'KeyInfo')}")
    assert info is not None
    for key in info.findall(q(XENC, "EncryptedKey")):
        info.remove(key)


_how(
    "enc-two-encryptedkeys",
    "Two EncryptedKeys, both for us: allowed.",
    None,
    expects="accept",
    how=Encryption(keys=2),
)
_how(
    "enc-500-encryptedkeys",
    "Five hundred EncryptedKeys.",
    "enc-structure",
    how=Encryption(keys=500),
    reference="php-saml 2.22",
)


@_fault("enc-loop", "enc-structure", "enc-no-external", "enc-key-available")
def _(d: Draft) -> None:
    """A RetrievalMethod points at the KeyInfo that it stands in."""
    outer = d.encrypt_assertion()
    info = outer.find(f".//{q(DS, 'KeyInfo')}")
    assert info is not None
    for key in info.findall(q(XENC, "EncryptedKey")):
        info.remove(key)
    info.set("Id", "_loop")
    etree.SubElement(info, q(DS, "RetrievalMethod"), URI="#_loop")


def _external(fault_id: str, url: Callable[[Draft], str], summary: str) -> None:
    def apply(d: Draft) -> None:
        outer = d.encrypt_assertion()
        info = outer.find(f".//{q(DS, 'KeyInfo')}")
        assert info is not None
        for key in info.findall(q(XENC, "EncryptedKey")):
            info.remove(key)
        etree.SubElement(info, q(DS, "RetrievalMethod"), URI=url(d))

    encryption.row(
        fault_id,
        apply,
        summary,
        "enc-no-external",
        "enc-structure",
        setup=_CANARY,
        reference="xmlenc-core1 §4.3",
    )


_external(
    "enc-retrievalmethod-external", lambda d: d.canary_url + "key", "RetrievalMethod names a URL, to stay unvisited."
)
_external(
    "enc-retrievalmethod-file", lambda d: "file://" + d.canary_file, "RetrievalMethod names a file, to stay unread."
)


@_fault("enc-cipherreference", "enc-no-external", "enc-structure", setup=_CANARY)
def _(d: Draft) -> None:
    """The ciphertext is to be fetched from a URL, which must stay unvisited."""
    outer = d.encrypt_assertion()
    value, _octets = cipher_octets(outer)
    parent = value.getparent()
    assert parent is not None
    parent.remove(value)
    etree.SubElement(parent, q(XENC, "CipherReference"), URI=d.canary_url + "cipher")


def _plaintext(fault_id: str, make: Callable[[Draft, bytes], bytes], summary: str, breaks: str, *accepts: str) -> None:
    def apply(d: Draft) -> None:
        octets = etree.tostring(d.assertion, with_tail=False)
        d.encrypt_assertion(Encryption(plaintext=make(d, octets)))

    encryption.row(fault_id, apply, summary, breaks, *accepts, setup=_KEY, kind="H", signs="assertion")


_plaintext(
    "enc-plaintext-two-elements",
    lambda d, a: a + a,
    "The plaintext is two assertions.",
    "enc-plaintext-type",
    "enc-plaintext-hardening",
)
_plaintext(
    "enc-plaintext-text",
    lambda d, a: b"just a text",
    "The plaintext is no XML.",
    "enc-plaintext-type",
    "enc-plaintext-hardening",
)
_plaintext(
    "enc-plaintext-response",
    lambda d, a: etree.tostring(d.response),
    "The plaintext is a whole response.",
    "enc-plaintext-type",
    "structure-no-nested-message",
)
_plaintext(
    "enc-plaintext-nested-encrypted",
    lambda d, a: etree.tostring(encrypt(a, d.sp_certificate)),
    "The plaintext is another EncryptedAssertion.",
    "enc-plaintext-type",
)
_plaintext(
    "enc-plaintext-dtd",
    lambda d, a: b'<!DOCTYPE a [<!ENTITY e "x">]>' + a,
    "The plaintext begins with a DTD.",
    "enc-plaintext-hardening",
    "xml-no-dtd",
)
_how(
    "enc-type-content",
    "The Type says Content instead of Element.",
    "enc-structure",
    how=Encryption(type=names.TYPE_CONTENT),
)


@_fault("enc-mixed", "enc-not-mixed", "structure-single-assertion")
def _(d: Draft) -> None:
    """The same assertion stands twice, once plain and once encrypted."""
    plain = d.copy(d.assertion)
    outer = d.encrypt_assertion()
    outer.addnext(plain)


@_fault(
    "enc-attribute",
    "claim-role-known",
    "claim-name-exact",
    "claim-imagekit-id",
    kind="H",
    stage=Stage.TREE,
    expects="not-provisioned",
)
def _(d: Draft) -> None:
    """The role is sent as an EncryptedAttribute, which is reported and not read."""
    for attribute in list(d.assertion.iter(q(SAML, "Attribute"))):
        if attribute.get("Name") == d.role_claim:
            parent = attribute.getparent()
            assert parent is not None
            octets = etree.tostring(attribute, with_tail=False)
            parent.replace(attribute, encrypt(octets, d.sp_certificate, wrapper="EncryptedAttribute"))


@_fault("enc-ns-context", "enc-plaintext-type", "enc-plaintext-hardening", "xml-wellformed")
def _(d: Draft) -> None:
    """The plaintext was cut out of the document without the namespace declarations of its surroundings."""
    octets = etree.tostring(d.assertion, with_tail=False)
    bare = re.sub(rb' xmlns(:\w+)?="' + re.escape(SAML.encode()) + b'"', b"", octets)
    d.encrypt_assertion(Encryption(plaintext=bare))


@_fault("enc-two-encrypted", "structure-single-assertion", "enc-structure", kind="H")
def _(d: Draft) -> None:
    """Two EncryptedAssertions."""
    outer = d.encrypt_assertion()
    outer.addnext(d.copy(outer))


@_fault("enc-block-unknown", "enc-block-alg", kind="H")
def _(d: Draft) -> None:
    """The content's EncryptionMethod is one nobody knows."""
    outer = d.encrypt_assertion()
    method = outer.find(f"{q(XENC, 'EncryptedData')}/{q(XENC, 'EncryptionMethod')}")
    assert method is not None
    method.set("Algorithm", "urn:example:cipher:unknown")
