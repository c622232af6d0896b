"""What the encryption checks say of whole messages."""

from __future__ import annotations

import copy

import pytest
from lxml import etree

from app.saml.certificates import key_fingerprint
from app.saml.encryption import PUBLIC_SENTENCE
from app.saml.expectation import Policy
from app.saml.names import (
    DIGEST_SHA256,
    ENC_AES_256_CBC,
    ENC_RSA_15,
    ENC_RSA_OAEP,
    SAML,
    XENC,
    q,
)
from tests.saml.checks.judging import DIAGNOSE, failed, judge, said, status
from tests.saml.encryption_samples import OUR_KEY, encrypted, replace_assertion
from tests.saml.signing_samples import build, build_assertion, forged, rsa_signer, sign, the, xml
from tests.saml.test_encryption import STRUCTURE, message
from tests.saml.verifying import assertion_signed


def test_signed_then_encrypted() -> None:
    report = judge(message())
    assert report.verdict == "accept", report.failures
    assert report.name_id_provenance == "signed-by-assertion"
    assert "of its own" in said(report, "enc-signature-required").message
    assert status(report, "enc-gcm-length") == "pass"
    assert report.accept().name_id == "ada@corp.test"


def test_encrypted_and_the_response_signed() -> None:
    r = message(xml(build_assertion()))
    sign(r)
    report = judge(r)
    assert report.verdict == "accept", report.failures
    assert report.name_id_provenance == "signed-by-response"
    assert "covers the encrypted data" in said(report, "enc-signature-required").message


def test_encrypted_but_unsigned() -> None:
    report = judge(message(xml(forged(build_assertion()))))
    assert "enc-signature-required" in failed(report)
    assert report.verdict == "reject"
    assert report.name_id_provenance == "unsigned"


def test_encrypted_and_signed_by_somebody_else() -> None:
    a = forged(build_assertion())
    sign(a, rsa_signer("attacker"))
    report = judge(message(xml(a)))
    assert {"enc-signature-required", "signature-key-trusted"} <= failed(report)


@pytest.mark.parametrize("name", STRUCTURE)
def test_refused_structure_is_reported_by_its_check(name: str) -> None:
    check, edit = STRUCTURE[name]
    r = message()
    edit(r)
    report = judge(r)
    assert check in failed(report)
    assert report.verdict == "reject"


def test_forged_plain_assertion_beside_a_good_encrypted_one() -> None:
    r = message()
    r.append(forged(build_assertion()))
    assert "enc-not-mixed" in failed(judge(r))


def test_encrypted_forgery_beside_a_good_plain_one() -> None:
    r = assertion_signed()
    r.append(encrypted(xml(forged(build_assertion()))))
    assert "enc-not-mixed" in failed(judge(r))


def test_cbc() -> None:
    r = message(method=ENC_AES_256_CBC)
    allowed = judge(r)
    assert (allowed.verdict, status(allowed, "enc-block-alg")) == ("accept", "warn")
    assert status(allowed, "enc-gcm-length") == "not-applicable"
    refused = judge(r, policy=Policy(allow_cbc=False))
    assert "enc-block-alg" in failed(refused)


def test_rsa15() -> None:
    r = message(transport=ENC_RSA_15)
    assert "enc-key-transport" in failed(judge(r))
    lenient = judge(r, policy=DIAGNOSE)
    assert (lenient.verdict, status(lenient, "enc-key-transport")) == ("accept", "warn")


def test_wrong_key() -> None:
    report = judge(message(recipients=[rsa_signer("stranger").key.public_key()]))
    assert "enc-key-available" in failed(report)
    assert status(report, "enc-plaintext-type") == "skipped"
    assert status(report, "signature-present") == "skipped"
    assert report.verdict == "reject"


def test_oaep_parameters_are_shown() -> None:
    assert status(judge(message()), "enc-oaep-params") == "info"
    assert "MGF1 with sha1" in said(judge(message()), "enc-oaep-params").message
    unknown = judge(message(transport=ENC_RSA_OAEP, digest=DIGEST_SHA256, mgf="urn:x.test:mgf"))
    assert status(unknown, "enc-oaep-params") == "info"
    assert "enc-key-transport" in failed(unknown)


def test_plaintext_is_hardened() -> None:
    same_id = xml(build_assertion()).replace(b'ID="_a1"', b'ID="_r1"')
    assert "enc-plaintext-hardening" in failed(judge(message(same_id)))
    assert "enc-plaintext-type" in failed(judge(message(xml(build()))))
    assert "enc-gcm-length" in failed(judge(message(damage=lambda c: c[:-1])))


def test_public_sentence() -> None:
    report = judge(message(damage=lambda c: c[:-1]))
    assert PUBLIC_SENTENCE in said(report, "enc-error-uniform").message


def test_encrypted_id_is_told() -> None:
    r = build()
    a = the(r, "saml:Assertion")
    assert status(judge(assertion_signed()), "enc-nameid") == "pass"
    subject = the(a, "saml:Subject")
    wrapper = etree.Element(q(SAML, "EncryptedID"))
    wrapper.append(copy.deepcopy(next(encrypted(b"<x/>").iter(q(XENC, "EncryptedData")))))
    subject.replace(subject[0], wrapper)
    sign(a)
    report = judge(r)
    assert status(report, "enc-nameid") == "info"
    assert report.verdict == "reject"


def test_our_key_is_named() -> None:
    report = judge(replace_assertion(build(), encrypted(xml(build_assertion()))))
    assert said(report, "enc-key-available").actual == key_fingerprint(OUR_KEY.key.public_key())
