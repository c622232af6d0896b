"""What the signature checks say of whole messages."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from app.saml.checks import registered
from app.saml.expectation import Policy, TrustedKey
from app.saml.names import C14N_EXCLUSIVE, C14N_INCLUSIVE, DS, TRANSFORM_ENVELOPED
from tests.saml.checks.judging import DIAGNOSE, failed, judge, said, status
from tests.saml.signing_samples import (
    Signer,
    build,
    certificate,
    forged,
    rsa_key_value,
    rsa_signer,
    sign,
    text,
    the,
)
from tests.saml.test_xmldsig import STRUCTURE
from tests.saml.verifying import assertion_signed, response_signed

CATALOGUE = {
    "signature": {
        *("present", "policy", "all-verified", "position", "single", "structure", "no-object", "reference-count"),
        *("reference-uri", "reference-target", "transforms", "c14n", "prefixlist", "no-comments", "digest", "value"),
        *("c14n-failure", "binding", "key-trusted", "key-match", "keyinfo-children", "keyinfo-consistent"),
        *("keyinfo-mismatch", "same-key", "envelope-unsigned", "agreement"),
    },
    "crypto": {
        *("sigalg", "digest", "sha1", "md5", "no-hmac", "hmac-length", "rsa-size", "rsa-exponent", "ec-curve"),
        *("alg-key-type", "dsa"),
    },
    "cert": {
        *("parse", "validity", "expiring", "lifetime", "usage", "chain", "hash-weak", "known-test-key"),
        "fingerprint-alg",
    },
    "enc": {
        *("structure", "no-external", "key-available", "key-transport", "oaep-params", "block-alg", "gcm-length"),
        *("plaintext-type", "plaintext-hardening", "signature-required", "not-mixed", "error-uniform", "nameid"),
    },
}


def test_the_whole_catalogue_is_registered() -> None:
    for prefix, names in CATALOGUE.items():
        assert {i for i in registered() if i.startswith(f"{prefix}-")} == {f"{prefix}-{n}" for n in names}


def test_every_check_explains_itself() -> None:
    for c in registered().values():
        if c.group in ("signature", "crypto", "certificate", "encryption"):
            assert len(c.explanation) > 40, c.id
            assert c.cites, c.id
            assert not c.title.endswith("."), c.id


def both_signed() -> etree._Element:
    r = assertion_signed()
    sign(r)
    return r


@pytest.mark.parametrize("make", [assertion_signed, response_signed, both_signed])
def test_controls(make: Any) -> None:
    report = judge(make())
    assert report.verdict == "accept", report.failures
    assert report.accept().name_id == "ada@corp.test"
    assert {f.status for f in report.signatures} == {"valid"}
    assert "verified by both implementations" in said(report, "signature-all-verified").message


def test_nothing_signed() -> None:
    report = judge(build())
    assert "signature-present" in failed(report)
    assert status(report, "signature-digest") == "not-applicable"
    assert report.verdict == "reject"


def test_nothing_signed_and_no_assertion_either() -> None:
    r = build()
    r.remove(the(r, "saml:Assertion"))
    assert "signature-present" in failed(judge(r))
    the(r, "samlp:Status", "samlp:StatusCode").set("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")
    assert status(judge(r), "signature-present") == "not-applicable"


def test_signed_elsewhere_only() -> None:
    r = build()
    subject = the(r, "saml:Assertion", "saml:Subject")
    subject.set("ID", "_s9")
    sign(subject, position=0)
    assert {"signature-present", "signature-position"} <= failed(judge(r))


@pytest.mark.parametrize("name", STRUCTURE)
def test_refused_structure_is_reported_by_its_check(name: str) -> None:
    check, make = STRUCTURE[name]
    report = judge(etree.fromstring(make()))
    assert check in failed(report)
    assert report.verdict == "reject"
    assert said(report, check).where


@pytest.mark.parametrize(
    ("wanted", "make", "fails"),
    [
        ("assertion", response_signed, True),
        ("response", assertion_signed, True),
        ("both", assertion_signed, True),
        ("both", both_signed, False),
        ("either", response_signed, False),
        ("assertion", assertion_signed, False),
    ],
)
def test_policy(wanted: Any, make: Any, fails: bool) -> None:
    strict = judge(make(), policy=Policy(signed_part=wanted))
    assert ("signature-policy" in failed(strict)) is fails
    lenient = judge(make(), policy=Policy(name="diagnose", signed_part=wanted))
    assert status(lenient, "signature-policy") == ("warn" if fails else "pass")
    assert lenient.verdict == "accept"


def test_bad_inner_signature() -> None:
    r = assertion_signed(signer=rsa_signer("attacker"))
    sign(r)
    report = judge(r)
    assert {"signature-all-verified", "signature-key-trusted"} <= failed(report)
    assert report.verdict == "reject"


def test_tampering() -> None:
    r = assertion_signed()
    forged(r)
    report = judge(r)
    assert "signature-digest" in failed(report)
    assert status(report, "signature-value") == "pass"
    assert status(report, "signature-binding") == "skipped"
    assert status(report, "signature-agreement") == "not-applicable"
    assert report.name_id_provenance == "unsigned"


def test_unknown_key() -> None:
    report = judge(assertion_signed(signer=rsa_signer("next")))
    assert "signature-key-trusted" in failed(report)
    assert status(report, "signature-value") == "pass"
    assert status(report, "signature-key-match") == "info"


def test_wrong_value() -> None:
    attacker = Signer(rsa_signer("attacker").key, rsa_signer().certificate)
    report = judge(assertion_signed(signer=attacker))
    assert "signature-value" in failed(report)
    assert status(report, "signature-key-trusted") == "skipped"


def test_nothing_configured_is_unknown() -> None:
    report = judge(assertion_signed(), trusted_keys=())
    assert report.verdict == "unknown"
    assert status(report, "signature-key-trusted") == "skipped"
    assert status(report, "signature-value") == "pass"
    assert "inside the message" in said(report, "signature-value").message
    without_key = judge(assertion_signed(key_info=None), trusted_keys=())
    assert status(without_key, "signature-value") == "skipped"


def test_inclusive_canonicalisation() -> None:
    r = assertion_signed(transforms=(TRANSFORM_ENVELOPED, C14N_INCLUSIVE), method=C14N_INCLUSIVE)
    assert {"signature-c14n", "signature-transforms"} <= failed(judge(r))
    lenient = judge(r, policy=DIAGNOSE)
    assert (status(lenient, "signature-c14n"), status(lenient, "signature-transforms")) == ("warn", "warn")
    assert lenient.verdict == "accept"
    foreign = assertion_signed(transforms=(TRANSFORM_ENVELOPED, "urn:x.test:t"))
    assert "signature-transforms" in failed(judge(foreign, policy=DIAGNOSE))


def test_empty_uri() -> None:
    r = response_signed(uri="")
    assert "signature-reference-uri" in failed(judge(r))
    assert status(judge(r, policy=DIAGNOSE), "signature-reference-uri") == "warn"


def test_renewed_certificate_of_the_same_key_warns() -> None:
    renewed = Signer(rsa_signer().key, certificate(rsa_signer().key))
    report = judge(assertion_signed(signer=renewed))
    assert status(report, "signature-keyinfo-mismatch") == "warn"
    assert report.verdict == "accept"


def test_key_value_beside_another_certificate() -> None:
    def both(info: etree._Element) -> None:
        text(text(info, DS, "X509Data"), DS, "X509Certificate", rsa_signer().der)
        rsa_key_value(rsa_signer("attacker"))(info)

    assert "signature-keyinfo-consistent" in failed(judge(assertion_signed(key_info=both)))


def test_two_keys_of_one_idp_in_one_message() -> None:
    r = assertion_signed()
    sign(r, rsa_signer("next"))
    report = judge(r, rsa_signer(), rsa_signer("next"))
    assert status(report, "signature-same-key") == "warn"
    assert report.verdict == "accept"
    assert status(judge(both_signed()), "signature-same-key") == "pass"


def test_unsigned_envelope_is_told() -> None:
    assert status(judge(assertion_signed()), "signature-envelope-unsigned") == "info"
    assert status(judge(response_signed()), "signature-envelope-unsigned") == "pass"


def test_which_key_matched() -> None:
    keys = (TrustedKey(rsa_signer("next").certificate, "old metadata"), TrustedKey(rsa_signer().certificate, "file"))
    message = said(judge(assertion_signed(), trusted_keys=keys), "signature-key-match").message
    assert "key 2 of 2" in message
    assert "file" in message


def test_our_verifier_alone_says_so() -> None:
    report = judge(assertion_signed(), verifiers="ours")
    assert status(report, "signature-agreement") == "info"
    assert report.verdict == "accept"


def test_prefix_list_is_fine() -> None:
    r = assertion_signed(prefixes=("saml",), transforms=(TRANSFORM_ENVELOPED, C14N_EXCLUSIVE))
    assert judge(r).verdict == "accept"
