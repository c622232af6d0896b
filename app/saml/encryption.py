"""Decrypts an EncryptedAssertion and parses what comes out as hostile bytes of its own.

It verifies no signature: encryption is not authentication, because the SP's encryption key is public.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from app.saml.certificates import key_fingerprint, read_embedded, short, strict_base64, subject_text
from app.saml.errors import Place, Problem
from app.saml.expectation import Expectation, Policy
from app.saml.names import (
    DIGEST_SHA1,
    DS,
    ENC_3DES_CBC,
    ENC_AES_128_CBC,
    ENC_AES_128_GCM,
    ENC_AES_192_CBC,
    ENC_AES_192_GCM,
    ENC_AES_256_CBC,
    ENC_AES_256_GCM,
    ENC_RSA_15,
    ENC_RSA_OAEP,
    ENC_RSA_OAEP_MGF1P,
    ENC_TYPE_ELEMENT,
    SAML,
    SAMLP,
    XENC,
    XENC11,
    q,
)
from app.saml.xml import Document, Places, parse

#: What the network side is told of every decryption failure, whatever it was (xmlenc-core1 §6.1.2).
PUBLIC_SENTENCE: Final = "The encrypted assertion could not be used."

_ASSERTION, _ENCRYPTED_ASSERTION = q(SAML, "Assertion"), q(SAML, "EncryptedAssertion")
_DATA, _KEY, _METHOD = q(XENC, "EncryptedData"), q(XENC, "EncryptedKey"), q(XENC, "EncryptionMethod")
_CIPHER_DATA, _CIPHER_VALUE, _CIPHER_REFERENCE = (
    q(XENC, "CipherData"),
    q(XENC, "CipherValue"),
    q(XENC, "CipherReference"),
)
_KEY_INFO, _RETRIEVAL = q(DS, "KeyInfo"), q(DS, "RetrievalMethod")
_KEY_TYPE: Final = XENC + "EncryptedKey"

#: Block methods: URI to (short name, key length in bytes, mode).
BLOCK_METHODS: Final = {
    ENC_AES_128_GCM: ("aes128-gcm", 16, "gcm"),
    ENC_AES_192_GCM: ("aes192-gcm", 24, "gcm"),
    ENC_AES_256_GCM: ("aes256-gcm", 32, "gcm"),
    ENC_AES_128_CBC: ("aes128-cbc", 16, "cbc"),
    ENC_AES_192_CBC: ("aes192-cbc", 24, "cbc"),
    ENC_AES_256_CBC: ("aes256-cbc", 32, "cbc"),
    ENC_3DES_CBC: ("tripledes-cbc", 24, "3des"),
}
KEY_TRANSPORTS: Final = {
    ENC_RSA_OAEP_MGF1P: "rsa-oaep-mgf1p",
    ENC_RSA_OAEP: "rsa-oaep",
    ENC_RSA_15: "rsa-1_5",
}
_OAEP_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    DIGEST_SHA1: hashes.SHA1(),  # noqa: S303  sound inside OAEP, which does not rest on collision resistance
    XENC + "sha256": hashes.SHA256(),
    "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384(),
    XENC + "sha512": hashes.SHA512(),
}
_MGFS: Final[dict[str, hashes.HashAlgorithm]] = {
    XENC11 + "mgf1sha1": hashes.SHA1(),  # noqa: S303  as above
    XENC11 + "mgf1sha256": hashes.SHA256(),
    XENC11 + "mgf1sha384": hashes.SHA384(),
    XENC11 + "mgf1sha512": hashes.SHA512(),
}
_ID_LIKE = etree.XPath("//@*[local-name()='ID' or local-name()='Id' or local-name()='id']")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decryption:
    """What became of the one EncryptedAssertion of a message.

    `plaintext` is None where nothing was decrypted, `document` None where it may not be read. `key_transport` and
    `block_algorithm` are short names ("rsa-oaep", "aes256-gcm") or the URI where it is not known. `oaep_digest` and
    `oaep_mgf` are hash names. `recipients` tell for whom the message says it was encrypted: certificate subjects, key
    names, Recipient. `key_fingerprint` is the SHA-256 fingerprint (hex) of the public half of our key that fitted.
    """

    at: Place
    plaintext: bytes | None = field(default=None, repr=False)
    document: Document | None = None
    problems: tuple[Problem, ...] = ()
    key_transport: str | None = None
    block_algorithm: str | None = None
    oaep_digest: str | None = None
    oaep_mgf: str | None = None
    recipients: tuple[str, ...] = ()
    encrypted_keys: int = 0
    key_fingerprint: str | None = None

    @property
    def public_message(self) -> str | None:
        """What may be said over the network: None, or the one sentence that gives nothing away."""
        return None if self.document is not None else PUBLIC_SENTENCE


def decrypt(document: Document, expectation: Expectation) -> Decryption | None:
    """Decrypt the EncryptedAssertion (saml-core §2.3.4, §6). None where there is none. Never raises.

    All decryption keys are tried on all of the at most Limits.encrypted_keys EncryptedKeys. References are never
    followed out of the element.
    """
    found = list(document.root.iter(_ENCRYPTED_ASSERTION))
    if not found:
        return None
    work = _Work(found[0], expectation)
    try:
        work.run(document, len(found))
    except Exception as e:  # noqa: BLE001  whatever a hostile document provokes is a rejection
        work.document = None
        work.problem("enc-structure", f"The EncryptedAssertion could not be processed ({type(e).__name__}).")
    return Decryption(
        at=work.at,
        plaintext=work.plaintext,
        document=work.document,
        problems=tuple(work.problems),
        key_transport=work.key_transport,
        block_algorithm=work.block_algorithm,
        oaep_digest=work.oaep_digest,
        oaep_mgf=work.oaep_mgf,
        recipients=tuple(dict.fromkeys(work.recipients)),
        encrypted_keys=work.encrypted_keys,
        key_fingerprint=work.key_fingerprint,
    )


class _Refused(Exception):  # noqa: N818  a way out of the steps below, caught in this module
    """The step found a problem that ends the decryption; it has been filed."""


@dataclass(frozen=True, slots=True)
class _Transport:
    """How an EncryptedKey was wrapped; `padding` None: it may not or cannot be unwrapped."""

    name: str
    padding: padding.AsymmetricPadding | None = None
    digest: str | None = None
    mgf: str | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Work:
    """One decryption, step by step; what it finds out stays in its fields."""

    element: etree._Element
    expectation: Expectation
    at: Place = field(default_factory=lambda: Place("/"))
    problems: list[Problem] = field(default_factory=list)
    plaintext: bytes | None = None
    document: Document | None = None
    key_transport: str | None = None
    block_algorithm: str | None = None
    oaep_digest: str | None = None
    oaep_mgf: str | None = None
    recipients: list[str] = field(default_factory=list)
    encrypted_keys: int = 0
    key_fingerprint: str | None = None

    @property
    def policy(self) -> Policy:
        return self.expectation.policy

    def problem(
        self, check: str, message: str, expected: str | None = None, actual: str | None = None, *, warn: bool = False
    ) -> None:
        self.problems.append(Problem(check, message, expected, actual, self.at, "warning" if warn else None))

    def refuse(self, check: str, message: str, expected: str | None = None, actual: str | None = None) -> _Refused:
        self.problem(check, message, expected, actual)
        return _Refused()

    def run(self, outer: Document, number: int) -> None:
        self.at = Places()(self.element)
        try:
            self._mixture(outer, number)
            data, keys = self._structure()
            self._block_method(data)
            ciphertext = self._cipher_value(data)
            self._decrypt(ciphertext, keys)
            self._read_plaintext(outer)
        except _Refused:
            self.document = None

    # Structure --------------------------------------------------------------------------------------------------------

    def _mixture(self, outer: Document, number: int) -> None:
        plain = sum(1 for _ in outer.root.iter(_ASSERTION))
        if plain:
            raise self.refuse(
                "enc-not-mixed",
                "The message holds an encrypted assertion and a plain one. One of them could be verified and the other "
                "one read (CVE-2026-2092), so neither is.",
                "one Assertion or one EncryptedAssertion",
                f"{number} encrypted and {plain} plain",
            )
        parent = self.element.getparent()
        if number != 1 or parent is not outer.root or outer.root.tag != q(SAMLP, "Response"):
            raise self.refuse(
                "enc-structure",
                f"The message holds {number} encrypted assertions; one is expected, directly in the Response.",
                "1, in the Response",
                f"{number}, the first at {self.at.path}",
            )

    def _structure(self) -> tuple[etree._Element, list[etree._Element]]:
        """EncryptedData and its EncryptedKeys, inside KeyInfo or beside it (saml-core §6.1, E30)."""
        if next(self.element.iter(_CIPHER_REFERENCE), None) is not None:
            raise self.refuse(
                "enc-no-external",
                "The encrypted data is to be fetched from elsewhere (CipherReference). Nothing was fetched.",
                "CipherValue",
                "CipherReference",
            )
        keys = list(self.element.iter(_KEY))
        self.encrypted_keys = len(keys)
        limit = self.policy.limits.encrypted_keys
        children = list(self.element.iterchildren("*"))
        data = [c for c in children if c.tag == _DATA]
        if len(data) != 1 or any(c.tag not in (_DATA, _KEY) for c in children):
            raise self.refuse(
                "enc-structure",
                "The EncryptedAssertion does not hold one EncryptedData, with or without EncryptedKeys beside it.",
                "one EncryptedData",
                f"{len(data)} EncryptedData among {len(children)} elements",
            )
        if not 1 <= len(keys) <= limit:
            message = (
                f"There are {len(keys)} EncryptedKeys. Each costs an RSA operation, so no more than {limit} are tried."
                if keys
                else "There is no EncryptedKey, so the key of the encrypted data cannot be had."
            )
            raise self.refuse("enc-structure", message, f"1 to {limit}", str(len(keys)))
        kind = data[0].get("Type")
        if kind not in (None, ENC_TYPE_ELEMENT):
            raise self.refuse(
                "enc-structure",
                "The encrypted data is said to be something other than an element (saml-core §6.1).",
                ENC_TYPE_ELEMENT,
                kind[:200],
            )
        self._retrieval_methods(keys)
        places = (data[0].find(_KEY_INFO), self.element)
        usable = [k for k in keys if k.getparent() in places and k.getparent() is not None]
        if not usable:
            raise self.refuse(
                "enc-structure",
                "No EncryptedKey stands in the KeyInfo of the EncryptedData or beside the EncryptedData.",
                "EncryptedKey in KeyInfo or beside EncryptedData",
            )
        return data[0], usable

    def _retrieval_methods(self, keys: list[etree._Element]) -> None:
        ids = {k.get("Id") for k in keys}
        for method in self.element.iter(_RETRIEVAL):
            uri, kind = method.get("URI") or "", method.get("Type")
            inside_key = next(method.iterancestors(_KEY), None) is not None
            if not uri.startswith("#") or kind not in (None, _KEY_TYPE):
                raise self.refuse(
                    "enc-no-external",
                    "A RetrievalMethod points outside of the encrypted element. Nothing was fetched.",
                    "the Id of an EncryptedKey beside it",
                    uri[:200],
                )
            if inside_key or uri[1:] not in ids:
                raise self.refuse(
                    "enc-structure",
                    "A RetrievalMethod leads in a circle."
                    if inside_key
                    else "A RetrievalMethod names no EncryptedKey of this EncryptedAssertion.",
                    "the Id of an EncryptedKey beside it",
                    uri[:200],
                )

    def _method(self, of: etree._Element) -> etree._Element:
        method = of.find(_METHOD)
        if method is None or not method.get("Algorithm"):
            raise self.refuse("enc-structure", f"{etree.QName(of).localname} names no EncryptionMethod.")
        return method

    def _cipher_value(self, of: etree._Element) -> bytes:
        cipher_data = of.findall(_CIPHER_DATA)
        values = cipher_data[0].findall(_CIPHER_VALUE) if len(cipher_data) == 1 else []
        value = strict_base64(values[0].text) if len(values) == 1 and not len(values[0]) else None
        if not value:
            raise self.refuse(
                "enc-structure", f"{etree.QName(of).localname} has no CipherValue that could be read.", "base64"
            )
        return value

    # Algorithms -------------------------------------------------------------------------------------------------------

    def _block_method(self, data: etree._Element) -> None:
        uri = self._method(data).get("Algorithm") or ""
        self.block_algorithm, _, mode = BLOCK_METHODS.get(uri, (uri[:200], 0, ""))
        if mode == "gcm":
            return
        asked = ("aes128-gcm or aes256-gcm", self.block_algorithm)
        if mode == "cbc":
            lenient = self.policy.allow_cbc or self.policy.name == "diagnose"
            message = (
                f"The assertion is encrypted with {self.block_algorithm}, which does not notice changes: CBC can be "
                "altered bit by bit and gives attackers an oracle. Choose AES-GCM at the IdP."
            )
            if lenient:
                self.problem("enc-block-alg", message, *asked, warn=True)
                return
            raise self.refuse("enc-block-alg", message + " It was not decrypted.", *asked)
        what = "is withdrawn" if mode == "3des" else "is not one this program knows"
        raise self.refuse(
            "enc-block-alg", f"The assertion is encrypted with {self.block_algorithm}, which {what}.", *asked
        )

    def _transport(self, key: etree._Element) -> _Transport:
        """How one EncryptedKey was wrapped (xmlenc-core1 §5.5), and what is wrong with that."""
        method = self._method(key)
        uri = method.get("Algorithm") or ""
        name = KEY_TRANSPORTS.get(uri, uri[:200])
        asked = ("rsa-oaep-mgf1p or rsa-oaep", name, self.at)
        if uri == ENC_RSA_15:
            lenient = self.policy.name == "diagnose"
            weak = Problem(
                "enc-key-transport",
                "The key is transported with RSA PKCS#1 v1.5, which lets attackers decrypt by asking again and again "
                f"(Bleichenbacher). Choose RSA-OAEP at the IdP.{'' if lenient else ' It was not decrypted.'}",
                *asked,
                "warning" if lenient else None,
            )
            return _Transport(name, padding.PKCS1v15() if lenient else None, problems=(weak,))
        if uri not in (ENC_RSA_OAEP, ENC_RSA_OAEP_MGF1P):
            unknown = "The method of key transport is not one this program knows."
            return _Transport(name, problems=(Problem("enc-key-transport", unknown, *asked),))
        digest_method, mgf_method = method.find(q(DS, "DigestMethod")), method.find(q(XENC11, "MGF"))
        digest_uri = (digest_method.get("Algorithm") or "") if digest_method is not None else DIGEST_SHA1
        mgf_uri = (mgf_method.get("Algorithm") or "") if mgf_method is not None else XENC11 + "mgf1sha1"
        if uri == ENC_RSA_OAEP_MGF1P:
            mgf_uri = XENC11 + "mgf1sha1"  # fixed by the name of the method
        digest, mgf = _OAEP_DIGESTS.get(digest_uri), _MGFS.get(mgf_uri)
        label_element = method.find(q(XENC, "OAEPparams"))
        label = strict_base64(label_element.text) if label_element is not None else b""
        if digest is None or mgf is None or label is None or len(label) > 1024:
            return _Transport(
                name,
                problems=(
                    Problem(
                        "enc-oaep-params",
                        "The parameters of RSA-OAEP are not ones this program supports, so the key was not decrypted.",
                        "SHA-1, SHA-256, SHA-384 or SHA-512 for the digest and for MGF1",
                        f"digest {digest_uri[:100]}, MGF {mgf_uri[:100]}",
                        self.at,
                    ),
                    Problem("enc-key-transport", "RSA-OAEP is used with parameters that are not supported.", *asked),
                ),
            )
        return _Transport(name, padding.OAEP(padding.MGF1(mgf), digest, label or None), digest.name, mgf.name)

    def _used(self, how: _Transport) -> None:
        self.key_transport, self.oaep_digest, self.oaep_mgf = how.name, how.digest, how.mgf
        self.problems += how.problems

    # Decryption -------------------------------------------------------------------------------------------------------

    def _decrypt(self, ciphertext: bytes, keys: list[etree._Element]) -> None:
        for key in keys:
            self.recipients += _recipients(key)
        ours = self.expectation.decryption_keys
        self._length(ciphertext)
        transports = [(self._cipher_value(k), self._transport(k)) for k in keys]
        ready = [(wrapped, how, how.padding) for wrapped, how in transports if how.padding is not None]
        # Judged is the key that opens the assertion; the others may be for other recipients.
        if not ready:
            self._used(transports[0][1])
            raise _Refused
        if not ours:
            self._used(ready[0][1])
            raise self.refuse(
                "enc-key-available",
                f"The assertion is encrypted{self._for_whom()}, and no decryption key is configured to open it. Load "
                "the private key whose certificate the IdP encrypts to, or switch encryption off at the IdP.",
                "a decryption key",
                "none",
            )
        failure: Problem | None = None
        for wrapped, how, pad in ready:
            for private in ours:
                secret = _unwrapped(private, wrapped, pad)
                if secret is None:
                    continue
                self.key_fingerprint = key_fingerprint(private.public_key())
                outcome = self._open(secret, ciphertext)
                if isinstance(outcome, bytes):
                    self._used(how)
                    self.plaintext = outcome
                    return
                failure = failure or outcome
        self._used(ready[0][1])
        if failure is not None:
            self.problems.append(failure)
            raise _Refused
        sizes = ", ".join(str(k.key_size) for k in ours)
        other_size = all(len(wrapped) * 8 != k.key_size for wrapped, _, _ in ready for k in ours)
        raise self.refuse(
            "enc-key-available",
            f"None of our decryption keys opens this assertion{self._for_whom()}. "
            + (
                f"It was made for a key of {len(ready[0][0]) * 8} bits, ours: {sizes}."
                if other_size
                else "The IdP probably still has an older certificate of ours, or that of another service provider."
            ),
            ", ".join(short(key_fingerprint(k.public_key())) for k in ours),
            "another key",
        )

    def _for_whom(self) -> str:
        return f" (for {', '.join(self.recipients[:4])[:200]})" if self.recipients else ""

    def _length(self, ciphertext: bytes) -> None:
        """Bounds that the block method itself sets (xmlenc-core1 §5.2)."""
        if self.block_algorithm and self.block_algorithm.endswith("gcm"):
            if len(ciphertext) <= 28:
                raise self.refuse(
                    "enc-gcm-length",
                    "The encrypted data is too short to hold the initial value, the tag and anything between them.",
                    "more than 28 bytes",
                    f"{len(ciphertext)} bytes",
                )
        elif len(ciphertext) < 32 or len(ciphertext) % 16:
            raise self.refuse(
                "enc-plaintext-type",
                "The encrypted data is not a whole number of blocks; it was cut or altered.",
                "a multiple of 16 bytes, at least 32",
                f"{len(ciphertext)} bytes",
            )

    def _open(self, secret: bytes, ciphertext: bytes) -> bytes | Problem:
        name = self.block_algorithm or ""
        length, mode = next((n, m) for short_name, n, m in BLOCK_METHODS.values() if short_name == name)
        if len(secret) != length:
            return Problem(
                "enc-key-available",
                f"The decrypted key is {len(secret)} bytes long, but {name} needs {length}.",
                f"{length} bytes",
                f"{len(secret)} bytes",
                self.at,
            )
        if mode == "gcm":
            try:
                return AESGCM(secret).decrypt(ciphertext[:12], ciphertext[12:], None)
            except InvalidTag:
                return Problem(
                    "enc-gcm-length",
                    "The authentication tag does not fit: the encrypted data was altered or cut, or its initial value "
                    "is not 12 bytes and its tag not 16 bytes long.",
                    "a tag that fits",
                    "one that does not",
                    self.at,
                )
        decryptor = Cipher(algorithms.AES(secret), modes.CBC(ciphertext[:16])).decryptor()
        padded = decryptor.update(ciphertext[16:]) + decryptor.finalize()
        pad = padded[-1]  # xmlenc-core1 §5.2.3: only the last byte is defined, the other padding is arbitrary
        if not 1 <= pad <= 16:
            return Problem(
                "enc-plaintext-type",
                "The padding of the decrypted data is wrong: the encrypted data was altered.",
                "1 to 16",
                str(pad),
                self.at,
            )
        return padded[:-pad]

    # Plaintext --------------------------------------------------------------------------------------------------------

    def _read_plaintext(self, outer: Document) -> None:
        assert self.plaintext is not None
        parsed = parse(self.plaintext, self.policy.limits)
        if parsed.document is None:
            first = parsed.problems[0] if parsed.problems else Problem("xml-wellformed", "It could not be read.")
            if first.check != "xml-wellformed":
                raise self.refuse(
                    "enc-plaintext-hardening",
                    f"What was encrypted is refused like any other document would be: {first.message}",
                    first.expected,
                    first.actual,
                )
            hint = (
                " It uses a namespace prefix that it does not declare: the IdP encrypted a piece of text out of a "
                "larger document. It must encrypt the Assertion with its namespace declarations."
                if "prefix" in first.message.lower()
                else ""
            )
            raise self.refuse(
                "enc-plaintext-type",
                f"What was encrypted is not one XML element.{hint} {first.message}",
                "one saml:Assertion",
                None,
            )
        root = parsed.document.root
        if root.tag != _ASSERTION:
            raise self.refuse(
                "enc-plaintext-type",
                f"What was encrypted is not an Assertion but {etree.QName(root).localname[:80]}.",
                "saml:Assertion",
                str(root.tag)[:200],
            )
        if any(el is not root for el in root.iter(_ASSERTION, _ENCRYPTED_ASSERTION)):
            raise self.refuse(
                "enc-plaintext-type", "The encrypted assertion holds another assertion.", "one saml:Assertion"
            )
        shared = _identifiers(root) & _identifiers(outer.root)
        if shared:
            raise self.refuse(
                "enc-plaintext-hardening",
                "The encrypted assertion has an ID that the message around it has too, so a reference to it could mean "
                "either (CVE-2016-5697).",
                "IDs of its own",
                ", ".join(sorted(shared))[:200],
            )
        self.problems += parsed.problems
        self.document = parsed.document


def _unwrapped(key: rsa.RSAPrivateKey, wrapped: bytes, how: padding.AsymmetricPadding) -> bytes | None:
    """The transported key, or None where this private key does not fit."""
    if len(wrapped) != (key.key_size + 7) // 8:
        return None
    try:
        return key.decrypt(wrapped, how)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _recipients(key: etree._Element) -> Iterator[str]:
    if key.get("Recipient"):
        yield (key.get("Recipient") or "")[:200]
    info = key.find(_KEY_INFO)
    if info is None:
        return
    for name in info.findall(q(DS, "KeyName"))[:4]:
        yield (name.text or "")[:200]
    for element in list(info.iter(q(DS, "X509Certificate")))[:4]:
        for certificate in read_embedded(element.text).certificates[:1]:
            yield subject_text(certificate)[:200]


def _identifiers(root: etree._Element) -> set[str]:
    found = _ID_LIKE(root)
    assert isinstance(found, list)
    return {str(value) for value in found}
