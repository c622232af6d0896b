"""Decryption: what is supported, what is refused, and that nothing is learnt from the way it fails."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from app.saml.certificates import key_fingerprint
from app.saml.encryption import PUBLIC_SENTENCE, Decryption, decrypt
from app.saml.expectation import Expectation, Policy, TrustedKey
from app.saml.names import (
    DIGEST_SHA256,
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
    SAML,
    XENC,
    XENC11,
    q,
)
from app.saml.signature import verify_signatures
from app.saml.xml import parse
from tests.saml.encryption_samples import OUR_KEY, encrypted, replace_assertion
from tests.saml.signing_samples import NOW, build, build_assertion, rsa_signer, sign, text, the, xml

DIAGNOSE = Policy(name="diagnose")
OLD_KEY = rsa_signer("old sp")


def expecting(*keys: Any, **changes: Any) -> Expectation:
    own = tuple(k.key for k in keys) or (OUR_KEY.key,)
    return Expectation(trusted_keys=(TrustedKey(rsa_signer().certificate),), decryption_keys=own, **changes)


def signed_assertion() -> bytes:
    a = build_assertion()
    sign(a)
    return xml(a)


def message(plaintext: bytes | None = None, **knobs: Any) -> etree._Element:
    return replace_assertion(build(), encrypted(signed_assertion() if plaintext is None else plaintext, **knobs))


def decrypted(r: etree._Element, expectation: Expectation | None = None) -> Decryption:
    document = parse(xml(r)).document
    assert document is not None
    found = decrypt(document, expectation or expecting())
    assert found is not None
    return found


def ids(d: Decryption) -> list[str]:
    return [p.check for p in d.problems]


def test_nothing_encrypted() -> None:
    document = parse(xml(build())).document
    assert document is not None
    assert decrypt(document, expecting()) is None


@pytest.mark.parametrize("method", [ENC_AES_128_GCM, ENC_AES_192_GCM, ENC_AES_256_GCM])
@pytest.mark.parametrize("beside", [False, True])
def test_gcm(method: str, beside: bool) -> None:
    d = decrypted(message(method=method, beside=beside))
    assert not d.problems
    assert d.document is not None
    assert d.plaintext == d.document.data
    assert d.public_message is None
    assert (d.key_transport, d.oaep_digest, d.oaep_mgf, d.encrypted_keys) == ("rsa-oaep-mgf1p", "sha1", "sha1", 1)
    assert d.block_algorithm == method.rpartition("#")[2]
    assert d.key_fingerprint == key_fingerprint(OUR_KEY.key.public_key())
    v = verify_signatures(d.document, expecting(), NOW, root_kind="assertion")
    assert not v.problems
    assert v.signed_assertion is not None
    assert v.findings[0].agreed is True


@pytest.mark.parametrize("method", [ENC_AES_128_CBC, ENC_AES_192_CBC, ENC_AES_256_CBC])
def test_cbc_is_a_matter_of_policy(method: str) -> None:
    r = message(method=method)
    allowed = decrypted(r, expecting(policy=Policy(allow_cbc=True)))
    assert allowed.document is not None
    assert [(p.check, p.severity) for p in allowed.problems] == [("enc-block-alg", "warning")]
    refused = decrypted(r, expecting(policy=Policy(allow_cbc=False)))
    assert (refused.document, refused.plaintext, ids(refused)) == (None, None, ["enc-block-alg"])
    assert refused.problems[0].severity is None
    assert decrypted(r, expecting(policy=Policy(name="diagnose", allow_cbc=False))).document is not None


@pytest.mark.parametrize(
    ("digest", "mgf", "hash_digest", "hash_mgf"),
    [
        (None, None, hashes.SHA1(), hashes.SHA1()),
        (DIGEST_SHA256, None, hashes.SHA256(), hashes.SHA1()),
        (DIGEST_SHA256, XENC11 + "mgf1sha256", hashes.SHA256(), hashes.SHA256()),
        (XENC + "sha512", XENC11 + "mgf1sha512", hashes.SHA512(), hashes.SHA512()),
    ],
)
@pytest.mark.parametrize("label", [None, b"a label"])
def test_oaep_with_parameters(
    digest: str | None, mgf: str | None, hash_digest: Any, hash_mgf: Any, label: bytes | None
) -> None:
    oaep = padding.OAEP(padding.MGF1(hash_mgf), hash_digest, label)
    d = decrypted(message(transport=ENC_RSA_OAEP, oaep=oaep, digest=digest, mgf=mgf, label=label))
    assert not d.problems
    assert (d.key_transport, d.oaep_digest, d.oaep_mgf) == ("rsa-oaep", hash_digest.name, hash_mgf.name)


def test_unknown_oaep_parameters_are_told() -> None:
    d = decrypted(message(transport=ENC_RSA_OAEP, digest="urn:x.test:digest"))
    assert set(ids(d)) == {"enc-oaep-params", "enc-key-transport"}
    assert d.document is None


def test_rsa15_is_refused_and_opened_for_a_diagnosis_only() -> None:
    r = message(transport=ENC_RSA_15)
    strict = decrypted(r)
    assert (ids(strict), strict.plaintext, strict.key_transport) == (["enc-key-transport"], None, "rsa-1_5")
    lenient = decrypted(r, expecting(policy=DIAGNOSE))
    assert lenient.document is not None
    assert [(p.check, p.severity) for p in lenient.problems] == [("enc-key-transport", "warning")]


def test_all_our_keys_are_tried_for_all_recipients() -> None:
    stranger = rsa_signer("stranger").key.public_key()
    r = message(recipients=[stranger, OUR_KEY.key.public_key()])
    d = decrypted(r, expecting(OLD_KEY, OUR_KEY))
    assert not d.problems
    assert d.key_fingerprint == key_fingerprint(OUR_KEY.key.public_key())


def test_a_recipient_with_an_unsupported_method_does_not_count_against_ours() -> None:
    r = message(recipients=[rsa_signer("stranger").key.public_key(), OUR_KEY.key.public_key()])
    first = next(r.iter(q(XENC, "EncryptedKey")))
    first[0].set("Algorithm", "urn:x.test:kem")
    assert not decrypted(r).problems


def test_no_key_and_wrong_key() -> None:
    r = message(certificate=OUR_KEY.der)
    none = decrypted(r, Expectation())
    assert ids(none) == ["enc-key-available"]
    assert "no decryption key is configured" in none.problems[0].message
    assert none.recipients == ("CN=idp.corp.test",)
    wrong = decrypted(r, expecting(OLD_KEY))
    assert ids(wrong) == ["enc-key-available"]
    assert "older certificate" in wrong.problems[0].message
    other_size = decrypted(r, expecting(rsa_signer("big", 3072)))
    assert "2048 bits" in other_size.problems[0].message


def test_triple_des_is_refused() -> None:
    assert ids(decrypted(message(method=ENC_3DES_CBC))) == ["enc-block-alg"]


def _flip(at: int) -> Callable[[bytes], bytes]:
    return lambda c: c[:at] + bytes([c[at] ^ 1]) + c[at + 1 :]


@pytest.mark.parametrize(
    ("knobs", "check"),
    [
        ({"damage": _flip(20)}, "enc-gcm-length"),
        ({"damage": _flip(0)}, "enc-gcm-length"),
        ({"damage": lambda c: c[:-12]}, "enc-gcm-length"),
        ({"damage": lambda c: c[4:]}, "enc-gcm-length"),
        ({"damage": lambda c: c[:28]}, "enc-gcm-length"),
        ({"method": ENC_AES_128_CBC, "pad": 0}, "enc-plaintext-type"),
        ({"method": ENC_AES_128_CBC, "pad": 17}, "enc-plaintext-type"),
        ({"method": ENC_AES_128_CBC, "damage": lambda c: c[:-1]}, "enc-plaintext-type"),
        ({"method": ENC_AES_128_CBC, "damage": lambda c: c[:16]}, "enc-plaintext-type"),
    ],
)
def test_damaged_ciphertext(knobs: dict[str, Any], check: str) -> None:
    d = decrypted(message(**knobs))
    assert check in ids(d)
    assert d.document is None
    assert d.public_message == PUBLIC_SENTENCE


def test_cbc_with_a_flipped_bit_never_verifies() -> None:
    d = decrypted(message(method=ENC_AES_128_CBC, damage=_flip(200)))
    if d.document is not None:
        v = verify_signatures(d.document, expecting(), NOW, root_kind="assertion")
        assert v.signed_assertion is None
    else:
        assert {"enc-plaintext-type", "enc-plaintext-hardening"} & set(ids(d))


def test_every_failure_looks_the_same_from_outside() -> None:
    failures = [
        decrypted(message(damage=_flip(30))),
        decrypted(message(method=ENC_AES_128_CBC, pad=17)),
        decrypted(message(plaintext=b"no xml")),
        decrypted(message(), expecting(OLD_KEY)),
        decrypted(message(transport=ENC_RSA_15)),
    ]
    assert {d.public_message for d in failures} == {PUBLIC_SENTENCE}
    assert len({d.problems[-1].message for d in failures}) == 5, "in the window each has words of its own"


def _data(r: etree._Element) -> etree._Element:
    return next(r.iter(q(XENC, "EncryptedData")))


def _key(r: etree._Element) -> etree._Element:
    return next(r.iter(q(XENC, "EncryptedKey")))


def _info(r: etree._Element) -> etree._Element:
    return next(r.iter(q(DS, "KeyInfo")))


def _no_key(r: etree._Element) -> None:
    _info(r).remove(_key(r))


def _many_keys(r: etree._Element) -> None:
    for _ in range(499):
        _info(r).append(copy.deepcopy(_key(r)))


def _reference(r: etree._Element) -> None:
    holder = next(_data(r).iterchildren(q(XENC, "CipherData")))
    holder.remove(holder[0])
    text(holder, XENC, "CipherReference", URI="http://127.0.0.1:9/c")


def _loop(r: etree._Element) -> None:
    text(text(_key(r), DS, "KeyInfo"), DS, "RetrievalMethod", URI="#_ek0")


def _nested_key(r: etree._Element) -> None:
    text(_info(r), DS, "KeyName").append(_key(r))


STRUCTURE: dict[str, tuple[str, Callable[[etree._Element], object]]] = {
    "no EncryptedKey": ("enc-structure", _no_key),
    "500 EncryptedKeys": ("enc-structure", _many_keys),
    "loop": ("enc-structure", _loop),
    "dangling RetrievalMethod": ("enc-structure", lambda r: text(_info(r), DS, "RetrievalMethod", URI="#_x")),
    "key elsewhere": ("enc-structure", _nested_key),
    "two EncryptedData": ("enc-structure", lambda r: _data(r).addnext(copy.deepcopy(_data(r)))),
    "foreign child": ("enc-structure", lambda r: text(the(r, "saml:EncryptedAssertion"), "urn:x.test", "x")),
    "no method": ("enc-structure", lambda r: _data(r).remove(_data(r)[0])),
    "two EncryptedAssertions": (
        "enc-structure",
        lambda r: r.append(copy.deepcopy(the(r, "saml:EncryptedAssertion"))),
    ),
    "not in the Response": (
        "enc-structure",
        lambda r: text(r, "urn:x.test", "x").append(the(r, "saml:EncryptedAssertion")),
    ),
    "value is not base64": ("enc-structure", lambda r: setattr(_data(r)[-1][0], "text", "!!!")),
    "CipherReference": ("enc-no-external", _reference),
    "far RetrievalMethod": (
        "enc-no-external",
        lambda r: text(_info(r), DS, "RetrievalMethod", URI="http://127.0.0.1:9/k"),
    ),
    "RetrievalMethod of a certificate": (
        "enc-no-external",
        lambda r: text(_info(r), DS, "RetrievalMethod", URI="#_ek0", Type=DS + "X509Data"),
    ),
    "mixed": ("enc-not-mixed", lambda r: r.append(build_assertion())),
    "unknown block method": ("enc-block-alg", lambda r: _data(r)[0].set("Algorithm", "urn:x.test:cipher")),
    "unknown transport": ("enc-key-transport", lambda r: _key(r)[0].set("Algorithm", "urn:x.test:kem")),
    "key of the wrong length": ("enc-key-available", lambda r: _data(r)[0].set("Algorithm", ENC_AES_128_GCM)),
}


@pytest.mark.parametrize("name", STRUCTURE)
def test_refused_structure(name: str) -> None:
    check, edit = STRUCTURE[name]
    r = message()
    edit(r)
    d = decrypted(r)
    assert check in ids(d)
    assert (d.plaintext, d.document) == (None, None)


def test_type_content_is_refused_and_a_missing_type_is_not() -> None:
    assert ids(decrypted(message(kind=XENC + "Content"))) == ["enc-structure"]
    assert not decrypted(message(kind=None)).problems


GOOD = xml(build_assertion())
DTD = b"<!DOCTYPE x [<!ENTITY e 'y'>]>"


@pytest.mark.parametrize(
    ("plaintext", "check"),
    [
        (GOOD + GOOD, "enc-plaintext-type"),
        (b"just text", "enc-plaintext-type"),
        (b" ", "enc-plaintext-type"),
        (xml(build()), "enc-plaintext-type"),
        (xml(encrypted(GOOD)), "enc-plaintext-type"),
        (GOOD.replace(b"</saml:Assertion>", GOOD + b"</saml:Assertion>"), "enc-plaintext-type"),
        (GOOD.replace(b' xmlns:saml="' + SAML.encode() + b'"', b""), "enc-plaintext-type"),
        (GOOD.replace(SAML.encode(), b"urn:oasis:names:tc:SAML:1.0:assertion"), "enc-plaintext-type"),
        (DTD + GOOD, "enc-plaintext-hardening"),
        (GOOD.replace(b'ID="_a1"', b'ID="_r1"'), "enc-plaintext-hardening"),
        (GOOD.replace(b"Ada Ng", b"<x>" * 70 + b"</x>" * 70), "enc-plaintext-hardening"),
    ],
)
def test_refused_plaintext(plaintext: bytes, check: str) -> None:
    d = decrypted(message(plaintext=plaintext))
    assert ids(d) == [check]
    assert d.document is None
    assert d.plaintext == plaintext, "the window may show what it was"


def test_lost_namespace_context_is_named() -> None:
    """The IdP encrypted a substring whose declarations stayed on the outer document (oddities.md)."""
    lost = GOOD.replace(b' xmlns:saml="' + SAML.encode() + b'"', b"")
    assert "namespace prefix that it does not declare" in decrypted(message(plaintext=lost)).problems[0].message


def test_xml_declaration_in_the_plaintext_is_accepted() -> None:
    assert decrypted(message(plaintext=b'<?xml version="1.0" encoding="UTF-8"?>\n' + GOOD)).document is not None


def test_findings_inside_the_plaintext_are_kept() -> None:
    d = decrypted(message(plaintext=GOOD.replace(b"ada@", b"ada<!-- -->@")))
    assert "xml-comments" in ids(d)


ENCRYPTED = xml(message())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_changed_byte_gives_the_same_plaintext_or_none(data: st.DataObject) -> None:
    whole = bytearray(ENCRYPTED)
    where = data.draw(st.integers(0, len(whole) - 1))
    whole[where] = data.draw(st.integers(0, 255))
    document = parse(bytes(whole)).document
    found = decrypt(document, expecting()) if document else None
    genuine = decrypted(etree.fromstring(ENCRYPTED)).plaintext
    assert found is None or found.document is None or found.plaintext == genuine
