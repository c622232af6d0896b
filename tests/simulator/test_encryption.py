"""What is encrypted decrypts again, by the primitives alone."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from simulator import KeyRing, names
from simulator.encryption import Encryption, cipher_octets, encrypt
from simulator.names import XENC, q

TEXT = b"<saml:Assertion xmlns:saml='urn:oasis:names:tc:SAML:2.0:assertion'>caf\xc3\xa9</saml:Assertion>"


def decrypt(outer: etree._Element, key: rsa.RSAPrivateKey, scheme: padding.AsymmetricPadding) -> bytes:
    wrapped = outer.findtext(f".//{q(XENC, 'EncryptedKey')}/{q(XENC, 'CipherData')}/{q(XENC, 'CipherValue')}") or ""
    cek = key.decrypt(base64.b64decode(wrapped), scheme)
    method = outer.find(f"{q(XENC, 'EncryptedData')}/{q(XENC, 'EncryptionMethod')}")
    assert method is not None
    block = method.get("Algorithm") or ""
    octets = cipher_octets(outer)[1]
    if block.endswith("gcm"):
        return AESGCM(cek).decrypt(octets[:12], octets[12:], None)
    cipher = TripleDES(cek) if "tripledes" in block else algorithms.AES(cek)
    size = cipher.block_size // 8
    decryptor = Cipher(cipher, modes.CBC(octets[:size])).decryptor()
    plain = decryptor.update(octets[size:]) + decryptor.finalize()
    return plain[: -plain[-1]]


def oaep(digest: hashes.HashAlgorithm, mgf: hashes.HashAlgorithm, label: bytes | None = None) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(mgf), digest, label)


@pytest.mark.parametrize(
    "block", [names.AES128_GCM, names.AES256_GCM, names.AES128_CBC, names.AES256_CBC, names.TRIPLEDES_CBC]
)
def test_every_block_cipher(block: str, keys: KeyRing) -> None:
    pair = keys.pair("sp-encryption")
    assert isinstance(pair.key, rsa.RSAPrivateKey)
    outer = encrypt(TEXT, pair.certificate, Encryption(block=block))
    assert decrypt(outer, pair.key, oaep(hashes.SHA1(), hashes.SHA1())) == TEXT
    assert TEXT not in etree.tostring(outer)


@pytest.mark.parametrize(
    ("how", "scheme"),
    [
        (Encryption(transport=names.RSA_15), padding.PKCS1v15()),
        (Encryption(params=b"label"), oaep(hashes.SHA1(), hashes.SHA1(), b"label")),
        (Encryption(transport=names.RSA_OAEP, oaep_digest="sha256", mgf="sha1"), oaep(hashes.SHA256(), hashes.SHA1())),
        (
            Encryption(transport=names.RSA_OAEP, oaep_digest="sha512", mgf="sha256"),
            oaep(hashes.SHA512(), hashes.SHA256()),
        ),
        (Encryption(key_place="sibling"), oaep(hashes.SHA1(), hashes.SHA1())),
    ],
)
def test_every_key_transport(how: Encryption, scheme: padding.AsymmetricPadding, keys: KeyRing) -> None:
    pair = keys.pair("sp-encryption")
    assert isinstance(pair.key, rsa.RSAPrivateKey)
    assert decrypt(encrypt(TEXT, pair.certificate, how), pair.key, scheme) == TEXT


def test_two_messages_never_share_a_key_or_a_nonce(keys: KeyRing) -> None:
    certificate = keys.pair("sp-encryption").certificate
    first, second = (cipher_octets(encrypt(TEXT, certificate))[1] for _n in range(2))
    assert first[:12] != second[:12]
    assert first[12:] != second[12:]


def test_a_certificate_without_an_rsa_key_is_refused(keys: KeyRing) -> None:
    with pytest.raises(ValueError, match="no RSA key"):
        encrypt(TEXT, keys.pair("ec-p256").certificate)
