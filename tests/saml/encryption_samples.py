"""Encrypts assertions for the tests, every argument a knob."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from app.saml.encryption import BLOCK_METHODS
from app.saml.names import (
    DS,
    ENC_AES_256_GCM,
    ENC_RSA_15,
    ENC_RSA_OAEP_MGF1P,
    ENC_TYPE_ELEMENT,
    SAML,
    XENC,
    XENC11,
    q,
)
from tests.saml.signing_samples import Signer, b64, rsa_signer, text, the

OUR_KEY: Signer = rsa_signer("sp")
OAEP = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)


def block(method: str, secret: bytes, plaintext: bytes, *, pad: int | None = None) -> bytes:
    """Encrypt by AES-GCM or AES-CBC as XML Encryption writes it: initial value, data, tag. `pad`: a false padding."""
    if BLOCK_METHODS[method][2] == "gcm":
        iv = os.urandom(12)
        return iv + AESGCM(secret).encrypt(iv, plaintext, None)
    iv = os.urandom(16)
    missing = 16 - len(plaintext) % 16
    padded = plaintext + os.urandom(missing - 1) + bytes([missing if pad is None else pad])
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(padded) + encryptor.finalize()


def encrypted(
    plaintext: bytes,
    *,
    method: str = ENC_AES_256_GCM,
    transport: str = ENC_RSA_OAEP_MGF1P,
    oaep: padding.AsymmetricPadding = OAEP,
    digest: str | None = None,
    mgf: str | None = None,
    label: bytes | None = None,
    recipients: Sequence[rsa.RSAPublicKey] | None = None,
    beside: bool = False,
    kind: str | None = ENC_TYPE_ELEMENT,
    pad: int | None = None,
    damage: Callable[[bytes], bytes] = lambda b: b,
    certificate: str | None = None,
) -> etree._Element:
    """A saml:EncryptedAssertion of some bytes. `damage` alters the ciphertext."""
    secret = os.urandom(BLOCK_METHODS[method][1])
    cipher = os.urandom(64) if BLOCK_METHODS[method][2] == "3des" else block(method, secret, plaintext, pad=pad)
    outer = etree.Element(q(SAML, "EncryptedAssertion"), nsmap={"saml": SAML, "xenc": XENC, "ds": DS})
    data = text(outer, XENC, "EncryptedData", **({"Type": kind} if kind else {}))
    text(data, XENC, "EncryptionMethod", Algorithm=method)
    info = text(data, DS, "KeyInfo")
    for n, public in enumerate(recipients if recipients is not None else [OUR_KEY.key.public_key()]):
        wrapped = public.encrypt(secret, padding.PKCS1v15() if transport == ENC_RSA_15 else oaep)
        key = text(outer if beside else info, XENC, "EncryptedKey", Id=f"_ek{n}")
        how = text(key, XENC, "EncryptionMethod", Algorithm=transport)
        if label is not None:
            text(how, XENC, "OAEPparams", b64(label))
        if digest:
            text(how, DS, "DigestMethod", Algorithm=digest)
        if mgf:
            text(how, XENC11, "MGF", Algorithm=mgf)
        if certificate:
            text(text(text(key, DS, "KeyInfo"), DS, "X509Data"), DS, "X509Certificate", certificate)
        text(text(key, XENC, "CipherData"), XENC, "CipherValue", b64(wrapped))
    if beside:
        text(info, DS, "RetrievalMethod", URI="#_ek0", Type=XENC + "EncryptedKey")
    text(text(data, XENC, "CipherData"), XENC, "CipherValue", b64(damage(cipher)))
    return outer


def replace_assertion(response: etree._Element, by: etree._Element) -> etree._Element:
    """Put an EncryptedAssertion into the place of the Assertion."""
    response.replace(the(response, "saml:Assertion"), by)
    return response
