"""Encrypts an assertion or an identifier with every field free to be wrong. It decrypts nothing."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509 import Certificate
from lxml import etree

from simulator import names
from simulator.names import DS, SAML, XENC, XENC11, q
from simulator.signing import certificate_text

_KEY_BYTES: Final = {
    names.AES128_CBC: 16,
    names.AES256_CBC: 32,
    names.TRIPLEDES_CBC: 24,
    names.AES128_GCM: 16,
    names.AES256_GCM: 32,
}
_OAEP_HASHES: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_DIGEST_URIS: Final = {"sha1": names.SHA1, "sha256": names.SHA256, "sha384": names.SHA384, "sha512": names.SHA512}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """How something is encrypted (xmlenc-core1). Defaults are the good ones.

    `oaep_digest` and `mgf` are hash names; the mgf counts for the xmlenc11 transport only. `params` are OAEPparams.
    `key_place` is where the EncryptedKey stands. `plaintext` replaces what would be encrypted. `padding_byte` is the
    last octet of a CBC plaintext, where the correct one is not wanted.
    """

    block: str = names.AES256_GCM
    transport: str = names.RSA_OAEP_MGF1P
    oaep_digest: str = "sha1"
    mgf: str | None = None
    params: bytes | None = None
    key_place: Literal["inside", "sibling"] = "inside"
    keys: int = 1
    type: str | None = names.TYPE_ELEMENT
    plaintext: bytes | None = None
    padding_byte: int | None = None


def encrypt_octets(plaintext: bytes, key: bytes, block: str, padding_byte: int | None = None) -> bytes:
    """iv‖ciphertext‖tag for GCM, iv‖ciphertext for CBC with the padding of xmlenc-core1 §5.2.1 (last octet counts)."""
    if block in (names.AES128_GCM, names.AES256_GCM):
        iv = os.urandom(12)
        return iv + AESGCM(key).encrypt(iv, plaintext, None)
    cipher = TripleDES(key) if block == names.TRIPLEDES_CBC else algorithms.AES(key)
    size = cipher.block_size // 8
    pad = size - len(plaintext) % size
    filled = plaintext + os.urandom(pad - 1) + bytes([pad if padding_byte is None else padding_byte])
    iv = os.urandom(size)
    # A fault needs a chosen mode; CBC is what most identity providers still send.
    encryptor = Cipher(cipher, modes.CBC(iv)).encryptor()
    return iv + encryptor.update(filled) + encryptor.finalize()


def encrypt(
    plaintext: bytes,
    certificate: Certificate,
    how: Encryption | None = None,
    *,
    wrapper: str = "EncryptedAssertion",
) -> etree._Element:
    """A saml:EncryptedAssertion (or EncryptedID, EncryptedAttribute) around the ciphertext for that certificate's key.

    Raises:
        ValueError: the certificate holds no RSA key.
    """
    how = how or Encryption()
    public = certificate.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise ValueError("The encryption certificate of the application holds no RSA key.")
    cek = os.urandom(_KEY_BYTES[how.block])
    if how.block == names.TRIPLEDES_CBC:
        cek = bytes((b & 0xFE) | (bin(b >> 1).count("1") % 2 == 0) for b in cek)
    nsmap = {"xenc": XENC, "ds": DS}
    outer = etree.Element(q(SAML, wrapper), nsmap={"saml": SAML})
    data = etree.SubElement(outer, q(XENC, "EncryptedData"), nsmap=nsmap)
    if how.type is not None:
        data.set("Type", how.type)
    etree.SubElement(data, q(XENC, "EncryptionMethod"), Algorithm=how.block)
    if how.key_place == "inside":
        holder: etree._Element = etree.SubElement(data, q(DS, "KeyInfo"))
    else:
        holder = outer
        data.set("Id", "_data")
    for n in range(how.keys):
        key = _encrypted_key(cek, public, certificate, how)
        if how.key_place == "sibling":
            key.set("Id", f"_key{n}")
            info = etree.SubElement(data, q(DS, "KeyInfo"))
            etree.SubElement(
                info, q(DS, "RetrievalMethod"), URI=f"#_key{n}", Type="http://www.w3.org/2001/04/xmlenc#EncryptedKey"
            )
        holder.append(key)
    cipher_data = etree.SubElement(data, q(XENC, "CipherData"))
    octets = encrypt_octets(plaintext if how.plaintext is None else how.plaintext, cek, how.block, how.padding_byte)
    etree.SubElement(cipher_data, q(XENC, "CipherValue")).text = base64.b64encode(octets).decode()
    return outer


def _encrypted_key(cek: bytes, public: rsa.RSAPublicKey, certificate: Certificate, how: Encryption) -> etree._Element:
    element = etree.Element(q(XENC, "EncryptedKey"), nsmap={"xenc": XENC})
    method = etree.SubElement(element, q(XENC, "EncryptionMethod"), Algorithm=how.transport)
    if how.transport == names.RSA_15:
        wrapped = public.encrypt(cek, padding.PKCS1v15())
    else:
        mgf = how.mgf or "sha1"
        if how.params is not None:
            etree.SubElement(method, q(XENC, "OAEPparams")).text = base64.b64encode(how.params).decode()
        etree.SubElement(method, q(DS, "DigestMethod"), nsmap={"ds": DS}, Algorithm=_DIGEST_URIS[how.oaep_digest])
        if how.transport == names.RSA_OAEP:
            uri = names.XENC11 + f"mgf1{mgf}"
            etree.SubElement(method, q(XENC11, "MGF"), nsmap={"xenc11": XENC11}, Algorithm=uri)
        wrapped = public.encrypt(
            cek,
            padding.OAEP(padding.MGF1(_OAEP_HASHES[mgf]()), _OAEP_HASHES[how.oaep_digest](), how.params),
        )
    info = etree.SubElement(element, q(DS, "KeyInfo"), nsmap={"ds": DS})
    x509_data = etree.SubElement(info, q(DS, "X509Data"))
    etree.SubElement(x509_data, q(DS, "X509Certificate")).text = certificate_text(certificate)
    cipher_data = etree.SubElement(element, q(XENC, "CipherData"))
    etree.SubElement(cipher_data, q(XENC, "CipherValue")).text = base64.b64encode(wrapped).decode()
    return element


def cipher_octets(element: etree._Element) -> tuple[etree._Element, bytes]:
    """The CipherValue element of the content (not of a key) and its octets, so that a fault can edit them."""
    data = element if element.tag == q(XENC, "EncryptedData") else element.find(f".//{q(XENC, 'EncryptedData')}")
    assert data is not None
    value = data.find(f"{q(XENC, 'CipherData')}/{q(XENC, 'CipherValue')}")
    assert value is not None
    assert value.text is not None
    return value, base64.b64decode(value.text)
